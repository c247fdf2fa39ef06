"""Tools that take free text: functions for the model, OpenAI's custom tools for the client, and nothing lost between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import clients
import httpx2
import openai
import pytest
from clients import Streamed, streamed
from hypothesis import given
from hypothesis import strategies as st
from serving import DONE, Upstream, chunk, event, native, proxied, stream, whole

import wireproto as wp
from wireproto.adapters import ChatWriter, NativeDelta, ResponsesWriter, chat_choice, response_object
from wireproto.adapters.free_form import FreeInput, input_of

PATCH = '*** Begin Patch\n*** Update File: a "b".py\n@@\n-x = \'\\n\'\n+x = "é😀\u2028</parameter>"\n*** End Patch\n'
LARK = 'start: "*** Begin Patch" /.+/s "*** End Patch"'
# As Codex sends it.
CUSTOM = {
    "type": "custom", "name": "apply_patch", "description": "Edit files. Do not wrap the patch in JSON.",
    "format": {"type": "grammar", "syntax": "lark", "definition": LARK},
}  # fmt: skip
SCHEMA = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
FUNCTION = {"name": "apply_patch", "parameters": SCHEMA}
NAMES = ("apply_patch",)
LEAK = wp.encode(wp.Call("apply_patch", {"input": PATCH}), "hermes", [FUNCTION])
TEXTS = st.text(st.sampled_from('ab"\\/\n\t\x00é😀\ud83d\ude00u}{') | st.characters())
PARTS = st.lists(st.integers(0, 400), max_size=6)


def pieces(text: str, cuts: list[int]) -> Iterator[str]:
    marks = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return (text[begin:end] for begin, end in pairwise(marks))


def paired(text: str) -> bytes:
    return text.encode("utf-16", "surrogatepass")


@given(TEXTS, st.booleans(), st.sampled_from([None, 1]), PARTS)
def test_the_text_comes_out_of_growing_json(text: str, ascii: bool, indent: int | None, cuts: list[int]) -> None:
    document = json.dumps({"input": text, "more": [1]}, ensure_ascii=ascii, indent=indent)
    read = FreeInput()
    found = [read.feed(part) for part in pieces(document, cuts)]
    assert paired("".join(found)) == paired(text) and read.close() == ""
    # Whatever was cut, what came before it is the beginning of the text.
    read = FreeInput()
    assert paired(text).startswith(paired(read.feed(document[: len(document) // 2])))


@given(st.dictionaries(st.text(max_size=3), TEXTS | st.integers(), max_size=3), PARTS)
def test_other_arguments_are_taken_at_their_word(arguments: dict[str, Any], cuts: list[int]) -> None:
    arguments.pop("input", None)
    document = json.dumps(arguments)
    read = FreeInput()
    assert all(read.feed(part) == "" for part in pieces(document, cuts))
    text = read.close()
    (only,) = arguments.values() if len(arguments) == 1 else (None,)
    wanted = only if isinstance(only, str) else json.dumps(arguments, ensure_ascii=False) if arguments else ""
    assert paired(text) == paired(wanted) == paired(input_of(arguments))


def test_it_takes_its_time_in_proportion() -> None:
    read, text = FreeInput(), "x\n" * 200_000
    document = json.dumps({"input": text})
    assert "".join(read.feed(document[at : at + 7]) for at in range(0, len(document), 7)) == text
    read = FreeInput()
    assert not any(read.feed('{"other": "x') for _ in range(100_000))
    for broken in ("\\x", "\\uzzzz", "\\ud83d\\uzz"):  # a server's own JSON may be anything
        read = FreeInput()
        assert read.feed('{"input": "ab' + broken) == "ab"
        assert not any(read.feed("more of it ") for _ in range(300_000))


def case_of(text: str, dialect: str = "hermes", **more: Any) -> dict[str, Any]:
    return {"dialect": dialect, "tools": [FUNCTION], "text": text, **more}


def responses_of(text: str, step: int, dialect: str = "hermes", **more: Any) -> Streamed:
    writer = ResponsesWriter("resp_1", "m", 0, free_form=NAMES)
    return streamed(case_of(text, dialect, **more), step, writer)


@pytest.mark.parametrize("step", [1, 3, 50, 10_000])
@pytest.mark.parametrize("dialect", ["hermes", "qwen3_coder", "glm47", "kimi_k2"])
def test_responses_have_a_call_of_its_own_kind(dialect: str, step: int) -> None:
    call = wp.encode(wp.Call("apply_patch", {"input": PATCH}), dialect, [FUNCTION])
    made = responses_of("I edit. " + call, step, dialect, finish_reason="stop")
    read = clients.responses(made.body)
    said, found = read.answer.output
    assert (said.type, found.type, found.name, found.input) == ("message", "custom_tool_call", "apply_patch", PATCH)
    assert read.answer.status == "completed" and found.call_id and found.id != found.call_id
    events = [json.loads(line[6:]) for line in made.body.split("\n") if line.startswith("data: {")]
    deltas = [event["delta"] for event in events if event["type"] == "response.custom_tool_call_input.delta"]
    assert "".join(deltas) == PATCH and (step > 3 or len(deltas) > 10)
    (done,) = (event for event in events if event["type"] == "response.custom_tool_call_input.done")
    assert done["input"] == PATCH and done["item_id"] == found.id and done["output_index"] == 1
    assert not any("function_call" in event["type"] for event in events)
    answer = clients.whole("responses", response_object(made.message, "resp_1", "m", 0, free_form=NAMES))
    assert answer.output[1].type == "custom_tool_call" and answer.output[1].input == PATCH


@pytest.mark.parametrize("step", [1, 40])
def test_half_a_text_is_never_done(step: int) -> None:
    for text in (LEAK[:90], LEAK[:90] + "</tool_call>\nOr not.", LEAK[:40]):
        made = responses_of(text, step, finish_reason="length")
        read = clients.responses(made.body)
        assert read.answer.status == "incomplete" and "custom_tool_call" not in {
            item.type for item in read.answer.output
        }
        assert "custom_tool_call_input.done" not in made.body
        items = [json.loads(line[6:])["item"] for line in made.body.split("\n") if '"response.output_item.done"' in line and line.startswith("data")]  # fmt: skip
        assert all(item["type"] != "custom_tool_call" for item in items)
        whole = response_object(made.message, "resp_1", "m", 0, free_form=NAMES)
        assert "custom_tool_call" not in {item["type"] for item in whole["output"]}
        assert not chat_choice(made.message, free_form=NAMES)["message"].get("tool_calls")


@pytest.mark.parametrize("step", [1, 17, 1_000])
def test_a_native_call_is_one_too(step: int) -> None:
    arguments = json.dumps({"input": PATCH})
    writer = ResponsesWriter("resp_1", "m", 0, free_form=NAMES)
    parts = [arguments[at : at + step] for at in range(0, len(arguments), step)]
    lines = "".join(writer.lines([NativeDelta(0, part, "apply_patch", "call_7")]) for part in parts)
    lines += writer.lines([NativeDelta(1, '{"patch": "x"}', "apply_patch"), NativeDelta(2, "{}", "now")])
    answer = clients.responses(lines + writer.sse(writer.close("stop"))).answer
    assert [(item.type, getattr(item, "input", None)) for item in answer.output] == [
        ("custom_tool_call", PATCH), ("custom_tool_call", "x"), ("function_call", None),
    ]  # fmt: skip
    assert answer.output[0].call_id == "call_7"


@pytest.mark.parametrize("step", [1, 10_000])
def test_chat_chunks_have_it_whole(step: int) -> None:
    """The client's accumulator knows functions only; its chunks keep what else there is."""
    made = streamed(case_of(LEAK + LEAK[:90]), step, ChatWriter("c", "m", 0, free_form=NAMES))
    chunks = [json.loads(line[6:]) for line in made.body.split("\n\n") if line.startswith("data: {")]
    deltas = [call for each in chunks for choice in each["choices"] for call in choice["delta"].get("tool_calls", ())]
    (call,) = deltas
    assert (call["index"], call["type"], call["custom"]) == (0, "custom", {"name": "apply_patch", "input": PATCH})
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    message = wp.parse(LEAK, "hermes", [FUNCTION])
    answer = {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [chat_choice(message, free_form=NAMES)]}  # fmt: skip
    (found,) = clients.whole("chat", answer).choices[0].message.tool_calls
    assert found.type == "custom" and found.custom.input == PATCH


