"""`unevaluatedProperties` and `unevaluatedItems`: what other keywords have not evaluated, case by case.

Which keys and items were evaluated depends on which subschemas hold (`anyOf`, `if`, ...). So a schema is split into
cases: in each the same keys and items were evaluated in every value, and the rest is what `unevaluated*` restricts.

It must not know rules. Law: the cases of a schema cover its values. Source: JSON Schema 2020-12 core, section 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from wireproto.automata.automaton import ANY_TEXT, NO_TEXT, Dfa, words_dfa
from wireproto.automata.patterns import pattern_dfa
from wireproto.grammars.schema import assertions
from wireproto.grammars.schema.document import DRAFT_2020
from wireproto.grammars.schema.formula import TRUE, Formula, SchemaRef, disjunction
from wireproto.grammars.schema.reading import SchemaReader, having, without
from wireproto.grammars.schema.sets import ArraySet, KeyClass, ObjectSet, key_classes
from wireproto.grammars.schema.values import ANY_VALUE, NO_VALUE, ValueSet, restricted
from wireproto.values.errors import GrammarError, TooLarge

# The cases of `anyOf`, `if` and others multiply.
_MAX_CASES: Final = 128
# As in `reading`: schemas that are read through one another.
_MAX_NESTED: Final = 60


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What was evaluated: the keys of a language, the first items (all if None), and items that match a formula."""

    keys: Dfa = NO_TEXT
    items: int | None = 0
    matched: tuple[Formula, ...] = ()

    def __or__(self, other: Evaluated) -> Evaluated:
        items = None if self.items is None or other.items is None else max(self.items, other.items)
        return Evaluated(self.keys | other.keys, items, tuple(sorted({*self.matched, *other.matched}, key=repr)))


@dataclass(frozen=True, slots=True)
class Case:
    """Some values, and what was evaluated in each of them."""

    values: ValueSet
    seen: Evaluated = Evaluated()

    def __and__(self, other: Case) -> Case:
        return Case(self.values & other.values, self.seen | other.seen)


def unevaluated_values(reader: SchemaReader, ref: SchemaRef, over: bool) -> ValueSet:
    """Return the values of a schema with `unevaluatedProperties` or `unevaluatedItems`."""
    return reduce(lambda a, b: a | b, (case.values for case in _cases(reader, ref, over, 0)), NO_VALUE)


def _cases(reader: SchemaReader, ref: SchemaRef, over: bool, depth: int) -> list[Case]:
    if depth > _MAX_NESTED:
        raise GrammarError(f"{ref.pointer or '#'}: $ref: a schema that only refers to itself, or too deep")
    return _Cases(reader, ref, over, depth).all()


