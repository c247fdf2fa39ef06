"""Text to events: visible text, reasoning, fences and documents around calls, and the calls, in any chunks.

The decoder finds where a call begins and gives the text to that dialect's reader; in reasoning and in fences it writes
a run of calls behind a mark, because only what follows decides whether they are calls. It knows no format and no
encoding. Its law: the same text gives the same message and the same concatenated deltas, however it is cut.
"""

from __future__ import annotations

from wireproto.codecs import codec
from wireproto.decode.auto_openers import first_front
from wireproto.decode.candidates import look_again
from wireproto.decode.openers import FENCE_WIDTH, FENCES
from wireproto.decode.speculation import Speculation
from wireproto.engine.call_builder import CallBuilder, End, Outcome, Reader
from wireproto.engine.call_opening import CallOpening, OpenerContext, empty_block, find_call, find_closer
from wireproto.engine.document_stream import Documents
from wireproto.engine.left_context import LeftContext
from wireproto.engine.loops import LOOK
from wireproto.engine.regions import Region
from wireproto.engine.transcript import Transcript
from wireproto.format.dialect import Dialect
from wireproto.format.spelling import Spelling
from wireproto.text.buffer import Buffer
from wireproto.text.scan import BLANK, Miss, skip_blank
from wireproto.tools.toolset import Toolset
from wireproto.values.events import Event
from wireproto.values.model import Message
from wireproto.values.policy import DEFAULT, Policy


