"""What a model is told: how to call tools, and what they returned."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import tomli
from effort import rounds
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from selectolax.lexbor import LexborHTMLParser
from written import WRITTEN

import wireproto as wp
from wireproto.codecs.html.blank_form import blank_form
from wireproto.format.dialect import ResultShape
from wireproto.format.spelling import spellings
from wireproto.text.json_safe import identical
from wireproto.tools.parameters import example, parameters
from wireproto.tools.toolset import Toolset

SALT = "k7q2"
SALTED = [wp.dialect(name).salted(SALT) for name in wp.dialects() if wp.dialect(name).salt]
DIALECTS: list[wp.Dialect] = [*map(wp.dialect, wp.dialects()), *SALTED]
every_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda it: it.name + "-salted" * bool(it.nonce))
dialects = st.sampled_from(DIALECTS)

WRITE_FILE = {
    "name": "write_file",
    "description": "Write a file.\n\nReplaces what was there.",
    "parameters": {
        "type": "object",
        "required": ["path", "content"],
        "properties": {
            "path": {"type": "string", "description": "Where to write,\nfrom the root."},
            "content": {"type": "string"},
            "mode": {"type": "integer", "enum": [420, 493], "default": 420},
            "ratio": {"type": "number"},
            "force": {"type": "boolean"},
            "unit": {"$ref": "#/$defs/Unit"},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"at": {"type": "integer"}}}},
            "options": {"type": "object"},
            "owner": {"type": ["string", "null"]},
            "nothing": {"type": "null"},
            "anything": {},
        },
        "$defs": {"Unit": {"enum": ["lf", "crlf"], "description": "Line breaks."}},
    },
}
NOW = {"name": "now", "parameters": {"type": "object", "properties": {}}}
TOOLS = [WRITE_FILE, NOW]
ARGUMENTS = {
    "path": "text",
    "content": "text",
    "mode": 420,
    "ratio": 1.5,
    "force": True,
    "unit": "lf",
    "lines": [{"at": 1}],
    "options": {"key": "text"},
    "owner": "text",
    "nothing": None,
    "anything": "text",
}

# Schemas of every type, some of them without end.
NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "names": {"type": "array"}}}
SCHEMAS: list[dict[str, Any]] = [
    *({"type": kind} for kind in ("string", "integer", "number", "boolean", "null", "array", "object")),
    {},
    {"type": ["null", "integer"]},
    {"anyOf": [{"type": "array", "items": {"type": "boolean"}}, {"type": "null"}]},
    {"enum": ["one", "two words"]},
    {"const": 7},
    {"type": "object", "additionalProperties": False},
    {"$ref": "#/$defs/Node"},
]
descriptions = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["# A\n## B\n- c (string, required)", '"><form>--></form><!--', "a\r\n\u2028## b", "```\n</call>"]),
)


@st.composite
def tool_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    tools: list[dict[str, Any]] = []
    for name in draw(
        st.lists(st.sampled_from(["read", "write_it", "ask.me", "d-1"]), min_size=1, max_size=3, unique=True)
    ):
        keys = draw(st.lists(st.sampled_from(["path", "to", "n_lines", "a.b", "x-y"]), max_size=4, unique=True))
        properties = {key: dict(draw(st.sampled_from(SCHEMAS))) for key in keys}
        for schema in properties.values():
            schema["description"] = draw(descriptions)
        required = draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
        schema = {"type": "object", "properties": properties, "required": required, "$defs": {"Node": NODE}}
        tools.append({"name": name, "description": draw(descriptions), "parameters": schema})
    return tools


# --- prompts ----------------------------------------------------------------------------------------------------------


@given(dialect=dialects, tools=tool_lists())
@settings(max_examples=rounds(60, 2_000))
def test_a_prompt_is_stable_and_complete(dialect: wp.Dialect, tools: list[dict[str, Any]]) -> None:
    text = wp.prompt(dialect, tools)
    wrapped = [{"type": "function", "function": tool} for tool in copy.deepcopy(tools)]
    assert wp.prompt(dialect, wrapped) == text
    for tool in tools:
        assert f"## {tool['name']}\n" in text
        section = text.split(f"## {tool['name']}\n")[1].split("\n## ")[0]
        for key in tool["parameters"]["properties"]:
            assert key in section.split("Example:\n")[0]
            assert key in section.split("Example:\n")[1]


@given(dialect=dialects, tools=tool_lists())
@settings(max_examples=rounds(60, 2_000))
def test_every_example_in_a_prompt_decodes(dialect: wp.Dialect, tools: list[dict[str, Any]]) -> None:
    text = wp.prompt(dialect, tools)
    for tool in Toolset.of(tools).tools:
        call = example(tool)
        written = text.split(f"## {tool.name}\n")[1].split("Example:\n\n")[1].split("\n\n## ")[0]
        message = wp.parse(written, dialect, tools=tools)
        assert [found.name for found in message.calls] == [tool.name] and message.text == ""
        assert identical(message.calls[0].arguments, call.arguments) and message.calls[0].complete
        assert call.arguments.keys() == tool.keys


@given(dialect=dialects, tools=tool_lists())
@settings(max_examples=rounds(40, 2_000))
def test_a_description_begins_nothing_of_its_own(dialect: wp.Dialect, tools: list[dict[str, Any]]) -> None:
    names = [tool["name"] for tool in tools]
    headings = [line for line in re.split("[\r\n\u2028]", wp.prompt(dialect, tools)) if line.startswith("#")]
    assert headings == ["# Tools", *(f"## {name}" for name in names), "## Several calls"]


@every_dialect
def test_a_prompt_decodes_to_its_examples(dialect: wp.Dialect) -> None:
    text = wp.prompt(dialect, TOOLS)
    markerless = spellings(dialect)[0].markerless
    # A call without markers must begin the output, and a blank form is a form.
    if markerless or dialect.prompt.definitions == "form":
        assert all(wp.encode(example(tool), dialect, TOOLS) in text for tool in Toolset.of(TOOLS).tools)
        return
    message = wp.parse(text, dialect, tools=TOOLS)
    assert [call.name for call in message.calls] == ["write_file", "now", "now", "write_file"]
    assert identical(message.calls[0].arguments, ARGUMENTS)
    assert not message.diagnoses and not message.candidates


@every_dialect
def test_the_markers_of_a_prompt_are_salted(dialect: wp.Dialect) -> None:
    text = wp.prompt(dialect, TOOLS)
    if not dialect.nonce:
        assert SALT not in text
        return
    assert SALT in text.split("# Tools")[1].split("##")[0]
    assert not wp.parse(text, wp.dialect(dialect.name).salted("q2k7"), tools=TOOLS).calls
    assert all(marker in text for marker in dialect.markers if SALT in marker and "\n" not in marker)


def test_the_whole_of_a_short_prompt() -> None:
    tools = [{"name": "read", "parameters": {"properties": {"path": {"type": "string"}}, "required": ["path"]}}]
    assert wp.prompt("qwen3_coder", tools) == (
        "# Tools\n\n"
        "To use a tool, write a call exactly as in the examples below, with the same markers and line breaks. The user reads "
        "the text before a call. Stop after your last call: the results come in the next message.\n\n"
        "- Write several calls one after the other.\n"
        "- Do not put a call into a code fence, and do not write a call as an example.\n"
        "- Use only these tools and arguments. Give every required argument, and leave out those that you do not need.\n"
        "- Write a string as it is, without quotes; a number, True, False or None as Python writes it, and a list "
        "or an object as JSON.\n"
        "- A value is on lines of its own; the line breaks next to its markers are not part of it.\n"
        "- Do not escape anything: write every character of a value as it is.\n\n"
        "## read\n\n"
        "Arguments:\n- path (string, required)\n\n"
        "Example:\n\n"
        "<tool_call>\n<function=read>\n<parameter=path>\ntext\n</parameter>\n</function>\n</tool_call>\n\n"
        "## Several calls\n\n"
        "Example:\n\n"
        "<tool_call>\n<function=read>\n<parameter=path>\ntext\n</parameter>\n</function>\n</tool_call>\n"
        "<tool_call>\n<function=read>\n<parameter=path>\ntext\n</parameter>\n</function>\n</tool_call>"
    )


def test_a_list_says_what_the_schema_says() -> None:
    text = wp.prompt("xml", TOOLS)
    assert "> Write a file.\n>\n> Replaces what was there.\n" in text
    for line in (
        "- path (string, required): Where to write,\n  from the root.",
        '- mode (integer, optional, one of 420, 493)\n  Schema: {"default": 420}',
        '- unit (string, optional, one of "lf", "crlf"): Line breaks.\n  Schema: {"$ref": "#/$defs/Unit"}',
        '- lines (array, optional)\n  Schema: {"items": {"type": "object", "properties": {"at": {"type": "integer"}}}}',
        "- owner (string or null, optional)",
        "- anything (any type, optional)",
        '{"$defs": {"Unit": {"enum": ["lf", "crlf"], "description": "Line breaks."}}}',
        "It takes no arguments.",
    ):
        assert line in text


def test_a_name_that_is_none_is_quoted() -> None:
    tools = [{"name": "a\n## b", "parameters": {"properties": {"c\n- d": {"type": "string"}}}}]
    text = wp.prompt("hermes", tools)
    assert '\n## "a\\n## b"\n' in text and '\n- "c\\n- d" (string, optional)\n' in text


def test_tools_that_a_dialect_cannot_write_are_refused() -> None:
    with pytest.raises(wp.EncodeError, match="a>b"):
        wp.prompt("qwen3_coder", [{"name": "a>b"}])


@every_dialect
def test_no_tools(dialect: wp.Dialect) -> None:
    text = wp.prompt(dialect, [])
    assert "No tools are offered" in text and not any(marker in text for marker in dialect.markers)
    with pytest.raises(wp.SchemaError, match=r"\[\]"):
        wp.prompt(dialect, None)


def test_schemas_that_are_no_json_are_refused() -> None:
    for schema in ({"enum": [{1, 2}]}, {"minimum": float("nan")}, {"default": object()}):
        with pytest.raises(wp.SchemaError, match=r'"f".*"x"'):
            wp.prompt("hermes", [{"name": "f", "parameters": {"properties": {"x": schema}}}])


@given(tools=tool_lists(), dialect=st.sampled_from([it for it in DIALECTS if it.prompt.definitions == "form"]))
@settings(max_examples=rounds(40, 2_000))
def test_a_blank_form_says_what_the_schema_says(tools: list[dict[str, Any]], dialect: wp.Dialect) -> None:
    for tool in Toolset.of(tools).tools:
        (form,) = LexborHTMLParser(blank_form(dialect, tool)).css("form")
        described = tool.description.strip()
        assert form.attributes["toolname"] == tool.name
        assert (form.attributes.get("tooldescription") or "").split() == described.replace("\0", "\ufffd").split()
        controls = form.css("input, textarea, select, script")
        found = {control.attributes["name"]: "required" in control.attributes for control in controls}
        assert found == {parameter.key: parameter.required for parameter in parameters(tool)}
        if dialect.nonce:
            assert all(dialect.nonce in element.attributes for element in (form, *controls))


def test_the_controls_of_a_blank_form() -> None:
    (tool, _) = Toolset.of(TOOLS).tools
    lines = blank_form(wp.dialect("html"), tool).splitlines()
    assert lines == [
        '<form toolname="write_file" tooldescription="Write a file.&#10;&#10;Replaces what was there.">',
        '<textarea name="path" toolparamdescription="Where to write,&#10;from the root." required></textarea>',
        '<textarea name="content" required></textarea>',
        '<select name="mode" data-schema="{&quot;default&quot;: 420}">'
        "<option>420</option><option>493</option></select>",
        '<input type="number" name="ratio" step="any">',
        '<input type="checkbox" name="force">',
        '<select name="unit" toolparamdescription="Line breaks." data-schema="{&quot;$ref&quot;: '
        '&quot;#/$defs/Unit&quot;}"><option>lf</option><option>crlf</option></select>',
        '<script type="application/json" name="lines" data-type="json" data-schema="{&quot;items&quot;: {&quot;type'
        "&quot;: &quot;object&quot;, &quot;properties&quot;: {&quot;at&quot;: {&quot;type&quot;: &quot;integer&quot;"
        '}}}}"></script>',
        '<script type="application/json" name="options" data-type="json"></script>',
        '<textarea name="owner"></textarea>',
        '<script type="application/json" name="nothing" data-type="json"></script>',
        '<textarea name="anything"></textarea>',
        "</form>",
    ]


def test_a_choice_keeps_its_white_space() -> None:
    tool = Toolset.of([{"name": "f", "parameters": {"properties": {"x": {"enum": [" a\nb", "<c>"]}}}}]).tools[0]
    assert '<option value=" a&#10;b"></option><option>&lt;c&gt;</option>' in blank_form(wp.dialect("html"), tool)


def test_a_schema_without_end_has_a_short_example() -> None:
    node: dict[str, Any] = {"properties": {f"n{i}": {"$ref": "#/$defs/Node"} for i in range(100)}}
    schema = {"properties": {"tree": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}}
    (tool,) = Toolset.of([{"name": "f", "parameters": schema}]).tools
    tree = example(tool).arguments["tree"]
    assert tree["n0"]["n0"] == {} and len(tree) == len(tree["n0"]) == 8


# --- dialect files ----------------------------------------------------------------------------------------------------

MINE = """
name = "mine"
summary = "as Hermes, with results and rules of its own"

