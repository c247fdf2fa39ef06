"""Sets of strings, arrays and objects, each as a clause; a union of clauses is in disjunctive normal form.

It must not know schemas or rules; the values of items and members are formulas. Law: intersection and complement are
exact, or raise `TooLarge` or `Inexpressible`. Clauses that are visibly empty are dropped; others may be empty too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from typing import Final, TypeVar

from wireproto.automata.automaton import ANY_TEXT, NO_TEXT, Dfa, length_dfa, words_dfa
from wireproto.grammars.schema.formula import FALSE, TRUE, Formula, conjunction, disjunction, negation
from wireproto.values.errors import TooLarge

# The limits keep products of clauses from growing exponentially. From `_MANY_CLAUSES` on, covered clauses are dropped.
_MAX_CLAUSES: Final = 256
_MANY_CLAUSES: Final = 32
# A product of few clauses may grow to this many: a product of three unions of four, or of six of two.
_MAX_MET: Final = 64
_MAX_MEETINGS: Final = 8_192
_MAX_KINDS: Final = 64
# Up to here a length is part of the automaton, one state for each character; longer ones are kept as numbers.
_MAX_COUNTED: Final = 128


class Inexpressible(ValueError):
    """Something that no grammar here can express; `keyword`: what asked for it; `pointer`: where, if that is known."""

    def __init__(self, keyword: str, why: str, pointer: str | None = None) -> None:
        super().__init__(why)
        self.keyword, self.why, self.pointer = keyword, why, pointer


@dataclass(frozen=True, slots=True)
class StringSet:
    """Strings of an automaton, `least` to `most` code points long."""

    dfa: Dfa
    least: int = 0
    most: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the clause is visibly empty."""
        return self.dfa.is_empty or (self.most is not None and self.most < self.least)

    def words(self, limit: int) -> tuple[str, ...] | None:
        """Return all strings, or None if the automaton has more than `limit` words."""
        found = self.dfa.words(limit)
        fits = range(self.least, sys.maxsize if self.most is None else self.most + 1)
        return None if found is None else tuple(word for word in found if len(word) in fits)

    def counted(self) -> StringSet:
        """Return the same strings; an automaton that only asks for a least length becomes a bound."""
        least = len(self.dfa.edges) - 1
        if self.dfa.finals != {least} or self.dfa != length_dfa(least, None):
            return self
        return StringSet(ANY_TEXT, max(self.least, least), self.most)

    def is_within(self, other: StringSet) -> bool:
        """Whether this clause is visibly a subset of the other."""
        return other in (self, StringSet(ANY_TEXT))

    def meet(self, other: StringSet) -> StringSet:
        """Return the strings in both."""
        dfa = self.dfa & other.dfa
        return StringSet(dfa, max(self.least, other.least), _lower(self.most, other.most))

    def united(self, clauses: list[StringSet]) -> list[StringSet]:
        """Return clauses of the same union."""
        return clauses

    def others(self) -> tuple[StringSet, ...]:
        """Return all other strings."""
        found = [StringSet(~self.dfa)]
        if self.least:
            found.append(strings_of_length(0, self.least - 1))
        if self.most is not None:
            found.append(strings_of_length(self.most + 1, None))
        return tuple(found)


def strings_of_length(least: int, most: int | None) -> StringSet:
    """Return the strings of `least` to `most` characters."""
    if most is not None and most < least:
        return StringSet(NO_TEXT)
    if max(least, most or 0) > _MAX_COUNTED:
        return StringSet(ANY_TEXT, least, most)
    return StringSet(length_dfa(least, most))


@dataclass(frozen=True, slots=True)
class ItemCount:
    """`contains`: how many items, from the index `start` on, a formula must accept."""

    formula: Formula
    least: int
    most: int | None
    start: int = 0


