"""Writes sets of values as rules for their texts, in JSON or a notation like it.

Two roles: `ValueWriter` says how values are spelled, out of the tokens of a `TokenWriter`; a `MemberLayout` says how
the members of an object are framed. A `ValueWriter` is the layout of its own inline objects; codecs bring other layouts
for the arguments of a call, and subclasses for other spellings.

It must not know schema keywords. Law: every text that matches spells a value in the set, and every value in the set
that the notation can spell has a text that matches. Few keys stand in any order, more of them in the order of the
schema. What cannot be written raises `GrammarError`, or is left out with a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import product
from typing import Final

from wireproto.automata.automaton import ANY_TEXT, Dfa, length_dfa, words_dfa
from wireproto.automata.charset import Ranges, char_range, char_set
from wireproto.automata.decimals import NumberSet, exactly
from wireproto.grammars.expr.counted import FEW
from wireproto.grammars.expr.expr import EMPTY, NOTHING, Expr, RuleRef, chars, choice, literal, optional, repeat, seq
from wireproto.grammars.expr.right_linear import right_linear
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.schema.formula import FALSE, Formula, conjunction, negation, pointer_of
from wireproto.grammars.schema.notation import JSON, Delimiters, Notation, TokenWriter
from wireproto.grammars.schema.objects import MemberLayout, object_expr
from wireproto.grammars.schema.reading import Note, SchemaReader
from wireproto.grammars.schema.sets import ArraySet, Inexpressible, ItemCount, ObjectSet, StringSet
from wireproto.grammars.schema.values import ValueSet
from wireproto.values.errors import TooLarge

# The most digits in a row where the schema sets no limit: 2**64 has 20. A model that begins to repeat a digit has to
# stop.
_MAX_DIGITS: Final = 20
# A longer `prefixItems` gets a rule for each item: nested in place it would be as deep as it is long.
_NESTED_PREFIX: Final = 8
# Each state of an array becomes a rule.
_MAX_STATES: Final = 3_000
# `uniqueItems` remembers the set of values already used: up to 2 ** 10 states.
_MAX_DIFFERENT: Final = 10
# Each `contains` multiplies the states.
_MAX_COUNTS: Final = 5
# A longer string is counted by the engine, where it is one set of characters.
_MAX_STRING: Final = 128
# The states of a string with a length and a pattern, where not every spelling is allowed: that multiplies them again.
_MAX_LONG: Final = 4_000
_FEW_MARKUP: Final = "a long string holds few beginnings of markup"
NO_MARKUP: Final = "a long string holds no beginning of markup"
_DIGIT: Final = chars(char_range("0", "9"))
_NONZERO: Final = chars(char_range("1", "9"))
_E: Final = chars(char_set("eE"))


@dataclass(slots=True)
class ValueWriter:
    """The role of spelling: writes the values of one schema document into a rule table.

    `any_order`: up to so many keys may come in any order. `notation`: how values are spelled.
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
        # Writers of one class and notation share the rules of values that depend on no document.
        self.tokens = self.table.once((type(self), self.notation), lambda: TokenWriter(self.notation, self.table))
        self._by_numbers = self.table.once(NumberSet, dict)

    def flush(self) -> None:
        """Write the rules that are referred to and not written yet."""
        while self._todo:
            name, found, pointer = self._todo.pop()
            self.table.rules[name] = self.body(found, pointer)

    def value(self, formula: Formula, hint: str | None = None) -> Expr:
        """Return the texts of a formula's values; `flush` writes the rules that they refer to."""
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

    def number(self, found: NumberSet) -> Expr:
        """Return the texts of numbers."""
        if found not in self._by_numbers:
            options: list[Expr] = []
            if found.plain.finals:
                options.append(right_linear(found.plain, self.table, "number", most=_MAX_DIGITS))
            options += [
                seq(literal(sign), _exponents(large))
                for whole, sign, large in zip(found.regions, ("", "-") * 2, (True, True, False, False), strict=True)
                if whole
            ]
            self._by_numbers[found] = self.table.add("number", choice(*options))
        return self._by_numbers[found]

    def string(self, text: StringSet, pointer: str) -> Expr:
        """Return the texts of a set of strings."""
        text = text.counted()
        dfa, free = text.dfa, self.notation.within == ANY_TEXT
        keyword = "maxLength" if text.most is not None else "minLength"
        run = run_of(text)
        if run is not None:
            ranges, least, most = run
            if max(least, most or 0) > (_MAX_STRING if free else FEW) or (free and dfa == ANY_TEXT):
                self.reader.notes |= {} if free else {Note(pointer, keyword, _FEW_MARKUP, "narrowed"): None}
                return self.tokens.any_string(least, most, ranges)
        if text.least or text.most is not None:
            longest = dfa.longest()
            most = None if longest is not None and text.most is not None and longest <= text.most else text.most
            try:
                if free:
                    dfa &= length_dfa(text.least, most)
                else:
                    self.table.spend(max(text.least, most or 0))
                    dfa = dfa.met(length_dfa(text.least, most), _MAX_LONG)
            except TooLarge as error:
                self.refuse(pointer, keyword, error)
        return self.quoted(dfa, pointer)

    def quoted(self, dfa: Dfa, pointer: str) -> Expr:
        """Return the words of an automaton as strings."""
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
            self.reader.notes[Note(pointer, "maxLength", NO_MARKUP, "narrowed")] = None
            return self.tokens.unrestricted(dfa & self.notation.plain)

    def array(self, array: ArraySet, pointer: str) -> Expr:
        """Return the texts of arrays."""
        if array.unique and array.most is not None and array.most <= 1:
            array = replace(array, unique=False)
        try:
            if array.counts or array.unique:
                return _ArrayWriter(self, array).expr()
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
            written = seq(self.element(prefix[index], index), following)
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
        """The punctuation around the elements of an array."""
        return self.tokens.array

    @property
    def delimiters(self) -> Delimiters:
        """The punctuation around the members of an object."""
        return self.tokens.object

    def element(self, value: Formula, index: int | None = None) -> Expr:
        """Return the texts of an element of an array; `index` is where it stands, if that is one place only."""
        del index  # JSON writes all elements alike
        return self.value(value)

    def single(self, found: ValueSet) -> Expr:
        """Return the texts of an element of an array that is one of these few values."""
        return self.body(found, "")

    def member(self, key: str, value: Formula) -> Expr:
        """Return the texts of a member of an object."""
        return self._member(self.tokens.string(key), value)

    def free_member(self, keys: Dfa, value: Formula) -> Expr:
        """Return the texts of a member with any of these keys."""
        return self._member(self.quoted(keys, pointer_of(value)), value)

    def _member(self, key: Expr, value: Formula) -> Expr:
        return seq(key, self.tokens.colon, self.value(value))

    def object(self, found: ObjectSet, pointer: str, layout: MemberLayout | None = None) -> Expr:
        """Return the texts of objects; `layout` frames their members if it is given."""
        try:
            return object_expr(self.reader, self.table, self.any_order, found, pointer, layout or self)
        except (TooLarge, Inexpressible) as error:
            self.refuse(pointer, "properties" if found.most is None else "maxProperties", error)
        if found == ObjectSet():
            return NOTHING
        uncounted = replace(found, least=0, most=None, some=())
        return self.object(uncounted if found != uncounted else ObjectSet(), pointer, layout)


