"""Text up to and including the first of some markers, as an automaton (Aho and Corasick).

"Text without the marker, then the marker" would be another language where a marker overlaps itself.
It must not know dialects. Law: a word is in the language exactly when it ends with a marker and none ends earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from wireproto.automata.automaton import Dfa, Edge, build_dfa, edges_to
from wireproto.automata.charset import ANY_CHAR, char_set, difference


def until_dfa(markers: Sequence[str]) -> Dfa:
    """Return the texts that end where the first marker ends; no marker is empty."""
    goto, ends = _trie(markers)
    fail = [0] * len(goto)
    complete: list[dict[str, int]] = [{} for _ in goto]
    order = [0]
    for state in order:
        ends[state] = ends[state] or ends[fail[state]]
        behind = complete[fail[state]]
        for character, target in goto[state].items():
            fail[target] = behind.get(character, 0)
        complete[state] = {**behind, **goto[state]}
        order += goto[state].values()
    rows: list[list[Edge]] = []
    for state, targets in enumerate(complete):
        row = edges_to(difference(ANY_CHAR, char_set("".join(targets))), 0)
        row += ((ord(character), ord(character), target) for character, target in targets.items())
        rows.append([] if ends[state] else row)
    return build_dfa(rows, [state for state, end in enumerate(ends) if end])


@lru_cache(maxsize=64)
def texts_without(markers: tuple[str, ...]) -> Dfa:
    """Return the texts that hold none of the markers."""
    if not markers:
        return build_dfa([list(edges_to(ANY_CHAR, 0))], [0])
    until = until_dfa(markers)
    rows = [[edge for edge in row if edge[2] not in until.finals] for row in until.edges]
    return build_dfa(rows, [state for state in range(len(rows)) if state not in until.finals])


def _trie(markers: Sequence[str]) -> tuple[list[dict[str, int]], list[bool]]:
    goto: list[dict[str, int]] = [{}]
    ends = [False]
    for marker in markers:
        state = 0
        for character in marker:
            if character not in goto[state]:
                goto[state][character] = len(goto)
                goto.append({})
                ends.append(False)
            state = goto[state][character]
        ends[state] = True
    return goto, ends
