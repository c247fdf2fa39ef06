"""`Decoder.flush`: what is held is decided now, since something else comes, and decoding goes on."""

from __future__ import annotations

from typing import Any

import pytest
from effort import rounds
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import CASES, REALITY

import wireproto as wp
from wireproto import fuzz
from wireproto.testing.decoded import merged
from wireproto.values.errors import LimitExceeded

every_dialect = pytest.mark.parametrize("name", [*wp.dialects(), "auto"])
TOOLS = [{"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}]
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'


def decoder_of(case: dict[str, Any]) -> wp.Decoder:
    return wp.Decoder(
        case["dialect"],
        case["tools"],
        policy=wp.Policy(**case.get("policy", {})),
        reasoning_open=case.get("reasoning_open", False),
        **({"forced": case["forced"]} if "forced" in case else {}),
    )


def test_a_flush_at_the_end_decides_what_a_close_does() -> None:
    for case in [*CASES, *REALITY]:
        decoder = decoder_of(case)
        fed = decoder.feed(case["text"])
        flushed = decoder.copy()
        expected = [*fed, *decoder.close()]
        assert [*fed, *flushed.flush(), *flushed.flush(), *flushed.close()] == expected, case["id"]
        assert flushed.message == decoder.message and flushed.pending == "", case["id"]


def test_what_is_held_is_decided_and_the_numbers_go_on() -> None:
    decoder = wp.Decoder("hermes", TOOLS)
    assert decoder.feed("Hi <tool_") == [wp.TextDelta("Hi ")]
    assert decoder.pending == "<tool_"
    assert decoder.flush() == [wp.TextDelta("<tool_")]
    assert decoder.feed("call>") == [wp.TextDelta("call>")]  # another text: no opener
    events = [*decoder.feed("\n" + CALL), *decoder.flush(), *decoder.feed(CALL), *decoder.close()]
    ends = [event for event in events if isinstance(event, wp.CallEnd)]
    assert [(end.index, end.call.arguments, end.call.complete) for end in ends] == [
        (0, {"a": 1}, True),
        (1, {"a": 1}, True),
    ]
    message = decoder.message
    assert "".join(segment.raw for segment in message.segments) == "Hi <tool_call>\n" + CALL + CALL
    assert [call.raw for call in message.calls] == [CALL, CALL]


def test_a_call_that_is_open_ends() -> None:
    decoder = wp.Decoder("hermes", TOOLS)
    decoder.feed(CALL[:-30])
    (end,) = (event for event in decoder.flush() if isinstance(event, wp.CallEnd))
    assert not end.call.complete
    assert merged([*decoder.feed(CALL), *decoder.close()])[0] == wp.CallStart(1, "add")


def test_reasoning_ends_and_what_follows_is_text() -> None:
    decoder = wp.Decoder("hermes", TOOLS, reasoning_open=True)
    assert decoder.feed("Hm.") == [wp.ReasoningDelta("Hm.")]
    assert decoder.flush() == []
    assert [*decoder.feed("Hi."), *decoder.close()] == [wp.TextDelta("Hi.")]
    fenced = wp.Decoder("hermes", TOOLS)
    events = [*fenced.feed("```\n"), *fenced.flush(), *fenced.feed(CALL), *fenced.close()]
    assert any(isinstance(event, wp.CallEnd) for event in events)


def test_two_halves_are_no_candidate() -> None:
    policy = wp.Policy(promote={"*": {"leaked", "foreign", "quoted", "draft"}})
    for cut in range(1, len(CALL)):
        decoder = wp.Decoder("qwen3_coder", TOOLS, policy=policy)  # another format: only the second look sees the call
        decoder.feed(CALL[:cut])
        decoder.flush()
        decoder.feed(CALL[cut:])
        decoder.close()
        assert [call.complete for call in decoder.message.calls].count(True) <= 1, cut
        assert all(call.raw in (CALL[:cut], CALL[cut:]) or call.raw in CALL for call in decoder.message.calls)
        assert not any(call.span[0] < cut < call.span[1] for call in decoder.message.calls)


def test_a_forced_call_is_the_one_that_the_server_found() -> None:
    decoder = wp.Decoder("hermes", TOOLS, forced={"name": "add"})
    decoder.flush()
    assert [*decoder.feed('{"a": 1}'), *decoder.close()] == [wp.TextDelta('{"a": 1}')]


def test_a_limit_closes_the_decoder() -> None:
    decoder = wp.Decoder("hermes", TOOLS, policy=wp.Policy(limits=wp.Limits(max_calls=1)))
    decoder.feed(CALL)
    decoder.flush()
    with pytest.raises(LimitExceeded):
        decoder.feed(CALL)
    assert decoder.flush() == [] == decoder.close()


@every_dialect
@settings(max_examples=rounds(8, 1_000))
@given(data=st.data())
def test_parts_between_flushes_lose_nothing_and_do_not_depend_on_chunks(name: str, data: st.DataObject) -> None:
    trial = data.draw(fuzz.trials(name))
    texts = [trial.text, data.draw(fuzz.outputs(name, trial.tools)), ""]
    chunks = [trial.chunks or (trial.text,), *(data.draw(fuzz.chunkings(text)) for text in texts[1:])]
    seen = []
    for parts in ([(text,) for text in texts], chunks):
        decoder = wp.Decoder(
            name, trial.tools, policy=trial.policy, reasoning_open=trial.reasoning_open, forced=trial.forced
        )
        events: list[wp.Event] = []
        limit = None
        try:
            for part in parts:
                for chunk in part:
                    events += decoder.feed(chunk)
                events += decoder.flush()
                assert decoder.pending == ""
            events += decoder.close(trial.finish_reason)
        except wp.LimitExceeded as error:
            events += error.events
            limit = error.limit
        message = decoder.message
        seen.append((merged(events), message if limit is None else None, limit))
        joined = "".join(segment.raw for segment in message.segments)
        assert joined == "".join(texts) if limit is None else "".join(texts).startswith(joined)
        assert "".join(event.text for event in events if isinstance(event, wp.TextDelta)) == message.text
        assert "".join(event.text for event in events if isinstance(event, wp.ReasoningDelta)) == message.reasoning
        ended = [event.call for event in events if isinstance(event, wp.CallEnd)]
        assert sorted(ended, key=lambda call: call.span) == [*message.calls]
        starts = [event.index for event in events if isinstance(event, wp.CallStart)]
        assert starts == [*range(len(starts))]
    assert seen[0] == seen[1]


def test_behind_a_call_of_the_server_nothing_is_forced_any_more() -> None:
    record = '{"name": "add", "arguments": {"a": 1}}'
    tools = [{"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}]
    for flushes, found in ((False, 1), (True, 0)):
        decoder = wp.Decoder("hermes", tools, forced="required")
        if flushes:
            decoder.flush()
        decoder.feed(record)
        decoder.close()
        assert len(decoder.message.calls) == found


@pytest.mark.parametrize("wrong", [{"name": 5}, {"name": ""}, {"function": 5}, {"type": "tool"}, "other"])
def test_what_is_no_choice_of_a_tool_is_refused(wrong: Any) -> None:
    with pytest.raises(wp.WireprotoError, match="forced: expected"):
        wp.Decoder("hermes", None, forced=wrong)
