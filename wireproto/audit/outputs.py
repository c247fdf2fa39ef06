"""The outputs of a model in one record of a log: text, calls that a server took out of it already, or both.

It knows OpenAI's and Anthropic's messages, what `wireproto parse` and `wireproto stream` print, and plain fields. It
must not decode anything. Law: a record gives outputs or raises `Unreadable` with the reason, whatever stands in it.
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
_MILLISECONDS = 100_000_000_000  # as seconds this is in the year 5138


class Unreadable(Exception):
    """A record that holds no output: the message says why."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Where things stand in a record; `a.b` is member b of member a.

    `text` and `time` None: in the first of the usual fields that there is. `group` tells the events of one message from
    those of the next.
    """

    text: str | None = None
    time: str | None = None
    tools: str = "tools"
    finish_reason: str = "finish_reason"
    group: str = "message_id"


@dataclass(frozen=True, slots=True)
class Made:
    """A call that a server decoded: its tool, and the text of its arguments if they are not an object."""

    name: str
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One output: the text that was left, the calls that were taken out of it, and the diagnoses that came with it.

    `raw` says that the text is all that the model wrote. `day` is as in 2026-01-31, empty if it is not known.
    """

    text: str
    raw: bool = False
    made: tuple[Made, ...] = ()
    codes: tuple[str, ...] = ()
    finish_reason: str | None = None
    tools: Any = None
    day: str = ""


def outputs(record: Any, fields: Fields) -> list[Output]:
    """Return the outputs in a record.

    Raises:
        Unreadable: there is none, or not as it should be.
    """
    if isinstance(record, str):
        return [Output(record, raw=True)]
    if not isinstance(record, dict):
        raise Unreadable("expected an object or a string")
    finish, tools = _member(record, fields.finish_reason), _json(_member(record, fields.tools))
    found = _found(record, fields)
    reason = finish if isinstance(finish, str) else None
    return [
        replace(output, finish_reason=output.finish_reason or reason, tools=tools, day=day_of(record, fields))
        for output in found
    ]


def _found(record: dict[str, Any], fields: Fields) -> list[Output]:
    if fields.text is not None:
        value = _member(record, fields.text)
        if value is None:
            raise Unreadable(f"no field {fields.text!r}")
        return _nested(value, fields.text)
    for name, read in _SHAPES.items():
        if (value := _json(record.get(name))) is not None:
            return read(record, value)
    name, value = next(((name, record[name]) for name in TEXT_FIELDS if record.get(name) is not None), ("", None))
    if value is None:
        raise Unreadable(f"none of the fields {', '.join((*_SHAPES, *TEXT_FIELDS))}")
    return _nested(value, name)


def _nested(value: Any, name: str) -> list[Output]:
    """Return the outputs in the value of a field: a text, a message, or a list of messages."""
    if isinstance(value, str):
        return [Output(value, raw=True)]
    if isinstance(value, list):
        return _messages({}, value)
    if isinstance(value, dict):
        return _found(value, Fields())
    raise Unreadable(f"{name}: expected a text or messages")


def day_of(record: dict[str, Any], fields: Fields) -> str:
    """Return the day of a record, of seconds or milliseconds since 1970 or an ISO date; empty if there is none."""
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
        raise Unreadable("messages: expected a list")
    found = [item for item in value if isinstance(item, dict) and item.get("role") == "assistant"]
    if not found:
        raise Unreadable("messages: none of the assistant")
    return [_message(item, None) for item in found]


def _choices(record: dict[str, Any], value: Any) -> list[Output]:
    if not isinstance(value, list) or not value:
        raise Unreadable("choices: expected a list of choices")
    found: list[Output] = []
    for choice in value:
        if not isinstance(choice, dict):
            raise Unreadable("choices: expected objects")
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
        raise Unreadable("message: expected an object")
    texts: list[str] = []
    made: list[Made] = []
    content = message.get("content")
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part, dict) and part.get("type") == "tool_use":
            made.append(_made(part.get("name"), part.get("input")))
        elif part is not None and not isinstance(part, dict):
            raise Unreadable("content: expected a text or a list of parts")
    calls, older = message.get("tool_calls") or [], message.get("function_call")
    if not isinstance(calls, list):
        raise Unreadable("tool_calls: expected a list")
    for call in calls if older is None else [*calls, older]:
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise Unreadable("tool_calls: expected objects")
        made.append(_made(function.get("name"), function.get("arguments")))
    return Output("".join(texts), made=tuple(made), finish_reason=finish_reason)


def _made(name: Any, arguments: Any) -> Made:
    if not isinstance(name, str):
        raise Unreadable("a call without a name")
    return Made(name, None if arguments is None or isinstance(_json(arguments), dict) else str(arguments))


def _parsed(record: dict[str, Any], value: Any) -> list[Output]:
    """Return the output in what `wireproto parse` prints."""
    if not isinstance(value, list):
        raise Unreadable("calls: expected a list")
    text, said = record.get("text") or "", record.get("diagnoses") or []
    if not isinstance(text, str) or not isinstance(said, list):
        raise Unreadable("text, diagnoses: expected a text and a list")
    codes = tuple(item["code"] for item in said if isinstance(item, dict) and isinstance(item.get("code"), str))
    return [Output(text, made=tuple(map(_decoded, value)), codes=codes)]


def _decoded(call: Any) -> Made:
    """Return a call as we print it ourselves."""
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise Unreadable("calls: expected objects with a name")
    return Made(call["name"], None if call.get("complete") is not False else json.dumps(call.get("arguments")))


_SHAPES: dict[str, Callable[[dict[str, Any], Any], list[Output]]] = {
    "messages": _messages,
    "choices": _choices,
    "calls": _parsed,
    "role": _one_message,
}


# --- events -----------------------------------------------------------------------------------------------------------


class Folding:
    """Makes one output of the events of each message, as `wireproto stream` prints them, one a line.

    A message ends where the group of the next event is another, or where its calls begin to be counted anew.
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._clear(None)

    def _clear(self, group: Any) -> None:
        self._group = group
        self._texts: list[str] = []
        self._made: list[Made] = []
        self._codes: list[str] = []
        self._day = ""
        self._started = -1
        self._empty = True

    def take(self, event: dict[str, Any]) -> Iterator[Output]:
        """Take an event; yield the message before it if that is over."""
        kind, group, index = event["event"], _member(event, self._fields.group), event.get("index")
        begins_anew = kind == "call_start" and isinstance(index, int) and index <= self._started
        if group != self._group or begins_anew:
            yield from self.end()
            self._group = group
        self._empty = False
        self._day = self._day or day_of(event, self._fields)
        if kind == "text_delta" and isinstance(event.get("text"), str):
            self._texts.append(event["text"])
        elif kind == "call_start" and isinstance(index, int):
            self._started = index
        elif kind == "call_end":
            self._made.append(_decoded(event.get("call")))
        elif kind == "diagnosed" and isinstance(event.get("code"), str):
            self._codes.append(event["code"])

    def end(self) -> Iterator[Output]:
        """Yield the last message."""
        if not self._empty:
            yield Output("".join(self._texts), made=tuple(self._made), codes=tuple(self._codes), day=self._day)
        self._clear(None)


def is_event(record: Any) -> bool:
    """Tell whether a record is an event of ours."""
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
    """Return the value of JSON text that spells an object or a list; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
