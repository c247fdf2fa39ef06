"""The html codec: against an HTML parser's tree on forms of every spelling, and against what is no form at all."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from html import unescape
from itertools import product
from typing import Any

import pytest
from effort import rounds
from hypothesis import example, given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

import wireproto as wp
from wireproto import fuzz
from wireproto.codecs.html import tags as htmltags
from wireproto.codecs.html import text as htmltext
from wireproto.testing import Trial, laws
from wireproto.testing.decoded import decode
from wireproto.text.json_safe import identical

SALTED = wp.dialect("html").salted("k7q2")
TOOLS = [
    {
        "name": "f",
        "parameters": {
            "type": "object",
            "properties": {
                "s": {"type": "string"},
                "i": {"type": "integer"},
                "n": {"type": "number"},
                "b": {"type": "boolean"},
                "o": {"type": "object"},
                "list": {"type": "array", "items": {"type": "integer"}},
                "maybe": {"type": ["string", "null"]},
                "either": {"type": ["string", "integer"]},
            },
        },
    }
]

# Documents: forms in many spellings, as text.

NAMES = st.sampled_from(["a", "b", "c", "x y", "é&", "", "A"])
REFERENCES = st.sampled_from(
    ["&amp;", "&lt;", "&ampx", "&copy", "&copy=1", "&copying", "&notit;", "&notin;", "&nope;", "&", "&#", "&#x", "&#65;",
     "&#65", "&#x41;", "&#X41z", "&#0;", "&#13;", "&#10;", "&#128;", "&#x9F;", "&#129;", "&#55296;", "&#1114112;", "&am",
     "&NewLine;", "&NotEqualTilde;", "&CounterClockwiseContourIntegral;", "&#99999999999999999999;", "&;", "&amp;lt;"]
)  # fmt: skip
WORDS = st.sampled_from(["a", "on", "5", "=", " ", "\n", "\r\n", "\r", "\t", "é", "😀", "p;", "/", "\u2028", "\x0c"])
SHARP = st.sampled_from(["<", ">", "</", "<b>", "<!--", "-->", "</form>", "</textare", "<input name=a>", "</p", "\0"])
TEXT = st.lists(st.one_of(WORDS, WORDS, REFERENCES, SHARP), max_size=8).map("".join)
MILD = st.lists(st.one_of(WORDS, REFERENCES, st.sampled_from(["a < b", "1<2", "x>y", "\0"])), max_size=5).map("".join)
BLANKS = st.sampled_from([" ", " ", "\n", "\t ", "\r\n", "\x0c", "/", " / "])


def cased(word: str) -> st.SearchStrategy[str]:
    """A word in lower case, in upper case, or in both."""
    return st.sampled_from([word, word, word.upper(), word.capitalize()])


@st.composite
def attribute(draw: st.DrawFn, name: str, value: str | None) -> str:
    """An attribute with the raw value that is given, in quotes if it needs them."""
    spelled = draw(cased(name))
    if value is None:
        return draw(st.sampled_from([spelled, spelled + "=''", spelled + ' = ""']))
    quotes = [quote for quote in "\"'" if quote not in value]
    if value and not re.search("[\\s\"'=<>`]", value):
        quotes.append("")
    if not quotes:
        value, quotes = value.replace('"', "&quot;"), ['"']
    quote = draw(st.sampled_from(quotes))
    return spelled + draw(st.sampled_from(["=", "=", " =", "= ", "\n=\r\n"])) + quote + value + quote


@st.composite
def start_tag(draw: st.DrawFn, name: str, attributes: Iterable[tuple[str, str | None]] = ()) -> str:
    """A start tag; attributes in any order, now and then with one that says the same once more, or nothing to us."""
    given = list(attributes)
    if given and draw(st.integers(0, 5)) == 0:
        given.append((given[0][0], "again"))
    else:
        given = draw(st.permutations([*given, *draw(st.sampled_from([[], [], [("class", "a<b>")], [('"', None)]]))]))
    out = "<" + draw(cased(name))
    for key, value in given:
        out += draw(BLANKS) + draw(attribute(key, value))
    # A slash right behind a value that is not in quotes would be part of it.
    return out + draw(st.sampled_from(["", " ", " /", "\n"])) + ">"


@st.composite
def end_tag(draw: st.DrawFn, name: str) -> str:
    """An end tag; what stands behind its name does not count."""
    rest = draw(st.sampled_from(["", "", " ", "/", "\n", " x", ' y=">"', "\t"]))
    return f"</{draw(cased(name))}{rest}>"


@st.composite
def textarea(draw: st.DrawFn) -> str:
    """A textarea with hostile content."""
    opener = draw(start_tag("textarea", [("name", draw(NAMES)), *draw(flags("disabled"))]))
    return opener + draw(st.sampled_from(["", "\n", "\r\n", "&#10;"])) + draw(TEXT) + draw(end_tag("textarea"))


def flags(name: str) -> st.SearchStrategy[list[tuple[str, str | None]]]:
    """An attribute that is rarely there."""
    return st.sampled_from([[], [], [], [], [], [(name, None)]])


@st.composite
def text_input(draw: st.DrawFn) -> str:
    """An input of one line, or of a type that nobody knows, or without a name."""
    given: list[tuple[str, str | None]] = draw(flags("disabled"))
    given = given + draw(st.sampled_from([[], [], [("type", "text")], [("type", "hidden")], [("type", "nope")]]))
    given = given + ([("name", draw(NAMES))] if draw(st.integers(0, 9)) else [])
    return draw(start_tag("input", [*given, ("value", draw(TEXT))]))


@st.composite
def other_input(draw: st.DrawFn) -> str:
    """A number, a box, a button or something that a form does not submit."""
    kind = draw(
        st.sampled_from(["number", "range", "checkbox", "checkbox", "radio", "radio", "submit", "file", "image"])
    )
    given: list[tuple[str, str | None]] = [("type", draw(cased(kind))), ("name", draw(NAMES)), *draw(flags("disabled"))]
    if kind in ("number", "range"):
        values = ["5", "5.0", "1e3", "-2", ".5", "007", "-0.0", "abc", "", " 7 ", "1.", "9" * 30]
        given.append(("value", draw(st.sampled_from(values))))
    elif draw(st.booleans()):
        given.append(("value", draw(st.sampled_from(["x", "y", "&lt;z", ""]))))
    if draw(st.booleans()):
        given.append(("checked", None))
    return draw(start_tag("input", given))


@st.composite
def select(draw: st.DrawFn) -> str:
    """A select, its options with or without end tags, groups, values."""
    given = [("name", draw(NAMES)), *draw(flags("disabled")), *draw(st.sampled_from([[], [], [("multiple", None)]]))]
    out = [draw(start_tag("select", [*given, *draw(st.sampled_from([[], [], [("size", "1")], [("size", "3")]]))]))]
    for _ in range(draw(st.integers(0, 4))):
        out.append(draw(st.sampled_from(["", "", "\n", "text", "<!-- <option selected>x -->", "<b>x</b>", "</input>"])))
        if draw(st.integers(0, 3)) == 0:
            out.append(draw(start_tag("optgroup", [("label", "g"), *draw(flags("disabled"))])))
        value = draw(st.sampled_from([[], [("value", draw(MILD))]]))
        selected = draw(st.sampled_from([[], [], [("selected", None)]]))
        out.append(draw(start_tag("option", [*value, *selected, *draw(flags("disabled"))])))
        out.append(draw(MILD) + draw(st.sampled_from(["", "", "<!--x-->p;", "<b> y </b>"])))
        out.append(draw(st.sampled_from(["", draw(end_tag("option")), draw(end_tag("optgroup"))])))
    return "".join(out) + draw(end_tag("select"))


HIDDEN = st.sampled_from(
    ["", "<!-- <script> </script> -->", "<!-- x", "<script>", "<!--> <script>", "<!-- --> </script-x", "</scripty>",
     "<!--<script></script>", "<!-- <scripty> ", "<!--<script>--> <script>", "<!---><SCRIPT>", "&lt;&amp", "\0",
     "<!-- <script </script/ -->", "</textarea></form>", "--><!--", "<!<!-- <script> --!> <script> </script\n -->"]
)  # fmt: skip


@st.composite
def script(draw: st.DrawFn) -> str:
    """A JSON script: what hides its end tag, and a script that is none of ours."""
    # Line breaks are not valid in JSON strings.
    text = json.dumps(draw(HIDDEN), ensure_ascii=False).replace("\\n", " ").replace("\\u0000", "\ufffd")
    values = st.sampled_from(["null", "5", "5.0", '"s"', "[]", " {} ", '{"a": [1, {"b": true}]}', "[\r\n1]"])
    value = draw(st.one_of(values, st.just(f'{{"k": {text}}}'), st.just(text)))
    kinds = [
        [("type", "application/json")],
        [("data-type", "json")],
        [("type", "Application/JSON"), ("data-type", "x")],
    ]
    opener = draw(start_tag("script", [*draw(st.sampled_from([*kinds, [("type", "module")]])), ("name", draw(NAMES))]))
    return opener + value + draw(end_tag("script"))


FURNITURE = st.sampled_from(
    ["<!-- <input name=a value=no> -->", "<!-->", "<!--->", "<!---->", "<!--x--!>", "<!-- - -- --- --!- -->", "<!x '>'",
     "<!doctype html>", "<?php echo '>", "</>", "</ x>", "</3 <input name=a>", "<br/>", "</br>", "<P>", "</p>", "<hr>",
     "<button name=a value=1>Go</button>", "<label for='a>b'>A</label>", "<div title='<input name=a>'>x</div>", "< p>", "<",
     "<style><input name=a></style>", "<title>&amp;<input name=a></title>", "<xmp><textarea name=a></xmp>", "a < b",
     "<iframe></form></iframe>", "</input>", "</option>", "<option>x</option>", "<custom-element a=b/></custom-element>", "</textarea>",
     "<form>", "<form class=x>", "<noembed><!--</noembed>", "<i>x</i>", "<em =a ==b>y</em>", "</script>", "</select>"]
)  # fmt: skip


@st.composite
def fieldset(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    """A fieldset around other things, disabled or not."""
    return draw(start_tag("fieldset", draw(flags("disabled")))) + draw(inner) + draw(end_tag("fieldset"))


CONTROLS = st.one_of(textarea(), textarea(), text_input(), other_input(), other_input(), select(), script())
PIECES = st.one_of(CONTROLS, CONTROLS, FURNITURE, MILD)
# The space keeps text from becoming a tag with what follows.
CONTENT = st.lists(PIECES, max_size=6).map(" ".join)
BODY = st.lists(st.one_of(CONTENT, fieldset(CONTENT), fieldset(fieldset(CONTENT))), max_size=3).map("".join)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Text and forms that are filled in, each of them closed."""
    out = draw(st.sampled_from(["", "Sure.\n"]))
    for _ in range(draw(st.integers(1, 2))):
        # An opener in prose is not read as tolerantly as a tag in a form.
        name, more = draw(attribute("toolname", "f")), draw(st.sampled_from(["", " class='a b'", "\nID=x"]))
        out += f"<{draw(cased('form'))} {name}{more}>"
        out += draw(BODY) + draw(end_tag("form")) + draw(st.sampled_from(["", "\n", "\nand\n"]))
    return out


