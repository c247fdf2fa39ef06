"""The codec `html`: arguments as the controls of a filled-in form.

It emits values as `tagged` does, and must not know other codecs. Law: the HTML Standard's tokenizer decides what is a
tag.
"""

from __future__ import annotations

from wireproto.engine.codec import Codec

CODEC = Codec(
    "html",
    "wireproto.codecs.html.reader:HtmlReader",
    "wireproto.codecs.html.writer:write_call",
    grammar="wireproto.codecs.html.grammar:html_call",
    blank_form="wireproto.codecs.html.blank_form:blank_form",
    call_slots=frozenset({"name", "id"}),
    argument_slots=frozenset({"key"}),
)
