"""Requests of Messages and of Responses as requests of Chat Completions, which every server speaks.

It must not know answers. Law: what a chat request cannot say is refused by its name, except tools that only the
client's own vendor can run, which are left out and named.

Source of the shapes: the API references of Anthropic and OpenAI, and what anthropic 2.14 and openai 3.57 send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from wireproto.adapters import wire_id
from wireproto.adapters.free_form import parameters_of
from wireproto.adapters.history import Turn, from_anthropic, from_chat, from_responses, joined, to_chat
from wireproto.adapters.responses import flat_name
from wireproto.serve.asked import Asked, toolset_of
from wireproto.serve.settings import ModelSettings, ServeSettings
from wireproto.values.errors import ShapeError
from wireproto.values.fields import Fields

_SAMPLING: Final = ("temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty")
_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}


def asked_of_messages(body: dict[str, Any], settings: ServeSettings, key: str) -> Asked:
    """Return what a request of the Messages API asks for; `key` is the field in which the server reads reasoning.

    Raises:
        ShapeError: it holds what a chat request cannot say.
        SchemaError: a tool's definition is wrong.
    """
    fields = Fields.of(body, "request")
    turns = from_anthropic(body.get("messages"), body.get("system"))
    given: list[Any] = fields.read("tools", list, [])
    tools, dropped = [], []
    for i, tool in enumerate(given):
        each = Fields.of(tool, f"tools[{i}]")
        if "input_schema" in each.values:
            tools.append(_function(each, each.values["input_schema"]))
        else:
            dropped.append(each.read("type", str))
    chosen = Fields.of(body.get("tool_choice") or {"type": "auto"}, "tool_choice")
    kind = chosen.read("type", str)
    if kind != "tool" and kind not in _CHOICES:
        raise ShapeError(f"tool_choice.type: expected auto, any, tool or none, not {kind!r}")
    choice = _named(chosen.read("name", str)) if kind == "tool" else _CHOICES[kind]
    chat: dict[str, Any] = {"max_tokens": fields.read("max_tokens", int)}
    if body.get("stop_sequences"):
        chat["stop"] = body["stop_sequences"]
    if chosen.values.get("disable_parallel_tool_use"):
        chat["parallel_tool_calls"] = False
    return _asked(body, chat, turns, tools, choice, settings, key, dropped)


def asked_of_responses(body: dict[str, Any], settings: ServeSettings, key: str) -> Asked:
    """Return what a request of the Responses API asks for; `key` is the field in which the server reads reasoning.

    Raises:
        ShapeError: it holds what a chat request cannot say, such as the id of a response that is kept elsewhere.
        SchemaError: a tool's definition is wrong.
    """
    fields = Fields.of(body, "request")
    for name in ("previous_response_id", "conversation", "prompt", "background"):
        if body.get(name):
            raise ShapeError(f"{name}: nothing is stored here; send the whole conversation as input")
    turns = from_responses(body.get("input", ""), body.get("instructions"))
    offered = _Offered()
    for i, tool in enumerate(fields.read("tools", list, [])):
        offered.add(Fields.of(tool, f"tools[{i}]"))
    choice = body.get("tool_choice") or "auto"
    if isinstance(choice, Mapping):
        named = Fields.of(choice, "tool_choice")
        is_tool = named.values.get("type") in ("function", "custom")
        choice = _named(flat_name(named.optional("namespace"), named.read("name", str))) if is_tool else "auto"
    chat: dict[str, Any] = {}
    if body.get("max_output_tokens"):
        chat["max_tokens"] = body["max_output_tokens"]
    if body.get("parallel_tool_calls") is False:
        chat["parallel_tool_calls"] = False
    effort = (body.get("reasoning") or {}).get("effort")
    if effort:
        chat["reasoning_effort"] = effort
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        schema = {
            name: form[name] for name in ("name", "schema", "strict", "description") if form.get(name) is not None
        }
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form.get("type") == "json_object":
        chat["response_format"] = {"type": "json_object"}
    asked = _asked(body, chat, turns, offered.tools, choice, settings, key, offered.dropped)
    return replace(asked, free_form=frozenset(offered.free_form), namespaces=offered.namespaces)


class _Offered:
    """The tools of a request of Responses, as functions of Chat Completions; `dropped` are kinds that those are not."""

    def __init__(self) -> None:
        self.tools: list[dict[str, Any]] = []
        self.free_form: list[str] = []
        self.namespaces: dict[str, tuple[str, str]] = {}
        self.dropped: list[str] = []

    def add(self, tool: Fields, namespace: str | None = None) -> None:
        """Add a tool, or the tools of a namespace."""
        kind = tool.read("type", str)
        if kind == "namespace" and namespace is None:
            for i, each in enumerate(tool.read("tools", list, [])):
                self.add(Fields.of(each, f"tools.{kind}[{i}]"), tool.read("name", str))
            return
        if kind == "function":
            function = _function(tool, tool.values.get("parameters") or {"type": "object", "properties": {}})
        elif kind == "custom":
            function = _of_free_form(tool, tool.values.get("format"))
        else:
            self.dropped.append(kind)
            return
        own, name = function["function"]["name"], flat_name(namespace, function["function"]["name"])
        if namespace and any(name == other["function"]["name"] for other in self.tools):
            self.dropped.append(name)  # the model could not tell them apart
            return
        function["function"]["name"] = name
        self.tools.append(function)
        self.free_form += [name] * (kind == "custom")
        self.namespaces |= {name: (namespace, own)} if namespace else {}


def _asked(
    body: dict[str, Any],
    chat: dict[str, Any],
    turns: Sequence[Turn],
    tools: list[dict[str, Any]],
    choice: Any,
    settings: ServeSettings,
    key: str,
    dropped: Sequence[str],
) -> Asked:
    model = str(body.get("model") or "")
    own: ModelSettings = settings.of(model)
    chat |= {name: body[name] for name in _SAMPLING if body.get(name) is not None}
    written = joined([_with_server_ids(turn) for turn in turns])
    chat |= {"model": model, "messages": to_chat(written, None if key == "none" else key)}
    if tools:
        chat |= {"tools": tools, "tool_choice": choice}
    if body.get("stream") is True:
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    return Asked(
        settings=own,
        model=model,
        chat=chat,
        own=body,
        tools=toolset_of(tools, choice),
        choice=choice if tools else None,
        turns=turns,
        plain_ids=True,
        dropped=tuple(dropped),
    )


def _function(tool: Fields, schema: Any) -> dict[str, Any]:
    function = {"name": tool.read("name", str), "description": tool.read("description", str, ""), "parameters": schema}
    return {"type": "function", "function": function}


def _of_free_form(tool: Fields, form: Any) -> dict[str, Any]:
    """Return the function that a tool with free text is for the model; what its text must be is told in words."""
    said = "The whole input as plain text."
    grammar = form.get("grammar", form) if isinstance(form, Mapping) else {}  # Chat Completions nests it
    if isinstance(grammar, Mapping) and isinstance(grammar.get("definition"), str):
        said += f" It has to match this {grammar.get('syntax')} grammar:\n{grammar['definition']}"
    return _function(tool, parameters_of(said))


def without_free_form(body: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Return a chat request in which tools with free text are functions, and their names.

    It is the request as it came if it has none, or if one of them has another shape: the server may know it.
    """
    try:
        return _without_free_form(body)
    except ShapeError:
        return dict(body), frozenset()


