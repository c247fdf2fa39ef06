"""The laws of decoding and encoding as functions, for our own tests and for authors of dialects.

`check_dialect(mine)` holds a dialect to every law, on generated tools, calls, values built from the dialect's own
markers, mutated outputs and random splits; `check_trial(mine, trial)` holds one output to the laws of decoding. The
numbers are those of docs/explanation/design.md; law 6, about grammars, is `wireproto.testing.codec.law_grammar`.
Needs hypothesis, which the rest of the package never imports.

Law: a law returns or raises AssertionError with the text and the chunks that broke it. An error of the decoder itself
passes through with its own traceback, since law 1 is that there is none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, Union

from hypothesis import HealthCheck, given, settings
from hypothesis import event as record_event
from hypothesis import strategies as st

from wireproto.decode.decoder import Decoder, parse
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.testing.decoded import AnyDialect, Decoded, decode, merged
from wireproto.testing.floods import WRITE_FILE, Flood, floods
from wireproto.testing.strategies import (
    Tools,
    Trial,
    calls,
    hostile_text,
    messages,
    outputs,
    splits,
    tool_sets,
    trials,
)
from wireproto.text.json_safe import identical
from wireproto.values import events as ev
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call, Message
from wireproto.write.encoder import encode

__all__ = [
    "TRIAL_LAWS",
    "Decoded",
    "Tally",
    "Trial",
    "calls",
    "check_dialect",
    "check_trial",
    "decode",
    "hostile_text",
    "identical",
    "law_chunk_invariant",
    "law_early",
    "law_exact_replay",
    "law_linear",
    "law_lossless",
    "law_monotone",
    "law_round_trip",
    "law_total",
    "merged",
    "messages",
    "outputs",
    "splits",
    "tool_sets",
    "trials",
]

_MAX_SLOT = 128
_SEED = "zqz"
# Of messages drawn at random, hostile text included, our dialects write a third or more.
_LEAST_WRITTEN = 0.05


def law_total(found: Decoded) -> None:
    """Law 1, total: no text raises, and what comes out points into the text."""
    trial, (_, message) = found.trial, found.chunked
    for diagnosis in message.diagnoses:
        start, end = diagnosis.span
        assert 0 <= start <= end <= len(trial.text), f"{diagnosis} points outside {trial}"
    json.dumps([call.arguments for call in message.calls + message.candidates])


def law_lossless(found: Decoded) -> None:
    """Law 2, lossless: the segments tile the text and concatenate to it."""
    trial, (_, message) = found.trial, found.chunked
    end = 0
    for segment in message.segments:
        assert segment.span[0] == end < segment.span[1], f"{segment} does not continue at {end}: {trial}"
        end = segment.span[1]
    joined = "".join(segment.raw for segment in message.segments)
    assert joined == trial.text, f"segments join to {joined!r}: {trial}"


def law_chunk_invariant(found: Decoded) -> None:
    """Law 3, chunk-invariant: chunks do not matter, nor does looking at a decoder, copying it, or calling `parse`."""
    trial, (events, message) = found.trial, found.whole
    for label, (other_events, other) in {"in chunks": found.chunked, "watched and copied": found.watched}.items():
        _assert_same(message, other, f"{label}: {trial}")
        ours, theirs = merged(events), merged(other_events)
        assert ours == theirs, f"{label}: events differ\nwhole:  {ours}\nchunks: {theirs}\n{trial}"
        ours, theirs = _diagnosed(events), _diagnosed(other_events)
        assert ours == theirs, f"{label}: diagnoses differ\nwhole:  {ours}\nchunks: {theirs}\n{trial}"
    _assert_same(message, found.parsed, f"parse: {trial}")


def law_monotone(found: Decoded) -> None:
    """Law 4, monotone: nothing emitted is changed or repeated: events nest, and their deltas spell the message."""
    trial, (events, message) = found.trial, found.chunked
    text = "".join(event.text for event in events if isinstance(event, ev.TextDelta))
    assert text == message.text, f"text deltas join to {text!r}, text is {message.text!r}: {trial}"
    thought = "".join(event.text for event in events if isinstance(event, ev.ReasoningDelta))
    assert thought == message.reasoning, f"reasoning deltas join to {thought!r}, not {message.reasoning!r}: {trial}"
    ended = tuple(event.call for event in events if isinstance(event, ev.CallEnd))
    ended = tuple(sorted(ended, key=lambda call: call.span))
    assert ended == message.calls, f"calls ended: {ended}\nmessage:     {message.calls}\n{trial}"
    for streamed in _streamed_calls(events, trial):
        streamed.check(trial)
    documents = [event.document for event in events if isinstance(event, ev.DocumentEnd)]
    assert documents == [*message.documents], f"documents ended: {documents}: {trial}"
    texts = [(event.index, event.text) for event in merged(events) if isinstance(event, ev.DocumentDelta)]
    assert texts == [(i, document.text) for i, document in enumerate(documents)], f"{texts}, {documents}: {trial}"


def law_round_trip(dialect: AnyDialect, message: Message, tools: Tools = None) -> bool:
    """Law 5, round trip: what `encode` writes comes back, to the character on a second turn.

    Return False where `encode` refused, so that a caller can count how much was tried.
    """
    try:
        text = encode(message, dialect, tools=tools)
    except EncodeError:
        return False
    back = parse(text, dialect, tools=tools)
    expected, got = _content(message), _content(back)
    assert identical(expected, got), f"round trip changes\n{expected} to\n{got}\ntext: {text!r}\ntools: {tools}"
    for call, found in zip(message.calls, back.calls, strict=True):
        assert None in (call.id, found.id) or call.id == found.id, (
            f"the id {call.id!r} changes to {found.id!r}: {text!r}"
        )
    again = encode(back, dialect, tools=tools)
    assert again == text, f"written again it is\n{again!r}, not\n{text!r}\ntools: {tools}"
    return True


def law_linear(dialect: AnyDialect, size: int = 4_000, growth: float = 2.7) -> None:
    """Law 7, linear: from `size` to four times `size` characters the CPU time grows less than `growth` per doubling.

    Linear work doubles, quadratic work quadruples; `growth` lies between.
    """
    found = dialect if isinstance(dialect, Dialect) else find_dialect(dialect)
    for label, make in floods(found):
        small, large = make(size), make(4 * size)
        for step in (4, len(large[0])):
            # Noise passes; what is slow stays slow, so only a suspect is measured more than once.
            ratios = (_growth(dialect, small, large, step, runs) for runs in (1, 2, 4, 8))
            ratio = next((ratio for ratio in ratios if ratio <= growth**2), None)
            assert ratio is not None, (
                f"{label}, {step} at a time: 4 times the text takes over {growth**2:.1f} times as long"
            )


def law_early(dialect: AnyDialect, value: str) -> bool:
    """Law 8, early: one character at a time, no more of a string argument is held back than could still be markup.

    Of a value of letters and digits nothing at all is held back: no marker starts with one. Return False where
    `encode` refused the value.
    """
    found = dialect if isinstance(dialect, Dialect) else find_dialect(dialect)
    call = Call("write_file", {"path": "a", "content": value})
    try:
        text = encode([call], dialect, tools=[WRITE_FILE])
    except EncodeError:
        return False
    lengths = [len(marker) for marker in found.markers] or [0]
    # R-CLOSE2 holds a second closer, which may be the longest marker there is.
    bound = sum(lengths) + max(lengths) + 2 * _MAX_SLOT
    decoder = Decoder(dialect, tools=[WRITE_FILE])
    start = len(text)
    if value.isalnum() and value.isascii():
        seeded = encode([Call("write_file", {"path": "a", "content": _SEED})], dialect, tools=[WRITE_FILE])
        start = seeded.index(_SEED)
    emitted = ""
    for at, character in enumerate(text):
        events = decoder.feed(character)
        emitted += "".join(e.text for e in events if isinstance(e, ev.ArgumentDelta) and e.key == "content")
        held = decoder.pending
        blanks = sum(map(str.isspace, held))
        assert len(held) <= bound + blanks, f"holds {held!r} at {at} of {text!r}"
        if start <= at < start + len(value):
            expected = value[: at - start + 1]
            assert emitted == expected, f"emitted {emitted!r}, could have emitted {expected!r}, of {text!r}"
    return True


def law_exact_replay(found: Decoded) -> None:
    """Law 9, exact replay: `raw` is the model's own text, to the character, and calls do not overlap."""
    trial, (_, message) = found.trial, found.chunked
    for call in message.calls + message.candidates:
        start, end = call.span
        assert 0 <= start < end <= len(trial.text), f"{call} spans nothing of {trial}"
        assert call.raw == trial.text[start:end], f"raw of {call} is {call.raw!r}: {trial}"
    spans = [call.span for call in message.calls]
    assert all(left[1] <= right[0] for left, right in pairwise(spans)), f"calls overlap: {spans}: {trial}"


