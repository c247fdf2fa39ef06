"""Grammars for constrained decoding: JSON Schema and formats as expressions, and their text for one engine or another.

It must not know the decoder, and the decoder must not know it: both follow the same dialect. Law: a strict grammar
accepts no text whose value its schema refuses; what it cannot say it refuses to be (`GrammarError`).
"""
