"""Writes raw values as right-linear rules: any text up to its structural closer, or the words of an automaton.

It must not know schemas or what a tool declares. Law: what matches is a value and its closer, and the decoder ends the
value nowhere else.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from wireproto.automata.automaton import ANY_TEXT, Dfa, explored
from wireproto.automata.charset import Ranges, char_set, difference
from wireproto.format.spelling import CACHED
from wireproto.grammars.expr import expr as ex
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.raw.delayed_determinisation import START, Position, ReducedAutomaton, Transition
from wireproto.machine.boundary import ValueBoundary, harmless_texts, nested_automaton
from wireproto.machine.marker_nfa import Steps, ValueAutomaton
from wireproto.machine.marker_steps import nested_calls

# Bounds the size of the grammar: a state becomes a rule or a part of one.
MAX_WORD_STATES: Final = 4_000
# Lists of tools differ in a few: the automata of what the others declare are kept. Of few states each, as a rule.
_MAX_CLOSED: Final = 1_000
# Alternatives nest this deep in one rule; below that a rule of its own keeps lines readable.
_MAX_NESTED: Final = 6


@dataclass(frozen=True, slots=True)
class BoundedTexts:
    """The words of an automaton as raw values, each with its closer, for a leaf `Raw`."""

    boundary: ValueBoundary
    dfa: Dfa


@dataclass(slots=True)
class RawValues:
    """Writes raw values into a rule table, each automaton once; `lexical`: leaves them to the engine's lexer."""

    table: RuleTable
    lexical: bool = False
    _known: dict[ValueBoundary, ex.RuleRef] = field(default_factory=dict)
    _words: dict[tuple[ValueBoundary, Dfa], ex.Expr] = field(default_factory=dict)
    _texts: dict[Dfa, ex.Expr] = field(default_factory=dict)

    def anything(self, boundary: ValueBoundary) -> ex.Expr:
        """Return any value and its closer."""
        if boundary.site.coarse:
            return self.words(ANY_TEXT, boundary)
        if self.lexical:
            return ex.Raw(boundary)
        if boundary not in self._known:
            name = self.table.name("raw")
            found = _rules(boundary, name)
            self.table.rules.update(found.rules)
            self.table.uses.update(found.uses)
            self._known[boundary] = ex.RuleRef(name)
        return self._known[boundary]

    def words(self, dfa: Dfa, boundary: ValueBoundary) -> ex.Expr:
        """Return the words of an automaton that the decoder reads whole, each with the closer; raises `TooLarge`."""
        if boundary.site.coarse:
            held = dfa & harmless_texts(boundary.site)
            if held not in self._texts and not held.is_empty:
                self._texts[held] = self.table.add("raw-text", right_linear(held, self.table, "raw-text"))
            return ex.NOTHING if held.is_empty else ex.seq(self._texts[held], ex.literal(boundary.closer))
        if self.lexical:
            return ex.Raw(BoundedTexts(boundary, dfa))
        key = boundary, dfa
        if key not in self._words:
            self.table.spend(len(dfa.edges))
            closed = _closed(dfa, boundary)
            self._words[key] = ex.NOTHING if closed.is_empty else right_linear(closed, self.table, "raw-text")
        return self._words[key]


@lru_cache(maxsize=_MAX_CLOSED)
def _closed(dfa: Dfa, boundary: ValueBoundary) -> Dfa:
    """Return the words of an automaton that the decoder reads whole, each with the closer; raises `TooLarge`."""
    return followed(dfa, boundary.closer).met(boundary.texts(), MAX_WORD_STATES)


@lru_cache(maxsize=CACHED)
def _rules(boundary: ValueBoundary, name: str) -> ex.Rules:
    """Return the rules of a value, the first one under `name`; many grammars share them."""
    family = _RuleFamily(name)
    site = boundary.site
    calls = nested_calls(site)
    rests = {closer: family.rule() for closer in sorted({closer for _, closer in calls} - {""})}
    call_starts: dict[Ranges, ex.Expr] = {}
    for steps, closer in calls:
        rest = ex.seq(_behind_first(steps), rests.get(closer, ex.EMPTY))
        call_starts[steps[0].ranges] = ex.choice(call_starts.get(steps[0].ranges, ex.NOTHING), rest)
    call_starts = {first: family.with_rest_as_rule(rest) for first, rest in call_starts.items()}
    for closer, rest in rests.items():
        _AutomatonWriter(family, nested_automaton(site, closer), rest, call_starts).write()
    _AutomatonWriter(family, boundary.automaton(), ex.RuleRef(name), call_starts).write()
    return ex.Rules(name, family.rules).pruned()


@dataclass(slots=True)
class _RuleFamily:
    """Rules whose names begin with one name and `--`, which no name of a rule table holds."""

    name: str
    rules: dict[str, ex.Expr] = field(default_factory=dict)
    _count: int = 0

    def rule(self) -> ex.RuleRef:
        self._count += 1
        return ex.RuleRef(f"{self.name}--{self._count}")

    def with_rest_as_rule(self, expr: ex.Expr) -> ex.Expr:
        """Return an expression with what follows its first literal moved into a rule."""
        head, *rest = expr.parts if isinstance(expr, ex.Seq) else (ex.EMPTY, expr)
        if not isinstance(head, ex.Literal):
            head, rest = ex.EMPTY, [expr]
        rule = self.rule()
        self.rules[rule.name] = ex.seq(*rest)
        return ex.seq(head, rule)


