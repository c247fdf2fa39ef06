"""Values whose objects and arrays are elements of their own: `<opts><u>C</u></opts>`, text between tags as it is.

The markers of elements come from the dialect, and models write them nowhere else, so brackets alone decide where a
value ends. What an element is, its schema says; else its first child does: one that is called like an element of an
array. Law: a text is looked at once, to a bounded depth, and what `spell` wrote is read back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Union

from wireproto.codecs.tagged.markers import Ended
from wireproto.codecs.tagged.values import RawValue
from wireproto.engine.call_builder import End
from wireproto.format.dialect import Argument
from wireproto.format.spelling import CACHED, is_distinctive
from wireproto.format.template import EMPTY, Template
from wireproto.machine.value_machine import ValueMachine, value_markers
from wireproto.text.json_repair import dumps
from wireproto.text.json_safe import identical
from wireproto.text.scan import BLANK, NO, WAIT, YES, Answer, Literals, Match, Miss, begins, skip_blank
from wireproto.text.state import State
from wireproto.tools.toolset import Tool, Typed
from wireproto.values.quoting import quoted

_MIXED = "$text"  # the member that holds text between elements
_MAX_NAME = 128
_NO_NAME = re.compile(r"[<>/\[\]\r\n]")
_CONTAINERS = frozenset(("object", "array"))


def pair(found: tuple[Template, Template] | None) -> tuple[Template, Template]:
    """Return the markers of a member or an element; a dialect with such values has both."""
    return found if found is not None else (EMPTY, EMPTY)


def match_name(marker: Template, text: str, at: int, end: int) -> Match | Miss:
    """Match the marker of a member, whose key may be any text without brackets, slashes and line breaks."""
    before, behind = marker.fill(key="\0").split("\0")
    start = at + len(before)
    stands = begins(before, text, at, end)
    if stands is not YES:
        return NO if stands is NO else WAIT
    close = text.find(behind, start, min(end, start + _MAX_NAME + len(behind)))
    name = text[start : close if close >= 0 else min(end, start + _MAX_NAME + 1)]
    if _NO_NAME.search(name) or len(name) > _MAX_NAME:
        return NO
    if close < 0:
        return WAIT
    return Match(close + len(behind), {"key": name}) if name else NO


def begins_element(argument: Argument, text: str, at: int, end: int) -> Answer:
    """Return whether an element opens at `at`, blanks before it aside."""
    start = skip_blank(text, at, end)
    found = match_name(pair(argument.member)[0], text, start, end) if start < end else WAIT
    return YES if isinstance(found, Match) else found


def spell(argument: Argument, value: Any, tool: Tool, key: str) -> str:
    """Write an object or an array as elements; as JSON where no schema says what the text in them would be.

    JSON that holds markers of elements is no way out: who reads it counts them.
    """
    text = _written(argument, value)
    if identical(read(argument, text, tool, key).value, value):
        return text
    json = dumps(value)
    return text if _inside(argument).find(json) else json


def _written(argument: Argument, value: Any) -> str:
    if isinstance(value, dict):
        opener, closer = pair(argument.member)
        return "".join(opener.fill(key=k) + _written(argument, v) + closer.fill(key=k) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        opener, closer = pair(argument.element)
        return "".join(opener.format() + _written(argument, item) + closer.format() for item in value)
    return value if isinstance(value, str) else dumps(value)


class ElementValue(RawValue):
    """A value that may be made of elements."""

    __slots__ = ("depth",)

    depth: int  # how deep its elements are nested

    @property
    def may_nest(self) -> bool:
        """Whether elements in it are a part of it, and not the text of a string."""
        return self._wire == "false" or self.builder.tool.wire(self.key) == "json"

    def _typed(self, text: str, end: int) -> Typed:
        builder = self.builder
        if self.depth > builder.max_depth:
            return Typed(text, "type-mismatch", builder.too_deep())
        return read(self.spelling.dialect.argument, text, builder.typing, self.key)


@dataclass(slots=True)
class _OpenElement:
    """An element that is open: its key in what is declared around it, its text, and once it has children its value."""

    key: str
    tool: Tool
    texts: list[str] = field(default_factory=list)
    value: Union[dict[str, Any], list[Any], None] = None
    inner: Tool = field(default_factory=lambda: Tool(""))
    repeated: set[str] = field(default_factory=set)

    def adopt(self, is_item: bool) -> None:
        """Become an object or an array, as the first child opens."""
        if self.value is not None:
            return
        kinds = (self.tool.types(self.key) or _CONTAINERS) & _CONTAINERS or _CONTAINERS
        as_array = is_item if len(kinds) > 1 else "array" in kinds
        self.value = [] if as_array else {}
        self.inner = self.tool.elements(self.key) if as_array else self.tool.within(self.key)

    def put(self, key: str, value: Any) -> None:
        """Add a child; of an object's members, those with one name are an array."""
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.value is not None and key not in self.value:
            self.value[key] = value
        elif self.value is not None:
            self.value[key] = [*self.value[key], value] if key in self.repeated else [self.value[key], value]
            self.repeated.add(key)

    def close_value(self) -> Typed:
        """Return the value of the element, which is over."""
        text = "".join(self.texts)
        if self.value is not None:
            if text.strip(BLANK):
                self.put(_MIXED, text)
            return Typed(self.value)
        types = self.tool.types(self.key)
        if types is not None and "string" not in types and types & _CONTAINERS and not text.strip(BLANK):
            return Typed([] if "array" in types else {})
        return self.tool.decode(self.key, text)


