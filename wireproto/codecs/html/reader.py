"""Arguments as the controls of a filled-in form: `<textarea name="content">…</textarea>`, `<input name="n" value="5">`.

The reader walks over the form as an HTML parser does; what is no control is furniture. A textarea is told while it
grows. In a salted dialect a tag counts only if it carries the salt as an attribute. Law: a form means what the HTML
Standard says that it means.

Sources: the HTML Standard, 13.2 (parsing) and 4.10 (forms); the WebMCP declarative API for `form[toolname]`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from wireproto.codecs.html.controls import Controls
from wireproto.codecs.html.tags import DONE, Closer, Kind, State, Tag, advance, closer, markup_at, read_tag, tag_name
from wireproto.codecs.html.text import decode, decode_part, lower
from wireproto.codecs.html.vocabulary import JSON
from wireproto.codecs.tagged.values import RawValue
from wireproto.engine.call_builder import CallBuilder, End, Outcome
from wireproto.format.nodes import MAX_TAG
from wireproto.text.scan import Match, Miss
from wireproto.values.events import ArgumentDelta, Event

# Elements whose content is text and not markup.
_TEXTUAL: Final = ("textarea", "script", "title", "style", "xmp", "iframe", "noembed", "noframes", "plaintext")
_PARTS: Final = ("input", "select", "option", "optgroup", "fieldset")
_KNOWN: Final = frozenset(("form", *_TEXTUAL, *_PARTS))


class AreaValue(RawValue):
    """The text of a textarea, decoded while it arrives."""

    __slots__ = ()

    def copy(self, builder: CallBuilder) -> AreaValue:
        """Return an independent copy that writes to `builder`."""
        twin = super().copy(builder)
        assert isinstance(twin, AreaValue)
        return twin

    def tell(self, end: int) -> None:
        """Tell the value's text up to `end`, or to half of a reference before it."""
        if self._mode == "undecided":
            certain, _ = self._part(self.start, end)
            if not "null".startswith(certain):
                self._decide(end)
        else:
            super().tell(end)

    def _stream(self, end: int, final: bool = False) -> None:
        piece, told = (self._whole(self.told, end), end) if final else self._part(self.told, end)
        self.told = told
        self.builder.more(piece)

    def _part(self, start: int, end: int) -> tuple[str, int]:
        piece, consumed = decode_part(self.builder.source.slice(start, end))
        return self._framed(piece, start), start + consumed

    def _whole(self, start: int, end: int) -> str:
        return self._framed(decode(self.builder.source.slice(start, end)), start)

    def _framed(self, piece: str, start: int) -> str:
        """Drop the line break that a textarea may begin with."""
        return piece.removeprefix("\n") if start == self.start else piece

    def _decoded(self, start: int, end: int) -> str:
        return self._whole(start, end)

    def _check(self, text: str, end: int) -> None:
        """Nothing is odd about references: they are decoded here."""


@dataclass(slots=True)
class _Element:
    """An element whose content is text: what closes it, and who takes the text, if somebody does."""

    start: int
    content: int
    closer: Closer
    state: State = "data"
    area: AreaValue | None = None
    script: str | None = None

    @property
    def is_control(self) -> bool:
        """Whether its content is a value."""
        return self.area is not None or self.script is not None


@dataclass(slots=True)
class _Markup:
    """A tag or a comment that is being read."""

    kind: Kind
    state: State
    start: int


