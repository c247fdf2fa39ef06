"""Measure the grammars of JSON Schema against MaskBench, through llama.cpp's own engine.

python -m benchmarks.maskbench FOLDER [--limit N] [--jobs 2] [--reasons] [--seconds 10]

FOLDER is maskbench/data of https://github.com/guidance-ai/jsonschemabench: one schema in each file, with instances that
are marked valid or invalid. As MaskBench does, an instance is written by `json.dumps`, and a schema passes if it
compiles and every instance is judged rightly. MaskBench asserts `format`, these grammars do not: instances that are
invalid only by their format count as accepted. A worker that needs more processor time than the limit for one schema,
or that the engine kills, costs that schema only.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from wireproto.grammars.schema.rules import schema_grammar
from wireproto.grammars.targets.gbnf import to_gbnf
from wireproto.testing.engines import EngineError
from wireproto.testing.engines.llamacpp import LlamaCpp
from wireproto.values.errors import GrammarError

OUTCOMES = ("passed", "refused", "rejects valid", "accepts invalid", "engine refuses", "too slow", "crashed")
_KEYWORD = re.compile(r": ([$A-Za-z]+): ")
_FAMILY = re.compile(r"---|_")


@dataclass(frozen=True)
class Result:
    """How one schema fared: the outcome, what explains it, and seconds of processor time until there was GBNF."""

    name: str
    outcome: str
    why: str = ""
    seconds: float = 0.0
    valid: int = 0
    invalid: int = 0

    @property
    def family(self) -> str:
        """The collection that the schema is from."""
        return _FAMILY.split(self.name)[0]

    @property
    def keyword(self) -> str:
        """The keyword that was refused."""
        found = _KEYWORD.search(self.why)
        return found[1] if found else "no schema"


def measured(path: Path) -> Result:
    """Return how the schema of one file fares."""
    case = json.loads(path.read_text(encoding="utf-8"))
    start = time.process_time()
    try:
        rules = schema_grammar(case["schema"]).rules
        gbnf = "" if rules.is_empty else to_gbnf(rules)
    except GrammarError as error:
        return Result(path.stem, "refused", str(error), time.process_time() - start)
    seconds = time.process_time() - start
    valid = sum(test["valid"] for test in case["tests"])
    try:
        outcome, why = judged(gbnf, case["tests"])
    except EngineError as error:
        outcome, why = "engine refuses", str(error)[:300]
    return Result(path.stem, outcome, why, seconds, valid, len(case["tests"]) - valid)


def judged(gbnf: str, tests: list[dict[str, Any]]) -> tuple[str, str]:
    """Return what is worst among the judgements of a grammar, and of which instance."""
    # A schema without instances has no grammar, and so accepts nothing.
    engine = LlamaCpp.compile(gbnf) if gbnf else None
    found = ("passed", "")
    for index, test in enumerate(tests):
        accepted = engine is not None and engine.accepts(json.dumps(test["data"], ensure_ascii=False))
        if accepted != test["valid"]:
            found = ("accepts invalid" if accepted else "rejects valid", f"test {index}: {test['description']}")
            if accepted:
                break
    if engine is not None:
        engine.close()
    return found


def work(seconds: int) -> None:
    """Measure the files that are named on the standard input, one line of JSON for each."""
    for line in sys.stdin:
        # The signal's default action ends the process, whatever the engine is doing.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        result = measured(Path(line.rstrip("\n")))
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(asdict(result)), flush=True)


class Worker:
    """A process that measures one file after another, and is started again when one ends it."""

    def __init__(self, seconds: int) -> None:
        self.command = [sys.executable, "-m", "benchmarks.maskbench", "--worker", "--seconds", str(seconds)]
        self.process: subprocess.Popen[str] | None = None

    def measured(self, path: Path) -> Result:
        """Return how the schema of one file fares, whatever it does to the process."""
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin is not None and self.process.stdout is not None
        print(path.resolve(), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if line:
            return Result(**json.loads(line))
        code = self.process.wait()
        self.process = None
        return Result(path.stem, "too slow" if code == -signal.SIGPROF else "crashed", f"exit code {code}")

    def close(self) -> None:
        """Let the process end."""
        if self.process is not None:
            self.process.communicate()


def results(paths: Iterable[Path], jobs: int, seconds: int) -> Iterator[Result]:
    """Yield how every file fares, in order."""
    workers = [Worker(seconds) for _ in range(jobs)]
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def one(path: Path) -> Result:
        worker = free.get()
        try:
            return worker.measured(path)
        finally:
            free.put(worker)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, paths)
    for worker in workers:
        worker.close()


def table(found: list[Result]) -> None:
    """Print one line for each collection, what was refused, and how long it took."""
    names = [name for name in OUTCOMES if any(each.outcome == name for each in found)]
    print(f"{'collection':18}{'schemas':>9}" + "".join(f"{name:>17}" for name in names))
    families = sorted({each.family for each in found})
    for family in [*families, "all"]:
        counts = Counter(each.outcome for each in found if family in ("all", each.family))
        print(f"{family:18}{counts.total():>9}" + "".join(f"{counts[name] or '':>17}" for name in names))
    refused = Counter(each.keyword for each in found if each.outcome == "refused")
    print("refused:", ", ".join(f"{keyword} {count}" for keyword, count in refused.most_common()))
    times = sorted(each.seconds for each in found if each.seconds and each.outcome != "refused")
    if times:
        p50, p99 = (times[int(len(times) * part)] for part in (0.5, 0.99))
        print(f"compiled in: p50 {1000 * p50:.1f} ms, p99 {1000 * p99:.0f} ms, at most {times[-1]:.1f} s")
    print(f"instances: {sum(each.valid for each in found)} valid, {sum(each.invalid for each in found)} invalid")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER")
    parser.add_argument("--limit", type=int, help="so many schemas, evenly spread over the folder")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=10, help="processor time for one schema and its instances")
    parser.add_argument("--reasons", action="store_true", help="say why a schema does not pass")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.seconds)
        return
    if arguments.folder is None:
        parser.error("FOLDER is missing")
    paths = sorted(arguments.folder.glob("*.json"))
    if arguments.limit is not None:
        paths = paths[:: max(1, len(paths) // arguments.limit)][: arguments.limit]
    found = []
    for result in results(paths, arguments.jobs, arguments.seconds):
        found.append(result)
        if arguments.reasons and result.outcome != "passed":
            print(f"{result.outcome}: {result.name}: {result.why}", flush=True)
    table(found)
    # What a strict grammar accepts is valid: anything else is a defect.
    sys.exit(any(each.outcome in ("accepts invalid", "crashed") for each in found))


if __name__ == "__main__":
    main()
