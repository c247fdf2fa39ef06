"""Where a raw value ends, as an automaton: the decoder's own rule, so a model may write all that it could write freely.

Which marker sequences end a value comes from `value_endings.endings`, the table that the decoder reads too; their texts
come from the dialect's templates. The automaton reads a value and its closer, and stops where a text would end the
value anywhere else. A nested call in the dialect's own spelling is content as a whole (R-DEPTH): there the automaton
calls itself.

It must not know schemas or any grammar language. Law: what is accepted decodes to the value before the closer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Final, Union

from wireproto.automata.automaton import Dfa, build_dfa, edges_to
from wireproto.automata.charset import Ranges, char_set, complement, union
from wireproto.automata.until import texts_without
from wireproto.format.alphabet import ALPHABETS
from wireproto.format.near_misses import ABUTTING
from wireproto.format.spelling import AFTER_TAG_NAME, CACHED, Spelling
from wireproto.format.tag import Tag
from wireproto.format.template import Gap, Lit, Slot, Template
from wireproto.machine.endings import endings
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
from wireproto.machine.slips import any_tag, near, second_opener, written_twice
from wireproto.text.scan import BLANK
from wireproto.tools.names import unusual
from wireproto.tools.toolset import Toolset

_BLANKS: Final = char_set(BLANK)
# In mid-line an opener of a call is a mention: what ends it is the outer call's.
_MID_LINE: Final = (Step(complement(char_set("\0\n>"))),)
_GAP: Final = (Step(_BLANKS, 0, None),)
# The length that `nodes.ALPHABETS` allows names.
_MAX_WORD: Final = 128
# Where closers spell keys, each argument has an automaton of its own (10 to 15 kB of rules): only up to this many.
_MAX_SITES: Final = 12
# One automaton tells declared keys apart up to here; with more of them every key counts as declared, to keep it small.
_MAX_KEYS: Final = 64
# And names or keys beyond the alphabet up to here; of more, every word of their characters counts as declared.
_MAX_UNUSUAL: Final = 8
Word = Union[str, Ranges, None]  # what stands in a slot: this word, a word of these characters, or of the alphabet


@dataclass(frozen=True, slots=True)
class ValueSite:
    """All that the end of a value depends on: the spelling, whether there are sections, and the declared keys.

    `name`, `key`: of the call and of the value, where closers spell them, else empty. `tools`: names and keys, where a
    header is only a tool's name. `coarse`: there are too many keys for an automaton each; values hold no tag of them.
    `unusual`: the tools with a name or with keys beyond the alphabet, and those keys.
    """

    spelling: Spelling
    sectioned: bool
    keys: tuple[str, ...] = ()
    tools: tuple[tuple[str, tuple[str, ...]], ...] = ()
    name: str = ""
    key: str = ""
    coarse: bool = False
    unusual: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, spelling: Spelling, tools: Toolset) -> ValueSite:
        """Return the site of values in a spelling, with these tools."""
        # A key that the format cannot spell is never the key of an argument.
        holds = spelling.keys[0].holds
        of_tool = {tool.name: sorted(key for key in tool.keys if holds("key", key)) for tool in tools.tools}
        header = spelling.headers[0]
        named = [(tool.name, unusual((), of_tool[tool.name]).keys) for tool in tools.tools]
        odd = [(name, tuple(sorted(keys))) for name, keys in named if keys or name in tools.unusual.names]
        keys = sorted({key for found in of_tool.values() for key in found})
        bare = any(header.name_only for header in spelling.headers)
        return cls(
            spelling,
            bool(spelling.sections),
            tuple(keys) if len(keys) <= _MAX_KEYS or spelling.key_is_tag else (),
            tuple((name, tuple(of_tool[name])) for name in tools.names if bare and header.holds("name", name)),
            coarse=bool(spelling.value_closer.roles) and sum(map(len, of_tool.values())) > _MAX_SITES,
            unusual=() if bare else tuple(each for each in odd if header.holds("name", each[0])),
        )

    @property
    def words(self) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
        """What may be the name in a header, and the key in an argument's opener: usual words, and unusual ones."""
        found = unusual([name for name, _ in self.unusual], [key for _, keys in self.unusual for key in keys])
        names, keys = (
            (None, *sorted(each)) if len(each) <= _MAX_UNUSUAL else (union(_alphabet("key"), char_set("".join(each))),)
            for each in found
        )
        return names, keys

    def at(self, name: str, key: str) -> ValueSite:
        """Return the site of one value; values whose automata are equal have equal sites."""
        spelling = self.spelling
        return replace(
            self, name=name if spelling.fixed_close is None else "", key=key if spelling.value_closer.roles else ""
        )


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
        nfa.add((*value, *_GAP, *value[:i]), Meaning.BEHIND)
    nfa.add(twice := (*value, *_GAP, *value), Meaning.TWICE)
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
    nfa.add((*literal_steps(spelling.value_close(site.key)), *_GAP, *literal_steps("</")), Meaning.STOP)
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
    table = endings(spelling.wrapper is not None, site.sectioned)
    # `A` (any opener of an argument) covers `a` (that of a declared key), `O` covers `Z`, and `v` (here the end of any
    # tag) covers `M` and `F`; `$` is about the end of the text.
    for letters in sorted(each for each in table.accepted if set(each) <= {*"VACWSO", *slips}):
        for parts in product(*(texts[letter] for letter in letters)):
            yield MarkerPath(_spaced(parts), Meaning.STOP)
            before = (*_spaced(parts[:-1]), *_GAP)
            inside = ((), *_sections(spelling)) if letters.endswith("O") else ()
            yield from (MarkerPath(before + steps, Meaning.BEFORE) for steps in inside)
    # An argument's opener ends a value that has no closer where it starts a line, or directly behind a word or a slip.
    befores = [literal_steps("\n"), *([] if spelling.key_is_tag else [(Step(char_set(">" + ABUTTING)),)])]
    for steps in (steps for key in site.keys or site.words[1] for steps in _keys(spelling, key, False)):
        yield from (MarkerPath(before + steps, Meaning.STOP) for before in befores)
    if spelling.value_open is not None:
        keyed = (*texts["A"], *texts["C"], literal_steps(spelling.keys[0].literals[-1]))
        words = (word for name, keys in site.unusual for word in (name, *keys) if " " in word)
        for name in ((Step(complement(char_set(f"<\0{BLANK}")), 1, None),), *map(literal_steps, words)):
            before = (*texts["V"][0], *_GAP, *name, *_GAP)
            yield from (MarkerPath(before + steps, Meaning.STOP) for steps in keyed)


