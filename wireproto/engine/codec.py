"""A codec: all there is to one encoding of arguments, as one value.

It must not know any codec. Law: what encodes, decodes, prompts or writes grammars finds its part here, and knows no
codec by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from wireproto.engine.call_builder import CallBuilder, Reader
from wireproto.format.codec import CodecFacts
from wireproto.format.dialect import Argument, Dialect
from wireproto.tools.toolset import Tool
from wireproto.values.model import Call

ReadCall = Callable[[CallBuilder, int, bool], Reader]
WriteCall = Callable[[Dialect, Call, Tool, int, bool], str]


@dataclass(frozen=True, slots=True, eq=False)
class Codec(CodecFacts):
    """An argument encoding: its reader, its writer, what a prompt says of it, and its grammar.

    `reader(builder, position, in_section)` reads one call from behind its header.
    `write(dialect, call, tool, index, escaped)` writes one: `tool` is what was declared of it, `index` counts the calls
    of the message, `escaped` asks for the format's own escape in values.
    `rules(argument)` yields sentences for a prompt on how values are written.
    `grammar` is the place of `rule(calls, tool)`, which returns one call as an expression (`grammars.calls.Body`), as
    "module:attribute", since decoding must not load grammars; empty if there is none.
    """

    reader: ReadCall
    write: WriteCall
    rules: Callable[[Argument], Iterable[str]] = field(default=lambda argument: (), kw_only=True)
    grammar: str = field(default="", kw_only=True)
