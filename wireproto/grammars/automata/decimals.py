"""Sets of numbers as the decimal texts that JSON writes for them.

Texts without an exponent are one automaton, so that bounds, multiples and complements are exact. Texts with an exponent
fall into four regions (large or small, positive or negative). A set holds all numbers of a region, none, or some; of
those held in part none is written with an exponent, since every number has a plain text too.

It must not know schemas or rules. Law: a text is in the set exactly when its number is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, reduce
from typing import Final

from wireproto.grammars.automata.automaton import NO_TEXT, Dfa, Edge, build_dfa, edges_to, words_dfa
from wireproto.grammars.automata.charset import char_set
from wireproto.grammars.automata.patterns import pattern_dfa
from wireproto.values.errors import TooLarge

# Whether the numbers of a region are in the set: all (True), none (False), or some (None).
Held = bool | None

LARGE: Final = Decimal("1e16")
SMALL: Final = Decimal("1e-4")
_HUGE: Final = Decimal("1e309")


@dataclass(frozen=True, slots=True)
class _Region:
    """The numbers between two limits."""

    low: Decimal
    high: Decimal
    with_low: bool = False
    with_high: bool = False

    def __contains__(self, number: Decimal) -> bool:
        return _region(number, frozenset("="), self) is not False


_REGIONS: Final = (
    _Region(LARGE, _HUGE, with_low=True),
    _Region(_HUGE.copy_negate(), LARGE.copy_negate(), with_high=True),
    _Region(Decimal(0), SMALL),
    _Region(SMALL.copy_negate(), Decimal(0)),
)
# A float has at most 309 digits before its point; each digit of a bound takes a few states.
_MAX_DIGITS: Final = 400
# `multipleOf` takes a state for each residue at each decimal place.
_MAX_RESIDUES: Final = 5_000
# Each fraction in an `enum` is an automaton of its own, joined one by one.
_MAX_FRACTIONS: Final = 200
_SYNTAX: Final = pattern_dfa(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$")
_WHOLE: Final = pattern_dfa(r"^-?(0|[1-9][0-9]*)(\.0+)?$")
_UNSIGNED: Final = pattern_dfa(r"^[0-9.]+$")
_ZERO: Final = pattern_dfa(r"^-?0(\.0+)?$")
_CANONICAL: Final = pattern_dfa(r"^(0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9])$")


@dataclass(frozen=True, slots=True)
class NumberSet:
    """A set of numbers.

    `plain`: the decimal texts. `large`, `minus_large`: texts with an exponent from 1e16, `small`, `minus_small`: those
    below 1e-4 and not 0, as `json.dumps` writes them; all large ones are whole.
    """

    plain: Dfa
    large: Held
    minus_large: Held
    small: Held
    minus_small: Held

    @property
    def is_empty(self) -> bool:
        """Whether no text is in the set."""
        return self.plain.is_empty and not any(self.regions)

    @property
    def decimal(self) -> NumberSet:
        """The same numbers, none written with an exponent."""
        return NumberSet(self.plain, False, False, False, False)

    @property
    def regions(self) -> tuple[Held, Held, Held, Held]:
        """What is held of each region: large, minus large, small, minus small."""
        return self.large, self.minus_large, self.small, self.minus_small

    def values(self, limit: int) -> tuple[str, ...] | None:
        """Return one text for each number; None if there are more than `limit`, or texts with exponents."""
        return None if any(held is not False for held in self.regions) else (self.plain & _CANONICAL).words(limit)

    def __and__(self, other: NumberSet) -> NumberSet:
        if self is other or other is ANY or self is NONE:
            return self
        if self is ANY or other is NONE:
            return other
        pairs = zip(self.regions, other.regions, strict=True)
        return NumberSet(self.plain & other.plain, *(_both(a, b) for a, b in pairs))

    def __or__(self, other: NumberSet) -> NumberSet:
        if self is other or other is NONE:
            return self
        pairs = zip(self.regions, other.regions, strict=True)
        return NumberSet(self.plain | other.plain, *(_either(a, b) for a, b in pairs))

    def __invert__(self) -> NumberSet:
        return NumberSet(_SYNTAX - self.plain, *(None if held is None else not held for held in self.regions))


@lru_cache(maxsize=256)
def compared(bound: Decimal, wanted: str) -> NumberSet:
    """Return the numbers that compare to a bound as one of the signs in `wanted` says (`<`, `=`, `>`)."""
    signs = frozenset(wanted)
    positive, negative = _sides(bound, signs)
    plain = (positive | _minus(negative)) & _SYNTAX
    return NumberSet(plain, *(_region(bound, signs, region) for region in _REGIONS))


@lru_cache(maxsize=64)
def multiples(of_what: Decimal) -> NumberSet:
    """Return the multiples of a positive number."""
    digits, places = _scaled(of_what)
    if digits * (places + 2) > _MAX_RESIDUES:
        raise TooLarge(f"the multiples of {of_what} take more than {_MAX_RESIDUES} states")
    every_whole = True if 10**places % digits == 0 else None
    small = None if of_what < SMALL else False
    return NumberSet(_residues(digits, places) & _SYNTAX, every_whole, every_whole, small, small)


def exactly(values: Iterable[Decimal]) -> NumberSet:
    """Return the set of these numbers."""
    every = set(values)
    whole = [value for value in every if value == value.to_integral_value()]
    rest = [value for value in every if value != value.to_integral_value()]
    if len(rest) > _MAX_FRACTIONS:
        raise TooLarge(f"more than {_MAX_FRACTIONS} fractions in one enum")
    plain = _with_zeros(words_dfa(format(value, "f").split(".")[0] for value in whole if _fits(value)))
    if 0 in every:
        plain |= _ZERO
    plain = reduce(lambda a, b: a | b, (compared(value, "=").plain for value in rest), plain)
    return NumberSet(plain, *(None if any(value in region for value in every) else False for region in _REGIONS))


def _both(a: Held, b: Held) -> Held:
    if a is False or b is False:
        return False
    return True if a and b else None


def _either(a: Held, b: Held) -> Held:
    if a or b:
        return True
    return False if a is False and b is False else None


def _fits(value: Decimal) -> bool:
    if value and abs(value.adjusted()) > _MAX_DIGITS:
        raise TooLarge(f"a number of more than {_MAX_DIGITS} digits")
    return True


def _with_zeros(whole: Dfa) -> Dfa:
    """Return these whole numbers, each also with a fraction of zeros."""
    first = len(whole.edges)
    rows: list[list[Edge]] = [list(row) for row in whole.edges]
    for state in whole.finals:
        rows[state] += edges_to(char_set("."), first)
    rows += [edges_to(char_set("0"), first + 1), edges_to(char_set("0"), first + 1)]
    return build_dfa(rows, [*whole.finals, first + 1])


def _scaled(number: Decimal) -> tuple[int, int]:
    """Return (digits, places) with number = digits / 10**places and the fewest places."""
    _fits(number)
    text = format(number, "f")
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    return int(whole + fraction), len(fraction)


def _sides(bound: Decimal, signs: frozenset[str]) -> tuple[Dfa, Dfa]:
    """Return the texts of the positive numbers, and those of the negative ones, both without a sign."""
    bound = bound or Decimal(0)
    opposite = frozenset({"<": ">", ">": "<", "=": "="}[sign] for sign in signs)
    if bound > 0:
        return _magnitudes(bound, signs), _UNSIGNED if "<" in signs else NO_TEXT
    if bound < 0:
        return _UNSIGNED if ">" in signs else NO_TEXT, _magnitudes(bound.copy_negate(), opposite)
    return _magnitudes(bound, signs), _magnitudes(bound, opposite)


def _minus(texts: Dfa) -> Dfa:
    """Return the texts with a minus sign before them."""
    rows = [edges_to(char_set("-"), 1), *([(low, high, to + 1) for low, high, to in row] for row in texts.edges)]
    return build_dfa(rows, [state + 1 for state in texts.finals])


def _magnitudes(bound: Decimal, signs: frozenset[str]) -> Dfa:
    """Return the unsigned texts, without leading zeros, of the numbers that compare like this to a non-negative bound.

    A state is how many digits were read, and how they compare to as many digits of the bound.
    """
    _fits(bound)
    whole, _, fraction = format(bound, "f").partition(".")
    fraction = fraction.rstrip("0")
    net = _Compare()
    for place, digit in enumerate(whole):
        for sign in "<=>":
            net.digits(("whole", place, sign), ("whole", place + 1), sign, digit)
    for sign in "<=>":
        end = ("whole", len(whole), sign)
        net.digits(end, ("long", 0), ">", "0")
        net.edge(end, ".", ("part", 0, sign))
        for place in range(1, len(whole)):
            net.edge(("whole", place, sign), ".", ("part", 0, "<"))
    net.edge(("long", 0, ">"), "0123456789", ("long", 0, ">"))
    net.edge(("long", 0, ">"), ".", ("part", 0, ">"))
    for place, digit in enumerate([*fraction, "0"]):
        following = min(place + 1, len(fraction))
        net.digits(("part", place, "="), ("part", following), "=", digit)
    for sign in "<>":
        for place in range(len(fraction) + 1):
            net.edge(("part", place, sign), "0123456789", ("part", 0, sign))
    ends = [
        number
        for (kind, place, sign), number in net.number.items()
        if _outcome(kind, place, sign, len(whole), len(fraction)) in signs
    ]
    return build_dfa(net.rows, ends)


def _outcome(kind: str, place: int, sign: str, whole: int, fraction: int) -> str:
    """Return how a text that ends in this state compares to the bound."""
    if kind == "whole" and place < whole:
        return "<"
    if sign != "=":
        return sign
    # Digits of the bound that are still missing make the text smaller; its last digit is no zero.
    read = place if kind == "part" else 0
    return "<" if read < fraction else "="


class _Compare:
    """An automaton whose states have names; the first one is the start."""

    def __init__(self) -> None:
        self.number: dict[tuple[str, int, str], int] = {("whole", 0, "="): 0}
        self.rows: list[list[Edge]] = [[]]

    def edge(self, start: tuple[str, int, str], characters: str, end: tuple[str, int, str]) -> None:
        for state in (start, end):
            if state not in self.number:
                self.number[state] = len(self.rows)
                self.rows.append([])
        self.rows[self.number[start]] += edges_to(char_set(characters), self.number[end])

    def digits(self, start: tuple[str, int, str], end: tuple[str, int], sign: str, digit: str) -> None:
        """Add the edges of all digits; while all digits were equal, this digit of the bound decides."""
        for each in "0123456789":
            decided = sign if sign != "=" else "<" if each < digit else ">" if each > digit else "="
            self.edge(start, each, (*end, decided))


def _residues(modulus: int, places: int) -> Dfa:
    """Return the texts whose number times 10**places is a multiple of the modulus; the caller checks the syntax.

    A state is a residue in a phase: phase 0 reads the whole part, phase p the fraction after p - 1 of its digits.
    """
    rows: list[list[Edge]] = []
    finals: list[int] = []
    for phase in range(places + 2):
        for residue in range(modulus):
            missing = places - max(phase - 1, 0)
            if residue * 10**missing % modulus == 0:
                finals.append(len(rows))
            rows.append(_digits_read(phase, residue, modulus, places))
    return build_dfa(rows, finals)


def _digits_read(phase: int, residue: int, modulus: int, places: int) -> list[Edge]:
    if phase == places + 1:
        # After the last place only zeros keep the number a multiple.
        return edges_to(char_set("0"), phase * modulus + residue)
    first = (phase + 1 if phase else 0) * modulus
    row = [
        edge for digit in range(10) for edge in edges_to(char_set(str(digit)), first + (10 * residue + digit) % modulus)
    ]
    if phase == 0:
        row += edges_to(char_set("."), modulus + residue) + ([] if residue else edges_to(char_set("-"), 0))
    return row


def _region(bound: Decimal, signs: frozenset[str], region: _Region) -> Held:
    """Return whether the numbers of a region compare like this to a bound: all, none, or some (None)."""
    if bound < region.low or (bound == region.low and not region.with_low):
        found = frozenset(">")
    elif bound > region.high or (bound == region.high and not region.with_high):
        found = frozenset("<")
    elif bound == region.low:
        found = frozenset("=>")
    else:
        found = frozenset("<=") if bound == region.high else frozenset("<=>")
    return True if found <= signs else None if found & signs else False


ANY: Final = NumberSet(_SYNTAX, True, True, True, True)
NONE: Final = NumberSet(NO_TEXT, False, False, False, False)
WHOLE: Final = NumberSet(_WHOLE, True, True, False, False)
# A set of texts, not of numbers: what draft 4 calls an integer has no fraction and no exponent.
WRITTEN_WHOLE: Final = NumberSet(pattern_dfa(r"^-?(0|[1-9][0-9]*)$"), False, False, False, False)
