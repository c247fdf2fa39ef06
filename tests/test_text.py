"""The readers and writers of `wireproto.text`, each held to somebody else's: `ast`, `json`, `tomli`, lxml, brute force."""

from __future__ import annotations

import ast
import json
import random
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
import tomli
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from wireproto.text import (
    json_repair,
    json_strings,
    numbers,
    python_strings,
    python_values,
    toml,
    toml_strings,
    xml_text,
)
from wireproto.text.buffer import Buffer
from wireproto.text.json_safe import equal, identical, json_safe
from wireproto.text.literals import LiteralReader, NotLiteral
from wireproto.text.scan import Literals
from wireproto.text.visible import visible

# --- Python's literals --------------------------------------------------------------------------------------------

STRINGS = [
    "''", '"a"', "'''a'b\n'''", '"""a""b"""', "'a\\'b'", '"\\x41\\u00e9\\U0001F600"', "r'\\n\\d'", "R'\\''", "u'a'", "'a' 'b'",
    "'\\\n'", "'\\a\\b\\f\\n\\r\\t\\v\\\\\\\"'", "'\\0'", "'\\101\\1012'", '("a"\n"b")', "'\\N'", "'\\ud7ff\\ue000'", "'é'", "'#'", "''''''", '"""\\""""',
]  # fmt: skip
SCALARS = ["1", "-1", "+2", "1_000", "0", "1.", ".5", "1.5e-3", "1e5", "True", "False", "None"]
NO_LITERALS = [
    "", "a", "tru", "f()", "1 2", "[1 2]", "[1,,2]", "{1: 2}", "{'a' 1}", "{'a': 1 'b': 2}", "'a", '"""a"', "1e999", "'\\ud800'",
    "'\\U00110000'", "Truex", "1x", "1.2.3", "[", "{", "(", "{'a': }", "-", "a.b", "[1;2]",
]  # fmt: skip


def python(text: str) -> Any:
    """Read a text as one unnamed member that a parenthesis closes."""
    named, listed = LiteralReader(f"{text})", 0, len(text) + 1).members(")", "=")
    assert not named
    (value,) = listed
    return value


def as_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_lists(member) for key, member in value.items()}
    return [as_lists(member) for member in value] if isinstance(value, (list, tuple)) else value


def spelled(draw: random.Random, depth: int = 0) -> str:
    kind = draw.randint(0, 5 if depth < 3 else 2)
    if kind < 2:
        return draw.choice(STRINGS)
    if kind == 2:
        return draw.choice(SCALARS)
    gap = draw.choice(("", " ", "\n", "  # so, so\n", "\t"))
    members = [f"{gap}{spelled(draw, depth + 1)}{gap}" for _ in range(draw.randint(0, 3))]
    end = "," if members and draw.randint(0, 1) else ""
    if kind == 3:
        return f"[{','.join(members)}{end}]"
    if kind == 4:
        return f"({','.join(members)}{end})" if members else "()"
    keyed = [f"{gap}{draw.choice(STRINGS)}{gap}:{member}" for member in members]
    return f"{{{','.join(keyed)}{end}}}"


def test_whole_values_are_what_python_reads() -> None:
    draw = random.Random(4)
    for _ in range(4_000):
        text = spelled(draw)
        try:
            wanted = as_lists(ast.literal_eval(f"({text}\n)"))
        except (SyntaxError, ValueError):
            continue
        assert identical(python_values.loads(text).value, wanted), text


def test_a_string_is_the_same_however_it_is_cut() -> None:
    for text in [each for each in STRINGS if each[0] in "\"'" and "\\N" not in each]:
        delimiter = text[:3] if text[:3] in ('"""', "'''") else text[0]
        for cut in range(len(delimiter), len(text) + 1):
            quotes, out, at = python_strings.Quotes(delimiter), "", len(delimiter)
            for end in (cut, len(text)):
                piece, at = python_strings.decode(text, at, end, quotes, set())
                out += piece
            if text.startswith(delimiter, at) and at + len(delimiter) == len(text):
                assert out == ast.literal_eval(text), (text, cut)


