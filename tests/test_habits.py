"""Formats that no dialect has are recognised, named and read safely; what only looks like one is not."""

from __future__ import annotations

import gc
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto.decode.habits import HABITS
from wireproto.text.literals import LiteralReader, NotLiteral

FIXTURES = Path(__file__).parent.parent / "fixtures"
WEB: list[dict[str, Any]] = json.loads((FIXTURES / "classify" / "tools.json").read_text(encoding="utf-8"))["web"]
# What a model wrote, and words of the name that its format has.
WRITTEN: dict[str, tuple[str, str]] = {
    "gemma unfenced": ("without its fence", 'tool_code = get_weather(city="Oslo")\nprint(tool_code)'),
    "gemma tool_code": ("tool_code", '```tool_code\nprint(get_weather(city="Oslo"))\n```'),
    "gemma tool_code2": ("tool_code", 'Let me check.\n\n```tool_code\nget_weather(city="Oslo", unit="C")\n```'),
    "gemma default_api": ("tool_code", '```tool_code\nprint(default_api.get_weather(city="Oslo"))\n```'),
    "gemma python fence": ("list of Python", '```python\n[get_weather(city="Oslo")]\n```'),
    "llama4": ("list of Python", '[get_weather(city="Oslo"), get_weather(city="Rome", unit="C")]'),
    "llama4 marked": ("Llama 4", '<|python_start|>[get_weather(city="Oslo")]<|python_end|>'),
    "llama31 builtin": ("built-in", '<|python_tag|>web_search.call(query="wind")'),
    "harmony stripped": (
        "special tokens are missing",
        'analysisNeed weather.assistantcommentary to=functions.get_weather json{"city": "Oslo"}',
    ),
    "harmony stripped2": ("special tokens are missing", 'commentary to=functions.get_weather code{"city":"Oslo"}'),
    "react": ("`Action Input:`", 'Thought: I should look.\nAction: get_weather\nAction Input: {"city": "Oslo"}'),
    "react str": ("`Action Input:`", "Thought: I should look.\nAction: web_search\nAction Input: wind in Oslo"),
    "react br": ("tool[…]", "Thought: look\nAction: web_search[wind in Oslo]"),
    "react json": (
        "action_input",
        'Thought: look\nAction:\n```json\n{"action": "get_weather", "action_input": {"city": "Oslo"}}\n```',
    ),
    "envelope": (
        "tool_calls",
        '{"tool_calls": [{"function": {"name": "get_weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}}]}',
    ),
    "envelope2": (
        "tool_calls",
        '{"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Oslo"}}}]}',
    ),
    "envelope pretty": (
        "tool_calls",
        '{\n  "tool_calls": [\n    {\n      "id": "c",\n      "type": "function",\n      "function": {\n        "name": "get_weather",\n        "arguments": "{\\"city\\": \\"Oslo\\"}"\n      }\n    }\n  ]\n}',
    ),
    "envelope fenced": (
        "tool_calls",
        '```json\n{\n  "tool_calls": [\n    {\n      "id": "c",\n      "type": "function",\n      "function": {\n        "name": "get_weather",\n        "arguments": "{\\"city\\": \\"Oslo\\"}"\n      }\n    }\n  ]\n}\n```',
    ),
    "function_call": (
        "function_call",
        '{"function_call": {"name": "get_weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}}',
    ),
    "functionCall": ("function_call", '{"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}}'),
    "tool_use": (
        "typed blocks",
        '{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Oslo"}}',
    ),
    "list of function": (
        "typed blocks",
        '[{"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Oslo"}}}]',
    ),
    "lmstudio": ("LM Studio", '[TOOL_REQUEST]{"name": "get_weather", "arguments": {"city": "Oslo"}}[END_TOOL_REQUEST]'),
    "bare call": ("a Python call", 'get_weather(city="Oslo")'),
}
# What once had none, and the dialect that it has now.
KNOWN: dict[str, tuple[str, str]] = {
    "r7b": (
        "command_r7b",
        '<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Oslo"}}\n]<|END_ACTION|>',
    ),
    "llama31 custom": ("functionary_v31", '<function=get_weather>{"city": "Oslo"}</function>'),
    "commandr": (
        "command_r_plus",
        'Action: ```json\n[\n    {\n        "tool_name": "get_weather",\n        "parameters": {\n            "city": "Oslo"\n        }\n    }\n]```',
    ),
    "phi": ("functools", 'functools[{"name": "get_weather", "arguments": {"city": "Oslo"}}]'),
    "phi4mini": ("functools", '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Oslo"}}]<|/tool_call|>'),
    "nemotron": ("toolcall_array", '<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Oslo"}}]</TOOLCALL>'),
    "granite": ("functools", '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Oslo"}}]'),
    "internlm": (
        "internlm",
        '<|action_start|><|plugin|>{"name": "get_weather", "parameters": {"city": "Oslo"}}<|action_end|>',
    ),
}
# Written into a text that goes on, or with a name or a value that makes it something else.
NOTHING: dict[str, str] = {
    "a program": "for path in paths:\n    [get_weather(city=c) for c in cities]\n",
    "a comprehension": "[get_weather(city=city) for city in cities]",
    "an undeclared list": '[get_time(city="Oslo")]',
    "another tool in ReAct": "Thought: Hm.\nAction: get_time\nAction Input: {}",
    "an action in a log": "Action: deploy\nResult: ok",
    "a list of numbers": "[range(10), range(20)]",
    "JSON with a type": '{"type": "function", "name": "print_page", "input": {"x": 1}}',
    "a definition": '{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", '
    '"properties": {"city": {"type": "string"}}}}}',
    "a GitHub action": "Action: actions/checkout@v4\nAction Input: none",
    "prose": "I would call get_weather(city=...) and send it to=functions.",
}


