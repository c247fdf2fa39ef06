"""`schema`: every shape of definition, every typing of the case file, and no text or schema that raises."""

from __future__ import annotations

import datetime
import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproto.text.json_repair import dumps
from wireproto.tools.toolset import Tool, Toolset, Typed, Wire
from wireproto.values.errors import SchemaError

SHIP = {
    "zip": {"type": "string"},
    "qty": {"type": "integer"},
    "express": {"type": "boolean"},
    "weight": {"type": "number"},
    "gift_note": {"type": ["string", "null"]},
    "paths": {"type": "array", "items": {"type": "string"}},
    "headers": {"type": "object"},
    "body": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    "limit": {"type": ["string", "integer"]},
    "mixed": {"type": ["string", "object"]},
    "flag": {"type": ["boolean", "string", "null"]},
    "maybe": {"type": ["integer", "null"]},
    "any": {},
    "never": False,
}
TOOL = Tool("ship_order", schema={"type": "object", "properties": SHIP})

TEXT = st.text()
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=10)
OF_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "number": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    "integer": st.integers(),
    "boolean": st.booleans(),
    "object": st.dictionaries(TEXT, JSON),
    "array": st.lists(JSON),
    "null": st.none(),
}

KEYWORDS = st.sampled_from(
    ["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "nullable", "properties", "$defs"]
)
WORDS = st.sampled_from([*OF_TYPE, "int", "any", "#", "#/properties/a", "#/$defs/a", "#/anyOf/0", "#/%", "a", "b"])
LEAVES = WORDS | st.none() | st.booleans() | st.integers() | st.floats()
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYWORDS | WORDS, inner, max_size=5),
    max_leaves=30,
)
RAW = (
    st.text(st.characters())
    | JSON.map(json.dumps)
    | JSON.map(repr)
    | st.sampled_from(
        ["null", "None", "true", "1", "-0", "5.0", "1e999", "[1]\n[2]", "{'a': 1}", "[1", "NaN", "9" * 5000]
    )
)


def identical(left: Any, right: Any) -> bool:
    """Tell 1, 1.0 and True apart, which `==` does not."""
    return repr(left) == repr(right)


def one(schema: Any, **root: Any) -> Tool:
    return Tool("t", schema={"properties": {"a": schema}, **root})


# The typings of the case file, by their ids; JSON and Python typed values go through `mismatch`.


