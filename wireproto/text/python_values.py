"""Python's literals as models write them, JSON's words among them: one whole text to one value.

It must not know tools, schemas, dialects or diagnoses. What is no literal is not read at all, so nothing is run. Law:
a repair never goes unnamed, and no text whatever raises anything but `NotLiteral`. Time is linear, depth is bounded.
"""

from __future__ import annotations

import re
from decimal import Decimal
from math import isinf
from typing import Any, Final, Union

from wireproto.text.json_repair import Reading
from wireproto.text.literals import WORDS, NotLiteral
from wireproto.text.numbers import MAX_DIGITS, decimal
from wireproto.text.python_strings import OPENER, Quotes, decode
from wireproto.values.exact_json import MAX_DEPTH

LADDER: Final = ("control-character", "invalid-escape", "leading-zero", "tuple", "lone-surrogate")
BLANK: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_WORD: Final = re.compile(r"[A-Za-z]+\b")
_NUMBER: Final = re.compile(r"([-+]?)(?:(\d[\d_]*)(?:(\.)(\d*))?|(\.)(\d+))([eE][-+]?\d{1,6})?(?![\w.])", re.ASCII)
_CLOSERS: Final = {"[": "]", "{": "}", "(": ")"}


class _Bracket:
    """A list, a tuple or a dict whose closing bracket has not been read; `key` is that of the member being read."""

    __slots__ = ("closer", "comma", "items", "key", "members")

    def __init__(self, closer: str) -> None:
        self.closer = closer
        self.items: list[Any] = []
        self.members: dict[str, Any] = {}
        self.key: str | None = None
        self.comma = False

    @property
    def wants_key(self) -> bool:
        return self.closer == "}" and self.key is None

    def add(self, value: Any) -> None:
        if self.key is not None:
            self.members[self.key], self.key = value, None
        else:
            self.items.append(value)

    def value(self, repairs: set[str]) -> Any:
        """Return what it holds; parentheses around one value are no tuple."""
        if self.closer == "}":
            return self.members
        if self.closer == ")":
            if len(self.items) == 1 and not self.comma:
                return self.items[0]
            repairs.add("tuple")
        return self.items


def loads(src: str, *, max_depth: int = MAX_DEPTH, decimals: bool = False) -> Reading:
    """Return the value that `src` spells and the repairs it took.

    `decimals`: numbers with a fraction or an exponent are `Decimal`, and no float. Of a key that is given twice the
    last value counts.

    Raises:
        NotLiteral: it spells none, or is nested deeper than `max_depth`.
    """
    reader = _LiteralText(src, max_depth, decimals)
    value = reader.value()
    return Reading(value, tuple(rung for rung in LADDER if rung in reader.repairs))


class _LiteralText:
    """Reads one text from left to right, with a stack of its own."""

    def __init__(self, src: str, max_depth: int, decimals: bool) -> None:
        self._src, self._max_depth, self._decimals = src, max_depth, decimals
        self._pos = 0
        self._stack: list[_Bracket] = []
        self._last: Any = None
        self.repairs: set[str] = set()

    def value(self) -> Any:
        """Return the value."""
        src, stack = self._src, self._stack
        while True:
            self._skip()
            char = src[self._pos : self._pos + 1]
            if char in _CLOSERS and char:
                if len(stack) >= self._max_depth:
                    raise NotLiteral(f"nested deeper than {self._max_depth}")
                stack.append(_Bracket(_CLOSERS[char]))
                self._pos += 1
                continue
            if stack and char == stack[-1].closer and stack[-1].key is None:
                self._pos += 1
                value = stack.pop().value(self.repairs)
            else:
                value = self._scalar(char)
            if self._attach(value):
                self._skip()
                if self._pos < len(src):
                    raise NotLiteral("text after the value")
                return self._last

    def _attach(self, value: Any) -> bool:
        """Give a value to what holds it, and close what ends with it; True if it is the whole."""
        src, stack = self._src, self._stack
        while stack:
            top = stack[-1]
            self._skip()
            sign = src[self._pos : self._pos + 1]
            if top.wants_key:
                if not isinstance(value, str) or sign != ":":
                    raise NotLiteral("a key is no string, or has no value")
                top.key = value
                self._pos += 1
                return False
            top.add(value)
            self._pos += 1
            if sign == ",":
                top.comma = True
                return False
            if sign != top.closer:
                raise NotLiteral("a comma or a closing bracket is missing")
            value = stack.pop().value(self.repairs)
        self._last = value
        return True

    def _scalar(self, char: str) -> Any:
        src = self._src
        if OPENER.match(src, self._pos) is not None:
            return self._string()
        if not char:
            raise NotLiteral("a value is missing")
        found = _NUMBER.match(src, self._pos)
        if found is not None:
            self._pos = found.end()
            return self._number(found)
        word = _WORD.match(src, self._pos)
        if word is None or word[0] not in WORDS:
            raise NotLiteral("not a literal")
        self._pos = word.end()
        return WORDS[word[0]]

    def _string(self) -> str:
        """Read strings that stand side by side, which are one."""
        src, pieces = self._src, []
        while (opener := OPENER.match(src, self._pos)) is not None:
            quotes = Quotes(opener["quotes"], opener["prefix"] in ("r", "R"))
            piece, at = decode(src, opener.end(), len(src), quotes, self.repairs)
            if not src.startswith(quotes.delimiter, at):
                raise NotLiteral("a string is not closed")
            pieces.append(piece)
            self._pos = at + len(quotes.delimiter)
            self._skip()
        return "".join(pieces)

    def _number(self, found: re.Match[str]) -> int | float | Decimal:
        sign, digits = "-" * (found[1] == "-"), (found[2] or "0").replace("_", "")
        fraction, exponent = (found[4] or found[6] or "").replace("_", ""), found[7] or ""
        if len(digits) > MAX_DIGITS:
            raise NotLiteral("a number of too many digits")
        plain = digits.lstrip("0") or "0"
        if plain != digits:
            self.repairs.add("leading-zero")
        if not (found[3] or found[5] or exponent):
            return int(sign + plain)
        spelled = f"{sign}{plain}.{fraction or '0'}{exponent}"
        try:
            value: Union[float, Decimal] = decimal(spelled) if self._decimals else float(spelled)
        except ValueError:
            raise NotLiteral("a number that is too large") from None
        if isinstance(value, float) and isinf(value):
            raise NotLiteral("a number that is too large")
        return value

    def _skip(self) -> None:
        found = BLANK.match(self._src, self._pos)
        self._pos = found.end() if found is not None else self._pos
