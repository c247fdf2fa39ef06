"""Deterministic finite automata over code points: the set algebra for strings, keys and the digits of numbers.

It must not know JSON, schemas or expressions. Law: every automaton is minimal, and numbered from its start in the order
of its edges, so that two automata are equal exactly when their languages are. What would grow past a limit raises
`TooLarge`; no operation recurses.
"""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeVar

from wireproto.automata.charset import ANY_CHAR, Ranges
from wireproto.automata.graph import closure
from wireproto.automata.minimising import distances, refined
from wireproto.values.errors import TooLarge

# (first code point, last code point, target state)
Edge = tuple[int, int, int]
_State = TypeVar("_State", bound=Hashable)
# Bounds the time of a product, and the size of a grammar: a state becomes a rule or a part of one.
MAX_STATES: Final = 12_000
# Characters of all words of an `enum` together, before the trie is minimised.
MAX_TRIE: Final = 400_000
_DEAD: Final = -1
# Products of automata with so few states are cached: schemas ask for the same ones again and again.
_SMALL: Final = 100


@dataclass(frozen=True, slots=True)
class Dfa:
    """A regular language. State 0 is the start; a code point without an edge is refused."""

    edges: tuple[tuple[Edge, ...], ...]
    finals: frozenset[int]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Automata are keys of many dicts, and tuples do not cache their hash.
        object.__setattr__(self, "_hash", hash((self.edges, self.finals)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def is_empty(self) -> bool:
        """Whether no word is in the language."""
        return not self.finals

    def step(self, state: int, point: int) -> int:
        """Return the next state, or -1."""
        for low, high, target in self.edges[state]:
            if low <= point <= high:
                return target
        return _DEAD

    def accepts(self, word: str) -> bool:
        """Whether a word is in the language."""
        state = 0
        for character in word:
            state = self.step(state, ord(character))
            if state == _DEAD:
                return False
        return state in self.finals

    def longest(self) -> int | None:
        """Return the length of the longest word; None if there is no longest one."""
        order = _topological(self.edges)
        if order is None:
            return None
        depth = dict.fromkeys(order, 0)
        for state in order:
            for _, _, target in self.edges[state]:
                depth[target] = max(depth[target], depth[state] + 1)
        return max(depth.values())

    def run(self) -> tuple[Ranges, int, int | None] | None:
        """Return a set of characters and two bounds, if all its texts of these lengths are the words; else None."""
        last = len(self.edges) - 1
        ranges = tuple((low, high) for low, high, _ in self.edges[0])
        for state, row in enumerate(self.edges):
            if row != tuple(edges_to(ranges, state + (state < last))) and not (state == last and not row):
                return None
        least = min(self.finals, default=last + 1)
        if self.finals != set(range(least, last + 1)):
            return None
        return ranges, least, None if self.edges[last] else last

    def words(self, limit: int) -> tuple[str, ...] | None:
        """Return all words, or None if there are more than `limit`."""
        found: list[str] = []
        todo: list[tuple[int, str]] = [(0, "")]
        while todo:
            state, word = todo.pop()
            if state in self.finals:
                found.append(word)
            for low, high, target in self.edges[state]:
                if high - low >= limit:
                    return None
                todo += [(target, word + chr(point)) for point in range(low, high + 1)]
            # Every state leads to a final one, so each open branch is at least one more word.
            if len(found) + len(todo) > limit or len(word) > len(self.edges):
                return None
        return tuple(sorted(found))

    def met(self, other: Dfa, limit: int) -> Dfa:
        """Return the words of both; raises `TooLarge` as soon as that takes more states than the limit."""
        return self & other if ANY_TEXT in (self, other) else _product(self, other, operator.and_, limit)

    def __and__(self, other: Dfa) -> Dfa:
        if self == ANY_TEXT or other.is_empty:
            return other
        return self if other == ANY_TEXT or self.is_empty or self is other else _joint(self, other, operator.and_)

    def __or__(self, other: Dfa) -> Dfa:
        if self.is_empty or other == ANY_TEXT:
            return other
        return self if other.is_empty or self == ANY_TEXT or self is other else _joint(self, other, operator.or_)

    def __sub__(self, other: Dfa) -> Dfa:
        return self if self.is_empty or other.is_empty else _joint(self, other, operator.gt)

    def __invert__(self) -> Dfa:
        return ANY_TEXT - self


def build_dfa(edges: Sequence[Iterable[Edge]], finals: Iterable[int]) -> Dfa:
    """Minimise a deterministic automaton whose start is state 0."""
    joined = [_joined(sorted(each)) for each in edges]
    ends = set(finals)
    alive = _alive(joined, ends)
    if 0 not in alive:
        return NO_TEXT
    kept = [tuple(edge for edge in each if edge[2] in alive) for each in joined]
    order = _topological(kept)
    blocks = _blocks_of_tree(kept, ends, order) if order is not None else _blocks(kept, ends)
    return _numbered(kept, ends, blocks)


def explored(
    start: _State,
    row: Callable[[_State], Iterable[tuple[int, int, _State]]],
    is_final: Callable[[_State], bool],
    limit: int = MAX_STATES,
    what: str = "an automaton",
) -> Dfa:
    """Return the automaton of all states that `start` leads to; `row` yields the edges of a state.

    Raises:
        TooLarge: `what` has more states than the limit.
    """
    number = {start: 0}
    order = [start]
    rows: list[list[Edge]] = []
    for state in order:
        edges: list[Edge] = []
        for low, high, target in row(state):
            if target not in number:
                number[target] = len(order)
                order.append(target)
            edges.append((low, high, number[target]))
        rows.append(edges)
        if len(order) > limit:
            raise TooLarge(f"{what} of more than {min(limit, MAX_STATES)} states")
    return build_dfa(rows, [i for i, state in enumerate(order) if is_final(state)])


def words_dfa(words: Iterable[str]) -> Dfa:
    """Return the automaton of exactly these words."""
    children: list[dict[int, int]] = [{}]
    finals: set[int] = set()
    for word in words:
        state = 0
        for point in map(ord, word):
            following = children[state].setdefault(point, len(children))
            if following == len(children):
                children.append({})
            state = following
        if len(children) > MAX_TRIE:
            raise TooLarge(f"more than {MAX_TRIE} characters of literal text")
        finals.add(state)
    return build_dfa([[(point, point, target) for point, target in sorted(each.items())] for each in children], finals)


@lru_cache(maxsize=64)
def length_dfa(least: int, most: int | None) -> Dfa:
    """Return the automaton of all words of `least` to `most` code points."""
    last = least if most is None else most
    if last > MAX_STATES:
        raise TooLarge(f"a length of {last} is more than {MAX_STATES} states")
    edges = [[(low, high, state + 1) for low, high in ANY_CHAR] for state in range(last)]
    edges.append([(low, high, last) for low, high in ANY_CHAR] if most is None else [])
    return build_dfa(edges, range(least, last + 1))


def edges_to(ranges: Ranges, target: int) -> list[Edge]:
    """Return the edges to one state on these code points."""
    return [(low, high, target) for low, high in ranges]


def _joined(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Join sorted edges that touch and lead to the same state."""
    joined: list[Edge] = []
    first = last = to = _DEAD
    for low, high, target in edges:
        # Surrogates are no characters: a range may not reach over them.
        if target != to or low != last + 1 or low == 0xD800:
            joined.append((first, last, to))
            first, to = low, target
        last = high
    joined.append((first, last, to))
    return tuple(joined[1:])


def _alive(edges: Sequence[tuple[Edge, ...]], finals: set[int]) -> set[int]:
    """Return the states that the start reaches and that lead to a final state."""
    back: dict[int, list[int]] = {}
    reached = {0}
    todo = [0]
    while todo:
        state = todo.pop()
        for _, _, target in edges[state]:
            back.setdefault(target, []).append(state)
            if target not in reached:
                reached.add(target)
                todo.append(target)
    return closure(finals & reached, lambda state: back.get(state, ()))


def _topological(edges: Sequence[tuple[Edge, ...]]) -> list[int] | None:
    """Return the reachable states in topological order, or None if there is a cycle."""
    incoming: dict[int, int] = {0: 0}
    todo = [0]
    while todo:
        for _, _, target in edges[todo.pop()]:
            if target not in incoming:
                incoming[target] = 0
                todo.append(target)
            incoming[target] += 1
    order = [0] if incoming[0] == 0 else []
    for state in order:
        for _, _, target in edges[state]:
            incoming[target] -= 1
            if incoming[target] == 0:
                order.append(target)
    return order if len(order) == len(incoming) else None


def _blocks_of_tree(edges: Sequence[tuple[Edge, ...]], finals: set[int], order: list[int]) -> dict[int, int]:
    """Number the classes of equivalent states of an automaton without cycles, in one pass from its ends."""
    blocks: dict[int, int] = {}
    known: dict[tuple[bool, tuple[Edge, ...]], int] = {}
    for state in reversed(order):
        mapped = _joined([(low, high, blocks[target]) for low, high, target in edges[state]])
        blocks[state] = known.setdefault((state in finals, mapped), len(known))
    return blocks


def _blocks(edges: Sequence[tuple[Edge, ...]], finals: set[int]) -> dict[int, int]:
    """Number the classes of equivalent states."""
    before: dict[int, set[int]] = {}
    for state, row in enumerate(edges):
        for _, _, target in row:
            before.setdefault(target, set()).add(state)
    blocks = distances(before, finals)
    return refined(
        before, blocks, lambda state: _joined([(low, high, blocks[target]) for low, high, target in edges[state]])
    )


def _numbered(edges: Sequence[tuple[Edge, ...]], finals: set[int], blocks: dict[int, int]) -> Dfa:
    """Return one state for each block, numbered breadth first."""
    number = {blocks[0]: 0}
    order = [0]
    rows: list[tuple[Edge, ...]] = []
    ends: set[int] = set()
    for state in order:
        if state in finals:
            ends.add(number[blocks[state]])
        for _, _, target in edges[state]:
            if blocks[target] not in number:
                number[blocks[target]] = len(number)
                order.append(target)
        rows.append(_joined([(low, high, number[blocks[target]]) for low, high, target in edges[state]]))
    return Dfa(tuple(rows), frozenset(ends))


def _product(first: Dfa, second: Dfa, keep: Callable[[bool, bool], bool], limit: int = 0) -> Dfa:
    """Return the product automaton: `keep` decides by whether a word is in the first and in the second language."""

    def row(pair: tuple[int, int]) -> Iterator[tuple[int, int, tuple[int, int]]]:
        one, other = _row(first, pair[0]), _row(second, pair[1])
        if keep is operator.and_:
            yield from _common(one, other)
            return
        for low, high, x, y in _aligned(one, other):
            # A pair with a dead half is followed only if `keep` may still hold without that half.
            if keep(x != _DEAD, y != _DEAD) or keep(x != _DEAD, False):
                yield low, high, (x, y)

    most = limit or max(MAX_STATES, 2 * (len(first.edges) + len(second.edges)))
    return explored((0, 0), row, lambda pair: keep(pair[0] in first.finals, pair[1] in second.finals), most)


_cached_product: Final = lru_cache(maxsize=1024)(_product)


def _joint(first: Dfa, second: Dfa, keep: Callable[[bool, bool], bool]) -> Dfa:
    small = len(first.edges) + len(second.edges) <= _SMALL
    return (_cached_product if small else _product)(first, second, keep)


def _row(dfa: Dfa, state: int) -> tuple[Edge, ...]:
    return () if state == _DEAD else dfa.edges[state]


def _aligned(first: tuple[Edge, ...], second: tuple[Edge, ...]) -> Iterator[tuple[int, int, int, int]]:
    """Yield (first code point, last one, target in the first, target in the second) for every range of either row."""
    i = j = 0
    low = 0
    while i < len(first) or j < len(second):
        a = first[i] if i < len(first) else None
        b = second[j] if j < len(second) else None
        starts = [max(each[0], low) for each in (a, b) if each is not None]
        low = min(starts)
        in_a, in_b = a is not None and a[0] <= low, b is not None and b[0] <= low
        ends = [each[1] if inside else each[0] - 1 for each, inside in ((a, in_a), (b, in_b)) if each is not None]
        high = min(ends)
        yield low, high, a[2] if a and in_a else _DEAD, b[2] if b and in_b else _DEAD
        low = high + 1
        i += a is not None and a[1] < low
        j += b is not None and b[1] < low


def _common(first: tuple[Edge, ...], second: tuple[Edge, ...]) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Yield the ranges that are in both rows, with both targets: the shorter row is gone through."""
    swapped = len(first) > len(second)
    short, long = (second, first) if swapped else (first, second)
    for low, high, x in short:
        at = bisect_left(long, (low,))
        at -= at > 0 and long[at - 1][1] >= low
        while at < len(long) and long[at][0] <= high:
            start, end, y = long[at]
            yield max(low, start), min(high, end), (y, x) if swapped else (x, y)
            at += 1


NO_TEXT: Final = Dfa(((),), frozenset())
ANY_TEXT: Final = Dfa((tuple((low, high, 0) for low, high in ANY_CHAR),), frozenset({0}))
