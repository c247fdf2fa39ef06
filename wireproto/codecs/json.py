"""Arguments as JSON: an object that is the arguments, or a record that names the tool too.

The scanner knows strings, escapes, surrogate pairs and depth, and looks at every character once; strings of the
arguments are told decoded while they grow. Whole values are read by `lenient`, which has the repair ladder. Law: inside
a string nothing is a marker, and what is not JSON ends the call incomplete instead of being guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from json.decoder import scanstring
from typing import Any, Literal

from wireproto import lenient
from wireproto.codecs.call import CallBuilder, End, Outcome
from wireproto.dialect import BLANK, Dialect
from wireproto.errors import LimitExceeded
from wireproto.events import ArgumentDelta, Event
from wireproto.lenient import dumps
from wireproto.model import Call
from wireproto.states import Form, Literals, Opened

_SPECIAL = {'"': re.compile(r'["\\\x00-\x1f]'), "'": re.compile(r"['\\\x00-\x1f]")}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_PART_OF_UNICODE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_LITERAL_BLANKS = ("\\n", "\\t", "\\r")
_BULK = 64  # from here on one try of the C scanner pays


def decode_string(text: str, pos: int, end: int, quote: str, repairs: set[str]) -> tuple[str, int]:
    """Decode a string's characters from `pos` to its quote, or as far as they are certain.

    Returns the decoded text and the position of the quote, of an escape cut off by `end`, or `end`.
    """
    if quote == '"' and end - pos > _BULK:
        whole = _scan_whole(text, pos, end)
        if whole is not None:
            return whole
    out = []
    while (found := _SPECIAL[quote].search(text, pos, end)) is not None:
        at = found.start()
        out.append(text[pos:at])
        pos = at
        if text[at] == quote:
            return "".join(out), at
        if text[at] != "\\":
            repairs.add("control-character")
            out.append(text[at])
            pos = at + 1
            continue
        char, pos = _escape(text, at, end, quote, repairs)
        if char is None:
            return "".join(out), at
        out.append(char)
    out.append(text[pos:end])
    return "".join(out), end


def _scan_whole(text: str, pos: int, end: int) -> tuple[str, int] | None:
    if text.find('"', pos, end) < 0:
        return None
    try:
        value, after = scanstring(text, pos, True)
    except ValueError:
        return None
    if after > end or text.find("\\ud", pos, after) >= 0 or text.find("\\uD", pos, after) >= 0:
        return None
    return value, after - 1


def _escape(text: str, at: int, end: int, quote: str, repairs: set[str]) -> tuple[str | None, int]:
    """Decode the escape at `at`; None if it is cut off by `end`."""
    if _PART_OF_UNICODE.match(text[at : min(end, at + 6)]) and end - at < 6:
        return None, at
    following = text[at + 1]
    if following in _ESCAPES or following == quote:
        return _ESCAPES.get(following, following), at + 2
    code = _UNICODE.match(text, at, end)
    if code is None:
        repairs.add("invalid-escape")
        return ("'", at + 2) if following == "'" else ("\\", at + 1)
    first = int(code[1], 16)
    if not 0xD800 <= first < 0xE000:
        return chr(first), at + 6
    if first < 0xDC00:
        second = _UNICODE.match(text, at + 6, end)
        if second is not None and 0xDC00 <= int(second[1], 16) < 0xE000:
            return chr(0x10000 + ((first - 0xD800) << 10) + int(second[1], 16) - 0xDC00), at + 12
        rest = text[at + 6 : min(end, at + 12)]
        if at + 6 + len(rest) == end and len(rest) < 6 and (not rest or _PART_OF_UNICODE.match(rest)):
            return None, at
    repairs.add("lone-surrogate")
    return "\ufffd", at + 6


@dataclass(slots=True)
class _String:
    """A string being read: what it is for, its quote, and its decoded text so far."""

    role: Literal["key", "name", "id", "arguments", "stream", "drop"]
    quote: str
    start: int
    pieces: list[str] = field(default_factory=list)
    look: int = 0


@dataclass(slots=True)
class _Span:
    """A value that is read as a whole once its end is found."""

    role: Literal["argument", "arguments", "id", "drop"]
    start: int
    scan: int
    depth: int = 0
    quote: str = ""


@dataclass(slots=True)
class _Progress:
    """Where in the payload the reader is."""

    in_record: bool
    key: str = ""
    empty: bool = True
    arguments: Literal["", "open", "closed"] = ""
    after_comma: bool = False


@lru_cache(maxsize=None)
def _stops(form: Form, closer: str) -> re.Pattern[str]:
    del form
    return re.compile(r"""["'{}\[\],]""" + ("|" + re.escape(closer) if closer else ""))


