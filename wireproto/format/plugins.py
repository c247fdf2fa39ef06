"""What other packages register: entry points by name, looked up once and loaded when first used.

Groups: `wireproto.dialects` (a `Dialect`, or the path of its file) and `wireproto.codecs` (a `Codec`). Set
WIREPROTO_NO_PLUGINS=1 to leave them out. It must not know what a codec does. Law: a name is registered once, or it is
an error that names both.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from wireproto.format.codec import CodecFacts
from wireproto.values.errors import DialectError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DIALECTS = "wireproto.dialects"
CODECS = "wireproto.codecs"
BUILT_IN_CODECS = ("html", "json", "pythonic", "relaxed", "tagged", "toml", "xml")
# Codecs that are registered for the length of a test or the life of a process.
TEMPORARY_CODECS: dict[str, CodecFacts] = {}


@cache
def registered(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name.

    Raises:
        DialectError: two packages register the same name.
    """
    if os.environ.get("WIREPROTO_NO_PLUGINS"):
        return {}
    from importlib.metadata import entry_points  # a quarter of the package's import time

    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        if point.name in found:
            raise DialectError(f"{group}: {point.name!r} is registered by {found[point.name].value} and {point.value}")
        found[point.name] = point
    return found


def codec_names() -> Collection[str]:
    """Return the names of all codecs, without loading any."""
    return (*BUILT_IN_CODECS, *sorted({*registered(CODECS), *TEMPORARY_CODECS}))


def register_temporarily(codec: CodecFacts) -> bool:
    """Register a codec that is not installed; False if it is there already.

    Raises:
        ValueError: another codec has this name.
    """
    if codec.name not in codec_names():
        TEMPORARY_CODECS[codec.name] = codec
        return True
    if codec_facts(codec.name) is not codec:
        raise ValueError(f"there is another codec named {codec.name!r}")
    return False


def codec_facts(name: str) -> CodecFacts:
    """Return the codec of this name, of which its facts are all that is known here.

    Raises:
        DialectError: there is none, or something else is registered.
    """
    return TEMPORARY_CODECS.get(name) or _load_codec(name)


@cache
def _load_codec(name: str) -> CodecFacts:
    if name in BUILT_IN_CODECS:
        found = import_module(f"wireproto.codecs.{name}").CODEC
    elif (point := registered(CODECS).get(name)) is not None:
        found = point.load()
    else:
        raise DialectError(f"unknown codec {name!r}; known are {', '.join(codec_names())}")
    if not isinstance(found, CodecFacts):
        raise DialectError(f"entry point {name!r} of {CODECS} must give a Codec, not {type(found).__name__}")
    return found
