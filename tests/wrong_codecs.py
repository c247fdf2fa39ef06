"""Codecs that are wrong, each in one way that real parsers are: the laws have to catch every one of them.

The calls of all are those of `examples/lines_codec`, or tags with raw values in them. It must not hold a test.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

from lines_codec import CODEC, DIALECT
from lines_codec.reader import LinesReader

from wireproto import Call, Dialect
from wireproto.engine.call_builder import CallBuilder, End
from wireproto.engine.codec import Codec, ReadCall
from wireproto.text.scan import WAIT, YES, Answer
from wireproto.text.state import State
from wireproto.tools.toolset import Tool


class FirstMatch(State):
    """Reads raw values between `<with:KEY>` and `</with>`, and ends each at the first closer that it sees."""

    __slots__ = ("builder", "in_string", "is_plain", "position")

    def __init__(self, builder: CallBuilder, position: int, in_section: bool) -> None:
        del in_section
        self.builder, self.position, self.is_plain, self.in_string = builder, position, False, False
        builder.begin(builder.opening.name or "", builder.opening.id, (builder.start, position))

    def take_plain(self, text: str) -> tuple[str, int] | None:
        return None

    def skip_to(self, position: int) -> None:
        self.position = position

    def read(self, stop: int, end: End) -> Answer:
        builder = self.builder
        while True:
            text = builder.buffer.slice(self.position, stop)
            rest = text.lstrip("\n")
            opened, closed = rest.partition(">"), rest.find("</with>")
            if rest.startswith("</do>"):
                return self._finish(stop - len(rest) + len("</do>"), True)
            if rest.startswith("<with:") and closed >= 0:
                key, value = opened[0].removeprefix("<with:"), rest[len(opened[0]) + 1 : closed]
                if builder.declare(key, (self.position, stop)):
                    builder.open(key)
                    builder.more(value)
                    builder.close(value)
                self.position = stop - len(rest) + closed + len("</with>")
                continue
            if end.final or not ("<with:".startswith(rest[:6]) or "</do>".startswith(rest)):
                builder.note("truncated-call", self.position, "neither an argument nor the call's closer follows")
                return self._finish(self.position, False)
            return WAIT

    def _finish(self, position: int, complete: bool) -> Answer:
        self.builder.finish(position, complete)
        self.position = position
        return YES


class DropsAnArgument(LinesReader):
    """Forgets arguments that are true or false."""

    __slots__ = ()

    def _read_value(self, start: int, stop: int) -> Answer | None:
        self._wanted = self._wanted and self.builder.buffer.slice(start, stop).lstrip()[:1] not in ("t", "f")
        return super()._read_value(start, stop)


class NeverEnds(LinesReader):
    """Waits for the end of a list inside itself, where no text comes."""

    __slots__ = ()

    def _read_value(self, start: int, stop: int) -> Answer | None:
        text = self.builder.buffer.slice(start, stop).lstrip()
        while text.startswith("[") and "]" not in text:
            pass
        return super()._read_value(start, stop)


class DecidesByChunk(LinesReader):
    """Takes what a chunk ends with for the end of the call."""

    __slots__ = ()

    def _read_line(self, stop: int) -> Answer | None:
        answer = super()._read_line(stop)
        return self._finish(self.position, False) if answer is WAIT and self.position < stop else answer


def write_tags(dialect: Dialect, call: Call, tool: Tool, index: int, escaped: bool) -> str:
    """Write the calls that `FirstMatch` reads."""
    argument = dialect.argument
    parts = [
        f"{argument.open.format(key=key)}{value}{argument.close.format()}" for key, value in call.arguments.items()
    ]
    return dialect.call.open.format(name=call.name) + "".join(parts) + dialect.call.close.format()


def lines(reader: ReadCall) -> Codec:
    """Return the codec of the example with another reader."""
    return Codec("lines", reader, CODEC.write)


LINES_FILE = DIALECT
TAGS = Codec("tags", FirstMatch, write_tags)
TAGS_FILE = """
name    = "tags"
summary = "One tag per argument, its value as it is"
[call]
open  = "<do:{name}>\\n"
close = "</do>"
join  = "\\n"
[argument]
codec = "tags"
open  = "<with:{key}>"
close = "</with>\\n"
"""
