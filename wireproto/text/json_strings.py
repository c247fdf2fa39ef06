"""The inside of a JSON string, as far as it is there: what the streaming reader and the tolerant parser both need.

It knows quotes, escapes and surrogate pairs, and nothing of values. Law: for every way of cutting the text the decoded
pieces join to the same string; half an escape or half a pair is never decoded.
"""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Final

_SPECIAL: Final = {'"': re.compile(r'["\\\x00-\x1f]'), "'": re.compile(r"['\\\x00-\x1f]")}
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_UNIT: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_PART_OF_UNIT: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_BULK: Final = 64  # from here on one try of the C scanner pays
_FIRST_TRY: Final = 4096


def decode(text: str, pos: int, end: int, quote: str, repairs: set[str]) -> tuple[str, int]:
    """Decode characters from `pos` to the closing quote, or as far as they are certain before `end`.

    Returns the decoded text and the position of the quote, of an escape that `end` cuts, or `end`; names what was
    repaired in `repairs` (see `json_repair.LADDER`).
    """
    if quote == '"' and end - pos > _BULK:
        if text.find('"', pos, end) >= 0:
            whole = decode_whole(text, pos, end)
            if whole is not None:
                return whole
        elif (plain := decode_chunk(text[pos:end])) is not None:
            return plain[0], end - plain[1]
    out = []
    while (found := _SPECIAL[quote].search(text, pos, end)) is not None:
        at = found.start()
        out.append(text[pos:at])
        pos = at
        if text[at] == quote:
            return "".join(out), at
        if text[at] == "\\":
            char, pos = _escape(text, at, end, quote, repairs)
            if not char:
                return "".join(out), at
            out.append(char)
        else:
            repairs.add("control-character")
            out.append(text[at])
            pos = at + 1
    out.append(text[pos:end])
    return "".join(out), end


def decode_whole(text: str, pos: int, end: int) -> tuple[str, int] | None:
    """Decode a double-quoted string that needs no repair and closes before `end`; None for any other."""
    size = _FIRST_TRY
    while True:
        piece = text[pos : min(end, pos + size)]
        try:
            value, after = scanstring(piece, 0, True)
        except JSONDecodeError as error:
            # The error counts the lines of what it was given: one on the whole text for each string is quadratic.
            if pos + size >= end or not error.msg.startswith("Unterminated"):
                return None
            size *= 16
            continue
        return (value, pos + after - 1) if value.isascii() or is_unicode(value) else None


def decode_chunk(text: str) -> tuple[str, int] | None:
    """Decode what is all inside one double-quoted string, and count the backslash at its end that waits for more.

    None where that takes more than plain characters and whole simple escapes.
    """
    if "\\" not in text:
        return (text, 0) if '"' not in text and text.isprintable() else None
    held = (len(text) - len(text.rstrip("\\"))) % 2
    size = len(text) - held
    whole = decode_whole(text[:size] + '"', 0, size + 1) if "\\u" not in text else None
    return (whole[0], held) if whole is not None and whole[1] == size else None


def is_unicode(text: str) -> bool:
    """Return whether UTF-8 can carry the text: it holds no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escape(text: str, at: int, end: int, quote: str, repairs: set[str]) -> tuple[str, int]:
    """Decode the escape at `at`; nothing if it is cut by `end`."""
    if end - at < 6 and _PART_OF_UNIT.match(text[at:end]):
        return "", at
    following = text[at + 1]
    if following in _ESCAPES or following == quote:
        return _ESCAPES.get(following, following), at + 2
    unit = _UNIT.match(text, at, end)
    if unit is None:
        repairs.add("invalid-escape")
        return ("'", at + 2) if following == "'" else ("\\", at + 1)
    first = int(unit[1], 16)
    if not 0xD800 <= first < 0xE000:
        return chr(first), at + 6
    if first < 0xDC00:
        second = _UNIT.match(text, at + 6, end)
        if second is not None and 0xDC00 <= int(second[1], 16) < 0xE000:
            return chr(0x10000 + ((first - 0xD800) << 10) + int(second[1], 16) - 0xDC00), at + 12
        if end - at < 12 and (end == at + 6 or _PART_OF_UNIT.match(text[at + 6 : end])):
            return "", at
    repairs.add("lone-surrogate")
    return "\ufffd", at + 6
