"""Prints GBNF, the grammar language of llama.cpp.

Traps that the engine does not report are avoided here: a bound above 2000 silently becomes unbounded, an alternative
that ends empty swallows the next rule's name, `^`, NUL and surrogates in classes.

It must not know where the rules come from. Law: llama.cpp accepts what is printed and matches the same texts; what its
engine cannot run (a repetition of what may be empty, left recursion, a missing rule) is refused.
Source: src/llama-grammar.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from wireproto.automata.charset import Ranges
from wireproto.automata.graph import components
from wireproto.grammars.expr import expr as ex
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.values.errors import GrammarError

_MAX_REPEAT: Final = 1000  # llama.cpp stops at 2000
# Deeper parentheses become a rule: llama.cpp reads them by recursion, and so does this printer.
_MAX_NESTED: Final = 40
# Cached character classes: automata repeat the same ones.
_KEPT: Final = 2048
_EMPTY: Final = '""'
_PLAIN: Final = re.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED: Final = (("\\", "\\\\"), ('"', '\\"'), *_NAMED.items())


def to_gbnf(rules: ex.Rules) -> str:
    """Return a grammar whose first rule is `root`; raises `GrammarError` for what GBNF cannot express."""
    if not rules.is_pruned:
        refuse_missing(rules)
    return printed(rules.pruned())


def printed(rules: ex.Rules, legal: Callable[[str], str] = str) -> str:
    """Return the text of rules under names that GBNF takes, the first one `root`; `legal` adapts the others first."""
    return _GbnfPrinter(_named(rules, legal)).text()


def _named(rules: ex.Rules, legal: Callable[[str], str]) -> ex.Rules:
    if rules.root == "root" and all(_PLAIN.fullmatch(name) and legal(name) == name for name in rules.rules):
        return rules
    table = RuleTable()
    names = {rules.root: table.name("root")}
    names.update({name: table.name(legal(name)) for name in rules.rules if name != rules.root})
    return ex.Rules("root", {names[name]: ex.renamed(expr, names) for name, expr in rules.rules.items()})


def refuse_missing(rules: ex.Rules) -> None:
    """Raise `GrammarError` for a reference to a rule that does not exist."""
    missing = {used for expr in rules.rules.values() for used in ex.references(expr)} - set(rules.rules)
    if missing or rules.root not in rules.rules:
        raise GrammarError(f"the rule {min(missing, default=rules.root)} is missing")


class _GbnfPrinter:
    def __init__(self, rules: ex.Rules) -> None:
        self.rules = rules
        self.nullable = rules.nullable()
        self.table = RuleTable.avoiding(rules.rules)
        self.todo: list[tuple[str, ex.Expr]] = []

    def text(self) -> str:
        """Return every rule on its line, the first one first."""
        _refuse_left_recursion(self.rules, self.nullable)
        lines: list[str] = []
        first = self.rules.root
        others = [(name, expr) for name, expr in self.rules.rules.items() if name != first]
        self.todo = [(first, self.rules.rules[first]), *others]
        for name, expr in self.todo:
            lines.append(f"{name} ::= {self.alternatives(expr, 0)}\n")
        return "".join(lines)

    def alternatives(self, expr: ex.Expr, depth: int) -> str:
        if isinstance(expr, ex.Choice):
            if not expr.options:
                raise GrammarError("a grammar that matches nothing")
            return " | ".join([self.sequence(option, depth) for option in expr.options])
        return self.sequence(expr, depth)

    def sequence(self, expr: ex.Expr, depth: int) -> str:
        if isinstance(expr, ex.Seq):
            items = [part.name if isinstance(part, ex.RuleRef) else self.item(part, depth) for part in expr.parts]
            return " ".join(items) or _EMPTY
        return self.item(expr, depth)

    def item(self, expr: ex.Expr, depth: int) -> str:
        if isinstance(expr, ex.RuleRef):
            return expr.name
        if isinstance(expr, ex.Literal):
            return _literal(expr.text)
        if isinstance(expr, ex.Chars):
            return _char_class(expr.ranges)
        if isinstance(expr, ex.Repeat):
            return self.repetition(expr, depth)
        if depth >= _MAX_NESTED:
            return self.named("part", expr).name
        return f"({self.alternatives(expr, depth + 1)})"

    def repetition(self, expr: ex.Repeat, depth: int) -> str:
        if ex.is_nullable(expr.item, self.nullable):
            raise GrammarError("a repetition of what may be empty, which llama.cpp cannot run")
        if max(expr.least, expr.most or 0) > _MAX_REPEAT:
            return self.item(self.long_repetition(expr), depth)
        # In GBNF a bound after a literal repeats the whole literal.
        return self.item(expr.item, depth) + _bounds(expr.least, expr.most)

    def long_repetition(self, expr: ex.Repeat) -> ex.Expr:
        """Return a repetition in blocks: no single bound is large, and no block may match the empty text."""
        one = expr.item if isinstance(expr.item, (ex.RuleRef, ex.Chars)) else self.named("item", expr.item)
        block = self.named("block", ex.Repeat(one, _MAX_REPEAT, _MAX_REPEAT))
        blocks, rest = divmod(expr.least, _MAX_REPEAT)
        exact = ex.seq(ex.repeat(block, blocks, blocks), ex.repeat(one, rest, rest))
        if expr.most is None:
            return ex.seq(exact, ex.repeat(one, 0, None))
        many, last = divmod(expr.most - expr.least, _MAX_REPEAT)
        if not many:
            return ex.seq(exact, ex.repeat(one, 0, last))
        shorter = ex.seq(ex.repeat(block, 0, many - 1), ex.repeat(one, 0, _MAX_REPEAT - 1))
        return ex.seq(exact, ex.Choice((shorter, ex.seq(ex.repeat(block, many, many), ex.repeat(one, 0, last)))))

    def named(self, hint: str, expr: ex.Expr) -> ex.RuleRef:
        """Print an expression as a rule of its own, later; return a reference to it."""
        name = self.table.name(hint)
        self.todo.append((name, expr))
        return ex.RuleRef(name)


def _bounds(least: int, most: int | None) -> str:
    if most is None:
        return "*" if least == 0 else "+" if least == 1 else f"{{{least},}}"
    if (least, most) == (0, 1):
        return "?"
    return f"{{{least}}}" if least == most else f"{{{least},{most}}}"


@lru_cache(maxsize=_KEPT)
def _literal(text: str) -> str:
    escaped = text
    for character, shown in _ESCAPED:
        escaped = escaped.replace(character, shown)
    return f'"{escaped if escaped.isprintable() else "".join(map(_readable, escaped))}"'


@lru_cache(maxsize=_KEPT)
def _char_class(ranges: Ranges) -> str:
    spans = []
    for low, high in ranges:
        first, last = _in_class(chr(low)), _in_class(chr(high))
        spans.append(first if low == high else first + last if high == low + 1 else f"{first}-{last}")
    return f"[{''.join(spans)}]"


def _in_class(character: str) -> str:
    if character == "^":
        return "\\u005E"
    return f"\\{character}" if character in "\\[]-" else _readable(character)


def _readable(character: str) -> str:
    """Return a printable character as it is, another one as an escape."""
    point = ord(character)
    if point == 0 or 0xD800 <= point < 0xE000:
        raise GrammarError(f"the character U+{point:04X} cannot be generated")
    if character in _NAMED:
        return _NAMED[character]
    if character.isprintable():
        return character
    # Not \xHH, which in xgrammar goes on for as long as there are hexadecimal digits.
    return f"\\u{point:04X}" if point < 0x10000 else f"\\U{point:08X}"


def _refuse_left_recursion(rules: ex.Rules, nullable: frozenset[str]) -> None:
    first = {name: _first(expr, nullable) for name, expr in rules.rules.items()}
    # A rule that begins with no other rule is in no cycle.
    first = {name: [each for each in found if first[each]] for name, found in first.items() if found}
    for group in components(first):
        if len(group) > 1 or group[0] in first[group[0]]:
            raise GrammarError(f"the rule {group[0]} begins with itself, which llama.cpp cannot run")


def _first(expr: ex.Expr, nullable: frozenset[str]) -> list[str]:
    """Return the rules with which an expression may begin (its FIRST set of rules)."""
    found: list[str] = []
    todo = [expr]
    for each in todo:
        if isinstance(each, ex.Seq):
            if each.parts and isinstance(each.parts[0], ex.LEAVES):
                continue  # as most do
            size = 0
            while size < len(each.parts) and ex.is_nullable(each.parts[size], nullable):
                size += 1
            todo += each.parts[: size + 1]
        elif isinstance(each, ex.RuleRef):
            found.append(each.name)
        elif isinstance(each, ex.Choice):
            todo += each.options
        elif isinstance(each, ex.Repeat):
            todo.append(each.item)
    return found
