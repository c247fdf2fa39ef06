"""Every case of fixtures/reality/: outputs of real models and the tests of other parsers, in any chunks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from effort import rounds
from judging import REALITY

import wireproto as wp
from wireproto.testing.decoded import merged
from wireproto.text.json_safe import identical
from wireproto.values.diagnoses import CODES
from wireproto.values.events import Event

every_report = pytest.mark.parametrize("case", REALITY, ids=lambda case: case["id"])
# Texts are not cut at every place: the cost is quadratic. The long run cuts all but long ones everywhere.
LONG = 2_000
EVERY = rounds(7, 1)


def _decode(case: dict[str, Any], chunks: tuple[str, ...], dialect: str = "") -> tuple[list[Event], wp.Message]:
    decoder = wp.Decoder(
        dialect or case["dialect"],
        case["tools"],
        policy=wp.Policy(**case.get("policy", {})),
        reasoning_open=case.get("reasoning_open", False),
        **({"forced": case["forced"]} if "forced" in case else {}),
    )
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    events += decoder.close(case.get("finish_reason"))
    return events, decoder.message


def _plain(calls: Any) -> list[dict[str, Any]]:
    return [{"name": call.name, "arguments": call.arguments} for call in calls]


@every_report
def test_right_values(case: dict[str, Any]) -> None:
    _, message = _decode(case, (case["text"],))
    expect = case["expect"]
    got = {
        "calls": _plain(call for call in message.calls if call.complete),
        "incomplete": _plain(call for call in message.calls if not call.complete),
        "candidates": _plain(message.candidates),
    }
    for part, calls in got.items():
        if expect.get(part) is not None:
            assert identical(calls, expect[part]), f"{part}: {calls} is not {expect[part]}: {message.diagnoses}"
    for part in ("text", "reasoning"):
        if expect.get(part) is not None:
            assert getattr(message, part).strip() == expect[part].strip()
    wanted = expect.get("diagnosis") or []
    found = {each.code for each in (*message.diagnoses, *(d for call in message.calls for d in call.diagnoses))}
    assert ({wanted} if isinstance(wanted, str) else set(wanted)) <= found
    assert found <= CODES.keys()
    assert "".join(segment.raw for segment in message.segments) == case["text"]


@every_report
def test_auto_agrees(case: dict[str, Any]) -> None:
    if not case.get("auto", True):
        case = {**case, "expect": {}}  # the text alone does not show the dialect; it has to be read all the same
    _, message = _decode(case, (case["text"],), "auto")
    calls = case["expect"].get("calls")
    assert calls is None or identical(_plain(call for call in message.calls if call.complete), calls)


@every_report
def test_chunks_do_not_matter(case: dict[str, Any]) -> None:
    events, message = _decode(case, (case["text"],))
    for chunks in _chunkings(case["text"]):
        cut, other = _decode(case, chunks)
        assert other == message, chunks
        assert merged(cut) == merged(events), chunks


def _chunkings(text: str) -> Iterator[tuple[str, ...]]:
    yield tuple(text)
    for at in range(1 + len(text) % EVERY, len(text), EVERY if len(text) < LONG else 97):
        yield text[:at], text[at:]
    chance = random.Random(text)
    for _ in range(5):
        cuts = [0, *sorted(chance.choices(range(len(text)), k=8)), len(text)]
        yield tuple(text[start:end] for start, end in pairwise(cuts))


@pytest.mark.parametrize("forced", ["always", {"type": "function"}, {"name": "other"}, {"name": 1}, 7])
def test_what_cannot_be_forced(forced: Any) -> None:
    tools = [{"name": "run", "parameters": {"type": "object", "properties": {}}}]
    with pytest.raises(wp.WireprotoError, match=r"^forced: "):
        wp.Decoder("hermes", tools, forced=forced)
    with pytest.raises(wp.WireprotoError, match="no tools were offered"):
        wp.parse("", "hermes", [], forced="required")
