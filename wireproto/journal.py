"""What a decoder has found: events for the caller, and the segments, calls, documents and diagnoses of the message.

A run of calls whose meaning is not settled yet (in a fence, in reasoning) is written down like any other, behind a
mark; either the mark is dropped and the run stands, or everything behind it is taken back before anyone saw it. Law:
segments tile the input, and what was handed out is never taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from wireproto.diagnoses import diagnose
from wireproto.events import (
    CallEnd,
    Diagnosed,
    DocumentDelta,
    DocumentEnd,
    DocumentStart,
    Event,
    ReasoningDelta,
    TextDelta,
)
from wireproto.model import Call, Diagnosis, Document, Message, Segment, SegmentKind, Span
from wireproto.nodes import BLANK
from wireproto.source import Source

Prose = Literal["text", "reasoning"]
_DELTA: dict[Prose, type[TextDelta] | type[ReasoningDelta]] = {"text": TextDelta, "reasoning": ReasoningDelta}


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
class Mark:
    """A point that the journal can be taken back to."""

    position: int
    events: int
    segments: int
    calls: int
    diagnoses: int
    documents: int
    open: _Open | None


class Journal:
    """Events not handed out yet, and the message so far."""

    __slots__ = ("_mark", "_open", "_segments", "_source", "calls", "candidates", "diagnoses", "documents", "events")

    def __init__(self, source: Source) -> None:
        self._source = source
        self.events: list[Event] = []
        self.calls: list[Call] = []
        self.candidates: list[Call] = []
        self.diagnoses: list[Diagnosis] = []
        self.documents: list[Segment] = []
        self._segments: list[tuple[SegmentKind, int, int]] = []
        self._open: _Open | None = None
        self._mark: Mark | None = None

    def prose(self, kind: Prose, start: int, end: int) -> None:
        """Add text or reasoning; leading blanks are held until something follows that is none."""
        if start == end:
            return
        segment = self._extend(kind, start, end)
        piece = self._source.slice(start, end)
        if not segment.solid:
            if not piece.strip(BLANK):
                return
            segment.solid = True
            piece = self._source.slice(segment.start, end)
        self.events.append(_DELTA[kind](piece))

    def markup(self, start: int, end: int) -> None:
        """Add characters that are neither shown nor part of a call."""
        if start < end:
            self._extend("markup", start, end)

    def call(self, index: int, call: Call) -> None:
        """Add a finished call."""
        self._close()
        self._segments.append(("call", *call.span))
        self.calls.append(call)
        self.events.append(CallEnd(index, call))

    def document(self, document: Document) -> None:
        """Add a finished document whose start and characters were told."""
        self._close()
        self._segments.append(("document", *document.span))
        self.events.append(DocumentEnd(len(self.documents), document))
        self.documents.append(Segment("document", document.span, document, self._source))

    def lift(self, document: Document, span: Span) -> None:
        """Add a document that stands inside a call, at `span` of the input."""
        index = len(self.documents)
        self.events += (
            DocumentStart(index, document.name),
            DocumentDelta(index, document.text),
            DocumentEnd(index, document),
        )
        self.documents.append(Segment("document", span, document, self._source))

    def diagnose(self, code: str, span: Span, message: str = "") -> None:
        """Add a diagnosis."""
        diagnosis = diagnose(code, span, message)
        self.diagnoses.append(diagnosis)
        self.events.append(Diagnosed(diagnosis))

    def mark(self, position: int) -> None:
        """Begin a run that may be taken back to `position`, the end of what was written."""
        last = self._open.copy() if self._open is not None else None
        counts = (len(self.calls), len(self.diagnoses), len(self.documents))
        self._mark = Mark(position, len(self.events), len(self._segments), *counts, last)

    @property
    def marked(self) -> int | None:
        """Where the run that is not settled begins, if there is one."""
        return self._mark.position if self._mark is not None else None

    @property
    def run(self) -> list[Call]:
        """The calls of the run that is not settled."""
        return self.calls[self._mark.calls :] if self._mark is not None else []

    def settle(self) -> None:
        """Let the run stand."""
        self._mark = None

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
        del self.diagnoses[mark.diagnoses :]
        del self.documents[mark.documents :]
        for draft in drafts:
            self.candidates.append(draft)
            self.diagnose(code, draft.span)

    def hand_out(self) -> list[Event]:
        """Return the events that are settled and forget them."""
        if self._mark is None:
            events, self.events = self.events, []
            return events
        count = self._mark.events
        events, self.events = self.events[:count], self.events[count:]
        self._mark = replace(self._mark, events=0)
        return events

    def message(self) -> Message:
        """Return the message so far."""
        segments = [*self._segments]
        if self._open is not None:
            segments.append((_settled(self._open), self._open.start, self._open.end))
        text, reasoning = (
            "".join(self._source.slice(start, end) for kind, start, end in segments if kind == wanted)
            for wanted in ("text", "reasoning")
        )
        documents = {segment.span: segment for segment in self.documents}
        return Message(
            text,
            reasoning,
            tuple(self.calls),
            tuple(self.candidates),
            tuple(
                documents[start, end] if kind == "document" else Segment(kind, (start, end), _source=self._source)
                for kind, start, end in _merged(segments)
            ),
            tuple(self.diagnoses),
            tuple(self.documents),
        )

    def reasoning(self) -> Iterator[Span]:
        """Yield where the reasoning stands, so far."""
        last = [] if self._open is None else [(_settled(self._open), self._open.start, self._open.end)]
        yield from ((start, end) for kind, start, end in (*self._segments, *last) if kind == "reasoning")

    def copy(self, source: Source) -> Journal:
        """Return an independent copy over a copy of the source."""
        twin = Journal(source)
        twin.events, twin.calls, twin.candidates = self.events[:], self.calls[:], self.candidates[:]
        twin.diagnoses, twin._segments, twin._mark = self.diagnoses[:], self._segments[:], self._mark
        twin.documents = self.documents[:]
        twin._open = self._open.copy() if self._open is not None else None
        return twin

    def _extend(self, kind: SegmentKind, start: int, end: int) -> _Open:
        if self._open is None or self._open.kind != kind:
            self._close()
            self._open = _Open(kind, start, end, kind == "markup")
        self._open.end = end
        return self._open

    def _close(self) -> None:
        if self._open is not None:
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
