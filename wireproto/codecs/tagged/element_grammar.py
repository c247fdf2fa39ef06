"""Calls whose arguments are elements, objects and arrays in them too, as grammar rules.

The text of an element is raw, and its type is what the schema says, so values that would be read as another type are
left out. A line may begin between the elements of an object or array. It must not know other codecs. Law: what is
accepted decodes to a complete call of the tool with arguments that its schema accepts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from wireproto.automata.automaton import ANY_TEXT, Dfa, build_dfa, edges_to, length_dfa, words_dfa
from wireproto.automata.patterns import pattern_dfa
from wireproto.automata.until import texts_without
from wireproto.codecs.tagged.elements import match_name, pair
from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.counted import FEW, counted_text
from wireproto.grammars.expr.expr import EMPTY, NOTHING, Expr, choice, literal, seq
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.raw.rules import MAX_WORD_STATES
from wireproto.grammars.schema import coercion
from wireproto.grammars.schema.escapes import restarted_at_escapes
from wireproto.grammars.schema.formula import Formula, pointer_of
from wireproto.grammars.schema.nested import NestedWriter, NestedWriters, Shape
from wireproto.grammars.schema.notation import JSON
from wireproto.grammars.schema.sets import Inexpressible, StringSet
from wireproto.grammars.schema.values import ValueSet
from wireproto.grammars.schema.writing import ValueWriter, run_of
from wireproto.text.json_repair import dumps
from wireproto.text.scan import BLANK, Match
from wireproto.tools.toolset import Tool
from wireproto.tools.types import NUMBERS
from wireproto.values.errors import TooLarge
from wireproto.values.quoting import quoted

# What the reader takes for a key, but of half the length.
_KEY: Final = pattern_dfa(r"^[^<>/\[\]\r\n\x00]{1,64}$")
_USUAL: Final = pattern_dfa(r"^[A-Za-z0-9_.-]{1,64}$")  # and for the key of an argument


def element_call(calls: CallWriter, tool: Tool) -> Expr:
    """Return one call of a tool; raises `GrammarError`."""
    family = _Family(calls.table, calls=calls)
    notation = JSON.restricted_to(restarted_at_escapes(family.text), texts_without(("<",)))
    rules = calls.rules(tool, notation)
    family.json = base = rules.writer
    writer = ElementWriter(base.reader, calls.table, base.any_order, family=family, tool=tool, outer=True)

    def arguments() -> Expr:
        found = choice(*(writer.object(each, "") for each in rules.values().objects))
        family.flush(writer)
        base.flush()
        return found

    return calls.call(tool, rules, arguments)


@dataclass(slots=True)
class _Family(NestedWriters):
    """What the writers of one call share, and what an element must not hold."""

    calls: CallWriter = field(kw_only=True)
    text: Dfa = field(init=False)  # what holds no marker of an element
    ends: tuple[str, ...] = field(init=False)  # the closers of a call and a section
    names: Dfa = field(init=False)  # keys whose closers are none of a call or a section
    json: ValueWriter | None = None  # of arguments that no schema says enough of

    def __post_init__(self) -> None:
        opener, closer = pair(self.calls.dialect.argument.member)
        self.text = texts_without((opener.first, closer.first))
        dialect = self.calls.dialect
        closers = (dialect.call.close, dialect.section.close) if dialect.section is not None else (dialect.call.close,)
        self.ends = tuple(filter(None, (each.format().strip() for each in closers)))
        ends = [match_name(closer, each, 0, len(each)) for each in self.ends]
        self.names = _KEY - words_dfa(found.slots["key"] for found in ends if isinstance(found, Match))
        NestedWriters.__post_init__(self)


@dataclass(slots=True)
class ElementWriter(NestedWriter):
    """Writes the members or elements of one kind of value as elements whose text is raw."""

    family: _Family = field(kw_only=True)

    @property
    def _shape(self) -> Shape:
        argument = self.family.calls.dialect.argument
        return (argument.open, argument.close) if self.outer else pair(argument.member)

    def member(self, key: str, value: Formula) -> Expr:
        """Return a member of an object, every text of it; none of a key that the format cannot spell."""
        if not self._shape[0].holds("key", key):
            error = Inexpressible("properties", f"a key of this format cannot be {quoted(key)}")
            self.reader.widen(pointer_of(value), "properties", error, "narrowed")
            return NOTHING
        fitting = coercion.of_declared_types(self, value, self.tool.types(key))
        return self._element(self._shape, literal(key), (self.tool, key), fitting, pointer_of(value))

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return a member of any of these keys: which key its closer names does not matter."""
        found, pointer, tool = self.reader.values(value), pointer_of(value), self.tool
        known = [key for key in sorted(tool.keys) if keys.accepts(key)]
        options = [
            self._element(self._shape, literal(key), (tool, key), coercion.of_types(found, tool.types(key)), pointer)
            for key in known
        ]
        rest = (keys & self.family.names) - words_dfa(known)
        rest = rest & _USUAL if self.outer else rest
        if not rest.is_empty:
            name = self.table.add("key", right_linear(rest, self.table, "key"))
            place = tool, coercion.sample(rest)
            options.append(self._element(self._shape, name, place, found, pointer))
        return choice(*options)

    def element(self, value: Formula, index: int | None = None) -> Expr:
        """Return an element of an array, every text of it; `index` is where it stands, if that is one place only."""
        key = "" if index is None else self.tool.element(index)
        fitting = coercion.of_declared_types(self, value, self.tool.types(key))
        return self._element(self._item, EMPTY, (self.tool, key), fitting, pointer_of(value))

    def single(self, found: ValueSet) -> Expr:
        """Return an element of an array that has one of these few values."""
        return self._element(self._item, EMPTY, (self.tool, ""), coercion.of_types(found, self.tool.types("")), "")

    @property
    def _item(self) -> Shape:
        return pair(self.family.calls.dialect.argument.element)

    def _element(self, shape: Shape, name: Expr, place: tuple[Tool, str], found: ValueSet, pointer: str) -> Expr:
        """Return the elements of these values, between their markers."""
        contents = choice(*self._contents(*place, found, pointer))
        if contents == NOTHING:
            return NOTHING
        (before, behind), (close, end) = (template.fill(key="\0").partition("\0")[::2] for template in shape)
        closer = seq(literal(close), name, literal(end)) if "key" in shape[1].roles else literal(close)
        return seq(literal(before), name, literal(behind), contents, closer)

    def _contents(self, tool: Tool, key: str, found: ValueSet, pointer: str) -> Iterator[Expr]:
        """Yield what an element may hold: the texts that are read as these values."""
        types = tool.types(key)
        for value in (*([None] if found.null else []), *sorted(found.booleans)):
            if tool.decode(key, dumps(value)).is_plainly(value):
                yield literal(dumps(value))
        numbers = coercion.numbers(found.numbers, types)
        if not numbers.is_empty and types is not None and types & NUMBERS and tool.wire(key) == "json":
            yield self.number(coercion.without_strings(replace(found, numbers=numbers), tool, key).numbers)
        allowed = coercion.strings(tool, key)
        free = self._free(tool, key)
        yield from (bounded(self, each, allowed, free, pointer) for each in found.strings)
        yield from self._containers(tool, key, found, pointer)

    def _free(self, tool: Tool, key: str) -> Dfa:
        """Return the texts that end no string of this key, and open nothing in it."""
        if not self.outer or tool.types(key) is None or tool.wire(key) == "json":
            return self.family.text
        opener, closer = self._shape
        openers = (opener.fill(key=each) for each in sorted(tool.keys) if opener.holds("key", each))
        # A call's closer ends a value where another marker may follow it, a section's nowhere before the end.
        ends = (self.family.ends[0] + follows for follows in (*BLANK, opener.first[0]))
        return texts_without((closer.fill(key=key), *ends, *openers))

    def _containers(self, tool: Tool, key: str, found: ValueSet, pointer: str) -> Iterator[Expr]:
        """Yield objects and arrays, where nothing else may be meant."""
        kinds = [
            ("array", ValueSet(arrays=found.arrays), tool.elements),
            ("object", ValueSet(objects=found.objects), tool.within),
        ]
        for kind, values, known in kinds:
            if values.is_empty or tool.types(key) != frozenset((kind,)):
                continue
            children = self.within(known(key)).children(values, pointer)
            may_be_empty = any(map(coercion.has_empty, values.arrays + values.objects))
            yield choice(children, EMPTY) if may_be_empty else children
            if self.outer and self.family.json is not None:
                yield self.family.json.body(values, pointer)


def bounded(writer: ValueWriter, text: StringSet, allowed: Dfa, free: Dfa, pointer: str) -> Expr:
    """Return those strings that are allowed and free of something; many characters are counted by the engine."""
    run = run_of(text.counted())
    within = free if allowed == ANY_TEXT else allowed & free
    if run is not None and allowed in (ANY_TEXT, coercion.NO_NULL) and max(run[1], run[2] or 0) > FEW:
        ranges, least, most = run
        any_of = build_dfa([edges_to(ranges, 0)], [0])
        few: Expr = NOTHING
        if allowed != ANY_TEXT and least <= FEW:
            few = right_linear(any_of & within & length_dfa(least, FEW), writer.table, "text")
            least = FEW + 1
        return choice(few, counted_text(any_of & free, least, most, writer.table))
    try:
        words = text.dfa & within
        if text.least or text.most is not None:
            writer.table.spend(max(text.least, text.most or 0))
            words = words.met(length_dfa(text.least, text.most), MAX_WORD_STATES)
    except TooLarge as error:
        writer.refuse(pointer, "maxLength" if text.most is not None else "pattern", error)
        words = within
    return NOTHING if words.is_empty else right_linear(words, writer.table, "text")
