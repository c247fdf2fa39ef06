"""Grammars of our own wire protocols, plain and salted: what a model writes is accepted, what is accepted is valid."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from pkgutil import resolve_name
from typing import Any

import jsonschema
import pytest
from effort import chance, rounds
from hypothesis import assume, given
from hypothesis import strategies as st
from judging import accepts, spread

import wireproto as wp
from wireproto.codecs import codec
from wireproto.fuzz import hostile_values
from wireproto.grammars.api.api import grammar
from wireproto.grammars.api.sample import Sampler
from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.expr import Rules
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.testing.engines.llamacpp import LlamaCpp
from wireproto.testing.engines.tinymodel import TinyServer
from wireproto.tools.toolset import Toolset
from wireproto.values.diagnoses import CODES

PLAIN = {name: wp.dialect(name) for name in ("xml", "html", "toml")}
DIALECTS = {**PLAIN, **{f"{name}-salted": dialect.salted("k7q2") for name, dialect in PLAIN.items()}}
every_dialect = pytest.mark.parametrize("name", DIALECTS)
every_protocol = pytest.mark.parametrize("name", PLAIN)

STRING, INTEGER = {"type": "string"}, {"type": "integer"}


def closed(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


NODE = closed(
    {"v": STRING, "next": {"$ref": "#/$defs/node"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}}
)
SCHEMAS: dict[str, dict[str, Any]] = {
    "strings": closed(
        {
            "s": STRING,
            "maybe": {"type": ["string", "null"]},
            "short": {"type": "string", "minLength": 2, "maxLength": 5},
            "long": {"type": "string", "minLength": 1, "maxLength": 2000},
            "pattern": {"type": "string", "pattern": "^[a-c<&\"'\n]{1,6}$"},
        },
        "s",
    ),
    "enums": closed(
        {
            "mixed": {"enum": ["fast", "a<b", "x'y\"z", "null", None, 1, "line\nbreak"]},
            "const": {"const": "&amp;"},
            "numbers": {"enum": [1, 2, 30]},
            "on": {"enum": ["on", "off"]},
            "spaces": {"enum": [" pad ", "", "a  b"]},
        },
        "on",
    ),
    "scalars": closed(
        {
            "i": {"type": "integer", "minimum": -5, "maximum": 511},
            "f": {"type": "number"},
            "b": {"type": "boolean"},
            "z": {"type": "null"},
            "t": {"const": True},
            "any": {},
        }
    ),
    "unions": closed(
        {
            "a": {"type": ["string", "integer"]},
            "b": {"type": ["string", "boolean"]},
            "c": {"type": ["string", "number", "null", "boolean"]},
            "d": {"anyOf": [STRING, {"type": "array", "items": INTEGER}]},
            "e": {"oneOf": [closed({"k": STRING}, "k"), INTEGER]},
        }
    ),
    "nested": closed(
        {
            "lines": {"type": "array", "items": STRING, "maxItems": 3},
            "o": closed({"n": {"type": "number"}, "s": STRING, "d": closed({"x": INTEGER})}, "n"),
            "m": {"type": "array", "items": {"type": "array", "items": INTEGER}, "minItems": 1},
            "r": {"$ref": "#/$defs/node"},
            "u": {"type": "array", "items": {"enum": ["a", "<", 1]}, "uniqueItems": True},
        },
        **{"$defs": {"node": NODE}},
    ),
    "free": closed(
        {
            "map": {"type": "object", "additionalProperties": INTEGER},
            "any": {"type": "object"},
            "list": {"type": "array"},
            "some": {"type": "object", "patternProperties": {"^x-": STRING}, "additionalProperties": False},
        }
    ),
    "odd": closed({"a b": STRING, "q\"<&>'": INTEGER, "": STRING, "$null": INTEGER, "é\n": {"type": "boolean"}}),
    "anything": {"type": "object"},
    "now": closed({}),
}
TOOLS = [{"name": name, "parameters": schema} for name, schema in SCHEMAS.items()]
VALIDATORS = {name: jsonschema.Draft202012Validator(schema) for name, schema in SCHEMAS.items()}
# A key that the schema does not name may be written twice, which no grammar can tell.
FIXED = [name for name in SCHEMAS if name not in ("scalars", "free", "anything")]
PIECES = [
    "<", "&", "</arg>\n</call>\n</tool_calls>", "<![CDATA[", "]]>", "]]", "&amp;", "&#13;", "'''", '"""', "'", '"', "\\",
    "\\n", "\n", "\r\n", "\t", "\x01", "\x7f", "\x85", "\u2028", "😀", "null", "true", "5", "-1.5e5", "[1]", "[1", '{"a": 1}',
    "</textarea>", "</form>", "</script>", "<!--", "+++\n", "[[call]]\n", "x = 1\n", "# ", " ", "\f", "`", "\ufffe", "$null",
]  # fmt: skip


