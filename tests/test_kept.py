"""What was made of tools is kept for the next time: bounded, of the content alone, and never what a caller changes."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import pytest

import wireproto as wp
from wireproto.grammars.api import api
from wireproto.tools import toolset
from wireproto.tools.kept import Kept, key_of
from wireproto.tools.toolset import Tool, Toolset


def tools(count: int = 3) -> list[dict[str, Any]]:
    return [
        {
            "name": f"tool_{index}",
            "parameters": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "mode": {"enum": [1, 2]}},
                "required": ["path"],
            },
        }
        for index in range(count)
    ]


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    toolset._TOOLSETS.clear()


def seen(given: Any) -> Toolset:
    """Return the toolset of definitions that were seen before."""
    Toolset.of(given)
    return Toolset.of(given)


def test_the_same_definitions_give_one_toolset_from_the_second_time_on() -> None:
    found = seen(tools())
    assert Toolset.of(tools()) is found
    assert Toolset.of(tools(2)) is not found


@pytest.mark.parametrize(
    "change",
    [
        lambda given: given.pop(),
        lambda given: given[0]["parameters"]["properties"].update(extra={"type": "integer"}),
        lambda given: given[0]["parameters"]["properties"]["mode"]["enum"].append(3),
        lambda given: given[0]["parameters"]["properties"]["mode"].update(enum=[True, 2]),
        lambda given: given[0]["parameters"]["properties"]["mode"].update(enum=[1.0, 2]),
        lambda given: given.reverse(),
        lambda given: given[0]["parameters"].update(
            properties=dict(reversed(given[0]["parameters"]["properties"].items()))
        ),
    ],
)
def test_a_list_that_its_caller_changes_is_read_anew(change: Any) -> None:
    given = tools()
    found = seen(given)
    before = repr(found)
    change(given)
    assert seen(given) is not found
    assert repr(seen(given)) == repr(Toolset._of(copy.deepcopy(given))) != before
    assert repr(found) == before
    assert Toolset.of(tools()) is found


def test_what_json_does_not_have_is_never_kept() -> None:
    class Name(str):
        __slots__ = ()

    for odd in (
        [{"name": Name("f")}],
        [OrderedDict(name="f")],
        [Tool("f")],
        tuple(tools()),
        [{"name": "f", "parameters": {"properties": {"x": {"default": float("nan")}}}}],
    ):
        assert seen(odd) is not Toolset.of(odd)
    assert not Toolset.of([{"name": "f", "parameters": {"properties": {1: {}, "x": {}}}}]).get("f").keys - {"x"}  # type: ignore[union-attr]


def test_wrong_definitions_raise_each_time() -> None:
    for _ in range(3):
        with pytest.raises(wp.SchemaError, match=r'tools\[0\] has no "name"'):
            Toolset.of([{}])


def test_toolsets_are_kept_within_a_bound() -> None:
    each = len(key_of([{"name": "f", "description": "x" * 1_000_000}]) or b"")
    for letter in "abcdefgh":
        seen([{"name": letter, "description": "x" * 1_000_000}])
        assert toolset._TOOLSETS.size <= toolset._TOOLSETS.most
    assert len(toolset._TOOLSETS) == toolset._TOOLSETS.most // each
    assert key_of([{"name": "f", "description": "x" * 5_000_000}]) is None


def test_what_was_asked_for_last_is_kept() -> None:
    kept: Kept[str] = Kept(3)
    for key in "abc":
        kept.add(key, key.upper(), 1)
    assert kept.get("a") == "A"
    kept.add("d", "D", 1)
    assert [kept.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    kept.add("c", "large", 4)
    assert kept.get("c") is None and (len(kept), kept.size) == (2, 2)
    kept.clear()
    assert (len(kept), kept.size) == (0, 0)


def test_a_tool_finds_its_facts_out_when_it_is_asked() -> None:
    tool = Tool("f", schema=tools()[0]["parameters"])
    assert tool.keys == {"path", "mode"} and tool.required == {"path"} and tool.is_constrained
    assert copy.copy(tool) == tool == copy.deepcopy(tool)
    assert not hasattr(tool, "other")


OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"choice": "required"},
    {"choice": {"name": "tool_0"}},
    {"choice": {"name": "tool_1"}},
    {"parallel": False},
    {"reasoning": "none"},
    {"max_reasoning": 50},
    {"lazy": True},
    {"target": "lark"},
)


def test_a_grammar_is_made_once_and_given_as_the_callers_own() -> None:
    kept = api._FINISHED
    kept.clear()
    fresh = [wp.grammar("hermes", tools(), **options) for options in OPTIONS]
    assert len(kept) == len(OPTIONS)
    again = [wp.grammar("hermes", tools(), **options) for options in OPTIONS]
    assert again == fresh and all(one.text is other.text for one, other in zip(fresh, again, strict=True))
    again[0].rules.rules.clear()  # type: ignore[attr-defined]
    assert wp.grammar("hermes", tools()) == fresh[0]
    assert wp.grammar("hermes", Toolset.of(tools())) == fresh[0]
    kept.clear()
    assert [wp.grammar("hermes", tools(), **options) for options in OPTIONS] == fresh


def test_the_grammar_of_tools_that_their_caller_changes_is_made_anew() -> None:
    given = tools()
    before = wp.grammar("hermes", given)
    for given_again in (given, Toolset._of(given)):
        given[0]["parameters"]["properties"]["mode"]["enum"].append(len(str(given)))
        found = wp.grammar("hermes", given_again)
        api._FINISHED.clear()
        assert found == wp.grammar("hermes", copy.deepcopy(given)) != before
    assert wp.grammar("hermes", tools()) == before


def test_grammars_are_kept_within_a_bound() -> None:
    kept = api._FINISHED
    kept.clear()
    for number in range(40):
        wp.grammar("hermes", [{"name": f"t{number}_{i}", "parameters": tools(1)[0]["parameters"]} for i in range(40)])
        assert kept.size <= kept.most
    size = kept.size
    wp.grammar("hermes", [{"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "string"}}}}])
    assert size < kept.size
    with pytest.raises(wp.GrammarError, match="max_reasoning"):
        wp.grammar("hermes", tools(), max_reasoning=True)