def run_of(text: StringSet) -> tuple[Ranges, int, int | None] | None:
    """Return a set of characters and two bounds if all texts of them are the strings; else None."""
    found = text.dfa.run()
    if found is None:
        return None
    ranges, least, most = found
    return ranges, max(least, text.least), min((each for each in (most, text.most) if each is not None), default=None)


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


@dataclass(frozen=True, slots=True)
class _ArrayState:
    """The state after some items: how many there were (as far as it matters), counts of `contains`, values used up."""

    index: int
    counts: tuple[int, ...]
    taken: frozenset[str] = frozenset()


@dataclass(slots=True)
class _ArrayWriter:
    writer: ValueWriter
    array: ArraySet
    far: int = 0
    known: dict[_ArrayState, RuleRef] = field(default_factory=dict)
    todo: list[_ArrayState] = field(default_factory=list)

    def expr(self) -> Expr:
        array = self.array
        if len(array.counts) > _MAX_COUNTS:
            raise TooLarge(f"more than {_MAX_COUNTS} things to count at once")
        self.far = max(len(array.prefix), array.least, (array.most or -1) + 1, *(c.start for c in array.counts), 0)
        start = _ArrayState(0, (0,) * len(array.counts))
        delimiters = self.writer.array_delimiters
        inside = choice(self.items(start), *([delimiters.closed] if self.ends(start) else []))
        while self.todo:
            state = self.todo.pop()
            more = seq(delimiters.between, self.items(state))
            end = [delimiters.close] if self.ends(state) else []
            self.writer.table.rules[self.known[state].name] = choice(more, *end)
        return seq(delimiters.open, inside)

    def after(self, state: _ArrayState) -> RuleRef:
        if state not in self.known:
            if len(self.known) > _MAX_STATES:
                raise TooLarge(f"more than {_MAX_STATES} states of an array")
            self.known[state] = RuleRef(self.writer.table.name("items"))
            self.todo.append(state)
        return self.known[state]

    def ends(self, state: _ArrayState) -> bool:
        met = all(count.least <= done for count, done in zip(self.array.counts, state.counts, strict=True))
        return met and state.index >= self.array.least

    def items(self, state: _ArrayState) -> Expr:
        """Return all possible next items, each with what follows it."""
        if self.array.most is not None and state.index >= self.array.most:
            return NOTHING
        options: list[Expr] = []
        for formula, counts in self.counted(state):
            index = min(state.index + 1, self.far)
            if not self.array.unique:
                options.append(seq(self.writer.element(formula, state.index), self.after(_ArrayState(index, counts))))
                continue
            for name, text in _different(self.writer, formula):
                if name not in state.taken:
                    options.append(seq(text, self.after(_ArrayState(index, counts, state.taken | {name}))))
        return choice(*options)

    def counted(self, state: _ArrayState) -> Iterator[tuple[Formula, tuple[int, ...]]]:
        """Split what the next item may be by what it counts for; yield each part with the counts after it."""
        here = self.array.item(state.index)
        pairs = zip(self.array.counts, state.counts, strict=True)
        choices = [_counted(count, done, state.index) for count, done in pairs]
        for picked in product(*choices):
            formula = conjunction(here, *(each for each, _ in picked))
            if formula != FALSE:
                yield formula, tuple(done for _, done in picked)


