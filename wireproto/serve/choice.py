"""One choice of an answer: the server's text goes through a decoder, and the calls that it found stay in their place.

It must not know the API that the client speaks, nor the network. Law: without a decoder everything comes out as it
came; what was handed out is never taken back.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from wireproto.adapters import NativeDelta, Written
from wireproto.adapters.history.chat import REASONING_KEYS
from wireproto.adapters.history.turns import call_of
from wireproto.decode.decoder import Decoder
from wireproto.serve.watch.metrics import Meter
from wireproto.text.json_repair import dumps
from wireproto.values.events import CallEnd, Diagnosed, Event, TextDelta
from wireproto.values.model import Call, Message

LOOPING = "looping"


class AnswerChoice:
    """Turns the deltas of one choice into what a writer takes.

    `decoder` is None where nothing can be a call. `text` is what the server sent as content, in pieces, `natives` are
    the calls that it found, by its key. `looping`: the model writes the same over and over.
    """

    __slots__ = (
        "_decoder",
        "_last",
        "_metrics",
        "closed",
        "finish",
        "looping",
        "natives",
        "reasoning",
        "reasoning_key",
        "text",
    )

    def __init__(self, decoder: Decoder | None, metrics: Meter) -> None:
        self._decoder = decoder
        self._metrics = metrics
        self._last: Hashable = None  # the key of the last native call
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.reasoning_key = ""  # where the server writes it
        self.natives: dict[Hashable, dict[str, str]] = {}
        self.finish: str | None = None
        self.closed = self.looping = False

    @property
    def message(self) -> Message | None:
        """What was decoded; None without a decoder."""
        return None if self._decoder is None else self._decoder.message

    def content(self, text: str) -> Sequence[Event]:
        """Return what is certain now that more text came."""
        self.text.append(text)
        if self._decoder is None:
            return [TextDelta(text)]
        events = self._decoder.feed(text)
        for event in events:
            if type(event) is CallEnd or type(event) is Diagnosed:
                self._note(event)
        return events

    def thought(self, fields: Mapping[str, Any]) -> str:
        """Return the reasoning that a server has in a delta or a message, under whichever name."""
        for key in REASONING_KEYS:
            if found := fields.get(key):
                self.reasoning_key = key
                self.reasoning.append(found)
                return str(found)
        return ""

    def native(self, calls: Iterable[dict[str, Any]]) -> list[Written]:
        """Return more of calls that the server found; what is held of the text is decided before them."""
        found: list[Written] = []
        if self._decoder is not None:
            found += self._noted(self._decoder.flush())
        return found + [self._delta(call) for call in calls]

    def _delta(self, call: dict[str, Any]) -> NativeDelta:
        """Return more of one call; a server that gives no index sends each call whole, with a name."""
        function = call.get("function") or {}
        name, identity, arguments = function.get("name"), call.get("id"), function.get("arguments")
        key: Hashable = call.get("index")
        if key is None:
            key = ("unnumbered", len(self.natives)) if name or identity else self._last
        self._last = key
        text = arguments if isinstance(arguments, str) else "" if arguments is None else dumps(arguments)
        seen = self.natives.setdefault(key, {"id": "", "name": "", "arguments": ""})
        seen["name"], seen["id"] = seen["name"] or name or "", seen["id"] or identity or ""
        seen["arguments"] += text
        return NativeDelta(key, text, name or None, identity or None)

    def close(self, finish_reason: str | None) -> Sequence[Event]:
        """Return what the end of the answer decides."""
        self.finish, self.closed = finish_reason, True
        for native in self.natives.values():
            outcome = "complete" if native_call(native).complete else "incomplete"
            self._metrics.count("calls_total", origin="native", outcome=outcome)
        return [] if self._decoder is None else self._noted(self._decoder.close(finish_reason))

    def _noted(self, events: list[Event]) -> list[Event]:
        for event in events:
            self._note(event)
        return events

    def _note(self, event: Event) -> None:
        if isinstance(event, CallEnd):
            outcome = "complete" if event.call.complete else "incomplete"
            self._metrics.count("calls_total", origin="repaired", outcome=outcome)
        elif isinstance(event, Diagnosed):
            self._metrics.count("diagnoses_total", code=event.diagnosis.code)
            self.looping = self.looping or event.diagnosis.code == LOOPING


def native_call(native: dict[str, str]) -> Call:
    """Return a call that the server found; it is incomplete if its arguments are no object, or nothing names it."""
    name, identity = native["name"], native["id"] or None
    return call_of(name, native["arguments"], identity) if name else Call(name, {}, identity, complete=False)
