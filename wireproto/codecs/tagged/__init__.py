"""The codec `tagged`: a pair of tags around each raw value, or around its key and its value.

It must not know other codecs. Law: a value ends where `format.value_endings.Endings` accepts, and nowhere else.
"""

from __future__ import annotations

from wireproto.codecs.tagged.reader import TaggedReader
from wireproto.codecs.tagged.writer import rules, write_call
from wireproto.engine.codec import Codec

CODEC = Codec(
    "tagged",
    TaggedReader,
    write_call,
    body="arguments",
    rules=rules,
    grammar="wireproto.codecs.tagged.grammar:tagged_call",
)
