"""JSON as templates spell it: its style, the order of a record's members, and ids, written, read and in grammars."""

from __future__ import annotations

from decimal import Decimal

import pytest

import wireproto as wp
from wireproto.format.loading import load_text
from wireproto.testing.engines.llamacpp import LlamaCpp

TOOLS = [
    {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "array"}, "s": {"type": "string"}}}}
]
CALL = wp.Call("f", {"a": [1, {}], "s": "é"})
HEAD = 'name = "mine"\nsummary = "s"\n'


def mine(tables: str) -> wp.Dialect:
    return load_text(HEAD + tables, "mine")


RECORD = '[section]\nopen = "<calls>[%s"\nclose = "]</calls>"\n[call]\njoin = ",%s"\n%s\n[argument]\ncodec = "json"\njson = "%s"\n'
STYLES = {
    "spaced": '{"name": "f", "arguments": {"a": [1, {}], "s": "é"}}',
    "compact": '{"name":"f","arguments":{"a":[1,{}],"s":"é"}}',
    "ascii": '{"name": "f", "arguments": {"a": [1, {}], "s": "\\u00e9"}}',
    "indented": '{\n      "name": "f",\n      "arguments": {\n          "a": [\n              1,\n              {}\n'
    '          ],\n          "s": "é"\n      }\n  }',
}
COUNTED = '[call]\nopen = "<c>"\nclose = "</c>"\nid = ["{index}"]\n[record]\nid = ["n"]\norder = ["id", "name", "arguments"]\n[argument]\ncodec = "json"\n'


@pytest.mark.parametrize("style", STYLES)
def test_styles(style: str) -> None:
    blank = "\\n  " if style == "indented" else ""
    spec = mine(RECORD % (blank, blank, "", style))
    between = ",\n  " if style == "indented" else ","
    expected = "<calls>[" + between[1:] + between.join([STYLES[style]] * 2) + "]</calls>"
    text = wp.encode([CALL, CALL], spec, TOOLS)
    assert text == expected
    message = wp.parse(text, spec, TOOLS)
    assert message.calls[1].arguments == CALL.arguments and not message.diagnoses
    assert LlamaCpp.compile(str(wp.grammar(spec, TOOLS, choice="required"))).accepts(text)


def test_decimals_keep_their_digits() -> None:
    spec = mine(RECORD % ("", "", "", "compact"))
    number = Decimal("0.12345678901234567890")
    tools = [{"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "number"}}}}]
    assert "0.12345678901234567890" in wp.encode(wp.Call("f", {"x": number}), spec, tools)


def test_a_counted_id_comes_first() -> None:
    spec = mine(COUNTED)
    text = wp.encode([CALL], spec, TOOLS)
    assert text == '<c>{"n": "0", "name": "f", "arguments": {"a": [1, {}], "s": "é"}}</c>'
    (call,) = wp.parse(text, spec, TOOLS).calls
    assert (call.id, call.complete) == ("0", True)
    engine = LlamaCpp.compile(str(wp.grammar(spec, TOOLS, choice="required")))
    assert engine.accepts(text) and not engine.accepts(text.replace('"n": "0", ', ""))


@pytest.mark.parametrize("name", ["mistral", "mistral_v11"])
def test_a_grammar_admits_the_ids_that_a_template_writes(name: str) -> None:
    engine = LlamaCpp.compile(str(wp.grammar(name, TOOLS, choice="required")))
    for identity in (None, "abcdefghi"):
        text = wp.encode([wp.Call("f", {"s": "x"}, identity)], name, TOOLS)
        assert (identity or "") in text and engine.accepts(text)
        assert wp.parse(text, name, TOOLS).calls[0].id == identity


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ('[record]\norder = ["name", "id"]\n[argument]\ncodec = "json"\n', "record.order: must be name, arguments, id"),
        ('[argument]\ncodec = "json"\njson = "tight"\n', "argument.json: unknown value 'tight'"),
        ('[call]\nempty = "x"\n[argument]\ncodec = "json"\n', "call.empty: must be white space"),
    ],
)
def test_what_is_no_style_is_refused(tables: str, problem: str) -> None:
    with pytest.raises(wp.DialectError, match=problem):
        mine(tables)
