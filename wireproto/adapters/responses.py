"""OpenAI's Responses: the events of a streamed answer, and a whole `response`.

Its clients check that an item keeps its id, call id and position from its first event to the last, and that all items
are done when the response is. Law: each item begins, grows and ends before the next begins, in the order of the text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import count
from typing import Any, ClassVar, Final, Literal

from wireproto.adapters.ending import Ending, Usage
from wireproto.adapters.fragments import arguments_text
from wireproto.adapters.frames import Chunk, NumberedFrame, Once, Piece
from wireproto.adapters.free_form import FreeInput, input_of
from wireproto.adapters.ids import Ids, IdSource
from wireproto.adapters.parts import parts_of
from wireproto.adapters.replay import sealed
from wireproto.adapters.writer import AnswerWriter, OpenCall
from wireproto.values.events import ReasoningDelta, TextDelta
from wireproto.values.model import Call, Message

ReasoningItem = Literal["text", "summary"]
Namespaces = Mapping[str, tuple[str, str]]
NO_NAMESPACES: Final[Namespaces] = {}
Status = Literal["in_progress", "completed", "incomplete"]


class ResponsesWriter(AnswerWriter):
    """Writes a streamed answer.

    `id`, `model` and `created` (seconds since 1970) are those of the answer. `reasoning`: whether reasoning is the text
    of its items or their summary, which is what some clients read. `fields` are more fields of the response, such as
    its tools. `encrypted`: the client asked for encrypted reasoning, which some keep alone. `free_form`: the names of
    the tools that take free text; a call of one is an item of its own kind, and one that was cut is never done, since
    nothing in a text tells that it is half. `namespaces`: by the name that the model knows, the namespace and the name
    of a tool that is in one. `ids` gives the ids of calls.
    """

    named: ClassVar[bool] = True
    in_turn: ClassVar[bool] = True

    def __init__(
        self,
        id: str,
        model: str,
        created: int,
        *,
        reasoning: ReasoningItem = "text",
        fields: Mapping[str, Any] | None = None,
        encrypted: bool = False,
        free_form: Collection[str] = (),
        namespaces: Namespaces = NO_NAMESPACES,
        ids: IdSource | None = None,
    ) -> None:
        super().__init__(ids)
        self._namespaces = namespaces
        self._encrypted = encrypted
        self._free_form = free_form
        self._id, self._model, self._created, self._fields = id, model, created, {**(fields or {})}
        self._reasoning_as = reasoning
        self._numbers = count()
        self._output: list[Chunk] = []
        self._left_out = set[int]()  # positions of items that were begun and never done
        self._kind = ""  # what the last item is while it is open
        self._frame: NumberedFrame | None = None  # that of more of it

    def _event(self, kind: str, **fields: Any) -> Piece:
        return Piece(Once({"type": kind, "sequence_number": next(self._numbers), **fields}, named=True))

    def _response(self, status: Status, **fields: Any) -> Chunk:
        output = [item for at, item in enumerate(self._output) if at not in self._left_out]
        shown = _response(self._id, self._model, self._created, status, output, self._fields)
        return {**shown, **fields}

    def _begin(self) -> Iterator[Piece]:
        yield self._event("response.created", response=self._response("in_progress"))
        yield self._event("response.in_progress", response=self._response("in_progress"))

    def _text(self, text: str) -> Iterator[Piece]:
        if self._kind != "text":
            yield from self._open_item("text", _text_item(self._item_id("msg"), "in_progress", None))
            part = _text_part("")
            yield self._event("response.content_part.added", **self._at(), content_index=0, part=part)
            self._grow("response.output_text.delta", content_index=0, logprobs=[])
        yield self._piece(TextDelta, text)

    def _reasoning(self, text: str) -> Iterator[Piece]:
        if self._kind != "reasoning":
            item = _reasoning_item(self._item_id("rs"), "in_progress", None, self._reasoning_as)
            yield from self._open_item("reasoning", item)
            part, place = _reasoning_part("", self._reasoning_as), self._place()
            if self._reasoning_as == "text":
                yield self._event("response.content_part.added", **self._at(), **place, part=part)
                self._grow("response.reasoning_text.delta", **place)
            else:
                yield self._event("response.reasoning_summary_part.added", **self._at(), **place, part=part)
                self._grow("response.reasoning_summary_text.delta", **place)
        yield self._piece(ReasoningDelta, text)

    def _more(self, call: OpenCall, text: str) -> Iterator[Piece]:
        if call.shape is None and call.name in self._free_form:
            call.free = FreeInput()
            item = _free_item(self._item_id("ctc"), call.id, call.name, "")
            yield from self._open_item("free", _named(item, self._namespaces))
            call.shape = self._grow("response.custom_tool_call_input.delta")
        elif call.shape is None:
            item = _call_item(self._item_id("fc"), call.id, call.name, "", "in_progress")
            yield from self._open_item("call", _named(item, self._namespaces))
            call.shape = self._grow("response.function_call_arguments.delta")
        if call.free is not None:
            text = call.free.feed(text)
        if text:
            yield Piece(call.shape, text)

    def _over(self, call: OpenCall, text: str, complete: bool) -> Iterator[Piece]:
        yield from self._more(call, text)
        if call.free is not None and complete and (rest := call.free.close()):
            assert call.shape is not None
            yield Piece(call.shape, rest)
        yield from self._close_item("completed" if complete else "incomplete")

    def _end(self, finish_reason: str | None, usage: Usage | Mapping[str, Any] | None, own: str) -> Iterator[Piece]:
        status, details = _status(self.ending.finish(finish_reason))
        yield from self._close_item(status)
        if hidden := sealed(own):
            self._output.append(_own_item(self._item_id("rs"), hidden, self._reasoning_as))
            for kind in ("added", "done"):
                at = len(self._output) - 1
                yield self._event(f"response.output_item.{kind}", output_index=at, item=self._output[-1])
        shown = self._response(status, incomplete_details=details, usage=_usage(usage))
        yield self._event(f"response.{status}", response=shown)

    def _failure(self, message: str, code: str | None) -> Chunk:
        said = {"code": code or "server_error", "message": message, "param": None}
        number = next(self._numbers)
        # The API has the fields at the top; the official client raises for an object `error`.
        return {"type": "error", "sequence_number": number, **said, "error": {"type": "server_error", **said}}

    # Items.

    def _item_id(self, kind: str) -> str:
        return f"{kind}_{self._id}_{len(self._output)}"

    def _at(self) -> dict[str, Any]:
        return {"item_id": self._output[-1]["id"], "output_index": len(self._output) - 1}

    def _place(self) -> dict[str, int]:
        return {"content_index": 0} if self._reasoning_as == "text" else {"summary_index": 0}

    def _grow(self, kind: str, **fields: Any) -> NumberedFrame:
        """Set the frame of more of the open item."""
        at = self._at()
        self._frame = NumberedFrame(
            lambda number, text: {"type": kind, "sequence_number": number, **at, **fields, "delta": text},
            self._numbers,
        )
        return self._frame

    def _piece(self, event: type, text: str) -> Piece:
        assert self._frame is not None
        self._ready[event] = self._frame
        return Piece(self._frame, text)

    def _open_item(self, kind: str, item: Chunk) -> Iterator[Piece]:
        yield from self._close_item("completed")
        self._output.append(item)
        self._kind = kind
        yield self._event("response.output_item.added", output_index=len(self._output) - 1, item=item)

    def _close_item(self, status: Status) -> Iterator[Piece]:
        if not self._kind or self._frame is None:
            return
        item, text, at, kind = self._output[-1], "".join(self._frame.parts), self._at(), self._kind
        if kind == "text":
            done = _text_item(item["id"], status, text)
            yield self._event("response.output_text.done", **at, content_index=0, text=text, logprobs=[])
            yield self._event("response.content_part.done", **at, content_index=0, part=_text_part(text))
        elif kind == "reasoning":
            done = _reasoning_item(item["id"], status, text, self._reasoning_as, self._encrypted)
            place, part = self._place(), _reasoning_part(text, self._reasoning_as)
            names = ("reasoning_text", "content_part")
            if self._reasoning_as == "summary":
                names = ("reasoning_summary_text", "reasoning_summary_part")
            yield self._event(f"response.{names[0]}.done", **at, **place, text=text)
            yield self._event(f"response.{names[1]}.done", **at, **place, part=part)
        elif kind == "free":
            if status != "completed":
                self._left_out.add(len(self._output) - 1)
                self._kind, self._frame = "", None
                return
            done = {**item, "input": text}
            yield self._event("response.custom_tool_call_input.done", **at, input=text)
        else:
            done = {**item, "arguments": text, "status": status}
            if status == "completed":
                yield self._event("response.function_call_arguments.done", **at, name=item["name"], arguments=text)
        self._output[-1] = done
        self._kind, self._frame = "", None
        self._ready.clear()
        yield self._event("response.output_item.done", output_index=at["output_index"], item=done)


def response_object(
    message: Message,
    id: str,
    model: str,
    created: int,
    *,
    finish_reason: str | None = None,
    usage: Usage | Mapping[str, Any] | None = None,
    reasoning: ReasoningItem = "text",
    fields: Mapping[str, Any] | None = None,
    own: str = "",
    encrypted: bool = False,
    free_form: Collection[str] = (),
    namespaces: Namespaces = NO_NAMESPACES,
    ids: IdSource | None = None,
) -> Chunk:
    """Return a message as a whole answer; the arguments are those of `ResponsesWriter` and its `close`."""
    ending, source = Ending(), ids if ids is not None else Ids()
    output: list[Chunk] = []
    for part in parts_of(message):
        if isinstance(part, Call):
            ending.note(part.complete)
            given = source.give(part.id, part.name)
            if part.name not in free_form:
                status: Status = "completed" if part.complete else "incomplete"
                name = f"fc_{id}_{len(output)}"
                item = _call_item(name, given, part.name, arguments_text(part), status)
                output.append(_named(item, namespaces))
            elif part.complete:
                item = _free_item(f"ctc_{id}_{len(output)}", given, part.name, input_of(part.arguments))
                output.append(_named(item, namespaces))
        elif part.kind == "text":
            output.append(_text_item(f"msg_{id}_{len(output)}", "completed", part.text))
        else:
            output.append(_reasoning_item(f"rs_{id}_{len(output)}", "completed", part.text, reasoning, encrypted))
    status, details = _status(ending.finish(finish_reason))
    if status == "incomplete" and output and output[-1]["type"] != "function_call":
        output[-1]["status"] = status
    if ending.calls and not ending.cut and sealed(own):
        output.append(_own_item(f"rs_{id}_{len(output)}", sealed(own), reasoning))
    shown = _response(id, model, created, status, output, fields or {})
    return {**shown, "incomplete_details": details, "usage": _usage(usage)}


def _response(
    id: str, model: str, created: int, status: Status, output: list[Chunk], fields: Mapping[str, Any]
) -> Chunk:
    return {
        "id": id,
        "object": "response",
        "created_at": created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
        **fields,
    }


def _status(finish: str) -> tuple[Status, dict[str, str] | None]:
    if finish in ("stop", "tool_calls"):
        return "completed", None
    return "incomplete", {"reason": "max_output_tokens" if finish == "length" else finish}


def _text_part(text: str) -> Chunk:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _text_item(id: str, status: Status, text: str | None) -> Chunk:
    content = [] if text is None else [_text_part(text)]
    return {"id": id, "type": "message", "role": "assistant", "status": status, "content": content}


def _reasoning_part(text: str, reasoning: ReasoningItem) -> Chunk:
    return {"type": "reasoning_text" if reasoning == "text" else "summary_text", "text": text}


def _reasoning_item(
    id: str, status: Status, text: str | None, reasoning: ReasoningItem, encrypted: bool = False
) -> Chunk:
    parts = [] if text is None else [_reasoning_part(text, reasoning)]
    summary, content = ([], parts) if reasoning == "text" else (parts, [])
    item = {"id": id, "type": "reasoning", "status": status, "summary": summary, "content": content}
    return {**item, "encrypted_content": sealed(text or "", "thought") or None} if encrypted else item


def _own_item(id: str, hidden: str, reasoning: ReasoningItem) -> Chunk:
    """Return the item in which clients bring the answer's own text back: an empty thought that is encrypted."""
    return {**_reasoning_item(id, "completed", None, reasoning), "encrypted_content": hidden}


def _call_item(id: str, call_id: str, name: str, arguments: str, status: Status) -> Chunk:
    call = {"id": id, "type": "function_call", "call_id": call_id, "name": name}
    return {**call, "arguments": arguments, "status": status}


def flat_name(namespace: str | None, name: str) -> str:
    """Return the name by which a model knows a tool of a namespace."""
    if not namespace:
        return name
    return f"{namespace}{name}" if namespace.endswith("__") else f"{namespace}__{name}"


def _named(item: Chunk, namespaces: Namespaces) -> Chunk:
    """Return the item of a call with the name that the client knows."""
    found = namespaces.get(item["name"])
    return item if found is None else {**item, "namespace": found[0], "name": found[1]}


def _free_item(id: str, call_id: str, name: str, text: str) -> Chunk:
    return {"id": id, "type": "custom_tool_call", "call_id": call_id, "name": name, "input": text}


def _usage(usage: Usage | Mapping[str, Any] | None) -> dict[str, Any] | None:
    return usage.responses() if isinstance(usage, Usage) else {**usage} if usage is not None else None
