"""Logs split into parts, and the parts counted on all cores: JSON lines by ranges of bytes, Parquet by row groups.

It must not know what an output is. Law: every record belongs to exactly one part, wherever the files are split, and a
worker holds one record and its counts, never a file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader
from itertools import islice
from typing import Any, Literal

from wireproto.audit.counting import Counts, Location
from wireproto.audit.judging import judge
from wireproto.audit.outputs import BadRecord, FieldNames, Folding, Output, is_event, outputs
from wireproto.audit.workers import AuditError, Workers
from wireproto.format.dialect import Dialect
from wireproto.tools.toolset import Toolset
from wireproto.values.extras import require

PART = 8_000_000  # bytes: enough to keep a process busy for seconds
LONGEST = 64_000_000  # bytes of one line; a longer one is not read into memory
_SNIFFED = 1_000_000  # bytes of a file in which its first line is looked for
_ROWS = 64  # rows of Parquet that are in memory at once


@dataclass(frozen=True, slots=True)
class Settings:
    """How records are read and judged; `tools` are the definitions for outputs that bring none."""

    dialect: str | Dialect = "auto"
    tools: Any = None
    fields: FieldNames = FieldNames()  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a log: bytes of a file of lines or of events, or the row group `start` of a Parquet file."""

    path: str
    file: int
    number: int
    kind: Literal["lines", "events", "parquet"]
    start: int
    end: int
    size: int


@dataclass(slots=True)
class Audit:
    """The counts of all files. `lines` is how many lines or rows each part has, by file and part."""

    paths: tuple[str, ...]
    counts: Counts = field(default_factory=Counts)
    lines: dict[tuple[int, int], int] = field(default_factory=dict)

    def where(self, location: Location) -> str:
        """Return a location as people write it: the file, and the line or row from 1."""
        before = sum(self.lines.get((location.file, part), 0) for part in range(location.part))
        return f"{self.paths[location.file]}:{before + location.line}"


def audit(
    paths: Iterable[str], settings: Settings, jobs: int, progress: Callable[[int], None] = lambda size: None
) -> Audit:
    """Judge every output in the files, in `jobs` processes; `progress` gets the bytes of each finished part.

    It works from a script, a notebook and a prompt alike: no process imports what called it.

    Raises:
        AuditError: a file cannot be opened, or a process died.
        MissingExtra: a file is Parquet and pyarrow is not installed.
        SchemaError: the tools are not tool definitions.
    """
    found = Audit(tuple(paths))
    Toolset.of(settings.tools)
    for part, (counts, lines) in _results(parts(found.paths), settings, jobs):
        found.lines[part.file, part.number] = lines
        found.counts.merge(counts)
        progress(part.size)
    return found


def _results(every: Iterator[Part], settings: Settings, jobs: int) -> Iterator[tuple[Part, tuple[Counts, int]]]:
    if jobs == 1:
        yield from ((part, run(part, settings)) for part in every)
        return
    # The workers end first, so that no thread waits for one.
    with ThreadPoolExecutor(jobs) as pool, Workers(run, settings) as workers:
        running: dict[Future[tuple[Counts, int]], Part] = {}
        while True:
            running |= {pool.submit(workers.ask, part): part for part in islice(every, 2 * jobs - len(running))}
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()


# --- parts ------------------------------------------------------------------------------------------------------------


def total(paths: Iterable[str]) -> int:
    """Return the size of all files in bytes.

    Raises:
        AuditError: one of them cannot be opened.
    """
    return sum(_size(path) for path in paths)


