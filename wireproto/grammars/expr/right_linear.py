"""Writes an automaton as a right-linear grammar: each rule ends with a reference to the rule of the next state.

Only a state that several others lead to gets a rule; all others are written in their place. GBNF has no look-ahead, so
this is how text up to a marker, patterns and bounds become rules.

It must not know what the characters stand for: `spell` writes them. Law: the expression matches the spelled words of
the automaton, and no rule is left-recursive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from wireproto.automata.automaton import Dfa, Edge
from wireproto.automata.charset import Ranges, difference
from wireproto.grammars.expr.expr import EMPTY, Expr, RuleRef, chars, choice, repeat, seq
from wireproto.grammars.expr.rule_table import RuleTable

Spell = Callable[[Ranges], Expr]
Moves = tuple[Mapping[int, Ranges], ...]
# Alternatives nest this deep in one rule; below that a rule of its own keeps lines readable.
_MAX_NESTED: Final = 6
# The transitions of automata with so few states are cached: schemas ask for the same ones again and again.
_SMALL: Final = 100


def unescaped(ranges: Ranges) -> Expr:
    """Spell characters as themselves; NUL cannot be written."""
    return chars(difference(ranges, ((0, 0),)))


def right_linear(
    dfa: Dfa, table: RuleTable, hint: str, spell: Spell = unescaped, end: Expr = EMPTY, most: int | None = None
) -> Expr:
    """Return the words of an automaton, each followed by `end`.

    `most` bounds loops of a state to itself, which have no bound otherwise.
    """
    moves = _cached_moves(dfa) if len(dfa.edges) <= _SMALL else _moves(dfa)
    reached = Counter(target for state, groups in enumerate(moves) for target in groups if target != state)
    named = frozenset(state for state, count in reached.items() if count > (1 if state else 0))
    writer = _RuleWriter(dfa, table, hint, spell, end, most, moves, named)
    first = writer.at(0, 0)
    while writer.todo:
        state = writer.todo.pop()
        table.rules[writer.names[state]] = writer.body(state, 0)
    return first


def _moves(dfa: Dfa) -> Moves:
    """Return the characters that lead from each state to each next one."""
    return tuple(map(chars_by_target, dfa.edges))


_cached_moves: Final = lru_cache(maxsize=256)(_moves)


def chars_by_target(row: tuple[Edge, ...]) -> dict[int, Ranges]:
    """Return the characters of a row by the state that they lead to."""
    groups: dict[int, list[tuple[int, int]]] = {}
    for low, high, target in row:
        groups.setdefault(target, []).append((low, high))
    return {target: tuple(ranges) for target, ranges in groups.items()}


@dataclass(slots=True)
class _RuleWriter:
    dfa: Dfa
    table: RuleTable
    hint: str
    spell: Spell
    end: Expr
    most: int | None
    moves: Moves
    shared: frozenset[int]
    names: dict[int, str] = field(default_factory=dict)
    todo: list[int] = field(default_factory=list)

    def at(self, state: int, depth: int) -> Expr:
        """Return what follows from a state on: in its place, or as a reference to its rule."""
        if not self.dfa.edges[state]:
            return self.end
        if state not in self.shared and depth <= _MAX_NESTED:
            return self.body(state, depth)
        if state not in self.names:
            self.names[state] = self.table.name(self.hint)
            self.todo.append(state)
        return RuleRef(self.names[state])

    def body(self, state: int, depth: int) -> Expr:
        parts: list[Expr] = []
        while True:
            groups = self.moves[state]
            loop = groups.get(state)
            if loop:
                parts.append(repeat(self.spell(loop), 0, self.most))
            counted, after = self._counted(state)
            parts += counted
            if after is None:
                break
            if after in self.shared or not self.dfa.edges[after]:
                return seq(*parts, self.at(after, depth))
            state = after
        options = [self.end] if state in self.dfa.finals else []
        others = [(target, ranges) for target, ranges in groups.items() if target != state]
        options += [seq(self.spell(ranges), self.at(target, depth + 1)) for target, ranges in others]
        return seq(*parts, choice(*options))

    def _counted(self, state: int) -> tuple[list[Expr], int | None]:
        """Return the longest run of characters of one set with no other way out, and the state after it.

        All states of the run are final, or none is.
        """
        found = self._single(state)
        if found is None:
            return [], None
        final = state in self.dfa.finals
        ranges, at = found
        count = 1
        while at not in self.shared and (at in self.dfa.finals) == final:
            following = self._single(at)
            if following is None or following[0] != ranges:
                break
            at, count = following[1], count + 1
        if not final:
            return [repeat(self.spell(ranges), count, count)] if count > 3 else [self.spell(ranges)] * count, at
        # Each character may be the last one, so only the end may follow the run.
        if self.dfa.edges[at] or at not in self.dfa.finals:
            return [], None
        return [repeat(self.spell(ranges), 0, count)], at

    def _single(self, state: int) -> tuple[Ranges, int] | None:
        groups = self.moves[state]
        if len(groups) != 1 or state in groups:
            return None
        target, ranges = next(iter(groups.items()))
        return ranges, target
