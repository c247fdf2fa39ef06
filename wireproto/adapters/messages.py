"""Anthropic's Messages: the events of a streamed answer, and a whole `message`.

Its clients make an object even of half a call's input. So input is held until the call is complete, but for tools
whose caller wants it eagerly, and an incomplete call is not shown. They refuse half of a surrogate pair too, which
becomes U+FFFD. Law: blocks follow each other in the order of the text, and their indices are their positions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from wireproto.adapters.ending import Ending, Usage
from wireproto.adapters.fragments import Fragments, whole_characters
from wireproto.adapters.frames import Chunk, Frame, Once, Piece, Shape
from wireproto.adapters.ids import Ids, IdSource
from wireproto.adapters.parts import parts_of
from wireproto.adapters.replay import sealed
from wireproto.adapters.writer import AnswerWriter, OpenCall
from wireproto.values.events import ReasoningDelta, TextDelta
from wireproto.values.model import Call, Message

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class MessagesWriter(AnswerWriter):
    """Writes a streamed answer.

    `id` and `model` are those of the answer. `eager`: the names of the tools with `eager_input_streaming`, whose input
    is sent as it comes; True for all tools. `signature` is said of each stretch of reasoning; clients send it back as
    it is. The answer's own text comes so too, as the signature of an empty thought behind the calls. `usage` is what is
    known of it before the answer. `ids` gives the ids of calls.
    """

    named: ClassVar[bool] = True
    in_turn: ClassVar[bool] = True

    def __init__(
        self,
        id: str,
        model: str,
        *,
        eager: Collection[str] | bool = (),
        signature: str = "",
        usage: Usage | None = None,
        ids: IdSource | None = None,
    ) -> None:
        super().__init__(ids, Fragments(replace=True))
        self._id, self._model, self._eager, self._signature = id, model, eager, signature
        self._usage = usage if usage is not None else Usage()
        self._block, self._kind = -1, ""  # the last block, and what it is while it is open
        self._open_frame: Shape  # that of more of it, if it is prose

    def _begin(self) -> Iterator[Piece]:
        message = {**_message(self._id, self._model, []), "stop_reason": None, "usage": self._usage.messages()}
        yield _once("message_start", message=message)

    def _text(self, text: str) -> Iterator[Piece]:
        if self._kind != "text":
            yield from self._open_block("text", {"text": ""})
            self._open_frame = self._frame("text_delta", "text")
        self._ready[TextDelta] = self._open_frame
        yield Piece(self._open_frame, text)

    def _reasoning(self, text: str) -> Iterator[Piece]:
        if self._kind != "thinking":
            yield from self._open_block("thinking", {"thinking": "", "signature": ""})
            self._open_frame = self._frame("thinking_delta", "thinking")
        self._ready[ReasoningDelta] = self._open_frame
        yield Piece(self._open_frame, text)

    def _more(self, call: OpenCall, text: str) -> Iterator[Piece]:
        if self._eager is not True and not (self._eager and call.name in self._eager):
            call.held.append(text)
            return
        if call.shape is None:
            yield from self._open_block("tool_use", {"id": call.id, "name": call.name, "input": {}})
            call.shape = self._frame("input_json_delta", "partial_json")
        if text:
            yield Piece(call.shape, text)

    def _over(self, call: OpenCall, text: str, complete: bool) -> Iterator[Piece]:
        yield from self._more(call, text)
        if call.shape is None:
            if not complete:
                return
            yield from self._open_block("tool_use", {"id": call.id, "name": call.name, "input": {}})
            yield Piece(self._frame("input_json_delta", "partial_json"), "".join(call.held))
        yield from self._close_block()

    def _end(self, finish_reason: str | None, usage: Usage | Mapping[str, Any] | None, own: str) -> Iterator[Piece]:
        yield from self._close_block()
        if signature := sealed(own):
            yield from self._open_block("thinking", {"thinking": "", "signature": ""})
            self._signature = signature
            yield from self._close_block()
        spent = usage if usage is not None else self._usage
        cost = spent.messages() if isinstance(spent, Usage) else {"output_tokens": 0, **spent}
        delta = {"stop_reason": _REASONS[self.ending.finish(finish_reason)], "stop_sequence": None}
        yield _once("message_delta", delta=delta, usage=cost)
        yield _once("message_stop")

    def _failure(self, message: str, code: str | None) -> Chunk:
        return {"type": "error", "error": {"type": code or "api_error", "message": message}}

    def _frame(self, kind: str, key: str) -> Frame:
        index = self._block
        return Frame(
            lambda text: {"type": "content_block_delta", "index": index, "delta": {"type": kind, key: text}}, named=True
        )

    def _open_block(self, kind: str, block: Chunk) -> Iterator[Piece]:
        yield from self._close_block()
        self._block, self._kind = self._block + 1, kind
        yield _once("content_block_start", index=self._block, content_block={"type": kind, **block})

    def _close_block(self) -> Iterator[Piece]:
        if self._kind == "thinking" and self._signature:
            yield Piece(self._frame("signature_delta", "signature"), self._signature)
        if self._kind:
            yield _once("content_block_stop", index=self._block)
        self._kind = ""
        self._ready.clear()


def message_object(
    message: Message,
    id: str,
    model: str,
    *,
    finish_reason: str | None = None,
    usage: Usage | Mapping[str, Any] | None = None,
    signature: str = "",
    own: str = "",
    ids: IdSource | None = None,
) -> Chunk:
    """Return a message as a whole answer; the arguments are those of `MessagesWriter` and its `close`."""
    ending, source = Ending(), ids if ids is not None else Ids()
    content: list[Chunk] = []
    for part in parts_of(message):
        if isinstance(part, Call):
            ending.note(part.complete)
            if part.complete:
                use = {
                    "id": source.give(part.id, part.name),
                    "name": part.name,
                    "input": whole_characters(dict(part.arguments)),
                }
                content.append({"type": "tool_use", **use})
        elif part.kind == "text":
            content.append({"type": "text", "text": part.text})
        else:
            content.append({"type": "thinking", "thinking": part.text, "signature": signature})
    if ending.calls and not ending.cut and sealed(own):
        content.append({"type": "thinking", "thinking": "", "signature": sealed(own)})
    spent = usage if usage is not None else Usage()
    return {
        **_message(id, model, content),
        "stop_reason": _REASONS[ending.finish(finish_reason)],
        "usage": spent.messages() if isinstance(spent, Usage) else {**spent},
    }


def _message(id: str, model: str, content: list[Chunk]) -> Chunk:
    answer: Chunk = {"id": id, "type": "message", "role": "assistant", "model": model, "content": content}
    return {**answer, "stop_reason": None, "stop_sequence": None}


def _once(kind: str, **fields: Any) -> Piece:
    return Piece(Once({"type": kind, **fields}, named=True))
