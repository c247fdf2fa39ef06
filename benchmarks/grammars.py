"""Measure the grammars of tool calls: how fast they are made, and what they cost the engines, beside the engines' own.

python -m benchmarks.grammars [--quick] [--json FILE] [--only LETTERS]

a  Time to make a grammar, in a fresh process (cold: the first one of a dialect) and after it (warm). CPU time.
b  Tokens per second of llama.cpp's server on the tiny model, under our grammar and under its own for the same tools,
   both sent to `/completion`: the same seeds and sampling, one request of each in turn. All seconds of a request, so
   with the parsing of the grammar; then only those that the server counts for predicting.
c  What a grammar's text and one token cost in llama.cpp's sampler, for the same tokens under both grammars: each is
   checked and taken, as the server does with every token that fits.
d  One mask of the whole vocabulary, which llama.cpp makes where the token did not fit, and llguidance for every token.
e  The most stacks that llama.cpp holds on calls of the tools.

The tiny model writes noise: b holds another text under each grammar, c the same one. Medians of interleaved rounds;
a ratio above 1 means that ours is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import wireproto as wp
from benchmarks import llamaserver
from benchmarks.__main__ import Row
from benchmarks.inputs import source_code
from benchmarks.tokens import Times, Vocabulary
from benchmarks.toolsets import PROPERTIES, call_of, toolset
from wireproto.testing.engines import EngineError
from wireproto.testing.engines.llamacpp import LlamaCpp
from wireproto.testing.engines.tinymodel import write_model
from wireproto.values.errors import GrammarError

DIALECTS = ("hermes", "qwen3_coder", "dsml_v4", "xml", "toml")
MAKING = 0.050
STACKS = 32
RATIO = 1.0
# Closers that a random text would hardly ever spell; the key of the next argument belongs to one.
CLOSERS = (
    *(f"\n</parameter>\n<parameter={key}>\n" for key in PROPERTIES),
    "\n</parameter>\n</function>\n</tool_call>",
    "</tool_call>",
)
WORDS = 30_000
TAKEN = frozenset(("nam", "name", "tru", "true", "nul", "null"))  # pieces that the tiny model has


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    tools: tuple[int, ...]
    rounds: int
    seeds: int
    tokens: int
    text: int


FULL = Sizes(tools=(1, 10, 100, 1000), rounds=5, seeds=20, tokens=300, text=2_000)
QUICK = Sizes(tools=(1, 10), rounds=2, seeds=4, tokens=100, text=200)


@cache
def ours(dialect: str, count: int, target: str = "gbnf") -> str:
    """Return our grammar of calls and nothing else."""
    return str(wp.grammar(dialect, toolset(count), target=target, choice="required", reasoning="none"))  # type: ignore[arg-type]


@cache
def theirs(dialect: str, count: int, model: Path) -> str:
    """Return the server's own grammar of the same."""
    return llamaserver.own_grammar(model, llamaserver.TEMPLATES[dialect], toolset(count))


def canonical(dialect: str, count: int, size: int) -> str:
    """Return a call of the last tool with so much source code in it."""
    tools = toolset(count)
    return wp.encode([call_of(tools[-1], source_code(size))], dialect, tools=tools)


@dataclass(frozen=True)
class Made:
    """Seconds of CPU until there was a grammar, the first time and later; bytes and rules."""

    cold: float
    warm: float
    size: int
    rules: int


def make(dialect: str, count: int, again: int) -> Made:
    """Make a grammar, and then again."""
    tools = toolset(count)
    times = []
    for number in range(1 + again):
        # The same tools in other words: the same tools would find a grammar that is finished.
        given = [{**tool, "description": f"One of {number}."} for tool in tools]
        started = time.process_time()
        made = wp.grammar(dialect, given)
        times.append(time.process_time() - started)
    return Made(times[0], median(times[1:]), len(str(made).encode()), len(made.rules.rules))


def made_apart(dialect: str, count: int, rounds: int) -> Made:
    """Return the medians of as many fresh processes."""
    again = 5 if count <= 100 else 1
    command = [sys.executable, "-m", "benchmarks.grammars", "--make", dialect, str(count), str(again)]
    runs = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(rounds)]
    cold, warm = (median(run[name] for run in runs) for name in ("cold", "warm"))
    return Made(cold, warm, runs[0]["size"], runs[0]["rules"])


