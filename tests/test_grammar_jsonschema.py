"""A strict grammar accepts exactly the JSON texts of a schema's instances, in the judgement of `jsonschema`."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator, Draft202012Validator
from jsonschema.protocols import Validator
from judging import accepts, spread
from schemas import INEXACT, Json, instances, schemas

from wireproto.gbnf import Matcher, parse
from wireproto.grammars.api.sample import Sampler
from wireproto.grammars.schema.rules import SchemaGrammar, schema_grammar
from wireproto.grammars.targets.gbnf import to_gbnf
from wireproto.values.errors import GrammarError


def recursive(schema: Json) -> Json:
    """Return a schema of lists and objects of itself, with a given schema as one way out."""
    return {
        "$defs": {"leaf": schema},
        "anyOf": [
            {"type": "null"},
            {"$ref": "#/$defs/leaf"},
            {"type": "array", "items": {"$ref": "#"}, "maxItems": 2},
            {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"], "additionalProperties": False},
        ],
    }


class Judge:
    """One grammar, asked of many texts by llama.cpp's engine, which takes none that matches nothing."""

    def __init__(self, found: SchemaGrammar) -> None:
        self.gbnf = "" if found.rules.is_empty else to_gbnf(found.rules)

    def accepts(self, text: str) -> bool:
        return self.gbnf != "" and accepts(self.gbnf, text)


def compiled(schema: Json, **options: Any) -> SchemaGrammar:
    """Return the strict grammar of a schema; what strict refuses is no case."""
    try:
        return schema_grammar(schema, **options)
    except GrammarError as error:
        note(str(error))
        assume(False)
        raise


