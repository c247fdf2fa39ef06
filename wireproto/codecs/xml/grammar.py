"""Calls whose arguments are XML elements, nested values too, as grammar rules.

Everything is escaped, or a string that is an argument is a CDATA section. Where neither the schema nor the text settles
the type of a value, the element has a type attribute. A line may begin between the elements of an array or object. It
must not know other codecs. Law: what is accepted decodes to a complete call of the tool with arguments that its schema
accepts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Union

from wireproto.automata.automaton import ANY_TEXT, Dfa, words_dfa
from wireproto.automata.charset import Ranges, char_set, difference
from wireproto.automata.decimals import NumberSet
from wireproto.automata.patterns import pattern_dfa
from wireproto.automata.until import texts_without
from wireproto.codecs.xml.writer import is_declared, kind_of, reads_back
from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.expr import EMPTY, NOTHING, Expr, chars, choice, literal, seq
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.schema import coercion
from wireproto.grammars.schema.formula import Formula, pointer_of
from wireproto.grammars.schema.nested import NestedWriter, NestedWriters, Shape
from wireproto.grammars.schema.notation import CharRefs, MarkupTokenWriter, around_key
from wireproto.grammars.schema.sets import StringSet
from wireproto.grammars.schema.values import ValueSet
from wireproto.text.json_repair import dumps
from wireproto.text.xml_text import CDATA_CLOSE, CDATA_OPEN, ESCAPES, IN_TEXT, IN_VALUE
from wireproto.tools.toolset import Tool
from wireproto.tools.types import NUMBERS
from wireproto.values.errors import TooLarge

# In text tabs and line breaks are written as they are.
_TEXT: Final = {sign: reference for sign, reference in ESCAPES.items() if sign not in "\t\n"}
_NEVER: Final = char_set("\0\r")
_IN_CDATA: Final = texts_without((CDATA_CLOSE,))
_DIGITS: Final = pattern_dfa("^-?(0|[1-9][0-9]*)$")
# The reader takes no start tag of more than `tag.MAX_TAG` characters, and a reference takes up to six.
_MAX_KEY: Final = 128
# Strings of larger automata are escaped, and not written as CDATA sections too.
_MAX_CDATA: Final = 8


def xml_call(calls: CallWriter, tool: Tool) -> Expr:
    """Return one call of a tool; raises `GrammarError`."""
    rules = calls.rules(tool)
    base = rules.writer
    family = _ElementWriters(calls.table, calls=calls)
    writer = XmlValueWriter(base.reader, calls.table, base.any_order, family=family, tool=tool, outer=True)

    def arguments() -> Expr:
        found = choice(*(writer.object(each, "") for each in rules.values().objects))
        family.flush(writer)
        return found

    return calls.call(tool, rules, arguments)


@dataclass(slots=True)
class _ElementWriters(NestedWriters):
    """What the writers of one call share, and how XML spells text and names."""

    calls: CallWriter = field(kw_only=True)
    text: CharRefs = field(init=False)
    names: CharRefs = field(init=False)

    def __post_init__(self) -> None:
        table = self.table
        self.text = table.once("xml text", lambda: CharRefs(table, _TEXT, IN_TEXT))
        self.names = table.once("xml names", lambda: CharRefs(table, ESCAPES, IN_VALUE))
        NestedWriters.__post_init__(self)


@dataclass(slots=True)
class XmlValueWriter(NestedWriter):
    """Writes the members or elements of one kind of value as elements of XML."""

    family: _ElementWriters = field(kw_only=True)
    _members: dict[tuple[Union[str, Dfa], Formula], Expr] = field(default_factory=dict)
    _elements: dict[tuple[str, Formula], Expr] = field(default_factory=dict)
    _sections: dict[Dfa, Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        key = type(self), self.notation
        self.tokens = self.table.once(key, lambda: MarkupTokenWriter(self.notation, self.table, self.family.text))
        self._by_numbers = self.table.once(NumberSet, dict)
        self._sections = self.table.once("xml sections", dict)

    def member(self, key: str, value: Formula) -> Expr:
        """Return a member of an object, every text of it."""
        if (key, value) not in self._members:
            types = self.tool.types(key)
            fitting, about = coercion.of_declared_types(self, value, types), (key, types, self.outer)
            self._members[key, value] = self.family.calls.shared_member(
                fitting, about, self.reader, lambda: self._named(key, fitting, pointer_of(value))
            )
        return self._members[key, value]

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return a member of any of these keys; of some the decoder may know a type."""
        if (keys, value) not in self._members:
            found, pointer, tool = self.reader.values(value), pointer_of(value), self.tool
            known = [key for key in sorted(tool.keys) if keys.accepts(key)]
            options = [self._named(key, coercion.of_types(found, tool.types(key)), pointer) for key in known]
            rest = keys - words_dfa(known)
            if not rest.is_empty:
                name = self.family.names.words(rest, _MAX_KEY)
                options.append(self._tagged(self._shape, name, (tool, coercion.sample(rest)), found, pointer))
            self._members[keys, value] = choice(*options)
        return self._members[keys, value]

    def element(self, value: Formula, index: int | None = None) -> Expr:
        """Return an element of an array, every text of it; `index` is where it stands, if that is one place only."""
        key = "" if index is None else self.tool.element(index)
        if (key, value) not in self._elements:
            fitting = coercion.of_declared_types(self, value, self.tool.types(key))
            self._elements[key, value] = self._tagged(self._item, EMPTY, (self.tool, key), fitting, pointer_of(value))
        return self._elements[key, value]

    def single(self, found: ValueSet) -> Expr:
        """Return an element of an array that has one of these few values."""
        fitting = coercion.of_types(found, self.tool.types(""))
        return self._tagged(self._item, EMPTY, (self.tool, ""), fitting, "")

    @property
    def _shape(self) -> Shape:
        argument = self.family.calls.dialect.argument
        member = (argument.open, argument.close) if self.outer else argument.member
        assert member is not None
        return member

    @property
    def _item(self) -> Shape:
        element = self.family.calls.dialect.argument.element
        assert element is not None
        return element

    def _named(self, key: str, found: ValueSet, pointer: str) -> Expr:
        return self._tagged(self._shape, self.family.names.text(key), (self.tool, key), found, pointer)

    def _tagged(self, shape: Shape, name: Expr, place: tuple[Tool, str], found: ValueSet, pointer: str) -> Expr:
        """Return the elements of these values, each with its type where that is not clear."""
        opener, closer = shape
        before, _ = around_key(opener)
        options = [
            seq(literal(around_key(opener, kind)[1]), content, literal(closer.format()))
            for kind, content in self._contents(*place, found, pointer)
        ]
        rest = choice(*options)
        return seq(literal(before), name, self.table.add("element", rest) if len(options) > 1 else rest)

    def _contents(self, tool: Tool, key: str, found: ValueSet, pointer: str) -> Iterator[tuple[str, Expr]]:
        """Yield what an element may hold behind which type; no type where the decoder needs none."""
        types = tool.types(key)
        open_type = types is None or len(types) > 1
        for value in (*([None] if found.null else []), *sorted(found.booleans)):
            word = dumps(value)
            if reads_back(tool, key, word, value):
                yield "", literal(word)
            if open_type:
                yield kind_of(value), literal(word)
        numbers = coercion.numbers(found.numbers, types)
        if not numbers.is_empty:
            if types is not None and types & NUMBERS and tool.wire(key) == "json":
                apart = coercion.without_strings(replace(found, numbers=numbers), tool, key).numbers
                yield "", self.number(apart)
            yield from (("number", self.number(numbers)), ("integer", self._digits(numbers))) if open_type else ()
        if found.strings:
            yield "", self._texts(found.strings, coercion.strings(tool, key), pointer)
            yield from (("string", self._texts(found.strings, ANY_TEXT, pointer)),) if open_type else ()
        yield from self._containers(tool, key, found, pointer)

    def _digits(self, numbers: NumberSet) -> Expr:
        whole = replace(numbers.decimal, plain=numbers.plain & _DIGITS)
        return NOTHING if whole.is_empty else self.number(whole)

    def _containers(self, tool: Tool, key: str, found: ValueSet, pointer: str) -> Iterator[tuple[str, Expr]]:
        kinds = [
            ("array", ValueSet(arrays=found.arrays), tool.elements),
            ("object", ValueSet(objects=found.objects), tool.within),
        ]
        for kind, values, known in kinds:
            if values.is_empty:
                continue
            children = self.within(known(key)).children(values, pointer)
            if is_declared(tool, key, kind):
                yield "", children
            may_be_empty = any(map(coercion.has_empty, values.arrays + values.objects))
            yield kind, choice(children, EMPTY) if may_be_empty else children

    def _texts(self, texts: Iterable[StringSet], within: Dfa, pointer: str) -> Expr:
        """Return strings, of which the decoder reads those in `within` as they are."""
        options: list[Expr] = []
        for text in texts:
            try:
                dfa = text.dfa & within
            except TooLarge as error:
                self.refuse(pointer, "type", error)
                continue
            options.append(self.string(replace(text, dfa=dfa), pointer))
            endless = text.least == 0 and text.most is None and dfa.words(_MAX_CDATA) is None
            # In nested elements the decoder looks into sections for what ends the argument.
            if self.outer and endless and len(dfa.edges) <= _MAX_CDATA:
                options.append(self._section(dfa & _IN_CDATA))
        return choice(*options)

    def _section(self, dfa: Dfa) -> Expr:
        if dfa not in self._sections:
            text = right_linear(dfa, self.table, "cdata", _as_it_is, literal(CDATA_CLOSE))
            self._sections[dfa] = NOTHING if dfa.is_empty else self.table.add("cdata", seq(literal(CDATA_OPEN), text))
        return self._sections[dfa]


def _as_it_is(ranges: Ranges) -> Expr:
    return chars(difference(ranges, _NEVER))
