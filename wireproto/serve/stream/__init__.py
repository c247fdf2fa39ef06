"""What a server sends while it answers: events out of bytes, chunks out of events, and what most chunks have in common.

It must not know what becomes of it. Law: what is wrong with a stream is an error in words; nothing is guessed.
"""
