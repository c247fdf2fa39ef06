"""A set of literals, looked for at once.

It must not know what they mean. Law: one search looks at each character a bounded number of times.
"""

from __future__ import annotations

import re
from os.path import commonprefix


class Literals:
    """A set of literals to look for, and what at the end of a text may still become one.

    `find(text, pos, end)` finds the first, and of those that begin there the longest.
    """

    __slots__ = ("_first", "_longest", "_prefixes", "find", "firsts")

    def __init__(self, literals: frozenset[str]) -> None:
        ordered = sorted(literals, key=lambda text: (-len(text), text))
        self.find = re.compile(_any_of(ordered) if ordered else r"(?!)").search
        self.firsts = frozenset(text[0] for text in ordered)
        self._first = re.compile("[" + "".join(map(re.escape, sorted(self.firsts))) + "]" if ordered else r"(?!)")
        self._prefixes = frozenset(text[:i] for text in ordered for i in range(1, len(text)))
        self._longest = max(map(len, ordered), default=0)

    def open_ended(self, text: str, pos: int, end: int) -> bool:
        """Return whether more text could make a (longer) literal of `text[pos:end]`."""
        return end - pos < self._longest and text[pos:end] in self._prefixes

    def held(self, text: str, pos: int, end: int) -> int:
        """Return the first position whose rest is a proper prefix of a literal; `end` if there is none."""
        at = max(pos, end - self._longest + 1)
        while (found := self._first.search(text, at, end)) is not None:
            if self.open_ended(text, found.start(), end):
                return found.start()
            at = found.start() + 1
        return end


def _any_of(words: list[str]) -> str:
    """Return a regular expression for any of the words, the longest first; common prefixes are tried once."""
    prefix = commonprefix(words)  # noqa: RUF071 - characters are what is compared here
    rests: dict[str, list[str]] = {}
    for word in words:
        rests.setdefault(word[len(prefix) : len(prefix) + 1], []).append(word[len(prefix) :])
    branches = [_any_of(group) for first, group in sorted(rests.items()) if first]
    if not branches:
        return re.escape(prefix)
    return re.escape(prefix) + "(?:" + "|".join(branches) + ")" + ("?" if "" in rests else "")
