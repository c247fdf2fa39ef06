"""What to look for outside calls: the forms of a dialect and of its relatives, by the literals they begin with.

Law: which forms are tried at a literal, and in which order, depends on the dialect alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from wireproto.dialect import Dialect
from wireproto.nodes import Miss
from wireproto.registry import dialect as find_dialect
from wireproto.registry import dialects
from wireproto.states import CACHED, Form, Literals, forms

FENCE_WIDTH = 3
FENCES = ("`" * FENCE_WIDTH, "~" * FENCE_WIDTH)


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """Forms, and the literals that are live in open text and in text that is guarded (fences, reasoning)."""

    dialect: Dialect
    by_literal: dict[str, tuple[Form, ...]]
    openers: tuple[str, ...]
    text: Literals
    guarded: Literals
    markerless: tuple[Form, ...]
    late: tuple[Form, ...]

    def lacks_marker(self, text: str, pos: int, end: int) -> bool:
        """Tell whether what remains of a header without its first marker stands at `pos`, or may."""
        headers = (header for form in self.late for header in form.late_headers)
        return any(header.match(text, pos, end) is not Miss.NO for header in headers)


@lru_cache(maxsize=CACHED)
def front(dialect: Dialect, fences: bool, documents: frozenset[str] = frozenset()) -> Front:
    """Return what to look for in a dialect's output; `fences`: Markdown fences too; `documents`: what opens those."""
    own = forms(dialect)
    every = (*own, *_relatives(dialect))
    by_literal: dict[str, list[Form]] = {}
    for form in every:
        for literal in form.openers:
            by_literal.setdefault(literal, []).append(form)
    openers = frozenset(by_literal)
    extra = set(FENCES) if fences else set()
    if dialect.reasoning is not None:
        extra |= {dialect.reasoning.open, dialect.reasoning.close}
    openers |= {close for form in every for _, close in form.sections if len(close) > 1}
    return Front(
        dialect,
        {literal: tuple(found) for literal, found in by_literal.items()},
        tuple(by_literal),
        Literals(openers | extra | documents),
        Literals(openers | ({dialect.reasoning.open} if dialect.reasoning is not None else set())),
        tuple(form for form in own if form.markerless),
        tuple(form for form in own if form.late_headers),
    )


def _relatives(dialect: Dialect) -> list[Form]:
    """Return the forms of other dialects that share a marker with this one (R-FOREIGN); no two that read the same."""
    if dialect.nonce:
        return []  # what does not hold the salt is content
    own = {literal for form in forms(dialect) for literal in form.openers if len(literal) > 2}
    taken = {_shape(form) for form in forms(dialect)}
    found: list[Form] = []
    for name in dialects():
        form = forms(find_dialect(name))[0]
        if form.openers & own and _shape(form) not in taken:
            found.append(form)
            taken.add(_shape(form))
    return found


def _shape(form: Form) -> tuple[object, ...]:
    return form.sections, form.wrapper, form.headers, form.keys, form.value_closer, form.closers
