"""Loops: a passage, or a call, that a model writes over and over.

A passage loops if one of at most `max_period` characters stands `times` times in a row, and the whole stretch is at
least `SHORTEST` characters long: that is a sentence repeated again and again. A passage of fewer than `WORDS` different
letters is more likely a drawing than a sentence (rules of tables and of dashes, blanks, zeros, a row of empty cells),
so its stretch must reach `DRAWN` characters. Letters are what `str.isalpha` says, upper and lower case apart. What is
neither text nor reasoning (arguments above all: files with tables of zeros are written there) loops only if the last
`FLOOD` characters of the input are one passage.

This stage works on plain characters and values: it must not know what they mean, nor where chunks end. Text is looked
at in blocks that are counted from the start of a stretch. Law: what is found, and at which character it is reported,
depends on the text alone; time is linear in it and memory bounded by `times * max_period`.

How: at a look, the last characters are searched for once more, just before themselves; the distance is the period, and
how far both places agree, backwards and forwards, is the length of the run. Periods are split into levels. A level
searches for as many characters as its longest period has, so that by the theorem of Fine and Wilf the nearest place is
the only one worth a look: any other period that long a match allows is a multiple of the nearest one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from wireproto.text.buffer import Buffer
from wireproto.text.json_safe import identical
from wireproto.text.state import State
from wireproto.values.model import Call
from wireproto.values.policy import Policy
from wireproto.values.quoting import quoted

SHORTEST = 120
WORDS = 8
DRAWN = 2_000
FLOOD = 32_768
LOOK = FLOOD // 2  # how often the input as a whole is looked at
BLOCK = 512
_PROBE = 64
_FIRST = 30  # the longest period of the lowest level: shorter ones must stand SHORTEST characters long anyway


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop: its span as far as it was read, the position at which it was found (both in characters), one sentence.

    `period` is the length of its passage; 0 for a loop of calls.
    """

    span: tuple[int, int]
    seen: int
    message: str
    period: int = 0

    @classmethod
    def of_passage(cls, span: tuple[int, int], seen: int, period: int) -> Loop:
        """Return the loop of a passage."""
        times = (span[1] - span[0]) // period
        return cls(span, seen, f"a passage of {period} characters is repeated {times} times in a row", period)


@dataclass(frozen=True, slots=True)
class Level:
    """Periods above `low` up to `high`, looked for every `step` characters, once as many more were read."""

    low: int
    high: int
    step: int


