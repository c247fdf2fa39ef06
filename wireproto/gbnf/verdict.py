"""What llama.cpp refuses in a grammar that it can parse: its limits, undefined rules, its test for left recursion.

The engine rewrites a grammar to numbered rules: one for each name when it is first seen, one for each pair of
parentheses, one for each optional copy of a repeated item. Its limits and tests are about those rules, so this module
numbers them the same way. It knows nothing of matching. Law: there is no problem exactly if the engine compiles it.

Source: `llama_grammar_parser` and `llama_grammar_init_impl` in src/llama-grammar.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from wireproto.automata.graph import components
from wireproto.gbnf.nodes import (
    MAX_REPEAT,
    Alternatives,
    CharClass,
    GbnfGrammar,
    GbnfLiteral,
    Node,
    Reference,
    Repetition,
    Token,
)

# The largest token number; a larger one is "too big".
MAX_TOKEN = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for the engine to refuse, at a character of the text."""

    code: str
    at: int
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What the engine makes of an item.

    `size`: its elements. `head`: the rules with which it begins, before any character. `blocked`: whether a character
    follows them. `references`: all rules in it.
    """

    size: int = 0
    head: tuple[int, ...] = ()
    blocked: bool = False
    references: frozenset[int] = frozenset()

    def times(self, count: int) -> _Piece:
        """Return this piece so many times in a row."""
        head = self.head if self.blocked or not self.head else self.head * count
        return _Piece(self.size * count, head, self.blocked, self.references) if count else _Piece()


_CHARACTER = _Piece(1, (), True)


def _reference(number: int) -> _Piece:
    return _Piece(1, (number,), False, frozenset((number,)))


def _join(pieces: list[_Piece]) -> _Piece:
    """Return what pieces in a row become."""
    head: list[int] = []
    blocked = False
    for piece in pieces:
        if not blocked:
            head += piece.head
            blocked = piece.blocked
    references = frozenset().union(*(piece.references for piece in pieces))
    return _Piece(sum(piece.size for piece in pieces), tuple(head), blocked, references)


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A numbered rule: its options, and its position in the text."""

    options: tuple[_Piece, ...]
    at: int

    @property
    def is_empty(self) -> bool:
        """Whether an option has no elements: all that the engine's test knows of nullable rules."""
        return any(option.size == 0 for option in self.options)


@dataclass(slots=True)
class _Numbering:
    """The rules as the engine numbers them."""

    names: dict[str, int] = field(default_factory=dict)
    used_at: dict[str, int] = field(default_factory=dict)
    rules: dict[int, _Numbered] = field(default_factory=dict)
    count: int = 0
    size: int = 0  # one more than the highest number that has a rule
    problems: list[Problem] = field(default_factory=list)

    def number(self, name: str, at: int) -> int:
        """Return the number of a name, a new one when it is first seen."""
        if name not in self.names:
            self.names[name] = self.count
            self.used_at[name] = at
            self.count += 1
        return self.names[name]

    def define(self, number: int, rule: _Numbered) -> None:
        """Set a rule; an earlier one of the same number is gone."""
        self.rules[number] = rule
        self.size = max(self.size, number + 1)

    def body(self, body: Alternatives, number: int) -> None:
        """Number what is inside a body and define the rule."""
        options = [_join([self.item(item)[0] for item in option.items]) for option in body.options]
        self.define(number, _Numbered(tuple(options), body.at))

    def item(self, node: Node) -> tuple[_Piece, int]:
        """Return what an item becomes, and how many rules the engine counts for it when it is repeated."""
        if isinstance(node, Reference):
            number = self.number(node.name, node.at)
            return _reference(number), 1
        if isinstance(node, GbnfLiteral):
            return _CHARACTER.times(len(node.codes)), 1
        if isinstance(node, CharClass):
            return _CHARACTER.times(min(len(node.ranges), 1)), 1
        if isinstance(node, Alternatives):
            before, number = self.count, self.count
            self.count += 1
            self.body(node, number)
            return _reference(number), self.count - before
        if isinstance(node, Repetition):
            return self.repetition(node)
        if isinstance(node, Token) and node.number is not None and node.number > MAX_TOKEN:
            self.problems.append(Problem("token-number", node.at, f"no token has the number {node.number}"))
        return _CHARACTER, 1

    def repetition(self, node: Repetition) -> tuple[_Piece, int]:
        """Return an item's copies, the optional ones in rules of their own."""
        piece, weight = self.item(node.item)
        low, high = node.minimum, node.bound
        total = max(1, low if high is None else high or low)
        problem = _refused(node, piece, weight * total)
        if problem is not None:
            self.problems.append(problem)
            return piece, weight
        copies = piece.times(low)
        optional = 1 if high is None else high - low
        if not optional:
            return copies, weight * total
        # The optional copies are a chain of rules, each the item and the next or nothing; one stands for all, since
        # no rule of the chain but the engine's loop can come back to itself.
        first, self.count = self.count, self.count + optional
        last = self.count - 1
        tail = _join([piece, _reference(last)]) if high is None else piece
        self.define(last, _Numbered((tail, _Piece()), node.at))
        for number in range(first, last):
            self.rules[number] = self.rules[last]
        return _join([copies, _reference(last)]), weight * total


