"""Logs of model outputs: read, judged one output at a time, counted, and shown.

It must not know wire formats: it asks `classify`, and decodes nothing itself.
Law: memory does not grow with the logs, and a record that cannot be read is counted and named, never fatal.
"""

from __future__ import annotations