# The oracle: the same documents, read from an HTML parser's tree.


def oracle(document: str) -> list[tuple[str, dict[str, Any]]]:
    """Return what a form is filled in with, by the rules of the HTML Standard on the parser's own tree."""
    forms = LexborHTMLParser(document).css("form[toolname]")
    return [(form.attributes["toolname"] or "", read_form(form)) for form in forms]


def read_form(form: LexborNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    boxes: dict[str, list[LexborNode]] = {}
    for control in form.css("input, textarea, select, script"):
        name = control.attributes.get("name", "") or ""
        if "name" not in control.attributes or is_disabled(control):
            continue
        if name in boxes:
            if kind_of(boxes[name][0]) == kind_of(control):
                boxes[name].append(control)
        elif name not in found:
            if kind_of(control) in ("radio", "box"):
                boxes[name] = [control]
            else:
                found.update((name, value) for value in read_control(control))
    for name, group in boxes.items():
        found.update((name, value) for value in read_group(group))
    return found


def kind_of(control: LexborNode) -> str:
    """Return the kind of a control: radio, box (a checkbox with a value), any other type of input, or the tag."""
    kind = (control.attributes.get("type") or "").lower()
    if control.tag != "input":
        return control.tag or ""
    return "box" if kind == "checkbox" and "value" in control.attributes else kind


def is_disabled(control: LexborNode) -> bool:
    parent, disabled = control.parent, "disabled" in control.attributes
    while parent is not None and not disabled:
        disabled = parent.tag == "fieldset" and "disabled" in parent.attributes
        parent = parent.parent
    return disabled


def read_control(control: LexborNode) -> list[Any]:
    """Return the value of a control that is no member of a group, if it has one."""
    kind, value = kind_of(control), control.attributes.get("value") or ""
    if control.tag == "textarea":
        return [control.text()]
    if control.tag == "select":
        return read_select(control)
    if control.tag == "script":
        kinds = ((control.attributes.get("type") or "").lower(), control.attributes.get("data-type"))
        return [json.loads(control.text())] if kinds[0] == "application/json" or kinds[1] == "json" else []
    if kind in ("submit", "file", "image"):
        return []
    if kind == "checkbox":
        return ["checked" in control.attributes]
    return read_number(value) if kind in ("number", "range") else [value]


def read_number(value: str) -> list[Any]:
    text = value.strip(" ")
    if re.fullmatch("-?[0-9]+", text):
        return [int(text)]
    return [float(text) if re.fullmatch(r"-?[0-9]*(\.[0-9]+)?(e[0-9]+)?", text) else value] if value else []


def read_group(group: list[LexborNode]) -> list[Any]:
    checked = [box.attributes.get("value", "on") or "" for box in group if "checked" in box.attributes]
    if kind_of(group[0]) == "radio":
        return checked[-1:]
    return [checked] if len(group) > 1 else [bool(checked)]


def read_select(control: LexborNode) -> list[Any]:
    options = control.css("option")

    def disabled(option: LexborNode) -> bool:
        group = option.parent
        return "disabled" in option.attributes or (
            group is not None and group.tag == "optgroup" and "disabled" in group.attributes
        )

    selected = [option for option in options if "selected" in option.attributes]
    if "multiple" in control.attributes:
        return [[option_value(option) for option in selected if not disabled(option)]]
    chosen = selected[-1:]
    if not chosen and control.attributes.get("size", "1") == "1":
        chosen = [option for option in options if not disabled(option)][:1]
    return [option_value(option) for option in chosen if not disabled(option)]


def option_value(option: LexborNode) -> str:
    if "value" in option.attributes:
        return option.attributes["value"] or ""
    return re.sub("[ \t\n\r\f]+", " ", option.text()).strip(" ")


def plain(message: wp.Message) -> list[tuple[str, dict[str, Any]]]:
    return [(call.name, call.arguments) for call in message.calls]


@given(documents())
@example("<form toolname=f><textarea name=a>&#10;x</textarea></form>")
@example("<form toolname=f><select name=a><option>&am<!---->p;\0</select></form>")
@example("<form toolname=f><input name=a value='&copy=1&copy'><input type=radio name=r></form>")
@example('<form toolname=f><script type=application/json name=a>"<!--<script></script>-->"</script></form>')
def test_a_form_means_what_an_html_parser_says(document: str) -> None:
    message = wp.parse(document, "html")
    assert identical(plain(message), oracle(document))
    assert all(call.complete for call in message.calls)


# Every text of a few pieces, where chance would draw the odd ones too rarely: (before them, the pieces, behind them).
BOXES = [
    *(f"<input type=checkbox name=a {more}>" for more in ("", "checked", "value=x", "'value'=y value='y' checked")),
    *(f"<input type=radio name=a {more}>" for more in ("value=r", "value=s checked", "checked")),
    "<input name=a value=t>",
]
OPTIONS = ["<option>x", "<option disabled>y", "</option>z", "<optgroup disabled>", "<optgroup>", "</optgroup>"]
HIDING = ["<!--", "-->", "<script>", "<!", "--", "<input name=b>"]
SHORT: dict[str, tuple[str, list[str], str, int]] = {
    "attributes": ("<input ", [*"X\"'/=> "], " name=a value=x>", 3),
    "values": ("<input name=a ", ["value", "=", '"', "'", "/", " ", "\n", "X"], ">", 3),
    "comments": ("<!", [*"-!>X"], "><input name=a value=x>--><input name=b>", 4),
    "declarations": ("<", [*"/?! X>"], "><input name=a value=x>", 3),
    "fieldsets": ("", ["<fieldset>", "<fieldset disabled>", "</fieldset>", "<input name=a>"], "<input name=b>", 4),
    "boxes": ("", BOXES, "<input name=b>", 3),
    "options": ("<select name=a>", [*OPTIONS, "<option selected value=z>"], "</select><input name=b>", 3),
    "several": ("<select name=a multiple>", [*OPTIONS, "<option selected value=z>"], "<input name=b>", 2),
    "a list": ("<select name=a size=2>", ["<option>x", "</select>", "<select name=b>"], "<input name=z>", 3),
    **{
        name: (f"<{name}>", [*HIDING, f"</{name} >", f"</{name}x", f"</{name}/"], f"</{name}><input name=a>", 2)
        for name in ("title", "style", "xmp", "iframe", "noembed", "noframes", "textarea", "plaintext")
    },
    "script": ("<script>", [*HIDING, "</script >", "</script"], "</script><input name=a>", 3),
}


@pytest.mark.parametrize("kind", SHORT)
def test_short_markup_means_what_an_html_parser_says(kind: str) -> None:
    before, pieces, behind, most = SHORT[kind]
    for count in range(most + 1):
        for middle in product(pieces, repeat=count):
            document = f"<form toolname=f>{before}{''.join(middle)}{behind}</form>"
            message = wp.parse(document, "html")
            assert identical(plain(message), oracle(document)), document
            if count < most:
                assert decode("html", Trial(document, tuple(document)))[1] == message, document


@given(st.data())
def test_chunks_do_not_matter(data: st.DataObject) -> None:
    document = data.draw(documents())
    at = data.draw(st.integers(0, len(document)))
    text = data.draw(st.sampled_from([document, document, document[:at]]))
    tools = data.draw(st.sampled_from([None, TOOLS]))
    reason = data.draw(st.sampled_from(["stop", "length"]))
    trial = Trial(text, data.draw(fuzz.chunkings(text)), tools, reason)
    laws.check_trial("html", trial)


@given(TEXT)
def test_references_are_those_of_an_html_parser(text: str) -> None:
    text = text.replace("</", "<")
    tree = LexborHTMLParser(f"<textarea>\n{text}</textarea>")
    assert htmltext.decode(text) == tree.css("textarea")[0].text()
    quoted = text.replace('"', "'")
    tree = LexborHTMLParser(f'<input value="{quoted}">')
    assert htmltext.decode_attribute(quoted) == (tree.css("input")[0].attributes["value"] or "")


def test_every_number_and_name_reads_as_an_html_parser_reads_it() -> None:
    texts = [f"&#{code};" for code in range(0x180)] + [f"&#x{code:x}" for code in (0xFFFE, 0xD7FF, 0xE000, 0x10FFFF)]
    texts += [f"&{name}{tail}" for name in sorted(htmltext.html5) for tail in ("", "x", "=", ";")]
    tree = LexborHTMLParser("".join(f'<textarea>\n{it}</textarea><input value="{it}">' for it in texts))
    assert [htmltext.decode(it) for it in texts] == [node.text() for node in tree.css("textarea")]
    values = [node.attributes["value"] for node in tree.css("input")]
    assert [htmltext.decode_attribute(it) for it in texts] == values


@given(st.text(), st.data())
def test_text_decodes_in_pieces_as_in_one(text: str, data: st.DataObject) -> None:
    text += data.draw(TEXT)
    out, held = "", ""
    for piece in data.draw(fuzz.chunkings(text)):
        decoded, consumed = htmltext.decode_part(held + piece)
        out, held = out + decoded, (held + piece)[consumed:]
        assert len(held) <= 44
    assert out + htmltext.decode(held) == htmltext.decode(text)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_what_is_escaped_an_html_parser_reads_back(text: str) -> None:
    tree = LexborHTMLParser(
        f'<textarea>\n{htmltext.escape(text)}</textarea><input value="{htmltext.escape_attribute(text)}">'
    )
    assert tree.css("textarea")[0].text() == text
    assert (tree.css("input")[0].attributes["value"] or "") == text
    assert unescape(htmltext.escape(text.replace("\r", ""))) == text.replace("\r", "")


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(), TEXT
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
KEYS = st.one_of(st.text(max_size=6), TEXT, st.sampled_from(["s", "i", "n", "b", "o", "list", "maybe", "either"]))
SURROGATES = st.sampled_from(["\ud83d", "\udc00x", "a\ud800\n"])


@given(st.dictionaries(KEYS.map(lambda key: key.replace("\0", "")), st.one_of(JSON, SURROGATES), max_size=4))
@pytest.mark.parametrize("dialect", ["html", SALTED], ids=["plain", "salted"])
@pytest.mark.parametrize("tools", [None, TOOLS], ids=["any", "tools"])
def test_every_value_comes_back(dialect: str | wp.Dialect, tools: Any, arguments: dict[str, Any]) -> None:
    text = wp.encode([wp.Call("f", arguments)], dialect, tools=tools)
    message = wp.parse(text, dialect, tools=tools)
    assert identical(plain(message), [("f", arguments)])
    assert not [d for d in message.diagnoses if d.code not in ("unknown-argument", "invalid-value")]


@given(st.dictionaries(st.text("abcé&<>\"' \n", min_size=1), st.text(st.characters(exclude_characters="\0"))))
def test_what_is_written_an_html_parser_reads(arguments: dict[str, str]) -> None:
    arguments = {key: value.encode("utf-8", "replace").decode() for key, value in arguments.items()}
    text = wp.encode([wp.Call("f", {**arguments, "t": True, "n": 5, "o": {"a": "</script>"}})], "html")
    assert identical(oracle(text), [("f", {**arguments, "t": True, "n": 5, "o": {"a": "</script>"}})])


def test_no_control_character_stands_in_a_line() -> None:
    tools = [{"name": "f", "parameters": {"type": "object", "properties": {"k": {"type": ["string", "null"]}}}}]
    for char in map(chr, (*range(1, 0x0A), *range(0x0B, 0x20), 0x7F)):
        wire = wp.encode(wp.Call("f", {"k": f"a{char}b"}), "html", tools=tools)
        assert f'value="a&#{ord(char)};b"' in wire, char
        assert wp.parse(wire, "html", tools).calls[0].arguments == {"k": f"a{char}b"}


def test_a_tag_is_read_up_to_1024_characters() -> None:
    # As docs/reference/dialect-files.md has it: what is longer opens nothing, and is not held back.
    for length, calls in ((1_023, 1), (1_024, 1), (1_025, 0)):
        tag = "<form toolname=f x='"
        tag += "y" * (length - len(tag) - 2) + "'>"
        assert len(tag) == length
        message = wp.parse(f"{tag}<input name=a></form>", "html")
        assert len(message.calls) == calls, length
    decoder = wp.Decoder("html")
    assert decoder.feed(tag[:1_023]) == []
    decoder.feed("y")
    assert decoder.message.text.startswith("<form")


@pytest.mark.parametrize("text", ["<form toolname=<", "<form toolname='f' ='", '<form a="<', "<formtoolname"])
def test_what_can_be_no_tag_is_text_at_once(text: str) -> None:
    decoder = wp.Decoder("html")
    decoder.feed(text + "x")
    assert decoder.message.text.startswith("<form")


def test_each_value_as_the_control_that_suits_it() -> None:
    arguments = {"s": "a <b> & c\n", "maybe": 'x "y"', "i": 5, "b": False, "o": {"k": "<"}, "either": "5", "x": None}
    assert wp.encode([wp.Call("f", {**arguments, "t": True}, id="c1")], "html", tools=TOOLS) == (
        '<form toolname="f" id="c1">\n'
        '<textarea name="s">\na &lt;b> &amp; c\n</textarea>\n'
        '<input name="maybe" value="x &quot;y&quot;">\n'
        '<input type="number" name="i" value="5">\n'
        '<input type="checkbox" name="b">\n'
        '<script type="application/json" name="o" data-type="json">{"k": "\\u003c"}</script>\n'
        '<textarea name="either">\n5</textarea>\n'
        '<script type="application/json" name="x" data-type="json">null</script>\n'
        '<input type="checkbox" name="t" checked>\n'
        "</form>"
    )


@pytest.mark.parametrize("key", ["a\0b", "\0"])
def test_a_name_with_nul_is_refused(key: str) -> None:
    with pytest.raises(wp.EncodeError):
        wp.encode([wp.Call("f", {key: "x"})], "html")


# One control at a time.


def read(body: str, tools: Any = None, dialect: str | wp.Dialect = "html") -> dict[str, Any]:
    message = wp.parse(f"<form toolname=f>{body}</form>", dialect, tools=tools)
    assert len(message.calls) == 1 and message.calls[0].complete, message
    return message.calls[0].arguments


def codes(message: wp.Message) -> list[str]:
    return [diagnosis.code for diagnosis in message.diagnoses]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<textarea name=a>x</textarea>", {"a": "x"}),
        ("<textarea name=a>\n\nx\n</textarea>", {"a": "\nx\n"}),
        ("<TEXTAREA NAME=a></b></textareas></TextArea\n>", {"a": "</b></textareas>"}),
        ("<input name=a>", {"a": ""}),
        ("<input name='' value=x><input value=y>", {"": "x"}),
        ("<input type=number name=a value=5><input type=range name=b value=5.0>", {"a": 5, "b": 5.0}),
        ("<input type=number name=a value=''>", {}),
        ("<input type=checkbox name=a><input type=checkbox name=b checked>", {"a": False, "b": True}),
        ("<input type=checkbox name=a value=x checked>", {"a": True}),
        ("<input type=checkbox name=a value=x checked><input type=checkbox name=a value=y>", {"a": ["x"]}),
        ("<input type=radio name=a value=x><input type=radio name=a value=y checked>", {"a": "y"}),
        ("<input type=radio name=a value=x>", {}),
        ("<input type=hidden name=a value=x><input type=submit name=b value=y><button name=c>z</button>", {"a": "x"}),
        ("<select name=a><option>x<option selected> y  z </select>", {"a": "y z"}),
        ("<select name=a><option disabled>x<option value=''>y</option></select>", {"a": ""}),
        ("<select name=a><option selected>x<option selected>y</select>", {"a": "y"}),
        ("<select name=a multiple><option selected>x<option selected>y</select>", {"a": ["x", "y"]}),
        ("<select name=a multiple></select><select name=b></select>", {"a": []}),
        ("<select name=a><option>x<input name=b value=y>", {"a": "x", "b": "y"}),
        ("<script type=application/json name=a>{\"k\": [1]}</script>", {"a": {"k": [1]}}),
        ("<script name=a>1</script><script type=application/json>1</script>", {}),
        ("<fieldset disabled><fieldset><input name=a></fieldset><input name=b></fieldset><input name=c>", {"c": ""}),
        ("<input name=a disabled><input name=a value=x>", {"a": "x"}),
        ("<title></form></title><input name=a value='</form>'>", {"a": "</form>"}),
    ],
)  # fmt: skip
def test_controls(body: str, expected: dict[str, Any]) -> None:
    assert identical(read(body), expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<textarea name=i>\n5\n</textarea>", {"i": 5}),
        ("<textarea name=o>{&quot;a&quot;: 1}</textarea>", {"o": {"a": 1}}),
        ("<textarea name=maybe>\nnull</textarea>", {"maybe": None}),
        ("<textarea name=maybe>&#110;ull</textarea>", {"maybe": None}),
        ("<textarea name=maybe>nullx</textarea>", {"maybe": "nullx"}),
        ("<input name=i value=5><input name=n value=5><input name=b value=true>", {"i": 5, "n": 5, "b": True}),
        ("<input type=number name=s value=007>", {"s": "007"}),
        ("<input type=number name=either value=5><input type=number name=b value=true>", {"either": 5, "b": True}),
        ("<input type=number name=i value=5.0>", {"i": 5}),
        ("<input type=checkbox name=list value=1 checked>", {"list": [1]}),
        ("<select name=list multiple><option selected>1<option selected>2</select>", {"list": [1, 2]}),
        ("<input type=checkbox name=s value=x checked>", {"s": "x"}),
        ("<input type=checkbox name=s value=x>", {}),
        ("<input type=radio name=i value=3 checked>", {"i": 3}),
        ("<select name=i><option value=4>four</select>", {"i": 4}),
    ],
)
def test_controls_by_schema(body: str, expected: dict[str, Any]) -> None:
    assert identical(read(body, TOOLS), expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<input name=i value=x>", {"i": "x"}),
        ("<input type=number name=i value=x>", {"i": "x"}),
        ("<input type=checkbox name=i checked>", {"i": True}),
        ("<input type=checkbox name=s value=x checked><input type=checkbox name=s value=y>", {"s": ["x"]}),
        ("<select name=list multiple><option selected>x</select>", {"list": ["x"]}),
    ],
)
def test_what_does_not_fit_is_kept_and_said(body: str, expected: dict[str, Any]) -> None:
    message = wp.parse(f"<form toolname=f>{body}</form>", "html", tools=TOOLS)
    assert identical(message.calls[0].arguments, expected)
    # The schema refuses what stands in a list too, and says where.
    assert [code for code in codes(message) if code != "invalid-value"] == ["type-mismatch"]


