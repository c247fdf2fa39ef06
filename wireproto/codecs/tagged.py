"""Arguments in tags, values raw: `<parameter=content>…</parameter>`, and key/value tags in pairs.

There is no escape layer, so where a value ends is decided by what follows its closer: markers are held until the
sequence of them says content or structure (the tables are in `states.Endings`). Law: a character of a string is told
as soon as no continuation can make it markup.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from wireproto.codecs.call import CallBuilder, End, Outcome
from wireproto.dialect import BLANK, Dialect, Match, Miss, Template, skip_blank
from wireproto.events import ArgumentDelta, Event
from wireproto.lenient import dumps
from wireproto.states import (
    NESTED_ENDINGS,
    Endings,
    Form,
    Literals,
    Opened,
    Scope,
    endings,
    open_call,
)

_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|#[0-9]+|#[xX][0-9a-fA-F]+);")
_AFTER_TAG_NAME = " \t\r\n=>/"


@dataclass(frozen=True, slots=True)
class _Token:
    """A marker inside a value: its letter (see `Endings`), where it stands, and whether a nested call owns it."""

    letter: str
    start: int
    end: int
    nested: bool = False


@dataclass(slots=True)
class _Value:
    """The value being read. `told` is how far it was told, `scan` how far it was looked at, `waited` where that was vain."""

    key: str
    start: int
    mode: Literal["stream", "undecided", "late", "drop"]
    declared: str | None
    crlf: bool
    told: int
    scan: int
    waited: int = 0
    unmatched: int = 0
    escaped: bool = False
    queue: list[_Token] = field(default_factory=list)
    nest: list[str] = field(default_factory=list)

    def copy(self) -> _Value:
        return replace(self, queue=self.queue[:], nest=self.nest[:])


@lru_cache(maxsize=None)
def _live(form: Form) -> Literals:
    """Return the literals to look at inside a value; those that hold a key or a name are checked where they stand."""
    found = {"</", *form.openers, *(key.first for key in form.keys)}
    closers = [form.value_closer, *form.closers]
    found |= {closer.first for closer in closers}
    found |= {close for _, close in form.sections if close}
    if form.dialect.argument.escape:
        found.add(form.dialect.argument.escape)
    tag = _tag(form, "")
    if tag:
        found.add(tag)
    return Literals(frozenset(text for text in found if text))


def _tag(form: Form, key: str) -> str:
    """Return how an opener of the value closer's tag begins: `<parameter`; empty if it is no such tag."""
    closer = form.value_close(key)
    return "<" + closer[2:-1] if closer.startswith("</") and closer.endswith(">") and len(closer) > 3 else ""