[call]
open = "<call>"
close = "</call>"

[argument]
codec = "json"
"""


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("[result]\njoin = ''", "result.each: is missing"),
        ("[result]\neach = 'x'\nguard = ['x']", "result.each: needs {content}"),
        ("[result]\neach = '{content}'", "result.guard: give what content may not hold"),
        ("[result]\neach = '{content}'\nguard = ['']", "result.guard: give what content may not hold"),
        (
            "[result]\neach = '{content}'\ncontent = 'yaml'",
            "result.content: unknown value 'yaml'; known are text, json",
        ),
        ("[result]\neach = '{content}'\nclosed = ''", "result.closed: unknown key; did you mean 'close'?"),
        ("[prompt]\nrules = 'x'", "prompt.rules: must be a list of strings"),
        ("[prompt]\ndefinitions = 'form'", "prompt.definitions: a form needs markup"),
        ("[prompt]\ndefinitions = 'forms'", "prompt.definitions: unknown value 'forms'; known are list, form"),
    ],
)
def test_errors_in_a_file_name_the_key_and_the_fix(tmp_path: Path, table: str, problem: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"{MINE}\n{table}\n", encoding="utf-8")
    with pytest.raises(wp.DialectError) as caught:
        wp.Dialect.load(path)
    assert str(caught.value).startswith(f"{path}: {problem}")


def test_a_file_says_how_results_and_rules_are_written(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    table = "[result]\neach = '{index}:{name}={content};'\nguard = [';']\n[prompt]\nrules = ['Be brief.']\n"
    path.write_text(f"{MINE}\n{table}", encoding="utf-8")
    mine = wp.Dialect.load(path)
    assert wp.render_results([wp.ToolResult("f", "{name}"), wp.ToolResult("g", 1)], mine) == "0:f={name};1:g=1;"
    text = wp.prompt(mine, [NOW])
    assert "- Be brief.\n" in text and "JSON object" not in text


# --- results ----------------------------------------------------------------------------------------------------------

ONE = wp.ToolResult("get_weather", "RESULT1", id="call00001")
TWO = wp.ToolResult("get_time", "RESULT2", id="call00002")
RESULTS = {name: written.results for name, written in WRITTEN.items() if written.results is not None}


def test_a_form_for_results_is_held_to_what_its_template_writes() -> None:
    assert {*RESULTS} == {name for name in wp.dialects() if wp.dialect(name).result is not None}


def test_a_dialect_without_a_form_for_results_says_so(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(MINE, encoding="utf-8")
    with pytest.raises(wp.EncodeError, match=r"\[result\]"):
        wp.render_results([ONE], wp.Dialect.load(mine))


def test_ids_are_made_for_every_dialect() -> None:
    for name in wp.dialects():
        identity = wp.new_id(name, 3, "get_weather")
        assert identity == wp.new_id(name, 3, "get_weather") != wp.new_id(name, 4, "get_weather")
        call = wp.Call("get_weather", {"city": "Paris"}, identity)
        assert wp.parse(wp.encode([call], name), name).calls[0].id in (identity, None)
        if name in RESULTS:
            assert wp.render_results([wp.ToolResult("get_weather", "RESULT1", identity)], name)
    assert wp.new_id("mistral", 0) == "call00000" and wp.new_id("kimi_k2", 2, "f") == "functions.f:2"
    with pytest.raises(wp.EncodeError, match="name="):
        wp.new_id("kimi_k2", 0)
    with pytest.raises(ValueError, match="-1"):
        wp.new_id("hermes", -1)


@pytest.mark.parametrize(
    ("dialect", "identity"), [("kimi_k2", "call_1"), ("kimi_k2", "a b"), ("mistral_v11", "a b"), ("html", "a b")]
)
def test_an_id_that_would_not_come_back_is_named(dialect: str, identity: str) -> None:
    fine, bad = wp.Call("f", {"x": "a"}), wp.Call("g", {"x": "a"}, identity)
    with pytest.raises(wp.EncodeError, match=f"'g'.*{identity!r}"):
        wp.encode([fine, bad], dialect)
    with pytest.raises(wp.EncodeError, match=r"'a\{b'"):
        wp.render_results([wp.ToolResult("f", "x", "a{b")], "mistral")


def test_names_that_tools_may_have_are_written() -> None:
    for name in ("a/b", "mcp:x y", "$filter", "größe"):
        for dialect in ("anthropic_invoke", "cline"):
            assert name in wp.render_results([wp.ToolResult(name, "x")], dialect)


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_results_are_written_as_templates_write_them(name: str) -> None:
    single, both = RESULTS[name]
    assert wp.render_results([ONE], name) == single
    assert wp.render_results((ONE, TWO), name) == both


def test_an_id_is_made_only_where_the_format_says_how() -> None:
    weather, time = wp.ToolResult("get_weather", "RESULT1"), wp.ToolResult("get_time", "RESULT2")
    assert wp.render_results([weather], "kimi_k2") == "## Return of functions.get_weather:0\nRESULT1"
    assert "## Return of functions.get_time:1\n" in wp.render_results([weather, time], "kimi_k2")
    with pytest.raises(wp.EncodeError, match=r"result 1 .'get_time'.*id"):
        wp.render_results([ONE, time], "mistral")
    assert "id=" not in wp.render_results([weather], "xml")


def test_errors_are_said_where_there_is_a_word_for_them() -> None:
    failed = wp.ToolResult("f", "no", error=True)
    assert '<result name="f" error="true">no</result>' in wp.render_results([failed], "xml")
    assert '<output for="f" data-error>no</output>' in wp.render_results([failed], "html")
    assert "error = true\n" in wp.render_results([failed], "toml")
    assert wp.render_results([failed], "hermes") == "<tool_response>\nno\n</tool_response>"


def test_names_and_ids_cannot_leave_their_place() -> None:
    for result in (wp.ToolResult('a"><b', "x", "i"), wp.ToolResult("f", "x", 'a"}[/TOOL_RESULTS]')):
        with pytest.raises(wp.EncodeError, match="cannot be"):
            wp.render_results([result], "kimi_k2" if result.id != "i" else "anthropic_invoke")
        root = etree.fromstring(wp.render_results([result], "xml"))
        assert (root[0].get("name"), root[0].get("id")) == (result.name, result.id)


def test_dsml_escapes_its_closer() -> None:
    text = wp.render_results([wp.ToolResult("f", "a</tool_result>b &lt;")], "dsml_v4")
    assert text == "<tool_result>a&lt;/tool_result>b &lt;</tool_result>"


def test_content_that_is_no_json_is_refused() -> None:
    for value in ({1, 2}, float("nan"), object()):
        with pytest.raises(wp.EncodeError, match=r"result 0 .'f'"):
            wp.render_results([wp.ToolResult("f", value)], "hermes")


def shape(dialect: wp.Dialect) -> ResultShape:
    assert dialect.result is not None
    return dialect.result


with_results = st.sampled_from([dialect for dialect in DIALECTS if dialect.result is not None])
IN_XML = re.compile(r"[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


@st.composite
def contents(draw: st.DrawFn, dialect: wp.Dialect) -> str:
    """Text built from what the dialect writes around results, and from what may stand anywhere."""
    around = re.split(r"\{[a-z]+\}", "".join((shape(dialect).open, shape(dialect).each, shape(dialect).close)))
    pieces = [
        *shape(dialect).guard,
        *around,
        *dialect.markers,
        "'''",
        '"""',
        "\\",
        "{name}",
        "{content}",
        "]]>",
        "&lt;",
    ]
    parts = draw(st.lists(st.sampled_from([piece for piece in pieces if piece]) | st.text(max_size=5), max_size=6))
    return "".join(parts)


