"""Starting and ending the proxy: the listening socket, limits on heads of requests, and a shutdown that waits.

It must not know requests. Law: it listens at the address that it was given and at no other; streams that have begun
may end before it does, for as long as the settings say.
"""

from __future__ import annotations

from collections.abc import Callable

import uvicorn

from wireproto.serve.app import application
from wireproto.serve.settings import ServeSettings, is_loopback


def server_of(settings: ServeSettings) -> uvicorn.Server:
    """Return a server that has not begun.

    h11 reads requests, since it bounds how long their heads may be. The server's headers go on, and no own are added.

    Raises:
        OSError: the file of transcripts cannot be written.
    """
    config = uvicorn.Config(
        application(settings),
        host=settings.host,
        port=settings.port,
        http="h11",
        ws="none",
        h11_max_incomplete_event_size=settings.header_limit,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_timeout)),
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )
    return uvicorn.Server(config)


def run(settings: ServeSettings, say: Callable[[str], object]) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        OSError: the address is taken, or the file of transcripts cannot be written.
    """
    server = server_of(settings)
    say(f"wireproto: http://{settings.host}:{settings.port} -> {settings.upstream}, mode {settings.default.mode}")
    if not is_loopback(settings.host):
        say("wireproto: others can reach this address; whoever can may use the server behind it")
    server.run()
