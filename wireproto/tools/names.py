"""The names that models write for tools and arguments: the declared ones that are unlike them, or most like one.

It must not know any dialect. Law: a declared name is a name, whatever its characters.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

# Prose holds such words too, but seldom where a name belongs; with more characters it would.
NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_NAMES: Final = re.compile(rf"(?:{NAME.pattern}\n)*")
# difflib is quadratic in the length of a name, and a model writes the name.
_MAX_NEAREST: Final = 128
_SEPARATORS: Final = str.maketrans("-. ", "___")


class Unusual(NamedTuple):
    """The declared names of tools, and the keys of arguments, that nothing but their declaration shows to be names."""

    names: frozenset[str]
    keys: frozenset[str]


NO_UNUSUAL: Final = Unusual(frozenset(), frozenset())


def unusual(names: Collection[str], keys: Collection[str]) -> Unusual:
    """Return those that are no usual names."""
    if _all_usual(names) and _all_usual(keys):
        return NO_UNUSUAL  # as nearly always
    return Unusual(*(frozenset(name for name in some if NAME.fullmatch(name) is None) for some in (names, keys)))


def _all_usual(names: Collection[str]) -> bool:
    """Whether all are usual names, by one match; a name may hold a line break, too."""
    lines = "\n".join((*names, ""))
    return lines.count("\n") == len(names) and _NAMES.fullmatch(lines) is not None


def most_like_or_inside(name: str, known: Collection[str]) -> str | None:
    """Return the known name that is most like this one, without its namespace, or None."""
    if not name or len(name) > _MAX_NEAREST:
        return None
    inside = [each for each in known if _ends_in(name, each)]
    if inside:
        return max(inside, key=len)
    around = [each for each in known if _ends_in(each, name)]
    return around[0] if len(around) == 1 else most_like(name, known)


def most_like(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like this one, or None."""
    if not name or len(name) > _MAX_NEAREST:
        return None
    folded: dict[str, str] = {}
    for candidate in known:
        if len(candidate) <= _MAX_NEAREST:
            folded.setdefault(_fold(candidate), candidate)
    from difflib import get_close_matches

    best = get_close_matches(_fold(name), folded, n=1)
    return folded[best[0]] if best else None


def _ends_in(name: str, suffix: str) -> bool:
    return name.endswith(suffix) and len(name) > len(suffix) and not name[-len(suffix) - 1].isalnum()


def _fold(name: str) -> str:
    return name.casefold().translate(_SEPARATORS)
