"""What an output is called, what could be saved of it, and what the model is told: properties, and a labelled corpus."""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from effort import some_dialects, structure
from hypothesis import given
from hypothesis import strategies as st

import wireproto as wp
from benchmarks.classify import Case, corpus, score
from wireproto.decode import second_look
from wireproto.decode.recogniser import Recogniser
from wireproto.format.spelling import spellings
from wireproto.fuzz import trials
from wireproto.recover.classify import LABELS
from wireproto.recover.retry import FORM
from wireproto.testing import Trial
from wireproto.text.json_safe import identical
from wireproto.tools.parameters import example
from wireproto.tools.toolset import Toolset
from wireproto.values.diagnoses import CODES, KINDS

CORPUS = corpus()
FIXTURES = Path(__file__).parent.parent / "fixtures"
TOOLS: list[dict[str, Any]] = [
    {
        "name": "read_file",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}},
            "required": ["path"],
        },
    },
    {"name": "shell_exec", "parameters": {"type": "object", "properties": {"command": {"type": "string"}}}},
]
LEAKED = '{"name": "read_file", "arguments": {"path": "a.txt", "limit": 3}}'
RUN = '{"name": "shell_exec", "arguments": {"command": "ls"}}'
MARKED = f"<tool_call>\n{LEAKED}\n</tool_call>"
NAMES = (
    "auto",
    "hermes",
    "qwen3_coder",
    "dsml_v4",
    "glm45",
    "kimi_k2",
    "mistral",
    "llama3_json",
    "xml",
    "toml",
    "cline",
)
KINDS_OF_TEXT = {
    "leaked": LEAKED,
    "quoted": f"As in\n\n```\n{MARKED}\n```\n\nhere.",
    "draft": f"<think>\n{MARKED}\nor not\n</think>\n\nNo.",
    "foreign": wp.encode([wp.Call("read_file", {"path": "a.txt", "limit": 3})], "kimi_k2", tools=TOOLS),
}


def codes(verdict: wp.Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


# The corpus.


def test_the_corpus_is_what_it_should_be() -> None:
    assert len(CORPUS) >= 400
    assert {case.label for case in CORPUS} == set(LABELS)
    assert len({case.wire for case in CORPUS if case.wire}) >= 12
    assert len({case.id for case in CORPUS}) == len(CORPUS)
    assert len({(case.text, case.dialect, case.finish_reason) for case in CORPUS}) == len(CORPUS)
    assert all(case.negative for case in CORPUS if case.label in ("plain", "mention", "quoted"))


def test_there_are_many_hard_negatives() -> None:
    hard = [case for case in CORPUS if case.id.startswith("hard-")]
    assert len(hard) >= 300 and all(case.negative for case in hard)
    assert {structure(case.dialect) for case in hard if case.dialect != "auto"} >= {*map(structure, some_dialects())}
    named = [case for case in hard if case.tools and any(name in case.text for name in Toolset.of(case.tools).names)]
    assert len(named) >= 190


def test_the_reader_is_right_nearly_always() -> None:
    found = score(CORPUS)
    assert found.accuracy >= 0.97, [(case.id, verdict.label) for case, verdict in found.wrong]
    assert found.phantoms == []


# A format without markers takes any object that begins an output with a declared name for a call.
MARKED_FORMATS = [
    name for name in some_dialects() if not any(spelling.markerless for spelling in spellings(wp.dialect(name)))
]


@pytest.mark.parametrize("name", ["auto", *MARKED_FORMATS])
def test_nothing_is_called_that_was_not_meant(name: str) -> None:
    called = [case.id for case in CORPUS if case.negative and case.verdict(name).message.calls]
    assert called == []


def test_verdicts_point_into_the_text() -> None:
    for case in CORPUS:
        verdict = case.verdict()
        assert verdict.text_len == len(case.text)
        assert set(codes(verdict)) <= CODES.keys()
        for reason in verdict.reasons:
            assert 0 <= reason.span[0] <= reason.span[1] <= len(case.text), case.id
        for candidate in verdict.candidates:
            assert candidate.call.raw == case.text[slice(*candidate.call.span)] != "", case.id
            assert candidate.label in LABELS and 0 <= candidate.confidence <= 1, case.id
            assert candidate.assumes or candidate.label == "malformed", case.id
        confidences = [candidate.confidence for candidate in verdict.candidates]
        assert confidences == sorted(confidences, reverse=True), case.id


@pytest.mark.parametrize("step", [1, 7])
def test_candidates_do_not_depend_on_chunks(step: int) -> None:
    for case in CORPUS[:: 12 - step]:
        decoder = wp.Decoder(case.dialect, case.tools, policy=case.policy, reasoning_open=case.reasoning_open)
        for at in range(0, len(case.text), step):
            decoder.feed(case.text[at : at + step])
        decoder.close(case.finish_reason)
        assert decoder.message == case.verdict().message, case.id


# Any text.


@given(
    st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), trials("hermes" if name == "auto" else name)))
)
def test_every_text_has_a_verdict(case: tuple[str, Trial]) -> None:
    name, trial = case
    verdict = wp.classify(
        trial.text, name, trial.tools, finish_reason=trial.finish_reason, reasoning_open=trial.reasoning_open
    )
    assert verdict.label in LABELS
    assert verdict == wp.classify(
        trial.text, name, trial.tools, finish_reason=trial.finish_reason, reasoning_open=trial.reasoning_open
    )
    assert (verdict.label in ("calls", "recovered")) <= bool(verdict.message.calls)
    assert verdict.message.calls == () or verdict.label not in (
        "plain",
        "mention",
        "quoted",
        "draft",
        "leaked",
        "foreign",
    )
    assert verdict.retry_message() == verdict.retry_message()


