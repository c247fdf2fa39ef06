"""Calls as JSON: a record with the name, or the arguments behind a header that holds it.

It must not know how they are read. Law: strict JSON, and the members in the order of the template.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, Literal

from wireproto.format.dialect import Argument, Dialect
from wireproto.text.json_repair import dumps
from wireproto.tools.toolset import Tool
from wireproto.values.model import Call

Piece = tuple[Literal["text", "arguments", "id"], str]  # of a record: its text, or what stands in this place
_INDENT: Final = 4
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "compact": {"ensure_ascii": False, "separators": (",", ":")},
    "ascii": {},
    "indented": {"ensure_ascii": False, "indent": _INDENT},
}


def write_call(dialect: Dialect, call: Call, tool: Tool, index: int, escaped: bool) -> str:
    """Write one call as the model's own chat template does."""
    del tool, escaped  # JSON says its types itself and has its own escapes
    shape, identity, opener = dialect.call, call.id, dialect.call.open
    number = str(shape.first_index + index)
    if shape.id:
        identity = identity or shape.id[0].format(name=call.name, index=number)
    if identity is not None:
        opener = next((also for also in (shape.open, *shape.also) if "id" in also.roles), shape.open)
    if not opener.roles:
        given = {"arguments": _spelled(dialect, call.arguments, 1), "id": dumps(identity)[1:-1]}
        pieces = record_pieces(dialect, call.name, identity is not None)
        payload = "".join(text or given[place] for place, text in pieces)
        return shape.open.format() + payload + shape.close.format()
    # Where a header has to have an id, one is made.
    head = opener.format(name=call.name, id=identity or f"call{number:0>5}", index=number)
    return head + _spelled(dialect, call.arguments, 0) + shape.close.format()


def record_pieces(dialect: Dialect, name: str, has_id: bool) -> Iterator[Piece]:
    """Yield the object that is a call, its members in order; the arguments and the inside of an id are places."""
    record, style = dialect.record, dialect.argument.json
    line = "\n" + _margin(dialect)
    inner = line + " " * _INDENT
    opener, comma, colon, closer = {
        "compact": ("{", ",", ":", "}"),
        "indented": ("{" + inner, "," + inner, ": ", line + "}"),
    }.get(style, ("{", ", ", ": ", "}"))
    before = opener
    for role in record.order:
        if role == "id" and not has_id:
            continue
        key = {"name": record.name, "arguments": record.arguments, "id": record.id}[role][0]
        yield "text", before + dumps(key) + colon
        if role == "name":
            yield "text", dumps(name)
        elif role == "id":
            yield from (("text", '"'), ("id", ""), ("text", '"'))
        else:
            yield "arguments", ""
        before = comma
    yield "text", closer


def _spelled(dialect: Dialect, value: Any, depth: int) -> str:
    """Return a value in the style of the dialect; `depth` is how deep it stands in the object that is the call."""
    style = dialect.argument.json
    if style == "spaced":
        return dumps(value)
    try:
        text = json.dumps(value, allow_nan=False, **OPTIONS[style])
    except (TypeError, RecursionError):
        return dumps(value)  # a `Decimal`, or what is refused
    # No string of JSON holds a line break: every one of them is followed by indentation.
    return text.replace("\n", "\n" + _margin(dialect) + " " * (_INDENT * depth)) if style == "indented" else text


def _margin(dialect: Dialect) -> str:
    """Return the indentation of the line on which a call begins."""
    opener = dialect.call.open.format() if not dialect.call.open.roles else ""
    section = dialect.section.open.format() if dialect.section is not None else ""
    last = (section + opener).rpartition("\n")[2]
    return last if not last.strip() else ""


def rules(argument: Argument) -> Iterator[str]:
    """Yield what a prompt says of values."""
    del argument  # JSON is JSON
    yield "The arguments are one JSON object; escape strings as JSON requires."
