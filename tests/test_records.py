"""JSON calls in the shapes that models give them: what the cases of fixtures/reality do not show."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal

import pytest

import wireproto as wp
from wireproto.text.json_repair import loads

PATH = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
TOOLS = [{"name": "read", "parameters": PATH}, {"name": "now", "parameters": {"type": "object", "properties": {}}}]
READ = '{"name": "read", "arguments": {"path": "a"}}'


def _block(payload: str) -> str:
    return f"<tool_call>\n{payload}\n</tool_call>"


def _codes(message: wp.Message) -> list[str]:
    return [found.code for found in message.diagnoses]


def test_a_record_is_looked_for_in_a_bounded_stretch() -> None:
    decoder = wp.Decoder("hermes", TOOLS)
    text = '<tool_call>\n{"thought": "' + "x" * 6_000
    events = [event for char in text for event in decoder.feed(char)]
    assert "".join(event.text for event in events if isinstance(event, wp.TextDelta)) == text
    assert decoder.pending == ""


def test_a_long_thought_before_the_name_is_skipped() -> None:
    thought = "I have to look at it. " * 100
    message = wp.parse(_block(json.dumps({"thought": thought, **json.loads(READ)})), "hermes", TOOLS)
    assert [call.arguments for call in message.calls] == [{"path": "a"}]


@pytest.mark.parametrize("tools", [TOOLS, None])
def test_members_that_nobody_declares_never_become_a_call_without_arguments(tools: wp.Tools) -> None:
    message = wp.parse(_block('{"name": "read", "file": "a", "type": "function"}'), "hermes", tools)
    assert [(call.complete, call.arguments) for call in message.calls] == [(False, {})]
    assert [call.arguments for call in message.candidates] == [{"file": "a"}]
    assert _codes(message) == ["record-variant", "stray-members"]


def test_a_member_beside_the_name_yields_to_the_arguments() -> None:
    message = wp.parse(_block(READ[:-1] + ', "path": "b"}'), "hermes", TOOLS)
    assert [call.arguments for call in message.calls] == [{"path": "a"}]
    assert _codes(message) == ["record-variant"]


def test_a_required_argument_beside_the_others_is_taken() -> None:
    text = _block('{"name": "read", "arguments": {"limit": 1}, "path": "a"}')
    message = wp.parse(text, "hermes", [{"name": "read", "parameters": PATH}])
    assert message.calls[0].arguments == {"limit": 1, "path": "a"}
    assert "flattened-arguments" in _codes(message)


def test_a_call_that_lacks_its_arguments_and_its_closer_is_incomplete() -> None:
    for text in ('<tool_call>\n{"name": "read"}', '<tool_call>\n{"name": "read"}\nand more'):
        assert [call.complete for call in wp.parse(text, "hermes", TOOLS).calls] == [False]
    assert wp.parse('<tool_call>\n{"name": "now"}', "hermes", TOOLS).calls[0].complete


def test_what_a_policy_refuses_stays_text() -> None:
    text = '{"name": "read", "parameters": {"path": "a"}}; {"name": "other", "parameters": {"path": "b"}}'
    forward = wp.parse(text, "llama3_json", TOOLS)
    strict = wp.parse(text, "llama3_json", TOOLS, policy=wp.Policy(unknown_tools="text"))
    assert [call.name for call in forward.calls] == ["read", "other"]
    assert [call.name for call in strict.calls] == ["read"]
    assert strict.text == text[text.index(";") :]


def test_broken_calls_are_malformed_and_not_nested() -> None:
    text = _block('{"name": "read", "arguments": {"path": "unfinished}}') + "\n" + _block(READ)
    verdict = wp.classify(text, tools=TOOLS, dialect="hermes")
    assert verdict.label == "malformed"
    assert "read" in verdict.retry_message()


def test_a_leaked_record_in_another_shape_is_a_candidate() -> None:
    message = wp.parse('Here:\n{"type": "function", "function": ' + READ + "}", "qwen3_coder", TOOLS)
    assert not message.calls
    assert [call.arguments for call in message.candidates] == [{"path": "a"}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{{"a": {{}}}}', {"a": {}}),
        ('[{{"a": 1}}, {"b": 2}]', [{"a": 1}, {"b": 2}]),
        ('{"a": {{"b": 1}}}', {"a": {"b": 1}}),
    ],
)
def test_doubled_braces(text: str, value: object) -> None:
    assert loads(text).value == value
    assert loads(text).repairs == ("doubled-braces",)


UNITS = {
    "a string that swallows the next": '<tool_call>{"name":"read","arguments":{"path":"',
    "a value that swallows the next": '<tool_call>{"name":"read","arguments":{"path":[',
    "closers in a string": '}</tool_call>\n<tool_call>{"name":"read","arguments":{"path":"',
    "an unknown member": '<tool_call>{"x":"',
    "arguments without a name": '<tool_call>{"arguments":{"path":[',
    "braces": "<tool_call>{{",
    "broken": '<tool_call>{"name":"read","arguments":{"path":oops}} ',
    "records": '{"name":"read","arguments":{"path":"a"}},',
}


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_broken_records_take_linear_time(unit: str) -> None:
    def seconds(times: int, feed: Callable[[wp.Decoder, str], None]) -> float:
        decoder = wp.Decoder("hermes", TOOLS)
        start = time.process_time()
        feed(decoder, "<tool_call>[" + unit * times)
        decoder.close()
        return time.process_time() - start

    def whole(decoder: wp.Decoder, text: str) -> None:
        decoder.feed(text)

    def by_four(decoder: wp.Decoder, text: str) -> None:
        for at in range(0, len(text), 4):
            decoder.feed(text[at : at + 4])

    for feed in (whole, by_four):
        ratios = (seconds(1_200, feed) / seconds(300, feed) for _ in range(4))
        assert any(ratio < 8 for ratio in ratios)


def test_flattened_fractions_have_all_their_digits() -> None:
    tools = [{"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "number"}}}}]
    text = '<tool_call>{"name": "f", "x": 1.10000000000000000001}</tool_call>'
    (exact,) = wp.parse(text, "hermes", tools, policy=wp.Policy(decimals=True)).calls
    (rounded,) = wp.parse(text, "hermes", tools).calls
    assert exact.arguments == {"x": Decimal("1.10000000000000000001")}
    assert rounded.arguments == {"x": 1.1} and isinstance(rounded.arguments["x"], float)
    assert [each.code for each in exact.diagnoses] == ["flattened-arguments"]
