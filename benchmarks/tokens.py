"""llama.cpp's grammar sampler on a vocabulary, token by token: the part of a server that a grammar slows down.

It calls llama.cpp's C interface (llama.h) in the shared object of the `xllamacpp` wheel, in the server's order: one
token is checked first, and the whole vocabulary is masked only if that token is refused (common/sampling.cpp).
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

from wireproto.testing.engines import EngineError
from wireproto.testing.engines.llamacpp import shared_object

_REFUSED = float("-inf")


class _Parameters(ctypes.Structure):
    """The parameters of a model, handed on as they come: at least as large as theirs, which differ by version."""

    _fields_ = (("opaque", ctypes.c_uint64 * 64),)


class _Candidate(ctypes.Structure):
    _fields_ = (("token", ctypes.c_int32), ("logit", ctypes.c_float), ("p", ctypes.c_float))


class _Candidates(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.POINTER(_Candidate)),
        ("size", ctypes.c_size_t),
        ("selected", ctypes.c_int64),
        ("is_sorted", ctypes.c_bool),
    )


# The engine keeps its address, so it lives as long as this module.
_QUIET = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda level, message, user: None)


@lru_cache(maxsize=1)
def _library() -> Any:
    library = ctypes.CDLL(str(shared_object()))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32
    for name, result, arguments in (
        ("llama_model_default_params", _Parameters, ()),
        ("llama_model_load_from_file", pointer, (text, _Parameters)),
        ("llama_model_get_vocab", pointer, (pointer,)),
        ("llama_vocab_n_tokens", number, (pointer,)),
        ("llama_tokenize", number, (pointer, text, number, pointer, number, ctypes.c_bool, ctypes.c_bool)),
        ("llama_model_free", None, (pointer,)),
        ("llama_sampler_init_grammar", pointer, (pointer, text, text)),
        ("llama_sampler_apply", None, (pointer, ctypes.POINTER(_Candidates))),
        ("llama_sampler_accept", None, (pointer, number)),
        ("llama_sampler_free", None, (pointer,)),
    ):
        function = library[name]
        function.restype, function.argtypes = result, list(arguments)
        setattr(library, name, function)
    library["llama_log_set"](_QUIET, None)
    return library


@dataclass(frozen=True)
class Times:
    """Seconds: for the grammar's text, for each token that is checked and taken, for each mask."""

    parse: float
    tokens: tuple[float, ...]
    masks: tuple[float, ...]


class Vocabulary:
    """The vocabulary of a model file; use it in a `with` block."""

    def __init__(self, path: Path) -> None:
        library = _library()
        self._model = library.llama_model_load_from_file(str(path).encode(), library.llama_model_default_params())
        if not self._model:
            raise EngineError(f"{path} cannot be loaded")
        self._vocabulary = library.llama_model_get_vocab(self._model)
        self.size: int = library.llama_vocab_n_tokens(self._vocabulary)

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        data = text.encode()
        found = (ctypes.c_int32 * len(data))()
        count = _library().llama_tokenize(self._vocabulary, data, len(data), found, len(data), False, True)
        return list(found[:count])

    def replay(self, grammar: str, tokens: Sequence[int], masked: Iterable[int] = ()) -> Times:
        """Give a grammar tokens that it has to take, and mask the whole vocabulary before the `masked` ones of them."""
        library, wanted = _library(), frozenset(masked)
        started = time.perf_counter()
        sampler = library.llama_sampler_init_grammar(self._vocabulary, grammar.encode(), b"root")
        parse = time.perf_counter() - started
        if not sampler:
            raise EngineError("the grammar is refused")
        every = (_Candidate * self.size)()
        fresh = (_Candidate * self.size)(*(_Candidate(number, 0.0, 0.0) for number in range(self.size)))
        one = _Candidate()
        alone = _Candidates(ctypes.pointer(one), 1, -1, False)
        spent, masks = [], []
        for index, token in enumerate(tokens):
            if index in wanted:
                ctypes.memmove(every, fresh, ctypes.sizeof(every))
                masks.append(_applied(library, sampler, _Candidates(every, self.size, -1, False)))
            one.token, one.logit = token, 0.0
            spent.append(_applied(library, sampler, alone))
            if one.logit == _REFUSED:
                raise EngineError(f"the grammar refuses token {index} of {len(tokens)}")
            started = time.perf_counter()
            library.llama_sampler_accept(sampler, token)
            spent[-1] += time.perf_counter() - started
        library.llama_sampler_free(sampler)
        return Times(parse, tuple(spent), tuple(masks))

    def __enter__(self) -> Vocabulary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _library().llama_model_free(self._model)


def _applied(library: Any, sampler: int, candidates: _Candidates) -> float:
    """Return the seconds that a grammar takes to refuse what it does not allow among some tokens."""
    started = time.perf_counter()
    library.llama_sampler_apply(sampler, ctypes.byref(candidates))
    return time.perf_counter() - started
