"""Lark, the grammar language of llguidance (vLLM, llama.cpp where it was built with it), natively.

It must not know dialects. Law: what is printed is accepted by llguidance, and what that accepts matches the message's
rules. Its lexer is greedy and never goes back, and its parser takes 2,000 open rules, and 50,000 steps for a mask. So
everything regular is one lexeme as far as it goes: the arguments of a closed schema, often whole calls. Only what calls
itself (any JSON) and raw values end a lexeme. That costs texts where of several ways with the same beginning one is
regular for longer: `anyOf` with objects of which one holds any JSON where another does not, `contains`. Of the 1,257
tests of the JSON-Schema-Test-Suite 5 are lost so, and 1,158 right; `%json` has 567 right, compiles and masks no faster,
and takes keys in one order. What values lose is said in `lexemes`.

Special tokens are no text to llguidance: a marker that is one for a model has to be spelled by other tokens.
Sources: llguidance, docs/syntax.md; measured with 1.9.1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from wireproto.grammars.automata.automaton import ANY_TEXT, Dfa
from wireproto.grammars.automata.charset import char_set
from wireproto.grammars.automata.right_linear import right_linear
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
    Until,
    chars,
    choice,
    is_nullable,
    literal,
    optional,
    references,
    renamed,
    repeat,
    seq,
)
from wireproto.grammars.expr.graph import components
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.message import MessageParts
from wireproto.grammars.raw.boundary import ValueBoundary
from wireproto.grammars.raw.rules import BoundedTexts
from wireproto.grammars.targets import lark_lexemes
from wireproto.grammars.targets.gbnf import refuse_missing
from wireproto.grammars.targets.lark_lexemes import FreeText, LeadText, Lexeme, RawLexeme, ReasoningText, char_class
from wireproto.grammars.targets.lark_recursion import with_ends, without_tails
from wireproto.grammars.targets.lark_trailing_context import leading_to_raw, touches, with_context_folded
from wireproto.text.scan import BLANK
from wireproto.values.errors import GrammarError


def to_lark(message: MessageParts) -> str:
    """Return the grammar of a message; raises `GrammarError` for what cannot be said."""
    rules = _marked(message) if message.marked else _ended(message.rules, EMPTY)
    if rules.is_empty:
        raise GrammarError("a grammar that matches nothing")
    return _Printer(rules).text()


def _marked(message: MessageParts) -> Rules:
    """Return the rules of a message in which markers set calls apart from text."""
    before = Raw(LeadText(message.markers)) if message.text else EMPTY
    rules = Rules("none", {"none": NOTHING}) if message.calls is None else _ended(message.calls, before)
    found: Expr = RuleRef(rules.root)
    if message.text:
        found = choice(EMPTY, Raw(Lexeme(FreeText(message.markers))), found)
    thought = message.thought
    if thought is not None:
        block: Expr = Raw(Lexeme(ReasoningText(message.markers), thought.close))
        if not message.text:
            block = seq(block, repeat(chars(char_set(BLANK)), 0, thought.blanks))
        found = seq(block if thought.opened else optional(seq(literal(thought.open), block)), found)
    root = RuleTable.beside(rules.rules).name("message")
    return Rules(root, {**rules.rules, root: found}).pruned()


def _ended(rules: Rules, before: Expr) -> Rules:
    """Return rules, with something before them, in which text of open end stands with what ends it."""
    refuse_missing(rules)
    found = without_tails(rules.pruned())
    root = RuleTable.beside(found.rules).name("calls")
    sourced = {name: _with_sources(found.rules[name]) for name in sorted(leading_to_raw(found))}
    found = Rules(root, {**found.rules, **sourced, root: seq(before, RuleRef(found.root))})
    regular = _regular(found)
    found = with_ends(found, frozenset(found.rules.keys() - regular))
    return with_context_folded(found, lambda expr: regular.issuperset(references(expr)))


def _with_sources(expr: Expr) -> Expr:
    """Return an expression whose raw values are sources for `with_context_folded`."""
    if isinstance(expr, Seq):
        return Seq(tuple(_with_sources(part) for part in expr.parts))
    if isinstance(expr, Choice):
        return Choice(tuple(_with_sources(option) for option in expr.options))
    if isinstance(expr, Repeat):
        return Repeat(_with_sources(expr.item), expr.least, expr.most)
    if isinstance(expr, Raw) and isinstance(expr.boundary, ValueBoundary):
        return Raw(RawLexeme(expr.boundary))
    if isinstance(expr, Raw) and isinstance(expr.boundary, BoundedTexts):
        return Raw(RawLexeme(expr.boundary.boundary, expr.boundary.dfa))
    return expr


def _regular(rules: Rules) -> frozenset[str]:
    """Return the rules that one regular expression can say: they do not call themselves, nor hold text of open end."""
    touched = leading_to_raw(rules)
    calls = {name: references(expr) for name, expr in rules.rules.items()}
    found: set[str] = set()
    for group in components(calls):
        name = group[0]
        if len(group) == 1 and found.issuperset(calls[name]) and name not in touched:
            found.add(name)
    return frozenset(found)


@dataclass(slots=True)
class _Printer:
    """Prints rules; those that are regular are terminals, whose names are in upper case."""

    rules: Rules
    regular: frozenset[str] = field(init=False)
    nullable: frozenset[str] = field(init=False)
    table: RuleTable = field(init=False)
    # What a terminal says, by its name, and the other way round for those that are no rules.
    terminals: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.regular = _regular(self.rules)
        self.nullable = self.rules.nullable()
        self.table = RuleTable.beside(self.rules.rules)

    def text(self) -> str:
        """Return every rule and every terminal on its line, the first rule first."""
        lines = [f"start: {self.rule(RuleRef(self.rules.root))}\n"]
        for name, expr in self.rules.rules.items():
            if name in self.regular:
                self.terminals[_terminal(name)] = _said(expr)
            else:
                lines.append(f"{_rule(name)}: {self.rule(expr)}\n")
        lines += [f"{name}: {said}\n" for name, said in self.terminals.items()]
        return "".join([*lines, lark_lexemes.DEFINED])

    def rule(self, expr: Expr) -> str:
        """Return an expression in a rule: what stands together and is regular is one terminal."""
        found: list[str] = []
        together: list[Expr] = []
        todo = list(expr.parts if isinstance(expr, Seq) else (expr,))[::-1]
        while todo:
            part = todo.pop()
            if self.is_regular(part):
                # What may be missing at the end must not swallow the beginning of what follows the rule.
                if not todo and together and is_nullable(part, self.nullable):
                    found.append(self.run(together))
                    together = []
                together.append(part)
            elif together and isinstance(part, Choice) and self.begins(part):
                # Each option is told from what else may stand here by all that it begins with.
                options = [self.rule(seq(*together, option)) for option in part.options]
                found.append(f"({' | '.join(options)})")
                together = []
            elif together and self.head(part):
                todo += self.head(part)[::-1]
            else:
                found += [self.run(together)] if together else []
                found.append(self.part(part))
                together = []
        found += [self.run(together)] if together or not found else []
        return " ".join(found)

    def head(self, expr: Expr) -> tuple[Expr, ...]:
        """Return the parts of a rule that begins with something regular, if no choice stands behind that."""
        body = self.rules.rules[expr.name] if isinstance(expr, RuleRef) else None
        if not isinstance(body, Seq) or not body.parts or not self.is_regular(body.parts[0]):
            return ()
        return body.parts if all(isinstance(part, RuleRef) or self.is_regular(part) for part in body.parts) else ()

    def begins(self, expr: Expr) -> bool:
        """Whether every text begins with something regular."""
        if isinstance(expr, Choice):
            return all(map(self.begins, expr.options))
        first = expr.parts[0] if isinstance(expr, Seq) and expr.parts else expr
        regular = self.is_regular(first) and not is_nullable(first, self.nullable)
        return regular or bool(self.head(first)) or (isinstance(first, Choice) and self.begins(first))

    def repeated(self, expr: Expr) -> str:
        """Return what is repeated; a literal before a rule is written into the rule, so that they are one terminal."""
        if not (isinstance(expr, Seq) and isinstance(expr.parts[0], Literal) and isinstance(expr.parts[1], RuleRef)):
            return self.rule(expr)
        first, name = expr.parts[0], expr.parts[1].name
        return self.rule(expr if name in self.regular else seq(first, self.rules.rules[name], *expr.parts[2:]))

    def is_regular(self, expr: Expr) -> bool:
        return not touches(expr, frozenset()) and self.regular.issuperset(references(expr))

    def part(self, expr: Expr) -> str:
        """Return a part of a rule that is not regular."""
        if isinstance(expr, RuleRef):
            return _rule(expr.name)
        if isinstance(expr, Choice):
            return f"({' | '.join(map(self.rule, expr.options))})"
        if isinstance(expr, Repeat):
            return f"({self.repeated(expr.item)}){_bounds(expr)}"
        assert isinstance(expr, Raw) and isinstance(expr.boundary, Lexeme)
        return self.token(expr.boundary)

    def run(self, parts: Sequence[Expr]) -> str:
        """Return what is regular as one terminal; none of its texts may be empty."""
        expr = seq(*parts)
        if expr == EMPTY or isinstance(expr, Literal):
            return _said(expr)
        if is_nullable(expr, self.nullable):
            return self.terminal("run", _said(self.filled(expr))) + "?"
        return _terminal(expr.name) if isinstance(expr, RuleRef) else self.terminal("run", _said(expr))

    def filled(self, expr: Expr) -> Expr:
        """Return the texts of an expression but the empty one."""
        if not is_nullable(expr, self.nullable):
            return expr
        if isinstance(expr, RuleRef):
            return self.filled(self.rules.rules[expr.name])
        if isinstance(expr, Choice):
            return choice(*map(self.filled, expr.options))
        if isinstance(expr, Repeat):
            return seq(self.filled(expr.item), repeat(expr.item, 0, None if expr.most is None else expr.most - 1))
        parts = expr.parts if isinstance(expr, Seq) else ()
        return choice(*(seq(self.filled(part), *parts[i + 1 :]) for i, part in enumerate(parts)))

    def token(self, token: Lexeme) -> str:
        source = token.source
        if isinstance(source, (FreeText, ReasoningText)):
            return self.terminal("text", source.lexeme(token.behind))
        if isinstance(source, LeadText):
            said, closer = self.terminal("lead", source.content(token.behind)), ""
        else:
            said, closer = self.terminal("content", lark_lexemes.content(source.boundary)), source.boundary.closer
            if source.words != ANY_TEXT:
                said = f"({said} & {self.words(source.words)})"
        return self.terminal("token", f"{said} {_said(literal(closer + token.behind))}")

    def words(self, dfa: Dfa) -> str:
        """Return the terminal of the words of an automaton."""
        table = RuleTable()
        root = table.add("words", right_linear(dfa, table, "words"))
        rules = without_tails(Rules(root.name, table.rules))
        names = {name: self.table.name(name) for name in rules.rules}
        for name, expr in rules.rules.items():
            self.terminals[_terminal(names[name])] = _said(renamed(expr, names))
        return _terminal(names[rules.root])

    def terminal(self, hint: str, said: str) -> str:
        """Return the name of a terminal that says this; it is written once."""
        if said not in self.named:
            self.named[said] = _terminal(self.table.name(hint))
            self.terminals[self.named[said]] = said
        return self.named[said]


def _rule(name: str) -> str:
    return "r_" + name.replace("-", "_")


def _terminal(name: str) -> str:
    return "T_" + name.replace("-", "_").upper()


def _said(expr: Expr) -> str:
    """Return a regular expression in terms of terminals."""
    if isinstance(expr, Literal):
        return json.dumps(expr.text, ensure_ascii=False)
    if isinstance(expr, Chars):
        return f"/{char_class(expr.ranges)}/"
    if isinstance(expr, RuleRef):
        return _terminal(expr.name)
    if isinstance(expr, Seq):
        return " ".join(map(_grouped, expr.parts)) or '""'
    if isinstance(expr, Choice):
        return " | ".join(map(_said, expr.options))
    if isinstance(expr, Repeat):
        return _grouped(expr.item, always=True) + _bounds(expr)
    assert isinstance(expr, Until)
    return lark_lexemes.until(expr.markers)


def _grouped(expr: Expr, always: bool = False) -> str:
    said = _said(expr)
    plain = isinstance(expr, (Literal, Chars, RuleRef)) or (isinstance(expr, Repeat) and not always)
    return said if plain else f"({said})"


def _bounds(expr: Repeat) -> str:
    bounds = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    most = "" if expr.most is None else expr.most
    return bounds.get((expr.least, expr.most), f"{{{expr.least},{most}}}")
