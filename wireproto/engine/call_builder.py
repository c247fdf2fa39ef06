"""What every reader of calls shares: the call being built, and the events that tell of it.

It knows nothing of any encoding. Its law: the deltas of an argument join to what its end event and the finished call
carry.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Protocol

from wireproto.engine.call_opening import CallOpening
from wireproto.engine.document_stream import report_nested
from wireproto.engine.transcript import Transcript
from wireproto.text.buffer import Buffer
from wireproto.text.json_repair import dumps
from wireproto.tools.toolset import Tool, Toolset, Typed
from wireproto.values.errors import LimitExceeded
from wireproto.values.events import ArgumentDelta, ArgumentEnd, ArgumentStart, CallStart, Event, Kind
from wireproto.values.model import Call, Span
from wireproto.values.policy import Policy

# OpenAI and most servers; Anthropic and Gemini; OpenAI Responses; Mistral.
_CUT_OFF = frozenset(("length", "max_tokens", "max_output_tokens", "model_length"))
_WORD = re.compile(r"\S{1,128}")


class End(Enum):
    """What is known of the end of the text: more may come, it ended by itself, or it was cut off."""

    OPEN = "open"
    STOP = "stop"
    CUT = "cut"

    @classmethod
    def of(cls, finish_reason: str | None) -> End:
        """Return what a server's finish reason says; any but those for a cut means that the output ended by itself."""
        return cls.CUT if (finish_reason or "").lower() in _CUT_OFF else cls.STOP

    @property
    def final(self) -> bool:
        """Whether no more text comes."""
        return self is not End.OPEN


class Outcome(Enum):
    """What a reader says after reading: it needs more text, the call is over, or there was no call after all."""

    MORE = "more"
    DONE = "done"
    NONE = "none"


class Reader(Protocol):
    """Reads one call, from behind its header to behind its last closer."""

    builder: CallBuilder

    @property
    def position(self) -> int:
        """Everything before this is settled."""
        ...

    def read(self, stop: int, end: End) -> Outcome:
        """Read as far as certain, looking no further than `stop`."""
        ...

    def quick(self, text: str) -> list[Event] | None:
        """Take a chunk that is nothing but more of an open string; None if it may be more than that."""
        ...

    @property
    def quickable(self) -> bool:
        """Whether `quick` may be asked: everything read is settled, and an open string streams."""
        ...

    def copy(self, builder: CallBuilder) -> Reader:
        """Return an independent copy that writes to `builder`."""
        ...


