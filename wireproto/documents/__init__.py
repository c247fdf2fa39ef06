"""Structured documents inside text: where one begins and ends, and what it parses to.

It must not know dialects, calls and streams.
Law: every text gives a `Document`, with plain data or with a diagnosis.
"""
