"""Documents in a decoder's text: where one opens at top level, its characters as they stream, and those in arguments.

It must not know dialects or encodings of arguments. Law: the deltas of a document join to its text, its span lies apart
from all calls (or, lifted, inside one), and what is a document depends on the text alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from wireproto.documents.boundaries import Ending, ending, find_documents, literal, opening
from wireproto.documents.reading import nested_documents, read_document
from wireproto.engine.left_context import LeftContext
from wireproto.engine.transcript import Transcript
from wireproto.text.buffer import Buffer
from wireproto.text.scan import Miss
from wireproto.values.document_types import DocumentType
from wireproto.values.errors import LimitExceeded
from wireproto.values.events import DocumentDelta, DocumentStart
from wireproto.values.model import Document, Span
from wireproto.values.policy import Policy

# An opening tag longer than this, which is still open, is looked at again only so many characters later.
_LONG: Final = 256
_STRIDE: Final = 64
_MAX_MISSES: Final = 64  # documents of one call that are looked for in its text in vain


def literals(kinds: Sequence[DocumentType]) -> frozenset[str]:
    """Return what the openings of documents begin with; of html, whose names have any case, only the bracket."""
    return frozenset("<" if kind.format == "html" and kind.root is not None else literal(kind) for kind in kinds)


class _Open:
    """A document that is being read: where it starts, where its ending's count starts, and how far that was fed."""

    __slots__ = ("ending", "fed", "kind", "origin", "start")

    def __init__(self, kind: DocumentType, start: int, origin: int, found: Ending) -> None:
        self.kind, self.start, self.origin, self.fed = kind, start, origin, origin
        self.ending = found

    def copy(self) -> _Open:
        twin = _Open(self.kind, self.start, self.origin, self.ending.copy())
        twin.fed = self.fed
        return twin


class Documents:
    """The documents at top level of one output; `registered` if there may be any, `is_open` while one is being read."""

    __slots__ = ("_held", "_journal", "_kinds", "_open", "_policy", "_source", "is_open", "registered")

    def __init__(self, policy: Policy, source: Buffer, journal: Transcript) -> None:
        self._policy, self._source, self._journal = policy, source, journal
        self._kinds = policy.documents
        self._open: _Open | None = None
        self._held = (0, 0)
        self.is_open = False
        self.registered = bool(self._kinds)

    def open(self, place: LeftContext, position: int, stop: int, final: bool) -> bool | Miss:
        """Begin a document at `position` if one opens there; `Miss.MORE` if more text decides."""
        base = self._source.base
        if not final and self._undecided(position, stop):
            return Miss.MORE
        if not place.starts_line(self._source, position):
            return False
        for kind in self._kinds:
            found = opening(kind, self._source.window, position - base, stop - base, final)
            if found is Miss.MORE:
                self._held = (position, stop)
                return found
            if isinstance(found, Miss):
                continue
            origin = position if kind.fence is None else base + found.end
            self._open, self.is_open = _Open(kind, position, origin, ending(kind)), True
            self._journal.events.append(DocumentStart(len(self._journal.documents), kind.name))
            place.after, place.blank = None, False
            return True
        return False

    def _undecided(self, position: int, stop: int) -> bool:
        """Tell whether what came since an opening was looked at in vain is too little to look again."""
        start, looked = self._held
        if start != position or looked - start < _LONG or stop - looked >= _STRIDE:
            return False
        since = self._source.slice(looked, stop)
        return not any(mark in since for mark in "<>\n")

    def read(self, place: LeftContext, position: int, stop: int, final: bool) -> int:
        """Read on, told up to `position`; return how far it is told now.

        Raises:
            LimitExceeded: the document is longer than the policy allows for a value.
        """
        document = self._open
        if document is None:
            return position
        document.ending.feed(self._source.slice(document.fed, stop), final)
        document.fed = stop
        whole = document.ending.end is not None
        told = stop if final and not whole else document.origin + document.ending.safe
        limit = self._policy.limits.max_value_chars
        if limit is not None and told - document.start > limit:
            raise LimitExceeded(f"a document is longer than {limit} characters", "max_value_chars")
        if told > position:
            delta = self._source.slice(position, told)
            self._journal.events.append(DocumentDelta(len(self._journal.documents), delta))
        if whole or final:
            self._finish(document, told, whole)
            place.floor = told
        return told

    def note_drafts(self) -> None:
        """Note the whole documents in reasoning; the output has ended."""
        for start, end in self._journal.reasoning() if self._kinds else ():
            for found in find_documents(self._kinds, self._source.slice(start, end), anywhere=False):
                if found.complete:
                    message = f"a document of the type {found.kind.name!r} stands in reasoning"
                    self._journal.diagnose("draft-document", (start + found.start, start + found.end), message)
        self._kinds = ()

    def copy(self, source: Buffer, journal: Transcript) -> Documents:
        """Return an independent copy over copies of source and journal."""
        twin = Documents(self._policy, source, journal)
        twin._kinds, twin._held = self._kinds, self._held
        twin._open, twin.is_open = self._open.copy() if self._open is not None else None, self.is_open
        return twin

    def _finish(self, document: _Open, end: int, whole: bool) -> None:
        span = (document.start, end)
        text = self._source.slice(*span)
        found = read_document(document.kind, text, span, whole, depth=self._policy.limits.max_depth)
        for said in found.diagnoses:
            self._journal.diagnose(said.code, said.span, said.message)
        self._journal.document(found)
        self._open, self.is_open = None, False


def report_nested(
    source: Buffer, journal: Transcript, policy: Policy, name: str, arguments: Mapping[str, Any], span: Span
) -> tuple[Document, ...]:
    """Return the documents in the arguments of a call at `span`, if the policy asks for them, and diagnose them."""
    if policy.nested == "keep":
        return ()
    found = tuple(_located(nested_documents(arguments, policy), source.slice(*span), arguments, span))
    for document in found:
        where = f"{name}: argument {document.key!r}"
        journal.diagnose("nested-document", span, f"{where} holds a document of the type {document.name!r}")
        for said in document.diagnoses:
            journal.diagnose(said.code, span, f"{where}: {said.message}")
    return found


def _located(documents: Iterable[Document], raw: str, arguments: Mapping[str, Any], span: Span) -> Iterator[Document]:
    """Yield the documents with their place in the input: exact where their text stands verbatim in the call's."""
    at, misses = 0, 0
    values: dict[str, int] = {}
    for document in documents:
        key = document.key or ""
        if key not in values:
            values[key] = raw.find(arguments[key])
        found = values[key] + document.span.start
        if values[key] < 0:
            found = raw.find(document.text, at) if misses < _MAX_MISSES else -1
            misses += found < 0
        if found < 0:
            yield replace(document, input_span=span)
            continue
        at = found + len(document.text)
        yield replace(document, input_span=Span(span.start + found, span.start + at))
