"""The xml codec: against lxml on documents that are XML, and against what models write instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

import wireproto as wp
from wireproto.codecs.xml import tree
from wireproto.codecs.xml.writer import write_value
from wireproto.testing import Trial, laws
from wireproto.text import xml_text
from wireproto.text.json_repair import dumps
from wireproto.text.json_safe import identical
from wireproto.tools.toolset import Tool

XML = wp.dialect("xml")
TOOLS = [
    {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "content": {"type": "string"},
                "mode": {"type": "integer"},
                "note": {"type": ["string", "null"]},
                "options": {
                    "type": "object",
                    "properties": {"n": {"type": "integer"}, "tags": {"type": "array", "items": {"$ref": "#/$defs/t"}}},
                },
            },
            "$defs": {"t": {"type": "number"}},
        },
    }
]
# What XML 1.0 has characters for; a raw CR is LF to an XML parser.
characters = st.characters(
    exclude_categories=["Cs", "Cc"], include_characters="\n\t", exclude_characters="\ufffe\uffff"
)
texts = st.text(characters, max_size=12) | st.sampled_from(
    ["a < b && c", "]]>", "</arg>", "<arg name='x'>", " ", "&lt;"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def spelled(draw: st.DrawFn, text: str) -> str:
    """Return text as character data in one of the ways there are."""
    if draw(st.booleans()) and "]]>" not in text:
        return f"<![CDATA[{text}]]>"
    ways = {"&": ["&amp;", "&#38;", "&#x26;"], "<": ["&lt;", "&#60;"], ">": ["&gt;", "&#x3E;"]}
    return "".join(draw(st.sampled_from(ways.get(char, [char]))) for char in text)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """XML documents of one call with string arguments, in many spellings."""
    out = ["<tool_calls>", '<call name="write_file">']
    for i in range(draw(st.integers(0, 3))):
        quote = draw(st.sampled_from("\"'"))
        blank = draw(st.sampled_from([" ", "\n  ", "\t"]))
        value = spelled(draw, draw(texts)) + draw(st.sampled_from(["", spelled(draw, draw(texts))]))
        out += [f"<arg{blank}name={quote}k{i}{quote}>{value}</arg>", draw(st.sampled_from(["", "\n", "  \n"]))]
    return "".join([*out, "</call></tool_calls>"])


@given(document=documents())
def test_a_document_is_what_lxml_makes_of_it(document: str) -> None:
    (call,) = etree.fromstring(document, etree.XMLParser(resolve_entities=False))
    expected = {arg.get("name"): arg.text or "" for arg in call}
    message = wp.parse(document, XML, policy=wp.Policy(strict=True))
    assert [found.arguments for found in message.calls] == [expected]
    assert message.diagnoses == ()


@given(arguments=st.dictionaries(texts.filter(bool), values, max_size=3))
def test_what_is_written_is_well_formed(arguments: dict[str, Any]) -> None:
    wire = wp.encode(wp.Call("f", arguments), XML)
    message = wp.parse(wire, XML, policy=wp.Policy(strict=True))
    assert identical(message.calls[0].arguments, arguments)
    assert message.diagnoses == ()
    strings = {key: value for key, value in arguments.items() if isinstance(value, str)}
    (call,) = etree.fromstring(wire, etree.XMLParser(resolve_entities=False))
    assert {arg.get("name"): arg.text or "" for arg in call if arg.get("name") in strings} == strings


@given(value=values.filter(lambda value: isinstance(value, (dict, list))))
def test_a_tree_comes_back(value: Any) -> None:
    text, kind = write_value(XML, value, Tool(""), "k")
    found = tree.read(XML, text, kind, Tool(""), "k", 200)
    assert found is not None and found.problem == "" and identical(found.value, value)


@given(data=st.data())
def test_character_data_is_decoded_alike_in_all_pieces(data: st.DataObject) -> None:
    pieces = [
        "&",
        "amp;",
        "&lt;",
        "&#65;",
        "&#x1F600;",
        "&#xD800;",
        "<",
        "<![CDATA[",
        "]]>",
        "]",
        "a",
        "&#",
        "![CDATA[",
    ]
    text = "".join(data.draw(st.lists(st.sampled_from(pieces), max_size=10)))
    decoded, at, mode = "", 0, xml_text.Mode.ESCAPED
    for cut in sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8))):
        piece, at, mode = xml_text.decode_part(text, at, max(at, cut), mode, final=False)
        decoded += piece
    piece, at, mode = xml_text.decode_part(text, at, len(text), mode, final=True)
    assert decoded + piece == xml_text.decode(text)
    assert xml_text.decode(xml_text.escape(text)) == text
    assert xml_text.references(xml_text.escape_attribute(text)) == text


def calls(body: str, **options: Any) -> tuple[wp.Call, ...]:
    """Return the calls of a message, the same in one piece and character by character."""
    text = f"<tool_calls>\n{body}\n</tool_calls>"
    trial = Trial(text, tuple(text), TOOLS)
    laws.check_trial(XML, trial)
    return wp.parse(text, XML, tools=TOOLS, **options).calls


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a && b", "a && b"),
        ("if a < b && c &lt; d:", "if a < b && c &lt; d:"),
        ("a &lt; b", "a < b"),
        (
            '<?xml version="1.0"?>\n<p a="1">&lt;<arg name="q">x</arg></p>\n',
            '<?xml version="1.0"?>\n<p a="1">&lt;<arg name="q">x</arg></p>\n',
        ),
        ("<![CDATA[</arg>\n</call>]]>", "</arg>\n</call>"),
        ("a<![CDATA[<b>]]>c &amp; d", "a<b>c & d"),
        ("<![CDATA[x]]]]><![CDATA[>]]>", "x]]>"),
        ("</arg> is a closer", "</arg> is a closer"),
        ("\n x \n", "\n x \n"),
        ('<tool_calls>\n<call name="write_file">\n<arg name="path">y</arg>\n</call>\n</tool_calls>',) * 2,
        ("", ""),
    ],
)
def test_what_models_write_in_a_string(value: str, expected: str) -> None:
    (call,) = calls(f'<call name="write_file">\n<arg name="path">p</arg>\n<arg name="content">{value}</arg>\n</call>')
    assert call.arguments == {"path": "p", "content": expected}
    assert call.complete


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('<arg name="mode">420</arg>', {"mode": 420}),
        ('<arg name="mode" type="integer">420</arg>', {"mode": 420}),
        ('<arg name="note">null</arg>', {"note": None}),
        ('<arg name="note" type="string">null</arg>', {"note": "null"}),
        ('<arg name="note">&#110;ull</arg>', {"note": None}),
        ('<arg name="note">&#110;ul&lt;</arg>', {"note": "nul<"}),
        ('<arg name="path"/>', {"path": ""}),
        ('<arg name="options">{"n": 1}</arg>', {"options": {"n": 1}}),
        ('<arg name="options"/>', {"options": ""}),
        ('<arg name="options" type="object"></arg>', {"options": {}}),
        (
            '<arg name="options">\n <field name="n">3</field>\n <field name="tags"><item>1.5</item><item>2</item></field>\n</arg>',
            {"options": {"n": 3, "tags": [1.5, 2]}},
        ),
        (
            '<arg name="options"><field name="s">a < b</field><field name="s">c</field><field name="e" type="array"/></arg>',
            {"options": {"s": "c", "e": []}},
        ),
        ('<arg name="options"><field name="t"><![CDATA[</field>]]></field></arg>', {"options": {"t": "</field>"}}),
    ],
)
def test_values_that_are_no_strings(value: str, expected: dict[str, Any]) -> None:
    (call,) = calls(f'<call name="write_file">\n{value}\n</call>')
    if "type-mismatch" not in [diagnosis.code for diagnosis in call.diagnoses]:
        assert dumps(call.arguments) == dumps(expected)
    else:
        assert value == '<arg name="options"/>'


def test_elements_that_are_not_what_the_type_says() -> None:
    for body in ('<field name="a">1</field>stray', "<item>1</item>", '<field name="n">x</field>'):
        (call,) = calls(f'<call name="write_file"><arg name="options" type="object">{body}</arg></call>')
        found = [diagnosis.code for diagnosis in call.diagnoses]
        assert [code for code in found if code != "invalid-value"] == ["type-mismatch"]
        assert call.complete


def test_a_call_that_closes_itself() -> None:
    assert [call.name for call in calls('<call name="write_file"/><call id="b" name="write_file" />')] == [
        "write_file"
    ] * 2


def test_depth_has_a_limit() -> None:
    deep = '<item type="array">' * 300 + "</item>" * 300
    body = f'<call name="write_file"><arg name="x" type="array">{deep}</arg></call>'
    (call,) = calls(body)
    assert "nested deeper than 200" in call.diagnoses[-1].message
    with pytest.raises(wp.LimitExceeded, match="nested deeper than 20"):
        calls(body, policy=wp.Policy(limits=wp.Limits(max_depth=20)))
    assert calls(f'<call name="f"><arg name="x" type="array">{"<item>" * 20_000}</arg></call>')[0].complete


def test_strict_says_what_lxml_says_and_loads_nothing() -> None:
    strict = wp.Policy(strict=True)
    raw = '<call name="write_file"><arg name="content">a && b</arg></call>'
    (call,) = calls(raw, policy=strict)
    assert call.arguments == {"content": "a && b"}
    assert call.diagnoses[-1].code == "not-well-formed" and "line 1, column" in call.diagnoses[-1].message
    for text in ("\x00", "\ud800", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;", "<x>" * 50000):
        (call,) = wp.parse(raw.replace("a && b", text), XML, policy=strict).calls
        assert call.arguments == {"content": text}
        assert call.diagnoses[-1].code == "not-well-formed"
