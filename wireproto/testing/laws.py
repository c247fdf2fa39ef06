"""The laws of decoding and encoding as functions, for our own tests and for authors of dialects.

`check_dialect(mine)` runs every law on generated tools, calls, values built from the dialect's own markers, mutated
outputs and random splits. Needs hypothesis, which the rest of the package never imports.

Law: a law says nothing or raises AssertionError with the text that broke it. An error of the decoder itself passes
through with its own traceback, since law 1 is that there is none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any, Union

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wireproto.decode.decoder import Decoder, parse
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
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
from wireproto.values.errors import EncodeError
from wireproto.values.events import (
    ArgumentDelta,
    ArgumentEnd,
    ArgumentStart,
    CallEnd,
    CallStart,
    Diagnosed,
    DocumentDelta,
    DocumentEnd,
    DocumentStart,
    Event,
    ReasoningDelta,
    TextDelta,
)
from wireproto.values.model import Call, Message
from wireproto.write.encoder import encode

__all__ = [
    "TRIAL_LAWS",
    "Trial",
    "calls",
    "check_dialect",
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

AnyDialect = Union[str, Dialect]
_MAX_SLOT = 128
_SEED = "zqz"


def decode(dialect: AnyDialect, trial: Trial) -> tuple[list[Event], Message]:
    """Feed a trial's chunks to a fresh decoder and close it; return all events and the message."""
    decoder = Decoder(dialect, tools=trial.tools, reasoning_open=trial.reasoning_open)
    events: list[Event] = []
    for chunk in trial.chunks or (trial.text,):
        events += decoder.feed(chunk)
    events += decoder.close(finish_reason=trial.finish_reason)
    return events, decoder.message


def merged(events: Iterable[Event]) -> list[Any]:
    """Return events without diagnoses, adjacent deltas of one target joined: what must not depend on chunks."""
    entries: list[tuple[Any, list[str]]] = []
    for event in events:
        if isinstance(event, (TextDelta, ReasoningDelta, ArgumentDelta, DocumentDelta)):
            target = replace(event, text="")
            if entries and entries[-1][0] == target:
                entries[-1][1].append(event.text)
            elif event.text:
                entries.append((target, [event.text]))
        elif not isinstance(event, Diagnosed):
            entries.append((event, []))
    return [replace(event, text="".join(parts)) if parts else event for event, parts in entries]


def law_total(dialect: AnyDialect, trial: Trial) -> None:
    """Law 1: no text raises, and what comes out points into the text."""
    _, message = decode(dialect, trial)
    for diagnosis in message.diagnoses:
        start, end = diagnosis.span
        assert 0 <= start <= end <= len(trial.text), f"{diagnosis} points outside {trial}"
    json.dumps([call.arguments for call in message.calls + message.candidates])


def law_lossless(dialect: AnyDialect, trial: Trial) -> None:
    """Law 2: the segments tile the text and concatenate to it."""
    _, message = decode(dialect, trial)
    end = 0
    for segment in message.segments:
        assert segment.span[0] == end < segment.span[1], f"{segment} does not continue at {end}: {trial}"
        end = segment.span[1]
    joined = "".join(segment.raw for segment in message.segments)
    assert joined == trial.text, f"segments join to {joined!r}: {trial}"


def law_chunk_invariant(dialect: AnyDialect, trial: Trial) -> None:
    """Law 3: chunks do not matter, nor does looking at a decoder, copying it, or calling `parse` instead."""
    events, message = decode(dialect, replace(trial, chunks=()))
    for label, (other_events, other) in {
        "in chunks": decode(dialect, trial),
        "watched and copied": _decode_watched(dialect, trial),
    }.items():
        _assert_same(message, other, f"{label}: {trial}")
        ours, theirs = merged(events), merged(other_events)
        assert ours == theirs, f"{label}: events differ\nwhole:  {ours}\nchunks: {theirs}\n{trial}"
        ours, theirs = _diagnosed(events), _diagnosed(other_events)
        assert ours == theirs, f"{label}: diagnoses differ\nwhole:  {ours}\nchunks: {theirs}\n{trial}"
    parsed = parse(
        trial.text,
        dialect,
        tools=trial.tools,
        finish_reason=trial.finish_reason,
        reasoning_open=trial.reasoning_open,
    )
    _assert_same(message, parsed, f"parse: {trial}")


