"""The model's own text of an answer: written where clients keep it, brought back by the official ones, and only then."""

from __future__ import annotations

import json
from typing import Any

import clients
import pytest
from clients import chunked, streamed
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto.adapters import (
    AnswerWriter,
    ChatWriter,
    MessagesWriter,
    ResponsesWriter,
    chat_choice,
    message_object,
    own_text,
    response_object,
)
from wireproto.adapters.history import Turn, from_anthropic, from_chat, from_responses, to_chat
from wireproto.adapters.replay import SIGNED, opened, own_text_field, sealed
from wireproto.values.finish_reasons import meaning

TOOLS = [{"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}]
CALL = '<tool_call>\n{"name":  "f", "arguments": {"a": "x"}}\n</tool_call>'


def parsed(text: str, dialect: str = "hermes", **more: Any) -> wp.Message:
    return wp.parse(text, dialect, TOOLS, **more)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (CALL, CALL),
        (f"Hi.\n{CALL}\n\n{CALL} \n", f"Hi.\n{CALL}\n\n{CALL} \n"),
        (f"<think>hm</think>\n\n{CALL}", CALL),
        (f"<think>hm</think>\n\nHi. {CALL}", f"\n\nHi. {CALL}"),
        (f"{CALL}\nbye", f"{CALL}\nbye"),
        (f"{CALL}<|im_end|>", CALL),
        (f"{CALL}\n<|im_end|>", f"{CALL}\n"),
        (f"{CALL}<think>hm</think>{CALL}", ""),
        ("Hi.", ""),
        (f"{CALL}{CALL[:-20]}", ""),
    ],
)
def test_it_begins_behind_reasoning(text: str, own: str) -> None:
    assert own_text(parsed(text), "hermes") == own


def test_sections_are_in_it_and_ends_of_turns_are_not() -> None:
    call = '<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{"a": "x"}<|tool_call_end|>'
    text = f"Hi.<|tool_calls_section_begin|>{call}<|tool_calls_section_end|>"
    for end in wp.dialect("kimi_k2").ends:
        assert own_text(parsed(text + end, "kimi_k2"), "kimi_k2") == text
    assert own_text(parsed(f"hm</think>{text}", "kimi_k2", reasoning_open=True)) == text
    assert own_text(wp.Message("Hi.", calls=(wp.Call("f"),))) == ""


SEALS = st.text(st.characters(), min_size=1)  # surrogates too


@given(SEALS)
def test_what_was_sealed_opens_and_looks_like_nobody_elses(text: str) -> None:
    seal = sealed(text)
    assert opened(seal) == text and seal.isascii() and seal.startswith("wireproto.raw.1.")


@given(SEALS, st.data())
def test_what_was_changed_does_not_open(text: str, data: st.DataObject) -> None:
    seal = sealed(text)
    at = data.draw(st.integers(0, len(seal) - 1))
    more = data.draw(st.text(max_size=3))
    changed = seal[:at] + more + seal[at + data.draw(st.integers(0, 3)) :]
    assert changed == seal or opened(changed) == ""


@given(st.text() | st.binary().map(lambda data: data.hex()) | st.text("abcXYZ019-_.=/+"))
def test_nothing_else_opens(text: str) -> None:
    assert opened(text) == "" and opened(f"wireproto.raw.1.{text}.{'0' * 32}") == ""


def test_it_is_bounded() -> None:
    most = 1 << 19
    assert opened(sealed("x" * most)) == "x" * most
    assert sealed("x" * (most + 1)) == "" and own_text_field("x" * (most + 1)) == {} and sealed("") == ""
    assert opened("wireproto.raw.1." + "A" * (8 * most) + "." + "0" * 32) == ""


def writers() -> list[AnswerWriter]:
    return [ChatWriter("c", "m", 0), ResponsesWriter("resp_1", "m", 0), MessagesWriter("msg_1", "m", eager={"f"})]


def brought_back(kind: str, answer: Any) -> Turn:
    """Return the turn that a client's own object is, sent back as it dumps it."""
    if kind == "chat":
        found = from_chat([answer.choices[0].message.to_dict()])
    elif kind == "responses":
        found = from_responses([item.to_dict() for item in answer.output])
    else:
        found = from_anthropic([{"role": "assistant", "content": [block.to_dict() for block in answer.content]}])
    (turn,) = json.loads(json.dumps(to_chat(found))) and found
    return turn


