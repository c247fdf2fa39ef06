"""Chat Completions: the writer's chunks in the official client, and the traps of this API by their numbers.

Where a trap says what a client does with other chunks, the client is shown those too: if it changes, the writer may.
"""

from __future__ import annotations

import json
from typing import Any

import clients
import pytest
from clients import EVERY, USAGE, Same, Streamed, chunked, openai, spells, stream, streamed
from effort import rounds

import wireproto as wp
from wireproto.adapters import ChatWriter, Ids, NativeDelta, Numbering, Usage, chat_choice, chat_completion, wire_id

TOOLS = [
    {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "integer"}}}},
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
]
STRICT: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": tool["name"],
            "strict": True,
            "parameters": {**tool["parameters"], "additionalProperties": False},  # type: ignore[dict-item]
        },
    }
    for tool in TOOLS
]
F = '<tool_call>\n{"name": "f", "arguments": {"a": "é\\u0007\\n\\"x", "n": 2}}\n</tool_call>'
NOW = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'


def writer(**given: Any) -> ChatWriter:
    return ChatWriter("chatcmpl-1", "m", 1, **given)


def case_of(text: str, **given: Any) -> dict[str, Any]:
    return {"dialect": "hermes", "tools": TOOLS, "text": text, **given}


def deltas(body: str) -> list[dict[str, Any]]:
    """Return the deltas of a stream."""
    chunks = [json.loads(line[6:]) for line in body.split("\n\n") if line.startswith("data: {")]
    return [choice["delta"] for chunk in chunks for choice in chunk.get("choices", ())]


def judge(made: Streamed, strict: bool = False) -> list[str]:
    """Hold what the client reads to what was decoded; an answer that was cut raises."""
    if len(made.complete) < len(made.calls) or '"finish_reason":"length"' in made.body:
        with pytest.raises(openai.LengthFinishReasonError):
            clients.chat(made.body)
        return []
    read = clients.chat(made.body, **({"tools": STRICT} if strict else {}))
    (choice,) = read.answer.choices
    calls, message = choice.message.tool_calls or [], made.message
    assert (choice.message.content or "") == message.text
    assert getattr(choice.message, "reasoning_content", "") == message.reasoning
    assert [(call.function.name, call.type, call.index) for call in calls] == [
        (call.name, "function", index) for index, call in enumerate(made.calls)
    ]
    for call, made_call in zip(calls, made.calls, strict=True):
        assert spells(call.function.arguments, made_call.arguments)
    assert len({call.id for call in calls}) == len(calls)
    assert choice.finish_reason in (("tool_calls",) if calls else ("stop", "content_filter"))
    assert read.answer.usage.total_tokens == 12 and choice.message.role == "assistant"
    assert read.kinds.count("tool_calls.function.arguments.done") == len(calls)
    return read.kinds


def test_every_fixture_in_the_client() -> None:
    for case, step in chunked(0):
        judge(streamed(case, step, writer()))


class Fed(ChatWriter):
    """Writes each chunk as `feed` returns it."""

    def lines(self, events: Any) -> str:
        return self.sse(self.feed(events))


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_lines_are_what_feed_returns(step: int) -> None:
    for case in EVERY[::40]:
        once = [streamed(case, step, it) for it in (writer(ids=Same()), Fed("chatcmpl-1", "m", 1, ids=Same()))]
        assert once[0].body == once[1].body


@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_strict_tools_are_parsed_at_every_chunk(step: int) -> None:
    """Traps 4 and 5: with strict tools the client parses each prefix."""
    judge(streamed(case_of(f"Hi\n{F}\n{NOW}"), step, writer()), strict=True)


def test_one_chunk_for_a_feed_and_call() -> None:
    found = deltas(streamed(case_of(f"Hi\n{F}\n{NOW}"), 10_000, writer()).body)
    assert [[*delta] for delta in found] == [["role", "content"], ["content"], ["tool_calls"], ["tool_calls"], []]


def test_trap_1_what_clients_join_is_sent_once() -> None:
    made = streamed(case_of(f"{F}{F}"), 1, writer())
    found = [call for delta in deltas(made.body) for call in delta.get("tool_calls", ())]
    assert sum("role" in delta for delta in deltas(made.body)) == 1
    for index in (0, 1):
        mine = [call for call in found if call["index"] == index]
        assert [("id" in call, "name" in call["function"], "type" in call) for call in mine] == [
            (True, True, True),
            *[(False, False, False)] * (len(mine) - 1),
        ]
    role = {"role": "assistant", "content": None}
    twice = [chunk(role), chunk(role), chunk({"content": "x"}), chunk({}, "stop")]
    assert clients.chat(stream(twice)).answer.choices[0].message.role == "assistantassistant"


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish}],
    }


