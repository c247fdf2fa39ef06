"""The examples for frameworks, on the frameworks themselves: an agent runs a call that its model wrote as text.

`make frameworks` installs them in an environment of their own; its name keeps this out of `make test`. Nothing here is
skipped: without a framework its test fails.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples" / "frameworks"))
# It would ask the network for prices.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

SCHEMA = {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}
TOOLS = [{"type": "function", "function": {"name": "now", "description": "The time.", "parameters": SCHEMA}}]
ZONE = "a </tool_call> b"  # the format's own closer, in a value
TEXT = f'Hi.\n<tool_call>\n{{"name": "now", "arguments": {{"zone": "{ZONE}"}}}}\n</tool_call>'
CUT = TEXT[: TEXT.index('b"')]


@pytest.mark.parametrize("size", [1, 5, 1_000])
def test_litellm_streams(size: int) -> None:
    from litellm import stream_chunk_builder
    from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices
    from with_litellm import REPAIR

    def read(text: str, finish: str | None) -> Any:
        async def upstream() -> Any:
            for at in range(0, len(text), size):
                delta = Delta(content=text[at : at + size])
                yield ModelResponseStream(id="c", model="m", choices=[StreamingChoices(index=0, delta=delta)])
            if finish:
                yield ModelResponseStream(
                    id="c", model="m", choices=[StreamingChoices(index=0, delta=Delta(), finish_reason=finish)]
                )

        async def collect() -> list[Any]:
            return [x async for x in REPAIR.async_post_call_streaming_iterator_hook(None, upstream(), {"tools": TOOLS})]

        return stream_chunk_builder(asyncio.run(collect())).choices[0]

    choice = read(TEXT, "stop")
    (call,) = choice.message.tool_calls
    assert (call.function.name, call.function.arguments) == ("now", f'{{"zone":"{ZONE}"}}')
    assert choice.message.content.strip() == "Hi." and choice.finish_reason == "tool_calls"
    assert read(CUT, None).finish_reason == "length"


def test_litellm_reads_whole_answers() -> None:
    from litellm.types.utils import Choices, Message, ModelResponse
    from with_litellm import REPAIR

    def read(data: dict[str, Any]) -> Any:
        response = ModelResponse(choices=[Choices(message=Message(content=TEXT), finish_reason="stop")])
        return asyncio.run(REPAIR.async_post_call_success_hook(data, None, response)).choices[0]

    choice = read({"tools": TOOLS})
    (call,) = choice.message.tool_calls
    assert call.function.arguments == f'{{"zone": "{ZONE}"}}' and choice.finish_reason == "tool_calls"
    assert read({}).message.content == TEXT


def test_pydantic_ai_runs_the_call() -> None:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse, TextPart
    from pydantic_ai.models.function import FunctionModel
    from with_pydantic_ai import Repaired

    zones: list[str] = []
    model = FunctionModel(lambda messages, info: ModelResponse([TextPart(TEXT if len(messages) == 1 else "done")]))
    agent = Agent(Repaired(model, "hermes"))

    @agent.tool_plain
    def now(zone: str) -> str:
        zones.append(zone)
        return "12:00"

    assert agent.run_sync("x").output == "done"
    assert zones == [ZONE]


def test_smolagents_runs_the_call() -> None:
    from smolagents import ToolCallingAgent, tool
    from smolagents.models import ChatMessage, MessageRole, Model
    from with_smolagents import Reading

    zones: list[str] = []
    answers = iter([TEXT, TEXT.replace("now", "final_answer").replace("zone", "answer").replace(ZONE, "ok")])

    class Scripted(Reading, Model):
        dialect = "hermes"

        def generate(self, messages: Any, **more: Any) -> ChatMessage:
            return ChatMessage(role=MessageRole.ASSISTANT, content=next(answers))

    @tool
    def now(zone: str) -> str:
        """The time.

        Args:
            zone: where
        """
        zones.append(zone)
        return "12:00"

    assert ToolCallingAgent(tools=[now], model=Scripted(), verbosity_level=0).run("x") == "ok"
    assert zones == [ZONE]


def test_langchain_streams() -> None:
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import RunnableGenerator
    from with_langchain import reading

    def read(text: str) -> Any:
        chain = GenericFakeChatModel(messages=iter([AIMessage(text)])) | RunnableGenerator(reading("hermes", TOOLS))
        first, *rest = chain.stream("x")
        return sum(rest, first)

    message = read(TEXT)
    (call,) = message.tool_calls
    assert (call["name"], call["args"]) == ("now", {"zone": ZONE})
    assert message.content.strip() == "Hi." and message.invalid_tool_calls == []
    cut = read(CUT)
    assert cut.tool_calls == [] and cut.content.strip() == CUT.strip()


def test_haystack_reads_replies() -> None:
    from haystack import Pipeline
    from haystack.dataclasses import ChatMessage
    from with_haystack import ToolCallReader

    pipeline = Pipeline()
    pipeline.add_component("read", ToolCallReader("hermes", TOOLS))
    replies = [ChatMessage.from_assistant(TEXT), ChatMessage.from_assistant("nothing")]
    called, plain = pipeline.run({"read": {"replies": replies}})["read"]["replies"]
    (call,) = called.tool_calls
    assert (call.tool_name, call.arguments) == ("now", {"zone": ZONE})
    assert plain.text == "nothing" and not plain.tool_calls
