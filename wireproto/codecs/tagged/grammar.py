"""Calls whose arguments are raw values between tags, as grammar rules.

A string is any text that the decoder would not end earlier; values of other types are spelled as the dialect spells
them, and their strings hold no marker. It must not know other codecs. Law: what is accepted decodes to a complete call
of the tool with arguments that its schema accepts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from wireproto.automata.automaton import ANY_TEXT, NO_TEXT, Dfa, build_dfa, edges_to, length_dfa
from wireproto.automata.charset import ANY_CHAR, Ranges, char_set, difference
from wireproto.automata.patterns import pattern_dfa
from wireproto.automata.until import texts_without
from wireproto.codecs.tagged.element_grammar import bounded, element_call
from wireproto.codecs.tagged.writer import MARKUP, in_python, null_word, padding
from wireproto.format.spelling import CACHED, spellings
from wireproto.format.template import Slot
from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.counted import FEW, counted_text, texts_after
from wireproto.grammars.expr.expr import NOTHING, Expr, choice, literal, seq
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.raw.rules import MAX_WORD_STATES
from wireproto.grammars.schema import coercion
from wireproto.grammars.schema.escapes import restarted_at_escapes
from wireproto.grammars.schema.formula import Formula, pointer_of
from wireproto.grammars.schema.notation import JSON, PYTHON, Delimiters, Notation
from wireproto.grammars.schema.reading import Note
from wireproto.grammars.schema.sets import Inexpressible, StringSet
from wireproto.grammars.schema.values import ValueSet
from wireproto.grammars.schema.writing import NO_MARKUP, ValueWriter, run_of
from wireproto.machine.boundary import ValueBoundary, harmless_texts
from wireproto.machine.sites import ValueSite
from wireproto.text.xml_text import CDATA_CLOSE, CDATA_OPEN
from wireproto.tools.toolset import Tool
from wireproto.values.errors import TooLarge
from wireproto.values.quoting import quoted

_KEY: Final = pattern_dfa(r"^[A-Za-z0-9_.-]{1,64}$")
_NO_MARKUP: Final = texts_without(tuple(sorted(MARKUP)))
_IN_CDATA: Final = texts_without((CDATA_CLOSE,))
_LINE_ENDS: Final = pattern_dfa(r"^[\r\n]|[\r\n]$")


def tagged_call(calls: CallWriter, tool: Tool) -> Expr:
    """Return one call of a tool; raises `GrammarError`."""
    if calls.dialect.argument.member is not None:
        return element_call(calls, tool)
    site = calls.table.once(ValueSite, lambda: ValueSite.of(spellings(calls.dialect)[0], calls.tools))
    notation = _notation(site)
    rules = calls.rules(tool, notation)
    quoted = calls.rules(tool).writer if calls.dialect.argument.strings == "json" else rules.writer
    layout = _TaggedMembers(calls, tool, site, rules.writer, quoted, notation)
    return calls.call(tool, rules, lambda: rules.members(layout))


@lru_cache(maxsize=CACHED)
def _notation(site: ValueSite) -> Notation:
    """Return how values are spelled that are no strings: nothing in their strings ends them."""
    argument = site.spelling.dialect.argument
    within = harmless_texts(site)
    within = within & texts_without((argument.escape,)) if argument.escape else within
    notation = PYTHON if argument.literals in ("python", "python-lists") else JSON
    return notation.restricted_to(restarted_at_escapes(within), texts_without(("<",)))


@dataclass(slots=True)
class _TaggedMembers:
    """The arguments of one tool: each in its markers, in any order."""

    calls: CallWriter
    tool: Tool
    site: ValueSite
    writer: ValueWriter
    quoted: ValueWriter  # of strings that are JSON as a whole, in which nothing is a marker
    notation: Notation
    _name: str = field(init=False)
    _members: dict[tuple[str, Formula], Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._name = self.site.at(self.tool.name, "").name

    @property
    def delimiters(self) -> Delimiters:
        """Nothing stands between arguments but their own markers."""
        return Delimiters(closed=literal(self.calls.dialect.call.empty))

    def member(self, key: str, value: Formula) -> Expr:
        """Return an argument, every text of it; nothing for a key that the decoder would not read as one."""
        if not self.calls.dialect.argument.open.holds("key", key):
            error = Inexpressible("properties", f"a key of this format cannot be {quoted(key)}")
            self.writer.reader.widen(pointer_of(value), "properties", error, "narrowed")
            return NOTHING
        if (key, value) not in self._members:
            reader, about = self.writer.reader, (key, self.tool.types(key), self._name)
            written = self.calls.shared_member(
                reader.values(value), about, reader, lambda: self._member(key, literal(key), value)
            )
            self._members[key, value] = self._named(f"{self.tool.name}-{key}", written)
        return self._members[key, value]

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return an argument of any of these names; none where a name must be declared to be one."""
        found = keys & _KEY
        if self.site.spelling.key_is_tag or found.is_empty:
            return NOTHING
        return self._named(
            f"{self.tool.name}-other",
            self._member(coercion.sample(found), right_linear(found, self.calls.table, "key"), value),
        )

    def _named(self, hint: str, expr: Expr) -> Expr:
        return expr if expr == NOTHING else self.calls.table.add(hint, expr)

    def _member(self, key: str, written: Expr, value: Formula) -> Expr:
        argument = self.calls.dialect.argument
        options = []
        for wire, body in self._values(key, self.writer.reader.values(value), pointer_of(value)):
            if body != NOTHING:
                options.append(seq(self._opener(written, wire), body))
        if not argument.close.nodes:
            return choice(*options)
        after = argument.close.fill(key=key)[len(self.site.spelling.value_close(key)) :]
        return seq(choice(*options), literal(after)) if options else NOTHING

    def _opener(self, key: Expr, wire: str) -> Expr:
        parts: list[Expr] = []
        for node in self.calls.dialect.argument.open.nodes:
            if isinstance(node, Slot):
                pair = node.quotes[0] if node.quotes else ""
                parts += [literal(pair[:1]), key if node.role == "key" else literal(wire), literal(pair[1:])]
            else:
                parts.append(literal(node.text))
        return seq(*parts)

    def _values(self, key: str, found: ValueSet, pointer: str) -> Iterator[tuple[str, Expr]]:
        """Yield the values with their closer, by what the wire says of them: if they are strings, or their type."""
        types, wire = self.tool.types(key), self.tool.wire(key)
        if self.calls.dialect.argument.strings == "json":
            if types is None or "string" in types:
                yield "", self._closed(key, choice(*(self.quoted.string(each, pointer) for each in found.strings)))
            yield "", self._others(key, coercion.of_types(replace(found, strings=()), types), pointer)
            return
        others = coercion.of_types(replace(found, strings=()), types)
        if "string" in self.calls.dialect.argument.open.roles:
            if types is None or "string" in types:
                yield "true", self._strings(key, found, ANY_TEXT, pointer)
            yield "false", self._others(key, others, pointer)
            return
        if "type" in self.calls.dialect.argument.open.roles:
            if types is None or "string" in types:
                yield "string", self._strings(key, found, ANY_TEXT, pointer)
            for word, part in _by_type(others):
                yield word, self._others(key, part, pointer)
            return
        yield "", self._strings(key, found, coercion.strings(self.tool, key), pointer)
        if wire == "json":
            others = coercion.of_types(coercion.without_strings(found, self.tool, key), types)
            yield "", self._others(key, others, pointer)
        elif wire == "nullable" and others.null:
            yield "", self._closed(key, literal("null"))

    def _others(self, key: str, found: ValueSet, pointer: str) -> Expr:
        """Return values that are no strings, spelled as the dialect spells them."""
        types = self.tool.types(key)
        spelled = PYTHON if in_python(self.calls.dialect.argument.literals, container=False) else JSON
        null = dict.fromkeys((null_word(self.calls.dialect.argument.literals, types), "null"))
        words = [literal(word) for word in null] if found.null else []
        words += [spelled.word(truth) for truth in sorted(found.booleans)]
        rest = replace(found, null=False, booleans=frozenset(), numbers=coercion.numbers(found.numbers, types))
        body = self.writer.body(rest, pointer)
        self.writer.flush()
        return self._closed(key, choice(*words, body))

    def _closed(self, key: str, body: Expr) -> Expr:
        boundary = self._boundary(key)
        return NOTHING if body == NOTHING else seq(literal(boundary.pad), body, literal(boundary.closer))

    def _boundary(self, key: str) -> ValueBoundary:
        return ValueBoundary(self.site.at(self.tool.name, key), padding(self.calls.dialect.argument, key))

    def _strings(self, key: str, found: ValueSet, allowed: Dfa, pointer: str) -> Expr:
        """Return strings, with what frames and closes them."""
        boundary = self._boundary(key)
        if self.calls.dialect.argument.strings == "cdata":
            types = self.tool.types(key)
            section = ANY_TEXT if types is None or "string" in types else NO_TEXT
            return choice(*(self._plain_or_section(key, text, allowed, section, pointer) for text in found.strings))
        return choice(*(self._string(boundary, text, allowed, pointer) for text in found.strings))

    def _plain_or_section(self, key: str, text: StringSet, allowed: Dfa, section: Dfa, pointer: str) -> Expr:
        """Return strings without markup as they are, and all in a CDATA section, which cannot hold its own end."""
        plain = bounded(self.writer, text, allowed, _NO_MARKUP, pointer)
        inside = bounded(self.writer, text, section, _IN_CDATA, pointer)
        whole = NOTHING if inside == NOTHING else seq(literal(CDATA_OPEN), inside, literal(CDATA_CLOSE))
        return self._closed(key, choice(plain, whole))

    def _string(self, boundary: ValueBoundary, text: StringSet, allowed: Dfa, pointer: str) -> Expr:
        run = run_of(text.counted())
        if run == (ANY_CHAR, 0, None) and allowed == ANY_TEXT:
            return seq(literal(boundary.pad), self.calls.raw.anything(boundary))
        if run is not None and max(run[1], run[2] or 0) > FEW and allowed in (ANY_TEXT, coercion.NO_NULL):
            return choice(*(self._counted(*run, allowed, each) for each in self._framed(boundary)))
        keyword = "maxLength" if text.most is not None else "pattern"
        try:
            self.calls.table.spend(max(text.least, text.most or 0))
            words = (text.dfa & allowed).met(length_dfa(text.least, text.most), MAX_WORD_STATES)
            return self._any_of(words, boundary, pointer, keyword)
        except TooLarge as error:
            self.writer.refuse(pointer, keyword, error)
            return seq(literal(boundary.pad), self.calls.raw.anything(boundary))

    def _any_of(self, words: Dfa, boundary: ValueBoundary, pointer: str, keyword: str) -> Expr:
        """Return the words of an automaton; of one that is too large, those in which no markup begins."""
        try:
            return choice(*(self._words(words, each) for each in self._framed(boundary)))
        except TooLarge:
            escape = self.calls.dialect.argument.escape
            words &= self.notation.plain & texts_without((escape[:1],)) if escape else self.notation.plain
            found = choice(*(self._words(words, each) for each in self._framed(boundary)))
            self.writer.reader.notes[Note(pointer, keyword, NO_MARKUP, "narrowed")] = None
            return found

    def _framed(self, boundary: ValueBoundary) -> tuple[ValueBoundary, ...]:
        """Return the ways to frame a value that has to come back exactly."""
        pad = self.calls.dialect.argument.pad
        return (boundary,) if boundary.pad == pad else (boundary, replace(boundary, pad=pad))

    def _words(self, words: Dfa, boundary: ValueBoundary) -> Expr:
        argument = self.calls.dialect.argument
        # Without the line breaks that frame a value, one at its edge would be taken for them.
        words = words & ~_LINE_ENDS if argument.pad and not boundary.pad else words
        words = words.met(texts_without((argument.escape,)), MAX_WORD_STATES) if argument.escape else words
        return seq(literal(boundary.pad), self.calls.raw.words(words, boundary))

    def _counted(self, ranges: Ranges, least: int, most: int | None, allowed: Dfa, boundary: ValueBoundary) -> Expr:
        """Return characters of a set, counted by the engine; short texts exactly, if not every text is allowed."""
        argument = self.calls.dialect.argument
        lines = bool(argument.pad and not boundary.pad)
        held = _held(boundary, argument.escape, difference(ranges, char_set("\r\n")) if lines else ranges)
        few: Expr = NOTHING
        if allowed != ANY_TEXT and least <= FEW:
            few = self._words(build_dfa([edges_to(ranges, 0)], [0]) & allowed & length_dfa(least, FEW), boundary)
            least = FEW + 1
        many = counted_text(held, least, most, self.calls.table)
        return choice(few, seq(literal(boundary.pad), many, literal(boundary.closer)))


def _by_type(found: ValueSet) -> Iterator[tuple[str, ValueSet]]:
    """Yield the values that are no strings, by the words of `wire_type`."""
    if found.null:
        yield "null", ValueSet(null=True)
    if found.booleans:
        yield "boolean", ValueSet(booleans=found.booleans)
    if not found.numbers.is_empty:
        yield "number", ValueSet(numbers=found.numbers)
    if found.arrays:
        yield "array", ValueSet(arrays=found.arrays)
    if found.objects:
        yield "object", ValueSet(objects=found.objects)


@lru_cache(maxsize=CACHED)
def _held(boundary: ValueBoundary, escape: str, ranges: Ranges) -> Dfa:
    """Return the texts of these characters that end no value, wherever they stand in it."""
    texts = harmless_texts(boundary.site)
    texts = texts & texts_without((escape,)) if escape else texts
    found = build_dfa([edges_to(ranges, 0)], [0]) & texts
    return found & texts_after(texts, boundary.pad) if boundary.pad else found
