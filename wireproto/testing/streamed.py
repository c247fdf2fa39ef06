"""What the events of a stream spell, call by call: an event that cannot come next breaks law 4.

It must not know texts or dialects. Law: events of one call nest in its start and its end, and spell what comes out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn, Union

from wireproto.text.json_safe import identical
from wireproto.values import events as ev
from wireproto.values.model import Call

CallEvent = Union[ev.CallIdentified, ev.ArgumentStart, ev.ArgumentDelta, ev.ArgumentEnd, ev.CallEnd]
Refuse = Callable[[str, Any, Any], NoReturn]  # what is wrong, what was expected, what came


@dataclass
class StreamedCall:
    """What the events of one call have brought so far."""

    start: ev.CallStart
    refuse: Refuse = field(repr=False)
    decimals: bool = False
    id: str | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    deltas: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    call: Call | None = None

    def take(self, event: CallEvent) -> None:
        """Add one event of the call."""
        latest = next(reversed(self.kinds), None)
        is_open = latest is not None and latest not in self.values
        fits = event.index == self.start.index
        if isinstance(event, ev.CallEnd):
            fits &= not (is_open and event.call.complete)
            self.call = event.call
        elif isinstance(event, ev.CallIdentified):
            fits &= self.start.id is None and self.id is None and not is_open
            self.id = event.id
        elif isinstance(event, ev.ArgumentStart):
            fits &= event.key not in self.kinds and not is_open and event.kind in ("string", "json")
            self.kinds[event.key] = event.kind
            self.deltas[event.key] = []
        else:
            fits &= event.key == latest and is_open
        if not fits:
            self.refuse("an event that cannot come next", self, event)
        if isinstance(event, ev.ArgumentDelta):
            self.deltas[event.key].append(event.text)
        elif isinstance(event, ev.ArgumentEnd):
            self.values[event.key] = event.value

    def check(self) -> None:
        """Compare what was streamed with the call that came out."""
        call = self.call
        if call is None:
            self.refuse("a call that never ends", "a CallEnd", self)
        begun = (self.start.name, self.id if self.start.id is None else self.start.id)
        if begun != (call.name, call.id):
            self.refuse("a call begins with another name or id than it has", begun, call)
        for key, kind in self.kinds.items():
            self._check_argument(key, kind, call)
        missing = call.arguments.keys() - self.kinds.keys()
        if missing:
            self.refuse("arguments that were never streamed", sorted(self.kinds), sorted(missing))

    def _check_argument(self, key: str, kind: str, call: Call) -> None:
        spelled: Any = "".join(self.deltas[key])
        if key not in self.values:
            if kind != "json" and spelled != call.arguments.get(key, ""):
                self.refuse(f"the deltas of {key!r}, which stays open, are not its value", spelled, call.arguments)
            return
        if kind == "json":
            spelled = json.loads(spelled, parse_float=Decimal if self.decimals else None)
        if not identical(spelled, self.values[key]):
            self.refuse(f"the deltas of {key!r} are not its value", spelled, self.values[key])
        if not identical(spelled, call.arguments.get(key)):
            self.refuse(f"{key!r} ended with another value than the call has", spelled, call.arguments)


def streamed_calls(events: Iterable[ev.Event], refuse: Refuse, decimals: bool) -> list[StreamedCall]:
    """Return the calls that the events spell, in the order of their starts; the last may have no end."""
    streamed: list[StreamedCall] = []
    for event in events:
        is_open = bool(streamed) and streamed[-1].call is None
        if isinstance(event, ev.CallStart):
            if is_open or event.index != len(streamed):
                refuse("a call starts that cannot start here", f"call {len(streamed)}, outside any other", event)
            streamed.append(StreamedCall(event, refuse, decimals))
        elif isinstance(event, (ev.TextDelta, ev.ReasoningDelta, ev.DocumentStart, ev.DocumentDelta, ev.DocumentEnd)):
            if is_open:
                refuse("an event inside a call that belongs outside", streamed[-1], event)
        elif not isinstance(event, ev.Diagnosed):
            if not is_open:
                refuse("an event of a call outside any call", "text, or a start", event)
            streamed[-1].take(event)
    return streamed
