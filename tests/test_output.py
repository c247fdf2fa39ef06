"""What reaches a terminal: no command prints a character that acts, whatever a model, a file or an argument holds.

And how a command ends when its reader or its user goes away.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from judging import run

import wireproto as wp
from docs.house import MODULES
from wireproto.audit.work import Settings, audit
from wireproto.serialize import to_json
from wireproto.text.visible import visible, visible_json

ENV = {**os.environ, "NO_COLOR": "1"}
# A window title, a colour by the one-byte CSI, text that runs backwards, an erased line, invisible tags.
EVIL = "\x1b]0;pwned\x07\x9b31m\u202efdp\u2066\u200f\r\x7f\x00\ufeff\U000e0041"
ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
TOOL = {
    "name": f"f{EVIL}",
    "description": EVIL,
    "parameters": {
        "type": "object",
        "properties": {f"x{EVIL}": {"type": EVIL}, "y": {"type": "string", "description": EVIL, "enum": [EVIL]}},
        "required": [EVIL],
    },
}
FINE = {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "string", "description": EVIL}}}}
CALL = {"name": f"f{EVIL}", "arguments": {f"x{EVIL}": [EVIL], EVIL: EVIL}, "id": EVIL}
OUTPUTS = [
    EVIL,
    f"<think>{EVIL}</think>{EVIL}",
    wp.encode([wp.Call("f", {"x": EVIL})], "hermes"),
    f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>{EVIL}",
    f"<tool_call>\n{json.dumps({'name': 'f', 'arguments': {'x': EVIL}}, ensure_ascii=False)}\n</tool_call>",
    f"<tool_call>\n{{{EVIL}: 1\n</tool_call>",
    f"```\n<tool_call>\n{json.dumps(CALL)}\n</tool_call>\n```",
    f"<tool_call>\n<function=f>\n<parameter=x>\n{EVIL}\n</parameter>\n</function>\n</tool_call>",
]
DIALECT = (
    'name = "evil"\nsummary = "{0}"\naliases = ["{0}"]\nmodels = ["{0}"]\n'
    '[call]\nopen = "<call>"\nclose = "</call>"\n[argument]\ncodec = "json"\n'
)


def spelled(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}" for char in text)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    name = EVIL.replace("\0", "").replace("/", "")
    contents: dict[str, str] = {
        "tools": json.dumps([TOOL]),
        "fine": json.dumps([FINE]),
        "bad-tools": json.dumps([{"name": 3, EVIL: EVIL}]),
        "bad-schema": json.dumps([{"name": f"f{EVIL}", "parameters": {"type": "object", "properties": {EVIL: 3}}}]),
        "grammar-schema": json.dumps(
            [{"name": f"f{EVIL}", "parameters": {"properties": {EVIL: {"not": {"const": EVIL}}}}}]
        ),
        "not-json": EVIL,
        "dialect.toml": DIALECT.format(spelled(EVIL)),
        "bad-dialect.toml": DIALECT.format(spelled(EVIL)).replace("summary", f'"{spelled(EVIL)}"'),
        "not-dialect.toml": EVIL,
        "calls": json.dumps([CALL]),
        "results": json.dumps([{"name": f"f{EVIL}", "content": EVIL, "id": EVIL}]),
        "log": "\n".join(map(json.dumps, [{"output": text, "tools": [TOOL]} for text in OUTPUTS] + [{EVIL: 1}, EVIL])),
        "gbnf": f'root ::= "{EVIL}" {EVIL}\n{EVIL} ::= [a-z]*\n',
        f"name{name}": OUTPUTS[3],
    }
    for key, content in contents.items():
        (tmp_path / key).write_text(content, encoding="utf-8", newline="")
    return {key: str(tmp_path / key) for key in contents} | {"hostile": str(tmp_path / f"name{name}")}


def commands(files: dict[str, str]) -> Iterator[tuple[list[str], str, bool]]:
    """Yield arguments, input, and whether what is printed is the wire's own text, exact in a pipe."""
    for text in OUTPUTS:
        for dialect in ("hermes", "auto"):
            for tools in ([], ["-t", files["tools"]], ["-t", files["fine"]]):
                yield ["parse", "-d", dialect, *tools], text, False
                yield ["parse", "-d", dialect, "--format", "text", *tools], text, False
                yield ["stream", "-d", dialect, *tools], text, False
                yield ["classify", "-d", dialect, *tools], text, False
                yield ["classify", "-d", dialect, "--format", "json", *tools], text, False
                yield ["convert", "--from", dialect, "--to", "qwen3_coder", *tools], text, True
                yield ["convert", "--from", dialect, "--to", "xml", *tools], text, True
    for key in ("tools", "bad-tools", "bad-schema", "grammar-schema", "not-json", "hostile", "fine"):
        yield ["parse", "-d", "hermes", "-t", files[key]], OUTPUTS[3], False
        yield ["prompt", "xml", "-t", files[key]], "", True
        yield ["encode", "-d", "qwen3_coder", "-t", files[key], files["calls"]], "", True
        for target in ("gbnf", "lark", "structural-tag"):
            yield ["grammar", "print", "hermes", "-t", files[key], "--target", target], "", True
        yield ["grammar", "print", "qwen3_coder", "-t", files[key], "--lax", "--choice", EVIL], "", True
        yield ["grammar", "try", "hermes", "-t", files[key], "-n", "3", "--texts"], "", False
        yield ["grammar", "try", "hermes", "-t", files[key], "-n", "3", "--format", "json"], "", False
    for dialect in ("dialect.toml", "bad-dialect.toml", "not-dialect.toml", "hostile"):
        yield ["show", files[dialect]], "", True
        yield ["show", files[dialect], "--format", "json"], "", False
        yield ["parse", "-d", files[dialect]], OUTPUTS[3], False
    for dialect in wp.dialects():
        yield ["encode", "-d", dialect, files["calls"]], "", True
        yield ["results", dialect, files["results"]], "", True
    for args in ([], ["--json", files["log"] + ".json"]):
        yield ["audit", files["log"], "-j", "1", *args], "", False
    yield ["audit", files["hostile"], "-j", "1"], "", False
    yield ["grammar", "check", files["gbnf"]], "", False
    yield ["grammar", "check", "--format", "json", files["gbnf"]], "", False
    yield ["grammar", "check"], EVIL, False
    yield ["dialects"], "", False
    evil = EVIL.replace("\0", "")
    for command in (
        "parse",
        "stream",
        "encode",
        "classify",
        "audit",
        "prompt",
        "results",
        "show",
        "grammar",
        "dialects",
    ):
        for args in ([evil], ["--" + evil], ["-d", evil], ["--format", evil], ["--salt", evil], [evil, evil, evil]):
            yield [command, *args], "", False
    yield [evil], "", False
    yield ["audit", evil, "--fail-over", evil], "", False


