"""Grammar expressions: a small closed set of values that codecs build and printers print.

It must not know schemas, dialects or the syntax of any grammar language. Law: the constructors (`seq`, `choice`,
`repeat`) simplify and never change the language. `choice` left-factors: alternatives that begin alike share that
beginning, because an engine follows all alternatives at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Union

from wireproto.automata.charset import Ranges
from wireproto.automata.graph import closure, reversed_edges

# Left factoring nests an expression; deeper than this it stops, so that code that walks expressions may recurse.
_MAX_FACTORED: Final = 60


@dataclass(frozen=True, slots=True)
class Literal:
    """Exactly this text; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of sorted, disjoint ranges of code points; never NUL, never a surrogate, never empty."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Seq:
    """One part after another; without parts, the empty text."""

    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the options; without options, nothing matches."""

    options: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """An item `least` to `most` times, without an end if `most` is None."""

    item: Expr
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class RuleRef:
    """A reference to the rule of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Raw:
    """A raw value and its closer, left to an engine whose lexer finds where the value ends (Lark only).

    `boundary` is a `ValueBoundary` or `BoundedTexts`, or a `LexemeSource` while Lark is printed.
    """

    boundary: Hashable


Expr = Union[Literal, Chars, Seq, Choice, Repeat, RuleRef, Raw]

# What most of a grammar is made of: passed by without a call wherever each rule is looked at.
LEAVES: Final = (Literal, Chars)
EMPTY: Final = Seq(())
NOTHING: Final = Choice(())


@dataclass(frozen=True, slots=True)
class Rules:
    """A grammar: the name of its first rule, and every rule by name.

    `is_pruned`: it came from `pruned`. `uses`: what rules refer to, those of which this and that they match some text
    is known, as it is of all rules that are pruned; it may name other rules too.
    """

    root: str
    rules: Mapping[str, Expr]
    is_pruned: bool = False
    uses: Mapping[str, set[str]] = field(default_factory=dict, repr=False, compare=False)

    def pruned(self) -> Rules:
        """Return the same language without what can never match and without rules that nobody reaches."""
        if self.is_pruned:
            return self
        used = {name: self.uses[name] if name in self.uses else _used(expr) for name, expr in self.rules.items()}
        productive = _productive(self.rules, used, self.uses)
        if self.root not in productive:
            return Rules(self.root, {self.root: NOTHING}, True)
        kept = self.rules
        if not all(names <= productive for names in used.values()):
            kept = {name: _without(self.rules[name], productive) for name in self.rules if name in productive}
            used = {name: _used(expr) for name, expr in kept.items()}
        if any(isinstance(expr, RuleRef) for expr in kept.values()):
            kept, used = _without_aliases(self.root, kept, used)
        reached = closure((self.root,), used.__getitem__)
        return Rules(self.root, {name: expr for name, expr in kept.items() if name in reached}, True, used)

    @property
    def is_empty(self) -> bool:
        """Whether no text matches."""
        if self.is_pruned:
            return self.rules[self.root] == NOTHING
        return self.root not in _productive(self.rules, {name: _used(expr) for name, expr in self.rules.items()}, ())

    def nullable(self) -> frozenset[str]:
        """Return the rules that match the empty text."""
        # Most rules are not nullable even if all others are.
        left = [name for name, expr in self.rules.items() if is_nullable(expr, self.rules)]
        users = reversed_edges(
            {name: self.uses[name] if name in self.uses else _used(self.rules[name]) for name in left}
        )
        found: set[str] = set()
        while left:
            name = left.pop()
            if name not in found and is_nullable(self.rules[name], found):
                found.add(name)
                left += users.get(name, ())
        return frozenset(found)


def literal(text: str) -> Expr:
    """Return the expression of one text."""
    return Literal(text) if text else EMPTY


def chars(ranges: Ranges) -> Expr:
    """Return the expression of one character of a set."""
    if not ranges:
        return NOTHING
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return Literal(chr(ranges[0][0]))
    return Chars(ranges)


def seq(*parts: Expr) -> Expr:
    """Return the parts one after another: flat, with neighbouring literals joined."""
    flat: list[Expr] = []
    for part in parts:
        if isinstance(part, Choice) and not part.options:
            return NOTHING
        # Only where two parts meet may literals be neighbours: a sequence is flat already.
        more = part.parts if isinstance(part, Seq) else (part,)
        if flat and more and isinstance(last := flat[-1], Literal) and isinstance(first := more[0], Literal):
            flat[-1] = Literal(last.text + first.text)
            flat += more[1:]
        else:
            flat += more
    if len(flat) == 1:
        return flat[0]
    return Seq(tuple(flat)) if flat else EMPTY


