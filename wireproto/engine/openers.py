"""What to look for outside calls: the spellings that may open a call, by the literals that they begin with.

For a dialect that is not known yet, that is what every dialect looks for, at once, until a call says which one it is.
It must not decode, nor know any format. Law: what is live, and which dialect a call is taken for, depends on the known
dialects, the policy and the declared tools, and on nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain
from typing import Union

from wireproto.engine.frames import Frames, frames_of, joins_of, stops_of
from wireproto.engine.left_context import LeftContext
from wireproto.engine.regions import FENCES
from wireproto.format.declared import declaring
from wireproto.format.dialect import Dialect
from wireproto.format.registry import by_use
from wireproto.format.spelling import CACHED, Spelling, end_firsts, is_distinctive, spellings, turn_ends
from wireproto.format.template import Slot
from wireproto.text.scan import BLANK, NO, Literals, one_of, skip_blank
from wireproto.tools.names import NO_UNUSUAL, Unusual

Spellings = tuple[Spelling, ...]
Stops = Callable[[str], Union[re.Match[str], None]]
_MAX_HEAD = 512  # longer than any name or id: what is compared at the start of a line stays short


@dataclass(frozen=True, slots=True, eq=False)
class OpenerTable:
    """Spellings, and the literals that are live in open text and in text that is guarded (fences, reasoning).

    `dialect` is None while it is not known which; then `chosen` gives the table of one. `own` names the dialect whose
    calls are not foreign, empty if none is. `late` are the spellings whose header may have lost its first marker.
    `reasoning` are the closers of reasoning by its opener, `reasoning_closers` all of them. `line_heads`: texts that
    start a line when a call has lost its first marker; if they are known, each is also among the literals, behind a
    line break. `ends` are the tokens that end a turn: `ends_turn` finds them behind the last `end_first`, the one
    character that each of them begins with and holds nowhere else; empty if there is none.
    `stops` finds what may be more than prose in mid-line: a line break, or the first character of anything here.
    `before` are the line breaks that may belong to an opener. `names`: the declared ones, where a line may start
    with one. `repairs`: openers that are damaged are looked at too. `frames`: what stands around blocks, if anything.
    """

    dialect: Dialect | None
    own: str
    by_literal: dict[str, tuple[Spelling, ...]]
    openers: tuple[str, ...]
    text: Literals
    guarded: Literals
    markerless: tuple[Spelling, ...]
    late: tuple[Spelling, ...]
    reasoning: Mapping[str, tuple[str, ...]]
    reasoning_closers: tuple[str, ...]
    line_heads: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    before: str = ""
    names: frozenset[str] = frozenset()
    fences: bool = True
    documents: frozenset[str] = frozenset()
    unusual: Unusual = NO_UNUSUAL
    repairs: bool = True
    frames: Frames | None = None
    ends_turn: re.Pattern[str] = field(init=False)
    end_first: str = field(init=False)
    stops: Stops = field(init=False)

    def __post_init__(self) -> None:
        first, *others = end_firsts(self.ends) or ("",)
        is_only = not others and all(first not in token[1:] for token in self.ends)
        object.__setattr__(self, "ends_turn", turn_ends(frozenset(self.ends)))
        object.__setattr__(self, "end_first", first if is_only else "")
        firsts = {word[0] for word in ("\n", *self.ends, *self.reasoning_closers)}
        firsts |= self.text.firsts | self.guarded.firsts
        object.__setattr__(self, "stops", re.compile(one_of(firsts)).search)

    @property
    def ends_reasoning(self) -> bool:
        """Whether a call ends the reasoning that it stands in."""
        return self.dialect is not None and self.dialect.reasoning is not None and self.dialect.reasoning.ends_at_call

    @property
    def label(self) -> str:
        """What an output begins with if its prompt ended with the token of reasoning's opener."""
        return self.dialect.reasoning.label if self.dialect is not None and self.dialect.reasoning is not None else ""

    def reopens(self, literal: str, closers: tuple[str, ...]) -> bool:
        """Return whether a literal opens the reasoning again that one of the closers ends."""
        return not set(closers).isdisjoint(self.reasoning.get(literal, ()))

    def unmarked(self, context: LeftContext, pos: int, end: int) -> tuple[tuple[Spelling, ...], int]:
        """Return what may open at `pos` of the window without its first marker, and where behind blanks (R-MISSING).

        That is at the start of a line, or where nothing but blanks came so far.
        """
        text, position = context.buffer.window, context.buffer.base + pos
        if not (context.only_blank or context.begins_line(position)) or not context.starts_line(position):
            return (), pos
        if not context.only_blank:
            return self.late if self._lacks_marker(text, pos, end) else (), pos
        at = skip_blank(text, pos, end)
        whole = self.dialect is None and self.guarded.at(text, at, end) is not None  # any dialect may open with that
        return (*self.markerless, *(each for each in self.late if not (each.markerless or whole))), at

    def next_to(self, spelling: Spelling, text: str, pos: int, end: int) -> tuple[Spelling, ...]:
        """Return what may open behind a call of a spelling: another such call first."""
        literal = self.guarded.at(text, pos, end)
        others = self.by_literal.get(literal.group(), ()) if literal is not None else ()
        return (spelling, *(other for other in others if other is not spelling))

    def turn_end(self, text: str, pos: int, end: int) -> str:
        """Return the end-of-turn token at `pos`; empty if there is none."""
        return next((token for token in self.ends if text.startswith(token, pos, end)), "")

    def chosen(self, dialect: Dialect) -> OpenerTable:
        """Return the table of a dialect that was found out. Nothing is foreign then, since none was configured."""
        names = self.names if is_paired(dialect) else frozenset[str]()
        return _chosen(dialect, self.fences, self.documents, self.unusual, names)

    def _lacks_marker(self, text: str, pos: int, end: int) -> bool:
        """Return whether what remains of a header without its first marker stands at `pos`, or may."""
        if self.line_heads and not text.startswith(self.line_heads, pos, end):
            rest = "\n" + text[pos : min(end, pos + _MAX_HEAD)]
            if not self.guarded.open_ended(rest, 0, len(rest)):
                return False
        headers = (header for spelling in self.late for header in spelling.late_headers)
        worded = bool(self.line_heads) and text.startswith(self.line_heads, pos, end)
        return (
            worded
            or any(spelling.paired for spelling in self.late)
            or any(header.match(text, pos, end) is not NO for header in headers)
        )


