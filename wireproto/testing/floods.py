"""Long texts of one repeated piece: where a decoder that looks back too often gets slow.

Law: the texts of one flood differ only in how often the piece stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from wireproto.format.dialect import Dialect
from wireproto.values.model import Call
from wireproto.write.encoder import encode

WRITE_FILE: dict[str, Any] = {
    "name": "write_file",
    "parameters": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path", "content"],
    },
}
_SEED = "zqz"
Flood = tuple[str, list[dict[str, Any]]]


def units(dialect: Dialect) -> list[str]:
    """Return every marker of a dialect and every beginning of one: each may be what a decoder looks back at."""
    return [*dict.fromkeys(marker[:end] for marker in dialect.markers for end in range(len(marker), 0, -1))]


def floods(dialect: Dialect, pieces: Iterable[str] | None = None) -> Iterator[tuple[str, Callable[[int], Flood]]]:
    """Yield (what it is, how to make it of a size, with its tools): in a value, outside calls, many arguments.

    `pieces`: what is repeated; the markers if None.
    """
    # A value of two lines: some formats write a single line in another way, which no long text has.
    whole = encode([Call("write_file", {"path": "a", "content": f"{_SEED}\n{_SEED}"})], dialect, tools=[WRITE_FILE])
    head, tail = whole[: whole.index(_SEED)], whole[whole.rindex(_SEED) + len(_SEED) :]
    inside = ["word ", "\n", " ", "<", "`", "\\n", *(dialect.markers if pieces is None else pieces)]
    for piece in inside:
        yield f"a value of {piece!r}", partial(_repeated, head, piece, tail)
    for piece in [*inside, "{", "[", '{"name": ', "\n```\n", head, whole]:
        yield f"a text of {piece!r}", partial(_repeated, "", piece, "")
    yield "many arguments", partial(_many_arguments, dialect)


def _repeated(head: str, piece: str, tail: str, size: int) -> Flood:
    return head + piece * (size // len(piece)) + tail, [WRITE_FILE]


def _many_arguments(dialect: Dialect, size: int) -> Flood:
    arguments = {f"key{index}": "v" for index in range(size // 40)}
    schema = {"type": "object", "properties": {key: {"type": "string"} for key in arguments}}
    tools = [{"name": "write_file", "parameters": schema}]
    return encode([Call("write_file", arguments)], dialect, tools=tools), tools