@pytest.mark.parametrize(
    "body",
    [
        "<input name=a value=x><input name=a value=y>",
        "<textarea name=a>x</textarea><textarea name=a>y</textarea>",
        "<input name=a value=x><input type=radio name=a value=y checked>",
        "<input type=radio name=a value=x checked><textarea name=a>y</textarea>",
        "<input type=radio name=a value=x checked><input type=checkbox name=a value=y checked>",
        "<input type=radio name=a value=x checked><script data-type=json name=a>1</script>",
        "<input name=a value=x><script data-type=json name=a>1</script>",
    ],
)
def test_the_first_of_a_name_stands(body: str) -> None:
    message = wp.parse(f"<form toolname=f>{body}</form>", "html")
    assert message.calls[0].arguments == {"a": "x"}
    assert codes(message) == ["duplicate-argument"]


def test_json_is_repaired_or_the_call_is_incomplete() -> None:
    body = "<form toolname=f><script data-type=json name=a>{0}</script><input name=b value=x></form>"
    message = wp.parse(body.replace("{0}", "{'k': 1,}"), "html")
    assert message.calls[0].arguments == {"a": {"k": 1}, "b": "x"} and message.calls[0].complete
    assert codes(message) == ["json-repaired"]
    message = wp.parse(body.replace("{0}", "{k}"), "html")
    assert message.calls[0].arguments == {"b": "x"} and not message.calls[0].complete
    assert codes(message) == ["json-invalid"]


