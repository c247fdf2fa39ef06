"""Where a call stops whose arguments turned out not to be JSON, and what may have been meant.

A call that is broken stops at the first closer or opener behind the place where it broke, or where its brackets do.
That place may be a quote of the next call, whose opener an unfinished string has swallowed. What is guessed here is a
candidate for people and policies to look at, never a call (R-COMMIT, R-REPAIR). Law: each search looks at a character
once, or at a bounded number of characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from wireproto.codecs.json.cursor import Cursor, JsonString
from wireproto.engine.call_builder import CallBuilder
from wireproto.engine.call_opening import CallOpening, OpenerContext, find_call
from wireproto.engine.record_opening import RecordAhead
from wireproto.format.spelling import CACHED, Spelling, is_distinctive, live_in_broken
from wireproto.text import json_strings
from wireproto.text.buffer import OpenValue
from wireproto.text.scan import BLANK, NO, WAIT, YES, Literals, Miss, skip_blank

_LOOK_BACK = 1024  # longer than any opener with its section and header
_LOOK_AHEAD = 512  # longer than the first member of a record, its name included
_MOST_OPENERS = 64
_QUOTES = "`'\""
_JOINED = re.compile(r"\}[ \t\r\n]{0,64}[,;][ \t\r\n]{0,64}\{(?=[ \t\r\n]{0,64}\Z)")
_BRACKETS = re.compile(r'\\.|["{}\[\]]', re.DOTALL)


def find_exit(spelling: Spelling, cursor: Cursor, brackets: OpenValue) -> tuple[int, int] | Miss:
    """Return where a call that is not JSON ends: its last character, and behind its closer if that is there.

    WAIT if more text decides; the cursor moves as far as nothing was found. `brackets` says what is open where the call
    broke, and afterwards how far that was looked for. Without a closer the call ends where its brackets do, so that
    what follows is not lost.
    """
    buffer = cursor.buffer
    text, base, limit = buffer.window, buffer.base, cursor.stop - buffer.base
    literals = live_in_broken(spelling, cursor.closer)
    found = literals.find(text, cursor.position - base, limit)
    reach = base + (found.start() if found is not None else literals.held(text, cursor.position - base, limit))
    _close_brackets(cursor, brackets, reach)
    if found is not None and found.group() in cursor.closers:
        return reach, base + found.end()
    closed = brackets.depth <= 0
    if closed and (found is not None or cursor.final or not cursor.closer):
        return brackets.scan, brackets.scan
    if found is None and not cursor.final:
        cursor.position = reach if closed else min(reach, brackets.scan)
        return WAIT
    end = reach if found is not None else cursor.stop
    return end, end


def _close_brackets(cursor: Cursor, span: OpenValue, reach: int) -> None:
    """Look for where everything that is open is closed, up to `reach`; then the depth is 0 and that is the scan."""
    text, base = cursor.buffer.window, cursor.buffer.base
    while span.depth > 0:
        found = _BRACKETS.search(text, span.scan - base, reach - base)
        if found is None:
            cut = reach > span.scan and text[reach - base - 1] == "\\"
            span.scan = max(span.scan, reach - cut)
            return
        mark, behind = found.group(), base + found.end()
        if mark == span.inside:
            closes, _ = cursor.quote_closes(behind, behind)
            if closes is WAIT:
                return
            span.inside = "" if closes is YES else mark
        elif not span.inside and mark == '"':
            span.inside = mark
        elif not span.inside and mark[0] != "\\":
            span.depth += 1 if mark in "{[" else -1
        span.scan = behind


@lru_cache(maxsize=CACHED)
def _openers(spelling: Spelling) -> Literals:
    return Literals(frozenset(filter(is_distinctive, spelling.openers)))


def swallowed_call(builder: CallBuilder, cursor: Cursor, start: int, quote: int) -> int | Miss:
    """Return where a call opens inside a string, from `start` on, whose object's first quote is the one at `quote`.

    No string of JSON holds a bare quote: the string was never closed, and this is the next call.
    """
    buffer = cursor.buffer
    before = buffer.slice(max(start, quote - _LOOK_BACK), quote)
    if not before.rstrip(BLANK).endswith("{"):
        return NO
    limit = min(cursor.stop, quote + _LOOK_AHEAD)
    text = before + buffer.slice(quote, limit)
    for at, opening in _calls(builder, text, len(before), cursor.final):
        if opening is WAIT and limit == cursor.stop:
            return WAIT
        if isinstance(opening, CallOpening) and text[opening.body : len(before)].strip(BLANK) == "{":
            return quote - len(before) + at
    record = _JOINED.search(before) if builder.opening.spelling.joints else None
    if record is None:
        return NO
    forward = builder.policy.unknown_tools == "forward"
    shape = builder.opening.spelling.dialect.record
    found = RecordAhead(text, len(text), shape, builder.tools, False, forward, False, False).look(record.end() - 1)
    if found is YES:
        return quote - len(before) + record.end() - 1
    return WAIT if found is WAIT and limit == cursor.stop else NO


def behind_closer(builder: CallBuilder, cursor: Cursor, start: int) -> int | None:
    """Return where the call is over inside a string that the output ends in: behind its closer, if that is none quoted.

    The closer has to stand where it would behind JSON: behind a brace, or between a line break and other markup or the
    line's end. An opener before it may be quoted together with it. Without closers, the next call is the end.
    """
    text, final = cursor.buffer.slice(start, cursor.stop), cursor.final
    opener = next((at for at, found in _calls(builder, text, len(text), final) if isinstance(found, CallOpening)), -1)
    if not cursor.closer:
        ends = opener > 0 and text[max(0, opener - _LOOK_BACK) : opener].rstrip(BLANK).endswith("}")
        return start + opener if ends else None
    marks = live_in_broken(builder.opening.spelling, cursor.closer)
    found = marks.find(text, 0, len(text))
    if found is None or found.group() not in cursor.closers:
        return None
    before, after = text[max(0, found.start() - _LOOK_BACK) : found.start()], found.end()
    follows = skip_blank(text, after, len(text))
    ends_line = follows == len(text) or "\n" in text[after:follows] or marks.at(text, follows) is not None
    stands = before.rstrip(BLANK).endswith("}") or (ends_line and before.endswith("\n"))
    return start + after if stands else None


def _calls(builder: CallBuilder, text: str, end: int, final: bool) -> Iterable[tuple[int, CallOpening | Miss]]:
    """Yield where calls of the same spelling may open in the text up to `end`; not those behind a quotation mark."""
    spelling, forward = builder.opening.spelling, builder.policy.unknown_tools == "forward"
    context = OpenerContext(builder.tools, final=final, unknown=forward)
    at = 0
    for _ in range(_MOST_OPENERS):
        found = _openers(spelling).find(text, at, end)
        if found is None:
            return
        at = found.start()
        if text[at - 1 : at] not in _QUOTES or not at:
            yield at, find_call((spelling,), spelling, text, at, len(text), context)
        at += 1


def suggest_string(builder: CallBuilder, part: JsonString, body: int, stop: int) -> None:
    """Offer a reading of the string that was open when the arguments turned out not to be JSON."""
    rest = builder.buffer.slice(part.start + 1, body)
    guess = guess_string(rest, part.quote, builder.tool.keys - {builder.key})
    if guess is not None:
        builder.suggest({**builder.arguments, builder.key: guess}, stop)


def suggest_text(builder: CallBuilder, start: int, body: int, stop: int) -> None:
    """Offer what stands where arguments belong, and is no JSON, as the one argument that the tool requires."""
    text, required = builder.buffer.slice(start, body), [*builder.tool.required]
    if len(required) == 1 and text.strip(BLANK) and builder.tool.may_be(required[0], text):
        builder.suggest({required[0]: text}, stop)


def guess_string(rest: str, quote: str, others: Iterable[str]) -> str | None:
    """Read a string with unescaped quotes, from behind its opening quote to the end of the payload.

    None if another argument (one of `others`) seems to follow it: then it could be cut anywhere.
    """
    rest = rest.rstrip(BLANK + "}]")
    if not rest.endswith(quote):
        return None
    rest = rest[:-1]
    for key in others:
        if re.search(r"[\"']\s*,\s*[\"']" + re.escape(key) + r"[\"']\s*:", rest):
            return None
    out, at = [], 0
    while at < len(rest):
        piece, at = json_strings.decode(rest, at, len(rest), quote, set())
        out.append(piece + rest[at : at + 1])
        at += 1
    return "".join(out)
