"""Anthropic's Messages: the writer's events in the official client, and the traps of this API by their numbers.

Where a trap says what a client does with other events, the client is shown those too: if it changes, the writer may.
"""

from __future__ import annotations

import json
from typing import Any

import clients
import pytest
from clients import EVERY, USAGE, Same, Streamed, anthropic, chunked, spells, stream, streamed
from effort import rounds

import wireproto as wp
from wireproto.adapters import MessagesWriter, NativeDelta, Usage, message_object

TOOLS = [
    {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "integer"}}}},
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
]
F = '<tool_call>\n{"name": "f", "arguments": {"a": "é\\u0007\\n\\"x", "n": 2}}\n</tool_call>'
NOW = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'


def writer(**given: Any) -> MessagesWriter:
    return MessagesWriter("msg_1", "m", **given)


def case_of(text: str, **given: Any) -> dict[str, Any]:
    return {"dialect": "hermes", "tools": TOOLS, "text": text, **given}


def events_of(body: str) -> list[dict[str, Any]]:
    """Return the events of a stream."""
    return [json.loads(event.partition("data: ")[2]) for event in body.split("\n\n") if event]


def judge(made: Streamed, eager: bool = False) -> Any:
    """Hold what the client reads to what was decoded; it never shows half a call, unless it asked for it."""
    read = clients.messages(made.body).answer
    message, blocks = made.message, read.content
    assert "".join(block.text for block in blocks if block.type == "text") == message.text
    assert "".join(block.thinking for block in blocks if block.type == "thinking") == message.reasoning
    shown = made.calls if eager else made.complete
    uses = [block for block in blocks if block.type == "tool_use"]
    assert [block.name for block in uses] == [call.name for call in shown]
    assert len({block.id for block in uses}) == len(uses)
    for block, call in zip(uses, shown, strict=True):
        if call.complete:
            assert spells(json.dumps(block.input), call.arguments, replaced=True)
    if len(made.complete) < len(made.calls):
        assert read.stop_reason == "max_tokens"
    else:
        assert read.stop_reason in (("tool_use",) if uses else ("end_turn",)) + ("max_tokens", "refusal")
    assert (read.usage.output_tokens, read.usage.input_tokens, read.usage.cache_read_input_tokens) == (7, 3, 2)
    return read


def test_every_fixture_in_the_client() -> None:
    for at, (case, step) in enumerate(chunked(2)):
        judge(streamed(case, step, writer(eager=at % 2 > 0)), eager=at % 2 > 0)


class Fed(MessagesWriter):
    """Writes each chunk as `feed` returns it."""

    def lines(self, events: Any) -> str:
        return self.sse(self.feed(events))


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize("eager", [True, False])
def test_lines_are_what_feed_returns(step: int, eager: bool) -> None:
    for case in EVERY[::40]:
        both = (writer(ids=Same(), eager=eager), Fed("msg_1", "m", ids=Same(), eager=eager))
        once = [streamed(case, step, it).body for it in both]
        assert once[0] == once[1]


def test_trap_10_order_is_kept() -> None:
    read = judge(streamed(case_of(f"<think>hm</think>a {NOW} b {F}"), 1, writer()))
    assert [block.type for block in read.content] == ["thinking", "text", "tool_use", "text", "tool_use"]


def test_trap_16_events_are_named_and_blocks_are_numbered() -> None:
    body = streamed(case_of(f"<think>hm</think>a {NOW} b {F}"), 3, writer()).body
    events = events_of(body)
    assert all(event.startswith("event: ") for event in body.split("\n\n") if event) and body.isascii()
    assert events[0]["type"] == "message_start" and events[-1] == {"type": "message_stop"}
    assert events[0]["message"]["usage"]["output_tokens"] == 0 and events[-2]["usage"]["output_tokens"] == 7
    assert [event["index"] for event in events if event["type"] == "content_block_start"] == [0, 1, 2, 3, 4]
    opened: list[int] = []
    for event in events[1:-2]:  # one block at a time
        if event["type"] == "content_block_start":
            assert opened == []
            opened.append(event["index"])
        else:
            assert opened == [event["index"]]
            if event["type"] == "content_block_stop":
                opened.clear()
    assert opened == []
    with pytest.raises(AssertionError):
        clients.messages(stream(events, named=False, done=False))


