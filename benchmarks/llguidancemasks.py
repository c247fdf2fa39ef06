"""llguidance over a vocabulary of bytes and words: the time of each mask."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from wireproto.testing.engines import EngineError, llguidance


@dataclass(frozen=True)
class Masks:
    """Seconds: for the grammar's text, for each mask."""

    compile: float
    masks: tuple[float, ...]


def masks(lark: str, text: str, words: Sequence[str]) -> Masks:
    """Return the times of a grammar's text and of a mask before each byte of a text that it has to take."""
    tokenizer = llguidance.tokenizer(words)
    from llguidance import LLMatcher

    started = time.perf_counter()
    matcher = LLMatcher(tokenizer, lark, log_level=0)
    compiled = time.perf_counter() - started
    if matcher.is_error():
        raise EngineError(matcher.get_error())
    found = []
    for byte in text.encode():
        started = time.perf_counter()
        matcher.compute_bitmask()
        found.append(time.perf_counter() - started)
        if not matcher.consume_token(byte):
            raise EngineError("a call is refused")
    return Masks(compiled, tuple(found))
