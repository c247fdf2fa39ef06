"""The values that a decoder returns, where they have to keep what a caller might break: arguments, ids and order."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from judging import CASES, REALITY

import wireproto as wp
from docs.house import ROOT
from wireproto.testing import Decoded, Trial
from wireproto.testing.laws import MONOTONE

TOOLS = [
    {
        "name": "f",
        "parameters": {"properties": {"x": {"type": "string"}, "items": {"type": "array"}, "o": {"type": "object"}}},
    }
]
PLAIN = {"x": "a", "items": [1, [2]], "o": {"k": {"n": 1}}}


def decoded(dialect: str = "hermes") -> wp.Call:
    return wp.parse(wp.encode([wp.Call("f", PLAIN)], dialect, TOOLS), dialect, TOOLS).calls[0]


CHANGES: list[Callable[[dict[str, Any]], Any]] = [
    lambda it: it.__setitem__("x", "b"),
    lambda it: it.__delitem__("x"),
    lambda it: it.pop("x"),
    lambda it: it.popitem(),
    lambda it: it.clear(),
    lambda it: it.update(x="b"),
    lambda it: it.setdefault("y", 1),
    lambda it: it.__ior__({"x": "b"}),
]


@pytest.mark.parametrize("dialect", wp.dialects())
@pytest.mark.parametrize("change", range(len(CHANGES)))
def test_arguments_cannot_be_changed(dialect: str, change: int) -> None:
    call = decoded(dialect)
    with pytest.raises(TypeError, match=r"dict\(call.arguments\)"):
        CHANGES[change](call.arguments)
    assert call.arguments == PLAIN


def collected(**given: Any) -> dict[str, Any]:
    return given


TAKEN: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    lambda it: {key: it[key] for key in it},
    lambda it: {key: it.get(key) for key in it},
    lambda it: dict(it.items()),
    lambda it: dict(zip(it, it.values(), strict=True)),
    dict,
    lambda it: {**it},
    lambda it: collected(**it),
    lambda it: it.copy(),
    lambda it: it | {},
    lambda it: {} | it,
    copy.copy,
    copy.deepcopy,
]


@pytest.mark.parametrize("dialect", ["hermes", "qwen3_coder", "xml", "toml"])
@pytest.mark.parametrize("take", range(len(TAKEN)))
def test_what_is_taken_out_is_a_copy(dialect: str, take: int) -> None:
    call = decoded(dialect)
    taken = TAKEN[take](call.arguments)
    assert taken == PLAIN and type(taken) is dict
    taken["items"][1].append(3)
    taken["o"]["k"].clear()
    taken["new"] = 1
    assert call.arguments == PLAIN


@pytest.mark.parametrize("dialect", ["hermes", "qwen3_coder", "mistral", "toml"])
def test_events_and_plain_data_share_nothing_with_a_call(dialect: str) -> None:
    decoder = wp.Decoder(dialect, TOOLS)
    events = [*decoder.feed(wp.encode([wp.Call("f", PLAIN)], dialect, TOOLS)), *decoder.close()]
    for event in events:
        if isinstance(event, wp.ArgumentEnd) and isinstance(event.value, list):
            event.value.append("changed")
        elif isinstance(event, wp.ArgumentEnd) and isinstance(event.value, dict):
            event.value.clear()
        elif isinstance(event, wp.CallEnd):
            event.call.to_dict()["arguments"]["items"].append("changed")
    assert decoder.message.calls[0].arguments == PLAIN


def test_arguments_are_a_dict_to_everybody() -> None:
    call = decoded()
    assert isinstance(call.arguments, dict) and call.arguments == PLAIN and call.arguments == PLAIN
    assert json.dumps(call.arguments) == json.dumps(PLAIN) == json.dumps(call.arguments, indent=None)
    assert json.dumps(call.arguments, indent=1, sort_keys=True) == json.dumps(PLAIN, indent=1, sort_keys=True)
    assert repr(call.arguments) == repr(PLAIN) and [*call.arguments] == [*PLAIN] and "x" in call.arguments
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(call.arguments, protocol))
        assert again == PLAIN and type(again) is type(call.arguments)
    assert copy.deepcopy(wp.Message(calls=(call,))).calls == (call,)
    match call.arguments:
        case {"x": x, **rest}:
            assert x == "a" and rest.keys() == {"items", "o"}
    with pytest.raises(KeyError):
        call.arguments["y"]
    assert call.arguments.get("y", 3) == 3


def test_an_event_hands_out_copies_and_is_a_plain_value() -> None:
    event = wp.ArgumentEnd(0, "items", [1, [2]])
    event.value.append(3)
    assert event.value == [1, [2]] and event == wp.ArgumentEnd(0, "items", [1, [2]])
    assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == replace(event) == event
    assert repr(event) == "ArgumentEnd(index=0, key='items', value=[1, [2]])"
    with pytest.raises(FrozenInstanceError):
        event.value = 3  # type: ignore[misc]


def test_candidates_cannot_be_changed_either() -> None:
    text = f"Say\n```\n{wp.encode([wp.Call('f', PLAIN)], 'hermes', TOOLS)}\n```\nplease."
    (candidate,) = wp.parse(text, "hermes", TOOLS).candidates
    with pytest.raises(TypeError):
        candidate.arguments["x"] = "b"


# --- when to run a call ----------------------------------------------------------------------------------------------

SENTENCE = (
    "Run a call only if `complete` is true: then it was written to its end and each of its arguments could be read; "
    "whether its name and values are what the tool declares is said by its `diagnoses`."
)
NOT_READ = {"json-invalid", "toml-invalid", "truncated-call", "truncated-value"}


def test_one_sentence_says_when_to_run_a_call() -> None:
    pages = ("how-to/embed-in-a-harness.md", "reference/diagnoses.md", "reference/api.md")
    texts = [wp.Call.__doc__ or "", *((ROOT / "docs" / page).read_text(encoding="utf-8") for page in pages)]
    for text in texts:
        assert SENTENCE in " ".join(text.split())


@pytest.mark.parametrize("case", [*CASES, *REALITY], ids=lambda case: case["id"])
def test_it_is_true_for_every_diagnosis(case: dict[str, Any]) -> None:
    try:
        message = wp.parse(case["text"], case["dialect"], case["tools"], finish_reason=case.get("finish_reason"))
    except wp.SchemaError:
        return
    for call in message.calls:
        codes = {found.code for found in call.diagnoses}
        assert not (call.complete and codes & NOT_READ)
        assert call.complete or any(found.severity == "defect" for found in call.diagnoses)


# --- ids --------------------------------------------------------------------------------------------------------------

LATE = [
    ("mistral", '[TOOL_CALLS][{"name": "f", "arguments": {"x": "a"}, "id": "call00001"}]'),
    ("hermes", '<tool_call>\n{"name": "f", "id": "call00001", "arguments": {"x": "a"}}\n</tool_call>'),
    ("llama3_json", '{"name": "f", "parameters": {"x": "a"}, "id": "call00001"}'),
]
EARLY = [
    ("hermes", '<tool_call>\n{"id": "call00001", "name": "f", "arguments": {"x": "a"}}\n</tool_call>'),
    ("hermes", '<tool_call>\n{"arguments": {"x": "a"}, "id": "call00001", "name": "f"}\n</tool_call>'),
    ("mistral_v11", '[TOOL_CALLS]f[CALL_ID]call00001[ARGS]{"x": "a"}'),
    ("xml", '<tool_calls>\n<call name="f" id="call00001">\n<arg name="x">a</arg>\n</call>\n</tool_calls>'),
    ("toml", '+++ tool_calls\n[[call]]\nname = "f"\nid = "call00001"\n\n[call.arguments]\nx = "a"\n+++'),
]


@pytest.mark.parametrize(("dialect", "text"), [*LATE, *EARLY])
def test_an_id_is_told_once(dialect: str, text: str) -> None:
    late = (dialect, text) in LATE
    for chunks in ((text,), tuple(text)):
        decoder = wp.Decoder(dialect, TOOLS)
        events = [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()
        start, *_ = (event for event in events if isinstance(event, wp.CallStart))
        told = [event for event in events if isinstance(event, wp.CallIdentified)]
        assert start.id == (None if late else "call00001")
        assert told == ([wp.CallIdentified(0, "call00001")] if late else [])
        assert decoder.message.calls[0].id == "call00001"
    MONOTONE.check(Decoded(dialect, Trial(text, tuple(text), TOOLS)))


def test_of_two_ids_the_first_counts() -> None:
    text = '<tool_call>\n{"name": "f", "id": "a", "id": "b", "arguments": {"x": "a"}}\n</tool_call>'
    (call,) = wp.parse(text, "hermes", TOOLS).calls
    assert call.id == "a" and [found.code for found in call.diagnoses] == ["duplicate-argument"]


# --- order ------------------------------------------------------------------------------------------------------------


def test_a_promoted_call_stands_where_its_text_stands() -> None:
    one, two = (wp.encode([wp.Call("f", {"x": x})], "hermes", TOOLS) for x in "ab")
    policy = wp.Policy(promote={"*": {"quoted"}})
    decoder = wp.Decoder("hermes", TOOLS, policy=policy)
    events = [*decoder.feed(f"```\n{one}\n```\nand\n{two}"), *decoder.close()]
    message = decoder.message
    assert [call.arguments["x"] for call in message.calls] == ["a", "b"]
    assert [event.call.arguments["x"] for event in events if isinstance(event, wp.CallEnd)] == ["b", "a"]
    assert wp.parse(f"```\n{one}\n```\nand\n{two}", "hermes", TOOLS, policy=policy).calls == message.calls


@pytest.mark.parametrize(
    ("dialect", "value"),
    [("hermes", '{"a": 1, "a": 2}'), ("qwen3_coder", '{"a": 1, "a": 2}'), ("glm47", '{"a": 1, "a": 2}')],
)
def test_of_equal_keys_inside_a_value_the_last_counts(dialect: str, value: str) -> None:
    text = wp.encode([wp.Call("f", {"o": {"a": 7}})], dialect, TOOLS).replace('{"a": 7}', value)
    decoder = wp.Decoder(dialect, TOOLS)
    events = [*decoder.feed(text), *decoder.close()]
    assert decoder.message.calls[0].arguments == {"o": {"a": 2}}
    assert json.loads("".join(it.text for it in events if isinstance(it, wp.ArgumentDelta))) == {"a": 2}
