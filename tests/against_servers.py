"""The plug-ins for vLLM and SGLang, on the servers' own files: what they serve is what `parse` finds.

`make servers` unpacks the Python files of both wheels and runs this; its name keeps it out of `make test`. Nothing here
is skipped: without the files every test fails. What the parsers only import (torch, the engine) has a stand-in.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import wireproto as wp
from wireproto.integrations.answers import names

ROOT = Path(__file__).resolve().parent.parent
FILES = Path(os.environ.get("SERVERS", ROOT / ".venv-servers" / "files"))
sys.path[:0] = [str(ROOT / "examples" / "peers"), str(FILES)]

import with_vllm  # noqa: E402
from stand_ins import stand_in_for  # noqa: E402

STANDING = ("triton", "zmq", "sgl_kernel", "orjson", "setproctitle", "IPython", "llguidance", "outlines_core")
stand_in_for((*with_vllm.ABSENT, *STANDING))

TOOLS = [
    {"type": "function", "function": {"name": "write_file", "parameters": {"type": "object", "properties": {
        "path": {"type": "string"}, "content": {"type": "string"}, "mode": {"type": "integer"}}, "required": ["path"]}}},
    {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
]  # fmt: skip
END = 0x10FFFF + 5_000  # the tokenizer's own end token
DIALECTS = sorted(name for name in names().values() if name != "auto")


def answers(dialect: str) -> dict[str, str]:
    """Return answers by what they are; those that a dialect cannot carry are left out."""
    spec = wp.dialect(dialect)
    found: dict[str, str] = {}
    hostile = "".join(spec.markers) + " </parameter> \U0001f600"
    call = wp.Call("write_file", {"path": "a", "content": "b\n", "mode": 7})
    tries = {
        "a call": wp.Message(calls=(call,)),
        "text and a call": wp.Message(text="Look: ", calls=(call,)),
        "no arguments": wp.Message(calls=(wp.Call("now", {}),)),
        "two calls": wp.Message(calls=(call, wp.Call("now", {}))),
        "a value of markers": wp.Message(calls=(wp.Call("write_file", {"path": "a", "content": hostile}),)),
        "text alone": wp.Message(text="Nothing to do: 1 < 2."),
    }
    for name, message in tries.items():
        try:
            found[name] = wp.encode(message, dialect, TOOLS)
        except wp.EncodeError:
            assert name in ("text and a call", "a value of markers")
    found["held text"] = "bye " + (spec.markers or ("[",))[0][:-1]
    found["cut off"] = found["a call"][: found["a call"].index("mode") + 1]
    return found


CASES = [(name, answer, text) for name in DIALECTS for answer, text in answers(name).items()]
every_case = pytest.mark.parametrize(
    ("dialect", "text"),
    [(name, text) for name, _, text in CASES],
    ids=[f"{name}-{answer}" for name, answer, _ in CASES],
)


def expected(dialect: str, text: str, finish_reason: str | None) -> tuple[str, list[tuple[str, Any]]]:
    message = wp.parse(text, dialect, TOOLS, finish_reason=finish_reason)
    return message.text, [(call.name, call.arguments) for call in message.calls if call.complete]


class Joined:
    """What a client of the server has at the end of a stream: calls whose arguments parse, and all text."""

    def __init__(self) -> None:
        self.text, self.names, self.arguments, self.ids = "", {}, {}, {}

    def add(self, text: str | None, calls: Any) -> None:
        self.text += text or ""
        for index, name, given, arguments in calls:
            assert (name is None) == (index in self.names), "a name comes once, with the first part"
            self.names.setdefault(index, name)
            self.ids.setdefault(index, given)
            self.arguments[index] = self.arguments.get(index, "") + (arguments or "")

    @property
    def calls(self) -> list[tuple[str, Any]]:
        assert sorted(self.names) == list(range(len(self.names)))
        return [(self.names[i], value) for i in sorted(self.names) if (value := _read(self.arguments[i])) is not None]


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


# --- vLLM -------------------------------------------------------------------------------------------------------------


class Tokenizer(with_vllm.Tokenizer):
    eos_token_id = END


@pytest.fixture(scope="module")
def vllm() -> Any:
    import_module("wireproto.integrations.vllm").register()
    return import_module("vllm.parser.parser_manager").ParserManager


def asked(choice: str = "auto") -> Any:
    protocol = import_module("vllm.entrypoints.openai.chat_completion.protocol")
    return protocol.ChatCompletionRequest(
        model="m", messages=[{"role": "user", "content": "x"}], tools=TOOLS, tool_choice=choice
    )


def streamed(parser: Any, chunks: list[str], ends: bool) -> Joined:
    request, joined, tokenizer = asked(), Joined(), Tokenizer()
    for number, chunk in enumerate(chunks):
        last = number == len(chunks) - 1
        ids = tokenizer.encode(chunk) + ([END] if last and ends else [])
        part = parser.parse_delta(chunk, ids, request, prompt_token_ids=[10], finished=last)
        if part is not None:
            calls = [(c.index, c.function.name, c.id, c.function.arguments) for c in part.tool_calls]
            joined.add(part.content, calls)
    return joined


@every_case
@pytest.mark.parametrize("size", [1, 4, 10_000])
def test_vllm_streams_what_parse_finds(vllm: Any, dialect: str, text: str, size: int) -> None:
    for name in (f"wireproto_{dialect}", "wireproto"):
        parser = vllm.get_parser(name, None, enable_auto_tools=True)(Tokenizer(), asked().tools)
        joined = streamed(parser, [text[at : at + size] for at in range(0, len(text), size)], ends=True)
        assert (joined.text, joined.calls) == expected("auto" if name == "wireproto" else dialect, text, "stop")


@every_case
def test_vllm_reads_whole_answers(vllm: Any, dialect: str, text: str) -> None:
    parser = vllm.get_parser(f"wireproto_{dialect}", None, enable_auto_tools=True)(Tokenizer(), asked().tools)
    _, content, calls = parser.parse(text, asked(), enable_auto_tools=True)
    found = [(call.name, json.loads(call.arguments)) for call in calls or ()]
    visible, wanted = expected(dialect, text, "length")
    assert found == wanted
    assert (content or "") == (visible if wanted else text)


def test_vllm_ends_without_an_end_token(vllm: Any) -> None:
    parser = vllm.get_parser("wireproto_glm47", None, enable_auto_tools=True)(Tokenizer(), asked().tools)
    joined = streamed(parser, ["bye <tool", "_call>write_file<arg_key>path</arg_key><arg_value>half"], ends=False)
    assert joined.text == "bye " and joined.calls == [] and joined.names == {0: "write_file"}
    parser = vllm.get_parser("wireproto_glm47", None, enable_auto_tools=True)(Tokenizer(), asked().tools)
    assert streamed(parser, ["bye <tool"], ends=False).text == "bye <tool"


def test_vllm_keeps_special_tokens(vllm: Any) -> None:
    parser = vllm.get_parser("wireproto_kimi_k2", None, enable_auto_tools=True)(Tokenizer(), asked().tools)
    assert parser.adjust_request(asked()).skip_special_tokens is False
    assert parser.adjust_request(asked("required")).structured_outputs is None


def test_vllm_without_a_choice_shows_the_text(vllm: Any) -> None:
    text = wp.encode([wp.Call("now", {})], "hermes", TOOLS)
    parser = vllm.get_parser("wireproto_hermes", None, enable_auto_tools=True)(Tokenizer(), asked().tools)
    part = parser.parse_delta(text, Tokenizer().encode(text), asked("none"), prompt_token_ids=[10], finished=True)
    assert part.content == text and part.tool_calls == []


# --- SGLang -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sglang() -> Any:
    import_module("wireproto.integrations.sglang").register()
    return import_module("sglang.srt.function_call.function_call_parser").FunctionCallParser


def tools_of_sglang() -> list[Any]:
    protocol = import_module("sglang.srt.entrypoints.openai.protocol")
    return [protocol.Tool(**tool) for tool in TOOLS]


@every_case
@pytest.mark.parametrize("size", [1, 4, 10_000])
def test_sglang_streams_what_parse_finds(sglang: Any, dialect: str, text: str, size: int) -> None:
    parser, joined = sglang(tools_of_sglang(), f"wireproto_{dialect}"), Joined()
    for at in range(0, len(text), size):
        visible, calls = parser.parse_stream_chunk(text[at : at + size])
        joined.add(visible, [(c.tool_index, c.name, None, c.parameters) for c in calls])
    visible, calls = parser.parse_stream_end()
    joined.add(visible, [(c.tool_index, c.name, None, c.parameters) for c in calls])
    assert (joined.text, joined.calls) == expected(dialect, text, "length")


@every_case
def test_sglang_reads_whole_answers(sglang: Any, dialect: str, text: str) -> None:
    parser = sglang(tools_of_sglang(), f"wireproto_{dialect}")
    content, calls = parser.parse_non_stream(text)
    visible, wanted = expected(dialect, text, "length")
    assert [(call.name, json.loads(call.parameters)) for call in calls] == wanted
    assert content == (visible if wanted else text)
    assert parser.has_tool_call(text) or not wanted


def test_sglang_offers_the_names(sglang: Any) -> None:
    offered = import_module("sglang.srt.function_call.parser_names").TOOL_CALL_PARSER_NAMES
    assert {"wireproto", *(f"wireproto_{name}" for name in DIALECTS)} <= set(offered)
    assert len(offered) == len(set(offered))


# --- what the proxy asks them for -------------------------------------------------------------------------------------

PROXY_DIALECTS = ("qwen3_coder", "hermes", "glm47", "kimi_k2", "dsml_v32", "mistral")
FORCED = {"type": "function", "function": {"name": "now"}}


def prepared_for(server: str, dialect: str, choice: Any = "auto", **more: Any) -> Any:
    """Return the request that the proxy makes of a client's, and what it will read the answer with."""
    settings = import_module("wireproto.serve.settings")
    model = settings.ModelSettings(mode="constrain", server=server, dialect=dialect)
    known = settings.ServeSettings(upstream="http://127.0.0.1:1", default=model)
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": TOOLS, "tool_choice": choice, **more}
    asked = import_module("wireproto.serve.chat").asked_of_chat(body, known)
    return import_module("wireproto.serve.modes").prepared(asked)


