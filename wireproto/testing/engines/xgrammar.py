"""xgrammar, the grammar engine of vLLM and SGLang, over a vocabulary of the 256 bytes: it judges EBNF and tags.

Its package asks for torch and transformers, of which nothing is used here: where they are missing, it is loaded with
empty modules in their place, which nobody else sees. It knows nothing of grammars. Law: an answer is the engine's own.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from wireproto.testing.engines import Engine, EngineError

_EOS = 256
_REPLACED = ("torch", "transformers")
_INSTALL = (
    "install it with: pip install --no-deps xgrammar && pip install apache-tvm-ffi pydantic numpy typing-extensions"
)


class _Nothing:
    """What a missing module would have made."""

    def __init__(self, *_: object, **__: object) -> None:
        pass


class _Empty(ModuleType):
    """A module in which every name is a class that does nothing."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_Nothing,), {})


@contextmanager
def _without_torch() -> Iterator[None]:
    """Put empty modules where those that are not needed are missing, as long as the engine is loaded."""
    missing = [name for name in _REPLACED if name not in sys.modules and importlib.util.find_spec(name) is None]
    sys.modules.update({name: _Empty(name) for name in missing})
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def available() -> bool:
    """Whether the engine is installed."""
    return importlib.util.find_spec("xgrammar") is not None


@lru_cache(maxsize=1)
def _engine() -> Any:
    if not available():
        raise EngineError(f"xgrammar is not installed; {_INSTALL}")
    try:
        # This one asks whether there is torch, and must see the truth.
        importlib.import_module("tvm_ffi")
        with _without_torch():
            return importlib.import_module("xgrammar")
    except ImportError as error:
        raise EngineError(f"xgrammar cannot be loaded ({error}); {_INSTALL}") from None


@lru_cache(maxsize=1)
def _compiler() -> Any:
    engine = _engine()
    tokens = [*(bytes([byte]) for byte in range(256)), b"<eos>"]
    raw = engine.VocabType.RAW
    vocabulary = engine.TokenizerInfo(tokens, vocab_type=raw, vocab_size=len(tokens), stop_token_ids=[_EOS])
    return engine.GrammarCompiler(vocabulary, max_threads=1, cache_enabled=False)


class XGrammar(Engine):
    """A grammar or a structural tag that the engine has compiled."""

    def __init__(self, compiled: Any) -> None:
        self._matcher = _engine().GrammarMatcher(compiled)

    @classmethod
    def compile(cls, ebnf: str) -> XGrammar:
        """Compile EBNF text; EngineError, with the engine's message, where it refuses."""
        compiler = _compiler()
        try:
            return cls(compiler.compile_grammar(ebnf))
        except RuntimeError as error:
            raise EngineError(_message(error)) from None

    @classmethod
    def compile_tag(cls, tag: Mapping[str, object]) -> XGrammar:
        """Compile a structural tag; EngineError, with the engine's message, where it refuses."""
        compiler = _compiler()
        try:
            return cls(compiler.compile_structural_tag(json.dumps(tag)))
        except (RuntimeError, ValueError) as error:
            raise EngineError(_message(error)) from None

    def accepts_prefix(self, text: str) -> bool:
        """Whether the engine takes every byte of a text."""
        self._matcher.reset()
        return bool(self._matcher.accept_string(text.encode("utf-8", "surrogatepass")))

    def accepts(self, text: str) -> bool:
        """Whether a text is a whole string of the grammar."""
        return self.accepts_prefix(text) and bool(self._matcher.is_completed())


def _message(error: Exception) -> str:
    """Return what the engine says, without the time and the line of its own source."""
    text = " ".join(str(error).split())
    head, bracket, rest = text.partition("] ")
    source, colon, message = rest.partition(": ")
    return message if bracket and colon and head.startswith("[") and ".cc:" in source else text
