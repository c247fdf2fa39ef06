"""Text in HTML: character references, line breaks, NUL, and the escapes that write them.

It knows nothing of tags or calls. Law: pieces decode to what the whole decodes to, wherever it is cut.

Source: the HTML Standard, 13.2.3.5 (preprocessing the input stream) and 13.2.5.72 to 13.2.5.80 (character references);
the names are those of Python's `html.entities`, which is the Standard's own table.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from html.entities import html5

SPACE = " \t\n\f\r"
REPLACEMENT = "\ufffd"
# A number of more digits is none: what a reader holds back stays small.
_MAX_DIGITS = 40
_MAX_REFERENCE = _MAX_DIGITS + len("&#x")
_MAX_NAME = max(map(len, html5))
_MAX_LEGACY = max(len(name) for name in html5 if name[-1] != ";")
_NAMES = sorted(html5)
_REFERENCE = re.compile(
    rf"&(?:#(?:[xX]([0-9a-fA-F]{{1,{_MAX_DIGITS}}})|([0-9]{{1,{_MAX_DIGITS}}}));?"
    rf"|([A-Za-z][A-Za-z0-9]{{0,{_MAX_NAME - 2}}};?))"
)
_HALF_NUMBER = re.compile(rf"&#(?:[xX][0-9a-fA-F]{{0,{_MAX_DIGITS}}}|[0-9]{{0,{_MAX_DIGITS}}})\Z")
_LINE_BREAK = re.compile(r"\r\n?")
_SPACES = re.compile(rf"[{SPACE}]+")
# Numbers that mean characters of windows-1252, as they always did.
_WINDOWS = {
    0x80 + i: char
    for i, char in enumerate("€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ")
}  # fmt: skip
_CAPITALS = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
# What is written as a reference; what must be in the content of a textarea and in an attribute's value. The control
# characters from U+0080 stay: their references mean other characters.
_SIGNS = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
ESCAPES = {**_SIGNS, **{chr(code): f"&#{code};" for code in (*range(1, 0x20), 0x7F)}}
IN_TEXT = "&<\r"
IN_VALUE = "".join(ESCAPES)
_ESCAPED = re.compile(f"[{IN_TEXT}]")
_ESCAPED_VALUE = re.compile(f"[{re.escape(IN_VALUE)}]")


def lower(name: str) -> str:
    """Return a name as HTML compares it: the letters A to Z in lower case, and no others."""
    return name.lower() if name.isascii() else name.translate(_CAPITALS)


def collapse(text: str) -> str:
    """Return text without white space at its ends, and every other run of it as one space."""
    return _SPACES.sub(" ", text).strip(" ")


def plain(text: str) -> str:
    """Return text as every part of HTML sees it: line breaks are line feeds, and NUL is no character."""
    if "\r" in text:
        text = _LINE_BREAK.sub("\n", text)
    return text.replace("\0", REPLACEMENT)


def decode(text: str) -> str:
    """Return a whole text with its character references decoded."""
    text = plain(text)
    return _REFERENCE.sub(_in_text, text) if "&" in text else text


def decode_attribute(text: str) -> str:
    """Return an attribute's value decoded: there `&copy=1` and `&copying` are no references."""
    text = plain(text)
    return _REFERENCE.sub(_in_attribute, text) if "&" in text else text


def decode_part(text: str) -> tuple[str, int]:
    """Decode what is certain of a text that goes on; return it and where the rest begins.

    Left for the next time are a carriage return and what may be half of a reference, at the end.
    """
    end = len(text)
    if text.endswith("\r"):
        end -= 1
    else:
        at = text.rfind("&", max(0, end - _MAX_REFERENCE))
        if at >= 0 and (_HALF_NUMBER.match(text, at) or _begins_name(text[at + 1 :])):
            end = at
    return decode(text[:end]), end


def escape(text: str) -> str:
    """Return text as the content of a textarea that reads back as it is, NUL aside."""
    return _ESCAPED.sub(lambda found: ESCAPES[found[0]], text)


def escape_attribute(text: str) -> str:
    """Return text as the value of an attribute in double quotes; NUL is kept, which HTML cannot carry."""
    return _ESCAPED_VALUE.sub(lambda found: ESCAPES[found[0]], text)


def _begins_name(text: str) -> bool:
    """Return whether more text may make a (longer) name of this."""
    at = bisect_left(_NAMES, text)
    if at < len(_NAMES) and _NAMES[at] == text:
        at += 1
    return at < len(_NAMES) and _NAMES[at].startswith(text)


def _in_text(found: re.Match[str]) -> str:
    return _reference(found, False)


def _in_attribute(found: re.Match[str]) -> str:
    return _reference(found, True)


def _reference(found: re.Match[str], in_attribute: bool) -> str:
    hexadecimal, decimal, name = found.groups()
    if name is None:
        return _numbered(int(hexadecimal, 16) if hexadecimal else int(decimal))
    if name in html5 and name[-1] == ";":
        return html5[name]
    # Some names need no semicolon; of those the longest counts, whatever follows it.
    length = next((n for n in range(min(len(name), _MAX_LEGACY), 1, -1) if name[:n] in html5), 0)
    if not length:
        return found[0]
    after = found.start() + 1 + length
    following = found.string[after : after + 1] if in_attribute else ""
    if following == "=" or (following.isascii() and following.isalnum()):
        return found[0]
    return html5[name[:length]] + name[length:]


def _numbered(code: int) -> str:
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return REPLACEMENT
    return _WINDOWS.get(code) or chr(code)