@dataclass(frozen=True, slots=True)
class ArraySet:
    """Arrays: what the first items are, what the others are, how many there are, and what must be among them."""

    prefix: tuple[Formula, ...] = ()
    rest: Formula = TRUE
    least: int = 0
    most: int | None = None
    counts: tuple[ItemCount, ...] = ()
    unique: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether the clause is visibly empty."""
        reach = next((i for i, each in enumerate((*self.prefix, self.rest)) if each == FALSE), None)
        most = _lower(self.most, reach)
        needed = max([self.least, *(count.least for count in self.counts)])
        impossible = any(count.most is not None and count.most < count.least for count in self.counts)
        return impossible or (most is not None and most < needed)

    def item(self, index: int) -> Formula:
        """Return what the item at an index must be."""
        return self.prefix[index] if index < len(self.prefix) else self.rest

    def is_within(self, other: ArraySet) -> bool:
        """Whether this clause is visibly a subset of the other."""
        return other in (self, ArraySet())

    def meet(self, other: ArraySet) -> ArraySet:
        """Return the arrays in both."""
        size = max(len(self.prefix), len(other.prefix))
        return ArraySet(
            tuple(conjunction(self.item(i), other.item(i)) for i in range(size)),
            conjunction(self.rest, other.rest),
            max(self.least, other.least),
            _lower(self.most, other.most),
            tuple(dict.fromkeys(self.counts + other.counts)),
            self.unique or other.unique,
        )

    def united(self, clauses: list[ArraySet]) -> list[ArraySet]:
        """Return clauses of the same union."""
        return clauses

    def others(self) -> tuple[ArraySet, ...]:
        """Return all other arrays."""
        if self.unique:
            raise Inexpressible("uniqueItems", "that items are not all different cannot be expressed by a grammar")
        found: list[ArraySet] = []
        for index, formula in enumerate(self.prefix):
            if formula != TRUE:
                found.append(ArraySet((*(TRUE,) * index, negation(formula)), least=index + 1))
        if self.rest != TRUE:
            found.append(ArraySet(counts=(ItemCount(negation(self.rest), 1, None, len(self.prefix)),)))
        found += [ArraySet(most=self.least - 1)] if self.least else []
        found += [ArraySet(least=self.most + 1)] if self.most is not None else []
        for count in self.counts:
            found += [ArraySet(counts=(replace(count, least=0, most=count.least - 1),))] if count.least else []
            if count.most is not None:
                found.append(ArraySet(counts=(replace(count, least=count.most + 1, most=None),)))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Member:
    """A named key: whether it is required, and what it holds."""

    key: str
    required: bool
    value: Formula


@dataclass(frozen=True, slots=True)
class KeyClass:
    """What all keys of a language hold."""

    keys: Dfa
    value: Formula


ANY_KEY: Final = (KeyClass(ANY_TEXT, TRUE),)


@dataclass(frozen=True, slots=True)
class ObjectSet:
    """Objects: named members, what other keys hold (disjoint classes of keys), how many members there are.

    `some`: demands; for each of them some key of the class holds such a value.
    """

    members: tuple[Member, ...] = ()
    kinds: tuple[KeyClass, ...] = ANY_KEY
    least: int = 0
    most: int | None = None
    some: tuple[KeyClass, ...] = ()
    _by_key: dict[str, Member] = field(init=False, repr=False, compare=False)
    _hash: int | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {member.key: member for member in self.members})

    def __hash__(self) -> int:
        found = self._hash
        if found is None:
            # Computed when it is needed: some clauses are hashed thousands of times, most never.
            found = hash((self.members, self.kinds, self.least, self.most, self.some))
            object.__setattr__(self, "_hash", found)
        return found

    @property
    def is_empty(self) -> bool:
        """Whether the clause is visibly empty."""
        required = [member for member in self.members if member.required]
        if any(member.value == FALSE for member in required):
            return True
        if self.most is not None and self.most < max(self.least, len(required)):
            return True
        if not self.least or any(kind.value != FALSE for kind in self.kinds):
            return False
        return sum(member.value != FALSE for member in self.members) < self.least

    def member(self, key: str) -> Member:
        """Return what a key is and holds."""
        return self._by_key.get(key) or Member(key, False, self.other(key))

    def other(self, key: str) -> Formula:
        """Return what a key holds if it is not named."""
        if self.kinds is ANY_KEY:
            return TRUE
        return next((kind.value for kind in self.kinds if kind.keys.accepts(key)), TRUE)

    def is_within(self, other: ObjectSet) -> bool:
        """Whether this clause is visibly a subset of the other."""
        if other.least > self.least or (other.most is not None and (self.most is None or self.most > other.most)):
            return False
        if other.kinds is not ANY_KEY and other.kinds != self.kinds and other.kinds != ANY_KEY:
            return False
        for key, member in other._by_key.items():
            ours = self._by_key.get(key)
            if member.required and not (ours is not None and ours.required):
                return False
            value = ours.value if ours is not None else self.other(key)
            if member.value is not TRUE and value is not FALSE and value != member.value:
                return False
        for key, ours in self._by_key.items():
            if key not in other._by_key and ours.value is not FALSE and other.other(key) not in (ours.value, TRUE):
                return False
        return set(other.some) <= set(self.some)

    def meet(self, other: ObjectSet) -> ObjectSet:
        """Return the objects in both."""
        ours, theirs = self._by_key, other._by_key
        members = []
        for key in {**ours, **theirs}:
            a, b = ours.get(key), theirs.get(key)
            if a is not None and b is None and other.kinds is ANY_KEY:
                members.append(a)
                continue
            required = (a is not None and a.required) or (b is not None and b.required)
            a_holds, b_holds = a.value if a else self.other(key), b.value if b else other.other(key)
            members.append(Member(key, required, conjunction(a_holds, b_holds)))
        return ObjectSet(
            tuple(members),
            _met_kinds(self.kinds, other.kinds),
            max(self.least, other.least),
            _lower(self.most, other.most),
            tuple(dict.fromkeys(self.some + other.some)),
        )

    def united(self, clauses: list[ObjectSet]) -> list[ObjectSet]:
        """Return clauses of the same union; those that differ only in what one key holds become one."""
        before = 0
        while before != len(clauses):
            before = len(clauses)
            for key in dict.fromkeys(member.key for each in clauses for member in each.members):
                groups: dict[Hashable, list[ObjectSet]] = {}
                for each in clauses:
                    others = frozenset(member for member in each.members if member.key != key)
                    groups.setdefault((others, each.kinds, each.least, each.most, each.some), []).append(each)
                clauses = [reduce(partial(_with_either, key), group) for group in groups.values()]
        return clauses

    def others(self) -> tuple[ObjectSet, ...]:
        """Return all other objects."""
        found: list[ObjectSet] = []
        for member in self.members:
            if member.required:
                found.append(ObjectSet((Member(member.key, False, FALSE),)))
            if member.value != TRUE:
                found.append(ObjectSet((Member(member.key, True, negation(member.value)),)))
        named = words_dfa(member.key for member in self.members)
        for kind in self.kinds:
            keys = kind.keys - named
            if kind.value != TRUE and not keys.is_empty:
                found.append(ObjectSet(some=(KeyClass(keys, negation(kind.value)),)))
        found += [ObjectSet(most=self.least - 1)] if self.least else []
        found += [ObjectSet(least=self.most + 1)] if self.most is not None else []
        for kind in self.some:
            found.append(
                ObjectSet(kinds=key_classes([KeyClass(kind.keys, negation(kind.value)), KeyClass(~kind.keys, TRUE)]))
            )
        return tuple(found)


def _met_kinds(first: tuple[KeyClass, ...], second: tuple[KeyClass, ...]) -> tuple[KeyClass, ...]:
    if second is ANY_KEY:
        return first
    return (
        second
        if first is ANY_KEY
        else key_classes(KeyClass(a.keys & b.keys, conjunction(a.value, b.value)) for a in first for b in second)
    )


Clause = TypeVar("Clause", StringSet, ArraySet, ObjectSet)


def intersected(
    first: Sequence[Clause], second: Sequence[Clause], meet: Callable[[Clause, Clause], Clause]
) -> tuple[Clause, ...]:
    """Return the intersection of two unions: all products of clauses, without covered ones if there are many."""
    if len(first) == len(second) == 1:
        return distinct([meet(first[0], second[0])])
    if len(first) * len(second) > _MAX_MEETINGS:
        raise TooLarge(f"more than {_MAX_MEETINGS} cases to distinguish")
    kept: dict[Clause, None] = {}
    enough = _MANY_CLAUSES
    for a in first:
        for b in second:
            clause = meet(a, b)
            if not clause.is_empty:
                kept[clause] = None
        if len(kept) > enough:
            kept = _fewer(kept)
            enough = max(enough, 2 * len(kept))
        if len(kept) > max(_MAX_MET, len(first), len(second)):
            raise TooLarge(f"more than {_MAX_MET} cases to distinguish")
    return distinct(kept)


def _uncovered(clauses: Iterable[Clause]) -> dict[Clause, None]:
    kept: dict[Clause, None] = {}
    for clause in clauses:
        if not any(clause.is_within(each) for each in kept):
            kept = {each: None for each in kept if not each.is_within(clause)}
            kept[clause] = None
    return kept


def distinct(clauses: Iterable[Clause]) -> tuple[Clause, ...]:
    """Return the clauses that are not visibly empty, each once."""
    found = [clause for clause in clauses if not clause.is_empty]
    if len(found) < 2:
        return tuple(found)
    kept = dict.fromkeys(found)
    if len(kept) > _MAX_CLAUSES:
        kept = _fewer(kept)
    if len(kept) > _MAX_CLAUSES:
        raise TooLarge(f"more than {_MAX_CLAUSES} cases to distinguish")
    return tuple(kept)


def _fewer(clauses: Iterable[Clause]) -> dict[Clause, None]:
    """Return fewer clauses of the same union: covered ones dropped, similar ones joined."""
    kept = list(_uncovered(clauses))
    return dict.fromkeys(kept[0].united(kept) if kept else ())


def _with_either(key: str, first: ObjectSet, second: ObjectSet) -> ObjectSet:
    """Return the union of two object clauses that differ in one key only."""
    a, b = first.member(key), second.member(key)
    both_ways = Member(key, a.required and b.required, disjunction(a.value, b.value))
    members = tuple(both_ways if each.key == key else each for each in first.members)
    return replace(first, members=members if any(each.key == key for each in members) else (*members, both_ways))


def key_classes(kinds: Iterable[KeyClass]) -> tuple[KeyClass, ...]:
    """Return classes of keys with those of equal values joined."""
    found: dict[Formula, Dfa] = {}
    for kind in kinds:
        if not kind.keys.is_empty:
            found[kind.value] = found[kind.value] | kind.keys if kind.value in found else kind.keys
        if len(found) > _MAX_KINDS:
            raise TooLarge(f"more than {_MAX_KINDS} kinds of keys")
    return tuple(KeyClass(keys, value) for value, keys in found.items())


def _lower(first: int | None, second: int | None) -> int | None:
    return second if first is None else first if second is None else min(first, second)