@pytest.mark.parametrize(
    ("text", "value", "repairs"),
    [
        ("007", 7, ["leading-zero"]),
        ("[-01.50]", [-1.5], ["leading-zero"]),
        ("'a\nb'", "a\nb", ["control-character"]),
        (r"'\xg \u12'", r"\xg \u12", ["invalid-escape"]),
        ("(1, 2)", [1, 2], ["tuple"]),
        ("(1)", 1, []),
        (r"'\ud83d\ude00 \ud83d'", "😀 \ufffd", ["lone-surrogate"]),
        ("{'a': 1, 'a': 2}", {"a": 2}, []),
    ],
)
def test_what_is_repaired_in_a_python_value_is_said(text: str, value: object, repairs: list[str]) -> None:
    found = python_values.loads(text)
    assert identical(found.value, value) and list(found.repairs) == repairs


@pytest.mark.parametrize(
    "text", ["", "x", "{1: 2}", "{1}", "[1", "1]", "f(1)", "1 2", "'a", "1e999", "9" * 5_000, "[" * 999]
)
def test_what_is_no_python_value(text: str) -> None:
    with pytest.raises(NotLiteral):
        python_values.loads(text)


def test_python_literals_are_what_python_reads() -> None:
    draw = random.Random(3)
    for _ in range(4_000):
        text = spelled(draw)
        # Python refuses `\\N`, and so do we; strings side by side may stand on two lines only in brackets.
        try:
            wanted = as_lists(ast.literal_eval(f"({text}\n)"))
        except (SyntaxError, ValueError):
            continue
        assert identical(python(text), wanted), text


@pytest.mark.parametrize("text", [*STRINGS, *SCALARS])
def test_each_literal_alone(text: str) -> None:
    if "\\N" in text:
        assert python(text) == "\\N"  # a name is no escape here
    else:
        assert identical(python(text), ast.literal_eval(text))


@pytest.mark.parametrize("text", NO_LITERALS)
def test_what_is_no_literal(text: str) -> None:
    with pytest.raises(NotLiteral):
        python(f"{text} " if text else "[,]")


@pytest.mark.parametrize(("opener", "closer"), ["[]", "()"])
def test_literals_nest_32_deep(opener: str, closer: str) -> None:
    assert python(opener * 32 + "1," * (opener == "(") + closer * 32)
    with pytest.raises(NotLiteral, match="deep"):
        python(opener * 33 + "1" + closer * 33)
    with pytest.raises(NotLiteral, match="deep"):
        python("{'a':" * 33 + "1" + "}" * 33)


def test_a_number_has_up_to_301_digits() -> None:
    assert python("1" * 301) == int("1" * 301)
    with pytest.raises(NotLiteral):
        python("1" * 302)


def test_members_with_a_name_and_without() -> None:
    reader = LiteralReader("a=1, 'x', b.c = [2], d=='y')", 0, 28)
    with pytest.raises(NotLiteral):
        reader.members(")", "=")
    assert LiteralReader("a=1, 'x', b.c = [2],)", 0, 21).members(")", "=") == ({"a": 1, "b.c": [2]}, ["x"])
    for text, why in {"a=1, a=2)": "twice", "a=1 b=2)": "comma", "a=b)": "literal"}.items():
        with pytest.raises(NotLiteral, match=why):
            LiteralReader(text, 0, len(text)).members(")", "=")


# --- JSON ---------------------------------------------------------------------------------------------------------

PIECES = [
    "a", "é", "\U0001f600", " ", "\\n", "\\\\", '\\"', "\\/", "\\b", "\\u0041", "\\u00e9", "\\ud83d\\ude00", "\\uD7FF", "\\uE000",
    "\\ud800", "\\udfff", "\\ud83d", "x" * 70, "\\uDBFF\\uDFFF", "\\ud83d\\u0041",
]  # fmt: skip


def without_halves(text: str) -> str:
    return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.lists(st.integers(0, 200), max_size=5))
@example(["\\ud83d"], [1])
@example(["\\ud83d\\ude00"], [6])
def test_a_string_of_json_is_what_json_reads_however_it_is_cut(pieces: list[str], cuts: list[int]) -> None:
    body = "".join(pieces)
    text, repairs = body + '"', set[str]()
    wanted = without_halves(json.loads(f'"{text}'))
    assert json_strings.decode(text, 0, len(text), '"', repairs) == (wanted, len(body))
    assert repairs == ({"lone-surrogate"} if wanted != json.loads(f'"{text}') else set())
    pos, got = 0, ""
    for end in sorted({cut for cut in cuts if cut < len(text)}):
        piece, pos = json_strings.decode(text[:end], pos, end, '"', set())
        got += piece
        assert wanted.startswith(got)
        # Of an escape, and of the first half of a pair, is held what may still be one; nothing else.
        assert end - pos < 12 and (pos == end or text[pos] in '\\"')
    assert got + json_strings.decode(text, pos, len(text), '"', set())[0] == wanted


