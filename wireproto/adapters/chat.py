"""Chat Completions: the chunks of a streamed answer, `chat.completion.chunk`, and a whole `chat.completion`.

Law: role, id, name and finish reason are each sent once, since clients join strings; `index` counts the calls of a
choice from 0 without gaps. Text is one string in this API, so that its order among the calls is lost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from wireproto.adapters.ending import Ending, Usage
from wireproto.adapters.fragments import arguments_text
from wireproto.adapters.frames import Chunk, Frame, Once, Piece
from wireproto.adapters.free_form import FreeInput
from wireproto.adapters.ids import Ids, IdSource, Numbering
from wireproto.adapters.replay import own_text_field
from wireproto.adapters.writer import AnswerWriter, OpenCall
from wireproto.values.events import ReasoningDelta, TextDelta
from wireproto.values.model import Message

ReasoningKey = Literal["reasoning_content", "reasoning"]


class ChatWriter(AnswerWriter):
    """Writes one choice of a streamed answer; more choices are more writers, all of which begin before one goes on.

    `id`, `model` and `created` (seconds since 1970) are those of the answer. `reasoning`: the key for reasoning, which
    the API itself has none for: llama.cpp says `reasoning_content`, vLLM and Ollama `reasoning`. `ids` gives
    the ids of calls. `numbers` counts them, if somebody else counts too. `free_form`: the names of the tools that take
    free text (`custom`); a call of one is sent when it is complete, since nothing in a text tells that it is half.
    """

    named: ClassVar[bool] = False
    in_turn: ClassVar[bool] = False
    done: ClassVar[str] = "data: [DONE]\n\n"

    def __init__(
        self,
        id: str,
        model: str,
        created: int,
        *,
        choice: int = 0,
        reasoning: ReasoningKey = "reasoning_content",
        ids: IdSource | None = None,
        free_form: Collection[str] = (),
        numbers: Numbering | None = None,
    ) -> None:
        super().__init__(ids)
        self._free_form = free_form
        self._id, self._model, self._created, self._choice = id, model, created, choice
        self._numbers, self._last = numbers if numbers is not None else Numbering(), 0
        self._text_frame = Frame(lambda text: self._chunk({"content": text}), named=False)
        self._reasoning_frame = Frame(lambda text: self._chunk({reasoning: text}), named=False)

    def delta(self, fields: Mapping[str, Any]) -> list[Chunk]:
        """Return a chunk with a delta of another kind, such as a refusal."""
        return [*self.open(), self._chunk({**fields})]

    def usage(self, usage: Usage | Mapping[str, Any]) -> Chunk:
        """Return the chunk with what the answer cost: the very last one, and only if the client asked for it."""
        return {**self._head(), "choices": [], "usage": _usage(usage)}

    def _head(self) -> Chunk:
        return {"id": self._id, "object": "chat.completion.chunk", "created": self._created, "model": self._model}

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> Chunk:
        choice = {"index": self._choice, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head(), "choices": [choice]}

    def _once(self, delta: dict[str, Any], finish_reason: str | None = None) -> Piece:
        return Piece(Once(self._chunk(delta, finish_reason), named=False))

    def _begin(self) -> Iterator[Piece]:
        self._ready = {TextDelta: self._text_frame, ReasoningDelta: self._reasoning_frame}
        yield self._once({"role": "assistant", "content": None})

    def _text(self, text: str) -> Iterator[Piece]:
        yield Piece(self._text_frame, text)

    def _reasoning(self, text: str) -> Iterator[Piece]:
        yield Piece(self._reasoning_frame, text)

    def _more(self, call: OpenCall, text: str) -> Iterator[Piece]:
        if call.name in self._free_form:
            call.held.append(text)
            return
        if call.shape is not None:
            if text:
                yield Piece(call.shape, text)
            return
        call.number = index = self._numbers.next()
        call.shape = Frame(
            lambda more: self._chunk({"tool_calls": [{"index": index, "function": {"arguments": more}}]}), named=False
        )
        function = {"name": call.name, "arguments": text}
        yield self._once({"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]})

    def _over(self, call: OpenCall, text: str, complete: bool) -> Iterator[Piece]:
        yield from self._more(call, text)
        if call.name in self._free_form:
            if not complete:
                return
            call.number = self._numbers.next()
            yield self._once({"tool_calls": [{"index": call.number, **free_form_call(call.id, call.name, call.held)}]})
        self._last = max(self._last, call.number)

    def _end(self, finish_reason: str | None, usage: Usage | Mapping[str, Any] | None, own: str) -> Iterator[Piece]:
        if field := own_text_field(own):
            # The official client wants a function in each delta of a call.
            yield self._once({"tool_calls": [{"index": self._last, "function": {"arguments": ""}, **field}]})
        yield self._once({}, self.ending.finish(finish_reason))
        if usage is not None:
            yield Piece(Once(self.usage(usage), named=False))

    def _failure(self, message: str, code: str | None) -> Chunk:
        return {"error": {"message": message, "type": "server_error", "param": None, "code": code}}


def chat_choice(
    message: Message,
    index: int = 0,
    *,
    finish_reason: str | None = None,
    reasoning: ReasoningKey = "reasoning_content",
    own: str = "",
    free_form: Collection[str] = (),
    ids: IdSource | None = None,
) -> Chunk:
    """Return a message as a choice of a whole answer; the arguments are those of `ChatWriter` and its `close`."""
    ending, source = Ending(), ids if ids is not None else Ids()
    calls: list[Chunk] = []
    for call in message.calls:
        ending.note(call.complete)
        given = source.give(call.id, call.name)
        if call.name not in free_form:
            function = {"name": call.name, "arguments": arguments_text(call)}
            calls.append({"id": given, "type": "function", "function": function})
        elif call.complete:
            calls.append(free_form_call(given, call.name, [arguments_text(call)]))
    if calls and not ending.cut:
        calls[-1] |= own_text_field(own)
    answer: Chunk = {"role": "assistant", "content": message.text or (None if calls else ""), "refusal": None}
    if message.reasoning:
        answer[reasoning] = message.reasoning
    if calls:
        answer["tool_calls"] = calls
    return {"index": index, "message": answer, "logprobs": None, "finish_reason": ending.finish(finish_reason)}


def chat_completion(
    message: Message,
    id: str,
    model: str,
    created: int,
    *,
    finish_reason: str | None = None,
    usage: Usage | Mapping[str, Any] | None = None,
    reasoning: ReasoningKey = "reasoning_content",
    own: str = "",
    free_form: Collection[str] = (),
    ids: IdSource | None = None,
) -> Chunk:
    """Return a message as a whole `chat.completion`; the arguments are those of `ChatWriter` and its `close`."""
    choice = chat_choice(
        message, finish_reason=finish_reason, reasoning=reasoning, own=own, free_form=free_form, ids=ids
    )
    answer = {"id": id, "object": "chat.completion", "created": created, "model": model, "choices": [choice]}
    return answer if usage is None else {**answer, "usage": _usage(usage)}


def free_form_call(id: str, name: str, arguments: Iterable[str]) -> Chunk:
    """Return the call of a tool that takes free text; `arguments` are the JSON text of its arguments, in pieces."""
    read = FreeInput()
    text = "".join([*map(read.feed, arguments), read.close()])
    return {"id": id, "type": "custom", "custom": {"name": name, "input": text}}


def _usage(usage: Usage | Mapping[str, Any]) -> dict[str, Any]:
    return usage.chat() if isinstance(usage, Usage) else {**usage}
