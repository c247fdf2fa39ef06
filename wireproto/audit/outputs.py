"""The model outputs in one record of a log: text, calls that a server has decoded already, or both.

It knows OpenAI's and Anthropic's messages, what `wireproto parse` and `wireproto stream` print, and plain fields. It
must not decode anything. Law: a record gives outputs or raises `BadRecord` with the reason, whatever it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

TEXT_FIELDS = ("output", "completion", "response", "text", "content", "generated_text")
TIME_FIELDS = ("time", "timestamp", "created", "created_at", "date")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MILLISECONDS = 100_000_000_000  # in seconds this would be in the year 5138, so a larger number is milliseconds


class BadRecord(Exception):
    """A record in which no output can be read; says why."""


@dataclass(frozen=True, slots=True)
class FieldNames:
    """The names of a record's fields; `a.b` is member b of member a.

    Where `text` or `time` is None, the first of the usual fields is taken. `group` is the field that is equal in all
    events of one message.
    """

    text: str | None = None
    time: str | None = None
    tools: str = "tools"
    finish_reason: str = "finish_reason"
    group: str = "message_id"


@dataclass(frozen=True, slots=True)
class ServerCall:
    """A call that a server decoded; `broken` is the text of its arguments if they are not an object."""

    name: str
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One output: its text, the calls that a server has decoded from it, and the codes of diagnoses in the record.

    `raw`: the text is all that the model wrote. `day` is written as in 2026-01-31, and empty if it is not known.
    """

    text: str
    raw: bool = False
    server_calls: tuple[ServerCall, ...] = ()
    codes: tuple[str, ...] = ()
    finish_reason: str | None = None
    tools: Any = None
    day: str = ""


def outputs(record: Any, fields: FieldNames) -> list[Output]:
    """Return the outputs in a record.

    Raises:
        BadRecord: there is none, or it has an unknown shape.
    """
    if isinstance(record, str):
        return [Output(record, raw=True)]
    if not isinstance(record, dict):
        raise BadRecord("expected an object or a string")
    finish, tools = _member(record, fields.finish_reason), _json(_member(record, fields.tools))
    found = _found(record, fields)
    reason = finish if isinstance(finish, str) else None
    return [
        replace(output, finish_reason=output.finish_reason or reason, tools=tools, day=day_of(record, fields))
        for output in found
    ]


def _found(record: dict[str, Any], fields: FieldNames) -> list[Output]:
    if fields.text is not None:
        value = _member(record, fields.text)
        if value is None:
            raise BadRecord(f"no field {fields.text!r}")
        return _nested(value, fields.text)
    for name, read in _SHAPES.items():
        if (value := _json(record.get(name))) is not None:
            return read(record, value)
    name, value = next(((name, record[name]) for name in TEXT_FIELDS if record.get(name) is not None), ("", None))
    if value is None:
        raise BadRecord(f"none of the fields {', '.join((*_SHAPES, *TEXT_FIELDS))}")
    return _nested(value, name)


def _nested(value: Any, name: str) -> list[Output]:
    """Return the outputs in the value of a field: a text, a message, or a list of messages."""
    if isinstance(value, str):
        return [Output(value, raw=True)]
    if isinstance(value, list):
        return _messages({}, value)
    if isinstance(value, dict):
        return _found(value, FieldNames())
    raise BadRecord(f"{name}: expected a text or messages")


def day_of(record: dict[str, Any], fields: FieldNames) -> str:
    """Return the day of a record, from seconds or milliseconds since 1970 or an ISO date; empty if it has none."""
    names = (fields.time,) if fields.time is not None else TIME_FIELDS
    value = next((found for name in names if (found := _member(record, name)) is not None), None)
    if isinstance(value, datetime):
        value = value.isoformat()
    if isinstance(value, str):
        found = _DAY.match(value)
        return found.group() if found else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    try:
        return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, timezone.utc).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return ""


# --- messages ---------------------------------------------------------------------------------------------------------


def _messages(record: dict[str, Any], value: Any) -> list[Output]:
    if not isinstance(value, list):
        raise BadRecord("messages: expected a list")
    found = [item for item in value if isinstance(item, dict) and item.get("role") == "assistant"]
    if not found:
        raise BadRecord("messages: none is from the assistant")
    return [_message(item, None) for item in found]


def _choices(record: dict[str, Any], value: Any) -> list[Output]:
    if not isinstance(value, list) or not value:
        raise BadRecord("choices: expected a list of choices")
    found: list[Output] = []
    for choice in value:
        if not isinstance(choice, dict):
            raise BadRecord("choices: expected objects")
        reason = choice.get("finish_reason")
        reason = reason if isinstance(reason, str) else None
        if isinstance(choice.get("text"), str):
            found.append(Output(choice["text"], raw=True, finish_reason=reason))
        else:
            found.append(_message(choice.get("message"), reason))
    return found


