"""Results of tools as text for the next turn, in the form that the dialect's file gives.

It knows no format and no chat template. Law: a result is written whole and ends where it ends: content that would end
it earlier is escaped, and no content is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wireproto.format.alphabet import ALPHABETS
from wireproto.format.dialect import Dialect, ResultShape
from wireproto.format.registry import dialect as find_dialect
from wireproto.text.json_repair import dumps
from wireproto.text.toml_strings import write_line, write_string
from wireproto.text.xml_text import ESCAPES, escape, escape_attribute
from wireproto.values.errors import EncodeError
from wireproto.values.quoting import quoted
from wireproto.write.ids import new_id

# What a name or an id may not hold where nothing is escaped: brackets, quotes and bars make markers.
_UNSAFE = re.compile(r"""[<>\[\]{}"'`|\\｜]""")
_HOLE = re.compile(r"\{(name|id|index|content|error)\}")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool returned.

    `name` is the tool's. `content` is text or any JSON value. `id` is that of the call, if it has one. `error`: the
    tool failed, and `content` says how; a format that does not mark errors gives the content alone.
    """

    name: str
    content: Any
    id: str | None = None
    error: bool = False


def render_results(results: Sequence[ToolResult], dialect: str | Dialect) -> str:
    """Write the results of a turn's calls, in the order of the calls, for the message that answers them.

    Returns what is between the turn's markers, which a chat template writes. If a format gives each result a turn of
    its own, the markers between two of them are included. Content that is no string is written as JSON. An id that the
    format needs and a result lacks is made as `encode` makes it, where the form of ids tells how.

    No content is refused. What would end the result inside it is escaped: in XML and TOML as these do it, in JSON as
    `\\u003c`, and in plain text by a character reference for its first character, `&lt;/tool_response>`.

    Raises:
        EncodeError: the content is not JSON; the format cannot carry the name or the id, or needs an id, which
            `new_id` makes; or it has no form for results. Names the result, and the id.
        DialectError: the dialect is unknown.
        TypeError: `results` is no list of `ToolResult`.
    """
    spec = find_dialect(dialect)
    shape = spec.result
    if shape is None:
        raise EncodeError(f"{spec.name} has no form for results; give its file a [result] table")
    if isinstance(results, (ToolResult, Mapping, str)):
        raise TypeError(f"render_results takes a list of wp.ToolResult, not {type(results).__name__}")
    out = [shape.open]
    items: Sequence[object] = results
    for index, result in enumerate(items):
        if not isinstance(result, ToolResult):
            raise TypeError(f"results[{index}] must be a wp.ToolResult(name, content), not {type(result).__name__}")
        try:
            holes = _holes(spec, shape, result, index)
        except ValueError as error:
            raise EncodeError(f"{spec.name} cannot carry result {index} ({quoted(result.name)}): {error}") from None
        if index:
            out.append(_fill(shape.join, holes))
        out.append(_fill(shape.each, holes))
    out.append(shape.close)
    return "".join(out)


def _fill(template: str, holes: dict[str, str]) -> str:
    """Fill all holes at once, so that nothing that was filled in is taken for a hole."""
    return _HOLE.sub(lambda hole: holes[hole[1]], template)


def _holes(dialect: Dialect, shape: ResultShape, result: ToolResult, index: int) -> dict[str, str]:
    wanted = set(_HOLE.findall(shape.each + shape.join))
    name = _label(shape, "name", result.name) if "name" in wanted else ""
    return {
        "name": name,
        "id": _id(dialect, shape, result, index) if "id" in wanted else "",
        "index": str(dialect.call.first_index + index),
        "error": shape.error if result.error else "",
        "content": _content(shape, result.content),
    }


def _id(dialect: Dialect, shape: ResultShape, result: ToolResult, index: int) -> str:
    """Return how the id is written: the id itself, or where it may be missing, the text that holds it."""
    if result.id is not None:
        text = _label(shape, "id", result.id)
        return _fill(shape.id, {"id": text}) if shape.id else text
    if shape.id:
        return ""
    if dialect.call.id:
        return new_id(dialect, index, result.name)
    raise ValueError("it needs the id of its call; where the call has none, give both wp.new_id(dialect, index)")


def _label(shape: ResultShape, role: str, text: str) -> str:
    """Spell a name or an id so that it cannot leave its place."""
    if shape.content == "xml":
        return escape_attribute(text)
    if shape.content == "toml":
        return write_line(text)
    if not ALPHABETS[role].fullmatch(text) and (not text.isprintable() or _UNSAFE.search(text) or not text.strip()):
        raise ValueError(f"the {role} of a result in this format cannot be {quoted(text)}")
    return text


def _content(shape: ResultShape, content: Any) -> str:
    is_json = shape.content == "json" or not isinstance(content, str)
    text = _json(content) if is_json else str(content)
    if shape.content == "xml":
        return escape(text)
    if shape.content == "toml":
        return _toml(shape, text)
    return _guarded(shape, text, is_json)


def _json(value: Any) -> str:
    try:
        return dumps(value)
    except TypeError as error:
        raise ValueError(f"its content is not JSON: {error}") from None


def _toml(shape: ResultShape, text: str) -> str:
    """Spell a string over several lines, unless one of them would look like a line of the markup."""
    markers = {line for line in (shape.open + shape.each + shape.close).splitlines() if line and not _HOLE.search(line)}
    forged = any(line.strip() in markers for line in text.splitlines())
    return write_line(text) if forged else write_string(text)


def _guarded(shape: ResultShape, text: str, is_json: bool) -> str:
    """Return text in which what would end the result before its end is escaped."""
    for marker in shape.guard:
        first = marker[0]
        # Outside its strings JSON has no such text, and in them every character has an escape.
        spelled = f"\\u{ord(first):04x}" if is_json else ESCAPES.get(first, f"&#{ord(first)};")
        text = text.replace(marker, spelled + marker[1:] if is_json or not shape.escape else shape.escape)
    if any(marker in text for marker in shape.guard):
        # A guard that a reference itself holds, such as a lone semicolon; no format of a model has one.
        raise ValueError("its content holds a guard that a character reference cannot hide; give result.escape")
    return text
