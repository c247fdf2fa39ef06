"""A codec of a package or a file that is not installed, registered for the life of a process.

It must not know what a codec does. Law: a name that another codec has is refused.
"""

from __future__ import annotations

import sys
from importlib import import_module

from wireproto.format.codec import CodecFacts
from wireproto.format.plugins import register_temporarily
from wireproto.fuzz.children import FuzzError


def use_codec(where: str | None) -> str | None:
    """Import a codec, written as "module:object", and register it; return its name. None: nothing is done.

    Raises:
        FuzzError: there is no codec, or another one has its name.
    """
    if where is None:
        return None
    module, _, name = where.partition(":")
    if not module or not name:
        raise FuzzError(f"--codec: expected module:object, such as lines_codec:CODEC, not {where!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` has it: the folder in which the command was given
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise FuzzError(f"--codec {where}: {error}") from None
    if not isinstance(found, CodecFacts):
        raise FuzzError(f"--codec {where}: that is no Codec but {type(found).__name__}")
    try:
        register_temporarily(found)
    except ValueError as error:
        raise FuzzError(f"--codec {where}: {error}") from None
    return found.name
