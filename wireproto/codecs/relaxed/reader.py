"""Arguments as a relaxed object: `{city:<|"|>Paris<|"|>,days:3}`, the marks and the brackets being the format's own.

Strings of the arguments are emitted while they grow; other values are read as a whole (`literals`). Parentheses count
as the object's brackets too, as some models write a call of a program there. Law: a string ends at its next mark and
nowhere else; what cannot be read ends the call incomplete instead of being guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Union

from wireproto.codecs.relaxed.literals import MAX_KEY, RelaxedValue, as_json, key_at, value_end, word
from wireproto.engine.call_builder import CallBuilder, End
from wireproto.format.spelling import CACHED, Spelling, live_in_broken
from wireproto.text import json_repair
from wireproto.text.buffer import Rope
from wireproto.text.json_repair import dumps
from wireproto.text.scan import BLANK, NO, WAIT, YES, Answer, Literals, Miss, begins, skip_blank
from wireproto.text.state import State
from wireproto.values.quoting import escaped

_CLOSERS = {"{": "}", "(": ")"}
_NOTHING = ("null", "[]", '""')

Handler = Callable[[Any], Union[Answer, None]]  # a method of a reader


@lru_cache(maxsize=CACHED)
def _mark(spelling: Spelling) -> Literals:
    return Literals(frozenset((spelling.dialect.argument.quote,)))


class RelaxedReader(State):
    """Reads the object of one call and its closer."""

    __slots__ = ("_after", "_at", "_bracket", "_closer", "_drops", "_end", "_final", "_handler", "_key", "_mark",
                 "_part", "_repairs", "_stop", "_streams", "builder")  # fmt: skip

    def __init__(self, builder: CallBuilder, position: int, _in_section: bool) -> None:
        opening = builder.opening
        self.builder, self._at = builder, position  # everything before that is read
        self._closer = "" if opening.closed else opening.call_close
        self._mark = opening.spelling.dialect.argument.quote
        self._bracket = ""  # what closes the object, once it is open
        self._key, self._drops, self._streams, self._after = "", False, False, ""
        self._part: Union[RelaxedValue, Rope, None] = None
        self._repairs: set[str] = set()
        self._end = position  # of the object
        self._stop, self._final = position, False
        # What reads on from here: one of the methods below, which says what comes next by assigning another.
        self._handler: Handler = RelaxedReader._read_tail if opening.closed else RelaxedReader._at_open
        builder.begin(opening.name or "", opening.id, (builder.start, position))

    def read(self, stop: int, end: End) -> Answer:
        """Read as far as certain, looking no further than `stop`."""
        self._stop, self._final = stop, end.final
        while True:
            answer = self._handler(self)
            if answer is WAIT and end.final:
                return self._end_of_output(end)
            if answer is not None:
                return answer

    @property
    def position(self) -> int:
        """Everything before this is decided."""
        return self._end if self._handler is RelaxedReader._read_tail else self._at

    @property
    def is_plain(self) -> bool:
        """Whether an open string streams and nothing of it is held."""
        builder = self.builder
        if self._handler is not RelaxedReader._read_string or not self._streams:
            return False
        return builder.policy.limits.max_value_chars is None and self._at == builder.buffer.end

    @property
    def in_string(self) -> bool:
        """Whether the text so far ends in a string, and in nothing that may be the mark that closes it."""
        return self._handler is RelaxedReader._read_string and self._at == self.builder.buffer.end

    def take_plain(self, text: str) -> tuple[str, int] | None:
        """Take text in which no mark begins."""
        if self._mark[0] in text:
            return None
        assert isinstance(self._part, Rope)
        self._part.append(text)
        return text, 0

    def skip_to(self, position: int) -> None:
        """Go on at `position`: all text before it was taken as plain."""
        self._at = position

    def _next(self) -> str:
        """Skip blanks; return the character that follows, empty at the end of the text so far."""
        text, base = self.builder.buffer.window, self.builder.buffer.base
        at = skip_blank(text, self._at - base, self._stop - base)
        self._at = base + at
        return text[at] if base + at < self._stop else ""

    def _begins(self, literal: str) -> Answer:
        """Return whether a literal stands here; at the end of output half of one is none."""
        buffer = self.builder.buffer
        stands = begins(literal, buffer.window, self._at - buffer.base, self._stop - buffer.base) if literal else NO
        return NO if stands is WAIT and self._final else stands

    def _go(self, handler: Handler, skip: int = 0) -> Answer | None:
        """Go on with another handler, behind `skip` characters."""
        self._at += skip
        self._handler = handler
        return None

    def _at_open(self) -> Answer | None:
        char = self._next()
        if not char:
            return WAIT
        if char in _CLOSERS:
            self._bracket = _CLOSERS[char]
            if char == "(":
                self.builder.note("foreign-dialect", self._at, "the arguments stand in parentheses")
            return self._go(RelaxedReader._at_key, 1)
        stands = [self._begins(each) for each in (self._closer, *_NOTHING)]
        if YES in stands[1:]:
            return self._go(RelaxedReader._read_tail, len(_NOTHING[stands.index(YES, 1) - 1]))
        if stands[0] is YES:
            return self._go(RelaxedReader._read_tail)
        return WAIT if WAIT in stands else self._lose("neither an object nor the call's closer follows")

    def _at_key(self) -> Answer | None:
        char = self._next()
        if not char:
            return WAIT
        if char == self._bracket:
            self._repairs |= {"trailing-comma"} if self._after == "," else set()
            return self._close_object()
        marked = self._begins(self._mark)
        if marked is YES:
            return self._quoted_key(self._mark)
        if marked is WAIT:
            return WAIT
        if char in "\"'":
            self._repairs.add("foreign-quotes")
            return self._quoted_key(char)
        if char == "{" and not self._after:
            self._repairs.add("doubled-braces")
            self._after = "{"
            return self._go(RelaxedReader._at_key, 1)
        return self._bare_key()

    def _bare_key(self) -> Answer | None:
        found = self._key_here()
        if found is WAIT:
            return WAIT
        return self._take_key(*found) if isinstance(found, tuple) else self._miss_key()

    def _key_here(self) -> tuple[str, int] | Miss:
        """Return the bare key that stands here, and where the sign behind it is."""
        buffer = self.builder.buffer
        found = key_at(buffer.window, self._at - buffer.base, self._stop - buffer.base)
        return (found[0], buffer.base + found[1]) if isinstance(found, tuple) else found

    def _quoted_key(self, quote: str) -> Answer | None:
        buffer = self.builder.buffer
        text, start = buffer.window, self._at - buffer.base + len(quote)
        close = text.find(quote, start, self._stop - buffer.base)
        if close < 0:
            return WAIT if self._stop - self._at < MAX_KEY else self._lose("a key is not closed")
        behind = close + len(quote)
        at = skip_blank(text, behind, self._stop - buffer.base)
        if buffer.base + at >= self._stop:
            return WAIT
        return self._take_key(text[start:close], buffer.base + at)

    def _take_key(self, key: str, position: int) -> Answer | None:
        """Take a key, and the sign at `position` behind it."""
        sign = self.builder.buffer.slice(position, position + 1)
        if sign != ":" and not (sign == "=" and self._bracket == ")"):
            return self._miss_key()
        self._key, self._at = key, position + 1
        return self._go(RelaxedReader._at_value)

    def _miss_key(self) -> Answer | None:
        """Something else than a key stands in the object."""
        closer = self._begins(self._closer)
        return WAIT if closer is WAIT else self._cut_object() if closer is YES else self._lose("a key is missing")

    def _at_value(self) -> Answer | None:
        char = self._next()
        if not char:
            return WAIT
        marked = self._begins(self._mark)
        if marked is WAIT:
            return WAIT
        builder, position = self.builder, self._at
        self._drops = not builder.declare(self._key, (position, position), True)
        if builder.wrapper and char != "{":
            builder.unwrap(None, (position, position))
        if marked is NO:
            self._part = RelaxedValue(position, position)
            return self._go(RelaxedReader._read_value)
        # A string that the schema does not allow is the text of another value.
        self._streams = not self._drops and builder.typing.wire(self._key) == "string"
        self._part = Rope()
        if self._streams:
            builder.open(self._key)
        self._end = position
        return self._go(RelaxedReader._read_string, len(self._mark))

    def _read_string(self) -> Answer | None:
        part, builder = self._part, self.builder
        assert isinstance(part, Rope)
        text, base = builder.buffer.window, builder.buffer.base
        at, mark = _mark(builder.opening.spelling).seek(text, self._at - base, self._stop - base, True)
        piece = text[self._at - base : at]
        part.append(piece)
        self._at = base + at
        if self._streams:
            builder.more(piece)
        else:
            builder.check_size(self._at - self._end)
        if mark is None:
            return WAIT
        self._part = None
        self._go(RelaxedReader._at_comma, len(self._mark))
        self._take_string(part.take())
        return None

    def _take_string(self, text: str) -> None:
        builder = self.builder
        if self._streams:
            builder.close(text)
        elif not self._drops:
            types = builder.typing.types(self._key)
            if types is None or "string" in types:
                return builder.give(self._key, text)  # the marks say that it is one
            typed = builder.typing.decode(self._key, text)
            if not isinstance(typed.value, str):
                self._repairs.add("quoted-literal")
            builder.give_typed(self._key, typed, (self._at, self._at))

    def _read_value(self) -> Answer | None:
        span, builder = self._part, self.builder
        assert isinstance(span, RelaxedValue)
        buffer, closers = builder.buffer, live_in_broken(builder.opening.spelling, self._closer)
        try:
            end = value_end(
                span, buffer.window, buffer.base, self._stop - buffer.base, self._final, self._mark, self._bracket,
                frozenset(closers.words), builder.max_depth,
            )  # fmt: skip
        except OverflowError:
            self._at = span.scan
            builder.check_size(span.scan - span.start)
            return self._lose(builder.too_deep())
        self._at = span.scan if not isinstance(end, int) else end
        builder.check_size(self._at - span.start)
        if not isinstance(end, int):
            return WAIT
        if span.depth and self._begins(self._closer) is not YES:
            return self._lose("another call begins inside a value")
        raw = buffer.slice(span.start, end).strip(BLANK)
        self._part = None
        self._go(RelaxedReader._at_comma)
        return None if self._drops else self._take_value(raw)

    def _take_value(self, raw: str) -> Answer | None:
        """Give a value that was read as a whole."""
        builder, key, at = self.builder, self._key, self._at
        types = builder.typing.types(key)
        is_text = raw[:1] not in (*"{[\"'", "")
        if is_text and self._holds_key(raw):
            return self._lose("a comma is missing")
        if is_text and (
            types == frozenset(("string",)) or (word(raw) is None and (types is None or "string" in types))
        ):
            self._repairs.add("bare-string")
            builder.give(key, raw)
            return None
        try:
            json, repairs = as_json(raw, self._mark)
            reading = json_repair.loads(json, max_depth=builder.max_depth)
        except json_repair.Unreadable as error:
            return self._lose(f"{escaped(key)}: {error}")
        if is_text and isinstance(reading.value, str):
            return self._lose(f"{escaped(key)}: no literal")
        self._repairs |= {*repairs, *reading.repairs}
        if builder.wrapper and builder.unwrap(reading.value, (at, at)):
            return None
        exact = json_repair.exact(json, reading.value)
        whole = isinstance(reading.value, str)
        builder.give_exact(key, exact, at, None if whole else dumps(reading.value), reading.value)
        return None

    def _holds_key(self, text: str) -> bool:
        """Return whether a declared key and its sign stand in a text without marks."""
        signs = ":=" if self._bracket == ")" else ":"
        words = re.findall(rf"([^\s,]+)[ \t]*[{signs}]", text)
        return not self.builder.tool.keys.isdisjoint(words)

    def _at_comma(self) -> Answer | None:
        char = self._next()
        if not char:
            return WAIT
        self._after = char
        if char == ",":
            return self._go(RelaxedReader._at_key, 1)
        if char == self._bracket:
            return self._close_object()
        closer = self._begins(self._closer)
        if closer is not NO:
            return WAIT if closer is WAIT else self._cut_object()
        key = self._key_here()  # a value without a mark would have gone on
        if key is WAIT:
            return WAIT
        if key is NO or key[0] not in self.builder.tool.keys:
            return self._lose("a comma is missing")
        self._repairs.add("missing-comma")
        return self._go(RelaxedReader._at_key)

    def _close_object(self) -> Answer | None:
        self._go(RelaxedReader._read_tail, 1)
        self._end = self._at
        return None

    def _cut_object(self) -> Answer | None:
        """The call's closer ends the object."""
        self._repairs.add("missing-bracket")
        self._end = self._at
        return self._go(RelaxedReader._read_tail)

    def _read_tail(self) -> Answer | None:
        """The object is over: only brackets and blanks may stand before the closer."""
        while (char := self._next()) in ("}", "]", ")"):
            self._repairs |= set() if "doubled-braces" in self._repairs else {"trailing-bracket"}
            self._at += 1
        closer = self._begins(self._closer) if char else WAIT
        if closer is YES:
            return self._finish(self._at + len(self._closer), True)
        if closer is WAIT or not char:
            return WAIT
        self.builder.note("unclosed-call", self._end)
        return self._finish(self._end, not self._lacks_arguments)

    @property
    def _lacks_arguments(self) -> bool:
        return bool(self.builder.tool.required) and not self._bracket

    def _finish(self, position: int, complete: bool) -> Answer:
        builder, span = self.builder, (self.builder.start, position)
        if complete and not self._bracket:
            builder.transcript.diagnose("empty-arguments", span)
        if self._repairs:
            builder.transcript.diagnose("json-repaired", span, "repaired: " + ", ".join(sorted(self._repairs)))
        if complete:
            builder.check_types(position)
        builder.finish(position, complete)
        self._at = self._end = position
        return YES

    def _end_of_output(self, end: End) -> Answer:
        """The output ends in the call: complete if its object is closed and it was not cut off (R-CUT)."""
        builder = self.builder
        in_tail = self._handler is RelaxedReader._read_tail
        complete = in_tail and end is End.STOP and not self._lacks_arguments
        after = self._end if in_tail else self._part.start if isinstance(self._part, RelaxedValue) else self._at
        if in_tail or self._handler is not RelaxedReader._read_lost:
            in_value = self._part is not None
            builder.note("unclosed-call" if complete else "truncated-value" if in_value else "truncated-call", after)
        if in_tail:
            rest = builder.buffer.slice(after, self._stop)
            return self._finish(self._stop if rest.strip(BLANK) else after, complete)
        self._leave()
        return self._finish(self._stop, False)

    # Text that is no relaxed object.

    def _leave(self) -> None:
        """Keep the safe prefix of an open string."""
        if isinstance(self._part, Rope) and self._streams:
            self.builder.leave(self._part.take())
        self._part = None

    def _lose(self, why: str) -> Answer | None:
        """Look for where a broken call stops (R-COMMIT)."""
        self.builder.note("json-invalid", self._at, why)
        self._leave()
        return self._go(RelaxedReader._read_lost)

    def _read_lost(self) -> Answer | None:
        """Find the call's closer, or what else ends a broken call."""
        buffer = self.builder.buffer
        text, base, end = buffer.window, buffer.base, self._stop - buffer.base
        ends = live_in_broken(self.builder.opening.spelling, self._closer)
        at, found = ends.seek(text, self._at - base, end, self._final)
        self._at = base + at
        if found is None:
            return WAIT
        return self._finish(self._at + (len(found) if found == self._closer else 0), False)
