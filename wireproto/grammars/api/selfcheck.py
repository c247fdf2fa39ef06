"""A self-check: random texts of a grammar are decoded, and the arguments of their calls validated.

It must not know how a grammar is written, and needs no engine. Law: one seed gives the same texts and verdicts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from wireproto.decode.decoder import parse
from wireproto.format.dialect import Dialect
from wireproto.grammars.api.api import ReasoningChoice, ToolChoice, grammar
from wireproto.grammars.api.sample import Sampler
from wireproto.grammars.calls import closed_schema
from wireproto.tools.toolset import Tools, Toolset
from wireproto.values.errors import GrammarError
from wireproto.values.extras import require
from wireproto.values.model import Call, Message
from wireproto.values.quoting import quoted

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


@dataclass(frozen=True, slots=True)
class CheckedText:
    """A text of a grammar, the calls that the decoder found in it, and what is wrong with them: empty if nothing is."""

    text: str
    calls: tuple[Call, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The texts of a trial, in the order in which they were drawn."""

    tried: tuple[CheckedText, ...]

    @property
    def calls(self) -> Counter[str]:
        """How many calls there are of each tool."""
        return Counter(call.name for each in self.tried for call in each.calls)

    @property
    def invalid(self) -> tuple[CheckedText, ...]:
        """The texts with which something is wrong."""
        return tuple(each for each in self.tried if each.problem)


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """The arguments of `grammar` for a trial; `size` bounds the length of a text, in characters."""

    dialect: Dialect
    tools: Tools
    choice: ToolChoice = "auto"
    parallel: bool = True
    reasoning: ReasoningChoice | None = None
    max_reasoning: int | None = None
    size: int = 1_000

    def run(self, count: int, seed: int = 0) -> SelfCheck:
        """Draw so many texts of the strict grammar and decode each; raises what `grammar` raises."""
        rules = grammar(
            self.dialect,
            self.tools,
            choice=self.choice,
            parallel=self.parallel,
            reasoning=self.reasoning,
            max_reasoning=self.max_reasoning,
        ).rules
        sampler, draw, validators = Sampler(rules, self.size), Random(seed), self._validators()
        return SelfCheck(tuple(self._tried(sampler.text(draw), validators) for _ in range(count)))

    def _validators(self) -> Mapping[str, Validator]:
        require("documents", "jsonschema", purpose="a trial of a grammar")
        from jsonschema import Draft202012Validator
        from jsonschema.validators import validator_for

        known = Toolset.of(self.tools)
        schemas = {tool.name: closed_schema(tool) for tool in known.tools}
        return {name: validator_for(schema, default=Draft202012Validator)(schema) for name, schema in schemas.items()}

    def _tried(self, text: str, validators: Mapping[str, Validator]) -> CheckedText:
        opened = self.reasoning == "open"
        message = parse(text, self.dialect, tools=self.tools, finish_reason="stop", reasoning_open=opened)
        problems = (*self._of_message(message), *(found for call in message.calls for found in _of(call, validators)))
        return CheckedText(text, message.calls, next(iter(problems), ""))

    def _of_message(self, message: Message) -> Iterator[str]:
        if self.choice == "none" and message.calls:
            yield "a call, where none is allowed"
        if self.choice not in ("auto", "none"):
            if not message.calls:
                yield "no call"
            elif message.text.strip():
                yield "text beside calls"
        if not self.parallel and len(message.calls) > 1:
            yield "more than one call"


def _of(call: Call, validators: Mapping[str, Validator]) -> Iterator[str]:
    """Yield what is wrong with a call."""
    if not call.complete:
        yield f"{call.name}: an incomplete call"
    elif call.name not in validators:
        yield f"{call.name}: no tool of this name was declared"
    else:
        yield from (f"{call.name}: {error}" for error in _errors(call.name, validators[call.name], call.arguments))


def _errors(name: str, validator: Validator, arguments: Mapping[str, Any]) -> Iterator[str]:
    try:
        for error in validator.iter_errors(arguments):
            yield f"{error.json_path}: {error.message}"
    except re.error as error:
        # Python's regular expressions are not those of JSON Schema.
        raise GrammarError(f"tool {quoted(name)}: jsonschema cannot read a pattern: {error}") from None
