"""Small schemas, and small values that some of them accept, for every test that draws its own.

It must not hold a test. Law: Python's `re` and ECMA-262 read every pattern alike, and no number is inexact.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

Json = Any
# Beyond 15 digits floats, and so `jsonschema`, are not exact.
INEXACT = re.compile(r"[0-9.]{15,}|[0-9][eE]")
KEYS = ["a", "b", "ab", "c"]
TYPES = ["string", "integer", "number", "null", "boolean", "array", "object"]
LEAVES = [None, True, False, 0, 1, 2, -1, 1.5, 3, 10, "", "a", "b", "ab", "abc", "é", "\n", '"']
# Only what Python's `re` and ECMA-262 read alike.
PATTERNS = ["a", "^a", "^(?!a)", "(?<=a)b", "[^a]", "^[^a]"]
counts = st.integers(0, 3)
instances = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)


def _schemas(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    """Return schemas of up to three keywords over smaller schemas."""
    several = st.lists(inner, min_size=1, max_size=3)
    by_key = st.dictionaries(st.sampled_from(KEYS), inner, min_size=1, max_size=3)
    some_keys = st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True)
    keywords: dict[str, st.SearchStrategy[Json]] = {
        "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True),
        "const": instances,
        "enum": st.lists(instances, min_size=1, max_size=3),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "pattern": st.sampled_from(PATTERNS),
        "properties": by_key,
        "patternProperties": st.dictionaries(st.sampled_from(PATTERNS), inner, min_size=1, max_size=2),
        "propertyNames": st.sampled_from(
            [{"maxLength": 1}, {"pattern": "a"}, {"enum": ["a", "b"]}, {"not": {"const": "a"}}]
        ),
        "required": some_keys,
        "dependentRequired": st.dictionaries(st.sampled_from(KEYS), some_keys, min_size=1, max_size=2),
        "dependentSchemas": by_key,
        "uniqueItems": st.just(True),
    }
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        keywords[keyword] = st.sampled_from([0, 1, -1, 1.5, 2, 3])
    for keyword in (
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
    ):
        keywords[keyword] = counts
    for keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
        keywords[keyword] = several
    for keyword in (
        "not",
        "if",
        "then",
        "else",
        "items",
        "contains",
        "additionalProperties",
        "unevaluatedItems",
        "unevaluatedProperties",
    ):
        keywords[keyword] = inner
    picked = st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=3, unique=True)
    return picked.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names}))


schemas = st.recursive(st.sampled_from([True, False, {}, *({"type": each} for each in TYPES)]), _schemas, max_leaves=8)
