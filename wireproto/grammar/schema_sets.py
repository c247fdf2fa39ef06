"""Sets of JSON values of one kind each: strings, arrays, objects. A set is a union of clauses.

It must not know schemas or rules; members are formulas. Law: intersection and complement are exact, or `TooLarge` and
`Inexpressible` are raised; a clause that no value satisfies for a reason seen here is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from wireproto.grammar.automaton import ALL, EMPTY, Dfa, TooLarge, of_length, of_words
from wireproto.grammar.schema_formula import FALSE, TRUE, Formula, both, inverse

_MAX_CLAUSES: Final = 256
_MANY_CLAUSES: Final = 32
_MAX_MEETINGS: Final = 8_192
_MAX_KINDS: Final = 64
# Up to here a length is part of the automaton.
_MAX_COUNTED: Final = 128


class Inexpressible(ValueError):
    """Something that no grammar of ours can say; `keyword` is what asked for it, `pointer` where, if that is known."""

    def __init__(self, keyword: str, why: str, pointer: str | None = None) -> None:
        super().__init__(why)
        self.keyword, self.why, self.pointer = keyword, why, pointer


@dataclass(frozen=True, slots=True)
class Text:
    """Strings of an automaton, `least` to `most` code points long."""

    dfa: Dfa
    least: int = 0
    most: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it is seen that there is none."""
        return self.dfa.is_empty or (self.most is not None and self.most < self.least)

    def within(self, other: Text) -> bool:
        """Whether it is seen that every string of this clause is one of the other."""
        return other in (self, Text(ALL))

    def meet(self, other: Text) -> Text:
        """Return the strings in both."""
        dfa = self.dfa & other.dfa
        return Text(dfa, max(self.least, other.least), _lower(self.most, other.most))

    def others(self) -> tuple[Text, ...]:
        """Return all other strings."""
        found = [Text(~self.dfa)]
        if self.least:
            found.append(text_of_length(0, self.least - 1))
        if self.most is not None:
            found.append(text_of_length(self.most + 1, None))
        return tuple(found)


def text_of_length(least: int, most: int | None) -> Text:
    """Return the strings of such a length."""
    if most is not None and most < least:
        return Text(EMPTY)
    if max(least, most or 0) > _MAX_COUNTED:
        return Text(ALL, least, most)
    return Text(of_length(least, most))


@dataclass(frozen=True, slots=True)
class Count:
    """How many items of an array, from the index `start` on, a formula must accept."""

    formula: Formula
    least: int
    most: int | None
    start: int = 0