@pytest.mark.parametrize(
    ("key", "text", "value", "code"),
    [
        pytest.param("zip", "true", "true", None, id="type-02"),
        pytest.param("express", "true", True, None, id="type-02-boolean"),
        pytest.param("zip", "1", "1", None, id="type-04"),
        pytest.param("express", "True", True, None, id="type-04-boolean"),
        pytest.param("express", "yes", "yes", "type-mismatch", id="type-04-yes"),
        pytest.param("express", "1", "1", "type-mismatch", id="type-04-one"),
        pytest.param("body", "null", None, None, id="type-05"),
        pytest.param("zip", "null", "null", None, id="type-06"),
        pytest.param("paths", "['a.py', 'b.py']", ["a.py", "b.py"], "value-repaired", id="type-08"),
        pytest.param("paths", '["a.py"]\n["b.py"]', ["a.py", "b.py"], "value-repaired", id="type-09"),
        pytest.param("headers", '{"X-A": "1", "n": 2}', {"X-A": "1", "n": 2}, None, id="type-10"),
        pytest.param("zip", '[x]: {"foo": 1}\nNext line', '[x]: {"foo": 1}\nNext line', None, id="type-12"),
        pytest.param("qty", "2026-01-15", "2026-01-15", "type-mismatch", id="type-14"),
        pytest.param("qty", "5.0", 5, None, id="type-15"),
        pytest.param("zip", "007", "007", None, id="type-23"),
        pytest.param("qty", "2", 2, None, id="type-23-integer"),
        pytest.param("gift_note", "null", None, None, id="type-23-null"),
        pytest.param("qty", "", "", "type-mismatch", id="type-24"),
        pytest.param("limit", "5", "5", None, id="type-25"),
        pytest.param("qty", " 5\n", 5, None, id="trimmed"),
        pytest.param("qty", "1e3", 1000, None, id="exponent"),
        pytest.param("qty", "12345678901234567891.0", 12345678901234567891, None, id="no float in between"),
        pytest.param("qty", "1e300", 10**300, None, id="large"),
        pytest.param("qty", "1e20", 10**20, None, id="beyond 64 bits"),
        pytest.param("qty", "4.2e1", 42, None, id="exponent takes the fraction away"),
        pytest.param("qty", "9.007199254740993e15", 9007199254740993, None, id="beyond 53 bits"),
        pytest.param("qty", "-0.0", 0, None, id="minus zero"),
        pytest.param("qty", "0e999999999", 0, None, id="zero of any exponent"),
        pytest.param("qty", "42.0000000000000001", "42.0000000000000001", "type-mismatch", id="nearly 42"),
        pytest.param("qty", "1e-400", "1e-400", "type-mismatch", id="nearly 0"),
        pytest.param("qty", "1e5000", "1e5000", "type-mismatch", id="too large"),
        pytest.param("weight", "1e-400", 0.0, "number-rounded", id="float of nearly 0"),
        pytest.param("weight", "0.30000000000000004", 0.30000000000000004, None, id="17 digits of a float"),
        pytest.param("weight", "0.1234567890123456789", 0.12345678901234568, "number-rounded", id="19 digits"),
        pytest.param("weight", "9007199254740993.0", 9007199254740992.0, "number-rounded", id="integer as a float"),
        pytest.param("qty", "5.5", "5.5", "type-mismatch", id="fraction"),
        pytest.param("qty", "007", "007", "type-mismatch", id="leading zero"),
        pytest.param("qty", "9" * 5000, "9" * 5000, "type-mismatch", id="too long"),
        pytest.param("weight", "5.0", 5.0, None, id="number"),
        pytest.param("weight", "5", 5, None, id="number stays an integer"),
        pytest.param("weight", "1e999", "1e999", "type-mismatch", id="overflow"),
        pytest.param("weight", "NaN", "NaN", "type-mismatch", id="nan"),
        pytest.param("maybe", "None", None, None, id="None"),
        pytest.param("maybe", " null\n", None, None, id="null"),
        pytest.param("gift_note", " null", " null", None, id="only exactly null"),
        pytest.param("gift_note", "None", "None", None, id="None is a string here"),
        pytest.param("headers", '{"a": 1,}', {"a": 1}, "value-repaired", id="repaired"),
        pytest.param("headers", "[1]", "[1]", "type-mismatch", id="array for object"),
        pytest.param("paths", " x ", " x ", "type-mismatch", id="untrimmed"),
        pytest.param("paths", '["a"]\n"b"', '["a"]\n"b"', "type-mismatch", id="not all lines are arrays"),
        pytest.param("paths", '["a"', '["a"', "type-mismatch", id="cut off"),
        pytest.param("mixed", '{"a": 1}', {"a": 1}, None, id="union object"),
        pytest.param("mixed", "{'a': 1}", "{'a': 1}", None, id="union string"),
        pytest.param("mixed", "[1]", "[1]", None, id="union undeclared"),
        pytest.param("mixed", ' "x" ', ' "x" ', None, id="union quoted"),
        pytest.param("flag", "true", True, None, id="union true"),
        pytest.param("flag", "null", None, None, id="union null"),
        pytest.param("flag", "auto", "auto", None, id="union word"),
        pytest.param("any", "5", "5", None, id="no type"),
        pytest.param("unknown", "null", "null", None, id="unknown key"),
        pytest.param("never", "x", "x", "type-mismatch", id="false schema"),
    ],
)
def test_decode(key: str, text: str, value: Any, code: str | None) -> None:
    typed = TOOL.decode(key, text)
    assert identical((typed.value, typed.code), (value, code))
    assert bool(typed.message) == (code is not None)
    assert TOOL.decode(key, text, coerce=False) == Typed(text)


