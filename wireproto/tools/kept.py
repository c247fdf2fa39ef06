"""What was made of tools, kept for the next time: a bounded store, and the key of definitions.

It must not know what is kept. Law: a key is of the content alone, never of an object's identity, since callers change
their lists; what is kept was made of a copy.
"""

from __future__ import annotations

import marshal
import threading
from collections.abc import Hashable
from typing import Any, Final, Generic, TypeVar

Value = TypeVar("Value")

# Definitions that take more bytes are read anew each time.
_MAX_KEY: Final = 4_000_000


class Kept(Generic[Value]):
    """The values that were asked for last, as long as their sizes together are no more than `most`."""

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self._values: dict[Hashable, tuple[Value, int]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> Value | None:
        """Return what is kept under a key; None if nothing is."""
        with self._lock:
            found = self._values.pop(key, None)
            if found is None:
                return None
            self._values[key] = found  # the last one to go
            return found[0]

    def add(self, key: Hashable, value: Value, size: int) -> None:
        """Keep a value, and let those go that were not asked for longest."""
        with self._lock:
            _, before = self._values.pop(key, (None, 0))
            self.size -= before
            if size > self.most:
                return
            self._values[key] = value, size
            self.size += size
            while self.size > self.most:
                _, gone = self._values.pop(next(iter(self._values)))
                self.size -= gone

    def clear(self) -> None:
        """Keep nothing of what is there."""
        with self._lock:
            self._values.clear()
            self.size = 0


def key_of(given: object) -> bytes | None:
    """Return the key of a list of definitions; None if it holds what is no JSON, or too much.

    Equal keys are of equal definitions, in the same order and of the same types. Equal definitions may have two keys,
    since those of objects that are shared differ.
    """
    if type(given) is not list:
        return None
    try:
        key = marshal.dumps(given)
    except ValueError:
        return None
    return key if len(key) <= _MAX_KEY else None


def copy_of(key: bytes, given: object) -> Any:
    """Return what a key was made of, as a copy; None if it is not the same, as other types than JSON's may not be."""
    found = marshal.loads(key)
    try:
        return found if found == given else None
    except (TypeError, ValueError):
        return None
