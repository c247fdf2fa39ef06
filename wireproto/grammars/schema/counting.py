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

from wireproto.grammars.automata.automaton import NO_TEXT, Dfa, words_dfa
from wireproto.grammars.automata.decimals import exactly
from wireproto.grammars.expr.expr import NOTHING, Choice, Expr, RuleRef, Seq, choice, filled, seq
from wireproto.grammars.schema.formula import FALSE, Formula, conjunction, negation
from wireproto.grammars.schema.sets import ArraySet, Inexpressible, ItemCount, ObjectSet, StringSet
from wireproto.grammars.schema.values import ValueSet
from wireproto.values.errors import TooLarge

if TYPE_CHECKING:
    from wireproto.grammars.schema.notation import Delimiters
    from wireproto.grammars.schema.writing import ValueWriter

_MAX_STATES: Final = 3_000
_MAX_INLINE: Final = 40
# From so many members on each is a rule of its own, since it stands in many places.
_MANY: Final = 3
_MAX_DIFFERENT: Final = 10
_MAX_SIGNATURE: Final = 5


@dataclass(frozen=True, slots=True)
class _ArrayState:
    """How many items there are (up to where that matters), how many count for what, which values are taken."""

    index: int
    counts: tuple[int, ...]
    taken: frozenset[str] = frozenset()


def counted_array(writer: ValueWriter, array: ArraySet, pointer: str) -> Expr:
    """Return the texts of arrays whose items are counted or have to differ."""
    return _ArrayWriter(writer, array, pointer).expr()


@dataclass(slots=True)
class _ArrayWriter:
    writer: ValueWriter
    array: ArraySet
    pointer: str
    far: int = 0
    known: dict[_ArrayState, RuleRef] = field(default_factory=dict)
    todo: list[_ArrayState] = field(default_factory=list)

    def expr(self) -> Expr:
        array = self.array
        if len(array.counts) > _MAX_SIGNATURE:
            raise TooLarge(f"more than {_MAX_SIGNATURE} things to count at once")
        self.far = max(len(array.prefix), array.least, (array.most or -1) + 1, *(c.start for c in array.counts), 0)
        start = _ArrayState(0, (0,) * len(array.counts))
        delimiters = self.writer.array_delimiters
        inside = choice(self.items(start), *([delimiters.closed] if self.ends(start) else []))
        while self.todo:
            state = self.todo.pop()
            more = seq(delimiters.between, self.items(state))
            end = [delimiters.close] if self.ends(state) else []
            self.writer.table.rules[self.known[state].name] = choice(more, *end)
        return seq(delimiters.open, inside)

    def after(self, state: _ArrayState) -> RuleRef:
        if state not in self.known:
            if len(self.known) > _MAX_STATES:
                raise TooLarge(f"more than {_MAX_STATES} states of an array")
            self.known[state] = RuleRef(self.writer.table.name("items"))
            self.todo.append(state)
        return self.known[state]

    def ends(self, state: _ArrayState) -> bool:
        met = all(count.least <= done for count, done in zip(self.array.counts, state.counts, strict=True))
        return met and state.index >= self.array.least

    def items(self, state: _ArrayState) -> Expr:
        """Return all next items with what follows them."""
        if self.array.most is not None and state.index >= self.array.most:
            return NOTHING
        options: list[Expr] = []
        for formula, counts in self.counted(state):
            index = min(state.index + 1, self.far)
            if not self.array.unique:
                options.append(seq(self.writer.element(formula), self.after(_ArrayState(index, counts))))
                continue
            for name, text in _different(self.writer, formula):
                if name not in state.taken:
                    options.append(seq(text, self.after(_ArrayState(index, counts, state.taken | {name}))))
        return choice(*options)

    def counted(self, state: _ArrayState) -> Iterator[tuple[Formula, tuple[int, ...]]]:
        """Yield what the next item may be, by what it counts for, with the counts after it."""
        here = self.array.item(state.index)
        choices = [
            _counted(count, done, state.index) for count, done in zip(self.array.counts, state.counts, strict=True)
        ]
        for picked in product(*choices):
            formula = conjunction(here, *(each for each, _ in picked))
            if formula != FALSE:
                yield formula, tuple(done for _, done in picked)


