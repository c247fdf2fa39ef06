"""The assertions: what single keywords allow of types, numbers, strings, items and members.

It must not know how schemas are combined. Law: a keyword restricts values of its own type only; a keyword whose value
is not valid in any schema is refused (`GrammarError`) everywhere. Source: JSON Schema 2020-12 validation, section 6;
core, sections 10.3.1 and 10.3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from math import isfinite
from typing import Any, Final

from wireproto.automata import decimals
from wireproto.automata.automaton import ANY_TEXT, NO_TEXT, Dfa, length_dfa, words_dfa
from wireproto.automata.patterns import pattern_dfa
from wireproto.grammars.schema.document import SchemaDocument, escaped
from wireproto.grammars.schema.formula import FALSE, TRUE, Formula, SchemaRef, conjunction
from wireproto.grammars.schema.sets import (
    ANY_KEY,
    ArraySet,
    Inexpressible,
    ItemCount,
    KeyClass,
    Member,
    ObjectSet,
    StringSet,
    key_classes,
    strings_of_length,
)
from wireproto.grammars.schema.values import ANY_VALUE, NO_VALUE, ValueSet, restricted
from wireproto.values.errors import GrammarError

_TYPES: Final = {
    "null": ValueSet(null=True),
    "boolean": ValueSet(booleans=frozenset({False, True})),
    "number": ValueSet(numbers=decimals.ANY),
    "integer": ValueSet(numbers=decimals.WHOLE),
    "string": ValueSet(strings=ANY_VALUE.strings),
    "array": ValueSet(arrays=ANY_VALUE.arrays),
    "object": ValueSet(objects=ANY_VALUE.objects),
}
# Bound the size of the grammar: each of these becomes at least one rule.
_MAX_ITEMS: Final = 5_000
_MAX_MEMBERS: Final = 2_000
_MAX_KEYS: Final = 50_000  # characters of all keys together
_MAX_STRUCTURES: Final = 200
_MAX_COUNT: Final = 10**9  # no instance has more items, members or characters


@dataclass(frozen=True, slots=True)
class KeywordContext:
    """The schema of a keyword: where it is, all its keywords, and how to read another schema."""

    document: SchemaDocument
    ref: SchemaRef
    schema: Mapping[str, Any]
    of: Callable[[Formula], ValueSet]

    @property
    def flags(self) -> bool:
        """Whether `exclusiveMinimum` is a flag, and integers are written without a fraction (draft 4)."""
        return self.document.draft(self.ref.pointer).flags

    def wrong(self, keyword: str, what: str) -> GrammarError:
        """Return the error for a keyword with an invalid value."""
        return GrammarError(f"{self.ref.pointer}/{keyword}: not {what}")

    def count(self, keyword: str) -> int | None:
        """Return the non-negative integer of a keyword; None without the keyword."""
        value = self.schema.get(keyword)
        if value is None and keyword not in self.schema:
            return None
        number = decimal(value, f"{self.ref.pointer}/{keyword}")
        if number < 0 or number != number.to_integral_value():
            raise self.wrong(keyword, "a count")
        if number > _MAX_COUNT:
            raise Inexpressible(keyword, f"a count of more than {_MAX_COUNT}")
        return int(number)

    def bounds(self, what: str) -> tuple[int, int | None]:
        """Return the numbers of `minWhat` and `maxWhat`."""
        return self.count(f"min{what}") or 0, self.count(f"max{what}")

    def number(self, keyword: str) -> Decimal:
        """Return the number of a keyword."""
        return decimal(self.schema[keyword], f"{self.ref.pointer}/{keyword}")

    def mapping(self, keyword: str) -> Mapping[str, Any]:
        """Return the object of a keyword, or an empty one."""
        value = self.schema.get(keyword, {})
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise self.wrong(keyword, "an object")
        return value

    def names(self, keyword: str) -> list[str]:
        """Return the list of keys of a keyword, or an empty one."""
        value = self.schema.get(keyword, [])
        if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
            raise self.wrong(keyword, "a list of strings")
        return list(dict.fromkeys(value))

    def at(self, *steps: str | int) -> Formula:
        """Return the formula of a schema inside this one."""
        return below(self.document, self.ref, *steps)


def below(document: SchemaDocument, ref: SchemaRef, *steps: str | int) -> Formula:
    """Return the formula of a schema inside another one."""
    pointer = ref.pointer
    for step in steps:
        pointer += f"/{escaped(str(step))}"
    return document.ref(pointer, ref.scope)


def decimal(value: object, where: str) -> Decimal:
    """Return a JSON number without rounding."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise GrammarError(f"{where}: not a number")
    if isinstance(value, float) and not isfinite(value):
        raise GrammarError(f"{where}: not a finite number")
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _types(context: KeywordContext) -> ValueSet:
    named = context.schema["type"]
    every = named if isinstance(named, list) else [named]
    if not all(isinstance(each, str) and each in _TYPES for each in every):
        raise context.wrong("type", "a type of JSON")
    found = reduce(lambda a, b: a | b, (_TYPES[each] for each in every)) if every else NO_VALUE
    if context.flags and "integer" in every and "number" not in every:
        found = replace(found, numbers=decimals.WRITTEN_WHOLE)
    return found


