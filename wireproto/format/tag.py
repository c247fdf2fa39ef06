"""A start tag as a part of a marker: attributes in any order, some of them slots, as HTML and XML writers vary them.

It must not know what its slots are for. Law: `Tag.match` takes back what `Tag.format` wrote, and an answer never
changes when more text arrives, except from `WAIT`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from wireproto.format.alphabet import ALPHABETS, check_roles
from wireproto.text.scan import NO, WAIT, Match, Miss
from wireproto.text.xml_text import escape_attribute, references

# A start tag longer than this is none: what a decoder holds back stays small.
MAX_TAG = 1024
_TAG_SLOT = re.compile(r'(?P<name>[^="]+)="\{(?P<role>[a-z]+)(?P<optional>\??)\}"')
_SLOT_VALUE = re.compile(r"\{[a-z]+\??\}")
_ATTRIBUTE = r"""[^\s"'<>/=]+(?:\s*=\s*(?:"[^"<]*"|'[^'<]*'|[^\s"'=<>`/]+))?"""
_TAG = re.compile(rf"(?:\s+{_ATTRIBUTE})*\s*(/?)>")
_HALF_TAG = re.compile(rf"""(?:\s+{_ATTRIBUTE})*(?:\s+[^\s"'<>/=]+\s*=\s*(?:"[^"<]*|'[^'<]*)?|\s*/?)\Z""")
_ATTRIBUTES = re.compile(r"""\s([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"<]*)"|'([^'<]*)'|([^\s"'=<>`/]+)))?""")


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag: attributes in any order, each (name, role of its slot, whether it may be missing).

    `words` are attributes without a value that must stand there; `caseless` names are matched in any case, as in HTML.
    `declared` are names that count though the alphabet of their slot does not hold them. `firsts` are the literals it
    may begin with, the canonical one first: where case does not count, every mixture.
    """

    name: str
    attributes: tuple[tuple[str, str, bool], ...]
    words: tuple[str, ...] = ()
    caseless: bool = False
    declared: frozenset[str] = frozenset()
    firsts: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spellings = {""}
        for letter in self.name if self.caseless else ():
            spellings = {head + case for head in spellings for case in (letter.lower(), letter.upper())}
        others = sorted("<" + name for name in spellings if name)
        object.__setattr__(self, "firsts", tuple(dict.fromkeys((f"<{self.name}", *others))))

    @classmethod
    def parse(cls, text: str, caseless: bool) -> Tag:
        """Read `<name word attribute="{role}" other="{role?}">`."""
        name, *rest = text.strip("<>").split()
        found = [_TAG_SLOT.fullmatch(piece) for piece in rest]
        attributes = tuple((slot["name"], slot["role"], bool(slot["optional"])) for slot in found if slot)
        words = tuple(piece for piece, slot in zip(rest, found, strict=True) if slot is None)
        check_roles(role for _, role, _ in attributes)
        return cls(name, attributes, words, caseless)

    @property
    def literals(self) -> tuple[str, ...]:
        """Its fixed text, cut at the slots."""
        return tuple(part for part in _SLOT_VALUE.split(self.text) if part)

    @property
    def text(self) -> str:
        """The tag as a template writes it."""
        slots = [f'{name}="{{{role}{"?" * optional}}}"' for name, role, optional in self.attributes]
        return f"<{' '.join((self.name, *self.words, *slots))}>"

    def format(self, slots: Mapping[str, str]) -> str:
        """Write the tag; an optional attribute only if its slot is filled."""
        given = [(name, slots[role]) for name, role, optional in self.attributes if slots.get(role) or not optional]
        pieces = [self.name, *self.words, *(f'{name}="{escape_attribute(value)}"' for name, value in given)]
        return f"<{' '.join(pieces)}>"

    def can_name(self, name: str) -> bool:
        """Return whether a declared name comes back from the tag."""
        text = self.format({"name": name})
        found = replace(self, declared=frozenset((name,))).match(text, 0, len(text))
        return isinstance(found, Match) and found.slots["name"] == name

    def match(self, text: str, pos: int, end: int) -> Match | Miss:
        """Match at `pos`, looking no further than `end`."""
        after = pos + 1 + len(self.name)
        head = text[pos : min(after, end)]
        wanted = f"<{self.name}"
        if not wanted.startswith(head.lower() if self.caseless else head):
            return NO
        if after >= end:
            return WAIT
        limit = min(end, pos + MAX_TAG)
        whole = _TAG.match(text, after, limit)
        if whole is None:
            half = limit < pos + MAX_TAG and _HALF_TAG.match(text, after, limit)
            return WAIT if half else NO
        return self._read(text, after, whole)

    def _read(self, text: str, start: int, whole: re.Match[str]) -> Match | Miss:
        attributes: dict[str, str] = {}
        canonical = True
        for found in _ATTRIBUTES.finditer(text, start, whole.end()):
            name = found[1].lower() if self.caseless else found[1]
            value = next((found[i] for i in (2, 3, 4) if found[i] is not None), "")
            attributes.setdefault(name, references(value))
            canonical = canonical and (found[4] is None or self.caseless)
        slots: dict[str, str] = {}
        for name, role, optional in self.attributes:
            value = attributes.pop(name, None)
            fits = value is not None and (role == "key" or ALPHABETS[role].fullmatch(value) is not None)
            fits = fits or (role == "name" and value in self.declared)
            if value is not None and fits:
                slots[role] = value
            elif not optional:
                return NO
            canonical = canonical and (fits or value is None)
        if any(attributes.pop(word, None) is None for word in self.words):
            return NO
        return Match(whole.end(), slots, canonical and (self.caseless or not attributes), bool(whole[1]))
