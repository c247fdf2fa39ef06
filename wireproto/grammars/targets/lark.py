"""Prints Lark, the grammar language of llguidance (vLLM, and llama.cpp where it was built with it).

llguidance's lexer is greedy and cannot backtrack; its parser takes 2,000 open rules, and 50,000 steps for a mask. So
everything regular becomes one terminal, as far as it goes: the arguments of a closed schema, often whole calls. Only
recursion (any JSON) and raw values end a terminal.

This loses some texts: where alternatives begin alike and one of them is regular for longer, the lexer follows that one
(`contains`; an `anyOf` of objects of which one holds any JSON where another does not). Of the 1,257 tests of the
JSON-Schema-Test-Suite 5 are lost this way, and 1,158 are right; llguidance's own `%json` has 567 right, compiles and
masks no faster, and takes keys in one order only. What raw values lose is in `lark_lexemes`.

A special token is no text to llguidance: a marker that is one in a model has to be spelled by other tokens.
It must not know dialects. Law: llguidance accepts what is printed, and every text that it then admits matches the
message's rules. Sources: llguidance, docs/syntax.md; measured with 1.9.1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from wireproto.automata.automaton import ANY_TEXT, Dfa
from wireproto.automata.charset import char_set
from wireproto.automata.graph import components
from wireproto.grammars.expr import expr as ex
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.message import MessageParts
from wireproto.grammars.raw.rules import BoundedTexts
from wireproto.grammars.targets import lark_lexemes
from wireproto.grammars.targets.gbnf import refuse_missing
from wireproto.grammars.targets.lark_lexemes import FreeText, LeadText, Lexeme, RawLexeme, ReasoningText, char_class
from wireproto.grammars.targets.lark_recursion import with_literals_pushed, without_right_recursion
from wireproto.grammars.targets.lark_trailing_context import has_raw, rules_with_raw, with_context_folded
from wireproto.machine.boundary import ValueBoundary
from wireproto.text.scan import BLANK
from wireproto.values.errors import GrammarError

# llguidance refuses some dozens of parentheses in one another.
_MAX_NESTED: Final = 8


def to_lark(message: MessageParts) -> str:
    """Return the grammar of a message; raises `GrammarError` for what Lark cannot express."""
    rules = _marked(message) if message.marked else _ended(message.rules, ex.EMPTY)
    if rules.is_empty:
        raise GrammarError("a grammar that matches nothing")
    return _LarkPrinter(_shallow(rules)).text()


def _marked(message: MessageParts) -> ex.Rules:
    """Return the rules of a message in which a marker tells calls from text."""
    before = ex.Raw(LeadText(message.markers)) if message.text else ex.EMPTY
    rules = ex.Rules("none", {"none": ex.NOTHING}) if message.calls is None else _ended(message.calls, before)
    found: ex.Expr = ex.RuleRef(rules.root)
    if message.text:
        found = ex.choice(ex.EMPTY, ex.Raw(Lexeme(FreeText(message.markers))), found)
    reasoning_first = message.reasoning_first
    if reasoning_first is not None:
        text = ReasoningText(message.markers, reasoning_first.most)
        block: ex.Expr = ex.Raw(Lexeme(text, reasoning_first.close))
        if not message.text:
            block = ex.seq(block, ex.repeat(ex.chars(char_set(BLANK)), 0, reasoning_first.blanks))
        found = ex.seq(
            block if reasoning_first.opened else ex.optional(ex.seq(ex.literal(reasoning_first.open), block)), found
        )
    root = RuleTable.avoiding(rules.rules).name("message")
    return ex.Rules(root, {**rules.rules, root: found}).pruned()


def _ended(rules: ex.Rules, before: ex.Expr) -> ex.Rules:
    """Return rules, `before` in front of them, without right recursion and with trailing context folded."""
    refuse_missing(rules)
    found = without_right_recursion(rules.pruned())
    root = RuleTable.avoiding(found.rules).name("calls")
    sourced = {name: _with_lexemes(found.rules[name]) for name in sorted(rules_with_raw(found))}
    found = ex.Rules(root, {**found.rules, **sourced, root: ex.seq(before, ex.RuleRef(found.root))})
    regular = _regular(found)
    found = with_literals_pushed(found, frozenset(found.rules.keys() - regular))
    return with_context_folded(found, lambda expr: regular.issuperset(ex.references(expr)))


def _with_lexemes(expr: ex.Expr) -> ex.Expr:
    """Return an expression whose raw values are sources for `with_context_folded`."""
    if isinstance(expr, ex.Raw) and isinstance(expr.boundary, ValueBoundary):
        return ex.Raw(RawLexeme(expr.boundary))
    if isinstance(expr, ex.Raw) and isinstance(expr.boundary, BoundedTexts):
        return ex.Raw(RawLexeme(expr.boundary.boundary, expr.boundary.dfa))
    return ex.with_children(expr, _with_lexemes)


def _regular(rules: ex.Rules) -> frozenset[str]:
    """Return the rules that are one regular expression: without recursion and without raw values."""
    touched = rules_with_raw(rules)
    calls = {name: ex.references(expr) for name, expr in rules.rules.items()}
    found: set[str] = set()
    for group in components(calls):
        name = group[0]
        if len(group) == 1 and found.issuperset(calls[name]) and name not in touched:
            found.add(name)
    return frozenset(found)


@dataclass(slots=True)
class _LarkPrinter:
    """Prints rules; regular ones become terminals, whose names are in upper case."""

    rules: ex.Rules
    regular: frozenset[str] = field(init=False)
    nullable: frozenset[str] = field(init=False)
    table: RuleTable = field(init=False)
    # Terminals by name; those that were no rule before also by their text.
    terminals: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.regular = _regular(self.rules)
        self.nullable = self.rules.nullable()
        self.table = RuleTable.avoiding(self.rules.rules)

    def text(self) -> str:
        """Return every rule and every terminal on its line, the first rule first."""
        lines = [f"start: {self.rule(ex.RuleRef(self.rules.root))}\n"]
        for name, expr in self.rules.rules.items():
            if name in self.regular:
                self.terminals[_terminal(name)] = _regex(expr)
            else:
                lines.append(f"{_rule(name)}: {self.rule(expr)}\n")
        lines += [f"{name}: {regex}\n" for name, regex in self.terminals.items()]
        return "".join([*lines, lark_lexemes.DEFINED])

    def rule(self, expr: ex.Expr) -> str:
        """Return the body of a rule: neighbours that are regular become one terminal."""
        found: list[str] = []
        together: list[ex.Expr] = []
        todo = list(expr.parts if isinstance(expr, ex.Seq) else (expr,))[::-1]
        while todo:
            part = todo.pop()
            if self.is_regular(part):
                # An optional last part gets a terminal of its own: it must not swallow what follows the rule.
                if not todo and together and ex.is_nullable(part, self.nullable):
                    found.append(self.run(together))
                    together = []
                together.append(part)
            elif together and isinstance(part, ex.Choice) and self.begins(part):
                # The terminal before the choice goes into each option: the lexer then sees as much as it can at once.
                options = [self.rule(ex.seq(*together, option)) for option in part.options]
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

    def head(self, expr: ex.Expr) -> tuple[ex.Expr, ...]:
        """Return the parts of a rule that begins with something regular and goes on without a choice; else nothing."""
        body = self.rules.rules[expr.name] if isinstance(expr, ex.RuleRef) else None
        if not isinstance(body, ex.Seq) or not body.parts or not self.is_regular(body.parts[0]):
            return ()
        return body.parts if all(isinstance(part, ex.RuleRef) or self.is_regular(part) for part in body.parts) else ()

    def begins(self, expr: ex.Expr) -> bool:
        """Whether every text begins with something regular."""
        if isinstance(expr, ex.Choice):
            return all(map(self.begins, expr.options))
        first = expr.parts[0] if isinstance(expr, ex.Seq) and expr.parts else expr
        regular = self.is_regular(first) and not ex.is_nullable(first, self.nullable)
        return regular or bool(self.head(first)) or (isinstance(first, ex.Choice) and self.begins(first))

    def repeated(self, expr: ex.Expr) -> str:
        """Return the item of a repetition; a literal before a rule moves into it, so that both are one terminal."""
        if not (
            isinstance(expr, ex.Seq) and isinstance(expr.parts[0], ex.Literal) and isinstance(expr.parts[1], ex.RuleRef)
        ):
            return self.rule(expr)
        first, name = expr.parts[0], expr.parts[1].name
        return self.rule(expr if name in self.regular else ex.seq(first, self.rules.rules[name], *expr.parts[2:]))

    def is_regular(self, expr: ex.Expr) -> bool:
        return not has_raw(expr, frozenset()) and self.regular.issuperset(ex.references(expr))

    def part(self, expr: ex.Expr) -> str:
        """Return a part of a rule that is not regular."""
        if isinstance(expr, ex.RuleRef):
            return _rule(expr.name)
        if isinstance(expr, ex.Choice):
            return f"({' | '.join(map(self.rule, expr.options))})"
        if isinstance(expr, ex.Repeat):
            return f"({self.repeated(expr.item)}){_bounds(expr)}"
        assert isinstance(expr, ex.Raw) and isinstance(expr.boundary, Lexeme)
        return self.token(expr.boundary)

    def run(self, parts: Sequence[ex.Expr]) -> str:
        """Return regular parts as one terminal, which llguidance does not let match the empty text."""
        expr = ex.seq(*parts)
        if expr == ex.EMPTY or isinstance(expr, ex.Literal):
            return _regex(expr)
        if ex.is_nullable(expr, self.nullable):
            return self.terminal("run", _regex(self.filled(expr))) + "?"
        return _terminal(expr.name) if isinstance(expr, ex.RuleRef) else self.terminal("run", _regex(expr))

    def filled(self, expr: ex.Expr) -> ex.Expr:
        """Return the texts of an expression without the empty one."""
        if not ex.is_nullable(expr, self.nullable):
            return expr
        if isinstance(expr, ex.RuleRef):
            return self.filled(self.rules.rules[expr.name])
        if isinstance(expr, ex.Choice):
            return ex.choice(*map(self.filled, expr.options))
        if isinstance(expr, ex.Repeat):
            return ex.seq(self.filled(expr.item), ex.repeat(expr.item, 0, None if expr.most is None else expr.most - 1))
        parts = expr.parts if isinstance(expr, ex.Seq) else ()
        return ex.choice(*(ex.seq(self.filled(part), *parts[i + 1 :]) for i, part in enumerate(parts)))

    def token(self, token: Lexeme) -> str:
        source = token.source
        if isinstance(source, (FreeText, ReasoningText)):
            return self.terminal("text", source.lexeme(token.following))
        if isinstance(source, LeadText):
            regex, closer = self.terminal("lead", source.content(token.following)), ""
        else:
            regex, closer = self.terminal("content", lark_lexemes.content(source.boundary)), source.boundary.closer
            if source.words != ANY_TEXT:
                regex = f"({regex} & {self.words(source.words)})"
        return self.terminal("token", f"{regex} {_regex(ex.literal(closer + token.following))}")

    def words(self, dfa: Dfa) -> str:
        """Return the terminal of the words of an automaton."""
        table = RuleTable()
        root = table.add("words", right_linear(dfa, table, "words"))
        rules = without_right_recursion(ex.Rules(root.name, table.rules))
        names = {name: self.table.name(name) for name in rules.rules}
        for name, expr in rules.rules.items():
            self.terminals[_terminal(names[name])] = _regex(ex.renamed(expr, names))
        return _terminal(names[rules.root])

    def terminal(self, hint: str, regex: str) -> str:
        """Return the name of the terminal for this regular expression."""
        if regex not in self.named:
            self.named[regex] = _terminal(self.table.name(hint))
            self.terminals[self.named[regex]] = regex
        return self.named[regex]


def _rule(name: str) -> str:
    return "r_" + name.replace("-", "_")


def _shallow(rules: ex.Rules) -> ex.Rules:
    """Return the rules with what nests too deep for llguidance in regular ones moved into rules of their own."""
    table = RuleTable.avoiding(rules.rules)

    def cut(expr: ex.Expr, depth: int) -> ex.Expr:
        if isinstance(expr, ex.Choice) and depth >= _MAX_NESTED:
            return table.add("part", cut(expr, 0))
        deeper = depth + isinstance(expr, (ex.Choice, ex.Repeat))
        return ex.with_children(expr, lambda part: cut(part, deeper))

    regular = _regular(rules)
    found = {name: cut(expr, 0) if name in regular else expr for name, expr in rules.rules.items()}
    return ex.Rules(rules.root, {**found, **table.rules}, rules.is_pruned)


def _terminal(name: str) -> str:
    return "T_" + name.replace("-", "_").upper()


def _regex(expr: ex.Expr) -> str:
    """Return an expression as a regular expression over terminals."""
    if isinstance(expr, ex.Literal):
        return json.dumps(expr.text, ensure_ascii=False)
    if isinstance(expr, ex.Chars):
        return f"/{char_class(expr.ranges)}/"
    if isinstance(expr, ex.RuleRef):
        return _terminal(expr.name)
    if isinstance(expr, ex.Seq):
        return " ".join(map(_grouped, expr.parts)) or '""'
    if isinstance(expr, ex.Choice):
        return " | ".join(map(_regex, expr.options))
    assert isinstance(expr, ex.Repeat)
    return _grouped(expr.item, always=True) + _bounds(expr)


def _grouped(expr: ex.Expr, always: bool = False) -> str:
    regex = _regex(expr)
    plain = isinstance(expr, (ex.Literal, ex.Chars, ex.RuleRef)) or (isinstance(expr, ex.Repeat) and not always)
    return regex if plain else f"({regex})"


def _bounds(expr: ex.Repeat) -> str:
    bounds = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    most = "" if expr.most is None else expr.most
    return bounds.get((expr.least, expr.most), f"{{{expr.least},{most}}}")