@lru_cache(maxsize=None)
def _exits(form: Form, closer: str) -> Literals:
    """Return where a call whose arguments are invalid may stop."""
    closers = {close for _, close in form.sections}
    return Literals(frozenset(text for text in {closer, *closers, *form.openers} if len(text) > 1))


class JsonReader:
    """Reads the payload of one call and its closer."""

    __slots__ = ("builder", "_closer", "_form", "_part", "_progress", "_repairs", "_scan", "_state", "position")

    def __init__(self, builder: CallBuilder, position: int) -> None:
        opened: Opened = builder.opened
        self.builder = builder
        self._form = opened.form
        self._closer = opened.form.call_close(opened.name or "")
        self._progress = _Progress(in_record=opened.name is None)
        self._part: _String | _Span | None = None
        self._repairs: set[str] = set()
        self._state = "open"
        self._scan = position
        self.position = position
        if opened.name is not None:
            builder.begin(opened.name, opened.id, (builder.start, position))

    def copy(self, builder: CallBuilder) -> JsonReader:
        """Return an independent copy that writes to `builder`."""
        twin = JsonReader.__new__(JsonReader)
        for name in JsonReader.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.builder = builder
        twin._progress, twin._repairs = replace(self._progress), set(self._repairs)
        if isinstance(self._part, _String):
            twin._part = replace(self._part, pieces=self._part.pieces[:])
        elif self._part is not None:
            twin._part = replace(self._part)
        return twin

    def read(self, stop: int, end: End) -> Outcome:
        """Read as far as certain, looking no further than `stop`."""
        source = self.builder.source
        if self.position < source.base:
            self.position = self._scan = source.base  # `quick` took what stood before
        while True:
            outcome: Outcome | None = getattr(self, "_read_" + self._state)(stop, end)
            if outcome is not None:
                return outcome

    @property
    def quickable(self) -> bool:
        """Whether an open string streams and nothing of it is held."""
        part, source = self._part, self.builder.source
        return (
            isinstance(part, _String)
            and part.role == "stream"
            and part.quote == '"'
            and self._state == "string"
            and self.position == source.end
            and self.builder.name is not None
            and self.builder.policy.max_value_chars is None
        )

    def quick(self, text: str) -> Event | None:
        """Take a chunk without quote, escape or control character."""
        if '"' in text or "\\" in text or not text.isprintable():
            return None
        part, builder = self._part, self.builder
        assert isinstance(part, _String)
        part.pieces.append(text)
        if len(part.pieces) > 1024:
            part.pieces[:] = ["".join(part.pieces)]
        builder.source.skip(text)
        return ArgumentDelta(builder.index, builder.key, text)

    # Tokens of an object.

    def _next(self, stop: int, end: End) -> tuple[str, int] | Outcome:
        """Skip blanks; return the next character and its offset in the window, or what the end of the text means."""
        source = self.builder.source
        text, base = source.window, source.base
        at, limit = self._scan - base, stop - base
        while at < limit:
            if text[at] in BLANK:
                at += 1
            elif text[at] == "\\" and text[at : at + 2] in _LITERAL_BLANKS and at + 1 < limit:
                self._repairs.add("literal-newline")
                at += 2
            else:
                break
        self._scan = base + at
        if at >= limit or (text[at] == "\\" and at + 1 >= limit):
            return self._end(stop, end) if end.final else Outcome.MORE
        return text[at], at

    def _at_closer(self, at: int, stop: int) -> bool | None:
        """Tell whether the call's closer stands at `at`; None if that is not known yet."""
        if not self._closer:
            return False
        source = self.builder.source
        rest = source.window[at : min(stop - source.base, at + len(self._closer))]
        if rest == self._closer:
            return True
        return None if self._closer.startswith(rest) else False

    def _to(self, state: str, at: int) -> None:
        """Go on in `state` from the window's offset `at`."""
        self.position = self._scan = self.builder.source.base + at
        self._state = state

    def _read_open(self, stop: int, end: End) -> Outcome | None:
        found = self._next(stop, end)
        if isinstance(found, Outcome):
            return found
        char, at = found
        if char == "{":
            if not self._progress.in_record:
                self._progress.arguments = "open"
            self._progress.empty, self._progress.after_comma = True, False
            self._to("key", at + 1)
            return None
        closer = self._at_closer(at, stop)
        if closer is None:
            return self._end(stop, end) if end.final else Outcome.MORE
        if not closer:
            return self._lose(at, "neither an object nor the call's closer follows")
        self._to("tail", at)
        return None

    def _read_key(self, stop: int, end: End) -> Outcome | None:
        found = self._next(stop, end)
        if isinstance(found, Outcome):
            return found
        char, at = found
        if char in "\"'":
            self._part = _String("key", char, at)
            self._quoted(char)
            self._to("string", at + 1)
            return None
        if char == "}":
            if self._progress.after_comma:
                self._repairs.add("trailing-comma")
            return self._close_object(at)
        return self._object_cut(at, stop, end, dangling=self._progress.after_comma)

    def _read_colon(self, stop: int, end: End) -> Outcome | None:
        found = self._next(stop, end)
        if isinstance(found, Outcome):
            return found
        char, at = found
        if char != ":":
            return self._lose(at, "a colon is missing")
        self._to("value", at + 1)
        return None

    def _read_comma(self, stop: int, end: End) -> Outcome | None:
        found = self._next(stop, end)
        if isinstance(found, Outcome):
            return found
        char, at = found
        if char == ",":
            self._progress.after_comma = True
            self._to("key", at + 1)
            return None
        if char == "}":
            return self._close_object(at)
        return self._object_cut(at, stop, end, dangling=False)

    def _object_cut(self, at: int, stop: int, end: End, *, dangling: bool) -> Outcome | None:
        """Something else than a member stands in an object: the call's closer ends it, if nothing dangles."""
        closer = self._at_closer(at, stop)
        if closer is None and not end.final:
            return Outcome.MORE
        if closer is None:
            return self._end(stop, end)
        if not closer or dangling:
            return self._lose(at, "the arguments are not a JSON object")
        self._repairs.add("missing-bracket")
        self._progress.arguments = self._progress.arguments and "closed"
        self._to("tail", at)
        return None

    def _close_object(self, at: int) -> None:
        progress = self._progress
        if progress.arguments == "open":
            progress.arguments = "closed"
            if progress.in_record:
                self._to("comma", at + 1)
                return
        self._to("tail", at + 1)

    def _read_value(self, stop: int, end: End) -> Outcome | None:
        found = self._next(stop, end)
        if isinstance(found, Outcome):
            return found
        char, at = found
        position = self.builder.source.base + at
        if self._progress.in_record and self._progress.arguments != "open":
            return self._record_value(char, at)
        fresh = self.builder.declare(self._progress.key, (position, position))
        if char in "\"'":
            self._part = _String("stream" if fresh else "drop", char, position)
            self._quoted(char)
            self._to("string", at + 1)
            if fresh:
                self.builder.open(self._progress.key)
        else:
            self._part = _Span("argument" if fresh else "drop", position, position)
            self._to("span", at)
        return None

    def _record_value(self, char: str, at: int) -> Outcome | None:
        """Begin the value of a record's member by what the member is."""
        builder, record, key = self.builder, self._form.dialect.record, self._progress.key
        position = builder.source.base + at
        role = "name" if key in record.name else "id" if key in record.id else ""
        if key in record.arguments:
            role = "arguments"
            if key != record.arguments[0]:
                builder.journal.diagnose("alias-key", (position, position), f"{key!r} stands for {record.arguments[0]!r}")
        given = (role == "name" and builder.name is not None) or (role == "arguments" and self._progress.arguments)
        if given:
            builder.journal.diagnose("duplicate-argument", (position, position), f"the member {key!r} was given twice")
        if role == "arguments" and char == "{" and not given:
            self._to("open", at)
            self._progress.arguments = "open"
            return None
        if role == "name" and not given and char not in "\"'":
            return self._lose(at, "the tool's name is not a string")
        if char in "\"'":
            wanted: Any = role if role and not given else "drop"
            self._part = _String(wanted, char, position)
            self._quoted(char)
            self._to("string", at + 1)
            return None
        self._part = _Span(role if role in ("arguments", "id") and not given else "drop", position, position)  # type: ignore[arg-type]
        self._to("span", at)
        return None

    def _quoted(self, quote: str) -> None:
        if quote == "'":
            self._repairs.add("single-quotes")

    # Strings.

    def _read_string(self, stop: int, end: End) -> Outcome | None:
        part = self._part
        assert isinstance(part, _String)
        source = self.builder.source
        text, base = source.window, source.base
        limit = stop - base
        piece, at = decode_string(text, self.position - base, limit, part.quote, self._repairs)
        part.pieces.append(piece)
        if part.role == "stream":
            self.builder.more(piece)
        self.position = base + at
        if at >= limit or text[at] != part.quote:
            return self._end(stop, end) if end.final else Outcome.MORE
        part.look = base + at + 1
        self._state = "quote"
        return None

    def _read_quote(self, stop: int, end: End) -> Outcome | None:
        """Decide whether a quote closes its string by what follows it (R-REPAIR)."""
        part = self._part
        assert isinstance(part, _String)
        closes, part.look = self._closes(part.look, stop, end)
        if closes is None:
            return Outcome.MORE
        if not closes:
            return self._lose(self.position - self.builder.source.base, "a quote inside a string is not escaped")
        self.position = self._scan = self.position + 1
        self._part = None
        return self._string_closed(part, "".join(part.pieces))

    def _closes(self, look: int, stop: int, end: End) -> tuple[bool | None, int]:
        source = self.builder.source
        text, base = source.window, source.base
        at, limit = look - base, stop - base
        while at < limit and (text[at] in BLANK or (text[at] == "\\" and text[at : at + 2] in _LITERAL_BLANKS)):
            at += 1 if text[at] in BLANK else 2
        if at >= limit or (text[at] == "\\" and at + 1 >= limit):
            return (True if end.final else None), base + at
        if text[at] in ",:}]":
            return True, base + at
        closer = self._at_closer(at, stop)
        return (end.final or None) if closer is None else closer, base + at

    def _string_closed(self, part: _String, value: str) -> Outcome | None:
        builder = self.builder
        self._state = "comma"
        if part.role == "key":
            self._progress.key, self._progress.empty = value, False
            self._state = "colon"
        elif part.role == "stream":
            builder.close(value)
        elif part.role == "id":
            builder.identify(value)
        elif part.role == "name":
            if builder.policy.unknown_tools == "text" and not builder.tools.accepts(value):
                return Outcome.NONE
            builder.begin(value, builder.id, (builder.start, self.position))
        elif part.role == "arguments":
            return self._arguments_from(value)
        return None

    def _arguments_from(self, text: str) -> Outcome | None:
        """Read arguments that were given as a string or as another value than an object."""
        self._progress.arguments = "closed"
        if text.strip(BLANK) in ("", "null", "None"):
            return None
        try:
            reading = lenient.loads(text, max_depth=self._max_depth())
        except lenient.Unreadable as error:
            return self._lose(self.position - self.builder.source.base, str(error))
        if not isinstance(reading.value, dict):
            return self._lose(self.position - self.builder.source.base, "the arguments are not an object")
        self._repairs.update(reading.repairs, ("string-arguments",))
        for key, value in reading.value.items():
            self.builder.declare(key, (self.position, self.position))
            self.builder.give(key, value)
        return None

    # Values that are read as a whole.

    def _read_span(self, stop: int, end: End) -> Outcome | None:
        part = self._part
        assert isinstance(part, _Span)
        source = self.builder.source
        text, base = source.window, source.base
        limit = stop - base
        stops = _stops(self._form, self._closer)
        self.builder.check_size(part.scan - part.start)
        while True:
            if part.quote:
                step = self._skip_string(part, stop, end)
                if step is not None:
                    return self._end(stop, end) if step is Outcome.MORE and end.final else step
                continue
            found = stops.search(text, part.scan - base, limit)
            if found is None:
                keep = len(self._closer) - 1 if self._closer and not end.final else 0
                part.scan = max(part.scan, stop - max(keep, 0))
                return self._end(stop, end) if end.final else Outcome.MORE
            mark = found.group()
            part.scan = base + found.end()
            if mark in "\"'":
                part.quote = mark
            elif mark in "{[":
                part.depth += 1
                if part.depth > self._max_depth():
                    return self._too_deep(found.start())
            elif part.depth == 0 or mark == self._closer:
                return self._span_closed(part, found.start())
            elif mark in "}]":
                part.depth -= 1

    def _skip_string(self, part: _Span, stop: int, end: End) -> Outcome | None:
        source = self.builder.source
        text, base = source.window, source.base
        at, limit = part.scan - base, stop - base
        while (found := _SPECIAL[part.quote].search(text, at, limit)) is not None:
            at = found.start()
            if text[at] == part.quote:
                closes, _ = self._closes(base + at + 1, stop, end)
                if closes is None:
                    part.scan = base + at
                    return Outcome.MORE
                if not closes:
                    return self._lose(at, "a quote inside a string is not escaped")
                part.quote, part.scan = "", base + at + 1
                return None
            at += 2 if text[at] == "\\" else 1
            if at > limit:
                part.scan = base + limit - 1
                return Outcome.MORE
        part.scan = stop
        return Outcome.MORE

    def _span_closed(self, part: _Span, at: int) -> Outcome | None:
        builder = self.builder
        raw = builder.source.slice(part.start, builder.source.base + at).strip(BLANK)
        self._part = None
        self._to("comma", at)
        if part.role == "arguments":
            return self._arguments_from(raw)
        if part.role == "drop":
            return None
        try:
            reading = lenient.loads(raw, max_depth=self._max_depth())
        except lenient.Unreadable as error:
            return self._lose(at, f"{self._progress.key}: {error}")
        self._repairs.update(reading.repairs)
        if part.role == "id":
            builder.identify(str(reading.value))
        else:
            builder.give(self._progress.key, reading.value, dumps(reading.value) if reading.repairs else raw)
        return None

    def _max_depth(self) -> int:
        limit = self.builder.policy.max_depth
        return lenient.MAX_DEPTH if limit is None else limit

    def _too_deep(self, at: int) -> Outcome | None:
        if self.builder.policy.max_depth is not None:
            raise LimitExceeded(f"a value is nested deeper than {self._max_depth()} (Policy.max_depth)")
        return self._lose(at, f"nested deeper than {self._max_depth()}")

    # Ends.

    def _read_tail(self, stop: int, end: End) -> Outcome | None:
        """The payload is over: only brackets and blanks may stand before the closer."""
        if self.builder.name is None:
            return Outcome.NONE
        if not self._closer:
            return self._finish(self.position, True)
        found = self._next(stop, end)
        if isinstance(found, Outcome):
            return found
        char, at = found
        if char in "}]":
            self._repairs.add("trailing-bracket")
            self._scan += 1
            return None
        closer = self._at_closer(at, stop)
        base = self.builder.source.base
        if closer:
            return self._finish(base + at + len(self._closer), True)
        if closer is None:
            return self._end(stop, end) if end.final else Outcome.MORE
        self._note("unclosed-call", self.position)
        return self._finish(self.position, True)

    def _end(self, stop: int, end: End) -> Outcome:
        """The output ends in the call: complete if its arguments are closed and it was not cut off (R-CUT)."""
        builder, progress = self.builder, self._progress
        if builder.name is None:
            return Outcome.NONE
        closed = self._state == "tail" or (progress.in_record and progress.arguments == "closed" and self._state == "comma")
        if closed:
            if self._state == "comma":
                self._repairs.add("missing-bracket")
            complete = end is End.STOP
            self._note("unclosed-call" if complete else "truncated-call", self.position)
            return self._finish(stop if builder.source.slice(self._scan, stop).strip(BLANK) else self.position, complete)
        part = self._part
        open_value = isinstance(part, _Span) or (isinstance(part, _String) and part.role != "key")
        self._note("truncated-value" if open_value else "truncated-call", self.position)
        if isinstance(part, _String) and part.role == "stream":
            builder.leave("".join(part.pieces))
        return self._finish(stop, False)

    def _lose(self, at: int, why: str) -> Outcome | None:
        """The arguments are not JSON: the call will be incomplete; look for where it stops."""
        builder = self.builder
        if builder.name is None:
            self.position = builder.source.base + at
            return Outcome.NONE
        self._note("json-invalid", builder.source.base + at, why)
        if isinstance(self._part, _String) and self._part.role == "stream":
            builder.leave("".join(self._part.pieces))
        self._to("lost", at)
        return None

    def _read_lost(self, stop: int, end: End) -> Outcome | None:
        source = self.builder.source
        text, base = source.window, source.base
        exits = _exits(self._form, self._closer)
        found = exits.find(text, self._scan - base, stop - base)
        if found is None:
            self._scan = base + exits.held(text, self._scan - base, stop - base)
            if not end.final:
                return Outcome.MORE
            return self._lost(stop, stop)
        at = base + found.start()
        return self._lost(at, base + found.end() if found.group() == self._closer else at)

    def _lost(self, body: int, stop: int) -> Outcome:
        guess = self._guess(body)
        builder = self.builder
        if guess is not None:
            arguments = {**builder.arguments, self._progress.key: guess}
            candidate = Call(builder.name or "", arguments, builder.id, True, (builder.start, stop), _source=builder.source)
            builder.journal.candidates.append(candidate)
        return self._finish(stop, False)

    def _guess(self, body: int) -> str | None:
        """Read a string with unescaped quotes as the last argument: a candidate, never a call."""
        part = self._part
        if not isinstance(part, _String) or part.role != "stream":
            return None
        rest = self.builder.source.slice(part.start + 1, body).rstrip(BLANK + "}]")
        if not rest.endswith(part.quote):
            return None
        rest = rest[:-1]
        others = self.builder.tool.keys - {self._progress.key}
        if any(re.search(r"[\"']\s*,\s*[\"']" + re.escape(key) + r"[\"']\s*:", rest) for key in others):
            return None
        out, at = [], 0
        while at < len(rest):
            piece, at = decode_string(rest, at, len(rest), part.quote, set())
            out.append(piece + rest[at : at + 1])
            at += 1
        return "".join(out)

    def _note(self, code: str, at: int, message: str = "") -> None:
        self.builder.journal.diagnose(code, (at, at), message)

    def _finish(self, position: int, complete: bool) -> Outcome:
        builder, span = self.builder, (self.builder.start, position)
        if complete and not builder.arguments and (self._progress.empty or self._progress.arguments != "closed"):
            if self._progress.arguments != "closed":
                builder.journal.diagnose("empty-arguments", span)
        surrogate = "lone-surrogate" in self._repairs
        repairs = sorted(self._repairs - {"lone-surrogate"})
        if surrogate:
            builder.journal.diagnose("lone-surrogate", span)
        if repairs:
            builder.journal.diagnose("json-repaired", span, "repaired: " + ", ".join(repairs))
        for key, value in builder.arguments.items() if complete else ():
            problem = builder.tool.mismatch(key, value)
            if problem:
                builder.journal.diagnose("type-mismatch", span, problem)
        builder.finish(position, complete)
        self.position = position
        return Outcome.DONE


def write_call(dialect: Dialect, name: str, arguments: dict[str, Any], index: int, identity: str | None) -> str:
    """Write one call as the model's own chat template does; `index` counts the calls of the message."""
    call, record = dialect.call, dialect.record
    roles = call.open.roles
    if not roles:
        payload: dict[str, Any] = {record.name[0]: name, record.arguments[0]: arguments}
        if identity is not None:
            payload[record.id[0]] = identity
        return call.open.format() + dumps(payload) + call.close.format()
    if call.id:
        identity = identity or call.id[0].format(name=name, index=str(index))
    return call.open.format(name=name, id=identity or "") + dumps(arguments) + call.close.format()
