"""The texts that are measured: real source code as one argument of a call, in every dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import wireproto as wp

KEY = "content"
TOOLS: list[dict[str, Any]] = [
    {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string"}, KEY: {"type": "string"}},
            "required": ["path", KEY],
        },
    }
]
_SEED = "zqz"
_SALT = "k7q2"


@dataclass(frozen=True)
class Output:
    """One call in one dialect; `start` and `end` bound the argument's own characters in `text`."""

    dialect: str
    codec: str
    value: str
    text: str
    start: int
    end: int

    @property
    def argument(self) -> str:
        """The argument as it stands in the text, escapes included."""
        return self.text[self.start : self.end]


def subjects() -> list[str]:
    """Return what is measured: every dialect, and each that can be salted with a salt too."""
    names = wp.dialects()
    return [*names, *(f"{name}+{_SALT}" for name in names if wp.dialect(name).salt)]


@cache
def subject(label: str) -> wp.Dialect:
    """Return the dialect of a label: its name, and its salt behind a plus sign."""
    name, _, salt = label.partition("+")
    return wp.dialect(name).salted(salt) if salt else wp.dialect(name)


@cache
def source_code(size: int) -> str:
    """Return `size` characters of the standard library's own source: plain ASCII, one newline convention."""
    folder = Path(json.__file__).parent.parent
    texts: list[str] = []
    length = 0
    for path in sorted(folder.glob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if text.isascii() and "\r" not in text:
            texts.append(text)
            length += len(text)
    whole = "".join(texts)
    return (whole * (size // length + 1))[:size]


def output(name: str, value: str) -> Output:
    """Write a file of this content in a dialect, and say where the content stands."""
    # The blanks next to a value belong to whichever side a dialect puts them on; a seed shows which. Like source code
    # it has several lines and both kinds of quotes, since some formats choose their delimiters by these.
    seeded = _encoded(name, f"{_SEED}\n'''\"\"\"\n{_SEED}")
    head, tail = seeded[: seeded.index(_SEED)], seeded[seeded.rindex(_SEED) + len(_SEED) :]
    text = _encoded(name, value)
    assert text.startswith(head) and text.endswith(tail)
    return Output(name, subject(name).codec, value, text, len(head), len(text) - len(tail))


def many_arguments(name: str, count: int) -> tuple[str, list[dict[str, Any]]]:
    """Write a call of so many short arguments; return its text and its tool."""
    arguments = {f"key{index}": f"value {index}" for index in range(count)}
    properties = {key: {"type": "string"} for key in arguments}
    tools = [{"name": "write_file", "parameters": {"type": "object", "properties": properties}}]
    return wp.encode([wp.Call("write_file", arguments)], subject(name), tools=tools), tools


def pieces(text: str, size: int) -> Iterator[str]:
    """Cut a text into pieces of `size` characters."""
    return (text[at : at + size] for at in range(0, len(text), size))


def _encoded(name: str, value: str) -> str:
    return wp.encode([wp.Call("write_file", {"path": "a.py", KEY: value})], subject(name), tools=TOOLS)
