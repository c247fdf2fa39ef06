"""Calls as filled-in forms, everything escaped; what no other control carries is JSON in a script.

It must not know how they are read. Law: whatever the schema, a value is written as a control that reads back as it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from wireproto.codecs.html.controls import number, switch
from wireproto.codecs.html.text import escape, escape_attribute
from wireproto.codecs.html.vocabulary import CHECKED, JSON, LINE, NUMBER, SWITCH, Control
from wireproto.format.dialect import Dialect
from wireproto.text.json_repair import dumps
from wireproto.tools.toolset import Tool
from wireproto.values.model import Call

_MAX_LINE: Final = 200


def write_call(dialect: Dialect, call: Call, tool: Tool, index: int, escaped: bool) -> str:
    """Write one call as a form, everything escaped; what no other control carries is JSON."""
    del index, escaped  # forms are not counted; references are always written
    shape = dialect.call
    controls = [_control(dialect, tool, key, value) for key, value in call.arguments.items()]
    return "".join((shape.open.format(name=call.name, id=call.id or ""), *controls, shape.close.format()))


def _control(dialect: Dialect, tool: Tool, key: str, value: object) -> str:
    """Write a value as the control that reads back as it, without a word from the schema against it."""
    if isinstance(value, bool) and switch(tool, key, value).is_plainly(value):
        return _start(dialect, SWITCH, key) + (f" {CHECKED}>\n" if value else ">\n")
    if isinstance(value, str) and "\0" not in value and tool.decode(key, value).is_plainly(value):
        return _text(dialect, tool, key, value)
    written = dumps(value)
    if isinstance(value, (int, float, Decimal)) and number(tool, key, written).is_plainly(value):
        return f'{_start(dialect, NUMBER, key)} value="{written}">\n'
    # A `<` would begin what hides the end tag.
    return f"{_start(dialect, JSON, key)}>" + written.replace("<", "\\u003c") + f"{JSON.closer(dialect)}\n"


def _text(dialect: Dialect, tool: Tool, key: str, value: str) -> str:
    """Write a string: what streams, or is no line, as a textarea."""
    line = escape_attribute(value)
    if tool.wire(key) != "string" and len(line) <= _MAX_LINE and "\n" not in value:
        return f'{_start(dialect, LINE, key)} value="{line}">\n'
    argument = dialect.argument
    return argument.open.format(key=key) + "\n" + escape(value) + argument.close.format()


def _start(dialect: Dialect, control: Control, key: str) -> str:
    """Return a start tag that is still open."""
    return control.before_name(dialect) + escape_attribute(key) + control.after_name
