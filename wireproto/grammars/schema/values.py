"""Sets of JSON values of all types: the algebra behind `allOf`, `anyOf`, `oneOf`, `not` and `if`.

It must not know schemas or rules. Law: `&`, `|` and `~` are those of sets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wireproto.automata import decimals
from wireproto.automata.automaton import ANY_TEXT
from wireproto.automata.decimals import NumberSet
from wireproto.grammars.schema.sets import ArraySet, Clause, ObjectSet, StringSet, distinct, intersected

_TRUTHS: Final = frozenset({False, True})


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A set of JSON values, by type. Strings, arrays and objects are unions of clauses."""

    null: bool = False
    booleans: frozenset[bool] = frozenset()
    numbers: NumberSet = decimals.NONE
    strings: tuple[StringSet, ...] = ()
    arrays: tuple[ArraySet, ...] = ()
    objects: tuple[ObjectSet, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the set is visibly empty."""
        return not (self.null or self.booleans or self.strings or self.arrays or self.objects) and self.numbers.is_empty

    @property
    def is_closed(self) -> bool:
        """Whether no formula is in it, so that it means the same in every document."""
        return self.arrays in ((), ANY_VALUE.arrays) and self.objects in ((), ANY_VALUE.objects)

    def listed(self, limit: int) -> frozenset[str] | None:
        """Return a text for each value; None if there are more than `limit`, or arrays or objects."""
        numbers = self.numbers.values(limit)
        words = [text.words(limit) for text in self.strings]
        if self.arrays or self.objects or numbers is None or None in words:
            return None
        others = [str(each) for each in [*([None] if self.null else []), *self.booleans]]
        return frozenset([*numbers, *others, *(f'"{word}' for each in words for word in each or ())])

    def __and__(self, other: ValueSet) -> ValueSet:
        if self == ANY_VALUE:
            return other
        if other == ANY_VALUE:
            return self
        return ValueSet(
            self.null and other.null,
            self.booleans & other.booleans,
            self.numbers & other.numbers,
            _met(self.strings, other.strings, ANY_VALUE.strings, StringSet.meet),
            _met(self.arrays, other.arrays, ANY_VALUE.arrays, ArraySet.meet),
            _met(self.objects, other.objects, ANY_VALUE.objects, ObjectSet.meet),
        )

    def __or__(self, other: ValueSet) -> ValueSet:
        if ANY_VALUE in (self, other):
            return ANY_VALUE
        return ValueSet(
            self.null or other.null,
            self.booleans | other.booleans,
            self.numbers | other.numbers,
            _joined(self.strings, other.strings),
            _united(self.arrays + other.arrays, ANY_VALUE.arrays),
            _united(self.objects + other.objects, ANY_VALUE.objects),
        )

    def __invert__(self) -> ValueSet:
        strings: tuple[StringSet, ...] = (StringSet(ANY_TEXT),)
        for text in self.strings:
            strings = intersected(strings, text.others(), StringSet.meet)
        arrays: tuple[ArraySet, ...] = (ArraySet(),)
        for array in self.arrays:
            arrays = intersected(arrays, distinct(array.others()), ArraySet.meet)
        objects: tuple[ObjectSet, ...] = (ObjectSet(),)
        for each in self.objects:
            objects = intersected(objects, distinct(each.others()), ObjectSet.meet)
        return ValueSet(not self.null, _TRUTHS - self.booleans, ~self.numbers, strings, arrays, objects)


def _met(
    first: tuple[Clause, ...],
    second: tuple[Clause, ...],
    every: tuple[Clause, ...],
    meet: Callable[[Clause, Clause], Clause],
) -> tuple[Clause, ...]:
    if not first or second is every or first is second:
        return first
    return second if not second or first is every else intersected(first, second, meet)


def _united(clauses: tuple[Clause, ...], every: tuple[Clause, ...]) -> tuple[Clause, ...]:
    return every if every[0] in clauses else distinct(clauses)


def _joined(first: tuple[StringSet, ...], second: tuple[StringSet, ...]) -> tuple[StringSet, ...]:
    """Return the union; clauses without a separate length become one automaton."""
    joined = None
    counted: list[StringSet] = []
    for text in first + second:
        if text.least or text.most is not None:
            counted.append(text)
        else:
            joined = text.dfa if joined is None else joined | text.dfa
    if joined == ANY_TEXT:
        return (StringSet(ANY_TEXT),)
    return distinct([*([] if joined is None else [StringSet(joined)]), *counted])


ANY_VALUE: Final = ValueSet(True, _TRUTHS, decimals.ANY, (StringSet(ANY_TEXT),), (ArraySet(),), (ObjectSet(),))
NO_VALUE: Final = ValueSet()


def restricted(
    *,
    null: bool = True,
    booleans: frozenset[bool] = _TRUTHS,
    number: NumberSet = decimals.ANY,
    strings: tuple[StringSet, ...] = ANY_VALUE.strings,
    arrays: tuple[ArraySet, ...] = ANY_VALUE.arrays,
    objects: tuple[ObjectSet, ...] = ANY_VALUE.objects,
) -> ValueSet:
    """Return all values, but of the given types only these: a keyword restricts one type and leaves the others."""
    return ValueSet(
        null,
        booleans,
        number,
        strings if strings is ANY_VALUE.strings else distinct(strings),
        arrays if arrays is ANY_VALUE.arrays else distinct(arrays),
        objects if objects is ANY_VALUE.objects else distinct(objects),
    )