def test_nothing_acts_on_a_terminal(files: dict[str, str]) -> None:
    tried = 0
    for args, text, is_exact in commands(files):
        result = run(*args, input=text)
        assert not ACTING.search(result.stderr), (args, text, result.stderr)
        assert is_exact or not ACTING.search(result.stdout), (args, text, result.stdout)
        tried += 1
    assert tried > 400
    assert not ACTING.search(Path(files["log"] + ".json").read_text(encoding="utf-8"))


def test_what_a_pipe_gets_is_exact() -> None:
    text = wp.encode([wp.Call("f", {"x": "a\x1b[31m\u202eb"})], "qwen3_coder")
    assert run("convert", "--from", "qwen3_coder", "--to", "qwen3_coder", input=text).stdout == text


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize(
    "command", ["convert --from hermes --to hermes", "parse -d hermes", "parse -d hermes --format text"]
)
def test_a_terminal_gets_no_control_character(command: str, tmp_path: Path) -> None:
    import pty

    path = tmp_path / "out.txt"
    path.write_text("a\x9b31mb\x1b]0;x\x07c\u202ed", encoding="utf-8")
    parent, child = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "wireproto", *command.split(), str(path)],
        stdout=child, stderr=subprocess.PIPE, env=ENV | {"TERM": "dumb"}, check=False, timeout=60,
    )  # fmt: skip
    os.close(child)
    seen = os.read(parent, 100_000).decode()
    os.close(parent)
    assert done.returncode == 0 and done.stderr == b""
    assert not ACTING.search(seen.replace("\r\n", "\n")) and "31mb" in seen


