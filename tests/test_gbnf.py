"""GBNF: what is read, what is found wrong, what matches, and what becomes of it for llguidance.

The judges are the engines themselves: llama.cpp for what a text means, llguidance for the Lark.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tracemalloc
from dataclasses import FrozenInstanceError, replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproto.gbnf import (
    CODES,
    Alternatives,
    AnyChar,
    CharClass,
    GbnfError,
    GbnfLiteral,
    GbnfRule,
    Matcher,
    Reference,
    Repetition,
    Sequence,
    Token,
    check,
    parse,
)
from wireproto.gbnf.hazards import hazard
from wireproto.testing.engines import EngineError
from wireproto.testing.engines.llamacpp import LlamaCpp

LETTERS = "abcx\né"
PAGE = Path(__file__).parent.parent / "docs" / "reference" / "gbnf.md"

# Grammars ------------------------------------------------------------------------------------------------------------

ATOMS = [
    *('"a"', '"ab"', '"\\n"', '""', '"\\x61\\u0062"', '"é"', '"\\\\"', '"\\""', '"b]c"', '"#"', '"(|"'),
    *(
        "[ab]",
        "[^a]",
        "[a-c]",
        "[]",
        "[^]",
        "[c-a]",
        "[a-]",
        "[-b]",
        "[--a]",
        "[^^]",
        "[\\]\\[]",
        "[^\\x00\\n]",
        ".",
        '["]',
    ),
]
SUFFIXES = ["", "", "", "", "*", "+", "?", "{2}", "{0}", "{0,2}", "{1,}", "{ 1 , 3 }", "{2,2001}", "?*", "{2}{3}"]


@st.composite
def alternatives(draw: st.DrawFn, names: tuple[str, ...], depth: int = 0) -> str:
    """Draw the text of a rule's body, or of what stands in parentheses."""
    options = []
    for _ in range(draw(st.integers(1, 3))):
        items = []
        for _ in range(draw(st.integers(0, 3))):
            kind = draw(st.integers(0, 9))
            if kind < 2 and depth < 2:
                blank = draw(st.sampled_from(["", "\n", " # note\n"]))
                atom = f"({blank}{draw(alternatives(names, depth + 1))}{blank})"
            else:
                atom = draw(st.sampled_from(names if kind < 4 and names else ATOMS))
            items.append(atom + draw(st.sampled_from(SUFFIXES)))
        options.append(" ".join(items))
    return draw(st.sampled_from(["|", " | ", " |\n  "])).join(options)