def _without_free_form(body: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    tools, names = list[Any](), list[str]()
    for tool in body.get("tools") or ():
        if isinstance(tool, Mapping) and tool.get("type") == "custom":
            custom = Fields.of(tool.get("custom"), "tools.custom")
            tools.append(_of_free_form(custom, custom.values.get("format")))
            names.append(tools[-1]["function"]["name"])
        else:
            tools.append(tool)
    if not names:
        return dict(body), frozenset()
    changed = {**body, "tools": tools, "messages": [*map(_with_functions, body.get("messages") or ())]}
    choice = body.get("tool_choice")
    if isinstance(choice, Mapping) and isinstance(choice.get("custom"), Mapping):
        changed["tool_choice"] = _named(Fields.of(choice["custom"], "tool_choice.custom").read("name", str))
    return changed, frozenset(names)


def _with_functions(message: Any) -> Any:
    """Return a message of a chat whose calls of tools with free text are calls of functions."""
    calls = message.get("tool_calls") if isinstance(message, Mapping) else None
    if not isinstance(calls, list) or not any(isinstance(call, Mapping) and call.get("custom") for call in calls):
        return message
    (turn,) = from_chat([message])
    return {**message, "tool_calls": to_chat([turn])[0]["tool_calls"]}


def _named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def _with_server_ids(turn: Turn) -> Turn:
    """Return a turn with the ids that the server or its model wrote, which this client's API could not carry."""
    calls = tuple(replace(call, id=wire_id(call.id)) if call.id else call for call in turn.message.calls)
    results = tuple(replace(result, id=wire_id(result.id)) if result.id else result for result in turn.results)
    return replace(turn, message=replace(turn.message, calls=calls), results=results)
