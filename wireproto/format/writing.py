"""The tables of a dialect as the text of a file, with a comment at every key that is a guess.

It must not know formats. Law: the text loads as the tables that were written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

Tables = Mapping[str, Any]
_ORDER: Final = ("reasoning", "content", "message", "section", "call", "record", "argument", "result")


def to_toml(tables: Tables, guessed: Mapping[str, str]) -> str:
    """Return the text of a dialect file. `guessed` are reasons by key, as in `call.id`."""
    lines = [*_keys({key: value for key, value in tables.items() if not isinstance(value, Mapping)}, "", guessed)]
    names = [key for key, value in tables.items() if isinstance(value, Mapping) and value]
    for name in sorted(names, key=lambda name: _ORDER.index(name) if name in _ORDER else -1):
        lines += ["", f"[{name}]", *_keys(tables[name], f"{name}.", guessed)]
    return "\n".join(lines) + "\n"


def _keys(table: Mapping[str, Any], prefix: str, guessed: Mapping[str, str]) -> Iterator[str]:
    width = max(map(len, table), default=0)
    for key, value in table.items():
        why = guessed.get(prefix + key)
        if why is not None:
            yield f"# guessed: {' '.join(why.split())}"
        yield f"{key:<{width}} = {_spelled(value)}"


def _spelled(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_spelled, value)) + "]"
    # A basic string of TOML is one of JSON, but for a character that JSON does not escape.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