def names(verdict: wp.Verdict) -> str:
    return " ".join(reason.message for reason in verdict.reasons if reason.code == "no-dialect")


@pytest.mark.parametrize("dialect", ["auto", "hermes", "toml", "dsml_v4"])
@pytest.mark.parametrize("case", WRITTEN)
def test_it_is_recognised_and_named(case: str, dialect: str) -> None:
    name, text = WRITTEN[case]
    if dialect == "auto" and case in ("list of function", "llama4", "llama4 marked"):
        return  # to a dialect without markers these are calls
    verdict = wp.classify(text, dialect, WEB)
    assert verdict.message.calls == () and verdict.label == "leaked"
    assert name in names(verdict)
    first = verdict.candidates[0]
    assert first.call.complete and first.label == "leaked" and "no-dialect" in first.assumes
    expected = {"query": "wind in Oslo"} if "wind in" in text else {"query": "wind"} if "wind" in text else None
    assert first.call.arguments == (expected or {"city": "Oslo"} | ({"unit": "C"} if "tool_code2" in case else {}))
    assert first.call.raw == text[slice(*first.call.span)]


@pytest.mark.parametrize("case", KNOWN)
def test_what_has_a_dialect_is_a_call_of_that(case: str) -> None:
    name, text = KNOWN[case]
    message = wp.parse(text, "auto", WEB)
    assert [call.arguments for call in message.calls] == [{"city": "Oslo"}] and name in message.dialects
    for dialect in ("hermes", "toml", "dsml_v4"):
        verdict = wp.classify(text, dialect, WEB)
        assert verdict.message.calls == () and verdict.label == "foreign"
        assert verdict.candidates[0].call.arguments == {"city": "Oslo"}


@pytest.mark.parametrize("case", WRITTEN)
def test_a_model_is_told_which_format_it_used(case: str) -> None:
    said = wp.classify(WRITTEN[case][1], "hermes", WEB).retry_message()
    assert "in a format that is not used here" in said and "written as in" in said
    assert said.endswith("</tool_call>")


@pytest.mark.parametrize("case", WRITTEN)
def test_policy_may_promote_it(case: str) -> None:
    policy = wp.Policy(promote={"*": {"leaked"}})
    assert wp.parse(WRITTEN[case][1], "hermes", WEB, policy=policy).calls[0].name in ("get_weather", "web_search")


@pytest.mark.parametrize("case", NOTHING)
@pytest.mark.parametrize("tools", [WEB, None], ids=["tools", "any"])
def test_what_only_looks_like_it(case: str, tools: Any) -> None:
    if tools is None and "another" not in case and "an undeclared" not in case:
        return  # with no names to go by, they are all that a format has
    for dialect in ("auto", "hermes"):
        message = wp.parse(NOTHING[case], dialect, tools)
        assert message.calls == () and (tools is None or message.candidates == ())


@pytest.mark.parametrize("case", WRITTEN)
def test_in_a_fence_with_text_behind_it_is_an_example(case: str) -> None:
    text = WRITTEN[case][1]
    if "```" in text or case == "bare call":
        return
    verdict = wp.classify(f"They write:\n\n````text\n{text}\n````\n\nand nothing else.", "hermes", WEB)
    assert verdict.label == "quoted" and verdict.message.calls == ()


def test_several_are_all_found() -> None:
    text = (
        '{"tool_calls": ['
        + ", ".join(
            json.dumps({"function": {"name": "get_weather", "arguments": json.dumps({"city": city})}}) for city in "abc"
        )
        + "]}"
    )
    found = [candidate.call for candidate in wp.classify(text, "hermes", WEB).candidates]
    assert sorted(call.arguments["city"] for call in found) == ["a", "b", "c"]
    text = '```tool_code\nprint(get_weather(city="a"))\nx = default_api.get_weather(city="b")\n# so\nprint(x)\n```'
    found = [candidate.call for candidate in wp.classify(text, "hermes", WEB).candidates]
    assert sorted(call.arguments["city"] for call in found) == ["a", "b"]