def taken_by_vllm(chat: dict[str, Any]) -> str:
    """Return the structural tag that vLLM's engine gets for a request, which its own classes have validated."""
    protocol = import_module("vllm.entrypoints.openai.chat_completion.protocol")
    request = protocol.ChatCompletionRequest.model_validate(json.loads(json.dumps(chat)))
    assert request.tool_choice == "none" and len(request.tools) == len(TOOLS)
    params = request.to_sampling_params(100, {})
    assert params.skip_special_tokens is False
    return params.structured_outputs.structural_tag


def taken_by_sglang(chat: dict[str, Any]) -> str:
    """Return the structural tag that SGLang's scheduler gets, whatever its own parser would ask for."""
    protocol = import_module("sglang.srt.entrypoints.openai.protocol")
    request = protocol.ChatCompletionRequest.model_validate(json.loads(json.dumps(chat)))
    # With "none" it would not show the tools (serving_chat.py, `_process_messages`).
    assert request.tool_choice == "auto" and len(request.tools) == len(TOOLS)
    own = ("json_schema", {"type": "object"})
    params = request.to_sampling_params([], {}, tool_call_constraint=own)
    assert params["skip_special_tokens"] is False and params.get("json_schema") is None
    return params["structural_tag"]


def test_the_servers_say_what_they_are() -> None:
    server_in = import_module("wireproto.serve.modes").server_in
    cards = {
        "vllm": import_module("vllm.entrypoints.serve.engine.protocol").ModelCard,
        "sglang": import_module("sglang.srt.entrypoints.openai.protocol").ModelCard,
    }
    for server, card in cards.items():
        assert server_in({"object": "list", "data": [card(id="m").model_dump()]}, "m") == server


