"""The pytest plug-in: outputs that look like a model's, streams in OpenAI's shape, and a plug-in that costs nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wireproto as wp
from wireproto.fuzz.realistic import KINDS, ModelOutput, model_output
from wireproto.fuzz.streams import OutputStream, chunks

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "how-to" / "test-your-agent-loop.md"
TOOLS = [
    {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "content": {"type": "string"},
                "mode": {"enum": ["a", "w"]},
                "lines": {"type": "array", "items": {"type": ["integer", "null"]}},
                "at": {"type": "object", "properties": {"x": {"type": "number"}, "on": {"type": "boolean"}}},
            },
            "required": ["path"],
        },
    }
]


def every(dialect: str, count: int = len(KINDS), seed: int = 0) -> list[ModelOutput]:
    return [model_output(TOOLS, dialect, number, seed) for number in range(count)]


@pytest.mark.parametrize("dialect", wp.dialects())
def test_outputs_look_like_those_of_a_model(dialect: str) -> None:
    outputs = {output.kind: output for output in every(dialect)}
    assert list(outputs) == list(KINDS) and outputs == {it.kind: it for it in every(dialect)}
    for output in outputs.values():
        assert "".join(output.pieces) == output.text and (output.finish_reason == "length") == (output.kind == "cut")
    good = outputs["good"]
    assert [(call.name, dict(call.arguments)) for call in good.message.calls if call.complete] == [
        (call.name, dict(call.arguments)) for call in good.meant
    ]
    assert not outputs["no call"].message.calls and not outputs["fenced"].message.calls
    assert sum(output.text != good.text for output in outputs.values()) > 10
    assert outputs["cut"].text != every(dialect, seed=1)[1].text


def test_outputs_need_tools() -> None:
    with pytest.raises(ValueError, match="at least one tool"):
        model_output([], "hermes")


@pytest.mark.parametrize("dialect", ["hermes", "qwen3_coder", "xml"])
def test_a_stream_is_what_a_server_sends(dialect: str) -> None:
    for output in every(dialect, 2 * len(KINDS)):
        raw = OutputStream(output)
        assert "".join(delta(chunk).get("content", "") for chunk in raw) == output.text
        decoded = raw.decoded()
        for sent in (raw, decoded):
            assert all(chunk["object"] == "chat.completion.chunk" for chunk in sent)
            assert delta(sent[0])["role"] == "assistant" and delta(sent[-1]) == {}
            assert [it for it in map(reason, sent) if it] == [reason(sent[-1])]
        assert json.loads(json.dumps(decoded)) == decoded == chunks(output, decoded=True)
        assert "".join(delta(chunk).get("content", "") for chunk in decoded) == output.message.text
        assert calls_of(decoded) == [
            (call.name, call.arguments if call.complete else None) for call in output.message.calls
        ]


def delta(chunk: dict[str, Any]) -> dict[str, Any]:
    return chunk["choices"][0]["delta"]


def reason(chunk: dict[str, Any]) -> str | None:
    return chunk["choices"][0]["finish_reason"]


def calls_of(sent: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Put calls together as a client does; arguments that are no JSON are None."""
    found: dict[int, list[str]] = {}
    for chunk in sent:
        for part in delta(chunk).get("tool_calls", ()):
            if "id" in part:
                assert part["type"] == "function" and part["index"] not in found
                found[part["index"]] = [part["function"]["name"], ""]
            found[part["index"]][1] += part["function"]["arguments"]
    return [(name, json_or_none(text)) for name, text in found.values()]


def json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


# --- in pytest --------------------------------------------------------------------------------------------------------


def run_pytest(folder: Path, *args: str) -> str:
    """Run pytest with the plug-in alone, whether it is installed here or not."""
    plugins = ["-p", "no:wireproto", "-p", "no:hypothesispytest", "-p", "no:cacheprovider", "-p", "pytest_wireproto"]
    command = [sys.executable, "-m", "pytest", *plugins, "--rootdir", str(folder), *args, str(folder)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=env)
    return result.stdout + result.stderr


TESTS = """
import pytest

SEEN = []

@pytest.mark.wireproto(4, seed=2, dialect="xml")
def test_outputs(wireproto_outputs, wireproto_tools):
    assert [output.kind for output in wireproto_outputs][:2] == ["good", "cut"] and len(wireproto_outputs) == 4
    assert wireproto_outputs[0].dialect == "xml" and wireproto_outputs[0].tools is wireproto_tools

@pytest.mark.wireproto(count=3, tools=[{"name": "add", "parameters": {"type": "object", "properties": {}}}])
def test_stream(wireproto_stream):
    SEEN.append(wireproto_stream.output.text)
    assert wireproto_stream[0]["object"] == "chat.completion.chunk" and "add" in SEEN[0]

def test_streams_differ(wireproto_outputs):
    assert len(set(SEEN)) == 3 and len(wireproto_outputs) == 15

def test_nothing_is_loaded_before_it_is_asked_for():
    pass
"""


def test_the_fixtures_and_the_marker(tmp_path: Path) -> None:
    (tmp_path / "test_loop.py").write_text(TESTS, encoding="utf-8")
    shown = run_pytest(tmp_path, "-v", "--strict-markers")
    assert "6 passed" in shown and "test_stream[2]" in shown, shown
    (tmp_path / "test_loop.py").write_text(
        "import pytest\n@pytest.mark.wireproto(numer=3)\ndef test_x(wireproto_stream): pass\n", encoding="utf-8"
    )
    assert "the marker 'wireproto' takes count, seed, dialect, tools" in run_pytest(tmp_path)


def test_the_plug_in_costs_nothing_until_it_is_used() -> None:
    script = "import sys, pytest; before = {*sys.modules}; import pytest_wireproto; print(*{*sys.modules} - before)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert loaded.split() == ["pytest_wireproto"]
    point = '[project.entry-points.pytest11]\nwireproto = "pytest_wireproto"\n'
    assert point in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for source, name in re.findall(r"^```py\n(# (\S+)\n.*?)^```$", text, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(source, encoding="utf-8")
    assert "$ pytest test_agent.py" in text and "91 passed" in run_pytest(tmp_path)
