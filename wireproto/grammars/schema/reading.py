"""Reads schemas as sets of values: the keywords of a single schema, and those that combine schemas.

It must not know rules or texts. Law: the set is exact. A keyword that cannot be followed raises `GrammarError` if
`strict`; else the set is widened, with a note. Under `not` a set must be too small for its complement to be too wide,
so everything is read as an over-approximation (`over`) or an under-approximation.
Source: JSON Schema 2020-12, core sections 10 and 11, validation section 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial, reduce
from itertools import combinations
from typing import Any, Final

from wireproto.automata.ecma_regex import PatternError
from wireproto.grammars.schema import assertions
from wireproto.grammars.schema.assertions import KeywordContext
from wireproto.grammars.schema.document import SchemaDocument
from wireproto.grammars.schema.formula import FALSE, TRUE, AllOf, Formula, Not, SchemaRef, pointer_of
from wireproto.grammars.schema.sets import Inexpressible, Member, ObjectSet
from wireproto.grammars.schema.values import ANY_VALUE, NO_VALUE, ValueSet, restricted
from wireproto.values.errors import GrammarError, TooLarge

# Schemas that are read through one another (`$ref`, `allOf`, ...); each level takes several frames of Python's stack.
_MAX_NESTED: Final = 60
# Combinations of schemas that a document may ask for; a schema that doubles them at each level would never end.
_MAX_FORMULAS: Final = 20_000
# How deep emptiness is looked for. It only removes options, so a limit costs no exactness.
_DEEP: Final = 5
_MAX_SHOWN: Final = 200
# Sets of up to so many plain values are compared value by value, which is faster than intersecting automata.
_MAX_LISTED: Final = 20
REFERENCES: Final = ("$ref", "$dynamicRef")
UNEVALUATED: Final = ("unevaluatedItems", "unevaluatedProperties")
REFUSED: Final = ("$recursiveRef",)
_FAILURES: Final = (Inexpressible, TooLarge, PatternError)


@dataclass(frozen=True, slots=True)
class Note:
    """Where a grammar differs from the schema: the place, the keyword, and what the grammar does instead.

    `kind`: `widened` accepts more than the schema; `ordered` accepts every value, but not every order of its keys;
    `narrowed` leaves out values that the decoder would complain about; `unchecked` does not look at an annotation.
    """

    pointer: str
    keyword: str
    what: str
    kind: str = "widened"


@dataclass(slots=True)
class SchemaReader:
    """Reads the schemas of one document.

    `unevaluated` reads a schema with `unevaluated*`. `shared`: what strict readers of other documents have read.
    """

    document: SchemaDocument
    unevaluated: Callable[[SchemaReader, SchemaRef, bool], ValueSet]
    strict: bool = True
    notes: dict[Note, None] = field(default_factory=dict)
    shared: dict[tuple[object, ...], ValueSet] = field(default_factory=dict)
    _known: dict[tuple[SchemaRef, bool], ValueSet] = field(default_factory=dict)
    _formulas: dict[Formula, ValueSet] = field(default_factory=dict)
    _open: set[tuple[SchemaRef, bool]] = field(default_factory=set)
    _empty: dict[Formula, bool] = field(default_factory=dict)

    def values(self, formula: Formula) -> ValueSet:
        """Return the values of a formula; raises `GrammarError`."""
        found = self._formulas.get(formula)
        if found is None:
            if len(self._formulas) > _MAX_FORMULAS:
                raise GrammarError(f"a schema that needs more than {_MAX_FORMULAS} sets of values")
            found = self._formulas[formula] = self._joined(formula)
        return found

    def _joined(self, formula: Formula) -> ValueSet:
        if isinstance(formula, SchemaRef):
            return self.read(formula, over=True)
        if isinstance(formula, Not):
            return self.guarded(formula, lambda: ~self.read(formula.ref, over=False), True)
        parts = [self.values(part) for part in formula.parts]
        if isinstance(formula, AllOf):
            return reduce(lambda a, b: self.guarded(formula, lambda: a & b, True), parts, ANY_VALUE)
        return self.guarded(formula, lambda: _union(parts), True)

    def guarded(self, at: Formula, make: Callable[[], ValueSet], over: bool, keyword: str = "not") -> ValueSet:
        """Return what `make` makes. If that fails: a note and everything (`over`) or nothing; an error if `strict`."""
        try:
            return make()
        except _FAILURES as error:
            self.widen(pointer_of(at), keyword, error)
            return ANY_VALUE if over else NO_VALUE

    def widen(self, pointer: str, keyword: str, error: Exception, kind: str = "widened") -> None:
        """Note that a keyword is not followed, or refuse the schema if `strict`."""
        if isinstance(error, Inexpressible):
            keyword = error.keyword
        if self.strict:
            raise GrammarError(f"{pointer or '#'}: {keyword}: {error}") from None
        self.notes[Note(pointer, keyword, str(error), kind)] = None

    def of(self, formula: Formula, over: bool) -> ValueSet:
        """Return the values of a schema, or of a boolean in its place."""
        if not isinstance(formula, SchemaRef):
            return ANY_VALUE if formula == TRUE else NO_VALUE
        return self.read(formula, over)

    def read(self, ref: SchemaRef, over: bool) -> ValueSet:
        """Return the values that a schema accepts."""
        if ref.constant:
            return self.guarded(ref, lambda: assertions.constant(self.document, ref), over, "const")
        shared_key = self.document.key(ref.pointer) if self.strict else None
        found = self.shared.get(shared_key) if shared_key is not None else None
        if found is not None:
            return found
        key = (ref, over)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._read(key)
            if shared_key is not None and found.is_closed:
                self.shared[shared_key] = found
        return found

    def _read(self, key: tuple[SchemaRef, bool]) -> ValueSet:
        ref, over = key
        if key in self._open or len(self._open) > _MAX_NESTED:
            where = ref.pointer[:_MAX_SHOWN] or "#"
            raise GrammarError(f"{where}: $ref: a schema that only refers to itself, or too deep")
        self._open.add(key)
        try:
            return self._read_schema(ref, over)
        finally:
            self._open.discard(key)

    def _read_schema(self, ref: SchemaRef, over: bool) -> ValueSet:
        schema = self.schema(ref)
        unevaluated = next((keyword for keyword in UNEVALUATED if keyword in schema), None)
        if unevaluated is not None:
            return self.guarded(ref, partial(self.unevaluated, self, ref, over), over, unevaluated)
        found = self.assertions(ref, over)
        for keyword, make in self._applicators(ref, schema, over):
            found = self.refined(found, ref, keyword, make, over)
        return found

    def schema(self, ref: SchemaRef) -> Mapping[str, Any]:
        """Return the keywords of a schema."""
        return self.document.schema(ref.pointer)

    def assertions(self, ref: SchemaRef, over: bool) -> ValueSet:
        """Return the values that satisfy all keywords that do not combine schemas."""
        schema = self.schema(ref)
        found = ANY_VALUE
        asked = KeywordContext(self.document, ref, schema, lambda formula: self.of(formula, over))
        for index in sorted({assertions.GROUP_OF[keyword] for keyword in schema if keyword in assertions.GROUP_OF}):
            keywords, make = assertions.GROUPS[index]
            keyword = next(each for each in keywords if each in schema)
            found = self.refined(found, ref, keyword, partial(make, asked), over)
        for keyword in REFUSED:
            if keyword in schema:
                found = self.refined(found, ref, keyword, _refused, over)
        return found

    def refined(
        self, found: ValueSet, ref: SchemaRef, keyword: str, make: Callable[[], ValueSet], over: bool
    ) -> ValueSet:
        """Return the values of a set that satisfy one more keyword."""
        if found == NO_VALUE:
            return found
        try:
            return found & make()
        except _FAILURES as error:
            pointer = error.pointer if isinstance(error, Inexpressible) and error.pointer else ref.pointer
            self.widen(pointer, keyword, error)
            return found if over else NO_VALUE

    def _applicators(
        self, ref: SchemaRef, schema: Mapping[str, Any], over: bool
    ) -> Iterator[tuple[str, Callable[[], ValueSet]]]:
        """Yield the keywords that combine schemas, each with a function that makes its set."""
        for keyword in REFERENCES:
            if keyword in schema:
                yield keyword, partial(lambda each: self.of(self.target(ref, each), over), keyword)
        for part in self.parts(ref, "allOf"):
            yield "allOf", partial(self.of, part, over)
        if "anyOf" in schema:
            yield "anyOf", lambda: _union(self.of(part, over) for part in self.parts(ref, "anyOf"))
        if "oneOf" in schema:
            yield "oneOf", lambda: self._one_of(self.parts(ref, "oneOf"), over)
        if "not" in schema:
            yield "not", lambda: ~self.of(self.sub(ref, "not"), not over)
        if "if" in schema and ("then" in schema or "else" in schema):
            yield "if", lambda: self._conditional(ref, over)
        for key, formula in assertions.dependent_schemas(self.document, ref, schema):
            lacking, others = restricted(objects=without(key)), ValueSet(objects=having(key))
            yield "dependentSchemas", partial(lambda a, b, c: a | (b & self.of(c, over)), lacking, others, formula)

    def sub(self, ref: SchemaRef, *steps: str | int) -> Formula:
        """Return the formula of a schema inside another one; TRUE if there is none."""
        try:
            return assertions.below(self.document, ref, *steps)
        except KeyError:
            return TRUE

    def parts(self, ref: SchemaRef, keyword: str) -> list[Formula]:
        """Return the formulas of a keyword that holds a list of schemas."""
        listed = self.schema(ref).get(keyword, [])
        if not isinstance(listed, list):
            raise GrammarError(f"{ref.pointer}/{keyword}: not a list of schemas")
        return [self.sub(ref, keyword, index) for index in range(len(listed))]

    def target(self, ref: SchemaRef, keyword: str) -> Formula:
        """Return the formula that a reference leads to."""
        reference = self.schema(ref)[keyword]
        if keyword == "$ref":
            return self.document.reference(ref, reference)
        return self.document.dynamic_reference(ref, reference)

    def _conditional(self, ref: SchemaRef, over: bool) -> ValueSet:
        condition = self.sub(ref, "if")
        held = self.of(condition, over) & self.of(self.sub(ref, "then"), over)
        return held | (~self.of(condition, not over) & self.of(self.sub(ref, "else"), over))

    def _one_of(self, parts: list[Formula], over: bool) -> ValueSet:
        overlaps = self._overlaps([self.of(part, True) for part in parts])
        refused: dict[int, ValueSet] = {}
        found = NO_VALUE
        for part, others in zip(parts, overlaps, strict=True):
            only = self.of(part, over)
            for other in others:
                if other not in refused:
                    refused[other] = ~self.of(parts[other], not over)
                only &= refused[other]
            found |= only
        return found

    def _overlaps(self, every: list[ValueSet]) -> list[list[int]]:
        """Return for each set the numbers of the others with which it may share values."""
        found: list[list[int]] = [[] for _ in every]
        listed = [each.listed(_MAX_LISTED) for each in every]
        for i, j in combinations(range(len(every)), 2):
            first, second = listed[i], listed[j]
            if first is None or second is None:
                apart = self.surely_empty(every[i] & every[j])
            else:
                apart = first.isdisjoint(second)
            if not apart:
                found[i].append(j)
                found[j].append(i)
        return found

    def surely_empty(self, found: ValueSet, depth: int = 0) -> bool:
        """Whether a set is visibly empty, looking a few levels deep."""
        if found.null or found.booleans or found.strings or not found.numbers.is_empty:
            return False
        needed = [[each.item(i) for i in range(min(each.least, len(each.prefix) + 1))] for each in found.arrays]
        needed += [[member.value for member in each.members if member.required] for each in found.objects]
        return all(any(self._is_empty(formula, depth) for formula in formulas) for formulas in needed)

    def _is_empty(self, formula: Formula, depth: int) -> bool:
        if formula in (FALSE, TRUE) or depth >= _DEEP:
            return formula == FALSE
        if formula not in self._empty:
            self._empty[formula] = False
            noted = dict(self.notes)
            try:
                self._empty[formula] = self.surely_empty(self.values(formula), depth + 1)
            except GrammarError:
                pass
            finally:
                self.notes = noted
        return self._empty[formula]


def without(key: str) -> tuple[ObjectSet, ...]:
    """Return the objects that lack a key."""
    return (ObjectSet((Member(key, False, FALSE),)),)


def having(key: str) -> tuple[ObjectSet, ...]:
    """Return the objects that have a key."""
    return (ObjectSet((Member(key, True, TRUE),)),)


def _refused() -> ValueSet:
    raise Inexpressible("$recursiveRef", "a keyword of a draft that is not read")


def _union(parts: Iterable[ValueSet]) -> ValueSet:
    return reduce(lambda a, b: a | b, parts, NO_VALUE)
