"""Ways through markers laid side by side, and the automaton that follows all of them at once.

It must not know dialects. Law: the automaton is deterministic but for its exits: where a closer was read, the text may
end, and it may also go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final, Literal, Union

from wireproto.expr import Ranges
from wireproto.grammars.automaton import Dfa, Edge, TooLarge, build
from wireproto.grammars.charset import EVERY, inverse, meet, of, union

_MAX_STATES: Final = 20_000
# So many openers of one tag that are not closed are told apart.
_MAX_TAGS: Final = 1
_TICK: Final = of("`")


class Kind(Enum):
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
    return tuple(Step(of(character)) for character in text)


@dataclass(frozen=True, slots=True)
class Path:
    """A way through markers and what its end means; `quotable`: directly behind a backtick it means nothing."""

    steps: Steps
    kind: Kind
    quotable: bool = False


@dataclass(slots=True)
class Net:
    """Nodes, the ways between them, and what they mean. Ways with the same beginning share its nodes.

    A way begins anywhere in a text (`start`), not directly behind a backtick (`unquoted`), or where the text does
    (`first`).
    """

    start: int = 0
    unquoted: int = 1
    first: int = 2
    edges: list[list[tuple[Ranges, int]]] = field(default_factory=lambda: [[], [], []])
    free: list[list[int]] = field(default_factory=lambda: [[], [], []])
    marks: dict[int, set[Kind]] = field(default_factory=dict)
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
        out = self.node()
        if step.least == 0:
            self.free[node].append(out)
        if step.most is None:
            self.edges[out].append((step.ranges, out))
        for _ in range((step.most or 1) - 1):
            following = self.node()
            self.edges[node].append((step.ranges, following))
            self.free[following].append(out)
            node = following
        self.edges[node].append((step.ranges, out))
        return out

    def lay(self, paths: Iterable[Path]) -> None:
        """Lay these ways."""
        for path in paths:
            node = self.follow(self.unquoted if path.quotable else self.start, path.steps)
            self.marks.setdefault(node, set()).add(path.kind)

    def mark(self, steps: Steps, kind: Kind) -> None:
        """Lay one way."""
        self.lay([Path(steps, kind)])


@dataclass(frozen=True, slots=True)
class Arc:
    """Characters of a set lead to a state."""

    ranges: Ranges
    target: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The automaton: arcs by state, state 0 the start.

    `exits` are the states in which the text may end. In those of `opens` a nested call may stand, behind which it goes
    on in the state that is named there.
    """

    arcs: tuple[tuple[Arc, ...], ...]
    exits: frozenset[int]
    opens: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class _Tags:
    """How many openers of the value's own tag are open (R-CLOSE2), before so many closers in a row; None: unknown."""

    open: int | None = 0
    closers: int = 0

    @property
    def closed(self) -> bool:
        """Whether the first of two closers closes an opener."""
        return self.closers == 2 and self.open is not None and self.open > 0

    def after(self, kinds: frozenset[Kind]) -> _Tags:
        """Return the count behind a character that means this."""
        if self.open is None:
            return self
        if Kind.VALUE in kinds:
            return _Tags(max(self.open - 1, 0), 2) if self.closers == 2 else _Tags(self.open, self.closers + 1)
        left = self.open
        if self.closers and Kind.BEHIND not in kinds:
            left = max(left - self.closers, 0)
        elif Kind.TAG not in kinds:
            return self
        # Whether an opener right behind a closer counts first is not followed.
        return _tags(left + (Kind.TAG in kinds), self.closers > 0 and Kind.BEHIND in kinds)


def _tags(count: int, doubtful: bool) -> _Tags:
    return _Tags(None if doubtful or count > _MAX_TAGS else count)


NONE: Final = _Tags()


_State = Union[tuple[frozenset[int], bool, _Tags], Literal["end"]]
_FRESH: Final[_State] = (frozenset(), False, NONE)


def read(net: Net, before: Steps = (), anywhere: bool = False) -> Reading:
    """Return the automaton of a net; raises `TooLarge`.

    `before`: what counts as read before the first character. `anywhere`: the text may end anywhere, without an exit.
    """
    return _Reader(net, anywhere).reading((net.first, net.follow(net.start, before)))


