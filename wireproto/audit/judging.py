"""What becomes of one output: its label, its calls and failures by tool, and what to show of it.

It only asks `classify`; it knows no format. Law: the same output always gets the same judgement.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wireproto.audit.outputs import Made, Output, Unreadable
from wireproto.engine.call_builder import End
from wireproto.format.dialect import Dialect
from wireproto.recover.classify import Verdict, classify
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
    """What to show of a text of `length` characters: the part from `start` on, and the stretches that codes are about.

    The spans count from the beginning of `shown`.
    """

    shown: str
    start: int
    length: int
    marks: tuple[tuple[tuple[int, int], str], ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """One output: its label, the dialect, the codes, the tools of its calls and of its failures, and how bad it is."""

    label: str
    dialect: str
    codes: tuple[str, ...]
    calls: tuple[str, ...]
    failures: tuple[str, ...]
    badness: int
    size: int
    excerpt: Excerpt | None


def judge(output: Output, tools: Toolset, dialect: str | Dialect) -> Judgement:
    """Judge an output; `tools` are those of the whole log, for outputs that come without.

    Raises:
        Unreadable: the tools that came with the output are no tool definitions.
    """
    offered = tools if output.tools is None else _toolset(_written(output.tools))
    verdict = classify(output.text, offered, dialect, output.finish_reason) if output.text.strip() else None
    broken = [made for made in output.made if made.broken is not None]
    label = _label(output, broken, verdict)
    failed = label in FAILURES
    said = (*output.codes, *(reason.code for reason in (verdict.reasons if verdict else ())))
    codes = [code[:_NAME] for code in dict.fromkeys(said)][:_CODES]
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


def _label(output: Output, broken: list[Made], verdict: Verdict | None) -> str:
    if "looping" in output.codes:
        return "looping"
    if broken:
        cut = End.of(output.finish_reason) is End.CUT or any(code.startswith("truncated-") for code in output.codes)
        return "truncated" if cut else "malformed"
    label: str = verdict.label if verdict is not None else "plain"
    if label in FAILURES or output.raw:
        return label
    if label in SUCCESSES:
        return "recovered"  # the server left it in the text
    if output.made:
        repaired = any(code in CODES and CODES[code][0] == "repaired" for code in output.codes)
        return "recovered" if repaired else "calls"
    return label


def _names(output: Output, verdict: Verdict | None) -> Iterator[str]:
    """Yield the tools of the calls that can be executed."""
    yield from (made.name[:_NAME] for made in output.made if made.broken is None)
    if verdict is not None:
        yield from (call.name[:_NAME] for call in verdict.message.calls if call.complete)


def _failed(broken: list[Made], verdict: Verdict | None) -> Iterator[str]:
    """Yield the tools of the calls that failed: of those that were begun, or else of what looks like a call."""
    names = [made.name for made in broken]
    if verdict is not None:
        names += [call.name for call in verdict.message.calls if not call.complete]
        names = names or [candidate.call.name for candidate in verdict.candidates[:1]]
        looping = [call.name for call in verdict.message.calls[-1:]] if verdict.label == "looping" else []
        names = names or looping
    yield from (name[:_NAME] or UNKNOWN for name in names or [UNKNOWN])


def _excerpt(broken: list[Made], verdict: Verdict | None, output: Output) -> Excerpt:
    if verdict is None or (broken and verdict.label not in FAILURES):
        text = output.text or "\n".join(made.broken or "" for made in broken)
        return Excerpt(text[:EXCERPT], 0, len(text))
    text = output.text
    spans = [(said.span, said.code) for said in verdict.reasons]
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
        raise Unreadable("tools: not JSON") from None


@lru_cache(maxsize=64)
def _toolset(written: str) -> Toolset:
    try:
        return Toolset.of(json.loads(written))
    except SchemaError as error:
        raise Unreadable(f"tools: {error}") from None
