"""The laws as values, and what each says of one decoded output.

`LAWS` holds all nine, in the order and with the numbers of docs/explanation/design.md. Each is checked on one output
at a time, `law.check(Decoded(dialect, trial))`, and `check_trial` does so with those that are cheap. The laws of
writing are in `writing`, those of time and of grammars in `growth` and `grammar_law`.

Law: a law returns or raises `LawBroken`, which names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any, Final, NoReturn

from wireproto.testing.decoded import TOTAL, Decoded, Outcome, merged
from wireproto.testing.generators.damage import AnyDialect
from wireproto.testing.generators.trials import Trial
from wireproto.testing.grammar_law import GRAMMAR_AGREES
from wireproto.testing.growth import LINEAR
from wireproto.testing.law import Law, LawBroken
from wireproto.testing.streamed import Refuse, streamed_calls
from wireproto.testing.writing import EARLY, ROUND_TRIP
from wireproto.values import events as ev
from wireproto.values.model import Message

__all__ = ["LAWS", "TRIAL_LAWS", "check_trial"]


def _lossless(found: Decoded) -> None:
    text, (_, message, limit, _) = found.trial.text, found.chunked
    end = 0
    for segment in message.segments:
        if not segment.span[0] == end < segment.span[1]:
            _broken(found, LOSSLESS, "a segment does not continue where the last one ended", end, segment)
        end = segment.span[1]
    joined = "".join(segment.raw for segment in message.segments)
    # A limit stops the decoder in the middle of the text.
    if joined != text if limit is None else not text.startswith(joined):
        _broken(found, LOSSLESS, "the segments do not join to the text", text, joined)


def _chunk_invariant(found: Decoded) -> None:
    whole = found.whole
    expected, noted = merged(whole.events), _diagnosed(whole)
    others = {"in chunks": found.chunked, "copied on the way": found.watched}
    if others["copied on the way"] is others["in chunks"]:
        del others["copied on the way"]
    for manner, other in others.items():
        if other is whole:
            continue
        if other.limit != whole.limit:
            _broken(found, CHUNK_INVARIANT, f"{manner} another limit stops it", whole.limit, other.limit)
        got = merged(other.events)
        if got != expected:
            _broken(found, CHUNK_INVARIANT, f"{manner} the events differ", *_apart(expected, got))
        if _diagnosed(other) != noted:
            _broken(found, CHUNK_INVARIANT, f"{manner} the diagnoses differ", noted, _diagnosed(other))
        if whole.limit is None:
            _same(found, manner, whole.message, other.message)
    if found.parsed is not None:
        _same(found, "by parse", whole.message, found.parsed)


def _monotone(found: Decoded) -> None:
    events, message, limit, _ = found.chunked

    def refuse(problem: str, expected: Any, got: Any) -> NoReturn:
        _broken(found, MONOTONE, problem, expected, got)

    _spelled(events, message, refuse)
    for glimpse in found.watched.seen:
        _spelled(found.watched.events[: glimpse.events], glimpse.message, refuse)
        fed = "".join(found.trial.chunks[: glimpse.chunks]) or found.trial.text
        if not fed.endswith(glimpse.pending):
            refuse("what is pending is not the end of the text so far", fed, glimpse.pending)
    policy = found.trial.policy
    streamed = streamed_calls(events, refuse, policy is not None and policy.decimals)
    if limit is not None and streamed and streamed[-1].call is None:
        streamed.pop()
    for call in streamed:
        call.check()
    documents = [event.document for event in events if isinstance(event, ev.DocumentEnd)]
    if documents != [*message.documents]:
        refuse("the documents that ended are not those of the message", message.documents, documents)
    texts = [(event.index, event.text) for event in merged(events) if isinstance(event, ev.DocumentDelta)]
    if limit is None and texts != [(i, document.text) for i, document in enumerate(documents)]:
        refuse("the deltas of documents do not join to them", documents, texts)


def _spelled(events: Sequence[ev.Event], message: Message, refuse: Refuse) -> None:
    """Compare a message, so far or at the end, with what was emitted until then."""
    text = "".join(event.text for event in events if isinstance(event, ev.TextDelta))
    if text != message.text:
        refuse("the deltas of the text do not join to it", message.text, text)
    thought = "".join(event.text for event in events if isinstance(event, ev.ReasoningDelta))
    if thought != message.reasoning:
        refuse("the deltas of the reasoning do not join to it", message.reasoning, thought)
    ended = [event.call for event in events if isinstance(event, ev.CallEnd)]
    if sorted(ended, key=lambda call: call.span) != [*message.calls]:
        refuse("the calls that ended are not those of the message", message.calls, ended)


def _exact_replay(found: Decoded) -> None:
    text, message = found.trial.text, found.chunked.message
    for call in message.calls + message.candidates:
        start, end = call.span
        if not 0 <= start < end <= len(text):
            _broken(found, EXACT_REPLAY, "the span of a call is not in the text", (0, len(text)), call)
        if call.raw != text[start:end]:
            _broken(found, EXACT_REPLAY, "the raw text of a call is not what stands there", text[start:end], call.raw)
    for left, right in pairwise(message.calls):
        if left.span[1] > right.span[0]:
            _broken(found, EXACT_REPLAY, "two calls overlap", left, right)


LOSSLESS: Final = Law(2, "lossless", "The segments of a message tile its input.", _lossless)
CHUNK_INVARIANT: Final = Law(
    3,
    "chunk-invariant",
    "Every way to cut the text gives the same message and joined deltas.",
    _chunk_invariant,
)
MONOTONE: Final = Law(
    4, "monotone", "Nothing emitted is changed or repeated; the deltas of a call join to its arguments.", _monotone
)
EXACT_REPLAY: Final = Law(9, "exact replay", "The raw text of a call is what the model wrote.", _exact_replay)
LAWS: Final[tuple[Law, ...]] = (
    TOTAL,
    LOSSLESS,
    CHUNK_INVARIANT,
    MONOTONE,
    ROUND_TRIP,
    GRAMMAR_AGREES,
    LINEAR,
    EARLY,
    EXACT_REPLAY,
)
"""All nine laws, in the order of their numbers."""
# The laws of decoding: what they say is said of any output.
TRIAL_LAWS: Final = (TOTAL, LOSSLESS, CHUNK_INVARIANT, MONOTONE, EXACT_REPLAY)


def check_trial(dialect: AnyDialect, trial: Trial, laws: Iterable[Law] = TRIAL_LAWS) -> Message:
    """Hold one output to laws, which share its decodings; return the message.

    Raises:
        LawBroken: the first law that is broken, with the text and its chunks.

    Example:
        check_trial("hermes", Trial(text, chunks, tools))
    """
    found = Decoded(dialect, trial, thorough=True)
    for law in laws:
        law.check(found)
    return found.whole.message


def _broken(found: Decoded, law: Law, problem: str, expected: Any, got: Any) -> NoReturn:
    raise LawBroken(law, problem, expected, got, found.trial, found.dialect)


def _same(found: Decoded, manner: str, expected: Message, got: Message) -> None:
    for member in fields(Message):
        ours, theirs = getattr(expected, member.name), getattr(got, member.name)
        if ours != theirs:
            _broken(found, CHUNK_INVARIANT, f"{manner} the message has other {member.name}", ours, theirs)


def _apart(expected: list[Any], got: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return two lists of events from where they begin to differ."""
    differ = (i for i, (ours, theirs) in enumerate(zip(expected, got, strict=False)) if ours != theirs)
    at = next(differ, min(len(expected), len(got)))
    return expected[at : at + 3], got[at : at + 3]


def _diagnosed(found: Outcome) -> list[Any]:
    return [event.diagnosis for event in found.events if isinstance(event, ev.Diagnosed)]
