"""Grammars of tagged dialects: a raw value ends for the grammar where it ends for the decoder, on llama.cpp's engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from effort import chance, few_dialects, rounds
from judging import CASES, is_valid, validators

import wireproto as wp
from wireproto.format.spelling import spellings
from wireproto.grammars.api.api import grammar
from wireproto.machine.boundary import ValueBoundary
from wireproto.machine.sites import ValueSite
from wireproto.testing.engines.llamacpp import LlamaCpp
from wireproto.tools.toolset import Toolset

TAGGED = [name for name in few_dialects() if wp.dialect(name).codec == "tagged" and wp.dialect(name).argument.is_raw]
every_dialect = pytest.mark.parametrize("name", TAGGED)
WRITE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "content": {"type": "string"},
        "mode": {"enum": ["a", "b", None]},
        "n": {"type": "integer"},
    },
    "required": ["path"],
}
RUN: dict[str, Any] = {"type": "object", "properties": {"cmd": {"type": "string"}, "env": {"type": "array"}}}
TOOLS = [{"name": "write_file", "parameters": WRITE}, {"name": "run", "parameters": RUN}]
VALIDATORS = validators(TOOLS)
# Written anew, this value ends in two closers, and the decoder takes the second one for a slip.
UNWRITTEN = {"own-three-closers"}


@cache
def written(name: str, tools: str) -> str:
    return str(grammar(name, json.loads(tools), choice="required"))


@contextmanager
def engine(name: str, tools: list[dict[str, Any]]) -> Iterator[LlamaCpp]:
    with LlamaCpp.compile(written(name, json.dumps(tools))) as compiled:
        yield compiled


def pieces(name: str) -> list[str]:
    """Return what values are made of that try the boundary: every marker, halves and whole calls."""
    dialect = wp.dialect(name)
    spelling = spellings(dialect)[0]
    nested = [wp.encode([wp.Call("run", found)], name, tools=TOOLS) for found in ({"cmd": "x"}, {})]
    closer = spelling.value_close("content")
    openers = [dialect.argument.open.format(key=key, string="true") for key in ("path", "n", "other")]
    found = [*dialect.markers, *(marker + "\n" for marker in dialect.markers), *nested, *openers, closer, closer * 2]
    found += [nested[0][: len(nested[0]) // 2], nested[0].replace("run", "other"), spelling.call_close("write_file")]
    return [*found, "\n", "\n", " ", "`", "<", "</", "word", "</content>", dialect.argument.escape]


@every_dialect
def test_a_value_ends_where_the_decoder_ends_it(name: str) -> None:
    escape = wp.dialect(name).argument.escape or "\0"
    closer = spellings(wp.dialect(name))[0].value_close("content")
    parts = pieces(name)
    draw, drawn = chance(name), rounds(150, 2_000)
    agreed = lost = 0
    calls = [wp.Call("write_file", {"path": "p", "content": "zqz", **more}) for more in ({}, {"n": 5})]
    surroundings = [wp.encode([call], name, tools=TOOLS).split("zqz") for call in calls]
    with engine(name, TOOLS) as compiled:
        for _ in range(drawn):
            value = "".join(draw.choices(parts, k=draw.randint(0, 6)))
            head, tail = draw.choice(surroundings)
            message = wp.parse(head + value + tail, name, tools=TOOLS)
            accepted = compiled.accepts(head + value + tail)
            same = len(message.calls) == 1 and message.calls[0].arguments.get("content") == value.replace(
                escape, closer
            )
            valid = is_valid(message, VALIDATORS) and not message.text
            assert not accepted or valid, value
            agreed += accepted
            lost += same and not accepted and valid
        assert compiled.peak_stacks <= 32
    # What is lost is in doubt for a grammar: keys that were given already, openers in a spelling of their own.
    # An opener at its beginning, and a call in it too, where headers are nothing but names, and a mention of one behind closers.
    assert agreed > drawn / 3 and lost < (0.6 if wp.dialect(name).call.open.first == "<" else 0.3) * agreed


def values() -> Iterator[tuple[dict[str, Any], wp.Call]]:
    for case in CASES:
        if case["tools"] and case["dialect"] in wp.dialects():
            for call in wp.parse(case["text"], case["dialect"], tools=case["tools"]).calls:
                yield case, call


def test_every_value_of_the_cases_can_be_written() -> None:
    written = 0
    for case, call in values():
        name, tools = case["dialect"], case["tools"]
        definitions = [tool.get("function", tool) for tool in tools]
        if not is_valid(wp.Message(calls=(call,)), validators(definitions)):
            continue
        if case["id"] in UNWRITTEN:
            with pytest.raises(wp.EncodeError):
                wp.encode([wp.Call(call.name, call.arguments)], name, tools=tools)
            continue
        with engine(name, tools) as compiled:
            wire = wp.encode([wp.Call(call.name, call.arguments)], name, tools=tools)
            assert compiled.accepts(wire), case["id"]
        written += 1
    assert written > 100


@every_dialect
def test_a_document_of_the_dialect_can_be_written(name: str) -> None:
    inner = wp.encode([wp.Call("run", {"cmd": "ls"}), wp.Call("write_file", {"path": "y"})], name)
    document = f"# How to call\n\nWrite:\n\n{inner}\n\nor nothing."
    wire = wp.encode([wp.Call("write_file", {"path": "a.md", "content": document})], name, tools=TOOLS)
    with engine(name, TOOLS) as compiled:
        # What is a call in a call depends on declared keys where a header is nothing but a name.
        assert compiled.accepts(wire) is (wp.dialect(name).call.open.first != "<")


@every_dialect
def test_constrained_strings_hold_on_the_value(name: str) -> None:
    closer = spellings(wp.dialect(name))[0].value_close("s")
    schemas: list[tuple[dict[str, Any], list[str], list[str]]] = [
        ({"enum": ["a", f"x{closer}y", "\n"]}, ["a", f"x{closer}y", "\n"], ["", "b", "a\n", closer]),
        ({"pattern": "^[a-z<>/_]{2,9}$"}, ["ab", "</ab>", "<a></a>"], ["a", "abcdefghij", "aB"]),
        ({"minLength": 1, "maxLength": 3}, ["a", "<>/", "\n\n\n", "é\u2028😀"], ["", "abcd"]),
        ({"minLength": 2, "maxLength": 300}, ["ab", "x" * 300, "a\n"], ["a", "x" * 301]),
        ({"type": ["string", "null"], "minLength": 2}, ["ab", "nul"], ["a"]),
        ({"type": ["string", "integer", "boolean"]}, ["a", "truer", "-"], []),
    ]
    for keywords, good, bad in schemas:
        tools = [{"name": "f", "parameters": {"properties": {"s": {"type": "string", **keywords}}, "required": ["s"]}}]
        with engine(name, tools) as compiled:
            for text in good:
                wire = wp.encode([wp.Call("f", {"s": text})], name, tools=tools)
                assert compiled.accepts(wire), (keywords, text)
            checked = 0
            for text in bad:
                try:
                    wire = wp.encode([wp.Call("f", {"s": text})], name, tools=tools)
                except wp.EncodeError:
                    continue
                assert not compiled.accepts(wire), (keywords, text)
                checked += 1
            assert checked or not bad


def test_long_values_take_linear_time() -> None:
    content = "def f():\n    return '</parameter>'\n" * 3_000
    wire = wp.encode([wp.Call("write_file", {"path": "a", "content": content})], "qwen3_coder", tools=TOOLS)
    with engine("qwen3_coder", TOOLS) as compiled:
        assert compiled.accepts(wire) and compiled.peak_stacks <= 32


@every_dialect
def test_values_of_equal_sites_share_one_automaton(name: str) -> None:
    spelling = spellings(wp.dialect(name))[0]
    keys = {"properties": {"a": {}, "b": {}}}
    tools = Toolset.of([{"name": name, "parameters": keys} for name in ("f", "g")])
    sites = {ValueSite.of(spelling, tools).at(tool, key) for tool in ("f", "g") for key in ("a", "b")}
    assert len(sites) == (4 if spelling.value_closer.roles else 1)
    for site in sites:
        assert ValueBoundary(site).automaton() is ValueBoundary(site).automaton()
