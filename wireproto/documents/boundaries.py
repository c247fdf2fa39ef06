"""Where a document begins and where it ends: a root element, or an opening line and a closing line.

It must not know calls, events or parsers; it sees text, whole or in pieces. Law: every character is looked at a bounded
number of times, and an answer never changes when more text arrives, except from `WAIT` to another.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Union

from wireproto.text.scan import BLANK, NO, WAIT, Miss
from wireproto.text.state import State
from wireproto.values.document_types import DocumentType

MAX_TAG: Final = 4096  # a longer opening tag does not count, so that what is held back stays small
_S: Final = r"[ \t\r\n]"
_NAME: Final = r"""[^ \t\r\n"'<>/=]+"""
_LINE: Final = 160  # blanks before a document on its line; looking further back would not be linear
_GAP: Final = 256  # blanks at the end of a fence's line


@dataclass(frozen=True, slots=True)
class DocumentOpening:
    """The opening of a document; `end` is where its tag or line ends, before the line break."""

    kind: DocumentType
    end: int


@dataclass(frozen=True, slots=True)
class Extent:
    """A document in a text: its type and where it is; `complete` is False where its closer is missing."""

    kind: DocumentType
    start: int
    end: int
    complete: bool = True


def literal(kind: DocumentType) -> str:
    """Return what the opening of a document begins with; for html letters may be in any case."""
    return kind.fence if kind.fence is not None else f"<{kind.root}"


def opening(kind: DocumentType, text: str, pos: int, end: int, final: bool) -> DocumentOpening | Miss:
    """Match the opening of a document at `pos`, looking no further than `end`; `final`: the text ends there."""
    lead = literal(kind)
    piece = text[pos : min(end, pos + len(lead))]
    if _folded(kind, piece) != _folded(kind, lead[: len(piece)]):
        return NO
    if len(piece) < len(lead):
        return NO if final else WAIT
    whole, partial = _openings(kind)
    stop = min(end, pos + MAX_TAG)
    found = whole.match(text, pos, stop)
    if found is not None:
        return DocumentOpening(kind, found.end())
    if partial.match(text, pos, stop) is None or stop == pos + MAX_TAG:
        return NO
    if final:
        return DocumentOpening(kind, end) if kind.fence is not None else NO
    return WAIT


@lru_cache(maxsize=256)
def _openings(kind: DocumentType) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of a complete opening, and of the beginning of one at the end of a text."""
    if kind.fence is not None:
        line = rf"{re.escape(kind.fence)}[ \t]{{0,{_GAP}}}"
        return re.compile(rf"{line}(?=\r?\n)"), re.compile(rf"{line}\r?\Z")
    lead = f"<{re.escape(kind.root or '')}"
    if kind.format == "xml":
        value, half, needed = """(?:"[^"<]*"|'[^'<]*')""", """(?:"[^"<]*|'[^'<]*)?""", ""
    else:
        bare = r"""[^ \t\r\n"'=<>`]+"""
        value, half, needed = f"""(?:"[^"<]*"|'[^'<]*'|{bare})""", f"""(?:"[^"<]*|'[^'<]*|{bare})?""", "?"
    attributes = f"(?:{_S}+{_NAME}(?:{_S}*={_S}*{value}){needed})*"
    tail = f"(?:{_S}*/?|{_S}+{_NAME}{_S}*(?:={_S}*{half})?)"
    flags = _flags(kind)
    return re.compile(f"{lead}{attributes}{_S}*(/?)>", flags), re.compile(rf"{lead}{attributes}{tail}\Z", flags)


@lru_cache(maxsize=256)
def _tokens(kind: DocumentType) -> re.Pattern[str]:
    """Return a pattern of what matters inside an element: its own tags, and what begins a part without tags."""
    root = re.escape(kind.root or "")
    other = r"<!--|<!\[CDATA\[|<\?" if kind.format == "xml" else "<!--"
    return re.compile(rf"{other}|</{root}{_S}{{0,{_GAP}}}>|<{root}(?={_S}|[/>])", _flags(kind))


def _flags(kind: DocumentType) -> re.RegexFlag:
    return re.IGNORECASE | re.ASCII if kind.format == "html" else re.ASCII


def _folded(kind: DocumentType, text: str) -> str:
    return text.lower() if kind.format == "html" and kind.root is not None else text


_CLOSERS: Final = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}