def parts(paths: Iterable[str]) -> Iterator[Part]:
    """Yield the parts of the files, in their order."""
    for file, path in enumerate(paths):
        size = _size(path)
        if path.endswith((".parquet", ".pq")):
            groups = _parquet(path).num_row_groups
            yield from (Part(path, file, i, "parquet", i, i + 1, size // groups) for i in range(groups))
        elif _holds_events(path):
            yield Part(path, file, 0, "events", 0, size, size)
        else:
            for number, start in enumerate(range(0, size, PART)):
                end = min(start + PART, size)
                yield Part(path, file, number, "lines", start, end, end - start)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from None


def _holds_events(path: str) -> bool:
    """Return whether the first line is an event; then the lines of the file belong together."""
    try:
        with open(path, "rb") as file:
            start = file.read(_SNIFFED)
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from None
    try:
        return is_event(_loaded(start.lstrip().partition(b"\n")[0]))
    except BadRecord:
        return False


def _parquet(path: str) -> Any:
    require("parquet", "pyarrow", "pyarrow.parquet", purpose=f"{path}: Parquet")
    import pyarrow.parquet

    try:
        return pyarrow.parquet.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise AuditError(f"{path}: not a Parquet file: {error}") from None


# --- one part ---------------------------------------------------------------------------------------------------------


def run(part: Part, settings: Settings) -> tuple[Counts, int]:
    """Judge the outputs of one part; return the counts, and how many lines or rows it has."""
    counts, tools, folding = Counts(), Toolset.of(settings.tools), Folding(settings.fields)
    line = 0
    for line, load in enumerate(records(part), start=1):
        if load is None:
            continue
        counts.records += 1
        location = Location(part.file, part.number, line)
        try:
            record = load()
            if part.kind == "events" and not is_event(record):
                raise BadRecord("not an event")
            found = folding.take(record) if part.kind == "events" else outputs(record, settings.fields)
            _count(counts, found, location, tools, settings)
        except BadRecord as error:
            counts.miss(location, str(error))
    _count(counts, folding.end(), Location(part.file, part.number, line), tools, settings)
    return counts, line


def _count(counts: Counts, found: Iterable[Output], location: Location, tools: Toolset, settings: Settings) -> None:
    for number, output in enumerate(found):
        here = Location(location.file, location.part, location.line, number)
        counts.add(judge(output, tools, settings.dialect), here, output.day)


def records(part: Part) -> Iterator[Callable[[], Any] | None]:
    """Yield a function that reads each record of a part, or raises BadRecord; None for a blank line."""
    return _rows(part) if part.kind == "parquet" else _lines(part)


def _lines(part: Part) -> Iterator[Callable[[], Any] | None]:
    """Yield a function that reads each line that begins in the part; None for a blank line."""
    with open(part.path, "rb") as file:
        if part.start:
            file.seek(part.start - 1)
            _skip_line(file)
        while file.tell() < part.end:
            line = file.readline(LONGEST)
            whole = line.endswith(b"\n") or len(line) < LONGEST
            if not whole:
                _skip_line(file)
            too_long = partial(_unreadable, f"longer than {LONGEST} bytes")
            yield (partial(_loaded, line) if whole else too_long) if line.strip() else None


def _skip_line(file: BufferedReader) -> None:
    while (skipped := file.readline(LONGEST)) and not skipped.endswith(b"\n"):
        pass


def _loaded(line: bytes) -> Any:
    try:
        return json.loads(line)
    except UnicodeDecodeError:
        raise BadRecord("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadRecord(f"not JSON: {error.msg} in column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"JSON that cannot be read: {error}") from None


def _rows(part: Part) -> Iterator[Callable[[], Any]]:
    """Yield a function that reads each row of a row group."""
    try:
        for batch in _parquet(part.path).iter_batches(batch_size=_ROWS, row_groups=[part.start]):
            yield from (partial(_row, batch, row) for row in range(batch.num_rows))
    except (OSError, ValueError) as error:
        yield partial(_unreadable, f"the row group cannot be read: {error}")


def _row(batch: Any, row: int) -> Any:
    return batch.slice(row, 1).to_pylist()[0]


def _unreadable(reason: str) -> Any:
    raise BadRecord(reason)
