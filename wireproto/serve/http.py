"""The HTTP client, and what of a message's head goes on: requests to the server, answers to the client.

It must not know bodies. Law: what belongs to one connection stays on it, and no header is kept or shown.

The client is httpx2, which goes on where httpx ended in 2024, and which the SDKs of OpenAI and Anthropic use.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import Final

import httpx2
from starlette.requests import Request

from wireproto.serve.settings import ServeSettings

Headers = list[tuple[bytes, bytes]]
# RFC 9110, section 7.6.1, and what it names beside.
_HOP: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade")
)  # fmt: skip
# Written anew: the host of the server, and the length of what is sent. 100-continue was answered here.
_ANEW: Final = frozenset((b"host", b"content-length", b"expect"))
_POOLS: Final = 16
_PLAIN: Final = (b"accept-encoding", b"identity")


class Clients:
    """The connections to the server.

    They are in several pools that take turns: a pool walks all its connections for each request, which is most of the
    work where hundreds of streams are open.
    """

    def __init__(self, settings: ServeSettings) -> None:
        encryption = httpx2.create_ssl_context() if settings.upstream.startswith("https:") else False
        self._clients = [client_for(settings, encryption) for _ in range(_POOLS)]
        self._turns = cycle(self._clients)

    def next(self) -> httpx2.AsyncClient:
        """Return the client whose turn it is."""
        return next(self._turns)

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.aclose()


def client_for(settings: ServeSettings, encryption: ssl.SSLContext | bool = True) -> httpx2.AsyncClient:
    """Return a client for a server: no redirect is followed, and waiting is bounded between any two reads."""
    timeout = httpx2.Timeout(connect=settings.connect_timeout, read=settings.read_timeout, write=60.0, pool=None)
    return httpx2.AsyncClient(
        base_url=settings.upstream,
        timeout=timeout,
        # Servers close a connection that was idle for 5 seconds; one must not be used in that moment.
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=2.0),
        trust_env=not settings.upstream_is_near,
        verify=encryption,
        follow_redirects=False,
    )


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
    # Without one the client would ask for what it can unpack itself, and not for what its own client can.
    return found if any(name == _PLAIN[0] for name, _ in found) else [*found, _PLAIN]


def target(client: httpx2.AsyncClient, path: str) -> httpx2.URL:
    """Return the URL of a path, with its query, on the server and nowhere else."""
    if not path.startswith("/"):
        raise httpx2.InvalidURL("a request for another server")
    base = client.base_url
    return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode("ascii"))


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
