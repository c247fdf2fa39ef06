"""smolagents: a mixin for a model whose tool calls come as text. Written against smolagents 1.26.

class MyModel(Reading, OpenAIModel): dialect = "hermes"
"""

from __future__ import annotations

from typing import Any

from smolagents.models import ChatMessage, ChatMessageToolCall, ChatMessageToolCallFunction

import wireproto as wp
from wireproto.adapters import Ids


class Reading:
    """Finds the calls in a message. `dialect`: a name, or "auto"."""

    dialect = "auto"

    def parse_tool_calls(self, message: ChatMessage) -> ChatMessage:
        """Return the message with its calls; an agent asks this of messages that have none."""
        content: Any = message.content
        found, ids = wp.parse(content or "", self.dialect), Ids()
        message.content = found.text
        message.tool_calls = [
            ChatMessageToolCall(
                id=ids.give(call.id),
                type="function",
                function=ChatMessageToolCallFunction(name=call.name, arguments=dict(call.arguments)),
            )
            for call in found.calls
            if call.complete
        ]
        return message
