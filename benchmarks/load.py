"""Many streams at once through `wireproto serve`, and the same without it: what the proxy costs, and what it loses.

    python -m benchmarks.load                  500 streams at once for 60 seconds, at the pace of a model
    python -m benchmarks.load --rush           as fast as it goes: throughput against direct
    python -m benchmarks.load --for 5 -n 100   less of it

A scripted server and the proxy are processes of their own; the client here reads sockets and nothing more, since it
shares the machine with what it measures. Each answer is some text and a leaked call. A relay that passes bytes on is
measured too: what the proxy costs beyond it is its own, the rest is that of HTTP. In a rush the server writes each
event alone, as real ones do, and then all of an answer at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

DELTAS = 75
TEXT = "I look at the file first. It has a few hundred lines, of which only the last ones matter here.\n"
CALL = (
    '<tool_call>\n{"name": "read", "arguments": {"path": "src/main.py", "note": "'
    + "some words, " * 12
    + '"}}\n</tool_call>'
)
TOOLS = [
    {
        "type": "function",
        "function": {"name": "read", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}},
    }
]
PATH = "/v1/chat/completions"


def deltas() -> list[bytes]:
    """The events of one answer, of which DELTAS hold text."""
    text = TEXT + CALL
    step = -(-len(text) // DELTAS)

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"

    parts = [event({"content": text[i : i + step]}) for i in range(0, len(text), step)]
    return [event({"role": "assistant", "content": ""}), *parts, event({}, "stop"), b"data: [DONE]\n\n"]


def serve_script(port: int, pause: float, at_once: bool = False) -> None:
    """Answer every request with the same stream, an event per write or all of them in one."""
    import uvicorn

    events = [b"".join(deltas())] if at_once else deltas()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for one in events:
            await send({"type": "http.response.body", "body": one, "more_body": True})
            await asyncio.sleep(pause)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    uvicorn.run(app, port=port, http="h11", log_level="error", access_log=False)


@dataclass
class Tally:
    """What came of the streams of one run."""

    whole: int = 0
    lost: list[str] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def line(self, name: str) -> str:
        """Return the run as a line of a table."""
        first = sorted(self.first) or [0.0]
        late = first[int(len(first) * 0.99)] if len(first) > 1 else first[0]
        return (
            f"{name:8} {self.whole:7,} streams  {len(self.lost):3} lost  {self.whole / self.seconds:7.1f} a second  "
            f"first byte {statistics.median(first) * 1000:6.1f} ms, 99 % within {late * 1000:6.0f} ms"
        )


async def one_stream(url: str, tally: Tally, called: bytes) -> None:
    """Ask once, and read to the end."""
    parts = urlsplit(url)
    body = json.dumps(
        {"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}], "tools": TOOLS}
    ).encode()
    fields = ("content-type: application/json", "connection: close", f"content-length: {len(body)}")
    head = "\r\n".join((f"POST {PATH} HTTP/1.1", f"host: {parts.netloc}", *fields, "", ""))
    began, first, read = time.perf_counter(), 0.0, b""
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(head.encode() + body)
        while data := await reader.read(65_536):
            if not first and b"data:" in read + data:
                first = time.perf_counter() - began
            read += data
        writer.close()
    except OSError as error:
        tally.lost.append(type(error).__name__)
        return
    if b"data: [DONE]" in read and called in read:
        tally.whole += 1
        tally.first.append(first)
    else:
        tally.lost.append(read[-200:].decode("utf-8", "replace"))


async def load(url: str, streams: int, seconds: float, called: bytes, over: float = 1.0) -> Tally:
    """Keep so many streams open for so long; each that ends is followed by another. They begin over some seconds."""
    tally, began = Tally(), time.perf_counter()

    async def again(number: int) -> None:
        await asyncio.sleep(number / streams * over)  # not all in one moment
        await one_stream(url, tally, called)
        while time.perf_counter() - began < seconds:
            await one_stream(url, tally, called)

    await asyncio.gather(*(again(number) for number in range(streams)))
    tally.seconds = time.perf_counter() - began
    return tally


def resources(process: int) -> tuple[float, float]:
    """Return the seconds of processor time of a process, and its memory in MB; Linux tells."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        with open(f"/proc/{process}/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
    except OSError:
        return 0.0, 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def reserved_ports(count: int) -> Iterator[list[int]]:
    """Give so many free ports that nobody else can take meanwhile.

    A socket that is bound and does not listen keeps a port from everybody but those who ask for SO_REUSEADDR too, as a
    server does that is told its port.
    """
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", 0))
        yield [one.getsockname()[1] for one in sockets]


@contextmanager
def child(*arguments: str) -> Iterator[int]:
    """Run Python with these arguments, and end it; gives its number."""
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


