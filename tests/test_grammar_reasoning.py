"""What a grammar admits beside calls: reasoning, if it is asked for, and white space behind the last call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from effort import few_dialects
from judging import is_valid, validators

import wireproto as wp
from wireproto import gbnf
from wireproto.automata.until import texts_without
from wireproto.grammars.api.api import grammar
from wireproto.grammars.api.selfcheck import CheckSettings
from wireproto.grammars.expr import expr as ex
from wireproto.grammars.expr.counted import counted_text
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.targets.gbnf import to_gbnf
from wireproto.testing.engines.llamacpp import LlamaCpp
from wireproto.testing.engines.llguidance import LLGuidance

THINKING = [name for name in few_dialects() if wp.dialect(name).reasoning is not None]
ALWAYS = {"minimax_m2", "step3", "step3p5"}
every_dialect = pytest.mark.parametrize("name", few_dialects())
every_thinker = pytest.mark.parametrize("name", THINKING)
TOOLS: list[dict[str, Any]] = [
    {"name": "now", "parameters": {"type": "object", "properties": {"exact": {"type": "boolean"}}}},
    {"name": "say", "parameters": {"type": "object", "properties": {"text": {"type": "string"}}}},
]
VALIDATORS = validators(TOOLS)
BLANKS = ("", "\n", "\n\n", " ", " \t\r\n", "\n" * 8)


def compiled(name: str, **options: Any) -> LlamaCpp:
    return LlamaCpp.compile(str(grammar(name, TOOLS, **options)))


def call(name: str) -> str:
    return wp.encode([wp.Call("now", {"exact": True})], name, tools=TOOLS)


@every_dialect
def test_white_space_may_end_the_output(name: str) -> None:
    lazy: list[dict[str, Any]] = [{"lazy": True}] if grammar(name, TOOLS).triggers else []
    one = call(name)
    two = wp.encode([wp.Call("now", {"exact": True}), wp.Call("say", {"text": "a"})], name, tools=TOOLS)
    for options in ({}, {"choice": "required"}, {"choice": {"name": "now"}}, {"parallel": False}, *lazy):
        with compiled(name, **options) as engine:
            for blanks in BLANKS:
                assert engine.accepts(one + blanks), (options, blanks)
                assert engine.accepts(two + blanks) is (options.get("parallel", True) and "name" not in str(options))
            assert not engine.accepts(one + "\n" * 9) and not engine.accepts(one + "\nbye")
            assert engine.peak_stacks <= 32
    message = wp.parse(two + "\n\n", name, tools=TOOLS, finish_reason="stop")
    assert is_valid(message, VALIDATORS) and len(message.calls) == 2 and not message.text


@every_dialect
def test_white_space_may_end_the_output_for_llguidance(name: str) -> None:
    for options in ({}, {"choice": "required"}):
        found = LLGuidance.compile(str(grammar(name, TOOLS, target="lark", **options)))  # type: ignore[arg-type]
        assert all(found.accepts(call(name) + blanks) for blanks in BLANKS)
        assert found.accepts(wp.encode([wp.Call("now"), wp.Call("say", {"text": "a"})], name, tools=TOOLS) + "\n")
        assert not found.accepts(call(name) + "\nbye")


@every_thinker
def test_a_forced_call_does_not_admit_reasoning_unasked(name: str) -> None:
    reasoning = wp.dialect(name).reasoning
    assert reasoning is not None and reasoning.always is (name in ALWAYS)
    first = f"{reasoning.open}Shall I?\nYes.{reasoning.close}{reasoning.after}"
    for choice in ("auto", "required", {"name": "now"}):
        with compiled(name, choice=choice) as engine:
            assert engine.accepts(call(name)) and engine.accepts(first + call(name)) is (
                choice == "auto" or reasoning.always
            )
        with compiled(name, choice=choice, reasoning="none") as engine:
            assert engine.accepts(call(name)) and not engine.accepts(first + call(name))
        with compiled(name, choice=choice, reasoning="optional") as engine:
            assert engine.accepts(call(name)) and engine.accepts(first + call(name))
            # A call in reasoning with nothing behind it would be one.
            assert not engine.accepts(reasoning.open + call(name) + reasoning.close)
        for options in ({"reasoning": "open"}, {"reasoning_open": True}):
            with compiled(name, choice=choice, **options) as engine:
                assert engine.accepts(first.removeprefix(reasoning.open) + call(name))
                assert not engine.accepts(call(name))
    message = wp.parse(first + call(name), name, tools=TOOLS)
    assert message.reasoning == "Shall I?\nYes." and len(message.calls) == 1


@pytest.mark.parametrize("most", [0, 1, 20, 300, 2_500])
@every_thinker
def test_reasoning_is_counted(name: str, most: int) -> None:
    reasoning = wp.dialect(name).reasoning
    assert reasoning is not None
    after = reasoning.close + reasoning.after + call(name)
    with compiled(name, choice="required", reasoning="open", max_reasoning=most) as engine:
        assert engine.accepts(most * "x" + after) and not engine.accepts_prefix(most * "x" + "x")
        assert not engine.accepts_prefix("\n" * (most + 1)) and not engine.accepts_prefix("<[+" * most + "<[+")
        assert not engine.accepts(call(name) + after)
        if most >= 300:
            assert engine.accepts("If x < 3 [and y > 4], look at [it]. " * (most // 100) + after)
            assert engine.accepts("++ a <<< b <p>c</p> [d](e) " * (most // 150) + after)
        assert engine.peak_stacks <= 32
    with compiled(name, choice="required", reasoning="optional", max_reasoning=most) as engine:
        assert engine.accepts(call(name)) and engine.accepts(reasoning.open + after)
        assert not engine.accepts(reasoning.open + most * "x" + "x" + after)


@every_thinker
def test_counted_reasoning_is_read_as_reasoning(name: str) -> None:
    for mode in ("open", "optional"):
        trial = CheckSettings(wp.dialect(name), TOOLS, "required", reasoning=mode, max_reasoning=300).run(25)  # type: ignore[arg-type]
        assert not trial.invalid, trial.invalid[0]
        for each in trial.tried:
            message = wp.parse(each.text, name, tools=TOOLS, reasoning_open=mode == "open", finish_reason="stop")
            assert len(message.reasoning) <= 300 and len(message.calls) == len(each.calls) >= 1


def test_every_target_counts() -> None:
    texts = {
        target: str(grammar("hermes", TOOLS, choice="required", reasoning="open", max_reasoning=300, target=target))  # type: ignore[arg-type]
        for target in ("lark", "ebnf", "structural-tag")
    }
    found = LLGuidance.compile(texts["lark"])
    assert found.accepts("x" * 300 + "</think>" + call("hermes"))
    assert not found.accepts_prefix("x" * 301)
    matcher = gbnf.Matcher(gbnf.parse(texts["ebnf"]))
    assert not matcher.accept("x" * 301) and matcher.accept("a < b" + "x" * 200 + "</think>" + call("hermes"))
    block = json.loads(texts["structural-tag"])["format"]["elements"][0]["elements"][0]
    inner = gbnf.Matcher(gbnf.parse(block["content"]["grammar"]))
    assert block["end"] == "</think>" and not inner.accept("x" * 301) and inner.accept("x" * 300) and inner.finished


def test_what_is_no_choice_of_reasoning() -> None:
    with pytest.raises(wp.GrammarError, match='reasoning: "none", "optional" or "open", not \'maybe\''):
        grammar("hermes", TOOLS, reasoning="maybe")  # type: ignore[arg-type]
    for wrong in (-1, True, "9", 1.5):
        with pytest.raises(wp.GrammarError, match="max_reasoning: a number of characters"):
            grammar("hermes", TOOLS, max_reasoning=wrong)  # type: ignore[arg-type]
    for name in set(few_dialects()) - {*THINKING}:
        with pytest.raises(wp.GrammarError, match="no reasoning that could be open"):
            grammar(name, TOOLS, reasoning="open")
        assert str(grammar(name, TOOLS, reasoning="optional")) == str(grammar(name, TOOLS, reasoning=False))


@pytest.mark.parametrize("most", [0, 7, 8, 21, 22, 45, 600, None])
def test_counted_texts_are_texts_within_the_bounds(most: int | None) -> None:
    held = texts_without(("<call>", "</call>", "[x]", "\nend"))
    assert counted_text(held, 3, 2, RuleTable()) == ex.NOTHING
    for least in (0, 3) if most else (0,):
        table = RuleTable()
        root = table.add("root", counted_text(held, least, most, table))
        text = to_gbnf(ex.Rules(root.name, table.rules))
        assert not [found for found in gbnf.check(text) if found.severity != "note"]
        with LlamaCpp.compile(text) as engine:
            for size in range(50):
                assert engine.accepts("y" * size) is (least <= size and (most is None or size <= most))
            pieces = ("yyy<", "<<b ", "[ ]", "yy\n\n", "\nex", "<call", "y\n<", "<<<<", "[[x", "y" * 20)
            said = [f"yyy{a}{b}{c}y" for a in pieces for b in pieces for c in pieces]
            for each in said:
                if engine.accepts(each):
                    assert held.accepts(each) and (most is None or len(each) <= most)
            assert not any(map(engine.accepts, ("yyy<call>", "yyy[x]y", "yyy\nend")))
            assert most not in (600, None) or engine.accepts("yyy<<b\n\n<c [y] <ca y")


@pytest.mark.parametrize("name", ["toml", "hermes", "qwen3_coder"])
def test_reasoning_that_looped_to_the_limit_is_looping(name: str) -> None:
    # What Gemma 3 270M writes under the grammar of `toml` if it may think without a bound.
    text = "<think>\n" + "<thik>\n" * 25 + "<thi"
    assert wp.classify(text, name, tools=TOOLS, finish_reason="length").label == "looping"
