"""An output as a server sends it: dicts in the shape of OpenAI's `chat.completion.chunk`.

Source: OpenAI's API reference, "The chat completion chunk object"; `reasoning_content` is how vLLM, SGLang and DeepSeek
send reasoning. It must not know any dialect. Law: the chunks of one output are the same each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from wireproto.decode.iterate import iter_events
from wireproto.fuzz.realistic import ModelOutput
from wireproto.values import events as ev

Chunk = dict[str, Any]


class OutputStream(list[Chunk]):
    """The chunks of one output, as a server without a parser sends them: the text is content, as the model wrote it."""

    def __init__(self, output: ModelOutput) -> None:
        super().__init__(chunks(output))
        self.output = output

    def decoded(self) -> list[Chunk]:
        """Return the chunks of a server that has a parser: calls are in `tool_calls`, all else is content."""
        return chunks(self.output, decoded=True)


def chunks(output: ModelOutput, decoded: bool = False) -> list[Chunk]:
    """Return the chunks of an output.

    By default the text is content as the model wrote it, as a server without a parser sends it. `decoded`: the server
    has a parser, which is wireproto; calls are in `tool_calls`, and what is no call stays content.
    """
    deltas = [*(_decoded(output) if decoded else ({"content": piece} for piece in output.pieces))]
    reason = output.finish_reason
    if reason == "stop" and any("tool_calls" in delta for delta in deltas):
        reason = "tool_calls"
    sent = [_chunk(output, {"role": "assistant", "content": ""})]
    sent += [_chunk(output, delta) for delta in deltas]
    return [*sent, _chunk(output, {}, reason)]


def _chunk(output: ModelOutput, delta: dict[str, Any], reason: str | None = None) -> Chunk:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    head = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": output.dialect}
    return {**head, "choices": [choice]}


def _decoded(output: ModelOutput) -> Iterator[dict[str, Any]]:
    """Yield the deltas that a server with a parser sends."""
    empty = True
    kind = ""
    for event in iter_events(output.pieces, output.dialect, output.tools, finish_reason=output.finish_reason):
        if isinstance(event, ev.TextDelta):
            yield {"content": event.text}
        elif isinstance(event, ev.ReasoningDelta):
            yield {"reasoning_content": event.text}
        elif isinstance(event, ev.CallStart):
            empty = True
            function = {"name": event.name, "arguments": ""}
            head = {"index": event.index, "id": event.id or f"call_{event.index}", "type": "function"}
            yield {"tool_calls": [{**head, "function": function}]}
        elif isinstance(event, ev.ArgumentStart):
            kind = event.kind
            opener = ("{" if empty else ", ") + json.dumps(event.key) + ": " + ('"' if kind == "string" else "")
            empty = False
            yield _arguments(event.index, opener)
        elif isinstance(event, ev.ArgumentDelta):
            yield _arguments(event.index, json.dumps(event.text)[1:-1] if kind == "string" else event.text)
        elif isinstance(event, ev.ArgumentEnd) and kind == "string":
            yield _arguments(event.index, '"')
        elif isinstance(event, ev.CallEnd) and event.call.complete:
            yield _arguments(event.index, "{}" if empty else "}")


def _arguments(index: int, text: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}
