"""Calls that stand right behind a call without a closer, though their opener is missing or in part (R-RECORD).

Behind `[TOOL_CALLS]f[ARGS]{…}` models write more objects of arguments, or the next tool's name and its arguments. It is
asked only where nothing else opens, of tools that are declared. Law: an answer never changes when more text arrives,
except from `WAIT`.
"""

from __future__ import annotations

from collections.abc import Iterator

from wireproto.engine.call_opening import CallOpening
from wireproto.engine.record_opening import begins_arguments
from wireproto.format.spelling import Spelling
from wireproto.text.scan import NO, WAIT, YES, Answer, Miss, begins, skip_blank
from wireproto.tools.toolset import Tool, Toolset

_JOINTS = ",;"


def find_further(
    spelling: Spelling, name: str, tools: Toolset, text: str, pos: int, end: int, final: bool
) -> CallOpening | Miss:
    """Find a call behind a finished one of `name`, whose blanks end at `pos`; a comma or a semicolon may join them.

    It begins behind what joins them, at the opening's `start`.
    """
    if spelling.fixed_close != "" or not spelling.named or spelling.codec.body != "object" or tools.any_name:
        return NO
    at = skip_blank(text, pos + 1, end) if text[pos : pos + 1] in _JOINTS else pos
    answers: list[Answer] = [WAIT] if at >= end else []
    for word, tool, note in _heads(spelling, name, tools):
        stands = begins(word, text, at, end)
        if stands is YES:
            body = skip_blank(text, at + len(word), end)
            stands = begins_arguments(tool.keys, text, body, end)
            if stands is YES:
                return CallOpening(spelling, at, body, "", tool.name, None, True, None, "", notes=(note,))
        answers.append(stands)
    return WAIT if WAIT in answers and not final else NO


def _heads(spelling: Spelling, name: str, tools: Toolset) -> Iterator[tuple[str, Tool, tuple[str, str]]]:
    """Yield what may be left of an opener, with the tool that is called: nothing, its last marker, a name, or both.

    What was forced is written without any marker: nothing is left of one.
    """
    markers = spelling.headers[0].literals
    for head in ("", markers[-1]) if markers else ():
        if name in tools.by_name:
            yield head, tools.by_name[name], ("several-calls", "")
        for tool in tools.tools:
            yield tool.name + head, tool, ("missing-wrapper", "the call's opening marker is missing")
