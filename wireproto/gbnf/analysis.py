"""Static analysis of a grammar: nullable rules, reachable rules, left recursion.

It works on the nodes as written and knows neither the engine's numbering nor any text. Law: every answer is exact, and
found without recursion through rules, so that no grammar makes it hang.
"""

from __future__ import annotations

from collections.abc import Iterator

from wireproto.automata.graph import closure, components, reversed_edges
from wireproto.gbnf.nodes import (
    Alternatives,
    CharClass,
    GbnfGrammar,
    GbnfLiteral,
    Node,
    Reference,
    Repetition,
    Sequence,
    walk,
)


def references(node: Node) -> Iterator[Reference]:
    """Yield the references in a node, in order."""
    for inner, _ in walk(node):
        if isinstance(inner, Reference):
            yield inner


def reachable(grammar: GbnfGrammar) -> set[str]:
    """Return the names that the root leads to, itself included."""
    rules = grammar.effective()

    def used(name: str) -> Iterator[str]:
        if name in rules:
            yield from (reference.name for reference in references(rules[name].body))

    return closure(("root",), used)


def may_be_empty(node: Node, empty: set[str]) -> bool:
    """Return whether a node matches the empty string if the rules of `empty` do."""
    if isinstance(node, Reference):
        return node.name in empty
    if isinstance(node, Sequence):
        return all(may_be_empty(item, empty) for item in node.items)
    if isinstance(node, Alternatives):
        return any(may_be_empty(option, empty) for option in node.options)
    if isinstance(node, Repetition):
        return node.minimum == 0 or may_be_empty(node.item, empty)
    return (isinstance(node, GbnfLiteral) and not node.codes) or (isinstance(node, CharClass) and not node.ranges)


def nullable(grammar: GbnfGrammar) -> set[str]:
    """Return the names of the rules that match the empty string: a least fixed point, by work list."""
    rules = grammar.effective()
    users = reversed_edges({name: {each.name for each in references(rule.body)} for name, rule in rules.items()})
    found: set[str] = set()
    todo = list(rules)
    while todo:
        name = todo.pop()
        if name not in found and may_be_empty(rules[name].body, found):
            found.add(name)
            todo += users.get(name, ())
    return found


def _firsts(node: Node, empty: set[str], last: bool) -> Iterator[tuple[str, bool]]:
    """Yield the names that a node can begin with, each with whether nothing follows it.

    `last`: nothing follows the node itself.
    """
    if isinstance(node, Reference):
        yield node.name, last
    elif isinstance(node, Alternatives):
        for option in node.options:
            yield from _firsts(option, empty, last)
    elif isinstance(node, Repetition):
        if node.bound != 0:
            yield from _firsts(node.item, empty, last and node.bound == 1)
    elif isinstance(node, Sequence):
        for i, item in enumerate(node.items):
            yield from _firsts(item, empty, last and i == len(node.items) - 1)
            if not may_be_empty(item, empty):
                return


def left_recursive(grammar: GbnfGrammar) -> str | None:
    """Return the name of a left-recursive rule in which something follows the recursion; None if there is none.

    Such a rule makes the engine pile up what follows without end. The engine's own test misses it after a rule that is
    nullable only by way of other rules, and refuses harmless rules.
    """
    rules, empty = grammar.effective(), nullable(grammar)
    firsts = {name: list(_firsts(rule.body, empty, True)) for name, rule in rules.items()}
    edges = {name: [first for first, _ in found if first in rules] for name, found in firsts.items()}
    group_of = {name: number for number, group in enumerate(components(edges)) for name in group}
    for name, found in firsts.items():
        if any(not last and group_of.get(first) == group_of[name] for first, last in found):
            return name
    return None
