"""Argument encodings by name: the built-in ones and what other packages register.

Law: a codec is looked up by the name in a dialect's file and by nothing else.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from wireproto.engine.call_builder import Codec
from wireproto.format.plugins import BUILT_IN_CODECS, CODECS, codec_names, registered
from wireproto.values.errors import DialectError


@cache
def codec(name: str) -> Codec:
    """Return the codec of this name.

    Raises:
        DialectError: there is none, or what is registered is none.
    """
    if name in BUILT_IN_CODECS:
        found = import_module(f"wireproto.codecs.{name}.reader").CODEC
        assert isinstance(found, Codec)
        return found
    point = registered(CODECS).get(name)
    if point is None:
        raise DialectError(f"unknown codec {name!r}; known are {', '.join(codec_names())}")
    found = point.load()
    if not isinstance(found, Codec):
        raise DialectError(f"entry point {name!r} of {CODECS} must give a Codec, not {type(found).__name__}")
    return found
