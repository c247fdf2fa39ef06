"""dialect="auto": it reads what the dialect itself reads, for every case and encoding; and dialect_for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from effort import Tally, rounds, some_dialects
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import CASES

import wireproto as wp
from wireproto import fuzz
from wireproto.engine.further_calls import inside
from wireproto.format.rendering import HOLE, rendered
from wireproto.format.spelling import spellings
from wireproto.testing import Trial, laws
from wireproto.testing.decoded import decode, merged
from wireproto.values.model import Diagnosis

# Where a call begins with its name and nothing else, only the dialect's own name says that it is no mention.
NAMED = {name for name in wp.dialects() if spellings(wp.dialect(name))[0].lone and wp.dialect(name).call.open.nodes}
SHOWN = [name for name in wp.dialects() if name not in NAMED]
every_dialect = pytest.mark.parametrize("name", SHOWN)
# Cases whose text another dialect takes for a call of its own, which nobody can know who was told one.
ELSEWHERE = {"dia-11": "granite_20b_fc"}
every_case = pytest.mark.parametrize(
    "case", [case for case in CASES if case["id"] not in ELSEWHERE], ids=lambda case: case["id"]
)
# What every dialect's own tests cut everywhere is cut here at every so many characters.
STRIDE = 5
PLACES = 50
TOOLS = [
    {
        "name": "read_file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}}},
    },
    {"name": "list_files", "parameters": {"type": "object", "properties": {}}},
]
CALL = wp.Call("read_file", {"path": "a.py", "limit": 3})


def trial(case: dict[str, Any], text: str, *chunks: str) -> Trial:
    return Trial(text, chunks, case["tools"], case.get("finish_reason"), case.get("reasoning_open", False))


def home(found: tuple[Diagnosis, ...]) -> tuple[Diagnosis, ...]:
    return tuple(diagnosis for diagnosis in found if diagnosis.code != "foreign-dialect")


def places(text: str) -> range:
    return range(1, len(text), max(STRIDE, len(text) // PLACES))


def as_own(message: wp.Message) -> wp.Message:
    """Return a message as if no call in it were foreign."""
    calls = tuple(replace(call, diagnoses=home(call.diagnoses)) for call in message.calls)
    return replace(message, calls=calls, diagnoses=home(message.diagnoses))


def told(events: list[wp.Event]) -> list[Any]:
    return [replace(e, call=replace(e.call, diagnoses=())) if isinstance(e, wp.CallEnd) else e for e in merged(events)]


def assert_agree(dialect: str, given_trial: Trial, other: Trial | None = None) -> wp.Message:
    """Hold auto to the explicit dialect: all of the message, and all of the events."""
    events, message = decode(dialect, given_trial)
    got_events, got = decode("auto", other or given_trial)
    assert as_own(got) == as_own(message)
    assert told(got_events) == told(events)
    return got


@every_case
def test_agrees_on_every_case(case: dict[str, Any]) -> None:
    text = case["text"]
    whole = trial(case, text)
    for chunks in [(), tuple(text), *((text[:at], text[at:]) for at in places(text))]:
        assert_agree(case["dialect"], whole, replace(whole, chunks=chunks))


@every_case
def test_agrees_where_the_output_breaks_off(case: dict[str, Any]) -> None:
    for end in places(case["text"]):
        text = case["text"][:end]
        if case["dialect"] == "llama3_json" and '"parameters"' not in text:
            continue  # without a marker it is the second member that tells
        assert_agree(case["dialect"], trial(case, text))


@pytest.mark.parametrize("case", [case for case in CASES if case["id"] in ELSEWHERE], ids=lambda case: case["id"])
def test_a_call_of_another_dialect_is_one(case: dict[str, Any]) -> None:
    message = decode("auto", trial(case, case["text"]))[1]
    assert message.dialect == ELSEWHERE[case["id"]] and [call.complete for call in message.calls] == [True]


@every_case
def test_finds_the_dialect(case: dict[str, Any]) -> None:
    explicit = decode(case["dialect"], trial(case, case["text"]))[1]
    message = decode("auto", trial(case, case["text"]))[1]
    foreign = re.findall(r"written in (\w+)", " ".join(each.message for each in explicit.diagnoses))
    bare = any(each.code == "missing-wrapper" for each in explicit.diagnoses)
    if not explicit.calls:
        assert message.dialect == "" and message.dialects == ()
    elif not bare:  # without their wrappers some are alike
        assert message.dialect == message.dialects[0]
        named = (foreign or [case["dialect"]])[0] in message.dialects
        assert named or as_own(message).calls == as_own(explicit).calls


# In Functionary 3.2 text has an opener of words, which is text until a call says what is written.
@pytest.mark.parametrize("name", [name for name in some_dialects() if name != "functionary_v32"])
def test_agrees_on_generated_calls(name: str) -> None:
    tally = Tally()

    @settings(max_examples=rounds(25, 500))
    @given(data=st.data())
    def agrees(data: st.DataObject) -> None:
        tools = data.draw(fuzz.tools())
        text = data.draw(st.sampled_from(["", "", "I look.\n\n"]))
        message = wp.Message(text=text, calls=data.draw(fuzz.calls(tools, name).filter(bool)))
        try:
            written = wp.encode(message, name, tools=tools)
        except wp.EncodeError:
            return tally.count(False)
        chunks = data.draw(fuzz.chunkings(written))
        got = assert_agree(name, Trial(written, (), tools), Trial(written, chunks, tools))
        assert name in got.dialects
        # All that are named would have written it; what stands around text is no part of a call.
        for other in got.dialects if not text or wp.dialect(name).framing is None else ():
            assert wp.encode(message, other, tools=tools) == written
        tally.count(True)

    agrees()
    tally.check(0.05)


@pytest.mark.parametrize("name", some_dialects())
@settings(max_examples=rounds(12, 500))
@given(data=st.data())
def test_keeps_the_laws(name: str, data: st.DataObject) -> None:
    laws.check_trial("auto", data.draw(fuzz.trials(name)))


@settings(max_examples=rounds(60, 2_000))
@given(data=st.data())
def test_keeps_the_laws_on_mixtures(data: st.DataObject) -> None:
    one, other, third = (data.draw(fuzz.trials(data.draw(st.sampled_from(wp.dialects())))) for _ in range(3))
    text = data.draw(st.permutations([one.text, other.text, "\n", third.text]).map("".join))
    mixed = replace(one, text=text, chunks=data.draw(fuzz.chunkings(text)))
    laws.check_trial("auto", mixed)


@every_dialect
def test_tells_an_argument_as_early_as_the_dialect(name: str) -> None:
    text = wp.encode([CALL, CALL], name, tools=TOOLS)
    explicit, auto = wp.Decoder(name, tools=TOOLS), wp.Decoder("auto", tools=TOOLS)
    begun = text.index("a.py") + 1  # the first character of a value may tell whether it is padded
    assert merged(auto.feed(text[:begun])) == merged(explicit.feed(text[:begun]))
    for character in text[begun:]:
        assert auto.feed(character) == explicit.feed(character)
        assert auto.pending == explicit.pending
    assert auto.close() == explicit.close()


def test_the_name_is_told_when_it_is_certain() -> None:
    decoder, started = wp.Decoder("auto", tools=TOOLS), False
    for character in f"<think>so</think>Look:\n{MARKERS[0][0]}":
        started = started or any(isinstance(event, wp.CallStart) for event in decoder.feed(character))
        assert decoder.dialect == ("hermes" if started else None)
    assert started
    assert wp.Decoder("qwen25").dialect == "hermes"
    assert wp.parse("no call", "auto").dialect == ""
    assert wp.parse("no call", "hermes").dialect == "hermes"


MARKERS = [
    ('<tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}\n</tool_call>', "hermes"),
    ("<tool_call>\n<function=read_file>\n<parameter=path>\na\n</parameter>\n</function>\n</tool_call>", "qwen3_coder"),
    ("<tool_call>read_file\n<arg_key>path</arg_key>\n<arg_value>a</arg_value>\n</tool_call>", "glm45"),
    ('[TOOL_CALLS][{"name": "read_file", "arguments": {"path": "a"}}]', "mistral"),
    ('[TOOL_CALLS]read_file[ARGS]{"path": "a"}', "mistral_v11"),
    ('<tool_calls>\n<call name="read_file">\n<arg name="path">a</arg>\n</call>\n</tool_calls>', "xml"),
    (
        '<tool_calls>\n<invoke name="read_file">\n<parameter name="path" string="true">a</parameter>\n</invoke>\n'
        "</tool_calls>",
        "dsml_v4",
    ),
    (
        '<function_calls>\n<invoke name="read_file">\n<parameter name="path">a</parameter>\n</invoke>\n'
        "</function_calls>",
        "anthropic_invoke",
    ),
    ('<form toolname="read_file">\n<textarea name="path">a</textarea>\n</form>', "html"),
    ("<read_file>\n<path>a</path>\n</read_file>", "cline"),
]


@pytest.mark.parametrize(("text", "name"), MARKERS, ids=[name for _, name in MARKERS])
def test_what_follows_a_shared_marker_decides(text: str, name: str) -> None:
    text = f"Look.\n{text}\nDone."
    message = wp.parse(text, "auto", tools=TOOLS)
    assert (message.dialect, [call.arguments for call in message.calls]) == (name, [{"path": "a"}])
    assert message.text == wp.parse(text, name, tools=TOOLS).text
    assert message.text.replace("\n", "") == "Look.Done."


@pytest.mark.parametrize("name", ["dsml_v32", "dsml_v4", "minimax_m2", "anthropic_invoke"])
def test_a_lost_section_may_end_like_any_that_fits(name: str) -> None:
    spec = wp.dialect(name)
    assert spec.section is not None
    text = wp.encode([CALL], name, tools=TOOLS).removeprefix(spec.section.open.format())
    message = wp.parse(text, "auto", tools=TOOLS)
    assert [call.arguments for call in message.calls] == [CALL.arguments]
    assert message.text == ""


ALIKE = {
    "one call of glm45": ("glm45", [CALL], ("glm45",)),
    "one call of glm47": ("glm47", [CALL], ("glm47",)),
    "glm45 without arguments": ("glm45", [wp.Call("list_files", {})], ("glm45",)),
    "glm47 without arguments": ("glm47", [wp.Call("list_files", {})], ("glm47",)),
    "one call of step3p5": ("step3p5", [CALL], ("qwen3_coder", "step3p5")),
    "two calls of step3p5": ("step3p5", [CALL, CALL], ("step3p5",)),
    "two calls of qwen3_coder": ("qwen3_coder", [CALL, CALL], ("qwen3_coder",)),
    "dsml_v4": ("dsml_v4", [CALL], ("dsml_v4",)),
    "deepseek_v31": ("deepseek_v31", [CALL], ("deepseek_v31",)),
    "mistral": ("mistral", [CALL], ("mistral",)),
    "llama3_json": ("llama3_json", [CALL], ("llama3_json",)),
}


@pytest.mark.parametrize(("name", "calls", "names"), ALIKE.values(), ids=ALIKE)
def test_names_what_writes_exactly_this(name: str, calls: list[wp.Call], names: tuple[str, ...]) -> None:
    text = wp.encode(calls, name, tools=TOOLS)
    for chunks in ((), tuple(text)):
        message = decode("auto", Trial(text, chunks, TOOLS))[1]
        assert (message.dialects, message.dialect) == (names, names[0])
        assert wp.parse(text, name, TOOLS).dialects == (name,)
    assert wp.Message.from_dict(message.to_dict()).dialects == names
    assert wp.classify(text, tools=TOOLS).dialect == names[0]


def writes(name: str, calls: list[wp.Call], text: str) -> bool:
    try:
        return wp.encode(calls, name, tools=TOOLS) == text
    except wp.EncodeError:
        return False  # an id that it cannot write


@every_dialect
def test_every_dialect_that_writes_exactly_this_is_named(name: str) -> None:
    for calls in ([CALL], [CALL, CALL], [wp.Call("list_files", {})], [CALL, wp.Call("list_files", {})]):
        text = wp.encode(calls, name, tools=TOOLS)
        read = [wp.Call(call.name, call.arguments, call.id) for call in wp.parse(text, name, TOOLS).calls]
        writers = [each for each in SHOWN if writes(each, read, text)]
        assert sorted(wp.parse(text, "auto", TOOLS).dialects) == writers


def test_the_closest_is_named_where_none_writes_it_so() -> None:
    (glm45, glm47) = (wp.encode([CALL], name, tools=TOOLS) for name in ("glm45", "glm47"))
    assert wp.parse(glm47.replace("<arg_key>limit", " <arg_key>limit"), "auto", TOOLS).dialects == ("glm47",)
    assert wp.parse(glm45.replace("</tool_call>", "  </tool_call>"), "auto", TOOLS).dialects == ("glm45",)
    spec = wp.dialect("minimax_m2")
    assert spec.section is not None
    lost = wp.encode([CALL], "minimax_m2", tools=TOOLS).removeprefix(spec.section.open.format())
    assert wp.parse(lost, "auto", TOOLS).dialects == ("minimax_m2",)
    alone = lost.removesuffix(spec.section.close.format())
    assert set(wp.parse(alone, "auto", TOOLS).dialects) == {"anthropic_invoke", "dots", "minimax_m2"}


def test_the_name_does_not_wait_for_the_end() -> None:
    text = wp.encode([CALL, CALL], "glm47", tools=TOOLS)
    decoder = wp.Decoder("auto", TOOLS)
    names = [decoder.dialect for character in text if decoder.feed(character) is not None]
    assert set(names[names.index("glm47") :]) == {"glm47"} and set(names) == {None, "glm47"}


def test_quoted_calls_decide_nothing() -> None:
    quoted, real = MARKERS[0][0], wp.encode([CALL], "kimi_k2", tools=TOOLS)
    text = f"Not so:\n```\n{quoted}\n```\nbut so:\n{real}"
    for chunks in ((), tuple(text)):
        message = decode("auto", Trial(text, chunks, TOOLS))[1]
        assert message.dialect == "kimi_k2"
        assert [call.name for call in message.candidates] == [call.name for call in message.calls] == ["read_file"]


def test_drafts_decide_nothing() -> None:
    real = wp.encode([CALL], "dsml_v4", tools=TOOLS)
    for text in (f"<think>{MARKERS[0][0]} or</think>\n{real}", f"<think>{MARKERS[0][0]}</think>\nNo: {real}"):
        message = decode("auto", Trial(text, tuple(text), TOOLS))[1]
        assert message.dialect == "dsml_v4"
        assert len(message.calls) == len(message.candidates) == 1


def test_nothing_is_foreign() -> None:
    text = f"{MARKERS[0][0]}\n{MARKERS[1][0]}"
    message = wp.parse(text, "auto", tools=TOOLS)
    assert (message.dialect, len(message.calls), message.diagnoses) == ("hermes", 2, ())
    assert [each.code for each in wp.parse(text, "hermes", tools=TOOLS).diagnoses] == ["foreign-dialect"]


REASONING = sorted({(of.open, of.close) for of in (wp.dialect(name).reasoning for name in wp.dialects()) if of})


@pytest.mark.parametrize(("opener", "closer"), REASONING)
def test_every_reasoning_marker_is_live(opener: str, closer: str) -> None:
    others = "".join(other for _, other in REASONING if other != closer)
    if not opener[0].isalpha():  # an opener of words is one that the prompt writes
        message = wp.parse(f"{opener}a {others} b{closer}\n\nText", "auto")
        assert (message.reasoning, message.text.strip()) == (f"a {others} b", "Text")
    message = wp.parse(f"a{closer}\n\nText", "auto", reasoning_open=True)
    assert (message.reasoning, message.text.strip()) == ("a", "Text")


BARE = '{"name": "read_file", "parameters": {"path": "a"}}'


def test_json_without_markers() -> None:
    def found(text: str, tools: object = TOOLS) -> int:
        return len(wp.parse(text, "auto", tools=tools).calls)

    assert found(BARE) == 1
    assert found(BARE, None) == 0, "any JSON answer with a name would be a call"
    assert found(BARE, []) == 0
    assert found(f"So: {BARE}") == found(f"\n```json\n{BARE}\n```") == 0
    assert found(BARE.replace("read_file", "delete_all")) == 0
    assert found(BARE.replace("parameters", "arguments")) == 0, "any other model's call without its markers"
    assert found(f"<|python_tag|>{BARE}", None) == 1


PROSE = [
    "<ul>\n<li>one</li>\n</ul>",
    "<read_file>\n<path>a</path>\n</read_file>",
    "read_file\n```json\n{}\n```",
    'read_file[ARGS]{"path": "a"}',
    "Text with ``` and <tool_call> and [TOOL_CALLS] and <think> in it.",
]


@pytest.mark.parametrize("text", PROSE)
def test_no_call_without_tools_to_go_by(text: str) -> None:
    for chunks in ((), tuple(text)):
        message = decode("auto", Trial(text, chunks))[1]
        assert (message.calls, message.text, message.dialect) == ((), text, "")


def test_a_heading_over_a_fence_is_no_call() -> None:
    text = 'read_file\n```json\n{"path": "a"}\n```\n'
    assert wp.parse(text, "auto", tools=TOOLS).calls == ()
    assert len(wp.parse(text, "deepseek_v3", tools=TOOLS).calls) == 1


def test_a_line_that_lost_its_marker() -> None:
    text = 'Now\nread_file[ARGS]{"path": "a"}'
    for chunks in ((), tuple(text)):
        message = decode("auto", Trial(text, chunks, TOOLS))[1]
        assert (message.dialect, message.text, len(message.calls)) == ("mistral_v11", "Now\n", 1)


def test_auto_is_no_dialect() -> None:
    for use in (wp.dialect, lambda name: wp.encode([CALL], name), lambda name: wp.prompt(name, TOOLS)):
        with pytest.raises(wp.DialectError, match="decoding alone"):
            use("auto")
    assert "auto" not in wp.dialects()


def test_converts_from_auto() -> None:
    assert wp.convert(MARKERS[1][0], "auto", "hermes", tools=TOOLS) == MARKERS[0][0]


# --- by the model's name ----------------------------------------------------------------------------------------------

MODELS = {
    "Qwen/Qwen3-Coder-30B-A3B-Instruct": "qwen3_coder",
    "qwen3-coder-30b-a3b-instruct-q4_k_m.gguf": "qwen3_coder",
    "/models/Qwen_Qwen3-Coder-Next-UD-Q4_K_XL-00001-of-00002.gguf": "qwen3_coder",
    "qwen3-coder:30b": "qwen3_coder",
    "C:\\models\\GLM-4.5-Air.gguf": "glm45",
    "qwen3:8b": "hermes",
    "zai-org/GLM-4.7-FP8": "glm47",
    "DeepSeek-V3-0324-Q4_K_M.gguf": "deepseek_v3",
    "some-org/DeepSeek-V3-GGUF/": "deepseek_v3",
    "deepseek-ai/DeepSeek-V3.1-Terminus": "deepseek_v31",
    "deepseek-ai/DeepSeek-V3.2": "dsml_v32",
    "DeepSeek-V3.2-Exp-UD-Q2_K_XL": "deepseek_v31",
    "Meta-Llama-3.1-8B-Instruct-Q8_0.gguf": "llama3_json",
    "NousResearch/Hermes-3-Llama-3.1-8B": "hermes",
    "Mistral-7B-Instruct-v0.3.Q4_K_M.gguf": "mistral_v3",
    "mistralai/Mistral-Large-Instruct-2407": "mistral",
    "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": "qwen3_coder",
    "someone/Qwen3-Coder-30B-A3B-Instruct-AWQ-4bit": "qwen3_coder",
    "stepfun-ai/step3": "step3",
    "bartowski_Qwen3-8B-Q8_0.gguf": "hermes",
    "models--Qwen--Qwen3-Coder-30B-A3B-Instruct": "qwen3_coder",
    "step3.5-flash": "step3p5",
    "Qwen/Qwen3-Next-80B-A3B-Instruct": "hermes",
    "Qwen/Qwen3-Next-80B-A3B-Thinking": "hermes",
    "Qwen/Qwen3-Coder-Next": "qwen3_coder",
    "Qwen/Qwen3-VL-30B-A3B-Instruct": "hermes",
    "Qwen/Qwen3-VL-8B-Thinking": "hermes",
    "Qwen/Qwen3-30B-A3B-Instruct-2507": "hermes",
    "Qwen/Qwen3-4B-Thinking-2507": "hermes",
    "Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8": "qwen3_coder",
    "Qwen/Qwen3.5-397B-A17B": "qwen3_coder",
    "Qwen/Qwen3.6-35B-A3B": "qwen3_coder",
    "Qwen/Qwen3.8-Max": "qwen3_coder",
    "Qwen/Qwen2.5-Coder-32B-Instruct": "hermes",
    "Qwen/QwQ-32B": "hermes",
    "llama3.1:8b": "llama3_json",
    "llama3.2:3b": "llama3_json",
    "llama3.3:70b": "llama3_json",
    "llama4:scout": "llama4_pythonic",
    "meta-llama/Llama-4-Scout-17B-16E-Instruct": "llama4_pythonic",
    "Team-ACE/ToolACE-2-Llama-3.1-8B": "pythonic",
    "allenai/Olmo-3-7B-Instruct": "olmo3",
    "LiquidAI/LFM2-1.2B": "lfm2",
    "LFM2.5-8B-A1B-Q4_K_M.gguf": "lfm2",
    "gemma3:4b": "gemma3_pythonic",
    "llama3.1:8b-instruct-q4_K_M": "llama3_json",
    "llama3.1": "llama3_json",
    "qwen3:30b-a3b": "hermes",
    "qwen3-vl:8b": "hermes",
    "qwen2.5:7b": "hermes",
    "qwen2.5-coder:14b": "hermes",
    "qwq:32b": "hermes",
    "mistral-nemo:12b": "mistral",
    "mistral-small3.2:24b": "mistral_v11_ids",
    "mistral-small:24b": "mistral",
    "mistral-large:123b": "mistral",
    "devstral:24b": "mistral_v11",
    "magistral:24b": "mistral_v11",
    "deepseek-r1:8b": "deepseek_v3",
    "deepseek-r1:671b": "deepseek_v3",
    "deepseek-v3:671b": "deepseek_v3",
    "deepseek-v3.1:671b": "deepseek_v31",
    "hermes3:8b": "hermes",
    "granite4:tiny-h": "hermes",
    "glm-4.6:cloud": "glm45",
    "kimi-k2:1t-cloud": "kimi_k2",
    "kimi-k2-thinking:cloud": "kimi_k2",
    "minimax-m2:cloud": "minimax_m2",
    "nemotron-3-nano:30b": "qwen3_coder",
    "deepseek-v3.2:cloud": "dsml_v32",
    "Qwen3-Coder-30B-A3B-Instruct-Q4_K_M.gguf": "qwen3_coder",
    "Qwen3-8B-Q8_0.gguf": "hermes",
    "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf": "llama3_json",
    "Hermes-3-Llama-3.1-8B.Q4_K_M.gguf": "hermes",
    "DeepSeek-R1-Distill-Qwen-7B-Q4_K_M.gguf": "deepseek_v3",
    "DeepSeek-R1-Distill-Llama-8B-Q4_K_M.gguf": "deepseek_v3",
    "DeepSeek-R1-0528-Qwen3-8B-Q4_K_M.gguf": "deepseek_v3",
    "Qwen3-Next-80B-A3B-Instruct-UD-Q4_K_XL-00001-of-00002.gguf": "hermes",
    "GLM-4.5-Air-UD-Q2_K_XL.gguf": "glm45",
    "Kimi-K2-Instruct-0905-UD-TQ1_0.gguf": "kimi_k2",
    "Devstral-Small-2507-Q4_K_M.gguf": "mistral_v11",
    "Mistral-Small-3.2-24B-Instruct-2506-Q4_K_M.gguf": "mistral_v11_ids",
    "Magistral-Small-2509-Q4_K_M.gguf": "mistral_v11",
    "MiniMax-M2-Q4_K_M.gguf": "minimax_m2",
    "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": "qwen3_coder",
    "nvidia/Nemotron-3-Super-120B": "qwen3_coder",
    "deepseek-ai/DeepSeek-V4": "dsml_v4",
    "deepseek-ai/DeepSeek-V4-Flash": "dsml_v4",
    "deepseek-ai/DeepSeek-V3.2-Exp": "deepseek_v31",
    "deepseek-ai/DeepSeek-V3-0324": "deepseek_v3",
    "deepseek-ai/DeepSeek-R1-0528": "deepseek_v3",
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B": "deepseek_v3",
    "zai-org/GLM-4.5-Air": "glm45",
    "zai-org/GLM-4.5V": "glm45",
    "zai-org/GLM-4.6": "glm45",
    "zai-org/GLM-4.6V": "glm45",
    "zai-org/GLM-4.7": "glm47",
    "zai-org/GLM-4.7-Flash": "glm47",
    "zai-org/GLM-5": "glm47",
    "zai-org/GLM-5.1": "glm47",
    "moonshotai/Kimi-K2-Instruct-0905": "kimi_k2",
    "moonshotai/Kimi-K2-Thinking": "kimi_k2",
    "moonshotai/Kimi-K2.5": "kimi_k2",
    "moonshotai/Kimi-VL-A3B-Instruct": "kimi_k2",
    "MiniMaxAI/MiniMax-M2": "minimax_m2",
    "MiniMaxAI/MiniMax-M2.1": "minimax_m2",
    "stepfun-ai/Step-3.5-Flash": "step3p5",
    "ByteDance-Seed/Seed-OSS-36B-Instruct": "seed_oss",
    "ibm-granite/granite-4.0-h-small": "hermes",
    "NousResearch/Hermes-4-70B": "hermes",
    "NousResearch/Hermes-2-Pro-Llama-3-8B": "hermes",
    "NousResearch/Hermes-4.3-36B": "hermes",
    "NousResearch/DeepHermes-3-Llama-3-8B-Preview": "hermes",
    "mistralai/Mistral-7B-Instruct-v0.3": "mistral_v3",
    "mistralai/Mistral-Nemo-Instruct-2407": "mistral",
    "mistralai/Mistral-Large-Instruct-2411": "mistral",
    "mistralai/Mistral-Small-24B-Instruct-2501": "mistral",
    "mistralai/Mistral-Small-3.1-24B-Instruct-2503": "mistral",
    "mistralai/Mistral-Small-3.2-24B-Instruct-2506": "mistral_v11_ids",
    "mistralai/Devstral-Small-2507": "mistral_v11",
    "mistralai/Devstral-Small-2505": "mistral_v11",
    "mistralai/Devstral-2-123B-Instruct-2512": "mistral_v11",
    "mistralai/Magistral-Small-2506": "mistral_v11",
    "mistralai/Ministral-8B-Instruct-2410": "mistral",
    "mistralai/Ministral-3-8B-Instruct-2512": "mistral_v11",
    "mistralai/Mistral-Large-3-675B-Instruct-2512": "mistral_v11",
    "meta-llama/Llama-3.1-8B-Instruct": "llama3_json",
    "meta-llama/Llama-3.2-3B-Instruct": "llama3_json",
    "meta-llama/Llama-3.2-11B-Vision-Instruct": "llama3_json",
    "meta-llama/Llama-3.3-70B-Instruct": "llama3_json",
    "unsloth/Llama-3.3-70B-Instruct-GGUF": "llama3_json",
    "moonshotai/Kimi-K3": "kimi_k3",
    "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF": "llama3_json",
    "nvidia/Llama-3_3-Nemotron-Super-49B-v1_5": "toolcall_array",
    "nvidia/Llama-3.1-Nemotron-Nano-8B-v1": "toolcall_array",
    "nvidia/NVIDIA-Nemotron-Nano-9B-v2": "toolcall_array",
    "deepseek-ai/DeepSeek-V4.1": "dsml_v41",
    "MiniMaxAI/MiniMax-M1-80k": "minimax_m1",
    "tencent/Hunyuan-A13B-Instruct": "hunyuan_a13b",
    "XiaomiMiMo/MiMo-V2-Flash": "mimo",
    "inclusionAI/Ling-3.0-flash": "ling3",
    "tencent/Hy3-preview": "hy_v3",
    "poolside/Laguna-S-2.1": "glm47",
    "poolside/Laguna-XS.2": "glm45",
    "ServiceNow-AI/Apriel-1.6-15b-Thinker": "apriel",
    "ai-sage/GigaChat3.1-10B-A1.8B": "gigachat31",
    "internlm/Intern-S1-mini": "internlm",
    "microsoft/Phi-4-mini-instruct": "functools",
    "ibm-granite/granite-3.3-8b-instruct": "granite3",
    "granite3.3:8b": "granite3",
    "meituan-longcat/LongCat-Flash-Chat": "longcat_json",
    "ai21labs/AI21-Jamba-Large-1.6": "jamba",
}


@pytest.mark.parametrize(("model", "name"), MODELS.items())
def test_dialect_for_a_model(model: str, name: str) -> None:
    assert wp.dialect_for(model=model).name == name
    assert wp.dialect_for(model=model.upper()).name == name


# Formats that no dialect has, no tools at all, and what is tuned from a model and may write anything.
NOBODY = [
    "Qwen/Qwen2-7B-Instruct",
    "Qwen3-Embedding-8B",
    "Qwen/Qwen3-Reranker-4B",
    "Qwen/Qwen3Guard-Gen-8B",
    "llama3:8b",
    "mistral:7b",
    "gpt-neox:20b",
    "command-r:35b",
    "phi4:14b",
    "glm4:9b",
    "Meta-Llama-3-8B-Instruct.Q4_K_M.gguf",
    "gpt-neo-120b-mxfp4-00001-of-00003.gguf",
    "nvidia/Llama-3.3-Nemotron-Super-49B-v1",
    "deepseek-ai/DeepSeek-V2.5",
    "zai-org/GLM-4-9B-0414",
    "ibm-granite/granite-4.2-8b",
    "mistralai/Mixtral-8x7B-Instruct-v0.1",
    "HuggingFaceTB/SmolLM3-3B",
    "inclusionAI/Ling-1T",
    "dolphin3.0-llama3.1-8b",
]


@pytest.mark.parametrize("model", ["", "/", "gpt-4o", "Mistral-7B-Instruct-v0.1", "-" * 9, "q4" * 5_000, *NOBODY])
def test_no_dialect_for_a_model(model: str) -> None:
    with pytest.raises(wp.DialectError, match="no dialect is known for the model"):
        wp.dialect_for(model=model)


def test_the_hint_names_what_is_near() -> None:
    with pytest.raises(wp.DialectError, match=r"mistral-7b-instruct-v0\.3"):
        wp.dialect_for(model="mistralai/Mistral-7B-Instruct-v0.1")


@pytest.mark.parametrize("given_names", [{}, {"model": "qwen3:8b", "chat_template": "<tool_call>"}])
def test_dialect_for_takes_one_of_two(given_names: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="either model= or chat_template="):
        wp.dialect_for(**given_names)


# --- by the chat template ---------------------------------------------------------------------------------------------


def jinja(name: str) -> Iterator[str]:
    """Write a dialect's markers as templates do: as text, in strings with escapes, and joined from constants."""
    spec = wp.dialect(name)
    around = (spec.section.open, spec.section.close) if spec.section is not None else None
    parts = [spec.call.open.format(**dict.fromkeys(("name", "id"), "zqz")), spec.call.close.format(name="zqz")]
    if spec.codec != "json":
        argument = spec.argument
        slots = {"key": "zqz", "string": "true", "type": "string"}
        parts[1:1] = [argument.open.format(**slots), argument.close.format(key="zqz")]
    if around is not None:
        parts = [around[0].format(), *parts, around[1].format()]
    text = "{% for c in calls %}" + "{{ c }}".join(parts).replace("zqz", "{{ c.x }}") + "{% endfor %}"
    yield text
    escaped = "".join(parts).replace("\n", "\\n")
    yield "{{- '" + escaped.replace("zqz", "' + c.x + '") + "' }}"
    yield '{%- set token = "<" -%}' + text.replace("<", "<{{ token }}").replace("<{{ token }}", "{{ token }}")


