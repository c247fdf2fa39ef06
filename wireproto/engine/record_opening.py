"""Whether a JSON object that does not begin as a record does is one all the same: a look ahead for the tool's name.

Models put other members before the name, wrap the record in another object or an array, write braces twice and blanks
around names, or leave the arguments without an object of their own. Law: an answer rests on a bounded number of
characters and never changes when more text arrives, except from `WAIT`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from wireproto.format.dialect import ARGUMENT_ALIASES, NAME_ALIASES, SIDE_MEMBERS, WRAPPERS, Record
from wireproto.format.template import Slot
from wireproto.text import json_strings
from wireproto.text.scan import BLANK, NO, WAIT, YES, Answer, Miss, begins, skip_blank
from wireproto.tools.names import NAME
from wireproto.tools.toolset import Toolset

_REACH = 4096  # characters that are looked at
_MEMBERS = 8  # members before the name
_FUNCTION = "function"
_NO_ARGUMENTS = ("null", '""', "[]")
_DEFINES = ("type", "properties", "$schema", "required")  # what a schema begins with, where no arguments stand
_STRING = {
    '"': re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL),
    "'": re.compile(r"'([^'\\]*(?:\\.[^'\\]*)*)'", re.DOTALL),
}
_SCALAR = re.compile(r"[-+.\w]{1,64}")
_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["{}\[\]]', re.DOTALL)
_NAME = re.compile(r"\S{1,128}")
# The first key of an object, and how an object begins that may have one.
_FIRST_KEY = re.compile(r"""\{[ \t\r\n]*["']([^"'\\]{1,128})["'][ \t\r\n]*:""")
_HALF_KEY = re.compile(r"""\{[ \t\r\n]*(?:["'][^"'\\]{0,128}(?:["'][ \t\r\n]*)?)?\Z""")
_INDENT = re.compile(r"(?:[ \t\r\n]|\\[nrt]){0,64}")


def odd_arguments(text: str, pos: int, end: int, close: str) -> Answer:
    """Match arguments that are put into a string or an array; or a word for none at all, and the call's closer."""
    answers: list[Answer] = []
    if text[pos] in "\"'[":
        inside = _INDENT.match(text, pos + 1, end)
        at = inside.end() if inside is not None else pos
        answers.append(WAIT if text[at:end] in ("", "\\") else YES if text[at] == "{" else NO)
    for word in _NO_ARGUMENTS if close else ():
        stands = begins(word, text, pos, end)
        answers.append(begins(close, text, skip_blank(text, pos + len(word), end), end) if stands is YES else stands)
    return YES if YES in answers else WAIT if WAIT in answers else NO


def begins_arguments(keys: frozenset[str], text: str, pos: int, end: int) -> Answer:
    """Return whether an object stands at `pos` that begins with one of the keys."""
    if pos >= end:
        return WAIT
    found = _FIRST_KEY.match(text, pos, end)
    if found is not None:
        return YES if found[1] in keys else NO
    return may_begin_object(text, pos, end)


def may_begin_object(text: str, pos: int, end: int) -> Miss:
    """Return whether more text may make an object with a first key of what stands at `pos`."""
    return WAIT if _HALF_KEY.match(text, pos, end) else NO


class _Undecided(Exception):
    """What a look ahead comes to where the text is no record, or goes no further."""

    def __init__(self, answer: Miss) -> None:
        super().__init__(answer)
        self.answer: Miss = answer


@dataclass(slots=True)
class RecordAhead:
    """A look into the object at a place. `marked`: a marker stands before it; otherwise only much evidence counts.

    `unknown`: tools that nobody declared count too. `undetected`: it is not known yet which dialect this is.
    `follows`: a call of the same format stands right before it.
    """

    text: str
    end: int
    record: Record
    tools: Toolset
    marked: bool
    unknown: bool
    undetected: bool
    follows: bool

    def look(self, pos: int) -> Answer:
        """Return whether the object or array at `pos` is a call."""
        cut = self.end > pos + _REACH
        self.end = min(self.end, pos + _REACH)
        try:
            return YES if self._is_record(pos) else NO
        except _Undecided as found:
            return NO if cut else found.answer

    def begins_call(self, pos: int, final: bool) -> Answer:
        """Return whether a record whose first key ends at `pos` is a call: a declared tool, and no definition of it."""
        at = skip_blank(self.text, pos, self.end)
        for expected in (":", "\"'"):
            if at >= self.end:
                return WAIT
            if self.text[at] not in expected:
                return NO
            at = skip_blank(self.text, at + 1, self.end) if expected == ":" else at
        slot = Slot("name", (self.text[at] * 2,)).match(self.text, at, self.end)
        if slot is NO and self.tools.unusual.names:
            return self._unusual_name(at, final)
        if not isinstance(slot, tuple):
            return slot
        return self._second_member(slot[0], slot[1], final) if self.tools.accepts(slot[1]) else NO

    def _unusual_name(self, pos: int, final: bool) -> Answer:
        """Match a string of JSON that spells a declared name beyond the alphabet."""
        known = self.tools.unusual.names
        name, at = json_strings.decode(self.text, pos + 1, self.end, self.text[pos], set())
        if at >= self.end or self.text[at] != self.text[pos]:
            return WAIT if any(each.startswith(name) for each in known) else NO
        return self._second_member(at + 1, name, final) if name in known else NO

    def _second_member(self, pos: int, name: str, final: bool) -> Answer:
        """Match the next member: arguments, which set a format apart from any other JSON, and no tool's definition."""
        at = skip_blank(self.text, pos, self.end)
        if self.undetected:
            comma = begins(",", self.text, at, self.end)
            behind = skip_blank(self.text, at + 1, self.end)
            key = begins(f'"{self.record.arguments[0]}"', self.text, behind, self.end) if comma is YES else comma
            if key is not YES:
                return key
        defines = self._defines(at, name)
        return WAIT if defines is WAIT and not final else NO if defines is YES else YES

    def _defines(self, pos: int, name: str) -> Answer:
        """Return whether what follows a name, which ends at `pos`, is the rest of a definition: no call."""
        tool = self.tools.by_name.get(name)
        keys = tool.keys if tool is not None else frozenset()
        self.end = min(self.end, pos + _REACH)
        try:
            key, at = self._key(self._after(pos, ","))
            if key in keys and key not in self.record.arguments:
                return NO
            if key not in (*self.record.arguments, *ARGUMENT_ALIASES):
                return YES if key == "description" else NO
            first, _ = self._key(self._after(at, "{"))
            return YES if first in _DEFINES and first not in keys else NO
        except _Undecided as found:
            return found.answer

    def _is_record(self, pos: int) -> bool:
        if self._char(pos) == "[":
            pos = self._skip(pos + 1)
        at = self._after(pos, "{")
        if self._char(at) == "{":
            at = self._skip(at + 1)
        typed, only_side = False, True
        for count in range(_MEMBERS):
            key, at = self._key(at)
            char = self._char(at)
            if self.marked and not count and key in ARGUMENT_ALIASES:
                return True
            if key in (*self.record.name, *NAME_ALIASES) and char in _STRING:
                return self._names_a_tool(key, at, typed, only_side)
            if key in WRAPPERS and char in ("{[" if self.marked else "{"):
                at = self._after(self._skip(at + 1), "{") if char == "[" else self._skip(at + 1)
                continue
            start, at = at, self._value(at)
            only_side = only_side and key in SIDE_MEMBERS
            typed = typed or (key == "type" and self.text[start + 1 : at - 1] == _FUNCTION)
            if not self.marked and (not only_side or (key == "type" and not typed)):
                return False
            at = self._after(self._skip(at), ",")
        return False

    def _names_a_tool(self, key: str, at: int, typed: bool, only_side: bool) -> bool:
        """Decide by the name that stands at `at`; without a marker, arguments have to follow it."""
        written, after = self._string(at)
        name = json_strings.decode(written, 0, len(written), self.text[at], set())[0].strip(BLANK)
        word = _NAME if self.marked else NAME  # without a marker, a name has to look like one
        declared = name in self.tools.by_name or (self.tools.any_name and word.fullmatch(name) is not None)
        if self.marked:
            known = declared or (self.unknown and only_side and written == name and _NAME.fullmatch(name) is not None)
            return known if key in self.record.name else declared
        if not declared and not (self.follows and self.unknown and NAME.fullmatch(written)):
            return False
        return self._arguments_follow(after, name, typed)

    def _arguments_follow(self, at: int, name: str, typed: bool) -> bool:
        tool = self.tools.by_name.get(name)
        at = self._skip(at)
        if self._char(at) == "}" and typed:
            return True
        key, at = self._key(self._after(at, ","))
        if tool is not None and key in tool.keys and key not in self.record.arguments:
            return True
        canonical = self.record.arguments[0]
        if key not in ((canonical,) if self.undetected and not typed else (canonical, *ARGUMENT_ALIASES)):
            return False
        if self._char(at) != "{":
            return self._char(at) in _STRING and self._string(at)[0].lstrip(BLANK).startswith("{")
        at = self._skip(at + 1)
        if self._char(at) in "{}":
            return True
        first, _ = self._key(at)
        return first in tool.keys if tool is not None else first not in _DEFINES

    # Tokens.

    def _skip(self, at: int) -> int:
        return skip_blank(self.text, at, self.end)

    def _char(self, at: int) -> str:
        if at >= self.end:
            raise _Undecided(WAIT)
        return self.text[at]

    def _after(self, at: int, char: str) -> int:
        """Return where the next token stands behind this character."""
        if self._char(at) != char:
            raise _Undecided(NO)
        return self._skip(at + 1)

    def _key(self, at: int) -> tuple[str, int]:
        """Return a member's key, and where its value stands."""
        key, at = self._string(at)
        return key, self._after(self._skip(at), ":")

    def _string(self, at: int) -> tuple[str, int]:
        """Return what a string holds, escapes as they are written, and what is behind it."""
        pattern = _STRING.get(self._char(at))
        if pattern is None:
            raise _Undecided(NO)
        return self._found(pattern.match(self.text, at, self.end), 1)

    def _value(self, at: int) -> int:
        """Skip a value."""
        if self._char(at) in _STRING:
            return self._string(at)[1]
        if self._char(at) not in "{[":
            found = _SCALAR.match(self.text, at, self.end)
            if found is None:
                raise _Undecided(NO)
            self._char(found.end())
            return found.end()
        depth = 0
        while True:
            mark, at = self._found(_BRACKETS.search(self.text, at, self.end), 0)
            if mark == '"':
                raise _Undecided(WAIT)
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(mark, 0)
            if depth == 0:
                return at

    @staticmethod
    def _found(match: re.Match[str] | None, group: int) -> tuple[Any, int]:
        if match is None:
            raise _Undecided(WAIT)
        return match[group], match.end()
