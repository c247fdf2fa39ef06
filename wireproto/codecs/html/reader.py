"""Arguments as the controls of a filled-in form: `<textarea name="content">…</textarea>`, `<input name="n" value="5">`.

The reader walks over the form as an HTML parser does; what is no control is furniture. A textarea is emitted while it
grows. In a salted dialect a tag counts only if it carries the salt as an attribute. Law: a form means what the HTML
Standard says that it means.

Sources: the HTML Standard, 13.2 (parsing) and 4.10 (forms); the WebMCP declarative API for `form[toolname]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wireproto.codecs.html.controls import Controls
from wireproto.codecs.html.slips import broken_area_end, closes_form, is_over
from wireproto.codecs.html.tags import (
    DONE,
    Closer,
    HtmlTag,
    Kind,
    MarkupState,
    advance,
    closer,
    markup_at,
    read_tag,
    tag_name,
)
from wireproto.codecs.html.text import decode, decode_part, lower
from wireproto.codecs.html.vocabulary import JSON
from wireproto.codecs.tagged.values import RawValue
from wireproto.engine.call_builder import CallBuilder, End
from wireproto.format.tag import MAX_TAG
from wireproto.text.scan import BLANK, WAIT, YES, Answer, Match
from wireproto.text.state import State

# Elements whose content is text and not markup.
_TEXTUAL: Final = ("textarea", "script", "title", "style", "xmp", "iframe", "noembed", "noframes", "plaintext")
_PARTS: Final = ("input", "select", "option", "optgroup", "fieldset")
_START: Final = "<form>"  # no call begins like this
_KNOWN: Final = frozenset(("form", *_TEXTUAL, *_PARTS))


class AreaValue(RawValue):
    """The text of a textarea, decoded while it arrives."""

    __slots__ = ()

    def emit(self, end: int) -> None:
        """Emit the value's text up to `end`, or to half of a reference before it."""
        if self._mode == "undecided":
            certain, _ = self._part(self.start, end)
            self._look(certain, end)
        else:
            super().emit(end)

    def _stream(self, end: int, final: bool = False) -> None:
        piece, emitted = (self._whole(self.emitted, end), end) if final else self._part(self.emitted, end)
        self.emitted = emitted
        self.builder.more(piece)

    def _part(self, start: int, end: int) -> tuple[str, int]:
        piece, consumed = decode_part(self.builder.buffer.slice(start, end))
        return self._framed(piece, start), start + consumed

    def _whole(self, start: int, end: int) -> str:
        return self._framed(decode(self.builder.buffer.slice(start, end)), start)

    def _framed(self, piece: str, start: int) -> str:
        """Drop the line break that a textarea may begin with."""
        return piece.removeprefix("\n") if start == self.start else piece

    def _decoded(self, start: int, end: int) -> str:
        return self._whole(start, end)

    def _check(self, text: str, end: int) -> None:
        """Nothing is odd about references: they are decoded here."""


@dataclass(slots=True)
class _Element(State):
    """An element whose content is text: what closes it, and who takes the text, if somebody does."""

    start: int
    content: int
    closer: Closer
    state: MarkupState = "data"
    area: AreaValue | None = None
    script: str | None = None

    @property
    def is_control(self) -> bool:
        """Whether its content is a value."""
        return self.area is not None or self.script is not None


@dataclass(slots=True)
class _Markup(State):
    """A tag or a comment that is being read."""

    kind: Kind
    state: MarkupState
    start: int


