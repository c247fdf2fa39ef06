"""Calls that are filled-in forms, as grammar rules: a control for each argument.

A string is the content of a textarea, or the value of an input where the schema allows other types too; a number is an
input, a truth value a checkbox; what no other control carries is JSON in a script. Where a schema allows only few
values, one may be chosen in a select. It must not know other codecs. Law: what is accepted decodes to a complete call
of the tool with arguments that its schema accepts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Union

from wireproto.automata import decimals as numbers
from wireproto.automata.automaton import Dfa, words_dfa
from wireproto.automata.charset import char_set, union
from wireproto.automata.patterns import pattern_dfa
from wireproto.codecs.html.text import ESCAPES, IN_TEXT, IN_VALUE
from wireproto.codecs.html.vocabulary import (
    CHECKED,
    CHOICE,
    JSON,
    LINE,
    NUMBER,
    OPTION,
    SELECTED,
    SWITCH,
    Control,
    carries_booleans,
    carries_numbers,
)
from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.expr import NOTHING, Expr, choice, literal, seq
from wireproto.grammars.schema import coercion
from wireproto.grammars.schema.escapes import JSON as JSON_ESCAPES
from wireproto.grammars.schema.formula import Formula, pointer_of
from wireproto.grammars.schema.notation import JSON as JSON_NOTATION
from wireproto.grammars.schema.notation import CharRefs, Delimiters, MarkupTokenWriter, around_key
from wireproto.grammars.schema.values import ValueSet
from wireproto.grammars.schema.writing import ValueWriter
from wireproto.text.json_repair import dumps, loads
from wireproto.text.xml_text import IN_VALUE as XML_IN_VALUE
from wireproto.tools.toolset import Tool
from wireproto.values.errors import TooLarge

# A `<` would begin what hides the end tag of a script.
_SCRIPT: Final = replace(JSON_NOTATION, escapes=replace(JSON_ESCAPES, must=union(JSON_ESCAPES.must, char_set("<"))))
_LINE: Final = pattern_dfa("^[^\n]*$")
# A select is written for no more values than this, as they are listed one by one.
_MAX_OPTIONS: Final = 50


def html_call(calls: CallWriter, tool: Tool) -> Expr:
    """Return one call of a tool; raises `GrammarError`."""
    rules = calls.rules(tool, _SCRIPT)
    form = _FormMembers(calls, tool, rules.writer)
    return calls.call(tool, rules, lambda: rules.members(form))


@dataclass(slots=True)
class _FormMembers:
    """The controls of one form, in any order."""

    calls: CallWriter
    tool: Tool
    writer: ValueWriter
    names: CharRefs = field(init=False)
    areas: ValueWriter = field(init=False)
    lines: ValueWriter = field(init=False)
    _members: dict[tuple[Union[str, Dfa], Formula], Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        table = self.calls.table
        # Textareas are named as XML would name them, other controls as HTML does.
        self.names = table.once("html names", lambda: CharRefs(table, ESCAPES, XML_IN_VALUE))
        self.areas = self._unquoted("html areas", {sign: ESCAPES[sign] for sign in '&<>"\r'}, IN_TEXT)
        self.lines = self._unquoted("html lines", ESCAPES, IN_VALUE)

    def _unquoted(self, key: str, named: Mapping[str, str], must: str) -> ValueWriter:
        table, writer = self.calls.table, ValueWriter(self.writer.reader, self.calls.table)
        writer.tokens = table.once(key, lambda: MarkupTokenWriter(writer.notation, table, CharRefs(table, named, must)))
        return writer

    @property
    def delimiters(self) -> Delimiters:
        """Nothing stands between controls but their own line breaks."""
        return Delimiters()

    def member(self, key: str, value: Formula) -> Expr:
        """Return a control, every text of it."""
        if (key, value) not in self._members:
            reader, about = self.writer.reader, (key, self.tool.types(key))
            self._members[key, value] = self.calls.shared_member(
                reader.values(value), about, reader, lambda: self._control(self.names.text(key), self.tool, key, value)
            )
        return self._members[key, value]

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return a control of any of these names; of some the decoder may know a type."""
        if (keys, value) not in self._members:
            known = [key for key in sorted(self.tool.keys) if keys.accepts(key)]
            options = [self.member(key, value) for key in known]
            rest = keys - words_dfa(known)
            if not rest.is_empty:
                options.append(self._control(self.names.words(rest), self.tool, coercion.sample(rest), value))
            self._members[keys, value] = choice(*options)
        return self._members[keys, value]

    def _control(self, name: Expr, tool: Tool, key: str, value: Formula) -> Expr:
        found, pointer = self.writer.reader.values(value), pointer_of(value)
        controls = [
            *self._inputs(name, tool, key, found),
            *self._texts(name, tool, key, found, pointer),
            self._select(name, tool, key, found),
            self._script(name, tool, key, found, pointer),
        ]
        return choice(*controls)

    def _start(self, control: Control, name: Expr) -> Expr:
        """Return a start tag that is still open."""
        return seq(literal(control.before_name(self.calls.dialect)), name, literal(control.after_name))

    def _end(self, control: Control) -> Expr:
        return literal(control.closer(self.calls.dialect) + "\n")

    def _inputs(self, name: Expr, tool: Tool, key: str, found: ValueSet) -> Iterator[Expr]:
        """Yield the inputs of truth values and of numbers."""
        types = tool.types(key)
        if found.booleans and carries_booleans(types):
            states = [literal(f" {CHECKED}>\n" if truth else ">\n") for truth in sorted(found.booleans)]
            yield seq(self._start(SWITCH, name), choice(*states))
        number = coercion.numbers(found.numbers, types)
        if not number.is_empty:
            yield seq(self._start(NUMBER, name), literal(' value="'), self.lines.number(number), literal('">\n'))

    def _texts(self, name: Expr, tool: Tool, key: str, found: ValueSet, pointer: str) -> Iterator[Expr]:
        """Yield the controls that hold strings as they are."""
        argument, within = self.calls.dialect.argument, coercion.strings(tool, key)
        before, after = around_key(argument.open)
        area = self._strings(self.areas, found, within, pointer)
        yield seq(literal(before), name, literal(after + "\n"), area, literal(argument.close.format()))
        if tool.wire(key) != "string":
            line = self._strings(self.lines, found, within & _LINE, pointer)
            yield seq(self._start(LINE, name), literal(' value="'), line, literal('">\n'))

    def _strings(self, writer: ValueWriter, found: ValueSet, within: Dfa, pointer: str) -> Expr:
        options: list[Expr] = []
        for text in found.strings:
            try:
                options.append(writer.string(replace(text, dfa=text.dfa & within), pointer))
            except TooLarge as error:
                self.writer.refuse(pointer, "type", error)
        return choice(*options)

    def _select(self, name: Expr, tool: Tool, key: str, found: ValueSet) -> Expr:
        """Return a select with the option that was chosen, where there are few."""
        # An option's text loses white space at its ends.
        fit = [text for text, value in _few(found) if _is_joined(text) and tool.decode(key, text).is_plainly(value)]
        if not fit:
            return NOTHING
        salt = self.calls.dialect.salt_text
        option = seq(
            literal(f"><{OPTION}{salt} {SELECTED}>"),
            self.areas.tokens.strings(words_dfa(fit)),
            literal(f"</{OPTION}{salt}>"),
        )
        return seq(self._start(CHOICE, name), option, self._end(CHOICE))

    def _script(self, name: Expr, tool: Tool, key: str, found: ValueSet, pointer: str) -> Expr:
        """Return JSON of the kinds of values of which other controls do not carry all."""
        types = tool.types(key)
        rest = replace(
            found,
            booleans=frozenset() if carries_booleans(types) else found.booleans,
            numbers=numbers.NONE if carries_numbers(types) else found.numbers,
            strings=() if tool.wire(key) == "string" else found.strings,
        )
        if rest.is_empty:
            return NOTHING
        value = self.calls.table.add("json", self.writer.body(rest, pointer))
        return seq(self._start(JSON, name), literal(">"), value, self._end(JSON))


def _few(found: ValueSet) -> list[tuple[str, object]]:
    """Return the texts and values of strings and numbers, and of what else there is, if they are few."""
    words = [text.words(_MAX_OPTIONS) for text in found.strings]
    decimals = found.numbers.values(_MAX_OPTIONS)
    if found.arrays or found.objects or decimals is None or None in words:
        return []
    texts = [(word, word) for each in words for word in each or ()]
    others = [*decimals, *(["null"] if found.null else []), *map(dumps, sorted(found.booleans))]
    return [*texts, *((text, loads(text).value) for text in others)] if texts or decimals else []


def _is_joined(text: str) -> bool:
    return bool(text) and text == " ".join(text.split())
