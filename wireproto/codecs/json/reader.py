"""Arguments as JSON: an object that is the arguments, or a record that names the tool too.

Strings of the arguments are emitted decoded while they grow; other values are read as a whole by `json_repair` (see
R-REPAIR). What is done where a payload is not as it should be is in `repairs`. Law: inside a string nothing is a
marker, and what is not JSON ends the call incomplete instead of being guessed.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Union

from wireproto.codecs.json.cursor import Cursor, JsonString, Progress, Role
from wireproto.codecs.json.members import Members
from wireproto.engine.call_builder import CallBuilder, Step, SteppingReader
from wireproto.text import json_repair, json_strings
from wireproto.text.buffer import LooseQuote, OpenValue, Rope
from wireproto.text.json_repair import dumps
from wireproto.text.scan import BLANK, NO, WAIT, YES, Answer
from wireproto.values.quoting import escaped, quoted

_WORDS = {"true": True, "false": False, "null": None}


class JsonReader(SteppingReader):
    """Reads the payload of one call and its closer."""

    __slots__ = ("_brackets", "_members", "_part", "_progress")

    _cursor: Cursor

    def __init__(self, builder: CallBuilder, position: int, _in_section: bool) -> None:
        opening, self.builder = builder.opening, builder
        closer = "" if opening.closed else opening.call_close
        self._cursor = Cursor(builder.buffer, position, opening.spelling, closer)
        # A section without a closer may hold more calls.
        joined = opening.joined or (opening.section is not None and not opening.section_close)
        self._progress = Progress(opening.name is None, position, joined=joined)
        self._brackets: OpenValue | None = None  # of a call that is broken
        self._members: Members | None = None  # of a record that has others than its name and its arguments
        self._part: Union[JsonString, OpenValue, None] = None
        # What reads on from here: one of the methods below, which says what comes next by assigning another.
        self._step = JsonReader._read_tail if opening.closed else JsonReader._at_open
        if opening.name is not None:
            builder.begin(opening.name, opening.id, (builder.start, position))

    @property
    def position(self) -> int:
        """Everything before this is decided."""
        if self._step is JsonReader._read_tail:
            return self._progress.end
        return self._part.scan if isinstance(self._part, OpenValue) else self._cursor.position

    @property
    def is_plain(self) -> bool:
        """Whether a string is open, and nothing of it is held but half an escape."""
        part, builder = self._part, self.builder
        if not isinstance(part, JsonString) or part.quote != '"' or self._step is not JsonReader._read_string:
            return False
        if (self._progress.streams and builder.name is None) or builder.policy.limits.max_value_chars is not None:
            return False
        return builder.buffer.slice(self._cursor.position, builder.buffer.end) in ("", "\\")

    @property
    def in_string(self) -> bool:
        """Whether the text so far ends in a string that is decoded while it grows."""
        return self._step is JsonReader._read_string

    def take_plain(self, text: str) -> tuple[str, int] | None:
        """Take text that holds whole escapes and no quote; a backslash at its end is held."""
        decoded = json_strings.decode_chunk(text)
        if decoded is None:
            return None
        if TYPE_CHECKING:  # no time for an assertion here
            assert isinstance(self._part, JsonString)
        self._part.text.append(decoded[0])
        return decoded if self._progress.streams else ("", decoded[1])

    def _at_open(self) -> Answer | None:
        char = self._cursor.next()
        if not char:
            return WAIT
        if char == "{":
            if not self._progress.in_record:
                self._progress.arguments = "open"
            self._progress.after_comma = False
            return self._go(JsonReader._at_key, 1)
        return self._open_otherwise(char)

    def _at_key(self) -> Answer | None:
        char = self._cursor.next()
        if not char:
            return WAIT
        if char in "\"'":
            self._progress.role = "key"
            if (key := self._cursor.whole_key()) is None:
                return self._open_string(char)
            self._progress.key = key
            return self._go(JsonReader._at_value)
        if char == "}":
            if self._progress.after_comma:
                self._cursor.repairs.add("trailing-comma")
            return self._close_object()
        return self._miss_key(char)

    def _at_colon(self) -> Answer | None:
        char = self._cursor.next()
        if not char:
            return WAIT
        return self._go(JsonReader._at_value, 1) if char == ":" else self._lose("a colon is missing")

    def _at_comma(self) -> Answer | None:
        char = self._cursor.next()
        if not char:
            return WAIT
        if char == ",":
            self._progress.after_comma = True
            return self._go(JsonReader._at_key, 1)
        return self._close_object() if char == "}" else self._cut_object()

    def _close_object(self) -> Answer | None:
        progress = self._progress
        if progress.doubled and self._skip_doubled() is WAIT:
            return WAIT
        inner = progress.in_record and progress.arguments == "open"
        if progress.arguments == "open":
            progress.arguments = "closed"
        elif progress.nested:
            progress.nested -= 1
            inner = True
        return self._go(JsonReader._at_comma if inner else JsonReader._read_tail, 1)

    def _go(self, step: Step, skip: int = 0) -> Answer | None:
        self._cursor.position += skip
        self._step = step
        if step is JsonReader._read_tail:
            self._progress.end = self._cursor.position
        return None

    def _at_value(self) -> Answer | None:
        char = self._cursor.next()
        if not char:
            return WAIT
        cursor, progress = self._cursor, self._progress
        position = cursor.position
        if progress.in_record and progress.arguments != "open":
            progress.role = self._record_role(char, position)
            if progress.role == "arguments" and char == "{":
                progress.arguments = "open"
                return self._go(JsonReader._at_open)
            if progress.role == "wrapper":
                progress.nested += char == "{"  # what closes an array of calls is skipped behind each of them
                return self._go(JsonReader._at_open)
            if progress.role == "name" and char not in "\"'":
                return self._lose("the tool's name is not a string")
        else:
            fresh = self.builder.declare(progress.key, (position, position), True)
            progress.role = "argument" if fresh else "drop"
            if self.builder.wrapper and self._may_wrap(char) is WAIT:
                return WAIT
        if self.builder.policy.limits.max_value_chars is None and (plain := cursor.plain_value()):
            return self._take_plain(plain)
        if char in "\"'":
            return self._open_string(char)
        self._part = OpenValue(position, position)
        return self._go(JsonReader._read_value)

    def _take_plain(self, raw: str) -> Answer | None:
        """Take a string without escapes, a word or an integer that is there whole, as most arguments are."""
        builder, key, is_argument = self.builder, self._progress.key, self._progress.role == "argument"
        self._go(JsonReader._at_comma, len(raw))
        if raw[0] == '"':
            if is_argument:
                builder.open(key)
                builder.more(raw[1:-1])
            return self._string_closed(raw[1:-1])
        if not is_argument:
            return self._take_value(raw)
        builder.give(key, _WORDS[raw] if raw in _WORDS else int(raw), raw)
        return None

    def _record_role(self, char: str, position: int) -> Role:
        """Return what a member of the record is for; a second one of its kind is dropped (R-DUP)."""
        builder, record, key = self.builder, self.builder.opening.spelling.dialect.record, self._progress.key
        roles: tuple[Role, ...] = ("name", "arguments", "id")
        every = (record.name, record.arguments, record.id)
        for role, names in zip(roles, every, strict=True):
            if key not in names:
                continue
            if key != names[0]:
                builder.note("alias-key", position, f"{quoted(key)} instead of {quoted(names[0])}")
            given = {"name": builder.name, "id": builder.id, "arguments": self._progress.arguments or None}[role]
            if given is not None:
                builder.note("duplicate-argument", position, f"the member {quoted(key)} was given twice")
                return "drop"
            return role
        return self._other_role(char, position)

    def _open_string(self, quote: str) -> Answer | None:
        if quote == "'":
            self._cursor.repairs.add("single-quotes")
        self._part = JsonString(quote, self._cursor.position, Rope())
        self._progress.streams = self._progress.role == "argument"
        if self._progress.streams:
            self.builder.open(self._progress.key)
        return self._go(JsonReader._read_string, 1)

    def _read_string(self) -> Answer | None:
        part, cursor = self._part, self._cursor
        assert isinstance(part, JsonString)
        buffer, limit = self.builder.buffer, cursor.stop - self.builder.buffer.base
        piece, at = json_strings.decode(buffer.window, cursor.position - buffer.base, limit, part.quote, cursor.repairs)
        part.text.append(piece)
        cursor.position = buffer.base + at
        if self._progress.streams:
            self.builder.more(piece)
        if at >= limit or buffer.window[at] != part.quote:
            return WAIT
        part.look = cursor.position + 1
        return self._go(JsonReader._read_quote)

    def _read_quote(self) -> Answer | None:
        """Decide whether a quote closes its string by what follows it."""
        part, cursor = self._part, self._cursor
        assert isinstance(part, JsonString)
        closes, part.look = cursor.quote_closes(cursor.position + 1, part.look)
        if closes is WAIT:
            return WAIT
        if closes is NO:
            return self._lose_quote(part.start, cursor.position)
        self._part, value = None, part.text.take()
        self._go(JsonReader._at_comma, 1)
        return self._string_closed(value)

    def _string_closed(self, value: str) -> Answer | None:
        builder, role = self.builder, self._progress.role
        if role == "key":
            self._progress.key = value
            self._go(JsonReader._at_colon)
        elif role == "argument":
            builder.close(value)
        elif role == "id":
            builder.identify(value)
        elif role == "arguments":
            return self._take_arguments(value)
        elif role == "name":
            if not builder.may_be_named(value):
                return self._take_odd_name(value)
            builder.begin(value, builder.id, (builder.start, self._cursor.position))
        elif role == "beside" and self._members is not None:
            self._members.keep(self._progress.key, value, True)
        elif role == "wrapped":
            self._take_wrapped(value)
        return None

    def _read_value(self) -> Answer | None:
        span = self._part
        assert isinstance(span, OpenValue)
        try:
            end = self._cursor.value_end(span, self.builder.max_depth)
        except LooseQuote as bad:
            self.builder.check_size(bad.position - span.start)
            self._cursor.position = bad.position
            return self._lose_quote(span.start, bad.position)
        except OverflowError:
            self.builder.check_size(span.scan - span.start)
            return self._lose(self.builder.too_deep())
        self.builder.check_size(span.scan - span.start)
        if end is WAIT or end is NO:
            return WAIT
        if span.depth and (closer := self._cursor.at_closer(end)) is not YES:
            span.scan = self._cursor.position = end
            return WAIT if closer is WAIT else self._lose("another call begins inside a value")
        raw = self.builder.buffer.slice(span.start, end).strip(BLANK)
        self._part, self._cursor.position = None, end
        self._go(JsonReader._at_comma)
        return self._take_value(raw)

    def _take_value(self, raw: str) -> Answer | None:
        role = self._progress.role
        if role == "drop":
            return None
        if role == "beside" and self._members is not None:
            self._members.keep(self._progress.key, raw, False)
            return None
        if role == "arguments":
            return self._take_arguments(raw)
        reading = self._load(raw)
        if isinstance(reading, str):
            return self._lose(f"{escaped(self._progress.key)}: {reading}")
        if role == "id":
            self.builder.identify(str(reading.value))
        elif role != "wrapped" or not self._take_wrapped(reading.value):
            json = dumps(reading.value) if reading.repairs else raw
            exact, at = json_repair.exact(raw, reading.value), self._cursor.position
            self.builder.give_exact(self._progress.key, exact, at, json, reading.value)
        return None

    def _load(self, text: str) -> json_repair.Reading | str:
        """Read a whole value; what is wrong with it where it cannot be read."""
        try:
            reading = json_repair.loads(text, max_depth=self.builder.max_depth)
        except json_repair.Unreadable as error:
            return str(error)
        self._cursor.repairs.update(reading.repairs)
        return reading

    def _read_tail(self) -> Answer | None:
        """The payload is over: only brackets and blanks may stand before the closer."""
        cursor = self._cursor
        if self.builder.name is None:
            return NO
        if self._progress.joined:
            return self._read_joined()
        if not cursor.closer:
            return self._finish(self._progress.end, True)
        while (char := cursor.next()) in ("}", "]") and not cursor.may_close():
            cursor.repairs.add("trailing-bracket")
            cursor.position += 1
        closer = cursor.at_closer() if char else WAIT
        if closer is YES:
            whole = cursor.whole if cursor.spelling.wrapper_close else cursor.closer
            if cursor.closer_end - cursor.position != len(whole):
                self.builder.note("marker-variant", cursor.position)
            return self._finish(cursor.closer_end, True)
        return WAIT if closer is WAIT or cursor.cut_closer() else self._read_more(char)

    def _finish(self, position: int, complete: bool) -> Answer:
        builder, repairs, span = self.builder, self._cursor.repairs, (self.builder.start, position)
        if self._members is not None:
            complete = self._members.settle(position, complete)
        if complete and self._progress.arguments != "closed" and not builder.arguments:
            builder.transcript.diagnose("empty-arguments", span)
        if repairs:
            if "lone-surrogate" in repairs:
                builder.transcript.diagnose("lone-surrogate", span)
            if named := sorted(repairs - {"lone-surrogate"}):
                builder.transcript.diagnose("json-repaired", span, "repaired: " + ", ".join(named))
        if complete:
            builder.check_types(position)
        builder.finish(position, complete)
        self._part, self._progress.end, self._step = None, position, JsonReader._read_tail
        return YES

    # What `repairs` does where the payload is not as it should be.

    @abstractmethod
    def _open_otherwise(self, char: str) -> Answer | None:
        """Something else than an object follows a header, or stands where arguments belong."""

    @abstractmethod
    def _miss_key(self, char: str) -> Answer | None:
        """Something else than a key stands in an object."""

    @abstractmethod
    def _cut_object(self) -> Answer | None:
        """Something else than a comma or a brace stands behind a member."""

    @abstractmethod
    def _skip_doubled(self) -> Answer:
        """Skip a brace that is written twice."""

    @abstractmethod
    def _other_role(self, char: str, position: int) -> Role:
        """Return what a member is for whose key the format does not have."""

    @abstractmethod
    def _may_wrap(self, char: str) -> Answer:
        """Look whether an undeclared argument may hold all others."""

    @abstractmethod
    def _take_wrapped(self, value: object) -> bool:
        """Take what such an argument holds; False if it is still to be given."""

    @abstractmethod
    def _take_odd_name(self, name: str) -> Answer | None:
        """Take a name that no call may have."""

    @abstractmethod
    def _take_arguments(self, text: str) -> Answer | None:
        """Take arguments that were given as a string, or as another value than an object."""

    @abstractmethod
    def _read_joined(self) -> Answer | None:
        """Read on behind one of several calls that stand in the same markers."""

    @abstractmethod
    def _read_more(self, char: str) -> Answer | None:
        """Read on behind a payload whose closer does not follow."""

    @abstractmethod
    def _lose(self, why: str) -> Answer | None:
        """The payload is not JSON: the call will be incomplete."""

    @abstractmethod
    def _lose_quote(self, start: int, quote: int) -> Answer | None:
        """A quote closes no string."""
