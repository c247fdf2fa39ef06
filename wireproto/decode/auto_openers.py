"""A dialect that is not known yet: what every dialect looks for, at once, until a call says which one it is.

It must not decode, nor know any format. Law: what is live before that, and which dialect a call is taken for, depends
on the known dialects, the policy and the declared tools, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

from wireproto.decode.openers import FENCES, OpenerTable, live, opener_table, thought_markers
from wireproto.engine.call_opening import CallOpening
from wireproto.engine.document_stream import literals
from wireproto.format.dialect import Dialect
from wireproto.format.nodes import Lit, Slot
from wireproto.format.registry import AUTO, dialects
from wireproto.format.registry import dialect as find_dialect
from wireproto.format.spelling import CACHED, Literals, Spelling, spellings
from wireproto.tools.toolset import Toolset
from wireproto.values.policy import Policy


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AnyFront(OpenerTable):
    """What all dialects look for; the two settings with which one of them is made once it is known."""

    fences: bool
    documents: frozenset[str]

    def settle(self, opened: CallOpening, in_section: bool) -> tuple[OpenerTable, CallOpening]:
        """Return the front of the dialect in which this call is written, and the call's opener as that reads it.

        Where dialects differ only in markers that this call lacks, it may end with those of any of them.
        """
        return OpenerTable.settle(_known(opened.form.dialect, self.fences, self.documents), opened, in_section)


def first_front(dialect: str | Dialect, policy: Policy, tools: Toolset) -> OpenerTable:
    """Return what a decoder of this dialect begins with.

    Raises:
        DialectError: there is no such dialect.
    """
    fences, documents = policy.fenced_calls == "quote", literals(policy.documents)
    if dialect == AUTO:
        return _any_front(fences, documents, None if tools.any_name else frozenset(tools.names))
    return opener_table(find_dialect(dialect) if isinstance(dialect, str) else dialect, fences, documents)


@lru_cache(maxsize=CACHED)
def _known(dialect: Dialect, fences: bool, documents: frozenset[str]) -> OpenerTable:
    return replace(opener_table(dialect, fences, documents), own="")  # nothing is foreign: nobody said what to expect


@lru_cache(maxsize=CACHED)
def _any_front(fences: bool, documents: frozenset[str], names: frozenset[str] | None) -> OpenerTable:
    """Return what is looked for while nothing is known but the declared `names`; None where every name counts.

    Where a call's marker is nothing but its name, or nothing at all, only a declared name tells it from text.
    """
    specs = [find_dialect(name) for name in dialects()]
    every = tuple(form for form in chain.from_iterable(map(spellings, specs)) if names is not None or not _bare(form))
    late = [form for form in every if names is not None and _keeps_marker(form)]
    heads = dict.fromkeys(head for form in late for head in _line_heads(form, names or frozenset()))
    thoughts = thought_markers(specs)
    guarded, others = live([form for form in every if not _bare(form)], thoughts, fences)
    guarded |= {form.headers[0].first + name for form in every if _bare(form) for name in names or ()}
    guarded |= {"\n" + head for head in heads}
    text = guarded | others | documents
    return AnyFront(
        dialect=None,
        own="",
        by_literal={literal: _at(literal, every) for literal in text if literal[0] != "\n"},
        openers=tuple({literal for form in every for literal in form.openers if not _bare(form)}),
        text=Literals(text),
        guarded=Literals(guarded),
        markerless=tuple(form for form in every if names is not None and form.markerless),
        late=tuple(late),
        thoughts=thoughts,
        thought_closers=tuple(dict.fromkeys(chain.from_iterable(thoughts.values()))),
        line_heads=tuple(heads),
        fences=fences,
        documents=documents,
    )


@lru_cache(maxsize=4 * CACHED)
def _at(literal: str, every: tuple[Spelling, ...]) -> tuple[Spelling, ...]:
    """Return the forms that may open at a literal: those with the longest opener first, then canonical spellings."""
    widths = [max((len(text) for text in form.openers if literal.startswith(text)), default=0) for form in every]
    found = [(form, width) for form, width in zip(every, widths, strict=True) if width]
    return tuple(form for form, _ in sorted(found, key=lambda each: (-each[1], each[0].variant)))


def _bare(form: Spelling) -> bool:
    """Tell whether a call of this form opens with its name in angle brackets."""
    alone = not form.sections and form.wrapper is None
    return alone and all(header.first == "<" for header in form.headers)


def _keeps_marker(form: Spelling) -> bool:
    """Tell whether a header that lost its first marker still holds one that is more than a Markdown fence."""
    rest = chain.from_iterable(header.nodes for header in form.late_headers)
    return any(isinstance(node, Lit) and len(node.text) > 2 and not node.text.startswith(FENCES) for node in rest)


def _line_heads(form: Spelling, names: frozenset[str]) -> Iterator[str]:
    """Yield what a header that lost its first marker begins with: a declared name, or what an id puts before it."""
    for header in form.late_headers:
        starts = form.dialect.call.id if "id" in header.roles else (header,)
        for template in starts:
            yield from names if isinstance(template.nodes[0], Slot) else (template.first,)
