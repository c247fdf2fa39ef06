"""A call as the statements of a TOML table that the reader takes back, and its layout for the grammar.

A value is written on one line, except a string with line breaks. Law: a TOML parser and the reader take back what
was written; null, which TOML lacks, is the table `{"$null" = true}`.
"""

from __future__ import annotations

from typing import Any, Final

from wireproto.codecs.toml.text import Path, path_of
from wireproto.format.dialect import Dialect
from wireproto.text.toml_strings import write_key, write_line, write_path, write_string
from wireproto.tools.toolset import Tool
from wireproto.values.model import Call

NULL: Final = "$null"
EQUALS: Final = " = "


def root_of(dialect: Dialect) -> Path:
    """Return the path of the table that is a call: what stands in the double brackets of its header."""
    header = dialect.call.open.format().strip()
    return (header.startswith("[[") and path_of(header[2:-2])) or ()


def write_name(dialect: Dialect, name: str) -> str:
    """Write the statement that names the tool."""
    return f"{dialect.record.name[0]}{EQUALS}{write_line(name)}\n"


def write_table_header(dialect: Dialect) -> str:
    """Write the header of the table of the arguments, which is left out where there are none."""
    return f"\n[{write_path((*root_of(dialect), dialect.record.arguments[0]))}]\n"


def write_call(dialect: Dialect, call: Call, tool: Tool, index: int, escaped: bool) -> str:
    """Write one call: its header, its name and id, and the table of its arguments."""
    del tool, index, escaped  # TOML types its values, counts nothing and has escapes of its own
    out = [dialect.call.open.format(), write_name(dialect, call.name)]
    if call.id is not None:
        out.append(f"{dialect.record.id[0]}{EQUALS}{write_line(call.id)}\n")
    if call.arguments:
        out.append(write_table_header(dialect))
    for key, value in call.arguments.items():
        text = write_string(value) if isinstance(value, str) else write_value(value)
        out.append(f"{write_key(key)}{EQUALS}{text}\n")
    return "".join(out)


def write_value(value: Any) -> str:
    """Write a value that is nested no deeper than the encoder allows, on one line."""
    if value is None:
        return f"{{{write_line(NULL)}{EQUALS}true}}"
    if isinstance(value, str):
        return write_line(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{write_key(key)}{EQUALS}{write_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write_value, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
