"""A random language model of some 80 KB and llama.cpp's server on it: real constrained completions without a download.

The model knows nothing; its unigram prior only makes text end. It and its file are written with the standard library,
byte for byte the same for one seed. The server runs in a process of its own, since a hostile grammar can bring it down.
Law: one seed, one grammar, one text.

Sources: the GGUF specification, version 3 (ggml, docs/gguf.md); the fields of `/completion` in llama.cpp's
tools/server/README.md.
"""

from __future__ import annotations

import json
import math
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from wireproto.testing.engines import Engine, EngineError
from wireproto.testing.engines.gguf import ARRAY, BOOL, FLOAT, INT, STRING, UINT, Entry, Tensor, write

DIMENSION = 16
CONTEXT = 8192
_NORMAL, _CONTROL, _USER = 1, 3, 4
_END = "<|im_end|>"
# Whole closing markers are one piece each, else a random raw value hardly ever ends.
MARKERS = ("</parameter>", "\n</parameter>\n", "</arg_value>", "</invoke>", "</tool_call>", "<tool_call>", "</think>")
_PIECES = (
    '{"', '":', '": ', '", "', '"}', '"}}', "</", "/>", ">\n", '="', '">', "name", "true", "null", "é", "😀", "12",
)  # fmt: skip
_PRIOR = {'"': 3.2, "}": 2.4, "]": 2.4, "<": 2.4, "\n": 2.4, ">": 2.4, _END: 2.5}
_CHILD = "from wireproto.testing.engines.tinyserver import main; main()"


