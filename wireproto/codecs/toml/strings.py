"""A TOML string that may still grow: its characters as far as they are certain, and where it ends.

It knows the four kinds of strings and nothing of calls. Valid TOML is read as TOML 1.1 says; what TOML forbids inside a
string (a backslash that escapes nothing, a control character) is kept as it stands and named. Law: for every way of
cutting the text the decoded pieces join to the same string, and half an escape or delimiter is never decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Literal

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
from wireproto.text.scan import MAX_GAP, Miss

_CONTROL: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
# By quote and number of lines: where reading stops to look.
_SPECIAL: Final = {
    ('"', False): re.compile(rf'["\\\r\n{_CONTROL}]'),
    ("'", False): re.compile(rf"['\r\n{_CONTROL}]"),
    ('"', True): re.compile(rf'"{{3,}}|"+\Z|[\\{_CONTROL}]|\r(?!\n)'),
    ("'", True): re.compile(rf"'{{3,}}|'+\Z|[{_CONTROL}]|\r(?!\n)"),
}
# By the same: what a chunk must not hold to be content throughout, but for one quote at its end.
_UNSETTLED: Final = {
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

    MORE = "more"
    QUOTE = "quote"
    BREAK = "break"


@dataclass(slots=True)
class OpenString:
    """A string being read. Everything before `position` is decoded, into `text`.

    `fresh`: nothing was read yet, so that a line break belongs to the delimiter. `trims`: behind a backslash at the end
    of a line. `run`: how many quotes were told of the run that `position` is in. `barren`: no delimiter before this
    closes the string. `look`: how far behind a delimiter was looked in vain. `unsettled` finds what a chunk must not
    hold to be content throughout, but for one quote at its end.
    """

    quote: str
    multi: bool
    start: int
    position: int
    text: Rope = field(default_factory=Rope)
    fresh: bool = True
    trims: bool = False
    run: int = 0
    barren: int = 0
    look: int = 0
    unsettled: Callable[[str], re.Match[str] | None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.unsettled = _UNSETTLED[self.quote, self.multi].search

    def copy(self) -> OpenString:
        """Return an independent copy."""
        return replace(self, text=self.text.copy())

    @property
    def delimiter(self) -> int:
        """The length of what closes it."""
        return 3 if self.multi else 1

    @property
    def flows(self) -> bool:
        """Whether a chunk without anything unsettled is content throughout."""
        return not (self.fresh or self.trims)

    def read(self, text: str, base: int, end: int, final: bool, repairs: set[str]) -> tuple[str, Stop]:
        """Decode as far as certain, and tell why no further; `text` begins at position `base`.

        Names what was repaired in `repairs`. `Stop.QUOTE`: quotes that may close the string stand at `position`.
        """
        special = _SPECIAL[self.quote, self.multi]
        out: list[str] = []
        at, stop = self.position - base, None
        while stop is None:
            at = self._skip(text, at, end)
            if self.fresh or self.trims:
                stop = Stop.MORE
                break
            found = special.search(text, at, end)
            here = found.start() if found is not None else end
            out.append(text[at:here].replace("\r\n", "\n") if self.multi else text[at:here])
            self.run = 0 if here > at else self.run
            at = here
            if found is None:
                stop = Stop.MORE
            elif text[at] == self.quote:
                piece, at, stop = self._quotes(at, len(found[0]), end, final)
                out.append(piece)
            elif text[at] == "\\":
                piece, at = self._escape(text, at, end, repairs)
                out.append(piece)
                stop = Stop.MORE if at == here else None
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
    ) -> bool | None:
        """Tell whether the quotes at `position` close the string, by what follows them; None if more text decides.

        Behind a string of one line that is the end of the line. Behind one of many lines it is also the next line that
        is neither blank nor a comment: a statement that `fits` (with the width of its indentation), or an exit.
        """
        behind = self.position + self.delimiter - base
        edge = behind + MAX_GAP
        if self.multi and self.position < self.barren:
            return False
        if skip_indent(text, behind, min(end, edge + 1)) > edge:
            return True
        if not self.multi:
            return final or None if (ends := ends_line(text, behind, end)) is Miss.MORE else ends is True
        if self.look <= self.position:
            line = behind_line(text, behind, end)
            if isinstance(line, Miss):
                return line is Miss.MORE and (final or end - text.endswith("\r", behind, end) > edge or None)
            self.look = base + line
        stop = min(end, edge + 2)  # as far as it takes to see that the edge is passed
        at, waits = skip_gap_lines(text, self.look - base, stop)
        self.look = base + at
        start = skip_indent(text, at, stop)
        if start > edge or (waits and stop - text.endswith("\r", at, stop) > edge):
            return True
        if waits:
            return final or None
        follows = self._follows(text, at, start, end, exits, fits)
        if follows is Miss.MORE:
            return final or None
        if follows is Miss.NO:
            self.barren = self.look
        return follows is True

    def _follows(
        self, text: str, line: int, start: int, end: int, exits: Exits, fits: Callable[[Statement, int], bool]
    ) -> Literal[True] | Miss:
        leaves = exits.at(text, start, end)
        if leaves is True:
            return True
        found = statement_at(text, start, end)
        if isinstance(found, Miss):
            return Miss.MORE if Miss.MORE in (found, leaves) else Miss.NO
        return True if fits(found, start - line) else Miss.NO

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

    def _quotes(self, at: int, count: int, end: int, final: bool) -> tuple[str, int, Stop]:
        """Tell of a run of quotes what is certainly content, and whether the rest may close the string."""
        if not self.multi:
            return "", at, Stop.QUOTE
        surplus = max(0, count - 3)
        self.run += surplus
        growing = at + count == end and not final
        return self.quote * surplus, at + surplus, Stop.MORE if growing or count < 3 else Stop.QUOTE

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

    def _control(self, text: str, at: int, end: int, final: bool) -> Stop | None:
        """Tell why not to go on at a control character; None if it is content."""
        if text[at] == "\r" and at + 1 == end and not final:
            return Stop.MORE
        breaks = not self.multi and (text[at] == "\n" or text.startswith("\r\n", at, end))
        return Stop.BREAK if breaks else None
