"""One output step by step: which characters were read as what, when that was certain, and why a marker was no markup.

It asks a decoder, a character at a time, and must not decide itself. Law: the steps of an output tile it. A reason is
never a guess: with what it names changed, and nothing else, the marker is one of a call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from wireproto.decode.decoder import Decoder, parse
from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO
from wireproto.format.registry import dialect as find_dialect
from wireproto.recover.markers import markers_of
from wireproto.text.scan import iter_literals
from wireproto.tools.toolset import Tools, Toolset
from wireproto.values.diagnoses import RULES
from wireproto.values.events import (
    ArgumentDelta,
    ArgumentEnd,
    ArgumentStart,
    CallEnd,
    CallIdentified,
    CallStart,
    Diagnosed,
    DocumentDelta,
    DocumentEnd,
    DocumentStart,
    Event,
    ReasoningDelta,
    TextDelta,
)
from wireproto.values.finish_reasons import meaning
from wireproto.values.model import Diagnosis, Message, Span
from wireproto.values.policy import Forced, Policy, policy_of

Context = Literal["text", "reasoning", "call", "value", "document"]
MOST_MARKERS: Final = 20  # that an explanation looks into
_QUOTES: Final = ("`", '"', "'")


@dataclass(frozen=True, slots=True)
class TraceStep:
    """Some characters that were read as one thing.

    `context` is where they stand, `what` says what was read. `certain_at` is how many characters had come when the last
    of them was certain, None if only the end of the output decided; `held` is the most of them and of what follows that
    had to wait for that. `diagnoses` came with them.
    """

    span: Span
    raw: str
    context: Context
    what: str
    certain_at: int | None
    held: int
    diagnoses: tuple[Diagnosis, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that the diagnoses come from: sections of docs/explanation/rules.md."""
        return tuple(dict.fromkeys(RULES[each.code] for each in self.diagnoses if each.code in RULES))


@dataclass(frozen=True, slots=True)
class UnreadMarker:
    """A marker of calls that counts as text, and why: each of `reasons` is enough, with the rule that it comes from."""

    span: Span
    raw: str
    reasons: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The steps of an output, in order, the markers in it that are none, and the message that came out."""

    message: Message
    steps: tuple[TraceStep, ...]
    unread: tuple[UnreadMarker, ...]


def explain(
    text: str,
    dialect: str | Dialect,
    tools: Tools = None,
    *,
    policy: Policy | None = None,
    finish_reason: str | None = None,
    reasoning_open: bool = False,
    forced: Forced = None,
) -> Explanation:
    """Say step by step how an output is read; the arguments are those of `parse`.

    Raises:
        DialectError, SchemaError, LimitExceeded, TypeError: as `parse` does.
    """
    circumstances = _Circumstances(dialect, Toolset.of(tools), policy_of(policy), finish_reason, reasoning_open, forced)
    decoder = circumstances.decoder()
    steps = _Steps(text)
    for at, character in enumerate(text, 1):
        if events := decoder.feed(character):
            steps.take(events, at - len(decoder.pending), at)
    steps.take(decoder.close(finish_reason), len(text), None)
    return Explanation(decoder.message, steps.joined(), tuple(_unread(text, decoder.message, circumstances)))


# --- steps ------------------------------------------------------------------------------------------------------------


class _Steps:
    """Steps, as a decoder takes characters."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._steps: list[TraceStep] = []
        self._settled = 0  # what stands before is read
        self._context: Context = "text"

    def take(self, events: Sequence[Event], settled: int, at: int | None) -> None:
        """Note what came when `at` characters were there, None at the end, and up to where the text is read now."""
        before = 0
        for number, event in enumerate(events):
            text = event.text if isinstance(event, (TextDelta, ReasoningDelta, ArgumentDelta)) else ""
            start = self._text.find(text, self._settled, settled) if text else -1
            if start >= 0:
                # What comes as it was written is a step of its own, and the markup in front of it is another.
                self._note(events[before:number], start, at)
                self._note([event], start + len(text), at)
                before = number + 1
        self._note(events[before:], settled, at)

    def _note(self, events: Sequence[Event], end: int, at: int | None) -> None:
        if not events and end == self._settled:
            return
        span, context = Span(self._settled, end), self._context
        for event in events:
            self._context = _context_behind(event, self._context)
        if len(events) == 1 and isinstance(events[0], (TextDelta, ReasoningDelta)):
            context = self._context
        found = tuple(event.diagnosis for event in events if isinstance(event, Diagnosed))
        held = (len(self._text) if at is None else at) - span.start
        what = "; ".join(dict.fromkeys(filter(None, map(_word, events))))
        what = what or ", ".join(each.code for each in found) or "markup"
        self._steps.append(TraceStep(span, self._text[span.start : end], context, what, at, held, found))
        self._settled = end

    def joined(self) -> tuple[TraceStep, ...]:
        """Return the steps, those that are more of the same in one."""
        runs: list[list[TraceStep]] = []
        for step in self._steps:
            last = runs[-1][-1] if runs else None
            if last is not None and (last.what, last.context) == (step.what, step.context) and not step.diagnoses:
                runs[-1].append(step)
            else:
                runs.append([step])
        return tuple(
            replace(
                run[0],
                span=Span(run[0].span.start, run[-1].span.end),
                raw=self._text[run[0].span.start : run[-1].span.end],
                certain_at=run[-1].certain_at,
                held=max(step.held for step in run),
            )
            for run in runs
        )


