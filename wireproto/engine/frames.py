"""What to look for around the blocks of a message: the markers of visible text, and what stands between two blocks.

It must not decode, nor know any format. Law: what is live depends on the dialects alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from wireproto.format.dialect import Dialect
from wireproto.format.framing import SPECIAL, is_special
from wireproto.format.spelling import Spelling, is_distinctive
from wireproto.text.scan import BLANK, Literals


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """The framing of one dialect, or of all of them while it is not known which.

    `joins` stand between two blocks; what a block begins with counts at the start of the output and behind one of them.
    `content` are the closers of visible text by its opener, `closers` all of them, `leads` the line breaks before one
    that belong to it. `blocks` are the openers of text and of reasoning, by what they are without the blanks before
    them; `heads` the spellings whose calls are blocks.
    `literals` are those that are looked for in open text. `follows`: what may stand behind the closer of a text, of
    which `ends` end it in any case; `starts`: what a block begins with. `words`: openers of calls that are no special
    tokens; they begin a block or a line. `fence_ends`: what may stand on the line that closes a fence. `stops`: closers
    of calls that end the turn too.
    """

    joins: tuple[str, ...]
    content: Mapping[str, tuple[str, ...]]
    closers: frozenset[str]
    leads: Mapping[str, str]
    blocks: Mapping[str, str]
    heads: tuple[Spelling, ...]
    literals: frozenset[str]
    follows: Literals
    starts: Literals
    ends: frozenset[str]
    words: frozenset[str]
    fence_ends: tuple[str, ...]
    stops: tuple[str, ...]


def frames_of(
    specs: Iterable[Dialect], spellings: Iterable[Spelling], reasoning: Iterable[str], undetected: bool = False
) -> Frames | None:
    """Return what is looked for around the blocks of these dialects; None if none has any.

    `undetected`: it is not known yet which of them it is; then only special tokens are markup.
    """
    framed = [spec for spec in specs if spec.framing is not None]
    if not framed:
        return None
    content: dict[str, tuple[str, ...]] = {}
    joins: list[str] = []
    leads: dict[str, str] = {}
    for framing in (spec.framing for spec in framed if spec.framing is not None):
        joins += framing.joins
        for opener, closer in framing.content:
            if SPECIAL.search(opener) or not undetected:
                close = closer.lstrip("\n")
                content[opener] = tuple(dict.fromkeys((*content.get(opener, ()), *filter(None, (close,)))))
                leads[close] = max(leads.get(close, ""), closer[: len(closer) - len(close)])
    closers = frozenset(chain.from_iterable(content.values()))
    joined = {spec.name for spec in framed if spec.framing is not None and spec.framing.joins}
    heads = [each for each in spellings if each.dialect.name in joined and not each.sections]
    blocks = {opener.lstrip(BLANK): opener for opener in (*content, *reasoning)}
    # An opener that begins with a word is one at the head of a block alone.
    brackets = {opener for opener in content if opener[0] in "<["}
    stops = tuple(dict.fromkeys(stop for spec in framed for stop in stops_of(spec)))
    starts = frozenset((*blocks, *(opener.lstrip(BLANK) for each in spellings for opener in each.openers)))
    ends = closers.union(token for spec in framed for token in spec.ends)
    return Frames(
        joins=tuple(sorted(dict.fromkeys(joins), key=len, reverse=True)),
        content=content,
        closers=closers,
        leads=leads,
        blocks=dict(sorted(blocks.items(), key=lambda pair: len(pair[0]), reverse=True)),
        heads=tuple(heads),
        literals=frozenset((*joins, *brackets, *closers, *stops)),
        follows=Literals(frozenset((*joins, *ends, *filter(_is_bracketed, starts)))),
        starts=Literals(starts),
        ends=ends,
        words=frozenset(opener for each in heads for opener in each.openers if not is_special(opener)),
        fence_ends=tuple(filter(is_special, closers)),
        stops=stops,
    )


def _is_bracketed(marker: str) -> bool:
    """Return whether a marker is a tag or a token, and no word or single bracket."""
    return marker[0] in "<[" and is_distinctive(marker)


def joins_of(spec: Dialect) -> tuple[str, ...]:
    """Return what ends an open thought of this dialect besides its closer: the special tokens between two blocks."""
    return tuple(filter(is_special, spec.framing.joins)) if spec.framing is not None else ()


def stops_of(spec: Dialect) -> tuple[str, ...]:
    """Return the tokens that end the turn and are the closer of a call: they close it first."""
    closer = spec.call.close.format() if not spec.call.close.roles else ""
    return tuple(token for token in spec.ends if token == closer)
