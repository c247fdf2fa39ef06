"""Lark for llguidance, on the real engine: what a model writes is accepted, what is accepted is a valid call."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from effort import Tally, chance, few_dialects, rounds
from hypothesis import given
from hypothesis import strategies as st
from judging import is_valid, matches, validators
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

import wireproto as wp
from wireproto import gbnf
from wireproto.format.spelling import spellings
from wireproto.grammars.api.api import ToolChoice as Chosen
from wireproto.grammars.api.api import grammar
from wireproto.grammars.expr.expr import (
    Chars,
    Choice,
    Expr,
    Raw,
    Repeat,
    RuleRef,
    Rules,
    Seq,
    choice,
    literal,
    optional,
    seq,
)
from wireproto.grammars.message import MessageParts
from wireproto.grammars.schema.rules import schema_grammar
from wireproto.grammars.targets.gbnf import to_gbnf
from wireproto.grammars.targets.lark import to_lark
from wireproto.grammars.targets.lark_recursion import without_right_recursion
from wireproto.grammars.targets.lark_trailing_context import with_context_folded
from wireproto.testing.engines.llamacpp import LlamaCpp
from wireproto.testing.engines.llguidance import LLGuidance

DIALECTS = few_dialects()
MARKED = [name for name in DIALECTS if not spellings(wp.dialect(name))[0].markerless]
TAGGED = [name for name in DIALECTS if wp.dialect(name).codec == "tagged" and wp.dialect(name).argument.is_raw]
THINKING = [name for name in MARKED if wp.dialect(name).reasoning is not None]
every_dialect = pytest.mark.parametrize("name", DIALECTS)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "content": {"type": "string"},
        "note": {"type": ["string", "null"]},
        "mode": {"type": "integer", "minimum": 0, "maximum": 511},
        "kind": {"enum": ["fast", "slow", None]},
        "extra": {"type": "object"},
    },
    "required": ["path"],
}
TOOLS = [
    {"name": "write_file", "parameters": SCHEMA},
    {
        "name": "find",
        "parameters": {"type": "object", "properties": {"word": {"type": "string", "pattern": "^[a-z_]+$"}}},
    },
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
]
VALIDATORS = validators(TOOLS)
CALL = wp.Call("write_file", {"path": "a.py", "content": "x = [1]\n", "mode": 420, "kind": None, "extra": {"a": [1]}})
CALLS = [wp.Call("find", {"word": "now"}), CALL, wp.Call("now")]


@cache
def lark(name: str, **options: Any) -> str:
    return str(grammar(name, TOOLS, target="lark", **options))


@cache
def engine(name: str, **options: Any) -> LLGuidance:
    return LLGuidance.compile(lark(name, **options))


def small_tools(count: int) -> list[dict[str, Any]]:
    keys = {"path": {"type": "string"}, "mode": {"type": "integer"}, "now": {"type": "boolean"}}
    return [{"name": f"tool_{i}", "parameters": {"type": "object", "properties": keys}} for i in range(count)]


@every_dialect
@pytest.mark.parametrize("count", [1, 3, 20])
def test_every_grammar_compiles(name: str, count: int) -> None:
    tools = small_tools(count)
    wire = wp.encode([wp.Call("tool_0", {"path": "</a>", "mode": 7})], name, tools=tools)
    choices: list[Chosen] = ["auto", "required", "none", {"name": "tool_0"}]
    for chosen in choices if count == 1 else choices[count == 20 :: 2]:
        text = str(grammar(name, tools, target="lark", choice=chosen))
        with LLGuidance.compile(text) as found:
            assert found.accepts(wire) == (chosen != "none"), chosen
            assert found.accepts("Hello.") == (chosen in ("auto", "none"))


def values(name: str) -> st.SearchStrategy[str]:
    """Return texts with the dialect's markers in them, none of which is followed by another one."""
    form = wp.dialect(name)
    known = [
        *form.markers,
        "</parameter>",
        "</content>",
        "\n</path>",
        "<parameter=mode>",
        "`",
        '"',
        "\\",
        "é😀",
        "\x7f",
    ]
    plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
    return st.lists(st.one_of(plain, st.sampled_from(known).map(lambda marker: f".{marker}x")), max_size=5).map("".join)