class HtmlReader(State):
    """Reads one form, from behind its start tag to behind its end tag."""

    __slots__ = ("_controls", "_element", "_markup", "_nonce", "_run", "_scan", "_valid", "builder")

    def __init__(self, builder: CallBuilder, position: int, in_section: bool) -> None:
        del in_section  # a form ends where its end tag stands, whatever is open around it
        self.builder = builder
        self._nonce = builder.opening.spelling.dialect.nonce
        self._controls = Controls(builder)
        self._element: _Element | None = None
        self._markup: _Markup | None = None
        self._scan = self._run = position
        self._valid = True
        builder.begin(builder.opening.name or "", builder.opening.id, (builder.start, position))

    @property
    def position(self) -> int:
        """Everything before this is decided: all that was read, but for a tag that may open the next call."""
        if self._markup is not None and self._scan - self._markup.start <= MAX_TAG:
            return self._markup.start
        area = self._element.area if self._element is not None else None
        return min(area.emitted, self._scan) if area is not None and area.streams else self._scan

    def read(self, stop: int, end: End) -> Answer:
        """Read as far as certain, looking no further than `stop`."""
        while True:
            if self._element is not None:
                outcome = self._read_content(self._element, stop, end.final)
            elif self._markup is not None:
                outcome = self._read_markup(self._markup, stop)
            else:
                outcome = self._read_text(stop)
            if outcome is WAIT and end.final:
                return self._end_of_output(stop, end)
            if outcome is not None:
                return outcome

    @property
    def is_plain(self) -> bool:
        """Whether an open textarea streams and nothing of it is held."""
        area = self._element.area if self._element is not None else None
        if area is None or not area.streams or self.builder.policy.limits.max_value_chars is not None:
            return False
        return area.emitted == self.builder.buffer.end > area.start

    @property
    def in_string(self) -> bool:
        """False: text may hold markers anywhere."""
        return False

    def take_plain(self, text: str) -> tuple[str, int] | None:
        """Take text that holds no markup, no reference and nothing that HTML reads as something else."""
        if "<" in text or "&" in text or "\r" in text or "\0" in text:
            return None
        return text, 0

    def skip_to(self, position: int) -> None:
        """Go on at `position`: all text before it was taken as plain."""
        self._scan = position
        if self._element is not None and self._element.area is not None:
            self._element.area.emitted = position

    def _read_text(self, stop: int) -> Answer | None:
        """Read text up to the next markup."""
        buffer = self.builder.buffer
        text, base, limit = buffer.window, buffer.base, stop - buffer.base
        at = text.find("<", self._scan - base, limit)
        self._scan = base + at if at >= 0 else stop
        if at < 0:
            return WAIT
        found = markup_at(text, at, limit)
        if found is WAIT:
            return WAIT
        if isinstance(found, Answer):
            self._scan += 1
            return None
        self._end_run(base + at)
        kind, state, after = found
        self._markup, self._scan = _Markup(kind, state, base + at), base + after
        return None

    def _end_run(self, end: int) -> None:
        """Text ends at markup: what an option says is read in one piece."""
        if self._controls.wants_text and self._run < end:
            self._controls.text(self.builder.buffer.slice(self._run, end))

    def _read_markup(self, markup: _Markup, stop: int) -> Answer | None:
        buffer = self.builder.buffer
        markup.state, at = advance(markup.state, buffer.window, self._scan - buffer.base, stop - buffer.base)
        self._scan = buffer.base + at
        if markup.kind == "start":
            # A tag is read as a whole: one that is longer than this is taken for a value that is too long.
            self.builder.check_size(self._scan - markup.start - MAX_TAG)
        if markup.state != DONE:
            return WAIT
        raw = buffer.slice(markup.start, self._scan)
        if markup.kind == "comment" or tag_name(raw) not in _KNOWN or raw == _START:
            return self._read_furniture(raw, markup, stop)
        self._markup, self._run = None, self._scan
        tag = read_tag(raw)
        if self._nonce and self._nonce not in tag.attributes:
            return None
        return self._take_end(tag) if markup.kind == "end" else self._take_start(tag, markup.start)

    def _read_furniture(self, raw: str, markup: _Markup, stop: int) -> Answer | None:
        """Pass over markup that is no part of a form, unless it was to be the form's end tag."""
        buffer = self.builder.buffer
        if not self._nonce and closes_form(raw):
            over = is_over(buffer.window, self._scan - buffer.base, stop - buffer.base, _KNOWN)
            if over is WAIT:
                return WAIT
            if over is YES:
                self.builder.note("broken-closer", markup.start)
                return self._close(self._scan)
        self._markup, self._run = None, self._scan
        return None

    def _take_end(self, tag: HtmlTag) -> Answer | None:
        if tag.name == "form":
            return self._close(self._scan)
        if tag.name in _PARTS:
            self._controls.end(tag.name)
        return None

    def _take_start(self, tag: HtmlTag, start: int) -> Answer | None:
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
        return AreaValue(self.builder, self.builder.opening.spelling, {"key": name}, self._scan, False)

    def _next_form(self, start: int) -> Answer | None:
        """A form begins in the form: if it is a call, this one was not closed."""
        buffer, header = self.builder.buffer, self.builder.opening.spelling.headers[0]
        if self._scan - start > MAX_TAG:
            return None
        found = header.match(buffer.window, start - buffer.base, self._scan - buffer.base)
        if not isinstance(found, Match) or not self.builder.may_be_named(found.slots["name"]):
            return None
        before = buffer.slice(self.builder.start, start).rstrip(BLANK)
        first = header.match(before, 0, len(before))
        if isinstance(first, Match) and first.end == len(before) and first.slots == found.slots:
            self.builder.note("duplicate-opener", start)
            return None
        self.builder.note("unclosed-call", start)
        return self._close(start)

    def _read_content(self, element: _Element, stop: int, final: bool) -> Answer | None:
        buffer = self.builder.buffer
        text, base, limit = buffer.window, buffer.base, stop - buffer.base
        element.state, at, closes = element.closer.scan(element.state, text, self._scan - base, limit)
        if element.area is not None and not self._nonce:
            broken = broken_area_end(text, self._scan - base, at, limit, final, self._may_follow)
            if broken is not None:
                return self._take_broken_end(element.area, base + broken[0], base + broken[1] if broken[1] >= 0 else -1)
        self._scan = base + at
        if not closes:
            if element.area is not None:
                element.area.emit(self._scan)
            elif element.script is not None:
                self.builder.check_size(self._scan - element.content)
            return WAIT
        if element.area is not None:
            element.area.finish(self._scan)
        elif element.script is not None:
            self.builder.check_size(self._scan - element.content)
            raw = buffer.slice(element.content, self._scan)
            self._valid &= self._controls.json(element.script, raw, (element.content, self._scan))
        self._element, self._markup = None, _Markup("end", "name", self._scan)
        self._scan += len("</")
        return None

    def _take_broken_end(self, area: AreaValue, start: int, end: int) -> Answer | None:
        """The end tag of a textarea at `start` may have a slip in it; it has if its end is known."""
        area.emit(start)
        self._scan = start
        if end < 0:
            return WAIT
        self.builder.note("broken-closer", start)
        area.finish(start)
        self._element, self._scan, self._run = None, end, end
        return None

    def _may_follow(self, tag: HtmlTag) -> bool:
        """Whether a control may stand behind a textarea whose end tag is broken: a declared one, not given yet."""
        name = self._controls.name_of(tag)
        return name is not None and name in self.builder.tool.keys and name not in self.builder.arguments

    def _end_of_output(self, stop: int, end: End) -> Answer:
        """The output ends in the form: complete if nothing but its end tag is missing (R-CUT)."""
        element, markup, builder = self._element, self._markup, self.builder
        if element is not None and element.is_control:
            builder.note("truncated-value", element.content)
            if element.area is not None:
                element.area.leave(self._scan)
            return self._finish(stop, False)
        rest = builder.buffer.slice(self._scan, stop)
        finished = element is None and "</".startswith(rest) if markup is None else markup.kind == "end"
        if self._controls.select_is_open:
            builder.note("truncated-value", stop)
            return self._finish(stop, False)
        complete = finished and self._controls.any and end is End.STOP
        builder.note("unclosed-call" if complete else "truncated-call", stop)
        return self._close(stop) if complete else self._finish(stop, False)

    def _close(self, position: int) -> Answer:
        """The form ends at `position`."""
        self._controls.finish()
        return self._finish(position, True)

    def _finish(self, position: int, complete: bool) -> Answer:
        self._element = self._markup = None
        self._scan = position
        self.builder.finish(position, complete and self._valid)
        return YES


def _holds_json(tag: HtmlTag) -> bool:
    """Whether a script is a value: it says that it is JSON."""
    kinds = (tag.attributes.get("type", ""), tag.attributes.get("data-type", ""))
    return lower(kinds[0]) == JSON.kind or lower(kinds[1]) == JSON.data_kind
