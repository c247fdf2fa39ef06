"""Chunks to events in one loop, for streams that are iterated, and for those that are awaited.

It knows nothing of decoding but the public `Decoder`. Law: the events are those of a decoder that is fed the same
chunks and closed; none that was certain is lost when a limit is passed.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Union

from wireproto.decode.decoder import Decoder
from wireproto.format.dialect import Dialect
from wireproto.tools.toolset import Tools
from wireproto.values.errors import LimitExceeded
from wireproto.values.events import Event
from wireproto.values.policy import Forced, Policy

FinishReason = Union[str, Callable[[], Union[str, None]], None]


def iter_events(
    chunks: Iterable[str],
    dialect: str | Dialect,
    tools: Tools = None,
    *,
    policy: Policy | None = None,
    finish_reason: FinishReason = None,
    reasoning_open: bool = False,
    forced: Forced = None,
) -> Iterator[Event]:
    """Decode a stream: yield each event as soon as it is certain.

    `finish_reason` is asked for after the last chunk, since servers send it last: a function that returns it, or the
    reason itself where it is known before. If `chunks` raises, the decoder is closed with "abort": the last events are
    yielded, and then the error goes on. The other arguments are those of `Decoder`; make one yourself to have
    `Decoder.message` too, or to close it after an error of the stream.

    Raises:
        DialectError, SchemaError: as `Decoder` does, at once.
        LimitExceeded: a limit that is set in the policy was passed; all events that were certain are yielded before,
            and its `events` are empty.
        TypeError: a chunk is no string, or `chunks` has to be awaited.
    """
    if not isinstance(chunks, Iterable):
        raise TypeError(
            f"iter_events takes an iterable of strings, aiter_events an async one: not {type(chunks).__name__}"
        )
    return _events(
        Decoder(dialect, tools, policy=policy, reasoning_open=reasoning_open, forced=forced), chunks, finish_reason
    )


def aiter_events(
    chunks: AsyncIterable[str],
    dialect: str | Dialect,
    tools: Tools = None,
    *,
    policy: Policy | None = None,
    finish_reason: FinishReason = None,
    reasoning_open: bool = False,
    forced: Forced = None,
) -> AsyncIterator[Event]:
    """Decode a stream that is awaited: yield each event as soon as it is certain.

    Raises:
        DialectError, SchemaError, LimitExceeded, TypeError: as `iter_events` does.
    """
    if not isinstance(chunks, AsyncIterable):
        raise TypeError(f"aiter_events takes an async iterable, iter_events any other; this is {type(chunks).__name__}")
    return _async_events(
        Decoder(dialect, tools, policy=policy, reasoning_open=reasoning_open, forced=forced), chunks, finish_reason
    )


# The decoder is made outside the generators, so that a wrong argument raises at once.


def _events(decoder: Decoder, chunks: Iterable[str], finish_reason: FinishReason) -> Iterator[Event]:
    try:
        for events in _batches(decoder, chunks, finish_reason):
            yield from events
    except LimitExceeded as error:
        yield from _certain(error)
        raise


def _batches(decoder: Decoder, chunks: Iterable[str], finish_reason: FinishReason) -> Iterator[list[Event]]:
    dropped = True  # whether it is the stream that raises
    try:
        for chunk in chunks:
            dropped = False
            yield decoder.feed(chunk)
            dropped = True
        dropped = False
    finally:
        if dropped:
            yield decoder.close("abort")
    yield decoder.close(finish_reason() if callable(finish_reason) else finish_reason)


async def _async_events(
    decoder: Decoder, chunks: AsyncIterable[str], finish_reason: FinishReason
) -> AsyncIterator[Event]:
    try:
        async for events in _async_batches(decoder, chunks, finish_reason):
            for event in events:
                yield event
    except LimitExceeded as error:
        for event in _certain(error):
            yield event
        raise


async def _async_batches(
    decoder: Decoder, chunks: AsyncIterable[str], finish_reason: FinishReason
) -> AsyncIterator[list[Event]]:
    dropped = True
    try:
        async for chunk in chunks:
            dropped = False
            yield decoder.feed(chunk)
            dropped = True
        dropped = False
    finally:
        if dropped:
            yield decoder.close("abort")
    yield decoder.close(finish_reason() if callable(finish_reason) else finish_reason)


def _certain(error: LimitExceeded) -> tuple[Event, ...]:
    """Take the events from an error, which must not be handled twice."""
    events, error.events = error.events, ()
    return events
