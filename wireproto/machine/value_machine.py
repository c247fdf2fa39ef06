"""What ends a raw value: the markers that are live in it, with their letters, and the rules that say what they mean.

The decoder runs it from marker to marker. `boundary` lays it out as an automaton of characters, which the grammars
write. It must not know text that is fed, events, or grammars. Law: of each rule about the end of a value there is one
definition, here or in `endings`, and decoder and grammar hold the same object.

- R-LOOK, R-HOLD, R-CLOSE2 (what follows two closers), R-NOCLOSE (closers without the value's own): `endings`.
- R-CLOSE2 (which of two closers is content): `OpenTags`.
- R-NOCLOSE (where an argument's opener ends a value): `ValueMachine.unclosed_behind`.
- R-NOCLOSE (which closers may have a slip in them): `ValueMachine.may_slip`, `other_closers`.
- R-OPEN (what quotes an opener): `QUOTE`. R-DEPTH (where an opener that nobody declared starts a line): `LINE_STARTS`.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from wireproto.format.near_misses import ABUTTING, BARS, MIN_NAMED
from wireproto.format.spelling import CACHED, Spelling, spellings
from wireproto.machine.endings import Endings, endings
from wireproto.text.scan import BLANK, NEVER, NO, WAIT, YES, Answer, Literals
from wireproto.text.xml_text import CDATA_OPEN

# Directly behind it an opener is quoted text.
QUOTE: Final = "`"
# Behind one of these an opener starts a line; behind nothing it does where the value begins.
LINE_STARTS: Final = frozenset(("", "\n", ">"))
# What may follow the name of a tag.
AFTER_TAG_NAME: Final = " \t\r\n=>/"


class OpenTags(NamedTuple):
    """What R-CLOSE2 remembers of a value: how many tags of its own name are open in it, and how many closers are held.

    Of two closers in a row the first is content if a tag is open, or if the value would be empty otherwise. Of three
    the first is content in any case.
    """

    opened: int = 0
    held: int = 0

    def after_opener(self, most: int = sys.maxsize) -> OpenTags:
        """Return the state behind an opener of the value's own tag, which is content; not more than `most` are counted.

        Who cannot count to the end never takes a tag for open that is not.
        """
        return OpenTags(min(self.after_text().opened + 1, most))

    def after_closer(self) -> OpenTags:
        """Return the state behind a closer of the value."""
        if self.held < 2:
            return OpenTags(self.opened, self.held + 1)
        return OpenTags(max(0, self.opened - 1), 2)

    def after_text(self) -> OpenTags:
        """Return the state where what is held turns out to be content."""
        return OpenTags(max(0, self.opened - self.held)) if self.held else self

    def keeps_first(self, is_empty: bool) -> bool:
        """Return whether the first of two closers is content; `is_empty`: nothing else would be."""
        return is_empty or self.opened > 0


@dataclass(frozen=True, slots=True, eq=False)
class ValueMachine:
    """What the ends of all values of a call have in common: its markers, and what is open around it.

    `unclosed_behind`: behind one of these characters, the opener of a key that the tool declares and that is not given
    yet ends a value without a closer. `call_openers`: what a call begins with, None if that may be its name alone. Get
    one from `value_machine`, which makes each only once.
    """

    spelling: Spelling
    call_close: str
    wrapped: bool
    sectioned: bool
    endings: Endings
    unclosed_behind: frozenset[str]
    call_openers: Literals | None

    @property
    def outer_closers(self) -> list[tuple[str, str]]:
        """The closers of the call and of what stands around it, with their letters."""
        closers = [("C", self.call_close), ("W", self.spelling.wrapper_close)]
        closers += [("S", close) for _, close in self.spelling.sections]
        return [(letter, closer) for letter, closer in closers if closer]

    def may_slip(self, letter: str, closer: str) -> bool:
        """Return whether a text that is like this closer may be meant as it (R-NOCLOSE)."""
        # Where a closer is nothing but a short name in brackets, other tags are like it.
        named = letter in "VC" and self.spelling.key_is_tag and len(closer) < MIN_NAMED
        return not named and letter != "M"


@lru_cache(maxsize=CACHED)
def value_machine(spelling: Spelling, call_close: str, wrapped: bool, sectioned: bool) -> ValueMachine:
    """Return the machine of a call's values. `wrapped`, `sectioned`: a wrapper or a section is open around the call."""
    # Where an opener is nothing but a key in brackets, one behind a word is a tag like any other.
    behind = frozenset("\n" if spelling.key_is_tag else "\n" + ABUTTING)
    named = spelling.late_headers or any(not header.first for header in spelling.headers)
    if spelling.lead:
        openers: Literals | None = Literals(frozenset(spelling.lead))
    else:
        openers = None if named else Literals(spelling.openers)
    return ValueMachine(spelling, call_close, wrapped, sectioned, endings(wrapped, sectioned), behind, openers)


