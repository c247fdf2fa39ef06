"""What a harness can do about an output: classify it, find its markers, and tell the model what to repeat.

It must not know how decoding works; it asks the decoder.
Law: nothing here executes: it names, and it suggests.
"""
