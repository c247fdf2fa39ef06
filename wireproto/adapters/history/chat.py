"""Chat Completions: messages read into turns, and turns written as messages.

It must not know any other API. Law: what it writes, it reads as the same turns; no content that it writes is null,
which Ollama refuses.

Source of the shapes: OpenAI's API reference of Chat Completions, and what openai 3.57 sends; the names of the field for
reasoning are those of llama.cpp, DeepSeek and Ollama, and of vLLM since 0.16.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from wireproto.adapters.history.turns import (
    ROLES,
    Content,
    Turn,
    call_of,
    items,
    not_read,
    read_content,
    results_and_pictures,
    text_of,
    with_names,
)
from wireproto.adapters.replay import own_text_field, own_text_of
from wireproto.text.json_repair import dumps
from wireproto.values.fields import Fields
from wireproto.values.model import Call, Message
from wireproto.write.results import ToolResult

REASONING_KEYS: Final = ("reasoning_content", "reasoning")
# What servers and gateways put beside the reasoning, for themselves.
_OPAQUE: Final = ("reasoning_details", "thinking_blocks", "reasoning_signature", "provider_specific_fields")


def from_chat(messages: object) -> list[Turn]:
    """Read the messages of a chat request.

    Reasoning is read under either name. The older `function_call` and the role `function` are read too.

    Raises:
        ShapeError: a message has another shape; names it.
    """
    found: list[Turn] = []
    results: list[tuple[ToolResult, Content]] = []
    for where, message in items(messages, "messages"):
        role = message.read("role", str)
        if role in ("tool", "function"):
            content = _content(message, where)
            name = message.optional("name") or ""
            results.append((ToolResult(name, "", message.optional("tool_call_id")), content))
            continue
        found += results_and_pictures(results)
        results = []
        if role == "assistant":
            found.append(_assistant(message, where))
        elif role in ROLES:
            found.append(Turn(ROLES[role], _content(message, where)))
        else:
            raise not_read(f"{where}.role", role)
    return with_names([*found, *results_and_pictures(results)])


def _content(message: Fields, where: str) -> Content:
    return read_content(message.values.get("content"), f"{where}.content", _part)


def _part(part: Fields, where: str) -> dict[str, Any]:
    """Return a part as it is; a refusal is read as the text that it is."""
    kind = part.read("type", str)
    text = {"text": "text", "refusal": "refusal"}.get(kind)
    if text is None and not isinstance(part.values.get(kind), Mapping):
        raise not_read(where, kind)
    return dict(part.values) if text is None else {"type": "text", "text": part.read(text, str)}


def _assistant(message: Fields, where: str) -> Turn:
    calls = [_call(call, place) for place, call in items(message.values.get("tool_calls") or (), f"{where}.tool_calls")]
    older = message.values.get("function_call")
    if older is not None:
        calls.append(_function(older, f"{where}.function_call", None))
    reasoning = next((text for key in REASONING_KEYS if (text := message.optional(key))), "")
    opaque = tuple({key: message.values[key]} for key in _OPAQUE if message.values.get(key))
    said = Message(text_of(_content(message, where)), reasoning, tuple(calls))
    own = own_text_of([call for call in message.values.get("tool_calls") or () if isinstance(call, Mapping)])
    return Turn("assistant", message=said, opaque=opaque, own=own)


def _call(call: Fields, where: str) -> Call:
    kind = call.read("type", str, "function")
    if kind == "custom":
        custom = Fields.of(call.values.get("custom"), f"{where}.custom")
        return Call(custom.read("name", str), {"input": custom.read("input", str, "")}, call.optional("id"))
    if kind != "function":
        raise not_read(f"{where}.type", kind)
    return _function(call.values.get("function"), f"{where}.function", call.optional("id"))


def _function(value: object, where: str, identity: str | None) -> Call:
    function = Fields.of(value, where)
    return call_of(function.read("name", str), function.values.get("arguments"), identity)


def to_chat(turns: Iterable[Turn], reasoning: str | None = REASONING_KEYS[0]) -> list[dict[str, Any]]:
    """Write turns as the messages of a chat request.

    `reasoning` is the field that the server reads reasoning from: "reasoning_content" in llama.cpp, "reasoning" in
    vLLM since 0.16, which drops the other in silence; None leaves reasoning out. Opaque fields are left out: no
    server but their author reads them. Content that is no text is written as JSON. What the model began to call and did
    not end is a call without arguments, since chat templates fail on arguments that are no JSON.

    Raises:
        EncodeError: an argument of a call is no JSON.
    """
    found: list[dict[str, Any]] = []
    for turn in turns:
        if turn.role == "tool":
            found += [_result(result) for result in turn.results]
        elif turn.role == "assistant":
            found.append(_said(turn, reasoning))
        else:
            content = turn.content if isinstance(turn.content, str) else list(turn.content)
            found.append({"role": turn.role, "content": content})
    return found


def _result(result: ToolResult) -> dict[str, Any]:
    text = result.content if isinstance(result.content, str) else dumps(result.content)
    return {"role": "tool", "tool_call_id": result.id or "", "content": text}


def _said(turn: Turn, reasoning: str | None) -> dict[str, Any]:
    message = turn.message
    shown: dict[str, Any] = {"role": "assistant", "content": message.text}
    if reasoning and message.reasoning:
        shown[reasoning] = message.reasoning
    calls: list[dict[str, Any]] = [
        {"id": call.id or "", "type": "function", "function": {"name": call.name, "arguments": call.arguments_json}}
        for call in message.calls
    ]
    if calls:
        calls[-1] |= own_text_field(turn.own)
    return shown | ({"tool_calls": calls} if calls else {})


def joined(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns with the system's in front, as one: most chat templates refuse another order."""
    rules = [text for turn in turns if turn.role == "system" and (text := text_of(turn.content))]
    others = [turn for turn in turns if turn.role != "system"]
    return [*([Turn("system", "\n\n".join(rules))] if rules else []), *others]