def _byte_letters() -> list[str]:
    """Return the letter that byte-level BPE (GPT-2) writes for each byte."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


@dataclass(frozen=True, slots=True)
class _BpeVocabulary:
    """The pieces as BPE writes them, the text of each, its kind, and the merges that lead to them."""

    written: list[str]
    texts: list[str]
    kinds: list[int]
    merges: list[str]


def _vocabulary(markers: Sequence[str]) -> _BpeVocabulary:
    letters = _byte_letters()
    written = list(letters)
    texts = [chr(byte) if byte < 128 else "" for byte in range(256)]
    merges = []
    for piece in _PIECES:
        encoded = [letters[byte] for byte in piece.encode("utf-8")]
        for i in range(1, len(encoded)):
            joined = "".join(encoded[: i + 1])
            if joined not in written:
                merges.append("".join(encoded[:i]) + " " + encoded[i])
                written.append(joined)
                texts.append(piece if i == len(encoded) - 1 else "·")
    kinds = [_NORMAL] * len(written) + [_CONTROL] * 2 + [_USER] * len(markers)
    specials = ["<|endoftext|>", _END, *markers]
    return _BpeVocabulary(written + specials, texts + specials, kinds, merges)


def end_of_turn(markers: Sequence[str] = MARKERS) -> int:
    """Return the id of the token that ends a turn, in a model with these markers."""
    return _vocabulary(markers).texts.index(_END)


def _prior(text: str, kind: int) -> float:
    """Return how likely a piece is, as a logit: structure often, control characters seldom, lone bytes never."""
    if text in _PRIOR:
        return _PRIOR[text]
    if kind == _USER:
        return 3.4 if text.strip().startswith("</") else 1.0
    if kind != _NORMAL:
        return -1.0
    if not text:
        # llama.cpp decodes invalid UTF-8 to something, so a lone byte would pass where no character may.
        return -30.0
    return 0.8 if text.isalnum() else 0.4 if text.isprintable() else -1.0


def write_model(path: Path, *, seed: int = 0, markers: Sequence[str] = MARKERS) -> None:
    """Write the model to a GGUF file; `markers` are pieces of their own, no two alike."""
    source = random.Random(seed)

    def noise(count: int, deviation: float) -> list[float]:
        return [source.gauss(0, deviation) for _ in range(count)]

    words = _vocabulary(markers)
    size, wide = len(words.written), 2 * DIMENSION
    embedding: list[float] = []
    output: list[float] = []
    for text, kind in zip(words.texts, words.kinds, strict=True):
        embedding += [1.0, *noise(DIMENSION - 1, 0.35)]
        output += [_prior(text, kind), *noise(DIMENSION - 1, 0.25)]
    ones = [1.0] * DIMENSION
    square = 0.15 / math.sqrt(DIMENSION)
    tensors = [
        Tensor("token_embd.weight", (DIMENSION, size), embedding),
        Tensor("output.weight", (DIMENSION, size), output),
        Tensor("output_norm.weight", (DIMENSION,), ones),
        Tensor("blk.0.attn_norm.weight", (DIMENSION,), ones),
        Tensor("blk.0.ffn_norm.weight", (DIMENSION,), ones),
        *(
            Tensor(f"blk.0.attn_{name}.weight", (DIMENSION, DIMENSION), noise(DIMENSION**2, square))
            for name in ("q", "k", "v", "output")
        ),
        Tensor("blk.0.ffn_gate.weight", (DIMENSION, wide), noise(DIMENSION * wide, 0.1)),
        Tensor("blk.0.ffn_up.weight", (DIMENSION, wide), noise(DIMENSION * wide, 0.1)),
        Tensor("blk.0.ffn_down.weight", (wide, DIMENSION), noise(DIMENSION * wide, 0.05)),
    ]
    write(path, _entries(words), tensors)


def _entries(words: _BpeVocabulary) -> list[Entry]:
    """Return the model's metadata: one layer of the `llama` architecture, byte-level BPE."""
    end = words.written.index(_END)
    numbers = {
        "llama.context_length": CONTEXT,
        "llama.embedding_length": DIMENSION,
        "llama.block_count": 1,
        "llama.feed_forward_length": 2 * DIMENSION,
        "llama.attention.head_count": 1,
        "llama.attention.head_count_kv": 1,
        "llama.rope.dimension_count": DIMENSION,
        "llama.vocab_size": len(words.written),
        "tokenizer.ggml.bos_token_id": end,
        "tokenizer.ggml.eos_token_id": end,
    }
    return [
        Entry("general.architecture", STRING, "llama"),
        Entry("general.name", STRING, "tiny-random"),
        *(Entry(key, UINT, value) for key, value in numbers.items()),
        Entry("llama.attention.layer_norm_rms_epsilon", FLOAT, 1e-5),
        Entry("tokenizer.ggml.model", STRING, "gpt2"),
        Entry("tokenizer.ggml.pre", STRING, "gpt-2"),
        Entry("tokenizer.ggml.tokens", ARRAY, words.written, STRING),
        Entry("tokenizer.ggml.token_type", ARRAY, words.kinds, INT),
        Entry("tokenizer.ggml.merges", ARRAY, words.merges, STRING),
        Entry("tokenizer.ggml.add_bos_token", BOOL, False),
    ]


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote; `finished` is False where `n` cut it off."""

    text: str
    finished: bool


class TinyServer(Engine):
    """llama.cpp's server on the tiny model, in a process of its own; use it in a `with` block, or close it.

    EngineError if it cannot start, refuses a grammar, dies, or does not answer within `timeout` seconds.
    """

    def __init__(self, *, seed: int = 0, markers: Sequence[str] = MARKERS, timeout: float = 30.0) -> None:
        self._timeout = timeout
        self._folder = tempfile.TemporaryDirectory(prefix="wireproto-")
        path = Path(self._folder.name) / "tiny.gguf"
        write_model(path, seed=seed, markers=markers)
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed in close()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(path), str(CONTEXT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._answer()
        except EngineError:
            self.close()
            raise

    def _read(self) -> None:
        """Queue what the process writes; an empty string is its end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _answer(self) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=self._timeout)
        except queue.Empty:
            self._process.kill()
            raise EngineError(f"the server did not answer within {self._timeout} seconds") from None
        if not line:
            self._errors.seek(0)
            lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
            raise EngineError(f"the server ended: {' '.join(lines[-3:]) or 'without a word'}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            error = answer["error"]
            raise EngineError(str(error.get("message", error) if isinstance(error, dict) else error))
        return answer

    def complete(
        self,
        grammar: str = "",
        *,
        seed: int = 0,
        n: int = 1000,
        prompt: str = "x",
        temperature: float = 1.0,
        **fields: object,
    ) -> Completion:
        """Return a random completion of at most `n` tokens under GBNF; `fields` are others of the request's body."""
        sampling = {"prompt": prompt, "n_predict": n, "seed": seed, "temperature": temperature}
        return self.post({"grammar": grammar, **sampling, **fields})

    def post(self, fields: Mapping[str, object]) -> Completion:
        """Return the completion that a request body of `/completion` asks for."""
        if self._process.poll() is not None or self._process.stdin is None:
            raise EngineError("the server is not running")
        try:
            self._process.stdin.write(json.dumps(fields) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise EngineError("the server is not running") from None
        answer = self._answer()
        return Completion(str(answer["text"]), bool(answer["finished"]))

    def close(self) -> None:
        """End the process and remove its files."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._errors.close()
        self._folder.cleanup()