@pytest.mark.parametrize(
    ("key", "text", "value", "code"),
    [
        pytest.param("paths", '[{"id": 1}', '[{"id": 1}', "type-mismatch", id="type-17"),
        pytest.param("any", '[{"id": 1}', '[{"id": 1}', "type-mismatch", id="type-17-no-schema"),
        pytest.param("qty", "10", 10, None, id="fits"),
        pytest.param("qty", '"10"', "10", "type-mismatch", id="JSON of another type"),
        pytest.param("paths", "{'a': 1}", {"a": 1}, "type-mismatch", id="repaired, of another type"),
        pytest.param("paths", "['a']", ["a"], "value-repaired", id="repaired"),
        pytest.param("zip", "02134", "02134", "type-conflict", id="schema says string"),
        pytest.param("zip", '"x"', "x", "type-conflict", id="schema says string, quoted"),
        pytest.param("gift_note", "null", None, None, id="null"),
        pytest.param("gift_note", "x", "x", "type-conflict", id="string or null"),
        pytest.param("limit", "5", 5, None, id="both say number"),
        pytest.param("mixed", "{'a': 1}", {"a": 1}, "value-repaired", id="both say object"),
        pytest.param("any", ' {"a": [1]}\n', {"a": [1]}, None, id="no schema"),
        pytest.param("any", "True", True, "value-repaired", id="no schema, repaired"),
        pytest.param("unknown", '"x"', "x", None, id="unknown key"),
        pytest.param("unknown", "x", "x", "type-mismatch", id="unknown key, no JSON"),
        pytest.param("any", "", "", "type-mismatch", id="empty"),
    ],
)
def test_decode_json(key: str, text: str, value: Any, code: str | None) -> None:
    typed = TOOL.decode_json(key, text)
    assert identical((typed.value, typed.code), (value, code))
    assert bool(typed.message) == (code is not None)


def test_without_coercion_the_wire_alone_types() -> None:
    assert TOOL.decode_json("zip", "5", coerce=False) == Typed(5)
    assert TOOL.decode_json("qty", "[5]", coerce=False) == Typed([5])
    assert TOOL.decode_string("qty", "5", coerce=False) == Typed("5")


@pytest.mark.parametrize(
    ("key", "text", "value", "code"),
    [
        pytest.param("zip", "a", "a", None, id="type-18"),
        pytest.param("qty", "10", 10, "type-conflict", id="type-18-integer"),
        pytest.param("qty", "ten", "ten", "type-mismatch", id="does not fit"),
        pytest.param("paths", "['a']", ["a"], "type-conflict", id="repaired"),
        pytest.param("gift_note", "null", "null", None, id="null"),
        pytest.param("limit", "5", "5", None, id="string or integer"),
        pytest.param("mixed", '{"a": 1}', '{"a": 1}', None, id="string or object"),
        pytest.param("any", "5", "5", None, id="no schema"),
        pytest.param("unknown", "5", "5", None, id="unknown key"),
    ],
)
def test_decode_string(key: str, text: str, value: Any, code: str | None) -> None:
    typed = TOOL.decode_string(key, text)
    assert identical((typed.value, typed.code), (value, code))
    assert bool(typed.message) == (code is not None)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        pytest.param("qty", "3", '"qty" is declared as an integer, but the value is a string', id="type-19"),
        pytest.param("zip", 1.000001, '"zip" is declared as a string, but the value is a number', id="type-20"),
        pytest.param("paths", "[{}]", '"paths" is declared as an array, but the value is a string', id="type-21"),
        pytest.param("zip", "1", None, id="type-22"),
        pytest.param("weight", -74.5, None, id="type-22-number"),
        pytest.param("express", True, None, id="type-22-boolean"),
        pytest.param("gift_note", None, None, id="type-22-null"),
        pytest.param("qty", True, '"qty" is declared as an integer, but the value is a boolean', id="boolean"),
        pytest.param("qty", 5.0, None, id="zero fraction"),
        pytest.param("qty", math.inf, '"qty" is declared as an integer, but the value is a number', id="infinity"),
        pytest.param("weight", 5, None, id="integer for number"),
        pytest.param("limit", [], '"limit" is declared as a string or an integer, but the value is an array', id="or"),
        pytest.param("paths", ("a",), None, id="tuple"),
        pytest.param(
            "zip", datetime.date(2026, 1, 15), '"zip" is declared as a string, but the value is a date', id="TOML"
        ),
        pytest.param("any", [], None, id="no type"),
        pytest.param("unknown", [], None, id="unknown key"),
        pytest.param("never", 1, '"never" is declared as nothing at all, but the value is an integer', id="never"),
    ],
)
def test_mismatch(key: str, value: Any, sentence: str | None) -> None:
    assert TOOL.mismatch(key, value) == sentence