def test_limits() -> None:
    long = "x" * 50
    bodies = [f"<textarea name={key}>{long}</textarea>" for key in ("s", "i")]
    bodies += [f"<input name=s value={long}>", f"<script data-type=json name=s>[{'1,' * 30}1]</script>"]
    for body in bodies:
        with pytest.raises(wp.LimitExceeded):
            wp.parse(
                f"<form toolname=f>{body}</form>", "html", TOOLS, policy=wp.Policy(limits=wp.Limits(max_value_chars=40))
            )
    for deep, count in (("[[[[]]]]", 3), ("[" * 300 + "]" * 300, 250)):
        with pytest.raises(wp.LimitExceeded):
            body = f"<form toolname=f><script data-type=json name=o>{deep}</script></form>"
            wp.parse(body, "html", policy=wp.Policy(limits=wp.Limits(max_depth=count)))


# Where a form ends.


def test_the_next_form_ends_one_that_was_not_closed() -> None:
    text = (
        "<form toolname=f><input name=a value=x><form toolname=g><textarea name=b>\n<form toolname=h></textarea></form>"
    )
    for chunks in ((text,), tuple(text)):
        _, message = decode("html", Trial(text, chunks))
        assert plain(message) == [("f", {"a": "x"}), ("g", {"b": "<form toolname=h>"})]
        assert all(call.complete for call in message.calls) and codes(message) == ["unclosed-call"]


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        ("<form toolname=f><input name=a value=x>", {"a": "x"}, "unclosed-call"),
        ("<form toolname=f><input name=a value=x>\n</fo", {"a": "x"}, "unclosed-call"),
        ("<form toolname=f><textarea name=a>x</textarea", {"a": "x"}, "truncated-value"),
        ("<form toolname=f><textarea name=a>x</textarea>", {"a": "x"}, "unclosed-call"),
        ("<form toolname=f><textarea name=a>x &amp; y&am", {"a": "x & y"}, "truncated-value"),
        ("<form toolname=f><textarea name=a>x</text", {"a": "x"}, "truncated-value"),
        ("<form toolname=f><input name=a value=x><input nam", {"a": "x"}, "truncated-call"),
        ("<form toolname=f><input name=a value=x><!-- ", {"a": "x"}, "truncated-call"),
        ("<form toolname=f><input name=a value=x><select name=b><option>y", {"a": "x"}, "truncated-value"),
        ("<form toolname=f><input name=a value=x><script data-type=json name=b>1", {"a": "x"}, "truncated-value"),
        ("<form toolname=f><input name=a value=x><style>", {"a": "x"}, "truncated-call"),
        ("<form toolname=f>\n", {}, "truncated-call"),
    ],
)
def test_the_output_ends(text: str, arguments: dict[str, Any], code: str) -> None:
    for reason in ("stop", "length"):
        for chunks in ((text,), tuple(text)):
            _, message = decode("html", Trial(text, chunks, finish_reason=reason))
            cut = code == "unclosed-call" and reason == "length"
            assert message.calls[0].arguments == arguments
            assert message.calls[0].complete == (code == "unclosed-call" and not cut)
            assert codes(message) == ["truncated-call" if cut else code]


