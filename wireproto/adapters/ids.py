"""Ids of calls, as the model wrote them and as an API takes them, and the numbers of calls in an answer.

An API wants an id for each call, which is unique over the conversation; many formats have none, and others write what
an API refuses. Law: `wire_id` of an id that `Ids.give` gave is the id that the model wrote, if it wrote one.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Hashable, Iterable
from secrets import token_hex
from typing import Protocol

_PLAIN = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CARRIER = re.compile(r"wire_[0-9a-f]{8}_([A-Za-z0-9_-]+)")


class IdSource(Protocol):
    """What gives ids to calls: `Ids`, or something of your own."""

    def give(self, wire: str | None = None, name: str = "") -> str:
        """Return the id of a new call of the tool `name`; `wire` is the one that was written, if one was."""
        ...


class Ids:
    """Gives ids to calls. `taken`: ids that the conversation has already.

    An id that the model wrote is kept where it is new and of letters, digits, `_` and `-`, which every API takes. Any
    other is carried, spelled in base 64, by an id that is new: `wire_id` reads it from there, so that nobody has to
    remember it.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*taken}

    def give(self, wire: str | None = None, name: str = "") -> str:
        """Return the id of a call that is new; `wire`: the one that the model or a server wrote."""
        given = wire or ""
        keeps = _PLAIN.fullmatch(given) is not None and _CARRIER.fullmatch(given) is None
        while not keeps or given in self._taken:
            given = f"wire_{token_hex(4)}_{_spelled(wire)}" if wire else f"call_{token_hex(12)}"
            keeps = True
        self._taken.add(given)
        return given


def wire_id(given: str) -> str:
    """Return the id that the model wrote for the call that `Ids.give` gave this id; others as they are."""
    carrier = _CARRIER.fullmatch(given)
    if carrier is None:
        return given
    text = carrier[1]
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "surrogatepass")
    except (Error, ValueError):
        return given


def _spelled(wire: str) -> str:
    return urlsafe_b64encode(wire.encode("utf-8", "surrogatepass")).decode().rstrip("=")


class Numbering:
    """Numbers the calls of an answer from 0 without gaps, whoever found them."""

    def __init__(self) -> None:
        self._given: dict[Hashable, int] = {}
        self._next = 0

    def next(self) -> int:
        """Return the number of a call that is new."""
        number, self._next = self._next, self._next + 1
        return number

    def of(self, key: Hashable) -> int:
        """Return the number of the call that somebody else knows by `key`, a new one the first time."""
        if key not in self._given:
            self._given[key] = self.next()
        return self._given[key]
