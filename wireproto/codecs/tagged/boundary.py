"""Where a raw value ends: markers are held until the sequence of them says structure or content.

It knows which markers are live inside a value and asks `Endings` what their sequence means. Law: a decision
rests on the text alone, and once made it stands (R-LOOK, R-DEPTH, R-HOLD, R-CLOSE2, R-NOCLOSE).
"""

from __future__ import annotations

from dataclasses import dataclass

from wireproto.codecs.tagged.values import RawValue
from wireproto.engine.call_builder import End
from wireproto.engine.call_opening import CallOpening, OpenerContext, Opening, find_argument
from wireproto.format.spelling import AFTER_TAG_NAME, Spelling, value_markers
from wireproto.format.value_endings import NESTED_ENDINGS, Endings
from wireproto.text.scan import BLANK, MAX_GAP, NO, WAIT, YES, Literals, Match, Miss, begins
from wireproto.text.state import State
from wireproto.text.xml_text import CDATA_CLOSE, CDATA_OPEN


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker inside a value: its letter (see `Endings`), where it stands, and whether a nested call owns it.

    `closer`, of a call's opener, is what closes its outermost marker: its letter and its text. `tag`: it opens, as
    content, the tag that the value's closer closes.
    """

    letter: str
    start: int
    end: int
    nested: bool = False
    tag: bool = False
    closer: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Ended:
    """The value ended: `after` is where to go on; `doubtful`: by closers that seemed to belong to a nested call.

    `at_call`: the next call opens right behind its closer.
    """

    after: int
    doubtful: bool
    at_call: bool


@dataclass(frozen=True, slots=True)
class Within:
    """What does not change while one call's values are read: its markers, and what is open around it."""

    spelling: Spelling
    call_close: str
    sectioned: bool
    endings: Endings
    live: Literals


