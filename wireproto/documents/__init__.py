"""Structured documents inside text: where one begins and ends, and what it parses to.

It must not know dialects, calls and streams.
Law: whatever the text, a `Document` comes back: with plain data, or with a diagnosis.
"""
