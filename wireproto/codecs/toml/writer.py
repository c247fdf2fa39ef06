"""Plain data as TOML, and a call as the statements that the reader takes back.

Every value stands on one line but for strings that hold line breaks. Law: `tomli` and the reader take back what was
written, whatever the characters; null, which TOML lacks, is the table `{"$null" = true}`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from wireproto.codecs.toml.text import Path, path_of
from wireproto.format.dialect import Dialect
from wireproto.tools.toolset import Tool
from wireproto.values.model import Call

NULL: Final = "$null"

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
# What the reader of a raw string would take for something else: its delimiter, other line breaks, control characters.
_NOT_RAW: Final = re.compile(r"'''|'\Z|[\x00-\x08\x0b-\x1f\x7f]")
_ESCAPED: Final = re.compile(r'["\\\x00-\x1f\x7f]')
_ESCAPED_IN_LINES: Final = re.compile(r'"(?="")|"\Z|[\\\x00-\x08\x0b-\x1f\x7f]')
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def root_of(dialect: Dialect) -> Path:
    """Return the path of the table that is a call: what stands in the double brackets of its header."""
    header = dialect.call.open.format().strip()
    return (header.startswith("[[") and path_of(header[2:-2])) or ()


def write_call(dialect: Dialect, call: Call, tool: Tool, index: int, escaped: bool) -> str:
    """Write one call: its header, its name and id, and the table of its arguments if there are any."""
    del tool, index, escaped  # TOML types its values, counts nothing and has escapes of its own
    record = dialect.record
    out = [dialect.call.open.format(), f"{record.name[0]} = {write_line(call.name)}\n"]
    if call.id is not None:
        out.append(f"{record.id[0]} = {write_line(call.id)}\n")
    if call.arguments:
        out.append(f"\n[{write_path((*root_of(dialect), record.arguments[0]))}]\n")
    for key, value in call.arguments.items():
        out.append(f"{write_key(key)} = {write_string(value) if isinstance(value, str) else write_value(value)}\n")
    return "".join(out)


def write_path(path: Path) -> str:
    """Write a key of several parts."""
    return ".".join(map(write_key, path))


def write_key(key: str) -> str:
    """Write one part of a key, bare where TOML allows it."""
    return key if _BARE.fullmatch(key) else write_line(key)


def write_string(text: str) -> str:
    """Write a string: over several lines if it has several, and raw then if that is possible."""
    if "\n" not in text:
        return write_line(text)
    if _NOT_RAW.search(text) is None:
        return f"'''\n{text}'''"
    return f'"""\n{_ESCAPED_IN_LINES.sub(_escape, text)}"""'


def write_line(text: str) -> str:
    """Write a string on one line."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def write_value(value: Any) -> str:
    """Write a value that is nested no deeper than the encoder allows, on one line."""
    if value is None:
        return f'{{"{NULL}" = true}}'
    if isinstance(value, str):
        return write_line(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{write_key(key)} = {write_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write_value, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04x}"