class Decoder:
    """Turns a model's output into events, a chunk at a time, looking at no character twice.

    `dialect` is a name, an alias, a `Dialect`, or "auto", which leaves it to the first call. `tools` are definitions in
    OpenAI's, Anthropic's, MCP's or the plain form, None if any name is accepted, empty if no tools were offered.
    `reasoning_open`: the prompt ended in reasoning.

    Raises:
        DialectError: there is no such dialect.
        SchemaError: a tool definition is wrong.
    """

    __slots__ = ("_documents", "_front", "_guard", "_journal", "_place", "_policy", "_position", "_quick", "_reader",
                 "_region", "_room", "_source", "_start", "_tools")  # fmt: skip

    def __init__(
        self, dialect: str | Dialect, tools: object = None, policy: Policy | None = None, reasoning_open: bool = False
    ) -> None:
        self._policy = policy or DEFAULT
        self._tools = Toolset.of(tools)
        self._front = self._start = first_front(dialect, self._policy, self._tools)
        self._source = Buffer()
        self._journal = Transcript(self._source, self._policy)
        closers = self._front.thought_closers if reasoning_open else ()
        self._region = Region("reasoning", closers=closers) if closers else Region("text")
        self._place = LeftContext()
        self._guard = Speculation(self._journal, self._place, self._policy, self._tools)
        self._documents = Documents(self._policy, self._source, self._journal)
        self._reader: Reader | None = None
        self._quick, self._position, self._room = False, 0, LOOK

    def feed(self, text: str) -> list[Event]:
        """Take more of the output; return what is certain now.

        Raises:
            LimitExceeded: a limit that was set in the policy.
        """
        self._room -= len(text)
        if self._quick and text and self._room > 0:
            events = self._reader.quick(text)  # type: ignore[union-attr]
            if events is not None:
                return events
        for portion in (text,) if self._room > 0 else self._journal.portions(text, self._room):
            self._source.feed(portion)
            self._run(End.OPEN)
        self._room = (self._room - 1) % LOOK + 1
        return self._journal.hand_out()

    def close(self, finish_reason: str | None = None) -> list[Event]:
        """End the output; a `finish_reason` such as "length" says that it was cut off. Returns the last events."""
        self._run(End.of(finish_reason))
        self._journal.settle()
        if self._place.section is not None and self._place.after is not None and self._journal.calls[-1].complete:
            self._journal.diagnose("unclosed-call", (self._position, self._position), "the section's closer is missing")
        self._place.section = None
        self._documents.note_drafts()
        look_again(self._source, self._journal, self._front.dialect, self._tools, self._policy, Decoder)
        return self._journal.hand_out()

    @property
    def message(self) -> Message:
        """The message so far."""
        return self._journal.message(self.dialect)

    @property
    def dialect(self) -> str | None:
        """The name of the dialect; with "auto" None until a call has begun that nothing can take back."""
        begun = self._reader is not None and self._reader.builder.name is not None and self._journal.marked is None
        found = self._front.dialect if begun or self._journal.has_calls else self._start.dialect
        return found.name if found is not None else None

    @property
    def pending(self) -> str:
        """The text that was fed and is held back because what follows decides what it is."""
        marked = self._journal.marked
        return self._source.slice(self._source.base if marked is None else marked, self._source.end)

    def copy(self) -> Decoder:
        """Return an independent decoder in the same state."""
        twin = Decoder.__new__(Decoder)
        for name in Decoder.__slots__:
            setattr(twin, name, getattr(self, name))
        twin._source = self._source.copy()
        twin._journal = self._journal.copy(twin._source)
        twin._region, twin._place = self._region.copy(), self._place.copy()
        twin._guard = Speculation(twin._journal, twin._place, self._policy, self._tools)
        twin._documents = self._documents.copy(twin._source, twin._journal)
        if self._reader is not None:
            twin._reader = self._reader.copy(self._reader.builder.copy(twin._source, twin._journal))
        return twin

    def _run(self, end: End) -> None:
        self._position = self._source.base if self._quick else self._position
        while self._advance(end):
            pass
        self._source.release(self._position)
        self._quick = self._reader is not None and self._region.kind == "text" and self._reader.quickable

    def _advance(self, end: End) -> bool:
        """Take one step; False when there is nothing more to do with the text so far."""
        stop = self._region.reach(self._source, end.final)
        reach = end if self._region.closed is None else End.CUT
        if self._reader is not None:
            return self._read(self._reader, stop, reach)
        after = self._place.after
        if self._after_call(after, stop, reach) if after is not None else self._prose(stop, reach):
            return True
        if self._region.closed is not None and self._position >= self._region.closed[0]:
            self._leave_region(self._region.closed)
            return True
        if end.final:
            self._guard.end(self._region, self._position)
        return False

    def _leave_region(self, closed: tuple[int, int]) -> None:
        self._guard.leave(self._region, self._position, closed)
        self._position = closed[1]
        self._region = Region("text")

    def _prose(self, stop: int, end: End) -> bool:
        if not self._journal.calls:
            self._front = self._start  # what came, if anything, was no call
        source, place, front = self._source, self._place, self._front
        if self._documents.is_open:
            self._position = self._documents.read(place, self._position, stop, end.final)
            return not self._documents.is_open
        if not end.final and place.waits(source, stop):
            return False
        text, base = source.window, source.base
        start, limit = self._position - base, stop - base
        bare = front.late and front.lacks_marker(text, start, limit) and place.begins_line(source, self._position)
        if (place.blank or bare) and self._unmarked(start, limit, end):
            return self._reader is not None
        start = self._position - base
        at, literal = front.seek(text, start, limit, self._region.kind, end.final)
        if literal is None:
            if end.final and place.section is not None and at < limit:
                self._journal.diagnose("truncated-call", (stop, stop))
            self._emit(stop if end.final else base + at)
            return False
        self._emit(base + at + (literal == "\n"))
        return literal == "\n" or self._settle_marker(literal, at, limit, end)

    def _settle_marker(self, literal: str, at: int, limit: int, end: End) -> bool:
        moved = self._marker(literal, at, limit, end) or self._document(at, limit, end)
        if moved is Miss.MORE and not end.final:
            self._place.waited = self._source.base + limit
            return False
        if moved is not True:
            self._emit(self._source.base + at + 1)
        return True

    def _emit(self, end: int) -> None:
        """Tell text or reasoning up to `end`."""
        if end > self._position:
            if self._place.blank and self._source.slice(self._position, end).strip(BLANK):
                self._place.blank = False
            self._journal.prose(self._region.prose, self._position, end)
            self._position = end

    def _unmarked(self, start: int, limit: int, end: End) -> bool:
        """Look for a call that begins without its first marker; True if there is one, or if more text decides."""
        source, place = self._source, self._place
        if self._tools.empty or self._region.kind == "fence" or not place.starts_line(source, source.base + start):
            return False
        forms = self._front.late
        at = start
        if place.blank:
            at = skip_blank(source.window, start, limit)
            forms = (*self._front.markerless, *(form for form in forms if not form.markerless))
        moved = self._open(forms, at, limit, end) if at < limit else forms and Miss.MORE
        if moved is Miss.MORE and not end.final:
            place.waited = source.base + limit
            return True
        if moved is not True:
            self._emit(source.base + at)
        return moved is True

    def _marker(self, literal: str, at: int, limit: int, end: End) -> bool | Miss:
        """Deal with the marker at `at`: True if it was one, False if it is text."""
        source, place, thoughts = self._source, self._place, self._front.thoughts
        position = source.base + at
        after = position + len(literal)
        if place.is_quoted(source, position):
            return False
        if self._region.kind == "reasoning" and self._front.reopens(literal, self._region.closers):  # opened twice
            return place.follows_markup(source, position) and self._skip_markup(position, after, self._region)
        if self._region.kind == "text":
            if literal[:FENCE_WIDTH] in FENCES and self._policy.fenced_calls == "quote":
                return self._document(at, limit, end) or self._open_fence(position)
            if literal in thoughts and place.starts_line(source, position):
                return self._skip_markup(position, after, Region("reasoning", position, after, thoughts[literal]))
            if literal in self._front.thought_closers and place.follows_markup(source, position):
                self._journal.diagnose("orphan-closer", (position, after))
                return self._skip_markup(position, after, self._region)
        if place.section is not None and literal == place.section[1]:
            place.section = None
            return self._skip_markup(position, after, self._region)
        forms = self._front.by_literal.get(literal, ())
        moved = self._open(forms, at, limit, end)
        if moved is False and not self._tools.empty:
            block = empty_block(forms, literal, source.window, at, limit)
            if isinstance(block, int):
                self._journal.diagnose("empty-block", (position, source.base + block))
            return block is Miss.MORE and block
        return moved

    def _document(self, at: int, limit: int, end: End) -> bool | Miss:
        base = self._source.base
        live = self._documents.registered and self._region.kind == "text"
        return live and self._documents.open(self._place, base + at, base + limit, end.final)

    def _skip_markup(self, start: int, end: int, region: Region) -> bool:
        self._journal.markup(start, end)
        self._position = self._place.floor = end
        self._region = region
        return True

    def _open_fence(self, position: int) -> bool:
        if not self._place.may_fence(self._source, position):
            return False
        self._emit(position + FENCE_WIDTH)
        self._region = Region.fence(self._source, position, FENCE_WIDTH)
        return True

    def _open(
        self, forms: tuple[Spelling, ...], at: int, limit: int, end: End, within: Spelling | None = None
    ) -> bool | Miss:
        """Begin a call at `at` if one of the forms opens there; `within`: the form whose calls go on."""
        source, place = self._source, self._place
        if self._tools.empty or not forms:
            return False
        if place.section is not None:
            within = place.section[0]
        found = find_call(forms, within, source.window, at, limit, self._scope(source.base + at, end))
        if isinstance(found, Miss):
            return found is Miss.MORE and found
        self._begin(found, source.base + at)
        return True

    def _scope(self, position: int, end: End) -> OpenerContext:
        front, forward = self._front, self._policy.unknown_tools == "forward"
        alone = self._region.kind != "fence" and self._place.is_alone(self._source, position, front.openers)
        return OpenerContext(self._tools, front.own, end.final, False, alone, forward, front.dialect is None)

    def _begin(self, opened: CallOpening, position: int) -> None:
        self._front, opened = self._front.settle(opened, self._place.section is not None)
        source, journal, place, form = self._source, self._journal, self._place, opened.form
        self._emit(position)
        self._enter_call(position)
        self._journal.pause()
        first = len(journal.diagnoses)
        start = source.base + opened.start
        if opened.section is not None:
            journal.markup(position, start)
            place.section = (form, opened.section_close) if opened.section_close else None
        builder = CallBuilder(source, journal, self._tools, self._policy, opened, start)
        builder.first_diagnosis = first
        for code, message in opened.notes:
            journal.diagnose(code, (start, start), message)
        body = source.base + opened.body
        sectioned = place.section is not None and place.section[0] is form
        self._reader = codec(form.dialect.codec).reader(builder, body, sectioned)
        self._position = body
        place.after, place.blank = None, False

    def _enter_call(self, position: int) -> None:
        """A call begins in reasoning or in a fence: end the reasoning there, or hold the call."""
        if self._region.kind == "reasoning" and self._front.ends_thought:
            self._journal.diagnose("reasoning-not-closed", (position, position))
            self._region = Region("text")
            self._place.floor = position
        else:
            self._guard.hold(self._region, position)

    def _read(self, reader: Reader, stop: int, end: End) -> bool:
        outcome = reader.read(stop, end)
        self._position = reader.position
        if outcome is Outcome.MORE:
            return False
        self._reader = None
        if outcome is Outcome.DONE:
            self._place.after = reader.builder.opened.form
            self._place.floor = self._position
            return True
        self._position = max(self._position, reader.builder.start + 1)
        if self._journal.marked is not None:
            self._guard.take_back(self._region, self._position)
        else:
            self._journal.prose(self._region.prose, reader.builder.start, self._position)
        return True

    def _after_call(self, form: Spelling, stop: int, end: End) -> bool:
        """Behind a call, only blanks since: another call, closers, or something else."""
        source, place = self._source, self._place
        if not end.final and place.waits(source, stop):
            return False
        base = source.base
        at = skip_blank(source.window, self._position - base, stop - base)
        if base + at >= stop:
            if end.final:
                self._emit(stop)
            place.waited = stop
            return False
        moved = False if place.thought is not None else self._next_marker(form, at, stop - base, end)
        if moved is Miss.MORE and not end.final:
            place.waited = stop
            return False
        if moved is not True:
            place.after = None
            self._guard.take_back(self._region, self._position)
        return True

    def _next_marker(self, form: Spelling, at: int, limit: int, end: End) -> bool | Miss:
        place, source = self._place, self._source
        section_close = place.section[1] if place.section is not None else None
        found = find_closer(form, self._journal.calls[-1].name, section_close, source.window, at, limit)
        if not isinstance(found, Miss):
            return self._skip_closer(source.base + at, len(found[0]), found[1])
        moved = self._next_call(form, at, limit, end)
        return Miss.MORE if found is Miss.MORE and moved is False else moved

    def _skip_closer(self, position: int, length: int, orphan: bool) -> bool:
        if orphan:
            self._journal.diagnose("orphan-closer", (position, position + length))
        else:
            self._place.section = None
        self._emit(position)
        return self._skip_markup(position, position + length, self._region)

    def _next_call(self, form: Spelling, at: int, limit: int, end: End) -> bool | Miss:
        """Open the next call, behind what joins calls in this format."""
        text, base = self._source.window, self._source.base
        within = form if self._place.section is not None or form.markerless else None
        literal = self._front.guarded.find(text, at, limit)
        others = self._front.by_literal.get(literal.group(), ()) if literal and literal.start() == at else ()
        if not (form.joint and text.startswith(form.joint, at, limit)):
            return self._open((form, *(other for other in others if other is not form)), at, limit, end, within)
        after = skip_blank(text, at + len(form.joint), limit)
        if after >= limit:
            return Miss.MORE
        found = find_call((form,), form, text, after, limit, self._scope(base + after, end))
        if isinstance(found, Miss):
            return found is Miss.MORE and found
        self._emit(base + at)
        self._journal.markup(base + at, base + after)
        self._position = base + after
        self._begin(found, base + after)
        return True


def parse(
    text: str,
    dialect: str | Dialect,
    tools: object = None,
    policy: Policy | None = None,
    finish_reason: str | None = None,
    reasoning_open: bool = False,
) -> Message:
    """Decode a whole output: `Decoder` fed once and closed.

    Raises:
        DialectError, SchemaError: as `Decoder` does.
        LimitExceeded: a limit that was set in the policy.
    """
    decoder = Decoder(dialect, tools, policy, reasoning_open)
    decoder.feed(text)
    decoder.close(finish_reason)
    return decoder.message
