"""Deltas that are alike are not parsed: what a client reads must not depend on that, nor on how the stream was cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from serving import CALL, DONE, TOOLS, USAGE, chunk

from wireproto.serve.chat import ChatStream, asked_of_chat
from wireproto.serve.exchange import Rewriting
from wireproto.serve.settings import ModelSettings, ServeSettings
from wireproto.serve.stream.ordinary import Ordinary
from wireproto.serve.translate import asked_of_messages
from wireproto.serve.translated import TranslatedStream
from wireproto.serve.watch.metrics import Metrics

SETTINGS = ServeSettings(upstream="http://x", default=ModelSettings(dialect="hermes"))
TEXT = 'A "b" \\ c\n\té € \U0001f600 \u2028 "content":"x" ' + CALL + " end"


def dressed(server: str, key: str, text: str, at: int) -> dict[str, Any]:
    """More text, as several servers write it; `at` is the number of the event."""
    if server == "vllm":
        choice = {"index": 0, "delta": {key: text}, "logprobs": None, "finish_reason": None, "token_ids": None}
        return {**chunk(), "choices": [choice]}
    if server == "sglang":
        delta = {"role": None, "content": None, "reasoning_content": None, "tool_calls": None, key: text}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, "matched_stop": None}
        return {**chunk(), "choices": [choice], "usage": None}
    if server == "llama":  # the time goes on
        choice = {"finish_reason": None, "index": 0, "delta": {key: text}}
        return {
            "choices": [choice],
            "created": 1 + at // 9,
            "id": "c1",
            "model": "m",
            "object": "chat.completion.chunk",
        }
    if server == "numbered":
        return chunk({key: text}, seq=at)
    if server == "odd":  # what is looked for stands elsewhere, too
        return {"x": f'{{"{key}":"', "y": {key: "no"}, **chunk({key: text}), "content": "no"}
    raise ValueError(server)


SERVERS = ("vllm", "sglang", "llama", "numbered", "odd")


def stream(server: str, ascii: bool, blank: bytes = b"\n\n", text: str = TEXT, step: int = 3) -> bytes:
    events: list[dict[str, Any]] = [chunk({"role": "assistant", "content": ""})]
    events += [dressed(server, "reasoning_content", part, 0) for part in ("I ", 'th"ink', " ", "\n")]
    parts = [text[i : i + step] for i in range(0, len(text), step)]
    events += [dressed(server, "content", part, at) for at, part in enumerate(parts)]
    events += [chunk({}, "stop"), {**chunk(), "choices": [], "usage": USAGE}]
    lines = [json.dumps(each, ensure_ascii=ascii, separators=(",", ":")).encode() for each in events]
    return b"".join(b"data: " + line + blank for line in lines) + DONE


def read(body: bytes, cuts: Iterator[bytes], api: str = "chat") -> Any:
    """What a client has at the end of a stream that comes in these pieces."""
    request = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}], "max_tokens": 9}
    if api == "chat":
        asked = asked_of_chat({**request, "tools": TOOLS, "stream_options": {"include_usage": True}}, SETTINGS)
        rewriting = Rewriting(ChatStream(asked, Metrics()), 1 << 20)
    else:
        tools = [{"name": "now", "input_schema": TOOLS[0]["function"]["parameters"]}]
        asked = asked_of_messages({**request, "tools": tools}, SETTINGS, "reasoning_content")
        rewriting = Rewriting(TranslatedStream("messages", asked, Metrics()), 1 << 20)
    said = "".join(rewriting.take(piece) for piece in cuts) + rewriting.finish()
    assert rewriting.problem is None, rewriting.problem
    found: dict[Any, str] = {}
    for line in said.replace("\r\n", "\n").split("\n"):
        if line.startswith("data: {"):
            join(found, json.loads(line[6:]))
    return found


def join(found: dict[Any, str], value: Any, path: tuple[Any, ...] = ()) -> None:
    """Join what is text in the deltas of an answer."""
    if isinstance(value, dict):
        path = (*path, value.get("index", ""))
        for key, more in value.items():
            join(found, more, (*path, key))
    elif isinstance(value, list):
        for each in value:
            join(found, each, path)
    elif isinstance(value, str) and path[-1] in ("content", "reasoning_content", "arguments", "text", "thinking", "partial_json", "finish_reason", "stop_reason", "name"):  # fmt: skip
        found[path] = found.get(path, "") + value


@pytest.mark.parametrize("api", ["chat", "messages"])
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("ascii", [True, False])
def test_the_answer_is_the_same_as_with_every_event_parsed(
    api: str, server: str, ascii: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = stream(server, ascii)
    with monkeypatch.context() as patch:
        patch.setattr(Ordinary, "take", lambda self, data, at: at)
        wanted = read(body, iter([body]), api)
    assert any("a" in value for value in wanted.values()) and len(wanted) >= 4
    for size in (len(body), 7, 1_000, 333):
        assert read(body, (body[i : i + size] for i in range(0, len(body), size)), api) == wanted
    by_event = body.split(b"\n\n")
    assert read(body, (event + b"\n\n" for event in by_event), api) == wanted
    crlf = stream(server, ascii, b"\r\n\r\n")
    assert read(crlf, iter([crlf]), api) == wanted
    assert read(crlf, (crlf[i : i + 100] for i in range(0, len(crlf), 100)), api) == wanted


@pytest.mark.parametrize(("server", "most"), [("vllm", 0.2), ("sglang", 0.2), ("llama", 0.3), ("odd", 1.0)])
def test_most_events_are_not_parsed(server: str, most: float, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    feed = ChatStream.feed
    monkeypatch.setattr(ChatStream, "feed", lambda self, text: (parsed.append(text), feed(self, text))[1])
    body = stream(server, False, text=TEXT * 10)
    read(body, iter([body]))
    assert len(parsed) <= most * body.count(b"data: ")


def test_prose_goes_out_byte_for_byte() -> None:
    prose = stream("vllm", False, text="".join(f"{i * i} é, \\, \t{i}." for i in range(99)))
    asked = asked_of_chat({"model": "m", "stream": True, "messages": [], "tools": TOOLS}, SETTINGS)
    rewriting = Rewriting(ChatStream(asked, Metrics()), 1 << 20)
    said = rewriting.take(prose).encode()
    events = prose.split(b"\n\n")[1:-4]  # without the role, the end and what is behind it
    assert b"\n\n".join(events) in said


@pytest.mark.parametrize("text", [b'a\\x"', b"a\x01b", b'a"b', b"a\\", b"\\u12", b"\xff\xfe"])
def test_what_is_no_string_is_no_text(text: bytes) -> None:
    body = stream("vllm", False, text="Hi there. " * 5)
    good = json.dumps(dressed("vllm", "content", "PLACE", 0), separators=(",", ":")).encode()
    bad = b"data: " + good.replace(b"PLACE", text) + b"\n\n"
    at = body.index(b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},')  # fmt: skip
    asked = asked_of_chat({"model": "m", "stream": True, "messages": [], "tools": TOOLS}, SETTINGS)
    for cut in (body[:at] + bad + body[at:], body[: at - 400] + bad + body[at:]):
        rewriting = Rewriting(ChatStream(asked, Metrics()), 1 << 20)
        rewriting.take(cut)
        assert rewriting.problem is not None and '"error"' in rewriting.finish()


def made(text: bytes, size: int) -> tuple[list[str], str]:
    """What is sent after each read of so many bytes, and at the end."""
    asked = asked_of_chat({"model": "m", "stream": True, "messages": [], "tools": TOOLS}, SETTINGS)
    rewriting = Rewriting(ChatStream(asked, Metrics()), 1 << 20)
    return [rewriting.take(text[i : i + size]) for i in range(0, len(text), size)], rewriting.finish()


def test_what_came_at_once_is_sent_at_once_and_nothing_waits() -> None:
    body = stream("vllm", False)
    said, _ = made(body, len(body))
    assert 1 <= said[0].count('"arguments"') <= 2  # one chunk for all of a call
    events = stream("vllm", False, text="abcdefgh ijklmn")
    asked = asked_of_chat({"model": "m", "stream": True, "messages": [], "tools": TOOLS}, SETTINGS)
    rewriting = Rewriting(ChatStream(asked, Metrics()), 1 << 20)
    texts = [rewriting.take(event + b"\n\n") for event in events.split(b"\n\n")[:-2]]
    assert all(texts[:-1])  # but for the usage, which nobody asked for


def test_two_choices_by_turns() -> None:
    events = [chunk({"role": "assistant"}), chunk({"role": "assistant"}, index=1)]
    for letter in TEXT:
        events += [chunk({"content": letter}), chunk({"content": letter.upper()}, index=1)]
    events += [chunk({}, "stop"), chunk({}, "stop", index=1)]
    body = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in events) + DONE
    found = [read(body, (body[i : i + size] for i in range(0, len(body), size))) for size in (len(body), 50, 1)]
    assert found[0] == found[1] == found[2]
    texts = {path[2]: text for path, text in found[0].items() if path[-1] == "content"}
    assert texts == {0: TEXT.replace(CALL, ""), 1: TEXT.upper()}
