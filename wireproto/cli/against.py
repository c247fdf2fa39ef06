"""`wireproto fuzz --against`: another parser held against ours, and what is shown of it.

It only translates, like the rest of the command line. Law: no character of the other parser acts on a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.table import Table

from wireproto.cli import shared
from wireproto.cli.io import Complaint, load_dialect, print_json
from wireproto.cli.terminal import ARGUMENT_CHARS, console, plain, shorten
from wireproto.cli.writer import errors
from wireproto.format.registry import AUTO, dialects
from wireproto.format.registry import dialect as find_dialect
from wireproto.fuzz.against.differential import Comparison, against
from wireproto.fuzz.against.disagreements import CHUNKS
from wireproto.fuzz.against.peers import PeerError
from wireproto.fuzz.against.questions import BASES
from wireproto.fuzz.against.report import as_data, as_html, counts, line, of_basis
from wireproto.fuzz.plan import ALL
from wireproto.serialize import to_json

FILES = ("against.json", "against.html")


def compare(
    command: str,
    dialect: str,
    runs: int | None,
    seconds: float | None,
    seed: str,
    limit: float,
    folder: Path,
    format: shared.Format,
) -> int:
    """Ask another parser, write what came out into a folder, print it, and return the exit code."""
    if dialect == AUTO:
        raise Complaint("--against needs a dialect, or all: a parser is asked about one that it knows")
    chosen = [find_dialect(name) for name in dialects()] if dialect == ALL else [load_dialect(dialect)]
    try:
        with _progress(runs) as watch:
            found = against(command, chosen, runs, seconds, seed, limit, watch)
    except PeerError as error:
        raise Complaint(str(error)) from None
    save(found, folder)
    if format is shared.Format.json:
        print_json(as_data(found))
    else:
        show(found, folder)
    if found.interrupted:
        return shared.INTERRUPTED
    return shared.DEFECTS if found.wrong or found.disagreed or found.stopped else shared.FINE


@contextmanager
def _progress(runs: int | None) -> Iterator[Callable[[Comparison], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console(errors()), disable=not errors().isatty(), transient=True) as progress:
        task = progress.add_task("", total=runs)

        def watch(found: Comparison) -> None:
            shown = f"{found.wrong:,} read otherwise than written, {found.disagreed:,} damaged otherwise than by us"
            progress.update(task, completed=found.outputs, description=shown)

        yield watch


def save(found: Comparison, folder: Path) -> None:
    """Write the counts and the examples into a folder, as JSON and as a page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in zip(FILES, (to_json(as_data(found), indent=2) + "\n", as_html(found)), strict=True):
        (folder / name).write_text(content, encoding="utf-8", newline="\n")


def show(found: Comparison, folder: Path) -> None:
    """Print the counts by kind, and the smallest example of each."""
    out = console()
    name = f"{found.hello.name} {found.hello.version}"
    out.print(plain(f"{name}: {found.outputs:,} outputs in {found.seconds:.0f} s", "bold"))
    out.print(plain(f"{found.wrong:,} read otherwise than written; {found.disagreed:,} damaged otherwise than by us"))
    if found.stopped:
        out.print(plain(f"ended early: {found.stopped}", "yellow"))
    for basis, meaning in BASES.items():
        out.print(plain(f"\n{basis}: {meaning}", "bold"), soft_wrap=True)
        out.print(_table(found, basis))
        for example in of_basis(found, basis):
            out.print(plain(f"{example.kind}, {example.question.dialect.name}", "red"))
            rows = {"text": repr(example.question.trial.text)}
            if example.manner == CHUNKS:
                rows["chunks"] = repr(list(example.question.trial.chunks))
            for label, shown in (rows | {"expected": line(example.expected), "found": line(example.found)}).items():
                out.print(plain(f"  {label}: {shorten(shown, ARGUMENT_CHARS)}"), soft_wrap=True)
    out.print(plain(f"\nsaved in {folder}: {', '.join(FILES)}"), soft_wrap=True)


def _table(found: Comparison, basis: str) -> Table:
    heads, rows = counts(found, basis)
    table = Table(box=box.SIMPLE_HEAD)
    for at, head in enumerate(heads):
        # A long head is broken into words rather than cut off.
        table.add_column(head.replace("-", " "), justify="right" if at else "left")
    for row in rows:
        table.add_row(*row)
    return table