def test_json_stays_the_same_value() -> None:
    value = {"a": EVIL, EVIL: ["ä😀", {"b": EVIL}]}
    assert json.loads(to_json(value)) == value and not ACTING.search(to_json(value)) and "ä😀" in to_json(value)
    assert visible_json(visible_json('"\u202e"')) == '"\\u202e"'
    assert visible(visible(EVIL)) == visible(EVIL) and visible("a\tb\n😀ä\u200d") == "a\tb\n😀ä\u200d"


def test_there_is_one_writer() -> None:
    for module, path in MODULES.items():
        if module.startswith("cli/") and module != "cli/writer":
            source = path.read_text(encoding="utf-8")
            assert not re.search(r"(?<![.\w])print\(|sys\.std(out|err)|\becho\(", source), module


# --- how a command ends -----------------------------------------------------------------------------------------------


def started(*args: str, **more: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "wireproto", *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, start_new_session=True, **more,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise")
@pytest.mark.parametrize(
    "command",
    [
        "parse LONG -d hermes",
        "parse LONG -d hermes --format text",
        "classify LONG",
        "classify LONG --format json",
        "convert LONG --from hermes --to qwen3_coder",
        "grammar check GBNF",
        "dialects",
        "dialects --format json",
        "show hermes",
        "grammar print hermes -t TOOLS",
        "prompt xml -t TOOLS",
        "--help",
        "parse --help",
        "--version",
    ],
)
def test_a_reader_that_went_away_is_141(command: str, tmp_path: Path) -> None:
    (tmp_path / "LONG").write_text("\n".join(f"line {i} of the text" for i in range(20_000)), encoding="utf-8")
    (tmp_path / "GBNF").write_text("root ::= a\n" + "\n".join(f"r{i} ::= b" for i in range(3_000)), encoding="utf-8")
    (tmp_path / "TOOLS").write_text(json.dumps([FINE]), encoding="utf-8")
    # The reader is gone before anything is written.
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "wireproto", *command.split()],
        stdout=writer, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=ENV, cwd=tmp_path, check=False, timeout=120,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_audit_is_quiet_and_leaves_no_process(jobs: str, tmp_path: Path) -> None:
    line = json.dumps({"output": "Some words, and then more of them. " * 2_000})
    (tmp_path / "log.jsonl").write_text(f"{line}\n" * 2_000, encoding="utf-8")
    began = time.monotonic()
    started("--version").communicate(timeout=60)
    loading = time.monotonic() - began
    process = started("audit", str(tmp_path / "log.jsonl"), "-j", jobs)
    time.sleep(1 + 3 * loading)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")


