"""Characters that act on a terminal or on the eye, spelled out: a reader sees what is there, and nothing else happens.

Those are control characters, C1 included (U+009B begins a sequence as ESC [ does), direction controls, which show text
in another order than it has, separators that end a line for some programs only, and the invisible tag characters. Line
feed and tab stay. It must not know where the text goes. Law: what was spelled once stays as it is.
"""

from __future__ import annotations

import re
from typing import Final

_ACTING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Return a text in which every character that acts is an escape: `\\x1b`, `\\u202e`."""
    return _ACTING.sub(_python, text)


def visible_json(text: str) -> str:
    """Return JSON text with JSON escapes for the characters that act and that JSON lets stand in a string."""
    return _ACTING.sub(_json, text)


def _python(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii") if found[0] != "\r" else "\\x0d"


def _json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
