"""Random texts of a grammar, without an engine.

A derivation has a budget: a character costs one, a rule costs one, and for everything still open the cost of its
shortest derivation is reserved (Knuth 1977, "A generalization of Dijkstra's algorithm"). While the budget lasts,
choices are random; then the shortest ones are taken.

It must not know schemas, dialects or any grammar language. Law: every text is one of the grammar, one seed gives one
text, and its length has a bound.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Final

from wireproto.automata.graph import reversed_edges
from wireproto.grammars.expr.expr import Chars, Choice, Expr, Literal, Raw, Repeat, RuleRef, Rules, Seq, references
from wireproto.values.errors import GrammarError

_MAX_SHORTEST: Final = 1_000_000
# Of a million characters a uniform draw would hardly ever hit those that formats treat specially.
_FAVOURITES: Final = " \n\taeiourstn019_-.,:;=\"'`\\<>/&{}[]()#é😀\u2028"
# Probabilities at each choice, tuned so that texts hold whole markers, nest, and also end.
_GO_HOME: Final = 1 / 14
_FOLLOW: Final = 1 / 10
_STRAY: Final = 1 / 24
_PLAIN: Final = 1 / 2
_MORE: Final = 0.75


@dataclass(frozen=True, slots=True)
class Sampler:
    """Draws texts of a grammar; `size` bounds their length.

    Raises:
        GrammarError: no text matches, the shortest is too long, or an engine's lexer would have to find values (Lark).
    """

    rules: Rules
    size: int = 1_000
    _costs: Mapping[str, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_costs", _costs(self.rules))
        if self.rules.root not in self._costs:
            raise GrammarError("no text matches the grammar")
        if self.least > _MAX_SHORTEST:
            raise GrammarError(f"the shortest text of the grammar has more than {_MAX_SHORTEST} characters and rules")

    @property
    def least(self) -> float:
        """The cost of the shortest derivation: what a text may have even if `size` is less."""
        return self._costs[self.rules.root]

    def text(self, draw: Random) -> str:
        """Return a text of the grammar."""
        return _Walk(self.rules.rules, self._costs, draw, self.size).text(RuleRef(self.rules.root))


@dataclass(slots=True)
class _Walk:
    """One leftmost derivation.

    `left`: the budget beyond what is reserved. `home`: if not None, take shortest derivations until no more than so
    many parts are open. `following`: prefer options that begin with a literal, or a whole marker would hardly ever
    come.
    """

    rules: Mapping[str, Expr]
    costs: Mapping[str, float]
    draw: Random
    left: float
    open: list[tuple[Expr, int]] = field(default_factory=list)
    home: int | None = None
    following: bool = False

    def text(self, first: Expr) -> str:
        self.left -= _cost(first, self.costs)
        self.open.append((first, 1))
        written: list[str] = []
        while self.open:
            if self.home is not None and len(self.open) <= self.home:
                self.home = None
            expr, times = self.open.pop()
            if times > 1:
                self.open.append((expr, times - 1))
            if isinstance(expr, Literal):
                written.append(expr.text)
            elif isinstance(expr, Chars):
                written.append(self.character(expr))
            else:
                self.expand(expr)
        return "".join(written)

    def expand(self, expr: Expr) -> None:
        if isinstance(expr, Seq):
            self.open += [(part, 1) for part in reversed(expr.parts)]
        elif isinstance(expr, RuleRef):
            self.open.append((self.rules[expr.name], 1))
        elif isinstance(expr, Repeat):
            count = self.count(expr)
            if count:
                self.open.append((expr.item, count))
        else:
            assert isinstance(expr, Choice)
            self.open.append((self.option(expr), 1))

    def option(self, expr: Choice) -> Expr:
        self.turn()
        costs = [_cost(option, self.costs) for option in expr.options]
        least = min(costs)
        allowed = 0 if self.home is not None else max(self.left, 0)
        within = [i for i, cost in enumerate(costs) if cost - least <= allowed]
        if self.following or self.draw.random() < _PLAIN:
            within = [i for i in within if _is_spelled(expr.options[i]) == self.following] or within
        found = self.draw.choice(within)
        self.left -= costs[found] - least
        return expr.options[found]

    def turn(self) -> None:
        """Draw whether to end what is open (`home`) and whether to prefer literals (`following`)."""
        if self.home is None and not self.following and self.draw.random() < _GO_HOME:
            self.home = self.draw.randint(len(self.open) // 2, len(self.open))
        self.following = self.draw.random() >= _STRAY if self.following else self.draw.random() < _FOLLOW

    def count(self, expr: Repeat) -> int:
        cost = max(_cost(expr.item, self.costs), 1)
        # The lowest number ends it, so that a source that shrinks what it drew makes a text shorter.
        count = expr.least
        if self.home is None:
            while (expr.most is None or count < expr.most) and cost <= self.left and self.draw.random() >= 1 - _MORE:
                count += 1
                self.left -= cost
        return count

    def character(self, expr: Chars) -> str:
        ranges = expr.ranges
        for favourite in self.draw.choices(_FAVOURITES, k=3):
            at = bisect_right(ranges, (ord(favourite), inf)) - 1
            if at >= 0 and ord(favourite) <= ranges[at][1]:
                return favourite
        return chr(self.draw.randint(*self.draw.choice(ranges)))


def _is_spelled(expr: Expr) -> bool:
    while isinstance(expr, Seq) and expr.parts:
        expr = expr.parts[0]
    return isinstance(expr, Literal)


def _cost(expr: Expr, costs: Mapping[str, float]) -> float:
    """Return the cost of the shortest derivation; infinite if none is known yet."""
    if isinstance(expr, Literal):
        return len(expr.text)
    if isinstance(expr, Chars):
        return 1
    if isinstance(expr, RuleRef):
        return costs.get(expr.name, inf)
    if isinstance(expr, Seq):
        return sum(_cost(part, costs) for part in expr.parts)
    if isinstance(expr, Choice):
        return min((_cost(option, costs) for option in expr.options), default=inf)
    if isinstance(expr, Repeat):
        return expr.least * _cost(expr.item, costs) if expr.least else 0
    assert isinstance(expr, Raw)
    raise GrammarError("a value that an engine's lexer has to find; sample the grammar of another target")


def _costs(rules: Rules) -> dict[str, float]:
    """Return the cost of every productive rule, by Knuth's algorithm: the cheapest is final first."""
    users = reversed_edges({name: references(expr) for name, expr in rules.rules.items()})
    found: dict[str, float] = {}
    waiting = [(1 + _cost(expr, found), name) for name, expr in rules.rules.items()]
    heapq.heapify(waiting)
    while waiting:
        cost, name = heapq.heappop(waiting)
        if cost == inf or name in found:
            continue
        found[name] = cost
        for user in users.get(name, ()):
            if user not in found:
                heapq.heappush(waiting, (1 + _cost(rules.rules[user], found), user))
    return found
