"""Answers of Chat Completions as answers of Messages and of Responses, streamed or whole.

It must not know requests, nor the network. Law: what a client reads is one choice of the server's answer, with its
leaked calls as calls; an answer that broke off is never ended as if it were whole.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from wireproto.adapters import (
    AnswerWriter,
    MessagesWriter,
    ResponsesWriter,
    Usage,
    message_object,
    response_object,
)
from wireproto.adapters.replay import SIGNED
from wireproto.serve.asked import Asked
from wireproto.serve.chat import choice_of_message
from wireproto.serve.choice import AnswerChoice, native_call
from wireproto.serve.stream.chunks import BadAnswer, choices_of, delta_of
from wireproto.serve.stream.ordinary import Ordinary
from wireproto.serve.watch.metrics import Meter
from wireproto.values.events import ReasoningDelta, TextDelta
from wireproto.values.model import Message

Translated = Literal["messages", "responses"]
# What a response repeats of its request.
_REPEATED = ("instructions", "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p", "metadata",
             "max_output_tokens", "reasoning", "text", "store", "user", "truncation")  # fmt: skip


def writer_of(api: Translated, asked: Asked) -> AnswerWriter:
    """Return what writes the answer to a request."""
    if api == "messages":
        tools = asked.own.get("tools") or ()
        eager = {tool.get("name") for tool in tools if tool.get("eager_input_streaming") is True}
        return MessagesWriter(_identity("msg"), asked.model, eager=eager, signature=SIGNED, ids=asked.ids())
    return ResponsesWriter(
        _identity("resp"), asked.model, int(time.time()), fields=_repeated(asked.own), encrypted=_encrypted(asked),
        free_form=asked.free_form, namespaces=asked.namespaces, ids=asked.ids(),
    )  # fmt: skip


def _identity(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(12)}"


def _repeated(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in _REPEATED if body.get(key) is not None}


def _own_text(api: Translated, asked: Asked, message: Message | None) -> str:
    """Return what the client is to bring back; one of Responses has to ask for what is encrypted."""
    return asked.own_text(message) if api == "messages" or _encrypted(asked) else ""


def _encrypted(asked: Asked) -> bool:
    """Return whether a client of Responses keeps encrypted reasoning."""
    return "reasoning.encrypted_content" in (asked.own.get("include") or ())


class TranslatedStream:
    """Rewrites the stream of one answer, event by event, for a client of another API.

    `sent`: the client has something of it. `stopped`: the rest of the server's stream is of no use.
    """

    def __init__(self, api: Translated, asked: Asked, metrics: Meter) -> None:
        self._api, self._asked = api, asked
        self._writer = writer_of(api, asked)
        self._held = self._writer.sse(self._writer.open())  # until there is more, if it may be asked for again
        self._choice = AnswerChoice(asked.decoder(), metrics)
        self._usage: dict[str, Any] | None = None
        self._head: dict[str, Any] = {}
        self._ordinary = Ordinary(asked.read)
        self.choices = [self._choice]
        self.sent = self.stopped = False

    @property
    def said(self) -> dict[str, Any]:
        """What the server says of its answer, beside what is in it."""
        return {**self._head, "usage": self._usage}

    def gather(self, data: bytes, at: int) -> int:
        """Take events that are nothing but more of the text before them; return where they end."""
        return self._ordinary.take(data, at)

    def flush(self) -> str:
        """Return what becomes of the events that were gathered."""
        found = self._ordinary.empty()
        if found is None:
            return ""
        return self._out(self._more({found.key: found.text}, found.text if found.key == "content" else ""))

    def feed(self, text: str) -> str:
        """Return what becomes of one event of the server; nothing is gathered when it is called.

        Raises:
            BadAnswer: it is no chunk of Chat Completions, or an error.
        """
        chunk = self._asked.read(text)
        self._usage = chunk.get("usage") or self._usage
        self._head = self._head or {key: chunk.get(key) for key in ("id", "model")}
        choice, lines = self._choice, ""
        for delta in map(delta_of, chunk.get("choices") or ()):
            if delta.choice or choice.closed:
                continue
            lines += self._more(delta.fields, delta.text)
            if self.stopped:
                break
            if delta.calls:
                lines += self._writer.lines(choice.native(delta.calls))
            if delta.finish_reason:
                lines += self._writer.lines(choice.close(delta.finish_reason))
                self._ordinary.forget()
            else:
                self._ordinary.learn(text, chunk, delta)
        return self._out(lines)

    def _more(self, fields: Mapping[str, Any], text: str) -> str:
        """Write what a delta has beside calls, and end an answer in which the model repeats itself."""
        choice, lines = self._choice, ""
        if reasoning := choice.thought(fields):
            lines += self._writer.lines([ReasoningDelta(reasoning)])
        if refusal := fields.get("refusal"):
            lines += self._writer.lines([TextDelta(str(refusal))])
        if text:
            lines += self._writer.lines(choice.content(text))
        if choice.looping and self._asked.settings.stop_loops:
            self.stopped = True
            lines += self._writer.lines(choice.close("length"))
        return lines

    def _out(self, text: str) -> str:
        if not text and (self._asked.settings.retry or not self._held):
            return ""
        text, self._held, self.sent = self._held + text, "", True
        return text

    def end(self) -> str:
        """Return what the stream ends with.

        Raises:
            BadAnswer: it ended in the middle of an answer.
        """
        if not self._choice.closed:
            raise BadAnswer("the stream of the server ended in the middle of the answer")
        usage = Usage.read(self._usage)
        own = _own_text(self._api, self._asked, self._choice.message)
        return self._out(self._writer.sse(self._writer.close(self._choice.finish, usage, own=own)) + self._writer.done)

    def fail(self, message: str, error: Any = None) -> str:
        """Return what tells the client that the answer failed."""
        return self._out(self._writer.sse(self._writer.fail(message)))


def whole_translated(
    api: Translated, asked: Asked, answer: dict[str, Any], metrics: Meter
) -> tuple[dict[str, Any], list[AnswerChoice]]:
    """Return a whole answer for the client, and what was read in it.

    Raises:
        BadAnswer: it is no answer of Chat Completions.
    """
    delta = choices_of(answer)[0]
    choice = choice_of_message(asked, delta, metrics)
    message = choice.message or Message(delta.text)
    natives = tuple(native_call(native) for native in choice.natives.values())
    thought = "".join(choice.reasoning)
    if natives or thought:
        # What the server had split already has no place in the text any more: thoughts first, calls last.
        message = Message(message.text, thought + message.reasoning, message.calls + natives)
    usage, reason, ids = Usage.read(answer.get("usage")), delta.finish_reason, asked.ids()
    own = _own_text(api, asked, choice.message)
    if refusal := delta.fields.get("refusal"):
        message = replace(message, text=message.text + str(refusal), segments=())
    if api == "messages":
        shown = message_object(
            message, _identity("msg"), asked.model, finish_reason=reason, usage=usage, signature=SIGNED, own=own,
            ids=ids,
        )  # fmt: skip
        return shown, [choice]
    shown = response_object(
        message, _identity("resp"), asked.model, int(time.time()), finish_reason=reason, usage=usage,
        fields=_repeated(asked.own), own=own, encrypted=_encrypted(asked), free_form=asked.free_form,
        namespaces=asked.namespaces, ids=ids,
    )  # fmt: skip
    return shown, [choice]
