"""Hypotheses about a text: how call-shaped text that is no call would have to be read to be one.

A hypothesis is what is decoded instead of the text: missing markers are supplied, entities are replaced, or nothing is
changed but where it begins. Here is where hypotheses may begin and what they are; decoding them is somebody else's.
Law: a place is found by looking at each character a bounded number of times.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice, pairwise, product

from wireproto.engine.call_opening import CallOpening, OpenerContext, find_call
from wireproto.engine.damaged_openers import find_damaged, left_over
from wireproto.engine.further_calls import inside
from wireproto.engine.left_context import QUOTING
from wireproto.engine.regions import FENCES
from wireproto.format.alphabet import MAX_DECLARED
from wireproto.format.declared import declaring, naming
from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO, by_use
from wireproto.format.spelling import CACHED, Spelling, is_distinctive, spellings
from wireproto.format.template import Lit, Slot, Template
from wireproto.text.scan import BLANK, Literals, Match, iter_literals, one_of, skip_blank
from wireproto.tools.names import NO_UNUSUAL, Unusual
from wireproto.tools.toolset import Toolset

NEAR = 160  # how far before a lone argument, or before an object, the tool's name may stand
# How many openers of calls are looked at more closely: these, and one more for so many characters.
TRIES = 32
PER_TRY = 128
_AROUND = 1_024  # characters from an opener on that decide whether it opens anything
_SPECIAL = re.compile(r"[A-Za-z0-9_.:-]{0,256}(?:<[|｜]|<[a-z]+:|\[[A-Z_]+\])")
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,256}\Z")
_TOKEN = re.compile(r"<\|[^<>|]*\|>|<\|?\w+\|?>|<｜[^<>｜]*｜>|\[/?[A-Z_]+\]")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|#39|#34|#x27|#x22);")
_QUOTED = re.compile(rf"[{''.join(QUOTING)}](?=[<\[{{+])")
# What is in a call without any bracket: ReAct's words, and the Python calls of `habits`.
_BRACKETLESS = r"Action|_code|\)\s*\Z"
_BLOCK_QUOTE = re.compile(r"(?:\A|\n) {0,3}>[^\n]*\n {0,3}(?:> ?)+\Z")  # CommonMark 5.1, of several lines


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What to decode: `prefix` and then `text` from `start` to `end`, as a dialect.

    `places` are (position in `text`, position in the original) where the two differ, in order. `origin`: where what is
    looked at begins, if that is before `start`. `causes` are diagnoses of what made it none. `bare`: nothing but its
    place says that it may be a call; `quoted`: it stands as a quotation; `foreign`: in another dialect than expected.
    `habit` names the format that a call was read in already, if no dialect has it. `marked`: it has markers of its
    own; `any_name`: names count that no tool has. `weak`: it has to end its line, and to stand in no fence.
    """

    dialect: str | Dialect
    text: str
    start: int
    end: int
    prefix: str = ""
    origin: int | None = None
    places: tuple[tuple[int, int], ...] = ()
    causes: tuple[str, ...] = ()
    bare: bool = False
    quoted: bool = False
    foreign: bool = False
    habit: str = ""
    marked: bool = False
    any_name: bool = False
    weak: bool = False

    def position(self, at: int) -> int:
        """Return the position in the original text of a position in the decoded text."""
        inside = at - len(self.prefix)
        if inside <= 0:
            return self.start if self.origin is None else self.origin
        found = inside + self.start
        if not self.places:
            return found
        here, there = self.places[max(0, bisect_right(self.places, (found, len(self.text) * 6)) - 1)]
        return found - here + there if here <= found else found


@lru_cache(maxsize=CACHED)
def every_opener(own: Dialect | None = None) -> Literals:
    """Return what calls begin with in any dialect but this one, bare brackets aside."""
    others = (spelling for spec in by_use() for spelling in spellings(spec))
    taken = {opener for spelling in (spellings(own) if own is not None else ()) for opener in spelling.openers}
    return Literals(
        frozenset(opener for spelling in others for opener in spelling.openers if is_distinctive(opener)) - taken
    )


