"""Imports between folders only point down, and `import wireproto` stays light."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

import wireproto as wp
from docs.house import FOLDERS, MODULES, PACKAGE, UPWARD, edges, folder, imported, reduced
from wireproto.format import plugins

HEAVY = (
    "jinja2",
    "jsonschema",
    "lxml",
    "selectolax",
    "lark",
    "typer",
    "rich",
    "hypothesis",
    "starlette",
    "uvicorn",
    "aiohttp",
)
# What most programs never use, or not before a first output has ended.
LATER = ("automata", "documents.reading", "decode.forced", "decode.naming", "decode.second_look", "format.detection", "grammars", "learning",
         "recover", "tools.full", "write")  # fmt: skip

DECODING = ("Decoder", "Dialect", "DialectError", "Policy", "TextDelta", "Toolset", "dialect", "dialects", "parse")


def test_imports_point_down() -> None:
    wrong = []
    for module, path in MODULES.items():
        own = folder(module)
        below = FOLDERS[FOLDERS.index(own) + 1 :]
        for name in imported(path.read_text(encoding="utf-8")):
            if name not in (own, *below) and (module, name) not in UPWARD:
                wrong.append(f"{module} imports {name}")
    assert wrong == []


def test_every_folder_is_there() -> None:
    assert {folder(module) for module in MODULES} == set(FOLDERS)


def test_every_folder_says_what_lives_there() -> None:
    for name in FOLDERS:
        text = ast.get_docstring(ast.parse((PACKAGE / name / "__init__.py").read_text(encoding="utf-8"))) or ""
        assert name == "." or "Law:" in text, name


def test_rooms_are_small() -> None:
    sizes = {
        name: sum(folder(module) == name and not module.endswith("__init__") for module in MODULES) for name in FOLDERS
    }
    assert {name: size for name, size in sizes.items() if size > 16} == {}
    assert {module for module in MODULES if folder(module) == "."} == {"__init__", "__main__", "serialize"}


@pytest.mark.parametrize("name", sorted({name.partition("/")[0] for name in FOLDERS} - {"."}))
def test_no_public_name_shadows_a_folder(name: str) -> None:
    assert importlib.import_module(f"wireproto.{name}").__name__ == f"wireproto.{name}"
    assert name not in wp.__all__


def test_nothing_outside_a_codec_names_it() -> None:
    wrong = []
    for module, path in MODULES.items():
        own = module.split("/")[1] if module.startswith("codecs/") else ""
        source = path.read_text(encoding="utf-8")
        wrong += [f"{module}:{line}" for line in named_codecs(source, own) if module != "format/plugins"]
        wrong += [f"{module} imports {name}" for name in imported(source) if CODEC(name) and not own]
    assert wrong == []


CODEC = re.compile(r"codecs/\w+").fullmatch
ONLY_CODECS = set(plugins.BUILT_IN_CODECS) - {"html", "json", "toml", "xml"}  # those are formats of documents too


def named_codecs(source: str, own: str = "") -> Iterator[int]:
    """Yield the lines on which a codec is compared with a name, or looked up by one."""
    every = set(plugins.BUILT_IN_CODECS)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant):
            named = node.value in ONLY_CODECS - {own}
        elif isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            named = len(keys) > 2 and keys <= every
        else:
            asks = isinstance(node, (ast.Compare, ast.Subscript, ast.Match)) and "codec" in ast.unparse(node)
            named = asks and any(
                isinstance(part, ast.Constant) and part.value in every - {own} for part in ast.walk(node)
            )
        if named:
            yield node.lineno  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "line",
    [
        "dialect.codec == 'xml'",
        "spec.argument.codec in ('json', 'x')",
        "x = {'html': a, 'json': b, 'toml': c}",
        "RULES[codec.name] = RULES['tagged']",
        "by_codec['json']",
    ],
)
def test_a_named_codec_is_seen(line: str) -> None:
    assert list(named_codecs(line))
    assert not list(named_codecs("shape.content == 'xml'; codec_facts(name).body == 'object'"))


def test_imports_are_seen() -> None:
    source = (
        "import wireproto\nfrom wireproto import gbnf, Call\nfrom wireproto.codecs.json.reader import x\nimport json\n"
    )
    assert list(imported(source)) == [".", "gbnf", ".", "codecs/json"]


def test_the_picture_leaves_out_what_a_longer_path_implies() -> None:
    every = {"a": frozenset("bcd"), "b": frozenset("cd"), "c": frozenset("d"), "d": frozenset[str]()}
    assert reduced(every) == {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("d"), "d": frozenset()}
    assert sum(map(len, reduced(edges()).values())) < sum(map(len, edges().values()))


def test_the_package_loads_nothing_heavy() -> None:
    script = f"import sys, wireproto; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_the_package_loads_what_decoding_needs() -> None:
    loaded = f"[name for name in {LATER!r} if f'wireproto.{{name}}' in sys.modules]"
    script = f"import sys; from wireproto import {', '.join(DECODING)}; print(*{loaded})"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_the_package_by_itself_loads_nothing() -> None:
    script = "import sys, wireproto; print(*[name for name in sys.modules if name.startswith('wireproto.')])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_what_loads_later_is_what_type_checkers_see() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {name.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for name in node.names}
    assert seen == {name: f"wireproto.{module}" for name, module in wp._HOMES.items()}
    assert sorted(seen) == sorted(wp.__all__) and set(seen) <= set(dir(wp))
    assert all(getattr(wp, name) is not None and name in vars(wp) for name in seen)


@pytest.mark.parametrize("module", ["decode.decoder", "write.encoder", "format.registry", "codecs.toml.writer"])
def test_a_module_can_be_imported_first(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import wireproto.{module}"], check=True)


# What a sentence or an example may show, and no condition may hold.
SHOWN = ("habits.py", "finish_reasons.py", "settings.py")
WORDS = {"json", "xml", "html", "toml", "tagged", "pythonic", "relaxed", "invoke"}  # codecs, and what is a word


def test_no_dialect_is_named_in_code() -> None:
    specs = [wp.dialect(name) for name in wp.dialects()]
    names = {name for spec in specs for name in (spec.name, *spec.aliases)} - WORDS
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name in SHOWN or {"cli", "codecs"} & {*path.relative_to(PACKAGE).parts}:
            continue  # examples of commands, and a codec of that name
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        found += [(path.name, text.value) for text in texts if text.value in names and id(text) not in documented]
    assert found == []
