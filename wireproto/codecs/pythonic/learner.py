"""Calls as Python writes them, learned from texts: the name before a bracket, and how each kind of value is spelled.

It must not know templates, nor other codecs. Law: a spelling is taken for one of the known ones only as far as it is.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Final

from wireproto.codecs.pythonic.writer import BETWEEN, write_value
from wireproto.learning.findings import (
    KEY,
    KEYS,
    NAME,
    VALUE,
    VALUES,
    CallForm,
    CallSample,
    Unreadable,
    header,
    typing_faults,
)
from wireproto.values.quoting import quoted

_TYPED: Final[tuple[Any, ...]] = ("v", 7, 1.5, True, None, [1, "é", True, None], {"a": [], "b": {"c": False}}, "a\"\n'")
_WAYS: Final = ("json", "python", "python-lists", "python-scalars", "python-null")


def learn(sample: CallSample) -> CallForm | None:
    """Return how calls are written; None if they are no calls of Python.

    Raises:
        Unlearnable: they are, and no file can say the rest.
    """
    text = sample.text
    found = re.search(rf"(?<={NAME}\(){KEY}=(['\"]?){VALUE}\1(?=\))", text)
    if found is None:
        return None
    head, tail = text[: found.start()], text[found.end() :]
    wrote = [sample.write({KEY: value})[len(head) + len(KEY) + 1 :] for value in _TYPED]
    wrote = [each[: len(each) - len(tail)] for each in wrote]
    misses = {
        way: [pair for pair in zip(_TYPED, wrote, strict=True) if write_value(pair[0], way) != pair[1]] for way in _WAYS
    }
    best = min(_WAYS, key=lambda way: len(misses[way]))
    finding = header(sample, head, tail)
    gaps = [
        f"{json.dumps(value, ensure_ascii=False)} is written {quoted(spelled)}" for value, spelled in misses[best][:3]
    ]
    two = sample.write({KEY: VALUE, KEYS[1]: VALUES[1]})
    if f"{VALUE}{found[1]}{BETWEEN}{KEYS[1]}" not in two:
        gaps.append(f"what joins arguments ({quoted(two)})")
    argument = {"codec": "pythonic", "open": "{key}=", **({"literals": best} if best != _WAYS[0] else {})}
    quote = found[1]
    injected = sample.write({KEY: f"{VALUE}{quote}{BETWEEN}{KEYS[1]}={quote}{VALUES[1]}"})
    faults = ["strings are not escaped: a quote ends them"] if quote and injected == two else []
    faults += typing_faults(sample)
    form = replace(finding, argument=argument, gaps=(*finding.gaps, *gaps))
    unreadable: frozenset[Unreadable] = frozenset(("escapes",) if faults and quote else ())
    return replace(form, faults=tuple(faults), unreadable=unreadable)