def _counted(count: ItemCount, done: int, index: int) -> list[tuple[Formula, int]]:
    if index < count.start or (done >= count.least and count.most is None):
        return [(conjunction(), done)]
    refused = (negation(count.formula), done)
    return [refused] if done == count.most else [(count.formula, done + 1), refused]


def _different(writer: ValueWriter, formula: Formula) -> list[tuple[str, Expr]]:
    """Return the few values of a formula, each with a name and its texts (for `uniqueItems`)."""
    found = writer.reader.values(formula)
    numbers = found.numbers.values(_MAX_DIFFERENT)
    texts = [each.words(_MAX_DIFFERENT) for each in found.strings]
    if found.arrays or found.objects or numbers is None or None in texts:
        raise Inexpressible("uniqueItems", "no grammar can express that all of many values differ")
    different = [("null", ValueSet(null=True))] if found.null else []
    different += [(str(truth), ValueSet(booleans=frozenset((truth,)))) for truth in sorted(found.booleans)]
    different += [(each, ValueSet(numbers=exactly([Decimal(each)]))) for each in numbers]
    words = sorted({word for each in texts for word in each or ()})
    different += [(f'"{word}', ValueSet(strings=(StringSet(words_dfa([word])),))) for word in words]
    if len(different) > _MAX_DIFFERENT:
        raise Inexpressible("uniqueItems", f"that more than {_MAX_DIFFERENT} values differ takes too many states")
    return [(name, writer.single(values)) for name, values in different]
