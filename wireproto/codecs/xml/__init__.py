"""The codec `xml`: arguments as real XML, nested data as elements.

It reads values as `tagged` does, and must not know other codecs. Law: in strict mode, what is taken is what an XML
parser takes.
"""

from __future__ import annotations

from wireproto.engine.codec import Codec

CODEC = Codec(
    "xml",
    "wireproto.codecs.xml.reader:XmlReader",
    "wireproto.codecs.xml.writer:write_call",
    body="arguments",
    has_cdata=True,
    grammar="wireproto.codecs.xml.grammar:xml_call",
    call_slots=frozenset({"name", "id"}),
    argument_slots=frozenset({"key", "type"}),
)
