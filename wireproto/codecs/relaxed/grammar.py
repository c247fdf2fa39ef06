"""Calls whose arguments are one relaxed object, as grammar rules.

It must not know other codecs. Law: what is accepted decodes to a complete call of the tool with arguments that its
schema accepts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from wireproto.automata.automaton import Dfa
from wireproto.automata.charset import char_set
from wireproto.automata.patterns import pattern_dfa
from wireproto.automata.until import texts_without
from wireproto.codecs.relaxed.literals import is_bare
from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.expr import Expr, choice, literal, seq
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.schema.escapes import EscapeRules
from wireproto.grammars.schema.formula import Formula, pointer_of
from wireproto.grammars.schema.notation import Notation
from wireproto.grammars.schema.writing import ValueWriter
from wireproto.tools.toolset import Tool

_UNESCAPED: Final = EscapeRules((), char_set("\0"), coded=False)
_BARE: Final = pattern_dfa("^[A-Za-z_][A-Za-z0-9_.-]*$")
_MAX_KEY: Final = 100


@lru_cache(maxsize=64)
def _notation(quote: str, null: str) -> Notation:
    words = tuple(dict.fromkeys((null, "null")))
    return Notation(words, quotes=(quote,), escapes=_UNESCAPED, within=texts_without((quote,)), plain=_calm(quote))


def _calm(quote: str) -> Dfa:
    return texts_without((quote[0],))


def relaxed_call(calls: CallWriter, tool: Tool) -> Expr:
    """Return one call of a tool; raises `GrammarError`."""
    shape, argument = calls.dialect.call, calls.dialect.argument
    null = "None" if argument.literals == "python-null" else "null"
    rules = calls.rules(tool, _notation(argument.quote, null), RelaxedValueWriter)
    arguments = calls.arguments_rule(tool, rules, lambda: rules.value("", f"{tool.name}-arguments"))
    return seq(calls.header(shape.open, tool), arguments, literal(shape.close.format()))


@dataclass(slots=True)
class RelaxedValueWriter(ValueWriter):
    """Writes values as JSON does, with bare keys."""

    def member(self, key: str, value: Formula) -> Expr:
        """Return a member of an object, its key bare where that can be."""
        return seq(literal(key) if is_bare(key) else self.tokens.string(key), self.tokens.colon, self.value(value))

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return a member with any of these keys."""
        bare = keys & _BARE
        options = [] if bare.is_empty else [right_linear(bare, self.table, "key", most=_MAX_KEY)]
        return seq(choice(*options, self.quoted(keys, pointer_of(value))), self.tokens.colon, self.value(value))
