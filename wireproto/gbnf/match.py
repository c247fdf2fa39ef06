"""Matches text with a grammar, a character at a time, as llama.cpp does, without llama.cpp.

The grammar becomes a small program for a nondeterministic pushdown automaton; a state is a set of threads, each an
instruction and a stack of continuations, which threads share. It knows no engine and no vocabulary. Law: it takes
exactly the strings that the engine takes, and a hostile grammar or text raises GbnfError instead of using up time or
memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Union
from weakref import WeakValueDictionary

from wireproto.automata.charset import difference, joined
from wireproto.gbnf.analysis import left_recursive
from wireproto.gbnf.nodes import (
    MAX_CODE,
    Alternatives,
    AnyChar,
    CharClass,
    GbnfError,
    GbnfGrammar,
    GbnfLiteral,
    Node,
    Reference,
    Repetition,
    Token,
)

# Threads followed for one character: the grammars printed here need some dozens, and the engine gets unusable long
# before.
MAX_THREADS = 20_000

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Char:
    """Take one character, then go on."""

    ranges: Ranges
    then: int


@dataclass(frozen=True, slots=True)
class _Split:
    """Go on in several places."""

    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Call:
    """Run a rule, then go on."""

    rule: str
    then: int


@dataclass(frozen=True, slots=True)
class _Loop:
    """Run a body some number of times, then go on."""

    body: int
    low: int
    high: int | None
    then: int


@dataclass(frozen=True, slots=True)
class _Return:
    """End of a rule or of a loop's body."""


_Instruction = Union[_Char, _Split, _Call, _Loop, _Return]
_RETURN = 0


class _Continuation:
    """A stack of continuations: where to go on after a rule, and the rest.

    Interned, so that equal stacks are one object.
    """

    __slots__ = ("__weakref__", "count", "pc", "rest")

    def __init__(self, pc: int, count: int, rest: _Continuation | None) -> None:
        self.pc = pc
        self.count = count
        self.rest = rest


# An instruction, how often its loop has run, and what is after it.
_Thread = tuple[int, int, Union[_Continuation, None]]


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the same characters in ordered ranges that do not touch; ranges that end before they begin are empty."""
    return joined((low, min(high, MAX_CODE)) for low, high in ranges if low <= min(high, MAX_CODE))


def characters(node: CharClass | AnyChar) -> Ranges:
    """Return the code points up to U+10FFFF that a class takes."""
    if isinstance(node, AnyChar):
        return ((0, MAX_CODE),)
    if node.negated:
        return difference(((0, MAX_CODE),), merged(node.ranges))
    return merged(node.ranges)


@dataclass(slots=True)
class _Program:
    """The instructions of a grammar, and where each rule begins; instruction 0 is the end of a rule."""

    code: list[_Instruction] = field(default_factory=lambda: [_Return()])
    starts: dict[str, int] = field(default_factory=dict)
    frames: WeakValueDictionary[tuple[int, int, _Continuation | None], _Continuation] = field(
        default_factory=WeakValueDictionary
    )

    def add(self, instruction: _Instruction) -> int:
        """Append an instruction and return its place."""
        self.code.append(instruction)
        return len(self.code) - 1

    def node(self, node: Node, then: int) -> int:
        """Translate a node that goes on at `then`; return where it begins."""
        if isinstance(node, GbnfLiteral):
            for code in reversed(node.codes):
                then = self.add(_Char(((code, code),), then))
            return then
        if isinstance(node, CharClass) and not node.ranges:
            return then
        if isinstance(node, (CharClass, AnyChar)):
            return self.add(_Char(characters(node), then))
        if isinstance(node, Token):
            return self.add(_Char((), then))
        if isinstance(node, Reference):
            return self.add(_Call(node.name, then))
        if isinstance(node, Repetition) and (node.minimum, node.bound) == (0, 1):
            return self.add(_Split((self.node(node.item, then), then)))
        if isinstance(node, Repetition):
            return self.add(_Loop(self.node(node.item, _RETURN), node.minimum, node.bound, then))
        if isinstance(node, Alternatives):
            return self.add(_Split(tuple(self.node(option, then) for option in node.options)))
        for item in reversed(node.items):
            then = self.node(item, then)
        return then

    def frame(self, pc: int, count: int, rest: _Continuation | None) -> _Continuation:
        """Return the one frame of this content."""
        found = self.frames.get((pc, count, rest))
        if found is None:
            found = self.frames[pc, count, rest] = _Continuation(pc, count, rest)
        return found

    def after(self, pc: int, rest: _Continuation | None) -> _Continuation | None:
        """Return what to do at an instruction and after it: the latter alone at a rule's end, so no list grows it."""
        return rest if pc == _RETURN else self.frame(pc, 0, rest)

    def steps(self, thread: _Thread) -> Iterator[_Thread]:
        """Yield the threads that a thread becomes without taking a character."""
        pc, count, rest = thread
        instruction = self.code[pc]
        if isinstance(instruction, _Return):
            if rest is not None:
                yield rest.pc, rest.count, rest.rest
        elif isinstance(instruction, _Split):
            for target in instruction.targets:
                yield target, 0, rest
        elif isinstance(instruction, _Call):
            yield self.starts[instruction.rule], 0, self.after(instruction.then, rest)
        elif isinstance(instruction, _Loop):
            if count >= instruction.low:
                yield instruction.then, 0, rest
            if instruction.high is None:
                yield instruction.body, 0, self.frame(pc, min(count + 1, instruction.low), rest)
            elif count < instruction.high:
                is_last = count + 1 == instruction.high
                after = self.after(instruction.then, rest) if is_last else self.frame(pc, count + 1, rest)
                yield instruction.body, 0, after

    def close(self, threads: Iterable[_Thread]) -> tuple[_Thread, ...]:
        """Return the threads that wait for a character, or have ended, once each.

        The order of a set of frames is an accident of memory, so the order is that in which they were found.
        """
        seen: set[_Thread] = set()
        todo = list(threads)
        found: list[_Thread] = []
        while todo:
            thread = todo.pop()
            if thread in seen:
                continue
            seen.add(thread)
            if len(seen) > MAX_THREADS:
                raise GbnfError("too-many-stacks", f"more than {MAX_THREADS} ways to read the text at one character")
            if isinstance(self.code[thread[0]], _Char) or (thread[0] == _RETURN and thread[2] is None):
                found.append(thread)
            else:
                todo += self.steps(thread)
        return tuple(found)


