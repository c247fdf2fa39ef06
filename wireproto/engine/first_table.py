"""What a decoder looks for at first: what its dialect says, or, while that is not known, what any of them says.

It must not know what is done with what is found. Law: what depends on the declared names alone is worked out anew for
other names, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from wireproto.engine.document_stream import literals
from wireproto.engine.frames import frames_of
from wireproto.engine.openers import (
    OpenerTable,
    closers_by_opener,
    is_paired,
    line_heads_of,
    live,
    longest_lead,
    opener_table,
    turn_tokens,
    whole_openers,
)
from wireproto.engine.regions import FENCES
from wireproto.format.declared import declaring
from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO, by_use
from wireproto.format.registry import dialect as find_dialect
from wireproto.format.spelling import CACHED, Spelling, is_distinctive, spellings
from wireproto.format.template import Gap, Lit
from wireproto.text.scan import Literals
from wireproto.tools.names import Unusual
from wireproto.tools.toolset import Toolset
from wireproto.values.policy import Policy


def first_table(dialect: str | Dialect, policy: Policy, tools: Toolset) -> OpenerTable:
    """Return what a decoder of this dialect begins with.

    Raises:
        DialectError: there is no such dialect.
    """
    fences, documents = policy.fenced_calls == "quote", literals(policy.documents)
    if dialect == AUTO:
        table = _unnamed(fences, documents, not tools.any_name, tools.unusual)
        return table if tools.any_name else _named(table, frozenset(tools.names))
    found = find_dialect(dialect)
    paired = is_paired(found)
    if not (paired or any(tools.unusual)):
        return opener_table(found, fences, documents)  # what looks the table up is shorter, for most
    names = frozenset(tools.names if paired and not tools.any_name else ())
    return opener_table(found, fences, documents, tools.unusual, names)


@lru_cache(maxsize=CACHED)
def _named(table: OpenerTable, names: frozenset[str]) -> OpenerTable:
    """Return a table of all dialects that knows the declared names, where a call's marker is nothing but its name."""
    late = (spelling for spelling in table.late if spelling.paired or _keeps_marker(spelling))
    heads = dict.fromkeys(head for spelling in late for head in line_heads_of(spelling, names))
    heads |= dict.fromkeys(table.line_heads)
    every = _every(True, table.unusual)
    bare = [each.headers[0] for each in every if _is_bare(each)]
    named = {header.first + name for header in bare for name in names if header.holds("name", name)}
    named = {literal for literal in named if not literal[0].isalpha()}
    more = frozenset(named.union("\n" + head for head in heads))
    return replace(
        table,
        by_literal={**table.by_literal, **_by_literal(named, every)},
        text=Literals(more, table.text),
        guarded=Literals(more, table.guarded),
        line_heads=tuple(heads),
        names=names,
    )


@lru_cache(maxsize=CACHED)
def _every(named: bool, unusual: Unusual) -> tuple[Spelling, ...]:
    """Return the spellings of all dialects; if no name is declared, without those that only a name tells from text."""
    known = (declaring(each, unusual) for spec in by_use() for each in spellings(spec))
    return tuple(each for each in known if named or not _is_bare(each))


