"""`wp.grammar`, the requests that servers take, random texts of a grammar, and the check that they decode.

It must not know how rules are made or printed.
Law: the same tools and options give the same grammar.
"""
