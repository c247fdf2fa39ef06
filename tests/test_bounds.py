"""The bounds that docs/explanation/rules.md states, each on both of its sides."""

from __future__ import annotations

from typing import Any

import pytest
import shapes

import wireproto as wp

READ = wp.Call("read_file", {"path": "a"})


def calls(dialect: str, text: str) -> list[str]:
    return [call.name for call in wp.parse(text, dialect, shapes.TOOLS).calls]


@pytest.mark.parametrize("dialect", ["deepseek_v31", "kimi_k2"])
def test_text_between_a_section_and_its_first_call(dialect: str) -> None:
    # R-MISSING: "up to 96 characters of text stand between the section's opener and the call".
    section = wp.dialect(dialect).section
    assert section is not None
    opener = section.open.format()
    text = wp.encode([READ], dialect, tools=shapes.TOOLS)
    for length in (1, 95, 96, 97, 300):
        noise = "x" * length
        message = wp.parse(text.replace(opener, opener + noise, 1), dialect, shapes.TOOLS)
        assert [call.arguments for call in message.calls] == [READ.arguments]
        # Behind more text the call stands alone, and the section's opener is text.
        assert message.text == (noise if length <= 96 else opener + noise)


def test_damaged_openers_are_looked_at_while_they_are_few() -> None:
    # R-MISSING: "32 damaged openers are looked at, and one more for every 96 characters"; a line of prose is none.
    call = "read_file<arg_key>path</arg_key><arg_value>a</arg_value></tool_call>"
    for line, found in {"read_file<arg_key>zz": False, "I look at read_file.": True}.items():
        assert calls("glm47", "\n".join([*[line] * 31, call])) == ["read_file"]
        assert calls("glm47", "\n".join([*[line] * 100, call])) == ["read_file"] * found


@pytest.mark.parametrize("more", [0, 1])
def test_the_name_of_a_record_stands_in_its_first_4096_characters(more: int) -> None:
    # R-RECORD: "Before the name at most 4,096 characters are looked at".
    for length, found in ((100, 1), (3_900, 1), (4_200, 0)):
        record = f'{{"thought": "{"x" * (length + more)}", "name": "read_file", "arguments": {{"path": "a"}}}}'
        assert len(calls("hermes", f"<tool_call>\n{record}\n</tool_call>")) == found, length


@pytest.mark.parametrize("dialect", ["qwen3_coder", "glm47", "dsml_v4", "kimi_k2", "mistral_v11"])
def test_a_name_that_nobody_declared_has_up_to_128_characters(dialect: str) -> None:
    # R-OPEN: "up to 128 of A-Z a-z 0-9 _ . -".
    for length, found in ((1, 1), (127, 1), (128, 1), (129, 0), (500, 0)):
        name = "f" * length
        text = wp.encode([wp.Call(name, {"path": "a"})], dialect, tools=[{**shapes.TOOLS[0], "name": name}])
        assert len(wp.parse(text, dialect, shapes.TOOLS).calls) == found, length


@pytest.mark.parametrize("dialect", wp.dialects())
@pytest.mark.parametrize("policy", [wp.Policy(limits=wp.Limits(max_depth=5)), wp.Policy()], ids=["policy", "default"])
def test_a_value_nests_as_deep_as_the_policy_says(dialect: str, policy: wp.Policy) -> None:
    tools = [{"name": "f", "parameters": {"properties": {"list": {"type": "array"}, "object": {"type": "object"}}}}]
    arguments: dict[str, Any] = {"list": [[[[[]]]]], "object": {"a": {"a": {"a": {"a": {}}}}}}
    for key, value in arguments.items():
        text = wp.encode([wp.Call("f", {key: value})], dialect, tools=tools)
        (call,) = wp.parse(text, dialect, tools, policy=policy).calls
        assert (call.arguments, call.complete) == ({key: value}, True)
        deeper = [value] if key == "list" else {"a": value}
        text = wp.encode([wp.Call("f", {key: deeper})], dialect, tools=tools)
        if policy.limits.max_depth is None:
            assert wp.parse(text, dialect, tools).calls[0].arguments == {key: deeper}
            continue
        with pytest.raises(wp.LimitExceeded, match="nested deeper than 5"):
            wp.parse(text, dialect, tools, policy=policy)
        decoder = wp.Decoder(dialect, tools, policy=policy)
        with pytest.raises(wp.LimitExceeded, match="nested deeper than 5"):
            for char in text:
                decoder.feed(char)
            decoder.close()


@pytest.mark.parametrize("text", ["get_time</tool_box>", "get_time</tool_call", "read_file<arg_kez>"])
def test_what_can_be_no_opener_is_text_at_once(text: str) -> None:
    # Law 8 of R-MISSING: nothing is held that no text could make a call.
    decoder = wp.Decoder("glm47", shapes.TOOLS)
    decoder.feed(f"{text} is no marker.\nThat is all.")
    assert decoder.message.text.startswith(text)