@pytest.mark.parametrize(
    ("schema", "wire"),
    [
        ({"type": "string"}, "string"),
        ({}, "string"),
        (True, "string"),
        ([], "string"),
        ({"type": ["string", "null"]}, "nullable"),
        ({"type": ["string", "integer"]}, "string"),
        ({"type": ["string", "number", "null"]}, "nullable"),
        ({"type": ["string", "boolean"]}, "json"),
        ({"type": ["string", "array", "null"]}, "json"),
        ({"type": ["string", "integer", "object"]}, "json"),
        ({"type": "integer"}, "json"),
        ({"type": "null"}, "json"),
        (False, "json"),
    ],
)
def test_wire(schema: Any, wire: Wire) -> None:
    assert one(schema).wire("a") == wire
    assert one(schema).wire("unknown") == "string"


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({"type": "int"}, "integer"),
        ({"type": "STRING"}, "string"),
        ({"type": ["str", "float", "bool", "dict", "list", "null"]}, "string number boolean object array null"),
        ({"type": "text"}, "string"),
        ({"type": "any"}, None),
        ({"type": ["string", "any"]}, None),
        ({"type": []}, None),
        ({"type": {"not": "a type"}}, None),
        ({"enum": ["a", "b"]}, "string"),
        ({"enum": ["a", None, 1, 1.5, True, [], {}]}, "string null integer number boolean array object"),
        ({"enum": []}, None),
        ({"const": 3}, "integer"),
        ({"const": None}, "null"),
        ({"type": "number", "enum": [1, 2]}, "integer"),
        ({"type": "string", "enum": [1, 2]}, "string"),
        ({"type": "string", "nullable": True}, "string null"),
        ({"nullable": True}, None),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "string integer"),
        ({"oneOf": [{"type": "string"}, {}]}, None),
        ({"anyOf": [{"type": "string"}, False]}, "string"),
        ({"anyOf": []}, None),
        ({"type": "object", "anyOf": [{"required": ["x"]}, {"required": ["y"]}]}, "object"),
        ({"allOf": [{"type": ["string", "number"]}, {"type": ["integer", "null"]}, {}]}, "integer"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, ""),
        ({"$ref": "#/$defs/S"}, "string"),
        ({"$ref": "#/$defs/S", "nullable": True}, "string null"),
        ({"$ref": "#/definitions/a~1b%20~0c"}, "integer"),
        ({"$ref": "#/$defs/list/1"}, "boolean"),
        ({"$ref": "#/$defs/list/2"}, None),
        ({"$ref": "#/$defs/list/" + "9" * 5000}, None),
        ({"$ref": "#"}, "object"),
        ({"$ref": "#/$defs/nowhere"}, None),
        ({"$ref": "#anchor"}, None),
        ({"$ref": "https://example.org/schema"}, None),
        ({"$ref": 5}, None),
        ({"$ref": "#/$defs/loop"}, None),
        ({"anyOf": [{"type": "string"}, {"$ref": "#/$defs/loop"}]}, None),
        ({"type": "string", "$ref": "#/$defs/loop"}, "string"),
        ({"properties": {}}, "object"),
        ({"items": {"type": "string"}}, "array"),
        ({"description": "no type"}, None),
    ],
)
def test_types(schema: Any, types: str | None) -> None:
    defs = {
        "S": {"type": "string"},
        "loop": {"allOf": [{"$ref": "#/$defs/loop2"}]},
        "loop2": {"anyOf": [{"$ref": "#/$defs/loop"}]},
        "list": [{}, {"type": "boolean"}],
    }
    tool = one(schema, **{"$defs": defs, "definitions": {"a/b ~c": {"type": "integer"}}})
    assert tool.types("a") == (None if types is None else frozenset(types.split()))


def test_keys_are_found_wherever_the_schema_declares_them() -> None:
    schema = {
        "properties": {"own": {"type": "string"}, 5: {}},
        "$ref": "#/$defs/base",
        "allOf": [{"properties": {"part": {}, "both": {"type": ["string", "integer"]}}}],
        "anyOf": [{"properties": {"kind": {"type": "string"}}}, {"properties": {"kind": {"type": "null"}}}],
        "$defs": {"base": {"properties": {"base": {"type": "integer"}, "both": {"type": ["integer", "null"]}}}},
    }
    tool = Tool("t", schema=schema)
    assert tool.keys == {"own", "base", "part", "both", "kind"}
    assert tool.types("both") == frozenset({"integer"})
    assert tool.types("kind") == frozenset({"string", "null"})


