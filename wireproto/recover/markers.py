"""Where markers of calls are in an output that the decoder has read, and what is between them.

It must not decide whether text is a call: it asks the decoder. Law: every question is answered in time linear in the
text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

from wireproto.decode.decoder import parse
from wireproto.engine.regions import FENCES, fences
from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO, by_use
from wireproto.format.spelling import CACHED, Spelling, spellings
from wireproto.text.scan import BLANK, Literals, iter_literals, skip_blank
from wireproto.tools.toolset import Toolset
from wireproto.values.document_types import DocumentType
from wireproto.values.model import Call, Message, Span
from wireproto.values.policy import NO_LOOPS, Policy

_LEAST = 4  # a shorter marker, or a shorter beginning of one, is as likely to be prose
# A marker of letters and brackets alone may be anybody's markup.
_DISTINCTIVE = re.compile(r"[^A-Za-z<>/\[\]()+ ]")
_ELLIPSIS = BLANK + ".…"
_PLAIN = Policy(second_look=False, loops=NO_LOOPS)
# How a document begins that says itself what it is.
_DOCUMENT = r"<\?xml\s|<!DOCTYPE\s|<html[\s>]"
_PAGE = re.compile(rf"\s*(?P<document>{_DOCUMENT})", re.IGNORECASE)
_PAGE_END = re.compile(r"</[A-Za-z][\w.:-]*>\s*\Z")
_MARKUP = re.compile(r"(?:\s|<[^<>]{1,256}>|\[[A-Z_]+\]|\+{3}[^\n]*\n)*")


@dataclass(frozen=True, slots=True)
class Markers:
    """The markers around calls that are looked for.

    Each call has one of `openers` and one of `closers`. `begins` and `ends` are all that may come first and last, those
    of sections included; `words` are the texts of `begins`. `distinctive` are those that nobody writes by chance,
    `heads` distinctive ones that begin as markup does that anybody may write, `parts` what else stands in an opener.
    `lines` finds the closers of sections that are so short that they count only on a line of their own.
    """

    openers: Literals
    closers: Literals
    parts: Literals
    begins: Literals
    ends: Literals
    distinctive: Literals
    words: tuple[str, ...]
    heads: tuple[str, ...]
    lines: re.Pattern[str]

    def count(self, literals: Literals, text: str) -> int:
        """Return how many of these the text has."""
        return sum(1 for _ in iter_literals(literals, text))

    def first(self, text: str) -> tuple[int, int] | None:
        """Return the span of the first distinctive marker."""
        found = self.distinctive.find(text)
        return found.span() if found is not None else None


@dataclass(frozen=True, slots=True)
class Decoding:
    """An output and what the decoder made of it.

    `pending` is what was held back at the end; `cut`: it was cut off. `documents` are the types
    that the harness knows.
    """

    text: str
    message: Message
    tools: Toolset
    dialect: Dialect | None
    markers: Markers
    pending: str
    cut: bool
    documents: tuple[DocumentType, ...] = ()


@lru_cache(maxsize=CACHED)
def markers_of(dialect: Dialect | None) -> Markers:
    """Return the markers of a dialect; for None, of all dialects whose markers are not the markup of documents."""
    specs = [dialect] if dialect is not None else [found for found in by_use() if not found.markup]
    known = [spelling for spec in specs for spelling in spellings(spec)]
    openers = _literals(word for spelling in known for word in _openers(spelling))
    closers = _literals(word for spelling in known for word in _closers(spelling)) - openers
    sections = _literals(close for spelling in known for _, close in spelling.sections)
    begins = _literals(word for spelling in known for word in spelling.openers)
    begins |= _literals(section.format().strip() for spelling in known for section, _ in spelling.sections)
    inner = _literals(word for spelling in known for word in spelling.dialect.call.open.literals)
    distinctive = frozenset(word for word in openers | closers | sections | begins | inner if _DISTINCTIVE.search(word))
    return Markers(
        openers=Literals(openers),
        closers=Literals(closers),
        parts=Literals(inner - begins - openers),
        begins=Literals(begins),
        ends=Literals((closers | sections) - begins),
        distinctive=Literals(distinctive),
        words=tuple(sorted(begins)),
        heads=tuple(word for word in sorted(inner & distinctive) if word.startswith(tuple(begins - distinctive))),
        lines=_line_of(close for spelling in known for _, close in spelling.sections if 0 < len(close) < _LEAST),
    )


def _line_of(words: Iterable[str]) -> re.Pattern[str]:
    choice = "|".join(map(re.escape, sorted(set(words))))
    return re.compile(rf"(?<=\n)(?:{choice or '(?!)'})(?=[ \t\r]*(?:\n|\Z))")


def _literals(words: Iterable[str]) -> frozenset[str]:
    """Return the markers that are none by chance; a fence is Markdown's."""
    return frozenset(word for word in words if len(word) >= _LEAST and not word.startswith(FENCES))


