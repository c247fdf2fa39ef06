"""Arrays and objects that have to be counted: one rule for each state of what was written so far.

It must not know schema keywords. Law: a state is all that later members depend on; more states than a limit raise
`TooLarge`. A key that is told apart stands once. Other keys may be repeated in a text, and JSON readers keep the last
one, so that nothing may rest on an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Final, Protocol

from wireproto.expr import NOTHING, Expr, Rule, choice, seq
from wireproto.grammar.automaton import Dfa, TooLarge, of_words
from wireproto.grammar.numbers import exactly
from wireproto.grammar.schema_formula import FALSE, Formula, both, inverse
from wireproto.grammar.schema_sets import Array, Count, Inexpressible, Object

if TYPE_CHECKING:
    from wireproto.grammar.schema_writing import Writer
    from wireproto.grammar.syntax import Frame

_MAX_STATES: Final = 3_000
_MAX_INLINE: Final = 40
_MAX_DIFFERENT: Final = 10
_MAX_SIGNATURE: Final = 5


@dataclass(frozen=True, slots=True)
class _Items:
    """How many items there are (up to where that matters), how many count for what, which values are taken."""

    index: int
    counts: tuple[int, ...]
    taken: frozenset[str] = frozenset()


def array_machine(writer: Writer, array: Array, pointer: str) -> Expr:
    """Return the texts of arrays whose items are counted or have to differ."""
    return _ArrayMachine(writer, array, pointer).expr()


@dataclass(slots=True)
class _ArrayMachine:
    writer: Writer
    array: Array
    pointer: str
    far: int = 0
    known: dict[_Items, Rule] = field(default_factory=dict)
    todo: list[_Items] = field(default_factory=list)

    def expr(self) -> Expr:
        array = self.array
        if len(array.counts) > _MAX_SIGNATURE:
            raise TooLarge(f"more than {_MAX_SIGNATURE} things to count at once")
        self.far = max(len(array.prefix), array.least, (array.most or -1) + 1, *(c.start for c in array.counts), 0)
        start = _Items(0, (0,) * len(array.counts))
        frame = self.writer.array_frame
        inside = choice(self.items(start), *([frame.closed] if self.ends(start) else []))
        while self.todo:
            state = self.todo.pop()
            more = seq(frame.between, self.items(state))
            end = [frame.close] if self.ends(state) else []
            self.writer.book.rules[self.known[state].name] = choice(more, *end)
        return seq(frame.open, inside)

    def after(self, state: _Items) -> Rule:
        if state not in self.known:
            if len(self.known) > _MAX_STATES:
                raise TooLarge(f"more than {_MAX_STATES} states of an array")
            self.known[state] = Rule(self.writer.book.name("items"))
            self.todo.append(state)
        return self.known[state]

    def ends(self, state: _Items) -> bool:
        met = all(count.least <= done for count, done in zip(self.array.counts, state.counts, strict=True))
        return met and state.index >= self.array.least

    def items(self, state: _Items) -> Expr:
        """Return all next items with what follows them."""
        if self.array.most is not None and state.index >= self.array.most:
            return NOTHING
        options: list[Expr] = []
        for formula, counts in self.counted(state):
            index = min(state.index + 1, self.far)
            if not self.array.unique:
                options.append(seq(self.writer.element(formula), self.after(_Items(index, counts))))
                continue
            for name, text in _different(self.writer, formula):
                if name not in state.taken:
                    options.append(seq(text, self.after(_Items(index, counts, state.taken | {name}))))
        return choice(*options)

    def counted(self, state: _Items) -> Iterator[tuple[Formula, tuple[int, ...]]]:
        """Yield what the next item may be, by what it counts for, with the counts after it."""
        here = self.array.item(state.index)
        choices = [
            _counted(count, done, state.index) for count, done in zip(self.array.counts, state.counts, strict=True)
        ]
        for picked in product(*choices):
            formula = both(here, *(each for each, _ in picked))
            if formula != FALSE:
                yield formula, tuple(done for _, done in picked)


def _counted(count: Count, done: int, index: int) -> list[tuple[Formula, int]]:
    settled = done >= count.least and count.most is None
    if index < count.start or settled:
        return [(both(), done)]
    refused = (inverse(count.formula), done)
    return [refused] if done == count.most else [(count.formula, done + 1), refused]


def _different(writer: Writer, formula: Formula) -> list[tuple[str, Expr]]:
    """Return the few values of a formula, each with a name and its texts."""
    found = writer.reader.values(formula)
    numbers = found.numbers.values(_MAX_DIFFERENT)
    texts = [each.dfa.words(_MAX_DIFFERENT) for each in found.strings]
    if found.arrays or found.objects or numbers is None or None in texts:
        raise Inexpressible("uniqueItems", "that all of many values differ is not said by any grammar")
    different: list[tuple[str, Expr]] = [("null", writer.notation.word(None))] if found.null else []
    different += [(str(truth), writer.notation.word(truth)) for truth in sorted(found.truths)]
    different += [(each, writer.number(exactly([Decimal(each)]))) for each in numbers]
    words = sorted({word for each in texts for word in each or ()})
    different += [(f'"{word}', writer.quoted(of_words([word]))) for word in words]
    if len(different) > _MAX_DIFFERENT:
        raise Inexpressible("uniqueItems", f"that more than {_MAX_DIFFERENT} values differ takes too many states")
    return different


@dataclass(frozen=True, slots=True)
class _Free:
    """Keys that are not told apart, what they hold, and of which demands (by index) they may be the witness."""

    keys: Dfa
    value: Formula
    demands: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Members:
    """Which named members may still follow, how many there were (where that matters), which demands are met.

    A demand is unmet (0), met by the last key that it speaks of (1), or met for good by a named key (2).
    """

    seen: frozenset[int]
    count: int
    met: tuple[int, ...]


class Layout(Protocol):
    """How the members of an object are written, and what stands around them."""

    @property
    def frame(self) -> Frame:
        """What stands around the members."""
        ...

    def member(self, key: str, value: Formula) -> Expr:
        """Return a member, every text of it; `NOTHING` if it has none."""
        ...

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return a member of any of these keys; `NOTHING` if it has no text."""
        ...


