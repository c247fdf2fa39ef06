"""Calls with relaxed objects, learned from texts: the mark around strings, the order of members, the word for null.

It must not know templates, nor other codecs. Law: the mark is what stands on both sides of a string.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from wireproto.codecs.relaxed.writer import write_value
from wireproto.format.dialect import Argument
from wireproto.learning.findings import KEY, KEYS, VALUE, CallForm, CallSample, header, typing_faults
from wireproto.values.quoting import quoted

_EVERYTHING: Final = {KEYS[1]: [1, 2.5, True, {"z": "é\n", "a": []}], KEY: "a, b: {c}"}


def learn(sample: CallSample) -> CallForm | None:
    """Return how calls are written; None if their arguments are no such object.

    Raises:
        Unlearnable: they are, and no file can say the rest.
    """
    text = sample.text
    found = re.search(rf"\{{{KEY}:(\S+?){VALUE}\1\}}", text)
    if found is None:
        return None
    two = sample.write({KEYS[1]: 2, KEY: 1})
    argument: dict[str, Any] = {"codec": "relaxed", "quote": found[1]}
    argument |= {"sorts": True} if two.find(f"{KEY}:") < two.find(f"{KEYS[1]}:") else {}
    argument |= {"literals": "python-null"} if f"{{{KEY}:None}}" in sample.write({KEY: None}) else {}
    finding = header(sample, text[: found.start()], text[found.end() :])
    written = write_value(Argument(**argument), _EVERYTHING)
    wrote = sample.write(_EVERYTHING)
    gaps = () if written in wrote else (f"relaxed values spelled {quoted(wrote)}",)
    return replace(finding, argument=argument, gaps=(*finding.gaps, *gaps), faults=typing_faults(sample))