class _Reader:
    """The subset construction.

    Its characters are numbers: of atoms, the sets of characters that no way tells apart, and behind them one for an
    exit and one for a whole nested call.
    """

    def __init__(self, net: Net, anywhere: bool) -> None:
        net = _merged(net)
        self.net, self.anywhere = net, anywhere
        self.atoms = _atoms(each for edges in net.edges for each, _ in edges)
        self.exit, self.call = len(self.atoms), len(self.atoms) + 1
        self.closure = [_reached(net, node) for node in range(len(net.edges))]
        sets = {ranges for edges in net.edges for ranges, _ in edges}
        parts = {ranges: [i for i, atom in enumerate(self.atoms) if meet(atom[:1], ranges)] for ranges in sets}
        self.moves = [_moves(edges, parts) for edges in net.edges]
        self.tick = self.atoms.index(_TICK)
        self.begun = [self.beginnings(net.start, net.unquoted), self.beginnings(net.start)]
        self.places: dict[tuple[int, ...], tuple[frozenset[int], frozenset[Kind]]] = {}
        self.rows: dict[tuple[bool, _Tags], list[int]] = {}
        self.number: dict[_State, int] = {}
        self.order: list[_State] = []

    def beginnings(self, *nodes: int) -> list[tuple[int, ...]]:
        """Return where these nodes lead to, by atom."""
        return [tuple(to for node in nodes for to in self.moves[node].get(atom, ())) for atom in range(len(self.atoms))]

    def reading(self, first: tuple[int, ...]) -> Reading:
        self.state((frozenset[int]().union(*(self.closure[node] for node in first)), False, NONE))
        rows = [list(self.row(state)) for state in self.order]
        return self.expanded(build(rows, [self.number["end"]] if "end" in self.number else []))

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
        closed = Kind.EXIT in kinds and (Kind.TWICE not in kinds or Kind.ALONE in kinds or tags.closed)
        if closed or self.anywhere:
            yield self.exit, self.exit, self.state("end")
        if not quoted and Kind.BEFORE not in kinds:
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
        yield from ((atom, atom, target) for atom, target in enumerate(following) if target >= 0)

    def begun_row(self, quoted: bool, tags: _Tags) -> list[int]:
        """Return the states behind each atom where nothing was begun before."""
        key = quoted, tags
        if key not in self.rows:
            begun = enumerate(self.begun[quoted])
            self.rows[key] = [self.following(targets, atom == self.tick, tags) for atom, targets in begun]
        return self.rows[key]

    def following(self, targets: tuple[int, ...], tick: bool, tags: _Tags) -> int:
        """Return the number of the state behind a character; -1 if the text would end otherwise than wanted."""
        if targets not in self.places:
            nodes = frozenset[int]().union(*(self.closure[target] for target in targets))
            self.places[targets] = nodes, self.kinds(nodes)
        nodes, kinds = self.places[targets]
        if Kind.END in kinds:
            return self.state("end")
        return -1 if Kind.STOP in kinds else self.state((nodes, tick, tags.after(kinds)))

    def kinds(self, nodes: frozenset[int]) -> frozenset[Kind]:
        """Return what it means to have reached these nodes."""
        return frozenset(kind for node in nodes & self.net.marks.keys() for kind in self.net.marks[node])

    def expanded(self, dfa: Dfa) -> Reading:
        """Return the automaton over characters."""
        rows: list[tuple[Arc, ...]] = []
        for row in dfa.edges:
            groups: dict[int, list[Ranges]] = {}
            for low, high, target in row:
                groups.setdefault(target, []).extend(self.atoms[low : high + 1])
            rows.append(tuple(Arc(union(*found), target) for target, found in groups.items() if found))
        exits = [state for state, row in enumerate(dfa.edges) if any(low <= self.exit <= high for low, high, _ in row)]
        opens = {state: to for state, row in enumerate(dfa.edges) for low, high, to in row if low <= self.call <= high}
        return Reading(tuple(rows), frozenset(exits) | dfa.finals, opens)


def _atoms(sets: Iterable[Ranges]) -> list[Ranges]:
    """Return the coarsest sets of characters that no set tells apart, nor the backtick; NUL is in none."""
    atoms: list[Ranges] = [meet(EVERY, inverse(((0, 0),)))]
    for ranges in sorted({*sets, _TICK}):
        outside = inverse(ranges)
        atoms = [part for atom in atoms for part in (meet(atom, ranges), meet(atom, outside)) if part]
    return atoms


def _moves(edges: Iterable[tuple[Ranges, int]], parts: Mapping[Ranges, list[int]]) -> dict[int, list[int]]:
    moves: dict[int, list[int]] = {}
    for ranges, target in edges:
        for atom in parts[ranges]:
            moves.setdefault(atom, []).append(target)
    return moves


def _merged(net: Net) -> Net:
    """Return a net in which ways that end alike share their nodes: where a text ends nothing goes on."""
    known: dict[tuple[frozenset[Kind], frozenset[tuple[Ranges, int]], frozenset[int]], int] = {}
    same: dict[int, int] = {}
    found = replace(net, edges=[[] for _ in net.edges], free=[[] for _ in net.edges])
    for node in _from_ends(net):
        kinds = frozenset(net.marks.get(node, ()))
        if Kind.STOP not in kinds:
            found.edges[node] = [(ranges, same.get(to, node)) for ranges, to in net.edges[node]]
            found.free[node] = [same[to] for to in net.free[node]]
        itself = ((ranges, -1 if to == node else to) for ranges, to in found.edges[node])
        same[node] = known.setdefault((kinds, frozenset(itself), frozenset(found.free[node])), node)
    return found


def _from_ends(net: Net) -> Iterator[int]:
    """Yield every node behind those that it leads to, itself aside."""
    seen: set[int] = set()
    todo = [(node, False) for node in range(len(net.edges))]
    while todo:
        node, done = todo.pop()
        if done:
            yield node
        elif node not in seen:
            seen.add(node)
            todo.append((node, True))
            todo += [(to, False) for to in (*net.free[node], *(to for _, to in net.edges[node])) if to not in seen]


def _reached(net: Net, node: int) -> frozenset[int]:
    """Return the nodes that are reached without a character."""
    found, todo = {node}, [node]
    while todo:
        for following in net.free[todo.pop()]:
            if following not in found:
                found.add(following)
                todo.append(following)
    return frozenset(found)
