"""What may stand in a slot: its alphabet, and the declared names beyond it that the markup around it can hold.

It must not know templates or dialects. Law: what a slot holds can be told from the markup on both sides of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from wireproto.text.scan import BLANK
from wireproto.tools.names import NAME
from wireproto.values.errors import DialectError

# What a model may write in a slot. The alphabet belongs to the slot: it is what keeps prose from becoming a call.
ALPHABETS: dict[str, re.Pattern[str]] = {
    "name": NAME,
    "key": NAME,
    "id": re.compile(r"[A-Za-z0-9_.:-]{1,256}"),
    "index": re.compile(r"[0-9]{1,9}"),
}
# Slots that hold one of a few words: whether a value is a string, or its type.
WORDS: Final = {
    "string": ("true", "false"),
    "type": ("string", "integer", "number", "boolean", "null", "object", "array"),
}
# What stands in a slot where nobody says what.
UNSAID: Final = {"index": "0", **{role: words[0] for role, words in WORDS.items()}}
ALPHABETS.update((role, re.compile("|".join(words))) for role, words in WORDS.items())
# A declared name may have any characters, and an id may hold one. A longer one is none: what is held back stays small.
_DECLARED = frozenset(("name", "key", "id"))
MAX_DECLARED = 512
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ELEMENT = re.compile(r"[\w:][\w.:-]*")


def check_roles(roles: Iterable[str]) -> None:
    """Raise DialectError for a role that has no alphabet."""
    for role in roles:
        if role not in ALPHABETS:
            raise DialectError(f"unknown slot {{{role}}}; known are {', '.join(sorted(ALPHABETS))}")


def holds(role: str, word: str, ends: Iterable[str], *, quoted: bool = False, element: bool = False) -> bool:
    """Return whether a slot can hold a word that is declared.

    `ends` are what the slot may be over at. `quoted`: it stands in quotes, so that blanks at its edges count.
    `element`: the slot and its brackets are the whole marker, which only the name of an element may be.
    """
    if ALPHABETS[role].fullmatch(word) is not None:
        return True
    if role not in _DECLARED or not 0 < len(word) <= MAX_DECLARED or _CONTROL.search(word) is not None:
        return False
    if element:
        return _ELEMENT.fullmatch(word) is not None
    return (quoted or word == word.strip(BLANK)) and all((word + end).find(end) == len(word) for end in ends)
