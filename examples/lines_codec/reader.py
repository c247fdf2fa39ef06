"""Reads calls that are lines. A string is emitted while it grows, any other value at the end of its line.

Law: every answer rests on the text so far, never on how it was cut into chunks.
"""

from __future__ import annotations

import re

from wireproto.engine.call_builder import CallBuilder, End
from wireproto.text import json_repair, json_strings
from wireproto.text.buffer import Rope
from wireproto.text.scan import WAIT, YES, Answer, begins, skip_blank
from wireproto.text.state import State

# What a line begins with. A key and its blanks are short, so that little is held back while it is not known to be one.
_KEY = re.compile(r"(?P<key>[A-Za-z0-9_.-]{1,128})(?P<colon>:[ \t]{0,8})?")


class LinesReader(State):
    """Reads one call, from behind its header to behind its closer."""

    __slots__ = ("_close", "_given", "_key", "_repairs", "_start", "_string", "_wanted", "builder", "position")

    def __init__(self, builder: CallBuilder, position: int, in_section: bool) -> None:
        del in_section  # a call ends with its own closer, whatever is open around it
        name = builder.opening.name or ""
        self.builder, self.position = builder, position
        self._close = builder.opening.call_close
        self._key = ""
        self._string: Rope | None = None  # the string that is open
        self._start: int | None = None  # where another value begins that is open
        self._wanted = True  # whether the open value is the first one of its key
        self._given = False
        self._repairs: set[str] = set()
        builder.begin(name, builder.opening.id, (builder.start, position))

    @property
    def is_plain(self) -> bool:
        """Whether a string is being emitted, without a limit, and at most half an escape of it is held."""
        builder = self.builder
        if self._string is None or not self._wanted or builder.policy.limits.max_value_chars is not None:
            return False
        return builder.buffer.slice(self.position, builder.buffer.end) in ("", "\\")

    @property
    def in_string(self) -> bool:
        """Whether the text so far ends in a string, where an end-of-turn token would be content."""
        return self._string is not None

    def take_plain(self, text: str) -> tuple[str, int] | None:
        """Take text that is inside the string throughout: most chunks are, and need no `read`."""
        decoded = json_strings.decode_chunk(text)
        if decoded is None or self._string is None:
            return None
        self._string.append(decoded[0])
        return decoded

    def skip_to(self, position: int) -> None:
        """Go on at `position`: all text before it was taken as plain."""
        self.position = position

    def read(self, stop: int, end: End) -> Answer:
        """Read as far as certain, looking no further than `stop`."""
        while True:
            if self._string is not None:
                answer = self._read_string(self._string, stop)
            elif self._start is not None:
                answer = self._read_value(self._start, stop)
            else:
                answer = self._read_line(stop)
            if answer is WAIT and end.final:
                return self._end_of_output(stop, end)
            if answer is not None:
                return answer

    def _read_line(self, stop: int) -> Answer | None:
        """Read what a line begins with: the call's closer, or a key and its colon."""
        buffer = self.builder.buffer
        text, base, limit = buffer.window, buffer.base, stop - buffer.base
        at = skip_blank(text, self.position - base, limit)
        self.position = base + at
        closer = begins(self._close, text, at, limit)
        if closer is YES:
            return self._finish(self.position + len(self._close), True)
        found = _KEY.match(text, at, limit)
        behind = found.end() if found is not None else at
        if behind == limit or closer is WAIT:
            return WAIT
        if found is None or found["colon"] is None:
            self.builder.note("truncated-call", self.position, "neither an argument nor the call's closer follows")
            return self._finish(self.position, False)
        self._key, span = found["key"], (self.position, base + behind)
        self._wanted = self.builder.declare(self._key, span)
        if text[behind] == '"':
            self._string, self.position = Rope(), base + behind + 1
            if self._wanted:
                self.builder.open(self._key)
        else:
            self._start = self.position = base + behind
        return None

    def _read_string(self, string: Rope, stop: int) -> Answer | None:
        buffer = self.builder.buffer
        text, base, limit = buffer.window, buffer.base, stop - buffer.base
        piece, at = json_strings.decode(text, self.position - base, limit, '"', self._repairs)
        string.append(piece)
        self.position = base + at
        if self._wanted:
            self.builder.more(piece)
        if text[at : min(at + 1, limit)] != '"':
            return WAIT
        self.position += 1
        if self._wanted:
            self.builder.close(string.take())
        self._string, self._given = None, True
        return None

    def _read_value(self, start: int, stop: int) -> Answer | None:
        buffer = self.builder.buffer
        line_break = buffer.window.find("\n", self.position - buffer.base, stop - buffer.base)
        self.position = buffer.base + line_break if line_break >= 0 else stop
        self.builder.check_size(self.position - start)
        if line_break < 0:
            return WAIT
        raw = buffer.slice(start, self.position).strip()
        try:
            decimals = self.builder.policy.decimals
            reading = json_repair.loads(raw, max_depth=self.builder.max_depth, decimals=decimals)
        except json_repair.Unreadable as error:
            if isinstance(error, json_repair.TooDeep):
                self.builder.too_deep()
            self.builder.note("json-invalid", start, f"{self._key}: {error}")
            return self._finish(self.position, False)
        self._repairs.update(reading.repairs)
        if self._wanted:
            self.builder.give(self._key, reading.value, json_repair.dumps(reading.value) if reading.repairs else raw)
        self._start, self._given = None, True
        return None

    def _end_of_output(self, stop: int, end: End) -> Answer:
        """The output ends in the call: complete if only its closer is missing behind a value (R-CUT)."""
        builder = self.builder
        if self._string is not None or self._start is not None:
            builder.note("truncated-value", self.position)
            if self._string is not None and self._wanted:
                builder.leave(self._string.take())
            return self._finish(stop, False)
        rest = builder.buffer.slice(self.position, stop)
        complete = self._given and self._close.startswith(rest) and end is End.STOP
        builder.note("unclosed-call" if complete else "truncated-call", self.position)
        return self._finish(stop, complete)

    def _finish(self, position: int, complete: bool) -> Answer:
        builder = self.builder
        if self._repairs:
            span = (builder.start, position)
            builder.transcript.diagnose("json-repaired", span, "repaired: " + ", ".join(sorted(self._repairs)))
        if complete:
            builder.check_types(position)
        builder.finish(position, complete)
        self.position = position
        return YES
