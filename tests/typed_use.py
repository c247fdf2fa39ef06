"""What an editor and `mypy --strict` must accept, and what they must refuse: there each `type: ignore` is needed.

test_surface.py has mypy check this file; an ignore that is not needed is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypedDict

import wireproto as wp


class Function(TypedDict):
    name: str
    parameters: dict[str, object]


class OpenAITool(TypedDict):
    type: str
    function: Function


plain: list[dict[str, Any]] = [{"name": "f", "parameters": {}}]
objects: list[dict[str, object]] = [{"name": "f", "parameters": {}}]
openai: list[OpenAITool] = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
mappings: tuple[Mapping[str, object], ...] = tuple(objects)
toolset = wp.Toolset.of(plain)
tools: wp.Tools = json.loads("[]")

wp.parse("", "hermes", plain)
wp.parse("", wp.dialect("hermes"), openai, policy=wp.Policy(), finish_reason="stop", reasoning_open=False)
wp.parse("", "auto", tools=mappings)
wp.parse("", dialect="hermes", tools=toolset)
wp.parse("", "hermes", [])
wp.parse("", "hermes", None)
wp.parse("", "hermes", "nope")  # type: ignore[arg-type]
wp.parse("", "hermes", b"nope")  # type: ignore[arg-type]
wp.parse("", "hermes", {"name": "f"})  # type: ignore[arg-type]
wp.parse("", "hermes", ["f"])  # type: ignore[list-item]
wp.parse("", "hermes", [], wp.Policy())  # type: ignore[call-arg]

wp.Decoder("hermes", plain, policy=wp.Policy(), reasoning_open=True)
wp.Decoder("hermes", tools="nope")  # type: ignore[arg-type]
wp.Decoder("hermes").feed(None)  # type: ignore[arg-type]
wp.Decoder("hermes").feed(b"")  # type: ignore[arg-type]

wp.iter_events(["a"], "hermes", plain, finish_reason=lambda: "stop")
wp.iter_events(["a"], "hermes", "nope")  # type: ignore[arg-type]
wp.iter_events([None], "hermes")  # type: ignore[list-item]
wp.aiter_events(["a"], "hermes")  # type: ignore[arg-type]

wp.classify("", tools=objects)
wp.classify("", "hermes", openai, finish_reason="stop")
wp.classify("", tools="nope")  # type: ignore[arg-type]

call = wp.Call("f", {"x": 1})
wp.encode([call], "hermes", toolset)
wp.encode(wp.Message(text="", calls=(call,)), "hermes", tools=openai)
wp.encode({"name": "f"}, "hermes")  # type: ignore[arg-type]
wp.encode([{"name": "f"}], "hermes")  # type: ignore[list-item]
wp.encode([call], "hermes", "nope")  # type: ignore[arg-type]
wp.convert("", "hermes", "xml", "nope")  # type: ignore[arg-type]
wp.prompt("xml", toolset)
wp.prompt("xml", "nope")  # type: ignore[arg-type]
wp.grammar("xml", plain, target="lark", choice={"name": "f"})
wp.grammar("xml", "nope")  # type: ignore[arg-type]
wp.grammar("xml", plain, "lark")  # type: ignore[call-arg]
wp.render_results([wp.ToolResult("f", 1)], "hermes")

wp.Policy(promote={"*": {"leaked", "quoted"}, "f": set()}, limits=wp.Limits(max_calls=1), documents=())
wp.Policy(promote={"*": "leaked quoted"})  # type: ignore[dict-item]
wp.Policy(promote={"*": {"never"}})  # type: ignore[arg-type]
wp.Policy(fenced_calls="drop")  # type: ignore[arg-type]
wp.Policy(max_calls=1)  # type: ignore[call-arg]

span: wp.Span = call.span
start: int = span.start
arguments: str = call.arguments_json
again: wp.Call = wp.Call.from_dict(call.to_dict())
whole: wp.Message = wp.Message.from_dict(json.loads("{}"))
wp.Call.from_dict(call)  # type: ignore[arg-type]
documents: tuple[wp.Document, ...] = wp.Message().documents
