"""Calls of declared tools as grammar rules: what a model may write in a dialect whose arguments are JSON.

The markers come from the dialect's templates, the arguments from each tool's schema. It must not know any grammar
language. Law: what the grammar accepts decodes to complete calls of the tools whose arguments their schemas accept.
Dialects of other codecs are refused: their rules are still to be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Union

from wireproto import expr
from wireproto.dialect import Dialect
from wireproto.errors import GrammarError
from wireproto.expr import EMPTY, Expr, Rules, chars, literal, repeat, seq
from wireproto.front import front
from wireproto.grammar.automaton import build, edges_to
from wireproto.grammar.book import Book
from wireproto.grammar.charset import inverse, of, span
from wireproto.grammar.gbnf import to_gbnf
from wireproto.grammar.jsonschema import SchemaRules
from wireproto.grammar.linear import linear
from wireproto.grammar.schema_reading import Note
from wireproto.grammar.until import until_dfa
from wireproto.lenient import dumps
from wireproto.nodes import Slot
from wireproto.registry import dialect as find_dialect
from wireproto.schema import Tool, Toolset
from wireproto.template import Template

Choice = Union[Literal["auto", "required"], Mapping[str, str]]
_MAX_INDEX: Final = 3  # digits of a call's number in an id
# Where a schema says elsewhere which members there are, closing it here would contradict it.
_ELSEWHERE: Final = frozenset(
    ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "not", "patternProperties", "propertyNames")
)


@dataclass(frozen=True, slots=True)
class ToolNote:
    """A note about the schema of one tool."""

    tool: str
    note: Note


@dataclass(frozen=True, slots=True)
class ToolGrammar:
    """The rules, and every place where they do not say exactly what a schema says. `str` gives GBNF."""

    rules: Rules
    report: tuple[ToolNote, ...]

    def __str__(self) -> str:
        return to_gbnf(self.rules)


def tool_grammar(
    dialect: str | Dialect, tools: object, *, choice: Choice = "auto", parallel: bool = True, strict: bool = True
) -> ToolGrammar:
    """Return the grammar of a message in a dialect.

    `choice`: "auto" lets the model write text, then calls or none; "required" asks for calls and nothing else, and
    `{"name": ...}` for calls of one tool. `parallel`: more than one call. `strict`: a schema that cannot be said
    exactly is refused instead of widened.

    Raises:
        GrammarError: a schema cannot be said; there is no such tool, or none at all; the dialect cannot be written yet.
        DialectError, SchemaError: as `Decoder` does.
    """
    spec = find_dialect(dialect) if isinstance(dialect, str) else dialect
    if spec.codec != "json":
        raise GrammarError(f"{spec.name}: the arguments are {spec.codec}, for which there are no grammars yet")
    book = Book()
    root = book.name("root")
    writer = _Writer(spec, book, strict)
    wanted = list(_wanted(Toolset.of(tools), choice))
    calls = writer.message([writer.call(tool) for tool in wanted], parallel)
    book.rules[root] = writer.among_text(calls) if choice == "auto" else calls
    return ToolGrammar(Rules(root, book.rules).pruned(), tuple(writer.notes))


def _wanted(tools: Toolset, wanted: Choice) -> Iterator[Tool]:
    if tools.any_name or tools.empty:
        raise GrammarError("a grammar needs the tools; give a list of definitions that is not empty")
    if isinstance(wanted, str):
        yield from tools.tools
        return
    name = wanted.get("name", "")
    tool = tools.get(name)
    if tool is None:
        near = tools.nearest(name)
        raise GrammarError(
            f"choice: no tool named {name!r} was declared" + (f"; the nearest is {near!r}" if near else "")
        )
    yield tool


@dataclass(slots=True)
class _Writer:
    """Writes the calls of one dialect into a book."""

    dialect: Dialect
    book: Book
    strict: bool
    notes: list[ToolNote] = field(default_factory=list)

    def call(self, tool: Tool) -> Expr:
        """Return one call of a tool."""
        shape, record = self.dialect.call, self.dialect.record
        arguments = self._arguments(tool)
        if not shape.open.roles:
            head = f"{{{dumps(record.name[0])}: {dumps(tool.name)}, {dumps(record.arguments[0])}: "
            body = seq(literal(shape.open.format() + head), arguments, literal("}"))
        else:
            body = seq(self._header(shape.open, tool), arguments)
        return seq(body, literal(shape.close.format()))

    def _arguments(self, tool: Tool) -> Expr:
        schema = dict(tool.schema) or {"type": "object", "properties": {}}
        if "properties" in schema and not _ELSEWHERE & schema.keys():
            schema.setdefault("additionalProperties", False)
        rules = SchemaRules({"type": "object", **schema}, self.book, strict=self.strict)
        try:
            value = rules.value("", f"{tool.name}-arguments")
        except GrammarError as error:
            raise GrammarError(f"tool {tool.name!r}: {error}") from None
        self.notes += [ToolNote(tool.name, note) for note in rules.report]
        return self.book.add(f"{tool.name}-arguments", value)

    def _header(self, template: Template, tool: Tool) -> Expr:
        parts: list[Expr] = []
        for node in template.nodes:
            if isinstance(node, Slot):
                parts.append(self._slot(node.role, tool))
            else:
                parts.append(literal(node.text))
        return seq(*parts)

    def _slot(self, role: str, tool: Tool) -> Expr:
        if role == "id" and self.dialect.call.id:
            return self._header(self.dialect.call.id[0], tool)
        if role == "name":
            return literal(tool.name)
        if role == "index":
            return repeat(_DIGIT, 1, _MAX_INDEX)
        raise GrammarError(f"{self.dialect.name}: nothing says what {{{role}}} of a call is")

    def message(self, calls: list[Expr], parallel: bool) -> Expr:
        """Return a run of calls in what the dialect writes around them."""
        one = self.book.add("call", expr.choice(*calls))
        more = repeat(seq(literal(self.dialect.call.join), one), 0, None) if parallel else EMPTY
        if self.dialect.section is None:
            return seq(one, more)
        section = self.dialect.section
        return seq(literal(section.open.format()), one, more, literal(section.close.format()))

    def among_text(self, calls: Expr) -> Expr:
        """Return text and then calls, or text alone; no text holds the first marker of a call.

        Directly behind a backtick a marker is quoted (R-OPEN), so text before calls does not end with one.
        """
        opener = (self.dialect.section.open if self.dialect.section is not None else self.dialect.call.open).first
        if not opener:
            raise GrammarError(f"{self.dialect.name}: calls have no marker that would set them apart from text")
        markers = sorted({opener, *(marker for marker in front(self.dialect, False).openers if len(marker) > 2)})
        until = until_dfa(markers)
        rows = [[edge for edge in row if edge[2] not in until.finals] for row in until.edges]
        plain = build(rows, [state for state in range(len(rows)) if state not in until.finals])
        text = self.book.add("text", linear(plain, self.book, "text"))
        unquoted = self.book.add("lead", linear(plain - _ENDS_QUOTED, self.book, "lead"))
        return expr.choice(text, seq(unquoted, calls))


_TICK: Final = of("`")
_ENDS_QUOTED: Final = build(
    [[*edges_to(_TICK, 1), *edges_to(inverse(_TICK), 0)], [*edges_to(_TICK, 1), *edges_to(inverse(_TICK), 0)]], [1]
)
_DIGIT: Final = chars(span("0", "9"))