class Elements(State):
    """Pairs the tags of one name in a text that arrives in pieces; comments count only inside an element.

    `pairs` has the end of each closed element by its start, `opened` the starts of those that are open. With `once` it
    stops after the first element, and `end` is where that ends.
    """

    __slots__ = ("_carry", "_inside", "_kind", "_once", "_seen", "_tag", "_tokens", "_whole", "end", "opened", "pairs")

    def __init__(self, kind: DocumentType, once: bool) -> None:
        self._kind, self._once = kind, once
        self._tokens, self._whole = _tokens(kind), _openings(kind)[0]
        self.opened: list[int] = []
        self.pairs: dict[int, int] = {}
        self.end: int | None = None
        self._carry, self._inside, self._seen, self._tag = "", "", 0, False

    @property
    def safe(self) -> int:
        """Up to here the text belongs to the document, whatever follows."""
        return self._seen if self.end is None else self.end

    def feed(self, piece: str, final: bool = False) -> None:
        """Read more text."""
        text = self._carry + piece
        self._seen += len(piece)
        if self._tag and len(text) < MAX_TAG and "<" not in piece and ">" not in piece:
            self._carry = text  # still inside an opening tag
            return
        base, pos, self._tag = self._seen - len(text), 0, False
        while self.end is None:
            after = self._skip(text, pos) if self._inside else self._step(text, pos, base)
            if after is None:
                break
            pos = after

    def _skip(self, text: str, pos: int) -> int | None:
        at = text.find(self._inside, pos)
        if at < 0:
            self._carry = text[max(pos, len(text) - len(self._inside) + 1) :]
            return None
        end = at + len(self._inside)
        self._inside = ""
        return end

    def _step(self, text: str, pos: int, base: int) -> int | None:
        """Read one token; None if more text is needed."""
        found = self._tokens.search(text, pos)
        if found is None:
            last = text.rfind("<", pos)
            self._carry = text[last:] if last >= 0 and self._may_begin(text[last:]) else ""
            return None
        token = found.group()
        if token in _CLOSERS:
            self._inside = _CLOSERS[token] if self.opened else ""
        elif token.startswith("</"):
            self._close(base + found.end())
        else:
            return self._open(text, found.start(), base)
        return found.end()

    def _open(self, text: str, at: int, base: int) -> int | None:
        tag = self._whole.match(text, at, at + MAX_TAG)
        if tag is None:
            if opening(self._kind, text, at, len(text), False) is NO:
                return at + 1
            self._carry, self._tag = text[at:], True
            return None
        self.opened.append(base + at)
        if tag.group(1):
            self._close(base + tag.end())
        return tag.end()

    def _close(self, end: int) -> None:
        if not self.opened:
            return
        self.pairs[self.opened.pop()] = end
        if self._once and not self.opened:
            self.end = end

    def _may_begin(self, tail: str) -> bool:
        """Return whether a text with this end may continue to a token."""
        if any(lead.startswith(tail) for lead in _CLOSERS):
            return True
        tail, root = _folded(self._kind, tail), _folded(self._kind, self._kind.root or "")
        closer = f"</{root}"
        if closer.startswith(tail) or f"<{root}".startswith(tail):
            return True
        return tail.startswith(closer) and len(tail) <= len(closer) + _GAP and not tail[len(closer) :].strip(BLANK)


class Lines(State):
    """Finds the closing line of a fenced document in a text that arrives in pieces; begins after the opening line.

    `end` is where the document ends. Up to `safe` the text belongs to it, whatever follows.
    """

    __slots__ = ("_carry", "_kind", "_seen", "end", "safe")

    def __init__(self, kind: DocumentType) -> None:
        self._kind = kind
        self.end: int | None = None
        self.safe = 0
        self._carry, self._seen = "", 0

    def feed(self, piece: str, final: bool = False) -> None:
        """Read more text; `final`: there is no more."""
        text = self._carry + piece
        self._seen += len(piece)
        base = self._seen - len(text)
        found = _closing(self._kind.closer, final).search(text)
        if found is not None:
            self.end = self.safe = base + found.end(1)
            return
        last = text.rfind("\n")
        tail = text[last:] if last >= 0 else ""
        line = tail[1:].lstrip(" \t")
        closer = self._kind.closer
        closed = line.startswith(closer)
        possible = closer.startswith(line) if not closed else not line[len(closer) :].strip(" \t\r")
        self._carry = tail if tail and possible and len(tail) <= len(closer) + _GAP + 8 else ""
        blanks = len(line) - len(closer) if self._carry and closed else 0
        self.safe = self._seen - blanks


