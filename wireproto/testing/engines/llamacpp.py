"""The grammar engine of llama.cpp itself, called in the shared object of the `xllamacpp` wheel: no model is needed.

It calls four C++ functions by their mangled names, which the wheels for Linux and macOS export (Windows' do not), as
llama.cpp's own tests/test-gbnf-validator.cpp does. It knows nothing of GBNF but what would kill the process. Law: an
answer is the engine's own.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from wireproto.gbnf.hazards import hazard
from wireproto.testing.engines import Engine, EngineError

_INIT = "_Z23llama_grammar_init_implPK11llama_vocabPKcS3_bPS3_mPKim"
_ACCEPT = "_Z20llama_grammar_acceptP13llama_grammarj"
_STACKS = "_Z24llama_grammar_get_stacksP13llama_grammar"
_FREE = "_Z23llama_grammar_free_implP13llama_grammar"
_VECTOR = 24  # bytes of a std::vector: begin, end, end of storage
_INSTALL = "pip install 'wireproto[engines]' (Linux or macOS)"


class _Library:
    """The four functions, and the log that the engine writes."""

    def __init__(self, path: Path) -> None:
        try:
            library = ctypes.CDLL(str(path))
            self.create = library[_INIT]
            self.feed = library[_ACCEPT]
            self.stacks = library[_STACKS]
            self.free = library[_FREE]
            set_log = library["llama_log_set"]
        except (OSError, AttributeError) as error:
            raise EngineError(f"{path.name} does not have llama.cpp's grammar functions: {error}") from None
        pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
        self.create.restype, self.stacks.restype = pointer, pointer
        self.create.argtypes = [pointer, text, text, ctypes.c_bool, pointer, size, pointer, size]
        self.feed.restype, self.feed.argtypes = None, [pointer, ctypes.c_uint32]
        self.stacks.argtypes = [pointer]
        self.free.restype, self.free.argtypes = None, [pointer]
        self.log: list[str] = []
        kind = ctypes.CFUNCTYPE(None, ctypes.c_int, text, pointer)

        def note(level: int, message: bytes | None, user: int | None) -> None:
            self.log.append((message or b"").decode("utf-8", "replace"))

        # The engine keeps the pointer, so the callback lives as long as the library.
        self._note = kind(note)
        set_log.argtypes, set_log.restype = [kind, pointer], None
        set_log(self._note, None)


def shared_object() -> Path:
    """Return the path of the engine's shared object; EngineError where it is not installed."""
    spec = importlib.util.find_spec("xllamacpp")
    if spec is None or spec.origin is None:
        raise EngineError(f"xllamacpp is not installed: {_INSTALL}")
    for path in sorted(Path(spec.origin).parent.glob("xllamacpp*")):
        if path.suffix in (".so", ".dylib"):
            return path
    raise EngineError(f"xllamacpp has no shared object here: {_INSTALL}")


@lru_cache(maxsize=1)
def _library() -> _Library:
    return _Library(shared_object())


def available() -> bool:
    """Whether the engine can be called here."""
    try:
        _library()
    except EngineError:
        return False
    return True


@contextmanager
def _stderr() -> Iterator[Callable[[], str]]:
    """Catch what C code writes to file descriptor 2; yields a function that returns it."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as caught:

        def written() -> str:
            caught.seek(0)
            return caught.read().decode("utf-8", "replace")

        saved = os.dup(2)
        try:
            os.dup2(caught.fileno(), 2)
            yield written
        finally:
            os.dup2(saved, 2)
            os.close(saved)


class LlamaCpp(Engine):
    """A grammar that the engine has compiled; use it in a `with` block, or close it."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._grammar: int | None = None
        self.peak_stacks = 0
        """The most stacks that the engine has held so far, over all texts."""
        self._restart()
        self.peak_stacks = self.stacks

    @classmethod
    def compile(cls, text: str, *, trusted: bool = True) -> LlamaCpp:
        """Compile GBNF text; EngineError, with the engine's message, where it refuses.

        Some grammars make the engine abort, hang or use up memory. Unless `trusted`, those are refused first.
        """
        if not trusted:
            reason = hazard(text)
            if reason is not None:
                raise EngineError(f"not given to llama.cpp, which would hang or crash: {reason}")
        try:
            return cls(text.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise EngineError(f"the grammar is not valid text: {error}") from None

    def _restart(self) -> None:
        """Set the engine to the beginning of its strings."""
        library = _library()
        if self._grammar is not None:
            library.free(self._grammar)
            self._grammar = None
        library.log.clear()
        with _stderr() as written:
            self._grammar = library.create(None, self._source, b"root", False, None, 0, None, 0)
            message = written()
        if not self._grammar:
            # The parser repeats the whole grammar after its message.
            lines = [message.partition("\n\n")[0], *library.log]
            raise EngineError(" ".join(" ".join(lines).split()) or "the grammar was refused without a reason")

    def _vectors(self) -> Any:
        """Return the three pointers of each stack's vector, in one flat array."""
        begin, end = (ctypes.c_uint64 * 2).from_address(_library().stacks(self._grammar))
        return (ctypes.c_uint64 * ((end - begin) // 8)).from_address(begin) if end > begin else ()

    def _feed(self, text: str) -> bool:
        """Start again and give a text; return whether the engine took all of it."""
        if self._grammar is None:
            raise EngineError("the grammar is closed")
        library = _library()
        self._restart()
        self.peak_stacks = max(self.peak_stacks, self.stacks)
        for character in text:
            library.feed(self._grammar, ord(character))
            count = self.stacks
            self.peak_stacks = max(self.peak_stacks, count)
            if not count:
                return False
        return self.stacks > 0

    @property
    def stacks(self) -> int:
        """The stacks that the engine holds now."""
        return len(self._vectors()) * 8 // _VECTOR

    def accepts_prefix(self, text: str) -> bool:
        """Whether the engine takes every character of a text."""
        return self._feed(text)

    def accepts(self, text: str) -> bool:
        """Whether a text is a whole string of the grammar."""
        if not self._feed(text):
            return False
        vectors = self._vectors()
        return any(vectors[i] == vectors[i + 1] for i in range(0, len(vectors), 3))

    def close(self) -> None:
        """Give the engine's memory back; the object cannot be used any more."""
        if self._grammar is not None:
            _library().free(self._grammar)
            self._grammar = None
