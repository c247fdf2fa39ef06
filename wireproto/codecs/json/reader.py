"""Arguments as JSON: an object that is the arguments, or a record that names the tool too.

Strings of the arguments are told decoded while they grow; other values are read as a whole by `lenient`, which has the
repair ladder (R-REPAIR). Law: inside a string nothing is a marker, and what is not JSON ends the call incomplete
instead of being guessed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Union

from wireproto.codecs.json.cursor import BadQuote, Cursor, OpenString, Progress, Role, Span
from wireproto.codecs.json.exits import find_exit, report, suggest_string
from wireproto.engine.call_builder import CallBuilder, End, Outcome
from wireproto.text import json_repair, json_strings
from wireproto.text.buffer import Rope
from wireproto.text.json_repair import dumps
from wireproto.text.scan import BLANK
from wireproto.values.errors import LimitExceeded
from wireproto.values.events import ArgumentDelta, Event

_TOKENS = frozenset(("open", "key", "colon", "value", "comma"))  # states that wait for one character of structure
_NOTHING = ("", "null", "None")


class JsonReader:
    """Reads the payload of one call and its closer."""

    __slots__ = ("_cursor", "_form", "_part", "_progress", "_state", "builder")

    def __init__(self, builder: CallBuilder, position: int, in_section: bool) -> None:
        del in_section  # JSON ends where its brackets end, whatever is open around it
        opened, self.builder = builder.opened, builder
        self._form = opened.form
        self._cursor = Cursor(builder.source, position, opened.form.call_close(opened.name or ""))
        self._progress = Progress(in_record=opened.name is None)
        self._part: Union[OpenString, Span, None] = None
        self._state = "open"
        if opened.name is not None:
            builder.begin(opened.name, opened.id, (builder.start, position))

    def copy(self, builder: CallBuilder) -> JsonReader:
        """Return an independent copy that writes to `builder`."""
        twin = JsonReader.__new__(JsonReader)
        twin.builder, twin._form, twin._state = builder, self._form, self._state
        twin._cursor, twin._progress = self._cursor.copy(builder.source), replace(self._progress)
        if isinstance(part := self._part, OpenString):
            twin._part = OpenString(part.quote, part.start, part.text.copy(), part.look)
        else:
            twin._part = replace(part) if part is not None else None
        return twin

    @property
    def position(self) -> int:
        """Everything before this is settled."""
        if self._state == "tail":
            return self._progress.end
        return self._part.scan if isinstance(self._part, Span) else self._cursor.position

    def read(self, stop: int, end: End) -> Outcome:
        """Read as far as certain, looking no further than `stop`."""
        cursor, source = self._cursor, self.builder.source
        cursor.stop, cursor.final = stop, end.final
        if cursor.position < source.base and self._part is not None and not isinstance(self._part, Span):
            cursor.position = source.base  # `quick` took what stood before
        while True:
            outcome = self._step()
            if outcome is Outcome.MORE and end.final:
                return self._end_of_output(end)
            if outcome is not None:
                return outcome

    def _step(self) -> Outcome | None:
        outcome: Outcome | None = Outcome.MORE
        if self._state not in _TOKENS:
            outcome = getattr(self, "_read_" + self._state)()
        elif char := self._cursor.next():
            outcome = getattr(self, "_at_" + self._state)(char)
        return outcome

    @property
    def quickable(self) -> bool:
        """Whether an open string streams and nothing of it is held."""
        part, builder = self._part, self.builder
        plain = isinstance(part, OpenString) and part.quote == '"' and builder.policy.limits.max_value_chars is None
        if not plain or not self._progress.streams or self._state != "string" or builder.name is None:
            return False
        return builder.source.slice(self._cursor.position, builder.source.end) in ("", "\\")

    def quick(self, text: str) -> list[Event] | None:
        """Take a chunk that holds whole escapes and no quote; a backslash at its end is held."""
        builder = self.builder
        decoded = json_strings.decode_chunk(builder.source.window + text)
        if decoded is None:
            return None
        piece, held = decoded
        builder.source.shift(text, held)
        self._part.text.append(piece)  # type: ignore[union-attr]
        return [ArgumentDelta(builder.index, builder.key, piece)] if piece else []

    def _at_open(self, char: str) -> Outcome | None:
        if char == "{":
            if not self._progress.in_record:
                self._progress.arguments = "open"
            return self._go("key", 1)
        closer = self._cursor.at_closer()
        if closer is None:
            return Outcome.MORE
        return self._go("tail") if closer else self._lose("neither an object nor the call's closer follows")

    def _at_key(self, char: str) -> Outcome | None:
        if char in "\"'":
            self._progress.role = "key"
            return self._open_string(char)
        if char == "}":
            if self._progress.after_comma:
                self._cursor.repairs.add("trailing-comma")
            return self._close_object()
        return self._cut_object(dangling=self._progress.after_comma)

    def _at_colon(self, char: str) -> Outcome | None:
        return self._go("value", 1) if char == ":" else self._lose("a colon is missing")

    def _at_comma(self, char: str) -> Outcome | None:
        if char == ",":
            self._progress.after_comma = True
            return self._go("key", 1)
        return self._close_object() if char == "}" else self._cut_object(dangling=False)

    def _cut_object(self, *, dangling: bool) -> Outcome | None:
        """Something else than a member stands in an object: the call's closer ends it, if nothing dangles."""
        closer = self._cursor.at_closer()
        if closer is None or (not closer and self._cursor.cut_closer()):
            return Outcome.MORE
        if not closer or dangling:
            return self._lose("the arguments are not a JSON object")
        self._cursor.repairs.add("missing-bracket")
        if self._progress.arguments:
            self._progress.arguments = "closed"
        return self._go("tail")

    def _close_object(self) -> Outcome | None:
        progress = self._progress
        inner = progress.arguments == "open" and progress.in_record
        if progress.arguments == "open":
            progress.arguments = "closed"
        return self._go("comma" if inner else "tail", 1)

    def _go(self, state: str, skip: int = 0) -> Outcome | None:
        self._cursor.position += skip
        if state == "key" and self._state == "open":
            self._progress.after_comma = False
        elif state == "tail":
            self._progress.end = self._cursor.position
        self._state = state
        return None

    def _at_value(self, char: str) -> Outcome | None:
        cursor, progress = self._cursor, self._progress
        position = cursor.position
        if progress.in_record and progress.arguments != "open":
            progress.role = self._record_role(position)
            if progress.role == "arguments" and char == "{":
                progress.arguments = "open"
                return self._go("open")
            if progress.role == "name" and char not in "\"'":
                return self._lose("the tool's name is not a string")
        else:
            fresh = self.builder.declare(progress.key, (position, position))
            progress.role = "argument" if fresh else "drop"
        if char in "\"'":
            return self._open_string(char)
        self._part = Span(position, position)
        return self._go("span")

    def _record_role(self, position: int) -> Role:
        """Return what a member of the record is for; a second one of its kind is dropped (R-DUP)."""
        builder, record, key = self.builder, self._form.dialect.record, self._progress.key
        roles: dict[Role, tuple[str, ...]] = {"name": record.name, "arguments": record.arguments, "id": record.id}
        role = next((role for role, names in roles.items() if key in names), None)
        if role is None:
            return "drop"
        if key != roles[role][0]:
            builder.journal.diagnose("alias-key", (position, position), f"{key!r} stands for {roles[role][0]!r}")
        if builder.name is not None if role == "name" else role == "arguments" and self._progress.arguments:
            builder.journal.diagnose("duplicate-argument", (position, position), f"the member {key!r} was given twice")
            return "drop"
        return role

    def _open_string(self, quote: str) -> Outcome | None:
        if quote == "'":
            self._cursor.repairs.add("single-quotes")
        self._part = OpenString(quote, self._cursor.position, Rope())
        self._progress.streams = self._progress.role == "argument"
        if self._progress.streams:
            self.builder.open(self._progress.key)
        return self._go("string", 1)

    def _read_string(self) -> Outcome | None:
        part, cursor = self._string, self._cursor
        source = self.builder.source
        limit = cursor.stop - source.base
        piece, at = json_strings.decode(source.window, cursor.position - source.base, limit, part.quote, cursor.repairs)
        part.text.append(piece)
        cursor.position = source.base + at
        if self._progress.streams:
            self.builder.more(piece)
        if at >= limit or source.window[at] != part.quote:
            return Outcome.MORE
        part.look = cursor.position + 1
        return self._go("quote")

    def _read_quote(self) -> Outcome | None:
        """Decide whether a quote closes its string by what follows it."""
        part, cursor = self._string, self._cursor
        closes, part.look = cursor.quote_closes(cursor.position + 1, part.look)
        if closes is None:
            return Outcome.MORE
        if not closes:
            return self._lose("a quote inside a string is not escaped")
        self._part = None
        self._go("comma", 1)
        return self._string_closed(part.text.take())

    @property
    def _string(self) -> OpenString:
        assert isinstance(self._part, OpenString)
        return self._part

    def _string_closed(self, value: str) -> Outcome | None:
        builder, role = self.builder, self._progress.role
        if role == "key":
            self._progress.key = value
            self._go("colon")
        elif role == "argument":
            builder.close(value)
        elif role == "id":
            builder.identify(value)
        elif role == "arguments":
            return self._take_arguments(value)
        elif role == "name":
            if not builder.may_be_named(value):
                return Outcome.NONE
            builder.begin(value, builder.id, (builder.start, self._cursor.position))
        return None

    def _read_span(self) -> Outcome | None:
        span = self._part
        assert isinstance(span, Span)
        try:
            end = self._cursor.span_end(span, self._max_depth())
        except BadQuote as bad:
            self._cursor.position = bad.position
            return self._lose("a quote inside a string is not escaped")
        except OverflowError:
            if self.builder.policy.limits.max_depth is None:
                return self._lose(f"nested deeper than {self._max_depth()}")
            raise LimitExceeded(f"a value is nested deeper than {self._max_depth()}", "max_depth") from None
        self.builder.check_size(span.scan - span.start)
        if end is None:
            return Outcome.MORE
        raw = self.builder.source.slice(span.start, end).strip(BLANK)
        self._part, self._cursor.position = None, end
        self._go("comma")
        return self._take_value(raw)

    def _take_value(self, raw: str) -> Outcome | None:
        role = self._progress.role
        if role == "drop":
            return None
        if role == "arguments":
            return self._take_arguments(raw)
        reading = self._load(raw)
        if isinstance(reading, str):
            return self._lose(f"{self._progress.key}: {reading}")
        if role == "id":
            self.builder.identify(str(reading.value))
        else:
            json = dumps(reading.value) if reading.repairs else raw
            self.builder.give(self._progress.key, reading.value, json)
        return None

    def _take_arguments(self, text: str) -> Outcome | None:
        """Take arguments that were given as a string, or as another value than an object."""
        self._progress.arguments = "closed"
        if text.strip(BLANK) in _NOTHING:
            return None
        reading = self._load(text)
        if isinstance(reading, str) or not isinstance(reading.value, dict):
            return self._lose(
                f"the arguments: {reading}" if isinstance(reading, str) else "the arguments are no object"
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
            reading = json_repair.loads(text, max_depth=self._max_depth())
        except json_repair.Unreadable as error:
            return str(error)
        self._cursor.repairs.update(reading.repairs)
        return reading

    def _max_depth(self) -> int:
        limit = self.builder.policy.limits.max_depth
        return json_repair.MAX_DEPTH if limit is None else limit

    def _read_tail(self) -> Outcome | None:
        """The payload is over: only brackets and blanks may stand before the closer."""
        cursor, after = self._cursor, self._progress.end
        if self.builder.name is None:
            return Outcome.NONE
        if not cursor.closer:
            return self._finish(after, True)
        while (char := cursor.next()) in ("}", "]"):
            cursor.repairs.add("trailing-bracket")
            cursor.position += 1
        closer = cursor.at_closer() if char else None
        if closer:
            return self._finish(cursor.position + len(cursor.closer), True)
        if closer is None or cursor.cut_closer():
            return Outcome.MORE
        self.builder.note("unclosed-call", after)
        return self._finish(after, True)

    def _end_of_output(self, end: End) -> Outcome:
        """The output ends in the call: complete if its arguments are closed and it was not cut off (R-CUT)."""
        builder, progress, cursor = self.builder, self._progress, self._cursor
        if builder.name is None:
            return Outcome.NONE
        if self._state == "tail" or (self._state == "comma" and progress.in_record and progress.arguments == "closed"):
            if self._state == "comma":
                cursor.repairs.add("missing-bracket")
            complete = end is End.STOP
            after = progress.end if self._state == "tail" else cursor.position
            self.builder.note("unclosed-call" if complete else "truncated-call", after)
            rest = builder.source.slice(after, cursor.stop)
            return self._finish(cursor.stop if rest.strip(BLANK) else after, complete)
        in_value = self._part is not None and progress.role != "key"
        self.builder.note("truncated-value" if in_value else "truncated-call", cursor.position)
        self._leave()
        return self._finish(cursor.stop, False)

    def _leave(self) -> None:
        """Keep the safe prefix of an open string."""
        if isinstance(self._part, OpenString) and self._progress.streams:
            self.builder.leave(self._part.text.take())

    def _lose(self, why: str) -> Outcome | None:
        """The arguments are not JSON: the call will be incomplete; look for where it stops (R-COMMIT)."""
        if self.builder.name is None:
            return Outcome.NONE
        self.builder.note("json-invalid", self._cursor.position, why)
        self._leave()
        if isinstance(self._part, Span):
            self._part = None
        return self._go("lost")

    def _read_lost(self) -> Outcome | None:
        found = find_exit(self._form, self._cursor)
        if found is None:
            return Outcome.MORE
        body, stop = found
        if isinstance(self._part, OpenString) and self._progress.streams:
            suggest_string(self.builder, self._part, body, stop)
        return self._finish(stop, False)

    def _finish(self, position: int, complete: bool) -> Outcome:
        report(self.builder, position, self._cursor.repairs, complete, self._progress.arguments != "closed")
        self.builder.finish(position, complete)
        self._part, self._progress.end, self._state = None, position, "tail"
        return Outcome.DONE
