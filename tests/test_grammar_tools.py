"""Grammars of calls, on llama.cpp's own engine: what a model writes is accepted, what is accepted is a valid call."""

from __future__ import annotations

import random
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto import gbnf
from wireproto.engines.llamacpp import LlamaCpp
from wireproto.grammar.tools import tool_grammar
from wireproto.testing import hostile_text

JSON_DIALECTS = [name for name in wp.dialects() if wp.dialect(name).codec == "json"]
MARKED = [name for name in JSON_DIALECTS if name != "llama3_json"]
every_dialect = pytest.mark.parametrize("name", JSON_DIALECTS)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "content": {"type": "string", "maxLength": 200},
        "mode": {"type": "integer", "minimum": 0, "maximum": 511},
        "kind": {"enum": ["fast", "slow", None]},
        "lines": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "options": {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]},
    },
    "required": ["path"],
}
TOOLS = [
    {"name": "write_file", "parameters": SCHEMA},
    {"name": "write_files", "parameters": {"type": "object", "properties": {"paths": {"type": "array"}}}},
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
]
SCHEMAS = {tool["name"]: {"additionalProperties": False, **tool["parameters"]} for tool in TOOLS}


def arguments(text: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"path": text},
        optional={
            "content": text,
            "mode": st.integers(0, 511),
            "kind": st.sampled_from(["fast", "slow", None]),
            "lines": st.lists(text, max_size=3),
            "options": st.fixed_dictionaries({"n": st.integers(-1000, 1000) | st.just(2.5)}),
        },
    )


def is_valid(message: wp.Message) -> bool:
    """Whether a message is nothing but complete calls of declared tools with arguments that their schemas accept."""
    valid = [
        call.complete
        and call.name in SCHEMAS
        and jsonschema.Draft202012Validator(SCHEMAS[call.name]).is_valid(call.arguments)
        for call in message.calls
    ]
    return bool(valid) and all(valid)


@every_dialect
@given(data=st.data())
def test_what_a_model_writes_is_accepted(name: str, data: st.DataObject) -> None:
    # The engine takes no NUL and no half of a surrogate pair.
    text = st.one_of(st.text(max_size=8), hostile_text(name, TOOLS)).map(
        lambda it: "".join(char for char in it if char and char != "\0" and not "\ud800" <= char <= "\udfff")[:200]
    )
    found = data.draw(st.lists(arguments(text), min_size=1, max_size=2))
    calls = [wp.Call("write_file", some) for some in found] + [wp.Call("now")] * data.draw(st.integers(0, 1))
    try:
        wire = wp.encode(calls, name, tools=TOOLS)
    except wp.EncodeError:
        return  # mistral needs no id here; what cannot be written needs no grammar
    with LlamaCpp.compile(str(tool_grammar(name, TOOLS, choice="required"))) as grammar:
        assert grammar.accepts(wire), wire


@every_dialect
def test_what_is_accepted_is_valid(name: str) -> None:
    rules = tool_grammar(name, TOOLS, choice="required")
    call = wp.Call("write_file", {"path": "a", "mode": 7, "lines": ["x", "y"], "options": {"n": 1}})
    wire = wp.encode([call, wp.Call("now")], name, tools=TOOLS)
    draw = random.Random(7)
    accepted = 0
    with LlamaCpp.compile(str(rules)) as grammar:
        assert grammar.accepts(wire) and grammar.peak_stacks <= 32
        for _ in range(400):
            at, end = sorted(draw.choices(range(len(wire) + 1), k=2))
            piece = draw.choice(['"', "}", "1", ",", " ", "x", wire[at:end]])
            mutant = draw.choice([wire[:at] + wire[min(end, at + 3) :], wire[:at] + piece + wire[at:]])
            if mutant != wire and grammar.accepts(mutant):
                accepted += 1
                assert is_valid(wp.parse(mutant, name, tools=TOOLS)), mutant
    assert accepted


@pytest.mark.parametrize("name", MARKED)
def test_text_before_calls(name: str) -> None:
    rules = gbnf.parse(str(tool_grammar(name, TOOLS)))
    calls = wp.encode([wp.Call("now"), wp.Call("write_file", {"path": "a"})], name, tools=TOOLS)

    def accepts(text: str) -> bool:
        matcher = gbnf.Matcher(rules)
        return matcher.accept(text) and matcher.finished

    for text in ("", "I look. ", "a < b [x] {\n", "```python\nx\n```\n"):
        assert accepts(text) and accepts(text + calls)
        assert len(wp.parse(text + calls, name, tools=TOOLS).calls) == 2
    quoted = "`" + wp.encode([wp.Call("now")], name, tools=TOOLS)
    assert not accepts(quoted) and wp.parse(quoted, name, tools=TOOLS).calls == ()
    assert not accepts(calls + "bye") and not accepts(calls[: len(calls) // 2])


def test_one_tool_and_one_call() -> None:
    def accepts(calls: list[wp.Call], **options: Any) -> bool:
        matcher = gbnf.Matcher(gbnf.parse(str(tool_grammar("hermes", TOOLS, **options))))
        return matcher.accept(wp.encode(calls, "hermes")) and matcher.finished

    now, write = wp.Call("now"), wp.Call("write_file", {"path": "a"})
    assert accepts([now, write], choice="required")
    assert not accepts([now, write], choice="required", parallel=False)
    assert accepts([now], choice={"name": "now"}) and not accepts([write], choice={"name": "now"})


def test_what_cannot_be_said_is_refused() -> None:
    for tools in (None, []):
        with pytest.raises(wp.GrammarError, match="needs the tools"):
            tool_grammar("hermes", tools)
    with pytest.raises(wp.GrammarError, match="the nearest is 'write_file'"):
        tool_grammar("hermes", TOOLS, choice={"name": "write_fil"})
    with pytest.raises(wp.GrammarError, match="no grammars yet"):
        tool_grammar("qwen3_coder", TOOLS)
    with pytest.raises(wp.GrammarError, match="set them apart from text"):
        tool_grammar("llama3_json", TOOLS)
    odd = [{"name": "f", "parameters": {"type": "object", "properties": {"x": {"$ref": "http://example.com/x"}}}}]
    with pytest.raises(wp.GrammarError, match=r"tool 'f': .*\$ref"):
        tool_grammar("hermes", odd)
    (note,) = tool_grammar("hermes", odd, strict=False).report
    assert note.tool == "f" and note.note.keyword == "$ref"
