"""`lenient`: valid JSON untouched, each rung of the ladder by name, and nothing but `Unreadable` for the rest."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproto.text.json_repair import LADDER, Reading, Unreadable, dumps, loads
from wireproto.values.exact_json import MAX_DEPTH

TEXT = st.text()
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT


def _trees(scalars: st.SearchStrategy[Any], keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=20)


JSON = _trees(SCALARS, TEXT)

# What repr() writes as itself or with an escape that JSON shares.
ORDINARY = st.text().filter(lambda text: all(c.isprintable() or c in "\n\t\r" for c in text))
PYTHON = _trees(st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | ORDINARY, ORDINARY)

# Text that is nearly JSON finds more than text that is nothing.
NEARLY = st.lists(st.sampled_from([*"[]{},:\"'\\ \n0-.eu", "true", "None", "\\n", "\\ud83d", '"a"', "12"])).map("".join)


def identical(left: Any, right: Any) -> bool:
    """Tell 1, 1.0 and True apart, which `==` does not."""
    return repr(left) == repr(right)


@given(JSON, st.booleans())
def test_valid_json_has_no_repairs(value: Any, ascii_only: bool) -> None:
    reading = loads(json.dumps(value, ensure_ascii=ascii_only))
    assert identical(reading.value, value)
    assert reading.repairs == ()


@given(JSON, st.booleans(), st.sampled_from([None, 0, 3]))
def test_the_tolerant_parser_agrees_with_the_strict_one(value: Any, ascii_only: bool, indent: int | None) -> None:
    # A literal newline in front keeps json.loads from reading it.
    reading = loads("\\n" + json.dumps(value, ensure_ascii=ascii_only, indent=indent))
    assert identical(reading.value, value)
    assert reading.repairs == ("literal-newline",)


@given(JSON)
def test_dumps_round_trips(value: Any) -> None:
    assert identical(loads(dumps(value)), Reading(value))


@given(PYTHON)
def test_python_spellings(value: Any) -> None:
    reading = loads(repr(value))
    assert identical(reading.value, value)
    assert set(reading.repairs) <= {"python-literal", "single-quotes", "invalid-escape"}


@given(st.text() | st.text(st.characters()) | NEARLY)
def test_no_text_raises_anything_but_unreadable(text: str) -> None:
    try:
        reading = loads(text)
    except Unreadable as error:
        assert 0 <= error.pos <= len(text)
        assert error.msg in str(error)
    else:
        assert list(reading.repairs) == [rung for rung in LADDER if rung in reading.repairs]
        assert dumps(reading.value)


@given(NEARLY)
def test_no_repair_means_valid_json(text: str) -> None:
    try:
        json.loads(text)
        valid = True
    except ValueError:
        valid = False
    try:
        repairs = loads(text).repairs
    except Unreadable:
        # What json.loads reads and we do not is a number beyond all floats.
        assert not valid or "e" in text
    else:
        assert bool(repairs) == (not valid or "lone-surrogate" in repairs)


@pytest.mark.parametrize(
    ("text", "value", "repairs"),
    [
        ('{"a": "x\ny"}', {"a": "x\ny"}, ["control-character"]),
        ('"\t"', "\t", ["control-character"]),
        ("[1, 2,]", [1, 2], ["trailing-comma"]),
        ('{"a": {"b": 5,},}', {"a": {"b": 5}}, ["trailing-comma"]),
        ('{"a": True, "b": False, "c": None}', {"a": True, "b": False, "c": None}, ["python-literal"]),
        ("None", None, ["python-literal"]),
        ("""{'path': "it's.txt"}""", {"path": "it's.txt"}, ["single-quotes"]),
        (r"['it\'s', 'say \"x\"']", ["it's", 'say "x"'], ["single-quotes"]),
        (r'{"pattern": "\d+\.\w"}', {"pattern": r"\d+\.\w"}, ["invalid-escape"]),
        (r'"it\'s"', "it's", ["invalid-escape"]),
        (r'"\u12 \u+123"', r"\u12 \u+123", ["invalid-escape"]),
        ('"a\\\nb"', "a\\\nb", ["control-character", "invalid-escape"]),
        (r'{"range": \n[1, 5]\n}', {"range": [1, 5]}, ["literal-newline"]),
        (r'\t{\r\n"a"\n:\n"b"\n,\n"c": 1\n}\n', {"a": "b", "c": 1}, ["literal-newline"]),
        ('{"a": [1, {"b": "c"', {"a": [1, {"b": "c"}]}, ["missing-bracket"]),
        ('{"name": "f", "arguments": {}', {"name": "f", "arguments": {}}, ["missing-bracket"]),
        ('{"command": "ls"}}', {"command": "ls"}, ["trailing-bracket"]),
        ("[1] ] }\n]", [1], ["trailing-bracket"]),
        (r'"\ud83d"', "\ufffd", ["lone-surrogate"]),
        (r'["\udE00\uD83D", "\ud83d\ude00"]', ["\ufffd\ufffd", "\U0001f600"], ["lone-surrogate"]),
        (r'"\ud83d\\ude00"', "\ufffd\\ude00", ["lone-surrogate"]),
        (r'{"\ud83d": 1}', {"\ufffd": 1}, ["lone-surrogate"]),
        (r"['\ud83d\ude00']", ["\U0001f600"], ["single-quotes"]),
        (r'"\\ud83d"', r"\ud83d", []),
        ('{"a": 1, "a": 2}', {"a": 2}, []),
        ("{'a': 1, 'a': 2}", {"a": 2}, ["single-quotes"]),
        (" \r\n\t[]", [], []),
        (
            "{{'a': \\n[True,], \"b\": \"\\d\n\", 'c': '\\ud800'}}}",
            {"a": [True], "b": "\\d\n", "c": "\ufffd"},
            [rung for rung in LADDER if rung != "missing-bracket"],
        ),
    ],
)
def test_rungs(text: str, value: Any, repairs: list[str]) -> None:
    assert loads(text) == Reading(value, tuple(repairs))


@pytest.mark.parametrize(
    ("text", "pos"),
    [
        ("", 0),
        (" \n", 2),
        ("\\n", 2),
        ("\ufeff{}", 0),
        ("\u00a0{}", 0),
        ("ls -R", 0),
        ('{"x": "os.getenv("HOME", "/")"}', 17),
        ("['it's']", 4),
        ('"a" "b"', 2),
        ('{"a": 1} x', 9),
        ("{} {}", 3),
        ("[1}", 2),
        ("[1 2]", 3),
        ("[1,,2]", 3),
        ("[,]", 1),
        ("[", 1),
        ("{", 1),
        ("[1, [", 5),
        ("[1,", 3),
        ('{"a"', 4),
        ('{"a":', 5),
        ('{"a": 1,', 8),
        ('{"a": "b', 6),
        ('"abc\\', 0),
        ("{a: 1}", 1),
        ("{1: 1}", 1),
        ("{null: 1}", 1),
        ("(1, 2)", 0),
        ("[NaN]", 1),
        ("-Infinity", 0),
        ("Infinity", 0),
        ("[1e999]", 1),
        ("[" + "9" * 5000 + "]", 1),
        ("+1", 0),
        ("0x1F", 1),
        ("01", 1),
        ("1.", 1),
        (".5", 0),
        ("nullx", 4),
        ("٣", 0),
    ],
)
def test_unreadable(text: str, pos: int) -> None:
    with pytest.raises(Unreadable) as caught:
        loads(text)
    assert caught.value.pos == pos


def test_depth_is_limited_on_both_paths() -> None:
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert loads(deepest).repairs == ()
    assert loads(deepest + "]").repairs == ("trailing-bracket",)
    for text in ("[" + deepest + "]", "[" + deepest + ",]", '{"a":' * 201 + "1" + "}" * 201):
        with pytest.raises(Unreadable, match="200 deep"):
            loads(text)
    assert loads("[[1], [2], [3]]", max_depth=2).value == [[1], [2], [3]]
    assert loads("1", max_depth=0).value == 1
    with pytest.raises(Unreadable):
        loads("[]", max_depth=0)


def test_the_depth_limit_may_exceed_the_interpreters_stack() -> None:
    depth = 50_000
    value = loads("[" * depth + "1" + "]" * depth, max_depth=depth).value
    for _ in range(depth):
        (value,) = value
    assert value == 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10**6,
        '"' * 10**6,
        "'" * 10**6,
        "\\" * 10**6,
        "\\n" * 500_000,
        '{"a":' * 10**5,
        "{}" + "}" * 10**6,
        '"' + "\\d" * 500_000 + '"',
        '"' + "\\ud800" * 160_000 + '"',
        '"' + "\t" * 10**6,
        "[" + '"a" ' * 250_000,
        "['a'" + " " * 10**6,
        "[" + "1," * 500_000 + "]",
        "[" + '"a\\d",' * 150_000,
        '["\\udc00"' + ",[]" * 300_000 + "]",
        "[" + "[]," * 300_000 + "]",
        "9" * 10**6,
        "0." + "1" * 10**6,
        "[0." + "1" * 10**6 + ",]",
        "1e" + "9" * 10**6,
        "tru" * 300_000,
        "\ud800" * 10**6,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_megabytes_are_fast(text: str) -> None:
    start = time.process_time()
    with contextlib.suppress(Unreadable):
        loads(text)
    assert time.process_time() - start < 20


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x", object()])
def test_dumps_refuses_what_json_cannot_carry(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        dumps(value)


def test_dumps_refuses_what_is_too_deep_or_cyclic() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    for value in (deep, cyclic):
        with pytest.raises(ValueError):
            dumps(value)


def test_dumps_keeps_characters() -> None:
    assert dumps({"a": "é😀"}) == '{"a": "é😀"}'
