"""Calls whose arguments are one JSON object, as grammar rules.

It must not know other codecs. Law: what is accepted decodes to a complete call of the tool with arguments that its
schema accepts.
"""

from __future__ import annotations

from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.expr import Expr, literal, seq
from wireproto.text.json_repair import dumps
from wireproto.tools.toolset import Tool


def json_call(calls: CallWriter, tool: Tool) -> Expr:
    """Return one call of a tool; raises `GrammarError`."""
    shape, record = calls.dialect.call, calls.dialect.record
    rules = calls.rules(tool)
    arguments = calls.arguments_rule(tool, rules, lambda: rules.value("", f"{tool.name}-arguments"))
    if shape.open.roles:
        body = seq(calls.header(shape.open, tool), arguments)
    else:
        head = f"{{{dumps(record.name[0])}: {dumps(tool.name)}, {dumps(record.arguments[0])}: "
        body = seq(literal(shape.open.format() + head), arguments, literal("}"))
    return seq(body, literal(shape.close.format()))
