"""Random texts of a grammar: texts of it indeed, bounded, the same for one seed, and whole calls when decoded."""

from __future__ import annotations

import random
from functools import cache

import pytest
from effort import rounds
from hypothesis import given, settings
from hypothesis import strategies as st

import wireproto as wp
from wireproto import gbnf
from wireproto.automata.until import until_dfa
from wireproto.grammars.api.api import grammar
from wireproto.grammars.api.sample import Sampler
from wireproto.grammars.api.selfcheck import CheckSettings
from wireproto.grammars.expr.expr import (
    EMPTY,
    NOTHING,
    Choice,
    Expr,
    Literal,
    Raw,
    RuleRef,
    Rules,
    Seq,
    chars,
    choice,
    literal,
    repeat,
    seq,
)
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.targets.gbnf import to_gbnf
from wireproto.testing.engines.llamacpp import LlamaCpp

DIALECTS = ("dsml_v4", "glm45", "hermes", "html", "kimi_k2", "llama3_json", "qwen3_coder", "toml", "xml")
TOOLS = [
    {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string", "maxLength": 9}, "content": {"type": "string"}},
            "required": ["path"],
        },
    },
    {
        "name": "search",
        "parameters": {
            "type": "object",
            "properties": {
                "queries": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 4},
                "filter": {"enum": ["web", "news", None]},
                "limit": {"type": "integer", "minimum": 1, "maximum": 600},
            },
        },
    },
]
SEEDS = st.integers(0, 2**32)


@cache
def prepared(name: str) -> tuple[Sampler, LlamaCpp]:
    found = grammar(name, TOOLS)
    return Sampler(found.rules), LlamaCpp.compile(str(found))


@settings(max_examples=rounds(150, 2_000))
@given(st.sampled_from(DIALECTS), SEEDS)
def test_the_engine_accepts_what_is_drawn(name: str, seed: int) -> None:
    sampler, engine = prepared(name)
    text = sampler.text(random.Random(seed))
    assert engine.accepts(text)


@pytest.mark.parametrize("name", DIALECTS)
def test_what_is_drawn_decodes_to_valid_calls(name: str) -> None:
    found = CheckSettings(wp.dialect(name), TOOLS, "required").run(60)
    assert [(each.problem, each.text) for each in found.invalid] == []
    assert set(found.calls) == {"write_file", "search"}
    values = {str(value) for each in found.tried for call in each.calls for value in call.arguments.values()}
    assert len(values) > 30


def test_a_mention_of_a_closer_is_drawn() -> None:
    found = CheckSettings(wp.dialect("qwen3_coder"), TOOLS, {"name": "write_file"}).run(100)
    contents = [str(call.arguments.get("content")) for each in found.tried for call in each.calls]
    assert any("</parameter>" in content or "</function>" in content for content in contents)


LEAVES = st.one_of(
    st.text("ab(", min_size=1, max_size=3).map(literal),
    st.sampled_from(
        [chars(((97, 99),)), chars(((40, 40), (0x1F600, 0x1F601))), EMPTY, NOTHING, RuleRef("root"), RuleRef("x")]
    ),
)
EXPRS: st.SearchStrategy[Expr] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: seq(*parts)),
        st.lists(inner, max_size=3).map(lambda parts: choice(*parts)),
        st.tuples(inner, st.integers(0, 3), st.sampled_from([None, 3, 5])).map(lambda it: repeat(*it)),
    ),
    max_leaves=8,
)


@settings(max_examples=rounds(300, 2_000))
@given(EXPRS, EXPRS, SEEDS, st.integers(0, 200))
def test_what_is_drawn_matches(root: Expr, other: Expr, seed: int, size: int) -> None:
    rules = Rules("root", {"root": root, "x": other})
    if rules.is_empty:
        with pytest.raises(wp.GrammarError, match="no text matches"):
            Sampler(rules, size)
        return
    sampler = Sampler(rules, size)
    texts = [sampler.text(random.Random(seed + i)) for i in range(3)]
    assert texts == [sampler.text(random.Random(seed + i)) for i in range(3)]
    assert all(len(text) <= max(size, sampler.least) for text in texts)
    try:
        printed = gbnf.parse(to_gbnf(rules))
    except wp.GrammarError:
        return  # a repetition of what may be empty, or left recursion
    for text in texts:
        matcher = gbnf.Matcher(printed)
        assert matcher.accept(text) and matcher.finished


def test_a_text_is_no_longer_than_its_size() -> None:
    rules = Rules("root", {"root": choice(EMPTY, seq(literal("("), RuleRef("root"), RuleRef("root"), literal(")")))})
    for size in (0, 40, 1_000):
        texts = [Sampler(rules, size).text(random.Random(seed)) for seed in range(200)]
        assert max(map(len, texts)) <= size
        assert not size or len(set(texts)) > 5


def test_no_grammar_is_too_deep() -> None:
    deep = 30_000
    chain: dict[str, Expr] = {f"r{i}": seq(literal("a"), RuleRef(f"r{i + 1}"), literal("b")) for i in range(deep)}
    text = Sampler(Rules("r0", {**chain, f"r{deep}": literal("c")})).text(random.Random(0))
    assert text == "a" * deep + "c" + "b" * deep
    right = Rules("root", {"root": Choice((seq(literal("a"), RuleRef("root")), literal("b")))})
    assert {Sampler(right, 100_000).text(random.Random(seed))[-1] for seed in range(50)} == {"b"}


def test_what_has_no_end_is_refused() -> None:
    doubled: dict[str, Expr] = {f"r{i}": Seq((RuleRef(f"r{i + 1}"), RuleRef(f"r{i + 1}"))) for i in range(80)}
    with pytest.raises(wp.GrammarError, match="the shortest text of the grammar has more than"):
        Sampler(Rules("r0", {**doubled, "r80": literal("a")}))
    with pytest.raises(wp.GrammarError, match="no text matches"):
        Sampler(Rules("root", {"root": seq(literal("a"), RuleRef("root"))}))
    with pytest.raises(wp.GrammarError, match="lexer"):
        Sampler(Rules("root", {"root": Raw("boundary")}))


def test_text_up_to_a_marker() -> None:
    table = RuleTable()
    root = table.add("root", right_linear(until_dfa(("</a>", "\n--\n")), table, "until"))
    sampler = Sampler(Rules(root.name, table.rules))
    texts = [sampler.text(random.Random(seed)) for seed in range(100)]
    assert all(text.endswith(("</a>", "\n--\n")) for text in texts)
    assert all(text.count("</a>") + text.count("\n--\n") == 1 for text in texts)
    assert len(set(texts)) > 20


def test_every_option_is_drawn() -> None:
    rules = Rules("root", {"root": Choice((Literal("a"), Literal("b" * 50), Seq((Literal("c"), RuleRef("root")))))})
    firsts = {Sampler(rules).text(random.Random(seed))[0] for seed in range(100)}
    assert firsts == {"a", "b", "c"}