HALF = F[: F.index("x")]


@pytest.mark.parametrize("reason", ["stop", "length", "tool_use", "abort"])
@pytest.mark.parametrize("step", [1, 10_000])
def test_trap_17_half_a_call_is_not_shown(reason: str, step: int) -> None:
    made = streamed(case_of(f"a {HALF}", finish_reason=reason), step, writer())
    read = judge(made)
    assert [block.type for block in read.content] == ["text"] and read.stop_reason == "max_tokens"
    start = {"type": "content_block_start", "index": 0}
    cut = [
        events_of(made.body)[0],
        {**start, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}},
        {**start, "type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": '{"n":12'}},
        {**start, "type": "content_block_stop"},
        *events_of(made.body)[-2:],
    ]
    assert clients.messages(stream(cut, named=True, done=False)).answer.content[0].input == {"n": 12}


def test_trap_17_input_is_sent_at_once_or_as_it_comes() -> None:
    for eager, least, most in (((), 1, 1), (["f"], 5, 50), (True, 5, 50), (["now"], 1, 1)):
        events = events_of(streamed(case_of(f"a {F}"), 1, writer(eager=eager)).body)
        sent = [event for event in events if event.get("delta", {}).get("type") == "input_json_delta"]
        assert least <= len(sent) <= most
    eager_half = judge(streamed(case_of(HALF, finish_reason="length"), 1, writer(eager=["f"])), eager=True)
    assert eager_half.stop_reason == "max_tokens" and eager_half.content[0].name == "f"


def test_trap_17_text_goes_on_behind_a_call_that_is_not_shown() -> None:
    it = writer()
    events: list[Any] = [wp.TextDelta("a"), wp.CallStart(0, "f"), wp.CallEnd(0, wp.Call("f", complete=False))]
    chunks = it.feed([*events, wp.TextDelta("b")]) + it.close("stop", USAGE)
    read = clients.messages(it.sse(chunks)).answer
    assert [block.text for block in read.content] == ["ab"] and read.stop_reason == "max_tokens"


def test_trap_18_each_thought_is_signed_once() -> None:
    body = streamed(case_of(f"<think>hm</think>a {NOW}"), 1, writer(signature="sig")).body
    read = clients.messages(body).answer
    assert read.content[0].signature == "sig" and body.count("signature_delta") == 1
    assert clients.messages(streamed(case_of("<think>hm</think>a"), 1, writer()).body).answer.content[0].signature == ""


def test_trap_18_native_input_that_is_no_json_is_not_shown() -> None:
    it = writer()
    chunks = it.feed([NativeDelta(0, "{'a': 1}", "f", "t"), wp.TextDelta("b")]) + it.close("tool_use", USAGE)
    read = clients.messages(it.sse(chunks)).answer
    assert [block.type for block in read.content] == ["text"] and read.stop_reason == "max_tokens"


HALVES = '<tool_call>\n{"name": "f", "arguments": {"a": "\\ud83d\\ude00 \ud83d", "b": {"\udc00": "é"}}}\n</tool_call>'


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("step", [1, 10_000])
def test_trap_18_half_of_a_pair_is_replaced(step: int, eager: bool) -> None:
    read = judge(streamed(case_of(HALVES), step, writer(eager=eager)), eager=eager)
    assert read.content[0].input == {"a": "\U0001f600 \ufffd", "b": {"\ufffd": "é"}}
    whole = message_object(wp.parse(HALVES, "hermes", TOOLS), "msg_1", "m")
    assert whole["content"][0]["input"] == read.content[0].input
    block = {"type": "content_block_start", "index": 0}
    refused = [
        events_of(streamed(case_of("a"), 1, writer()).body)[0],
        {**block, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}},
        {**block, "type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": '"\\ud83d"'}},
    ]
    with pytest.raises(ValueError, match="hex escape"):
        clients.messages(stream(refused, named=True, done=False))


