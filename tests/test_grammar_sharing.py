"""Grammars of many tools: what is written once for all of them holds for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from effort import few_dialects

import wireproto as wp
from wireproto.grammars.api.api import grammar
from wireproto.testing.engines.llamacpp import LlamaCpp

INTEGER, STRING = {"type": "integer"}, {"type": "string"}
# Under the same keys, at the same places of their documents, every kind of tool declares something else.
KINDS: list[dict[str, Any]] = [
    {"ids": {"type": "array", "items": INTEGER}, "at": {"type": "object", "properties": {"x": STRING}}, "n": INTEGER},
    {"ids": {"type": "array", "items": STRING}, "at": {"type": "object", "properties": {"x": INTEGER}}, "n": STRING},
    {"ids": {"type": "array"}, "at": {"type": "object"}, "n": {"type": ["integer", "null"]}},
    {"ids": {"enum": [[1], [2]]}, "at": {"enum": [{"x": 1}]}, "n": {"type": "integer", "minimum": 7}},
    {"ids": {"enum": [[1], ["a"]]}, "at": {"enum": [{"x": "a"}]}, "n": {"enum": [4, 7]}},
]
TOOLS = [
    {"name": f"{place}_{number}", "parameters": {"type": "object", "properties": kind}}
    for place in ("first", "again", "last")
    for number, kind in enumerate(KINDS)
]
VALUES: dict[str, list[Any]] = {
    "ids": [[1], ["a"], [True], [2, 1], []],
    "at": [{"x": 1}, {"x": "a"}, {"x": None}, {}],
    "n": [4, 7, "a", None],
}


def texts(dialect: str, name: str) -> Iterator[str]:
    """Yield calls of a tool of this name as they would be written if it declared each kind of arguments."""
    for kind in KINDS:
        tool = {"name": name, "parameters": {"type": "object", "properties": kind}}
        for key, values in VALUES.items():
            for value in values:
                with suppress(wp.EncodeError):
                    yield wp.encode([wp.Call(name, {key: value})], dialect, tools=[tool])


@pytest.mark.parametrize("dialect", few_dialects())
def test_a_tool_is_the_same_among_others_and_alone(dialect: str) -> None:
    with LlamaCpp.compile(str(grammar(dialect, TOOLS, choice="required"))) as together:
        for tool in TOOLS[-len(KINDS) :]:
            found = list(dict.fromkeys(texts(dialect, str(tool["name"]))))
            with LlamaCpp.compile(str(grammar(dialect, [tool], choice="required"))) as alone:
                accepted = [alone.accepts(text) for text in found]
            assert [together.accepts(text) for text in found] == accepted, tool
            assert any(accepted)
            assert not all(accepted)
