"""TOML text that may still grow: keys, headers, the ends of lines and of whole values.

It knows where things end, not what they are for, and leaves the reading of whole values to `text.toml`. Law: every
answer rests on the text so far, and `WAIT` means that more text decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Union

from wireproto.format.spelling import Spelling
from wireproto.text import toml
from wireproto.text.buffer import OpenValue
from wireproto.text.scan import MAX_GAP, NO, WAIT, YES, Answer, Miss, begins
from wireproto.values.exact_json import MAX_DEPTH

Path = tuple[str, ...]

MAX_KEY: Final = 1024  # a longer key or header is none: what a decoder holds back stays small

_PART: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\r\n]|\\[^\r\n])*(?:"|\\?\Z)|'[^'\r\n]*(?:'|\Z))"""
_PATH: Final = rf"(?P<path>{_PART}(?:[ \t]*(?:\Z|\.[ \t]*(?:\Z|{_PART})))*)[ \t]*"
_KEY: Final = re.compile(rf"{_PATH}(?:\Z|(?P<equals>=))")
_HEADER: Final = re.compile(rf"\[(?P<double>\[)?[ \t]*(?:\Z|{_PATH}(?:\Z|(?P<close>\](?(double)\]?))))")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_LINE_END: Final = re.compile(r"[ \t]*(?:#|\r?\n|\r?\Z)")
_SCALAR: Final = re.compile(
    r"(?:true|false|[-+]?(?:inf|nan)|[-+]?[0-9][-+0-9A-Za-z_.:]*(?:[ ][0-9][-+0-9A-Za-z_.:]*)?)[ \t]*(?:[#\r\n]|\Z)"
)
_SCALAR_SPAN: Final = 80
_REST_OF_LINE: Final = re.compile(r"[^#\r\n]*")
_GAP_LINES: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*")
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_LONE_RETURN: Final = re.compile(r"\r(?!\n)")
_TAIL: Final = re.compile(r"[ \t]*(?:#[^\n]*)?\r?(?P<end>\n|\Z)")
_COMMENT: Final = re.compile(r"[ \t]*(?:#[^\n]*)?\r?\Z")

_MAX_QUOTES: Final = 5  # the three that close a string, and two that are its last characters
_TOKEN: Final = re.compile(r"""["'\[\]{}#\n]""")
_INSIDE: Final = {
    '"': re.compile(r'["\\\n]'),
    "'": re.compile(r"['\n]"),
    '"""': re.compile(r'"{3,5}|"+\Z|\\'),
    "'''": re.compile(r"'{3,5}|'+\Z"),
    "#": re.compile(r"\n"),
}


class NotToml(ValueError):
    """Text that is not TOML, and why in a few words; `position`: where, if that is not where reading stopped."""

    def __init__(self, why: str, position: int | None = None) -> None:
        super().__init__(why)
        self.position = position


@dataclass(frozen=True, slots=True)
class Key:
    """A key and the equals sign behind it, which ends at `end`; `raw` is how the key is spelled."""

    path: Path
    raw: str
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """A table's header, or with `double` that of an array of tables."""

    path: Path
    raw: str
    end: int
    double: bool


Statement = Union[Key, Header]


class Exits:
    """Lines that end a call, outside of strings: the next call's header, and the section's opener or closer.

    A token that ends the turn may stand directly behind the closer.
    """

    __slots__ = ("_closers", "_firsts", "_openers", "_turn_ends")

    def __init__(self, spelling: Spelling) -> None:
        self._openers = [*spelling.headers, *(section for section, _ in spelling.sections)]
        self._closers = [close for _, close in spelling.sections]
        self._turn_ends = spelling.dialect.ends
        self._firsts = frozenset(text[:1] for text in (*(opener.first for opener in self._openers), *self._closers))

    def at(self, text: str, pos: int, end: int, final: bool = False) -> Answer:
        """Return whether such a line begins at `pos`, behind its indentation; `final`: nothing follows `end`."""
        pos = skip_indent(text, pos, end)
        if pos >= end:
            return WAIT
        if text[pos] not in self._firsts:
            return NO
        found = [opener.match(text, pos, end) for opener in self._openers]
        ends = [place.end for place in found if not isinstance(place, Answer)]
        stands = [begins(closer, text, pos, end) for closer in self._closers]
        closed = [pos + len(closer) for closer, here in zip(self._closers, stands, strict=True) if here is YES]
        lines = [ends_line(text, after, end) for after in (*ends, *closed)]
        if YES not in lines:
            lines += [begins(token, text, after, end) for after in closed for token in self._turn_ends]
        if YES in lines or (final and WAIT in lines):
            return YES
        return WAIT if WAIT in (*found, *stands, *lines) else NO


def ends_line(text: str, pos: int, end: int) -> Answer:
    """Return whether only blanks come before the line's end or a comment."""
    found = _LINE_END.match(text, pos, end)
    if found is None:
        return NO
    return YES if found[0].endswith(("\n", "#")) else WAIT


def skip_indent(text: str, pos: int, end: int) -> int:
    """Return the first position from `pos` up to `end` that is neither a space nor a tab."""
    while pos < end and text[pos] in " \t":
        pos += 1
    return pos


def skip_blank_lines(text: str, pos: int, end: int) -> int:
    """Return where the first line begins that is not blank throughout, or is not there throughout."""
    found = _BLANKS.match(text, pos, end)
    stop = found.end() if found is not None else pos
    lone = _LONE_RETURN.search(text, pos, stop)
    return max(pos, text.rfind("\n", pos, lone.start() if lone is not None else stop) + 1)


