"""The laws of the design, as properties of every dialect there is."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest
from effort import PROFILE, rounds
from hypothesis import given, settings
from hypothesis import strategies as st

import wireproto as wp
from wireproto.testing import laws as testing
from wireproto.testing.laws import Decoded, Tally, Trial

# Every dialect, and those that can be salted with a salt too.
SALTED = [wp.dialect(name).salted("k7q2") for name in wp.dialects() if wp.dialect(name).salt]
every_dialect = pytest.mark.parametrize(
    "name", [*wp.dialects(), *SALTED], ids=lambda it: it if isinstance(it, str) else f"{it.name}-salted"
)
# Of what is drawn, so much must be written and come back; the rest `encode` may refuse.
LEAST = 0.1


def structure(name: str) -> Hashable:
    """Return what decides how a dialect is read: its codec, and which markers stand around calls and values."""
    dialect = wp.dialect(name)
    has_wrapper = len(dialect.call.close.literals) > 1
    return dialect.codec, dialect.section is not None, dialect.argument.pad, has_wrapper


# How time grows depends on the structure alone: one dialect of each shows it. The long run takes all of them.
LINEAR = [*{structure(name): name for name in reversed(wp.dialects())}.values()]

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
    testing.check_trial(name, data.draw(testing.trials(name)))


@every_dialect
def test_round_trip(name: str | wp.Dialect) -> None:
    tally = Tally()

    @given(data=st.data())
    def comes_back(data: st.DataObject) -> None:
        tools = data.draw(st.one_of(testing.tool_sets(), st.none()))
        tally.count(testing.law_round_trip(name, data.draw(testing.messages(name, tools)), tools))

    comes_back()
    tally.check(LEAST)


@every_dialect
def test_round_trip_of_one_hostile_value(name: str | wp.Dialect) -> None:
    tally = Tally()

    @given(value=testing.hostile_text(name, [WRITE_FILE]))
    def comes_back(value: str) -> None:
        call = wp.Call("write_file", {"path": "a", "content": value})
        tally.count(testing.law_round_trip(name, wp.Message(calls=(call,)), [WRITE_FILE]))

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
        assert testing.law_round_trip(name, wp.Message(calls=some), [WRITE_FILE])


@every_dialect
def test_early(name: str | wp.Dialect) -> None:
    tally = Tally()

    @given(value=testing.hostile_text(name))
    def is_early(value: str) -> None:
        tally.count(testing.law_early(name, value))

    is_early()
    tally.check(LEAST)


@every_dialect
@given(value=st.text(alphabet="abcXYZ019", min_size=1, max_size=60))
def test_early_where_nothing_can_be_markup(name: str | wp.Dialect, value: str) -> None:
    assert testing.law_early(name, value)


@pytest.mark.parametrize("name", wp.dialects() if PROFILE == "long" else LINEAR)
def test_linear(name: str) -> None:
    testing.law_linear(name)


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
        testing.check_trial(name, trial)


def test_check_dialect_runs_all_of_them() -> None:
    testing.check_dialect("hermes", max_examples=5)
    testing.check_dialect(wp.dialect("qwen3_coder"), tools=[WRITE_FILE], max_examples=5)


def test_a_broken_law_is_named_with_the_text_and_its_chunks() -> None:
    def law_of_silence(found: Decoded) -> None:
        assert not found.chunked[1].text, f"there is text: {found.trial}"

    with pytest.raises(AssertionError) as caught:
        testing.check_trial("hermes", Trial("Hi.", ("H", "i.")), (law_of_silence,))
    assert str(caught.value).startswith("law_of_silence: there is text: Trial(text='Hi.', chunks=('H', 'i.')")


def test_too_many_refusals_are_a_failure() -> None:
    tally = Tally()

    @given(st.integers(0, 9))
    def counts(value: int) -> None:
        tally.count(value < 0)

    counts()
    tally.check(0)
    with pytest.raises(AssertionError, match=f"only 0 of {tally.drawn} could be tried"):
        tally.check(0.01)
