"""The size of things: what a reader can hold in mind, kept by a test rather than by taste."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import wireproto as wp

PACKAGE = Path(wp.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
FUNCTION_LINES = 60
FILE_LINES = 400
DEPTH = 3
# Eleven events, ten errors, twelve values of a message, the rest verbs and what they take.
NAMES = 56
BROAD = {"Exception", "BaseException"}
Function = (ast.FunctionDef, ast.AsyncFunctionDef)
Block = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


@cache
def source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(source(path))))


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield every function of the package and where it is."""
    for path in FILES:
        for node in nodes(path):
            if isinstance(node, Function):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}", node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= (function.body[0].end_lineno or 0) - function.body[0].lineno + 1
    return lines


def depth(node: ast.AST) -> int:
    """Return how deep blocks stand in one another; `elif` is no deeper than its `if`, a function begins anew."""
    deepest = 0
    for name, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        is_elif = name == "orelse" and isinstance(node, ast.If) and len(children) == 1
        for child in children:
            if isinstance(child, Function) or not isinstance(child, ast.AST):
                continue
            step = isinstance(child, Block) and not (is_elif and isinstance(child, ast.If))
            deepest = max(deepest, depth(child) + step)
    return deepest


def test_functions_are_short() -> None:
    assert {where: length(it) for where, it in functions() if length(it) > FUNCTION_LINES} == {}


def test_functions_are_flat() -> None:
    assert {where: depth(it) for where, it in functions() if depth(it) > DEPTH} == {}


def test_files_are_short() -> None:
    lines = {str(path.relative_to(PACKAGE)): len(source(path).splitlines()) for path in FILES}
    assert {name: count for name, count in lines.items() if count > FILE_LINES} == {}


def test_no_broad_except() -> None:
    found = []
    for path in FILES:
        for handler in (node for node in nodes(path) if isinstance(node, ast.ExceptHandler)):
            names = (
                {name.id for name in ast.walk(handler.type) if isinstance(name, ast.Name)} if handler.type else BROAD
            )
            if names & BROAD:
                found.append(f"{path.relative_to(PACKAGE)}:{handler.lineno}")
    assert found == []


def test_a_class_name_means_one_thing() -> None:
    homes: dict[str, set[str]] = {}
    for path in FILES:
        for name in (node.name for node in nodes(path) if isinstance(node, ast.ClassDef)):
            homes.setdefault(name, set()).add(str(path.relative_to(PACKAGE)))
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


def test_public_names_are_few_and_sorted() -> None:
    assert list(wp.__all__) == sorted(wp.__all__)
    assert len(wp.__all__) <= NAMES
    assert all(hasattr(wp, name) for name in wp.__all__)


def test_the_measures_measure() -> None:
    text = '''
def deep(x):
    """Two
    lines."""
    if x:
        for y in x:
            while y:
                pass
    elif not x:
        with x:
            pass
'''
    (function,) = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert depth(function) == 3
    assert length(function) == 8