def _spaced(parts: tuple[Steps, ...]) -> Steps:
    return tuple(step for part in parts for step in (*part, *_GAP))[:-1]


def _markers(site: ValueSite) -> dict[str, list[Steps]]:
    """Return for each letter of `endings` how its markers begin, as far as needed to tell them from all else."""
    spelling = site.spelling
    texts = {
        "V": [spelling.value_close(site.key)],
        "C": [spelling.call_close(site.name)],
        "W": [spelling.wrapper_close],
        "S": [close for _, close in spelling.sections],
    }
    found = {letter: [literal_steps(text) for text in some if text] for letter, some in texts.items()}
    keys: tuple[Word, ...] = site.keys if spelling.key_is_tag else site.words[1]
    found |= {"v": list(any_tag(texts["V"][0])), "c": list(near(texts["C"][0]))}
    found |= {slip: [literal_steps(text[:2]) for text in texts[slip.upper()] if text] for slip in "ws"}
    found["A"] = [steps for key in keys for steps in _keys(spelling, key, exact=False)]
    found["O"] = list(dict.fromkeys(steps for steps, _ in _calls(site, exact=False)))
    return found


def _openers(site: ValueSite) -> Iterator[MarkerPath]:
    """Yield the openers of calls: they are content only as whole calls, or quoted directly after a backtick."""
    yield from (MarkerPath(steps, Meaning.STOP, quotable=True) for steps, _ in _calls(site, exact=False))
    yield from (MarkerPath(steps, Meaning.BEFORE, quotable=True) for steps in _sections(site.spelling))
    if not site.tools:
        yield MarkerPath(_MID_LINE, Meaning.BEFORE)


def _sections(spelling: Spelling) -> Iterator[Steps]:
    """Yield the openers of sections: the call after one belongs to the section."""
    yield from (_spelled(opener, None) + _GAP for opener, _ in spelling.sections)


def nested_calls(site: ValueSite) -> list[tuple[Steps, str]]:
    """Return how a nested call begins as the dialect writes it, each with the closer of its outermost marker.

    The closer is empty where the beginning includes it. Where a header is only a tool's name there are no nested calls:
    what is a call inside a call would depend on that tool's keys.
    """
    return [] if site.tools else list(_calls(site, exact=True))


def _calls(site: ValueSite, exact: bool) -> Iterator[tuple[Steps, str]]:
    """Yield the openers of calls up to what must follow a header (R-OPEN), with the closer of the outermost marker.

    The closer is empty where it follows the header at once.
    """
    spelling = site.spelling
    gap = literal_steps(_last_gap(spelling.dialect.call.open)) if exact else _GAP
    for steps, name, own, closer in _headers(site, exact):
        for key in _keys_of(site, name, exact):
            yield from ((steps + gap + after, closer) for after in _keys(spelling, key, exact))
        if own:
            yield steps + gap + literal_steps(own), "" if closer == own else closer


def _keys_of(site: ValueSite, name: Word, exact: bool) -> tuple[Word, ...]:
    """Return what may be an argument of a call of this name; `exact`: only what is one whatever tools there are."""
    if site.spelling.key_is_tag:
        return next((keys for tool, keys in site.tools if tool == name), ())
    own = next((keys for tool, keys in site.unusual if tool == name), ())
    return (None, *own) if exact else site.words[1]


