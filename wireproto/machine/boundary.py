"""Where a raw value ends, as an automaton: the decoder's own rule, so a model may write all that it could write freely.

Which marker sequences end a value comes from the machine's `endings`, the table that the decoder reads too; their texts
come from the dialect's templates. The automaton reads a value and its closer, and stops where a text would end the
value anywhere else. A nested call in the dialect's own spelling is content as a whole (R-DEPTH): there the automaton
calls itself.

It must not know schemas or any grammar language. Law: what is accepted decodes to the value before the closer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

from wireproto.automata.automaton import Dfa, build_dfa, edges_to
from wireproto.automata.charset import char_set, complement
from wireproto.automata.until import texts_without
from wireproto.format.spelling import CACHED
from wireproto.machine.marker_nfa import (
    MarkerNfa,
    MarkerPath,
    Meaning,
    Step,
    Steps,
    ValueAutomaton,
    determinised,
    literal_steps,
)
from wireproto.machine.marker_steps import GAP, calls, openers_of, sections
from wireproto.machine.sites import ValueSite, Word
from wireproto.machine.slips import any_tag, near, second_opener
from wireproto.machine.value_machine import AFTER_TAG_NAME, LINE_STARTS, value_markers
from wireproto.text.scan import BLANK

# In mid-line an opener of a call is a mention: what ends it is the outer call's.
_MID_LINE: Final = (Step(complement(char_set("\0" + "".join(LINE_STARTS)))),)


@dataclass(frozen=True, slots=True)
class ValueBoundary:
    """A raw value and its closer. `pad`: the white space that frames the value, with which `closer` begins."""

    site: ValueSite
    pad: str = ""

    @property
    def closer(self) -> str:
        """What ends the value, its frame included."""
        return self.pad + self.site.spelling.value_close(self.site.key)

    @property
    def starts_line(self) -> bool:
        """Whether the value begins as a line does: behind a line break, or since an opener there may stand twice."""
        return bool(self.pad) or not (self.site.spelling.paired or self.site.spelling.key_is_tag)

    def paths(self) -> list[MarkerPath]:
        """Return every marker sequence that ends a value, or opens a call in it."""
        return [*_endings(self.site), *_openers(self.site)]

    def automaton(self) -> ValueAutomaton:
        """Return the automaton of the value and its closer."""
        return _value_automaton(self)

    def texts(self) -> Dfa:
        """Return the values with their closer, without those that hold a nested call."""
        return _value_texts(self)


@lru_cache(maxsize=CACHED)
def _value_texts(boundary: ValueBoundary) -> Dfa:
    automaton = boundary.automaton()
    return _texts_of(automaton, automaton.exits)


def _texts_of(automaton: ValueAutomaton, ends: Iterable[int]) -> Dfa:
    """Return the texts without nested calls that lead to one of these states."""
    rows = [[edge for arc in arcs for edge in edges_to(arc.ranges, arc.target)] for arcs in automaton.arcs]
    return build_dfa(rows, ends)


@lru_cache(maxsize=CACHED)
def _value_automaton(boundary: ValueBoundary) -> ValueAutomaton:
    nfa = MarkerNfa()
    nfa.add_paths(boundary.paths())
    nfa.add(literal_steps(boundary.closer), Meaning.EXIT)
    site = boundary.site
    value = literal_steps(site.spelling.value_close(site.key))
    # For R-CLOSE2: a second closer, and openers of the tag that is closed.
    nfa.add(value, Meaning.VALUE)
    for i in range(len(value)):
        nfa.add((*value, *GAP, *value[:i]), Meaning.BEHIND)
    nfa.add(twice := (*value, *GAP, *value), Meaning.TWICE)
    if again := second_opener(site.spelling, site.key):
        nfa.labels[nfa.follow(nfa.first, (Step(char_set("\n"), 0), *literal_steps(again)))] = {Meaning.STOP}
    for frame in ("", site.spelling.dialect.argument.pad):
        alone = nfa.follow(nfa.first, (*literal_steps(frame), *twice))
        nfa.labels.setdefault(alone, set()).add(Meaning.ALONE)
    tag = site.spelling.value_tag(site.key)
    if tag:
        nfa.add_paths([MarkerPath((*literal_steps(tag), Step(char_set(AFTER_TAG_NAME))), Meaning.TAG, quotable=True)])
    return determinised(nfa, literal_steps("\n") if boundary.starts_line else ())


@lru_cache(maxsize=CACHED)
def harmless_texts(site: ValueSite) -> Dfa:
    """Return the texts that may be anywhere in a value without ending it.

    Where a closer spells a key, they hold no tag of a declared name at all.
    """
    spelling = site.spelling
    if spelling.value_closer.roles:
        names = {*site.keys, *(name for name, _ in site.tools)}
        return texts_without(tuple(sorted(f"{begin}{name}>" for name in names for begin in ("<", "</"))))
    nfa = MarkerNfa()
    nfa.add_paths([*_endings(site, slips=""), *_openers(site)])
    # Closers may have slips: it takes fewer states to leave out more, and no string of JSON needs to hold these.
    for literal in filter(None, (spelling.call_close(site.name), second_opener(spelling, site.key))):
        nfa.add(literal_steps(literal), Meaning.STOP)
    nfa.add((*literal_steps(spelling.value_close(site.key)), *GAP, *literal_steps("</")), Meaning.STOP)
    automaton = determinised(nfa, anywhere=True)
    return _texts_of(automaton, range(len(automaton.arcs)))


@lru_cache(maxsize=CACHED)
def nested_automaton(site: ValueSite, closer: str) -> ValueAutomaton:
    """Return the automaton of the rest of a nested call, up to and including its outermost closer."""
    nfa = MarkerNfa()
    nfa.add_paths(_openers(site))
    nfa.add(literal_steps(closer), Meaning.END)
    return determinised(nfa)


def _endings(site: ValueSite, slips: str = "vcws") -> Iterator[MarkerPath]:
    """Yield every marker sequence that ends a value, cut off where it cannot be anything else any more.

    `slips`: the closers that may have a slip in them.
    """
    spelling = site.spelling
    texts = _markers(site)
    machine = site.machine
    # `A` (any opener of an argument) covers `a` (that of a declared key), `O` covers `Z`, and `v` (here the end of any
    # tag) covers `M` and `F`; `$` is about the end of the text.
    for letters in sorted(each for each in machine.endings.accepted if set(each) <= {*"VACWSO", *slips}):
        for parts in product(*(texts[letter] for letter in letters)):
            yield MarkerPath(_spaced(parts), Meaning.STOP)
            before = (*_spaced(parts[:-1]), *GAP)
            inside = ((), *sections(spelling)) if letters.endswith("O") else ()
            yield from (MarkerPath(before + steps, Meaning.BEFORE) for steps in inside)
    # An argument's opener ends a value that has no closer where it starts a line, or directly behind a word or a slip.
    befores: list[Steps] = [literal_steps("\n")]
    if abutting := machine.unclosed_behind - {"\n"}:
        befores.append((Step(char_set("".join((">", *abutting)))),))
    for steps in (steps for key in site.keys or site.words[1] for steps in openers_of(spelling, key, False)):
        yield from (MarkerPath(before + steps, Meaning.STOP) for before in befores)
    if spelling.value_open is not None:
        keyed = (*texts["A"], *texts["C"], literal_steps(spelling.keys[0].literals[-1]))
        words = (word for name, keys in site.unusual for word in (name, *keys) if " " in word)
        for name in ((Step(complement(char_set(f"<\0{BLANK}")), 1, None),), *map(literal_steps, words)):
            before = (*texts["V"][0], *GAP, *name, *GAP)
            yield from (MarkerPath(before + steps, Meaning.STOP) for steps in keyed)


def _spaced(parts: tuple[Steps, ...]) -> Steps:
    return tuple(step for part in parts for step in (*part, *GAP))[:-1]


def _markers(site: ValueSite) -> dict[str, list[Steps]]:
    """Return for each letter of `endings` how its markers begin, as far as needed to tell them from all else."""
    spelling = site.spelling
    machine = site.machine
    found: dict[str, list[Steps]] = {letter: [] for letter in "VCWS"}
    for letter, text in value_markers(machine, site.key).closers:
        found.setdefault(letter, []).append(literal_steps(text))
    keys: tuple[Word, ...] = site.keys if spelling.key_is_tag else site.words[1]
    slips = machine.may_slip("C", machine.call_close)
    found |= {"v": list(any_tag(found["V"][0])), "c": list(near(found["C"][0])) if slips else []}
    found |= {slip: [steps[:2] for steps in found[slip.upper()]] for slip in "ws"}
    found["A"] = [steps for key in keys for steps in openers_of(spelling, key, exact=False)]
    found["O"] = list(dict.fromkeys(steps for steps, _ in calls(site, exact=False)))
    return found


def _openers(site: ValueSite) -> Iterator[MarkerPath]:
    """Yield the openers of calls: they are content only as whole calls, or quoted directly after a backtick."""
    yield from (MarkerPath(steps, Meaning.STOP, quotable=True) for steps, _ in calls(site, exact=False))
    yield from (MarkerPath(steps, Meaning.BEFORE, quotable=True) for steps in sections(site.spelling))
    if not site.tools:
        yield MarkerPath(_MID_LINE, Meaning.BEFORE)
