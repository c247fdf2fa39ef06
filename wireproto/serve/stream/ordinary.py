"""Events that differ from the one before in nothing but a text, as most of a stream do: they are not parsed as JSON.

It must not know what becomes of them. Law: an event that is taken would give, parsed, the same chunk as the one that
was learned, but for the text; what is gathered is in the order of the stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from wireproto.adapters.history.chat import REASONING_KEYS
from wireproto.serve.stream.chunks import Delta

# A string of JSON behind its first quote. Halves of surrogate pairs are left to who parses each event alone.
_STRING: Final = re.compile(
    rb'[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*'
)
_BLANKS: Final = (b"\n\n", b"\r\n\r\n")
_LF: Final = 10
_PROBE: Final = "probe"
_TEXTS: Final = frozenset(("content", *REASONING_KEYS))
_MOST_FAILURES: Final = 8  # a server that numbers its events, say, has none that are alike


class Gathered(NamedTuple):
    """What came since the last time: in which choice and under which key, its text, and the events as they came."""

    choice: int
    key: str
    text: str
    lines: str


class Ordinary:
    """Learns what the events of one stream have in common; `read` makes a chunk of an event."""

    __slots__ = ("_choice", "_failures", "_head", "_key", "_parts", "_read", "_tail", "_texts", "_was_of_use")

    def __init__(self, read: Callable[[str], dict[str, Any]]) -> None:
        self._read = read
        self._head = self._tail = b""
        self._key = ""
        self._choice = self._failures = 0
        self._was_of_use = False
        self._texts: list[bytes] = []
        self._parts: list[bytes] = []

    def take(self, data: bytes, at: int) -> int:
        """Gather the events that begin there and are like the one that was learned; return where they end."""
        head, tail, start = self._head, self._tail, at
        while head and data.startswith(head, at):
            begin = at + len(head)
            found = _STRING.match(data, begin)
            end = found.end() if found else begin
            if not data.startswith(tail, end):
                break
            blank = end + len(tail)
            if not data.startswith(_BLANKS, blank):
                break
            self._texts.append(data[begin:end])
            at = blank + (2 if data[blank] == _LF else 4)
        if at > start:
            self._parts.append(data[start:at])
            self._was_of_use = True
        return at

    def empty(self) -> Gathered | None:
        """Return what was gathered, if anything was.

        Raises:
            UnicodeDecodeError: it is no UTF-8.
        """
        if not self._parts:
            return None
        texts, parts, self._texts, self._parts = self._texts, self._parts, [], []
        text = b"".join(texts).decode("utf-8")
        if "\\" in text:
            text = json.loads(f'"{text}"')
        return Gathered(self._choice, self._key, text, b"".join(parts).decode("utf-8"))

    def forget(self) -> None:
        """Take no event any more, until another one was learned."""
        self._head = b""

    def learn(self, event: str, chunk: dict[str, Any], delta: Delta) -> None:
        """Learn from an event, and the chunk in it, if its only news is a text."""
        key = _key_of(chunk, delta)
        if not key or self._failures > _MOST_FAILURES:
            return
        if self._head and _line(event).startswith(self._head) and event.encode().endswith(self._tail):
            return  # only its text is not ordinary
        self._failures = 0 if self._was_of_use else self._failures + 1
        self._was_of_use = False
        self.forget()
        found = re.search(rf'"{key}"[ \t]*:[ \t]*"', event)
        if found is None or "\n" in event:
            return
        head = event[: found.end()]
        text, end = json.JSONDecoder().raw_decode(event, found.end() - 1)
        tail = event[end - 1 :]
        # The place is right if another text there is all that changes.
        other = self._read(f"{head}{_PROBE}{tail}")
        found_there = other["choices"][0]["delta"].get(key)
        if found_there == _PROBE and {**other, "choices": [_with(other, key, text)]} == chunk:
            self._head, self._tail, self._choice, self._key = _line(head), tail.encode(), delta.choice, key


def _line(event: str) -> bytes:
    return b"data: " + event.encode()


def _key_of(chunk: dict[str, Any], delta: Delta) -> str:
    """Return the key of the text that is all that a chunk has, or an empty string."""
    keys = [key for key, value in delta.fields.items() if value]
    is_all = len(chunk["choices"]) == len(keys) == 1 and not delta.finish_reason and not chunk.get("usage")
    return keys[0] if is_all and keys[0] in _TEXTS else ""


def _with(chunk: dict[str, Any], key: str, text: str) -> dict[str, Any]:
    (choice,) = chunk["choices"]
    return {**choice, "delta": {**choice["delta"], key: text}}