def choice(*options: Expr) -> Expr:
    """Return one of the options: flat, each once, what begins alike joined."""
    return _choice(options, 0)


def optional(item: Expr) -> Expr:
    """Return an item or nothing."""
    return choice(EMPTY, item)


def repeat(item: Expr, least: int, most: int | None) -> Expr:
    """Return a repetition; of nothing, the empty text."""
    if most is not None and most < least:
        return NOTHING
    if item == NOTHING:
        return NOTHING if least else EMPTY
    if most == 0 or item == EMPTY:
        return EMPTY
    return item if least == most == 1 else Repeat(item, least, most)


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the expressions directly inside an expression."""
    if isinstance(expr, Seq):
        return expr.parts
    if isinstance(expr, Choice):
        return expr.options
    return (expr.item,) if isinstance(expr, Repeat) else ()


def with_children(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return an expression with everything directly inside it changed, and not simplified."""
    if isinstance(expr, Seq):
        return Seq(tuple(map(change, expr.parts)))
    if isinstance(expr, Choice):
        return Choice(tuple(map(change, expr.options)))
    return Repeat(change(expr.item), expr.least, expr.most) if isinstance(expr, Repeat) else expr


def references(expr: Expr) -> list[str]:
    """Return the names of the rules that an expression refers to, in order, each once."""
    found: dict[str, None] = {}
    todo = [expr]
    while todo:
        each = todo.pop()
        if isinstance(each, RuleRef):
            found[each.name] = None
        else:
            todo += children(each)[::-1]
    return list(found)


def renamed(expr: Expr, names: Mapping[str, str]) -> Expr:
    """Return an expression with its references renamed; those that `names` lacks stay."""
    if isinstance(expr, RuleRef):
        return RuleRef(names.get(expr.name, expr.name))
    return with_children(expr, lambda part: renamed(part, names))


def filled(expr: Expr, rules: Mapping[str, Expr]) -> Expr:
    """Return an expression with these expressions in place of references; an option whose rule is missing is dropped.

    Only the last part of a sequence is filled: the rest is a beginning that several options share (left factoring).
    """
    if isinstance(expr, Seq):
        last = expr.parts[-1]
        found = rules.get(last.name, NOTHING) if isinstance(last, RuleRef) else filled(last, rules)
        if found is NOTHING:
            return NOTHING
        parts = (*expr.parts[:-1], found)
        return Seq(parts) if isinstance(found, (RuleRef, Choice)) else seq(*parts)
    if isinstance(expr, Choice):
        options = [each for option in expr.options if (each := filled(option, rules)) is not NOTHING]
        return options[0] if len(options) == 1 else Choice(tuple(options)) if options else NOTHING
    return rules.get(expr.name, NOTHING) if isinstance(expr, RuleRef) else NOTHING


def is_nullable(expr: Expr, nullable: Iterable[str]) -> bool:
    """Whether an expression matches the empty text, when these rules do."""
    if isinstance(expr, RuleRef):
        return expr.name in nullable
    if isinstance(expr, Seq):
        for part in expr.parts:
            if isinstance(part, LEAVES):
                return False
            if not is_nullable(part, nullable):
                return False
        return True
    if isinstance(expr, Choice):
        return any(map(is_nullable, expr.options, itertools.repeat(nullable)))
    return isinstance(expr, Repeat) and (expr.least == 0 or is_nullable(expr.item, nullable))


def _used(expr: Expr) -> set[str]:
    """Return the names that an expression refers to, and the empty name if something in it can never match."""
    found: set[str] = set()
    todo = [expr]
    for each in todo:  # not by `children`: this is asked of every rule
        for part in each.parts if isinstance(each, Seq) else (each,):
            if isinstance(part, RuleRef):
                found.add(part.name)
            elif isinstance(part, Choice):
                todo += part.options or (RuleRef(""),)
            elif isinstance(part, (Repeat, Seq)):
                todo.append(part.item if isinstance(part, Repeat) else part)
    return found


def _choice(options: Iterable[Expr], depth: int) -> Expr:
    flat: list[Expr] = []
    for option in options:
        flat += option.options if isinstance(option, Choice) else (option,)
    if len(flat) > 1:
        flat = _factored(flat, depth) if depth < _MAX_FACTORED else list(dict.fromkeys(flat))
    return flat[0] if len(flat) == 1 else Choice(tuple(flat)) if flat else NOTHING