Ending = Union[Elements, Lines]


def ending(kind: DocumentType) -> Ending:
    """Return what finds the end of a document: feed it from the root's start, or from the end of the opening line."""
    return Lines(kind) if kind.fence is not None else Elements(kind, once=True)


@lru_cache(maxsize=256)
def _closing(closer: str, final: bool) -> re.Pattern[str]:
    end = r"\r?(?:\n|\Z)" if final else r"\r?\n"
    return re.compile(rf"\n([ \t]{{0,3}}{re.escape(closer)})[ \t]{{0,{_GAP}}}(?={end})")


# Documents in a text that is complete.

_MARKDOWN: Final = re.compile(r"^ {0,3}(`{3,}(?=[^`\n]*$)|~{3,})", re.MULTILINE)


def find_documents(kinds: Sequence[DocumentType], text: str, anywhere: bool) -> list[Extent]:
    """Return the documents in a text, in order and not overlapping; not those in a Markdown fence.

    A root element counts at the start of a line; `anywhere`: also after any blank. A document without its closer is
    returned only if it is the last.
    """
    candidates = [found for kind in dict.fromkeys(kinds) for found in _candidates(kind, text, anywhere)]
    order = {kind: i for i, kind in enumerate(kinds)}
    last = max((found.start for found in candidates if found.complete), default=-1)
    candidates = [found for found in candidates if found.complete or found.start > last]
    candidates.sort(key=lambda found: (found.start, order[found.kind]))
    return list(_apart(candidates, text))


def _apart(candidates: Sequence[Extent], text: str) -> Iterator[Extent]:
    """Yield those that are neither inside an earlier one nor in a Markdown fence."""
    pos = 0
    fence = _MARKDOWN.search(text)
    for found in candidates:
        while fence is not None and fence.start(1) < found.start:
            if fence.start() >= pos:
                pos = _end_of_fence(fence.group(1), text, fence.end())
            fence = _MARKDOWN.search(text, max(pos, fence.end()))
        if found.start >= pos:
            yield found
            pos = found.end


def _end_of_fence(fence: str, text: str, pos: int) -> int:
    closing = re.compile(rf"\n {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*(?=\r?(?:\n|\Z))").search(text, pos)
    return closing.end() if closing is not None else len(text)


def _candidates(kind: DocumentType, text: str, anywhere: bool) -> Iterator[Extent]:
    if kind.fence is not None:
        yield from _fenced(kind, text)
        return
    elements = Elements(kind, once=False)
    elements.feed(text)
    for start, end in elements.pairs.items():
        if _may_open(text, start, anywhere):
            yield Extent(kind, start, end)
    for start in elements.opened:
        if _may_open(text, start, anywhere):
            yield Extent(kind, start, len(text), complete=False)


def _fenced(kind: DocumentType, text: str) -> Iterator[Extent]:
    ends = [(found.start(), found.end(1)) for found in _closing(kind.closer, True).finditer(text)]
    for line in re.finditer(rf"^[ \t]*({re.escape(kind.fence or '')})[ \t]*(?=\r?$)", text, re.MULTILINE):
        i = bisect_left(ends, (line.end(), 0))
        whole = i < len(ends)
        yield Extent(kind, line.start(1), ends[i][1] if whole else len(text), whole)


def _may_open(text: str, at: int, anywhere: bool) -> bool:
    if anywhere:
        return at == 0 or text[at - 1] in BLANK
    line = text.rfind("\n", max(0, at - _LINE), at)
    return not text[line + 1 : at].strip(" \t") and (line >= 0 or at < _LINE)
