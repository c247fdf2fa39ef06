"""What a writer sends: chunks whose constant parts are serialised once, and chunks that are sent once.

A frame is the shape of a chunk that comes again and again with another text in it. Law: the line of a chunk is the
chunk as JSON, behind the names that its API wants before it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from json import JSONEncoder
from json.encoder import encode_basestring_ascii as quote
from secrets import token_hex
from typing import Any, NamedTuple, Protocol

Chunk = dict[str, Any]

# Nobody else writes this: it is where the text goes.
_HOLE = f"hole {token_hex(16)}"
_dumps = JSONEncoder(separators=(",", ":")).encode
_NUMBER = int.from_bytes(_HOLE.encode()[-16:], "big")


class Shape(Protocol):
    """What a chunk is made of: all but its text, if it has one."""

    def chunk(self, text: str) -> Chunk:
        """Return the chunk."""
        ...

    def line(self, text: str) -> str:
        """Return the chunk as an event of a stream."""
        ...


class Piece(NamedTuple):
    """A chunk to be sent."""

    shape: Shape
    text: str = ""


class Once:
    """A chunk that is sent once."""

    __slots__ = ("_chunk", "_named")

    def __init__(self, chunk: Chunk, named: bool) -> None:
        self._chunk, self._named = chunk, named

    def chunk(self, text: str) -> Chunk:
        """Return the chunk."""
        return self._chunk

    def line(self, text: str) -> str:
        """Return the chunk as an event of a stream."""
        return sse(self._chunk, self._named)


class Frame:
    """A chunk with a text in it: `build` makes it."""

    __slots__ = ("_around", "_build", "_named")

    def __init__(self, build: Callable[[str], Chunk], named: bool) -> None:
        self._build, self._named = build, named
        self._around: list[str] = []  # made when it is used, since many a frame is not

    def chunk(self, text: str) -> Chunk:
        """Return the chunk."""
        return self._build(text)

    def line(self, text: str) -> str:
        """Return the chunk as an event of a stream."""
        if not self._around:
            self._around = sse(self._build(_HOLE), self._named).split(quote(_HOLE))
        return quote(text).join(self._around)


class NumberedFrame:
    """A chunk with a text and a number in it; `parts` are the texts so far, since the API repeats them at the end."""

    __slots__ = ("_build", "_head", "_middle", "_numbers", "_tail", "parts")

    def __init__(self, build: Callable[[int, str], Chunk], numbers: count[int]) -> None:
        self._build, self._numbers = build, numbers
        self.parts: list[str] = []
        self._head, rest = sse(build(_NUMBER, _HOLE), named=True).split(str(_NUMBER))
        self._middle, self._tail = rest.split(quote(_HOLE))

    def chunk(self, text: str) -> Chunk:
        """Return the chunk."""
        self.parts.append(text)
        return self._build(next(self._numbers), text)

    def line(self, text: str) -> str:
        """Return the chunk as an event of a stream."""
        self.parts.append(text)
        return f"{self._head}{next(self._numbers)}{self._middle}{quote(text)}{self._tail}"


def sse(chunk: Chunk, named: bool) -> str:
    """Return a chunk as a server-sent event, `named` by its type: ASCII in one line, which no reader can split."""
    name = f"event: {chunk['type']}\n" if named else ""
    return f"{name}data: {_dumps(chunk)}\n\n"
