"""Raw values as rules: any text up to its structural closer, or the words of an automaton.

It must not know schemas or what a tool declares. Law: what matches is a value and its closer, and the decoder ends the
value nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from wireproto.expr import EMPTY, NOTHING, Expr, Ranges, Raw, Rule, chars, choice, literal, repeat, seq
from wireproto.grammars.automaton import ALL, Dfa, Edge, TooLarge, build, edges_to
from wireproto.grammars.book import Book
from wireproto.grammars.boundary import Boundary, harmless_texts, nested_calls, nested_reading
from wireproto.grammars.charset import inverse, minus, of
from wireproto.grammars.linear import linear
from wireproto.grammars.net import Reading, Steps
from wireproto.states import CACHED

_MAX_WORD_STATES: Final = 4_000
_MAX_NESTED: Final = 6
# A state that so many others lead to is one to which most characters lead.
_HUB: Final = 8


@dataclass(frozen=True, slots=True)
class Words:
    """The words of an automaton as raw values, each with its closer; as a leaf `Raw`."""

    boundary: Boundary
    dfa: Dfa


@dataclass(slots=True)
class RawValues:
    """Writes raw values into a book, each automaton once; `lexical`: they are left to the engine's lexer."""

    book: Book
    lexical: bool = False
    _known: dict[Boundary, Rule] = field(default_factory=dict)
    _words: dict[tuple[Boundary, Dfa], Expr] = field(default_factory=dict)
    _texts: dict[Dfa, Expr] = field(default_factory=dict)

    def anything(self, boundary: Boundary) -> Expr:
        """Return any value and its closer."""
        if boundary.site.coarse:
            return self.words(ALL, boundary)
        if self.lexical:
            return Raw(boundary)
        if boundary not in self._known:
            name = self.book.name("raw")
            self.book.rules.update(_rules(boundary, name))
            self._known[boundary] = Rule(name)
        return self._known[boundary]

    def words(self, dfa: Dfa, boundary: Boundary) -> Expr:
        """Return the words of an automaton that hold nothing which would end them, and the closer.

        Raises:
            TooLarge: there are too many states to tell both apart.
        """
        if boundary.site.coarse:
            held = dfa & harmless_texts(boundary.site)
            return NOTHING if held.is_empty else seq(self._shared(held), literal(boundary.closer))
        if self.lexical:
            return Raw(Words(boundary, dfa))
        key = boundary, dfa
        if key not in self._words:
            closed = followed(dfa, boundary.closer) & boundary.texts()
            if len(closed.edges) > _MAX_WORD_STATES:
                raise TooLarge(f"an automaton of more than {_MAX_WORD_STATES} states")
            self._words[key] = NOTHING if closed.is_empty else linear(closed, self.book, "raw-text")
        return self._words[key]

    def _shared(self, dfa: Dfa) -> Expr:
        """Return the words of an automaton, written once for all closers."""
        if dfa not in self._texts:
            self._texts[dfa] = self.book.add("raw-text", linear(dfa, self.book, "raw-text"))
        return self._texts[dfa]


@lru_cache(maxsize=CACHED)
def _rules(boundary: Boundary, name: str) -> Mapping[str, Expr]:
    """Return the rules of a value, its own under `name`."""
    family = _Family(name)
    site = boundary.site
    calls = nested_calls(site)
    begun = {steps[0].ranges: family.rule() for steps, _ in calls}
    rests = {closer: family.rule() for closer in sorted({closer for _, closer in calls} - {""})}
    for closer, rest in rests.items():
        _Writer(family, nested_reading(site, closer), rest, begun).write()
    for first, rest in begun.items():
        options = [
            seq(_behind_first(steps), rests.get(closer, EMPTY)) for steps, closer in calls if first == steps[0].ranges
        ]
        family.rules[rest.name] = choice(*options)
    _Writer(family, boundary.reading(), Rule(name), begun).write()
    return family.rules


@dataclass(slots=True)
class _Family:
    """Rules whose names begin with one name and two dashes, which no name that a book gives has in a row."""

    name: str
    rules: dict[str, Expr] = field(default_factory=dict)
    _count: int = 0

    def rule(self) -> Rule:
        self._count += 1
        return Rule(f"{self.name}--{self._count}")


def _written(steps: Steps) -> Expr:
    return seq(*(repeat(chars(step.ranges), step.least, step.most) for step in steps))


def _behind_first(steps: Steps) -> Expr:
    """Return what follows the first character."""
    first = steps[0]
    left = None if first.most is None else first.most - 1
    return seq(repeat(chars(first.ranges), first.least - 1, left), _written(steps[1:]))


@dataclass(frozen=True, slots=True)
class _Way:
    """Where characters lead: to a state, and through the rest of a nested call that they begin, to another one."""

    ranges: Ranges
    target: int | None
    nested: tuple[Rule, int] | None


