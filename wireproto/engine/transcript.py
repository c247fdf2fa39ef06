"""What a decoder has found: events for the caller, and the segments, calls, documents and diagnoses of the message.

Calls in a fence or in reasoning are speculative: only what follows decides whether they are calls. They are written
down like any other, behind a savepoint; then the transcript is committed, or rolled back to the savepoint before anyone
saw what stood behind it. Law: segments tile the input, and what was drained is never taken back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal

from wireproto.engine.loops import SHORTEST, Loop, LoopWatch
from wireproto.text.buffer import Buffer
from wireproto.text.json_repair import dumps
from wireproto.text.scan import BLANK
from wireproto.text.state import State, fork
from wireproto.values import events as ev
from wireproto.values.diagnoses import diagnose
from wireproto.values.model import Call, Diagnosis, Document, Message, Segment, SegmentKind, Severity, Span

Prose = Literal["text", "reasoning"]
_Written = tuple[SegmentKind, int, int]
_DELTA: dict[SegmentKind, type[ev.TextDelta] | type[ev.ReasoningDelta]] = {
    "text": ev.TextDelta,
    "reasoning": ev.ReasoningDelta,
}
_LOOPING = "looping"
# What a segment counts as between calls and documents: markup there belongs to the text around it.
_PROSE: dict[SegmentKind, Prose] = {"text": "text", "markup": "text", "reasoning": "reasoning"}


@dataclass(slots=True)
class _OpenSegment(State):
    """The segment being written; `solid` once it holds more than blanks, which alone would be markup."""

    kind: SegmentKind
    start: int
    end: int
    solid: bool


@dataclass(frozen=True, slots=True)
class Savepoint:
    """A point that the transcript can be rolled back to: a position, and how much of everything there was."""

    position: int
    events: int
    segments: int
    calls: int
    diagnoses: int
    documents: int
    open: _OpenSegment | None


@dataclass(slots=True)
class Transcript(State):
    """Events that were not drained yet, and the message so far. `loops` watches it, if it is given."""

    buffer: Buffer
    loops: LoopWatch | None = None
    events: list[ev.Event] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    candidates: list[Call] = field(default_factory=list)
    diagnoses: list[Diagnosis] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    _segments: list[_Written] = field(default_factory=list)
    _open: _OpenSegment | None = None
    _savepoint: Savepoint | None = None
    _promoted: bool = False
    # The stretch of prose that `loops` watches: where it began, -1 for none, and when to look at it next.
    _stretch: int = -1
    _due: float = 0
    _interrupted: list[int] = field(default_factory=list)  # where what stands before and behind are two texts

    def prose(self, kind: Prose, start: int, end: int) -> None:
        """Add text or reasoning; leading blanks are held until something else follows, since alone they are markup."""
        if start == end:
            return
        segment = self._extend(kind, start, end)
        if self.loops is not None and self._savepoint is None:
            if self._stretch < 0:
                self._stretch, self._due = start, start + self.loops.block
            if end >= self._due:
                for loop in self.loops.prose(self.buffer, self._stretch, end):
                    self._emit(segment, start, loop.seen)
                    self._diagnose_loop(loop)
                    start = loop.seen
                self._due = self.loops.due
        self._emit(segment, start, end)

    def continues(self, kind: Prose, position: int) -> bool:
        """Return whether prose of this kind, more than blanks, ends at `position` and is certain: more is one delta."""
        segment = self._open
        continues = segment is not None and segment.solid and segment.kind == kind and segment.end == position
        return continues and self._savepoint is None and (self.loops is None or self._stretch >= 0)

    def more(self, chunk: str) -> ev.Event | None:
        """Continue the open prose with the next chunk of the input; None if it is to be looked at for loops."""
        segment, buffer = self._open, self.buffer
        end = buffer.end + len(chunk)
        if segment is None or (end >= self._due and self.loops is not None):
            return None
        buffer.shift(chunk, 0)
        segment.end = end
        return _DELTA[segment.kind](chunk)

    def markup(self, start: int, end: int, code: str = "") -> None:
        """Add characters that are neither shown nor part of a call; `code` is what is to be said of them."""
        if code:
            self.diagnose(code, (start, end))
        if start < end:
            self._extend("markup", start, end)

    def opener(self, start: int, end: int, kind: Prose, noise: tuple[int, int] | None) -> None:
        """Add the markers before a call; `noise`: text among them, in positions of the window."""
        if noise is not None:
            first, last = (self.buffer.base + at for at in noise)
            self.markup(start, first)
            self.prose(kind, first, last)
            start = last
        self.markup(start, end)

    def no_call(self, kind: Prose, start: int, end: int) -> None:
        """Add what was taken for the beginning of a call, from `start`; its section's opener may be written already."""
        segment = self._open
        if segment is not None and segment.kind == "markup" and segment.end > start:
            self._open = replace(segment, end=start) if segment.start < start else None
            if self._open is None and self._segments and self._segments[-1][0] == kind:
                self._open = _OpenSegment(kind, *self._segments.pop()[1:], solid=True)
        self.prose(kind, start, end)

    def pause(self) -> None:
        """End the stretch that is watched for loops: as far as anybody knows, the prose is over."""
        if self._stretch >= 0 and self._open is not None and self._savepoint is None:
            if self._open.end - self._stretch >= SHORTEST:
                self._watch_end(self._open.end)
            self._stretch = -1

    def interrupt(self) -> None:
        """End the open segment: what stands in front of it and what follows were not written as one text."""
        self._close()
        self._interrupted.append(self.buffer.end)

    @property
    def interrupted_at(self) -> int:
        """Where the text was last interrupted, -1 if it was not."""
        return self._interrupted[-1] if self._interrupted else -1

    def call(self, index: int, call: Call) -> None:
        """Add a finished call."""
        self._close()
        self._segments.append(("call", *call.span))
        self.calls.append(call)
        self.events.append(ev.CallEnd(index, call))
        if self._savepoint is None and index > 0:
            self._watch_calls(index)

    def document(self, document: Document) -> None:
        """Add a finished document whose start and characters were emitted."""
        self._close()
        self._segments.append(("document", *document.span))
        self.events.append(ev.DocumentEnd(len(self.documents), document))
        self.documents.append(document)

    def lift(self, document: Document) -> None:
        """Add a document that stands inside a call."""
        index = len(self.documents)
        self.events += (
            ev.DocumentStart(index, document.name),
            ev.DocumentDelta(index, document.text),
            ev.DocumentEnd(index, document),
        )
        self.documents.append(document)

    def diagnose(self, code: str, span: tuple[int, int], message: str = "", severity: Severity | None = None) -> None:
        """Emit a diagnosis, of its code's severity if none is given."""
        diagnosis = diagnose(code, span, message, severity)
        self.diagnoses.append(diagnosis)
        self.events.append(ev.Diagnosed(diagnosis))

    def diagnose_flood(self, period: int) -> None:
        """Diagnose a flood at once, during speculation too; not one of text that was watched as prose."""
        assert self.loops is not None
        watched = self._open.end if self._open is not None else self._segments[-1][1] if self._segments else 0
        point = self._savepoint
        loop = self.loops.flood(self.buffer.end, period, watched if point is None else point.position)
        if loop is None:
            return
        diagnosis = diagnose(_LOOPING, loop.span, loop.message)
        self.diagnoses.append(diagnosis)
        if point is None:
            self.events.append(ev.Diagnosed(diagnosis))
        else:
            self.events.insert(point.events, ev.Diagnosed(diagnosis))
            self._savepoint = replace(point, events=point.events + 1)

    # Speculation.

    def save(self, position: int) -> None:
        """Set a savepoint at `position`, the end of what was written; nothing behind it is drained."""
        counts = (len(self.calls), len(self.diagnoses), len(self.documents))
        self._savepoint = Savepoint(position, len(self.events), len(self._segments), *counts, fork(self._open))

    @property
    def saved(self) -> int | None:
        """Where the savepoint is, if there is one."""
        return self._savepoint.position if self._savepoint is not None else None

    @property
    def speculative_calls(self) -> list[Call]:
        """The calls behind the savepoint."""
        return self.calls[self._savepoint.calls :] if self._savepoint is not None else []

    @property
    def has_calls(self) -> bool:
        """Whether a call has ended that cannot be rolled back."""
        return bool(self.calls) and (self._savepoint is None or self._savepoint.calls > 0)

    def commit(self) -> None:
        """Drop the savepoint: what stands behind it counts."""
        point = self._savepoint
        self._savepoint = None
        if point is None:
            self.pause()
            return
        if self._stretch >= 0:
            self._watch_end(point.position)
            self._stretch = -1
        for index in range(max(1, point.calls), len(self.calls)):
            self._watch_calls(index)

    def roll_back(self, code: str = "") -> None:
        """Undo everything behind the savepoint; with a code its complete calls become candidates with a diagnosis."""
        point = self._savepoint
        if point is None:
            return
        drafts = [call for call in self.calls[point.calls :] if call.complete and code]
        self._savepoint = None
        self._open = fork(point.open)  # a copy of the transcript may hold the same savepoint
        del self.events[point.events :]
        del self._segments[point.segments :]
        del self.calls[point.calls :]
        self.diagnoses[point.diagnoses :] = [d for d in self.diagnoses[point.diagnoses :] if d.code == _LOOPING]
        del self.documents[point.documents :]
        for draft in drafts:
            self.diagnose(code, draft.span)
            self.candidates.append(replace(draft, diagnoses=(self.diagnoses[-1], *draft.diagnoses)))

    def promote(self, call: Call) -> None:
        """Make a call of a candidate whose characters were emitted as text: it is emitted as a whole, at the end."""
        index = len(self.calls)
        self.events.append(ev.CallStart(index, call.name, call.id))
        self._promoted = True
        for key, value in call.arguments.items():
            kind: ev.Kind = "string" if isinstance(value, str) else "json"
            text = value if isinstance(value, str) else dumps(value)
            self.events.append(ev.ArgumentStart(index, key, kind))
            if text:
                self.events.append(ev.ArgumentDelta(index, key, text))
            self.events.append(ev.ArgumentEnd(index, key, value))
        self.calls.append(call)
        self.events.append(ev.CallEnd(index, call))
        self.diagnose("promoted", call.span)

    def drain(self) -> list[ev.Event]:
        """Return the events that are certain, and forget them."""
        point = self._savepoint
        if point is None:
            events, self.events = self.events, []
            return events
        if not point.events:
            return []  # what is held is not copied with every chunk
        events, self.events = self.events[: point.events], self.events[point.events :]
        self._savepoint = replace(point, events=0)
        return events

    # The message.

    def message(self, dialects: tuple[str, ...]) -> Message:
        """Return the message so far, as far as it is certain; `dialects`: the names of what it may be written in."""
        if self._savepoint is not None:
            certain = fork(self)
            certain.roll_back()
            return certain.message(dialects)
        written = self._written()
        text, reasoning = (
            "".join([self.buffer.slice(start, end) for kind, start, end in written if kind == wanted])
            for wanted in ("text", "reasoning")
        )
        documents = {document.span: document for document in self.documents if document.key is None}
        segments = []
        for kind, start, end in _merged(written):
            span = Span(start, end)
            segments.append(Segment(kind, span, documents[span] if kind == "document" else None, self.buffer))
        return Message(
            text,
            reasoning,
            tuple(sorted(self.calls, key=lambda call: call.span) if self._promoted else self.calls),
            tuple(self.candidates),
            tuple(segments),
            tuple(self.diagnoses),
            tuple(self.documents),
            dialects[0] if dialects else "",
            dialects,
        )

    def reasoning(self) -> Iterator[tuple[int, int]]:
        """Yield where the reasoning stands, so far."""
        yield from ((start, end) for kind, start, end in self._written() if kind == "reasoning")

    def outside(self) -> Iterator[tuple[Prose, list[_Written]]]:
        """Yield the segments of text, with the markup around it, and of reasoning, between calls and documents."""
        breaks = self._interrupted
        by_text = groupby(self._written(), key=lambda each: (_PROSE.get(each[0]), bisect_right(breaks, each[1])))
        for (kind, _), run in by_text:
            if kind is not None:
                yield kind, [*run]

    def _written(self) -> list[_Written]:
        segment = self._open
        if segment is None:
            return self._segments
        return [*self._segments, (segment.kind if segment.solid else "markup", segment.start, segment.end)]

    def _emit(self, segment: _OpenSegment, start: int, end: int) -> None:
        """Emit more of a segment, with the blanks before it that were held."""
        piece = self.buffer.slice(start, end)
        if not segment.solid:
            if not piece.strip(BLANK):
                return
            segment.solid = True
            piece = self.buffer.slice(segment.start, end)
        if piece:
            self.events.append(_DELTA[segment.kind](piece))

    def _extend(self, kind: SegmentKind, start: int, end: int) -> _OpenSegment:
        segment = self._open
        if segment is None or segment.kind != kind:
            self._close()
            segment = self._open = _OpenSegment(kind, start, end, kind == "markup")
        segment.end = end
        return segment

    def _close(self) -> None:
        segment = self._open
        if segment is not None:
            if self._stretch >= 0:
                self.pause()
            self._segments.append((segment.kind if segment.solid else "markup", segment.start, segment.end))
            self._open = None

    def _watch_end(self, end: int) -> None:
        for loop in self.loops.end_of_prose(self.buffer, self._stretch, end) if self.loops is not None else ():
            self._diagnose_loop(loop)

    def _watch_calls(self, index: int) -> None:
        loop = self.loops.call(self.calls[index - 1], self.calls[index]) if self.loops is not None else None
        if loop is not None:
            self._diagnose_loop(loop)

    def _diagnose_loop(self, loop: Loop) -> None:
        self.diagnose(_LOOPING, loop.span, loop.message)


def _merged(segments: list[_Written]) -> list[_Written]:
    """Join markup that follows markup."""
    merged: list[_Written] = []
    for kind, start, end in segments:
        if merged and kind == "markup" == merged[-1][0]:
            merged[-1] = (kind, merged[-1][1], end)
        else:
            merged.append((kind, start, end))
    return merged
