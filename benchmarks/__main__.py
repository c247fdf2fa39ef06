"""Measure, print one table, say plainly which goals are met.

python -m benchmarks [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import geometric_mean

import wireproto as wp
from benchmarks import measure
from benchmarks.inputs import output, source_code, subjects

# What streams text as it stands has the goals of tags; JSON decodes escapes in every chunk.
PER_DELTA = {"tagged": 2.0, "xml": 2.0, "html": 2.0, "toml": 2.0, "json": 2.5}
TAGGED_SPEED = 400.0
JSON_RATIO = 2.0
GROWTH = 2.2
MEMORY = 3.0
AUTO = 1.5
LOOPS = 1.10
VALIDATION = 1.03
FUZZED = 300.0
# Of text: a format with tags, one more, one that looks at every line, one that looks at every tag.
TEXT_DIALECTS = ("hermes", "qwen3_coder", "kimi_k2", "cline")
# One dialect for each way of holding an argument: raw lines, full-width markers, key/value pairs, JSON.
MEMORY_DIALECTS = ("qwen3_coder", "dsml_v4", "glm47", "hermes")


@dataclass(frozen=True)
class Row:
    """One measurement; `goal` is empty where there is none, `met` then too."""

    what: str
    dialect: str
    result: str
    value: float
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    rounds: int
    delta: int
    whole: int
    growth: int
    memory: int
    seconds: float


FULL = Sizes(rounds=7, delta=100_000, whole=1_000_000, growth=400_000, memory=10_000_000, seconds=60)
QUICK = Sizes(rounds=2, delta=20_000, whole=200_000, growth=40_000, memory=500_000, seconds=3)


def rows(sizes: Sizes) -> Iterator[Row]:
    """Measure everything, one row at a time."""
    names = subjects()
    for name in names:
        yield _per_delta(name, sizes)
    for name in names:
        yield _whole(name, sizes)
    for name in names:
        yield from _growth(name, sizes)
    for name in MEMORY_DIALECTS:
        ratio = measure.peak_memory(output(name, source_code(sizes.memory)), step=4)
        yield Row("d peak memory / argument", name, f"{ratio:.2f}x", ratio, f"<= {MEMORY:.1f}x", ratio <= MEMORY)
    for name in MEMORY_DIALECTS:
        yield _prose(name, sizes)
    for name in wp.dialects():
        sample = output(name, source_code(sizes.delta))
        yield _auto("f auto, 4-character delta", name, measure.per_delta_auto(sample, sizes.rounds))
    for name in TEXT_DIALECTS:
        text = source_code(sizes.delta)
        yield _auto("f auto, the same in text", name, measure.per_text_delta_auto(text, name, sizes.rounds))
    for name in ("hermes", "qwen3_coder"):
        for what in measure.SCHEMAS:
            yield _validation(name, what, sizes)
    rate = measure.fuzzed(sizes.seconds)
    result = f"{rate:.0f} outputs a second, all laws"
    yield Row("h wireproto fuzz, 2 processes", "all", result, rate, f">= {FUZZED:.0f} a second", rate >= FUZZED)
    spent, loaded = measure.import_time(rounds=5)
    yield Row("e import wireproto", "", f"{spent * 1000:.0f} ms", spent)
    yield Row("e heavy modules loaded", "", ", ".join(loaded) or "none", len(loaded), "none", not loaded)


def _per_delta(name: str, sizes: Sizes) -> Row:
    sample = output(name, source_code(sizes.delta))
    ours, floor = measure.per_delta(sample, sizes.rounds)
    ratio, goal = ours / floor, PER_DELTA[sample.codec]
    result = f"{ratio:.2f}x  ({ours * 1e6:.2f} us, floor {floor * 1e6:.2f} us)"
    return Row(f"a 4-character delta, {sample.codec}", name, result, ratio, f"<= {goal:.1f}x", ratio <= goal)


def _prose(name: str, sizes: Sizes) -> Row:
    """What it costs to look for loops in text; arguments are looked at every 16,384 characters only."""
    text = source_code(sizes.delta).replace("<", "(").replace("`", "'")
    ours, without = measure.prose(name, text, sizes.rounds)
    ratio = ours / without
    result = f"{ratio:.2f}x  ({ours * 1e6:.2f} us, not looking for loops {without * 1e6:.2f} us)"
    return Row("f 4-character delta of text", name, result, ratio, f"<= {LOOPS:.2f}x", ratio <= LOOPS)


def _auto(what: str, name: str, times: tuple[float, float]) -> Row:
    auto, given = times
    ratio = auto / given
    result = f"{ratio:.2f}x  ({auto * 1e6:.2f} us, the dialect {given * 1e6:.2f} us)"
    return Row(what, name, result, ratio, f"<= {AUTO:.1f}x", ratio <= AUTO)


def _validation(name: str, what: str, sizes: Sizes) -> Row:
    """What it costs to judge the arguments of a small call; where nothing is constrained it costs nothing."""
    judged, without = measure.validation(name, what, sizes.rounds)
    ratio = judged / without
    result = f"{ratio:.2f}x  ({judged * 1e6:.0f} us, not judged {without * 1e6:.0f} us)"
    goal = VALIDATION if what == "required" else None
    return Row(f"g call judged, {what}", name, result, ratio, f"<= {goal:.2f}x" if goal else "", goal and ratio <= goal)


def _whole(name: str, sizes: Sizes) -> Row:
    sample = output(name, source_code(sizes.whole))
    ours, loads = measure.whole(sample, sizes.rounds)
    speed, ratio = len(sample.value) / ours / 1e6, ours / loads
    result = f"{speed:.0f} MB/s, {ratio:.2f}x json.loads"
    what = f"b whole text, {sample.codec}"
    if sample.codec == "json":
        return Row(what, name, result, ratio, f"<= {JSON_RATIO:.1f}x json.loads", ratio <= JSON_RATIO)
    if sample.codec == "tagged":
        return Row(what, name, result, speed, f">= {TAGGED_SPEED:.0f} MB/s", speed >= TAGGED_SPEED)
    return Row(what, name, result, speed)  # every reference and escape is decoded


def _growth(name: str, sizes: Sizes) -> Iterator[Row]:
    value = source_code(sizes.growth)
    # The same value in one piece is so quick that it takes a longer one to tell growth from noise.
    long = source_code(sizes.growth * 8)
    found = {
        "c growth, value in deltas": measure.growth_of_value(name, value, 4, sizes.rounds),
        "c growth, value whole": measure.growth_of_value(name, long, len(long) * 2, sizes.rounds),
        "c growth, 100-800 arguments": measure.growth_of_arguments(name, (100, 200, 400, 800), 4, sizes.rounds),
    }
    for what, ratios in found.items():
        # A single doubling may cross the size at which the allocator or a cache changes its ways; all of them do not.
        mean = geometric_mean(ratios)
        result = f"{mean:.2f}x per doubling  ({', '.join(f'{ratio:.2f}' for ratio in ratios)})"
        yield Row(what, name, result, mean, f"<= {GROWTH:.1f}x", mean <= GROWTH)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small inputs: shows that it runs, not how fast")
    parser.add_argument("--json", metavar="FILE", help="also write the rows to FILE")
    options = parser.parse_args()
    print(f"wireproto {wp.__version__}, {platform.python_implementation()} {platform.python_version()}, CPU time\n")
    print(f"{'what':<30} {'dialect':<17} {'result':<46} goal")
    found = []
    for row in rows(QUICK if options.quick else FULL):
        found.append(row)
        verdict = {True: "met", False: "MISSED", None: ""}[row.met]
        print(f"{row.what:<30} {row.dialect:<17} {row.result:<46} {row.goal} {verdict}".rstrip(), flush=True)
    goals = [row for row in found if row.met is not None]
    print(f"\n{sum(row.met is True for row in goals)} of {len(goals)} goals met")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump([asdict(row) for row in found], file, indent=1)


if __name__ == "__main__":
    main()
