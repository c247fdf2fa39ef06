"""The public surface: what users hold, and what they are told when they hold it wrong."""

from __future__ import annotations

import asyncio
import doctest
import inspect
import json
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from wireproto import adapters, fuzz

TOOLS = [
    {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "content": {"type": "string"}, "mode": {"type": "integer"}},
            "required": ["path"],
        },
    }
]
PLAN = wp.DocumentType("plan", "xml", root="plan")
OUTPUT = """I will.
<plan><step></plan>
<tool_call>
{"name": "write_file", "arguments": {"path": "<plan/>", "size": 3}}
</tool_call>
`<tool_call>{"name": "write_file", "arguments": {"path": "b"}}</tool_call>`
"""


def test_every_span_has_a_start_and_an_end() -> None:
    message = wp.parse(OUTPUT, "hermes", tools=TOOLS, policy=wp.Policy(documents=[PLAN], nested="lift"))
    calls = [*message.calls, *message.candidates]
    documents = [*message.documents, *(document for call in calls for document in call.nested)]
    diagnoses = [*message.diagnoses, *(found for holder in (*calls, *documents) for found in holder.diagnoses)]
    spans = [holder.span for holder in (*calls, *documents, *message.segments, *diagnoses)]
    assert len(calls) == 2 and len(documents) == 3 and len(diagnoses) > 4
    assert all(isinstance(span, wp.Span) for span in [*spans, *(document.input_span for document in documents)])
    assert spans[0] == (spans[0].start, spans[0].end) and OUTPUT[slice(*spans[0])] == calls[0].raw


# --- the policy -------------------------------------------------------------------------------------------------------

WRONG: list[tuple[Any, str, Any, str]] = [
    (wp.Policy, "reasoning", "off", 'expected "read" or "none"'),
    (wp.Policy, "max_speculation", -1, "an integer from 0 or None, not -1"),
    (wp.Policy, "reasoning_calls", "sometimes", 'expected "terminal", "never" or "always"'),
    (wp.Policy, "reasoning_calls", None, "Policy.reasoning_calls"),
    (wp.Policy, "fenced_calls", True, 'expected "quote" or "call", not True'),
    (wp.Policy, "foreign", ["call"], 'expected "candidate", "call" or "text"'),
    (wp.Policy, "unknown_tools", "drop", 'expected "forward" or "text"'),
    (wp.Policy, "nested", "raise", 'expected "keep", "report" or "lift"'),
    (wp.Policy, "validate", True, 'expected "off", "note" or "defect", not True'),
    (wp.Policy, "decimals", "yes", "expected True or False"),
    (wp.Policy, "coerce", 1, "expected True or False, not 1"),
    (wp.Policy, "strict", "yes", "expected True or False"),
    (wp.Policy, "second_look", None, "expected True or False"),
    (wp.Policy, "documents", PLAN, "expected a list of wp.DocumentType"),
    (wp.Policy, "documents", "plan", "expected a list of wp.DocumentType"),
    (wp.Policy, "documents", [PLAN, "plan"], r"Policy.documents\[1\]: expected a wp.DocumentType, not 'plan'"),
    (wp.Policy, "promote", "leaked", "expected a dict of sets"),
    (wp.Policy, "promote", {"*": "leaked quoted"}, r'Policy.promote\[\'\*\'\].*write {"leaked", "quoted"}, not'),
    (wp.Policy, "promote", {"*": "never"}, r"write set\(\) for never"),
    (wp.Policy, "promote", {"*": {"leak"}}, '"leaked", "quoted", "draft" or "foreign"'),
    (wp.Policy, "promote", {"*": [[]]}, '"leaked", "quoted", "draft" or "foreign"'),
    (wp.Policy, "promote", {1: {"leaked"}}, "names of tools"),
    (wp.Policy, "limits", {"max_calls": 1}, r"wp.Limits\(max_calls=20\)"),
    (wp.Policy, "loops", None, r"wp.Loops\(max_repeated_calls=3\)"),
    (wp.Limits, "max_value_chars", -1, "an integer from 0 or None, not -1"),
    (wp.Limits, "max_calls", True, "an integer from 0 or None, not True"),
    (wp.Limits, "max_depth", 2.0, "an integer from 0 or None, not 2.0"),
    (wp.Loops, "max_repeated_calls", 1, "an integer from 2 or None, not 1"),
    (wp.Loops, "max_repeated_passages", 2, "an integer from 3 or None, not 2"),
    (wp.Loops, "max_period", None, "an integer from 1, not None"),
    (wp.Loops, "max_period", "9" * 200, "…"),
]


