"""Declared names and keys of any characters: what holds them, what refuses them, and that a grammar accepts no others."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest
from effort import few_dialects
from judging import accepts, matches

import wireproto as wp
from wireproto import gbnf
from wireproto.grammars.api.selfcheck import CheckSettings
from wireproto.values.quoting import quoted

every_dialect = pytest.mark.parametrize("dialect", few_dialects())
UNUSUAL = ["a/b", "a:b", "mcp:x", "two words", "$filter", "имя", "x" * 200, "a>b", 'say "hi"', "it's", "page[size]"]
# What a markup needs for itself: no format holds these, or only one that escapes what it writes.
HARD = ["a\nb", " a", "a ", "\t", "a\0", "\x1b[31m", "\ud800", "<x>", "</function>", "x" * 2_000, "\u2028", "\\", "{k}"]
STRING = {"type": "string"}


def tool(name: str, *keys: str) -> dict[str, Any]:
    return {"name": name, "parameters": {"type": "object", "properties": dict.fromkeys(keys, STRING)}}


@every_dialect
@pytest.mark.parametrize("name", [*UNUSUAL, *HARD])
def test_a_name_comes_back_or_is_refused_by_name(dialect: str, name: str) -> None:
    tools = [tool(name, "x"), tool("a", "x")]
    call = wp.Call(name, {"x": "1"})
    try:
        text = wp.encode([call, wp.Call("a", {"x": "2"})], dialect, tools=tools)
    except wp.EncodeError as error:
        assert name not in ("a:b", "mcp:x", "имя"), error
        assert quoted(name) in str(error)
        with pytest.raises(wp.GrammarError, match="tool"):
            wp.grammar(dialect, tools)
    else:
        for given in (dialect, "auto") if name in UNUSUAL else (dialect,):
            calls = wp.parse(text, given, tools).calls
            assert [(found.name, found.arguments, found.complete) for found in calls] == [
                (name, {"x": "1"}, True),
                ("a", {"x": "2"}, True),
            ]


@every_dialect
@pytest.mark.parametrize("name", [*UNUSUAL, *HARD])
def test_nothing_that_a_tools_file_holds_makes_anything_raise(dialect: str, name: str) -> None:
    tools = [tool(name, name, "", "x"), tool("f", name)]
    plain = wp.encode([wp.Call("zqz", {"x": "1"})], dialect, tools=[tool("zqz", "x")])
    for text in (plain.replace("zqz", name), plain.replace('"x"', f'"{name}"'), f"{name} {plain} {name}"):
        for given in (dialect, "auto"):
            wp.parse(text, given, tools)
            wp.classify(text, given, tools).retry_message()


@pytest.mark.parametrize("dialect", [*wp.dialects(), "auto"])
def test_a_name_without_end_costs_no_more_than_others(dialect: str) -> None:
    long = "x" * 100_000
    tools = [tool(long, long), tool("a/b", "x")]
    before = process_time()
    wp.classify(f"Hi <tool_call>a/b</tool_call> {long[:300]}", dialect, tools)
    assert process_time() - before < 2


@every_dialect
@pytest.mark.parametrize("name", ["a/b", "имя", "a>b"])
def test_a_grammar_accepts_a_name_where_the_decoder_reads_it(dialect: str, name: str) -> None:
    tools = [tool(name, "x", name), tool("a", "x")]
    try:
        text = wp.encode([wp.Call(name, {"x": "1", name: "2"}), wp.Call("a", {"x": "2"})], dialect, tools=tools)
    except wp.EncodeError:
        with pytest.raises(wp.GrammarError, match="cannot be"):
            wp.grammar(dialect, tools)
        return
    rules = str(wp.grammar(dialect, tools, choice="required"))
    assert accepts(rules, text) and matches(gbnf.parse(rules), text)
    assert not CheckSettings(wp.dialect(dialect), tools, choice="required").run(20).invalid


def test_a_call_without_arguments_takes_the_closer_of_the_call_around_it() -> None:
    tools = [tool("a>b", "x"), tool("a", "x")]
    rules = gbnf.parse(str(wp.grammar("glm47", tools, choice="required")))
    value = "<tool_call>a<arg_key>x</arg_key><tool_call>a{}</tool_call>{}"
    text = f"<tool_call>a<arg_key>x</arg_key><arg_value>{value}</arg_value></tool_call>"
    assert matches(rules, text.format("", "</tool_call>"))
    assert not matches(rules, text.format("", ""))
    assert not matches(rules, text.format("\n", ""))


@every_dialect
def test_an_undeclared_name_keeps_the_alphabet(dialect: str) -> None:
    try:
        text = wp.encode([wp.Call("a/b", {"x": "1"})], dialect, tools=[tool("a/b", "x")])
    except wp.EncodeError:
        return
    # JSON and TOML say by their own quotes what a name is.
    assert bool(wp.parse(text, dialect).calls) is (dialect in ("hermes", "mistral", "toml"))
    assert [call.name for call in wp.parse(text, dialect, [tool("f", "x")]).calls] in ([], ["a/b"])


@pytest.mark.parametrize("dialect", ["qwen3_coder", "glm47", "dsml_v4", "kimi_k2", "mistral_v11", "cline"])
def test_a_name_may_arrive_in_pieces(dialect: str) -> None:
    tools = [tool("a", "x"), tool("a:b", "x"), tool("a:b:c", "x")]
    for name in ("a", "a:b", "a:b:c"):
        text = wp.encode([wp.Call(name, {"x": "1"})], dialect, tools=tools)
        for cut in range(len(text)):
            decoder = wp.Decoder(dialect, tools)
            events = [*decoder.feed(text[:cut]), *decoder.feed(text[cut:]), *decoder.close()]
            assert [event.name for event in events if isinstance(event, wp.CallStart)] == [name]


def test_only_a_tool_that_declares_an_unusual_key_has_it() -> None:
    tools = [tool("list", "$filter"), tool("write", "text")]
    text = "<tool_call>\n<function={}>\n<parameter=$filter>\nx\n</parameter>\n</function>\n</tool_call>"
    assert wp.parse(text.format("list"), "qwen3_coder", tools).calls[0].arguments == {"$filter": "x"}
    assert wp.parse(text.format("write"), "qwen3_coder", tools).calls == ()


@pytest.mark.parametrize("blanks", [" ", "\n", " \t "])
def test_blanks_around_an_id_are_no_part_of_an_unusual_name(blanks: str) -> None:
    tools = [tool("two words", "x"), tool("a/b", "x"), tool("f", "x")]
    for name in ("two words", "a/b", "f"):
        text = wp.encode([wp.Call(name, {"x": "1"})], "kimi_k2", tools=tools)
        header = f"functions.{name}:0"
        assert header in text
        text = text.replace(header, f"{blanks}{header}{blanks}")
        decoder = wp.Decoder("kimi_k2", tools)
        for char in text:
            decoder.feed(char)
        decoder.close()
        for message in (wp.parse(text, "kimi_k2", tools), decoder.message):
            assert [(call.name, call.arguments, call.complete) for call in message.calls] == [(name, {"x": "1"}, True)]


@pytest.mark.parametrize("name", ["a b", "a=b", "a,b", "a(b)", "1,", "$a"])
def test_an_unusual_name_is_that_of_an_element_only_if_xml_has_it(name: str) -> None:
    for tools, call in (([tool(name, "x")], wp.Call(name, {"x": "1"})), ([tool("f", name)], wp.Call("f", {name: "1"}))):
        with pytest.raises(wp.EncodeError, match="cannot be"):
            wp.encode([call], "cline", tools=tools)
        with pytest.raises(wp.GrammarError, match="cannot be"):
            wp.grammar("cline", tools)
    text = f"<{name}>\n<x>1</x>\n</{name}>"
    message = wp.parse(text, "cline", [tool(name, "x")])
    assert message.calls == () and message.text == text
