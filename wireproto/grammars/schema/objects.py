"""Writes objects: one rule for each state of what was written so far.

It must not know schema keywords. Law: a state is all that later members depend on; more states than a limit raise
`TooLarge`. A named key stands once. Other keys may be repeated in a text, and JSON readers keep the last one, so
nothing may rest on an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final, Protocol

from wireproto.automata.automaton import NO_TEXT, Dfa, words_dfa
from wireproto.grammars.expr.expr import NOTHING, Choice, Expr, RuleRef, Seq, choice, filled, seq
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.schema.formula import FALSE, Formula, conjunction, negation
from wireproto.grammars.schema.notation import Delimiters
from wireproto.grammars.schema.reading import Note, SchemaReader
from wireproto.grammars.schema.sets import Inexpressible, ObjectSet
from wireproto.values.errors import TooLarge

# Bounds the size of the grammar: each state is a rule with all members that may follow.
_MAX_STATES: Final = 3_000
# Up to here every state lists all named members that may follow; beyond, they are a chain: lists would be quadratic.
_MAX_INLINE: Final = 40
# From so many members on each is a rule of its own, because it is written in many states.
_MANY: Final = 3
# Each demand of `some` multiplies the states by three.
_MAX_DEMANDS: Final = 5


@dataclass(frozen=True, slots=True)
class _FreeKeys:
    """Keys that have no name here, what they hold, and which demands (`ObjectSet.some`, by index) they can meet."""

    keys: Dfa
    value: Formula
    demands: frozenset[int]


@dataclass(frozen=True, slots=True)
class _ObjectState:
    """The state after some members.

    `seen`: the named members (bits) that cannot follow any more. `count`: how many members there were, up to where it
    matters. `met`: for each demand 0 if it is unmet, 1 if the last of its keys meets it (a repeated key could undo
    that), 2 if a named key does, for good.
    """

    seen: int
    count: int
    met: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _NextMember:
    """A possible next member: a placeholder for what follows it, its number if it is named, the demands after it."""

    name: str
    index: int | None
    met: tuple[int, ...]


class MemberLayout(Protocol):
    """The role of framing members: how a member is written, and the punctuation around members. Codecs implement it."""

    @property
    def delimiters(self) -> Delimiters:
        """The punctuation around the members."""
        ...

    def member(self, key: str, value: Formula) -> Expr:
        """Return the texts of a member; `NOTHING` if it has none."""
        ...

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return the texts of a member with any of these keys; `NOTHING` if it has none."""
        ...


def object_expr(
    reader: SchemaReader, table: RuleTable, any_order: int, found: ObjectSet, pointer: str, layout: MemberLayout
) -> Expr:
    """Return the texts of objects; up to `any_order` keys come in any order."""
    return _ObjectWriter(reader, table, any_order, found, pointer, layout).expr()


