"""TOML 1.1 on every Python: `text.toml` reads what a parser of TOML 1.1 reads, whichever parser it has itself."""

from __future__ import annotations

import random
from typing import Any

import pytest
import tomli

from wireproto.text import toml

PIECES = [
    "{", "}", "[", "]", ",", "\n", "\r\n", " ", "=", ".", "#c", '"', '""', '"""', "'", "'''", "\\", '\\"', "a", "x.y",
    "1", "true", "a = {", "a=[", "b = 2, ", "{a=1,\n}", " # } \n", "07:32", "07:32:00", "1979-05-27T07:32", "+07:00",
    "1979-05-27 07:32:01Z", "\\e", "\\x41", 'c="x\\e"', '"k\\x41"',
]  # fmt: skip


def read(loads: Any, text: str) -> Any:
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return None


def test_it_reads_what_a_parser_of_toml_1_1_reads() -> None:
    draw, valid = random.Random(7), 0
    for _ in range(20_000):
        text = draw.choice(("", "v = ")) + "".join(draw.choices(PIECES, k=draw.randint(1, 12)))
        wanted = read(tomli.loads, text)
        assert read(toml.loads, text) == wanted, text
        valid += wanted is not None
    assert valid > 500


@pytest.mark.parametrize(
    "text",
    [
        "a = {x = 1,\n y = 2, # the second\n}",
        "a = {x = [{y = 1,\n}, {}],\n\n}",
        'a = ["\\e[0m", """\\x41\\\\e""", \'\\e\']',
        'a = {"\\x41" = 1}',
        "a = [07:32, 1979-05-27T07:32, 1979-05-27 07:32+01:00]",
    ],
)
def test_what_toml_1_1_adds(text: str) -> None:
    assert toml.loads(text) == tomli.loads(text)
    assert tomli.loads(toml._as_toml_10(text)) == tomli.loads(text)


def test_the_message_is_about_the_text_as_written() -> None:
    with pytest.raises(ValueError, match="line 3"):
        toml.loads("a = 1\nb = 2\nc = \\e")


@pytest.mark.parametrize("text", ["a." * 60_000 + "b = 1", "'a' . " * 60_000 + "b = 1", "a = " + "1" * 100_000])
def test_what_costs_more_than_its_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="too many"):
        toml.loads(text)
    assert toml.loads(f'a = """{text}""" # {text}')["a"] == text
