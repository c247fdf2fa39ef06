"""The parts of the codecs of markup and of documents, each alone: held to lexbor, lxml, a plain table or brute force."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from html.entities import html5
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from selectolax.lexbor import LexborHTMLParser

import wireproto as wp
from wireproto.codecs.html import tags, text
from wireproto.documents import boundaries, trees
from wireproto.documents.reading import read_document
from wireproto.engine.document_stream import _located
from wireproto.format import dialect
from wireproto.text.scan import NO, WAIT
from wireproto.values.model import Document, Span

# --- text in HTML -------------------------------------------------------------------------------------------------

NUMBERS = ["0", "9", "13", "65", "x41", "xF", "x9f", "128", "xD7FF", "xd800", "xDFFF", "xe000", "x10FFFF", "x110000", "1114112"]  # fmt: skip


def test_references_of_every_name_and_number_are_those_of_lexbor() -> None:
    names = [name for name in html5 if name[-1] == ";"]
    legacy = [name for name in html5 if name[-1] != ";"]
    pieces = [f"&{name}" for name in names]
    pieces += [f"&{name}{after}" for name in legacy for after in ("", "=", "q", "Q", "7", "-", "é", " ", ";;")]
    pieces += [f"&#{number}{after}" for number in NUMBERS for after in (";", "", "g", "=")]
    pages = LexborHTMLParser("".join(f'<p a="x{piece}"><textarea>x{piece}</textarea></p>' for piece in pieces))
    for piece, page in zip(pieces, pages.css("p"), strict=True):
        area = page.css_first("textarea")
        assert area is not None
        assert text.decode_attribute(f"x{piece}") == page.attributes["a"], piece
        assert text.decode(f"x{piece}") == area.text(), piece


@pytest.mark.parametrize(
    "half", ["&", "&#", "&#x", "&#X4", "&#6", "&#1114112", "&z", "&am", "&amp", "&zwnj", "&CounterClockwiseContourIntegra"]
)  # fmt: skip
def test_half_a_reference_waits(half: str) -> None:
    assert text.decode_part(f"a{half}") == ("a", 1)


@pytest.mark.parametrize(
    "whole", ["&amp;", "&zz", "&zwnj;", "&zwnj;z", "&~", "&#a", "&#xg", "&é", "& ", "&#65;", "&zzz"]
)
def test_what_is_no_half_of_a_reference_does_not_wait(whole: str) -> None:
    assert text.decode_part(f"a{whole}") == (text.decode(f"a{whole}"), 1 + len(whole))


def test_names_wait_while_a_longer_one_begins_like_them() -> None:
    draw = random.Random(5)
    for name in draw.sample(sorted(html5), 200):
        half = name[: draw.randint(1, len(name))] + draw.choice(("", "", "z", ";", "~"))
        waits = any(longer != half and longer.startswith(half) for longer in html5)
        assert (text.decode_part(f"&{half}")[1] == 0) is waits, half


# --- markup in HTML -----------------------------------------------------------------------------------------------


def walked(page: str, pieces: bool) -> str:
    """Return the text outside of markup; `pieces`: markup is walked through a character at a time."""
    out, pos = "", 0
    while (at := page.find("<", pos)) >= 0:
        out += page[pos:at]
        found = tags.markup_at(page, at, len(page))
        if isinstance(found, type(NO)):
            # At the end of a file `<` and `</` are text, `<!` and `<!-` begin a comment.
            begun = found is WAIT and page[at : at + 2] == "<!"
            return out + ("" if begun else page[at:]) if found is WAIT else out + "<" + walked(page[at + 1 :], pieces)
        _, state, pos = found
        for end in range(pos + 1, len(page) + 1) if pieces else (len(page),):
            if state != tags.DONE:
                state, pos = tags.advance(state, page, pos, end)
        if state != tags.DONE:
            return out
    return out + page[pos:]


MARKUP = [
    "<",
    "<",
    "</",
    "<!",
    "<?",
    "<!--",
    "-->",
    "--!>",
    "-",
    ">",
    ">",
    '"',
    "'",
    "=",
    " ",
    "/",
    "a",
    "a",
    "!",
    "[CDATA[",
]


@pytest.mark.parametrize("pieces", [False, True])
def test_markup_ends_where_lexbor_says(pieces: bool) -> None:
    draw = random.Random(7)
    pages = ["".join(draw.choices(MARKUP, k=draw.randint(2, 12))) + "x" for _ in range(2_500)]
    pages += ["".join(page) + "x" for page in product(("<!--", "-", "!", ">", "X"), repeat=4)]
    pages += [f"{begin}a{''.join(page)}x" for begin in ("<", "</") for page in product('=">X', repeat=4)]
    for page in pages:
        body = LexborHTMLParser(f"<body>x{page}").body
        assert body is not None
        assert f"x{walked(page, pieces)}" == body.text(), page


@pytest.mark.parametrize("name", ["textarea", "script", "title"])
@pytest.mark.parametrize("nonce", ["", "k7q2"])
@pytest.mark.parametrize("before", ["", "a<b"])
def test_an_end_tag_is_held_from_its_first_character_on(name: str, nonce: str, before: str) -> None:
    for blanks in [" ", "\n/", " " * 64] if nonce else [""]:
        page, closer = f"{before}</{name}{blanks}{nonce}", tags.closer(name, nonce)
        for end in range(len(before) + 1, len(page) + 1):
            assert closer.scan("data", page, 0, end) == ("data", len(before), False), page[:end]
        assert closer.scan("data", f"{page}>", 0, len(page) + 1) == ("data", len(before), True)


def test_tags_are_read_as_lexbor_reads_them() -> None:
    draw = random.Random(9)
    for _ in range(1_500):
        inner = "".join(
            draw.choices(["a", "B", "=", "=", " ", "/", '"1"', "'2'", "3", '"', "&lt;", "é"], k=draw.randint(0, 9))
        )
        page = LexborHTMLParser(f"<body><Xy {inner}></xy>").css_first("xy")
        raw = f"<Xy {inner}>"
        # Lexbor takes a tag that its quotes leave open for none; then there is no whole tag.
        if page is not None and tags.advance("name", raw, 1, len(raw)) == (tags.DONE, len(raw)):
            wanted = {name: value or "" for name, value in page.attributes.items()}
            assert tags.read_tag(raw) == tags.HtmlTag("xy", wanted), inner


# --- forms: what a form submits, by the HTML Standard -------------------------------------------------------------

FORM = {
    "name": "f",
    "parameters": {
        "type": "object",
        "properties": {
            "s": {"type": "string"},
            "i": {"type": "integer"},
            "n": {"type": "number"},
            "b": {"type": "boolean"},
            "l": {"type": "array", "items": {"type": "integer"}},
            "m": {"type": "array", "items": {"type": "string"}},
            "o": {"type": "object"},
            "u": {},
            "v": {"type": ["string", "null"]},
        },
    },
}


def read(body: str) -> wp.Call:
    (call,) = wp.parse(f'<form toolname="f">{body}</form>', "html", tools=[FORM]).calls
    return call


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        # An option ends where the next begins, and at its end tag; what stands behind that is no text of it.
        ("<select name=s><option>a<option selected>b<option>c</select>", {"s": "b"}),
        ("<select name=s><option>a</option> x <option>c</option></select>", {"s": "a"}),
        ("<select name=m multiple><option selected>a<option>b<option selected>c</select>", {"m": ["a", "c"]}),
        ("<select name=s><option>a<optgroup><option selected>b</optgroup>c</select>", {"s": "b"}),
        # No other end tag ends one.
        ("<select name=s><option>a</input>b</select>", {"s": "ab"}),
        ("<select name=s><option>a</optgroup>b</select>", {"s": "ab"}),
        ("<select name=s><option>a</fieldset>b</select>", {"s": "ab"}),
        # Of radio buttons and boxes count the checked ones; two boxes of a name are a list.
        ("<input type=radio name=s value=a><input type=radio name=s value=b checked>", {"s": "b"}),
        ("<input type=radio name=s value=a>", {}),
        ("<input type=checkbox name=u value=a><input type=checkbox name=u value=b checked>", {"u": ["b"]}),
        ("<input type=checkbox name=u value=a checked><input type=checkbox name=u value=b checked>", {"u": ["a", "b"]}),
        ("<input type=checkbox name=l value=3 checked>", {"l": [3]}),
        ("<input type=checkbox name=b checked>", {"b": True}),
        # Nothing is a tag in plaintext, to the end of the output.
        ("<input name=s value=a><plaintext><input name=i value=3>", {"s": "a"}),
        # A textarea's end tag with a slip counts if a control follows that was not given yet.
        ("<textarea name=s>a</textara><input name=i value=3>", {"s": "a", "i": 3}),
        (
            "<input name=i value=3><textarea name=s>a</textara><input name=i value=4></textarea>",
            {"i": 3, "s": "a</textara><input name=i value=4>"},
        ),
    ],
)
def test_what_a_form_submits(body: str, arguments: dict[str, Any]) -> None:
    assert read(body).arguments == arguments


@pytest.mark.parametrize(
    ("spelled", "value"),
    [("7", 7), ("007", 7), ("-0.50", -0.5), (".5", 0.5), ("1e3", 1000.0), ("00", 0), (" 12 ", 12), ("-.5E-1", -0.05), ("0.0", 0.0)],
)  # fmt: skip
def test_numbers_of_inputs(spelled: str, value: float) -> None:
    """A valid floating-point number of HTML may begin with zeros or with a point; JSON has neither."""
    call = read(f'<input type=number name=u value="{spelled}">')
    assert (call.arguments, call.diagnoses) == ({"u": value}, ())
    assert type(call.arguments["u"]) is type(value)


def test_an_input_of_numbers_for_a_string_keeps_its_text() -> None:
    assert read("<input type=number name=s value=007>").arguments == {"s": "007"}


@pytest.mark.parametrize(
    "second",
    ["<input name=l value=9>", "<script name=l data-type=json>[9]</script>", "<textarea name=l>[9]</textarea>"],
)
def test_the_first_of_a_name_counts_also_where_it_is_a_group(second: str) -> None:
    call = read(f"<input type=checkbox name=l value=1 checked>{second}")
    assert call.arguments == {"l": [1]}
    assert [found.code for found in call.diagnoses] == ["duplicate-argument"]


def test_repairs_of_a_script_are_listed() -> None:
    call = read("<script name=o data-type=json>{'a': 1,}</script>")
    (found,) = call.diagnoses
    assert call.arguments == {"o": {"a": 1}} and found.code == "json-repaired"
    listed = found.message.removeprefix("o: read after repairs: ")
    assert len(listed.split(", ")) == 2 and re.fullmatch("[a-z-]+, [a-z-]+", listed)


def test_what_is_no_line_is_written_as_a_textarea() -> None:
    for value, control in {"a" * 200: "input", "a" * 201: "textarea", "a\nb": "textarea", "a": "input"}.items():
        written = wp.encode([wp.Call("f", {"v": value})], "html", tools=[FORM])
        page = LexborHTMLParser(written).css_first("[name=v]")
        assert page is not None and page.tag == control
        assert (page.attributes["value"] if control == "input" else page.text()) == value


def test_only_the_same_opener_again_is_one_written_twice(tmp_path: Path) -> None:
    """A form that another marker of the dialect opened is a call of its own, which nothing closed."""
    own = (Path(dialect.__file__).parent / "dialects" / "html.toml").read_text()
    own = own.replace('name    = "html"', 'name = "own"')
    own = own.replace("[call]", '[call]\nalso = ["<call toolname=\\"{name}\\">"]')
    (tmp_path / "own.toml").write_text(own)
    mine = wp.Dialect.load(tmp_path / "own.toml")
    whole = '<form toolname="f">\n<input name=i value=1></form>'
    for first, code, wanted in (
        ('<form toolname="f">\n', "duplicate-opener", [{"i": 1}]),
        ('<call toolname="f">\n', "unclosed-call", [{}, {"i": 1}]),
    ):
        message = wp.parse(first + whole, mine, tools=[FORM])
        assert [call.arguments for call in message.calls] == wanted
        assert [found.code for found in message.diagnoses] == [code]


BLANK = {
    "name": "f",
    "description": "says\n<this> & \u2028 that\x0b",
    "parameters": {
        "type": "object",
        "required": ["e"],
        "properties": {
            "e": {"enum": ["a", " b  c ", "x\ny", "<&>"]},
            "k": {"enum": ["1", 2, None]},
            "i": {"type": "integer", "description": 'a "b"\nc'},
            "n": {"type": "number"},
            "in": {"type": ["integer", "number"]},
            "b": {"type": "boolean"},
            "s": {"type": "string"},
            "any": {},
            "o": {"type": "object"},
            "c": {"type": "array", "enum": [[1], [2]]},
        },
    },
}


def test_a_blank_form_is_what_lexbor_reads_of_it() -> None:
    written = wp.prompt("html", tools=[BLANK])
    form = LexborHTMLParser(written[written.index("<form") :]).css_first("form")
    assert form is not None
    assert form.attributes["tooldescription"] == BLANK["description"].strip()  # type: ignore[attr-defined]
    shown = {
        control.attributes["name"]: (control.tag, control.attributes.get("type"), control.attributes.get("step"))
        for control in form.css("input, select, textarea, script")
    }
    assert shown == {
        "e": ("select", None, None),
        "k": ("select", None, None),
        "i": ("input", "number", "1"),
        "n": ("input", "number", "any"),
        "in": ("input", "number", "any"),
        "b": ("input", "checkbox", None),
        "s": ("textarea", None, None),
        "any": ("textarea", None, None),
        "o": ("script", "application/json", None),
        "c": ("script", "application/json", None),
    }
    options = [option.attributes.get("value", option.text()) for option in form.css("select[name=e] option")]
    assert options == ["a", " b  c ", "x\ny", "<&>"]
    # Only what a browser would change is an attribute.
    assert ["value" in option.attributes for option in form.css("option")] == [
        False,
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert [option.text() for option in form.css("select[name=k] option")] == ["1", "2", "null"]
    described = form.css_first("[name=i]")
    assert described is not None and described.attributes["toolparamdescription"] == 'a "b"\nc'


# --- nested data in XML -------------------------------------------------------------------------------------------

TREE = {
    "name": "f",
    "parameters": {
        "type": "object",
        "properties": {"o": {"type": "object"}, "l": {"type": "array"}, "s": {"type": "string"}},
    },
}


def xml_calls(body: str, pieces: bool = False, **limits: int) -> tuple[wp.Call, ...]:
    decoder = wp.Decoder("xml", tools=[TREE], policy=wp.Policy(limits=wp.Limits(**limits)))
    whole = f'<tool_calls>\n<call name="f">\n{body}\n</call>\n</tool_calls>'
    for piece in whole if pieces else [whole]:
        decoder.feed(piece)
    decoder.close()
    return decoder.message.calls


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            '<arg name="o"><field name="a">1</field>\n<item>x</item></arg>',
            "a member is missing at character 26 of the value",
        ),
        (
            '<arg name="l"><item>1</item><field name="a">x</field></arg>',
            "an element is missing at character 14 of the value",
        ),
        # An element in it that nothing closes, at the end of the text.
        (
            '<arg name="o"><field name="a" type="object"><field name="b">1</field></arg>',
            "a member is missing at character 55 of the value",
        ),
        ('<arg name="l"><item type="array"><item>1</item></arg>', "an element is missing at character 33 of the value"),
    ],
)
def test_elements_that_are_no_tree_say_where(body: str, problem: str) -> None:
    (call,) = xml_calls(body)
    assert [found.message for found in call.diagnoses if found.code == "type-mismatch"] == [f"{body[11]}: {problem}"]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "</arg>\\n<arg name=\\"s\\">x</arg>"}', '{"a": "]]"}', '{"a": "&amp;"}', '[["</arg>"]]', '{"a": "</call>"}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("pieces", [False, True])
def test_a_section_of_cdata_hides_markers_in_data_too(text: str, pieces: bool) -> None:
    key = "o" if text[0] == "{" else "l"
    body = f'<arg name="{key}"><![CDATA[{text}]]></arg>\n<arg name="s">y</arg>'
    (call,) = xml_calls(body, pieces)
    parsed = etree.fromstring(f"<r>{body}</r>")
    assert call.complete and call.diagnoses == ()
    assert {key: call.arguments[key], "s": call.arguments["s"]} == {
        key: json.loads(parsed[0].text or ""),
        "s": parsed[1].text,
    }


@pytest.mark.parametrize(
    "text", ['{"a": "<b> <![CDATA[ z"}', '{"a": "x < y <![CDATA["}', '{"a": "<![CDATA[x]]>< <![CDATA["}']
)
@pytest.mark.parametrize("pieces", [False, True])
def test_no_section_of_cdata_opens_behind_markup_that_nobody_escaped(text: str, pieces: bool) -> None:
    """An XML parser refuses it: who writes a bare `<` escapes nothing, so a later `<![CDATA[` is content."""
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(f"<arg>{text}</arg>")
    wanted = text.replace("<![CDATA[x]]>", "x")
    for key, value in {"o": json.loads(wanted), "s": wanted}.items():
        (call,) = xml_calls(f'<arg name="{key}">{text}</arg>\n<arg name="l">[1]</arg>', pieces)
        assert call.complete and call.arguments == {key: value, "l": [1]}


@pytest.mark.parametrize("pieces", [False, True])
def test_data_that_is_too_long_is_refused_before_its_end(pieces: bool) -> None:
    decoder = wp.Decoder("xml", tools=[TREE], policy=wp.Policy(limits=wp.Limits(max_value_chars=20)))
    start = '<tool_calls>\n<call name="f">\n<arg name="o">{"a": "' + "x" * 40
    with pytest.raises(wp.LimitExceeded, match="20"):
        for piece in start if pieces else [start]:
            decoder.feed(piece)


# --- where documents begin and end --------------------------------------------------------------------------------

XML = wp.DocumentType("x", "xml", root="ab")
HTML = wp.DocumentType("h", "html", root="ab")
TOML = wp.DocumentType("t", "toml", fence="+++ t")
OPENINGS = {
    XML: ['<ab>', '<ab a="1"  b = \'x>"\' c:d="">', "<ab\n/>", '<ab\te=">"/>'],
    HTML: ["<ab>", "<AB a=1 b c = 'x>' d>", "<aB\n/>", '<ab e=">" f= "">'],
    TOML: ["+++ t\n", "+++ t \t\r\n"],
}  # fmt: skip
NO_OPENINGS = {
    XML: ["<AB>", "<abc>", "<ab a>", "<ab a=1>", '<ab a="<">', "<ab/ >", "<ab =1>", "ab>", "<ab/x>"],
    HTML: ["<abc>", "<ab a='<'>", "<ab/ >", "<ab =1>", "<a>"],
    TOML: ["+++ tt\n", "+++ T\n", "++ t\n", "+++ t x\n"],
}


def test_an_opening_waits_until_it_stands_there() -> None:
    for kind, openings in OPENINGS.items():
        for whole in openings:
            end = len(whole.rstrip("\r\n")) if kind is TOML else len(whole)
            for cut in range(len(whole)):
                assert boundaries.opening(kind, whole[:cut], 0, cut, False) is WAIT, whole[:cut]
                found = boundaries.opening(kind, whole[:cut], 0, cut, True)
                # The line of a fence may be the last one; a tag must be whole.
                assert (found is NO) is (kind is not TOML or cut < len("+++ t")), whole[:cut]
            assert boundaries.opening(kind, whole, 0, len(whole), False) == boundaries.DocumentOpening(kind, end)
    for kind, others in NO_OPENINGS.items():
        for other in others:
            assert boundaries.opening(kind, other, 0, len(other), False) is NO, other


TOKENS = {
    XML: ["<ab>", "<ab>", "</ab>", "</ab >", "<!--", "-->", "--", "<![CDATA[", "]]>", "<?", "?>", "x", "<", "<AB>", "<ab/>"],
    HTML: ["<ab>", "<AB>", "</ab>", "</aB\n>", "<!--", "-->", "--", "<![CDATA[", "]]>", "<?", "?>", "x", "<", "</", "<ab/>"],
}  # fmt: skip


def pairs(kind: wp.DocumentType, page: str) -> tuple[dict[int, int], list[int]]:
    """Return the elements of a text, a character at a time: the slow and plain way."""
    hidden = {"<!--": "-->", **({"<![CDATA[": "]]>", "<?": "?>"} if kind is XML else {})}
    flags = 0 if kind is XML else re.IGNORECASE
    found, opened, pos = dict[int, int](), list[int](), 0
    while pos < len(page):
        begun = next((mark for mark in hidden if opened and page.startswith(mark, pos)), None)
        if begun:
            end = page.find(hidden[begun], pos + len(begun))
            pos = end + len(hidden[begun]) if end >= 0 else len(page)
        elif tag := re.compile(r"<ab(/?)>|</ab\s*>", flags).match(page, pos):
            if tag[0][1] != "/":
                opened.append(pos)
            pos = tag.end()
            if opened and "/" in tag[0]:
                found[opened.pop()] = pos
        else:
            pos += 1
    return found, opened


@pytest.mark.parametrize("kind", [XML, HTML], ids=["xml", "html"])
def test_elements_are_what_brute_force_pairs_however_they_are_cut(kind: wp.DocumentType) -> None:
    draw = random.Random(13)
    for _ in range(600):
        page = "".join(draw.choices(TOKENS[kind], k=draw.randint(1, 9)))
        for cuts in ([], range(1, len(page)), [draw.randint(0, len(page))]):
            elements = boundaries.Elements(kind, once=False)
            for start, end in zip([0, *cuts], [*cuts, len(page)], strict=True):
                elements.feed(page[start:end])
            assert (elements.pairs, elements.opened) == pairs(kind, page), (page, cuts)


LINES = ["\n", "\n", "+++", "+", " ", "\t", "\r\n", "x", " " * 4, " " * 300]


def test_lines_close_where_brute_force_says_and_are_safe_up_to_there() -> None:
    draw = random.Random(17)
    closing = re.compile(r"\n([ \t]{0,3}\+\+\+)[ \t]{0,256}\r?\n")
    begun = re.compile(r"\n([ \t]*)(\+\+\+)([ \t]*\r?)\Z")
    for _ in range(1_500):
        page = "".join(draw.choices(LINES, k=draw.randint(1, 8)))
        lines = boundaries.Lines(TOML)
        for seen, character in enumerate(page, 1):
            lines.feed(character)
            found = closing.search(page, 0, seen)
            assert lines.end == (found.end(1) if found else None), page[:seen]
            if found:
                break
            # Only the blanks behind a closer that is not certain yet may be none of the document.
            half = begun.search(page, 0, seen)
            if half is None:
                assert lines.safe == seen, page[:seen]
            elif len(half[1]) <= 3 and len(half[3]) <= 256:
                assert lines.safe == half.end(2), page[:seen]


def test_documents_in_a_whole_text() -> None:
    for page, anywhere, found in (
        ("+++ t\na\n+++\n", False, [(TOML, 0, 11, True)]),
        ("x\n+++ t\na", False, [(TOML, 2, 9, False)]),
        ("a <ab/> <AB></AB>", True, [(XML, 2, 7, True), (HTML, 8, 17, True)]),
        ("a <ab/>", False, []),
        ("```\n<ab/>\n```\n<ab/>", False, [(XML, 14, 19, True)]),
    ):
        extents = boundaries.find_documents((XML, HTML, TOML), page, anywhere)
        assert extents == [boundaries.Extent(*each) for each in found], page


# --- documents as they stream -------------------------------------------------------------------------------------


def streamed(kind: wp.DocumentType, pieces: list[str] | str) -> Iterator[tuple[int, str]]:
    """Yield after each piece how much was fed, and the text and the documents that came out so far."""
    decoder, fed, out = wp.Decoder("hermes", policy=wp.Policy(documents=(kind,))), 0, ""
    for piece in pieces:
        fed += len(piece)
        for event in decoder.feed(piece):
            out += getattr(event, "text", "") or ""
        yield fed, out
    decoder.close()


def test_what_opens_no_document_is_out_at_once_wherever_it_stands() -> None:
    for before in ("", "x" * 300 + "\n", "x\n" * 400):
        for other in ("<abx", "<ab a=1", "<ab =", "<ac"):
            fed, out = [*streamed(XML, before + other)][-1]
            assert out == before + other and fed == len(out)


def test_a_long_tag_is_looked_at_again_64_characters_later() -> None:
    for length in (100, 255, 256, 257, 300, 1000):
        opened = '<ab a="' + "x" * length
        after = [fed - len(opened) for fed, out in streamed(XML, [opened, *('"=' + "y" * 200)]) if not out]
        # The second character shows that it is no tag.
        assert max(after) + 1 <= (2 if len(opened) < 256 else 64), length


@pytest.mark.parametrize("behind", [" \t\n", "\nx", "  x\n+++\n", ""])
def test_the_deltas_of_a_document_join_to_its_text(behind: str) -> None:
    whole = f"+++ t\na = 1\n+++{behind}"
    decoder, out = wp.Decoder("hermes", policy=wp.Policy(documents=(TOML,))), ""
    for event in [*(event for piece in whole for event in decoder.feed(piece)), *decoder.close()]:
        out += event.text if isinstance(event, wp.DocumentDelta) else ""
    (found,) = decoder.message.documents
    closed = whole.rstrip(" \t\n") if not behind.startswith("  x") else whole.rstrip("\n")
    assert out == found.text == (whole[: whole.index("\n+++") + 4] if behind in (" \t\n", "\nx", "") else closed)


def located(documents: list[str], raw: str, value: str, key: str = "k") -> list[Span]:
    """Return where documents of an argument stand in a call's text, which begins at 100."""
    found = []
    for each in documents:
        start = value.index(each)
        span = Span(start, start + len(each))
        found.append(Document("x", "xml", None, each, True, key, span, (), span))
    places = _located(found, raw, {key: value}, Span(100, 100 + len(raw)))
    return [document.input_span for document in places]


