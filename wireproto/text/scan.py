"""Looking at a position in text that may go on: is this literal here, where do the blanks end.

It must not know markers or dialects. Law: an answer never changes when more text arrives, except from `WAIT`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

BLANK = " \t\r\n"
# More white space than this is no gap inside markup: what a decoder holds back stays small.
MAX_GAP = 4096


class Answer(Enum):
    """What a recogniser answers where it has nothing else to return.

    A recogniser returns what it found, or `NO`: it is not there, whatever follows; or `WAIT`: more text decides. One
    that finds nothing but a fact returns `YES`.
    """

    YES = "yes"
    NO = "no"
    WAIT = "wait"


YES: Final = Answer.YES
NO: Final = Answer.NO
WAIT: Final = Answer.WAIT
Miss = Literal[Answer.NO, Answer.WAIT]


@dataclass(frozen=True, slots=True)
class Match:
    """Where a template ended in the text, what filled its slots, and whether every quote was canonical.

    `closed`: it was a tag that closes itself.
    """

    end: int
    slots: Mapping[str, str]
    canonical: bool = True
    closed: bool = False


def begins(literal: str, text: str, pos: int, end: int) -> Answer:
    """Return whether `literal` stands at `pos`, looking no further than `end`."""
    if text.startswith(literal, pos, end):
        return YES
    rest = text[pos : min(end, pos + len(literal))]
    return WAIT if literal.startswith(rest) else NO


def skip_blank(text: str, pos: int, end: int) -> int:
    """Return the first position from `pos` up to `end` that is not a blank, or is one too many for a gap."""
    end = min(end, pos + MAX_GAP)
    while pos < end and text[pos] in BLANK:
        pos += 1
    return pos