def problem(text: str, name: str) -> str:
    """Say why a message is not one of complete calls, valid and without anything odd; nothing if it is."""
    message = wp.parse(text, DIALECTS[name], tools=TOOLS)
    odd = [f"{each.code}: {each.message}" for each in message.diagnoses if CODES[each.code][0] != "note"]
    for call in message.calls:
        if not call.complete or not VALIDATORS[call.name].is_valid(call.arguments):
            odd.append(f"{call.name}: {call.arguments}, complete: {call.complete}")
    return "" if message.calls and not odd else f"{len(message.calls)} calls, {odd}"


@cache
def engine(name: str, tool: str) -> LlamaCpp:
    text = str(grammar(DIALECTS[name], TOOLS, choice={"name": tool}, reasoning=False, parallel=False))
    return LlamaCpp.compile(text)


# What a model writes is accepted.


def nasty(name: str) -> st.SearchStrategy[str]:
    pieces = st.sampled_from(PIECES) | st.text("abc<&\"'\n", max_size=6) | st.text(max_size=4)
    texts = st.lists(pieces, max_size=4).map("".join) | hostile_values(DIALECTS[name], TOOLS)
    return texts.filter(lambda text: not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text))


def instances(schema: dict[str, Any], text: st.SearchStrategy[str], depth: int = 0) -> st.SearchStrategy[Any]:
    """Return values that a schema accepts, most of the time."""
    if "$ref" in schema:
        schema = NODE
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return st.one_of(*(instances(part, text, depth) for part in schema[keyword]))
    every = ["string", "integer", "number", "boolean", "null", "array", "object"]
    types = schema.get("type", every)
    return st.one_of(*(of_type(kind, schema, text, depth) for kind in ([types] if isinstance(types, str) else types)))


