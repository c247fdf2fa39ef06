"""JSON Schema as sets of values, and those sets written as rules of a grammar.

It must not know dialects and engines; how a value is spelled is a notation that codecs may replace.
Law: no rule admits a value that the schema refuses.
"""
