"""What servers' parsers hand on of an answer: its text, and fragments of calls that join to their arguments as JSON.

It knows no server. Law: nothing is lost: of a whole answer a call that was cut off is text as the model wrote it; in a
stream its fragments never parse.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from wireproto.adapters.fragments import Fragments, arguments_text
from wireproto.decode.decoder import Decoder, parse
from wireproto.format.registry import AUTO, dialects
from wireproto.values.events import CallStart, Event, ReasoningDelta, TextDelta

PREFIX = "wireproto"
# What is told the decoder where a server does not say why an answer ended: a call without its closer may have been cut.
UNKNOWN_END = "length"


@dataclass(slots=True)
class CallPart:
    """More of the call with this index; `name` and `id` come once, with its first part."""

    index: int
    name: str | None = None
    id: str | None = None
    arguments: str = ""


@dataclass(slots=True)
class AnswerPart:
    """What one piece of an answer adds: text, reasoning, and at most one part of each call."""

    text: str = ""
    reasoning: str = ""
    calls: list[CallPart] = field(default_factory=list)


class AnswerStream:
    """Reads one answer as it is generated. `tools` may be a server's own objects (pydantic models) or JSON."""

    __slots__ = ("_decoder", "_fragments")

    def __init__(self, dialect: str, tools: Iterable[Any] | None) -> None:
        self._decoder = Decoder(dialect, declared(tools))
        self._fragments = Fragments()

    def feed(self, text: str) -> AnswerPart:
        """Read more text."""
        return self._part(self._decoder.feed(text))

    def close(self, finish_reason: str | None = None) -> AnswerPart:
        """End the answer; what was held back is decided."""
        return self._part(self._decoder.close(finish_reason))

    def _part(self, events: Iterable[Event]) -> AnswerPart:
        part, calls = AnswerPart(), {}
        for event in events:
            fragment = self._fragments.of(event)
            if isinstance(event, TextDelta):
                part.text += event.text
            elif isinstance(event, ReasoningDelta):
                part.reasoning += event.text
            elif isinstance(event, CallStart):
                calls[event.index] = CallPart(event.index, event.name, event.id)
            elif fragment:
                index = event.index  # type: ignore[union-attr]  # only events of calls have fragments
                calls.setdefault(index, CallPart(index)).arguments += fragment
        part.calls = list(calls.values())
        return part


def whole(text: str, dialect: str, tools: Iterable[Any] | None, finish_reason: str | None) -> AnswerPart:
    """Read a whole answer: its complete calls, and as text what is visible and what a call was that was cut off."""
    message = parse(text, dialect, declared(tools), finish_reason=finish_reason)
    complete = [call for call in message.calls if call.complete]
    calls = [CallPart(at, call.name, call.id, arguments_text(call)) for at, call in enumerate(complete)]
    cut = "".join(call.raw for call in message.calls if not call.complete)
    return AnswerPart(message.text + cut, message.reasoning, calls)


def remember(parser: Any, calls: Iterable[CallPart]) -> None:
    """Write calls into the lists in which both servers count them, and look for what was not streamed."""
    for call in calls:
        if call.name:
            parser.prev_tool_call_arr.append({"name": call.name, "arguments": ""})
            parser.streamed_args_for_tool.append("")
        parser.streamed_args_for_tool[call.index] += call.arguments
        parser.prev_tool_call_arr[call.index]["arguments"] = parser.streamed_args_for_tool[call.index]


def declared(tools: Iterable[Any] | None) -> list[Any] | None:
    """Return tool definitions as plain JSON; None where there are none, so that any name is a tool's."""
    plain = [tool.model_dump() if hasattr(tool, "model_dump") else tool for tool in tools or ()]
    return plain or None


def names() -> dict[str, str]:
    """Return the parsers' names, each with its dialect: `wireproto` finds out by itself."""
    return {PREFIX: AUTO} | {f"{PREFIX}_{name}": name for name in dialects()}
