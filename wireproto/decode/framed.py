"""Outputs with framing: markers around the visible text, and between the blocks of a message.

This stage stands in front of the recogniser, for dialects that have such markers: it passes over them, and looks for
calls where a block begins. It knows no format. Law: without framing nothing here runs, and only what stands where a
block may begin or end is markup.
"""

from __future__ import annotations

from typing import Any

from wireproto.decode.recogniser import Recogniser
from wireproto.engine.call_builder import End
from wireproto.engine.frames import Frames
from wireproto.engine.record_opening import begins_arguments
from wireproto.engine.regions import Region
from wireproto.format.framing import is_special
from wireproto.format.spelling import Spelling
from wireproto.text.scan import BLANK, NO, WAIT, YES, Answer, begins, skip_blank

_LINE = 160  # how far back inline code may begin that is open where a marker stands


class FramedRecogniser(Recogniser):
    """A recogniser that reads the framing of a message.

    `_label`: what the output begins with if the prompt ended with the token of reasoning's opener.
    `_content`: the closers of the visible text that is open. `_passed`: no block begins here. `_shut`: the end of the
    markup behind which none begins any more.
    """

    __slots__ = ("_content", "_label", "_passed", "_shut")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._label = self._start.label if self._region.kind == "reasoning" else ""
        self._content: tuple[str, ...] = ()
        self._passed = self._shut = -1

    def restart(self) -> None:
        """Go on behind an end, in open text, as at the start of an output."""
        super().restart()
        self._label = ""
        self._leave_content()
        self._passed = self._shut = -1

    def _step(self, end: End) -> bool:
        if self._label:
            stands = begins(self._label, self.buffer.window, 0, len(self.buffer.window))
            if stands is WAIT and not end.final:
                return False
            if stands is YES:
                self._skip_markup(0, len(self._label))
                self._region.scan = max(self._region.scan, len(self._label))
            self._label = ""
        return super()._step(end)

    def _read_prose(self, stop: int, end: End) -> bool:
        """Read on to the next marker; where a block begins, its own opener is looked for first."""
        frames = (self._openers if self.transcript.calls else self._start).frames
        if frames is None or self._region.kind != "text" or self._shut == self._context.floor:
            return super()._read_prose(stop, end)
        if not self._at_head(frames):
            self._shut = self._context.floor  # text came, and no block begins until there is markup again
        elif self._position != self._passed:
            answer = self._read_head(frames, stop, end)
            if answer is YES:
                return True
            if answer is WAIT and not end.final:
                return False
            self._passed = self._position
        return super()._read_prose(stop, end)

    def _at_head(self, frames: Frames) -> bool:
        """Return whether a block begins here: at the start of the output, or behind what joins two blocks."""
        context = self._context
        if not context.follows_markup(self._position):
            return False
        floor = context.floor
        before = self.buffer.slice(max(0, floor - max(map(len, frames.joins), default=0)), floor)
        return not before or (context.only_blank and not floor) or before.endswith(frames.joins)

    def _read_head(self, frames: Frames, stop: int, end: End) -> Answer:
        """Read the opener of the block that begins here."""
        text, base = self.buffer.window, self.buffer.base
        limit = stop - base
        at = skip_blank(text, self._position - base, limit)
        if at >= limit:
            return WAIT
        for word, opener in frames.blocks.items():
            stands = begins(word, text, at, limit)
            if stands is YES:
                return self._begin_block(frames, opener, self._position, base + at + len(word))
            if stands is WAIT and not end.final:
                return WAIT
        heads = self._heads(frames, text, at, limit)
        if heads is WAIT and not end.final:
            return WAIT
        # The blanks before a header that begins with one are markup.
        joint = at - (self._position - base)
        return self._open(heads, at, limit, end, joint=joint) if isinstance(heads, tuple) and heads else NO

    def _heads(self, frames: Frames, text: str, at: int, limit: int) -> tuple[Spelling, ...] | Answer:
        """Return what may open a call at the head of a block.

        While the dialect is not known, a header that is nothing but a name counts on a line of its own, of a declared
        tool and above one of its arguments.
        """
        if self._openers.dialect is not None or all(head.headers[0].first for head in frames.heads):
            return frames.heads
        marked = tuple(head for head in frames.heads if head.headers[0].first)
        name = next((name for name in self._tools.names if begins(name + "\n", text, at, limit) is not NO), "")
        if not name:
            return marked
        begun = begins_arguments(self._tools.by_name[name].keys, text, at + len(name) + 1, limit)
        return frames.heads if begun is YES else WAIT if begun is WAIT else marked

    def _leave_content(self) -> None:
        """Note that no visible text is open any more."""
        self._content, self._enclosed = (), False

    def _begin_block(self, frames: Frames, opener: str, start: int, after: int) -> Answer:
        """Pass over the opener of a text or of reasoning."""
        if opener in frames.content:
            self._content, self._enclosed = frames.content[opener], True
            self._context.only_blank = False  # the marker says that text follows
        elif self._policy.reasoning != "read":
            return NO
        self._skip_markup(start, after)
        if opener not in frames.content:
            self._region = Region.reasoning(self._openers.reasoning[opener], start, after)
        return YES

    def _read_marker(self, literal: str, at: int, limit: int, end: End) -> Answer:
        """Deal with the marker at `at`; NO if it is text."""
        frames = self._openers.frames
        if frames is not None and self._region.kind == "text" and literal in frames.literals:
            answer = self._read_frame(frames, literal, at, limit, end)
            if answer is not NO:
                return answer
        if frames is not None and literal in frames.words:
            position = self.buffer.base + at
            if not self._context.starts_line(position) or self._context.in_quotation(position):
                return NO
        answer = super()._read_marker(literal, at, limit, end)
        if frames is not None and self._region.kind == "fence" and not self._region.closers:
            self._region.closers = frames.fence_ends
        return answer

    def _read_frame(self, frames: Frames, literal: str, at: int, limit: int, end: End) -> Answer:
        """Deal with a marker of the framing."""
        context, base = self._context, self.buffer.base
        position, behind = base + at, at + len(literal)
        if literal in frames.content:
            begins = context.follows_markup(position)
            return self._begin_block(frames, literal, position, base + behind) if begins else NO
        if literal in frames.joins:
            return NO if self._in_code(position) else self._read_join(frames, literal, at, limit, end)
        if literal in frames.stops:
            return self._end_turn(literal, at, limit, end)
        if not is_special(literal) and literal not in self._content:
            return NO
        answer = self._ends_text(frames, position, behind, limit, end)
        if answer is YES:
            lead = frames.leads.get(literal, "")
            self._skip_markup(context.without_lead(lead, self._position, position), base + behind)
            self._leave_content()
        return answer

    def _read_next(self, spelling: Spelling, at: int, limit: int, end: End) -> Answer:
        """Read what follows a finished call: the token that closes it may stand there once more, and end the turn."""
        frames, text = self._openers.frames, self.buffer.window
        stop = (
            next((stop for stop in frames.stops if text.startswith(stop, at, limit)), "") if frames is not None else ""
        )
        answer = self._end_turn(stop, at, limit, end) if stop else NO
        return super()._read_next(spelling, at, limit, end) if answer is NO else answer

    def _end_turn(self, stop: str, at: int, limit: int, end: End) -> Answer:
        """Pass over a token that ends the turn, at the end of the output."""
        behind = at + len(stop)
        if skip_blank(self.buffer.window, behind, limit) < limit:
            return NO
        return self._skip_markup(self.buffer.base + at, self.buffer.base + behind, "end-of-turn") if end.final else WAIT

    def _read_join(self, frames: Frames, literal: str, at: int, limit: int, end: End) -> Answer:
        """Pass over what joins two blocks: behind markup, before the opener of a block, or at the end."""
        text, position, behind = self.buffer.window, self.buffer.base + at, at + len(literal)
        known = is_special(literal) or self._openers.dialect is not None
        after = skip_blank(text, behind, limit)
        answer: Answer = NO
        heads = self._heads(frames, text, after, limit)
        if heads is WAIT and not end.final:
            return WAIT
        if after >= limit:
            answer = YES if end.final and known else NO if end.final else WAIT
        elif known:
            stands = [begins(word, text, after, limit) for word in frames.blocks]
            answer = YES if YES in stands else WAIT if WAIT in stands and not end.final else NO
        if answer is NO and after < limit and isinstance(heads, tuple) and heads:
            answer = self._open(heads, after, limit, end, joint=after - at)
            if answer is YES:
                self._leave_content()
                return YES
        if answer is NO and known and self._context.follows_markup(position):
            answer = YES
        if answer is YES:
            self._leave_content()
            return self._skip_markup(position, position + len(literal))
        return answer

    def _ends_text(self, frames: Frames, position: int, at: int, limit: int, end: End) -> Answer:
        """Return whether the closer at `position` ends a text: behind it stands the next block, or the end (R-LOOK)."""
        text = self.buffer.window
        after = skip_blank(text, at, limit)
        undecided = YES if end.final else WAIT
        if after >= limit:
            return undecided
        found = frames.follows.at(text, after, limit)
        if found is None:
            return undecided if frames.follows.open_ended(text, after, limit) else NO
        if found.group() in frames.joins:
            block = skip_blank(text, found.end(), limit)
            if block >= limit:
                return undecided
            starts = frames.starts
            if starts.at(text, block, limit) is not None:
                return YES
            if starts.open_ended(text, block, limit) and not end.final:
                return WAIT
        # In inline code two markers in a row may be quoted; a whole chain of them is none.
        return NO if found.group() not in frames.ends and self._in_code(position) else YES

    def _in_code(self, position: int) -> bool:
        """Return whether inline code is open at `position`; a line of backticks alone closes a fence."""
        floor = max(self._context.floor, position - _LINE)
        line = self.buffer.slice(floor, position).rpartition("\n")[2].strip(BLANK)
        return line.count("`") % 2 == 1 and bool(line.strip("`"))
