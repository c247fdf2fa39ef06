"""A codec: all there is to one encoding of arguments, as one value.

It must not know any codec. Law: what encodes, decodes, prompts or writes grammars finds its part here, and knows no
codec by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar, Union

from wireproto.format.codec import CodecFacts
from wireproto.format.dialect import Argument, Dialect
from wireproto.tools.toolset import Tool
from wireproto.values.model import Call

if TYPE_CHECKING:  # what encodes or writes grammars has no use for them
    from wireproto.engine.call_builder import CallBuilder, Reader

ReadCall = Callable[["CallBuilder", int, bool], "Reader"]
WriteCall = Callable[[Dialect, Call, Tool, int, bool], str]
Rules = Callable[[Argument], Iterable[str]]
P = TypeVar("P")
Part = Union[P, str]  # a part of a codec, or where it is: "module:attribute", so that it loads when it is first used


@dataclass(frozen=True, slots=True, eq=False)
class Codec(CodecFacts):
    """An argument encoding: its reader, its writer, what a prompt says of it, and its grammar.

    Each part may be given as the place where it is, "module:attribute", so that it loads when it is first used.

    `reader(builder, position, in_section)` reads one call from behind its header.
    `write(dialect, call, tool, index, escaped)` writes one: `tool` is what was declared of it, `index` counts the calls
    of the message, `escaped` asks for the format's own escape in values.
    `rules(argument)` yields sentences for a prompt on how values are written.
    `grammar` is the place of `rule(calls, tool)`, which returns one call as an expression (`grammars.calls.Body`), as
    "module:attribute", since decoding must not load grammars; empty if there is none.
    `learner` is the place of `learn(sample)`, which returns how calls are written that it can tell from texts
    (`learning.findings.CallForm`), or None if they are not written by this codec; empty if it learns nothing.
    """

    reader: Part[ReadCall]
    write: Part[WriteCall]
    rules: Part[Rules] = field(default=lambda argument: (), kw_only=True)
    grammar: str = field(default="", kw_only=True)
    learner: str = field(default="", kw_only=True)


@cache
def loaded(part: Part[P]) -> P:
    """Return a part of a codec, loaded if it was given by its place."""
    if not isinstance(part, str):
        return part
    module, _, name = part.partition(":")
    found: P = getattr(import_module(module), name)
    return found
