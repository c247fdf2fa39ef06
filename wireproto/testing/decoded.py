"""One trial decoded in every manner that the laws compare: whole, in chunks, watched and copied, by `parse`.

It must not judge what comes out: that is what the laws do. Law: each manner is decoded once, when it is first asked
for, so that all laws of a trial share their decodings; what raises, or never ends, breaks law 1 whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Any, Final, NamedTuple

from wireproto.decode.decoder import Decoder, parse
from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO
from wireproto.format.registry import dialect as find_dialect
from wireproto.testing.generators.damage import AnyDialect
from wireproto.testing.generators.trials import Trial
from wireproto.testing.law import Law, LawBroken
from wireproto.testing.watchdog import NeverEnds, TimeLimit
from wireproto.tools.toolset import Toolset
from wireproto.values.errors import LimitExceeded
from wireproto.values.events import ArgumentDelta, Diagnosed, DocumentDelta, Event, ReasoningDelta, TextDelta
from wireproto.values.exact_json import written
from wireproto.values.model import Message

SECONDS: Final = 1.0  # of CPU time for one decoding: hundreds of times what one takes
_SECONDS_A_CHARACTER: Final = 1e-4  # more of it for a long text: decoding is linear, and a machine may be slow
_COPIES: Final = 2
_PARSED: Final = 4


class Glimpse(NamedTuple):
    """What a decoder showed after so many chunks and events."""

    chunks: int
    events: int
    pending: str
    message: Message


class Outcome(NamedTuple):
    """What one decoding gave: its events, its message, and the name of the limit that stopped it, if one did.

    `seen` is what the decoder showed on the way, where it was looked at.
    """

    events: list[Event]
    message: Message
    limit: str | None = None
    seen: Sequence[Glimpse] = ()


class Decoded:
    """The results of one trial, for the laws to judge.

    `dialect`: a name, a `Dialect`, or "auto". `seconds` is the CPU time a short text may take to decode. `thorough`:
    decode in every manner; a run over many outputs tries half of them on one text and half on the next.
    """

    def __init__(self, dialect: AnyDialect, trial: Trial, seconds: float = SECONDS, *, thorough: bool = False) -> None:
        self.dialect, self.trial, self.seconds, self.thorough = dialect, trial, seconds, thorough

    @cached_property
    def spec(self) -> Dialect | None:
        """The dialect; None if it is left to the text ("auto")."""
        return None if self.dialect == AUTO else find_dialect(self.dialect)

    @cached_property
    def known(self) -> Toolset:
        """The tools, read once for all decodings but the first."""
        return Toolset.of(self.trial.tools)

    @cached_property
    def whole(self) -> Outcome:
        """The text fed in one piece."""
        return self._decode((self.trial.text,), self.trial.tools)

    @cached_property
    def chunked(self) -> Outcome:
        """The text fed in the trial's chunks."""
        trial = self.trial
        if trial.chunks in ((), (trial.text,)):
            return self.whole
        if not self.thorough and len(trial.text) % 2:
            return self.watched
        return self._decode(trial.chunks, self.known)

    @cached_property
    def watched(self) -> Outcome:
        """The same chunks; the decoder is copied a few times on the way, and all that it shows is looked at."""
        trial = self.trial
        if not self.thorough and not len(trial.text) % 2:
            return self.chunked
        chunks = trial.chunks or (trial.text,)
        # Copying costs as much as the state is large; that of many trials is copied in as many places.
        places = {len(trial.text) * factor % len(chunks) for factor in range(1, _COPIES + 1)}
        return self._decode(chunks, self.known, places)

    @cached_property
    def parsed(self) -> Message | None:
        """What `parse` makes of the text; None where that is not tried."""
        trial = self.trial
        if (len(trial.text) % _PARSED and not self.thorough) or self.whole.limit is not None:
            return None
        with self.total():
            return parse(
                trial.text,
                self.dialect,
                self.known,
                policy=trial.policy,
                finish_reason=trial.finish_reason,
                reasoning_open=trial.reasoning_open,
                forced=trial.forced,
            )

    def _decode(self, chunks: Iterable[str], tools: Any, copied_at: Iterable[int] = ()) -> Outcome:
        trial = self.trial
        events: list[Event] = []
        limit = None
        seen: list[Glimpse] = []
        with self.total():
            decoder = Decoder(
                self.dialect,
                tools,
                policy=trial.policy,
                reasoning_open=trial.reasoning_open,
                forced=trial.forced,
            )
            try:
                for at, chunk in enumerate(chunks):
                    events += decoder.feed(chunk)
                    decoder = self._twin(decoder, seen, at + 1, len(events)) if at in copied_at else decoder
                events += decoder.close(trial.finish_reason)
            except LimitExceeded as error:
                events += error.events
                limit = error.limit
            return Outcome(events, decoder.message, limit, seen)

    def _twin(self, decoder: Decoder, seen: list[Glimpse], fed: int, events: int) -> Decoder:
        """Look at a decoder and copy it; what the original is fed from now on must not reach the copy."""
        seen.append(Glimpse(fed, events, decoder.pending, decoder.message))
        copy = decoder.copy()
        try:
            decoder.feed("x")
            decoder.close()
        except LimitExceeded:
            pass
        return copy

    def total(self, what: str = "decoding", times: int = 1) -> Total:
        """Return a `with` block in which what raises, or never ends, is reported as breaking law 1.

        `times`: how many times as long as one decoding it may take.
        """
        return Total(self, what, times * (self.seconds + len(self.trial.text) * _SECONDS_A_CHARACTER))


class Total:
    """A block of code that law 1 is about: an error in it, and its not ending, break the law."""

    def __init__(self, found: Decoded, what: str, seconds: float) -> None:
        self._found, self._what, self._limit = found, what, TimeLimit(seconds)

    def __enter__(self) -> None:
        self._limit.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._limit.__exit__(kind, error, at)
        except NeverEnds as late:
            error = late
        found = self._found
        if isinstance(error, NeverEnds):
            problem = f"{self._what} never ends"
            got = f"stopped after {self._limit.seconds:g} seconds"
            raise LawBroken(TOTAL, problem, "an end", got, found.trial, found.dialect) from None
        if isinstance(error, Exception) and not isinstance(error, LawBroken):
            got = f"{type(error).__name__}: {error}"
            raise LawBroken(TOTAL, f"{self._what} raises", "no error", got, found.trial, found.dialect) from error


def _total(found: Decoded) -> None:
    trial, message = found.trial, found.chunked.message
    for diagnosis in message.diagnoses:
        start, end = diagnosis.span
        if not 0 <= start <= end <= len(trial.text):
            problem = "a diagnosis points outside the text"
            raise LawBroken(TOTAL, problem, (0, len(trial.text)), diagnosis, trial, found.dialect)
    with found.total():
        written([call.arguments for call in message.calls + message.candidates])


TOTAL: Final = Law(1, "total", "No text raises or never ends, and what comes out points into the text.", _total)


def decode(dialect: AnyDialect, trial: Trial) -> tuple[list[Event], Message]:
    """Feed a trial's chunks to a fresh decoder and close it; return all events and the message."""
    return Decoded(dialect, trial).chunked[:2]


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