@lru_cache(maxsize=64)
def levels(times: int, max_period: int) -> tuple[Level, ...]:
    """Return the levels for these thresholds.

    `step` is chosen so that before a run is long enough to be reported, at least one look falls where the last `high`
    characters and one more period are all inside it.
    """
    found: list[Level] = []
    low, high = 0, min(_FIRST, max_period)
    while low < max_period:
        slack = min(max(times * period, SHORTEST) - period for period in range(low + 1, high + 1)) - high
        found.append(Level(low, high, min(slack, max(2 * low, BLOCK // 2))))
        low, high = high, min(high * 2 if times > 3 else high * 3 // 2, max_period)
    return tuple(found)


class Passages(State):
    """Finds loops in one stretch of prose after another, a block at a time. `due`: the position to look at next."""

    __slots__ = ("_begun", "_levels", "_looks", "_period", "_position", "_start", "_times", "_window", "due")

    def __init__(self, times: int, max_period: int) -> None:
        self._times = times
        self._levels = levels(times, max_period)
        self._begun, self._position = False, 0
        self._window, self._start, self._period = "", 0, 0
        self._looks: list[int] = []
        self.due = 0

    def read(self, buffer: Buffer, stretch: int, end: int) -> list[Loop]:
        """Look at the stretch that begins at `stretch` up to `end`, as far as its blocks are whole."""
        if not self._begun:
            self._begun, self._position = True, stretch
            self._begin("", stretch)
        first = self._position
        whole = (end - first) // BLOCK * BLOCK
        text = buffer.slice(first, first + whole)
        self.due = first + whole + BLOCK
        return [loop for at in range(0, whole, BLOCK) for loop in self._take(text[at : at + BLOCK], final=False)]

    def finish(self, buffer: Buffer, stretch: int, end: int) -> list[Loop]:
        """End the stretch; return the loops that were not reported yet."""
        if not self._begun:
            self._position = stretch
            self._begin("", stretch)
        self._begun = False
        if len(self._window) + end - self._position < SHORTEST:
            return []
        return self._take(buffer.slice(self._position, end), final=True)

    def _begin(self, window: str, start: int) -> None:
        """Forget what was read but for this much, which stands at `start`."""
        self._window, self._start, self._period = window, start, 0
        self._looks = [start + level.low + 1 + level.high for level in self._levels]

    def _take(self, block: str, final: bool) -> list[Loop]:
        """Look at one more block."""
        self._window += block
        self._position += len(block)
        if self._period:
            self._follow(len(block))
        loops: list[Loop] = []
        while not self._period and (loop := self._look(final)) is not None:
            loops.append(loop)
        self._trim()
        return loops

    def _follow(self, fresh: int) -> None:
        """Follow a loop that was reported into the fresh characters; begin anew where it ends."""
        window, period = self._window, self._period
        at = len(window) - fresh
        at += _agreement(window, at, period, fresh, back=False)
        if at < len(window):
            self._begin(window[at:], self._start + at)
        else:
            self._window, self._start = window[-period:], self._position - period

    def _look(self, final: bool) -> Loop | None:
        """Return the first loop that a look at any level finds; go on behind it."""
        window, start, rfind = self._window, self._start, self._window.rfind
        for number, level in enumerate(self._levels):
            first, last = self._looks[number], self._position - (0 if final else level.step)
            if first > last and not final:
                continue
            low, longest, twice = level.low + 1, level.high, 2 * level.high
            looks = range(first - start, last - start + 1, level.step)
            for at in (*looks, len(window)) if final else looks:
                if at <= longest:
                    continue
                # Where the characters before `at` stand once more, the nearest place of the level.
                found = rfind(window[at - longest : at], at - twice if at > twice else 0, at - low)
                if found >= 0 and (loop := self._loop(at, at - longest - found)):
                    return loop
            self._looks[number] = first + len(looks) * level.step
        return None

    def _loop(self, at: int, period: int) -> Loop | None:
        """Return the loop around `at` in the window, if the run is long enough; go on behind it."""
        window = self._window
        begin = at - period - _agreement(window, at, period, at - period, back=True)
        end = at + _agreement(window, at, period, len(window) - at, back=False)
        passage = window[at - period : at]
        return self._report(begin, end, passage) if end - begin >= self._needed(passage) else None

    def _needed(self, passage: str) -> int:
        """Return how long a stretch of this passage must be."""
        is_sentence = len({character for character in passage if character.isalpha()}) >= WORDS
        return max(self._times * len(passage), SHORTEST if is_sentence else DRAWN)

    def _report(self, begin: int, end: int, passage: str) -> Loop:
        """Return the loop; go on behind it, or follow it if it reaches the end of what was read."""
        window, start = self._window, self._start
        period = (passage + passage).find(passage, 1)
        self._begin(window[end:], start + end)
        if end == len(window):
            self._window, self._start, self._period = window[-period:], self._position - period, period
        return Loop.of_passage((start + begin, start + end), self._position, period)

    def _trim(self) -> None:
        """Keep what a run may need: one that was not reported is little longer than it must be for that."""
        last = self._levels[-1]
        keep = max(self._times * last.high, DRAWN) + 2 * (last.high + last.step) + BLOCK
        if len(self._window) > 2 * keep:
            self._start += len(self._window) - keep
            self._window = self._window[-keep:]


def _agreement(text: str, at: int, period: int, limit: int, back: bool) -> int:
    """Return how many characters from `at` on, or back from it, equal those one period before them; `limit` at most."""
    known, size = 0, 1
    while known < limit:
        size = min(size, limit - known)
        start = at - known - size if back else at + known
        if text[start : start + size] == text[start - period : start - period + size]:
            known += size
            size *= 2
        elif size == 1:
            break
        else:
            limit = known + size - 1
            size = max(1, size // 4)
    return known


def _same_call(left: Call, right: Call) -> bool:
    """Return whether two calls have the same name and arguments, or if they are incomplete, the same text."""
    if left.name != right.name or left.complete != right.complete:
        return False
    return identical(left.arguments, right.arguments) if left.complete else left.raw == right.raw


class LoopWatch(State):
    """The stage that watches one output: its prose, its calls, and the input as a whole.

    `block`: how much prose must come before there is something to look at.
    """

    __slots__ = ("_calls", "_flood", "_last_flood", "_max_period", "_passages", "_repeated", "_times", "block")

    def __init__(self, max_calls: int | None, max_passages: int | None, max_period: int) -> None:
        self._passages = Passages(max_passages, max_period) if max_passages is not None else None
        self.block: float = BLOCK if max_passages is not None else inf
        self._max_period = max_period
        self._flood = max(FLOOD, max_passages * max_period) if max_passages is not None else 0
        self._last_flood = -1
        self._times = max_calls
        self._repeated, self._calls = 1, 0

    @classmethod
    def of(cls, policy: Policy) -> LoopWatch:
        """Return what watches one output as the policy asks."""
        return cls(policy.loops.max_repeated_calls, policy.loops.max_repeated_passages, policy.loops.max_period)

    @property
    def due(self) -> float:
        """The position that the prose must reach before it is looked at again."""
        return self._passages.due if self._passages is not None else inf

    def prose(self, buffer: Buffer, stretch: int, end: int) -> list[Loop]:
        """Look at the prose from `stretch` up to `end`; return the loops to be reported now."""
        return self._passages.read(buffer, stretch, end) if self._passages is not None else []

    def end_of_prose(self, buffer: Buffer, stretch: int, end: int) -> list[Loop]:
        """End the prose that began at `stretch`; return the loops that were not reported yet."""
        return self._passages.finish(buffer, stretch, end) if self._passages is not None else []

    def call(self, last: Call, call: Call) -> Loop | None:
        """Take the call that follows `last`; return the loop if this call makes it one."""
        if not _same_call(last, call):
            self._repeated = 1
            return None
        if self._repeated == 1:
            self._calls = last.span[0]
        self._repeated += 1
        if self._repeated != self._times:
            return None
        message = f"the same call of {quoted(call.name)} is repeated {self._repeated} times in a row"
        return Loop((self._calls, call.span[1]), call.span[1], message)

    def portions(self, buffer: Buffer, text: str, room: int) -> Iterator[tuple[str, int]]:
        """Cut a chunk wherever the input as a whole is looked at; yield each piece with the period of a flood, or 0.

        The first place is `room` characters before the end of the chunk, which is then none or negative. The places are
        the same for every chunking, so that a flood is reported at the same character.
        """
        at = 0
        while room <= 0:
            end = len(text) + room
            period = self._period_at(buffer, text, at, end)
            if period:
                yield text[at:end], period
                at = end
            room += LOOK
        yield text[at:], 0

    def _period_at(self, buffer: Buffer, text: str, at: int, end: int) -> int:
        """Return the period of the input's end, were it to end at `end` of `text`; 0 if that is no flood.

        `at` characters of the text are in the buffer already.
        """
        first = end - self._flood
        missing = max(0, at - first)
        near = text[max(at, end - self._max_period - _PROBE) : end]
        known = len(near) == self._max_period + _PROBE  # a shorter text may repeat what came before it
        if not self._flood or buffer.end < missing or (known and near.rfind(near[-_PROBE:], 0, -1) < 0):
            return 0
        before = buffer.slice(buffer.end - missing, buffer.end) if missing else ""
        return _period(before + text[max(at, first) : end], self._max_period)

    def flood(self, end: int, period: int, watched: int) -> Loop | None:
        """Return the loop if the input that ends at `end` is a flood of this period, and it was not reported.

        Of the input, `watched` characters were looked at as prose, or are no concern any more.
        """
        if end - self._flood < watched:
            return None
        last, self._last_flood = self._last_flood, end
        return Loop.of_passage((end - self._flood, end), end, period) if last != end - LOOK else None


def _period(text: str, longest: int) -> int:
    """Return the length of the passage that the whole text repeats; 0 if it has more than `longest` characters."""
    size = len(text)
    found = text.rfind(text[size - longest :], max(0, size - 2 * longest), size - 1)
    period = size - longest - found
    return period if found >= 0 and text.startswith(text[period:]) else 0
