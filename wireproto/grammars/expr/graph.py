"""Circles in a graph, for rules that lead back to themselves.

It knows nothing of grammars. Law: no recursion and linear time, however long the paths are.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Generic, TypeVar

_Name = TypeVar("_Name", bound=Hashable)


def components(edges: Mapping[_Name, Collection[_Name]]) -> Iterator[list[_Name]]:
    """Yield the names of a graph in groups that lead to one another (Tarjan's algorithm, without recursion)."""
    search = _Search(edges)
    for name in edges:
        if name not in search.order:
            yield from search.visit(name)


class _Search(Generic[_Name]):
    """What the search has seen: the order, how far back each name leads, and who is in no group yet."""

    def __init__(self, edges: Mapping[_Name, Collection[_Name]]) -> None:
        self.edges = edges
        self.order: dict[_Name, int] = {}
        self.low: dict[_Name, int] = {}  # only of those in no group yet
        self.waiting: list[_Name] = []

    def visit(self, root: _Name) -> Iterator[list[_Name]]:
        """Yield the groups that are complete once all is seen that a name leads to."""
        path = [self.enter(root)]
        while path:
            name, todo = path[-1]
            following = next((other for other in todo if other not in self.order or other in self.low), None)
            if following is None:
                path.pop()
                for caller, _ in path[-1:]:
                    self.low[caller] = min(self.low[caller], self.low[name])
                if self.low[name] == self.order[name]:
                    yield self.leave(name)
            elif following in self.order:
                self.low[name] = min(self.low[name], self.order[following])
            else:
                path.append(self.enter(following))

    def enter(self, name: _Name) -> tuple[_Name, Iterator[_Name]]:
        """Note a name when it is first seen."""
        self.order[name] = self.low[name] = len(self.order)
        self.waiting.append(name)
        return name, iter(self.edges[name])

    def leave(self, name: _Name) -> list[_Name]:
        """Return the group that a name was the first of; it waits no more."""
        group: list[_Name] = []
        while not group or group[-1] != name:
            group.append(self.waiting.pop())
            del self.low[group[-1]]
        return group[::-1]
