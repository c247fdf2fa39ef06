"""Starting and ending the proxy: the listening socket, limits on heads of requests, and a shutdown that waits.

It must not know requests. Law: it listens at the address that it was given and at no other; streams that have begun
may end before it does, for as long as the settings say.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wireproto.serve.app import application
from wireproto.serve.settings import ServeSettings, is_loopback


class BoundedProtocol(HttpToolsProtocol):
    """Reads requests with llhttp, which costs half of what h11 does, but takes heads of any length and any target.

    It also leaves a request with a body that offers another protocol, as those of Java do, without that body.
    `limit`: the most bytes of a head, in a subclass.
    """

    limit = 0
    _size = 0  # bytes of a head that has not ended
    _in_head = _in_body = _offers = False
    _is_alone = True  # all that is read now belongs to the head

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head, self._size, self._offers = True, 0, False

    def data_received(self, data: bytes) -> None:
        """Read more of a request, or of several."""
        self._unset_keepalive_if_required()
        self._is_alone = not self._in_body
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
            return
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
            return
        if self._in_head and self._is_alone:
            self._size += len(data)
        if self._in_head and self._size > self.limit + 4:
            self._in_head = False
            self.send_400_response("The head of the request is too long.")

    def on_headers_complete(self) -> None:
        """End a head; what is raised here is answered with 400."""
        self._in_head, self._in_body = False, True
        if not self.url.startswith(b"/"):
            raise ValueError("the target of the request is no path")
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self.limit:
            raise ValueError("the head of the request is too long")
        self._offers = self.parser.should_upgrade()
        if not self._offers:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request."""
        self._in_body = self._is_alone = False
        if not self._offers:
            super().on_message_complete()

    def _decline(self, rest: bytes) -> None:
        """Read the request once more, without its offer of another protocol."""
        headers = [b"%b: %b\r\n" % each for each in self.headers if each[0] != b"upgrade"]
        line = b"%b %b HTTP/1.1\r\n" % (self.parser.get_method(), self.url)
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"".join((line, *headers, b"\r\n", rest)))


def config_of(settings: ServeSettings) -> uvicorn.Config:
    """Return how requests are read; the server's headers go on, and no own are added.

    Raises:
        OSError: the file of transcripts cannot be written.
    """
    return uvicorn.Config(
        application(settings),
        host=settings.host,
        port=settings.port,
        http=type("Protocol", (BoundedProtocol,), {"limit": settings.header_limit}),
        ws="none",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_timeout)),
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )


def run(settings: ServeSettings, say: Callable[[str], object]) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        OSError: the address is taken, or the file of transcripts cannot be written.
    """
    server = uvicorn.Server(config_of(settings))
    say(f"wireproto: http://{settings.host}:{settings.port} -> {settings.upstream}, mode {settings.default.mode}")
    if not is_loopback(settings.host):
        say("wireproto: others can reach this address; whoever can may use the server behind it")
    gc.collect()
    gc.freeze()  # what was loaded stays; there is no need to look through it again and again
    server.run()
