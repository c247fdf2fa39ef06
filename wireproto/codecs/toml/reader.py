"""Calls as TOML tables: `[[call]]`, its name and id, and the arguments as `[call.arguments]`.

The reader walks from statement to statement: `tomltext` and `tomlstring` find where things end, `tomlcall` knows what
they mean, `tomlwrite` has the writer. Law: valid TOML is read as TOML says; what is not TOML ends the call incomplete.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Union

from wireproto.codecs.toml.statements import TomlCall
from wireproto.codecs.toml.strings import Stop, TomlString
from wireproto.codecs.toml.text import (
    Exits,
    Header,
    NotToml,
    header_at,
    key_at,
    skip_blank_lines,
    skip_indent,
    value_end,
)
from wireproto.engine.call_builder import CallBuilder, End
from wireproto.text.buffer import OpenValue
from wireproto.text.scan import BLANK, NO, WAIT, YES, Answer
from wireproto.text.state import State

_UNDECIDED = ("", "\r")  # a carriage return may be half a line break


# Reads on through a text that begins at position `base`, up to `end` in it: (reader, text, base, end).
Handler = Callable[["TomlReader", str, int, int], Union[Answer, None]]


class TomlReader(State):
    """Reads the statements of one call, up to the line that ends it."""

    __slots__ = ("_call", "_exits", "_final", "_in_section", "_indent", "_handler", "_part", "builder", "position")

    def __init__(self, builder: CallBuilder, position: int, in_section: bool) -> None:
        self.builder, self.position = builder, position
        self._in_section = in_section
        self._exits = Exits(builder.opening.spelling)
        self._call = TomlCall(builder)
        self._part: Union[TomlString, OpenValue, None] = None
        self._indent = 0
        self._final = False
        # What reads on from `position`: one of the methods below, which says what comes next by assigning another.
        self._handler: Handler = TomlReader._read_rest

    def read(self, stop: int, end: End) -> Answer:
        """Read as far as certain, looking no further than `stop`."""
        buffer = self.builder.buffer
        self._final = end.final
        while True:
            try:
                outcome = self._handler(self, buffer.window, buffer.base, stop - buffer.base)
                if outcome is WAIT and end.final:
                    outcome = self._end_of_output(stop, end)
            except NotToml as error:
                outcome = self._lose(error)
            if outcome is not None:
                return outcome

    @property
    def is_plain(self) -> bool:
        """Whether an open string streams and nothing of it is held but a quote."""
        builder = self.builder
        if self._handler is not TomlReader._read_string or not self._call.streams or builder.name is None:
            return False
        held = builder.buffer.slice(self.position, builder.buffer.end)
        return builder.policy.limits.max_value_chars is None and held in ("", self._string.quote) and self._string.flows

    @property
    def in_string(self) -> bool:
        """Whether the text so far ends in a string, and not in quotes that may close it."""
        if self._handler is not TomlReader._read_string:
            return False
        return self.builder.buffer.slice(self.position, self.builder.buffer.end) in ("", self._string.quote)

    def take_plain(self, text: str) -> tuple[str, int] | None:
        """Take text that is content throughout; a quote at its end is held."""
        part, held = self._part, 0
        if TYPE_CHECKING:  # no time for an assertion here
            assert isinstance(part, TomlString)
        # The pattern decides everything; most chunks need no pattern.
        quote = part.quote
        if quote in text or "\\" in text or not text.isprintable():
            if part.unsure(text):
                return None
            if text[-1] == quote:
                text, held = text[:-1], 1
        part.text.append(text)
        return text, held

    def skip_to(self, position: int) -> None:
        """Go on at `position`: all text before it was taken as plain."""
        self.position = self._string.position = position

    @property
    def _string(self) -> TomlString:
        assert isinstance(self._part, TomlString)
        return self._part

    def _go(self, handler: Handler, position: int) -> Answer | None:
        """Go on with another handler at `position`."""
        self._handler, self.position = handler, position
        return None

    def _read_rest(self, text: str, base: int, end: int) -> Answer | None:
        """Read the rest of a line, behind a header or a value."""
        at = skip_indent(text, self.position - base, end)
        self.position = base + at
        if text[at : min(at + 2, end)] in _UNDECIDED:
            return WAIT
        if text[at] == "#":
            return self._go(TomlReader._read_comment, base + at)
        if not text.startswith(("\n", "\r\n"), at, end):
            raise NotToml("text behind a value or a header")
        return self._go(TomlReader._read_line, base + at)

    def _read_comment(self, text: str, base: int, end: int) -> Answer | None:
        line_break = text.find("\n", self.position - base, end)
        self.position = base + (line_break if line_break >= 0 else end)
        return WAIT if line_break < 0 else self._go(TomlReader._read_line, self.position)

    def _read_line(self, text: str, base: int, end: int) -> Answer | None:
        """Read what begins a line: a comment, a line that ends the call, a header or a key."""
        line = skip_blank_lines(text, self.position - base, end)
        at = skip_indent(text, line, end)
        self._indent = at - line if base + line > self.position else self._indent + at - line
        self.position = base + at
        if text[at : min(at + 2, end)] in _UNDECIDED:
            return WAIT
        if text[at] == "#":
            return self._go(TomlReader._read_comment, base + at)
        leaves = self._exits.at(text, at, end, self._final)
        if leaves is YES:
            return self._finish(base + at, True)
        statement = header_at(text, at, end) if text[at] == "[" else key_at(text, at, end)
        if WAIT in (statement, leaves):
            return WAIT
        if isinstance(statement, Answer):
            raise NotToml("no statement")
        if isinstance(statement, Header):
            self._call.take_header(statement, base + at)
            return self._go(TomlReader._read_rest, base + statement.end)
        self._call.take_key(statement, base + at, self._indent)
        return self._go(TomlReader._read_value, base + statement.end)

    def _read_value(self, text: str, base: int, end: int) -> Answer | None:
        """Read what begins a value."""
        at = skip_indent(text, self.position - base, end)
        self.position = base + at
        quote = text[at : min(at + 1, end)]
        if not quote:
            return WAIT
        if quote not in "\"'":
            self._part = OpenValue(base + at, base + at)
            return self._go(TomlReader._read_span, base + at)
        if text[at : min(at + 3, end)] in (quote, quote * 2) and at + 2 >= end and not self._final:
            return WAIT
        multi = text.startswith(quote * 3, at, end)
        begin = base + at + (3 if multi else 1)
        self._part = TomlString(quote, multi, base + at, begin)
        self._call.open_string()
        return self._go(TomlReader._read_string, begin)

    def _read_string(self, text: str, base: int, end: int) -> Answer | None:
        part = self._string
        piece, stop = part.read(text, base, end, self._final, self._call.repairs)
        self.position = part.position
        self._call.more(piece)
        if not self._call.streams:
            self.builder.check_size(part.position - part.start)
        if stop is Stop.BREAK:
            raise NotToml("a line break in a string of one line")
        return WAIT if stop is WAIT else self._go(TomlReader._read_quote, self.position)

    def _read_quote(self, text: str, base: int, end: int) -> Answer | None:
        """Decide whether the quotes here close the string."""
        part, call = self._string, self._call
        closes = part.closes(text, base, end, self._final, self._exits, call.fits)
        if closes is WAIT:
            return WAIT
        if closes is YES:
            if part.run > 2:
                call.repairs.add("delimiter-in-string")
            self._part = None
            self._go(TomlReader._read_rest, part.position + part.delimiter)
            return call.take_string(part.text.take())
        if not part.multi:
            raise NotToml("text behind a string")
        call.repairs.add("delimiter-in-string")
        call.more(part.keep_quotes())
        return self._go(TomlReader._read_string, part.position)

    def _read_span(self, text: str, base: int, end: int) -> Answer | None:
        span = self._part
        assert isinstance(span, OpenValue)
        try:
            after = value_end(span, text, base, end, self._exits, self.builder.max_depth)
        except OverflowError:
            raise NotToml(self.builder.too_deep()) from None
        finally:
            self.position = span.scan
            self.builder.check_size(span.scan - span.start)
        if after is WAIT:
            return WAIT
        self._take_span(span)
        return None

    def _take_span(self, span: OpenValue) -> None:
        self._part = None
        self._go(TomlReader._read_rest, span.scan)
        try:
            self._call.take_value(self.builder.buffer.slice(span.start, span.scan))
        except NotToml as error:
            raise NotToml(str(error), span.start) from None

    def _lose(self, error: NotToml) -> Answer | None:
        """What follows is not TOML: the call will be incomplete; look for where it stops."""
        if not self._call.is_named:
            return NO
        self._call.invalid(str(error), self.position if error.position is None else error.position)
        self._leave()
        begins_line = self.builder.buffer.slice(self.position - 1, self.position) == "\n"
        return self._go(TomlReader._read_stray if begins_line else TomlReader._read_lost, self.position)

    def _read_lost(self, text: str, base: int, end: int) -> Answer | None:
        """Read to the end of a line that is not TOML."""
        line_break = text.find("\n", self.position - base, end)
        if line_break >= 0:
            return self._go(TomlReader._read_stray, base + line_break + 1)
        self.position = base + end
        return WAIT

    def _read_stray(self, text: str, base: int, end: int) -> Answer | None:
        """Look at the beginning of a line for what ends the call, once it is not TOML."""
        leaves = self._exits.at(text, self.position - base, end, self._final)
        if leaves is YES:
            return self._finish(self.position, False)
        return WAIT if leaves is WAIT else self._go(TomlReader._read_lost, self.position)

    def _leave(self) -> None:
        """Keep the safe prefix of an open string."""
        if isinstance(self._part, TomlString):
            self._call.leave(self._part.text.take())
        self._part = None

    def _end_of_output(self, stop: int, end: End) -> Answer | None:
        """The output ends in the call: complete behind a whole statement, if it was not cut off (R-CUT)."""
        if not self._call.is_named:
            return NO
        if self._handler in (TomlReader._read_lost, TomlReader._read_stray):
            return self._finish(stop, False)
        buffer, part = self.builder.buffer, self._part
        if isinstance(part, OpenValue) and not part.depth and part.inside in ("", "#") and end is End.STOP:
            self._take_span(part)
            return None
        if part is not None:
            self.builder.note("truncated-value", part.start)
            self._leave()
            return self._finish(stop, False)
        rest = buffer.slice(self.position, stop).strip(BLANK)
        half = self._handler is TomlReader._read_line and self._exits.at(
            buffer.window, self.position - buffer.base, stop - buffer.base
        )
        complete = end is End.STOP and self._handler is not TomlReader._read_value and (not rest or half is WAIT)
        if not complete or not self._in_section:  # a section's closer is the decoder's to miss
            self.builder.note("unclosed-call" if complete else "truncated-call", self.position)
        return self._finish(stop if rest or not complete else self.position, complete)

    def _finish(self, position: int, complete: bool) -> Answer:
        if not self._call.is_named:
            return NO
        self._call.finish(position, complete)
        self.position = position
        return YES