# Markers that are nothing but a name or a word, and none at all.
UNMARKED = ("apertus", "cline", "functionary_v31", "functools", "step_audio_2")


def has_marker(name: str) -> bool:
    return name not in UNMARKED and not spellings(wp.dialect(name))[0].markerless


@pytest.mark.parametrize("name", [name for name in some_dialects() if has_marker(name)])
def test_dialect_for_a_template(name: str) -> None:
    def marks(each: str) -> tuple[object, ...]:
        first = spellings(wp.dialect(each))[0]
        return inside(first)[:2], [(opener.first.strip(), close.strip()) for opener, close in first.sections[:1]]

    for text in jinja(name):  # white space is lost in some of these: what is left tells no relatives apart
        assert marks(wp.dialect_for(chat_template=text).name) == marks(name)


def test_a_relative_that_would_write_other_white_space_is_not_it() -> None:
    # Ling 3 writes the tags of GLM 4.5, and no line break between a value and the next key.
    argument = r"{{ '<arg_key>' + k + '</arg_key>\n<arg_value>' + v + '</arg_value>' }}"
    own, other, none = (
        "{{ '<tool_call>' + c.name + '\\n' }}" + argument + between + argument + "{{ '\\n</tool_call>' }}"
        for between in ("\n", "", " ")
    )
    assert wp.dialect_for(chat_template=own).name == "glm45"
    assert wp.dialect_for(chat_template=other).name == "ling3"
    with pytest.raises(wp.DialectError, match=r"as \w+ does, but .* between two arguments: \w+ decodes"):
        wp.dialect_for(chat_template=none)


