"""Calls whose arguments are one JSON object, as grammar rules.

It must not know other codecs. Law: what is accepted decodes to a complete call of the tool with arguments that its
schema accepts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from wireproto.codecs.json.writer import record_pieces
from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.expr import Expr, choice, literal, seq
from wireproto.grammars.schema.notation import JSON
from wireproto.tools.toolset import Tool

# Where a template indents, a value in values stands behind more blanks than models need elsewhere.
_INDENTED: Final = replace(JSON, indent=64)


def json_call(calls: CallWriter, tool: Tool) -> Expr:
    """Return one call of a tool; raises `GrammarError`."""
    shape = calls.dialect.call
    rules = calls.rules(tool, _INDENTED if calls.dialect.argument.json == "indented" else JSON)
    arguments = calls.arguments_rule(tool, rules, lambda: rules.value("", f"{tool.name}-arguments"))
    if shape.open.roles:
        body = seq(calls.opener(tool), arguments)
    else:
        ways = (True,) if shape.id else (False, True) if calls.dialect.record.has_ids else (False,)
        records = (_record(calls, tool, arguments, has_id) for has_id in ways)
        body = seq(literal(shape.open.format()), choice(*records))
    return seq(body, calls.closer(tool))


def _record(calls: CallWriter, tool: Tool, arguments: Expr, has_id: bool) -> Expr:
    pieces = record_pieces(calls.dialect, tool.name, has_id)
    given = {"arguments": arguments, "id": calls.identity(tool)}
    return seq(*(given[place] if place != "text" else literal(text) for place, text in pieces))
