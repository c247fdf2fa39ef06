"""An NFA of all marker sequences, and its subset construction: the automaton of a raw value.

It must not know dialects. Law: the automaton is deterministic except at its exits: after a closer the text may end, or
go on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Literal, NamedTuple, Union

from wireproto.automata.charset import ANY_CHAR, Ranges, char_set, complement, intersection, union
from wireproto.automata.graph import closure
from wireproto.automata.minimising import smallest
from wireproto.machine.value_machine import QUOTE, OpenTags
from wireproto.values.errors import TooLarge

# Bounds the size of the grammar: the raw values of all dialects here need at most 508 states.
_MAX_STATES: Final = 20_000
_TICK: Final = char_set(QUOTE)
# R-CLOSE2: so many open tags of a value's own name are told apart. One more doubles the automaton.
_MOST_OPEN: Final = 1


class Meaning(Enum):
    """What it means to reach a node of the NFA.

    STOP: the decoder would end the value here, so the grammar must not accept it. BEFORE: a nested call that began here
    would end the value. EXIT: the text may end. END: it ends.
    For R-CLOSE2 (a second closer right after a first one): VALUE: the value's closer was just read. BEHIND: a second
    closer may follow, or has begun. TWICE: it was read. ALONE: it was read, and the value is empty otherwise. TAG: an
    opener of the tag that the closer closes.
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


class Step(NamedTuple):
    """`least` to `most` characters of a set; no upper bound if `most` is None."""

    ranges: Ranges
    least: int = 1
    most: int | None = 1


Steps = tuple[Step, ...]


def literal_steps(text: str) -> Steps:
    """Return the steps through a text."""
    return tuple(Step(char_set(character)) for character in text)


class MarkerPath(NamedTuple):
    """A marker sequence and what its end means; `quotable`: directly after a backtick it means nothing (R-OPEN)."""

    steps: Steps
    meaning: Meaning
    quotable: bool = False


@dataclass(slots=True)
class MarkerNfa:
    """An NFA of marker sequences; sequences with the same beginning share its nodes, as in a trie.

    A sequence begins anywhere in a text (`start`), anywhere but directly after a backtick (`unquoted`), or where the
    text begins (`first`). `epsilon`: transitions that read nothing.
    """

    start: int = 0
    unquoted: int = 1
    first: int = 2
    edges: list[list[tuple[Ranges, int]]] = field(default_factory=lambda: [[], [], []])
    epsilon: list[list[int]] = field(default_factory=lambda: [[], [], []])
    labels: dict[int, set[Meaning]] = field(default_factory=dict)
    _known: dict[tuple[int, Step], int] = field(default_factory=dict)

    def node(self) -> int:
        """Add a node."""
        self.edges.append([])
        self.epsilon.append([])
        return len(self.edges) - 1

    def follow(self, node: int, steps: Steps) -> int:
        """Return the node that steps lead to, which are added where they are missing."""
        for step in steps:
            if (node, step) not in self._known:
                self._known[node, step] = self._take(node, step)
            node = self._known[node, step]
        return node

    def _take(self, node: int, step: Step) -> int:
        """Add a step and return its end; no edge leads back, except from a node to itself."""
        passed = [node]
        for _ in range((step.most or 1) - 1):
            passed.append(self.node())
            self.edges[passed[-2]].append((step.ranges, passed[-1]))
        out = self.node()
        self.edges[passed[-1]].append((step.ranges, out))
        if step.most is None:
            self.edges[out].append((step.ranges, out))
        for each in passed[min(step.least, 1) :]:
            self.epsilon[each].append(out)
        return out

    def add_paths(self, paths: Iterable[MarkerPath]) -> None:
        """Add marker sequences."""
        for path in paths:
            node = self.follow(self.unquoted if path.quotable else self.start, path.steps)
            self.labels.setdefault(node, set()).add(path.meaning)

    def add(self, steps: Steps, meaning: Meaning) -> None:
        """Add one marker sequence."""
        self.add_paths([MarkerPath(steps, meaning)])


class Arc(NamedTuple):
    """A transition on the characters of a set."""

    ranges: Ranges
    target: int


