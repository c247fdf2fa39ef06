"""What decoding is made of, shared by all readers: transcript, regions, left context, openers of calls, builders.

It must not know how any codec writes arguments.
Law: what was emitted is never taken back; only what stands behind a savepoint is.
"""