def test_dialect_for_a_template_without_markers() -> None:
    text = """{{- 'Answer {"name": tool, "parameters": arguments}' }}<|eot_id|>"""
    assert wp.dialect_for(chat_template=text).name == "llama3_json"


RESULT = "{{ '<tool_response>' + m.content + '</tool_response>' }}"
TAGGED = (
    "{%- for c in m.tool_calls %}\n{{- '<tool_call>\\n<function=' + c.name + '>\\n' }}\n"
    "{%- for k, v in c.arguments | items %}\n{{- '<parameter=' + k + '>\\n' }}\n{{- v }}\n"
    "{{- '\\n</parameter>\\n' }}\n{%- endfor %}\n{{- '</function>\\n</tool_call>' }}\n{%- endfor %}\n"
)
PAIRS = (
    "{% for c in m.tool_calls %}{{ '<tool_call>' ~ c.name }}SPACE{%- for k, v in c.arguments | items %}\n"
    '{{- "<arg_key>" ~ k ~ "</arg_key>" -}}SPACE\n{{- "<arg_value>" }}{{ v }}{{- "</arg_value>" -}}SPACE\n'
    "{%- endfor %}{{- '</tool_call>' }}{% endfor %}"
)
ABOUT = "{{ 'Put each call within <tool_call></tool_call> XML tags.' }}"
WRITTEN = {
    # White space, and how results are told, tell relatives apart; the alphabet does not.
    "step3p5": TAGGED + RESULT,
    "qwen3_coder": TAGGED + RESULT.replace("<tool_response>'", "<tool_response>\\n'").replace("'</t", "'\\n</t"),
    "glm47": PAIRS.replace("SPACE", ""),
    "glm45": PAIRS.replace("SPACE", "{{- '\\n' -}}"),
    "hermes": ABOUT + "{% for c in m.tool_calls %}{{ '<tool_call>\\n' + c | tojson + '\\n</tool_call>' }}{% endfor %}",
}
UNKNOWN = [
    # A marker that is only spoken of, one that is a part of a longer one, and words that may stand anywhere.
    ABOUT + "{% for c in m.tool_calls %}{{ '<tool_callz>[' + c | tojson + ']</tool_callz>' }}{% endfor %}",
    "{% set ns = ']<]maximin[>[' %}{{ ns ~ '<tool_call>\\n' ~ ns ~ '<do name=\"' ~ c.name ~ '\">' }}{{ ns ~ '</tool_call>' }}",
    "{{ 'call the function with arguments, role function, Action: none' }}",
    "{% if '<tool_call>' in m.content %}{{ m.content.split('</tool_call>')[0] }}{% endif %}",
    "{# <tool_call>\n{{ c }}\n</tool_call> #}{{ m.content }}",
]


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_template_writes_decides(name: str) -> None:
    assert wp.dialect_for(chat_template=WRITTEN[name]).name == name


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_a_template_does_not_write_is_no_evidence(text: str) -> None:
    with pytest.raises(wp.DialectError, match="no call markers"):
        wp.dialect_for(chat_template=text)