def _counted(count: ItemCount, done: int, index: int) -> list[tuple[Formula, int]]:
    settled = done >= count.least and count.most is None
    if index < count.start or settled:
        return [(conjunction(), done)]
    refused = (negation(count.formula), done)
    return [refused] if done == count.most else [(count.formula, done + 1), refused]


def _different(writer: ValueWriter, formula: Formula) -> list[tuple[str, Expr]]:
    """Return the few values of a formula, each with a name and its texts."""
    found = writer.reader.values(formula)
    numbers = found.numbers.values(_MAX_DIFFERENT)
    texts = [each.words(_MAX_DIFFERENT) for each in found.strings]
    if found.arrays or found.objects or numbers is None or None in texts:
        raise Inexpressible("uniqueItems", "that all of many values differ is not said by any grammar")
    different = [("null", ValueSet(null=True))] if found.null else []
    different += [(str(truth), ValueSet(booleans=frozenset((truth,)))) for truth in sorted(found.booleans)]
    different += [(each, ValueSet(numbers=exactly([Decimal(each)]))) for each in numbers]
    words = sorted({word for each in texts for word in each or ()})
    different += [(f'"{word}', ValueSet(strings=(StringSet(words_dfa([word])),))) for word in words]
    if len(different) > _MAX_DIFFERENT:
        raise Inexpressible("uniqueItems", f"that more than {_MAX_DIFFERENT} values differ takes too many states")
    return [(name, writer.single(values)) for name, values in different]


@dataclass(frozen=True, slots=True)
class _FreeKeys:
    """Keys that are not told apart, what they hold, and of which demands (by index) they may be the witness."""

    keys: Dfa
    value: Formula
    demands: frozenset[int]


@dataclass(frozen=True, slots=True)
class _ObjectState:
    """Which named members (bits) cannot follow, how many there were (where that matters), which demands are met.

    A demand is unmet (0), met by the last key that it speaks of (1), or met for good by a named key (2).
    """

    seen: int
    count: int
    met: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _NextMember:
    """A next member: the rule that stands for what follows it, its number if it is named, the demands met after it."""

    name: str
    index: int | None
    met: tuple[int, ...]


