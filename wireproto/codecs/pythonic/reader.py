"""A call as Python writes it: keyword arguments, read one after another up to the parenthesis that closes the call.

Strings are emitted decoded while they grow; other values are read as a whole by `text.python_values`. Valid Python is
read as Python says, if it is literals. Law: nothing is guessed that would run: an argument without its name, or a value
that is no literal, leaves the call incomplete.
"""

from __future__ import annotations

from typing import Any, Union

from wireproto.codecs.pythonic.exits import find_exit, guess_positional, guess_string, swallowed_closer
from wireproto.codecs.pythonic.text import Place, PythonString
from wireproto.engine.call_builder import CallBuilder, End, SteppingReader
from wireproto.text.buffer import LooseQuote, OpenValue
from wireproto.text.json_repair import dumps
from wireproto.text.literals import NotLiteral
from wireproto.text.numbers import MAY_BE_FRACTION
from wireproto.text.python_strings import decode
from wireproto.text.python_values import loads
from wireproto.text.scan import BLANK, NO, WAIT, YES, Answer, Match
from wireproto.values.quoting import escaped

_UNPACKED = "**"


class PythonicReader(SteppingReader):
    """Reads the arguments of one call and what closes it."""

    __slots__ = ("_key", "_listed", "_part", "_repairs", "_sound", "_wanted")

    _cursor: Place

    def __init__(self, builder: CallBuilder, position: int, _in_section: bool) -> None:
        opening, self.builder = builder.opening, builder
        self._cursor = Place(builder.buffer, position, opening.spelling)
        self._key = ""  # the argument whose value is being read; none if it has no name
        self._wanted = True  # whether that value counts
        self._part: Union[PythonString, OpenValue, None] = None
        self._repairs: set[str] = set()
        self._listed: list[Any] = []  # the values of arguments without a name
        self._sound = True  # whether all arguments so far could be read
        # What reads on from here: one of the methods below, which says what comes next by assigning another.
        self._step = PythonicReader._at_argument
        builder.begin(opening.name or "", opening.id, (builder.start, position))

    @property
    def position(self) -> int:
        """Everything before this is decided."""
        return self._part.scan if isinstance(self._part, OpenValue) else self._cursor.position

    @property
    def is_plain(self) -> bool:
        """Whether an open string streams and nothing of it is held."""
        part, builder = self._part, self.builder
        if self._step is not PythonicReader._read_string or not isinstance(part, PythonString) or part.mute:
            return False
        return builder.policy.limits.max_value_chars is None and self._cursor.position == builder.buffer.end

    @property
    def in_string(self) -> bool:
        """Whether the text so far ends in a string that is decoded while it grows."""
        return self._step is PythonicReader._read_string

    def take_plain(self, text: str) -> tuple[str, int] | None:
        """Take text that holds neither a quote nor an escape."""
        part = self._part
        assert isinstance(part, PythonString)
        if part.quotes.delimiter[0] in text or "\\" in text:
            return None
        if not text.isprintable() and (len(part.quotes.delimiter) == 1 or "\0" in text):
            return None
        part.text.append(text)
        return text, 0

    def _at_argument(self) -> Answer | None:
        cursor, builder = self._cursor, self.builder
        char = cursor.next()
        if not char:
            return WAIT
        if char == ")":
            return self._finish(cursor.position + 1, True)
        key = cursor.key(builder.opening.spelling.unusual_keys & builder.tool.keys)
        if key is WAIT:
            return WAIT
        if not isinstance(key, Match):
            return self._without_name(char)
        self._key = key.slots["key"]
        self._wanted = builder.declare(self._key, (cursor.position, key.end), True)
        cursor.position = key.end
        return self._go(PythonicReader._at_value)

    def _without_name(self, char: str) -> Answer | None:
        """Something else than a key stands where an argument belongs: a value without one, or no argument at all."""
        closer = self._cursor.at_closer(self._cursor.position)
        if closer is not NO:
            return WAIT if closer is WAIT else self._miss_closer()
        if char in ",]}":
            return self._lose("an argument is missing")
        self._key, self._wanted = "", False
        return self._begin_span()

    def _at_value(self) -> Answer | None:
        cursor, builder = self._cursor, self.builder
        char = cursor.next()
        if not char:
            return WAIT
        opens = cursor.opens_string()
        if opens is WAIT:
            return WAIT
        if builder.wrapper and (opens is not NO or char != "{"):
            builder.unwrap(None, (cursor.position, cursor.position))
        if not isinstance(opens, tuple):
            return self._begin_span()
        self._part = PythonString(opens[0], cursor.position, mute=not self._wanted)
        if self._wanted:
            builder.open(self._key)
        cursor.position = opens[1]
        return self._go(PythonicReader._read_string)

    def _read_string(self) -> Answer | None:
        part, cursor = self._text, self._cursor
        buffer, limit = self.builder.buffer, cursor.stop - self.builder.buffer.base
        at = cursor.position - buffer.base
        piece, at = decode(buffer.window, at, limit, part.quotes, self._repairs)
        cursor.position = buffer.base + at
        self._more(piece)
        if at >= limit or buffer.window[at] != part.quotes.delimiter[0]:
            return WAIT
        return self._read_quotes()

    def _read_quotes(self) -> Answer | None:
        """Take quotes that are content, and go on to decide about those that may close the string."""
        part, cursor = self._text, self._cursor
        quote, size = part.quotes.delimiter[0], len(part.quotes.delimiter)
        if size > 1:
            held = cursor.buffer.slice(cursor.position, cursor.stop)
            run = len(held) - len(held.lstrip(quote))
            if run == len(held) and not cursor.final and run < 2 * size:
                return WAIT
            if run < size:
                return WAIT if run == len(held) else self._keep(run)
            if run > size:  # the last three close it
                self._keep(run - size)
        part.look = cursor.position + size
        return self._go(PythonicReader._read_delimiter)

    def _keep(self, count: int) -> Answer | None:
        """Take as many quotes as content."""
        part, cursor = self._text, self._cursor
        if count >= len(part.quotes.delimiter):
            self._repairs.add("delimiter-in-string")
        self._more(part.quotes.delimiter[0] * count)
        cursor.position += count
        return self._go(PythonicReader._read_string)

    def _more(self, piece: str) -> None:
        part = self._text
        part.text.append(piece)
        if part.mute:
            self.builder.check_size(self._cursor.position - part.start)
        else:
            self.builder.more(piece)

    def _read_delimiter(self) -> Answer | None:
        """Decide whether a delimiter closes its string by what follows it."""
        part, cursor = self._text, self._cursor
        size = len(part.quotes.delimiter)
        closes, part.look, goes_on = cursor.closes(cursor.position + size, part.look)
        if closes is WAIT:
            return WAIT
        if closes is NO and size > 1:
            self._repairs.add("delimiter-in-string")
            return self._keep(size)
        if closes is NO:
            return self._lose("a quote inside a string is not escaped")
        if goes_on:
            cursor.position = part.look
            opens = cursor.opens_string()
            assert isinstance(opens, tuple)
            part.quotes, cursor.position = opens
            return self._go(PythonicReader._read_string)
        value, self._part = part.text.take(), None
        if not part.mute:
            self.builder.close(value)
        return self._go(PythonicReader._at_comma, size)

    def _begin_span(self) -> Answer | None:
        self._part = OpenValue(self._cursor.position, self._cursor.position)
        return self._go(PythonicReader._read_span)

    def _read_span(self) -> Answer | None:
        span, builder = self._part, self.builder
        assert isinstance(span, OpenValue)
        try:
            end = self._cursor.value_end(span, builder.max_depth)
        except LooseQuote as bad:
            builder.check_size(bad.position - span.start)
            self._cursor.position = bad.position
            return self._lose("a quote inside a string is not escaped")
        except OverflowError:
            builder.check_size(span.scan - span.start)
            self._cursor.position = span.scan
            return self._lose(builder.too_deep())
        builder.check_size(span.scan - span.start)
        if end is WAIT or end is NO:
            return WAIT
        if span.depth:
            self._cursor.position = end
            return self._lose("a bracket is not closed")
        raw = builder.buffer.slice(span.start, end).strip(BLANK)
        self._part, self._cursor.position = None, end
        self._take(raw, span.start)
        return self._go(PythonicReader._at_comma)

    def _take(self, raw: str, start: int) -> None:
        """Take the value of an argument."""
        builder = self.builder
        unpacked = not self._key and raw.startswith(_UNPACKED)
        try:
            reading = loads(raw[len(_UNPACKED) :] if unpacked else raw, max_depth=builder.max_depth)
        except NotLiteral as error:
            where = f"{escaped(self._key)}: " if self._key else ""
            if self._wanted or not self._key:
                self._fail("python-invalid", start, f"{where}{error}")
            return
        self._repairs.update(reading.repairs)
        value = exact = reading.value
        if MAY_BE_FRACTION.search(raw) is not None or "." in raw:
            exact = loads(raw[len(_UNPACKED) :] if unpacked else raw, max_depth=len(raw), decimals=True).value
        if not self._key:
            self._take_unnamed(exact, unpacked, start)
        elif self._wanted and not (builder.wrapper and builder.unwrap(exact, (start, start))):
            json = None if isinstance(value, str) else dumps(value)
            builder.give_exact(self._key, exact, start, json, value)

    def _take_unnamed(self, value: Any, unpacked: bool, start: int) -> None:
        """Take the value of an argument without a name; one that is unpacked holds arguments with their names."""
        if not unpacked or not isinstance(value, dict):
            self._listed.append(value)
            self._fail("positional-argument", start)
            return
        self._repairs.add("unpacked-arguments")
        for key, member in value.items():
            if self.builder.declare(key, (start, start)):
                self.builder.give_exact(key, member, start)

    def _at_comma(self) -> Answer | None:
        cursor = self._cursor
        char = cursor.next()
        if not char:
            return WAIT
        if char == ",":
            return self._go(PythonicReader._at_argument, 1)
        if char == ")":
            return self._finish(cursor.position + 1, True)
        closer = cursor.at_closer(cursor.position)
        if closer is WAIT:
            return WAIT
        return self._miss_closer() if closer is YES else self._lose("a comma is missing")

    def _miss_closer(self) -> Answer:
        """The section's closer stands where the call's belongs."""
        self._repairs.add("missing-bracket")
        return self._finish(self._cursor.position, True)

    def _finish(self, position: int, complete: bool) -> Answer:
        builder, repairs, span = self.builder, self._repairs, (self.builder.start, position)
        complete = complete and self._sound
        if "lone-surrogate" in repairs:
            builder.transcript.diagnose("lone-surrogate", span)
        if named := sorted(repairs - {"lone-surrogate"}):
            builder.transcript.diagnose("python-repaired", span, "repaired: " + ", ".join(named))
        if complete:
            builder.check_types(position)
        elif self._listed and (guess := guess_positional(builder.tool, builder.arguments, self._listed)) is not None:
            builder.suggest(guess, position)
        builder.finish(position, complete)
        self._part, self._cursor.position = None, position
        return YES

    # Text that is not a call of literals, and the end of the output.

    @property
    def _text(self) -> PythonString:
        assert isinstance(self._part, PythonString)
        return self._part

    def _fail(self, code: str, at: int, message: str = "") -> None:
        """The call cannot be complete."""
        self._sound = False
        self.builder.note(code, at, message)

    def _leave(self) -> str:
        """Keep the safe prefix of an open string; return it."""
        part = self._part
        if not isinstance(part, PythonString) or part.mute:
            return ""
        prefix = part.text.take()
        self.builder.leave(prefix)
        return prefix

    def _lose(self, why: str) -> Answer | None:
        """Look for where a broken call stops (R-COMMIT)."""
        self._fail("python-invalid", self._cursor.position, why)
        self._leave()
        if isinstance(self._part, OpenValue):
            self._part = None
        return self._go(PythonicReader._read_lost)

    def _read_lost(self) -> Answer | None:
        cursor, builder, part = self._cursor, self.builder, self._part
        stop = find_exit(cursor)
        if stop is NO or stop is WAIT:
            return WAIT
        if isinstance(part, PythonString) and not part.mute:
            rest = builder.buffer.slice(part.start, stop)
            guess = guess_string(rest, part.quotes, builder.tool.keys - {self._key})
            if guess is not None and not self._listed:
                builder.suggest({**builder.arguments, self._key: guess}, stop)
        builder.buffer.rewind(stop)
        return self._finish(stop, False)

    def _end_of_output(self, end: End) -> Answer | None:
        """The output ends in the call: complete behind a whole value, if it was not cut off (R-CUT)."""
        builder, cursor, part = self.builder, self._cursor, self._part
        if end is End.STOP and isinstance(part, OpenValue) and not (part.depth or part.inside):
            raw = builder.buffer.slice(part.start, cursor.stop).strip(BLANK)
            self._part, cursor.position = None, cursor.stop
            self._take(raw, part.start)
            return self._go(PythonicReader._at_comma)
        rest = cursor.buffer.slice(cursor.position, cursor.stop).strip(BLANK)
        if end is End.STOP and self._step is PythonicReader._at_comma and not rest:
            builder.note("unclosed-call", cursor.position)
            return self._finish(cursor.stop, True)
        if end is End.STOP and isinstance(part, PythonString):
            behind = swallowed_closer(builder, part.start, cursor.stop)
            if behind is not None:
                builder.note("python-invalid", part.start, "a string is not closed before the end of the calls")
                self._leave()
                builder.buffer.rewind(behind)
                return self._finish(behind, False)
        in_value = part is not None or self._step is PythonicReader._at_value
        if self._step is not PythonicReader._read_lost:
            builder.note("truncated-value" if in_value else "truncated-call", cursor.position)
            self._leave()
        return self._finish(cursor.stop, False)
