"""Where a raw value ends: markers are held until the sequence of them says structure or content.

It knows which markers are live inside a value and asks `Endings` what their sequence means. Law: a decision
rests on the text alone, and once made it stands (R-LOOK, R-DEPTH, R-HOLD, R-CLOSE2, R-NOCLOSE).
"""

from __future__ import annotations

from wireproto.codecs.tagged.markers import Ended, Marker
from wireproto.codecs.tagged.mentions import (
    call_at,
    goes_on,
    goes_on_at_call,
    goes_on_behind_call,
    is_again,
    is_declared,
    is_opened,
    outermost_closer,
)
from wireproto.codecs.tagged.slips import misspelt, odd_element
from wireproto.codecs.tagged.values import RawValue
from wireproto.engine.call_builder import End
from wireproto.engine.call_opening import CallOpening, OpenerContext, find_argument
from wireproto.machine.endings import MENTION_ENDINGS, NESTED_ENDINGS
from wireproto.machine.value_machine import (
    LINE_STARTS,
    QUOTE,
    OpenTags,
    ValueMachine,
    plain_end,
    value_markers,
)
from wireproto.text.scan import BLANK, MAX_GAP, NO, WAIT, YES, Answer, Literals, Match, Miss, begins, skip_blank
from wireproto.text.state import State
from wireproto.text.xml_text import CDATA_CLOSE, CDATA_OPEN

_PATIENCE = 64  # looking far ahead costs more than a character may: the next look comes after so many
_ODD = frozenset("cwsF")  # what the reader has to pass that is no proper marker


