"""Response templates of our dialects on the parser of transformers itself.

`make transformers` runs it in an environment of its own; its name keeps it out of `make test`. Nothing here is skipped:
without the parser every test fails.
"""

from __future__ import annotations

from typing import Any

import pytest
from test_response_template import CALLS, REFUSED, TOOLS

import wireproto as wp


@pytest.mark.parametrize("thought", ["", "RR"])
@pytest.mark.parametrize("calls", [CALLS, CALLS[:1], CALLS[1:]], ids=["both", "first", "second"])
@pytest.mark.parametrize("name", [name for name in wp.dialects() if name not in REFUSED])
def test_their_parser_reads_what_we_write(name: str, calls: list[wp.Call], thought: str) -> None:
    from transformers.utils.chat_parsing import parse_response

    spec = wp.dialect(name)
    thought = thought if spec.reasoning is not None else ""
    text = wp.encode(wp.Message(reasoning=thought, calls=tuple(calls)), spec, tools=TOOLS)
    template = spec.to_response_template("<|turn|>model\n")
    found: dict[str, Any] = parse_response(text, template, prefix="", tools=TOOLS)
    functions = [call["function"] for call in found.get("tool_calls", [])]
    assert [(each["name"], each["arguments"]) for each in functions] == [(each.name, each.arguments) for each in calls]
    assert found.get("thinking", "").strip() == thought and not found.get("content", "").strip()
