"""The files in `grammars/` are what the package writes now, and the engine takes them."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wireproto as wp
from wireproto import gbnf
from wireproto.testing.engines.llamacpp import LlamaCpp

FOLDER = Path(__file__).resolve().parent.parent / "grammars"
SCRIPT: dict[str, Any] = runpy.run_path(str(FOLDER / "golden.py"))
FILES: dict[str, tuple[str, str]] = SCRIPT["files"]()
content: Callable[[str, str], str] = SCRIPT["content"]
TOOLS = json.loads((FOLDER / "tools.json").read_text(encoding="utf-8"))
CALLS = [
    wp.Call("write_file", {"path": "a.py", "content": "print('</x>')\n"}),
    wp.Call("run", {"command": "ls", "timeout": 600, "background": False}),
    wp.Call("search", {"queries": ["a", 'b "c"'], "filter": "code"}),
]
WRONG = [
    wp.Call("run", {"command": "ls", "timeout": 601}),
    wp.Call("search", {"queries": []}),
    wp.Call("search", {"queries": ["a"], "filter": "all"}),
]


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def test_every_dialect_has_its_file() -> None:
    assert SCRIPT["written"]() == set(FILES)
    assert {f"{name}.gbnf" for name in wp.dialects()} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_up_to_date(name: str) -> None:
    assert content(*FILES[name]) == read(name), f"{name} is out of date; if the change is meant, run make grammars"


@pytest.mark.parametrize("name", wp.dialects())
def test_the_engine_takes_every_file(name: str) -> None:
    text = read(f"{name}.gbnf")
    assert not [finding for finding in gbnf.check(text) if finding.severity != "note"]
    with LlamaCpp.compile(text) as engine:
        assert all(engine.accepts(wp.encode([call], name, tools=TOOLS)) for call in CALLS)
        assert engine.accepts(wp.encode(wp.Message(text="Done."), name))
        assert engine.accepts("") or wp.dialect(name).framing is not None
        said = [wp.encode([call], name, tools=TOOLS) for call in WRONG]
        assert not any(engine.accepts(text) for text in said)
        assert engine.peak_stacks <= 32


@pytest.mark.parametrize("name", [each for each in wp.dialects() if wp.dialect(each).argument.json == "indented"])
def test_values_in_values_may_be_indented_as_deep_as_they_are_written(name: str) -> None:
    deep: Any = 1
    for _ in range(10):
        deep = {"a": [deep]} if isinstance(deep, int) else {"a": deep}
    tools = [{"name": "f", "parameters": {"type": "object", "properties": {"o": {"type": "object"}}}}]
    text = wp.encode([wp.Call("f", {"o": deep})], name, tools=tools)
    assert "\n" + " " * 44 in text
    assert LlamaCpp.compile(str(wp.grammar(name, tools, choice="required"))).accepts(text)
