"""The decoder: text in, events out; the openers that are live, speculation, and the second look at plain text.

It must not know how arguments are written and how grammars are made.
Law: the result depends on the text alone, not on how it was cut into chunks.
"""