def test_documents_in_arguments_are_placed_where_they_stand_verbatim() -> None:
    # The value as a whole; each alone; none: then it is the call.
    assert located(["<a/>", "<b/>"], "f: x <a/> <b/>", "x <a/> <b/>") == [Span(105, 109), Span(110, 114)]
    assert located(["<a/>", "<b/>"], 'f: \\"<a/> <b/>', '"<a/> <b/>') == [Span(105, 109), Span(110, 114)]
    assert located(["<a/>", '<b c="">'], 'f: \\"<a/> <b c=\\"\\">', '"<a/> <b c="">') == [
        Span(105, 109),
        Span(100, 120),
    ]
    assert located(["<a/>"], '<a/>: \\"', '"<a/>') == [Span(100, 104)]
    assert located(["<a/>"], "f: <a/>", "<a/>", key="") == [Span(103, 107)]


@pytest.mark.parametrize("misses", [63, 64])
@pytest.mark.parametrize("first", [[], ["<z/>"]])
def test_documents_are_looked_for_in_vain_64_times(misses: int, first: list[str]) -> None:
    """Looking further would not be linear; a document that was found is no miss, not even at the very beginning."""
    value = " ".join([*first, *(f'<a n="{i}"/>' for i in range(misses)), "<b/>"])
    raw = value.replace('"', '\\"')
    spans = located([*first, *re.findall("<[ab].*?/>", value)], raw, value)
    whole = Span(100, 100 + len(raw))
    assert spans[len(first) : -1] == [whole] * misses
    assert spans[-1] == (whole if misses == 64 else Span(whole.end - 4, whole.end))


