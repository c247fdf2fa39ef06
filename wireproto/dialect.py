"""A wire format as data: the nodes of a marker, the parts of a dialect, and how a TOML file becomes one.

A marker is written once, as a template: `<parameter={key}>`. The same value matches it (with the tolerance that the
file lists), writes it, and later becomes a grammar rule; so there are no regular expressions and no callables in a
dialect. This module knows nothing of decoding. Its one law: `Template.match` takes back what `Template.format` wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal, Union

from wireproto.errors import DialectError

BLANK = " \t\r\n"
# More white space than this is no gap inside markup: what a decoder holds back stays small.
MAX_GAP = 4096

# What a model may write in a slot. The alphabet belongs to the slot: it is what keeps prose from becoming a call.
ALPHABETS: dict[str, re.Pattern[str]] = {
    "name": re.compile(r"[A-Za-z0-9_.-]{1,128}"),
    "key": re.compile(r"[A-Za-z0-9_.-]{1,128}"),
    "id": re.compile(r"[A-Za-z0-9_.:-]{1,256}"),
    "index": re.compile(r"[0-9]{1,9}"),
    "string": re.compile(r"true|false"),
}


class Miss(Enum):
    """Why a template does not match: it cannot, or the text ends before that is known."""

    NO = "no"
    MORE = "more"


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

    def match(self, text: str, pos: int, end: int) -> tuple[int, str, bool] | Miss:
        """Return (end, value, whether the quotes were canonical) of the slot at `pos`."""
        if pos >= end:
            return Miss.MORE
        pair = next((q for q in self.quotes if q and text[pos] == q[0]), "")
        if self.quotes and not pair and "" not in self.quotes:
            return Miss.NO
        start = pos + len(pair[:1])
        found = ALPHABETS[self.role].match(text, start, end)
        if found is None:
            return Miss.MORE if start >= end or _may_begin(self.role, text, start, end) else Miss.NO
        stop = found.end()
        if stop >= end:
            return Miss.MORE
        if pair and text[stop] != pair[1]:
            return Miss.NO
        return stop + len(pair[1:]), found.group(), not self.quotes or pair == self.quotes[0]


def _may_begin(role: str, text: str, start: int, end: int) -> bool:
    return role == "string" and any(word.startswith(text[start:end]) for word in ("true", "false"))


Node = Union[Lit, Gap, Slot]


def begins(literal: str, text: str, pos: int, end: int) -> Literal[True] | Miss:
    """Tell whether `literal` stands at `pos`, looking no further than `end`."""
    if text.startswith(literal, pos, end):
        return True
    rest = text[pos : min(end, pos + len(literal))]
    return Miss.MORE if literal.startswith(rest) else Miss.NO


@dataclass(frozen=True, slots=True)
class Match:
    """Where a template ended in the text, what filled its slots, and whether every quote was canonical."""

    end: int
    slots: Mapping[str, str]
    canonical: bool = True


_PIECES = re.compile(r"\{([a-z]+)\}|([ \t\r\n]+)")


@dataclass(frozen=True, slots=True)
class Template:
    """A marker: literals, gaps and slots in order.

    `trimmed` are its nodes without a gap at either end, `tolerant` the indexes of those before which blanks may stand.
    """

    nodes: tuple[Node, ...]
    trimmed: tuple[Node, ...] = field(init=False, repr=False, compare=False)
    tolerant: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "trimmed", _without_outer_gaps(self.nodes))
        object.__setattr__(self, "tolerant", frozenset(_between_tags(self.trimmed)))

    @classmethod
    def parse(cls, text: str, quotes: tuple[str, ...] = ('""',)) -> Template:
        """Read `text`; `{role}` is a slot, white space outside tags is a gap, `="{role}"` is a quoted slot.

        Raises:
            DialectError: a slot has an unknown role.
        """
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
            if role is not None and role not in ALPHABETS:
                raise DialectError(f"unknown slot {{{role}}}; known are {', '.join(sorted(ALPHABETS))}")
            quoted = role is not None and pending.endswith('"') and text[at : at + 1] == '"'
            if quoted:
                pending, at = pending[:-1], at + 1
            if pending:
                nodes.append(Lit(pending))
                pending = ""
            nodes.append(Gap(blank) if role is None else Slot(role, quotes if quoted else ()))
        pending += text[at:]
        if pending:
            nodes.append(Lit(pending))
        return cls(tuple(nodes))

    def format(self, **slots: str) -> str:
        """Write the marker with its slots filled.

        Raises:
            ValueError: a slot's alphabet does not hold what is to stand in it.
        """
        out = []
        for node in self.nodes:
            if isinstance(node, Slot):
                value = slots[node.role]
                if not ALPHABETS[node.role].fullmatch(value):
                    raise ValueError(f"a {node.role} of this format cannot be {value!r}")
                pair = node.quotes[0] if node.quotes else ""
                out.append(pair[:1] + value + pair[1:])
            else:
                out.append(node.text)
        return "".join(out)

    def match(self, text: str, pos: int, end: int) -> Match | Miss:
        """Match at `pos`, looking no further than `end`; a gap at the end of the template is left alone.

        Blanks between a slot and the tags on both sides of it are tolerated: models write them, and no name holds any.
        """
        slots: dict[str, str] = {}
        canonical = True
        for i, node in enumerate(self.trimmed):
            if i in self.tolerant:
                pos = skip_blank(text, pos, end)
            if isinstance(node, Lit):
                stands = begins(node.text, text, pos, end)
                if stands is not True:
                    return stands
                pos += len(node.text)
            elif isinstance(node, Gap):
                pos = skip_blank(text, pos, end)
            else:
                found = node.match(text, pos, end)
                if isinstance(found, Miss):
                    return found
                pos, slots[node.role], plain = found
                canonical = canonical and plain
        return Match(pos, slots, canonical)

    @property
    def roles(self) -> frozenset[str]:
        """The roles of its slots."""
        return frozenset(node.role for node in self.nodes if isinstance(node, Slot))

    @property
    def first(self) -> str:
        """The literal it begins with; empty if it begins with a slot or is empty."""
        nodes = self.trimmed
        return nodes[0].text if nodes and isinstance(nodes[0], Lit) else ""

    def units(self) -> tuple[Template, ...]:
        """Split into markers that may be missing one without the other: at a gap, and between `>` and `<`."""
        groups: list[list[Node]] = [[]]
        for node in self.trimmed:
            if isinstance(node, Gap):
                groups.append([])
                continue
            for i, text in enumerate(_split_tags(node.text) if isinstance(node, Lit) else ()):
                if i or (text[0] == "<" and groups[-1] and _ends_tag(groups[-1][-1])):
                    groups.append([])
                groups[-1].append(Lit(text))
            if isinstance(node, Slot):
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
    return isinstance(node, Lit) and node.text.endswith(">")


def _split_tags(text: str) -> list[str]:
    return re.split(r"(?<=>)(?=<)", text)


def skip_blank(text: str, pos: int, end: int) -> int:
    """Return the first position from `pos` up to `end` that is not a blank, or is one too many for a gap."""
    end = min(end, pos + MAX_GAP)
    while pos < end and text[pos] in BLANK:
        pos += 1
    return pos


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Where reasoning stands: its markers, the white space after it, whether a call's opener ends it."""

    open: str
    close: str
    after: str = ""
    ends_at_call: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """The markers around all calls of a message; `also` are accepted pairs."""

    open: Template
    close: Template
    also: tuple[tuple[Template, Template], ...] = ()


