"""A scripted model server on loopback, and the proxy before it, each in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from wireproto.serve.run import config_of
from wireproto.serve.settings import ModelSettings, ServeSettings
from wireproto.testing.engines.tinymodel import write_model

TOOL = {"name": "now", "parameters": {"type": "object", "properties": {"tz": {"type": "string"}}}}
TOOLS = [{"type": "function", "function": TOOL}]
CALL = '<tool_call>\n{"name": "now", "arguments": {"tz": "a\\"b"}}\n</tool_call>'
LEAK = "Hi.\n" + CALL
DONE = b"data: [DONE]\n\n"


def event(value: object, ascii: bool = True) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=ascii).encode() + b"\n\n"


def chunk(
    delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **more: Any
) -> dict[str, Any]:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def stream(text: str = LEAK, step: int = 1, finish: str | None = "stop", ascii: bool = True) -> list[Any]:
    """A well-formed answer, a few characters at a time."""
    parts = [text[i : i + step] for i in range(0, len(text), step)]
    return [
        event(chunk({"role": "assistant", "content": None})),
        *(event(chunk({"content": part}), ascii) for part in parts),
        event(chunk({}, finish)),
        event({**chunk(), "choices": [], "usage": USAGE}),
        DONE,
    ]


def native(
    index: int | None, name: str | None = None, arguments: str | None = None, id: str | None = None, **more: Any
) -> dict[str, Any]:
    call = {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}
    return {"tool_calls": [{key: value for key, value in call.items() if value is not None}]}


def whole(message: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": USAGE}


class Upstream:
    """Answers by the name of the model. A step is bytes, seconds to sleep, or "die".

    A list of lists gives the answers to the first request, the second, and so on.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.seen: list[dict[str, Any]] = []
        self.open = 0
        self.sent = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        raw = b""
        while (message := await receive())["type"] == "http.request":
            raw += message["body"]
            if not message["more_body"]:
                break
        body = json.loads(raw) if raw[:1] == b"{" else {}
        head = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append({"path": scope["raw_path"].decode(), "query": scope["query_string"].decode(), "method": scope["method"], "headers": head, "raw": raw, "body": body})  # fmt: skip
        answer = self.answers.get(body.get("model", scope["path"]))
        if answer is None:
            answer = {"status": 404, "json": {"error": {"message": "no such thing"}}}
        elif isinstance(answer, tuple):
            answer = answer[sum(seen["body"].get("model") == body.get("model") for seen in self.seen) - 1]
        self.open += 1
        try:
            await self._send(answer, receive, send)
        finally:
            self.open -= 1

    async def _send(self, answer: Any, receive: Receive, send: Send) -> None:
        steps, status, kind, headers = answer, 200, b"text/event-stream", []
        if isinstance(answer, dict):
            status, headers = answer.get("status", 200), answer.get("headers", [])
            kind = answer.get("type", b"application/json")
            steps = answer["steps"] if "steps" in answer else [json.dumps(answer["json"]).encode()]
        gone = asyncio.ensure_future(self._gone(receive))
        if steps and isinstance(steps[0], tuple):  # a wait before the head of the answer
            await asyncio.wait([gone], timeout=steps[0][0])
            steps = steps[1:]
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), *headers]})
        for step in steps:
            if gone.done():
                return
            if step == "die":
                raise RuntimeError("die")
            if isinstance(step, bytes):
                self.sent += 1
                await send({"type": "http.response.body", "body": step, "more_body": True})
            else:
                await asyncio.wait([gone], timeout=step)
        gone.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


@contextmanager
def running(app: ASGIApp, **options: Any) -> Iterator[str]:
    """Serve an application, and give its address."""
    options = {"http": "h11", "log_level": "critical", "timeout_graceful_shutdown": 1, **options}
    with started(uvicorn.Config(app, host="127.0.0.1", port=0, ws="none", **options)) as address:
        yield address


@contextmanager
def started(config: uvicorn.Config) -> Iterator[str]:
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 10
    while not server.started and time.monotonic() < end:
        time.sleep(0.002)
    host, port = server.servers[0].sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def proxied(upstream: ASGIApp, models: dict[str, dict[str, Any]] | None = None, **options: Any) -> Iterator[str]:
    """Serve the proxy before an application, and give its address."""
    with running(upstream) as url, before(url, models, **options) as address:
        yield address


@contextmanager
def before(url: str, models: dict[str, dict[str, Any]] | None = None, **options: Any) -> Iterator[str]:
    """Serve the proxy before a server, and give its address."""
    default = ModelSettings(**{"dialect": "hermes", **options.pop("default", {})})
    own = {glob: ModelSettings(**{"dialect": "hermes", **table}) for glob, table in (models or {}).items()}
    settings = ServeSettings(upstream=url, default=default, models=own, **options)
    config = config_of(settings)
    config.port, config.timeout_graceful_shutdown = 0, 1
    with started(config) as address:
        yield address


# The chat template of a model that writes Hermes' format, as short as it can be.
TEMPLATE = (
    "{% for t in tools or [] %}{{ t.function | tojson }}\n{% endfor %}{% for m in messages %}<|im_start|>{{ m.role }}\n"
    '{{ m.content }}{% for c in m.tool_calls or [] %}\n<tool_call>\n{"name": "{{ c.function.name }}", "arguments": '
    "{{ c.function.arguments | tojson }}}\n</tool_call>{% endfor %}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    "{% if think %}<think>\n{% endif %}"
)
_CHILD = """
import os, sys
from wireproto.testing.engines.tinyserver import start
server = start(sys.argv[1], 8192, sys.argv[2])
print(server.listening_address, flush=True)
sys.stdin.read()
os._exit(0)
"""


@contextmanager
def llama_server(folder: Path) -> Iterator[str]:
    """Serve the tiny random model with llama.cpp, in a process of its own, and give its address."""
    write_model(folder / "tiny.gguf")
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(folder / "tiny.gguf"), TEMPLATE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
