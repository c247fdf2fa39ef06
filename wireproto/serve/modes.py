"""What is sent to the server in each mode, and what is asked again after an answer that went wrong.

It must not know the network. Law: in `repair` nothing of a request is changed.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from wireproto.adapters.history import Turn, joined, to_chat, with_wire_ids
from wireproto.format.detection import by_name
from wireproto.format.dialect import Dialect
from wireproto.format.registry import AUTO
from wireproto.format.registry import dialect as find_dialect
from wireproto.grammars.api.api import ToolChoice, grammar
from wireproto.recover.classify import Label, classify
from wireproto.serve.asked import Asked, Refused, toolset_of
from wireproto.serve.choice import AnswerChoice
from wireproto.serve.settings import Server
from wireproto.tools.toolset import Toolset
from wireproto.values.errors import DialectError, EncodeError, GrammarError, SchemaError
from wireproto.values.model import Message
from wireproto.write.encoder import encode
from wireproto.write.prompt import prompt
from wireproto.write.results import render_results

_OF_TOOLS: Final = frozenset(("tools", "tool_choice", "parallel_tool_calls"))
_EMULATED: Final = "xml"  # the dialect that models without one of their own are taught
_OWNERS: Final[Mapping[str, Server]] = {"llamacpp": "llama-server", "vllm": "vllm", "sglang": "sglang"}
_SECRET: Final = secrets.token_bytes(32)
# Outputs in which a call was meant and none can be run.
_MEANT: Final[frozenset[Label]] = frozenset(("malformed", "truncated", "leaked", "foreign", "draft", "nested"))


def prepared(asked: Asked) -> Asked:
    """Return the request as the mode of its model wants it sent, and its answer read.

    Raises:
        Refused: the mode is not possible with this model or these tools.
    """
    if asked.settings.mode == "emulate":
        return _emulated(asked)
    if asked.tools is None or asked.settings.mode == "repair":
        return asked
    asked = _with_dialect(asked)
    return asked if asked.settings.mode == "raw" else _constrained(asked)


def _with_dialect(asked: Asked) -> Asked:
    """Return the request with a dialect, which is that of its model; a grammar needs one."""
    settings = asked.settings
    if settings.dialect != AUTO:
        return asked
    try:
        name = by_name(asked.model).name
    except DialectError as error:
        raise Refused(400, f"{settings.mode}: {error}; set it for this model in the settings") from None
    return replace(asked, settings=replace(settings, dialect=name))


def _constrained(asked: Asked) -> Asked:
    """Have the server render the tools but not parse calls, and hold the model to our grammar.

    Raises:
        Refused: there is no such grammar, or the request has another one.
    """
    if asked.chat.get("response_format") not in (None, {"type": "text"}):
        raise Refused(400, f"{asked.settings.mode}: tools and a response_format exclude each other")
    if asked.settings.server == "auto":
        raise Refused(
            400, 'constrain: the server does not say what it is; set server = "llama-server", "vllm" or "sglang" for it'
        )
    if asked.settings.server == "llama-server":
        # It refuses a grammar beside tools that may be called ("Cannot use custom grammar constraints with tools").
        # With `tool_choice` none its template still shows them to the model, and what the model writes comes as
        # content, reasoning too, of which the grammar speaks.
        more = {"tool_choice": "none", "reasoning_format": "none", **grammar_request(asked, lazy=False)}
    else:
        # vLLM shows the tools with `tool_choice` none. SGLang does not: with auto it does, and keeps to the constraint
        # of the request; a parser of its own for calls may be on.
        choice = "none" if asked.settings.server == "vllm" else "auto"
        more = {"tool_choice": choice, **grammar_request(asked, lazy=False)}
    return replace(asked, chat={**asked.chat, **more}, base=asked)


def server_in(models: Any, model: str) -> Server:
    """Return which server a list of models is from: the three say it of each model; "auto" if this one does not.

    Source: llama-server b11549, vLLM 0.33 and SGLang 0.5.23, the field `owned_by`.
    """
    listed = models.get("data") if isinstance(models, Mapping) else None
    found = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    named = [each for each in found if each.get("id") == model] or found
    owners = {str(each.get("owned_by")) for each in named}
    return _OWNERS.get(owners.pop(), "auto") if len(owners) == 1 else "auto"


def grammar_request(asked: Asked, lazy: bool) -> dict[str, Any]:
    """Return the fields of a request to its server that hold the model to the tools.

    Raises:
        Refused: there is no such grammar.
    """
    try:
        return _grammar_request(
            "llama-server" if asked.settings.mode == "raw" else asked.settings.server,
            asked.settings.dialect,
            json.dumps(asked.chat.get("tools")),
            json.dumps(_choice_of(asked.choice)),
            asked.chat.get("parallel_tool_calls") is not False,
            asked.settings.reasoning_open,
            lazy,
        )
    except GrammarError as error:
        raise Refused(400, f"{asked.settings.mode}: {error}") from None


@lru_cache(maxsize=64)  # an agent offers the same tools in every request
def _grammar_request(
    server: Server, dialect: str, tools: str, choice: str, parallel: bool, reasoning_open: bool, lazy: bool
) -> dict[str, Any]:
    found = grammar(
        dialect,
        toolset_of(json.loads(tools), None),
        target="gbnf" if server == "llama-server" else "structural-tag",
        choice=json.loads(choice),
        parallel=parallel,
        strict=False,
        reasoning_open=reasoning_open,
        lazy=lazy,
    )
    if server == "vllm":
        return found.vllm_request()
    return found.sglang_request("openai") if server == "sglang" else found.llama_cpp_request()


def _choice_of(choice: Any) -> ToolChoice:
    """Return a tool choice of Chat Completions as grammars have it."""
    if isinstance(choice, Mapping):
        function = choice.get("function")
        name = function.get("name") if isinstance(function, Mapping) else None
        return {"name": name} if isinstance(name, str) else "auto"
    return "required" if choice == "required" else "auto"


def _emulated(asked: Asked) -> Asked:
    """Tell the model in words how to call, and write all calls and results of the conversation as text."""
    if not asked.turns:
        raise Refused(400, "emulate: the messages have another shape than those of a chat")
    calls = any(turn.message.calls or turn.results for turn in asked.turns)
    if asked.tools is None and not calls:
        return asked
    try:
        spec = _salted(asked)
        rules = [] if asked.tools is None else [prompt(spec, asked.tools), *_demand(asked.choice)]
        turns = list(_as_text(with_wire_ids(asked.turns, spec), spec, asked.tools))
    except (DialectError, EncodeError, SchemaError) as error:
        raise Refused(400, f"emulate: {error}") from None
    messages = to_chat(joined([*(Turn("system", rule) for rule in rules), *turns]), None)
    kept = {key: value for key, value in asked.chat.items() if key not in _OF_TOOLS}
    return replace(asked, chat={**kept, "messages": messages}, dialect=spec)


def _salted(asked: Asked) -> Dialect:
    """Return the dialect with markers that only this conversation has: results of tools cannot know them.

    The salt depends on how the conversation begins, so that it is the same in each of its requests.
    """
    begin = [turn.content for turn in asked.turns if turn.role in ("system", "user")][:2]
    digest = hmac.new(_SECRET, json.dumps(begin).encode(), "sha256").hexdigest()
    name = _EMULATED if asked.settings.dialect == AUTO else asked.settings.dialect
    return find_dialect(name).salted(f"w{digest[:6]}")


def _demand(choice: Any) -> list[str]:
    """Return what a forced call asks of the model."""
    wanted = _choice_of(choice)
    if isinstance(wanted, Mapping):
        return [f"Your next answer must call the tool {wanted['name']}."]
    return ["Your next answer must call a tool."] if wanted == "required" else []


def _as_text(turns: Iterable[Turn], spec: Dialect, tools: Toolset | None) -> Iterator[Turn]:
    """Yield the turns with calls and results as text; what the user says to a result goes with it, as one message."""
    held = ""
    for turn in turns:
        if turn.role == "tool":
            held += ("\n\n" if held else "") + render_results(turn.results, spec)
            continue
        if held and turn.role == "user" and isinstance(turn.content, str):
            yield Turn("user", f"{held}\n\n{turn.content}")
            held = ""
            continue
        if held:
            yield Turn("user", held)
            held = ""
        if turn.message.calls:
            said = Message(turn.message.text, calls=turn.message.calls)
            yield Turn("assistant", message=Message(encode(said, spec, tools)))
        else:
            yield turn
    if held:
        yield Turn("user", held)


def asked_again(asked: Asked, choices: Sequence[AnswerChoice]) -> Asked | None:
    """Return the request once more with what was wrong, None if nothing was, or nothing that another try may mend."""
    if asked.tools is None or not asked.settings.retry or len(choices) != 1:
        return None
    choice = choices[0]
    if choice.message is None or choice.natives or any(call.complete for call in choice.message.calls):
        return None
    text = "".join(choice.text)
    verdict = classify(
        text,
        asked.format,
        asked.tools,
        policy=asked.settings.policy,
        finish_reason=choice.finish,
        reasoning_open=asked.settings.reasoning_open,
    )
    if verdict.label not in _MEANT and not (asked.wants_call and verdict.label in ("plain", "mention", "quoted")):
        return None
    if choice.finish == "length":  # it would be cut again
        return None
    said = {"role": "assistant", "content": text}
    # In `raw` the prompt is rendered anew.
    before = asked.base if asked.settings.mode == "raw" and asked.base is not None else asked
    messages: list[Any] = [*before.chat["messages"], said, {"role": "user", "content": verdict.retry_message()}]
    return replace(before, chat={**before.chat, "messages": messages}, base=None)
