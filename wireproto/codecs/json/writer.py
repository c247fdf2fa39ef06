"""Calls as JSON: a record with the name, or the arguments behind a header that holds it.

It must not know how they are read. Law: strict JSON, and the members in the order of the template.
"""

from __future__ import annotations

from collections.abc import Iterator

from wireproto.format.dialect import Argument, Dialect
from wireproto.text.json_repair import dumps
from wireproto.tools.toolset import Tool
from wireproto.values.model import Call


def write_call(dialect: Dialect, call: Call, tool: Tool, index: int, escaped: bool) -> str:
    """Write one call as the model's own chat template does."""
    del tool, escaped  # JSON says its types itself and has its own escapes
    shape, record, identity, opener = dialect.call, dialect.record, call.id, dialect.call.open
    if identity is not None:
        opener = next((also for also in (shape.open, *shape.also) if "id" in also.roles), shape.open)
    if not opener.roles:
        tail = "" if identity is None else f", {dumps(record.id[0])}: {dumps(identity)}"
        payload = f"{record_head(dialect, call.name)}{dumps(call.arguments)}{tail}}}"
        return shape.open.format() + payload + shape.close.format()
    number = str(shape.first_index + index)
    if shape.id:
        identity = identity or shape.id[0].format(name=call.name, index=number)
    head = opener.format(name=call.name, id=identity or "", index=number)
    return head + dumps(call.arguments) + shape.close.format()


def record_head(dialect: Dialect, name: str) -> str:
    """Write the object that is a call, up to its arguments."""
    record = dialect.record
    return f"{{{dumps(record.name[0])}: {dumps(name)}, {dumps(record.arguments[0])}: "


def rules(argument: Argument) -> Iterator[str]:
    """Yield what a prompt says of values."""
    del argument  # JSON is JSON
    yield "The arguments are one JSON object; escape strings as JSON requires."
