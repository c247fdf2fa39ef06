"""Loops are found where they are, once, at the same character for every chunking; what only looks like one is not."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto.engine.loops import BLOCK, DRAWN, FLOOD, LOOK, SHORTEST, WORDS, Loop, Passages, levels
from wireproto.text.buffer import Buffer
from wireproto.text.json_safe import identical

SENTENCE = "I should look at the file again. "
CALL = '<tool_call>\n{"name": "read", "arguments": {"path": "a.py"}}\n</tool_call>\n'
OTHER = CALL.replace("a.py", "b.py")


def loops(text: str, times: int = 8, max_period: int = 2_000, cuts: Iterable[int] = ()) -> list[Loop]:
    """Return what the detector finds in one stretch that arrives in pieces."""
    buffer, passages, found = Buffer(), Passages(times, max_period), list[Loop]()
    edges = [*sorted({cut for cut in cuts if 0 < cut < len(text)}), len(text)]
    start = 0
    for end in edges:
        buffer.feed(text[start:end])
        if end >= max(BLOCK, passages.due):
            found += passages.read(buffer, 0, end)
        start = end
    return found + passages.finish(buffer, 0, len(text))


def needed(passage: str, times: int) -> int:
    said = len({character for character in passage if character.isalpha()}) >= WORDS
    return max(times * len(passage), SHORTEST if said else DRAWN)


def first_loop(text: str, times: int, max_period: int) -> int | None:
    """Return where the first loop is long enough, by looking at every period and every character."""
    found = []
    for period in range(1, min(max_period, len(text)) + 1):
        run = period
        for at in range(period, len(text)):
            run = run + 1 if text[at] == text[at - period] else period
            if run >= needed(text[at - period + 1 : at + 1], times):
                found.append(at + 1)
                break
    return min(found, default=None)


def told(
    text: str, dialect: str = "hermes", cuts: Iterable[int] = (), **options: Any
) -> list[tuple[int, wp.Diagnosis]]:
    """Return the loops that a decoder tells, each with how many characters of prose and arguments were told before."""
    decoder = wp.Decoder(dialect, **options)
    found, count, start = [], 0, 0
    events: list[wp.Event] = []
    for end in [*sorted({cut for cut in cuts if 0 < cut < len(text)}), len(text)]:
        events += decoder.feed(text[start:end])
        start = end
    for event in events + decoder.close():
        if isinstance(event, wp.Diagnosed) and event.diagnosis.code == "looping":
            found.append((count, event.diagnosis))
        elif isinstance(event, (wp.TextDelta, wp.ReasoningDelta, wp.ArgumentDelta)):
            count += len(event.text)
    assert [said for _, said in found] == [d for d in decoder.message.diagnoses if d.code == "looping"]
    return found


def looping(text: str, dialect: str = "hermes", **options: Any) -> list[tuple[int, int]]:
    return [diagnosis.span for _, diagnosis in told(text, dialect, **options)]


# --- passages ---------------------------------------------------------------------------------------------------------


@st.composite
def stretches(draw: st.DrawFn) -> tuple[str, int, int]:
    """Texts with runs that are just long enough, or just not; thresholds."""
    times = draw(st.sampled_from([3, 4, 5, 8]))
    max_period = draw(st.sampled_from([1, 29, 31, 60, 100]))
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        alphabet = draw(st.sampled_from(["abcdefghijkl", "abcdefgh", "ab -", "a"]))
        passage = draw(st.text(alphabet, min_size=1, max_size=70)) * draw(st.sampled_from([1, 1, 2]))
        size = max(1, needed(passage, times) + draw(st.sampled_from([-1, 0, 0, 1, 7, 300])))
        offset = draw(st.integers(0, len(passage) - 1))
        parts += [draw(st.text("mnopqrst ", max_size=40)), (passage * (size // len(passage) + 2))[offset:][:size]]
    return "".join(parts)[:3_000], times, max_period


@given(stretches(), st.lists(st.integers(0, 3_000), max_size=20))
def test_what_loops_is_found_and_nothing_else(case: tuple[str, int, int], cuts: list[int]) -> None:
    text, times, max_period = case
    found = loops(text, times, max_period)
    assert loops(text, times, max_period, cuts) == found
    first = first_loop(text, times, max_period)
    assert bool(found) == (first is not None)
    for loop in found:
        stretch = text[slice(*loop.span)]
        assert stretch[loop.period :] == stretch[: -loop.period]
        assert loop.period <= max_period and len(stretch) >= needed(stretch[: loop.period], times)
    if first is not None:
        assert first <= found[0].seen <= first + 512 + 2 * max_period + 512


@given(stretches())
def test_one_character_at_a_time_is_the_same(case: tuple[str, int, int]) -> None:
    text, times, max_period = case
    assert loops(text, times, max_period, range(len(text))) == loops(text, times, max_period)


@pytest.mark.parametrize("times", [3, 4, 5, 8, 50])
def test_every_period_belongs_to_one_level(times: int) -> None:
    found = levels(times, 2_000)
    assert found[0].low == 0 and found[-1].high == 2_000
    assert all(one.high == other.low for one, other in pairwise(found))
    assert all(level.low < level.high and level.step > 0 for level in found)


@pytest.mark.parametrize("period", [1, 29, 30, 31, 60, 61, 500, 1_999, 2_000, 2_001])
def test_the_longest_period(period: int) -> None:
    passage = "".join(chr(0x4E00 + i) for i in range(period))
    size = needed(passage, 8)
    text = (passage * (size // period + 1))[:size]
    assert [loop.period for loop in loops(f".{text}.")] == ([period] if period <= 2_000 else [])
    assert loops(f".{text[:-1]}.") == []


def fibonacci(size: int) -> str:
    one, other = "a", "ab"
    while len(other) < size:
        one, other = other, other + one
    return other[:size]


HOSTILE = {
    "a": ("a" * 1_000_000, 1),
    "fibonacci": (fibonacci(1_000_000), 0),
    "thue-morse": ("".join("ab"[bin(i).count("1") & 1] for i in range(1_000_000)), 0),
    "nearly": ("".join(f"the quick brown fox jumps {i % 997}" for i in range(33_000)), 0),
    "growing runs": ("".join("a" * (480 + i % 41) + "b" for i in range(1_900)), 0),
    "many loops": ((SENTENCE * 8 + "!") * 3_000, 3_000),
    "loops of loops": ((SENTENCE * 20 + "?") * 1_500, 1_500),
}


@pytest.mark.parametrize(("text", "count"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_ends(text: str, count: int) -> None:
    assert len(loops(text)) == count


# --- in a decoder -----------------------------------------------------------------------------------------------------


REGIONS = [("", ""), ("<think>\n", ""), ("<think>\n", "\n</think>\nDone."), ("Well! ", "That is all."), (CALL, CALL)]


@pytest.mark.parametrize("times", [7, 8, 9, 40])
@pytest.mark.parametrize(("before", "after"), REGIONS)
def test_a_sentence_eight_times(before: str, after: str, times: int) -> None:
    found = looping(before + SENTENCE * times + after)
    assert len(found) == (times >= 8)
    for start, end in found:
        # A blank before the sentence, and one letter behind it, may belong to the stretch too.
        assert 0 <= len(before) - start <= 1 and len(before) + 8 * len(SENTENCE) <= end


def test_it_is_told_while_the_model_goes_on() -> None:
    (found,) = told(SENTENCE * 1_000, cuts=range(0, 40_000, 4))
    assert found[0] == 512


@given(st.lists(st.integers(0, 60_000), max_size=12))
def test_it_is_told_at_the_same_character(cuts: list[int]) -> None:
    zeros = "0, " * 20_000
    for dialect, text in {
        "hermes": "Hm. " + SENTENCE * 30 + CALL * 6 + SENTENCE * 9 + "\nEnd.",
        "qwen3_coder": f"<tool_call>\n<function=write>\n<parameter=content>\n{zeros}\n</parameter>\n</function>\n</tool_call>",
        "glm47": "<think>" + SENTENCE * 200 + "</think>" + " " * 3_000 + "x",
    }.items():
        whole = told(text, dialect)
        assert whole and told(text, dialect, cuts) == whole
        if dialect == "hermes":
            assert told(text, dialect, range(0, len(text), 4)) == whole and len(whole) == 3


def test_text_is_not_a_loop_across_calls() -> None:
    calls = [CALL.replace("a.py", f"{i}.py") for i in range(12)]
    assert looping("".join("I will look at the next file now.\n" + call for call in calls)) == []


LEGITIMATE = {
    "a table's rule": "| a | b |\n|" + " --- |" * 60 + "\n",
    "an empty table": "| x |\n" + "|   |   |   |   |\n" * 40,
    "a ruler": "-" * 80 + "\n" + "=" * 80 + "\n" + "_" * 120,
    "blanks": "a" + " " * 1_500 + "b" + "\n" * 200 + "c",
    "a progress bar": "[" + "#" * 100 + "." * 100 + "]",
    "drawn": "\n".join([r"/\_/\ " * 12, "( o.o )" * 12, "> ^ < " * 12] * 6),
    "a grid": "\n".join(["0 " * 20] * 20),
    "no, no": "no, " * 30,
    "rows of a file": "\n".join(f"row {i},0,0,0,0,0" for i in range(300)),
    "cells": "<tr><td></td><td></td></tr>\n" * 30,
    "JSON": '{"x": 0, "y": 0},\n' * 60,
    "seven times": SENTENCE * 7,
    "short": "Let me see. " * 9,
}


@pytest.mark.parametrize("text", LEGITIMATE.values(), ids=LEGITIMATE)
def test_what_is_drawn_is_no_loop(text: str) -> None:
    assert looping(text) == []
    assert looping(f"<think>{text}</think>Here:\n\n```\n{text}\n```\n") == []


@pytest.mark.parametrize("text", ["-" * 2_600, "wait " * 520, "\n" * 2_600, "! " * 1_300, "0" * 2_600])
def test_what_is_drawn_for_too_long_is_one(text: str) -> None:
    assert len(looping("So: " + text + "x")) == 1


# --- calls ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", ["", "\n\n", "Again.\n", "<think>Hm.</think>\n"])
def test_the_same_call_five_times(between: str) -> None:
    assert looping((CALL + between) * 4) == []
    (span,) = looping((CALL + between) * 5)
    assert span == (0, len(CALL + between) * 4 + len(CALL) - 1)
    assert len(looping((CALL + between) * 30)) == 1, "once per loop"
    assert len(looping((CALL * 5 + OTHER) * 3)) == 3


def test_other_calls_are_others() -> None:
    assert looping((CALL + OTHER) * 20) == []
    assert looping((CALL * 4 + OTHER) * 5) == []
    numbers = [CALL.replace('"a.py"', value) for value in ("1", "1.0", "true", '"1"', "[1]")]
    assert looping("".join(numbers)) == []


def test_the_same_call_with_other_ids_and_white_space() -> None:
    text = "".join(
        f"<|tool_calls_section_begin|><|tool_call_begin|>functions.read:{i}<|tool_call_argument_begin|>"
        + '{"path":' + " " * i + '"a.py"}<|tool_call_end|><|tool_calls_section_end|>'
        for i in range(5)
    )  # fmt: skip
    assert len(wp.parse(text, "kimi_k2").calls) == 5 and len(looping(text, "kimi_k2")) == 1


def test_calls_that_are_no_calls_do_not_count() -> None:
    fenced = "For example:\n```\n" + CALL * 6 + "```\nThat is all."
    assert looping(fenced) == [] and wp.parse(fenced, "hermes").calls == ()
    assert looping("<think>" + CALL * 6) == [(7, 7 + len(CALL) * 5 - 1)], "a run that stands"


def test_values_are_compared_without_recursion() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    other: list[Any] = []
    for _ in range(100_000):
        other = [other]
    assert identical({"a": deep}, {"a": other}) and not identical([deep], deep)
    assert (
        identical({"a": 1, "b": 2}, {"b": 2, "a": 1})
        and not identical({"a": 1}, {"a": 1, "b": 2})
        and not identical([1], [1, 2])
    )


# --- what is no text --------------------------------------------------------------------------------------------------


def written(value: str) -> str:
    return f"<tool_call>\n<function=write>\n<parameter=content>\n{value}\n</parameter>\n</function>\n</tool_call>"


@pytest.mark.parametrize("value", ["0,0,0,0,0,0,0,0\n" * 1_900, SENTENCE * 900, "A" * 30_000, "0" * (FLOOD - 1)])
def test_files_may_repeat_themselves(value: str) -> None:
    assert looping(written(value), "qwen3_coder") == []


def test_an_argument_without_end_is_told() -> None:
    text = written("0, " * 50_000)
    (found,) = told(text, "qwen3_coder", cuts=range(0, len(text), 4))
    position, diagnosis = found
    assert diagnosis.span == (LOOK, LOOK + FLOOD) and position <= LOOK + FLOOD
    call = wp.parse(text, "qwen3_coder").calls[0]
    assert call.complete and call.diagnoses == (diagnosis,)
    long = written("".join(f"{i}," for i in range(500)) * 30)
    assert all(told(long, "qwen3_coder", range(0, len(long), step)) == told(long, "qwen3_coder") for step in (4, 500))
    assert len(told(long, "qwen3_coder")) == 1
    lines = "".join(f"{i}\n" for i in range(40_000))
    assert len(looping(written(lines + "0, " * 50_000 + lines + "1, " * 50_000), "qwen3_coder")) == 2, "once per loop"


def test_a_run_that_nothing_decides_is_told() -> None:
    # Calls in open reasoning are held until what follows decides; the loop is told all the same.
    decoder = wp.Decoder("hermes")
    events = decoder.feed("<think>Hm.\n" + CALL * 1_000)
    assert [event.diagnosis.code for event in events if isinstance(event, wp.Diagnosed)] == ["looping"]
    assert not any(isinstance(event, wp.CallStart) for event in events)
    decoder.feed("No, all that was a draft.</think>")
    decoder.close()
    assert decoder.message.calls == () and decoder.message.diagnoses[0].code == "looping"


# --- the policy -------------------------------------------------------------------------------------------------------


def test_thresholds() -> None:
    policy = wp.Policy(loops=wp.Loops(max_repeated_calls=2, max_repeated_passages=4, max_period=100))
    assert len(looping(CALL * 2, policy=policy)) == 1
    assert len(looping(SENTENCE * 4, policy=policy)) == 1 and looping(SENTENCE * 3 + "!", policy=policy) == []
    long = "".join(chr(0x4E00 + i) for i in range(101))
    assert looping(long * 20, policy=policy) == [] and len(looping(long[1:] * 20, policy=policy)) == 1


def test_none_switches_off() -> None:
    off = wp.Policy(loops=wp.Loops(max_repeated_calls=None, max_repeated_passages=None))
    assert looping(SENTENCE * 100 + CALL * 20 + written("0" * 100_000), "qwen3_coder", policy=off) == []


@pytest.mark.parametrize("wrong", [{"max_repeated_calls": 1}, {"max_repeated_passages": 2}, {"max_period": 0}])
def test_thresholds_that_make_no_sense(wrong: dict[str, int]) -> None:
    with pytest.raises(wp.PolicyError, match=next(iter(wrong))):
        wp.Loops(**wrong)


def test_a_copy_goes_its_own_way() -> None:
    decoder = wp.Decoder("hermes")
    decoder.feed(CALL * 4 + SENTENCE * 7)
    twin = decoder.copy()
    twin.feed("Enough.")
    twin.close()
    decoder.feed(SENTENCE + CALL)
    decoder.close()
    assert [d.code for d in twin.message.diagnoses] == []
    assert [d.code for d in decoder.message.diagnoses] == ["looping", "looping"]