def read(argument: Argument, text: str, tool: Tool, key: str) -> Typed:
    """Read the text of one value: its elements, or what it is without any."""
    (opener, closer), item = pair(argument.member), pair(argument.element)[0]
    known = _inside(argument)
    stack, at, problem, code = [_OpenElement(key, tool)], 0, "", None
    while (found := known.find(text, at)) is not None:
        start = found.start()
        stack[-1].texts.append(text[at:start])
        at, frame = found.end(), stack[-1]
        ends = match_name(closer, text, start, len(text)) if len(stack) > 1 else NO
        if isinstance(ends, Match):
            at = ends.end
            stack.pop()
            typed = frame.close_value()
            code, problem = (code, problem) if problem else (typed.code, typed.message)
            stack[-1].put(frame.key, typed.value)
            continue
        opened = match_name(opener, text, start, len(text))
        if not isinstance(opened, Match):
            frame.texts.append(found.group())
            continue
        name, at = opened.slots["key"], opened.end
        frame.adopt(isinstance(item.match(text, start, len(text)), Match))
        place = frame.inner.element(len(frame.value)) if isinstance(frame.value, list) else name
        stack.append(_OpenElement(place, frame.inner))
    stack[-1].texts.append(text[at:])
    while len(stack) > 1:  # the value's own closer ends all that is in it
        frame = stack.pop()
        stack[-1].put(frame.key, frame.close_value().value)
        code, problem = "value-repaired", f"an element {quoted(frame.key)} is not closed"
    typed = stack[0].close_value()
    if problem or stack[0].value is None:
        return typed if not problem else Typed(typed.value, code, problem)
    return tool.fitting(key, typed.value)


@lru_cache(maxsize=CACHED)
def _inside(argument: Argument) -> Literals:
    opener, closer = pair(argument.member)
    return Literals(frozenset((opener.first, closer.first)))


