"""mlx-lm's parsers on its server's state machine; Linux without a GPU will do.

    pip install mlx-lm==0.32.2 'mlx[cpu]'
    wireproto fuzz --against "python examples/peers/with_mlx_lm.py" --dialect all

The server finds reasoning and calls in the text as it comes, and hands the text of each whole call to the parser of the
model's format. What it says of a call that it could not parse is nothing: the call is dropped.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from typing import Any

from serving import Answer, Request, serve

# Our dialect: the name of the parser, and the markers of reasoning.
PARSERS = {
    "glm47": ("glm47", "<think>", "</think>"),
    "hermes": ("json_tools", "<think>", "</think>"),
    "kimi_k2": ("kimi_k2", "<think>", "</think>"),
    "minimax_m2": ("minimax_m2", "<think>", "</think>"),
    "mistral": ("mistral", "[THINK]", "[/THINK]"),
    "mistral_v11": ("mistral", "[THINK]", "[/THINK]"),
    "qwen3_coder": ("qwen3_coder", "<think>", "</think>"),
}


@dataclass
class Markers:
    """What the state machine asks a tokenizer for."""

    tool_call_start: str
    tool_call_end: str
    think_start: str
    think_end: str
    has_tool_calling: bool = True
    has_thinking: bool = True
    structural_markers: tuple[str, ...] = ()
    response_transitions: dict[str, Any] = field(default_factory=dict)


def read(request: Request) -> Answer:
    """Go through the chunks as the server goes through the pieces that a model generates."""
    generate, server = import_module("mlx_lm.generate"), import_module("mlx_lm.server")
    name, think, thought = PARSERS[request["dialect"]]
    parser = import_module(f"mlx_lm.tool_parsers.{name}")
    machine = generate.make_text_state_machine(Markers(parser.tool_call_start, parser.tool_call_end, think, thought))
    state = machine.make_state("reasoning" if request["reasoning_open"] else "normal")
    step = generate.TextStateMachine
    parts: list[tuple[str, str]] = []
    for chunk in request["chunks"]:
        state, found = step.split(state, chunk)
        parts += found
    if request["finish_reason"] == "length":
        state, rest, current = step.flush(state)
        parts.append((current, rest))
    else:
        # The end-of-turn token came: the server drops what it still held back.
        state, current = step.discard(state)
        parts.append((current, ""))
    texts, calls, before = {"normal": "", "reasoning": "", "tool": ""}, [], "normal"
    for current, text in parts:
        if current == "normal" and before == "tool":
            calls.append(texts["tool"])
            texts["tool"] = ""
        texts[current] += text
        before = current
    if before == "tool" and texts["tool"]:
        calls.append(texts["tool"])
    made = [call["function"] for call in server.ToolCallFormatter(parser.parse_tool_call, request["tools"])(calls)]
    # It may send a call without a name.
    named = [{"name": str(call.get("name", "")), "arguments": call["arguments"]} for call in made]
    return {"calls": named, "text": texts["normal"], "reasoning": texts["reasoning"]}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    import_module("mlx_lm.server")
    serve("mlx-lm", version("mlx-lm"), PARSERS, read)
