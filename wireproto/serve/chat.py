"""Chat Completions: a request as it is, and answers in which leaked calls are calls.

It must not know the network. Law: an answer without leaked calls goes out as it came, and a stream never ends well
unless each of its choices did.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from wireproto.adapters import ChatWriter, Ending, IdSource, chat_choice
from wireproto.adapters.chat import free_form_call
from wireproto.adapters.history import from_chat
from wireproto.adapters.history.chat import REASONING_KEYS
from wireproto.serve.asked import Asked, toolset_of
from wireproto.serve.choice import AnswerChoice, native_call
from wireproto.serve.settings import ServeSettings
from wireproto.serve.stream.chunks import BadAnswer, Delta, choices_of, delta_of, line_of
from wireproto.serve.stream.ordinary import Ordinary
from wireproto.serve.translate import without_free_form
from wireproto.serve.watch.metrics import Meter
from wireproto.values.errors import SchemaError, ShapeError
from wireproto.values.events import Event, TextDelta
from wireproto.values.model import Message

OBJECT: Final = "chat.completion.chunk"
_HEAD: Final = frozenset(("id", "object", "created", "model", "choices"))
_OURS: Final = frozenset(("role", "content", "tool_calls"))
_KEPT_OF_CALL: Final = frozenset(("index", "id", "type", "function"))


def asked_of_chat(body: dict[str, Any], settings: ServeSettings) -> Asked:
    """Return what a chat request asks for; nothing of it is refused here, since the server may take it."""
    model = str(body.get("model") or "")
    chat, free_form = without_free_form(body)
    chat = chat if free_form else body
    try:
        tools = toolset_of(chat.get("tools"), chat.get("tool_choice"))
    except SchemaError:
        tools = None
    try:
        turns = from_chat(body.get("messages"))
    except ShapeError:
        turns = []  # whatever it is, the server has to take it, and only the ids in it would be of use here
    return Asked(
        settings=settings.of(model), model=model, chat=chat, own=body, tools=tools, choice=chat.get("tool_choice"),
        turns=turns, free_form=free_form,
    )  # fmt: skip


class ChatStream:
    """Rewrites the stream of one answer, event by event.

    `sent`: the client has something of it. `stopped`: the rest of the server's stream is of no use.
    """

    def __init__(self, asked: Asked, metrics: Meter) -> None:
        self._asked, self._metrics = asked, metrics
        self._ids = asked.ids()
        self._writers: list[ChatWriter] = []
        self._head: dict[str, Any] = {}
        self._held = ""  # what an answer begins with; until there is more of it, if it may be asked for again
        self._usage: dict[str, Any] | None = None
        self._usage_line = ""
        self._ordinary = Ordinary(asked.read)
        self._as_it_came = False  # whether what is gathered may go out so
        self.choices: list[AnswerChoice] = []
        self.sent = self.stopped = False

    @property
    def said(self) -> dict[str, Any]:
        """What the server says of its answer, beside what is in it."""
        return {**self._head, "usage": self._usage}

    def gather(self, data: bytes, at: int) -> int:
        """Take events that are nothing but more of the text before them; return where they end."""
        return self._ordinary.take(data, at)

    def flush(self) -> str:
        """Return what becomes of the events that were gathered: what came at once goes through the decoder at once."""
        found = self._ordinary.empty()
        if found is None:
            return ""
        choice, writer = self.choices[found.choice], self._writers[found.choice]
        as_it_came = self._as_it_came
        events: Sequence[Event] = ()
        if found.key == "content":
            events = choice.content(found.text)
            as_it_came = as_it_came and _is_all(events, found.text)
        else:
            choice.thought({found.key: found.text})
        if as_it_came:
            return self._out(found.lines)
        if found.key == "content":
            return self._out(writer.lines(events) + self._stop(choice, writer))
        return self._out(writer.sse(writer.delta({found.key: found.text})))

    def feed(self, text: str) -> str:
        """Return what becomes of one event of the server; nothing is gathered when it is called.

        Raises:
            BadAnswer: it is no chunk of Chat Completions, or an error.
        """
        chunk = self._asked.read(text)
        choices = chunk.get("choices")
        if not choices:
            if chunk.get("usage"):
                # The last chunk counts, and one behind it would erase what this one says.
                right = chunk.get("object") == OBJECT
                self._usage, self._usage_line = chunk["usage"], line_of(text) if right else ""
            return ""
        if not self._head:
            head = {"id": "", "model": self._asked.model, "created": 0}
            self._head = head | {key: chunk[key] for key in head if chunk.get(key)}
        if len(choices) == 1:
            delta = delta_of(choices[0])
            self._as_it_came = self._is_plain(chunk, delta)
            lines = self._plain(delta, text) if self._as_it_came else self._rewritten(chunk, delta)
            if not self.choices[delta.choice].closed:
                self._ordinary.learn(text, chunk, delta)
            return self._out(lines)
        return self._out("".join([self._rewritten(chunk, delta_of(each)) for each in choices]))

    def _out(self, text: str) -> str:
        if not text and (self._asked.settings.retry or not self._held):
            return ""
        text, self._held, self.sent = self._held + text, "", True
        return text

    def _is_plain(self, chunk: dict[str, Any], delta: Delta) -> bool:
        """Whether an event is nothing but more text of an open choice."""
        return (
            delta.choice < len(self.choices)
            and not self.choices[delta.choice].closed
            and delta.finish_reason is None
            and "role" not in delta.fields
            and "tool_calls" not in delta.fields
            and chunk.get("object") == OBJECT
            and not chunk.get("usage")
        )

    def _plain(self, delta: Delta, text: str) -> str:
        """Return an event as it came if all of its text is certain; that is most events of most answers."""
        choice = self.choices[delta.choice]
        if not delta.text:
            choice.thought(delta.fields)
            return line_of(text) if any(delta.fields.values()) else ""
        events = choice.content(delta.text)
        if _is_all(events, delta.text):
            return line_of(text)
        writer = self._writers[delta.choice]
        lines = self._others(writer, choice, delta) if len(delta.fields) > 1 else ""
        return lines + writer.lines(events) + self._stop(choice, writer)

    def _rewritten(self, chunk: dict[str, Any], delta: Delta) -> str:
        while len(self._writers) <= delta.choice:
            self._open()
        writer, choice = self._writers[delta.choice], self.choices[delta.choice]
        if choice.closed:
            return ""
        lines = self._others(writer, choice, delta)
        if delta.text:
            lines += writer.lines(choice.content(delta.text))
        if delta.calls:
            lines += self._natives(writer, choice, delta.calls)
        if delta.finish_reason:
            self._ordinary.forget()
            lines += writer.lines(choice.close(delta.finish_reason)) + self._end(writer, choice, chunk)
        return lines + self._stop(choice, writer)

    def _open(self) -> None:
        """Open one more choice; clients want them in order, each before anything of the next."""
        writer = ChatWriter(
            self._head["id"],
            self._head["model"],
            self._head["created"],
            choice=len(self._writers),
            ids=self._ids,
            free_form=self._asked.free_form,
        )
        self._writers.append(writer)
        self.choices.append(AnswerChoice(self._asked.decoder(), self._metrics))
        self._held += writer.sse(writer.open())

    def _others(self, writer: ChatWriter, choice: AnswerChoice, delta: Delta) -> str:
        """Write what a delta has beside text and calls, as the server names it: reasoning, a refusal."""
        more = {key: value for key, value in delta.fields.items() if key not in _OURS and value is not None}
        choice.thought(more)
        return writer.sse(writer.delta(more)) if any(more.values()) else ""

    def _natives(self, writer: ChatWriter, choice: AnswerChoice, calls: list[dict[str, Any]]) -> str:
        """Write more of the server's calls; what only its author knows of a call is kept, on the first chunk of it."""
        written = choice.native(calls)
        unknown = [more for call in calls if (more := {key: call[key] for key in call if key not in _KEPT_OF_CALL})]
        if not unknown:
            return writer.lines(written)
        chunks = writer.feed(written)
        for each in chunks:
            for shown in each["choices"][0]["delta"].get("tool_calls", ()):
                shown.update(unknown.pop(0) if unknown and "id" in shown else {})
        return writer.sse(chunks)

    def _end(self, writer: ChatWriter, choice: AnswerChoice, chunk: dict[str, Any]) -> str:
        """Write the end of a choice, with what the server adds to its last chunk."""
        *before, last = writer.close(choice.finish, own=self._asked.own_text(choice.message))
        more = {key: value for key, value in chunk.items() if key not in _HEAD and value is not None}
        self._usage = more.get("usage") or self._usage
        return writer.sse([*before, {**last, **more}])

    def _stop(self, choice: AnswerChoice, writer: ChatWriter) -> str:
        """End an answer in which the model writes the same over and over."""
        if not choice.looping or choice.closed or not self._asked.settings.stop_loops:
            return ""
        self.stopped = True
        self._ordinary.forget()
        return writer.lines(choice.close("length")) + writer.sse(writer.close("length"))

    def end(self) -> str:
        """Return what the stream ends with.

        Raises:
            BadAnswer: it ended in the middle of an answer.
        """
        if not self.choices or not (self.stopped or all(choice.closed for choice in self.choices)):
            raise BadAnswer("the stream of the server ended in the middle of the answer")
        options, line = self._asked.own.get("stream_options"), self._usage_line
        if not line and self._usage is not None and isinstance(options, dict) and options.get("include_usage"):
            line = self._writers[0].sse([self._writers[0].usage(self._usage)])
        return self._out(line + ChatWriter.done)

    def fail(self, message: str, error: Any = None) -> str:
        """Return what tells the client that the answer failed; the server's own words, if it has some."""
        own = {"message": message, "type": "upstream_error", "param": None, "code": None}
        return self._out("data: " + json.dumps({"error": own if error is None else error}) + "\n\n")


