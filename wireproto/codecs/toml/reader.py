"""Calls as TOML tables: `[[call]]`, its name and id, and the arguments as `[call.arguments]`.

The reader walks from statement to statement: `tomltext` and `tomlstring` find where things end, `tomlcall` knows what
they mean, `tomlwrite` has the writer. Law: valid TOML is read as TOML says; what is not TOML ends the call incomplete.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Union

from wireproto.codecs.toml.statements import TomlCall
from wireproto.codecs.toml.strings import OpenString, Stop
from wireproto.codecs.toml.text import (
    Exits,
    Header,
    Span,
    Unreadable,
    header_at,
    key_at,
    skip_blank_lines,
    skip_indent,
    span_end,
)
from wireproto.engine.call_builder import CallBuilder, End, Outcome
from wireproto.text.scan import BLANK, Miss
from wireproto.values.events import ArgumentDelta, Event

_UNDECIDED = ("", "\r")  # a carriage return may be half a line break


class TomlReader:
    """Reads the statements of one call, up to the line that ends it."""

    __slots__ = ("_call", "_exits", "_final", "_in_section", "_indent", "_part", "_state", "builder", "position")

    def __init__(self, builder: CallBuilder, position: int, in_section: bool) -> None:
        self.builder, self.position = builder, position
        self._in_section = in_section
        self._exits = Exits(builder.opened.form)
        self._call = TomlCall(builder)
        self._part: Union[OpenString, Span, None] = None
        self._indent = 0
        self._final = False
        self._state = "rest"

    def copy(self, builder: CallBuilder) -> TomlReader:
        """Return an independent copy that writes to `builder`."""
        twin = TomlReader.__new__(TomlReader)
        for name in TomlReader.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.builder, twin._call = builder, self._call.copy(builder)
        part = self._part
        twin._part = part.copy() if isinstance(part, OpenString) else replace(part) if part is not None else None
        return twin

    def read(self, stop: int, end: End) -> Outcome:
        """Read as far as certain, looking no further than `stop`."""
        source = self.builder.source
        if isinstance(self._part, OpenString) and self._part.position < source.base:
            self._part.position = self.position = source.base  # `quick` took what stood before
        self._final = end.final
        while True:
            try:
                outcome = self._step(source.window, source.base, stop - source.base)
                if outcome is Outcome.MORE and end.final:
                    outcome = self._end_of_output(stop, end)
            except Unreadable as error:
                outcome = self._lose(error)
            if outcome is not None:
                return outcome

    @property
    def quickable(self) -> bool:
        """Whether an open string streams and nothing of it is held but a quote."""
        builder = self.builder
        if self._state != "string" or not self._call.streams or builder.name is None:
            return False
        held = builder.source.slice(self.position, builder.source.end)
        return builder.policy.limits.max_value_chars is None and held in ("", self._string.quote) and self._string.flows

    def quick(self, text: str) -> list[Event] | None:
        """Take a chunk that is content throughout; a quote at its end is held."""
        builder, part = self.builder, self._part
        source, quote = builder.source, part.quote  # type: ignore[union-attr]
        # The pattern settles everything; most chunks need no pattern.
        if source.window or quote in text or "\\" in text or not text.isprintable():
            if part.unsettled(source.window + text):  # type: ignore[union-attr]
                return None
            text = source.shift(text, text[-1] == quote)
        else:
            source.keep(text)
            source.base += len(text)
        part.text.append(text)  # type: ignore[union-attr]
        return [ArgumentDelta(builder.index, builder.key, text)] if text else []

    @property
    def _string(self) -> OpenString:
        assert isinstance(self._part, OpenString)
        return self._part

    def _step(self, text: str, base: int, end: int) -> Outcome | None:
        """Take one step through `text`, which begins at position `base`, up to `end` in it."""
        outcome: Outcome | None = getattr(self, "_read_" + self._state)(text, base, end)
        return outcome

    def _go(self, state: str, position: int) -> Outcome | None:
        self._state, self.position = state, position
        return None

    def _read_rest(self, text: str, base: int, end: int) -> Outcome | None:
        """Read the rest of a line, behind a header or a value."""
        at = skip_indent(text, self.position - base, end)
        self.position = base + at
        if text[at : min(at + 2, end)] in _UNDECIDED:
            return Outcome.MORE
        if text[at] == "#":
            return self._go("comment", base + at)
        if not text.startswith(("\n", "\r\n"), at, end):
            raise Unreadable("text behind a value or a header")
        return self._go("line", base + at)

    def _read_comment(self, text: str, base: int, end: int) -> Outcome | None:
        line_break = text.find("\n", self.position - base, end)
        self.position = base + (line_break if line_break >= 0 else end)
        return Outcome.MORE if line_break < 0 else self._go("line", self.position)

    def _read_line(self, text: str, base: int, end: int) -> Outcome | None:
        """Read what begins a line: a comment, a line that ends the call, a header or a key."""
        line = skip_blank_lines(text, self.position - base, end)
        at = skip_indent(text, line, end)
        self._indent = at - line if base + line > self.position else self._indent + at - line
        self.position = base + at
        if text[at : min(at + 2, end)] in _UNDECIDED:
            return Outcome.MORE
        if text[at] == "#":
            return self._go("comment", base + at)
        leaves = self._exits.at(text, at, end, self._final)
        if leaves is True:
            return self._finish(base + at, True)
        statement = header_at(text, at, end) if text[at] == "[" else key_at(text, at, end)
        if Miss.MORE in (statement, leaves):
            return Outcome.MORE
        if isinstance(statement, Miss):
            raise Unreadable("no statement")
        if isinstance(statement, Header):
            self._call.take_header(statement, base + at)
            return self._go("rest", base + statement.end)
        self._call.take_key(statement, base + at, self._indent)
        return self._go("value", base + statement.end)

    def _read_value(self, text: str, base: int, end: int) -> Outcome | None:
        """Read what begins a value."""
        at = skip_indent(text, self.position - base, end)
        self.position = base + at
        quote = text[at : min(at + 1, end)]
        if not quote:
            return Outcome.MORE
        if quote not in "\"'":
            self._part = Span(base + at, base + at)
            return self._go("span", base + at)
        if text[at : min(at + 3, end)] in (quote, quote * 2) and at + 2 >= end and not self._final:
            return Outcome.MORE
        multi = text.startswith(quote * 3, at, end)
        begin = base + at + (3 if multi else 1)
        self._part = OpenString(quote, multi, base + at, begin)
        self._call.open_string()
        return self._go("string", begin)

    def _read_string(self, text: str, base: int, end: int) -> Outcome | None:
        part = self._string
        piece, stop = part.read(text, base, end, self._final, self._call.repairs)
        self.position = part.position
        self._call.more(piece)
        if not self._call.streams:
            self.builder.check_size(part.position - part.start)
        if stop is Stop.BREAK:
            raise Unreadable("a line break in a string of one line")
        return Outcome.MORE if stop is Stop.MORE else self._go("quote", self.position)

    def _read_quote(self, text: str, base: int, end: int) -> Outcome | None:
        """Decide whether the quotes here close the string."""
        part, call = self._string, self._call
        closes = part.closes(text, base, end, self._final, self._exits, call.fits)
        if closes is None:
            return Outcome.MORE
        if closes:
            if part.run > 2:
                call.repairs.add("delimiter-in-string")
            self._part = None
            self._go("rest", part.position + part.delimiter)
            return call.take_string(part.text.take())
        if not part.multi:
            raise Unreadable("text behind a string")
        call.repairs.add("delimiter-in-string")
        call.more(part.keep_quotes())
        return self._go("string", part.position)

    def _read_span(self, text: str, base: int, end: int) -> Outcome | None:
        span = self._part
        assert isinstance(span, Span)
        try:
            after = span_end(span, text, base, end, self._exits, self._call.max_depth)
        except OverflowError:
            raise self._call.too_deep() from None
        finally:
            self.position = span.scan
        self.builder.check_size(span.scan - span.start)
        if after is None:
            return Outcome.MORE
        self._take_span(span)
        return None

    def _take_span(self, span: Span) -> None:
        self._part = None
        self._go("rest", span.scan)
        try:
            self._call.take_value(self.builder.source.slice(span.start, span.scan))
        except Unreadable as error:
            raise Unreadable(str(error), span.start) from None

    def _lose(self, error: Unreadable) -> Outcome | None:
        """What follows is not TOML: the call will be incomplete; look for where it stops."""
        if not self._call.is_named:
            return Outcome.NONE
        self._call.invalid(str(error), self.position if error.position is None else error.position)
        self._leave()
        begins_line = self.builder.source.slice(self.position - 1, self.position) == "\n"
        return self._go("stray" if begins_line else "lost", self.position)

    def _read_lost(self, text: str, base: int, end: int) -> Outcome | None:
        """Read to the end of a line that is not TOML."""
        line_break = text.find("\n", self.position - base, end)
        if line_break >= 0:
            return self._go("stray", base + line_break + 1)
        self.position = base + end
        return Outcome.MORE

    def _read_stray(self, text: str, base: int, end: int) -> Outcome | None:
        """Look at the beginning of a line for what ends the call, once it is not TOML."""
        leaves = self._exits.at(text, self.position - base, end, self._final)
        if leaves is True:
            return self._finish(self.position, False)
        return Outcome.MORE if leaves is Miss.MORE else self._go("lost", self.position)

    def _leave(self) -> None:
        """Keep the safe prefix of an open string."""
        if isinstance(self._part, OpenString):
            self._call.leave(self._part.text.take())
        self._part = None

    def _end_of_output(self, stop: int, end: End) -> Outcome | None:
        """The output ends in the call: complete behind a whole statement, if it was not cut off (R-CUT)."""
        if not self._call.is_named:
            return Outcome.NONE
        if self._state in ("lost", "stray"):
            return self._finish(stop, False)
        source, part = self.builder.source, self._part
        if isinstance(part, Span) and not part.depth and part.inside in ("", "#") and end is End.STOP:
            self._take_span(part)
            return None
        if part is not None:
            self.builder.note("truncated-value", part.start)
            self._leave()
            return self._finish(stop, False)
        rest = source.slice(self.position, stop).strip(BLANK)
        half = self._state == "line" and self._exits.at(source.window, self.position - source.base, stop - source.base)
        complete = end is End.STOP and self._state != "value" and (not rest or half is Miss.MORE)
        if not complete or not self._in_section:  # a section's closer is the decoder's to miss
            self.builder.note("unclosed-call" if complete else "truncated-call", self.position)
        return self._finish(stop if rest or not complete else self.position, complete)

    def _finish(self, position: int, complete: bool) -> Outcome:
        if not self._call.is_named:
            return Outcome.NONE
        self._call.finish(position, complete)
        self.position = position
        return Outcome.DONE
