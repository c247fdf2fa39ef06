"""Answers in which text, reasoning, calls of the decoder and calls of the server follow each other in any order."""

from __future__ import annotations

import json
from typing import Any

import clients
import pytest
from clients import USAGE, openai, spells
from effort import rounds
from hypothesis import given, settings
from hypothesis import strategies as st

import wireproto as wp
from wireproto import fuzz
from wireproto.adapters import AnswerWriter, ChatWriter, MessagesWriter, NativeDelta, ResponsesWriter, Written
from wireproto.adapters.parts import Stretch, parts_of

ARGUMENTS = ["", "{}", '{"a": 1}', '{"a": "x\\n", "b": [1, {"c": null}]}']
BROKEN = ['{"a": "x', "[1]", "{", '{"a": NaN}', '{"a": 1}}']


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[list[Written]], list[Any]]:
    """Draw the feeds of an answer, and what stands in it: text, reasoning, and calls as name, arguments, complete."""
    name = draw(st.sampled_from(wp.dialects()))
    tools = draw(st.one_of(fuzz.tools(), st.none()))
    decoder = wp.Decoder(name, tools)
    feeds: list[list[Written]] = []
    said: list[Any] = []
    for part in draw(st.lists(st.sampled_from(["text", "thought", "native"]), min_size=1, max_size=5)):
        if part == "text":
            feeds += [[*decoder.feed(chunk)] for chunk in draw(fuzz.chunkings(draw(fuzz.outputs(name, tools))))]
            said.append("decoded")
            continue
        feeds.append([*decoder.flush()])
        if part == "thought":
            feeds.append([wp.ReasoningDelta("hm ")])
            said.append("thought")
            continue
        text = draw(st.sampled_from([*ARGUMENTS, *BROKEN]))
        key = object()
        cut = draw(st.integers(0, len(text)))
        feeds[-1].append(NativeDelta(key, text[:cut], "now", "n"))
        feeds += [[NativeDelta(key, text[cut:])]] if text[cut:] else []
        said.append(("now", text))
    feeds.append([*decoder.close("stop")])
    grouped: list[list[Written]] = []
    for feed in feeds:  # a server may send several deltas at once
        if grouped and draw(st.booleans()):
            grouped[-1] += feed
        else:
            grouped.append([*feed])
    return grouped, said


def written(writer: AnswerWriter, feeds: list[list[Written]]) -> str:
    lines = [writer.lines(feed) for feed in feeds]
    return "".join(lines) + writer.sse(writer.close("stop", USAGE)) + writer.done


@settings(max_examples=rounds(40, 5_000))
@given(answers())
def test_every_client_reads_all_of_it_in_order(drawn: tuple[list[list[Written]], list[Any]]) -> None:
    feeds, said = drawn
    events = [event for feed in feeds for event in feed]
    text = "".join(event.text for event in events if isinstance(event, wp.TextDelta))
    thought = "".join(event.text for event in events if isinstance(event, wp.ReasoningDelta))
    natives = [
        (name, arguments or "{}", arguments in ARGUMENTS) for name, arguments in (e for e in said if len(e) == 2)
    ]
    calls = [*natives, *((e.call.name, e.call, e.call.complete) for e in events if isinstance(e, wp.CallEnd))]
    cut = not all(complete for *_, complete in calls)

    def spelled(name: str, arguments: str, complete: bool = True, replaced: bool = False) -> bool:
        return any(
            name == each and done == complete and (not complete or _same(arguments, want, replaced))
            for each, want, done in calls
        )

    body = written(ChatWriter("c", "m", 1), feeds)
    if cut:
        with pytest.raises(openai.LengthFinishReasonError):
            clients.chat(body)
    else:
        message = clients.chat(body).answer.choices[0].message
        found = [(call.function.name, call.function.arguments) for call in message.tool_calls or ()]
        assert len(found) == len(calls) and all(spelled(*each) for each in found)
        assert (message.content or "", getattr(message, "reasoning_content", "")) == (text, thought)
    answer = clients.messages(written(MessagesWriter("g", "m"), feeds)).answer
    uses = [block for block in answer.content if block.type == "tool_use"]
    assert len(uses) == sum(complete for *_, complete in calls)
    assert all(spelled(block.name, json.dumps(block.input), replaced=True) for block in uses)
    assert "".join(block.text for block in answer.content if block.type == "text") == text
    assert "".join(block.thinking for block in answer.content if block.type == "thinking") == thought
    assert (answer.stop_reason == "max_tokens") == cut
    response = clients.responses(written(ResponsesWriter("r", "m", 1), feeds)).answer
    items = [item for item in response.output if item.type == "function_call"]
    assert len(items) == len(calls)
    assert all(spelled(item.name, item.arguments, item.status == "completed") for item in items)
    assert response.output_text == text and (response.status == "incomplete") == cut


def _same(arguments: str, want: Any, replaced: bool) -> bool:
    if isinstance(want, str):
        return bool(json.loads(arguments) == json.loads(want))
    return spells(arguments, want.arguments, replaced)


def test_parts_of_a_message_are_all_of_it() -> None:
    for case in clients.EVERY[:: rounds(3, 1)]:
        message = wp.parse(case["text"], case["dialect"], case["tools"])
        parts = [*parts_of(message)]
        for kind in ("text", "reasoning"):
            joined = "".join(part.text for part in parts if isinstance(part, Stretch) and part.kind == kind)
            assert joined == getattr(message, kind)
        assert [part for part in parts if isinstance(part, wp.Call)] == [*message.calls]


def test_parts_of_a_message_that_was_changed() -> None:
    call = wp.Call("f")
    assert [*parts_of(wp.Message("a", "b", (call, call)))] == [
        Stretch("reasoning", "b"),
        Stretch("text", "a"),
        call,
        call,
    ]
    decoded = wp.parse('<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call> x', "hermes")
    more = wp.Message(decoded.text, "", (*decoded.calls, call, call), segments=decoded.segments)
    assert [*parts_of(more)] == [decoded.calls[0], Stretch("text", decoded.text), call, call]
    changed = wp.Message("other", "", decoded.calls, segments=decoded.segments)
    assert [*parts_of(changed)] == [Stretch("text", "other"), *decoded.calls]