def of_type(kind: str, schema: dict[str, Any], text: st.SearchStrategy[str], depth: int) -> st.SearchStrategy[Any]:
    scalars: dict[str, st.SearchStrategy[Any]] = {
        "string": text if schema.get("maxLength", 9) > 5 else text.map(lambda it: f"ab{it}"[:5]),
        "integer": st.integers(-5, 511),
        "number": st.integers(-(10**9), 10**9) | st.floats(1e-9, 1e300) | st.floats(-1e300, -1e-9) | st.just(0.0),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    if "pattern" in schema:
        return st.text("abc<&\"'\n", min_size=1, max_size=6)
    if kind in scalars:
        return scalars[kind]
    if depth > 2:
        return st.just([] if kind == "array" else {})
    if kind == "array":
        unique = schema.get("uniqueItems", False)
        return st.lists(instances(schema.get("items", {}), text, depth + 1), max_size=3, unique=unique)
    members = {key: instances(part, text, depth + 1) for key, part in schema.get("properties", {}).items()}
    named = st.fixed_dictionaries(
        {key: members.pop(key) for key in schema.get("required", ()) if key in members}, optional=members
    )
    if "patternProperties" in schema:
        return st.dictionaries(text.map(lambda key: f"x-{key[:50]}"), text, max_size=2)
    free = schema.get("additionalProperties", {})
    if free is False:
        return named
    keys = text.map(lambda key: key[:50]).filter(lambda key: key != "$null")
    return st.dictionaries(keys, instances(free, text, depth + 1), max_size=2)


@every_dialect
@given(data=st.data(), tools=st.lists(st.sampled_from(list(SCHEMAS)), min_size=2, max_size=3))
def test_what_a_model_writes_is_accepted(name: str, tools: list[str], data: st.DataObject) -> None:
    for tool in tools:
        arguments = data.draw(instances(SCHEMAS[tool], nasty(name)))
        assume(VALIDATORS[tool].is_valid(arguments))
        wire = wp.encode(wp.Call(tool, arguments), DIALECTS[name], tools=TOOLS)
        assert engine(name, tool).accepts(wire), wire
        assert engine(name, tool).peak_stacks <= 32


# What is accepted is valid.


@every_dialect
def test_what_is_accepted_is_valid(name: str) -> None:
    draw = chance(name)
    accepted = 0
    for tool in FIXED:
        taken = engine(name, tool)
        for _ in range(rounds(120, 1_000)):
            wire = derived(name, tool, draw)
            mutant = mutated(wire, draw)
            if mutant != wire and taken.accepts(mutant):
                accepted += 1
                assert not problem(mutant, name), (problem(mutant, name), mutant)
    assert accepted


def mutated(wire: str, draw: random.Random) -> str:
    """Drop, put in or replace a few characters somewhere, or copy a few from there to elsewhere."""
    at, other = draw.randrange(len(wire)), draw.randrange(len(wire))
    piece = draw.choice(["", "1", "x", wire[at], wire[other : other + 8], draw.choice(PIECES)])
    return wire[:at] + piece + wire[at + draw.choice([0, 0, 1, len(piece), 8]) :]


@every_dialect
@pytest.mark.parametrize("tool", SCHEMAS)
def test_whatever_the_rules_say_is_valid(name: str, tool: str) -> None:
    draw = chance(tool)
    for _ in range(rounds(30, 300)):
        wire = derived(name, tool, draw)
        found = problem(wire, name)
        twice = tool not in FIXED and ("given twice" in found or "Duplicate" in found or "Cannot mutate" in found)
        assert not found or twice, (found, wire)


@cache
def sampler(name: str, tool: str) -> Sampler:
    dialect, tools = DIALECTS[name], Toolset.of(TOOLS)
    calls, known = CallWriter(dialect, tools, RuleTable()), tools.get(tool)
    assert known is not None
    start = resolve_name(codec(dialect.codec).grammar)(calls, known)
    return Sampler(spread(Rules("start", {**calls.table.rules, "start": start})))


def derived(name: str, tool: str, draw: random.Random) -> str:
    """Return a message with one call that the rules say at random."""
    section = DIALECTS[name].section
    call = sampler(name, tool).text(draw)
    return call if section is None else section.open.format() + call + section.close.format()


@pytest.fixture(scope="module")
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


@every_dialect
def test_what_the_server_writes_is_valid(name: str, server: TinyServer) -> None:
    finished = 0
    for seed, tool in enumerate(FIXED * 2):
        rules = grammar(DIALECTS[name], TOOLS, choice={"name": tool}, reasoning=False, parallel=False)
        completion = server.complete(str(rules), seed=seed, n=800)
        finished += completion.finished
        assert not completion.finished or not problem(completion.text, name), completion.text
    assert finished > len(FIXED)


# What the rules take and refuse.


def takes(name: str, schema: dict[str, Any], wire: str, **options: Any) -> bool:
    rules = grammar(PLAIN[name], [{"name": "f", "parameters": schema}], **{"choice": "required", **options})
    return accepts(str(rules), wire)


@every_protocol
def test_text_may_come_first(name: str) -> None:
    call = wp.encode(wp.Call("f", {"s": "x"}), name, tools=[{"name": "f", "parameters": closed({"s": STRING})}])
    for text in ("", "I look. ", "a < b [x] {\n\n"):
        assert takes(name, closed({"s": STRING}), text + call, choice="auto")


XML, FORM = '<tool_calls>\n<call name="f">\n{}</call>\n</tool_calls>', '<form toolname="f">\n{}</form>'
TABLE = '+++ tool_calls\n[[call]]\nname = "f"\n\n[call.arguments]\n{}+++'


@pytest.mark.parametrize(
    ("schema", "argument", "taken"),
    [
        (STRING, '<arg name="k">a&lt;b&#13;</arg>', True),
        (STRING, '<arg name="k"><![CDATA[a<b]]]></arg>', True),
        (STRING, '<arg name="k">a<b</arg>', False),
        (STRING, '<arg name="k">&copy;</arg>', False),
        (STRING, '<arg name="k" type="string">a</arg>', False),
        ({}, '<arg name="k" type="integer">5</arg>', True),
        ({}, '<arg name="k" type="integer">5.5</arg>', False),
        ({}, '<arg name="k">5</arg>', True),
        ({"type": ["string", "boolean"]}, '<arg name="k">true</arg>', True),
        ({"enum": ["true", False]}, '<arg name="k">true</arg>', False),
        ({"enum": ["true", False]}, '<arg name="k" type="string">true</arg>', True),
        ({"type": ["string", "array"], "maxItems": 0}, '<arg name="k">[1, [2]]</arg>', False),
        ({"type": ["string", "array"], "maxItems": 0}, '<arg name="k">[x]</arg>', True),
        ({"type": "array"}, '<arg name="k"></arg>', False),
        ({"type": "array"}, '<arg name="k" type="array"></arg>', True),
        ({"type": "array"}, '<arg name="k">\n  <item>a</item>\n</arg>', True),
        ({"type": "array", "minItems": 1}, '<arg name="k" type="array"></arg>', False),
        ({"type": "object"}, '<arg name="k"><field name="a&quot;">b</field></arg>', True),
    ],
)
def test_xml(schema: dict[str, Any], argument: str, taken: bool) -> None:
    assert takes("xml", closed({"k": schema}), XML.format(argument + "\n")) is taken


@pytest.mark.parametrize(
    ("schema", "control", "taken"),
    [
        (STRING, '<textarea name="k">\n\na&lt;</textarea>', True),
        (STRING, '<textarea name="k">a</textarea>', False),
        (STRING, '<input name="k" value="a">', False),
        ({"type": ["string", "null"]}, '<input name="k" value="a&#10;">', False),
        ({"type": ["string", "null"]}, '<input name="k" value="a&#9;&quot;">', True),
        ({"type": ["string", "null"]}, '<input name="k" value="null">', False),
        ({"type": ["string", "null"]}, '<script type="application/json" name="k" data-type="json">null</script>', True),
        ({"type": "boolean"}, '<input type="checkbox" name="k" checked>', True),
        ({"const": False}, '<input type="checkbox" name="k" checked>', False),
        (INTEGER, '<input type="number" name="k" value="5">', True),
        (INTEGER, '<input type="number" name="k" value="1e16">', False),
        ({"enum": ["a", "b"]}, '<select name="k"><option selected>b</option></select>', True),
        ({"enum": ["a", "b"]}, '<select name="k"><option selected>c</option></select>', False),
        ({"enum": [1, 2]}, '<select name="k"><option selected>2</option></select>', True),
        ({"enum": ["1", 2]}, '<select name="k"><option selected>2</option></select>', True),
        ({"enum": [["<"]]}, '<script type="application/json" name="k" data-type="json">["\\u003c"]</script>', True),
        ({"type": "array"}, '<script type="application/json" name="k" data-type="json">["<"]</script>', False),
        (closed({"<": {}}), '<script type="application/json" name="k" data-type="json">{"<": 1}</script>', False),
    ],
)
def test_html(schema: dict[str, Any], control: str, taken: bool) -> None:
    assert takes("html", closed({"k": schema}), FORM.format(control + "\n")) is taken


@pytest.mark.parametrize(
    ("schema", "statement", "taken"),
    [
        (STRING, 'k = "a\\u0001\\n"', True),
        (STRING, '"k" = ""', True),
        (STRING, "k = '''\na''b'''", True),
        (STRING, "k = '''\na''''", False),
        (STRING, "k = '''a'''", False),
        (STRING, 'k = """\n""\\""""', True),
        (STRING, 'k = """\n\\\n"""', False),
        ({"type": "string", "maxLength": 2}, "k = '''\na\nb'''", False),
        ({"type": "string", "maxLength": 1000}, "k = '''\na\nb'''", True),
        ({"type": "string", "maxLength": 1000}, f'k = """\n{"a" * 1001}"""', False),
        ({"enum": ["a\n", "b"]}, "k = '''\na\n'''", True),
        ({"enum": ["a\n", "b"]}, "k = '''\nb\n'''", False),
        ({"type": "null"}, 'k = {"$null" = true}', True),
        ({"type": "object"}, 'k = {"$null" = true}', False),
        ({"type": "object"}, 'k = {a-b = 1, "c d" = -2.5e-07}', True),
        ({"type": "array"}, "k = [\n  1,\n  [],\n]", True),
        ({"type": "array", "items": INTEGER, "maxItems": 2}, "k = [1, 2,]", True),
        ({"type": "array", "items": INTEGER, "maxItems": 2}, "k = [1, 2, 3]", False),
    ],
)
def test_toml(schema: dict[str, Any], statement: str, taken: bool) -> None:
    assert takes("toml", closed({"k": schema}), TABLE.format(statement + "\n")) is taken


def test_toml_may_leave_an_empty_table_out() -> None:
    assert takes("toml", closed({"k": STRING}), TABLE.format("").replace("\n[call.arguments]\n", ""))
    assert takes("toml", closed({"k": STRING}), TABLE.format(""))
    assert not takes("toml", closed({"k": STRING}, "k"), TABLE.format("").replace("\n[call.arguments]\n", ""))


@pytest.mark.parametrize("name", ["xml", "html"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(wp.GrammarError, match="a name of this format cannot be"):
        grammar(name, [{"name": "a\0b", "parameters": {}}])


@pytest.mark.parametrize("name", ["xml", "toml"])
def test_what_the_decoder_would_complain_about_is_left_out_and_said(name: str) -> None:
    # The decoder takes what has properties for an object; to JSON Schema, a string may stand there too.
    tools = [{"name": "f", "parameters": closed({"k": {"properties": {"a": INTEGER}}})}]
    (note,) = {each.note for each in grammar(name, tools).report}
    assert (note.kind, note.pointer, note.keyword) == ("narrowed", "/properties/k", "type")


@every_protocol
def test_what_cannot_be_said_is_refused(name: str) -> None:
    schema = closed({"k": {"type": "array", "uniqueItems": True}})
    with pytest.raises(wp.GrammarError, match="/properties/k: uniqueItems"):
        grammar(name, [{"name": "f", "parameters": schema}])
    (note,) = grammar(name, [{"name": "f", "parameters": schema}], strict=False).report
    assert (note.note.kind, note.note.pointer) == ("widened", "/properties/k")


def test_kinds_without_end_are_refused() -> None:
    # What the decoder knows of `k` grows with every step into it.
    refs = {name: {"$ref": f"#/$defs/{name}"} for name in ("both", "left", "right")}
    definitions = {
        "both": {"type": "object", "allOf": [refs["left"], refs["right"]], "properties": {"k": refs["both"]}},
        "left": {"properties": {"k": {"properties": {"k": refs["left"]}}}},
        "right": {"properties": {"k": refs["right"], "m": refs["both"]}},
    }
    schema = closed({"r": refs["both"]}, **{"$defs": definitions})
    with pytest.raises(wp.GrammarError, match="more than 300 kinds"):
        grammar("xml", [{"name": "f", "parameters": schema}])
