"""Compiles patterns to automata: the strings in which a regular expression finds a match, look-arounds included.

An NFA, then the subset construction. A position in the pattern carries the look-aheads that still have to hold, each an
automaton that runs beside it (`Owed`); look-behinds are automata that run over everything read so far (`trackers`).

It must not know schemas. Law: the automaton accepts a string exactly when ECMA-262 `test` is true of it. The size of
everything is limited (`TooLarge`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Final

from wireproto.automata import ecma_regex
from wireproto.automata.automaton import Dfa, edges_to, explored
from wireproto.automata.charset import ANY_CHAR, Ranges
from wireproto.automata.ecma_regex import (
    WORD,
    LookAround,
    PatternError,
    RegexAssertion,
    RegexChar,
    RegexChoice,
    RegexNode,
    RegexRepeat,
    RegexSeq,
)
from wireproto.values.errors import TooLarge

# A pattern comes from outside: these bound its NFA, its automaton, and the steps of the construction.
_MAX_NODES: Final = 20_000
_MAX_STATES: Final = 4_000
_MAX_WORK: Final = 400_000
# The kind of character before or after a position: none (the end of the text), another one, a word character.
_NONE: Final = 0
_OTHER: Final = 1
_LETTER: Final = 2

# The look-aheads that still have to hold (number of the automaton, its state), and a position in the pattern with them.
Owed = frozenset[tuple[int, int]]
Position = tuple[int, Owed]
# A state of the automaton: positions, the kind of the last character, the states of the trackers.
_Subset = tuple[frozenset[Position], int, tuple[int, ...]]


@lru_cache(maxsize=128)
def pattern_dfa(pattern: str) -> Dfa:
    """Return the strings in which a pattern finds a match; raises `PatternError` and `TooLarge`."""
    return _compiled(ecma_regex.parse(pattern), before=True, after=True, prev=_NONE)


def _compiled(node: RegexNode, *, before: bool, after: bool, prev: int) -> Dfa:
    nfa = _RegexNfa()
    start, end = nfa.state(), nfa.state()
    first = nfa.state()
    if before:
        nfa.steps[start].append((ANY_CHAR, start))
    nfa.jumps[start].append((first, None))
    nfa.add(node, first, end)
    if after:
        nfa.steps[end].append((ANY_CHAR, end))
    return _RegexDfa(nfa, start, end, after).dfa(prev)


@dataclass(slots=True)
class _RegexNfa:
    """States with steps over characters, and jumps (epsilon transitions) that may have a condition."""

    steps: list[list[tuple[Ranges, int]]] = field(default_factory=list)
    jumps: list[list[tuple[int, RegexAssertion | LookAround | None]]] = field(default_factory=list)

    def state(self) -> int:
        if len(self.steps) > _MAX_NODES:
            raise TooLarge(f"a pattern of more than {_MAX_NODES} steps")
        self.steps.append([])
        self.jumps.append([])
        return len(self.steps) - 1

    def add(self, node: RegexNode, start: int, end: int) -> None:
        """Connect two states by a node."""
        if isinstance(node, RegexChar):
            self.steps[start].append((node.ranges, end))
        elif isinstance(node, (RegexAssertion, LookAround)):
            self.jumps[start].append((end, node))
        elif isinstance(node, RegexChoice):
            for option in node.options:
                self.add(option, start, end)
        elif isinstance(node, RegexSeq):
            self._row(node.parts, start, end)
        else:
            self._loop(node, start, end)

    def _row(self, parts: Iterable[RegexNode], start: int, end: int) -> None:
        for part in parts:
            following = self.state()
            self.add(part, start, following)
            start = following
        self.jumps[start].append((end, None))

    def _loop(self, loop: RegexRepeat, start: int, end: int) -> None:
        for _ in range(loop.least):
            following = self.state()
            self.add(loop.item, start, following)
            start = following
        if loop.most is None:
            # A state of its own: a jump to the start of this loop must not lead out of a loop around it.
            around = self.state()
            self.jumps[start].append((around, None))
            self.add(loop.item, around, around)
            start = around
        for _ in range(loop.least, loop.most or 0):
            following = self.state()
            self.jumps[start].append((end, None))
            self.add(loop.item, start, following)
            start = following
        self.jumps[start].append((end, None))


class _RegexDfa:
    """The subset construction of one NFA."""

    def __init__(self, nfa: _RegexNfa, start: int, end: int, after: bool) -> None:
        self.nfa, self.start, self.end, self.after = nfa, start, end, after
        self.ahead: dict[tuple[LookAround, int], int] = {}
        self.automata: list[Dfa] = []
        self.work = 0
        looks = {look for jumps in nfa.jumps for _, look in jumps if isinstance(look, LookAround) and not look.ahead}
        self.behind = {look: index for index, look in enumerate(sorted(looks, key=repr))}
        self.trackers = [_behind(look) for look in self.behind]

    def dfa(self, prev: int) -> Dfa:
        groups = self._groups()

        def row(state: _Subset) -> Iterator[tuple[int, int, _Subset]]:
            positions, before, tracked = state
            closed = {kind: self._closure(positions, before, kind, tracked) for kind in (_OTHER, _LETTER)}
            for point, ranges in groups:
                kind = _LETTER if _has(WORD, point) else _OTHER
                moved = self._moved(closed[kind], point)
                pairs = zip(self.trackers, tracked, strict=True)
                tracks = tuple(dfa.step(at, point) if at >= 0 else at for dfa, at in pairs)
                yield from ((low, high, (moved, kind, tracks)) for low, high in ranges if moved)
            if self.work > _MAX_WORK:
                raise TooLarge(f"a pattern of more than {_MAX_STATES} states")

        def is_final(state: _Subset) -> bool:
            positions, before, tracked = state
            ends = self._closure(positions, before, _NONE, tracked)
            owed_at_end = [owed for at, owed in ends if at == self.end]
            return any(all(at in self.automata[number].finals for number, at in owed) for owed in owed_at_end)

        first = (frozenset([(self.start, Owed())]), prev, (0,) * len(self.trackers))
        return explored(first, row, is_final, _MAX_STATES, "a pattern")

    def _closure(
        self, positions: Iterable[Position], prev: int, following: int, tracked: tuple[int, ...]
    ) -> set[Position]:
        """Return the positions reached without reading a character, given the kinds of characters before and after."""
        found = set(positions)
        todo = list(found)
        while todo:
            self.work += 1
            at, owed = todo.pop()
            for target, condition in self.nfa.jumps[at]:
                kept = self._passed(condition, prev, following, tracked)
                position = (target, owed | kept) if kept is not None else None
                if position is not None and position not in found:
                    found.add(position)
                    todo.append(position)
        return found

    def _passed(
        self, condition: RegexAssertion | LookAround | None, prev: int, following: int, tracked: tuple[int, ...]
    ) -> Owed | None:
        """Return what a jump adds to the look-aheads owed, or None if its condition fails."""
        if condition is None:
            return frozenset()
        if isinstance(condition, RegexAssertion):
            return frozenset() if _holds(condition, prev, following) else None
        if condition.ahead:
            return frozenset([(self._ahead(condition, prev), 0)])
        index = self.behind[condition]
        stands = tracked[index] in self.trackers[index].finals
        return frozenset() if stands != condition.negative else None

    def _ahead(self, look: LookAround, prev: int) -> int:
        if (look, prev) not in self.ahead:
            if any(isinstance(each, LookAround) and not each.ahead for each in _inside(look.item)):
                raise PatternError("a look-behind inside a look-ahead")
            found = _compiled(look.item, before=False, after=True, prev=prev)
            self.ahead[look, prev] = len(self.automata)
            self.automata.append(~found if look.negative else found)
        return self.ahead[look, prev]

    def _owed(self, owed: Owed, point: int) -> Owed | None:
        """Return the look-aheads owed after one more character, or None if one of them failed."""
        left = set()
        self.work += len(owed)
        if self.work > _MAX_WORK:
            raise TooLarge("a pattern that takes too long to follow")
        for number, at in owed:
            dfa = self.automata[number]
            following = dfa.step(at, point)
            if following < 0:
                return None
            forever = following in dfa.finals and dfa.edges[following] == tuple(edges_to(ANY_CHAR, following))
            if not forever:
                left.add((number, following))
        return frozenset(left)

    def _moved(self, positions: Iterable[Position], point: int) -> frozenset[Position]:
        moved: set[Position] = set()
        for at, owed in positions:
            self.work += 1
            targets = [target for ranges, target in self.nfa.steps[at] if _has(ranges, point)]
            if not targets:
                continue
            left = self._owed(owed, point)
            if left is not None:
                moved.update((target, left) for target in targets)
        done = (self.end, Owed())
        # Once a match is found, what follows does not matter.
        return frozenset([done]) if self.after and done in moved else frozenset(moved)

    def _groups(self) -> list[tuple[int, Ranges]]:
        """Return the classes of characters that nothing here tells apart: one member, and the whole class."""
        sets = {ranges for steps in self.nfa.steps for ranges, _ in steps} | {WORD}
        for dfa in [*self.trackers, *self._every_ahead()]:
            sets |= {((low, high),) for row in dfa.edges for low, high, _ in row}
        cuts = {0, 0xD800, 0xE000, 0x110000}
        for ranges in sets:
            for low, high in ranges:
                cuts |= {low, high + 1}
        if len(cuts) * len(sets) > _MAX_WORK * 10:
            raise TooLarge("a pattern with too many kinds of characters")
        points = sorted(cuts)
        groups: dict[tuple[bool, ...], list[tuple[int, int]]] = {}
        ordered = sorted(sets)
        for low, high in pairwise(points):
            if low != 0xD800:
                groups.setdefault(tuple(_has(each, low) for each in ordered), []).append((low, high - 1))
        return [(ranges[0][0], tuple(ranges)) for ranges in groups.values()]

    def _every_ahead(self) -> list[Dfa]:
        looks = {look for jumps in self.nfa.jumps for _, look in jumps if isinstance(look, LookAround) and look.ahead}
        for look in sorted(looks, key=repr):
            for prev in (_NONE, _OTHER, _LETTER):
                self._ahead(look, prev)
        return self.automata


def _behind(look: LookAround) -> Dfa:
    conditions = [each for each in _inside(look.item) if isinstance(each, (LookAround, RegexAssertion))]
    if any(isinstance(each, LookAround) or each.kind != "^" for each in conditions):
        raise PatternError("a look-behind that asks for what follows")
    return _compiled(look.item, before=True, after=False, prev=_NONE)


def _inside(node: RegexNode) -> Iterator[RegexNode]:
    """Yield a node and every node in it."""
    todo = [node]
    while todo:
        each = todo.pop()
        yield each
        if isinstance(each, (RegexSeq, RegexChoice)):
            todo += each.parts if isinstance(each, RegexSeq) else each.options
        elif isinstance(each, (RegexRepeat, LookAround)):
            todo.append(each.item)


def _holds(condition: RegexAssertion, prev: int, following: int) -> bool:
    if condition.kind == "^":
        return prev == _NONE
    if condition.kind == "$":
        return following == _NONE
    return ((prev == _LETTER) != (following == _LETTER)) == (condition.kind == "b")


def _has(ranges: Ranges, point: int) -> bool:
    return any(low <= point <= high for low, high in ranges)