def test_boxes_of_a_form_that_was_cut_off_are_not_told() -> None:
    text = "<form toolname=f><input name=a value=x><input type=checkbox name=b value=y checked>"
    assert wp.parse(text, "html").calls[0].arguments == {"a": "x", "b": True}
    assert wp.parse(text, "html", finish_reason="length").calls[0].arguments == {"a": "x"}


def test_a_string_is_told_as_it_comes() -> None:
    decoder = wp.Decoder("html", tools=TOOLS)
    decoder.feed("<form toolname=f><textarea name=s>\n")
    told = [
        "".join(event.text for event in decoder.feed(chunk) if isinstance(event, wp.ArgumentDelta))
        for chunk in ("abc", "d&am", "p;e\r", "\nf", "<b", "></texta", "x", "&notin", "g&#6", "5", ";</textarea", ">")
    ]
    # An end tag with a slip in it may be one.
    assert told == ["abc", "d", "&e", "\nf", "<b", ">", "", "</textax", "¬ing", "", "A", ""]
    assert decoder.pending == ""


# Salted.


def test_in_a_salted_form_only_salted_tags_count() -> None:
    text = (
        "<form k7q2 toolname=f><input name=a value=no><textarea name=b>no</textarea>"
        "<textarea name=c k7q2>\n</textarea></form></textarea k7q3></form k7q3>\n</textarea k7q2x></TEXTAREA\nK7Q2>"
        "</form><style></form k7q2>"
    )
    message = wp.parse(text, SALTED)
    value = "</textarea></form></textarea k7q3></form k7q3>\n</textarea k7q2x>"
    assert plain(message) == [("f", {"c": value})] and message.calls[0].complete and message.calls[0].raw == text
    body = '<script k7q2 data-type=json name=a>"</script><!--<script>"</script k7q2></form k7q2>'
    assert plain(wp.parse("<form k7q2 toolname=f>" + body, SALTED)) == [("f", {"a": "</script><!--<script>"})]