def path_of(raw: str) -> Path | None:
    """Return the parts of a key as it is spelled; None if it is none, or has too many."""
    if _BARE.fullmatch(raw):
        return (raw,)
    try:
        node: Any = toml.loads(raw + " = 0")
    except (ValueError, RecursionError):
        return None
    path: list[str] = []
    while isinstance(node, dict):
        ((part, node),) = node.items()
        path.append(part)
    return tuple(path) if len(path) <= MAX_DEPTH else None


def key_at(text: str, pos: int, end: int) -> Key | Miss:
    """Read the key and the equals sign that a statement begins with."""
    found = _KEY.match(text, pos, min(end, pos + MAX_KEY))
    if found is None:
        return NO
    if found["equals"] is None:
        return WAIT if end < pos + MAX_KEY else NO
    raw = found["path"].rstrip(" \t")
    path = path_of(raw)
    return NO if path is None else Key(path, raw, found.end())


def header_at(text: str, pos: int, end: int) -> Header | Miss:
    """Read a table's header."""
    found = _HEADER.match(text, pos, min(end, pos + MAX_KEY))
    if found is None:
        return NO
    wanted = "]]" if found["double"] else "]"
    if found["close"] is None or (len(found["close"]) < len(wanted) and found.end() >= end):
        return WAIT if end < pos + MAX_KEY else NO
    path = path_of(found["path"].rstrip(" \t"))
    if path is None or found["close"] != wanted:
        return NO
    return Header(path, found[0], found.end(), bool(found["double"]))


def statement_at(text: str, pos: int, end: int) -> Statement | Miss:
    """Read a header, or a key with what may begin a value: anything else in a line is no statement."""
    if text.startswith("[", pos, end):
        header = header_at(text, pos, end)
        if isinstance(header, Answer):
            return header
        return header if (ends := ends_line(text, header.end, end)) is YES else ends
    key = key_at(text, pos, end)
    if isinstance(key, Answer):
        return key
    value = skip_indent(text, key.end, min(end, key.end + MAX_GAP))
    if value >= end:
        return WAIT
    if text[value] in "\"'[{":
        return key
    if text[value] not in "tfin+-0123456789":
        return NO
    stop = min(end, value + _SCALAR_SPAN)
    rest = _REST_OF_LINE.match(text, value, stop)
    if rest is not None and rest.end() == end < value + _SCALAR_SPAN:
        return WAIT
    return key if _SCALAR.match(text, value, stop) else NO


def behind_line(text: str, pos: int, end: int) -> int | Miss:
    """Return where the next line begins if only blanks and a comment come before it."""
    found = _TAIL.match(text, pos, end)
    if found is None:
        return NO
    return found.end() if found["end"] else WAIT


def skip_gap_lines(text: str, pos: int, end: int) -> tuple[int, bool]:
    """Skip lines that are blank or comments; return too whether the line behind them may yet become one of them."""
    found = _GAP_LINES.match(text, pos, end)
    at = found.end() if found is not None else pos
    return at, _COMMENT.match(text, at, end) is not None


def value_end(span: OpenValue, text: str, base: int, end: int, exits: Exits, max_depth: int) -> int | Miss:
    """Return where the line ends that a value ends on; `text` begins at position `base`.

    Raises:
        NotToml: a string does not end on its line, or a line inside brackets ends the call; `span.scan` is there.
        OverflowError: it is nested deeper than `max_depth`.
    """
    while True:
        found = (_INSIDE[span.inside] if span.inside else _TOKEN).search(text, span.scan - base, end)
        if found is None:
            span.scan = base + end
            return WAIT
        at, mark = found.start(), found[0]
        span.scan = base + at
        if mark == "\n" and not span.inside and not span.depth:
            return base + at
        after = _in_string(span, at, mark, end) if span.inside else _structure(span, text, at, end, exits)
        if after is WAIT or after is NO:
            return WAIT
        span.scan = base + after
        if span.depth > max_depth:
            raise OverflowError(f"nested deeper than {max_depth}")


def _in_string(span: OpenValue, at: int, mark: str, end: int) -> int | Miss:
    """Return where to go on behind a mark inside a string or comment; WAIT if more text decides."""
    if mark == "\\":
        return at + 2 if at + 1 < end else WAIT
    if mark == "\n":
        if span.inside != "#":
            raise NotToml("a line break in a string of one line")
        span.inside = ""
        return at  # it may end the value
    if len(span.inside) == 3 and at + len(mark) >= end and len(mark) < _MAX_QUOTES:
        return WAIT
    span.inside = ""
    return at + len(mark)


def _structure(span: OpenValue, text: str, at: int, end: int, exits: Exits) -> int | Miss:
    """Return where to go on behind a mark outside strings; WAIT if more text decides."""
    mark = text[at]
    if mark in "\"'":
        triple = begins(mark * 3, text, at, end)
        if triple is WAIT:
            return WAIT
        span.inside = mark * 3 if triple is YES else mark
        return at + len(span.inside)
    if mark == "\n":
        leaves = exits.at(text, at + 1, end)
        if leaves is YES:
            span.scan += 1
            raise NotToml("a bracket is not closed")
        return WAIT if leaves is WAIT else at + 1
    if mark == "#":
        span.inside = mark
    else:
        span.depth += 1 if mark in "[{" else -1 if span.depth else 0
    return at + 1


def load(raw: str) -> Any:
    """Return the value that `raw` spells, a comment behind it included; floats are `Decimal`.

    Raises:
        NotToml: it is no value.
    """
    return load_document(f"v = {raw}\n")["v"]


def load_document(text: str) -> dict[str, Any]:
    """Return the value of a document, its floats as `Decimal`; its brackets are known to be few.

    Raises:
        NotToml: it is not TOML.
    """
    try:
        return toml.loads(text, decimals=True)
    except RecursionError:
        raise NotToml("nested too deeply") from None
    except ValueError as error:
        raise NotToml(str(error).partition(" (at ")[0]) from None
