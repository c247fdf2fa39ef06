"""Grammars of a message with calls of declared tools: what a model may write in a dialect, for every engine.

The markers come from the dialect's templates, the arguments from each tool's schema. It must not know any grammar
language. Law: what the grammar accepts decodes to complete calls of the tools whose arguments their schemas accept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Union

from wireproto.dialect import Dialect
from wireproto.errors import GrammarError
from wireproto.expr import Rules
from wireproto.grammar.book import Book
from wireproto.grammar.calls import Body, Calls, ToolNote
from wireproto.grammar.gbnf import to_gbnf
from wireproto.grammar.jsoncall import json_call
from wireproto.grammar.message import Around
from wireproto.registry import dialect as find_dialect
from wireproto.schema import Tool, Toolset

Choice = Union[Literal["auto", "required", "none"], Mapping[str, str]]
# How the calls of each codec are written.
BODIES: Final[Mapping[str, Body]] = {"json": json_call}


@dataclass(frozen=True, slots=True)
class ToolGrammar:
    """The rules, and every place where they do not say exactly what a schema says. `str` gives GBNF."""

    rules: Rules
    report: tuple[ToolNote, ...]

    def __str__(self) -> str:
        return to_gbnf(self.rules)


def tool_grammar(
    dialect: str | Dialect,
    tools: object,
    *,
    choice: Choice = "auto",
    parallel: bool = True,
    strict: bool = True,
    reasoning: bool = True,
    reasoning_open: bool = False,
    lazy: bool = False,
) -> ToolGrammar:
    """Return the grammar of a message in a dialect.

    `choice`: "auto" lets the model write text, then calls or none; "required" asks for calls and nothing else, "none"
    for text without any, and `{"name": ...}` for calls of one tool. `parallel`: more than one call. `strict`: a schema
    that cannot be said exactly is refused instead of widened. `reasoning`: the dialect's reasoning may come first;
    `reasoning_open`: the prompt has opened it already. `lazy`: only the calls, for an engine that waits for a trigger.

    Raises:
        GrammarError: a schema cannot be said; there is no such tool, or none at all; the dialect cannot be written.
        DialectError, SchemaError: as `Decoder` does.
    """
    spec = find_dialect(dialect) if isinstance(dialect, str) else dialect
    known = Toolset.of(tools)
    book = Book()
    root = book.name("root")
    around = Around(spec, known, book)
    calls = Calls(spec, known, book, strict)
    body = _body(spec)
    if choice == "none":
        found = around.plain()
    else:
        run = around.run([body(calls, tool) for tool in _wanted(known, choice)], parallel)
        found = run if lazy or choice != "auto" else around.among_text(run)
    if not lazy and (reasoning_open or (reasoning and spec.reasoning is not None)):
        found = around.behind_reasoning(found, reasoning_open)
    book.rules[root] = found
    return ToolGrammar(Rules(root, book.rules).pruned(), tuple(calls.notes))


def _body(dialect: Dialect) -> Body:
    if dialect.codec not in BODIES:
        raise GrammarError(f"{dialect.name}: the arguments are {dialect.codec}, for which there are no grammars")
    return BODIES[dialect.codec]


def _wanted(tools: Toolset, wanted: Choice) -> Iterable[Tool]:
    if tools.any_name or tools.empty:
        raise GrammarError("a grammar needs the tools; give a list of definitions that is not empty")
    if isinstance(wanted, str):
        if wanted not in ("auto", "required"):
            raise GrammarError(f'choice: "auto", "required", "none" or {{"name": …}}, not {wanted!r}')
        return tools.tools
    name = wanted.get("name", "")
    tool = tools.get(name)
    if tool is None:
        near = tools.nearest(name)
        raise GrammarError(
            f"choice: no tool named {name!r} was declared" + (f"; the nearest is {near!r}" if near else "")
        )
    return [tool]