@every_dialect
def test_what_a_model_writes_is_accepted(name: str) -> None:
    text, tally, taken = values(name), Tally(), Tally()
    # A gap: where closers are keys, no JSON value may hold another key's closer, though the decoder would read it.
    inner = (
        text.filter(lambda it: not re.search(f"</({'|'.join(SCHEMA['properties'])})>", it)) if name == "cline" else text
    )
    arguments = st.fixed_dictionaries(
        {"path": text},
        optional={
            "content": text,
            "note": text | st.none(),
            "mode": st.integers(0, 511),
            "kind": st.sampled_from(["fast", "slow", None]),
            "extra": st.dictionaries(inner, st.one_of(inner, st.lists(inner | st.none(), max_size=2)), max_size=2),
        },
    )

    @given(arguments, st.sampled_from([[], CALLS[:1], CALLS[2:]]))
    def is_accepted(first: dict[str, Any], others: list[wp.Call]) -> None:
        try:
            wire = wp.encode([wp.Call("write_file", first), *others], name, tools=TOOLS)
        except wp.EncodeError:
            return tally.count(False)  # what cannot be written needs no grammar
        tally.count(True)
        taken.count(engine(name, choice="required").accepts(wire))

    is_accepted()
    tally.check(0.1)
    # A gap: of values that hold openers or closers this target leaves out somewhat more than the decoder reads, since a
    # lexeme with every slip of a closer is more than the engine takes.
    taken.check(0.9)


@every_dialect
def test_what_is_accepted_is_valid(name: str) -> None:
    found = engine(name, choice="required")
    wire = wp.encode(CALLS, name, tools=TOOLS)
    draw = chance(name)
    pieces = ['"', "}", "1", ",", " ", "x", "\n", *wp.dialect(name).markers]
    accepted = 0
    for _ in range(rounds(120, 1_000)):
        at, end = sorted(draw.choices(range(len(wire) + 1), k=2))
        piece = draw.choice([*pieces, wire[at:end]])
        mutant = draw.choice([wire[:at] + wire[min(end, at + 3) :], wire[:at] + piece + wire[at:]])
        if mutant != wire and found.accepts(mutant):
            accepted += 1
            assert is_valid(wp.parse(mutant, name, tools=TOOLS), VALIDATORS), mutant
    assert accepted


