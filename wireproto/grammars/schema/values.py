"""Sets of JSON values of every kind: the algebra behind `allOf`, `anyOf`, `oneOf`, `not` and `if`.

It must not know schemas or rules. Law: `&`, `|` and `~` are what they are for sets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wireproto.grammars.automata import decimals
from wireproto.grammars.automata.automaton import ALL
from wireproto.grammars.automata.decimals import Numbers
from wireproto.grammars.schema.sets import Array, Clause, Object, Text, limited, met

_TRUTHS: Final = frozenset({False, True})


@dataclass(frozen=True, slots=True)
class Values:
    """A set of JSON values, by type. Strings, arrays and objects are unions of clauses."""

    null: bool = False
    truths: frozenset[bool] = frozenset()
    numbers: Numbers = decimals.NONE
    strings: tuple[Text, ...] = ()
    arrays: tuple[Array, ...] = ()
    objects: tuple[Object, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it is seen that there is no value."""
        return not (self.null or self.truths or self.strings or self.arrays or self.objects) and self.numbers.is_empty

    @property
    def is_closed(self) -> bool:
        """Whether nothing in it is a formula of some document."""
        return self.arrays in ((), ANYTHING.arrays) and self.objects in ((), ANYTHING.objects)

    def listed(self, limit: int) -> frozenset[str] | None:
        """Return a text for each value, the same for equal ones; None if they are not few or not plain."""
        numbers = self.numbers.values(limit)
        words = [text.words(limit) for text in self.strings]
        if self.arrays or self.objects or numbers is None or None in words:
            return None
        others = [str(each) for each in [*([None] if self.null else []), *self.truths]]
        return frozenset([*numbers, *others, *(f'"{word}' for each in words for word in each or ())])

    def __and__(self, other: Values) -> Values:
        if self == ANYTHING:
            return other
        if other == ANYTHING:
            return self
        return Values(
            self.null and other.null,
            self.truths & other.truths,
            self.numbers & other.numbers,
            _met(self.strings, other.strings, ANYTHING.strings, Text.meet),
            _met(self.arrays, other.arrays, ANYTHING.arrays, Array.meet),
            _met(self.objects, other.objects, ANYTHING.objects, Object.meet),
        )

    def __or__(self, other: Values) -> Values:
        if ANYTHING in (self, other):
            return ANYTHING
        return Values(
            self.null or other.null,
            self.truths | other.truths,
            self.numbers | other.numbers,
            _joined(self.strings, other.strings),
            _united(self.arrays + other.arrays, ANYTHING.arrays),
            _united(self.objects + other.objects, ANYTHING.objects),
        )

    def __invert__(self) -> Values:
        strings: tuple[Text, ...] = (Text(ALL),)
        for text in self.strings:
            strings = met(strings, text.others(), Text.meet)
        arrays: tuple[Array, ...] = (Array(),)
        for array in self.arrays:
            arrays = met(arrays, limited(array.others()), Array.meet)
        objects: tuple[Object, ...] = (Object(),)
        for each in self.objects:
            objects = met(objects, limited(each.others()), Object.meet)
        return Values(not self.null, _TRUTHS - self.truths, ~self.numbers, strings, arrays, objects)


def _met(
    first: tuple[Clause, ...],
    second: tuple[Clause, ...],
    every: tuple[Clause, ...],
    meet: Callable[[Clause, Clause], Clause],
) -> tuple[Clause, ...]:
    if not first or second is every or first is second:
        return first
    return second if not second or first is every else met(first, second, meet)


def _united(clauses: tuple[Clause, ...], every: tuple[Clause, ...]) -> tuple[Clause, ...]:
    return every if every[0] in clauses else limited(clauses)


def _joined(first: tuple[Text, ...], second: tuple[Text, ...]) -> tuple[Text, ...]:
    """Return the union; what has no length apart from its automaton is one automaton."""
    joined = None
    counted: list[Text] = []
    for text in first + second:
        if text.least or text.most is not None:
            counted.append(text)
        else:
            joined = text.dfa if joined is None else joined | text.dfa
    if joined == ALL:
        return (Text(ALL),)
    return limited([*([] if joined is None else [Text(joined)]), *counted])


ANYTHING: Final = Values(True, _TRUTHS, decimals.ANY, (Text(ALL),), (Array(),), (Object(),))
NOTHING: Final = Values()


def values(
    *,
    null: bool = True,
    truths: frozenset[bool] = _TRUTHS,
    number: Numbers = decimals.ANY,
    strings: tuple[Text, ...] = ANYTHING.strings,
    arrays: tuple[Array, ...] = ANYTHING.arrays,
    objects: tuple[Object, ...] = ANYTHING.objects,
) -> Values:
    """Return everything, but of these types only what is given: what a keyword says of one type."""
    return Values(
        null,
        truths,
        number,
        strings if strings is ANYTHING.strings else limited(strings),
        arrays if arrays is ANYTHING.arrays else limited(arrays),
        objects if objects is ANYTHING.objects else limited(objects),
    )
