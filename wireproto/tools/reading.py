"""Raw text as a value of one of the declared types, and the words that say why it is none.

It must not know tools: it is told the types. Law: what does not fit comes back as it was written, with a diagnosis; no
text raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from wireproto.text import json_repair
from wireproto.text.numbers import MAY_BE_FRACTION, NUMBER, whole
from wireproto.text.scan import BLANK
from wireproto.tools.types import NUMBERS, json_type
from wireproto.values.quoting import escaped

_NOUNS: Final = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}
_STRUCTURES: Final = frozenset({"object", "array"})
_TRUTH: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Typed:
    """A value as the schema reads it, and the diagnosis code (with its sentence) if that was not plain."""

    value: Any
    code: str | None = None
    message: str = ""

    def is_plainly(self, value: Any) -> bool:
        """Whether it is this very value, of this type, and nothing was odd about it."""
        return self.code is None and type(self.value) is type(value) and bool(self.value == value)


def fits(value: object, types: frozenset[str]) -> bool:
    """Whether a value is of one of the types."""
    kind = json_type(value)
    return kind in types or (kind == "integer" and "number" in types)


def read_json(text: str) -> Typed | None:
    """Return the value that JSON spells, numbers with a fraction or exponent as `Decimal`; None if it is not JSON."""
    try:
        reading = json_repair.loads(text, decimals=MAY_BE_FRACTION.search(text) is not None)
    except json_repair.Unreadable:
        return None
    # Added closers would make a value that was cut off look whole.
    if "missing-bracket" in reading.repairs:
        return None
    if not reading.repairs:
        return Typed(reading.value)
    return Typed(reading.value, "value-repaired", f"read after repairs: {', '.join(reading.repairs)}")


def is_json(text: str) -> bool:
    """Whether a text is JSON without repairs."""
    found = read_json(text)
    return found is not None and found.code is None


def read(text: str, types: frozenset[str]) -> Typed | None:
    """Return the value of a declared type other than string that `text` spells, if it spells one."""
    raw = text.strip(BLANK)
    if "null" in types and raw in ("null", "None"):
        return Typed(None)
    truth = _TRUTH.get(raw[:6].lower()) if "boolean" in types else None
    if truth is not None:
        return Typed(truth)
    if types & NUMBERS and NUMBER.fullmatch(raw):
        return read_json(raw) if "number" in types else _read_integer(raw)
    return _read_structure(raw, types & _STRUCTURES) if types & _STRUCTURES else None


def _read_integer(raw: str) -> Typed | None:
    value = whole(raw)
    return None if value is None else Typed(value)


def _read_structure(raw: str, types: frozenset[str]) -> Typed | None:
    found = read_json(raw)
    if found is None and "array" in types:
        return _read_lines(raw)
    return found if found is not None and fits(found.value, types) else None


def _read_lines(raw: str) -> Typed | None:
    """Join one array per line, as some models write a list of several elements."""
    lines = [line for line in raw.split("\n") if line.strip(BLANK)]
    joined: list[Any] = []
    for line in lines:
        found = read_json(line)
        if found is None or not isinstance(found.value, list):
            return None
        joined += found.value
    return Typed(joined, "value-repaired", f"{len(lines)} arrays, one per line, joined to one")


# Words.


def mismatched(key: str, types: frozenset[str], value: Any, shown: str) -> Typed:
    """Return a value that has none of its declared types, as it was written, with the diagnosis."""
    return Typed(value, "type-mismatch", f'"{escaped(key)}" is declared as {either(types)}, but the value is {shown}')


def either(types: frozenset[str]) -> str:
    """Return the types in words."""
    return " or ".join(noun for kind, noun in _NOUNS.items() if kind in types) or "nothing at all"


def noun(value: object) -> str:
    """Return the type of a value in words."""
    kind = json_type(value)
    return _NOUNS[kind] if kind else f"a {type(value).__name__}"
