"""JSON as models write it: strict JSON first, then a ladder of named repairs.

It must not know tools, schemas, dialects or diagnoses; it sees one whole text and returns one value.

Law: a repair never guesses where a string ends, and never goes unnamed. Valid JSON has no repairs; what no rung
reaches is `Unreadable`, and no text whatever raises anything else. Time is linear, depth is bounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from math import isinf
from typing import Any, Final, NoReturn, Union

from wireproto.text import json_strings
from wireproto.text.numbers import MAX_DIGITS, MAY_BE_FRACTION, decimal, holds
from wireproto.values.exact_json import MAX_DEPTH, written

LADDER: Final = (
    "control-character",
    "trailing-comma",
    "python-literal",
    "single-quotes",
    "invalid-escape",
    "literal-newline",
    "missing-bracket",
    "trailing-bracket",
    "doubled-braces",
    "lone-surrogate",
)

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_MAY_BE_BLANK: Final = frozenset(" \t\n\r\\")
_BLANK: Final = re.compile(r"(?:[ \t\n\r]+|\\[ntr])*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_LITERAL: Final = re.compile(r"true|false|null|True|False|None")
_LITERALS: Final[dict[str, Any]] = {
    "true": True,
    "false": False,
    "null": None,
    "True": True,
    "False": False,
    "None": None,
}
_QUOTES: Final = ('"', "'")
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_AFTER_STRING: Final = frozenset(",:}]")
_CLOSERS: Final = {"[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Reading:
    """A value, and the names of the repairs that it took to read it, in the order of `LADDER`."""

    value: Any
    repairs: tuple[str, ...] = ()


class Unreadable(ValueError):
    """Text that is not JSON and that no safe repair makes JSON; `pos` is the index of the first offending character."""

    def __init__(self, msg: str, pos: int) -> None:
        super().__init__(f"{msg} (at character {pos})")
        self.msg = msg
        self.pos = pos


class TooDeep(Unreadable):
    """Text that is nested deeper than allowed."""


def loads(text: str, *, max_depth: int = MAX_DEPTH, decimals: bool = False) -> Reading:
    """Return the value that `text` spells and the repairs it took; raise `Unreadable` if there is none.

    `decimals`: numbers with a fraction or an exponent are `Decimal`, and no float.
    """
    try:
        value = (_EXACT if decimals else _STRICT).decode(text)
    except (ValueError, RecursionError):
        return _repaired(text, max_depth, decimals)
    if text.count("[") + text.count("{") > max_depth and is_deeper(value, max_depth):
        return _repaired(text, max_depth, decimals)
    if _ESCAPED_SURROGATE.search(text) and _has_surrogate(value):
        return _repaired(text, max_depth, decimals)
    return Reading(value)


def value_of(text: str) -> Any:
    """Return the value that `text` spells, repaired or not; None if there is none, or not all of one."""
    try:
        reading = loads(text)
    except Unreadable:
        return None
    return reading.value if "missing-bracket" not in reading.repairs else None


def exact(text: str, value: Any) -> Any:
    """Return the value that was read of `text`, with `Decimal` for its floats; itself if it holds none."""
    if MAY_BE_FRACTION.search(text) is None or not holds(value, float):
        return value
    try:
        return loads(text, max_depth=len(text), decimals=True).value
    except Unreadable:
        return value


def dumps(value: Any) -> str:
    """Return `value` as JSON with its characters unescaped; ValueError or TypeError for what JSON cannot carry.

    A `Decimal` is written with all its digits.
    """
    try:
        return _ENCODER.encode(value)
    except RecursionError:
        raise ValueError("the value is nested too deeply for JSON") from None
    except TypeError:
        return written(value)


def is_deeper(value: Any, limit: int) -> bool:
    """Return whether lists and objects nest deeper than `limit` in a value."""
    level = [value]
    for _ in range(limit + 1):
        level = [item for item in level if isinstance(item, (list, dict))]
        if not level:
            return False
        level = [child for item in level for child in _children(item)]
    return True


# What json.loads lets pass and we do not.


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("the number has too many digits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if isinf(value):
        raise ValueError("the number is too large")
    return value


# Built once: json.loads builds one on each call with hooks.
_STRICT: Final = json.JSONDecoder(parse_constant=_constant, parse_int=_integer, parse_float=_float)
_EXACT: Final = json.JSONDecoder(parse_constant=_constant, parse_int=_integer, parse_float=decimal)
_Fraction = Callable[[str], Union[float, Decimal]]


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _has_surrogate(value: Any) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str) and _SURROGATE.search(item):
            return True
        if isinstance(item, dict):
            todo.extend(item)
        todo.extend(_children(item))
    return False


# The tolerant parser. `used` collects the names of the rungs; positions only ever grow.


class _Open:
    """An array or object whose closing bracket has not been read."""

    __slots__ = ("closer", "container", "doubled", "key")

    def __init__(self, container: list[Any] | dict[str, Any], closer: str) -> None:
        self.container = container
        self.closer = closer
        self.doubled = False
        self.key = ""

    def add(self, value: Any) -> None:
        if isinstance(self.container, list):
            self.container.append(value)
        else:
            self.container[self.key] = value


def _repaired(src: str, max_depth: int, decimals: bool) -> Reading:
    fraction: _Fraction = decimal if decimals else _float
    used: set[str] = set()
    # A stack of our own: the caller chooses max_depth, the interpreter's stack must not cap it.
    stack: list[_Open] = []
    pos = _skip_blank(src, 0, used)
    while True:
        pos, value = _descend(src, pos, stack, max_depth, used, fraction)
        pos, value = _ascend(src, pos, value, stack, used)
        if not stack:
            break
    pos = _skip_surplus(src, pos, used)
    if pos < len(src):
        raise Unreadable("text after the value", pos)
    return Reading(value, tuple(rung for rung in LADDER if rung in used))


def _descend(
    src: str, pos: int, stack: list[_Open], max_depth: int, used: set[str], fraction: _Fraction
) -> tuple[int, Any]:
    """Open arrays and objects down to the first value that is whole: a scalar or an empty container."""
    while closer := _CLOSERS.get(src[pos : pos + 1]):
        if len(stack) >= max_depth:
            raise TooDeep(f"nested more than {max_depth} deep", pos)
        top = _Open([] if closer == "]" else {}, closer)
        pos = _skip_blank(src, pos + 1, used)
        if closer == "}" and src.startswith("{", pos):
            used.add("doubled-braces")
            top.doubled = True
            pos = _skip_blank(src, pos + 1, used)
        if src.startswith(closer, pos):
            return _skip_closer(src, pos, top, used), top.container
        stack.append(top)
        pos = _next_item(src, pos, top, used)
    return _scalar(src, pos, used, fraction)


def _ascend(src: str, pos: int, value: Any, stack: list[_Open], used: set[str]) -> tuple[int, Any]:
    """Put a whole value into its container, and close containers up to the next comma or the outermost value."""
    while stack:
        top = stack[-1]
        top.add(value)
        mark = src[pos : pos + 1]
        if mark == ",":
            pos = _skip_blank(src, pos + 1, used)
            if not src.startswith(top.closer, pos):
                return _next_item(src, pos, top, used), value
            used.add("trailing-comma")
            mark = top.closer
        if not mark:
            used.add("missing-bracket")
        elif mark != top.closer:
            raise Unreadable(f"expected ',' or '{top.closer}'", pos)
        else:
            pos = _skip_closer(src, pos, top, used)
        value = stack.pop().container
    return pos, value


def _skip_closer(src: str, pos: int, top: _Open, used: set[str]) -> int:
    pos = _skip_blank(src, pos + 1, used)
    return _skip_blank(src, pos + 1, used) if top.doubled and src.startswith("}", pos) else pos


def _next_item(src: str, pos: int, top: _Open, used: set[str]) -> int:
    if isinstance(top.container, list):
        return pos
    if src[pos : pos + 1] not in _QUOTES:
        raise Unreadable("expected a key in quotes", pos)
    pos, top.key = _string(src, pos, used)
    if not src.startswith(":", pos):
        raise Unreadable("expected ':' after a key", pos)
    return _skip_blank(src, pos + 1, used)


def _scalar(src: str, pos: int, used: set[str], fraction: _Fraction) -> tuple[int, Any]:
    if src[pos : pos + 1] in _QUOTES:
        return _string(src, pos, used)
    if number := _NUMBER.match(src, pos):
        return _skip_blank(src, number.end(), used), _number(number, fraction)
    literal = _LITERAL.match(src, pos)
    if literal is None:
        raise Unreadable("expected a value" if pos < len(src) else "the text ends where a value is expected", pos)
    if literal[0][0].isupper():
        used.add("python-literal")
    return _skip_blank(src, literal.end(), used), _LITERALS[literal[0]]


def _number(match: re.Match[str], fraction: _Fraction) -> int | float | Decimal:
    convert = _integer if match[1] is None and match[2] is None else fraction
    try:
        return convert(match[0])
    except ValueError:
        raise Unreadable("the number is too large", match.start()) from None


def _string(src: str, start: int, used: set[str]) -> tuple[int, str]:
    """Return a string, and the position of the next character that is not blank."""
    quote = src[start]
    value, end = json_strings.decode(src, start + 1, len(src), quote, used)
    if src[end : end + 1] != quote:
        raise Unreadable("the string is not closed", start)
    if quote == "'":
        used.add("single-quotes")
    pos = _skip_blank(src, end + 1, used)
    if pos < len(src) and src[pos] not in _AFTER_STRING:
        raise Unreadable("a quote inside a string is not escaped", end)
    return pos, value


def _skip_blank(src: str, pos: int, used: set[str]) -> int:
    if src[pos : pos + 1] not in _MAY_BE_BLANK:
        return pos
    end = _end_of(_BLANK, src, pos)
    if src.find("\\", pos, end) >= 0:
        used.add("literal-newline")
    return end


def _skip_surplus(src: str, pos: int, used: set[str]) -> int:
    while src[pos : pos + 1] in _CLOSERS.values():
        used.add("trailing-bracket")
        pos = _skip_blank(src, pos + 1, used)
    return pos


def _end_of(pattern: re.Pattern[str], src: str, pos: int) -> int:
    match = pattern.match(src, pos)
    return match.end() if match else pos
