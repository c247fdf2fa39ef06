"""Keys and calls without their first marker, in formats of key and value tags: names that stand there by themselves.

It knows nothing of events. Law: an answer never changes when more text arrives, except from `WAIT`.
"""

from __future__ import annotations

from typing import Final

from wireproto.engine.call_opening import find_argument
from wireproto.format.alphabet import ALPHABETS
from wireproto.format.spelling import Spelling
from wireproto.text.scan import BLANK, NO, WAIT, YES, Answer, Match, Miss, begins, skip_blank
from wireproto.tools.toolset import Tool, Toolset

_LONGEST: Final = 1_024  # characters of a name or a key


def find_bare_key(spelling: Spelling, tool: Tool, text: str, pos: int, end: int) -> Match | Miss:
    """Match a declared key that lacks its opener, with what must follow it: its closer, and the value's opener."""
    at = skip_blank(text, pos, end)
    unusual = {key: begins(key, text, at, end) for key in spelling.unusual_keys & tool.keys}
    if WAIT in unusual.values():
        return WAIT
    word = ALPHABETS["key"].match(text, at, end)
    usual = word.group() if word is not None else ""
    key = max((key for key, stands in unusual.items() if stands is YES), key=len, default=usual)
    if key not in tool.keys or not key:
        return WAIT if at + len(usual) >= end else NO
    closer = spelling.keys[0].literals[-1]
    after = skip_blank(text, at + len(key), end)
    stands: Answer = begins(closer, text, after, end)
    if stands is not YES or spelling.value_open is None:
        return NO if stands is YES else stands
    value = spelling.value_open.match(text, skip_blank(text, after + len(closer), end), end)
    return value if isinstance(value, Answer) else Match(after + len(closer), {"key": key})


def find_bare(
    spelling: Spelling, tools: Toolset, tool: Tool, text: str, pos: int, end: int, final: bool
) -> tuple[str, int] | Miss:
    """Find what lacks its opener behind a value of key/value pairs: another key of `tool`, or a call.

    The letter says which (see `Endings`); a call's name has to be declared, and an opener of one of its keys to follow,
    or the call's closer if it needs none.
    """
    tag = text.find("<", pos, min(end, pos + _LONGEST))
    word = text[pos : tag if tag >= 0 else min(end, pos + _LONGEST)].rstrip(BLANK)
    if tag < 0:
        return NO if final or not any(each.startswith(word) for each in (*tools.names, *tool.keys)) else WAIT
    if word in tool.keys:
        bare = find_bare_key(spelling, tool, text, pos, end)
        return ("A", bare.end) if isinstance(bare, Match) else NO if final else bare
    named = tools.get(word)
    if named is None:
        return NO
    key = find_argument(spelling, text, tag, end, named)
    if isinstance(key, Match):
        return ("O", tag) if key.slots["key"] in named.keys else NO
    closer = spelling.call_close(word)
    closes = NO if named.required else begins(closer, text, tag, end)
    if closes is YES:
        # On the same line only another marker may follow, or all of it is a mention.
        after = text[tag + len(closer) : min(end, tag + len(closer) + 1)]
        return WAIT if not after and not final else ("O", tag) if after in ("", "\r", "\n", "<") else NO
    return WAIT if WAIT in (key, closes) and not final else NO
