"""What a JSON Schema says about the types of a value: references, unions and intersections resolved.

It knows nothing of tools or texts. Law: any schema whatever gets an answer in bounded time; where it does not settle a
type, or is no schema at all, the answer is that the type is unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote

from wireproto.tools.patterns import matches

Types = frozenset[str] | None

_TYPE_NAMES: Final = {
    "string": "string",
    "str": "string",
    "text": "string",
    "number": "number",
    "float": "number",
    "double": "number",
    "integer": "integer",
    "int": "integer",
    "boolean": "boolean",
    "bool": "boolean",
    "object": "object",
    "dict": "object",
    "array": "array",
    "list": "array",
    "null": "null",
    "none": "null",
}
PLAIN_TYPES: Final = {name: frozenset({kind}) for name, kind in _TYPE_NAMES.items()}
# $ref makes a schema a graph: depth ends cycles, steps end what fans out exponentially.
_MAX_SCHEMA_DEPTH: Final = 32
_MAX_SCHEMA_STEPS: Final = 10_000
_COMPOUND: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
_STRINGS: Final = frozenset({str})
NUMBERS: Final = frozenset({"number", "integer"})


class Resolver:
    """One walk over a schema; where it runs out of depth or steps, the type is unknown."""

    __slots__ = ("_root", "_steps")

    def __init__(self, root: object) -> None:
        self._root = root
        self._steps = _MAX_SCHEMA_STEPS

    def types(self, schema: object, depth: int = 0) -> Types:
        """Return the types that a value may have."""
        if schema is False:
            return frozenset()
        if not isinstance(schema, Mapping) or not self.spend(depth):
            return None
        named = named_types(schema.get("type"))
        # Generated schemas give numbers as the members of a string enum; the stated type is the better witness.
        found = _both(named, _member_types(schema)) or named
        for part in self._conjuncts(schema):
            found = _both(found, self.types(part, depth + 1))
        for parts in _alternatives(schema):
            found = _both(found, _any([self.types(part, depth + 1) for part in parts]))
        if found is None:
            found = _shape(schema)
        return found | {"null"} if found is not None and schema.get("nullable") is True else found

    @staticmethod
    def keys(schema: object) -> Collection[str] | None:
        """Return the names of the properties where one glance shows them, as it does nearly always; else None."""
        declared = schema.get("properties", ()) if type(schema) is dict and _COMPOUND.isdisjoint(schema) else None
        return declared if type(declared) is dict and set(map(type, declared)) <= _STRINGS else None

    def properties(self, schema: object, depth: int = 0) -> dict[str, Any]:
        """Return the schemas of all declared properties; those declared in several places are combined."""
        if not isinstance(schema, (dict, Mapping)) or not self.spend(depth):
            return {}
        own = _string_keys(schema.get("properties"))
        self._steps -= len(own)
        if _COMPOUND.isdisjoint(schema):
            return own
        places = [own]
        places += [self.properties(part, depth + 1) for part in self._conjuncts(schema)]
        for parts in _alternatives(schema):
            places.append(_combine("anyOf", [self.properties(part, depth + 1) for part in parts]))
        return _combine("allOf", places)

    def other(self, schema: object, key: str, depth: int = 0) -> object:
        """Return the schema of a member that no `properties` names; None if there is none for it."""
        if not isinstance(schema, Mapping) or not self.spend(depth):
            return None
        by_pattern = _string_keys(schema.get("patternProperties"))
        self._steps -= len(by_pattern)
        found = [part for pattern, part in by_pattern.items() if matches(pattern, key) is not False]
        if found:
            return found[0] if len(found) == 1 else {"allOf": found}
        rest = schema.get("additionalProperties")
        if rest is True or isinstance(rest, Mapping):
            return rest
        parts = [*self._conjuncts(schema), *(part for parts in _alternatives(schema) for part in parts)]
        others = (self.other(part, key, depth + 1) for part in parts)
        return next((other for other in others if other is not None), None)

    def others(self, schema: object) -> dict[str, Any]:
        """Return the keywords that say what `other` does, by their names."""
        found = {keyword: self.keyword(schema, keyword) for keyword in ("patternProperties", "additionalProperties")}
        return {keyword: value for keyword, value in found.items() if value is not None}

    def items(self, schema: object) -> tuple[Sequence[object], object]:
        """Return the schemas of an array's first elements, and that of the others; None where none is declared."""
        first, rest = self.keyword(schema, "prefixItems"), self.keyword(schema, "items")
        if isinstance(rest, (list, tuple)):  # as drafts before 2020-12 have it
            return rest, self.keyword(schema, "additionalItems")
        return first if isinstance(first, (list, tuple)) else (), rest

    def keyword(self, schema: object, keyword: str, depth: int = 0) -> object:
        """Return what the schema says under a keyword, or the first of its parts that does; None where none does."""
        if not isinstance(schema, Mapping) or not self.spend(depth):
            return None
        if keyword in schema:
            return schema[keyword]
        parts = [*self._conjuncts(schema), *(part for parts in _alternatives(schema) for part in parts)]
        found = (self.keyword(part, keyword, depth + 1) for part in parts)
        return next((value for value in found if value is not None), None)

    def follow(self, reference: str) -> object:
        """Return what a reference leads to; None if that is not in this document."""
        return _follow(self._root, reference)

    def parts(self, schema: Mapping[str, Any]) -> tuple[list[object], list[Sequence[object]]]:
        """Return the schemas that hold beside this one, and those of which one has to hold, by keyword."""
        return list(self._conjuncts(schema)), list(_alternatives(schema))

    def spend(self, depth: int) -> bool:
        """Take a step at this depth; False if that is too deep, or there was one step too many."""
        self._steps -= 1
        return self._steps >= 0 and depth <= _MAX_SCHEMA_DEPTH

    def _conjuncts(self, schema: Mapping[str, Any]) -> Iterator[object]:
        if isinstance(reference := schema.get("$ref"), str):
            yield _follow(self._root, reference)
        if isinstance(parts := schema.get("allOf"), (list, tuple)):
            yield from parts


