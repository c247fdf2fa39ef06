"""Calls whose opener is damaged: a marker stands twice, or a part of it is missing (R-MISSING).

It is asked only where no whole opener stands, and what it finds names a declared tool. It knows nothing of events.
Law: an answer never changes when more text arrives, except from `WAIT`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations

from wireproto.engine.bare_openers import find_bare_key
from wireproto.engine.call_opening import CallOpening, Notes, OpenerContext, Opening, find_argument
from wireproto.engine.further_calls import find_further
from wireproto.format.alphabet import ALPHABETS
from wireproto.format.spelling import CACHED, Spelling, is_distinctive
from wireproto.format.template import Gap, Lit, Node, Template
from wireproto.text.scan import NO, WAIT, YES, Answer, Literals, Match, Miss, begins, skip_blank

# How a marker looks that nobody writes by chance: a special token, or a tag of a name space.
_SPECIAL = re.compile(r"<[|｜]|<[a-z]+:")
_TOKENS = re.compile(r"<[|｜][^<>|｜]*[|｜]>|(?:(?!<[|｜][^<>|｜]*[|｜]>).)+", re.DOTALL)
_TWO_WORDS = re.compile(r"[^\s<\[`]*(?:\s+[^\s<\[`]*\s*)?")
_MARKS = ("<", "[", "`")
_LONGEST_WORDS = 512
_NOISE = 96  # characters between a section's opener and its first call that are looked through
_PATIENCE = 24
_PARTIAL = ("damaged-opener", "a part of the call's opener is missing")
_MOST = 3  # how often a marker may stand there once more


def find_damaged(
    spellings: Sequence[Spelling],
    inside: Spelling | None,
    text: str,
    pos: int,
    end: int,
    context: OpenerContext,
    behind: str = "",
) -> CallOpening | Miss:
    """Find the first spelling whose call opens at `pos` with a damaged opener; the arguments are as in `find_call`.

    `behind` names the call that ended right before, in the first of the spellings.
    """
    left, tried = context.left, False
    for spelling in spellings if left is None or left.may_repair(left.buffer.base + pos) else ():
        if context.own not in ("", spelling.dialect.name):
            continue  # what is damaged and foreign is likelier prose
        prose = _is_prose(spelling, text, pos, end, context)
        tried = tried or prose is NO
        readings = _readings(spelling, spelling is inside, text, pos, end, context) if prose is NO else (prose,)
        for found in readings:
            if found is WAIT and left is not None:
                # Each try costs more than a character may: the next one comes when there is enough to decide on.
                left.retry_at = left.buffer.end + _PATIENCE
            if isinstance(found, CallOpening) or found is WAIT:
                return found
    if tried and left is not None and left.tried_at != left.buffer.base + pos:
        left.tried_at, left.repairs = left.buffer.base + pos, left.repairs - 1
    return find_further(spellings[0], behind, context.tools, text, pos, end, context.final) if behind else NO


def _is_prose(spelling: Spelling, text: str, pos: int, end: int, context: OpenerContext) -> Answer:
    """Return whether a word or a mark stands at `pos` that no opener begins with, however damaged: most lines begin so.

    Behind a word that one may begin with, a marker comes after another word at most.
    """
    tools = context.tools
    if tools.any_name or tools.unusual.names:
        return NO
    if text[pos : pos + 1] in _MARKS:
        return NO if _marks(spelling).may_stand(text, pos, end) else YES
    if not text[pos : pos + 1].isalpha():
        return NO
    words = (*tools.names, *_words(spelling))
    if all(begins(word, text, pos, end) is NO for word in words):
        return YES
    found = _TWO_WORDS.match(text, pos, end)
    if found is None or tools.unusual.keys:
        return NO
    at = found.end()
    if at < end:
        return NO if text[at] in _MARKS and _marks(spelling).may_stand(text, at, end) else YES
    return NO if context.final or at - pos > _LONGEST_WORDS else WAIT


@lru_cache(maxsize=CACHED)
def _marks(spelling: Spelling) -> Literals:
    """Return the markers that an opener may begin with, or that stand behind its first words."""
    templates = (*(section for section, _ in spelling.sections), *_inner(spelling), *spelling.keys)
    templates += spelling.closers[:1] if spelling.paired else ()  # see `_pair`
    pieces = (*_pieces(templates), *_pieces(spelling.dialect.call.id))
    return Literals(frozenset(piece for piece in pieces if piece.startswith(_MARKS)))


@lru_cache(maxsize=CACHED)
def _words(spelling: Spelling) -> tuple[str, ...]:
    """Return the words that a header or an id of the spelling may begin with, once what stands before it is gone."""
    pieces = (*_pieces(_inner(spelling)), *_pieces(spelling.dialect.call.id))
    return tuple(piece for piece in dict.fromkeys(pieces) if piece[:1].isalpha())


def _inner(spelling: Spelling) -> list[Template]:
    """Return the markers of a call behind its section."""
    return [*([spelling.wrapper] if spelling.wrapper is not None else []), *spelling.headers]


def _pieces(markers: Iterable[Template]) -> Iterator[str]:
    """Yield what markers are made of: special tokens, and the text between them."""
    return (piece for marker in markers for text in marker.literals for piece in _TOKENS.findall(text))


def _readings(
    spelling: Spelling, in_section: bool, text: str, pos: int, end: int, context: OpenerContext
) -> Iterator[CallOpening | Miss]:
    known = not context.tools.any_name
    in_line = known and _may_stand_in_line(text, pos, context)
    context = context._replace(line_start=True) if in_line else context
    if in_line or _repeats(spelling, text, pos, end):
        yield from _read(spelling, spelling, in_section, text, pos, end, context)
    for form in _parts(spelling):
        yield from _read(spelling, form, in_section, text, pos, end, context)
    if known and spelling.paired:
        yield _pair(spelling, text, pos, end, context)
    for section, close in spelling.sections if known and not in_section else ():
        yield _behind_noise(spelling, section, close, text, pos, end, context)


def _read(
    spelling: Spelling, form: Spelling, in_section: bool, text: str, pos: int, end: int, context: OpenerContext
) -> Iterator[CallOpening | Miss]:
    """Yield what opens in one form of the spelling: in the section that is open, and in none."""
    notes = [_PARTIAL] if form is not spelling else []
    for within in (True, False) if in_section and spelling.sections else (in_section,):
        found = _Damaged(form, text, end, context, within).at(pos)
        yield (
            found._replace(spelling=spelling, notes=(*notes, *found.notes)) if isinstance(found, CallOpening) else found
        )


def _repeats(spelling: Spelling, text: str, pos: int, end: int) -> bool:
    """Return whether a marker stands twice in a row among those at `pos`, or may."""
    markers = [*(section for section, _ in spelling.sections), *_inner(spelling)]
    last, at = "", pos
    for _ in range(_MOST + len(markers)):  # what stands twice is among the first of them
        if at >= end:
            return True
        found = next((m for m in markers if m.first and text.startswith(_first_token(m.first), at, end)), None)
        if found is None:
            return last.startswith(text[at : min(end, at + len(last) + 1)])
        token = _first_token(found.first)
        if token == last or begins(token, text, skip_blank(text, at + len(token), end), end) is not NO:
            return True
        whole = found.match(text, at, end)
        if whole is WAIT:
            return True
        at = skip_blank(text, whole.end if isinstance(whole, Match) else at + len(token), end)
        last = token
    return False


def _may_stand_in_line(text: str, pos: int, context: OpenerContext) -> bool:
    """Return whether a special token stands at `pos`, and not in quotation marks, inline code or a fence."""
    left = context.left
    if left is None or context.line_start is False or _SPECIAL.match(text, pos) is None:
        return False
    position = left.buffer.base + pos
    return not left.in_quotation(position) and not left.follows_opener(position, context.openers)


class _Damaged(Opening):
    """One spelling, tried at one place, where each marker may stand more than once. Only declared tools count."""

    __slots__ = ("_twice",)
    _twice: bool

    def at(self, pos: int) -> CallOpening | Miss:
        """Find the opener of a call at `pos`."""
        self._twice = False
        spelling = self._spelling
        outer = [section for section, _ in spelling.sections] if not self._in_section else []
        start = self._last_of([*outer, *_inner(spelling)], pos)
        found = super().at(start) if isinstance(start, int) else start
        if not isinstance(found, CallOpening) or not self._twice:
            return found
        return found._replace(notes=(*found.notes, ("duplicate-opener", "")))

    def _call(self, pos: int, section: tuple[int, int] | None, section_close: str) -> CallOpening | Miss:
        start = self._last_of(_inner(self._spelling), skip_blank(self._text, pos, self._end)) if section else pos
        return super()._call(start, section, section_close) if isinstance(start, int) else start

    def _header(
        self, header: Template, pos: int, recovered: bool, bodiless: bool = False
    ) -> tuple[Match, str, str | None, str | None, Notes, Match | None] | Miss:
        start = self._last_of([header], pos)
        if not isinstance(start, int):
            return start
        return super()._header(header, start, recovered or bool(header.roles), bodiless)

    def _last_of(self, markers: Iterable[Template], pos: int) -> int | Miss:
        """Return where a marker stands for the last time that stands at `pos` once, or several times in a row."""
        text, end = self._text, self._end
        for marker in markers:
            token = _first_token(marker.first)
            stands = begins(token, text, pos, end)
            if stands is not YES:
                if stands is WAIT and not self._context.final:
                    return WAIT
                continue
            found = marker.match(text, pos, end)
            for width in (len(token), found.end - pos if isinstance(found, Match) else 0):
                word = text[pos : pos + width]
                if not is_distinctive(word):
                    continue
                at = self._repeated(word, pos)
                if at != pos:
                    return at
            if found is WAIT and not self._context.final:
                return WAIT  # it may stand once more behind its end
        return pos

    def _repeated(self, word: str, pos: int) -> int | Miss:
        text, end, start = self._text, self._end, pos
        for _ in range(_MOST):
            after = skip_blank(text, start + len(word), end)
            stands = begins(word, text, after, end)
            if stands is WAIT and not self._context.final:
                return WAIT
            if stands is not YES:
                break
            start, self._twice = after, True
        return start


@lru_cache(maxsize=CACHED)
def _first_token(first: str) -> str:
    """Return the special token, or the text, that a marker's first literal begins with."""
    return next(iter(_TOKENS.findall(first)), "")


