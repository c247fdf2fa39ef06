"""What the grammars of all codecs share: the tools' schemas, the headers of calls, the notes for the report.

It must not know what arguments look like. Law: a tool's arguments are those that its schema accepts, and no others if
it declares any.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from wireproto.automata.charset import char_range, char_set
from wireproto.format.alphabet import ALPHABETS
from wireproto.format.declared import can_name
from wireproto.format.dialect import Dialect
from wireproto.format.template import Gap, Lit, Node, Slot, Template
from wireproto.grammars.expr.expr import Expr, chars, choice, literal, optional, repeat, seq
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.raw.rules import RawValues
from wireproto.grammars.schema.notation import JSON, Notation
from wireproto.grammars.schema.reading import Note, SchemaReader
from wireproto.grammars.schema.rules import SchemaRules
from wireproto.grammars.schema.values import ValueSet
from wireproto.grammars.schema.writing import ValueWriter
from wireproto.text.json_strings import is_unicode
from wireproto.tools.toolset import Tool, Toolset
from wireproto.values.errors import GrammarError, TooLarge
from wireproto.values.quoting import quoted

# Keys in any order take 2 ** keys states for each tool; so many keys at most, and so many states for all tools.
_ANY_ORDER: Final = 6
_MAX_ORDERS: Final = 2_000
# Keywords that may allow other members: closing such a schema would contradict it.
_ELSEWHERE: Final = frozenset(
    (
        *("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "not", "dependentSchemas"),
        *("patternProperties", "propertyNames", "unevaluatedProperties"),
    )
)
_ID: Final = char_set("".join(chr(point) for point in range(128) if ALPHABETS["id"].fullmatch(chr(point))))
# What a model fills in by itself: the number of a call, and an id that does not hold the tool's name.
_COUNTED: Final = {"index": repeat(chars(char_range("0", "9")), 1, 3), "id": repeat(chars(_ID), 1, 64)}


@dataclass(frozen=True, slots=True)
class ToolNote:
    """A note about the schema of one tool."""

    tool: str
    note: Note


def closed_schema(tool: Tool) -> Mapping[str, Any]:
    """Return the schema of a tool's arguments: an object, closed if it declares any keys."""
    schema = dict(tool.schema) or {"type": "object", "properties": {}}
    if "properties" in schema and not _ELSEWHERE & schema.keys():
        schema.setdefault("additionalProperties", False)
    return {"type": "object", **schema}


def open_schema(tool: Tool) -> Mapping[str, Any]:
    """Return the schema of any arguments that the tool declares."""
    return {
        "type": "object",
        "properties": dict.fromkeys(sorted(tool.keys), True),
        "additionalProperties": not tool.keys,
    }


class ToolError(GrammarError):
    """A tool whose arguments cannot be written: its name, and why."""

    def __init__(self, tool: str, why: str) -> None:
        self.tool, self.why = tool, why
        super().__init__(f"tool {quoted(tool)}: {why}")


@contextmanager
def _naming(tool: Tool) -> Iterator[None]:
    try:
        yield
    except (GrammarError, TooLarge) as error:
        raise ToolError(tool.name, str(error)) from None


