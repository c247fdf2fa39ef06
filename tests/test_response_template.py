"""Response templates of Hugging Face: dialects written as one, dialects read from one, and what is refused by its key."""

from __future__ import annotations

import json
from typing import Any

import pytest

import wireproto as wp

TOOLS: list[dict[str, Any]] = [
    {"name": "get_time", "parameters": {"type": "object", "properties": {"tz": {"type": "string"}}}},
    {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "opts": {"type": "object"},
                "f": {"type": "boolean"},
            },
        },
    },
]
CALLS = [
    wp.Call("get_weather", {"city": 'Paris, "x" y', "days": 3, "opts": {"u": "C", "n": [1, 2]}, "f": True}),
    wp.Call("get_time", {"tz": "UTC"}),
]
# What each of these has that a response template has nothing for.
REFUSED = {
    "apertus": "call.open", "cline": "call.open", "functionary_v32": "call.open", "llama3_json": "call.open",
    "minimax_m1": "call.open", "dsml_v32": "argument.escape", "dsml_v4": "argument.escape",
    "dsml_v41": "argument.escape", "ernie45": "content.also", "granite3": "content.also",
    "hunyuan_a13b": "content.also", "gemma3_pythonic": "section.open", "llama4_pythonic": "section.open",
    "olmo3": "section.open", "pythonic": "section.open", "xlam": "section.open", "minicpm5": "argument.literals",
    "minimax_m3": "argument.member", "seed_oss": "argument.literals", "html": "argument.codec",
    "toml": "argument.codec", "xml": "argument.codec",
}  # fmt: skip


def _read(dialect: wp.Dialect, text: str) -> list[tuple[str, Any, bool]]:
    message = wp.parse(text, dialect, TOOLS)
    assert not message.text.strip(), message.text
    return [(call.name, call.arguments, call.complete) for call in message.calls]


def _template(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"defaults": {"role": "assistant"}, "start_anchor": "<|turn|>model\n", "fields": fields}


TAGS: dict[str, Any] = {
    "open_pattern": r"<do>\s*<call=(?P<name>\w+)>",
    "close": "</do>",
    "repeats": True,
    "content": "xml-inline",
    "content_args": {
        "tag_pattern": r"<with=(?P<key>\w+)>\s*(?P<value>.*?)\s*</with>",
        "value_parser": {"name": "json", "args": {"allow_non_json": True}},
    },
    "transform": {"type": "function", "function": {"name": "{name}", "arguments": "{content}"}},
}
RECORD: dict[str, Any] = {
    "open": "<do>",
    "close": "</do>",
    "repeats": True,
    "content": "json",
    "transform": {"type": "function", "function": "{content}"},
}


@pytest.mark.parametrize("name", [name for name in wp.dialects() if name not in REFUSED])
def test_a_dialect_comes_back(name: str) -> None:
    spec = wp.dialect(name)
    template = spec.to_response_template("<|turn|>model\n")
    if name == "kimi_k2":  # its ids hold the name: a group in a group
        with pytest.raises(wp.DialectError, match=r"mine: fields.tool_calls.open_pattern: "):
            wp.Dialect.from_response_template(template, "mine")
        return
    back = wp.Dialect.from_response_template(json.loads(json.dumps(template)), "mine")
    for calls in (CALLS, CALLS[1:]):
        wanted = [(call.name, call.arguments, True) for call in calls]
        assert _read(back, wp.encode(calls, spec, tools=TOOLS)) == wanted
        assert _read(back, wp.encode(calls, back, tools=TOOLS)) == wanted
    if spec.reasoning is not None:
        assert wp.parse(f"{spec.reasoning.open}RR{spec.reasoning.close}", back, TOOLS).reasoning == "RR"


@pytest.mark.parametrize(("name", "key"), REFUSED.items())
def test_what_cannot_be_said_is_refused_by_its_key(name: str, key: str) -> None:
    with pytest.raises(wp.DialectError, match=rf"^{name}: {key}: cannot be said in a response template: "):
        wp.dialect(name).to_response_template("<|turn|>model\n")


