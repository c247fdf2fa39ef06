"""What is read where a payload is not the JSON that it should be: other shapes of a record, slips, and broken text.

It knows what models write instead; the ordinary payload is read in `reader`. Law: a repair never guesses where a string
ends, and is always said; what no repair reaches ends the call incomplete, and the text behind it is read on.
"""

from __future__ import annotations

from wireproto.codecs.json.cursor import JsonString, Role
from wireproto.codecs.json.exits import behind_closer, find_exit, suggest_string, suggest_text, swallowed_call
from wireproto.codecs.json.members import Members
from wireproto.codecs.json.reader import JsonReader
from wireproto.engine.call_builder import End
from wireproto.text import json_repair
from wireproto.text.buffer import OpenValue
from wireproto.text.scan import BLANK, NO, WAIT, YES, Answer
from wireproto.values.quoting import quoted

_NOTHING = ("", "null", "None", "[]")
_ENCODED = 3  # how often arguments may have been put into a string


class RepairingReader(JsonReader):
    """Reads the payload of one call and its closer, whatever shape it has."""

    __slots__ = ()

    def _open_otherwise(self, char: str) -> Answer | None:
        closer, progress = self._cursor.at_closer(), self._progress
        if closer is WAIT:
            return WAIT
        if closer is YES:
            return self._go(JsonReader._read_tail)
        if char == "[" and not progress.joined and (self.builder.name is None or not progress.in_record):
            inside = self._cursor.opens_array()
            if inside is WAIT:
                return WAIT
            if inside is YES:
                progress.joined = True
                self.builder.note("record-variant", self._cursor.position, "the call stands in an array")
                return self._go(JsonReader._at_open, 1)
        if progress.in_record or char not in "\"'n[":
            return self._lose("neither an object nor the call's closer follows")
        progress.role = "arguments"
        if char in "\"'":
            return self._open_string(char)
        self._part = OpenValue(self._cursor.position, self._cursor.position)
        return self._go(JsonReader._read_value)

    def _miss_key(self, char: str) -> Answer | None:
        progress = self._progress
        if char == "{" and not progress.after_comma:
            progress.doubled += 1
            self._cursor.repairs.add("doubled-braces")
            return self._go(JsonReader._at_key, 1)
        return self._cut_object() if not progress.after_comma else self._lose("a key is missing")

    def _skip_doubled(self) -> Answer:
        cursor = self._cursor
        doubled = cursor.is_doubled()
        if doubled is YES:
            self._progress.doubled -= 1
            cursor.position += 1
        return doubled

    def _cut_object(self) -> Answer | None:
        """The call's closer ends an object, if it stands there."""
        closer = self._cursor.at_closer()
        if closer is WAIT or (closer is NO and self._cursor.cut_closer()):
            return WAIT
        if closer is NO:
            return self._lose("the arguments are not a JSON object")
        self._cursor.repairs.add("missing-bracket")
        if self._progress.arguments:
            self._progress.arguments = "closed"
        return self._go(JsonReader._read_tail)

    # Members of a record.

    def _other_role(self, char: str, position: int) -> Role:
        builder, progress = self.builder, self._progress
        if self._members is None:
            self._members = Members(builder)
        role = self._members.role(progress.key, char, position)
        if role in ("name", "arguments"):
            if role == "arguments" and progress.arguments:
                return "beside"
            canonical = getattr(builder.opening.spelling.dialect.record, role)[0]
            builder.note("alias-key", position, f"{quoted(progress.key)} instead of {quoted(canonical)}")
        return role

    def _take_odd_name(self, name: str) -> Answer | None:
        """Take a declared name with blanks around it."""
        builder, position = self.builder, self._cursor.position
        trimmed = name.strip(BLANK)
        if trimmed == name or not builder.may_be_named(trimmed):
            return NO
        builder.note("padded-name", position, f"the name was written {quoted(name)}")
        builder.begin(trimmed, builder.id, (builder.start, position))
        return None

    def _take_arguments(self, text: str) -> Answer | None:
        self._progress.arguments = "closed"
        if not self._progress.in_record:
            self._go(JsonReader._read_tail)
        if text.strip(BLANK) in _NOTHING:
            self.builder.note("empty-arguments", self._cursor.position)
            return None
        reading = self._load(text)
        for _ in range(_ENCODED):
            if isinstance(reading, str) or not isinstance(reading.value, str):
                break
            text = reading.value
            reading = self._load(text)
        if isinstance(reading, str) or not isinstance(reading.value, dict):
            return self._lose(
                f"the arguments: {reading}" if isinstance(reading, str) else "the arguments are not an object"
            )
        self._cursor.repairs.add("string-arguments")
        position = self._cursor.position
        for key, value in json_repair.exact(text, reading.value).items():
            self.builder.declare(key, (position, position))
            self.builder.give_exact(key, value, position)
        return None

    # An undeclared argument that may hold all others.

    def _may_wrap(self, char: str) -> Answer:
        """Look whether an object, or one in a string, begins here; then it is read as a whole."""
        cursor, builder, position = self._cursor, self.builder, self._cursor.position
        inner = position + 1 if char in "\"'" else position
        if inner >= cursor.stop and not cursor.final:
            return WAIT
        if builder.buffer.slice(inner, inner + 1) == "{":
            self._progress.role = "wrapped"
            return YES
        builder.unwrap(None, (position, position))
        return NO

    def _take_wrapped(self, value: object) -> bool:
        """Take what such an argument holds: the arguments, or itself; False if it is still to be given."""
        builder, position = self.builder, self._cursor.position
        is_text = isinstance(value, str)
        if builder.unwrap(json_repair.value_of(value) if isinstance(value, str) else value, (position, position)):
            return True
        if is_text:
            builder.give(self._progress.key, value)
        return is_text

    # Behind the payload.

    def _read_joined(self) -> Answer | None:
        cursor = self._cursor
        while (char := cursor.next()) in ("}", "]"):
            cursor.position += 1
            if char == "]" and not cursor.closer:
                return self._finish(cursor.position, True)
        closer = cursor.at_closer() if char else WAIT
        if closer is YES:
            return self._finish(cursor.closer_end, True)
        return WAIT if closer is WAIT or cursor.cut_closer() else self._read_more(char)

    def _read_more(self, char: str) -> Answer | None:
        """Read on behind a payload: another record in the same markers, or the text behind a call without a closer."""
        cursor, builder = self._cursor, self.builder
        progress = self._progress
        if char in ",;{" and (cursor.closer or progress.joined):
            another = cursor.next_object(None if progress.in_record else builder.tool.keys)
            if another is WAIT:
                return WAIT
            builder.next_record = another if isinstance(another, int) else None
        end = progress.end
        if builder.next_record is not None or not cursor.closer:
            return self._finish(end, True)
        builder.note("unclosed-call", end)
        return self._finish(cursor.behind_fence() or end, not self._lacks_arguments)

    def _end_of_output(self, end: End) -> Answer:
        """The output ends in the call: complete if its arguments are closed and it was not cut off (R-CUT)."""
        builder, progress, cursor = self.builder, self._progress, self._cursor
        if builder.name is None:
            return NO
        in_tail = self._step is JsonReader._read_tail
        record_open = self._step is JsonReader._at_comma and progress.in_record and progress.arguments == "closed"
        if in_tail and not cursor.closer:
            return self._finish(progress.end, True)
        if in_tail or record_open:
            if record_open:
                cursor.repairs.add("missing-bracket")
            complete = end is End.STOP and not self._lacks_arguments
            after = progress.end if in_tail else cursor.position
            if complete:
                # A server leaves out what ends the turn.
                is_left_out = cursor.closer in cursor.spelling.dialect.ends
                builder.transcript.diagnose("unclosed-call", (after, after), severity="note" if is_left_out else None)
            else:
                builder.note("truncated-call", after)
            rest = builder.buffer.slice(after, cursor.stop)
            return self._finish(cursor.stop if rest.strip(BLANK) else after, complete)
        if end is End.STOP and isinstance(self._part, JsonString):
            behind = behind_closer(builder, cursor, self._part.start)
            if behind is not None:
                return self._break_at(behind)
        in_value = self._part is not None and progress.role != "key"
        builder.note("truncated-value" if in_value else "truncated-call", cursor.position)
        self._leave()
        return self._finish(cursor.stop, False)

    @property
    def _lacks_arguments(self) -> bool:
        """Whether nothing was written where the tool requires arguments: only the call's closer says that it is all."""
        required = self.builder.tool.schema.get("required")
        return bool(required) and not self._progress.arguments and self._members is None

    # Text that is not JSON.

    def _leave(self) -> None:
        """Keep the safe prefix of an open string."""
        if not isinstance(self._part, JsonString):
            return
        if self._progress.streams:
            self.builder.leave(self._part.text.take())
        elif self._members is not None and self._progress.role == "beside":
            self._members.cut = (self._progress.key, self._part.text.take())

    def _lose_quote(self, start: int, quote: int) -> Answer | None:
        """A quote closes no string: it stands inside one, or belongs to the next call."""
        inside = swallowed_call(self.builder, self._cursor, start, quote)
        if inside is WAIT:
            return WAIT
        return (
            self._break_at(inside) if isinstance(inside, int) else self._lose("a quote inside a string is not escaped")
        )

    def _break_at(self, position: int) -> Answer:
        """A string was never closed: the call ends where the next one opens."""
        builder = self.builder
        builder.buffer.rewind(position)
        self._cursor.position = position
        if builder.name is None:
            self._part = None
            return NO
        builder.note("json-invalid", position, "a string is not closed before the next call")
        self._leave()
        return self._finish(position, False)

    def _lose(self, why: str) -> Answer | None:
        """Look for where a broken call stops (R-COMMIT)."""
        if self.builder.name is None:
            return NO
        part, position = self._part, self._cursor.position
        self.builder.note("json-invalid", position, why)
        self._leave()
        depth, quote = self._progress.depth, part.quote if isinstance(part, JsonString) else ""
        if isinstance(part, OpenValue):
            depth, quote, self._part = depth + part.depth, part.inside, None
        self._brackets = OpenValue(position, position, depth, quote)
        return self._go(RepairingReader._read_lost)

    def _read_lost(self) -> Answer | None:
        assert self._brackets is not None
        found = find_exit(self.builder.opening.spelling, self._cursor, self._brackets)
        if not isinstance(found, tuple):
            return WAIT
        body, stop = found
        self.builder.buffer.rewind(stop)
        if isinstance(self._part, JsonString) and self._progress.streams:
            suggest_string(self.builder, self._part, body, stop)
        elif not (self._progress.in_record or self._progress.arguments):
            suggest_text(self.builder, self._brackets.start, body, stop)
        return self._finish(stop, False)