@pytest.mark.parametrize(("group", "field", "value", "said"), WRONG, ids=[f"{row[1]}={row[2]!r:.20}" for row in WRONG])
def test_a_wrong_policy_names_the_field_the_value_and_what_is_allowed(
    group: Any, field: str, value: Any, said: str
) -> None:
    with pytest.raises(wp.PolicyError, match=said) as caught:
        group(**{field: value})
    assert f"{group.__name__}.{field}" in str(caught.value) and isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("policy", [{"coerce": False}, {}, wp.Policy, wp.Limits(max_calls=1), "strict"])
def test_a_policy_is_a_policy(policy: Any) -> None:
    with pytest.raises(wp.PolicyError, match=r"policy: expected a wp\.Policy"):
        wp.parse("", "hermes", policy=policy)


@pytest.mark.parametrize("dialect", [None, Path("mine.toml"), 3, b"hermes"])
def test_a_dialect_is_a_name_or_a_dialect(dialect: Any) -> None:
    for use in (lambda: wp.parse("", dialect), lambda: wp.encode([], dialect), lambda: wp.classify("", dialect)):
        with pytest.raises(TypeError, match=r"Dialect\.load"):
            use()
    assert wp.dialect(wp.dialect("hermes")) is wp.dialect("hermes")


def test_every_field_of_a_policy_is_validated() -> None:
    for group in (wp.Policy, wp.Limits, wp.Loops):
        assert {row[1] for row in WRONG if row[0] is group} == {*group.__dataclass_fields__}


def test_a_policy_keeps_what_it_was_given() -> None:
    promote: dict[str, Any] = {"*": ["leaked", "quoted"], "f": set()}
    policy = wp.Policy(promote=promote, documents=[PLAN], limits=wp.Limits(max_calls=0))
    promote["*"].append("draft")
    assert policy.promote == {"*": {"leaked", "quoted"}, "f": set()} and policy.documents == (PLAN,)
    assert pickle.loads(pickle.dumps(wp.Policy(promote=promote))).promote["*"] == {"leaked", "quoted", "draft"}
    assert wp.Policy() == wp.Policy() and hash(wp.Policy()) == hash(wp.Policy())


def test_a_limit_that_was_passed_says_which() -> None:
    policy = wp.Policy(limits=wp.Limits(max_calls=0))
    with pytest.raises(wp.LimitExceeded, match=r"Limits\.max_calls") as caught:
        wp.parse(OUTPUT, "hermes", tools=TOOLS, policy=policy)
    assert caught.value.limit == "max_calls" and pickle.loads(pickle.dumps(caught.value)).limit == "max_calls"


# --- tools and signatures ---------------------------------------------------------------------------------------------


def test_types_are_what_editors_show() -> None:
    path = Path(__file__).with_name("typed_use.py")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=path.parent.parent, check=False)
    assert (run.stdout, run.stderr, run.returncode) == ("", "", 0)
    assert path.read_text(encoding="utf-8").count('"nope")  # type: ignore') >= 6


