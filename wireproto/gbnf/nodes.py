"""The parts of a GBNF grammar as plain frozen values, and the error that names a place in one.

It knows neither the text nor any engine. Law: a node says what was written and nothing of what an engine makes of it;
`at` is the character where it began, and is no part of its value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Union

from wireproto.values.errors import GrammarError

MAX_CODE = 0x10FFFF
# The engine's limit of a repetition: above it `{m}` is refused and `{m,n}` has no upper bound.
MAX_REPEAT = 2_000


class GbnfError(GrammarError):
    """A GBNF text that cannot be used: `code`, `message`, `line`, `column` (both from 1) and a `hint`, maybe empty."""

    def __init__(self, code: str, message: str, line: int = 0, column: int = 0, hint: str = "") -> None:
        self.code = code
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint
        where = f" (line {line}, column {column})" if line else ""
        super().__init__(f"{message}{where}" + (f": {hint}" if hint else ""))


@dataclass(frozen=True, slots=True)
class GbnfLiteral:
    """A run of characters by code point, since an escape can name a surrogate, which no string should hold."""

    codes: tuple[int, ...]
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CharClass:
    """One character of the ranges (both ends included), or of none of them; without ranges the empty string."""

    ranges: tuple[tuple[int, int], ...]
    negated: bool = False
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AnyChar:
    """Any one character, a line break too."""

    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """One token of the vocabulary by `number`, or by `text` in angle brackets; negated, any token but this."""

    number: int | None
    text: str = ""
    negated: bool = False
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to the rule of this name."""

    name: str
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Sequence:
    """Its items one after another."""

    items: tuple[Node, ...]
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of its options; the body of a rule and of a pair of parentheses."""

    options: tuple[Sequence, ...]
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Repetition:
    """An item `minimum` to `maximum` times as written; no maximum is None."""

    item: Node
    minimum: int
    maximum: int | None
    at: int = field(default=0, compare=False, repr=False)

    @property
    def bound(self) -> int | None:
        """The maximum that the engine keeps: None where it drops one that is above its limit."""
        return None if self.maximum is None or self.maximum > MAX_REPEAT else self.maximum


Node = Union[GbnfLiteral, CharClass, AnyChar, Token, Reference, Sequence, Alternatives, Repetition]


@dataclass(frozen=True, slots=True)
class GbnfRule:
    """One definition."""

    name: str
    body: Alternatives
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GbnfGrammar:
    """All definitions in the order of the text; of two with one name the last holds."""

    rules: tuple[GbnfRule, ...]

    def effective(self) -> dict[str, GbnfRule]:
        """Return the rules that hold, by name."""
        return {rule.name: rule for rule in self.rules}


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly inside a node, in order."""
    if isinstance(node, Sequence):
        return node.items
    if isinstance(node, Alternatives):
        return node.options
    return (node.item,) if isinstance(node, Repetition) else ()


def walk(root: Node) -> Iterator[tuple[Node, int]]:
    """Yield a node and all below it, parents first and in order, each with its depth in groups and repetitions."""
    stack: list[tuple[Node, int]] = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        deeper = depth + isinstance(node, (Alternatives, Repetition))
        stack.extend((child, deeper) for child in reversed(children(node)))


def place(text: str, at: int) -> tuple[int, int]:
    r"""Return the line and the column of a position, both from 1; a line ends with \n, \r\n or \r."""
    before = text[:at].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - before.rfind("\n")