class Matcher:
    """A position in the strings of a grammar; starts at their beginning.

    `threads` is the number of ways in which the text so far can be read; the engine holds as many stacks. A token
    element (`<[7]>`, `<think>`) takes no character, since no vocabulary is known here: text never passes one, as in
    the engine without a vocabulary. A grammar in which a rule begins with itself raises GbnfError, and so
    does a text that can be read in more than `MAX_THREADS` ways.
    """

    __slots__ = ("_program", "_threads")

    def __init__(self, grammar: GbnfGrammar) -> None:
        looping = left_recursive(grammar)
        if looping is not None:
            hint = "write the recursion at the end of the rule"
            raise GbnfError("left-recursion", f"the rule {looping} begins with itself", hint=hint)
        self._program = _Program()
        for name, rule in grammar.effective().items():
            self._program.starts[name] = self._program.node(rule.body, _RETURN)
        if "root" not in self._program.starts:
            raise GbnfError("missing-root", "there is no rule root")
        self._threads = self._program.close([(self._program.starts["root"], 0, None)])

    @property
    def finished(self) -> bool:
        """Whether the text so far is a whole string of the grammar."""
        return any(pc == _RETURN for pc, _, _ in self._threads)

    @property
    def threads(self) -> int:
        """The number of ways in which the text so far can be read."""
        return len(self._threads)

    def _step(self, code: int) -> tuple[_Thread, ...]:
        taken = []
        for pc, _, rest in self._threads:
            instruction = self._program.code[pc]
            if isinstance(instruction, _Char) and any(low <= code <= high for low, high in instruction.ranges):
                taken.append((instruction.then, 0, rest))
        return self._program.close(taken)

    def advance(self, text: str) -> int:
        """Take as many characters as the grammar allows, and return how many."""
        for taken, character in enumerate(text):
            threads = self._step(ord(character))
            if not threads:
                return taken
            self._threads = threads
        return len(text)

    def accept(self, text: str) -> bool:
        """Take a text whole and return True, or nothing of it and return False."""
        before = self._threads
        if self.advance(text) == len(text):
            return True
        self._threads = before
        return False

    def allowed(self) -> Ranges:
        """Return the code points that may come next, as ordered ranges with both ends included."""
        waiting = (self._program.code[pc] for pc, _, _ in self._threads)
        return merged(pair for found in waiting if isinstance(found, _Char) for pair in found.ranges)

    def copy(self) -> Matcher:
        """Return an independent matcher at the same position."""
        other = object.__new__(Matcher)
        other._program, other._threads = self._program, self._threads
        return other