@lru_cache(maxsize=CACHED)
def left_over(spelling: Spelling) -> tuple[str, ...]:
    """Return the special tokens of an opener, any of which may be all that is left of it."""
    pieces = dict.fromkeys(_pieces(_inner(spelling)))
    return tuple(piece for piece in pieces if _SPECIAL.match(piece) and is_distinctive(piece))


@lru_cache(maxsize=CACHED)
def _parts(spelling: Spelling) -> tuple[Spelling, ...]:
    """Return the spelling with what may be left of its wrapper, and of its headers, the most first.

    Only special tokens can be told from text by themselves: one has to be left.
    """
    forms = []
    if spelling.wrapper is not None and spelling.sections:
        forms += [replace(spelling, wrapper=Template(rest)) for rest in _remains(spelling.wrapper.trimmed)]
    header = spelling.headers[0]
    if header.roles and spelling.codec.body == "object":
        heads = tuple(Template(rest) for rest in _remains(header.trimmed))
        forms += [replace(spelling, headers=heads, late_headers=())] if heads else []
    return tuple(forms)


def _remains(nodes: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """Yield what may be left of a marker; between two tokens blanks may stand."""
    pieces: list[Node] = []
    for node in nodes:
        pieces += map(Lit, _TOKENS.findall(node.text)) if isinstance(node, Lit) else [node]
    fixed = [i for i, node in enumerate(pieces) if isinstance(node, Lit)]
    for count in range(len(fixed) - 1, 0, -1):
        for kept in combinations(fixed, count):
            if any(_SPECIAL.match(pieces[i].text) for i in kept):  # type: ignore[union-attr]
                rest = [node for i, node in enumerate(pieces) if i in kept or i not in fixed]
                yield tuple(_with_gaps(rest))


def _with_gaps(nodes: list[Node]) -> Iterator[Node]:
    for before, node in zip([None, *nodes], nodes, strict=False):
        if isinstance(before, Lit) and isinstance(node, Lit):
            yield Gap("")
        yield node


def _pair(spelling: Spelling, text: str, pos: int, end: int, context: OpenerContext) -> CallOpening | Miss:
    """Find a call of key/value pairs whose own marker, or the one before its first key, is missing.

    The tool and the key have to be declared.
    """
    header = spelling.headers[0]
    stands = begins(header.first, text, pos, end)
    if stands is WAIT:
        return WAIT
    if stands is NO:
        left = context.left
        if context.line_start is False or left is None:
            return NO
        if not left.is_alone(left.buffer.base + pos, context.openers):
            return NO
    lost = ("missing-wrapper", "the call's opening marker is missing")
    notes = [("missing-key-opener", "")] if stands is YES else [lost]
    start = skip_blank(text, pos + len(header.first), end) if stands is YES else pos
    known = context.tools.by_name
    unusual = {name: begins(name, text, start, end) for name in context.tools.unusual.names}
    word = ALPHABETS["name"].match(text, start, end)
    stop = word.end() if word is not None else start
    if not context.final and (start >= end or (word is not None and stop >= end) or WAIT in unusual.values()):
        return WAIT
    names = [name for name, found in unusual.items() if found is YES]
    names += [text[start:at] for at in range(stop, start, -1)]
    for tool in (known[name] for name in names if name in known):
        stop = start + len(tool.name)
        if stands is YES:
            key = find_bare_key(spelling, tool, text, stop, end)
        else:
            key = find_argument(spelling, text, skip_blank(text, stop, end), end, tool)
        if key is WAIT and not context.final:
            return WAIT
        close = spelling.call_close(tool.name)
        if key is NO and stands is NO and not tool.required:
            closes = begins(close, text, skip_blank(text, stop, end), end)
            if closes is YES:
                return CallOpening(spelling, pos, stop, close, tool.name, None, False, None, "", notes=tuple(notes))
            if closes is WAIT and not context.final:
                return WAIT
        if isinstance(key, Match) and key.slots["key"] in tool.keys:
            return CallOpening(
                spelling, pos, stop, close, tool.name, None, False, None, "", notes=tuple(notes), argument=key
            )
    return NO


def _behind_noise(
    spelling: Spelling, section: Template, close: str, text: str, pos: int, end: int, context: OpenerContext
) -> CallOpening | Miss:
    """Find the first call of a section behind a few words that do not belong there."""
    first = spelling.wrapper.first if spelling.wrapper is not None else spelling.headers[0].first
    if not (_SPECIAL.match(section.first) and _SPECIAL.match(first)):
        return NO
    found = section.match(text, pos, end)
    if not isinstance(found, Match):
        return found
    limit = found.end + _NOISE + 1
    at = text.find("<", found.end, min(end, limit))
    if at < 0:
        return WAIT if end < limit and not context.final else NO
    inner = Opening(spelling, text, end, context, in_section=True).at(at)
    if not isinstance(inner, CallOpening) or inner.name not in context.tools.by_name:
        return inner if inner is WAIT else NO
    notes = (("damaged-opener", "text stands between the opener of the section and the call"), *inner.notes)
    return inner._replace(section=(pos, found.end), section_close=close, noise=(found.end, at), notes=notes)
