"""An output step by step: the steps tile it, nothing is certain before it came, and every reason is a true one."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import wireproto as wp
from wireproto.cli.main import app
from wireproto.fuzz.cases import trial_of
from wireproto.fuzz.plan import loaded
from wireproto.recover.explain import Explanation, explain
from wireproto.values.diagnoses import CODES, RULES

ROOT = Path(__file__).resolve().parent.parent
SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "fixtures" / "decodings" / "decodings.py"))
# Every case costs up to eight decodings.
SAMPLE = [case for name, cases in SCRIPT["files"]().items() if name != "long.jsonl" for case in cases[::12]]
ADD = {
    "name": "add",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "s": {"type": "string"}}},
}
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'


def _explained(case: dict[str, Any]) -> Explanation:
    trial = trial_of(case | {"tools": SCRIPT["TOOLS"][case["tools"]]})
    return explain(
        trial.text,
        loaded(case["dialect"], case.get("salt")),
        trial.tools,
        policy=trial.policy,
        finish_reason=trial.finish_reason,
        reasoning_open=trial.reasoning_open,
        forced=trial.forced,
    )


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case["id"])
def test_steps_tile_the_output(case: dict[str, Any]) -> None:
    try:
        found = _explained(case)
    except wp.LimitExceeded:
        assert case["comes"][-1].startswith("limit ")
        return
    assert "".join(step.raw for step in found.steps) == case["text"]
    end = 0
    for step in found.steps:
        assert step.span.start == end and case["text"][step.span.start : step.span.end] == step.raw
        end = step.span.end
        assert step.certain_at is None or step.span.end <= step.certain_at <= len(case["text"])
        assert 0 <= step.held <= len(case["text"])
    said = [each for step in found.steps for each in step.diagnoses]
    assert sorted(map(repr, said)) == sorted(map(repr, found.message.diagnoses))
    assert all(case["text"][each.span.start : each.span.end] == each.raw and each.reasons for each in found.unread)


@pytest.mark.parametrize(
    ("text", "given", "reason", "rule"),
    [
        (f"```\n{CALL}\n```\nDone.", {}, "it stands in a Markdown fence", "R-FENCE"),
        (f"<think>{CALL}</think>Done.", {}, "it stands in reasoning", "R-THINK"),
        (CALL, {"reasoning_open": True, "policy": wp.Policy(reasoning_calls="never")}, "reasoning", "R-THINK"),
        (CALL.replace("add", "sub"), {"policy": wp.Policy(unknown_tools="text")}, "not declared", "R-UNK"),
        (f"Write `{CALL}` then.", {}, "a backtick stands before it", "R-OPEN"),
        ("Write <tool_call> then.", {}, "what follows it is not what a call has there", "R-OPEN"),
    ],
)
def test_why_a_marker_is_text(text: str, given: dict[str, Any], reason: str, rule: str) -> None:
    found = explain(text, "hermes", [ADD], **given)
    assert not found.message.calls
    assert any(reason in why and each == rule for unread in found.unread for why, each in unread.reasons), found.unread


def test_a_call_that_was_read_has_no_markers_that_are_text() -> None:
    found = explain(f"Hi.\n{CALL}", "hermes", [ADD])
    assert [call.arguments for call in found.message.calls] == [{"a": 1}]
    assert not found.unread
    assert found.steps[0].what == "text"
    assert any(step.what.startswith("a call of add begins") for step in found.steps)


def test_a_repair_names_its_rule() -> None:
    text = "<tool_call>\n<function=add>\n<parameter=s>\nx\n</parameter></parameter>\n</function>\n</tool_call>"
    found = explain(text, "qwen3_coder", [ADD])
    assert [step.rules for step in found.steps if step.rules] == [("R-CLOSE2",)]


def test_every_rule_has_its_section() -> None:
    sections = (ROOT / "docs" / "explanation" / "rules.md").read_text(encoding="utf-8")
    assert RULES.keys() <= CODES.keys()
    assert all(f"\n## {rule}: " in sections for rule in RULES.values())


def test_a_long_output_takes_no_longer_than_it_is_long() -> None:
    text = "<think>" + f"{CALL}\n" * 400 + "</think>Done."
    found = explain(text, "hermes", [ADD])
    assert len(found.unread) == 20 and "".join(step.raw for step in found.steps) == text


def test_the_command(tmp_path: Path) -> None:
    output, tools = tmp_path / "output.txt", tmp_path / "tools.json"
    output.write_text(f"```\n{CALL}\n```\n\x1b[31mDone.", encoding="utf-8")
    tools.write_text(json.dumps([ADD]), encoding="utf-8")
    arguments = ["explain", str(output), "--dialect", "hermes", "--tools", str(tools)]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0 and "\x1b" not in shown.output
    assert "it stands in a Markdown fence (R-FENCE)" in shown.output
    data = json.loads(CliRunner().invoke(app, [*arguments, "--format", "json"]).output)
    assert "".join(step["raw"] for step in data["steps"]) == output.read_text(encoding="utf-8")
    assert data["unread"][0]["reasons"] == [{"why": "it stands in a Markdown fence", "rule": "R-FENCE"}]
    assert data["message"]["candidates"][0]["name"] == "add"
