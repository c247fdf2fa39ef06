"""Notations: how words, strings and punctuation are spelled, in JSON and its like, and in the text of markup.

A `Notation` is data (JSON, Python's literals, TOML's inline values); a `TokenWriter` writes its tokens into a rule
table. In markup (`MarkupTokenWriter`) a string has no quotes, and special characters are character references.

It must not know schemas. Law: what is spelled reads back as the value asked for, and no other; markup cannot hold NUL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import and_
from typing import Final

from wireproto.automata.automaton import ANY_TEXT, Dfa, build_dfa, edges_to, words_dfa
from wireproto.automata.charset import ANY_CHAR, Ranges, char_set, difference, intersection
from wireproto.format.template import Template
from wireproto.grammars.expr.counted import counted_text
from wireproto.grammars.expr.expr import EMPTY, NOTHING, Expr, RuleRef, chars, choice, literal, repeat, seq
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.schema import escapes as quoted
from wireproto.grammars.schema.escapes import EscapeRules, QuotedText
from wireproto.grammars.schema.values import ValueSet

# A string with more states than this (length and markers counted together) is refused: each becomes a rule.
_MAX_HELD: Final = 4_000
# Products with so small an automaton are cached; that of any string has one state.
_SMALL: Final = 4
_cached_and: Final = lru_cache(maxsize=32)(and_)


# After a line break between tokens: indentation of up to five levels of four blanks; without a bound models loop.
_MAX_INDENT: Final = 20


def line(indent: int) -> Expr:
    """Return a line break, and behind it so many blanks at most."""
    return seq(literal("\n"), repeat(chars(char_set(" \t")), 0, indent))


LINE: Final = line(_MAX_INDENT)


@dataclass(frozen=True, slots=True)
class Notation:
    """Words, quotes and signs; the canonical spelling first.

    `lines`: there may be a line break and as many blanks as `indent` between two tokens, else one blank at most.
    `within`: the spellings of strings that are allowed, with escaped characters shifted (`QuotedText.shifted`).
    `plain`: strings of which every spelling is allowed.
    """

    null: tuple[str, ...] = ("null",)
    true: tuple[str, ...] = ("true",)
    false: tuple[str, ...] = ("false",)
    quotes: tuple[str, ...] = ('"',)
    escapes: EscapeRules = quoted.JSON
    colon: str = ":"
    lines: bool = True
    indent: int = _MAX_INDENT
    within: Dfa = ANY_TEXT
    plain: Dfa = ANY_TEXT

    def word(self, value: bool | None) -> Expr:
        """Return the spellings of null or a truth value."""
        words = self.null if value is None else self.true if value else self.false
        return choice(*map(literal, words))

    def restricted_to(self, within: Dfa, plain: Dfa) -> Notation:
        """Return the notation with no other spellings of strings than these."""
        return replace(self, within=within, plain=plain)


JSON: Final = Notation()
# What `str` makes of plain data. Only JSON's escapes are used: Python's \\x and \\U are not read back.
PYTHON: Final = Notation(("None", "null"), ("True", "true"), ("False", "false"), ("'", '"'))


@dataclass(frozen=True, slots=True)
class Delimiters:
    """What comes before the first part, between two, after the last; `closed`: after `open` if there is no part."""

    open: Expr = EMPTY
    between: Expr = EMPTY
    close: Expr = EMPTY
    closed: Expr = EMPTY


@dataclass(slots=True)
class TokenWriter:
    """Writes the tokens of a notation: strings, and the punctuation of arrays and objects.

    `words`, `plain`: the rules written so far of strings, and of values that depend on no document.
    """

    notation: Notation
    table: RuleTable
    colon: Expr = field(init=False)
    array: Delimiters = field(init=False)
    object: Delimiters = field(init=False)
    words: dict[Dfa, Expr] = field(default_factory=dict, init=False)
    plain: dict[ValueSet, RuleRef] = field(default_factory=dict, init=False)
    _quoted: list[QuotedText] = field(init=False)
    _texts: dict[str, Expr] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        notation = self.notation
        blank = self.table.add("ws", choice(EMPTY, literal(" "), line(notation.indent) if notation.lines else NOTHING))
        self._quoted = [QuotedText(self.table, notation.escapes, quote) for quote in notation.quotes]
        self.colon = seq(literal(notation.colon), blank)
        self.array, self.object = (
            Delimiters(seq(literal(first), blank), seq(literal(","), blank), seq(blank, literal(last)), literal(last))
            for first, last in ("[]", "{}")
        )

    def string(self, text: str) -> Expr:
        """Return one string; nothing if no spelling of it is allowed."""
        if text not in self._texts:
            within = self.notation.within
            if within != ANY_TEXT and not (within.accepts(text) and all(each.is_bare(text) for each in self._quoted)):
                return self.strings(words_dfa([text]))
            self._texts[text] = choice(*(each.text(text) for each in self._quoted))
        return self._texts[text]

    def strings(self, dfa: Dfa) -> Expr:
        """Return the words of an automaton as strings, in every spelling that is allowed; raises `TooLarge`."""
        within = self.notation.within
        if within == ANY_TEXT:
            return self.unrestricted(dfa)
        return choice(*(self._within(each, dfa) for each in self._quoted))

    def _within(self, form: QuotedText, dfa: Dfa) -> Expr:
        spelled, within = form.shifted(dfa), self.notation.within
        if len(spelled.edges) > _SMALL:
            self.table.spend(len(spelled.edges))
            allowed = spelled.met(within, _MAX_HELD)
        else:
            allowed = _cached_and(spelled, within)
        return seq(
            literal(form.quote), right_linear(allowed, self.table, "text", form.spell_shifted, literal(form.quote))
        )

    def unrestricted(self, dfa: Dfa) -> Expr:
        """Return the words of an automaton as strings, in every spelling."""
        return choice(
            *(
                seq(literal(each.quote), right_linear(dfa, self.table, "text", each.spell, literal(each.quote)))
                for each in self._quoted
            )
        )

    def any_string(self, least: int, most: int | None, ranges: Ranges = ANY_CHAR) -> Expr:
        """Return all strings of `least` to `most` characters of a set, counted by the engine.

        Where not every spelling is allowed, they hold few beginnings of what is not.
        """
        return choice(
            *(
                seq(literal(each.quote), self._counted(each, least, most, ranges), literal(each.quote))
                for each in self._quoted
            )
        )

    def _counted(self, form: QuotedText, least: int, most: int | None, ranges: Ranges) -> Expr:
        within = self.notation.within
        if within == ANY_TEXT:
            return repeat(form.spell(ranges), least, most)
        held = _cached_and(form.shifted(build_dfa([edges_to(ranges, 0)], [0])), within)
        return counted_text(held, least, most, self.table, form.spell_shifted)


@dataclass(slots=True)
class CharRefs:
    """Spells characters of markup.

    `named`: their references; `must`: characters that are never written as themselves.
    """

    table: RuleTable
    named: Mapping[str, str]
    must: str
    _known: dict[Ranges, Expr] = field(default_factory=dict)
    _every: RuleRef | None = None
    _signs: Ranges = field(init=False)
    _never: Ranges = field(init=False)
    _special: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._signs, self._never = char_set("".join(self.named)), char_set(self.must + "\0")
        self._special = frozenset((*self.named, *self.must, "\0"))

    def spell(self, ranges: Ranges) -> Expr:
        """Return one character of a set; a long expression is written once, as a rule."""
        if ranges not in self._known:
            plain = chars(difference(ranges, self._never))
            found = {chr(point) for low, high in intersection(ranges, self._signs) for point in range(low, high + 1)}
            references = [literal(text) for sign, text in self.named.items() if sign in found]
            if len(references) == len(self.named):
                self._every = self._every or self.table.add("reference", choice(*references))
                references = [self._every]
            expr = choice(plain, *references)
            self._known[ranges] = self.table.add("char", expr) if len(references) > 1 or ranges == ANY_CHAR else expr
        return self._known[ranges]

    def text(self, text: str) -> Expr:
        """Return the spellings of one text."""
        if text.isascii() and self._special.isdisjoint(text):
            return literal(text)
        return seq(*(self.spell(char_set(each)) for each in text))

    def words(self, dfa: Dfa, most: int | None = None) -> Expr:
        """Return the words of an automaton; `most` limits runs of characters that it does not count."""
        return right_linear(dfa, self.table, "text", self.spell, most=most)


@dataclass(slots=True)
class MarkupTokenWriter(TokenWriter):
    """Writes strings without quotes, as text of markup. Arrays and objects have no tokens of their own there."""

    references: CharRefs

    def __post_init__(self) -> None:
        """Write no rule for white space: there are no tokens to put it between."""

    def string(self, text: str) -> Expr:
        """Return one string."""
        return self.references.text(text)

    def strings(self, dfa: Dfa) -> Expr:
        """Return the words of an automaton as strings."""
        return self.references.words(dfa)

    def any_string(self, least: int, most: int | None, ranges: Ranges = ANY_CHAR) -> Expr:
        """Return all strings of `least` to `most` characters of a set."""
        return repeat(self.references.spell(ranges), least, most)


@lru_cache(maxsize=256)
def around_key(template: Template, kind: str = "") -> tuple[str, str]:
    """Return a start tag of this type in two halves, before and after its name; without a name all is in the second."""
    before, name, after = template.format(key="", type=kind).partition('""')
    return (before + '"', '"' + after) if name else ("", before)
