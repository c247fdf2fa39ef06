"""Prints EBNF, the grammar language of xgrammar (vLLM, SGLang): the GBNF that both read alike, with other repetitions.

xgrammar reads some GBNF differently: a name must not begin with a digit nor be `true` or `false`; `\\x41b` is one
character; `[^]` is any character; an alternative must not begin with nothing before `|`.

xgrammar computes masks ahead for the states inside one rule; after the end of a rule it tries every token again at each
step. Repeating a rule of one character makes a mask of 150,000 tokens take 60 ms, with a bound of 200 more than a
second. So an item that begins in many ways is not repeated but calls its own repetition at its end:
`more ::= "" | [a-z] more | "\\\\" escape more`, 0.06 ms. Bounds are counted in blocks of `BLOCK` that all strings
share, and equal rules are merged, so that each state is computed once.

It must not know where the rules come from. Law: xgrammar accepts what is printed and matches the same texts.
Sources: xgrammar, docs/defining_structures/ebnf_grammar.md; measured with 0.2.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from wireproto.automata.graph import reversed_edges
from wireproto.grammars.expr import expr as ex
from wireproto.grammars.targets.gbnf import printed, refuse_missing

BLOCK: Final = 32
_WORDS: Final = frozenset(("true", "false"))
# A smaller character set lets so few tokens pass that repeating it is cheap.
_MANY: Final = 128


def to_ebnf(rules: ex.Rules) -> str:
    """Return a grammar whose first rule is `root`; raises `GrammarError` as `to_gbnf` does."""
    refuse_missing(rules)
    pruned = merged(rules.pruned())
    return printed(_Unrolled(pruned.rules, pruned.nullable()).rules_from(pruned.root), _legal)


def merged(rules: ex.Rules) -> ex.Rules:
    """Return the same language with equal rules merged."""
    kept = dict(rules.rules)
    users = {used: set(names) for used, names in reversed_edges({n: ex.references(e) for n, e in kept.items()}).items()}
    first: dict[ex.Expr, str] = {}
    todo = [name for name in kept if name != rules.root]
    while todo:
        names: dict[str, str] = {}
        for name in todo:
            same = first.setdefault(kept[name], name)
            if same != name:
                names[name] = same
        touched: set[str] = set()
        for name, same in names.items():
            del kept[name]
            users.setdefault(same, set()).update(users.get(name, ()))
            touched |= users.get(name, set())
        for name in touched & kept.keys():
            if first.get(kept[name]) == name:
                del first[kept[name]]
            kept[name] = ex.renamed(kept[name], names)
        # In the order of the rules, so that the result does not depend on the order of a set.
        todo = [name for name in kept if name in touched and name != rules.root] if touched else []
    return ex.Rules(rules.root, kept, rules.is_pruned)


def _legal(name: str) -> str:
    return f"rule-{name}" if name[0].isdigit() or name in _WORDS else name


@dataclass(slots=True)
class _Unrolled:
    """Turns repetitions of items that begin in many ways into rules."""

    rules: Mapping[str, ex.Expr]
    nullable: frozenset[str]
    _made: dict[str, ex.Expr] = field(default_factory=dict)
    _known: dict[object, ex.Expr] = field(default_factory=dict)
    _many: dict[str, bool] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)

    def rules_from(self, root: str) -> ex.Rules:
        """Return every rule, and those that repetitions became."""
        rules = {name: self._of(expr) for name, expr in self.rules.items()}
        return ex.Rules(root, {**rules, **self._made})

    def _of(self, expr: ex.Expr) -> ex.Expr:
        if isinstance(expr, ex.Seq):
            return ex.seq(*(self._of(part) for part in expr.parts))
        if isinstance(expr, ex.Choice):
            return ex.Choice(tuple(self._of(option) for option in expr.options))
        return self._repetition(expr) if isinstance(expr, ex.Repeat) else expr

    def _repetition(self, expr: ex.Repeat) -> ex.Expr:
        item, least, most = self._of(expr.item), expr.least, expr.most
        # An unbounded character set is one state already.
        plain = isinstance(item, ex.Chars) and most is None and least < 2
        if most == 1 or plain or ex.is_nullable(item, self.nullable) or not self._begins_in_many_ways(item):
            return ex.repeat(item, least, most)
        exact = self._exactly(item, least, _level(least))
        if most is None:
            return ex.seq(exact, ex.repeat(item, 0, None) if isinstance(item, ex.Chars) else self._any_number(item))
        return ex.seq(exact, self._up_to(item, most - least, _level(most - least)))

    def _any_number(self, item: ex.Expr) -> ex.Expr:
        key = ("any", item)
        if key not in self._known:
            rule = self._known[key] = self._new_rule()
            self._made[rule.name] = ex.Choice((ex.EMPTY, *self._followed(item, rule)))
        return self._known[key]

    def _exactly(self, item: ex.Expr, count: int, level: int) -> ex.Expr:
        """Return an item `count` times: in blocks of `BLOCK ** level`, the rest in smaller ones."""
        if level == 0:
            return self._chain(item, count)
        whole, rest = divmod(count, BLOCK**level)
        block = self._chain(self._exactly(item, BLOCK ** (level - 1), level - 1), BLOCK)
        return ex.seq(*[block] * whole, self._exactly(item, rest, level - 1))

    def _chain(self, item: ex.Expr, count: int) -> ex.Expr:
        """Return an item `count` times, with a rule for each number of items left."""
        found = item if count else ex.EMPTY
        for number in range(2, count + 1):
            key = ("exactly", item, number)
            if key not in self._known:
                rule = self._known[key] = self._new_rule()
                self._made[rule.name] = ex.Choice(self._followed(item, found))
            found = self._known[key]
        return found

    def _up_to(self, item: ex.Expr, count: int, level: int) -> ex.Expr:
        """Return an item up to `count` times: whole blocks of `BLOCK ** level`, then less than one."""
        if count == 0:
            return ex.EMPTY
        key = ("up to", item, count, level)
        if key not in self._known:
            size = BLOCK**level
            whole, rest = divmod(count, size)
            less = self._up_to(item, size - 1, level - 1) if level else ex.EMPTY
            found = self._up_to(item, rest, level - 1) if level else ex.EMPTY
            block = self._exactly(item, size, level)
            for _ in range(whole):
                rule = self._new_rule()
                self._made[rule.name] = ex.Choice((less, *self._followed(block, found)))
                found = rule
            self._known[key] = found
        return self._known[key]

    def _new_rule(self) -> ex.RuleRef:
        number = len(self._made)
        while f"more-{number}" in self.rules or f"more-{number}" in self._made:
            number += 1
        self._made[f"more-{number}"] = ex.EMPTY
        return ex.RuleRef(f"more-{number}")

    def _followed(self, item: ex.Expr, after: ex.Expr) -> tuple[ex.Expr, ...]:
        """Return the alternatives of an item, each followed by `after`."""
        name = item.name if isinstance(item, ex.RuleRef) else ""
        if name not in self._open and isinstance(self.rules.get(name), (ex.Chars, ex.Choice)):
            self._open.add(name)
            item = self._of(self.rules[name])
            self._open.remove(name)
        options = item.options if isinstance(item, ex.Choice) else (item,)
        return tuple(ex.seq(self._short(option), after) for option in options)

    def _short(self, option: ex.Expr) -> ex.Expr:
        """Return an alternative with a rule for its rest, since it is written many times."""
        if not isinstance(option, ex.Seq) or len(option.parts) < 2:
            return option
        rest = ex.seq(*option.parts[1:])
        if isinstance(rest, (ex.RuleRef, ex.Literal, ex.Chars)):
            return option
        key = ("rest", rest)
        if key not in self._known:
            rule = self._known[key] = self._new_rule()
            self._made[rule.name] = rest
        return ex.seq(option.parts[0], self._known[key])

    def _begins_in_many_ways(self, expr: ex.Expr) -> bool:
        if isinstance(expr, ex.Chars):
            return sum(high - low + 1 for low, high in expr.ranges) >= _MANY
        if isinstance(expr, ex.RuleRef):
            return self._rule_begins_in_many_ways(expr.name)
        if isinstance(expr, ex.Choice):
            return any(self._begins_in_many_ways(option) for option in expr.options)
        if isinstance(expr, ex.Repeat):
            return self._begins_in_many_ways(expr.item)
        if isinstance(expr, ex.Seq):
            return any(self._begins_in_many_ways(part) for part in self._beginning(expr))
        return isinstance(expr, ex.Raw)

    def _rule_begins_in_many_ways(self, name: str) -> bool:
        if name not in self._many:
            self._many[name] = False
            self._many[name] = self._begins_in_many_ways(self.rules[name] if name in self.rules else self._made[name])
        return self._many[name]

    def _beginning(self, expr: ex.Seq) -> tuple[ex.Expr, ...]:
        """Return the parts with which a sequence may begin."""
        for index, part in enumerate(expr.parts):
            if not ex.is_nullable(part, self.nullable):
                return expr.parts[: index + 1]
        return expr.parts


def _level(count: int) -> int:
    """Return the exponent of the largest power of `BLOCK` up to `count`."""
    level = 0
    while BLOCK ** (level + 1) <= count:
        level += 1
    return level
