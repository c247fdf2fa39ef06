"""A codec is one folder: the example of another package, and our own, keep every law; CONTRIBUTING is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import wireproto as wp
from wireproto.codecs import codec
from wireproto.engine.codec import Codec
from wireproto.format.plugins import BUILT_IN_CODECS, codec_names
from wireproto.testing import check, check_codec, registered_codec
from wireproto.testing.check import TOOLS

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))

from lines_codec import CODEC, DIALECT  # noqa: E402

# A dialect of each codec.
DIALECTS = {
    "html": "html",
    "json": "hermes",
    "pythonic": "lfm2",
    "relaxed": "gemma4",
    "tagged": "qwen3_coder",
    "toml": "toml",
    "xml": "xml",
}


def test_the_example_keeps_every_law() -> None:
    check_codec(CODEC, DIALECT, examples=50)


@pytest.mark.parametrize("name", BUILT_IN_CODECS)
def test_our_codecs_keep_every_law(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # tests/test_laws.py measures the time that every dialect takes.
    monkeypatch.setattr(check, "check_floods", lambda dialect: None)
    check_codec(codec(name), DIALECTS[name], examples=5)


def test_a_codec_is_registered_for_the_length_of_a_test() -> None:
    with registered_codec(CODEC):
        assert codec("lines") is CODEC
        with pytest.raises(ValueError, match="another codec named 'lines'"), registered_codec(_other("lines")):
            pass
    assert "lines" not in codec_names()
    with pytest.raises(wp.DialectError, match="unknown codec 'lines'"):
        wp.Dialect.load(DIALECT)


def _other(name: str) -> Codec:
    return Codec(name, CODEC.reader, CODEC.write)


def test_what_a_codec_lacks_is_said() -> None:
    with registered_codec(_other("lines")):
        dialect = wp.Dialect.load(DIALECT)
        with pytest.raises(wp.GrammarError, match="lines: the codec lines has no grammar"):
            wp.grammar(dialect, TOOLS)
        assert "as JSON, without line breaks" not in wp.prompt(dialect, TOOLS)
    with pytest.raises(ValueError, match="go together"):
        Codec("lines", CODEC.reader, CODEC.write, body="statements")


def test_strings_come_out_while_they_grow() -> None:
    with registered_codec(CODEC):
        decoder = wp.Decoder(wp.Dialect.load(DIALECT), tools=TOOLS)
        decoder.feed('Hi. <call write_file>\npath: "a')
        assert decoder.feed("b") == [wp.ArgumentDelta(0, "path", "b")]
        decoder.feed('"\nmode: 4')
        assert decoder.feed("2\n")[-1] == wp.ArgumentEnd(0, "mode", 42)


@pytest.mark.parametrize(
    ("text", "arguments", "complete", "codes"),
    [
        ('<call now>\nx: "a"\nx: 5\n</call>', {"x": "a"}, True, ["unknown-argument", "duplicate-argument"]),
        ('<call now>\nx: "a"\n', {"x": "a"}, True, ["unknown-argument", "unclosed-call"]),
        ('<call now>\nx: "a', {"x": "a"}, False, ["unknown-argument", "truncated-value"]),
        ("<call now>\nx: tru\n</call>", {}, False, ["unknown-argument", "json-invalid"]),
        ("<call now>\nx: [1,]\n</call>", {"x": [1]}, True, ["unknown-argument", "json-repaired"]),
        ("<call now>\nwhat?\n</call>", {}, False, ["truncated-call"]),
    ],
)
def test_what_is_wrong_is_diagnosed(text: str, arguments: dict[str, object], complete: bool, codes: list[str]) -> None:
    with registered_codec(CODEC):
        (call,) = wp.parse(text, wp.Dialect.load(DIALECT), TOOLS).calls
    assert (call.arguments, call.complete) == (arguments, complete)
    assert sorted(diagnosis.code for diagnosis in call.diagnoses if diagnosis.code != "marker-variant")[:2] == sorted(
        codes
    )


USE = """
import wireproto as wp
tools = [{"name": "f", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}]
text = wp.encode([wp.Call("f", {"n": 5})], "lines", tools=tools)
assert wp.parse(text, "lines", tools=tools).calls[0].arguments == {"n": 5}
assert wp.parse("Now: " + text, "auto", tools=tools).dialect == "lines"
assert "n: " in str(wp.grammar("lines", tools)) and "one line" in wp.prompt("lines", tools)
print(wp.classify(text, tools=tools).dialect, wp.classify(text, dialect="lines", tools=tools).label)
"""


def test_a_package_registers_it_as_contributing_says(tmp_path: Path) -> None:
    """The entry points of the page, as an installed package has them, are all that a new process needs."""
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Add a codec")[2]
    (block,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    info = tmp_path / "lines_codec-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lines-codec\nVersion: 1\n")
    points = re.sub(r'\[project\.entry-points\."(.*)"\]', r"[\1]", block)
    (info / "entry_points.txt").write_text(points.replace('"', ""))
    paths = os.pathsep.join((str(tmp_path), str(ROOT / "examples"), *sys.path))
    run = subprocess.run(
        [sys.executable, "-c", USE],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert (run.stdout, run.stderr) == ("lines calls\n", "")
