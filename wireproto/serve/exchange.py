"""One exchange over the network: a request is read, sent on, and its answer comes back, rewritten or as it is.

It must not know an API. Law: when the client goes, the server's stream is closed; whatever fails, the client is told in
the shape of its API, or its connection is cut.
"""

from __future__ import annotations

import asyncio
import json
import time
from types import TracebackType
from typing import Any, Final, Protocol

import aiohttp
import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from wireproto.serve.asked import Refused
from wireproto.serve.choice import AnswerChoice
from wireproto.serve.http import Client, Headers, kept, path_of, request_headers
from wireproto.serve.settings import ServeSettings
from wireproto.serve.stream.chunks import BadAnswer, said_of
from wireproto.serve.stream.sse import SseReader, TooLong
from wireproto.serve.watch.metrics import Metrics
from wireproto.serve.watch.spans import Watch

EVENT_STREAM = "text/event-stream"
_STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
_REWRITTEN = frozenset(
    (b"content-type", b"content-length", b"content-encoding", b"cache-control", b"x-accel-buffering")
)
# In Python 3.10 the timeouts of asyncio are no `TimeoutError`.
_TOO_LATE: Final = (TimeoutError, asyncio.TimeoutError)
_FAILURES: Final = (aiohttp.ClientError, *_TOO_LATE)
_OF_BODIES: Final = frozenset((b"content-length", b"content-encoding"))


class Rewriter(Protocol):
    """What makes an answer for the client of the server's events."""

    @property
    def said(self) -> dict[str, Any]:
        """What the server says of its answer, beside what is in it."""
        ...

    choices: list[AnswerChoice]
    sent: bool
    stopped: bool

    def gather(self, data: bytes, at: int) -> int:
        """Take events that are nothing but more of the text before them; return where they end."""
        ...

    def flush(self) -> str:
        """Return what becomes of the events that were gathered."""
        ...

    def feed(self, text: str) -> str:
        """Return what becomes of one event of the server, before which all others were flushed."""
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
        self._limit = limit
        self._reader = SseReader(limit)

    def take(self, data: bytes) -> str:
        """Return what becomes of more bytes: events that are alike, and came at once, are read as one."""
        found: list[str] = []
        try:
            at, size = 0, len(data)
            while at < size and not self.over:
                start = at
                if self._reader.is_between and size <= self._limit:
                    at = self.rewriter.gather(data, at)
                if at == start:
                    at = data.find(b"\n\n", start) + 2
                    at = at if at > 1 else size
                    self._others(data[start:at], found)
            if not self.over:
                found.append(self.rewriter.flush())
                self.over = self.rewriter.stopped
        except BadAnswer as error:
            self.problem, self.over = error, True
        except (TooLong, UnicodeDecodeError) as error:
            self.problem, self.over = BadAnswer(f"the stream of the server cannot be read: {error}"), True
        return "".join(found)

    def _others(self, data: bytes, found: list[str]) -> None:
        """Read events one by one, behind those that were gathered."""
        found.append(self.rewriter.flush())
        for event in self._reader.feed(data):
            if event.data == b"[DONE]" or self.rewriter.stopped:
                self.over = True
                return
            found.append(self._event(event.name, event.data.decode("utf-8")))
        self.over = self.rewriter.stopped

    def _event(self, name: str, text: str) -> str:
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
    with anyio.move_on_after(settings.body_timeout) as scope:
        async for part in request.stream():
            size += len(part)
            if size > settings.body_limit:
                raise Refused(413, f"the request is longer than the limit of {settings.body_limit:,} bytes")
            parts.append(part)
            scope.deadline = anyio.current_time() + settings.body_timeout
        return b"".join(parts)
    raise Refused(408, f"the request did not come within {settings.body_timeout:g} seconds")


async def ask(
    client: Client, request: Request, path: str, content: bytes, headers: Headers, *, rewritten: bool
) -> aiohttp.ClientResponse:
    """Send a request on, and return the answer with its body not read yet; one to be `rewritten` is unpacked.

    Raises:
        Refused: the server cannot be reached, or does not answer.
    """
    try:
        try:
            return await client.send(request.method, path, content, headers, unpack=rewritten)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # A connection that was kept may be closed by the server at any time, without a word of the answer.
            return await client.send(request.method, path, content, headers, unpack=rewritten)
    except _TOO_LATE as error:
        raise Refused(504, f"the server did not answer in time: {type(error).__name__}") from None
    except UnicodeError:
        raise Refused(400, "a header is no UTF-8") from None
    except (aiohttp.ClientError, ValueError) as error:
        raise Refused(502, f"the server cannot be reached: {type(error).__name__}") from None


async def found_at(client: Client, path: str, headers: Headers, limit: int) -> Any:
    """Return the JSON that the server has at a path, None if there is none, or it does not come soon."""
    try:
        response = await client.send("GET", path, headers=headers, unpack=True, within=5)
        raw = await whole_body(response, limit)
        return json.loads(raw) if response.status == 200 else None
    except (*_FAILURES, Refused, ValueError, RecursionError):
        return None