@dataclass(frozen=True, slots=True)
class _Cases:
    reader: SchemaReader
    ref: SchemaRef
    over: bool
    depth: int

    def all(self) -> list[Case]:
        schema = self.reader.schema(self.ref)
        found = [Case(self.reader.assertions(self.ref, self.over), self.evaluated())]
        for keyword in ("$ref", "$dynamicRef"):
            if keyword in schema:
                found = _products(found, self.of(self.reader.target(self.ref, keyword)))
        for part in self.reader.parts(self.ref, "allOf"):
            found = _products(found, self.of(part))
        if "anyOf" in schema:
            found = _products(found, self.counted("anyOf", lambda count: count > 0))
        if "oneOf" in schema:
            found = _products(found, self.counted("oneOf", lambda count: count == 1))
        if "not" in schema:
            found = _products(found, [Case(self.refused(self.reader.sub(self.ref, "not")))])
        if "if" in schema:
            found = _products(found, self.conditional())
        for key, formula in assertions.dependent_schemas(self.reader.document, self.ref, schema):
            absent, present = Case(restricted(objects=without(key))), Case(ValueSet(objects=having(key)))
            found = _products(found, [absent, *_products([present], self.of(formula))])
        if "unevaluatedItems" in schema:
            found = [self.items(case) for case in found]
        if "unevaluatedProperties" in schema:
            found = [self.keys(case) for case in found]
        return _merged(found)

    def of(self, formula: Formula) -> list[Case]:
        if not isinstance(formula, SchemaRef):
            return [Case(ANY_VALUE)] if formula == TRUE else []
        return _cases(self.reader, formula, self.over, self.depth + 1)

    def refused(self, formula: Formula) -> ValueSet:
        return ~self.reader.of(formula, not self.over)

    def evaluated(self) -> Evaluated:
        """Return what the keywords of this schema alone evaluate."""
        schema = self.reader.schema(self.ref)
        keys = words_dfa(schema.get("properties", {}))
        for pattern in schema.get("patternProperties", {}):
            keys |= pattern_dfa(pattern)
        # Only since 2020-12 `contains` evaluates the items that match.
        looks = "contains" in schema and self.reader.document.draft(self.ref.pointer) == DRAFT_2020
        matched = (self.reader.sub(self.ref, "contains"),) if looks else ()
        return Evaluated(ANY_TEXT if "additionalProperties" in schema else keys, _items_seen(schema), matched)

    def counted(self, keyword: str, wanted: Callable[[int], bool]) -> list[Case]:
        """Return the cases by which schemas of a list hold; `wanted` judges their number (2 stands for more)."""
        found: list[tuple[int, Case]] = [(0, Case(ANY_VALUE))]
        for part in self.reader.parts(self.ref, keyword):
            held, refused = self.of(part), self.refused(part)
            following = [(count + 1, case & other) for count, case in found for other in held]
            following += [(count, Case(case.values & refused, case.seen)) for count, case in found]
            counts = sorted({min(count, 2) for count, _ in following})
            found = [
                (count, case) for count in counts for case in _merged(c for n, c in following if min(n, 2) == count)
            ]
        return _merged(case for count, case in found if wanted(count))

    def conditional(self) -> list[Case]:
        condition = self.reader.sub(self.ref, "if")
        then = _products(self.of(condition), self.of(self.reader.sub(self.ref, "then")))
        return then + _products([Case(self.refused(condition))], self.of(self.reader.sub(self.ref, "else")))

    def items(self, case: Case) -> Case:
        if case.seen.items is None:
            return case
        rest = disjunction(self.reader.sub(self.ref, "unevaluatedItems"), *case.seen.matched)
        asked = restricted(arrays=(ArraySet((TRUE,) * case.seen.items, rest),))
        return Case(case.values & asked, case.seen | Evaluated(items=None))

    def keys(self, case: Case) -> Case:
        value = self.reader.sub(self.ref, "unevaluatedProperties")
        kinds = key_classes([KeyClass(case.seen.keys, TRUE), KeyClass(~case.seen.keys, value)])
        return Case(case.values & restricted(objects=(ObjectSet(kinds=kinds),)), case.seen | Evaluated(ANY_TEXT))


def _items_seen(schema: Mapping[str, Any]) -> int | None:
    """Return how many first items are evaluated; None for all."""
    items = schema.get("items")
    if isinstance(items, list):
        return None if "additionalItems" in schema else len(items)
    return None if "items" in schema else len(schema.get("prefixItems", []))


def _products(first: list[Case], second: list[Case]) -> list[Case]:
    return _merged(a & b for a in first for b in second)


def _merged(found: Iterable[Case]) -> list[Case]:
    """Return the cases that are not empty, those in which the same was evaluated as one."""
    joined: dict[Evaluated, list[ValueSet]] = {}
    for case in found:
        if not case.values.is_empty:
            joined.setdefault(case.seen, []).append(case.values)
        if len(joined) > _MAX_CASES:
            raise TooLarge(f"more than {_MAX_CASES} cases of what is unevaluated")
    return [Case(reduce(lambda a, b: a | b, each, NO_VALUE), seen) for seen, each in joined.items()]
