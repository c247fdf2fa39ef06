"""A schema document: its schemas by JSON pointer, what references lead to, and which draft each schema is of.

It must not know what keywords mean, except which of them hold schemas. Law: a reference is resolved inside the document
or refused, nothing is ever fetched; a keyword that a draft does not know means nothing in its schemas.
Sources: JSON Schema 2020-12 core, sections 8.2 and 9; draft 7 core, section 8; the "ChangeLog" appendices of drafts 6,
7, 2019-09 and 2020-12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin

from wireproto.grammars.schema.formula import FALSE, TRUE, Formula, SchemaRef
from wireproto.grammars.schema.sets import Inexpressible
from wireproto.values.errors import GrammarError
from wireproto.values.quoting import quoted

_ONE: Final = frozenset({
    "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "additionalItems", "items", "contains",
    "propertyNames", "not", "if", "then", "else", "contentSchema",
})  # fmt: skip
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
_MAPS: Final = frozenset({
    "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies",
})  # fmt: skip
# Bounds time and memory for hostile schemas; a step is one part of a JSON pointer.
_MAX_DEPTH: Final = 300
_MAX_SCHEMAS: Final = 50_000


_ANCHORS: Final = ("$anchor", "$dynamicAnchor")
# Keywords without effect on values: schemas that differ only in these are read once.
_ANNOTATIONS: Final = frozenset({
    "title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly", "$schema",
    "definitions", "$defs",
})  # fmt: skip
_HOLDERS: Final = _ONE | _LISTS | _MAPS
_PLACES: Final = _HOLDERS - _ANNOTATIONS
_ELSEWHERE: Final = _PLACES | {"$ref", "$dynamicRef", "$recursiveRef"}


@dataclass(frozen=True, slots=True)
class _IndexedSchema:
    """A schema object, its base URI and its draft.

    `first`: the pointer of the first schema that is equal. `key`: a key for what it means, if that is the same in
    every document (it holds no other schemas).
    """

    schema: Mapping[str, Any]
    base: str
    draft: Draft
    first: str
    key: tuple[object, ...] | None


class SchemaDocument:
    """A schema and all schemas inside it; `foreign`: the first place that names a draft which is not read here."""

    def __init__(self, schema: object) -> None:
        self.root = schema
        self.foreign: str | None = None
        self._found: dict[str, _IndexedSchema] = {}
        self._same: dict[tuple[object, ...], str] = {}
        self._resources: dict[str, str] = {"": ""}
        self._anchors: dict[tuple[str, str], str] = {}
        self._dynamic: dict[tuple[str, str], str] = {}
        self._index("", "", DRAFT_2020)

    def at(self, pointer: str) -> Any:
        """Return the JSON value at a pointer; raises `KeyError` if there is none."""
        known = self._found.get(pointer)
        if known is not None:
            return known.schema
        found: Any = self.root
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdigit():
                found = found[int(name)]
            elif isinstance(found, Mapping):
                found = found[name]
            else:
                raise KeyError(name)
        return found

    def schema(self, pointer: str) -> Mapping[str, Any]:
        """Return the keywords of a schema that its draft knows."""
        found = self._found[pointer]
        return found.draft.known(found.schema)

    def draft(self, pointer: str) -> Draft:
        """Return the draft of a schema."""
        return self._found[pointer].draft

    def key(self, pointer: str) -> tuple[object, ...] | None:
        """Return a key for what a schema means in any document; None if it holds or refers to other schemas."""
        return self._found[pointer].key

    def formats(self) -> Iterator[tuple[str, object]]:
        """Yield the pointer of each schema with a `format`, and the name of the format."""
        for pointer in self._found:
            if "format" in (schema := self.schema(pointer)):
                yield pointer, schema["format"]

    def ref(self, pointer: str, scope: tuple[str, ...]) -> Formula:
        """Return the formula of the schema at a pointer, reached through these resources (for dynamic references)."""
        if pointer not in self._found:
            schema = self.at(pointer)
            if isinstance(schema, bool):
                return TRUE if schema else FALSE
            if not isinstance(schema, Mapping):
                raise GrammarError(f"{pointer or '#'}: a schema is an object or a boolean, not {type(schema).__name__}")
            above = pointer
            while above not in self._found:
                above = above.rpartition("/")[0]
            self._index(pointer, self._found[above].base, self._found[above].draft)
        found = self._found[pointer]
        if not found.schema:
            return TRUE
        return SchemaRef(found.first, scope if not self._dynamic or found.base in scope else (*scope, found.base))

    def reference(self, ref: SchemaRef, reference: object) -> Formula:
        """Return what a `$ref` at a place means."""
        return self.ref(self._target("$ref", ref.pointer, reference)[0], ref.scope)

    def dynamic_reference(self, ref: SchemaRef, reference: object) -> Formula:
        """Return the formula of a `$dynamicRef`: the outermost anchor of that name on the way here."""
        target, key = self._target("$dynamicRef", ref.pointer, reference)
        if key in self._dynamic:
            bases = [base for base in ref.scope if (base, key[1]) in self._dynamic]
            target = self._dynamic[bases[0], key[1]] if bases else target
        return self.ref(target, ref.scope)

    def _target(self, keyword: str, pointer: str, reference: object) -> tuple[str, tuple[str, str]]:
        """Return the pointer that a reference leads to, and its (resource, fragment)."""
        if not isinstance(reference, str):
            raise GrammarError(f"{pointer}/{keyword}: a reference is a string")
        uri, fragment = _resolved(self._found[pointer].base, reference)
        if uri not in self._resources:
            raise Inexpressible(keyword, f"{quoted(reference, 200)} is outside this document, and nothing is fetched")
        target = self._anchors.get((uri, fragment))
        if not fragment or fragment.startswith("/"):
            target = self._resources[uri] + fragment
        if target is None:
            raise GrammarError(f"{pointer}/{keyword}: there is no anchor {quoted(reference, 200)}")
        try:
            self.at(target)
        except (KeyError, IndexError):
            raise GrammarError(f"{pointer}/{keyword}: there is nothing at {quoted(reference, 200)}") from None
        return target, (uri, fragment)

    def _index(self, pointer: str, base: str, draft: Draft) -> None:
        """Index every schema below a pointer: its base, draft, anchors and resource."""
        todo = [(pointer, self.at(pointer), base, draft)]
        order: list[tuple[str, Mapping[str, Any], str, Draft]] = []
        while todo:
            pointer, schema, base, draft = todo.pop()
            if pointer.count("/") > _MAX_DEPTH or len(self._found) + len(order) > _MAX_SCHEMAS:
                raise GrammarError(f"{pointer[:200]}: the schema is too deep or too large")
            if not isinstance(schema, Mapping):
                continue
            if "$schema" in schema:
                draft = self._draft_of(pointer, schema, draft)
            base = self._index_names(pointer, schema, base, draft)
            order.append((pointer, schema, base, draft))
            if not _HOLDERS.isdisjoint(schema):
                todo += [(f"{pointer}/{steps}", inner, base, draft) for steps, inner in _subschemas(schema)]
        for pointer, schema, base, draft in reversed(order):
            identity = (draft.name, *self._identity(pointer, schema, draft))
            first = self._same.setdefault((base, identity), pointer)
            key = identity if _ELSEWHERE.isdisjoint(schema) else None
            self._found[pointer] = _IndexedSchema(schema, base, draft, first, key)

    def _draft_of(self, pointer: str, schema: Mapping[str, Any], draft: Draft) -> Draft:
        found = _named_draft(schema)
        if found is None:
            self.foreign = pointer
        return found or draft

    def _identity(self, pointer: str, schema: Mapping[str, Any], draft: Draft) -> Iterator[object]:
        """Yield what makes a schema different from others; the schemas inside it are indexed already."""
        for keyword, value in schema.items():
            if keyword == draft.identifier or keyword in _ANCHORS:
                yield pointer
            elif keyword in _PLACES and isinstance(value, (Mapping, list)):
                yield keyword, isinstance(value, list)
                for steps, inner in _subschemas({keyword: value}):
                    is_schema = isinstance(inner, Mapping)
                    yield steps, self._found[f"{pointer}/{steps}"].first if is_schema else _text_of(inner) or pointer
            elif keyword not in _ANNOTATIONS:
                yield keyword, _text_of(value) or pointer

    def _index_names(self, pointer: str, schema: Mapping[str, Any], base: str, draft: Draft) -> str:
        """Index the names of a schema, and return its base."""
        identifier = schema.get(draft.identifier)
        ignored = draft.only_ref and "$ref" in schema
        if isinstance(identifier, str) and not ignored:
            if not draft.anchors and identifier.startswith("#"):
                self._anchors[base, identifier[1:]] = pointer
            else:
                base = _resolved(base, identifier)[0]
                self._resources.setdefault(base, pointer)
                if not pointer:
                    self._resources[base] = ""
        for keyword in _ANCHORS:
            anchor = schema.get(keyword)
            if isinstance(anchor, str) and draft.anchors:
                self._anchors[base, anchor] = pointer
                if keyword == "$dynamicAnchor" and "$dynamicRef" not in draft.unknown:
                    self._dynamic[base, anchor] = pointer
        return base


def _text_of(value: object) -> str:
    """Return a text for a value, different for different ones; empty for what is nested too deep or too large."""
    try:
        return repr(value)
    except (RecursionError, ValueError):  # integers of very many digits have no text
        return ""


def escaped(name: str) -> str:
    """Return a key escaped for a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the schemas directly inside a schema, each with the steps of the pointer to it."""
    for keyword, value in schema.items():
        if keyword in _MAPS and isinstance(value, Mapping):
            for name, inner in value.items():
                yield f"{escaped(keyword)}/{escaped(str(name))}", inner
        elif keyword in _LISTS and isinstance(value, list):
            for index, inner in enumerate(value):
                yield f"{keyword}/{index}", inner
        elif keyword in _ONE:
            yield keyword, value


def _resolved(base: str, reference: str) -> tuple[str, str]:
    """Resolve a reference against a base: (URI, fragment)."""
    try:
        # `urljoin` does not know schemes such as urn, in which only a fragment can be relative.
        relative = not reference or reference.startswith("#")
        uri, fragment = urldefrag(base + reference if relative else urljoin(base, reference))
    except ValueError as error:
        raise GrammarError(f"{quoted(reference, 200)} is not a reference: {error}") from None
    return uri, unquote(fragment)


_SINCE_2020: Final = frozenset({"prefixItems", "$dynamicRef"})
_SINCE_2019: Final = frozenset({
    "minContains", "maxContains", "dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties",
})  # fmt: skip
_SINCE_7: Final = frozenset({"if", "then", "else"})
_SINCE_6: Final = frozenset({"const", "contains", "propertyNames"})
_UNTIL_7: Final = frozenset({"dependencies"})


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft: its name, the keywords that it does not know, and its keyword for identifiers.

    `only_ref`: keywords beside a `$ref` are ignored. `flags`: `exclusiveMinimum` and `exclusiveMaximum` are booleans,
    and an integer is a number written without a fraction. `anchors`: anchors are in `$anchor`, not in identifiers.
    """

    name: str
    unknown: frozenset[str]
    identifier: str = "$id"
    only_ref: bool = False
    flags: bool = False
    anchors: bool = True

    def known(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the keywords of a schema that this draft knows."""
        if self.only_ref and "$ref" in schema:
            return {"$ref": schema["$ref"]}
        if self.unknown.isdisjoint(schema):
            return schema
        return {keyword: value for keyword, value in schema.items() if keyword not in self.unknown}


_BEFORE_2019: Final = _SINCE_2020 | _SINCE_2019
DRAFT_4: Final = Draft("draft-04", _BEFORE_2019 | _SINCE_7 | _SINCE_6, "id", only_ref=True, flags=True, anchors=False)
DRAFT_6: Final = Draft("draft-06", _BEFORE_2019 | _SINCE_7, only_ref=True, anchors=False)
DRAFT_7: Final = Draft("draft-07", _BEFORE_2019, only_ref=True, anchors=False)
DRAFT_2019: Final = Draft("2019-09", _SINCE_2020 | _UNTIL_7)
DRAFT_2020: Final = Draft("2020-12", _UNTIL_7)
_DRAFTS: Final = {
    "http://json-schema.org/draft-04/schema": DRAFT_4,
    "http://json-schema.org/draft-06/schema": DRAFT_6,
    "http://json-schema.org/draft-07/schema": DRAFT_7,
    "https://json-schema.org/draft/2019-09/schema": DRAFT_2019,
    "https://json-schema.org/draft/2020-12/schema": DRAFT_2020,
}


def _named_draft(schema: Mapping[str, Any]) -> Draft | None:
    """Return the draft that `$schema` names; None for one that is not read here."""
    name = str(schema["$schema"]).rstrip("#")
    name = name.replace("https://json-schema.org/draft-0", "http://json-schema.org/draft-0")
    return _DRAFTS.get(name)
