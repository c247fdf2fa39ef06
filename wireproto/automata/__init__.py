"""Deterministic automata over code points: sets of characters, patterns and numbers.

It must not know JSON Schema, dialects, grammars and engines.
Law: an automaton is canonical: two are equal exactly when their languages are.
"""
