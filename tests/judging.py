"""How several test files judge: calls by their schemas, texts by a grammar, commands by what they print.

It must not hold a test. Law: nothing here passes over a missing engine, an exception or an empty answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from jsonschema.protocols import Validator
from typer.testing import CliRunner, Result

import wireproto as wp
from wireproto.automata.charset import char_set, intersection, normal
from wireproto.cli.main import app
from wireproto.gbnf import GbnfGrammar, Matcher
from wireproto.grammars.expr.expr import Chars, Choice, Expr, Repeat, Rules, Seq
from wireproto.testing.engines.llamacpp import LlamaCpp

FIXTURES = Path(__file__).parent.parent / "fixtures"


def _cases(*files: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


CASES = _cases(FIXTURES / "resolution.jsonl", FIXTURES / "own.jsonl")
REALITY = _cases(*sorted((FIXTURES / "reality").glob("*.jsonl")))
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])

# Control characters, signs, digits and letters that a sampler has no liking for, and what XML or TOML have no place for.
RARE = char_set(f"{''.join(map(chr, range(1, 32)))}!$%*+?@^|~2345ABCXYZbcfx\x7f\x80\x85\xa0\ufeff\ufffe\uffff")


def validators(tools: Iterable[Mapping[str, Any]]) -> dict[str, Validator]:
    """Return what judges the arguments of each tool; keys that are not declared are none."""
    schemas = {tool["name"]: {"additionalProperties": False, **tool["parameters"]} for tool in tools}
    return {name: jsonschema.Draft202012Validator(schema) for name, schema in schemas.items()}


def is_valid(message: wp.Message, schemas: Mapping[str, Validator]) -> bool:
    """Whether a message has calls, all complete, of declared tools, with arguments that their schemas accept."""
    return bool(message.calls) and all(
        call.complete and call.name in schemas and schemas[call.name].is_valid(call.arguments) for call in message.calls
    )


def accepts(gbnf: str, text: str) -> bool:
    """Whether a text is a whole string of a grammar, by llama.cpp's own engine."""
    with LlamaCpp.compile(gbnf) as engine:
        return engine.accepts(text)


def matches(grammar: GbnfGrammar, text: str) -> bool:
    """Whether a text is a whole string of a grammar, by our own matcher."""
    matcher = Matcher(grammar)
    return matcher.accept(text) and matcher.finished


def spread(rules: Rules) -> Rules:
    """Return the same grammar, in which a sampler finds the ends of a class and rare characters as often as common ones.

    A class that holds too much does so at an end, or is not cut where it has to be.
    """
    return Rules(rules.root, {name: _spread(expr) for name, expr in rules.rules.items()})


def _spread(expr: Expr) -> Expr:
    if isinstance(expr, Chars):
        ends = normal((end, end) for pair in expr.ranges for end in pair)
        return Choice(tuple(Chars(found) for found in (expr.ranges, ends, intersection(expr.ranges, RARE)) if found))
    if isinstance(expr, Seq):
        return Seq(tuple(map(_spread, expr.parts)))
    if isinstance(expr, Choice):
        return Choice(tuple(map(_spread, expr.options)))
    return Repeat(_spread(expr.item), expr.least, expr.most) if isinstance(expr, Repeat) else expr


def run(*args: str, input: str | bytes = "") -> Result:
    """Run the command line in this process; an exception but an exit is a failure."""
    result = CliRunner().invoke(app, args, input=input, env={"NO_COLOR": "1"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def assert_one_line(result: Result, *parts: str) -> None:
    """Hold a command to exit code 2, nothing on standard output, and one line that says why."""
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("wireproto: "), result.stderr
    assert not [part for part in parts if part not in lines[0]], lines[0]
