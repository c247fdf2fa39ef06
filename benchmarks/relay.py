"""A proxy that passes bytes on and does nothing else, on the libraries of `wireproto serve`: the least that one costs.

python -m benchmarks.relay http://127.0.0.1:8080 --port 8078
"""

from __future__ import annotations

import argparse
from typing import Any

import aiohttp
import uvicorn


class Relay:
    """An ASGI application that sends every request to a server, and what that says back, as it comes."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2.0)
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(sock_read=600))
        url, headers = self._upstream + scope["path"], {"content-type": "application/json"}
        async with self._session.request(scope["method"], url, data=body, headers=headers) as answer:
            kind = answer.headers.get("content-type", "").encode()
            start = {"type": "http.response.start", "status": answer.status, "headers": [(b"content-type", kind)]}
            await send(start)
            while part := await answer.content.readany():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("upstream")
    parser.add_argument("--port", type=int, default=8078)
    given = parser.parse_args()
    options: dict[str, Any] = {"log_level": "error", "access_log": False, "server_header": False, "date_header": False}
    uvicorn.run(Relay(given.upstream), port=given.port, http="httptools", ws="none", **options)


if __name__ == "__main__":
    main()
