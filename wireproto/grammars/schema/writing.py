"""Sets of values as rules for their texts, in JSON or in a notation like it.

It must not know schema keywords. Law: every text that matches spells a value in the set, and every value in the set
that the notation can spell has a text that matches; keys stand in any order where there are few of them, else in the
order of the schema. What of a clause cannot be written raises `GrammarError`, or is left out with a note.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from wireproto.grammars.automata.automaton import ANY_TEXT, Dfa, length_dfa
from wireproto.grammars.automata.charset import char_range, char_set
from wireproto.grammars.automata.decimals import NumberSet
from wireproto.grammars.automata.right_linear import right_linear, unescaped
from wireproto.grammars.expr.expr import EMPTY, NOTHING, Expr, RuleRef, chars, choice, literal, optional, repeat, seq
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.schema.counting import MemberLayout, counted_array, object_expr
from wireproto.grammars.schema.formula import FALSE, Formula, pointer_of
from wireproto.grammars.schema.notation import JSON, Delimiters, Notation, TokenWriter
from wireproto.grammars.schema.reading import Note, SchemaReader
from wireproto.grammars.schema.sets import ArraySet, Inexpressible, ObjectSet, StringSet
from wireproto.grammars.schema.values import ValueSet
from wireproto.values.errors import TooLarge

# Digits in a row that nothing limits; 2**64 has 20.
_MAX_DIGITS: Final = 20
_NESTED_PREFIX: Final = 8
_DIGIT: Final = chars(char_range("0", "9"))
_NONZERO: Final = chars(char_range("1", "9"))
_E: Final = chars(char_set("eE"))


@dataclass(slots=True)
class ValueWriter:
    """Writes the rules of one document into a rule table.

    `any_order`: so many keys may stand in any order. `notation`: how values are spelled.
    """

    reader: SchemaReader
    table: RuleTable
    any_order: int = 6
    notation: Notation = JSON
    tokens: TokenWriter = field(init=False)
    _todo: list[tuple[str, ValueSet, str]] = field(default_factory=list)
    _by_formula: dict[Formula, Expr] = field(default_factory=dict)
    _by_values: dict[ValueSet, RuleRef] = field(default_factory=dict)
    _by_numbers: dict[NumberSet, Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Writers of one kind share what they write of strings, numbers and other values without schemas of their own.
        self.tokens = self.table.once((type(self), self.notation), lambda: TokenWriter(self.notation, self.table))
        self._by_numbers = self.table.once(NumberSet, dict)

    def flush(self) -> None:
        """Write the rules that were referred to and not written yet."""
        while self._todo:
            name, found, pointer = self._todo.pop()
            self.table.rules[name] = self.body(found, pointer)

    def value(self, formula: Formula, hint: str | None = None) -> Expr:
        """Return the texts of a formula's values; the rules that they need are written later."""
        written = self._by_formula.get(formula)
        if written is None:
            written = self._by_formula[formula] = self._value(formula, hint)
        return written

    def _value(self, formula: Formula, hint: str | None) -> Expr:
        found = self.reader.values(formula)
        if found.is_empty:
            return NOTHING
        known = self.tokens.plain if found.is_closed else self._by_values
        rule = known.get(found)
        if rule is None:
            pointer = pointer_of(formula)
            rule = known[found] = RuleRef(self.table.name(hint or pointer.rpartition("/")[2] or "value"))
            self._todo.append((rule.name, found, pointer))
        return rule

    def body(self, found: ValueSet, pointer: str) -> Expr:
        """Return the texts of values of every type."""
        options: list[Expr] = [self.notation.word(None)] if found.null else []
        options += [self.notation.word(truth) for truth in sorted(found.booleans)]
        options += [self.number(found.numbers)] if not found.numbers.is_empty else []
        options += [self.string(each, pointer) for each in found.strings]
        options += [self.array(each, pointer) for each in found.arrays]
        options += [self.object(each, pointer) for each in found.objects]
        return choice(*options)

    def refuse(self, pointer: str, keyword: str, error: Exception) -> None:
        """Refuse what cannot be written, or note that it is left out."""
        self.reader.widen(pointer, keyword, error)

    def ordered(self, pointer: str, what: str) -> None:
        """Note that not every order of keys is written."""
        self.reader.notes[Note(pointer, "properties", what, "ordered")] = None

    def number(self, found: NumberSet) -> Expr:
        """Return the texts of numbers."""
        if found not in self._by_numbers:
            options = (
                [right_linear(found.plain, self.table, "number", unescaped, EMPTY, _MAX_DIGITS)]
                if found.plain.finals
                else []
            )
            options += [
                seq(literal(sign), _exponents(large))
                for held, sign, large in zip(found.regions, ("", "-") * 2, (True, True, False, False), strict=True)
                if held
            ]
            self._by_numbers[found] = self.table.add("number", choice(*options))
        return self._by_numbers[found]

    def string(self, text: StringSet, pointer: str) -> Expr:
        """Return the texts of strings, in their quotes."""
        text = text.counted()
        dfa = text.dfa
        if dfa == ANY_TEXT == self.notation.within:
            return self.tokens.any_string(text.least, text.most)
        if text.least or text.most is not None:
            longest = dfa.longest()
            most = None if longest is not None and text.most is not None and longest <= text.most else text.most
            try:
                dfa = dfa & length_dfa(text.least, most)
            except TooLarge as error:
                self.refuse(pointer, "maxLength" if text.most is not None else "minLength", error)
        return self.quoted(dfa, pointer)

    def quoted(self, dfa: Dfa, pointer: str) -> Expr:
        """Return the words of an automaton as strings, in their quotes."""
        if dfa.is_empty:
            return NOTHING
        known = self.tokens.words
        if dfa not in known:
            expr = self._quoted(dfa, pointer)
            short = len(dfa.edges) < 40 and dfa.words(1) is not None
            known[dfa] = expr if short else self.table.add("string", expr)
        return known[dfa]

    def _quoted(self, dfa: Dfa, pointer: str) -> Expr:
        try:
            return self.tokens.strings(dfa)
        except TooLarge:
            said = "a long string holds no beginning of markup"
            self.reader.notes[Note(pointer, "maxLength", said, "narrowed")] = None
            return self.tokens.unrestricted(dfa & self.notation.plain)

    def array(self, array: ArraySet, pointer: str) -> Expr:
        """Return the texts of arrays."""
        if array.unique and array.most is not None and array.most <= 1:
            array = replace(array, unique=False)
        try:
            if array.counts or array.unique:
                return counted_array(self, array, pointer)
        except (TooLarge, Inexpressible) as error:
            self.refuse(pointer, "uniqueItems" if array.unique else "contains", error)
        return self._plain_array(array)

    def _plain_array(self, array: ArraySet) -> Expr:
        reach = next((i for i, each in enumerate(array.prefix) if each == FALSE), len(array.prefix))
        most = array.most
        if reach < len(array.prefix) or array.rest == FALSE:
            most = reach if most is None else min(most, reach)
        prefix = array.prefix[:most]
        delimiters = self.array_delimiters
        following: Expr = EMPTY
        if most is None or most > len(prefix):
            item = self.element(array.rest)
            already = max(len(prefix), 1)
            left = None if most is None else most - already
            following = repeat(self._next(item), max(array.least - already, 0), left)
            prefix = prefix or (array.rest,)
        for index in reversed(range(len(prefix))):
            written = seq(self.element(prefix[index]), following)
            if index == 0:
                break
            following = self._next(written) if index < array.least else optional(self._next(written))
            if len(prefix) > _NESTED_PREFIX:
                following = self.table.add("items", following)
        else:
            return seq(delimiters.open, delimiters.closed) if array.least == 0 else NOTHING
        inside = seq(written, delimiters.close)
        return seq(delimiters.open, inside if array.least else choice(inside, delimiters.closed))

    def _next(self, item: Expr) -> Expr:
        return seq(self.array_delimiters.between, item)

    @property
    def array_delimiters(self) -> Delimiters:
        """What stands around the elements of an array."""
        return self.tokens.array

    @property
    def delimiters(self) -> Delimiters:
        """What stands around the members of an object."""
        return self.tokens.object

    def element(self, value: Formula) -> Expr:
        """Return an element of an array, every text of it."""
        return self.value(value)

    def single(self, found: ValueSet) -> Expr:
        """Return an element of an array that has one of these few values."""
        return self.body(found, "")

    def member(self, key: str, value: Formula) -> Expr:
        """Return a member of an object, every text of it."""
        return self._member(self.tokens.string(key), value)

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return a member of any of these keys."""
        return self._member(self.quoted(keys, pointer_of(value)), value)

    def _member(self, key: Expr, value: Formula) -> Expr:
        return seq(key, self.tokens.colon, self.value(value))

    def object(self, found: ObjectSet, pointer: str, layout: MemberLayout | None = None) -> Expr:
        """Return the texts of objects, their members in another layout if one is given."""
        try:
            return object_expr(self, found, pointer, layout or self)
        except (TooLarge, Inexpressible) as error:
            self.refuse(pointer, "properties" if found.most is None else "maxProperties", error)
        if found == ObjectSet():
            return NOTHING
        uncounted = replace(found, least=0, most=None, some=())
        return self.object(uncounted if found != uncounted else ObjectSet(), pointer, layout)


def _exponents(large: bool) -> Expr:
    """Return numbers with an exponent as `json.dumps` writes them: from 1e16 to below 1e308, or below 1e-4."""
    digits = choice(
        seq(literal("1"), chars(char_range("6", "9")))
        if large
        else seq(optional(literal("0")), chars(char_range("5", "9"))),
        seq(chars(char_range("2" if large else "1", "9")), _DIGIT),
        seq(chars(char_set("12")), _DIGIT, _DIGIT),
        seq(literal("30"), chars(char_range("0", "7"))),
    )
    sign = optional(literal("+")) if large else literal("-")
    fraction = optional(seq(literal("."), repeat(_DIGIT, 1, 16)))
    return seq(_NONZERO, fraction, _E, sign, digits)
