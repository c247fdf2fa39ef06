"""Messages that every dialect has to carry: declared names, plain words, and at most one mention of a marker.

A format without escapes may refuse what looks like its markup, but not this: a lone marker between words is content
(docs/explanation/resolution.md). Law: what is drawn here is ordinary, and what is ordinary stays so without a part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from wireproto.format.dialect import Dialect
from wireproto.format.spelling import spellings
from wireproto.testing.generators.choices import ByteChoices, Choices
from wireproto.testing.generators.values import Material
from wireproto.tools.toolset import Tool, Toolset
from wireproto.values.model import Call, Message

Draw = Callable[[Choices, Material], Any]
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PLAIN: Final = re.compile(r"[A-Za-z0-9 .,=_'é\n]*")
_SAID: Final = re.compile(r"(?:[A-Za-z0-9.,_é](?:[A-Za-z0-9 .,_é\n]*[A-Za-z0-9.,_é])?)?")
_WORD: Final = re.compile(r"[A-Za-z0-9]")
_STRINGS: Final = ("a", "", "abc123", "x = 1\ny = 2\n", " a b ", "Two words.", "null", "5", "é", "\n")
_SENTENCES: Final = ("", "Sure.", "I look.", "Let me see, now.")
_MAX_INTEGER: Final = 10**6


def draw_ordinary(choices: Choices, material: Material) -> Message:
    """Draw a message with up to three calls that every dialect has to carry."""
    if material.known.any_name and _needs_names(material.dialect):
        return Message(text=choices.choice(_SENTENCES))
    tools = material.known.tools or (Tool("write_file", "", {"properties": {"path": {}, "content": {}}}),)
    usable = [tool for tool in tools if _NAME.fullmatch(tool.name)] if not material.known.empty else []
    calls = tuple(_call(choices, choices.choice(usable), material) for _ in choices.times(3, 5)) if usable else ()
    text = "" if calls and spellings(material.dialect)[0].markerless else choices.choice(_SENTENCES)
    reasoning = choices.choice(_SENTENCES) if material.dialect.reasoning is not None and choices.one_in(4) else ""
    return Message(text=text, reasoning=reasoning, calls=calls)


def plain_calls(material: Material) -> tuple[Call, ...]:
    """Return a call of each tool with an argument of every kind that is ordinary, of the plainest value."""
    choices = ByteChoices(b"")
    return tuple(
        Call(tool.name, {key: draw(choices, material) for key, draw in _ordinary_arguments(tool, material)})
        for tool in material.known.tools
        if _NAME.fullmatch(tool.name)
    )


def _call(choices: Choices, tool: Tool, material: Material) -> Call:
    arguments = _ordinary_arguments(tool, material)
    return Call(tool.name, {key: draw(choices, material) for key, draw in arguments if choices.integer(0, 3)})


def _ordinary_arguments(tool: Tool, material: Material) -> Iterator[tuple[str, Draw]]:
    """Yield the arguments that ordinary calls have, each with how its value is drawn."""
    for key in sorted(tool.keys):
        draw = _DRAWN.get(_type(tool, key, material.known.any_name))
        if draw is not None and _NAME.fullmatch(key) and not _is_ambiguous(key, material.dialect, material.known):
            yield key, draw


def _type(tool: Tool | None, key: str, any_name: bool) -> str:
    """Return the one type of an argument; empty where there are more, since then the text alone does not say which."""
    if any_name or tool is None:
        return "string"
    types = tool.types(key) if key in tool.keys else None
    return next(iter(types)) if types is not None and len(types) == 1 else ""


def _string(choices: Choices, material: Material) -> str:
    text = choices.choice(_STRINGS)
    if choices.integer(0, 2) < 2:
        return text
    marker, behind = choices.choice(material.markers), choices.choice((", mostly.", " ends it", "x"))
    return f"{text if _WORD.search(text) else 'a'}{marker}{behind}"


_DRAWN: Final[dict[str, Draw]] = {
    "string": _string,
    "integer": lambda choices, material: choices.integer(0, 999),
    "boolean": lambda choices, material: choices.one_in(2),
    "array": lambda choices, material: [choices.choice(_STRINGS[:3]) for _ in choices.times(2)],
    "object": lambda choices, material: {"a": choices.choice(_STRINGS[:3])} if choices.one_in(2) else {},
}


def is_ordinary(message: Message, dialect: Dialect, tools: Toolset) -> bool:
    """Whether a message is one that every dialect has to carry."""
    if message.segments or not all(map(_SAID.fullmatch, (message.text, message.reasoning))):
        return False
    if any(marker in message.text + message.reasoning for marker in dialect.markers):
        return False
    if message.reasoning and dialect.reasoning is None:
        return False
    if message.calls and message.text and spellings(dialect)[0].markerless:
        return False
    return all(_is_ordinary_call(call, dialect, tools) for call in message.calls)


def _needs_names(dialect: Dialect) -> bool:
    """Whether only a declared name tells a marker from text."""
    return dialect.call.open.name_only or dialect.argument.open.name_only


def _is_ambiguous(key: str, dialect: Dialect, tools: Toolset) -> bool:
    """Whether a key is also a tool's name, in a format that tells arguments from calls by nothing else."""
    return _needs_names(dialect) and tools.get(key) is not None


def _is_ordinary_call(call: Call, dialect: Dialect, tools: Toolset) -> bool:
    tool = tools.get(call.name)
    if tools.empty or call.id is not None or not call.complete or not _NAME.fullmatch(call.name):
        return False
    if tool is None and (not tools.any_name or _needs_names(dialect)):
        return False
    for key, value in call.arguments.items():
        test = _TESTS.get(_type(tool, key, tools.any_name))
        if test is None or not _NAME.fullmatch(key) or not test(value, dialect):
            return False
        if _is_ambiguous(key, dialect, tools):
            return False
    return True


def _is_ordinary_string(value: object, dialect: Dialect) -> bool:
    """Plain characters; at most one marker among them, with a word before it and one behind it.

    At the edge of a value it may be the format's own marker, written twice.
    """
    if not isinstance(value, str):
        return False
    if _is_unmarked(value, dialect):
        return True
    for marker in dialect.markers:
        before, found, after = value.partition(marker)
        parts = (before, after)
        if found and all(map(_WORD.search, parts)) and all(_is_unmarked(part, dialect) for part in parts):
            return True
    return False


def _is_unmarked(text: str, dialect: Dialect) -> bool:
    return _PLAIN.fullmatch(text) is not None and not any(marker in text for marker in dialect.markers)


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and _PLAIN.fullmatch(value) is not None


_TESTS: Final[dict[str, Any]] = {
    "string": _is_ordinary_string,
    "integer": lambda value, dialect: type(value) is int and 0 <= value < _MAX_INTEGER,
    "boolean": lambda value, dialect: isinstance(value, bool),
    "array": lambda value, dialect: isinstance(value, list) and all(map(_is_plain, value)),
    "object": lambda value, dialect: (
        isinstance(value, dict) and value.keys() <= {"a"} and all(map(_is_plain, value.values()))
    ),
}
