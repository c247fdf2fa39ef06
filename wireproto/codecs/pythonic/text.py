"""Python text that may still grow: keys, the ends of whole values, and what may follow a string.

It knows where things end, not what they are for, and leaves the reading of whole values to `text.python_values`. Law:
every answer rests on the text so far, and `WAIT` means that more text decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from wireproto.format.spelling import CACHED, Spelling, is_distinctive, live_in_broken
from wireproto.text.buffer import Buffer, LooseQuote, OpenValue, Rope
from wireproto.text.python_strings import OPENER, Quotes
from wireproto.text.python_values import BLANK as SKIPPED
from wireproto.text.scan import BLANK, MAX_GAP, NO, WAIT, YES, Answer, Literals, Match, Miss, begins, skip_blank
from wireproto.text.state import State
from wireproto.tools.names import NAME

_INSIDE: Final = {
    **{quote: re.compile(rf"[{quote}\\]") for quote in "'\""},
    **{quote * 3: re.compile(rf"{quote}{{3}}|{quote}{{1,2}}\Z|\\") for quote in "'\""},
}
_BEHIND_STRING: Final = frozenset(BLANK + ",:)]}#'\"")


@dataclass(slots=True)
class PythonString(State):
    """A string being read: its quotes, where it began, its decoded text.

    `look` is how far was looked behind a delimiter that may close it; `mute`: nobody wants its characters.
    """

    quotes: Quotes
    start: int
    text: Rope = field(default_factory=Rope)
    look: int = 0
    mute: bool = False


@lru_cache(maxsize=CACHED)
def ends_of(spelling: Spelling) -> tuple[re.Pattern[str], Literals]:
    """Return what a value may end at: brackets, commas and markers; and those markers."""
    words = live_in_broken(spelling, "")
    return re.compile("|".join((*map(re.escape, words.words), r"""["'()\[\]{},]"""))), words


@lru_cache(maxsize=CACHED)
def section_closers(spelling: Spelling) -> tuple[str, ...]:
    """Return the closers of sections, the longest first."""
    return tuple(sorted({close.strip(BLANK) for _, close in spelling.sections if close.strip(BLANK)}, key=len)[::-1])