def _is_all(events: Sequence[Event], text: str) -> bool:
    """Whether all of a text is certain, and text."""
    said = [event.text for event in events if isinstance(event, TextDelta)]
    return len(said) == len(events) and "".join(said) == text


def choice_of_message(asked: Asked, delta: Delta, metrics: Meter) -> AnswerChoice:
    """Return a choice that has read a whole message."""
    choice = AnswerChoice(asked.decoder(), metrics)
    if delta.text:
        choice.content(delta.text)
    choice.thought(delta.fields)
    if delta.calls:
        # In a list of whole calls all may have the same index, or none.
        choice.native([{**call, "index": i} for i, call in enumerate(delta.calls)])
    choice.close(delta.finish_reason)
    return choice


def whole_chat(asked: Asked, answer: dict[str, Any], metrics: Meter) -> tuple[bool, list[AnswerChoice]]:
    """Repair a whole answer where it is; return whether anything changed, and what was read.

    Raises:
        BadAnswer: it is no answer of Chat Completions.
    """
    deltas = choices_of(answer)
    ids, changed, read = asked.ids(), False, []
    for given, delta in zip(answer["choices"], deltas, strict=True):
        choice = choice_of_message(asked, delta, metrics)
        read.append(choice)
        if choice.message is not None:
            changed = _repaired(given, delta, choice, asked, ids) or changed
    return changed, read


