"""The HTTP client, and what of a message's head goes on: requests to the server, answers to the client.

It must not know bodies. Law: what belongs to one connection stays on it, and no header is kept or shown.

The client is aiohttp's, whose parser is llhttp: an answer that comes in pieces costs a third of what it does with
httpx2, where h11 reads it (`python -m benchmarks.load` shows what a proxy costs that does nothing else).
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import anyio
from starlette.requests import Request
from yarl import URL

from wireproto.serve.settings import ServeSettings

Headers = list[tuple[bytes, bytes]]
# RFC 9110, section 7.6.1, and what it names beside.
_HOP: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade")
)  # fmt: skip
# Written anew: the host of the server, and the length of what is sent. 100-continue was answered here.
_ANEW: Final = frozenset((b"host", b"content-length", b"expect"))
_PLAIN: Final = (b"accept-encoding", b"identity")
_AT_ONCE: Final = 1 << 20  # bytes of a body that are handed over in one piece
_MOST_WAIT_BEHIND: Final = 0.2  # seconds that a server gets to end its stream after it said that it is over


class Client:
    """The connections to the server: no redirect is followed, no cookie kept, and waiting is bounded between reads."""

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self._base = URL(settings.upstream, encoded=True)
        self._opened: aiohttp.ClientSession | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    def _session(self) -> aiohttp.ClientSession:
        """Return the session, which begins with the first request, since it belongs to the loop that runs then."""
        if self._opened is None:
            settings = self._settings
            self._opened = aiohttp.ClientSession(
                # Servers close a connection that was idle for 5 seconds; one must not be used in that moment.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=2.0),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=settings.connect_timeout, sock_read=settings.read_timeout
                ),
                # Requests of several people go through it.
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
                max_line_size=settings.header_limit,
                max_field_size=settings.header_limit,
                proxy=proxy_for(settings),
            )
        return self._opened

    async def send(
        self, method: str, path: str, content: bytes = b"", headers: Iterable[tuple[bytes, bytes]] = (),
        *, unpack: bool = False, within: float | None = None,
    ) -> aiohttp.ClientResponse:  # fmt: skip
        """Send a request to a path, with its query, on the server and nowhere else; the body is not read yet.

        `unpack`: a compressed body is read as what is in it. `within`: seconds for the whole answer.

        Raises:
            aiohttp.ClientError: the server cannot be reached, or says something else than HTTP.
            TimeoutError: it does not answer in time.
            ValueError: this path or one of the headers cannot be sent.
        """
        if not path.startswith("/"):
            raise ValueError("a request for another server")
        base, (path, _, query) = self._base, path.partition("?")
        url = URL.build(
            scheme=base.scheme,
            authority=base.raw_authority,
            path=base.raw_path.rstrip("/") + path,
            query_string=query,
            encoded=True,
        )
        return await self._session().request(
            method,
            url,
            data=None if not content else content if len(content) <= _AT_ONCE else io.BytesIO(content),
            headers=[(name.decode("ascii"), value.decode("utf-8")) for name, value in headers],
            allow_redirects=False,
            auto_decompress=unpack,
            **({} if within is None else {"timeout": aiohttp.ClientTimeout(total=within)}),
        )

    def leave(self, response: aiohttp.ClientResponse) -> None:
        """Close a stream after its last event; one that ends soon leaves a connection that can be used again."""
        if response.content.is_eof():
            response.release()
            return
        task = asyncio.get_running_loop().create_task(_drained(response))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            await self._opened.close()


async def _drained(response: aiohttp.ClientResponse) -> None:
    try:
        with anyio.move_on_after(_MOST_WAIT_BEHIND):
            await response.content.readany()
    except (aiohttp.ClientError, asyncio.TimeoutError):
        pass
    finally:
        response.close()


def proxy_for(settings: ServeSettings) -> str | None:
    """Return the proxy that the environment names for the server, if that is not on this machine."""
    parts = urlsplit(settings.upstream)
    if settings.upstream_is_near or proxy_bypass(parts.hostname or ""):
        return None
    named = getproxies()
    return named.get(parts.scheme) or named.get("all")


def kept(
    headers: Iterable[tuple[bytes, bytes]], without: frozenset[bytes] = frozenset()
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the headers that do not belong to one connection, with names in lower case."""
    lower = [(name.lower(), value) for name, value in headers]
    named = {word.strip().lower() for name, value in lower if name == b"connection" for word in value.split(b",")}
    for name, value in lower:
        if name not in _HOP and name not in named and name not in without:
            yield name, value


def request_headers(headers: Iterable[tuple[bytes, bytes]], rewritten: bool) -> Headers:
    """Return the headers for the server; an answer that is to be `rewritten` must not be compressed."""
    found = [(name, value) for name, value in kept(headers, _ANEW) if not (rewritten and name == _PLAIN[0])]
    # Without one a server may send whatever it likes.
    return found if any(name == _PLAIN[0] for name, _ in found) else [*found, _PLAIN]


def path_of(request: Request) -> str:
    """Return the path of a request as it was sent, with its query."""
    raw, query = request.scope.get("raw_path") or request.url.path.encode(), request.scope["query_string"]
    return (raw + (b"?" + query if query else b"")).decode("latin-1")


def with_bearer(headers: Headers) -> Headers:
    """Return the headers with the key of Anthropic's clients where servers of Chat Completions look for it."""
    found = dict(headers)
    key = found.get(b"x-api-key")
    if key is None or b"authorization" in found:
        return headers
    return [*headers, (b"authorization", b"Bearer " + key)]
