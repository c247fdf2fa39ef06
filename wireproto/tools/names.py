"""The names that models write for tools and arguments, and the declared ones that are unlike them.

It must not know any dialect. Law: a declared name is a name, whatever its characters.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NamedTuple

# Prose holds such words too, but seldom where a name belongs; with more characters it would.
NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class Unusual(NamedTuple):
    """The declared names of tools, and the keys of arguments, that nothing but their declaration shows to be names."""

    names: frozenset[str]
    keys: frozenset[str]


NO_UNUSUAL: Final = Unusual(frozenset(), frozenset())


def unusual(names: Collection[str], keys: Collection[str]) -> Unusual:
    """Return those that are no usual names."""
    if all(map(NAME.fullmatch, names)) and all(map(NAME.fullmatch, keys)):
        return NO_UNUSUAL  # as nearly always
    return Unusual(*(frozenset(name for name in some if NAME.fullmatch(name) is None) for some in (names, keys)))
