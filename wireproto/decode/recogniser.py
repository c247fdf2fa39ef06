"""The core of a decoder: where a call begins in the text, whose reader reads it, and what follows it.

It finds the openers that are live, gives the text to a reader, and writes what was found. It knows no format and no
encoding, nor the stages around it. Law: the same text gives the same transcript, however it is cut.
"""

from __future__ import annotations

from wireproto.decode.speculation import Speculation
from wireproto.engine.call_builder import CallBuilder, End, Reader
from wireproto.engine.call_opening import CallOpening, OpenerContext, find_call
from wireproto.engine.codec import Codec, loaded
from wireproto.engine.damaged_openers import find_damaged
from wireproto.engine.document_stream import Documents
from wireproto.engine.further_calls import empty_block, find_closer, widened
from wireproto.engine.left_context import QUOTING, LeftContext
from wireproto.engine.loops import LoopWatch
from wireproto.engine.openers import OpenerTable, Spellings, Stops
from wireproto.engine.regions import FENCE_WIDTH, FENCES, Region
from wireproto.engine.transcript import Transcript
from wireproto.format.dialect import Dialect
from wireproto.format.near_misses import broken_closer
from wireproto.format.spelling import Spelling
from wireproto.text.buffer import Buffer
from wireproto.text.scan import BLANK, NO, WAIT, YES, Answer, skip_blank
from wireproto.text.state import State
from wireproto.tools.toolset import Toolset
from wireproto.values.events import Event
from wireproto.values.finish_reasons import meaning
from wireproto.values.policy import Policy


