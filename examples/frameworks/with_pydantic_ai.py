"""Pydantic AI: a model around a model, whose text is read again. Written against pydantic-ai-slim 2.68.

agent = Agent(Repaired(model, "qwen3_coder"))
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart, ToolCallPart
from pydantic_ai.models import Model
from pydantic_ai.models.wrapper import WrapperModel

import wireproto as wp


class Repaired(WrapperModel):
    """Calls that stand in a text part become parts of their own. `dialect`: a name, or "auto"."""

    def __init__(self, wrapped: Model, dialect: str = "auto") -> None:
        super().__init__(wrapped)
        self.dialect = dialect

    async def request(self, messages: Any, model_settings: Any, model_request_parameters: Any) -> ModelResponse:
        """Ask the model and read its answer again."""
        response = await super().request(messages, model_settings, model_request_parameters)
        offered = model_request_parameters.function_tools + model_request_parameters.output_tools
        tools = [{"name": tool.name, "parameters": tool.parameters_json_schema} for tool in offered]
        parts: list[Any] = []
        for part in response.parts:
            parts += self._read(part.content, tools) if isinstance(part, TextPart) and tools else [part]
        return replace(response, parts=parts)

    def _read(self, text: str, tools: list[dict[str, Any]]) -> list[Any]:
        message = wp.parse(text, self.dialect, tools)
        parts: list[Any] = [ThinkingPart(message.reasoning)] if message.reasoning else []
        parts += [TextPart(message.text)] if message.text else []
        return parts + [ToolCallPart(call.name, call.arguments_json) for call in message.calls if call.complete]