class HtmlReader:
    """Reads one form, from behind its start tag to behind its end tag."""

    __slots__ = ("_controls", "_element", "_markup", "_nonce", "_run", "_scan", "_valid", "builder")

    def __init__(self, builder: CallBuilder, position: int, in_section: bool) -> None:
        del in_section  # a form ends where its end tag stands, whatever is open around it
        self.builder = builder
        self._nonce = builder.opened.form.dialect.nonce
        self._controls = Controls(builder)
        self._element: _Element | None = None
        self._markup: _Markup | None = None
        self._scan = self._run = position
        self._valid = True
        builder.begin(builder.opened.name or "", builder.opened.id, (builder.start, position))

    def copy(self, builder: CallBuilder) -> HtmlReader:
        """Return an independent copy that writes to `builder`."""
        twin = HtmlReader.__new__(HtmlReader)
        for name in HtmlReader.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.builder, twin._controls = builder, self._controls.copy(builder)
        if (element := self._element) is not None:
            twin._element = replace(element, area=element.area.copy(builder) if element.area is not None else None)
        twin._markup = replace(self._markup) if self._markup is not None else None
        return twin

    @property
    def position(self) -> int:
        """Everything before this is settled: all that was read, but for a tag that may open the next call."""
        if self._markup is not None and self._scan - self._markup.start <= MAX_TAG:
            return self._markup.start
        area = self._element.area if self._element is not None else None
        return min(area.told, self._scan) if area is not None and area.streams else self._scan

    def read(self, stop: int, end: End) -> Outcome:
        """Read as far as certain, looking no further than `stop`."""
        element, base = self._element, self.builder.source.base
        if element is not None and element.area is not None and element.area.streams and element.area.told < base:
            element.area.told = self._scan = base  # `quick` took what stood before
        while True:
            if self._element is not None:
                outcome = self._read_content(self._element, stop)
            elif self._markup is not None:
                outcome = self._read_markup(self._markup, stop)
            else:
                outcome = self._read_text(stop)
            if outcome is Outcome.MORE and end.final:
                return self._end_of_output(stop, end)
            if outcome is not None:
                return outcome

    @property
    def quickable(self) -> bool:
        """Whether an open textarea streams and nothing of it is held."""
        area = self._element.area if self._element is not None else None
        if area is None or not area.streams or self.builder.policy.limits.max_value_chars is not None:
            return False
        return area.told == self.builder.source.end > area.start

    def quick(self, text: str) -> list[Event] | None:
        """Take a chunk that holds no markup, no reference and nothing that HTML reads as something else."""
        if "<" in text or "&" in text or "\r" in text or "\0" in text:
            return None
        builder = self.builder
        builder.source.shift(text, False)
        return [ArgumentDelta(builder.index, builder.key, text)]

    def _read_text(self, stop: int) -> Outcome | None:
        """Read text up to the next markup."""
        source = self.builder.source
        text, base, limit = source.window, source.base, stop - source.base
        at = text.find("<", self._scan - base, limit)
        self._scan = base + at if at >= 0 else stop
        if at < 0:
            return Outcome.MORE
        found = markup_at(text, at, limit)
        if found is Miss.MORE:
            return Outcome.MORE
        if isinstance(found, Miss):
            self._scan += 1
            return None
        self._end_run(base + at)
        kind, state, after = found
        self._markup, self._scan = _Markup(kind, state, base + at), base + after
        return None

    def _end_run(self, end: int) -> None:
        """Text ends at markup: what an option says is read in one piece."""
        if self._controls.wants_text and self._run < end:
            self._controls.text(self.builder.source.slice(self._run, end))

    def _read_markup(self, markup: _Markup, stop: int) -> Outcome | None:
        source = self.builder.source
        markup.state, at = advance(markup.state, source.window, self._scan - source.base, stop - source.base)
        self._scan = source.base + at
        if markup.state != DONE:
            return Outcome.MORE
        self._markup, self._run = None, self._scan
        if markup.kind == "comment":
            return None
        raw = source.slice(markup.start, self._scan)
        if tag_name(raw) not in _KNOWN:
            return None
        tag = read_tag(raw)
        if self._nonce and self._nonce not in tag.attributes:
            return None
        return self._take_end(tag) if markup.kind == "end" else self._take_start(tag, markup.start)

    def _take_end(self, tag: Tag) -> Outcome | None:
        if tag.name == "form":
            return self._close(self._scan)
        if tag.name in _PARTS:
            self._controls.end(tag.name)
        return None

    def _take_start(self, tag: Tag, start: int) -> Outcome | None:
        span = (start, self._scan)
        if tag.name == "form":
            return self._next_form(start)
        if tag.name in _PARTS:
            self._controls.start(tag, span)
            return None
        element = _Element(start, self._scan, closer(tag.name, self._nonce))
        name = self._controls.name_of(tag)
        if tag.name == "textarea":
            self._controls.close_select()
            if name is not None:
                self._controls.any = True
                element.area = self._area(name)
        elif tag.name == "script" and name is not None and _holds_json(tag):
            element.script = name
        self._element = element
        return None

    def _area(self, name: str) -> AreaValue | None:
        if self._controls.in_group(name, (self._scan, self._scan)):
            return None
        return AreaValue(self.builder, self.builder.opened.form, {"key": name}, self._scan, False)

    def _next_form(self, start: int) -> Outcome | None:
        """A form begins in the form: if it is a call, this one was not closed."""
        source, header = self.builder.source, self.builder.opened.form.headers[0]
        if self._scan - start > MAX_TAG:
            return None
        found = header.match(source.window, start - source.base, self._scan - source.base)
        if not isinstance(found, Match) or not self.builder.may_be_named(found.slots["name"]):
            return None
        self.builder.note("unclosed-call", start)
        return self._close(start)

    def _read_content(self, element: _Element, stop: int) -> Outcome | None:
        source = self.builder.source
        base, limit = source.base, stop - source.base
        element.state, at, closes = element.closer.scan(element.state, source.window, self._scan - base, limit)
        self._scan = base + at
        if not closes:
            if element.area is not None:
                element.area.tell(self._scan)
            elif element.script is not None:
                self.builder.check_size(self._scan - element.content)
            return Outcome.MORE
        if element.area is not None:
            element.area.finish(self._scan)
        elif element.script is not None:
            raw = source.slice(element.content, self._scan)
            self._valid &= self._controls.json(element.script, raw, (element.content, self._scan))
        self._element, self._markup = None, _Markup("end", "name", self._scan)
        self._scan += len("</")
        return None

    def _end_of_output(self, stop: int, end: End) -> Outcome:
        """The output ends in the form: complete if nothing but its end tag is missing (R-CUT)."""
        element, markup, builder = self._element, self._markup, self.builder
        if element is not None and element.is_control:
            builder.note("truncated-value", element.content)
            if element.area is not None:
                element.area.leave(self._scan)
            return self._finish(stop, False)
        rest = builder.source.slice(self._scan, stop)
        finished = element is None and "</".startswith(rest) if markup is None else markup.kind == "end"
        if self._controls.select_is_open:
            builder.note("truncated-value", stop)
            return self._finish(stop, False)
        complete = finished and self._controls.any and end is End.STOP
        builder.note("unclosed-call" if complete else "truncated-call", stop)
        return self._close(stop) if complete else self._finish(stop, False)

    def _close(self, position: int) -> Outcome:
        """The form ends at `position`."""
        self._controls.finish()
        return self._finish(position, True)

    def _finish(self, position: int, complete: bool) -> Outcome:
        self._element = self._markup = None
        self._scan = position
        self.builder.finish(position, complete and self._valid)
        return Outcome.DONE


def _holds_json(tag: Tag) -> bool:
    """Whether a script is a value: it says that it is JSON."""
    kinds = (tag.attributes.get("type", ""), tag.attributes.get("data-type", ""))
    return lower(kinds[0]) == JSON.kind or lower(kinds[1]) == JSON.data_kind