@dataclass(frozen=True, slots=True)
class ValueAutomaton:
    """The automaton of a value and its closer: arcs by state, state 0 is the start.

    `exits`: the states in which the text may end. `opens`: the states in which a nested call may begin, each with the
    state after the call (a pushdown automaton, whose push is the nested call).
    """

    arcs: tuple[tuple[Arc, ...], ...]
    exits: frozenset[int]
    opens: Mapping[int, int]


def _next_open_tags(tags: OpenTags, meanings: frozenset[Meaning]) -> OpenTags:
    """Return the next state of R-CLOSE2."""
    if Meaning.VALUE in meanings:
        return (tags if Meaning.TWICE in meanings else tags.after_text()).after_closer()
    if Meaning.BEHIND in meanings:
        return tags
    return tags.after_opener(_MOST_OPEN) if Meaning.TAG in meanings else tags.after_text()


_State = Union[tuple[frozenset[int], bool, OpenTags], Literal["end"]]


def determinised(nfa: MarkerNfa, before: Steps = (), anywhere: bool = False) -> ValueAutomaton:
    """Return the deterministic automaton of an NFA; raises `TooLarge`.

    `before`: what counts as read before the first character. `anywhere`: the text may end in every state.
    """
    started = nfa.follow(nfa.start, before)
    merged, number = _minimised(nfa)
    return _SubsetConstruction(merged, anywhere).reading((merged.first, number[started]))


class _SubsetConstruction:
    """The subset construction over atoms: the sets of characters that no step tells apart.

    Characters are numbers: those of the atoms, then one for an exit and one for a whole nested call.
    """

    def __init__(self, nfa: MarkerNfa, anywhere: bool) -> None:
        self.nfa, self.anywhere = nfa, anywhere
        self.atoms = _atoms(each for edges in nfa.edges for each, _ in edges)
        self.exit, self.call = len(self.atoms), len(self.atoms) + 1
        self.closure = [_epsilon_closure(nfa, node) for node in range(len(nfa.edges))]
        sets = {ranges for edges in nfa.edges for ranges, _ in edges}
        parts = {ranges: [i for i, atom in enumerate(self.atoms) if intersection(atom[:1], ranges)] for ranges in sets}
        self.moves = [_moves(edges, parts) for edges in nfa.edges]
        self.tick = self.atoms.index(_TICK)
        self.started = [self.beginnings(nfa.start, nfa.unquoted), self.beginnings(nfa.start)]
        self.known: dict[tuple[tuple[int, ...], bool, OpenTags], int] = {}
        self.sets: dict[tuple[int, ...], Ranges] = {}
        self.rows: dict[tuple[bool, OpenTags], list[int]] = {}
        self.number: dict[_State, int] = {}
        self.order: list[_State] = []

    def beginnings(self, *nodes: int) -> list[tuple[int, ...]]:
        """Return where these nodes lead, by atom."""
        return [tuple(to for node in nodes for to in self.moves[node].get(atom, ())) for atom in range(len(self.atoms))]

    def reading(self, first: tuple[int, ...]) -> ValueAutomaton:
        self.state((frozenset[int]().union(*(self.closure[node] for node in first)), False, OpenTags()))
        rows = [self.row(state) for state in self.order]
        return self.expanded(smallest(rows, self.state("end")))

    def state(self, state: _State) -> int:
        if state not in self.number:
            if len(self.number) >= _MAX_STATES:
                raise TooLarge(f"an automaton of more than {_MAX_STATES} states")
            self.number[state] = len(self.number)
            self.order.append(state)
        return self.number[state]

    def row(self, state: _State) -> list[int]:
        """Return the next states: by atom, then at an exit, and behind a nested call; -1 where there is none."""
        if isinstance(state, str):
            return [-1] * (self.call + 1)
        nodes, quoted, tags = state
        meanings = self.meanings(nodes)
        # R-CLOSE2: where the first of two closers would be the real one, the second is none.
        closed = Meaning.EXIT in meanings and (tags.held < 2 or tags.keeps_first(Meaning.ALONE in meanings))
        ends = self.state("end") if closed or self.anywhere else -1
        nests = not quoted and Meaning.BEFORE not in meanings
        behind = self.state((frozenset(), False, tags.after_text())) if nests else -1
        moved: dict[int, list[int]] = {}
        for node in nodes:
            for atom, targets in self.moves[node].items():
                moved.setdefault(atom, []).extend(targets)
        following = [*self.started_row(quoted, tags), ends, behind]
        for atom, targets in moved.items():
            reached = tuple(sorted({*self.started[quoted][atom], *targets}))
            following[atom] = self.following(reached, atom == self.tick, tags)
        return following

    def started_row(self, quoted: bool, tags: OpenTags) -> list[int]:
        """Return the next state for each atom if no marker has begun before it."""
        key = quoted, tags
        if key not in self.rows:
            started = enumerate(self.started[quoted])
            self.rows[key] = [self.following(targets, atom == self.tick, tags) for atom, targets in started]
        return self.rows[key]

    def following(self, targets: tuple[int, ...], tick: bool, tags: OpenTags) -> int:
        """Return the number of the next state; -1 if the decoder would end the value there."""
        key = targets, tick, tags
        if key not in self.known:
            nodes = frozenset[int]().union(*(self.closure[target] for target in targets))
            meanings = self.meanings(nodes)
            if Meaning.STOP in meanings:  # also where a call without arguments takes the closer that would be the end
                self.known[key] = -1
            elif Meaning.END in meanings:
                self.known[key] = self.state("end")
            else:
                self.known[key] = self.state((nodes, tick, _next_open_tags(tags, meanings)))
        return self.known[key]

    def meanings(self, nodes: frozenset[int]) -> frozenset[Meaning]:
        """Return what it means to be in these nodes."""
        return frozenset(meaning for node in nodes & self.nfa.labels.keys() for meaning in self.nfa.labels[node])

    def expanded(self, found: list[list[int]]) -> ValueAutomaton:
        """Return the automaton over characters instead of atoms."""
        rows: list[tuple[Arc, ...]] = []
        for row in found:
            groups: dict[int, list[int]] = {}
            for atom, target in enumerate(row[: self.exit]):
                if target >= 0:
                    groups.setdefault(target, []).append(atom)
            rows.append(tuple(Arc(self.joined(tuple(atoms)), target) for target, atoms in groups.items()))
        exits = frozenset(state for state, row in enumerate(found) if row[self.exit] >= 0 or max(row) < 0)
        opens = {state: row[self.call] for state, row in enumerate(found) if row[self.call] >= 0}
        return ValueAutomaton(tuple(rows), exits, opens)

    def joined(self, atoms: tuple[int, ...]) -> Ranges:
        """Return the set of the characters of some atoms."""
        if atoms not in self.sets:
            self.sets[atoms] = union(*(self.atoms[atom] for atom in atoms))
        return self.sets[atoms]