def _factored(options: list[Expr], depth: int) -> list[Expr]:
    groups: dict[object, list[Expr]] = {}
    for option in options:
        head = _head(option)
        groups.setdefault(head.text[0] if isinstance(head, Literal) else head, []).append(option)
    if len(groups) == len(options):
        return options
    joined: list[Expr] = []
    for group in groups.values():
        shared = _shared(group) if len(group) > 1 else None
        if shared is None:
            joined += dict.fromkeys(group)
        else:
            joined.append(seq(shared, _choice([_after(option, shared) for option in group], depth + 1)))
    return joined


def _head(expr: Expr) -> Expr:
    return expr.parts[0] if isinstance(expr, Seq) and expr.parts else expr


def _shared(group: list[Expr]) -> Expr | None:
    """Return the common beginning of several options, or None."""
    heads = [_head(option) for option in group]
    if not isinstance(heads[0], Literal):
        return None if isinstance(heads[0], Seq) else heads[0]
    texts = [head.text for head in heads if isinstance(head, Literal)]
    low, high = min(texts), max(texts)
    size = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return Literal(low[:size])


def _after(option: Expr, shared: Expr) -> Expr:
    head, *rest = option.parts if isinstance(option, Seq) else (option,)
    if isinstance(head, Literal) and isinstance(shared, Literal) and head != shared:
        rest = [Literal(head.text[len(shared.text) :]), *rest]
    # What is left of a flat sequence is flat.
    return rest[0] if len(rest) == 1 else Seq(tuple(rest)) if rest else EMPTY


def _is_productive(expr: Expr, productive: Iterable[str]) -> bool:
    if isinstance(expr, Seq):
        for part in expr.parts:
            if isinstance(part, LEAVES):
                continue
            if not _is_productive(part, productive):
                return False
        return True
    if isinstance(expr, Choice):
        # The way out of an automaton's loop is the last option.
        return any(map(_is_productive, reversed(expr.options), itertools.repeat(productive)))
    if isinstance(expr, Repeat):
        return expr.least == 0 or _is_productive(expr.item, productive)
    return not isinstance(expr, RuleRef) or expr.name in productive


def _productive(rules: Mapping[str, Expr], used: Mapping[str, set[str]], known: Collection[str]) -> set[str]:
    """Return the rules that match some text: a least fixed point, by work list, from those that are known to.

    A rule whose references are all productive is `sure` without a look at its expression.
    """
    found = set(known)
    doubtful = [name for name in rules if name not in found]
    left = {name: used[name] - found for name in doubtful}
    users = reversed_edges(left)
    missing = {name: len(names) for name, names in left.items()}
    sure = [name for name, count in missing.items() if not count]
    while sure or doubtful:
        name = sure.pop() if sure else doubtful.pop()
        if name in found or (missing[name] and not _is_productive(rules[name], found)):
            continue
        found.add(name)
        for user in users.get(name, ()):
            missing[user] -= 1
            (doubtful if missing[user] else sure).append(user)
    return found


def _without_aliases(
    root: str, rules: Mapping[str, Expr], used: Mapping[str, set[str]]
) -> tuple[dict[str, Expr], dict[str, set[str]]]:
    """Return the rules without aliases (rules that are only a reference), and what each uses.

    If the first rule is an alias, its target takes its name.
    """
    named: dict[str, str] = {}
    for name in rules:
        end = name
        # This ends: a cycle of aliases is not productive, and was dropped.
        while isinstance(expr := rules[end], RuleRef):
            named[name] = end = expr.name
    first = named.get(root, root)
    changed = {name: root if end == first else end for name, end in named.items()}
    changed[first] = root
    kept: dict[str, Expr] = {}
    still: dict[str, set[str]] = {}
    for name, expr in rules.items():
        if name not in named:
            touched = not used[name].isdisjoint(changed)
            final = changed.get(name, name)
            kept[final] = renamed(expr, changed) if touched else expr
            still[final] = {changed.get(each, each) for each in used[name]} if touched else used[name]
    return kept, still


def _without(expr: Expr, productive: Iterable[str]) -> Expr:
    """Return an expression without the options that never match; `NOTHING` if nothing is left."""
    if isinstance(expr, Seq):
        return seq(*(_without(part, productive) for part in expr.parts))
    if isinstance(expr, Choice):
        return choice(*(_without(each, productive) for each in expr.options))
    if isinstance(expr, Repeat):
        return repeat(_without(expr.item, productive), expr.least, expr.most)
    return expr if not isinstance(expr, RuleRef) or expr.name in productive else NOTHING