def _alternatives(schema: Mapping[str, Any]) -> Iterator[Sequence[object]]:
    for keyword in ("anyOf", "oneOf"):
        parts = schema.get(keyword)
        if isinstance(parts, (list, tuple)) and parts:
            yield parts


def _follow(root: object, reference: str) -> object:
    """Return what a local JSON pointer points at; None, which is no schema, if it points nowhere."""
    if not reference.startswith("#"):
        return None
    first, *steps = unquote(reference[1:]).split("/")
    if first:
        return None
    node = root
    for step in steps:
        node = _child(node, step.replace("~1", "/").replace("~0", "~"))
    return node


def _child(node: object, step: str) -> object:
    if isinstance(node, Mapping):
        return node.get(step)
    if isinstance(node, (list, tuple)) and step.isascii() and step.isdigit() and len(step) < 10:
        return node[int(step)] if int(step) < len(node) else None
    return None


def _string_keys(properties: object) -> dict[str, Any]:
    if not isinstance(properties, (dict, Mapping)):
        return {}
    if set(map(type, properties)) <= _STRINGS:
        return dict(properties)
    return {key: schema for key, schema in properties.items() if isinstance(key, str)}


def _combine(keyword: str, places: list[dict[str, Any]]) -> dict[str, Any]:
    if len(places) == 1:
        return places[0]
    found: dict[str, list[Any]] = {}
    for place in places:
        for key, schema in place.items():
            found.setdefault(key, []).append(schema)
    return {key: schemas[0] if len(schemas) == 1 else {keyword: schemas} for key, schemas in found.items()}


def named_types(named: object) -> Types:
    """Return the types that a `type` names; None if it names none that is known."""
    if isinstance(named, (list, tuple)) and named:
        return _any([_named_type(name) for name in named])
    return _named_type(named)


def _named_type(name: object) -> Types:
    known = _TYPE_NAMES.get(name.lower()) if isinstance(name, str) else None
    return frozenset({known}) if known else None


def _member_types(schema: Mapping[str, Any]) -> Types:
    members = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(members, (list, tuple)) or not members:
        return None
    kinds = [json_type(member) for member in members]
    return _any([frozenset({kind}) if kind else None for kind in kinds])


def _shape(schema: Mapping[str, Any]) -> Types:
    # No "type", yet only an object has properties: written by hand often enough, and never meant for a string.
    if isinstance(schema.get("properties"), Mapping):
        return frozenset({"object"})
    return frozenset({"array"}) if "items" in schema or "prefixItems" in schema else None


def _any(parts: list[Types]) -> Types:
    known = [part for part in parts if part is not None]
    return frozenset().union(*known) if len(known) == len(parts) else None


def _both(left: Types, right: Types) -> Types:
    if left is None or right is None:
        return right if left is None else left
    common = left & right
    # "number" covers "integer", so the two have the integers in common.
    if "number" not in common and (left | right) >= NUMBERS and left & NUMBERS and right & NUMBERS:
        common |= {"integer"}
    return common


def json_type(value: object) -> str | None:
    """Return the narrowest JSON type of a value; None for what is no JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "integer" if isinstance(value, int) or value.is_integer() else "number"
    if isinstance(value, Decimal):
        return "integer" if value.is_finite() and value == value.to_integral_value() else "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Mapping):
        return "object"
    return "array" if isinstance(value, (list, tuple)) else None
