"""Mutation testing: what is changed, what is left alone, and that a change is seen or not; the run itself is for the night."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mutants.operators import mutated, mutations

ROOT = Path(__file__).resolve().parents[1]
SOURCE = '''
"""A text."""
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import json
__all__ = ["f"]
LIMIT: int = 3
SIGNS = "<>"

def f(x: "str", y: int = 1) -> int:
    """Another text."""
    if x in SIGNS and not y:
        raise ValueError("no " + x)
    for _ in x:
        y += 1
    return y
'''


def test_every_place_is_changed_in_every_way() -> None:
    found = [(each.operator, each.before, each.after) for each in mutations(ast.parse(SOURCE))]
    assert found == [
        ("number", "3", "4"),
        ("number", "3", "2"),
        ("string", "'<>'", "'<'"),
        ("number", "1", "2"),
        ("condition", "if x in SIGNS and (not y):", "if not (x in SIGNS and (not y)):"),
        ("boolean", "x in SIGNS and (not y)", "x in SIGNS or not y"),
        ("operand", "x in SIGNS and (not y)", "not y"),
        ("operand", "x in SIGNS and (not y)", "x in SIGNS"),
        ("comparison", "x in SIGNS", "x not in SIGNS"),
        ("negation", "not y", "y"),
        ("no round", "for _ in x:", "for _ in ():"),
        ("statement", "y += 1", "pass"),
        ("arithmetic", "y += 1", "y -= 1"),
        ("number", "1", "2"),
        ("return", "return y", "return None"),
    ]


def test_a_number_names_a_mutation() -> None:
    listed = [*mutations(ast.parse(SOURCE))]
    for number, each in enumerate(listed):
        tree = mutated(SOURCE, number, "f.py")
        assert ast.unparse(tree) != ast.unparse(ast.parse(SOURCE)), each
        compile(tree, "f.py", "exec")
    with pytest.raises(IndexError):
        mutated(SOURCE, len(listed), "f.py")


def test_a_default_acts_when_its_module_is_imported() -> None:
    functions = {each.before: each.function for each in mutations(ast.parse(SOURCE))}
    assert functions["3"] is None and functions["y += 1"] == functions["return y"] == (10, 16)


def test_a_change_is_seen_where_a_check_calls_the_function(tmp_path: Path) -> None:
    # Without a survey of all checks, which takes minutes: one case, and a function that it calls.
    lines = (ROOT / "wireproto/codecs/tagged/reader.py").read_text(encoding="utf-8").splitlines()
    line = next(at for at, text in enumerate(lines, 1) if "def read(" in text)
    inside = next(at for at in range(line + 1, line + 20) if "while " in lines[at - 1] or "return " in lines[at - 1])
    check = {"name": "close-02", "cost": 0.001, "calls": [f"codecs/tagged/reader.py:{line}"]}
    survey, report = tmp_path / "survey.json", tmp_path / "report.json"
    survey.write_text(json.dumps({"drawn": [], "kept": [], "tests": [], "checks": [check]}), encoding="ascii")
    only = ["-n", "0", "--only", f"codecs/tagged/reader.py:{inside}", "--jobs", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.mutants", *only, "--survey", str(survey), "--json", str(report)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    killed = {row["killed"] for row in json.loads(report.read_text(encoding="utf-8"))["mutants"]}
    assert (done.returncode, killed) == (0, {"case"}), done.stdout + done.stderr


def test_each_equivalent_mutant_is_one_and_has_a_reason() -> None:
    """A line that fits none, or several, would excuse what nobody has looked at."""
    for each in map(
        json.loads, (ROOT / "benchmarks/mutants/equivalent.jsonl").read_text(encoding="utf-8").splitlines()
    ):
        source = (ROOT / "wireproto" / each["file"]).read_text(encoding="utf-8")
        lines = source.split("\n")
        fits = {
            mutation.line
            for mutation in mutations(ast.parse(source))
            if (mutation.before, mutation.after) == (each["before"], each["after"])
            and each.get("line", "") in lines[mutation.line - 1]
        }
        assert each["why"] and len(fits) <= 2, (each, fits)
        assert fits, f"it is gone: {each}"
