"""Documents in a decoder's text: where one opens at top level, its characters as they stream, and those in arguments.

It must not know dialects or encodings of arguments; what reads documents is loaded where a policy names some. Law: the
deltas of a document join to its text, its span lies apart from all calls (or, lifted, inside one), and what is a
document depends on the text alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from wireproto.engine.left_context import LeftContext
from wireproto.text.buffer import Buffer
from wireproto.text.scan import NO, WAIT, YES, Answer
from wireproto.text.state import State
from wireproto.values.document_types import DocumentType
from wireproto.values.errors import LimitExceeded
from wireproto.values.events import DocumentDelta, DocumentStart
from wireproto.values.model import Document, Span
from wireproto.values.policy import Policy
from wireproto.values.quoting import escaped, quoted

if TYPE_CHECKING:
    from wireproto.documents.boundaries import Ending
    from wireproto.engine.transcript import Transcript

# An opening tag longer than this, which is still open, is looked at again only so many characters later.
_LONG: Final = 256
_STRIDE: Final = 64
_MAX_MISSES: Final = 64  # documents of one call that are looked for in its text in vain


def literals(kinds: Sequence[DocumentType]) -> frozenset[str]:
    """Return what the openings of documents begin with; of html, whose names have any case, only the bracket."""
    if not kinds:
        return frozenset()
    from wireproto.documents.boundaries import literal

    return frozenset("<" if kind.format == "html" and kind.root is not None else literal(kind) for kind in kinds)


class _OpenDocument(State):
    """A document that is being read: where it starts, where the search for its end starts, and how far that was fed."""

    __slots__ = ("ending", "fed", "kind", "origin", "start")

    def __init__(self, kind: DocumentType, start: int, origin: int, found: Ending) -> None:
        self.kind, self.start, self.origin, self.fed = kind, start, origin, origin
        self.ending = found


class Documents(State):
    """The documents at top level of one output; `is_open` while one is being read."""

    __slots__ = ("_buffer", "_ending", "_held", "_kinds", "_open", "_opening", "_policy", "_transcript", "is_open")

    def __init__(self, policy: Policy, buffer: Buffer, transcript: Transcript) -> None:
        from wireproto.documents.boundaries import ending, opening

        self._opening, self._ending = opening, ending
        self._policy, self._buffer, self._transcript = policy, buffer, transcript
        self._kinds = policy.documents
        self._open: _OpenDocument | None = None
        self._held = (0, 0)
        self.is_open = False

    def open(self, context: LeftContext, position: int, stop: int, final: bool) -> Answer:
        """Begin a document at `position` if one opens there."""
        base = self._buffer.base
        if not final and self._undecided(position, stop):
            return WAIT
        if not context.starts_line(position):
            return NO
        for kind in self._kinds:
            found = self._opening(kind, self._buffer.window, position - base, stop - base, final)
            if found is WAIT:
                self._held = (position, stop)
                return WAIT
            if isinstance(found, Answer):
                continue
            origin = position if kind.fence is None else base + found.end
            self._open, self.is_open = _OpenDocument(kind, position, origin, self._ending(kind)), True
            self._transcript.events.append(DocumentStart(len(self._transcript.documents), kind.name))
            context.after_call, context.only_blank = None, False
            return YES
        return NO

    def _undecided(self, position: int, stop: int) -> bool:
        """Return whether too little came since an opening was tried in vain to try again."""
        start, looked = self._held
        if start != position or looked - start < _LONG or stop - looked >= _STRIDE:
            return False
        since = self._buffer.slice(looked, stop)
        return not any(mark in since for mark in "<>\n")

    def read(self, context: LeftContext, position: int, stop: int, final: bool) -> int:
        """Read on from `position`, up to which it was emitted; return how far it is emitted now.

        Raises:
            LimitExceeded: the document is longer than the policy allows for a value.
        """
        document = self._open
        if document is None:
            return position
        document.ending.feed(self._buffer.slice(document.fed, stop), final)
        document.fed = stop
        whole = document.ending.end is not None
        emitted = stop if final and not whole else document.origin + document.ending.safe
        limit = self._policy.limits.max_value_chars
        if limit is not None and emitted - document.start > limit:
            self._emit(position, min(emitted, document.start + limit))
            raise LimitExceeded(f"a document is longer than {limit} characters", "max_value_chars", document.start)
        if emitted > position:
            self._emit(position, emitted)
        if whole or final:
            self._finish(document, emitted, whole)
            context.floor = emitted
        return emitted

    def _emit(self, start: int, end: int) -> None:
        self._transcript.events.append(DocumentDelta(len(self._transcript.documents), self._buffer.slice(start, end)))

    def note_drafts(self) -> None:
        """Note the whole documents in reasoning; the output has ended."""
        from wireproto.documents.boundaries import find_documents

        for start, end in self._transcript.reasoning() if self._kinds else ():
            for found in find_documents(self._kinds, self._buffer.slice(start, end), anywhere=False):
                if found.complete:
                    message = f"a document of the type {quoted(found.kind.name)} is in reasoning"
                    self._transcript.diagnose("draft-document", (start + found.start, start + found.end), message)
        self._kinds = ()

    def _finish(self, document: _OpenDocument, end: int, whole: bool) -> None:
        from wireproto.documents.reading import read_document

        span = (document.start, end)
        text = self._buffer.slice(*span)
        found = read_document(document.kind, text, span, whole, depth=self._policy.limits.max_depth)
        for each in found.diagnoses:
            self._transcript.diagnose(each.code, each.span, each.message)
        self._transcript.document(found)
        self._open, self.is_open = None, False


def report_nested(
    buffer: Buffer, transcript: Transcript, policy: Policy, name: str, arguments: Mapping[str, Any], span: Span
) -> tuple[Document, ...]:
    """Return the documents in the arguments of a call at `span`, if the policy asks for them, and diagnose them."""
    if policy.nested == "keep":
        return ()
    from wireproto.documents.reading import nested_documents

    found = tuple(_located(nested_documents(arguments, policy), buffer.slice(*span), arguments, span))
    for document in found:
        where = f"{escaped(name)}: argument {quoted(document.key)}"
        transcript.diagnose("nested-document", span, f"{where} holds a document of the type {quoted(document.name)}")
        for each in document.diagnoses:
            transcript.diagnose(each.code, span, f"{where}: {each.message}")
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
