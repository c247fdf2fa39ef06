"""What stands right behind a call or an opener: closers, and calls whose opener is missing or in part (R-RECORD).

Behind `[TOOL_CALLS]f[ARGS]{…}` models write more objects of arguments, or the next tool's name and its arguments. It is
asked only where nothing else opens, of tools that are declared. Law: an answer never changes when more text arrives,
except from `WAIT`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from wireproto.engine.call_opening import CallOpening
from wireproto.engine.record_opening import begins_arguments
from wireproto.format.registry import by_use
from wireproto.format.spelling import CACHED, Spelling, spellings
from wireproto.text.scan import NO, WAIT, YES, Answer, Miss, begins, skip_blank
from wireproto.tools.toolset import Tool, Toolset

_JOINTS = ",;"
_BRACKETS = re.compile(r"([\]}]+)[ \t\r\n]*\Z")


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


def find_closer(
    spelling: Spelling, name: str, section_close: str | None, text: str, pos: int, end: int, final: bool
) -> tuple[str, str] | Miss:
    """Find the closer at `pos` that may stand behind a finished call, and the diagnosis of one that closes nothing.

    A section's opener may begin with its closer, as where both are fences: then it is the opener. Where calls have no
    closer, brackets that end the output are one too many. What joins calls may stand before a section's closer.
    """
    answer: Miss = NO
    for closer, orphan in spelling.closers_behind(name, section_close):
        stands = begins(closer, text, pos, end)
        reopened = spelling.reopens(closer, text, pos, end) if stands is YES else NO
        if stands is YES and (reopened is NO or (final and reopened is WAIT)):
            return closer, "orphan-closer" if orphan else ""
        answer = WAIT if WAIT in (stands, reopened) else answer
    joint = next((joint for joint in spelling.joints if text.startswith(joint, pos, end)), "")
    if joint and section_close and answer is NO:
        after = skip_blank(text, pos + len(joint), end)
        stands = begins(section_close, text, after, end)
        if stands is YES:
            return text[pos : after + len(section_close)], "marker-variant"
        answer = NO if stands is WAIT and final else stands
    cut = section_close is not None and section_close.startswith(("]", "}"))  # its brackets may be all of it
    brackets = _BRACKETS.match(text, pos, end) if spelling.fixed_close == "" or cut else None
    if brackets is None or (answer is WAIT and not (cut and final)):
        return answer
    return (brackets[1], "orphan-closer") if final else WAIT


def empty_block(spellings: Iterable[Spelling], literal: str, text: str, pos: int, end: int) -> int | Miss:
    """Return where a block ends that holds nothing but blanks; `literal` at `pos` would open it."""
    at = skip_blank(text, pos + len(literal), end)
    answer: Miss = NO
    for closer in (closer for spelling in spellings for closer in spelling.closers_of(literal)):
        stands = begins(closer, text, at, end)
        if stands is YES:
            return at + len(closer)
        answer = WAIT if stands is WAIT else answer
    return answer


@lru_cache(maxsize=CACHED)
def widened(spelling: Spelling) -> Spelling:
    """Return a spelling that also knows the sections of the others whose calls have the same markers inside."""
    others = chain.from_iterable(map(spellings, by_use()))
    kin = [other.sections for other in others if inside(other) == inside(spelling)]
    return replace(spelling, sections=tuple(dict.fromkeys((*spelling.sections, *chain.from_iterable(kin)))))


def inside(spelling: Spelling) -> tuple[object, ...]:
    """Return the markers that a call has within its section, without the white space between them."""
    return spelling.wrapper, spelling.headers[0].first, spelling.closers[:1], spelling.value_closer