@pytest.mark.parametrize("name", MARKED)
def test_text_before_calls(name: str) -> None:
    found = engine(name, choice="auto")
    wire = wp.encode(CALLS, name, tools=TOOLS)
    for text in ("", "I look. ", "a < b [x] {\n", "```python\nx\n```\n", "é\u2028" * 9):
        assert found.accepts(text)
        assert found.accepts(text + wire)
        assert len(wp.parse(text + wire, name, tools=TOOLS).calls) == 3
    assert not found.accepts("`" + wire)
    assert not found.accepts('"' + wire)
    assert not found.accepts(wire + "bye")
    assert not found.accepts(wire[: len(wire) // 2])
    assert not any(
        found.accepts("so " + marker) for marker in wp.dialect(name).markers if len(marker) > 3 and marker in wire[:9]
    )


@pytest.mark.parametrize("name", THINKING)
def test_reasoning_first(name: str) -> None:
    reasoning = wp.dialect(name).reasoning
    assert reasoning is not None
    wire = wp.encode(CALLS, name, tools=TOOLS)
    reasoning_first = f"I think.\n<b>{reasoning.close}"
    for chosen in ("auto", "required"):
        found = engine(name, choice=chosen, reasoning="optional", max_reasoning=300)
        assert found.accepts(reasoning.open + reasoning_first + wire)
        assert found.accepts(reasoning.open + "x" * 300 + reasoning.close + wire)
        assert not found.accepts_prefix(reasoning.open + "x" * 301)
        assert found.accepts(reasoning.open + reasoning_first + "\n\n" + wire)
        assert not found.accepts(reasoning.open + wire + reasoning_first)
        assert not found.accepts(reasoning_first + wire)
    opened = engine(name, choice="required", reasoning_open=True)
    assert opened.accepts(reasoning_first + wire)
    assert not opened.accepts(wire)


@every_dialect
def test_long_values(name: str) -> None:
    content = 'def f(x):\n    """A </parameter> and </content>, é."""\n    return [x, {"a": 1}]\n' * 1_300
    wire = wp.encode([wp.Call("write_file", {"path": "a", "content": content})], name, tools=TOOLS)
    assert len(wire) > 100_000
    found = engine(name, choice="auto")
    assert found.accepts("Here it is.\n" * 900 + wire if name in MARKED else wire)
    arrays = wp.encode([wp.Call("write_file", {"path": "a", "extra": {"a": list(range(2_500))}})], name, tools=TOOLS)
    assert found.accepts(arrays)


@pytest.mark.parametrize("name", TAGGED)
def test_closers_in_values(name: str) -> None:
    form = wp.dialect(name)
    closer = form.argument.close.format(key="content").strip()
    found = engine(name, choice="required")

    def accepts(content: str, **others: object) -> bool:
        wire = wp.encode([wp.Call("write_file", {"path": "a", "content": content, **others})], name, tools=TOOLS)
        return found.accepts(wire)

    for content in (f"a {closer} b", f"{closer} b", f"\n{closer}\n{closer} b", f"a\n{closer}\nb\n" * 3_000):
        assert accepts(content)
        assert accepts(content, mode=7)
        assert accepts(content, note=content + "\n", kind="slow")
    opener = f"<{closer[2:-1]} >"
    assert accepts(f"{opener} x {closer}")


class Words:
    """A toy vocabulary: the bytes, and whole markers."""

    eos_token_id = 256
    bos_token_id = None
    special_token_ids = (256,)

    def __init__(self, name: str) -> None:
        call = wp.encode([CALL], name, tools=TOOLS)
        closer = wp.dialect(name).argument.close
        pieces = {*wp.dialect(name).markers, '": ', '", "', '"}', "</", "é", "\n\n", call[-20:], call[-9:]}
        pieces |= {closer.format(key=key).strip() for key in SCHEMA["properties"]} if closer.nodes else set()
        words = sorted(piece for piece in pieces if len(piece.encode()) > 1)
        self.tokens = [*(bytes([byte]) for byte in range(256)), b"<eos>", *(word.encode() for word in words)]

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())


def walks(name: str, count: int, longest: int = 300) -> Iterator[str]:
    """Yield random texts of the grammar, a token at a time; those that get too long are left out."""
    words = Words(name)
    matcher = LLMatcher(LLTokenizer(TokenizerWrapper(words)), lark(name, choice="required"), log_level=0)
    common = [*range(256, len(words.tokens)), *b'"}]>\n<']
    for at in range(count):
        draw = chance(str(at))
        matcher.reset()
        text = b""
        for _ in range(longest):
            mask = matcher.compute_bitmask()
            token = draw.choice(common)
            for _ in range(20):
                if mask[token >> 3] >> (token & 7) & 1:
                    break
                token = draw.randrange(len(words.tokens))
            else:
                token = draw.choice([each for each in range(len(words.tokens)) if mask[each >> 3] >> (each & 7) & 1])
            if token == words.eos_token_id:
                yield text.decode()
                break
            assert matcher.consume_token(token), matcher.get_error()
            text += words.tokens[token]


@every_dialect
def test_random_walks_are_valid(name: str) -> None:
    finished, drawn = 0, rounds(50, 400)
    for text in walks(name, drawn):
        finished += 1
        assert is_valid(wp.parse(text, name, tools=TOOLS), VALIDATORS), text
    assert finished > drawn * 0.3


def test_one_tool_and_one_call() -> None:
    now, find = (wp.encode([call], "hermes") for call in (CALLS[2], CALLS[0]))
    assert engine("hermes", choice="required", parallel=False).accepts(now)
    assert not engine("hermes", choice="required", parallel=False).accepts(now + "\n" + find)
    named = LLGuidance.compile(str(grammar("hermes", TOOLS, target="lark", choice={"name": "now"})))
    assert named.accepts(now) and not named.accepts(find)
    assert LLGuidance.compile(str(grammar("hermes", TOOLS, target="lark", lazy=True))).accepts(now)


A, AB, TO = literal("a"), literal("ab"), Chars(((98, 99),))
TEXTS = ["".join(text) for size in range(5) for text in itertools.product("abc", repeat=size)]


def message(root: Expr, **others: Expr) -> MessageParts:
    rules = Rules("root", {"root": root, **others})
    return MessageParts(rules, rules, False, ())


def texts(rules: Rules) -> list[str]:
    regex = gbnf.parse(to_gbnf(rules))
    return [text for text in TEXTS if matches(regex, text)]


# Text up to the first "ba".
UP_TO_BA = seq(
    Repeat(
        Choice((Chars(((99, 122),)), literal("a"), seq(Repeat(literal("b"), 1, None), Chars(((99, 122),))))), 0, None
    ),
    Repeat(literal("b"), 1, None),
    literal("a"),
)


def expressions(depth: int, *names: str) -> st.SearchStrategy[Expr]:
    leaf: st.SearchStrategy[Expr] = st.sampled_from([A, AB, TO, UP_TO_BA, *map(RuleRef, names)])
    if not depth:
        return leaf
    inner = expressions(depth - 1, *names)
    bounds = st.sampled_from([(0, None), (1, None), (0, 1), (2, 3)])
    return st.one_of(
        leaf,
        st.lists(inner, max_size=3).map(lambda parts: seq(*parts)),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: Choice(tuple(options))),
        st.tuples(inner, bounds).map(lambda found: Repeat(found[0], *found[1])),
    )


