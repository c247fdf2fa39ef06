"""What the command line reads and prints: files as text and JSON, dialects and tools by name, JSON and text out.

It must not know any command. Law: bytes that are not UTF-8 are reported once, with the offset, and do not stop it.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
import warnings
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from wireproto.cli.writer import errors, output
from wireproto.format.detection import by_name
from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO
from wireproto.format.registry import dialect as find_dialect
from wireproto.serialize import event_json, to_json
from wireproto.text.json_strings import is_unicode
from wireproto.text.numbers import decimal, floated
from wireproto.tools.loading import definitions_in
from wireproto.values.errors import DialectError
from wireproto.values.events import Event
from wireproto.write.results import ToolResult

STDIN = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


class Complaint(Exception):
    """An error that the user has to correct: one line on stderr, exit code 2."""


def complain(message: str) -> None:
    """Print a message on stderr as one line, whatever line breaks it has."""
    line = "; ".join(part.strip() for part in message.splitlines() if part.strip())
    errors().write(f"wireproto: {line}\n")


# --- reading ----------------------------------------------------------------------------------------------------------


class Utf8:
    """Decodes bytes as they arrive; reports bytes that are not UTF-8 once, with the offset."""

    def __init__(self, name: str) -> None:
        self.ok = True
        self._name = name
        self._seen = 0
        self._strict = codecs.getincrementaldecoder("utf-8")("strict")
        self._lenient = codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, data: bytes, final: bool = False) -> str:
        """Return the text that is complete now; the bytes of an incomplete character are kept."""
        if self.ok:
            self._check(data, final)
        return self._lenient.decode(data, final)

    def _check(self, data: bytes, final: bool) -> None:
        held = len(self._strict.getstate()[0])
        try:
            self._strict.decode(data, final)
        except UnicodeDecodeError as error:
            self.ok = False
            complain(f"{self._name}: not UTF-8 at byte {self._seen - held + error.start}; replaced by U+FFFD")
        self._seen += len(data)


def stdin() -> io.BufferedReader:
    """Return standard input as bytes."""
    if sys.stdin is None:
        raise Complaint("standard input is closed")
    return cast(io.BufferedReader, sys.stdin.buffer)


def one_stdin(*files: str | None) -> None:
    """Refuse more than one input from standard input, which can be read once."""
    if sum(file in STDIN for file in files) > 1:
        raise Complaint("standard input can be only one of the inputs; give the other as a file")


def read_text(file: str) -> tuple[str, bool]:
    """Return the text of a file or of standard input (`-`), and whether it was UTF-8."""
    data = stdin().read() if file == "-" else Path(file).read_bytes()
    utf8 = Utf8("standard input" if file == "-" else file)
    return utf8.decode(data, final=True), utf8.ok


def read_json(file: str, exact: bool = False) -> Any:
    """Return the JSON value in a file or on standard input; `exact`: fractions that no float holds are `Decimal`."""
    name = "standard input" if file == "-" else file
    data = stdin().read() if file == "-" else Path(file).read_bytes()
    try:
        return json.loads(data.decode("utf-8-sig"), parse_float=_fraction if exact else None)
    except UnicodeDecodeError as error:
        raise Complaint(f"{name}: not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise Complaint(f"{name}: not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise Complaint(f"{name}: JSON that cannot be read: {error}") from None


def _fraction(spelled: str) -> float | Decimal:
    number = decimal(spelled)
    rounded, is_other = floated(number)
    return number if is_other else rounded


def load_dialect(name: str, salt: str | None = None) -> Dialect:
    """Return the dialect of this name, in this TOML file or of this model, with the salt in its markers."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        dialect = Dialect.load(name) if name.endswith(".toml") else _by_name(name)
    for each in told:
        complain(str(each.message))
    return dialect if salt is None else dialect.salted(salt)


def _by_name(name: str) -> Dialect:
    try:
        return find_dialect(name)
    except DialectError as error:
        unknown = error
    try:
        return by_name(name)
    except DialectError:
        if "/" in name or os.sep in name:
            return Dialect.load(name)
    raise unknown


def load_decoded(name: str, salt: str | None = None) -> Dialect | str:
    """Return the dialect of a text, or "auto" if the decoder has to find out."""
    if name != AUTO:
        return load_dialect(name, salt)
    if salt is not None:
        raise Complaint(f"--salt needs the name of a dialect; it does not work with {AUTO!r}")
    return name


def load_both(source: str, target: str, salt: str | None) -> tuple[Dialect | str, Dialect]:
    """Return two dialects, with the salt in the markers of those that support it; an error if neither does."""
    if source == AUTO:
        return load_decoded(source, salt), load_dialect(target)
    one, other = load_dialect(source), load_dialect(target)
    if salt is None:
        return one, other
    salted = one.salted(salt) if one.salt or not other.salt else one
    return salted, other.salted(salt) if other.salt else other


def load_tools(file: str | None) -> list[Any] | None:
    """Return the tool definitions in a file; None without a file."""
    if file is None:
        return None
    tools = definitions_in(read_json(file))
    if not isinstance(tools, list):
        raise Complaint(f'{file}: expected a JSON list of tools, one tool, or an object with a "tools" list')
    return tools


def load_results(file: str) -> list[ToolResult]:
    """Return the results in a JSON file: a list of objects, or one."""
    value = read_json(file)
    return [_result(item, f"results[{i}]") for i, item in enumerate(value if isinstance(value, list) else [value])]


def _result(value: Any, where: str) -> ToolResult:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or "content" not in value:
        raise Complaint(f'{where}: expected an object with a "name" and a "content"')
    identity, error = value.get("id"), value.get("error", False)
    if not isinstance(identity, str | None):
        raise Complaint(f"{where}.id: expected a string or null")
    if not isinstance(error, bool):
        raise Complaint(f"{where}.error: expected true or false")
    return ToolResult(value["name"], value["content"], identity, error)


# --- writing ----------------------------------------------------------------------------------------------------------


def print_json(value: Any) -> None:
    """Print JSON: indented for a person, on one line for a program."""
    out = output()
    out.write(to_json(value, indent=2 if out.isatty() else None) + "\n")


def print_events(events: Iterable[Event]) -> None:
    """Print each event as a line of its own, and flush it."""
    for event in events:
        output().write(to_json(event_json(event)) + "\n")
        output().flush()


def print_text(text: str) -> None:
    """Print text exactly; at a terminal, what would act is spelled out and a line break follows."""
    if not is_unicode(text):
        raise Complaint("the text has half of a surrogate pair, which UTF-8 cannot encode")
    out = output()
    if out.isatty():
        out.write(f"{text}\n")
    else:
        out.exact(text)
