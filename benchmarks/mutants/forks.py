"""One mutant in one child: forked before anything of wireproto is imported, one module changed, checks up to a failure.

It must not import wireproto, since every child begins with what this process has.
Law: a child leaves nothing behind but its line: what it printed is dropped, and time and memory are bounded.
"""

from __future__ import annotations

import ast
import gc
import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from benchmarks.mutants.operators import mutated

ROOT = Path(__file__).resolve().parents[2]
# What a check may take beyond twenty times its time: the first of a dialect reads its file.
_GRACE = 3.0
# By the clock nothing is judged: a loaded machine may be a hundred times slower. What sleeps for so long was not tried.
_ASLEEP = 3_600
_MEMORY = 3 << 30
_PRELOADED = (
    "pytest",
    "hypothesis.strategies",
    "jsonschema",
    "lxml.etree",
    "selectolax.lexbor",
    "typer.testing",
    "lark",
)
_OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no")
SAME = "the same bytecode"
FAILED = "it could not be tried"
Outcome = dict[str, Any]


class Target(NamedTuple):
    """A mutation by its module (a path below wireproto/) and its number, and what judges it.

    `line` is the first of the function that changes, if a change of its code is all that it takes; else the module has
    to be imported with the change.
    """

    module: str
    number: int
    line: int | None
    checks: frozenset[str]
    tests: tuple[str, ...]
    tests_cost: float


