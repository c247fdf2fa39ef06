"""The values that a message is made of: calls, documents, segments and diagnoses.

Law: the spans of a decoded message's segments tile its input, and `raw` is that input byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol, get_args

from wireproto.values.document_types import DocumentFormat
from wireproto.values.errors import EncodeError, ShapeError
from wireproto.values.exact_json import written
from wireproto.values.fields import Fields
from wireproto.values.quoting import quoted

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
class _Excerpt:
    """The characters of one span, restored from a dict."""

    text: str
    start: int

    def slice(self, start: int, end: int) -> str:
        """Return the characters from `start` up to `end`."""
        return self.text[start - self.start : end - self.start]


def _span(fields: Fields, prefix: str = "", default: Span = NOWHERE) -> Span:
    return Span(fields.read(f"{prefix}start", int, default.start), fields.read(f"{prefix}end", int, default.end))


class _Plain(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


def _lists(**parts: Sequence[_Plain]) -> dict[str, Any]:
    return {key: [part.to_dict() for part in found] for key, found in parts.items() if found}


def _source(fields: Fields) -> tuple[Span, _Excerpt | None]:
    """Return the span and the characters in it; without a span the characters are all there is."""
    raw = fields.optional("raw")
    span = _span(fields, default=Span(0, len(raw or "")))
    return span, None if raw is None else _Excerpt(raw, span.start)


def _name(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ShapeError(f"{where}: expected a string, not {type(value).__name__}")
    return value


def _word(fields: Fields, key: str, allowed: tuple[str, ...], default: str | None = None) -> Any:
    word = fields.read(key, str, default)
    if word not in allowed:
        raise ShapeError(f"{fields.where}.{key}: expected one of {', '.join(allowed)}, not {quoted(word)}")
    return word


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Something that was not as the format has it.

    `code` is stable and listed in docs/reference/diagnoses.md. `span` is in characters of the input. `message` is one
    sentence. `severity`: "defect", the caller should look; "repaired", the call is usable; "note", nothing is wrong.
    """

    code: str
    span: Span
    message: str
    severity: Severity = "defect"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data: `code`, `message`, `start`, `end`, `severity`."""
        span = {"start": self.span[0], "end": self.span[1]}
        return {"code": self.code, "message": self.message, **span, "severity": self.severity}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], where: str = "Diagnosis") -> Diagnosis:
        """Return the diagnosis that `to_dict` made this of; `where` is how errors name it.

        Raises:
            ShapeError: a key is missing or wrong; names it.
        """
        fields = Fields.of(value, where)
        severity = _word(fields, "severity", get_args(Severity), "defect")
        return cls(fields.read("code", str), _span(fields), fields.read("message", str), severity)


@dataclass(frozen=True, slots=True)
class Document:
    """A structured document, as it was written and as plain data.

    `name` is that of its `DocumentType`. `text` is the model's own. `value` is what it parses to, None if it is
    malformed; in xml and html an element: `{"name": ..., "attributes": {...}, "children": [str or element, ...]}`.
    `complete` is False if its closer is missing. `key` names the argument that it is in, None at top level. `span` and
    the spans of `diagnoses` are in characters of that argument's value, at top level of the input. `input_span` is
    always in characters of the input: the document itself, or the whole call if it is not verbatim in the input.
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

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data: its fields, spans as `start` and `end`.

        `diagnoses` is left out if there are none, `input_start` and `input_end` if they are those of the span.
        """
        shown = {
            "name": self.name,
            "format": self.format,
            "value": self.value,
            "text": self.text,
            "complete": self.complete,
            "key": self.key,
            "start": self.span[0],
            "end": self.span[1],
        }
        if self.input_span != self.span:
            shown |= {"input_start": self.input_span[0], "input_end": self.input_span[1]}
        return shown | _lists(diagnoses=self.diagnoses)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], where: str = "Document") -> Document:
        """Return the document that `to_dict` made this of; `where` is how errors name it.

        Raises:
            ShapeError: a key is missing or wrong; names it.
        """
        fields = Fields.of(value, where)
        span = _span(fields)
        return cls(
            fields.read("name", str),
            _word(fields, "format", get_args(DocumentFormat)),
            fields.values.get("value"),
            fields.read("text", str, ""),
            fields.read("complete", bool, True),
            fields.optional("key"),
            span,
            fields.each("diagnoses", Diagnosis.from_dict),
            _span(fields, "input_", span),
        )


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. `Call(name, arguments)` is enough to encode one; a decoder fills in the rest.

    `arguments` are plain data by name. Those of a decoded call cannot be changed: what is taken out of them is a copy,
    and `dict(call.arguments)` is one of all. `id` is the one that was written, None if the format has none. `span` is
    in characters of the input, markup included. `nested` are the documents in its arguments, if `Policy.nested` asks
    for them.

    Run a call only if `complete` is true: then it was written to its end and each of its arguments could be read;
    whether its name and values are what the tool declares is said by its `diagnoses`.
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

    @property
    def arguments_json(self) -> str:
        """The arguments as JSON text, which is what APIs have in `function.arguments`.

        Raises:
            EncodeError: an argument is not JSON.
        """
        try:
            text = _json(self.arguments)
            text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 cannot carry
            return json.dumps(self.arguments)
        except (TypeError, ValueError, RecursionError) as error:
            raise EncodeError(f"call {quoted(self.name)}: the arguments are not JSON: {error}") from None
        return text

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data: `name`, `arguments`, `id` and `complete`.

        If it was decoded, `start`, `end` and `raw` too, and `diagnoses` and `nested` if there are any. `arguments` is
        a copy of a decoded call's, which may be changed.
        """
        shown: dict[str, Any] = {
            "name": self.name,
            "arguments": dict(self.arguments),
            "id": self.id,
            "complete": self.complete,
        }
        if self.span != NOWHERE:
            shown |= {"start": self.span[0], "end": self.span[1]}
        if self._source is not None:
            shown["raw"] = self.raw
        return shown | _lists(diagnoses=self.diagnoses, nested=self.nested)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], where: str = "Call") -> Call:
        """Return the call that a dict spells: `name` and `arguments` are needed, other keys are those of `to_dict`.

        Keys that it does not know are ignored. `where` is how errors name the dict.

        Raises:
            ShapeError: a key is missing or wrong; names it.
        """
        fields = Fields.of(value, where)
        span, source = _source(fields)
        return cls(
            fields.read("name", str),
            fields.read("arguments", dict),
            fields.optional("id"),
            fields.read("complete", bool, True),
            span,
            fields.each("diagnoses", Diagnosis.from_dict),
            fields.each("nested", Document.from_dict),
            source,
        )


