"""Calls as Python writes them, and their layout for the grammar.

It must not know how they are read. Law: keyword arguments and literals alone; how these are spelled, the dialect says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from wireproto.format.dialect import Argument, Dialect
from wireproto.text.json_repair import dumps
from wireproto.text.python_strings import write
from wireproto.tools.toolset import Tool
from wireproto.values.model import Call

BETWEEN: Final = ", "
_WORDS: Final = {None: "None", True: "True", False: "False"}
_RULES: Final = {
    "json": "every value is JSON, and a string stands in double quotes",
    "python-null": "every value is JSON, but null is None",
    "python": "every value is a Python literal: None, True, False, a number, a string, a list or a dict",
    "python-scalars": "every value is a Python literal, but a list or an object is JSON",
    "python-lists": "every value is a Python literal, but an object is JSON",
}


def write_call(dialect: Dialect, call: Call, tool: Tool, index: int, escaped: bool) -> str:
    """Write one call as the model's own chat template does."""
    del tool, index, escaped  # literals say their types themselves, and have escapes of their own
    shape, argument = dialect.call, dialect.argument
    parts = [
        argument.open.format(key=key) + write_value(value, argument.literals) + argument.close.format()
        for key, value in call.arguments.items()
    ]
    return shape.open.format(name=call.name) + BETWEEN.join(parts) + shape.close.format()


def write_value(value: Any, literals: str) -> str:
    """Write an argument's value, which is nested no deeper than the encoder allows."""
    if literals == "python-null" and value is not None:
        return dumps(value)
    container = isinstance(value, dict) or (isinstance(value, list) and literals == "python-scalars")
    as_json = literals == "json" or (container and literals != "python")
    return dumps(value) if as_json else _python(value)


def _python(value: Any) -> str:
    if isinstance(value, str):
        return write(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{write(key)}: {_python(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_python, value)) + "]"
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    return dumps(value)


def rules(argument: Argument) -> Iterator[str]:
    """Yield what a prompt says of values."""
    yield f"Name every argument; {_RULES[argument.literals]}."
