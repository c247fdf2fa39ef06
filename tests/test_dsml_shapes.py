"""Every shape in which models write DSML calls: markers there or missing, invokes closed in three ways, prose anywhere.

Law: no marker of a call is left in the text; and where prose does not stand behind a value that may go on, every call
comes out whole.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from itertools import product

import pytest

import wireproto as wp

TOOLS = [
    {"name": "read_file", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}},
    {"name": "list_jobs", "parameters": {"type": "object", "properties": {}}},
]
BEFORE, BETWEEN, AFTER = "I will look.\n\n", "Then the next one.\n", "\nThat is all."
MARKUP = ("DSML", "invoke", "parameter", "tool_calls", "function_calls", "<", ">")


@dataclass(frozen=True)
class Shape:
    """One way to write calls. `section` says which of its markers are there, `invoke` how each call ends."""

    dialect: str
    bar: str
    block: str
    section: str
    invoke: str
    count: int
    before: bool
    between: bool
    after: bool

    def __str__(self) -> str:
        return "-".join(str(getattr(self, field.name)) or "plain" for field in fields(self))

    @property
    def text(self) -> str:
        """The output."""
        calls = (BETWEEN if self.between else "").join(map(self._call, range(self.count)))
        opener = f"<{self.bar}{self.block}>\n" if self.section in ("whole", "unclosed") else ""
        closer = f"</{self.bar}{self.block}>" if self.section in ("whole", "unopened") else ""
        return BEFORE * self.before + opener + calls + closer + AFTER * self.after

    def _call(self, index: int) -> str:
        bar = self.bar
        if self.invoke == "empty":
            return f'<{bar}invoke name="list_jobs"/>\n'
        value = f'<{bar}parameter name="path" string="true">{index}.py</{bar}parameter>\n'
        return f'<{bar}invoke name="read_file">\n{value}' + f"</{bar}invoke>\n" * (self.invoke == "closed")

    @property
    def calls(self) -> list[tuple[str, dict[str, str]]]:
        """What was meant."""
        if self.invoke == "empty":
            return [("list_jobs", {})] * self.count
        return [("read_file", {"path": f"{index}.py"}) for index in range(self.count)]

    @property
    def is_told_apart(self) -> bool:
        """Whether nothing stands behind a value's closers that makes them content (R-LOOK).

        An open section wants another call or its own closer behind a call's closer, and an invoke that is not closed
        wants that behind a value's. Prose there cannot be told from more of the value.
        """
        if self.invoke == "closed":
            return self.section in ("unopened", "none") or not (self.between or self.after_open)
        return self.invoke == "empty" or not (self.between or (self.after and self.section != "whole"))

    @property
    def after_open(self) -> bool:
        """Whether text follows a section that is not closed."""
        return self.after and self.section == "unclosed"


SHAPES = [
    Shape(*shape)
    for shape in product(
        ("dsml_v4", "dsml_v32"),
        ("｜DSML｜", ""),
        ("tool_calls", "function_calls"),
        ("whole", "unclosed", "unopened", "none"),
        ("closed", "open", "empty"),
        (1, 2, 3),
        (False, True),
        (False, True),
        (False, True),
    )
    if not (shape[5] == 1 and shape[7])
]
APART = [shape for shape in SHAPES if shape.is_told_apart]
TOGETHER = [shape for shape in SHAPES if not shape.is_told_apart]


@cache
def decode(shape: Shape) -> wp.Message:
    return wp.parse(shape.text, shape.dialect, tools=TOOLS, finish_reason="stop")


def test_there_are_enough() -> None:
    assert len({shape.text for shape in SHAPES}) > 450
    assert len(APART) > len(TOGETHER) > 0


def test_no_marker_is_left_in_the_text() -> None:
    left = [str(shape) for shape in SHAPES if any(mark in decode(shape).text for mark in MARKUP)]
    assert left == []


@pytest.mark.parametrize("invoke", ["closed", "open", "empty"])
def test_every_call_comes_out_whole(invoke: str) -> None:
    wrong = []
    for shape in (shape for shape in APART if shape.invoke == invoke):
        message = decode(shape)
        got = [(call.name, call.arguments) for call in message.calls if call.complete]
        if got != shape.calls or len(message.calls) != shape.count:
            wrong.append((str(shape), got))
    assert wrong == []


def test_prose_comes_out_as_it_is() -> None:
    wrong = []
    for shape in APART:
        prose = [BEFORE] * shape.before + [BETWEEN] * (shape.between * (shape.count - 1)) + [AFTER] * shape.after
        if "".join(decode(shape).text.split()) != "".join("".join(prose).split()):
            wrong.append((str(shape), decode(shape).text))
    assert wrong == []


def test_what_cannot_be_told_apart_is_said() -> None:
    silent = []
    for shape in TOGETHER:
        message = decode(shape)
        codes = {diagnosis.code for diagnosis in message.diagnoses}
        if not codes & {"ambiguous-boundary", "truncated-value"} or message.text.strip() not in BEFORE:
            silent.append((str(shape), codes, message.text))
    assert silent == []


@pytest.mark.parametrize("step", [1, 3])
def test_chunks_do_not_matter(step: int) -> None:
    wrong = []
    for shape in SHAPES[:: 7 - step]:
        decoder = wp.Decoder(shape.dialect, tools=TOOLS)
        for at in range(0, len(shape.text), step):
            decoder.feed(shape.text[at : at + step])
        decoder.close(finish_reason="stop")
        if decoder.message != decode(shape):
            wrong.append(str(shape))
    assert wrong == []
