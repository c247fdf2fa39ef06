"""Grammars of messages, on llama.cpp's own engine: what a model writes is accepted, what is accepted is a valid call."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

import pytest
from effort import chance, few_dialects, rounds
from judging import accepts, is_valid, validators

import wireproto as wp
from wireproto import gbnf
from wireproto.format.dialect import Dialect
from wireproto.format.spelling import spellings
from wireproto.grammars.api.api import grammar
from wireproto.machine.slips import second_opener
from wireproto.testing.engines.llamacpp import LlamaCpp
from wireproto.testing.engines.tinymodel import TinyServer

DIALECTS = [*few_dialects(), "xml+k7q2", "html+k7q2", "toml+k7q2"]
every_dialect = pytest.mark.parametrize("name", DIALECTS)
WRITE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "maxLength": 12},
        "content": {"type": "string"},
        "mode": {"type": "integer", "minimum": 0, "maximum": 511},
        "kind": {"enum": ["fast", "slow", None]},
        "lines": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "options": {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]},
    },
    "required": ["path"],
}
TOOLS = [
    {"name": "write_file", "parameters": WRITE},
    {"name": "write_files", "parameters": {"type": "object", "properties": {"paths": {"type": "array"}}}},
    {"name": "now", "parameters": {"type": "object", "properties": {"exact": {"type": "boolean"}}}},
]
VALIDATORS = validators(TOOLS)
NASTY = ["", "\n", "\r\n", " ", "\x7f", "\u2028", "😀", "é", "a" * 30, '"', "'", "\\", "\\n", "`", "<", "</", "&lt;", "&",
         "]]>", "'''", '"""', "{", "}", "[", "]", "007", "null", "true", "1e5", "x = 1\n", "<|im_end|>", "</s>"]  # fmt: skip


def spec(name: str) -> Dialect:
    plain, _, salt = name.partition("+")
    return wp.dialect(plain).salted(salt) if salt else wp.dialect(plain)


@cache
def compiled(name: str, choice: str = "required", **options: Any) -> LlamaCpp:
    return LlamaCpp.compile(str(grammar(spec(name), TOOLS, choice=choice, **options)))  # type: ignore[arg-type]


