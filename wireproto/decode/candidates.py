"""Call-shaped text that is no call: what a second look at a finished output finds, and what policy makes of it.

Other views of the text (see `views`) are decoded by the decoder itself; a call that is found there is a candidate, with
the diagnosis that says why it is no call. Candidates become calls at the very end, where policy says so. It must not
parse anything, and it takes nothing back. Law: the time is linear in the text, whatever it begins in vain.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from wireproto.decode.hypotheses import (
    Hypothesis,
    begins_alone,
    every_opener,
    fences,
    has_element,
    lone_arguments,
    quotations,
    records,
    stripped,
    unescaped,
)
from wireproto.engine.transcript import Prose, Transcript
from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO
from wireproto.format.registry import dialect as find_dialect
from wireproto.format.spelling import spellings
from wireproto.text.buffer import Buffer
from wireproto.text.scan import BLANK
from wireproto.tools.toolset import Toolset
from wireproto.values.diagnoses import KINDS, diagnose
from wireproto.values.errors import LimitExceeded
from wireproto.values.events import CallEnd, Diagnosed, Event, TextDelta
from wireproto.values.model import Call, Message, Span
from wireproto.values.policy import NO_LOOPS, Policy

# Views of one stretch that begin behind one another: more of them is no slip of a model, and each costs time.
_ATTEMPTS = 256
_FIRST = 256  # characters that a view is fed at once; then twice as many each time
_REST = 4096  # characters behind a defect that are looked at for the end of what may be guessed
_DEFECTS = frozenset(("json-invalid", "toml-invalid"))
_SUPPLIED = frozenset(("missing-wrapper", "unclosed-call", "marker-variant"))


class Decoding(Protocol):
    """A decoder that takes no second look."""

    def feed(self, text: str) -> list[Event]:
        """Take more of the text."""
        ...

    def close(self, finish_reason: str | None = None) -> list[Event]:
        """End the text."""
        ...

    @property
    def message(self) -> Message:
        """What was found."""
        ...


Begin = Callable[["str | Dialect", Toolset, Policy], Decoding]


def look_again(
    source: Buffer, journal: Transcript, own: Dialect | None, tools: Toolset, policy: Policy, begin: Begin
) -> None:
    """Add the candidates that a second look finds, and promote what policy promotes; `begin` makes a decoder."""
    if policy.second_look:
        SecondLook(source, journal, own, tools, policy, begin).look()
    if own is None or not own.nonce:
        promote(journal, policy, tools)  # what does not hold the salt is never a call


@dataclass(slots=True)
class SecondLook:
    """Looks at the text of a finished output once more. `own` is the dialect it was decoded as, if that is known."""

    source: Buffer
    journal: Transcript
    own: Dialect | None
    tools: Toolset
    policy: Policy
    begin: Begin
    _taken: list[Span] = field(default_factory=list)

    def look(self) -> None:
        """Add the candidates that are found."""
        found: list[Call] = []
        self._taken = sorted(call.span for call in self.journal.candidates)
        for kind, (start, end) in [*self.journal.outside()]:
            text = self.source.slice(start, end)
            fenced = [(start + opener, start + closer) for opener, closer in fences(text)]
            for call, view in self._calls(text):
                span = Span(start + view.position(call.span[0]), start + view.position(call.span[1]))
                if self._claim(span):
                    found.append(self._candidate(call, span, (self._code(kind, view, span, fenced), *view.causes)))
        self.journal.candidates += sorted(found, key=lambda call: call.span)

    def _calls(self, text: str) -> Iterator[tuple[Call, Hypothesis]]:
        own: str | Dialect = AUTO if self.own is None or self.tools.empty else self.own
        foreign = self.own is not None and self.policy.foreign != "text"
        if self.tools.empty and every_opener().find(text) is not None:
            yield from self._whole(Hypothesis(AUTO, text, 0, len(text), causes=("no-tools",)))
        elif foreign and (every_opener(self.own).find(text) is not None or has_element(text, self.tools)):
            yield from self._whole(Hypothesis(AUTO, text, 0, len(text), foreign=True))
        yield from self._first_of_each(quotations(text))
        plain = unescaped(text, own)
        if plain is not None and every_opener().find(plain.text) is not None:
            yield from self._whole(plain)
        yield from self._first_of_each(records(text))
        yield from self._first_of_each(stripped(text, self.tools, self.own))
        yield from self._first_of_each(lone_arguments(text, self.tools, self.own))

    def _whole(self, view: Hypothesis) -> Iterator[tuple[Call, Hypothesis]]:
        """Decode a view to its end; yield what is a call there, and what is quoted there."""
        decoder = self._decoder(view)
        try:
            decoder.feed(view.text)
            decoder.close()
        except LimitExceeded:
            return
        message = decoder.message
        named = find_dialect(message.dialect) if message.dialect else None
        if view.foreign and named is self.own:
            return
        bare = named is not None and any(form.markerless for form in spellings(named))
        for call in message.calls if not bare else ():
            if self.tools.empty or self.tools.accepts(call.name):
                yield call, view
        for call in message.candidates:
            yield call, replace(view, quoted=True)

    def _first_of_each(self, views: Iterable[Hypothesis]) -> Iterator[tuple[Call, Hypothesis]]:
        """Decode the first call of each view, none of which begins in what was decoded before."""
        floor, attempts = 0, 0
        for view in views:
            if attempts >= _ATTEMPTS:
                return
            stands = begins_alone(view, floor) if view.start >= floor else None
            if stands is None:
                continue
            attempts += 1
            call, floor = self._first(stands)
            if call is not None and self._is_likely(call, stands):
                yield call, stands

    def _first(self, view: Hypothesis) -> tuple[Call | None, int]:
        """Return the call that a view begins with, if it does, and up to where the view's text was decoded."""
        decoder = self._decoder(view)
        at, size = view.start, _FIRST
        try:
            events = decoder.feed(view.prefix)
            while at < view.end and not _is_decided(events):
                events = decoder.feed(view.text[at : min(at + size, view.end)])
                at, size = min(at + size, view.end), size * 2
            broken = _defect(events)
            if broken is not None:
                line = view.text.find("\n", at, at + _REST)
                decoder.feed(view.text[at : line if line >= 0 else at])
            if broken is not None or not _is_decided(events):
                decoder.close()
        except LimitExceeded:
            return None, view.start + 1
        message = decoder.message
        calls = message.candidates if broken is not None else message.calls
        reached = broken if broken is not None else calls[0].span[1] if calls else 0
        return calls[0] if calls else None, view.start + max(1, reached - len(view.prefix))

    def _decoder(self, view: Hypothesis) -> Decoding:
        tools = Toolset.of(None) if self.tools.empty else self.tools
        limits = replace(self.policy.limits, max_calls=None)
        policy = replace(self.policy, documents=(), promote={}, second_look=False, limits=limits, loops=NO_LOOPS)
        return self.begin(view.dialect, tools, policy)

    def _is_likely(self, call: Call, view: Hypothesis) -> bool:
        """Tell whether a call that was found without its own markers may have been meant as one."""
        if not (self.tools.empty or self.tools.accepts(call.name)) or (view.quoted and not call.complete):
            return False
        if not view.prefix:
            return True
        lacks_arguments = any(found.code == "empty-arguments" for found in call.diagnoses)
        tool = self.tools.get(call.name)
        fits = not call.arguments or tool is None or not tool.keys or bool(call.arguments.keys() & tool.keys)
        return fits and not lacks_arguments and not _is_definition(call)

    def _claim(self, span: Span) -> bool:
        """Take a stretch for a candidate, unless another one has some of it."""
        at = bisect_left(self._taken, span)
        after, before = self._taken[at : at + 1], self._taken[max(0, at - 1) : at]
        if (after and after[0][0] < span[1]) or (before and before[0][1] > span[0]):
            return False
        insort(self._taken, span)
        return True

    def _code(self, kind: Prose, view: Hypothesis, span: Span, fenced: list[tuple[int, int]]) -> str:
        """Return the code that says why a call is none."""
        if kind == "reasoning":
            return "draft-call"
        at = bisect_right(fenced, (span[0], self.source.end)) - 1
        if at >= 0 and span[0] < fenced[at][1]:
            # Some models call by a fence that ends the output; text behind it makes it an example.
            over = not self.source.slice(fenced[at][1], self.source.end).strip(BLANK)
            return "leaked-call" if over and not view.quoted else "quoted-call"
        return "quoted-call" if view.quoted else "foreign-call" if view.foreign else "leaked-call"

    def _candidate(self, call: Call, span: Span, codes: Iterable[str]) -> Call:
        diagnoses = [diagnose(code, span) for code in codes]
        for diagnosis in diagnoses:
            self.journal.diagnose(diagnosis.code, span)
        kept = [
            replace(found, span=span)
            for found in call.diagnoses
            if found.code not in _SUPPLIED and found.code not in KINDS
        ]
        return replace(call, span=span, diagnoses=(*diagnoses, *kept), _source=self.source)


