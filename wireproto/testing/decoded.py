"""One trial decoded in every manner that the laws compare: whole, in chunks, watched and copied, by `parse`.

It must not judge: that is what the laws do.
Law: each manner is decoded once, when it is first asked for; so all laws of a trial share their decodings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any, Union

from wireproto.decode.decoder import Decoder, parse
from wireproto.format.dialect import Dialect
from wireproto.testing.strategies import Trial
from wireproto.values.events import (
    ArgumentDelta,
    Diagnosed,
    DocumentDelta,
    Event,
    ReasoningDelta,
    TextDelta,
)
from wireproto.values.model import Message

AnyDialect = Union[str, Dialect]
Result = tuple[list[Event], Message]
# Copying a decoder costs as much as its state is large; a few copies show what a hundred would.
_COPIES = 4


class Decoded:
    """The results of one trial, for the laws to judge."""

    def __init__(self, dialect: AnyDialect, trial: Trial) -> None:
        self.dialect, self.trial = dialect, trial

    @cached_property
    def whole(self) -> Result:
        """The text fed in one piece."""
        return decode(self.dialect, replace(self.trial, chunks=()))

    @cached_property
    def chunked(self) -> Result:
        """The text fed in the trial's chunks."""
        if self.trial.chunks in ((), (self.trial.text,)):
            return self.whole
        return decode(self.dialect, self.trial)

    @cached_property
    def watched(self) -> Result:
        """The same chunks; the decoder is copied a few times on the way, and all that it shows is looked at."""
        trial = self.trial
        chunks = trial.chunks or (trial.text,)
        decoder = Decoder(self.dialect, tools=trial.tools, reasoning_open=trial.reasoning_open)
        events: list[Event] = []
        for at, chunk in enumerate(chunks):
            events += decoder.feed(chunk)
            if at % (len(chunks) // _COPIES + 1) == 0:
                original, decoder = decoder, decoder.copy()
                # What the original is fed from now on must not reach the copy.
                original.feed("x")
                original.close()
                assert len(decoder.pending) <= len(trial.text) and isinstance(decoder.message, Message)
        events += decoder.close(finish_reason=trial.finish_reason)
        return events, decoder.message

    @cached_property
    def parsed(self) -> Message:
        """What `parse` makes of the text."""
        trial = self.trial
        return parse(
            trial.text,
            self.dialect,
            tools=trial.tools,
            finish_reason=trial.finish_reason,
            reasoning_open=trial.reasoning_open,
        )


def decode(dialect: AnyDialect, trial: Trial) -> Result:
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
