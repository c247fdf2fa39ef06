"""The blocks of a message in a format with framing: texts in their markers, and what stands between two blocks.

It knows no format. Law: what stands between two blocks is not written before the first, where the prompt wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable

from wireproto.format.dialect import Dialect
from wireproto.format.framing import Framing

Part = tuple[str, str]  # "text", "reasoning" or "call" and what is written of it; "frame": the opener that was read


def join_blocks(
    dialect: Dialect, framing: Framing, parts: Iterable[Part], reasoning_open: bool, is_cut: bool, leads: bool
) -> str:
    """Write the parts of a message as blocks.

    `reasoning_open`: the prompt wrote the opener of the first block. `is_cut`: the last call has no end, so that
    nothing is written behind it. `leads`: what stands before calls without text is written too.
    """
    blocks = _Blocks(dialect, framing)
    for kind, content in parts:
        if kind == "frame":
            blocks.end()
            blocks.opener = content
        elif kind == "call":
            if framing.empty and leads and not (blocks.texts or blocks.calls):
                blocks.texts.append("")
            blocks.end_text(before_calls=True)
            blocks.calls.append(content)
        elif kind == "text":
            blocks.end_calls()
            blocks.texts.append(content)
        else:
            blocks.end()
            blocks.written.append(content)
    blocks.end(is_cut)
    written = blocks.written
    if reasoning_open and dialect.reasoning is not None:
        opener = dialect.reasoning.open
        if written and written[0].startswith(opener):
            written[0] = written[0][len(opener) :]
        else:
            written.insert(0, dialect.reasoning.close)
    return framing.join.join(written)


class _Blocks:
    """The blocks that are written, and those that go on: texts in one pair of markers, calls in one section."""

    def __init__(self, dialect: Dialect, framing: Framing) -> None:
        self.dialect, self.framing = dialect, framing
        self.written: list[str] = []
        self.texts: list[str] = []
        self.calls: list[str] = []
        self.opener = ""

    def end(self, is_cut: bool = False) -> None:
        """End the block that goes on."""
        self.end_text(before_calls=False)
        self.end_calls(is_cut)

    def end_text(self, before_calls: bool) -> None:
        """End the text that goes on."""
        if self.texts:
            self.written.append(self.framing.text("".join(self.texts), before_calls, self.opener))
        self.texts, self.opener = [], ""

    def end_calls(self, is_cut: bool = False) -> None:
        """End the calls that go on: each is a block of its own where no section holds them."""
        section, join = self.dialect.section, self.dialect.call.join
        if self.calls and section is not None:
            closer = "" if is_cut else section.close.format()
            self.written.append(section.open.format() + join.join(self.calls) + closer)
        elif self.calls:
            last = len(self.calls) - 1
            self.written += [call + (join if i < last else "") for i, call in enumerate(self.calls)]
        self.calls = []