def test_trap_12_an_error_raises_in_the_client() -> None:
    it = writer()
    body = it.lines([wp.TextDelta("x")]) + it.sse(it.fail("the upstream died"))
    with pytest.raises(anthropic.APIStatusError, match="the upstream died"):
        clients.messages(body)


@pytest.mark.parametrize("eager", [True, False])
def test_native_and_decoded_calls_come_in_turn(eager: bool) -> None:
    it, decoder = writer(eager=eager), wp.Decoder("hermes", TOOLS)
    chunks = it.feed([*decoder.feed(f"Hi {NOW}<tool"), *decoder.flush()])
    chunks += it.feed([NativeDelta(0, '{"a":', "f", "n1"), NativeDelta(1, "", "now", "n2"), NativeDelta(0, ' "x"}')])
    chunks += it.feed([NativeDelta(2, '{"a": "y"}', "f", "n3")])
    chunks += it.feed([*decoder.feed(f"Bye {F}"), *decoder.close("stop")]) + it.close("stop", USAGE)
    read = clients.messages(it.sse(chunks)).answer
    shown = [(block.name, block.input) if block.type == "tool_use" else block.text for block in read.content]
    last = ("f", {"a": 'é\x07\n"x', "n": 2})
    assert shown == ["Hi ", ("now", {}), "<tool", ("f", {"a": "x"}), ("now", {}), ("f", {"a": "y"}), "Bye ", last]
    assert read.stop_reason == "tool_use" and it.ending.calls == 5


def test_a_native_call_waits_for_the_one_that_is_decoded() -> None:
    it, decoder = writer(eager=True), wp.Decoder("hermes", TOOLS)
    chunks = it.feed(decoder.feed(HALF)) + it.feed([NativeDelta(0, "{}", "now", "n1")])
    chunks += it.feed([*decoder.feed(F[len(HALF) :]), *decoder.close("stop")]) + it.close("stop", USAGE)
    read = clients.messages(it.sse(chunks)).answer
    assert [block.name for block in read.content] == ["f", "now"]


def test_an_answer_whose_decoder_was_not_closed_was_cut() -> None:
    it, decoder = writer(eager=True), wp.Decoder("hermes", TOOLS)
    chunks = it.feed(decoder.feed(HALF)) + it.close("stop", USAGE)
    assert clients.messages(it.sse(chunks)).answer.stop_reason == "max_tokens"


def test_an_empty_answer() -> None:
    it = writer(usage=Usage(5, 0, 2))
    read = clients.messages(it.sse(it.close("stop"))).answer
    assert (read.content, read.stop_reason, read.usage.cache_read_input_tokens) == ([], "end_turn", 2)


def test_whole_answers() -> None:
    for case in EVERY[:: rounds(8, 1)]:
        message = wp.parse(case["text"], case["dialect"], case["tools"])
        answer = clients.whole("messages", message_object(message, "msg_1", "m", usage=USAGE, signature="s"))
        assert "".join(block.text for block in answer.content if block.type == "text") == message.text
        assert "".join(block.thinking for block in answer.content if block.type == "thinking") == message.reasoning
        uses = [block for block in answer.content if block.type == "tool_use"]
        complete = [call for call in message.calls if call.complete]
        for block, call in zip(uses, complete, strict=True):
            assert block.name == call.name and spells(json.dumps(block.input), call.arguments, replaced=True)
        if len(complete) < len(message.calls):
            assert answer.stop_reason == "max_tokens"
        else:
            assert answer.stop_reason == ("tool_use" if uses else "end_turn")


def test_whole_answers_of_messages_that_were_not_decoded() -> None:
    message = wp.Message("text", "thought", (wp.Call("f", {"a": "x"}),))
    kinds = [block["type"] for block in message_object(message, "msg_1", "m")["content"]]
    assert kinds == ["thinking", "text", "tool_use"]
