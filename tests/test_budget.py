"""The size of things: what a reader can hold in mind, kept by a test rather than by taste."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import wireproto as wp

PACKAGE = Path(wp.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
FUNCTION_LINES = 60
FILE_LINES = 400
DEPTH = 3
# Eleven events, ten errors, twelve values of a message, the rest verbs and what they take.
NAMES = 52
BROAD = {"Exception", "BaseException"}
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
Function = (ast.FunctionDef, ast.AsyncFunctionDef)
Block = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


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


@every_file
def test_functions_are_short(path: Path) -> None:
    assert {f.name: length(f) for f in functions(path) if length(f) > FUNCTION_LINES} == {}


@every_file
def test_functions_are_flat(path: Path) -> None:
    assert {f.name: depth(f) for f in functions(path) if depth(f) > DEPTH} == {}


@every_file
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@every_file
def test_no_broad_except(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    bare = [node.lineno for node in handlers if node.type is None]
    names = [
        (node.lineno, name.id)
        for node in handlers
        if node.type
        for name in ast.walk(node.type)
        if isinstance(name, ast.Name)
    ]
    assert bare == []
    assert [line for line, name in names if name in BROAD] == []


def test_public_names_are_few_and_sorted() -> None:
    assert list(wp.__all__) == sorted(wp.__all__)
    assert len(wp.__all__) <= NAMES
    assert all(hasattr(wp, name) for name in wp.__all__)


def test_the_measures_measure() -> None:
    source = '''
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
    (function,) = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    assert depth(function) == 3
    assert length(function) == 8