# --- behind the proxy -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture(scope="module")
def address(upstream: Upstream) -> Iterator[str]:
    with proxied(upstream, {"llama": {"mode": "constrain", "server": "llama-server"}}) as url:
        yield url


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[openai.OpenAI]:
    http = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(api_key="x", base_url=f"{address}/v1", max_retries=0, http_client=http) as found:
        yield found


def answers(streams: bool, arguments: str) -> list[Any]:
    """Return the ways in which a server may answer with the call: leaked, and found by itself."""
    call = {"id": "n1", "type": "function", "function": {"name": "apply_patch", "arguments": arguments}}
    if not streams:
        return [{"json": whole({"content": LEAK})}, {"json": whole({"content": None, "tool_calls": [call]}, "tool_calls")}]  # fmt: skip
    parts = [native(0, None, arguments[at : at + 9]) for at in range(0, len(arguments), 9)]
    found = [event(chunk(native(0, "apply_patch", "", "n1"))), *(event(chunk(part)) for part in parts)]
    return [stream(LEAK, 3), [*found, event(chunk({}, "tool_calls")), DONE]]


@pytest.mark.parametrize("streams", [False, True])
def test_codex_gets_its_patch(streams: bool, upstream: Upstream, client: openai.OpenAI) -> None:
    shell = {"type": "function", "name": "shell", "parameters": {"type": "object"}, "strict": False}
    asked: Any = {"model": "codex", "input": [{"role": "user", "content": "x"}], "tools": [CUSTOM, shell, {"type": "web_search"}]}  # fmt: skip
    for answer in answers(streams, json.dumps({"input": PATCH})):
        upstream.answers["codex"] = answer
        if streams:
            with client.responses.stream(**asked) as events:
                found = events.get_final_response()
        else:
            raw = client.responses.with_raw_response.create(**asked)
            assert raw.headers["x-wireproto-dropped"] == "web_search"
            found = raw.parse()
        (call,) = found.output
        assert call.type == "custom_tool_call" and (call.name, call.input) == ("apply_patch", PATCH)
        function = upstream.seen[-1]["body"]["tools"][0]["function"]
        assert function["name"] == "apply_patch" and function["description"] == CUSTOM["description"]
        (text,) = function["parameters"]["properties"].values()
        assert LARK in text["description"] and "lark" in text["description"] and text["type"] == "string"
        # What the client has goes back, and the server sees a function that was called.
        output = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "done"}
        later = {**asked, "input": [*asked["input"], call.to_dict(), output], "tool_choice": {"type": "custom", "name": "apply_patch"}}  # fmt: skip
        upstream.answers["codex"] = {"json": whole({"content": "ok"})}
        assert client.responses.create(**later).output_text == "ok"
        sent = upstream.seen[-1]["body"]
        _, said, told = sent["messages"]
        assert json.loads(said["tool_calls"][0]["function"]["arguments"]) == {"input": PATCH}
        assert (told["role"], told["content"]) == ("tool", "done") and told["tool_call_id"] == said["tool_calls"][0][
            "id"
        ]
        assert sent["tool_choice"] == {"type": "function", "function": {"name": "apply_patch"}}


