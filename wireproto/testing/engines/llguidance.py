"""llguidance, the grammar engine of vLLM and others, over a vocabulary of the 256 bytes: it judges Lark grammars.

It knows nothing of GBNF. Law: an answer is the engine's own.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from wireproto.testing.engines import Engine, EngineError

EOS = 256


class _ByteVocabulary:
    """One token for each byte, the end of output, and words; a text is taken byte by byte."""

    eos_token_id = EOS
    bos_token_id = None
    special_token_ids = (EOS,)

    def __init__(self, words: Iterable[str]) -> None:
        self.tokens = [*(bytes([byte]) for byte in range(256)), b"<eos>", *(word.encode() for word in words)]

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode("utf-8"))


def available() -> bool:
    """Whether the engine is installed."""
    return importlib.util.find_spec("llguidance") is not None


def tokenizer(words: Iterable[str] = ()) -> Any:
    """Return the engine's tokenizer of bytes, `EOS` and these words; EngineError where it is not installed."""
    if not available():
        raise EngineError("llguidance is not installed: pip install 'wireproto[engines]'")
    from llguidance import LLTokenizer, TokenizerWrapper

    return LLTokenizer(TokenizerWrapper(_ByteVocabulary(words)))


@lru_cache(maxsize=1)
def _bytes() -> Any:
    return tokenizer()


class LLGuidance(Engine):
    """A grammar that the engine has compiled."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    @classmethod
    def compile(cls, lark: str) -> LLGuidance:
        """Compile Lark text; EngineError, with the engine's message, where it refuses."""
        known = _bytes()
        from llguidance import LLMatcher

        message = LLMatcher.validate_grammar(lark, known)
        if message:
            raise EngineError(message)
        return cls(LLMatcher(known, lark, log_level=0))

    def _feed(self, text: str) -> bool:
        """Start again and give a text; return whether the engine took all of it. EngineError where it gave up."""
        self._matcher.reset()
        tokens = list(text.encode("utf-8", "surrogatepass"))
        taken = self._matcher.try_consume_tokens(tokens)
        if self._matcher.is_error():
            raise EngineError(self._matcher.get_error())
        return bool(taken == len(tokens))

    def accepts_prefix(self, text: str) -> bool:
        """Whether the engine takes every byte of a text."""
        return self._feed(text)

    def accepts(self, text: str) -> bool:
        """Whether a text is a whole string of the grammar."""
        return self._feed(text) and bool(self._matcher.is_accepting())