async def whole_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read a whole answer, and close it.

    Raises:
        Refused: it is longer than the limit, or breaks off.
    """
    parts: list[bytes] = []
    size = 0
    try:
        while part := await response.content.readany():
            size += len(part)
            if size > limit:
                raise Refused(502, f"the answer of the server is longer than the limit of {limit:,} bytes")
            parts.append(part)
    except _FAILURES as error:
        raise Refused(502, f"the answer of the server broke off: {type(error).__name__}") from None
    finally:
        response.close()
    return b"".join(parts)


async def pass_on(send: Send, response: aiohttp.ClientResponse, *, unpacked: bool = False) -> bool:
    """Hand an answer to the client as it is; return whether it came to its end."""
    try:
        # What is told without a body, such as 304, may have the length that it would have.
        changed = response.status in (204, 304) or (unpacked and "content-encoding" in response.headers)
        headers = list(kept(response.raw_headers, _OF_BODIES if changed else frozenset()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        while part := await response.content.readany():
            await send({"type": "http.response.body", "body": part, "more_body": True})
    except _FAILURES:
        return False  # what is begun and not ended cuts the client's connection
    finally:
        response.close()
    await send({"type": "http.response.body", "body": b"", "more_body": False})
    return True


class ClientStream:
    """A stream to the client, with a comment wherever it is silent for long."""

    def __init__(self, send: Send, settings: ServeSettings, watch: Watch, began: float) -> None:
        self._send, self._ping, self._watch, self._began = send, settings.ping, watch, began
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._is_first = True
        self._timer: asyncio.TimerHandle | None = None
        self._comment: asyncio.Task[None] | None = None

    async def begin(self, headers: Headers) -> None:
        """Send the head."""
        head = [*((name, value) for name, value in headers if name not in _REWRITTEN), *_STREAM_HEADERS]
        await self._send({"type": "http.response.start", "status": 200, "headers": head})
        self._timer = self._loop.call_later(self._ping, self._beat)

    async def write(self, text: str) -> None:
        """Send more; a client that does not read makes this wait."""
        if self._is_first:
            self._watch.observe_first_byte(time.monotonic() - self._began)
            self._is_first = False
        await self._send({"type": "http.response.body", "body": text.encode("utf-8"), "more_body": True})
        self._last = self._loop.time()

    async def end(self, text: str) -> None:
        """Send the last of it."""
        self.close()
        if self._is_first:
            self._watch.observe_first_byte(time.monotonic() - self._began)
        await self._send({"type": "http.response.body", "body": text.encode("utf-8"), "more_body": False})

    def close(self) -> None:
        """Send nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._comment is not None:
            self._comment.cancel()

    def _beat(self) -> None:
        """Send a comment if it is time, unless the client has not read the last one."""
        rest = self._last + self._ping - self._loop.time()
        if rest <= 0 and (self._comment is None or self._comment.done()):
            message = {"type": "http.response.body", "body": b": ping\n\n", "more_body": True}
            self._comment = self._loop.create_task(self._say(message))
        self._timer = self._loop.call_later(rest if rest > 0 else self._ping, self._beat)

    async def _say(self, message: dict[str, Any]) -> None:
        await self._send(message)


async def rewrite(response: aiohttp.ClientResponse, rewriting: Rewriting, client: ClientStream) -> str:
    """Write what becomes of a stream of the server; return what is left to be sent with its end.

    What came since the last read is written at once.
    """
    read, take, write = response.content.readany, rewriting.take, client.write
    try:
        while part := await read():
            text = take(part)
            if rewriting.over:
                return text
            if text:
                await write(text)
    except _TOO_LATE:
        rewriting.problem = BadAnswer("the server sent nothing more for too long")
    except _FAILURES as error:
        rewriting.problem = BadAnswer(f"the stream of the server broke off: {type(error).__name__}")
    return ""


class WhileThere:
    """Cancels what is done for a client when it goes; `gone` is whether it did."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.gone = False

    def __enter__(self) -> WhileThere:
        self._task = asyncio.current_task()
        self._watching = asyncio.create_task(self._watch())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._watching.cancel()
        return self.gone and kind is not None and issubclass(kind, asyncio.CancelledError)

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if self._task is not None:
            self._task.cancel()


class Passage:
    """Hands everything else on."""

    def __init__(self, client: Client, settings: ServeSettings, metrics: Metrics) -> None:
        self._client, self._settings, self._metrics = client, settings, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, and its answer back."""
        request = Request(scope, receive)
        try:
            raw = await body_of(request, self._settings)
        except ClientDisconnect:
            return
        except Refused as error:
            await PlainTextResponse(f"{error}\n", error.status)(scope, receive, send)
            return
        with WhileThere(receive):
            try:
                await self.pass_on(request, raw, send, Watch(self._metrics))
            except Refused as error:
                await PlainTextResponse(f"{error}\n", error.status)(scope, receive, send)

    async def pass_on(self, request: Request, raw: bytes, send: Send, watch: Watch) -> None:
        """Hand a request whose body was read on, and its answer back.

        Raises:
            Refused: the server cannot be reached.
        """
        headers = watch.headers(request_headers(request.headers.raw, rewritten=False))
        response = await ask(self._client, request, path_of(request), raw, headers, rewritten=False)
        watch.count("requests_total", api="other", mode="none", status=str(response.status))
        if response.status >= 400:
            watch.fail(str(response.status))
        await pass_on(send, response)
