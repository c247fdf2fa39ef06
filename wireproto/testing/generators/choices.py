"""Where generators take their decisions from: a random number generator, or bytes that an engine mutates.

The third source is hypothesis (`wireproto.testing.strategies`), which is not loaded here. It must not know what is
decided. Law: every decision is one integer from `low` up, and the lowest is the simplest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Choices(ABC):
    """Decisions, one after another; a source has to give nothing but integers."""

    @abstractmethod
    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included; `low` is the simplest."""

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options; the first is the simplest."""
        return options[self.integer(0, len(options) - 1)]

    def one_in(self, count: int) -> bool:
        """Return True once in so many times; False is simpler."""
        return self.integer(1, count) == count

    def times(self, most: int, of: int = 4) -> Iterator[None]:
        """Go on up to `most` times: at each step with a chance of `of - 1` in `of`."""
        # A decision for each step, and not the number of them at first, lets a step be left out of an example.
        for _ in range(most):
            if not self.integer(0, of - 1):
                return
            yield


class RandomChoices(Choices):
    """The decisions of a seed: the fastest source."""

    __slots__ = ("_random",)

    def __init__(self, seed: int | str | Random) -> None:
        self._random = (seed if isinstance(seed, Random) else Random(seed)).random

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, all equally likely up to 53 bits."""
        return low + int(self._random() * (high - low + 1))


class ByteChoices(Choices):
    """Decisions that bytes spell, for engines that mutate bytes; zeros, and the end of the bytes, are the simplest."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def integer(self, low: int, high: int) -> int:
        """Return the integer that the next bytes spell, as many as the range needs."""
        size = ((high - low).bit_length() + 7) // 8
        taken = self._data[self._at : self._at + size]
        self._at += size
        return low + int.from_bytes(taken, "little") % (high - low + 1)
