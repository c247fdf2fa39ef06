"""Conversations of three APIs, in the shapes that the real SDKs write, become the same turns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic import types as anthropic_types
from openai.types import chat as chat_types
from openai.types import responses as responses_types

import wireproto as wp
from wireproto.adapters.history import (
    CallIds,
    Turn,
    from_anthropic,
    from_chat,
    from_responses,
    joined,
    to_chat,
    with_wire_ids,
)

SEEN = Turn("assistant", message=wp.Message("I look.", "hm", (wp.Call("read", {"path": "a"}, "call_1"),)))
RESULT = Turn("tool", results=(wp.ToolResult("read", "text of a", "call_1"),))
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def plain(turns: list[Turn]) -> list[Turn]:
    return [Turn(turn.role, turn.content, turn.message, turn.results) for turn in turns]


def chat_message(**fields: Any) -> dict[str, Any]:
    """An assistant's message as a harness sends it back: what the SDK's own model dumps."""
    calls = [{"id": "call_1", "type": "function", "function": {"name": "read", "arguments": '{"path": "a"}'}}]
    value = chat_types.ChatCompletionMessage.model_validate(
        {"role": "assistant", "content": "I look.", "tool_calls": calls, **fields}
    )
    return dict(value.model_dump(exclude_none=True))


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_trap_13_reasoning_is_read_under_either_name_and_written_under_one(key: str) -> None:
    history = [
        {"role": "developer", "content": [{"type": "text", "text": "be "}, {"type": "text", "text": "brief"}]},
        {"role": "user", "content": "read a"},
        chat_message(**{key: "hm"}),
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "text of a"}]},
    ]
    turns = from_chat(history)
    assert turns == [Turn("system", "be brief"), Turn("user", "read a"), SEEN, RESULT]
    for wanted in ("reasoning_content", "reasoning"):
        written = to_chat(turns, wanted)
        assert written[2][wanted] == "hm" and len({"reasoning_content", "reasoning"} & written[2].keys()) == 1
        assert from_chat(written) == turns
    assert "hm" not in json.dumps(to_chat(turns, None))


def test_trap_14_no_content_is_null() -> None:
    history = [
        {"role": "user", "content": None},
        chat_message(content=None),
        {"role": "tool", "tool_call_id": "call_1"},
    ]
    assert [message["content"] for message in to_chat(from_chat(history))] == ["", "", ""]


def test_anthropic_messages_as_the_sdk_has_them() -> None:
    answer = anthropic_types.Message.model_validate({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
        "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 2},
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "eHg="},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "call_1", "name": "read", "input": {"path": "a"}},
        ],
    })  # fmt: skip
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    result = {
        "type": "tool_result",
        "tool_use_id": "call_1",
        "content": [{"type": "text", "text": "text of a"}, picture],
    }
    history = [
        {"role": "user", "content": "read a"},
        {"role": "assistant", "content": [block.to_dict() for block in answer.content]},
        {"role": "user", "content": [{"type": "text", "text": "go on"}, result]},
    ]
    turns = from_anthropic(history, [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}])
    seen = {"type": "image_url", "image_url": {"url": PIXEL}}
    assert plain(turns) == [
        Turn("system", "be brief"), Turn("user", "read a"), SEEN, RESULT, Turn("user", (seen,)), Turn("user", "go on"),
    ]  # fmt: skip
    assert turns[2].opaque == ({"signature": "c2ln"}, {"data": "eHg="})


def test_trap_18_thinking_without_a_signature_is_read() -> None:
    (turn,) = from_anthropic(
        [{"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": ""}]}]
    )
    assert (turn.message.reasoning, turn.opaque) == ("hm", ())


def test_responses_items_as_the_sdk_has_them() -> None:
    output = [
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "eHg="},
        {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "I look.", "annotations": []}]},
        {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "read", "arguments": '{"path": "a"}'},
    ]  # fmt: skip
    answer = responses_types.Response.model_validate({
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": output, "tools": [],
        "parallel_tool_calls": True, "tool_choice": "auto",
    })  # fmt: skip
    items = [item.to_dict() for item in answer.output]
    result = {"type": "function_call_output", "call_id": "call_1", "output": "text of a"}
    turns = from_responses([{"role": "user", "content": "read a"}, *items, result], "be brief")
    assert plain(turns) == [Turn("system", "be brief"), Turn("user", "read a"), SEEN, RESULT]
    assert turns[2].opaque == ({"id": "rs_1", "encrypted_content": "eHg="},)
    assert from_responses("hello") == [Turn("user", "hello")]


def test_a_picture_stays_where_a_chat_may_have_one() -> None:
    picture = {"type": "image_url", "image_url": {"url": PIXEL}}
    turns = from_responses([{"role": "user", "content": [{"type": "input_image", "image_url": PIXEL}]}])
    assert turns == [Turn("user", (picture,))] == from_chat([{"role": "user", "content": [picture]}])
    assert to_chat(turns) == [{"role": "user", "content": [picture]}]


def test_what_a_cut_answer_left_of_a_call_is_no_call_that_ran() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "read", "arguments": '{"path": "a'}}
    (turn,) = from_chat([{"role": "assistant", "content": "", "tool_calls": [call]}])
    assert [(call.arguments, call.complete) for call in turn.message.calls] == [({}, False)]
    assert to_chat([turn])[0]["tool_calls"][0]["function"]["arguments"] == "{}"
    call["function"] = {"name": "read", "arguments": ""}
    (turn,) = from_chat([{"role": "assistant", "content": "", "tool_calls": [call]}])
    assert turn.message.calls == (wp.Call("read", {}, "c"),)


def test_older_and_custom_calls_are_read() -> None:
    older = {"role": "assistant", "content": None, "function_call": {"name": "read", "arguments": "{}"}}
    custom = {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "run", "input": "ls"}}],
    }
    turns = from_chat([older, {"role": "function", "name": "read", "content": "x"}, custom])
    assert turns[0].message.calls == (wp.Call("read", {}),) and turns[2].message.calls == (
        wp.Call("run", {"input": "ls"}, "c"),
    )
    assert turns[1].results == (wp.ToolResult("read", "x"),)
    called = {"type": "custom_tool_call", "call_id": "c", "name": "run", "input": "ls"}
    assert from_responses([called])[0].message.calls == turns[2].message.calls


@pytest.mark.parametrize(
    ("read", "place"),
    [
        (lambda: from_chat("x"), "messages: expected a list"),
        (lambda: from_chat([{"role": "user", "content": [{"type": "file"}]}]), r"messages\[0\].content\[0\]"),
        (lambda: from_chat([{"role": "critic"}]), r"messages\[0\].role"),
        (lambda: from_chat([{"role": "assistant", "tool_calls": [{"type": "x"}]}]), r"tool_calls\[0\].type"),
        (lambda: from_anthropic([{"role": "user", "content": [{"type": "document"}]}]), "'document' is not supported"),
        (
            lambda: from_anthropic(
                [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": "{}"}]}]
            ),
            "input",
        ),
        (lambda: from_responses([{"type": "item_reference", "id": "x"}]), "item_reference"),
        (
            lambda: from_responses([{"type": "message", "role": "user", "content": [{"type": "input_file"}]}]),
            "input_file",
        ),
    ],
)
def test_what_cannot_be_read_is_named(read: Any, place: str) -> None:
    with pytest.raises(wp.ShapeError, match=place.replace("'", "[\"']")):
        read()


def test_a_result_whose_call_is_gone_still_has_a_name() -> None:
    (turn,) = from_chat([{"role": "tool", "tool_call_id": "gone", "content": "x"}])
    assert turn.results == (wp.ToolResult("unknown", "x", "gone"),)


def test_trap_19_ids_are_those_of_the_format_and_unique_in_the_conversation() -> None:
    calls = (wp.Call("f", {}, "toolu_01A"), wp.Call("f", {}, "functions.f:0"), wp.Call("g", {}, None))
    results = tuple(wp.ToolResult(call.name, "x", call.id) for call in calls[:2])
    turns = [Turn("assistant", message=wp.Message(calls=calls)), Turn("tool", results=results)]
    said, told = with_wire_ids(turns, "kimi_k2")
    assert [call.id for call in said.message.calls] == ["functions.f:0", "functions.f:1", "functions.g:2"]
    assert [result.id for result in told.results] == ["functions.f:0", "functions.f:1"]
    said, told = with_wire_ids(turns, "mistral")
    assert [call.id for call in said.message.calls] == ["call00000", "call00001", "call00002"]
    assert with_wire_ids([said, told], "mistral") == [said, told]
    for name in wp.dialects():
        for call in with_wire_ids(turns, name)[0].message.calls:
            assert wp.encode(call, name), name


def test_trap_19_a_new_id_is_free() -> None:
    ids = CallIds(None, [SEEN, Turn("assistant", message=wp.Message(calls=(wp.Call("f", {}, "call00002"),)))])
    assert [ids.give("call_1"), ids.give("mine"), ids.give()] == ["call00003", "mine", "call00004"]
    assert CallIds("kimi_k2").give(None, "f") == "functions.f:0"


def test_the_system_speaks_first_and_once() -> None:
    turns = [Turn("user", "hi"), Turn("system", "a"), Turn("system", "b")]
    assert joined(turns) == [Turn("system", "a\n\nb"), Turn("user", "hi")]
    assert joined(turns[:1]) == turns[:1]