def _refused(node: Repetition, piece: _Piece, rules: int) -> Problem | None:
    """Return why the engine refuses a repetition."""
    at, low, high = node.at, node.minimum, node.bound
    if low > MAX_REPEAT:
        return Problem("repetition-limit", at, f"more than {MAX_REPEAT} repetitions", "repeat a repetition")
    if high is not None and high < low:
        # The engine does not look: it sets out to make 2^64 rules and runs out of memory.
        return Problem("repetition-order", at, f"the maximum {high} is below the minimum {low}")
    if not piece.size:
        return Problem("nothing-to-repeat", at, "what is repeated is empty")
    if rules > MAX_REPEAT:
        hint = "give the group a rule of its own: a reference counts as one rule"
        return Problem("repetition-limit", at, f"the repetition makes {rules} rules, more than {MAX_REPEAT}", hint)
    return None


def problems(grammar: GbnfGrammar) -> tuple[Problem, ...]:
    """Return all that the engine would refuse the grammar for; it stops at the first."""
    table = _Numbering()
    for rule in grammar.rules:
        table.body(rule.body, table.number(rule.name, rule.at))
    found = list(table.problems)
    if not grammar.rules:
        found.append(Problem("missing-root", 0, "the grammar has no rules", "the start rule is called root"))
    elif table.names.get("root") not in table.rules:
        found.append(Problem("missing-root", 0, "there is no rule root", "the start rule is called root"))
    undefined = list(_undefined(table))
    found += undefined
    if not undefined:
        found += _left_recursive(table)
    return tuple(found)


def _undefined(table: _Numbering) -> Iterator[Problem]:
    """Yield the names without a rule that the engine notices: referenced in the end, or numbered below some rule."""
    options = [option for rule in table.rules.values() for option in rule.options]
    referenced = frozenset(number for option in options for number in option.references)
    for name, number in table.names.items():
        if number not in table.rules and (number < table.size or number in referenced):
            message = f"the rule {name} is used and not defined"
            yield Problem("undefined-rule", table.used_at[name], message)


def _left_recursive(table: _Numbering) -> Iterator[Problem]:
    """Yield the first rule that the engine finds to begin with itself.

    It follows the references at the start of each option, past those with an empty option, and no further.
    """
    edges: dict[int, tuple[int, ...]] = {}
    for number, rule in table.rules.items():
        edges[number] = tuple(after for option in rule.options for after in _first(option, table))
    for group in components(edges):
        if len(group) == 1 and group[0] not in edges[group[0]]:
            continue
        hint = "write the recursion at the end, or a repetition; an item that can be empty cannot be repeated freely"
        message = "a rule begins with itself (left recursion), or what may be empty is repeated without bound"
        yield Problem("left-recursion", table.rules[group[0]].at, message, hint)
        return


def _first(option: _Piece, table: _Numbering) -> Iterator[int]:
    for number in option.head:
        yield number
        if not table.rules[number].is_empty:
            return
