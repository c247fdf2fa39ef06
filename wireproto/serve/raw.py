"""The mode `raw`: llama-server renders the prompt, and completes it; every character that the model writes comes back.

Its chat endpoint drops special tokens, parses what it can and knows no lazy grammar; `/completion` does none of that.
What the prompt ends with shows whether reasoning is open. Calls of earlier turns go back as the model wrote them, from
where clients keep them, so that its prefix cache holds. Law: what is sent back so says what the client's message says,
byte for byte as it was written.

Source: llama.cpp, tools/server/README.md, `/apply-template` and `/completion`; run with b11549.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from wireproto.adapters.history import from_chat
from wireproto.decode.decoder import parse
from wireproto.decode.prefix import prefix_state
from wireproto.serve.asked import Asked, Refused
from wireproto.serve.modes import grammar_request
from wireproto.serve.stream.chunks import BadAnswer, chunk_of
from wireproto.values.errors import ShapeError

# What a chat request has and a completion has not; the rest is about sampling, and called the same.
_OF_CHATS: Final = frozenset(
    ("messages", "model", "tools", "tool_choice", "parallel_tool_calls", "stream_options", "max_tokens",
     "max_completion_tokens", "response_format", "chat_template_kwargs", "reasoning_format", "reasoning_effort",
     "add_generation_prompt")
)  # fmt: skip
_OF_TEMPLATES: Final = ("chat_template_kwargs", "add_generation_prompt", "reasoning_effort")
_REASONS: Final = {"limit": "length", "eos": "stop", "word": "stop"}


def template_request(asked: Asked) -> dict[str, Any]:
    """Return the body for `/apply-template`.

    Raises:
        Refused: the request asks for what a completion has not.
    """
    if asked.chat.get("n") not in (None, 1):
        raise Refused(400, "raw: one choice at a time")
    if asked.chat.get("response_format") not in (None, {"type": "text"}):
        raise Refused(400, "raw: tools and a response_format exclude each other")
    messages = asked.chat.get("messages")
    if not isinstance(messages, list):
        raise Refused(400, "messages: expected a list")
    kept: dict[str, Any] = {key: asked.chat[key] for key in _OF_TEMPLATES if key in asked.chat}
    return {**kept, "messages": [_spliced(message, asked) for message in messages], "tools": asked.chat["tools"]}


def _spliced(message: Any, asked: Asked) -> Any:
    """Return a message of the model as it wrote it, if the client brought that back and it says the same.

    What comes back is a client's word. So it is read as an answer would be, and it counts if that gives what the
    message says beside it.
    """
    try:
        (turn,) = from_chat([message])
    except (ShapeError, ValueError):
        return message
    if not turn.own:
        return message
    found = parse(turn.own, asked.format, asked.tools, policy=asked.settings.policy)
    said = turn.message
    same = [(call.name, call.arguments, call.complete) for call in found.calls] == [
        (call.name, call.arguments, True) for call in said.calls
    ]
    if not same or found.reasoning or found.text.strip() != said.text.strip():
        return message
    rest = {key: value for key, value in message.items() if key != "tool_calls"}
    return {**rest, "content": turn.own}


def completion_of(asked: Asked, prompt: str) -> Asked:
    """Return the request for `/completion`, whose answer is read as one of Chat Completions.

    Raises:
        Refused: there is no grammar for the tools.
    """
    base = asked
    if prefix_state(asked.settings.dialect, prompt) == "reasoning":
        asked = replace(asked, settings=replace(asked.settings, reasoning_open=True))
    try:
        found = grammar_request(asked, lazy=not asked.wants_call)
    except Refused:
        if asked.wants_call:
            raise
        found = grammar_request(asked, lazy=False)  # nothing tells where a call of this format begins
    sent = {key: value for key, value in asked.chat.items() if key not in _OF_CHATS}
    most = asked.chat.get("max_completion_tokens") or asked.chat.get("max_tokens")
    sent |= {"prompt": prompt, **({"n_predict": most} if most else {}), **found}
    return replace(
        asked, chat=sent, path="/completion", read=_reader(asked), read_whole=_whole_reader(asked), base=base
    )


def _reader(asked: Asked) -> Callable[[str], dict[str, Any]]:
    head = _head(asked, "chat.completion.chunk")

    def read(text: str) -> dict[str, Any]:
        event = chunk_of(text)
        delta: dict[str, Any] = {"content": _content(event)}
        choice = {"index": 0, "delta": delta, "finish_reason": _reason(event) if event.get("stop") else None}
        return {**head, "choices": [choice], **_more(event)}

    return read


def _whole_reader(asked: Asked) -> Callable[[Any], Any]:
    head = _head(asked, "chat.completion")

    def read(answer: Any) -> Any:
        if not isinstance(answer, dict) or answer.get("error"):
            return answer  # it is refused like any other
        message = {"role": "assistant", "content": _content(answer)}
        return {
            **head,
            "choices": [{"index": 0, "message": message, "finish_reason": _reason(answer)}],
            **_more(answer),
        }

    return read


def _head(asked: Asked, kind: str) -> dict[str, Any]:
    # The object is left out of chunks, so that each is written anew: what came is no chunk.
    head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": asked.model}
    return head if kind.endswith("chunk") else {**head, "object": kind}


def _content(event: Mapping[str, Any]) -> str:
    text = event.get("content")
    if not isinstance(text, str):
        raise BadAnswer("an event of the server has no content")
    return text


def _reason(event: Mapping[str, Any]) -> str:
    return _REASONS.get(str(event.get("stop_type")), "length")


def _more(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the last event tells of the cost."""
    read, wrote = event.get("tokens_evaluated"), event.get("tokens_predicted")
    if not event.get("stop", True) or not isinstance(read, int) or not isinstance(wrote, int):
        return {}
    usage: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}
    timings = event.get("timings")
    if not isinstance(timings, dict):
        return {"usage": usage}
    if isinstance(timings.get("cache_n"), int):
        usage["prompt_tokens_details"] = {"cached_tokens": timings["cache_n"]}
    return {"usage": usage, "timings": timings}
