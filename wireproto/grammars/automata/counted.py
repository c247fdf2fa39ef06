"""Text of a bounded length that holds no marker, counted by the engine's own repetition.

An automaton that looks for markers and counts characters has as many states as the product of both. An engine counts
alone, but only what it repeats, and between two repetitions no marker may have begun. So the text is calm characters,
of which no marker can be made; or it is parts, each of some plain characters, which begin nothing, or of fewer and then
a detour: characters that leave the automaton's home and come back to it. A part counts as if it were as long as parts
get, so a text with detours has to be shorter than the bound: little, if they are few and parts are long, or many and
parts are short. There is one way to divide a text into parts of one size: an engine would follow all of them.

It must not know what the markers are. Law: every text is one of the automaton and within the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wireproto.grammars.automata.automaton import Dfa, build_dfa
from wireproto.grammars.automata.charset import difference, intersection, joined
from wireproto.grammars.automata.right_linear import Spell, chars_by_target, unescaped
from wireproto.grammars.expr.expr import NOTHING, Expr, Ranges, choice, repeat, seq
from wireproto.grammars.expr.rule_table import RuleTable

# Up to so many characters the product is small enough.
FEW: Final = 16
# The plain characters of a part: of short ones, and of long ones, which are longer where the bound is large.
_SHORT: Final = 8
_LONG: Final = ((2_000, 128), (0, 32))
# The characters of a detour at most: of a marker, and of what may begin one before it (`\n</t`, `<<<`).
_DETOUR: Final = 5


def counted_text(held: Dfa, least: int, most: int | None, table: RuleTable, spell: Spell = unescaped) -> Expr:
    """Return texts of `least` to `most` characters of an automaton whose every state is final.

    All texts of calm characters are among them. Of the others, the first `least` characters are plain.
    """
    detours = table.once((_Detours, held, spell), lambda: _Detours(held, table, spell))
    calm = repeat(spell(detours.calm), least, most)
    if detours.all_calm:
        return calm
    if detours.home == 0:
        return choice(calm, detours.text(least, most))
    # The start is not home.
    one, several = (None, None) if most is None else (most - 1, most - _DETOUR)
    first = seq(detours.plainly(0), detours.text(max(least - 1, 0), one))
    return choice(calm, first, seq(detours.around(0), detours.text(max(least - 2, 0), several)))


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
    """The home of an automaton, its calm characters, and its texts that begin at home."""

    held: Dfa
    table: RuleTable
    spell: Spell
    home: int = field(init=False)
    calm: Ranges = field(init=False)
    rows: list[dict[int, Ranges]] = field(init=False)
    written: dict[tuple[int, int], Expr] = field(default_factory=dict)
    sizes: dict[int, Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = [chars_by_target(row) for row in self.held.edges]
        # Most characters lead home.
        _, _, self.home = max(self.held.edges[0], key=lambda edge: edge[1] - edge[0], default=(0, 0, 0))
        self.calm = self.rows[self.home].get(self.home, ())
        self.calm = self.calm if self.keeps(self.calm) else ()
        for ranges in self.rows[self.home].values():
            more = joined((*self.calm, *ranges))
            self.calm = more if self.keeps(more) else self.calm

    @property
    def all_calm(self) -> bool:
        """Whether there are no other characters."""
        return not any(difference(ranges, self.calm) for row in self.rows for ranges in row.values())

    def keeps(self, ranges: Ranges) -> bool:
        """Whether all texts of these characters are texts of the automaton, and may go on from home."""
        order = list(dict.fromkeys((0, self.home)))
        seen = set(order)
        for state in order:
            left = ranges
            for target, taken in self.rows[state].items():
                left = difference(left, taken)
                if target not in seen and intersection(taken, ranges):
                    seen.add(target)
                    order.append(target)
            if left:
                return False
        return True

    def text(self, least: int, most: int | None) -> Expr:
        """Return the texts from home of a length; at their end calm characters may lead away from it."""
        if most is None:
            return seq(repeat(self.plainly(self.home), least, least), self.parts(_SHORT, None))
        if most < least:
            return NOTHING
        left = most - least
        sizes = (_SHORT, next(size for bound, size in _LONG if left >= bound))
        found = choice(*(self.parts(size, left) for size in sizes))
        return seq(repeat(self.plainly(self.home), least, least), found)

    def parts(self, size: int, most: int | None) -> Expr:
        """Return parts with so many plain characters each, together no longer than a bound."""
        plain = self.plainly(self.home)
        if size not in self.sizes:
            full, less = repeat(plain, size, size), seq(repeat(plain, 0, size - 1), self.around(self.home))
            self.sizes[size] = self.table.add("part", choice(full, less))
        count = None if most is None else max(most - size + 1, 0) // (size - 1 + _DETOUR)
        last = size - 1 if most is None else min(size - 1, most)
        return seq(repeat(self.sizes[size], 0, count), repeat(self.spell(self.calm), 0, last))

    def plainly(self, state: int) -> Expr:
        """Return the characters that lead from a state home."""
        return self.spell(self.rows[state].get(self.home, ()))

    def around(self, state: int, left: int = _DETOUR) -> Expr:
        """Return the detours from a state home, with so many characters at most."""
        key = state, left
        if key not in self.written:
            ways = self.rows[state].items() if left > 1 else ()
            on = (seq(self.spell(ranges), self.back(to, left - 1)) for to, ranges in ways if to != self.home)
            found = choice(*on)
            self.written[key] = found if found == NOTHING else self.table.add("detour", found)
        return self.written[key]

    def back(self, state: int, left: int) -> Expr:
        """Return the ways from a state within a detour home."""
        return choice(self.plainly(state), self.around(state, left))