Law = Callable[[Decoded], None]
CallEvent = Union[ev.CallIdentified, ev.ArgumentStart, ev.ArgumentDelta, ev.ArgumentEnd, ev.CallEnd]
TRIAL_LAWS: tuple[Law, ...] = (law_total, law_lossless, law_chunk_invariant, law_monotone, law_exact_replay)


def check_trial(dialect: AnyDialect, trial: Trial, laws: Iterable[Law] = TRIAL_LAWS) -> Message:
    """Hold one output to the laws of decoding, which share its decodings; return the message.

    Raises:
        AssertionError: with the name of the law that is broken, the text and its chunks.
    """
    found = Decoded(dialect, trial)
    for law in laws:
        try:
            law(found)
        except AssertionError as error:
            error.args = (f"{law.__name__}: {error}",)
            raise
    return found.whole[1]


@dataclass
class Tally:
    """How many of the drawn values a law could be tried on: if `encode` refused them all, it would pass unseen."""

    tried: int = 0
    drawn: int = 0

    def count(self, tried: bool) -> None:
        """Count one value; hypothesis shows the shares with `--hypothesis-show-statistics`."""
        self.drawn += 1
        self.tried += tried
        record_event("tried" if tried else "refused")

    def check(self, least: float) -> None:
        """Hold the tally to a least share."""
        assert self.tried >= least * self.drawn, f"only {self.tried} of {self.drawn} could be tried: too few"