class Boundary(State):
    """Looks for the end of one value. `scan` is how far the text was looked at; `in_cdata`: in a CDATA section."""

    __slots__ = ("_closers", "_letters", "_nest", "_queue", "_tag", "_unmatched", "_waited", "_within", "in_cdata",
                 "scan", "value")  # fmt: skip

    def __init__(self, value: RawValue, within: Within) -> None:
        self.value = value
        self.scan = value.start
        self._within = within
        self._tag, self._closers = value_markers(within.spelling, within.call_close, value.key)
        self._queue: list[Marker] = []
        self._letters = ""  # those of the queue
        self._nest: list[tuple[str, str]] = []
        self.in_cdata = False
        self._unmatched = 0
        self._waited = 0

    @property
    def position(self) -> int:
        """Everything before this is decided."""
        return min(self.value.emitted, self.scan)

    @property
    def holds_at_most_a_line_break(self) -> bool:
        """Whether the value streams and nothing of it is held but one line break."""
        value, buffer = self.value, self.value.builder.buffer
        if not value.streams or self._queue:
            return False
        return self.position == buffer.end or buffer.window[self.position - buffer.base :] == "\n"

    def read(self, stop: int, end: End) -> Ended | Miss:
        """Look on as far as `stop`: where the value ends, WAIT, or NO if the output ends before that."""
        buffer, live = self.value.builder.buffer, self._within.live
        if self._waited and not end.final and buffer.blank_since(self._waited, stop):
            self._waited = stop
            return WAIT
        while True:
            text, base = buffer.window, buffer.base
            limit = stop - base
            if self.in_cdata and not self._leave_cdata(text, base, limit):
                return self._at_end(stop) if end.final else WAIT
            found = live.find(text, self.scan - base, limit)
            at = found.start() if found is not None else live.held(text, self.scan - base, limit)
            if self._queue and (text[self.scan - base : at].strip(BLANK) or base + at > self._queue[-1].end + MAX_GAP):
                self._flush()
            # Markers that became content are told, though others behind them are still held.
            self.value.emit(self.value.before_line_break(self._queue[0].start if self._queue else base + at))
            self.scan = base + at
            if found is None:
                return self._at_end(stop) if end.final else WAIT
            if (
                not end.final
                and limit - at < self._within.live.longest
                and self._within.live.open_ended(text, at, limit)
            ):
                return WAIT
            if found.group() == CDATA_OPEN:
                self._flush()
                self.value.emit(base + at)
                self.in_cdata = not self.value.is_raw
                self.scan = base + found.end()
                continue
            marker = self._marker(text, at, limit, end)
            if marker is WAIT:
                self._waited = stop
                return self._at_end(stop) if end.final else WAIT
            self._waited = 0
            if marker is NO:
                self._flush()
                self.scan = base + at + 1
                continue
            self.scan = marker.end
            self._queue.append(marker)
            self._letters += marker.letter
            ended = self._judge("")
            if ended is not None:
                return ended

    def _leave_cdata(self, text: str, base: int, limit: int) -> bool:
        """Look for the end of a CDATA section, in which nothing is a marker."""
        close = text.find(CDATA_CLOSE, self.scan - base, limit)
        if close >= 0:
            self.scan, self.in_cdata = base + close + len(CDATA_CLOSE), False
            return True
        self.value.emit(base + limit)
        self.scan = max(self.scan, base + limit - len(CDATA_CLOSE) + 1)
        return False

    def _marker(self, text: str, at: int, limit: int, end: End) -> Marker | Miss:
        """Read the marker at `at`."""
        base = self.value.builder.buffer.base
        waiting = False
        for letter, closer in (*self._nest[-1:], *self._closers):
            stands = begins(closer, text, at, limit)
            if stands is YES:
                nested = bool(self._nest)
                # A section may be closed by the closer of another one, a call only by its own.
                if nested and letter == self._nest[-1][0] and (letter != "C" or closer == self._nest[-1][1]):
                    self._nest.pop()
                return Marker(letter, base + at, base + at + len(closer), nested)
            waiting = waiting or stands is WAIT
        if waiting or text.startswith("</", at, limit):
            return WAIT if waiting else NO
        return self._opener(text, at, limit, end)

    def _opener(self, text: str, at: int, limit: int, end: End) -> Marker | Miss:
        builder, spelling = self.value.builder, self._within.spelling
        position = builder.buffer.base + at
        if self._before(position) == "`":
            return NO
        key = find_argument(spelling, text, at, limit, builder.tools.get(builder.name or ""))
        tag = False
        if self._tag and text.startswith(self._tag, at, limit):
            after = at + len(self._tag)
            if after >= limit and not end.final:
                return WAIT
            tag = not self._nest and after < limit and text[after] in AFTER_TAG_NAME
        if isinstance(key, Match):
            letter = "a" if not self._nest and self._may_end_at(key, position) else "A"
            return Marker(letter, position, builder.buffer.base + key.end, tag=tag)
        call = self._call_opener(text, at, limit, end)
        if isinstance(call, CallOpening):
            return Marker("O", position, builder.buffer.base + call.body, True, closer=self._closer_of(call))
        if WAIT in (key, call):
            return WAIT
        if tag:
            self._flush()
            self._unmatched += 1
        return NO

    def _call_opener(self, text: str, at: int, limit: int, end: End) -> CallOpening | Miss:
        """Find a call's opener in the value, or behind it: a lone header counts where a section is open."""
        builder, within = self.value.builder, self._within
        forward = builder.policy.unknown_tools == "forward"
        context = OpenerContext(builder.tools, final=end.final, unknown=forward, line_start=True)
        found = Opening(within.spelling, text, limit, context).at(at)
        if found is NO and within.sectioned:
            return Opening(within.spelling, text, limit, context, in_section=True).at(at)
        return found

    def _closer_of(self, call: CallOpening) -> tuple[str, str]:
        """Return the letter and the text of what closes the outermost marker of a nested call."""
        if call.section:
            return "S", call.section_close
        return ("W", call.spelling.wrapper_close) if call.wrapped else ("C", call.call_close)

    def _may_end_at(self, key: Match, position: int) -> bool:
        """Whether an argument opener may end a value that has no closer (R-NOCLOSE)."""
        builder, name = self.value.builder, key.slots["key"]
        given = name in builder.arguments or name == self.value.key
        return self._before(position) == "\n" and name in builder.tool.keys and not given

    def _before(self, position: int) -> str:
        """Return the character before `position`; the line break after the value's opener counts."""
        buffer = self.value.builder.buffer
        return buffer.slice(position - 1, position) if position >= self.value.start else ""

    def _judge(self, last: str) -> Ended | None:
        """Decide what the held markers are, from the first on; `last` is `$` at the end of output."""
        while self._queue:
            letters = self._letters + last
            first = self._queue[0]
            nested = first.nested and first.letter != "O"
            table = NESTED_ENDINGS if nested else self._within.endings
            if letters in table.accepted and (nested or not self._nest):
                return self._ended(letters)
            if letters in table.prefixes:
                return None
            self._drop_first()
        return None

    def _flush(self) -> None:
        """Text follows the held markers: they are content."""
        while self._queue:
            self._drop_first()

    def _drop_first(self) -> None:
        """The first held marker becomes content."""
        marker = self._queue.pop(0)
        self._letters = self._letters[1:]
        if marker.letter == "O":
            self._nest.append(marker.closer)
        elif marker.letter == "V" and not marker.nested:
            self._unmatched = max(0, self._unmatched - 1)
        elif marker.tag:
            self._unmatched += 1

    def _ended(self, letters: str) -> Ended:
        """End the value: find out which held marker closes it, and where to go on."""
        first, value = self._queue[0], self.value
        end, after, bare = first.start, first.end, False
        if letters.startswith("VV"):
            second = self._queue[1]
            after = second.end
            if self._unmatched or value.framed(first.start) <= value.start:
                end = second.start
            else:
                self.value.builder.note("duplicate-closer", second.start)
        elif first.letter == "M":
            self.value.builder.note("mismatched-closer", first.start)
        elif first.letter != "V":
            self.value.builder.note("unclosed-value", first.start)
            after, bare = first.start, True
        if first.nested:
            self.value.builder.note("ambiguous-boundary", first.start)
        value.finish(value.framed(end, bare))
        return Ended(after, first.nested, letters in ("VO", "VVO"))

    def _at_end(self, stop: int) -> Ended | Miss:
        """The output ends in the value: held closers are real, a half closer of the value is dropped (R-HOLD)."""
        ended = self._judge("$") if self._queue else None
        if ended is not None:
            return ended
        value = self.value
        rest = value.builder.buffer.slice(self.scan, stop)
        if rest and not self._within.spelling.value_close(value.key).startswith(rest):
            value.emit(stop)
        self.value.builder.note("truncated-value", value.start)
        value.leave(value.before_line_break(self.scan))
        return NO