@dataclass(slots=True)
class CallWriter:
    """What a codec's grammar is given to write calls: the dialect, the tools, and the rule table of one grammar.

    `lexical`: raw values are left to the engine's lexer (`expr.Raw`). `widened`: the tools that may have any arguments,
    each with the reason.
    """

    dialect: Dialect
    tools: Toolset
    table: RuleTable
    strict: bool = True
    lexical: bool = False
    widened: Mapping[str, str] = field(default_factory=dict)
    notes: list[ToolNote] = field(default_factory=list)
    raw: RawValues = field(init=False)
    _members: dict[tuple[ValueSet, Hashable], Expr] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.raw = RawValues(self.table, self.lexical)

    def rules(self, tool: Tool, notation: Notation = JSON, make: type[ValueWriter] = ValueWriter) -> SchemaRules:
        """Return the writer of a tool's schema; its errors name the tool."""
        count = max(len(self.tools.tools), 1)
        keys = next(keys for keys in range(_ANY_ORDER, -1, -1) if keys == 0 or count << keys <= _MAX_ORDERS)
        with _naming(tool):
            if not is_unicode(tool.name):
                raise GrammarError("its name holds half a surrogate pair, which no text does")
            schema = open_schema(tool) if tool.name in self.widened else closed_schema(tool)
            return SchemaRules(schema, self.table, strict=self.strict, any_order=keys, notation=notation, make=make)

    def call(self, tool: Tool, rules: SchemaRules, arguments: Callable[[], Expr]) -> Expr:
        """Return a call that is nothing but its opener, its arguments and its closer; raises `GrammarError`."""
        return seq(self.opener(tool), self.arguments_rule(tool, rules, arguments), self.closer(tool))

    def arguments_rule(self, tool: Tool, rules: SchemaRules, make: Callable[[], Expr]) -> Expr:
        """Add the rule of a tool's arguments, which `make` returns, and the notes; errors name the tool."""
        with _naming(tool):
            expr = make()
        if tool.name in self.widened:
            self.notes.append(ToolNote(tool.name, Note("", "parameters", self.widened[tool.name])))
        self.notes += [ToolNote(tool.name, note) for note in rules.report]
        return self.table.add(f"{tool.name}-arguments", expr)

    def shared_member(self, found: ValueSet, about: Hashable, reader: SchemaReader, make: Callable[[], Expr]) -> Expr:
        """Return a member with these values from `make`, cached for all tools; `about`: all else that it depends on.

        Not cached: values that depend on one document, and what wrote a rule or a note.
        """
        if not found.is_closed:
            return make()
        member = self._members.get((found, about))
        if member is None:
            names, notes, reader.notes = self.table.names, reader.notes, {}
            try:
                member = make()
            finally:
                silent = not reader.notes
                reader.notes = {**notes, **reader.notes}
            if silent and self.table.names == names:
                self._members[found, about] = member
        return member

    def opener(self, tool: Tool) -> Expr:
        """Return the opener of a call, or the one that a template writes of a call with an id.

        Where it is the header of a block, the model may write any of them.
        """
        shape, framing = self.dialect.call, self.dialect.framing
        if framing is None or not framing.joins:
            openers = (shape.open, *(also for also in shape.also if "id" in also.roles - shape.open.roles))
            return choice(*(self.header(opener, tool) for opener in openers))
        # The blank that one may begin with can be missing, as at the start of the output.
        openers = (shape.open, *shape.also)
        bare = (Template(each.nodes[isinstance(each.nodes[0], Gap) :]) for each in openers)
        return choice(*(self.header(each, tool) for each in (*bare, shape.open)))

    def closer(self, tool: Tool) -> Expr:
        """Return the closer of a call; an engine does not match the token with which it ends the turn."""
        close = self.dialect.call.close.fill(name=tool.name)
        return optional(literal(close)) if close in self.dialect.ends else literal(close)

    def header(self, template: Template, tool: Tool) -> Expr:
        """Return the opener of a call, or another header; raises `GrammarError` for a name that it cannot hold."""
        if not can_name(template, self.dialect, tool.name) or ("\0" in tool.name and template.roles):
            message = f"a name of this format cannot be {quoted(tool.name)}"
            raise GrammarError(f"tool {quoted(tool.name)}: {self.dialect.name}: {message}")
        return seq(*(self._node(node, tool) for node in template.nodes))

    def identity(self, tool: Tool) -> Expr:
        """Return an id of a call: in the form that the dialect has for it, or any."""
        form = self.dialect.call.id
        return self.header(form[0], tool) if form else _COUNTED["id"]

    def _node(self, node: Node, tool: Tool) -> Expr:
        if isinstance(node, Slot) and node.role == "id" and self.dialect.call.id:
            return self.identity(tool)
        if isinstance(node, Slot) and node.role in _COUNTED:
            pair = node.quotes[0] if node.quotes else ""
            return seq(literal(pair[:1]), _COUNTED[node.role], literal(pair[1:]))
        if isinstance(node, (Lit, Gap)):
            return literal(node.text)
        return literal(Template((node,)).fill(name=tool.name))


CallBody = Callable[[CallWriter, Tool], Expr]
