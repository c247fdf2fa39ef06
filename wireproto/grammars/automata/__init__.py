"""Deterministic automata over code points: sets of characters, patterns, numbers, and automata as rules.

It must not know JSON Schema, dialects and engines.
Law: an automaton is canonical: two are equal exactly when their languages are.
"""