@given(st.sampled_from(sorted(OF_TYPE)).flatmap(lambda kind: st.tuples(st.just(kind), OF_TYPE[kind])))
def test_json_of_the_declared_type_comes_back(pair: tuple[str, Any]) -> None:
    kind, value = pair
    tool = one({"type": kind})
    text = value if kind == "string" else dumps(value)
    assert identical(tool.decode("a", text), Typed(value))
    assert tool.decode_string("a", text).code in (None, "type-conflict")
    assert identical(tool.decode_string("a", text).value, value)
    if kind != "string":
        assert identical(tool.decode_json("a", text), Typed(value))
    assert tool.mismatch("a", value) is None


@given(JUNK, RAW, st.booleans())
def test_nothing_raises_and_nothing_is_dropped(schema: Any, text: str, coerce: bool) -> None:
    for tool in (one(schema), Tool("t", schema=schema)):
        for key in [*tool.keys, "unknown", text]:
            assert tool.wire(key) in ("string", "nullable", "json")
            for decode in (tool.decode, tool.decode_json, tool.decode_string):
                typed = decode(key, text, coerce)
                assert typed.code in (None, "type-mismatch", "value-repaired", "type-conflict")
                assert bool(typed.message) == (typed.code is not None)
                if typed.code == "type-mismatch" and isinstance(typed.value, str):
                    assert typed.value == text or decode == tool.decode_json
            if tool.wire(key) == "string":
                assert tool.decode(key, text) == Typed(text)
            assert tool.mismatch(key, text) is None or "string" not in (tool.types(key) or ())
        tool.nearest(text)


@given(JUNK)
def test_a_decoded_value_has_a_declared_type_or_a_diagnosis(schema: Any) -> None:
    tool = one(schema)
    for text in ("null", "5", "5.0", "true", "[1]", '{"a": 1}', "x", ""):
        typed = tool.decode("a", text)
        assert typed.code == "type-mismatch" or tool.mismatch("a", typed.value) is None


def _nested(keyword: str, depth: int) -> Any:
    schema: Any = {"type": "string"}
    for _ in range(depth):
        schema = {keyword: [schema]}
    return schema


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_a_schema_that_is_too_deep_is_unknown(keyword: str) -> None:
    assert one(_nested(keyword, 20)).types("a") == frozenset({"string"})
    assert one(_nested(keyword, 10_000)).types("a") is None
    assert Tool("t", schema=_nested(keyword, 10_000)).keys == frozenset()


def test_references_that_fan_out_are_bounded() -> None:
    defs: dict[str, Any] = {"0": {"type": "string", "properties": {str(i): {} for i in range(100)}}}
    for i in range(1, 30):
        defs[str(i)] = {"allOf": [{"$ref": f"#/$defs/{i - 1}"}] * 4, "anyOf": [{"$ref": f"#/$defs/{i - 1}"}] * 4}
    start = time.process_time()
    tool = Tool("t", schema={"$defs": defs, "$ref": "#/$defs/29", "properties": {"a": {"$ref": "#/$defs/29"}}})
    tool.types("a")
    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "9" * 10**6),
        ("integer", "1." + "0" * 10**6),
        ("integer", "1." + "0" * 10**6 + "1"),
        ("number", "1e" + "9" * 10**6),
        ("boolean", " " * 10**6),
        ("array", "[" * 10**6),
        ("array", "[]\n" * 300_000),
        ("array", "[]\n" * 300_000 + "]["),
        ("object", '{"a":' * 10**5),
        ("object", "\n" * 10**6),
        ("null", "n" * 10**6),
    ],
)
def test_hostile_megabytes_are_fast(kind: str, text: str) -> None:
    for tool in (one({"type": kind}), one({"type": [kind, "string", "boolean"]})):
        for decode in (tool.decode, tool.decode_json, tool.decode_string):
            start = time.process_time()
            typed = decode("a", text)
            assert time.process_time() - start < 20
            assert len(typed.message) < 300


# Definitions.

PARAMETERS = {"type": "object", "properties": {"path": {"type": "string"}}}


@pytest.mark.parametrize(
    "definition",
    [
        {"type": "function", "function": {"name": "read", "description": "Read.", "parameters": PARAMETERS}},
        {"function": {"name": "read", "description": "Read.", "parameters": PARAMETERS}},
        {"type": "function", "name": "read", "description": "Read.", "parameters": PARAMETERS},
        {"name": "read", "description": "Read.", "input_schema": PARAMETERS},
        {"name": "read", "description": "Read.", "inputSchema": PARAMETERS},
        {"name": "read", "description": "Read.", "parameters": PARAMETERS},
        Tool("read", "Read.", PARAMETERS),
    ],
)
def test_every_shape_of_definition(definition: Any) -> None:
    tools = Toolset.of([definition])
    assert tools.names == ("read",)
    assert tools.get("read") == Tool("read", "Read.", PARAMETERS)
    assert tools.tools[0].keys == {"path"}