def _atoms(sets: Iterable[Ranges]) -> list[Ranges]:
    """Return the coarsest partition of the characters that respects these sets and the backtick, without NUL."""
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


def _minimised(nfa: MarkerNfa) -> tuple[MarkerNfa, list[int]]:
    """Return the NFA with nodes merged that have the same future, and the new node of each old one.

    Nothing follows a node that stops.
    """
    found, number = MarkerNfa(edges=[], epsilon=[]), [0] * len(nfa.edges)
    known: dict[Hashable, int] = {}
    for node in reversed(range(len(nfa.edges))):
        meanings = frozenset(nfa.labels.get(node, ()))
        goes_on = Meaning.STOP not in meanings
        edges = {(ranges, -1 if to == node else number[to]) for ranges, to in nfa.edges[node] if goes_on}
        epsilon = {number[to] for to in nfa.epsilon[node] if goes_on}
        same = number[node] = known.setdefault((meanings, frozenset(edges), frozenset(epsilon)), len(known))
        if same == len(found.edges):
            found.edges.append([(ranges, same if to < 0 else to) for ranges, to in sorted(edges)])
            found.epsilon.append(sorted(epsilon))
            found.labels[same] = set(meanings)
    found.start, found.unquoted, found.first = (number[node] for node in (nfa.start, nfa.unquoted, nfa.first))
    return found, number


def _epsilon_closure(nfa: MarkerNfa, node: int) -> frozenset[int]:
    """Return the nodes reached without reading a character (epsilon closure)."""
    return frozenset(closure((node,), nfa.epsilon.__getitem__))
