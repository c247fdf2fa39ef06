"""Relaxed values as text: which keys are bare, where a value ends in text that may grow, and the same value as JSON.

What is no string between marks is JSON but for its keys, so it is spelled as JSON and read as such. It must not know
calls. Law: a text is looked at once from left to right; what is within a string is never looked into.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from wireproto.text.buffer import OpenValue
from wireproto.text.json_repair import Unreadable, dumps
from wireproto.text.scan import BLANK, NO, WAIT, Literals, Miss

MAX_KEY: Final = 256
_KEY: Final = r"[^\s,:={}\[\]()<>\"'|][^,:={}\[\]()\n<>\"'|]{0,255}"
BARE_KEY: Final = re.compile(_KEY)
NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS: Final = {"None": "null", "True": "true", "False": "false", "null": "null", "true": "true", "false": "false"}
_QUOTED: Final = r""""[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*'"""
_IN_QUOTES: Final = {'"': re.compile(r'["\\]'), "'": re.compile(r"['\\]")}


def is_bare(key: str) -> bool:
    """Return whether a key needs no marks."""
    return BARE_KEY.fullmatch(key) is not None and key == key.strip(BLANK) and key.isprintable()


def key_at(text: str, pos: int, end: int) -> tuple[str, int] | Miss:
    """Return the bare key at `pos` and where it ends, blanks behind it left out of the key."""
    found = BARE_KEY.match(text, pos, end)
    if found is None:
        return NO
    if found.end() >= end and found.end() - pos < MAX_KEY:
        return WAIT
    return found.group().strip(BLANK), found.end()


def word(text: str) -> str | None:
    """Return a scalar as JSON, a truth value or null in Python's spelling too; None if it is none."""
    return _WORDS.get(text) or (text if NUMBER.fullmatch(text) else None)


@lru_cache(maxsize=64)
def _tokens(mark: str) -> re.Pattern[str]:
    quote = re.escape(mark)
    return re.compile(
        rf"(?P<blank>[ \t\r\n]+)|{quote}(?P<string>.*?){quote}|(?P<json>{_QUOTED})|(?P<sign>[{{}}\[\],:])"
        rf"|(?P<key>{_KEY})(?=:)|(?P<word>(?:(?!{quote})[^{{}}\[\],\n])+)",
        re.DOTALL,
    )


@lru_cache(maxsize=64)
def _key_free(mark: str) -> re.Pattern[str]:
    """Return the tokens where no key may stand: a colon is part of a bare word there."""
    return re.compile(_tokens(mark).pattern.replace(f"|(?P<key>{_KEY})(?=:)", "|(?P<key>(?!))"), re.DOTALL)


def as_json(text: str, mark: str) -> tuple[str, set[str]]:
    """Return a value as JSON, or nearly, and what was repaired: bare strings and those in quotation marks.

    Raises:
        Unreadable: it holds something that is no token.
    """
    out: list[str] = []
    repairs: set[str] = set()
    brackets: list[str] = []
    at, expects_key = 0, False
    while at < len(text):
        found = (_tokens(mark) if expects_key else _key_free(mark)).match(text, at)
        if found is None:
            raise Unreadable("a string is not closed", at)
        at, kind = found.end(), found.lastgroup
        token = found[kind or 0]
        if kind == "sign":
            out.append(token)
            if token in "{[":
                brackets.append(token)
            elif token in "}]" and brackets:
                brackets.pop()
            expects_key = token in "{," and brackets[-1:] == ["{"]
            continue
        if kind == "blank":
            out.append(token)
            continue
        if kind == "json":
            repairs.add("foreign-quotes")
            out.append(token)
        elif kind in ("string", "key"):
            out.append(dumps(token if kind == "string" else token.strip(BLANK)))
        else:
            token = token.strip(BLANK)
            scalar = word(token)
            repairs |= {"bare-string"} if scalar is None else set()
            out.append(scalar or dumps(token))
        expects_key = False
    return "".join(out), repairs


@dataclass(slots=True)
class RelaxedValue(OpenValue):
    """A value whose end is looked for, and whether a token may begin there."""

    fresh: bool = True


@lru_cache(maxsize=64)
def _marks(mark: str, closers: frozenset[str]) -> tuple[re.Pattern[str], Literals]:
    ends = Literals(closers | {mark})
    return re.compile("|".join((*map(re.escape, ends.words), r"""["'{}\[\](),:=\n]"""))), ends


def value_end(
    span: RelaxedValue,
    text: str,
    base: int,
    end: int,
    final: bool,
    mark: str,
    own: str,
    closers: frozenset[str],
    depth: int,
) -> int | Miss:
    """Return where a value ends: before a comma, a bracket that is not its own, a line's end, or one of the closers.

    `own` is the bracket that closes the object around it.

    Raises:
        OverflowError: it is nested deeper than `depth`.
    """
    pattern, ends = _marks(mark, closers)
    limit = end
    while True:
        if span.inside:
            if not _skip_string(span, text, base, end, mark):
                return WAIT
            continue
        if limit == end and not final:  # half a mark holds signs that are none
            limit = ends.held(text, span.scan - base, end)
        found = pattern.search(text, span.scan - base, limit)
        at = limit if found is None else found.start()
        fresh = span.fresh and not text[span.scan - base : at].strip(BLANK)
        if found is None:
            span.fresh, span.scan = fresh, max(span.scan, base + limit)
            return WAIT
        sign = found.group()
        span.scan, span.fresh = base + found.end(), sign in "{[,:="
        if sign == mark or (sign in "\"'" and fresh):
            span.inside = sign
        elif sign in "{[":
            span.depth += 1
            if span.depth > depth:
                raise OverflowError(base + found.start())
        elif len(sign) > 1 or (not span.depth and (sign in ",\n}]" or sign == own)):
            return base + found.start()
        elif sign in "}]":
            span.depth -= 1


def _skip_string(span: RelaxedValue, text: str, base: int, end: int, mark: str) -> bool:
    """Skip to behind the end of the string that the span is in; False if more text decides."""
    at = span.scan - base
    if span.inside == mark:
        close = text.find(mark, at, end)
        span.scan = base + (close + len(mark) if close >= 0 else max(at, end - len(mark) + 1))
        span.inside = "" if close >= 0 else mark
        return close >= 0
    while (found := _IN_QUOTES[span.inside].search(text, at, end)) is not None:
        at = found.end()
        if found.group() == span.inside:
            span.inside, span.scan = "", base + at
            return True
        if at >= end:
            span.scan = base + at - 1
            return False
        at += 1
    span.scan = base + max(at, end)
    return False
