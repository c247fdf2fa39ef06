"""Where a call stops that is no call of literals, and what may have been meant.

What is guessed here is a candidate for people and policies to look at, never a call (R-COMMIT, R-REPAIR). Law: each
search looks at a character once, or at a bounded number of characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from wireproto.codecs.pythonic.text import Place, section_closers
from wireproto.engine.call_builder import CallBuilder
from wireproto.format.spelling import is_distinctive, live_in_broken
from wireproto.text.python_strings import Quotes, decode
from wireproto.text.scan import BLANK, WAIT, Miss, skip_blank
from wireproto.tools.toolset import Tool

# What ends a broken call where no marker does: the line of its closer, or of the bracket around all calls.
_LINE = re.compile(r"\)[ \t]{0,64}(?=\r?\n)")
_LIST = re.compile(r"\][ \t]{0,64}(?=\r?\n)")
_REACH = 68  # longer than what these look at


def find_exit(cursor: Place) -> int | Miss:
    """Return where a broken call ends; WAIT if more text decides; the cursor moves as far as nothing was found."""
    spelling = cursor.spelling
    text, base, limit = cursor.buffer.window, cursor.buffer.base, cursor.stop - cursor.buffer.base
    start = cursor.position - base
    words = live_in_broken(spelling, "")
    found = words.find(text, start, limit)
    reach = found.start() if found is not None else words.held(text, start, limit)
    in_lines = "\n" in spelling.dialect.call.join
    if in_lines or not any(map(is_distinctive, section_closers(spelling))):
        line = (_LINE if in_lines else _LIST).search(text, start, reach)
        if line is not None:
            return base + (line.end() if in_lines else line.start())
    if found is not None:
        return base + reach
    if cursor.final:
        return cursor.stop
    cursor.position = base + max(start, min(reach, limit - _REACH))
    return WAIT


def swallowed_closer(builder: CallBuilder, start: int, stop: int) -> int | None:
    """Return where a section's closer stands inside a string that the output ends in, at the end of a line."""
    text = builder.buffer.slice(start, stop)
    for closer in filter(is_distinctive, section_closers(builder.opening.spelling)):
        at = text.find(closer)
        follows = skip_blank(text, at + len(closer), len(text)) if at >= 0 else 0
        if at >= 0 and (follows >= len(text) or "\n" in text[at + len(closer) : follows]):
            return start + at
    return None


def guess_string(rest: str, quotes: Quotes, others: Iterable[str]) -> str | None:
    """Read a string with quotes in it that are not escaped, from its opening quotes to the end of the call.

    None if another argument (one of `others`) seems to follow it: then it could be cut anywhere.
    """
    delimiter = quotes.delimiter
    rest = rest.rstrip(BLANK + ")],")
    inner = rest[rest.find(delimiter) + len(delimiter) :]
    if not inner.endswith(delimiter):
        return None
    inner = inner[: -len(delimiter)]
    for key in others:
        if re.search(rf"{delimiter[0]}\s*,\s*{re.escape(key)}\s*=", inner):
            return None
    out, at = [], 0
    while at < len(inner):
        piece, at = decode(inner, at, len(inner), quotes, set())
        out.append(piece + inner[at : at + 1])
        at += 1
    return "".join(out)


def guess_positional(tool: Tool, named: Mapping[str, Any], listed: list[Any]) -> dict[str, Any] | None:
    """Return the arguments that values without names may be: an object of them all, or those that the tool declares.

    The order of a schema's properties means nothing to JSON Schema, so this is no more than a guess.
    """
    if len(listed) == 1 and isinstance(listed[0], dict) and not named and listed[0] and listed[0].keys() <= tool.keys:
        return dict(listed[0])
    properties = tool.schema.get("properties")
    order = [key for key in properties if isinstance(key, str)] if isinstance(properties, dict) else []
    if len(listed) > len(order) or not named.keys().isdisjoint(order[: len(listed)]):
        return None
    return {**dict(zip(order, listed, strict=False)), **named}