def law_monotone(dialect: AnyDialect, trial: Trial) -> None:
    """Law 4: what was emitted stands: events nest, and their deltas spell the message."""
    events, message = decode(dialect, trial)
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert text == message.text, f"text deltas join to {text!r}, text is {message.text!r}: {trial}"
    thought = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    assert thought == message.reasoning, f"reasoning deltas join to {thought!r}, not {message.reasoning!r}: {trial}"
    ended = tuple(event.call for event in events if isinstance(event, CallEnd))
    assert ended == message.calls, f"calls ended: {ended}\nmessage:     {message.calls}\n{trial}"
    for heard in _listen(events, trial):
        heard.check(trial)
    documents = [event.document for event in events if isinstance(event, DocumentEnd)]
    assert documents == [*message.documents], f"documents ended: {documents}: {trial}"
    told = [(event.index, event.text) for event in merged(events) if isinstance(event, DocumentDelta)]
    assert told == [(i, document.text) for i, document in enumerate(documents)], f"{told}, {documents}: {trial}"


def law_round_trip(dialect: AnyDialect, message: Message, tools: Tools = None) -> bool:
    """Law 5: what `encode` writes comes back, to the character on a second turn. Return False where it refused."""
    try:
        text = encode(message, dialect, tools=tools)
    except EncodeError:
        return False
    back = parse(text, dialect, tools=tools)
    expected, got = _content(message), _content(back)
    assert identical(expected, got), f"round trip changes\n{expected} to\n{got}\ntext: {text!r}\ntools: {tools}"
    again = encode(back, dialect, tools=tools)
    assert again == text, f"written again it is\n{again!r}, not\n{text!r}\ntools: {tools}"
    return True


def law_linear(dialect: AnyDialect, size: int = 4_000, growth: float = 2.7) -> None:
    """Law 7: from `size` to four times `size` characters the CPU time grows less than `growth` per doubling.

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


def law_early(dialect: AnyDialect, value: str) -> None:
    """Law 8: one character at a time, no more of a string argument is held back than could still be markup.

    Of a value of letters and digits nothing at all is held back: no marker starts with one.
    """
    found = dialect if isinstance(dialect, Dialect) else find_dialect(dialect)
    call = Call("write_file", {"path": "a", "content": value})
    try:
        text = encode([call], dialect, tools=[WRITE_FILE])
    except EncodeError:
        return
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
        emitted += "".join(e.text for e in events if isinstance(e, ArgumentDelta) and e.key == "content")
        held = decoder.pending
        blanks = sum(map(str.isspace, held))
        assert len(held) <= bound + blanks, f"holds {held!r} at {at} of {text!r}"
        if start <= at < start + len(value):
            expected = value[: at - start + 1]
            assert emitted == expected, f"emitted {emitted!r}, could have emitted {expected!r}, of {text!r}"


def law_exact_replay(dialect: AnyDialect, trial: Trial) -> None:
    """Law 9: `raw` is the model's own text, byte for byte, and calls do not overlap."""
    _, message = decode(dialect, trial)
    for call in message.calls + message.candidates:
        start, end = call.span
        assert 0 <= start < end <= len(trial.text), f"{call} spans nothing of {trial}"
        assert call.raw == trial.text[start:end], f"raw of {call} is {call.raw!r}: {trial}"
    spans = [call.span for call in message.calls]
    assert all(left[1] <= right[0] for left, right in pairwise(spans)), f"calls overlap: {spans}: {trial}"


TRIAL_LAWS: tuple[Callable[[AnyDialect, Trial], None], ...] = (
    law_total,
    law_lossless,
    law_chunk_invariant,
    law_monotone,
    law_exact_replay,
)


