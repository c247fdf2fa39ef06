"""Which states of an automaton are one: partition refinement, for rows of any kind, and for rows over symbols.

It must not know what the symbols are. Law: states are one exactly when the same words lead from them to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final

_DEAD: Final = -1


def smallest(rows: Sequence[Sequence[int]], final: int) -> list[list[int]]:
    """Minimise an automaton over symbols: a row has the target for each, -1 for none. The start leads to `final`.

    It starts in state 0; the states of what is returned are numbered breadth first. It takes a third of the time of
    `automaton.build_dfa`, which reads ranges of characters.
    """
    before: dict[int, set[int]] = {}
    for state, row in enumerate(rows):
        for target in {*row} - {_DEAD}:
            before.setdefault(target, set()).add(state)
    blocks = distances(before, (final,))
    if len(blocks) < len(rows):
        rows = [[target if target in blocks else _DEAD for target in row] for row in rows]
    read = blocks.__getitem__
    blocks = refined(before, blocks, lambda state: tuple(map(read, rows[state])))
    number, order = {blocks[0]: 0}, [0]
    found: list[list[int]] = []
    for state in order:
        for target in rows[state]:
            if target != _DEAD and blocks[target] not in number:
                number[blocks[target]] = len(number)
                order.append(target)
        found.append([_DEAD if target == _DEAD else number[blocks[target]] for target in rows[state]])
    return found


def refined(
    before: Mapping[int, set[int]], blocks: dict[int, int], signature: Callable[[int], Hashable]
) -> dict[int, int]:
    """Refine a partition until states of one block have one signature (Hopcroft); `before`: the predecessors.

    The first blocks are by the length of the shortest word. Only predecessors of states that moved are looked at again,
    and the largest part of a block never moves. A signature reads `blocks`, which change.
    """
    members: list[set[int]] = [set() for _ in range(max(blocks.values()) + 1)]
    for state, number in blocks.items():
        members[number].add(state)
    # Blocks with the shortest words come first: the others lead to them.
    doubtful = {number: set(members[number]) for number in reversed(range(len(members)))}
    blocks[_DEAD] = _DEAD
    while doubtful:
        number, marked = doubtful.popitem()
        moved = _split(signature, blocks, members, number, marked)
        for previous in {each for state in moved for each in before.get(state, ())}:
            if len(members[blocks[previous]]) > 1:
                doubtful.setdefault(blocks[previous], set()).add(previous)
    return blocks


def distances(before: Mapping[int, Iterable[int]], finals: Iterable[int]) -> dict[int, int]:
    """Return the length of the shortest word from each state that has one."""
    distances = dict.fromkeys(finals, 0)
    order = list(distances)
    for state in order:
        for previous in before.get(state, ()):
            if previous not in distances:
                distances[previous] = distances[state] + 1
                order.append(previous)
    return distances


def _split(
    signature: Callable[[int], Hashable],
    blocks: dict[int, int],
    members: list[set[int]],
    number: int,
    marked: set[int],
) -> list[int]:
    """Split one block, of which only the marked states may differ; return the states that left it."""
    groups: dict[Hashable, set[int]] = {}
    clean = next((state for state in members[number] if state not in marked), None)
    for state in [*marked, *([] if clean is None else [clean])]:
        groups.setdefault(signature(state), set()).add(state)
    if len(groups) == 1:
        return []
    parts = list(groups.values())
    rest = len(members[number]) - sum(map(len, parts))
    largest = max(parts, key=lambda part: len(part) + (rest if clean in part else 0))
    if rest and clean not in largest:
        next(part for part in parts if clean in part).update(members[number] - set().union(*parts))
    moved: list[int] = []
    for part in parts:
        if part is not largest:
            members[number] -= part
            members.append(part)
            moved += part
            blocks.update(dict.fromkeys(part, len(members) - 1))
    return moved
