"""The fragments of calls: strict JSON that is the arguments, or text that never parses."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from clients import spells, strict
from effort import rounds
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judging import CASES, REALITY

import wireproto as wp
from wireproto import fuzz
from wireproto.adapters import Fragments
from wireproto.adapters.fragments import arguments_text
from wireproto.testing.decoded import decode
from wireproto.testing.generators.trials import Trial

every_dialect = pytest.mark.parametrize("name", [*wp.dialects(), "auto"])


def check(events: Iterable[wp.Event]) -> None:
    """Hold the fragments of every call to the law."""
    fragments, joined = Fragments(), ""
    for event in events:
        joined = "" if isinstance(event, wp.CallStart) else joined
        part = fragments.of(event)
        part.encode("utf-8")
        joined += part
        if not isinstance(event, wp.CallEnd):
            continue
        for text in (joined, arguments_text(event.call)):
            if event.call.complete:
                assert spells(text, event.call.arguments), (text, event.call.arguments)
            else:
                with pytest.raises(ValueError, match=r"."):
                    strict(text)


@every_dialect
@settings(max_examples=rounds(8, 2_000))
@given(data=st.data())
def test_fragments_of_drawn_outputs(name: str, data: st.DataObject) -> None:
    trial = data.draw(fuzz.trials(name))
    check(decode(name, trial)[0])


def test_fragments_of_fixtures() -> None:
    for at, case in enumerate([*CASES, *REALITY]):
        text, step = case["text"], (1, 3, 11, 10_000)[at % 4]
        chunks = tuple(text[start : start + step] for start in range(0, len(text), step))
        policy = wp.Policy(**case.get("policy", {}))
        trial = Trial(
            text,
            chunks,
            case["tools"],
            policy=policy,
            finish_reason=case.get("finish_reason"),
            reasoning_open=case.get("reasoning_open", False),
            forced=case.get("forced"),
        )
        check(decode(case["dialect"], trial)[0])


def events_of(name: str, arguments: list[tuple[str, str, str]], complete: bool = True) -> Iterable[wp.Event]:
    """Yield the events of a call whose arguments are key, kind and text."""
    yield wp.CallStart(0, name)
    for key, kind, text in arguments:
        yield wp.ArgumentStart(0, key, "string" if kind == "string" else "json")
        yield from (wp.ArgumentDelta(0, key, character) for character in text)
        yield wp.ArgumentEnd(0, key, None)
    values = {key: text if kind == "string" else json.loads(text) for key, kind, text in arguments}
    yield wp.CallEnd(0, wp.Call(name, values, complete=complete))


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters())))
@example({"\ud83d": "\ud83d\ude00", '"': "\\", "\x00": "\u2028\x7f"})
def test_trap_5_any_character_may_come_alone(values: dict[str, str]) -> None:
    check(events_of("f", [(key, "string", value) for key, value in values.items()]))


def test_trap_4_a_call_without_arguments_is_an_object() -> None:
    fragments = Fragments()
    assert "".join(map(fragments.of, events_of("f", []))) == "{}"
    assert "".join(map(fragments.of, events_of("f", [], complete=False))) == "{"
    assert arguments_text(wp.Call("f")) == "{}" and arguments_text(wp.Call("f", complete=False)) == "{"


def test_trap_23_what_was_cut_stays_open() -> None:
    fragments = Fragments()
    joined = "".join(map(fragments.of, events_of("f", [("a", "json", '{"b": [1]}')], complete=False)))
    assert joined == '{"a":{"b": [1]}'
    assert arguments_text(wp.Call("f", {"a": 1}, complete=False)) == '{"a": 1'


def test_half_of_a_pair_in_json_is_escaped() -> None:
    check(events_of("f", [("a", "json", '["\ud83d", "é\udc00"]')]))
