"""A codec of another package, complete: each argument on a line of its own, its value as JSON.

    <call write_file>
    path: "src/a.py"
    mode: 420
    </call>

Copy the folder to begin a codec of your own; CONTRIBUTING.md says how to go on.
"""

from __future__ import annotations

from pathlib import Path

from lines_codec.reader import LinesReader
from lines_codec.writer import rules, write_call
from wireproto.engine.codec import Codec

CODEC = Codec("lines", LinesReader, write_call, rules=rules, grammar="lines_codec.grammar:lines_call")
DIALECT = Path(__file__).parent / "lines.toml"
