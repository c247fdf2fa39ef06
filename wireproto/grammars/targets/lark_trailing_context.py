"""Folds trailing context into lexemes (`r/s` in lex), because llguidance's lexer cannot backtrack.

A raw value ends at a closer only if the right structure follows; otherwise the closer is content. So the value, its
closer and the structure that proves its end become one terminal, and the rules go on after it. The rules are read from
left to right in a state: no value is open, or one is open and so much was read after its closer.

It must not know formats or any grammar language. Law: the texts stay the same, as far as a `LexemeSource` can say them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from wireproto.automata.graph import closure, reversed_edges
from wireproto.grammars.expr import expr as ex
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.values.errors import GrammarError

# A larger set of characters after a value is refused: each character would be a state of its own.
_MAX_CHARS: Final = 64


class LexemeSource(Protocol):
    """What a leaf `Raw` holds: text whose end is decided by what follows."""

    def is_decided(self, following: str) -> bool:
        """Whether the text has surely ended if this follows it."""

    def with_context(self, following: str) -> ex.Expr:
        """Return the text with this after it."""

    def alternative(self, other: ex.Expr) -> LexemeSource:
        """Return another text that may stand in the same place and ends the same way."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _OpenLexeme:
    """A text whose end is not decided yet, and what was read after it so far."""

    source: LexemeSource
    following: str


# A state: the number of an open text; 0: none is open.
_State = int
_NONE: Final = 0
# A rule and the state in which it begins.
_Key = tuple[str, _State]


def with_context_folded(rules: ex.Rules, is_regular: Callable[[ex.Expr], bool]) -> ex.Rules:
    """Return the rules with each leaf `Raw(LexemeSource)` and its trailing context as one lexeme.

    Raises:
        GrammarError: nothing that follows a text decides where it ends.
    """
    touched = rules_with_raw(rules)
    return _ContextFolder(dict(rules.rules), touched, is_regular).rules_from(rules.root) if touched else rules


