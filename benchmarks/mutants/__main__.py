"""The command: sample mutants by seed, judge them, count them by folder and by what killed them, list the survivors."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from benchmarks.mutants import forks
from benchmarks.mutants.forks import Outcome, Target
from benchmarks.mutants.operators import Mutation, mutations

PACKAGE = forks.ROOT / "wireproto"
FOLDERS = ("decode", "engine", "codecs", "documents", "text", "format", "machine")
# Files of dialects and their errors, what is made of a chat template, and drawings: no part of decoding.
_OTHERS = {
    *("format/checks.py", "format/loading.py", "format/detection.py", "format/plugins.py", "format/rendering.py"),
    *("machine/table.py", "machine/drawing.py"),
}
# What it takes to collect a test, or to choose a check.
_EACH = 0.005
_WAYS = ("case", "law", "test", "time", "import", "crash", "equal")
# Mutants that nobody can tell from the program, each with the reason; they count neither as killed nor as survivors.
# Where a file has several like it, `line` is a part of the line that is meant.
_EQUIVALENT = Path(__file__).with_name("equivalent.jsonl")


def main(argv: list[str] | None = None) -> int:
    """Run the command; 1 if fewer than the goal were killed."""
    options = _options().parse_args(argv)
    forks.preload()
    facts = _survey(options.survey, options.seed)
    every = _every(options.only)
    sample = every if not options.number else random.Random(options.seed).sample(every, min(options.number, len(every)))
    if options.again:
        again = {
            _place(row) for row in json.loads(options.again.read_text(encoding="utf-8"))["mutants"] if not row["killed"]
        }
        sample = [each for each in sample if _place(vars(each[2]) | {"file": each[0], "number": each[1]}) in again]
    select = _Selection(facts, options.laws, options.tests)
    known = {(module, number): mutation for module, number, mutation in sample}
    started = time.monotonic()
    done: list[dict[str, Any]] = []
    for target, outcome in _judged([select.target(*each) for each in sample], facts, select.costs, options.jobs):
        if outcome["by"].startswith(forks.FAILED):
            print(target.module, known[target.module, target.number], outcome["by"], file=sys.stderr)
        elif outcome["by"] != forks.SAME:
            done.append(_row(target, known[target.module, target.number], outcome))
            if options.log:
                print(json.dumps(done[-1]), file=options.log, flush=True)
        if sys.stderr.isatty() or len(done) % 100 == 0:
            print(f"\r{len(done)} of {len(sample)}, {time.monotonic() - started:.0f} s", end="", file=sys.stderr)
    equivalent = [*map(json.loads, _EQUIVALENT.open(encoding="utf-8"))]
    for row in done:
        if row["killed"] is None and any(_is(each, row) for each in equivalent):
            row["killed"] = "equal"
    done.sort(key=lambda row: (row["file"], row["line"], row["number"]))
    report = {"commit": _commit(), "seed": options.seed, "of": len(every), "mutants": done}
    if options.json:
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print("", *_table(done, len(every)), "", *_survivors(done), sep="\n")
    judged = [row for row in done if row["killed"] != "equal"]
    return int(sum(row["killed"] is not None for row in judged) < options.goal * len(judged))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description="mutation testing of decoding")
    parser.add_argument("-n", "--number", type=int, default=1_500, help="how many mutants to sample; 0: every one")
    parser.add_argument("--seed", type=int, default=13, help="what the sample and the generated checks are drawn from")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--only", default="", help="only modules whose path holds this, or path:line")
    parser.add_argument("--goal", type=float, default=0.9, help="the share to be killed")
    parser.add_argument("--laws", type=float, default=3.0, help="seconds of CPU of laws that a mutant is worth")
    parser.add_argument("--tests", type=float, default=6.0, help="seconds of CPU of tests that a mutant is worth")
    parser.add_argument("--json", type=Path, help="where to write every mutant and what became of it")
    parser.add_argument("--log", type=argparse.FileType("w"), help="where to write a line for each as it ends")
    parser.add_argument("--again", type=Path, help="the report of the same sample: only what survived is tried again")
    parser.add_argument("--survey", type=Path, help="a file that keeps what the checks call, for the next run")
    return parser


def _survey(path: Path | None, seed: int) -> dict[str, Any]:
    """Survey the checks in a child, as nothing of wireproto may be imported here."""
    if path is None or not path.exists():
        path = path or Path(f"/tmp/wireproto-mutants-{os.getpid()}.json")
        print("surveying the checks: some minutes", file=sys.stderr)
        code = (
            f"import pathlib; from benchmarks.mutants import survey; survey.write(pathlib.Path({str(path)!r}), {seed})"
        )
        subprocess.run([sys.executable, "-c", code], cwd=forks.ROOT, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    return found


def _every(only: str) -> list[tuple[str, int, Mutation]]:
    part, _, line = only.partition(":")
    found = []
    for folder in FOLDERS:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            module = path.relative_to(PACKAGE).as_posix()
            if module in _OTHERS or part not in module:
                continue
            for number, mutation in enumerate(mutations(forks.parsed(module))):
                if not line or mutation.line == int(line):
                    found.append((module, number, mutation))
    return found


def _judged(
    targets: list[Target], facts: dict[str, Any], costs: dict[str, float], jobs: int
) -> Iterator[tuple[Target, Outcome]]:
    """Judge mutants: first those whose modules have to be imported with the change, then those of functions."""
    judge = forks.Judge(facts["drawn"], costs, sorted({each["name"].partition("::")[0] for each in facts["tests"]}))
    kept = set(facts["kept"])
    cold = [each for each in targets if each.line is None or f"{each.module}:{each.line}" in kept]
    yield from forks.outcomes(cold, judge, jobs)
    warm = [each for each in targets if each not in set(cold)]
    if warm:
        judge.warm()
    yield from forks.outcomes(warm, judge, jobs)


class _Selection:
    """Which checks and tests judge a mutant."""

    def __init__(self, facts: dict[str, Any], laws: float, tests: float) -> None:
        self._worth_laws, self._worth_tests = laws, tests
        self.costs: dict[str, float] = {each["name"]: each["cost"] for each in (*facts["checks"], *facts["tests"])}
        self._checks, self._tests = self._by_function(facts["checks"]), self._by_function(facts["tests"])
        # What ran before anybody looked, or for another check first: any check may rest on it.
        for listed, by_function in ((facts["checks"], self._checks), (facts["tests"], self._tests)):
            for called in facts["kept"]:
                module, _, line = called.rpartition(":")
                by_function[module][int(line)].update(each["name"] for each in listed)

    @staticmethod
    def _by_function(listed: list[dict[str, Any]]) -> dict[str, dict[int, set[str]]]:
        found: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for each in listed:
            for called in each["calls"]:
                module, _, line = called.rpartition(":")
                found[module][int(line)].add(each["name"])
        return found

    def target(self, module: str, number: int, mutation: Mutation) -> Target:
        """Return a mutant with what judges it."""
        checks = self._callers(self._checks, module, mutation)
        laws = {name for name in checks if name.startswith("law-")}
        tests = self._worth(self._callers(self._tests, module, mutation), self._worth_tests)
        first = mutation.function[0] if mutation.function is not None else None
        chosen = frozenset((checks - laws).union(self._worth(laws, self._worth_laws)))
        return Target(module, number, first, chosen, tests, sum(map(self.costs.__getitem__, tests)))

    def _worth(self, names: set[str], seconds: float) -> tuple[str, ...]:
        """Return the cheapest of these, as many as take so many seconds together."""
        ordered = sorted(names, key=lambda name: (self.costs[name], name))
        spent = accumulate(self.costs[name] + _EACH for name in ordered)
        return tuple(name for name, until in zip(ordered, spent, strict=True) if until <= seconds)

    @staticmethod
    def _callers(listed: dict[str, dict[int, set[str]]], module: str, mutation: Mutation) -> set[str]:
        if mutation.function is not None:
            first, last = mutation.function
            return set().union(*(names for line, names in listed[module].items() if first <= line <= last))
        # What a module says once acts in all of its functions; tables have none, but their folder has.
        folder = module.rpartition("/")[0] + "/"
        for modules in ([module], [each for each in listed if each.startswith(folder)]):
            found = set().union(*(names for each in modules for names in listed[each].values()))
            if found:
                return found
        return set()


def _row(target: Target, mutation: Mutation, outcome: Outcome) -> dict[str, Any]:
    return {
        "file": target.module,
        "line": mutation.line,
        "number": target.number,
        "operator": mutation.operator,
        "before": mutation.before,
        "after": mutation.after,
        **outcome,
    }


def _is(equivalent: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether a mutant is one that is known to be equivalent."""
    if any(equivalent[key] != row[key] for key in ("file", "before", "after")):
        return False
    source = (PACKAGE / row["file"]).read_text(encoding="utf-8").split("\n")
    return equivalent.get("line", "") in source[row["line"] - 1]


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[key] for key in ("file", "number", "operator", "before", "after"))


def _table(rows: list[dict[str, Any]], of: int) -> list[str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for name in (row["file"].partition("/")[0], "all"):
            counts[name][row["killed"] or "survived"] += 1
    lines = ["".join([f"{'':10}", *(f"{way:>9}" for way in ("mutants", "killed", *_WAYS, "survived"))])]
    for name in (*sorted(counts.keys() - {"all"}), "all"):
        found = counts[name]
        total = found.total()
        share = f"{1 - found['survived'] / max(1, total - found['equal']):.1%}"
        numbers = "".join(f"{found[way]:9}" for way in (*_WAYS, "survived"))
        lines.append(f"{name:10}{total:9}{share:>9}{numbers}")
    return [*lines, f"a sample of {of:,}"]


def _survivors(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"{row['file']}:{row['line']} {row['operator']}: {row['before']}  ->  {row['after']}  ({row['by']})"
        for row in rows
        if row["killed"] is None
    ]


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], check=False, cwd=forks.ROOT, capture_output=True, text=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
