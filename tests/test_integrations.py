"""What the plug-ins for servers are made of; the plug-ins themselves run in tests/against_servers.py."""

from __future__ import annotations

import json

import pytest

import wireproto as wp
from wireproto.integrations.answers import AnswerStream, declared, names, whole

TOOLS = [
    {"name": "write_file", "parameters": {"type": "object", "properties": {"path": {"type": "string"}, "n": {"type": "integer"}}}},
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
]  # fmt: skip
CALLS = (wp.Call("write_file", {"path": 'a "b"\n\u2028</x>', "n": 7}), wp.Call("now", {}))


@pytest.mark.parametrize("name", wp.dialects())
@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_parts_join_to_what_was_called(name: str, size: int) -> None:
    text = wp.encode(CALLS, name, TOOLS)
    stream, found = AnswerStream(name, TOOLS), {}
    parts = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]
    for call in (call for part in [*parts, stream.close("stop")] for call in part.calls):
        assert (call.name is None) == (call.index in found)  # a name comes once
        named, arguments = found.get(call.index, (call.name, ""))
        found[call.index] = (named, arguments + call.arguments)
    assert [(named, json.loads(text)) for named, text in found.values()] == [(c.name, c.arguments) for c in CALLS]
    read = whole(text, name, TOOLS, "length")
    assert [(call.name, json.loads(call.arguments)) for call in read.calls] == [(c.name, c.arguments) for c in CALLS]


def test_a_call_that_was_cut_off_never_parses() -> None:
    text = "Hi.\n<tool_call>now</tool_call><tool_call>write_file<arg_key>path</arg_key><arg_value>half"
    stream = AnswerStream("glm47", TOOLS)
    parts = [stream.feed(text), stream.close("length")]
    arguments = "".join(call.arguments for part in parts for call in part.calls if call.index == 1)
    assert arguments == '{"path":"half'
    read = whole(text, "glm47", TOOLS, "length")
    assert [call.name for call in read.calls] == ["now"] and read.text.endswith("<arg_value>half")


def test_reasoning_is_apart() -> None:
    stream = AnswerStream("hermes", None)
    parts = [stream.feed("<think>so</think>yes"), stream.close()]
    assert ("".join(part.reasoning for part in parts), "".join(part.text for part in parts)) == ("so", "yes")
    assert whole("<think>so</think>yes", "hermes", None, None).reasoning == "so"


def test_tools_are_a_servers_own_objects_or_json() -> None:
    class Model:
        def model_dump(self) -> dict[str, object]:
            return TOOLS[1]

    assert declared([Model(), TOOLS[0]]) == [TOOLS[1], TOOLS[0]]
    assert declared([]) is None and declared(None) is None


def test_every_dialect_has_a_name() -> None:
    assert names() == {"wireproto": "auto"} | {f"wireproto_{name}": name for name in wp.dialects()}
