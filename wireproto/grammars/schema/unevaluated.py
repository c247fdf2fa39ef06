"""`unevaluatedProperties` and `unevaluatedItems`: what other keywords have looked at, case by case.

It must not know rules. Law: the cases of a schema cover its values, and in each case every value has had the same keys
and items looked at, so that what was not looked at is known. Source: JSON Schema 2020-12 core, section 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from wireproto.grammars.automata.automaton import ANY_TEXT, NO_TEXT, Dfa, words_dfa
from wireproto.grammars.automata.patterns import pattern_dfa
from wireproto.grammars.schema import assertions
from wireproto.grammars.schema.document import DRAFT_2020
from wireproto.grammars.schema.formula import FALSE, TRUE, Formula, SchemaRef, disjunction
from wireproto.grammars.schema.sets import ArraySet, KeyClass, Member, ObjectSet, key_classes
from wireproto.grammars.schema.values import ANY_VALUE, NO_VALUE, ValueSet, restricted
from wireproto.values.errors import GrammarError, TooLarge

if TYPE_CHECKING:
    from wireproto.grammars.schema.reading import SchemaReader

_MAX_CASES: Final = 128
_MAX_NESTED: Final = 60


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What was looked at: the keys of a language, the first items (all if None), and items that match a formula."""

    keys: Dfa = NO_TEXT
    items: int | None = 0
    matched: tuple[Formula, ...] = ()

    def __or__(self, other: Evaluated) -> Evaluated:
        items = None if self.items is None or other.items is None else max(self.items, other.items)
        return Evaluated(self.keys | other.keys, items, tuple(sorted({*self.matched, *other.matched}, key=repr)))


@dataclass(frozen=True, slots=True)
class EvaluatedCase:
    """Some values, and what was looked at in each of them."""

    values: ValueSet
    seen: Evaluated = Evaluated()

    def __and__(self, other: EvaluatedCase) -> EvaluatedCase:
        return EvaluatedCase(self.values & other.values, self.seen | other.seen)


def cases(reader: SchemaReader, place: SchemaRef, over: bool, depth: int = 0) -> list[EvaluatedCase]:
    """Return the cases of the schema at a place."""
    if depth > _MAX_NESTED:
        raise GrammarError(f"{place.pointer or '#'}: $ref: a schema that only refers to itself, or too deep")
    return _Cases(reader, place, over, depth).all()


