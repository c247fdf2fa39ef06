"""Values as programs spell them: Python's literals and keyword arguments.

They are read and never run: what is no literal is not read at all. It must not know tools or calls. Law: a text is read
once from left to right, to a bounded depth, and what cannot be read raises `NotLiteral` and nothing else.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, Final

from wireproto.text.python_strings import OPENER, Quotes, decode

_DEPTH: Final = 32
_DIGITS: Final = 300
_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_NAME: Final = r"[A-Za-z_$][\w.$-]{0,127}"
_NUMBER: Final = re.compile(rf"[-+]?(?:\d[\d_]{{0,{_DIGITS}}}(\.\d*)?|(\.\d+))([eE][-+]?\d{{1,4}})?(?![\w.])")
_WORD: Final = re.compile(r"[A-Za-z]+\b")
WORDS: Final = {"True": True, "False": False, "None": None, "true": True, "false": False, "null": None}


class NotLiteral(ValueError):
    """Text that spells no value."""


class LiteralReader:
    """Reads one value after another; `position` is where the next begins."""

    def __init__(self, text: str, position: int, end: int) -> None:
        self._text, self.position, self._end = text, position, end

    def members(self, closer: str, sign: str) -> tuple[dict[str, Any], list[Any]]:
        """Read up to the closer: the members with a name, which `sign` follows, and those without.

        Raises:
            NotLiteral: a member is no literal, or a name is given twice.
        """
        return self._members(closer, sign, 0)

    def _members(self, closer: str, sign: str, depth: int) -> tuple[dict[str, Any], list[Any]]:
        named: dict[str, Any] = {}
        listed: list[Any] = []
        while not self._takes(closer):
            key = self._key(sign)
            value = self._value(depth)
            if key is None:
                listed.append(value)
            elif key in named:
                raise NotLiteral(f"{key} is given twice")
            else:
                named[key] = value
            if not self._takes(",") and not self._text.startswith(closer, self.position, self._end):
                raise NotLiteral("a comma is missing")
        return named, listed

    def _key(self, sign: str) -> str | None:
        found = re.compile(rf"({_NAME})[ \t]*{re.escape(sign)}(?!=)").match(self._text, self.position, self._end)
        if found is not None:
            self.position = found.end()
            return found[1]
        return None

    def _value(self, depth: int) -> Any:
        self._skip()
        text, at = self._text, self.position
        if depth > _DEPTH:
            raise NotLiteral("nested too deeply")
        if OPENER.match(text, at, self._end) is not None:
            return self._string()
        if self._takes("{"):
            return self._object(depth)
        for opener, closer in ("[]", "()"):
            if self._takes(opener):
                return self._items(closer, depth)
        number = _NUMBER.match(text, at, self._end)
        if number is not None:
            self.position = number.end()
            return _number(number)
        word = _WORD.match(text, at, self._end)
        if word is None or word.group() not in WORDS:
            raise NotLiteral("no literal")
        self.position = word.end()
        return WORDS[word.group()]

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._takes("}"):
            key = self._value(depth + 1)
            if not isinstance(key, str) or not self._takes(":"):
                raise NotLiteral("no key")
            found[key] = self._value(depth + 1)
            if not self._takes(",") and not self._text.startswith("}", self.position, self._end):
                raise NotLiteral("a comma is missing")
        return found

    def _items(self, closer: str, depth: int) -> Any:
        found: list[Any] = []
        comma = True
        while not self._takes(closer):
            found.append(self._value(depth + 1))
            comma = self._takes(",")
            if not comma and not self._text.startswith(closer, self.position, self._end):
                raise NotLiteral("a comma is missing")
        return found[0] if closer == ")" and len(found) == 1 and not comma else found

    def _string(self) -> str:
        """Read strings that stand side by side, which are one."""
        pieces: list[str] = []
        while (opener := OPENER.match(self._text, self.position, self._end)) is not None:
            quotes, repairs = Quotes(opener["quotes"], opener["prefix"] in ("r", "R")), set[str]()
            piece, at = decode(self._text, opener.end(), self._end, quotes, repairs)
            if not self._text.startswith(quotes.delimiter, at, self._end):
                self.position = self._end
                raise NotLiteral("a string that is not closed")
            if repairs - {"control-character"}:
                raise NotLiteral("an escape that is no character")
            pieces.append(piece)
            self.position = at + len(quotes.delimiter)
            self._skip()
        return "".join(pieces)

    def _takes(self, sign: str) -> bool:
        """Skip blanks, and then the sign if it is there."""
        self._skip()
        taken = self._text.startswith(sign, self.position, self._end)
        self.position += len(sign) * taken
        return taken

    def _skip(self) -> None:
        found = _BLANK.match(self._text, self.position, self._end)
        self.position = found.end() if found is not None else self.position


def _number(found: re.Match[str]) -> int | float:
    digits = found.group().replace("_", "")
    if not (found[1] or found[2] or found[3]):
        return int(digits)
    value = float(digits)
    if not isfinite(value):
        raise NotLiteral("a number that is too large")
    return value
