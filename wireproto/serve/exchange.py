"""One exchange over the network: a request is read, sent on, and its answer comes back, rewritten or as it is.

It must not know an API. Law: when the client goes, the server's stream is closed; whatever fails, the client is told in
the shape of its API, or its connection is cut.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, Protocol

import anyio
import httpx2
from starlette.requests import Request
from starlette.types import Receive, Send

from wireproto.serve.asked import Refused
from wireproto.serve.choice import AnswerChoice
from wireproto.serve.chunks import BadAnswer, said_of
from wireproto.serve.http import Headers, kept, target
from wireproto.serve.settings import ServeSettings
from wireproto.serve.sse import SseReader, TooLong
from wireproto.serve.watch.metrics import Metrics

EVENT_STREAM = "text/event-stream"
_STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
_REWRITTEN = frozenset(
    (b"content-type", b"content-length", b"content-encoding", b"cache-control", b"x-accel-buffering")
)
_MOST_WAITING = 1 << 18  # characters that wait for a client that reads slowly
_MOST_WAIT_BEHIND = 0.2  # seconds that a server gets to end its stream after it said that it is over


class Rewriter(Protocol):
    """What makes an answer for the client of the server's events."""

    choices: list[AnswerChoice]
    sent: bool
    stopped: bool

    def feed(self, text: str) -> str:
        """Return what becomes of one event of the server."""
        ...

    def end(self) -> str:
        """Return what the stream ends with."""
        ...

    def fail(self, message: str, error: Any = None) -> str:
        """Return what tells the client that the answer failed."""
        ...


class Rewriting:
    """The bytes of one stream of the server through a rewriter; `over` when no more of them is of use."""

    def __init__(self, rewriter: Rewriter, limit: int) -> None:
        self.rewriter = rewriter
        self.over = False
        self.problem: BadAnswer | None = None
        self._reader = SseReader(limit)

    def take(self, data: bytes) -> str:
        """Return what becomes of more bytes."""
        found: list[str] = []
        try:
            for event in self._reader.feed(data):
                if event.data == b"[DONE]":
                    self.over = True
                    break
                found.append(self._event(event.name, event.data))
                if self.rewriter.stopped:
                    self.over = True
                    break
        except BadAnswer as error:
            self.problem, self.over = error, True
        except (TooLong, UnicodeDecodeError) as error:
            self.problem, self.over = BadAnswer(f"the stream of the server cannot be read: {error}"), True
        return "".join(found)

    def _event(self, name: str, data: bytes) -> str:
        text = data.decode("utf-8")
        if name == "error":
            try:
                error = json.loads(text)
            except ValueError:
                error = {"message": text[:2_000]}
            given = error.get("error", error) if isinstance(error, dict) else error
            raise BadAnswer(f"the server reports an error: {said_of(given)}", given)
        return self.rewriter.feed(text)

    def finish(self) -> str:
        """Return what the client's stream ends with."""
        if self.problem is None:
            try:
                return self.rewriter.end()
            except BadAnswer as error:
                self.problem = error
        return self.rewriter.fail(str(self.problem), self.problem.error)


async def body_of(request: Request, settings: ServeSettings) -> bytes:
    """Read the body of a request.

    Raises:
        Refused: it is longer than the limit, or does not come.
    """
    parts: list[bytes] = []
    size = 0
    stream = request.stream()
    while True:
        with anyio.move_on_after(settings.body_timeout) as scope:
            part = await anext(stream, None)
        if scope.cancelled_caught:
            raise Refused(408, f"the request did not come within {settings.body_timeout:g} seconds")
        if part is None:
            return b"".join(parts)
        size += len(part)
        if size > settings.body_limit:
            raise Refused(413, f"the request is longer than the limit of {settings.body_limit:,} bytes")
        parts.append(part)


async def ask(
    client: httpx2.AsyncClient, request: Request, path: str, content: bytes, headers: Headers
) -> httpx2.Response:
    """Send a request on, and return the answer with its body not read yet.

    Raises:
        Refused: the server cannot be reached, or does not answer.
    """
    try:
        sent = client.build_request(request.method, target(client, path), content=content, headers=headers)
        try:
            return await client.send(sent, stream=True)
        except (httpx2.ReadError, httpx2.RemoteProtocolError):
            # A connection that was kept may be closed by the server at any time, without a word of the answer.
            return await client.send(sent, stream=True)
    except httpx2.TimeoutException as error:
        raise Refused(504, f"the server did not answer in time: {type(error).__name__}") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Refused(502, f"the server cannot be reached: {type(error).__name__}") from None


