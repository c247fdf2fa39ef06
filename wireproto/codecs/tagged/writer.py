"""Arguments in tags, values raw, as the model's own chat template writes them.

It must not know how they are read: whether a value would come back is for the encoder to check. Law: the markers come
from the dialect, and a string between them is unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from wireproto.codecs.tagged import elements
from wireproto.format.dialect import Argument, Dialect
from wireproto.format.template import Template
from wireproto.text.json_repair import dumps
from wireproto.text.numbers import holds
from wireproto.text.xml_text import CDATA_CLOSE, CDATA_OPEN
from wireproto.tools.toolset import Tool
from wireproto.tools.types import Types
from wireproto.values.model import Call

# What makes a template put a string into a CDATA section.
MARKUP: Final = frozenset("<&\n")
_LITERALS: Final = {
    "json": "every other value as JSON",
    "python-scalars": "a number, True, False or None as Python writes it, and a list or an object as JSON",
    "python-lists": "every other value as Python writes it, but an object as JSON",
    "python": "every other value as Python writes it",
}


_STRINGS: Final = {
    "raw": "Write a string as it is, without quotes",
    "cdata": "Write a string as it is, without quotes; one that holds <, & or a line break stands between "
    f"{CDATA_OPEN} and {CDATA_CLOSE}",
    "json": "Write a string as JSON does, in double quotes",
}


def write_call(dialect: Dialect, call: Call, tool: Tool, index: int, escaped: bool) -> str:
    """Write one call as the model's own chat template does; the encoder checks that it comes back."""
    argument = dialect.argument
    out = [dialect.call.open.format(name=call.name, index=str(dialect.call.first_index + index))]
    for key, value in call.arguments.items():
        string = isinstance(value, str)
        if isinstance(value, (dict, list)) and argument.member is not None:
            text = elements.spell(argument, value, tool, key)
        else:
            text = value if isinstance(value, str) else _spell(value, argument.literals, tool.types(key))
        if string and argument.strings != "raw":
            text = _enclosed(argument.strings, text, escaped)
        elif escaped and argument.escape:
            closer = Template(argument.close.trimmed).format(key=key)
            text = text.replace(closer, argument.escape if string else "\\u003c" + closer[1:])
        edges = text[:1] + text[-1:]
        pad = argument.pad if "\n" in edges or "\r" in edges else padding(argument, key)
        opener = argument.open.format(key=key, string="true" if string else "false", type=wire_type(value))
        out += [opener, pad, text, pad, argument.close.format(key=key)]
    if not call.arguments:
        out.append(dialect.call.empty)
    out.append(dialect.call.close.format(name=call.name))
    return "".join(out)


def _enclosed(strings: str, text: str, always: bool) -> str:
    """Return a string as one of JSON, or in a CDATA section where it holds markup or lines."""
    if strings == "json":
        return dumps(text)
    return CDATA_OPEN + text + CDATA_CLOSE if always or not MARKUP.isdisjoint(text) else text


def wire_type(value: object) -> str:
    """Return the word for the type of a value, in formats that say it: those of JSON, which has one for all numbers."""
    if isinstance(value, (bool, str)) or value is None:
        return {bool: "boolean", str: "string"}.get(type(value), "null")
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "number"


def _spell(value: object, literals: str, types: Types) -> str:
    if value is None:
        return null_word(literals, types)
    kinds = dict if literals == "python-lists" else (dict, list)
    python = in_python(literals, isinstance(value, kinds)) and not holds(value, Decimal)
    return str(value) if python else dumps(value)


def null_word(literals: str, types: Types) -> str:
    """Return how null is written for an argument of these types: where strings are legal, `None` would be one."""
    return "None" if in_python(literals, container=False) and types is not None and "string" not in types else "null"


def padding(argument: Argument, key: str) -> str:
    """Return the white space that is written on each side of a value of this key."""
    return argument.pad if not argument.pad_keys or key in argument.pad_keys else ""


def in_python(literals: str, container: bool) -> bool:
    """Whether truth values and numbers, or objects and arrays, are written as Python does."""
    return literals == "python" or (literals in ("python-scalars", "python-lists") and not container)


def rules(argument: Argument) -> Iterator[str]:
    """Yield the rules for values, for a prompt."""
    yield f"{_STRINGS[argument.strings]}; {_LITERALS[argument.literals]}."
    if argument.pad:
        keys = ", ".join(argument.pad_keys)
        value = f"The value of {keys}" if keys else "A value"
        yield f"{value} is on lines of its own; the line breaks next to its markers are not part of it."
    if argument.escape:
        yield f"Do not escape anything in a string, except its own closing marker, which is written {argument.escape}"
    elif argument.strings != "json":
        yield "Do not escape anything: write every character of a value as it is."