class TaggedReader:
    """Reads the arguments of one call and its closers."""

    __slots__ = ("builder", "_call_close", "_doubtful", "_endings", "_form", "_given", "_live", "_scan", "_sectioned",
                 "_state", "_value", "_wrapped", "position")  # fmt: skip

    def __init__(self, builder: CallBuilder, position: int, in_section: bool) -> None:
        opened: Opened = builder.opened
        self.builder = builder
        self._form = opened.form
        self._call_close = opened.form.call_close(opened.name or "")
        self._wrapped = opened.wrapped
        self._endings: Endings = endings(opened.wrapped, in_section)
        self._live = _live(opened.form)
        self._value: _Value | None = None
        self._given = False
        self._doubtful = False
        self._sectioned = in_section
        self._state: Literal["between", "value", "closed"] = "between"
        self._scan = position
        self.position = position
        builder.begin(opened.name or "", opened.id, (builder.start, position))

    def copy(self, builder: CallBuilder) -> TaggedReader:
        """Return an independent copy that writes to `builder`."""
        twin = TaggedReader.__new__(TaggedReader)
        for name in TaggedReader.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.builder = builder
        twin._value = self._value.copy() if self._value is not None else None
        return twin

    def read(self, stop: int, end: End) -> Outcome:
        """Read as far as certain, looking no further than `stop`."""
        base = self.builder.source.base
        value = self._value
        if value is not None and value.told < base and value.mode == "stream":
            value.told = value.scan = base  # `quick` took what stood before
        while True:
            step = getattr(self, "_read_" + self._state)
            outcome = step(stop, end)
            if outcome is not None:
                if self._value is not None:
                    self.position = min(self._value.told, self._value.scan)
                return Outcome(outcome)

    @property
    def quickable(self) -> bool:
        """Whether an open string streams and nothing of it is held."""
        value, source = self._value, self.builder.source
        return (
            value is not None
            and value.mode == "stream"
            and value.told == source.end
            and not value.queue
            and self.builder.policy.max_value_chars is None
        )

    def quick(self, text: str) -> Event | None:
        """Take a chunk that holds no first character of a marker and does not end in a line break."""
        for first in self._live.firsts:
            if first in text:
                return None
        if text[-1] in "\r\n":
            return None
        builder = self.builder
        builder.source.skip(text)
        return ArgumentDelta(builder.index, builder.key, text)

    # Between arguments: behind the header, or behind a value's closer.

    def _read_between(self, stop: int, end: End) -> Outcome | None:
        source = self.builder.source
        text, base = source.window, source.base
        at = skip_blank(text, self._scan - base, stop - base)
        self._scan = base + at
        if at == stop - base:
            return self._end_between(end, self._given, self.position) if end.final else Outcome.MORE
        form = self._form
        key = form.find_key(text, at, stop - base, self.builder.tools.get(self.builder.name or ""))
        if isinstance(key, Match):
            return self._open_value(key, base + at, stop, end)
        rest = text[at : stop - base]
        if rest.startswith(self._call_close):
            self.position = self._scan = base + at + len(self._call_close)
            self._state = "closed"
            return None
        outer = self._outer_closer(rest)
        if outer:
            self._note("unclosed-call", base + at)
            wrapper = outer == form.wrapper_close and self._wrapped
            return self._finish(base + at + (len(outer) if wrapper else 0), True)
        if key is Miss.NO and not any(close.startswith(rest) for close in self._all_closers()):
            self._note("truncated-call", base + at, "neither an argument nor the call's closer follows")
            return self._finish(self.position, False)
        if not end.final:
            return Outcome.MORE
        return self._end_between(end, self._given and (key is Miss.NO or rest == "<"), stop)

    def _all_closers(self) -> list[str]:
        closers = [self._call_close, self._form.wrapper_close, *(close for _, close in self._form.sections)]
        return [close for close in closers if close]

    def _outer_closer(self, rest: str) -> str:
        return next((close for close in self._all_closers()[1:] if rest.startswith(close)), "")

    def _end_between(self, end: End, finished: bool, position: int) -> Outcome:
        """End the call where the output ends: complete if only closers are missing (R-CUT)."""
        complete = finished and end is End.STOP and not self._doubtful
        self._note("unclosed-call" if complete else "truncated-call", self.position)
        return self._finish(position, complete)

    # Inside a value.

    def _open_value(self, key: Match, start: int, stop: int, end: End) -> Outcome | None:
        form, builder = self._form, self.builder
        text, base = builder.source.window, builder.source.base
        at = key.end
        missing = False
        if form.value_open is not None:
            blank = skip_blank(text, at, stop - base)
            opener = form.value_open.match(text, blank, stop - base)
            if opener is Miss.MORE and not end.final:
                return Outcome.MORE
            if opener is Miss.MORE:
                return self._end_between(end, False, stop)
            missing = not isinstance(opener, Match)
            at = opener.end if isinstance(opener, Match) else at + text.startswith(form.value_gap, at) * len(form.value_gap)
        pad, crlf = form.dialect.argument.pad, False
        if pad and text.startswith("\r\n", at, stop - base):
            at, crlf = at + 2, True
        elif pad and text.startswith("\n", at, stop - base):
            at += 1
        elif pad and text[at : stop - base] in ("", "\r") and not end.final:
            return Outcome.MORE
        if not key.canonical:
            self._note("marker-variant", start)
        if missing:
            self._note("missing-value-opener", base + key.end)
        name, declared = key.slots["key"], key.slots.get("string")
        fresh = builder.declare(name, (start, base + at))
        mode = self._mode(name, declared) if fresh else "drop"
        self._value = _Value(name, base + at, mode, declared, crlf, base + at, base + at)
        self._state, self._given = "value", True
        self.position = base + at
        if mode == "stream":
            builder.open(name)
        return None

    def _mode(self, key: str, declared: str | None) -> Literal["stream", "undecided", "late"]:
        builder = self.builder
        wire = builder.tool.wire(key) if builder.policy.coerce else "string"
        if declared == "false" or wire == "json":
            return "late"
        return "undecided" if wire == "nullable" and declared is None else "stream"

    def _read_value(self, stop: int, end: End) -> Outcome | None:
        value = self._open
        source = self.builder.source
        text, base = source.window, source.base
        if value.waited and not end.final and source.blank_since(value.waited, stop):
            value.waited = stop
            return Outcome.MORE
        found = self._live.find(text, value.scan - base, stop - base)
        at = found.start() if found is not None else self._live.held(text, value.scan - base, stop - base)
        if value.queue and text[value.scan - base : at].strip(BLANK):
            self._drop_queue()
        if not value.queue:
            self._tell(self._before_line_break(base + at))
        value.scan = base + at
        if found is None:
            return self._end_value(stop, end) if end.final else Outcome.MORE
        if self._live.open_ended(text, at, stop - base) and not end.final:
            return Outcome.MORE
        token = self._token(at, stop, end)
        value.waited = stop if token is Miss.MORE else 0
        if token is Miss.MORE:
            return self._end_value(stop, end) if end.final else Outcome.MORE
        if token is Miss.NO:
            self._drop_queue()
            value.scan = base + at + 1
            return None
        if isinstance(token, _Token):
            value.scan = token.end
            value.queue.append(token)
            self._judge("")
        return None

    @property
    def _open(self) -> _Value:
        assert self._value is not None
        return self._value

    def _token(self, at: int, stop: int, end: End) -> _Token | Miss | None:
        """Read the marker at `at`; None if it was dealt with."""
        value, form = self._open, self._form
        text, base = self.builder.source.window, self.builder.source.base
        limit = stop - base
        escape = form.dialect.argument.escape
        if escape and text.startswith(escape, at, limit):
            self._unescape(base + at, len(escape))
            return None
        waiting = False
        for letter, closer in self._closers(value):
            if text.startswith(closer, at, limit):
                nested = bool(value.nest) and letter != "M"
                if nested and letter == value.nest[-1]:
                    value.nest.pop()
                return _Token(letter, base + at, base + at + len(closer), nested)
            waiting = waiting or closer.startswith(text[at:limit])
        if waiting:
            return Miss.MORE
        return self._opener(at, limit, end)

    def _closers(self, value: _Value) -> list[tuple[str, str]]:
        form = self._form
        own = form.value_close(value.key)
        closers = [("V", own), ("C", self._call_close)]
        if form.wrapper_close:
            closers.append(("W", form.wrapper_close))
        closers += [("S", close) for _, close in form.sections if close]
        wrong = f"</{value.key}>"
        if wrong not in (own, self._call_close) and not value.nest:
            closers.append(("M", wrong))
        return closers

    def _opener(self, at: int, limit: int, end: End) -> _Token | Miss:
        value, form = self._open, self._form
        text, base = self.builder.source.window, self.builder.source.base
        quoted = self._before(base + at) == "`"
        tag = _tag(form, value.key)
        known = self.builder.tools.get(self.builder.name or "")
        key = form.find_key(text, at, limit, known) if not quoted else Miss.NO
        if tag and text.startswith(tag, at, limit):
            follower = text[at + len(tag) : min(at + len(tag) + 1, limit)]
            if not follower and not end.final:
                return Miss.MORE
            counts = follower and follower in _AFTER_TAG_NAME and key is not Miss.MORE
            value.unmatched += 1 if counts and not value.nest else 0
        if isinstance(key, Match):
            ends = not value.nest and self._may_end_at(key, base + at)
            return _Token("a" if ends else "A", base + at, base + at + max(1, key.end - at))
        call = self._call_opener(text, at, limit, end) if not quoted else Miss.NO
        if isinstance(call, Opened):
            outermost = "S" if call.section else "W" if call.wrapped else "C"
            return _Token("O" + outermost, base + at, base + call.body, True)
        return Miss.MORE if Miss.MORE in (key, call) else Miss.NO

    def _call_opener(self, text: str, at: int, limit: int, end: End) -> Opened | Miss:
        """Find a call's opener in the value, or behind it: a lone header counts where a section is open."""
        builder = self.builder
        forward = builder.policy.unknown_tools == "forward"
        scope = Scope(builder.tools, end.final, line_start=True, unknown=forward)
        found = open_call(self._form, text, at, limit, scope)
        if found is Miss.NO and self._sectioned:
            return open_call(self._form, text, at, limit, replace(scope, in_section=True))
        return found

    def _may_end_at(self, key: Match, position: int) -> bool:
        """Whether an argument opener may end a value that has no closer (R-NOCLOSE)."""
        builder, name = self.builder, key.slots["key"]
        given = name in builder.arguments or name == self._open.key
        return self._before(position) == "\n" and name in builder.tool.keys and not given

    def _before(self, position: int) -> str:
        """Return the value's character before `position`; the line break after its opener counts."""
        return self.builder.source.slice(position - 1, position) if position >= self._open.start else ""

    def _judge(self, last: str) -> bool:
        """Decide what the held markers are; True if the value ended. `last` is `$` at the end of output."""
        value = self._open
        while value.queue:
            letters = "".join(token.letter[0] for token in value.queue) + last
            nested = value.queue[0].nested and value.queue[0].letter[0] != "O"
            table = NESTED_ENDINGS if nested else self._endings
            if letters in table.accepted and not (value.nest and not nested):
                self._close_value(letters)
                return True
            if letters in table.prefixes:
                return False
            token = value.queue.pop(0)
            if token.letter[0] == "O":
                value.nest.append(token.letter[1])
            elif token.letter == "V" and not token.nested:
                value.unmatched = max(0, value.unmatched - 1)
        return False

    def _drop_queue(self) -> None:
        """Text follows the held markers: they are content."""
        queue = self._open.queue
        while queue:
            if queue.pop(0).letter == "V":
                self._open.unmatched = max(0, self._open.unmatched - 1)

    def _close_value(self, letters: str) -> None:
        """End the value at its closer and go on behind it."""
        value, queue = self._open, self._open.queue
        first, second = queue[0], queue[1] if len(queue) > 1 else None
        end, after = first.start, first.end
        if first.nested:
            self._note("ambiguous-boundary", first.start)
            self._doubtful = True
        if first.letter == "V":
            if letters.startswith("VV") and second is not None:
                empty = self._framed(first.start) <= value.start
                if value.unmatched or empty:
                    end = second.start
                else:
                    self._note("duplicate-closer", second.start)
                after = second.end
        elif first.letter == "M":
            self._note("mismatched-closer", first.start)
        else:
            self._note("unclosed-value", first.start)
            after = first.start
        bare = first.letter in "aC"
        self._end_argument(self._framed(end, bare))
        self.position = self._scan = after
        self._value, self._state = None, "between"

    def _framed(self, end: int, bare: bool = False) -> int:
        """Return the end of a value whose closer (or, `bare`, the marker after it) is at `end`: R-WS, exactly."""
        value = self._open
        if not (self._form.dialect.argument.pad or bare) or end <= value.start:
            return end
        source = self.builder.source
        if value.crlf and end - 2 >= value.start and source.slice(end - 2, end) == "\r\n":
            return end - 2
        return end - 1 if source.slice(end - 1, end) == "\n" else end

    def _before_line_break(self, end: int) -> int:
        """Return `end` less one line break that may turn out to be framing."""
        value, source = self._open, self.builder.source
        text, at = source.window, end - source.base
        floor = max(value.told, value.start) - source.base
        if at > floor and text[at - 1] == "\n":
            at -= 1
        if at > floor and text[at - 1] == "\r":
            at -= 1
        return source.base + at

    def _end_value(self, stop: int, end: End) -> Outcome | None:
        """The output ends in a value: held closers are real, a half closer of the value is dropped (R-HOLD)."""
        value = self._open
        source = self.builder.source
        rest = source.window[value.scan - source.base : stop - source.base]
        if value.queue and self._judge("$"):
            self._doubtful = self._doubtful and end is End.CUT
            return None
        if rest and not self._form.value_close(value.key).startswith(rest) and not value.queue:
            self._tell(stop)
        value.queue.clear()
        self._note("truncated-value", value.start)
        if value.mode in ("stream", "undecided"):
            prefix = self._text(value.told)
            if value.mode == "undecided":
                prefix = self._text(self._before_line_break(stop - len(rest)))
                self.builder.open(value.key)
                self.builder.more(prefix)
            self.builder.leave(prefix)
        return self._finish(stop, False)

    def _unescape(self, at: int, length: int) -> None:
        value = self._open
        self._drop_queue()
        self._tell(at)
        if value.mode == "undecided":
            self._decide(at)
        if value.mode == "stream":
            self.builder.more(self._form.value_close(value.key))
        value.told = value.scan = at + length
        value.escaped = True

    def _tell(self, end: int) -> None:
        """Tell the value's text up to `end`."""
        value = self._open
        if end <= value.told:
            return
        if value.mode == "undecided":
            if not "null".startswith(self._text(end)):
                self._decide(end)
        elif value.mode == "stream":
            source = self.builder.source
            self.builder.more(source.window[value.told - source.base : end - source.base])
            value.told = end
        else:
            self.builder.check_size(end - value.start)
            value.told = end

    def _decide(self, end: int) -> None:
        """The value cannot be null any more: begin the string and tell what was waiting."""
        value = self._open
        value.mode = "stream"
        self.builder.open(value.key)
        self.builder.more(self._text(end))
        value.told = end

    def _text(self, end: int) -> str:
        value = self._open
        text = self.builder.source.slice(value.start, end)
        if value.escaped:
            text = text.replace(self._form.dialect.argument.escape, self._form.value_close(value.key))
        return text

    def _end_argument(self, end: int) -> None:
        value, builder = self._open, self.builder
        text = self._text(end)
        span = (value.start, end)
        if "&" in text and _ENTITY.search(text):
            self.builder.journal.diagnose("suspicious-entities", span)
        if value.mode == "undecided" and text != "null":
            self._decide(end)
        if value.mode == "stream":
            self._tell(end)
            builder.close(text)
        elif value.mode == "undecided":
            builder.give(value.key, None)
        elif value.mode == "late":
            decode = {"true": builder.tool.decode_string, "false": builder.tool.decode_json}.get(
                value.declared or "", builder.tool.decode
            )
            builder.give_typed(value.key, decode(value.key, text, builder.policy.coerce), span)

    # Behind the call's own closer.

    def _read_closed(self, stop: int, end: End) -> Outcome | None:
        close = self._form.wrapper_close if self._wrapped else ""
        if not close:
            return self._finish(self.position, True)
        source = self.builder.source
        text, base = source.window, source.base
        at = skip_blank(text, self._scan - base, stop - base)
        self._scan = base + at
        rest = text[at : min(stop - base, at + len(close))]
        if rest == close:
            return self._finish(base + at + len(close), True)
        if close.startswith(rest) and not end.final:
            return Outcome.MORE
        self._note("unclosed-call", self.position)
        cut = stop if close.startswith(rest) and rest else self.position
        return self._finish(cut, True)

    def _note(self, code: str, at: int, message: str = "") -> None:
        self.builder.journal.diagnose(code, (at, at), message)

    def _finish(self, position: int, complete: bool) -> Outcome:
        self.builder.finish(position, complete and not self._doubtful)
        self.position = position
        return Outcome.DONE


def write_call(dialect: Dialect, name: str, arguments: dict[str, object], escaped: bool) -> str:
    """Write one call as the model's own chat template does; the caller checks that it comes back.

    `escaped`: write the value's own closer inside values the way the dialect escapes it.
    """
    argument = dialect.argument
    out = [dialect.call.open.format(name=name)]
    for key, value in arguments.items():
        string = isinstance(value, str)
        text = value if isinstance(value, str) else _spell(value, argument.literals)
        closer = Template(argument.close.trimmed).format(key=key)
        if escaped:
            text = text.replace(closer, argument.escape if string else "\\u003c" + closer[1:])
        edges = text[:1] + text[-1:]
        padded = not argument.pad_keys or key in argument.pad_keys or "\n" in edges or "\r" in edges
        pad = argument.pad if padded else ""
        opener = argument.open.format(key=key, string="true" if string else "false")
        out += [opener, pad, text, pad, argument.close.format(key=key)]
    out.append(dialect.call.close.format(name=name))
    return "".join(out)


def _spell(value: object, literals: str) -> str:
    scalar = not isinstance(value, (dict, list))
    return str(value) if literals == "python" or (literals == "python-scalars" and scalar) else dumps(value)