class CallBuilder:
    """A call while it is read."""

    __slots__ = ("first_diagnosis", "_held", "_is_open", "_size", "arguments", "id", "index", "journal", "key", "name",
                 "opened", "policy", "source", "start", "tool", "tools")  # fmt: skip

    def __init__(
        self, source: Buffer, journal: Transcript, tools: Toolset, policy: Policy, opened: CallOpening, start: int
    ) -> None:
        self.source, self.journal, self.tools, self.policy = source, journal, tools, policy
        self.opened = opened
        self.start = start
        self.index = len(journal.calls)
        self.arguments: dict[str, Any] = {}
        self.name: str | None = None
        self.id: str | None = None
        self.tool = Tool("", "", {})
        self._held: list[Event] = []
        self.key = ""
        self._is_open = False
        self._size = 0
        self.first_diagnosis = len(journal.diagnoses)
        if policy.limits.max_calls is not None and self.index >= policy.limits.max_calls:
            raise LimitExceeded(f"more than {policy.limits.max_calls} calls in one message", "max_calls")

    def may_be_named(self, name: str) -> bool:
        """Whether a call may have this name: a declared one, or any that is one word, if unknown tools count."""
        if self.tools.get(name) is not None:
            return True
        forward = self.policy.unknown_tools == "forward" or self.tools.any_name
        return forward and _WORD.fullmatch(name) is not None

    def begin(self, name: str, identity: str | None, span: tuple[int, int]) -> None:
        """Name the call; whatever was read before is told now."""
        self.name, self.id = name, identity
        self.journal.events.append(CallStart(self.index, name, identity))
        tool = self.tools.get(name)
        if tool is not None:
            self.tool = tool
        elif not self.tools.any_name:
            near = self.tools.nearest(name)
            hint = f"; the nearest is {near!r}" if near else ""
            self.journal.diagnose("unknown-tool", span, f"no tool named {name!r} was declared{hint}")
        self.journal.events.extend(self._held)
        self._held.clear()

    def identify(self, identity: str) -> None:
        """Give the call the id that stood behind its name."""
        self.id = identity

    def declare(self, key: str, span: tuple[int, int]) -> bool:
        """Note that an argument begins; False if its key was given already, so that the first value stands."""
        if key in self.arguments or (self._is_open and key == self.key):
            self.journal.diagnose("duplicate-argument", span, f"{key!r} was given twice; the first value stands")
            return False
        if "properties" in self.tool.schema and key not in self.tool.keys:
            near = self.tool.nearest(key)
            hint = f"; the nearest is {near!r}" if near else ""
            self.journal.diagnose("unknown-argument", span, f"{self.name!r} declares no argument {key!r}{hint}")
        return True

    def open(self, key: str) -> None:
        """Begin a string that is told while it grows."""
        self.key, self._size, self._is_open = key, 0, True
        self._tell(ArgumentStart(self.index, key, "string"))

    def more(self, text: str) -> None:
        """Tell more of the open string."""
        if text:
            self._tell(ArgumentDelta(self.index, self.key, text))
            self._size += len(text)
            self.check_size(self._size)

    def close(self, value: str) -> None:
        """End the open string."""
        self.arguments[self.key] = value
        self._tell(ArgumentEnd(self.index, self.key, value))
        self._is_open = False

    def leave(self, value: str) -> None:
        """Keep the safe prefix of the open string of a call that was cut off."""
        self.arguments[self.key] = value

    def give(self, key: str, value: Any, json: str | None = None) -> None:
        """Tell an argument as a whole; `json` is its JSON text if it was written as such."""
        text = json if json is not None else value if isinstance(value, str) else dumps(value)
        self.check_size(len(text))
        kind: Kind = "string" if json is None and isinstance(value, str) else "json"
        self._tell(ArgumentStart(self.index, key, kind))
        if text:
            self._tell(ArgumentDelta(self.index, key, text))
        self._tell(ArgumentEnd(self.index, key, value))
        self.arguments[key] = value

    def give_typed(self, key: str, typed: Typed, span: tuple[int, int]) -> None:
        """Tell a raw value that the schema gave a type, and what was odd about it."""
        if typed.code is not None:
            self.journal.diagnose(typed.code, span, f"{key}: {typed.message}")
        self.give(key, typed.value)

    def check_size(self, size: int) -> None:
        """Raise LimitExceeded for a value longer than the policy allows."""
        limit = self.policy.limits.max_value_chars
        if limit is not None and size > limit:
            raise LimitExceeded(f"a value is longer than {limit} characters", "max_value_chars")

    def finish(self, end: int, complete: bool) -> None:
        """End the call at `end`."""
        journal, policy, span = self.journal, self.policy, Span(self.start, end)
        report = complete and policy.documents
        nested = report_nested(self.source, journal, policy, self.name or "", self.arguments, span) if report else ()
        call = Call(
            name=self.name or "",
            arguments=self.arguments,
            id=self.id,
            complete=complete,
            span=span,
            diagnoses=tuple(journal.diagnoses[self.first_diagnosis :]),
            nested=nested,
            _source=self.source,
        )
        journal.call(self.index, call)
        for document in nested if policy.nested == "lift" else ():
            journal.lift(document)

    def note(self, code: str, at: int, message: str = "") -> None:
        """Add a diagnosis about a point of the call."""
        self.journal.diagnose(code, (at, at), message)

    def suggest(self, arguments: dict[str, Any], end: int) -> None:
        """Offer another reading of the call as a candidate."""
        span = Span(self.start, end)
        self.journal.candidates.append(Call(self.name or "", arguments, self.id, True, span, _source=self.source))

    def copy(self, source: Buffer, journal: Transcript) -> CallBuilder:
        """Return an independent copy over copies of source and journal."""
        twin = CallBuilder.__new__(CallBuilder)
        for name in CallBuilder.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.source, twin.journal = source, journal
        twin.arguments, twin._held = dict(self.arguments), self._held[:]
        return twin

    def _tell(self, event: Event) -> None:
        if self.name is None:
            self._held.append(event)
        else:
            self.journal.events.append(event)