async def whole_body(response: httpx2.Response, limit: int) -> bytes:
    """Read a whole answer, and close it.

    Raises:
        Refused: it is longer than the limit, or breaks off.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async for part in response.aiter_bytes():
            size += len(part)
            if size > limit:
                raise Refused(502, f"the answer of the server is longer than the limit of {limit:,} bytes")
            parts.append(part)
    except httpx2.HTTPError as error:
        raise Refused(502, f"the answer of the server broke off: {type(error).__name__}") from None
    finally:
        await close(response)
    return b"".join(parts)


async def close(response: httpx2.Response) -> None:
    """Close an answer, also while the exchange is being cancelled."""
    with anyio.CancelScope(shield=True):
        await response.aclose()


async def pass_on(send: Send, response: httpx2.Response) -> bool:
    """Hand an answer to the client as it is; return whether it came to its end."""
    headers = list(kept(response.headers.raw))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    try:
        async for part in response.aiter_raw():
            await send({"type": "http.response.body", "body": part, "more_body": True})
    except httpx2.HTTPError:
        return False  # what is begun and not ended cuts the client's connection
    finally:
        await close(response)
    await send({"type": "http.response.body", "body": b"", "more_body": False})
    return True


async def rewritten(response: httpx2.Response, rewriting: Rewriting) -> AsyncIterator[str]:
    """Yield what becomes of a stream of the server, without its end, and close it."""
    parts = response.aiter_bytes()
    try:
        while not rewriting.over and (part := await anext(parts, None)) is not None:
            if text := rewriting.take(part):
                yield text
        if rewriting.over and not rewriting.problem and not rewriting.rewriter.stopped:
            # A stream that was read to its end leaves a connection that can be used again.
            with anyio.move_on_after(_MOST_WAIT_BEHIND):
                await anext(parts, None)
    except httpx2.TimeoutException:
        rewriting.problem = BadAnswer("the server sent nothing more for too long")
    except httpx2.HTTPError as error:
        rewriting.problem = BadAnswer(f"the stream of the server broke off: {type(error).__name__}")
    finally:
        await close(response)


class _Outbox:
    """Text that waits to be sent: what arrived in one read of the server's socket goes out in one write."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0
        self._filled, self._emptied = asyncio.Event(), asyncio.Event()
        self.closed = False

    async def fill(self, chunks: AsyncGenerator[str, None]) -> None:
        """Take a stream; where the client does not read, the server has to wait."""
        async with aclosing(chunks):
            async for text in chunks:
                self._parts.append(text)
                self._size += len(text)
                self._filled.set()
                while self._size > _MOST_WAITING:
                    self._emptied.clear()
                    await self._emptied.wait()
        self.closed = True
        self._filled.set()

    async def take(self) -> str:
        """Return all that waits, once there is some, or an empty string at the end."""
        await self._filled.wait()
        text = "".join(self._parts)
        self._parts.clear()
        self._size = 0
        self._emptied.set()
        if not self.closed:
            self._filled.clear()
        return text


async def send_stream(
    send: Send,
    headers: Headers,
    chunks: AsyncGenerator[str, None],
    settings: ServeSettings,
    metrics: Metrics,
    began: float,
) -> None:
    """Send a stream to the client, with a comment wherever it is silent for long."""
    head = [*((name, value) for name, value in headers if name not in _REWRITTEN), *_STREAM_HEADERS]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    last, first, outbox = time.monotonic(), True, _Outbox()

    async def ping() -> None:
        while True:
            await anyio.sleep(settings.ping)
            if time.monotonic() - last >= settings.ping * 0.9:
                await send({"type": "http.response.body", "body": b": ping\n\n", "more_body": True})

    async with anyio.create_task_group() as group:
        group.start_soon(ping)
        group.start_soon(outbox.fill, chunks)
        while text := await outbox.take():
            if first:
                metrics.observe_first_byte(time.monotonic() - began)
                first = False
            await send({"type": "http.response.body", "body": text.encode("utf-8"), "more_body": True})
            last = time.monotonic()
        group.cancel_scope.cancel()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def until_gone(receive: Receive, gone: Callable[[], None]) -> None:
    """Wait for the client to go, and say so."""
    while (await receive())["type"] != "http.disconnect":
        pass
    gone()
