"""Structured documents: at top level, inside arguments, in reasoning, on demand; and what hostile text does to them."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from effort import Tally, rounds
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto import fuzz, serialize
from wireproto.documents import boundaries, trees
from wireproto.testing.decoded import merged
from wireproto.text import json_safe as jsonsafe

FAMILIAR = wp.DocumentType("familiar", "xml", root="familiar")
PAGE = wp.DocumentType("page", "html", root="page")
PLAN = wp.DocumentType("plan", "toml", fence="+++ plan")
STEPS = wp.DocumentType("steps", "json", fence="```json steps")
# A call's own marker as a root: where both open, it is a call.
CLASHING = wp.DocumentType("clash", "xml", root="tool_call")
TYPES = (FAMILIAR, PAGE, PLAN, STEPS, CLASHING)
WRITE_FILE = {
    "name": "write_file",
    "parameters": {"type": "object", "properties": {"path": {"type": "string"}, "content": {"type": "string"}}},
}
DECLARATION = '<familiar wire="2">\n  <name>Ash</name>\n  <tool>read_file</tool>\n</familiar>'
DIALECTS = ("hermes", "qwen3_coder", "dsml_v4", "kimi_k2", "llama3_json", "glm45")
Nested = Literal["keep", "report", "lift"]
COPIES = 12


def policy(nested: Nested = "lift", *types: wp.DocumentType, **more: Any) -> wp.Policy:
    return wp.Policy(documents=types or TYPES, nested=nested, **more)


def write(content: str, dialect: str = "dsml_v4", path: str = "a.md") -> str:
    return wp.encode([wp.Call("write_file", {"path": path, "content": content})], dialect, tools=[WRITE_FILE])


def parse(text: str, rules: wp.Policy, dialect: str = "dsml_v4", **more: Any) -> wp.Message:
    return wp.parse(text, dialect, tools=[WRITE_FILE], policy=rules, **more)


def codes(message: wp.Message) -> list[str]:
    return [diagnosis.code for diagnosis in message.diagnoses]


def decode(
    chunks: list[str], dialect: str, rules: wp.Policy, reason: str | None, copied: bool = False
) -> tuple[list[wp.Event], wp.Message]:
    decoder = wp.Decoder(dialect, tools=[WRITE_FILE], policy=rules)
    events: list[wp.Event] = []
    for at, chunk in enumerate(chunks):
        events += decoder.feed(chunk)
        if copied and at % (len(chunks) // COPIES + 1) == 0:
            original, decoder = decoder, decoder.copy()
            original.feed("</familiar>\n+++\n```\nx")
            original.close()
            assert isinstance(decoder.pending, str)
    events += decoder.close(reason)
    return events, decoder.message


# Properties.

PIECES = (
    *(
        "<familiar>",
        '<familiar wire="2">',
        "<familiar",
        "<familiar/>",
        "</familiar>",
        "</familiar ",
        " a='b>'",
        ">",
        "/>",
    ),
    *("<page>", "<PAGE a=1>", "</Page>", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<tool_call>", "</tool_call>"),
    *("+++ plan\n", "+++ plan", "+++", "\n+++\n", "\n+++ \r\n", "a = 1\n", "a = 2020-01-01"),
    *("```json steps\n", "```json", "```", "\n```\n", "~~~\n", '{"a": 1}', "`", "<think>", "</think>"),
    *("\n", "\n\n", "\r\n", " ", "\t", "x", "word ", "<", "\0"),
)


def calls_of(dialect: str) -> list[str]:
    contents = (
        DECLARATION,
        f"{PIECES[0]}x",
        "a\n+++ plan\na=1\n+++\nb",
        "<familiar/> <page/>",
        "\n```\n<familiar/>\n```\n",
    )
    return [write(content, dialect) for content in contents]


@st.composite
def outputs(draw: st.DrawFn, dialect: str) -> str:
    pieces = draw(st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(calls_of(dialect))), max_size=14))
    return "".join(pieces)


every_dialect = pytest.mark.parametrize("dialect", DIALECTS)


@every_dialect
@given(data=st.data())
def test_laws_hold_with_documents(dialect: str, data: st.DataObject) -> None:
    text = data.draw(outputs(dialect))
    rules = policy(data.draw(st.sampled_from(("keep", "report", "lift"))))
    reason = data.draw(st.sampled_from(("stop", "length", None)))
    events, message = decode([text], dialect, rules, reason)
    for chunks, copied in (
        (list(text), False),
        (data.draw(fuzz.chunkings(text)), False),
        (data.draw(fuzz.chunkings(text)), True),
    ):
        others, other = decode(list(chunks), dialect, rules, reason, copied)
        assert other == message
        assert merged(others) == merged(events)
        told = [[e.diagnosis for e in some if isinstance(e, wp.Diagnosed)] for some in (others, events)]
        assert told[0] == told[1]
    check_tiles(text, message)
    check_documents(text, message, events)


def check_tiles(text: str, message: wp.Message) -> None:
    assert "".join(segment.raw for segment in message.segments) == text
    ends = [0, *(segment.span[1] for segment in message.segments)]
    assert [segment.span[0] for segment in message.segments] == ends[:-1]
    own = [(segment.span, segment.document) for segment in message.segments if segment.kind == "document"]
    calls = [segment.span for segment in message.segments if segment.kind == "call"]
    lifted = [document for document in message.documents if document.key is not None]
    assert [(document.input_span, document) for document in message.documents if document.key is None] == own
    assert all(any(a <= one.input_span[0] and one.input_span[1] <= b for a, b in calls) for one in lifted)
    assert all((segment.document is not None) == (segment.kind == "document") for segment in message.segments)


def check_documents(text: str, message: wp.Message, events: list[wp.Event]) -> None:
    documents = [*message.documents]
    ends = [event for event in merged(events) if isinstance(event, wp.DocumentEnd)]
    assert [(event.index, event.document) for event in ends] == list(enumerate(documents))
    whole = merged(events)
    for event in ends:
        at = whole.index(event)
        start, delta = (
            wp.DocumentStart(event.index, event.document.name),
            wp.DocumentDelta(event.index, event.document.text),
        )
        assert whole[at - 2 : at] == [start, delta]
    for segment in message.segments:
        if segment.document is not None:
            assert segment.raw == segment.document.text == text[slice(*segment.document.span)]
    for call in message.calls:
        for document in call.nested:
            assert call.arguments[document.key or ""][slice(*document.span)] == document.text
    json.dumps([document.value for document in documents])


@every_dialect
def test_what_was_encoded_reads_the_same(dialect: str) -> None:
    rules, tally = policy(), Tally()

    @given(outputs(dialect))
    def reads_the_same(output: str) -> None:
        message = parse(output, rules, dialect)
        try:
            text = wp.encode(message, dialect, tools=[WRITE_FILE])
        except wp.EncodeError:
            return tally.count(False)
        again = parse(text, rules, dialect)
        same = [document.text for document in again.documents] == [document.text for document in message.documents]
        assert not same or wp.encode(again, dialect, tools=[WRITE_FILE]) == text
        tally.count(same)

    reads_the_same()
    tally.check(0.1)


@given(
    before=st.sampled_from(("", "<familiar>", "x\n")),
    length=st.one_of(st.integers(200, 400), st.integers(boundaries.MAX_TAG - 80, boundaries.MAX_TAG + 80)),
    after=st.lists(
        st.sampled_from((">", "/>", "'", '"', "<", "\n", "y", "</familiar>", "<familiar/>", " ")), max_size=6
    ),
    data=st.data(),
)
def test_a_long_opening_tag_does_not_depend_on_pieces(
    before: str, length: int, after: list[str], data: st.DataObject
) -> None:
    head = f"{before}<familiar "
    text = head + ('a="1" ' * boundaries.MAX_TAG)[: length - len(head)] + "".join(after) + "\nz" * 40
    events, message = decode([text], "hermes", policy(), "stop")
    for chunks in (list(text), list(data.draw(fuzz.chunkings(text)))):
        others, other = decode(chunks, "hermes", policy(), "stop")
        assert other == message and merged(others) == merged(events)


@given(data=st.data(), kind=st.sampled_from(TYPES[:3]))
def test_an_ending_does_not_depend_on_pieces(data: st.DataObject, kind: wp.DocumentType) -> None:
    text = (kind.fence or f"<{kind.root}>") + "".join(data.draw(st.lists(st.sampled_from(PIECES), max_size=12)))
    ends = []
    for pieces in ([text], list(text), data.draw(fuzz.chunkings(text))):
        ending, safe = boundaries.ending(kind), 0
        for piece in pieces:
            if ending.end is None:
                ending.feed(piece)
                assert ending.safe >= safe
                safe = ending.safe
        ends.append(ending.end)
    assert len(set(ends)) == 1


@given(
    value=st.recursive(
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.dates(), st.times(), st.datetimes()
        ),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    )
)
def test_safe_values_are_json(value: Any) -> None:
    safe = jsonsafe.json_safe(value)
    assert json.loads(json.dumps(safe.value, allow_nan=False)) == safe.value
    assert jsonsafe.json_safe(safe.value).changed == ()
    if not safe.changed:
        assert repr(safe.value) == repr(value)


# The failure that this began with: a declaration inside a file that is written, and what a caller may make of it.


def test_a_nested_declaration_is_content_by_default() -> None:
    message = parse(write(f"Notes\n\n{DECLARATION}\n"), policy("keep"))
    assert [call.arguments["content"] for call in message.calls] == [f"Notes\n\n{DECLARATION}\n"]
    assert message.calls[0].nested == () and message.documents == () and message.diagnoses == ()
    assert message.text == "" and wp.parse(write(DECLARATION), "dsml_v4").text == ""


def test_a_nested_declaration_is_reported() -> None:
    content = f"Notes\n\n{DECLARATION}\n"
    message = parse(write(content), policy("report"))
    (call,) = message.calls
    (document,) = call.nested
    assert call.arguments["content"] == content and call.complete
    assert (document.name, document.format, document.key, document.complete) == ("familiar", "xml", "content", True)
    assert content[slice(*document.span)] == document.text == DECLARATION
    assert document.value["attributes"] == {"wire": "2"}
    names = [child["children"] for child in document.value["children"] if isinstance(child, dict)]
    assert names == [["Ash"], ["read_file"]]
    (note,) = message.diagnoses
    assert (note.code, note.severity) == ("nested-document", "note") and note in call.diagnoses
    assert all(word in note.message for word in ("write_file", "'content'", "'familiar'"))
    assert message.documents == ()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_nested_declaration_is_lifted(dialect: str) -> None:
    text = write(f"Notes\n\n{DECLARATION}\n", dialect)
    events, message = decode([text], dialect, policy("lift"), "stop")
    (document,) = message.documents
    assert document is message.calls[0].nested[0] and all(segment.document is None for segment in message.segments)
    verbatim = message.calls[0].raw.find(DECLARATION)
    assert text[slice(*document.input_span)] == (DECLARATION if verbatim >= 0 else message.calls[0].raw)
    kinds = [type(event).__name__ for event in events]
    at = kinds.index("CallEnd")
    assert kinds[at : at + 4] == ["CallEnd", "DocumentStart", "DocumentDelta", "DocumentEnd"]
    check_tiles(text, message)


def test_a_declaration_alone_at_top_level() -> None:
    message = parse(DECLARATION, policy())
    (segment,) = message.segments
    assert (segment.kind, segment.raw, message.text) == ("document", DECLARATION, "")
    assert message.documents == (segment.document,) and segment.document is not None
    assert segment.document.span == (0, len(DECLARATION)) and segment.document.key is None
    assert wp.parse(DECLARATION, "dsml_v4").text == DECLARATION


def test_two_declarations_one_nested_and_one_at_top_level() -> None:
    text = f"First\n{DECLARATION}\n{write(DECLARATION)}"
    message = parse(text, policy())
    assert [document.input_span.start for document in message.documents] == [6, text.rindex(DECLARATION)]
    assert [text[slice(*document.input_span)] for document in message.documents] == [DECLARATION] * 2
    assert [segment.kind for segment in message.segments] == ["text", "document", "markup", "call", "markup"]
    assert message.text == "First\n" and message.calls[0].arguments["content"] == DECLARATION


def test_a_document_in_reasoning_stays_there() -> None:
    message = parse(f"<think>\n{DECLARATION}\n</think>\nDone.", policy(), "hermes")
    assert message.reasoning == f"\n{DECLARATION}\n" and message.documents == ()
    assert codes(message) == ["draft-document"]
    (note,) = message.diagnoses
    assert f"<think>\n{DECLARATION}"[slice(*note.span)] == DECLARATION
    assert parse("<think>\n<familiar>\n</think>\nDone.", policy(), "hermes").diagnoses == ()


def test_a_call_that_is_not_called_lifts_nothing() -> None:
    call = write(DECLARATION, "hermes")
    for text in (f"```\n{call}\n```\n", f"<think>\n{call}\n</think>\nDone.", f"{call[:-20]}"):
        events, message = decode([text], "hermes", policy(), "length")
        assert message.documents == () and not any(isinstance(event, wp.DocumentStart) for event in events)
    assert parse(f"```\n{call}\n```\n", policy(), "hermes").candidates[0].nested


@pytest.mark.parametrize(
    "text",
    [
        f"Inline {DECLARATION}",
        f"`{DECLARATION}`",
        f"```xml\n{DECLARATION}\n```\n",
        f"~~~\n{DECLARATION}",
        "<familiar wire=2>\nx</familiar>",
        "<familiar wire='2' oops>x</familiar>",
        "<familiars>x</familiars>",
        "<FAMILIAR></FAMILIAR>",
        "</familiar>",
        '<familiar wire="2"',
        f"<familiar a='{'x' * boundaries.MAX_TAG}'></familiar>",
        "x +++ plan\na = 1\n+++\n",
        "+++ planning\na = 1\n+++\n",
        "+++ PLAN\na = 1\n+++\n",
    ],
)
def test_what_opens_no_document(text: str) -> None:
    message = parse(text, policy(), "hermes")
    assert message.documents == () and message.text == text


@pytest.mark.parametrize(
    ("text", "document"),
    [
        (f"  {DECLARATION}", DECLARATION),
        ("<familiar/> x", "<familiar/>"),
        ("<familiar a='1'\n b = \"2\" />x", "<familiar a='1'\n b = \"2\" />"),
        (
            "<familiar><familiar>a</familiar><familiar/>b</familiar>c</familiar>",
            "<familiar><familiar>a</familiar><familiar/>b</familiar>",
        ),
        (
            "<familiar><!-- </familiar> --><![CDATA[</familiar>]]><?x </familiar>?></familiar >y",
            "<familiar><!-- </familiar> --><![CDATA[</familiar>]]><?x </familiar>?></familiar >",
        ),
        ("<familiar><?x a? ?> </familiar> ?><a/></familiar>b", "<familiar><?x a? ?> </familiar>"),
        ("<familiar><?x a? </familiar> ?><a/></familiar>b", "<familiar><?x a? </familiar> ?><a/></familiar>"),
        ("<familiar><!----></familiar>-->", "<familiar><!----></familiar>"),
        ("<familiar><![CDATA[]]]><a/>]]]></familiar>]]>", "<familiar><![CDATA[]]]><a/>]]]></familiar>"),
        ("<Page hidden class=a><PAGE>x</page></pAGE>y", "<Page hidden class=a><PAGE>x</page></pAGE>"),
        ("+++ plan \n a = 1\n ++++\n+++ x\n  +++  \nb", "+++ plan \n a = 1\n ++++\n+++ x\n  +++"),
        ("```json steps\n[1]\n```\nx", "```json steps\n[1]\n```"),
    ],
)
def test_where_documents_begin_and_end(text: str, document: str) -> None:
    message = parse(text, policy(), "hermes")
    assert [found.text for found in message.documents] == [text[slice(*message.documents[0].span)]] == [document]
    around = [segment.raw for segment in message.segments if segment.kind != "document"]
    assert "".join(around) == text.replace(document, "", 1)
    assert decode(list(text), "hermes", policy(), "stop")[1] == message


def test_no_call_is_live_in_a_document_and_a_call_comes_first() -> None:
    call = write("x", "hermes")
    inside = f"<familiar>\n{call}\n</familiar>"
    message = parse(f"{inside}\n{call}", policy(), "hermes")
    assert len(message.calls) == 1 and message.documents[0].text == inside
    # The root of CLASHING is the call's own marker.
    assert [
        len(parse(call, policy("lift", CLASHING), "hermes").calls),
        len(parse("<tool_call>x</tool_call>", policy("lift", CLASHING), "hermes").documents),
    ] == [1, 1]


def test_characters_stream_as_they_come() -> None:
    decoder = wp.Decoder("hermes", policy=policy())
    told = ""
    for at, character in enumerate(text := "<familiar>some <b>text</b>\n</familiar>"):
        told += "".join(event.text for event in decoder.feed(character) if isinstance(event, wp.DocumentDelta))
        assert told == (text[: at + 1] if at >= len("<familiar>") - 1 else "")
    decoder.close()


def test_output_that_ends_inside_a_document() -> None:
    for text in ("<familiar>\n<b>x", "+++ plan\na = 1\n++", "+++ plan", "```json steps\n{}\n"):
        message = parse(text, policy(), "hermes")
        document = message.documents[0]
        assert document is not None and (document.complete, document.value, document.text) == (False, None, text)
        assert codes(message) == ["truncated-document"] == [said.code for said in document.diagnoses]


def test_in_an_argument_what_is_closed_counts_first() -> None:
    content = "Open with `<familiar>`, as here:\n<familiar>\nand\n<familiar>a</familiar> <familiar/>x<familiar/>"
    (call,) = parse(write(content), policy("report")).calls
    assert [document.text for document in call.nested] == ["<familiar>a</familiar>", "<familiar/>"]
    (call,) = parse(write("text\n<familiar>\nand so on"), policy("report")).calls
    assert [(document.text, document.complete) for document in call.nested] == [("<familiar>\nand so on", False)]
    (call,) = parse(write(f"```\n{DECLARATION}\n```\n<page/>"), policy("report")).calls
    assert [document.name for document in call.nested] == ["page"]


# Values.


def value_of(kind: wp.DocumentType, text: str) -> tuple[Any, list[str]]:
    message = parse(text, policy("lift", kind), "hermes")
    document = message.documents[0]
    assert document is not None
    return document.value, codes(message)


def test_values_of_each_format() -> None:
    text = '<familiar xmlns:a="u" a:b="&lt;" xml:lang="en">t<!-- c -->u<![CDATA[<x>]]><?pi?><a:c/>&#233;</familiar>'
    assert value_of(FAMILIAR, text) == (
        {
            "name": "familiar",
            "attributes": {"xmlns:a": "u", "a:b": "<", "xml:lang": "en"},
            "children": ["tu<x>", {"name": "a:c", "attributes": {}, "children": []}, "é"],
        },
        [],
    )
    assert value_of(PAGE, "<page>a<br><INPUT disabled value=x></page>") == (
        {
            "name": "page",
            "attributes": {},
            "children": [
                "a",
                {"name": "br", "attributes": {}, "children": []},
                {"name": "input", "attributes": {"disabled": "", "value": "x"}, "children": []},
            ],
        },
        [],
    )
    assert value_of(STEPS, '```json steps\n{"a": [1, null]}\n```') == ({"a": [1, None]}, [])
    assert value_of(STEPS, "```json steps\n{'a': 1,}\n```") == ({"a": 1}, ["json-repaired"])
    value, said = value_of(PLAN, "+++ plan\na = 1\nb = 2020-01-01\n[c]\nd = [nan, -inf]\n+++")
    assert (value, said) == ({"a": 1, "b": "2020-01-01", "c": {"d": ["nan", "-inf"]}}, ["value-not-json"])


def test_html_may_stand_in_a_fence_of_its_own() -> None:
    bill = wp.DocumentType("bill", "html", fence="```html bill")
    text = "Here:\n\n```html bill\n<b>x</b>\n```\nDone."
    for chunks in ([text], list(text)):
        message = decode(chunks, "hermes", policy("lift", bill), "stop")[1]
        (document,) = message.documents
        assert (document.value, document.complete) == ({"name": "b", "attributes": {}, "children": ["x"]}, True)
        assert message.text == "Here:\n\n\nDone."


def test_an_integer_may_have_as_many_digits_as_python_reads() -> None:
    for digits in (4_299, 4_300):
        assert value_of(PLAN, f"+++ plan\na = {'9' * digits}\n+++") == ({"a": 10**digits - 1}, [])
    for text in ("9" * 4_301, "9" * 2_150 + "_" + "9" * 2_151):
        value, said = value_of(PLAN, f"+++ plan\na = {text}\n+++")
        assert (value, said) == (None, ["document-malformed"])


@pytest.mark.parametrize(
    ("kind", "text", "place"),
    [
        (FAMILIAR, "<familiar>\n <b></familiar>", "line 2, column"),
        (FAMILIAR, "<familiar>\n\0</familiar>", "line 2, column"),
        (FAMILIAR, "<familiar>\n\ud800</familiar>", "line 2, column 1"),
        (FAMILIAR, "<familiar a='1' a='2'/>", "line 1, column"),
        (FAMILIAR, "<familiar>&nbsp;</familiar>", "line 1, column"),
        (PLAN, "+++ plan\na = 1\na = 2\n+++", "line 3, column"),
        (PLAN, "+++ plan\na = \n+++", "line 2, column 5"),
        (PLAN, f"+++ plan\na = {'9' * 5_000}\n+++", "line 2, column 5"),
        (STEPS, '```json steps\n{"a": 1,\n b}\n```', "line 3, column 2"),
        (wp.DocumentType("row", "html", root="tr"), "<tr></tr>", "line 1, column 1"),
    ],
)
def test_a_malformed_document_says_where(kind: wp.DocumentType, text: str, place: str) -> None:
    message = parse(text, policy("lift", kind), "hermes")
    document = message.documents[0]
    assert document is not None and document.value is None and document.text == text and document.complete
    assert codes(message) == ["document-malformed"] and place in message.diagnoses[0].message


def test_a_schema_is_held_against_the_value() -> None:
    steps = {"type": "array", "items": {"$ref": "#/$defs/step"}}
    schema = {
        "type": "object",
        "properties": {"steps": steps},
        "$defs": {"step": {"type": "object", "required": ["do"]}},
    }
    kind = wp.DocumentType("plan", "toml", fence="+++ plan", schema=schema)
    assert value_of(kind, '+++ plan\n[[steps]]\ndo = "x"\n+++')[1] == []
    message = parse('+++ plan\n[[steps]]\ndo = "x"\n[[steps]]\nx = 1\n+++', policy("lift", kind), "hermes")
    (said,) = message.diagnoses
    assert said.code == "document-invalid" and "$.steps[1]" in said.message and "'do' is a required" in said.message
    document = message.documents[0]
    assert document is not None and document.value == {"steps": [{"do": "x"}, {"x": 1}]}
    (call,) = parse(write("+++ plan\nsteps = 1\n+++"), policy("report", kind)).calls
    assert [said.code for said in call.diagnoses] == ["nested-document", "document-invalid"]


def test_a_schema_without_an_end_raises_nothing_later() -> None:
    kind = wp.DocumentType("j", "json", fence="+++", schema={"properties": {"a": {"$ref": "#/properties/a"}}})
    assert value_of(kind, '+++\n{"a": 1}\n+++') == ({"a": 1}, ["document-invalid"])


@pytest.mark.parametrize(
    ("definition", "advice"),
    [
        ({"name": ""}, "name"),
        ({"format": "yaml"}, '"xml", "html", "toml" or "json"'),
        ({"root": None}, 'either root="element" or fence='),
        ({"fence": "+++"}, "not both"),
        ({"format": "toml"}, "fence="),
        ({"root": "a b"}, "name of an element"),
        ({"root": None, "fence": "plan"}, '"+++ plan"'),
        ({"root": None, "fence": "+++ a\nb"}, "one line"),
        ({"root": None, "fence": "+++ "}, "end with a blank"),
        ({"schema": [1]}, "JSON Schema object"),
        ({"schema": {"type": "strin"}}, "$.type"),
        ({"schema": {"x": object()}}, "not JSON"),
        ({"schema": {"pattern": "("}}, "$.pattern"),
        ({"schema": {"$ref": "https://example.org/s.json"}}, "its own inside only"),
        ({"schema": {"properties": {"a": {"$ref": "#/$defs/a"}}}}, "reference to nothing"),
        ({"schema": {"allOf": [{"$ref": "#"}]}}, "without end"),
    ],
)
def test_a_wrong_definition_says_what_to_write(definition: dict[str, Any], advice: str) -> None:
    with pytest.raises(wp.SchemaError) as caught:
        wp.DocumentType(**({"name": "n", "format": "xml", "root": "n"} | definition))
    assert advice in str(caught.value)


def test_a_policy_takes_document_types_only() -> None:
    assert wp.Policy(documents=[FAMILIAR]).documents == (FAMILIAR,)
    with pytest.raises(wp.PolicyError, match=r"Policy.documents\[0\]"):
        wp.Policy(documents=["familiar"])  # type: ignore[list-item]


# On demand.


@pytest.mark.parametrize(
    ("text", "form", "value"),
    [
        (
            "<?xml version='1.0' encoding='latin-1'?>\n<a>é</a>",
            "xml",
            {"name": "a", "attributes": {}, "children": ["é"]},
        ),
        ("\n <a/> ", "xml", {"name": "a", "attributes": {}, "children": []}),
        ("<!DOCTYPE html><HTML><br>", "html", None),
        ("<div>a<br></div>", "html", None),
        ('{"a": 1}', "json", {"a": 1}),
        ("[1]", "json", [1]),
        ("[]", "json", []),
        ("[a]\nb = 1", "toml", {"a": {"b": 1}}),
    ],
)
def test_an_argument_that_is_a_document(text: str, form: str, value: Any) -> None:
    document = wp.document(text)
    assert document is not None
    assert (document.format, document.key, document.text) == (form, None, text.strip())
    assert text[slice(*document.span)] == document.text
    assert document.value == value if value is not None else document.value["name"] in ("html", "div")


@pytest.mark.parametrize(
    "value", ["", " ", "x", "a < b", "# only a comment", "<a>", "{'a': 1}", "[1", "<a/><b/>", "3", 3, None, ["<a/>"]]
)
def test_an_argument_that_is_no_document(value: Any) -> None:
    assert wp.document(value) is None


def test_a_format_that_is_asked_for() -> None:
    document = wp.document(" <a>", "xml")
    assert document is not None and document.value is None and document.span == (1, 4)
    assert [said.code for said in document.diagnoses] == ["document-malformed"]
    assert (found := wp.document(" <a>", "html")) is not None and found.value["name"] == "a"


# Hostile text.

LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]><a b="&c;">&c;</a>'


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><a>&a;</a>',
        '<!DOCTYPE a SYSTEM "http://localhost:9/a.dtd"><a>&b;</a>',
    ],
)
def test_entities_are_refused(text: str) -> None:
    document = wp.document(text, "xml")
    assert document is not None and document.value is None and "entities" in document.diagnoses[0].message


N = rounds(20_000, 100_000)
HOSTILE = {
    "open tags": "<{0}>" * (10 * N),
    "deep": "<{0}>" * N + "</{0}>" * N,
    "deep inside": "<{0}>" + "<b>" * N + "</b>" * N + "</{0}>",
    "attributes": "<{0}><b " + " ".join(f"a{i}='{i}'" for i in range(N)) + "/></{0}>",
    "namespaces": "<{0}><b " + " ".join(f"xmlns:a{i}='{i}'" for i in range(5_000)) + "><a1:c/></b></{0}>",
    "formatting": "<{0}>" + "".join(f"<font size={i}><p>" for i in range(5_000)) + "</{0}>",
    "unclosed quote": "<{0}>" + '<a b="' * N + "</{0}>",
    "openers": "<{0} a='" * N,
    "comments": "<{0}>" + "<!--" * N,
    "blanks": ("<{0}" + " " * 5_000) * 20,
    "NUL": "<{0}>\0</{0}>",
    "surrogates": "<{0}>\ud800\udfff\udc00</{0}>",
    "long": "<{0}>" + "x" * (500 * N) + "</{0}>",
    "many": "<{0}/>\n" * 5_000,
}


@pytest.mark.parametrize("kind", [FAMILIAR, PAGE], ids=lambda kind: kind.format)
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_elements(case: str, kind: wp.DocumentType) -> None:
    text = HOSTILE[case].replace("{0}", kind.root or "")
    message = parse(text, policy("lift", kind), "hermes")
    assert "".join(segment.raw for segment in message.segments) == text
    for document in message.documents:
        json.dumps(document.value)
    found = boundaries.find_documents((kind,), text, anywhere=True)
    assert [text[one.start : one.end] for one in found] == [document.text for document in message.documents]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (STEPS, "[" * 100_000),
        (STEPS, '{"a":' * 100_000),
        (STEPS, "[" * 100_000 + "]" * 100_000),
        (STEPS, "9" * 100_000),
        (PLAN, "a = " + "[" * 100_000 + "]" * 100_000),
        (PLAN, "a." * 100_000 + "b = 1"),
        (PLAN, "\0 = 1"),
        (PLAN, "a = '\ud800'"),
    ],
    ids=lambda value: str(getattr(value, "name", value))[:20],
)
def test_hostile_values(kind: wp.DocumentType, body: str) -> None:
    value, said = value_of(kind, f"{kind.fence}\n{body}\n{kind.closer}")
    json.dumps(value)
    assert [code for code in said if code != "looping"] == ["document-malformed"] or value is not None


def test_nesting_is_bounded_by_the_policy_too() -> None:
    text = "<familiar><b><c/></b></familiar>"
    assert codes(parse(text, policy(limits=wp.Limits(max_depth=6)), "hermes")) == []
    assert codes(parse(text, policy(limits=wp.Limits(max_depth=5)), "hermes")) == ["document-malformed"]
    assert codes(parse("```json steps\n[[]]\n```", policy(limits=wp.Limits(max_depth=1)), "hermes")) == [
        "document-malformed"
    ]
    with pytest.raises(wp.LimitExceeded, match="max_value_chars"):
        parse(text, policy(limits=wp.Limits(max_value_chars=20)), "hermes")
    assert jsonsafe.json_safe([[1]], max_depth=1) == jsonsafe.Safe(None, too_deep=True)


def test_a_value_that_is_not_json_is_named() -> None:
    safe = jsonsafe.json_safe({"a": [1, {"b": float("nan")}], "c": 1 << 20_000})
    assert safe.changed == ("a[1].b", "c") and safe.value["a"] == [1, {"b": "nan"}]
    assert len(jsonsafe.json_safe([float("inf")] * 1_000).changed) == 100


def test_trees_are_as_deep_as_allowed() -> None:
    deep = 150
    for tree in (trees.xml_tree("<a>" * deep + "</a>" * deep, deep), trees.html_tree("<i>" * deep, "i", deep)):
        depth, inner = 1, tree["children"]
        while inner:
            depth, inner = depth + 1, inner[0]["children"]
        assert depth == deep
    for read in (lambda: trees.xml_tree("<a><a/></a>", 1), lambda: trees.html_tree("<i><i>", "i", 1)):
        with pytest.raises(trees.Malformed, match="nested more than 1"):
            read()


# The command line's JSON.


def test_documents_as_json() -> None:
    events, message = decode([f"{DECLARATION}\n"], "hermes", policy(), "stop")
    shown = [serialize.event_json(event) for event in events]
    assert [one["event"] for one in shown] == ["document_start", "document_delta", "document_end"]
    (document,) = serialize.message_json(message)["documents"]
    assert shown[-1]["document"] == document == json.loads(json.dumps(document))
    assert (document["name"], document["text"], document["start"], document["complete"]) == (
        "familiar",
        DECLARATION,
        0,
        True,
    )
    assert "documents" not in serialize.message_json(wp.Message())


def test_a_message_with_documents_is_encoded() -> None:
    text = f"Hello\n{DECLARATION}\n+++ plan\na = 1\n+++ \n" + write("x", "hermes")
    assert wp.encode(parse(text, policy(), "hermes"), "hermes", tools=[WRITE_FILE]) == text
