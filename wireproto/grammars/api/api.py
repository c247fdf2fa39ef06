"""`wp.grammar`: the grammar of a message with calls of declared tools, for every engine.

The markers come from the dialect's templates, the arguments from each tool's schema. It must not know any grammar
language. Law: what the grammar accepts decodes to complete calls of the tools whose arguments their schemas accept.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Union, get_args

from wireproto.codecs import codec
from wireproto.engine.codec import loaded
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.grammars.api.requests import Constraint, Trigger, llama_cpp_request, sglang_request, vllm_request
from wireproto.grammars.calls import CallBody, CallWriter, ToolError, ToolNote
from wireproto.grammars.expr.expr import RuleRef, Rules
from wireproto.grammars.expr.rule_table import RuleTable
from wireproto.grammars.message import MessageParts, MessageWriter
from wireproto.tools.kept import Kept, copy_of, key_of
from wireproto.tools.toolset import Tool, Tools, Toolset
from wireproto.values.errors import GrammarError, TooLarge
from wireproto.values.quoting import quoted

Target = Literal["gbnf", "lark", "ebnf", "structural-tag"]
ToolChoice = Union[Literal["auto", "required", "none"], Mapping[str, str]]
ReasoningChoice = Literal["none", "optional", "open"]
# Each tool that cannot be written costs one more attempt at the whole grammar.
_MAX_WIDENED: Final = 16


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar for an engine: `str` gives its text.

    `rules`: what it was printed from. `report`: every place where it differs from a tool's schema. `triggers`: the
    words with which calls begin, where an engine switches a `lazy` grammar on. `preserved_tokens`: the markers that a
    server must not drop from the output where they are special tokens of the model.
    """

    text: str
    target: Target
    dialect: str
    rules: Rules = field(repr=False)
    report: tuple[ToolNote, ...] = ()
    triggers: tuple[str, ...] = ()
    preserved_tokens: tuple[str, ...] = ()
    lazy: bool = False

    def __str__(self) -> str:
        return self.text

    def llama_cpp_request(self) -> dict[str, Any]:
        """Return the fields of a request to llama-server (`/completion`, `/v1/completions`); see `requests`.

        A Lark grammar needs a server that was built with llguidance.

        Raises:
            GrammarError: the server does not take this target.
        """
        if self.target not in ("gbnf", "lark"):
            raise GrammarError(f'llama-server takes target="gbnf", not {quoted(self.target)}')
        text = self.text if self.target == "gbnf" else f"%llguidance {{}}\n{self.text}"
        return llama_cpp_request(text, map(Trigger, self.triggers) if self.lazy else (), self.preserved_tokens)

    def vllm_request(self) -> dict[str, Any]:
        """Return the fields of a request to vLLM: its `extra_body` with OpenAI's client.

        Raises:
            GrammarError: the grammar is lazy, which vLLM has no field for; take target="structural-tag".
        """
        return vllm_request(self._constraint("vLLM"))

    def sglang_request(self, endpoint: Literal["generate", "openai"] = "generate") -> dict[str, Any]:
        """Return the fields of a request to SGLang.

        Raises:
            GrammarError: the grammar is lazy, or Lark, which SGLang does not take.
        """
        if self.target == "lark":
            raise GrammarError('SGLang takes target="ebnf" or "structural-tag", not Lark')
        return sglang_request(self._constraint("SGLang"), endpoint)

    def _constraint(self, server: str) -> Constraint:
        if self.lazy:
            raise GrammarError(f'{server} has no lazy grammars; take target="structural-tag", which waits for calls')
        found: Constraint = json.loads(self.text) if self.target == "structural-tag" else self.text
        return found