def object_machine(writer: Writer, found: Object, pointer: str, layout: Layout) -> Expr:
    """Return the texts of objects."""
    return _ObjectMachine(writer, found, pointer, layout).expr()


class _ObjectMachine:
    def __init__(self, writer: Writer, found: Object, pointer: str, layout: Layout) -> None:
        self.writer, self.object, self.pointer, self.layout = writer, found, pointer, layout
        self.named = [each for each in found.members if layout.member(each.key, each.value) != NOTHING]
        self.impossible = any(member.required and member not in self.named for member in found.members)
        self.free = [] if self.impossible else list(self._free())
        required = sum(member.required for member in self.named)
        self.any_order = len(self.named) <= writer.any_order
        self.limit = found.most if found.most is not None else 0 if found.least <= required else found.least
        if found.least > required + 1 and self.free:
            error = Inexpressible("minProperties", "that several free keys differ is not said by any grammar")
            writer.failed(pointer, "minProperties", error)
        self.known: dict[_Members, Rule] = {}
        self.chains: dict[_Members, Rule] = {}
        self.todo: list[_Members] = []
        self.unwritten: list[_Members] = []

    def _free(self) -> Iterator[_Free]:
        if len(self.object.some) > _MAX_SIGNATURE:
            raise TooLarge(f"more than {_MAX_SIGNATURE} demands on the keys of an object")
        names = of_words(member.key for member in self.object.members)
        for kind in self.object.kinds:
            if kind.value == FALSE or self.layout.free_member(kind.keys, kind.value) == NOTHING:
                continue
            parts = [(kind.keys - names, frozenset[int]())]
            for index, demand in enumerate(self.object.some):
                inside = [(keys & demand.keys, demands | {index}) for keys, demands in parts]
                parts = inside + [(keys - demand.keys, demands) for keys, demands in parts]
            for keys, demands in parts:
                if not keys.is_empty:
                    yield _Free(keys, kind.value, demands)

    def expr(self) -> Expr:
        if self.impossible:
            return NOTHING
        if not self.any_order:
            self.writer.ordered(
                self.pointer, f"more than {self.writer.any_order} keys stand in the order of the schema"
            )
        if any(free.demands for free in self.free):
            self.writer.ordered(self.pointer, "the key that must hold something special comes last of its kind")
        start = _Members(frozenset(), 0, (0,) * len(self.object.some))
        frame = self.layout.frame
        inside = choice(self.members(start), *([frame.closed] if self.ends(start) else []))
        while self.todo or self.unwritten:
            while self.unwritten:
                state = self.unwritten.pop()
                self.writer.book.rules[self.chains[state].name] = self.named_members(state)
            if not self.todo:
                break
            state = self.todo.pop()
            more = seq(frame.between, self.members(state))
            end = [frame.close] if self.ends(state) else []
            self.writer.book.rules[self.known[state].name] = choice(more, *end)
        return seq(frame.open, inside)

    def after(self, state: _Members) -> Rule:
        if state not in self.known:
            if len(self.known) > _MAX_STATES:
                raise TooLarge(f"more than {_MAX_STATES} states of an object")
            self.known[state] = Rule(self.writer.book.name("members"))
            self.todo.append(state)
        return self.known[state]

    def ends(self, state: _Members) -> bool:
        missing = any(member.required and index not in state.seen for index, member in enumerate(self.named))
        return not missing and all(state.met) and (self.limit == 0 or state.count >= self.object.least)

    def members(self, state: _Members) -> Expr:
        """Return all next members with what follows them."""
        if self.object.most is not None and state.count >= self.object.most:
            return NOTHING
        free = [option for each in self.free for option in self.free_member(state, each)]
        return choice(self.named_members(state), *free)

    def named_members(self, state: _Members) -> Expr:
        options: list[Expr] = []
        first = next((i for i in range(len(self.named)) if i not in state.seen), len(self.named))
        for index in range(first, len(self.named)):
            if index in state.seen:
                continue
            options += self.named_member(state, index)
            if self.any_order:
                continue
            if self.named[index].required:
                break
            if len(self.named) > _MAX_INLINE:
                passed = _Members(self.seen_to(index), state.count, state.met)
                return choice(*options, self.chain(passed))
        return choice(*options)

    def chain(self, state: _Members) -> Rule:
        """Return the rule of the named members that are left, for objects of very many."""
        if state not in self.chains:
            if len(self.chains) > _MAX_STATES:
                raise TooLarge(f"more than {_MAX_STATES} states of an object")
            self.chains[state] = Rule(self.writer.book.name("named"))
            self.unwritten.append(state)
        return self.chains[state]

    def seen_to(self, index: int) -> frozenset[int]:
        return frozenset(range(index + 1))

    def named_member(self, state: _Members, index: int) -> Iterator[Expr]:
        member = self.named[index]
        demands = [i for i, each in enumerate(self.object.some) if each.keys.accepts(member.key) and state.met[i] < 2]
        seen = state.seen | {index} if self.any_order else self.seen_to(index)
        for value, met in self.split(member.value, demands, state.met, 2):
            written = self.layout.member(member.key, value)
            if written != NOTHING:
                yield seq(written, self.after(_Members(seen, self.counted(state), met)))

    def free_member(self, state: _Members, free: _Free) -> Iterator[Expr]:
        demands = [index for index in sorted(free.demands) if state.met[index] < 2]
        for value, met in self.split(free.value, demands, state.met, 1):
            written = self.layout.free_member(free.keys, value)
            if written != NOTHING:
                yield seq(written, self.after(_Members(state.seen, self.counted(state), met)))

    def counted(self, state: _Members) -> int:
        return min(state.count + 1, self.limit)

    def split(
        self, value: Formula, demands: list[int], met: tuple[int, ...], mark: int
    ) -> Iterator[tuple[Formula, tuple[int, ...]]]:
        """Yield what a member may hold by which demands that meets, with all demands after it."""
        for answers in product((True, False), repeat=len(demands)):
            after = list(met)
            parts = [value]
            for index, answer in zip(demands, answers, strict=True):
                wanted = self.object.some[index].value
                parts.append(wanted if answer else inverse(wanted))
                # A named key that does not meet a demand changes nothing; a free one may repeat the key that did.
                after[index] = mark if answer else met[index] if mark == 2 else 0
            yield both(*parts), tuple(after)
