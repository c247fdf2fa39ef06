"""End tags with a slip in them: `</fom>`, `</textara>`. HTML skips the one and takes the other for text.

They count where what follows shows that they were meant. It knows nothing of calls. Law: an answer never changes when
more text arrives, except from `WAIT`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wireproto.codecs.html.tags import HtmlTag, read_tag, tag_name
from wireproto.format.near_misses import near_miss
from wireproto.format.tag import MAX_TAG
from wireproto.text.scan import NO, WAIT, YES, Answer, skip_blank

_FORM: Final = "</form>"
_AREA: Final = "</textarea>"
_BEGINNING: Final = _AREA[:3]
_MAX_BLANKS: Final = 64  # between an end tag and what follows it
_CONTROLS: Final = ("textarea", "input", "select", "script")


def closes_form(raw: str) -> bool:
    """Return whether a whole tag, or what is none, was to be the end tag of a form."""
    return near_miss(_FORM, raw, 0, len(raw), True) == len(raw)


def is_over(text: str, pos: int, end: int, parts: frozenset[str]) -> Answer:
    """Return whether a form is over at `pos`: no end tag of a form follows, nor any of its `parts`."""
    at = skip_blank(text, pos, min(end, pos + _MAX_BLANKS))
    if at >= end:
        return WAIT
    if text[at] != "<":
        return YES
    stop = next((i for i in range(at + 2, min(end, at + MAX_TAG)) if text[i] in " \t\r\n/>"), -1)
    if stop < 0:
        return WAIT if end < at + MAX_TAG else YES
    name = tag_name(text[at:stop])
    return NO if name in parts and (name != "form" or text[at + 1] == "/") else YES


def broken_area_end(
    text: str, pos: int, stop: int, end: int, final: bool, follows: Callable[[HtmlTag], bool]
) -> tuple[int, int] | None:
    """Return where an end tag of a textarea with a slip in it begins and ends, that stands in front of `stop`.

    The end is -1 where more text decides. `follows`: whether the tag of a control may stand behind it.
    """
    pos = text.find("<", pos, stop)  # one character is found much faster than three
    while pos >= 0 and (at := text.find(_BEGINNING, pos, stop)) >= 0:
        pos = at + len(_BEGINNING)
        after = near_miss(_AREA, text, at, end, final)
        if after is NO:
            continue
        stands = WAIT if after is WAIT else _control_follows(text, after, end, follows)
        if stands is YES or (stands is WAIT and final):
            return at, after if isinstance(after, int) else end
        if stands is WAIT:
            return at, -1
    return None


def _control_follows(text: str, pos: int, end: int, follows: Callable[[HtmlTag], bool]) -> Answer:
    """Return whether the end tag of a form stands at `pos`, or a control's tag that may stand there."""
    at = skip_blank(text, pos, min(end, pos + _MAX_BLANKS))
    if at >= end:
        return WAIT
    if text[at] != "<":
        return NO
    close = text.find(">", at, min(end, at + MAX_TAG))
    if close < 0:
        return WAIT if end < at + MAX_TAG else NO
    raw = text[at : close + 1]
    name = tag_name(raw)
    if raw[1] == "/":
        return YES if name == "form" else NO
    return YES if name in _CONTROLS and follows(read_tag(raw)) else NO
