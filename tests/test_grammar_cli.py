"""`wireproto grammar`: what it prints, where, with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import judging
import pytest
from judging import accepts, assert_one_line

import wireproto as wp
from wireproto.grammars.api import selfcheck
from wireproto.grammars.api.api import grammar
from wireproto.grammars.api.selfcheck import CheckSettings
from wireproto.grammars.expr.expr import Rules, choice, literal, seq

ROOT = Path(__file__).resolve().parent.parent
TOOLS = str(ROOT / "grammars" / "tools.json")
LOADED = json.loads(Path(TOOLS).read_text(encoding="utf-8"))
COMMANDS = ("print", "try", "check")
run = partial(judging.run, "grammar")


def written(folder: Path, tools: Any) -> str:
    path = folder / "tools.json"
    path.write_text(json.dumps(tools), encoding="utf-8")
    return str(path)


# --- print ------------------------------------------------------------------------------------------------------------


def test_the_grammar_and_nothing_else() -> None:
    result = run("hermes", "--tools", TOOLS)
    assert (result.exit_code, result.stdout, result.stderr) == (0, str(grammar("hermes", LOADED)), "")


def test_a_dialect_needs_no_command() -> None:
    expected = run("print", "hermes", "-t", TOOLS, "--choice", "none").stdout
    assert run("hermes", "-t", TOOLS, "--choice", "none").stdout == expected
    assert run("--tools", TOOLS, "--choice", "none", "hermes").stdout == expected


def test_a_file_is_a_dialect_too(tmp_path: Path) -> None:
    path = tmp_path / "check.toml"
    path.write_text(judging.run("show", "hermes").stdout, encoding="utf-8")
    assert run(str(path), "-t", TOOLS, "--choice", "none").exit_code == 0


@pytest.mark.parametrize(
    ("args", "options"),
    [
        (["--choice", "required"], {"choice": "required"}),
        (["--choice", "run"], {"choice": {"name": "run"}}),
        (["--no-parallel"], {"parallel": False}),
        (["--reasoning", "none"], {"reasoning": "none"}),
        (["--reasoning", "open", "--max-reasoning", "99"], {"reasoning": "open", "max_reasoning": 99}),
        (["--lazy"], {"lazy": True}),
        (["--lax"], {"strict": False}),
        (["--target", "ebnf"], {"target": "ebnf"}),
        (["--target", "structural-tag"], {"target": "structural-tag"}),
        (["--target", "lark"], {"target": "lark"}),
    ],
)
def test_options_reach_the_library(args: list[str], options: dict[str, Any]) -> None:
    assert run("hermes", "-t", TOOLS, *args).stdout == str(grammar("hermes", LOADED, **options))


def test_salt() -> None:
    text = run("toml", "-t", TOOLS, "--salt", "k7q2", "--choice", "required").stdout
    assert accepts(text, wp.encode(wp.Call("run", {"command": "ls"}), wp.dialect("toml").salted("k7q2")))
    assert_one_line(run("hermes", "-t", TOOLS, "--salt", "k7q2"), "salt")


def test_requests() -> None:
    def body(*args: str) -> Any:
        result = run("qwen3_coder", "-t", TOOLS, *args)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    tag = grammar("qwen3_coder", LOADED, target="structural-tag")
    lazy = grammar("qwen3_coder", LOADED, lazy=True)
    assert body("--request", "llama.cpp") == grammar("qwen3_coder", LOADED).llama_cpp_request()
    assert body("--request", "llama.cpp", "--lazy") == lazy.llama_cpp_request()
    assert body("--request", "vllm") == tag.vllm_request()
    assert body("--request", "sglang") == tag.sglang_request()
    assert body("--request", "sglang-openai") == tag.sglang_request("openai")
    ebnf = body("--request", "vllm", "--target", "ebnf")
    assert ebnf["structured_outputs"]["grammar"] == str(grammar("qwen3_coder", LOADED, target="ebnf"))
    assert_one_line(run("hermes", "-t", TOOLS, "--request", "vllm", "--lazy"), "no lazy grammars")
    assert_one_line(
        run("hermes", "-t", TOOLS, "--request", "llama.cpp", "--target", "structural-tag"), 'takes target="gbnf"'
    )


def test_what_cannot_be_said_is_refused_or_noted(tmp_path: Path) -> None:
    odd = {"type": "object", "properties": {"x": {"$ref": "http://example.com/x"}}}
    tools = written(tmp_path, [{"name": "f", "parameters": odd}])
    assert_one_line(run("hermes", "-t", tools), "tool 'f': ")
    result = run("hermes", "-t", tools, "--lax")
    assert result.exit_code == 0 and result.stdout.startswith("root ::= ")
    [line] = result.stderr.splitlines()
    assert line.startswith("wireproto: widened: tool 'f': ") and "$ref" in line


def test_keys_in_order_are_noted(tmp_path: Path) -> None:
    many = {"type": "object", "properties": {f"k{i}": {"type": "boolean"} for i in range(8)}}
    result = run("hermes", "-t", written(tmp_path, [{"name": "f", "parameters": many}]))
    assert result.exit_code == 0 and result.stderr.startswith("wireproto: ordered: tool 'f': #")


def test_usage() -> None:
    assert_one_line(run("hermes"), "--tools")
    assert_one_line(run("hermse", "-t", TOOLS), "hermes")
    assert_one_line(run("hermes", "-t", "none.json"), "none.json")
    assert_one_line(run("hermes", "-t", TOOLS, "--choice", "runs"), "the nearest is 'run'")
    assert_one_line(run("llama3_json", "-t", TOOLS, "--lazy"), "lazy")
    assert_one_line(run("hermes", "-t", TOOLS, "--target", "bnf"), "target: one of gbnf, lark, ebnf, structural-tag")
    assert_one_line(run("hermes", "-t", TOOLS, "--target", "xgrammar"), "xgrammar is called 'ebnf'")
    for args, part in (
        (["chek", "x.gbnf"], "Did you mean 'check'?"),
        (["hermes", "--nonsense"], "--nonsense"),
        (["print"], "Missing argument"),
    ):
        result = run(*args)
        assert result.exit_code == 2 and part in result.stderr and "Traceback" not in result.stderr


def test_help() -> None:
    whole = run("--help").stdout
    assert "Example:" in whole and all(f"  {name} " in whole for name in COMMANDS)
    assert "COMMAND|D" in run().stderr
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        result = run(name, "--help")
        assert result.exit_code == 0 and "wireproto grammar " in result.stdout.split("Example:")[1]
        assert f"`grammar {name}" in page
        for word in result.stdout.split():
            assert not word.startswith("--") or word == "--help" or f"`{word.rstrip('.,')}`" in page, word


def test_grammars_are_loaded_when_they_are_asked_for() -> None:
    script = "import sys, wireproto.cli.main; sys.exit('wireproto.grammars.api.sample' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# --- try --------------------------------------------------------------------------------------------------------------


def test_try_counts_what_it_decodes() -> None:
    result = run("try", "hermes", "-t", TOOLS, "-n", "30")
    assert result.exit_code == 0 and result.stderr == ""
    assert result.stdout.splitlines()[-1].startswith("30 texts, ")
    assert result.stdout.splitlines()[-1].endswith(" calls, 0 invalid")
    assert all(name in result.stdout for name in ("write_file", "run", "search"))


def test_try_as_json_and_by_seed() -> None:
    def found(*args: str) -> Any:
        result = run("try", "qwen3_coder", "-t", TOOLS, "--format", "json", *args)
        assert result.exit_code == 0
        return json.loads(result.stdout)

    one = found("-n", "20", "--texts", "--choice", "run", "--no-parallel", "--seed", "3")
    assert one["drawn"] == len(one["texts"]) == 20 and one["invalid"] == []
    assert one["tools"] == {"run": 20} and one["calls"] == 20
    for each in one["texts"]:
        message = wp.parse(each["text"], "qwen3_coder", tools=LOADED)
        assert [call.arguments for call in message.calls] == [call["arguments"] for call in each["calls"]]
        assert each["problem"] is None
    assert found("-n", "20", "--texts", "--choice", "run", "--no-parallel", "--seed", "3") == one
    assert found("-n", "20", "--texts", "--choice", "run", "--no-parallel", "--seed", "4") != one
    assert "texts" not in found("-n", "2")


def test_try_prints_texts() -> None:
    result = run("try", "toml", "-t", TOOLS, "-n", "3", "--texts", "--choice", "required", "--salt", "k7q2")
    assert result.stdout.count(": valid\n+++ tool_calls-k7q2\n") == 3


def test_try_with_other_choices() -> None:
    assert json.loads(run("try", "hermes", "-t", TOOLS, "--choice", "none", "--format", "json").stdout)["calls"] == 0
    opened = run("try", "hermes", "-t", TOOLS, "--reasoning", "open", "--texts", "-n", "5").stdout
    assert opened.count("</think>") >= 5
    assert "<think>" not in run("try", "hermes", "-t", TOOLS, "--reasoning", "none", "--texts", "-n", "20").stdout


def lying(*texts: str) -> Any:
    """Return a maker of grammars that say something else."""

    def make(*args: Any, **options: Any) -> Any:
        found = grammar("hermes", LOADED)
        rules = Rules("root", {"root": choice(*(seq(literal(text)) for text in texts))})
        return type(found)("", "gbnf", "hermes", rules)

    return make


CALL = '<tool_call>\n{{"name": "{}", "arguments": {}}}\n</tool_call>'


@pytest.mark.parametrize(
    ("text", "choice", "problem"),
    [
        (CALL.format("run", "{}"), "auto", "'command' is a required property"),
        (CALL.format("run", '{"command": "a", "timeout": 601}'), "auto", "$.timeout: 601 is greater"),
        (CALL.format("run", '{"command": "a", "more": 1}'), "auto", "'more' was unexpected"),
        (CALL.format("walk", "{}"), "auto", "walk: no tool of this name"),
        (CALL.format("run", '{"command": "a"')[:-20], "auto", "run: an incomplete call"),
        (CALL.format("run", '{"command": "a"}'), "none", "a call, where none is allowed"),
        ("Hello.", "required", "no call"),
        ("Hello. " + CALL.format("run", '{"command": "a"}'), "run", "text beside calls"),
        (2 * CALL.format("run", '{"command": "a"}'), "single", "more than one call"),
    ],
)
def test_try_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch, text: str, choice: str, problem: str) -> None:
    monkeypatch.setattr(selfcheck, "grammar", lying(text))
    options = ["--no-parallel"] if choice == "single" else ["--choice", choice]
    result = run("try", "hermes", "-t", TOOLS, "-n", "2", *options)
    assert result.exit_code == 1
    assert problem in result.stdout and text.splitlines()[0] in result.stdout and "2 invalid" in result.stdout


def test_a_pattern_that_python_does_not_know(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^\\p{L}$"}}, "required": ["x"]}
    tools = written(tmp_path, [{"name": "f", "parameters": schema}])
    assert_one_line(run("try", "hermes", "-t", tools, "--choice", "f"), "jsonschema cannot read a pattern")


def test_a_trial_in_python() -> None:
    found = CheckSettings(wp.dialect("xml"), LOADED, "required", parallel=False).run(10, seed=1)
    assert not found.invalid and found.calls.total() == 10
    assert found == CheckSettings(wp.dialect("xml"), LOADED, "required", parallel=False).run(10, seed=1)