@lru_cache(maxsize=CACHED)
def telltales(own: Dialect | None) -> re.Pattern[str] | None:
    """Return a pattern that is found in each text of which there is a hypothesis; None if nothing tells.

    Most prose holds none of these signs, and needs no second look.
    """
    spelled = spellings(own) if own is not None else ()
    for spelling in spelled:
        if any(not header.first and (header.nodes or spelling.codec.body != "object") for header in spelling.headers):
            return None  # a call begins with any word
    openers = {*argument_openers(own, NO_UNUSUAL)[1], *(opener for each in spelled for opener in each.openers)}
    firsts = {*every_opener().firsts, *_inner_openers(own)[0].firsts, *(opener[0] for opener in openers), "{", "&"}
    return re.compile(f"{one_of(firsts)}|{_BRACKETLESS}")


@lru_cache(maxsize=CACHED)
def every_marker(own: Dialect | None) -> tuple[Literals, ...]:
    """Return what `every_opener` and `marked` look for, to show that prose holds none of it: by first characters.

    Literals that begin with the same character are found several times as fast.
    """
    words = (*every_opener().words, *_inner_openers(own)[0].words)
    firsts = dict.fromkeys(word[0] for word in words)
    return tuple(Literals(frozenset(word for word in words if word[0] == first)) for first in firsts)


def has_element(text: str, tools: Toolset) -> bool:
    """Return whether a tag stands in the text that is nothing but a declared name."""
    found = iter_literals(literal_names(tools.names), text) if tools.names else ()
    return any(text[hit.start() - 1 : hit.start()] == "<" and text[hit.end() : hit.end() + 1] == ">" for hit in found)


def has_special(text: str, at: int) -> bool:
    """Return whether the first marker at a place is a special token, or a tag of a name space: nobody's by chance."""
    return _SPECIAL.match(text, at) is not None


def unescaped(text: str, dialect: str | Dialect) -> Hypothesis | None:
    """Return the hypothesis that character entities are what they stand for; None if there are none."""
    if _ENTITY.search(text) is None:
        return None
    from html import unescape

    pieces: list[str] = []
    places = [(0, 0)]
    at = length = 0
    for found in _ENTITY.finditer(text):
        char = unescape(found.group())
        pieces += (text[at : found.start()], char)
        length += found.start() - at + len(char)
        at = found.end()
        places.append((length, at))
    whole = "".join((*pieces, text[at:]))
    return Hypothesis(dialect, whole, 0, len(whole), places=tuple(places), causes=("html-escaped",))


def quotations(text: str) -> Iterator[Hypothesis]:
    """Yield the hypotheses that begin at an opener behind a quotation mark; inline code ends at the next backtick."""
    for found in _QUOTED.finditer(text):
        start, end = found.end(), len(text)
        if found.group() == "`":
            close = text.find("`", start)
            end = close if close >= 0 else end
        if every_opener().find(text, start, min(start + 40, end)) is not None:
            yield Hypothesis(AUTO, text, start, end, quoted=True)


def is_quotation(before: str) -> bool:
    """Return whether what follows this on its line is inline code or in a block quotation."""
    code = before.endswith("`") and not before.endswith("```")
    return code or (before.endswith(">") and _BLOCK_QUOTE.search(before) is not None)


@lru_cache(maxsize=CACHED)
def _inner_openers(own: Dialect | None) -> tuple[Literals, dict[str, tuple[Spelling, ...]]]:
    """Return the spellings whose calls stand between other markers, by what a call begins with or may be left of it."""
    found: dict[str, tuple[Spelling, ...]] = {}
    for spelling in chain.from_iterable(map(spellings, [own] if own is not None else by_use())):
        wrapper = [spelling.wrapper] if spelling.wrapper is not None and spelling.sections else []
        words = {first for template in (*wrapper, *spelling.headers) for first in template.firsts}
        words = words if spelling.sections or spelling.wrapper is not None else set()
        words |= {*left_over(spelling), *(word for late in spelling.late_headers for word in late.literals)}
        for word in words:
            if is_distinctive(word) and not word.strip(BLANK).startswith(FENCES):
                found[word] = (*found.get(word, ()), spelling)
    return Literals(frozenset(found)), found


