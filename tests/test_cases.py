"""Every case of fixtures/resolution.jsonl and fixtures/own.jsonl: what each rule of resolution decides, in any chunks."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from judging import CASES, every_case

import wireproto as wp
from wireproto.testing import Trial
from wireproto.testing.decoded import decode, merged
from wireproto.text.json_safe import identical
from wireproto.values.diagnoses import CODES
from wireproto.values.events import Diagnosed

# The file's names to our codes: any one of them must be there; None: nothing is wrong, or not what is tested here.
CODES_OF: dict[str, tuple[str, ...] | None] = {
    "alias_key": ("alias-key",),
    "ambiguous_boundary": None,
    "duplicate_close": ("duplicate-closer",),
    "duplicate_parameter": ("duplicate-argument",),
    "empty_block": ("empty-block",),
    "foreign_dialect": ("foreign-dialect",),
    "held_prefix_released": None,
    "id_noncanonical": ("noncanonical-id",),
    "json_invalid": ("json-invalid",),
    "json_repaired": ("json-repaired",),
    "json_trailing_junk": ("json-repaired",),
    "leaked_call": None,
    "leaked_call_no_tools": None,
    "marker_variant": ("marker-variant",),
    "mismatched_close": ("mismatched-closer",),
    "missing_end": ("unclosed-call",),
    "missing_start_marker": ("missing-wrapper",),
    "missing_value_opener": ("missing-value-opener",),
    "missing_value_close": ("unclosed-value",),
    "missing_wrapper": ("missing-wrapper",),
    "ok": None,
    "ok_fence_unclosed": ("fence-not-closed",),
    "ok_literal_python": None,
    "quoted_example": None,
    "reasoning_draft": ("draft-call",),
    "reasoning_not_closed": ("reasoning-not-closed",),
    "reasoning_only_call": ("reasoning-only-call",),
    "suspicious_entities": ("suspicious-entities",),
    "truncated_in_call": ("truncated-call", "unclosed-call"),
    "truncated_in_value": ("truncated-value",),
    "type_conflict": ("type-conflict",),
    "type_mismatch": ("type-mismatch",),
    "unknown_parameter": ("unknown-argument",),
    "unknown_tool": ("unknown-tool",),
    "value_repaired": ("value-repaired",),
}
CLEAN = {"ok", "quoted_example", "held_prefix_released", "ok_literal_python"}

# The candidates of drafts and quotes, which the file itself does not list.
NOT_PROMOTED = {
    "think-02": ("draft-call", [{"name": "read_file", "arguments": {"path": "a.txt"}}]),
    "fence-02": ("quoted-call", [{"name": "shell_exec", "arguments": {"command": "echo sample"}}]),
    "fence-07": ("quoted-call", [{"name": "shell_exec", "arguments": {"command": "id"}}]),
}
LONG = 2_000


def _trial(case: dict[str, Any], chunks: tuple[str, ...] = ()) -> Trial:
    return Trial(case["text"], chunks, case["tools"], case.get("finish_reason"), case.get("reasoning_open", False))


def _plain(calls: Any) -> list[dict[str, Any]]:
    return [{"name": call.name, "arguments": call.arguments} for call in calls]


def _codes(message: wp.Message) -> set[str]:
    return {found.code for found in _all_diagnoses(message)}


def _all_diagnoses(message: wp.Message) -> list[wp.Diagnosis]:
    return [*message.diagnoses, *(found for call in message.calls for found in call.diagnoses)]


@every_case
def test_calls(case: dict[str, Any]) -> None:
    message = decode(case["dialect"], _trial(case))[1]
    got = _plain(call for call in message.calls if call.complete)
    assert identical(got, case["expect"]["calls"]), f"{got} is not {case['expect']['calls']}: {message.diagnoses}"


@every_case
def test_incomplete_calls(case: dict[str, Any]) -> None:
    message = decode(case["dialect"], _trial(case))[1]
    incomplete = [call for call in message.calls if not call.complete]
    if case["expect"]["diagnosis"] == "json_invalid":
        # What is left of arguments that are no JSON is not prescribed, only that the call is there and says why.
        assert ["json-invalid" in {found.code for found in call.diagnoses} for call in incomplete] == [True]
    else:
        assert identical(_plain(incomplete), case["expect"].get("incomplete", []))


@every_case
def test_text_and_reasoning(case: dict[str, Any]) -> None:
    message = decode(case["dialect"], _trial(case))[1]
    assert message.reasoning == case["expect"].get("reasoning", "")
    if case["expect"]["text"] is not None:
        assert message.text == case["expect"]["text"]


@every_case
def test_diagnoses(case: dict[str, Any]) -> None:
    message = decode(case["dialect"], _trial(case))[1]
    name = case["expect"]["diagnosis"].partition(":")[0]
    wanted = CODES_OF[name]
    assert wanted is None or _codes(message) & set(wanted), f"{message.diagnoses} has none of {wanted}"
    if name in CLEAN:
        assert [found for found in _all_diagnoses(message) if found.severity != "note"] == []
    assert _codes(message) <= CODES.keys()


@pytest.mark.parametrize("name", NOT_PROMOTED)
def test_drafts_and_quotes_are_candidates(name: str) -> None:
    (case,) = (case for case in CASES if case["id"] == name)
    code, expected = NOT_PROMOTED[name]
    message = decode(case["dialect"], _trial(case))[1]
    assert identical(_plain(message.candidates), expected)
    assert code in _codes(message)


@pytest.mark.parametrize("case", [case for case in CASES if "wire_args" in case["expect"]], ids=lambda case: case["id"])
def test_deltas_on_the_wire(case: dict[str, Any]) -> None:
    events, _ = decode(case["dialect"], _trial(case, tuple(case["text"])))
    kinds = {event.key: event.kind for event in events if isinstance(event, wp.ArgumentStart)}
    members = []
    for key, kind in kinds.items():
        spelled = "".join(e.text for e in events if isinstance(e, wp.ArgumentDelta) and e.key == key)
        members.append(f"{json.dumps(key)}: {spelled if kind == 'json' else json.dumps(spelled)}")
    assert "{" + ", ".join(members) + "}" == case["expect"]["wire_args"]


@every_case
def test_replay(case: dict[str, Any]) -> None:
    message = decode(case["dialect"], _trial(case))[1]
    assert "".join(segment.raw for segment in message.segments) == case["text"]
    for call in message.calls + message.candidates:
        assert call.raw == case["text"][slice(*call.span)] != ""
    if case.get("replay_exact"):
        # Nothing stands around the call in these, so its own text is all there is.
        assert [call.raw for call in message.calls] == [case["text"]]


@every_case
def test_chunks_do_not_matter(case: dict[str, Any]) -> None:
    events, message = decode(case["dialect"], _trial(case))
    expected = merged(events), [event for event in events if isinstance(event, Diagnosed)]
    for chunks in _chunkings(case):
        assert "".join(chunks) == case["text"]
        events, other = decode(case["dialect"], _trial(case, chunks))
        assert other == message, f"cut as {_cuts(chunks)}"
        got = merged(events), [event for event in events if isinstance(event, Diagnosed)]
        assert got == expected, f"cut as {_cuts(chunks)}"


def _chunkings(case: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """One character at a time, cut in two anywhere, as the case says, and at random."""
    text = case["text"]
    yield tuple(text)
    if "chunks" in case:
        yield tuple(case["chunks"])
    places: Iterable[int] = range(1, len(text))
    if len(text) > LONG:
        places = [*range(1, 200), *range(200, len(text) - 200, 97), *range(len(text) - 200, len(text))]
    for at in places:
        yield text[:at], text[at:]
    chance = random.Random(case["id"])
    for _ in range(5):
        cuts = [0, *sorted(chance.choices(range(len(text)), k=8)), len(text)]
        yield tuple(text[start:end] for start, end in pairwise(cuts))


def _cuts(chunks: tuple[str, ...]) -> str:
    return f"{len(chunks)} chunks, the first {chunks[0]!r}"
