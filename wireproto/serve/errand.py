"""The way of one request to the server: rendered first in the mode `raw`, and without a grammar that is refused.

It must not know what an answer holds. Law: a request that was changed to be taken says so in what is returned with its
answer.
"""

from __future__ import annotations

import json

import aiohttp
import anyio
from starlette.requests import Request

from wireproto.serve import exchange
from wireproto.serve.asked import Asked, Refused
from wireproto.serve.http import Client, Headers, kept, path_of, request_headers, with_bearer
from wireproto.serve.modes import server_in
from wireproto.serve.raw import completion_of, template_request
from wireproto.serve.settings import Server
from wireproto.serve.stream.chunks import said_of
from wireproto.serve.watch.spans import Watch

CHAT_PATH = "/v1/chat/completions"


class Errand:
    """Takes what one client asks to the server; `translated`: it came at the path of another API, `bearer`: with a key
    of Anthropic's. `limit`: the most bytes of what the server says when it renders or refuses.
    """

    def __init__(
        self, client: Client, request: Request, watch: Watch, *, translated: bool, bearer: bool, limit: int
    ) -> None:
        self._client, self._request, self._watch, self._limit = client, request, watch, limit
        self._path = CHAT_PATH if translated else path_of(request)
        self._bearer = bearer

    async def run(self, asked: Asked, raw: bytes | None = None) -> tuple[Asked, aiohttp.ClientResponse]:
        """Return the answer, with its body not read yet, and the request that it answers; `raw`: the client's bytes.

        Raises:
            Refused: the server cannot be reached, or does not render the prompt.
        """
        if asked.settings.mode == "raw" and asked.tools is not None:
            asked = await self._rendered(asked)
        response = await self._post(asked, raw)
        bare = asked.without_grammar() if response.status == 400 else None
        if bare is None:
            return asked, response
        said = said_in(await exchange.whole_body(response, self._limit))
        self._watch.count("fallbacks_total", mode=asked.settings.mode)
        return bare.because(f"HTTP {response.status}: {said}"), await self._post(bare, raw)

    async def server(self, model: str) -> Server:
        """Return which server answers for a model, "auto" if it does not say."""
        found = await exchange.found_at(self._client, "/v1/models", self._headers(), self._limit)
        return server_in(found, model)

    async def _post(self, asked: Asked, raw: bytes | None) -> aiohttp.ClientResponse:
        as_it_came = raw is not None and asked.chat is asked.own
        content = raw if raw is not None and as_it_came else json.dumps(asked.chat).encode()
        return await self._send(asked.path or self._path, content)

    async def _send(self, path: str, content: bytes) -> aiohttp.ClientResponse:
        return await exchange.ask(self._client, self._request, path, content, self._headers(), rewritten=True)

    def _headers(self) -> Headers:
        headers = request_headers(self._request.headers.raw, rewritten=True)
        return self._watch.headers(with_bearer(headers) if self._bearer else headers)

    async def _rendered(self, asked: Asked) -> Asked:
        """Have the server render the prompt, and return the request for what the model writes behind it."""
        content = json.dumps(await anyio.to_thread.run_sync(template_request, asked)).encode()
        response = await self._send("/apply-template", content)
        raw = await exchange.whole_body(response, self._limit)
        try:
            answer = json.loads(raw)
        except ValueError:
            answer = None
        prompt = answer.get("prompt") if isinstance(answer, dict) else None
        if response.status != 200 or not isinstance(prompt, str):
            status = response.status if response.status >= 400 else 502
            raise Refused(status, f"raw: the server does not render the prompt, as llama-server does: {said_in(raw)}")
        return await anyio.to_thread.run_sync(completion_of, asked, prompt)


def said_in(raw: bytes) -> str:
    """Return what an answer of the server says of an error, whatever its shape."""
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = raw.decode("utf-8", "replace")
    return said_of(answer.get("error", answer) if isinstance(answer, dict) else answer)


def answer_headers(asked: Asked, response: aiohttp.ClientResponse) -> Headers:
    """Return the headers of a rewritten answer, which say what was not sent to the server as it was asked for."""
    headers = list(kept(response.raw_headers, frozenset((b"content-length", b"content-encoding"))))
    dropped = ", ".join(word for word in dict.fromkeys(asked.dropped) if word.isascii() and word.isprintable())
    if dropped:
        headers.append((b"x-wireproto-dropped", dropped.encode()))
    if asked.fell_back:
        why = "".join(letter if letter.isascii() and letter.isprintable() else " " for letter in asked.fell_back)
        headers.append((b"x-wireproto-fallback", f"repair; {' '.join(why.split())[:400]}".strip().encode()))
    return headers