@pytest.mark.parametrize(
    "name",
    [
        "Decoder",
        "aiter_events",
        "classify",
        "convert",
        "encode",
        "grammar",
        "iter_events",
        "parse",
        "prompt",
        "render_results",
    ],
)
def test_arguments_have_one_order_and_the_optional_ones_names(name: str) -> None:
    parameters = [*inspect.signature(getattr(wp, name)).parameters.values()]
    positional = [each.name for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    orders = {"convert": ["text", "source", "target", "tools"], "render_results": ["results", "dialect"]}
    content = (
        []
        if name in ("Decoder", "grammar", "prompt")
        else ["message" if name == "encode" else "chunks" if "iter" in name else "text"]
    )
    assert positional == orders.get(name, [*content, "dialect", "tools"])
    assert all(each.default is not inspect.Parameter.empty for each in parameters[len(positional) :])


@pytest.mark.parametrize(
    ("made", "positional"),
    [
        (adapters.ChatWriter, ["id", "model", "created"]),
        (adapters.ResponsesWriter, ["id", "model", "created"]),
        (adapters.MessagesWriter, ["id", "model"]),
        (adapters.chat_completion, ["message", "id", "model", "created"]),
        (adapters.response_object, ["message", "id", "model", "created"]),
        (adapters.message_object, ["message", "id", "model"]),
        (adapters.chat_choice, ["message", "index"]),
        (adapters.AnswerWriter.close, ["self", "finish_reason", "usage"]),
        (wp.Decoder.flush, ["self"]),
    ],
)
def test_adapters_take_what_an_answer_needs_by_position_and_the_rest_by_name(made: Any, positional: list[str]) -> None:
    parameters = [*inspect.signature(made).parameters.values()]
    assert [each.name for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY] == positional
    named = [each for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY]
    assert all(each.default is not inspect.Parameter.empty for each in named)


def test_adapters_are_public_and_load_no_client() -> None:
    assert all(hasattr(adapters, name) for name in adapters.__all__)
    assert doctest.testmod(adapters).failed == 0 < doctest.testmod(adapters).attempted
    clients = ("openai", "anthropic", "httpx2", "pydantic")
    script = f"import sys, wireproto.adapters; print(*[name for name in {clients!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_a_toolset_is_validated_once_and_goes_wherever_tools_go() -> None:
    toolset = wp.Toolset.of(TOOLS)
    assert wp.Toolset.of(toolset) is toolset and toolset.names == ("write_file",)
    call = wp.parse(OUTPUT, "hermes", toolset).calls[0]
    assert wp.parse(wp.encode([call], "hermes", toolset), "hermes", TOOLS).calls[0].arguments == call.arguments
    assert wp.prompt("xml", toolset) == wp.prompt("xml", TOOLS)
    assert str(wp.grammar("hermes", toolset)) == str(wp.grammar("hermes", TOOLS))
    assert wp.classify(OUTPUT, tools=toolset) == wp.classify(OUTPUT, tools=TOOLS)


# --- values as dicts --------------------------------------------------------------------------------------------------


def restored(message: wp.Message) -> wp.Message:
    return wp.Message.from_dict(json.loads(json.dumps(message.to_dict())))


@pytest.mark.parametrize("dialect", ["hermes", "qwen3_coder", "xml", "toml", "html"])
@given(data=st.data())
def test_decoded_messages_come_back_from_dicts(dialect: str, data: st.DataObject) -> None:
    policy = wp.Policy(documents=[PLAN], nested=data.draw(st.sampled_from(["keep", "report", "lift"])))
    text = data.draw(fuzz.outputs(dialect)) + data.draw(st.sampled_from(["", "\n<plan/>\n", "\n<plan><x>"]))
    message = wp.parse(text, dialect, policy=policy)
    back = restored(message)
    assert back == message and back.dialect == message.dialect
    assert [part.raw for part in back.segments] == [part.raw for part in message.segments]
    for call, again in zip([*message.calls, *message.candidates], [*back.calls, *back.candidates], strict=True):
        assert again.raw == call.raw and wp.Call.from_dict(call.to_dict()) == call


@given(message=fuzz.messages("hermes"))
def test_made_messages_come_back_from_dicts(message: wp.Message) -> None:
    assert restored(message) == message
    for call in message.calls:
        spelled = {"name": call.name, "arguments": call.arguments, "id": call.id, "complete": True}
        assert {**call.to_dict(), **spelled} == call.to_dict() and (message.segments or call.to_dict() == spelled)
        assert json.loads(call.arguments_json) == call.arguments


def test_a_document_in_a_message_comes_back() -> None:
    policy = wp.Policy(documents=[PLAN], nested="lift")
    message = wp.parse(OUTPUT, "hermes", tools=TOOLS, policy=policy)
    assert restored(message) == message and len(message.documents) == 2
    assert wp.encode(restored(message), "hermes") == wp.encode(message, "hermes") == OUTPUT


def test_what_the_model_wrote_needs_no_span() -> None:
    call = wp.parse(OUTPUT, "hermes", tools=TOOLS).calls[0]
    stored = {key: value for key, value in call.to_dict().items() if key not in ("start", "end")}
    assert wp.Call.from_dict(stored).raw == wp.Call.from_dict(call.to_dict()).raw == call.raw


def test_arguments_as_json_text() -> None:
    assert wp.Call("f", {"a": "ä\n", "b": [1, None, True]}).arguments_json == '{"a": "ä\\n", "b": [1, null, true]}'
    assert json.loads(wp.Call("f", {"a": "\ud800"}).arguments_json.encode()) == {"a": "\ud800"}
    for value in (float("nan"), float("inf"), {1}, object()):
        with pytest.raises(wp.EncodeError, match=r"'f'.*not JSON"):
            _ = wp.Call("f", {"a": value}).arguments_json


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (wp.Call, None, r"Call: expected an object \(dict\), not NoneType"),
        (wp.Call, {}, "Call.name: expected a string, and there is none"),
        (wp.Call, {"name": "f"}, r"Call.arguments: expected an object \(dict\), and there is none"),
        (wp.Call, {"name": "f", "arguments": "{}"}, "Call.arguments: .* not str; .* json.loads"),
        (wp.Call, {"name": "f", "arguments": {}, "id": 3}, "Call.id: expected a string, not int"),
        (wp.Call, {"name": "f", "arguments": {}, "complete": 1}, "Call.complete: expected true or false, not int"),
        (wp.Call, {"name": "f", "arguments": {}, "start": True}, "Call.start: expected an integer, not bool"),
        (
            wp.Call,
            {"name": "f", "arguments": {}, "nested": [{"name": "x"}]},
            r"Call.nested\[0\].format: expected a str",
        ),
        (wp.Message, {}, '"text", "reasoning" or "calls"'),
        (wp.Message, [], "Message: expected an object"),
        (wp.Message, {"text": 3}, "Message.text: expected a string, not int"),
        (wp.Message, {"calls": {}}, "Message.calls: expected a list, not dict"),
        (wp.Message, {"calls": [{"name": "f"}]}, r"Message.calls\[0\].arguments"),
        (wp.Message, {"text": "", "segments": [{"kind": "x"}]}, r"segments\[0\].kind: expected one of .*, not 'x'"),
        (wp.Message, {"text": "", "diagnoses": [{"code": "x"}]}, r"diagnoses\[0\].message"),
        (wp.Message, {"text": "", "documents": [{"name": "x", "format": "yaml"}]}, r"documents\[0\].format"),
    ],
)
def test_a_wrong_dict_names_the_key(kind: Any, value: Any, said: str) -> None:
    with pytest.raises(wp.ShapeError, match=said) as caught:
        kind.from_dict(value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "f", "arguments": {}}, r"wp\.Call\.from_dict"),
        ([wp.Call("f"), {"name": "f", "arguments": {}}], r"wp\.Call\.from_dict"),
        (wp.Message(calls=({"name": "f"},)), r"wp\.Call\.from_dict"),  # type: ignore[arg-type]
        ({"text": "a", "calls": []}, r"wp\.Message\.from_dict"),
        (None, "a wp.Message, a wp.Call or a list of calls, not NoneType"),
        ("text", "not str"),
        (b"text", "not bytes"),
        ([None], "not NoneType"),
        ("f", "not str"),
        (3, "not int"),
    ],
)
def test_encode_says_what_it_takes(given: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        wp.encode(given, "hermes")


@pytest.mark.parametrize(
    "results", [wp.ToolResult("f", 1), {"name": "f"}, [{"name": "f", "content": 1}], "done", [None]]
)
def test_render_results_says_what_it_takes(results: Any) -> None:
    with pytest.raises(TypeError, match="ToolResult"):
        wp.render_results(results, "hermes")


# --- streams ----------------------------------------------------------------------------------------------------------

CHUNKS = [OUTPUT[i : i + 5] for i in range(0, len(OUTPUT), 5)]


def fed(chunks: list[str], reason: str | None = None) -> list[wp.Event]:
    decoder = wp.Decoder("hermes", TOOLS)
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close(reason)


async def awaited(chunks: list[str]) -> AsyncIterator[str]:
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


async def collected(events: AsyncIterator[wp.Event]) -> list[wp.Event]:
    return [event async for event in events]


@pytest.mark.parametrize("end", [None, -30, -60], ids=["whole", "cut", "cut early"])
@pytest.mark.parametrize("reason", [None, "stop", "length"])
def test_a_stream_gives_the_events_of_a_decoder(end: int | None, reason: str | None) -> None:
    chunks = [OUTPUT[:end][i : i + 5] for i in range(0, len(OUTPUT[:end]), 5)]
    expected = fed(chunks, reason)
    assert list(wp.iter_events(chunks, "hermes", TOOLS, finish_reason=reason)) == expected
    assert list(wp.iter_events(iter(chunks), "hermes", TOOLS, finish_reason=lambda: reason)) == expected
    events = wp.aiter_events(awaited(chunks), "hermes", TOOLS, finish_reason=lambda: reason)
    assert asyncio.run(collected(events)) == expected


def test_the_finish_reason_is_asked_for_after_the_last_chunk() -> None:
    said: list[str] = []

    def stream() -> Iterator[str]:
        yield from CHUNKS[:20]
        said.append("length")

    events = list(wp.iter_events(stream(), "hermes", TOOLS, finish_reason=lambda: said[-1]))
    assert [event.call.complete for event in events if isinstance(event, wp.CallEnd)] == [False]


def test_events_come_as_soon_as_they_are_certain() -> None:
    chunks = iter(CHUNKS)
    events = wp.iter_events(chunks, "hermes", TOOLS)
    assert next(events) == wp.TextDelta(CHUNKS[0]) and next(chunks) == CHUNKS[1]


def test_a_limit_in_a_stream_loses_nothing_that_was_certain() -> None:
    call = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>\n'
    policy = wp.Policy(limits=wp.Limits(max_calls=2))
    seen: list[list[wp.Event]] = []
    for chunks in ([call * 3], list(call * 3)):
        seen.append([])
        with pytest.raises(wp.LimitExceeded) as caught:
            for event in wp.iter_events(chunks, "hermes", policy=policy):
                seen[-1].append(event)
        assert caught.value.limit == "max_calls" and caught.value.events == ()
        events = wp.aiter_events(awaited(chunks), "hermes", policy=policy)
        with pytest.raises(wp.LimitExceeded):
            asyncio.run(collected(events))
    assert [sum(isinstance(event, wp.CallEnd) for event in events) for events in seen] == [2, 2]


def test_a_stream_that_breaks_off_leaves_its_call_incomplete() -> None:
    chunks = ["Hi", '<tool_call>\n{"name": "add", "arguments": {"a": 1}}']

    def broken() -> Iterator[str]:
        yield from chunks
        raise ConnectionResetError

    async def broken_later() -> AsyncIterator[str]:
        for chunk in chunks:
            yield chunk
        raise ConnectionResetError

    seen: list[wp.Event] = []
    with pytest.raises(ConnectionResetError):
        seen.extend(wp.iter_events(broken(), "hermes", TOOLS))

    async def collect() -> None:
        async for event in wp.aiter_events(broken_later(), "hermes", TOOLS):
            later.append(event)

    later: list[wp.Event] = []
    with pytest.raises(ConnectionResetError):
        asyncio.run(collect())
    assert seen == later
    assert isinstance(seen[-1], wp.CallEnd) and not seen[-1].call.complete


def test_streams_say_what_they_take() -> None:
    with pytest.raises(wp.DialectError):  # at once, and not with the first event
        wp.iter_events([], "hermez")
    with pytest.raises(wp.SchemaError):
        wp.aiter_events(awaited([]), "hermes", [{"name": 1}])
    with pytest.raises(TypeError, match="aiter_events"):
        wp.iter_events(awaited([]), "hermes")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="iter_events"):
        wp.aiter_events(["a"], "hermes")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not bytes"):
        list(wp.iter_events([b"a"], "hermes"))  # type: ignore[list-item]
