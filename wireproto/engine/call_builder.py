"""What every reader of calls shares: the call being built, and the events about it.

It knows nothing of any encoding. Its law: the deltas of an argument join to what its end event and the finished call
carry.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol, Union

from wireproto.engine.call_opening import CallOpening
from wireproto.engine.document_stream import report_nested
from wireproto.engine.transcript import Transcript
from wireproto.format.dialect import ARGUMENT_ALIASES
from wireproto.text.buffer import Buffer
from wireproto.text.json_repair import dumps, is_deeper
from wireproto.text.json_safe import identical
from wireproto.text.numbers import holds
from wireproto.text.scan import WAIT, Answer
from wireproto.text.state import State
from wireproto.tools.arguments import faults
from wireproto.tools.toolset import Tool, Toolset, Typed
from wireproto.values.arguments import Arguments
from wireproto.values.errors import LimitExceeded
from wireproto.values.events import ArgumentDelta, ArgumentEnd, ArgumentStart, CallIdentified, CallStart, Event, Kind
from wireproto.values.exact_json import MAX_DEPTH
from wireproto.values.finish_reasons import meaning
from wireproto.values.model import Call, Span
from wireproto.values.policy import Policy
from wireproto.values.quoting import escaped, quoted

_WORD = re.compile(r"\S{1,128}")
_STOPS = (None, "stop", "tool_calls")  # what most servers say, known without a look at the table


class End(Enum):
    """What is known of the end of the text: more may come, it ended by itself, or it was cut off."""

    OPEN = ("open", False)
    STOP = ("stop", True)
    CUT = ("cut", True)

    def __init__(self, _word: str, final: bool) -> None:
        self.final = final  # no more text comes

    @classmethod
    def of(cls, finish_reason: str | None) -> End:
        """Return what a server's finish reason says; a word that nobody knows may mean a cut, so it counts as one."""
        return cls.STOP if finish_reason in _STOPS or meaning(finish_reason) == "ended" else cls.CUT


class Reader(Protocol):
    """Reads one call, from behind its header to behind its last closer."""

    builder: CallBuilder

    @property
    def position(self) -> int:
        """Everything before this is decided."""
        ...

    def read(self, stop: int, end: End) -> Answer:
        """Read as far as certain, looking no further than `stop`.

        YES: the call is over. WAIT: more text is needed. NO: it was no call after all.
        """
        ...

    @property
    def is_plain(self) -> bool:
        """Whether a string is open, and at most a character of it is held: then `take_plain` may be asked."""
        ...

    @property
    def in_string(self) -> bool:
        """Whether the text so far ends in a string in which nothing is a marker, not even an end-of-turn token.

        Where it is false, `take_plain` refuses the first character of such a token.
        """
        ...

    def take_plain(self, text: str) -> tuple[str, int] | None:
        """Take text, what is held included, that is nothing but more of the open string; None if it may be more.

        Returns what is to be emitted of the string, and how many characters at the end of `text` are held. The reader
        itself stays where it is until `skip_to`.
        """
        ...

    def skip_to(self, position: int) -> None:
        """Go on at `position`: all text before it was taken as plain."""
        ...


Step = Callable[[Any], Union[Answer, None]]  # a method of a reader: WAIT for more text, None to go on


class SteppingReader(State):
    """A reader whose methods each read a piece, and say which comes next by `_go`; `_cursor` is the place in the input.

    A cursor has a `position`, looks no further than `stop`, and knows whether more text comes (`final`).
    """

    __slots__ = ("_cursor", "_step", "builder")

    _cursor: Any
    _step: Step

    def read(self, stop: int, end: End) -> Answer:
        """Read as far as certain, looking no further than `stop`."""
        self._cursor.stop, self._cursor.final = stop, end.final
        while True:
            answer = self._step(self)
            if answer is WAIT and end.final:
                answer = self._end_of_output(end)
            if answer is not None:
                return answer

    def skip_to(self, position: int) -> None:
        """Go on at `position`: all text before it was taken as plain."""
        self._cursor.position = position

    def _go(self, step: Step, skip: int = 0) -> Answer | None:
        """Go on with another step, behind `skip` characters."""
        self._cursor.position += skip
        self._step = step
        return None

    @abstractmethod
    def _end_of_output(self, end: End) -> Answer | None:
        """The output ends in the call."""


# What is known of a call whose name was not read yet, or whose tool nobody declared.
_UNDECLARED = Tool("")
_UNDECLARED_DECIMALS = Tool("", decimals=True)