TAKEN = {"vllm": taken_by_vllm, "sglang": taken_by_sglang}


@pytest.mark.parametrize("server", TAKEN)
@pytest.mark.parametrize("dialect", PROXY_DIALECTS)
@pytest.mark.parametrize("choice", ["auto", "required", FORCED], ids=["auto", "required", "named"])
def test_the_servers_take_the_tag_of_the_proxy(server: str, dialect: str, choice: Any) -> None:
    asked = prepared_for(server, dialect, choice)
    tag = TAKEN[server](asked.chat)
    if server == "vllm":  # SGLang adds what it takes for granted
        named = {"name": "now"} if choice is FORCED else choice
        wanted = wp.grammar(dialect, TOOLS, target="structural-tag", strict=False, choice=named)
        assert json.loads(tag) == json.loads(str(wanted))
    engine = import_module("wireproto.testing.engines.xgrammar").XGrammar.compile_tag(json.loads(tag))
    call = wp.encode([wp.Call("now", {})], dialect, TOOLS)
    assert engine.accepts(call)
    assert engine.accepts("Nothing to do.") == (choice == "auto")
    assert not engine.accepts(call.replace("now", "later"))


def test_a_tag_that_is_none_is_refused_by_the_servers() -> None:
    refusals = (ValueError, import_module("vllm.exceptions").VLLMValidationError)
    for server, taken in TAKEN.items():
        chat = prepared_for(server, "hermes").chat
        wrong = {"type": "structural_tag", "format": {"type": "nothing"}}
        more = {"response_format": wrong} if server == "sglang" else {"structured_outputs": {"structural_tag": json.dumps(wrong)}}  # fmt: skip
        with pytest.raises(refusals, match=r"(?i)structural|format"):
            taken({**chat, **more})


@pytest.mark.parametrize("server", TAKEN)
def test_the_servers_take_what_the_proxy_makes_of_messages_and_responses(server: str) -> None:
    settings, translate = (import_module(f"wireproto.serve.{name}") for name in ("settings", "translate"))
    model = settings.ModelSettings(mode="constrain", server=server, dialect="hermes")
    known = settings.ServeSettings(upstream="http://127.0.0.1:1", default=model)
    functions = [tool["function"] for tool in TOOLS]
    use = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}
    told = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "noon"}
    messages = {
        "model": "m", "max_tokens": 9, "stream": True, "system": "Be brief.", "tool_choice": {"type": "any"},
        "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": [use]}, {"role": "user", "content": [told]}],
        "tools": [{"name": tool["name"], "input_schema": tool["parameters"]} for tool in functions],
    }  # fmt: skip
    responses = {
        "model": "m",
        "input": "x",
        "stream": True,
        "tools": [{"type": "function", **tool} for tool in functions],
    }
    prepared = import_module("wireproto.serve.modes").prepared
    for asked in (
        translate.asked_of_messages(messages, known, "reasoning"),
        translate.asked_of_responses(responses, known, "reasoning"),
    ):
        tag = TAKEN[server](prepared(asked).chat)
        engine = import_module("wireproto.testing.engines.xgrammar").XGrammar.compile_tag(json.loads(tag))
        assert engine.accepts(wp.encode([wp.Call("now", {})], "hermes", TOOLS))
