"""Calls as lines, and what a prompt says of them."""

from __future__ import annotations

from collections.abc import Iterator

from wireproto import Call, Dialect
from wireproto.format.alphabet import ALPHABETS
from wireproto.format.dialect import Argument
from wireproto.text.json_repair import dumps
from wireproto.tools.toolset import Tool


def write_call(dialect: Dialect, call: Call, tool: Tool, index: int, escaped: bool) -> str:
    """Write one call. What it does not refuse itself, the encoder checks: it decodes what was written."""
    del tool, index, escaped  # JSON says its types itself, calls are not counted, and strings have JSON's escapes
    lines = [write_line(key, dumps(value)) for key, value in call.arguments.items()]
    return dialect.call.open.format(name=call.name) + "".join(lines) + dialect.call.close.format(name=call.name)


def write_line(key: str, value: str) -> str:
    """Write an argument; the grammar writes it so too."""
    if ALPHABETS["key"].fullmatch(key) is None:
        raise ValueError(f"a key of this format cannot be {key!r}")
    return f"{key}: {value}\n"


def rules(argument: Argument) -> Iterator[str]:
    """Yield what a prompt says of values."""
    del argument  # all dialects of this codec write values so
    yield "Each argument is one line: its name, a colon and its value as JSON, without line breaks."