def _word(event: Event) -> str:
    """Return what an event says; of more of something, the same as often as it comes."""
    match event:
        case TextDelta():
            return "text"
        case ReasoningDelta():
            return "reasoning"
        case CallStart(_, name, _):
            return f"a call of {name} begins"
        case CallIdentified(_, found):
            return f"its id is {found}"
        case ArgumentStart(_, key, _):
            return f"argument {key} begins"
        case ArgumentDelta(_, key, _):
            return f"value of {key}"
        case ArgumentEnd(_, key, _):
            return f"argument {key} ends"
        case CallEnd(_, call):
            return f"the call of {call.name} ends" + ("" if call.complete else ", incomplete")
        case DocumentStart(_, name):
            return f"document {name} begins"
        case DocumentDelta():
            return "document"
        case DocumentEnd(_, document):
            return f"document {document.name} ends" + ("" if document.complete else ", incomplete")
    return ""


def _context_behind(event: Event, before: Context) -> Context:
    match event:
        case ArgumentStart() | ArgumentDelta():
            return "value"
        case CallStart() | CallIdentified() | ArgumentEnd():
            return "call"
        case DocumentStart() | DocumentDelta():
            return "document"
        case CallEnd() | DocumentEnd() | TextDelta():
            return "text"
        case ReasoningDelta():
            return "reasoning"
    return before


# --- markers that are text --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Circumstances:
    """All that a decoder is told beside the text."""

    dialect: str | Dialect
    tools: Toolset
    policy: Policy
    finish_reason: str | None
    reasoning_open: bool
    forced: Forced = field(default=None)

    def decoder(self) -> Decoder:
        return Decoder(self.dialect, self.tools, **self._given())

    def parse(self, text: str) -> Message:
        return parse(text, self.dialect, self.tools, finish_reason=self.finish_reason, **self._given())

    def _given(self) -> dict[str, Any]:
        return {"policy": self.policy, "reasoning_open": self.reasoning_open, "forced": self.forced}

    def others(self) -> Iterator[tuple[str, str, _Circumstances]]:
        """Yield what could be otherwise: a reason, its rule, and the circumstances without it."""
        policy = self.policy
        if not self.tools.any_name:
            yield "its tool is not declared", "R-UNK", replace(self, tools=Toolset.of(None))
        if policy.fenced_calls != "call":
            yield "it stands in a Markdown fence", "R-FENCE", replace(self, policy=replace(policy, fenced_calls="call"))
        if policy.reasoning_calls != "always":
            always = replace(policy, reasoning_calls="always")
            yield "it stands in reasoning", "R-THINK", replace(self, policy=always)
        if self.reasoning_open:
            yield "the prompt ended inside reasoning", "R-THINK", replace(self, reasoning_open=False)
        if meaning(self.finish_reason) != "ended":
            yield f"the output was cut ({self.finish_reason})", "R-CUT", replace(self, finish_reason=None)
        if self.dialect != AUTO:
            yield "it is a call in another dialect", "R-FOREIGN", replace(self, dialect=AUTO)


def _unread(text: str, message: Message, given: _Circumstances) -> Iterator[UnreadMarker]:
    """Yield the markers that begin calls, but not here."""
    spec: str | Dialect | None = given.dialect
    if isinstance(spec, str):
        spec = None if spec == AUTO else find_dialect(spec)
    markers = markers_of(spec)
    prose = [segment.span for segment in message.segments if segment.kind in ("text", "reasoning")]
    spans = [
        Span(*marker.span())
        for marker in iter_literals(markers.begins, text)
        if any(span.start <= marker.start() < span.end for span in prose)
    ][:MOST_MARKERS]
    if not spans:
        return
    others = [(reason, rule, other.parse(text)) for reason, rule, other in given.others()]
    for span in spans:
        reasons = [(reason, rule) for reason, rule, other in others if _is_of_call(other, span)]
        if not reasons and text.startswith(_QUOTES, span.start - 1):
            plain = f"{text[: span.start - 1]} {text[span.start :]}"
            if _is_of_call(given.parse(plain), span):
                reasons.append(("a quotation mark or a backtick stands before it", "R-OPEN"))
        fallback = ("what follows it is not what a call has there", "R-OPEN")
        yield UnreadMarker(span, text[span.start : span.end], tuple(reasons or [fallback]))


def _is_of_call(message: Message, span: Span) -> bool:
    return any(call.span.start <= span.start < call.span.end for call in message.calls)
