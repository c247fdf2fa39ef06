"""Bounds of lengths: counted by the engine, in bounded time, and nothing that is accepted decodes to another value."""

from __future__ import annotations

import time
from typing import Any

import pytest
from effort import chance, few_dialects, rounds
from judging import is_valid, validators

import wireproto as wp
from wireproto import gbnf
from wireproto.format.spelling import spellings
from wireproto.grammars.api.api import grammar
from wireproto.grammars.api.selfcheck import CheckSettings
from wireproto.testing.engines.llamacpp import LlamaCpp
from wireproto.testing.engines.llguidance import LLGuidance

TAGGED = [name for name in few_dialects() if wp.dialect(name).codec == "tagged" and wp.dialect(name).argument.is_raw]
every_dialect = pytest.mark.parametrize("name", few_dialects())
every_tagged = pytest.mark.parametrize("name", TAGGED)
BOUNDED = {"type": "string", "maxLength": 300}
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "content": BOUNDED,
        "maybe": {"type": ["string", "null"], "maxLength": 400},
        "name": {"type": "string", "pattern": "^[a-z<>/_ ]+$", "minLength": 2, "maxLength": 3_000},
        "long": {"type": "string", "minLength": 40},
        "rows": {"type": "array", "items": {"type": "object", "properties": {"s": BOUNDED}, "required": ["s"]}},
        "word": {"type": "array", "items": {"type": "string", "pattern": "^[a-z<]*$", "maxLength": 2_500}},
    },
}
TOOLS: list[dict[str, Any]] = [{"name": "write", "parameters": PARAMETERS}]
VALIDATORS = validators(TOOLS)


def nested(most: int, name: str = "f") -> dict[str, Any]:
    item = {"type": "object", "properties": {"s": {"type": "string", "maxLength": most}}, "required": ["s"]}
    return {"name": name, "parameters": {"type": "object", "properties": {"items": {"type": "array", "items": item}}}}


@pytest.mark.parametrize("most", [20, 100, 1_000, 12_500, 100_000])
@every_tagged
def test_nested_bounds_are_never_refused(name: str, most: int) -> None:
    started = time.process_time()
    tools = [nested(most)]
    text = str(grammar(name, tools, choice="required"))
    assert time.process_time() - started < 3
    matcher = gbnf.Matcher(gbnf.parse(text)) if most < 12_500 else None
    for size in (0, most, most + 1) if matcher is not None else ():
        wire = wp.encode([wp.Call("f", {"items": [{"s": "x" * size}]})], name, tools=tools)
        at = matcher.copy()
        assert (at.accept(wire) and at.finished) is (size <= most)


@every_dialect
def test_many_tools_with_bounds_take_no_time(name: str) -> None:
    started = time.process_time()
    tools = [nested(10_000 + 7 * i, f"f{i}") for i in range(10)]
    assert len(str(grammar(name, tools))) < 100_000
    assert time.process_time() - started < 3


@every_tagged
def test_what_is_counted_decodes_to_itself(name: str) -> None:
    trial = CheckSettings(wp.dialect(name), TOOLS, "required", size=700).run(rounds(40, 400))
    assert not trial.invalid, trial.invalid[0]


