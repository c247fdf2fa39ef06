"""Values: plain ones, and text made of a dialect's own markers, their halves, white space, quotes and whole calls.

It must not know what a decoder makes of them. Law: a value is JSON, and what a schema's types allow it to be.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, Final

from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.format.registry import dialects
from wireproto.testing.generators.choices import Choices
from wireproto.testing.generators.tools import Tools, declared, draw_key
from wireproto.tools.toolset import Toolset
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call, Message
from wireproto.write.encoder import write_plainly

MILD: Final = ("", "Sure.", "I look.\n\n", "\nOK\n", "Let me see: ", "One < two.")
WORDS: Final = (
    "word",
    " a b ",
    "x = 1\n",
    "null",
    "true",
    "True",
    "5",
    "[1]",
    "{}",
    "&lt;",
    "&amp;",
    "&#110;ull",
    "é",
    "😀",
    "\u2028",
)
STRUCTURE: Final = (
    *("\n", " ", "\n\n", "\r\n", "\t", "`", "```", "\n```\n", "~~~\n", "<", ">", "/", "=", "|", ":", ";", "<a "),
)
_JSON: Final = ("{", "}", "[", "]", '"', "'", "\\", "\\n", "\\u00e9", "\\ud83d", ", ", '": "', '{"name": "')
_OTHER: Final = ("<![CDATA[", "]]>", "<!--", "-->", "'''", '"""', "\n+++\n", "[[x]]\n", "k = ", "# ")
_PIECES: Final = WORDS + STRUCTURE + _JSON + _OTHER
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_CHARACTERS: Final = _LETTERS + "ABZ019 .,-_\n\t\r\"'<>&\\/{}[]é😀\x00\x7f\u2028\ufeff\ud83d"
_INTEGERS: Final = (0, 1, -1, 5, 42, -7, 1_000, 2**31, 2**53 + 1, -(2**63), 2**64, 10**25)
_FLOATS: Final = (0.0, 0.5, -1.5, 3.0, 1e-7, 1e22, 123456.789, -0.0, 5e-324, 1.7976931348623157e308)
_SEED: Final = "zqz"
_TAGS: Final = re.compile(r"<[^<>]*>\s*|\[[^\[\]]*\]|[^<>\[\]]+")


class Material:
    """What texts that attack one dialect are made of, given the tools that are declared."""

    def __init__(self, dialect: Dialect, tools: Tools = None) -> None:
        self.dialect, self.tools = dialect, tools

    @cached_property
    def known(self) -> Toolset:
        """The tools, read once."""
        return Toolset.of(self.tools)

    @cached_property
    def markers(self) -> tuple[str, ...]:
        """The markers; where a format has none, what its calls begin and end with."""
        return markers_of(self.dialect)

    @cached_property
    def specimens(self) -> tuple[str, ...]:
        """Whole calls, and what stands between their values: among it a forged close with a forged call."""
        if self.tools is None:
            return _free_specimens(self.dialect)
        return _specimens(self.dialect, self.known, _signatures(self.tools))

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Openers with their slots filled and closers with the white space of the format: what a decoder believes."""
        return tuple(tag for text in self.specimens for tag in _TAGS.findall(text)) or ("",)


def markers_of(dialect: Dialect) -> tuple[str, ...]:
    """Return the markers of a dialect, or the edges of its calls if it has none."""
    # Where a format has no markers, its first characters are what a reader may stumble over.
    return dialect.markers or ('{"name": "', '"}}', '", "parameters": {"')


@cache
def foreign_markers() -> tuple[str, ...]:
    """Return the markers of all known dialects, each once."""
    return tuple(dict.fromkeys(marker for name in dialects() for marker in find_dialect(name).markers if marker))


@cache
def _free_specimens(dialect: Dialect) -> tuple[str, ...]:
    return _specimens(dialect, Toolset.of(None), [])


def _specimens(dialect: Dialect, known: Toolset, signatures: list[tuple[str, list[str]]]) -> tuple[str, ...]:
    found = [""]
    for name, keys in signatures or [("write_file", ["path", "content"])]:
        call = Call(name, dict.fromkeys(keys, _SEED))
        try:
            two = write_plainly(Message(calls=(call, call)), dialect, known)
        except EncodeError:
            continue
        found += [two, *two.split(_SEED)]
    return tuple(dict.fromkeys(found))


def _signatures(tools: Tools) -> list[tuple[str, list[str]]]:
    found = declared(tools)
    return [(name, [key for key, of in schema.items() if of.get("type") == "string"]) for name, schema in found]


def draw_hostile(choices: Choices, material: Material) -> str:
    """Draw text built from the dialect's own markers, their halves, white space, quotes, JSON and whole calls."""
    return "".join(_piece(choices, material) for _ in choices.times(10, 5))