def _of_free_form(delta: Delta, asked: Asked) -> bool:
    """Write the server's calls of tools with free text as the client knows them; return whether there were any.

    Half a call is left out: nothing in a text tells that it is half.
    """
    functions = [call.get("function") or {} for call in delta.calls]
    if not any(function.get("name") in asked.free_form for function in functions):
        return False
    natives = [native_call({"name": "", "id": "", "arguments": "", **function}) for function in functions]
    delta.calls[:] = [
        free_form_call(given.get("id") or "", call.name, [call.arguments_json])
        if call.name in asked.free_form
        else given
        for given, call in zip(delta.calls, natives, strict=True)
        if call.complete or call.name not in asked.free_form
    ]
    return True


def _repaired(given: dict[str, Any], delta: Delta, choice: AnswerChoice, asked: Asked, ids: IdSource) -> bool:
    """Write into a choice what was found in its text; return whether that changed anything."""
    parsed, natives = choice.message or Message(), [native_call(call) for call in choice.natives.values()]
    for call in natives:
        ids.give(call.id)
    ending, changed = Ending(), _of_free_form(delta, asked)
    for call in (*parsed.calls, *natives):
        ending.note(call.complete)
    for given_call in delta.calls:
        function = given_call.get("function")
        if function and function.get("arguments") == "":
            function["arguments"], changed = "{}", True
    if parsed.calls or parsed.text != delta.text:
        shown = chat_choice(parsed, ids=ids, own=asked.own_text(parsed), free_form=asked.free_form)["message"]
        calls, changed = [*shown.get("tool_calls", ()), *delta.calls], True
        thoughts = "".join(choice.reasoning) + parsed.reasoning
        more = {choice.reasoning_key or REASONING_KEYS[0]: thoughts} if parsed.reasoning else {}
        delta.fields.update({"content": shown["content"], **more}, **({"tool_calls": calls} if calls else {}))
    finish = ending.finish(delta.finish_reason)
    if finish != delta.finish_reason and (changed or ending.cut):
        given["finish_reason"], changed = finish, True
    return changed
