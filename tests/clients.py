"""The official Python clients of the three APIs, in front of no server: each reads an answer that a writer wrote.

It must not hold a test. Law: a client is used as its users use it; nothing that it raises is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from effort import PROFILE
from judging import CASES, REALITY

import wireproto as wp
from wireproto.adapters import AnswerWriter, Usage, own_text
from wireproto.adapters.fragments import whole_characters
from wireproto.text.json_safe import identical
from wireproto.text.numbers import holds

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")
httpx2 = pytest.importorskip("httpx2")  # not there for the oldest Python

USAGE = Usage(input_tokens=5, output_tokens=7, cached_tokens=2, reasoning_tokens=1)
_BODY = {"now": ""}


def _answer(_: Any) -> Any:
    kind = "text/event-stream" if _BODY["now"].startswith(("data:", "event:", ":")) else "application/json"
    return httpx2.Response(200, headers={"content-type": kind}, content=_BODY["now"].encode("utf-8"))


_HTTP = httpx2.Client(transport=httpx2.MockTransport(_answer))
OPENAI = openai.OpenAI(api_key="x", base_url="http://test.local/v1", http_client=_HTTP, max_retries=0)
ANTHROPIC = anthropic.Anthropic(api_key="x", base_url="http://test.local", http_client=_HTTP, max_retries=0)
ASKED: list[Any] = [{"role": "user", "content": "x"}]


EVERY = [*CASES, *REALITY]
STEPS = (5, 10_000, 17, 40)


def chunked(client: int) -> Iterable[tuple[dict[str, Any], int]]:
    """Yield cases of fixtures/ with the size of their chunks: a third for each client, in the long run all in all."""
    for at, case in enumerate(EVERY):
        if PROFILE == "long":
            yield from ((case, step) for step in (1, *STEPS))
        elif at % 3 == client:
            yield case, STEPS[at % len(STEPS)]


class Same:
    """Gives ids that are the same in every run."""

    def __init__(self) -> None:
        self.given = 0

    def give(self, wire: str | None = None, name: str = "") -> str:
        self.given += 1
        return f"call_{self.given}"


class Read(NamedTuple):
    """What a client made of an answer, and the types of its events."""

    answer: Any
    kinds: list[str]


def chat(body: str, **asked: Any) -> Read:
    """Read an answer of Chat Completions."""
    _BODY["now"] = body
    with OPENAI.chat.completions.stream(model="m", messages=ASKED, **asked) as stream:
        kinds = [event.type for event in stream]
        return Read(stream.get_final_completion(), kinds)


def responses(body: str) -> Read:
    """Read an answer of Responses; the last event's response where it is incomplete, for which the client raises."""
    _BODY["now"] = body
    with OPENAI.responses.stream(model="m", input="x") as stream:
        events = [*stream]
        kinds = [event.type for event in events]
        last = events[-1]
        return Read(last.response if last.type == "response.incomplete" else stream.get_final_response(), kinds)


def messages(body: str) -> Read:
    """Read an answer of Messages."""
    _BODY["now"] = body
    with ANTHROPIC.messages.stream(model="m", max_tokens=9, messages=ASKED) as stream:
        kinds = [event.type for event in stream]
        return Read(stream.get_final_message(), kinds)


def whole(kind: str, answer: Mapping[str, Any]) -> Any:
    """Read an answer that is not streamed: "chat", "responses" or "messages"."""
    _BODY["now"] = json.dumps(answer)
    if kind == "chat":
        return OPENAI.chat.completions.create(model="m", messages=ASKED)
    if kind == "responses":
        return OPENAI.responses.create(model="m", input="x")
    return ANTHROPIC.messages.create(model="m", max_tokens=9, messages=ASKED)


def strict(text: str, decimals: bool = False) -> Any:
    """Parse strict JSON: no key twice, no NaN, and characters that UTF-8 can carry."""
    text.encode("utf-8")
    return json.loads(
        text, object_pairs_hook=_members, parse_constant=_refuse, parse_float=Decimal if decimals else float
    )


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key stands there twice")
    return members


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def spells(text: str, arguments: Mapping[str, Any], replaced: bool = False) -> bool:
    """Whether strict JSON is these arguments; JSON cannot tell two halves of a surrogate pair from the pair.

    `replaced`: half of a pair is U+FFFD there.
    """
    value = dict(arguments)
    return identical(strict(text, holds(value, Decimal)), whole_characters(value) if replaced else _paired(value))


def _paired(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if not _fits(value) else value
    if isinstance(value, dict):
        return {_paired(key): _paired(item) for key, item in value.items()}
    return [_paired(item) for item in value] if isinstance(value, list) else value


def _fits(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def decoder_of(case: Mapping[str, Any]) -> wp.Decoder:
    """Return a decoder for a case of fixtures/."""
    return wp.Decoder(
        case["dialect"],
        case["tools"],
        policy=wp.Policy(**case.get("policy", {})),
        reasoning_open=case.get("reasoning_open", False),
        **({"forced": case["forced"]} if "forced" in case else {}),
    )


class Streamed(NamedTuple):
    """A decoded output, written as a stream."""

    message: wp.Message
    calls: list[wp.Call]
    body: str

    @property
    def complete(self) -> list[wp.Call]:
        """The calls that may be run."""
        return [call for call in self.calls if call.complete]


def streamed(
    case: Mapping[str, Any], step: int, writer: AnswerWriter, usage: Usage | None = USAGE, own: bool = False
) -> Streamed:
    """Decode a case in chunks of `step` characters, and write what comes; `own`: with the model's text."""
    decoder, text, reason = decoder_of(case), case["text"], case.get("finish_reason")
    parts = [writer.sse(writer.open())]
    calls: list[wp.Call] = []
    for events in _batches(decoder, (text[at : at + step] for at in range(0, len(text), step)), reason):
        parts.append(writer.lines(events))
        calls += [event.call for event in events if isinstance(event, wp.CallEnd)]
    said = own_text(decoder.message, decoder.message.dialect or None) if own else ""
    parts += writer.sse(writer.close(reason, usage, own=said)), writer.done
    return Streamed(decoder.message, calls, "".join(parts))


def _batches(decoder: wp.Decoder, chunks: Iterable[str], finish_reason: str | None) -> Iterable[list[wp.Event]]:
    for chunk in chunks:
        yield decoder.feed(chunk)
    yield decoder.close(finish_reason)


def stream(chunks: Iterable[Mapping[str, Any]], named: bool = False, done: bool = True) -> str:
    """Write chunks as anybody would: to show what a client does with those that no writer of ours makes."""
    lines = ((f"event: {each['type']}\n" if named else "") + f"data: {json.dumps(each)}\n\n" for each in chunks)
    return "".join(lines) + ("data: [DONE]\n\n" if done else "")
