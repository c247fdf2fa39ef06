"""Looking at text that may go on: is this literal here, where is the next of these, where do the blanks end.

It must not know markers or dialects. Law: an answer never changes when more text arrives, except from `WAIT`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from os.path import commonprefix
from typing import Final, Literal, NamedTuple, Union

BLANK = " \t\r\n"
NEVER: Final = r"(?!)"  # a regular expression that matches nowhere
# How much is looked at by two patterns at once; twice as much each time while neither finds anything.
_STRIDE = 512
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


class Match(NamedTuple):
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
    if pos < end and text[pos] != literal[0]:
        return NO  # as mostly
    rest = text[pos : min(end, pos + len(literal))]
    return WAIT if literal.startswith(rest) else NO


def skip_blank(text: str, pos: int, end: int) -> int:
    """Return the first position from `pos` up to `end` that is not a blank, or is one too many for a gap."""
    end = min(end, pos + MAX_GAP)
    while pos < end and text[pos] in BLANK:
        pos += 1
    return pos


Find = Callable[..., Union[re.Match[str], None]]


class Literals:
    """A set of literals to look for, and what at the end of a text may still become one.

    `find(text, pos, end)` finds the first, and of those that begin there the longest; `at` the longest at `pos`.
    `words` are they all. `base`: a set that is looked for too, and is prepared already.
    """

    __slots__ = ("_base", "_first", "_only", "_own", "_prefixes", "at", "find", "firsts", "longest", "words")

    words: tuple[str, ...]
    find: Find
    at: Find

    def __init__(self, literals: frozenset[str], base: Literals | None = None) -> None:
        self._base, self._own = base, literals if base is None else literals.difference(base.words)
        every = literals if base is None else literals.union(base.words)
        self.words = tuple(sorted(every, key=lambda text: (-len(text), text)))
        self.firsts = frozenset(text[0] for text in self.words)
        self._only = next(iter(self.firsts)) if len(self.firsts) == 1 else ""
        self._first = re.compile(one_of(self.firsts))
        self._prefixes = frozenset(text[:i] for text in self._own for i in range(1, len(text)))
        if base is not None:
            self._prefixes |= base._prefixes
        self.longest = max(map(len, self.words), default=0)

    def __getattr__(self, name: str) -> Find:
        # Set once it is asked for: in most texts not even the first character of a literal stands.
        if name not in ("find", "at"):
            raise AttributeError(name)
        pattern = re.compile(_any_of([word for word in self.words if word in self._own]) if self._own else NEVER)
        self.find, self.at = pattern.search, pattern.match
        if self._base is not None:
            self.find = _first_of(self.find, self._base.find, self.longest)
            self.at = _longest_of(self.at, self._base.at)
        found: Find = getattr(self, name)
        return found

    def open_ended(self, text: str, pos: int, end: int) -> bool:
        """Return whether more text could make a (longer) literal of `text[pos:end]`."""
        return end - pos < self.longest and text[pos:end] in self._prefixes

    def may_stand(self, text: str, pos: int, end: int) -> bool:
        """Return whether a literal stands at `pos`, or more text could make one of what stands there."""
        return self.at(text, pos, end) is not None or self.open_ended(text, pos, end)

    def seek(self, text: str, pos: int, end: int, final: bool) -> tuple[int, str | None]:
        """Return where the next literal stands, and the literal; None if more text may complete one there."""
        # Most text holds no first character of a literal, and one is found much faster than all the literals.
        if self._only:
            start = text.find(self._only, pos, end)
        else:
            first = self._first.search(text, pos, end)
            start = first.start() if first is not None else -1
        if start < 0:
            return end, None
        found = self.find(text, start, end)
        if found is None:
            return self.held(text, start, end), None
        at = found.start()
        if not final and start < at > end - self.longest and (before := self.held(text, start, end)) < at:
            return before, None  # a longer one, which the end of the text cuts, begins before it
        may_grow = not final and end - at < self.longest and text[at:end] in self._prefixes
        return at, None if may_grow else found.group()

    def held(self, text: str, pos: int, end: int) -> int:
        """Return the first position whose rest is a proper prefix of a literal; `end` if there is none."""
        at = max(pos, end - self.longest + 1)
        while (found := self._first.search(text, at, end)) is not None:
            if self.open_ended(text, found.start(), end):
                return found.start()
            at = found.start() + 1
        return end


def _first_of(one: Find, other: Find, longest: int) -> Find:
    """Return what finds the first that one of two finds, and of those that begin there the longest."""

    def find(text: str, pos: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        end, stride = min(end, len(text)), _STRIDE
        while pos < end:
            # Neither looks far beyond what the other may find: where one stands often and the other never, each look
            # would else go through all the rest.
            stop = min(end, pos + stride + longest)
            found, too = one(text, pos, stop), other(text, pos, stop)
            nearest = _nearer(found, too)
            if nearest is not None and (nearest.start() < pos + stride or stop == end):
                return nearest
            pos, stride = pos + stride, 2 * stride
        return None

    return find


def _longest_of(one: Find, other: Find) -> Find:
    """Return what matches the longest of what two match."""
    return lambda *place: _nearer(one(*place), other(*place))


def _nearer(one: re.Match[str] | None, other: re.Match[str] | None) -> re.Match[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other, key=lambda match: (match.start(), -match.end()))


def iter_literals(literals: Literals, text: str) -> Iterator[re.Match[str]]:
    """Yield every literal in the text, in order."""
    at = 0
    while (found := literals.find(text, at, len(text))) is not None:
        yield found
        at = found.end()


def one_of(characters: Iterable[str]) -> str:
    """Return a regular expression for any of the characters; it matches nothing if there are none."""
    every = "".join(map(re.escape, sorted({*characters})))
    return f"[{every}]" if every else NEVER


def beginning_of(words: Iterable[str]) -> str:
    """Return a regular expression for the first characters of any of the words, as many as there are."""
    rests: dict[str, list[str]] = {}
    for word in filter(None, words):
        rests.setdefault(word[0], []).append(word[1:])
    branches = (
        re.escape(first) + (f"(?:{more})?" if (more := beginning_of(rest)) else "")
        for first, rest in sorted(rests.items())
    )
    return "|".join(branches)


def _any_of(words: list[str]) -> str:
    """Return a regular expression for any of the words, the longest first; common prefixes are tried once."""
    prefix = commonprefix(words)  # noqa: RUF071 - characters are what is compared here
    rests: dict[str, list[str]] = {}
    for word in words:
        rests.setdefault(word[len(prefix) : len(prefix) + 1], []).append(word[len(prefix) :])
    branches = [_any_of(group) for first, group in sorted(rests.items()) if first]
    if not branches:
        return re.escape(prefix)
    return re.escape(prefix) + "(?:" + "|".join(branches) + ")" + ("?" if "" in rests else "")
