"""The command `wireproto fuzz`: outputs drawn at random and held to the laws, and saved cases judged again.

It only translates, like the rest of the command line. Law: what was found is saved and printed however a run ends.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wireproto.cli import shared
from wireproto.cli.io import Complaint, load_dialect, load_tools, print_json
from wireproto.cli.writer import errors
from wireproto.format.registry import AUTO
from wireproto.values.quoting import quoted

if TYPE_CHECKING:
    from wireproto.fuzz.findings import Tally
    from wireproto.fuzz.plan import Plan

_TIME = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([smh]?)\s*")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_USUAL_RUNS = 10_000
_PolicyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--policy", metavar="K=V", help="A field of Policy, the same in all outputs: foreign=call, limits.max_calls=3."
    ),
]
_AgainstOption = Annotated[
    str | None,
    typer.Option(metavar="COMMAND", help="Another parser, to be asked the same; see how to compare parsers."),
]


class FuzzEngine(str, Enum):
    """What decides which outputs are tried."""

    random = "random"
    atheris = "atheris"


@shared.guarded
def fuzz_command(
    dialect: Annotated[
        str,
        typer.Option(
            "--dialect", "-d", metavar="D", help="Name of a dialect or a model, path of a .toml file, auto, or all."
        ),
    ] = "all",
    codec: Annotated[
        str | None, typer.Option(metavar="M:O", help="A codec that is not installed: module:object; -d is its dialect.")
    ] = None,
    runs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help=f"Number of outputs; {_USUAL_RUNS:,} by default.")
    ] = None,
    time: Annotated[str | None, typer.Option("--for", metavar="T", help="How long: 60s, 10m, 8h.")] = None,
    seed: Annotated[str, typer.Option(metavar="S", help="The same seed gives the same outputs.")] = "0",
    corpus: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Your outputs, to be damaged: a log, a text, or a folder of them."),
    ] = None,
    tools: shared.ToolsOption = None,
    salt: shared.SaltOption = None,
    policy: _PolicyOption = None,
    replay: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Judge saved cases again instead.")] = None,
    against: _AgainstOption = None,
    engine: Annotated[FuzzEngine, typer.Option(help="atheris goes where new code is reached.")] = FuzzEngine.random,
    jobs: Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=0, help="Processes; 0: one per core.")] = 0,
    limit: Annotated[
        float, typer.Option("--limit", metavar="SECONDS", min=0.1, help="How long one output may take.")
    ] = 5.0,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where findings are saved.")] = Path("fuzz-findings"),
    format: shared.FormatOption = shared.Format.text,
) -> int:
    """Look for outputs that break a law.

    Draws model outputs, damages them, holds each to the laws, and saves the smallest output of each way to break one.
    """
    if sum(given is not None for given in (runs, time, replay)) > 1:
        raise Complaint("--runs, --for and --replay exclude each other")
    seconds = _seconds(time) if time is not None else None
    if against is not None:
        if codec or corpus or tools or salt or policy or replay or engine is not FuzzEngine.random:
            raise Complaint("--against goes with --dialect, --runs, --for, --seed, --limit, --out and --format only")
        from wireproto.cli.against import compare

        return compare(against, dialect, runs if runs or seconds else _USUAL_RUNS, seconds, seed, limit, out, format)
    from wireproto.audit.workers import AuditError
    from wireproto.fuzz.cases import CaseError, save
    from wireproto.fuzz.children import FuzzError

    jobs = jobs or os.cpu_count() or 1
    try:
        plan = _plan(dialect, salt, codec, seed, corpus or [], load_tools(tools), policy or [], limit, bool(replay))
        with _progress(plan, runs, seconds) as watch:
            tally = _run(plan, replay, engine, runs, seconds, jobs, out, watch)
        path = save(out, (found.case for found in tally.ordered())) if tally.findings and not replay else None
    except (AuditError, CaseError, FuzzError) as error:
        raise Complaint(str(error)) from None
    return _report(tally, plan, path, format)


def _report(tally: Tally, plan: Plan, saved: Path | None, format: shared.Format) -> int:
    """Print what a run found; return the exit code that says it."""
    if format is shared.Format.json:
        print_json({"seed": plan.seed, "saved": str(saved) if saved else None, **tally.as_data()})
    else:
        from wireproto.cli.fuzz_tables import print_tally

        print_tally(tally, saved, plan.codec)
    return shared.INTERRUPTED if tally.interrupted else shared.DEFECTS if tally.findings else shared.FINE


def _run(
    plan: Plan,
    replay: list[Path] | None,
    engine: FuzzEngine,
    runs: int | None,
    seconds: float | None,
    jobs: int,
    out: Path,
    watch: Callable[[Tally], None],
) -> Tally:
    from wireproto.fuzz.cases import load
    from wireproto.fuzz.runner import Runner
    from wireproto.fuzz.runner import replay as judge_again

    if replay:
        return judge_again(plan, [case for path in replay for case in load(path)], watch)
    wanted = _USUAL_RUNS if runs is None and seconds is None else runs
    if engine is FuzzEngine.random:
        return Runner(plan, jobs).run(wanted, seconds, watch)
    from wireproto.fuzz.guided import GuidedRunner

    return GuidedRunner(plan, jobs, out / "inputs").run(wanted, seconds, watch)


def _plan(
    dialect: str,
    salt: str | None,
    codec: str | None,
    seed: str,
    corpus: list[Path],
    tools: list[Any] | None,
    policy: list[str],
    limit: float,
    replay: bool,
) -> Plan:
    from wireproto.fuzz.codecs import use_codec
    from wireproto.fuzz.corpus import seeds
    from wireproto.fuzz.plan import ALL, Plan, Subject, subjects

    if codec is not None and dialect in (ALL, AUTO) and not replay:
        raise Complaint("--codec needs --dialect: the name or the .toml file of a dialect that uses it")
    if salt is not None and dialect in (ALL, AUTO):
        raise Complaint(f"--salt needs the name of a dialect; it does not work with {dialect!r}")
    use_codec(codec)
    if dialect in (ALL, AUTO):
        chosen = subjects(dialect)
    else:
        found = load_dialect(dialect, salt)
        chosen = (Subject(dialect if dialect.endswith(".toml") else found.name, salt),)
    cases = tuple(seeds(corpus)) if corpus else ()
    return Plan(chosen, seed, cases, tools, _policy(policy), codec, limit)


def _policy(options: list[str]) -> dict[str, Any]:
    """Return the fields of `key=value` options; a value is JSON, or else a word."""
    from wireproto.fuzz.cases import policy_data, policy_from

    given: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise Complaint(f"--policy: expected a field and its value, such as foreign=call, not {quoted(option)}")
        group, dot, name = key.partition(".")
        if dot:
            given.setdefault(group, {})[name] = _value(value)
        else:
            given[key] = _value(value)
    try:
        policy_data(policy_from(given))
    except TypeError as error:
        raise Complaint(f"--policy: {error}") from None
    return given


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"True": True, "False": False, "None": None}.get(text, text)


def _seconds(text: str) -> float:
    found = _TIME.fullmatch(text)
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if not seconds:
        raise Complaint(f"--for: expected a time such as 60s, 10m or 8h, not {quoted(text)}")
    return seconds


@contextmanager
def _progress(plan: Plan, runs: int | None, seconds: float | None) -> Iterator[Callable[[Tally], None]]:
    """Show at a terminal how far the run is; yield the function that is told of it."""
    if not errors().isatty():
        yield lambda tally: None
        return
    from wireproto.cli.fuzz_tables import live

    with live(runs, seconds) as watch:
        yield watch


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    lines = (
        "wireproto fuzz --dialect all --for 10m",
        "wireproto fuzz -d mine.toml --codec mine:CODEC --runs 2000",
        "wireproto fuzz -d hermes --corpus logs/ --policy foreign=call",
        "wireproto fuzz --replay fuzz-findings/findings.jsonl",
        'wireproto fuzz --against "python my_parser.py" -d hermes',
    )
    app.command("fuzz", epilog=shared.example(*lines))(fuzz_command)