def _openers(spelling: Spelling) -> tuple[str, ...]:
    """Return what opens one call: its outermost own marker, or the section's where it has none."""
    if spelling.wrapper is not None:
        return spelling.wrapper.firsts
    first = tuple(word for header in spelling.headers for word in header.firsts)
    return first or tuple(word for section, _ in spelling.sections for word in section.firsts)


def _closers(spelling: Spelling) -> tuple[str, ...]:
    """Return what closes one call: its outermost own marker, or the section's where it has none."""
    if spelling.closers:
        return spelling.closers[-1].firsts
    return tuple(close for _, close in spelling.sections)


def cut_marker(decoded: Decoding) -> tuple[int, int] | None:
    """Return the span of a call's first markers in which the output breaks off, if it does."""
    tail = decoded.pending.strip(BLANK)
    start = len(decoded.text.rstrip(BLANK)) - len(tail)
    if not tail or any(call.span[1] > start for call in decoded.message.candidates):
        return None
    half = len(tail) >= _LEAST and any(word.startswith(tail) for word in decoded.markers.words if word != tail)
    whole = any(tail.startswith(word) for word in decoded.markers.words)
    if half or (whole and (decoded.cut or _starts_line(decoded.text, start))):
        return start, len(decoded.text)
    return None


def failed_block(decoded: Decoding) -> tuple[int, int] | None:
    """Return the first span between markers of a call, on lines of their own, that holds something else."""
    text = decoded.text
    fenced = [*fences(text)] if "```" in text or "~~~" in text else []
    reasoning = [segment.span for segment in decoded.message.segments if segment.kind == "reasoning"]
    floor = 0
    for opener in iter_literals(decoded.markers.begins, text):
        start = opener.start()
        head = next((word for word in decoded.markers.heads if text.startswith(word, start)), opener.group())
        inside = start + len(head)
        alone = _DISTINCTIVE.search(head) and _starts_line(text, start)
        if start < floor or not alone or text[inside : inside + 1] in (" ", "`", ""):
            continue
        if _within(fenced, start) or _within(reasoning, start):
            continue
        closer = decoded.markers.ends.find(text, inside) or decoded.markers.lines.search(text, inside)
        end = closer.start() if closer is not None else len(text)
        floor = closer.end() if closer is not None else len(text)
        ends_line = closer is not None and not text[floor : floor + 1].strip(BLANK)
        body = skip_blank(text, inside, len(text))
        begins_body = text[body : body + 1] in ("{", "[", "<", '"') or text.startswith(decoded.tools.names, body)
        line = text.find("\n", inside, end)
        begins_body = begins_body or decoded.markers.parts.find(text, inside, line if line >= 0 else end) is not None
        if text[inside:end].strip(_ELLIPSIS) and (ends_line or begins_body):
            return start, floor
        if ends_line and not (text[:start] + text[floor:]).strip(BLANK):
            return start, floor
    elements = _elements(decoded)
    return next((span for span in elements if not (_within(fenced, span[0]) or _within(reasoning, span[0]))), None)


def _elements(decoded: Decoding) -> Iterator[tuple[int, int]]:
    """Yield the spans of elements on lines of their own whose tag is a declared name, where calls are such elements.

    Where no dialect is known they may be anybody's: then a name that is one plain word says nothing.
    """
    specs = [decoded.dialect] if decoded.dialect is not None else by_use()
    names = [name for name in decoded.tools.names if decoded.dialect is not None or not name.isalpha()]
    heads = {
        header.fill(name=name).strip(): spelling.call_close(name)
        for spelling in chain.from_iterable(map(spellings, specs))
        for header in spelling.headers
        for name in names
        if header.first and header.name_only and header.holds("name", name)
    }
    text, floor = decoded.text, 0
    for opener in iter_literals(Literals(frozenset(heads)), text) if heads else ():
        start, closer = opener.start(), heads[opener.group()]
        if start < floor or not _starts_line(text, start):
            continue
        end = text.find(closer, opener.end())
        if end < 0:
            return
        floor = end + len(closer)
        line = text.find("\n", floor)
        if not text[floor : line if line >= 0 else len(text)].strip(BLANK):
            yield start, floor