def pieces(name: str) -> list[str]:
    """Return what values are made of that try the boundary."""
    dialect = wp.dialect(name)
    closer = spellings(dialect)[0].value_close("content")
    openers = [dialect.argument.open.format(key=key, string="true") for key in ("content", "rows", "other")]
    halves = [marker[: len(marker) // 2] for marker in dialect.markers]
    found = [*dialect.markers, *halves, *openers, closer, closer * 2, wp.encode([wp.Call("write", {})], name)]
    return [*found, "\n", "\n", " ", "`", "<", "</", "<b>", "if a < b:\n", "word", "x" * 30, dialect.argument.escape]


@every_tagged
def test_a_counted_value_ends_where_the_decoder_ends_it(name: str) -> None:
    parts, draw = pieces(name), chance(name)
    escape = wp.dialect(name).argument.escape or "\0"
    closer = spellings(wp.dialect(name))[0].value_close("content")
    agreed = 0
    with LlamaCpp.compile(str(grammar(name, TOOLS, choice="required"))) as engine:
        for key in ("content", "maybe", "long"):
            wire = wp.encode([wp.Call("write", {key: "zqz" * 14})], name, tools=TOOLS)
            head, tail = wire.split("zqz" * 14)
            for _ in range(rounds(100, 1_000)):
                value = "".join(draw.choices(parts, k=draw.randint(0, 6)))
                if not engine.accepts(head + value + tail):
                    continue
                agreed += 1
                message = wp.parse(head + value + tail, name, tools=TOOLS)
                assert is_valid(message, VALIDATORS) and not message.text, value
                found = message.calls[0].arguments
                if found.keys() == {key}:  # else the text holds another argument
                    assert found[key] in (value, value.replace(escape, closer)), value
        assert engine.peak_stacks <= 48
    assert agreed > rounds(100, 1_000) / 4


@every_tagged
def test_a_counted_value_may_hold_what_begins_no_marker(name: str) -> None:
    code = 'def less(a, b):\n    """Say `a < b`."""\n    return a < b or "<b>x</b>"\n'
    with LlamaCpp.compile(str(grammar(name, TOOLS, choice="required"))) as engine:
        for value in (code, "<html>\n<p>x</p>\n</html>", "x" * 300, "a\nb\n" * 75, "é😀" * 150):
            assert engine.accepts(wp.encode([wp.Call("write", {"content": value})], name, tools=TOOLS)), value
            assert engine.accepts(wp.encode([wp.Call("write", {"rows": [{"s": value}]})], name, tools=TOOLS)), value
        for value in ("x" * 301, "<b>" * 101, "a\nb\n" * 76):
            assert not engine.accepts(wp.encode([wp.Call("write", {"content": value})], name, tools=TOOLS))
            assert not engine.accepts(wp.encode([wp.Call("write", {"rows": [{"s": value}]})], name, tools=TOOLS))
        for value in (None, "", "nul", "nullx", "x" * 400):
            assert engine.accepts(wp.encode([wp.Call("write", {"maybe": value})], name, tools=TOOLS)), value
        assert not engine.accepts(wp.encode([wp.Call("write", {"long": "x" * 39})], name, tools=TOOLS))
        assert engine.accepts(wp.encode([wp.Call("write", {"long": "x" * 40 + code * 9})], name, tools=TOOLS))


@pytest.mark.parametrize("name", ["qwen3_coder", "glm47", "dsml_v4"])
def test_llguidance_counts(name: str) -> None:
    found = LLGuidance.compile(str(grammar(name, TOOLS, choice="required", target="lark")))
    for value in ("x" * 300, "a < b\n" * 10, "<b>\n"):
        assert found.accepts(wp.encode([wp.Call("write", {"content": value})], name, tools=TOOLS)), value
        assert found.accepts(wp.encode([wp.Call("write", {"rows": [{"s": value}]})], name, tools=TOOLS)), value
    assert not found.accepts(wp.encode([wp.Call("write", {"rows": [{"s": "x" * 301}]})], name, tools=TOOLS))
    assert not found.accepts(wp.encode([wp.Call("write", {"content": "x" * 301})], name, tools=TOOLS))


@every_dialect
def test_only_the_tool_that_cannot_be_written_is_widened(name: str) -> None:
    circle = {"$ref": "#/$defs/a"}
    properties = {"a": {"type": "string"}, "b": {"allOf": [circle]}}
    odd = {"type": "object", "$defs": {"a": {"anyOf": [circle]}}, "properties": properties}
    fine = {"type": "object", "properties": {"mode": {"enum": ["x", "y"]}}, "required": ["mode"]}
    tools = [{"name": "odd", "parameters": odd}, {"name": "fine", "parameters": fine}]
    with pytest.raises(wp.GrammarError, match="tool 'odd': "):
        grammar(name, tools)
    found = grammar(name, tools, choice="required", strict=False)
    assert [(each.tool, each.note.pointer, each.note.kind) for each in found.report] == [("odd", "", "widened")]
    with LlamaCpp.compile(str(found)) as engine:
        for call in (wp.Call("odd", {"a": "x"}), wp.Call("odd", {"b": "y"}), wp.Call("fine", {"mode": "x"})):
            assert engine.accepts(wp.encode([call], name, tools=tools)), call
        for call in (wp.Call("fine", {"mode": "z"}), wp.Call("fine", {})):
            assert not engine.accepts(wp.encode([call], name, tools=tools)), call


@pytest.mark.parametrize("name", ["qwen3_coder", "dsml_v4", "glm47"])
def test_a_length_and_a_pattern_that_are_too_much_are_said(name: str) -> None:
    text = {"type": "string", "pattern": "^\\S.*\\S$", "maxLength": 5_000}
    tools = [
        {"name": "f", "parameters": {"type": "object", "properties": {"s": text}}},
        {"name": "g", "parameters": {"type": "object", "properties": {"s": {"type": "string", "maxLength": 20}}}},
    ]
    with pytest.raises(wp.GrammarError, match=r"tool 'f': /properties/s: maxLength: "):
        grammar(name, tools)
    found = grammar(name, tools, choice="required", strict=False)
    assert [(each.tool, each.note.keyword, each.note.kind) for each in found.report] == [("f", "maxLength", "widened")]
    with LlamaCpp.compile(str(found)) as engine:
        for call, right in ((wp.Call("g", {"s": "x" * 20}), True), (wp.Call("g", {"s": "x" * 21}), False)):
            assert engine.accepts(wp.encode([call], name, tools=tools)) is right
