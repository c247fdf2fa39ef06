"""Walking JSON text that may still grow: tokens, the call's closer, and the end of a value that is read as a whole.

It knows where things end, not what they are for. Law: every answer rests on the text so far, and `None` means that more
text decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from wireproto.engine.record_opening import begins_arguments, may_begin_object
from wireproto.format.dialect import NAME_ALIASES, SIDE_MEMBERS, WRAPPERS, Record
from wireproto.format.spelling import CACHED, Spelling, live_in_broken, unfenced
from wireproto.text.buffer import Buffer, LooseQuote, OpenValue, Rope
from wireproto.text.scan import BLANK, MAX_GAP, NO, WAIT, YES, Answer, Literals, Miss, begins, skip_blank
from wireproto.text.state import State

_FENCES = "`~"
_KEY = re.compile(r'"([^"\\\x00-\x1f]*)"[ \t]{0,64}:')
# A string without escapes, or a word or a short integer, whose end nothing that follows can change.
_PLAIN = re.compile(r'(?:"[^"\\\x00-\x1f]*"|true|false|null|-?(?:0|[1-9][0-9]{0,14}))(?=[ \t\r\n]{0,64}[,}])')
_SKIPPED = BLANK + "\\"
_LITERAL_BLANKS = ("\\n", "\\t", "\\r")
_IN_STRING = {'"': re.compile(r'["\\]'), "'": re.compile(r"['\\]")}


@dataclass(slots=True)
class JsonString(State):
    """A string being read: its quote, where it began, its decoded text; `look` is behind a quote that may close it."""

    quote: str
    start: int
    text: Rope
    look: int = 0


Role = Literal["key", "name", "id", "arguments", "argument", "drop", "beside", "wrapper", "wrapped"]


@dataclass(slots=True)
class Progress(State):
    """Where in the payload the reader is, what the member being read is for, where the payload ended.

    `joined`: calls stand in an array, or behind one another. `nested` counts the objects around the record that are
    open, `doubled` the braces that were written twice.
    """

    in_record: bool
    end: int = 0
    role: Role = "key"
    key: str = ""
    streams: bool = False
    arguments: Literal["", "open", "closed"] = ""
    after_comma: bool = False
    joined: bool = False
    nested: int = 0
    doubled: int = 0

    @property
    def depth(self) -> int:
        """How many brackets are open, those of the arguments included."""
        return (self.arguments == "open") + self.in_record + self.nested


@lru_cache(maxsize=CACHED)
def _marks(spelling: Spelling, closer: str) -> tuple[re.Pattern[str], Literals]:
    """Return what a value may end at: brackets, commas, and the closers and openers of calls, which it returns too."""
    ends = live_in_broken(spelling, closer)
    return re.compile("|".join((*map(re.escape, ends.words), r"""["'{}\[\],]"""))), ends


@lru_cache(maxsize=CACHED)
def _record_start(record: Record) -> re.Pattern[str]:
    words = (*record.first_members, *SIDE_MEMBERS, *WRAPPERS, *NAME_ALIASES)
    return re.compile(rf"""\{{[ \t\r\n]*(["'])(?:{"|".join(map(re.escape, words))})\1""")


