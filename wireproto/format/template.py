"""What a marker is made of, and a marker as one value: literals, gaps, slots and start tags that match and write.

A marker is written once, as a template: `<parameter={key}>`. The same value matches it (with the tolerance that the
file lists), writes it, and becomes a grammar rule; so there are no regular expressions and no callables in a dialect.
This module knows nothing of dialects. Law: `Template.match` takes back what `Template.format` wrote, and an answer
never changes when more text arrives, except from `WAIT`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

from wireproto.format.alphabet import ALPHABETS, UNSAID, WORDS, check_roles, holds
from wireproto.format.tag import Tag
from wireproto.text.scan import NO, WAIT, Answer, Match, Miss, begins, skip_blank
from wireproto.values.quoting import quoted

# Models write `<function="f">` for `<function=f>`.
_STRAY = ("", '""', "''", "“”")
_PIECES = re.compile(r"\{([a-z]+)\}|([ \t\r\n]+)")
_START_TAG = re.compile(r"(<[A-Za-z][^<>]*\{[^<>]*>)")


@dataclass(frozen=True, slots=True)
class Lit:
    """Text that is written exactly so and looked for exactly so."""

    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """White space that belongs to the markup: written exactly so, matched as any run of blanks."""

    text: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that the model fills; `quotes` are the accepted pairs around it, the canonical one first."""

    role: str
    quotes: tuple[str, ...] = ()
    _pairs: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pairs", {pair[0]: pair for pair in self.quotes if pair})

    def match(self, text: str, pos: int, end: int) -> tuple[int, str, bool] | Miss:
        """Return (end, value, whether the quotes were canonical) of the slot at `pos`."""
        if pos >= end:
            return WAIT
        pair = self._pairs.get(text[pos], "")
        if self.quotes and not pair and "" not in self.quotes:
            return NO
        start = pos + len(pair[:1])
        found = ALPHABETS[self.role].match(text, start, end)
        if found is None:
            return WAIT if start >= end or _may_begin(self.role, text, start, end) else NO
        stop = found.end()
        if stop >= end:
            return WAIT
        if pair and text[stop] != pair[1]:
            return NO
        return stop + len(pair[1:]), found.group(), not self.quotes or pair == self.quotes[0]


def _may_begin(role: str, text: str, start: int, end: int) -> bool:
    return any(word.startswith(text[start:end]) for word in WORDS.get(role, ()))


Node = Union[Lit, Gap, Slot, Tag]