@pytest.mark.parametrize("tag", ["<form toolname=f>", "<form k7q3 toolname=f>", "<form toolname='k7q2'>"])
def test_a_form_without_the_salt_is_text(tag: str) -> None:
    assert not wp.parse(f"{tag}<input name=a value=x></form>", SALTED).calls


@given(TEXT, st.text(), st.data())
def test_no_text_forges_the_end_of_a_salted_value(before: str, after: str, data: st.DataObject) -> None:
    forged = wp.encode([wp.Call("f", {"s": "x"})] * 2, wp.dialect("html").salted("k7q3"))
    value = (before + data.draw(st.sampled_from([forged, forged[20:], "</textarea></form>", ""])) + after).strip("\n")
    value = htmltext.plain(value).replace("&", "")
    text = f"<form k7q2 toolname=f><textarea k7q2 name=s>\n{value}</textarea k7q2></form k7q2>"
    for chunks in ((text,), tuple(text)):
        _, message = decode(SALTED, Trial(text, chunks))
        assert plain(message) == [("f", {"s": value})]


# Hostile inputs: long, and never closed.

FORM = "<form toolname=f>"
FLOODS: dict[str, Callable[[int], str]] = {
    "open tags": lambda n: FORM + "<p>" * n,
    "attributes": lambda n: FORM + "<input " + "a=b " * n + ">",
    "attributes without an end": lambda n: FORM + "<input " + "a='" * n,
    "a comment": lambda n: FORM + "<!--" + "-- " * n,
    "dashes": lambda n: FORM + "<!--" + "-" * n,
    "an attribute": lambda n: FORM + "<input name=a value='" + "<>" * n,
    "a bare attribute": lambda n: FORM + "<input name=a value=" + "x" * n,
    "a tag's name": lambda n: FORM + "<" + "a" * n,
    "a form tag": lambda n: FORM + "<form " + "x " * n + "toolname=g>",
    "blanks in a tag": lambda n: FORM + "<input a" + " " * n + "b",
    "half end tags": lambda n: FORM + "<textarea name=a>" + "</textarea" * n,
    "references": lambda n: FORM + "<textarea name=a>" + "&#" * n,
    "digits": lambda n: FORM + "<textarea name=a>&#" + "1" * n,
    "long names": lambda n: FORM + "<input name=a value='" + "&amp" * n + "'>",
    "letters": lambda n: FORM + "<textarea name=a>&" + "a" * n,
    "carriage returns": lambda n: FORM + "<textarea name=a>" + "\r" * n,
    "options": lambda n: FORM + "<select name=a>" + "<option>x" * n,
    "an option's text": lambda n: FORM + "<select name=a><option>" + "x < " * n,
    "boxes": lambda n: FORM + "<input type=checkbox name=a value=x checked>" * n,
    "hidden scripts": lambda n: FORM + "<script data-type=json name=a>" + "<!--<script" * n,
    "a deep script": lambda n: FORM + "<script data-type=json name=a>" + "[" * n + "</script></form>",
    "plaintext": lambda n: FORM + "<plaintext>" + "</form>" * n,
    "open forms": lambda n: FORM * n,
    "fieldsets": lambda n: FORM + "<fieldset disabled>" * n,
    "a held value": lambda n: FORM + "<textarea name=o>" + "{" * n,
}


