"""The codec `toml`: arguments as statements of a TOML table.

It must not know other codecs. Law: what TOML 1.0 says is a string stays a string.
"""

from __future__ import annotations

import re
from functools import cache

from wireproto.engine.codec import Codec
from wireproto.format.codec import Statements
from wireproto.format.template import Gap, Lit, Slot, Template


@cache
def _naming(member: str) -> Template:
    return Template((Lit(member), Gap(" "), Lit("="), Gap(" "), Slot("name", ('""', "''"))))


CODEC = Codec(
    "toml",
    "wireproto.codecs.toml.reader:TomlReader",
    "wireproto.codecs.toml.writer:write_call",
    body="statements",
    statements=Statements(re.compile(r"[\w\"'\[#-]"), _naming),
    grammar="wireproto.codecs.toml.grammar:toml_call",
    call_slots=frozenset(),
    argument_slots=frozenset(),
)