# As Codex sends the tools of an MCP server.
BURP = {"type": "namespace", "name": "mcp__burp", "description": "Tools of burp.", "tools": [
    {"type": "function", "name": "status", "description": "", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}, "strict": False},
    {**CUSTOM, "name": "script"},
]}  # fmt: skip
OTHER = {"type": "namespace", "name": "mcp__other__", "description": "", "tools": [{"type": "function", "name": "status", "parameters": {"type": "object"}}]}  # fmt: skip


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("leaked", [False, True])
def test_tools_of_a_namespace_are_called_by_both_of_their_names(
    streams: bool, leaked: bool, upstream: Upstream, client: openai.OpenAI
) -> None:
    asked: Any = {"model": "codex", "input": [{"role": "user", "content": "x"}], "tools": [BURP, OTHER, {"type": "function", "name": "status", "parameters": {"type": "object"}, "strict": False}]}  # fmt: skip
    calls = [wp.Call("mcp__burp__status", {"n": 1}), wp.Call("mcp__burp__script", {"input": PATCH}), wp.Call("mcp__other__status"), wp.Call("status")]  # fmt: skip
    natives = [{"index": i, "id": f"n{i}", "type": "function", "function": {"name": call.name, "arguments": call.arguments_json}} for i, call in enumerate(calls)]  # fmt: skip
    text = wp.encode(calls, "hermes")
    answer: Any = {"json": whole({"content": text} if leaked else {"content": None, "tool_calls": natives})}
    if streams:
        answer = stream(text, 7) if leaked else [*(event(chunk({"tool_calls": [each]})) for each in natives), event(chunk({}, "stop")), DONE]  # fmt: skip
    upstream.answers["codex"] = answer
    if streams:
        with client.responses.stream(**asked) as events:
            seen = [*events]
            found = events.get_final_response()
        done = [each for each in seen if each.type == "response.function_call_arguments.done"]
        assert [each.to_dict()["name"] for each in done] == ["status"] * 3
    else:
        found = client.responses.create(**asked)
    shown = [(item.type, item.namespace, item.name) for item in found.output if item.type in ("function_call", "custom_tool_call")]  # fmt: skip
    assert shown == [
        ("function_call", "mcp__burp", "status"), ("custom_tool_call", "mcp__burp", "script"),
        ("function_call", "mcp__other__", "status"), ("function_call", None, "status"),
    ]  # fmt: skip
    names = [tool["function"]["name"] for tool in upstream.seen[-1]["body"]["tools"]]
    assert names == ["mcp__burp__status", "mcp__burp__script", "mcp__other__status", "status"]
    outputs = [{"type": item.type + "_output", "call_id": item.call_id, "output": "done"} for item in found.output]
    later = {**asked, "input": [*asked["input"], *(item.to_dict() for item in found.output), *outputs], "tool_choice": {"type": "function", "namespace": "mcp__burp", "name": "status"}}  # fmt: skip
    upstream.answers["codex"] = {"json": whole({"content": "ok"})}
    client.responses.create(**later)
    sent = upstream.seen[-1]["body"]
    assert [call["function"]["name"] for call in sent["messages"][1]["tool_calls"]] == names
    assert sent["tool_choice"]["function"]["name"] == "mcp__burp__status"


