"""Eliminates right recursion: rules that end by calling themselves become repetitions.

llguidance's Earley parser closes every open rule at the last character, so a rule for each character of a string costs
too much; and what does not call itself can be one regular expression. A rule that calls itself is solved by Arden's
lemma (`X = A X | B` is `A* B`), a group of right-linear rules by state elimination.

It must not know where the rules come from. Law: the language stays the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from wireproto.automata.graph import components
from wireproto.grammars.expr import expr as ex
from wireproto.grammars.expr.rule_table import RuleTable

# An equation of a group: for each rule that it may end with, what comes before it; None: no rule at the end.
_Edges = dict["str | None", list[ex.Expr]]


def without_right_recursion(rules: ex.Rules) -> ex.Rules:
    """Return the same language without right recursion in groups of rules that call one another at their ends only."""
    calls = {name: ex.references(expr) for name, expr in rules.rules.items()}
    groups = [group for group in components(calls) if len(group) > 1 or group[0] in calls[group[0]]]
    if not groups:
        return rules
    kept = dict(rules.rules)
    table = RuleTable.avoiding(kept)
    entered = _entered(rules.root, calls, groups)
    for group in groups:
        edges = {name: _edges(kept[name], frozenset(group)) for name in group}
        known = {name: found for name, found in edges.items() if found is not None}
        if len(known) == len(group):
            kept.update({name: _StateElimination(known, table).solve(name) for name in group if name in entered})
        else:
            kept.update({name: _by_arden(name, kept[name]) for name in group})
    return ex.Rules(rules.root, {**kept, **table.rules}).pruned()


def with_literals_pushed(rules: ex.Rules, into: frozenset[str]) -> ex.Rules:
    """Return the same language, a literal that follows one of these rules moved into the rule, to each of its ends.

    One rule then decides whether its optional end or the literal comes next.
    """
    return ex.Rules(rules.root, _EndPusher(rules.rules, into).pushed())


def _entered(root: str, calls: Mapping[str, Collection[str]], groups: Iterable[Collection[str]]) -> set[str]:
    """Return the rules that are called from outside their group."""
    number = {name: i for i, group in enumerate(groups) for name in group}
    found = {root}
    for caller, called in calls.items():
        found.update(name for name in called if name not in number or number[name] != number.get(caller))
    return found


def _by_arden(name: str, expr: ex.Expr) -> ex.Expr:
    """Return a rule that no longer calls itself at its end (Arden's lemma); elsewhere it may."""
    found = _edges(expr, frozenset({name}), strict=False)
    if found is None or name not in found:
        return expr
    again = ex.choice(*found.pop(name))
    return ex.seq(ex.repeat(again, 0, None), ex.choice(*found.get(None, ())))


def _edges(expr: ex.Expr, members: frozenset[str], strict: bool = True) -> _Edges | None:
    """Return the equation of an expression: for each rule that it may end with, what comes before.

    `strict`: None if a rule of the group is anywhere else.
    """
    found: _Edges = {}
    for head, last in _alternatives(expr):
        if strict and not members.isdisjoint(ex.references(head)):
            return None
        if isinstance(last, ex.RuleRef) and last.name in members:
            found.setdefault(last.name, []).append(head)
        elif strict and not members.isdisjoint(ex.references(last)):
            return None
        else:
            found.setdefault(None, []).append(ex.seq(head, last))
    return found


def _alternatives(expr: ex.Expr) -> Iterator[tuple[ex.Expr, ex.Expr]]:
    """Yield the alternatives of an expression, each as a head and a last part that is no choice."""
    todo: list[tuple[tuple[ex.Expr, ...], ex.Expr]] = [((), expr)]
    while todo:
        head, last = todo.pop()
        if isinstance(last, ex.Choice):
            todo += [(head, option) for option in reversed(last.options)]
        elif isinstance(last, ex.Seq) and last.parts:
            todo.append(((*head, *last.parts[:-1]), last.parts[-1]))
        else:
            yield ex.seq(*head), last


@dataclass(slots=True)
class _StateElimination:
    """Solves the equations of a group by state elimination; a result that is used more than once becomes a rule."""

    edges: Mapping[str, _Edges]
    table: RuleTable

    def solve(self, entry: str) -> ex.Expr:
        order = self._order(entry)
        rows: dict[str, _Edges] = {name: {to: list(ways) for to, ways in self.edges[name].items()} for name in order}
        into: dict[str, dict[str, None]] = {}
        for name, row in rows.items():
            for to in row:
                if to is not None:
                    into.setdefault(to, {})[name] = None
        for name in reversed(order[1:]):
            self._eliminate(name, rows, into)
        return ex.choice(*self._out(entry, rows[entry]).get(None, ()))

    def _order(self, entry: str) -> list[str]:
        order = [entry]
        seen = {entry}
        for name in order:
            following = [to for to in self.edges[name] if to is not None and to not in seen]
            order += following
            seen.update(following)
        return order

    def _out(self, name: str, row: _Edges) -> dict[str | None, list[ex.Expr]]:
        """Return where a rule leads, after any number of its own loops."""
        again = row.pop(name, None)
        loop = ex.repeat(ex.choice(*again), 0, None) if again else ex.seq()
        return {to: [ex.seq(loop, ex.choice(*ways))] for to, ways in row.items()}

    def _eliminate(self, name: str, rows: dict[str, _Edges], into: dict[str, dict[str, None]]) -> None:
        out = self._out(name, rows.pop(name))
        users = [user for user in into.pop(name, {}) if user != name]
        shared = {to: self._named(name, ex.choice(*ways), len(users)) for to, ways in out.items()}
        for user in users:
            before = self._named(name, ex.choice(*rows[user].pop(name)), len(shared))
            for to, rest in shared.items():
                rows[user].setdefault(to, []).append(ex.seq(before, rest))
                if to is not None:
                    into.setdefault(to, {})[user] = None
        for to in shared:
            if to is not None:
                into[to].pop(name, None)

    def _named(self, hint: str, expr: ex.Expr, uses: int) -> ex.Expr:
        return self.table.add(hint, expr) if uses > 1 and isinstance(expr, (ex.Seq, ex.Choice)) else expr


@dataclass(slots=True)
class _EndPusher:
    """Moves literals into the rules that they follow."""

    rules: Mapping[str, ex.Expr]
    into: frozenset[str]
    table: RuleTable = field(init=False)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    todo: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = RuleTable.avoiding(self.rules)

    def pushed(self) -> dict[str, ex.Expr]:
        written = {name: self._pushed(expr) if name in self.into else expr for name, expr in self.rules.items()}
        while self.todo:
            name, text = self.todo.pop()
            written[self.names[name, text]] = self._behind(written[name], text)
        return written

    def _pushed(self, expr: ex.Expr) -> ex.Expr:
        if not isinstance(expr, ex.Seq):
            return ex.with_children(expr, self._pushed)
        parts: list[ex.Expr] = []
        for part in map(self._pushed, expr.parts):
            if parts and isinstance(part, ex.Literal) and not self.into.isdisjoint(ex.references(parts[-1])):
                parts[-1] = self._behind(parts[-1], part.text)
            else:
                parts.append(part)
        return ex.seq(*parts)

    def _behind(self, expr: ex.Expr, text: str) -> ex.Expr:
        """Return an expression followed by a literal."""
        if isinstance(expr, ex.RuleRef) and expr.name in self.into:
            key = expr.name, text
            if key not in self.names:
                self.names[key] = self.table.name(expr.name)
                self.todo.append(key)
            return ex.RuleRef(self.names[key])
        if isinstance(expr, ex.Choice):
            return ex.Choice(tuple(self._behind(option, text) for option in expr.options))
        if isinstance(expr, ex.Seq) and expr.parts:
            return ex.seq(*expr.parts[:-1], self._behind(expr.parts[-1], text))
        return ex.seq(expr, ex.literal(text))
