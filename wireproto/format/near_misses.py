"""What almost is a marker: a closer with a slip in it, an element of another protocol, an opener in mid-line.

Readers and grammars of raw values ask it. It knows no dialect and no rule about what such text means: that depends on
what follows, and stands in `value_endings`. Law: an answer never changes when more text arrives, except from `WAIT`.
"""

from __future__ import annotations

import string
from typing import Final

from wireproto.format.template import Template
from wireproto.text.scan import BLANK, NO, WAIT, YES, Match, Miss, begins

# Behind one of these an argument's opener follows text without a gap: nobody who mentions one writes it so.
ABUTTING: Final = string.ascii_letters + string.digits + ".)]};!?"
# How a special token begins, with the bar of its format or the one on a keyboard.
BARS: Final = ("<｜", "<|")
# Where a closer is nothing but a name in brackets, shorter ones are too much like other tags.
MIN_NAMED: Final = len("</url>")
# A foreign element is short, or it is content; so is a value in whose format an opener may be content.
MAX_ELEMENT: Final = 256
_NO_TAG_NAME: Final = frozenset(BLANK + "<>/=\"'`!?")


def near_miss(closer: str, text: str, pos: int, end: int, final: bool) -> int | Miss:
    """Return where a closer with one slip in it ends that stands at `pos`, where the closer itself does not.

    A slip is one character more, less or changed, or two that changed places; or the name breaks off in its second
    half. Of the brackets only the last one may be missing, before a blank or the next bracket.
    """
    at = next((i for i, char in enumerate(closer) if text[pos + i : pos + i + 1] != char), 0)
    stop = min(pos + at, end)
    if not at or stop >= end:
        return NO
    bracket = text[stop] in "<>"
    if text[stop] == ">" and at > len(closer) // 2:
        return stop + 1
    slips = [] if bracket else [(1, closer[at:])]
    if at < len(closer) - 1:
        slips += [] if bracket else [(1, closer[at + 1 :])]
        slips += [(2, closer[at + 2 :])] if closer[at + 1] + closer[at] == text[stop : min(stop + 2, end)] else []
        slips.append((0, closer[at + 1 :]))
    elif text[stop] in BLANK or text[stop] == "<":
        slips.append((0, ""))
    for skipped, rest in slips:
        stands = begins(rest, text, stop + skipped, end)
        if stands is YES:
            return stop + skipped + len(rest)
        if stands is WAIT and not final:
            return WAIT
    return NO


def written_twice(marker: Template, text: str, pos: int, end: int) -> Match | Miss:
    """Match a marker with a slot whose first part stands twice, with nothing or a line break between."""
    if not text.startswith(marker.first, pos, end):
        return NO
    again = pos + len(marker.first)
    found = marker.match(text, again + text.startswith("\n", again, end), end)
    return found._replace(canonical=False) if isinstance(found, Match) else found


def broken_closer(closer: str | None, text: str, pos: int, end: int, final: bool) -> int | Miss:
    """Return where a special token or a tag ends that was to be this closer, with a slip or with other bars in it."""
    if not closer or not closer.startswith(("</", *BARS)):
        return NO
    stands = begins(closer.replace(BARS[0][1], BARS[1][1]), text, pos, end)
    if stands is YES:
        return pos + len(closer)
    if stands is WAIT and not final:
        return WAIT
    return near_miss(closer, text, pos, end, final) if text.startswith(closer[:2], pos, end) else NO


def foreign_element(text: str, pos: int, end: int, final: bool, closers: tuple[str, ...]) -> int | Miss:
    """Return where a short element ends that stands at `pos`, or a lone closer of one; it holds none of `closers`."""
    wait: Miss = NO if final or end - pos > MAX_ELEMENT else WAIT
    limit = min(end, pos + MAX_ELEMENT)
    if not text.startswith("<", pos, limit):
        return NO
    lone = text.startswith("</", pos, limit)
    start = pos + 1 + lone
    name = next((i for i in range(start, limit) if text[i] in _NO_TAG_NAME), limit)
    if name == start and start < limit:
        return NO
    tag = text.find(">", name, limit)
    if text.find("<", name, tag if tag >= 0 else limit) >= 0:
        return NO
    if tag < 0:
        return wait
    if lone:
        return tag + 1 if tag == name else NO
    if text[tag - 1] == "/":
        return tag + 1
    closer = f"</{text[start:name]}>"
    end_tag = text.find(closer, tag, limit)
    if any(text.find(other, tag, end_tag if end_tag >= 0 else limit) >= 0 for other in closers):
        return NO
    return end_tag + len(closer) if end_tag >= 0 else wait