def making(sizes: Sizes) -> Iterator[Row]:
    """Yield how fast grammars are made."""
    for count in sizes.tools:
        for dialect in DIALECTS:
            found = made_apart(dialect, count, sizes.rounds if count <= 100 else 1)
            size = f"{found.size / 1000:.1f} kB, {found.rules} rules"
            for name, seconds in (("cold", found.cold), ("warm", found.warm)):
                goal = (f"<= {MAKING * 1000:.0f} ms", seconds <= MAKING) if count == 100 else ("", None)
                yield Row(f"a make, {_of(count)}, {name}", dialect, f"{seconds * 1000:.1f} ms, {size}", seconds, *goal)


def racing(sizes: Sizes, model: Path) -> Iterator[Row]:
    """Yield the server's tokens per second under both grammars."""
    server = llamaserver.start(model)
    for count in sizes.tools:
        for dialect in llamaserver.TEMPLATES:
            pair = (ours(dialect, count), theirs(dialect, count, model))
            speeds = [_speeds(server, pair, sizes) for _ in range(sizes.rounds)]
            for index, name in enumerate(("all seconds", "predicting")):
                mine, own = (median(speed[side][index] for speed in speeds) for side in (0, 1))
                ratio = median(speed[0][index] / speed[1][index] for speed in speeds)
                result = f"{ratio:.2f}x  ({mine:,.0f} tokens/s, own {own:,.0f})"
                goal = (f">= {RATIO:.1f}x", ratio >= RATIO) if index == 0 else ("", None)
                yield Row(f"b server, {_of(count)}, {name}", dialect, result, ratio, *goal)


def _speeds(server: Any, pair: tuple[str, str], sizes: Sizes) -> list[tuple[float, float]]:
    """Return the tokens per second of all requests and of their predicting, for each grammar."""
    written: tuple[list[llamaserver.Written], ...] = ([], [])
    for seed in range(sizes.seeds):
        for text, found in zip(pair, written, strict=True):
            found.append(llamaserver.write(server, text, seed, sizes.tokens))
    return [
        (
            sum(each.tokens for each in found) / sum(each.total for each in found),
            sum(each.tokens for each in found) / sum(each.predicted for each in found),
        )
        for found in written
    ]


def sampling(sizes: Sizes, model: Path) -> Iterator[Row]:
    """Yield what the same tokens cost in the sampler, under both grammars."""
    with Vocabulary(model) as vocabulary:
        for count in sizes.tools:
            for dialect in llamaserver.TEMPLATES:
                tokens = vocabulary.tokens(canonical(dialect, count, sizes.text))
                pair = (ours(dialect, count), theirs(dialect, count, model))
                runs = [[vocabulary.replay(text, tokens) for text in pair] for _ in range(sizes.rounds)]
                yield _compared(f"c text, {_of(count)}", dialect, runs, lambda times: times.parse, 1e3, "ms")
                yield _compared(f"c token, {_of(count)}", dialect, runs, _per_token, 1e6, "us")


def _per_token(times: Times) -> float:
    return sum(times.tokens) / len(times.tokens)


def _compared(
    what: str, dialect: str, runs: list[list[Times]], of: Callable[[Times], float], scale: float, unit: str
) -> Row:
    """Return how much faster we are in the median round: above 1, ours takes less time."""
    mine, own = (median(of(run[side]) for run in runs) * scale for side in (0, 1))
    ratio = median(of(run[1]) / of(run[0]) for run in runs)
    return Row(what, dialect, f"{ratio:.2f}x  ({mine:.2f} {unit}, own {own:.2f})", ratio)


