"""Nested data as elements: `<field name="k">` for the members of an object, `<item>` for the elements of an array.

The type of an element is its `type` attribute, else what the schema declares, else its first child shows it; text of no
type is a string. The reader takes text that nobody escaped, like that of an argument. It knows nothing of calls. Law:
`read` gives back what `writer.write_value` wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Union

from wireproto.format.dialect import Dialect
from wireproto.format.template import Template
from wireproto.text.scan import Match
from wireproto.text.xml_text import CDATA_CLOSE, CDATA_OPEN, decode
from wireproto.tools.toolset import Tool, Typed

_BLANKS = re.compile(r"[ \t\r\n]*")
Container = Union[dict[str, Any], list[Any]]


class NotATree(Exception):
    """The text is not made of the elements that its type asks for."""


class TreeTooDeep(Exception):
    """The elements are nested deeper than allowed."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A value, and the first thing in it that has not the declared type."""

    value: Container
    problem: str = ""


@dataclass(slots=True)
class _Frame:
    """An object or array that is open: what its members are declared as, and its place in its parent."""

    value: Container
    tool: Tool
    key: str = ""
    close: str = ""

    def put(self, key: str, value: Any) -> None:
        if isinstance(self.value, dict):
            self.value[key] = value
        else:
            self.value.append(value)


def read(dialect: Dialect, text: str, kind: str, tool: Tool, key: str, max_depth: int) -> Tree | None:
    """Read the elements in an argument of this declared or written type; None if it holds none.

    Raises:
        NotATree: it holds elements and something else.
        TooDeep: they are nested deeper than `max_depth`.
    """
    reader = _TreeReader(dialect, text)
    start = reader.blank(0)
    found = reader.container(kind, start, len(text))
    if found is None:
        return None
    tool = tool.within(key) if isinstance(found, dict) else tool.elements(key)
    reader.read(_Frame(found, tool), start, max_depth)
    return Tree(found, reader.problem)


class _TreeReader:
    """Walks over the elements of one value without recursion."""

    def __init__(self, dialect: Dialect, text: str) -> None:
        argument = dialect.argument
        assert argument.member is not None and argument.element is not None
        self._text = text
        self._member, member_close = argument.member
        self._element, element_close = argument.element
        self._closers = (member_close.format(), element_close.format())
        self.problem = ""

    def blank(self, at: int) -> int:
        """Return the first position from `at` that is not blank."""
        found = _BLANKS.match(self._text, at)
        return found.end() if found is not None else at

    def container(self, kind: str, at: int, end: int) -> Container | None:
        """Return what a value is whose children begin at `at` and end at `end` at the latest: {}, [] or neither."""
        if kind not in ("", "object", "array"):
            return None
        if kind and (at >= end or self._text.startswith(self._closers, at)):
            return {} if kind == "object" else []
        if kind != "array" and self._opens(self._member, at):
            return {}
        return [] if kind != "object" and self._opens(self._element, at) else None

    def _opens(self, template: Template, at: int) -> bool:
        return isinstance(template.match(self._text, at, len(self._text)), Match)

    def read(self, root: _Frame, at: int, max_depth: int) -> None:
        """Fill the root from `at` to the end of the text."""
        text, stack = self._text, [root]
        while (at := self.blank(at)) < len(text) or len(stack) > 1:
            frame = stack[-1]
            if frame.close and text.startswith(frame.close, at):
                stack.pop()
                stack[-1].put(frame.key, frame.value)
                at += len(frame.close)
                continue
            index = 0 if isinstance(frame.value, dict) else 1
            found = (self._member, self._element)[index].match(text, at, len(text))
            if not isinstance(found, Match):
                noun = ("a member", "an element")[index]
                raise NotATree(f"{noun} is missing at character {at} of the value")
            key, close = found.slots.get("key", ""), self._closers[index]
            if isinstance(frame.value, list):
                key = frame.tool.element(len(frame.value))
            inner = None if found.closed else self._inner(found, key, close, frame.tool)
            if inner is None:
                at = self._leaf(found, key, close, frame)
                continue
            if len(stack) >= max_depth:
                raise TreeTooDeep(f"nested deeper than {max_depth}")
            stack.append(inner)
            at = found.end

    def _inner(self, found: Match, key: str, close: str, tool: Tool) -> _Frame | None:
        value = self.container(found.slots.get("type", ""), self.blank(found.end), len(self._text))
        if value is None:
            return None
        return _Frame(value, tool.within(key) if isinstance(value, dict) else tool.elements(key), key, close)

    def _leaf(self, found: Match, key: str, close: str, frame: _Frame) -> int:
        """Read an element that holds text; return where it ends."""
        end = found.end if found.closed else self._leaf_end(found.end, close)
        kind = found.slots.get("type", "")
        empty = self.container(kind, end, end) if found.closed else None
        text = decode(self._text[found.end : end])
        typed = Typed(empty) if empty is not None else _typed(frame.tool, key, text, kind)
        if typed.code == "type-mismatch" and not self.problem:
            self.problem = typed.message
        frame.put(key, typed.value)
        return end if found.closed else end + len(close)

    def _leaf_end(self, at: int, close: str) -> int:
        """Return where the closer is that another element, a closer or the end follows."""
        text = self._text
        at = self._behind_cdata(at)
        while (found := text.find(close, at)) >= 0:
            after = self.blank(found + len(close))
            follows = after == len(text) or text.startswith(self._closers, after)
            if follows or self._opens(self._member, after) or self._opens(self._element, after):
                return found
            at = found + 1
        raise NotATree(f"{close} is missing")

    def _behind_cdata(self, at: int) -> int:
        text = self._text
        while (special := text.find("<", at)) >= 0 and text.startswith(CDATA_OPEN, special):
            end = text.find(CDATA_CLOSE, special)
            if end < 0:
                break
            at = end + len(CDATA_CLOSE)
        return at


def _typed(tool: Tool, key: str, text: str, kind: str) -> Typed:
    if not kind:
        return tool.decode(key, text)
    return tool.decode_string(key, text) if kind == "string" else tool.decode_json(key, text)
