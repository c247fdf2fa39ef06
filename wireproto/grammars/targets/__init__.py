"""The printers: rules as GBNF, as Lark for llguidance, as EBNF and structural tags for xgrammar.

It must not know dialects, schemas and codecs.
Law: what an engine cannot express is narrowed, never widened.
"""
