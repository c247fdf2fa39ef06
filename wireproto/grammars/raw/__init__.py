"""Values without quotes as rules: what the machine of a dialect says of them, written for a grammar.

It must not know JSON Schema and engines, nor what ends a value: that is the machine's.
Law: a rule admits a text exactly when the automaton of the value does.
"""
