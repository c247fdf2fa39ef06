"""The inside of a Python string, as far as it is there, and strings written.

It knows quotes, prefixes, escapes and surrogate pairs, and nothing of values. A backslash that escapes nothing stays,
as in Python. Law: for every way of cutting the text the decoded pieces join to the same string; half an escape, or half
a delimiter, is never decoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

OPENER: Final = re.compile(r"(?P<prefix>[rRuU]?)(?P<quotes>'''|\"\"\"|'|\")")
_SPECIAL: Final = {
    **{quote: re.compile(rf"[{quote}\\\r\n\0]") for quote in "'\""},
    **{quote * 3: re.compile(rf"{quote}{{3,}}|{quote}+\Z|[\\\0]") for quote in "'\""},
}
_SIMPLE: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"',
    "\n": "",
}  # fmt: skip
_WIDTHS: Final = {"x": 2, "u": 4, "U": 8}
_HEX: Final = re.compile(r"[0-9a-fA-F]*")
_OCTAL: Final = re.compile(r"[0-7]{1,3}")
_PAIR: Final = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_PART_OF_PAIR: Final = re.compile(r"(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?\Z")
_ESCAPED: Final = re.compile(r"[\\\x00-\x1f\x7f]")
_SHORT: Final = {"\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


@dataclass(frozen=True, slots=True)
class Quotes:
    """How a string is delimited: its `delimiter`, one quote or three; `raw`: a backslash escapes nothing in it."""

    delimiter: str
    raw: bool = False


def decode(text: str, pos: int, end: int, quotes: Quotes, repairs: set[str]) -> tuple[str, int]:
    """Decode characters from `pos` to what may close the string, or as far as they are certain before `end`.

    Returns the decoded text and the position of the delimiter, of quotes at `end` that may become one, of an escape
    that `end` cuts, or `end`; names what was repaired in `repairs`.
    """
    special = _SPECIAL[quotes.delimiter]
    out: list[str] = []
    while (found := special.search(text, pos, end)) is not None:
        at = found.start()
        out.append(text[pos:at])
        pos = at
        char = text[at]
        if char == quotes.delimiter[0]:
            return "".join(out), at
        if char != "\\":
            repairs.add("control-character")
            out.append(char)
            pos = at + 1
            continue
        piece, pos = _escape(text, at, end, quotes.raw, repairs)
        out.append(piece)
        if pos == at:
            return "".join(out), at
    out.append(text[pos:end])
    return "".join(out), end


def write(text: str, quote: str = "") -> str:
    """Write a string on one line, in the quotes that Python would choose if none are given."""
    quote = quote or ('"' if "'" in text and '"' not in text else "'")
    return quote + _ESCAPED.sub(_written, text).replace(quote, "\\" + quote) + quote


def _written(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"


def _escape(text: str, at: int, end: int, raw: bool, repairs: set[str]) -> tuple[str, int]:
    """Decode the escape at `at`; nothing, and no step, if `end` cuts it."""
    following = text[at + 1 : min(at + 2, end)]
    if not following:
        return "", at
    if raw:
        return text[at : at + 2], at + 2
    if following in _SIMPLE:
        return _SIMPLE[following], at + 2
    if following == "\r":
        if at + 2 >= end:
            return "", at
        return "", at + 2 + (text[at + 2] == "\n")
    octal = _OCTAL.match(text, at + 1, end)
    if octal is not None:
        cut = octal.end() == end and len(octal[0]) < 3
        return ("", at) if cut else (chr(int(octal[0], 8)), octal.end())
    if following in _WIDTHS:
        return _coded(text, at, end, at + 2 + _WIDTHS[following], repairs)
    return "\\", at + 1


def _coded(text: str, at: int, end: int, after: int, repairs: set[str]) -> tuple[str, int]:
    """Decode an escape that spells the number of a character, as many digits as there are up to `after`."""
    digits = _HEX.match(text, at + 2, min(end, after))
    stop = digits.end() if digits is not None else at + 2
    if stop == end < after:
        return "", at
    code = int(text[at + 2 : after], 16) if stop == after else -1
    if not 0 <= code <= 0x10FFFF:
        repairs.add("invalid-escape")
        return "\\", at + 1
    if not 0xD800 <= code < 0xE000:
        return chr(code), after
    pair = _PAIR.match(text, after, end) if code < 0xDC00 else None
    if pair is not None:
        return chr(0x10000 + ((code - 0xD800) << 10) + int(pair[1], 16) - 0xDC00), pair.end()
    if code < 0xDC00 and end - after < 6 and _PART_OF_PAIR.match(text[after:end]):
        return "", at
    repairs.add("lone-surrogate")
    return "\ufffd", after
