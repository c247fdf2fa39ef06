"""Text of a bounded length that holds no marker, counted by the engine's own repetition.

An automaton that looks for markers and counts characters has as many states as the product of both. An engine counts
alone, but only what it repeats, and between two repetitions no marker may have begun. So the text is plain characters,
which begin nothing; or parts, each of some plain characters, or of fewer and then a detour: characters that leave the
start of the automaton and come back to it. A part counts as if it were as long as parts get, so a text with detours has
to be shorter than the bound: little, if they are few and parts are long, or many and parts are short. There is one way
to divide a text into parts of one size: an engine would follow all of them.

It must not know what the markers are. Law: every text is one of the automaton and within the bounds, and behind it the
automaton is where it started.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wireproto.grammars.automata.automaton import Dfa
from wireproto.grammars.automata.right_linear import Spell, chars_by_target, unescaped
from wireproto.grammars.expr.expr import NOTHING, Expr, choice, repeat, seq
from wireproto.grammars.expr.rule_table import RuleTable

# The plain characters of a part: of short ones, and of long ones, which are longer where the bound is large.
_SHORT: Final = 8
_LONG: Final = ((2_000, 128), (0, 32))
# A detour goes so far into a marker, and before that may begin one anew so many times (`\n<`, `<<<`).
_DEEP: Final = 4
_AGAIN: Final = 2


def counted_text(held: Dfa, least: int, most: int | None, table: RuleTable, spell: Spell = unescaped) -> Expr:
    """Return texts of `least` to `most` characters of an automaton whose every state is final.

    All texts of plain characters are among them. Of the others, the first `least` characters are plain.
    """
    detours = table.once((_Detours, held, spell), lambda: _Detours(held, table, spell))
    plain = detours.plain
    if detours.all == NOTHING or (most is not None and most < least):
        return repeat(plain, least, most)
    if most is None:
        return seq(repeat(plain, least, least), detours.parts(_SHORT, None))
    left = most - least
    sizes = (_SHORT, next(size for bound, size in _LONG if left >= bound))
    ways = (detours.parts(size, left) for size in sizes)
    return choice(repeat(plain, least, most), *(seq(repeat(plain, least, least), way) for way in ways))


@dataclass(slots=True)
class _Detours:
    """What texts of an automaton are made of: plain characters, and `all` detours."""

    held: Dfa
    table: RuleTable
    spell: Spell
    plain: Expr = field(init=False)
    all: Expr = field(init=False)
    depths: dict[int, int] = field(default_factory=lambda: {0: 0})
    written: dict[tuple[int, int], Expr] = field(default_factory=dict)
    sizes: dict[int, Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        order = [0]
        for state in order:
            for _, _, target in self.held.edges[state]:
                if target not in self.depths and self.depths[state] < _DEEP:
                    self.depths[target] = self.depths[state] + 1
                    order.append(target)
        row = chars_by_target(self.held.edges[0])
        self.plain = self.spell(row.pop(0, ()))
        found = choice(*(seq(self.spell(ranges), self.after(target, _AGAIN)) for target, ranges in row.items()))
        self.all = found if found == NOTHING else self.table.add("detour", found)

    def parts(self, size: int, most: int | None) -> Expr:
        """Return parts with so many plain characters each, together no longer than a bound."""
        if size not in self.sizes:
            full, less = repeat(self.plain, size, size), seq(repeat(self.plain, 0, size - 1), self.all)
            self.sizes[size] = self.table.add("part", choice(full, less))
        # The characters before a detour, the first one of it, those that begin one anew, and all others.
        longest = size - 1 + 1 + _AGAIN + _DEEP
        count = None if most is None else max(most - size + 1, 0) // longest
        last = size - 1 if most is None else min(size - 1, most)
        return seq(repeat(self.sizes[size], 0, count), repeat(self.plain, 0, last))

    def after(self, state: int, again: int) -> Expr:
        """Return the ways from a state back to the start; `again`: how often a marker may begin anew."""
        key = state, again
        if key not in self.written:
            ways = chars_by_target(self.held.edges[state]).items()
            on = [(to, ranges, 0) for to, ranges in ways if self.depths.get(to, 0) > self.depths[state]]
            if again and self.depths[state] == 1:
                on += [(to, ranges, again - 1) for to, ranges in ways if self.depths.get(to) == 1]
            back = [self.spell(ranges) for to, ranges in ways if to == 0]
            found = choice(*back, *(seq(self.spell(ranges), self.after(to, left)) for to, ranges, left in on))
            self.written[key] = found if found == NOTHING else self.table.add("detour", found)
        return self.written[key]
