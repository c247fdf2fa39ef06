"""Ways through markers laid side by side, and the automaton that follows all of them at once.

It must not know dialects. Law: the automaton is deterministic but for its exits: where a closer was read, the text may
end, and it may also go on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Literal, Union

from wireproto.grammars.automata.automaton import Dfa, Edge, build_dfa
from wireproto.grammars.automata.charset import ANY_CHAR, char_set, complement, intersection, union
from wireproto.grammars.expr.expr import Ranges
from wireproto.values.errors import TooLarge

_MAX_STATES: Final = 20_000
_TICK: Final = char_set("`")


class Meaning(Enum):
    """What it means to reach a node.

    STOP: the text would end here otherwise than wanted. BEFORE: an opener would end it. EXIT: the text may end. END: it
    ends. A value's closer was just read (VALUE), or a second one may follow it (BEHIND) or does (TWICE), with
    which the text began (ALONE). TAG: an opener of the tag that it closes.
    """

    STOP = auto()
    BEFORE = auto()
    EXIT = auto()
    END = auto()
    VALUE = auto()
    BEHIND = auto()
    TWICE = auto()
    ALONE = auto()
    TAG = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """Characters of a set, `least` to `most` of them."""

    ranges: Ranges
    least: int = 1
    most: int | None = 1


Steps = tuple[Step, ...]


def literal_steps(text: str) -> Steps:
    """Return the steps through a text."""
    return tuple(Step(char_set(character)) for character in text)


@dataclass(frozen=True, slots=True)
class MarkerPath:
    """A way through markers and what its end means; `quotable`: directly behind a backtick it means nothing."""

    steps: Steps
    kind: Meaning
    quotable: bool = False


@dataclass(slots=True)
class MarkerNfa:
    """Nodes, the ways between them, and what they mean. Ways with the same beginning share its nodes.

    A way begins anywhere in a text (`start`), not directly behind a backtick (`unquoted`), or where the text does
    (`first`).
    """

    start: int = 0
    unquoted: int = 1
    first: int = 2
    edges: list[list[tuple[Ranges, int]]] = field(default_factory=lambda: [[], [], []])
    free: list[list[int]] = field(default_factory=lambda: [[], [], []])
    marks: dict[int, set[Meaning]] = field(default_factory=dict)
    _known: dict[tuple[int, Step], int] = field(default_factory=dict)

    def node(self) -> int:
        """Return a new node."""
        self.edges.append([])
        self.free.append([])
        return len(self.edges) - 1

    def follow(self, node: int, steps: Steps) -> int:
        """Return where a node leads through some steps."""
        for step in steps:
            if (node, step) not in self._known:
                self._known[node, step] = self._take(node, step)
            node = self._known[node, step]
        return node

    def _take(self, node: int, step: Step) -> int:
        """Return a new end of a step; no way leads back, but from a node to itself."""
        passed = [node]
        for _ in range((step.most or 1) - 1):
            passed.append(self.node())
            self.edges[passed[-2]].append((step.ranges, passed[-1]))
        out = self.node()
        self.edges[passed[-1]].append((step.ranges, out))
        if step.most is None:
            self.edges[out].append((step.ranges, out))
        for each in passed[min(step.least, 1) :]:
            self.free[each].append(out)
        return out

    def lay(self, paths: Iterable[MarkerPath]) -> None:
        """Lay these ways."""
        for path in paths:
            node = self.follow(self.unquoted if path.quotable else self.start, path.steps)
            self.marks.setdefault(node, set()).add(path.kind)

    def mark(self, steps: Steps, kind: Meaning) -> None:
        """Lay one way."""
        self.lay([MarkerPath(steps, kind)])


@dataclass(frozen=True, slots=True)
class Arc:
    """Characters of a set lead to a state."""

    ranges: Ranges
    target: int


@dataclass(frozen=True, slots=True)
class ValueAutomaton:
    """The automaton: arcs by state, state 0 the start.

    `exits` are the states in which the text may end. In those of `opens` a nested call may stand, behind which it goes
    on in the state that is named there.
    """

    arcs: tuple[tuple[Arc, ...], ...]
    exits: frozenset[int]
    opens: Mapping[int, int]


# Whether an opener of the value's own tag is open for certain (R-CLOSE2): None, or how many closers in a row follow it.
_Tags = int | None


def _after(tags: _Tags, kinds: frozenset[Meaning]) -> _Tags:
    """Return that behind a character that means this: never more openers than there are."""
    if Meaning.VALUE in kinds:
        return tags + 1 if tags is not None and tags < 2 else None
    # Whether an opener right behind a closer counts first is not followed.
    if Meaning.TAG in kinds and Meaning.BEHIND not in kinds:
        return 0
    return None if tags and Meaning.BEHIND not in kinds else tags


_State = Union[tuple[frozenset[int], bool, _Tags], Literal["end"]]
_FRESH: Final[_State] = (frozenset(), False, None)


def determinised(net: MarkerNfa, before: Steps = (), anywhere: bool = False) -> ValueAutomaton:
    """Return the automaton of a net; raises `TooLarge`.

    `before`: what counts as read before the first character. `anywhere`: the text may end anywhere, without an exit.
    """
    begun = net.follow(net.start, before)
    merged, number = _merged(net)
    return _SubsetConstruction(merged, anywhere).reading((merged.first, number[begun]))


class _SubsetConstruction:
    """The subset construction.

    Its characters are numbers: of atoms, the sets of characters that no way tells apart, and behind them one for an
    exit and one for a whole nested call.
    """

    def __init__(self, net: MarkerNfa, anywhere: bool) -> None:
        self.net, self.anywhere = net, anywhere
        self.atoms = _atoms(each for edges in net.edges for each, _ in edges)
        self.exit, self.call = len(self.atoms), len(self.atoms) + 1
        self.closure = [_reached(net, node) for node in range(len(net.edges))]
        sets = {ranges for edges in net.edges for ranges, _ in edges}
        parts = {ranges: [i for i, atom in enumerate(self.atoms) if intersection(atom[:1], ranges)] for ranges in sets}
        self.moves = [_moves(edges, parts) for edges in net.edges]
        self.tick = self.atoms.index(_TICK)
        self.begun = [self.beginnings(net.start, net.unquoted), self.beginnings(net.start)]
        self.known: dict[tuple[tuple[int, ...], bool, _Tags], int] = {}
        self.sets: dict[tuple[int, ...], Ranges] = {}
        self.rows: dict[tuple[bool, _Tags], list[int]] = {}
        self.number: dict[_State, int] = {}
        self.order: list[_State] = []

    def beginnings(self, *nodes: int) -> list[tuple[int, ...]]:
        """Return where these nodes lead to, by atom."""
        return [tuple(to for node in nodes for to in self.moves[node].get(atom, ())) for atom in range(len(self.atoms))]

    def reading(self, first: tuple[int, ...]) -> ValueAutomaton:
        self.state((frozenset[int]().union(*(self.closure[node] for node in first)), False, None))
        rows = [list(self.row(state)) for state in self.order]
        return self.expanded(build_dfa(rows, [self.number["end"]] if "end" in self.number else []))

    def state(self, state: _State) -> int:
        if state not in self.number:
            if len(self.number) >= _MAX_STATES:
                raise TooLarge(f"an automaton of more than {_MAX_STATES} states")
            self.number[state] = len(self.number)
            self.order.append(state)
        return self.number[state]

    def row(self, state: _State) -> Iterator[Edge]:
        if isinstance(state, str):
            return
        nodes, quoted, tags = state
        kinds = self.kinds(nodes)
        # A second closer ends a value that would be empty otherwise, or in which the first one closes a tag.
        closed = Meaning.EXIT in kinds and (Meaning.TWICE not in kinds or Meaning.ALONE in kinds or tags == 2)
        if closed or self.anywhere:
            yield self.exit, self.exit, self.state("end")
        if not quoted and Meaning.BEFORE not in kinds:
            yield self.call, self.call, self.state(_FRESH)
        moved: dict[int, list[int]] = {}
        for node in nodes:
            for atom, targets in self.moves[node].items():
                moved.setdefault(atom, []).extend(targets)
        following = self.begun_row(quoted, tags)
        if moved:
            following = following.copy()
        for atom, targets in moved.items():
            reached = tuple(sorted({*self.begun[quoted][atom], *targets}))
            following[atom] = self.following(reached, atom == self.tick, tags)
        first = 0
        for atom, target in enumerate((*following[1:], None), 1):
            if target != following[first]:
                if following[first] >= 0:
                    yield first, atom - 1, following[first]
                first = atom

    def begun_row(self, quoted: bool, tags: _Tags) -> list[int]:
        """Return the states behind each atom where nothing was begun before."""
        key = quoted, tags
        if key not in self.rows:
            begun = enumerate(self.begun[quoted])
            self.rows[key] = [self.following(targets, atom == self.tick, tags) for atom, targets in begun]
        return self.rows[key]

    def following(self, targets: tuple[int, ...], tick: bool, tags: _Tags) -> int:
        """Return the number of the state behind a character; -1 if the text would end otherwise than wanted."""
        key = targets, tick, tags
        if key not in self.known:
            nodes = frozenset[int]().union(*(self.closure[target] for target in targets))
            kinds = self.kinds(nodes)
            if Meaning.END in kinds:
                self.known[key] = self.state("end")
            else:
                self.known[key] = -1 if Meaning.STOP in kinds else self.state((nodes, tick, _after(tags, kinds)))
        return self.known[key]

    def kinds(self, nodes: frozenset[int]) -> frozenset[Meaning]:
        """Return what it means to have reached these nodes."""
        return frozenset(kind for node in nodes & self.net.marks.keys() for kind in self.net.marks[node])

    def expanded(self, dfa: Dfa) -> ValueAutomaton:
        """Return the automaton over characters."""
        rows: list[tuple[Arc, ...]] = []
        for row in dfa.edges:
            groups: dict[int, tuple[int, ...]] = {}
            for low, high, target in row:
                groups[target] = (*groups.get(target, ()), *range(low, min(high + 1, len(self.atoms))))
            rows.append(tuple(Arc(self.joined(found), target) for target, found in groups.items() if found))
        exits = [state for state, row in enumerate(dfa.edges) if any(low <= self.exit <= high for low, high, _ in row)]
        opens = {state: to for state, row in enumerate(dfa.edges) for low, high, to in row if low <= self.call <= high}
        return ValueAutomaton(tuple(rows), frozenset(exits) | dfa.finals, opens)

    def joined(self, atoms: tuple[int, ...]) -> Ranges:
        """Return the set of the characters of some atoms."""
        if atoms not in self.sets:
            self.sets[atoms] = union(*(self.atoms[atom] for atom in atoms))
        return self.sets[atoms]


def _atoms(sets: Iterable[Ranges]) -> list[Ranges]:
    """Return the coarsest sets of characters that no set tells apart, nor the backtick; NUL is in none."""
    atoms: list[Ranges] = [intersection(ANY_CHAR, complement(((0, 0),)))]
    for ranges in sorted({*sets, _TICK}):
        outside = complement(ranges)
        atoms = [part for atom in atoms for part in (intersection(atom, ranges), intersection(atom, outside)) if part]
    return atoms


def _moves(edges: Iterable[tuple[Ranges, int]], parts: Mapping[Ranges, list[int]]) -> dict[int, list[int]]:
    moves: dict[int, list[int]] = {}
    for ranges, target in edges:
        for atom in parts[ranges]:
            moves.setdefault(atom, []).append(target)
    return moves


def _merged(net: MarkerNfa) -> tuple[MarkerNfa, list[int]]:
    """Return a net in which ways that end alike share their nodes, and its node for each.

    Where a text ends nothing goes on.
    """
    found, number = MarkerNfa(edges=[], free=[]), [0] * len(net.edges)
    known: dict[Hashable, int] = {}
    for node in reversed(range(len(net.edges))):
        kinds = frozenset(net.marks.get(node, ()))
        goes_on = Meaning.STOP not in kinds
        edges = {(ranges, -1 if to == node else number[to]) for ranges, to in net.edges[node] if goes_on}
        free = {number[to] for to in net.free[node] if goes_on}
        same = number[node] = known.setdefault((kinds, frozenset(edges), frozenset(free)), len(known))
        if same == len(found.edges):
            found.edges.append([(ranges, same if to < 0 else to) for ranges, to in sorted(edges)])
            found.free.append(sorted(free))
            found.marks[same] = set(kinds)
    found.start, found.unquoted, found.first = (number[node] for node in (net.start, net.unquoted, net.first))
    return found, number


def _reached(net: MarkerNfa, node: int) -> frozenset[int]:
    """Return the nodes that are reached without a character."""
    found, todo = {node}, [node]
    while todo:
        for following in net.free[todo.pop()]:
            if following not in found:
                found.add(following)
                todo.append(following)
    return frozenset(found)
