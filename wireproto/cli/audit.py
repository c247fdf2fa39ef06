"""The commands `wireproto classify` and `wireproto audit`: the label of one output, and the counts of a whole log.

It only translates, like the rest of the command line. Law: an audit ends with its counts, whatever its logs hold.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wireproto.cli import shared
from wireproto.cli.io import Complaint, load_decoded, load_tools, one_stdin, print_json, read_text
from wireproto.cli.writer import errors
from wireproto.recover.classify import classify
from wireproto.serialize import to_json, verdict_json
from wireproto.values.quoting import quoted

if TYPE_CHECKING:
    from wireproto.audit.counting import Counts
    from wireproto.audit.work import Audit

_RATE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(%?)\s*")


@shared.guarded
def classify_command(
    file: shared.FileArgument = "-",
    dialect: shared.DecodedOption = "auto",
    tools: shared.ToolsOption = None,
    salt: shared.SaltOption = None,
    finish_reason: shared.FinishOption = None,
    reasoning_open: shared.ReasoningOption = False,
    format: shared.FormatOption = shared.Format.text,
) -> int:
    """Say in one word what a whole model output is.

    Prints its label, the reasons, and the calls that could be recovered.
    """
    one_stdin(file, tools)
    chosen, offered = load_decoded(dialect, salt), load_tools(tools)
    text, clean = read_text(file)
    verdict = classify(text, chosen, offered, finish_reason=finish_reason, reasoning_open=reasoning_open)
    if format is shared.Format.json:
        print_json(verdict_json(verdict))
    else:
        from wireproto.cli import terminal

        terminal.print_verdict(verdict)
    return shared.exit_code(verdict.reasons, clean)


@shared.guarded
def audit_command(
    logs: Annotated[list[str], typer.Argument(metavar="LOGS...", help="JSON lines, or Parquet files.")],
    dialect: shared.DecodedOption = "auto",
    tools: shared.ToolsOption = None,
    salt: shared.SaltOption = None,
    field: Annotated[
        str | None, typer.Option(metavar="NAME", help="The field with the output; a.b is field b of field a.")
    ] = None,
    time_field: Annotated[str | None, typer.Option(metavar="NAME", help="The field with the time.")] = None,
    tools_field: Annotated[str, typer.Option(metavar="NAME", help="The field with the tools.")] = "tools",
    finish_field: Annotated[
        str, typer.Option(metavar="NAME", help="The field that says why the output ended.")
    ] = "finish_reason",
    group_field: Annotated[
        str, typer.Option(metavar="NAME", help="The field that is equal in all events of one message.")
    ] = "message_id",
    jobs: Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=0, help="Processes; 0: one per core.")] = 0,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as one HTML page.")] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the counts as JSON.")] = None,
    fail_over: Annotated[
        str | None,
        typer.Option(metavar="P", help="Exit with 1 if a larger share of the outputs with calls failed: 5% or 0.05."),
    ] = None,
    fail_unread: Annotated[
        str | None, typer.Option(metavar="P", help="Exit with 1 if a larger share of the records could not be read.")
    ] = None,
) -> int:
    """Count calls and failures in logs.

    Prints the counts of calls, failures, labels and tools. If no output at all could be read, it exits with 1.
    """
    # Processes and their queues are not loaded for every command.
    from wireproto.audit.outputs import FieldNames
    from wireproto.audit.work import Settings, audit, total
    from wireproto.audit.workers import AuditError

    limit, unread = _share("--fail-over", fail_over), _share("--fail-unread", fail_unread)
    fields = FieldNames(field, time_field, tools_field, finish_field, group_field)
    settings = Settings(load_decoded(dialect, salt), load_tools(tools), fields)
    try:
        with _progress(total(logs)) as advance:
            found = audit(logs, settings, jobs or os.cpu_count() or 1, advance)
    except AuditError as error:
        raise Complaint(str(error)) from None
    _write(found, html, json)
    from wireproto.cli import terminal

    problems = [*_problems(found.counts, limit, unread)]
    terminal.print_audit(found, problems)
    return shared.DEFECTS if problems else shared.FINE


def _problems(counts: Counts, limit: float, unread: float) -> Iterator[str]:
    """Yield what makes an audit fail, in words."""
    if not counts.outputs:
        yield "no output was read"
    if counts.unread_rate > unread:
        yield f"{100 * counts.unread_rate:.1f} % of the records could not be read, more than {100 * unread:g} %"
    if counts.rate > limit:
        yield f"{100 * counts.rate:.1f} % of the outputs with calls failed, more than {100 * limit:g} %"


def _share(option: str, text: str | None) -> float:
    """Return the share that an option gives; all, if it is not given."""
    if text is None:
        return 1.0
    found = _RATE.fullmatch(text)
    share = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= share <= 1:
        raise Complaint(f"{option}: expected a share such as 5% or 0.05, not {quoted(text)}")
    return share


@contextmanager
def _progress(size: int) -> Iterator[Callable[[int], None]]:
    """Show at a terminal how many of `size` bytes are done; yield the function that adds to them."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    from wireproto.cli.terminal import console

    out, seen = console(errors()), errors().isatty()
    with Progress(*columns, console=out, disable=not seen, transient=True) as progress:
        task = progress.add_task("", total=size)
        yield lambda more: progress.advance(task, more)


def _write(found: Audit, html: Path | None, json: Path | None) -> None:
    from wireproto.audit.report import as_data, as_html

    if json is not None:
        json.write_text(to_json(as_data(found), indent=2) + "\n", encoding="utf-8", newline="\n")
    if html is not None:
        html.write_text(as_html(found), encoding="utf-8", newline="\n")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    example = shared.example
    app.command("classify", epilog=example("wireproto classify output.txt --tools tools.json"))(classify_command)
    app.command("audit", epilog=example("wireproto audit *.jsonl --html report.html --fail-over 5%"))(audit_command)
