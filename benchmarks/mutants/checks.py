"""The checks that a mutant has to pass: every case of fixtures/, and generated outputs held to the laws.

A case is judged as tests/ judge it: by what its file expects, whole and a character at a time; an output of
fixtures/decodings/ by everything that comes out of it, and when. Outputs are drawn once
(`draw`), as `wireproto fuzz` draws them, so that a check costs no drawing.
It must be imported in a child only: it imports wireproto. Law: a check returns None, or what is wrong.
"""

from __future__ import annotations

import ast
import importlib
import json
import runpy
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import wireproto as wp
from benchmarks import classify
from wireproto.fuzz.plan import Plan, subjects
from wireproto.fuzz.work import judge
from wireproto.testing.decoded import merged
from wireproto.testing.grammar_law import GRAMMAR_AGREES
from wireproto.testing.laws import LAWS
from wireproto.text.json_safe import identical

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
# How many outputs are drawn, and how long decoding one may take.
OUTPUTS = 1_000
_SECONDS = 2.0
# Laws that cost more than the others together are held to few outputs, or to none: that of time.
_DEAR = 100


class Check(NamedTuple):
    """One check: its name, the dialect that it needs, and what runs it."""

    name: str
    dialect: str
    run: Callable[[], str | None]


def cases() -> Iterator[Check]:
    """Yield the checks of the fixtures."""
    for path in [*sorted(FIXTURES.glob("*.jsonl")), *sorted((FIXTURES / "reality").glob("*.jsonl"))]:
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            yield Check(case["id"], case["dialect"], lambda case=case: _case(case))  # type: ignore[misc]
    tools = json.loads((FIXTURES / "recorded" / "tools.json").read_text(encoding="utf-8"))
    for path in sorted((FIXTURES / "recorded").glob("*.expected.json")):
        expect = json.loads(path.read_text(encoding="utf-8"))
        name = path.name.partition(".")[0]
        text = (path.parent / f"{name}.txt").read_bytes().decode()
        case = {**expect, "id": name, "tools": tools, "text": text, "expect": expect}
        yield Check(name, case["dialect"], lambda case=case: _case(case))  # type: ignore[misc]
    yield from of_dialects()
    yield from _decodings()
    for found in classify.corpus():
        yield Check(found.id, found.dialect, lambda found=found: _verdict(found))  # type: ignore[misc]


def _decodings() -> Iterator[Check]:
    script = runpy.run_path(str(FIXTURES / "decodings" / "decodings.py"))
    for cases in script["files"]().values():
        for case in cases:
            yield Check(case["id"], case["dialect"], lambda case=case: _changed(case, script["comes"](case)))  # type: ignore[misc]


def _changed(case: dict[str, Any], comes: list[str]) -> str | None:
    return None if comes == case["comes"] else f"it comes to {comes}"


def of_dialects() -> Iterator[Check]:
    """Yield the checks of what every dialect writes and reads back, and of outputs that are cut off."""
    for name in _shapes().ENDS:  # the dialects whose shapes are described
        yield Check(f"values-{name}", name, lambda name=name: _shapes().wrong_value(name))  # type: ignore[misc]
        yield Check(f"cuts-{name}", name, lambda name=name: _shapes().wrong_cut(name))  # type: ignore[misc]


def _shapes() -> Any:
    """Return the module of tests/ that holds what rules say of the shapes of texts."""
    sys.path.insert(0, str(FIXTURES.parent / "tests"))
    return importlib.import_module("shapes")