def _piece(choices: Choices, material: Material) -> str:
    kind = choices.integer(0, 9)
    if kind < 3:
        return choices.choice(_PIECES)
    if kind < 5:
        return choices.choice(material.markers)
    if kind < 7:
        return choices.choice(material.tags)
    if kind == 7:
        return choices.choice(material.specimens)
    if kind == 8:
        marker = choices.choice(material.markers)
        at = choices.integer(1, len(marker))
        return marker[:at] if choices.one_in(2) else marker[len(marker) - at :]
    return choices.choice(foreign_markers())


def draw_plain(choices: Choices) -> str:
    """Draw text of letters, digits and signs, without a marker on purpose."""
    if not choices.integer(0, 2):
        return choices.choice(WORDS)
    pool = _CHARACTERS if choices.one_in(2) else _LETTERS
    return "".join(choices.choice(pool) for _ in choices.times(12, 8))


def draw_string(choices: Choices, material: Material) -> str:
    """Draw a string for a value: plain or hostile."""
    return draw_hostile(choices, material) if choices.integer(0, 2) else draw_plain(choices)


def draw_json(choices: Choices, material: Material, depth: int = 2) -> Any:
    """Draw any JSON value, nested at most so deep."""
    kind = choices.integer(0, 5 if depth <= 0 else 7)
    if kind == 7:
        return [draw_json(choices, material, depth - 1) for _ in choices.times(3, 3)]
    if kind == 6:
        return {draw_key(choices): draw_json(choices, material, depth - 1) for _ in choices.times(3, 3)}
    if kind < 3:
        return (None, False, True)[kind]
    return (_integer, _float, lambda given: draw_string(given, material))[kind - 3](choices)


def _integer(choices: Choices) -> int:
    return choices.choice(_INTEGERS) if choices.one_in(2) else choices.integer(0, 9_999)


def _float(choices: Choices) -> float:
    return choices.choice(_FLOATS) if choices.one_in(2) else choices.integer(0, 99_999) / 100


def _object(choices: Choices, material: Material) -> dict[str, Any]:
    return {draw_string(choices, material): draw_json(choices, material, 1) for _ in choices.times(3, 2)}


_KINDS: Final[dict[str, Callable[[Choices, Material], Any]]] = {
    "string": draw_string,
    "integer": lambda choices, material: _integer(choices),
    "number": lambda choices, material: _float(choices),
    "boolean": lambda choices, material: choices.one_in(2),
    "null": lambda choices, material: None,
    "object": _object,
}


def draw_value(choices: Choices, schema: dict[str, Any], material: Material) -> Any:
    """Draw a value of a type that the schema names; any other keyword but `enum` and `anyOf` is not looked at."""
    if "enum" in schema:
        return choices.choice(schema["enum"])
    if "anyOf" in schema:
        return draw_value(choices, choices.choice(schema["anyOf"]), material)
    kinds = schema.get("type")
    if not kinds:
        return draw_json(choices, material)
    kind = kinds if isinstance(kinds, str) else choices.choice(kinds)
    if kind == "array":
        return [draw_value(choices, schema.get("items", {}), material) for _ in choices.times(3, 3)]
    return _KINDS[kind](choices, material)
