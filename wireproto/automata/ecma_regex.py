"""Parses ECMA-262 regular expressions into trees, with the `u` flag, as JSON Schema asks for.

It must not know automata or schemas. Law: what cannot be followed exactly (back references, scripts, escapes of other
languages) is refused with its position (`PatternError`), never guessed. What only Annex B allows is taken where all
engines read it alike.
Source: ECMA-262, 22.2.1, Patterns, and B.1.2; https://tc39.es/ecma262/#sec-patterns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, Union

from wireproto.automata.charset import ANY_CHAR, Ranges, category, char_range, char_set, complement, normal, union

DIGITS: Final = char_range("0", "9")
WORD: Final = union(DIGITS, char_range("a", "z"), char_range("A", "Z"), char_set("_"))
BLANK: Final = union(char_set("\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"), ((0x2000, 0x200A),))
_NOT_DOT: Final = char_set("\n\r\u2028\u2029")
_SETS: Final = {"d": DIGITS, "w": WORD, "s": BLANK}
_CONTROLS: Final = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
# The parser recurses for each group.
_MAX_DEPTH: Final = 60
# Keeps the error early; `patterns` limits the states that a count makes.
_MAX_COUNT: Final = 100_000
# What stands for itself after a backslash: syntax characters, and others by Annex B. Not `\\<`, which other languages
# use.
_SYNTAX: Final = frozenset("^$\\.*+?()[]{}|/-" + "!\"#%&',:;=@_`~ ")
_COUNT: Final = re.compile(r"\{([0-9]{1,9})(,([0-9]{0,9}))?\}")
_CATEGORIES: Final = {
    "Letter": "L", "Lowercase_Letter": "Ll", "Uppercase_Letter": "Lu", "Titlecase_Letter": "Lt",
    "Modifier_Letter": "Lm", "Other_Letter": "Lo", "Mark": "M", "Nonspacing_Mark": "Mn", "Spacing_Mark": "Mc",
    "Enclosing_Mark": "Me", "Number": "N", "Decimal_Number": "Nd", "digit": "Nd", "Letter_Number": "Nl",
    "Other_Number": "No", "Punctuation": "P", "punct": "P", "Symbol": "S", "Math_Symbol": "Sm",
    "Currency_Symbol": "Sc", "Separator": "Z", "Space_Separator": "Zs", "Other": "C", "Control": "Cc",
    "cntrl": "Cc", "Format": "Cf", "Unassigned": "Cn",
}  # fmt: skip
_SHORT: Final = re.compile(r"L[lutmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfon]?")


class PatternError(ValueError):
    """A pattern that is no regular expression, or one that no automaton can follow."""


@dataclass(frozen=True, slots=True)
class RegexChar:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class RegexSeq:
    """One part after another."""

    parts: tuple[RegexNode, ...]


@dataclass(frozen=True, slots=True)
class RegexChoice:
    """One of several."""

    options: tuple[RegexNode, ...]


@dataclass(frozen=True, slots=True)
class RegexRepeat:
    """A repetition; whether it is greedy or lazy changes no language."""

    item: RegexNode
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class RegexAssertion:
    """`^`, `$`, `b` or `B` (not between a word character and another)."""

    kind: Literal["^", "$", "b", "B"]


@dataclass(frozen=True, slots=True)
class LookAround:
    """A look-ahead or look-behind, positive or negative."""

    item: RegexNode
    ahead: bool
    negative: bool


RegexNode = Union[RegexChar, RegexSeq, RegexChoice, RegexRepeat, RegexAssertion, LookAround]


def parse(pattern: str) -> RegexNode:
    """Return the tree of a pattern, or raise `PatternError`."""
    reader = _PatternReader(pattern)
    node = reader.alternatives(0)
    if reader.pos < len(pattern):
        raise reader.error("unmatched )")
    return node


@dataclass(slots=True)
class _PatternReader:
    text: str
    pos: int = 0

    def error(self, why: str) -> PatternError:
        return PatternError(f"{why} at {self.pos} of the pattern {self.text[:80]!r}")

    def peek(self, text: str) -> bool:
        return self.text.startswith(text, self.pos)

    def take(self, *texts: str) -> str:
        """Take the first of the texts that comes next and return it, or an empty one."""
        found = next((text for text in texts if self.peek(text)), "")
        self.pos += len(found)
        return found

    def next(self) -> str:
        if self.pos >= len(self.text):
            raise self.error("the pattern ends too early")
        self.pos += 1
        return self.text[self.pos - 1]

    def alternatives(self, depth: int) -> RegexNode:
        if depth > _MAX_DEPTH:
            raise self.error(f"groups nested deeper than {_MAX_DEPTH}")
        options = [self.sequence(depth)]
        while self.take("|"):
            options.append(self.sequence(depth))
        return options[0] if len(options) == 1 else RegexChoice(tuple(options))

    def sequence(self, depth: int) -> RegexNode:
        parts: list[RegexNode] = []
        while self.pos < len(self.text) and self.text[self.pos] not in "|)":
            item = self.item(depth)
            parts.append(self.quantified(item))
        return parts[0] if len(parts) == 1 else RegexSeq(tuple(parts))

    def quantified(self, item: RegexNode) -> RegexNode:
        sign = self.take("*", "+", "?")
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1), "": (1, 1)}[sign]
        if not sign and self.peek("{"):
            found = _COUNT.match(self.text, self.pos)
            if found is None:
                # Annex B: a brace that is no count stands for itself. Not `{,n}`, a count in other languages.
                if self.peek("{,"):
                    raise self.error("a { that counts nothing")
                return item
            self.pos = found.end()
            least = int(found[1])
            most = least if found[2] is None else int(found[3]) if found[3] else None
        elif not sign:
            return item
        if isinstance(item, (RegexAssertion, LookAround)):
            raise self.error("a repeated assertion")
        if max(least, most or 0) > _MAX_COUNT or (most is not None and most < least):
            raise self.error("a repetition out of bounds")
        self.take("?")
        return RegexRepeat(item, least, most)

    def item(self, depth: int) -> RegexNode:
        sign = self.next()
        if sign == "(":
            return self.group(depth)
        if sign == "[":
            return RegexChar(self.char_class())
        if sign == ".":
            return RegexChar(complement(_NOT_DOT))
        if sign in "^$":
            return RegexAssertion("^" if sign == "^" else "$")
        if sign == "\\":
            boundary = self.take("b", "B")
            if boundary:
                return RegexAssertion("b" if boundary == "b" else "B")
            return RegexChar(self.escape())
        if sign in "*+?" or (sign == "{" and (self.peek(",") or _COUNT.match(self.text, self.pos - 1))):
            self.pos -= 1
            raise self.error(f"a lone {sign}")
        return RegexChar(char_set(sign))

    def group(self, depth: int) -> RegexNode:
        kind = self.take("?:", "?=", "?!", "?<=", "?<!", "?<", "?")
        if kind == "?":
            raise self.error("an unknown kind of group")
        if kind == "?<":
            name = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*>").match(self.text, self.pos)
            if name is None:
                raise self.error("a group without a name")
            self.pos = name.end()
        inner = self.alternatives(depth + 1)
        if not self.take(")"):
            raise self.error("a group that does not end")
        if kind in ("?=", "?!", "?<=", "?<!"):
            return LookAround(inner, ahead="<" not in kind, negative="!" in kind)
        return inner

    def escape(self) -> Ranges:
        """Return the characters that an escape stands for, inside and outside a class."""
        sign = self.next()
        if sign.lower() in _SETS:
            return _SETS[sign] if sign.islower() else complement(_SETS[sign.lower()])
        if sign in "pP":
            found = self.property()
            return found if sign == "p" else complement(found)
        if sign in _CONTROLS:
            return char_set(_CONTROLS[sign])
        if sign in _SYNTAX:
            return char_set(sign)
        if sign == "c":
            letter = self.next()
            if not (letter.isascii() and letter.isalpha()):
                raise self.error("a control escape without a letter")
            return char_set(chr(ord(letter) % 32))
        if sign == "0" and not (self.pos < len(self.text) and self.text[self.pos].isdigit()):
            return char_set("\0")
        if sign in "xu":
            point = self.hexadecimal(sign)
            return normal([(point, point)])
        self.pos -= 1
        raise self.error("a back reference" if sign.isdigit() or sign == "k" else f"the unknown escape \\{sign}")

    def hexadecimal(self, sign: str) -> int:
        shapes = r"\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{4})" if sign == "u" else r"()([0-9a-fA-F]{2})"
        found = re.compile(shapes).match(self.text, self.pos)
        if found is None:
            raise self.error("an escape without its digits")
        self.pos = found.end()
        point = int(found[1] or found[2], 16)
        low = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})").match(self.text, self.pos)
        if 0xD800 <= point < 0xDC00 and low:
            self.pos = low.end()
            point = 0x10000 + ((point & 0x3FF) << 10) + (int(low[1], 16) & 0x3FF)
        if point > 0x10FFFF or 0xD800 <= point < 0xE000:
            raise self.error("an escape of no character")
        return point

    def property(self) -> Ranges:
        found = re.compile(r"\{(?:(?:gc|General_Category)=)?([A-Za-z_]+)\}").match(self.text, self.pos)
        if found is None:
            raise self.error("a property that is not a general category")
        name = _CATEGORIES.get(found[1], found[1])
        if name in ("Any", "ASCII"):
            self.pos = found.end()
            return ANY_CHAR if name == "Any" else ((0, 0x7F),)
        if not _SHORT.fullmatch(name):
            raise self.error(f"the unknown property {name}")
        self.pos = found.end()
        return category(name)

    def char_class(self) -> Ranges:
        negative = bool(self.take("^"))
        members: Ranges = ()
        while not self.take("]"):
            first = self.class_atom()
            if self.peek("-") and not self.peek("-]"):
                self.pos += 1
                last = self.class_atom()
                if not (_is_one(first) and _is_one(last)) or last[0][0] < first[0][0]:
                    raise self.error("a range of characters without its ends")
                first = normal([(first[0][0], last[0][0])])
            members = union(members, first)
        return complement(members) if negative else members

    def class_atom(self) -> Ranges:
        sign = self.next()
        if sign != "\\":
            return char_set(sign)
        return char_set("\b") if self.take("b") else self.escape()


def _is_one(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]
