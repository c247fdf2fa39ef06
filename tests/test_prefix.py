"""Whether a prompt left reasoning open, for every dialect that has any, and in what other people wrote."""

from __future__ import annotations

import pytest

import wireproto as wp

THINKING = [name for name in wp.dialects() if wp.dialect(name).reasoning is not None]
TURN = "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize("name", THINKING)
def test_reasoning_is_open_from_its_opener_to_its_closer(name: str) -> None:
    frame = wp.dialect(name).reasoning
    assert frame is not None
    opened = TURN + frame.open
    assert wp.prefix_state(name, TURN) == "text"
    for prompt in (opened, opened + "\n", opened.rstrip(), opened + "Well,"):
        assert wp.prefix_state(name, prompt) == "reasoning", prompt
    for prompt in (opened + frame.close, f"{opened}\n\n{frame.close}\n\n", TURN + frame.close):
        assert wp.prefix_state(name, prompt) == "text", prompt
    # What the state says is what the decoder needs to know.
    output = f"Because.{frame.close}It is so."
    message = wp.parse(output, name, reasoning_open=wp.prefix_state(name, opened) == "reasoning")
    assert (message.reasoning, message.text.strip()) == ("Because.", "It is so.")


def test_what_a_user_wrote_opens_nothing() -> None:
    for asked in ("What does <think> do?", "Is <think> a tag?"):
        assert wp.prefix_state("hermes", f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n") == "text"
    assert wp.prefix_state("hermes", "What does <think> do?") == "text"
    assert wp.prefix_state("llama3_json", "<think>\n") == "text"  # no reasoning in this format


def test_a_prompt_may_end_in_the_middle_of_an_opener() -> None:
    prompt = "<|turn>model\n<|channel>"
    assert wp.prefix_state("gemma4", prompt) == "reasoning"
    assert wp.parse("thought\nRR<channel|>Hello.", "gemma4", reasoning_open=True).reasoning == "RR"
    assert wp.prefix_state("gemma4", prompt + "thought\n<channel|>") == "text"
    # Other blocks begin with this token too.
    assert wp.prefix_state("harmony", "<|start|>assistant<|channel|>") == "text"


def test_a_long_prompt_is_looked_at_from_its_end() -> None:
    assert wp.prefix_state("hermes", "x" * 1_000_000 + "<think>\n") == "reasoning"


def test_no_such_dialect() -> None:
    with pytest.raises(wp.DialectError, match="hermess"):
        wp.prefix_state("hermess", "")
