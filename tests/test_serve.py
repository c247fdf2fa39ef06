"""The proxy before a server that fails in every way: the right call, or an error that the real SDKs raise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from serving import CALL, DONE, LEAK, TOOL, TOOLS, USAGE, Upstream, chunk, event, native, proxied, stream, whole

USER = [{"role": "user", "content": "x"}]
OWN_TOOLS = [{"name": "now", "input_schema": TOOL["parameters"]}]
ARGUMENTS = {"tz": 'a"b'}
DEFAULTS: dict[str, Any] = {"read_timeout": 1.0, "event_limit": 50_000, "body_limit": 200_000, "body_timeout": 1.0}


@pytest.fixture(scope="module")
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture(scope="module")
def address(upstream: Upstream) -> Iterator[str]:
    models: dict[str, dict[str, Any]] = {
        "retry*": {"retry": True}, "loop*": {"stop_loops": True}, "auto*": {"dialect": "auto"},
        "promote*": {"promote": {"*": {"quoted", "leaked"}}},
    }  # fmt: skip
    with proxied(upstream, models, **DEFAULTS) as url:
        yield url


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Any]:
    http = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(api_key="secret", base_url=f"{address}/v1", max_retries=0, http_client=http) as found:
        yield found


@pytest.fixture(scope="module")
def claude(address: str) -> Iterator[Any]:
    http = anthropic.DefaultHttpxClient(trust_env=False)
    with anthropic.Anthropic(api_key="secret", base_url=address, max_retries=0, http_client=http) as found:
        yield found


def chat(client: Any, model: str, **more: Any) -> Any:
    """The answer of a stream, as the SDK accumulates it."""
    arguments = {"messages": USER, "tools": TOOLS, "stream_options": {"include_usage": True}, **more}
    with client.chat.completions.stream(model=model, **arguments) as events:
        return events.get_final_completion()


def message(claude: Any, model: str, **more: Any) -> Any:
    arguments = {"messages": USER, "tools": OWN_TOOLS, "max_tokens": 50, **more}
    with claude.messages.stream(model=model, **arguments) as events:
        return events.get_final_message()


def response(client: Any, model: str, **more: Any) -> Any:
    tools = [{"type": "function", **TOOL}]
    with client.responses.stream(model=model, **{"input": "x", "tools": tools, **more}) as events:
        return events.get_final_response()


def calls_of(found: Any, choice: int = 0) -> list[tuple[str, Any]]:
    calls = found.choices[choice].message.tool_calls or []
    return [(call.function.name, json.loads(call.function.arguments)) for call in calls]


def uses_of(found: Any) -> list[tuple[str, Any]]:
    return [(block.name, block.input) for block in found.content if block.type == "tool_use"]


def items_of(found: Any) -> list[tuple[str, Any]]:
    return [(item.name, json.loads(item.arguments)) for item in found.output if item.type == "function_call"]


def post(address: str, body: dict[str, Any], path: str = "/v1/chat/completions", **more: Any) -> httpx2.Response:
    return httpx2.post(address + path, json=body, trust_env=False, **more)


def raw_stream(address: str, model: str, **more: Any) -> list[Any]:
    """The events of a stream, as they are."""
    body = {"model": model, "messages": USER, "tools": TOOLS, "stream": True, **more}
    text = post(address, body).text
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    return [json.loads(line) if line != "[DONE]" else line for line in lines]


BYTES = b"".join(stream())
GOOD: dict[str, list[Any]] = {
    "whole": [BYTES],
    "chunks": stream(),
    "bytes": [BYTES[i : i + 1] for i in range(len(BYTES))],
    "crlf": [BYTES.replace(b"\n", b"\r\n")],
    "crlf-bytes": [bytes([byte]) for byte in b"\xef\xbb\xbf" + BYTES.replace(b"\n", b"\r\n")],
    "cr": [BYTES.replace(b"\n", b"\r")],
    "comments": [b": ping\n\n", BYTES.replace(b"data: ", b"id: 1\nretry: 5\ndata:"), b": end\n\n"],
    "no-done": [BYTES.removesuffix(DONE)],
    "roles": [line.replace(b'"delta": {', b'"delta": {"role": "assistant", ').replace(b'"assistant", }', b'"assistant"}') for line in stream()],
    "no-object": [line.replace(b'"object": "chat.completion.chunk", ', b"") for line in stream()],
    "empty-calls": [line.replace(b'"delta": {"content"', b'"delta": {"tool_calls": [], "content"') for line in stream()],
    "finish-with-text": [*(event(chunk({"content": part})) for part in (LEAK[:20], LEAK[20:30])), event(chunk({"content": LEAK[30:]}, "stop")), DONE],
    "one-chunk": [event(chunk({"role": "assistant", "content": LEAK}, "stop")), DONE],
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_a_leaked_call_is_a_call_however_it_comes(case: str, upstream: Upstream, client: Any, claude: Any) -> None:
    upstream.answers[case] = GOOD[case]
    found = chat(client, case)
    assert calls_of(found) == [("now", ARGUMENTS)]
    assert (found.choices[0].message.content, found.choices[0].finish_reason) == ("Hi.\n", "tool_calls")
    assert found.choices[0].message.role == "assistant"
    if case not in ("finish-with-text", "one-chunk"):
        assert found.usage.total_tokens == 7
    told = message(claude, case)
    assert (uses_of(told), told.content[0].text, told.stop_reason) == ([("now", ARGUMENTS)], "Hi.\n", "tool_use")
    answer = response(client, case)
    assert (items_of(answer), answer.output_text, answer.status) == ([("now", ARGUMENTS)], "Hi.\n", "completed")


def test_u_2028_is_a_character(upstream: Upstream, client: Any, claude: Any) -> None:
    text = LEAK.replace('a\\"b', "é😀\u2028\x85z")
    upstream.answers["u2028"] = stream(text, ascii=False)
    assert calls_of(chat(client, "u2028")) == uses_of(message(claude, "u2028")) == [("now", {"tz": "é😀\u2028\x85z"})]


HALF = stream()[: len(stream()) // 2]
BAD: dict[str, Any] = {
    "dies": [*HALF, "die"],
    "dies-at-once": ["die"],
    "ends": HALF,
    "ends-at-once": [],
    "only-done": [DONE],
    "done-without-finish": [*HALF, DONE],
    "stalls": [*HALF, 5.0],
    "bad-json": [*HALF, b"data: {oops\n\n", *stream()[len(HALF) :]],
    "not-an-object": [*HALF, b"data: [1]\n\n", DONE],
    "not-utf-8": [*HALF, b'data: {"x": "\xff"}\n\n', DONE],
    "wrong-types": [*HALF, event({"choices": [{"index": 0, "delta": {"content": 7}}]}), DONE],
    "wrong-calls": [*HALF, event({"choices": [{"index": 0, "delta": {"tool_calls": [3]}}]}), DONE],
    "wrong-choice": [*HALF, event({"choices": ["x"]}), DONE],
    "too-long": [*HALF, b"data: " + b"x" * 60_000],
    "error-object": [*HALF, event({"error": {"message": "cuda oom", "code": 500}})],
    "error-event": [*HALF, b'event: error\ndata: {"message": "cuda oom"}\n\n'],
    "error-field": [*HALF, b'error: {"code": 500, "message": "cuda oom"}\n\n'],
    "500": {"status": 500, "json": {"error": {"message": "cuda oom", "code": 500}}},
    "no-stream": {"json": whole({"content": LEAK})},
    "html": {"type": b"text/html", "steps": [b"<html>"]},
}


@pytest.mark.parametrize("case", BAD)
def test_trap_12_what_broke_off_is_never_a_success(case: str, upstream: Upstream, client: Any, claude: Any) -> None:
    upstream.answers[case] = BAD[case]
    for ask, library in ((chat, openai), (response, openai), (message, anthropic)):
        with pytest.raises((library.APIError, httpx2.HTTPError, RuntimeError)) as raised:
            ask(claude if ask is message else client, case)
        assert not isinstance(raised.value, (TypeError, AttributeError)), ask
        if case.startswith("error") or case == "500":
            assert "cuda oom" in str(raised.value), ask


CUT: dict[str, list[Any]] = {
    "cut": stream(LEAK[:-30], finish="length"),
    "cut-said-stop": stream(LEAK[:-30], finish="stop"),
    "cut-said-calls": stream(LEAK[:-30], finish="tool_calls"),
    "native-cut": [event(chunk(native(0, "now", '{"tz": "a', "n1"))), event(chunk({}, "length")), DONE],
    "native-cut-said-calls": [event(chunk(native(0, "now", '{"tz": "a', "n1"))), event(chunk({}, "tool_calls")), DONE],
}


@pytest.mark.parametrize("case", CUT)
def test_trap_11_and_17_an_incomplete_call_is_cut_whatever_the_server_says(
    case: str, upstream: Upstream, client: Any, claude: Any
) -> None:
    upstream.answers[case] = CUT[case]
    with pytest.raises(openai.LengthFinishReasonError):
        chat(client, case)
    told = message(claude, case)
    assert (uses_of(told), told.stop_reason) == ([], "max_tokens")
    with pytest.raises(RuntimeError):  # trap 22: `response.incomplete` instead of `response.completed`
        response(client, case)


def test_trap_2_native_and_leaked_calls_share_one_numbering(upstream: Upstream, client: Any, claude: Any) -> None:
    upstream.answers["mixed"] = [
        event(chunk({"role": "assistant", "content": "A" + LEAK})), event(chunk(native(0, "now", "{", "n1"))),
        event(chunk(native(0, None, '"tz": "x"}'))), event(chunk({"content": CALL})),
        event(chunk(native(1, "now", "", "n2"))), event(chunk({"content": "bye"})), event(chunk({}, "tool_calls")), DONE,
    ]  # fmt: skip
    wanted = [("now", ARGUMENTS), ("now", {"tz": "x"}), ("now", ARGUMENTS), ("now", {})]
    assert sorted(map(str, calls_of(chat(client, "mixed")))) == sorted(map(str, wanted))
    assert sorted(map(str, uses_of(message(claude, "mixed")))) == sorted(map(str, wanted))
    assert sorted(map(str, items_of(response(client, "mixed")))) == sorted(map(str, wanted))
    ids = [call.id for call in chat(client, "mixed").choices[0].message.tool_calls]
    assert len(set(ids)) == 4 and {"n1", "n2"} < set(ids)


def test_trap_1_names_and_ids_that_are_repeated_come_once(upstream: Upstream, client: Any) -> None:
    parts = ["{", '"tz": ', '"x"}']
    upstream.answers["repeats"] = [
        *(event(chunk({"role": "assistant", **native(0, "now", part, "n1")})) for part in parts),
        event(chunk({}, "tool_calls")), DONE,
    ]  # fmt: skip
    (call,) = chat(client, "repeats").choices[0].message.tool_calls
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == ("n1", "now", {"tz": "x"})


def test_trap_2_calls_without_an_index_are_numbered(upstream: Upstream, client: Any) -> None:
    calls = [native(None, "now", '{"tz": "x"}', "n1"), native(None, "now", {"tz": "y"}, "n2")]  # type: ignore[arg-type]
    upstream.answers["ollama"] = [*(event(chunk(call)) for call in calls), event(chunk({}, "stop")), DONE]
    assert calls_of(chat(client, "ollama")) == [("now", {"tz": "x"}), ("now", {"tz": "y"})]


def test_trap_3_4_6_7_9_the_stream_is_one_that_the_sdk_reads(upstream: Upstream, address: str) -> None:
    upstream.answers["strict"] = [
        event(chunk({"role": "assistant", "content": "<tool_call>\n"})),
        event(chunk({"content": '{"name": "now", "arguments": {}}\n</tool_call>', "tool_calls": []}, "stop", usage=USAGE)),
        event({**chunk(), "choices": [], "usage": USAGE}), event(chunk({"content": ""})), DONE,
    ]  # fmt: skip
    chunks = raw_stream(address, "strict", stream_options={"include_usage": True})
    assert chunks[-1] == "[DONE]" and chunks[-2]["choices"] == [] and chunks[-2]["usage"] == USAGE
    assert all(each["object"] == "chat.completion.chunk" for each in chunks[:-1])
    last = chunks[-3]["choices"][0]
    assert (last["delta"], last["finish_reason"]) == ({}, "tool_calls")
    deltas = [each["choices"][0]["delta"] for each in chunks[:-2]]
    assert [delta["role"] for delta in deltas if "role" in delta] == ["assistant"]
    assert all(delta.get("tool_calls", True) for delta in deltas)
    assert "".join(call["function"]["arguments"] for delta in deltas for call in delta.get("tool_calls", ())) == "{}"


def test_trap_5_a_strict_tool_can_be_read_at_every_chunk(upstream: Upstream, client: Any) -> None:
    value = 'a"b\\ \n\t\x01\x7f } {\u2028 é'
    text = "<tool_call>\n" + json.dumps({"name": "now", "arguments": {"tz": value}}) + "\n</tool_call>"
    upstream.answers["strict-tool"] = stream(text)
    schema = {**TOOL["parameters"], "required": ["tz"], "additionalProperties": False}
    tools = [{"type": "function", "function": {"name": "now", "strict": True, "parameters": schema}}]
    (call,) = chat(client, "strict-tool", tools=tools).choices[0].message.tool_calls
    assert call.function.parsed_arguments == {"tz": value}


def test_trap_16_and_18_events_of_messages_are_named_and_blocks_follow_each_other(
    upstream: Upstream, address: str
) -> None:
    upstream.answers["named"] = [event(chunk({"reasoning_content": "hm"})), *stream()]
    body = {"model": "named", "messages": USER, "max_tokens": 5, "tools": OWN_TOOLS, "stream": True}
    text = post(address, body, "/v1/messages").text
    events = [json.loads(part.partition("data: ")[2]) for part in text.split("\n\n") if "data: " in part]
    assert (
        text.count("event: ") == len(events)
        and events[0]["type"] == "message_start"
        and events[-1]["type"] == "message_stop"
    )
    assert events[0]["message"]["usage"] and events[-2]["usage"]
    begun = [each["index"] for each in events if each["type"] == "content_block_start"]
    assert begun == [each["index"] for each in events if each["type"] == "content_block_stop"] == [0, 1, 2]


def test_trap_20_and_21_items_of_responses_keep_what_they_are(upstream: Upstream, address: str) -> None:
    upstream.answers["items"] = [
        event(chunk({"reasoning": "hm"})),
        *stream(),
    ]
    body = {"model": "items", "input": "x", "tools": [{"type": "function", **TOOL}], "stream": True}
    text = post(address, body, "/v1/responses").text
    events = [json.loads(part.partition("data: ")[2]) for part in text.split("\n\n") if "data: " in part]
    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    added, done = (
        [each["item"] for each in events if each["type"] == f"response.output_item.{end}"] for end in ("added", "done")
    )
    assert (
        [item["id"] for item in added]
        == [item["id"] for item in done]
        == [item["id"] for item in events[-1]["response"]["output"]]
    )
    assert [item["type"] for item in done] == ["reasoning", "message", "function_call"]
    assert any(each["type"] == "response.content_part.added" and each["output_index"] == 0 for each in events)


def test_trap_7_usage_comes_only_if_the_client_asked(upstream: Upstream, address: str) -> None:
    upstream.answers["free"] = [event(chunk({"content": "x"})), event(chunk({}, "stop", usage=USAGE)), DONE]
    assert raw_stream(address, "free", stream_options={"include_usage": True})[-2]["usage"] == USAGE
    assert raw_stream(address, "free")[-2]["choices"][0]["finish_reason"] == "stop"


def test_trap_8_choices_begin_in_order(upstream: Upstream, client: Any, address: str) -> None:
    texts = [LEAK, "plain", CALL]
    upstream.answers["n3"] = [
        *(event(chunk({"content": texts[i][j]}, index=i)) for j in range(80) for i in (2, 0, 1) if j < len(texts[i])),
        *(event(chunk({}, "stop", index=i)) for i in (1, 2, 0)), DONE,
    ]  # fmt: skip
    assert [each["choices"][0]["index"] for each in raw_stream(address, "n3")[:3]] == [0, 1, 2]
    found = chat(client, "n3", n=3)
    assert [calls_of(found, i) for i in range(3)] == [[("now", ARGUMENTS)], [], [("now", ARGUMENTS)]]
    assert [each.finish_reason for each in found.choices] == ["tool_calls", "stop", "tool_calls"]


def test_trap_10_text_behind_a_call_is_kept(upstream: Upstream, client: Any, claude: Any) -> None:
    upstream.answers["behind"] = stream(LEAK + "\nBye.")
    found = chat(client, "behind")
    assert "Bye." in found.choices[0].message.content and calls_of(found) == [("now", ARGUMENTS)]
    assert [block.type for block in message(claude, "behind").content] == ["text", "tool_use", "text"]


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_trap_13_reasoning_keeps_its_name_and_goes_back_under_it(
    key: str, upstream: Upstream, client: Any, claude: Any, address: str
) -> None:
    model = f"thinks-{key}"
    upstream.answers[model] = [event(chunk({key: "hm"})), *stream()]
    deltas = [each["choices"][0]["delta"] for each in raw_stream(address, model)[:-2]]
    assert "".join(delta.get(key, "") for delta in deltas) == "hm" and calls_of(chat(client, model))
    told = message(claude, model)
    assert told.content[0].thinking == "hm"
    history = [*USER, {"role": "assistant", "content": [block.to_dict() for block in told.content]}]
    result = {"type": "tool_result", "tool_use_id": told.content[-1].id, "content": "noon"}
    message(claude, model, messages=[*history, {"role": "user", "content": [result]}])
    said = upstream.seen[-1]["body"]["messages"]
    assert said[1][key] == "hm" and len({"reasoning", "reasoning_content"} & said[1].keys()) == 1
    assert said[1]["content"] == "Hi.\n" and said[2]["tool_call_id"] == said[1]["tool_calls"][0]["id"]


def test_trap_14_translated_history_has_no_null(upstream: Upstream, claude: Any) -> None:
    upstream.answers["null"] = stream("ok")
    use = {"type": "tool_use", "id": "t1", "name": "now", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1"}
    history = [*USER, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    message(claude, "null", messages=history)
    assert [said["content"] for said in upstream.seen[-1]["body"]["messages"]] == ["x", "", ""]


def test_trap_15_what_only_the_server_knows_of_a_call_is_kept(upstream: Upstream, client: Any) -> None:
    extra = {"google": {"thought_signature": "c2ln"}}
    parts = [native(0, "now", '{"tz"', "n1", extra_content=extra), native(0, None, ': "x"}')]
    upstream.answers["signed"] = [*(event(chunk(part)) for part in parts), event(chunk({}, "stop")), DONE]
    found = chat(client, "signed")
    assert found.choices[0].message.tool_calls[0].extra_content == extra and calls_of(found) == [("now", {"tz": "x"})]


def test_trap_17_input_streams_only_where_the_tool_asks_for_it(upstream: Upstream, claude: Any) -> None:
    parts = stream()
    upstream.answers["eager"] = [*parts[:-15], 0.1, *parts[-15:]]
    for eager, least in ((True, 2), (False, 1)):
        tools = [{**OWN_TOOLS[0], "eager_input_streaming": eager}]
        with claude.messages.stream(model="eager", max_tokens=5, messages=USER, tools=tools) as events:
            count = sum(each.type == "input_json" for each in events)
        assert count >= least and (eager or count == 1)


def test_trap_19_ids_differ_over_the_conversation_and_come_back(upstream: Upstream, claude: Any, client: Any) -> None:
    upstream.answers["kimi"] = [event(chunk(native(0, "now", "{}", "functions.now:0"))), event(chunk({}, "stop")), DONE]
    history: list[Any] = list(USER)
    ids = []
    for _ in range(2):
        (use,) = message(claude, "kimi", messages=history).content
        ids.append(use.id)
        history += [{"role": "assistant", "content": [use.to_dict()]}]
        history += [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "x"}]}]
    message(claude, "kimi", messages=history)
    assert len(set(ids)) == 2 and all(id.replace("_", "").replace("-", "").isalnum() for id in ids)
    said = upstream.seen[-1]["body"]["messages"]
    assert [m["tool_calls"][0]["id"] for m in said if "tool_calls" in m] == ["functions.now:0"] * 2
    upstream.answers["short"] = stream()
    first = chat(client, "short").choices[0].message
    again = chat(client, "short", messages=[*USER, first.to_dict()]).choices[0].message
    assert [first.tool_calls[0].id, again.tool_calls[0].id] == ["call00000", "call00001"]


def test_trap_22_a_length_cut_is_incomplete_in_responses(upstream: Upstream, address: str) -> None:
    upstream.answers["long"] = stream("some text", finish="length")
    body = {"model": "long", "input": "x", "stream": True, "tools": [{"type": "function", **TOOL}]}
    assert '"type":"response.incomplete"' in post(address, body, "/v1/responses").text.replace(": ", ":")


def test_whole_answers_are_repaired_too(upstream: Upstream, client: Any, claude: Any) -> None:
    both = {
        "content": LEAK,
        "tool_calls": [{"id": "n1", "type": "function", "function": {"name": "now", "arguments": ""}}],
    }
    upstream.answers["whole-one"] = {"json": whole(both)}
    arguments: dict[str, Any] = {"model": "whole-one", "messages": USER, "tools": TOOLS}
    found = client.chat.completions.create(**arguments)
    assert calls_of(found) == [("now", ARGUMENTS), ("now", {})]
    assert (found.choices[0].message.content, found.choices[0].finish_reason, found.usage.total_tokens) == (
        "Hi.\n",
        "tool_calls",
        7,
    )
    told = claude.messages.create(model="whole-one", max_tokens=5, messages=USER, tools=OWN_TOOLS)
    assert uses_of(told) == [("now", ARGUMENTS), ("now", {})] and told.stop_reason == "tool_use"
    answer = client.responses.create(model="whole-one", input="x", tools=[{"type": "function", **TOOL}])
    assert items_of(answer) == [("now", ARGUMENTS), ("now", {})] and answer.output_text == "Hi.\n"
    upstream.answers["whole-one"] = {"json": whole({"content": LEAK[:-30]})}
    assert client.chat.completions.create(**arguments).choices[0].finish_reason == "length"
    for wrong in ([], {"choices": []}, {"choices": [{"message": 3}]}, {"error": {"message": "x"}}):
        upstream.answers["whole-one"] = {"json": wrong}
        with pytest.raises(openai.APIStatusError) as raised:
            client.chat.completions.create(**arguments)
        assert raised.value.status_code == 502
    upstream.answers["whole-one"] = {"type": b"text/event-stream", "steps": stream()}
    with pytest.raises(openai.APIStatusError):
        client.chat.completions.create(**arguments)


def test_an_answer_without_leaks_goes_out_as_it_came(upstream: Upstream, address: str) -> None:
    answer = whole({"content": "a <b> c", "custom": 1}) | {"timings": {"x": 1}}
    upstream.answers["clean"] = {"json": answer}
    body = {"model": "clean", "messages": USER, "tools": TOOLS, "odd": [1]}
    raw = json.dumps(body, indent=3).encode()
    found = httpx2.post(f"{address}/v1/chat/completions", content=raw, trust_env=False)
    assert found.json() == answer and upstream.seen[-1]["raw"] == raw


@pytest.mark.parametrize("more", [{}, {"tools": []}, {"tools": TOOLS, "tool_choice": "none"}])
def test_without_tools_nothing_is_touched(more: dict[str, Any], upstream: Upstream, address: str) -> None:
    upstream.answers["untouched"] = stream()
    text = post(address, {"model": "untouched", "messages": USER, "stream": True, **more}).content
    assert text == BYTES
    upstream.answers["untouched"] = {"json": whole({"content": LEAK})}
    assert post(address, {"model": "untouched", "messages": USER, **more}).json() == whole({"content": LEAK})


def test_text_goes_out_as_it_came(upstream: Upstream, address: str) -> None:
    parts = [
        chunk({"content": part}, logprobs=None, system_fingerprint="b1", odd=i) for i, part in enumerate("some text")
    ]
    upstream.answers["plain"] = [
        event(chunk({"role": "assistant"})),
        *map(event, parts),
        event(chunk({}, "stop", timings={"x": 1})),
        DONE,
    ]
    found = raw_stream(address, "plain")
    assert found[1:-2] == parts and found[-2]["timings"] == {"x": 1}


def test_calls_are_promoted_where_the_settings_say_so(upstream: Upstream, client: Any) -> None:
    quoted = f"See:\n```\n{CALL}\n```\n"
    upstream.answers["promote"] = upstream.answers["not"] = stream(quoted)
    assert calls_of(chat(client, "promote")) == [("now", ARGUMENTS)] and calls_of(chat(client, "not")) == []


def test_the_dialect_may_be_found(upstream: Upstream, client: Any) -> None:
    text = "<tool_call>\n<function=now>\n<parameter=tz>\nx\n</parameter>\n</function>\n</tool_call>"
    upstream.answers["auto"] = stream(text)
    assert calls_of(chat(client, "auto")) == [("now", {"tz": "x"})]
