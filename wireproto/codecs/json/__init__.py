"""The codec `json`: arguments as a JSON object, in a record with the name or behind a header.

It must not know other codecs. Law: inside a string nothing is a marker.
"""

from __future__ import annotations

from wireproto.engine.codec import Codec

CODEC = Codec(
    "json",
    "wireproto.codecs.json.repairs:RepairingReader",
    "wireproto.codecs.json.writer:write_call",
    body="object",
    rules="wireproto.codecs.json.writer:rules",
    grammar="wireproto.codecs.json.grammar:json_call",
    learner="wireproto.codecs.json.learner:learn",
    call_slots=frozenset({"name", "id", "index"}),
    argument_slots=frozenset(),
    response="json",
)
