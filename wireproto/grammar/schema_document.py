"""A schema document: its schemas by JSON pointer, and what a reference in one of them means.

It must not know what keywords mean beyond where schemas stand. Law: a reference is resolved inside the document or
refused; nothing is ever fetched. Source: JSON Schema 2020-12 core, sections 8.2 and 9; draft 7 core, section 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin

from wireproto.errors import GrammarError
from wireproto.grammar.schema_formula import FALSE, TRUE, Formula, Place
from wireproto.grammar.schema_sets import Inexpressible

DRAFT_2020: Final = "2020-12"
DRAFT_7: Final = "draft-07"
_DRAFTS: Final = {
    "https://json-schema.org/draft/2020-12/schema": DRAFT_2020,
    "http://json-schema.org/draft-07/schema": DRAFT_7,
    "http://json-schema.org/draft-06/schema": DRAFT_7,
}
_ONE: Final = frozenset({
    "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "additionalItems", "items", "contains",
    "propertyNames", "not", "if", "then", "else", "contentSchema",
})  # fmt: skip
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
_MAPS: Final = frozenset({
    "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies",
})  # fmt: skip
_MAX_DEPTH: Final = 300
_MAX_SCHEMAS: Final = 50_000


class Document:
    """A schema and all schemas inside it."""

    def __init__(self, schema: object, draft: str | None = None) -> None:
        self.root = schema
        self.draft = draft or _draft(schema)
        self.foreign: str | None = None
        self._bases: dict[str, str] = {}
        self._resources: dict[str, str] = {"": ""}
        self._anchors: dict[tuple[str, str], str] = {}
        self._dynamic: dict[tuple[str, str], str] = {}
        self._index("", "")

    def at(self, pointer: str) -> Any:
        """Return what stands at a pointer; raises `KeyError` if nothing does."""
        found: Any = self.root
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found[int(name)] if isinstance(found, list) and name.isdigit() else _member(found, name)
        return found

    def place(self, pointer: str, scope: tuple[str, ...]) -> Formula:
        """Return the formula of the schema at a pointer, reached through these resources."""
        schema = self.at(pointer)
        if isinstance(schema, bool):
            return TRUE if schema else FALSE
        if not isinstance(schema, Mapping):
            raise GrammarError(f"{pointer or '#'}: a schema is an object or a boolean, not {type(schema).__name__}")
        if not schema:
            return TRUE
        if pointer not in self._bases:
            self._index(pointer, self._base_above(pointer))
        base = self._bases[pointer]
        return Place(pointer, scope if not self._dynamic or base in scope else (*scope, base))

    def reference(self, place: Place, reference: object) -> Formula:
        """Return what a `$ref` at a place means."""
        return self.place(self._target("$ref", place.pointer, reference)[0], place.scope)

    def dynamic_reference(self, place: Place, reference: object) -> Formula:
        """Return what a `$dynamicRef` means: the outermost anchor of that name on the way here."""
        target, key = self._target("$dynamicRef", place.pointer, reference)
        if key in self._dynamic:
            bases = [base for base in place.scope if (base, key[1]) in self._dynamic]
            target = self._dynamic[bases[0], key[1]] if bases else target
        return self.place(target, place.scope)

    def _target(self, keyword: str, pointer: str, reference: object) -> tuple[str, tuple[str, str]]:
        """Return the pointer that a reference leads to, and (resource, fragment)."""
        if not isinstance(reference, str):
            raise GrammarError(f"{pointer}/{keyword}: a reference is a string")
        uri, fragment = _joined(self._bases[pointer], reference)
        if uri not in self._resources:
            raise Inexpressible(keyword, f"{reference!r} is outside this document, and nothing is fetched")
        target = self._anchors.get((uri, fragment))
        if not fragment or fragment.startswith("/"):
            target = self._resources[uri] + fragment
        if target is None:
            raise GrammarError(f"{pointer}/{keyword}: there is no anchor {reference!r}")
        try:
            self.at(target)
        except (KeyError, IndexError):
            raise GrammarError(f"{pointer}/{keyword}: there is nothing at {reference!r}") from None
        return target, (uri, fragment)

    def _base_above(self, pointer: str) -> str:
        while pointer not in self._bases:
            pointer = pointer.rpartition("/")[0]
        return self._bases[pointer]

    def _index(self, pointer: str, base: str) -> None:
        """Note every schema below a pointer with its base, anchors and resource."""
        todo = [(pointer, self.at(pointer), base)]
        while todo:
            pointer, schema, base = todo.pop()
            if pointer.count("/") > _MAX_DEPTH or len(self._bases) > _MAX_SCHEMAS:
                raise GrammarError(f"{pointer[:200]}: the schema is too deep or too large")
            if not isinstance(schema, Mapping):
                continue
            if pointer and "$schema" in schema and _DRAFTS.get(str(schema["$schema"]).rstrip("#")) != self.draft:
                self.foreign = pointer
            base = self._named(pointer, schema, base)
            self._bases[pointer] = base
            todo += [(f"{pointer}/{steps}", inner, base) for steps, inner in _inside(schema)]

    def _named(self, pointer: str, schema: Mapping[str, Any], base: str) -> str:
        """Note what a schema is called, and return its base."""
        identifier = schema.get("$id")
        ignored = self.draft == DRAFT_7 and "$ref" in schema
        if isinstance(identifier, str) and not ignored:
            if self.draft == DRAFT_7 and identifier.startswith("#"):
                self._anchors[base, identifier[1:]] = pointer
            else:
                base = _joined(base, identifier)[0]
                self._resources.setdefault(base, pointer)
                if not pointer:
                    self._resources[base] = ""
        for keyword in ("$anchor", "$dynamicAnchor"):
            anchor = schema.get(keyword)
            if isinstance(anchor, str) and self.draft == DRAFT_2020:
                self._anchors[base, anchor] = pointer
                if keyword == "$dynamicAnchor":
                    self._dynamic[base, anchor] = pointer
        return base


def escaped(name: str) -> str:
    """Return a key as it is written in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _draft(schema: object) -> str:
    named = schema.get("$schema") if isinstance(schema, Mapping) else None
    if named is None:
        return DRAFT_2020
    found = _DRAFTS.get(str(named).rstrip("#"))
    return found or str(named)


def _member(found: Any, name: str) -> Any:
    if not isinstance(found, Mapping):
        raise KeyError(name)
    return found[name]


def _inside(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the schemas right inside a schema with the steps that lead to them."""
    for keyword, value in schema.items():
        if keyword in _MAPS and isinstance(value, Mapping):
            for name, inner in value.items():
                yield f"{escaped(keyword)}/{escaped(str(name))}", inner
        elif keyword in _LISTS and isinstance(value, list):
            for index, inner in enumerate(value):
                yield f"{keyword}/{index}", inner
        elif keyword in _ONE:
            yield keyword, value


def _joined(base: str, reference: str) -> tuple[str, str]:
    """Return what a reference means against a base: (URI, fragment)."""
    try:
        # `urljoin` knows no schemes such as urn, where only a fragment can be relative.
        relative = not reference or reference.startswith("#")
        uri, fragment = urldefrag(base + reference if relative else urljoin(base, reference))
    except ValueError as error:
        raise GrammarError(f"{reference[:200]!r} is no reference: {error}") from None
    return uri, unquote(fragment)
