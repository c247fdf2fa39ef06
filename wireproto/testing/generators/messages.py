"""Messages and their calls, and how a model that knows the format writes them.

Law: what is written plainly follows the dialect's templates, whatever a reader makes of it.
"""

from __future__ import annotations

from typing import Any, Final

from wireproto.testing.generators.choices import Choices
from wireproto.testing.generators.tools import declared, draw_key, draw_name
from wireproto.testing.generators.values import MILD, Material, draw_hostile, draw_json, draw_string, draw_value
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call, Message
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
    """Draw calls with text and reasoning around them; many of these a dialect has to refuse."""
    text, reasoning = _around(choices, material), ""
    if material.dialect.reasoning is not None and choices.one_in(3):
        reasoning = _around(choices, material)
    return Message(text=text, reasoning=reasoning, calls=draw_calls(choices, material))


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