def test_a_document_in_an_argument_without_a_name() -> None:
    tool = {"name": "f", "parameters": {"type": "object", "properties": {"": {"type": "string"}}}}
    text = wp.encode([wp.Call("f", {"": "x <ab/>"})], "hermes", tools=[tool])
    message = wp.parse(text, "hermes", tools=[tool], policy=wp.Policy(documents=(XML,), nested="report"))
    (found,) = message.calls[0].nested
    assert (found.key, found.text) == ("", "<ab/>")
    assert text[found.input_span.start : found.input_span.end] == "<ab/>"


# --- what documents say -------------------------------------------------------------------------------------------


def problems(kind: wp.DocumentType, body: str) -> list[str]:
    found = read_document(kind, body, (0, len(body)))
    return [each.message for each in found.diagnoses]


def test_malformed_toml_says_what_tomli_says() -> None:
    for body in ("a = ", "a = 1\nb = [1", "a = 1\na = 2", "[a\n", "= 1"):
        with pytest.raises(tomli.TOMLDecodeError) as caught:
            tomli.loads(body + "\n")
        said = re.sub(r" \(at .*\)$", "", str(caught.value))
        (message,) = problems(TOML, f"+++ t\n{body}\n+++")
        assert re.fullmatch(rf"t at line \d+, column \d+: {re.escape(said)}", message), message


