"""llguidance over a vocabulary of bytes and words: the time of each mask."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wireproto.engines import EngineError, llguidance


@dataclass(frozen=True)
class Masks:
    """Seconds: for the grammar's text, for each mask."""

    compile: float
    masks: tuple[float, ...]


class _Vocabulary:
    """Every byte, words, and the end of output; a text is taken byte by byte, which is the most masks."""

    def __init__(self, words: Sequence[str]) -> None:
        self.tokens = [*(bytes([byte]) for byte in range(256)), *(word.encode() for word in words), b"<eos>"]
        self.eos_token_id = len(self.tokens) - 1
        self.bos_token_id = None
        self.special_token_ids = [self.eos_token_id]

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())


def _tokenizer(words: Sequence[str]) -> Any:
    if not llguidance.available():
        raise EngineError("llguidance is not installed")
    from llguidance import LLTokenizer, TokenizerWrapper

    return LLTokenizer(TokenizerWrapper(_Vocabulary(words)))


def masks(lark: str, text: str, words: Sequence[str]) -> Masks:
    """Return the times of a grammar's text and of a mask before each byte of a text that it has to take."""
    tokenizer = _tokenizer(words)
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
