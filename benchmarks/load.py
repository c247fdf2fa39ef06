"""Many streams at once through `wireproto serve`, and the same without it: what the proxy costs, and what it loses.

    python -m benchmarks.load                  500 streams at once for 60 seconds, at the pace of a model
    python -m benchmarks.load --rush           as fast as it goes: throughput against direct
    python -m benchmarks.load --for 5 -n 100   less of it

A scripted server and the proxy are processes of their own; the client here reads sockets and nothing more, since it
shares the machine with what it measures. Each answer is some text and a leaked call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


def serve_script(port: int, pause: float) -> None:
    """Answer every request with the same stream."""
    import uvicorn

    events = deltas()

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


async def load(url: str, streams: int, seconds: float, called: bytes) -> Tally:
    """Keep so many streams open for so long; each that ends is followed by another."""
    tally, began = Tally(), time.perf_counter()

    async def again(number: int) -> None:
        await asyncio.sleep(number / streams)  # not all in one moment
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
class Costs:
    """A run without the proxy and one with it; for each the seconds of processor time of server, proxy and client.

    `memory` of the proxy is in MB, before and after.
    """

    direct: Tally
    through: Tally
    spent: tuple[tuple[float, ...], tuple[float, ...]]
    memory: tuple[float, float]

    def show(self) -> None:
        """Print it."""
        for name, tally, spent in zip(("direct", "through"), (self.direct, self.through), self.spent, strict=True):
            print(tally.line(name))
            per = [seconds / max(tally.whole * DELTAS, 1) * 1e6 for seconds in spent]
            print(f"         ms of processor per 1,000: server {per[0]:.0f}, proxy {per[1]:.0f}, client {per[2]:.0f}")
        for reason in self.through.lost[:3]:
            print("  lost:", reason)
        if self.direct.first and self.through.first:
            added = statistics.median(self.through.first) - statistics.median(self.direct.first)
            print(f"added to the first byte: {added * 1000:.1f} ms")
        print(f"memory of the proxy: {self.memory[0]:.0f} MB before, {self.memory[1]:.0f} MB after")


def run(streams: int, seconds: float, pause: float, port: int) -> Costs:
    """Measure direct for a quarter of the time, and then through the proxy."""
    direct, through = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    script = f"from benchmarks.load import serve_script; serve_script({port}, {pause})"
    proxy = ["-m", "wireproto", "serve", "--upstream", direct, "--port", str(port + 1), "--dialect", "hermes"]

    async def measured(url: str, seconds: float, processes: tuple[int, ...], said: bytes) -> Any:
        before = [resources(process)[0] for process in processes]
        tally = await load(url, streams, seconds, said)
        return tally, tuple(resources(process)[0] - used for process, used in zip(processes, before, strict=True))

    async def both(processes: tuple[int, ...]) -> Costs:
        await ready(direct)
        await ready(through)
        plain, spent = await measured(direct, seconds / 4, processes, b"[DONE]")
        await load(through, streams, min(seconds / 8, 5.0), b"[DONE]")  # what is made on first use is there now
        memory = resources(processes[1])[1]
        tally, more = await measured(through, seconds, processes, b'"finish_reason":"tool_calls"')
        return Costs(plain, tally, (spent, more), (memory, resources(processes[1])[1]))

    with child("-c", script) as server, child(*proxy) as number:
        return asyncio.run(both((server, number, os.getpid())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("-n", "--streams", type=int, default=500)
    parser.add_argument("--for", dest="seconds", type=float, default=60.0)
    parser.add_argument("--rush", action="store_true", help="no pause between deltas, 32 streams at once")
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between two deltas of a stream")
    parser.add_argument("--port", type=int, default=18_300)
    given = parser.parse_args()
    costs = run(32 if given.rush else given.streams, given.seconds, 0 if given.rush else given.pause, given.port)
    costs.show()
    if given.rush and costs.direct.whole:
        share = (costs.through.whole / costs.through.seconds) / (costs.direct.whole / costs.direct.seconds)
        print(f"throughput against direct: {share:.0%}")
    raise SystemExit(1 if costs.through.lost else 0)


if __name__ == "__main__":
    main()
