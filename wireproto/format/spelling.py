"""Which markers are live where, and what may follow them: a dialect's templates made ready for a reader.

This is the only place that knows. The readers ask it for the next marker, for what opens a call (R-OPEN) and for which
sequences of markers end a value (R-LOOK, R-CLOSE2, R-NOCLOSE); grammars will ask the same. It knows nothing of events.
Its one law: an answer never changes when more text arrives, except from `Miss.MORE` to another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from os.path import commonprefix

from wireproto.format.codec import CodecFacts
from wireproto.format.dialect import Dialect, every_spelling
from wireproto.format.nodes import Gap, Lit, Node, Slot
from wireproto.format.plugins import codec_facts
from wireproto.format.template import Template
from wireproto.text.scan import Match, Miss
from wireproto.tools.toolset import Tool, Toolset

# A salted dialect lives as long as its conversation; what is worked out for one must not outlive it for ever.
CACHED = 256
AFTER_TAG_NAME = " \t\r\n=>/"


class Literals:
    """A set of literals to look for, and what of a text's end may still become one."""

    __slots__ = ("_first", "_longest", "_prefixes", "find", "firsts")

    def __init__(self, literals: frozenset[str]) -> None:
        ordered = sorted(literals, key=lambda text: (-len(text), text))
        self.find = re.compile(_any_of(ordered) if ordered else r"(?!)").search
        self.firsts = frozenset(text[0] for text in ordered)
        self._first = re.compile("[" + "".join(map(re.escape, sorted(self.firsts))) + "]" if ordered else r"(?!)")
        self._prefixes = frozenset(text[:i] for text in ordered for i in range(1, len(text)))
        self._longest = max(map(len, ordered), default=0)

    def open_ended(self, text: str, pos: int, end: int) -> bool:
        """Tell whether more text could make a (longer) literal of `text[pos:end]`."""
        return end - pos < self._longest and text[pos:end] in self._prefixes

    def held(self, text: str, pos: int, end: int) -> int:
        """Return the first position whose rest is a proper prefix of a literal; `end` if there is none."""
        at = max(pos, end - self._longest + 1)
        while (found := self._first.search(text, at, end)) is not None:
            if self.open_ended(text, found.start(), end):
                return found.start()
            at = found.start() + 1
        return end


def _any_of(words: list[str]) -> str:
    """Return a regular expression for any of the words, the longest first; common prefixes are tried once."""
    prefix = commonprefix(words)  # noqa: RUF071 - characters are what is compared here
    rests: dict[str, list[str]] = {}
    for word in words:
        rests.setdefault(word[len(prefix) : len(prefix) + 1], []).append(word[len(prefix) :])
    branches = [_any_of(group) for first, group in sorted(rests.items()) if first]
    if not branches:
        return re.escape(prefix)
    return re.escape(prefix) + "(?:" + "|".join(branches) + ")" + ("?" if "" in rests else "")


@dataclass(frozen=True, slots=True)
class Endings:
    """Which sequences of markers end a value. One letter a marker, `$` the end of output.

    V the value's closer, A an argument opener, a the same where it may end a value that has no closer, M the closer of
    the value's own name, C W S the closers of call, wrapper and section, O the opener of another call.
    """

    accepted: frozenset[str]
    prefixes: frozenset[str]

    @classmethod
    def of(cls, accepted: set[str]) -> Endings:
        """Return the endings that accept exactly these sequences."""
        return cls(frozenset(accepted), frozenset(s[:i] for s in accepted for i in range(1, len(s))))


