"""Measure what a server pays for the tools of each request: a decoder with them, and their grammar.

python -m benchmarks.offers [--quick] [--against FOLDER] [--json FILE]

a  `Decoder(…)` with tools as JSON has them: that were never seen, seen once, and seen before.
b  `wp.grammar`: asked for again; one tool of all is new; all are new, the dialect is known; the first of a process,
   with imports and from bytecode, as where the package is installed.
c  1,000 tools, for every target.

Tools are flat ones, or `nested` ones: eight properties, with an object, an array, an enum and bounds of its own each.
Nothing is cleared: what is new is so by its content. CPU time, the least of some rounds. `--against`: the same with the
package of another checkout, and how many times faster this one is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

DIALECTS = ("hermes", "qwen3_coder")
TARGETS = ("gbnf", "lark", "ebnf", "structural-tag")
MANY = 100
# Seconds, by what is measured.
GOALS = {
    "a never seen": 300e-6,
    "a seen before": 20e-6,
    "b again": 100e-6,
    "b one is new": 5e-3,
    "b all are new": 80e-3,
    "b first of a process": 120e-3,
}
_FIRST = """
from time import process_time
import json, sys
import wireproto as wp
wp.grammar(sys.argv[1], json.loads(sys.argv[2]))
print(process_time())
"""


def flat(count: int, take: int) -> list[dict[str, Any]]:
    """Return tools of five properties, whose names hold `take`."""
    from benchmarks.toolsets import toolset

    found: list[dict[str, Any]] = json.loads(json.dumps(toolset(count)))
    return [{**tool, "name": f"{tool['name']}_{take}"} for tool in found]


def nested(count: int, take: int) -> list[dict[str, Any]]:
    """Return tools of eight properties, each with schemas that no other has; their names hold `take`."""
    return [_nested(index, take) for index in range(count)]


def _nested(index: int, take: int) -> dict[str, Any]:
    options = {
        "type": "object",
        "properties": {f"unit_{index}": {"type": "string"}, "depth": {"type": "integer"}, "on": {"type": "boolean"}},
        "required": [f"unit_{index}"],
        "additionalProperties": False,
    }
    properties = {
        f"path_{index % 7}": {"type": "string"},
        f"count_{index % 5}": {"type": "integer", "minimum": 0, "maximum": 1_000 + 7 * index + take},
        "mode": {"type": "string", "enum": [f"mode {index} {take}", "fast", "safe"]},
        "force": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "options": options,
        "text": {"type": "string"},
        "timeout": {"type": "number"},
    }
    required = [f"path_{index % 7}"]
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"name": f"tool_{index}_{take}", "description": "One of many.", "parameters": schema}


Make = Callable[[int, int], list[dict[str, Any]]]
KINDS: dict[str, Make] = {"flat": flat, "nested": nested}


def _spent(run: Callable[[], object]) -> float:
    started = process_time()
    run()
    return process_time() - started


def decoders(rounds: int) -> Iterator[tuple[str, str, float]]:
    """Yield what decoders with many tools cost."""
    import wireproto as wp

    wp.Decoder("hermes", flat(1, 0))
    never, once, before = [], [], []
    for take in range(1, 10 * rounds):
        never.append(_spent(partial(wp.Decoder, "hermes", flat(MANY, take))))
        once.append(_spent(partial(wp.Decoder, "hermes", flat(MANY, take))))
        again = partial(wp.Decoder, "hermes", flat(MANY, take))
        before += [_spent(again) for _ in range(5)]
    toolset = wp.Toolset.of(flat(MANY, 0))
    made = [_spent(lambda: wp.Decoder("hermes", toolset)) for _ in range(50)]
    found = {"never seen": never, "seen once": once, "seen before": before, "as a Toolset": made}
    yield from ((f"a {name}", f"Decoder, {MANY} tools", min(times)) for name, times in found.items())


def grammars(dialect: str, kind: str, rounds: int) -> Iterator[tuple[str, str, float]]:
    """Yield what grammars of many tools cost."""
    import wireproto as wp

    make = KINDS[kind]
    wp.grammar(dialect, make(MANY, 0))
    tools = make(MANY, 0)
    again = [_spent(lambda: wp.grammar(dialect, tools)) for _ in range(3 * rounds)]
    one, every = [], []
    for take in range(1, rounds + 1):
        one.append(_spent(partial(wp.grammar, dialect, [*tools[:-1], make(MANY, take)[-1]])))
        every.append(_spent(partial(wp.grammar, dialect, make(MANY, 1_000 + take))))
    what = f"{dialect}, {MANY} {kind}"
    found = {"again": again, "one is new": one, "all are new": every}
    yield from ((f"b {name}", what, min(times)) for name, times in found.items())


def first(dialect: str, kind: str, rounds: int) -> float:
    """Return what the first grammar of a process costs, of one tool and with all imports."""
    with tempfile.TemporaryDirectory() as folder:
        known = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = {**known, "PYTHONPYCACHEPREFIX": folder}
        command = [sys.executable, "-c", _FIRST, dialect, json.dumps(KINDS[kind](1, 0))]
        runs = (subprocess.run(command, check=True, capture_output=True, env=environment) for _ in range(rounds + 1))
        return min(float(run.stdout) for run in runs)


def thousands(dialect: str, count: int) -> Iterator[tuple[str, str, float]]:
    """Yield what a grammar of very many tools costs, for each target."""
    import wireproto as wp

    for target in TARGETS:
        wp.grammar(dialect, nested(1, 0), target=target)  # type: ignore[arg-type]
        spent = _spent(partial(wp.grammar, dialect, nested(count, 1), target=target))
        yield f"c {count:,} tools", f"{dialect}, {target}", spent


def measured(rounds: int, most: int) -> Iterator[tuple[str, str, float]]:
    """Yield every figure: what it is, of what, and seconds."""
    yield from decoders(rounds)
    for dialect in DIALECTS:
        for kind in KINDS:
            yield from grammars(dialect, kind, rounds)
        yield "b first of a process", f"{dialect}, 1 nested", first(dialect, "nested", rounds)
    for dialect in DIALECTS:
        yield from thousands(dialect, most)


def _shown(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} us" if seconds < 1e-3 else f"{seconds * 1e3:,.1f} ms"


def _elsewhere(folder: Path, arguments: list[str]) -> dict[tuple[str, str], float]:
    """Return the figures of another checkout's package, taken by this file."""
    command = [sys.executable, __file__, "--measure", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(folder.resolve())}
    said = subprocess.run(command, check=True, capture_output=True, env=environment, text=True).stdout
    return {(what, of): seconds for what, of, seconds in map(json.loads, said.splitlines())}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.offers", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds and tools: shows that it runs, not how fast")
    parser.add_argument("--against", metavar="FOLDER", type=Path, help="another checkout to measure too")
    parser.add_argument("--json", metavar="FILE", help="also write the rows to FILE")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    found = measured(*((2, 100) if options.quick else (7, 1_000)))
    if options.measure:
        for figure in found:
            print(json.dumps(figure), flush=True)
        return
    from benchmarks.__main__ import Row

    before = _elsewhere(options.against, ["--quick"] if options.quick else []) if options.against else {}
    rows = []
    for what, of, seconds in found:
        goal = GOALS.get(what)
        old = before.get((what, of))
        result = _shown(seconds) + (f"  ({_shown(old)} there, {old / seconds:.1f}x)" if old is not None else "")
        met = None if goal is None else seconds <= goal
        rows.append(Row(what, of, result, seconds, "" if goal is None else f"<= {_shown(goal)}", met))
        verdict = {True: "met", False: "MISSED", None: ""}[met]
        print(f"{what:<22} {of:<32} {result:<40} {rows[-1].goal} {verdict}".rstrip(), flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