@pytest.mark.parametrize(
    ("body", "value", "repair"),
    [
        ("a\nb", "a\nb", "control-character"),
        ("\\d", "\\d", "invalid-escape"),
        ("\\'", "'", "invalid-escape"),
        ("\\u12", "\\u12", "invalid-escape"),
        ("\\ud800x", "\ufffdx", "lone-surrogate"),
        ("\\ud800\\ue000", "\ufffd\ue000", "lone-surrogate"),
    ],
)
def test_repairs_of_a_string(body: str, value: str, repair: str) -> None:
    repairs: set[str] = set()
    assert json_strings.decode(body + '"', 0, len(body) + 1, '"', repairs) == (value, len(body))
    assert repairs == {repair}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1", None),
        ('{"a"}', "expected ':' after a key (at character 4)"),
        ("[nul]", "expected a value (at character 1)"),
        ("", "the text ends where a value is expected (at character 0)"),
        ("[1e999]", "the number is too large (at character 1)"),
        ('["a"b"]', "a quote inside a string is not escaped (at character 3)"),
    ],
)
def test_what_no_repair_makes_json_says_where(text: str, message: str | None) -> None:
    if message is None:
        assert json_repair.loads(text).value == [1]
        return
    with pytest.raises(json_repair.Unreadable) as caught:
        json_repair.loads(text)
    assert str(caught.value) == message


def test_numbers_of_json_are_exact_where_they_are_asked_to_be() -> None:
    for text in ("[1, 1.10, 1e2, -0.5E-3]", "{'a': 1.10, 'b': 2, 'c': 1e2}"):
        found = json_repair.loads(text, decimals=True).value
        values = found if isinstance(found, list) else [*found.values()]
        assert [type(value) for value in values] == [
            int if "." not in str(v) and v in (1, 2) else Decimal for v in values
        ]
        assert Decimal("1.10") in values and str(values[values.index(Decimal("1.10"))]) == "1.10"
        assert all(
            not isinstance(value, Decimal) for value in json_repair.loads(text).value if not isinstance(value, str)
        )


@pytest.mark.parametrize(
    ("text", "repairs"), [("[1,\\n2]", {"literal-newline"}), ("[1, 2]", set()), ("[1]]", {"trailing-bracket"})]
)
def test_repairs_are_named(text: str, repairs: set[str]) -> None:
    assert {*json_repair.loads(text).repairs} == repairs


def test_half_a_pair_in_strict_json_is_replaced() -> None:
    found = json_repair.loads('["\\ud800", 1.5]')
    assert found.value == ["\ufffd", 1.5] and found.repairs == ("lone-surrogate",)
    assert json_repair.exact('["\\ud800", 1.50]', found.value) == ["\ufffd", Decimal("1.50")]


def test_depth_is_counted_to_the_level() -> None:
    assert json_repair.loads("[" * 5 + "]" * 5, max_depth=5).value == [[[[[]]]]]
    with pytest.raises(json_repair.TooDeep):
        json_repair.loads("[" * 6 + "]" * 6, max_depth=5)
    assert json_repair.loads('["[[[[[[["]', max_depth=2).value == ["[[[[[[["]  # brackets in a string nest nothing


def test_what_json_cannot_carry_is_spelled_out() -> None:
    value = {"a": [None, True, "x", 1, float("nan"), date(2026, 1, 2)], "b" * 70: {"c": time(1, 2)}, "d": float("-inf")}
    found = json_safe(value)
    assert found.value == {"a": [None, True, "x", 1, "nan", "2026-01-02"], "b" * 70: {"c": "01:02:00"}, "d": "-inf"}
    assert found.changed == ("a[4]", "a[5]", "b" * 64 + ".c", "d")
    assert json_safe([[1]], max_depth=2).value == [[1]] and json_safe([[[1]]], max_depth=2).too_deep
    assert json_safe({"n": 10**5_000}).value == {"n": hex(10**5_000)}
    assert len(json_safe([float("nan")] * 200).changed) == 100
    assert json_safe({"n": None, "d": Decimal("1.5")}) == json_safe({"n": None, "d": Decimal("1.5")})
    assert json_safe({"n": None}).changed == ()