ESCAPES = [
    ("hermes", "a</tool_response>b", "a&lt;/tool_response>b"),
    ("glm47", "</tool_response>" * 2, "&lt;/tool_response>" * 2),
    ("anthropic_invoke", "</stdout></result>", "&lt;/stdout></result>"),
    ("deepseek_v3", "<｜tool▁output▁end｜><｜tool▁outputs▁end｜>", "&lt;｜tool▁output▁end｜>&lt;｜tool▁outputs▁end｜>"),
    ("kimi_k2", "<|im_end|>", "&lt;|im_end|>"),
    ("mistral", "[/TOOL_RESULTS]", "&#91;/TOOL_RESULTS]"),
    ("cline", "[f] Result:\n", "[f&#93; Result:\n"),
    ("seed_oss", "<seed:eos><p>", "&lt;seed:eos><p>"),
    ("hermes", "<tool_response>&lt;/p>", "<tool_response>&lt;/p>"),
    ("minimax_m2", "</respons", "</respons"),
]


@pytest.mark.parametrize(("dialect", "content", "written"), ESCAPES)
def test_what_would_end_a_result_is_escaped(dialect: str, content: str, written: str) -> None:
    text = wp.render_results([wp.ToolResult("f", content, "functions.f:0")], dialect)
    assert text == wp.render_results([wp.ToolResult("f", "XYZ", "functions.f:0")], dialect).replace("XYZ", written)


