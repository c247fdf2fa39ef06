"""The grammar of a tool whose argument has any schema, in every dialect: exactly the calls that the schema accepts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from effort import Tally, few_dialects
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from judging import accepts
from schemas import INEXACT, LEAVES, Json, instances, schemas

import wireproto as wp
from wireproto.grammars.api.selfcheck import CheckSettings
from wireproto.testing.engines.llamacpp import LlamaCpp

STRINGS = [value for value in LEAVES if isinstance(value, str)]
every_dialect = pytest.mark.parametrize("name", few_dialects())


def tool_with(schema: Json) -> list[dict[str, Any]]:
    """Return one tool with one argument, which it needs."""
    return [{"name": "f", "parameters": {"type": "object", "properties": {"v": schema}, "required": ["v"]}}]


def written(name: str, tools: list[dict[str, Any]]) -> wp.Grammar:
    """Return the strict grammar of one call; what strict refuses is no case."""
    try:
        return wp.grammar(name, tools, choice="required", parallel=False, reasoning=False)
    except wp.GrammarError:
        assume(False)
        raise


@every_dialect
def test_a_call_is_accepted_exactly_if_its_argument_is_valid(name: str) -> None:
    tally = Tally()

    # Of values that are no strings, raw text carries only those that the schema has a type for.
    @given(schemas, st.lists(st.one_of(instances, st.sampled_from(STRINGS)), min_size=3, max_size=6))
    def agrees(schema: Json, values: list[Json]) -> None:
        tools = tool_with(schema)
        found = written(name, tools)
        with LlamaCpp.compile(str(found)) as engine:
            for value in values:
                try:
                    text = wp.encode([wp.Call("f", {"v": value})], name, tools=tools)
                except wp.EncodeError:
                    tally.count(False)
                    continue
                tally.count(True)
                valid, accepted = Draft202012Validator(schema).is_valid(value), engine.accepts(text)
                assert valid or not accepted, text
                assert accepted or not valid or found.report or wp.parse(text, name, tools=tools).diagnoses, text

    agrees()
    tally.check(0.2)


@every_dialect
@given(schemas, st.integers(0, 2**32))
def test_whatever_is_accepted_is_valid(name: str, schema: Json, seed: int) -> None:
    tools = tool_with(schema)
    try:
        trial = CheckSettings(wp.dialect(name), tools, "required", parallel=False, size=300).run(4, seed)
    except wp.GrammarError:
        assume(False)
        raise
    for each in trial.invalid:
        said = [found.message for call in each.calls for found in call.diagnoses]
        # That two free keys differ is not said by any grammar, and TOML has no table in which they do not.
        assert INEXACT.search(each.text) or (name == "toml" and "Duplicate inline table key" in said[0]), each


@every_dialect
def test_strings_in_arrays_are_as_long_as_they_must_be(name: str) -> None:
    for bounds in ({"minLength": 1}, {"minLength": 20}, {"maxLength": 3}, {"minLength": 2, "maxLength": 5}):
        tools = tool_with({"type": "array", "items": {"type": "string", **bounds}})
        lengths = range(bounds.get("minLength", 0), bounds.get("maxLength", 1_000) + 1)
        assert_lengths(name, tools, lambda text: [text], lengths)


@every_dialect
def test_bounds_of_a_length_hold_that_are_said_apart(name: str) -> None:
    tools = tool_with({"type": "string", "allOf": [{"minLength": 2}, {"maxLength": 200}]})
    assert_lengths(name, tools, lambda text: text, range(2, 201))


def assert_lengths(name: str, tools: list[dict[str, Any]], value: Callable[[str], Json], lengths: range) -> None:
    """Hold a grammar to these lengths, of some up to 201."""
    found = str(written(name, tools))
    for length in (0, 1, 2, 3, 5, 6, 19, 20, 200, 201):
        text = wp.encode([wp.Call("f", {"v": value("x" * length)})], name, tools=tools)
        assert accepts(found, text) == (length in lengths), text


@pytest.mark.parametrize("key", ["$schema", "a b", "é", ""])
@every_dialect
def test_keys_that_a_format_cannot_carry_are_refused(name: str, key: str) -> None:
    tools = [{"name": "f", "parameters": {"type": "object", "properties": {key: {}, "v": {}}}}]
    try:
        text = wp.encode([wp.Call("f", {key: "x", "v": "y"})], name, tools=tools)
    except wp.EncodeError:
        with pytest.raises(wp.GrammarError, match=r"tool 'f': .*a key of this format cannot be"):
            wp.grammar(name, tools)
        if not key and wp.dialect(name).codec == "pythonic":
            return  # no tool of such a key is widened there
        (note,) = wp.grammar(name, tools, strict=False).report
        assert (note.tool, note.note.kind) == ("f", "narrowed")
    else:
        assert accepts(str(wp.grammar(name, tools)), text)