@pytest.mark.parametrize(
    ("template", "written"),
    [
        ("a {{- b -}} c", "a◌c"),
        ("a\n  {% if x %}\nb{% else %}c{% endif %}\nd", "a\nbcd"),
        ("{% for x in y %}({{ x }}){%- endfor %}", "(◌)(◌)"),
        ("{%- set open = '<a>' -%}{{ open + x['key'] ~ \"</a>\" }}", "<a>◌</a>"),
        ("{% set ns.out = ns.out ~ '<b>' %}", "◌<b>◌"),
        ("{# {{ 'no' }} #}yes", "yes"),
        ("{{ 'it\\'s }} fine\\n' }}", "it's }} fine\n"),
        ("{{ never closed", "{{ never closed"),
        ("{% for x in y %}open", "open"),
    ],
)
def test_a_template_is_read_and_not_run(template: str, written: str) -> None:
    assert rendered(template).replace(HOLE, "◌") == written


@pytest.mark.parametrize(
    "text", ["{{", "{% for x in y %}", "{{ 'a", "{{ '\\'", "{% set a = '\\'", "'", "{# ", "{{ a }}", "{% endfor %}"]
)
def test_no_template_takes_long(text: str) -> None:
    started = time.process_time()
    rendered(text * (200_000 // len(text)))
    assert time.process_time() - started < 5


@pytest.mark.parametrize("text", ["", "{{ content }}", "<think>{{ m }}</think>", '{"name": "x", "parameters": {}}'])
def test_no_dialect_for_a_template(text: str) -> None:
    with pytest.raises(wp.DialectError, match="no call markers"):
        wp.dialect_for(chat_template=text)