def grammar(
    dialect: str | Dialect,
    tools: Tools,
    *,
    target: Target = "gbnf",
    choice: ToolChoice = "auto",
    parallel: bool = True,
    strict: bool = True,
    reasoning: ReasoningChoice | bool | None = None,
    reasoning_open: bool = False,
    max_reasoning: int | None = None,
    lazy: bool = False,
) -> Grammar:
    """Return the grammar of a message in a dialect, for llama.cpp ("gbnf"), llguidance ("lark") or xgrammar ("ebnf").

    `choice`: "auto" allows text, then calls or none; "required" asks for calls and nothing else, "none" for text
    without calls, and `{"name": ...}` for calls of one tool. `parallel`: more than one call. `strict`: a schema that
    the grammar cannot express exactly is refused; else the tool is widened, and the report says so.

    `reasoning`: "optional" lets the dialect's reasoning come first, "none" (or False) does not, and "open" is for a
    prompt that has opened it already (`reasoning_open=True`, the decoder's word, says the same). By default it is
    "optional", and "none" where a call is forced: a model that was not asked to think may loop in it to the limit.
    Models that always reason may still do so (`Reasoning.always`). `max_reasoning`: its most characters.
    `lazy`: only the calls, for an engine that waits for a trigger.

    Raises:
        GrammarError: a schema cannot be expressed; there is no such tool, or none at all; the codec has no grammar.
        DialectError, SchemaError: as `Decoder` does.
    """
    if target not in get_args(Target):
        hint = "; the language of xgrammar is called 'ebnf'" if str(target) == "xgrammar" else ""
        raise GrammarError(f"target: one of {', '.join(get_args(Target))}, not {quoted(target)}{hint}")
    spec = find_dialect(dialect)
    first = "none" if lazy else _reasoning("open" if reasoning_open else reasoning, choice, spec)
    wanted = _Request(choice, parallel, first, _bound(max_reasoning), lazy, strict, target == "lark")
    given = _given(tools)
    tools_key = key_of(given)
    key = None if tools_key is None else (tools_key, spec, target, *wanted.key)
    found = None if key is None else _FINISHED.get(key)
    if found is None:
        found = _made(spec, Toolset.of(tools), target, wanted)
        if tools_key is not None and copy_of(tools_key, given) is not None:
            _FINISHED.add(key, found, len(found.text))
    return replace(found, rules=Rules(found.rules.root, {**found.rules.rules}, True))  # a dict of the caller's own


# Finished grammars: together they have so many characters, and their rules some twenty times as many bytes.
_FINISHED: Final[Kept[Grammar]] = Kept(3_000_000)


def _given(tools: Tools) -> object:
    """Return what a grammar depends on of tools, for a key; None where there is none."""
    if not isinstance(tools, Toolset):
        return tools
    if any(tool.root is not None for tool in tools.tools):
        return None
    return [(tool.name, tool.schema, tool.decimals) for tool in tools.tools] or None


def _made(spec: Dialect, known: Toolset, target: Target, wanted: _Request) -> Grammar:
    writer = MessageWriter(spec, known, RuleTable())
    if wanted.lazy and (wanted.choice == "none" or not writer.triggers):
        raise GrammarError(f"{spec.name}: nothing that calls begin with could switch a lazy grammar on")
    try:
        message, notes = _written(spec, known, wanted)
        text = _printed(message, target)
    except TooLarge as error:
        raise GrammarError(f"{spec.name}: {error}") from None
    rules = Rules(message.rules.root, message.rules.rules, True)  # without `uses`, which serve the printer
    return Grammar(text, target, spec.name, rules, notes, writer.triggers, spec.markers, wanted.lazy)