def _behind_first(steps: Steps) -> ex.Expr:
    """Return what follows the first character of the steps."""
    first = steps[0]
    left = None if first.most is None else first.most - 1
    rest = (ex.repeat(ex.chars(step.ranges), step.least, step.most) for step in steps[1:])
    return ex.seq(ex.repeat(ex.chars(first.ranges), first.least - 1, left), *rest)


class _AutomatonWriter:
    """Writes one automaton: a rule for each position that several transitions reach, all others in their place.

    llama.cpp tries alternatives from the last one to the first, and stops at one that takes a whole token: so the end
    of a value is the last alternative.
    """

    def __init__(
        self, family: _RuleFamily, automaton: ValueAutomaton, first: ex.RuleRef, calls: Mapping[Ranges, ex.Expr]
    ) -> None:
        self.family, self.exits = family, automaton.exits
        self.automaton = ReducedAutomaton(automaton, calls)
        self.names = {START: first}
        self.todo = [START]
        self.tails: dict[tuple[Transition, ...], ex.RuleRef] = {}
        targets = {
            position: {move.target for move in self.automaton.transitions(position)}
            for position in self.automaton.positions()
        }
        reached = Counter(to for position, found in targets.items() for to in found - {position})
        self.loops = {position for position, found in targets.items() if position in found}
        self.shared = {START, *self.loops, *(position for position, count in reached.items() if count > 1)}

    def write(self) -> None:
        """Write all rules, the first one under the name that was given."""
        tails = Counter(map(self.tail, self.automaton.positions()))
        tails.update(map(_of_two, list(tails)))
        self.tails = {tail: self.family.rule() for tail, count in tails.items() if count > 1 and len(tail) > 1}
        for tail, rule in self.tails.items():
            self.family.rules[rule.name] = ex.choice(*self.options(tail, 0))
        while self.todo:
            position = self.todo.pop()
            self.family.rules[self.names[position].name] = self.body(position, 0)

    def tail(self, position: Position) -> tuple[Transition, ...]:
        """Return the transitions that many positions share; none of a loop, where a reference would cost most."""
        transitions = () if position in self.loops else self.automaton.transitions(position)
        return tuple(
            move for move in transitions if len(move.sets) > 1 or (move.target.guessed and move.target in self.loops)
        )

    def body(self, position: Position, depth: int) -> ex.Expr:
        tail = self.tail(position)
        options: list[ex.Expr] = [self.tails[tail]] if tail in self.tails else self.options(tail, depth)
        options += [self.written_move(move, depth) for move in self.automaton.transitions(position) if move not in tail]
        options += [ex.EMPTY] if position.state in self.exits else []
        return ex.choice(*options)

    def options(self, tail: tuple[Transition, ...], depth: int) -> list[ex.Expr]:
        """Return the alternatives of a tail; its transitions of two characters may be a rule of their own."""
        two = _of_two(tail)
        if two == tail or two not in self.tails:
            return [self.written_move(move, depth) for move in tail]
        return [self.tails[two], *(self.written_move(move, depth) for move in tail[len(two) :])]

    def written_move(self, move: Transition, depth: int) -> ex.Expr:
        return ex.seq(*map(ex.chars, move.sets), move.rest, self.at(move.target, depth + 1))

    def at(self, position: Position, depth: int) -> ex.Expr:
        if not self.automaton.transitions(position):
            return ex.EMPTY
        if position not in self.shared and depth <= _MAX_NESTED:
            return self.body(position, depth)
        if position not in self.names:
            self.names[position] = self.family.rule()
            self.todo.append(position)
        return self.names[position]


def _of_two(transitions: tuple[Transition, ...]) -> tuple[Transition, ...]:
    return tuple(move for move in transitions if len(move.sets) > 1)


def followed(dfa: Dfa, text: str) -> Dfa:
    """Return the words of an automaton, each with `text` after it.

    A state: that of the automaton (-1 if it refused), and how much of `text` may have been read.
    """

    def state(at: int, done: frozenset[int]) -> tuple[int, frozenset[int]]:
        return at, done | {0} if at in dfa.finals else done

    def row(pair: tuple[int, frozenset[int]]) -> Iterator[tuple[int, int, tuple[int, frozenset[int]]]]:
        at, done = pair
        wanted = {text[i] for i in done if i < len(text)}
        for character in sorted(wanted):
            point = ord(character)
            after = frozenset(i + 1 for i in done if i < len(text) and text[i] == character)
            yield point, point, state(dfa.step(at, point) if at >= 0 else -1, after)
        for low, high, target in dfa.edges[at] if at >= 0 else ():
            for first, last in difference(((low, high),), char_set("".join(wanted))):
                yield first, last, state(target, frozenset())

    return explored(state(0, frozenset()), row, lambda pair: len(text) in pair[1], sys.maxsize)
