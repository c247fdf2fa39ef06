"""The codec `tagged`: a pair of tags around each raw value, or around its key and its value.

It must not know other codecs. Law: a value ends where `machine.endings.Endings` accepts, and nowhere else.
"""

from __future__ import annotations

from wireproto.engine.codec import Codec

CODEC = Codec(
    "tagged",
    "wireproto.codecs.tagged.reader:TaggedReader",
    "wireproto.codecs.tagged.writer:write_call",
    body="arguments",
    rules="wireproto.codecs.tagged.writer:rules",
    grammar="wireproto.codecs.tagged.grammar:tagged_call",
    learner="wireproto.codecs.tagged.learner:learn",
    call_slots=frozenset({"name", "index"}),
    argument_slots=frozenset({"key", "string", "type"}),
    response="xml-inline",
)