@cache
def endings(wrapped: bool, sectioned: bool) -> Endings:
    """Return the endings of a value at depth 0, by which markers its call and message have open."""
    after_call = {"W", "O", "$"} if wrapped else {"S", "O", "$"} if sectioned else {""}
    if wrapped and sectioned:
        after_call |= {"S"}
    outer = [w + s for w in ("", "W") for s in ("", "S")]
    must = "W" if wrapped else ""
    follow = {"A", "a", "$"} | {"C" + more for more in after_call}
    follow |= {o + last for o in outer if o for last in "O$"}  # the call's own closer is missing
    # Or all closers are missing, or all but the outermost.
    follow |= {"O", "S"} if sectioned and not wrapped else {"O"}
    look = {v + more for v in ("V", "VV") for more in follow}
    unclosed = {"C" + o + last for o in outer for last in "O$" if last == "$" or must in o}
    return Endings.of(look | unclosed | {"a", "Ma"})


# Closers that belong to a nested call, by every sign, are the outer call's after all if the output ends with them.
NESTED_ENDINGS = Endings.of(
    {first + c + w + s + "$" for first in ("V", "VV", "") for c in ("", "C") for w in ("", "W") for s in ("", "S")}
    - {"$", "W$", "S$", "WS$"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Spelling:
    """One spelling of one dialect, with its markers taken apart."""

    dialect: Dialect
    codec: CodecFacts
    variant: bool
    sections: tuple[tuple[Template, str], ...]
    wrapper: Template | None
    headers: tuple[Template, ...]
    late_headers: tuple[Template, ...]
    named: bool
    closers: tuple[Template, ...]
    keys: tuple[Template, ...]
    value_open: Template | None
    value_gap: str
    value_closer: Template

    @property
    def markerless(self) -> bool:
        """Whether a call may stand without any marker."""
        return not self.sections and any(not header.nodes for header in self.headers)

    @property
    def wrapper_close(self) -> str:
        """The closer of the wrapper; empty where there is none."""
        return self.closers[1].format() if len(self.closers) > 1 else ""

    @property
    def openers(self) -> frozenset[str]:
        """The literals that a call or its section may begin with."""
        templates = [*self.headers, *(section for section, _ in self.sections)]
        if self.wrapper is not None:
            templates.append(self.wrapper)
        return frozenset(first for template in templates for first in template.firsts)

    @property
    def joint(self) -> str:
        """What must stand between two calls, without white space."""
        return self.dialect.call.join.strip()

    def call_close(self, name: str) -> str:
        """Return the closer of the call itself; empty where there is none."""
        return self.closers[0].format(name=name) if self.closers else ""

    def closers_behind(self, name: str, section_close: str | None) -> list[tuple[str, bool]]:
        """Return the closers that may stand behind a finished call, each with whether it closes nothing then."""
        outer = [(section_close, False)] if section_close else [(close, True) for _, close in self.sections]
        value = self.value_closer.format() if not self.value_closer.roles else ""
        inner = [(closer, True) for closer in (self.wrapper_close, self.call_close(name), value)]
        return [(closer, orphan) for closer, orphan in (*outer, *inner) if len(closer) > (2 if orphan else 0)]

    def reopens(self, closer: str, text: str, pos: int, end: int) -> Match | Miss:
        """Match a section's opener that begins with this closer of one."""
        openers = [section for section, _ in self.sections if closer and section.first.startswith(closer)]
        return openers[0].match(text, pos, end) if openers else Miss.NO

    def closers_of(self, literal: str) -> list[str]:
        """Return what closes the block that this literal opens."""
        found = [close for section, close in self.sections if literal in section.firsts]
        if self.wrapper is not None and literal in self.wrapper.firsts:
            found.append(self.wrapper_close)
        elif self.closers and not self.closers[0].roles and any(literal in header.firsts for header in self.headers):
            found.append(self.call_close(""))
        return [closer for closer in found if closer]

    def value_close(self, key: str) -> str:
        """Return the closer of a raw value."""
        return self.value_closer.format(key=key)

    def value_tag(self, key: str) -> str:
        """Return how an opener of the value closer's tag begins: `<parameter`; empty if it is no such tag."""
        closer = self.value_close(key)
        return "<" + closer[2:-1] if closer[:2] == "</" and closer[-1:] == ">" and len(closer) > 3 else ""

    def find_key(self, text: str, pos: int, end: int, tool: Tool | None) -> Match | Miss:
        """Match an argument's opener (of key/value pairs: its first half)."""
        best: Miss = Miss.NO
        for template in self.keys:
            found = template.match(text, pos, end)
            if isinstance(found, Miss):
                best = Miss.MORE if Miss.MORE in (best, found) else Miss.NO
            elif best is Miss.MORE:
                return best
            elif self.bare_keys and tool is not None and found.slots["key"] not in tool.keys:
                continue
            else:
                return found
        return best

    @property
    def bare_keys(self) -> bool:
        """Whether an argument's opener is nothing but its name: then only declared names are openers."""
        return bool(self.keys) and self.keys[0].first == "<"

    def resolve_id(self, text: str, tools: Toolset) -> tuple[str, bool] | None:
        """Return the tool's name in a call id, and whether the id has the canonical form (R-UNK)."""
        for i, template in enumerate(self.dialect.call.id):
            found = _id_pattern(template).fullmatch(text)
            if found and (tools.accepts(found["name"]) or i == 0):
                return found["name"], i == 0
        return None


@lru_cache(maxsize=CACHED)
def _id_pattern(template: Template) -> re.Pattern[str]:
    pieces = {"name": r"(?P<name>[A-Za-z0-9_.-]{1,128})", "index": r"[0-9]{1,9}"}
    return re.compile("".join(pieces[n.role] if isinstance(n, Slot) else re.escape(n.text) for n in template.nodes))


@lru_cache(maxsize=CACHED)
def spellings(dialect: Dialect) -> tuple[Spelling, ...]:
    """Return the dialect's spellings, the canonical one first."""
    return tuple(_form(spelling, i > 0) for i, spelling in enumerate(every_spelling(dialect)))


def _form(dialect: Dialect, variant: bool) -> Spelling:
    call, argument = dialect.call, dialect.argument
    named = bool(call.open.roles)
    units = call.open.units()
    codec = codec_facts(dialect.codec)
    lead = next((i for i, unit in enumerate(units) if unit.roles), 0) if codec.body == "arguments" else 0
    header = Template(tuple(_rejoin(units[lead:])))
    headers = (header, *call.also)
    sections: tuple[tuple[Template, Template], ...] = ()
    if dialect.section is not None:
        sections = ((dialect.section.open, dialect.section.close), *dialect.section.also)
    keys = [template.units() for template in (argument.open, *argument.also) if template.nodes]
    return Spelling(
        dialect=dialect,
        codec=codec,
        variant=variant,
        sections=tuple((_plain(opener), _plain(closer).format()) for opener, closer in sections),
        wrapper=units[0] if lead else None,
        headers=headers,
        late_headers=tuple(late for late in map(_without_opener, headers) if late is not None),
        named=named,
        closers=call.close.units(),
        keys=tuple(dict.fromkeys(units[0] for units in keys)),
        value_open=keys[0][1] if keys and len(keys[0]) > 1 else None,
        value_gap=next((node.text for node in argument.open.nodes if isinstance(node, Gap)), ""),
        value_closer=_plain(argument.close),
    )


def _rejoin(units: tuple[Template, ...]) -> list[Node]:
    nodes: list[Node] = []
    for i, unit in enumerate(units):
        if i:
            nodes.append(Gap(""))
        nodes += unit.nodes
    return nodes


def _plain(template: Template) -> Template:
    return Template(template.trimmed)


def _without_opener(header: Template) -> Template | None:
    """Return what remains of a header that lost its first marker, if that still holds one (R-MISSING)."""
    rest = header.nodes[1:]
    if len(rest) < 2 or not isinstance(rest[0], Slot) or rest[0].quotes:
        return None
    return Template(rest) if any(isinstance(node, Lit) and len(node.text) > 2 for node in rest) else None