def _case(case: dict[str, Any]) -> str | None:
    events, message = _decode(case, (case["text"],))
    expect = case["expect"]
    calls = {
        "calls": [_plain(call) for call in message.calls if call.complete],
        "incomplete": [_plain(call) for call in message.calls if not call.complete],
        "candidates": [_plain(call) for call in message.candidates],
    }
    for part, got in calls.items():
        if expect.get(part) is not None and not identical(got, expect[part]):
            return f"{part} are {got}"
    for part in ("text", "reasoning"):
        if expect.get(part) is not None and getattr(message, part).strip() != expect[part].strip():
            return f"{part} is {getattr(message, part)!r}"
    found = {each.code for each in (*message.diagnoses, *(d for call in message.calls for d in call.diagnoses))}
    exact = expect.get("codes")
    if not _are_said(case, found) or (exact is not None and sorted(found) != exact):
        return f"diagnoses are {found}"
    if "".join(segment.raw for segment in message.segments) != case["text"]:
        return "segments do not tile the text"
    cut, other = _decode(case, tuple(case["text"]))
    if other != message or merged(cut) != merged(events):
        return "by character it is another message"
    if case["id"].startswith("real-") and case.get("auto", True) and expect.get("calls") is not None:
        _, other = _decode({**case, "dialect": "auto"}, (case["text"],))
        if not identical([_plain(call) for call in other.calls if call.complete], expect["calls"]):
            return "auto finds other calls"
    return None


def _are_said(case: dict[str, Any], found: set[str]) -> bool:
    wanted = case["expect"].get("diagnosis") or []
    if case["id"].startswith("real-"):
        return ({wanted} if isinstance(wanted, str) else set(wanted)) <= found
    if not isinstance(wanted, str):
        return True
    codes = _names_of_codes()[wanted.partition(":")[0]]
    return codes is None or bool(found & set(codes))


@cache
def _names_of_codes() -> dict[str, tuple[str, ...] | None]:
    """Return what the diagnoses in the older files mean: the table of tests/test_cases.py, which is not imported."""
    tree = ast.parse((FIXTURES.parent / "tests" / "test_cases.py").read_text(encoding="utf-8"))
    found = (
        each.value for each in tree.body if isinstance(each, ast.AnnAssign) and ast.unparse(each.target) == "CODES_OF"
    )
    table: dict[str, tuple[str, ...] | None] = ast.literal_eval(next(each for each in found if each is not None))
    return table


def _decode(case: dict[str, Any], chunks: tuple[str, ...]) -> tuple[list[Any], wp.Message]:
    decoder = wp.Decoder(
        case["dialect"],
        case["tools"],
        policy=wp.Policy(**case.get("policy", {})),
        reasoning_open=case.get("reasoning_open", False),
        **({"forced": case["forced"]} if "forced" in case else {}),
    )
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    events += decoder.close(case.get("finish_reason"))
    return events, decoder.message


def _plain(call: wp.Call) -> dict[str, Any]:
    return {"name": call.name, "arguments": call.arguments}


def _verdict(case: classify.Case) -> str | None:
    verdict = case.verdict()
    if verdict.label != case.label:
        return f"it is labelled {verdict.label}"
    return "a phantom call" if case.negative and verdict.message.calls else None


def draw(with_seed: int, count: int = OUTPUTS) -> list[dict[str, Any]]:
    """Draw outputs of all dialects, salted ones and "auto" in turn, as plain data, and the shapes of all dialects."""
    plan = Plan(subjects("all"), str(with_seed))
    shapes = [shape for name in _shapes().ENDS for shape in _shapes().shapes(name)]
    return [*shapes, *({**plan.draw(key), "dear": plan.has_turn(key, 50)} for key in range(count))]


def generated(drawn: list[dict[str, Any]]) -> Iterator[Check]:
    """Yield the checks of what was drawn: of a shape what a rule says, of any other output the laws."""
    for at, case in enumerate(drawn):
        if "expect" in case:
            yield Check(case["id"], case["dialect"], lambda case=case: _case(case))  # type: ignore[misc]
        else:
            yield Check(f"law-{at}", case["dialect"], lambda case=case: _law(case))  # type: ignore[misc]


def _law(case: dict[str, Any]) -> str | None:
    found = judge(
        case, _SECONDS, [law for law in LAWS if law.every < _DEAR or (case["dear"] and law is GRAMMAR_AGREES)]
    )
    return f"law {found.broken['law']['name']}: {found.broken['where']}" if found.broken else None
