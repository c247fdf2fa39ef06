"""Formats that are not built in and whose markers are unlike those of all others: they load, are read and written.

Each file in `drafts/` is one, with what its model writes. And the dialects that the recogniser once read wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import wireproto as wp
from wireproto import gbnf
from wireproto.testing import check_dialect

TOOLS: list[dict[str, Any]] = [
    {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "opts": {"type": "object", "properties": {"u": {"type": "string"}}},
                "f": {"type": "boolean"},
            },
            "required": ["city"],
        },
    },
    {"name": "get_time", "parameters": {"type": "object", "properties": {"tz": {"type": "string"}}}},
]
CALLS = (
    wp.Call("get_weather", {"city": "Paris", "days": 3, "opts": {"u": "C"}, "f": True}),
    wp.Call("get_time", {"tz": "UTC"}),
)
# What the models write, by the chat templates and parsers that the files name.
WRITTEN = {
    "hyperclovax_seed_think": (
        '<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>"Paris"</arg_value>\n'
        "<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n"
        '<arg_key>opts</arg_key>\n<arg_value>{"u": "C"}</arg_value>\n'
        "<arg_key>f</arg_key>\n<arg_value>true</arg_value>\n</tool_call>\n"
        '<tool_call>get_time\n<arg_key>tz</arg_key>\n<arg_value>"UTC"</arg_value>\n</tool_call>'
    ),
    "kimi_k3": (
        '<|open|>tools<|sep|><|open|>call tool="get_weather" index="1"<|sep|>'
        '<|open|>argument key="city" type="string"<|sep|>Paris<|close|>argument<|sep|>'
        '<|open|>argument key="days" type="number"<|sep|>3<|close|>argument<|sep|>'
        '<|open|>argument key="opts" type="object"<|sep|>{"u": "C"}<|close|>argument<|sep|>'
        '<|open|>argument key="f" type="boolean"<|sep|>true<|close|>argument<|sep|><|close|>call<|sep|>'
        '<|open|>call tool="get_time" index="2"<|sep|><|open|>argument key="tz" type="string"<|sep|>UTC'
        "<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>"
    ),
}
every_draft = pytest.mark.parametrize("name", sorted(WRITTEN))


def load(name: str) -> wp.Dialect:
    path = Path(__file__).parent / "drafts" / f"{name}.toml"
    return wp.Dialect.load(path) if path.exists() else wp.dialect(name)


def made(tmp_path: Path, text: str) -> wp.Dialect:
    path = tmp_path / "made.toml"
    path.write_text(f'name = "made"\nsummary = "made up"\n{text}', encoding="utf-8")
    return wp.Dialect.load(path)


@every_draft
def test_a_draft_is_written_and_read_exactly(name: str) -> None:
    draft, text = load(name), WRITTEN[name]
    assert wp.encode(CALLS, draft, tools=TOOLS) == text
    for message in (wp.parse(text, draft, TOOLS), fed(f"Hi. {text}", draft)):
        assert [(call.name, call.arguments, call.complete) for call in message.calls] == [
            (call.name, call.arguments, True) for call in CALLS
        ]
        assert not message.diagnoses and message.text in ("", "Hi. ")


def fed(text: str, dialect: wp.Dialect) -> wp.Message:
    decoder = wp.Decoder(dialect, TOOLS)
    for character in text:
        decoder.feed(character)
    decoder.close("stop")
    return decoder.message


@every_draft
@pytest.mark.parametrize("target", ["gbnf", "lark", "ebnf", "structural-tag"])
def test_a_draft_has_grammars(name: str, target: Any) -> None:
    written = str(wp.grammar(load(name), TOOLS, target=target, choice="required"))
    if target == "gbnf":
        matcher = gbnf.Matcher(gbnf.parse(written))
        assert matcher.accept(WRITTEN[name]) and matcher.finished
    assert written


@every_draft
def test_a_draft_keeps_the_laws(name: str) -> None:
    check_dialect(load(name), examples=60)


@pytest.mark.parametrize("kind", ["string", "integer", "null", "array"])
def test_types_on_the_wire_say_what_no_schema_says(kind: str) -> None:
    value = {"string": "3", "integer": 3, "null": None, "array": [1]}[kind]
    text = wp.encode([wp.Call("g", {"x": value})], load("kimi_k3"), tools=[{"name": "g"}])
    (call,) = wp.parse(text, load("kimi_k3")).calls
    assert call.arguments == {"x": value}


# What stands between tags of a format whose values are all JSON, and what it is read as.
IN_JSON: dict[str, tuple[str, Any, str]] = {
    "an escape": ('"Se\\u006ful\\n"', "Seoul\n", ""),
    "closers": ('"a</arg_value>\\n</tool_call>"', "a</arg_value>\n</tool_call>", ""),
    "a bare quote": ('"a" b"', 'a" b', "value-repaired"),
    "no quotes": ("Seoul", "Seoul", "type-conflict"),
    "blanks": (' "a" ', "a", ""),
}


@pytest.mark.parametrize("kind", IN_JSON)
def test_a_string_of_json_says_itself_where_it_ends(kind: str) -> None:
    written, value, code = IN_JSON[kind]
    text = f"<tool_call>get_time\n<arg_key>tz</arg_key>\n<arg_value>{written}</arg_value>\n</tool_call>"
    for message in (wp.parse(text, load("hyperclovax_seed_think"), TOOLS), fed(text, load("hyperclovax_seed_think"))):
        assert [call.arguments for call in message.calls if call.complete] == [{"tz": value}]
        assert [found.code for found in message.diagnoses] == [code] * bool(code) and message.text == ""


def test_text_that_is_json_has_its_type_without_a_schema() -> None:
    text = "<tool_call>g\n<arg_key>a</arg_key>\n<arg_value>3</arg_value>\n<arg_key>b</arg_key>\n"
    text += '<arg_value>"3"</arg_value>\n</tool_call>'
    (call,) = wp.parse(text, load("hyperclovax_seed_think")).calls
    assert call.arguments == {"a": 3, "b": "3"}


# --- what was once read wrong -----------------------------------------------------------------------------------------


def test_a_value_ends_at_a_closer_that_is_no_end_tag(tmp_path: Path) -> None:
    mine = made(
        tmp_path,
        '[call]\nopen = "<call {name}>\\n"\nclose = "<end>"\n[argument]\ncodec = "tagged"\nopen = "<arg {key}>"\n'
        'close = "<stop>\\n"\n',
    )
    message = wp.parse("<call f>\n<arg x>1<stop>\n<arg y>2<stop>\n<end>", mine)
    assert message.calls[0].arguments == {"x": "1", "y": "2"} and not message.calls[0].diagnoses
    check_dialect(mine, examples=60)


def test_a_blank_in_an_opener_is_no_border_of_a_pair(tmp_path: Path) -> None:
    mine = made(
        tmp_path,
        '[call]\nopen = "[[call of={name}]]"\nclose = "[[end call]]"\n[argument]\ncodec = "tagged"\n'
        'open = "[[value of={key}]]"\nclose = "[[end value]]"\n',
    )
    message = wp.parse("[[call of=f]][[value of=x]]1[[end value]][[end call]]", mine)
    assert message.calls[0].arguments == {"x": "1"} and not message.calls[0].diagnoses
    check_dialect(mine, examples=60)


def test_a_json_call_that_closes_with_a_brace_has_all_its_arguments(tmp_path: Path) -> None:
    mine = made(
        tmp_path,
        '[section]\nopen = "<calls>["\nclose = "]</calls>"\n'
        '[call]\nopen = \'{"{name}": \'\nclose = "}"\njoin = ", "\n[argument]\ncodec = "json"\n',
    )
    text = '<calls>[{"f": {"o": {"a": 1}, "p": 1}}, {"g": {}}]</calls>'
    calls = wp.parse(text, mine, [{"name": "f"}, {"name": "g"}]).calls
    assert [call.arguments for call in calls] == [{"o": {"a": 1}, "p": 1}, {}]
    assert (
        wp.encode([wp.Call("f", {"o": {"a": 1}, "p": 1}), wp.Call("g", {})], mine, [{"name": "f"}, {"name": "g"}])
        == text
    )
    check_dialect(mine, examples=60)


def test_a_call_that_closes_with_two_tags_is_whole(tmp_path: Path) -> None:
    mine = made(
        tmp_path,
        '[call]\nopen = "<a><b>"\nclose = "</b></a>"\n[argument]\ncodec = "json"\n',
    )
    text = '<a><b>{"name": "f", "arguments": {"x": 1}}</b></a>'
    message = wp.parse(text + " more", mine)
    assert message.calls[0].raw == text and message.text == " more" and not message.diagnoses
    (half,) = wp.parse(text.removesuffix("</a>"), mine).calls
    assert half.complete and half.arguments == {"x": 1}
    # Both parts of the closer end a value whose own brackets are missing, however the text is cut.
    broken = '<a><b>{"name": "f", "arguments": {"x": {"y": [1</b></a>'
    whole, cut = wp.parse(broken, mine, TOOLS), fed(broken, mine)
    assert (whole.calls, whole.diagnoses, whole.text) == (cut.calls, cut.diagnoses, cut.text)
    check_dialect(mine, examples=60)