@pytest.mark.parametrize("flood", FLOODS, ids=str)
def test_floods_end(flood: str) -> None:
    text = FLOODS[flood](1_000)
    for step in (1, 7, len(text)):
        chunks = tuple(text[at : at + step] for at in range(0, len(text), step))
        laws.check_trial("html", Trial(text, chunks, TOOLS))


@pytest.mark.parametrize("flood", FLOODS, ids=str)
def test_floods_take_linear_time(flood: str) -> None:
    def seconds(size: int, step: int) -> float:
        text = FLOODS[flood](size)
        chunks = [text[at : at + step] for at in range(0, len(text), step)]
        decoder = wp.Decoder("html", tools=TOOLS)
        started = time.process_time()
        for chunk in chunks:
            decoder.feed(chunk)
        decoder.close()
        return time.process_time() - started

    for step in (4, 10**9):
        # As `law_linear` judges it: quadratic work takes 64 times as long; noise passes, what is slow stays slow.
        ratios = (
            min(seconds(16_000, step) for _ in range(runs)) / max(min(seconds(2_000, step) for _ in range(runs)), 0.002)
            for runs in (1, 2, 4)
        )
        assert any(ratio <= 24 for ratio in ratios), f"{step} at a time"


def test_very_many_tags() -> None:
    assert (
        wp.parse(FORM + "<p>" * rounds(200_000, 1_000_000) + "<input name=a value=x></form>", "html").calls[0].complete
    )
    text = FORM + "<input name=a " + "b=c " * rounds(20_000, 100_000) + "value=x></form>"
    assert plain(wp.parse(text, "html")) == [("f", {"a": "x"})]


@given(TEXT, st.data())
def test_markup_is_walked_in_pieces_as_in_one(text: str, data: st.DataObject) -> None:
    for state in ("name", "between", "value", "comment-start", "bogus"):
        whole = htmltags.advance(state, text, 0, len(text))
        current, done = state, 0
        for piece in data.draw(fuzz.chunkings(text)):
            if current == htmltags.DONE:
                break
            current, at = htmltags.advance(current, piece, 0, len(piece))
            done += at
        assert (current, done) == whole


@pytest.mark.parametrize("coerce", [True, False])
def test_fractions_are_decimals_where_the_policy_says_so(coerce: bool) -> None:
    policy = wp.Policy(coerce=coerce, decimals=True)
    text = '<form toolname="s"><input type="number" name="f" value=".8"></form>'
    value = wp.parse(text, "html", policy=policy).calls[0].arguments["f"]
    assert value == Decimal("0.8") and isinstance(value, Decimal)