def test_equal_and_identical() -> None:
    assert equal(5, 5.0) and not identical(5, 5.0)
    assert not equal(1, True) and not identical(0, False)
    assert equal(Decimal("0.1"), 0.1) and equal(0.1, Decimal("0.1")) and not equal(Decimal("0.1"), 0.2)
    assert equal([1, {"a": 2.0}], [1.0, {"a": 2}]) and not equal([1], [1, 2]) and not equal({"a": 1}, {"b": 1})


def test_a_decimal_as_a_float() -> None:
    assert numbers.floated(Decimal("0.1")) == (0.1, False)
    for digits in (14, 15, 16, 17, 18, 25):
        value = Decimal("1." + "3" * (digits - 1))
        rounded, changed = numbers.floated(value)
        assert (rounded, changed) == (float(value), Decimal(repr(float(value))) != value)


# --- TOML ---------------------------------------------------------------------------------------------------------


def toml_value(draw: random.Random, depth: int = 0) -> str:
    kind = draw.randint(0, 8 if depth < 3 else 6)
    if kind < 7:
        return draw.choice(
            ('"a\\e\\x41\\\\e"', "'\\e # {'", '"""\n\\e{,\n}"""', "'''\n#'\n'''", "07:32", "07:32:01", "1979-05-27T07:32",
             "1979-05-27 07:32+01:00", "1.5", "-1_000", "true", "[]", "{}", '"#"', "inf", "+1e3", '"""a"""""', "'''b''''")
        )  # fmt: skip
    gap = [draw.choice(("", " ", "\t", "\n", "\r\n", " # }, {\n", "\n\n  # x\n")) for _ in range(9)]
    members = [toml_value(draw, depth + 1) for _ in range(draw.randint(0, 3))]
    if kind == 7:
        return (
            f"[{gap[0]}"
            + f"{gap[1]},{gap[2]}".join(members)
            + (f"{gap[3]}," if members and draw.randint(0, 1) else "")
            + f"{gap[4]}]"
        )
    names = [draw.choice(("a", "b.c", "d", '"k\\x4')) for _ in members]
    keys = [f'{name}{i}"' if name[0] == '"' else f"{name}{i}" for i, name in enumerate(names)]
    keyed = [f"{key} = {member}" for key, member in zip(keys, members, strict=True)]
    last = f"{gap[3]}," if keyed and draw.randint(0, 1) else ""
    return f"{{{gap[0]}" + f"{gap[1]},{gap[2]}".join(keyed) + f"{last}{gap[4]}}}"


def test_nested_values_of_toml_1_1() -> None:
    draw, valid = random.Random(11), 0
    for _ in range(3_000):
        text = f"v = {toml_value(draw)} # end\nw = {toml_value(draw)}\n"
        try:
            wanted = tomli.loads(text)
        except ValueError:
            with pytest.raises(ValueError):
                toml.loads(text)
            continue
        valid += 1
        assert repr(toml.loads(text)) == repr(wanted), text
        assert repr(tomli.loads(toml._as_toml_10(text))) == repr(wanted), text
    assert valid > 2_500


def test_fractions_of_toml_are_exact_where_they_are_asked_to_be() -> None:
    found = toml.loads("a = 1.10\nb = +1_0.5\nc = 1\nd = nan\ne = inf\nf = -2e-3", decimals=True)
    assert [str(found[key]) for key in "abcdef"] == ["1.10", "10.5", "1", "nan", "inf", "-0.002"]
    assert [type(found[key]) for key in "abcdef"] == [Decimal, Decimal, int, float, float, Decimal]


def test_costly_toml_is_told_from_text_that_looks_like_it() -> None:
    digits = "1" * 10_000
    for text in (
        f"a = '{digits}'",
        f'a = """{digits}"""',
        f"a = 1 # {digits}",
        "a = '" + "x." * 500 + "'",
        f"a = 1 # {'x.' * 500}",
    ):
        assert toml.loads(text)
    for text in (f"a = {digits}", "x." * 500 + "y = 1", f"b = 'x'\na = {digits}", "a = '.'\n" + "x." * 500 + "y = 1"):
        with pytest.raises(ValueError, match="too many"):
            toml.loads(text)


@given(
    st.text(
        st.one_of(st.sampled_from("\"\\'\b\t\n\f\r\x00\x1b\x7fa"), st.characters(exclude_categories=["Cs"])),
        max_size=12,
    )
)
def test_what_is_written_as_toml_is_read_by_tomli(text: str) -> None:
    assert tomli.loads(f"{toml_strings.write_path([text, 'b'])} = {toml_strings.write_string(text)}") == {
        text: {"b": text}
    }


