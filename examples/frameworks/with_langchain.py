"""LangChain: a step behind a chat model, streaming. Written against langchain-core 1.8.

chain = model | RunnableGenerator(reading("qwen3_coder", tools))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from langchain_core.messages import AIMessageChunk

import wireproto as wp
from wireproto.adapters import Ids


def reading(dialect: str, tools: list[Any]) -> Callable[[Iterator[Any]], Iterator[AIMessageChunk]]:
    """Return what turns chunks of text into chunks of text and whole calls. `tools`: as any API declares them.

    A call is sent when it has ended: LangChain closes the JSON of one that was cut off, and would run it.
    """

    def read(chunks: Iterator[Any]) -> Iterator[AIMessageChunk]:
        decoder, ids = wp.Decoder(dialect, tools), Ids()

        def shown(events: Iterable[wp.Event]) -> Iterator[AIMessageChunk]:
            for event in events:
                if isinstance(event, wp.TextDelta):
                    yield AIMessageChunk(content=event.text)
                elif isinstance(event, wp.CallEnd):
                    yield _called(event.index, ids.give(event.call.id), event.call)

        finish = None
        for chunk in chunks:
            finish = chunk.response_metadata.get("finish_reason", finish)
            yield from shown(decoder.feed(chunk.content))
        yield from shown(decoder.close(finish))

    return read


def _called(index: int, id: str, call: wp.Call) -> AIMessageChunk:
    if not call.complete:
        return AIMessageChunk(content=call.raw)
    part: Any = {"index": index, "id": id, "name": call.name, "args": call.arguments_json, "type": "tool_call_chunk"}
    return AIMessageChunk(content="", tool_call_chunks=[part])
