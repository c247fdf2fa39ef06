"""Everything that is written for xgrammar, on the engine itself.

`make xgrammar` runs it in an environment of its own; its name keeps it out of `make test`. Nothing here is skipped:
without the engine every test fails.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import is_valid, validators

import wireproto as wp
from wireproto.fuzz import hostile_values
from wireproto.grammars.api.api import grammar
from wireproto.grammars.expr.expr import Chars, Choice, Literal, Repeat, RuleRef, Rules, Seq, literal, seq
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.message import MessageWriter
from wireproto.grammars.targets.xgrammar_ebnf import to_ebnf
from wireproto.testing.engines import EngineError
from wireproto.testing.engines.llamacpp import LlamaCpp
from wireproto.testing.engines.xgrammar import XGrammar
from wireproto.tools.toolset import Toolset

SPECS = [wp.dialect(name) for name in wp.dialects()]
DIALECTS = [spec.name for spec in SPECS]
every_dialect = pytest.mark.parametrize("name", DIALECTS)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "content": {"type": "string"},
        "title": {"type": "string", "maxLength": 40},
        "mode": {"type": "integer", "minimum": 0, "maximum": 511},
        "kind": {"enum": ["fast", "slow"]},
    },
    "required": ["path"],
    "additionalProperties": False,
}
NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
TOOLS = [
    {"name": "write_file", "parameters": SCHEMA},
    {"name": "write_files", "parameters": {**SCHEMA, "required": []}},
    {"name": "now", "parameters": NOTHING},
]
VALIDATORS = validators(TOOLS)
PLAIN = [wp.Call("write_file", {"path": "a", "content": "b\nc", "mode": 7}), wp.Call("now")]


def many(count: int) -> list[dict[str, Any]]:
    return [{**TOOLS[i % 3], "name": f"tool_{i}"} for i in range(count)]


def both(name: str, tools: object = TOOLS, choice: Any = "required", **options: Any) -> Iterator[XGrammar]:
    """Yield the grammar of a message as EBNF and as a structural tag."""
    found = grammar(name, tools, target="structural-tag", choice=choice, **options)
    yield XGrammar.compile(to_ebnf(found.rules))
    yield XGrammar.compile_tag(json.loads(found.text))


@pytest.mark.parametrize(
    ("text", "accepted", "refused"),
    [
        ('root ::= "\\x41b"', "\u041b", "Ab"),
        ('root ::= "\\u0041b"', "Ab", "\u041b"),
        ("root ::= [\\u005Ea]", "^", "b"),
        ("root ::= [^]", "x", ""),
        ("root ::= []", None, ""),
        ('root ::= ("" | "a")*', "aaa", "b"),
        ('root ::= "a"{0,2001}', "a" * 2001, "a" * 2002),
        ("root ::= [^a]", "b", "a"),
    ],
)
def test_what_the_engine_reads_otherwise(text: str, accepted: str | None, refused: str) -> None:
    found = XGrammar.compile(text)
    assert accepted is None or found.accepts(accepted)
    assert not found.accepts(refused)


@pytest.mark.parametrize(
    "text",
    [
        'root ::= true\ntrue ::= "x"',
        'root ::= 1a\n1a ::= "x"',
        'root ::= | "a"',
        'root ::= "\\[" # no escape outside classes',
        'root ::= "a"{3,2}',
        'root ::= a\na ::= "x"\na ::= "y"',
        "root ::= b",
        'root ::= "a',
        "root ::= [\n]",
    ],
)
def test_what_the_engine_refuses(text: str) -> None:
    with pytest.raises(EngineError):
        XGrammar.compile(text)


@pytest.mark.parametrize("character", [*"\x01\n\r\t\x1f\"\\][^-/'#aé\u2028\ufeff\x7f\x85😀\u00ad|{}().*+?$,=<>"])
def test_characters_stand_for_themselves(character: str) -> None:
    point = ord(character)
    around = Chars(((point, point), (0x20000, 0x20001))) if point < 0x20000 else Chars(((point, point),))
    found = XGrammar.compile(
        to_ebnf(Rules("root", {"root": seq(literal(character + "1"), around, literal("b" + character))}))
    )
    assert found.accepts(f"{character}1{character}b{character}")
    assert not found.accepts(f"{character}1bb{character}")


def test_odd_names() -> None:
    rules = {name: Literal(name) for name in ("true", "false", "1st", "0", "regex", "tagdispatch")}
    found = XGrammar.compile(to_ebnf(Rules("-1", {"-1": Seq(tuple(RuleRef(name) for name in rules)), **rules})))
    assert found.accepts("".join(rules))


@pytest.mark.parametrize("most", [1, 5, 31, 32, 33, 100, 1024, 2500])
def test_bounds_are_exact(most: int) -> None:
    char = Choice((Chars(((0x20, 0x21), (0x23, 0x5B), (0x5D, 0xD7FF))), Literal("\\n")))
    for least in {0, 1, most // 2, most}:
        rules = {"root": seq(literal('"'), Repeat(RuleRef("char"), least, most), literal('"')), "char": char}
        found = XGrammar.compile(to_ebnf(Rules("root", rules)))
        for count in {0, max(least - 1, 0), least, (least + most) // 2, most, most + 1}:
            text = "".join(("é", "\\n")[i % 2] for i in range(count))
            assert found.accepts(f'"{text}"') == (least <= count <= most)


@every_dialect
@pytest.mark.parametrize("choice", ["auto", "required", "none", "name"])
@pytest.mark.parametrize("count", [1, 3, 20])
def test_every_grammar_compiles(name: str, choice: str, count: int) -> None:
    tools = many(count)
    wanted: Any = {"name": "tool_0"} if choice == "name" else choice
    call = wp.encode([wp.Call("tool_0", {"path": "x"})], name, tools=tools)
    for found in both(name, tools, wanted):
        assert found.accepts(call) == (choice != "none"), call
        assert found.accepts("Some text.") == (choice in ("auto", "none"))


def texts(name: str) -> st.SearchStrategy[str]:
    hostile = st.one_of(st.text(max_size=8), hostile_values(name, TOOLS))
    return hostile.map(lambda it: "".join(c for c in it if c != "\0" and not "\ud800" <= c <= "\udfff")[:200])


@every_dialect
@given(data=st.data())
def test_what_a_model_writes_is_accepted_as_by_llama_cpp(name: str, data: st.DataObject) -> None:
    values = st.fixed_dictionaries(
        {"path": texts(name)},
        optional={
            "content": texts(name),
            # With a bound, raw text holds no part of a marker.
            "title": st.text("ab é😀.", max_size=40),
            "mode": st.integers(0, 511),
            "kind": st.sampled_from(["fast", "slow"]),
        },
    )
    calls = [wp.Call("write_file", found) for found in data.draw(st.lists(values, min_size=1, max_size=2))]
    try:
        wire = wp.encode(calls, name, tools=TOOLS)
    except wp.EncodeError:
        return
    if name not in GBNF:
        GBNF[name] = grammar(name, TOOLS, choice="required").text
    with LlamaCpp.compile(GBNF[name]) as rules:
        said = rules.accepts(wire)
    # Of raw text the rules leave out what holds half a call.
    assert said or wp.dialect(name).codec == "tagged"
    for found in grammars(name):
        assert found.accepts(wire) == said, wire


KEPT: dict[str, list[XGrammar]] = {}
GBNF: dict[str, str] = {}


def grammars(name: str) -> list[XGrammar]:
    if name not in KEPT:
        KEPT[name] = list(both(name))
    return KEPT[name]


@every_dialect
def test_what_is_accepted_is_valid(name: str) -> None:
    wire = wp.encode(PLAIN, name, tools=TOOLS)
    draw = random.Random(7)
    accepted = 0
    ebnf, tag = grammars(name)
    for _ in range(400):
        at, end = sorted(draw.choices(range(len(wire) + 1), k=2))
        piece = draw.choice(['"', "}", "1", ",", " ", "x", "<", wire[at:end]])
        mutant = draw.choice([wire[:at] + wire[min(end, at + 3) :], wire[:at] + piece + wire[at:]])
        said = ebnf.accepts(mutant)
        assert said == tag.accepts(mutant), mutant
        if said:
            accepted += 1
            assert is_valid(wp.parse(mutant, name, tools=TOOLS), VALIDATORS), mutant
    assert accepted


@every_dialect
@pytest.mark.parametrize("choice", ["auto", "none", "required"])
@pytest.mark.parametrize("opened", [False, True])
def test_a_tag_accepts_what_the_rules_accept(name: str, choice: str, opened: bool) -> None:
    spec = wp.dialect(name)
    if opened and spec.reasoning is None:
        return
    call = wp.encode([wp.Call("now")], name, tools=TOOLS)
    marks = [marker for marker in MessageWriter(spec, Toolset.of(TOOLS), RuleTable()).markers if marker not in call]
    pieces = [call, call, call[: len(call) // 2], "`", "a", "\n", " ", "{", "<", *marks]
    if spec.reasoning is not None:
        pieces += [spec.reasoning.open, spec.reasoning.close, spec.reasoning.close + "\n\n" + call] * 3
    draw = random.Random(3)
    ebnf, tag = both(name, TOOLS, choice, reasoning_open=opened)
    seen = {True: 0, False: 0}
    for _ in range(600):
        text = "".join(draw.choices(pieces, k=draw.randint(0, 5)))
        said = ebnf.accepts(text)
        assert said == tag.accepts(text), text
        seen[said] += 1
    assert all(seen.values())


def test_why_calls_are_no_json_schema() -> None:
    def schema(**keywords: Any) -> XGrammar:
        return XGrammar.compile_tag(
            {"type": "structural_tag", "format": {"type": "json_schema", "json_schema": {"type": "string", **keywords}}}
        )

    assert schema().accepts('"a\\n"')
    assert not schema(maxLength=9).accepts('"a\\n"'), "a string with a bound has no escapes"
    assert schema(maxLength=9).accepts('"a\x01"'), "and raw control characters"


def test_an_engine_that_refuses_says_why() -> None:
    with pytest.raises(EngineError, match=r'^EBNF parser error at line 1, column 10: Rule "b" is not defined$'):
        XGrammar.compile("root ::= b")
    with pytest.raises(EngineError, match="structural tag"):
        XGrammar.compile_tag({"type": "x"})


def test_nobody_else_sees_the_empty_modules() -> None:
    XGrammar.compile('root ::= "a"')
    assert not {"torch", "transformers"} & sys.modules.keys()
