"""What a decoder has found: events for the caller, and the segments, calls, documents and diagnoses of the message.

A run of calls whose meaning is not settled yet (in a fence, in reasoning) is written down like any other, behind a
mark; either the mark is dropped and the run stands, or everything behind it is taken back before anyone saw it. Law:
segments tile the input, and what was handed out is never taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from wireproto.engine.loops import LOOK, Floods, Loop, Passages, Repeats
from wireproto.text.buffer import Buffer
from wireproto.text.json_repair import dumps
from wireproto.text.scan import BLANK
from wireproto.values.diagnoses import diagnose
from wireproto.values.events import (
    ArgumentDelta,
    ArgumentEnd,
    ArgumentStart,
    CallEnd,
    CallStart,
    Diagnosed,
    DocumentDelta,
    DocumentEnd,
    DocumentStart,
    Event,
    Kind,
    ReasoningDelta,
    TextDelta,
)
from wireproto.values.model import Call, Diagnosis, Document, Message, Segment, SegmentKind, Span
from wireproto.values.policy import Policy

Prose = Literal["text", "reasoning"]
_DELTA: dict[SegmentKind, type[TextDelta] | type[ReasoningDelta]] = {"text": TextDelta, "reasoning": ReasoningDelta}
_LOOPING = "looping"
_PROSE: dict[SegmentKind, Prose] = {"text": "text", "markup": "text", "reasoning": "reasoning"}


@dataclass(slots=True)
class _Open:
    """The segment being written; `solid` once it holds more than blanks."""

    kind: SegmentKind
    start: int
    end: int
    solid: bool

    def copy(self) -> _Open:
        return _Open(self.kind, self.start, self.end, self.solid)


@dataclass(frozen=True, slots=True)
class Savepoint:
    """A point that the journal can be taken back to."""

    position: int
    events: int
    segments: int
    calls: int
    diagnoses: int
    documents: int
    open: _Open | None


class Transcript:
    """Events not handed out yet, and the message so far."""

    __slots__ = ("_floods", "_mark", "_open", "_passages", "_repeats", "_segments", "_source", "calls", "candidates",
                 "diagnoses", "documents", "events")  # fmt: skip

    def __init__(self, source: Buffer, policy: Policy) -> None:
        self._source = source
        loops = policy.loops
        self._passages = Passages(loops.max_repeated_passages, loops.max_period)
        self._floods = Floods(loops.max_repeated_passages, loops.max_period)
        self._repeats = Repeats(loops.max_repeated_calls)
        self.events: list[Event] = []
        self.calls: list[Call] = []
        self.candidates: list[Call] = []
        self.diagnoses: list[Diagnosis] = []
        self.documents: list[Document] = []
        self._segments: list[tuple[SegmentKind, int, int]] = []
        self._open: _Open | None = None
        self._mark: Savepoint | None = None

    def prose(self, kind: Prose, start: int, end: int) -> None:
        """Add text or reasoning; leading blanks are held until something follows that is none."""
        if start == end:
            return
        segment = self._extend(kind, start, end)
        if end >= self._passages.due and self._mark is None:
            for loop in self._passages.read(self._source, start, end):
                self._tell(segment, start, loop.told)
                self._diagnose_loop(loop)
                start = loop.told
        self._tell(segment, start, end)

    def markup(self, start: int, end: int) -> None:
        """Add characters that are neither shown nor part of a call."""
        if start < end:
            self._extend("markup", start, end)

    def pause(self) -> None:
        """The text or reasoning so far is over, for all that is known: say what loops at its end."""
        if self._open is not None and self._mark is None:
            for loop in self._passages.finish(self._source, self._open.end):
                self._diagnose_loop(loop)

    def call(self, index: int, call: Call) -> None:
        """Add a finished call."""
        self._close()
        self._segments.append(("call", *call.span))
        self.calls.append(call)
        self.events.append(CallEnd(index, call))
        if self._mark is None:
            self._diagnose_loop(self._repeats.add(call))

    def document(self, document: Document) -> None:
        """Add a finished document whose start and characters were told."""
        self._close()
        self._segments.append(("document", *document.span))
        self.events.append(DocumentEnd(len(self.documents), document))
        self.documents.append(document)

    def lift(self, document: Document) -> None:
        """Add a document that stands inside a call."""
        index = len(self.documents)
        self.events += (
            DocumentStart(index, document.name),
            DocumentDelta(index, document.text),
            DocumentEnd(index, document),
        )
        self.documents.append(document)

    def diagnose(self, code: str, span: tuple[int, int], message: str = "") -> None:
        """Add a diagnosis."""
        diagnosis = diagnose(code, span, message)
        self.diagnoses.append(diagnosis)
        self.events.append(Diagnosed(diagnosis))

    def portions(self, text: str, room: int) -> Iterator[str]:
        """Cut a chunk where a flood is to be told: at one of the looks, the first `room` characters before its end.

        The cuts are the same for every chunking, so that a flood is told at the same point.
        """
        at = 0
        while room <= 0:
            end = len(text) + room
            period = self._floods.period(self._source, text, at, end)
            if period:
                yield text[at:end]
                at = end
                self._tell_flood(period)
            room += LOOK
        yield text[at:]

    def _tell_flood(self, period: int) -> None:
        """Tell a flood at once, also while a run is not settled, unless it is text that was looked at."""
        heard = self._open.end if self._open is not None else self._segments[-1][1] if self._segments else 0
        loop = self._floods.tell(self._source.end, period, heard if self._mark is None else self._mark.position)
        if loop is None:
            return
        diagnosis = diagnose(_LOOPING, loop.span, loop.message)
        self.diagnoses.append(diagnosis)
        if self._mark is None:
            self.events.append(Diagnosed(diagnosis))
        else:
            self.events.insert(self._mark.events, Diagnosed(diagnosis))
            self._mark = replace(self._mark, events=self._mark.events + 1)

    def mark(self, position: int) -> None:
        """Begin a run that may be taken back to `position`, the end of what was written."""
        last = self._open.copy() if self._open is not None else None
        counts = (len(self.calls), len(self.diagnoses), len(self.documents))
        self._mark = Savepoint(position, len(self.events), len(self._segments), *counts, last)

    @property
    def marked(self) -> int | None:
        """Where the run that is not settled begins, if there is one."""
        return self._mark.position if self._mark is not None else None

    @property
    def run(self) -> list[Call]:
        """The calls of the run that is not settled."""
        return self.calls[self._mark.calls :] if self._mark is not None else []

    @property
    def has_calls(self) -> bool:
        """Whether a call has ended that nothing takes back."""
        return len(self.calls) > len(self.run)

    def settle(self) -> None:
        """Let the run stand."""
        mark, run = self._mark, self.run
        self._mark = None
        if mark is None:
            self.pause()
            return
        for loop in self._passages.finish(self._source, mark.position):
            self._diagnose_loop(loop)
        for call in run:
            self._diagnose_loop(self._repeats.add(call))

    def take_back(self, code: str) -> None:
        """Undo the run; its complete calls become candidates with a diagnosis."""
        mark = self._mark
        if mark is None:
            return
        drafts = [call for call in self.calls[mark.calls :] if call.complete]
        # A copy of the journal may hold the same mark.
        self._open = mark.open.copy() if mark.open is not None else None
        self._mark = None
        del self.events[mark.events :]
        del self._segments[mark.segments :]
        del self.calls[mark.calls :]
        self.diagnoses[mark.diagnoses :] = [said for said in self.diagnoses[mark.diagnoses :] if said.code == _LOOPING]
        del self.documents[mark.documents :]
        for draft in drafts:
            self.diagnose(code, draft.span)
            self.candidates.append(replace(draft, diagnoses=(self.diagnoses[-1], *draft.diagnoses)))

    def adopt(self, call: Call) -> None:
        """Make a call of a candidate whose characters were told as text: it is told as a whole, at the end."""
        index = len(self.calls)
        self.events.append(CallStart(index, call.name, call.id))
        for key, value in call.arguments.items():
            kind: Kind = "string" if isinstance(value, str) else "json"
            text = value if isinstance(value, str) else dumps(value)
            self.events.append(ArgumentStart(index, key, kind))
            if text:
                self.events.append(ArgumentDelta(index, key, text))
            self.events.append(ArgumentEnd(index, key, value))
        self.calls.append(call)
        self.events.append(CallEnd(index, call))
        self.diagnose("promoted", call.span)

    def hand_out(self) -> list[Event]:
        """Return the events that are settled and forget them."""
        if self._mark is None:
            events, self.events = self.events, []
            return events
        count = self._mark.events
        events, self.events = self.events[:count], self.events[count:]
        self._mark = replace(self._mark, events=0)
        return events

    def message(self, dialect: str | None) -> Message:
        """Return the message so far; `dialect`: the name of what it is decoded as, if that is known."""
        segments = self._written()
        text, reasoning = (
            "".join(self._source.slice(start, end) for kind, start, end in segments if kind == wanted)
            for wanted in ("text", "reasoning")
        )
        documents = {document.span: document for document in self.documents if document.key is None}
        return Message(
            text,
            reasoning,
            tuple(self.calls),
            tuple(self.candidates),
            tuple(
                Segment(kind, span, documents[span] if kind == "document" else None, self._source)
                for kind, span in ((kind, Span(start, end)) for kind, start, end in _merged(segments))
            ),
            tuple(self.diagnoses),
            tuple(self.documents),
            dialect or "",
        )

    def reasoning(self) -> Iterator[tuple[int, int]]:
        """Yield where the reasoning stands, so far."""
        yield from ((start, end) for kind, start, end in self._written() if kind == "reasoning")

    def outside(self) -> Iterator[tuple[Prose, tuple[int, int]]]:
        """Yield the stretches of text, with the markup around it, and of reasoning, between calls and documents."""
        for kind, run in groupby(self._written(), key=lambda segment: _PROSE.get(segment[0])):
            if kind is not None:
                (_, start, end), *more = run
                yield kind, (start, more[-1][2] if more else end)

    def _written(self) -> list[tuple[SegmentKind, int, int]]:
        last = [] if self._open is None else [(_settled(self._open), self._open.start, self._open.end)]
        return [*self._segments, *last]

    def copy(self, source: Buffer) -> Transcript:
        """Return an independent copy over a copy of the source."""
        twin = Transcript.__new__(Transcript)
        twin._source, twin._repeats = source, self._repeats.copy()
        twin._passages, twin._floods = self._passages.copy(), self._floods.copy()
        twin.events, twin.calls, twin.candidates = self.events[:], self.calls[:], self.candidates[:]
        twin.diagnoses, twin._segments, twin._mark = self.diagnoses[:], self._segments[:], self._mark
        twin.documents = self.documents[:]
        twin._open = self._open.copy() if self._open is not None else None
        return twin

    def _tell(self, segment: _Open, start: int, end: int) -> None:
        """Tell more of a segment, with the blanks before it that were held."""
        piece = self._source.slice(start, end)
        if not segment.solid:
            if not piece.strip(BLANK):
                return
            segment.solid = True
            piece = self._source.slice(segment.start, end)
        if piece:
            self.events.append(_DELTA[segment.kind](piece))

    def _diagnose_loop(self, loop: Loop | None) -> None:
        if loop is not None:
            self.diagnose(_LOOPING, loop.span, loop.message)

    def _extend(self, kind: SegmentKind, start: int, end: int) -> _Open:
        if self._open is None or self._open.kind != kind:
            self._close()
            self._open = _Open(kind, start, end, kind == "markup")
        self._open.end = end
        return self._open

    def _close(self) -> None:
        if self._open is not None:
            self.pause()
            self._segments.append((_settled(self._open), self._open.start, self._open.end))
            self._open = None


def _settled(segment: _Open) -> SegmentKind:
    return segment.kind if segment.solid else "markup"


def _merged(segments: list[tuple[SegmentKind, int, int]]) -> list[tuple[SegmentKind, int, int]]:
    merged: list[tuple[SegmentKind, int, int]] = []
    for kind, start, end in segments:
        if merged and kind == "markup" == merged[-1][0]:
            merged[-1] = (kind, merged[-1][1], end)
        else:
            merged.append((kind, start, end))
    return merged
