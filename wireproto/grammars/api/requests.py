"""The fields of a request body that give a grammar to a server: llama-server, vLLM and SGLang.

Merge them into a request of your own. vLLM and SGLang drop special tokens from the output, which the markers of many
models are: `skip_special_tokens` keeps them. llama-server drops control tokens that `preserved_tokens` does not name.

It must not know dialects, rules or how a grammar is written. Law: `json.dumps` takes what is returned, and the server
reads exactly one constraint in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, Union

from wireproto.values.errors import GrammarError

Constraint = Union[str, Mapping[str, Any]]
"""A grammar's text, or a structural tag."""


class TriggerKind(IntEnum):
    """What llama-server looks for, by its number there (common/common.h, `common_grammar_trigger_type`).

    A pattern is an ECMAScript regular expression, tried again at every token: prefer tokens and words.
    """

    TOKEN = 0
    WORD = 1
    PATTERN = 2
    PATTERN_FULL = 3


@dataclass(frozen=True, slots=True)
class Trigger:
    """What switches a lazy grammar on. `token`: the number of a TOKEN in the model's vocabulary."""

    value: str
    kind: TriggerKind = TriggerKind.WORD
    token: int | None = None

    def __post_init__(self) -> None:
        if (self.token is not None) != (self.kind is TriggerKind.TOKEN):
            raise GrammarError("a trigger has the number of its token if it is a TOKEN, and only then")
        if not self.value:
            raise GrammarError("an empty trigger")


def llama_cpp_request(
    grammar: str, triggers: Iterable[Trigger] = (), preserved_tokens: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the fields of llama-server's `/completion` and `/v1/completions` for GBNF.

    With triggers the grammar is lazy: the server replays the text of the one that fired into it, so each of them begins
    a text of the grammar. A word that is one token has to be preserved, so all words are. `/v1/chat/completions` takes
    `grammar` without `tools` only, and sets the other fields itself: there, send a grammar that is not lazy.
    Source: llama.cpp, tools/server/README.md and server-common.cpp; run with b11549.
    """
    found = list(triggers)
    words = [trigger.value for trigger in found if trigger.kind in (TriggerKind.WORD, TriggerKind.TOKEN)]
    preserved = list(dict.fromkeys([*preserved_tokens, *words]))
    body: dict[str, Any] = {"grammar": grammar}
    if preserved:
        body["preserved_tokens"] = preserved
    if found:
        body["grammar_lazy"] = True
        body["grammar_triggers"] = [_trigger(trigger) for trigger in found]
    return body


def _trigger(trigger: Trigger) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": int(trigger.kind), "value": trigger.value}
    return fields if trigger.token is None else {**fields, "token": trigger.token}


def vllm_request(constraint: Constraint) -> dict[str, Any]:
    """Return the fields of vLLM's completions and chat completions (`extra_body` of OpenAI's client), 0.12 and newer.

    A structural tag is a JSON string there, and needs the xgrammar backend, which `auto` takes first. A grammar with
    `::=` is EBNF, another one Lark. With a reasoning parser the constraint begins behind the reasoning.
    Source: vLLM, docs/features/structured_outputs.md and vllm/sampling_params.py, `StructuredOutputsParams`.
    """
    return {"structured_outputs": _one("grammar", constraint), "skip_special_tokens": False}


def sglang_request(constraint: Constraint, endpoint: Literal["generate", "openai"] = "generate") -> dict[str, Any]:
    """Return the fields of SGLang: its own `/generate`, or its `/v1/completions` and `/v1/chat/completions`.

    `/generate` takes a structural tag as a JSON string, the others as the object `response_format`. Exactly one of
    `ebnf`, `structural_tag`, `regex` and `json_schema` may be set; with `tools` in a chat SGLang may set its own.
    Source: SGLang, docs/advanced_features/structured_outputs.ipynb, sampling/sampling_params.py and
    entrypoints/openai/protocol.py.
    """
    if endpoint == "generate":
        return {"sampling_params": {**_one("ebnf", constraint), "skip_special_tokens": False}}
    found = {"ebnf": constraint} if isinstance(constraint, str) else {"response_format": dict(constraint)}
    return {**found, "skip_special_tokens": False}


def _one(grammar: str, constraint: Constraint) -> dict[str, str]:
    if isinstance(constraint, str):
        return {grammar: constraint}
    return {"structural_tag": json.dumps(constraint, ensure_ascii=False)}
