"""Wrong codecs and dialects are caught, each by the law that it breaks and with an example that a person can read."""

from __future__ import annotations

import pickle
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from wrong_codecs import LINES_FILE, TAGS, TAGS_FILE, DecidesByChunk, DropsAnArgument, NeverEnds, lines

import wireproto as wp
from wireproto.engine.codec import Codec
from wireproto.testing import LawBroken, check_codec, check_dialect

LONGEST = 200
STRINGS = [
    {
        "name": "write_file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}, "content": {"type": "string"}}},
    }
]


def caught(codec: Codec, dialect: Path, **how: Any) -> LawBroken:
    started = time.monotonic()
    with pytest.raises(LawBroken) as found:
        check_codec(codec, dialect, **how)
    assert len(found.value.text) <= LONGEST and time.monotonic() - started < 30
    return found.value


@pytest.fixture
def tags(tmp_path: Path) -> Path:
    path = tmp_path / "tags.toml"
    path.write_text(TAGS_FILE, encoding="utf-8")
    return path


@pytest.mark.parametrize("seed", range(3))
def test_a_reader_that_takes_the_first_closer(seed: int, tags: Path) -> None:
    error = caught(TAGS, tags, tools=STRINGS, seed=seed)
    assert (error.law.number, error.problem) == (5, "what is written is read as something else")
    assert error.text.count("</with>") == 2


@pytest.mark.parametrize("seed", range(3))
def test_a_reader_that_drops_an_argument(seed: int) -> None:
    error = caught(lines(DropsAnArgument), LINES_FILE, seed=seed)
    assert (error.law.number, error.problem) == (5, "what is written is read as something else")


def test_a_reader_that_never_ends() -> None:
    error = caught(lines(NeverEnds), LINES_FILE)
    assert (error.law.number, error.problem) == (1, "decoding never ends")


@pytest.mark.parametrize("seed", range(3))
def test_a_reader_that_decides_by_chunk(seed: int) -> None:
    error = caught(lines(DecidesByChunk), LINES_FILE, seed=seed)
    assert error.law.number == 3 and len(error.chunks) == 2


def test_a_dialect_whose_closers_are_the_same(tags: Path) -> None:
    form = TAGS_FILE.replace('codec = "tags"', 'codec = "tagged"')
    tags.write_text(form.replace("</with>", "</do>"), encoding="utf-8")
    with pytest.raises(wp.DialectError, match=r"tags\.toml: argument\.close: must differ from call\.close"):
        wp.Dialect.load(tags)
    tags.write_text(form, encoding="utf-8")
    mine = wp.Dialect.load(tags)
    alike = replace(mine, argument=replace(mine.argument, close=mine.call.close))
    with pytest.raises(LawBroken) as found:
        check_dialect(alike, examples=5)
    assert (found.value.law.number, found.value.problem) == (5, "a value and a call have the same closer")
    assert len(found.value.text) <= LONGEST


def test_an_error_goes_from_one_process_to_another(tags: Path) -> None:
    error = caught(TAGS, tags, tools=STRINGS)
    other = pickle.loads(pickle.dumps(error))
    assert (str(other), other.law, other.trial) == (str(error), error.law, error.trial)
    assert isinstance(other, LawBroken) and wp.parse(other.text, "hermes").text
