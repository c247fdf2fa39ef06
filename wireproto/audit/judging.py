"""One output judged: its label, its calls and failures by tool, and an excerpt of a failed one.

It asks `classify`, and must not know any format. Law: the same output always gets the same judgement.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wireproto.audit.outputs import BadRecord, Output, ServerCall
from wireproto.engine.call_builder import End
from wireproto.format.dialect import Dialect
from wireproto.recover.classify import Verdict, classify
from wireproto.tools.loading import definitions_in
from wireproto.tools.toolset import Toolset
from wireproto.values.diagnoses import CODES
from wireproto.values.errors import SchemaError

FAILURES = ("truncated", "malformed", "nested", "foreign", "leaked", "looping")
SUCCESSES = ("calls", "recovered")
UNKNOWN = "(unknown)"
EXCERPT = 3_000
_BEFORE = 1_000
_NAME = 128
_CODES = 32
_MARKS = 64


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a text of `length` characters, from `start` on, and the spans in it that have a diagnosis.

    The spans count from the beginning of `shown`.
    """

    shown: str
    start: int
    length: int
    marks: tuple[tuple[tuple[int, int], str], ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found out about one output; `badness` is the number of its defects, `size` its length in characters."""

    label: str
    dialect: str
    codes: tuple[str, ...]
    calls: tuple[str, ...]
    failures: tuple[str, ...]
    badness: int
    size: int
    excerpt: Excerpt | None


def judge(output: Output, tools: Toolset, dialect: str | Dialect) -> Judgement:
    """Judge an output; `tools` are those of the whole log, for outputs that bring none.

    Raises:
        BadRecord: the tools in the record are not tool definitions.
    """
    offered = tools if output.tools is None else _toolset(_written(output.tools))
    verdict = (
        classify(output.text, dialect, offered, finish_reason=output.finish_reason) if output.text.strip() else None
    )
    broken = [call for call in output.server_calls if call.broken is not None]
    label = _label(output, broken, verdict)
    failed = label in FAILURES
    found = (*output.codes, *(reason.code for reason in (verdict.reasons if verdict else ())))
    codes = [code[:_NAME] for code in dict.fromkeys(found)][:_CODES]
    return Judgement(
        label,
        verdict.dialect if verdict is not None else "",
        tuple(codes),
        tuple(_names(output, verdict)),
        tuple(_failed(broken, verdict)) if failed else (),
        sum(code in CODES and CODES[code][0] == "defect" for code in codes),
        len(output.text),
        _excerpt(broken, verdict, output) if failed else None,
    )


def _label(output: Output, broken: list[ServerCall], verdict: Verdict | None) -> str:
    if "looping" in output.codes:
        return "looping"
    if broken:
        cut = End.of(output.finish_reason) is End.CUT or any(code.startswith("truncated-") for code in output.codes)
        return "truncated" if cut else "malformed"
    label: str = verdict.label if verdict is not None else "plain"
    if label in FAILURES or output.raw:
        return label
    if label in SUCCESSES:
        return "recovered"  # the server did not see the call, and left it in the text
    if output.server_calls:
        repaired = any(code in CODES and CODES[code][0] == "repaired" for code in output.codes)
        return "recovered" if repaired else "calls"
    return label


def _names(output: Output, verdict: Verdict | None) -> Iterator[str]:
    """Yield the tools of the calls that can be executed."""
    yield from (call.name[:_NAME] for call in output.server_calls if call.broken is None)
    if verdict is not None:
        yield from (call.name[:_NAME] for call in verdict.message.calls if call.complete)


def _failed(broken: list[ServerCall], verdict: Verdict | None) -> Iterator[str]:
    """Yield the tools of the calls that failed: of those that began, or else of the first candidate."""
    names = [call.name for call in broken]
    if verdict is not None:
        names += [call.name for call in verdict.message.calls if not call.complete]
        names = names or [candidate.call.name for candidate in verdict.candidates[:1]]
        looping = [call.name for call in verdict.message.calls[-1:]] if verdict.label == "looping" else []
        names = names or looping
    yield from (name[:_NAME] or UNKNOWN for name in names or [UNKNOWN])


def _excerpt(broken: list[ServerCall], verdict: Verdict | None, output: Output) -> Excerpt:
    if verdict is None or (broken and verdict.label not in FAILURES):
        text = output.text or "\n".join(call.broken or "" for call in broken)
        return Excerpt(text[:EXCERPT], 0, len(text))
    text = output.text
    spans = [(reason.span, reason.code) for reason in verdict.reasons]
    first = min((span[0] for span, _ in spans), default=0)
    start = max(0, min(first - _BEFORE, len(text) - EXCERPT)) if len(text) > EXCERPT else 0
    shown = text[start : start + EXCERPT]
    moved = [((max(0, low - start), min(len(shown), high - start)), code) for (low, high), code in spans]
    seen = [(span, code) for span, code in moved if span[0] <= span[1]]
    return Excerpt(shown, start, len(text), tuple(seen[:_MARKS]))


def _written(tools: Any) -> str:
    try:
        return json.dumps(tools)
    except (TypeError, ValueError, RecursionError):
        raise BadRecord("tools: not JSON") from None


@lru_cache(maxsize=64)
def _toolset(written: str) -> Toolset:
    try:
        return Toolset.of(definitions_in(json.loads(written)))
    except SchemaError as error:
        raise BadRecord(f"tools: {error}") from None