def nested_call(decoded: Decoding) -> tuple[int, int] | None:
    """Return the span of a call inside a document, or of a document where a call belongs, if there is one."""
    message = decoded.message
    for i, call in enumerate(message.calls):
        codes = {diagnosis.code for diagnosis in call.diagnoses}
        after = message.calls[i + 1] if i + 1 < len(message.calls) else None
        if not call.complete and "json-invalid" in codes and after is not None and after.span[0] == call.span[1]:
            # Behind its own closer a broken call is over, and the next one stands beside it.
            if not call.raw.rstrip(BLANK).endswith(decoded.markers.ends.words):
                return after.span
            continue
        if (not call.complete or "ambiguous-boundary" in codes) and _holds_call(decoded, call.raw, 1):
            return call.span
    for document in message.documents if not message.calls else ():
        if _is_called_in(decoded, document.text) or _is_wrapped(decoded, document.input_span):
            return document.input_span
    page = _PAGE.match(decoded.text) if message.calls else None
    if page is not None and _PAGE_END.search(decoded.text, message.calls[-1].span[1]) is not None:
        return page.start("document"), len(decoded.text)
    return None


def holds_document(decoded: Decoding, block: tuple[int, int]) -> bool:
    """Return whether what stands between markers is a document of a known type, or says that it is one."""
    start, end = block
    roots = [rf"<{re.escape(kind.root)}[\s/>]" for kind in decoded.documents if kind.root is not None]
    fences = [re.escape(kind.fence) for kind in decoded.documents if kind.fence is not None]
    found = re.compile("|".join((*roots, *fences, _DOCUMENT)), re.IGNORECASE).search(decoded.text, start, end)
    return found is not None and _MARKUP.fullmatch(decoded.text, start, found.start()) is not None


def without_section(decoded: Decoding, call: Call) -> Call | None:
    """Read a doubtful call again without the section around it; None if that changes nothing.

    A call whose closer is damaged takes in what follows it; its own markers alone may end it earlier.
    """
    doubtful = any(diagnosis.code == "ambiguous-boundary" for diagnosis in call.diagnoses)
    spec = decoded.dialect
    if spec is None or spec.section is None or decoded.cut or not (doubtful or not call.complete):
        return None
    alone = parse(call.raw, spec, decoded.tools, policy=_PLAIN)
    if not alone.calls or not alone.calls[0].complete or alone.calls[0].arguments == call.arguments:
        return None
    start, end = alone.calls[0].span
    span = Span(call.span[0] + start, call.span[0] + end)
    kept = tuple(diagnosis for diagnosis in call.diagnoses if diagnosis.code == "ambiguous-boundary")
    return replace(call, arguments=alone.calls[0].arguments, complete=True, span=span, diagnoses=kept)


def _holds_call(decoded: Decoding, text: str, start: int = 0) -> bool:
    """Return whether a complete call begins at a marker from `start` on."""
    opener = decoded.markers.openers.find(text, start)
    if decoded.dialect is None or opener is None:
        return False
    return any(
        call.complete for call in parse(text[opener.start() :], decoded.dialect, decoded.tools, policy=_PLAIN).calls
    )


def _is_called_in(decoded: Decoding, text: str) -> bool:
    """Return whether a document holds a complete call, in whatever dialect."""
    return any(call.complete for call in parse(text, AUTO, decoded.tools, policy=_PLAIN).calls) or _holds_call(
        decoded, text
    )


def _is_wrapped(decoded: Decoding, span: tuple[int, int]) -> bool:
    """Return whether a document, and nothing else, is between the markers of a call."""
    before, after = decoded.text[: span[0]].rstrip(BLANK), decoded.text[span[1] :].lstrip(BLANK)
    opens = any(before.endswith(word) for word in decoded.markers.words)
    closer = decoded.markers.ends.find(after)
    return opens and closer is not None and closer.start() == 0


def _starts_line(text: str, position: int) -> bool:
    return not text[text.rfind("\n", 0, position) + 1 : position].strip(" \t")


def _within(spans: Sequence[tuple[int, int]], position: int) -> bool:
    return any(start <= position < end for start, end in spans)
