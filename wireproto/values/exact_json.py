"""JSON of values that hold `Decimal`, which the standard library does not write.

Law: a `Decimal` is written with all its digits, and everything else as `json.dumps` writes it.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

# The JSON that is read and written here nests no deeper.
MAX_DEPTH: Final = 200


def written(value: Any, depth: int = 0) -> str:
    """Return the value as JSON with its characters unescaped; ValueError or TypeError for what JSON cannot carry."""
    if depth > MAX_DEPTH:
        raise ValueError("the value is nested too deeply for JSON")
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not JSON")
        return str(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(key, ensure_ascii=False)}: {written(item, depth + 1)}" for key, item in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(written(item, depth + 1) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
