"""Calls that no rule of the learner has seen: random names and keys, and values that are hard to write.

It must not know formats. Law: the same seed and dialect give the same calls.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Final

from wireproto.format.dialect import Dialect
from wireproto.learning.findings import NAMES, Ids, Unreadable
from wireproto.tools.toolset import Toolset
from wireproto.values.model import Call

_SCHEMA: Final = {
    "s": {"type": "string"},
    "path": {"type": "string"},
    "i": {"type": "integer"},
    "f": {"type": "number"},
    "b": {"type": "boolean"},
    "l": {"type": "array"},
    "o": {"type": "object"},
    "n": {"type": ["object", "null"]},
}
# What objects and arrays hold, for dialects in which a value in them does not show its type.
_MEMBERS: Final = {
    "a": {"type": "string"},
    "b": {"type": "integer"},
    "c": {"type": "array", "items": {"type": "boolean"}},
}
_TOLD: Final = {
    "l": {"type": "array", "items": {"type": "object", "properties": _MEMBERS}},
    "o": {"type": "object", "properties": {**_MEMBERS, "d": {"type": "object", "properties": _MEMBERS}}},
}
_PLAIN: Final = ("notes.md", "plain text", "two\nlines", "x", "def f(x):\n    return x\n")
_ODD: Final = (
    *(
        "",
        " ",
        "\n",
        "a\nb\n",
        "\n\nx",
        "  lead",
        "é“ü”漢😀",
        "\\",
        "\\n",
        '"',
        "'",
        "<b>&amp;</b>",
        "a < b > c & d",
        "{",
    ),
    *("}", "[1, 2]", "null", "true", "42", '{"a": 1}', "x = {'y': 1}", "]", ", ", "```json\n{}\n```", "\t"),
)
_ID_CHARACTERS: Final = "abcdefghijkXYZ0123456789"


def trial_tools(untold: bool = False) -> Toolset:
    """Return the tools of the trials. `untold`: values in objects and arrays have a type by their schema alone."""
    schema = {"type": "object", "properties": _SCHEMA | (_TOLD if untold else {})}
    return Toolset.of([{"name": name, "parameters": schema} for name in NAMES])


class TrialCalls:
    """Draws calls for a dialect, of the tools of the trials; strings hold its markers too.

    Values of the kinds that are `unreadable` are left out.
    """

    def __init__(
        self, dialect: Dialect, seed: int, unreadable: frozenset[Unreadable] = frozenset(), untold: bool = False
    ) -> None:
        self._unreadable, self._untold = unreadable, untold
        self._random = random.Random(seed)
        self._markers = [marker for marker in dialect.markers if marker]

    def calls(self, most: int, ids: Ids) -> list[Call]:
        """Return one call or more, but one in two times."""
        count = self._random.choice([1, 1, 2, 3]) if most > 1 else 1
        return [self._call(index, ids) for index in range(count)]

    def _call(self, index: int, ids: Ids) -> Call:
        known = [key for key in _SCHEMA if key != "n" or "null" not in self._unreadable]
        keys = self._random.sample(known, self._random.choice([0, 1, 1, 2, 3, 5]))
        arguments = {key: self._of_type(key) for key in keys}
        free = "".join(self._random.choice(_ID_CHARACTERS) for _ in range(9))
        identity = {"free": free, "counted": str(index)}.get(ids)
        return Call(self._random.choice(NAMES), arguments, identity)

    def _of_type(self, key: str) -> Any:
        draw = self._random
        if key in ("s", "path"):
            return self._string()
        if self._untold and key in _TOLD:
            return [self._members() for _ in range(draw.randint(0, 3))] if key == "l" else self._members(deep=True)
        if key == "l":
            return [self._value(1) for _ in range(draw.randint(0, 3))]
        if key == "o":
            return {name: self._value(1) for name in draw.sample("abc", draw.randint(0, 3))}
        numbers: dict[str, Sequence[Any]] = {"i": range(-9, 100), "f": (0.5, 2.25, -1e-7), "b": (True, False)}
        return draw.choice(numbers[key]) if key in numbers else None

    def _members(self, deep: bool = False) -> dict[str, Any]:
        """Return an object whose members have the types that are declared."""
        draw = self._random
        values = {"a": self._string(), "b": draw.randint(-9, 99), "c": [True, False][: draw.randint(0, 2)]}
        found = {key: values[key] for key in draw.sample("abc", draw.randint(0, 3))}
        return found | ({"d": self._members()} if deep and draw.random() < 0.5 else {})

    def _string(self) -> str:
        draw = self._random
        kind = draw.random()
        if "escapes" in self._unreadable:
            return draw.choice([text for text in (*_PLAIN, *_ODD) if not set(text) & set("\"'\\\n\t")])
        if kind < 0.35:
            return draw.choice(_PLAIN)
        if kind < 0.8 or not self._markers:
            return "".join(draw.choice(_ODD) for _ in range(draw.randint(1, 3)))
        return draw.choice(["", "see "]) + draw.choice(self._markers) + draw.choice(["", " here", "\n"])

    def _value(self, depth: int) -> Any:
        draw = self._random
        kind = draw.randrange(7 if depth < 3 else 5)
        if kind == 0:
            return self._string()
        if kind == 5:
            return [self._value(depth + 1) for _ in range(draw.randint(0, 3))]
        if kind == 6:
            return {draw.choice(["a", "b c", "é", "kq"]): self._value(depth + 1) for _ in range(draw.randint(0, 2))}
        return (draw.randint(-5, 10**6), draw.choice([0.5, -1.25, 1e-7]), draw.random() < 0.5, None)[kind - 1]