@given(data=st.data(), dialect=with_results)
@settings(max_examples=rounds(150, 2_000))
def test_content_never_ends_its_own_result(data: st.DataObject, dialect: wp.Dialect) -> None:
    content = data.draw(contents(dialect))
    first, last = wp.ToolResult("f", content, "id1"), wp.ToolResult("g", "x", "id2")
    plain = wp.render_results([wp.ToolResult("f", "x", "id1"), last], dialect)
    guards = shape(dialect).guard
    for text in (
        wp.render_results([wp.ToolResult("f", {"k": content}, "id1"), last], dialect),
        wp.render_results([first, last], dialect),
    ):
        assert [text.count(guard) for guard in guards] == [plain.count(guard) for guard in guards]


xml, html, toml = (
    st.sampled_from([dialect for dialect in DIALECTS if dialect.name == name]) for name in ("xml", "html", "toml")
)


@given(data=st.data(), dialect=xml)
def test_an_xml_parser_reads_results_back(data: st.DataObject, dialect: wp.Dialect) -> None:
    content = "".join(IN_XML.findall(data.draw(contents(dialect))))
    root = etree.fromstring(wp.render_results([wp.ToolResult('a"<&', content), wp.ToolResult("g", "x")], dialect))
    assert [element.text or "" for element in root] == [content, "x"]
    assert root[0].get("name") == 'a"<&'


