"""One spelling of a dialect, taken apart for whoever reads it: its markers, and where each of them is live.

A dialect's templates say how a call is written; a `Spelling` says what to look for. It is the only place that works out
which markers are live in which context: outside calls, inside a raw value, behind a call, and in a call that is broken.
Decoder, classifier and grammars ask it. It knows nothing of events. Law: everything is worked out once, when the
spelling is made, and an answer never changes when more text arrives, except from `WAIT`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from wireproto.format.codec import CodecFacts
from wireproto.format.dialect import Dialect, every_spelling
from wireproto.format.framing import is_special
from wireproto.format.plugins import codec_facts
from wireproto.format.template import Gap, Lit, Node, Slot, Template
from wireproto.text.scan import NEVER, NO, Literals, Match, Miss, beginning_of
from wireproto.tools.names import NAME
from wireproto.tools.toolset import Toolset

# A salted dialect lives as long as its conversation; what is worked out for one must not outlive it for ever.
CACHED = 256
# Longer than any run of end-of-turn tokens that ends an output: what is held back for one stays small.
MAX_TURN_END = 320
# A marker of fewer characters, such as a bracket, says nothing by itself: outside a call it is text.
DISTINCTIVE = 3


def is_distinctive(marker: str) -> bool:
    """Return whether a marker is long enough to be recognised among text by itself."""
    return len(marker) >= DISTINCTIVE


@dataclass(frozen=True, slots=True, eq=False)
class Spelling:
    """One spelling of one dialect. `sections`: (opener, closer), the canonical pair first.

    `late_headers` are what remains of headers that lost their first marker, `bodiless` what models write instead of a
    header, an object without members and the call's closer. `named`: the header names the tool.
    `markerless`: a call may stand without any marker but brackets, so that it has to begin the output; `lone`: without
    these too. `marked`: its section's opener is more than a bracket. `joints`: what may stand between two calls,
    without white space.
    `key_is_tag`: an argument's opener is nothing but its name in brackets, so that only declared names are openers.
    `openers`: the literals that a call or its section may begin with; `outside` those that are live outside calls.
    `wrapper_close` is empty where there is no wrapper. `fixed_close` is the closer of the call itself, empty where
    there is none, and None where it holds the call's name. `encloses`: the header holds what the last closer closes.
    `end_firsts`: what end-of-turn tokens begin with.
    `lead`: where a header begins with a word, what has to stand before it inside a value: what joins two blocks.
    `paired`: a name behind one marker, then pairs of keys and values, so that each can be told without the others.
    `unusual_keys`: declared keys that no alphabet holds.
    """

    dialect: Dialect
    codec: CodecFacts
    variant: bool
    sections: tuple[tuple[Template, str], ...]
    wrapper: Template | None
    headers: tuple[Template, ...]
    late_headers: tuple[Template, ...]
    bodiless: tuple[Template, ...]
    named: bool
    closers: tuple[Template, ...]
    keys: tuple[Template, ...]
    value_open: Template | None
    value_gap: str
    value_closer: Template
    unusual_keys: frozenset[str] = frozenset()
    markerless: bool = field(init=False)
    marked: bool = field(init=False)
    lone: bool = field(init=False)
    wrapper_close: str = field(init=False)
    joints: tuple[str, ...] = field(init=False)
    key_is_tag: bool = field(init=False)
    openers: frozenset[str] = field(init=False)
    outside: frozenset[str] = field(init=False)
    fixed_close: str | None = field(init=False)
    encloses: bool = field(init=False)
    lead: tuple[str, ...] = field(init=False)
    paired: bool = field(init=False)
    end_firsts: frozenset[str] = field(init=False)
    _value_close: str | None = field(init=False)

    def __post_init__(self) -> None:
        templates = [*self.headers, *(section for section, _ in self.sections)]
        templates += [self.wrapper] if self.wrapper is not None else []
        marked = bool(self.sections) and is_distinctive(self.sections[0][0].format())
        markerless = not (self.headers[0].first or marked)
        firsts = (first for template in templates for first in template.firsts)
        openers = frozenset(first for first in firsts if not markerless or is_distinctive(first))
        call_close = self.closers[0] if self.closers else Template(())
        derived = {
            "markerless": markerless,
            "marked": marked,
            "lone": markerless and not self.sections,
            "wrapper_close": "".join(closer.format() for closer in self.closers[1:]),
            "joints": _joints(self.dialect.call.join.strip(), self.named),
            "key_is_tag": bool(self.keys) and self.keys[0].name_only,
            "openers": openers,
            "outside": openers.union(close for _, close in self.sections if is_distinctive(close)),
            "encloses": self.codec.body == "arguments" and self.wrapper is None and len(self.closers) > 1,
            "lead": _lead(self.dialect, openers),
            "fixed_close": None if call_close.roles else call_close.format(),
            "paired": self.value_open is not None and self.headers[0].first != "" and "name" in self.headers[0].roles,
            "end_firsts": end_firsts(self.dialect.ends),
            "_value_close": None if self.value_closer.roles else self.value_closer.format(),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def call_close(self, name: str) -> str:
        """Return the closer of the call itself; empty where there is none."""
        return self.fixed_close if self.fixed_close is not None else self.closers[0].fill(name=name)

    def needs_tool(self, key: str) -> bool:
        """Return whether a key counts only in a call of a tool that declares it."""
        return self.key_is_tag or key in self.unusual_keys

    def value_close(self, key: str) -> str:
        """Return the closer of a raw value."""
        return self._value_close if self._value_close is not None else self.value_closer.fill(key=key)

    def value_tag(self, key: str) -> str:
        """Return how an opener of the value closer's tag begins: `<parameter`; empty if it is no such tag."""
        closer = self.value_close(key)
        return "<" + closer[2:-1] if closer[:2] == "</" and closer[-1:] == ">" and len(closer) > 3 else ""

    def closers_behind(self, name: str, section_close: str | None) -> list[tuple[str, bool]]:
        """Return the closers that may stand behind a finished call, each with whether it closes nothing then."""
        found = [(section_close, False)] if section_close else [(close, True) for _, close in self.sections]
        orphans = (self.wrapper_close, self.call_close(name), self._value_close or "")
        found += [(closer, True) for closer in orphans]
        return [(closer, orphan) for closer, orphan in found if not orphan or is_distinctive(closer)]

    def reopens(self, closer: str, text: str, pos: int, end: int) -> Match | Miss:
        """Match a section's opener that begins with this closer of one."""
        for section, _ in self.sections:
            if closer and section.first.startswith(closer):
                return section.match(text, pos, end)
        return NO

    def closers_of(self, literal: str) -> list[str]:
        """Return what closes the block that this literal opens."""
        found = [close for section, close in self.sections if literal in section.firsts]
        if self.wrapper is not None and literal in self.wrapper.firsts:
            found.append(self.wrapper_close)
        elif self.fixed_close and any(literal in header.firsts for header in self.headers):
            found.append(self.fixed_close)
        return [closer for closer in found if closer]

    def resolve_id(self, text: str, tools: Toolset) -> tuple[str, bool] | None:
        """Return the tool's name in a call id, and whether the id has the canonical form (R-UNK)."""
        for i, template in enumerate(self.dialect.call.id):
            found = _id_pattern(template).fullmatch(text)
            if found is None:
                continue
            name, canonical = found["name"], i == 0
            if name in tools.by_name or ((tools.any_name or canonical) and NAME.fullmatch(name) is not None):
                return name, canonical
        return None