def test_what_cannot_be_read_safely_has_no_arguments() -> None:
    for text in ("```tool_code\nget_weather(city=cities[0])\n```", "```tool_code\nget_weather(city=f'{x}')\n```"):
        verdict = wp.classify(text, "hermes", WEB)
        assert verdict.label == "leaked"
        assert [(each.call.arguments, each.call.complete) for each in verdict.candidates] == [({}, False)]


def test_habits_are_data() -> None:
    assert len({habit.name for habit in HABITS}) == len(HABITS)
    assert all(habit.source and habit.needle for habit in HABITS)


@pytest.mark.parametrize(
    "piece",
    ["\n[get_weather(city='", '\n{"action": "', "\nAction: get_weather\nAction Input: {", "to=functions.get_weather ",
     '\n{"role": "a", ', "get_weather(", "[", '\n[get_weather(city="\\"', "```tool_code\n", '{"type": "function", '],
)  # fmt: skip
def test_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    def cost(count: int) -> float:
        gc.collect()
        gc.disable()  # what other tests left is not what is measured
        start = time.process_time()
        wp.parse(piece * count, "hermes", WEB)
        spent = time.process_time() - start
        gc.enable()
        return spent

    cost(10)
    size = 60_000 // len(piece)
    assert cost(4 * size) <= 10 * max(cost(size), 0.05)


@given(st.text("[](){}\"'\\=:,. \n<>|gta1_#`", max_size=80))
def test_noise_is_read_or_not(text: str) -> None:
    for habit in HABITS:
        opener = {"calls": "[get_weather(city=", "arguments": "", "records": '{"action": "get_weather", '}.get(
            habit.body, ""
        )
        wp.parse(habit.needle + opener + text, "hermes", WEB)


def test_a_declared_name_may_be_any() -> None:
    tools = [
        {"name": name, "parameters": WEB[2]["function"]["parameters"]} for name in ("Get Weather", "météo", "mcp:w/x")
    ]
    written = {
        "Get Weather": 'Action: Get Weather\nAction Input: {"city": "Oslo"}',
        "météo": '[météo(city="Oslo")]',
        "mcp:w/x": 'to=functions.mcp:w/x <|message|>{"city": "Oslo"}',
    }
    for name, text in written.items():
        (candidate,) = wp.classify(text, "hermes", tools).candidates
        assert (candidate.call.name, candidate.call.arguments) == (name, {"city": "Oslo"})
    assert wp.classify("Action: do this\nAction Input: {}", "hermes", None).candidates == ()


# Literals.

LITERALS: dict[str, dict[str, Any]] = {
    "a='x', b=\"y\")": {"a": "x", "b": "y"},
    "a='it\\'s', b='\\n\\x41\\u00e9')": {"a": "it's", "b": "\nAé"},
    "a='''x\n'y' z''', b=r'\\d')": {"a": "x\n'y' z", "b": "\\d"},
    "a='x' 'y', b=('p'\n 'q'))": {"a": "xy", "b": "pq"},
    "a=[1, -2.5, True, None], b={'k': [{}]}, )": {"a": [1, -2.5, True, None], "b": {"k": [{}]}},
    "a=(1, 2), b=(1,), c=())": {"a": [1, 2], "b": [1], "c": []},
    "# why\n a = 1_000, b=1e3)": {"a": 1000, "b": 1000.0},
    "'\\d')": {},
}


@pytest.mark.parametrize("text", LITERALS)
def test_literals(text: str) -> None:
    named, listed = LiteralReader(text, 0, len(text)).members(")", "=")
    assert named == LITERALS[text] and all(type(named[key]) is type(LITERALS[text][key]) for key in named)
    assert listed == (["\\d"] if not named else [])


@pytest.mark.parametrize(
    "text",
    ["a=x)", "a=f())", "a=1, a=2)", "a=1 b=2)", "a=b'x')", "a=f'x')", "a='x)", "a={1, 2})", "a=1+1)", "a=[[" * 50,
     "a={1: 2})", "a='\\ud800')", "a=1e9999)", "a=" + "9" * 5_000 + ")", "a=[" * 5_000, "**k)", "a=-x)", "a=lambda: 0)"],
)  # fmt: skip
def test_what_is_no_literal(text: str) -> None:
    with pytest.raises(NotLiteral):
        LiteralReader(text, 0, len(text)).members(")", "=")
