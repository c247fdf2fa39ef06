"""The values that a message is made of: calls, documents, segments, diagnoses, and the caller's policy. No behaviour.

Law: the spans of a decoded message's segments tile its input, and `raw` is that input byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from wireproto.doctypes import DocumentFormat, DocumentType
from wireproto.errors import SchemaError

Span = tuple[int, int]
Severity = Literal["note", "repaired", "defect"]
SegmentKind = Literal["text", "reasoning", "call", "document", "markup"]


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
    names the argument that the document stands in. `span` is in characters: of that argument's value, or of the input
    for a document that stands in no argument; the spans of `diagnoses` likewise. `complete` is False where its closer
    is missing.
    """

    name: str
    format: DocumentFormat
    value: Any = None
    text: str = ""
    complete: bool = True
    key: str | None = None
    span: Span = (0, 0)
    diagnoses: tuple[Diagnosis, ...] = ()


@dataclass(frozen=True, slots=True)
class ArgumentValue:
    """An argument of a call, to ask what document it holds."""

    key: str
    value: Any

    def document(self, format: DocumentFormat | None = None) -> Document | None:
        """Return the document that the whole value is, in a format or in whichever it is; None if it is none.

        With a format, text that is malformed gives a document without a value.
        """
        from wireproto.documents import whole_document

        return whole_document(self.key, self.value, format)


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
    span: Span = (0, 0)
    diagnoses: tuple[Diagnosis, ...] = ()
    nested: tuple[Document, ...] = ()
    _source: Sliceable | None = field(default=None, repr=False, compare=False)

    @property
    def raw(self) -> str:
        """The model's own text of this call, byte for byte; empty for a call that was not decoded."""
        return self._source.slice(*self.span) if self._source is not None else ""

    def argument(self, key: str) -> ArgumentValue:
        """Return an argument; KeyError says which there are if there is none of this name."""
        if key not in self.arguments:
            given = ", ".join(map(repr, self.arguments)) or "none"
            raise KeyError(f"call {self.name!r} has no argument {key!r}; it has {given}")
        return ArgumentValue(key, self.arguments[key])


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
    `reasoning`, where they stood. `documents` are the segments of kind "document", and those lifted out of arguments,
    which stand inside a call's segment.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    candidates: tuple[Call, ...] = ()
    segments: tuple[Segment, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    documents: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the caller wants done where the text alone does not settle it. The defaults execute nothing by accident.

    The three limits raise `LimitExceeded` when set and passed: characters of one argument value, calls of one
    message, nesting of one JSON value. Documents keep to them: a longer one at top level raises, a deeper one is
    malformed. `strict` gives each call of an XML protocol to an XML parser too. `nested` says what becomes of documents
    inside arguments: nothing ("keep"), `Call.nested` ("report"), or that and `Message.documents` ("lift").

    Raises:
        SchemaError: `documents` holds something else than document types.
    """

    reasoning_calls: Literal["terminal", "never", "always"] = "terminal"
    fenced_calls: Literal["quote", "call"] = "quote"
    foreign: Literal["candidate", "call", "text"] = "candidate"
    unknown_tools: Literal["forward", "text"] = "forward"
    coerce: bool = True
    strict: bool = False
    documents: Sequence[DocumentType] = ()
    nested: Literal["keep", "report", "lift"] = "keep"
    promote: Mapping[str, str] = field(default_factory=dict)
    max_value_chars: int | None = None
    max_calls: int | None = None
    max_depth: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "documents", tuple(self.documents))
        for i, kind in enumerate(self.documents):
            if not isinstance(kind, DocumentType):
                raise SchemaError(f"Policy.documents[{i}]: expected a wp.DocumentType, not {type(kind).__name__}")
