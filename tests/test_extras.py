"""The wheel without its extras decodes, encodes, classifies and writes grammars; what needs an extra says which."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

import wireproto as wp

ROOT = Path(__file__).resolve().parent.parent
OPTIONAL = ("typer", "rich", "lxml", "selectolax", "jsonschema", "referencing", "lark", "pyarrow", "hypothesis",
            "starlette", "uvicorn", "aiohttp", "opentelemetry")  # fmt: skip

USE = """
import wireproto as wp

tools = [{"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "object"}}}}]
for name in wp.dialects():
    text = wp.encode([wp.Call("f", {"x": {"y": [1, "</a>"]}})], name, tools=tools)
    message = wp.parse(text, name, tools=tools)
    assert message.calls[0].arguments == {"x": {"y": [1, "</a>"]}}, (name, text)
    assert wp.classify(text, tools=tools, dialect=name).label == "calls", name
    assert str(wp.grammar(name, tools)) and wp.prompt(name, tools), name
assert wp.parse(wp.encode([wp.Call("f", {"x": {}})], "hermes"), "auto").dialect == "hermes"
for target in ("lark", "structural-tag"):
    assert str(wp.grammar("hermes", tools, target=target))
plan = wp.DocumentType("plan", "toml", fence="+++ plan")
message = wp.parse("+++ plan\\nx = {a = 1,\\n}\\n+++", "hermes", policy=wp.Policy(documents=[plan]))
assert message.documents, message
assert wp.document('{"a": 1}').value == {"a": 1}
print("done")
"""


def test_the_bare_wheel_is_enough_for_models_text(tmp_path: Path) -> None:
    wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(wheel, cwd=ROOT, check=True, capture_output=True)
    (built,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=False)
    python = str(tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    # Below Python 3.11 the wheel needs tomli, which pip has to get.
    alone = ["--no-deps", "--no-index"] if sys.version_info >= (3, 11) else []
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *alone, str(built)]
    subprocess.run(pip, check=True, capture_output=True)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([python, "-I", *arguments], check=False, capture_output=True, text=True, cwd=tmp_path)

    found = run("-c", f"import importlib.util as u; print([n for n in {OPTIONAL} if u.find_spec(n)])")
    assert found.stdout == "[]\n"
    used = run("-c", USE)
    assert used.stdout == "done\n", used.stderr
    for command in (["-m", "wireproto", "dialects"], [str(Path(python).with_name("wireproto")), "--help"]):
        told = run(*command)
        assert (told.returncode, told.stdout) == (2, "")
        assert told.stderr == "wireproto: the command line needs typer: pip install 'wireproto[cli]'\n"


TOOLS = '[{"name": "f", "parameters": {"type": "object"}}]'


@pytest.mark.parametrize(
    "package, extra, use",
    [
        ("lxml", "documents", "wp.Policy(strict=True)"),
        ("lxml", "documents", 'wp.DocumentType("plan", "xml", root="plan")'),
        ("lxml", "documents", 'wp.document("<plan/>")'),
        ("selectolax", "documents", 'wp.DocumentType("plan", "html", root="plan")'),
        ("selectolax", "documents", 'wp.document("<!DOCTYPE html><p>x")'),
        ("jsonschema", "documents", 'wp.DocumentType("plan", "json", fence="+++ plan", schema={})'),
        ("jsonschema", "documents", f'CheckSettings(wp.dialect("hermes"), {TOOLS}).run(1)'),
        ("lark", "gbnf", 'gbnf.parse("root ::= [a]")'),
        ("lark", "gbnf", 'gbnf.check("root ::= [a]")'),
        ("pyarrow", "parquet", 'list(parts(["log.parquet"]))'),
        ("hypothesis", "fuzz", "fuzz.outputs"),
    ],
)
def test_what_needs_an_extra_names_it_when_it_is_made(package: str, extra: str, use: str, tmp_path: Path) -> None:
    (tmp_path / "log.parquet").write_bytes(b"PAR1")
    script = f"""
import sys
sys.modules[{package!r}] = None
import wireproto as wp
from wireproto import fuzz, gbnf
from wireproto.audit.work import parts
from wireproto.grammars.api.selfcheck import CheckSettings
try:
    {use}
except wp.WireprotoError as error:
    assert isinstance(error, ImportError)
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    (line,) = run.stdout.splitlines()
    assert line.endswith(f" needs {package}: pip install 'wireproto[{extra}]'")


@pytest.mark.parametrize(
    "package, extra, arguments",
    [
        ("typer", "cli", ["dialects"]),
        ("rich", "cli", ["dialects"]),
        ("lark", "gbnf", ["grammar", "check", "g.gbnf"]),
        ("jsonschema", "documents", ["grammar", "try", "hermes", "--tools", "tools.json"]),
        ("pyarrow", "parquet", ["audit", "log.parquet"]),
        ("starlette", "proxy", ["serve", "--upstream", "http://127.0.0.1:1"]),
        ("aiohttp", "proxy", ["serve", "--upstream", "http://127.0.0.1:1"]),
        ("uvicorn", "proxy", ["serve", "--upstream", "http://127.0.0.1:1"]),
        ("opentelemetry", "otel", ["serve", "--upstream", "http://127.0.0.1:1", "--traces"]),
    ],
)
def test_a_command_names_its_extra(package: str, extra: str, arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "g.gbnf").write_text("root ::= [a]", encoding="utf-8")
    (tmp_path / "log.parquet").write_bytes(b"PAR1")
    (tmp_path / "tools.json").write_text(TOOLS, encoding="utf-8")
    script = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv = ['wireproto', *{arguments!r}];"
        "from wireproto.__main__ import main; main()"
    )
    run = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, cwd=tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    (line,) = run.stderr.splitlines()
    assert line.startswith("wireproto: ") and line.endswith(f" needs {package}: pip install 'wireproto[{extra}]'")


def test_decoding_goes_on_without_the_extras() -> None:
    # A document's parser was there when its type was made, so that decoding cannot miss it.
    strict = wp.Policy(strict=True, documents=[wp.DocumentType("plan", "xml", root="plan", schema={})])
    assert wp.parse("<plan/>", "xml", policy=strict).documents
