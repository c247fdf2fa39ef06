"""Arguments against the schema: what is missing, what is refused, and that no schema is a way to stop a program."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from schemas import instances, schemas

import wireproto as wp
from wireproto.tools.full import full_judgement, needs_package
from wireproto.tools.judge import UNSURE, Judge
from wireproto.tools.patterns import matches
from wireproto.tools.types import Resolver

TRIP: dict[str, Any] = {
    "name": "trip",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"enum": ["C", "F"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 7},
            "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "stops": {"type": "array", "items": {"$ref": "#/$defs/stop"}, "maxItems": 3},
        },
        "required": ["city", "days"],
        "$defs": {"stop": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}},
    },
}


def called(arguments: dict[str, Any], tool: dict[str, Any] = TRIP, dialect: str = "hermes", **policy: Any) -> wp.Call:
    text = f"<tool_call>\n{json.dumps({'name': tool['name'], 'arguments': arguments})}\n</tool_call>"
    return wp.parse(text, dialect, [tool], policy=wp.Policy(**policy)).calls[0]


def said(call: wp.Call) -> list[tuple[str, str]]:
    return [(each.code, each.message) for each in call.diagnoses]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"city": "Oslo", "days": 3}, []),
        ({"city": "Oslo"}, [("missing-argument", "'trip' needs the argument \"days\", which was not given")]),
        ({}, [("missing-argument", "'trip' needs the argument \"city\""), ("missing-argument", '"days"')]),
        ({"city": "Oslo", "days": 3, "unit": "K"}, [("invalid-value", "/unit: 'K' is none of 'C', 'F'")]),
        ({"city": "Oslo", "days": 9}, [("invalid-value", "/days: 9 is more than 7")]),
        ({"city": "Oslo", "days": 3, "code": "OSLO"}, [("invalid-value", "/code: 'OSLO' does not match the pattern")]),
        (
            {"city": "Oslo", "days": 3, "stops": [{"id": 1}, {"id": "2"}]},
            [("invalid-value", "/stops/1/id: is a string")],
        ),
        ({"city": "Oslo", "days": 3, "stops": [{"id": 1}, {}]}, [("invalid-value", "/stops/1: lacks 'id'")]),
        (
            {"city": "Oslo", "days": 3, "stops": [{"id": 1}] * 4},
            [("invalid-value", "/stops: has 4 elements, more than 3")],
        ),
        ({"city": 5, "days": 3}, [("type-mismatch", '"city" is declared as a string')]),
    ],
)
def test_what_the_schema_asks_for_is_said(arguments: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    call = called(arguments)
    assert call.complete and call.arguments == arguments
    got = said(call)
    assert [code for code, _ in got] == [code for code, _ in expected]
    assert all(part in message for (_, message), (_, part) in zip(got, expected, strict=True)), got


def test_the_policy_says_how_bad_it_is() -> None:
    for validate, severities in (("off", []), ("note", ["note", "note"]), ("defect", ["defect", "defect"])):
        call = called({"days": 9}, validate=validate)
        assert [each.severity for each in call.diagnoses] == severities
    assert [each.severity for each in called({"days": 9}).diagnoses] == ["note", "note"]


def test_it_is_part_of_the_call_and_comes_before_its_end() -> None:
    decoder = wp.Decoder("hermes", [TRIP])
    events = decoder.feed('<tool_call>\n{"name": "trip", "arguments": {}}\n</tool_call>') + decoder.close()
    end = next(event for event in events if isinstance(event, wp.CallEnd))
    assert [each.code for each in end.call.diagnoses] == ["empty-arguments"] * 0 + ["missing-argument"] * 2
    assert decoder.message.diagnoses == end.call.diagnoses


def test_a_cut_call_is_not_judged() -> None:
    message = wp.parse(
        '<tool_call>\n{"name": "trip", "arguments": {"city": "Os', "hermes", [TRIP], finish_reason="length"
    )
    assert [each.code for each in message.diagnoses] == ["truncated-value"]


def test_without_coercion_only_what_is_missing_is_said() -> None:
    text = "<tool_call>\n<function=trip>\n<parameter=days>\n9\n</parameter>\n</function>\n</tool_call>"
    message = wp.parse(text, "qwen3_coder", [TRIP], policy=wp.Policy(coerce=False))
    assert [each.code for each in message.diagnoses] == ["missing-argument"]


def test_the_retry_message_says_what_was_missing() -> None:
    verdict = wp.classify('<tool_call>\n{"name": "trip", "arguments": {"days": 3}}\n</tool_call>', "hermes", [TRIP])
    assert verdict.label == "calls" and [reason.code for reason in verdict.reasons] == ["missing-argument"]
    assert '"city"' in verdict.retry_message() and "trip" in verdict.retry_message()


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        ({"contains": {"const": 1}}, [2], False),
        ({"uniqueItems": True}, [1, 1.0], False),
        ({"uniqueItems": True}, [1, True, [1], [True]], True),
        ({"propertyNames": {"pattern": "^x"}}, {"y": 1}, False),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, False),
        ({"properties": {"a": {}}, "unevaluatedProperties": False}, {"a": 1, "b": 2}, False),
        ({"patternProperties": {"^x": {"contains": {"const": 1}}}}, {"x1": [2]}, False),
        ({"patternProperties": {"^x": {"contains": {"const": 1}}}}, {"y1": [2], "x": [1]}, True),
        ({"patternProperties": {"^x": True}, "additionalProperties": {"uniqueItems": True}}, {"y1": [2, 2]}, False),
    ],
)  # fmt: skip
def test_rarer_keywords_are_judged_by_the_package(schema: dict[str, Any], value: Any, fits: bool) -> None:
    tool = {"name": "t", "parameters": {"type": "object", "properties": {"v": schema}}}
    assert needs_package(tool["parameters"]) and Judge(Resolver(schema)).fault(schema, value) in (None, UNSURE)
    assert [code for code, _ in said(called({"v": value}, tool))] == ([] if fits else ["invalid-value"])


def test_what_only_the_package_judges_needs_it_if_it_is_to_be_a_defect() -> None:
    script = (
        "import sys; sys.modules['jsonschema'] = None; import wireproto as wp\n"
        "tools = [{'name': 't', 'parameters': {'type': 'object', 'required': ['v'], 'properties': {'v': %s}}}]\n"
        'text = \'<tool_call>\\n{"name": "t", "arguments": {}}\\n</tool_call>\'\n'
        "for how in ('note', 'defect'):\n"
        "    try: print([d.code for d in wp.parse(text, 'hermes', tools, policy=wp.Policy(validate=how)).diagnoses])\n"
        "    except wp.MissingExtra as error: print(error)\n"
    )
    for schema, lines in (
        ("{'enum': [1]}", ["['missing-argument']"] * 2),
        ("{'uniqueItems': True}", ["['missing-argument']", "wireproto[documents]"]),
    ):
        run = subprocess.run([sys.executable, "-c", script % schema], capture_output=True, text=True, check=True)
        got = run.stdout.splitlines()
        assert len(got) == 2 and all(part in line for part, line in zip(lines, got, strict=True)), got


@settings(max_examples=300, deadline=None)
@given(schemas, instances)
def test_the_judge_never_contradicts_jsonschema(schema: Any, value: Any) -> None:
    found = Judge(Resolver(schema)).fault(schema, value)
    if found is UNSURE:
        return
    # An enum without a member of the stated type is taken for a slip.
    if "enum" not in str(schema):
        assert (found is None) == jsonschema.Draft202012Validator(schema).is_valid(value), found


def _fan_out(levels: int) -> dict[str, Any]:
    defs: dict[str, Any] = {"0": {"uniqueItems": True, "minLength": 3}}
    for i in range(1, levels):
        defs[str(i)] = {"allOf": [{"$ref": f"#/$defs/{i - 1}"}] * 3, "anyOf": [{"$ref": f"#/$defs/{i - 1}"}] * 3}
    return {"type": "object", "properties": {"v": {"$ref": f"#/$defs/{levels - 1}"}}, "$defs": defs}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (_fan_out(30), "x"),
        (_fan_out(30), ["x"] * 50),
        ({"properties": {"v": {"$ref": "#/properties/v"}}}, "x"),
        ({"properties": {"v": {"allOf": [{"$ref": "#"}]}}}, {"v": {"v": {"v": 1}}}),
        ({"properties": {"v": {"items": {"$ref": "#/properties/v"}, "uniqueItems": True}}}, [[[[1]]]]),
        ({"properties": {"v": {"type": "string", "pattern": "^(a+)+$"}}}, "a" * 5_000 + "b"),
        ({"properties": {"v": {"type": "string", "pattern": "(x+x+)+y"}}}, "x" * 5_000),
        ({"properties": {"v": {"type": "string", "pattern": "^(a|b)*a(a|b){30}$"}}}, "ab" * 500),
        ({"properties": {"v": {"type": "string", "pattern": "(" * 5_000}}}, "x"),
        ({"properties": {"v": {"type": "string", "pattern": r"(a)\\1"}}}, "aa"),
        ({"properties": {"v": {"patternProperties": {"^(a+)+$": False}}}}, {"a" * 5_000 + "b": 1}),
        ({"properties": {"v": {"patternProperties": {"^(a+)+$": False}, "uniqueItems": True}}}, {"a" * 3_000 + "b": 1}),
        ({"properties": {"v": {"uniqueItems": True}}}, [[i] for i in range(3_000)]),
        ({"properties": {"v": {"enum": [["x"] * 1_000] * 1_000}}}, ["x"] * 999 + ["y"]),
        ({"properties": {"v": {"multipleOf": 1e-300}}}, 1e300),
        ({"properties": {"v": {"$ref": "https://example.org/schema"}}}, "x"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("validate", ["note", "defect"])
def test_no_schema_is_a_way_to_stop_a_program(schema: dict[str, Any], value: Any, validate: str) -> None:
    started = time.process_time()
    called({"v": value}, {"name": "t", "parameters": {"type": "object", **schema}}, validate=validate)
    assert time.process_time() - started < 3


def test_patterns_are_those_of_javascript() -> None:
    assert matches("^[0-9]{4}$", "2026") and not matches("^[0-9]{4}$", "2026\n")
    assert matches("b", "abc") and matches(r"^\\d+$", "٣") is False
    assert matches("(", "x") is None and matches("a" * 2_000, "a") is None


def test_decimals_keep_every_digit() -> None:
    text = '<tool_call>\n{"name": "t", "arguments": {"v": 0.1234567890123456789, "n": 1e20, "xs": [5.0, {"y": 1e-400}]}}\n</tool_call>'
    tools = [{"name": "t", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}]
    call = wp.parse(text, "hermes", tools, policy=wp.Policy(decimals=True)).calls[0]
    assert call.arguments["v"] == Decimal("0.1234567890123456789") and call.arguments["n"] == 10**20
    assert isinstance(call.arguments["n"], int)
    assert call.arguments_json == '{"v": 0.1234567890123456789, "n": 100000000000000000000, "xs": [5.0, {"y": 1E-400}]}'
    plain = wp.parse(text, "hermes", tools).calls[0]
    assert plain.arguments["xs"] == [5.0, {"y": 0.0}] and isinstance(plain.arguments["v"], float)
    assert [each.code for each in plain.diagnoses if each.code == "number-rounded"] == ["number-rounded"] * 2


@pytest.mark.parametrize("dialect", ["qwen3_coder", "glm47", "dsml_v4", "minimax_m2", "xml", "html", "toml", "kimi_k2"])
def test_decimals_in_every_dialect(dialect: str) -> None:
    tools = [{"name": "t", "parameters": {"type": "object", "properties": {"v": {"type": "number"}}}}]
    text = wp.encode(wp.Call("t", {"v": 0.25}), dialect, tools).replace("0.25", "0.1234567890123456789")
    (call,) = wp.parse(text, dialect, tools, policy=wp.Policy(decimals=True)).calls
    assert call.arguments == {"v": Decimal("0.1234567890123456789")} and not call.diagnoses
    assert call.arguments_json == '{"v": 0.1234567890123456789}'
    (call,) = wp.parse(text, dialect, tools).calls
    assert call.arguments == {"v": 0.12345678901234568} and [each.code for each in call.diagnoses] == ["number-rounded"]


def test_a_number_keeps_its_spelling_under_number() -> None:
    tools = [{"name": "t", "parameters": {"type": "object", "properties": {"v": {"type": "number"}}}}]
    for dialect in ("qwen3_coder", "glm47", "xml", "hermes", "toml"):
        text = wp.encode(wp.Call("t", {"v": 0.25}), dialect, tools).replace("0.25", "5.0")
        assert wp.parse(text, dialect, tools).calls[0].arguments_json == '{"v": 5.0}'


def test_the_package_judges_each_tool_with_one_validator() -> None:
    tools = wp.Toolset.of([{"name": "t", "parameters": {"type": "object", "properties": {"v": {"uniqueItems": True}}}}])
    (tool,) = tools.tools
    for _ in range(2):
        assert tool.judge_fully({"v": [1, 1]}, 100)
    assert len(tool._judgement) == 1 and full_judgement({"$ref": "https://example.org"}) is None


@pytest.mark.parametrize("schema", [{"type": "string"}, {"type": "array"}, {"enum": ["a"]}, {"$ref": "#/$defs/a"}])
def test_arguments_are_an_object(schema: dict[str, Any]) -> None:
    tools = [{"name": "grep", "parameters": {**schema, "$defs": {"a": {"type": "integer"}}}}]
    for take in (wp.Toolset.of, lambda tools: wp.prompt("xml", tools), lambda tools: wp.grammar("xml", tools),
                 lambda tools: wp.Decoder("xml", tools), lambda tools: wp.classify("", "xml", tools)):  # fmt: skip
        with pytest.raises(wp.SchemaError, match=r'tools\[0\] \("grep"\): "parameters" must describe an object'):
            take(tools)


@pytest.mark.parametrize(
    "schema", [{}, {"type": ["object", "null"]}, {"anyOf": [{"type": "object"}]}, {"required": ["a"]}]
)
def test_what_may_be_an_object_is_taken(schema: dict[str, Any]) -> None:
    assert wp.Toolset.of([{"name": "grep", "parameters": schema}]).names == ("grep",)


@pytest.mark.parametrize("dialect", ["xml", "toml", "qwen3_coder", "html"])
def test_a_prompt_names_what_a_schema_leaves_open(dialect: str) -> None:
    only = {"name": "t", "parameters": {"type": "object", "additionalProperties": {"type": "integer"}}}
    text = wp.prompt(dialect, [only])
    assert "It takes no arguments." not in text and '- any name: {"type": "integer"}' in text
    more = {
        "type": "object",
        "properties": {"a": {}},
        "patternProperties": {"^x-": True},
        "additionalProperties": False,
    }
    text = wp.prompt(dialect, [{"name": "t", "parameters": more}])
    assert '- any name that matches "^x-"' in text and "any other" not in text