def masking(sizes: Sizes, model: Path, large: Path) -> Iterator[Row]:
    """Yield the time of a mask at every twentieth token."""
    for path in (model, large):
        with Vocabulary(path) as vocabulary:
            for count in sizes.tools:
                for dialect in llamaserver.TEMPLATES:
                    tokens = vocabulary.tokens(canonical(dialect, count, sizes.text // 4))
                    pair = (ours(dialect, count), theirs(dialect, count, model))
                    some = range(0, len(tokens), 20)
                    runs = [[vocabulary.replay(text, tokens, some) for text in pair] for _ in range(sizes.rounds)]
                    what = f"d mask of {vocabulary.size:,}, {_of(count)}"
                    yield _compared(what, dialect, runs, lambda times: median(times.masks), 1e3, "ms")
                    yield _compared(f"{what}, worst", dialect, runs, lambda times: max(times.masks), 1e3, "ms")


def masking_llguidance(sizes: Sizes) -> Iterator[Row]:
    """Yield the time of a mask of llguidance, for every token of a call; nothing where it is not installed."""
    from benchmarks.llguidancemasks import masks

    for count in sizes.tools:
        for dialect in DIALECTS:
            try:
                found = masks(ours(dialect, count, "lark"), canonical(dialect, count, sizes.text // 4), words())
            except (EngineError, GrammarError) as error:
                yield Row(f"d llguidance, {_of(count)}", dialect, str(error)[:60], 0.0)
                continue
            result = f"median {median(found.masks) * 1e6:.0f} us, worst {max(found.masks) * 1e3:.2f} ms"
            result += f", compiled in {found.compile * 1e3:.0f} ms"
            yield Row(f"d llguidance, {_of(count)}", dialect, result, median(found.masks))


def holding(sizes: Sizes, model: Path) -> Iterator[Row]:
    """Yield the most stacks on calls of some tools."""
    for count in sizes.tools:
        for dialect in DIALECTS:
            peak = _peak(ours(dialect, count), dialect, count)
            own = _peak(theirs(dialect, count, model), dialect, count) if dialect in llamaserver.TEMPLATES else None
            result = f"{peak} stacks" + (f", own {own}" if own is not None else "")
            yield Row(f"e stacks, {_of(count)}", dialect, result, peak, f"<= {STACKS}", peak <= STACKS)


def _peak(text: str, dialect: str, count: int) -> int:
    with LlamaCpp.compile(text) as engine:
        if not engine.accepts(canonical(dialect, count, 1_000)):
            raise EngineError(f"{dialect}: a call of {_of(count)} is refused")
        return engine.peak_stacks


def words() -> list[str]:
    """Return pieces for a large vocabulary: words of three to five letters, with and without a blank before them."""
    starts = [first + second for first in "bcdfghklmnprstvw" for second in "aeiou"]
    ends = [*starts, *"lnrst"]
    found = (
        blank + start + end + last for last in ("", "s", "n") for start in starts for end in ends for blank in ("", " ")
    )
    return list(islice((word for word in dict.fromkeys(found) if word not in TAKEN), WORDS))


def _of(count: int) -> str:
    return f"{count:,} tool" + ("s" if count > 1 else "")


def rows(sizes: Sizes, only: str) -> Iterator[Row]:
    """Measure everything, one row at a time."""
    with tempfile.TemporaryDirectory(prefix="wireproto-") as folder:
        model, large = Path(folder, "tiny.gguf"), Path(folder, "large.gguf")
        write_model(model, markers=CLOSERS)
        yield from making(sizes) if "a" in only else ()
        yield from racing(sizes, model) if "b" in only else ()
        yield from sampling(sizes, model) if "c" in only else ()
        if "d" in only:
            write_model(large, markers=[*CLOSERS, *words()])
            yield from masking(sizes, model, large)
            yield from masking_llguidance(sizes)
        yield from holding(sizes, model) if "e" in only else ()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grammars", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few tools and rounds: shows that it runs, not how fast")
    parser.add_argument("--only", metavar="LETTERS", default="abcde", help="the parts to run")
    parser.add_argument("--json", metavar="FILE", help="also write the rows to FILE")
    parser.add_argument("--make", nargs=3, metavar=("DIALECT", "TOOLS", "AGAIN"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        dialect, count, again = options.make
        print(json.dumps(asdict(make(dialect, int(count), int(again)))))
        return
    os.environ["GGML_NO_BACKTRACE"] = "1"  # else an abort starts a debugger, if there is one
    load = os.getloadavg()[0]
    print(f"wireproto {wp.__version__}, Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {load:.1f}\n")
    print(f"{'what':<40} {'dialect':<12} {'result':<52} goal")
    found = []
    for row in rows(QUICK if options.quick else FULL, options.only):
        found.append(row)
        verdict = {True: "met", False: "MISSED", None: ""}[row.met]
        print(f"{row.what:<40} {row.dialect:<12} {row.result:<52} {row.goal} {verdict}".rstrip(), flush=True)
    goals = [row for row in found if row.met is not None]
    print(f"\n{sum(row.met is True for row in goals)} of {len(goals)} goals met")
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(row) for row in found], indent=1), encoding="utf-8")
    sys.stdout.flush()
    # The server's threads need no farewell, and have been seen to wait for one.
    os._exit(0)


if __name__ == "__main__":
    main()
