"""What a decoder reports while text arrives: plain frozen values, no behaviour.

Law: events are never taken back. Concatenated deltas of one argument are its value (`kind` "string") or its JSON
(`kind` "json"), and a `CallEnd` carries the same arguments that the deltas spelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Union

from wireproto.values.model import Call, Diagnosis, Document

Kind = Literal["string", "json"]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More visible text."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More reasoning text."""

    text: str


@dataclass(frozen=True, slots=True)
class CallStart:
    """A call has begun; `index` counts the calls of the message from 0, `id` is the id on the wire if there is one."""

    index: int
    name: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ArgumentStart:
    """An argument of call `index` has begun; `kind` says how to read its deltas."""

    index: int
    key: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class ArgumentDelta:
    """More of an argument: decoded characters of a string, or JSON text of any other value."""

    index: int
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class ArgumentEnd:
    """An argument is whole; `value` is what its deltas joined to."""

    index: int
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class CallEnd:
    """A call is over; `call.complete` says whether it may be executed."""

    index: int
    call: Call


@dataclass(frozen=True, slots=True)
class DocumentStart:
    """A document has begun; `index` counts the documents of the message from 0, `name` is that of its type."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class DocumentDelta:
    """More of a document's own characters, its markup included."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class DocumentEnd:
    """A document is over; `document.complete` says whether its closer was there, `document.value` what it parses to."""

    index: int
    document: Document


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """Something about the text that a harness may act on."""

    diagnosis: Diagnosis


Event = Union[
    TextDelta,
    ReasoningDelta,
    CallStart,
    ArgumentStart,
    ArgumentDelta,
    ArgumentEnd,
    CallEnd,
    DocumentStart,
    DocumentDelta,
    DocumentEnd,
    Diagnosed,
]
"""Any of the events."""
