"""The public decoder at its edges: what it refuses, where limits stop it, and what a copy shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto.format.spelling import spellings
from wireproto.testing.decoded import merged
from wireproto.text.state import State

TOOLS = wp.Toolset.of(
    [
        {
            "name": "write_file",
            "parameters": {
                "type": "object",
                "properties": {"content": {"type": "string"}, "data": {"type": "object"}},
            },
        }
    ]
)
every_dialect = pytest.mark.parametrize("name", wp.dialects())


def wire(name: str, *values: str, key: str = "content") -> str:
    return wp.encode([wp.Call("write_file", {key: value}) for value in values], name, TOOLS)


@pytest.mark.parametrize(("chunk", "hint"), [(None, "without content"), (b"x", "decode them"), (3, "not int")])
@pytest.mark.parametrize("begun", [False, True])
def test_only_text_is_fed(chunk: Any, hint: str, begun: bool) -> None:
    decoder = wp.Decoder("qwen3_coder", TOOLS)
    if begun:  # in the middle of a string, where most chunks are not looked at closely
        decoder.feed(wire("qwen3_coder", "a long value\n" * 9).partition("value")[0])
    with pytest.raises(TypeError, match=hint):
        decoder.feed(chunk)
    decoder.feed("more")


def test_a_closed_decoder_is_over() -> None:
    decoder = wp.Decoder("hermes")
    decoder.feed("text <")
    assert decoder.close() == [wp.TextDelta("<")]
    assert decoder.close() == []
    with pytest.raises(wp.WireprotoError, match="make a new one"):
        decoder.feed("more")
    assert decoder.message.text == "text <"


def test_a_call_that_may_be_a_draft_is_no_part_of_the_message_yet() -> None:
    decoder = wp.Decoder("hermes", TOOLS)
    call = wire("hermes", "a")
    assert decoder.feed(f"<think>I could {call}") == [wp.ReasoningDelta("I could ")]
    assert (decoder.message.calls, decoder.message.reasoning) == ((), "I could ")
    decoder.feed(" or not")
    assert (decoder.message.calls, len(decoder.message.candidates)) == ((), 1)


def stopped(name: str, text: str, limits: wp.Limits, size: int) -> tuple[wp.LimitExceeded, list[wp.Event], wp.Message]:
    """Return the error that ends the decoding, all events that came before it or with it, and the message."""
    decoder = wp.Decoder(name, TOOLS, policy=wp.Policy(limits=limits))
    events: list[wp.Event] = []
    with pytest.raises(wp.LimitExceeded) as caught:
        for start in range(0, len(text), size):
            events += decoder.feed(text[start : start + size])
        events += decoder.close()
    return caught.value, [*events, *caught.value.events], decoder.message


def limited(name: str) -> Iterator[tuple[str, wp.Limits]]:
    """Yield outputs of a dialect that pass a limit, with the limit."""
    before = "" if spellings(wp.dialect(name))[0].markerless else "Before.\n"
    yield before + wire(name, "short", "x" * 500), wp.Limits(max_value_chars=100)
    yield before + wire(name, "one", "two", "three"), wp.Limits(max_calls=2)


@every_dialect
def test_nothing_that_was_certain_is_lost_at_a_limit(name: str) -> None:
    for text, limits in limited(name):
        error, events, message = stopped(name, text, limits, len(text))
        for size in (1, 3, 7):
            other, others, short = stopped(name, text, limits, size)
            assert (other.limit, other.position, str(other)) == (error.limit, error.position, str(error))
            assert merged(others) == merged(events)
            assert short.calls == message.calls
        assert str(error).endswith(f"(Limits.{error.limit})")
        assert sum(isinstance(event, wp.CallEnd) for event in events) == len(message.calls)
        assert 0 <= error.position < len(text)


def test_a_limit_ends_the_decoder() -> None:
    decoder = wp.Decoder("hermes", TOOLS, policy=wp.Policy(limits=wp.Limits(max_calls=1)))
    with pytest.raises(wp.LimitExceeded):
        decoder.feed(wire("hermes", "a", "b"))
    with pytest.raises(wp.WireprotoError, match="make a new one"):
        decoder.feed("more")
    assert decoder.close() == [] and len(decoder.message.calls) == 1


def states(value: Any, found: dict[int, Any]) -> dict[int, Any]:
    """Collect the mutable state that a value refers to."""
    if isinstance(value, State) and id(value) not in found:
        found[id(value)] = value
        for kind in type(value).__mro__:
            for slot in getattr(kind, "__slots__", ()):
                states(getattr(value, slot), found)
    elif type(value) in (list, dict, set):
        found[id(value)] = value
        for item in value.values() if isinstance(value, dict) else value:
            states(item, found)
    return found


@every_dialect
@given(data=st.data())
def test_a_copy_shares_nothing_that_changes(name: str, data: st.DataObject) -> None:
    text = "<think>hm</think>\n" + wire(name, "a value\nwith lines\n" * 3)
    at = data.draw(st.integers(0, len(text)))
    decoder = wp.Decoder(name, TOOLS)
    decoder.feed(text[:at])
    twin = decoder.copy()
    mine, others = states(decoder, {}), states(twin, {})
    assert not mine.keys() & others.keys() and len(mine) == len(others)
    rest = decoder.feed(text[at:]) + decoder.close()
    assert twin.feed(text[at:]) + twin.close() == rest
    assert twin.message == decoder.message


@pytest.mark.parametrize("head", ["```\n", "<think>"])
def test_a_limit_undoes_calls_that_nothing_decided_on(head: str) -> None:
    call = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>\n'
    decoder = wp.Decoder("hermes", policy=wp.Policy(limits=wp.Limits(max_calls=1)))
    with pytest.raises(wp.LimitExceeded) as error:
        decoder.feed(head + call * 2)
    assert not [event for event in error.value.events if isinstance(event, wp.CallEnd)]
    assert decoder.message.calls == decoder.message.candidates == ()


@pytest.mark.parametrize("text", ["{}}}}", '{"x": 1}\\', '</think>{"x": 1} and more'])
def test_what_stands_behind_a_forced_call_raises_nothing(text: str) -> None:
    tools = [{"name": "a", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}}}]
    message = wp.parse(text, "hermes", tools, forced={"name": "a"})
    assert [call.name for call in message.calls] == ["a"]


def test_an_empty_key_is_no_argument_that_was_cut() -> None:
    tools = [{"name": "a", "parameters": {"type": "object", "properties": {"": {"type": "string"}}}}]
    message = wp.parse('<tool_call>{"name":"a","s":{}}', "hermes", tools)
    assert [dict(call.arguments) for call in message.calls + message.candidates] == [{}, {"s": {}}], message


@pytest.mark.parametrize(
    ("limits", "position"), [({"max_value_chars": 10}, 4), ({"max_calls": 1}, 4 + len(wire("hermes", "x" * 50)) + 1)]
)
def test_a_limit_says_which_call_passed_it(limits: dict[str, int], position: int) -> None:
    """It points to the call that is open: the first that is too long, or the one that is too many."""
    with pytest.raises(wp.LimitExceeded) as caught:
        wp.parse("Hi. " + wire("hermes", "x" * 50, "y"), "hermes", TOOLS, policy=wp.Policy(limits=wp.Limits(**limits)))
    assert caught.value.position == position


@pytest.mark.parametrize(("name", "message"), [("write_fil", "; the nearest is 'write_file'"), ("zzz", "")])
def test_an_unknown_tool_is_told_with_the_nearest(name: str, message: str) -> None:
    text = wire("hermes", "a").replace("write_file", name)
    (found,) = wp.parse(text, "hermes", TOOLS).calls[0].diagnoses
    assert found.message == f"no tool named '{name}' was declared{message}"
