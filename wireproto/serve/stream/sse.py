"""Server-sent events: bytes of any cut in, whole events out, up to a limit on their size.

It must not know what events mean. Law: the events do not depend on how the bytes were cut; what is kept of an event
that has not ended is never more than the limit.

Source: the HTML standard, section "Server-sent events": lines end with LF, CRLF or CR, and with nothing else, so that
U+2028 is a character like any other.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from wireproto.values.errors import WireprotoError

_LINE: Final = re.compile(rb"\r\n|\n|\r")
_BOM: Final = b"\xef\xbb\xbf"


class TooLong(WireprotoError):
    """An event that is longer than the limit."""


class ServerEvent(NamedTuple):
    """The name of an event, empty if it has none, and its data."""

    name: str
    data: bytes


class SseReader:
    """Reads events from bytes, as they come; `limit` is the most bytes of one event."""

    __slots__ = ("_after_cr", "_bom", "_data", "_held", "_limit", "_name", "_size", "_waiting")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: list[bytes] = []  # a line that has not ended
        self._data: list[bytes] = []
        self._name = ""
        self._size = self._waiting = 0  # bytes of this event, and those of them that are held
        self._after_cr = False
        self._bom = _BOM

    @property
    def is_between(self) -> bool:
        """Whether what comes next is the beginning of an event."""
        return not (self._held or self._data or self._name or self._after_cr or self._bom)

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Read more bytes; return the events that ended in them.

        Raises:
            TooLong: an event is longer than the limit.
        """
        if self._bom:
            data = self._without_bom(data)
        if self._after_cr and data:
            data = data.removeprefix(b"\n")  # the second half of a line end
            self._after_cr = False
        self._after_cr = data.endswith(b"\r")
        *lines, rest = _LINE.split(data) if b"\r" in data else data.split(b"\n")
        found: list[ServerEvent] = []
        if lines and self._held:
            lines[0] = b"".join((*self._held, lines[0]))
            self._held.clear()
            self._size -= self._waiting
            self._waiting = 0
        for line in lines:
            if line:
                self._line(line)
            else:
                self._end(found)
        if rest:
            self._held.append(rest)
            self._waiting += len(rest)
            self._grow(len(rest))
        return found

    def _without_bom(self, data: bytes) -> bytes:
        """Take the mark of the byte order off the start of the stream, which may come in pieces."""
        data = b"".join((*self._held, data))
        self._held.clear()
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._held.append(data)
            return b""
        self._bom = b""
        return data.removeprefix(_BOM)

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            raise TooLong(f"an event of the stream is longer than {self._limit:,} bytes")

    def _line(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        if field == b"data":
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._grow(len(value))
        elif field == b"event":
            self._name = value.strip().decode("utf-8", "replace")
        elif field == b"error":
            # Older llama-servers write `error: {...}` where others name the event so.
            self._name = "error"
            self._data.append(value.strip())

    def _end(self, found: list[ServerEvent]) -> None:
        if self._data:
            found.append(ServerEvent(self._name, b"\n".join(self._data)))
            self._data.clear()
        self._name = ""
        self._size = 0
