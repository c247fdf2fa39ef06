"""Hypotheses of calls that have no markers of their own around them: only their place and what they name show them.

A record of JSON, arguments without a header, an element of a format whose calls are nothing else. Here is where they
may begin; decoding them is somebody else's (see `second_look`). Law: a place is found by looking at each character a
bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from string import ascii_letters, digits

from wireproto.decode.hypotheses import (
    NEAR,
    PER_TRY,
    TRIES,
    Hypothesis,
    argument_openers,
    every_opener,
    is_quotation,
    literal_names,
)
from wireproto.engine.call_opening import find_argument
from wireproto.engine.left_context import OPEN_QUOTATION, QUOTING
from wireproto.format.declared import can_name
from wireproto.format.dialect import Dialect
from wireproto.format.registry import plain_record
from wireproto.format.spelling import Spelling, is_distinctive, spellings
from wireproto.text.scan import BLANK, Match, iter_literals, skip_blank
from wireproto.tools.toolset import Toolset

_NAMED = re.compile(r"""\{\s{0,64}["']\w{1,16}["']\s{0,64}:\s{0,64}["']([^"'\\\n]{1,128})["']""")
_NAME = ascii_letters + digits + "_.-"
_ENDS = ".!?…)"  # a sentence


@lru_cache(maxsize=1)
def _record_start() -> re.Pattern[str]:
    record = plain_record().record
    names = "|".join(map(re.escape, record.first_members))
    kind = r"type[\"'][ \t]{0,8}:[ \t]{0,8}[\"']function"
    return re.compile(rf"\{{[ \t\r\n]{{0,64}}[\"'](?:{names}|{kind})[\"']")


def records(text: str) -> Iterator[Hypothesis]:
    """Yield the hypotheses of objects that may be a call: the missing marker is supplied."""
    for found in _record_start().finditer(text):
        dialect = plain_record()
        yield Hypothesis(dialect, text, found.start(), len(text), dialect.call.open.format(), bare=True)


def begins_alone(guess: Hypothesis, floor: int, tools: Toolset) -> Hypothesis | None:
    """Return a bare hypothesis where a call without markers may begin, and whether it is quoted there (R-MISSING).

    That is the start of the text or of a line, behind `>`, behind an opener on its line, or behind the call before it,
    which ends at `floor`. Behind a sentence, and behind an opener and other text, more is asked of it.
    """
    if not guess.bare:
        return guess
    near = guess.text[max(floor, guess.start - NEAR) : guess.start]
    before = near.rstrip(" \t[")
    line = before.rpartition("\n")[2]
    quoted = is_quotation(before)
    behind = floor > 0 and not guess.text[floor : guess.start][:NEAR].strip(BLANK + ",;[")
    alone = not before or before[-1] in "\n>" or _follows_opener(line)
    if not (quoted or tools.any_name):
        found = _NAMED.match(guess.text, guess.start)
        declared = found is not None and found[1] in tools.by_name
        if found is not None and not declared and (opener := _opener_before(before)) is not None:
            origin = guess.start - len(near) + opener
            return replace(guess, origin=origin, marked=True, any_name=True)
        if declared and not (behind or alone) and _follows_words(line):
            return replace(guess, weak=True)
    return replace(guess, quoted=quoted) if quoted or behind or alone else None


def _follows_words(line: str) -> bool:
    """Return whether words stand before a place on its line, outside of quotations and of other data."""
    last = line.rstrip(":,")[-1:]
    return (last.isalpha() or last in (*_ENDS,)) and line.count("`") % 2 == 0 and OPEN_QUOTATION.search(line) is None


def _opener_before(before: str) -> int | None:
    """Return where an opener stands near that is not quoted, with nothing between it and here that opens or closes."""
    last = max(iter_literals(every_opener(), before), key=re.Match.start, default=None)
    if last is None or before[last.start() - 1 : last.start()] in QUOTING or set("<>`") & set(before[last.end() :]):
        return None
    return last.start()


def _follows_opener(line: str) -> bool:
    """Return whether an opener stands in what is before a place on its line, and is not quoted."""
    opener = every_opener().find(line)
    return opener is not None and line[: opener.start()][-1:] not in QUOTING


def lone_arguments(text: str, tools: Toolset, own: Dialect | None) -> Iterator[Hypothesis]:
    """Yield the hypotheses of tagged arguments without a call's header, of a tool that declares the first of them.

    Behind an opener and other text, the word before them is the name that was meant.
    """
    literals, named = argument_openers(own, tools.unusual)
    for found in iter_literals(literals, text) if named else ():
        at = found.start()
        before = text[max(0, at - NEAR) : at]
        line = before.rpartition("\n")[2]
        if line.strip(" \t") and not _follows_opener(line):
            continue
        spelling = named[found.group()]
        guess = _behind_noise(text, at, before, spelling, tools)
        if guess is None and tools.tools:
            guess = _argument_guess(text, at, before, spelling, tools, not line.strip(" \t"))
        if guess is not None:
            yield guess


def _behind_noise(text: str, at: int, before: str, spelling: Spelling, tools: Toolset) -> Hypothesis | None:
    """Return the hypothesis of a call of a tool that nobody declared, with text between its opener and its name."""
    header = spelling.headers[0]
    start = before.rfind(header.first) if is_distinctive(header.first) else -1
    if start < 0 or before[start - 1 : start] in QUOTING:
        return None
    inner = before[start + len(header.first) :].rstrip(BLANK)
    name = inner[len(inner.rstrip(_NAME)) :]
    named = spelling.dialect.call.open
    if set("<>`") & set(inner) or name in tools.by_name or not header.holds("name", name) or "name" not in named.roles:
        return None
    prefix = named.fill(name=name)
    origin = at - len(before) + start
    return Hypothesis(spelling.dialect, text, at, len(text), prefix, origin, marked=True, any_name=True)


def _argument_guess(
    text: str, at: int, before: str, spelling: Spelling, tools: Toolset, alone: bool
) -> Hypothesis | None:
    key = find_argument(spelling, text, at, len(text), None)
    if not isinstance(key, Match):
        return None
    # A name that no header of this format can hold is none that the model meant.
    names = (tool.name for tool in tools.tools if key.slots["key"] in tool.keys)
    fitting = [name for name in names if can_name(spelling.dialect.call.open, spelling.dialect, name)]
    named = [
        hit
        for hit in iter_literals(literal_names(tools.names), before)
        if hit.group() in fitting and _is_word(before, hit)
    ]
    if not named and (len(fitting) != 1 or not alone):
        return None
    name = named[-1].group() if named else fitting[0]
    origin = at - len(before) + before.rfind("\n", 0, named[-1].start()) + 1 if named else at
    prefix = spelling.dialect.call.open.format(name=name)
    return Hypothesis(spelling.dialect, text, at, len(text), prefix, origin, marked=not alone)


def _is_word(text: str, hit: re.Match[str]) -> bool:
    around = text[max(0, hit.start() - 1) : hit.start()] + text[hit.end() : hit.end() + 1]
    return not any(char.isalnum() or char == "_" for char in around)


def elements(text: str, tools: Toolset, own: Dialect | None) -> Iterator[Hypothesis]:
    """Yield the hypotheses of elements that nobody declared, in a format where an element is all that a call is.

    Their first argument has to be one of a declared tool. Without tools, an underscore in the name tells an element
    from those of HTML.
    """
    for spelling in filter(_is_element, spellings(own) if own is not None else ()):
        header, end = spelling.headers[0], len(text)
        starts = re.finditer(re.escape(header.first) + r"(?=\w)", text)
        for at in (found.start() for found in islice(starts, TRIES + end // PER_TRY)):
            head = header.match(text, at, end)
            name = head.slots["name"] if isinstance(head, Match) else ""
            if not isinstance(head, Match) or name in tools.by_name or text[max(0, at - 1) : at] in QUOTING:
                continue
            key = find_argument(spelling, text, skip_blank(text, head.end, end), end, None)
            first = key.slots["key"] if isinstance(key, Match) else ""
            if first and ("_" in name if tools.any_name else any(first in tool.keys for tool in tools.tools)):
                yield Hypothesis(spelling.dialect, text, at, end, weak=True, any_name=True)


def _is_element(spelling: Spelling) -> bool:
    header = spelling.headers[0]
    return bool(header.name_only and header.first) and not spelling.sections and spelling.wrapper is None
