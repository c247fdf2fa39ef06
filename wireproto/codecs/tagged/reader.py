"""Arguments in tags, values raw: `<parameter=content>…</parameter>`, and key/value tags in pairs.

The reader walks from argument to argument and over the call's closers; `boundary` finds where a value ends, `values`
tells it. Law: what the writer wrote and the encoder let pass, the reader reads back.
"""

from __future__ import annotations

from wireproto.codecs.tagged.boundary import Boundary
from wireproto.codecs.tagged.elements import ElementBoundary, ElementValue, begins_element
from wireproto.codecs.tagged.enclosed import Enclosed, JsonText, is_enclosed
from wireproto.codecs.tagged.markers import Marker
from wireproto.codecs.tagged.values import RawValue
from wireproto.engine.bare_openers import find_bare_key
from wireproto.engine.call_builder import CallBuilder, End
from wireproto.engine.call_opening import find_argument
from wireproto.machine.value_machine import live_in_value, value_machine
from wireproto.text.scan import NO, WAIT, YES, Answer, Match, Miss, begins, skip_blank
from wireproto.text.state import State


class TaggedReader(State):
    """Reads the arguments of one call and its closers."""

    value_type: type[RawValue] = RawValue
    nests = True  # members of an object are elements whose text is raw
    specials: tuple[str, ...] = ()  # what else than a marker or an escape plain text does not hold

    __slots__ = ("_argument", "_closed", "_doubtful", "_given", "_live", "_odd", "_open", "_plain", "_scan", "_stops",
                 "_wrapper_close", "builder", "machine", "position")  # fmt: skip

    def __init__(self, builder: CallBuilder, position: int, in_section: bool) -> None:
        opening = builder.opening
        name = opening.name or ""
        self.builder = builder
        spelling, close = opening.spelling, opening.call_close
        tool = builder.tools.by_name.get(name)
        names = frozenset(builder.tools.names) | tool.keys if tool is not None and spelling.key_is_tag else frozenset()
        self.machine = value_machine(spelling, close, opening.wrapped, in_section)
        live = self._live = live_in_value(self.machine, names)
        self._stops: tuple[str, ...] = (
            *(live.firsts | spelling.end_firsts),
            "\r",
            *self.specials,
            *spelling.dialect.argument.escape[:1],
        )
        self._wrapper_close = spelling.wrapper_close if opening.wrapped else ""
        self._open: Boundary | Enclosed | ElementBoundary | None = None
        self._plain = spelling.dialect.argument.is_raw or not self.nests
        # The first argument's opener was matched to recognise the header: it is not matched again.
        self._argument = opening.argument
        self._given = self._doubtful = False
        self._odd: tuple[Marker, ...] = ()
        self._closed = opening.closed
        self._scan = position
        self.position = position
        builder.begin(name, opening.id, (builder.start, position))

    def read(self, stop: int, end: End) -> Answer:
        """Read as far as certain, looking no further than `stop`."""
        while True:
            if self._open is not None:
                outcome = self._read_value(self._open, stop, end)
            elif self._closed:
                outcome = self._read_wrapper_closer(stop, end)
            else:
                outcome = self._read_between(stop, end)
            if outcome is not None:
                return outcome

    @property
    def is_plain(self) -> bool:
        """Whether a value is open, and nothing of it is held but a line break."""
        limited = self.builder.policy.limits.max_value_chars is not None
        return self._open is not None and not limited and self._open.holds_at_most_a_line_break

    @property
    def in_string(self) -> bool:
        """False: what is raw may hold markers anywhere."""
        return False

    def take_plain(self, text: str) -> tuple[str, int] | None:
        """Take text that holds no first character of a marker; a line break at its end is held."""
        for stop in self._stops:
            if stop in text:
                return None
        held = 1 if text[-1] == "\n" else 0
        if self._open is None or not self._open.value.streams:
            return "", held
        return (text[:-1], 1) if held else (text, 0)

    def skip_to(self, position: int) -> None:
        """Go on at `position`: all text before it was taken as plain."""
        if self._open is not None:
            self._open.scan = self._open.value.emitted = position

    def _read_between(self, stop: int, end: End) -> Answer | None:
        """Read on behind the header or behind a value's closer: an argument's opener, or the call's closer."""
        buffer = self.builder.buffer
        text, base, limit = buffer.window, buffer.base, stop - buffer.base
        at = skip_blank(text, self._scan - base, limit)
        self._scan = base + at
        if at == limit:
            return self._end_of_output(end, self._given, self.position) if end.final else WAIT
        key: Match | Miss | None = self._argument
        self._argument = None
        if key is None:
            key = find_argument(self.machine.spelling, text, at, limit, self.builder.tools.get(self.builder.name or ""))
        if isinstance(key, Match):
            return self._open_value(key, base + at, stop, end)
        if text.startswith(self.machine.call_close, at, limit):
            self.position = self._scan = base + at + len(self.machine.call_close)
            self._closed = True
            return None
        closers = self._every_closer()
        outer = next((closer for closer in closers if text.startswith(closer, at, limit)), "")
        if outer:
            self.builder.note("unclosed-call", base + at)
            return self._finish(base + at + (len(outer) if outer == self._wrapper_close else 0), True)
        if self._pass_odd(base + at):
            return None
        waiting = any(begins(closer, text, at, limit) is WAIT for closer in closers)
        if key is NO and not waiting and self.machine.spelling.paired:
            key = find_bare_key(self.machine.spelling, self.builder.tool, text, at, limit)
            if isinstance(key, Match):
                return self._open_value(key, base + at, stop, end, bare=True)
        if key is NO and not waiting:
            self.builder.note("truncated-call", base + at, "neither an argument nor the call's closer follows")
            return self._finish(self.position, False)
        if not end.final:
            return WAIT
        return self._end_of_output(end, self._given and waiting, stop)

    def _pass_odd(self, at: int) -> bool:
        """Pass what is no proper marker, but was taken for one when the value before it ended."""
        if not self._odd or self._odd[0].start != at:
            return False
        (odd, *rest), broken = self._odd, self._odd[0].letter != "F"
        self._odd = tuple(rest)
        self.builder.note("broken-closer" if broken else "foreign-element", at)
        self._scan = odd.end
        self._closed = broken
        if broken:
            self.position = odd.end
        return True

    def _every_closer(self) -> list[str]:
        spelling = self.machine.spelling
        closers = [self.machine.call_close, spelling.wrapper_close, *(close for _, close in spelling.sections)]
        return [closer for closer in closers if closer]

    def _end_of_output(self, end: End, finished: bool, position: int) -> Answer:
        """End the call where the output ends: complete if only closers are missing (R-CUT)."""
        complete = finished and end is End.STOP
        self.builder.note("unclosed-call" if complete else "truncated-call", self.position)
        return self._finish(position, complete)

    def _open_value(self, key: Match, start: int, stop: int, end: End, bare: bool = False) -> Answer | None:
        """Begin the value of a key; `bare`: the marker before the key is missing."""
        spelling, buffer = self.machine.spelling, self.builder.buffer
        text, base, limit = buffer.window, buffer.base, stop - buffer.base
        at, missing, twice = key.end, False, False
        if spelling.value_open is not None:
            opener = spelling.value_open.match(text, skip_blank(text, at, limit), limit)
            if opener is NO and (again := self._second_key_closer(text, at, limit)) is not None:
                opener = spelling.value_open.match(text, again, limit) if again >= 0 else WAIT
                twice = isinstance(opener, Match)
            if opener is WAIT:
                return self._end_of_output(end, False, stop) if end.final else WAIT
            missing = not isinstance(opener, Match)
            gap = len(spelling.value_gap) if text.startswith(spelling.value_gap, at) else 0
            at = opener.end if isinstance(opener, Match) else at + gap
        width = self._line_break(text, at, limit)
        inside = NO if self._plain or key.closed else self._inside(key, text, at, limit)
        if (width is None or inside is WAIT) and not end.final:
            return WAIT
        if bare:
            self.builder.note("missing-key-opener", start)
        if twice:
            self.builder.note("duplicate-closer", base + key.end)
        if not key.canonical:
            self.builder.note("duplicate-opener" if spelling.paired else "marker-variant", start)
        if missing:
            self.builder.note("missing-value-opener", base + key.end)
        begin = base + at + (width or 0)
        self._given = True
        if not self._plain:
            self._open_otherwise(key, base + inside if isinstance(inside, int) else begin, inside)
            return None
        value = self.value_type(self.builder, spelling, key.slots, begin, width == 2)
        if key.closed:
            value.finish(begin)
        else:
            self._open = Boundary(value, self.machine, self._live)
        self.position = self._scan = begin
        return None

    def _inside(self, key: Match, text: str, at: int, limit: int) -> int | Answer:
        """Return where an enclosed value begins, or YES if an element of a value opens at `at`, whatever its type."""
        argument, tool = self.machine.spelling.dialect.argument, self.builder.tool
        if argument.strings != "raw":
            return is_enclosed(argument.strings, text, at, limit)
        return begins_element(argument, text, at, limit) if tool.types(key.slots["key"]) is None else NO

    def _open_otherwise(self, key: Match, begin: int, inside: int | Answer) -> None:
        """Begin a value that may say by itself where it ends, or what type it has."""
        spelling, strings = self.machine.spelling, self.machine.spelling.dialect.argument.strings
        kind: type[RawValue] = ElementValue if strings == "raw" else self.value_type
        slots = key.slots
        if isinstance(inside, int):
            kind, slots = JsonText if strings == "json" else RawValue, {**slots, "string": "true"}
        elif inside is YES or strings == "json":
            slots = {**slots, "string": "false"}
        value = kind(self.builder, spelling, slots, begin, False)
        if key.closed:
            value.finish(begin)
        elif isinstance(value, ElementValue):
            self._open = ElementBoundary(value, self.machine)
        elif isinstance(inside, int):
            self._open = Enclosed(value, self.machine, strings)
        else:
            self._open = Boundary(value, self.machine, self._live)
        self.position = self._scan = begin

    def _second_key_closer(self, text: str, at: int, limit: int) -> int | None:
        """Return where a value opens behind a key whose closer stands twice; -1 if that is not known yet."""
        closer = self.machine.spelling.keys[0].literals[-1]
        again = skip_blank(text, at, limit)
        stands = begins(closer, text, again, limit)
        return None if stands is NO else -1 if stands is WAIT else skip_blank(text, again + len(closer), limit)

    def _line_break(self, text: str, at: int, limit: int) -> int | None:
        """Return the length of the line break that belongs to a value's opener; None if that is not known yet."""
        if not self.machine.spelling.dialect.argument.pad:
            return 0
        if text.startswith("\r\n", at, limit):
            return 2
        if text[at : min(at + 2, limit)] in ("", "\r"):
            return None
        return 1 if text[at] == "\n" else 0

    def _read_value(self, boundary: Boundary | Enclosed | ElementBoundary, stop: int, end: End) -> Answer | None:
        ended = boundary.read(stop, end)
        if not isinstance(ended, Answer):
            self._open = None
            self.position = self._scan = ended.after
            self._doubtful = ended.doubtful and end is End.CUT
            self._odd, self._argument = ended.odd, ended.argument
            if ended.at_call:
                self.builder.note("unclosed-call", self.position)
                return self._finish(self.position, True)
            return None
        self.position = boundary.position
        return self._finish(stop, False) if end.final else WAIT

    def _read_wrapper_closer(self, stop: int, end: End) -> Answer | None:
        close = self._wrapper_close
        if not close:
            return self._finish(self.position, True)
        buffer = self.builder.buffer
        text, base, limit = buffer.window, buffer.base, stop - buffer.base
        at = skip_blank(text, self._scan - base, limit)
        self._scan = base + at
        stands = begins(close, text, at, limit)
        if stands is YES:
            return self._finish(base + at + len(close), True)
        if stands is WAIT and not end.final:
            return WAIT
        if self._pass_odd(base + at):
            return self._finish(self.position, True)
        spelling = self.machine.spelling
        strays = [self.machine.call_close, "" if spelling.value_closer.roles else spelling.value_close("")]
        for stray in filter(None, strays):
            found = begins(stray, text, at, limit)
            if found is YES:
                self.position = self._scan = base + at + len(stray)
                self.builder.transcript.diagnose("orphan-closer", (base + at, self.position))
                return None
            if found is WAIT and not end.final:
                return WAIT
        self.builder.note("unclosed-call", self.position)
        return self._finish(stop if stands is WAIT and at < limit else self.position, True)

    def _finish(self, position: int, complete: bool) -> Answer:
        self.builder.finish(position, complete and not self._doubtful)
        self.position = position
        return YES