def test_problems_without_a_place_name_the_document() -> None:
    assert problems(TOML, f"+++ t\na = {'[' * 30}{']' * 30}\n+++") == []
    found = read_document(TOML, f"+++ t\na = {'[' * 30}{']' * 30}\n+++", (0, 9), depth=10)
    assert [each.message for each in found.diagnoses] == ["t: nested more than 10 deep"]


@pytest.mark.parametrize("count", [1, 5, 6])
def test_up_to_five_values_that_are_not_json_are_named(count: int) -> None:
    names = [f"k{i}" for i in range(count)]
    (message,) = problems(TOML, "+++ t\n" + "".join(f"{name} = nan\n" for name in names) + "+++")
    listed = ", ".join(names[:5]) + (", ..." if count > 5 else "")
    assert message.endswith(f"JSON cannot express it: {listed}")


@given(st.text("a\n", max_size=12), st.data())
def test_a_place_is_a_line_and_a_column_from_1(page: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(page)))
    lines = page[:at].split("\n")
    found = trees.Malformed.at("no", page, at)
    assert (found.line, found.column) == (len(lines), len(lines[-1]) + 1)


def test_pages_that_would_take_the_parser_too_long_are_refused() -> None:
    page = wp.DocumentType("p", "html", root="p")
    assert not problems(page, "<p>" + "<" * 19_998 + "</p>")
    assert problems(page, "<p>" + "<" * 19_999 + "</p>") == ["p: more than 20000 tags"]
    assert not problems(page, "<p" + "".join(f" a{i}" for i in range(1_000)) + "></p>")
    assert "more than 1000 attributes" in problems(page, "<p" + "".join(f" a{i}" for i in range(1_001)) + "></p>")[0]
    # Formatting elements of the same kind count once; those that differ may each be opened again in every block.
    assert not problems(page, "<p>" + "<b>x</b>" * 1_000 + "</p>")
    assert not problems(page, "<p>" + '<font color="red">x</font>' * 1_000 + "</p>")
    several = "".join(f'<font color="c{i}">x' for i in range(1_000))
    assert problems(page, f"<p>{several}</p>") == ["p: too many formatting elements for a tree of this size"]
