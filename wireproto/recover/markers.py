"""Where markers of calls stand in an output that the decoder has read, and what they stand around.

It counts and locates markers; whether a stretch holds a call it asks the decoder. Law: every question is answered in
time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from wireproto.decode.decoder import parse
from wireproto.decode.hypotheses import fences, iter_literals
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.format.registry import dialects
from wireproto.format.spelling import CACHED, Spelling, spellings
from wireproto.text.literals import Literals
from wireproto.text.scan import BLANK, skip_blank
from wireproto.tools.toolset import Toolset
from wireproto.values.model import Call, Message, Span
from wireproto.values.policy import NO_LOOPS, Policy

_LEAST = 4  # characters that a marker must have, or be cut after, to be told from prose
# Letters in brackets are anybody's markup.
_TELLING = re.compile(r"[^A-Za-z<>/\[\]()+ ]")
_ELLIPSIS = BLANK + ".…"
_PLAIN = Policy(second_look=False, loops=NO_LOOPS)


@dataclass(frozen=True, slots=True)
class Markers:
    """The markers around calls that are looked for.

    `openers` and `closers` stand once for each call, `begins` and `ends` are all that may stand first and last, those
    of sections among them; `words` are `begins` as texts. `telling` are those that nobody writes by chance.
    """

    openers: Literals
    closers: Literals
    begins: Literals
    ends: Literals
    telling: Literals
    words: tuple[str, ...]

    def count(self, literals: Literals, text: str) -> int:
        """Return how many of these stand in the text."""
        return sum(1 for _ in iter_literals(literals, text))

    def first(self, text: str) -> tuple[int, int] | None:
        """Return where the first marker stands that tells of calls."""
        found = self.telling.find(text)
        return found.span() if found is not None else None


@dataclass(frozen=True, slots=True)
class Found:
    """An output and what the decoder made of it. `pending` is what it held back at the end; `cut`: it was cut off."""

    text: str
    message: Message
    tools: Toolset
    dialect: Dialect | None
    markers: Markers
    pending: str
    cut: bool


@lru_cache(maxsize=CACHED)
def markers_of(dialect: Dialect | None) -> Markers:
    """Return the markers of calls of a dialect; of all dialects whose markers are no markup of documents, for None."""
    specs = [dialect] if dialect is not None else [found for found in map(find_dialect, dialects()) if not found.markup]
    known = [form for spec in specs for form in spellings(spec)]
    openers = _literals(word for form in known for word in _openers(form))
    closers = _literals(word for form in known for word in _closers(form)) - openers
    sections = _literals(close for form in known for _, close in form.sections)
    begins = _literals(word for form in known for word in form.openers)
    inner = _literals(word for form in known for word in form.dialect.call.open.literals)
    inner |= _literals(section.format().strip() for form in known for section, _ in form.sections)
    telling = frozenset(word for word in openers | closers | sections | begins | inner if _TELLING.search(word))
    return Markers(
        openers=Literals(openers),
        closers=Literals(closers),
        begins=Literals(begins),
        ends=Literals((closers | sections) - begins),
        telling=Literals(telling),
        words=tuple(sorted(begins)),
    )


def _literals(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word for word in words if len(word) >= _LEAST)


def _openers(form: Spelling) -> tuple[str, ...]:
    """Return what opens one call: its outermost own marker, or the section's where it has none."""
    if form.wrapper is not None:
        return form.wrapper.firsts
    first = tuple(word for header in form.headers for word in header.firsts)
    return first or tuple(word for section, _ in form.sections for word in section.firsts)


def _closers(form: Spelling) -> tuple[str, ...]:
    """Return what closes one call: its outermost own marker, or the section's where it has none."""
    if form.closers:
        return form.closers[-1].firsts
    return tuple(close for _, close in form.sections)


def cut_marker(found: Found) -> tuple[int, int] | None:
    """Return where the output breaks off in the markers that would begin a call, if it does."""
    tail = found.pending.strip(BLANK)
    start = len(found.text.rstrip(BLANK)) - len(tail)
    if not tail or any(call.span[1] > start for call in found.message.candidates):
        return None
    half = len(tail) >= _LEAST and any(word.startswith(tail) for word in found.markers.words if word != tail)
    whole = any(tail.startswith(word) for word in found.markers.words)
    if half or (whole and (found.cut or _starts_line(found.text, start))):
        return start, len(found.text)
    return None