def _joints(join: str, named: bool) -> tuple[str, ...]:
    """Return what may stand between two calls: what the format writes; between objects it is a comma or a semicolon."""
    return tuple(dict.fromkeys((join, ",", ";"))) if join in (",", ";") and not named else (join,) if join else ()


def _lead(dialect: Dialect, openers: frozenset[str]) -> tuple[str, ...]:
    """Return what joins two blocks, alone and behind the text between two calls; none where headers are marked."""
    joins = dialect.framing.joins if dialect.framing is not None and not all(map(is_special, openers)) else ()
    between = dict.fromkeys((dialect.call.join.strip(), ""))
    return tuple(before + join for before in between for join in joins)


@lru_cache(maxsize=CACHED)
def live_in_broken(spelling: Spelling, call_close: str) -> Literals:
    """Return what ends a call that is broken: its closer, a section's, or the opener of the next call."""
    return Literals(frozenset(filter(is_distinctive, (call_close, unfenced(call_close), *spelling.outside))))


def unfenced(closer: str) -> str:
    """Return what is left of a closer without the Markdown fence that it begins with."""
    return closer.lstrip("`~") if closer.startswith(("```", "~~~")) else closer


def end_firsts(tokens: Iterable[str]) -> frozenset[str]:
    """Return the characters that end-of-turn tokens begin with."""
    return frozenset(token[0] for token in tokens)


