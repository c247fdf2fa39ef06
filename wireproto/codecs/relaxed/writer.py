"""Calls with relaxed objects: compact, keys bare where they can be, strings between marks.

It must not know how they are read. Law: keys are in the order of the template; a string is written as it is, so one
that holds a mark would not come back, and `encode` refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wireproto.codecs.relaxed.literals import is_bare
from wireproto.format.dialect import Argument, Dialect
from wireproto.text.json_repair import dumps
from wireproto.tools.toolset import Tool
from wireproto.values.model import Call


def write_call(dialect: Dialect, call: Call, tool: Tool, index: int, escaped: bool) -> str:
    """Write one call as the model's own chat template does."""
    del tool, escaped  # values say their types themselves, and strings have no escapes
    shape = dialect.call
    head = shape.open.format(name=call.name, index=str(shape.first_index + index))
    return head + write_value(dialect.argument, call.arguments) + shape.close.format()


def write_value(argument: Argument, value: Any) -> str:
    """Write a value."""
    if isinstance(value, str):
        return argument.quote + value + argument.quote
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda item: item[0].lower()) if argument.sorts else value.items()
        return "{" + ",".join(f"{write_key(argument, key)}:{write_value(argument, item)}" for key, item in items) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(write_value(argument, item) for item in value) + "]"
    return "None" if value is None and argument.literals == "python-null" else dumps(value)


def write_key(argument: Argument, key: str) -> str:
    """Write a key, bare if it is read back so."""
    return key if is_bare(key) else argument.quote + key + argument.quote


def rules(argument: Argument) -> Iterator[str]:
    """Yield what a prompt says of values."""
    mark = argument.quote
    yield "The arguments are one object: bare keys, a colon, the value, and commas between, without white space."
    yield f"Every string stands between {mark} and {mark}, whatever is in it; nothing in it is escaped."
