"""Calls with a JSON object, learned from texts: where the object stands, what its members are, and how it is spelled.

It must not know templates, nor other codecs. Law: the object that is found is the arguments that were given, or holds
them.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from wireproto.codecs.json.writer import OPTIONS
from wireproto.learning.findings import ID, KEY, NAME, VALUE, CallForm, CallSample, Ids, header
from wireproto.values.quoting import quoted

_ROLES: Final = ("name", "arguments", "id")
_OTHER_STYLES: Final[dict[str, dict[str, Any]]] = {
    "sorted JSON": {"sort_keys": True},
    "compact JSON in ASCII": {"separators": (",", ":")},
}
_ARGUMENTS: Final = {KEY: VALUE}
# Every kind of value, and strings with what some writers escape.
_EVERYTHING: Final = {KEY: [1, 2.5, True, None, {"é": 'ü<&"\\\n/'}], "b": {}}


@dataclass(frozen=True, slots=True)
class _Found:
    """An object in a text, as a value."""

    start: int
    end: int
    value: Mapping[str, Any]


def learn(sample: CallSample) -> CallForm | None:
    """Return how calls are written; None if their arguments are no object.

    Raises:
        Unlearnable: they are, and no file can say the rest.
    """
    text = sample.text
    found = _object(text, _ARGUMENTS)
    if found is None:
        return None
    names = _members(sample, found.value)
    if not {"name", "arguments"} <= names.keys():
        # The arguments alone, or in an object that a header can say: its key is the tool's name, or it holds another.
        found = _object(text, _ARGUMENTS, alone=True) or found
        finding = header(sample, text[: found.start], text[found.end :])
    else:
        finding = _record(sample, found, names, text[: found.start], text[found.end :])
    style, gaps = _style(sample)
    argument = {"codec": "json", **({"json": style} if style != "spaced" else {})}
    return replace(finding, argument=argument, gaps=(*finding.gaps, *gaps))


def _object(text: str, wanted: Mapping[str, Any], alone: bool = False) -> _Found | None:
    """Find the first object in a text that is these arguments, or holds them if it need not be these `alone`."""
    for brace in re.finditer(r"\{", text):
        for end, value in (*_as_json(text, brace.start()), *_as_python(text, brace.start())):
            if value == wanted or (not alone and _holds(value, wanted)):
                return _Found(brace.start(), end, value)
    return None


def _as_json(text: str, at: int) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        value, end = json.JSONDecoder().raw_decode(text, at)
    except (ValueError, RecursionError):
        return
    if isinstance(value, dict):
        yield end, value


def _as_python(text: str, at: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for end in range(len(text), at, -1):
        if text[end - 1] != "}":
            continue
        try:
            value = ast.literal_eval(text[at:end])
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(value, dict):
            yield end, value
            return


def _holds(value: Any, wanted: Mapping[str, Any]) -> bool:
    return isinstance(value, dict) and any(each == wanted or _holds(each, wanted) for each in value.values())


def _members(sample: CallSample, record: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the members of a record by what they are: the name, the arguments, an id."""
    names: dict[str, str] = {}
    for role, wanted in (("name", NAME), ("arguments", _ARGUMENTS), ("id", sample.identity)):
        key = next((key for key, value in record.items() if value == wanted), None)
        if key is not None:
            names[role] = key
    return names


def _record(sample: CallSample, found: _Found, names: dict[str, str], opener: str, closer: str) -> CallForm:
    """Return what the members of a record say: `names` by what they are."""
    ids: Ids = "none"
    gaps = []
    if "id" in names:
        ids = "free" if sample.identity == ID else "named"
    else:
        counter = next((key for key, value in found.value.items() if str(value) == (sample.counter or None)), None)
        if counter is not None:
            names["id"], ids = counter, "counted"
    order = [role for key in found.value for role, name in names.items() if name == key]
    others = [f"{key}={quoted(value)}" for key, value in found.value.items() if key not in names.values()]
    if others:
        gaps.append(f"other members of a record ({', '.join(others)})")
    call: dict[str, Any] = {key: text for key, text in (("open", opener), ("close", closer)) if text}
    record: dict[str, Any] = {role: [name] for role, name in names.items() if name != role or role == "id"}
    if order != [role for role in _ROLES if role in names]:
        record["order"] = [*order, *(role for role in _ROLES if role not in names)]
    if ids == "counted":
        call["id"] = ["{index}"]
        call |= {"first_index": int(sample.counter)} if sample.counter != "0" else {}
    return CallForm({}, call, record, ids, gaps=tuple(gaps))


def _style(sample: CallSample) -> tuple[str, list[str]]:
    """Return the style of JSON, and what of it no key can say."""
    text = sample.write(_EVERYTHING)
    found = _object(text, _EVERYTHING, alone=True)
    if found is None:
        return "spaced", ["arguments that are no JSON for some values"]
    span = text[found.start : found.end]
    # What is compared with is in the order in which it was given.
    for style, options in {"spaced": {"ensure_ascii": False}, **OPTIONS}.items():
        lines = json.dumps(_EVERYTHING, **options)
        if lines == span and "\n" not in lines:
            return style, []
        if any(lines.replace("\n", "\n" + " " * margin) == span for margin in range(9) if "\n" in lines):
            return style, []
    for way, options in _OTHER_STYLES.items():
        if span in (json.dumps(_EVERYTHING, **options), json.dumps(_EVERYTHING, ensure_ascii=False, **options)):
            return "spaced", [way]
    return "spaced", ["Python literals" if repr(_EVERYTHING) == span else f"JSON spelled {quoted(span)}"]
