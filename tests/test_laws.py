"""The laws of the design, as properties of every dialect there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto.testing import laws as testing
from wireproto.testing.laws import Trial

# Every dialect, and those that can be salted with a salt too.
SALTED = [wp.dialect(name).salted("k7q2") for name in wp.dialects() if wp.dialect(name).salt]
every_dialect = pytest.mark.parametrize(
    "name", [*wp.dialects(), *SALTED], ids=lambda it: it if isinstance(it, str) else f"{it.name}-salted"
)

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


@pytest.mark.parametrize("law", testing.TRIAL_LAWS, ids=lambda law: law.__name__)
@every_dialect
@given(data=st.data())
def test_decoding(name: str | wp.Dialect, law: Callable[[str, Trial], None], data: st.DataObject) -> None:
    law(name, data.draw(testing.trials(name)))


@every_dialect
@given(data=st.data())
def test_round_trip(name: str | wp.Dialect, data: st.DataObject) -> None:
    tools = data.draw(st.one_of(testing.tool_sets(), st.none()))
    testing.law_round_trip(name, data.draw(testing.messages(name, tools)), tools)


@every_dialect
@given(data=st.data())
def test_round_trip_of_one_hostile_value(name: str | wp.Dialect, data: st.DataObject) -> None:
    call = wp.Call("write_file", {"path": "a", "content": data.draw(testing.hostile_text(name, [WRITE_FILE]))})
    testing.law_round_trip(name, wp.Message(calls=(call,)), [WRITE_FILE])


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
@given(data=st.data())
def test_early(name: str | wp.Dialect, data: st.DataObject) -> None:
    testing.law_early(name, data.draw(testing.hostile_text(name)))


@every_dialect
@given(value=st.text(alphabet="abcXYZ019", min_size=1, max_size=60))
def test_early_where_nothing_can_be_markup(name: str | wp.Dialect, value: str) -> None:
    testing.law_early(name, value)


@every_dialect
def test_linear(name: str | wp.Dialect) -> None:
    testing.law_linear(name)


@every_dialect
@pytest.mark.parametrize(
    "text",
    [
        "",
        "9" * 5_000,
        "[" * 20_000,
        '{"a":' * 20_000,
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
        for chunks in ((output,), tuple(output[at : at + 7] for at in range(0, len(output), 7))):
            trial = Trial(output, chunks, tools=[WRITE_FILE])
            testing.law_total(name, trial)
            testing.law_lossless(name, trial)
            testing.law_monotone(name, trial)


def test_check_dialect_runs_all_of_them() -> None:
    testing.check_dialect("hermes", max_examples=5)
    testing.check_dialect(wp.dialect("qwen3_coder"), tools=[WRITE_FILE], max_examples=5)
