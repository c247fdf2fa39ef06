"""Messages and their calls, and how a model that knows the format writes them.

Law: what is written plainly follows the dialect's templates, whatever a reader makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Final

from wireproto.testing.generators.choices import Choices
from wireproto.testing.generators.tools import declared, draw_key, draw_name
from wireproto.testing.generators.values import MILD, Material, draw_hostile, draw_json, draw_string, draw_value
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call, Message, Segment, Span
from wireproto.write.encoder import write_plainly

# Most calls have no id, since a format that ties the id to the name has to refuse any other.
_IDS: Final = (None, None, None, "call00001", "functions.a:0", "toolu_01")


def draw_calls(choices: Choices, material: Material) -> tuple[Call, ...]:
    """Draw up to three calls of the tools with arguments of the declared types; of any names if `tools` is None."""
    if material.tools is None:
        return tuple(_free_call(choices, material) for _ in choices.times(3, 5))
    if not material.tools:
        return ()
    known = declared(material.tools)
    return tuple(_declared_call(choices, material, *choices.choice(known)) for _ in choices.times(3, 5))


def _free_call(choices: Choices, material: Material) -> Call:
    arguments: dict[str, Any] = {}
    for _ in choices.times(3):
        key = draw_key(choices)
        arguments[key] = draw_json(choices, material) if choices.one_in(3) else draw_string(choices, material)
    return Call(draw_name(choices), arguments, choices.choice(_IDS))


def _declared_call(choices: Choices, material: Material, name: str, properties: dict[str, Any]) -> Call:
    arguments = {
        key: draw_value(choices, schema, material) for key, schema in properties.items() if choices.integer(0, 3)
    }
    return Call(name, arguments, choices.choice(_IDS))


def draw_message(choices: Choices, material: Material) -> Message:
    """Draw calls with text and reasoning before them, or text between them; many of these a dialect has to refuse."""
    text, reasoning = _around(choices, material), ""
    if material.dialect.reasoning is not None and choices.one_in(3):
        reasoning = _around(choices, material)
    calls = draw_calls(choices, material)
    if calls and choices.one_in(6):
        # In a message of segments the line breaks before its calls are those that a template writes there.
        return _in_order([text.rstrip("\n"), *(_around(choices, material) for _ in calls)], calls)
    return Message(text=text, reasoning=reasoning, calls=calls)


class _Source(str):
    """The text that segments of a message point into, which was not decoded from any."""

    __slots__ = ()

    def slice(self, start: int, end: int) -> str:
        """Return the characters from `start` up to `end`."""
        return self[start:end]


def _in_order(texts: Sequence[str], calls: Sequence[Call]) -> Message:
    """Return a message with text before each call and after the last one."""
    source = _Source("\0".join(texts))  # a call is as long as one character
    segments, placed, at = [], [], 0
    for text, call in zip_longest(texts, calls):
        end = at + len(text)
        if text:
            segments.append(Segment("text", Span(at, end), None, source))
        if call is not None:
            segments.append(Segment("call", Span(end, end + 1), None, source))
            placed.append(replace(call, span=segments[-1].span))
        at = end + 1
    return Message(text="".join(texts), calls=tuple(placed), segments=tuple(segments))


def _around(choices: Choices, material: Material) -> str:
    return draw_hostile(choices, material) if choices.one_in(3) else choices.choice(MILD)


def written(message: Message, material: Material) -> str:
    """Write a message plainly; of one that the format has no place for, as much as can be written."""
    parts = [Message(text=message.text), *(Message(calls=(call,)) for call in message.calls)]
    found = []
    for part in [message, *parts]:
        try:
            found.append(write_plainly(part, material.dialect, material.known))
        except EncodeError:
            continue
        if part is message:
            break
    return "".join(found)
