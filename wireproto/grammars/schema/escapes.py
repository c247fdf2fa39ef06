"""How quoted strings spell characters: as themselves, or escaped, in every way that a notation allows.

Printable ASCII is spelled without `\\uXXXX` where possible, every other set of characters with it too, unless it has
very many ranges. To tell an escaped `<` from a literal one (only the latter can be part of a marker), escaped
characters are shifted by `_ESCAPED` in the alphabet of an automaton.

It must not know schemas. Law: what is spelled reads back as the characters asked for, and no others; what
`json.dumps(ensure_ascii=False)` writes is always among the spellings of JSON.
Sources: RFC 8259, section 7; TOML 1.0, section String.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from wireproto.automata.automaton import Dfa, Edge, build_dfa, edges_to
from wireproto.automata.charset import ANY_CHAR, Ranges, char_set, difference, intersection, union
from wireproto.grammars.expr.expr import Expr, chars, choice, literal, seq
from wireproto.grammars.expr.right_linear import chars_by_target
from wireproto.grammars.expr.rule_table import RuleTable

_PRINTABLE: Final[Ranges] = ((0x20, 0x7E),)
_BASIC: Final[Ranges] = ((0, 0xFFFF),)
_ASTRAL: Final[Ranges] = ((0x10000, 0x10FFFF),)
# A set of more ranges (a script, a category) gets no optional \uXXXX: its hexadecimal digits would take hundreds of
# rules.
_MAX_RANGES: Final = 150
_ESCAPED: Final = 0x110000
_HEX: Final = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class EscapeRules:
    """The escapes of a notation. `short`: pairs of a character and its letter; `must`: what has to be escaped.

    `long`: characters beyond U+FFFF are `\\UXXXXXXXX`, else surrogate pairs of `\\uXXXX`. Not `coded`: nothing is
    escaped, and what `must` be cannot be written; what the quote is made of is then for an automaton to say.
    """

    short: tuple[tuple[str, str], ...]
    must: Ranges
    long: bool = False
    coded: bool = True


_NAMED: Final = tuple(zip('\b\t\n\f\r"\\', 'btnfr"\\', strict=True))
JSON: Final = EscapeRules((*_NAMED, ("/", "/")), union(((0, 0x1F),), char_set("\\")))
# Control characters and line breaks, but not the tab: those of a string on one line.
TOML: Final = EscapeRules(_NAMED, union(((0, 8), (0x0A, 0x1F), (0x7F, 0x7F)), char_set("\\")), long=True)


class QuotedText:
    """Spells the characters of strings in one kind of quotes; a long expression is written once, as a rule."""

    def __init__(self, table: RuleTable, escapes: EscapeRules, quote: str) -> None:
        self._table, self._escapes, self.quote = table, escapes, quote
        self._must = union(escapes.must, char_set(quote)) if escapes.coded else escapes.must
        named = char_set(quote + "".join(sign for sign, _ in escapes.short))
        # Encoders that protect markup escape `<`, so it may always be escaped.
        self._special = union(self._must, named, char_set("<")) if escapes.coded else self._must
        self._known: dict[tuple[Ranges, Ranges], Expr] = {}
        self._known_escapes: dict[Ranges, Expr] = {}

    def spell(self, ranges: Ranges) -> Expr:
        """Return one character of a set, in all its spellings."""
        return self._spell(difference(ranges, self._must), self._escaped(ranges))

    def spell_shifted(self, ranges: Ranges) -> Expr:
        """Return one character of a set in which escaped characters are shifted (see `shifted`)."""
        unshifted = tuple((max(low - _ESCAPED, 0), high - _ESCAPED) for low, high in ranges if high >= _ESCAPED)
        return self._spell(intersection(ranges, ANY_CHAR), intersection(unshifted, ANY_CHAR))

    def _spell(self, bare: Ranges, escaped: Ranges) -> Expr:
        if (bare, escaped) not in self._known:
            expr = choice(chars(bare), self._escape(escaped))
            every = union(bare, escaped)
            single = len(every) == 1 and every[0][0] == every[0][1]
            rule = not single and (escaped or difference(bare, _PRINTABLE))
            hint = "char" if every == ANY_CHAR else "chars"
            self._known[bare, escaped] = self._table.add(hint, expr) if rule else expr
        return self._known[bare, escaped]

    def _escape(self, escaped: Ranges) -> Expr:
        """Return the escapes of the characters of a set; beyond ASCII they are a rule."""
        if escaped not in self._known_escapes:
            expr = _escape(self._escapes, self.quote, escaped)
            self._known_escapes[escaped] = self._table.add("escape", expr) if difference(escaped, _PRINTABLE) else expr
        return self._known_escapes[escaped]

    def text(self, text: str) -> Expr:
        """Return one string in its quotes."""
        if self.is_bare(text):
            return literal(f"{self.quote}{text}{self.quote}")
        return seq(literal(self.quote), *(self.spell(char_set(each)) for each in text), literal(self.quote))

    def is_bare(self, text: str) -> bool:
        """Whether the only spelling of a text is the text itself."""
        return text.isascii() and text.isprintable() and not intersection(char_set(text), self._special)

    def shifted(self, dfa: Dfa) -> Dfa:
        """Return the spellings of the words of an automaton, escaped characters shifted by `_ESCAPED`."""
        rows: list[list[Edge]] = []
        for row in dfa.edges:
            rows.append([])
            for target, ranges in chars_by_target(row).items():
                rows[-1] += edges_to(difference(ranges, self._must), target)
                rows[-1] += edges_to(_shift(self._escaped(ranges)), target)
        return build_dfa(rows, dfa.finals)

    def _escaped(self, ranges: Ranges) -> Ranges:
        """Return the characters of a set that may be written escaped."""
        if not self._escapes.coded:
            return ()
        return ranges if difference(ranges, _PRINTABLE) else intersection(ranges, self._special)


def restarted_at_escapes(dfa: Dfa) -> Dfa:
    """Return the spellings that an automaton accepts if each escaped character sends it back to its start."""
    return build_dfa([[*row, *edges_to(_shift(ANY_CHAR), 0)] for row in dfa.edges], dfa.finals)


def _shift(ranges: Ranges) -> Ranges:
    return tuple((low + _ESCAPED, high + _ESCAPED) for low, high in ranges)


@lru_cache(maxsize=512)
def _escape(form: EscapeRules, quote: str, escaped: Ranges) -> Expr:
    named = dict((*form.short, (quote, quote)))
    letters = "".join(letter for sign, letter in named.items() if intersection(escaped, char_set(sign)))
    escapes = [chars(char_set(letters))] if letters else []
    if not difference(escaped, _PRINTABLE):
        coded = difference(escaped, char_set("".join(named)))
    else:
        coded = escaped if len(escaped) <= _MAX_RANGES else intersection(escaped, union(form.must, char_set(quote)))
    if coded:
        codes = [_digits(low, high) for low, high in intersection(coded, _BASIC)]
        astral = intersection(coded, _ASTRAL)
        codes += [] if form.long else [_pairs(low, high) for low, high in astral]
        escapes += [seq(literal("u"), choice(*codes))] if codes else []
        if astral and form.long:
            escapes.append(seq(literal("U"), choice(*(_digits(low, high, 8) for low, high in astral))))
    return seq(literal("\\"), choice(*escapes))


def _digits(low: int, high: int, size: int = 4) -> Expr:
    """Return the hexadecimal numbers from `low` to `high`, with `size` digits."""
    rows = [[char_set(_HEX[a : b + 1] + _HEX[a : b + 1].upper()) for a, b in row] for row in _rows(low, high, size)]
    return choice(*(seq(*map(chars, row)) for row in rows))


def _rows(low: int, high: int, size: int) -> Iterator[list[tuple[int, int]]]:
    """Yield rows of digit ranges that together cover the numbers from `low` to `high`."""
    if size == 0:
        yield []
        return
    unit = 16 ** (size - 1)
    first, last = low // unit, high // unit
    if first == last:
        for row in _rows(low % unit, high % unit, size - 1):
            yield [(first, first), *row]
        return
    if low % unit:
        for row in _rows(low % unit, unit - 1, size - 1):
            yield [(first, first), *row]
        first += 1
    after = high % unit != unit - 1
    if first <= last - after:
        yield [(first, last - after)] + [(0, 15)] * (size - 1)
    if after:
        for row in _rows(0, high % unit, size - 1):
            yield [(last, last), *row]


def _pairs(low: int, high: int) -> Expr:
    """Return the surrogate pairs of the code points from one to another."""
    rows: list[Expr] = []
    for first, last in _aligned(low - 0x10000, high - 0x10000):
        lead = _digits(0xD800 + (first >> 10), 0xD800 + (last >> 10))
        rows.append(seq(lead, literal("\\u"), _digits(0xDC00 + (first & 0x3FF), 0xDC00 + (last & 0x3FF))))
    return choice(*rows)


def _aligned(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Split a range into parts within one leading surrogate, and parts over whole ones."""
    while low <= high:
        if low & 0x3FF or high - low < 0x3FF:
            last = min(high, low | 0x3FF)
        else:
            last = high if high & 0x3FF == 0x3FF else (high & ~0x3FF) - 1
        yield low, last
        low = last + 1