@pytest.mark.parametrize(
    "definition",
    [{"name": "now"}, {"name": "now", "parameters": None, "description": None}, {"function": {"name": "now"}}],
)
def test_a_definition_may_lack_all_but_the_name(definition: Any) -> None:
    assert Toolset.of((definition,)).get("now") == Tool("now")


@pytest.mark.parametrize(
    ("tools", "sentence"),
    [
        ({"name": "f"}, "tools must be a list of definitions or None, not an object"),
        ("f", "tools must be a list of definitions or None, not a string"),
        ({"f"}, "tools must be a list of definitions or None, not a set"),
        (["f"], 'tools[0] must be an object with a "name", not a string'),
        (
            [{"name": "a"}, {"name": "b"}, {"name": "grep", "parameters": []}],
            'tools[2] ("grep"): "parameters" must be an object, not a list',
        ),
        (
            [{"function": {"name": "grep", "parameters": "{}"}}],
            'tools[0] ("grep"): "parameters" must be an object, not a string',
        ),
        ([{"name": "f", "input_schema": True}], 'tools[0] ("f"): "input_schema" must be an object, not a boolean'),
        ([{"name": "f", "description": 5}], 'tools[0] ("f"): "description" must be a string, not an integer'),
        ([{"name": ""}], 'tools[0]: "name" must be a string that is not empty, not an empty string'),
        ([{"name": None}], 'tools[0]: "name" must be a string that is not empty, not null'),
        ([{"type": "function", "function": "f"}], 'tools[0]: "function" must be an object with a "name", not a string'),
        (
            [{"type": "web_search"}],
            'tools[0] has no "name": write {"name": …, "description": …, "parameters": {…}}',
        ),
        (
            [{"name": "f"}, {"name": "f", "description": "another"}],
            'tools[1] ("f"): tools[0] has the same name; rename or drop one of them',
        ),
    ],
)
def test_a_wrong_definition_says_where_and_why(tools: Any, sentence: str) -> None:
    with pytest.raises(SchemaError) as caught:
        Toolset.of(tools)
    assert str(caught.value) == sentence


@given(JUNK)
def test_only_schema_error_for_junk_definitions(junk: Any) -> None:
    for tools in (junk, [junk], [{"name": "f", "parameters": junk}], [{"function": junk}]):
        try:
            Toolset.of(tools)
        except SchemaError as error:
            assert str(error).startswith("tools")


def test_no_tools_is_not_the_same_as_an_empty_list() -> None:
    anything, nothing = Toolset.of(None), Toolset.of([])
    assert (anything.any_name, anything.empty, anything.names) == (True, False, ())
    assert (nothing.any_name, nothing.empty, nothing.names) == (False, True, ())
    assert anything.accepts("f") and anything.get("f") is None and anything.nearest("f") is None
    assert not nothing.accepts("f")
    assert Toolset.of(nothing) is nothing
    some = Toolset.of([{"name": "f"}])
    assert some.accepts("f") and not some.accepts("g") and not some.empty


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("functions.read_file", "read_file"),
        ("google:mcp:..:read_file", "read_file"),
        ("my_file", "file"),
        ("search", "mcp__web__search"),
        ("READ-FILE", "read_file"),
        ("readfile", "read_file"),
        ("profile", "file"),
        ("zzz", None),
        ("", None),
        ("read_file" * 10**5, None),
    ],
)
def test_nearest_name(name: str, nearest: str | None) -> None:
    tools = Toolset.of([{"name": "file"}, {"name": "read_file"}, {"name": "mcp__web__search"}])
    assert tools.nearest(name) == nearest


def test_nearest_key() -> None:
    assert TOOL.nearest("Gift-Notes") == "gift_note"
    assert TOOL.nearest("zzz") is None
    assert TOOL.nearest("path" * 10**5) is None


def test_tools_are_values() -> None:
    assert Tool("f") == Tool("f")
    assert len({Tool("f"), Tool("f")}) == 1
    assert "_types" not in repr(Tool("f"))
