"""How a notation spells values: its words, its strings, what stands around the parts of an array or object.

It must not know schemas. Law: a notation is data; JSON, Python's spelling and TOML's inline values are three of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from wireproto.grammars.automata.automaton import ALL, Dfa, of_words
from wireproto.grammars.automata.charset import EVERY, of
from wireproto.grammars.automata.right_linear import linear
from wireproto.grammars.expr.expr import EMPTY, NOTHING, Expr, Rule, chars, choice, literal, repeat, seq
from wireproto.grammars.expr.rule_table import Book
from wireproto.grammars.schema import escapes as quoted
from wireproto.grammars.schema.escapes import Escapes, Quoted
from wireproto.grammars.schema.values import Values
from wireproto.values.errors import TooLarge

# Beyond this a counted string is not told apart from the markers around it.
_MAX_HELD: Final = 4_000
# What of so few states may stand within markers is kept: any string at all is one state.
_SMALL: Final = 4


@dataclass(frozen=True, slots=True)
class Notation:
    """Words, quotes and signs; the canonical spelling first.

    `lines`: between two tokens may stand a line break and blanks, else one blank at most. `within`: the spellings of
    strings that may stand there (`Quoted.apart`); `plain`: strings of which every spelling may.
    """

    null: tuple[str, ...] = ("null",)
    true: tuple[str, ...] = ("true",)
    false: tuple[str, ...] = ("false",)
    quotes: tuple[str, ...] = ('"',)
    escapes: Escapes = quoted.JSON
    colon: str = ":"
    lines: bool = True
    within: Dfa = ALL
    plain: Dfa = ALL

    def word(self, value: bool | None) -> Expr:
        """Return the spellings of null or a truth value."""
        words = self.null if value is None else self.true if value else self.false
        return choice(*map(literal, words))

    def holding(self, within: Dfa, plain: Dfa) -> Notation:
        """Return the notation with strings that are spelled in no other way."""
        return replace(self, within=within, plain=plain)


JSON: Final = Notation()
# What `str` makes of plain data. Its escapes \\x and \\U are not read back; JSON's are.
PYTHON: Final = Notation(("None", "null"), ("True", "true"), ("False", "false"), ("'", '"'))
TOML: Final = Notation(('{"$null" = true}',), escapes=quoted.TOML, colon=" =", lines=False)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands before the first part, between two, behind the last, and behind `open` if there is none."""

    open: Expr = EMPTY
    between: Expr = EMPTY
    close: Expr = EMPTY
    closed: Expr = EMPTY


# Between tokens a line may end, and so many blanks may follow.
_MAX_INDENT: Final = 20
LINE: Final = seq(literal("\n"), repeat(chars(of(" \t")), 0, _MAX_INDENT))


@dataclass(slots=True)
class Syntax:
    """A notation in a book: its strings and frames as expressions.

    `words` and `plain` are the rules so far of strings, and of values in which nothing is of one document only.
    """

    notation: Notation
    book: Book
    colon: Expr = field(init=False)
    array: Frame = field(init=False)
    object: Frame = field(init=False)
    words: dict[Dfa, Expr] = field(default_factory=dict, init=False)
    plain: dict[Values, Rule] = field(default_factory=dict, init=False)
    _quoted: list[Quoted] = field(init=False)
    _texts: dict[str, Expr] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        notation = self.notation
        blank = self.book.add("ws", choice(EMPTY, literal(" "), LINE if notation.lines else NOTHING))
        self._quoted = [Quoted(self.book, notation.escapes, quote) for quote in notation.quotes]
        self.colon = seq(literal(notation.colon), blank)
        self.array, self.object = (
            Frame(seq(literal(first), blank), seq(literal(","), blank), seq(blank, literal(last)), literal(last))
            for first, last in ("[]", "{}")
        )

    def text(self, text: str) -> Expr:
        """Return one string, or nothing if it may not stand there."""
        if text not in self._texts:
            within = self.notation.within
            if within != ALL and not (within.accepts(text) and all(each.is_bare(text) for each in self._quoted)):
                return self.quoted(of_words([text]))
            self._texts[text] = choice(*(each.text(text) for each in self._quoted))
        return self._texts[text]

    def quoted(self, dfa: Dfa) -> Expr:
        """Return the words of an automaton as strings.

        Raises:
            TooLarge: to tell which of their spellings may stand there takes too many states.
        """
        within = self.notation.within
        return self.plainly(dfa) if within == ALL else choice(*(self._within(each, dfa) for each in self._quoted))

    def _within(self, form: Quoted, dfa: Dfa) -> Expr:
        spelled, within = form.apart(dfa), self.notation.within
        held = _known_within(spelled, within) if len(spelled.edges) <= _SMALL else spelled & within
        if len(held.edges) > _MAX_HELD:
            raise TooLarge(f"strings that take more than {_MAX_HELD} states")
        return seq(literal(form.quote), linear(held, self.book, "text", form.spell_apart, literal(form.quote)))

    def plainly(self, dfa: Dfa) -> Expr:
        """Return the words of an automaton as strings, in every spelling."""
        return choice(
            *(
                seq(literal(each.quote), linear(dfa, self.book, "text", each.spell, literal(each.quote)))
                for each in self._quoted
            )
        )

    def characters(self, least: int, most: int | None) -> Expr:
        """Return any string of so many characters."""
        return choice(
            *(
                seq(literal(each.quote), repeat(each.spell(EVERY), least, most), literal(each.quote))
                for each in self._quoted
            )
        )


@lru_cache(maxsize=32)
def _known_within(spelled: Dfa, within: Dfa) -> Dfa:
    return spelled & within
