"""Boolean formulas over the schemas of a document: which values are allowed somewhere.

It must not know what any schema means. Law: a formula is in negation normal form and holds each part once, so that a
recursive schema has finitely many formulas, and each becomes one rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Union


@dataclass(frozen=True, slots=True)
class SchemaRef:
    """The schema at a JSON pointer; with `constant` exactly the JSON value there (`const`, `enum`).

    `scope`: the schema resources on the way here, outermost first, if the document has dynamic references.
    """

    pointer: str
    scope: tuple[str, ...] = ()
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """Every value that a schema refuses."""

    ref: SchemaRef


@dataclass(frozen=True, slots=True, eq=False)
class _Operands:
    """Several formulas, each once; their order is kept, and plays no part in equality."""

    parts: tuple[Formula, ...]
    _alike: frozenset[Formula] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A frozen set keeps its hash.
        object.__setattr__(self, "_alike", frozenset(self.parts))

    def __eq__(self, other: object) -> bool:
        alike = isinstance(other, _Operands) and type(self) is type(other) and self._alike == other._alike
        return self is other or alike

    def __hash__(self) -> int:
        return hash(self._alike)


@dataclass(frozen=True, slots=True, eq=False)
class AllOf(_Operands):
    """What all parts accept; every value if there are none."""


@dataclass(frozen=True, slots=True, eq=False)
class AnyOf(_Operands):
    """What some part accepts; no value if there are none."""


Formula = Union[SchemaRef, Not, AllOf, AnyOf]

TRUE: Final = AllOf(())
FALSE: Final = AnyOf(())


def conjunction(*formulas: Formula) -> Formula:
    """Return what all formulas accept."""
    known = [formula for formula in formulas if formula is not TRUE]
    if len(known) < 2:
        return known[0] if known else TRUE
    parts: dict[Formula, None] = {}
    for formula in known:
        parts.update(dict.fromkeys(formula.parts if isinstance(formula, AllOf) else (formula,)))
    if FALSE in parts or any(part.ref in parts for part in parts if isinstance(part, Not)):
        return FALSE
    # Absorption: `A and (A or B)` is `A`.
    kept = [each for each in parts if not (isinstance(each, AnyOf) and any(part in parts for part in each.parts))]
    return kept[0] if len(kept) == 1 else AllOf(tuple(kept)) if kept else TRUE


def disjunction(*formulas: Formula) -> Formula:
    """Return what some formula accepts."""
    parts: dict[Formula, None] = {}
    for formula in formulas:
        parts.update(dict.fromkeys(formula.parts if isinstance(formula, AnyOf) else (formula,)))
    if TRUE in parts or any(part.ref in parts for part in parts if isinstance(part, Not)):
        return TRUE
    kept = [each for each in parts if not (isinstance(each, AllOf) and any(part in parts for part in each.parts))]
    return kept[0] if len(kept) == 1 else AnyOf(tuple(kept)) if kept else FALSE


def negation(formula: Formula) -> Formula:
    """Return what a formula refuses."""
    if isinstance(formula, SchemaRef):
        return Not(formula)
    if isinstance(formula, Not):
        return formula.ref
    parts = [negation(part) for part in formula.parts]
    return disjunction(*parts) if isinstance(formula, AllOf) else conjunction(*parts)


def pointer_of(formula: Formula) -> str:
    """Return the pointer of the first schema in a formula."""
    while not isinstance(formula, (SchemaRef, Not)):
        if not formula.parts:
            return ""
        formula = formula.parts[0]
    return formula.ref.pointer if isinstance(formula, Not) else formula.pointer
