"""Text whose end shows only in what follows it, put together with that: for an engine whose lexer never goes back.

A raw value ends at a closer that more structure follows; behind a closer that is content it goes on. So a value, its
closer and the structure up to where nothing else can be meant are written as one, and the rules go on behind it. It
must not know formats or any grammar language. Law: the texts stay the same, as far as a `LexemeSource` says them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from wireproto.grammars.expr.expr import (
    EMPTY,
    NOTHING,
    Chars,
    Choice,
    Expr,
    Literal,
    Raw,
    Repeat,
    RuleRef,
    Rules,
    Seq,
    choice,
    literal,
    references,
    repeat,
    seq,
)
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.values.errors import GrammarError

# A set of characters behind a value is followed character by character up to here.
_MAX_CHARS: Final = 64


class LexemeSource(Protocol):
    """What a leaf `Raw` holds: text, and when what follows says that it has ended."""

    def settled(self, behind: str) -> bool:
        """Whether the text has ended for sure, when this stands behind it."""

    def ended(self, behind: str) -> Expr:
        """Return the text and this behind it."""

    def beside(self, other: Expr) -> LexemeSource:
        """Return another text that may stand in the same place, and ends likewise."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _OpenLexeme:
    """A text that was read, and what was read behind it so far."""

    source: LexemeSource
    behind: str


# The number of an open text; 0: none is open.
_State = int
_NONE: Final = 0
# A rule and the state in which it begins.
_Key = tuple[str, _State]


def with_context_folded(rules: Rules, is_regular: Callable[[Expr], bool]) -> Rules:
    """Return the rules with what a `LexemeSource` says in place of each leaf `Raw(Source)` and what stands behind it.

    Raises:
        GrammarError: behind a text nothing settles where it ends.
    """
    touched = leading_to_raw(rules)
    return _ContextFolder(dict(rules.rules), touched, is_regular).rules_from(rules.root) if touched else rules


