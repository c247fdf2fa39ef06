"""What a server sends of Chat Completions, checked: whatever else it is, it is a `BadAnswer` in words.

It must not know the API of the client, nor the network. Law: what these functions return has the types that they say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from wireproto.adapters.history.chat import REASONING_KEYS
from wireproto.values.errors import WireprotoError

_MOST_CHOICES: Final = 128


class BadAnswer(WireprotoError):
    """An answer that cannot be handed on as a success; `error` is the server's own description of it, if it has one."""

    def __init__(self, message: str, error: Any = None) -> None:
        super().__init__(message)
        self.error = error


class Delta(NamedTuple):
    """More of one choice: what is new, its text, its calls, and why the choice ended, if it did."""

    choice: int
    fields: dict[str, Any]
    text: str
    calls: list[dict[str, Any]]
    finish_reason: str | None


def chunk_of(text: str) -> dict[str, Any]:
    """Return the object in an event.

    Raises:
        BadAnswer: it is none, or an error of the server.
    """
    try:
        chunk = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"an event of the server's stream is no JSON: {error}") from None
    if type(chunk) is not dict:
        raise BadAnswer("an event of the server's stream is no object")
    if chunk.get("error"):
        raise BadAnswer(f"the server reports an error: {said_of(chunk['error'])}", chunk["error"])
    choices = chunk.get("choices")
    if choices is not None and type(choices) is not list:
        raise BadAnswer("the choices of a chunk are no list")
    return chunk


def delta_of(given: Any, key: str = "delta") -> Delta:
    """Return what is new of a choice; `key`: a whole answer has a "message".

    Raises:
        BadAnswer: something in it is not of its type.
    """
    if type(given) is not dict:
        raise BadAnswer("a choice of the server is no object")
    index, fields, reason = given.get("index") or 0, given.get(key), given.get("finish_reason")
    fields = {} if fields is None and key == "delta" else fields
    if type(index) is not int or not 0 <= index < _MOST_CHOICES:
        raise BadAnswer("a choice of the server has no number")
    if type(fields) is not dict:
        raise BadAnswer(f"a choice of the server has no {key}")
    text, calls = fields.get("content"), fields.get("tool_calls")
    if text is not None and type(text) is not str:
        raise BadAnswer(f"the content of a {key} is no text")
    if calls is not None:
        _check_calls(calls)
    for name in REASONING_KEYS:
        if not isinstance(fields.get(name), str | None):
            raise BadAnswer(f"the {name} of a {key} is no text")
    return Delta(index, fields, text or "", calls or [], reason if type(reason) is str else None)


def _check_calls(calls: Any) -> None:
    if type(calls) is not list or not all(type(call) is dict for call in calls):
        raise BadAnswer("the calls of a delta are no list of objects")
    for call in calls:
        function = call.get("function")
        if not isinstance(function, dict | None):
            raise BadAnswer("a call without a function")
        named = [call.get("id"), (function or {}).get("name")]
        if not all(isinstance(value, str | None) for value in named) or not isinstance(call.get("index"), int | None):
            raise BadAnswer("the name, the id or the index of a call is of the wrong type")
        if not isinstance((function or {}).get("arguments"), str | dict | None):
            raise BadAnswer("the arguments of a call are no text")


def choices_of(answer: Any) -> list[Delta]:
    """Return the choices of a whole answer.

    Raises:
        BadAnswer: it has another shape, or is an error.
    """
    if type(answer) is not dict:
        raise BadAnswer("the answer of the server is no object")
    if answer.get("error"):
        raise BadAnswer(f"the server reports an error: {said_of(answer['error'])}", answer["error"])
    found = answer.get("choices")
    if type(found) is not list or not found:
        raise BadAnswer("the answer of the server has no choices")
    return [delta_of(each, "message") for each in found]


def said_of(error: Any) -> str:
    """Return what an error of the server says, shortened."""
    if isinstance(error, Mapping):
        error = error.get("message") or error
    return str(error)[:2_000]


def line_of(text: str) -> str:
    """Return an event as it came."""
    return f"data: {text}\n\n" if "\n" not in text else "data: " + text.replace("\n", "\ndata: ") + "\n\n"
