"""Character data of XML: references, CDATA sections and text that nobody escaped, decoded as it arrives.

Models escape, use CDATA, or do neither. So a reference that is none (`a && b`) stays as written, and a `<` that opens
no CDATA section says that the writer does not escape: from there on everything is as written (R-ENT). It knows nothing
of tags or calls. Law: pieces decode to what the whole decodes to, wherever it is cut.

Sources: XML 1.0 (fifth edition), 2.4 (escapes), 2.7 (CDATA), 4.1 (character references), 4.6 (predefined entities).
"""

from __future__ import annotations

import re
from enum import Enum

CDATA_OPEN = "<![CDATA["
CDATA_CLOSE = "]]>"

_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_REFERENCE = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,8})|#x([0-9A-Fa-f]{1,6}));")
# What at the end of a text may yet become a reference.
_HALF_REFERENCE = re.compile(r"&(?:#(?:[0-9]{0,8}|x[0-9A-Fa-f]{0,6})|[a-z]{0,4})\Z")
_SPECIAL = re.compile(r"[&<]")
# What may be written as a reference; what must be in character data and in an attribute's value.
ESCAPES = {**{sign: f"&{name};" for name, sign in _NAMED.items()}, "\r": "&#13;", "\t": "&#9;", "\n": "&#10;"}
IN_TEXT = "&<\r"
IN_VALUE = '&<"\t\n\r'
_ESCAPED = re.compile(rf"[{IN_TEXT}]|(?<=\]\])>")
_QUOTED = re.compile(f"[{IN_VALUE}]")


class Mode(Enum):
    """How the text that follows is to be read, by the text before it."""

    ESCAPED = "escaped"
    CDATA = "cdata"
    RAW = "raw"


def _character(found: re.Match[str]) -> str:
    name, decimal, hexadecimal = found.groups()
    if name:
        return _NAMED[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    is_character = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_character else found.group()


def references(text: str) -> str:
    """Return text with its character references decoded; what is none stays as written."""
    return _REFERENCE.sub(_character, text) if "&" in text else text


def escape(text: str) -> str:
    """Return text as character data that any XML reader reads back, as far as XML has its characters."""
    return _ESCAPED.sub(lambda found: ESCAPES[found[0]], text)


def escape_attribute(text: str) -> str:
    """Return text as the value of an attribute in double quotes."""
    return _QUOTED.sub(lambda found: ESCAPES[found[0]], text)


def decode(text: str) -> str:
    """Return the decoded form of a whole text."""
    return decode_part(text, 0, len(text), Mode.ESCAPED, final=True)[0]


def decode_part(text: str, pos: int, end: int, mode: Mode, final: bool) -> tuple[str, int, Mode]:
    """Decode from `pos` up to `end`; return what is certain, where it ends, and the mode there.

    Unless `final`, what may be half of a reference or of a CDATA marker is left for the next time.
    """
    out: list[str] = []
    while pos < end:
        if mode is Mode.RAW:
            out.append(text[pos:end])
            return "".join(out), end, mode
        step = _cdata(text, pos, end, final) if mode is Mode.CDATA else _escaped(text, pos, end, final)
        piece, at, following = step
        out.append(piece)
        if at == pos and following is mode:
            break
        pos, mode = at, following
    return "".join(out), pos, mode


def _cdata(text: str, pos: int, end: int, final: bool) -> tuple[str, int, Mode]:
    close = text.find(CDATA_CLOSE, pos, end)
    if close >= 0:
        return text[pos:close], close + len(CDATA_CLOSE), Mode.ESCAPED
    if final:
        return text[pos:end], end, Mode.CDATA
    held = next((n for n in (2, 1) if text.endswith(CDATA_CLOSE[:n], pos, end)), 0)
    return text[pos : end - held], end - held, Mode.CDATA


def _escaped(text: str, pos: int, end: int, final: bool) -> tuple[str, int, Mode]:
    """Decode up to the first `<`, or to half of a reference at the end."""
    special = text.find("<", pos, end)
    stop = special if special >= 0 else end
    if stop > pos:
        half = None if final or special >= 0 else _HALF_REFERENCE.search(text, max(pos, end - 11), end)
        stop = half.start() if half is not None else stop
        return references(text[pos:stop]), stop, Mode.ESCAPED
    if text.startswith(CDATA_OPEN, pos, end):
        return "", pos + len(CDATA_OPEN), Mode.CDATA
    if not final and CDATA_OPEN.startswith(text[pos:end]):
        return "", pos, Mode.ESCAPED
    return "", pos, Mode.RAW