class Boundary(State):
    """Looks for the end of one value. `scan` is how far the text was looked at; `in_cdata`: in a CDATA section."""

    __slots__ = ("_letters", "_live", "_machine", "_markers", "_mentioned", "_nest", "_open_tags", "_queue",
                 "_retry_at", "_waited", "in_cdata", "scan", "value")  # fmt: skip

    def __init__(self, value: RawValue, machine: ValueMachine, live: Literals) -> None:
        self.value = value
        self.scan = value.start
        self._machine, self._live = machine, live
        self._markers = value_markers(machine, value.key)
        self._queue: list[Marker] = []
        self._letters = ""  # those of the queue
        self._nest: list[tuple[str, str]] = []
        self.in_cdata = False
        self._mentioned = 0  # what is nested are mentions, every one
        self._open_tags = OpenTags()
        self._waited = self._retry_at = 0

    @property
    def position(self) -> int:
        """Everything before this is decided."""
        return min(self.value.emitted, self.scan)

    @property
    def holds_at_most_a_line_break(self) -> bool:
        """Whether it is known how the value is emitted, and nothing of it is held but one line break."""
        value, buffer = self.value, self.value.builder.buffer
        if value.is_undecided or self._queue:
            return False
        return self.position == buffer.end or buffer.window[self.position - buffer.base :] == "\n"

    def read(self, stop: int, end: End) -> Ended | Miss:
        """Look on as far as `stop`: where the value ends, WAIT, or NO if the output ends before that."""
        buffer, live = self.value.builder.buffer, self._live
        if self.scan == self.value.start and (plain := self._plain_end(stop)) is not None:
            return plain
        if (self._waited or self._retry_at) and not end.final and self._is_early(stop):
            return WAIT
        while True:
            text, base = buffer.window, buffer.base
            limit = stop - base
            if self.in_cdata and not self._leave_cdata(text, base, limit):
                return self._at_end(stop) if end.final else WAIT
            at, literal = live.seek(text, self.scan - base, limit, end.final)
            is_text = self._queue and (
                text[self.scan - base : at].strip(BLANK) or base + at > self._queue[-1].end + MAX_GAP
            )
            marker = self._behind(text, limit, end) if is_text else NO
            if not self._queue:
                self.value.emit(self.value.before_line_break(base + at))
            if marker is NO:
                self.scan = base + at
                if literal is None:
                    return self._at_end(stop) if end.final else WAIT
                if literal == CDATA_OPEN:
                    self._enter_cdata(base + at, base + at + len(literal))
                    continue
                marker = self._marker(text, at, limit, end)
                if marker is NO and self._queue:
                    marker = self._odd(text, limit, end)
                if marker is WAIT:
                    self._waited = stop
                    return self._at_end(stop) if end.final else WAIT
                self._waited = 0
                if marker is NO:
                    self._flush()
                    self.scan = base + at + 1
                    continue
            elif marker is WAIT:
                return WAIT
            self.scan = marker.end
            self._queue.append(marker)
            self._letters += marker.letter
            ended = self._judge("")
            if ended is not None:
                return ended

    def _plain_end(self, stop: int) -> Ended | None:
        """Return where the value ends if all of it stands there, it holds no marker, and what follows decides."""
        value, spelling, builder = self.value, self._machine.spelling, self.value.builder
        closer = self._markers.closers[0][1]
        if self._queue or builder.wrapper or builder.policy.limits.max_value_chars is not None:
            return None
        text, base = builder.buffer.window, builder.buffer.base
        found = plain_end(self._machine, closer).match(text, self.scan - base, stop - base)
        if found is None:
            return None
        at = found.start("key")
        key = find_argument(spelling, text, at, stop - base, builder.tools.get(builder.name or "")) if at >= 0 else None
        if isinstance(key, Answer):
            return None
        value.finish(value.framed(base + found.end("text")))
        return Ended(base + found.end(), False, False, argument=key)

    def _is_early(self, stop: int) -> bool:
        """Whether nothing has come that decides."""
        if self._waited and self.value.builder.buffer.blank_since(self._waited, stop):
            self._waited = stop
            return True
        return self._retry_at > stop

    def _enter_cdata(self, start: int, end: int) -> None:
        self._flush()
        self.value.emit(start)
        self.in_cdata, self.scan = not self.value.is_raw, end

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
        waiting = False
        for letter, closer in (*self._nest[-1:], *self._markers.closers):
            if text.startswith(closer, at, limit):
                if self._nest:
                    return self._nested_closer(letter, closer, text, at, limit, end.final)
                base = self.value.builder.buffer.base
                return Marker(letter, base + at, base + at + len(closer))
            waiting = waiting or (limit - at < len(closer) and closer.startswith(text[at:limit]))
        if waiting:
            return WAIT
        if text.startswith(self._markers.slips, at, limit):
            if not self._nest:
                slip = misspelt(self._machine, self.value, self._may_follow, text, at, limit, end.final)
                if slip is not NO:
                    return slip
            if text.startswith("</", at, limit):
                return NO
        return self._opener(text, at, limit, end)

    def _nested_closer(self, letter: str, closer: str, text: str, at: int, limit: int, final: bool) -> Marker | Miss:
        """Return the marker of a closer that a nested call has, or that is the outer one's if that is a mention."""
        base, after = self.value.builder.buffer.base, at + len(closer)
        more = YES
        if self._mentioned and self._letters + letter in self._machine.endings.accepted:
            more = goes_on(self._machine, self.value, text, after, limit, final)
        elif self._mentioned and letter == "C" and self._letters in ("V", "VV"):
            more = goes_on_at_call(self._machine, self.value, text, after, limit, final)
        if self._mentioned:
            self._retry_at = base + limit + _PATIENCE if more is WAIT else 0
            if more is not YES:
                return WAIT if more is WAIT else Marker("X", base + at, base + after, True)
        # A section may be closed by the closer of another one, a call only by its own.
        if letter == self._nest[-1][0] and (letter != "C" or closer == self._nest[-1][1]):
            self._nest.pop()
        return Marker(letter, base + at, base + after, True)

    def _may_follow(self, letter: str) -> bool:
        endings, letters = self._machine.endings, self._letters + letter
        return letter == "v" or letters in endings.prefixes or letters in endings.accepted

    def _behind(self, text: str, limit: int, end: End) -> Marker | Miss:
        """Read the text behind the held markers; if it is nothing else, they are content."""
        odd = self._odd(text, limit, end)
        if odd is NO:
            self._flush()
        return odd

    def _odd(self, text: str, limit: int, end: End) -> Marker | Miss:
        """Read what is no marker, right behind a closer."""
        if self._letters not in ("V", "VF", "VFF") or self._queue[0].nested:
            return NO
        at = skip_blank(text, self._queue[-1].end - self.value.builder.buffer.base, limit)
        return odd_element(self._machine, self.value, self._letters == "V", text, at, limit, end.final)

    def _opener(self, text: str, at: int, limit: int, end: End) -> Marker | Miss:
        builder, spelling = self.value.builder, self._machine.spelling
        position = builder.buffer.base + at
        if self._before(position) == QUOTE:
            return NO
        key = find_argument(spelling, text, at, limit, builder.tools.get(builder.name or ""))
        own, after = self._markers.tag, at + len(self._markers.tag)
        opens_tag = self._markers.opens_tag(text, at, limit) if own and text.startswith(own, at, limit) else NO
        if opens_tag is WAIT and not end.final:
            return WAIT
        tag = opens_tag is YES and not self._nest
        if isinstance(key, Match):
            if key.slots["key"] == self.value.key and not spelling.paired and self._begins_with(position):
                again = YES
                if spelling.key_is_tag:
                    again = is_again(self._machine, self.value, text, key.end, limit, end.final)
                if again is not NO:
                    return WAIT if again is WAIT else self._begin_again(key.end, text, limit, end.final)
            # Behind the value's closer an argument ends the value, wherever it may end one without.
            closed = self._letters in ("V", "VV") and not (self._nest or self._queue[0].nested)
            letter = "a" if not closed and self._may_end_at(key, position) else "A"
            if letter == "a" and self._nest and self._mentioned == 1:
                more = goes_on_behind_call(self._machine, self.value, text, key.end, limit, end.final)
                self._retry_at = builder.buffer.base + limit + _PATIENCE if more is WAIT else 0
                if more is WAIT:
                    return WAIT
                letter = "A" if more is YES else "a"
            return Marker(letter, position, builder.buffer.base + key.end, tag=tag)
        call = self._call_opener(text, at, limit, end)
        if isinstance(call, CallOpening):
            return self._call(call, text, at, limit, end)
        if WAIT in (key, call):
            return WAIT
        if tag and text[after] == ">" and spelling.paired and self._begins_with(position):
            return self._begin_again(after + 1, text, limit, end.final)
        if tag and text[after] == ">" and not spelling.dialect.nonce:
            return Marker("v", position, builder.buffer.base + after + 1, tag=True)
        if tag:
            self._flush()
            self._open_tags = self._open_tags.after_opener()
        return NO

    def _begins_with(self, position: int) -> bool:
        """Return whether nothing but a line break stands in the value yet."""
        value = self.value
        first = value.emitted == value.start and not self._letters and not self._nest
        return first and value.builder.buffer.slice(value.start, position) in ("", "\n")

    def _begin_again(self, at: int, text: str, limit: int, final: bool) -> Miss:
        """The value's opener stands twice: the value begins behind the second one."""
        if self._machine.spelling.dialect.argument.pad:
            if text[at : min(at + 2, limit)] in ("", "\r") and not final:
                return WAIT
            at += 2 if text.startswith("\r\n", at, limit) else text.startswith("\n", at, limit)
        builder = self.value.builder
        builder.note("duplicate-opener", self.value.start)
        self.value.start = self.value.emitted = builder.buffer.base + at
        return NO

    def _call_opener(self, text: str, at: int, limit: int, end: End) -> CallOpening | Miss:
        """Find a call's opener in the value, or behind it: a lone header counts where a section is open."""
        builder, machine = self.value.builder, self._machine
        if machine.call_openers is not None and not machine.call_openers.may_stand(text, at, limit):
            return NO
        forward = builder.policy.unknown_tools == "forward"
        context = OpenerContext(builder.tools, final=end.final, unknown=forward, line_start=True)
        found = call_at(machine, text, at, limit, context)
        if found is NO and machine.sectioned:
            return call_at(machine, text, at, limit, context, in_section=True)
        return found

    def _call(self, call: CallOpening, text: str, at: int, limit: int, end: End) -> Marker | Miss:
        """Return the marker of a nested call: its opener, or behind other markers all of it if it has no arguments."""
        base, tools = self.value.builder.buffer.base, self.value.builder.tools
        stop = call.body
        letter, closers = "O", ["" if call.closed else call.call_close]
        closers += [call.spelling.wrapper_close if call.wrapped else "", call.section_close]
        for closer in closers if self._queue and call.argument is None else ():
            where = skip_blank(text, stop, limit)
            stands = begins(closer, text, where, limit)
            if stands is WAIT and not end.final:
                return WAIT
            if stands is not YES:
                break
            letter, stop = "Z", where + len(closer) if closer else stop
        starts_line = self._before(base + at) in LINE_STARTS
        mention = 0 if is_declared(call, tools) else 1 if starts_line else 2
        # Behind a value that was not closed, what nobody declared is no call.
        nested, letter = letter == "O", letter.lower() if mention and self._letters[:1] == "C" else letter
        return Marker(letter, base + at, base + stop, nested, closer=outermost_closer(call), mention=mention)

    def _may_end_at(self, key: Match, position: int) -> bool:
        """Whether an argument opener may end a value that has no closer (R-NOCLOSE)."""
        builder, name = self.value.builder, key.slots["key"]
        if name in builder.arguments or name == self.value.key or name not in builder.tool.keys:
            return False
        if self._nest:
            return self._mentioned > 0 and self._letters[-1:] == "V"
        before = self._before(position)
        if builder.wrapper and not builder.buffer.slice(self.value.start, position).strip(BLANK):
            return True  # what may hold all arguments does not hold them as JSON
        if before in self._machine.unclosed_behind:
            return True
        behind_slip = self._letters[-1:] in ("v", "M", "F") and self._queue[-1].end == position
        return behind_slip and not self._machine.spelling.key_is_tag

    def _before(self, position: int) -> str:
        """Return the character before `position`; the line break after the value's opener counts."""
        buffer = self.value.builder.buffer
        return buffer.slice(position - 1, position) if position >= self.value.start else ""

    def _judge(self, last: str) -> Ended | None:
        """Decide what the held markers are, from the first on; `last` is `$` at the end of output."""
        while self._queue:
            letters = self._letters + last
            first = self._queue[0]
            nested = first.nested and first.letter not in "Oo"
            table = self._machine.endings
            if nested:
                table = MENTION_ENDINGS if self._mentioned else NESTED_ENDINGS
            if letters in table.accepted and (nested or not self._nest):
                return self._ended(letters)
            if letters in table.prefixes:
                return None
            self._drop_first()
            if self._queue:  # what became content is emitted, though others behind it are still held
                self.value.emit(self.value.before_line_break(self._queue[0].start))
        return None

    def _flush(self) -> None:
        """Text follows the held markers: they are content."""
        while self._queue:
            self._drop_first()

    def _drop_first(self) -> None:
        """The first held marker becomes content."""
        marker = self._queue.pop(0)
        self._letters = self._letters[1:]
        if marker.letter in "Oo":
            self._mentioned = min(marker.mention, self._mentioned) if self._nest else marker.mention
            self._nest.append(marker.closer)
        elif marker.letter == "V" and not marker.nested:
            self._open_tags = self._open_tags.after_closer().after_text()
        elif marker.tag:
            self._open_tags = self._open_tags.after_opener()

    def _ended(self, letters: str) -> Ended:
        """End the value: find out which held marker closes it, and where to go on."""
        first, value = self._queue[0], self.value
        end, after, bare = first.start, first.end, False
        if letters.startswith("VV"):
            second = self._queue[1]
            after = second.end
            if self._open_tags.keeps_first(value.framed(first.start) <= value.start):
                end = second.start
            else:
                self.value.builder.note("duplicate-closer", second.start)
        elif first.letter in "Mv" and (letters[1] == "a" or not is_opened(self._machine, value, first)):
            self.value.builder.note("mismatched-closer" if first.letter == "M" else "broken-closer", first.start)
        elif first.letter != "V":
            self.value.builder.note("unclosed-value", first.start)
            bare = True
            end = after = first.end if first.letter in "Mv" else first.start
        if first.nested:
            self.value.builder.note("ambiguous-boundary", first.start)
        value.finish(value.framed(end, bare))
        odd = () if _ODD.isdisjoint(letters) else tuple(marker for marker in self._queue if marker.letter in _ODD)
        return Ended(after, first.nested, letters.lstrip("V")[:1] in ("O", "Z"), odd)

    def _at_end(self, stop: int) -> Ended | Miss:
        """The output ends in the value: held closers are real, a half closer of the value is dropped (R-HOLD)."""
        ended = self._judge("$") if self._queue else None
        if ended is not None:
            return ended
        value = self.value
        rest = value.builder.buffer.slice(self.scan, stop)
        if rest and not self._machine.spelling.value_close(value.key).startswith(rest):
            value.emit(stop)
        self.value.builder.note("truncated-value", value.start)
        value.leave(value.before_line_break(self.scan))
        return NO
