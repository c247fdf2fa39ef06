"""Schemas that are written to hurt: each is said exactly, or refused with the place and the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from judging import accepts

from wireproto.grammars.schema.rules import schema_grammar
from wireproto.grammars.targets.gbnf import to_gbnf
from wireproto.values.errors import GrammarError

Json = Any


def nested(depth: int, keyword: str, leaf: Json = None) -> Json:
    """Return a schema inside so many others."""
    schema = {"type": "null"} if leaf is None else leaf
    for _ in range(depth):
        schema = {keyword: [schema] if keyword.endswith("Of") else schema}
    return schema


def chain(count: int, link: Any, last: Json) -> Json:
    """Return definitions of which each speaks of the next."""
    return {
        "$ref": "#/$defs/0",
        "$defs": {**{str(i): link({"$ref": f"#/$defs/{i + 1}"}) for i in range(count)}, str(count): last},
    }


def lists(depth: int, leaf: Json) -> Json:
    """Return a value inside so many lists."""
    for _ in range(depth):
        leaf = [leaf]
    return leaf


PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23)
# What is refused, and what the message says.
REFUSED: dict[str, tuple[Json, str]] = {
    "deep items": (nested(5_000, "items"), "too deep or too large"),
    "deeper items": (nested(100_000, "items"), "too deep or too large"),
    "deep not": (nested(250, "not"), "too deep"),
    "deep anyOf": (nested(250, "anyOf"), "too deep"),
    "deep allOf": (nested(250, "allOf"), "too deep"),
    "itself": ({"$ref": "#"}, r"#: \$ref: a schema that only refers to itself"),
    "itself among others": ({"anyOf": [{"$ref": "#"}, {"type": "null"}]}, r"#: \$ref: a schema that only refers to itself"),
    "not itself": ({"not": {"$ref": "#"}}, "only refers to itself"),
    "a circle": ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "refers to itself"),
    "a circle of choices": ({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}, True]}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}}, "refers to itself"),
    "a chain": (chain(2_000, lambda each: each, True), r"^/\$defs/[0-9]+: \$ref: a schema that only refers to itself, or too deep"),
    "doubling": (chain(50, lambda each: {"anyOf": [each, each]}, True), "too deep"),
    "fractions": ({"enum": [i / 8 for i in range(10_000)]}, "#: enum: more than 200 fractions"),
    "structures": ({"enum": [[i] for i in range(10_000)]}, "#: enum: more than 200 arrays"),
    "count in a pattern": ({"pattern": "^a{0,100000}$"}, "#: pattern: a pattern of more than 20000 steps"),
    "counts of counts": ({"pattern": "^((a{0,100}){0,100}){0,100}$"}, "#: pattern: a pattern of more than 20000 steps"),
    "count beyond all": ({"pattern": "a{0,999999999}"}, "#: pattern: a repetition out of bounds at 1"),
    "states": ({"pattern": "(a|b)*a(a|b){25}"}, "#: pattern: a pattern of more than 4000 states"),
    "look-aheads": ({"pattern": "".join(f"(?=.*{each})" for each in "abcdefghijklmnop")}, "#: pattern: a pattern that takes too long"),
    "look-behinds": ({"pattern": "".join(f"(?<=[{each}].{{3}})" for each in "abcdefghij")}, "#: pattern: a pattern of more than"),
    "groups": ({"pattern": "(" * 5_000 + ")" * 5_000}, "#: pattern: groups nested deeper than 60"),
    "long pattern": ({"pattern": "a" * 30_000}, "#: pattern: a pattern of more than 20000 steps"),
    "classes": ({"pattern": "".join(f"[{chr(1000 + 7 * i)}-{chr(1003 + 7 * i)}]?" for i in range(3_000))}, "#: pattern: a pattern with too many kinds"),
    "patterns together": ({"allOf": [{"pattern": f"{a}.*{b}"} for a in "abcd" for b in "xyz"]}, "#: allOf: an automaton of more than 12000 states"),
    "pattern and length": ({"pattern": "^(?:\\S+\\s+){0,49}\\S+$", "maxLength": 100_000}, "#: maxLength: a length of 100000"),
    "kinds of keys": ({"patternProperties": {f"p{i}": {"minimum": i} for i in range(300)}}, "#: patternProperties: more than 64 kinds of keys"),
    "items": ({"minItems": 10**12}, "#: minItems: a count of more than"),
    "items to count": ({"minItems": 5_000, "contains": {"const": 1}}, "#: contains: more than 3000 states"),
    "what to count": ({"contains": {"const": 1}, "minContains": 10_000}, "#: contains: more than 3000 states"),
    "too much to count": ({"allOf": [{"contains": {"const": i}} for i in range(12)]}, "#: contains: more than 5 things to count"),
    "members to count": ({"maxProperties": 10**5}, "#: maxProperties: more than 3000 states"),
    "wide anyOf": ({"anyOf": [{"required": [f"k{i}"], "properties": {f"k{i}": {"type": "null"}}} for i in range(1_000)]}, "#: anyOf: more than 256 cases"),
    "cases of the rest": ({"anyOf": [{"required": [f"k{i}"], "properties": {f"k{i}": True}} for i in range(14)], "unevaluatedProperties": False}, "#: unevaluatedProperties: more than 128 cases"),
    "multiples, any": ({"anyOf": [{"multipleOf": each} for each in PRIMES]}, "#: anyOf: an automaton of more than 12000 states"),
    "multiples, all": ({"allOf": [{"multipleOf": each} for each in PRIMES]}, "#: allOf: an automaton of more than 12000 states"),
    "a choice of choices": ({"allOf": [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(30)]}, "#: allOf: more than"),
    "no double negation": ({"not": {"not": {"properties": {f"k{i}": {"type": "integer"} for i in range(300)}}}}, "not: more than"),
    "keys": ({"properties": {f"k{i}": {"type": "integer"} for i in range(5_000)}}, "#: properties: more than 2000 keys, or 50000 characters"),
    "a long key": ({"properties": {"k" * 200_000: True}}, "#: properties: more than 2000 keys, or 50000 characters"),
    "digits": ({"minimum": 10**5_000}, "#: minimum: a number of more than 400 digits"),
    "digits of a value": ({"const": -(10**5_000)}, "#: const: a number of more than 400 digits"),
    "digits of a factor": ({"multipleOf": 123456789.123456}, "#: multipleOf: the multiples of"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_takes_too_much_is_refused(name: str) -> None:
    schema, message = REFUSED[name]
    with pytest.raises(GrammarError, match=message) as caught:
        schema_grammar(schema)
    assert len(str(caught.value)) < 3_000


# What is said all the same: the schema, an instance, and what is none.
SAID: dict[str, tuple[Json, Json, Json]] = {
    "enum": ({"enum": [f"value {i * 7919}" for i in range(10_000)]}, "value 7919", "value 7920"),
    "enum of long texts": ({"enum": ["x" * 50 + str(i) for i in range(20_000)]}, "x" * 50 + "19999", "x" * 50),
    "enum of integers": ({"enum": list(range(0, 30_000, 3))}, 29_997, 29_998),
    "oneOf of constants": ({"oneOf": [{"const": i} for i in range(500)]}, 499, 500),
    "oneOf of overlapping": ({"oneOf": [{"type": "object", "required": [f"k{i}"]} for i in range(20)]}, {"k3": 1}, {"k3": 1, "k4": 1}),
    "oneOf of free kinds": ({"oneOf": [{"type": "object", "properties": {"kind": {"const": f"k{i}"}}, "required": ["kind"]} for i in range(40)]}, {"kind": "k7", "x": 1}, {"kind": "other"}),
    "oneOf of kinds": ({"oneOf": [{"type": "object", "properties": {"k": {"const": i}, f"p{i}": {"type": "null"}}, "required": ["k"]} for i in range(60)]}, {"k": 7, "p7": None}, {"k": 7, "p7": 1}),
    "loops in loops": ({"type": "string", "pattern": "^((a+)+)+$"}, "aaaa", "aab"),
    "the same again": ({"type": "string", "pattern": "^(a|a|a|b)*c(a|b)*d$"}, "abcd", "abc"),
    "many items": ({"type": "array", "items": {"const": 0}, "maxItems": 10**6}, [0] * 2_100, [1]),
    "many items in order": ({"type": "array", "prefixItems": [{"const": i} for i in range(1_000)], "items": False}, [0, 1, 2], [1]),
    "deep items": (nested(200, "items"), [[[]]], lists(200, 1)),
    "a long text": ({"type": "string", "maxLength": 10**8}, "x" * 2_500, 1),
    "a recursive tree": ({"type": "object", "properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}}, "additionalProperties": False}, {"l": {"r": {}}}, {"l": {"r": 1}}),
    "items of itself and not": ({"type": "array", "items": {"not": {"$ref": "#"}}}, [1, [[]]], [[]]),
    "pairs of pairs": (chain(50, lambda each: {"type": "array", "prefixItems": [each, each]}, {"const": 1}), [[], [[]]], [1]),
    "pairs of pairs of any type": (chain(40, lambda each: {"prefixItems": [each, each]}, {"const": 1}), lists(40, 1), lists(40, 2)),
    "many keys": ({"type": "object", "properties": {f"k{i}": {"const": i} for i in range(1_500)}, "additionalProperties": False}, {"k3": 3, "k1499": 1499}, {"k3": 4}),
    "many required keys": ({"type": "object", "required": [f"k{i}" for i in range(300)]}, {f"k{i}": i for i in range(300)}, {"k0": 0}),
    "two endless bounds": ({"minimum": -1e300, "maximum": 1e300}, 10**299, 10**301),
    "an endless minimum": ({"minimum": 1e300}, 10**301, 10**299),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_what_is_large_is_said(name: str) -> None:
    schema, right, wrong = SAID[name]
    text = to_gbnf(schema_grammar(schema).rules)
    assert accepts(text, json.dumps(right))
    assert not accepts(text, json.dumps(wrong))


def test_objects_without_instances_are_said() -> None:
    schema = {"type": "object", "minProperties": 10**5, "properties": {"a": True}, "additionalProperties": False}
    assert schema_grammar(schema).rules.is_empty


# Where a schema cannot even be read to its end, there is nothing to widen.
UNREADABLE = {"deep items", "deeper items", "deep not", "deep anyOf", "deep allOf", "itself", "itself among others", "not itself", "a circle", "a circle of choices", "a chain", "doubling"}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in REFUSED if name not in UNREADABLE])
def test_what_takes_too_much_is_widened_in_a_lax_grammar(name: str) -> None:
    schema, message = REFUSED[name]
    found = schema_grammar(schema, strict=False)
    assert {each.kind for each in found.report} == {"widened"}
    assert any(f"{each.keyword}: " in message for each in found.report)
    assert to_gbnf(found.rules)


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_what_cannot_be_read_to_its_end_is_refused_in_a_lax_grammar_too(name: str) -> None:
    schema, message = REFUSED[name]
    with pytest.raises(GrammarError, match=message) as caught:
        schema_grammar(schema, strict=False)
    assert len(str(caught.value)) < 3_000
