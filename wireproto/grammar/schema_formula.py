"""Which values may stand somewhere, as a formula over places of a schema document.

It must not know what any place says. Law: a formula is normal (negation only at places, parts sorted, each once), so
that a recursive schema has finitely many of them and each becomes one rule.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Every:
    """What all parts accept; without parts, every value."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """What some part accepts; without parts, no value."""

    parts: tuple[Formula, ...]


Formula = Union[Place, Not, Every, Some]

TRUE: Final = Every(())
FALSE: Final = Some(())


def both(*formulas: Formula) -> Formula:
    """Return what all formulas accept."""
    parts: set[Formula] = set()
    for formula in formulas:
        parts.update(formula.parts if isinstance(formula, Every) else (formula,))
    if FALSE in parts or any(inverse(part) in parts for part in parts if isinstance(part, Not)):
        return FALSE
    # What is one of several and stands here itself says nothing more.
    kept = [each for each in parts if not (isinstance(each, Some) and any(part in parts for part in each.parts))]
    return kept[0] if len(kept) == 1 else Every(tuple(sorted(kept, key=repr)))


def either(*formulas: Formula) -> Formula:
    """Return what some formula accepts."""
    parts: set[Formula] = set()
    for formula in formulas:
        parts.update(formula.parts if isinstance(formula, Some) else (formula,))
    if TRUE in parts or any(inverse(part) in parts for part in parts if isinstance(part, Not)):
        return TRUE
    kept = [each for each in parts if not (isinstance(each, Every) and any(part in parts for part in each.parts))]
    return kept[0] if len(kept) == 1 else Some(tuple(sorted(kept, key=repr)))


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