def test_common_escapes_of_toml_are_the_short_ones() -> None:
    assert toml_strings.write_line('"\\\b\t\n\f\r\x01') == '"\\"\\\\\\b\\t\\n\\f\\r\\u0001"'


# --- XML ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0x9, 0xA, 0x20, 0x41, 0xD7FF, 0xE000, 0xFFFD, 0x10000, 0x10FFFF])
def test_character_references_are_what_lxml_reads(code: int) -> None:
    for text in (f"&#{code};", f"&#x{code:x};", f"&#x{code:X};"):
        assert xml_text.decode(f"a{text}b") == etree.fromstring(f"<r>a{text}b</r>").text == f"a{chr(code)}b"


@pytest.mark.parametrize("text", ["&#xD800;", "&#xDFFF;", "&#x110000;", "&nosuch;", "&", "&#;", "&amp", "a & b"])
def test_what_is_no_reference_stays(text: str) -> None:
    assert xml_text.decode(text) == text


@given(
    st.lists(
        st.sampled_from(["a", "&lt;", "&#65;", "&", "<![CDATA[", "]]>", "]]", "x", "&#x41;", "&am", "<![CD", "é"]),
        max_size=9,
    )
)
def test_xml_text_is_the_same_however_it_is_cut(pieces: list[str]) -> None:
    text = "".join(pieces)
    wanted = xml_text.decode(text)
    for cut in range(len(text) + 1):
        first, pos, mode = xml_text.decode_part(text, 0, cut, xml_text.Mode.ESCAPED, final=False)
        rest = xml_text.decode_part(text, pos, len(text), mode, final=True)[0]
        assert first + rest == wanted


def test_half_a_reference_waits_and_no_more() -> None:
    for text, certain in {"ab&am": 2, "ab&#x4": 2, "ab": 2, "a&amp;b": 7, "a]": 2, "a& b": 4, "a<![CDA": 1}.items():
        assert xml_text.decode_part(text, 0, len(text), xml_text.Mode.ESCAPED, final=False)[1] == certain, text
    assert xml_text.decode_part("a]]", 0, 3, xml_text.Mode.CDATA, final=False)[1] == 1
    assert xml_text.decode_part("a]]", 0, 3, xml_text.Mode.CDATA, final=True)[:2] == ("a]]", 3)


# --- what is looked for, kept and shown ---------------------------------------------------------------------------

WORDS = st.sets(st.text("ab<", min_size=1, max_size=4), min_size=1, max_size=4)


@given(WORDS, st.text("ab<", max_size=10), st.integers(0, 10), st.booleans())
def test_literals_are_what_brute_force_finds(words: set[str], text: str, start: int, final: bool) -> None:
    start, literals = min(start, len(text)), Literals(frozenset(words))
    spans = [(at, word) for at in range(start, len(text)) for word in words if text.startswith(word, at)]
    first = min(spans, key=lambda span: (span[0], -len(span[1])), default=None)
    held = next(
        (at for at in range(start, len(text)) if any(w.startswith(text[at:]) and w != text[at:] for w in words)),
        len(text),
    )
    assert literals.longest == max(map(len, words)) and set(literals.words) == words
    assert literals.held(text, start, len(text)) == held
    at, word = literals.seek(text, start, len(text), final)
    if first is None:
        assert word is None and at in (held, len(text))
        assert not text[start:] or at == (held if any(c in literals.firsts for c in text[start:]) else len(text))
    else:
        may_grow = not final and any(w.startswith(text[first[0] :]) and w != text[first[0] :] for w in words)
        assert (at, word) == (first[0], None if may_grow else first[1])


@given(st.lists(st.text("abc", max_size=5), max_size=6), st.data())
def test_a_buffer_remembers_all_that_it_was_fed(chunks: list[str], data: st.DataObject) -> None:
    buffer, text = Buffer(), ""
    for chunk in chunks:
        text += chunk
        buffer.feed(chunk)
        buffer.release(data.draw(st.integers(buffer.base, buffer.end)))
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, len(text)))
        assert buffer.slice(start, end) == text[start:end]
        if data.draw(st.booleans()):
            back = data.draw(st.integers(0, buffer.end))
            base = min(back, buffer.base)
            buffer.rewind(back)
            assert (buffer.base, buffer.window) == (base, text[base:])


def test_what_is_shown_has_no_control_characters() -> None:
    assert visible("a\x1b[31m\x07\u202e\t\n") == "a\\x1b[31m\\x07\\u202e\t\n"
