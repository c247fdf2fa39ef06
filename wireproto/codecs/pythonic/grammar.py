"""Calls as Python writes them, as grammar rules: keyword arguments, in any order, with literals.

It must not know other codecs. Law: what is accepted decodes to a complete call of the tool with arguments that its
schema accepts, if no free key is given twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Union

from wireproto.automata.automaton import Dfa
from wireproto.automata.patterns import pattern_dfa
from wireproto.codecs.pythonic.writer import BETWEEN
from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.expr import EMPTY, NOTHING, Expr, choice, literal, seq
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.schema.escapes import JSON as JSON_ESCAPES
from wireproto.grammars.schema.escapes import EscapeRules
from wireproto.grammars.schema.formula import Formula
from wireproto.grammars.schema.notation import JSON, LINE, PYTHON, Delimiters
from wireproto.grammars.schema.writing import ValueWriter
from wireproto.tools.toolset import Tool
from wireproto.values.errors import GrammarError

_KEY: Final = pattern_dfa(r"^[A-Za-z0-9_.-]{1,128}$")
# Python leaves the backslash before a slash where it is, and has an escape for every character.
_ESCAPES: Final = EscapeRules(
    tuple(pair for pair in JSON_ESCAPES.short if pair[0] != "/"), JSON_ESCAPES.must, long=True
)
_LITERALS: Final = {"json": replace(JSON, escapes=_ESCAPES)}
_PYTHON: Final = replace(PYTHON, escapes=_ESCAPES)


def pythonic_call(calls: CallWriter, tool: Tool) -> Expr:
    """Return one call of a tool; raises `GrammarError`."""
    dialect = calls.dialect
    notation = _LITERALS.get(dialect.argument.literals, _PYTHON)
    if "\n" in dialect.call.join:  # where a line is a call, readers take it line by line
        notation = replace(notation, lines=False)
    rules = calls.rules(tool, notation)
    layout = _Keywords(calls, rules.writer)
    return calls.call(tool, rules, lambda: rules.members(layout))


@dataclass(slots=True)
class _Keywords:
    """How the members of the object of arguments are written: as keyword arguments."""

    calls: CallWriter
    writer: ValueWriter
    _known: dict[tuple[Union[str, Dfa], Formula], Expr] = field(default_factory=dict)

    @property
    def delimiters(self) -> Delimiters:
        """What stands between two arguments: a comma, and a blank or a line break."""
        blank = choice(literal(BETWEEN[1:]), EMPTY, LINE if self.writer.notation.lines else NOTHING)
        return Delimiters(between=seq(literal(BETWEEN[:1]), blank))

    def member(self, key: str, value: Formula) -> Expr:
        """Return an argument, every text of it; raises `GrammarError` for a key that the format cannot hold."""
        if (key, value) not in self._known:
            try:
                opener = self.calls.dialect.argument.open.format(key=key)
            except ValueError as error:
                raise GrammarError(str(error)) from None
            self._known[key, value] = seq(literal(opener), self.writer.value(value))
        return self._known[key, value]

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return an argument of any of these keys."""
        found = keys & _KEY
        if found.is_empty:
            return NOTHING
        if (found, value) not in self._known:
            before, after = self.calls.dialect.argument.open.fill(key="\0").split("\0")
            key = right_linear(found, self.calls.table, "key")
            self._known[found, value] = seq(literal(before), key, literal(after), self.writer.value(value))
        return self._known[found, value]