@lru_cache(maxsize=CACHED)
def turn_ends(tokens: frozenset[str]) -> re.Pattern[str]:
    """Return a pattern of a run of end-of-turn tokens that a text ends with, or of what may become one.

    It is to be searched for in the last `MAX_TURN_END` characters.
    """
    if not tokens:
        return re.compile(NEVER)
    firsts = "".join(sorted(map(re.escape, end_firsts(tokens))))
    run = "|".join(map(re.escape, sorted(tokens, key=len, reverse=True)))
    return re.compile(rf"(?=[{firsts}])(?:(?:{run})[ \t\r\n]{{0,64}}){{0,3}}(?:{beginning_of(tokens)})?\Z")


@lru_cache(maxsize=CACHED)
def _id_pattern(template: Template) -> re.Pattern[str]:
    pieces = {"name": r"(?P<name>.+?)", "index": r"[0-9]{1,9}"}
    return re.compile("".join(pieces[n.role] if isinstance(n, Slot) else re.escape(n.text) for n in template.nodes))


@lru_cache(maxsize=CACHED)
def spellings(dialect: Dialect) -> tuple[Spelling, ...]:
    """Return the dialect's spellings, the canonical one first."""
    return tuple(_spelling(spelled, i > 0) for i, spelled in enumerate(every_spelling(dialect)))


def _spelling(dialect: Dialect, variant: bool) -> Spelling:
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
    keys = [_key_and_value(template) for template in (argument.open, *argument.also) if template.nodes]
    return Spelling(
        dialect=dialect,
        codec=codec,
        variant=variant,
        sections=tuple((_plain(opener), _plain(closer).format()) for opener, closer in sections),
        wrapper=units[0] if lead else None,
        headers=headers,
        late_headers=tuple(late for late in map(_without_opener, headers) if late is not None),
        bodiless=tuple(_without_body(headers, call.close)) if codec.body == "object" else (),
        named=named,
        closers=call.close.units(),
        keys=tuple(dict.fromkeys(key for key, _ in keys)),
        value_open=keys[0][1] if keys else None,
        value_gap=next((node.text for node in argument.open.nodes if isinstance(node, Gap)), ""),
        value_closer=_plain(argument.close),
    )


def _key_and_value(template: Template) -> tuple[Template, Template | None]:
    """Return an argument's opener; in key/value formats its first marker, with the key, and that of the value."""
    first, *rest = template.units()
    if not rest or "key" not in first.roles:
        return _plain(template), None
    return first, Template(tuple(_rejoin(tuple(rest))))


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
    return Template(rest) if any(isinstance(node, Lit) and is_distinctive(node.text) for node in rest) else None


def _without_body(headers: tuple[Template, ...], close: Template) -> Iterator[Template]:
    """Yield the headers of calls without a body: cut behind the name, and the call's closer."""
    closer = unfenced(_plain(close).format()) if not close.roles else ""
    for header in headers if is_distinctive(closer) else ():
        slot = next((i for i, node in enumerate(header.nodes) if isinstance(node, Slot)), None)
        if slot and any(isinstance(node, Lit) for node in header.nodes[slot + 1 :]):
            yield Template((*header.nodes[: slot + 1], Gap(""), Lit(closer)))
