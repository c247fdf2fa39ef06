"""Expressions keep their language when they are made, and GBNF keeps clear of what llama.cpp gets wrong."""

from __future__ import annotations

import itertools

import judging
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import matches

from wireproto.automata.until import until_dfa
from wireproto.gbnf import parse
from wireproto.grammars.expr.expr import (
    EMPTY,
    NOTHING,
    Chars,
    Choice,
    Expr,
    Literal,
    Repeat,
    RuleRef,
    Rules,
    Seq,
    choice,
    literal,
    optional,
    repeat,
    seq,
)
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.targets.gbnf import to_gbnf
from wireproto.values.errors import GrammarError

WORDS = ["".join(each) for size in range(5) for each in itertools.product("ab", repeat=size)]


def accepts(gbnf: str, text: str) -> bool:
    """Whether llama.cpp's own engine accepts a text, and our matcher says the same."""
    found = judging.accepts(gbnf, text)
    assert matches(parse(gbnf), text) == found
    return found


def words(expr: Expr) -> set[str]:
    """Return the words of an expression without rules."""
    if isinstance(expr, Literal):
        return {expr.text}
    if isinstance(expr, Seq):
        return {"".join(each) for each in itertools.product(*map(words, expr.parts))}
    if isinstance(expr, Choice):
        return {word for option in expr.options for word in words(option)}
    assert isinstance(expr, Repeat)
    assert expr.most is not None
    counts = range(expr.least, expr.most + 1)
    return {"".join(each) for n in counts for each in itertools.product(words(expr.item), repeat=n)}


def grammar(expr: Expr, **rules: Expr) -> str:
    return to_gbnf(Rules("start", {"start": expr, **rules}))


exprs = st.recursive(
    st.sampled_from([EMPTY, NOTHING, *map(literal, ["a", "b", "ab", "aa", "ba"])]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: (Seq(tuple(parts)), seq(*parts))).map(lambda pair: pair[1]),
        st.lists(inner, max_size=4).map(lambda options: choice(*options)),
        inner.map(optional),
    ),
    max_leaves=8,
)


@given(st.lists(exprs, max_size=4))
def test_makers_keep_the_language(parts: list[Expr]) -> None:
    assert words(seq(*parts)) == words(Seq(tuple(parts)))
    assert words(choice(*parts)) == words(Choice(tuple(parts)))


@given(exprs)
def test_gbnf_keeps_the_language(expr: Expr) -> None:
    expected = words(expr)
    if not expected:
        with pytest.raises(GrammarError):
            grammar(expr)
        return
    text = grammar(expr)
    assert {word for word in WORDS if accepts(text, word)} == expected & set(WORDS)


def test_alternatives_share_their_beginning() -> None:
    found = choice(literal("get_time"), literal("get_weather"), literal("set"), literal("get_time"))
    assert found == Choice((seq(literal("get_"), choice(literal("time"), literal("weather"))), literal("set")))


@pytest.mark.parametrize(
    ("least", "most"), [(0, 1), (2, 2), (0, None), (1, None), (3, None), (3, 999), (0, 2001), (1500, 2500), (2500, None), (3000, 3000), (999, 1001)]
)  # fmt: skip
def test_bounds_above_the_engine_s_limit(least: int, most: int | None) -> None:
    text = grammar(repeat(literal("ab"), least, most))
    for count in {
        0,
        1,
        least - 1,
        least,
        least + 1,
        999,
        1000,
        1001,
        2000,
        2001,
        (most or 4000) - 1,
        most or 4000,
        (most or 4000) + 1,
    }:
        if count >= 0:
            assert accepts(text, "ab" * count) == (least <= count and (most is None or count <= most)), count


@pytest.mark.parametrize(
    "character", ["\0", "\n", "\r", "\t", "\x07", '"', "\\", "]", "[", "^", "-", "/", "'", "#", "é", "\u2028", "\ufeff", "\x7f", "\x85", "😀", "\u00ad"]
)  # fmt: skip
def test_every_character_can_be_written(character: str) -> None:
    point = ord(character)
    if character == "\0":
        with pytest.raises(GrammarError):
            grammar(literal("x\0"))
        return
    for expr in (literal(f"<{character}>"), seq(literal("<"), Chars(((point, point + 1),)), literal(">"))):
        assert accepts(grammar(expr), f"<{character}>")
        assert not accepts(grammar(expr), "<x>")


def test_classes_hold_what_they_say() -> None:
    text = grammar(Chars(((0x21, 0x2F), (0x5B, 0x60), (0x10000, 0x10FFFF))))
    assert [c for c in map(chr, range(1, 0x80)) if accepts(text, c)] == [
        chr(c) for c in (*range(0x21, 0x30), *range(0x5B, 0x61))
    ]
    assert accepts(text, "😀")


def test_an_empty_alternative_does_not_swallow_the_next_rule() -> None:
    text = grammar(seq(RuleRef("maybe"), literal("b")), maybe=Choice((literal("a"), EMPTY)))
    assert [word for word in WORDS if accepts(text, word)] == ["b", "ab"]
    assert not any(line.rstrip().endswith(("|", "::=")) for line in text.splitlines())


def test_names_are_made_for_gbnf() -> None:
    text = to_gbnf(
        Rules(
            "A_b",
            {"A_b": seq(RuleRef("x.y"), RuleRef("x_y")), "x.y": Repeat(literal("a"), 1, None), "x_y": literal("b")},
        )
    )
    assert text == 'root ::= x-y x-y-1\nx-y ::= "a"+\nx-y-1 ::= "b"\n'


@pytest.mark.parametrize(
    "rules",
    [
        {"start": RuleRef("gone")},
        {"start": seq(RuleRef("start"), literal("a"), EMPTY), "other": EMPTY},
        {"start": choice(literal("x"), seq(RuleRef("maybe"), RuleRef("start"), literal("x"))), "maybe": Choice((EMPTY, literal("q")))},
        {"start": Repeat(RuleRef("maybe"), 0, None), "maybe": Choice((EMPTY, literal("q")))},
        {"start": NOTHING},
        {"start": literal("\ud800")},
    ],
)  # fmt: skip
def test_what_the_engine_cannot_carry_is_refused(rules: dict[str, Expr]) -> None:
    with pytest.raises(GrammarError):
        to_gbnf(Rules("start", rules))


def test_what_never_matches_and_what_nobody_reaches_is_left_out() -> None:
    loop = seq(literal("a"), RuleRef("loop"))
    text = grammar(choice(RuleRef("loop"), literal("b"), Repeat(RuleRef("loop"), 0, 3)), loop=loop, unused=literal("c"))
    assert text == 'root ::= "b" | ""\n'


def test_deep_nesting_becomes_rules() -> None:
    expr: Expr = literal("x")
    for _ in range(150):
        expr = Choice((literal("a"), Seq((literal("b"), expr))))
    text = grammar(expr)
    assert accepts(text, "b" * 150 + "x")
    assert max(line.count("(") for line in text.splitlines()) <= 41


def test_text_up_to_a_marker() -> None:
    table = RuleTable()
    one = table.add("one", right_linear(until_dfa(("</p>",)), table, "until"))
    text = grammar(seq(one, one, right_linear(until_dfa(("aba", "bb")), table, "until")), **table.rules)
    assert accepts(text, "x</p></p>y</p>ababb"[:14] + "aba")
    assert accepts(text, "</p></p>aabb")
    assert not accepts(text, "</p></p>aabbb")
    assert text.count("until") >= 3