@dataclass(slots=True)
class Cursor(State):
    """A place in the input. `stop` bounds what it looks at; `final`: no more text comes.

    `closer` is the call's; where it stands, `closer_end` is behind it.
    """

    buffer: Buffer
    position: int
    spelling: Spelling
    closer: str
    closer_end: int = 0
    stop: int = 0
    final: bool = False
    repairs: set[str] = field(default_factory=set)

    def next(self) -> str:
        """Skip blanks; return the character that follows, empty at the end of the text so far."""
        position = self.position
        if position < self.stop and (char := self.buffer.window[position - self.buffer.base]) not in _SKIPPED:
            return char
        self.position, char, literal = self._skip_blank(position, self.stop)
        if literal:
            self.repairs.add("literal-newline")
        return char

    def whole_key(self) -> str | None:
        """Take the key that stands here, with its colon; None if it has to be read a piece at a time."""
        base = self.buffer.base
        found = _KEY.match(self.buffer.window, self.position - base, self.stop - base)
        if found is None:
            return None
        self.position = base + found.end()
        return found[1]

    def plain_value(self) -> str:
        """Return the string without escapes, the word or the integer that stands here whole; else nothing."""
        base = self.buffer.base
        found = _PLAIN.match(self.buffer.window, self.position - base, self.stop - base)
        return found.group() if found is not None else ""

    @property
    def closers(self) -> tuple[str, ...]:
        """The call's closer, and what is left of it without a Markdown fence, which models forget."""
        return tuple(filter(None, dict.fromkeys((self.closer, unfenced(self.closer)))))

    @property
    def whole(self) -> str:
        """The call's closer as the format writes it, in as many markers as it has."""
        return self.spelling.dialect.call.close.format().strip(BLANK)

    def at_closer(self, position: int | None = None) -> Answer:
        """Return whether the call's closer stands here; at the end of output half a closer is none."""
        if not self.closer:
            return NO
        base = self.buffer.base
        at = (self.position if position is None else position) - base
        stands = begins(self.closer, self.buffer.window, at, self.stop - base)
        self.closer_end = base + at + len(self.closer)
        if stands is NO and self.closer[0] in _FENCES:
            stands = self._at_loose_closer(at, self.stop - base)
        if stands is YES and self.spelling.wrapper_close:
            stands = self._pass_second(self.spelling.wrapper_close)
        return NO if stands is WAIT and self.final else stands

    def may_close(self) -> bool:
        """Return whether the bracket that stands here may begin the call's closer."""
        return self.closer[:1] in ("}", "]") and self.at_closer() is not NO

    def _at_loose_closer(self, at: int, end: int) -> Answer:
        """Match a closer that begins with a Markdown fence: without it, or with blanks behind it."""
        marker, text = unfenced(self.closer), self.buffer.window
        fence = self.closer[: len(self.closer) - len(marker)]
        if text.startswith(fence, at, end):
            at = skip_blank(text, at + len(fence), end)
        self.closer_end = self.buffer.base + at + len(marker)
        return begins(marker, text, at, end) if marker else NO

    def _pass_second(self, closer: str) -> Answer:
        """Pass the second part of the call's closer, which may be missing."""
        text, base, end = self.buffer.window, self.buffer.base, self.stop - self.buffer.base
        at = skip_blank(text, self.closer_end - base, end)
        stands = begins(closer, text, at, end)
        if stands is YES:
            self.closer_end = base + at + len(closer)
        return WAIT if stands is WAIT and not self.final else YES

    def behind_fence(self) -> int | None:
        """Return what is behind the Markdown fence that stands here, if the closer begins with one."""
        fence = self.closer[: len(self.closer) - len(unfenced(self.closer))]
        found = fence and self.buffer.slice(self.position, self.position + len(fence)) == fence
        return self.position + len(fence) if found else None

    def opens_array(self) -> Answer:
        """Return whether an array of objects begins with the bracket that stands here."""
        at, end = self.position + 1 - self.buffer.base, self.stop - self.buffer.base
        stands = begins("{", self.buffer.window, skip_blank(self.buffer.window, at, end), end)
        return NO if stands is WAIT and self.final else stands

    def is_doubled(self) -> Answer:
        """Return whether the brace that closes something here is written twice."""
        stands = begins("}}", self.buffer.window, self.position - self.buffer.base, self.stop - self.buffer.base)
        return NO if stands is WAIT and self.final else stands

    def next_object(self, keys: frozenset[str] | None) -> int | Miss:
        """Return where another call begins, here or behind a comma or a semicolon: a record, or arguments of `keys`."""
        text, base, end = self.buffer.window, self.buffer.base, self.stop - self.buffer.base
        at = self.position - base
        at = skip_blank(text, at + (text[at] in ",;"), end)
        if at >= end:
            return WAIT
        if keys is not None:
            begun = begins_arguments(keys, text, at, end)
        elif _record_start(self.spelling.dialect.record).match(text, at, end) is not None:
            begun = YES
        else:
            begun = may_begin_object(text, at, end)
        return base + at if begun is YES else begun

    def cut_closer(self, position: int | None = None) -> bool:
        """Return whether the output ends here in the first characters of the call's closer."""
        rest = self.buffer.slice(self.position if position is None else position, self.stop)
        return self.final and bool(rest) and bool(self.closer) and self.closer.startswith(rest)

    def quote_closes(self, behind: int, look: int) -> tuple[Answer, int]:
        """Return whether a quote closes its string, by what follows `behind` it; and how far that was looked at.

        Everything up to `look` is known to be blank.
        """
        look, char, _ = self._skip_blank(look, behind + MAX_GAP)
        if not char:
            return YES if self.final else WAIT, look
        if char in ",:}]":
            return YES, look
        closer = self.at_closer(look)
        return YES if closer is NO and self.cut_closer(look) else closer, look

    def value_end(self, span: OpenValue, max_depth: int) -> int | Miss:
        """Return where a value ends: before a comma, a bracket that is not its own, or the closer.

        Raises:
            LooseQuote: a string in it has a quote that closes nothing.
            OverflowError: it is nested deeper than `max_depth`.
        """
        marks, ends = _marks(self.spelling, self.closer)
        while True:
            if span.inside:
                if not self._skip_string(span):
                    return WAIT
                continue
            text, base = self.buffer.window, self.buffer.base
            found = marks.search(text, span.scan - base, self.stop - base)
            if found is None:
                # Half a marker at the end is looked at again, a bracket inside it cannot be: it is no marker yet.
                span.scan = max(span.scan, self.stop - max(ends.longest - 1, 0))
                return WAIT
            mark = found.group()
            if mark in ends.firsts and not self.final and ends.open_ended(text, found.start(), self.stop - base):
                span.scan = base + found.start()
                return WAIT
            span.scan = base + found.end()
            if mark in "\"'":
                span.inside = mark
            elif mark in ("{", "["):
                span.depth += 1
                if span.depth > max_depth:
                    raise OverflowError(base + found.start())
            elif span.depth == 0 or len(mark) > 1:
                return base + found.start()
            elif mark != ",":
                span.depth -= 1

    def _skip_string(self, span: OpenValue) -> bool:
        """Skip to behind the quote of the string that the span is in; False if more text decides."""
        text, base = self.buffer.window, self.buffer.base
        limit = self.stop - base
        at = span.scan - base
        while (found := _IN_STRING[span.inside].search(text, at, limit)) is not None:
            at = found.start()
            if text[at] == "\\":
                if at + 1 >= limit:
                    break
                at += 2
                continue
            closes, _ = self.quote_closes(base + at + 1, base + at + 1)
            if closes is WAIT:
                span.scan = base + at
                return False
            if closes is NO:
                raise LooseQuote(base + at)
            span.inside, span.scan = "", base + at + 1
            return True
        span.scan = base + (at if found is not None else limit)
        return False

    def _skip_blank(self, position: int, stop: int) -> tuple[int, str, bool]:
        """Return the first position that is not blank, its character, and whether `\\n` was spelled out on the way.

        No character is there yet at the end of the text so far, or where a backslash may be half of such a blank.
        """
        text, base = self.buffer.window, self.buffer.base
        at, end, literal = position - base, self.stop - base, False
        limit = end if stop >= self.stop else stop - base
        while at < limit and (char := text[at]) in _SKIPPED:
            if char != "\\":
                at += 1
            elif text[at : min(at + 2, limit)] in _LITERAL_BLANKS:
                at, literal = at + 2, True
            else:
                break
        missing = at >= end or (text[at] == "\\" and at + 1 == end and not self.final)
        return base + at, "" if missing else text[at], literal
