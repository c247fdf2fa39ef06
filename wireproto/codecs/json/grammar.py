"""Calls whose arguments are one JSON object, as grammar rules.

It must not know other codecs. Law: what is accepted decodes to a complete call of the tool with arguments that its
schema accepts.
"""

from __future__ import annotations

from wireproto.codecs.json.writer import record_head
from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.expr import Expr, literal, seq
from wireproto.tools.toolset import Tool


def json_call(calls: CallWriter, tool: Tool) -> Expr:
    """Return one call of a tool; raises `GrammarError`."""
    shape = calls.dialect.call
    rules = calls.rules(tool)
    arguments = calls.arguments_rule(tool, rules, lambda: rules.value("", f"{tool.name}-arguments"))
    if shape.open.roles:
        body = seq(calls.header(shape.open, tool), arguments)
    else:
        body = seq(literal(shape.open.format() + record_head(calls.dialect, tool.name)), arguments, literal("}"))
    return seq(body, literal(shape.close.format()))
