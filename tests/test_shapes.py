"""What rules say of the shapes of texts, in every dialect: whole and a character at a time; values; outputs cut off."""

from __future__ import annotations

from typing import Any

import pytest
import shapes

import wireproto as wp
from wireproto.testing.decoded import merged
from wireproto.text.json_safe import identical

# Those whose shapes are described in `shapes.ENDS`; the laws hold for all.
every_dialect = pytest.mark.parametrize("dialect", sorted(shapes.ENDS))


def decode(shape: dict[str, Any], *chunks: str) -> tuple[list[Any], wp.Message]:
    policy, reasoning_open = wp.Policy(**shape.get("policy", {})), shape.get("reasoning_open", False)
    decoder = wp.Decoder(shape["dialect"], shape["tools"], policy=policy, reasoning_open=reasoning_open)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [*events, *decoder.close(shape.get("finish_reason"))], decoder.message


@every_dialect
def test_every_shape_is_read_as_the_rules_say(dialect: str) -> None:
    for shape in shapes.shapes(dialect):
        _, message = decode(shape, shape["text"])
        said = [*message.diagnoses, *(found for call in message.calls for found in call.diagnoses)]
        got = {
            "calls": [shapes.told(call) for call in message.calls if call.complete],
            "incomplete": [shapes.told(call) for call in message.calls if not call.complete],
            "candidates": [shapes.told(call) for call in message.candidates],
            "text": message.text.strip(),
            "reasoning": message.reasoning.strip(),
            "codes": sorted({found.code for found in said}),
        }
        for part, expected in shape["expect"].items():
            assert expected is None or identical(got[part], expected), f"{shape['id']}, {part}: {shape['text']!r}"


@every_dialect
def test_chunks_do_not_matter(dialect: str) -> None:
    for shape in shapes.shapes(dialect):
        events, message = decode(shape, shape["text"])
        cut, other = decode(shape, *shape["text"])
        assert (other, merged(cut)) == (message, merged(events)), shape["id"]


@every_dialect
def test_every_value_comes_back(dialect: str) -> None:
    assert shapes.wrong_value(dialect) is None


@every_dialect
def test_what_is_cut_off_has_what_is_certain(dialect: str) -> None:
    assert shapes.wrong_cut(dialect) is None