def promote(journal: Transcript, policy: Policy, tools: Toolset) -> None:
    """Make calls of the candidates that policy promotes, in their order; they are told at the end.

    Raises:
        LimitExceeded: there are more calls than the policy allows.
    """
    kept: list[Call] = []
    for call in journal.candidates:
        if not (call.complete and not tools.empty and tools.accepts(call.name) and _is_promoted(call, policy)):
            kept.append(call)
            continue
        if policy.limits.max_calls is not None and len(journal.calls) >= policy.limits.max_calls:
            raise LimitExceeded(f"more than {policy.limits.max_calls} calls in one message", "max_calls")
        journal.adopt(call)
    journal.candidates[:] = kept


def _is_promoted(call: Call, policy: Policy) -> bool:
    labels = policy.promote.get(call.name, policy.promote.get("*"))
    if policy.foreign == "call" and (labels or labels is None):
        labels = {*(labels or ()), "foreign"}
    return any(KINDS.get(diagnosis.code) in labels for diagnosis in call.diagnoses) if labels else False


def _is_decided(events: Iterable[Event]) -> bool:
    """Tell whether it is known by now that a view begins with a call, or that it does not."""
    return any(
        isinstance(event, CallEnd)
        or (isinstance(event, TextDelta) and event.text.strip(BLANK))
        or (isinstance(event, Diagnosed) and event.diagnosis.code in _DEFECTS)
        for event in events
    )


def _defect(events: Iterable[Event]) -> int | None:
    """Return where the first defect is that leaves a call unreadable from there on."""
    found = (event.diagnosis for event in events if isinstance(event, Diagnosed))
    return next((diagnosis.span[0] for diagnosis in found if diagnosis.code in _DEFECTS), None)


def _is_definition(call: Call) -> bool:
    """Tell whether what looks like arguments is the JSON Schema of a tool's definition."""
    return call.arguments.get("type") == "object" and isinstance(call.arguments.get("properties"), dict)
