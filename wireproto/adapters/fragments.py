"""The arguments of a call as JSON text that grows: the one machine that all writers share.

It knows no API. Law: the fragments of a complete call join to strict JSON that is its arguments; those of an incomplete
call never parse, since nobody closes their object. Each fragment can be encoded in UTF-8.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from wireproto.text.json_repair import dumps
from wireproto.values.events import ArgumentDelta, ArgumentEnd, ArgumentStart, CallEnd, CallStart, Event
from wireproto.values.model import Call


class Fragments:
    """Turns the events of calls, one call after the other, into fragments of their arguments' JSON.

    Half of a surrogate pair is an escape in the JSON; `replace`: it is U+FFFD, for clients that refuse such an escape.
    """

    __slots__ = ("_empty", "_json", "_replace", "_string")

    def __init__(self, *, replace: bool = False) -> None:
        self._empty, self._string, self._json, self._replace = True, False, "", replace

    def of(self, event: Event) -> str:
        """Return what an event adds to the JSON of the open call's arguments; "" for what adds nothing."""
        if isinstance(event, ArgumentDelta):
            if self._string:
                return inside(whole_characters(event.text) if self._replace else event.text)
            self._json += event.text
            return ""
        if isinstance(event, ArgumentStart):
            key = whole_characters(event.key) if self._replace else event.key
            head = ("{" if self._empty else ",") + '"' + inside(key) + '":'
            self._empty, self._string, self._json = False, event.kind == "string", ""
            return head + '"' if self._string else head
        if isinstance(event, ArgumentEnd):
            if self._string:
                return '"'
            if self._replace and ("\\u" in self._json or not self._json.isascii()):
                return dumps(whole_characters(event.value))
            return _once_each(self._json, event)
        if isinstance(event, CallEnd):
            if not event.call.complete:
                return self.cut()
            # An API that wants arguments wants an object, also of a tool that has none.
            return "{}" if self._empty else "}"
        if isinstance(event, CallStart):
            self._empty, self._string = True, False
        return ""

    def cut(self) -> str:
        """Return what is missing so that a call that is cut here does not parse: some clients take nothing for `{}`."""
        return "{" if self._empty else ""


def _once_each(text: str, end: ArgumentEnd) -> str:
    """Return the JSON text of an argument as it was written, or of its value, if a key stands in it twice."""
    if "{" in text:
        try:
            json.loads(text, object_pairs_hook=_members)
        except (ValueError, RecursionError):
            text = dumps(end.value)
    return encodable(text)


def _members(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands there twice")


def whole_characters(value: Any) -> Any:
    """Return a value with U+FFFD for every half of a surrogate pair in it."""
    if isinstance(value, str):
        if value.isascii():
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {whole_characters(key): whole_characters(item) for key, item in value.items()}
    return [whole_characters(item) for item in value] if isinstance(value, list) else value


def inside(text: str) -> str:
    """Return the inside of a JSON string, half of a surrogate pair escaped, which UTF-8 cannot carry."""
    return encodable(encode_basestring(text)[1:-1])


def encodable(text: str) -> str:
    """Return JSON text with halves of surrogate pairs escaped; they can stand in its strings only."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(c if not "\ud800" <= c <= "\udfff" else encode_basestring_ascii(c)[1:-1] for c in text)
    return text


def arguments_text(call: Call) -> str:
    """Return the arguments of a whole call as an API has them: of an incomplete call what does not parse."""
    if call.complete:
        return encodable(call.arguments_json)
    return encodable(call.arguments_json)[:-1]
