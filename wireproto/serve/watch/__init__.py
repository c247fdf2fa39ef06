"""What the proxy shows of itself to those who run it: counters and spans.

It must not know requests or answers. Law: nothing that a client, a tool or a model wrote is in it, and no header.
"""