def constant(document: SchemaDocument, ref: SchemaRef) -> ValueSet:
    """Return the set of the one value at a reference."""
    value = document.at(ref.pointer)
    if isinstance(value, (str, int, float)) or value is None:
        return _scalars([value], ref.pointer)
    if isinstance(value, list):
        items = tuple(SchemaRef(f"{ref.pointer}/{index}", constant=True) for index in range(len(value)))
        return ValueSet(arrays=(ArraySet(items, FALSE, len(items), len(items)),))
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise GrammarError(f"{ref.pointer}: not a value of JSON")
    members = (Member(_text(key), True, SchemaRef(f"{ref.pointer}/{escaped(key)}", constant=True)) for key in value)
    return ValueSet(objects=(ObjectSet(tuple(members), (KeyClass(ANY_TEXT, FALSE),)),))


def _enum(context: KeywordContext) -> ValueSet:
    listed = context.schema["enum"]
    if not isinstance(listed, list):
        raise context.wrong("enum", "a list")
    found = _scalars([each for each in listed if not isinstance(each, (list, Mapping))], f"{context.ref.pointer}/enum")
    if sum(isinstance(each, (list, Mapping)) for each in listed) > _MAX_STRUCTURES:
        raise Inexpressible("enum", f"more than {_MAX_STRUCTURES} arrays and objects")
    for index, each in enumerate(listed):
        if isinstance(each, (list, Mapping)):
            found |= constant(context.document, SchemaRef(f"{context.ref.pointer}/enum/{index}", constant=True))
    return found


def _scalars(listed: list[Any], where: str) -> ValueSet:
    texts = [_text(each) for each in listed if isinstance(each, str)]
    booleans = frozenset(each for each in listed if isinstance(each, bool))
    counted = [decimal(each, where) for each in listed if not isinstance(each, (str, bool)) and each is not None]
    return ValueSet(
        None in listed,
        booleans,
        decimals.exactly(counted) if counted else decimals.NONE,
        (StringSet(words_dfa(texts)),) if texts else (),
    )


def _text(text: str) -> str:
    if not text.isascii() and any(0xD800 <= ord(character) < 0xE000 for character in text):
        raise Inexpressible("const", "half of a surrogate pair is not a character")
    return text


def _bounds(context: KeywordContext) -> ValueSet:
    found = decimals.ANY
    exclusive = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
    if context.flags:
        low, high = _flagged(context, "exclusiveMinimum", ">"), _flagged(context, "exclusiveMaximum", "<")
        exclusive = {"minimum": low, "maximum": high}
    for keyword, signs in exclusive.items():
        if keyword in context.schema:
            found &= decimals.compared(context.number(keyword), signs)
    return restricted(number=found)


def _flagged(context: KeywordContext, keyword: str, sign: str) -> str:
    """Return the comparison with a bound that a flag may exclude (draft 4)."""
    flag = context.schema.get(keyword, False)
    if not isinstance(flag, bool):
        raise context.wrong(keyword, "true or false, as it is in this draft")
    return sign if flag else f"{sign}="


def _multiples(context: KeywordContext) -> ValueSet:
    number = context.number("multipleOf")
    if number <= 0:
        raise context.wrong("multipleOf", "a positive number")
    return restricted(number=decimals.multiples(number))


def _pattern(context: KeywordContext) -> ValueSet:
    pattern = context.schema["pattern"]
    if not isinstance(pattern, str):
        raise context.wrong("pattern", "a string")
    return restricted(strings=(StringSet(pattern_dfa(pattern)),))


def _format(context: KeywordContext) -> ValueSet:
    # An annotation (JSON Schema 2020-12 validation, section 7): `SchemaRules.report` notes that nothing enforces it.
    if not isinstance(context.schema["format"], str):
        raise context.wrong("format", "a string")
    return ANY_VALUE


def _items(context: KeywordContext) -> ValueSet:
    schema = context.schema
    first = "items" if isinstance(schema.get("items"), list) else "prefixItems"
    prefix = tuple(context.at(first, index) for index in range(len(_list(context, first))))
    others = "additionalItems" if first == "items" else "items"
    rest = context.at(others) if others in schema else TRUE
    if len(prefix) > _MAX_ITEMS:
        raise Inexpressible(first, f"more than {_MAX_ITEMS} items")
    return restricted(arrays=(ArraySet(prefix, rest),))


def _list(context: KeywordContext, keyword: str) -> list[Any]:
    value = context.schema.get(keyword, [])
    if not isinstance(value, list):
        raise context.wrong(keyword, "a list of schemas")
    return value


def _contains(context: KeywordContext) -> ValueSet:
    if "contains" not in context.schema:
        return ANY_VALUE
    least, most = context.count("minContains"), context.count("maxContains")
    count = ItemCount(context.at("contains"), 1 if least is None else least, most)
    return restricted(arrays=(ArraySet(counts=(count,)),))


