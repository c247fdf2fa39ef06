"""A raw value being emitted: how its text becomes deltas and a typed value.

It knows the declared types and the framing white space, and nothing of where the value ends. Law: the deltas of
a value join to the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Literal

from wireproto.engine.call_builder import CallBuilder
from wireproto.format.spelling import Spelling
from wireproto.text.json_repair import value_of
from wireproto.text.scan import BLANK, MAX_GAP
from wireproto.text.state import State
from wireproto.tools.toolset import Typed

_QUOTES = "\"'"
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|#[0-9]+|#[xX][0-9a-fA-F]+);")

# A string is emitted while it grows; it waits while it may be null, or be quoted where the schema allows no quotes, and
# what may hold all arguments (`wrapped`) while it may be an object. Other types wait for their end; the second value of
# a key is dropped.
Mode = Literal["stream", "undecided", "wrapped", "late", "drop"]


class RawValue(State):
    """The text of one value. `emitted` is how far it was emitted, in positions of the input."""

    wrappings: ClassVar[str] = "{"  # how a value begins that may hold all arguments

    __slots__ = (
        "_awaits",
        "_crlf",
        "_escape",
        "_late",
        "_mode",
        "_wire",
        "builder",
        "spelling",
        "key",
        "start",
        "emitted",
    )

    def __init__(
        self, builder: CallBuilder, spelling: Spelling, slots: Mapping[str, str], start: int, crlf: bool
    ) -> None:
        self.builder, self.spelling, self.key, self.start = builder, spelling, slots["key"], start
        self.emitted = start
        self._wire = self._wire_type(slots)
        self._crlf = crlf
        self._escape = spelling.dialect.argument.escape
        self._mode: Mode = "drop"
        self._late = False
        self._awaits = ""  # what a value may begin with that is no plain string
        if builder.declare(self.key, (start, start), unwraps=True):
            tool = builder.tool
            wire = tool.wire(self.key) if builder.policy.coerce else "string"
            late = self._late = self._wire == "false" or wire == "json"
            if not late:
                self._awaits = "n" if wire == "nullable" and self._wire is None else ""
                if self.key in tool.bounded and builder.policy.coerce and not tool.streams(self.key):
                    self._awaits += _QUOTES
            self._mode = "undecided" if builder.wrapper or self._awaits else "late" if late else "stream"
        if self._mode == "stream":
            builder.open(self.key)

    @property
    def streams(self) -> bool:
        """Whether more text of the value is emitted at once."""
        return self._mode == "stream"

    @property
    def is_undecided(self) -> bool:
        """Whether what it begins with decides yet how it is emitted."""
        return self._mode == "undecided"

    @property
    def is_raw(self) -> bool:
        """Whether what was emitted so far shows that the writer escapes nothing."""
        return True

    def emit(self, end: int) -> None:
        """Emit the value's text up to `end`."""
        if end <= self.emitted:
            return
        if self._mode == "undecided":
            self._look(self._decoded(self.start, end), end)
        elif self._mode == "stream":
            self._stream(end)
        else:
            self.builder.check_size(end - self.start)
            self.emitted = end

    def _look(self, text: str, end: int) -> None:
        """Decide by the text up to `end` how the value is emitted, if it can be decided."""
        if not self.builder.wrapper:
            if text[:1] and text[:1] in _QUOTES and _QUOTES in self._awaits:
                self._mode = "late"
            elif text and not ("n" in self._awaits and "null".startswith(text)):
                self._decide(end)
        elif (first := text[:MAX_GAP].lstrip(BLANK)[:1]) or len(text) >= MAX_GAP:
            if first and first in self.wrappings:
                self._mode = "wrapped"
                self.emit(end)
            else:
                self.builder.unwrap(None, (self.start, self.start))
                self._decide(end)

    def finish(self, end: int) -> None:
        """End the value at `end`: emit the rest, with its type."""
        builder = self.builder
        text = self._decoded(self.start, end)
        self._check(text, end)
        if builder.wrapper:
            builder.check_size(end - self.start)
            if builder.unwrap(self._wrapped(text, end), (self.start, self.start)):
                return builder.check_types(end)
            self._decide(end)
        if self._mode == "undecided":
            self._look(text, end)
        if self._mode == "undecided" and text != "null":
            self._decide(end)
        if self._mode == "stream":
            self._stream(end, final=True)
            builder.close(text)
        elif self._mode == "undecided":
            builder.give(self.key, None)
        elif self._mode == "late":
            builder.give_typed(self.key, self._typed(text, end), (self.start, end))

    def _wrapped(self, text: str, end: int) -> object:
        """Return the value of a whole text that may be an object of all arguments; there are none in an empty one."""
        del end
        return value_of(text) if text.strip(BLANK) else {}

    def _check(self, text: str, end: int) -> None:
        """Diagnose what looks like references in a text that was not decoded."""
        if "&" in text and _ENTITY.search(text):
            self.builder.transcript.diagnose("suspicious-entities", (self.start, end))

    def _typed(self, text: str, end: int) -> Typed:
        """Return the value of a whole text that is no string, by its type on the wire and in the schema."""
        del end
        tool, coerce = self.builder.tool, self.builder.policy.coerce
        decode = {"true": tool.decode_string, "false": tool.decode_json}.get(self._wire or "", tool.decode)
        typed = decode(self.key, text, coerce)
        if typed.code == "value-repaired" and self.spelling.dialect.argument.literals == "python":
            return Typed(typed.value)  # this format's own spelling needs no repair
        return typed

    def leave(self, end: int) -> None:
        """The output ends in the value: keep what is certain of a string, nothing of another type (R-CUT)."""
        builder = self.builder
        if self._mode == "undecided" and not builder.wrapper:
            self._decide(end)
        if self._mode == "stream":
            builder.leave(self._decoded(self.start, self.emitted))

    def framed(self, end: int, bare: bool = False) -> int:
        """Return the end of a value whose closer is at `end`; `bare`: no closer but the next marker (R-WS, exactly)."""
        if not (self.spelling.dialect.argument.pad or bare) or end <= self.start:
            return end
        buffer = self.builder.buffer
        if self._crlf and end - 2 >= self.start and buffer.slice(end - 2, end) == "\r\n":
            return end - 2
        return end - 1 if buffer.slice(end - 1, end) == "\n" else end

    def before_line_break(self, end: int) -> int:
        """Return `end` less one line break that may turn out to be framing."""
        buffer = self.builder.buffer
        text, at, floor = buffer.window, end - buffer.base, self.emitted - buffer.base
        if at > floor and text[at - 1] == "\n":
            at -= 1
        if at > floor and text[at - 1] == "\r":
            at -= 1
        return buffer.base + at

    def _decoded(self, start: int, end: int) -> str:
        text = self.builder.buffer.slice(start, end)
        return text.replace(self._escape, self.spelling.value_close(self.key)) if self._escape else text

    def _stream(self, end: int, final: bool = False) -> None:
        """Emit more of a string, up to `end` or to half of an escape before it."""
        if self._escape and not final:
            end = self._before_half_escape(end)
        self.builder.more(self._decoded(self.emitted, end))
        self.emitted = end

    def _wire_type(self, slots: Mapping[str, str]) -> str | None:
        """Return the type on the wire: "true" for a string, "false" for JSON, None for none."""
        kind = slots.get("type")
        return slots.get("string") if kind is None else "true" if kind == "string" else "false"

    def _before_half_escape(self, end: int) -> int:
        """Return `end` less what may become the value's own closer, escaped."""
        escape, buffer = self._escape, self.builder.buffer
        tail = buffer.slice(max(self.emitted, end - len(escape) + 1), end)
        at = tail.rfind(escape[:1]) if tail else -1
        return end - len(tail) + at if at >= 0 and escape.startswith(tail[at:]) else end

    def _decide(self, end: int) -> None:
        """The value is none of what it might have been: begin the string and emit what was waiting."""
        self._mode = "late" if self._late else "stream"
        if not self._late:
            self.builder.open(self.key)
            self.emitted = self.start
        self.emit(end)