def marked(text: str, tools: Toolset, own: Dialect | None) -> Iterator[Hypothesis]:
    """Yield the hypotheses of calls that have markers of their own, and lack others, or those around them (R-MISSING).

    They are no calls where they stand in mid-line, or nobody declared their tool.
    """
    literals, openers = _inner_openers(own)
    if literals.find(text) is None:
        return
    # Where dialects differ in the markers that are missing, what is left of those says which one it is.
    closed = {close for some in openers.values() for each in some for close in _outer_closers(each) if close in text}
    vain: set[int] = set()  # what stands around openers that open nothing: it may stand there over and over
    for found in islice(iter_literals(literals, text), TRIES + len(text) // PER_TRY):
        if text[max(0, found.start() - 1) : found.start()] in QUOTING:
            continue  # see `quotations`
        around = hash(text[max(0, found.start() - NEAR) : found.start() + _AROUND])
        if around in vain:
            continue
        shapes: dict[object, Spelling] = {}
        for spelling in sorted(openers[found.group()], key=lambda each: closed.isdisjoint(_outer_closers(each))):
            shapes.setdefault(inside(spelling), spelling)
        guesses = (_marked_guess(text, found.start(), spelling, tools) for spelling in shapes.values())
        guess = next(filter(None, guesses), None)
        if guess is not None:
            yield guess
        else:
            vain.add(around)


def _outer_closers(spelling: Spelling) -> tuple[str, ...]:
    return tuple(filter(None, (spelling.wrapper_close, *(close for _, close in spelling.sections))))


def _marked_guess(text: str, at: int, spelling: Spelling, tools: Toolset) -> Hypothesis | None:
    """Return the hypothesis that a call stands at a marker, or at the word before it, whatever is missing."""
    end, lead = len(text), spelling.sections[0][0].format() if spelling.sections else ""
    undeclared = OpenerContext(Toolset.of(None), final=True, line_start=True)
    known = OpenerContext(tools, final=True, line_start=True)
    for context in (known, undeclared) if not tools.any_name else (known,):
        whole = find_call((declaring(spelling, context.tools.unusual),), spelling, text, at, end, context)
        if isinstance(whole, CallOpening):
            lead += spelling.wrapper.format() if spelling.wrapper is not None and not whole.wrapped else ""
            return _marked_at(text, at, at, lead, whole, context is undeclared)
    word = _WORD.search(text, max(0, at - MAX_DECLARED), at)
    for start in (at, word.start()) if word is not None else (at,):
        part = find_call((spelling,), None, text, start, end, undeclared)
        part = part if isinstance(part, CallOpening) else find_damaged((spelling,), None, text, start, end, undeclared)
        if isinstance(part, CallOpening) and part.name is not None:
            head = spelling.dialect.call.open
            lead += head.fill(**{role: part.name if role == "name" else part.id or "" for role in head.roles})
            return _marked_at(text, start, part.body, lead, part, not tools.any_name)
    return None


def _marked_at(text: str, at: int, start: int, lead: str, opening: CallOpening, any_name: bool) -> Hypothesis:
    before = text[max(0, at - NEAR) : at]
    quoted = is_quotation(before) or before[-1:] in QUOTING or before.rpartition("\n")[2].count("`") % 2 == 1
    dialect, origin = opening.spelling.dialect, at if start != at else None
    return Hypothesis(dialect, text, start, len(text), lead, origin, quoted=quoted, marked=True, any_name=any_name)


@lru_cache(maxsize=1)
def _bare_headers() -> tuple[tuple[Dialect, Template], ...]:
    """Return the headers before objects as they are without special tokens, one of each shape."""
    found: dict[object, tuple[Dialect, Template]] = {}
    for dialect in by_use():
        spelling = spellings(dialect)[0]
        if spelling.codec.body != "object" or not spelling.named:
            continue
        nodes = [replace(n, text=_TOKEN.sub("", n.text)) if isinstance(n, Lit) else n for n in dialect.call.open.nodes]
        bare = tuple(node for node in nodes if not isinstance(node, Lit) or node.text)
        # Where nothing is left between two slots, nothing tells where the first of them ends.
        touching = any(isinstance(one, Slot) and isinstance(other, Slot) for one, other in pairwise(bare))
        if bare != dialect.call.open.nodes and not touching:
            found.setdefault((bare, dialect.argument.quote), (dialect, Template(bare)))
    return tuple(found.values())


@lru_cache(maxsize=CACHED)
def literal_names(names: tuple[str, ...]) -> Literals:
    """Return the declared names, to look for; one that is too long is in no header."""
    return Literals(frozenset(name for name in names if len(name) <= MAX_DECLARED))


def stripped(text: str, tools: Toolset, own: Dialect | None) -> Iterator[Hypothesis]:
    """Yield the hypotheses of calls whose special tokens are gone: a declared name, and an object right behind it."""
    if not tools.names:
        return
    headers = sorted(
        _bare_headers(), key=lambda pair: (-len(pair[1].first), pair[0] is not own, pair[0].argument.quote not in text)
    )
    for found in iter_literals(literal_names(tools.names), text):
        if text.find("{", found.end(), found.end() + NEAR) < 0:
            continue  # a name in prose, as most are
        for dialect, header in headers:
            head = _bare_head(text, found, dialect, header, tools)
            if head is not None:
                yield head
                break


def _bare_head(text: str, name: re.Match[str], dialect: Dialect, header: Template, tools: Toolset) -> Hypothesis | None:
    slot = next(i for i, node in enumerate(header.nodes) if isinstance(node, Slot))
    lead = "".join(node.text for node in header.nodes[:slot] if isinstance(node, Lit))
    ids = [template.first for template in dialect.call.id] if header.nodes[slot] == Slot("id") else [""]
    for before, known in product(ids, naming(header, dialect, tools.unusual.names)):
        start = name.start() - len(lead) - len(before)
        if start < 0 or not text.startswith(lead + before, start):
            continue
        matched = known.match(text, start, len(text))
        if not isinstance(matched, Match):
            continue
        body = skip_blank(text, matched.end, len(text))
        if text[body : body + 1] == "{" and _names_a_tool(dialect, matched, tools):
            section = dialect.section.open.format() if dialect.section is not None else ""
            prefix = section + dialect.call.open.fill(**matched.slots)
            # What stands behind a marker has lost some of them at most: no server took them away.
            kept = text[max(0, start - NEAR) : start].rstrip(BLANK).endswith((">", "]"))
            causes = () if kept else ("special-tokens-stripped",)
            return Hypothesis(dialect, text, body, len(text), prefix, start, causes=causes)
    return None


def _names_a_tool(dialect: Dialect, head: Match, tools: Toolset) -> bool:
    if "name" in head.slots:
        return tools.get(head.slots["name"]) is not None
    found = spellings(dialect)[0].resolve_id(head.slots["id"], tools)
    return found is not None and tools.get(found[0]) is not None


@lru_cache(maxsize=CACHED)
def argument_openers(own: Dialect | None, unusual: Unusual) -> tuple[Literals, dict[str, Spelling]]:
    """Return what tagged arguments begin with, and the spelling of each; a dialect may have no such arguments."""
    specs = [own] if own is not None else by_use()
    named: dict[str, Spelling] = {}
    for spelling in (spellings(spec)[0] for spec in specs):
        if spelling.codec.body == "arguments" and not spelling.key_is_tag and not spelling.codec.has_cdata:
            named.setdefault(spelling.keys[0].first, declaring(spelling, unusual))
    return Literals(frozenset(named)), named