@dataclass(frozen=True, slots=True)
class _Cases:
    reader: SchemaReader
    place: SchemaRef
    over: bool
    depth: int

    def all(self) -> list[EvaluatedCase]:
        schema = self.reader.schema(self.place)
        found = [EvaluatedCase(self.reader.assertions(self.place, self.over), self.looked_at())]
        for keyword in ("$ref", "$dynamicRef"):
            if keyword in schema:
                found = _crossed(found, self.of(self.reader.target(self.place, keyword)))
        for part in self.reader.parts(self.place, "allOf"):
            found = _crossed(found, self.of(part))
        if "anyOf" in schema:
            found = _crossed(found, self.counted("anyOf", lambda count: count > 0))
        if "oneOf" in schema:
            found = _crossed(found, self.counted("oneOf", lambda count: count == 1))
        if "not" in schema:
            found = _crossed(found, [EvaluatedCase(self.refused(self.reader.sub(self.place, "not")))])
        if "if" in schema:
            found = _crossed(found, self.conditional())
        for key, formula in assertions.dependent_schemas(self.reader.document, self.place, schema):
            absent = EvaluatedCase(restricted(objects=(ObjectSet((Member(key, False, FALSE),)),)))
            present = EvaluatedCase(ValueSet(objects=(ObjectSet((Member(key, True, TRUE),)),)))
            found = _crossed(found, [absent, *_crossed([present], self.of(formula))])
        if "unevaluatedItems" in schema:
            found = [self.items(case) for case in found]
        if "unevaluatedProperties" in schema:
            found = [self.keys(case) for case in found]
        return _merged(found)

    def of(self, formula: Formula) -> list[EvaluatedCase]:
        if not isinstance(formula, SchemaRef):
            return [EvaluatedCase(ANY_VALUE)] if formula == TRUE else []
        return cases(self.reader, formula, self.over, self.depth + 1)

    def refused(self, formula: Formula) -> ValueSet:
        return ~self.reader.of(formula, not self.over)

    def looked_at(self) -> Evaluated:
        """Return what the keywords beside each other look at, without those that join schemas."""
        schema = self.reader.schema(self.place)
        keys = words_dfa(schema.get("properties", {}))
        for pattern in schema.get("patternProperties", {}):
            keys |= pattern_dfa(pattern)
        # Only since 2020-12 `contains` looks at the items that match.
        looks = "contains" in schema and self.reader.document.draft(self.place.pointer) == DRAFT_2020
        matched = (self.reader.sub(self.place, "contains"),) if looks else ()
        return Evaluated(ANY_TEXT if "additionalProperties" in schema else keys, _items_seen(schema), matched)

    def counted(self, keyword: str, wanted: Callable[[int], bool]) -> list[EvaluatedCase]:
        """Return the cases by which of the schemas of a list hold."""
        found: list[tuple[int, EvaluatedCase]] = [(0, EvaluatedCase(ANY_VALUE))]
        for part in self.reader.parts(self.place, keyword):
            held, refused = self.of(part), self.refused(part)
            following = [(count + 1, case & other) for count, case in found for other in held]
            following += [(count, EvaluatedCase(case.values & refused, case.seen)) for count, case in found]
            counts = sorted({min(count, 2) for count, _ in following})
            found = [
                (count, case) for count in counts for case in _merged(c for n, c in following if min(n, 2) == count)
            ]
        return _merged(case for count, case in found if wanted(count))

    def conditional(self) -> list[EvaluatedCase]:
        condition = self.reader.sub(self.place, "if")
        then = _crossed(self.of(condition), self.of(self.reader.sub(self.place, "then")))
        return then + _crossed([EvaluatedCase(self.refused(condition))], self.of(self.reader.sub(self.place, "else")))

    def items(self, case: EvaluatedCase) -> EvaluatedCase:
        if case.seen.items is None:
            return case
        rest = disjunction(self.reader.sub(self.place, "unevaluatedItems"), *case.seen.matched)
        asked = restricted(arrays=(ArraySet((TRUE,) * case.seen.items, rest),))
        return EvaluatedCase(case.values & asked, case.seen | Evaluated(items=None))

    def keys(self, case: EvaluatedCase) -> EvaluatedCase:
        value = self.reader.sub(self.place, "unevaluatedProperties")
        kinds = key_classes([KeyClass(case.seen.keys, TRUE), KeyClass(~case.seen.keys, value)])
        return EvaluatedCase(
            case.values & restricted(objects=(ObjectSet(kinds=kinds),)), case.seen | Evaluated(ANY_TEXT)
        )


def _items_seen(schema: Mapping[str, Any]) -> int | None:
    """Return how many first items are looked at; None for all."""
    items = schema.get("items")
    if isinstance(items, list):
        return None if "additionalItems" in schema else len(items)
    return None if "items" in schema else len(schema.get("prefixItems", []))


def _crossed(first: list[EvaluatedCase], second: list[EvaluatedCase]) -> list[EvaluatedCase]:
    return _merged(a & b for a in first for b in second)


def _merged(found: Iterable[EvaluatedCase]) -> list[EvaluatedCase]:
    """Return the cases that hold anything, those with the same things looked at as one."""
    joined: dict[Evaluated, list[ValueSet]] = {}
    for case in found:
        if not case.values.is_empty:
            joined.setdefault(case.seen, []).append(case.values)
        if len(joined) > _MAX_CASES:
            raise TooLarge(f"more than {_MAX_CASES} cases of what is unevaluated")
    return [EvaluatedCase(reduce(lambda a, b: a | b, each, NO_VALUE), seen) for seen, each in joined.items()]
