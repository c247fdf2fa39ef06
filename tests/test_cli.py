"""The command line: what it prints, where, with which exit code, and that it never ends in a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from judging import assert_one_line, run

import wireproto as wp
from wireproto.serialize import event_json, message_json, to_json, to_message

HERMES = '<tool_call>\n{"name": "f", "arguments": {"x": 1, "s": "ä"}}\n</tool_call>'
QWEN = "<tool_call>\n<function=f>\n<parameter=x>\n1\n</parameter>\n</function>\n</tool_call>"
TOOLS = [
    {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}, "s": {"type": "string"}}}}
]
COMMANDS = ("parse", "stream", "encode", "convert", "prompt", "results", "dialects", "show")
ENV = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "TERM": "dumb"}


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "wireproto", *args]


@pytest.fixture
def tools(tmp_path: Path) -> str:
    path = tmp_path / "tools.json"
    path.write_text(json.dumps(TOOLS), encoding="utf-8")
    return str(path)


# --- parse ------------------------------------------------------------------------------------------------------------


def test_parse_prints_the_documented_object() -> None:
    result = run("parse", "-d", "hermes", input=f"Hello.\n{HERMES}")
    assert result.exit_code == 0 and result.stderr == ""
    shown = json.loads(result.stdout)
    assert list(shown) == ["text", "reasoning", "calls", "candidates", "diagnoses"]
    raw = HERMES.strip()
    assert shown["calls"] == [
        {
            "name": "f",
            "arguments": {"x": 1, "s": "ä"},
            "id": None,
            "complete": True,
            "start": 7,
            "end": 7 + len(raw),
            "raw": raw,
        }
    ]
    assert shown["text"].startswith("Hello.") and shown["reasoning"] == ""
    assert shown["candidates"] == [] == shown["diagnoses"]
    assert "ä" in result.stdout


def test_parse_reads_a_file_and_tools(tmp_path: Path, tools: str) -> None:
    path = tmp_path / "output.txt"
    path.write_text(QWEN, encoding="utf-8")
    assert json.loads(run("parse", str(path), "-d", "qwen3_coder").stdout)["calls"][0]["arguments"] == {"x": "1"}
    shown = json.loads(run("parse", str(path), "--dialect", "qwen3_coder", "--tools", tools).stdout)
    assert shown["calls"][0]["arguments"] == {"x": 1}


def test_parse_takes_tools_in_an_object(tmp_path: Path) -> None:
    path = tmp_path / "tools.json"
    path.write_text(json.dumps({"tools": TOOLS}), encoding="utf-8-sig")
    assert json.loads(run("parse", "-d", "qwen3_coder", "-t", str(path), input=QWEN).stdout)["calls"][0][
        "arguments"
    ] == {"x": 1}


def test_parse_with_defects_exits_with_1_and_prints_all_the_same(tools: str) -> None:
    result = run("parse", "-d", "hermes", "-t", tools, input=HERMES.replace('"f"', '"g"'))
    shown = json.loads(result.stdout)
    assert result.exit_code == 1
    assert shown["calls"][0]["name"] == "g"
    [diagnosis] = [d for d in shown["diagnoses"] if d["code"] == "unknown-tool"]
    assert list(diagnosis) == ["code", "message", "start", "end", "severity"] and diagnosis["end"] > diagnosis["start"]


def test_finish_reason_and_open_reasoning_reach_the_decoder() -> None:
    cut = QWEN.removesuffix("</function>\n</tool_call>")
    assert json.loads(run("parse", "-d", "qwen3_coder", "--finish-reason", "stop", input=cut).stdout)["calls"][0][
        "complete"
    ]
    result = run("parse", "-d", "qwen3_coder", "--finish-reason", "length", input=cut)
    assert not json.loads(result.stdout)["calls"][0]["complete"] and result.exit_code == 1
    thought = json.loads(run("parse", "-d", "qwen3_coder", "--reasoning-open", input="hm\n</think>\n\nYes.").stdout)
    assert thought["reasoning"].strip() == "hm" and thought["text"].strip() == "Yes."


def test_parse_as_text_shows_segments_calls_and_diagnoses(tools: str) -> None:
    call = HERMES.replace('"f"', '"g"')
    result = run("parse", "-d", "hermes", "-t", tools, "--format", "text", input=f"Hello [bold]you[/bold].\n{call}")
    assert result.exit_code == 1
    where = f"{len('Hello [bold]you[/bold].') + 1}-"
    for part in (
        where,
        call,
        "text 0-",
        "Hello [bold]you[/bold].",
        "Calls",
        "g",
        "x",
        "1",
        "Diagnoses",
        "unknown-tool",
        "defect",
    ):
        assert part in result.stdout


def test_text_never_reaches_the_terminal_as_a_control_sequence() -> None:
    result = run("parse", "-d", "hermes", "--format", "text", input="a\x1b[31mb\x07\x9bc\r\n")
    assert "a\\x1b[31mb\\x07\\x9bc\\x0d" in result.stdout
    assert not set(result.stdout) & {"\x1b", "\x07", "\x9b"}


def test_text_format_of_nothing_is_nothing() -> None:
    assert run("parse", "-d", "hermes", "--format", "text", input="").stdout.strip() == ""


def test_invalid_utf8_is_one_line_and_the_text_is_delivered() -> None:
    result = run("parse", "-d", "hermes", input=b"ab\xc3\xa4\xff" + HERMES.encode())
    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["wireproto: standard input: not UTF-8 at byte 4; replaced by U+FFFD"]
    shown = json.loads(result.stdout)
    assert shown["text"].startswith("abä\ufffd") and shown["calls"][0]["name"] == "f"


def test_line_breaks_are_not_translated() -> None:
    assert json.loads(run("parse", "-d", "hermes", input=b"a\r\nb\rc").stdout)["text"] == "a\r\nb\rc"


# --- usage ------------------------------------------------------------------------------------------------------------


def test_an_unknown_dialect_names_the_nearest() -> None:
    for name in ("parse", "stream"):
        assert_one_line(run(name, "-d", "qwen3_codr"), "qwen3_codr", "qwen3_coder")
    assert_one_line(run("show", "hermse"), "hermes")


def test_missing_files_are_one_line(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    assert_one_line(run("parse", gone, "-d", "hermes"), gone)
    assert_one_line(run("parse", str(tmp_path), "-d", "hermes"), str(tmp_path))
    assert_one_line(run("parse", "-d", "hermes", "-t", gone), gone)
    assert_one_line(run("parse", "-d", gone + ".toml"), gone)
    assert_one_line(run("encode", gone, "-d", "hermes"), gone)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "not JSON"),
        (b"[{", "line 1, column"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"3", "expected a JSON list"),
        (b"null", "expected a JSON list"),
        (b'{"functions": []}', "expected a JSON list"),
        (b'{"tools": {}}', "expected a JSON list"),
        (b"[3]", ""),
        (b'[{"type": "function"}]', ""),
        (b'[{"name": "f", "parameters": 3}]', ""),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 10_000 + b"]", ""),
    ],
)
@pytest.mark.parametrize("name", ["parse", "stream", "encode"])
def test_bad_tools_are_one_line(tmp_path: Path, name: str, content: bytes, part: str) -> None:
    path = tmp_path / "tools.json"
    path.write_bytes(content)
    assert_one_line(run(name, "-d", "hermes", "-t", str(path), input="[]"), part)


def test_a_bad_dialect_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    for content in ("not toml", "name = 'mine'\nsumary = ''", "\x00"):
        path.write_text(content, encoding="utf-8")
        assert_one_line(run("parse", "-d", str(path)), "mine.toml")


def test_wrong_options_exit_with_2() -> None:
    for args in (("parse",), ("parse", "-d", "hermes", "--format", "yaml"), ("nonsense",), ("parse", "--nonsense")):
        result = run(*args)
        assert result.exit_code == 2 and "Usage: " in result.stderr and "Traceback" not in result.stderr


def test_every_help_has_an_example_and_the_exit_codes() -> None:
    for name in COMMANDS:
        result = run(name, "--help")
        assert result.exit_code == 0
        assert f"wireproto {name}" in result.stdout.split("Example:")[1]
        assert "    2    wrong options, files" in result.stdout
    assert "Exit codes:" in run("--help").stdout


def test_version() -> None:
    assert run("--version").stdout == f"wireproto {wp.__version__}\n"


def test_the_reference_names_every_command_and_option() -> None:
    page = (Path(__file__).parent.parent / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"`{name}" in page
        for word in run(name, "--help").stdout.split():
            assert not word.startswith("--") or word == "--help" or f"`{word.rstrip('.,')}`" in page


# --- encode -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        {"name": "f", "arguments": {"x": 1, "s": "ä"}},
        [{"name": "f", "arguments": {"x": 1, "s": "ä"}, "id": None}],
        {"calls": [{"name": "f", "arguments": {"x": 1, "s": "ä"}}]},
        {"text": "", "reasoning": "", "calls": [{"name": "f", "arguments": {"x": 1, "s": "ä"}}]},
    ],
)
def test_encode_prints_the_wire_text_and_nothing_else(value: object) -> None:
    result = run("encode", "-d", "hermes", input=json.dumps(value))
    assert (result.exit_code, result.stdout, result.stderr) == (0, HERMES, "")


def test_parse_can_be_piped_into_encode() -> None:
    parsed = run("parse", "-d", "qwen3_coder", input=f"Hello.\n\n{QWEN}")
    assert run("encode", "-d", "qwen3_coder", input=parsed.stdout).stdout == f"Hello.\n\n{QWEN}"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "not JSON"),
        ("3", "expected a call"),
        ("{}", "expected a call"),
        ("[3]", "message.calls[0]: expected an object"),
        ('[{"name": "f"}, {"name": 3}]', "message.calls[1].name: expected a string, not int"),
        ('[{"arguments": {}}]', "message.calls[0].name: expected a string, and there is none"),
        ('{"name": "f", "arguments": "{}"}', "calls[0].arguments"),
        ('{"name": "f", "arguments": {}, "id": 3}', "calls[0].id"),
        ('{"text": 3}', "text"),
        ('{"calls": 3}', "calls"),
        ('{"text": "\\ud800"}', "surrogate"),
    ],
)
def test_what_is_not_a_message_is_one_line(text: str, part: str) -> None:
    assert_one_line(run("encode", "-d", "hermes", input=text), part)


def test_a_call_that_would_not_come_back_is_one_line() -> None:
    value = {"name": "f", "arguments": {"s": "x\n</parameter>\n</function>\n</tool_call>"}}
    assert_one_line(run("encode", "-d", "qwen3_coder", input=json.dumps(value)), "s")


# --- convert, prompt, results, salt -----------------------------------------------------------------------------------


def test_convert_prints_the_other_wire_text_and_nothing_else(tmp_path: Path, tools: str) -> None:
    path = tmp_path / "output.txt"
    path.write_text(QWEN, encoding="utf-8")
    result = run("convert", str(path), "--from", "qwen3_coder", "--to", "hermes", "--tools", tools)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>'
    assert run("convert", "--from", "hermes", "--to", "qwen3_coder", "-t", tools, input=result.stdout).stdout == QWEN
    assert '"x": "1"' in run("convert", "--from", "qwen3_coder", "--to", "hermes", input=QWEN).stdout


def test_what_cannot_be_converted_is_one_line(tools: str) -> None:
    cut = QWEN[: QWEN.index("1")]
    assert_one_line(run("convert", "--from", "qwen3_coder", "--to", "xml", input=cut), "call 0 ('f') is incomplete")
    assert_one_line(run("convert", "--from", "hermse", "--to", "xml"), "did you mean 'hermes'")
    forged = HERMES.replace("ä", "</parameter></function></tool_call>")
    result = run("convert", "--from", "hermes", "--to", "qwen3_coder", "-t", tools, input=forged)
    assert_one_line(result, "qwen3_coder cannot carry this: call 0 ('f'): argument 's'")


def test_convert_salts_what_can_be_salted() -> None:
    salted = run("convert", "--from", "hermes", "--to", "xml", "--salt", "k7q2", input=HERMES).stdout
    assert "<call-k7q2 " in salted
    assert run("convert", "--from", "xml", "--to", "hermes", "--salt", "k7q2", input=salted).stdout == HERMES
    assert_one_line(run("convert", "--from", "hermes", "--to", "cline", "--salt", "k7q2"), "cannot be salted")


def test_convert_says_what_was_not_utf8() -> None:
    result = run("convert", "--from", "hermes", "--to", "xml", input=b"a\xff")
    assert (result.exit_code, result.stdout) == (1, "a\ufffd")
    assert result.stderr.splitlines() == ["wireproto: standard input: not UTF-8 at byte 1; replaced by U+FFFD"]


def test_prompt_prints_what_the_library_writes(tools: str) -> None:
    result = run("prompt", "xml", "--tools", tools)
    assert (result.exit_code, result.stdout, result.stderr) == (0, wp.prompt("xml", TOOLS), "")
    salted = run("prompt", "xml", "-t", tools, "--salt", "k7q2").stdout
    assert salted == wp.prompt(wp.dialect("xml").salted("k7q2"), TOOLS) and "<call-k7q2 " in salted


def test_prompt_needs_tools_and_a_dialect(tools: str) -> None:
    assert run("prompt", "xml").exit_code == 2
    assert_one_line(run("prompt", "xmll", "-t", tools), "did you mean 'xml'")
    assert_one_line(run("prompt", "hermes", "-t", tools, "--salt", "k7q2"), "cannot be salted")
    assert_one_line(run("prompt", "xml", "-t", tools, "--salt", "K!"), "letters and digits")


@pytest.mark.parametrize(
    "value",
    [
        {"name": "f", "content": "a<b"},
        [{"name": "f", "content": "a<b", "id": None, "error": False}],
    ],
)
def test_results_prints_what_the_library_writes(value: object) -> None:
    result = run("results", "xml", input=json.dumps(value))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == '<tool_results>\n<result name="f">a&lt;b</result>\n</tool_results>'


def test_results_takes_ids_errors_and_any_content(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('[{"name": "f", "content": {"x": 1}, "id": "i1", "error": true}]', encoding="utf-8")
    line = '<result-k7q2 name="f" id="i1" error="true">{"x": 1}</result-k7q2>'
    assert line in run("results", "xml", str(path), "--salt", "k7q2").stdout


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "not JSON"),
        ("3", "results[0]: expected an object"),
        ('[{"name": "f", "content": ""}, {"name": "f"}]', "results[1]: expected an object"),
        ('{"name": 3, "content": ""}', "results[0]: expected an object"),
        ('{"name": "f", "content": "", "id": 3}', "results[0].id"),
        ('{"name": "f", "content": "", "error": 3}', "results[0].error"),
        ('{"name": "f", "content": "\\ud800"}', "surrogate"),
    ],
)
def test_what_is_no_list_of_results_is_one_line(text: str, part: str) -> None:
    assert_one_line(run("results", "hermes", input=text), part)


def test_a_salt_reaches_the_encoder_and_the_decoder() -> None:
    text = run("encode", "-d", "xml", "--salt", "k7q2", input=json.dumps({"name": "f", "arguments": {"x": "a"}})).stdout
    assert '<call-k7q2 name="f">' in text
    for salt, count in (("k7q2", 1), ("q2k7", 0)):
        assert len(json.loads(run("parse", "-d", "xml", "--salt", salt, input=text).stdout)["calls"]) == count
        events = [
            json.loads(line) for line in run("stream", "-d", "xml", "--salt", salt, input=text).stdout.splitlines()
        ]
        assert sum(event["event"] == "call_end" for event in events) == count
    assert_one_line(run("parse", "-d", "hermes", "--salt", "k7q2"), "cannot be salted")


# --- dialects, show ---------------------------------------------------------------------------------------------------


def test_dialects_lists_them_all() -> None:
    table = run("dialects").stdout
    listed = json.loads(run("dialects", "--format", "json").stdout)
    assert tuple(dialect["name"] for dialect in listed) == wp.dialects()
    assert list(listed[0]) == ["name", "aliases", "models", "codec", "summary"]
    for name in wp.dialects():
        assert name in table


@pytest.mark.filterwarnings("ignore:.*is built in")
def test_show_prints_a_file_that_can_be_used(tmp_path: Path) -> None:
    for name in wp.dialects():
        path = tmp_path / f"{name}.toml"
        path.write_text(run("show", name).stdout, encoding="utf-8")
        loaded, known = wp.Dialect.load(path), wp.dialect(name)
        for part in ("name", "aliases", "models", "summary", "source", "markers", "call", "argument", "section"):
            assert getattr(loaded, part) == getattr(known, part)
    assert json.loads(run("parse", "-d", str(tmp_path / "hermes.toml"), input=HERMES).stdout)["calls"]


def test_show_knows_aliases_and_json() -> None:
    alias = wp.dialect("hermes").aliases[0]
    assert alias in run("show", alias).stdout.splitlines()[0]
    shown = json.loads(run("show", alias, "--format", "json").stdout)
    assert shown["name"] == "hermes" and shown["file"]["argument"]["codec"] == "json"


# --- stream -----------------------------------------------------------------------------------------------------------


def test_stream_prints_events_as_lines(tools: str) -> None:
    result = run("stream", "-d", "hermes", "-t", tools, input=f"Hello.\n{HERMES}".replace('"f"', '"g"'))
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert {"event": "call_start", "index": 0, "name": "g", "id": None} in events
    assert {"event": "argument_end", "index": 0, "key": "x", "value": 1} in events
    [end] = [event for event in events if event["event"] == "call_end"]
    assert end["call"] == {"name": "g", "arguments": {"x": 1, "s": "ä"}, "id": None, "complete": True}
    [diagnosed] = [event for event in events if event["event"] == "diagnosed"]
    assert list(diagnosed) == ["event", "code", "message", "start", "end", "severity"]
    deltas = [e["text"] for e in events if e["event"] == "argument_delta" and e["key"] == "s"]
    assert "".join(deltas) == "ä"


def test_stream_says_the_offset_of_bad_bytes_whatever_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (1, 2, 3, 100):
        monkeypatch.setattr("wireproto.cli.main.CHUNK", size)
        result = run("stream", "-d", "hermes", input=b"ab\xc3\xa4\xe2\x82x\xff\xc3")
        assert result.stderr.splitlines() == ["wireproto: standard input: not UTF-8 at byte 4; replaced by U+FFFD"]
        events = [json.loads(line) for line in result.stdout.splitlines()]
        assert "".join(event["text"] for event in events) == "abä\ufffdx\ufffd\ufffd" and result.exit_code == 1


@contextmanager
def running(*args: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes], IO[bytes]]]:
    """Run a command with pipes; kill it when it hangs, so that a test fails instead of waiting for ever."""
    with subprocess.Popen(command(*args), stdin=-1, stdout=-1, stderr=-1, env=ENV) as process:
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            assert process.stdin is not None and process.stdout is not None and process.stderr is not None
            yield process, process.stdin, process.stdout, process.stderr
        finally:
            watchdog.cancel()


def send(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(data)
    pipe.flush()


def read_until(out: IO[bytes], wanted: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while not events or events[-1]["event"] != wanted:
        events.append(json.loads(out.readline()))
    return events


def test_stream_prints_events_before_the_input_ends() -> None:
    with running("stream", "-d", "qwen3_coder") as (process, to, out, err):
        head = "Hi, ä".encode()
        # The first write ends inside a character, so nothing may wait for whole characters or lines.
        send(to, head[:-1])
        assert read_until(out, "text_delta")[0]["text"].startswith("Hi")
        send(to, head[-1:] + b".\n\n<tool_call>\n<function=f>\n<parameter=s>\nfirst line\nsecond")
        assert read_until(out, "argument_delta")[-1]["text"].startswith("first")
        send(to, b" line\n</parameter>\n</function>\n</tool_call>")
        to.close()
        events = read_until(out, "call_end")
        assert events[-1]["call"]["arguments"] == {"s": "first line\nsecond line"}
        assert out.read() == b"" and err.read() == b""
    assert process.returncode == 0


def test_stream_stops_quietly_when_interrupted() -> None:
    with running("stream", "-d", "hermes") as (process, to, out, err):
        send(to, b"Hello")
        read_until(out, "text_delta")
        process.send_signal(signal.SIGINT)
        assert err.read() == b""
    assert process.returncode == 130


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("x" * 5_000_000, encoding="utf-8")
    with running("parse", str(path), "-d", "hermes") as (process, _, out, err):
        out.read(1)
        out.close()
        assert err.read() == b""
    assert process.returncode == 141


def test_an_output_that_cannot_be_written_is_no_traceback() -> None:
    shell = f"{sys.executable} -m wireproto parse -d hermes </dev/null"
    done = subprocess.run(["/bin/sh", "-c", f"{shell} >&-"], capture_output=True, env=ENV, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    if Path("/dev/full").exists():
        done = subprocess.run(["/bin/sh", "-c", f"{shell} >/dev/full"], capture_output=True, env=ENV, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith(b"wireproto: ") and done.stderr.count(b"\n") == 1


def test_output_is_utf8_whatever_the_locale_says() -> None:
    env = ENV | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for name in ("parse", "stream"):
        done = subprocess.run(
            command(name, "-d", "hermes"), input=HERMES.encode(), capture_output=True, env=env, check=True
        )
        assert "ä".encode() in done.stdout
    value = json.dumps([{"name": "f", "arguments": {"x": 1, "s": "ä"}}]).encode()
    done = subprocess.run(command("encode", "-d", "hermes"), input=value, capture_output=True, env=env, check=True)
    assert done.stdout == HERMES.encode()


# --- shapes -----------------------------------------------------------------------------------------------------------


def test_events_are_flat_objects() -> None:
    diagnosis = wp.Diagnosis("unknown-tool", (1, 2), "no", "defect")
    assert event_json(wp.TextDelta("a")) == {"event": "text_delta", "text": "a"}
    assert event_json(wp.ArgumentDelta(0, "k", "a")) == {"event": "argument_delta", "index": 0, "key": "k", "text": "a"}
    assert event_json(wp.Diagnosed(diagnosis)) == {
        "event": "diagnosed", "code": "unknown-tool", "message": "no", "start": 1, "end": 2, "severity": "defect",
    }  # fmt: skip


def test_half_a_surrogate_pair_is_written_in_escapes() -> None:
    assert to_json({"ä": "\ud800"}) == '{"\\u00e4": "\\ud800"}'
    assert to_json({"ä": "😀"}) == '{"ä": "😀"}'


def test_messages_come_back_from_json() -> None:
    message = wp.Message("a", "b", (wp.Call("f", {"x": [1, None]}, "id1"), wp.Call("g", {}, None, complete=False)))
    assert to_message(json.loads(to_json(message_json(message)))) == message


def test_importing_the_package_leaves_the_command_line_alone() -> None:
    code = "import sys, wireproto; sys.exit(bool({'typer', 'rich'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], env=ENV, check=False).returncode == 0


def test_grammar_check_names_the_place_and_the_fix(tmp_path: Path) -> None:
    path = tmp_path / "g.gbnf"
    path.write_text('root ::= [0-9]{0,2001}\nx ::= "b"\n', encoding="utf-8")
    result = run("grammar", "check", str(path))
    assert (result.exit_code, result.stderr) == (0, "")
    first, hint, second = result.stdout.splitlines()
    assert first.startswith(f"{path}:1:") and "warning: unbounded-repetition" in first and hint.startswith("    ")
    assert second.startswith(f"{path}:2:1: warning: unused-rule")
    assert run("grammar", "check", str(path), "--strict").exit_code == 1
    found = json.loads(run("grammar", "check", str(path), "--format", "json").stdout)
    assert [(entry["code"], entry["line"]) for entry in found] == [("unbounded-repetition", 1), ("unused-rule", 2)]


def test_grammar_check_reads_standard_input() -> None:
    assert run("grammar", "check", input='root ::= "a"\n').stdout == "-: no findings\n"
    refused = run("grammar", "check", "-", input="root ::= x_y\n")
    assert refused.exit_code == 1 and refused.stdout.startswith("-:1:")
    assert_one_line(run("grammar", "check", "none.gbnf"), "none.gbnf")