@dataclass(slots=True)
class _ContextFolder:
    """Specialises each rule for the states in which it may begin and end.

    First the reachable states are found (`writes` is False), by a work list; then the rules are written.
    """

    rules: dict[str, ex.Expr]
    touched: frozenset[str]
    is_regular: Callable[[ex.Expr], bool]
    table: RuleTable = field(init=False)
    # The states in which a rule may end, by where it begins.
    ends: dict[_Key, dict[_State, None]] = field(default_factory=dict)
    users: dict[_Key, dict[_Key, None]] = field(default_factory=dict)
    names: dict[tuple[str, _State, _State], str] = field(default_factory=dict)
    repeats: dict[ex.Repeat, str] = field(default_factory=dict)
    states: dict[_OpenLexeme, _State] = field(default_factory=dict)
    texts: list[_OpenLexeme] = field(default_factory=list)
    fresh: list[_Key] = field(default_factory=list)
    again: dict[_Key, None] = field(default_factory=dict)
    writes: bool = False

    def __post_init__(self) -> None:
        self.table = RuleTable.avoiding(self.rules)

    def rules_from(self, root: str) -> ex.Rules:
        self._look_up((root, _NONE), None)
        while self.fresh or self.again:
            key = self.fresh.pop() if self.fresh else next(iter(self.again))
            self.again.pop(key, None)
            self._visit(key)
        if _NONE not in self.ends[root, _NONE]:
            raise GrammarError("a raw value that nothing ends")
        self.writes = True
        written = {name: expr for name, expr in self.rules.items() if name not in self.touched}
        for name, state in list(self.ends):
            for end, expr in self._read(self.rules[name], state).items():
                written[self._name(name, state, end)] = expr
        return ex.Rules(self._name(root, _NONE, _NONE), written)

    def _visit(self, key: _Key) -> None:
        """Find the states in which a rule may end; its users are visited again if there are new ones."""
        before = len(self.ends[key])
        self.ends[key].update(dict.fromkeys(self._read(self.rules[key[0]], key[1], key)))
        if len(self.ends[key]) > before:
            self.again.update(dict.fromkeys(self.users[key]))

    def _look_up(self, key: _Key, user: _Key | None) -> Iterable[_State]:
        if key not in self.ends:
            self.ends[key] = {}
            self.users[key] = {}
            self.fresh.append(key)
        if user is not None:
            self.users[key][user] = None
        return self.ends[key]

    def _name(self, name: str, start: _State, end: _State) -> str:
        key = name, start, end
        if key not in self.names:
            self.names[key] = self.table.name(name)
        return self.names[key]

    def _state(self, found: _OpenLexeme) -> _State:
        if found not in self.states:
            self.texts.append(found)
            self.states[found] = len(self.texts)
        return self.states[found]

    def _read(self, expr: ex.Expr, state: _State, user: _Key | None = None) -> dict[_State, ex.Expr]:
        """Return what an expression becomes if it begins in a state, by the state in which it ends."""
        if state == _NONE and not has_raw(expr, self.touched):
            return {_NONE: expr}
        if isinstance(expr, ex.RuleRef):
            ends = self._look_up((expr.name, state), user)
            return {end: ex.RuleRef(self._name(expr.name, state, end)) for end in ends}
        if isinstance(expr, ex.Literal):
            return self._literal(expr.text, state)
        if isinstance(expr, ex.Seq):
            return self._sequence(expr.parts, state, user)
        if isinstance(expr, ex.Choice):
            return self._merged(self._read(option, state, user) for option in self._options(expr, state))
        if isinstance(expr, ex.Repeat):
            return self._repetition(expr, state, user)
        if isinstance(expr, ex.Raw) and state == _NONE:
            return {self._state(_OpenLexeme(cast(LexemeSource, expr.boundary), "")): ex.EMPTY}
        return self._merged(self._literal(text, state) for text in _characters(expr))

    def _sequence(self, parts: tuple[ex.Expr, ...], state: _State, user: _Key | None) -> dict[_State, ex.Expr]:
        found: dict[_State, ex.Expr] = {state: ex.EMPTY}
        for part in parts:
            found = self._merged(
                {
                    end: ex.seq(before, rest) if self.writes else ex.EMPTY
                    for end, rest in self._read(part, each, user).items()
                }
                for each, before in found.items()
            )
        return found

    def _merged(self, found: Iterable[dict[_State, ex.Expr]]) -> dict[_State, ex.Expr]:
        ways: dict[_State, list[ex.Expr]] = {}
        for each in found:
            for state, expr in each.items():
                ways.setdefault(state, []).append(expr)
        return {state: ex.choice(*options) if self.writes else ex.EMPTY for state, options in ways.items()}

    def _literal(self, text: str, state: _State) -> dict[_State, ex.Expr]:
        if state == _NONE:
            return {_NONE: ex.literal(text)}
        found = self.texts[state - 1]
        following = found.following
        for i, character in enumerate(text):
            following += character
            if found.source.is_decided(following):
                return {_NONE: ex.seq(found.source.with_context(following), ex.literal(text[i + 1 :]))}
        return {self._state(_OpenLexeme(found.source, following)): ex.EMPTY}

    def _options(self, expr: ex.Choice, state: _State) -> Iterator[ex.Expr]:
        """Yield the options. Beside an open text the others must be open too; an option that cannot be is dropped."""
        source = next(filter(None, map(_leading_source, expr.options)), None)
        for option in expr.options:
            if source is None or state != _NONE or has_raw(option, self.touched):
                yield option
            elif self.is_regular(option):
                yield ex.Raw(source.alternative(option))

    def _repetition(self, expr: ex.Repeat, state: _State, user: _Key | None) -> dict[_State, ex.Expr]:
        item = self._read(expr.item, _NONE, user) if state == _NONE else {state: ex.EMPTY}
        if item.keys() <= {_NONE}:
            return {_NONE: ex.repeat(item.get(_NONE, ex.NOTHING), expr.least, expr.most)}
        return self._read(self._unrolled(expr), state, user)

    def _unrolled(self, expr: ex.Repeat) -> ex.Expr:
        if expr not in self.repeats:
            name = self.repeats[expr] = self.table.name("again")
            most = None if expr.most is None else expr.most - 1
            again = ex.seq(expr.item, ex.repeat(expr.item, max(expr.least - 1, 0), most))
            self.rules[name] = again if expr.least else ex.choice(ex.EMPTY, again)
            if has_raw(expr.item, self.touched):
                self.touched |= {name}
        return ex.RuleRef(self.repeats[expr])


def _leading_source(expr: ex.Expr) -> LexemeSource | None:
    """Return the source of the raw value with which an expression begins."""
    first = expr.parts[0] if isinstance(expr, ex.Seq) and expr.parts else expr
    return cast(LexemeSource, first.boundary) if isinstance(first, ex.Raw) else None


def _characters(expr: ex.Expr) -> Iterator[str]:
    if not isinstance(expr, ex.Chars) or sum(high - low + 1 for low, high in expr.ranges) > _MAX_CHARS:
        raise GrammarError("nothing after a raw value decides where it ends")
    return (chr(point) for low, high in expr.ranges for point in range(low, high + 1))


def rules_with_raw(rules: ex.Rules) -> frozenset[str]:
    """Return the rules that hold a leaf `Raw`, themselves or in what they refer to."""
    found = {name for name, expr in rules.rules.items() if has_raw(expr, frozenset())}
    if not found:
        return frozenset()
    users = reversed_edges({name: ex.references(expr) for name, expr in rules.rules.items()})
    return frozenset(closure(found, lambda name: users.get(name, ())))


def has_raw(expr: ex.Expr, touched: frozenset[str]) -> bool:
    """Whether an expression holds a leaf `Raw`, or a reference to one of these rules."""
    if isinstance(expr, ex.RuleRef):
        return expr.name in touched
    return isinstance(expr, ex.Raw) or any(has_raw(part, touched) for part in ex.children(expr))