@st.composite
def grammars(draw: st.DrawFn) -> str:
    """Draw a grammar; each rule refers to those below it, and behind a character to itself."""
    names = ("root", "a-1", "B", "7")[: draw(st.integers(1, 4))]
    rules = []
    for i, name in enumerate(names):
        body = draw(alternatives(names[i + 1 :]))
        own = draw(st.sampled_from(["", "", f' | "x" {name}', f' | "x" {name} "x"']))
        rules.append(f"{name} ::= {body}{own}")
    return "\n".join(draw(st.permutations(rules)))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw a grammar with up to three characters added, removed or replaced."""
    text = draw(grammars())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        added = draw(st.sampled_from([*'"[]()|*+?{},-^\\ \n\r\t#:=!.a01_\0', ""]))
        text = text[:at] + added + text[at + draw(st.integers(0, 1)) :]
    return text


@st.composite
def walks(draw: st.DrawFn, text: str) -> str:
    """Draw a string that mostly follows the grammar, by what the matcher says may come."""
    matcher, out = Matcher(parse(text)), ""
    for _ in range(draw(st.integers(0, 10))):
        near = [c for c in LETTERS if any(low <= ord(c) <= high for low, high in matcher.allowed())]
        out += draw(st.sampled_from(near if near and draw(st.integers(0, 9)) else LETTERS))
        if not matcher.accept(out[-1]):
            break
    return out


def refusal(text: str) -> str:
    """Return the code with which a text is refused, or nothing."""
    try:
        parse(text)
    except GbnfError as error:
        return error.code
    return ""


def engine_refuses(text: str) -> bool:
    try:
        LlamaCpp.compile(text).close()
    except EngineError:
        return True
    return False


def outcome(text: str, string: str) -> tuple[bool, bool]:
    """Return whether our matcher takes a string as a beginning, and as a whole."""
    matcher = Matcher(parse(text))
    taken = matcher.accept(string) and matcher.threads > 0
    return taken, taken and matcher.finished


# Reading -------------------------------------------------------------------------------------------------------------


def test_the_nodes() -> None:
    grammar = parse('root ::= "a\\n" [^b-d\\-e-] # note\n  \nx ::= (. | x1{2,}\n) <[7]>? | !<t>\nx1 ::=\n  "z" "" \n')
    body = Alternatives(
        (
            Sequence(
                (
                    Alternatives((Sequence((AnyChar(),)), Sequence((Repetition(Reference("x1"), 2, None),)))),
                    Repetition(Token(7), 0, 1),
                )
            ),
            Sequence((Token(None, "<t>", negated=True),)),
        )
    )
    classes = CharClass(((98, 100), (45, 45), (101, 101), (45, 45)), negated=True)
    assert grammar.rules == (
        GbnfRule("root", Alternatives((Sequence((GbnfLiteral((97, 10)), classes)),))),
        GbnfRule("x", body),
        GbnfRule("x1", Alternatives((Sequence((GbnfLiteral((122,)), GbnfLiteral(()))),))),
    )
    assert [rule.at for rule in grammar.rules] == [0, 36, 70]
    with pytest.raises(FrozenInstanceError):
        grammar.rules[0].name = "y"  # type: ignore[misc]


@given(grammars() | mutated())
def test_a_text_is_refused_exactly_if_llama_cpp_refuses_it(text: str) -> None:
    if hazard(text) is None and not re.search(r"<[^>\[]*>", text):
        assert bool(refusal(text)) == engine_refuses(text)


VERDICTS = [
    *('root ::= "a"{2000}', 'root ::= "a"{2001}', 'root ::= "a"{40}{50}', 'root ::= "a"{40}{51}', 'root ::= "a"{0,2001}'),
    *('root ::= ("a"|"b"?){1000}', 'root ::= ("a"|"b"?){1001}', 'root ::= ("a"|"b"?){0,1001}', "root ::= (x y){700}"),
    *('root ::= z\nroot ::= "a"', 'root ::= z\nroot ::= "a"\nb ::= "c"', 'root ::= z{0} "a"', 'root ::= z{0} "a"?'),
    *('root ::= (z)\nroot ::= "a"', "", "# note", "root ::=", "root ::= |", 'root ::= "a" |', 'root ::= "a"\n| "b"'),
    *('root ::= "a"\r\rb ::= "c"', 'root::="a"', 'root ::= ("a"\n{\n2\n}\n)', 'root ::= "a"{\n2}', 'root ::= ("a"\n*)'),
    *("root ::= [a-", "root ::= [a-]", "root ::= [--9]", "root ::= [a-z-9]", 'root ::= "a"{0}*', "root ::= []*"),
    *("root ::= <[4294967295]>", "root ::= <[4294967296]>", "root ::= <[99999999999999999999]>", "root ::= <[ 5]>"),
    *('root ::= !"a"', "root ::= !<[5]>*", "root ::= ! <[5]>", "root ::= <[5>", 'root ::= "\\UFFFFFFFF"', 'root ::= "\\/"'),
    *('root ::= "\0"', 'root ::= "a"\0 ]]', '\ufeffroot ::= "a"', 'root ::= "a"{,3}', 'root ::= "a"{1,18446744073709551615}'),
    *('root ::= "a"{18446744073709551616}', "root ::= root", 'root ::= "" root | "a"', 'root ::= ("a"?)*', "root ::= a_b"),
    *('root ::= c root | "a"\nc ::= d\nd ::= "z" | ""', 'root ::= c* "x"\nc ::= d\nd ::= "a"?', 'a ::= b\nb ::= a\nroot ::= "x"'),
    *('Root ::= "a"', 'root ::= "\\x6"', 'root ::= "a" "', "root ::= 'a'", 'root = "a"', '-1 ::= "a"\nroot ::= -1'),
    *('root ::= "a"?*', 'root ::= "a"{2}{0}', 'root ::= ("a" | ("b" | "c"){3}){500}', 'root ::= (\n) "a"', "root ::= ()*"),
    *('root ::= "\\\\" "\\"" [\\\\] ["] "]"', "root ::= [\\]]", "root ::= [^", 'root ::= "a" # x', 'root ::= "a"\\n'),
]  # fmt: skip


@pytest.mark.parametrize("text", VERDICTS)
def test_the_limits_are_those_of_llama_cpp(text: str) -> None:
    assert bool(refusal(text)) == engine_refuses(text)


def test_both_verdicts_come_up() -> None:
    refused = [bool(refusal(text)) for text in VERDICTS]
    assert 20 < sum(refused) < len(refused) - 20


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "hint"),
    [
        ('root ::= "a"\nb ::= "\\d"', "escape", 2, 8, "escapes are"),
        ('root ::= "a\n', "syntax", 1, 10, 'close it with "'),
        ("root ::= [a\n", "syntax", 1, 10, "close it with ]"),
        ("root ::= ( x\n", "syntax", 2, 1, "close what is open"),
        ('root ::= "a" |\nx ::= "b"', "swallowed-rule", 2, 3, "write the empty alternative first"),
        ('x ::= \nroot ::= "b"', "swallowed-rule", 2, 6, 'or as ""'),
        ('root ::= ("a" \nx ::= "b"', "syntax", 2, 3, "a parenthesis may be open"),
        ("root ::= my_rule", "rule-name", 1, 12, "letters, digits and hyphens"),
        ("root ::= 'a'", "syntax", 1, 10, "double quotes"),
        ('root = "a"', "syntax", 1, 6, "defined with ::="),
        ('root ::= "a"\r\n\r\n| "b"', "syntax", 3, 1, "alternatives go on behind |"),
        ('root ::= "a"\nx ::= "b"{3,2}', "repetition-order", 2, 7, ""),
        ("root ::= x y\nx ::= y", "undefined-rule", 1, 12, ""),
    ],
)
def test_an_error_says_where_and_what_would_be_right(text: str, code: str, line: int, column: int, hint: str) -> None:
    with pytest.raises(GbnfError) as caught:
        parse(text)
    error = caught.value
    assert (error.code, error.line, error.column) == (code, line, column)
    assert hint in error.hint
    assert f"(line {line}, column {column})" in str(error)


def test_the_grammar_of_gbnf_is_in_the_wheel_or_the_checkout() -> None:
    from wireproto.gbnf.syntax import source

    assert "start:" in source()


# Checking ------------------------------------------------------------------------------------------------------------

# Each code, with a text that has it, where, and how bad it is there.
TRAPS = {
    "beyond-unicode": ('root ::= "\\U00110000"', 10, "warning"),
    "byte-order-mark": ('\ufeffroot ::= "a"', 1, "error"),
    "deep-nesting": ("root ::= " + "(" * 101 + ")" * 101, 110, "error"),
    "dotted-name": ('root ::= a.b\na ::= "x"\nb ::= "y"', 11, "warning"),
    "duplicate-rule": ('root ::= "a"\nroot ::= "b"', 1, "warning"),
    "empty-class": ("root ::= [] [^]", 10, "warning"),
    "empty-range": ("root ::= [z-a]", 10, "warning"),
    "escape": ('root ::= "\\/"', 11, "error"),
    "left-recursion": ('root ::= ("q"?) root "x" | "a"', 1, "error"),
    "lone-surrogate": ('root ::= "\ud83d"', 11, "error"),
    "missing-root": ('a ::= "b"', 1, "error"),
    "nothing-to-repeat": ('root ::= ""*', 10, "error"),
    "nul-escape": ('root ::= "\\x00"', 10, "warning"),
    "nul-in-text": ('root ::= "a"\0', 13, "warning"),
    "nullable-repetition": ('root ::= a{3}\na ::= "b"?', 10, "warning"),
    "repetition-limit": ('root ::= "a"{2001}', 10, "error"),
    "repetition-order": ('root ::= "a"{3,2}', 10, "error"),
    "rule-name": ("root ::= a_b", 11, "error"),
    "shared-prefix": ("root ::= " + " | ".join(f'"n{i}"' for i in range(32)), 10, "warning"),
    "surrogate-escape": ('root ::= "\\ud83d\\ude00"', 10, "warning"),
    "swallowed-rule": ('root ::= "a" |\nb ::= "c"', 3, "error"),
    "syntax": ("root ::= ]", 10, "error"),
    "token-number": ("root ::= <[4294967296]>", 10, "error"),
    "token-text": ("root ::= <think>", 10, "note"),
    "too-many-stacks": (
        'root ::= a0 "z"\n' + "\n".join(f'a{i} ::= a{i + 1} "p" | a{i + 1} "q"' for i in range(30)) + '\na30 ::= "x"',
        1,
        "error",
    ),
    "unbounded-repetition": ('root ::= "a"{0,2001}', 10, "warning"),
    "undefined-rule": ("root ::= x", 10, "error"),
    "unguarded-class": ("root ::= [^a]", 10, "note"),
    "unused-rule": ('a ::= "b"\nroot ::= "c"', 1, "warning"),
}


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_trap_is_found(code: str) -> None:
    text, column, severity = TRAPS[code]
    found = [finding for finding in check(text) if finding.code == code]
    assert [(finding.column, finding.severity) for finding in found][:1] == [(column, severity)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('root ::= "a"{0,2000}', "unbounded-repetition"),
        ("root ::= [^a\\x00\\uD800-\\uDFFF]", "unguarded-class"),
        ("root ::= [^\\x00-\\uFFFF]", "unguarded-class"),
        ("root ::= [^\\x00\\uD800-\\uDFFF]", "nul-escape"),
        ("root ::= a?\na ::= b?\nb ::= .", "nullable-repetition"),
        (
            "root ::= " + " | ".join(f'"{chr(i)}"' for i in range(97, 123)) + ' | "1" | "2" | "3" | "4" | "5" | "6"',
            "shared-prefix",
        ),
        ('root ::= "x" root | ""', "left-recursion"),
        ('root ::= c root | "a"\nc ::= d\nd ::= "z" | ""', "left-recursion"),
    ],
)
def test_what_is_no_trap_is_not_found(text: str, code: str) -> None:
    assert code not in [finding.code for finding in check(text)]
    assert not engine_refuses(text)


@given(grammars() | mutated())
def test_an_error_is_what_llama_cpp_refuses_or_cannot_bear(text: str) -> None:
    has_error = any(finding.severity == "error" for finding in check(text))
    assert has_error == (bool(refusal(text)) or hazard(text) is not None)


CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (500_000_000,) * 2)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from wireproto.testing.engines import EngineError
from wireproto.testing.engines.llamacpp import LlamaCpp
try:
    with LlamaCpp.compile(sys.stdin.read()) as grammar:
        grammar.accepts_prefix("x" * 40)
except EngineError as error:
    sys.exit(3 if "bad_alloc" in str(error) else 0)
"""


