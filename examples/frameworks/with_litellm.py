"""LiteLLM's proxy: calls that a model wrote as text become calls, streamed or not.

In the proxy's configuration: `litellm_settings: {callbacks: with_litellm.REPAIR}`. Without a proxy, only the hooks of
`REPAIR` matter. Written against LiteLLM 1.110.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from litellm.integrations.custom_logger import CustomLogger
from litellm.types.utils import ChatCompletionMessageToolCall, Function, ModelResponseStream

import wireproto as wp
from wireproto.adapters import ChatWriter, Ids

DIALECT = "auto"


class Repair(CustomLogger):
    """Reads `content` again; calls that the server found itself are left alone."""

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """Decode a stream of one choice."""
        tools = request_data.get("tools")
        writer, decoder, finish = ChatWriter("chatcmpl-wireproto", "", int(time.time())), None, None
        async for chunk in response:
            if not tools or not chunk.choices:
                yield chunk
                continue
            if decoder is None:
                decoder, writer = wp.Decoder(DIALECT, tools), ChatWriter(chunk.id, chunk.model or "", chunk.created)
            choice = chunk.choices[0]
            finish = choice.finish_reason or finish
            for each in writer.feed(decoder.feed(choice.delta.content or "")):
                yield ModelResponseStream(**each)
        if decoder is not None:
            # A stream that dies has no finish reason: its last call was cut off.
            for each in writer.feed(decoder.close(finish or "abort")) + writer.close(finish or "length"):
                yield ModelResponseStream(**each)

    async def async_post_call_success_hook(self, data: dict[str, Any], user_api_key_dict: Any, response: Any) -> Any:
        """Decode a whole answer."""
        for choice in response.choices if data.get("tools") else ():
            message = choice.message
            found = wp.parse(message.content or "", DIALECT, data["tools"], finish_reason=choice.finish_reason)
            calls = [call for call in found.calls if call.complete]
            if calls and not message.tool_calls:
                ids = Ids()
                message.content = found.text or None
                message.tool_calls = [
                    ChatCompletionMessageToolCall(
                        id=ids.give(call.id), function=Function(name=call.name, arguments=call.arguments_json)
                    )
                    for call in calls
                ]
                choice.finish_reason = "tool_calls"
        return response


REPAIR = Repair()
