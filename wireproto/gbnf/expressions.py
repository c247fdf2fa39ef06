"""A GBNF grammar as expressions, which the sampler and others can walk.

It must not know who asks. Law: the same texts match, but those that a token element would need: as for `Matcher`,
text never passes one.
"""

from __future__ import annotations

from wireproto.gbnf.match import characters
from wireproto.gbnf.nodes import (
    Alternatives,
    AnyChar,
    CharClass,
    GbnfError,
    GbnfGrammar,
    GbnfLiteral,
    Node,
    Reference,
    Repetition,
    Token,
)
from wireproto.grammars.expr.expr import EMPTY, NOTHING, Chars, Choice, Expr, RuleRef, Rules, literal, repeat, seq


def expressions(grammar: GbnfGrammar) -> Rules:
    """Return the rules that hold.

    Raises:
        GbnfError: there is no rule root.
    """
    rules = {name: _expr(rule.body) for name, rule in grammar.effective().items()}
    if "root" not in rules:
        raise GbnfError("missing-root", "there is no rule root")
    return Rules("root", rules)


def _expr(node: Node) -> Expr:
    if isinstance(node, GbnfLiteral):
        return literal("".join(map(chr, node.codes)))
    if isinstance(node, CharClass) and not node.ranges:
        return EMPTY
    if isinstance(node, (CharClass, AnyChar)):
        ranges = characters(node)
        return Chars(ranges) if ranges else NOTHING
    if isinstance(node, Token):
        return NOTHING
    if isinstance(node, Reference):
        return RuleRef(node.name)
    if isinstance(node, Repetition):
        return repeat(_expr(node.item), node.minimum, node.bound)
    if isinstance(node, Alternatives):
        # Not joined where two begin alike: to a sampler each is a way of its own.
        return Choice(tuple(map(_expr, node.options)))
    return seq(*map(_expr, node.items))
