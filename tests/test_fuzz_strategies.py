"""The strategies of `wireproto.fuzz`: their surface, that they draw what they say, and that it shrinks to the simplest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from effort import PROFILE, rounds
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

import wireproto as wp
from wireproto import fuzz, gbnf
from wireproto.testing.generators.choices import ByteChoices, Choices, RandomChoices
from wireproto.testing.generators.damage import EVERY_DAMAGE, mutate
from wireproto.testing.generators.ordinary import draw_ordinary, is_ordinary
from wireproto.testing.generators.tools import draw_tools
from wireproto.testing.generators.trials import draw_trial
from wireproto.testing.generators.values import Material

GRAMMARS = sorted((Path(__file__).resolve().parent.parent / "grammars").glob("*.gbnf"))
TOOLS = [
    {
        "name": "write_file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}, "mode": {"type": "integer"}}},
    }
]
SHRUNK = settings(max_examples=2_000, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def simplest(strategy: st.SearchStrategy[Any], condition: Any) -> Any:
    return find(strategy, condition, settings=SHRUNK)


def test_every_name_is_there() -> None:
    assert [name for name in fuzz.__all__ if getattr(fuzz, name).__module__ != "wireproto.fuzz.strategies"] == []
    assert all("Example:" in (getattr(fuzz, name).__doc__ or "") for name in fuzz.__all__)


@given(fuzz.tools())
def test_tools_are_definitions(tools: list[dict[str, Any]]) -> None:
    assert 1 <= len(wp.Toolset.of(tools).tools) <= 3


@given(st.data())
def test_calls_are_of_the_tools(data: st.DataObject) -> None:
    tools = data.draw(fuzz.tools())
    known = wp.Toolset.of(tools)
    for call in data.draw(fuzz.calls(tools, "qwen3_coder")):
        assert call.arguments.keys() <= known.by_name[call.name].keys


def test_text_stands_between_calls_too() -> None:
    def surrounded(found: wp.Message) -> bool:
        kinds = [segment.kind for segment in found.segments]
        return len(found.calls) == 2 and len(kinds) > 3 and kinds[0] == kinds[-1] == "text"

    message = simplest(fuzz.messages("hermes", TOOLS), surrounded)
    assert [segment.kind for segment in message.segments] == ["text", "call", "call", "text"]
    text = wp.encode(message, "hermes", TOOLS)
    assert text.startswith("Sure.") and text.endswith("Sure.")
    back = wp.parse(text, "hermes", TOOLS)
    assert (back.text, [call.name for call in back.calls]) == (message.text, ["write_file"] * 2)


@given(st.data())
def test_chunks_join_to_the_text(data: st.DataObject) -> None:
    text = data.draw(fuzz.outputs("hermes", TOOLS))
    assert "".join(data.draw(fuzz.chunkings(text))) == text


def test_examples_shrink_to_what_a_person_can_read() -> None:
    assert simplest(fuzz.tools(), lambda tools: True) == [
        {"name": "write_file", "parameters": {"type": "object", "properties": {}, "required": []}}
    ]
    (call,) = simplest(fuzz.calls(TOOLS, "hermes"), lambda calls: any("mode" in call.arguments for call in calls))
    assert (call.name, call.arguments) == ("write_file", {"mode": 0})
    assert simplest(fuzz.hostile_values("qwen3_coder"), lambda value: "</parameter>" in value).strip() == "</parameter>"
    assert simplest(fuzz.outputs("hermes", TOOLS), lambda text: "<tool_call>" in text).strip() == PLAINEST
    trial = simplest(fuzz.trials("hermes", TOOLS), lambda trial: len(trial.chunks) > 1)
    assert (trial.policy, trial.finish_reason, trial.reasoning_open) == (None, None, False) and len(trial.text) < 40


@pytest.mark.parametrize("name", ["hermes", "qwen3_coder", "auto"])
def test_one_generator_draws_from_every_source(name: str) -> None:
    assert draw_trial(RandomChoices(5), name) == draw_trial(RandomChoices(5), name)
    assert draw_trial(RandomChoices(5), name) != draw_trial(RandomChoices(6), name)
    data = bytes(range(256)) * 8
    assert draw_trial(ByteChoices(data), name) == draw_trial(ByteChoices(data), name)
    plainest = draw_trial(ByteChoices(b""), name)
    assert (plainest.text, plainest.policy, plainest.finish_reason) == ("", None, None)
    assert plainest == draw_trial(ByteChoices(bytes(10_000)), name)


class Scripted(Choices):
    """Decisions that are spelled out; then the lowest."""

    def __init__(self, *decisions: int) -> None:
        self.left = [*decisions]

    def integer(self, low: int, high: int) -> int:
        return low + min(self.left.pop(0) if self.left else 0, high - low)


PLAINEST = '<tool_call>\n{"name": "write_file", "arguments": {}}\n</tool_call>'
RECORDED = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'


@pytest.mark.parametrize("kind", range(len(EVERY_DAMAGE)), ids=[each.__name__.strip("_") for each in EVERY_DAMAGE])
def test_every_kind_of_damage_changes_a_text(kind: int) -> None:
    texts = {EVERY_DAMAGE[kind](RandomChoices(seed), RECORDED, Material(wp.dialect("hermes"))) for seed in range(40)}
    assert len(texts) > 1 and texts != {RECORDED}
    for text in ("", "x", "no marker at all"):
        for seed in range(20):
            EVERY_DAMAGE[kind](RandomChoices(seed), text, Material(wp.dialect("llama3_json")))


def test_a_recorded_output_is_mutated_near_its_markers() -> None:
    assert mutate(Scripted(1), RECORDED, "hermes") == RECORDED.removeprefix("<tool_call>")
    found = {mutate(RandomChoices(seed), RECORDED, "auto") for seed in range(200)}
    assert len(found) > 150


@pytest.mark.parametrize("name", wp.dialects())
def test_what_is_ordinary_is_carried_by_every_dialect(name: str) -> None:
    dialect = wp.dialect(name)
    for seed in range(rounds(40, 1_000)):
        choices = RandomChoices(seed)
        tools = None if seed % 5 == 0 else draw_tools(choices)
        material = Material(dialect, tools)
        message = draw_ordinary(choices, material)
        # A format without markers has none to mention, and is given what it begins with instead.
        assert is_ordinary(message, dialect, material.known) or not dialect.markers
        if is_ordinary(message, dialect, material.known) and dialect.framing is None:  # whose text may open a block
            assert wp.encode(message, dialect, tools) or message == wp.Message()


@pytest.mark.parametrize("path", GRAMMARS if PROFILE == "long" else GRAMMARS[::4], ids=lambda path: path.stem)
def test_texts_of_a_file_are_texts_of_its_grammar(path: Path) -> None:
    read = gbnf.parse(path.read_text(encoding="utf-8"))
    strategy = fuzz.from_grammar(path)

    @settings(max_examples=rounds(5, 200))
    @given(strategy)
    def matches(text: str) -> None:
        matcher = gbnf.Matcher(read)
        assert matcher.accept(text) and matcher.finished

    matches()


def test_texts_of_a_grammar_shrink() -> None:
    grammar = wp.grammar("hermes", TOOLS, choice="required")
    text = simplest(fuzz.from_grammar(grammar), lambda text: True)
    assert [call.complete for call in wp.parse(text, "hermes", TOOLS).calls] == [True] and len(text) < 80
    assert simplest(fuzz.from_grammar('root ::= "a" [b-c]* "d"'), lambda text: "c" in text) == "acd"


def test_grammars_without_texts_are_refused() -> None:
    for rules in ('root ::= "a" root', "root ::= <think>"):
        with pytest.raises(wp.GrammarError, match="no text matches"):
            fuzz.from_grammar(rules)
    with pytest.raises(gbnf.GbnfError, match="root"):
        fuzz.from_grammar('x ::= "a"')
