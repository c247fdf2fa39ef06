"""The one way out: whatever a command prints, results and errors, goes through a `Writer`.

It must not know what is printed. Law: no character of a model, a tool file or an argument acts on a terminal; and a
reader that went away ends the command with the exit code of a broken pipe, whoever was writing.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, Final, NoReturn, TextIO, cast

from wireproto.text.visible import visible

BROKEN_PIPE = 141
_PIECE: Final = 1 << 16


class Writer:
    """A stream of text. `trusted`: what is written was made visible before, and may hold colours."""

    def __init__(self, stream: TextIO, trusted: bool = False) -> None:
        self._stream, self._trusted = stream, trusted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text; characters that act are spelled out."""
        self.exact(text if self._trusted else visible(text))
        return len(text)

    def exact(self, text: str) -> None:
        """Write text as it is, for a program that reads it."""
        try:
            # A pipe may swallow one large write after its reader went away, but not the next.
            for at in range(0, len(text), _PIECE):
                self._stream.write(text[at : at + _PIECE])
        except BrokenPipeError:
            self._abandon()

    def flush(self) -> None:
        """Write what is buffered."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._abandon()

    def styled(self) -> TextIO:
        """Return the same stream for what has colours; its text must be visible already."""
        return cast(TextIO, Writer(self._stream, trusted=True))

    def abandon(self) -> None:
        """Discard what is not written yet: the interpreter flushes once more at exit, and that must not fail again."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def _abandon(self) -> NoReturn:
        self.abandon()
        raise SystemExit(BROKEN_PIPE) from None


def take_streams() -> None:
    """Make both outputs writers, in UTF-8 with plain newlines, since wire text is compared byte for byte everywhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, Writer):
            continue
        # A caller that closed an output wants only the exit code.
        stream = stream or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        setattr(sys, name, Writer(stream))


def output() -> Writer:
    """Return standard output."""
    take_streams()
    return cast(Writer, sys.stdout)


def errors() -> Writer:
    """Return standard error."""
    take_streams()
    return cast(Writer, sys.stderr)