class MemberLayout(Protocol):
    """How the members of an object are written, and what stands around them."""

    @property
    def delimiters(self) -> Delimiters:
        """What stands around the members."""
        ...

    def member(self, key: str, value: Formula) -> Expr:
        """Return a member, every text of it; `NOTHING` if it has none."""
        ...

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return a member of any of these keys; `NOTHING` if it has no text."""
        ...


def object_expr(writer: ValueWriter, found: ObjectSet, pointer: str, layout: MemberLayout) -> Expr:
    """Return the texts of objects."""
    return _ObjectWriter(writer, found, pointer, layout).expr()


class _ObjectWriter:
    def __init__(self, writer: ValueWriter, found: ObjectSet, pointer: str, layout: MemberLayout) -> None:
        self.writer, self.object, self.pointer, self.layout = writer, found, pointer, layout
        self.texts: dict[tuple[str, Formula], Expr] = {}
        texts = [(each, self.text(each.key, each.value)) for each in found.members]
        self.named = [each for each, text in texts if text != NOTHING]
        self.impossible = any(each.required and text == NOTHING for each, text in texts)
        self.free = [] if self.impossible else list(self._free())
        self.required = sum(1 << index for index, member in enumerate(self.named) if member.required)
        required = self.required.bit_count()
        self.any_order = len(self.named) <= writer.any_order
        # Whether every state lists all named members that may follow.
        self.inline = self.any_order or len(self.named) <= _MAX_INLINE
        self.limit = found.most if found.most is not None else 0 if found.least <= required else found.least
        if found.least > required + 1 and self.free:
            error = Inexpressible("minProperties", "that several free keys differ is not said by any grammar")
            writer.refuse(pointer, "minProperties", error)
        self.known: dict[_ObjectState, RuleRef] = {}
        self.chains: dict[_ObjectState, RuleRef] = {}
        self.following: dict[tuple[int, ...], tuple[Expr, list[_NextMember]]] = {}
        self.todo: list[_ObjectState] = []
        self.unwritten: list[_ObjectState] = []

    def _free(self) -> Iterator[_FreeKeys]:
        if len(self.object.some) > _MAX_SIGNATURE:
            raise TooLarge(f"more than {_MAX_SIGNATURE} demands on the keys of an object")
        kinds = [each for each in self.object.kinds if each.value != FALSE]
        kinds = [each for each in kinds if self.layout.free_member(each.keys, each.value) != NOTHING]
        names = words_dfa(member.key for member in self.object.members) if kinds else NO_TEXT
        for kind in kinds:
            parts = [(kind.keys - names, frozenset[int]())]
            for index, demand in enumerate(self.object.some):
                inside = [(keys & demand.keys, demands | {index}) for keys, demands in parts]
                parts = inside + [(keys - demand.keys, demands) for keys, demands in parts]
            for keys, demands in parts:
                if not keys.is_empty:
                    yield _FreeKeys(keys, kind.value, demands)

    def text(self, key: str, value: Formula) -> Expr:
        found = self.texts.get((key, value))
        if found is None:
            found = self.texts[key, value] = self.layout.member(key, value)
        return found

    def expr(self) -> Expr:
        if self.impossible:
            return NOTHING
        if not self.any_order:
            self.writer.ordered(
                self.pointer, f"more than {self.writer.any_order} keys stand in the order of the schema"
            )
        if any(free.demands for free in self.free):
            self.writer.ordered(self.pointer, "the key that must hold something special comes last of its kind")
        start = _ObjectState(0, 0, (0,) * len(self.object.some))
        delimiters = self.layout.delimiters
        inside = choice(self.members(start), *([delimiters.closed] if self.ends(start) else []))
        while self.todo or self.unwritten:
            while self.unwritten:
                state = self.unwritten.pop()
                self.writer.table.rules[self.chains[state].name] = self.chained(state)
            if not self.todo:
                break
            state = self.todo.pop()
            more = seq(delimiters.between, self.members(state))
            end = [delimiters.close] if self.ends(state) else []
            self.writer.table.rules[self.known[state].name] = choice(more, *end)
        return seq(delimiters.open, inside)

    def after(self, state: _ObjectState) -> RuleRef:
        found = self.known.get(state)
        if found is None:
            if len(self.known) > _MAX_STATES:
                raise TooLarge(f"more than {_MAX_STATES} states of an object")
            found = self.known[state] = RuleRef(self.writer.table.name("members"))
            self.todo.append(state)
        return found

    def ends(self, state: _ObjectState) -> bool:
        missing = self.required & ~state.seen
        return not missing and all(state.met) and (self.limit == 0 or state.count >= self.object.least)

    def members(self, state: _ObjectState) -> Expr:
        """Return all next members with what follows them."""
        if self.object.most is not None and state.count >= self.object.most:
            return NOTHING
        if state.met not in self.following:
            self.following[state.met] = self.options(state.met)
        template, options = self.following[state.met]
        reach = self.reach(state)
        count = min(state.count + 1, self.limit)
        rules: dict[str, Expr] = {}
        for each in options:
            if each.index is None:
                rules[each.name] = self.after(_ObjectState(state.seen, count, each.met))
            elif reach >> each.index & 1:
                rules[each.name] = self.after(_ObjectState(self.seen(state, each.index), count, each.met))
        found = filled(template, rules)
        return found if self.inline else choice(found, self.chain(state))

    def reach(self, state: _ObjectState) -> int:
        """Return the named members (bits) that may follow: without any order, up to the first required one."""
        left = ((1 << len(self.named)) - 1) & ~state.seen
        if self.any_order:
            return left
        first = left & self.required
        return left & (((first & -first) << 1) - 1) if first else left

    def seen(self, state: _ObjectState, index: int) -> int:
        return state.seen | 1 << index if self.any_order else (2 << index) - 1

    def options(self, met: tuple[int, ...]) -> tuple[Expr, list[_NextMember]]:
        """Return all members where these demands are met, each before a rule that stands for what follows it."""
        written: list[Expr] = []
        options: list[_NextMember] = []
        for text, index, after in [*self.named_members(met), *self.free_members(met)]:
            options.append(_NextMember(f"<{len(options)}>", index, after))
            written.append(seq(text, RuleRef(options[-1].name)))
        found = choice(*written)
        return (self.shortened(found, options) if len(options) >= _MANY else found), options

    def shortened(self, found: Expr, options: list[_NextMember]) -> Expr:
        """Return the options with each member in a rule of its own, but for what it begins with as others do."""
        if isinstance(found, Choice):
            return Choice(tuple(self.shortened(each, options) for each in found.options))
        if not isinstance(found, Seq):
            return found
        *member, last = found.parts
        if not isinstance(last, RuleRef):
            return seq(*member, self.shortened(last, options))
        if len(member) == 1 and isinstance(member[0], RuleRef):
            return found
        index = options[int(last.name[1:-1])].index
        hint = self.named[index].key if index is not None else "other"
        return Seq((self.writer.table.add(hint, member[0] if len(member) == 1 else Seq(tuple(member))), last))

    def named_members(self, met: tuple[int, ...]) -> Iterator[tuple[Expr, int, tuple[int, ...]]]:
        for index in range(len(self.named) if self.inline else 0):
            for text, after in self.named_member(index, met):
                yield text, index, after

    def named_member(self, index: int, met: tuple[int, ...]) -> Iterator[tuple[Expr, tuple[int, ...]]]:
        member = self.named[index]
        demands = [i for i, each in enumerate(self.object.some) if each.keys.accepts(member.key) and met[i] < 2]
        for value, after in self.split(member.value, demands, met, 2):
            text = self.text(member.key, value)
            if text != NOTHING:
                yield text, after

    def free_members(self, met: tuple[int, ...]) -> Iterator[tuple[Expr, None, tuple[int, ...]]]:
        for free in self.free:
            demands = [index for index in sorted(free.demands) if met[index] < 2]
            for value, after in self.split(free.value, demands, met, 1):
                text = self.layout.free_member(free.keys, value)
                if text != NOTHING:
                    yield text, None, after

    def chain(self, state: _ObjectState) -> Expr:
        """Return the named members that are left, for objects of very many: the next one, or those behind it."""
        if state.seen >> len(self.named):
            return NOTHING
        if state not in self.chains:
            if len(self.chains) > _MAX_STATES:
                raise TooLarge(f"more than {_MAX_STATES} states of an object")
            self.chains[state] = RuleRef(self.writer.table.name("named"))
            self.unwritten.append(state)
        return self.chains[state]

    def chained(self, state: _ObjectState) -> Expr:
        index = state.seen.bit_length()
        if index == len(self.named):
            return NOTHING
        passed = (2 << index) - 1
        count = min(state.count + 1, self.limit)
        written = self.named_member(index, state.met)
        options = [seq(text, self.after(_ObjectState(passed, count, met))) for text, met in written]
        behind = NOTHING if self.named[index].required else self.chain(_ObjectState(passed, state.count, state.met))
        return choice(*options, behind)

    def split(
        self, value: Formula, demands: list[int], met: tuple[int, ...], mark: int
    ) -> Iterator[tuple[Formula, tuple[int, ...]]]:
        """Yield what a member may hold by which demands that meets, with all demands after it."""
        if not demands:
            yield value, met
            return
        for answers in product((True, False), repeat=len(demands)):
            after = list(met)
            parts = [value]
            for index, answer in zip(demands, answers, strict=True):
                wanted = self.object.some[index].value
                parts.append(wanted if answer else negation(wanted))
                # A named key that does not meet a demand changes nothing; a free one may repeat the key that did.
                after[index] = mark if answer else met[index] if mark == 2 else 0
            yield conjunction(*parts), tuple(after)
