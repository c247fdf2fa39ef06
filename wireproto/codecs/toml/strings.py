"""A TOML string that may still grow: its characters as far as they are certain, and where it ends.

It knows the four kinds of strings and nothing of calls. Valid TOML is read as TOML 1.1 says; what TOML forbids inside a
string (a backslash that escapes nothing, a control character) is kept as it stands and named. Law: for every way of
cutting the text the decoded pieces join to the same string, and half an escape or delimiter is never decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from wireproto.codecs.toml.text import (
    Exits,
    Statement,
    behind_line,
    ends_line,
    skip_gap_lines,
    skip_indent,
    statement_at,
)
from wireproto.text.buffer import Rope
from wireproto.text.scan import MAX_GAP, NO, WAIT, YES, Answer
from wireproto.text.state import State

_CONTROL: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
# By quote and number of lines: where reading stops to look.
_SPECIAL: Final = {
    ('"', False): re.compile(rf'["\\\r\n{_CONTROL}]'),
    ("'", False): re.compile(rf"['\r\n{_CONTROL}]"),
    ('"', True): re.compile(rf'"{{3,}}|"+\Z|[\\{_CONTROL}]|\r(?!\n)'),
    ("'", True): re.compile(rf"'{{3,}}|'+\Z|[{_CONTROL}]|\r(?!\n)"),
}
# By the same: what a chunk must not hold to be content throughout, but for one quote at its end.
_UNSURE: Final = {
    ('"', False): re.compile(rf'["\\\r\n{_CONTROL}]'),
    ("'", False): re.compile(rf"['\r\n{_CONTROL}]"),
    ('"', True): re.compile(rf'"""|""\Z|[\\\r{_CONTROL}]'),
    ("'", True): re.compile(rf"'''|''\Z|[\r{_CONTROL}]"),
}
_SIMPLE: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}
_WIDTHS: Final = {"x": 2, "u": 4, "U": 8}
_HEX: Final = re.compile(r"[0-9A-Fa-f]*")
_TRIMMED: Final = re.compile(r"[ \t\n]*(?:\r\n[ \t\n]*)*")
_LINE_BREAK: Final = re.compile(r"\r?\n")


class Stop(Enum):
    """Why reading a string stopped."""

    QUOTE = "quote"
    BREAK = "break"


