"""The proxy as an ASGI application: which path is answered how.

It must not know a wire format. Law: what is not one of the three APIs, health or metrics goes to the server and comes
back as it is.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Literal

import aiohttp
import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from wireproto.serve import exchange
from wireproto.serve.asked import Asked, Refused
from wireproto.serve.chat import ChatStream, asked_of_chat, whole_chat
from wireproto.serve.choice import AnswerChoice
from wireproto.serve.errand import CHAT_PATH, Errand, answer_headers, said_in
from wireproto.serve.exchange import ClientStream, Passage, Rewriting, WhileThere
from wireproto.serve.http import Client
from wireproto.serve.modes import asked_again, prepared
from wireproto.serve.settings import Server, ServeSettings
from wireproto.serve.stream.chunks import BadAnswer
from wireproto.serve.transcripts import Transcripts
from wireproto.serve.translate import asked_of_messages, asked_of_responses
from wireproto.serve.translated import TranslatedStream, whole_translated
from wireproto.serve.watch.metrics import CONTENT_TYPE, Metrics
from wireproto.serve.watch.spans import Tracing, Watch
from wireproto.values.errors import WireprotoError

Api = Literal["chat", "messages", "responses"]
PATHS: Mapping[str, Api] = {
    CHAT_PATH: "chat",
    "/chat/completions": "chat",
    "/v1/messages": "messages",
    "/v1/responses": "responses",
    "/responses": "responses",
}
_MOST_MODELS = 1_000  # names come from clients
_SERVERS_LAST = 60.0  # seconds
_KINDS = {400: "invalid_request_error", 408: "timeout_error", 413: "request_too_large", 429: "rate_limit_error"}


class Proxy:
    """What all exchanges share: the client, the counters, the traces, the transcripts."""

    def __init__(self, settings: ServeSettings, tracer_provider: Any = None) -> None:
        self.settings = settings
        self._tracing = Tracing(*settings.upstream_address, tracer_provider) if settings.traces else None
        self.client = Client(settings)
        self.metrics = Metrics()
        self.passage = Passage(self.client, settings, self.metrics)
        self.transcripts = Transcripts(settings.transcripts) if settings.transcripts else None
        self.reasoning_keys: dict[str, str] = {}  # by model, in which field the server writes reasoning
        self._servers: dict[str, tuple[Server, float]] = {}  # by model, which server said that it is its own, and when

    def server(self, model: str) -> Server:
        """Return which server answers for a model, "auto" if it has to be asked, since that may change."""
        server, when = self._servers.get(model, ("auto", 0.0))
        return server if time.monotonic() - when < _SERVERS_LAST else "auto"

    def remember(self, model: str, server: Server) -> None:
        """Keep which server answers for a model, if it said so."""
        if server != "auto" and (model in self._servers or len(self._servers) < _MOST_MODELS):
            self._servers[model] = server, time.monotonic()

    async def close(self) -> None:
        """Close what is open."""
        await self.client.close()
        if self.transcripts is not None:
            self.transcripts.close()

    def watch(self, request: Request) -> Watch:
        """Return what watches an exchange."""
        return Watch(self.metrics) if self._tracing is None else self._tracing.watch(self.metrics, request.headers)

    def asked(self, api: Api, body: dict[str, Any]) -> Asked:
        """Return what a request asks for, as it is sent to the server.

        Raises:
            Refused: it is not one that can be answered.
        """
        try:
            if api == "chat":
                asked = asked_of_chat(body, self.settings)
            else:
                key = self._reasoning_key(str(body.get("model") or ""))
                read = asked_of_messages if api == "messages" else asked_of_responses
                asked = read(body, self.settings, key)
            if asked.settings.server == "auto":
                asked = replace(asked, settings=replace(asked.settings, server=self.server(asked.model)))
            return prepared(asked)
        except Refused:
            raise
        except WireprotoError as error:
            raise Refused(400, str(error)) from None

    def _reasoning_key(self, model: str) -> str:
        given = self.settings.of(model).reasoning_key
        return self.reasoning_keys.get(model, "reasoning_content") if given == "auto" else given

    def note(self, api: Api, asked: Asked, choices: list[AnswerChoice]) -> None:
        """Write an answer down, and remember where its server writes reasoning: there it reads that of the past."""
        for choice in choices:
            if choice.reasoning_key and len(self.reasoning_keys) < _MOST_MODELS:
                self.reasoning_keys[asked.model] = choice.reasoning_key
        if self.transcripts is not None and choices:
            self.transcripts.write(api, asked, choices)


class Door:
    """Answers requests of one API."""

    def __init__(self, proxy: Proxy, api: Api) -> None:
        self._proxy, self._api = proxy, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, unless its client goes before that."""
        proxy, request = self._proxy, Request(scope, receive)
        if request.method != "POST":
            await proxy.passage(scope, receive, send)
            return
        try:
            raw = await exchange.body_of(request, proxy.settings)
        except ClientDisconnect:
            return
        except Refused as error:
            await self._refuse(error)(scope, receive, send)
            return
        watch = proxy.watch(request)
        try:
            with WhileThere(receive) as client:
                try:
                    await self._answer(request, raw, send, watch)
                except Refused as error:
                    watch.fail(str(error.status))
                    await self._refuse(error)(scope, receive, send)
            if client.gone:
                watch.count("streams_total", end="client_gone")
                watch.fail("client_gone")
        finally:
            watch.close()

    def _refuse(self, error: Refused) -> JSONResponse:
        self._proxy.metrics.count("requests_total", api=self._api, mode="none", status=str(error.status))
        return JSONResponse(self._error(error.status, str(error)), error.status)

    def _error(self, status: int, message: str) -> dict[str, Any]:
        """Return an error as the API has it."""
        if self._api == "messages":
            kind = _KINDS.get(status, "api_error")
            return {"type": "error", "error": {"type": kind, "message": message}}
        kind = "invalid_request_error" if status < 500 else "upstream_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}

    async def _answer(self, request: Request, raw: bytes, send: Send, watch: Watch) -> None:
        proxy, began = self._proxy, time.monotonic()
        body = _object(raw)
        model = str(body.get("model") or "")
        own = proxy.settings.of(model)
        if own.mode == "repair":
            asked = proxy.asked(self._api, body)
        else:
            unknown = own.mode == "constrain" and own.server == proxy.server(model) == "auto"
            if unknown and body.get("tools"):
                proxy.remember(model, await self._errand(request, watch).server(model))
            # A grammar may take longer than others should wait.
            asked = await anyio.to_thread.run_sync(proxy.asked, self._api, body)
        settings = asked.settings
        watch.asked(self._api, asked.model, asked.chat, mode=settings.mode, dialect=settings.dialect)
        if asked.tools is None and asked.chat is asked.own:
            await proxy.passage.pass_on(request, raw, send, watch)
            return
        asked, response = await self._errand(request, watch).run(asked, raw)
        watch.count("requests_total", api=self._api, mode=asked.settings.mode, status=str(response.status))
        if response.status != 200:
            watch.fail(str(response.status))
            await self._pass_error(request, response, send)
        elif asked.streams:
            await self._stream(request, asked, response, send, began, watch)
        else:
            await self._whole(request, asked, response, send, watch)

    def _errand(self, request: Request, watch: Watch) -> Errand:
        proxy, api = self._proxy, self._api
        return Errand(
            proxy.client, request, watch, translated=api != "chat", bearer=api == "messages",
            limit=proxy.settings.body_limit,
        )  # fmt: skip

    async def _pass_error(self, request: Request, response: aiohttp.ClientResponse, send: Send) -> None:
        """Hand an error of the server on, with its status and `retry-after`, in the shape of the client's API."""
        if self._api != "messages":
            await exchange.pass_on(send, response, unpacked=True)
            return
        raw = await exchange.whole_body(response, self._proxy.settings.body_limit)
        shown = JSONResponse(self._error(response.status, said_in(raw)), response.status)
        if "retry-after" in response.headers:
            shown.headers["retry-after"] = response.headers["retry-after"]
        await shown(request.scope, request.receive, send)

    async def _stream(
        self, request: Request, asked: Asked, response: aiohttp.ClientResponse, send: Send, began: float, watch: Watch
    ) -> None:
        if not response.headers.get("content-type", "").startswith(exchange.EVENT_STREAM):
            response.close()
            raise Refused(502, "the server answered a request for a stream with something else")
        proxy = self._proxy
        client = ClientStream(send, proxy.settings, watch, began)
        proxy.metrics.open_streams += 1
        try:
            await client.begin(answer_headers(asked, response))
            await self._rewrite(request, asked, response, client, watch)
        finally:
            proxy.metrics.open_streams -= 1
            client.close()

    async def _rewrite(
        self, request: Request, asked: Asked, response: aiohttp.ClientResponse, client: ClientStream, watch: Watch
    ) -> None:
        """Write the client's stream; an answer of which nothing was sent yet may be asked for once more."""
        proxy, opened = self._proxy, [response]
        try:
            rewriting = self._rewriting(asked, watch)
            left = await exchange.rewrite(response, rewriting, client)
            again = None
            if rewriting.problem is None and not rewriting.rewriter.sent:
                again = asked_again(asked, rewriting.rewriter.choices)
            if again is not None:
                watch.count("retries_total")
                proxy.note(self._api, asked, rewriting.rewriter.choices)
                asked, rewriting, second = await self._second(request, again, watch)
                if second is not None:
                    opened.append(second)
                    left = await exchange.rewrite(second, rewriting, client)
            left += rewriting.finish()
            rewriter = rewriting.rewriter
            proxy.note(self._api, asked, rewriter.choices)
            watch.answered(rewriter.said, [choice.finish for choice in rewriter.choices])
            end = "error" if rewriting.problem else "stopped" if rewriter.stopped else "done"
            watch.count("streams_total", end=end)
            if end == "error":
                watch.fail("upstream_error")
            await client.end(left)
            if end == "done":
                proxy.client.leave(opened.pop())
        finally:
            for each in opened:
                each.close()

    async def _second(
        self, request: Request, asked: Asked, watch: Watch
    ) -> tuple[Asked, Rewriting, aiohttp.ClientResponse | None]:
        """Ask once more; the head of the client's answer is sent already, so that what fails is told in its stream."""
        try:
            asked, response = await self._errand(request, watch).run(asked)
        except Refused as error:
            failed = self._rewriting(asked, watch)
            failed.problem = BadAnswer(str(error))
            return asked, failed, None
        rewriting = self._rewriting(asked, watch)
        if response.status != 200:
            response.close()
            rewriting.problem = BadAnswer(f"the server refused a second try with status {response.status}")
            return asked, rewriting, None
        return asked, rewriting, response

    def _rewriting(self, asked: Asked, watch: Watch) -> Rewriting:
        rewriter = ChatStream(asked, watch) if self._api == "chat" else TranslatedStream(self._api, asked, watch)
        return Rewriting(rewriter, self._proxy.settings.event_limit)

    async def _whole(
        self, request: Request, asked: Asked, response: aiohttp.ClientResponse, send: Send, watch: Watch
    ) -> None:
        proxy = self._proxy
        shown, raw, choices = await self._read(asked, response, watch)
        again = asked_again(asked, choices)
        if again is not None:
            watch.count("retries_total")
            proxy.note(self._api, asked, choices)
            again, second = await self._errand(request, watch).run(again)
            if second.status == 200:
                asked, response = again, second
                shown, raw, choices = await self._read(asked, response, watch)
            else:
                second.close()
        proxy.note(self._api, asked, choices)
        content = raw if shown is None else json.dumps(shown).encode()
        headers = answer_headers(asked, response)
        headers.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": False})

    async def _read(
        self, asked: Asked, response: aiohttp.ClientResponse, watch: Watch
    ) -> tuple[dict[str, Any] | None, bytes, list[AnswerChoice]]:
        """Return a whole answer for the client, None where it is the server's own, that one, and what was read."""
        raw = await exchange.whole_body(response, self._proxy.settings.body_limit)
        try:
            answer = json.loads(raw)
            if asked.read_whole is not None:
                answer = asked.read_whole(answer)
            if self._api == "chat":
                changed, choices = whole_chat(asked, answer, watch)
                shown = answer if changed or asked.read_whole is not None else None
            else:
                shown, choices = whole_translated(self._api, asked, answer, watch)
            watch.answered(answer, [choice.finish for choice in choices])
            return shown, raw, choices
        except (ValueError, RecursionError) as error:
            raise Refused(502, f"the answer of the server is no JSON: {type(error).__name__}") from None
        except BadAnswer as error:
            raise Refused(502, str(error)) from None


