"""A dialect's markers, knowing the declared names that no alphabet holds: `a/b`, `$filter`, names with blanks.

Where all names are usual, nothing here is used. It must not know codecs, nor where a marker is looked for. Law: of the
declared names that stand in a slot, the longest counts behind which the rest of the marker fits; where none does, the
marker is matched as if nothing had been declared.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from wireproto.format.dialect import Dialect
from wireproto.format.spelling import CACHED, Spelling
from wireproto.format.tag import Tag
from wireproto.format.template import Gap, Node, Slot, Template
from wireproto.text.scan import NO, WAIT, Literals, Match, Miss, skip_blank
from wireproto.tools.names import Unusual


@dataclass(frozen=True, slots=True)
class Declaring(Template):
    """A marker whose slot also holds these words. `form`: it is an id that holds the name, and this is how it looks."""

    words: frozenset[str] = frozenset()
    form: Template | None = None
    _role: str = field(init=False, repr=False, compare=False)
    _head: Template = field(init=False, repr=False, compare=False)
    _tail: Template = field(init=False, repr=False, compare=False)
    _gaps: tuple[bool, bool] = field(init=False, repr=False, compare=False)
    _written: dict[str, tuple[str, bool]] = field(init=False, repr=False, compare=False)
    _known: Literals = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        Template.__post_init__(self)
        nodes = self.trimmed
        at, slot = next((i, node) for i, node in enumerate(nodes) if isinstance(node, Slot) and node.role in _NAMING)
        before, behind = nodes[max(0, at - 1) : at], nodes[at + 1 : at + 2]
        pairs = slot.quotes or ("",)
        written = {
            pair[:1] + word + pair[1:]: (word, pair == pairs[0])
            for pair in reversed(pairs)
            for word in self.words
            if not pair or pair[1] not in word
        }
        derived = {
            "_role": slot.role,
            "_head": Template(nodes[:at]),
            "_tail": Template(nodes[at + 1 :]),
            "_gaps": (at in self.tolerant or _is_gap(before), at + 1 in self.tolerant or _is_gap(behind)),
            "_written": written,
            "_known": Literals(frozenset(written)),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def match(self, text: str, pos: int, end: int) -> Match | Miss:
        """Match at `pos`, looking no further than `end`."""
        head = self._head.match(text, pos, end)
        if not isinstance(head, Match):
            return head
        found = self._declared(text, head, end)
        if self.form is None:
            return found if found is not NO else Template.match(self, text, pos, end)
        if not isinstance(found, Match):
            return found
        return found._replace(slots={"id": self.form.fill(**found.slots)})

    def _declared(self, text: str, head: Match, end: int) -> Match | Miss:
        """Match the longest declared name behind which the rest fits."""
        start, stop = skip_blank(text, head.end, end) if self._gaps[0] else head.end, end
        if self._known.open_ended(text, start, end):
            return WAIT
        while (hit := self._known.at(text, start, stop)) is not None:
            after = skip_blank(text, hit.end(), end) if self._gaps[1] else hit.end()
            word, plain = self._written[hit.group()]
            tail = (
                self._tail
                if self._role not in self._tail.roles
                else holding(self._tail, self._role, frozenset((word,)))
            )
            found = tail.match(text, after, end) if hit.end() < end else WAIT
            if isinstance(found, Match):
                slots = {**head.slots, self._role: word, **found.slots}
                return Match(found.end, slots, head.canonical and plain and found.canonical, found.closed)
            if found is WAIT:
                return WAIT
            stop = hit.end() - 1
        return NO


_NAMING = ("name", "key")


def _is_gap(nodes: tuple[Node, ...]) -> bool:
    return any(isinstance(node, Gap) for node in nodes)


def declaring(spelling: Spelling, unusual: Unusual) -> Spelling:
    """Return a spelling whose markers know the unusual names; the same one if there are none."""
    return _declaring(spelling, unusual) if any(unusual) else spelling


@lru_cache(maxsize=CACHED)
def _declaring(spelling: Spelling, unusual: Unusual) -> Spelling:
    headers, late = (
        tuple(each for header in some for each in naming(header, spelling.dialect, unusual.names))
        for some in (spelling.headers, spelling.late_headers)
    )
    keys = tuple(holding(template, "key", unusual.keys) for template in spelling.keys)
    # What an attribute holds anyway is no key that has to be declared.
    own = frozenset(key for key in unusual.keys if not any(_reads(template, key) for template in spelling.keys))
    return replace(spelling, headers=headers, late_headers=late, keys=keys, unusual_keys=own)


def _reads(template: Template, key: str) -> bool:
    """Return whether an opener of an argument is read back with this key though nobody declared it."""
    text = template.fill(key=key) + "\n"
    found = template.match(text, 0, len(text))
    return isinstance(found, Match) and found.slots["key"] == key


@lru_cache(maxsize=CACHED)
def naming(header: Template, dialect: Dialect, names: frozenset[str]) -> tuple[Template, ...]:
    """Return a header as it knows these names: where an id holds the name, itself and one for each form of the id."""
    found = [holding(header, "name", names)]
    nodes = header.trimmed
    at = nodes.index(Slot("id")) if Slot("id") in nodes else -1
    gap = (Gap(""),) if at in header.tolerant else ()
    for form in dialect.call.id if at >= 0 else ():
        held = frozenset(name for name in names if _holds_id(header, form, name))
        if held:
            found.append(Declaring((*nodes[:at], *gap, *form.nodes, *gap, *nodes[at + 1 :]), held, form))
    return tuple(found)


def can_name(header: Template, dialect: Dialect, name: str) -> bool:
    """Return whether a header can hold the name of a declared tool, as the dialect writes it."""
    if "id" in header.roles and dialect.call.id:
        return _holds_id(header, dialect.call.id[0], name)
    return header.holds("name", name)


def _holds_id(header: Template, form: Template, name: str) -> bool:
    return form.holds("name", name) and header.holds("id", form.fill(name=name, index="0"))


@lru_cache(maxsize=CACHED)
def holding(template: Template, role: str, words: frozenset[str]) -> Template:
    """Return a template as it knows these words for the slot of a role, if it has one."""
    if any(isinstance(node, Tag) for node in template.nodes):
        nodes = (replace(node, declared=words) if isinstance(node, Tag) else node for node in template.nodes)
        return Template(tuple(nodes))
    held = frozenset(word for word in words if template.holds(role, word)) if role in template.roles else frozenset()
    return Declaring(template.nodes, held) if held else template