def test_hazards_are_hazards() -> None:
    texts = [
        'root ::= ("q"?) root "x" | "a"',
        "a ::= root{0}",
        "root ::= " + "(" * 100_000 + ")" * 100_000,
    ]
    assert all(hazard(text) is not None for text in texts)
    for text in texts:
        with pytest.raises(EngineError, match="hang or crash"):
            LlamaCpp.compile(text, trusted=False)
    environment = {**os.environ, "GGML_NO_BACKTRACE": "1"}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        for _ in texts
    ]
    for child, text in zip(children, texts, strict=True):
        assert child.stdin is not None
        child.stdin.write(text)
        child.stdin.close()
    codes = []
    for child in children:
        try:
            codes.append(child.wait(timeout=5))
        except subprocess.TimeoutExpired:
            child.kill()
            codes.append(child.wait())
    assert 0 not in codes


# Matching ------------------------------------------------------------------------------------------------------------


@given(st.data())
def test_the_matcher_takes_what_llama_cpp_takes(data: st.DataObject) -> None:
    text = data.draw(grammars())
    if hazard(text) is not None or refusal(text):
        return
    with LlamaCpp.compile(text) as engine:
        for _ in range(8):
            string = data.draw(walks(text))
            assert outcome(text, string) == (engine.accepts_prefix(string), engine.accepts(string)), string


