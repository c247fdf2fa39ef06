"""What other packages register: entry points by name, looked up once and loaded when first used.

Groups: `wireproto.dialects` (a `Dialect`, or the path of its file) and `wireproto.codecs` (a `Codec`). Set
WIREPROTO_NO_PLUGINS=1 to leave them out. Law: a name is registered once, or it is an error that says by whom twice.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING

from wireproto.values.errors import DialectError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DIALECTS = "wireproto.dialects"
CODECS = "wireproto.codecs"
BUILT_IN_CODECS = ("html", "json", "tagged", "toml", "xml")


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
    return (*BUILT_IN_CODECS, *sorted(registered(CODECS)))
