"""Spans of OpenTelemetry: one for each request of the three APIs, with what was counted of it, and no word of it.

It must not know requests or answers. Law: no text of a client, a tool or a model but the model's name, no header, and
no path is in a span; without the setting no package is loaded for it.

Source: OpenTelemetry's semantic conventions for generative AI, docs/gen-ai/client-inference.md, still in development;
names that begin with `wireproto.` are our own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from wireproto.adapters import Usage
from wireproto.serve.watch.metrics import Metrics
from wireproto.values.extras import require

EXTRA: Final = "otel"
_OPERATION: Final = "chat"
_REQUESTED: Final[dict[str, tuple[str, type[int] | type[float]]]] = {
    "max_tokens": ("max_tokens", int),
    "seed": ("seed", int),
    "top_k": ("top_k", int),
    "temperature": ("temperature", float),
    "top_p": ("top_p", float),
    "frequency_penalty": ("frequency_penalty", float),
    "presence_penalty": ("presence_penalty", float),
}
_LEVELS: Final = frozenset(("none", "minimal", "low", "medium", "high", "xhigh", "max"))
_EVENTS: Final = {"retries_total": "wireproto.retry", "fallbacks_total": "wireproto.fallback"}


class Watch:
    """What is seen of one exchange: it is counted, and that is all."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter of the proxy."""
        self._metrics.count(name, **labels)

    def observe_first_byte(self, seconds: float) -> None:
        """Note how long the client waited for the first byte."""
        self._metrics.observe_first_byte(seconds)

    def asked(self, api: str, model: str, chat: Mapping[str, Any], **own: str) -> None:
        """Note the model and the numbers in a request for the server."""

    def answered(self, said: Mapping[str, Any], finish_reasons: Iterable[str | None]) -> None:
        """Note what the server says of its answer: `id`, `model`, `usage`; and why each choice ended."""

    def fail(self, kind: str) -> None:
        """Note that the exchange failed: an HTTP status, or a word of ours."""

    def headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return the headers for the server."""
        return headers

    def close(self) -> None:
        """End it."""


class Tracing:
    """Makes spans for exchanges with one server; `provider` is OpenTelemetry's, by default the global one.

    Raises:
        MissingExtra: OpenTelemetry's API is not there.
    """

    def __init__(self, address: str, port: int, provider: Any = None) -> None:
        require(EXTRA, "opentelemetry.trace", purpose="traces")
        from opentelemetry import propagate, trace

        self.propagate, self.trace = propagate, trace
        self.tracer = trace.get_tracer("wireproto.serve", tracer_provider=provider)
        self.server: dict[str, str | int] = {"server.address": address, "server.port": port}

    def watch(self, metrics: Metrics, headers: Mapping[str, str]) -> Watch:
        """Begin the span of an exchange; the client's headers may name its parent."""
        return _SpanWatch(self, metrics, headers)


class _SpanWatch(Watch):
    """Counts an exchange for the proxy and for its own span."""

    def __init__(self, tracing: Tracing, metrics: Metrics, headers: Mapping[str, str]) -> None:
        super().__init__(metrics)
        self._tracing = tracing
        parent = tracing.propagate.extract({name: headers[name] for name in headers})
        kind = tracing.trace.SpanKind.CLIENT
        self._span = tracing.tracer.start_span(_OPERATION, context=parent, kind=kind, attributes=tracing.server)
        self._set(operation__name=_OPERATION, provider__name="openai")
        self._counts: Counter[str] = Counter()
        self._codes: list[str] = []

    def _set(self, **attributes: Any) -> None:
        """Set attributes of the conventions; two underlines stand for a full stop."""
        for name, value in attributes.items():
            self._span.set_attribute("gen_ai." + name.replace("__", "."), value)

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter, and to that of the span."""
        super().count(name, **labels)
        if name == "calls_total":
            self._counts[f"wireproto.calls.{labels['origin']}"] += 1
            self._counts["wireproto.calls.incomplete"] += labels["outcome"] == "incomplete"
        elif name == "diagnoses_total" and labels["code"] not in self._codes:
            self._codes.append(labels["code"])
        elif name in _EVENTS:
            self._counts[f"wireproto.{name.removesuffix('_total')}"] += 1
            self._span.add_event(_EVENTS[name])
        elif name == "streams_total" and labels["end"] == "stopped":
            self._span.set_attribute("wireproto.loop_stopped", True)
            self._span.add_event("wireproto.loop_stopped")

    def observe_first_byte(self, seconds: float) -> None:
        """Note how long the client waited."""
        super().observe_first_byte(seconds)
        self._set(response__time_to_first_chunk=seconds)

    def asked(self, api: str, model: str, chat: Mapping[str, Any], **own: str) -> None:
        """Note the numbers of a request, and which model is asked for; all else in it is what somebody said."""
        self._span.set_attributes({"wireproto.api": api, **{f"wireproto.{key}": value for key, value in own.items()}})
        if model:
            self._span.update_name(f"{_OPERATION} {model[:200]}")
            self._set(request__model=model[:200])
        for key, (name, kind) in _REQUESTED.items():
            value = chat.get(key)
            if isinstance(value, (int, kind)) and not isinstance(value, bool) and abs(value) < 1 << 63:
                self._span.set_attribute(f"gen_ai.request.{name}", kind(value))
        level = chat.get("reasoning_effort")
        if isinstance(level, str) and level in _LEVELS:
            self._set(request__reasoning__level=level)
        if chat.get("stream") is True:
            self._set(request__stream=True)
        if isinstance(chat.get("n"), int) and chat["n"] != 1:
            self._set(request__choice__count=chat["n"])

    def answered(self, said: Mapping[str, Any], finish_reasons: Iterable[str | None]) -> None:
        """Note what an answer says beside its text."""
        self._set(response__finish_reasons=[reason[:40] if reason else "error" for reason in finish_reasons])
        for key in ("id", "model"):
            if isinstance(said.get(key), str) and said[key]:
                self._span.set_attribute(f"gen_ai.response.{key}", said[key][:200])
        if isinstance(said.get("usage"), Mapping):
            usage = Usage.read(said["usage"])
            self._set(usage__input_tokens=usage.input_tokens, usage__output_tokens=usage.output_tokens)
            if usage.cached_tokens:
                self._set(usage__cache_read__input_tokens=usage.cached_tokens)
            if usage.reasoning_tokens:
                self._set(usage__reasoning__output_tokens=usage.reasoning_tokens)

    def fail(self, kind: str) -> None:
        """Note that the exchange failed; what is said of it may quote somebody, and is left out."""
        self._span.set_attribute("error.type", kind)
        self._span.set_status(self._tracing.trace.Status(self._tracing.trace.StatusCode.ERROR))

    def headers(self, headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return the headers for the server, whose own spans become children of this one."""
        carrier: dict[str, str] = {}
        self._tracing.propagate.inject(carrier, self._tracing.trace.set_span_in_context(self._span))
        own = [(name.lower().encode(), value.encode()) for name, value in carrier.items()]
        return [*(each for each in headers if each[0] not in dict(own)), *own]

    def close(self) -> None:
        """End the span, with all that was counted."""
        self._span.set_attributes({key: value for key, value in self._counts.items() if value})
        if self._codes:
            self._span.set_attribute("wireproto.diagnoses", self._codes)
        self._span.end()
