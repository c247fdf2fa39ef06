"""Grammars that llama.cpp accepts and then hangs on, crashes on, or runs out of memory with.

It knows the engine's weak places and no engine. Law: a grammar without a hazard is compiled and started by the engine
in time bounded by its size.
"""

from __future__ import annotations

from collections.abc import Iterator

from wireproto.gbnf.analysis import left_recursive, may_be_empty, nullable
from wireproto.gbnf.match import Matcher
from wireproto.gbnf.nodes import GbnfError, GbnfGrammar, Repetition, walk
from wireproto.gbnf.syntax import read
from wireproto.gbnf.verdict import problems

# The engine took 25 ms for three characters of x{0,100} with x up to 100 long, and 14 s with 1000 for 100.
MAX_EMPTY_REPEAT = 200
_FATAL = {"repetition-order", "missing-root"}


def empty_repetitions(grammar: GbnfGrammar) -> Iterator[Repetition]:
    """Yield the repetitions of items that may be empty, but for those at most once."""
    empty = nullable(grammar)
    for rule in grammar.rules:
        for node, _ in walk(rule.body):
            if isinstance(node, Repetition) and node.bound not in (0, 1) and may_be_empty(node.item, empty):
                yield node


def hazard(text: str) -> str | None:
    """Return why the engine must not be given a grammar, None if it may; one that it just refuses is no hazard."""
    try:
        grammar = read(text)
    except GbnfError as error:
        return str(error) if error.code == "deep-nesting" else None
    refused = problems(grammar)
    if refused:
        return next((problem.message for problem in refused if problem.code in _FATAL), None)
    name = left_recursive(grammar)
    if name is not None:
        return f"the rule {name} begins with itself"
    for node in empty_repetitions(grammar):
        if node.bound is not None and node.bound > MAX_EMPTY_REPEAT:
            return f"what may be empty is repeated up to {node.bound} times"
    try:
        Matcher(grammar)
    except GbnfError as error:
        return error.message
    return None
