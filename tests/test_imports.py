"""Imports only point down, and `import wireproto` stays light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wireproto as wp

PACKAGE = Path(wp.__file__).parent
# The layers from the top; a module may import what stands below it, and a package of several modules itself. Against
# the design's list the encoder stands above the decoder, since its guard decodes what it wrote, and the codecs above
# the states, since they read with them.
LAYERS = (
    "__main__",
    "cli",
    "cligrammar",
    "cliaudit",
    "cliparts",
    "cliio",
    "terminal",
    "shapes",
    "audit",
    "trial",
    "testing",
    "fuzz",
    "__init__",
    "classify",
    "retry",
    "blocks",
    "prompt",
    "forms",
    "parameters",
    "convert",
    "results",
    "grammars",
    "encoder",
    "decoder",
    "guard",
    "auto",
    "leaks",
    "views",
    "front",
    "choosing",
    "registry",
    "codecs",
    "opening",
    "docstream",
    "place",
    "regions",
    "states",
    "journal",
    "repetition",
    "source",
    "loading",
    "plugins",
    "dialect",
    "documents",
    "trees",
    "roots",
    "template",
    "nodes",
    "xmltext",
    "engines",
    "gbnf",
    "schema",
    "schematypes",
    "jsonsafe",
    "lenient",
    "jsonstring",
    "diagnoses",
    "events",
    "model",
    "doctypes",
    "expr",
    "errors",
)
# `Dialect.load` is a public name: it reaches up to the file reader, when it is called; so does `ArgumentValue.document`.
UPWARD = {"dialect": ("loading",), "model": ("documents",)}
HEAVY = ("jsonschema", "lxml", "selectolax", "lark", "typer", "rich", "hypothesis")
FILES = sorted(PACKAGE.rglob("*.py"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))


def layer(path: Path) -> str:
    """Return the layer of a file: its own name, or that of its package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(source: str) -> Iterator[str]:
    """Yield the layers that a module imports, those of type checking and of functions included."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            root, *rest = name.split(".")
            if root == "wireproto":
                yield rest[0] if rest and rest[0] in LAYERS else "__init__"


@every_file
def test_imports_point_down(path: Path) -> None:
    own = layer(path)
    below = (*LAYERS[LAYERS.index(own) + 1 :], *UPWARD.get(own, ()))
    assert [name for name in imported(path.read_text(encoding="utf-8")) if name not in below and name != own] == []


def test_every_layer_is_there() -> None:
    assert {layer(path) for path in FILES} == set(LAYERS)


def test_the_documentation_lists_the_layers() -> None:
    page = PACKAGE.parent / "docs" / "explanation" / "design.md"
    table = page.read_text(encoding="utf-8").partition("| module |")[2]
    cells = (row.split("|")[1] for row in table.partition("\n\n")[0].splitlines()[2:])
    listed = [name.rstrip("/") for cell in cells for name in re.findall(r"`([a-z_]+/?)`", cell)]
    assert listed == [name for name in LAYERS if not name.startswith("__")]


def test_imports_are_seen() -> None:
    source = "import wireproto\nfrom wireproto import lenient, Call\nfrom wireproto.codecs.json import x\nimport json\n"
    assert list(imported(source)) == ["__init__", "lenient", "__init__", "codecs"]


def test_the_package_loads_nothing_heavy() -> None:
    script = f"import sys, wireproto; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


@pytest.mark.parametrize("module", ["decoder", "encoder", "registry"])
def test_a_module_can_be_imported_first(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import wireproto.{module}"], check=True)
