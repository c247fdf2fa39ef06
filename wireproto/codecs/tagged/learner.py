"""Calls with raw values between tags, learned from texts: the markers around a value, and how values are spelled.

It must not know templates, nor other codecs. Law: a marker is what stands around every value, and does not depend on
it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from wireproto.codecs.tagged.writer import MARKUP, in_python, null_word, wire_type
from wireproto.learning.comparing import common_start, repetition
from wireproto.learning.findings import (
    KEY,
    KEYS,
    NAME,
    VALUE,
    VALUES,
    CallForm,
    CallSample,
    Unlearnable,
    Unreadable,
    header,
)
from wireproto.text.xml_text import CDATA_CLOSE, CDATA_OPEN
from wireproto.values.quoting import quoted

_TYPED: Final[tuple[Any, ...]] = (
    *(7, 1.5, 1e-7, True, None),
    *([1, "é", True, None, {"a": 0.5}], {"a": [], "b": {"c": False}}),
)
_HOSTILE: Final = "a<b>&amp; \"q\" 'p' \\n é\n\tx]]>"
_WAYS: Final = ("json", "python-scalars", "python")


def learn(sample: CallSample) -> CallForm | None:
    """Return how calls are written; None if a value has no markers of its own.

    Raises:
        Unlearnable: it has, and no file can say them.
    """
    none, one = sample.write({}), sample.text
    two = sample.write({KEY: VALUE, KEYS[1]: VALUES[1]}).replace(KEYS[1], KEY).replace(VALUES[1], VALUE)
    if KEY not in one or VALUE not in one or re.search(rf"{NAME}\s*\(|\{{\s*{KEY}\s*:", one):
        return None
    if one.index(KEY) > one.index(VALUE):
        raise Unlearnable("values stand before their keys")
    parts = repetition(one, two, (one.index(KEY), one.rindex(VALUE) + len(VALUE)))
    if parts is None:
        return None
    head, unit, tail = parts.before, parts.unit, parts.after
    opener, closer = unit.split(VALUE, 1)
    opener, gaps = _typed_opener(opener, sample.write({KEY: 7}))
    pad = "\n" if opener.endswith("\n") and closer.startswith("\n") else ""
    opener, closer = (opener[:-1], closer[1:]) if pad else (opener, closer)
    if parts.join and not parts.join.strip() and tail.startswith(parts.join):
        # Blanks between two values also stand before the call's closer: they belong to the value's.
        closer, tail = closer + parts.join, tail[len(parts.join) :]
    elif parts.join and not parts.join.strip() and head.endswith(parts.join):
        opener, head = parts.join + opener, head[: -len(parts.join)]
    elif parts.join:
        gaps.append(f"what joins arguments ({quoted(parts.join)})")
    opener = opener.replace(KEY, "{key}")
    if "{key}" not in opener:
        raise Unlearnable(f"the key does not stand before the value: {quoted(unit)}")
    argument: dict[str, Any] = {"codec": "tagged", "open": opener, "close": closer.replace(KEY, "{key}")}
    argument |= {"pad": pad} if pad else {}
    nested = _elements(sample, one)
    spelled, odd = _literals(sample, one, opener, nested)
    argument |= {"literals": spelled} if spelled != _WAYS[0] else {}
    strings, escapes = _strings(sample, one)
    argument |= {"strings": strings} if strings != "raw" else {}
    if nested is not None:
        argument |= {"member": list(nested.member), "element": list(nested.element)}
    finding = header(sample, head, tail)
    empty, otherwise = _empty(none, head, tail)
    call = {**finding.call, **({"empty": empty} if empty else {})}
    faults: list[str] = []
    if nested is not None and sample.write({KEY: None}) == none:
        faults = ["null is left out: it is written as if there were no argument"]
    form = replace(finding, argument=argument, call=call, gaps=(*finding.gaps, *gaps, *otherwise, *odd, *escapes))
    unreadable: frozenset[Unreadable] = frozenset(("null",) if faults else ())
    return replace(form, faults=tuple(faults), unreadable=unreadable, untold=nested is not None)


def _typed_opener(opener: str, number: str) -> tuple[str, list[str]]:
    """Put a slot where an opener says whether the value is a string, or of which type; `number` is a call with one."""
    if opener in number:
        return opener, []
    if "true" in opener and opener.replace("true", "false") in number:
        return opener.replace("true", "{string}"), []
    if "string" in opener and opener.replace("string", "number") in number:
        return opener.replace("string", "{type}"), []
    return opener, [f"strings stand in markers of their own ({quoted(opener)})"]


def _empty(none: str, head: str, tail: str) -> tuple[str, list[str]]:
    """Return the white space in a call without arguments, and what of such a call no key can say."""
    between = none[len(head) : len(none) - len(tail)]
    if none == head + between + tail and not between.strip():
        return between, []
    return "", [f"a call without arguments is {quoted(none[-80:])}"]


@dataclass(frozen=True, slots=True)
class _Nested:
    """The markers of an object's members, with a slot for the key, and of an array's elements."""

    member: tuple[str, str]
    element: tuple[str, str]

    def write(self, value: Any, way: str) -> str:
        """Write a value as elements; of null nothing is left."""
        if isinstance(value, dict):
            opener, closer = self.member
            return "".join(
                opener.replace("{key}", key) + self.write(inner, way) + closer.replace("{key}", key)
                for key, inner in value.items()
                if inner is not None
            )
        if isinstance(value, list):
            return "".join(self.element[0] + self.write(inner, way) + self.element[1] for inner in value)
        if value is None:
            return ""
        return value if isinstance(value, str) else _spelled(value, way)


def _between(sample: CallSample, one: str, value: Any) -> str:
    """Return what is written in place of the string of `one`; empty where more than that is another."""
    before, _, after = one.rpartition(VALUE)
    text = sample.write({KEY: value})
    holds = text.startswith(before) and text.endswith(after) and len(text) >= len(before) + len(after)
    return text[len(before) : len(text) - len(after)] if holds else ""


def _elements(sample: CallSample, one: str) -> _Nested | None:
    """Return the markers around nested values; None where these are text."""
    item, items = (_between(sample, one, [VALUE] * count) for count in (1, 2))
    member = _between(sample, one, {KEYS[1]: VALUE}).replace(KEYS[1], "{key}")
    edges, around = item.split(VALUE), member.split(VALUE)
    if items != item * 2 or len(edges) != 2 or len(around) != 2 or not all((*edges, *around)) or "{key}" not in member:
        return None
    return _Nested((around[0], around[1]), (edges[0], edges[1]))


def _strings(sample: CallSample, one: str) -> tuple[str, list[str]]:
    """Return how strings stand between tags, and what of them no key can say."""
    enclosed = {text: _between(sample, one, text) == CDATA_OPEN + text + CDATA_CLOSE for text in ("<", "&", "\n", "x")}
    hostile = _HOSTILE
    if all(enclosed[text] for text in MARKUP) and not enclosed["x"]:
        strings, hostile = "cdata", _HOSTILE.replace(CDATA_CLOSE, "")
        expected = one.replace(VALUE, CDATA_OPEN + hostile + CDATA_CLOSE)
    else:
        strings, expected = "raw", one.replace(VALUE, hostile)
    text = sample.write({KEY: hostile})
    at = common_start(text, expected)
    return strings, [] if text == expected else [f"strings are escaped ({quoted(text[max(0, at - 10) : at + 30])})"]


def _literals(sample: CallSample, one: str, opener: str, nested: _Nested | None) -> tuple[str, Iterator[str]]:
    """Return how values that are no strings are spelled, and what is spelled otherwise."""
    tried = [value for value in _TYPED if value is not None or nested is None]
    before, _, after = one.rpartition(VALUE)
    wrote = []
    for value in tried:
        text = sample.write({KEY: value})
        typed = before.replace("true", "false") if "{string}" in opener else before
        typed = typed.replace("string", wire_type(value)) if "{type}" in opener else typed
        start = common_start(text, typed)
        wrote.append(text[start : len(text) - len(after)] if text.endswith(after) else text)
    misses = {
        way: [each for each in zip(tried, wrote, strict=True) if each[1] != _spelled(each[0], way, nested)]
        for way in _WAYS
    }
    best = min(_WAYS, key=lambda way: len(misses[way]))
    return best, (
        f"{json.dumps(value, ensure_ascii=False)} is written {quoted(text)}" for value, text in misses[best][:3]
    )


def _spelled(value: Any, way: str, nested: _Nested | None = None) -> str:
    if nested is not None and isinstance(value, (dict, list)):
        return nested.write(value, way)
    if value is None:
        return null_word(way, frozenset({"null"}))
    return str(value) if in_python(way, isinstance(value, (dict, list))) else json.dumps(value, ensure_ascii=False)