def test_trap_1_what_a_server_repeats_is_sent_once() -> None:
    it = writer()
    chunks = it.open()
    for text in ('{"a": ', '"x"}'):
        chunks += it.feed([NativeDelta(0, text, name="f", id="call_1")])
    chunks += it.close("tool_calls", USAGE)
    (call,) = clients.chat(it.sse(chunks) + it.done).answer.choices[0].message.tool_calls
    assert (call.id, call.function.name, call.function.arguments) == ("call_1", "f", '{"a": "x"}')


def test_trap_2_native_and_decoded_calls_share_one_numbering() -> None:
    it, decoder = writer(), wp.Decoder("hermes", TOOLS)
    chunks = it.feed([*decoder.feed(f"Hi {NOW} and <tool"), *decoder.flush()])
    chunks += it.feed([NativeDelta(0, "", name="f", id="n1"), NativeDelta(3, "{}", name="now", id="n2")])
    chunks += it.feed([NativeDelta(0, '{"a": "x"}')])
    chunks += it.feed([*decoder.feed(F), *decoder.close("stop")]) + it.close("stop", USAGE)
    read = clients.chat(it.sse(chunks) + it.done)
    calls = read.answer.choices[0].message.tool_calls
    assert [(call.index, call.function.name) for call in calls] == [(0, "now"), (1, "f"), (2, "now"), (3, "f")]
    assert [json.loads(call.function.arguments) for call in calls][1:] == [{"a": "x"}, {}, {"a": 'é\x07\n"x', "n": 2}]
    assert it.ending.calls == 4 and read.answer.choices[0].message.content == "Hi  and <tool"
    begun = {"index": 1, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    with pytest.raises(IndexError):
        clients.chat(stream([chunk({"role": "assistant"}), chunk({"tool_calls": [begun]}), chunk({}, "tool_calls")]))


def test_trap_2_a_numbering_is_shared() -> None:
    numbers = Numbering()
    assert [numbers.of("a"), numbers.next(), numbers.of("b"), numbers.of("a")] == [0, 1, 2, 0]
    found = deltas(streamed(case_of(NOW), 10_000, writer(numbers=numbers)).body)
    assert found[1]["tool_calls"][0]["index"] == 3


def test_trap_3_the_finish_reason_comes_alone() -> None:
    body = streamed(case_of(F), 10_000, writer()).body
    chunks = [json.loads(line[6:]) for line in body.split("\n\n") if line.startswith("data: {")]
    finished = [each["choices"][0] for each in chunks if each["choices"] and each["choices"][0]["finish_reason"]]
    assert [(choice["delta"], choice["finish_reason"]) for choice in finished] == [({}, "tool_calls")]
    begun = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    together = stream([chunk({"role": "assistant"}), chunk({"tool_calls": [begun]}, "tool_calls")])
    assert "tool_calls.function.arguments.done" not in clients.chat(together).kinds


@pytest.mark.parametrize("native", [False, True])
def test_trap_4_a_call_without_arguments_sends_an_object(native: bool) -> None:
    it = writer()
    if native:
        chunks = it.feed([NativeDelta(0, name="now", id="a")]) + it.close("tool_calls", USAGE)
        body = it.sse(chunks) + it.done
    else:
        body = streamed(case_of(NOW), 1, it).body
    (call,) = clients.chat(body, tools=STRICT).answer.choices[0].message.tool_calls
    assert call.function.arguments == "{}"


def test_trap_5_lines_are_ascii_and_cannot_be_split() -> None:
    body = streamed(case_of("a\u2028b\x85c\ud83d\r" + F.replace("é", "é\u2028")), 1, writer()).body
    assert body.isascii() and all(line.startswith("data: ") for line in body.splitlines() if line)


def test_trap_6_a_delta_of_text_has_no_calls() -> None:
    found = deltas(streamed(case_of(f"<think>hm</think>Hi {F} bye"), 1, writer()).body)
    assert all(delta["tool_calls"] for delta in found if "tool_calls" in delta)
    assert not any("tool_calls" in delta for delta in found if "content" in delta or "reasoning_content" in delta)


def test_trap_7_usage_comes_last_and_only_if_it_is_given() -> None:
    made = streamed(case_of(F), 5, writer())
    last = json.loads(made.body.split("\n\n")[-3][6:])
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 12)
    assert "usage" not in streamed(case_of(F), 5, writer(), usage=None).body
    assert writer().usage({"prompt_tokens": 1})["usage"] == {"prompt_tokens": 1}


