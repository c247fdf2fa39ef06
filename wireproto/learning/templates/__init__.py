"""`wp.learn`: a dialect file from a chat template, which is rendered in a process of its own, compared and judged.

It must not know any format. Law: a template is a stranger's program: nothing of it runs here, and what it writes, and
how long it takes, is bounded.
"""