@pytest.mark.parametrize("client", range(3), ids=["chat", "responses", "messages"])
def test_official_clients_bring_it_back(client: int) -> None:
    kind, seen = ("chat", "responses", "messages")[client], 0
    for case, step in chunked(client):
        made = streamed(case, step, writers()[client], own=True)
        own = own_text(made.message, made.message.dialect or None)
        if meaning(case.get("finish_reason")) != "ended" and kind == "chat":
            continue  # the client raises
        if not own:
            assert "wireproto" not in made.body or "wireproto" in case["text"]
            continue
        turn, seen = brought_back(kind, getattr(clients, kind)(made.body).answer), seen + 1
        assert turn.own == own and len(turn.message.calls) == len(made.complete), case["id"]
        assert from_chat(to_chat([turn])) == [turn], case["id"]
    assert seen > 50


@pytest.mark.parametrize("kind", ["chat", "responses", "messages"])
def test_whole_answers_have_it_too(kind: str) -> None:
    text = f"<think>hm</think>Hi. {CALL}"
    message, own = parsed(text), f"Hi. {CALL}"
    answer: Any = {
        "chat": {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [chat_choice(message, own=own)]},
        "responses": response_object(message, "resp_1", "m", 0, own=own),
        "messages": message_object(message, "msg_1", "m", own=own),
    }[kind]  # fmt: skip
    turn = brought_back(kind, clients.whole(kind, answer))
    assert (turn.own, turn.message.text, turn.message.reasoning) == (own, "Hi. ", "hm")
    cut = parsed(text[:-20])
    assert "wireproto" not in json.dumps([chat_choice(cut, own=own), response_object(cut, "r", "m", 0, own=own), message_object(cut, "m", "m", own=own)])  # fmt: skip


@given(SEALS)
def test_a_thought_is_sealed_apart(text: str) -> None:
    seal = sealed(text, "thought")
    assert opened(seal, "thought") == text and opened(seal) == "" and opened(sealed(text), "thought") == ""


@pytest.mark.parametrize("reasoning", ["text", "summary"])
@pytest.mark.parametrize("whole", [False, True])
def test_a_client_that_keeps_encrypted_reasoning_alone_brings_thoughts_back(reasoning: Any, whole: bool) -> None:
    case = {"dialect": "hermes", "tools": TOOLS, "text": f"<think>hm \u00e9</think>Hi. {CALL}", "finish_reason": "stop"}
    if whole:
        message = response_object(parsed(case["text"]), "resp_1", "m", 0, reasoning=reasoning, encrypted=True)
        items = [item.to_dict() for item in clients.whole("responses", message).output]
    else:
        made = streamed(case, 3, ResponsesWriter("resp_1", "m", 0, reasoning=reasoning, encrypted=True))
        items = [item.to_dict() for item in clients.responses(made.body).answer.output]
    (turn,) = from_responses(items)
    assert turn.message.reasoning == "hm \u00e9" and turn.opaque == ()
    for item in items:
        if item["type"] == "reasoning":
            item.update(content=[], summary=[])
    (turn,) = from_responses(items)
    assert turn.message.reasoning == "hm \u00e9" and len(turn.message.calls) == 1
    for item in items:
        if item["type"] == "reasoning":
            item["encrypted_content"] += "0"
    assert from_responses(items)[0].message.reasoning == "" and from_responses(items)[0].opaque == ()
    plain = streamed(case, 3, ResponsesWriter("resp_1", "m", 0)).body
    assert "encrypted_content" not in plain


def test_trap_18_signatures_of_others_stay_what_they_are() -> None:
    signature = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds+/=="
    thought = {"type": "thinking", "thinking": "hm", "signature": signature}
    own = {"type": "thinking", "thinking": "", "signature": sealed("mine")}
    signed = {"type": "thinking", "thinking": "", "signature": SIGNED}
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    (turn,) = from_anthropic([{"role": "assistant", "content": [thought, signed, use, own]}])
    assert turn.opaque == ({"signature": signature},) and turn.own == "mine" and turn.message.reasoning == "hm"
    items = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAAB="},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": sealed("mine")},
    ]
    (turn,) = from_responses(items)
    assert turn.opaque == ({"id": "rs_1", "encrypted_content": "gAAAAAB="},) and turn.own == "mine"
