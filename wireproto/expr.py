"""Grammar expressions: a small closed set of values that codecs build and printers print.

It must not know schemas, dialects or the syntax of any grammar language. Law: the makers (`seq`, `choice`, `repeat`)
simplify and never change the language; alternatives that begin alike share that beginning, because an engine walks
every alternative at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Union

Ranges = tuple[tuple[int, int], ...]
# Alternatives that share ever longer beginnings nest; below this they stand side by side.
_MAX_FACTORED: Final = 60


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands there exactly so; never empty."""

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
class Rule:
    """What a rule of this name says."""

    name: str


@dataclass(frozen=True, slots=True)
class Until:
    """Text up to and including the first of these markers."""

    markers: tuple[str, ...]


Expr = Union[Literal, Chars, Seq, Choice, Repeat, Rule, Until]

EMPTY: Final = Seq(())
NOTHING: Final = Choice(())


@dataclass(frozen=True, slots=True)
class Rules:
    """A grammar: the name of its first rule, and every rule by name."""

    root: str
    rules: Mapping[str, Expr]

    def pruned(self) -> Rules:
        """Return the same language without what can never match and without rules that nobody reaches."""
        productive = self._productive()
        kept = {name: _without(expr, productive) for name, expr in self.rules.items() if name in productive}
        if self.root not in kept:
            return Rules(self.root, {self.root: NOTHING})
        kept = _without_aliases(self.root, kept)
        reached = {self.root: None}
        todo = [self.root]
        while todo:
            for name in references(kept[todo.pop()]):
                if name not in reached:
                    reached[name] = None
                    todo.append(name)
        return Rules(self.root, {name: expr for name, expr in kept.items() if name in reached})

    @property
    def is_empty(self) -> bool:
        """Whether no text matches."""
        return self.root not in self._productive()

    def nullable(self) -> frozenset[str]:
        """Return the rules that match the empty text."""
        return frozenset(_fixpoint(self.rules, is_nullable))

    def _productive(self) -> set[str]:
        return _fixpoint(self.rules, _is_productive)


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
        for each in part.parts if isinstance(part, Seq) else (part,):
            if each == NOTHING:
                return NOTHING
            last = flat[-1] if flat else None
            if isinstance(each, Literal) and isinstance(last, Literal):
                flat[-1] = Literal(last.text + each.text)
            else:
                flat.append(each)
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


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


def references(expr: Expr) -> list[str]:
    """Return the names of the rules that an expression refers to, in order, each once."""
    found: dict[str, None] = {}
    todo = [expr]
    while todo:
        each = todo.pop()
        if isinstance(each, Rule):
            found[each.name] = None
        todo += reversed(_children(each))
    return list(found)


def renamed(expr: Expr, names: Mapping[str, str]) -> Expr:
    """Return an expression with references to other names; those that `names` lacks stay."""
    if isinstance(expr, Rule):
        return Rule(names.get(expr.name, expr.name))
    if isinstance(expr, Seq):
        return Seq(tuple(renamed(part, names) for part in expr.parts))
    if isinstance(expr, Choice):
        return Choice(tuple(renamed(option, names) for option in expr.options))
    return Repeat(renamed(expr.item, names), expr.least, expr.most) if isinstance(expr, Repeat) else expr


def is_nullable(expr: Expr, nullable: Iterable[str]) -> bool:
    """Whether an expression matches the empty text, when these rules do."""
    if isinstance(expr, Seq):
        return all(is_nullable(part, nullable) for part in expr.parts)
    if isinstance(expr, Choice):
        return any(is_nullable(option, nullable) for option in expr.options)
    if isinstance(expr, Repeat):
        return expr.least == 0 or is_nullable(expr.item, nullable)
    return isinstance(expr, Rule) and expr.name in nullable


def _children(expr: Expr) -> tuple[Expr, ...]:
    if isinstance(expr, Seq):
        return expr.parts
    if isinstance(expr, Choice):
        return expr.options
    return (expr.item,) if isinstance(expr, Repeat) else ()