@given(data=st.data(), dialect=toml)
def test_a_toml_parser_reads_results_back(data: st.DataObject, dialect: wp.Dialect) -> None:
    content = data.draw(contents(dialect)).encode("utf-8", "replace").decode()
    text = wp.render_results([wp.ToolResult('a"\n', content, error=True), wp.ToolResult("g", "x", "i")], dialect)
    opener, *lines, closer = text.split("\n")
    key = "result" + f"-{dialect.nonce}" * bool(dialect.nonce)
    assert (opener, closer) == (f"+++ tool_results{key[6:]}", f"+++{key[6:]}")
    assert opener not in lines and closer not in lines
    assert tomli.loads("\n".join(lines)) == {
        key: [{"name": 'a"\n', "error": True, "content": content}, {"name": "g", "id": "i", "content": "x"}]
    }


@given(data=st.data(), dialect=html)
def test_an_html_parser_reads_results_back(data: st.DataObject, dialect: wp.Dialect) -> None:
    # NUL is the one character that HTML cannot carry.
    content = data.draw(contents(dialect)).encode("utf-8", "replace").decode().replace("\0", "")
    text = wp.render_results([wp.ToolResult('a"<&', content), wp.ToolResult("g", {"k": 1})], dialect)
    first, last = LexborHTMLParser(text).css("output")
    assert (first.attributes["for"], last.attributes["for"]) == ('a"<&', "g")
    assert first.text() == content and json.loads(last.text()) == {"k": 1}


@given(st.integers(0, 3))
def test_results_are_pure(count: int) -> None:
    results = [wp.ToolResult(f"t{i}", {"i": i}, f"id{i}") for i in range(count)]
    assert wp.render_results(results, "xml") == wp.render_results(tuple(results), "xml")
    assert wp.render_results(results, "xml").count("<result ") == count


@pytest.mark.parametrize("dialect", ["qwen3_coder", "glm47", "dsml_v4", "cline"])
def test_an_optional_argument_that_the_format_cannot_hold_is_left_out(dialect: str) -> None:
    def tools(required: list[str]) -> list[dict[str, Any]]:
        properties = {"ok": {"type": "string"}, "a\nb": {"type": "string", "description": "Never seen."}}
        return [{"name": "f", "parameters": {"type": "object", "properties": properties, "required": required}}]

    text = wp.prompt(dialect, tools(["ok"]))
    assert '- "a\\nb": this format cannot hold the name; leave it out' in text and "Never seen" not in text
    assert "a\nb" not in text and wp.parse(text.rpartition("Example:")[2], dialect, tools([])).calls
    with pytest.raises(wp.EncodeError, match=r"call 'f': a key of this format cannot be 'a\\nb'"):
        wp.prompt(dialect, tools(["a\nb"]))
