"""The demo ends well, and says so when it does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import wireproto as wp

ROOT = Path(__file__).resolve().parent.parent
RECORDED = ROOT / "fixtures" / "recorded"
NAMES = sorted(path.stem for path in RECORDED.glob("*.txt"))


def run_demo(script: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, str(script)], capture_output=True, encoding="utf-8", timeout=120, check=False, env=env
    )


def test_the_demo_ends_in_intact_calls() -> None:
    done = run_demo(ROOT / "examples" / "demo.py")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert done.stderr == ""
    assert done.stdout.count("write_file(path, content, overwrite), complete") == len(NAMES) == 2
    assert "WRONG" not in done.stdout and "\x1b" not in done.stdout


def test_the_demo_fails_when_something_is_different(tmp_path: Path) -> None:
    script = tmp_path / "examples" / "demo.py"
    recorded = tmp_path / "fixtures" / "recorded"
    script.parent.mkdir()
    recorded.mkdir(parents=True)
    script.write_bytes((ROOT / "examples" / "demo.py").read_bytes())
    for path in RECORDED.iterdir():
        recorded.joinpath(path.name).write_bytes(path.read_bytes())
    expected = json.loads((RECORDED / "coder-closers.expected.json").read_text(encoding="utf-8"))
    expected["calls"][0]["arguments"]["content"] += "x"
    recorded.joinpath("coder-closers.expected.json").write_text(json.dumps(expected), encoding="utf-8")

    done = run_demo(script)
    assert done.returncode == 1
    assert done.stdout.count("WRONG") == 1


@pytest.mark.parametrize("name", NAMES)
def test_recordings_hold_what_the_story_says(name: str) -> None:
    expected = json.loads((RECORDED / f"{name}.expected.json").read_text(encoding="utf-8"))
    wire = (RECORDED / f"{name}.txt").read_bytes().decode()
    content = expected["calls"][0]["arguments"]["content"]
    # The content stands in the wire text as it is: nothing in it was escaped to make things easy.
    assert content in wire and "</parameter>" in content
    assert len(expected["calls"]) == 1


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 64, 100_000])
@pytest.mark.parametrize("name", NAMES)
def test_recordings_in_chunks_of_any_size(name: str, size: int) -> None:
    expected = json.loads((RECORDED / f"{name}.expected.json").read_text(encoding="utf-8"))
    tools = json.loads((RECORDED / "tools.json").read_text(encoding="utf-8"))
    wire = (RECORDED / f"{name}.txt").read_bytes().decode()

    decoder = wp.Decoder(expected["dialect"], tools=tools)
    for start in range(0, len(wire), size):
        decoder.feed(wire[start : start + size])
    decoder.close(expected["finish_reason"])

    message = decoder.message
    assert [{"name": call.name, "arguments": call.arguments} for call in message.calls] == expected["calls"]
    assert all(call.complete for call in message.calls)
    assert (message.text, message.reasoning) == (expected["text"], expected["reasoning"])
