"""An audit as plain data, and as one page of HTML without any other file.

It must not count. Law: whatever a model, a tool's name or a path holds is text in the page: escaped, controls spelled
out; and no script can run, since the page allows nothing but its own style.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from wireproto.audit.counting import Counts, Sample, failed, rate, tried
from wireproto.audit.judging import FAILURES, SUCCESSES, Excerpt
from wireproto.audit.page import Html, page, table, text
from wireproto.audit.work import Audit
from wireproto.recover.classify import LABELS

TOOLS = 50
CODES = 30
_COLOURS = dict.fromkeys(FAILURES, "bad") | dict.fromkeys(SUCCESSES, "good")


def as_data(audit: Audit) -> dict[str, Any]:
    """Return the counts as plain data, for JSON."""
    counts = audit.counts
    return {
        "files": list(audit.paths),
        "records": counts.records,
        "unread": counts.unread,
        "unread_places": [{"where": audit.where(it.location), "reason": it.reason} for it in counts.named],
        "outputs": counts.outputs,
        "characters": counts.characters,
        "calls": counts.calls.total(),
        "tried": counts.tried,
        "failures": counts.failed,
        "failure_rate": counts.rate,
        "recovered": counts.labels["recovered"],
        "labels": {label: counts.labels[label] for label in LABELS if counts.labels[label]},
        "codes": dict(counts.codes.most_common()),
        "dialects": dict(counts.dialects.most_common()),
        "distinct_tools": len(counts.tools),
        "tools": [{"name": it, "calls": counts.calls[it], "failures": counts.failures[it]} for it in _names(counts)],
        "days": {day: dict(sorted(counts.days[day].items())) for day in sorted(counts.days)},
        "worst": [_sample_data(audit, sample) for sample in _samples(counts)],
    }


def _sample_data(audit: Audit, sample: Sample) -> dict[str, Any]:
    excerpt = sample.excerpt
    return {
        "where": audit.where(sample.location),
        "output": sample.location.output,
        "label": sample.label,
        "codes": list(sample.codes),
        "length": excerpt.length,
        "start": excerpt.start,
        "text": excerpt.shown,
        "spans": [{"code": code, "start": low, "end": high} for (low, high), code in excerpt.marks],
    }


def _names(counts: Counts) -> list[str]:
    """Return the tools, and last the entry for those without a name."""
    named = counts.tools
    return [*named, *sorted({*counts.calls, *counts.failures} - {*named})]


def _samples(counts: Counts) -> Iterator[Sample]:
    for label in FAILURES:
        yield from counts.worst.get(label, ())


# --- the page ---------------------------------------------------------------------------------------------------------


def as_html(audit: Audit) -> str:
    """Return the page."""
    body = "\n".join(
        [
            _summary(audit),
            "<h2>Labels</h2>",
            _labels(audit.counts),
            "<h2>Tools</h2>",
            _tools(audit.counts),
            "<h2>By day</h2>",
            _days(audit.counts),
            "<h2>Diagnoses</h2>",
            table(("code", "outputs"), audit.counts.codes.most_common(CODES)),
            "<h2>The worst</h2>",
            *(_sample(audit, sample) for sample in _samples(audit.counts)),
            *_unread(audit),
        ]
    )
    return page("Audit of tool calls", body)


def percent(share: float) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.1f} %"


def _summary(audit: Audit) -> str:
    counts = audit.counts
    rows: list[tuple[str, object]] = [
        ("files", len(audit.paths)),
        ("records", counts.records),
        ("could not be read", counts.unread),
        ("outputs", counts.outputs),
        ("calls", counts.calls.total()),
        ("outputs that called a tool or tried to", counts.tried),
        ("of these failed", counts.failed),
        ("failure rate", percent(counts.rate)),
        ("recovered, not counted as failures", counts.labels["recovered"]),
        ("distinct tools", len(counts.tools)),
        ("dialects", ", ".join(f"{name} ({count:,})" for name, count in counts.dialects.most_common(10)) or "none"),
    ]
    return table(("what", "how many"), rows)


def _labels(counts: Counts) -> str:
    named = [(label, counts.labels[label]) for label in LABELS if counts.labels[label]]
    rows = [
        (
            Html(f'<span class="{_COLOURS.get(label, "")}">{text(label)}</span>'),
            count,
            percent(count / counts.outputs),
        )
        for label, count in named
    ]
    return table(("label", "outputs", "share"), rows)


def _tools(counts: Counts) -> str:
    names = _names(counts)
    rows: list[tuple[object, ...]] = []
    for name in names[:TOOLS]:
        calls, failures = counts.calls[name], counts.failures[name]
        rows.append((name, calls, failures, percent(failures / (calls + failures) if calls + failures else 0)))
    rest = f'<p class="dim">and {len(names) - TOOLS:,} more</p>' if len(names) > TOOLS else ""
    return table(("tool", "calls", "failures", "failed"), rows) + rest


def _days(counts: Counts) -> str:
    rows = []
    for day in sorted(counts.days):
        labels = counts.days[day]
        count = labels.total()
        bad, called = failed(labels), tried(labels)
        parts = (("bad", bad), ("good", called - bad), ("rest", count - called))
        bar = "".join(f'<span class="{name}" style="width:{100 * n / count:.2f}%"></span>' for name, n in parts if n)
        shown = ", ".join(f"{label} {labels[label]:,}" for label in LABELS if labels[label])
        share = percent(rate(labels)) if called else ""
        rows.append((day, count, share, Html(f'<div class="bar">{bar}</div>'), shown))
    return table(("day", "outputs", "failed", "", "labels"), rows)


def _sample(audit: Audit, sample: Sample) -> str:
    excerpt = sample.excerpt
    rest = excerpt.length - excerpt.start - len(excerpt.shown)
    before = f'<span class="dim">[… {excerpt.start:,} characters]</span>\n' if excerpt.start else ""
    after = f'\n<span class="dim">[… {rest:,} characters]</span>' if rest else ""
    head = f'<h3 class="bad">{text(sample.label)}</h3>\n<p>{text(audit.where(sample.location))}: '
    return f"{head}{text(', '.join(sample.codes) or 'no diagnosis')}</p>\n<pre>{before}{marked(excerpt)}{after}</pre>"


def marked(excerpt: Excerpt) -> str:
    """Return an excerpt as HTML with its spans highlighted; spans that overlap are one mark with all their codes."""
    shown = excerpt.shown
    spans = [(_visible(span, len(shown)), code) for span, code in excerpt.marks]
    edges = sorted({0, len(shown), *(edge for span, _ in spans for edge in span)})
    pieces: list[str] = []
    for start, end in pairwise(edges):
        codes = dict.fromkeys(code for (low, high), code in spans if low <= start and end <= high)
        piece = text(shown[start:end])
        pieces.append(f'<mark title="{text(", ".join(codes))}">{piece}</mark>' if codes else piece)
    return "".join(pieces)


def _visible(span: tuple[int, int], length: int) -> tuple[int, int]:
    """Return the span, or where it is empty the character behind it, or the last one at the end of the text."""
    low, high = span
    if low < high:
        return span
    return (low, low + 1) if low < length else (max(0, low - 1), low)


def _unread(audit: Audit) -> Iterator[str]:
    counts = audit.counts
    if counts.unread:
        yield "<h2>Could not be read</h2>"
        yield table(("where", "why"), [(audit.where(it.location), it.reason) for it in counts.named])
        if counts.unread > len(counts.named):
            yield f'<p class="dim">and {counts.unread - len(counts.named):,} more</p>'