# What tells when the command line first answers to a signal; before that only Python itself runs.
TOLD = """
import os, signal, sys
plain = signal.signal
def told(*given):
    before = plain(*given)
    os.write(2, b".")
    return before
signal.signal = told
sys.argv = ["wireproto", "stream", "-d", "hermes"]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise")
@pytest.mark.parametrize("start", ["from wireproto.__main__ import main; main()",
                                   "import runpy; runpy.run_module('wireproto', run_name='__main__')"])  # fmt: skip
@pytest.mark.parametrize("after", [0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8])
def test_an_interrupt_while_it_loads_is_quiet(start: str, after: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", TOLD + start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=ENV,
    )  # fmt: skip
    assert process.stderr is not None and process.stderr.read(1) == b"."
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip(b".")) == (130, b"", b"")


def test_the_command_line_answers_before_it_loads() -> None:
    script = "import sys, wireproto.__main__; print(*[name for name in sys.modules if name.startswith('wireproto.')])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["wireproto.__main__"]


def test_an_audit_in_two_processes_needs_no_guard(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"output": "Hello."}\n' * 50, encoding="utf-8")
    lines = (
        "from wireproto.audit.work import Settings, audit",
        f"print(audit([{str(log)!r}] * 3, Settings(), jobs=2).counts.outputs)",
    )
    script = tmp_path / "script.py"
    script.write_text("\n".join(lines), encoding="utf-8")
    for args, text in (([str(script)], ""), (["-c", "\n".join(lines)], ""), (["-"], "\n".join(lines))):
        done = subprocess.run(
            [sys.executable, *args], input=text, capture_output=True, text=True, env=ENV, check=False, timeout=120
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "150\n", "")
    assert audit([str(log)] * 3, Settings(), 2).counts.outputs == 150


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ["parse", "-d", "hermes", "-t", "-"],
        ["parse", "-", "-d", "hermes", "-t", "/dev/stdin"],
        ["stream", "-d", "hermes", "-t", "-"],
        ["encode", "-d", "hermes", "-t", "-"],
        ["convert", "--from", "hermes", "--to", "xml", "-t", "-"],
        ["classify", "-t", "-"],
    ],
)
def test_standard_input_is_one_input(args: list[str]) -> None:
    result = run(*args, input="[]")
    assert (result.exit_code, result.stdout) == (2, "") and "standard input can be only one" in result.stderr


def test_a_dialect_may_be_given_by_a_model(tmp_path: Path) -> None:
    text = wp.encode([wp.Call("f", {"x": "a"})], "qwen3_coder")
    for model in ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3-coder:30b", "/models/Qwen3-Coder-Next-Q4_K_M.gguf"):
        assert json.loads(run("parse", "-d", model, input=text).stdout)["calls"][0]["name"] == "f"
    assert run("encode", "-d", "qwen3:8b", input='{"name": "f"}').stdout.startswith("<tool_call>\n{")
    unknown = run("parse", "-d", "gpt-4o", input=text)
    assert unknown.exit_code == 2 and "unknown dialect 'gpt-4o'" in unknown.stderr
    own = tmp_path / "mine.toml"
    own.write_text(DIALECT.format("x"), encoding="utf-8")
    assert run("encode", "-d", str(own), input='{"name": "f"}').stdout.startswith("<call>")


@pytest.mark.parametrize(
    ("records", "options", "code", "top"),
    [
        ([], [], 1, "failed: no output was read"),
        ([{"x": 1}, {"x": 2}], ["--fail-over", "50%"], 1, "failed: no output was read"),
        ([{"x": 1}, {"output": "Hi."}], [], 0, "1 of 2 records could not be read"),
        ([{"x": 1}, {"output": "Hi."}], ["--fail-unread", "50%"], 0, "1 of 2 records could not be read"),
        ([{"x": 1}, {"output": "Hi."}], ["--fail-unread", "0.4"], 1, "failed: 50.0 % of the records could not be read"),
        ([{"output": "Hi."}], ["--fail-unread", "0"], 0, "1 records, 1 outputs"),
        ([{"output": '<tool_call>\n{"name": "f"'}], ["--fail-over", "0"], 1, "failed: 100.0 % of the outputs"),
    ],
)
def test_an_audit_that_read_too_little_fails(
    records: list[Any], options: list[str], code: int, top: str, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    result = run("audit", str(log), "-j", "1", *options)
    assert result.exit_code == code and result.stdout.startswith(top), result.stdout