def _json(arguments: Any) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    except TypeError:
        return written(arguments)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the input and what it is; the segments of a message follow each other without gaps.

    `kind`: "text", "reasoning", "call", "document", or "markup" around these. `span` is in characters of the input.
    `document` is the one that it is, else None.
    """

    kind: SegmentKind
    span: Span
    document: Document | None = None
    _source: Sliceable | None = field(default=None, repr=False, compare=False)

    @property
    def raw(self) -> str:
        """The characters of this segment, as the model wrote them; empty if it was not decoded."""
        return self._source.slice(*self.span) if self._source is not None else ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data: `kind`, `start`, `end`, `raw`, and `document` if it is one."""
        shown: dict[str, Any] = {"kind": self.kind, "start": self.span[0], "end": self.span[1]}
        if self._source is not None:
            shown["raw"] = self.raw
        return shown | ({"document": self.document.to_dict()} if self.document is not None else {})

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], where: str = "Segment") -> Segment:
        """Return the segment that `to_dict` made this of; `where` is how errors name it.

        Raises:
            ShapeError: a key is missing or wrong; names it.
        """
        fields = Fields.of(value, where)
        (span, source), found = _source(fields), fields.values.get("document")
        document = Document.from_dict(found, f"{where}.document") if found is not None else None
        return cls(_word(fields, "kind", get_args(SegmentKind)), span, document, source)


@dataclass(frozen=True, slots=True)
class Message:
    """A model's whole turn: what to show, what it thought, what to execute, and what was odd about it.

    `text` and `reasoning` are joined over the turn, without markup. `calls` are in text order. `candidates` look like
    calls but were not taken for calls: do not execute them; their characters are in `text` or `reasoning` too.
    `segments` say where in the input everything was, in order. `diagnoses` are all there are, in order. `documents` are
    those at top level and those lifted out of arguments, in the order in which they ended. `dialect` is the name of the
    dialect that it was decoded as, empty if "auto" found none. `dialects` are all that it may be: with "auto", those
    that write exactly this text, or else come closest; more than one where the calls do not show which of them it is.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    candidates: tuple[Call, ...] = ()
    segments: tuple[Segment, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    documents: tuple[Document, ...] = ()
    dialect: str = field(default="", compare=False)
    dialects: tuple[str, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, from which `from_dict` makes an equal message, each `raw` included."""
        return {
            "text": self.text,
            "reasoning": self.reasoning,
            "calls": [call.to_dict() for call in self.calls],
            "candidates": [call.to_dict() for call in self.candidates],
            "diagnoses": [diagnosis.to_dict() for diagnosis in self.diagnoses],
            "documents": [document.to_dict() for document in self.documents],
            "segments": [segment.to_dict() for segment in self.segments],
            "dialect": self.dialect,
            "dialects": [*self.dialects],
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], where: str = "Message") -> Message:
        """Return the message that a dict spells; every key of `to_dict` may be missing.

        Keys that it does not know are ignored. `where` is how errors name the dict.

        Raises:
            ShapeError: a key is wrong, or there is no text, reasoning or call; names the key.
        """
        fields = Fields.of(value, where)
        if not fields.values.keys() & {"text", "reasoning", "calls"}:
            raise ShapeError(f'{where}: expected "text", "reasoning" or "calls"')
        return cls(
            fields.read("text", str, ""),
            fields.read("reasoning", str, ""),
            fields.each("calls", Call.from_dict),
            fields.each("candidates", Call.from_dict),
            fields.each("segments", Segment.from_dict),
            fields.each("diagnoses", Diagnosis.from_dict),
            fields.each("documents", Document.from_dict),
            fields.read("dialect", str, ""),
            fields.each("dialects", _name),
        )
