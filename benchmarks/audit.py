"""Generate transcripts and measure `wireproto audit` on them: MB for each second of a core, and peak memory.

python -m benchmarks.audit [--size 1G] [--jobs N] [--dialect D] [--keep FILE] [--parquet]

The transcripts are JSON lines as a harness would log them: an output, a finish reason, a time. About one in twelve is
broken: cut off, without its wrapper, in another dialect, or a loop. The same seed gives the same transcripts.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import wireproto as wp
from benchmarks.inputs import TOOLS, source_code
from wireproto.audit.work import Settings, audit, parts, run

UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
DIALECTS = ("qwen3_coder", "hermes", "dsml_v4", "glm47")
POOL = 2_000  # different transcripts; they come again in another order


@dataclass(frozen=True)
class Measured:
    """What an audit took: seconds, CPU seconds of all its processes, and the largest resident sets in bytes."""

    seconds: float
    cpu: float
    parent: int
    worker: int


def size_of(text: str) -> int:
    """Return the bytes that a size such as 200M stands for."""
    found = re.fullmatch(r"(\d+)([kmg]?)b?", text.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"not a size: {text}")
    return int(found[1]) * UNITS[found[2]]


def transcript(dice: random.Random) -> str:
    """Return one output: a word before, a call that writes some source code, sometimes broken."""
    code = source_code(400_000)
    start = dice.randrange(len(code) - 5_000)
    value = code[start : start + dice.choice((100, 400, 1_500, 4_000))]
    call = wp.Call("write_file", {"path": f"src/m{dice.randrange(40)}.py", "content": value})
    try:
        text = "I will write it down.\n\n" + wp.encode([call], dice.choice(DIALECTS), tools=TOOLS)
    except wp.EncodeError:
        text = value
    return dice.choice(_BREAKS)(text) if dice.random() < 1 / 12 else text


_BREAKS: tuple[Callable[[str], str], ...] = (
    lambda text: text[: len(text) * 2 // 3],
    lambda text: re.sub(r"<(?:tool_call|｜DSML｜tool_calls)>\n?", "", text, count=1),
    lambda text: text.replace("</", "<"),
    lambda text: "I should look at the file once more. " * 60,
)


def generate(path: Path, size: int) -> int:
    """Write about so many bytes of transcripts; return how many there are."""
    dice = random.Random(7)
    pool = [transcript(dice) for _ in range(POOL)]
    written = count = 0
    with path.open("w", encoding="utf-8") as file:
        while written < size:
            record = {"output": dice.choice(pool), "finish_reason": "stop", "created": 1_760_000_000 + count * 60}
            written += file.write(json.dumps(record, ensure_ascii=False) + "\n")
            count += 1
    return count


def to_parquet(lines: Path, into: Path) -> None:
    """Write the same records as a Parquet file."""
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([("output", pyarrow.string()), ("finish_reason", pyarrow.string()), ("created", "int64")])
    with pyarrow.parquet.ParquetWriter(into, schema) as writer, lines.open(encoding="utf-8") as file:
        while batch := [json.loads(line) for line, _ in zip(file, range(2_000), strict=False)]:
            writer.write_table(pyarrow.Table.from_pylist(batch, schema))


def measure(path: Path, dialect: str, jobs: int) -> Measured:
    """Audit a file in fresh processes, so that the memory of what was done before does not count."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, str(path), dialect, jobs).result()


def _measured(path: str, dialect: str, jobs: int) -> Measured:
    started = time.perf_counter()
    audit([path], Settings(dialect, TOOLS), jobs)
    spent = time.perf_counter() - started
    unit = 1 if sys.platform == "darwin" else 1024
    parent, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = sum(used.ru_utime + used.ru_stime for used in (parent, workers))
    return Measured(spent, cpu, parent.ru_maxrss * unit, workers.ru_maxrss * unit)


@contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    """Yield the file for the transcripts, deleted afterwards unless it is to be kept."""
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary) / "transcripts.jsonl"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=size_of, default=size_of("20M"), metavar="N", help="bytes, as 200M or 1G")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes; one, and one for each core, unless given")
    parser.add_argument("--dialect", default="auto", metavar="D", help="a dialect, or auto")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the transcripts there and keep them")
    parser.add_argument("--parquet", action="store_true", help="the same records as a Parquet file too")
    options = parser.parse_args()
    with folder(options.keep) as path:
        count = generate(path, options.size)
        print(f"{count} transcripts, {path.stat().st_size / 1e6:.0f} MB; wireproto {wp.__version__}\n")
        print(f"{'file':<10} {'dialect':<12} {'processes':>9} {'seconds':>9} {'MB/s':>7} {'MB/CPU s':>9} "
              f"{'parent MB':>10} {'worker MB':>10}")  # fmt: skip
        files = [path]
        if options.parquet:
            files.append(path.with_suffix(".parquet"))
            to_parquet(path, files[-1])
        for file in files:
            for jobs in [options.jobs] if options.jobs else sorted({1, os.cpu_count() or 1}):
                found = measure(file, options.dialect, jobs)
                # The text is what is read, whatever the file packs it into.
                size = path.stat().st_size / 1e6
                speeds = f"{found.seconds:>9.1f} {size / found.seconds:>7.1f} {size / found.cpu:>9.1f}"
                memory = f"{found.parent / 1e6:>10.0f} {found.worker / 1e6:>10.0f}"
                print(f"{file.suffix[1:]:<10} {options.dialect:<12} {jobs:>9} {speeds} {memory}", flush=True)
            part = next(parts([str(file)]))
            counts, _ = run(part, Settings(options.dialect, TOOLS))
            print(f"{'':<10} first part: {counts.outputs} outputs, failures {100 * counts.rate:.1f} %")


if __name__ == "__main__":
    main()