def _one_message(record: dict[str, Any], value: Any) -> list[Output]:
    if value != "assistant":
        return []
    return [_message(record, None)]


def _message(message: Any, finish_reason: str | None) -> Output:
    if not isinstance(message, dict):
        raise BadRecord("message: expected an object")
    texts: list[str] = []
    calls: list[ServerCall] = []
    content = message.get("content")
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part, dict) and part.get("type") == "tool_use":
            calls.append(_server_call(part.get("name"), part.get("input")))
        elif part is not None and not isinstance(part, dict):
            raise BadRecord("content: expected a text or a list of parts")
    written, older = message.get("tool_calls") or [], message.get("function_call")
    if not isinstance(written, list):
        raise BadRecord("tool_calls: expected a list")
    for call in written if older is None else [*written, older]:
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise BadRecord("tool_calls: expected objects")
        calls.append(_server_call(function.get("name"), function.get("arguments")))
    return Output("".join(texts), server_calls=tuple(calls), finish_reason=finish_reason)


def _server_call(name: Any, arguments: Any) -> ServerCall:
    if not isinstance(name, str):
        raise BadRecord("a call without a name")
    return ServerCall(name, None if arguments is None or isinstance(_json(arguments), dict) else str(arguments))


def _parsed(record: dict[str, Any], value: Any) -> list[Output]:
    """Return the output in what `wireproto parse` prints."""
    if not isinstance(value, list):
        raise BadRecord("calls: expected a list")
    text, diagnoses = record.get("text") or "", record.get("diagnoses") or []
    if not isinstance(text, str) or not isinstance(diagnoses, list):
        raise BadRecord("text, diagnoses: expected a text and a list")
    codes = tuple(item["code"] for item in diagnoses if isinstance(item, dict) and isinstance(item.get("code"), str))
    return [Output(text, server_calls=tuple(map(_decoded, value)), codes=codes)]


def _decoded(call: Any) -> ServerCall:
    """Return a call that `wireproto parse` or `wireproto stream` has printed."""
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise BadRecord("calls: expected objects with a name")
    return ServerCall(call["name"], None if call.get("complete") is not False else json.dumps(call.get("arguments")))


_SHAPES: dict[str, Callable[[dict[str, Any], Any], list[Output]]] = {
    "messages": _messages,
    "choices": _choices,
    "calls": _parsed,
    "role": _one_message,
}


# --- events -----------------------------------------------------------------------------------------------------------


class Folding:
    """Folds the events of `wireproto stream` into one output for each message.

    A message ends where the next event has another group, or where the index of its calls starts again.
    """

    def __init__(self, fields: FieldNames) -> None:
        self._fields = fields
        self._clear(None)

    def _clear(self, group: Any) -> None:
        self._group = group
        self._texts: list[str] = []
        self._calls: list[ServerCall] = []
        self._codes: list[str] = []
        self._day = ""
        self._started = -1
        self._empty = True

    def take(self, event: dict[str, Any]) -> Iterator[Output]:
        """Add an event; yield the message before it if that has ended."""
        kind, group, index = event["event"], _member(event, self._fields.group), event.get("index")
        restarts = kind == "call_start" and isinstance(index, int) and index <= self._started
        if group != self._group or restarts:
            yield from self.end()
            self._group = group
        self._empty = False
        self._day = self._day or day_of(event, self._fields)
        if kind == "text_delta" and isinstance(event.get("text"), str):
            self._texts.append(event["text"])
        elif kind == "call_start" and isinstance(index, int):
            self._started = index
        elif kind == "call_end":
            self._calls.append(_decoded(event.get("call")))
        elif kind == "diagnosed" and isinstance(event.get("code"), str):
            self._codes.append(event["code"])

    def end(self) -> Iterator[Output]:
        """Yield the last message."""
        if not self._empty:
            yield Output("".join(self._texts), server_calls=tuple(self._calls), codes=tuple(self._codes), day=self._day)
        self._clear(None)


def is_event(record: Any) -> bool:
    """Return whether a record is an event of `wireproto stream`."""
    return isinstance(record, dict) and isinstance(record.get("event"), str)


def _member(record: Any, path: str) -> Any:
    if isinstance(record, dict) and path in record:
        return record[path]
    for name in path.split("."):
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record


def _json(value: Any) -> Any:
    """Return the value of text that is a JSON object or list; anything else unchanged."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