def preload() -> None:
    """Import what the tests import of other packages, once for all children."""
    for name in _PRELOADED:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def in_child(work: Callable[[], Outcome], seconds: float) -> tuple[int, int]:
    """Fork a child that does some work, for so many seconds of CPU; return its process id and where to read."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    os.close(read)
    with suppress(BaseException):
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (round(seconds), round(seconds) + 10))
        signal.alarm(_ASLEEP)
        try:
            said = {**work(), "seconds": round(time.process_time(), 2)}
        except BaseException as error:  # noqa: BLE001 - the engine's own: it is reported, and no mutant counts as killed
            said = {"killed": None, "by": f"{FAILED}: {error!r}"}
        os.write(write, json.dumps(said).encode())
    os._exit(0)


def outcomes(
    targets: Iterable[Target], judge: Callable[[Target], Outcome], jobs: int
) -> Iterator[tuple[Target, Outcome]]:
    """Judge mutants, so many at once; yield each as it ends."""
    running: dict[int, tuple[Target, int]] = {}
    waiting = iter(targets)
    while True:
        while len(running) < jobs and (target := next(waiting, None)) is not None:
            pid, read = in_child(lambda target=target: judge(target), 60 + 8 * target.tests_cost)  # type: ignore[misc]
            running[pid] = target, read
        if not running:
            return
        pid, status = os.wait()
        target, read = running.pop(pid)
        with os.fdopen(read, "rb") as pipe:
            said = pipe.read()
        if said:
            yield target, json.loads(said)
        else:
            yield target, _without_a_word(status)


def _without_a_word(status: int) -> Outcome:
    """Return what it means that a child ended so and wrote nothing."""
    ended = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status}"
    if ended == "SIGALRM":
        return {"killed": None, "by": f"{FAILED}: it sleeps"}
    return {"killed": "time" if ended in ("SIGVTALRM", "SIGXCPU") else "crash", "by": ended}


class Judge:
    """Judges mutants in children of this process: those of a module that is imported anew, before anything else is.

    Once `warm` was called, everything is imported here and was run once, and only functions can be changed.
    """

    def __init__(self, drawn: list[dict[str, Any]], costs: dict[str, float], test_files: Sequence[str]) -> None:
        self._drawn, self._costs, self._test_files = drawn, costs, test_files
        self._every: list[Any] = []
        self._functions: dict[tuple[str, int], FunctionType] = {}

    def warm(self) -> None:
        """Import everything, and run every case and a law of each dialect, so that what is kept is there."""
        self._every = self._load()
        seen: set[str] = set()
        for check in self._every:
            if not check.name.startswith("law-") or check.dialect not in seen:
                seen.add(check.dialect if check.name.startswith("law-") else "")
                check.run()
        for name, module in [*sys.modules.items()]:
            if name.startswith("wireproto"):
                for function in _functions(module.__dict__.values()):
                    path = function.__code__.co_filename
                    self._functions[path, function.__code__.co_firstlineno] = function
        if self._test_files:
            import pytest

            os.chdir(ROOT)
            pytest.main([*_OPTIONS, "--collect-only", *self._test_files])
        gc.collect()
        gc.freeze()

    def _load(self) -> list[Any]:
        checks = importlib.import_module("benchmarks.mutants.checks")
        return [*checks.cases(), *checks.generated(self._drawn)]

    def __call__(self, target: Target) -> Outcome:
        """Run the checks of a mutant up to the first that fails: what killed it and which check, if anything did."""
        path = ROOT / "wireproto" / target.module
        source = path.read_text(encoding="utf-8")
        code = compile(mutated(source, target.number, str(path)), str(path), "exec")
        if _same(code, compile(source, str(path), "exec")):
            return {"killed": None, "by": SAME}
        if self._every:
            function = self._functions[str(path), target.line or 0]
            changed = next(_found(code, function.__code__))
            assert not _same(changed, function.__code__), "the change is outside the function"
            function.__code__ = changed
        else:
            name = "wireproto/" + target.module.removesuffix(".py").removesuffix("/__init__")
            sys.meta_path.insert(0, _Changed(name.replace("/", "."), path, code))
            signal.setitimer(signal.ITIMER_VIRTUAL, 5 * _GRACE)
            try:
                self._every = self._load()
            except Exception as error:  # noqa: BLE001 - whatever a mutant raises
                return {"killed": "import", "by": repr(error)[:200]}
        chosen = [check for check in self._every if check.name in target.checks]
        for check in sorted(chosen, key=lambda check: self._costs[check.name]):
            signal.setitimer(signal.ITIMER_VIRTUAL, _GRACE + 20 * self._costs[check.name])
            try:
                problem = check.run()
            except Exception as error:  # noqa: BLE001 - whatever a mutant raises
                problem = repr(error)
            if problem is not None:
                kind = "law" if check.name.startswith("law-") else "case"
                return {"killed": kind, "by": f"{check.name}: {problem[:200]}"}
        return _run_tests(target)


def _functions(values: Iterable[Any]) -> Iterator[FunctionType]:
    for value in values:
        if isinstance(value, type) and value.__module__.startswith("wireproto"):
            yield from _functions([each for each in vars(value).values() if not isinstance(each, type)])
            continue
        for inner in (value, *(getattr(value, name, None) for name in ("fget", "__func__", "func", "__wrapped__"))):
            if isinstance(inner, FunctionType):
                yield inner


def _found(code: CodeType, like: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if (inner.co_name, inner.co_firstlineno) == (like.co_name, like.co_firstlineno):
                yield inner
            yield from _found(inner, like)


def _run_tests(target: Target) -> Outcome:
    if not target.tests:
        return {"killed": None, "by": "no test"}
    import pytest

    signal.setitimer(signal.ITIMER_VIRTUAL, 20 + 5 * target.tests_cost)
    os.chdir(ROOT)
    failed: list[str] = []

    class Watch:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                failed.append(report.nodeid)

    status = pytest.main([*_OPTIONS, "-x", *target.tests], plugins=[Watch()])
    if failed:
        return {"killed": "test", "by": failed[0]}
    # A module of tests that cannot be imported interrupts; any other end is a mistake of ours.
    if status == pytest.ExitCode.INTERRUPTED:
        return {"killed": "test", "by": "the tests cannot be imported"}
    return {
        "killed": None,
        "by": f"{len(target.tests)} tests" if not status else f"{FAILED}: pytest ends with {status}",
    }


class _Changed(MetaPathFinder, Loader):
    """Gives one module another code."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self._name, self._path, self._code = name, path, code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        folders = [str(self._path.parent)] if self._path.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, self._path, loader=self, submodule_search_locations=folders
        )

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two codes do the same, wherever their lines are."""
    if (one.co_code, one.co_names, one.co_varnames, len(one.co_consts)) != (
        other.co_code,
        other.co_names,
        other.co_varnames,
        len(other.co_consts),
    ):
        return False
    return all(
        _same(a, b) if isinstance(a, CodeType) and isinstance(b, CodeType) else (type(a), a) == (type(b), b)
        for a, b in zip(one.co_consts, other.co_consts, strict=True)
    )


def parsed(module: str) -> ast.Module:
    """Return the tree of a module."""
    path = ROOT / "wireproto" / module
    return ast.parse(path.read_text(encoding="utf-8"), str(path))