class Recogniser(State):
    """Text to events, looking at no character twice.

    Everything before `_position` is decided. `plain_reader`: the reader of the open call while plain text only goes on.
    `stops`: in a line of prose, what finds the first character of a chunk that may be more than that.
    `_enclosed`: the text stands in markers of its own, so that its end is no quotation.
    """

    __slots__ = ("_context", "_enclosed", "_openers", "_policy", "_position", "_reader", "_region", "_speculation",
                 "_start", "_tools", "buffer", "documents", "plain_reader", "stops", "transcript")  # fmt: skip

    def __init__(
        self,
        openers: OpenerTable,
        tools: Toolset,
        policy: Policy,
        reasoning_open: bool = False,
        loops: LoopWatch | None = None,
    ) -> None:
        self._openers = self._start = openers
        self._tools, self._policy, self._position, self._enclosed = tools, policy, 0, False
        self.buffer = Buffer()
        self.transcript = Transcript(self.buffer, loops)
        self.documents = Documents(policy, self.buffer, self.transcript) if policy.documents else None
        self._region = Region.reasoning(openers.reasoning_closers if reasoning_open else ())
        self._context = LeftContext(self.buffer, openers.repairs)
        self._speculation = Speculation(self.transcript, self._context, policy, tools)
        self._reader: Reader | None = None
        self.plain_reader: Reader | None = None
        self.stops: Stops | None = None

    def feed(self, chunk: str, at_once: bool = False) -> list[Event]:
        """Take more of the output; return what is certain now. `at_once`: put nothing off until more text comes."""
        self.buffer.feed(chunk)
        self._run(End.OPEN)
        if at_once and self._context.retry_at:
            self._context.retry_at = 0
            self._run(End.OPEN)
        return self.transcript.drain()

    def close(self, finish_reason: str | None = None, held: str = "") -> None:
        """End the output: what is left is decided now, also whether it ends with the end-of-turn tokens in `held`."""
        transcript, context, buffer = self.transcript, self._context, self.buffer
        over = held != "" and context.ends_turn(held, self._openers.ends, self._enclosed or self._reader is not None)
        if held and not over:
            buffer.feed(held)
        self._run(end := End.STOP if over else End.of(finish_reason))
        self.stops = None
        transcript.commit()
        if over:
            buffer.feed(held)
            self._skip_markup(self._position, buffer.end, "end-of-turn")
        if context.section is not None and context.after_call is not None and transcript.calls[-1].complete:
            transcript.diagnose("unclosed-call", (self._position, self._position), "the section's closer is missing")
        if end is End.CUT and meaning(finish_reason) == "unknown":
            transcript.diagnose("unknown-finish-reason", (self.buffer.end, self.buffer.end))

    def restart(self) -> None:
        """Go on behind an end, in open text, as at the start of an output."""
        self._context.restart(self._position)
        self._region = Region("text")

    @property
    def certain_dialect(self) -> Dialect | None:
        """The dialect; while it is to be found out, None until a call has begun that cannot be rolled back."""
        begun = self._reader is not None and self._reader.builder.name is not None and self.transcript.saved is None
        return (self._openers if begun or self.transcript.has_calls else self._start).dialect

    @property
    def in_string(self) -> bool:
        """Whether the text so far ends in a string of a call, or in a document, where nothing is a marker."""
        in_document = self.documents is not None and self.documents.is_open
        return in_document or (self._reader is not None and self._reader.in_string)

    @property
    def open_at(self) -> int:
        """Where the call begins that is being read; where it would begin, if none is."""
        return self._reader.builder.start if self._reader is not None else self._position

    @property
    def last_dialect(self) -> Dialect | None:
        """The dialect of the last call, or of the configured one: what the rest of the output is likely to be in."""
        return self._openers.dialect

    def _run(self, end: End) -> None:
        if self.plain_reader is not None:
            self.plain_reader.skip_to(self.buffer.base)
        if self.stops is not None:  # what was decided since then is prose
            self._position = self._context.passed = self.buffer.base
            self.stops = None
        while self._step(end):
            pass
        self.buffer.release(self._position)
        reader = self._reader
        self.plain_reader = reader if reader is not None and self._region.kind == "text" and reader.is_plain else None
        in_line = reader is None and self._context.passed == self._position == self.buffer.end
        if in_line and not self._region.in_info and self.transcript.continues(self._region.prose, self._position):
            self.stops = self._openers.stops

    def _step(self, end: End) -> bool:
        """Take one step; False when there is nothing more to do with the text so far."""
        region, reader, stop, reach, longest = self._region, self._reader, self.buffer.end, end, None
        if region.kind != "text":
            stop, longest = region.reach(self.buffer, end.final), self._speculation.longest
            reach = end if region.closed is None else End.CUT
            if longest is not None and stop > longest:
                stop, reach = longest, End.OPEN
        elif reader is not None:
            return self._read_call(reader, stop, end)
        if reader is not None:
            moved = self._read_call(reader, stop, reach)
        elif self._context.after_call is not None:
            moved = self._read_after_call(self._context.after_call, stop, reach)
        elif self.documents is not None and self.documents.is_open:
            self._position = self.documents.read(self._context, self._position, stop, reach.final)
            moved = not self.documents.is_open
        else:
            moved = self._read_prose(stop, reach)
        if moved:
            return True
        if stop == longest and self.buffer.end > stop:
            self._reader, self._position = None, self._speculation.cut_short(region, stop)
            return True
        if reader is None and region.closed is not None and self._position >= region.closed[0]:
            self._speculation.close_region(region, self._position, region.closed)
            self._position, self._region = region.closed[1], Region("text")
            return True
        if reader is None and end.final:
            self._speculation.end(region, self._position)
        return False

    def _read_prose(self, stop: int, end: End) -> bool:
        """Read on to the next marker that is live here, and deal with it."""
        if not self.transcript.calls:
            self._openers = self._start  # a speculative call was rolled back: forget the dialect that it chose
        buffer, context, openers = self.buffer, self._context, self._openers
        if not end.final and context.rescan_from and context.may_skip(stop):
            return False
        base, text = buffer.base, buffer.window
        start, limit = self._position - base, stop - base
        if (openers.late or (openers.markerless and context.only_blank)) and context.passed != self._position:
            answer = self._find_unmarked(start, limit, end)
            if answer is not NO:
                return answer is YES
            start = self._position - base
        literals = openers.text if self._region.kind == "text" else openers.guarded
        # The line behind a line break may lack its first marker.
        by_line = openers.late and not openers.line_heads and self._region.kind != "fence"
        line = text.find("\n", start, limit) if by_line else -1
        at, literal = literals.seek(text, start, line if line >= 0 else limit, end.final or line >= 0)
        if literal is None and line >= 0:
            at, literal = line, "\n"
        ends_line = text[at - 1 : at] == "\n"
        shown = context.without_lead(openers.before, base + start, base + at) if ends_line else base + at
        if literal is None:
            if end.final and context.section is not None and at < limit:
                self.transcript.diagnose("truncated-call", (stop, stop))
            self._emit(stop if end.final else shown)
            if not (ends_line or context.only_blank):
                context.passed = self._position  # in mid-line a call has its first marker
            return False
        if literal[0] == "\n":
            self._emit(base + at + 1)
            return True
        self._emit(shown)
        answer = self._read_marker(literal, at, limit, end)
        if answer is NO:
            answer = self._open_document(at, limit, end)
        if answer is WAIT and not end.final:
            context.rescan_from = base + limit
            return False
        if answer is not YES:
            self._emit(base + at + 1)
        return True

    def _emit(self, end: int) -> None:
        """Write text or reasoning up to `end`."""
        if end > self._position:
            if self._context.only_blank and self.buffer.slice(self._position, end).strip(BLANK):
                self._context.only_blank = False
            self.transcript.prose(self._region.prose, self._position, end)
            self._position = end

    def _find_unmarked(self, start: int, limit: int, end: End) -> Answer:
        """Look for a call without its first marker: at the start of the output, or of a line (R-MISSING)."""
        spellings, at = self._openers.unmarked(self._context, start, limit)
        if not spellings or self._tools.empty or self._region.kind == "fence":
            self._context.passed = self._position
            return NO
        answer = self._open(spellings, at, limit, end) if at < limit else WAIT
        if answer is WAIT and not end.final:
            self._context.rescan_from = self.buffer.base + limit
            return WAIT
        if answer is YES:
            return YES
        self._emit(self.buffer.base + at)
        self._context.passed = self._position
        return NO

    def _read_marker(self, literal: str, at: int, limit: int, end: End) -> Answer:
        """Deal with the marker at `at`; NO if it is text."""
        context, openers, text, region = self._context, self._openers, self.buffer.window, self._region
        position = self.buffer.base + at
        after = position + len(literal)
        quoted = (not at or text[at - 1] in QUOTING) and context.is_quoted(position)
        if quoted or (literal[0] == literal[-1] and context.is_in_run(position, literal)):
            return NO
        if region.kind == "reasoning" and openers.reopens(literal, region.closers):  # opened twice
            return self._skip_markup(position, after) if context.follows_markup(position) else NO
        if region.kind == "text":
            if literal[:FENCE_WIDTH] in FENCES and self._policy.fenced_calls == "quote":
                answer = self._open_document(at, limit, end)
                if answer is not NO or not context.may_fence(position):
                    return answer
                self._emit(position + FENCE_WIDTH)
                self._region = Region.fence(self.buffer, position, FENCE_WIDTH)
                return YES
            if literal in openers.reasoning and self._policy.reasoning == "read" and not context.in_quotation(position):
                self._skip_markup(position, after)
                self._region = Region.reasoning(openers.reasoning[literal], position, after)
                return YES
            if literal in openers.reasoning_closers and context.follows_markup(position):
                return self._skip_markup(position, after, "orphan-closer")
        if context.section is not None and literal == context.section[1]:
            context.section = None
            return self._skip_markup(position, after)
        answer = self._open(spellings := openers.by_literal.get(literal, ()), at, limit, end)
        is_text = answer is NO and not self._tools.empty
        block = empty_block(spellings, literal, text, at, limit) if is_text else NO
        if isinstance(block, int):
            self.transcript.diagnose("empty-block", (position, self.buffer.base + block))
        return WAIT if block is WAIT else answer

    def _open_document(self, at: int, limit: int, end: End) -> Answer:
        if self.documents is None or self._region.kind != "text":
            return NO
        self._emit(position := self.buffer.base + at)
        return self.documents.open(self._context, position, self.buffer.base + limit, end.final)

    def _skip_markup(self, start: int, end: int, code: str = "") -> Answer:
        """Pass over markup that opens nothing; `code` is what is to be said of it."""
        self._emit(start)
        self.transcript.markup(start, end, code)
        self._position = self._context.floor = end
        return YES

    def _open(
        self, spellings: Spellings, at: int, limit: int, end: End, within: Spelling | None = None, joint: int = 0
    ) -> Answer:
        """Begin a call at `at` if one of the spellings opens there.

        `within`: the spelling whose calls go on. `joint`: how many characters before `at` only join calls.
        """
        draft = self._region.kind == "reasoning" and self._policy.reasoning_calls == "never"
        if self._tools.empty or not spellings or (draft and not self._openers.ends_reasoning):
            return NO  # the second look finds drafts
        table, forward, section = self._openers, self._policy.unknown_tools == "forward", self._context.section
        within = section[0] if section is not None and not joint else within
        line_start = False if self._region.kind == "fence" else None
        context = OpenerContext(
            self._tools, table.own, end.final, forward, table.dialect is None, line_start, self._context, table.openers
        )
        found = find_call(spellings, within, self.buffer.window, at, limit, context)
        if found is NO:
            behind = self.transcript.calls[-1].name if self._context.after_call is not None and not joint else ""
            found = find_damaged(spellings, within, self.buffer.window, at, limit, context, behind)
        if isinstance(found, Answer):
            return found
        if joint:
            self._skip_markup(self.buffer.base + at - joint, self.buffer.base + at)
        self._begin_call(found, self.buffer.base + at)
        return YES

    def _begin_call(self, opening: CallOpening, position: int) -> None:
        buffer, transcript, context = self.buffer, self.transcript, self._context
        if self._openers.dialect is None:
            self._openers = self._openers.chosen(opening.spelling.dialect)
        if opening.section is None and context.section is None and not opening.wrapped and opening.spelling.sections:
            # Where dialects differ only in markers that this call lacks, it may end with those of any of them.
            opening = opening._replace(spelling=widened(opening.spelling))
        if self._openers.before and buffer.slice(max(0, position - 1), position) == "\n":
            start = context.lead_start(opening.spelling.dialect, bool(opening.section), not transcript.calls, position)
            if self._position <= start < position and self._region.kind == "text":
                self._skip_markup(start, position)
        self._emit(position)
        if self._region.kind == "reasoning" and self._openers.ends_reasoning:
            transcript.diagnose("reasoning-not-closed", (position, position))
            self._region, context.floor = Region("text"), position
        elif self._region.kind != "text":
            self._speculation.begin(self._region, position)
        transcript.pause()
        builder = CallBuilder(buffer, transcript, self._tools, self._policy, opening, buffer.base + opening.start)
        if builder.start > position:
            transcript.opener(position, builder.start, self._region.prose, opening.noise)
        if opening.section is not None:
            context.section = (opening.spelling, opening.section_close) if opening.section_close else None
        sectioned = context.section is not None and context.section[0] is opening.spelling
        self._position = buffer.base + opening.body
        codec = opening.spelling.codec
        assert isinstance(codec, Codec), f"{codec.name} has facts, and neither reader nor writer"
        self._reader = loaded(codec.reader)(builder, self._position, sectioned)
        context.after_call, context.only_blank = None, False

    def _read_call(self, reader: Reader, stop: int, end: End) -> bool:
        answer, self._position = reader.read(stop, end), reader.position
        if answer is WAIT:
            return False
        self._reader, builder = None, reader.builder
        if answer is YES:
            self._context.after_call, self._context.floor = builder.opening.spelling, self._position
            if builder.next_record is not None:
                self._skip_markup(self._position, builder.next_record)
                self._begin_call(builder.opening.joining(self._position - self.buffer.base), self._position)
            return True
        self._position = max(self._position, builder.start + 1)  # it was no call after all
        if self.transcript.saved is not None:
            self._speculation.roll_back(self._region, self._position)
        else:
            opening, context = builder.opening, self._context
            context.section = None if opening.lead else context.section
            self.transcript.no_call(self._region.prose, builder.start - opening.lead, self._position)
        return True

    def _read_after_call(self, spelling: Spelling, stop: int, end: End) -> bool:
        """Behind a call, only blanks since: another call, closers, or something else."""
        buffer, context, base = self.buffer, self._context, self.buffer.base
        if not end.final and context.rescan_from and context.may_skip(stop):
            return False
        at = skip_blank(buffer.window, self._position - base, stop - base)
        if base + at >= stop:
            self._emit(stop if end.final else self._position)
            context.rescan_from = stop
            return False
        # Behind the closer of reasoning a speculative run is over: the next call begins another one.
        answer = NO if context.reasoning_closer is not None else self._read_next(spelling, at, stop - base, end)
        if answer is WAIT and not end.final:
            context.rescan_from = stop
            return False
        if answer is NO and (token := self._openers.turn_end(buffer.window, at, stop - base)):
            answer = self._skip_markup(base + at, base + at + len(token), "end-of-turn")
        if answer is not YES:
            context.after_call = None
            self._speculation.roll_back(self._region, self._position)
        return True

    def _read_next(self, spelling: Spelling, at: int, limit: int, end: End) -> Answer:
        """Skip a closer that stands behind a finished call, or open the next call."""
        text, context = self.buffer.window, self._context
        close, name = context.section[1] if context.section is not None else None, self.transcript.calls[-1].name
        found = find_closer(spelling, name, close, text, at, limit, end.final)
        if not isinstance(found, tuple):  # what may be a closer as yet is no whole opener
            answer = WAIT if found is WAIT and not end.final else self._open_next(spelling, at, limit, end)
            broken = broken_closer(close, text, at, limit, end.final) if answer is NO else answer
            if not isinstance(broken, int):
                return broken
            found = text[at:broken], "broken-closer"
        context.section = context.section if found[1] == "orphan-closer" else None
        return self._skip_markup(self.buffer.base + at, self.buffer.base + at + len(found[0]), found[1])

    def _open_next(self, spelling: Spelling, at: int, limit: int, end: End) -> Answer:
        """Open the next call, behind what joins calls in this format."""
        text, openers = self.buffer.window, self._openers
        within = spelling if self._context.section is not None or spelling.lone else None
        joint = next((joint for joint in spelling.joints if text.startswith(joint, at, limit)), "")
        if not joint:
            return self._open(openers.next_to(spelling, text, at, limit), at, limit, end, within)
        after = skip_blank(text, at + len(joint), limit)
        return WAIT if after >= limit else self._open((spelling,), after, limit, end, spelling, after - at)
