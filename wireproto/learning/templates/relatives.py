"""What a learned dialect has in common with known ones: the one that writes the same, and tolerances to take over.

It must not know formats. Law: a dialect is called the same only if it writes every trial call as the template does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.format.registry import dialects
from wireproto.learning.templates.judging import Examiner
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call
from wireproto.write.encoder import encode

_TRIALS: Final = 40
# What a file says of what is forgiven, beside what is written.
_TOLERANCES: Final = (
    ("", ("quotes", "ends")),
    ("reasoning", ("ends_at_call",)),
    ("section", ("also",)),
    ("call", ("also", "before")),
    ("argument", ("also", "escape")),
)


def same_as(examiner: Examiner) -> Dialect | None:
    """Return the known dialect that writes the trial calls as the template does, if there is one.

    Of several it is the one that shares most of the rest, and then the one that more models write.
    """
    trials = examiner.drawn(3)
    drawn = [trials.calls(1 if examiner.layout.single else 3, examiner.ids) for _ in range(_TRIALS)]
    carried = [calls for calls in drawn if _written(examiner, examiner.dialect, calls) is not None]
    templates = [examiner.body(calls) for calls in carried]
    found = []
    for known in map(find_dialect, dialects()) if len(carried) > 1 else ():
        pairs = zip(carried, templates, strict=True)
        if all(text is not None and text == _written(examiner, known, calls) for calls, text in pairs):
            found.append(known)
    return max(found, key=lambda known: (_shared(known, examiner.dialect), len(known.models)), default=None)


def _shared(known: Dialect, learned: Dialect) -> int:
    """Return how many of the parts beside calls a known dialect has as they were learned.

    What no template shows is no difference: a known dialect may have markers that only models write.
    """
    told = learned.result is not None and known.result is not None and known.result.each == learned.result.each
    thinks = learned.reasoning is None or (
        known.reasoning is not None and known.reasoning.open == learned.reasoning.open
    )
    return told + thinks + (learned.framing is None or known.framing == learned.framing)


def _written(examiner: Examiner, dialect: Dialect, calls: Sequence[Call]) -> str | None:
    try:
        return encode(calls, dialect, examiner.tools)
    except EncodeError:
        return None


def with_tolerances(tables: Mapping[str, Any], relative: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of a dialect with what the file of a relative forgives.

    Of the names of a record's members, those of the relative are read too.
    """
    found = {key: dict(value) if isinstance(value, Mapping) else value for key, value in tables.items()}
    for table, keys in _TOLERANCES:
        source = relative.get(table, {}) if table else relative
        target = found.get(table) if table else found
        if target is None:
            continue
        for key in keys:
            own, more = target.get(key), source.get(key)
            if isinstance(own, list) and isinstance(more, list):
                target[key] = [*own, *(each for each in more if each not in own)]
            elif more is not None:
                target.setdefault(key, more)
    names = relative.get("record", {})
    for role, words in names.items():
        own = found.get("record", {}).get(role, [role])
        if isinstance(words, list) and isinstance(own, list):
            found.setdefault("record", {})[role] = [*dict.fromkeys((*own, *words))]
    if found.get("call", {}).get("id") and relative.get("call", {}).get("id"):
        found["call"]["id"] = [*dict.fromkeys((*found["call"]["id"], *relative["call"]["id"]))]
    return found
