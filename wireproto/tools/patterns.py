"""Whether a string matches a `pattern`, in linear time whatever the pattern.

A tools file comes from outside, and a model writes the string: a matcher that goes back and tries again would be a way
to stop a program. So the pattern becomes an automaton, the one that grammars are made of, or it is not judged. Law: an
answer is the one that ECMA-262 gives, or none; nothing raises.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wireproto.automata.automaton import Dfa

_MAX_LENGTH: Final = 1_000


def matches(pattern: str, text: str) -> bool | None:
    """Return whether a pattern is found in a text; None if the pattern is wrong, or too large to be judged."""
    found = _automaton(pattern) if len(pattern) <= _MAX_LENGTH else None
    return None if found is None else found.accepts(text)


@lru_cache(maxsize=512)
def _automaton(pattern: str) -> Dfa | None:
    # Most tools have no pattern, and most programs no grammar.
    from wireproto.automata.ecma_regex import PatternError
    from wireproto.automata.patterns import pattern_dfa
    from wireproto.values.errors import TooLarge

    try:
        return pattern_dfa(pattern)
    except (PatternError, TooLarge, RecursionError):
        return None
