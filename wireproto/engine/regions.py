"""Where text outside calls stands: open text, a Markdown fence, or reasoning; and where that ends.

A fence and reasoning end at their closer whatever stands before it, also inside the shape of a call (R-FENCE,
R-THINK). Law: the end is found by looking at every character once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from wireproto.engine.left_context import LeftContext
from wireproto.text.buffer import Buffer
from wireproto.text.scan import Literals, beginning_of
from wireproto.text.state import State

Kind = Literal["text", "fence", "reasoning"]
FENCE_WIDTH = 3
FENCES = ("`" * FENCE_WIDTH, "~" * FENCE_WIDTH)
_FENCES = Literals(frozenset(FENCES))
_INFO = 256  # characters of a fence's opening line that are looked at


@dataclass(slots=True)
class Region(State):
    """A stretch of text outside calls. `scan` is how far its end was looked for, `closed` its closer once found.

    `prose` is what its characters are to the caller.
    Reasoning ends at the first of its `closers`. A fence's closer is `width` times its character, and one of `closers`
    may stand behind it; `in_info` while its opening line goes on.
    """

    kind: Kind
    start: int = 0
    scan: int = 0
    closers: tuple[str, ...] = ()
    closer: str = ""
    width: int = 0
    in_info: bool = False
    prose: Literal["text", "reasoning"] = "text"
    closed: tuple[int, int] | None = None

    @classmethod
    def reasoning(cls, closers: tuple[str, ...], start: int = 0, scan: int = 0) -> Region:
        """Return reasoning that opens at `start`, and whose text begins at `scan`; without closers there is none."""
        return cls("reasoning", start, scan, closers, prose="reasoning") if closers else cls("text")

    @classmethod
    def fence(cls, buffer: Buffer, position: int, width: int) -> Region:
        """Return the fence that opens at `position` with at least `width` characters."""
        char = buffer.slice(position, position + 1)
        return cls("fence", position, position + width, closer=char, width=width, in_info=True)

    def reach(self, buffer: Buffer, final: bool) -> int:
        """Return how far the region's text is known to reach; sets `closed` if its closer was found."""
        if self.kind == "text":
            return buffer.end
        if self.closed is None:
            self._find_end(buffer, final)
        if self.closed is not None:
            return self.closed[0]
        return buffer.end if final or not (self.closer or self.closers) else self.scan

    def _find_end(self, buffer: Buffer, final: bool) -> None:
        if self.kind == "reasoning":
            self._find_thought_end(buffer, final)
        else:
            self._find_fence_end(buffer, final)

    def _find_thought_end(self, buffer: Buffer, final: bool) -> None:
        text, base, closers = buffer.window, buffer.base, _any_of(self.closers)
        start = max(0, self.scan - base)
        found = closers.find(text, start)
        if found is None:
            self.scan = base + closers.held(text, start, len(text))
        elif closers.open_ended(text, found.start(), len(text)) and not final:
            self.scan = base + found.start()
        else:
            self.closed = (base + found.start(), base + found.end())

    def _find_fence_end(self, buffer: Buffer, final: bool) -> None:
        text, at = buffer.window, max(0, self.scan - buffer.base)
        line = self._skip_info(text, at, buffer.base) if self.in_info else at
        if line is None:
            return
        closing, partial = _fence_patterns(self.closer, self.width, self.closers)
        found = closing.search(text, line)
        if found is not None and (final or text[found.end() :].lstrip("\r")):
            self.closed = (buffer.base + found.start(), buffer.base + found.end())
            return
        held = partial.search(text, found.start() if found is not None else line)
        self.scan = buffer.base + (held.start() if held is not None else len(text))

    def _skip_info(self, text: str, at: int, base: int) -> int | None:
        """Skip the rest of the opening line; a backtick in it says that it opens no fence (CommonMark 4.5)."""
        while at < len(text) and text[at] == self.closer and base + at == self.start + self.width:
            at, self.width = at + 1, self.width + 1
        line = text.find("\n", at, at + _INFO)
        tick = text.find("`", at, line if line >= 0 else at + _INFO) if self.closer == "`" else -1
        if tick >= 0:
            self.kind, self.closer = "text", ""
        elif line >= 0 or len(text) - at >= _INFO:
            self.in_info = False
            return line if line >= 0 else at
        # Whether a call in this line is quoted is not known before its end.
        self.scan = base + at
        return None


def fences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the stretches that are fenced code blocks, fences included (CommonMark 4.5); the last may be open."""
    if not any(fence in text for fence in FENCES):
        return
    buffer = Buffer()
    buffer.feed(text)
    at = 0
    while (found := _FENCES.find(text, at, len(text))) is not None:
        start, at = found.start(), found.end()
        while text[at : at + 1] == text[start]:  # of a run of signs only the first one can open a fence
            at += 1
        if not LeftContext(buffer).may_fence(start):
            continue
        region = Region.fence(buffer, start, FENCE_WIDTH)
        region.reach(buffer, True)
        if region.kind == "fence":
            at = region.closed[1] if region.closed is not None else len(text)
            yield start, at


@lru_cache(maxsize=64)
def _any_of(literals: tuple[str, ...]) -> Literals:
    return Literals(frozenset(literals))


@lru_cache(maxsize=64)
def _fence_patterns(fence: str, width: int, behind: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return patterns of a closing line, and of what at the end of a text may still become one.

    `behind`: what may follow it on the same line.
    """
    char, others = re.escape(fence), "".join("|" + re.escape(word) for word in behind)
    closing = rf"\n {{0,3}}{char}{{{width},}}[ \t]{{0,256}}(?=\r?(?:\n|\Z){others})"
    return re.compile(closing), re.compile(rf"\n {{0,3}}(?:{char}*[ \t]{{0,256}}(?:\r|{beginning_of(behind)})?)?\Z")