@dataclass(slots=True)
class _Writer:
    """Writes one automaton: a rule for each state that is reached on several ways, everything else in its place.

    What most states do with most characters is said once: a tail is the ways to states which many reach. llama.cpp
    follows all alternatives at once, and for each character its time grows with the square of their number: so no two
    begin alike, and a loop is one of them, since a repetition would be two more.
    """

    family: _Family
    reading: Reading
    first: Rule
    calls: Mapping[Ranges, Rule]
    names: dict[int, Rule] = field(default_factory=dict)
    todo: list[int] = field(default_factory=lambda: [0])
    ways: list[tuple[_Way, ...]] = field(default_factory=list)
    shared: frozenset[int] = frozenset()
    hubs: frozenset[int] = frozenset()
    tails: dict[tuple[_Way, ...], Rule] = field(default_factory=dict)

    def write(self) -> None:
        states = range(len(self.reading.arcs))
        self.ways = [tuple(self.begun(state)) for state in states]
        targets = [{arc.target for arc in arcs} for arcs in self.reading.arcs]
        others = [target for state in states for target in targets[state] - {state}]
        reached = Counter([*others, *self.reading.opens.values()])
        loops = (state for state in states if state in targets[state])
        self.shared = frozenset({0, *loops, *(state for state, count in reached.items() if count > 1)})
        self.hubs = frozenset(state for state, count in reached.items() if count >= _HUB)
        tails = Counter(self.tail(state) for state in states)
        self.tails = {tail: self.family.rule() for tail, count in tails.items() if count > 1 and len(tail) > 1}
        self.names[0] = self.first
        for tail, rule in self.tails.items():
            self.family.rules[rule.name] = choice(*(self.taken(way, 0) for way in tail))
        while self.todo:
            state = self.todo.pop()
            self.family.rules[self.names[state].name] = self.body(state, 0)

    def begun(self, state: int) -> Iterator[_Way]:
        """Yield the ways from a state; a nested call takes one that there is, if it can."""
        behind = self.reading.opens.get(state)
        calls = {} if behind is None else {first: (rest, behind) for first, rest in self.calls.items()}
        for arc in self.reading.arcs[state]:
            yield _Way(arc.ranges, arc.target, calls.pop(arc.ranges, None))
        yield from (_Way(first, None, nested) for first, nested in calls.items())

    def tail(self, state: int) -> tuple[_Way, ...]:
        return tuple(way for way in self.ways[state] if way.target in self.hubs)

    def body(self, state: int, depth: int) -> Expr:
        tail = self.tail(state)
        options: list[Expr] = [EMPTY] if state in self.reading.exits else []
        options += [self.taken(way, depth) for way in self.ways[state] if way not in tail]
        options += [self.tails[tail]] if tail in self.tails else [self.taken(way, depth) for way in tail]
        return choice(*options)

    def taken(self, way: _Way, depth: int) -> Expr:
        options = [] if way.target is None else [self.at(way.target, depth + 1)]
        if way.nested is not None:
            rest, behind = way.nested
            options.append(seq(rest, self.at(behind, depth + 1)))
        return seq(chars(way.ranges), choice(*options))

    def at(self, state: int, depth: int) -> Expr:
        if not self.reading.arcs[state]:
            return EMPTY
        if state not in self.shared and depth <= _MAX_NESTED:
            return self.body(state, depth)
        if state not in self.names:
            self.names[state] = self.family.rule()
            self.todo.append(state)
        return self.names[state]


def followed(dfa: Dfa, text: str) -> Dfa:
    """Return the words of an automaton, each with `text` after it."""
    number: dict[tuple[int, frozenset[int]], int] = {}
    order: list[tuple[int, frozenset[int]]] = []

    def state(at: int, done: frozenset[int]) -> int:
        """`at` is where the automaton is, `done` how much of `text` may have been read."""
        done = done | {0} if at in dfa.finals else done
        if (at, done) not in number:
            number[at, done] = len(order)
            order.append((at, done))
        return number[at, done]

    state(0, frozenset())
    rows: list[list[Edge]] = []
    for at, done in order:
        row: list[Edge] = []
        wanted = {text[i] for i in done if i < len(text)}
        for character in sorted(wanted):
            point = ord(character)
            after = frozenset(i + 1 for i in done if i < len(text) and text[i] == character)
            row.append((point, point, state(dfa.step(at, point) if at >= 0 else -1, after)))
        others = inverse(of("".join(wanted)))
        for low, high, target in dfa.edges[at] if at >= 0 else ():
            outside = minus(((low, high),), inverse(others))
            row += edges_to(outside, state(target, frozenset()))
        rows.append(row)
    return build(rows, [i for i, (_, done) in enumerate(order) if len(text) in done])
