"""Logs of model outputs: read, judged one output at a time, counted, and shown.

`outputs` knows the shapes of records, `judging` what becomes of one output, `counting` the sums, `work` files and
processes, `report` the page. Nothing here decodes. Law: memory does not grow with the logs, and a record that cannot be
read is counted and named, never fatal.
"""

from __future__ import annotations
