"""What `wireproto fuzz` shows to people: counts by law and by dialect while it runs, and the findings at the end.

It must not know where the counts came from. Law: as in `terminal.py`, no character that was drawn acts on a terminal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Group
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from wireproto.cli.terminal import ARGUMENT_CHARS, console, plain, shorten
from wireproto.cli.writer import errors
from wireproto.fuzz.findings import Breakage, Tally

_SHOWN: Final = 0.25  # seconds between two pictures


@contextmanager
def live(runs: int | None, seconds: float | None) -> Iterator[Callable[[Tally], None]]:
    """Show a run at a terminal while it goes on; yield the function that is told of its counts."""
    shown = 0.0
    with Live(console=console(errors()), auto_refresh=False, transient=True) as screen:

        def watch(tally: Tally) -> None:
            nonlocal shown
            if time.monotonic() - shown >= _SHOWN:
                shown = time.monotonic()
                of = f" of {runs:,}" if runs else f", {tally.seconds:.0f} of {seconds:.0f} s" if seconds else ""
                screen.update(
                    Group(plain(f"{tally.outputs:,} outputs{of}, {tally.rate:.0f} a second"), *_tables(tally))
                )
                screen.refresh()

        yield watch


def print_tally(tally: Tally, saved: Path | None, codec: str | None = None) -> None:
    """Print the counts of a run, what it found, and how to judge that again."""
    out = console()
    sums = f"{tally.outputs:,} outputs in {tally.seconds:.1f} s ({tally.rate:.0f} a second)"
    out.print(plain(f"{sums}; {tally.broken:,} broke a law", "bold red" if tally.broken else "bold green"))
    if tally.note:
        out.print(plain(tally.note, "yellow"))
    for table in _tables(tally):
        out.print(table)
    for finding in tally.ordered():
        for line in _described(finding):
            out.print(line, soft_wrap=True)
    if saved is not None:
        again = "wireproto fuzz" + (f" --codec {codec}" if codec else "") + f" --replay {saved}"
        out.print(plain(f"saved in {saved}; to judge them again: {again}"), soft_wrap=True)


def _tables(tally: Tally) -> Iterator[Table]:
    for title, counts, broken in (
        ("law", tally.laws, tally.broken_laws),
        ("dialect", tally.dialects, tally.broken_dialects),
    ):
        numbers = (Column("outputs", justify="right"), Column("broken", justify="right"))
        table = Table(title, *numbers, box=box.SIMPLE_HEAD)
        for name in sorted({*counts, *broken}):
            table.add_row(plain(name), f"{counts[name]:,}", f"{broken[name]:,}", style="red" if broken[name] else "")
        yield table


def _described(finding: Breakage) -> Iterator[Text]:
    case = finding.case
    number, dialect, where = finding.kind
    times = f"{finding.count:,} times" if finding.count > 1 else "once"
    yield plain(f"law {number}, {case['law']['name']}, {dialect}: {where} ({times})", "bold")
    for name in ("text", "chunks", "tools", "finish_reason", "reasoning_open", "policy", "forced"):
        if name in case:
            yield plain(f"  {name}: {shorten(repr(case[name]), ARGUMENT_CHARS)}")
    for name in ("expected", "got"):
        yield plain(f"  {name}: {case[name]}")
