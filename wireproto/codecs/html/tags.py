"""Markup in HTML: tags, comments, and where an element whose content is text ends.

One table walks through markup a character class at a time, so it can stop anywhere and go on later. It knows nothing of
forms or calls. Law: no character is looked at twice, however the text is cut.

Source: the HTML Standard, 13.2.5 (tokenization); names of states are shortened from there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from wireproto.codecs.html.text import SPACE, decode_attribute, lower
from wireproto.format.spelling import CACHED
from wireproto.text.scan import NO, WAIT, Miss

Kind = Literal["start", "end", "comment"]
MarkupState = str  # a key of one of the two tables below, or DONE
DONE: Final = "done"

_LETTER: Final = re.compile(r"[A-Za-z]")
_NAME: Final = re.compile(rf"</?([^{SPACE}/>]*)")
_ATTRIBUTE: Final = re.compile(
    rf"([^{SPACE}/>][^{SPACE}/>=]*)(?:[{SPACE}]*=[{SPACE}]*(?:\"([^\"]*)\"|'([^']*)'|(?![\"'])([^{SPACE}>]*)))?"
)
_BLANKS: Final = rf"[{SPACE}]*"
_MAX_BLANKS: Final = 64


def _at(next_states: Mapping[str, MarkupState]) -> dict[str, MarkupState]:
    """Spell a row of the table out: the first character of a key is the only one, but " " is all white space."""
    return {char: state for key, state in next_states.items() for char in (SPACE if key == " " else key)}


# MarkupState: what to skip; what state each character leads to; what state any other character leads to.
_TABLE: Final[dict[MarkupState, tuple[re.Pattern[str], dict[str, MarkupState], MarkupState]]] = {
    "name": (re.compile(rf"[^{SPACE}/>]*"), _at({" ": "between", "/": "between", ">": DONE}), "name"),
    "between": (re.compile(rf"[{SPACE}/]*"), _at({">": DONE}), "attribute"),
    "attribute": (
        re.compile(rf"[^{SPACE}/>=]*"),
        _at({" ": "after", "/": "between", "=": "value", ">": DONE}),
        "attribute",
    ),
    "after": (re.compile(_BLANKS), _at({"/": "between", "=": "value", ">": DONE}), "attribute"),
    "value": (re.compile(_BLANKS), _at({'"': "double", "'": "single", ">": DONE}), "bare"),
    "double": (re.compile(r'[^"]*'), _at({'"': "between"}), "double"),
    "single": (re.compile(r"[^']*"), _at({"'": "between"}), "single"),
    "bare": (re.compile(rf"[^{SPACE}>]*"), _at({" ": "between", ">": DONE}), "bare"),
    "bogus": (re.compile(r"[^>]*"), _at({">": DONE}), "bogus"),
    "comment-start": (re.compile(""), _at({"-": "comment-start-dash", ">": DONE}), "comment"),
    "comment-start-dash": (re.compile(""), _at({"-": "comment-end", ">": DONE}), "comment"),
    "comment": (re.compile(r"[^-]*"), _at({"-": "comment-dash"}), "comment"),
    "comment-dash": (re.compile(""), _at({"-": "comment-end"}), "comment"),
    "comment-end": (re.compile(r"-*"), _at({"!": "comment-bang", ">": DONE}), "comment"),
    "comment-bang": (re.compile(""), _at({"-": "comment-dash", ">": DONE}), "comment"),
}


@dataclass(frozen=True, slots=True)
class HtmlTag:
    """A tag: its name and its attributes, decoded, of one name the first."""

    name: str
    attributes: Mapping[str, str]


def markup_at(text: str, pos: int, end: int) -> tuple[Kind, MarkupState, int] | Miss:
    """Return what the `<` at `pos` begins: its kind, its first state and where to go on; NO if it is text."""
    following = text[pos + 1 : min(pos + 4, end)]
    if _LETTER.match(following):
        return "start", "name", pos + 1
    if following[:1] == "/":
        if _LETTER.match(following, 1):
            return "end", "name", pos + 2
        return ("comment", "bogus", pos + 2) if len(following) > 1 else WAIT
    if following[:1] == "!":
        if following == "!--":
            return "comment", "comment-start", pos + 4
        return WAIT if "!--".startswith(following) else ("comment", "bogus", pos + 2)
    if following[:1] == "?":
        return "comment", "bogus", pos + 2
    return NO if following else WAIT


def advance(state: MarkupState, text: str, pos: int, end: int) -> tuple[MarkupState, int]:
    """Walk on through markup from `pos` up to its end, then the state is DONE, or up to `end`."""
    while state != DONE:
        skip, following, otherwise = _TABLE[state]
        found = skip.match(text, pos, end)
        pos = found.end() if found is not None else pos
        if pos >= end:
            break
        state = following.get(text[pos], otherwise)
        pos += 1
    return state, pos


def tag_name(raw: str) -> str:
    """Return the name of a whole tag."""
    found = _NAME.match(raw)
    return lower(found[1]) if found is not None else ""


def read_tag(raw: str) -> HtmlTag:
    """Return a whole tag with its attributes."""
    found = _NAME.match(raw)
    start = found.end() if found is not None else len(raw)
    attributes: dict[str, str] = {}
    for one in _ATTRIBUTE.finditer(raw, start, len(raw) - 1):
        value = next((one[i] for i in (2, 3, 4) if one[i] is not None), "")
        attributes.setdefault(lower(one[1]), value)
    return HtmlTag(tag_name(raw), {name: decode_attribute(value) for name, value in attributes.items()})


@dataclass(frozen=True, slots=True, eq=False)
class Closer:
    """The end tag of an element whose content is text; in a salted dialect only one whose first word is the salt."""

    whole: re.Pattern[str]
    half: re.Pattern[str]
    longest: int

    def scan(self, state: MarkupState, text: str, pos: int, end: int) -> tuple[MarkupState, int, bool]:
        """Look for the end tag from `pos` on; return where it is, or what may be half of it, or `end`; and if it is."""
        start = text.find("<", pos, end)  # one character is found much faster than a pattern
        if start < 0:
            return state, end, False
        found = self.whole.search(text, start, end)
        if found is not None:
            return state, found.start(), True
        half = self.half.search(text, max(start, end - self.longest), end)
        return state, half.start() if half is not None else end, False


class ScriptCloser(Closer):
    """The end tag of a script, which does not count between `<!--`, `<script` and what closes these."""

    __slots__ = ()

    def scan(self, state: MarkupState, text: str, pos: int, end: int) -> tuple[MarkupState, int, bool]:
        """Look for the end tag from `pos` on, and keep track of what hides it."""
        while (found := _SCRIPT[state][0].search(text, pos, end)) is not None:
            following = _SCRIPT[state][1].get(lower(found[0]), DONE)
            if following == DONE:
                return state, found.start(), True
            state, pos = following, found.end()
        half = self.half.search(text, max(pos, end - self.longest), end)
        return state, half.start() if half is not None else end, False


def _of(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


_SCRIPT_END: Final = rf"</script(?=[{SPACE}/>])"
# MarkupState: what to look for; what state each leads to, if it does not end the script.
_SCRIPT: Final[dict[MarkupState, tuple[re.Pattern[str], dict[str, MarkupState]]]] = {
    "data": (_of(rf"<!(?=--)|{_SCRIPT_END}"), {"<!": "escaped"}),
    "escaped": (_of(rf"-->|<script(?=[{SPACE}/>])|{_SCRIPT_END}"), {"-->": "data", "<script": "double"}),
    "double": (_of(rf"-->|{_SCRIPT_END}"), {"-->": "data", "</script": "escaped"}),
}


@lru_cache(maxsize=CACHED)
def closer(name: str, nonce: str) -> Closer:
    """Return the end tag of an element."""
    if name == "script" and not nonce:
        half = rf"(?:<{_prefixes('script')}|<{_prefixes('/script')}|<{_prefixes('!-')}|--?)\Z"
        return ScriptCloser(_SCRIPT["data"][0], _of(half), len("</script"))
    if name == "plaintext":
        return Closer(_of("(?!)"), _of("(?!)"), 0)
    if not nonce:
        return Closer(_of(rf"</{name}(?=[{SPACE}/>])"), _of(rf"<{_prefixes('/' + name)}\Z"), len(name) + 2)
    blanks = rf"[{SPACE}/]{{1,{_MAX_BLANKS}}}"
    salt = f"(?:{blanks}{_prefixes(nonce)})?"
    return Closer(
        _of(rf"</{name}{blanks}{nonce}(?=[{SPACE}/>])"),
        _of(rf"<{_prefixes('/' + name, salt)}\Z"),
        len(name) + len(nonce) + _MAX_BLANKS + 2,
    )


def _prefixes(word: str, rest: str = "") -> str:
    """Return a pattern of every beginning of a word, the empty one too, and of the whole word with `rest`."""
    pattern = rest
    for char in reversed(word):
        pattern = f"(?:{char}{pattern})?"
    return pattern