def application(settings: ServeSettings, tracer_provider: Any = None) -> ASGIApp:
    """Return the proxy for these settings; `tracer_provider` is OpenTelemetry's, if traces do not go to the global one.

    Raises:
        OSError: the file of transcripts cannot be written.
        MissingExtra: traces are wanted, and OpenTelemetry is not there.
    """
    proxy = Proxy(settings, tracer_provider)

    async def metrics(request: Request) -> PlainTextResponse:
        return PlainTextResponse(proxy.metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def health(request: Request) -> JSONResponse:
        """Say whether the server behind answers; one that is loading its model says 503 itself."""
        try:
            response = await proxy.client.send("GET", "/v1/models", within=3)
            response.close()
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            return JSONResponse({"status": "error", "upstream": type(error).__name__}, 503)
        ready = response.status != 503
        return JSONResponse(
            {"status": "ok" if ready else "loading", "upstream": response.status}, 200 if ready else 503
        )

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await proxy.close()

    own: list[tuple[str, Callable[..., Any]]] = [("/metrics", metrics), ("/health", health)]
    # Not Starlette's application: each of its layers would stand between every delta and the client.
    return Router(
        lifespan=lifespan,
        routes=[
            *(Route(path, endpoint, methods=["GET"]) for path, endpoint in own),
            *(Route(path, Door(proxy, api)) for path, api in PATHS.items()),
            Route("/{path:path}", proxy.passage),
        ],
    )


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the request is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused(400, "the request is no JSON object")
    return body
