"""Holds a dialect or a codec to every law, in one line of its author's tests.

It must not know any codec. Law: one seed gives the same outputs, and the first law that is broken is reported with the
smallest output that was found to break it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TextIO, Union

from wireproto.engine.codec import Codec
from wireproto.format.dialect import Dialect
from wireproto.format.plugins import TEMPORARY_CODECS, register_temporarily
from wireproto.format.registry import dialect as find_dialect
from wireproto.testing.decoded import Decoded
from wireproto.testing.generators.choices import RandomChoices
from wireproto.testing.generators.damage import AnyDialect
from wireproto.testing.generators.messages import draw_calls
from wireproto.testing.generators.ordinary import plain_calls
from wireproto.testing.generators.tools import Tools
from wireproto.testing.generators.trials import Trial, draw_trial
from wireproto.testing.generators.values import Material
from wireproto.testing.grammar_law import check_grammar
from wireproto.testing.growth import check_floods
from wireproto.testing.law import Law, LawBroken
from wireproto.testing.laws import LAWS
from wireproto.testing.shrinking import minimise
from wireproto.testing.writing import ROUND_TRIP
from wireproto.values.extras import require
from wireproto.values.model import Message
from wireproto.write.encoder import write_plainly
from wireproto.write.prompt import prompt

# Each kind of value, optional keys (no more than a grammar allows in any order), free keys, and no arguments.
TOOLS: Final[list[dict[str, Any]]] = [
    {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string", "maxLength": 12},
                "content": {"type": "string"},
                "mode": {"type": "integer"},
                "force": {"type": "boolean"},
                "note": {"type": ["string", "null"]},
                "lines": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["path"],
        },
    },
    {"name": "set", "parameters": {"type": "object", "additionalProperties": {"type": "integer"}}},
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
]
_LONGEST: Final = 200  # characters of an example
_LAST: Final = 0.2  # seconds between two lines of progress


@contextmanager
def registered_codec(codec: Codec) -> Iterator[Codec]:
    """Register a codec for the length of a test, as an entry point would; a built-in one is there already.

    Raises:
        ValueError: another codec has this name.

    Example:
        with registered_codec(CODEC):
            mine = wp.Dialect.load("mine.toml")
    """
    is_new = register_temporarily(codec)
    try:
        yield codec
    finally:
        if is_new:
            del TEMPORARY_CODECS[codec.name]


def check_dialect(
    dialect: AnyDialect,
    *,
    tools: Tools = None,
    examples: int = 200,
    seed: int = 0,
    seconds: float | None = None,
    progress: bool | None = None,
) -> None:
    """Hold a dialect to every law, on outputs that are drawn for it, and on long ones.

    `dialect`: a name, or what `Dialect.load` returned. `tools`: what is declared; drawn for each output if None.
    `examples`: how many outputs are drawn; `seconds`: the time after which no more are. `seed`: which ones; the same
    seed draws the same. `progress`: whether a line of standard error says how far it is; None: if that is a terminal.

    Raises:
        LawBroken: the first law that is broken, with the smallest output that was found to break it.
        DialectError: there is no such dialect.

    Example:
        check_dialect(wp.Dialect.load("mine.toml"), examples=1_000)
    """
    run = _Run(find_dialect(dialect), _Progress.of(progress, examples))
    run.draw(tools, examples, seed, None if seconds is None else time.monotonic() + seconds)
    run.say("law 7 on long texts")
    check_floods(run.dialect)
    run.say("")


def check_codec(
    codec: Codec,
    dialect: Union[str, Path, Dialect],
    *,
    tools: Tools = None,
    examples: int = 200,
    seed: int = 0,
    seconds: float | None = None,
    progress: bool | None = None,
) -> None:
    """Hold a codec to every law in a dialect that uses it: a known one by name, or the path of a file.

    Those are the laws of `check_dialect`, whose arguments these are; that a prompt can be written; and if the codec has
    a grammar, that this accepts what `encode` writes (on llama.cpp's engine if that is installed) and that what it
    accepts is a valid call. The codec need not be installed: it is registered for as long as this takes.

    Raises:
        LawBroken: as `check_dialect` does.
        ValueError: the dialect uses another codec, or another codec has this one's name.
        MissingExtra: the codec has a grammar, and what reads grammars or judges values is not installed.

    Example:
        check_codec(CODEC, Path("mine.toml"), examples=1_000)
    """
    if codec.grammar:
        require("gbnf", "lark", purpose="check_codec, of a codec with a grammar,")
        require("documents", "jsonschema", purpose="check_codec, of a codec with a grammar,")
    with registered_codec(codec):
        loaded = Dialect.load(dialect) if isinstance(dialect, Path) else find_dialect(dialect)
        if loaded.codec != codec.name:
            raise ValueError(f"{loaded.name} uses the codec {loaded.codec}, not {codec.name}")
        check_dialect(loaded, tools=tools, examples=examples, seed=seed, seconds=seconds, progress=progress)
        prompt(loaded, TOOLS)
        if codec.grammar:
            material, choices = Material(loaded, TOOLS), RandomChoices(seed)
            written = [draw_calls(choices, material) for _ in range(examples)]
            check_grammar(loaded, TOOLS, written, examples, seed)


@dataclass
class _Progress:
    """One line of standard error that says how far a check is; nothing where that is no terminal."""

    total: int
    stream: TextIO | None
    last: float = 0.0

    @classmethod
    def of(cls, wanted: bool | None, total: int) -> _Progress:
        shown = sys.stderr.isatty() if wanted is None else wanted
        return cls(total, sys.stderr if shown else None)

    def say(self, text: str) -> None:
        if self.stream is not None:
            self.stream.write(f"\r\x1b[K{text}")
            self.stream.flush()


@dataclass
class _Run:
    """A dialect that is held to the laws."""

    dialect: Dialect
    progress: _Progress

    def say(self, text: str) -> None:
        self.progress.say(f"{self.dialect.name}: {text}" if text else "")

    def draw(self, tools: Tools, examples: int, seed: int, deadline: float | None) -> None:
        """Draw outputs and hold each to the laws whose turn it is; the plainest calls of all come first."""
        material = Material(self.dialect, TOOLS if tools is None else tools)
        plain = Message(calls=plain_calls(material))
        trial = Trial("", tools=material.tools, message=plain)
        if self.dialect.closes_alike:
            text = write_plainly(plain, self.dialect, material.known)
            problem, closer = "a value and a call have the same closer", self.dialect.call.close.literals
            trial = replace(trial, text=text[:_LONGEST])
            raise LawBroken(ROUND_TRIP, problem, "two closers that differ", closer, trial, self.dialect)
        self.hold(trial, (ROUND_TRIP,))
        for i in range(examples):
            now = time.monotonic()
            if deadline is not None and now > deadline:
                break
            if now > self.progress.last + _LAST:
                self.progress.last = now
                self.say(f"{i} of {examples} outputs")
            trial = draw_trial(RandomChoices(f"{seed}:{i}"), self.dialect, tools)
            self.hold(trial, [law for law in LAWS if i % law.every == 0])

    def hold(self, trial: Trial, laws: Iterable[Law]) -> None:
        """Hold one output to some laws; one that breaks a law is made small."""
        found = Decoded(self.dialect, trial)
        try:
            for law in laws:
                law.check(found)
        except LawBroken as error:
            self.say("making the example small")
            smaller = minimise(error, self.dialect)
            self.say("")
            raise smaller from None
