"""The values that people hold: messages, calls, events, diagnoses, errors, the policy, types of documents.

It must not know anything else of the package: every folder may import this one.
Law: a value is frozen; what it says of a text stays true.
"""
