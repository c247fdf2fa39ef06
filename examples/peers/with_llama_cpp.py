"""llama.cpp's chat parsers in its own server, through xllamacpp: no real model, no GPU, no network.

    pip install 'wireproto[engines]'
    for name in Qwen-Qwen2.5-7B-Instruct Qwen3-Coder meta-llama-Llama-3.1-8B-Instruct; do
        curl -O https://raw.githubusercontent.com/ggml-org/llama.cpp/master/models/templates/$name.jinja
    done
    wireproto fuzz --against "python examples/peers/with_llama_cpp.py FOLDER" --dialect all

The parser is reached through the server alone, so the server has to "generate" the output: a random model of 80 KB is
given a reasoning budget of no tokens, and the message that llama.cpp then forces is the output; the next token is the
end of the turn. This needs a template that knows no reasoning, and the last characters of what it puts before an
answer. A stream comes in the model's tokens, mostly of one character, and not in the chunks that were asked for.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from serving import Answer, Deltas, Request, serve

from wireproto.testing.engines.tinymodel import end_of_turn, write_model
from wireproto.testing.engines.tinyserver import start

# Our dialect: the template, and the end of what stands before an answer.
TEMPLATES = {
    "hermes": ("Qwen-Qwen2.5-7B-Instruct", "t\n"),
    "llama3_json": ("meta-llama-Llama-3.1-8B-Instruct", ">\n\n"),
    "qwen3_coder": ("Qwen3-Coder", "t\n"),
}
MARKERS = ("<tool_call>", "</tool_call>")
# What ends the turn in these templates: a server never shows what a model writes after it.
ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<|eom_id|>")
CONTEXT = 8192
LONGEST = 5_000  # bytes, each of which may be a token


@cache
def server(folder: Path, template: str) -> Any:
    """Return a server with this template."""
    model = Path(tempfile.mkdtemp()) / "model.gguf"
    write_model(model, markers=MARKERS)
    return start(str(model), CONTEXT, (folder / f"{template}.jinja").read_text(encoding="utf-8"))


def read(folder: Path, request: Request) -> Answer:
    """Have the server write the output, and return what it makes of it."""
    text = "".join(request["chunks"])
    if not text or len(text.encode()) > LONGEST or any(end in text for end in ENDS) or "<think>" in text:
        return {"skip": "empty, too long for the model, or with a token that ends the turn"}
    template, before = TEMPLATES[request["dialect"]]
    body = {
        "messages": [{"role": "user", "content": "x"}],
        "tools": request["tools"],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning_budget_tokens": 0,
        "reasoning_budget_start_tag": before,
        "reasoning_budget_message": text[:-1],
        "reasoning_budget_end_tags": [text[-1]],
        "logit_bias": [[end_of_turn(MARKERS), 1000]],
        "temperature": 0,
        "stream": request["stream"],
    }
    ask: Callable[..., Any] = server(folder, template).handle_chat_completions
    if not request["stream"]:
        return answered(ask(body))
    message, parts = Deltas(), list[Any]()
    last = ask(body, parts.append)
    for part in [*parts, last] if isinstance(last, dict) else parts:
        if "error" in part:
            return answered(part)
        for choice in part.get("choices", ()):
            delta = choice["delta"]
            message.text += delta.get("content") or ""
            message.reasoning += delta.get("reasoning_content") or ""
            for call in delta.get("tool_calls", ()):
                message.call(call["index"], call["function"].get("name"), call["function"].get("arguments"))
    return message.answer


def answered(answer: dict[str, Any]) -> Answer:
    """Return what is in the answer to a request without a stream."""
    if "error" in answer:
        return {"error": json.dumps(answer["error"])}
    message = answer["choices"][0]["message"]
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    return {"calls": calls, "text": message.get("content") or "", "reasoning": message.get("reasoning_content") or ""}


if __name__ == "__main__":
    serve("llama.cpp (xllamacpp)", version("xllamacpp"), TEMPLATES, partial(read, Path(sys.argv[1])))
