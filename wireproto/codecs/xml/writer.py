"""Arguments as XML elements, everything escaped, so that nothing written is ever in doubt.

It must not know how they are read. Law: what is written, an XML parser and the reader both read back, each value with
its type.
"""

from __future__ import annotations

from wireproto.codecs.xml.tree import Container
from wireproto.format.dialect import Dialect
from wireproto.text.json_repair import dumps
from wireproto.text.xml_text import escape
from wireproto.tools.toolset import Tool
from wireproto.values.model import Call


def write_call(dialect: Dialect, call: Call, tool: Tool, index: int, escaped: bool) -> str:
    """Write one call, everything escaped; a type stands where the schema does not settle it."""
    del index, escaped  # no counted ids; references are always written
    argument = dialect.argument
    out = [dialect.call.open.format(name=call.name, id=call.id or "")]
    for key, value in call.arguments.items():
        text, kind = write_value(dialect, value, tool, key)
        out += [argument.open.format(key=key, type=kind), text, argument.close.format(key=key)]
    out.append(dialect.call.close.format(name=call.name))
    return "".join(out)


def write_value(dialect: Dialect, value: object, tool: Tool, key: str) -> tuple[str, str]:
    """Return the escaped text of a value, and its type; no type where what is declared of `key` settles it."""
    if isinstance(value, (dict, list)):
        return _write_children(dialect, value, tool, key)
    text = value if isinstance(value, str) else dumps(value)
    return escape(text), "" if reads_back(tool, key, text, value) else kind_of(value)


def _write_children(dialect: Dialect, value: Container, tool: Tool, key: str) -> tuple[str, str]:
    argument = dialect.argument
    assert argument.member is not None and argument.element is not None
    kind = "object" if isinstance(value, dict) else "array"
    opener, closer = argument.member if isinstance(value, dict) else argument.element
    inner = tool.within(key) if isinstance(value, dict) else tool.elements(key)
    members = value.items() if isinstance(value, dict) else ((inner.element(i), item) for i, item in enumerate(value))
    out = []
    for name, item in members:
        text, item_kind = write_value(dialect, item, inner, name)
        out += [opener.format(key=name, type=item_kind), text, closer.format()]
    # Nothing shows what an empty one is.
    return "".join(out), "" if value and is_declared(tool, key, kind) else kind


def reads_back(tool: Tool, key: str, text: str, value: object) -> bool:
    """Whether a text without a type is read as this value that is no object or array."""
    return tool.decode(key, text).is_plainly(value)


def is_declared(tool: Tool, key: str, kind: str) -> bool:
    """Whether an object or array needs no type: the schema allows nothing else."""
    return tool.types(key) == frozenset((kind,))


def kind_of(value: object) -> str:
    """Return the type of a value that is no object or array."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "integer" if isinstance(value, int) else "number"
