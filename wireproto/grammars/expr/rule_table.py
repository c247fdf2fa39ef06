"""The rule table of a grammar while it is written: a symbol table that gives each rule a unique name.

It must not know what is in the rules. Law: no name is given twice, a name is `[a-z0-9-]`, and the same calls in the
same order give the same names. More rules than a limit raise `TooLarge`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from wireproto.grammars.expr.expr import Expr, RuleRef
from wireproto.values.errors import TooLarge

# Bounds time and memory where a schema multiplies. Twice as many names are given: pruning may drop half of the rules.
_MAX_RULES: Final = 60_000
# Strings that take an automaton each, of markers and of what is in them, may together have so many states.
_MAX_EFFORT: Final = 20_000
_MAX_NAME: Final = 40
_FOREIGN: Final = re.compile(r"[^a-z0-9]+")
Made = TypeVar("Made")


@dataclass(slots=True)
class RuleTable:
    """Rules by name, and what was made once for all who write into the table. `uses`: see `Rules`."""

    rules: dict[str, Expr] = field(default_factory=dict)
    uses: dict[str, set[str]] = field(default_factory=dict)
    _taken: dict[str, int] = field(default_factory=dict)
    _bases: dict[str, str] = field(default_factory=dict)
    _made: dict[Hashable, Any] = field(default_factory=dict)
    _spent: int = 0

    @property
    def names(self) -> int:
        """How many names were given so far."""
        return len(self._taken)

    @classmethod
    def avoiding(cls, names: Iterable[str]) -> RuleTable:
        """Return an empty table that never gives one of these names."""
        return cls(_taken=dict.fromkeys(names, 1))

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what `make` made for this key, the first time it is asked: several writers of one table share it."""
        found: Made | None = self._made.get(key)
        if found is None:
            found = self._made[key] = make()
        return found

    def spend(self, states: int) -> None:
        """Count the states of an automaton that is about to be multiplied; raises `TooLarge` for too many in all."""
        self._spent += states
        if self._spent > _MAX_EFFORT:
            raise TooLarge(f"strings that take more than {_MAX_EFFORT} states in all")

    def name(self, hint: str) -> str:
        """Return a new name, made from the hint."""
        base = self._bases.get(hint)
        if base is None:
            base = _FOREIGN.sub("-", hint.lower()).strip("-")[:_MAX_NAME].strip("-") or "rule"
            self._bases[hint] = base
        count = self._taken.get(base, 0)
        name = base if count == 0 else f"{base}-{count}"
        self._taken[base] = count + 1
        while count and name in self._taken:
            name, self._taken[base] = f"{base}-{self._taken[base]}", self._taken[base] + 1
        self._taken.setdefault(name, 1)
        if len(self._taken) > 2 * _MAX_RULES:
            raise TooLarge(f"a grammar of more than {_MAX_RULES} rules")
        return name

    def add(self, hint: str, expr: Expr) -> RuleRef:
        """Add a rule under a new name, and return a reference to it."""
        name = self.name(hint)
        self.rules[name] = expr
        return RuleRef(name)
