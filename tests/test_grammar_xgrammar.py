"""What is written for xgrammar, and the request bodies for servers; the engine itself has a job of its own."""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto import gbnf
from wireproto.engine.left_context import QUOTING
from wireproto.grammars.api.requests import Trigger, TriggerKind, llama_cpp_request, sglang_request, vllm_request
from wireproto.grammars.expr import expr as ex
from wireproto.grammars.message import LeadingReasoning, MessageParts
from wireproto.grammars.targets import xgrammar_ebnf
from wireproto.grammars.targets.gbnf import to_gbnf
from wireproto.grammars.targets.structural_tag import after, structural_tag
from wireproto.grammars.targets.xgrammar_ebnf import merged, to_ebnf
from wireproto.testing.engines import EngineError, xgrammar
from wireproto.testing.engines.tinymodel import TinyServer

WIDE = ex.Chars(((ord("a"), 0x2000),))


def accepts(grammar: str, text: str) -> bool:
    matcher = gbnf.Matcher(gbnf.parse(grammar))
    return matcher.accept(text) and matcher.finished


def rules(root: ex.Expr, **others: ex.Expr) -> ex.Rules:
    return ex.Rules("root", {"root": root, **others})


def test_what_xgrammar_reads_otherwise() -> None:
    text = to_ebnf(
        rules(
            ex.seq(ex.RuleRef("1st"), ex.RuleRef("true"), ex.literal("\x01b\x7f1")),
            **{"1st": ex.EMPTY, "true": ex.Chars(((94, 95),))},
        )
    )
    assert [line.split(" ::= ")[0] for line in text.splitlines()] == ["root", "rule-1st", "rule-true"]
    assert '"\\u0001b\\u007F1"' in text and "[\\u005E_]" in text
    for what in (rules(ex.RuleRef("nothing")), rules(ex.choice()), rules(ex.seq(ex.RuleRef("root"), ex.literal("a")))):
        with pytest.raises(wp.GrammarError):
            to_ebnf(what)


def test_what_begins_in_many_ways_is_not_repeated() -> None:
    char = ex.choice(WIDE, ex.seq(ex.literal("\\"), ex.Chars(((110, 110), (116, 116)))))
    text = to_ebnf(rules(ex.seq(ex.literal('"'), ex.Repeat(ex.RuleRef("char"), 0, None), ex.literal('"')), char=char))
    assert 'more-0 ::= "" | [a-\\u2000] more-0 | "\\\\" [nt] more-0\n' in text
    kept = rules(
        ex.seq(ex.Repeat(WIDE, 0, None), ex.Repeat(ex.Chars(((48, 57),)), 1, 30), ex.Repeat(ex.Literal("ab"), 0, None))
    )
    assert to_ebnf(kept) == to_gbnf(kept)


@pytest.mark.parametrize("item", [WIDE, ex.choice(WIDE, ex.seq(ex.literal("\\"), ex.literal("n"))), ex.RuleRef("item")])
def test_a_bound_counts(item: ex.Expr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xgrammar_ebnf, "BLOCK", 3)
    for least, most in itertools.product((0, 1, 2, 3, 8, 10), (None, 1, 2, 3, 4, 9, 10, 11, 23)):
        if most is not None and most < least:
            continue
        text = to_ebnf(
            rules(ex.seq(ex.Repeat(item, least, most), ex.literal(".")), item=ex.choice(WIDE, ex.literal("-")))
        )
        found = [count for count in range(24) if accepts(text, "z" * count + ".")]
        assert found == list(range(least, 24 if most is None else most + 1))


@pytest.mark.parametrize("most", [31, 32, 33, 1023, 1024, 1025, 2500])
def test_large_bounds_take_few_rules(most: int) -> None:
    text = to_ebnf(rules(ex.Repeat(WIDE, 0, most)))
    assert text.count("::=") < 260
    assert [accepts(text, "z" * count) for count in (0, 1, most - 1, most, most + 1)] == [True] * 4 + [False]


# Text up to the first "ba".
UP_TO_BA = ex.seq(
    ex.Repeat(
        ex.Choice(
            (
                ex.Chars(((99, 122),)),
                ex.literal("a"),
                ex.seq(ex.Repeat(ex.literal("b"), 1, None), ex.Chars(((99, 122),))),
            )
        ),
        0,
        None,
    ),
    ex.Repeat(ex.literal("b"), 1, None),
    ex.literal("a"),
)