@dataclass(frozen=True, slots=True)
class Array:
    """Arrays: what the first items are, what the rest is, how many there are, and what must be among them."""

    prefix: tuple[Formula, ...] = ()
    rest: Formula = TRUE
    least: int = 0
    most: int | None = None
    counts: tuple[Count, ...] = ()
    unique: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it is seen that there is none."""
        reach = next((i for i, each in enumerate((*self.prefix, self.rest)) if each == FALSE), None)
        most = _lower(self.most, reach)
        needed = max([self.least, *(count.least for count in self.counts)])
        impossible = any(count.most is not None and count.most < count.least for count in self.counts)
        return impossible or (most is not None and most < needed)

    def item(self, index: int) -> Formula:
        """Return what the item at an index must be."""
        return self.prefix[index] if index < len(self.prefix) else self.rest

    def within(self, other: Array) -> bool:
        """Whether it is seen that every array of this clause is one of the other."""
        return other in (self, Array())

    def meet(self, other: Array) -> Array:
        """Return the arrays in both."""
        size = max(len(self.prefix), len(other.prefix))
        return Array(
            tuple(both(self.item(i), other.item(i)) for i in range(size)),
            both(self.rest, other.rest),
            max(self.least, other.least),
            _lower(self.most, other.most),
            tuple(dict.fromkeys(self.counts + other.counts)),
            self.unique or other.unique,
        )

    def others(self) -> tuple[Array, ...]:
        """Return all other arrays."""
        if self.unique:
            raise Inexpressible("uniqueItems", "that items are not all different is not said by any grammar")
        found: list[Array] = []
        for index, formula in enumerate(self.prefix):
            if formula != TRUE:
                found.append(Array((*(TRUE,) * index, inverse(formula)), least=index + 1))
        if self.rest != TRUE:
            found.append(Array(counts=(Count(inverse(self.rest), 1, None, len(self.prefix)),)))
        found += [Array(most=self.least - 1)] if self.least else []
        found += [Array(least=self.most + 1)] if self.most is not None else []
        for count in self.counts:
            found += [Array(counts=(replace(count, least=0, most=count.least - 1),))] if count.least else []
            found += (
                [Array(counts=(replace(count, least=count.most + 1, most=None),))] if count.most is not None else []
            )
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Member:
    """A key that is told apart: whether it must be there, and what its value is."""

    key: str
    required: bool
    value: Formula


@dataclass(frozen=True, slots=True)
class Kind:
    """The value of every key of a language."""

    keys: Dfa
    value: Formula


ANY_KEYS: Final = (Kind(ALL, TRUE),)


@dataclass(frozen=True, slots=True)
class Object:
    """Objects: named members, what all other keys hold (kinds that exclude each other), how many there are.

    `some`: for each of these kinds there is a key that holds such a value.
    """

    members: tuple[Member, ...] = ()
    kinds: tuple[Kind, ...] = ANY_KEYS
    least: int = 0
    most: int | None = None
    some: tuple[Kind, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it is seen that there is none."""
        required = sum(member.required for member in self.members)
        if any(member.required and member.value == FALSE for member in self.members):
            return True
        if self.most is not None and self.most < max(self.least, required):
            return True
        free = any(kind.value != FALSE for kind in self.kinds)
        return not free and sum(member.value != FALSE for member in self.members) < self.least

    def value(self, key: str) -> Formula:
        """Return what a key holds."""
        named = next((member.value for member in self.members if member.key == key), None)
        if named is not None:
            return named
        return next((kind.value for kind in self.kinds if kind.keys.accepts(key)), TRUE)

    def within(self, other: Object) -> bool:
        """Whether it is seen that every object of this clause is one of the other."""
        if other.least > self.least or (other.most is not None and (self.most is None or self.most > other.most)):
            return False
        ours = {member.key: member for member in self.members}
        if any(member.required and not (member.key in ours and ours[member.key].required) for member in other.members):
            return False
        if other.kinds not in (self.kinds, ANY_KEYS) or not set(other.some) <= set(self.some):
            return False
        keys = {*ours, *(member.key for member in other.members)}
        return all(self.value(key) in (FALSE, other.value(key)) or other.value(key) == TRUE for key in keys)

    def meet(self, other: Object) -> Object:
        """Return the objects in both."""
        ours = {member.key: member for member in self.members}
        theirs = {member.key: member for member in other.members}
        members = []
        for key in dict.fromkeys((*ours, *theirs)):
            required = any(key in each and each[key].required for each in (ours, theirs))
            members.append(Member(key, required, both(self.value(key), other.value(key))))
        return Object(
            tuple(members),
            _merged(Kind(a.keys & b.keys, both(a.value, b.value)) for a in self.kinds for b in other.kinds),
            max(self.least, other.least),
            _lower(self.most, other.most),
            tuple(dict.fromkeys(self.some + other.some)),
        )

    def others(self) -> tuple[Object, ...]:
        """Return all other objects."""
        found: list[Object] = []
        for member in self.members:
            if member.required:
                found.append(Object((Member(member.key, False, FALSE),)))
            if member.value != TRUE:
                found.append(Object((Member(member.key, True, inverse(member.value)),)))
        named = of_words(member.key for member in self.members)
        for kind in self.kinds:
            keys = kind.keys - named
            if kind.value != TRUE and not keys.is_empty:
                found.append(Object(some=(Kind(keys, inverse(kind.value)),)))
        found += [Object(most=self.least - 1)] if self.least else []
        found += [Object(least=self.most + 1)] if self.most is not None else []
        for kind in self.some:
            found.append(Object(kinds=_merged([Kind(kind.keys, inverse(kind.value)), Kind(~kind.keys, TRUE)])))
        return tuple(found)


Clause = TypeVar("Clause", Text, Array, Object)


def met(
    first: Sequence[Clause], second: Sequence[Clause], meet: Callable[[Clause, Clause], Clause]
) -> tuple[Clause, ...]:
    """Return the union of all meetings of clauses; where there are too many, without those that others cover."""
    if len(first) * len(second) > _MAX_MEETINGS:
        raise TooLarge(f"more than {_MAX_MEETINGS} cases to tell apart")
    kept: dict[Clause, None] = {}
    enough = _MANY_CLAUSES
    for a in first:
        for b in second:
            clause = meet(a, b)
            if not clause.is_empty:
                kept[clause] = None
        if len(kept) > enough:
            kept, enough = _uncovered(kept), 2 * enough
        if len(kept) > _MAX_CLAUSES:
            break
    return limited(kept)


def _uncovered(clauses: Iterable[Clause]) -> dict[Clause, None]:
    kept: dict[Clause, None] = {}
    for clause in clauses:
        if not any(clause.within(each) for each in kept):
            kept = {each: None for each in kept if not each.within(clause)}
            kept[clause] = None
    return kept


def limited(clauses: Iterable[Clause]) -> tuple[Clause, ...]:
    """Return the clauses that are not empty, each once."""
    kept = tuple(dict.fromkeys(clause for clause in clauses if not clause.is_empty))
    if len(kept) > _MAX_CLAUSES:
        raise TooLarge(f"more than {_MAX_CLAUSES} cases to tell apart")
    return kept


def _merged(kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """Return kinds of which no two hold the same values."""
    found: dict[Formula, Dfa] = {}
    for kind in kinds:
        if not kind.keys.is_empty:
            found[kind.value] = found[kind.value] | kind.keys if kind.value in found else kind.keys
        if len(found) > _MAX_KINDS:
            raise TooLarge(f"more than {_MAX_KINDS} kinds of keys")
    return tuple(Kind(keys, value) for value, keys in found.items())


def kinds_of(kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """Return kinds with those of equal values joined."""
    return _merged(kinds)


def _lower(first: int | None, second: int | None) -> int | None:
    return second if first is None else first if second is None else min(first, second)
