"""An automaton of raw text as ways between places, so that few ways begin at each of them.

llama.cpp follows all ways at once, and for every character it also looks where each of them would lead, whether the
character fits or not: its time is the sum of the ways behind the ways. Most states differ in nothing but where the
first character of a marker leads from them (behind a line break, a backtick, anything else). So a way may take two
characters, of which the second is that one: what stands before a marker is guessed there, and told apart nowhere else.

It must not know dialects or how ways are written. Law: the texts are those of the automaton.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from wireproto.grammars.automata.charset import union
from wireproto.grammars.expr.expr import EMPTY, Expr, Ranges
from wireproto.grammars.raw.marker_nfa import Arc, ValueAutomaton


class NestedCall(NamedTuple):
    """The rest of a nested call, and the state behind it."""

    rest: Expr
    behind: int


class Position(NamedTuple):
    """Where a text stands: in a state, and in a nested call behind its first character if that may be.

    `guessed`: whether a marker begins here was decided one character earlier.
    """

    state: int
    guessed: bool = False
    call: NestedCall | None = None


class Transition(NamedTuple):
    """Characters, one of each set, and what else is read lead to a place."""

    sets: tuple[Ranges, ...]
    target: Position
    rest: Expr = EMPTY


START = Position(0)


class ReducedAutomaton:
    """The ways of an automaton in which nested calls begin with certain characters, each with its rest."""

    def __init__(self, reading: ValueAutomaton, calls: Mapping[Ranges, Expr]) -> None:
        self._first = _first_of_markers(reading)
        rows = [list(_begun(arcs, reading.opens.get(state), calls)) for state, arcs in enumerate(reading.arcs)]
        self._marked = [[way for way in row if way.sets[0] == self._first] for row in rows]
        self._others = [tuple(way for way in row if way.sets[0] != self._first) for row in rows]
        self._opened = {way.target.state for row in self._marked for way in row}
        alike: dict[tuple[tuple[Transition, ...], bool], int] = {}
        self._alike = [alike.setdefault((row, i in reading.exits), i) for i, row in enumerate(self._others)]
        self._known: dict[Position, tuple[Transition, ...]] = {}

    def places(self) -> list[Position]:
        """Return every place that is reached."""
        found = {START: None}
        todo = [START]
        while todo:
            new = {way.target: None for way in self.of(todo.pop()) if way.target not in found}
            found |= new
            todo += new
        return list(found)

    def of(self, place: Position) -> tuple[Transition, ...]:
        """Return the ways from a place, those of two characters before those of one like them."""
        if place not in self._known:
            self._known[place] = tuple(self._from(place))
        return self._known[place]

    def _from(self, place: Position) -> Iterator[Transition]:
        state = place.state
        if not place.guessed:
            yield from self._marked[state]
        # Behind the first character of a marker there are many ways already.
        guessing = self._first and (place.guessed or state not in self._opened)
        yield from self._guessing(self._others[state]) if guessing else self._others[state]
        if place.call is not None:
            yield Transition((), Position(place.call.behind), place.call.rest)

    def _guessing(self, ways: Iterable[Transition]) -> Iterator[Transition]:
        """Yield these ways, each followed by the first character of a marker or not."""
        marked: dict[tuple[Position, Expr], list[Ranges]] = {}
        others: dict[Position, list[Ranges]] = {}
        whole: list[Transition] = []
        for way in ways:
            if way.rest != EMPTY or way.target.call is not None:
                whole.append(way)
                continue
            for after in self._marked[way.target.state]:
                marked.setdefault((after.target, after.rest), []).append(way.sets[0])
            others.setdefault(Position(self._alike[way.target.state], True), []).append(way.sets[0])
        yield from (Transition((_joined(sets), self._first), *target) for target, sets in marked.items())
        yield from (Transition((_joined(sets),), target) for target, sets in others.items())
        yield from whole


def _joined(sets: list[Ranges]) -> Ranges:
    return sets[0] if len(sets) == 1 else union(*sets)


def _begun(arcs: Iterable[Arc], behind: int | None, calls: Mapping[Ranges, Expr]) -> Iterator[Transition]:
    """Yield the ways from a state; a nested call shares one that there is, if it can."""
    left = {} if behind is None else dict(calls)
    for arc in arcs:
        rest = left.pop(arc.ranges, None)
        yield Transition(
            (arc.ranges,), Position(arc.target, call=NestedCall(rest, behind) if rest and behind is not None else None)
        )
    if behind is not None:
        yield from (Transition((first,), Position(behind), rest) for first, rest in left.items())


def _first_of_markers(reading: ValueAutomaton) -> Ranges:
    """Return the character that alone tells most states from the one in which most text is read; empty if none does."""
    reached = Counter(arc.target for arcs in reading.arcs for arc in arcs)
    loops = (state for state, arcs in enumerate(reading.arcs) if any(arc.target == state for arc in arcs))
    most = reading.arcs[max(loops, key=reached.__getitem__, default=0)]
    found: tuple[int, Ranges] = (1, ())
    for arc in most:
        point = arc.ranges[0][0]
        if point == arc.ranges[-1][1] and all(_is_apart(point, each.ranges) for arcs in reading.arcs for each in arcs):
            rest = [each for each in most if each != arc]
            alike = sum([each for each in arcs if each.ranges != arc.ranges] == rest for arcs in reading.arcs)
            found = max(found, (alike, arc.ranges))
    return found[1]


def _is_apart(point: int, ranges: Ranges) -> bool:
    """Whether a set holds nothing but this character, or not this one."""
    return ranges == ((point, point),) or not any(low <= point <= high for low, high in ranges)
