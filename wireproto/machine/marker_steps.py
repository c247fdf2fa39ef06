"""The markers of a dialect as steps through characters: as it writes them, and in every spelling that is read.

It must not know what markers mean. Law: the steps cover each spelling of a template that the decoder takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Final

from wireproto.automata.charset import char_set, union
from wireproto.format.alphabet import WORDS
from wireproto.format.spelling import Spelling
from wireproto.format.tag import Tag
from wireproto.format.template import Gap, Lit, Slot, Template
from wireproto.machine.marker_nfa import Step, Steps, literal_steps
from wireproto.machine.sites import MAX_UNUSUAL, ValueSite, Word, alphabet
from wireproto.machine.slips import written_twice
from wireproto.text.scan import BLANK

BLANKS: Final = Step(char_set(BLANK), 0, None)
GAP: Final = (BLANKS,)
# The length that `nodes.ALPHABETS` allows names.
_MAX_WORD: Final = 128
_MAX_INDEX: Final = 9


def sections(spelling: Spelling) -> Iterator[Steps]:
    """Yield the openers of sections: the call after one belongs to the section."""
    yield from (_spelled(opener, None) + GAP for opener, _ in spelling.sections)


def nested_calls(site: ValueSite) -> list[tuple[Steps, str]]:
    """Return how a nested call begins as the dialect writes it, each with the closer of its outermost marker.

    The closer is empty where the beginning includes it. Where a header is only a tool's name there are no nested calls:
    what is a call inside a call would depend on that tool's keys.
    """
    return [] if site.tools else list(calls(site, exact=True))


def calls(site: ValueSite, exact: bool) -> Iterator[tuple[Steps, str]]:
    """Yield the openers of calls up to what must follow a header (R-OPEN), with the closer of the outermost marker.

    The closer is empty where it follows the header at once.
    """
    spelling = site.spelling
    gap = literal_steps(_last_gap(spelling.dialect.call.open)) if exact else GAP
    for steps, name, own, closer in _headers(site, exact):
        for key in _keys_of(site, name, exact):
            yield from ((steps + gap + after, closer) for after in openers_of(spelling, key, exact))
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
    few = len(site.unusual) <= MAX_UNUSUAL
    return (None, *(name for name, _ in site.unusual if few)) if exact else site.words[0]


def _headers(site: ValueSite, exact: bool) -> Iterator[tuple[Steps, Word, str, str]]:
    """Yield headers with the markers before them, the name in them, the call's closer, and the outermost closer."""
    spelling = site.spelling
    spelled = _written if exact else _spelled
    inner: list[tuple[Steps, Word, str]] = []
    for header in spelling.headers if exact else (*spelling.headers, *spelling.late_headers):
        for name in _names(site, header, exact):
            inner.append((spelled(header, name), name, spelling.call_close(name if isinstance(name, str) else "")))
    if spelling.lead:
        # As written a nested block follows what joins two blocks at once.
        gap = literal_steps(_outer_gap(spelling.dialect.call.open)) if exact else GAP
        leads = spelling.dialect.framing.joins[:1] if exact and spelling.dialect.framing else spelling.lead
        inner = [(literal_steps(lead) + gap + steps, name, own) for lead in leads for steps, name, own in inner]
    bare = [(steps, name, own, own) for steps, name, own in inner]
    opened = bare
    if spelling.wrapper is not None:
        gap = literal_steps(_first_gap(spelling.dialect.call.open)) if exact else GAP
        before = spelled(spelling.wrapper, None) + gap
        opened = [(before + steps, name, own, spelling.wrapper_close) for steps, name, own in inner]
    section = spelling.dialect.section
    for opener, close in spelling.sections[:1] if exact else spelling.sections:
        gap = literal_steps(_last_gap(section.open if section else None)) if exact else GAP
        before = spelled(opener, None) + gap
        yield from ((before + steps, name, own, close) for steps, name, own, _ in opened)
    yield from opened
    # R-MISSING: a header may open a call without its wrapper.
    yield from bare if not exact and spelling.wrapper is not None else ()


def _written(template: Template, fixed: Word, words: Mapping[str, str] = MappingProxyType({})) -> Steps:
    """Return how a dialect writes a template; `words`: what stands in slots that hold one of a few words."""
    steps: Steps = ()
    for node in template.trimmed:
        if isinstance(node, (Lit, Gap)):
            steps += literal_steps(node.text)
        elif isinstance(node, Slot):
            pair = node.quotes[0] if node.quotes else ""
            most = _MAX_INDEX if node.role == "index" else _MAX_WORD
            word = literal_steps(words[node.role]) if node.role in words else _word(node.role, fixed, most)
            steps += (*literal_steps(pair[:1]), *word, *literal_steps(pair[1:]))
    return steps


def _spelled(template: Template, fixed: Word) -> Steps:
    """Return steps that cover every spelling of a template that the decoder takes."""
    steps: Steps = ()
    for i, node in enumerate(template.trimmed):
        assert not isinstance(node, Tag), "tags are written escaped, their values need no boundary"
        steps += GAP if i in template.tolerant else ()
        if isinstance(node, Lit):
            steps += literal_steps(node.text)
        elif isinstance(node, Gap):
            steps += GAP
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
        return (Step(alphabet(role), 1, most),)
    return literal_steps(fixed) if isinstance(fixed, str) else (Step(fixed, 1, most),)


def openers_of(spelling: Spelling, key: Word, exact: bool) -> Iterator[Steps]:
    """Yield the openers of an argument (in key/value dialects: their first half)."""
    if not exact:
        for template in spelling.keys:
            yield from written_twice(spelling, _spelled(template, key))
        return
    for template in spelling.keys[:1]:
        roles = [role for role in WORDS if role in template.roles]
        for words in product(*(WORDS[role] for role in roles)):
            yield _written(template, key, dict(zip(roles, words, strict=True)))


def _last_gap(template: Template | None) -> str:
    """Return the white space after a marker, as a dialect writes it."""
    last = template.nodes[-1] if template is not None and template.nodes else None
    return last.text if isinstance(last, Gap) else ""


def _outer_gap(template: Template) -> str:
    """Return the white space before a marker, as a dialect writes it."""
    first = template.nodes[0] if template.nodes else None
    return first.text if isinstance(first, Gap) else ""


def _first_gap(template: Template) -> str:
    """Return the white space inside a marker, after its first part."""
    return next((node.text for node in template.trimmed if isinstance(node, Gap)), "")
