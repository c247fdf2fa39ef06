"""Graphs: what can be reached, strongly connected components (rules that lead back to themselves), reversed edges.

It must not know grammars. Law: no recursion and linear time, however long the paths are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

_Name = TypeVar("_Name", bound=Hashable)


def reversed_edges(edges: Mapping[_Name, Iterable[_Name]]) -> dict[_Name, list[_Name]]:
    """Return for each name the names that lead to it."""
    found: dict[_Name, list[_Name]] = {}
    for name, targets in edges.items():
        for target in targets:
            found.setdefault(target, []).append(name)
    return found


def closure(starts: Iterable[_Name], following: Callable[[_Name], Iterable[_Name]]) -> set[_Name]:
    """Return the names that can be reached from some names, these included."""
    found = set(starts)
    todo = list(found)
    while todo:
        for name in following(todo.pop()):
            if name not in found:
                found.add(name)
                todo.append(name)
    return found


def components(edges: Mapping[_Name, Collection[_Name]]) -> Iterator[list[_Name]]:
    """Yield the strongly connected components, each after those that it leads to (Tarjan's algorithm)."""
    search = _Search(edges)
    for name in edges:
        if name not in search.order:
            yield from search.visit(name)


class _Search(Generic[_Name]):
    """Tarjan's index (`order`), low link (`low`) and stack (`waiting`)."""

    def __init__(self, edges: Mapping[_Name, Collection[_Name]]) -> None:
        self.edges = edges
        self.order: dict[_Name, int] = {}
        self.low: dict[_Name, int] = {}  # only of names in no component yet
        self.waiting: list[_Name] = []

    def visit(self, root: _Name) -> Iterator[list[_Name]]:
        """Yield the components that are complete once everything reachable from a name was seen."""
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
        self.order[name] = self.low[name] = len(self.order)
        self.waiting.append(name)
        return name, iter(self.edges[name])

    def leave(self, name: _Name) -> list[_Name]:
        group: list[_Name] = []
        while not group or group[-1] != name:
            group.append(self.waiting.pop())
            del self.low[group[-1]]
        return group[::-1]
