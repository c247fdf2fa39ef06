"""The input so far: all of it kept once, and the part that is not decided yet as one string.

Positions are offsets into the whole input, in characters. `window` holds the text from `base` on. Law: appending a
chunk costs its own length, whatever came before.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from wireproto.text.scan import BLANK
from wireproto.text.state import State

_GROUP = 64
_PACK = 1024  # pieces of a few characters cost ten times their length; they are joined when there are this many


@dataclass(slots=True)
class Rope(State):
    """A string that grows by pieces; a piece costs its own length."""

    _blocks: list[str] = field(default_factory=list)
    _recent: list[str] = field(default_factory=list)

    def append(self, piece: str) -> None:
        """Append a piece."""
        self._recent.append(piece)
        if len(self._recent) >= _PACK:
            self._blocks.append("".join(self._recent))
            self._recent.clear()

    def take(self) -> str:
        """Return the whole string and forget its pieces, a few at a time: both are never there whole."""
        blocks = [*self._blocks, "".join(self._recent)]
        self._blocks, self._recent = [], []
        whole = ""
        for start in range(0, len(blocks), _GROUP):
            whole += "".join(blocks[start : start + _GROUP])
            blocks[start : start + _GROUP] = [""] * len(blocks[start : start + _GROUP])
        return whole


@dataclass(slots=True)
class OpenValue(State):
    """A value whose end is looked for: how far, how deep, and inside which kind of string."""

    start: int
    scan: int
    depth: int = 0
    inside: str = ""


class LooseQuote(Exception):
    """A quote inside a string closes nothing; `position` says where it stands."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class Buffer(State):
    """An append-only text with cheap slices and a window on its undecided end. `end` is its length so far."""

    __slots__ = ("_blocks", "_recent", "_starts", "base", "end", "window")

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._starts: list[int] = []
        self._recent: list[str] = []
        self.window = ""
        self.base = self.end = 0

    def feed(self, chunk: str) -> None:
        """Append to the input and to the window."""
        self._recent.append(chunk)
        if len(self._recent) >= _PACK:
            self._pack()
        self.window += chunk
        self.end += len(chunk)

    def shift(self, chunk: str, held: int) -> None:
        """Append a chunk; all but its last `held` characters is decided, with what the window held."""
        recent = self._recent
        recent.append(chunk)
        if len(recent) >= _PACK:
            self._pack()
        self.end = end = self.end + len(chunk)
        self.base = end - held
        self.window = chunk[-held:] if held else ""

    def release(self, position: int) -> None:
        """Drop the window's text before `position`."""
        self.window = self.window[position - self.base :]
        self.base = position

    def rewind(self, position: int) -> None:
        """Take the window back to `position`, where somebody has looked too far."""
        if position < self.base:
            self.window = self.slice(position, self.end)
            self.base = position

    def slice(self, start: int, end: int) -> str:
        """Return the characters from `start` up to `end`."""
        if start >= self.base:
            return self.window[start - self.base : end - self.base]
        self._pack()
        pieces = []
        at = bisect_right(self._starts, start) - 1
        while at < len(self._blocks) and self._starts[at] < end:
            offset = self._starts[at]
            pieces.append(self._blocks[at][max(0, start - offset) : end - offset])
            at += 1
        return pieces[0] if len(pieces) == 1 else "".join(pieces)

    def blank_since(self, position: int, stop: int) -> bool:
        """Return whether only blanks follow `position` up to `stop`, as one stands before it."""
        at = position - self.base
        if at < 1 or self.window[at - 1] not in BLANK:
            return False
        return not self.window[at : stop - self.base].strip(BLANK)

    def _pack(self) -> None:
        if not self._recent:
            return
        block = "".join(self._recent)
        self._recent.clear()
        if self._blocks and len(self._blocks[-1]) + len(block) <= _PACK:
            # Many small blocks, one for each look back in a stream of characters, would make every slice slow.
            self._blocks[-1] += block
        elif block:
            self._starts.append(self._starts[-1] + len(self._blocks[-1]) if self._blocks else 0)
            self._blocks.append(block)
