"""Writing values whose members and elements stand between markers of their own, in one another to any depth.

There is a writer for every kind of object or array that holds others, since what the decoder knows of a key depends on
where it stands. It must not know what an element looks like. Law: each kind is written once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wireproto.format.template import Template
from wireproto.grammars.expr.expr import EMPTY, NOTHING, Expr, RuleRef, choice
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.schema.notation import LINE, Delimiters
from wireproto.grammars.schema.values import ValueSet
from wireproto.grammars.schema.writing import ValueWriter
from wireproto.tools.toolset import Tool
from wireproto.values.errors import GrammarError

_MAX_KINDS: Final = 300

Shape = tuple[Template, Template]  # what stands before a value and behind it


@dataclass(slots=True)
class NestedWriters:
    """What the writers of one call share: those of its kinds of objects and arrays, and the gap between elements."""

    table: RuleTable
    gap: Expr = field(init=False)  # a line may begin there
    inner: dict[str, NestedWriter] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.gap = self.table.once("gap of elements", lambda: self.table.add("gap", choice(EMPTY, LINE)))

    def flush(self, outer: NestedWriter) -> None:
        """Write all rules that were referred to and not written yet."""
        while busy := [each for each in (outer, *self.inner.values()) if each.is_busy]:
            for each in busy:
                each.flush()


@dataclass(slots=True)
class NestedWriter(ValueWriter):
    """Writes the members or elements of one kind of value; `tool` is what the decoder knows of them.

    `outer`: they are the arguments of the call.
    """

    family: NestedWriters = field(kw_only=True)
    tool: Tool = field(kw_only=True)
    outer: bool = field(default=False, kw_only=True)

    @property
    def is_busy(self) -> bool:
        """Whether rules were referred to and not written yet."""
        return bool(self._todo)

    @property
    def delimiters(self) -> Delimiters:
        """What stands around members: nothing of it is for an object without any."""
        return Delimiters() if self.outer else self.array_delimiters

    @property
    def array_delimiters(self) -> Delimiters:
        """What stands around elements."""
        gap = self.family.gap
        return Delimiters(gap, gap, gap, NOTHING)

    def children(self, found: ValueSet, pointer: str) -> RuleRef:
        """Return the members or elements of objects or arrays that are not empty."""
        if found not in self._by_values:
            name = self.table.name(pointer.rpartition("/")[2] or "value")
            self._by_values[found] = RuleRef(name)
            self._todo.append((name, found, pointer))
        return self._by_values[found]

    def within(self, tool: Tool) -> NestedWriter:
        """Return the writer of what stands in values of which this is known."""
        inner, name = self.family.inner, repr(tool.schema)
        if name not in inner:
            if len(inner) > _MAX_KINDS:
                raise GrammarError(f"a schema that declares more than {_MAX_KINDS} kinds of objects and arrays")
            inner[name] = type(self)(self.reader, self.table, self.any_order, family=self.family, tool=tool)
        return inner[name]