def _printed(message: MessageParts, target: Target) -> str:
    """Return the text of a message; what prints one target is loaded where it is asked for."""
    if target == "gbnf":
        from wireproto.grammars.targets.gbnf import to_gbnf

        return to_gbnf(message.rules)
    if target == "lark":
        from wireproto.grammars.targets.lark import to_lark

        return to_lark(message)
    if target == "ebnf":
        from wireproto.grammars.targets.xgrammar_ebnf import to_ebnf

        return to_ebnf(message.rules)
    from wireproto.grammars.targets.structural_tag import structural_tag

    return json.dumps(structural_tag(message), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class _Request:
    """What the caller asks for in a message."""

    choice: ToolChoice
    parallel: bool
    reasoning: ReasoningChoice
    max_reasoning: int | None
    lazy: bool
    strict: bool
    lexical: bool

    @property
    def key(self) -> tuple[Hashable, ...]:
        """All that tells it from others."""
        choice = self.choice if isinstance(self.choice, str) else tuple(self.choice.items())
        return choice, self.parallel, self.reasoning, self.max_reasoning, self.lazy, self.strict


def _reasoning(wanted: object, choice: ToolChoice, dialect: Dialect) -> ReasoningChoice:
    """Return what the caller wants of reasoning, or what is best where nothing was said."""
    if wanted is None:
        unasked = choice not in ("auto", "none") and not (dialect.reasoning is not None and dialect.reasoning.always)
        return "none" if unasked else "optional"
    named: dict[object, ReasoningChoice] = {"none": "none", "optional": "optional", "open": "open"}
    found = {**named, False: "none", True: "optional"}.get(wanted)
    if found is None:
        raise GrammarError(f'reasoning: "none", "optional" or "open", not {quoted(wanted)}')
    return found


def _bound(most: object) -> int | None:
    if most is None or (isinstance(most, int) and not isinstance(most, bool) and most >= 0):
        return most
    raise GrammarError(f"max_reasoning: a number of characters, or None, not {quoted(most)}")


def _written(spec: Dialect, known: Toolset, wanted: _Request) -> tuple[MessageParts, tuple[ToolNote, ...]]:
    """Return a message and the notes; unless it must be strict, a tool that cannot be written may have any arguments.

    What a failed attempt has written is of no use to the next one, which starts anew.
    """
    widened: dict[str, str] = {}
    while True:
        calls = CallWriter(spec, known, RuleTable(), wanted.strict, wanted.lexical, widened)
        try:
            message = _message(calls, MessageWriter(spec, known, calls.table), wanted)
        except ToolError as error:
            if wanted.strict or error.tool in widened or len(widened) == _MAX_WIDENED:
                raise
            widened[error.tool] = error.why
            continue
        return message, tuple(calls.notes)


def _message(calls: CallWriter, writer: MessageWriter, wanted: _Request) -> MessageParts:
    table = calls.table
    root = table.name("root")
    run: RuleRef | None = None
    if wanted.choice == "none":
        found = writer.text_alone()
    else:
        body = _body(calls.dialect)
        tools = list(_tools(calls.tools, wanted.choice))
        run = table.add("calls", writer.with_section([body(calls, tool) for tool in tools], wanted.parallel))
        eager = wanted.choice == "auto" and not wanted.lazy
        found = writer.text_then_calls(run) if eager else run if wanted.lazy else writer.behind_breaks(run)
    opened, most = wanted.reasoning == "open", wanted.max_reasoning
    if wanted.reasoning != "none":
        found = writer.after_reasoning(found, opened, most)
    table.rules[root] = found
    return MessageParts(
        Rules(root, table.rules, uses=table.uses).pruned(),
        None if run is None else Rules(run.name, table.rules),
        writer.framed or (wanted.choice in ("auto", "none") and not wanted.lazy),
        writer.markers,
        writer.reasoning_first(opened, most) if wanted.reasoning != "none" else None,
        not (writer.markerless or writer.framed),
    )


def _body(dialect: Dialect) -> CallBody:
    path = codec(dialect.codec).grammar
    if not path:
        raise GrammarError(f"{dialect.name}: the codec {dialect.codec} has no grammar")
    body: CallBody = loaded(path)
    return body


def _tools(tools: Toolset, wanted: ToolChoice) -> Iterable[Tool]:
    if tools.any_name or tools.empty:
        raise GrammarError("a grammar needs the tools; give a list of definitions that is not empty")
    if isinstance(wanted, str):
        if wanted not in ("auto", "required"):
            raise GrammarError(f'choice: "auto", "required", "none" or {{"name": …}}, not {quoted(wanted)}')
        return tools.tools
    name = wanted.get("name", "")
    tool = tools.get(name)
    if tool is None:
        near = tools.nearest(name)
        hint = f"; the nearest is {quoted(near)}" if near else ""
        raise GrammarError(f"choice: no tool named {quoted(name)} was declared{hint}")
    return [tool]
