"""What decoding is made of, shared by all readers: transcript, regions, live openers, left context, builders.

It must not know how any codec writes arguments.
Law: what was emitted is never taken back; only what stands behind a savepoint is.
"""
