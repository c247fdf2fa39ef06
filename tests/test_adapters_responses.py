"""OpenAI's Responses: the writer's events in the official client, and the traps of this API by their numbers.

Where a trap says what a client does with other events, the client is shown those too: if it changes, the writer may.
"""

from __future__ import annotations

import json
from typing import Any

import clients
import pytest
from clients import EVERY, USAGE, Same, Streamed, chunked, openai, spells, stream, streamed
from effort import rounds

import wireproto as wp
from wireproto.adapters import NativeDelta, ResponsesWriter, response_object

TOOLS = [
    {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "integer"}}}},
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
]
F = '<tool_call>\n{"name": "f", "arguments": {"a": "é\\u0007\\n\\"x", "n": 2}}\n</tool_call>'
NOW = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'


def writer(**given: Any) -> ResponsesWriter:
    return ResponsesWriter("resp_1", "m", 1, **given)


def case_of(text: str, **given: Any) -> dict[str, Any]:
    return {"dialect": "hermes", "tools": TOOLS, "text": text, **given}


def events_of(body: str) -> list[dict[str, Any]]:
    """Return the events of a stream."""
    return [json.loads(event.partition("data: ")[2]) for event in body.split("\n\n") if event]


def thought(item: Any) -> str:
    return "".join(part.text for part in [*(item.content or ()), *item.summary])


def judge(made: Streamed) -> Any:
    """Hold what the client reads to what was decoded."""
    read = clients.responses(made.body).answer
    message, output = made.message, read.output
    assert read.output_text == message.text
    assert "".join(thought(item) for item in output if item.type == "reasoning") == message.reasoning
    calls = [item for item in output if item.type == "function_call"]
    assert [item.name for item in calls] == [call.name for call in made.calls]
    for item, call in zip(calls, made.calls, strict=True):
        assert item.status == ("completed" if call.complete else "incomplete")
        assert not call.complete or spells(item.arguments, call.arguments)
    assert len({item.call_id for item in calls}) == len(calls)
    if len(made.complete) < len(made.calls):
        assert read.status == "incomplete" and read.incomplete_details.reason == "max_output_tokens"
    assert read.usage.total_tokens == 12 and read.id == "resp_1"
    return read


def test_every_fixture_in_the_client() -> None:
    for at, (case, step) in enumerate(chunked(1)):
        judge(streamed(case, step, writer(reasoning="text" if at % 2 else "summary")))


class Fed(ResponsesWriter):
    """Writes each chunk as `feed` returns it."""

    def lines(self, events: Any) -> str:
        return self.sse(self.feed(events))


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_lines_are_what_feed_returns(step: int) -> None:
    for case in EVERY[::40]:
        once = [streamed(case, step, it).body for it in (writer(ids=Same()), Fed("resp_1", "m", 1, ids=Same()))]
        assert once[0] == once[1]


def test_trap_10_order_is_kept() -> None:
    read = judge(streamed(case_of(f"<think>hm</think>a {NOW} b {F}"), 1, writer()))
    assert [item.type for item in read.output] == ["reasoning", "message", "function_call", "message", "function_call"]


def test_trap_20_items_keep_what_they_are() -> None:
    body = streamed(case_of(f"<think>hm</think>a {NOW} b {F}"), 3, writer(fields={"instructions": "be kind"})).body
    events = events_of(body)
    assert [event["sequence_number"] for event in events] == [*range(len(events))]
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert {event["response"]["id"] for event in events if "response" in event} == {"resp_1"}
    added = [event["item"] for event in events if event["type"] == "response.output_item.added"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    last = events[-1]["response"]
    assert last["output"] == done and last["instructions"] == "be kind"
    for key in ("id", "call_id", "name", "type"):
        assert [item.get(key) for item in added] == [item.get(key) for item in done]
    places = [event["output_index"] for event in events if "output_index" in event]
    assert places == sorted(places) and {*places} == {*range(len(done))}
    other = {**events[-1], "response": {**last, "id": "resp_2"}}
    with pytest.raises(RuntimeError, match="identity"):
        clients.responses(stream([*events[:-1], other], named=True, done=False))


@pytest.mark.parametrize("reasoning", ["text", "summary"])
def test_trap_21_reasoning_has_a_part_of_its_own(reasoning: Any) -> None:
    made = streamed(case_of("<think>hm</think>a"), 1, writer(reasoning=reasoning))
    kinds = [event["type"] for event in events_of(made.body) if event.get("output_index") == 0]
    name, part = ("reasoning_text", "content_part")
    if reasoning == "summary":
        name, part = "reasoning_summary_text", "reasoning_summary_part"
    assert kinds == [
        "response.output_item.added",
        f"response.{part}.added",
        f"response.{name}.delta",
        f"response.{name}.delta",
        f"response.{name}.done",
        f"response.{part}.done",
        "response.output_item.done",
    ]
    item = judge(made).output[0]
    assert [len(item.content or ()), len(item.summary)] == ([1, 0] if reasoning == "text" else [0, 1])


HALF = F[: F.index("x")]


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "abort"])
def test_trap_22_a_cut_is_incomplete(reason: str) -> None:
    made = streamed(case_of(f"a {HALF}", finish_reason=reason), 3, writer())
    read, kinds = judge(made), [event["type"] for event in events_of(made.body)]
    assert [item.status for item in read.output] == ["completed", "incomplete"]
    assert "response.function_call_arguments.done" not in kinds and kinds[-1] == "response.incomplete"
    cut = judge(streamed(case_of("a", finish_reason="length"), 3, writer()))
    assert cut.status == "incomplete" == cut.output[0].status


