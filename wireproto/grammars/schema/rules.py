"""JSON Schema (2020-12, 2019-09, drafts 7, 6 and 4) as grammar rules for the JSON texts of its instances.

The texts are those of `json.dumps(value, ensure_ascii=False)`, with white space: between tokens (after `{ [ , :` and
before `} ]`) nothing, one space, or a newline and up to 20 blanks. Numbers have at most 20 digits in a row where the
schema sets no limit. If a free key is written twice the last one holds, as for JSON readers.

It must not know tools, dialects or any grammar language. Law: with `strict`, no text matches whose value the schema
refuses, and every value that it accepts has a text that matches; what cannot be expressed raises `GrammarError`.
Without `strict` the grammar accepts more, and the report has every such place.
"""

from __future__ import annotations

from dataclasses import dataclass

from wireproto.grammars.expr.expr import Expr, Rules, choice
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.schema.document import SchemaDocument
from wireproto.grammars.schema.notation import JSON, Notation
from wireproto.grammars.schema.objects import MemberLayout
from wireproto.grammars.schema.reading import Note, SchemaReader
from wireproto.grammars.schema.sets import Inexpressible
from wireproto.grammars.schema.unevaluated import unevaluated_values
from wireproto.grammars.schema.values import ValueSet
from wireproto.grammars.schema.writing import ValueWriter
from wireproto.values.errors import GrammarError
from wireproto.values.quoting import quoted


@dataclass(frozen=True, slots=True)
class SchemaGrammar:
    """The rules of a schema, and every place where they differ from it."""

    rules: Rules
    report: tuple[Note, ...]


class SchemaRules:
    """Writes the schemas of one document into a rule table, for grammars of which JSON is only a part."""

    def __init__(
        self,
        schema: object,
        table: RuleTable,
        *,
        strict: bool = True,
        any_order: int = 6,
        notation: Notation = JSON,
        make: type[ValueWriter] = ValueWriter,
    ) -> None:
        document = SchemaDocument(schema)
        self._reader = SchemaReader(document, unevaluated_values, strict, shared=table.once(SchemaReader, dict))
        if document.foreign is not None:
            error = Inexpressible("$schema", "schemas of another draft or vocabulary are not read")
            self._reader.widen(document.foreign, "$schema", error)
        self.writer = make(self._reader, table, any_order, notation)

    def value(self, pointer: str = "", hint: str = "value") -> Expr:
        """Return the JSON texts of the schema at a pointer; raises `GrammarError`."""
        expr = self.writer.value(self._reader.document.ref(pointer, ()), hint)
        self.writer.flush()
        return expr

    def members(self, layout: MemberLayout, pointer: str = "") -> Expr:
        """Return the objects of the schema at a pointer, framed by a layout; raises `GrammarError`."""
        found = choice(*(self.writer.object(each, pointer, layout) for each in self.values(pointer).objects))
        self.writer.flush()
        return found

    def values(self, pointer: str = "") -> ValueSet:
        """Return the values of the schema at a pointer; raises `GrammarError`."""
        return self._reader.values(self._reader.document.ref(pointer, ()))

    @property
    def report(self) -> tuple[Note, ...]:
        """Every place where the rules differ from the schema, and every `format`, which they do not enforce."""
        formats = (
            Note(pointer, "format", f"the format {quoted(name)} is not enforced", "unchecked")
            for pointer, name in self._reader.document.formats()
        )
        return (*self._reader.notes, *formats)


def schema_grammar(schema: object, *, strict: bool = True, any_order: int = 6) -> SchemaGrammar:
    """Return the grammar of a schema's instances; raises `GrammarError`.

    `any_order`: up to so many keys of an object come in any order.
    """
    table = RuleTable()
    root = table.name("root")
    try:
        written = SchemaRules(schema, table, strict=strict, any_order=any_order)
        expr = written.value()
    except RecursionError:  # the caller's own stack counts too
        raise GrammarError("the schema is nested too deep") from None
    table.rules[root] = expr
    return SchemaGrammar(Rules(root, table.rules).pruned(), written.report)
