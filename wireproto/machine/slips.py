"""What the decoder takes for a closer with a slip in it or a second opener, as steps of the value automaton.

It must not know dialects. Law: every text that `format.near_misses` takes for a closer is covered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wireproto.automata.charset import char_set, complement
from wireproto.format.spelling import Spelling
from wireproto.machine.marker_nfa import Step, Steps, literal_steps
from wireproto.text.scan import BLANK

_OTHER: Final = Step(complement(char_set("<>\0")))


def second_opener(spelling: Spelling, key: str) -> str:
    """Return an opener that a value does not begin with, since the decoder takes it for one that stands twice."""
    if spelling.value_open is not None:
        return spelling.value_open.first
    return spelling.keys[0].fill(key=key) if spelling.key_is_tag else ""


def written_twice(spelling: Spelling, key: Steps) -> Iterator[Steps]:
    """Yield the opener of a key, and in key/value formats with its first marker written twice."""
    yield key
    if spelling.paired:
        yield (*literal_steps(spelling.keys[0].first), Step(char_set("\n"), 0), *key)


def any_tag(closer: Steps) -> Iterator[Steps]:
    """Yield how any tag ends, and this closer without its last bracket.

    With each slip of the closer instead an automaton has up to twice as many states; with end tags and tags without
    content alone, grammars of some dialects grow by half, and hardly a value more is accepted.
    """
    yield literal_steps(">")
    yield closer[:-1]


def near(steps: Steps) -> Iterator[Steps]:
    """Yield every slip of a closer."""
    # What does not begin with the first two characters is none.
    for i in range(2, len(steps) - 1):
        yield (*steps[:i], _OTHER, *steps[i + 1 :])
        yield (*steps[:i], *steps[i + 1 :])
        yield (*steps[:i], steps[i + 1], steps[i], *steps[i + 2 :])
        yield (*steps[:i], _OTHER, *steps[i:])
        if i > len(steps) // 2:
            yield (*steps[:i], steps[-1])
    yield (*steps[:-1], _OTHER, steps[-1])
    yield (*steps[:-1], Step(char_set(BLANK + "<")))