@lru_cache(maxsize=CACHED)
def _unnamed(fences: bool, documents: frozenset[str], named: bool, unusual: Unusual) -> OpenerTable:
    """Return what is looked for in all dialects, whatever the declared names are; `named`: some are declared.

    Where a call's marker is nothing but its name, or nothing at all, only a declared name tells it from text. A marker
    that begins with a letter counts where a line begins: every text is full of its first letter.
    """
    specs, every = by_use(), _every(named, unusual)
    marked = [spelling for spelling in every if not _is_bare(spelling)]
    late = [spelling for spelling in every if named and (spelling.paired or _keeps_marker(spelling))]
    worded = [each for each in marked if any(opener[0].isalpha() for opener in each.openers)]
    heads = dict.fromkeys(opener for each in worded for opener in each.openers if opener[0].isalpha())
    late += [each for each in worded if each not in late]
    thoughts = closers_by_opener(specs)
    reasoning = {opener: closers for opener, closers in thoughts.items() if not opener[0].isalpha()}
    guarded, others = live(marked, reasoning, fences)
    guarded = frozenset(literal for literal in guarded if not literal[0].isalpha())
    guarded |= {"\n" + head for head in heads}
    frames = frames_of(specs, marked, reasoning, undetected=True)
    text = guarded | others | documents | (frames.literals if frames is not None else frozenset())
    return OpenerTable(
        dialect=None,
        own="",
        by_literal=_by_literal((literal for literal in text if literal[0] != "\n"), every),
        openers=whole_openers({literal for spelling in marked for literal in spelling.openers}, marked),
        text=Literals(text),
        guarded=Literals(guarded),
        # One that begins with a bracket says more than one that begins with nothing.
        markerless=tuple(
            sorted(
                (each for each in every if named and each.markerless and not _is_name(each)),
                key=lambda each: each.lone,
            )
        ),
        late=tuple(late),
        reasoning=reasoning,
        reasoning_closers=tuple(dict.fromkeys(chain.from_iterable(thoughts.values()))),
        line_heads=tuple(heads),
        ends=tuple(dict.fromkeys(chain.from_iterable(map(turn_tokens, specs)))),
        before=longest_lead(specs),
        fences=fences,
        documents=documents,
        unusual=unusual,
        frames=frames,
    )


def _by_literal(literals: Iterable[str], every: tuple[Spelling, ...]) -> dict[str, tuple[Spelling, ...]]:
    """Return the spellings that may open at each literal: those with the longest opener first, then canonical ones.

    Among equals it is the one with more white space of its own: it reads what the others write, and they leave its own
    in a value.
    """
    by_opener: dict[str, list[int]] = {}
    for number, spelling in enumerate(every):
        for opener in spelling.openers:
            by_opener.setdefault(opener, []).append(number)

    def rank(number: int, literal: str, width: int) -> tuple[bool, int, bool, int]:
        spelling = every[number]
        also = bool(spelling.sections) and not literal.startswith(tuple(spelling.sections[0][0].firsts))
        return also, -width, spelling.variant, -_white_space(spelling.dialect)

    found: dict[str, tuple[Spelling, ...]] = {}
    for literal in literals:
        widths = {number: size for size in range(1, len(literal) + 1) for number in by_opener.get(literal[:size], ())}
        order = sorted(sorted(widths), key=lambda number: rank(number, literal, widths[number]))
        found[literal] = tuple(every[number] for number in order)
    return found


@lru_cache(maxsize=CACHED)
def _white_space(spec: Dialect) -> int:
    templates = [spec.call.open, spec.call.close, spec.argument.open, spec.argument.close]
    templates += [spec.section.open] if spec.section is not None else []
    return sum(len(node.text) for each in templates for node in each.nodes if isinstance(node, Gap)) + len(
        spec.argument.pad
    )


def _is_bare(spelling: Spelling) -> bool:
    """Return whether a call opens with its name in angle brackets, and nothing else."""
    alone = not spelling.sections and spelling.wrapper is None
    return alone and all(header.name_only and header.first for header in spelling.headers)


def _is_name(spelling: Spelling) -> bool:
    """Return whether a call begins with its name and no bracket before it, as a sentence or a program may."""
    return not spelling.sections and bool(spelling.headers[0].nodes)


def _keeps_marker(spelling: Spelling) -> bool:
    """Return whether a header that lost its first marker still holds one that is more than a Markdown fence."""
    rest = (node for header in spelling.late_headers for node in header.nodes if isinstance(node, Lit))
    return any(is_distinctive(node.text) and not node.text.startswith(FENCES) for node in rest)
