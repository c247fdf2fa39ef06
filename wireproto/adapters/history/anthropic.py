"""Anthropic's Messages API: messages and the system prompt, read into turns.

It must not know any other API but the parts of a chat message, which pictures become. Law: a result stands before the
text that the user sent with it, as in every chat template.

Source of the shapes: Anthropic's API reference of Messages, and what anthropic 2.14 sends.
"""

from __future__ import annotations

from typing import Any

from wireproto.adapters.history.turns import (
    Content,
    Turn,
    call_of,
    content_of,
    items,
    not_read,
    read_content,
    results_and_pictures,
    with_names,
)
from wireproto.adapters.replay import is_ours, opened
from wireproto.values.errors import ShapeError
from wireproto.values.fields import Fields
from wireproto.values.model import Call, Message
from wireproto.write.results import ToolResult


def from_anthropic(messages: object, system: object = None) -> list[Turn]:
    """Read the messages of a request, and its system prompt.

    Thinking is read with or without a signature; signatures and redacted thinking are opaque.

    Raises:
        ShapeError: a message has another shape, or a block that a chat with tools cannot express; names it.
    """
    found = [] if not system else [Turn("system", read_content(system, "system", _part))]
    for where, message in items(messages, "messages"):
        role, content = message.read("role", str), message.values.get("content")
        if role == "assistant":
            found.append(_assistant(content, f"{where}.content"))
        elif role == "user":
            found += _user(content, f"{where}.content")
        elif role == "system":
            found.append(Turn("system", read_content(content, f"{where}.content", _part)))
        else:
            raise not_read(f"{where}.role", role)
    return with_names(found)


def _part(block: Fields, where: str) -> dict[str, Any]:
    kind = block.read("type", str)
    if kind == "text":
        return {"type": "text", "text": block.read("text", str)}
    if kind != "image":
        raise not_read(where, kind)
    source = Fields.of(block.values.get("source"), f"{where}.source")
    how = source.read("type", str)
    if how == "url":
        url = source.read("url", str)
    elif how == "base64":
        url = f"data:{source.read('media_type', str)};base64,{source.read('data', str)}"
    else:
        raise not_read(f"{where}.source", how)
    return {"type": "image_url", "image_url": {"url": url}}


def _user(content: object, where: str) -> list[Turn]:
    if isinstance(content, str):
        return [Turn("user", content)]
    results: list[tuple[ToolResult, Content]] = []
    parts: list[dict[str, Any]] = []
    for place, block in items(content, where):
        if block.values.get("type") == "tool_result":
            failed = block.read("is_error", bool, False)
            result = ToolResult("", "", block.read("tool_use_id", str), failed)
            results.append((result, read_content(block.values.get("content"), f"{place}.content", _part)))
        else:
            parts.append(_part(block, place))
    said = [Turn("user", content_of(parts))] if parts or not results else []
    return [*results_and_pictures(results), *said]


def _assistant(content: object, where: str) -> Turn:
    if isinstance(content, str):
        return Turn("assistant", message=Message(content))
    text, reasoning, calls, opaque, own = "", "", list[Call](), list[dict[str, Any]](), ""
    for place, block in items(content, where):
        kind = block.read("type", str)
        if kind == "text":
            text += block.read("text", str)
        elif kind == "thinking":
            reasoning += block.read("thinking", str, "")
            signature = block.optional("signature") or ""
            own = opened(signature) or own
            if signature and not is_ours(signature):
                opaque.append({"signature": signature})
        elif kind == "redacted_thinking":
            opaque.append({"data": block.read("data", str)})
        elif kind == "tool_use":
            given = block.values.get("input")
            if given is not None and not isinstance(given, dict):
                raise ShapeError(f"{place}.input: expected an object, not {type(given).__name__}")
            calls.append(call_of(block.read("name", str), given, block.read("id", str)))
        else:
            raise not_read(place, kind)
    return Turn("assistant", message=Message(text, reasoning, tuple(calls)), opaque=tuple(opaque), own=own)
