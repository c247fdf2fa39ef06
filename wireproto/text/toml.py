"""TOML 1.1 as Python values, on every Python: `tomllib`, or `tomli` below 3.11, and what TOML 1.1 adds to 1.0.

It must not know what the text is for. Law: a text gives the same values whichever parser, of whichever version, reads
it; what models write follows no version of Python.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from wireproto.text.numbers import MAX_DIGITS, decimal
from wireproto.values.exact_json import MAX_DEPTH

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Strings that do not end reach to the end of their line or text, so that no part of a text is searched twice.
_TOKEN: Final = re.compile(
    r'''
    (?P<basic> """(?:[^"\\]+|\\.?|"{1,2}(?!"))*(?:"{3,5}|\Z) | "(?:[^"\\\n]+|\\[^\n]?)*(?:"|(?=\n)|\Z) )
    | (?P<literal> \'\'\'.*?(?:\'{3,5}|\Z) | \'[^'\n]*\'? )
    | (?P<comment> \#[^\n]* )
    | (?P<time> (?<![0-9:+-])[0-9]{2}:[0-9]{2}(?![0-9:]) )
    | (?P<mark> [][{},] ) | \r?\n
    ''',
    re.VERBOSE | re.DOTALL,
)
_OPAQUE: Final = ("basic", "literal", "comment")
# `tomllib` takes quadratic time for a key of many parts.
_SUSPECT: Final = 2 * MAX_DEPTH  # a key of too many parts is longer than this
_LONG_NUMBER: Final = re.compile(rf"(?<![0-9_])[0-9_]{{{MAX_DIGITS + 1},}}")
_LONG_KEY: Final = re.compile(rf"(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_-]+[ \t]*\.[ \t]*){{{MAX_DEPTH}}}")
_ESCAPE: Final = re.compile(r"\\(?:e|x([0-9A-Fa-f]{2})|.)", re.DOTALL)


def loads(text: str, *, decimals: bool = False) -> dict[str, Any]:
    """Return what a TOML document holds; `decimals`: finite floats are `Decimal`.

    Raises:
        ValueError: it is not TOML, in the parser's own words, or a number or a key costs more than its length.
        RecursionError: it is nested too deeply for the parser.
    """
    if len(text) > _SUSPECT:
        _refuse_costly(text)
    parse_float: Callable[[str], float | Decimal] = _decimal if decimals else float
    try:
        return tomllib.loads(text, parse_float=parse_float)
    except ValueError as error:
        older = _as_toml_10(text)
        if older == text:
            raise
        try:
            return tomllib.loads(older, parse_float=parse_float)
        except ValueError:
            # The place in this message is one of the text as it was written.
            raise error from None


def _decimal(spelled: str) -> float | Decimal:
    try:
        return decimal(spelled.replace("_", "").removeprefix("+"))
    except ValueError:  # nan, inf, and what is as large
        return float(spelled)


def _refuse_costly(text: str) -> None:
    if text.count(".") < MAX_DEPTH and _LONG_NUMBER.search(text) is None:
        return
    bare = _TOKEN.sub(lambda found: "s" if found.lastgroup in _OPAQUE else found.group(), text)
    if _LONG_NUMBER.search(bare):
        raise ValueError("a number has too many digits")
    if _LONG_KEY.search(bare):
        raise ValueError("a key has too many parts")


def _as_toml_10(text: str) -> str:
    """Return the text with what TOML 1.1 adds spelled as TOML 1.0.

    That is: line breaks, comments and a last comma in inline tables, the escapes `\\e` and `\\xHH`, and times without
    seconds.
    """
    out: list[str] = []
    opened: list[str] = []
    gap: list[int] = []  # where in `out` line breaks and comments are since `last`
    pos, last, comma = 0, "", -1
    for token in _TOKEN.finditer(text):
        between, piece = text[pos : token.start()], token.group()
        pos = token.end()
        out.append(between)
        if between.strip(" \t"):
            _close_up(out, gap, opened, last, "")
            last = ""
        if token.lastgroup == "comment" or piece in ("\n", "\r\n"):
            gap.append(len(out))
            out.append(piece)
            continue
        _close_up(out, gap, opened, last, piece)
        if piece == "}" and last == "," and comma >= 0:
            out[comma] = " "
        comma = len(out) if piece == "," and last != "{" and opened[-1:] == ["{"] else -1
        last = piece if token.lastgroup == "mark" else ""
        _nest(opened, last)
        out.append(_spelled(token.lastgroup, piece))
    return "".join(out) + text[pos:]


def _close_up(out: list[str], gap: list[int], opened: list[str], last: str, piece: str) -> None:
    """Blank the line breaks and comments where an inline table may have them: next to a brace or a comma."""
    if opened[-1:] == ["{"] and (last in ("{", ",") or piece in ("}", ",")):
        for i in gap:
            out[i] = " "
    gap.clear()


def _nest(opened: list[str], mark: str) -> None:
    if mark in ("[", "{"):
        opened.append(mark)
    elif mark in ("]", "}") and opened:
        opened.pop()


def _spelled(kind: str | None, piece: str) -> str:
    if kind == "time":
        return piece + ":00"
    if kind == "basic" and ("\\e" in piece or "\\x" in piece):
        return _ESCAPE.sub(_escape, piece)
    return piece


def _escape(found: re.Match[str]) -> str:
    if found.group() == "\\e":
        return "\\u001b"
    return f"\\u00{found.group(1)}" if found.group(1) else found.group()