class _ObjectWriter:
    def __init__(
        self, reader: SchemaReader, table: RuleTable, keys: int, found: ObjectSet, pointer: str, layout: MemberLayout
    ) -> None:
        self.reader, self.table, self.object, self.pointer, self.layout = reader, table, found, pointer, layout
        self.texts: dict[tuple[str, Formula], Expr] = {}
        texts = [(each, self.text(each.key, each.value)) for each in found.members]
        self.named = [each for each, text in texts if text != NOTHING]
        self.impossible = any(each.required and text == NOTHING for each, text in texts)
        self.free = [] if self.impossible else list(self._free())
        self.required = sum(1 << index for index, member in enumerate(self.named) if member.required)
        required = self.required.bit_count()
        self.keys, self.any_order = keys, len(self.named) <= keys
        self.inline = self.any_order or len(self.named) <= _MAX_INLINE
        self.limit = found.most if found.most is not None else 0 if found.least <= required else found.least
        if found.least > required + 1 and self.free:
            error = Inexpressible("minProperties", "no grammar can express that several free keys differ")
            reader.widen(pointer, "minProperties", error)
        self.known: dict[_ObjectState, RuleRef] = {}
        self.chains: dict[_ObjectState, RuleRef] = {}
        self.following: dict[tuple[int, ...], tuple[Expr, list[_NextMember]]] = {}
        self.todo: list[_ObjectState] = []
        self.unwritten: list[_ObjectState] = []

    def _free(self) -> Iterator[_FreeKeys]:
        if len(self.object.some) > _MAX_DEMANDS:
            raise TooLarge(f"more than {_MAX_DEMANDS} demands on the keys of an object")
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
            self.note_order(f"more than {self.keys} keys must be in the order of the schema")
        if any(free.demands for free in self.free):
            self.note_order("the key that must hold something special comes last of its kind")
        start = _ObjectState(0, 0, (0,) * len(self.object.some))
        delimiters = self.layout.delimiters
        inside = choice(self.members(start), *([delimiters.closed] if self.ends(start) else []))
        while self.todo or self.unwritten:
            while self.unwritten:
                state = self.unwritten.pop()
                self.table.rules[self.chains[state].name] = self.chained(state)
            if not self.todo:
                break
            state = self.todo.pop()
            more = seq(delimiters.between, self.members(state))
            end = [delimiters.close] if self.ends(state) else []
            self.table.rules[self.known[state].name] = choice(more, *end)
        return seq(delimiters.open, inside)

    def note_order(self, what: str) -> None:
        self.reader.notes[Note(self.pointer, "properties", what, "ordered")] = None

    def after(self, state: _ObjectState) -> RuleRef:
        found = self.known.get(state)
        if found is None:
            if len(self.known) > _MAX_STATES:
                raise TooLarge(f"more than {_MAX_STATES} states of an object")
            found = self.known[state] = RuleRef(self.table.name("members"))
            self.todo.append(state)
        return found

    def ends(self, state: _ObjectState) -> bool:
        missing = self.required & ~state.seen
        return not missing and all(state.met) and (self.limit == 0 or state.count >= self.object.least)

    def members(self, state: _ObjectState) -> Expr:
        """Return all possible next members, each with what follows it."""
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
        """Return the named members (bits) that may follow: in the schema's order up to the first required one."""
        left = ((1 << len(self.named)) - 1) & ~state.seen
        if self.any_order:
            return left
        first = left & self.required
        return left & (((first & -first) << 1) - 1) if first else left

    def seen(self, state: _ObjectState, index: int) -> int:
        return state.seen | 1 << index if self.any_order else (2 << index) - 1

    def options(self, met: tuple[int, ...]) -> tuple[Expr, list[_NextMember]]:
        """Return all members for this state of the demands, each before a placeholder rule for what follows it."""
        written: list[Expr] = []
        options: list[_NextMember] = []
        named = range(len(self.named) if self.inline else 0)
        members = [(text, index, after) for index in named for text, after in self.named_member(index, met)]
        for text, index, after in [*members, *self.free_members(met)]:
            options.append(_NextMember(f"<{len(options)}>", index, after))
            written.append(seq(text, RuleRef(options[-1].name)))
        found = choice(*written)
        return (self.shortened(found, options) if len(options) >= _MANY else found), options

    def shortened(self, found: Expr, options: list[_NextMember]) -> Expr:
        """Return the options with each member in a rule of its own, apart from a beginning that others share."""
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
        return Seq((self.table.add(hint, member[0] if len(member) == 1 else Seq(tuple(member))), last))

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
        """Return the rule of the named members that are left: the next one, or those after it."""
        if state.seen >> len(self.named):
            return NOTHING
        if state not in self.chains:
            if len(self.chains) > _MAX_STATES:
                raise TooLarge(f"more than {_MAX_STATES} states of an object")
            self.chains[state] = RuleRef(self.table.name("named"))
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
        """Split what a member may hold by which demands it meets; yield each part with the demands after it."""
        if not demands:
            yield value, met
            return
        for answers in product((True, False), repeat=len(demands)):
            after = list(met)
            parts = [value]
            for index, answer in zip(demands, answers, strict=True):
                wanted = self.object.some[index].value
                parts.append(wanted if answer else negation(wanted))
                # A named key that misses a demand changes nothing. A free one may repeat, and so undo, the key that met
                # it.
                after[index] = mark if answer else met[index] if mark == 2 else 0
            yield conjunction(*parts), tuple(after)
