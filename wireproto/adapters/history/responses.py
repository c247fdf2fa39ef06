"""OpenAI's Responses API: the items of a request's input and its instructions, read into turns.

It must not know any other API but the parts of a chat message, which pictures become. Law: what the model did in a row
(items of reasoning, text and calls) is one turn.

Source of the shapes: OpenAI's API reference of Responses, and what openai 3.57 sends.
"""

from __future__ import annotations

from dataclasses import replace
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
from wireproto.adapters.replay import is_ours, opened
from wireproto.adapters.responses import flat_name
from wireproto.values.fields import Fields
from wireproto.values.model import Call, Message
from wireproto.write.results import ToolResult

_TEXTS: Final = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}


def from_responses(input: object, instructions: object = None) -> list[Turn]:
    """Read the input of a request, a text or a list of items, and its instructions.

    Raises:
        ShapeError: an item has another shape, or stands for something that is not in the request, as a reference to an
            earlier response; names it.
    """
    rules = [Turn("system", read_content(instructions, "instructions", _part))] if instructions else []
    if isinstance(input, str):
        return [*rules, Turn("user", input)]
    found: list[Turn] = rules
    results: list[tuple[ToolResult, Content]] = []
    for where, item in items(input, "input"):
        kind = item.read("type", str, "message")
        if kind in ("function_call_output", "custom_tool_call_output"):
            result = ToolResult("", "", item.read("call_id", str))
            results.append((result, read_content(item.values.get("output"), f"{where}.output", _part)))
            continue
        found += results_and_pictures(results)
        results = []
        if kind == "message" and item.read("role", str) != "assistant":
            role = item.read("role", str)
            if role not in ROLES:
                raise not_read(f"{where}.role", role)
            found.append(Turn(ROLES[role], read_content(item.values.get("content"), f"{where}.content", _part)))
            continue
        part = _said(kind, item, where)
        if found and found[-1].role == "assistant":
            part = _merged(found.pop(), part)
        found.append(part)
    return with_names([*found, *results_and_pictures(results)])


def _part(part: Fields, where: str) -> dict[str, Any]:
    kind = part.read("type", str)
    if kind in _TEXTS:
        return {"type": "text", "text": part.read(_TEXTS[kind], str)}
    if kind == "input_image" and part.optional("image_url"):
        return {"type": "image_url", "image_url": {"url": part.values["image_url"]}}
    raise not_read(where, kind)


def _said(kind: str, item: Fields, where: str) -> Turn:
    """Return what the model did in one item."""
    if kind == "message":
        said = read_content(item.values.get("content"), f"{where}.content", _part)
        return Turn("assistant", message=Message(text_of(said)))
    if kind == "function_call":
        call = call_of(_name(item), item.values.get("arguments"), item.read("call_id", str))
        return Turn("assistant", message=Message(calls=(call,)))
    if kind == "custom_tool_call":
        call = Call(_name(item), {"input": item.read("input", str, "")}, item.read("call_id", str))
        return Turn("assistant", message=Message(calls=(call,)))
    if kind != "reasoning":
        raise not_read(where, kind)
    # The same thought may be there twice, in full and in short.
    texts = [
        "\n".join(part.read("text", str) for _, part in items(item.values.get(key) or (), f"{where}.{key}"))
        for key in ("content", "summary")
    ]
    hidden = item.optional("encrypted_content")
    own = opened(hidden or "")
    opaque = ({"id": item.optional("id"), "encrypted_content": hidden},) if hidden and not is_ours(hidden) else ()
    thought = texts[0] or texts[1] or opened(hidden or "", "thought")
    return Turn("assistant", message=Message(reasoning=thought), opaque=opaque, own=own)


def _name(item: Fields) -> str:
    return flat_name(item.optional("namespace"), item.read("name", str))


def _merged(one: Turn, other: Turn) -> Turn:
    a, b = one.message, other.message
    message = Message(a.text + b.text, a.reasoning + b.reasoning, a.calls + b.calls)
    return replace(one, message=message, opaque=one.opaque + other.opaque, own=other.own or one.own)