def texts(name: str) -> list[str]:
    dialect = spec(name)
    markers = [*dialect.markers, *(marker[: len(marker) // 2] for marker in dialect.markers)]
    return [*NASTY, *markers, *(f"\n{marker}" for marker in markers), *(f"{marker}\n" for marker in markers)]


def encodings(name: str, count: int) -> Iterator[str]:
    """Yield canonical encodings of calls with nasty values; a value that the format cannot carry is left out."""
    draw = chance(name)
    pieces = texts(name)
    written = 0
    for _ in range(20 * count):
        calls = [wp.Call("write_file", arguments(draw, pieces)) for _ in range(draw.choice((1, 1, 2)))]
        calls += draw.choice(([], [], [wp.Call("now")], [wp.Call("now", {"exact": True})]))
        try:
            yield wp.encode(calls, spec(name), tools=TOOLS)
        except wp.EncodeError:
            continue
        written += 1
        if written == count:
            return
    raise AssertionError(f"{written} encodings")


def arguments(draw: random.Random, pieces: list[str]) -> dict[str, Any]:
    def text() -> str:
        return "".join(draw.choices(pieces, k=draw.choice((0, 1, 1, 2, 4))))[:200]

    found = {
        "path": text()[:12],
        "content": text(),
        "mode": draw.choice((0, 7, 511)),
        "kind": draw.choice(("fast", "slow", None)),
        "lines": [text() for _ in range(draw.randint(0, 3))],
        "options": {"n": draw.choice((0, -1, 2.5, 10**15, -0.0, 1e-7, 1e22))},
    }
    kept = ["path", *(key for key in found if key != "path" and draw.random() < 0.4)]
    draw.shuffle(kept)
    return {key: found[key] for key in kept}


@every_dialect
def test_what_a_model_writes_is_accepted(name: str) -> None:
    engine, spelling = compiled(name), spellings(spec(name))[0]
    # A gap: a string of JSON in a raw value holds no closer of a call, no value's closer before another one, and not
    # what would open the value a second time; a model escapes them.
    again, closer = second_opener(spelling, "lines"), re.escape(spelling.value_close("lines"))
    held = [rf"{closer}\s*</", *(re.escape(text) for text in (spelling.fixed_close, again) if text)]
    gap = re.compile(rf"[\"'].*(?:{'|'.join(held)})", re.DOTALL)
    for wire in encodings(name, rounds(150, 1_000)):
        assert engine.accepts(wire) or (spelling.codec.body == "arguments" and gap.search(wire)), wire
    assert engine.peak_stacks <= 32


@every_dialect
def test_what_is_accepted_is_valid(name: str) -> None:
    engine = compiled(name)
    draw = chance(name)
    sources = list(encodings(name, 40))
    accepted, drawn = 0, rounds(300, 4_000)
    for _ in range(drawn):
        wire, other = draw.choices(sources, k=2)
        at, end = sorted(draw.choices(range(len(wire) + 1), k=2))
        piece = draw.choice(['"', "}", "1", ",", " ", "x", "\n", "<", "0", wire[at:end], other[at:end]])
        mutant = draw.choice(
            (wire[:at] + wire[min(end, at + 3) :], wire[:at] + piece + wire[at:], wire[:at] + other[at:])
        )
        if engine.accepts(mutant):
            accepted += 1
            message = wp.parse(mutant, spec(name), tools=TOOLS)
            assert is_valid(message, VALIDATORS) and not message.text, mutant
    assert accepted > drawn / 20


def closers(name: str) -> list[str]:
    """Return what ends values and calls, for a vocabulary: of single characters a random text hardly ever writes them."""
    dialect = spec(name)
    argument, call = dialect.argument, dialect.call
    found = [call.close.format(name=tool) for tool in VALIDATORS]
    found += [argument.pad + argument.close.format(key=key) for key in WRITE["properties"] if argument.close.nodes]
    found += [dialect.section.close.format()] if dialect.section is not None else []
    found += [dialect.reasoning.close] if dialect.reasoning is not None else []
    found += ["'''\n", '"\n', "</script>"]
    return [text for text in dict.fromkeys(found) if len(text) > 1]


@pytest.mark.parametrize("name", DIALECTS)
def test_what_a_constrained_model_completes_is_valid(name: str) -> None:
    with TinyServer(markers=closers(name)) as server:
        for choice in ("auto", "required"):
            text = str(grammar(spec(name), TOOLS, choice=choice, parallel=choice == "auto"))  # type: ignore[arg-type]
            texts = (server.complete(text, seed=seed, n=300) for seed in range(1_000))
            wanted = rounds(15, 100)
            finished = [each.text for each in islice((each for each in texts if each.finished), wanted)]
            for each in finished:
                message = wp.parse(each, spec(name), tools=TOOLS)
                assert is_valid(message, VALIDATORS) or (choice == "auto" and not message.calls), each
            assert len(finished) == wanted


@pytest.fixture(scope="module")
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


@every_dialect
def test_text_before_calls(name: str) -> None:
    dialect = spec(name)
    markerless = spellings(dialect)[0].markerless
    calls = wp.encode([wp.Call("now"), wp.Call("write_file", {"path": "a"})], dialect, tools=TOOLS)
    engine = compiled(name, "auto")
    assert engine.accepts(calls)
    for text in ("", "I look. ", "a < b [x] {\n", "```python\nx\n```\n", "é\u2028😀\n\n"):
        assert engine.accepts(text) and engine.accepts(text + calls)
        assert markerless or len(wp.parse(text + calls, dialect, tools=TOOLS).calls) == 2
    quoted = "`" + wp.encode([wp.Call("now")], dialect, tools=TOOLS)
    assert markerless or not engine.accepts(quoted)
    assert not engine.accepts(calls + "bye") and not engine.accepts(calls[: len(calls) // 2])
    none = compiled(name, "none")
    assert none.accepts("I look.") and not none.accepts(calls)
    assert markerless or not none.accepts("I look. " + calls)


@every_dialect
@pytest.mark.parametrize("count", [1, 3, 20])
def test_every_choice_compiles(name: str, count: int) -> None:
    tools = [{"name": f"{tool['name']}-{i}", "parameters": tool["parameters"]} for i in range(7) for tool in TOOLS]
    tools = tools[:count]
    for choice in ("auto", "required", "none", {"name": tools[-1]["name"]}):
        text = str(grammar(spec(name), tools, choice=choice))  # type: ignore[arg-type]
        # The rules of fewer tools are among those of all, those of "required" among those of "auto".
        if count == 1 or (count == 20 and choice == "auto"):
            assert not [found for found in gbnf.check(text) if found.severity == "error"]
        with LlamaCpp.compile(text) as engine:
            call = wp.Call(str(tools[-1]["name"]), {"path": "a"} if tools[-1]["parameters"] is WRITE else {})
            wire = wp.encode([call], spec(name), tools=tools)
            assert (choice == "none" or engine.accepts_prefix(wire)) and engine.peak_stacks <= 32


def test_one_tool_and_one_call() -> None:
    def taken(calls: list[wp.Call], **options: Any) -> bool:
        return accepts(str(grammar("hermes", TOOLS, **options)), wp.encode(calls, "hermes"))

    now, write = wp.Call("now"), wp.Call("write_file", {"path": "a"})
    assert taken([now, write], choice="required")
    assert not taken([now, write], choice="required", parallel=False)
    assert taken([now], choice={"name": "now"}) and not taken([write], choice={"name": "now"})


@every_dialect
def test_a_lazy_grammar_begins_with_its_trigger(name: str) -> None:
    dialect = spec(name)
    if spellings(dialect)[0].markerless:
        with pytest.raises(wp.GrammarError, match="nothing that calls begin with"):
            grammar(dialect, TOOLS, lazy=True)
        return
    found = grammar(dialect, TOOLS, lazy=True)
    wire = wp.encode([wp.Call("now")], dialect, tools=TOOLS)
    assert any(wire.startswith(trigger) for trigger in found.triggers)
    with LlamaCpp.compile(str(found)) as engine:
        assert engine.accepts(wire) and not engine.accepts("text " + wire)
        assert all(engine.accepts_prefix(trigger) for trigger in found.triggers)
    body = found.llama_cpp_request()
    assert body["grammar_lazy"] and {each["value"] for each in body["grammar_triggers"]} == set(found.triggers)
    assert set(found.triggers) <= set(body["preserved_tokens"])


def test_a_server_waits_for_the_trigger(server: TinyServer) -> None:
    found = grammar("hermes", TOOLS, lazy=True)
    often = [[word, 6.0] for word in found.triggers]
    done = 0
    for seed in range(40):
        text = server.complete(seed=seed, n=400, **found.llama_cpp_request(), logit_bias=often)
        message = wp.parse(text.text, "hermes", tools=TOOLS)
        done += bool(text.finished and message.calls)
        assert not text.finished or not message.calls or is_valid(message, VALIDATORS)
    assert done


def test_requests() -> None:
    eager = grammar("qwen3_coder", TOOLS)
    assert eager.llama_cpp_request()["grammar"] == str(eager) and "grammar_lazy" not in eager.llama_cpp_request()
    assert "<tool_call>" in eager.preserved_tokens
    tag = grammar("qwen3_coder", TOOLS, target="structural-tag")
    assert json.loads(str(tag))["type"] == "structural_tag"
    assert json.loads(tag.vllm_request()["structured_outputs"]["structural_tag"]) == json.loads(str(tag))
    assert tag.sglang_request("openai")["response_format"] == json.loads(str(tag))
    ebnf = grammar("qwen3_coder", TOOLS, target="ebnf")
    assert ebnf.sglang_request()["sampling_params"]["ebnf"] == str(ebnf)
    for wrong in (tag.llama_cpp_request, grammar("hermes", TOOLS, lazy=True).vllm_request):
        with pytest.raises(wp.GrammarError):
            wrong()


def test_what_cannot_be_said_is_refused() -> None:
    for tools in (None, []):
        with pytest.raises(wp.GrammarError, match="needs the tools"):
            grammar("hermes", tools)
    with pytest.raises(wp.GrammarError, match="the nearest is 'write_file'"):
        grammar("hermes", TOOLS, choice={"name": "write_fil"})
    with pytest.raises(wp.GrammarError, match="choice: "):
        grammar("hermes", TOOLS, choice="any")  # type: ignore[arg-type]
    with pytest.raises(wp.GrammarError, match="target: one of gbnf, "):
        grammar("hermes", TOOLS, target="bnf")  # type: ignore[arg-type]
    with pytest.raises(wp.GrammarError, match="the language of xgrammar is called 'ebnf'"):
        grammar("hermes", TOOLS, target="xgrammar")  # type: ignore[arg-type]
    with pytest.raises(wp.GrammarError, match="a name of this format cannot be 'write>file'"):
        grammar("qwen3_coder", [{"name": "write>file"}])
    odd = [{"name": "f", "parameters": {"type": "object", "properties": {"x": {"$ref": "http://example.com/x"}}}}]
    with pytest.raises(wp.GrammarError, match=r"tool 'f': .*\$ref"):
        grammar("hermes", odd)
    (note,) = grammar("hermes", odd, strict=False).report
    assert note.tool == "f" and note.note.keyword == "$ref"


@pytest.mark.parametrize("dialect", ["hermes", "qwen3_coder", "xml", "html", "toml"])
def test_a_format_that_is_not_enforced_is_in_the_report_of_every_tool(dialect: str) -> None:
    dated = {"type": "object", "properties": {"day": {"type": "string", "format": "date"}}}
    report = grammar(dialect, [{"name": name, "parameters": dated} for name in ("f", "g")]).report
    noted = [(each.tool, each.note.pointer, each.note.keyword, each.note.kind) for each in report]
    assert noted == [(tool, "/properties/day", "format", "unchecked") for tool in ("f", "g")]
    foreign = [{"name": "f", "parameters": {"$schema": "http://example.com/x", "type": "object"}}]
    for dialect in ("hermes", "qwen3_coder", "xml", "html", "toml"):
        with pytest.raises(wp.GrammarError, match=r"tool 'f': #: \$schema"):
            grammar(dialect, foreign)
