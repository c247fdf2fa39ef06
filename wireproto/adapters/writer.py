"""What the writers of all APIs have in common: events are merged, calls get ids, and native calls stand among them.

One feed becomes one chunk for each stretch of text and each call in it. Law: `lines` is what `feed` returns, as
server-sent events; whatever the chunks, a client that joins them has the same answer.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, ClassVar, NoReturn, Union

from wireproto.adapters.ending import Ending, Usage
from wireproto.adapters.fragments import Fragments, encodable
from wireproto.adapters.frames import Chunk, Piece, Shape, sse
from wireproto.adapters.free_form import FreeInput
from wireproto.adapters.ids import Ids, IdSource
from wireproto.values.errors import WireprotoError
from wireproto.values.events import (
    ArgumentDelta,
    ArgumentEnd,
    ArgumentStart,
    CallEnd,
    CallStart,
    Event,
    ReasoningDelta,
    TextDelta,
)
from wireproto.values.finish_reasons import meaning


@dataclass(frozen=True, slots=True)
class NativeDelta:
    """More of a call that the server found itself; `key` is how it tells its calls apart, such as their index.

    `text` is more of the arguments' JSON. `name` and `id` may come once or with each delta.
    """

    key: Hashable
    text: str = ""
    name: str | None = None
    id: str | None = None


Written = Union[Event, NativeDelta]
"""What a writer takes: the events of a decoder, and calls that the server found."""


@dataclass(slots=True)
class OpenCall:
    """A call that is being written. `shape`: that of more of its arguments, once the call has begun."""

    id: str
    name: str = ""
    number: int = -1
    shape: Shape | None = None
    held: list[str] = field(default_factory=list)  # arguments that are sent when the call is complete
    parts: list[str] = field(default_factory=list)  # all arguments of a native call, which only their JSON ends
    pending: list[str] = field(default_factory=list)  # what waits for a native call's name, or for the calls before it
    written_id: str | None = None
    free: FreeInput | None = None  # what reads its text, if it takes free text


_CALL = (CallStart, ArgumentStart, ArgumentDelta, ArgumentEnd, CallEnd)
_KINDS: dict[type, str] = {
    TextDelta: "text",
    ReasoningDelta: "reasoning",
    **dict.fromkeys(_CALL, "call"),
    NativeDelta: "native",
}


class AnswerWriter(ABC):
    """Writes one answer as the chunks of an API."""

    named: ClassVar[bool]  # whether an event of the stream is named by its type
    in_turn: ClassVar[bool]  # whether one call is over before the next begins
    done: ClassVar[str] = ""
    """What a stream ends with, behind its last chunk."""

    def __init__(self, ids: IdSource | None, fragments: Fragments | None = None) -> None:
        self.ending = Ending()
        self._ids: IdSource = ids if ids is not None else Ids()
        self._fragments = fragments if fragments is not None else Fragments()
        self._call: OpenCall | None = None
        self._natives: dict[Hashable, OpenCall] = {}
        # What can be written as it comes, with nothing before it.
        self._ready: dict[type, Shape] = {}
        self._opened = self._closed = False

    def open(self) -> list[Chunk]:
        """Return what an answer begins with; nothing the second time. `feed` does it for who does not."""
        return self._chunks(self._beginning())

    def feed(self, events: Iterable[Written]) -> list[Chunk]:
        """Return the chunks of these events; documents and diagnoses have no place in an API.

        Raises:
            WireprotoError: the writer was closed.
        """
        return self._chunks(self._pieces(events))

    def lines(self, events: Sequence[Written]) -> str:
        """Return the chunks of these events as server-sent events, in ASCII; it is much faster than `feed`.

        Raises:
            WireprotoError: the writer was closed.
        """
        if len(events) == 1:
            (event,) = events
            shape = self._ready.get(type(event))
            if shape is not None:
                if isinstance(event, ArgumentDelta):
                    more = self._fragments.of(event)
                    return shape.line(more) if more else ""
                if isinstance(event, (TextDelta, ReasoningDelta)):
                    return shape.line(event.text)
        elif not events and self._opened and not self._closed:
            return ""  # all of a chunk was held back
        return "".join([shape.line(text) for shape, text in self._pieces(events)])

    def close(
        self,
        finish_reason: str | None = None,
        usage: Usage | Mapping[str, Any] | None = None,
        *,
        own: str = "",
    ) -> list[Chunk]:
        """Return what an answer ends with; nothing the second time.

        `finish_reason`: why it ended, in the word of any server; an answer with an incomplete call was cut, whatever
        the server says. `usage`: what it cost, a dict in the API's own shape. `own`: `own_text` of the answer, which
        goes where clients bring it back.
        """
        return self._chunks(self._ends(finish_reason, usage, own))

    def fail(self, message: str, code: str | None = None) -> list[Chunk]:
        """Return what tells a client that the answer failed; the official clients raise for it. Nothing follows it."""
        self._close()
        return [self._failure(message, code)]

    def sse(self, chunks: Iterable[Chunk]) -> str:
        """Return chunks as server-sent events, in ASCII."""
        return "".join([sse(chunk, self.named) for chunk in chunks])

    # What an API adds.

    @abstractmethod
    def _begin(self) -> Iterator[Piece]:
        """Begin the answer."""

    @abstractmethod
    def _text(self, text: str) -> Iterator[Piece]:
        """Write visible text."""

    @abstractmethod
    def _reasoning(self, text: str) -> Iterator[Piece]:
        """Write reasoning."""

    @abstractmethod
    def _more(self, call: OpenCall, text: str) -> Iterator[Piece]:
        """Write more of a call's arguments, and the call's beginning if it has not begun."""

    @abstractmethod
    def _over(self, call: OpenCall, text: str, complete: bool) -> Iterator[Piece]:
        """Write the last of a call's arguments, and that it is over."""

    @abstractmethod
    def _end(self, finish_reason: str | None, usage: Usage | Mapping[str, Any] | None, own: str) -> Iterator[Piece]:
        """End the answer, in which nothing is open but text or reasoning; `own` is empty if it was cut."""

    @abstractmethod
    def _failure(self, message: str, code: str | None) -> Chunk:
        """Return the chunk that says what failed."""

    # What all do.

    def _chunks(self, pieces: Iterator[Piece]) -> list[Chunk]:
        return [shape.chunk(text) for shape, text in pieces]

    def _beginning(self) -> Iterator[Piece]:
        if not self._opened:
            self._opened = True
            yield from self._begin()

    def _pieces(self, events: Iterable[Written]) -> Iterator[Piece]:
        if self._closed:
            raise WireprotoError("the writer was closed: make a new one for the next answer")
        yield from self._beginning()
        written: Iterator[Any] = (event for event in events if type(event) in _KINDS)
        for (kind, key), group in groupby(written, _kind):
            if kind == "native":
                yield from self._native(key, [*group])
                continue
            if self.in_turn and self._call is None:
                yield from self._end_natives()
            if kind == "call":
                yield from self._decoded(group)
            elif text := "".join([event.text for event in group]):
                yield from self._text(text) if kind == "text" else self._reasoning(text)

    def _decoded(self, events: Iterable[Any]) -> Iterator[Piece]:
        """Write what a decoder found of its calls: one chunk for each, which may also begin and end it."""
        text = ""
        for event in events:
            text += self._fragments.of(event)
            if isinstance(event, CallStart):
                self._call = OpenCall(self._ids.give(event.id, event.name), event.name)
            elif isinstance(event, CallEnd) and self._call is not None:
                call, self._call = self._call, None
                yield from self._finish(call, text, event.call.complete)
                text = ""
        if self._call is not None:
            yield from self._more(self._call, text)
            if self._call.shape is not None and self._call.free is None:
                self._ready[ArgumentDelta] = self._call.shape

    def _finish(self, call: OpenCall, text: str, complete: bool) -> Iterator[Piece]:
        self.ending.note(complete)
        self._ready.pop(ArgumentDelta, None)
        yield from self._over(call, text, complete)

    def _native(self, key: Hashable, deltas: Sequence[NativeDelta]) -> Iterator[Piece]:
        """Write more of a call that the server found; where calls come in turn it may have to wait for the others."""
        if self.in_turn:
            self._ready.clear()
        for delta in deltas:
            call = self._natives.get(key)
            if call is not None and delta.name and delta.id and call.written_id and delta.id != call.written_id:
                # Some servers give all calls the same index.
                self._natives[object()] = self._natives.pop(key)
                call = None
            if call is None:
                call = self._natives[key] = OpenCall("")
            call.name = call.name or delta.name or ""
            call.written_id = call.written_id or delta.id
            call.pending.append(encodable(delta.text))
        if self.in_turn and self._call is not None:
            return
        for name, call in [*self._natives.items()]:
            yield from self._advance(call)
            if self.in_turn:
                if len(self._natives) == 1 or not _is_whole("".join(call.parts)):
                    break
                yield from self._end_native(name)

    def _advance(self, call: OpenCall) -> Iterator[Piece]:
        """Write what waits of a native call, if its name is known."""
        if call.name and call.pending:
            call.id = call.id or self._ids.give(call.written_id, call.name)
            text = "".join(call.pending)
            call.pending.clear()
            call.parts.append(text)
            yield from self._more(call, text)

    def _end_natives(self, cut: bool = False) -> Iterator[Piece]:
        for key, call in [*self._natives.items()]:
            yield from self._advance(call)
            yield from self._end_native(key, cut)

    def _end_native(self, key: Hashable, cut: bool = False) -> Iterator[Piece]:
        """End a call that the server found: complete if its arguments are an object, or nothing and nothing was cut."""
        call = self._natives.pop(key)
        if not call.name:  # nobody can tell what it was
            self.ending.note(complete=False)
            return
        text = "".join(call.parts)
        last = "" if text.strip() else "{" if cut else "{}"
        yield from self._finish(call, last, _is_whole(text + last))

    def _ends(self, finish_reason: str | None, usage: Usage | Mapping[str, Any] | None, own: str) -> Iterator[Piece]:
        if self._closed:
            return
        yield from self._beginning()
        if self._call is not None:  # its decoder was not closed
            call, self._call = self._call, None
            yield from self._finish(call, self._fragments.cut(), complete=False)
        yield from self._end_natives(cut=meaning(finish_reason) != "ended")
        self._close()
        yield from self._end(finish_reason, usage, own if self.ending.calls and not self.ending.cut else "")

    def _close(self) -> None:
        self._closed = self._opened = True
        self._ready.clear()


def _kind(event: Any) -> tuple[str, Hashable]:
    """Return what an event is about: events that follow each other and are about the same are written as one."""
    kind = _KINDS[type(event)]
    return kind, event.key if kind == "native" else None


def _is_whole(text: str) -> bool:
    """Whether a text is an object in JSON, as every client reads it."""
    try:
        return text.rstrip().endswith("}") and isinstance(json.loads(text, parse_constant=_refuse), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
