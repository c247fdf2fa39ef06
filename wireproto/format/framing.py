"""Framing: the markers around the visible text of a message, and what stands between its blocks.

A block is a stretch of text, of reasoning, or a call (its section, where there is one). The decoder, the encoder and
the grammars ask the same `Framing`. It knows nothing of calls. Law: what `text` writes is read back as the same text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wireproto.text.scan import BLANK

SPECIAL = re.compile(r"<[|｜]")


def is_special(marker: str) -> bool:
    """Return whether a marker begins with a special token, which nobody writes by chance."""
    return SPECIAL.match(marker) is not None


@dataclass(frozen=True, slots=True)
class Framing:
    """What a format writes around blocks that are no calls, and between two blocks.

    `content`: the markers (open, close) around visible text, the pair that is written first; none if text stands bare.
    `preamble`: the opener of text before calls, if that is another one. `joins`: what stands between two blocks, the
    spelling that is written first. The prompt ends with it, so none stands before the first block. `empty`: the markers
    around text are written before calls where there is no text, too. `bare`: text is written without any, and those of
    `content` are read only.
    """

    content: tuple[tuple[str, str], ...] = ()
    preamble: str = ""
    joins: tuple[str, ...] = ()
    empty: bool = False
    bare: bool = False

    @property
    def join(self) -> str:
        """What is written between two blocks."""
        return self.joins[0] if self.joins else ""

    @property
    def markers(self) -> tuple[str, ...]:
        """All of its markers, in the order of the file."""
        pairs = (marker for pair in self.content for marker in pair)
        return tuple(dict.fromkeys(filter(None, (*pairs, *self.joins))))

    @property
    def leads(self) -> tuple[str, ...]:
        """The line breaks with which the closers of text begin."""
        return tuple(close[: len(close) - len(close.lstrip("\n"))] for _, close in self.content)

    def text(self, text: str, before_calls: bool, opener: str = "") -> str:
        """Write a block of visible text; `opener`: the one that it was read with."""
        if not self.content:
            return text
        first, close = self.content[0]
        close = dict(self.content).get(opener, close)
        return (opener or (before_calls and self.preamble) or first) + text + close

    def opener_at_end(self, markup: str) -> str:
        """Return the opener of visible text that this markup ends with and that is written again; empty if none is."""
        last = "" if self.bare else markup.rstrip(BLANK)
        return max((opener for opener, _ in self.content if last.endswith(opener.strip(BLANK))), key=len, default="")
