"""What the proxy does with heads, bodies, connections and time; and what it counts and keeps."""

from __future__ import annotations

import gzip
import json
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clients
import httpx2
import openai
import pytest
from judging import run as command
from serving import DONE, LEAK, TOOLS, Upstream, before, chunk, event, proxied, running, stream, whole

import wireproto as wp
from benchmarks.load import reserved_ports
from wireproto.serve.http import proxy_for
from wireproto.serve.settings import ServeSettings, SettingsError, is_loopback, load
from wireproto.serve.stream.sse import SseReader, TooLong
from wireproto.serve.watch.metrics import Metrics

USER = [{"role": "user", "content": "x"}]
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture(scope="module")
def address(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    models: dict[str, dict[str, Any]] = {
        "retry*": {"retry": True},
        "loop*": {"stop_loops": True},
        "raw-retry": {"mode": "raw", "retry": True},
        "raw*": {"mode": "raw"},
        "vllm": {"mode": "constrain", "server": "vllm"},
        "sglang": {"mode": "constrain", "server": "sglang"},
        "llama": {"mode": "constrain", "server": "llama-server"},
        "who*": {"mode": "constrain"},
        "emulate*": {"mode": "emulate", "dialect": "auto"},
    }
    options = {"read_timeout": 2.0, "body_limit": 50_000, "body_timeout": 0.3, "ping": 0.1, "header_limit": 8_000}
    kept = tmp_path_factory.mktemp("serve") / "log.jsonl"
    with proxied(upstream, models, transcripts=kept, **options) as url:
        yield url


def body(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": USER, "tools": TOOLS, "stream": True, **more}


def post(address: str, value: Any, path: str = CHAT, **more: Any) -> httpx2.Response:
    return httpx2.post(address + path, json=value, trust_env=False, **more)


def wait_for(condition: Any, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())


def test_secrets_go_on_and_hop_headers_stay(upstream: Upstream, address: str) -> None:
    upstream.answers["head"] = stream()
    headers = {"authorization": "Bearer s3cret", "connection": "keep-alive, x-mine", "x-mine": "1", "te": "trailers",
               "x-other": "2", "expect": "", "accept-encoding": "gzip", "host": "evil.example"}  # fmt: skip
    for model in ("head", "/v1/models"):
        upstream.answers["/v1/models"] = {"json": {"data": []}}
        if model == "head":
            post(address, body("head"), headers=headers)
        else:
            httpx2.get(f"{address}/v1/models", headers=headers, trust_env=False)
        seen = upstream.seen[-1]["headers"]
        assert (seen["authorization"], seen["x-other"]) == ("Bearer s3cret", "2")
        assert not {"x-mine", "te", "expect", "transfer-encoding"} & seen.keys()
        assert seen["host"].startswith("127.0.0.1:")
        assert seen["accept-encoding"] == ("identity" if model == "head" else "gzip")


def test_the_key_of_anthropics_clients_goes_where_servers_look(upstream: Upstream, address: str) -> None:
    upstream.answers["key"] = stream()
    asked = {"model": "key", "max_tokens": 5, "messages": USER, "stream": True}
    post(address, asked, "/v1/messages", headers={"x-api-key": "s3cret"})
    assert upstream.seen[-1]["headers"]["authorization"] == "Bearer s3cret" and upstream.seen[-1]["path"] == CHAT
    post(address, asked, "/v1/messages", headers={"x-api-key": "s3cret", "authorization": "Bearer other"})
    assert upstream.seen[-1]["headers"]["authorization"] == "Bearer other"


def test_everything_else_is_handed_on(upstream: Upstream, address: str) -> None:
    upstream.answers["/any/%C3%A9"] = upstream.answers["/any/é"] = {
        "status": 307, "json": {"x": 1}, "headers": [(b"location", b"http://evil.example/"), (b"x-a", b"1"), (b"x-a", b"2")],
    }  # fmt: skip
    found = httpx2.request("PUT", f"{address}/any/%C3%A9?q=%2F&r", content=b"\x00\xff", trust_env=False)
    assert (found.status_code, found.json(), found.headers["location"]) == (307, {"x": 1}, "http://evil.example/")
    assert found.headers.get_list("x-a") == ["1", "2"]
    seen = upstream.seen[-1]
    assert (seen["method"], seen["path"], seen["query"], seen["raw"]) == ("PUT", "/any/%C3%A9", "q=%2F&r", b"\x00\xff")
    head = httpx2.head(f"{address}/any/%C3%A9", trust_env=False)
    assert (head.status_code, head.content) == (307, b"")
    assert httpx2.get(f"{address}{CHAT}", trust_env=False).status_code == 404 and upstream.seen[-1]["method"] == "GET"


def raw_request(address: str, data: bytes, wait: float = 3.0) -> bytes:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        connection.sendall(data)
        found = b""
        try:
            while part := connection.recv(65_536):
                found += part
        except (TimeoutError, ConnectionResetError):
            pass
    return found


def test_no_request_leaves_for_another_server(upstream: Upstream, address: str) -> None:
    count = len(upstream.seen)
    for path in (b"http://evil.example/x", b"*"):
        found = raw_request(address, b"GET " + path + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert b" 502 " in found or b" 400 " in found or b" 404 " in found, found
    assert len(upstream.seen) == count
    raw_request(address, b"GET //evil.example/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert upstream.seen[-1]["path"] == "//evil.example/x"


def test_bodies_are_bounded_by_what_was_read(upstream: Upstream, address: str) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    part = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    count = len(upstream.seen)
    assert b" 413 " in raw_request(address, head + part * 20)
    assert post(address, {"model": "x" * 60_000}).status_code == 413
    assert post(address, {"model": "x" * 60_000}, "/v1/messages").json()["error"]["type"] == "request_too_large"
    assert b" 408 " in raw_request(address, head + part)  # it never ends
    assert len(upstream.seen) == count


def test_heads_are_bounded(upstream: Upstream, address: str) -> None:
    upstream.answers["/v1/models"] = {"json": {"data": []}}
    assert b" 400 " in raw_request(address, b"GET / HTTP/1.1\r\nx: " + b"x" * 20_000)  # it never ends
    line, end = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n", b"\r\n\r\n"
    for size, status in [(7_800, b" 200 "), (8_001, b" 400 ")]:
        assert status in raw_request(address, line + b"connection: close\r\nx: " + b"x" * size + end)
    several = (line + b"x: " + b"x" * 4_000 + end) * 5
    assert raw_request(address, several + line + b"connection: close" + end).count(b" 200 OK") == 6


@pytest.mark.parametrize(
    "offer", [b"", b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: A\r\n"]
)
def test_an_offer_of_another_protocol_is_declined(offer: bytes, upstream: Upstream, address: str) -> None:
    upstream.answers["java"] = stream()
    raw = json.dumps(body("java")).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n"
    assert raw_request(address, (head % (offer, len(raw)) + raw) * 2, 1.0).count(DONE) == 2
    assert upstream.seen[-1]["raw"] == raw and not {"upgrade", "http2-settings"} & upstream.seen[-1]["headers"].keys()


def test_no_cookie_is_kept_and_no_header_is_changed(upstream: Upstream, address: str) -> None:
    upstream.answers["/v1/models"] = {"json": {}, "headers": [(b"set-cookie", b"who=me; Path=/")]}
    with httpx2.Client(trust_env=False) as client:
        for _ in range(2):
            assert client.get(f"{address}/v1/models", headers={"x-name": "é".encode()}).headers["set-cookie"]
            client.cookies.clear()
    seen = upstream.seen[-1]["headers"]
    assert "cookie" not in seen and seen["x-name"] == "é" and "content-type" not in seen
    bad = b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: \xe9\r\n\r\n"
    assert b" 400 " in raw_request(address, bad)


PACKED = gzip.compress(b"".join(stream()))
KIND = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
GZIP = KIND + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(PACKED)
CHUNKED = KIND + b"transfer-encoding: chunked\r\n\r\n"


def one_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize(
    ("path", "answer", "status", "found"),
    [
        (CHAT, KIND + b"\r\n" + b"".join(stream()), 200, b'"tool_calls"}'),  # its end is that of the connection
        (CHAT, CHUNKED + one_chunk(b"".join(stream())), 200, b'"tool_calls"}'),
        (CHAT, CHUNKED + one_chunk(b"".join(stream()[:9])), 200, b"broke off"),
        (CHAT, CHUNKED + b"zz\r\n", 502, b"cannot be reached"),
        (CHAT, KIND + b"content-length: 100000\r\n\r\n" + b"".join(stream()[:-1]), 200, b"broke off"),
        (CHAT, b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + KIND + b"\r\n" + b"".join(stream()), 200, DONE),
        (CHAT, GZIP + PACKED, 200, b'"tool_calls"}'),  # it was asked not to
        (CHAT, GZIP + PACKED[:99], 200, b"broke off"),
        (CHAT, GZIP + b"x" * len(PACKED), 200, b"broke off"),
        (CHAT, GZIP.replace(b"200", b"400") + PACKED, 400, DONE),
        ("/other", GZIP + PACKED, 200, DONE),
        ("/other", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 12\r\n\r\n", 304, b""),
        (CHAT, b"hello\r\n\r\n", 502, b"cannot be reached"),
        (CHAT, b"HTTP/1.1 200 OK\r\nx y\r\n\r\n", 502, b"cannot be reached"),
        (CHAT, b"HTTP/1.1 200 OK\r\nx: " + b"x" * 200_000 + b"\r\n\r\n", 502, b"cannot be reached"),
    ],
)
def test_whatever_a_server_says_of_http(path: str, answer: bytes, status: int, found: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        with before(f"http://127.0.0.1:{server.getsockname()[1]}") as url:
            said = post(url, body("m"), path)
            assert said.status_code == status and found in said.content


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses"])
def test_a_wrong_request_is_refused_in_the_shape_of_its_api(path: str, address: str) -> None:
    for content in (b"{", b"[]", b"\xff"):
        found = httpx2.post(address + path, content=content, trust_env=False)
        assert found.status_code == 400 and found.json()["error"]["type"] == "invalid_request_error"
        assert ("type" in found.json()) == (path == "/v1/messages")


@pytest.mark.parametrize(
    ("path", "more", "said"),
    [
        ("/v1/messages", {"messages": 3, "max_tokens": 1}, "messages: expected a list"),
        ("/v1/messages", {"messages": USER}, "max_tokens"),
        ("/v1/messages", {"messages": USER, "max_tokens": 1, "tool_choice": {"type": "x"}}, "tool_choice.type"),
        ("/v1/messages", {"messages": USER, "max_tokens": 1, "tools": [{"name": "f", "input_schema": 3}]}, "f"),
        ("/v1/responses", {"input": "x", "previous_response_id": "r"}, "previous_response_id"),
        ("/v1/responses", {"input": [{"type": "item_reference", "id": "x"}]}, "item_reference"),
    ],
)
def test_what_a_chat_request_cannot_say_is_named(path: str, more: dict[str, Any], said: str, address: str) -> None:
    found = post(address, {"model": "m", **more}, path)
    assert found.status_code == 400 and said in found.json()["error"]["message"]


def test_requests_of_messages_and_responses_are_translated(upstream: Upstream, address: str) -> None:
    upstream.answers["say"] = {"json": whole({"content": "ok"})}
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    web = {"type": "web_search_20250305", "name": "web_search"}
    asked = {
        "model": "say", "max_tokens": 7, "messages": USER, "system": "rules", "stop_sequences": ["END"], "top_k": 3,
        "tools": [{"name": "f", "description": "d", "input_schema": schema}, web],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True}, "thinking": {"type": "enabled"},
    }  # fmt: skip
    assert post(address, asked, "/v1/messages").headers["x-wireproto-dropped"] == "web_search_20250305"
    function = {"name": "f", "description": "d", "parameters": schema}
    named = {"type": "function", "function": {"name": "f"}}
    system = {"role": "system", "content": "rules"}
    assert upstream.seen[-1]["body"] == {
        "model": "say", "max_tokens": 7, "stop": ["END"], "top_k": 3, "messages": [system, *USER],
        "tools": [{"type": "function", "function": function}], "tool_choice": named, "parallel_tool_calls": False,
    }  # fmt: skip
    form = {"type": "json_schema", "name": "n", "schema": schema, "strict": True}
    asked = {
        "model": "say", "max_output_tokens": 7, "input": "x", "instructions": "rules", "temperature": 0,
        "tools": [{"type": "function", **function, "strict": True}, {"type": "web_search"}], "store": False,
        "tool_choice": {"type": "function", "name": "f"}, "reasoning": {"effort": "low"}, "text": {"format": form},
    }  # fmt: skip
    found = post(address, asked, "/v1/responses").json()
    assert upstream.seen[-1]["body"] == {
        "model": "say", "max_tokens": 7, "temperature": 0, "messages": [system, *USER], "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}},
        "tools": [{"type": "function", "function": function}], "tool_choice": named,
    }  # fmt: skip
    assert found["instructions"] == "rules" and found["status"] == "completed"


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses"])
def test_retry_after_is_passed_on(path: str, upstream: Upstream, address: str) -> None:
    upstream.answers["busy"] = {
        "status": 429,
        "json": {"error": {"message": "slow down"}},
        "headers": [(b"retry-after", b"7")],
    }
    found = post(address, {**body("busy"), "input": "x", "max_tokens": 5, "tools": []}, path)
    assert (found.status_code, found.headers["retry-after"]) == (429, "7")
    assert found.json()["error"]["message"] == "slow down"


@pytest.mark.parametrize("where", ["before the head", "in the stream"])
def test_when_the_client_goes_the_server_is_let_go(where: str, upstream: Upstream, address: str) -> None:
    endless = [event(chunk({"content": "word "})), 0.02] * 500
    upstream.answers["endless"] = [(30.0,)] if where == "before the head" else endless
    with httpx2.Client(trust_env=False, timeout=0.3) as client:
        try:
            with client.stream("POST", address + CHAT, json=body("endless")) as found:
                parts = found.iter_raw()  # kept: the answer is closed with it
                next(parts)
                assert upstream.open == 1
        except httpx2.ReadTimeout:
            pass
    assert wait_for(lambda: upstream.open == 0), "the server still writes for nobody"


def test_a_client_that_does_not_read_holds_the_server_back(upstream: Upstream, address: str) -> None:
    upstream.answers["flood"] = [event(chunk({"content": "word " * 2_000}))] * 4_000
    upstream.sent = 0
    raw = json.dumps(body("flood")).encode()
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
        connection.sendall(head % len(raw) + raw)
        before = -1
        while upstream.sent != before:
            before = upstream.sent
            time.sleep(0.3)
    assert upstream.sent < 3_500
    assert wait_for(lambda: upstream.open == 0)


def test_a_silent_stream_says_that_it_lives(upstream: Upstream, address: str) -> None:
    upstream.answers["slow"] = [event(chunk({"role": "assistant"})), 0.35, *stream()[1:]]
    text = post(address, body("slow")).text
    assert ": ping\n\n" in text and text.endswith(DONE.decode())


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    from wireproto.serve.app import application

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = ServeSettings(upstream=f"http://127.0.0.1:{taken.getsockname()[1]}", connect_timeout=1)
        with running(application(settings)) as url:
            for path in (CHAT, "/v1/messages", "/v1/responses", "/v1/models"):
                asked = {**body("m"), "max_tokens": 1, "input": "x", "tools": []}
                assert post(url, asked, path).status_code == 502
            assert httpx2.get(f"{url}/health", trust_env=False).status_code == 503


def test_a_connection_that_the_server_has_closed_is_not_an_error() -> None:
    answer = json.dumps(whole({"content": "ok"})).encode()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for attempt in range(2):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    if attempt:
                        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer)

        threading.Thread(target=serve, daemon=True).start()
        with before(f"http://127.0.0.1:{server.getsockname()[1]}") as url:
            assert post(url, body("m", stream=False)).json()["choices"][0]["message"]["content"] == "ok"


def test_health_is_that_of_the_server(upstream: Upstream, address: str) -> None:
    upstream.answers["/v1/models"] = {"json": {"data": []}}
    assert httpx2.get(f"{address}/health", trust_env=False).json() == {"status": "ok", "upstream": 200}
    upstream.answers["/v1/models"] = {"status": 503, "json": {}}
    assert httpx2.get(f"{address}/health", trust_env=False).status_code == 503


# --- another try, and loops -------------------------------------------------------------------------------------------

BROKEN = '<tool_call>\n{"name": "now", "arguments": {"tz": [}}\n</tool_call>'


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses"])
def test_a_call_that_went_wrong_is_asked_for_again_once(path: str, upstream: Upstream, address: str) -> None:
    upstream.answers["retry"] = ({"json": whole({"content": BROKEN})}, {"json": whole({"content": LEAK})})
    upstream.seen.clear()
    tools: Any = TOOLS if path == CHAT else [{"name": "now", "input_schema": {}, "type": "function", "parameters": {}}]
    asked = {"model": "retry", "messages": USER, "input": "x", "max_tokens": 5, "tools": tools}
    found = post(address, asked, path)
    assert ("now" in found.text and 'a\\\\\\"b' in found.text) or '"a\\"b"' in found.text
    first, second = upstream.seen
    *kept, said, told = second["body"]["messages"]
    assert kept == first["body"]["messages"] and said == {"role": "assistant", "content": BROKEN}
    assert told["role"] == "user" and "now" in told["content"]
    upstream.answers["retry"] = ({"json": whole({"content": BROKEN})}, {"json": whole({"content": BROKEN})})
    upstream.seen.clear()
    post(address, asked, path)
    assert len(upstream.seen) == 2


def test_a_stream_is_asked_for_again_only_before_its_first_byte(upstream: Upstream, address: str) -> None:
    tools = [{"name": "now", "input_schema": {"type": "object"}}]
    asked = {"model": "retry-stream", "messages": USER, "max_tokens": 5, "tools": tools, "stream": True}
    upstream.answers["retry-stream"] = (stream(BROKEN, 5), stream(LEAK, 5))
    upstream.seen.clear()
    text = post(address, asked, "/v1/messages").text
    assert len(upstream.seen) == 2 and '"tool_use"' in text and text.count("event: message_start") == 1
    upstream.answers["retry-stream"] = (stream("I call. " + BROKEN, 5), stream(LEAK, 5))
    upstream.seen.clear()
    text = post(address, asked, "/v1/messages").text
    assert len(upstream.seen) == 1 and '"max_tokens"' in text
    upstream.answers["retry-stream"] = (stream(BROKEN, 5), {"status": 500, "json": {}})
    upstream.seen.clear()
    assert "event: error" in post(address, asked, "/v1/messages").text


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_a_model_that_loops_is_stopped(path: str, upstream: Upstream, address: str) -> None:
    upstream.answers["loop"] = [event(chunk({"content": "I look again. "})) for _ in range(2_000)] + [20.0]
    tools: Any = TOOLS if path == CHAT else [{"name": "now", "input_schema": {"type": "object"}}]
    text = post(address, body("loop", tools=tools, max_tokens=5), path, timeout=10).text
    assert '"length"' in text or '"max_tokens"' in text
    assert len(text) < 200_000
    assert wait_for(lambda: upstream.open == 0)


# --- raw --------------------------------------------------------------------------------------------------------------


def completed(text: str, step: int = 7, **last: Any) -> list[bytes]:
    parts = [event({"content": text[i : i + step], "stop": False}) for i in range(0, len(text), step)]
    return [*parts, event({"content": "", "stop": True, "tokens_evaluated": 3, "tokens_predicted": 4, **last})]


def test_trap_15_a_call_goes_back_as_the_model_wrote_it(upstream: Upstream, address: str) -> None:
    odd = LEAK.replace('"name": "now", ', '"name":  "now",')
    upstream.answers["/apply-template"] = {"json": {"prompt": "P"}}
    upstream.answers["/completion"] = completed(odd, stop_type="eos")
    asked = {"model": "raw", "messages": USER, "tools": TOOLS}
    with openai.OpenAI(
        api_key="x", base_url=f"{address}/v1", http_client=openai.DefaultHttpxClient(trust_env=False)
    ) as client:
        for again in range(2):
            with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as events:  # type: ignore[arg-type]
                found = events.get_final_completion()
            message = found.choices[0].message
            assert found.choices[0].finish_reason == "tool_calls" and found.usage and found.usage.total_tokens == 7
            assert message.tool_calls and json.loads(message.tool_calls[0].function.arguments) == {"tz": 'a"b'}
            template, completion = upstream.seen[-2:]
            if again:
                assert [said["content"] for said in template["body"]["messages"]] == ["x", odd, "noon"]
            result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "noon"}
            asked["messages"] = [*USER, message.to_dict(), result]
    assert template["path"] == "/apply-template" and template["body"]["tools"] == TOOLS
    sent = completion["body"]
    assert sent["prompt"] == "P" and sent["grammar_lazy"] and "<tool_call>" in sent["preserved_tokens"]
    assert not {"messages", "tools", "model", "stream_options"} & sent.keys()


ODD = "Hi.\n" + LEAK.replace('"name": "now", ', '"name":  "now",').removeprefix("Hi.\n") + "\n"


def in_each_api(streams: bool) -> dict[str, dict[str, Any]]:
    """Return a request of each API with a tool, by its path."""
    schema = {"type": "object", "properties": {"tz": {"type": "string"}}}
    asked: dict[str, Any] = {"model": "raw", "stream": streams, "max_tokens": 50}
    return {
        CHAT: {**asked, "messages": USER, "tools": TOOLS},
        "/v1/messages": {**asked, "messages": USER, "tools": [{"name": "now", "input_schema": schema}]},
        "/v1/responses": {
            **asked, "input": [{"role": "user", "content": "x"}], "include": ["reasoning.encrypted_content"],
            "tools": [{"type": "function", "name": "now", "parameters": schema}],
        },
    }  # fmt: skip


def answered(path: str, text: str) -> tuple[list[dict[str, Any]], str]:
    """Return what an official client brings back of an answer, and the id of its call."""
    if path == CHAT:
        message = clients.chat(text).answer.choices[0].message if text.startswith("data") else clients.whole("chat", json.loads(text)).choices[0].message  # fmt: skip
        return [message.to_dict()], message.tool_calls[0].id
    kind = path.removeprefix("/v1/")
    answer = getattr(clients, kind)(text).answer if text.startswith("event") else clients.whole(kind, json.loads(text))
    if kind == "messages":
        use = next(block for block in answer.content if block.type == "tool_use")
        return [{"role": "assistant", "content": [block.to_dict() for block in answer.content]}], use.id
    call = next(item for item in answer.output if item.type == "function_call")
    return [item.to_dict() for item in answer.output], call.call_id


def told(path: str, call: str) -> dict[str, Any]:
    if path == CHAT:
        return {"role": "tool", "tool_call_id": call, "content": "noon"}
    if path == "/v1/messages":
        return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": "noon"}]}
    return {"type": "function_call_output", "call_id": call, "output": "noon"}


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses"])
@pytest.mark.parametrize("streams", [False, True])
def test_trap_18_an_answer_goes_back_as_it_was_written(
    path: str, streams: bool, upstream: Upstream, address: str
) -> None:
    upstream.answers["/apply-template"] = {"json": {"prompt": "P"}}
    last = {"stop_type": "eos", "timings": {"cache_n": 2}}
    upstream.answers["/completion"] = (
        completed(ODD, **last) if streams
        else {"json": {"content": ODD, "stop": True, "tokens_evaluated": 3, "tokens_predicted": 4, **last}}
    )  # fmt: skip
    asked = in_each_api(streams)[path]
    key = "input" if path == "/v1/responses" else "messages"
    text = post(address, asked, path).text
    said, call = answered(path, text)

    def template(said: list[dict[str, Any]]) -> dict[str, Any]:
        post(address, {**asked, key: [*asked[key], *said, told(path, call)]}, path)
        message = upstream.seen[-2]["body"]["messages"][1]
        assert message["role"] == "assistant" and "wireproto.raw" not in json.dumps(message)
        return dict(message)

    found = template(said)
    assert found["content"] == ODD and not found.get("tool_calls") and not found.get("reasoning_content")
    if path != CHAT:
        assert "wireproto.raw.1." in text
    # A client's word that says something else than its message is not the model's.
    other, wrong = json.dumps(said), 0
    for old, new in (("now", "later"), ('a\\"b', "b"), ("Hi.", "Ho."), ('a\\\\\\"b', "b")):
        changed = other.replace(old, new)
        if changed != other and not (old == "now" and path == CHAT):
            assert template(json.loads(changed))["content"] != ODD
            wrong += 1
    assert wrong >= 2
    assert template(json.loads(other.replace("wireproto.raw.1.", "wireproto.raw.2.").replace("extra_content", "x")))["tool_calls"]  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
@pytest.mark.parametrize("streams", [False, True])
def test_thoughts_are_signed_so_that_clients_keep_them(
    path: str, streams: bool, upstream: Upstream, address: str
) -> None:
    asked = {**in_each_api(streams)[path], "model": "signed"}
    thought = {"reasoning_content": "hm"}
    upstream.answers["signed"] = (
        [event(chunk({"role": "assistant", **thought})), *stream(LEAK)] if streams
        else {"json": whole({"content": LEAK, **thought})}
    )  # fmt: skip
    said, call = answered(path, post(address, asked, path).text)
    blocks = said[0]["content"] if path == "/v1/messages" else said
    kept = [each for each in blocks if each.get("signature") or each.get("encrypted_content")]
    assert [each["type"] for each in kept] == ["thinking" if path == "/v1/messages" else "reasoning"]
    for each in kept:  # what some clients leave of encrypted reasoning
        each.update({"content": [], "summary": []} if path == "/v1/responses" else {})
    key = "input" if path == "/v1/responses" else "messages"
    post(address, {**asked, key: [*asked[key], *said, told(path, call)]}, path)
    assert upstream.seen[-1]["body"]["messages"][1]["reasoning_content"] == "hm"
    if path == "/v1/responses":
        asked.pop("include")
        assert "encrypted_content" not in post(address, asked, path).text


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses"])
def test_raw_fails_as_loudly(path: str, upstream: Upstream, address: str) -> None:
    tools: Any = TOOLS if path == CHAT else [{"name": "now", "input_schema": {}, "type": "function", "parameters": {}}]
    asked = {"model": "raw", "messages": USER, "input": "x", "max_tokens": 5, "tools": tools}
    upstream.answers["/apply-template"] = {"status": 404, "json": {"error": {"message": "no such path"}}}
    found = post(address, asked, path)
    assert found.status_code == 404 and "no such path" in found.json()["error"]["message"]
    upstream.answers["/apply-template"] = {"json": {"prompt": "<|im_start|>assistant\n<think>\n"}}
    upstream.answers["/completion"] = {"json": {"content": f"hm</think>{LEAK}", "stop": True, "stop_type": "eos"}}
    found = post(address, asked, path)
    assert "hm" in found.text and "</think>" not in found.text and "now" in found.text
    for wrong in ([1], {"x": 1}, {"error": {"message": "x"}}):
        upstream.answers["/completion"] = {"json": wrong}
        assert post(address, asked, path).status_code == 502
    asked["stream"] = True
    for steps in (completed(LEAK, stop_type="eos")[:-1], [event({"x": 1})], [event({"error": {"message": "x"}})]):
        upstream.answers["/completion"] = steps
        assert '"error"' in post(address, asked, path).text
    upstream.answers["/completion"] = completed(LEAK[:-30], stop_type="limit")
    text = post(address, asked, path).text
    assert '"length"' in text or "max_tokens" in text or "max_output_tokens" in text
    if path == CHAT:
        assert post(address, {**asked, "n": 2}).status_code == 400
        assert post(address, {**asked, "response_format": {"type": "json_object"}}).status_code == 400
        assert post(address, {**asked, "messages": 3}).status_code == 400


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses"])
@pytest.mark.parametrize("streams", [False, True])
def test_raw_asks_again_once(path: str, streams: bool, upstream: Upstream, address: str) -> None:
    tools: Any = TOOLS if path == CHAT else [{"name": "now", "input_schema": {}, "type": "function", "parameters": {}}]
    asked = {"model": "raw-retry", "messages": USER, "input": "x", "max_tokens": 5, "tools": tools, "stream": streams}
    good, bad = ({"content": text, "stop": True, "stop_type": "eos"} for text in (LEAK, BROKEN))
    upstream.answers["/apply-template"] = {"json": {"prompt": "P"}}

    def tried(*texts: Any) -> tuple[str, list[dict[str, Any]]]:
        given = [completed(each["content"], stop_type="eos") if streams else {"json": each} for each in texts]
        upstream.answers["/completion"] = _InTurn(given)
        upstream.seen.clear()
        return post(address, asked, path).text, [*upstream.seen]

    if streams and path != "/v1/messages":  # these clients are shown a call as soon as its name is certain
        assert len(tried(bad)[1]) == 2
        return
    text, seen = tried(bad, good)
    assert "now" in text and "tz" in text and text.count("message_start") in (0, 2)
    assert [each["path"] for each in seen] == ["/apply-template", "/completion"] * 2
    *kept, said, told = seen[2]["body"]["messages"]
    assert kept == seen[0]["body"]["messages"] and said == {"role": "assistant", "content": BROKEN}
    assert told["role"] == "user" and "now" in told["content"] and seen[2]["body"]["tools"] == seen[0]["body"]["tools"]
    assert len(tried(bad, bad)[1]) == 4 and len(tried(good)[1]) == 2
    if streams:  # what the client has cannot be taken back
        assert len(tried({**bad, "content": "I call. " + BROKEN})[1]) == 2
        upstream.answers["/completion"] = _InTurn([completed(BROKEN, stop_type="eos"), {"status": 500, "json": {}}])
        assert '"error"' in post(address, asked, path).text


class _InTurn(tuple):  # type: ignore[type-arg]
    """Answers that come one after the other, whatever model the request is for."""

    def __init__(self, answers: Any) -> None:
        self._rest = iter(answers)

    def __getitem__(self, _: Any) -> Any:
        return next(self._rest)


# --- constrain --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses"])
def test_a_server_that_does_not_take_a_grammar_gets_the_request_without(
    path: str, upstream: Upstream, address: str
) -> None:
    tools: Any = TOOLS if path == CHAT else [{"name": "now", "input_schema": {}, "type": "function", "parameters": {}}]
    why = {"status": 400, "json": {"error": {"message": "no such backend\r\nx-evil: 1 \u00e9"}}}
    for model, fields in (
        ("vllm", {"structured_outputs", "skip_special_tokens"}),
        ("sglang", {"response_format", "skip_special_tokens"}),
        ("llama", {"grammar", "preserved_tokens", "reasoning_format"}),
    ):
        asked = {"model": model, "messages": USER, "input": "x", "max_tokens": 5, "tools": tools}
        upstream.answers[model] = (why, {"json": whole({"content": LEAK})})
        upstream.seen.clear()
        found = post(address, asked, path)
        first, second = (seen["body"] for seen in upstream.seen)
        assert fields == first.keys() - second.keys() - {"tool_choice"} and first["tools"] == second["tools"]
        assert first["tool_choice"] == ("auto" if model == "sglang" else "none")
        assert path != CHAT or second == asked
        assert found.status_code == 200 and "now" in found.text and "<tool_call>" not in found.text
        told = found.headers["x-wireproto-fallback"]
        assert told.startswith("repair; HTTP 400: no such backend") and "x-evil" not in found.headers
        # The same, streamed; and a server that refuses that too says so itself.
        upstream.answers[model] = (why, stream())
        upstream.seen.clear()
        found = post(address, {**asked, "stream": True}, path)
        assert "now" in found.text and found.headers["x-wireproto-fallback"]
        upstream.answers[model] = why
        found = post(address, asked, path)
        assert found.status_code == 400 and "no such backend" in found.json()["error"]["message"]
    assert 'wireproto_fallbacks_total{mode="constrain"}' in httpx2.get(f"{address}/metrics", trust_env=False).text
    upstream.answers["vllm"] = {"json": whole({"content": LEAK})}
    upstream.seen.clear()
    found = post(address, {**asked, "model": "vllm"}, path)
    assert "x-wireproto-fallback" not in found.headers and len(upstream.seen) == 1
    form = {"text": {"format": {"type": "json_object"}}, "response_format": {"type": "json_object"}}
    if path != "/v1/messages":
        found = post(address, {**asked, **form}, path)
        assert found.status_code == 400 and "response_format" in found.json()["error"]["message"]


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses"])
def test_a_server_says_itself_what_it_is(path: str, upstream: Upstream, address: str) -> None:
    tools: Any = TOOLS if path == CHAT else [{"name": "now", "input_schema": {}, "type": "function", "parameters": {}}]
    asked = {"messages": USER, "input": "x", "max_tokens": 5, "tools": tools}
    field = {"llamacpp": "grammar", "vllm": "structured_outputs", "sglang": "response_format"}
    headers = {"x-api-key": "s3cret", "authorization": "Bearer s3cret"}
    for owner, wanted in field.items():
        model = f"who-{owner}-{path}"
        other = {"id": "other", "owned_by": "somebody"}
        for models in ([{"id": model, "owned_by": owner}, other], [{"id": "x", "owned_by": owner}] * 2):
            model += "+"
            models[0]["id"] = models[0]["id"] if models[0]["id"] == "x" else model
            upstream.answers["/v1/models"] = {"json": {"data": models}}
            upstream.answers[model] = {"json": whole({"content": LEAK})}
            upstream.seen.clear()
            assert post(address, {**asked, "model": model}, path, headers=headers).status_code == 200
            looked, sent = upstream.seen
            assert (looked["method"], looked["path"], looked["headers"]["authorization"]) == ("GET", "/v1/models", "Bearer s3cret")  # fmt: skip
            assert wanted in sent["body"]
            post(address, {**asked, "model": model}, path)
            assert len(upstream.seen) == 3  # it is asked once
    for answer in ({"status": 500, "json": {}}, {"json": {"data": [other]}}, {"json": [1]}, {"steps": [b"{"]}, {"json": {"data": [{"owned_by": ["vllm"]}, 1]}}):  # fmt: skip
        upstream.answers["/v1/models"] = answer
        upstream.answers["who"] = {"json": whole({"content": LEAK})}
        upstream.seen.clear()
        found = post(address, {**asked, "model": "who"}, path)
        assert found.status_code == 400 and "set server" in found.json()["error"]["message"]
        assert [seen["path"] for seen in upstream.seen] == ["/v1/models"]
    upstream.seen.clear()
    assert post(address, {**asked, "model": "who", "tools": []}, path).status_code == 200 and len(upstream.seen) == 1


# --- emulate ----------------------------------------------------------------------------------------------------------


def test_a_model_without_tool_calling_is_told_how(upstream: Upstream, address: str) -> None:
    asked: dict[str, Any] = {
        "model": "emulate",
        "messages": [{"role": "system", "content": "Be brief."}, *USER],
        "tools": TOOLS,
    }
    upstream.answers["emulate"] = {"json": whole({"content": "ok"})}
    post(address, asked)
    first = upstream.seen[-1]["body"]
    assert (
        "tools" not in first
        and first["messages"][0]["role"] == "system"
        and "Be brief." in first["messages"][0]["content"]
    )
    salt = re.findall(r"w[0-9a-f]{6}", first["messages"][0]["content"])[0]
    spec = wp.dialect("xml").salted(salt)
    upstream.answers["emulate"] = {"json": whole({"content": wp.encode(wp.Call("now", {"tz": 'a"b'}), spec, TOOLS)})}
    message = post(address, asked).json()["choices"][0]["message"]
    (call,) = message["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"tz": 'a"b'}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "noon"}
    later = {
        **asked,
        "messages": [*asked["messages"], message, result, {"role": "user", "content": "and?"}],
        "tool_choice": "required",
    }
    post(address, later)
    system, _, said, told = upstream.seen[-1]["body"]["messages"]
    assert salt in system["content"] and "must call a tool" in system["content"]
    assert wp.parse(said["content"], spec, TOOLS).calls[0].arguments == {"tz": 'a"b'}
    assert told["role"] == "user" and "noon" in told["content"] and told["content"].endswith("and?")
    # A salt of another conversation, and none, is only text.
    other = wp.encode(wp.Call("now", {}), wp.dialect("xml").salted("wabcdef"), TOOLS)
    upstream.answers["emulate"] = {"json": whole({"content": other + wp.encode(wp.Call("now", {}), "xml", TOOLS)})}
    assert "tool_calls" not in post(address, asked).json()["choices"][0]["message"]
    # Without tools the calls of the past are text too, and without those nothing is changed.
    post(address, {**later, "tool_choice": "none"})
    assert all("tool_calls" not in said and said["role"] != "tool" for said in upstream.seen[-1]["body"]["messages"])
    post(address, {**asked, "tool_choice": "none"})
    assert upstream.seen[-1]["body"] == {**asked, "tool_choice": "none"}
    assert post(address, {**asked, "messages": [{"role": "critic"}]}).status_code == 400


# --- what is counted and kept -----------------------------------------------------------------------------------------


def test_the_counters_are_read_by_prometheus(upstream: Upstream, address: str) -> None:
    upstream.answers["count"] = stream()
    post(address, body("count"))
    found = httpx2.get(f"{address}/metrics", trust_env=False)
    lines = found.text.splitlines()
    assert found.headers["content-type"].startswith("text/plain; version=0.0.4")
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}
    assert values['wireproto_calls_total{origin="repaired",outcome="complete"}'] >= 1
    assert values['wireproto_requests_total{api="chat",mode="repair",status="200"}'] >= 1
    assert values['wireproto_first_byte_seconds_bucket{le="+Inf"}'] == values["wireproto_first_byte_seconds_count"] >= 1
    assert values["wireproto_open_streams"] == 0
    assert all(line.split()[2] in found.text for line in lines if line.startswith("# TYPE"))
    assert Metrics().text().count("# HELP") == found.text.count("# HELP")


def test_transcripts_are_for_the_owner_and_for_audit(upstream: Upstream, tmp_path: Path) -> None:
    kept = tmp_path / "log.jsonl"
    upstream.answers["keep"] = stream()
    with proxied(upstream, transcripts=kept) as url:
        post(url, body("keep"), headers={"authorization": "Bearer s3cret"})
        post(url, body("keep"), headers={"authorization": "Bearer s3cret"})
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    first, _ = map(json.loads, kept.read_text(encoding="utf-8").splitlines())
    assert first["choices"][0]["message"]["content"] == LEAK and "s3cret" not in kept.read_text(encoding="utf-8")
    found = command("audit", str(kept), "--dialect", "hermes", "--json", str(tmp_path / "audit.json"), "-j", "1")
    counted = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert found.exit_code == 0 and counted["outputs"] == 2, found.output


# --- settings, and the command ----------------------------------------------------------------------------------------


def test_settings_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "serve.toml"
    path.write_text(
        'upstream = "http://localhost:8080/v1/"\nmode = "repair"\nretry = true\ntraces = true\n\n[models."Qwen3-*"]\n'
        'dialect = "qwen3_coder"\nmode = "constrain"\nserver = "vllm"\n\n[models."*".promote]\n"*" = ["leaked"]\n',
        encoding="utf-8",
    )
    found = load(path, {"port": 9}, {"dialect": "hermes"})
    assert (found.upstream, found.port, found.upstream_is_near) == ("http://localhost:8080", 9, True)
    qwen, other = found.of("Qwen3-Coder"), found.of("x")
    assert (qwen.mode, qwen.dialect, qwen.retry) == ("constrain", "qwen3_coder", True)
    assert (qwen.server, other.server, found.traces) == ("vllm", "auto", True)
    assert (other.mode, other.dialect, dict(other.promote)) == ("repair", "hermes", {"*": ["leaked"]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "upstream"), ("upstream = 3", "upstream"), ('upstream = "ftp://x"', "upstream"), ("upstream =", "serve.toml"),
        ('upstream = "http://u:p@x"', "upstream"), ('upstream = "http://x"\nports = 1', "ports"),
        ('upstream = "http://x"\nmode = "guess"', "mode"), ('upstream = "http://x"\nport = "a"', "port"),
        ('upstream = "http://x"\nread_timeout = 0', "read_timeout"), ('upstream = "http://x"\nretry = 1', "retry"),
        ('upstream = "http://x"\n[models."q"]\ndialect = "nope"', "nope"),
        ('upstream = "http://x"\n[models."q"]\nupstream = "y"', "upstream: there is no such setting"),
        ('upstream = "http://x"\nserver = "ollama"', "server"), ('upstream = "http://x"\ntraces = 1', "traces"),
        ('upstream = "http://x"\nmodels = 3', "models"), ('upstream = "http://x"\npromote = {"*" = "x"}', "promote"),
    ],
)  # fmt: skip
def test_wrong_settings_are_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "serve.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        load(path, {}, {})
    assert said in str(raised.value) and isinstance(raised.value, wp.WireprotoError)


def test_what_is_near() -> None:
    near = [is_loopback(host) for host in ("127.0.0.1", "localhost", "[::1]", "127.9.9.9", "example.com", "10.0.0.1")]
    assert near == [True] * 4 + [False] * 2


def test_a_proxy_of_the_environment_is_not_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://evil.example:1")
    assert proxy_for(ServeSettings(upstream="http://127.0.0.1:1")) is None
    assert proxy_for(ServeSettings(upstream="http://example.com")) == "http://evil.example:1"
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert proxy_for(ServeSettings(upstream="http://example.com")) is None
    assert ServeSettings(upstream="http://x").host == "127.0.0.1"


def test_the_command_begins_and_ends(upstream: Upstream, tmp_path: Path) -> None:
    upstream.answers["short"] = [event(chunk({"content": "a"})), 0.6, *stream()[1:]]
    with running(upstream) as url, reserved_ports(1) as (port,):
        options = ["--upstream", url, "--port", str(port), "-d", "hermes"]
        line = [sys.executable, "-m", "wireproto", "serve", *options]
        process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None and str(port) in process.stderr.readline()
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                assert wait_for(lambda: _answers(client), 20)
                with client.stream("POST", CHAT, json=body("short")) as found:
                    parts = found.iter_raw()
                    first = next(parts)
                    process.send_signal(signal.SIGTERM)
                    assert (first + b"".join(parts)).endswith(DONE), "a stream that has begun may end"
            assert process.wait(10) in (0, -signal.SIGTERM)
        finally:
            process.kill()
            process.wait()


def _answers(client: httpx2.Client) -> bool:
    try:
        return client.get("/metrics").status_code == 200
    except httpx2.HTTPError:
        return False


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "upstream: the URL of the server is missing"),
        (["--upstream", "http://x", "--mode", "guess"], "mode: expected"),
        (["--upstream", "http://x", "--config", "none.toml"], "none.toml"),
        (["--upstream", "http://x", "--dialect", "nope"], "nope"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = command("serve", *arguments)
    assert found.exit_code == 2 and said in found.stderr and len(found.stderr.splitlines()) == 1


# --- server-sent events -----------------------------------------------------------------------------------------------


def test_events_do_not_depend_on_the_cut() -> None:
    text = b"\xef\xbb\xbf: x\r\ndata: a\rdata:b\n\nevent: error\r\ndata: c\xe2\x80\xa8\n\r\n\ndata\n\nid: 1\ndata:  d\n\ndata: lost"
    wanted = SseReader(1_000).feed(text)
    assert [(one.name, one.data) for one in wanted] == [
        ("", b"a\nb"),
        ("error", b"c\xe2\x80\xa8"),
        ("", b""),
        ("", b" d"),
    ]
    for cut in range(1, len(text)):
        reader = SseReader(1_000)
        assert reader.feed(text[:cut]) + reader.feed(text[cut:]) == wanted, cut
    reader = SseReader(1_000)
    assert [one for i in range(len(text)) for one in reader.feed(text[i : i + 1])] == wanted


def test_an_event_is_bounded() -> None:
    for parts in ([b"data: " + b"x" * 101], [b"x" * 60, b"x" * 60], [b"data: " + b"x" * 60 + b"\n"] * 2):
        reader = SseReader(100)
        with pytest.raises(TooLong):
            for part in parts:
                reader.feed(part)
    reader = SseReader(100)
    for _ in range(50):
        assert len(reader.feed(b"data: " + b"x" * 40)) == 0 and len(reader.feed(b"x" * 40 + b"\n\n")) == 1
