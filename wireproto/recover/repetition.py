"""A model that is stuck on a word: what an output ends in is the same few characters over and over.

`looping` is diagnosed while text arrives, where a short passage may still be a drawing or a table; of a whole output it
is known that nothing else came. It must not know any format. Law: only the end of the output is looked at.
"""

from __future__ import annotations

import re

from wireproto.text.scan import BLANK
from wireproto.values.model import Message

_LONGEST = 30  # a longer passage is a sentence, which is found while it arrives
_SHORTEST = 160
_TIMES = 8
_WORD = re.compile(r"[^\W\d_]+")
# What tables, arrays and dumps are filled with.
_FILLERS = frozenset(("true", "false", "null", "none", "nil", "nan", "inf", "undefined", "na", "td", "tr", "br", "hr"))
_DIGITS = re.compile(r"[0-9a-fA-F]+|[ACGTUN]+|[acgtun]+")


def repeated_words(message: Message) -> tuple[int, int] | None:
    """Return the span in which the output ends, if it is a word, or a few, over and over."""
    if not message.segments or message.segments[-1].kind not in ("text", "reasoning"):
        return None
    start = message.segments[-1].span.start
    text = message.segments[-1].raw.rstrip(BLANK)
    for period in range(2, _LONGEST + 1):
        least = max(_SHORTEST, _TIMES * period)
        tail = text[-least:]
        if len(tail) == least and tail[period:] == tail[:-period] and _is_words(tail[:period]):
            run = _run(text, period)
            return start + len(text) - run, start + len(text)
    return None


def _is_words(passage: str) -> bool:
    """Return whether most of a passage are letters, and some of them a word that does not only fill space."""
    words = _WORD.findall(3 * passage)
    words = words[1:-1] or words  # those at the ends may be cut
    spoken = (word for word in words if len({*word}) > 1 and word.lower() not in _FILLERS)
    letters = sum(character.isalpha() for character in passage)
    return 2 * letters >= len(passage) and any(_DIGITS.fullmatch(word) is None for word in spoken)


def _run(text: str, period: int) -> int:
    """Return how many characters at the end of a text are one passage over and over."""
    run = period
    while run < len(text) and text[-run - 1] == text[-run - 1 + period]:
        run += 1
    return run