def check_dialect(dialect: AnyDialect, tools: Tools = None, max_examples: int = 100) -> None:
    """Hold a dialect to every law; `tools` are generated unless given."""
    quiet = settings(max_examples=max_examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    any_tools = tool_sets() if tools is None else st.just(tools)
    written = any_tools.flatmap(lambda given_tools: st.tuples(messages(dialect, given_tools), st.just(given_tools)))

    @quiet
    @given(trials(dialect, tools))
    def decodes(trial: Trial) -> None:
        for law in TRIAL_LAWS:
            law(dialect, trial)

    @quiet
    @given(written)
    def comes_back(case: tuple[Message, Tools]) -> None:
        law_round_trip(dialect, *case)

    @quiet
    @given(hostile_text(dialect))
    def is_early(value: str) -> None:
        law_early(dialect, value)

    decodes()
    comes_back()
    is_early()
    law_early(dialect, "abc123")
    law_linear(dialect)


@dataclass
class _Heard:
    """What the events have said about one call."""

    start: CallStart
    kinds: dict[str, str] = field(default_factory=dict)
    deltas: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    call: Call | None = None

    def hear(self, event: ArgumentStart | ArgumentDelta | ArgumentEnd | CallEnd, trial: Trial) -> None:
        """Note one event of the call; what cannot stand here raises."""
        assert event.index == self.start.index, self._refuse(event, trial)
        latest = next(reversed(self.kinds), None)
        is_open = latest is not None and latest not in self.values
        if isinstance(event, CallEnd):
            assert not (is_open and event.call.complete), self._refuse(event, trial)
            self.call = event.call
        elif isinstance(event, ArgumentStart):
            fits = event.key not in self.kinds and not is_open and event.kind in ("string", "json")
            assert fits, self._refuse(event, trial)
            self.kinds[event.key] = event.kind
            self.deltas[event.key] = []
        else:
            assert event.key == latest and is_open, self._refuse(event, trial)
            if isinstance(event, ArgumentDelta):
                self.deltas[event.key].append(event.text)
            else:
                self.values[event.key] = event.value

    def _refuse(self, event: Event, trial: Trial) -> str:
        return f"{event} cannot follow {self}: {trial}"

    def check(self, trial: Trial) -> None:
        """Compare what was streamed with the call that came out."""
        call = self.call
        assert call is not None, f"{self} never ends: {trial}"
        assert (self.start.name, self.start.id) == (call.name, call.id), f"{self}: {trial}"
        for key, kind in self.kinds.items():
            spelled: Any = "".join(self.deltas[key])
            if key not in self.values:
                assert kind == "json" or spelled == call.arguments.get(key, ""), f"open {key!r} of {self}: {trial}"
                continue
            if kind == "json":
                spelled = json.loads(spelled)
            assert identical(spelled, self.values[key]), f"deltas of {key!r} differ from its value, {self}: {trial}"
            assert identical(spelled, call.arguments.get(key)), f"{key!r} differs in the call, {self}: {trial}"
        unheard = call.arguments.keys() - self.kinds.keys()
        assert not unheard, f"{unheard} never streamed, {self}: {trial}"


def _listen(events: Iterable[Event], trial: Trial) -> list[_Heard]:
    heard: list[_Heard] = []
    for event in events:
        is_open = bool(heard) and heard[-1].call is None
        if isinstance(event, CallStart):
            assert not is_open and event.index == len(heard), f"{event} inside or after {heard}: {trial}"
            heard.append(_Heard(event))
        elif isinstance(event, (TextDelta, ReasoningDelta, DocumentStart, DocumentDelta, DocumentEnd)):
            assert not is_open, f"{event} inside {heard[-1]}: {trial}"
        elif not isinstance(event, Diagnosed):
            assert is_open, f"{event} outside a call: {trial}"
            heard[-1].hear(event, trial)
    return heard


def _decode_watched(dialect: AnyDialect, trial: Trial) -> tuple[list[Event], Message]:
    """Decode the chunks, on a copy after each of the first few, looking at everything that can be looked at."""
    decoder = Decoder(dialect, tools=trial.tools, reasoning_open=trial.reasoning_open)
    events: list[Event] = []
    for at, chunk in enumerate(trial.chunks or (trial.text,)):
        events += decoder.feed(chunk)
        if at < 4:
            original, decoder = decoder, decoder.copy()
            # The copy must not hear what the original hears from now on.
            original.feed("x")
            original.close()
            assert len(decoder.pending) <= len(trial.text) and isinstance(decoder.message, Message)
    events += decoder.close(finish_reason=trial.finish_reason)
    return events, decoder.message


def _assert_same(expected: Message, got: Message, label: str) -> None:
    for member in fields(Message):
        ours, theirs = getattr(expected, member.name), getattr(got, member.name)
        assert ours == theirs, f"{member.name} differs\nwhole: {ours}\nother: {theirs}\n{label}"


def _diagnosed(events: Iterable[Event]) -> list[Any]:
    return [event.diagnosis for event in events if isinstance(event, Diagnosed)]


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
