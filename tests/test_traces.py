"""Spans of the proxy, as OpenTelemetry's own SDK exports them: the names of the conventions, and nothing that was said."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from serving import Upstream, chunk, event, running, stream, whole

from wireproto.serve.app import application
from wireproto.serve.settings import ModelSettings, ServeSettings

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
SECRET = "xyzzy"  # in everything that somebody says
TOOL = {"name": f"now_{SECRET}", "description": SECRET, "parameters": {"type": "object", "properties": {SECRET: {}}}}
CALL = f'<tool_call>\n{{"name": "now_{SECRET}", "arguments": {{"{SECRET}": "{SECRET}"}}}}\n</tool_call>'
BROKEN = CALL.replace('": "', '": [')
# docs/gen-ai/client-inference.md of the semantic conventions, and our own.
KNOWN = {
    *("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.request.stream"),
    *("gen_ai.request.max_tokens", "gen_ai.request.temperature", "gen_ai.request.seed", "gen_ai.request.top_p"),
    *("gen_ai.request.reasoning.level", "gen_ai.request.choice.count", "gen_ai.response.id", "gen_ai.response.model"),
    *("gen_ai.response.finish_reasons", "gen_ai.response.time_to_first_chunk", "gen_ai.usage.input_tokens"),
    *("gen_ai.usage.output_tokens", "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.reasoning.output_tokens"),
    *("server.address", "server.port", "error.type", "wireproto.api", "wireproto.mode", "wireproto.dialect"),
    *("wireproto.calls.repaired", "wireproto.calls.native", "wireproto.calls.incomplete", "wireproto.diagnoses"),
    *("wireproto.retries", "wireproto.fallbacks", "wireproto.loop_stopped"),
}


class Traced:
    def __init__(self, address: str, upstream: Upstream, exporter: InMemorySpanExporter) -> None:
        self.address, self.upstream, self._exporter = address, upstream, exporter

    def ask(
        self, path: str, answer: Any, *, headers: Mapping[str, str] | None = None, model: str = "m", **more: Any
    ) -> tuple[httpx2.Response, ReadableSpan]:
        """Ask, and return the answer with its span, in which nothing that was said may be."""
        tool: Any = {"type": "function", "function": TOOL} if path == CHAT else {"type": "function", **TOOL, "input_schema": TOOL["parameters"]}  # fmt: skip
        said = [{"role": "user", "content": SECRET}]
        body = {"model": model, "messages": said, "input": said, "max_tokens": 50, "tools": [tool], "user": SECRET, "stop": [SECRET], **more}  # fmt: skip
        self.upstream.answers[model] = answer
        self.upstream.seen.clear()
        self._exporter.clear()
        given = {"authorization": f"Bearer {SECRET}", "x-api-key": SECRET, **(headers or {})}
        found = httpx2.post(self.address + path, json=body, headers=given, trust_env=False)
        (span,) = self._exporter.get_finished_spans()
        assert SECRET not in span.to_json() and set(span.attributes or {}) <= KNOWN
        assert span.kind is SpanKind.CLIENT and span.events == tuple(
            each for each in span.events if not each.attributes
        )
        return found, span


@pytest.fixture(scope="module")
def traced() -> Iterator[Traced]:
    upstream, exporter = Upstream(), InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    models = {"retry": ModelSettings(dialect="hermes", retry=True), "loop": ModelSettings(dialect="hermes", stop_loops=True), "vllm": ModelSettings(dialect="hermes", mode="constrain", server="vllm")}  # fmt: skip
    with running(upstream) as url:
        settings = ServeSettings(upstream=url, default=ModelSettings(dialect="hermes"), models=models, traces=True)
        with running(application(settings, provider)) as address:
            yield Traced(address, upstream, exporter)


def of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize("streams", [False, True])
def test_a_request_is_a_span_of_the_conventions(path: str, streams: bool, traced: Traced) -> None:
    usage = {"prompt_tokens": 30, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 20}, "completion_tokens_details": {"reasoning_tokens": 3}}  # fmt: skip
    end = event({**chunk(), "choices": [], "usage": usage})
    answer: Any = [*stream(SECRET + CALL, 3)[:-2], end] if streams else {"json": {**whole({"content": SECRET + CALL}), "usage": usage}}  # fmt: skip
    more = {"temperature": 0.5, "stream": streams, "seed": 7}
    if path == RESPONSES:
        more |= {"max_output_tokens": 50, "reasoning": {"effort": "low"}}
    found, span = traced.ask(path, answer, **more)
    assert found.status_code == 200 and f"now_{SECRET}" in found.text
    values = of(span)
    waited = values.pop("gen_ai.response.time_to_first_chunk", None)
    assert (waited is not None) == streams and (waited is None or 0 < waited < 60)
    assert values.pop("gen_ai.request.reasoning.level", None) == ("low" if path == RESPONSES else None)
    assert values.pop("gen_ai.request.stream", None) == (True if streams else None)
    port = int(traced.upstream.seen[0]["headers"]["host"].partition(":")[2])
    assert values == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m",
        "gen_ai.request.max_tokens": 50, "gen_ai.request.temperature": 0.5, "gen_ai.request.seed": 7,
        "gen_ai.response.id": "c1", "gen_ai.response.model": "m", "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 30, "gen_ai.usage.output_tokens": 4, "gen_ai.usage.cache_read.input_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 3, "server.address": "127.0.0.1", "server.port": port,
        "wireproto.api": {CHAT: "chat", MESSAGES: "messages", RESPONSES: "responses"}[path],
        "wireproto.mode": "repair", "wireproto.dialect": "hermes", "wireproto.calls.repaired": 1,
    }  # fmt: skip
    assert span.name == "chat m" and span.status.status_code is StatusCode.UNSET
    assert span.start_time and span.end_time and span.end_time > span.start_time


def test_what_was_mended_is_told(traced: Traced) -> None:
    again = ({"json": whole({"content": BROKEN})}, {"json": whole({"content": CALL})})
    _, span = traced.ask(CHAT, again, model="retry")
    assert of(span)["wireproto.retries"] == 1 and [each.name for each in span.events] == ["wireproto.retry"]
    assert of(span)["wireproto.calls.repaired"] == 1
    _, span = traced.ask(MESSAGES, stream(CALL[:-30], 5, "length"), stream=True)
    assert of(span)["wireproto.calls.incomplete"] == 1 and of(span)["gen_ai.response.finish_reasons"] == ("length",)
    why = {"status": 400, "json": {"error": {"message": SECRET}}}
    _, span = traced.ask(CHAT, (why, {"json": whole({"content": CALL})}), model="vllm")
    assert of(span)["wireproto.fallbacks"] == 1 and [each.name for each in span.events] == ["wireproto.fallback"]
    loop = [event(chunk({"content": f"I look again, {SECRET}. "})) for _ in range(2_000)]
    _, span = traced.ask(CHAT, loop, model="loop", stream=True)
    assert of(span)["wireproto.loop_stopped"] is True and span.events[-1].name == "wireproto.loop_stopped"
    assert of(span)["wireproto.diagnoses"] == ("looping",)
    native = {"id": "n", "type": "function", "function": {"name": f"now_{SECRET}", "arguments": "{}"}}
    _, span = traced.ask(CHAT, {"json": whole({"content": None, "tool_calls": [native]}, "tool_calls")})
    assert of(span)["wireproto.calls.native"] == 1 and of(span)["gen_ai.response.finish_reasons"] == ("tool_calls",)


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
def test_what_failed_is_told_without_a_word(path: str, traced: Traced) -> None:
    def failed(answer: Any, **more: Any) -> str:
        _, span = traced.ask(path, answer, **more)
        assert span.status.status_code is StatusCode.ERROR and span.status.description is None
        return str(of(span)["error.type"])

    assert failed({"status": 429, "json": {"error": {"message": SECRET}}}) == "429"
    assert failed({"json": {"x": SECRET}}) == "502"
    assert failed([event({"error": {"message": SECRET}})], stream=True) == "upstream_error"
    assert failed(stream(SECRET)[:4], stream=True) == "upstream_error"
    assert failed({"json": {}}, model="vllm", tool_choice={"type": "tool", "name": SECRET}) in ("400", "502")
    httpx2.post(traced.address + path, content=b"{" + SECRET.encode(), trust_env=False)  # no JSON


def test_what_goes_through_untouched_is_a_span_too(traced: Traced) -> None:
    found, span = traced.ask(CHAT, {"json": whole({"content": SECRET})}, tools=[])
    assert found.json()["choices"][0]["message"]["content"] == SECRET
    assert span.name == "chat m" and of(span)["wireproto.api"] == "chat"
    _, span = traced.ask(CHAT, {"status": 404, "json": {}}, tools=[])
    assert of(span)["error.type"] == "404"


def test_odd_requests_make_no_odd_spans(traced: Traced) -> None:
    odd: Any = {"temperature": SECRET, "seed": 1 << 70, "top_p": True, "reasoning_effort": [SECRET], "n": [SECRET]}
    _, span = traced.ask(CHAT, {"json": whole({"content": CALL})}, **odd)
    assert not {"gen_ai.request.temperature", "gen_ai.request.seed", "gen_ai.request.reasoning.level"} & set(of(span))
    _, span = traced.ask(CHAT, {"json": whole({"content": CALL})}, reasoning_effort=SECRET)
    assert "gen_ai.request.reasoning.level" not in of(span)


def test_spans_hang_together(traced: Traced) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    for path, more in ((CHAT, {}), (MESSAGES, {}), (CHAT, {"tools": []})):
        answer = {"json": whole({"content": CALL})}
        _, span = traced.ask(
            path, answer, headers={"traceparent": f"00-{trace}-{parent}-01", "tracestate": "a=1"}, **more
        )
        assert span.context and f"{span.context.trace_id:032x}" == trace
        assert span.parent and f"{span.parent.span_id:016x}" == parent
        sent = traced.upstream.seen[-1]["headers"]
        assert sent["traceparent"] == f"00-{trace}-{span.context.span_id:016x}-01" and sent["tracestate"] == "a=1"
    _, span = traced.ask(CHAT, answer, headers={"traceparent": "nonsense"})
    assert span.parent is None


NOTHING = """
import asyncio, sys
if sys.argv[1] == "absent":
    sys.modules["opentelemetry"] = None
from wireproto.serve.app import application
from wireproto.serve.settings import ServeSettings
from wireproto.serve.run import config_of
async def make():
    config_of(ServeSettings(upstream="http://127.0.0.1:1"))
asyncio.run(make())
print([name for name in sys.modules if name.startswith("opentelemetry.")])
"""


@pytest.mark.parametrize("there", ["absent", "there"])
def test_without_the_setting_nothing_is_loaded(there: str) -> None:
    run = subprocess.run([sys.executable, "-c", NOTHING, there], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_without_an_sdk_spans_go_nowhere(traced: Traced) -> None:
    settings = ServeSettings(upstream=traced.address, default=ModelSettings(dialect="hermes"), traces=True)
    with running(application(settings)) as address:
        body = {"model": "m", "messages": [], "tools": [{"type": "function", "function": TOOL}]}
        traced.upstream.answers["m"] = {"json": whole({"content": CALL})}
        found = httpx2.post(address + CHAT, json=body, trust_env=False)
    assert json.loads(found.text)["choices"][0]["message"]["tool_calls"]