def test_trap_8_all_choices_begin_before_one_goes_on() -> None:
    both = [writer(choice=0), writer(choice=1)]
    chunks = [each for it in both for each in it.open()]
    for it, text in reversed([*zip(both, ("a", "b"), strict=True)]):
        chunks += it.feed([wp.TextDelta(text)])
    chunks += [each for it in both for each in it.close("stop")] + [both[0].usage(USAGE)]
    read = clients.chat(both[0].sse(chunks) + both[0].done)
    assert [choice.message.content for choice in read.answer.choices] == ["a", "b"]
    assert read.answer.usage.prompt_tokens == 5 and both[0].open() == []


def test_trap_9_every_chunk_says_what_it_is() -> None:
    body = streamed(case_of(f"Hi {F}"), 3, writer()).body
    assert body.count('"object":"chat.completion.chunk"') == body.count("data: {")


def test_trap_10_text_behind_a_call_is_kept_and_its_order_lost() -> None:
    made = streamed(case_of(f"a {NOW} b"), 1, writer())
    assert clients.chat(made.body).answer.choices[0].message.content == "a  b"
    policy = {"promote": {"*": {"leaked", "quoted", "draft", "foreign"}}}
    made = streamed(case_of(f"```\n{NOW}\n```\nThat was it.", policy=policy), 1, writer())
    answer = clients.chat(made.body).answer.choices[0]
    assert answer.message.content == made.message.text and len(answer.message.tool_calls) == 1
    assert [[*delta] for delta in deltas(made.body)][-2:] == [["tool_calls"], []]


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "length", "content_filter", "abort", "what"])
def test_trap_11_half_a_call_is_a_cut_whatever_the_server_says(reason: str) -> None:
    made = streamed(case_of(F[:50], finish_reason=reason), 3, writer())
    assert '"finish_reason":"length"' in made.body
    judge(made)
    half = "".join(call["function"]["arguments"] for delta in deltas(made.body) for call in delta.get("tool_calls", ()))
    with pytest.raises(ValueError, match=r"."):
        json.loads(half)
    native = writer()
    native.feed([NativeDelta(0, '{"a": "x', name="f", id="a")])
    assert native.close(reason)[0]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("native", ["", '{"a": NaN}', '{"a": 1} x', "[1]", '{"a": "x'])
def test_trap_11_native_arguments_that_no_client_reads_are_a_cut(native: str) -> None:
    it = writer()
    it.feed([NativeDelta(0, native, name="f", id="a")])
    assert it.close("length" if not native else "stop")[-1]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", "stop"),
        (None, "stop"),
        ("tool_calls", "stop"),
        ("end_turn", "stop"),
        ("MAX_TOKENS", "length"),
        ("refusal", "content_filter"),
        ("SAFETY", "content_filter"),
        ("gibberish", "length"),
    ],
)
def test_trap_11_the_words_of_every_server(reason: str | None, expected: str) -> None:
    it = writer()
    it.feed([wp.TextDelta("Hi")])
    assert it.close(reason)[0]["choices"][0]["finish_reason"] == expected
    assert it.close(reason) == []
    with pytest.raises(wp.WireprotoError, match="new one"):
        it.feed([])


def test_trap_12_an_error_raises_in_the_client() -> None:
    it = writer()
    body = it.lines([wp.TextDelta("x")]) + it.sse(it.fail("the upstream died", "upstream"))
    with pytest.raises(openai.APIError, match="the upstream died"):
        clients.chat(body)
    assert it.close("stop") == []


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_trap_13_reasoning_has_one_key(key: Any) -> None:
    found = deltas(streamed(case_of("<think>hm</think>Hi"), 1, writer(reasoning=key)).body)
    assert "".join(delta.get(key, "") for delta in found) == "hm"
    assert {name for delta in found for name in delta} == {"role", "content", key}
    assert chat_choice(wp.Message("Hi", "hm"), reasoning=key)["message"][key] == "hm"


