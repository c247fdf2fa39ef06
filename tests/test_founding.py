"""The failure that started the project: a declaration document inside `write_file`, wherever else it may stand."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import wireproto as wp
from wireproto.testing.decoded import merged

SCRIPT = Path(__file__).resolve().parent.parent / "examples" / "declarations.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("declarations", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


demo = load()
STORIES = demo.stories()


def decode(story: Any, chunks: list[str]) -> tuple[wp.Message, list[object]]:
    decoder = wp.Decoder(story.dialect, tools=demo.TOOLS, policy=story.policy)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    events += decoder.close("stop")
    return decoder.message, merged(event for event in events)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)
def test_the_declaration_arrives_whole_for_every_chunking(story: Any) -> None:
    wire = story.wire
    message, events = decode(story, [wire])
    assert demo.problems(story, message) == []
    assert "".join(segment.raw for segment in message.segments) == wire
    for call in message.calls:
        value = call.arguments["content"]
        assert value.startswith("<?xml") and value.endswith("</familiar>\n")
        for document in call.nested:
            assert value[slice(*document.span)] == document.text and document.key == "content"
    assert decode(story, list(wire)) == (message, events)
    for cut in range(1, len(wire), 7):
        assert decode(story, [wire[:cut], wire[cut:]]) == (message, events)


def test_the_story_is_told_without_a_fault() -> None:
    env = {**os.environ, "PYTHONPATH": str(SCRIPT.parent.parent)}
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, encoding="utf-8", check=False, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "WRONG" not in done.stdout and len(done.stdout.splitlines()) == len(STORIES) + 5


def test_a_fault_would_be_told() -> None:
    story = STORIES[1]
    message, _ = demo.decode(story)
    assert demo.problems(story, message) == []
    assert demo.problems(story, wp.parse("</familiar>", "dsml_v4")) == [
        "0 calls",
        "0 nested documents",
        "markup in the text",
    ]


def test_the_same_declaration_in_every_protocol() -> None:
    values = {story.dialect: decode(story, [story.wire])[0].calls[0].arguments for story in STORIES[:12]}
    assert set(values) == {"dsml_v4", "toml", "html", "xml"}
    assert all(value == values["dsml_v4"] for value in values.values())
