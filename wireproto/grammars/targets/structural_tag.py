"""Structural tags, the documents in which vLLM and SGLang hand free text and grammars to xgrammar.

It must not know dialects. Law: a tag accepts what the message's rules accept; only its free text also takes what is no
UTF-8 and NUL, as a model without a grammar may write.

Free text is the engine's own (`any_text`, `triggered_tags`), which a grammar would take seconds of compiling for. Calls
are `grammar` everywhere, and one for all tools: `json_schema` ignores keywords (it takes 258 invalid instances of the
1,257 in the JSON-Schema-Test-Suite), takes no escape in a string with `maxLength`, and compiles slower from two tools
on (100 tools: 2.0 s, these rules 0.9 s). Source: xgrammar, docs/structural_tag; measured with 0.2.8. 0.2.1 takes the
same documents, but loses an exclusion behind the beginning of another one, and refuses U+D000 to U+D7FF.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wireproto.engine.left_context import QUOTING
from wireproto.grammars.automata.charset import char_set
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
    repeat,
    seq,
)
from wireproto.grammars.message import MessageParts
from wireproto.grammars.targets.xgrammar_ebnf import to_ebnf
from wireproto.text.scan import BLANK
from wireproto.values.errors import GrammarError


def structural_tag(message: MessageParts) -> dict[str, Any]:
    """Return the document, ready for `json.dumps`; raises `GrammarError` as `to_ebnf` does.

    What cannot be said exactly with the engine's free text is one grammar.
    """
    rest = _rest(message)
    found = None if rest is None else _behind_thought(message, rest)
    return {"type": "structural_tag", "format": found or _grammar(message.rules)}


def _rest(message: MessageParts) -> dict[str, Any] | None:
    """Return what stands behind reasoning."""
    if not message.text:
        return None if message.calls is None else _grammar(message.calls)
    if not message.marked:
        return None
    if message.calls is None:
        return _text(message.markers)
    begins = [(marker, after(message.calls, marker)) for marker in sorted(message.markers, key=len)]
    found = {trigger: rest for trigger, rest in begins if not rest.is_empty}
    # The shortest of those that begin alike stands for all of them.
    first = [each for each in found if not any(other != each and each.startswith(other) for other in found)]
    others = [marker for marker in message.markers if not any(trigger in marker for trigger in first)]
    quoted = [mark + trigger for mark in QUOTING for trigger in first]
    return _triggered({trigger: found[trigger] for trigger in first}, [*others, *quoted]) if first else None


def _triggered(begins: Mapping[str, Rules], excludes: Iterable[str]) -> dict[str, Any]:
    return {
        "type": "triggered_tags",
        "triggers": list(begins),
        "tags": [
            {"type": "tag", "begin": trigger, "content": _grammar(rest), "end": ""} for trigger, rest in begins.items()
        ],
        "stop_after_first": True,
        "excludes": sorted(excludes),
    }


def _behind_thought(message: MessageParts, rest: dict[str, Any]) -> dict[str, Any] | None:
    thought = message.thought
    if thought is None:
        return rest
    held = {*message.markers, thought.close}
    if any(_straddles(marker, thought.close) for marker in held):
        return None
    begin = "" if thought.opened else thought.open
    block: dict[str, Any] = {"type": "tag", "begin": begin, "content": _text(held), "end": thought.close}
    if not message.text and thought.blanks:
        gap = _grammar(Rules("root", {"root": repeat(chars(char_set(BLANK)), 0, thought.blanks)}))
        block = _sequence(block, gap)
    return _sequence(block if thought.opened else {"type": "optional", "content": block}, rest)


def _straddles(marker: str, closer: str) -> bool:
    """Whether a marker may begin in text and end in the closer behind it: no automaton of the text sees that."""
    return any(closer.startswith(marker[i:]) for i in range(1, len(marker)))


def _sequence(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "sequence", "elements": list(elements)}


def _text(excludes: Iterable[str]) -> dict[str, Any]:
    return {"type": "any_text", "excludes": sorted(excludes)}


def _grammar(rules: Rules) -> dict[str, Any]:
    return {"type": "grammar", "grammar": to_ebnf(rules)}


def after(rules: Rules, text: str) -> Rules:
    """Return what may follow a text with which the rules' own texts begin; nothing matches where none does.

    Raises `GrammarError` where a rule begins with itself.
    """
    nullable = rules.nullable()
    found: Expr = RuleRef(rules.root)
    for character in text:
        found = _Derivative(rules, nullable, ord(character)).of(found, frozenset())
    root = "after"
    while root in rules.rules:
        root += "-0"
    return Rules(root, {**rules.rules, root: found}).pruned()


@dataclass(frozen=True, slots=True)
class _Derivative:
    """What is left of an expression behind one character (Brzozowski)."""

    rules: Rules
    nullable: frozenset[str]
    point: int

    def of(self, expr: Expr, inside: frozenset[str]) -> Expr:
        if isinstance(expr, Literal):
            return literal(expr.text[1:]) if ord(expr.text[0]) == self.point else NOTHING
        if isinstance(expr, Chars):
            return EMPTY if any(low <= self.point <= high for low, high in expr.ranges) else NOTHING
        if isinstance(expr, Choice):
            return _one_of(self.of(option, inside) for option in expr.options)
        if isinstance(expr, Repeat):
            most = None if expr.most is None else expr.most - 1
            return seq(self.of(expr.item, inside), repeat(expr.item, max(expr.least - 1, 0), most))
        if isinstance(expr, Seq):
            return _one_of(self.of_sequence(expr, inside))
        if isinstance(expr, (Until, Raw)):
            raise GrammarError("calls that begin with text up to a marker")
        if expr.name in inside:
            raise GrammarError(f"the rule {expr.name} begins with itself")
        return self.of(self.rules.rules[expr.name], inside | {expr.name})

    def of_sequence(self, expr: Seq, inside: frozenset[str]) -> Iterator[Expr]:
        """Yield what is left when each part that may be the first one begins."""
        for index, part in enumerate(expr.parts):
            yield seq(self.of(part, inside), *expr.parts[index + 1 :])
            if not is_nullable(part, self.nullable):
                return


def _one_of(options: Iterable[Expr]) -> Expr:
    return choice(*(option for option in options if option != NOTHING))