def _choice(options: Iterable[Expr], depth: int) -> Expr:
    flat: dict[Expr, None] = {}
    for option in options:
        for each in option.options if isinstance(option, Choice) else (option,):
            flat[each] = None
    if len(flat) > 1 and depth < _MAX_FACTORED:
        flat = _factored(flat, depth)
    return next(iter(flat)) if len(flat) == 1 else Choice(tuple(flat))


def _factored(options: Iterable[Expr], depth: int) -> dict[Expr, None]:
    groups: dict[object, list[Expr]] = {}
    for option in options:
        head = _head(option)
        groups.setdefault(head.text[0] if isinstance(head, Literal) else head, []).append(option)
    joined: dict[Expr, None] = {}
    for group in groups.values():
        shared = _shared(group) if len(group) > 1 else None
        if shared is None:
            joined.update(dict.fromkeys(group))
        else:
            joined[seq(shared, _choice([_after(option, shared) for option in group], depth + 1))] = None
    return joined


def _head(expr: Expr) -> Expr:
    return expr.parts[0] if isinstance(expr, Seq) and expr.parts else expr


def _shared(group: list[Expr]) -> Expr | None:
    """Return what all begin with, or None for alternatives that have no beginning to share."""
    heads = [_head(option) for option in group]
    if not isinstance(heads[0], Literal):
        return heads[0] if heads[0] != EMPTY else None
    texts = [head.text for head in heads if isinstance(head, Literal)]
    low, high = min(texts), max(texts)
    size = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return Literal(low[:size])


def _after(option: Expr, shared: Expr) -> Expr:
    head, rest = _head(option), option.parts[1:] if isinstance(option, Seq) else ()
    if isinstance(head, Literal) and isinstance(shared, Literal):
        return seq(literal(head.text[len(shared.text) :]), *rest)
    return seq(*rest)


def _is_productive(expr: Expr, productive: Iterable[str]) -> bool:
    if isinstance(expr, Seq):
        return all(_is_productive(part, productive) for part in expr.parts)
    if isinstance(expr, Choice):
        return any(_is_productive(option, productive) for option in expr.options)
    if isinstance(expr, Repeat):
        return expr.least == 0 or _is_productive(expr.item, productive)
    return not isinstance(expr, Rule) or expr.name in productive


def _fixpoint(rules: Mapping[str, Expr], holds: Callable[[Expr, Iterable[str]], bool]) -> set[str]:
    """Return the rules of which something holds: only those are looked at again whose references changed."""
    users: dict[str, list[str]] = {}
    for name, expr in rules.items():
        for used in references(expr):
            users.setdefault(used, []).append(name)
    found: set[str] = set()
    todo = list(rules)
    while todo:
        name = todo.pop()
        if name not in found and holds(rules[name], found):
            found.add(name)
            todo += users.get(name, ())
    return found


def _without_aliases(root: str, rules: Mapping[str, Expr]) -> dict[str, Expr]:
    """Return the rules without those that only name another one; the first rule takes the place of what it names."""
    named: dict[str, str] = {}
    for name in rules:
        end = name
        # What can match has no circle of names.
        while isinstance(expr := rules[end], Rule):
            end = expr.name
        named[name] = end
    first = named[root]
    final = {name: root if end == first else end for name, end in named.items()}
    return {final[name]: renamed(rules[name], final) for name, end in named.items() if name == end}


def _without(expr: Expr, productive: Iterable[str]) -> Expr:
    """Return an expression without the options that never match."""
    if isinstance(expr, Seq):
        return seq(*(_without(part, productive) for part in expr.parts))
    if isinstance(expr, Choice):
        return choice(*(_without(each, productive) for each in expr.options if _is_productive(each, productive)))
    if isinstance(expr, Repeat):
        item = _without(expr.item, productive) if _is_productive(expr.item, productive) else NOTHING
        return repeat(item, expr.least, expr.most)
    return expr
