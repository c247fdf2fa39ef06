"""Values without quotes, up to the structural closer: the automaton of what ends them, and its rules.

It must not know JSON Schema and engines.
Law: a rule admits a text exactly when the decoder takes the whole of it as the value.
"""
