"""The values that a message is made of: calls, documents, segments, diagnoses, and the caller's policy. No behaviour.

Law: the spans of a decoded message's segments tile its input, and `raw` is that input byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol

from wireproto.values.document_types import DocumentFormat, DocumentType
from wireproto.values.errors import SchemaError

Severity = Literal["note", "repaired", "defect"]
PROMOTABLE = ("never", "leaked", "quoted", "draft", "foreign")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the caller wants done where the text alone does not settle it. The defaults execute nothing by accident.

    The three limits raise `LimitExceeded` when set and passed: characters of one argument value, calls of one
    message, nesting of one JSON value. Documents keep to them: a longer one at top level raises, a deeper one is
    malformed. `strict` gives each call of an XML protocol to an XML parser too. `nested` says what becomes of documents
    inside arguments: nothing ("keep"), `Call.nested` ("report"), or that and `Message.documents` ("lift").

    What a model writes over and over is diagnosed as `looping`, once each time that it begins; None switches that off.
    `max_repeated_calls`: that many calls in a row, at least 2, have the same name and the same arguments, whatever text
    stands between. `max_repeated_passages`: in text or reasoning, one passage of at most `max_period` characters stands
    that many times in a row, at least 3, without anything between, and the whole stretch has at least 120 characters;
    2,000 if the passage has fewer than 8 different letters, as rules of tables, blanks and zeros have. It is told at
    most 768 characters and two periods later. Elsewhere, above all in arguments, the last 32,768 characters of the
    input (more, if the two thresholds ask for more) must be such a passage; that is looked at every 16,384 characters.

    `promote` says which candidates become calls, at the end of the output, by the tool's name or "*" for any other:
    "never", or one or more of "leaked", "quoted", "draft" and "foreign", with blanks between. Only complete candidates
    of declared tools are promoted, and none under a salted dialect. `foreign`: whether a call of another dialect is a
    candidate, a call (at the end), or nothing but text. `second_look`: whether text that only looks like a call is
    looked for at all.

    Raises:
        SchemaError: `documents` holds something else than document types, `promote` an unknown word, or a threshold is
            too low.
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
    second_look: bool = True
    max_value_chars: int | None = None
    max_calls: int | None = None
    max_depth: int | None = None
    max_repeated_calls: int | None = 5
    max_repeated_passages: int | None = 8
    max_period: int = 2_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "documents", tuple(self.documents))
        for i, kind in enumerate(self.documents):
            if not isinstance(kind, DocumentType):
                raise SchemaError(f"Policy.documents[{i}]: expected a wp.DocumentType, not {type(kind).__name__}")
        for name, words in self.promote.items():
            if not words.split() or set(words.split()) - {*PROMOTABLE}:
                raise SchemaError(f"Policy.promote[{name!r}]: expected some of {', '.join(PROMOTABLE)}, not {words!r}")
            if "never" in words and words.strip() != "never":
                raise SchemaError(f'Policy.promote[{name!r}]: "never" stands alone, not {words!r}')
        for name, least in (("max_repeated_calls", 2), ("max_repeated_passages", 3), ("max_period", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise SchemaError(f"Policy.{name}: expected at least {least}, not {value}")