async def ready(url: str) -> None:
    """Wait until somebody listens."""
    parts = urlsplit(url)
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise SystemExit(f"nobody listens at {url}")


@dataclass(frozen=True)
class Row:
    """The streams of one way to the server, and the seconds of processor time of server, proxy and client for them.

    `memory` is that of the proxy, in MB, before and after.
    """

    name: str
    tally: Tally
    spent: tuple[float, ...]
    memory: tuple[float, float]

    @property
    def rate(self) -> float:
        """Streams a second."""
        return self.tally.whole / self.tally.seconds

    def show(self) -> None:
        """Print it."""
        print(self.tally.line(self.name))
        costs, total = [seconds / max(self.tally.whole * DELTAS, 1) * 1e6 for seconds in self.spent], sum(self.spent)
        shares = [seconds / total if total else 0 for seconds in self.spent]
        who = zip(("server", "proxy", "client"), costs, shares, strict=True)
        print(
            "         µs of processor a delta: " + ", ".join(f"{name} {us:.0f} ({part:.0%})" for name, us, part in who)
        )


@dataclass(frozen=True)
class Costs:
    """Streams without a proxy, through one that does nothing, and through ours."""

    direct: Row
    relay: Row
    through: Row

    def show(self) -> None:
        """Print it."""
        for row in (self.direct, self.relay, self.through):
            row.show()
        for reason in self.through.tally.lost[:3]:
            print("  lost:", reason)
        for row in (self.relay, self.through):
            if self.direct.tally.first and row.tally.first:
                added = statistics.median(row.tally.first) - statistics.median(self.direct.tally.first)
                print(f"added to the first byte by {row.name}: {added * 1000:.1f} ms")
        print("memory of the proxy: {:.0f} MB before, {:.0f} MB after".format(*self.through.memory))

    def show_rates(self) -> None:
        """Print what is left of the throughput."""
        for row in (self.relay, self.through):
            print(f"throughput of {row.name} against direct: {row.rate / self.direct.rate:.0%}")


def run(streams: int, seconds: float, pause: float, at_once: bool = False, over: float = 1.0) -> Costs:
    """Measure direct and the relay for a quarter of the time each, and then the proxy."""
    with reserved_ports(3) as ports:
        return _run(streams, seconds, pause, at_once, over, ports)


def _run(streams: int, seconds: float, pause: float, at_once: bool, over: float, ports: list[int]) -> Costs:
    url, relay_url, our_url = (f"http://127.0.0.1:{port}" for port in ports)
    ours = ["-m", "wireproto", "serve", "--upstream", url, "--dialect", "hermes", "--port", str(ports[2])]
    relay = ["-m", "benchmarks.relay", url, "--port", str(ports[1])]
    repaired = b'"finish_reason":"tool_calls"'

    async def row(name: str, url: str, processes: tuple[int, ...], seconds: float, said: bytes) -> Row:
        await ready(url)
        await load(url, streams, min(seconds / 8, 5.0), b"[DONE]")  # what is made on first use is there now
        before, memory = [resources(process)[0] for process in processes], resources(processes[1])[1]
        tally = await load(url, streams, seconds, said, over)
        spent = tuple(resources(process)[0] - used for process, used in zip(processes, before, strict=True))
        return Row(name, tally, spent, (memory, resources(processes[1])[1]))

    with child(
        "-c", f"from benchmarks.load import serve_script; serve_script({ports[0]}, {pause}, {at_once})"
    ) as server:
        me = os.getpid()
        direct = asyncio.run(row("direct", url, (server, 0, me), seconds / 4, b"[DONE]"))
        with child(*relay) as number:
            relayed = asyncio.run(row("a relay", relay_url, (server, number, me), seconds / 4, b"[DONE]"))
        with child(*ours) as number:
            through = asyncio.run(row("through", our_url, (server, number, me), seconds, repaired))
    return Costs(direct, relayed, through)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("-n", "--streams", type=int, default=500)
    parser.add_argument("--for", dest="seconds", type=float, default=60.0)
    parser.add_argument("--rush", action="store_true", help="no pause between deltas, 32 streams at once")
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between two deltas of a stream")
    parser.add_argument("--over", type=float, default=1.0, help="seconds over which the streams begin")
    given = parser.parse_args()
    if not given.rush:
        costs = run(given.streams, given.seconds, given.pause, over=given.over)
        costs.show()
        raise SystemExit(1 if costs.through.tally.lost else 0)
    lost = 0
    for at_once in (False, True):
        print("all of an answer at once" if at_once else "one event a write")
        costs = run(32, given.seconds, 0, at_once)
        costs.show()
        costs.show_rates()
        lost += len(costs.through.tally.lost)
    raise SystemExit(1 if lost else 0)


if __name__ == "__main__":
    main()