@dataclass(slots=True)
class _ContextFolder:
    """Reads the rules from left to right, in a state: a text is open, or none."""

    rules: dict[str, Expr]
    touched: frozenset[str]
    is_regular: Callable[[Expr], bool]
    table: RuleTable = field(init=False)
    # In which states a rule ends.
    ends: dict[_Key, dict[_State, None]] = field(default_factory=dict)
    users: dict[_Key, dict[_Key, None]] = field(default_factory=dict)
    names: dict[tuple[str, _State, _State], str] = field(default_factory=dict)
    repeats: dict[Repeat, str] = field(default_factory=dict)
    states: dict[_OpenLexeme, _State] = field(default_factory=dict)
    texts: list[_OpenLexeme] = field(default_factory=list)
    fresh: list[_Key] = field(default_factory=list)
    again: dict[_Key, None] = field(default_factory=dict)
    # Only the states are looked for at first.
    writes: bool = False

    def __post_init__(self) -> None:
        self.table = RuleTable.beside(self.rules)

    def rules_from(self, root: str) -> Rules:
        self._look_up((root, _NONE), None)
        while self.fresh or self.again:
            key = self.fresh.pop() if self.fresh else next(iter(self.again))
            self.again.pop(key, None)
            self._visit(key)
        if _NONE not in self.ends[root, _NONE]:
            raise GrammarError("text that nothing ends")
        self.writes = True
        written = {name: expr for name, expr in self.rules.items() if name not in self.touched}
        for name, state in list(self.ends):
            for end, expr in self._read(self.rules[name], state).items():
                written[self._name(name, state, end)] = expr
        return Rules(self._name(root, _NONE, _NONE), written)

    def _visit(self, key: _Key) -> None:
        """Find out in which states a rule may end; those that use it are visited again if there are new ones."""
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

    def _read(self, expr: Expr, state: _State, user: _Key | None = None) -> dict[_State, Expr]:
        """Return what is written from this state on, by the state in which it ends."""
        if state == _NONE and not touches(expr, self.touched):
            return {_NONE: expr}
        if isinstance(expr, RuleRef):
            ends = self._look_up((expr.name, state), user)
            return {end: RuleRef(self._name(expr.name, state, end)) for end in ends}
        if isinstance(expr, Literal):
            return self._literal(expr.text, state)
        if isinstance(expr, Seq):
            return self._sequence(expr.parts, state, user)
        if isinstance(expr, Choice):
            return self._merged(self._read(option, state, user) for option in self._options(expr, state))
        if isinstance(expr, Repeat):
            return self._repetition(expr, state, user)
        if isinstance(expr, Raw) and state == _NONE:
            return {self._state(_OpenLexeme(cast(LexemeSource, expr.boundary), "")): EMPTY}
        return self._merged(self._literal(text, state) for text in _characters(expr))

    def _sequence(self, parts: tuple[Expr, ...], state: _State, user: _Key | None) -> dict[_State, Expr]:
        found: dict[_State, Expr] = {state: EMPTY}
        for part in parts:
            found = self._merged(
                {end: seq(before, rest) if self.writes else EMPTY for end, rest in self._read(part, each, user).items()}
                for each, before in found.items()
            )
        return found

    def _merged(self, found: Iterable[dict[_State, Expr]]) -> dict[_State, Expr]:
        ways: dict[_State, list[Expr]] = {}
        for each in found:
            for state, expr in each.items():
                ways.setdefault(state, []).append(expr)
        return {state: choice(*options) if self.writes else EMPTY for state, options in ways.items()}

    def _literal(self, text: str, state: _State) -> dict[_State, Expr]:
        if state == _NONE:
            return {_NONE: literal(text)}
        found = self.texts[state - 1]
        behind = found.behind
        for i, character in enumerate(text):
            behind += character
            if found.source.settled(behind):
                return {_NONE: seq(found.source.ended(behind), literal(text[i + 1 :]))}
        return {self._state(_OpenLexeme(found.source, behind)): EMPTY}

    def _options(self, expr: Choice, state: _State) -> Iterator[Expr]:
        """Yield the options; beside a text whose end is open the others wait for the same, and what cannot is none."""
        source = next(filter(None, map(_source, expr.options)), None)
        for option in expr.options:
            if source is None or state != _NONE or touches(option, self.touched):
                yield option
            elif self.is_regular(option):
                yield Raw(source.beside(option))

    def _repetition(self, expr: Repeat, state: _State, user: _Key | None) -> dict[_State, Expr]:
        item = self._read(expr.item, _NONE, user) if state == _NONE else {state: EMPTY}
        if item.keys() <= {_NONE}:
            return {_NONE: repeat(item.get(_NONE, NOTHING), expr.least, expr.most)}
        return self._read(self._unrolled(expr), state, user)

    def _unrolled(self, expr: Repeat) -> Expr:
        if expr not in self.repeats:
            name = self.repeats[expr] = self.table.name("again")
            most = None if expr.most is None else expr.most - 1
            again = seq(expr.item, repeat(expr.item, max(expr.least - 1, 0), most))
            self.rules[name] = again if expr.least else choice(EMPTY, again)
            if touches(expr.item, self.touched):
                self.touched |= {name}
        return RuleRef(self.repeats[expr])


def _source(expr: Expr) -> LexemeSource | None:
    """Return the open text with which an expression begins."""
    first = expr.parts[0] if isinstance(expr, Seq) and expr.parts else expr
    return cast(LexemeSource, first.boundary) if isinstance(first, Raw) else None


def _characters(expr: Expr) -> Iterator[str]:
    if not isinstance(expr, Chars) or sum(high - low + 1 for low, high in expr.ranges) > _MAX_CHARS:
        raise GrammarError("text whose end nothing settles")
    return (chr(point) for low, high in expr.ranges for point in range(low, high + 1))


def leading_to_raw(rules: Rules) -> frozenset[str]:
    """Return the rules in which there is a leaf `Raw`, themselves or in what they refer to."""
    found = {name for name, expr in rules.rules.items() if touches(expr, frozenset())}
    if not found:
        return frozenset()
    users: dict[str, list[str]] = {}
    for name, expr in rules.rules.items():
        for used in references(expr):
            users.setdefault(used, []).append(name)
    todo = list(found)
    while todo:
        for user in users.get(todo.pop(), ()):
            if user not in found:
                found.add(user)
                todo.append(user)
    return frozenset(found)


def touches(expr: Expr, touched: frozenset[str]) -> bool:
    """Whether there is a leaf `Raw` in an expression, or one of these rules."""
    if isinstance(expr, RuleRef):
        return expr.name in touched
    if isinstance(expr, Seq):
        return any(touches(part, touched) for part in expr.parts)
    if isinstance(expr, Choice):
        return any(touches(option, touched) for option in expr.options)
    return touches(expr.item, touched) if isinstance(expr, Repeat) else isinstance(expr, Raw)