def test_trap_14_the_first_delta_has_content_null() -> None:
    assert writer().open()[0]["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert chat_choice(wp.Message("", calls=(wp.Call("f"),)))["message"]["content"] is None
    assert chat_choice(wp.Message("", ""))["message"]["content"] == ""


@pytest.mark.parametrize("step", [1, 10_000])
def test_trap_15_the_text_of_an_answer_survives_once(step: int) -> None:
    text = f"Hi.{F} \n{NOW}\n"
    made = streamed(case_of(text), step, writer(), own=True)
    calls = clients.chat(made.body).answer.choices[0].message.to_dict()["tool_calls"]
    assert [call.get("extra_content") for call in calls] == [None, {"wireproto": {"raw": text}}]
    assert made.body.count("extra_content") == 1
    whole = chat_choice(made.message, own=text)["message"]["tool_calls"]
    assert whole[1]["extra_content"] == calls[1]["extra_content"]


WIRE_IDS = ["functions.f:0", "a" * 65, "é", "", "wire_01234567_eA", "x y", "\ud83d"]


@pytest.mark.parametrize("wire", WIRE_IDS)
def test_trap_19_an_id_that_apis_refuse_is_carried(wire: str) -> None:
    ids = Ids(["taken_0"])
    given = [ids.give(wire) for _ in range(3)]
    assert len({*given}) == 3
    for each in given:
        assert set(each) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
        assert not wire or wire_id(each) == wire


def test_trap_19_an_id_that_apis_take_is_kept_once() -> None:
    ids = Ids(["AbCdEfGh1"])
    assert ids.give("AbCdEfGh2") == "AbCdEfGh2"
    again = [ids.give("AbCdEfGh1"), ids.give("AbCdEfGh2")]
    assert again != ["AbCdEfGh1", "AbCdEfGh2"] and [*map(wire_id, again)] == ["AbCdEfGh1", "AbCdEfGh2"]
    assert ids.give() != ids.give() and wire_id("wire_01234567_x") == "wire_01234567_x"


def test_a_server_that_gives_all_calls_one_index() -> None:
    it = writer()
    chunks = it.feed([NativeDelta(0, "{}", "f", "a"), NativeDelta(0, '{"a": "1"}', "f", "b")]) + it.close("stop")
    calls = clients.chat(it.sse(chunks) + it.done).answer.choices[0].message.tool_calls
    assert [(call.id, call.function.arguments) for call in calls] == [("a", "{}"), ("b", '{"a": "1"}')]


def test_a_native_call_waits_for_its_name() -> None:
    it = writer()
    assert [len(it.feed([each])) for each in (NativeDelta(0, "{"), NativeDelta(0, "}", "f"))] == [2 - 1, 1]
    assert it.close("stop")[0]["choices"][0]["finish_reason"] == "tool_calls"
    nameless = writer()
    nameless.feed([NativeDelta(0, "{}")])
    assert nameless.close("stop")[0]["choices"][0]["finish_reason"] == "length"


def test_other_deltas_pass() -> None:
    it = writer()
    body = it.sse([*it.delta({"refusal": "no"}), *it.close("stop")]) + it.done
    assert clients.chat(body).answer.choices[0].message.refusal == "no"


def test_whole_answers() -> None:
    for case in EVERY[:: rounds(5, 1)]:
        message = wp.parse(case["text"], case["dialect"], case["tools"])
        answer = chat_completion(message, "c", "m", 1, usage=USAGE)
        (choice,) = clients.whole("chat", answer).choices
        assert (choice.message.content or "") == message.text
        calls = choice.message.tool_calls or []
        assert [call.function.name for call in calls] == [call.name for call in message.calls]
        for call, made in zip(calls, message.calls, strict=True):
            if made.complete:
                assert spells(call.function.arguments, made.arguments)
            else:
                assert choice.finish_reason == "length" and not call.function.arguments.endswith("}")


@pytest.mark.parametrize("shape", ["chat", "responses", "messages"])
def test_usage_is_read_in_every_shape(shape: str) -> None:
    read = Usage.read(getattr(USAGE, shape)())
    assert read == (USAGE if shape != "messages" else Usage(5, 7, 2))
    assert Usage.read(None) == Usage()