def test_the_prompt_is_not_in_a_dialect() -> None:
    with pytest.raises(wp.DialectError, match=r"hermes: start_anchor: .* give it"):
        wp.dialect("hermes").to_response_template()
    framing = wp.dialect("harmony").framing
    assert framing is not None and wp.dialect("harmony").to_response_template()["start_anchor"] == framing.join


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"tool_calls": TAGS}, "<do>\n<call=get_time>\n<with=tz>\nUTC\n</with>\n</do>"),
        ({"tool_calls": RECORD}, '<do>\n{"name": "get_time", "arguments": {"tz": "UTC"}}\n</do>'),
        (
            {
                "tool_calls": RECORD
                | {"transform": {"function": {"name": "{content.tool}", "arguments": "{content.a}"}}}
            },
            '<do>{"tool": "get_time", "a": {"tz": "UTC"}}</do>',
        ),
        (
            {
                "tool_calls": RECORD
                | {"transform_each": True, "transform": {"function": {"name": "{tool}", "arguments": "{a}"}}}
            },
            '<do>[\n {"tool": "get_time", "a": {"tz": "UTC"}}\n]</do>',
        ),
        (
            {
                "tool_calls": RECORD
                | {
                    "open_pattern": r"<do>call:(?P<name>\w+)",
                    "content_args": {"unquoted_keys": True, "string_delims": [["<|s|>", "<|s|>"]]},
                    "transform": {"function": {"name": "{name}", "arguments": "{content}"}},
                }
            },
            "<do>call:get_time{tz:<|s|>UTC<|s|>}</do>",
        ),
        (
            {
                "tool_calls": RECORD
                | {
                    "content": "python-call-list",
                    "transform_each": True,
                    "transform": {"function": {"name": "{name}", "arguments": "{arguments}"}},
                }
            },
            "<do>[get_time(tz='UTC')]</do>",
        ),
        (
            {
                "thinking": {"open_pattern": r"(?:^|<think>\s*)", "close": "</think>"},
                "content": {"open": "<answer>\n", "close_pattern": r"\n?</answer>"},
                "tool_calls": RECORD,
            },
            '<think>\nRR</think><do>{"name": "get_time", "arguments": {"tz": "UTC"}}</do>',
        ),
    ],
)
def test_templates_are_read(fields: dict[str, dict[str, Any]], text: str) -> None:
    calls = fields["tool_calls"]
    if "open_pattern" in calls:
        calls.pop("open", None)
    mine = wp.Dialect.from_response_template(_template(**fields))
    assert _read(mine, text) == [("get_time", {"tz": "UTC"}, True)]
    if "content" in fields:
        assert wp.parse("<answer>\nHello\n</answer>", mine, TOOLS).text == "Hello"


def test_the_end_of_a_turn_is_what_closes_text() -> None:
    fields = {"tool_calls": RECORD, "content": {"close": ["<|end|>", "<eos>"], "content": "text"}}
    assert wp.Dialect.from_response_template(_template(**fields), "mine").ends == ("<|end|>", "<eos>")


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ([], "mine: response_template: must be a dict, not list"),
        (_template(tool_calls=TAGS) | {"version": 2}, "mine: version: must be 1"),
        (_template(tool_calls=TAGS) | {"anchor": ""}, "mine: anchor: unknown key"),
        (_template(content={}), "mine: fields.tool_calls: is missing"),
        (_template(tool_calls=TAGS, images={}), "mine: fields.images: a message of a dialect has no such part"),
        (
            _template(tool_calls=TAGS | {"open_pattern": r"<call=(?P<name>\w+).*?>"}),
            "mine: fields.tool_calls.open_pattern: '.*?>' is neither text, white space nor a named group",
        ),
        (
            _template(tool_calls=TAGS | {"content_args": {"tag_pattern": "(?P<key>[a-z]+)=(?P<value>.*?);", "x": 1}}),
            "mine: fields.tool_calls.content_args.x: a dialect has nothing for it",
        ),
        (
            _template(tool_calls=TAGS | {"content_args": {"tag_pattern": "(?P<key>[a-z]+);"}}),
            "mine: fields.tool_calls.content_args.tag_pattern: needs a group `key`, and one `value` behind it",
        ),
        (_template(tool_calls=RECORD | {"content": "kv-lines"}), "mine: fields.tool_calls.content: no codec writes"),
        (_template(tool_calls=RECORD | {"transform": None}), "mine: fields.tool_calls.transform: must have a"),
        (
            _template(tool_calls=RECORD | {"transform": TAGS["transform"]}),
            "mine: fields.tool_calls.open_pattern: has no group for the name",
        ),
        (
            _template(tool_calls=RECORD, thinking={"open": ["<t>", "<u>"], "close": "</t>"}),
            "mine: fields.thinking: reasoning has one opener and one closer",
        ),
        (_template(tool_calls=RECORD | {"open": [3]}), "mine: fields.tool_calls.open: must be a text"),
        (
            _template(tool_calls=RECORD | {"content_args": {"unquoted_keys": True}}),
            "mine: fields.tool_calls.content_args.unquoted_keys: bare keys go with marks",
        ),
    ],
)
def test_a_template_that_no_dialect_says_is_refused_by_its_field(template: Any, complaint: str) -> None:
    with pytest.raises(wp.DialectError) as raised:
        wp.Dialect.from_response_template(template, "mine")
    assert str(raised.value).startswith(complaint), str(raised.value)