@given(root=expressions(3, "one", "two"), one=expressions(2, "two"), two=expressions(1))
def test_regular_rules_are_the_same_language(root: Expr, one: Expr, two: Expr) -> None:
    found = message(root, one=one, two=two)
    try:
        wanted = texts(found.rules)
    except wp.GrammarError:
        return  # a repetition of what may be empty, which GBNF lacks
    with LLGuidance.compile(to_lark(found)) as compiled:
        assert [text for text in TEXTS if compiled.accepts(text)] == wanted


@given(ways=st.lists(st.tuples(expressions(1), st.sampled_from(["one", "two", "root", ""])), min_size=1, max_size=6))
def test_rules_that_call_themselves_at_their_end(ways: list[tuple[Expr, str]]) -> None:
    names = ("root", "one", "two")
    rules = {name: choice(A, *_tails(ways[i::3])) for i, name in enumerate(names)}
    found = Rules("root", rules).pruned()
    try:
        wanted = texts(found)
    except wp.GrammarError:
        return
    turned = without_right_recursion(found)
    assert all(name not in _called(expr) for name, expr in turned.rules.items())
    with contextlib.suppress(wp.GrammarError):  # what repeats itself may be empty here
        assert texts(turned) == wanted
    with LLGuidance.compile(to_lark(MessageParts(found, found, False, ()))) as compiled:
        assert [text for text in TEXTS if compiled.accepts(text)] == wanted


def _tails(ways: list[tuple[Expr, str]]) -> list[Expr]:
    return [seq(head, RuleRef(last)) if last else head for head, last in ways]


def _called(expr: Expr) -> list[str]:
    if isinstance(expr, RuleRef):
        return [expr.name]
    inside = expr.parts if isinstance(expr, Seq) else expr.options if isinstance(expr, Choice) else ()
    return [name for each in (*inside, *([expr.item] if isinstance(expr, Repeat) else [])) for name in _called(each)]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"foo": {"enum": ["foo"]}, "bar": {"type": "string"}}, "required": ["bar"]},
        {"properties": {"foo": {"type": "array"}, "bar": {}}, "patternProperties": {"^f": {"minLength": 1}}},
        {"anyOf": [{"properties": {"bar": {"type": "string"}}, "required": ["bar"]}, {"required": ["foo"]}]},
    ],
)
def test_declared_members_among_any_others(schema: dict[str, Any]) -> None:
    rules = schema_grammar({"type": "object", **schema}).rules
    wanted = gbnf.parse(to_gbnf(rules))
    keys = [found for size in range(4) for found in itertools.permutations(("foo", "bar", "fo", 'b"'), size)]
    with LLGuidance.compile(to_lark(MessageParts(rules, rules, False, ()))) as compiled:
        for found, value in itertools.product(keys, ("bar", [1, {"foo": None}])):
            text = json.dumps({key: "foo" if key == "foo" else value for key in found})
            assert compiled.accepts(text) == matches(wanted, text), text


class Quote:
    """Text that ends at a quote with a comma or a bracket behind it."""

    def is_decided(self, behind: str) -> bool:
        return behind in (",", "]")

    def with_context(self, behind: str) -> Expr:
        return literal(f'<text"{behind}>')

    def avoiding(self, other: Expr) -> Quote:
        raise AssertionError(other)


def test_text_stands_with_what_ends_it() -> None:
    item = seq(literal('"'), Raw(Quote()))
    rules = {
        "root": seq(literal("["), RuleRef("item"), RuleRef("more"), literal("]!")),
        "item": item,
        "more": optional(seq(literal(","), RuleRef("item"), RuleRef("more"))),
    }
    found = with_context_folded(Rules("root", rules), lambda expr: True).pruned()
    with LlamaCpp.compile(to_gbnf(found)) as compiled:
        assert compiled.accepts('["<text",>"<text",>"<text"]>!')
        assert not compiled.accepts_prefix('["<text"]>"')
    for unsettled in (item, seq(item, Chars(((32, 200),))), seq(item, literal("."))):
        with pytest.raises(wp.GrammarError, match="nothing"):
            with_context_folded(Rules("root", {"root": unsettled}), lambda expr: True)


def test_what_cannot_be_said_is_refused() -> None:
    with pytest.raises(wp.GrammarError, match="matches nothing"):
        to_lark(message(seq(literal("a"), Choice(()))))
    with pytest.raises(wp.GrammarError, match="missing"):
        to_lark(message(RuleRef("nowhere")))
