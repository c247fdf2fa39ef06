"""Text of markup: characters as they are, or as references.

It must not know schemas. Law: what is spelled reads back as the characters asked for, and no others. NUL cannot be
written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from wireproto.format.template import Template
from wireproto.grammars.automata.automaton import Dfa
from wireproto.grammars.automata.charset import EVERY, meet, minus, of
from wireproto.grammars.automata.right_linear import linear
from wireproto.grammars.expr.expr import Expr, Ranges, Rule, chars, choice, literal, repeat, seq
from wireproto.grammars.expr.rule_table import Book
from wireproto.grammars.schema.notation import Syntax


@dataclass(slots=True)
class References:
    """Spells characters: `named` are references, `must` what never stands for itself."""

    book: Book
    named: Mapping[str, str]
    must: str
    _known: dict[Ranges, Expr] = field(default_factory=dict)
    _every: Rule | None = None
    _signs: Ranges = field(init=False)
    _never: Ranges = field(init=False)
    _special: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._signs, self._never = of("".join(self.named)), of(self.must + "\0")
        self._special = frozenset((*self.named, *self.must, "\0"))

    def spell(self, ranges: Ranges) -> Expr:
        """Return the expression of one character of a set; what is long is written once, as a rule."""
        if ranges not in self._known:
            plain = chars(minus(ranges, self._never))
            found = {chr(point) for low, high in meet(ranges, self._signs) for point in range(low, high + 1)}
            references = [literal(text) for sign, text in self.named.items() if sign in found]
            if len(references) == len(self.named):
                references = [self._any()]
            expr = choice(plain, *references)
            self._known[ranges] = self.book.add("char", expr) if len(references) > 1 or ranges == EVERY else expr
        return self._known[ranges]

    def _any(self) -> Rule:
        if self._every is None:
            self._every = self.book.add("reference", _one_of(tuple(self.named.values())))
        return self._every

    def text(self, text: str) -> Expr:
        """Return the spellings of one text."""
        if text.isascii() and self._special.isdisjoint(text):
            return literal(text)
        return seq(*(self.spell(of(each)) for each in text))

    def words(self, dfa: Dfa, most: int | None = None) -> Expr:
        """Return the words of an automaton; `most` limits runs of characters that it does not count."""
        return linear(dfa, self.book, "text", self.spell, most=most)


@lru_cache(maxsize=16)
def _one_of(texts: tuple[str, ...]) -> Expr:
    return choice(*map(literal, texts))


@dataclass(slots=True)
class Unquoted(Syntax):
    """A notation whose strings stand without quotes, as text of markup; what stands around values is not its own."""

    references: References

    def __post_init__(self) -> None:
        """Write nothing: there are no tokens that white space could stand between."""

    def text(self, text: str) -> Expr:
        """Return one string."""
        return self.references.text(text)

    def quoted(self, dfa: Dfa) -> Expr:
        """Return the words of an automaton as strings."""
        return self.references.words(dfa)

    def characters(self, least: int, most: int | None) -> Expr:
        """Return any string of so many characters."""
        return repeat(self.references.spell(EVERY), least, most)


@lru_cache(maxsize=256)
def around_key(template: Template, kind: str = "") -> tuple[str, str]:
    """Return a start tag with this type: what stands before its name and behind it; all is behind it if it has none."""
    before, name, after = template.format(key="", type=kind).partition('""')
    return (before + '"', '"' + after) if name else ("", before)
