"""Which values may stand somewhere, as a formula over places of a schema document.

It must not know what any place says. Law: a formula is normal (negation only at places, each part once), so
that a recursive schema has finitely many of them and each becomes one rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Union


@dataclass(frozen=True, slots=True)
class Place:
    """The schema at a JSON pointer, or with `constant` the JSON value there, which only equals itself.

    `scope`: the schema resources on the way here, outermost first, if the document has dynamic references.
    """

    pointer: str
    scope: tuple[str, ...] = ()
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """Every value that a place refuses."""

    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """Several formulas, each once; their order is kept and says nothing."""

    parts: tuple[Formula, ...]
    _alike: frozenset[Formula] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A frozen set keeps its hash.
        object.__setattr__(self, "_alike", frozenset(self.parts))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, _Joined) and type(self) is type(other) and self._alike == other._alike
        )

    def __hash__(self) -> int:
        return hash(self._alike)


@dataclass(frozen=True, slots=True, eq=False)
class Every(_Joined):
    """What all parts accept; without parts, every value."""


@dataclass(frozen=True, slots=True, eq=False)
class Some(_Joined):
    """What some part accepts; without parts, no value."""


Formula = Union[Place, Not, Every, Some]

TRUE: Final = Every(())
FALSE: Final = Some(())


def both(*formulas: Formula) -> Formula:
    """Return what all formulas accept."""
    known = [formula for formula in formulas if formula is not TRUE]
    if len(known) < 2:
        return known[0] if known else TRUE
    parts: dict[Formula, None] = {}
    for formula in known:
        parts.update(dict.fromkeys(formula.parts if isinstance(formula, Every) else (formula,)))
    if FALSE in parts or any(part.place in parts for part in parts if isinstance(part, Not)):
        return FALSE
    # What is one of several and stands here itself says nothing more.
    kept = [each for each in parts if not (isinstance(each, Some) and any(part in parts for part in each.parts))]
    return kept[0] if len(kept) == 1 else Every(tuple(kept)) if kept else TRUE


def either(*formulas: Formula) -> Formula:
    """Return what some formula accepts."""
    parts: dict[Formula, None] = {}
    for formula in formulas:
        parts.update(dict.fromkeys(formula.parts if isinstance(formula, Some) else (formula,)))
    if TRUE in parts or any(part.place in parts for part in parts if isinstance(part, Not)):
        return TRUE
    kept = [each for each in parts if not (isinstance(each, Every) and any(part in parts for part in each.parts))]
    return kept[0] if len(kept) == 1 else Some(tuple(kept)) if kept else FALSE


def inverse(formula: Formula) -> Formula:
    """Return what a formula refuses."""
    if isinstance(formula, Place):
        return Not(formula)
    if isinstance(formula, Not):
        return formula.place
    parts = [inverse(part) for part in formula.parts]
    return either(*parts) if isinstance(formula, Every) else both(*parts)


def pointer_of(formula: Formula) -> str:
    """Return the pointer of the first place in a formula."""
    while not isinstance(formula, (Place, Not)):
        if not formula.parts:
            return ""
        formula = formula.parts[0]
    return formula.place.pointer if isinstance(formula, Not) else formula.pointer
