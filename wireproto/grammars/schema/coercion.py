"""The values that survive a round trip through untyped text: written raw and coerced by type, they come back.

It must not know dialects, or schemas beyond `Tool`. Law: a text of these sets decodes to its value without a diagnosis.
Strings that look like JSON of another declared type are left out: the wire has to state their type.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from wireproto.automata import decimals
from wireproto.automata.automaton import ANY_TEXT, NO_TEXT, Dfa, words_dfa
from wireproto.automata.decimals import NumberSet
from wireproto.automata.patterns import pattern_dfa
from wireproto.grammars.schema.formula import TRUE, Formula, pointer_of
from wireproto.grammars.schema.reading import Note
from wireproto.grammars.schema.sets import ArraySet, ObjectSet
from wireproto.grammars.schema.values import ValueSet
from wireproto.grammars.schema.writing import ValueWriter
from wireproto.tools.toolset import Tool
from wireproto.tools.types import NUMBERS, Types

_W: Final = r"[ \t\r\n]*"
_NUMBER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
# An integer may have a fraction of zeros, or an exponent that cancels its fraction.
_INTEGER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.0+|(?:\.[0-9]+)?[eE][-+]?[0-9]+)?"
_SCALAR: Final = rf'(?:"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*"|{_NUMBER}|true|false|null)'
# Inner brackets need not match, which is not regular: this covers JSON and a little more.
_ITEM: Final = rf"(?:[\[{{]{_W})*(?:{_SCALAR}|[\[{{]{_W}[\]}}])(?:{_W}[\]}}])*"
_LOOKS: Final = {
    "null": "null",
    "boolean": "true|false",
    "integer": _INTEGER,
    "number": _NUMBER,
    "array": rf"(?=\[){_ITEM}(?:{_W}[,:]{_W}{_ITEM})*",
    "object": rf"(?=\{{){_ITEM}(?:{_W}[,:]{_W}{_ITEM})*",
}
_ENDS: Final = {"array": r"\]", "object": r"\}"}
NO_NULL: Final = ~words_dfa(["null"])


def strings(tool: Tool, key: str) -> Dfa:
    """Return the strings that need no type on the wire."""
    types, wire = tool.types(key), tool.wire(key)
    if types is None or wire == "string":
        return ANY_TEXT
    if "string" not in types:
        return NO_TEXT
    if wire == "nullable" or _string_first(tool, key):
        return NO_NULL if "null" in types else ANY_TEXT
    return _unlike(types - {"string"})


def _string_first(tool: Tool, key: str) -> bool:
    """Whether text that is a string and a number alike is the string: then nothing else is legal but null."""
    types = tool.types(key)
    return types is not None and "string" in types and types <= NUMBERS | {"string", "null"}


def without_strings(found: ValueSet, tool: Tool, key: str) -> ValueSet:
    """Return a set without its strings, and without the numbers whose text would be read as one of them."""
    apart = found.numbers
    if _string_first(tool, key) and not apart.is_empty:
        for text in found.strings:
            apart = NumberSet(apart.plain - text.dfa)
    return replace(found, strings=(), numbers=apart)


@lru_cache(maxsize=64)
def _unlike(types: frozenset[str]) -> Dfa:
    found = ANY_TEXT
    for kind in sorted(types):
        found -= pattern_dfa(rf"^{_W}(?:{_LOOKS[kind]}){_W}$") & pattern_dfa(rf"{_ENDS.get(kind, '')}{_W}$")
    return found


def sample(keys: Dfa) -> str:
    """Return one of the shortest keys: all keys of a class are declared alike."""
    words, seen = [(0, "")], {0}
    for state, word in words:
        if state in keys.finals:
            return word
        for low, _, target in keys.edges[state]:
            if target not in seen:
                seen.add(target)
                words.append((target, word + chr(low)))
    return ""


def numbers(found: NumberSet, types: Types) -> NumberSet:
    """Return the numbers that need no type on the wire; a declared integer has no exponent."""
    if types is None or "number" in types:
        return found
    return (found & decimals.WHOLE).decimal if types & NUMBERS else decimals.NONE


def of_declared_types(writer: ValueWriter, value: Formula, types: Types) -> ValueSet:
    """Return the values of a formula that are of the declared types; a note says if any are left out."""
    found = writer.reader.values(value)
    fitting = of_types(found, types)
    if fitting != found and value != TRUE:
        what = f"only values that are declared as {' or '.join(sorted(types or ())) or 'nothing'} are written"
        writer.reader.notes[Note(pointer_of(value), "type", what, "narrowed")] = None
    return fitting


def of_types(found: ValueSet, types: Types) -> ValueSet:
    """Return the values of these types."""
    if types is None:
        return found
    number = found.numbers if "number" in types else found.numbers & decimals.WHOLE
    return ValueSet(
        found.null and "null" in types,
        found.booleans if "boolean" in types else frozenset(),
        number if types & NUMBERS else decimals.NONE,
        found.strings if "string" in types else (),
        found.arrays if "array" in types else (),
        found.objects if "object" in types else (),
    )


def has_empty(clause: ArraySet | ObjectSet) -> bool:
    """Whether the empty array or object is among these."""
    if isinstance(clause, ArraySet):
        return clause.least == 0 and not any(count.least for count in clause.counts)
    return not (clause.least or clause.some or any(member.required for member in clause.members))