@given(st.sampled_from(NAMES), st.text(alphabet="<>{}[]`'\"/&;=: \nabtool_cnme", max_size=60))
def test_noise_has_a_verdict(name: str, text: str) -> None:
    verdict = wp.classify(text, name, TOOLS)
    assert verdict.label in LABELS and verdict.text_len == len(text)


OPENERS = (
    '{"name": "read_file", "arguments": {"path": "x\n',
    '{"name": "read_file", "arguments": {"path": "x"}}\n',
    '>{"name": "x", "arguments": {"a": "b"c',
    "&lt;tool_call&gt;{",
    "`<tool_call>{",
    "read_file{",
    "functions.read_file:0{",
    "<parameter=path>\n",
    "\n{",
)


@pytest.mark.parametrize("opener", OPENERS)
def test_a_second_look_decodes_each_character_a_few_times(opener: str) -> None:
    assert _fed(opener * 8_000) <= 2.2 * _fed(opener * 4_000) + 10_000
    assert _fed(opener * 8_000) <= 6 * len(opener) * 8_000


def _fed(text: str) -> int:
    """Return how many characters a second look gives to recognisers."""
    fed = 0

    class Counting(Recogniser):
        def feed(self, chunk: str) -> list[wp.Event]:
            nonlocal fed
            fed += len(chunk)
            return super().feed(chunk)

    decoder = wp.Decoder("hermes", TOOLS, policy=wp.Policy(second_look=False))
    decoder.feed(text)
    decoder.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(second_look, "Recogniser", Counting)
        second_look.look_again(decoder._core, Toolset.of(TOOLS), wp.Policy())
    return fed


def test_a_hundred_thousand_openers() -> None:
    assert wp.classify('{"name": "read_file", "arguments": {"path": \n' * 100_000, "hermes", TOOLS).message.calls == ()


@pytest.mark.parametrize("passage", ["the ", "no ", "ha", "是的", "wait, ", "go go stop ", "Done.\n", "é "])
def test_a_word_over_and_over_is_a_loop(passage: str) -> None:
    for before in ("", "I will check.\n\n", "<think>So: "):
        verdict = wp.classify(before + passage * 100, "hermes", TOOLS)
        expected = "looping" if len(passage) > 2 or passage == "ha" or passage == "是的" else "plain"
        assert verdict.label == expected
        if expected == "looping":
            (reason,) = (each for each in verdict.reasons if each.code == "looping")
            start, end = reason.span
            assert (before + passage * 100)[start:end].replace(passage.strip(), "").strip(" \n,.") == ""
        assert wp.classify(before + passage * 100 + "And so it ends.", "hermes", TOOLS).label == "plain"
        assert wp.classify(before + passage * 7, "hermes", TOOLS).label == "plain"