def test_tools_that_a_model_could_not_tell_apart(upstream: Upstream, client: openai.OpenAI) -> None:
    upstream.answers["codex"] = {"json": whole({"content": "ok"})}
    clash = {**OTHER, "name": "mcp__burp__"}
    tools: Any = [
        BURP,
        clash,
        {"type": "namespace", "name": "odd", "description": "", "tools": [{"type": "web_search"}]},
    ]
    raw = client.responses.with_raw_response.create(model="codex", input="x", tools=tools)
    assert raw.headers["x-wireproto-dropped"] == "mcp__burp__status, web_search"
    assert len(upstream.seen[-1]["body"]["tools"]) == 2
    with pytest.raises(openai.BadRequestError, match="tools"):
        client.responses.create(model="codex", input="x", tools=[{**BURP, "tools": 3}])  # type: ignore[list-item]


@pytest.mark.parametrize("streams", [False, True])
def test_so_do_clients_of_chat_completions(streams: bool, upstream: Upstream, client: openai.OpenAI) -> None:
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": LARK}}
    custom = {"type": "custom", "custom": {"name": "apply_patch", "description": "Edit.", "format": grammar}}
    now = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}
    asked: Any = {"model": "chat", "messages": [{"role": "user", "content": "x"}], "tools": [custom, now]}
    for answer in answers(streams, json.dumps({"input": PATCH})):
        upstream.answers["chat"] = answer
        if streams:
            deltas = [each.choices[0] for each in client.chat.completions.create(**asked, stream=True) if each.choices]
            (call,) = (call.to_dict() for each in deltas for call in each.delta.tool_calls or ())
            assert [each.finish_reason for each in deltas if each.finish_reason] == ["tool_calls"]
        else:
            (found,) = client.chat.completions.create(**asked).choices[0].message.tool_calls or ()
            assert found.type == "custom"
            call = found.to_dict()
        assert (call["type"], call["custom"]) == ("custom", {"name": "apply_patch", "input": PATCH}) and call["id"]
        assert LARK in json.dumps(upstream.seen[-1]["body"]["tools"][0], ensure_ascii=False).replace('\\"', '"')
        call.pop("index", None)
        history = [*asked["messages"], {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": call["id"], "content": "done"}]  # fmt: skip
        upstream.answers["chat"] = {"json": whole({"content": "ok"})}
        choice = {"type": "custom", "custom": {"name": "apply_patch"}}
        client.chat.completions.create(**{**asked, "messages": history, "tool_choice": choice})
        sent = upstream.seen[-1]["body"]
        (said,) = sent["messages"][1]["tool_calls"]
        assert said["type"] == "function" and json.loads(said["function"]["arguments"]) == {"input": PATCH}
        assert sent["tool_choice"] == {"type": "function", "function": {"name": "apply_patch"}}


def test_half_a_native_call_is_left_out(upstream: Upstream, client: openai.OpenAI, address: str) -> None:
    half = {"id": "n1", "type": "function", "function": {"name": "apply_patch", "arguments": '{"input": "*** Beg'}}
    upstream.answers["half"] = {"json": whole({"content": "I edit.", "tool_calls": [half]}, "length")}
    custom: Any = {"type": "custom", "custom": {"name": "apply_patch"}}
    choice = client.chat.completions.create(model="half", messages=[{"role": "user", "content": "x"}], tools=[custom]).choices[0]  # fmt: skip
    assert not choice.message.tool_calls and choice.finish_reason == "length"
    tools: Any = [CUSTOM]
    found = client.responses.create(model="half", input="x", tools=tools)
    assert found.status == "incomplete" and [item.type for item in found.output] == ["message"]
    # What has another shape goes on as it came.
    odd = {"model": "half", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "custom", "custom": 3}]}
    httpx2.post(f"{address}/v1/chat/completions", json=odd, trust_env=False)
    assert upstream.seen[-1]["body"] == odd


def test_a_constrained_model_can_write_any_text(upstream: Upstream, client: openai.OpenAI) -> None:
    upstream.answers["llama"] = {"json": whole({"content": LEAK})}
    tools: Any = [CUSTOM]
    (call,) = client.responses.create(model="llama", input="x", tools=tools, tool_choice="required").output
    assert call.type == "custom_tool_call" and call.input == PATCH
    assert "apply_patch" in upstream.seen[-1]["body"]["grammar"]
