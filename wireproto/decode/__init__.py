"""The decoder: text in, events out; the recogniser, speculation, and the stages around it.

It must not know how arguments are written and how grammars are made.
Law: the result depends on the text alone, not on how it was cut into chunks.
"""