@pytest.mark.parametrize("filler", ["null, ", "0, ", "--- | ", "FF ", "A C G T ", "NaN ", "| x ", "</td>"])
def test_what_fills_a_table_is_no_loop(filler: str) -> None:
    assert wp.classify("As in " + filler * (600 // len(filler)), "hermes", TOOLS).label == "plain"


# What it says.


def test_what_a_harness_sees() -> None:
    text = "Use <tool_call> and </tool_call>."
    verdict = wp.classify(text, tools=TOOLS, finish_reason="stop")
    found = (verdict.label, verdict.dialect, verdict.saw_start, verdict.saw_end, verdict.text_len)
    assert found == ("mention", "", 1, 1, len(text))
    verdict = wp.classify(MARKED, tools=TOOLS)
    assert (verdict.label, verdict.dialect, verdict.saw_start, verdict.saw_end) == ("calls", "hermes", 1, 1)


@pytest.mark.parametrize(
    ("text", "dialect", "tools", "cause"),
    [
        ("&lt;tool_call&gt;\n" + RUN + "\n&lt;/tool_call&gt;", "hermes", TOOLS, "html-escaped"),
        ('functions.shell_exec:0{"command": "ls"}', "kimi_k2", TOOLS, "special-tokens-stripped"),
        (MARKED, "hermes", [], "no-tools"),
        (MARKED, "kimi_k2", TOOLS, "wrong-dialect"),
    ],
)
def test_causes_outside_the_model(text: str, dialect: str, tools: Any, cause: str) -> None:
    verdict = wp.classify(text, dialect, tools)
    assert cause in codes(verdict)
    assert len(verdict.candidates) == 1 and verdict.candidates[0].call.complete
    assert verdict.message.calls == ()


def test_a_candidate_says_what_is_assumed() -> None:
    (candidate,) = wp.classify(f"I will look.\n{LEAKED}\n", "hermes", TOOLS).candidates
    assert candidate.call.arguments == {"path": "a.txt", "limit": 3}
    assert (candidate.label, candidate.assumes) == ("leaked", ("leaked-call",))
    (alone,) = wp.classify(LEAKED, "hermes", TOOLS).candidates
    assert alone.confidence > candidate.confidence


def test_a_definition_of_a_tool_is_no_call() -> None:
    definition = json.dumps({"name": "read_file", "parameters": TOOLS[0]["parameters"]})
    assert wp.classify(definition, "hermes", TOOLS).candidates == ()


def test_the_fixtures_candidates() -> None:
    cases = [json.loads(line) for line in (FIXTURES / "resolution.jsonl").read_text(encoding="utf-8").splitlines()]
    cases = [case for case in cases if "candidates" in case["expect"]]
    assert len(cases) == 7
    for case in cases:
        message = wp.parse(case["text"], case["dialect"], case["tools"], finish_reason=case.get("finish_reason"))
        got = [{"name": call.name, "arguments": call.arguments} for call in message.candidates]
        assert identical(got, case["expect"]["candidates"]), case["id"]


def test_without_a_second_look_there_are_no_leaks() -> None:
    message = wp.parse(LEAKED, "hermes", TOOLS, policy=wp.Policy(second_look=False))
    assert message.candidates == () and message.diagnoses == ()


# Promotion.


def _decode(text: str, policy: wp.Policy, tools: Any = TOOLS) -> tuple[list[wp.Event], wp.Message]:
    decoder = wp.Decoder("hermes", tools, policy=policy)
    events = decoder.feed(text) + decoder.close("stop")
    return events, decoder.message


@pytest.mark.parametrize(("kind", "word"), [*product(KINDS_OF_TEXT, KINDS_OF_TEXT)])
def test_only_what_is_named_is_promoted(kind: str, word: str) -> None:
    text = KINDS_OF_TEXT[kind]
    plain_events, plain = _decode(text, wp.Policy())
    assert plain.calls == () and len(plain.candidates) == 1
    for policy in (wp.Policy(promote={"read_file": {word}}), wp.Policy(promote={"*": [word]})):
        events, message = _decode(text, policy)
        assert message.text == plain.text and message.segments == plain.segments
        assert events[: len(plain_events)] == plain_events
        if kind != word:
            assert events == plain_events and message == plain
            continue
        assert message.candidates == ()
        (call,) = message.calls
        assert call.arguments == {"path": "a.txt", "limit": 3} and call.raw in text
        started, ended = events[len(plain_events)], events[-2]
        assert isinstance(started, wp.CallStart) and started.name == "read_file"
        assert isinstance(ended, wp.CallEnd) and ended.call == call
        deltas = {e.key: e.text for e in events if isinstance(e, wp.ArgumentDelta)}
        assert deltas == {"path": "a.txt", "limit": "3"}
        assert message.diagnoses[-1].code == "promoted"


def test_promotion_is_a_tools_own_matter() -> None:
    policy = wp.Policy(promote={"read_file": {"leaked"}, "shell_exec": set(), "*": {"leaked", "quoted"}})
    message = _decode(f"{RUN}\n{LEAKED}", policy)[1]
    assert [call.name for call in message.calls] == ["read_file"]
    assert [call.name for call in message.candidates] == ["shell_exec"]


def test_nothing_is_promoted_that_cannot_be_called() -> None:
    policy = wp.Policy(promote={"*": {"leaked", "quoted", "draft", "foreign"}}, foreign="call")
    assert _decode(LEAKED[:-8], policy)[1].calls == ()
    assert _decode(MARKED, policy, tools=[])[1].calls == ()
    salted = wp.Decoder(wp.dialect("xml").salted("k7q2"), TOOLS, policy=policy)
    salted.feed(LEAKED)
    salted.close()
    assert salted.message.calls == () and len(salted.message.candidates) == 1
    with pytest.raises(wp.LimitExceeded):
        _decode(f"{LEAKED}\n{LEAKED}", wp.Policy(promote={"*": {"leaked"}}, limits=wp.Limits(max_calls=1)))


def test_a_foreign_call_is_what_policy_says() -> None:
    text = KINDS_OF_TEXT["foreign"]
    assert _decode(text, wp.Policy(foreign="text"))[1].candidates == ()
    assert len(_decode(text, wp.Policy(foreign="candidate"))[1].candidates) == 1
    assert len(_decode(text, wp.Policy(foreign="call"))[1].calls) == 1
    never = wp.Policy(foreign="call", promote={"read_file": ()})
    assert _decode(text, never)[1].calls == ()


@pytest.mark.parametrize(
    "words", ["", "leak", "never leaked", "leaked, quoted", ["leak"], {"never"}, None, {"leaked": 1}]
)
def test_a_wrong_label_is_an_error(words: Any) -> None:
    with pytest.raises(wp.PolicyError, match="promote"):
        wp.Policy(promote={"read_file": words})


def test_every_kind_can_be_promoted() -> None:
    assert set(KINDS.values()) == set(KINDS_OF_TEXT)


# The message for the model.


@pytest.mark.parametrize("name", wp.dialects())
def test_the_form_that_is_shown_decodes(name: str) -> None:
    for text, tool in (("I could not do it.", TOOLS[0]), (f"I ran it.\n{RUN}", TOOLS[1])):
        message = wp.classify(text, name, TOOLS).retry_message()
        shown = wp.parse(message.rpartition(FORM + "\n\n")[2], name, TOOLS)
        expected = example(Toolset.of([tool]).tools[0])
        assert [(call.name, call.arguments) for call in shown.calls] == [(expected.name, expected.arguments)]
        assert shown.text == "" and shown.diagnoses == () and len(message) < 1_500


def test_it_names_the_defect_and_the_tool() -> None:
    text = '<tool_call>\n{"name": "readfile", "arguments": {"path": "a"}}\n</tool_call>'
    message = wp.classify(text, "hermes", TOOLS).retry_message()
    assert "'readfile'" in message and "read_file, shell_exec" in message and "path (string, required)" in message


def test_it_quotes_no_more_than_needed() -> None:
    secret = "x" * 10_000
    text = '<tool_call>\n{"name": "read_file", "arguments": {"path": "' + secret + '" oops}}\n</tool_call>'
    verdict = wp.classify(text, "hermes", TOOLS)
    assert verdict.label == "malformed"
    assert "xxxxxxxxxxxx" not in verdict.retry_message() and len(verdict.retry_message()) < 1_000


def test_it_is_silent_where_nothing_is_wrong() -> None:
    assert wp.classify(MARKED, tools=TOOLS).retry_message() == ""
    assert "No tools are offered" in wp.classify(MARKED, tools=[]).retry_message()


def test_it_is_written_for_the_dialect_in_use() -> None:
    assert "<|tool_call_begin|>" in wp.classify(MARKED, "kimi_k2", TOOLS).retry_message()
    assert "<function=" in wp.classify("<function=read_file>\n<parameter=path>\na", tools=TOOLS).retry_message()
    assert "<tool_call>" in wp.classify(LEAKED, tools=TOOLS).retry_message()


def test_every_label_has_something_to_say() -> None:
    said = Counter(case.label for case in CORPUS if case.verdict().retry_message())
    assert set(said) >= set(LABELS) - {"calls", "recovered"}


def test_the_score_counts() -> None:
    wrong = Case("x", "calls", "hello", "hermes", TOOLS, None, False, wp.Policy(), True, "")
    phantom = Case("y", "plain", MARKED, "hermes", TOOLS, None, False, wp.Policy(), True, "")
    found = score([wrong, phantom])
    assert found.accuracy == 0 and found.phantoms == [phantom]


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("mistral", "[TOOL_CALLS][\nI would read the file now.\n]"),
        ("mistral_v11", '[TOOL_CALLS]?? ??[ARGS]{"path": "a"}'),
        ("toml", "+++ tool_calls\nI would read the file now.\n+++"),
        ("html", '<form toolname="">\n<textarea name="path">\na</textarea>\n</form>'),
        ("minimax_m2", "<minimax:tool_call>\nI would read the file now.\n</minimax:tool_call>"),
        ("cline", "<read_file>\nI would read the file now.\n</read_file>"),
        ("auto", "<read_file>\nI would read the file now.\n</read_file>"),
        (
            "kimi_k2",
            "<|tool_calls_section_begin|>\n<|tool_call_begin|>???<|tool_call_end|>\n<|tool_calls_section_end|>",
        ),
    ],
)
def test_a_block_that_holds_no_call_is_named(dialect: str, text: str) -> None:
    verdict = wp.classify(text, dialect, TOOLS)
    assert verdict.label == "malformed" and "unreadable-block" in {found.code for found in verdict.reasons}


@pytest.mark.parametrize(
    "text", ["+++ tool_calls\nopens a block", "[TOOL_CALLS] and [ARGS] are markers.", "<form class='x'>"]
)
def test_a_marker_in_a_sentence_opens_no_block(text: str) -> None:
    for dialect in ("mistral", "mistral_v11", "toml", "html"):
        assert wp.classify(text, dialect, TOOLS).label in ("mention", "plain")


@pytest.mark.parametrize(
    ("dialect", "text", "stripped"),
    [
        ("hermes", '<tool_call>read_file{"path": "a"}</tool_call>', False),
        ("deepseek_v31", '<｜tool▁calls▁begin｜>read_file{"path": "a"}<｜tool▁calls▁end｜>', False),
        ("deepseek_v31", 'read_file{"path": "a"}', True),
        ("kimi_k2", 'functions.read_file:0{"path": "a"}', True),
    ],
)
def test_tokens_are_called_stripped_only_where_none_is_left(dialect: str, text: str, stripped: bool) -> None:
    verdict = wp.classify(text, dialect, TOOLS)
    assert ("special-tokens-stripped" in {found.code for found in verdict.reasons}) is stripped
    assert [candidate.call.arguments for candidate in verdict.candidates] == [{"path": "a"}]
