"""The stage at the end: call-shaped text that is no call is found by a second look, and the policy may promote it.

Hypotheses about the text (see `hypotheses`) are decoded by the recogniser itself; a call that is found there is a
candidate, with the diagnosis that says why it is no call. Candidates become calls at the very end, where the policy
asks for it. It must not parse anything, and rolls nothing back. Law: the time is linear in the text, whatever it tries
in vain.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

from wireproto.decode.hypotheses import (
    Hypothesis,
    every_marker,
    every_opener,
    has_element,
    has_special,
    marked,
    quotations,
    stripped,
    telltales,
    unescaped,
)
from wireproto.decode.recogniser import Recogniser
from wireproto.decode.unmarked import begins_alone, elements, lone_arguments, records
from wireproto.engine.first_table import first_table
from wireproto.engine.openers import unrepaired
from wireproto.engine.regions import fences
from wireproto.engine.transcript import Prose, Transcript
from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO, plain_record
from wireproto.format.spelling import spellings
from wireproto.text.buffer import Buffer
from wireproto.text.json_repair import dumps, exact
from wireproto.text.scan import BLANK, iter_literals
from wireproto.tools.toolset import Toolset
from wireproto.values.diagnoses import KINDS, diagnose
from wireproto.values.errors import LimitExceeded
from wireproto.values.events import CallEnd, Diagnosed, Event, TextDelta
from wireproto.values.model import Call, Span
from wireproto.values.policy import Policy

# An attempt costs about as much as decoding this many characters. For all attempts together, and for what those decode
# that find nothing, there is the length of the text, and for a short text a little more.
_ATTEMPT = 160
_SPARE = 1_600
# How many openers a text that is decoded once more as a whole may hold: these, and one more for so many characters.
_OPENERS = 40
_PER_OPENER = 80
_FIRST = 32  # characters of a hypothesis that are decoded at once; then twice as many each time
_REST = 4096  # characters behind a defect that are looked at for the end of what may be guessed
_DEFECTS = frozenset(("json-invalid", "toml-invalid"))
_SUPPLIED = frozenset(("missing-wrapper", "unclosed-call", "marker-variant"))


def look_again(core: Recogniser, tools: Toolset, policy: Policy) -> None:
    """Add the candidates that a second look finds, and promote what policy promotes.

    Raises:
        LimitExceeded: there are more calls than the policy allows.
    """
    own = core.last_dialect
    if policy.second_look:
        _SecondLook(core.buffer, core.transcript, own, tools, policy).look()
    if own is None or not own.nonce:
        _promote(core.transcript, policy, tools)  # what does not hold the salt is never a call


@dataclass(slots=True)
class _SecondLook:
    """Looks at the text of a finished output once more. `own` is the dialect it was decoded as, if that is known."""

    buffer: Buffer
    transcript: Transcript
    own: Dialect | None
    tools: Toolset
    policy: Policy
    _taken: list[Span] = field(default_factory=list)
    _spare: int = _SPARE

    def look(self) -> None:
        """Add the candidates that are found."""
        found: list[Call] = []
        self._taken = sorted(call.span for call in self.transcript.candidates)
        self._spare += self.buffer.end
        telltale = telltales(self.own)
        for kind, segments in [*self.transcript.outside()]:
            prose = [self.buffer.slice(start, end) for each, start, end in segments if each == kind]
            if not prose or (telltale is not None and not any(map(telltale.search, prose))):
                continue
            start, end = segments[0][1], segments[-1][2]
            text = self.buffer.slice(start, end)
            fenced = [(start + opener, start + closer) for opener, closer in fences(text)]
            for call, guess in self._calls(text, kind):
                span = Span(start + guess.position(call.span[0]), start + guess.position(call.span[1]))
                code = self._code(kind, guess, span, fenced)
                if not (guess.weak and KINDS[code] == "quoted") and self._claim(span):
                    found.append(self._candidate(call, span, guess, code))
        self.transcript.candidates += sorted(found, key=lambda call: call.span)

    def _calls(self, text: str, kind: Prose) -> Iterator[tuple[Call, Hypothesis]]:
        from wireproto.decode.habits import habitual  # most prose holds no sign of a call

        own: str | Dialect = AUTO if self.own is None or self.tools.empty else self.own
        if kind == "reasoning" and self.policy.reasoning_calls == "never":
            yield from self._whole(Hypothesis(own, text, 0, len(text)))
        foreign = self.own is not None and self.policy.foreign != "text"
        holds_marker = any(literals.find(text) for literals in every_marker(self.own))
        holds_opener = holds_marker and every_opener().find(text) is not None
        if self.tools.empty and holds_opener:
            yield from self._whole(Hypothesis(AUTO, text, 0, len(text), causes=("no-tools",)))
        elif foreign and (
            (holds_opener and every_opener(self.own).find(text) is not None) or has_element(text, self.tools)
        ):
            yield from self._whole(Hypothesis(AUTO, text, 0, len(text), foreign=True))
        if holds_opener:
            yield from self._first_of_each(quotations(text))
        plain = unescaped(text, own)
        if plain is not None and every_opener().find(plain.text) is not None:
            yield from self._whole(plain)
        if holds_marker and not self.tools.empty:
            yield from self._first_of_each(marked(text, self.tools, self.own))
        tools = Toolset.of(None) if self.tools.empty else self.tools
        for found, habit, quoted in habitual(text, tools) if self._spare > 0 else ():
            self._spare -= _ATTEMPT
            if self._spare <= 0:
                return
            call = found
            if self.policy.decimals:
                with suppress(ValueError):  # no JSON can carry an infinite number
                    call = replace(found, arguments=exact(dumps(found.arguments), found.arguments))
            guess = Hypothesis(plain_record(), text, 0, len(text), quoted=quoted, habit=habit.name)
            if self._is_likely(call, guess):
                yield call, guess
        yield from self._first_of_each(records(text))
        yield from self._first_of_each(stripped(text, self.tools, self.own))
        yield from self._first_of_each(lone_arguments(text, self.tools, self.own))
        yield from self._first_of_each(elements(text, self.tools, self.own))

    def _whole(self, guess: Hypothesis) -> Iterator[tuple[Call, Hypothesis]]:
        """Decode a hypothesis to its end; yield what is a call there, and what is quoted there."""
        core = self._recogniser(guess)
        try:
            core.feed(self._affordable(guess.text))
            core.close()
        except LimitExceeded:
            return
        named = core.certain_dialect
        if guess.foreign and named is self.own:
            return
        bare = named is not None and any(spelling.markerless for spelling in spellings(named))
        for call in core.transcript.calls if not bare else ():
            if self.tools.empty or self.tools.accepts(call.name):
                yield call, guess
        for call in core.transcript.candidates:
            yield call, replace(guess, quoted=True)

    def _affordable(self, text: str) -> str:
        """Return a text up to where it holds more openers than can be tried: each costs more than a character may."""
        openers = islice(iter_literals(every_opener(), text), _OPENERS + len(text) // _PER_OPENER, None)
        beyond = next(openers, None)
        return text if beyond is None else text[: beyond.start()]

    def _first_of_each(self, guesses: Iterable[Hypothesis]) -> Iterator[tuple[Call, Hypothesis]]:
        """Decode the first call of each hypothesis, none of which begins in what was decoded before."""
        floor = 0
        for guess in guesses:
            if self._spare <= 0:
                return
            stands = begins_alone(guess, floor, self.tools) if guess.start >= floor else None
            if stands is None:
                continue
            call, floor = self._first(stands)
            if call is not None and self._is_likely(call, stands):
                yield call, stands

    def _first(self, guess: Hypothesis) -> tuple[Call | None, int]:
        """Return the call that a hypothesis begins with, if it does, and up to where its text was decoded."""
        self._spare -= _ATTEMPT
        core = self._recogniser(guess, repairs=False)
        at, size = guess.start, _FIRST
        try:
            events = core.feed(guess.prefix)
            while at < guess.end and not _is_decided(events):
                events = core.feed(guess.text[at : min(at + size, guess.end)])
                at, size = min(at + size, guess.end), size * 2
            broken = _defect(events)
            if broken is not None:
                line = guess.text.find("\n", at, at + _REST)
                core.feed(guess.text[at : line if line >= 0 else at])
            if broken is not None or not _is_decided(events):
                core.close()
        except LimitExceeded:
            return None, guess.start + 1
        calls = core.transcript.candidates if broken is not None else core.transcript.calls
        reached = broken if broken is not None else calls[0].span[1] if calls else 0
        consumed = max(1, reached - len(guess.prefix))
        # What was decoded in vain; a call is found with at most twice its length and a first piece.
        self._spare -= max(0, at - guess.start - 2 * consumed - _FIRST)
        return calls[0] if calls else None, guess.start + consumed

    def _recogniser(self, guess: Hypothesis, repairs: bool = True) -> Recogniser:
        """Return what decodes a hypothesis: no documents, no limit on calls, and no stage that looks again."""
        tools = Toolset.of(None) if self.tools.empty or guess.any_name else self.tools
        policy = self.policy
        if policy.documents or policy.limits.max_calls is not None:
            policy = replace(policy, documents=(), limits=replace(policy.limits, max_calls=None))
        openers = first_table(guess.dialect, policy, tools)
        return Recogniser(openers if repairs else unrepaired(openers), tools, policy)

    def _is_likely(self, call: Call, guess: Hypothesis) -> bool:
        """Return whether a call that was found without its own markers may have been meant as one."""
        # Plain tags are likelier a mention, and nothing but an opener is none but that.
        begun = call.complete or (call.arguments and has_special(guess.text, guess.position(call.span[0])))
        if guess.marked and not begun:
            return False
        if guess.weak and not self._stands_apart(call, guess):
            return False
        if guess.weak and guess.any_name:
            return self.tools.any_name or self._is_misnamed(call)
        if guess.marked and not self.tools.accepts(call.name):
            return self._may_be_unknown(call, guess)
        if not (self.tools.empty or self.tools.accepts(call.name)) or (guess.quoted and not call.complete):
            return False
        if not (guess.prefix or guess.habit):
            return True
        lacks_arguments = any(found.code in ("empty-arguments", "stray-members") for found in call.diagnoses)
        tool = self.tools.get(call.name)
        fits = not call.arguments or tool is None or not tool.keys or bool(call.arguments.keys() & tool.keys)
        return fits and not lacks_arguments and not _is_definition(call)

    def _stands_apart(self, call: Call, guess: Hypothesis) -> bool:
        """Return whether a whole call has nothing but brackets and further calls behind it on its line.

        A sentence of its own may follow where one ended before the call; else it is an example in a sentence.
        """
        start, end = map(guess.position, call.span)
        rest = guess.text[end : end + _REST].partition("\n")[0].strip(BLANK + "],;")[:1]
        before = guess.text[max(0, start - _FIRST) : start].rstrip(BLANK + "[")[-1:]
        apart = before in (*".!?…:",) and rest.isalpha() and not rest.islower() and not guess.any_name
        return bool(call.complete and call.arguments) and (rest in ("", "{") or apart)

    def _is_misnamed(self, call: Call) -> bool:
        """Return whether the arguments are those of a declared tool, each of them and all that it requires."""
        given = call.arguments.keys()
        forward = self.policy.unknown_tools == "forward"
        return forward and any(given <= tool.keys and given >= set(tool.required) for tool in self.tools.tools)

    def _may_be_unknown(self, call: Call, guess: Hypothesis) -> bool:
        """Return whether a call of a tool that nobody declared may have been meant, where a marker is missing.

        Plain tags with text behind them on their line are an explanation.
        """
        if guess.quoted or self.policy.unknown_tools != "forward":
            return False
        text, (start, end) = guess.text, map(guess.position, call.span)
        rest = text[end : end + _REST].partition("\n")[0].strip(BLANK)
        known = spellings(guess.dialect) if isinstance(guess.dialect, Dialect) else ()
        closers = (closer for each in known for closer, _ in each.closers_behind(call.name, None))
        return not rest or rest.startswith((*closers,)) or has_special(text, start)

    def _claim(self, span: Span) -> bool:
        """Take a stretch for a candidate, unless another one has some of it."""
        at = bisect_left(self._taken, span)
        after, before = self._taken[at : at + 1], self._taken[max(0, at - 1) : at]
        if (after and after[0][0] < span[1]) or (before and before[0][1] > span[0]):
            return False
        insort(self._taken, span)
        return True

    def _code(self, kind: Prose, guess: Hypothesis, span: Span, fenced: list[tuple[int, int]]) -> str:
        """Return the code that says why a call is none."""
        if kind == "reasoning":
            return "draft-call"
        at = bisect_right(fenced, (span[0], self.buffer.end)) - 1
        if at >= 0 and span[0] < fenced[at][1]:
            # Some models call by a fence that ends the output; text behind it makes it an example.
            over = not self.buffer.slice(fenced[at][1], self.buffer.end).strip(BLANK)
            return "leaked-call" if over and not guess.quoted else "quoted-call"
        return "quoted-call" if guess.quoted else "foreign-call" if guess.foreign else "leaked-call"

    def _candidate(self, call: Call, span: Span, guess: Hypothesis, code: str) -> Call:
        unknown = ("unknown-tool",) if not (self.tools.empty or self.tools.accepts(call.name)) else ()
        diagnoses = [diagnose(each, span) for each in (code, *guess.causes, *unknown)]
        if guess.habit and KINDS[code] == "leaked":
            diagnoses.append(diagnose("no-dialect", span, f"the call is written as in {guess.habit}"))
        for diagnosis in diagnoses:
            self.transcript.diagnose(diagnosis.code, span, diagnosis.message)
        kept = [
            replace(found, span=span)
            for found in call.diagnoses
            if found.code not in (*_SUPPLIED, *unknown) and found.code not in KINDS
        ]
        return replace(call, span=span, diagnoses=(*diagnoses, *kept), _source=self.buffer)


def _promote(transcript: Transcript, policy: Policy, tools: Toolset) -> None:
    """Make calls of the candidates that policy promotes, in their order.

    Raises:
        LimitExceeded: there are more calls than the policy allows.
    """
    kept: list[Call] = []
    for call in transcript.candidates:
        if not (call.complete and not tools.empty and tools.accepts(call.name) and _is_promoted(call, policy)):
            kept.append(call)
            continue
        if policy.limits.max_calls is not None and len(transcript.calls) >= policy.limits.max_calls:
            raise LimitExceeded(f"more than {policy.limits.max_calls} calls in one message", "max_calls")
        transcript.promote(call)
    transcript.candidates[:] = kept


def _is_promoted(call: Call, policy: Policy) -> bool:
    labels = policy.promote.get(call.name, policy.promote.get("*"))
    if policy.foreign == "call" and (labels or labels is None):
        labels = {*(labels or ()), "foreign"}
    return any(KINDS.get(diagnosis.code) in labels for diagnosis in call.diagnoses) if labels else False


def _is_decided(events: Iterable[Event]) -> bool:
    """Return whether it is known by now that a hypothesis begins with a call, or that it does not."""
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
    """Return whether what looks like arguments is the JSON Schema of a tool's definition."""
    return call.arguments.get("type") == "object" and isinstance(call.arguments.get("properties"), dict)
