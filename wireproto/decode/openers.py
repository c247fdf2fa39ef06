"""What to look for outside calls: the forms of a dialect and of its relatives, by the literals they begin with.

Law: which forms are tried at a literal, and in which order, depends on the dialect alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

from wireproto.engine.call_opening import CallOpening
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.format.registry import dialects
from wireproto.format.spelling import CACHED, Literals, Spelling, spellings
from wireproto.text.scan import Miss

FENCE_WIDTH = 3
MAX_HEAD = 512  # longer than any name or id
FENCES = ("`" * FENCE_WIDTH, "~" * FENCE_WIDTH)


@dataclass(frozen=True, slots=True, eq=False)
class OpenerTable:
    """Forms, and the literals that are live in open text and in text that is guarded (fences, reasoning).

    `dialect` is None while it is not known which; `own` names the one whose calls are not foreign, empty if none is.
    `thoughts` are the closers of reasoning by its opener, `thought_closers` all of them. `line_heads` are what a line
    begins with that holds a header without its first marker; if they are known, the literals hold them behind a break.
    """

    dialect: Dialect | None
    own: str
    by_literal: dict[str, tuple[Spelling, ...]]
    openers: tuple[str, ...]
    text: Literals
    guarded: Literals
    markerless: tuple[Spelling, ...]
    late: tuple[Spelling, ...]
    thoughts: Mapping[str, tuple[str, ...]]
    thought_closers: tuple[str, ...]
    line_heads: tuple[str, ...] = ()

    @property
    def ends_thought(self) -> bool:
        """Whether a call ends the reasoning that it stands in."""
        return self.dialect is not None and self.dialect.reasoning is not None and self.dialect.reasoning.ends_at_call

    def reopens(self, literal: str, closers: tuple[str, ...]) -> bool:
        """Tell whether a literal opens the reasoning again that one of the closers ends."""
        return not set(closers).isdisjoint(self.thoughts.get(literal, ()))

    def settle(self, opened: CallOpening, in_section: bool) -> tuple[OpenerTable, CallOpening]:
        """Return what to look for from here on, and the opener of the call that begins; `in_section`: one is open.

        Where dialects differ only in markers that this call lacks, it may end with those of any of them.
        """
        form = opened.form
        lone = not (opened.wrapped or in_section) and opened.section is None
        return self, replace(opened, form=_widened(form)) if lone and form.sections else opened

    def seek(self, text: str, pos: int, end: int, kind: str, final: bool) -> tuple[int, str | None]:
        """Return where the next live literal stands in a region of this kind, and the literal.

        It is a line break where the line behind it may lack its first marker; None if more text may complete one there.
        """
        literals = self.text if kind == "text" else self.guarded
        by_line = self.late and not self.line_heads and kind != "fence"
        line = text.find("\n", pos, end) if by_line else -1
        hit = literals.find(text, pos, line if line >= 0 else end)
        if hit is None:
            return (line, "\n") if line >= 0 else (literals.held(text, pos, end), None)
        if hit.group()[0] == "\n":
            return hit.start(), "\n"
        return hit.start(), hit.group() if final or not literals.open_ended(text, hit.start(), end) else None

    def lacks_marker(self, text: str, pos: int, end: int) -> bool:
        """Tell whether what remains of a header without its first marker stands at `pos`, or may."""
        if self.line_heads and not text.startswith(self.line_heads, pos, end):
            rest = "\n" + text[pos : min(end, pos + MAX_HEAD)]
            if not self.guarded.open_ended(rest, 0, len(rest)):
                return False
        headers = (header for form in self.late for header in form.late_headers)
        return any(header.match(text, pos, end) is not Miss.NO for header in headers)


@lru_cache(maxsize=CACHED)
def opener_table(dialect: Dialect, fences: bool, documents: frozenset[str] = frozenset()) -> OpenerTable:
    """Return what to look for in a dialect's output; `fences`: Markdown fences too; `documents`: what opens those."""
    own = spellings(dialect)
    every = (*own, *_relatives(dialect))
    by_literal: dict[str, list[Spelling]] = {}
    for form in every:
        for literal in form.openers:
            by_literal.setdefault(literal, []).append(form)
    thoughts = thought_markers((dialect,))
    guarded, others = live(every, thoughts, fences)
    return OpenerTable(
        dialect,
        dialect.name,
        {literal: tuple(found) for literal, found in by_literal.items()},
        tuple(by_literal),
        Literals(guarded | others | documents),
        Literals(guarded),
        tuple(form for form in own if form.markerless),
        tuple(form for form in own if form.late_headers),
        thoughts,
        tuple(chain.from_iterable(thoughts.values())),
    )


def thought_markers(dialects: Iterable[Dialect]) -> dict[str, tuple[str, ...]]:
    """Return the closers of reasoning by its opener."""
    found: dict[str, tuple[str, ...]] = {}
    for thinking in (each.reasoning for each in dialects):
        if thinking is not None:
            found[thinking.open] = tuple(dict.fromkeys((*found.get(thinking.open, ()), thinking.close)))
    return found


def live(
    every: Iterable[Spelling], thoughts: Mapping[str, tuple[str, ...]], fences: bool
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the literals to look for everywhere, and those for open text alone."""
    openers = frozenset(literal for form in every for literal in form.openers)
    openers |= {close for form in every for _, close in form.sections if len(close) > 1}
    return openers | thoughts.keys(), frozenset((*chain.from_iterable(thoughts.values()), *(FENCES if fences else ())))


def _relatives(dialect: Dialect) -> list[Spelling]:
    """Return the forms of other dialects that share a marker with this one (R-FOREIGN); no two that read the same."""
    if dialect.nonce:
        return []  # what does not hold the salt is content
    own = {literal for form in spellings(dialect) for literal in form.openers if len(literal) > 2}
    taken = {_shape(form) for form in spellings(dialect)}
    found: list[Spelling] = []
    for name in dialects():
        found_here = spellings(find_dialect(name))
        for form in found_here if found_here[0].openers & own else ():
            if form.openers & own and _shape(form) not in taken:
                found.append(form)
                taken.add(_shape(form))
    return found


def _shape(form: Spelling) -> tuple[object, ...]:
    return form.sections, form.wrapper, form.headers, form.keys, form.value_closer, form.closers


@lru_cache(maxsize=CACHED)
def _widened(form: Spelling) -> Spelling:
    """Return a form that also knows the sections of the others whose calls have the same markers inside."""
    others = chain.from_iterable(spellings(find_dialect(name)) for name in dialects())
    kin = [other.sections for other in others if _inside(other) == _inside(form)]
    return replace(form, sections=tuple(dict.fromkeys((*form.sections, *chain.from_iterable(kin)))))


def _inside(form: Spelling) -> tuple[object, ...]:
    return form.wrapper, form.headers[0].first, form.closers[:1], form.value_closer