@dataclass(slots=True)
class TomlString(State):
    """A string being read. Everything before `position` is decoded, into `text`.

    `fresh`: nothing was read yet, so that a line break belongs to the delimiter. `trims`: behind a backslash at the end
    of a line. `run`: how many quotes of the run that `position` is in are content. `no_close_before`: every delimiter
    before this is known to be content. `look`: where the look-ahead behind the current delimiter stopped. `unsure`
    finds what a chunk must not hold to be content throughout, but for one quote at its end.
    """

    quote: str
    multi: bool
    start: int
    position: int
    text: Rope = field(default_factory=Rope)
    fresh: bool = True
    trims: bool = False
    run: int = 0
    no_close_before: int = 0
    look: int = 0
    unsure: Callable[[str], re.Match[str] | None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.unsure = _UNSURE[self.quote, self.multi].search

    @property
    def delimiter(self) -> int:
        """The length of what closes it."""
        return 3 if self.multi else 1

    @property
    def flows(self) -> bool:
        """Whether a chunk without anything unsure is content throughout."""
        return not (self.fresh or self.trims)

    def read(self, text: str, base: int, end: int, final: bool, repairs: set[str]) -> tuple[str, Stop | Answer]:
        """Decode as far as certain, and return why no further; `text` begins at position `base`.

        Names what was repaired in `repairs`. `Stop.QUOTE`: quotes that may close the string stand at `position`.
        """
        special = _SPECIAL[self.quote, self.multi]
        out: list[str] = []
        at = self.position - base
        stop: Stop | Answer | None = None
        while stop is None:
            at = self._skip(text, at, end)
            if self.fresh or self.trims:
                stop = WAIT
                break
            found = special.search(text, at, end)
            here = found.start() if found is not None else end
            out.append(text[at:here].replace("\r\n", "\n") if self.multi else text[at:here])
            self.run = 0 if here > at else self.run
            at = here
            if found is None:
                stop = WAIT
            elif text[at] == self.quote:
                piece, at, stop = self._quotes(at, len(found[0]), end, final)
                out.append(piece)
            elif text[at] == "\\":
                piece, at = self._escape(text, at, end, repairs)
                out.append(piece)
                stop = WAIT if at == here else None
            else:
                stop = self._control(text, at, end, final)
                if stop is None:
                    repairs.add("control-character")
                    out.append(text[at])
                    at += 1
        self.position = base + at
        piece = "".join(out)
        self.text.append(piece)
        return piece, stop

    def keep_quotes(self) -> str:
        """Take the quotes at `position` as content."""
        piece = self.quote * self.delimiter
        self.text.append(piece)
        self.position += len(piece)
        self.run = 0
        return piece

    def closes(
        self, text: str, base: int, end: int, final: bool, exits: Exits, fits: Callable[[Statement, int], bool]
    ) -> Answer:
        """Return whether the quotes at `position` close the string, by what follows them.

        Behind a string of one line that is the end of the line. Behind one of many lines it is also the next line that
        is neither blank nor a comment: a statement that `fits` (with the width of its indentation), or an exit.
        """
        behind = self.position + self.delimiter - base
        edge = behind + MAX_GAP
        if self.multi and self.position < self.no_close_before:
            return NO
        if skip_indent(text, behind, min(end, edge + 1)) > edge:
            return YES
        if not self.multi:
            ends = ends_line(text, behind, end)
            return YES if ends is WAIT and final else ends
        if self.look <= self.position:
            line = behind_line(text, behind, end)
            if isinstance(line, Answer):
                long = end - text.endswith("\r", behind, end) > edge
                return YES if line is WAIT and (final or long) else line
            self.look = base + line
        stop = min(end, edge + 2)  # as far as it takes to see that the edge is passed
        at, waits = skip_gap_lines(text, self.look - base, stop)
        self.look = base + at
        start = skip_indent(text, at, stop)
        if start > edge or (waits and stop - text.endswith("\r", at, stop) > edge):
            return YES
        if waits:
            return YES if final else WAIT
        follows = self._follows(text, at, start, end, exits, fits)
        if follows is WAIT:
            return YES if final else WAIT
        if follows is NO:
            self.no_close_before = self.look
        return follows

    def _follows(
        self, text: str, line: int, start: int, end: int, exits: Exits, fits: Callable[[Statement, int], bool]
    ) -> Answer:
        leaves = exits.at(text, start, end)
        if leaves is YES:
            return YES
        found = statement_at(text, start, end)
        if isinstance(found, Answer):
            return WAIT if WAIT in (found, leaves) else NO
        return YES if fits(found, start - line) else NO

    def _skip(self, text: str, at: int, end: int) -> int:
        """Skip the line break behind the opening delimiter, or the blanks behind a backslash at the end of a line."""
        if self.fresh and not self.multi:
            self.fresh = False
        elif self.fresh and text[at : min(at + 2, end)] not in ("", "\r"):
            self.fresh = False
            found = _LINE_BREAK.match(text, at, end)
            at = found.end() if found is not None else at
        elif self.trims:
            found = _TRIMMED.match(text, at, end)
            at = found.end() if found is not None else at
            self.trims = text[at : min(at + 2, end)] in ("", "\r")
        return at

    def _quotes(self, at: int, count: int, end: int, final: bool) -> tuple[str, int, Stop | Answer]:
        """Return what of a run of quotes is certainly content, and whether the rest may close the string."""
        if not self.multi:
            return "", at, Stop.QUOTE
        surplus = max(0, count - 3)
        self.run += surplus
        growing = at + count == end and not final
        return self.quote * surplus, at + surplus, WAIT if growing or count < 3 else Stop.QUOTE

    def _escape(self, text: str, at: int, end: int, repairs: set[str]) -> tuple[str, int]:
        """Decode the escape at `at`; nothing, and no step, if more text decides."""
        if at + 1 >= end:
            return "", at
        char = text[at + 1]
        if char in _SIMPLE:
            return _SIMPLE[char], at + 2
        if char in _WIDTHS:
            after = at + 2 + _WIDTHS[char]
            digits = _HEX.match(text, at + 2, min(end, after))
            stop = digits.end() if digits is not None else at + 2
            if stop == end < after:
                return "", at
            code = int(text[at + 2 : after], 16) if stop == after else -1
            if 0 <= code < 0xD800 or 0xE000 <= code <= 0x10FFFF:
                return chr(code), after
        elif self.multi and char in " \t\r\n":
            blank = skip_indent(text, at + 1, min(end, at + MAX_GAP))
            if text[blank : min(blank + 2, end)] in ("", "\r"):
                return "", at
            found = _LINE_BREAK.match(text, blank, end)
            if found is not None:
                self.trims = True
                return "", found.end()
        repairs.add("invalid-escape")
        return "\\", at + 1

    def _control(self, text: str, at: int, end: int, final: bool) -> Stop | Answer | None:
        """Return why to stop at a control character; None if it is content."""
        if text[at] == "\r" and at + 1 == end and not final:
            return WAIT
        breaks = not self.multi and (text[at] == "\n" or text.startswith("\r\n", at, end))
        return Stop.BREAK if breaks else None
