"""The values that a message is made of: calls, documents, segments and diagnoses.

Law: the spans of a decoded message's segments tile its input, and `raw` is that input byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol

from wireproto.values.document_types import DocumentFormat

Severity = Literal["note", "repaired", "defect"]
SegmentKind = Literal["text", "reasoning", "call", "document", "markup"]


class Span(NamedTuple):
    """A stretch of text, in characters: where it starts, and where it ends, which is one behind its last character."""

    start: int
    end: int


NOWHERE: Final = Span(0, 0)  # the span of what was not decoded from a text


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
class Document:
    """A structured document: `text` is the model's own, `value` what it parses to, None if it is malformed.

    A value of xml or html is an element: `{"name": ..., "attributes": {...}, "children": [str or element, ...]}`. `key`
    names the argument that the document stands in, None at top level. `span` is in characters of that argument's value,
    or of the input at top level; the spans of `diagnoses` likewise. `input_span` is always in characters of the input:
    where the document stands verbatim, or the whole call, if the format spells the argument in another way. `complete`
    is False where the closer is missing.
    """

    name: str
    format: DocumentFormat
    value: Any = None
    text: str = ""
    complete: bool = True
    key: str | None = None
    span: Span = NOWHERE
    diagnoses: tuple[Diagnosis, ...] = ()
    input_span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. `Call(name, arguments)` is enough to encode one; a decoder fills in the rest.

    `complete` is False for a call that was cut off or whose arguments are invalid: it must not be executed.
    `span` is where it stood in the input, in characters, markup included. `nested` are the documents of the types in
    `Policy.documents` that its arguments hold, where `Policy.nested` asks for them.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    complete: bool = True
    span: Span = NOWHERE
    diagnoses: tuple[Diagnosis, ...] = ()
    nested: tuple[Document, ...] = ()
    _source: Sliceable | None = field(default=None, repr=False, compare=False)

    @property
    def raw(self) -> str:
        """The model's own text of this call, byte for byte; empty for a call that was not decoded."""
        return self._source.slice(*self.span) if self._source is not None else ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the input and what it is: visible text, reasoning, a call, a document, or markup around them."""

    kind: SegmentKind
    span: Span
    document: Document | None = None
    _source: Sliceable | None = field(default=None, repr=False, compare=False)

    @property
    def raw(self) -> str:
        """The characters of this segment as they came."""
        return self._source.slice(*self.span) if self._source is not None else ""


@dataclass(frozen=True, slots=True)
class Message:
    """A model's whole turn: what to show, what it thought, what to execute, and what was odd about it.

    `candidates` are call-shaped stretches that policy did not promote; their characters are also in `text` or
    `reasoning`, where they stood. `documents` are those at top level, and those lifted out of arguments, in the
    order in which they ended. `dialect` names the one it was decoded as, empty if that was not found out.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    candidates: tuple[Call, ...] = ()
    segments: tuple[Segment, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    documents: tuple[Document, ...] = ()
    dialect: str = field(default="", compare=False)