@lru_cache(maxsize=CACHED)
def unrepaired(table: OpenerTable) -> OpenerTable:
    """Return a table that looks for whole openers alone, for texts that are tried at many places."""
    return replace(table, repairs=False)


@lru_cache(maxsize=CACHED)
def is_paired(dialect: Dialect) -> bool:
    """Return whether a declared name may open a call all by itself."""
    return any(spelling.paired for spelling in spellings(dialect))


@lru_cache(maxsize=CACHED)
def opener_table(
    dialect: Dialect,
    fences: bool,
    documents: frozenset[str] = frozenset(),
    unusual: Unusual = NO_UNUSUAL,
    names: frozenset[str] = frozenset(),
) -> OpenerTable:
    """Return what to look for in a dialect's output.

    `fences`: Markdown fences too; `documents`: what opens those; `unusual`: declared names that no alphabet holds;
    `names`: the declared names, where one of them may start a line when the call's own marker is missing.
    """
    own, related = (
        tuple(declaring(each, unusual) for each in some) for some in (spellings(dialect), _relatives(dialect))
    )
    every = (*own, *related)
    by_literal: dict[str, list[Spelling]] = {}
    for spelling in every:
        for literal in spelling.openers:
            by_literal.setdefault(literal, []).append(spelling)
    reasoning = closers_by_opener((dialect,))
    guarded, others = live(every, reasoning, fences)
    late = [spelling for spelling in own if spelling.late_headers or (names and spelling.paired)]
    heads = dict.fromkeys(head for spelling in late for head in line_heads_of(spelling, names)) if names else {}
    guarded |= {"\n" + head for head in heads}
    frames = frames_of((dialect,), own, reasoning) if dialect.framing is not None else None
    others |= frames.literals if frames is not None else frozenset()
    return OpenerTable(
        dialect=dialect,
        own=dialect.name,
        by_literal={literal: tuple(found) for literal, found in by_literal.items()},
        openers=whole_openers(by_literal, every),
        text=Literals(guarded | others | documents),
        guarded=Literals(guarded),
        markerless=tuple(spelling for spelling in own if spelling.markerless),
        late=tuple(late),
        reasoning=reasoning,
        reasoning_closers=tuple(chain.from_iterable(reasoning.values())),
        line_heads=tuple(heads),
        ends=turn_tokens(dialect),
        before=longest_lead((dialect,)),
        unusual=unusual,
        frames=frames,
    )


