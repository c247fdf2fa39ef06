"""Texts that differ in one thing, compared: what they share, and what repeats in the longer one.

It must not know formats. Law: the parts that are found join to the texts that were compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# A tag of three tokens: two with words between them, as <|open|>think<|sep|>; not words that were looked for, which all
# have `qx` in them, and not a role, behind which a prompt may end. With words behind it, it is the first of a row of
# such tags, which no rule takes apart.
_TOKEN: Final = r"<\|[^<>|\s]{1,40}\|>"
_ROLES: Final = "assistant|developer|system|tool|user"
PHRASE: Final = rf"{_TOKEN}(?!\wqx|(?:{_ROLES})<)[a-z][^<>\n]{{0,80}}{_TOKEN}(?!(?!\wqx)[a-z ])"
# What may be a marker: such a phrase, a tag, a word in brackets, or the bracket pairs of tokens such as ]~b].
MARKER: Final = re.compile(rf"{PHRASE}|<[^<>\s]{{1,40}}>|\[/?[A-Z_]{{3,}}\]|\[e~\[|\]~b\]")
_PHRASES: Final = re.compile(PHRASE)
_HALF: Final = re.compile(r"(<[^<>\s]{0,60}|<[^<>\n]{0,60}[\"=][^<>\n]{0,40}|\[/?[A-Z_]+)\Z")


def common_start(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    least = min(len(one), len(other))
    low, high = 0, least
    while low < high:  # slices are compared faster than characters
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def common_end(one: str, other: str) -> int:
    """Return how many characters two texts end with alike."""
    return common_start(one[::-1], other[::-1])


def common_ending(text: str, other: str) -> str:
    """Return the longest text that one begins with and the other ends with."""
    longest = min(len(text), len(other))
    return next((text[:size] for size in range(longest, 0, -1) if other.endswith(text[:size])), "")


def in_marker(text: str, at: int) -> bool:
    """Return whether a cut would be inside a marker."""
    return before_marker(text, at) != at


def before_marker(text: str, at: int) -> int:
    """Move a cut that is inside a marker before it."""
    phrase = _phrase(text, at)
    if phrase is not None:
        return phrase.start()
    half = _HALF.search(text, 0, at)
    return half.start() if half is not None and at < len(text) else at


def behind_marker(text: str, at: int) -> int:
    """Move a cut that is inside a marker behind it."""
    phrase = _phrase(text, at)
    if phrase is not None:
        return phrase.end()
    if _HALF.search(text, 0, at) is None:
        return at
    ends = [end for end in (text.find(">", at), text.find("]", at)) if end >= 0]
    return min(ends) + 1 if ends else at


def _phrase(text: str, at: int) -> re.Match[str] | None:
    return next((found for found in _PHRASES.finditer(text) if found.start() < at < found.end()), None)


@dataclass(frozen=True, slots=True)
class Repeats:
    """What repeats: the text before it, one unit, what joins two units, and the text after it."""

    before: str
    unit: str
    join: str
    after: str

    def times(self, count: int) -> str:
        """Return the text with so many units."""
        return self.before + self.join.join([self.unit] * count) + self.after


def repetition(one: str, two: str, core: tuple[int, int]) -> Repeats | None:
    """Find the unit of which `one` has one and `two` has two alike; `core` is a part of it, as (start, end) in `one`.

    Where the unit begins is not settled by the texts: any cut between the shortest and the longest common stretch gives
    the same two texts. The first one outside a marker is taken, and blanks at its start belong to what is before it.
    """
    period = len(two) - len(one)
    low, high = len(one) - common_end(one, two), common_start(one, two)
    if period <= 0 or low > high:
        return None
    start = behind_marker(one, max(low, 0))
    while start < core[0] and one[start].isspace():
        start += 1
    start = min(start, core[0])
    end = min(max(before_marker(one, high), core[1]), start + period)
    return Repeats(one[:start], one[start:end], two[end : start + period], one[end:])


def find_counter(one: str, two: str) -> tuple[int, int, str] | None:
    """Find the number that counts units: where it is in `one`, where the next is in `two`, and the first number.

    It is all that tells the second unit from the first. It counts from 0 or 1.
    """
    period = len(two) - len(one)
    for first, second in (("0", "1"), ("1", "2")) if period > 0 else ():
        for found in re.finditer(rf"(?<![\w.]){first}(?!\w)", one):
            at = found.start() + period
            if two[at : at + 1] == second and two[: found.end()] == one[: found.end()]:
                return found.start(), at, first
    return None