def _names(site: ValueSite, header: Template, exact: bool) -> tuple[Word, ...]:
    """Return what may name the tool in a header; `exact`: the tools with unusual arguments by their own names."""
    if header.first in ("", "<"):
        return tuple(name for name, _ in site.tools)
    few = len(site.unusual) <= _MAX_UNUSUAL
    return (None, *(name for name, _ in site.unusual if few)) if exact else site.words[0]


def _headers(site: ValueSite, exact: bool) -> Iterator[tuple[Steps, Word, str, str]]:
    """Yield headers with the markers before them, the name in them, the call's closer, and the outermost closer."""
    spelling = site.spelling
    spelled = _written if exact else _spelled
    inner: list[tuple[Steps, Word, str]] = []
    for header in spelling.headers if exact else (*spelling.headers, *spelling.late_headers):
        for name in _names(site, header, exact):
            inner.append((spelled(header, name), name, spelling.call_close(name if isinstance(name, str) else "")))
    bare = [(steps, name, own, own) for steps, name, own in inner]
    opened = bare
    if spelling.wrapper is not None:
        gap = literal_steps(_first_gap(spelling.dialect.call.open)) if exact else _GAP
        before = spelled(spelling.wrapper, None) + gap
        opened = [(before + steps, name, own, spelling.wrapper_close) for steps, name, own in inner]
    section = spelling.dialect.section
    for opener, close in spelling.sections[:1] if exact else spelling.sections:
        gap = literal_steps(_last_gap(section.open if section else None)) if exact else _GAP
        before = spelled(opener, None) + gap
        yield from ((before + steps, name, own, close) for steps, name, own, _ in opened)
    yield from opened
    # R-MISSING: a header may open a call without its wrapper.
    yield from bare if not exact and spelling.wrapper is not None else ()


def _written(template: Template, fixed: Word, string: str = "true") -> Steps:
    """Return how a dialect writes a template; `string`: the value of the attribute that says whether a value is one."""
    steps: Steps = ()
    for node in template.trimmed:
        if isinstance(node, (Lit, Gap)):
            steps += literal_steps(node.text)
        elif isinstance(node, Slot):
            pair = node.quotes[0] if node.quotes else ""
            word = literal_steps(string) if node.role == "string" else _word(node.role, fixed, _MAX_WORD)
            steps += (*literal_steps(pair[:1]), *word, *literal_steps(pair[1:]))
    return steps


def _spelled(template: Template, fixed: Word) -> Steps:
    """Return steps that cover every spelling of a template that the decoder takes."""
    steps: Steps = ()
    for i, node in enumerate(template.trimmed):
        assert not isinstance(node, Tag), "tags are written escaped, their values need no boundary"
        steps += _GAP if i in template.tolerant else ()
        if isinstance(node, Lit):
            steps += literal_steps(node.text)
        elif isinstance(node, Gap):
            steps += _GAP
        else:
            first, last = (union(*(char_set(pair[end]) for pair in node.quotes if pair)) for end in (0, 1))
            optional = "" in node.quotes or not node.quotes
            word = _word(node.role, fixed, None)
            around = [Step(each, 0 if optional else 1) for each in (first, last) if each]
            steps += (*around[:1], *word, *around[1:])
    return steps


def _word(role: str, fixed: Word, most: int | None) -> Steps:
    """Return what a slot may hold: the `fixed` name or key if there is one."""
    if fixed is None or role not in ("name", "key"):
        return (Step(_alphabet(role), 1, most),)
    return literal_steps(fixed) if isinstance(fixed, str) else (Step(fixed, 1, most),)


@lru_cache(maxsize=16)
def _alphabet(role: str) -> Ranges:
    """Return the characters of a slot: those that it may consist of alone; letters where the slot is a word."""
    single = "".join(chr(point) for point in range(128) if ALPHABETS[role].fullmatch(chr(point)))
    return char_set(single or "abcdefghijklmnopqrstuvwxyz")


def _keys(spelling: Spelling, key: Word, exact: bool) -> Iterator[Steps]:
    """Yield the openers of an argument (in key/value dialects: their first half)."""
    if not exact:
        for template in spelling.keys:
            yield from written_twice(spelling, _spelled(template, key))
        return
    for template in spelling.keys[:1]:
        strings = ("true", "false") if "string" in template.roles else ("",)
        yield from (_written(template, key, string) for string in strings)


def _last_gap(template: Template | None) -> str:
    """Return the white space after a marker, as a dialect writes it."""
    last = template.nodes[-1] if template is not None and template.nodes else None
    return last.text if isinstance(last, Gap) else ""


def _first_gap(template: Template) -> str:
    """Return the white space inside a marker, after its first part."""
    return next((node.text for node in template.trimmed if isinstance(node, Gap)), "")
