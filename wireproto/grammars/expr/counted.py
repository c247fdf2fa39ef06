"""Text of a bounded length that holds no marker, counted by the engine's own repetition.

An automaton that looks for markers and counts characters has as many states as the product of both. An engine counts
alone, but only what it repeats, and between two repetitions no marker may have begun. So the text is calm characters,
of which no marker can be made; or it is parts, each of some calm characters, or of fewer and then a detour: characters
that lead away from the states of calm texts (home) and back. A part counts as if it were as long as parts get, so a
text with detours has to be shorter than the bound: little, if they are few and parts are long, or many and parts are
short. There is one way to divide a text into parts of one size: an engine would follow all of them.

What was read before a detour is not known to the rules, so a detour has to be one from every state of home.

It must not know what the markers are. Law: every text is one of the automaton and within the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wireproto.automata.automaton import Dfa, build_dfa
from wireproto.automata.charset import Ranges, difference, intersection, joined
from wireproto.grammars.expr.expr import NOTHING, Expr, choice, repeat, seq
from wireproto.grammars.expr.right_linear import Spell, chars_by_target, unescaped
from wireproto.grammars.expr.rule_table import RuleTable

# Up to so many characters the product is small enough.
FEW: Final = 16
# The calm characters of a part: of short ones, and of long ones, which are longer where the bound is large.
_SHORT: Final = 8
_LONG: Final = ((2_000, 128), (0, 32))
# The characters of a detour at most: of a marker, and of what may begin one before it (`\n</t`, `<<<`).
_DETOUR: Final = 5


_EVERY: Final[Ranges] = ((0, 0x7FFF_FFFF),)


def counted_text(held: Dfa, least: int, most: int | None, table: RuleTable, spell: Spell = unescaped) -> Expr:
    """Return texts of `least` to `most` characters of an automaton whose every state is final.

    All texts of calm characters are among them. Of the others, the first `least` characters are calm.
    """
    detours = table.once((_Detours, held, spell), lambda: _Detours(held, table, spell))
    calm = repeat(spell(detours.calm), least, most)
    if detours.all_calm or (most is not None and most < least):
        return calm
    start = repeat(spell(detours.calm), least, least)
    if most is None:
        return seq(start, detours.parts(_SHORT, None))
    left = most - least
    sizes = (_SHORT, next(size for bound, size in _LONG if left >= bound))
    return choice(calm, *(seq(start, detours.parts(size, left)) for size in sizes))


def texts_after(dfa: Dfa, word: str) -> Dfa:
    """Return what may follow a word in the words of an automaton, all of which begin with it."""
    state = 0
    for character in word:
        state = dfa.step(state, ord(character))
    # The two states change places, as the start is the first one.
    places = {0: state, state: 0}
    rows = [[(low, high, places.get(to, to)) for low, high, to in row] for row in dfa.edges]
    rows[0], rows[state] = rows[state], rows[0]
    return build_dfa(rows, [places.get(each, each) for each in dfa.finals])


@dataclass(slots=True)
class _Detours:
    """The calm characters of an automaton, the states that they lead to from its start, and the detours from these."""

    held: Dfa
    table: RuleTable
    spell: Spell
    calm: Ranges = ()
    home: frozenset[int] = frozenset((0,))
    rows: list[dict[int, Ranges]] = field(init=False)
    written: dict[tuple[frozenset[int], int], Expr] = field(default_factory=dict)
    sizes: dict[int, Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = [chars_by_target(row) for row in self.held.edges]
        # The larger sets first: of the letters of a marker it is its first sign that is not calm.
        for ranges in sorted(self.rows[0].values(), key=lambda each: sum(low - high - 1 for low, high in each)):
            more = joined((*self.calm, *ranges))
            home = self.reached(more)
            if home is not None:
                self.calm, self.home = more, home

    @property
    def all_calm(self) -> bool:
        """Whether there are no other characters."""
        return not any(difference(ranges, self.calm) for row in self.rows for ranges in row.values())

    def reached(self, ranges: Ranges) -> frozenset[int] | None:
        """Return the states that texts of these characters lead to; None if one of them is no text of the automaton."""
        seen, order = {0}, [0]
        for state in order:
            left = ranges
            for target, taken in self.rows[state].items():
                left = difference(left, taken)
                if target not in seen and intersection(taken, ranges):
                    seen.add(target)
                    order.append(target)
            if left:
                return None
        return frozenset(seen)

    def parts(self, size: int, most: int | None) -> Expr:
        """Return parts with so many calm characters each, together no longer than a bound."""
        calm = self.spell(self.calm)
        if size not in self.sizes:
            full, less = repeat(calm, size, size), seq(repeat(calm, 0, size - 1), self.around(self.home, _DETOUR))
            self.sizes[size] = self.table.add("part", choice(full, less))
        count = None if most is None else max(most - size + 1, 0) // (size - 1 + _DETOUR)
        last = size - 1 if most is None else min(size - 1, most)
        return seq(repeat(self.sizes[size], 0, count), repeat(calm, 0, last))

    def around(self, states: frozenset[int], left: int) -> Expr:
        """Return the ways home from any of these states, with so many characters at most; from home, the detours."""
        key = states, left
        if key not in self.written:
            options: list[Expr] = []
            for targets, ranges in self.moves(states).items():
                taken = difference(ranges, self.calm) if states == self.home else ranges
                if targets <= self.home:
                    options.append(self.spell(taken) if taken else NOTHING)
                elif left > 1 and taken:
                    options.append(seq(self.spell(taken), self.around(targets, left - 1)))
            found = choice(*options)
            self.written[key] = found if found == NOTHING else self.table.add("detour", found)
        return self.written[key]

    def moves(self, states: frozenset[int]) -> dict[frozenset[int], Ranges]:
        """Return the characters that all of these states take, by the states that they lead to."""
        found: dict[frozenset[int], Ranges] = {frozenset(): _EVERY}
        for state in sorted(states):
            split: dict[frozenset[int], list[tuple[int, int]]] = {}
            for targets, ranges in found.items():
                for target, taken in self.rows[state].items():
                    split.setdefault(targets | {target}, []).extend(intersection(ranges, taken))
            found = {targets: joined(each) for targets, each in split.items() if each}
        return found