class ElementBoundary(State):
    """Looks for the end of one value. `scan` is how far the text was looked at."""

    in_cdata = False  # as the reader of raw values in markup asks

    __slots__ = ("_argument", "_behind_call", "_final", "_live", "_machine", "_nests", "_open", "scan", "value")

    def __init__(self, value: ElementValue, machine: ValueMachine) -> None:
        self.value, self.scan, self._machine = value, value.start, machine
        self._argument = machine.spelling.dialect.argument
        self._live = _live(machine)
        self._final = False
        closers = (closer for _, closer in machine.spelling.sections)
        self._behind_call = tuple(filter(is_distinctive, (*closers, *machine.spelling.openers)))
        self._open: list[str] = []  # the names of the elements that are open
        value.depth = 0
        self._nests = value.may_nest

    @property
    def position(self) -> int:
        """Everything before this is decided."""
        return min(self.value.emitted, self.scan)

    @property
    def holds_at_most_a_line_break(self) -> bool:
        """Whether the value streams and nothing of it is held."""
        return self.value.streams and self.position == self.value.builder.buffer.end

    def read(self, stop: int, end: End) -> Ended | Miss:
        """Look on as far as `stop`: where the value ends, WAIT, or NO if the output ends before that."""
        buffer, value = self.value.builder.buffer, self.value
        while True:
            text, base = buffer.window, buffer.base
            at, literal = self._live.seek(text, self.scan - base, stop - base, end.final)
            value.emit(base + at)
            self.scan = base + at
            if literal is None:
                return self._at_end(stop) if end.final else WAIT
            self._final = end.final
            ended = self._marker(text, at, stop - base)
            if isinstance(ended, Ended):
                return ended
            if ended is WAIT:
                return self._at_end(stop) if end.final else WAIT
            self.scan = base + (at + 1 if ended is not YES else self.scan - base)

    def _marker(self, text: str, at: int, limit: int) -> Ended | Answer:
        """Deal with what may be a marker: YES if one was passed, NO if it is text."""
        base = self.value.builder.buffer.base
        answers: list[Answer] = []
        for letter, closer in value_markers(self._machine, self.value.key).closers:
            stands = begins(closer, text, at, limit) if letter in "CWS" else NO
            if stands is YES and (ends := self._may_end(letter, text, at + len(closer), limit)) is not YES:
                return ends
            if stands is YES:
                self.value.builder.note("unclosed-value", base + at)
                return self._ended(base + at, base + at)
            answers.append(stands)
        opened, other = (match_name(marker, text, at, limit) for marker in pair(self._argument.member))
        if not self._nests and isinstance(other, Match) and other.slots["key"] != self.value.key:
            other = NO
        if WAIT in (*answers, other):
            return WAIT
        if isinstance(other, Match):
            return self._closed(other, base + at, base + other.end)
        return self._opened(opened, base, at) if isinstance(opened, Match) else opened

    def _may_end(self, letter: str, text: str, at: int, limit: int) -> Answer:
        """Return whether the call's or section's closer before `at` ends the value too: so it does at the end.

        Behind a call's closer may also stand a section's, or another call.
        """
        start = skip_blank(text, at, limit)
        if start >= limit:
            return YES if self._final else WAIT
        follows = self._behind_call if letter == "C" else ()
        answers = [begins(literal, text, start, limit) for literal in follows]
        return YES if YES in answers else WAIT if WAIT in answers else NO

    def _closed(self, found: Match, start: int, end: int) -> Ended | Answer:
        """End the innermost element, whatever its closer is called."""
        name = self._open.pop() if self._open else ""
        if found.slots["key"] != (name or self.value.key):
            self.value.builder.note("mismatched-closer", start)
        self.scan = end
        return YES if name else self._ended(start, end)

    def _opened(self, found: Match, base: int, at: int) -> Ended | Answer:
        """Open an element; it is the next argument where this value holds no elements."""
        builder, key = self.value.builder, found.slots["key"]
        types = builder.tool.types(self.value.key)
        is_next = key in builder.tool.keys and key not in builder.arguments and key != self.value.key
        if is_next and not self._open and types is not None and not types & _CONTAINERS:
            builder.note("unclosed-value", base + at)
            return self._ended(base + at, base + at)
        if not self._nests:
            return NO
        self.scan = base + found.end
        self._open.append(key)
        self.value.depth = max(self.value.depth, len(self._open))
        return YES

    def _ended(self, end: int, after: int) -> Ended:
        self.value.emit(end)
        self.value.finish(end)
        return Ended(after, False, False)

    def _at_end(self, stop: int) -> Miss:
        """The output ends in the value: half a closer of it is dropped."""
        value = self.value
        rest = value.builder.buffer.slice(self.scan, stop)
        if rest and not self._machine.spelling.value_close(value.key).startswith(rest):
            value.emit(stop)
        value.builder.note("truncated-value", value.start)
        value.leave(max(self.scan, value.emitted))
        return NO


@lru_cache(maxsize=CACHED)
def _live(machine: ValueMachine) -> Literals:
    argument, spelling = machine.spelling.dialect.argument, machine.spelling
    closers = (machine.call_close, spelling.wrapper_close, *(close for _, close in spelling.sections))
    return Literals(frozenset(filter(None, (*_inside(argument).words, argument.close.first, *closers))))