@lru_cache(maxsize=CACHED)
def _chosen(
    dialect: Dialect, fences: bool, documents: frozenset[str], unusual: Unusual, names: frozenset[str]
) -> OpenerTable:
    return replace(opener_table(dialect, fences, documents, unusual, names), own="")


def turn_tokens(dialect: Dialect) -> tuple[str, ...]:
    """Return the tokens that end a turn and nothing else."""
    stops = stops_of(dialect) if dialect.framing is not None else ()
    return tuple(token for token in dialect.ends if token not in stops)


def whole_openers(literals: Iterable[str], every: Iterable[Spelling]) -> tuple[str, ...]:
    """Return what openers begin with, and those of sections to their end: what follows a quoted one is quoted."""
    sections = (section.format().rstrip(BLANK) for spelling in every for section, _ in spelling.sections)
    return tuple(dict.fromkeys((*literals, *filter(is_distinctive, sections))))


def longest_lead(specs: Iterable[Dialect]) -> str:
    """Return the most line breaks that may belong to a marker of one of the dialects."""
    leads = [("", *spec.call.before, *(spec.framing.leads if spec.framing is not None else ())) for spec in specs]
    leads += [(spec.section.before,) for spec in specs if spec.section is not None]
    return max(chain.from_iterable(leads), key=len)


def closers_by_opener(specs: Iterable[Dialect]) -> dict[str, tuple[str, ...]]:
    """Return the closers of reasoning by its opener."""
    found: dict[str, tuple[str, ...]] = {}
    for spec in chain.from_iterable((spec, *spec.variants) for spec in specs):
        reasoning = spec.reasoning
        if reasoning is not None:
            closers = (*found.get(reasoning.open, ()), reasoning.close, *joins_of(spec))
            found[reasoning.open] = tuple(dict.fromkeys(closers))
    return found


def live(
    every: Iterable[Spelling], reasoning: Mapping[str, tuple[str, ...]], fences: bool
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the literals to look for everywhere, and those for open text alone."""
    calls = frozenset(literal for spelling in every for literal in spelling.outside)
    calls |= {opener for opener in reasoning if opener[0] not in BLANK}  # one that begins with a blank opens a block
    return calls, frozenset((*chain.from_iterable(reasoning.values()), *(FENCES if fences else ())))


def _relatives(dialect: Dialect) -> list[Spelling]:
    """Return the spellings of other dialects that share a marker with this one (R-FOREIGN), each once.

    One that opens with nothing but what stands inside this one's own markers is none: that is this one, damaged. Nor
    is a longer form of a marker of this one, which the other only accepts.
    """
    if dialect.nonce:
        return []  # what does not hold the salt is content
    own = {literal for spelling in spellings(dialect) for literal in spelling.openers if is_distinctive(literal)}
    taken = {_shape(spelling) for spelling in spellings(dialect)}
    wrapped = [spelling for spelling in spellings(dialect) if spelling.sections or spelling.wrapper is not None]
    inner = {first for spelling in wrapped for header in spelling.headers for first in header.firsts}
    found: list[Spelling] = []
    for other in map(spellings, by_use()):
        for spelling in (_narrowed(each, tuple(own)) for each in (other if other[0].openers & own else ())):
            if spelling.openers & own and not spelling.openers <= inner and _shape(spelling) not in taken:
                found.append(spelling)
                taken.add(_shape(spelling))
    return found


def _narrowed(spelling: Spelling, taken: tuple[str, ...]) -> Spelling:
    """Return a spelling without the sections that it only accepts, where their openers, unlike its own, are taken."""
    if spelling.sections and spelling.sections[0][0].first.startswith(taken):
        return spelling
    kept = (*spelling.sections[:1], *(pair for pair in spelling.sections[1:] if not pair[0].first.startswith(taken)))
    return replace(spelling, sections=kept) if kept != spelling.sections else spelling


def _shape(spelling: Spelling) -> tuple[object, ...]:
    return spelling.sections, spelling.wrapper, spelling.headers, spelling.keys, spelling.value_closer, spelling.closers


def line_heads_of(spelling: Spelling, names: frozenset[str]) -> Iterator[str]:
    """Yield what a header that lost its first marker begins with: a declared name, or what an id puts before it."""
    yield from (name for name in names if spelling.paired and spelling.headers[0].holds("name", name))
    for header in spelling.late_headers:
        starts = spelling.dialect.call.id if "id" in header.roles else (header,)
        for template in starts:
            named = isinstance(template.nodes[0], Slot)
            yield from (name for name in names if template.holds("name", name)) if named else (template.first,)
