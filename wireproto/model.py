"""The values that a message is made of: calls, segments, diagnoses, and the caller's policy. No behaviour.

Law: the spans of a decoded message's segments tile its input, and `raw` is that input byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Span = tuple[int, int]
Severity = Literal["note", "repaired", "defect"]
SegmentKind = Literal["text", "reasoning", "call", "markup"]


class Sliceable(Protocol):
    """The input that spans point into."""

    def slice(self, start: int, end: int) -> str:
        """Return the characters from `start` up to `end`."""
        ...


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was not as the format says: a stable code, where (in characters), one sentence, how bad."""

    code: str
    span: Span
    message: str
    severity: Severity = "defect"


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. `Call(name, arguments)` is enough to encode one; a decoder fills in the rest.

    `complete` is False for a call that was cut off or whose arguments are invalid: it must not be executed.
    `span` is where it stood in the input, in characters, markup included.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    complete: bool = True
    span: Span = (0, 0)
    diagnoses: tuple[Diagnosis, ...] = ()
    nested: tuple[Any, ...] = ()
    _source: Sliceable | None = field(default=None, repr=False, compare=False)

    @property
    def raw(self) -> str:
        """The model's own text of this call, byte for byte; empty for a call that was not decoded."""
        return self._source.slice(*self.span) if self._source is not None else ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the input and what it is: visible text, reasoning, a call, or markup around them."""

    kind: SegmentKind
    span: Span
    _source: Sliceable | None = field(default=None, repr=False, compare=False)

    @property
    def raw(self) -> str:
        """The characters of this segment as they came."""
        return self._source.slice(*self.span) if self._source is not None else ""


@dataclass(frozen=True, slots=True)
class Message:
    """A model's whole turn: what to show, what it thought, what to execute, and what was odd about it.

    `candidates` are call-shaped stretches that policy did not promote; their characters are also in `text` or
    `reasoning`, where they stood.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    candidates: tuple[Call, ...] = ()
    segments: tuple[Segment, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the caller wants done where the text alone does not settle it. The defaults execute nothing by accident.

    The three limits raise `LimitExceeded` when set and passed: characters of one argument value, calls of one
    message, nesting of one JSON value.
    """

    reasoning_calls: Literal["terminal", "never", "always"] = "terminal"
    fenced_calls: Literal["quote", "call"] = "quote"
    foreign: Literal["candidate", "call", "text"] = "candidate"
    unknown_tools: Literal["forward", "text"] = "forward"
    coerce: bool = True
    strict: bool = False
    documents: tuple[Any, ...] = ()
    nested: Literal["keep", "report", "lift"] = "keep"
    promote: Mapping[str, str] = field(default_factory=dict)
    max_value_chars: int | None = None
    max_calls: int | None = None
    max_depth: int | None = None