def failed_block(found: Found) -> tuple[int, int] | None:
    """Return the first stretch between the markers of a call, on lines of their own, that holds something else."""
    text = found.text
    fenced = [*fences(text)] if "```" in text or "~~~" in text else []
    thought = [segment.span for segment in found.message.segments if segment.kind == "reasoning"]
    floor = 0
    for opener in iter_literals(found.markers.begins, text):
        start, inside = opener.span()
        alone = _TELLING.search(opener.group()) and _starts_line(text, start)
        if start < floor or not alone or text[inside : inside + 1] in (" ", "`", ""):
            continue
        if _within(fenced, start) or _within(thought, start):
            continue
        closer = found.markers.ends.find(text, inside)
        end = closer.start() if closer is not None else len(text)
        floor = closer.end() if closer is not None else len(text)
        ends_line = closer is not None and not text[floor : floor + 1].strip(BLANK)
        body = skip_blank(text, inside, len(text))
        begins_body = text[body : body + 1] in ("{", "[", "<", '"') or text.startswith(found.tools.names, body)
        if text[inside:end].strip(_ELLIPSIS) and (ends_line or begins_body):
            return start, floor
        if ends_line and not (text[:start] + text[floor:]).strip(BLANK):
            return start, floor
    return None


def nested_call(found: Found) -> tuple[int, int] | None:
    """Return where a call or a document stands in place of the other, if one does."""
    message = found.message
    for i, call in enumerate(message.calls):
        codes = {diagnosis.code for diagnosis in call.diagnoses}
        after = message.calls[i + 1] if i + 1 < len(message.calls) else None
        if not call.complete and "json-invalid" in codes and after is not None and after.span[0] == call.span[1]:
            return after.span
        if (not call.complete or "ambiguous-boundary" in codes) and _holds_call(found, call.raw, 1):
            return call.span
    for document in message.documents if not message.calls else ():
        if _holds_call(found, document.text) or _is_wrapped(found, document.input_span):
            return document.input_span
    return None


def without_section(found: Found, call: Call) -> Call | None:
    """Return a call that swallowed what follows it as it is without the section around it; None if it is the same."""
    doubtful = any(diagnosis.code == "ambiguous-boundary" for diagnosis in call.diagnoses)
    spec = found.dialect
    if spec is None or spec.section is None or found.cut or not (doubtful or not call.complete):
        return None
    alone = parse(call.raw, spec, found.tools, _PLAIN)
    if not alone.calls or not alone.calls[0].complete or alone.calls[0].arguments == call.arguments:
        return None
    start, end = alone.calls[0].span
    span = Span(call.span[0] + start, call.span[0] + end)
    kept = tuple(diagnosis for diagnosis in call.diagnoses if diagnosis.code == "ambiguous-boundary")
    return replace(call, arguments=alone.calls[0].arguments, complete=True, span=span, diagnoses=kept)


def _holds_call(found: Found, text: str, start: int = 0) -> bool:
    """Tell whether a whole call begins at a marker from `start` on."""
    opener = found.markers.openers.find(text, start)
    if found.dialect is None or opener is None:
        return False
    return any(call.complete for call in parse(text[opener.start() :], found.dialect, found.tools, _PLAIN).calls)


def _is_wrapped(found: Found, span: tuple[int, int]) -> bool:
    """Tell whether a document stands between the markers of a call, with nothing else there."""
    before, after = found.text[: span[0]].rstrip(BLANK), found.text[span[1] :].lstrip(BLANK)
    opens = any(before.endswith(word) for word in found.markers.words)
    closer = found.markers.ends.find(after)
    return opens and closer is not None and closer.start() == 0


def _starts_line(text: str, position: int) -> bool:
    return not text[text.rfind("\n", 0, position) + 1 : position].strip(" \t")


def _within(spans: Sequence[tuple[int, int]], position: int) -> bool:
    return any(start <= position < end for start, end in spans)
