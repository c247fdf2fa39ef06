"""Structural tags: the JSON documents in which vLLM and SGLang give free text and grammars to xgrammar.

Free text is the engine's own (`any_text`, `triggered_tags`): as a grammar it would take seconds to compile. Calls are a
`grammar`, one for all tools, and not `json_schema`, which ignores keywords (it takes 258 invalid instances of the 1,257
in the JSON-Schema-Test-Suite), takes no escape in a string with `maxLength`, and compiles slower from two tools on (100
tools: 2.0 s, these rules 0.9 s).

It must not know dialects. Law: a tag accepts what the message's rules accept; only its free text also takes NUL and
bytes that are not UTF-8, as a model without a grammar may write. Source: xgrammar, docs/structural_tag; measured with
0.2.8. 0.2.1 takes the same documents, but loses an exclusion after the beginning of another one, and refuses U+D000 to
U+D7FF.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wireproto.automata.charset import char_set
from wireproto.automata.until import texts_without
from wireproto.engine.left_context import QUOTING
from wireproto.grammars.expr import expr as ex
from wireproto.grammars.expr.counted import counted_text
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.message import MessageParts
from wireproto.grammars.targets.xgrammar_ebnf import to_ebnf
from wireproto.text.scan import BLANK
from wireproto.values.errors import GrammarError


def structural_tag(message: MessageParts) -> dict[str, Any]:
    """Return the document, ready for `json.dumps`; raises `GrammarError` as `to_ebnf` does.

    If the engine's free text cannot express the message exactly, the whole message is one grammar.
    """
    rest = _rest(message)
    found = None if rest is None else _after_reasoning(message, rest)
    return {"type": "structural_tag", "format": found or _grammar(message.rules)}


def _rest(message: MessageParts) -> dict[str, Any] | None:
    """Return the format of what follows reasoning; None if only a grammar can express it."""
    if not message.text:
        return None if message.calls is None else _grammar(message.calls)
    if not message.marked:
        return None
    if message.calls is None:
        return _text(message.markers)
    begins = [(marker, after(message.calls, marker)) for marker in sorted(message.markers, key=len)]
    found = {trigger: rest for trigger, rest in begins if not rest.is_empty}
    # A trigger that begins with another one never fires: the shorter one does first.
    first = [each for each in found if not any(other != each and each.startswith(other) for other in found)]
    others = [marker for marker in message.markers if not any(trigger in marker for trigger in first)]
    quoted = [mark + trigger for mark in QUOTING for trigger in first]
    return _triggered({trigger: found[trigger] for trigger in first}, [*others, *quoted]) if first else None


def _triggered(begins: Mapping[str, ex.Rules], excludes: Iterable[str]) -> dict[str, Any]:
    return {
        "type": "triggered_tags",
        "triggers": list(begins),
        "tags": [
            {"type": "tag", "begin": trigger, "content": _grammar(rest), "end": ""} for trigger, rest in begins.items()
        ],
        "stop_after_first": True,
        "excludes": sorted(excludes),
    }


def _after_reasoning(message: MessageParts, rest: dict[str, Any]) -> dict[str, Any] | None:
    reasoning_first = message.reasoning_first
    if reasoning_first is None:
        return rest
    allowed = {*message.markers, reasoning_first.close}
    if any(_overlaps_closer(marker, reasoning_first.close) for marker in allowed):
        return None
    begin = "" if reasoning_first.opened else reasoning_first.open
    text = _text(allowed) if reasoning_first.most is None else _counted(allowed, reasoning_first.most)
    block: dict[str, Any] = {"type": "tag", "begin": begin, "content": text, "end": reasoning_first.close}
    if not message.text and reasoning_first.blanks:
        gap = _grammar(ex.Rules("root", {"root": ex.repeat(ex.chars(char_set(BLANK)), 0, reasoning_first.blanks)}))
        block = _sequence(block, gap)
    return _sequence(block if reasoning_first.opened else {"type": "optional", "content": block}, rest)


def _overlaps_closer(marker: str, closer: str) -> bool:
    """Whether a marker may begin in text and end in the closer after it, which an exclusion in the text cannot see."""
    return any(closer.startswith(marker[i:]) for i in range(1, len(marker)))


def _sequence(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "sequence", "elements": list(elements)}


def _text(excludes: Iterable[str]) -> dict[str, Any]:
    return {"type": "any_text", "excludes": sorted(excludes)}


def _counted(excludes: Iterable[str], most: int) -> dict[str, Any]:
    table = RuleTable()
    root = table.name("root")
    table.rules[root] = counted_text(texts_without(tuple(sorted(excludes))), 0, most, table)
    return _grammar(ex.Rules(root, table.rules))


def _grammar(rules: ex.Rules) -> dict[str, Any]:
    return {"type": "grammar", "grammar": to_ebnf(rules)}


def after(rules: ex.Rules, text: str) -> ex.Rules:
    """Return the rules of what may follow a text, by derivatives (Brzozowski); they are empty if no text begins so.

    Raises `GrammarError` for a rule that begins with itself.
    """
    nullable = rules.nullable()
    found: ex.Expr = ex.RuleRef(rules.root)
    for character in text:
        found = _Derivative(rules, nullable, ord(character)).of(found, frozenset())
    root = "after"
    while root in rules.rules:
        root += "-0"
    return ex.Rules(root, {**rules.rules, root: found}).pruned()


@dataclass(frozen=True, slots=True)
class _Derivative:
    """The derivative of expressions by one character."""

    rules: ex.Rules
    nullable: frozenset[str]
    point: int

    def of(self, expr: ex.Expr, inside: frozenset[str]) -> ex.Expr:
        if isinstance(expr, ex.Literal):
            return ex.literal(expr.text[1:]) if ord(expr.text[0]) == self.point else ex.NOTHING
        if isinstance(expr, ex.Chars):
            return ex.EMPTY if any(low <= self.point <= high for low, high in expr.ranges) else ex.NOTHING
        if isinstance(expr, ex.Choice):
            return _one_of(self.of(option, inside) for option in expr.options)
        if isinstance(expr, ex.Repeat):
            most = None if expr.most is None else expr.most - 1
            return ex.seq(self.of(expr.item, inside), ex.repeat(expr.item, max(expr.least - 1, 0), most))
        if isinstance(expr, ex.Seq):
            return _one_of(self.of_sequence(expr, inside))
        if isinstance(expr, ex.Raw):
            raise GrammarError("calls that begin with a raw value")
        if expr.name in inside:
            raise GrammarError(f"the rule {expr.name} begins with itself")
        return self.of(self.rules.rules[expr.name], inside | {expr.name})

    def of_sequence(self, expr: ex.Seq, inside: frozenset[str]) -> Iterator[ex.Expr]:
        """Yield the derivative by each part that may be the first."""
        for index, part in enumerate(expr.parts):
            yield ex.seq(self.of(part, inside), *expr.parts[index + 1 :])
            if not ex.is_nullable(part, self.nullable):
                return


def _one_of(options: Iterable[ex.Expr]) -> ex.Expr:
    return ex.choice(*(option for option in options if option != ex.NOTHING))
