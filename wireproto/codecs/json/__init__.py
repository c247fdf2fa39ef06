"""The codec `json`: arguments as a JSON object, in a record with the name or behind a header.

It must not know other codecs. Law: inside a string nothing is a marker.
"""

from __future__ import annotations

from wireproto.codecs.json.reader import JsonReader
from wireproto.codecs.json.writer import rules, write_call
from wireproto.engine.codec import Codec

CODEC = Codec(
    "json", JsonReader, write_call, body="object", rules=rules, grammar="wireproto.codecs.json.grammar:json_call"
)