def check_dialect(dialect: AnyDialect, tools: Tools = None, max_examples: int = 100) -> None:
    """Hold a dialect to every law; `tools` are generated unless given."""
    quiet = settings(max_examples=max_examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    any_tools = tool_sets() if tools is None else st.just(tools)
    written = any_tools.flatmap(lambda given_tools: st.tuples(messages(dialect, given_tools), st.just(given_tools)))
    round_trips, values = Tally(), Tally()

    @quiet
    @given(trials(dialect, tools))
    def decodes(trial: Trial) -> None:
        check_trial(dialect, trial)

    @quiet
    @given(written)
    def comes_back(case: tuple[Message, Tools]) -> None:
        round_trips.count(law_round_trip(dialect, *case))

    @quiet
    @given(hostile_text(dialect))
    def is_early(value: str) -> None:
        values.count(law_early(dialect, value))

    decodes()
    comes_back()
    is_early()
    round_trips.check(_LEAST_WRITTEN)
    values.check(_LEAST_WRITTEN)
    assert law_early(dialect, "abc123"), "`encode` refuses a value of letters and digits"
    law_linear(dialect)


@dataclass
class _StreamedCall:
    """What the events of one call have brought so far."""

    start: ev.CallStart
    id: str | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    deltas: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    call: Call | None = None

    def take(self, event: CallEvent, trial: Trial) -> None:
        """Add one event of the call; one that must not come next raises."""
        assert event.index == self.start.index, self._refuse(event, trial)
        latest = next(reversed(self.kinds), None)
        is_open = latest is not None and latest not in self.values
        if isinstance(event, ev.CallEnd):
            assert not (is_open and event.call.complete), self._refuse(event, trial)
            self.call = event.call
        elif isinstance(event, ev.CallIdentified):
            assert self.start.id is None and self.id is None and not is_open, self._refuse(event, trial)
            self.id = event.id
        elif isinstance(event, ev.ArgumentStart):
            fits = event.key not in self.kinds and not is_open and event.kind in ("string", "json")
            assert fits, self._refuse(event, trial)
            self.kinds[event.key] = event.kind
            self.deltas[event.key] = []
        else:
            assert event.key == latest and is_open, self._refuse(event, trial)
            if isinstance(event, ev.ArgumentDelta):
                self.deltas[event.key].append(event.text)
            else:
                self.values[event.key] = event.value

    def _refuse(self, event: ev.Event, trial: Trial) -> str:
        return f"{event} cannot follow {self}: {trial}"

    def check(self, trial: Trial) -> None:
        """Compare what was streamed with the call that came out."""
        call = self.call
        assert call is not None, f"{self} never ends: {trial}"
        assert (self.start.name, self.start.id or self.id) == (call.name, call.id), f"{self}: {trial}"
        for key, kind in self.kinds.items():
            spelled: Any = "".join(self.deltas[key])
            if key not in self.values:
                assert kind == "json" or spelled == call.arguments.get(key, ""), f"open {key!r} of {self}: {trial}"
                continue
            if kind == "json":
                spelled = json.loads(spelled)
            assert identical(spelled, self.values[key]), f"deltas of {key!r} differ from its value, {self}: {trial}"
            assert identical(spelled, call.arguments.get(key)), f"{key!r} differs in the call, {self}: {trial}"
        missing = call.arguments.keys() - self.kinds.keys()
        assert not missing, f"{missing} never streamed, {self}: {trial}"


def _streamed_calls(events: Iterable[ev.Event], trial: Trial) -> list[_StreamedCall]:
    streamed: list[_StreamedCall] = []
    for event in events:
        is_open = bool(streamed) and streamed[-1].call is None
        if isinstance(event, ev.CallStart):
            assert not is_open and event.index == len(streamed), f"{event} inside or after {streamed}: {trial}"
            streamed.append(_StreamedCall(event))
        elif isinstance(event, (ev.TextDelta, ev.ReasoningDelta, ev.DocumentStart, ev.DocumentDelta, ev.DocumentEnd)):
            assert not is_open, f"{event} inside {streamed[-1]}: {trial}"
        elif not isinstance(event, ev.Diagnosed):
            assert is_open, f"{event} outside a call: {trial}"
            streamed[-1].take(event, trial)
    return streamed


def _assert_same(expected: Message, got: Message, label: str) -> None:
    for member in fields(Message):
        ours, theirs = getattr(expected, member.name), getattr(got, member.name)
        assert ours == theirs, f"{member.name} differs\nwhole: {ours}\nother: {theirs}\n{label}"


def _diagnosed(events: Iterable[ev.Event]) -> list[Any]:
    return [event.diagnosis for event in events if isinstance(event, ev.Diagnosed)]


def _content(message: Message) -> tuple[Any, ...]:
    calls_ = [(call.name, call.arguments, call.complete) for call in message.calls]
    return message.text, message.reasoning, calls_


def _growth(dialect: AnyDialect, small: Flood, large: Flood, step: int, runs: int) -> float:
    """How many times longer the large text takes than the small one, best of so many runs."""
    times = [min(_seconds(dialect, *flood, step) for _ in range(runs)) for flood in (small, large)]
    # Below half a millisecond there is nothing to compare but noise.
    return times[1] / max(times[0], 0.0005)


def _seconds(dialect: AnyDialect, text: str, tools: Tools, step: int) -> float:
    chunks = [text[at : at + step] for at in range(0, len(text), step)]
    decoder = Decoder(dialect, tools=tools)
    started = time.process_time()
    for chunk in chunks:
        decoder.feed(chunk)
    decoder.close()
    return time.process_time() - started
