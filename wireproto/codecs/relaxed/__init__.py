"""The codec `relaxed`: arguments as an object with bare keys, and strings between marks of their own.

It must not know other codecs. Law: inside a string nothing is a marker, and nothing is escaped: the next mark ends it.
"""

from __future__ import annotations

from wireproto.engine.codec import Codec

CODEC = Codec(
    "relaxed",
    "wireproto.codecs.relaxed.reader:RelaxedReader",
    "wireproto.codecs.relaxed.writer:write_call",
    body="object",
    opens="{(",
    has_quote=True,
    rules="wireproto.codecs.relaxed.writer:rules",
    grammar="wireproto.codecs.relaxed.grammar:relaxed_call",
    learner="wireproto.codecs.relaxed.learner:learn",
    call_slots=frozenset({"name", "index"}),
    argument_slots=frozenset(),
    response="json",
)