class ValueMarkers(NamedTuple):
    """The closers that may end the value of a key, with their letters (see `Endings`), and what is like one.

    `tag` is how a tag begins that the value's closer closes. M among the letters is the wrong closer that models write:
    the key's own name. `slips` is what they begin with when there is a slip in one of them.
    """

    tag: str
    closers: tuple[tuple[str, str], ...]
    slips: tuple[str, ...]

    def opens_tag(self, text: str, pos: int, end: int) -> Answer:
        """Return whether a tag is opened at `pos` that the value's closer would close."""
        after = pos + len(self.tag)
        if not self.tag or not text.startswith(self.tag, pos, end):
            return NO
        return WAIT if after >= end else YES if text[after] in AFTER_TAG_NAME else NO


@lru_cache(maxsize=CACHED)
def value_markers(machine: ValueMachine, key: str) -> ValueMarkers:
    """Return the closers that may end the value of a key."""
    spelling = machine.spelling
    own, wrong = spelling.value_close(key), f"</{key}>"
    closers = [("V", own), *machine.outer_closers]
    if wrong not in (own, machine.call_close):
        closers.append(("M", wrong))
    closers = [(letter, closer) for letter, closer in closers if closer]
    barred = any(closer.startswith(BARS) for _, closer in closers)
    return ValueMarkers(spelling.value_tag(key), tuple(closers), ("</", *(BARS if barred else ())))


@lru_cache(maxsize=CACHED)
def plain_end(machine: ValueMachine, closer: str) -> re.Pattern[str]:
    """Return what matches a value without any marker up to its `closer`, where what stands behind that decides.

    That is one of the shortest of the accepted endings, or (group "key") what the opener of an argument begins with,
    which is still to be matched. The group "text" is the value.
    """
    spelling = machine.spelling
    blank = f"[{BLANK}]{{0,64}}"
    closers = {
        letter: "|".join(re.escape(text) for each, text in machine.outer_closers if each == letter) for letter in "CWS"
    }
    chains = [
        blank.join(f"(?:{closers[letter]})" for letter in ending[1:])
        for ending in ("VC", "VCW", "VCS")
        if ending in machine.endings.accepted and all(closers[letter] for letter in ending[1:])
    ]
    keys = "|".join(sorted({re.escape(key.first) for key in spelling.keys if key.first}))
    chains.append(f"(?P<key>{keys or NEVER})")
    firsts = re.escape("".join(sorted(live_in_value(machine, frozenset()).firsts | {closer[0]})))
    # Where the call is closed as the value is, the first that stands there is the value's.
    behind = f"{blank}(?!{re.escape(closer)})(?:{'|'.join(chains)})"
    return re.compile(f"(?P<text>[^{firsts}]*){re.escape(closer)}(?={behind})")


@lru_cache(maxsize=CACHED)
def other_closers(machine: ValueMachine, key: str) -> tuple[tuple[str, str], ...]:
    """Return the closers of a call as the other spellings of its dialect have them, with the letters of a slip."""
    spelling, markers = machine.spelling, value_markers(machine, key)
    own = {text for _, text in markers.closers}
    found: dict[str, str] = {}
    for other in spellings(spelling.dialect) if spelling.fixed_close else ():
        closers = [
            ("v", other.value_close(key)),
            ("c", other.fixed_close or ""),
            *(("s", s) for _, s in other.sections),
        ]
        for letter, closer in closers:
            found.setdefault(closer, letter)
    for letter, closer in markers.closers:
        if closer.startswith(BARS[0]):  # the bars of a keyboard
            found.setdefault(closer.replace(BARS[0][1], BARS[1][1]), letter.lower())
    return tuple((letter, closer) for closer, letter in found.items() if closer and closer not in own)


@lru_cache(maxsize=CACHED)
def live_in_value(machine: ValueMachine, names: frozenset[str]) -> Literals:
    """Return what is live inside a call's raw values; markers that hold a key are checked where they stand.

    Where an opener is nothing but a name in brackets, the declared `names` are the literals, if there are any.
    """
    spelling = machine.spelling
    found = {machine.call_close, spelling.wrapper_close, *(close for _, close in spelling.sections)}
    if spelling.key_is_tag and names:
        words = [name for name in names if spelling.keys[0].holds("key", name)]
        found |= {mark for word in words for mark in (f"<{word}", spelling.value_close(word))}
    else:
        tag = "" if spelling.value_closer.roles else spelling.value_tag("")
        found |= {tag, *(spelling.lead or spelling.openers), *(template.first for template in spelling.keys)}
    found.add(spelling.value_closer.first)
    # A closer of whatever name, above all one that was misspelt, is looked at where it stands.
    found |= {"</", *(BARS if any(closer.startswith(BARS) for closer in found) else ())}
    if spelling.codec.has_cdata:
        found.add(CDATA_OPEN)
    return Literals(frozenset(text for text in found if text))
