"""The user's own outputs, from which a fuzz run starts: logs of any shape that an audit reads, and plain texts.

It must not decode anything. Law: the same files give the same outputs in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from wireproto.audit.outputs import BadRecord, FieldNames, Folding, Output, is_event, outputs
from wireproto.audit.work import parts, records
from wireproto.audit.workers import AuditError
from wireproto.tools.loading import definitions_in
from wireproto.tools.toolset import Toolset
from wireproto.values.errors import SchemaError

_LOGS: Final = (".jsonl", ".ndjson", ".json", ".parquet", ".pq")
MOST: Final = 5_000  # outputs; each process holds them all
LONGEST: Final = 8_000  # characters of one, since each law decodes it several times
Seed = dict[str, Any]


def seeds(paths: list[Path]) -> list[Seed]:
    """Return the outputs of files and folders: `text`, and `tools` and `finish_reason` where they are known.

    A longer output is cut, and no more are read than a run can use.

    Raises:
        AuditError: a file cannot be opened, or none holds an output.
    """
    found = list(islice(_every(paths), MOST))
    if not found:
        raise AuditError(f"{', '.join(map(str, paths))}: no output was read")
    return found


def _every(paths: list[Path]) -> Iterator[Seed]:
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                yield from _logged(str(file)) if file.suffix in _LOGS else _plain(file)


def _plain(file: Path) -> Iterator[Seed]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise AuditError(f"{file}: {error.strerror}") from None
    if text.strip():
        yield {"text": text[:LONGEST]}


def _logged(path: str) -> Iterator[Seed]:
    for part in parts([path]):
        folding = Folding(FieldNames())
        for load in records(part):
            try:
                record: Any = load() if load is not None else None
                found = folding.take(record) if is_event(record) else outputs(record, FieldNames())
                yield from map(_seed, filter(_spoken, found))
            except BadRecord:
                continue  # an audit says why
        yield from map(_seed, filter(_spoken, folding.end()))


def _spoken(output: Output) -> bool:
    return bool(output.text.strip())


def _seed(output: Output) -> Seed:
    known = {"tools": _tools(output.tools), "finish_reason": output.finish_reason}
    return {"text": output.text[:LONGEST]} | {key: value for key, value in known.items() if value is not None}


def _tools(given: Any) -> list[Any] | None:
    """Return the tools of a record, as a list; None where they are no definitions."""
    tools = definitions_in(given)
    try:
        Toolset.of(tools)
    except SchemaError:
        return None
    return [*tools] if tools else None
