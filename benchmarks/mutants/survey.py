"""What each check calls and how long it takes, found once on the code as it is.

A mutant is judged by the checks that call the function it changes, cheap ones first; and by all of them where that
function runs once and what it returns is kept, such as the tables of a dialect.
It must be the first that imports wireproto in its process. Law: what fails here judges no mutant.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = f"{ROOT / 'wireproto'}/"
# Tests of single parts; others hold every dialect to what the cases and the laws are about, or what stands around it.
_JUDGES = (
    "auto",
    "bounds",
    "decoder",
    "dialect",
    "documents",
    "dsml_shapes",
    "encode",
    "grammar_golden",
    "habits",
    "hostile",
    "html",
    "lenient",
    "names",
    "nesting",
    "prompt",
    "quoting",
    "records",
    "repetition",
    "scan",
    "short_texts",
    "toml",
    "toml_parser",
    "validation",
    "values",
    "xml",
)
# A test that takes longer judges nothing.
LONGEST = 5.0
Called = list[str]


def survey(with_seed: int, tests: bool = True) -> dict[str, Any]:
    """Return what was drawn, and for each check (name, cost, functions called), and the same for each test."""
    with _watched() as called:
        from benchmarks.mutants import checks

    drawn = checks.draw(with_seed)
    found = _checks([*checks.cases(), *checks.generated(drawn)])
    kept = _names(called) | set(found["kept"])
    judges = _tests() if tests else []
    return {"drawn": drawn, "checks": found["checks"], "kept": sorted(kept), "tests": judges}


def _checks(every: list[Any]) -> dict[str, Any]:
    listed: list[dict[str, Any]] = []
    kept: set[str] = set()
    for check in every:
        with _watched() as first:
            problem = check.run()
        if problem is not None:
            print(f"fails as it is: {check.name}: {problem[:200]}", file=sys.stderr)
            continue
        with _watched() as again:
            check.run()
        started = time.process_time()
        check.run()
        cost = time.process_time() - started
        kept |= _names(first) - _names(again)
        listed.append({"name": check.name, "cost": round(cost, 5), "calls": sorted(_names(first))})
    return {"checks": listed, "kept": sorted(kept)}


class _Watch:
    """A plugin of pytest: the functions and the time of every test that passes."""

    def __init__(self) -> None:
        self.tests: dict[str, tuple[float, set[CodeType]]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        started = time.process_time()
        with _watched() as called:
            result = yield
        self.tests[item.nodeid] = time.process_time() - started, called
        return result


def _tests() -> list[dict[str, Any]]:
    chosen = [f"tests/test_{name}.py" for name in _JUDGES]
    watch = _Watch()
    pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", *chosen], plugins=[watch])
    return [
        {"name": name, "cost": round(cost, 5), "calls": sorted(_names(called))}
        for name, (cost, called) in watch.tests.items()
        if cost <= LONGEST
    ]


@contextmanager
def _watched() -> Iterator[set[CodeType]]:
    """Collect the functions that are called; from Python 3.12 on for next to nothing."""
    called: set[CodeType] = set()
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:

        def watch(frame: FrameType, event: str, _: Any) -> None:
            if event == "call":
                called.add(frame.f_code)

        sys.setprofile(watch)
        try:
            yield called
        finally:
            sys.setprofile(None)
        return

    def begins(code: CodeType, _: int) -> Any:
        called.add(code)
        return monitoring.DISABLE

    tool, event = monitoring.PROFILER_ID, monitoring.events.PY_START
    monitoring.use_tool_id(tool, __name__)
    monitoring.register_callback(tool, event, begins)
    monitoring.set_events(tool, event)
    monitoring.restart_events()
    try:
        yield called
    finally:
        monitoring.set_events(tool, monitoring.events.NO_EVENTS)
        monitoring.free_tool_id(tool)


def _names(called: set[CodeType]) -> set[str]:
    """Functions as `folder/file.py:first line`."""
    return {
        f"{code.co_filename[len(PACKAGE) :]}:{code.co_firstlineno}"
        for code in called
        if code.co_filename.startswith(PACKAGE) and code.co_name != "<module>"
    }


def write(path: Path, with_seed: int, tests: bool = True) -> None:
    """Survey, and write what was found."""
    path.write_text(json.dumps(survey(with_seed, tests)), encoding="ascii")
