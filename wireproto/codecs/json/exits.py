"""Where a call stops whose arguments turned out not to be JSON, and what may have been meant.

What is guessed here is a candidate for people and policies to look at, never a call (R-COMMIT, R-REPAIR).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from wireproto.codecs.json.cursor import Cursor, JsonString
from wireproto.engine.call_builder import CallBuilder
from wireproto.format.spelling import Spelling, live_in_broken
from wireproto.text import json_strings
from wireproto.text.scan import BLANK, WAIT, Miss


def find_exit(spelling: Spelling, cursor: Cursor) -> tuple[int, int] | Miss:
    """Return where a call that is not JSON ends: its last character, and behind its closer if that is there.

    WAIT if more text decides; the cursor moves as far as nothing was found.
    """
    buffer = cursor.buffer
    text, base, limit = buffer.window, buffer.base, cursor.stop - buffer.base
    literals = live_in_broken(spelling, cursor.closer)
    found = literals.find(text, cursor.position - base, limit)
    if found is not None:
        at = base + found.start()
        return at, base + found.end() if found.group() == cursor.closer else at
    cursor.position = base + literals.held(text, cursor.position - base, limit)
    return (cursor.stop, cursor.stop) if cursor.final else WAIT


def suggest_string(builder: CallBuilder, part: JsonString, body: int, stop: int) -> None:
    """Offer a reading of the string that was open when the arguments turned out not to be JSON."""
    rest = builder.buffer.slice(part.start + 1, body)
    guess = guess_string(rest, part.quote, builder.tool.keys - {builder.key})
    if guess is not None:
        builder.suggest({**builder.arguments, builder.key: guess}, stop)


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
