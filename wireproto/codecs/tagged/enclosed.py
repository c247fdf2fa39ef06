"""Values between tags that say where they end by themselves: strings in a CDATA section, and strings of JSON.

Nothing in them is a marker, so none of the rules about raw values counts here. Law: a value ends at the first end of
its own that a closer follows, or an argument, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from wireproto.codecs.tagged.markers import Ended
from wireproto.codecs.tagged.values import RawValue
from wireproto.engine.call_builder import CallBuilder, End
from wireproto.engine.call_opening import find_argument
from wireproto.format.spelling import Spelling
from wireproto.machine.value_machine import ValueMachine, value_markers
from wireproto.text import json_strings
from wireproto.text.scan import NO, WAIT, YES, Answer, Match, Miss, begins, skip_blank
from wireproto.text.state import State
from wireproto.text.xml_text import CDATA_CLOSE, CDATA_OPEN

# How a value begins that is enclosed, and what ends it, by `argument.strings`.
OPENERS: Final = {"cdata": CDATA_OPEN, "json": '"'}
_CLOSERS: Final = {"cdata": CDATA_CLOSE, "json": '"'}
_IN_JSON: Final = re.compile(r'["\\]')


def is_enclosed(strings: str, text: str, at: int, end: int) -> int | Miss:
    """Return where the content of an enclosed value begins that opens at `at`, blanks before it aside."""
    opener = OPENERS[strings]
    start = skip_blank(text, at, end)
    stands = begins(opener, text, start, end)
    return start + len(opener) if stands is YES else WAIT if stands is WAIT else NO


class JsonText(RawValue):
    """The inside of a string of JSON, decoded while it arrives; a quote in it is content."""

    __slots__ = ("repairs",)

    def __init__(
        self, builder: CallBuilder, spelling: Spelling, slots: Mapping[str, str], start: int, crlf: bool
    ) -> None:
        self.repairs: set[str] = set()
        super().__init__(builder, spelling, slots, start, crlf)

    def _stream(self, end: int, final: bool = False) -> None:
        piece, consumed = self._decode(self.builder.buffer.slice(self.emitted, end))
        self.builder.more(piece)
        self.emitted += consumed

    def _decoded(self, start: int, end: int) -> str:
        return self._decode(self.builder.buffer.slice(start, end))[0]

    def _decode(self, text: str) -> tuple[str, int]:
        """Return the characters, and how much of the text they are: half an escape is left."""
        out: list[str] = []
        at = 0
        while at < len(text):
            piece, at = json_strings.decode(text, at, len(text), '"', self.repairs)
            out.append(piece)
            if text[at : at + 1] != '"':
                break
            out.append('"')
            at += 1
        return "".join(out), at

    def _check(self, text: str, end: int) -> None:
        """Say what was repaired: escapes are decoded here."""
        if self.repairs:
            named = "repaired: " + ", ".join(sorted(self.repairs))
            self.builder.transcript.diagnose("value-repaired", (self.start, end), named)


class Enclosed(State):
    """Looks for the end of one enclosed value. `scan` is how far the text was looked at."""

    in_cdata = False  # as the reader of raw values in markup asks
    holds_at_most_a_line_break = False

    __slots__ = ("_machine", "_strings", "scan", "value")

    def __init__(self, value: RawValue, machine: ValueMachine, strings: str) -> None:
        self.value, self.scan = value, value.start
        self._machine, self._strings = machine, strings

    @property
    def position(self) -> int:
        """Everything before this is decided."""
        return min(self.value.emitted, self.scan)

    def read(self, stop: int, end: End) -> Ended | Miss:
        """Look on as far as `stop`: where the value ends, WAIT, or NO if the output ends before that."""
        buffer, value, close = self.value.builder.buffer, self.value, _CLOSERS[self._strings]
        while True:
            text, base = buffer.window, buffer.base
            limit = stop - base
            at, found = self._close(text, self.scan - base, limit)
            value.emit(base + at)
            self.scan = base + at
            if not found:
                return self._at_end(end) if end.final else WAIT
            after = self._behind(text, at + len(close), limit, end)
            if after is WAIT:
                return WAIT
            if isinstance(after, int):
                value.finish(base + at)
                return Ended(base + after, False, False)
            self.scan = base + at + 1
            if isinstance(value, JsonText):
                value.repairs.add("unescaped-quote")

    def _close(self, text: str, at: int, limit: int) -> tuple[int, bool]:
        """Return where the next end stands that may be the value's; else up to where the text is none."""
        if self._strings == "cdata":
            found = text.find(CDATA_CLOSE, at, limit)
            held = next((n for n in (2, 1) if text.endswith(CDATA_CLOSE[:n], at, limit)), 0)
            return (found, True) if found >= 0 else (limit - held, False)
        while (special := _IN_JSON.search(text, at, limit)) is not None:
            at = special.start()
            if special.group() == '"':
                return at, True
            if at + 2 > limit:
                return at, False
            at += 2
        return max(at, limit), False

    def _behind(self, text: str, at: int, limit: int, end: End) -> int | Miss:
        """Return where to go on behind the end of a value, if what follows shows that it is one."""
        builder, spelling, machine = self.value.builder, self._machine.spelling, self._machine
        start = skip_blank(text, at, limit)
        if start >= limit:
            return self._unclosed(at) if end.final else WAIT
        answers: list[Answer] = []
        for letter, closer in value_markers(machine, self.value.key).closers:
            stands = begins(closer, text, start, limit)
            if stands is YES:
                return start + len(closer) if letter == "V" else self._unclosed(at)
            answers.append(stands)
        key = find_argument(spelling, text, start, limit, builder.tools.get(builder.name or ""))
        if isinstance(key, Match):
            return self._unclosed(at)
        return WAIT if WAIT in (*answers, key) and not end.final else NO

    def _unclosed(self, at: int) -> int:
        builder = self.value.builder
        builder.note("unclosed-value", builder.buffer.base + at)
        return at

    def _at_end(self, end: End) -> Miss:
        """The output ends in the value: keep what is certain of a string."""
        del end
        self.value.builder.note("truncated-value", self.value.start)
        self.value.leave(self.scan)
        return NO
