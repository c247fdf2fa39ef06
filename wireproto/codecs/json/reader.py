"""Arguments as JSON: an object that is the arguments, or a record that names the tool too.

Strings of the arguments are emitted decoded while they grow; other values are read as a whole by `json_repair`, which
has the repair ladder (R-REPAIR). Law: inside a string nothing is a marker, and what is not JSON ends the call
incomplete instead of being guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Union

from wireproto.codecs.json.cursor import BadQuote, Cursor, JsonString, JsonValue, Progress, Role
from wireproto.codecs.json.exits import find_exit, suggest_string
from wireproto.engine.call_builder import CallBuilder, End
from wireproto.text import json_repair, json_strings
from wireproto.text.buffer import Rope
from wireproto.text.json_repair import dumps
from wireproto.text.scan import BLANK, NO, WAIT, YES, Answer
from wireproto.text.state import State
from wireproto.values.quoting import escaped, quoted

_NOTHING = ("", "null", "None")


Handler = Callable[["JsonReader"], Union[Answer, None]]


class JsonReader(State):
    """Reads the payload of one call and its closer."""

    __slots__ = ("_cursor", "_handler", "_part", "_progress", "builder")

    def __init__(self, builder: CallBuilder, position: int, in_section: bool) -> None:
        del in_section  # JSON ends where its brackets end, whatever is open around it
        opening, self.builder = builder.opening, builder
        self._cursor = Cursor(builder.buffer, position, opening.call_close)
        self._progress = Progress(in_record=opening.name is None)
        self._part: Union[JsonString, JsonValue, None] = None
        # What reads on from here: one of the methods below, which says what comes next by assigning another.
        self._handler: Handler = JsonReader._at_open
        if opening.name is not None:
            builder.begin(opening.name, opening.id, (builder.start, position))

    @property
    def position(self) -> int:
        """Everything before this is decided."""
        if self._handler is JsonReader._read_tail:
            return self._progress.end
        return self._part.scan if isinstance(self._part, JsonValue) else self._cursor.position

    def read(self, stop: int, end: End) -> Answer:
        """Read as far as certain, looking no further than `stop`."""
        self._cursor.stop, self._cursor.final = stop, end.final
        while True:
            answer = self._handler(self)
            if answer is WAIT and end.final:
                return self._end_of_output(end)
            if answer is not None:
                return answer

    @property
    def is_plain(self) -> bool:
        """Whether an open string streams and nothing of it is held but half an escape."""
        part, builder = self._part, self.builder
        if not isinstance(part, JsonString) or part.quote != '"' or self._handler is not JsonReader._read_string:
            return False
        if not self._progress.streams or builder.name is None or builder.policy.limits.max_value_chars is not None:
            return False
        return builder.buffer.slice(self._cursor.position, builder.buffer.end) in ("", "\\")

    @property
    def in_string(self) -> bool:
        """Whether the text so far ends in a string that is decoded while it grows."""
        return self._handler is JsonReader._read_string

    def take_plain(self, text: str) -> tuple[str, int] | None:
        """Take text that holds whole escapes and no quote; a backslash at its end is held."""
        decoded = json_strings.decode_chunk(text)
        if decoded is None:
            return None
        if TYPE_CHECKING:  # no time for an assertion here
            assert isinstance(self._part, JsonString)
        self._part.text.append(decoded[0])
        return decoded

    def skip_to(self, position: int) -> None:
        """Go on at `position`: all text before it was taken as plain."""
        self._cursor.position = position

    def _at_open(self) -> Answer | None:
        char = self._cursor.next()
        if not char:
            return WAIT
        if char == "{":
            if not self._progress.in_record:
                self._progress.arguments = "open"
            self._progress.after_comma = False
            return self._go(JsonReader._at_key, 1)
        closer = self._cursor.at_closer()
        if closer is WAIT:
            return WAIT
        return (
            self._go(JsonReader._read_tail)
            if closer is YES
            else self._lose("neither an object nor the call's closer follows")
        )

    def _at_key(self) -> Answer | None:
        char = self._cursor.next()
        if not char:
            return WAIT
        if char in "\"'":
            self._progress.role = "key"
            return self._open_string(char)
        if char == "}":
            if self._progress.after_comma:
                self._cursor.repairs.add("trailing-comma")
            return self._close_object()
        return self._cut_object(dangling=self._progress.after_comma)

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
        return self._close_object() if char == "}" else self._cut_object(dangling=False)

    def _cut_object(self, *, dangling: bool) -> Answer | None:
        """Something else than a member stands in an object: the call's closer ends it, if nothing dangles."""
        closer = self._cursor.at_closer()
        if closer is WAIT or (closer is NO and self._cursor.cut_closer()):
            return WAIT
        if closer is NO or dangling:
            return self._lose("the arguments are not a JSON object")
        self._cursor.repairs.add("missing-bracket")
        if self._progress.arguments:
            self._progress.arguments = "closed"
        return self._go(JsonReader._read_tail)

    def _close_object(self) -> Answer | None:
        progress = self._progress
        inner = progress.arguments == "open" and progress.in_record
        if progress.arguments == "open":
            progress.arguments = "closed"
        return self._go(JsonReader._at_comma if inner else JsonReader._read_tail, 1)

    def _go(self, handler: Handler, skip: int = 0) -> Answer | None:
        """Go on with another handler, behind `skip` characters."""
        self._cursor.position += skip
        self._handler = handler
        if handler is JsonReader._read_tail:
            self._progress.end = self._cursor.position
        return None

    def _at_value(self) -> Answer | None:
        char = self._cursor.next()
        if not char:
            return WAIT
        cursor, progress = self._cursor, self._progress
        position = cursor.position
        if progress.in_record and progress.arguments != "open":
            progress.role = self._record_role(position)
            if progress.role == "arguments" and char == "{":
                progress.arguments = "open"
                return self._go(JsonReader._at_open)
            if progress.role == "name" and char not in "\"'":
                return self._lose("the tool's name is not a string")
        else:
            fresh = self.builder.declare(progress.key, (position, position))
            progress.role = "argument" if fresh else "drop"
        if char in "\"'":
            return self._open_string(char)
        self._part = JsonValue(position, position)
        return self._go(JsonReader._read_value)

    def _record_role(self, position: int) -> Role:
        """Return what a member of the record is for; a second one of its kind is dropped (R-DUP)."""
        builder, record, key = self.builder, self.builder.opening.spelling.dialect.record, self._progress.key
        roles: tuple[Role, ...] = ("name", "arguments", "id")
        for role, names in zip(roles, (record.name, record.arguments, record.id), strict=True):
            if key not in names:
                continue
            if key != names[0]:
                builder.note("alias-key", position, f"{quoted(key)} instead of {quoted(names[0])}")
            given = {"name": builder.name, "id": builder.id, "arguments": self._progress.arguments or None}[role]
            if given is not None:
                builder.note("duplicate-argument", position, f"the member {quoted(key)} was given twice")
                return "drop"
            return role
        return "drop"

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
        buffer = self.builder.buffer
        limit = cursor.stop - buffer.base
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
            return self._lose("a quote inside a string is not escaped")
        self._part = None
        self._go(JsonReader._at_comma, 1)
        return self._string_closed(part.text.take())

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
                return NO
            builder.begin(value, builder.id, (builder.start, self._cursor.position))
        return None

    def _read_value(self) -> Answer | None:
        span = self._part
        assert isinstance(span, JsonValue)
        try:
            end = self._cursor.value_end(span, self.builder.max_depth)
        except BadQuote as bad:
            self.builder.check_size(bad.position - span.start)
            self._cursor.position = bad.position
            return self._lose("a quote inside a string is not escaped")
        except OverflowError:
            self.builder.check_size(span.scan - span.start)
            return self._lose(self.builder.too_deep())
        self.builder.check_size(span.scan - span.start)
        if end is WAIT or end is NO:
            return WAIT
        raw = self.builder.buffer.slice(span.start, end).strip(BLANK)
        self._part, self._cursor.position = None, end
        self._go(JsonReader._at_comma)
        return self._take_value(raw)

    def _take_value(self, raw: str) -> Answer | None:
        role = self._progress.role
        if role == "drop":
            return None
        if role == "arguments":
            return self._take_arguments(raw)
        reading = self._load(raw)
        if isinstance(reading, str):
            return self._lose(f"{escaped(self._progress.key)}: {reading}")
        if role == "id":
            self.builder.identify(str(reading.value))
        else:
            json = dumps(reading.value) if reading.repairs else raw
            self.builder.give(self._progress.key, reading.value, json)
        return None

    def _take_arguments(self, text: str) -> Answer | None:
        """Take arguments that were given as a string, or as another value than an object."""
        self._progress.arguments = "closed"
        if text.strip(BLANK) in _NOTHING:
            return None
        reading = self._load(text)
        if isinstance(reading, str) or not isinstance(reading.value, dict):
            return self._lose(
                f"the arguments: {reading}" if isinstance(reading, str) else "the arguments are not an object"
            )
        self._cursor.repairs.add("string-arguments")
        position = self._cursor.position
        for key, value in reading.value.items():
            self.builder.declare(key, (position, position))
            self.builder.give(key, value)
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
        cursor, after = self._cursor, self._progress.end
        if self.builder.name is None:
            return NO
        if not cursor.closer:
            return self._finish(after, True)
        while (char := cursor.next()) in ("}", "]"):
            cursor.repairs.add("trailing-bracket")
            cursor.position += 1
        closer = cursor.at_closer() if char else WAIT
        if closer is YES:
            return self._finish(cursor.position + len(cursor.closer), True)
        if closer is WAIT or cursor.cut_closer():
            return WAIT
        self.builder.note("unclosed-call", after)
        return self._finish(after, True)

    def _end_of_output(self, end: End) -> Answer:
        """The output ends in the call: complete if its arguments are closed and it was not cut off (R-CUT)."""
        builder, progress, cursor = self.builder, self._progress, self._cursor
        if builder.name is None:
            return NO
        in_tail = self._handler is JsonReader._read_tail
        record_open = self._handler is JsonReader._at_comma and progress.in_record and progress.arguments == "closed"
        if in_tail or record_open:
            if record_open:
                cursor.repairs.add("missing-bracket")
            complete = end is End.STOP
            after = progress.end if in_tail else cursor.position
            self.builder.note("unclosed-call" if complete else "truncated-call", after)
            rest = builder.buffer.slice(after, cursor.stop)
            return self._finish(cursor.stop if rest.strip(BLANK) else after, complete)
        in_value = self._part is not None and progress.role != "key"
        self.builder.note("truncated-value" if in_value else "truncated-call", cursor.position)
        self._leave()
        return self._finish(cursor.stop, False)

    def _leave(self) -> None:
        """Keep the safe prefix of an open string."""
        if isinstance(self._part, JsonString) and self._progress.streams:
            self.builder.leave(self._part.text.take())

    def _lose(self, why: str) -> Answer | None:
        """The arguments are not JSON: the call will be incomplete; look for where it stops (R-COMMIT)."""
        if self.builder.name is None:
            return NO
        self.builder.note("json-invalid", self._cursor.position, why)
        self._leave()
        if isinstance(self._part, JsonValue):
            self._part = None
        return self._go(JsonReader._read_lost)

    def _read_lost(self) -> Answer | None:
        found = find_exit(self.builder.opening.spelling, self._cursor)
        if not isinstance(found, tuple):
            return WAIT
        body, stop = found
        if isinstance(self._part, JsonString) and self._progress.streams:
            suggest_string(self.builder, self._part, body, stop)
        return self._finish(stop, False)

    def _finish(self, position: int, complete: bool) -> Answer:
        builder, repairs, span = self.builder, self._cursor.repairs, (self.builder.start, position)
        if complete and self._progress.arguments != "closed":
            builder.transcript.diagnose("empty-arguments", span)
        if repairs:
            if "lone-surrogate" in repairs:
                builder.transcript.diagnose("lone-surrogate", span)
            if named := sorted(repairs - {"lone-surrogate"}):
                builder.transcript.diagnose("json-repaired", span, "repaired: " + ", ".join(named))
        if complete:
            builder.check_types(position)
        builder.finish(position, complete)
        self._part, self._progress.end, self._handler = None, position, JsonReader._read_tail
        return YES