def dumped(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


@given(schemas, st.lists(instances, min_size=5, max_size=12))
def test_a_text_is_accepted_exactly_if_its_value_is_valid(schema: Json, values: list[Json]) -> None:
    found = compiled(schema)
    judge = Judge(found)
    ordered = any(each.kind == "ordered" for each in found.report)
    for value in values:
        valid = Draft202012Validator(schema).is_valid(value)
        for text in (dumped(value), json.dumps(value), json.dumps(value, indent=2)):
            # Where only some orders of keys are written, a valid text may be refused, and no other accepted.
            assert judge.accepts(text) == valid or (ordered and valid), text


@given(schemas, st.integers(0, 2**32))
def test_whatever_is_accepted_is_valid(schema: Json, seed: int) -> None:
    found = compiled(schema)
    assume(not found.rules.is_empty)
    sampler, chance = Sampler(spread(found.rules), 400), random.Random(seed)
    for _ in range(8):
        text = sampler.text(chance)
        if not INEXACT.search(text):
            assert Draft202012Validator(schema).is_valid(json.loads(text)), text


@given(schemas, st.lists(instances, min_size=5, max_size=10))
def test_recursive_schemas(schema: Json, values: list[Json]) -> None:
    document = recursive(schema)
    found = compiled(document)
    judge = Judge(found)
    ordered = any(each.kind == "ordered" for each in found.report)
    for value in values:
        valid = Draft202012Validator(document).is_valid(value)
        assert judge.accepts(dumped(value)) == valid or (ordered and valid), value


@given(schemas, st.lists(instances, min_size=5, max_size=10))
def test_a_lax_grammar_accepts_every_instance(schema: Json, values: list[Json]) -> None:
    try:
        found = schema_grammar(schema, strict=False)
    except GrammarError:
        assume(False)
        raise
    judge = Judge(found)
    for value in values:
        valid = Draft202012Validator(schema).is_valid(value)
        accepted = judge.accepts(dumped(value))
        if accepted != valid:
            assert found.report, value
            assert accepted or any(each.kind == "ordered" for each in found.report), value


# (schema, texts of instances, texts of what is none)
EXAMPLES: list[tuple[Json, list[str], list[str]]] = [
    ({"type": "integer"}, ["0", "-0", "3.0", "1e+16", "12345678901234567890"], ["1.5", "01", "1e-05", '"1"', "- 1"]),
    ({"type": "number"}, ["0.5", "-1e-07", "1E20", "1.5e+300"], [".5", "1.", "+1", "NaN", "1e400"]),
    ({"minimum": 1.1}, ["1.1", "1.10", "2", "1e+30", '"x"'], ["1.09999", "0", "-5", "1e-09"]),
    ({"exclusiveMaximum": 3}, ["2.999", "-3", "-1e+40"], ["3", "3.0", "3.001", "1e+20"]),
    ({"multipleOf": 0.01}, ["1.25", "1.250", "-3"], ["1.255"]),
    ({"const": 2}, ["2", "2.0"], ["2.5", '"2"', "20"]),
    ({"enum": ["a", 1, None, [False], {"k": []}]}, ['"a"', "1.0", "null", "[false]", '{"k": []}', "[ false ]"], ['"b"', "[0]", "{}", '{"k": [1]}']),
    ({"type": "string"}, ['"\\u0041\\ud83d\\ude00\\/"', '"é\u007f"', '"\\u0000"'], ['"\n"', '"\\x41"', '"\\ud800"', '"', "'a'"]),
    ({"minLength": 2, "maxLength": 3, "type": "string"}, ['"😀a"', '"\\ud83d\\ude00b"', '"\\n\\n\\n"'], ['"😀"', '"abcd"', '"\\ud83d\\ude00"']),
    ({"maxLength": 3000, "type": "string"}, ['"' + "x" * 3000 + '"', '""'], ['"' + "x" * 3001 + '"']),
    ({"minLength": 1500, "type": "string"}, ['"' + "é" * 1500 + '"'], ['"' + "é" * 1499 + '"']),
    ({"pattern": "^[a-z]+(?<!x)$", "type": "string"}, ['"abc"'], ['"abx"', '"A"', '""']),
    ({"const": "é/\n"}, ['"é/\\n"', '"\\u00e9\\/\\u000a"', '"\\u00E9/\\n"'], ['"é/n"']),
    ({"items": {"type": "null"}, "type": "array"}, ["[]", "[null,null]", "[\n  null,\n  null\n]", "[ ]"], ["[1]", "[null,]", "[,]", "[null  ,null]"]),
    ({"prefixItems": [{"type": "null"}, {"const": 1}], "items": False, "type": "array"}, ["[]", "[null]", "[null, 1]"], ["[1]", "[null, 1, 1]"]),
    ({"minItems": 2, "maxItems": 3, "type": "array", "items": {"const": 0}}, ["[0, 0]", "[0,0,0]"], ["[0]", "[0,0,0,0]"]),
    ({"contains": {"const": 1}, "maxContains": 2, "type": "array"}, ["[1]", "[0, 1, 1]"], ["[]", "[0]", "[1, 1, 1.0]"]),
    ({"items": {"enum": ["a", "b", 1]}, "uniqueItems": True, "type": "array"}, ["[]", '["b", "a", 1]'], ['["a", "a"]', "[1, 1.0]"]),
    ({"items": {"enum": ["a", "b" * 200], "minLength": 150}, "uniqueItems": True, "type": "array"}, ["[]", '["' + "b" * 200 + '"]'], ['["a"]']),
    ({"items": {"enum": ["a", "b" * 200], "maxLength": 150}, "uniqueItems": True, "type": "array"}, ['["a"]'], ['["' + "b" * 200 + '"]']),
    ({"type": "object", "properties": {"a": {"const": 1}}, "required": ["b"]}, ['{"b": 0}', '{"x": 1, "b": 2, "a": 1}'], ["{}", '{"a": 1}', '{"b": 1, "a": 2}', '{"b": 1, "b": 1}', '{"a": 1, "b": 1, "a": 1}', '{"b":1,"\\u0061":2}']),
    ({"type": "object", "patternProperties": {"^x": {"type": "null"}}, "additionalProperties": False}, ["{}", '{"x": null, "xy": null}'], ['{"x": 1}', '{"y": null}', '{"\\u0079": null}']),
    ({"type": "object", "propertyNames": {"maxLength": 2}, "maxProperties": 2}, ['{"ab": 1, "c": 2}'], ['{"abc": 1}', '{"a": 1, "b": 1, "c": 1}']),
    ({"type": "object", "minProperties": 1}, ['{"k": 0}'], ["{}"]),
    ({"not": {"additionalProperties": {"type": "integer"}}}, ['{"a": 1, "b": "x"}', '{"a": "x"}'], ["{}", '{"a": 1}', "1", '{"a": "x", "a": 1}']),
    ({"dependentRequired": {"a": ["b"]}}, ["{}", '{"b": 1}', '{"a": 1, "b": 1}', "3"], ['{"a": 1}']),
    ({"dependentSchemas": {"a": {"required": ["b"]}}}, ['{"b": 1}', '{"b": 1, "a": 1}'], ['{"a": 1}']),
    ({"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]}, ["2", "9.0"], ["6", "7", '"x"', "0"]),
    ({"if": {"properties": {"k": {"const": 1}}, "required": ["k"]}, "then": {"required": ["v"]}, "else": False}, ['{"k": 1, "v": 2}', "1"], ['{"k": 1}', '{"k": 2}']),
    ({"properties": {"a": True}, "anyOf": [{"properties": {"b": {"type": "null"}}}, True], "unevaluatedProperties": False, "type": "object"}, ['{"a": 1, "b": null}'], ['{"b": 1}', '{"c": 1}']),
    ({"prefixItems": [True], "contains": {"type": "null"}, "unevaluatedItems": False, "type": "array"}, ["[null]", "[1, null]"], ["[1]", "[null, 1]"]),
    ({"$defs": {"t": {"type": ["null", "array"], "items": {"$ref": "#/$defs/t"}}}, "$ref": "#/$defs/t"}, ["null", "[[], [null]]"], ["[1]"]),
    ({"$id": "http://x.test/a", "$ref": "b#n", "$defs": {"b": {"$id": "b", "$defs": {"c": {"$anchor": "n", "const": 1}}}}}, ["1"], ["2"]),
    (True, ["null", '{"a": [1, {"b": "c"}]}', "[]", "-1.5e-09"], ["", "nul", "{a: 1}", "[1 2]", '{"a"}']),
    (False, [], ["null", "1", "{}", ""]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "right", "wrong"), EXAMPLES, ids=lambda each: dumped(each)[:50] if not isinstance(each, list) else ""
)
def test_examples(schema: Json, right: list[str], wrong: list[str]) -> None:
    judge = Judge(schema_grammar(schema))
    assert [text for text in right if not judge.accepts(text)] == []
    assert [text for text in wrong if judge.accepts(text)] == []


DRAFT_7: list[tuple[Json, list[Json]]] = [
    ({"definitions": {"n": {"type": "null"}}, "items": {"$ref": "#/definitions/n"}}, [[], [None], [1], 3]),
    ({"items": [{"type": "null"}, {"const": 1}], "additionalItems": False}, [[None], [None, 1], [None, 1, 2], [1]]),
    ({"dependencies": {"a": ["b"], "c": {"required": ["b"], "properties": {"a": False}}}}, [{"a": 1}, {"a": 1, "b": 1}, {"c": 1}, {"c": 1, "b": 2}, {}]),
    ({"$ref": "#/definitions/n", "type": "string", "definitions": {"n": {"type": "null"}}}, [None, "x"]),
    ({"$id": "http://x.test/", "items": {"$ref": "#n"}, "definitions": {"n": {"$id": "#n", "const": 0}}}, [[0], [1]]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "values"), DRAFT_7)
def test_draft_7(schema: Json, values: list[Json]) -> None:
    same_as(Draft7Validator, {"$schema": "http://json-schema.org/draft-07/schema#", **schema}, values)


def same_as(validator: type[Validator], schema: Json, values: list[Json]) -> None:
    judge = Judge(schema_grammar(schema))
    assert [judge.accepts(dumped(each)) for each in values] == [validator(schema).is_valid(each) for each in values]


OLDER: list[tuple[str, type[Validator], Json, list[Json]]] = [
    ("http://json-schema.org/draft-04/schema#", Draft4Validator, {"minimum": 1, "exclusiveMinimum": True, "maximum": 3, "exclusiveMaximum": False}, [1, 1.5, 3, 3.5, "x"]),
    ("http://json-schema.org/draft-04/schema", Draft4Validator, {"type": "integer"}, [1, 1.0, 1e20, -3, 1.5]),
    ("http://json-schema.org/draft-04/schema#", Draft4Validator, {"type": ["integer", "number"], "not": {"type": "integer"}}, [1, 1.0, 1.5]),
    ("http://json-schema.org/draft-04/schema#", Draft4Validator, {"const": 1, "contains": False, "propertyNames": False, "if": True, "then": False}, [1, 2, [], {"a": 1}]),
    ("http://json-schema.org/draft-04/schema#", Draft4Validator, {"id": "http://x.test/r", "items": {"$ref": "#/definitions/n", "type": "string"}, "definitions": {"n": {"type": "null"}}}, [[None], ["a"]]),
    ("http://json-schema.org/draft-04/schema#", Draft4Validator, {"dependencies": {"a": ["b"]}, "minProperties": 1}, [{}, {"a": 1}, {"a": 1, "b": 1}]),
    ("http://json-schema.org/draft-06/schema#", Draft6Validator, {"if": {"const": 1}, "then": False, "contains": {"const": 1}}, [1, [1], [2], []]),
    ("https://json-schema.org/draft/2019-09/schema", Draft201909Validator, {"items": [{"const": 1}], "unevaluatedItems": False, "prefixItems": [False], "minContains": 0, "contains": False}, [[1], [1, 2], [2], []]),
    ("https://json-schema.org/draft/2019-09/schema", Draft201909Validator, {"$ref": "#/$defs/n", "minimum": 2, "$defs": {"n": {"type": "integer"}}}, [1, 2, "a"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "validator", "schema", "values"), OLDER)
def test_older_drafts(name: str, validator: type[Validator], schema: Json, values: list[Json]) -> None:
    same_as(validator, {"$schema": name, **schema}, values)


def test_a_flag_of_draft_4_is_a_flag() -> None:
    for schema in (
        {"exclusiveMinimum": True},
        {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": 2},
    ):
        with pytest.raises(GrammarError, match="exclusiveMinimum: not"):
            schema_grammar(schema)


def test_a_part_of_another_draft_is_read_as_that_draft() -> None:
    inner = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": True}
    judge = Judge(schema_grammar({"type": "array", "items": inner, "contains": {"exclusiveMinimum": 4}}))
    assert [judge.accepts(text) for text in ("[5]", "[2, 5]", "[1, 5]", "[2]")] == [True, True, False, False]


# What is said twice is read once; what only looks the same is not the same.
ALIKE: list[tuple[Json, list[Json]]] = [
    ({"properties": {"a": {"type": "string", "title": "x"}, "b": {"type": "string", "title": "y"}}}, [{"a": "s", "b": "t"}, {"b": 1}]),
    ({"properties": {"a": {"enum": [1]}, "b": {"enum": [True]}, "c": {"enum": ["1"]}}}, [{"a": 1}, {"a": True}, {"b": True}, {"b": 1}, {"c": "1"}, {"c": 1}]),
    ({"properties": {"a": {"properties": {"x": True}}, "b": {"properties": {"x": False}}}}, [{"a": {"x": 1}}, {"b": {"x": 1}}]),
    ({"properties": {"a": {"$id": "http://a.test/", "$ref": "#/$defs/n", "$defs": {"n": {"const": 1}}}, "b": {"$id": "http://b.test/", "$ref": "#/$defs/n", "$defs": {"n": {"const": 2}}}}}, [{"a": 1}, {"a": 2}, {"b": 2}, {"b": 1}]),
    ({"oneOf": [{"properties": {"k": {"const": i}, "same": {"type": "integer"}}, "additionalProperties": False} for i in range(4)]}, [{"k": 1}, {"k": 3, "same": 1}, {"same": 1}, {"k": 9}, {}, 4]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "values"), ALIKE)
def test_schemas_that_say_the_same(schema: Json, values: list[Json]) -> None:
    same_as(Draft202012Validator, schema, values)


def test_a_length_that_no_word_reaches_says_nothing() -> None:
    email = "^(?=[^@]{1,64}@)[A-Za-z0-9._-]+@([A-Za-z0-9-]{1,23}\\.){0,8}[A-Za-z0-9]{1,63}$"
    judge = Judge(schema_grammar({"type": "string", "pattern": email, "maxLength": 1024}))
    assert judge.accepts('"a@b"')
    short = Judge(schema_grammar({"type": "string", "pattern": "^(ab|c){1,3}$", "maxLength": 5, "minLength": 2}))
    assert [short.accepts(f'"{text}"') for text in ("ab", "ababc", "ababab", "c")] == [True, True, False, False]


def test_a_format_is_noted_and_not_enforced() -> None:
    date = {"type": "string", "format": "date"}
    found = schema_grammar({"properties": {"day": date, "days": {"items": date}}, "format": "colour"})
    assert Judge(found).accepts('{"day": "tomorrow"}')
    noted = [(note.pointer, note.keyword, note.what, note.kind) for note in found.report]
    assert noted == [
        (pointer, "format", f"the format {name!r} is not enforced", "unchecked")
        for pointer, name in (("/properties/day", "date"), ("/properties/days/items", "date"), ("", "colour"))
    ]
    with pytest.raises(GrammarError, match="format: not a string"):
        schema_grammar({"format": 1})


@pytest.mark.parametrize(
    ("schema", "pointer", "keyword"),
    [
        ({"items": {"uniqueItems": True}}, "/items", "uniqueItems"),
        ({"properties": {"a/b": {"$ref": "http://x.test/"}}}, "/properties/a~1b", "$ref"),
        ({"minProperties": 3}, "#", "minProperties"),
        ({"anyOf": [{"pattern": "(a)\\1"}, {"type": "null"}]}, "/anyOf/0", "pattern"),
        ({"type": "string", "maxLength": 99999, "pattern": "^ab*$"}, "#", "maxLength"),
        ({"enum": [[i] for i in range(500)]}, "#", "enum"),
        ({"not": {"uniqueItems": True}}, "#", "uniqueItems"),
        ({"$schema": "http://x.test/mine"}, "#", "$schema"),
        ({"allOf": [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(12)]}, "#", "allOf"),
        (
            {"patternProperties": {f"{letter}": {"minimum": i} for i, letter in enumerate("abcdefghij")}},
            "#",
            "patternProperties",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_or_reported(schema: Json, pointer: str, keyword: str) -> None:
    with pytest.raises(GrammarError, match=re.escape(f"{pointer}: {keyword}: ")):
        schema_grammar(schema)
    lax = schema_grammar(schema, strict=False)
    assert (pointer.removeprefix("#"), keyword, "widened") in [
        (each.pointer, each.keyword, each.kind) for each in lax.report
    ]
    assert to_gbnf(lax.rules)


@pytest.mark.parametrize(
    "schema",
    [3, {"minimum": "3"}, {"type": "strin"}, {"required": "a"}, {"items": 4}, {"maxLength": -1}, {"maxItems": 1.5}, {"multipleOf": 0}, {"allOf": {}}, {"properties": []}, {"const": float("inf")}, {"$ref": "#/gone"}, {"$ref": "#gone"}, {"$ref": 1}, {"enum": "abc"}, {"const": {1: 2}}, {"dependentSchemas": {1: True}}, {"minimum": True}, {"maxItems": float("nan")}, {"enum": [(1,)]}],
)  # fmt: skip
@pytest.mark.parametrize("strict", [True, False])
def test_what_is_no_schema_is_refused(schema: Json, strict: bool) -> None:
    with pytest.raises(GrammarError):
        schema_grammar(schema, strict=strict)


def test_a_schema_without_instances_matches_nothing() -> None:
    found = schema_grammar({"type": "object", "properties": {"x": {"$ref": "#"}}, "required": ["x"]})
    assert found.rules.is_empty
    with pytest.raises(GrammarError):
        to_gbnf(found.rules)


def test_many_keys_stand_in_the_order_of_the_schema() -> None:
    keys = [f"k{i}" for i in range(8)]
    schema = {
        "properties": {key: {"const": 1} for key in keys},
        "required": ["k2"],
        "additionalProperties": False,
        "type": "object",
    }
    found = schema_grammar(schema)
    assert [each.kind for each in found.report] == ["ordered"]
    judge = Judge(found)
    assert judge.accepts(dumped(dict.fromkeys(["k0", "k2", "k7"], 1)))
    assert not judge.accepts(dumped(dict.fromkeys(["k2", "k0"], 1)))
    assert not judge.accepts(dumped(dict.fromkeys(["k0", "k7"], 1)))
    free = Judge(schema_grammar(schema, any_order=8))
    assert free.accepts(dumped(dict.fromkeys(["k7", "k2", "k0"], 1)))


def test_few_texts_are_read_in_many_ways() -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1},
        },
        "required": ["city"],
        "additionalProperties": False,
    }
    matcher = Matcher(parse(to_gbnf(schema_grammar(schema).rules)))
    for character in '{"city": "Zürich", "days": 12, "unit": "celsius"}':
        assert matcher.advance(character) == 1
        assert matcher.threads <= 8
    assert matcher.finished


def test_the_text_of_a_grammar_does_not_depend_on_hashes() -> None:
    schema = {"oneOf": [{"properties": {"b": {"enum": ["x", 1]}, "a": {"not": {"const": 2}}}, "required": ["a"]}, {"contains": {"pattern": "(?=a)b|c"}}], "unevaluatedProperties": {"multipleOf": 3}}  # fmt: skip
    script = f"from wireproto.grammars.schema import rules as j; from wireproto.grammars.targets import gbnf; print(gbnf.to_gbnf(j.schema_grammar({schema!r}).rules))"
    texts = {
        subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(texts) == 1
    assert "root ::=" in texts.pop()
