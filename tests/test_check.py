"""What an author of a plug-in sees: one line, progress, a bound on time, and the smallest example that was found."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

import wireproto as wp
from wireproto.testing import Decoded, Law, LawBroken, Trial, check, check_dialect, minimise
from wireproto.testing.growth import check_growth
from wireproto.testing.watchdog import NeverEnds, TimeLimit


@pytest.fixture(autouse=True)
def no_floods(monkeypatch: pytest.MonkeyPatch) -> None:
    # tests/test_laws.py measures the time that every dialect takes.
    monkeypatch.setattr(check, "check_floods", lambda dialect: None)


def law_against(part: str, of: Callable[[wp.Message], str]) -> Law:
    """Return a law that a part of what is decoded must not hold."""

    def holds(found: Decoded) -> None:
        if part in of(found.whole.message):
            raise LawBroken(law, "it is there", "none", part, found.trial, found.dialect)

    law = Law(10, "made up", "It is not there.", holds)
    return law


def test_progress_is_one_line_of_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    check_dialect("hermes", examples=3, progress=True)
    out, err = capsys.readouterr()
    assert out == "" and "hermes: 0 of 3 outputs" in err and "\n" not in err and err.endswith("\r\x1b[K")
    check_dialect("hermes", examples=3)
    assert capsys.readouterr() == ("", "")


def test_time_is_bounded() -> None:
    started = time.monotonic()
    check_dialect("hermes", examples=1_000_000, seconds=0.5)
    assert time.monotonic() - started < 10


def test_nothing_but_the_package_is_needed() -> None:
    script = """
import sys
sys.modules |= dict.fromkeys(("hypothesis", "lark", "jsonschema", "lxml", "selectolax", "xllamacpp", "typer", "rich"))
from wireproto.testing import check, check_dialect
check.check_floods = lambda dialect: None
check_dialect("qwen3_coder", examples=5)
check_dialect("xml", examples=5)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_an_example_is_made_small() -> None:
    law = law_against("needle", lambda message: message.text)
    text = "Some words before it, " * 20 + "a needle" + " and words after it" * 20
    tools = [{"name": "f"}, {"name": "g"}]
    policy = wp.Policy(coerce=False, second_look=False)
    trial = Trial(text, tuple(text[at : at + 9] for at in range(0, len(text), 9)), tools, "length", False, policy)
    with pytest.raises(LawBroken) as caught:
        law.check(Decoded("hermes", trial))
    smaller = minimise(caught.value, "hermes")
    assert smaller.trial == Trial("needle") and smaller.law is law
    assert minimise(caught.value, "hermes", seconds=0).trial == trial


def test_what_matters_stays_in_a_small_example() -> None:
    def holds(found: Decoded) -> None:
        trial = found.trial
        if "ab" in trial.text and "a" in trial.chunks and trial.finish_reason == "length":
            raise LawBroken(law, "cut between a and b", "", "", trial, found.dialect)

    law = Law(10, "made up", "No cut.", holds)
    text = "xx ab yy <tool_call>"
    trial = Trial(text, ("xx ", "a", "b yy ", "<tool_call>"), None, "length", True, wp.Policy())
    with pytest.raises(LawBroken) as caught:
        law.check(Decoded("hermes", trial))
    assert minimise(caught.value, "hermes").trial == Trial("ab", ("a", "b"), None, "length")


def test_a_message_is_made_small() -> None:
    def holds(found: Decoded) -> None:
        message = found.trial.message
        if message and any("x" in str(call.arguments.get("path")) for call in message.calls):
            raise LawBroken(law, "x is there", "", "", found.trial, found.dialect)

    law = Law(10, "made up", "No x.", holds)
    calls = (wp.Call("f", {"a": 1}), wp.Call("g", {"path": "some x here", "n": [1, 2], "m": True}, "id1"))
    trial = Trial("text", tools=None, message=wp.Message(text="Sure.", reasoning="Hm.", calls=calls))
    with pytest.raises(LawBroken) as caught:
        law.check(Decoded("hermes", trial))
    small = minimise(caught.value, "hermes").trial
    assert small == Trial("", message=wp.Message(calls=(wp.Call("g", {"path": "x"}),)))
    assert "message: ('', '', [('g', {'path': 'x'}, True)])" in str(minimise(caught.value, "hermes"))


def test_growth_is_measured_more_than_once() -> None:
    small, large = Trial("a" * 500), Trial("a" * 2_000)
    check_growth("hermes", "letters", small, large, growth=1e9)
    with pytest.raises(LawBroken, match="law 7, linear: letters, 4 characters at a time") as caught:
        check_growth("hermes", "letters", small, large, growth=0)
    assert caught.value.got > 0


def test_a_block_is_stopped_when_its_time_is_up() -> None:
    for _ in range(2):
        with pytest.raises(NeverEnds), TimeLimit(0.05):
            while True:
                pass
    with TimeLimit(0.05):
        pass
    end = time.process_time() + 0.3
    while time.process_time() < end:  # nothing comes late
        pass
    with pytest.raises(NeverEnds), TimeLimit(60), TimeLimit(0.05):
        while True:
            pass
    with pytest.raises(NeverEnds), TimeLimit(0.05):
        try:
            while True:
                pass
        except NeverEnds:  # lost, as inside a callback of the garbage collector: it comes again
            while True:
                pass
    before = sys.gettrace()
    try:
        sys.settrace(lambda *given: None)  # CPython 3.11 never ended here, where it still expected an exception
        TimeLimit(1)
    finally:
        sys.settrace(before)