@dataclass(frozen=True, slots=True)
class CallShape:
    """The markers around one call, what stands between calls, and the forms of an id that holds the name."""

    open: Template
    close: Template
    also: tuple[Template, ...] = ()
    join: str = ""
    id: tuple[Template, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """The member names of a JSON object that is a call; the canonical name first."""

    name: tuple[str, ...] = ("name",)
    arguments: tuple[str, ...] = ("arguments",)
    id: tuple[str, ...] = ("id",)


@dataclass(frozen=True, slots=True)
class Argument:
    """How `{key: value}` is written inside a call.

    `pad` is the white space on each side of a raw value that is markup; `pad_keys` limits it to some keys when
    writing. `escape` is the spelling of the value's own closer inside a value, if the format has one. `literals` says
    how values that are no strings are written: `json`, `python-scalars` (True, False, None; what a template's
    `| string` renders), or `python` throughout.
    """

    codec: str
    open: Template = Template(())
    close: Template = Template(())
    also: tuple[Template, ...] = ()
    pad: str = ""
    pad_keys: tuple[str, ...] = ()
    escape: str = ""
    literals: str = "json"


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """A wire format: its markers, its slots and how they repeat. Load one with `Dialect.load(path)`."""

    name: str
    summary: str
    call: CallShape
    argument: Argument
    aliases: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    source: str = ""
    reasoning: Reasoning | None = None
    section: Section | None = None
    record: Record = field(default_factory=Record)
    variants: tuple[Dialect, ...] = field(default=(), repr=False)
    path: str = ""

    @classmethod
    def load(cls, path: str | Path) -> Dialect:
        """Read a dialect file.

        Raises:
            DialectError: the file cannot be read, is not TOML, or is not a dialect; names file, key and fix.
        """
        from wireproto.loading import load

        return load(path)

    @property
    def codec(self) -> str:
        """The name of the argument codec."""
        return self.argument.codec

    @property
    def markers(self) -> tuple[str, ...]:
        """Every literal of the canonical spelling, without white space, in the order of the file, each once."""
        templates = [self.call.open, self.call.close, self.argument.open, self.argument.close]
        if self.section is not None:
            templates = [self.section.open, self.section.close, *templates]
        found = [node.text for template in templates for node in template.nodes if isinstance(node, Lit)]
        if self.reasoning is not None:
            found += [self.reasoning.open, self.reasoning.close]
        return tuple(dict.fromkeys(found))


def every_spelling(dialect: Dialect) -> Iterator[Dialect]:
    """Yield the dialect itself and then its variants of spelling."""
    yield dialect
    yield from dialect.variants
