"""Sets of code points as sorted ranges, without surrogates: the labels of an automaton's edges.

It must not know automata, JSON or any grammar. Law: every set is normal (sorted, disjoint, never touching, no
surrogates), so that equal sets are equal values.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import Final

Ranges = tuple[tuple[int, int], ...]
LAST: Final = 0x10FFFF
ANY_CHAR: Final[Ranges] = ((0, 0xD7FF), (0xE000, LAST))


def joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the same code points in sorted ranges that do not touch."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def normal(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the set that these ranges cover, without surrogates."""
    return intersection(joined(ranges), ANY_CHAR)


def intersection(first: Ranges, second: Ranges) -> Ranges:
    """Return what is in both sets."""
    both: list[tuple[int, int]] = []
    i = j = 0
    while i < len(first) and j < len(second):
        (low, high), (start, end) = first[i], second[j]
        if low <= end and start <= high:
            both.append((low if low > start else start, high if high < end else end))
        if high < end:
            i += 1
        else:
            j += 1
    return tuple(both)


def union(*sets: Ranges) -> Ranges:
    """Return what is in any of the sets."""
    return normal(each for ranges in sets for each in ranges)


def complement(ranges: Ranges) -> Ranges:
    """Return every code point that is not in the set, surrogates aside."""
    return difference(ANY_CHAR, ranges)


def difference(first: Ranges, second: Ranges) -> Ranges:
    """Return what is in the first set and not in the second."""
    left: list[tuple[int, int]] = []
    i = 0
    for start, high in first:
        low = start
        while i < len(second) and second[i][0] <= high:
            if low < second[i][0]:
                left.append((low, second[i][0] - 1))
            low = max(low, second[i][1] + 1)
            if low > high:
                break
            i += 1
        if low <= high:
            left.append((low, high))
    return tuple(left)


def char_set(text: str) -> Ranges:
    """Return the set of the characters of a text."""
    if len(text) == 1 and not "\ud800" <= text <= "\udfff":
        return ((ord(text), ord(text)),)
    return normal((ord(character), ord(character)) for character in text)


def char_range(first: str, last: str) -> Ranges:
    """Return the set of the characters from one to another, both included."""
    return ((ord(first), ord(last)),)


@lru_cache(maxsize=64)
def category(name: str) -> Ranges:
    """Return the code points of a Unicode general category (`Lu`, or `L` for every letter); empty if there is none."""
    runs = groupby(range(LAST + 1), lambda point: unicodedata.category(chr(point)).startswith(name))
    found: list[tuple[int, int]] = []
    for inside, run in runs:
        points = list(run)
        if inside:
            found.append((points[0], points[-1]))
    return normal(found)
