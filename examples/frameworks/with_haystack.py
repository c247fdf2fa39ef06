"""Haystack: a component behind a chat generator. Written against haystack-ai 3.4.

pipeline.add_component("read", ToolCallReader("hermes", tools))
pipeline.connect("generator.replies", "read.replies")
"""

from __future__ import annotations

from typing import Any

from haystack import component
from haystack.dataclasses import ChatMessage, ToolCall

import wireproto as wp


@component
class ToolCallReader:
    """Finds the calls in replies. `dialect`: a name, or "auto"; `tools`: as any API declares them."""

    def __init__(self, dialect: str = "auto", tools: list[Any] | None = None) -> None:
        self.dialect, self.tools = dialect, tools

    @component.output_types(replies=list[ChatMessage])  # type: ignore[untyped-decorator]
    def run(self, replies: list[ChatMessage]) -> dict[str, Any]:
        """Return the replies, each with its calls."""
        return {"replies": [self._read(reply) for reply in replies]}

    def _read(self, reply: ChatMessage) -> ChatMessage:
        found = wp.parse(reply.text or "", self.dialect, self.tools)
        calls = [
            ToolCall(tool_name=call.name, arguments=dict(call.arguments), id=call.id)
            for call in found.calls
            if call.complete
        ]
        return ChatMessage.from_assistant(found.text, tool_calls=calls, meta=reply.meta) if calls else reply
