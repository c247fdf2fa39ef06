"""What is wrong with a dialect that loads from its file: markers that nothing could tell apart, match or write.

It must not know files, nor any codec but by its facts. Law: a dialect in which nothing is found can be written, and
what is written is read by its own markers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from wireproto.format.alphabet import ALPHABETS
from wireproto.format.codec import CodecFacts
from wireproto.format.dialect import Dialect
from wireproto.format.spelling import DISTINCTIVE, is_distinctive
from wireproto.format.template import Gap, Lit, Slot, Template

Problem = tuple[str, str]  # the key of the file, and what is wrong with it and how to mend it
_NONE: Final = frozenset[str]()


def problems(dialect: Dialect, codec: CodecFacts) -> Iterator[Problem]:
    """Yield what is wrong, the plainest first."""
    yield from _quotes(dialect, codec)
    yield from _slots(dialect, codec)
    yield from _borders(dialect, codec)
    yield from _twins(dialect, codec)
    yield from _reopened(dialect)


def _quotes(dialect: Dialect, codec: CodecFacts) -> Iterator[Problem]:
    """Yield what is wrong with the mark around strings."""
    quote, key = dialect.argument.quote, "argument.quote"
    if not codec.has_quote:
        if quote:
            yield key, f"the codec {codec.name} has no strings between marks"
        return
    if not is_distinctive(quote) or quote.split() != [quote]:
        yield key, f"must be a mark of {DISTINCTIVE} characters or more, without white space"
    elif any(quote.startswith(quote[i:]) for i in range(1, len(quote))):
        yield key, "must not end as it begins: nothing would tell where a string ends"
    if "name" not in dialect.call.open.roles:
        yield "call.open", "needs {name}"


def _markers(dialect: Dialect) -> Iterator[tuple[str, Template]]:
    """Yield every marker, with its key in the file."""
    if dialect.section is not None:
        pairs = ((dialect.section.open, dialect.section.close), *dialect.section.also)
        for i, (opener, closer) in enumerate(pairs):
            yield "section.also" if i else "section.open", opener
            yield "section.also" if i else "section.close", closer
    call, argument = dialect.call, dialect.argument
    yield from (("call.open", call.open), ("call.close", call.close), *(("call.also", each) for each in call.also))
    yield from (("argument.open", argument.open), ("argument.close", argument.close))
    yield from (("argument.also", each) for each in argument.also)
    for name, pair in (("member", argument.member), ("element", argument.element)):
        yield from ((f"argument.{name}", marker) for marker in pair or ())


def _slots(dialect: Dialect, codec: CodecFacts) -> Iterator[Problem]:
    """Yield the slots that nothing fills, or that hold what can not be told."""
    closing = frozenset({"name"} if codec.body == "arguments" else ())
    filled: dict[str, frozenset[str]] = {"section.open": _NONE, "section.close": _NONE, "section.also": _NONE}
    if codec.call_slots is not None:
        filled |= {"call.open": codec.call_slots, "call.also": codec.call_slots, "call.close": closing}
    if codec.argument_slots is not None:
        filled |= {"argument.open": codec.argument_slots, "argument.also": codec.argument_slots}
        filled["argument.close"] = frozenset({"key"})
    for key, marker in _markers(dialect):
        for role in sorted(marker.roles - filled.get(key, marker.roles)):
            known = ", ".join(f"{{{each}}}" for each in sorted(filled[key])) or "no slots"
            yield key, f"{{{role}}} cannot be filled here by the codec {codec.name}; it knows {known}"
    for unit in dialect.call.close.units()[1:]:
        if unit.roles:
            yield "call.close", "{name} may stand in the first of its markers alone"
    for name, pair in (("member", dialect.argument.member), ("element", dialect.argument.element)):
        named = frozenset({"key"} if name == "member" and not codec.has_cdata else ())
        if pair is not None and pair[1].roles - named:
            yield f"argument.{name}", "its closer has no slots but {key}" if named else "a closer has no slots"
        if pair is not None and named and not all(_holds_key(marker) for marker in pair):
            yield "argument.member", "text, {key} and text again make both markers"


def _holds_key(marker: Template) -> bool:
    nodes = marker.nodes
    return len(nodes) == 3 and isinstance(nodes[0], Lit) and marker.roles == {"key"} and isinstance(nodes[2], Lit)


def _borders(dialect: Dialect, codec: CodecFacts) -> Iterator[Problem]:
    """Yield the slots of which nothing tells where they end."""
    for key, marker in _markers(dialect):
        for node, after in pairwise(marker.nodes):
            if not isinstance(node, Slot) or (node.quotes and "" not in node.quotes):
                continue
            if isinstance(after, Slot):
                yield (
                    key,
                    f"nothing tells where {{{node.role}}} ends and {{{after.role}}} begins; put text between",
                )
            elif isinstance(after, Lit) and _holds(node.role, after.text[0]):
                yield key, f"nothing tells where {{{node.role}}} ends: {after.text[0]!r} may be a part of it"
    if codec.body != "arguments":
        return
    for key, marker in _markers(dialect):
        opens = key in ("call.open", "call.also", "argument.open", "argument.also")
        if opens and marker.nodes and not marker.first:
            yield key, "must begin with text: nothing else says that a marker begins"
        last = marker.nodes[-1] if marker.nodes else None
        if key in ("argument.open", "argument.also") and isinstance(last, Slot) and not last.quotes:
            yield key, f"nothing tells where {{{last.role}}} ends and the value begins; put text behind it"


def _holds(role: str, character: str) -> bool:
    return ALPHABETS[role].fullmatch(character) is not None


def _twins(dialect: Dialect, codec: CodecFacts) -> Iterator[Problem]:
    """Yield markers that are the same in one context."""
    if codec.body == "arguments" and dialect.argument.close.nodes:
        closers: dict[str, Template] = {"argument.close": dialect.argument.close}
        units = dialect.call.close.units()
        closers |= {"call.close" + " (its second marker)" * i: unit for i, unit in enumerate(units[:2])}
        if dialect.section is not None:
            closers["section.close"] = dialect.section.close
        yield from _same(closers, "nothing would tell which is missing")
    openers: dict[str, Template] = {"call.open": dialect.call.open}
    if dialect.section is not None:
        openers["section.open"] = dialect.section.open
    if dialect.reasoning is not None:
        openers["reasoning.open"] = Template.parse(dialect.reasoning.open)
        openers["reasoning.close"] = Template.parse(dialect.reasoning.close)
    for i, (opener, _) in enumerate(dialect.framing.content if dialect.framing is not None else ()):
        openers[f"content.{'also' if i else 'open'}" + " (another one)" * (i > 1)] = Template((Lit(opener),))
    yield from _same(openers, "nothing would tell which it is")


def _same(markers: Mapping[str, Template], why: str) -> Iterator[Problem]:
    known: dict[tuple[object, ...], str] = {}
    for key, marker in markers.items():
        other = known.setdefault(marker.trimmed, key)
        if other != key and marker.trimmed:
            yield other, f"must differ from {key}: {why}"


def _reopened(dialect: Dialect) -> Iterator[Problem]:
    """Yield openers that begin with their own closer. That of a section may: it is looked for first."""
    pairs = [("call.open", dialect.call.open.first, dialect.call.close)]
    pairs += [("argument.open", dialect.argument.open.first, dialect.argument.close)]
    if dialect.reasoning is not None:
        pairs.append(("reasoning.open", dialect.reasoning.open, Template.parse(dialect.reasoning.close)))
    for key, opener, closer in pairs:
        text = "".join(node.text for node in closer.trimmed if isinstance(node, (Lit, Gap)))
        if text and not closer.roles and opener.startswith(text):
            yield key, f"must not begin with its own closer {text!r}: each would be taken for the end of the one before"