def expressions(depth: int = 3) -> st.SearchStrategy[ex.Expr]:
    leaf = st.one_of(
        st.sampled_from(
            [
                ex.literal("a"),
                ex.literal("ab"),
                ex.literal("b"),
                WIDE,
                ex.Chars(((97, 98),)),
                ex.RuleRef("one"),
                ex.RuleRef("two"),
            ]
        ),
        st.just(UP_TO_BA),
    )
    if not depth:
        return leaf
    inner = expressions(depth - 1)
    bounds = st.sampled_from([(0, None), (1, None), (0, 1), (0, 2), (2, 5), (3, 3)])
    return st.one_of(
        leaf,
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: ex.seq(*parts)),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: ex.Choice(tuple(options))),
        st.tuples(inner, bounds).map(lambda found: ex.Repeat(found[0], *found[1])),
    )


TEXTS = ["".join(text) for size in range(5) for text in itertools.product("abc", repeat=size)]


@given(root=expressions(), one=expressions(2), two=expressions(1))
def test_it_is_the_language_of_the_rules(root: ex.Expr, one: ex.Expr, two: ex.Expr) -> None:
    found = rules(root, one=one, two=two, three=two)
    try:
        said = to_gbnf(found)
    except wp.GrammarError:
        return  # begins with itself, or repeats what may be empty
    written = to_ebnf(found)
    assert [text for text in TEXTS if accepts(said, text)] == [text for text in TEXTS if accepts(written, text)]


@given(root=expressions(), one=expressions(2), two=expressions(1), text=st.sampled_from(TEXTS[1:13]))
def test_what_follows_a_text(root: ex.Expr, one: ex.Expr, two: ex.Expr, text: str) -> None:
    found = rules(root, one=one, two=two)
    try:
        said = to_gbnf(found)
        rest = after(found, text)
    except wp.GrammarError:
        return
    written = None if rest.is_empty else to_gbnf(rest)
    for end in TEXTS[:121]:
        assert accepts(said, text + end) == (written is not None and accepts(written, end))


def test_rules_that_say_the_same_are_one() -> None:
    same = {
        "a": ex.seq(ex.literal("x"), ex.RuleRef("b")),
        "b": WIDE,
        "c": ex.seq(ex.literal("x"), ex.RuleRef("d")),
        "d": WIDE,
    }
    found = merged(rules(ex.seq(ex.RuleRef("a"), ex.RuleRef("c")), **same))
    assert dict(found.rules) == {"root": ex.Seq((ex.RuleRef("a"), ex.RuleRef("a"))), "a": same["a"], "b": WIDE}


CALLS = rules(
    ex.seq(ex.RuleRef("call"), ex.Repeat(ex.seq(ex.literal(","), ex.RuleRef("call")), 0, None)),
    call=ex.literal("<call>{}"),
)
GRAMMAR = {"type": "grammar", "grammar": to_ebnf(CALLS)}
MARKERS = ("<call>", "<call", "<fn=", "<think>", "</think>")


def message(**other: Any) -> MessageParts:
    return MessageParts(**{"rules": CALLS, "calls": CALLS, "text": True, "markers": MARKERS, **other})


def test_text_before_calls_is_a_trigger() -> None:
    found = structural_tag(message())
    assert found["type"] == "structural_tag"
    (tag,) = found["format"].pop("tags")
    assert found["format"] == {
        "type": "triggered_tags",
        "triggers": ["<call"],
        "stop_after_first": True,
        "excludes": sorted(["</think>", "<fn=", "<think>", *(f"{mark}<call" for mark in QUOTING)]),
    }
    assert (tag["begin"], tag["end"]) == ("<call", "")
    assert [accepts(tag["content"]["grammar"], text) for text in (">{}", ">{},<call>{}", "<call>{}", "")] == [
        True
    ] * 2 + [False] * 2


def test_calls_alone_and_text_alone() -> None:
    assert structural_tag(message(text=False))["format"] == GRAMMAR
    assert structural_tag(message(calls=None))["format"] == {"type": "any_text", "excludes": sorted(MARKERS)}


@pytest.mark.parametrize(
    "inexact",
    [{"marked": False}, {"calls": None, "marked": False}, {"markers": ("<x>",)}, {"text": False, "calls": None}],
)
def test_what_is_not_free_text_is_one_grammar(inexact: dict[str, Any]) -> None:
    assert structural_tag(message(**inexact))["format"] == GRAMMAR


def test_reasoning_first() -> None:
    reasoning_first = LeadingReasoning("<think>", "</think>")
    maybe, rest = structural_tag(message(reasoning_first=reasoning_first))["format"]["elements"]
    held = {"type": "any_text", "excludes": sorted(MARKERS)}
    block = {"type": "tag", "begin": "<think>", "content": held, "end": "</think>"}
    assert maybe == {"type": "optional", "content": block}
    assert rest == structural_tag(message())["format"]
    opened = structural_tag(message(reasoning_first=LeadingReasoning("<think>", "</think>", True), text=False))[
        "format"
    ]["elements"]
    first, gap = opened[0]["elements"]
    assert first == {**block, "begin": ""} and opened[1] == GRAMMAR
    assert accepts(gap["grammar"], "\n\n") and accepts(gap["grammar"], "") and not accepts(gap["grammar"], "x")
    overlapping = LeadingReasoning("|", "||")
    assert structural_tag(message(reasoning_first=overlapping))["format"] == GRAMMAR