def test_trap_22_a_filtered_answer_says_so() -> None:
    read = judge(streamed(case_of("a", finish_reason="content_filter"), 3, writer()))
    assert read.incomplete_details.reason == "content_filter"


def test_trap_23_the_json_of_half_a_call_stays_open() -> None:
    read = judge(streamed(case_of(HALF, finish_reason="length"), 1, writer()))
    with pytest.raises(ValueError, match=r"."):
        json.loads(read.output[0].arguments)
    whole = response_object(wp.parse(HALF, "hermes", TOOLS, finish_reason="length"), "resp_1", "m", 1)
    assert (whole["status"], whole["output"][0]["status"]) == ("incomplete", "incomplete")
    with pytest.raises(ValueError, match=r"."):
        json.loads(whole["output"][0]["arguments"])


def test_trap_12_an_error_raises_in_the_client() -> None:
    it = writer()
    body = it.lines([wp.TextDelta("x")]) + it.sse(it.fail("the upstream died"))
    with pytest.raises(openai.APIError, match="the upstream died"):
        clients.responses(body)


def test_trap_4_a_call_without_arguments_sends_an_object() -> None:
    read = judge(streamed(case_of(NOW), 1, writer()))
    assert read.output[0].arguments == "{}"
    it = writer()
    chunks = it.feed([NativeDelta(0, "", "now", "n1")]) + it.close("tool_calls", USAGE)
    assert clients.responses(it.sse(chunks)).answer.output[0].arguments == "{}"


def test_native_and_decoded_calls_come_in_turn() -> None:
    it, decoder = writer(), wp.Decoder("hermes", TOOLS)
    chunks = it.feed([*decoder.feed(f"Hi {NOW}<tool"), *decoder.flush()])
    chunks += it.feed([NativeDelta(0, '{"a":', "f", "n1"), NativeDelta(1, "", "now", "n2"), NativeDelta(0, ' "x"}')])
    chunks += it.feed([wp.ReasoningDelta("hm"), *decoder.feed(f"Bye {F}"), *decoder.close("stop")])
    read = clients.responses(it.sse(chunks + it.close("stop", USAGE))).answer
    kinds = ["message", "function_call", "message", "function_call", "function_call", "reasoning", "message"]
    assert [item.type for item in read.output] == [*kinds, "function_call"]
    calls = [json.loads(item.arguments) for item in read.output if item.type == "function_call"]
    assert calls == [{}, {"a": "x"}, {}, {"a": 'é\x07\n"x', "n": 2}] and read.status == "completed"


def test_whole_answers() -> None:
    for at, case in enumerate(EVERY[:: rounds(8, 1)]):
        message = wp.parse(case["text"], case["dialect"], case["tools"])
        form: Any = "text" if at % 2 else "summary"
        answer = clients.whole("responses", response_object(message, "r", "m", 1, usage=USAGE, reasoning=form))
        assert answer.output_text == message.text
        assert "".join(thought(item) for item in answer.output if item.type == "reasoning") == message.reasoning
        calls = [item for item in answer.output if item.type == "function_call"]
        for item, call in zip(calls, message.calls, strict=True):
            assert item.name == call.name and item.status == ("completed" if call.complete else "incomplete")
            assert not call.complete or spells(item.arguments, call.arguments)
        assert answer.status == ("completed" if all(call.complete for call in message.calls) else "incomplete")
