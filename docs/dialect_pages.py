"""A page for each dialect: what its models write, for whom, what else is read, and its machine.

Written from the dialect files and from `servers.toml`. Law: a new dialect has its page without a line here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import wireproto as wp
from docs.house import ROOT
from wireproto.format.tag import Tag
from wireproto.format.template import Node, Slot, Template
from wireproto.machine.drawing import mermaid
from wireproto.machine.table import arrows
from wireproto.text.toml import loads

FOLDER: Final = ROOT / "docs" / "dialects"
_SERVERS: Final = {"vllm": "vLLM", "sglang": "SGLang", "llama_cpp": "llama.cpp"}
_TOOLS: Final[list[dict[str, Any]]] = [
    {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "alerts": {"type": "boolean"}},
        },
    },
    {"name": "get_time", "parameters": {"type": "object", "properties": {"tz": {"type": "string"}}}},
]
_WEATHER: Final = wp.Call("get_weather", {"city": "Oslo", "days": 3, "alerts": True})
_TIME: Final = wp.Call("get_time", {"tz": "UTC"})
_RESULT: Final = wp.ToolResult("get_time", "12:00", "call00001")


@cache
def servers() -> dict[str, dict[str, list[str]]]:
    """Return the names of a format on each server, by dialect."""
    return loads((ROOT / "docs" / "servers.toml").read_text(encoding="utf-8"))


def page(name: str) -> str:
    """Return the page of one dialect."""
    spec = wp.dialect(name)
    lines = [f"# {name}", "", f"{spec.summary}. Read by the codec `{spec.codec}`.", ""]
    facts = [("also called", spec.aliases), ("models", spec.models)]
    facts += [(f"on {_SERVERS[server]}", tuple(known)) for server, known in servers().get(name, {}).items()]
    lines += [f"- {what}: {_coded(values)}" for what, values in facts if values]
    lines += [f"- source: {spec.source}"] if spec.source else []
    lines += ["", "## What its models write", *_fence(_written(name, [_WEATHER]))]
    lines += ["", "Two calls:", *_fence(_written(name, [_WEATHER, _TIME]))]
    if spec.reasoning is not None:
        lines += ["", "Reasoning, and then a call:"]
        lines += _fence(_written(name, wp.Message(reasoning="Let me look.", calls=(_TIME,))))
    if spec.result is not None:
        lines += ["", "A result, without the marks of the turn around it:", *_fence(wp.render_results([_RESULT], name))]
    accepted = [*_accepted(spec)]
    if accepted:
        lines += ["", "## What else is read", "", *accepted, ""]
        lines += ["Damaged markers and arguments are [repaired](../explanation/rules.md) in every dialect alike."]
    if spec.salt:
        lines += ["", f"The markers may hold a salt, `{spec.salt}`: `wp.dialect({name!r}).salted(...)`."]
    lines += ["", "## Its grammar and its machine", ""]
    lines += [f"An example grammar is in [`grammars/{name}.gbnf`](../../grammars/{name}.gbnf);"]
    lines += ["what the drawing says is in [machines](../reference/machines.md).", ""]
    lines += ["```mermaid", mermaid(arrows(spec)) + "```"]
    return "\n".join(lines) + "\n"


def index() -> str:
    """Return the page that leads to all others."""
    lines = [
        "# Dialects",
        "",
        "Every format that is built in, on a page of its own: what its models write, what else is read, and what",
        "servers call it. These pages are written by `make docs` from the dialect files.",
        "",
    ]
    lines += [f"- [{name}]({name}.md): {wp.dialect(name).summary}" for name in wp.dialects()]
    return "\n".join(lines) + "\n"


def _written(name: str, message: wp.Message | list[wp.Call]) -> str:
    try:
        return wp.encode(message, name, tools=_TOOLS)
    except wp.EncodeError as error:
        return f"(not written: {error})"


def _coded(values: tuple[str, ...]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _fence(text: str) -> list[str]:
    mark = "```"
    while mark in text:
        mark += "`"
    return ["", f"{mark}text", text, mark]


def _accepted(spec: wp.Dialect) -> Iterator[str]:
    """Yield what the file says that models may write as well."""
    if spec.section is not None:
        for opener, closer in spec.section.also:
            yield f"- {_marker(opener)} … {_marker(closer)} around the calls"
    for also in spec.call.also:
        yield f"- {_marker(also)} before a call"
    for also in spec.argument.also:
        yield f"- {_marker(also)} before an argument"
    for form in spec.call.id[1:]:
        yield f"- {_marker(form)} as an id"
    if spec.variants:
        yield f"- {len(spec.variants)} other spellings of its markers, such as {_marker(spec.variants[0].call.open)}"
    for member, names in (("name", spec.record.name), ("arguments", spec.record.arguments)):
        if spec.codec == "json" and len(names) > 1:
            yield f"- {_coded(names[1:])} instead of `{names[0]}` for the {member}"
    if spec.ends:
        yield f"- {_coded(spec.ends)} at the end, dropped"


def _marker(template: Template) -> str:
    text = "".join(_node(node) for node in template.nodes).replace("\n", "\\n")
    return f"`{text}`" if text and "`" not in text else f"`` {text} ``" if text else "nothing"


def _node(node: Node) -> str:
    if isinstance(node, Slot):
        return "{" + node.role + "}"
    if isinstance(node, Tag):
        return node.format({role: "{" + role + "}" for _, role, _ in node.attributes})
    return node.text