def test_a_missing_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    xgrammar._engine.cache_clear()
    xgrammar._compiler.cache_clear()
    assert not xgrammar.available()
    for compiled in (lambda: xgrammar.XGrammar.compile('root ::= "a"'), lambda: xgrammar.XGrammar.compile_tag({})):
        with pytest.raises(EngineError, match="pip install --no-deps xgrammar"):
            compiled()


def test_bodies_for_vllm_and_sglang() -> None:
    tag = structural_tag(message())
    assert vllm_request("root ::= é") == {"structured_outputs": {"grammar": "root ::= é"}, "skip_special_tokens": False}
    (text,) = vllm_request(tag)["structured_outputs"].values()
    assert isinstance(text, str) and json.loads(text) == tag
    (parameters,) = sglang_request("root ::= é").values()
    assert parameters == {"ebnf": "root ::= é", "skip_special_tokens": False}
    assert json.loads(sglang_request(tag)["sampling_params"]["structural_tag"]) == tag
    assert sglang_request("x", "openai") == {"ebnf": "x", "skip_special_tokens": False}
    assert sglang_request(tag, "openai") == {"response_format": tag, "skip_special_tokens": False}


def test_bodies_for_llama_server() -> None:
    assert llama_cpp_request("g") == {"grammar": "g"}
    triggers = [Trigger("<a>"), Trigger("(<b>)", TriggerKind.PATTERN), Trigger("<c>", TriggerKind.TOKEN, 7)]
    body = llama_cpp_request("g", triggers, ["<d>", "<a>"])
    assert json.loads(json.dumps(body)) == {
        "grammar": "g",
        "grammar_lazy": True,
        "grammar_triggers": [
            {"type": 1, "value": "<a>"},
            {"type": 2, "value": "(<b>)"},
            {"type": 0, "value": "<c>", "token": 7},
        ],
        "preserved_tokens": ["<d>", "<a>", "<c>"],
    }
    for wrong in ({"token": 1}, {"kind": TriggerKind.TOKEN}, {"value": ""}):
        with pytest.raises(wp.GrammarError):
            Trigger(**{"value": "x", **wrong})


@pytest.fixture(scope="module")
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


SAMPLING = {"prompt": "x", "n_predict": 300, "temperature": 1.0}
CALL = 'root ::= "<tool_call>" [a-c]{1,3} "</tool_call>"'


def test_llama_server_takes_an_eager_body(server: TinyServer) -> None:
    body = llama_cpp_request(CALL, preserved_tokens=["<tool_call>", "</tool_call>"])
    for seed in range(5):
        found = server.post({**SAMPLING, "seed": seed, **body})
        assert found.finished and accepts(CALL, found.text)


@pytest.mark.parametrize(
    "trigger", [Trigger("<tool_call>"), Trigger("(<tool_call>)", TriggerKind.PATTERN), Trigger("]")], ids=str
)
def test_llama_server_takes_a_lazy_body(server: TinyServer, trigger: Trigger) -> None:
    word = trigger.value.strip("()")
    grammar = CALL.replace("<tool_call>", word)
    body = llama_cpp_request(grammar, [trigger], ["</tool_call>"])
    # Left alone, the model hardly ever writes the marker.
    bias = {"logit_bias": [["<tool_call>", 4.0]]}
    found = [server.post({**SAMPLING, **bias, "seed": seed, **body}) for seed in range(20)]
    called = [text for completion in found for text in [completion.text.partition(word)] if text[1]]
    assert called and any(text[0] for text in called)
    for _, opener, rest in called:
        assert accepts(grammar, opener + rest) or not rest.endswith("</tool_call>")
        assert gbnf.Matcher(gbnf.parse(grammar)).accept(opener + rest)


def test_llama_server_refuses_what_the_bodies_avoid(server: TinyServer) -> None:
    body = llama_cpp_request(CALL, [Trigger("<tool_call>")])
    with pytest.raises(EngineError, match="preserved"):
        server.post({**SAMPLING, **body, "preserved_tokens": []})
    with pytest.raises(EngineError):
        server.post({**SAMPLING, **body, "grammar_triggers": [{"type": "word", "value": "<tool_call>"}]})
    with pytest.raises(EngineError):
        server.post({**SAMPLING, **body, "grammar_triggers": []})
    assert server.post({**SAMPLING, "seed": 1, **llama_cpp_request('root ::= "ok"')}).text == "ok"