@given(st.data())
def test_what_is_allowed_is_what_is_taken(data: st.DataObject) -> None:
    text = data.draw(grammars())
    if hazard(text) is not None or refusal(text):
        return
    matcher = Matcher(parse(text))
    matcher.advance(data.draw(walks(text)))
    ranges = matcher.allowed()
    assert all(low <= high for low, high in ranges)
    assert all(first[1] + 1 < second[0] for first, second in pairwise(ranges))
    edges = {code + step for pair in ranges for code in pair for step in (-1, 0, 1)} | set(map(ord, LETTERS))
    for code in edges & set(range(sys.maxunicode + 1)):
        assert matcher.copy().accept(chr(code)) == any(low <= code <= high for low, high in ranges)


def test_a_refused_text_leaves_the_matcher_where_it_was() -> None:
    matcher = Matcher(parse('root ::= "ab" ("c" | "d")'))
    assert matcher.accept("a")
    assert not matcher.accept("bx")
    assert matcher.allowed() == ((98, 98),)
    assert matcher.advance("bx") == 1
    assert matcher.allowed() == ((99, 100),)
    other = matcher.copy()
    assert other.accept("c")
    assert other.finished
    assert not matcher.finished
    assert matcher.accept("")


def test_a_token_takes_no_character() -> None:
    text = 'root ::= "a" (<[7]> | !<[7]> | <t> | "b")'
    matcher = Matcher(parse(text))
    assert matcher.accept("a")
    assert matcher.allowed() == ((98, 98),)
    with LlamaCpp.compile(text.replace("<t> | ", "")) as engine:
        assert engine.accepts("ab")
        assert not engine.accepts_prefix("ac")


