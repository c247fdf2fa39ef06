"""Calls that are TOML tables, as grammar rules: a statement for each argument.

A string is written on one line, or over several, raw or escaped; arrays and tables are inline, an array over several
lines too. A table that would read as null is not written. It must not know other codecs. Law: what is accepted
decodes to a complete call of the tool with arguments that its schema accepts, if no free key is given twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Union

from wireproto.automata.automaton import ANY_TEXT, Dfa, build_dfa, edges_to, length_dfa, words_dfa
from wireproto.automata.charset import ANY_CHAR, Ranges, char_set, difference, union
from wireproto.automata.patterns import pattern_dfa
from wireproto.codecs.toml.writer import EQUALS, NULL, write_name, write_table_header, write_value
from wireproto.grammars.calls import CallWriter
from wireproto.grammars.expr.expr import EMPTY, NOTHING, Expr, chars, choice, literal, optional, repeat, seq
from wireproto.grammars.expr.right_linear import Spell, right_linear
from wireproto.grammars.schema import coercion
from wireproto.grammars.schema.escapes import TOML as ESCAPES
from wireproto.grammars.schema.escapes import QuotedText
from wireproto.grammars.schema.formula import Formula, pointer_of
from wireproto.grammars.schema.notation import LINE, Delimiters, Notation
from wireproto.grammars.schema.sets import StringSet
from wireproto.grammars.schema.values import ValueSet
from wireproto.grammars.schema.writing import ValueWriter
from wireproto.text.toml_strings import write_key
from wireproto.tools.toolset import Tool

_INLINE: Final = Notation((write_value(None),), escapes=ESCAPES, colon=EQUALS.rstrip(), lines=False)
_BARE: Final = pattern_dfa("^[A-Za-z0-9_-]+$")
_NULL: Final = words_dfa([NULL])
_HAS_LINES: Final = pattern_dfa("\n")
_QUOTE: Final = char_set('"')
_IN_LINES: Final = replace(ESCAPES, must=difference(ESCAPES.must, char_set("\n")))
# The reader takes no key of more than `text.MAX_KEY` characters, and an escaped character takes up to ten.
_MAX_KEY: Final = 100
# A string of several lines may not hold its own delimiter, which takes as many states as the string has, times three.
# Above this a counted string holds few quotes instead, and any other is written on one line.
_MAX_LINES: Final = 256
_PART: Final = 8
# An escaped quote, in automata that distinguish it from a bare one: no character has this number.
_MARK: Final = 0xD800


def toml_call(calls: CallWriter, tool: Tool) -> Expr:
    """Return one call of a tool; raises `GrammarError`."""
    dialect, rules = calls.dialect, calls.rules(tool, _INLINE, TomlValueWriter)
    assert isinstance(rules.writer, TomlValueWriter)
    table = _TableMembers(calls, tool, rules.writer, write_table_header(dialect))

    def arguments() -> Expr:
        members = rules.members(table)
        return optional(members) if any(map(coercion.has_empty, rules.values().objects)) else members

    return seq(
        calls.header(dialect.call.open, tool),
        literal(write_name(dialect, tool.name)),
        calls.arguments_rule(tool, rules, arguments),
        literal(dialect.call.close.format()),
    )


@dataclass(slots=True)
class TomlValueWriter(ValueWriter):
    """Writes inline values, and strings of several lines."""

    _array: Delimiters = field(init=False)
    _line: QuotedText = field(init=False)
    _in_lines: QuotedText = field(init=False)
    _lines: dict[StringSet, Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ValueWriter.__post_init__(self)
        self._line = self.table.once("toml line", lambda: QuotedText(self.table, ESCAPES, '"'))
        self._in_lines = self.table.once("toml lines", lambda: QuotedText(self.table, _IN_LINES, '"'))
        self._lines = self.table.once("toml strings", dict)
        blank = self.table.once("toml gap", lambda: self.table.add("gap", choice(EMPTY, literal(" "), LINE)))
        end = seq(blank, literal("]"))
        comma = seq(literal(","), blank)
        self._array = Delimiters(seq(literal("["), blank), comma, choice(end, seq(comma, literal("]"))), literal("]"))

    @property
    def array_delimiters(self) -> Delimiters:
        """What stands around the elements of an array: lines may begin, and a comma may stand behind the last one."""
        return self._array

    def member(self, key: str, value: Formula) -> Expr:
        """Return a member of an inline table; none of a key that may spell null."""
        return NOTHING if key == NULL else seq(self.key(key), self.tokens.colon, self.value(value))

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return a member of any of these keys."""
        return seq(self.keys(keys - _NULL), self.tokens.colon, self.value(value))

    def key(self, key: str) -> Expr:
        """Return the spellings of a key: bare, where TOML allows it, or quoted."""
        bare = literal(key) if write_key(key) == key else NOTHING
        return choice(bare, self._line.text(key))

    def keys(self, keys: Dfa, most: int | None = None) -> Expr:
        """Return the spellings of many keys; `most` limits runs of characters."""
        bare = keys & _BARE
        options = [] if bare.is_empty else [right_linear(bare, self.table, "key", most=most)]
        if not keys.is_empty:
            end = literal(self._line.quote)
            options.append(seq(end, right_linear(keys, self.table, "key", self._line.spell, end, most)))
        return choice(*options)

    def lines(self, text: StringSet) -> Expr:
        """Return strings over several lines, which begin behind the line of their delimiter."""
        if text not in self._lines:
            written = self._written(text)
            self._lines[text] = NOTHING if written == NOTHING else self.table.add("lines", written)
        return self._lines[text]

    def _written(self, text: StringSet) -> Expr:
        if (text.dfa & _HAS_LINES).is_empty:
            return NOTHING
        dfa, least, most = text.dfa, text.least, text.most
        if len(dfa.edges) + max(least, most or 0) <= _MAX_LINES:
            dfa = dfa & length_dfa(least, most)
            return choice(
                self._delimited("'", dfa & _RAW, chars), self._delimited('"', _marked(dfa) & _ESCAPED, self._spell)
            )
        counted = text.counted()
        if counted.dfa != ANY_TEXT:
            return NOTHING
        raw, escaped = chars(difference(_PLAIN, _APOSTROPHE)), self._in_lines.spell(ANY_CHAR)
        return choice(
            seq(literal("'''\n"), self._counted("'", raw, counted.least, most), literal("'''")),
            seq(literal('"""\n'), self._counted('"', escaped, counted.least, most), literal('"""')),
        )

    def _counted(self, quote: str, other: Expr, least: int, most: int | None) -> Expr:
        """Return many characters without quotes, or in parts that hold few: those count as if they were full.

        A part is some other characters, or fewer and one or two quotes that another one follows.
        """
        quotes = seq(literal(quote), optional(literal(quote)), other)
        part = choice(other, quotes)
        for _ in range(_PART - 1):
            part = choice(seq(other, part), quotes)
        # A part has two to ten characters, and some more may follow the last one.
        parts = None if most is None else (most - _PART) // (_PART + 2)
        mixed = repeat(self.table.add("part", part), -(-least // 2), parts)
        return choice(repeat(other, least, most), seq(mixed, repeat(other, 0, _PART)))

    def _delimited(self, quote: str, dfa: Dfa, spell: Spell) -> Expr:
        end = quote * 3
        return (
            NOTHING
            if dfa.is_empty
            else seq(literal(end + "\n"), right_linear(dfa, self.table, "line", spell, literal(end)))
        )

    def _spell(self, ranges: Ranges) -> Expr:
        """Spell characters of an automaton with marks."""
        if ranges == _QUOTE:
            return literal('"')
        kept = tuple(each for each in ranges if each != (_MARK, _MARK))
        return self._in_lines.spell(kept if kept == ranges else union(kept, _QUOTE))


@dataclass(slots=True)
class _TableMembers:
    """The table of the arguments: a statement for each, in any order."""

    calls: CallWriter
    tool: Tool
    writer: TomlValueWriter
    header: str
    _members: dict[tuple[Union[str, Dfa], Formula], Expr] = field(default_factory=dict)

    @property
    def delimiters(self) -> Delimiters:
        """What stands before the statements."""
        return Delimiters(literal(self.header))

    def member(self, key: str, value: Formula) -> Expr:
        """Return a statement, every text of it."""
        if (key, value) not in self._members:
            writer = self.writer
            fitting = coercion.of_declared_types(writer, value, self.tool.types(key))
            self._members[key, value] = self.calls.shared_member(
                fitting, key, writer.reader, lambda: self._statement(writer.key(key), fitting, value)
            )
        return self._members[key, value]

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return a statement of any of these keys; of some the decoder may know a type."""
        if (keys, value) not in self._members:
            writer, tool, found = self.writer, self.tool, self.writer.reader.values(value)
            known = [key for key in sorted(tool.keys) if keys.accepts(key)]
            options = [
                self._statement(writer.key(key), coercion.of_types(found, tool.types(key)), value) for key in known
            ]
            rest = writer.keys(keys - words_dfa(known), _MAX_KEY)
            self._members[keys, value] = choice(*options, self._statement(rest, found, value))
        return self._members[keys, value]

    def _statement(self, key: Expr, found: ValueSet, value: Formula) -> Expr:
        """Return the statements of those values of a formula that were found."""
        writer = self.writer
        if found.is_empty:
            return NOTHING
        is_all = found == writer.reader.values(value)
        inline = writer.value(value) if is_all else writer.table.add("value", writer.body(found, pointer_of(value)))
        lines = [writer.lines(text) for text in found.strings]
        return seq(key, literal(EQUALS), choice(inline, *lines), literal("\n"))


def _marked(dfa: Dfa) -> Dfa:
    """Return the automaton with a mark wherever a quote may stand."""
    rows = [[*row, *edges_to(((_MARK, _MARK),), dfa.step(state, ord('"')))] for state, row in enumerate(dfa.edges)]
    return build_dfa([[edge for edge in row if edge[2] >= 0] for row in rows], dfa.finals)


def _at_most_two(quote: Ranges, others: Ranges) -> Dfa:
    """Return texts of other characters and quotes, of these at most two in a row and none at the end."""
    rows = [[*edges_to(others, 0), *(edges_to(quote, run + 1) if run < 2 else [])] for run in range(3)]
    return build_dfa(rows, [0])


_APOSTROPHE: Final = char_set("'")
_PLAIN: Final = difference(ANY_CHAR, difference(ESCAPES.must, char_set("\n\\")))
_RAW: Final = _at_most_two(_APOSTROPHE, difference(_PLAIN, _APOSTROPHE))
_ESCAPED: Final = _at_most_two(_QUOTE, (*difference(ANY_CHAR, _QUOTE), (_MARK, _MARK)))
