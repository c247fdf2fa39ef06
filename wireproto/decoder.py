"""Text to events: visible text, reasoning and fences around calls, and the calls themselves, in any chunks.

The decoder finds where a call begins and gives the text to that dialect's reader; in reasoning and in fences it writes
a run of calls behind a mark, because only what follows decides whether they are calls. It knows no format and no
encoding. Its law: the same text gives the same message and the same concatenated deltas, however it is cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Union

from wireproto.codecs.call import CallBuilder, End, Outcome, Reader
from wireproto.codecs.json import JsonReader
from wireproto.codecs.tagged import TaggedReader
from wireproto.dialect import BLANK, Dialect, Miss, begins, skip_blank
from wireproto.events import Event
from wireproto.front import FENCES, front
from wireproto.journal import Journal
from wireproto.model import Message, Policy
from wireproto.registry import dialect as find_dialect
from wireproto.regions import Region
from wireproto.schema import Toolset
from wireproto.source import Source
from wireproto.states import Form, Opened, Scope, open_call

_LINE = 160  # how far back a line may reach that still counts as blank before a marker


@dataclass(slots=True)
class _Place:
    """What came last outside calls: where markup or a call ended, whose call it was, which section is open."""

    floor: int = 0
    after: Form | None = None
    section: tuple[Form, str] | None = None
    thought: tuple[int, int] | None = None
    waited: int = 0
    blank: bool = True

    def copy(self) -> _Place:
        return replace(self)


class Decoder:
    """Turns a model's output into events, a chunk at a time, looking at no character twice.

    `dialect` is a name, an alias or a `Dialect`; `tools` are definitions in OpenAI's, Anthropic's, MCP's or the plain
    form, None if any name is accepted, empty if no tools were offered. `reasoning_open`: the prompt ended in reasoning.

    Raises:
        DialectError: there is no such dialect.
        SchemaError: a tool definition is wrong.
    """

    __slots__ = ("_front", "_journal", "_place", "_policy", "_position", "_quick", "_reader", "_region", "_source",
                 "_thinking", "_tools")  # fmt: skip

    def __init__(
        self,
        dialect: str | Dialect,
        tools: object = None,
        policy: Policy | None = None,
        reasoning_open: bool = False,
    ) -> None:
        spec = find_dialect(dialect) if isinstance(dialect, str) else dialect
        self._policy = policy or Policy()
        self._tools = Toolset.of(tools)
        self._front = front(spec, self._policy.fenced_calls == "quote")
        self._thinking = spec.reasoning
        self._source = Source()
        self._journal = Journal(self._source)
        thought = spec.reasoning if reasoning_open else None
        self._region = Region("reasoning", closer=thought.close) if thought is not None else Region("text")
        self._place = _Place()
        self._reader: Reader | None = None
        self._quick = False
        self._position = 0

    def feed(self, text: str) -> list[Event]:
        """Take more of the output; return what is certain now.

        Raises:
            LimitExceeded: a limit that was set in the policy.
        """
        if self._quick and text:
            events = self._reader.quick(text)  # type: ignore[union-attr]
            if events is not None:
                return events
        self._source.feed(text)
        self._run(End.OPEN)
        return self._journal.hand_out()

    def close(self, finish_reason: str | None = None) -> list[Event]:
        """End the output; `finish_reason` "length" says that it was cut off. Returns the last events."""
        self._run(End.CUT if finish_reason == "length" else End.STOP)
        self._journal.settle()
        return self._journal.hand_out()

    @property
    def message(self) -> Message:
        """The message so far."""
        return self._journal.message()

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
        if self._reader is not None:
            twin._reader = self._reader.copy(self._reader.builder.copy(twin._source, twin._journal))
        return twin

    def _run(self, end: End) -> None:
        reader = self._reader
        if self._quick and reader is not None:
            self._position = self._source.base
        while self._advance(end):
            pass
        self._source.release(self._position)
        reader = self._reader
        self._quick = reader is not None and self._journal.marked is None and self._region.kind == "text" and reader.quickable

    def _advance(self, end: End) -> bool:
        """Take one step; False when there is nothing more to do with the text so far."""
        stop, reach = self._bounds(end)
        if self._reader is not None:
            return self._read(self._reader, stop, reach)
        if self._place.after is not None:
            moved = self._after_call(self._place.after, stop, reach)
        else:
            moved = self._prose(stop, reach)
        if moved:
            return True
        if self._region.closed is not None and self._position >= self._region.closed[0]:
            self._leave_region(self._region.closed)
            return True
        if end.final:
            self._end_of_output()
        return False

    # Regions.

    def _bounds(self, end: End) -> tuple[int, End]:
        """Return how far the region's text reaches, and whether it ends there."""
        stop = self._region.reach(self._source, end.final)
        return stop, end if self._region.closed is None else End.CUT

    def _leave_region(self, closed: tuple[int, int]) -> None:
        journal, place = self._journal, self._place
        kind = self._region.kind
        if kind == "fence":
            if journal.marked is not None:
                self._take_back("quoted-call")
            journal.prose("text", self._position, closed[1])
            self._position = closed[1]
        else:
            if journal.marked is not None and not self._may_stand():
                self._take_back("draft-call")
            journal.markup(self._position, closed[1])
            self._position = place.floor = closed[1]
            if journal.marked is not None:
                place.thought = closed
        self._region = Region("text")

    def _may_stand(self) -> bool:
        """Whether the run in the reasoning that closes here may turn out to be calls (R-THINK)."""
        run = self._journal.run
        terminal = self._policy.reasoning_calls == "terminal"
        return terminal and all(call.complete and self._tools.accepts(call.name) for call in run)

    def _take_back(self, code: str) -> None:
        """The run that was held is no calls: its characters are text or reasoning after all."""
        journal, place = self._journal, self._place
        start = journal.marked
        if start is None:
            return
        journal.take_back(code)
        if place.thought is not None:
            journal.prose("reasoning", start, place.thought[0])
            journal.markup(*place.thought)
            place.floor = start = place.thought[1]
            place.thought = None
        journal.prose(self._region.prose, start, self._position)
        place.after = place.section = None

    def _end_of_output(self) -> None:
        """Decide about a run that the output ends with."""
        journal = self._journal
        if journal.marked is None:
            return
        span = (journal.marked, self._position)
        complete = all(call.complete for call in journal.run)
        if self._region.kind == "fence":
            code, stands = "fence-not-closed", complete
        elif self._region.kind == "reasoning":
            code, stands = "reasoning-not-closed", complete and self._policy.reasoning_calls == "terminal"
        else:
            code, stands = "reasoning-only-call", complete
        if not stands:
            self._take_back("quoted-call" if self._region.kind == "fence" else "draft-call")
            return
        journal.diagnose(code, span)
        journal.settle()

    # Text outside calls.

    def _prose(self, stop: int, end: End) -> bool:
        source, place = self._source, self._place
        if place.waited and not end.final and source.blank_since(place.waited, stop):
            place.waited = stop
            return False
        place.waited = 0
        text, base = source.window, source.base
        start = self._position - base
        limit = stop - base
        if place.blank or self._front.late:
            found = self._unmarked(start, limit, end)
            if found is not None:
                return found
        literals = self._front.text if self._region.kind == "text" else self._front.guarded
        hit = literals.find(text, start, limit)
        at = hit.start() if hit is not None else (limit if end.final else literals.held(text, start, limit))
        if self._front.late and self._region.kind == "text":
            line = text.find("\n", start, at)
            if 0 <= line:
                self._emit(base + line + 1)
                return True
        if hit is None and end.final and place.section is not None and literals.held(text, start, limit) < limit:
            self._journal.diagnose("truncated-call", (stop, stop))
        self._emit(base + at)
        if hit is None:
            return False
        if literals.open_ended(text, at, limit) and not end.final:
            return False
        moved = self._marker(hit.group(), at, limit, end)
        if moved is None:
            place.waited = stop
            if not end.final:
                return False
        if not moved:
            self._emit(base + at + 1)
        return True

    def _emit(self, end: int) -> None:
        """Tell text or reasoning up to `end`."""
        if end > self._position:
            if self._place.blank and self._source.slice(self._position, end).strip(BLANK):
                self._place.blank = False
            self._journal.prose(self._region.prose, self._position, end)
            self._position = end

    def _unmarked(self, start: int, limit: int, end: End) -> bool | None:
        """Look for a call that begins without its first marker; None if none may stand here."""
        if self._tools.empty or self._region.kind == "fence" or not self._at_line_start(self._source.base + start):
            return None
        begins = self._place.blank
        at = skip_blank(self._source.window, start, limit) if begins else start
        candidates = self._front.markerless if begins else ()
        if at >= limit:
            return None if end.final or not begins else (None if not candidates and not self._front.late else False)
        moved = self._open(tuple(dict.fromkeys((*candidates, *self._front.late))), at, limit, end)
        if moved is None and not end.final:
            self._place.waited = self._source.base + limit
            return False
        return moved or None

    def _marker(self, literal: str, at: int, limit: int, end: End) -> bool | None:
        """Deal with the marker at `at`: True if it was one, False if it is text, None if that is not known yet."""
        source = self._source
        position = source.base + at
        if position > self._place.floor and source.slice(position - 1, position) == "`":
            return False
        if self._region.kind == "text":
            if literal in FENCES:
                return self._open_fence(literal, at, limit, end)
            thinking = self._thinking
            if thinking is not None and literal == thinking.open and self._at_line_start(position):
                return self._skip_markup(position, position + len(literal), Region("reasoning", position + len(literal), thinking.close))
            if thinking is not None and literal == thinking.close and self._only_blank_since_floor(position):
                self._journal.diagnose("orphan-closer", (position, position + len(literal)))
                return self._skip_markup(position, position + len(literal), self._region)
        section = self._place.section
        if section is not None and literal == section[1]:
            self._place.section = None
            return self._skip_markup(position, position + len(literal), self._region)
        if self._tools.empty:
            return False
        return self._open(self._front.by_literal.get(literal, ()), at, limit, end)

    def _skip_markup(self, start: int, end: int, region: Region) -> bool:
        self._journal.markup(start, end)
        self._position = self._place.floor = end
        self._region = region
        return True

    def _only_blank_since_floor(self, position: int) -> bool:
        return not self._source.slice(self._place.floor, position).strip(BLANK)

    def _at_line_start(self, position: int) -> bool:
        """Tell whether only blanks stand before `position` on its line; markup before it counts as a line's start."""
        floor = max(self._place.floor, position - _LINE)
        before = self._source.slice(floor, position)
        cut = before.rfind("\n")
        if cut < 0 and floor > self._place.floor:
            return False
        return not before[cut + 1 :].strip(" \t")

    def _open_fence(self, literal: str, at: int, limit: int, end: End) -> bool | None:
        source = self._source
        before = source.slice(max(self._place.floor, source.base + at - 4), source.base + at)
        indent = before[before.rfind("\n") + 1 :]
        if indent.strip(" ") or len(indent) > 3:
            return False
        after = at
        while after < limit and source.window[after] == literal[0]:
            after += 1
        if after == limit and not end.final:
            return None
        position = source.base + after
        self._emit(position)
        self._region = Region("fence", position, literal[0] * (after - at), in_info=True)
        return True

    # Calls.

    def _open(self, candidates: tuple[Form, ...], at: int, limit: int, end: End, within: Form | None = None) -> bool | None:
        """Begin a call at `at` if one of the forms opens there; None if that is not known yet."""
        source = self._source
        position = source.base + at
        line_start = self._region.kind != "fence" and self._at_line_start(position)
        for form in candidates:
            section = self._place.section
            inside = form is within or (section is not None and section[0] is form)
            scope = Scope(self._tools, end.final, inside, line_start, self._policy.unknown_tools == "forward")
            found = open_call(form, source.window, at, limit, scope)
            if found is Miss.NO and inside and form.sections:
                found = open_call(form, source.window, at, limit, Scope(self._tools, end.final, False, False, scope.unknown))
            if found is Miss.MORE:
                return None
            if isinstance(found, Opened):
                self._begin(found, position)
                return True
        return False

    def _begin(self, opened: Opened, position: int) -> None:
        source, journal, place, form = self._source, self._journal, self._place, opened.form
        self._emit_blank(position)
        self._guard(position)
        first = len(journal.diagnoses)
        start = source.base + opened.start
        if opened.section is not None:
            journal.markup(position, start)
            place.section = (form, opened.section_close)
        builder = CallBuilder(source, journal, self._tools, self._policy, opened, start)
        builder.first_diagnosis = first
        own = self._front.dialect
        if form.dialect.name != own.name:
            message = f"the call is written in {form.dialect.name}, not in {own.name}"
            journal.diagnose("foreign-dialect", (start, start), message)
        for code, message in opened.notes:
            journal.diagnose(code, (start, start), message)
        body = source.base + opened.body
        sectioned = place.section is not None and place.section[0] is form
        if form.dialect.codec == "json":
            self._reader = JsonReader(builder, body)
        else:
            self._reader = TaggedReader(builder, body, sectioned)
        self._position = body
        place.after, place.blank = None, False

    def _emit_blank(self, position: int) -> None:
        if position > self._position:
            self._journal.prose(self._region.prose, self._position, position)
            self._position = position

    def _guard(self, position: int) -> None:
        """Hold what follows where only the rest decides whether it is a call."""
        if self._region.kind == "reasoning":
            if self._thinking is not None and self._thinking.ends_at_call:
                self._journal.diagnose("reasoning-not-closed", (position, position))
                self._region = Region("text")
                self._place.floor = position
                return
            if self._policy.reasoning_calls == "always":
                return
        elif self._region.kind == "text":
            return
        if self._journal.marked is None:
            self._journal.mark(position)

    def _read(self, reader: Reader, stop: int, end: End) -> bool:
        outcome = reader.read(stop, end)
        self._position = reader.position
        if outcome is Outcome.MORE:
            return False
        form = reader.builder.opened.form
        self._reader = None
        if outcome is Outcome.DONE:
            self._place.after = form
            self._place.floor = self._position
            if self._place.section is not None and not self._place.section[1]:
                self._place.section = None
            return True
        start = reader.builder.start
        self._position = max(self._position, start + 1)
        if self._journal.marked is not None:
            self._take_back("draft-call" if self._region.kind == "reasoning" else "quoted-call")
        else:
            self._journal.prose(self._region.prose, start, self._position)
        return True

    def _after_call(self, form: Form, stop: int, end: End) -> bool:
        """Behind a call, only blanks since: another call, closers, or something else."""
        source, place = self._source, self._place
        text, base = source.window, source.base
        if place.waited and not end.final and source.blank_since(place.waited, stop):
            place.waited = stop
            return False
        place.waited = stop
        limit = stop - base
        at = skip_blank(text, self._position - base, limit)
        if at >= limit:
            if end.final:
                self._emit_blank(base + limit)
            return False
        moved = False if place.thought is not None else self._next_marker(form, at, limit, end)
        if moved is None and not end.final:
            return False
        if not moved:
            place.after = None
            self._take_back("quoted-call" if self._region.kind == "fence" else "draft-call")
        place.waited = 0
        return True

    def _next_marker(self, form: Form, at: int, limit: int, end: End) -> bool | None:
        text, place = self._source.window, self._place
        closers = [place.section[1]] if place.section is not None else []
        orphans = [] if place.section else [close for _, close in form.sections]
        orphans += [form.wrapper_close, form.call_close(self._journal.calls[-1].name), _plain_close(form)]
        waiting = False
        for closer in (*closers, *orphans):
            if not closer or (closer in orphans and len(closer) < 3):
                continue
            stands = begins(closer, text, at, limit)
            if stands is True:
                start = self._source.base + at
                if closer in closers:
                    place.section = None
                else:
                    self._journal.diagnose("orphan-closer", (start, start + len(closer)))
                self._journal.markup(self._position, start + len(closer))
                self._position = place.floor = start + len(closer)
                return True
            waiting = waiting or stands is Miss.MORE
        joint = form.joint
        after = at
        if joint and text.startswith(joint, at, limit):
            after = skip_blank(text, at + len(joint), limit)
        moved: bool | None = False
        if joint and after >= limit and after > at:
            moved = None
        elif not self._tools.empty:
            own = (form, *self._front.by_literal.get(self._literal_at(after, limit), ()))
            moved = self._open_joined(own, at, after, limit, end, form)
        return None if waiting and not moved else moved

    def _open_joined(
        self, candidates: tuple[Form, ...], at: int, after: int, limit: int, end: End, form: Form
    ) -> bool | None:
        before = self._position
        if after > at:
            source = self._source
            inside = Scope(self._tools, end.final, True, False, self._policy.unknown_tools == "forward")
            found = open_call(form, source.window, after, limit, inside)
            if isinstance(found, Miss):
                return None if found is Miss.MORE else False
            self._journal.markup(before, source.base + after)
            self._position = source.base + after
        within = form if self._place.section is not None or form.markerless else None
        return self._open(tuple(dict.fromkeys(candidates)), after, limit, end, within)

    def _literal_at(self, at: int, limit: int) -> str:
        found = self._front.guarded.find(self._source.window, at, limit)
        return found.group() if found is not None and found.start() == at else ""


def _plain_close(form: Form) -> str:
    closer = form.value_closer
    return closer.format() if closer.nodes and not closer.roles else ""


Dialectish = Union[str, Dialect]


def parse(
    text: str,
    dialect: Dialectish,
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
