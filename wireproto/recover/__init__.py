"""What a harness can do about an output: label it, find its markers, and write the message for a retry.

It must not know how decoding works; it asks the decoder.
Law: nothing here executes: it names, and it suggests.
"""