def _properties(context: KeywordContext) -> ValueSet:
    texts = context.mapping("patternProperties")
    patterns = [(pattern_dfa(text), context.at("patternProperties", text)) for text in texts]
    additional = context.at("additionalProperties") if "additionalProperties" in context.schema else TRUE
    members = []
    for key in context.mapping("properties"):
        matched = [formula for dfa, formula in patterns if dfa.accepts(key)]
        members.append(Member(_text(key), False, conjunction(context.at("properties", key), *matched)))
    if len(members) > _MAX_MEMBERS or sum(len(member.key) for member in members) > _MAX_KEYS:
        raise Inexpressible("properties", f"more than {_MAX_MEMBERS} keys, or {_MAX_KEYS} characters of keys")
    return restricted(objects=(ObjectSet(tuple(members), _kinds(patterns, additional)),))


def _kinds(patterns: list[tuple[Dfa, Formula]], additional: Formula) -> tuple[KeyClass, ...]:
    """Return disjoint classes of keys with what they hold: all patterns that match, or `additional` for the others."""
    unmatched = ANY_TEXT
    kinds: tuple[KeyClass, ...] = ()
    for dfa, formula in patterns:
        found = [KeyClass(kind.keys & dfa, conjunction(kind.value, formula)) for kind in kinds]
        missed = [KeyClass(kind.keys - dfa, kind.value) for kind in kinds]
        kinds = key_classes([*found, *missed, KeyClass(unmatched & dfa, formula)])
        unmatched = unmatched - dfa
    return key_classes([*kinds, KeyClass(unmatched, additional)])


def _property_names(context: KeywordContext) -> ValueSet:
    keys = NO_TEXT
    for text in context.of(context.at("propertyNames")).strings:
        keys |= text.dfa if not text.least and text.most is None else text.dfa & length_dfa(text.least, text.most)
    return restricted(objects=(ObjectSet(kinds=key_classes([KeyClass(keys, TRUE), KeyClass(~keys, FALSE)])),))


def _dependent(context: KeywordContext) -> ValueSet:
    keyword = "dependencies" if "dependencies" in context.schema else "dependentRequired"
    found = ANY_VALUE
    for key, needed in context.mapping(keyword).items():
        if keyword == "dependencies" and not isinstance(needed, list):
            continue
        if not isinstance(needed, list) or not all(isinstance(each, str) for each in needed):
            raise context.wrong(f"{keyword}/{escaped(key)}", "a list of keys")
        absent = ObjectSet((Member(_text(key), False, FALSE),))
        found &= restricted(objects=(absent, _with_keys(dict.fromkeys([key, *needed]))))
    return found


def _with_keys(keys: Iterable[str]) -> ObjectSet:
    return ObjectSet(tuple(Member(_text(key), True, TRUE) for key in keys))


def dependent_schemas(
    document: SchemaDocument, ref: SchemaRef, schema: Mapping[str, Any]
) -> Iterator[tuple[str, Formula]]:
    """Yield the keys of `dependentSchemas` (or `dependencies`) with their schemas."""
    keyword = "dependencies" if "dependencies" in schema else "dependentSchemas"
    listed = schema.get(keyword, {})
    if not isinstance(listed, Mapping) or not all(isinstance(key, str) for key in listed):
        raise GrammarError(f"{ref.pointer}/{keyword}: not an object")
    for key, inner in listed.items():
        if not isinstance(inner, list):
            yield key, below(document, ref, keyword, key)


# Keywords that are read together, with what reads them; cheap ones first, so that others meet smaller sets.
GROUPS: Final[tuple[tuple[tuple[str, ...], Callable[[KeywordContext], ValueSet]], ...]] = (
    (("type",), _types),
    (("const",), lambda c: constant(c.document, SchemaRef(f"{c.ref.pointer}/const", constant=True))),
    (("enum",), _enum),
    (("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _bounds),
    (("multipleOf",), _multiples),
    (("minLength", "maxLength"), lambda c: restricted(strings=(strings_of_length(*c.bounds("Length")),))),
    (("pattern",), _pattern),
    (("format",), _format),
    (("prefixItems", "items", "additionalItems"), _items),
    (("contains",), _contains),
    (("minItems", "maxItems"), lambda c: restricted(arrays=(ArraySet((), TRUE, *c.bounds("Items")),))),
    (("uniqueItems",), lambda c: restricted(arrays=(ArraySet(unique=c.schema["uniqueItems"] is True),))),
    (("patternProperties", "properties", "additionalProperties"), _properties),
    (("propertyNames",), _property_names),
    (("required",), lambda c: restricted(objects=(_with_keys(c.names("required")),))),
    (
        ("minProperties", "maxProperties"),
        lambda c: restricted(objects=(ObjectSet((), ANY_KEY, *c.bounds("Properties")),)),
    ),
    (("dependentRequired", "dependencies"), _dependent),
)
GROUP_OF: Final = {keyword: index for index, (keywords, _) in enumerate(GROUPS) for keyword in keywords}
