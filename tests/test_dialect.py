"""Dialect files: what loads, what is refused and how, templates, spellings, and what other packages register."""

from __future__ import annotations

import html
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto.engine.call_builder import CallBuilder, End
from wireproto.engine.codec import Codec
from wireproto.format import loading, plugins
from wireproto.format.template import Template
from wireproto.text.scan import NO, WAIT, YES, Answer, Match
from wireproto.tools.toolset import Tool

MINIMAL = """
name    = "mine"
summary = "A format of my own"

[call]
open  = "<do:{name}>\\n"
close = "</do>"
join  = "\\n"

[argument]
codec = "tagged"
open  = "<with:{key}>"
close = "</with>\\n"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_of_ones_own_decodes_and_encodes(tmp_path: Path) -> None:
    mine = wp.Dialect.load(write(tmp_path, MINIMAL))
    calls = [wp.Call("f", {"a": "x </with> y"}), wp.Call("g")]
    text = wp.encode(calls, mine)
    assert text == "<do:f>\n<with:a>x </with> y</with>\n</do>\n<do:g>\n</do>"
    message = wp.parse(text, mine)
    assert [(call.name, call.arguments) for call in message.calls] == [("f", {"a": "x </with> y"}), ("g", {})]
    assert mine.path.endswith("mine.toml") and mine.codec == "tagged"


def test_tokens_that_end_a_turn_are_those_of_the_file(tmp_path: Path) -> None:
    mine = wp.Dialect.load(write(tmp_path, MINIMAL.replace("[call]", 'ends = ["[over]"]\n[call]', 1)))
    text = "<do:f>\n<with:a>[over] x</with>\n[over]"
    for chunks in (text, [text]):
        decoder = wp.Decoder(mine)
        for chunk in chunks:
            decoder.feed(chunk)
        assert decoder.pending.endswith("[over]")
        decoder.close("length")
        (call,) = decoder.message.calls
        assert call.complete and call.arguments == {"a": "[over] x"}
    with pytest.raises(wp.EncodeError, match=r"the text 'Bye\[over\]' would come back as 'Bye'"):
        wp.encode(wp.Message("Bye[over]"), mine)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name    = "mine"', "", "name: is missing"),
        ('name    = "mine"', "name = 3", "name: must be a string, not int"),
        ("[call]", "[cal]", "cal: unknown key; did you mean 'call'?"),
        ("join  =", "joins =", "call.joins: unknown key; did you mean 'join'?"),
        ('codec = "tagged"', 'codec = "taged"', "argument.codec: unknown codec 'taged'; known are html, json"),
        ("{key}", "{kee}", "argument.open: unknown slot {kee}"),
        ("<with:{key}>", "<with>", "argument.open: needs {key}"),
        ("<do:{name}>", "<do>", "call.open: needs {name}"),
        ('close = "</with>\\n"', "", "argument.close: must begin with a literal"),
        ('close = "</do>"', "", "call.close: must begin with a literal"),
        (
            'open  = "<do:{name}>\\n"',
            'open = "<a>\\n<b>\\n<do:{name}>"',
            "call.open: at most one marker may come before",
        ),
        ("[call]", "[section]\nalso = [3]\nopen = '<s>'\nclose = '</s>'\n[call]", "section.also: must be a list of"),
        ("[call]", "reasoning = 3\n[call]", "reasoning: must be a table"),
        ("[call]", "aliases = 'x'\n[call]", "aliases: must be a list of strings"),
        ('close = "</with>\\n"', 'close = "</with>"\nliterals = "perl"', "argument.literals: unknown value 'perl'"),
        ("[call]", "ends = ['<|end of turn|>']\n[call]", "ends: each must have three characters or more"),
        ("[call]", "markup = 'xml'\nends = ['[e]']\n[call]", "ends: each must begin with < in a dialect with markup"),
        ("[call]", "[spellings]\nx = []\n[call]", "spellings: a spelling has no values"),
        ("[call]", 'markup = "sgml"\n[call]', "markup: unknown value 'sgml'; known are xml, html"),
        ("[call]", 'salt = "-"\n[call]', 'salt: must hold {salt}, as "-{salt}"'),
        ('codec = "tagged"', 'codec = "tagged"\nmember = ["<m>"]', "argument.member: must be a pair [open, close]"),
        ("[call]", "[call", "not TOML"),
        # What could not be matched, told apart, written or decoded.
        ("<do:{name}>", "<do:{name}{id}>", "call.open: {id} cannot be filled here by the codec tagged"),
        ("<do:{name}>", "<do:{name}{index}>", "call.open: nothing tells where {name} ends and {index} begins"),
        ("<do:{name}>", "<do:{name}.call>", "call.open: nothing tells where {name} ends: '.' may be a part of it"),
        ("<do:{name}>", "{name}>", "call.open: must begin with text"),
        ("<with:{key}>", "<with:{key}:{index}>", "argument.open: {index} cannot be filled here by the codec tagged"),
        ("<with:{key}>", "<with:{key}", "argument.open: nothing tells where {key} ends and the value begins"),
        ('close = "</with>\\n"', 'close = "</do>"', "argument.close: must differ from call.close: nothing would tell"),
        ('close = "</do>"', 'close = "</do>\\n</with>"', "must differ from call.close (its second marker)"),
        ('close = "</do>"', 'close = "</do></{name}>"', "call.close: {name} may stand in the first of its markers"),
        ('close = "</do>"', 'close = "<do:"', "call.open: must not begin with its own closer '<do:'"),
        (
            "[call]",
            "[reasoning]\nopen = '<t>'\nclose = '<t>'\n[call]",
            "reasoning.open: must differ from reasoning.close",
        ),
        ("[call]", "[section]\nopen = '<s {name}>'\nclose = '</s>'\n[call]", "section.open: {name} cannot be filled"),
        (
            "[call]",
            "[section]\nopen = '<s>'\nclose = '</with>'\n[call]",
            "argument.close: must differ from section.close",
        ),
        ('join  = "\\n"', "first_index = 2", "call.first_index: must be 0 or 1"),
    ],
)
def test_a_wrong_file_is_refused_by_file_key_and_fix(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in MINIMAL
    path = write(tmp_path, MINIMAL.replace(old, new, 1))
    with pytest.raises(wp.DialectError) as caught:
        wp.Dialect.load(path)
    assert str(caught.value).startswith(f"{path}: ") and complaint in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(wp.DialectError, match="cannot be read: No such file"):
        wp.Dialect.load(tmp_path / "none.toml")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(wp.DialectError, match="did you mean 'qwen3_coder'"):
        wp.dialect("qwen3_codr")
    with pytest.raises(wp.DialectError, match=r"unknown dialect 'zzz'; known are anthropic_invoke, .*, xml$"):
        wp.dialect("zzz")


def test_every_alias_leads_to_one_dialect() -> None:
    seen: dict[str, str] = {}
    for name in wp.dialects():
        for alias in (name, *wp.dialect(name).aliases):
            assert wp.dialect(alias).name == seen.setdefault(alias, name)


@given(name=st.from_regex(r"[A-Za-z0-9_.-]{1,40}", fullmatch=True), key=st.sampled_from(["path", "a.b", "x-1"]))
def test_a_template_takes_back_what_it_wrote(name: str, key: str) -> None:
    for spec in map(wp.dialect, wp.dialects()):
        for template in (spec.call.open, spec.argument.open):
            if not template.nodes:
                continue
            slots = {
                "name": name,
                "key": key,
                "id": f"functions.{name}:0",
                "index": "0",
                "string": "true",
                "type": "string",
            }
            text = template.format(**slots)
            found = template.match(text + "<", len(text) - len(text.lstrip()), len(text) + 1)
            assert isinstance(found, Match)
            assert all(slots[role] == value for role, value in found.slots.items())
            assert found.end == len(text.rstrip()) and found.canonical


START = Template.parse('<call-k7 name="{name}" id="{id?}">\n', markup="xml")
FORM = Template.parse('<form k7 toolname="{name}" id="{id?}">', markup="html")


@pytest.mark.parametrize(
    ("template", "text", "slots", "canonical"),
    [
        (START, '<call-k7 name="f">', {"name": "f"}, True),
        (START, "<call-k7\n  id='c1'\tname = 'f' >", {"name": "f", "id": "c1"}, True),
        (START, "<call-k7 name=f/>", {"name": "f"}, False),
        (START, '<call-k7 name="f" kind="x">', {"name": "f"}, False),
        (START, '<call-k7 name="f" id="a b">', {"name": "f"}, False),
        (START, '<call-k7 name="f" name="g">', {"name": "f"}, True),
        (FORM, '<FORM K7 ToolName=f data-x="1">', {"name": "f"}, True),
        (FORM, '<form toolname="f" id=c1 k7>', {"name": "f", "id": "c1"}, True),
    ],
)
def test_a_start_tag_in_many_spellings(template: Template, text: str, slots: dict[str, str], canonical: bool) -> None:
    found = template.match(text + "x", 0, len(text) + 1)
    assert isinstance(found, Match)
    assert (found.slots, found.end, found.canonical) == (slots, len(text), canonical)
    assert found.closed == text.endswith("/>")
    # Law of every node: half of it is never "no", and what comes behind it changes nothing.
    assert {template.match(text, 0, end) for end in range(len(text))} == {WAIT}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (START, '<call-k7q name="f">'),
        (START, '<Call-k7 name="f">'),
        (START, "<call-k7>"),
        (START, '<call-k7 name="f g">'),
        (START, '<call-k7 name="f<">'),
        (START, '<call-k7 "name">'),
        (START, f'<call-k7 name="f" x="{"y" * 2000}">'),
        (FORM, '<form toolname="f">'),
        (FORM, '<form k7x toolname="f">'),
        (FORM, "<form k7>"),
    ],
)
def test_what_is_no_such_start_tag(template: Template, text: str) -> None:
    assert template.match(text, 0, len(text)) is NO


@pytest.mark.parametrize("name", ["html", "toml", "xml"])
def test_a_salt_stands_in_every_marker(name: str) -> None:
    plain, salted = wp.dialect(name), wp.dialect(name).salted("k7q2")
    assert (plain.nonce, salted.nonce, salted.name) == ("", "k7q2", name)
    call = wp.Call("f", {"a": "x\ny", "b": [{"c": None}]})
    wire, other = wp.encode(call, salted), wp.encode(call, plain.salted("zzzz"))
    assert wp.parse(wire, salted).calls[0].arguments == call.arguments
    for foreign in (wp.encode(call, plain), other):
        assert wp.parse(foreign, salted).calls == ()
        assert wp.parse(wp.encode(wp.Call("f", {"a": foreign}), salted), salted).calls[0].arguments == {"a": foreign}


@pytest.mark.parametrize("nonce", ["", "abc", "K7Q2", "7abc", "ab cd", "a" * 33, 'a">b'])
def test_what_is_no_salt_is_refused(nonce: str) -> None:
    with pytest.raises(wp.DialectError, match="4 to 32 lower-case letters and digits"):
        wp.dialect("xml").salted(nonce)


def test_a_format_of_a_model_cannot_be_salted() -> None:
    with pytest.raises(wp.DialectError, match="hermes cannot be salted"):
        wp.dialect("hermes").salted("k7q2")


@given(cut=st.integers(0, 40))
def test_half_a_template_asks_for_more(cut: int) -> None:
    template = Template.parse('<｜DSML｜invoke name="{name}">\n')
    text = template.format(name="write_file").rstrip()
    found = template.match(text, 0, min(cut, len(text)))
    assert isinstance(found, Match) if cut >= len(text) else found is WAIT


def test_units_are_the_markers_that_may_be_missing_alone() -> None:
    template = Template.parse('<｜a｜>function<｜b｜><c:invoke name="{name}">\n')
    assert [unit.first for unit in template.units()] == ["<｜a｜>function<｜b｜>", "<c:invoke name="]
    assert [unit.first for unit in Template.parse("<tool_call>\n<function={name}>\n").units()] == [
        "<tool_call>",
        "<function=",
    ]


class _Point:
    """An entry point, as importlib.metadata gives them."""

    def __init__(self, name: str, value: object) -> None:
        self.name, self.value, self._loaded = name, f"some_package:{name}", value

    def load(self) -> object:
        return self._loaded


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[_Point]]]:
    """Register entry points for one test."""
    points: dict[str, list[_Point]] = {}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points.get(group, []))
    _forget()
    yield points
    _forget()


def _forget() -> None:
    """Empty every cache: in a process the known dialects never change, and much is worked out from them once."""
    for module in [module for name, module in sys.modules.items() if name.partition(".")[0] == "wireproto"]:
        for cache in filter(lambda each: hasattr(each, "cache_clear"), vars(module).values()):
            cache.cache_clear()


def test_a_package_registers_a_dialect_or_the_path_of_one(registered: dict[str, list[_Point]], tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    registered[plugins.DIALECTS] = [_Point("one-x", path), _Point("two-x", wp.Dialect.load(path)), _Point("junk", 3)]
    assert {"one-x", "two-x"} <= set(wp.dialects())
    assert wp.dialect("one-x").summary == wp.dialect("two-x").summary == "A format of my own"
    with pytest.raises(wp.DialectError, match="must give a Dialect or a path, not int"):
        wp.dialect("junk")


class _Broken(_Point):
    """An entry point whose module cannot be imported."""

    def load(self) -> object:
        raise ImportError("no module named nothing\n")


def test_what_cannot_be_loaded_is_said_by_name_and_breaks_nothing_else(
    registered: dict[str, list[_Point]], tmp_path: Path
) -> None:
    wrong = write(tmp_path, "name = 3")
    registered[plugins.DIALECTS] = [
        _Point("junk", 3),
        _Broken("gone", None),
        _Point("bad", wrong),
        _Point("lost", "no"),
    ]
    assert not {"junk", "gone", "bad", "lost"} & set(wp.dialects())
    assert all(wp.dialect(name).name for name in wp.dialects())
    text = wp.encode([wp.Call("only_here", {"x": 1})], "hermes")
    for dialect in ("hermes", "auto", wp.dialect("hermes")):
        assert [call.name for call in wp.parse(text, dialect, [{"name": "only_here"}]).calls] == ["only_here"]
    assert wp.dialect_for(model="Qwen3-8B").name == "hermes"
    for name, why in (
        ("junk", "not int"),
        ("gone", "no module named"),
        ("bad", "codec: is missing"),
        ("lost", "cannot be read"),
    ):
        for _ in range(2):
            with pytest.raises(
                wp.DialectError, match=rf"{name!r} of wireproto.dialects \(some_package:{name}\).*{why}"
            ):
                wp.dialect(name)
    with pytest.raises(wp.DialectError, match="unknown dialect 'junkk'"):
        wp.dialect("junkk")


@pytest.mark.parametrize("name", ["twice", "hermes"])
def test_a_name_is_registered_once(registered: dict[str, list[_Point]], name: str) -> None:
    registered[plugins.DIALECTS] = [_Point(name, None)] * (2 if name == "twice" else 1)
    with pytest.raises(wp.DialectError, match=f"some_package:{name}"):
        wp.dialects()


def test_plugins_can_be_left_out(registered: dict[str, list[_Point]], monkeypatch: pytest.MonkeyPatch) -> None:
    registered[plugins.DIALECTS] = [_Point("one-x", None)]
    monkeypatch.setenv("WIREPROTO_NO_PLUGINS", "1")
    assert "one-x" not in wp.dialects()


def test_a_dialect_may_be_registered_under_another_name_than_its_own(
    registered: dict[str, list[_Point]], tmp_path: Path
) -> None:
    registered[plugins.DIALECTS] = [_Point("one-x", write(tmp_path, MINIMAL))]
    text = wp.encode([wp.Call("f", {"x": "1"})], "one-x")
    for dialect in ("one-x", "auto", wp.dialect("one-x")):
        assert [call.name for call in wp.parse(text, dialect, [{"name": "f"}]).calls] == ["f"]
        assert wp.classify(text, dialect, [{"name": "f"}]).label == "calls"


OWN = {
    "json in a section": "[section]\nopen = '<tool_calls>['\nclose = ']</tool_calls>'\n[argument]\ncodec = 'json'\n",
    "json": "[call]\nopen = '<tool_call>'\nclose = '</tool_call>'\n[argument]\ncodec = 'json'\n",
    "json without markers": "[argument]\ncodec = 'json'\n",
    "tagged": "[call]\nopen = '<function={name}>'\nclose = '</function>'\n"
    "[argument]\ncodec = 'tagged'\nopen = '<arg={key}>'\nclose = '</arg>'\n",
}


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("name", ["mine", "hermes", "nobody-has-it"])
@pytest.mark.filterwarnings("ignore:.*is built in")
def test_a_dialect_from_a_file_never_makes_decoding_raise(own: str, name: str, tmp_path: Path) -> None:
    mine = wp.Dialect.load(write(tmp_path, f"name = '{name}'\nsummary = 'mine'\n{OWN[own]}"))
    tools = [{"name": "f", "parameters": {"properties": {"x": {"type": "string"}}}}]
    texts = [wp.encode([wp.Call("f", {"x": "1"})], dialect, tools) for dialect in (mine, *wp.dialects())]
    for text in texts:
        for shown in (text, html.escape(text), f"```\n{text}\n```", f"`{text}`", text[:-5]):
            for offered in (tools, None, []):
                assert isinstance(wp.parse(shown, mine, offered), wp.Message)
                assert isinstance(wp.classify(shown, mine, offered).retry_message(), str)


class _Lines:
    """A codec of another package: the whole body is one argument."""

    def __init__(self, builder: CallBuilder, position: int, in_section: bool) -> None:
        del in_section
        self.builder, self.position = builder, position
        self.is_plain = self.in_string = False
        builder.begin(builder.opening.name or "", None, (builder.start, position))

    def read(self, stop: int, end: End) -> Answer:
        body = self.builder.buffer.slice(self.position, stop)
        at = body.find("!")
        if at < 0 and not end.final:
            return WAIT
        self.builder.give("body", body[:at] if at >= 0 else body)
        stop = self.position + at + 1 if at >= 0 else stop
        self.builder.finish(stop, at >= 0)
        self.position = stop
        return YES

    def take_plain(self, text: str) -> tuple[str, int] | None:
        raise AssertionError(text)

    def skip_to(self, position: int) -> None:
        raise AssertionError(position)


def _write_lines(dialect: wp.Dialect, call: wp.Call, tool: Tool, index: int, escaped: bool) -> str:
    del tool, index, escaped
    return dialect.call.open.format(name=call.name) + call.arguments["body"] + "!"


def test_a_package_registers_a_codec(registered: dict[str, list[_Point]], tmp_path: Path) -> None:
    registered[plugins.CODECS] = [_Point("lines", Codec("lines", _Lines, _write_lines)), _Point("junk", 3)]
    text = 'name = "l"\nsummary = "s"\n[call]\nopen = "<go:{name}>"\n[argument]\ncodec = "lines"\n'
    mine = wp.Dialect.load(write(tmp_path, text))
    wire = wp.encode([wp.Call("f", {"body": "a b"})], mine)
    assert wire == "<go:f>a b!"
    decoder = wp.Decoder(mine)
    for char in "text " + wire + " more":
        decoder.feed(char)
    decoder.close()
    assert (decoder.message.text, decoder.message.calls[0].arguments) == ("text  more", {"body": "a b"})
    with pytest.raises(wp.DialectError, match="must give a Codec, not int"):
        wp.parse("<go:f>x!", wp.Dialect.load(write(tmp_path, text.replace('"lines"', '"junk"'))))
    with pytest.raises(
        wp.DialectError, match="known are html, json, pythonic, relaxed, tagged, toml, xml, junk, lines"
    ):
        loading.load(write(tmp_path, text.replace('"lines"', '"other"')))


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_length"])
def test_every_server_s_word_for_a_cut_is_known(reason: str) -> None:
    text = '<tool_call>\n{"name": "f", "arguments": {}}'
    assert not wp.parse(text, "hermes", finish_reason=reason).calls[0].complete
    assert wp.parse(text, "hermes", finish_reason="stop").calls[0].complete


def test_a_name_of_a_built_in_dialect_is_allowed_but_said(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL.replace('"mine"', '"hermes"', 1))
    with pytest.warns(UserWarning, match="name: 'hermes' is built in") as caught:
        mine = wp.Dialect.load(path)
    assert mine.codec == "tagged" and wp.dialect("hermes").codec == "json"
    assert Path(caught[0].filename).name == "test_dialect.py"
