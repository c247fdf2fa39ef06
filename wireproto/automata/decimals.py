"""Sets of numbers as the decimal texts that JSON writes for them.

Texts without an exponent are one automaton, so that bounds, multiples and complements are exact. Texts with an exponent
fall into four regions (large or small, positive or negative). A set holds all numbers of a region, none, or some; of
those held in part none is written with an exponent, since every number has a plain text too.

It must not know schemas or rules. Law: a text is in the set exactly when its number is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, reduce
from typing import Final

from wireproto.automata.automaton import NO_TEXT, Dfa, Edge, build_dfa, edges_to, explored, words_dfa
from wireproto.automata.charset import char_set
from wireproto.automata.patterns import pattern_dfa
from wireproto.values.errors import TooLarge

# Whether the numbers of a region are in the set: all (True), none (False), or some (None).
Held = bool | None
_Compared = tuple[bool, int, str]

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

    `plain`: the decimal texts. `regions`: what is held of the texts with an exponent, as `json.dumps` writes them: from
    1e16 on, up to -1e16 (both whole), below 1e-4, above -1e-4 (both not 0).
    """

    plain: Dfa
    regions: tuple[Held, ...] = (False, False, False, False)

    @property
    def is_empty(self) -> bool:
        """Whether no text is in the set."""
        return self.plain.is_empty and not any(self.regions)

    @property
    def decimal(self) -> NumberSet:
        """The same numbers, none written with an exponent."""
        return NumberSet(self.plain)

    def values(self, limit: int) -> tuple[str, ...] | None:
        """Return one text for each number; None if there are more than `limit`, or texts with exponents."""
        return None if any(held is not False for held in self.regions) else (self.plain & _CANONICAL).words(limit)

    def __and__(self, other: NumberSet) -> NumberSet:
        if self is other or other is ANY or self is NONE:
            return self
        if self is ANY or other is NONE:
            return other
        return NumberSet(self.plain & other.plain, tuple(map(_both, self.regions, other.regions)))

    def __or__(self, other: NumberSet) -> NumberSet:
        if self is other or other is NONE:
            return self
        return NumberSet(self.plain | other.plain, tuple(map(_either, self.regions, other.regions)))

    def __invert__(self) -> NumberSet:
        return NumberSet(_SYNTAX - self.plain, tuple(None if held is None else not held for held in self.regions))


@lru_cache(maxsize=256)
def compared(bound: Decimal, wanted: str) -> NumberSet:
    """Return the numbers that compare to a bound as one of the signs in `wanted` says (`<`, `=`, `>`)."""
    signs = frozenset(wanted)
    positive, negative = _sides(bound, signs)
    plain = (positive | _minus(negative)) & _SYNTAX
    return NumberSet(plain, tuple(_region(bound, signs, region) for region in _REGIONS))


@lru_cache(maxsize=64)
def multiples(of_what: Decimal) -> NumberSet:
    """Return the multiples of a positive number."""
    digits, places = _scaled(of_what)
    if digits * (places + 2) > _MAX_RESIDUES:
        raise TooLarge(f"the multiples of {of_what} take more than {_MAX_RESIDUES} states")
    every_whole = True if 10**places % digits == 0 else None
    small = None if of_what < SMALL else False
    return NumberSet(_residues(digits, places) & _SYNTAX, (every_whole, every_whole, small, small))


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
    return NumberSet(plain, tuple(None if any(value in region for value in every) else False for region in _REGIONS))


def _both(a: Held, b: Held) -> Held:
    return False if a is False or b is False else True if a and b else None


def _either(a: Held, b: Held) -> Held:
    return True if a or b else False if a is False and b is False else None


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

    A state: whether the point was read, how many digits of this part (as far as the bound has any), how they compare.
    """
    _fits(bound)
    whole, _, fraction = format(bound, "f").partition(".")
    fraction = fraction.rstrip("0")

    def row(state: _Compared) -> Iterator[tuple[int, int, _Compared]]:
        point, place, sign = state
        digits = fraction if point else whole
        longer = place >= len(digits) and not point
        after = min(place + 1, len(digits) + (not point))
        for digit in "0123456789":
            wanted = digits[place] if place < len(digits) else "0"
            decided = sign if sign != "=" else "<" if digit < wanted else ">" if digit > wanted else "="
            yield ord(digit), ord(digit), (point, after, ">" if longer else decided)
        if not point and place:
            yield ord("."), ord("."), (True, 0, _by_length(place, len(whole), sign))

    def is_final(state: _Compared) -> bool:
        point, place, sign = state
        sign = sign if point else _by_length(place, len(whole), sign)
        # Digits of the bound that are still missing make the text smaller; its last digit is no zero.
        return ("<" if sign == "=" and (place if point else 0) < len(fraction) else sign) in signs

    return explored((False, 0, "="), row, is_final)


def _by_length(place: int, size: int, sign: str) -> str:
    """Return how whole parts compare of which one has `place` digits and the bound `size`."""
    return "<" if place < size else ">" if place > size else sign


def _residues(modulus: int, places: int) -> Dfa:
    """Return the texts whose number times 10**places is a multiple of the modulus; the caller checks the syntax.

    A state is a residue in a phase: phase 0 reads the whole part, phase p the fraction after p - 1 of its digits.
    """

    def row(state: tuple[int, int]) -> Iterator[tuple[int, int, tuple[int, int]]]:
        phase, residue = state
        if phase == places + 1:
            # After the last place only zeros keep the number a multiple.
            yield ord("0"), ord("0"), state
            return
        for digit in range(10):
            after = (phase + 1 if phase else 0, (10 * residue + digit) % modulus)
            yield ord("0") + digit, ord("0") + digit, after
        if phase == 0:
            yield ord("."), ord("."), (1, residue)
            if not residue:
                yield ord("-"), ord("-"), state

    def is_final(state: tuple[int, int]) -> bool:
        missing: int = 10 ** (places - max(state[0] - 1, 0))
        return state[1] * missing % modulus == 0

    return explored((0, 0), row, is_final)


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


ANY: Final = NumberSet(_SYNTAX, (True, True, True, True))
NONE: Final = NumberSet(NO_TEXT)
WHOLE: Final = NumberSet(_WHOLE, (True, True, False, False))
# A set of texts, not of numbers: what draft 4 calls an integer has no fraction and no exponent.
WRITTEN_WHOLE: Final = NumberSet(pattern_dfa(r"^-?(0|[1-9][0-9]*)$"))
