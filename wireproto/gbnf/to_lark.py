"""GBNF to the Lark that llguidance reads, with the same strings.

Two things of llguidance decide the form. Its lexer is greedy, so a terminal is one character and never a word: `"a"
"bc"` and `"ab" "d"` side by side would lose the first. Its parser ends at most 2,000 rules with one character, so a
rule that calls itself at its end is turned around to call itself at its start. It knows nothing of llama.cpp. Law: the
Lark has the grammar's strings, those that UTF-8 can hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from wireproto.gbnf.analysis import holds, productive, reachable, references
from wireproto.gbnf.match import characters, complement
from wireproto.gbnf.nodes import (
    MAX_CODE,
    Alternatives,
    AnyChar,
    CharClass,
    GbnfError,
    GbnfGrammar,
    GbnfLiteral,
    GbnfRule,
    Node,
    Reference,
    Repetition,
    Sequence,
    Token,
    place,
)
from wireproto.gbnf.syntax import parse
from wireproto.grammars.expr.graph import components

_EMPTY = '""'
_SURROGATES = (0xD800, 0xDFFF)
# Rules written for one group that is turned around; above it the group stays as it is.
_MAX_TURNED = 5_000


def _is_character(code: int) -> bool:
    return code <= MAX_CODE and not _SURROGATES[0] <= code <= _SURROGATES[1]


def _encodable(node: CharClass | AnyChar) -> tuple[tuple[int, int], ...]:
    return complement((*complement(characters(node)), _SURROGATES))


def _can_match(node: Node) -> bool:
    """Tell whether a leaf matches any string that UTF-8 can hold."""
    if isinstance(node, GbnfLiteral):
        return all(map(_is_character, node.codes))
    return not isinstance(node, CharClass) or not node.ranges or bool(_encodable(node))


def char_class(ranges: Iterable[tuple[int, int]]) -> str:
    """Return one character of these ranges of code points, ends included, in a regex of llguidance."""
    spans = (f"\\x{{{low:X}}}" + (f"-\\x{{{high:X}}}" if high > low else "") for low, high in ranges)
    return f"[{''.join(spans)}]"


def _token(node: Token) -> str:
    if node.number is not None:
        return f"<[{'^' if node.negated else ''}{node.number}]>"
    if node.negated:
        raise GbnfError("token-text", f"llguidance cannot negate a token by its text: !{node.text}")
    return node.text


@dataclass(slots=True)
class _Names:
    """Lark's names of the rules: lower case, and unlike one another."""

    given: dict[str, str] = field(default_factory=lambda: {"root": "start"})
    taken: set[str] = field(default_factory=lambda: {"start"})

    def fresh(self, base: str) -> str:
        """Return a name that nothing has yet."""
        name = base = "r_" + re.sub("[^a-z0-9]", "_", base.lower())
        number = 2
        while name in self.taken:
            name, number = f"{base}_{number}", number + 1
        self.taken.add(name)
        return name

    def of(self, rule: str) -> str:
        """Return the name of a rule."""
        if rule not in self.given:
            self.given[rule] = self.fresh(rule)
        return self.given[rule]


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes expressions; `alive` are the rules that match anything, and what matches nothing is left out."""

    alive: set[str]
    names: _Names

    def lives(self, node: Node) -> bool:
        """Tell whether a node matches any string."""
        return holds(node, self.alive, _can_match)

    def expression(self, node: Node) -> str:
        """Return a node that lives as Lark, as one operand."""
        if isinstance(node, GbnfLiteral):
            return self._joined([json.dumps(chr(code), ensure_ascii=False) for code in node.codes])
        if isinstance(node, CharClass):
            return f"/{char_class(_encodable(node))}/" if node.ranges else _EMPTY
        if isinstance(node, AnyChar):
            return f"/{char_class(_encodable(node))}/"
        if isinstance(node, Token):
            return _token(node)
        if isinstance(node, Reference):
            return self.names.of(node.name)
        if isinstance(node, Sequence):
            return self._joined([self.expression(item) for item in node.items])
        if isinstance(node, Alternatives):
            options = [self.expression(option) for option in node.options if self.lives(option)]
            return options[0] if len(options) == 1 else f"({' | '.join(options)})"
        return self._repetition(node)

    @staticmethod
    def _joined(parts: list[str]) -> str:
        parts = [part for part in parts if part != _EMPTY]
        return f"({' '.join(parts)})" if len(parts) > 1 else "".join(parts) or _EMPTY

    def _repetition(self, node: Repetition) -> str:
        low, high = node.minimum, node.bound
        if high == 0 or not self.lives(node.item):
            return _EMPTY
        item = self.expression(node.item)
        if item == _EMPTY or (low, high) == (1, 1):
            return item
        suffix = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
        if suffix is None:
            suffix = f"{{{low},{'' if high is None else high}}}"
        return f"({item}){suffix}" if item[-1] in "*+?}" else f"{item}{suffix}"

    def rule(self, name: str, body: Alternatives) -> str:
        """Return a rule as a line of Lark."""
        options = (self.expression(option) for option in body.options if self.lives(option))
        return f"{name}: {' | '.join(options)}"


def to_lark(text: str) -> str:
    """Return GBNF text as Lark for llguidance; GbnfError where the GBNF is refused or has no strings.

    Tokens stay tokens: `<[7]>`, `!<[7]>` and `<text>` are llguidance's own, for its own vocabulary. `!<text>` cannot
    be written and raises.
    """
    grammar = parse(text)
    alive = productive(grammar, _can_match)
    if "root" not in alive:
        at = grammar.effective()["root"].at
        raise GbnfError("no-strings", "the grammar has no strings", *place(text, at))
    writer = _Writer(alive, _Names())
    rules = {name: rule for name, rule in grammar.effective().items() if name in alive & _used(grammar, writer)}
    lines: list[str] = []
    calls = {name: [r.name for r in references(rule.body) if r.name in rules] for name, rule in rules.items()}
    for group in components(calls):
        turned = _turned(group, rules, writer)
        lines += turned if turned is not None else (writer.rule(writer.names.of(n), rules[n].body) for n in group)
    lines.sort(key=lambda line: not line.startswith("start:"))
    return "\n".join(lines) + "\n"


def _used(grammar: GbnfGrammar, writer: _Writer) -> set[str]:
    """Return the rules that the root leads to; their Lark names are given in the order of the text."""
    found = reachable(grammar)
    for rule in grammar.rules:
        if rule.name in found & writer.alive:
            writer.names.of(rule.name)
    return found


# A state is a rule or a group of alternatives inside one; an edge is what to write, and the state after it.
_State = int
_Edges = dict[_State, list[tuple[str, "_State | None"]]]


def _turned(group: list[str], rules: dict[str, GbnfRule], writer: _Writer) -> list[str] | None:
    """Return the Lark of a group of rules that call one another at their ends only, turned around; None for others.

    Such a group is an automaton: `a ::= "x" b | "y"` is an edge from a to b and one to the end. For each rule that is
    called from outside, a Lark rule for each state stands for the texts that lead there.
    """
    members = set(group)
    if not any(r.name in members for name in group for r in references(rules[name].body)):
        return None
    reader = _Automaton(members, writer)
    for name in group:
        if not reader.add(rules[name].body, reader.state(name)):
            return None
    callers = (r.name for name, rule in rules.items() if name not in members for r in references(rule.body))
    entries = sorted(({*callers} | {"root"}) & members)
    if len(entries) * len(reader.edges) > _MAX_TURNED:
        return None
    return [line for name in entries for line in _leading(name, reader, writer.names)]


@dataclass(slots=True)
class _Automaton:
    """The states and edges of a group of rules."""

    members: set[str]
    writer: _Writer
    states: dict[str, _State] = field(default_factory=dict)
    edges: _Edges = field(default_factory=dict)

    def new(self) -> _State:
        """Return a new state."""
        self.edges[len(self.edges)] = []
        return len(self.edges) - 1

    def state(self, name: str) -> _State:
        """Return the state of a rule."""
        if name not in self.states:
            self.states[name] = self.new()
        return self.states[name]

    def inside(self, node: Node) -> bool:
        """Tell whether a node calls a rule of the group."""
        return any(reference.name in self.members for reference in references(node))

    def add(self, body: Alternatives, state: _State) -> bool:
        """Add the edges of a body; False if it calls the group elsewhere than at an end."""
        for option in body.options:
            head, last = option.items[:-1], option.items[-1:]
            if any(map(self.inside, head)):
                return False
            if not all(map(self.writer.lives, option.items)):
                continue
            if not any(map(self.inside, last)):
                self.edges[state].append((self.writer.expression(option), None))
                continue
            target = self.target(last[0])
            if target is None:
                return False
            self.edges[state].append((self.writer.expression(Sequence(head)), target))
        return True

    def target(self, node: Node) -> _State | None:
        """Return the state that an option ends with; None if the node is of another kind."""
        if isinstance(node, Reference):
            return self.state(node.name)
        state = self.new()
        if isinstance(node, Repetition) and (node.minimum, node.bound) == (0, 1):
            self.edges[state].append((_EMPTY, None))
            node = node.item if isinstance(node.item, Alternatives) else Alternatives((Sequence((node.item,)),))
        if isinstance(node, Alternatives) and self.add(node, state):
            return state
        return None


def _leading(entry: str, reader: _Automaton, names: _Names) -> Iterator[str]:
    """Yield the rules for the texts that lead from an entry to each state, and to the end."""
    first = reader.states[entry]
    into: dict[_State | None, list[tuple[_State, str]]] = {}
    called: dict[_State, str] = {}
    todo = [first]
    while todo:
        state = todo.pop()
        if state in called:
            continue
        called[state] = names.fresh(f"{entry}_{state}")
        for text, target in reader.edges[state]:
            into.setdefault(target, []).append((state, text))
            todo += [] if target is None else [target]

    def rule(name: str, options: list[str]) -> str:
        return f"{name}: {' | '.join(dict.fromkeys(options))}"

    def options(target: _State | None) -> list[str]:
        return [called[state] + ("" if text == _EMPTY else f" {text}") for state, text in into.get(target, ())]

    yield rule(names.of(entry), options(None))
    for state, name in called.items():
        yield rule(name, ([_EMPTY] if state == first else []) + options(state))