@dataclass(frozen=True, slots=True)
class Template:
    """A marker: literals, gaps and slots in order.

    `trimmed` are its nodes without a gap at either end, `tolerant` the indexes of those before which blanks may stand.
    `firsts` are the literals it may begin with, `first` the canonical one: none and empty if it begins with a slot.
    `name_only`: it begins with a slot, or with a bracket before one, so that only its name tells it from text.
    `closes_itself`: it ends like an element without content, which no format writes but models do.
    """

    nodes: tuple[Node, ...]
    trimmed: tuple[Node, ...] = field(init=False, repr=False, compare=False)
    tolerant: frozenset[int] = field(init=False, repr=False, compare=False)
    firsts: tuple[str, ...] = field(init=False, repr=False, compare=False)
    first: str = field(init=False, repr=False, compare=False)
    name_only: bool = field(init=False, repr=False, compare=False)
    closes_itself: bool = field(init=False, repr=False, compare=False)
    _fixed: str | None = field(init=False, repr=False, compare=False)  # its text, if it has no slots

    def __post_init__(self) -> None:
        written = [node.text for node in self.nodes if isinstance(node, (Lit, Gap))]
        object.__setattr__(self, "_fixed", "".join(written) if len(written) == len(self.nodes) else None)
        object.__setattr__(self, "trimmed", _without_outer_gaps(self.nodes))
        object.__setattr__(self, "tolerant", frozenset(_between_tags(self.trimmed)))
        start = self.trimmed[0] if self.trimmed else None
        firsts = start.firsts if isinstance(start, Tag) else (start.text,) if isinstance(start, Lit) else ()
        object.__setattr__(self, "firsts", firsts)
        object.__setattr__(self, "first", next(iter(firsts), ""))
        object.__setattr__(self, "name_only", self.first in ("", "<"))
        last = self.trimmed[-1] if self.trimmed else None
        object.__setattr__(self, "closes_itself", isinstance(last, Lit) and last.text.endswith("/>"))

    @classmethod
    def parse(cls, text: str, quotes: tuple[str, ...] = ('""',), markup: str = "") -> Template:
        """Read `text`; `{role}` is a slot, white space outside tags is a gap, `="{role}"` is a quoted slot.

        With `markup` "xml" or "html", a start tag with slots is a `Tag`.

        Raises:
            DialectError: a slot has an unknown role.
        """
        if not markup:
            return cls(tuple(cls._nodes(text, quotes)))
        nodes: list[Node] = []
        for i, piece in enumerate(_START_TAG.split(text)):
            nodes += [Tag.parse(piece, markup == "html")] if i % 2 else cls._nodes(piece, quotes)
        return cls(tuple(nodes))

    @classmethod
    def _nodes(cls, text: str, quotes: tuple[str, ...]) -> list[Node]:
        nodes: list[Node] = []
        pending = ""
        at = 0
        for piece in _PIECES.finditer(text):
            pending += text[at : piece.start()]
            at = piece.end()
            role, blank = piece.group(1), piece.group(2)
            if blank is not None and text.rfind("<", 0, at) > text.rfind(">", 0, at):
                pending += blank  # white space inside a tag is part of its literal
                continue
            check_roles(() if role is None else (role,))
            around: tuple[str, ...] = ()
            if role is not None and pending.endswith('"') and text[at : at + 1] == '"':
                pending, at, around = pending[:-1], at + 1, quotes
            elif role is not None and pending.endswith("=") and text[at : at + 1] == ">":
                around = _STRAY
            if pending:
                nodes.append(Lit(pending))
                pending = ""
            nodes.append(Gap(blank) if role is None else Slot(role, around))
        pending += text[at:]
        if pending:
            nodes.append(Lit(pending))
        return nodes

    def format(self, **slots: str) -> str:
        """Write the marker with its slots filled; a count, or one of a few words, need not be given.

        Raises:
            ValueError: a slot cannot hold what is to stand in it.
        """
        if self._fixed is not None:
            return self._fixed
        for node in self.nodes:
            if not isinstance(node, Slot):
                continue
            word = slots.get(node.role) or UNSAID.get(node.role) or slots[node.role]
            # Most words are of the alphabet; of any other it is asked what the slot can hold.
            if ALPHABETS[node.role].fullmatch(word) is None and not self.holds(node.role, word):
                raise ValueError(f"a {node.role} of this format cannot be {quoted(word)}")
        return self.fill(**slots)

    def holds(self, role: str, word: str) -> bool:
        """Return whether a declared name, a key or an id can stand in its slot; true if there is no such slot."""
        for i, node in enumerate(self.nodes if ALPHABETS[role].fullmatch(word) is None else ()):
            if isinstance(node, Slot) and node.role == role:
                pair = node.quotes[0] if node.quotes else ""
                element = self.first in ("<", "</")
                return holds(role, word, pair[1:] or self._ends(i), quoted=bool(pair), element=element)
            if isinstance(node, Tag) and role == "name":
                return node.can_name(word)
        return True

    def _ends(self, i: int) -> Iterable[str]:
        """Return what a slot without quotes may be over at: the next marker; a sign that ids may hold says nothing."""
        if not any(isinstance(node, Lit) for node in self.nodes[i + 1 :]):
            return "<{"
        return [text for text in self.literals if ALPHABETS["id"].fullmatch(text) is None]

    def fill(self, **slots: str) -> str:
        """Write the marker with its slots filled, whether they can hold it or not."""
        if self._fixed is not None:
            return self._fixed
        out = []
        for node in self.nodes:
            if isinstance(node, Slot):
                pair = node.quotes[0] if node.quotes else ""
                out.append(pair[:1] + (slots.get(node.role) or UNSAID.get(node.role) or slots[node.role]) + pair[1:])
            elif isinstance(node, Tag):
                out.append(node.format(slots))
            else:
                out.append(node.text)
        return "".join(out)

    def match(self, text: str, pos: int, end: int) -> Match | Miss:
        """Match at `pos`, looking no further than `end`; a gap at the end of the template is left alone.

        Blanks between a slot and the tags on both sides of it are tolerated: models write them, and no name holds any.
        """
        slots: dict[str, str] = {}
        canonical, closed = True, False
        for i, node in enumerate(self.trimmed):
            if i in self.tolerant:
                pos = skip_blank(text, pos, end)
            if isinstance(node, Lit):
                if not text.startswith(node.text, pos, end):
                    return WAIT if begins(node.text, text, pos, end) is WAIT else NO
                pos += len(node.text)
            elif isinstance(node, Gap):
                pos = skip_blank(text, pos, end)
            elif isinstance(node, Tag):
                tag = node.match(text, pos, end)
                if isinstance(tag, Answer):
                    return tag
                pos, canonical, closed = tag.end, canonical and tag.canonical, tag.closed
                slots.update(tag.slots)
            else:
                found = node.match(text, pos, end)
                if isinstance(found, Answer):
                    return found
                pos, slots[node.role], plain = found
                canonical = canonical and plain
        if self.closes_itself:
            canonical, closed = False, True
        return Match(pos, slots, canonical, closed)

    @property
    def roles(self) -> frozenset[str]:
        """The roles of its slots."""
        tagged = (role for node in self.nodes if isinstance(node, Tag) for _, role, _ in node.attributes)
        return frozenset((*tagged, *(node.role for node in self.nodes if isinstance(node, Slot))))

    @property
    def literals(self) -> tuple[str, ...]:
        """Its fixed text without white space, in order."""
        pieces = [
            node.literals if isinstance(node, Tag) else (node.text,)
            for node in self.nodes
            if isinstance(node, (Lit, Tag))
        ]
        return tuple(text for piece in pieces for text in piece)

    def units(self) -> tuple[Template, ...]:
        """Split into markers that may be missing one without the other: at a gap between tags, and between `>` and `<`.

        A gap inside a marker, as in `<|open|>call tool="{name}"<|sep|>`, is none between two.
        """
        groups: list[list[Node]] = [[]]
        for i, node in enumerate(self.trimmed):
            if isinstance(node, Gap):
                if _ends_tag(self.trimmed[i - 1]) or _begins_tag(self.trimmed[i + 1]):
                    groups.append([])
                else:
                    groups[-1].append(node)
                continue
            for part, text in enumerate(_split_tags(node.text) if isinstance(node, Lit) else ()):
                if part or (text[0] == "<" and groups[-1] and _ends_tag(groups[-1][-1])):
                    groups.append([])
                groups[-1].append(Lit(text))
            if isinstance(node, Tag) and groups[-1] and _ends_tag(groups[-1][-1]):
                groups.append([])
            if isinstance(node, (Slot, Tag)):
                groups[-1].append(node)
        return tuple(Template(tuple(group)) for group in groups if group)

    def __add__(self, other: Template) -> Template:
        return Template((*self.nodes, Gap(""), *other.nodes))


def _without_outer_gaps(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    start = 1 if nodes and isinstance(nodes[0], Gap) else 0
    stop = len(nodes) - 1 if len(nodes) > start and isinstance(nodes[-1], Gap) else len(nodes)
    return nodes[start:stop]


def _between_tags(nodes: tuple[Node, ...]) -> Iterator[int]:
    """Yield the indexes of slots between two tags, and of the literals behind them."""
    for i in range(1, len(nodes) - 1):
        before, slot, after = nodes[i - 1 : i + 2]
        bare = isinstance(slot, Slot) and not slot.quotes
        if (
            bare
            and isinstance(before, Lit)
            and isinstance(after, Lit)
            and before.text[-1] + after.text[0] in ("><", "][")
        ):
            yield from (i, i + 1)


def _ends_tag(node: Node) -> bool:
    return isinstance(node, Tag) or (isinstance(node, Lit) and node.text.endswith(">"))


def _begins_tag(node: Node) -> bool:
    return isinstance(node, Tag) or (isinstance(node, Lit) and node.text.startswith("<"))


def _split_tags(text: str) -> list[str]:
    return re.split(r"(?<=>)(?=<)", text)


EMPTY = Template(())