@dataclass(slots=True)
class Place(State):
    """A place in the input. `stop` bounds what it looks at; `final`: no more text comes."""

    buffer: Buffer
    position: int
    spelling: Spelling
    stop: int = 0
    final: bool = False

    def next(self) -> str:
        """Skip blanks and comments; return the character that follows, empty at the end of the text so far."""
        base, end = self.buffer.base, self.stop - self.buffer.base
        found = SKIPPED.match(self.buffer.window, self.position - base, end)
        at = found.end() if found is not None else self.position - base
        if at >= end and not self.final and "#" in self.buffer.window[self.position - base : end]:
            return ""  # a comment may go on
        self.position = base + at
        return self.buffer.window[at] if at < end else ""

    def key(self, declared: frozenset[str]) -> Match | Miss:
        """Match a key and the sign behind it; of the `declared` ones beyond the alphabet, the longest that fits."""
        text, base, end = self.buffer.window, self.buffer.base, self.stop - self.buffer.base
        at = self.position - base
        answers: list[Answer] = []
        word = NAME.match(text, at, end)
        known = sorted((key for key in declared if begins(key, text, at, end) is not NO), key=len, reverse=True)
        for key in (*known, *([word[0]] if word is not None else ())):
            stands = begins(key, text, at, end)
            after = skip_blank(text, at + len(key), end)
            sign = begins("=", text, after, end) if stands is YES else stands
            if sign is YES and after + 1 >= end and not self.final:
                sign = WAIT
            if sign is YES and text[after + 1 : after + 2] != "=":
                return WAIT if WAIT in answers and not self.final else Match(base + after + 1, {"key": key})
            answers.append(NO if sign is YES else sign)
        return WAIT if WAIT in answers and not self.final else NO

    def opens_string(self) -> tuple[Quotes, int] | Miss:
        """Return the quotes of the string that begins here, and where its text does."""
        base, end = self.buffer.base, self.stop - self.buffer.base
        text, at = self.buffer.window, self.position - base
        found = OPENER.match(text, at, end)
        rest = text[at:end]
        if found is None:
            return WAIT if rest in ("r", "R", "u", "U") and not self.final else NO
        quote = found["quotes"][0]
        run = len(rest) - len(found["prefix"])
        if not self.final and run < 3 and rest[len(found["prefix"]) :] in (quote, quote * 2):
            return WAIT
        return Quotes(found["quotes"], found["prefix"] in ("r", "R")), base + found.end()

    def at_closer(self, position: int) -> Answer:
        """Return whether the section's closer stands here, so that the call's own is missing.

        A bracket alone says that only at the end of the output.
        """
        text, base, end = self.buffer.window, self.buffer.base, self.stop - self.buffer.base
        at = position - base
        answers: list[Answer] = []
        for closer in section_closers(self.spelling):
            stands = begins(closer, text, at, end)
            if stands is YES and not is_distinctive(closer):
                over = skip_blank(text, at + len(closer), end) >= end
                stands = NO if not over else YES if self.final else WAIT
            answers.append(stands)
        if YES in answers:
            return YES
        return WAIT if WAIT in answers and not self.final else NO

    def closes(self, behind: int, look: int) -> tuple[Answer, int, bool]:
        """Return whether a delimiter closes its string, by what follows `behind` it; and how far that was looked at.

        Everything up to `look` is known to be blank. The last is true if another string follows, which goes on with it.
        """
        text, base = self.buffer.window, self.buffer.base
        end = min(self.stop, behind + MAX_GAP) - base
        at = look - base
        while at < end and text[at] in BLANK:
            at += 1
        look = base + at
        if at >= end:
            return (YES if self.final else WAIT) if look == self.stop else NO, look, False
        if text[at] in ",)":
            return YES, look, False
        if look > behind:
            place, self.position = self.position, look
            opens = self.opens_string()
            self.position = place
            if opens is not NO:
                return (WAIT if opens is WAIT else YES), look, opens is not WAIT
        return self.at_closer(look), look, False

    def value_end(self, span: OpenValue, max_depth: int) -> int | Miss:
        """Return where a value ends: before a comma, a bracket that is not its own, or a marker.

        Raises:
            LooseQuote: a string in it has a quote that closes nothing.
            OverflowError: it is nested deeper than `max_depth`.
        """
        marks, ends = ends_of(self.spelling)
        while True:
            if span.inside:
                if not self._skip_string(span):
                    return WAIT
                continue
            text, base = self.buffer.window, self.buffer.base
            found = marks.search(text, span.scan - base, self.stop - base)
            if found is None:
                span.scan = base + ends.held(
                    text, span.scan - base, self.stop - base
                )  # half a marker is looked at again
                return WAIT
            mark, at = found[0], found.start()
            span.scan = base + at
            if mark[0] in ends.firsts and not self.final and ends.open_ended(text, at, self.stop - base):
                return WAIT
            if mark in "\"'":
                if text[at : min(at + 3, self.stop - base)] in (mark, mark * 2) and not self.final:
                    return WAIT
                span.inside = mark * 3 if text.startswith(mark * 3, at) else mark
                span.scan += len(span.inside)
                continue
            if mark in ("(", "[", "{"):
                span.depth += 1
                if span.depth > max_depth:
                    raise OverflowError(span.scan)
            elif span.depth == 0 or len(mark) > 1:
                return span.scan
            elif mark != ",":
                span.depth -= 1
            span.scan += 1

    def _skip_string(self, span: OpenValue) -> bool:
        """Skip to behind the string that the span is in; False if more text decides."""
        text, base = self.buffer.window, self.buffer.base
        limit = self.stop - base
        at = span.scan - base
        while (found := _INSIDE[span.inside].search(text, at, limit)) is not None:
            at = found.start()
            if found[0] == "\\":
                if at + 1 >= limit:
                    break
                at += 2
                continue
            behind = at + len(span.inside)
            if len(found[0]) < len(span.inside) or (behind >= limit and not self.final):
                break
            if behind < limit and text[behind] not in _BEHIND_STRING:
                raise LooseQuote(base + at)
            span.inside, span.scan = "", base + behind
            return True
        span.scan = base + (at if found is not None else limit)
        return False
