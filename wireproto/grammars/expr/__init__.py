"""Expressions of a grammar and the table of its rules: what every other folder of grammars is written in.

It must not know JSON, dialects and engines.
Law: an expression is a frozen value; a rule has one name and is given once.
"""
