"""Grammars for constrained decoding: from a dialect and tools to rules, and rules to the text of an engine.

It must not know the decoder, and the decoder must not know it: both follow the same dialect.
Law: a strict grammar accepts no text whose value its schema refuses; what it cannot say it refuses (`GrammarError`).
"""
