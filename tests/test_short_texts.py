"""Every short JSON text as arguments, against Python's own parser: escapes, numbers, nesting and blanks, in pieces too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

import wireproto as wp
from wireproto.testing.decoded import merged
from wireproto.text.json_safe import identical

TOOLS = [{"name": "f", "parameters": {"type": "object", "properties": {"k": {}, "n": {}}}}]
# A record, a name before its arguments, an array of records, and one whose closer begins with a fence.
DIALECTS = ("hermes", "kimi_k2", "mistral_v11", "mistral", "llama3_json", "deepseek_v3")
ESCAPES = (
    "\\n",
    '\\"',
    "\\\\",
    "\\/",
    "\\b\\f\\r\\t",
    "\\u00e9",
    "\\uD83D\\ude00",
    "\\u0000",
    "n",
    "{",
    "]}",
    "'",
    "é",
    "😀",
)
NUMBERS = ("0", "-0", "-1", "10", "1.5", "-0.25", "1e5", "1E+5", "2.5e-3", "1" + "0" * 30, "0.1e1")
SMALL = ('""', '"a"', "1", "true", "false", "null", "[]", "{}", '"}"')


def values() -> Iterator[str]:
    """Yield valid JSON of every kind."""
    for count in (0, 1, 2):
        yield from ('"' + "".join(pieces) + '"' for pieces in product(ESCAPES, repeat=count))
    yield from NUMBERS
    for one, other in product(SMALL, repeat=2):
        yield f"[{one},{other}]"
        yield f'{{"a":{one},"b":{other}}}'
        yield f'[[{one}],{{"":{other}}}]'
    for blank in (" ", "\n", "\t", "\r\n", "\n    "):
        yield blank.join(["[", "1", ",", '"a"', "]"])
        yield blank.join(["{", '"a"', ":", "[", "]", ",", '"b"', ":", "-1.5", "}"])


def decode(dialect: str, *chunks: str) -> tuple[list[Any], wp.Message]:
    decoder = wp.Decoder(dialect, TOOLS)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [*events, *decoder.close("stop")], decoder.message


@pytest.mark.parametrize("dialect", DIALECTS)
def test_valid_json_means_what_json_says(dialect: str) -> None:
    frame = wp.encode([wp.Call("f", {"k": "VALUE", "n": 1})], dialect, tools=TOOLS)
    for at, value in enumerate(values()):
        text = frame.replace('"VALUE"', value)
        events, message = decode(dialect, text)
        assert identical([call.arguments for call in message.calls], [{"k": json.loads(value), "n": 1}]), text
        assert message.calls[0].complete and not message.calls[0].diagnoses and not message.diagnoses, text
        assert message.text == "", text
        if at % 3 == 0:
            cut, other = decode(dialect, *text)
            assert (other, merged(cut)) == (message, merged(events)), text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_blanks_between_the_members_mean_nothing(dialect: str) -> None:
    written = wp.encode([wp.Call("f", {"k": ["x", {"n": None}], "n": 1})], dialect, tools=TOOLS)
    start, stop = written.index("{"), written.rindex("}") + 1
    for blank in ("\n", "\t", " \r\n "):
        spaced = written[start:stop]
        for sign in "{}[],":
            spaced = spaced.replace(sign, f"{blank}{sign}{blank}")
        text = written[:start] + spaced.strip() + written[stop:]
        events, message = decode(dialect, text)
        assert [call.arguments for call in message.calls] == [{"k": ["x", {"n": None}], "n": 1}], text
        assert not message.diagnoses, text
        cut, other = decode(dialect, *text)
        assert (other, merged(cut)) == (message, merged(events)), text
