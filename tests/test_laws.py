"""The laws of the design, as properties of every dialect there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from effort import Tally, rounds, some_dialects
from hypothesis import given, settings
from hypothesis import strategies as st

import wireproto as wp
from wireproto import fuzz
from wireproto.testing import Decoded, Law, LawBroken, Trial, check_dialect, check_trial
from wireproto.testing.growth import GROWTH, check_floods, growth_of
from wireproto.testing.laws import LAWS, TRIAL_LAWS
from wireproto.testing.writing import EARLY, ROUND_TRIP

# Every dialect, and those that can be salted with a salt too.
SALTED = [wp.dialect(name).salted("k7q2") for name in some_dialects() if wp.dialect(name).salt]
every_dialect = pytest.mark.parametrize(
    "name", [*some_dialects(), *SALTED], ids=lambda it: it if isinstance(it, str) else f"{it.name}-salted"
)
# Of what is drawn, so much must be written and come back; the rest `encode` may refuse.
LEAST = 0.1


WRITE_FILE = {
    "type": "function",
    "function": {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "content": {"type": "string"},
                "mode": {"type": "integer"},
                "options": {"type": "object"},
                "lines": {"type": "array", "items": {"type": "string"}},
                "force": {"type": "boolean"},
                "note": {"type": ["string", "null"]},
            },
        },
    },
}
PLAIN_ARGUMENTS: dict[str, Any] = {
    "path": "src/a.py",
    "content": "def f(x):\n    return x < 3 and x > 1  # é 😀\n\n",
    "mode": 420,
    "options": {"deep": {"list": [1, 2.5, None, True, "s"]}},
    "lines": ["a", "b\nc"],
    "force": False,
    "note": None,
}


@every_dialect
@settings(max_examples=rounds(40, 2_000))
@given(data=st.data())
def test_decoding(name: str | wp.Dialect, data: st.DataObject) -> None:
    check_trial(name, data.draw(fuzz.trials(name)))


def keeps(law: Law, name: str | wp.Dialect, message: wp.Message, tools: Any = None) -> bool:
    """Hold a message to a law of writing; return whether it could be written."""
    return law.check(Decoded(name, Trial("", tools=tools, message=message))) is not False


@every_dialect
def test_round_trip(name: str | wp.Dialect) -> None:
    tally = Tally()

    @given(data=st.data())
    def comes_back(data: st.DataObject) -> None:
        tools = data.draw(st.one_of(fuzz.tools(), st.none()))
        tally.count(keeps(ROUND_TRIP, name, data.draw(fuzz.messages(name, tools)), tools))

    comes_back()
    tally.check(LEAST)


@every_dialect
def test_round_trip_of_one_hostile_value(name: str | wp.Dialect) -> None:
    tally = Tally()

    @given(value=fuzz.hostile_values(name, [WRITE_FILE]))
    def comes_back(value: str) -> None:
        call = wp.Call("write_file", {"path": "a", "content": value})
        tally.count(keeps(ROUND_TRIP, name, wp.Message(calls=(call,)), [WRITE_FILE]))

    comes_back()
    tally.check(LEAST)


@every_dialect
def test_ordinary_calls_are_not_refused(name: str | wp.Dialect) -> None:
    # Without this, an encoder that refuses everything would pass the round trip.
    calls = (
        wp.Call("write_file", PLAIN_ARGUMENTS),
        wp.Call("write_file", {"path": "", "content": "x\n", "options": {}, "lines": []}),
    )
    for some in (calls[:1], calls, (wp.Call("write_file"),), ()):
        assert keeps(ROUND_TRIP, name, wp.Message(calls=some), [WRITE_FILE])


@every_dialect
def test_early(name: str | wp.Dialect) -> None:
    tally = Tally()

    @given(value=fuzz.hostile_values(name))
    def is_early(value: str) -> None:
        tally.count(keeps(EARLY, name, wp.Message(calls=(wp.Call("f", {"x": value}),))))

    is_early()
    tally.check(LEAST)


@every_dialect
@given(value=st.text(alphabet="abcXYZ019", min_size=1, max_size=60))
def test_early_where_nothing_can_be_markup(name: str | wp.Dialect, value: str) -> None:
    assert keeps(EARLY, name, wp.Message(calls=(wp.Call("f", {"x": value}),)))


@pytest.mark.parametrize("name", some_dialects())
def test_linear(name: str) -> None:
    check_floods(name)


def test_a_run_that_is_held_takes_linear_time() -> None:
    """Nothing of a call in an open fence is certain; its events once were copied with every chunk."""
    head = '```\n<tool_call>\n{"name": "write_file", "arguments": {"content": "'
    small, large = (Trial(head + "more of it " * (size // 11), (), [WRITE_FILE]) for size in (15_000, 60_000))
    assert growth_of("hermes", small, large, 1, GROWTH**2) <= GROWTH**2


@every_dialect
@pytest.mark.parametrize(
    "text",
    [
        "",
        "9" * 5_000,
        "[" * 5_000,
        '{"a":' * 5_000,
        "\x00",
        "\ud83d",
        "\ude00\ud83d",
        "\ufeff",
        "`" * 5_000,
        "\r" * 100,
    ],
    ids=lambda text: f"{text[:5]!a}x{len(text)}",
)
def test_extremes(name: str | wp.Dialect, text: str) -> None:
    plain = wp.encode([wp.Call("write_file", {"path": "zqz", "content": "b"})], name, tools=[WRITE_FILE])
    # As the output, as the text of a value, and as the whole of a value, quotes included.
    for output in (text, plain.replace("zqz", text), plain.replace('"zqz"', text), plain.split("zqz")[0] + text):
        trial = Trial(output, tuple(output[at : at + 7] for at in range(0, len(output), 7)), tools=[WRITE_FILE])
        check_trial(name, trial)


def test_check_dialect_runs_all_of_them() -> None:
    check_dialect("hermes", examples=5)
    check_dialect(wp.dialect("qwen3_coder"), tools=[WRITE_FILE], examples=5)


def test_the_laws_are_those_of_the_design() -> None:
    page = (
        (Path(__file__).resolve().parent.parent / "docs" / "explanation" / "design.md")
        .read_text(encoding="utf-8")
        .partition("\n## Laws\n")[2]
    )
    named = re.findall(r"^(\d)\. \*\*(.*)\.\*\*", page, re.MULTILINE)
    assert [(str(law.number), law.name) for law in LAWS] == [(number, name.lower()) for number, name in named]
    assert {*TRIAL_LAWS} <= {*LAWS}


def test_a_broken_law_is_named_with_the_text_and_its_chunks() -> None:
    def is_silent(found: Decoded) -> None:
        text = found.chunked.message.text
        if text:
            raise LawBroken(silence, "there is text", "", text, found.trial, found.dialect)

    silence = Law(10, "silent", "There is no text.", is_silent)
    tools = [{"name": "\x1b[31m<|im_start|>"}]
    with pytest.raises(LawBroken) as caught:
        check_trial("hermes", Trial("Hi.", ("H", "i."), tools), (silence,))
    error = caught.value
    assert (error.law, error.expected, error.got) == (silence, "", "Hi.")
    assert (error.text, error.chunks, error.tools) == ("Hi.", ("H", "i."), tools)
    assert str(error).splitlines() == [
        "law 10, silent: there is text (There is no text.)",
        "  expected: ''",
        "  got: 'Hi.'",
        "  dialect: 'hermes'",
        "  text: 'Hi.'",
        "  chunks: ['H', 'i.']",
        "  tools: [{'name': '\\x1b[31m\\x3c|im_start|>'}]",
    ]


def test_too_many_refusals_are_a_failure() -> None:
    tally = Tally()

    @given(st.integers(0, 9))
    def counts(value: int) -> None:
        tally.count(value < 0)

    counts()
    tally.check(0)
    with pytest.raises(AssertionError, match=f"only 0 of {tally.drawn} could be tried"):
        tally.check(0.01)
