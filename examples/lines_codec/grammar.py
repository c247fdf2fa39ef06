"""Calls that are lines, as grammar rules: what is accepted decodes to arguments that the tool's schema accepts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Union

from lines_codec.writer import write_line
from wireproto.automata.automaton import Dfa
from wireproto.automata.patterns import pattern_dfa
from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.expr import NOTHING, Expr, literal, seq
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.schema.formula import Formula
from wireproto.grammars.schema.notation import JSON, Delimiters
from wireproto.grammars.schema.writing import ValueWriter
from wireproto.tools.toolset import Tool
from wireproto.values.errors import GrammarError

_ONE_LINE = replace(JSON, lines=False)
_KEY = pattern_dfa(r"^[A-Za-z0-9_.-]{1,128}$")


def lines_call(calls: CallWriter, tool: Tool) -> Expr:
    """Return one call of a tool; raises `GrammarError`."""
    rules = calls.rules(tool, _ONE_LINE)
    lines = _Lines(calls, rules.writer)
    return calls.call(tool, rules, lambda: rules.members(lines))


@dataclass(slots=True)
class _Lines:
    """How the members of the object of arguments are written: a line each, in any order."""

    calls: CallWriter
    writer: ValueWriter
    _known: dict[tuple[Union[str, Dfa], Formula], Expr] = field(default_factory=dict)

    @property
    def delimiters(self) -> Delimiters:
        """Nothing stands between lines but their own line breaks."""
        return Delimiters()

    def member(self, key: str, value: Formula) -> Expr:
        """Return an argument, every text of it; raises `GrammarError` for a key that no line can have."""
        if (key, value) not in self._known:
            try:
                before, after = write_line(key, "\0").split("\0")
            except ValueError as error:
                raise GrammarError(str(error)) from None
            line = seq(literal(before), self.writer.value(value), literal(after))
            self._known[key, value] = self.calls.table.add(key, line)
        return self._known[key, value]

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return an argument of any of these keys."""
        found = keys & _KEY
        if found.is_empty:
            return NOTHING
        if (found, value) not in self._known:
            key = right_linear(found, self.calls.table, "key")
            line = seq(key, literal(": "), self.writer.value(value), literal("\n"))
            self._known[found, value] = self.calls.table.add("other", line)
        return self._known[found, value]
