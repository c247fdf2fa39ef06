"""Argument encodings, a folder each: reader, writer, grammar, and the `Codec` that names these with its facts.

A folder must not know the others, except that `xml` and `html` read values as `tagged` does. Law: nothing outside a
codec's folder knows it by name.
"""

from __future__ import annotations

from wireproto.engine.codec import Codec
from wireproto.format.plugins import codec_facts


def codec(name: str) -> Codec:
    """Return the codec of this name, a built-in one or one that another package registers.

    Raises:
        DialectError: there is none, or something else is registered.
    """
    found = codec_facts(name)
    assert isinstance(found, Codec), f"{name} has facts, and neither reader nor writer"
    return found
