"""The codec `html`: arguments as the controls of a filled-in form.

It emits values as `tagged` does, and must not know other codecs. Law: the HTML Standard's tokenizer decides what is a
tag.
"""

from __future__ import annotations

from wireproto.codecs.html.reader import HtmlReader
from wireproto.codecs.html.writer import write_call
from wireproto.engine.codec import Codec

CODEC = Codec(
    "html",
    HtmlReader,
    write_call,
    grammar="wireproto.codecs.html.grammar:html_call",
    blank_form="wireproto.codecs.html.blank_form:blank_form",
)
