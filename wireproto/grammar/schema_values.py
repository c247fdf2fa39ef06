"""Sets of JSON values of every kind: the algebra behind `allOf`, `anyOf`, `oneOf`, `not` and `if`.

It must not know schemas or rules. Law: `&`, `|` and `~` are what they are for sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wireproto.grammar import numbers
from wireproto.grammar.automaton import ALL
from wireproto.grammar.numbers import Numbers
from wireproto.grammar.schema_sets import Array, Object, Text, limited, met

_TRUTHS: Final = frozenset({False, True})


@dataclass(frozen=True, slots=True)
class Values:
    """A set of JSON values, by type. Strings, arrays and objects are unions of clauses."""

    null: bool = False
    truths: frozenset[bool] = frozenset()
    numbers: Numbers = numbers.NONE
    strings: tuple[Text, ...] = ()
    arrays: tuple[Array, ...] = ()
    objects: tuple[Object, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it is seen that there is no value."""
        return not (self.null or self.truths or self.strings or self.arrays or self.objects) and self.numbers.is_empty

    def __and__(self, other: Values) -> Values:
        if self == ANYTHING:
            return other
        if other == ANYTHING:
            return self
        return Values(
            self.null and other.null,
            self.truths & other.truths,
            self.numbers & other.numbers,
            met(self.strings, other.strings, Text.meet),
            met(self.arrays, other.arrays, Array.meet),
            met(self.objects, other.objects, Object.meet),
        )

    def __or__(self, other: Values) -> Values:
        if ANYTHING in (self, other):
            return ANYTHING
        return Values(
            self.null or other.null,
            self.truths | other.truths,
            self.numbers | other.numbers,
            _joined(self.strings, other.strings),
            (Array(),) if Array() in self.arrays + other.arrays else limited(self.arrays + other.arrays),
            (Object(),) if Object() in self.objects + other.objects else limited(self.objects + other.objects),
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


ANYTHING: Final = Values(True, _TRUTHS, numbers.ANY, (Text(ALL),), (Array(),), (Object(),))
NOTHING: Final = Values()


def values(
    *,
    null: bool = True,
    truths: frozenset[bool] = _TRUTHS,
    number: Numbers = numbers.ANY,
    strings: tuple[Text, ...] = ANYTHING.strings,
    arrays: tuple[Array, ...] = ANYTHING.arrays,
    objects: tuple[Object, ...] = ANYTHING.objects,
) -> Values:
    """Return everything, but of these types only what is given: what a keyword says of one type."""
    return Values(null, truths, number, limited(strings), limited(arrays), limited(objects))