@pytest.mark.parametrize(
    ("text", "string"),
    [
        ('root ::= "(" root ")" | "x"', "(" * 50_000 + "x" + ")" * 50_000),
        ('root ::= "x" root?', "x" * 50_000),
        ("root ::= [a-z]{0,500} [a-c]{0,500}", "a" * 600),
        ('root ::= a* "z"\na ::= "x" b\nb ::= "x"*', "x" * 5_000 + "z"),
    ],
)
def test_long_texts(text: str, string: str) -> None:
    assert outcome(text, string) == (True, True)


def test_a_list_grows_no_stack() -> None:
    matcher = Matcher(parse('root ::= "x" root? | "y" a\na ::= b "," a | ""\nb ::= [a-z]'))
    matcher.accept("x" * 100 + "y")
    tracemalloc.start()
    try:
        for _ in range(200):
            matcher.accept("b," * 100)
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()


def test_hostile_grammars_are_refused_in_the_matcher() -> None:
    with pytest.raises(GbnfError, match="more than 20000 ways"):
        Matcher(parse(TRAPS["too-many-stacks"][0]))
    with pytest.raises(GbnfError, match="begins with itself"):
        Matcher(parse('root ::= "k" a\na ::= ("q"?) a "x" | "a"'))
    grammar = parse('root ::= "a"')
    with pytest.raises(GbnfError, match="no rule root"):
        Matcher(replace(grammar, rules=()))


def test_a_repetition_takes_no_memory_for_its_copies() -> None:
    grammar = parse(f'root ::= ("{"x" * 5_000}"){{0,2000}}')
    tracemalloc.start()
    try:
        matcher = Matcher(grammar)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert matcher.accept("x" * 15_000)
    assert matcher.finished


UNTIL = 'root ::= s0\ns0 ::= "<" s1 | [^<\\x00] s0\ns1 ::= "<" s1 | ">" | [^<>\\x00] s0'


@pytest.mark.parametrize(
    ("text", "taken", "refused"),
    [
        ('root ::= "a" "bc" | "ab" "d"', ["abc", "abd"], ["ab", "abcd"]),
        ('root ::= "\\u00e9\\U0001F600\\x41"', ["é😀A"], ["é"]),
        ("root ::= [a\\-z]", ["-", "z"], ["b"]),
        ("root ::= . [^a] [/\\\\\\]^]", ["\n\n/", "é😀^", "\0b]"], ["ba/"]),
        ('root ::= [\\uD000-\\uE000] | "\\ud83d"', ["\ud7ff", "\ue000"], ["a"]),
        ('root ::= A a\nA ::= "x"\na ::= "y"\n', ["xy"], ["x"]),
        ('root ::= "\\n\\"\\\\\\x00"', ['\n"\\\0'], ["n"]),
        (UNTIL, ["x" * 20_000 + "<>", "é<x<<>"], ["x" * 20_000, "<>x"]),
        ('root ::= "x" (root | y)?\ny ::= "z" root', ["x" * 20_000, "xzx"], ["xz"]),
        ('root ::= "[" (root ("," root)*)? "]"', ["[[],[[]]]"], ["[[]"]),
        ('root ::= "a"{0} "b"{2,3} "c"{0,2001}', ["bb" + "c" * 3_000], ["abb"]),
    ],
)
def test_what_is_easily_misread(text: str, taken: list[str], refused: list[str]) -> None:
    with LlamaCpp.compile(text) as engine:
        assert [engine.accepts(string) for string in taken + refused] == [True] * len(taken) + [False] * len(refused)
    assert [outcome(text, string)[1] for string in taken + refused] == [True] * len(taken) + [False] * len(refused)


# The page ------------------------------------------------------------------------------------------------------------


def test_the_page_has_every_code() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    expected = [(code, severity, text.replace("|", "\\|")) for code, (severity, text) in sorted(CODES.items())]
    assert rows == expected