class CallBuilder(State):
    """A call while it is read: its arguments so far, and the events about it.

    Events that come before the call's name are held until the name is known.
    """

    __slots__ = ("_first_diagnosis", "_held", "_limit", "_size", "_string", "arguments", "buffer", "id", "index", "key",
                 "name", "next_record", "opening", "policy", "start", "tool", "tools", "transcript",
                 "wrapper")  # fmt: skip

    def __init__(
        self, buffer: Buffer, transcript: Transcript, tools: Toolset, policy: Policy, opening: CallOpening, start: int
    ) -> None:
        self.buffer, self.transcript, self.tools, self.policy = buffer, transcript, tools, policy
        self.opening, self.start = opening, start
        self.index = len(transcript.calls)
        self.arguments: dict[str, Any] = {}
        self.name: str | None = None
        self.id: str | None = None
        self.tool = _UNDECLARED if not policy.decimals else _UNDECLARED_DECIMALS
        self.key = ""
        self.wrapper = ""  # an undeclared argument that may hold all others
        self.next_record: int | None = None  # where another call begins in the same markers, if one does
        self._held: list[Event] = []
        self._string, self._size, self._limit = False, 0, policy.limits.max_value_chars
        self._first_diagnosis = len(transcript.diagnoses)
        if policy.limits.max_calls is not None and self.index >= policy.limits.max_calls:
            raise LimitExceeded(f"more than {policy.limits.max_calls} calls in one message", "max_calls")
        for code, message in opening.notes:
            self.note(code, start, message)

    def may_be_named(self, name: str) -> bool:
        """Whether a call may have this name: a declared one, or any that is one word, if unknown tools count."""
        if name in self.tools.by_name:
            return True
        forward = self.policy.unknown_tools == "forward" or self.tools.any_name
        return forward and _WORD.fullmatch(name) is not None

    def begin(self, name: str, identity: str | None, span: tuple[int, int]) -> None:
        """Name the call; the events that were held are emitted now."""
        self.name, self.id = name, identity
        events = self.transcript.events
        events.append(CallStart(self.index, name, identity))
        tool = self.tools.by_name.get(name)
        if tool is not None:
            self.tool = tool if not self.policy.decimals else tool.with_decimals
        elif not self.tools.any_name:
            near = self.tools.nearest(name)
            hint = f"; the nearest is {quoted(near)}" if near else ""
            self.transcript.diagnose("unknown-tool", span, f"no tool named {quoted(name)} was declared{hint}")
        if self._held:
            events.extend(self._held)
            self._held.clear()

    def identify(self, identity: str) -> None:
        """Give the call the id that stands in its body; a second one does not count (R-DUP)."""
        if self.id is None:
            self.id = identity
            if self.name is not None:
                self.transcript.events.append(CallIdentified(self.index, identity))

    def declare(self, key: str, span: tuple[int, int], unwraps: bool = False) -> bool:
        """Note that an argument begins; False if its key was given already: then the first value counts (R-DUP).

        `unwraps`: the reader asks `unwrap` about an argument that becomes the `wrapper`; it is not diagnosed before.
        """
        if key in self.arguments or (self._string and key == self.key):
            self.transcript.diagnose(
                "duplicate-argument", span, f"{quoted(key)} was given twice; the first value counts"
            )
            return False
        if key not in self.tool.keys and not self.tool.takes(key):
            if unwraps and key in ARGUMENT_ALIASES and not self.arguments and self.wrapper in ("", key):
                self.wrapper = key
                return True
            near = self.tool.nearest(key)
            hint = f"; the nearest is {quoted(near)}" if near else ""
            self.transcript.diagnose(
                "unknown-argument", span, f"{quoted(self.name)} declares no argument {quoted(key)}{hint}"
            )
        return True

    def unwrap(self, value: object, span: tuple[int, int]) -> bool:
        """Give the members of the `wrapper` as the arguments that they are; False if its value holds anything else."""
        key, self.wrapper = self.wrapper, ""
        if not isinstance(value, dict) or not value.keys() <= self.tool.keys:
            self.declare(key, span)
            return False
        self.transcript.diagnose("wrapped-arguments", span, f"all arguments stand in one that is called {quoted(key)}")
        for name, member in value.items():
            self.give_exact(name, member, span[0])
        return True

    def open(self, key: str) -> None:
        """Begin a string that is emitted while it grows."""
        self.key, self._size, self._string = key, 0, True
        self._emit(ArgumentStart(self.index, key, "string"))

    def more(self, text: str) -> None:
        """Emit more of the open string.

        Raises:
            LimitExceeded: it is longer than the policy allows; what fits is emitted first, whatever the chunks.
        """
        if not text:
            return
        if self._limit is not None:
            self._size += len(text)
            if self._size > self._limit:
                certain = text[: len(text) - self._size + self._limit]
                if certain:
                    self._emit(ArgumentDelta(self.index, self.key, certain))
                self.check_size(self._size)
        self._emit(ArgumentDelta(self.index, self.key, text))

    def close(self, value: str) -> None:
        """End the open string."""
        self.arguments[self.key] = value
        self._emit(ArgumentEnd(self.index, self.key, value))
        self._string = False

    def leave(self, value: str) -> None:
        """Keep the certain part of the open string of a call that was cut off."""
        self.arguments[self.key] = value

    def give(self, key: str, value: Any, json: str | None = None) -> None:
        """Emit an argument as a whole; `json` is its JSON text if it was written as such."""
        text = json if json is not None else value if isinstance(value, str) else dumps(value)
        self.check_size(len(text))
        depth = self.policy.limits.max_depth
        if depth is not None and is_deeper(value, depth):
            self.too_deep()
        kind: Kind = "string" if json is None and isinstance(value, str) else "json"
        self._emit(ArgumentStart(self.index, key, kind))
        if text:
            self._emit(ArgumentDelta(self.index, key, text))
        self._emit(ArgumentEnd(self.index, key, value))
        self.arguments[key] = value

    def give_exact(self, key: str, exact: Any, at: int, json: str | None = None, rounded: Any = None) -> None:
        """Emit an argument whose fractions are `Decimal`, with the numbers that the schema and the policy ask for.

        It stands at position `at`. `json` is the text of `rounded`, which is the same value with floats.
        """
        if exact is not rounded and holds(exact, Decimal):
            typed = self.typing.settle(key, exact)
            if typed.code is not None:
                self.note(typed.code, at, typed.message)
            exact, json = typed.value, json if identical(typed.value, rounded) else dumps(typed.value)
        self.give(key, exact, json)

    @property
    def typing(self) -> Tool:
        """What gives values their types: the tool, or nothing where the policy leaves them as they are written."""
        return self.tool if self.policy.coerce else Tool("", decimals=self.policy.decimals)

    def give_typed(self, key: str, typed: Typed, span: tuple[int, int]) -> None:
        """Emit a raw value that the schema gave a type, and diagnose what was odd about it."""
        if typed.code is not None:
            self.transcript.diagnose(typed.code, span, f"{escaped(key)}: {typed.message}")
        self.give(key, typed.value)

    def check_size(self, size: int) -> None:
        """Raise LimitExceeded for a value longer than the policy allows."""
        limit = self._limit
        if limit is not None and size > limit:
            raise LimitExceeded(f"a value is longer than {limit} characters", "max_value_chars")

    @property
    def max_depth(self) -> int:
        """How deep a value may be nested."""
        limit = self.policy.limits.max_depth
        return MAX_DEPTH if limit is None else limit

    def too_deep(self) -> str:
        """Return what is wrong with a value that is nested deeper.

        Raises:
            LimitExceeded: instead, if it was the caller who set the limit.
        """
        if self.policy.limits.max_depth is None:
            return f"nested deeper than {self.max_depth}"
        raise LimitExceeded(f"a value is nested deeper than {self.max_depth}", "max_depth")

    def check_types(self, end: int) -> None:
        """Diagnose each argument of a call up to `end` that has not the declared type."""
        for key, value in self.arguments.items():
            problem = self.tool.mismatch(key, value)
            if problem:
                self.transcript.diagnose("type-mismatch", (self.start, end), problem)

    def finish(self, end: int, complete: bool) -> None:
        """End the call at `end`."""
        transcript, policy, span = self.transcript, self.policy, Span(self.start, end)
        if complete and (self.tool.is_constrained or not self.tool.required <= self.arguments.keys()):
            self._validate(span)
        report = complete and policy.documents
        nested = report_nested(self.buffer, transcript, policy, self.name or "", self.arguments, span) if report else ()
        call = Call(
            name=self.name or "",
            arguments=Arguments(self.arguments),
            id=self.id,
            complete=complete,
            span=span,
            diagnoses=tuple(transcript.diagnoses[self._first_diagnosis :]),
            nested=nested,
            _source=self.buffer,
        )
        transcript.call(self.index, call)
        for document in nested if policy.nested == "lift" else ():
            transcript.lift(document)

    def _validate(self, span: Span) -> None:
        """Diagnose what the schema of the tool refuses."""
        policy = self.policy
        if policy.validate != "off":
            for code, problem in faults(self.tool, self.arguments, span.end - span.start, policy.coerce):
                self.transcript.diagnose(code, span, problem, policy.validate)

    def note(self, code: str, at: int, message: str = "") -> None:
        """Add a diagnosis about a point of the call."""
        self.transcript.diagnose(code, (at, at), message)

    def suggest(self, arguments: dict[str, Any], end: int) -> None:
        """Offer another reading of the call as a candidate."""
        span = Span(self.start, end)
        self.transcript.candidates.append(
            Call(self.name or "", Arguments(arguments), self.id, True, span, _source=self.buffer)
        )

    def _emit(self, event: Event) -> None:
        if self.name is None:
            self._held.append(event)
        else:
            self.transcript.events.append(event)
