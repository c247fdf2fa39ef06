"""Expressions of a grammar, the table of its rules, and automata as rules: what every other folder of grammars uses.

It must not know JSON, dialects and engines.
Law: an expression is a frozen value; a rule has one name and is given once.
"""
