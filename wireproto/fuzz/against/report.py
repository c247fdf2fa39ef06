"""A comparison with another parser as plain data, and as one short page of HTML.

It must not count. Law: what a parser answered is bounded and is text: it can do nothing in the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from wireproto.audit.page import Html, page, table, text
from wireproto.fuzz.against.differential import Comparison, Score
from wireproto.fuzz.against.disagreements import CHUNKS, KINDS, Example
from wireproto.fuzz.against.peers import PROTOCOL, Parsed
from wireproto.fuzz.against.questions import BASES, DAMAGED
from wireproto.text.json_repair import dumps

_MOST: Final = 2_000  # characters of one thing that is shown
_CALLS: Final = 50
OURS: Final = "wireproto"


def as_data(found: Comparison) -> dict[str, Any]:
    """Return the counts and the smallest examples as plain data, for JSON."""
    return {
        "wireproto": PROTOCOL,
        "peer": {"name": found.hello.name, "version": found.hello.version},
        "command": found.command,
        "seed": found.seed,
        "limit": found.limit,
        "outputs": found.outputs,
        "wrong": found.wrong,
        "disagreed": found.disagreed,
        "starts": found.starts,
        "seconds": round(found.seconds, 1),
        "stopped": found.stopped or None,
        "counts": [_score_data(*key, score) for key, score in found.scores.items()],
    }


def _score_data(dialect: str, basis: str, score: Score) -> dict[str, Any]:
    return {
        "dialect": dialect,
        "outputs_are": basis,
        "outputs": score.outputs,
        "skipped": score.skipped,
        "disagreed": score.disagreed,
        "whole": _sorted(score.whole),
        "chunks": _sorted(score.chunks),
        "ours_wrong": score.ours_wrong,
        "ours": _sorted(score.ours),
        "examples": [_example_data(score.examples[kind]) for kind in KINDS if kind in score.examples],
        "our_examples": [_example_data(score.our_examples[kind]) for kind in KINDS if kind in score.our_examples],
    }


def _sorted(counts: dict[str, int]) -> dict[str, int]:
    return {kind: counts[kind] for kind in KINDS if counts.get(kind)}


def _example_data(example: Example) -> dict[str, Any]:
    trial = example.question.trial
    chunks = {"chunks": list(trial.chunks)} if example.manner == CHUNKS else {}
    return {
        "kind": example.kind,
        "text": trial.text,
        **chunks,
        "finish_reason": trial.finish_reason,
        "expected": answer_data(example.expected),
        "found": answer_data(example.found),
    }


def answer_data(answer: Parsed) -> dict[str, Any]:
    """Return what a parser read; what is very long is cut, and then it is a text."""
    if answer.failure:
        return {"failure": answer.failure, "detail": answer.detail}
    calls: list[dict[str, Any]] = []
    for call in answer.calls[:_CALLS]:
        calls.append({"name": _cut(call.name), "arguments": _bounded(call.arguments)})
        if not call.complete:
            calls[-1]["complete"] = False
    found = {"calls": calls, "text": answer.text, "reasoning": answer.reasoning}
    return {key: _cut(value) if isinstance(value, str) else value for key, value in found.items() if value}


def _cut(value: str) -> str:
    return value if len(value) <= _MOST else value[: _MOST - 1] + "…"


def _bounded(value: Any) -> Any:
    try:
        written = dumps(value)
    except RecursionError:
        return "(nested too deeply)"
    return value if len(written) <= _MOST else _cut(written)


# --- the page ---------------------------------------------------------------------------------------------------------


def as_html(found: Comparison) -> str:
    """Return the page."""
    name = f"{found.hello.name} {found.hello.version}"
    parts = [_summary(found)]
    for basis, meaning in BASES.items():
        parts += [f"<h2>Outputs: {text(basis)}</h2>", f"<p>{text(meaning[0].upper() + meaning[1:])}.</p>"]
        parts += [table(*counts(found, basis)), *_examples(found, basis)]
    ours = [*_our_examples(found)]
    if ours:
        parts += ["<h2>Where wireproto reads otherwise than was written</h2>", *ours]
    parts += ["<h2>Kinds</h2>", table(("kind", "whole / in chunks"), KINDS.items())]
    return page(f"{name} and {OURS}", "\n".join(parts))


def _summary(found: Comparison) -> str:
    rows: list[tuple[str, object]] = [
        ("command", found.command),
        ("seed", found.seed),
        ("outputs", found.outputs),
        ("read otherwise than written", found.wrong),
        ("damaged, and read otherwise than by us", found.disagreed),
        ("times the parser was started", found.starts),
    ]
    return table(("what", ""), rows + ([("ended early", found.stopped)] if found.stopped else []))


def counts(found: Comparison, basis: str) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the rows of a table: a row for each dialect, a column for each kind that there was."""
    scores = [(name, found.scores[name, basis]) for name in found.dialects]
    kinds = [kind for kind in KINDS if any(each.whole[kind] or each.chunks[kind] for _, each in scores)]
    heads = ["dialect", "outputs", "disagree", *kinds]
    if basis != DAMAGED:
        heads = ["dialect", "outputs", "wrong", *kinds, f"{OURS} wrong"]
    rows = []
    for name, each in scores:
        row = [name, f"{each.judged:,}", f"{each.disagreed:,}"]
        row += [_pair(each.whole[kind], each.chunks[kind]) for kind in kinds]
        rows.append(row if basis == DAMAGED else [*row, f"{each.ours_wrong:,}"])
    return heads, rows


def _pair(whole: int, chunks: int) -> str:
    return f"{whole:,} / {chunks:,}" if whole or chunks else ""


def of_basis(found: Comparison, basis: str) -> Iterator[Example]:
    """Yield the smallest example of each kind of disagreement for one kind of outputs, over all dialects."""
    for kind in KINDS:
        every = (found.scores[name, basis].examples.get(kind) for name in found.dialects)
        yield from _smallest(each for each in every if each is not None)


def _smallest(examples: Iterable[Example]) -> list[Example]:
    every = sorted(examples, key=lambda each: each.size)
    return every[:1]


def _examples(found: Comparison, basis: str) -> Iterator[str]:
    whose = OURS if basis == DAMAGED else "written"
    for example in of_basis(found, basis):
        yield from _shown(example, whose, found.hello.name)


def _our_examples(found: Comparison) -> Iterator[str]:
    for score in found.scores.values():
        for example in score.our_examples.values():
            yield from _shown(example, "written", OURS)


def _shown(example: Example, expected: str, whose: str) -> Iterator[str]:
    trial = example.question.trial
    if example.kind == "stream-differs":
        expected, whose = f"{whose}, whole", f"{whose}, in chunks"
    yield f'<h3 class="bad">{text(example.kind)} <span class="dim">{text(example.question.dialect.name)}</span></h3>'
    yield f"<pre>{text(trial.text)}</pre>"
    rows: list[tuple[object, object]] = [
        (expected, Html(f"<code>{text(line(example.expected))}</code>")),
        (whose, Html(f"<code>{text(line(example.found))}</code>")),
    ]
    if example.manner == CHUNKS:
        rows.insert(0, ("chunks", f"{len(trial.chunks):,}"))
    yield table(("", ""), rows)


def line(answer: Parsed) -> str:
    """Return what a parser read, on one line."""
    return _cut(json.dumps(answer_data(answer), ensure_ascii=False))
