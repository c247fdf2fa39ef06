"""vLLM's parsers, from the Python files of its wheel alone: no GPU, no engine, no torch.

    pip download --no-deps --dest wheels vllm==0.33.0
    unzip -q wheels/vllm-*.whl 'vllm/*.py' -d vllm-files
    pip install aiohttp apache-tvm-ffi cbor2 cloudpickle email-validator fastapi ijson msgspec openai openai-harmony \
        partial-json-parser pillow psutil regex requests transformers
    pip install --no-deps xgrammar
    wireproto fuzz --against "python examples/peers/with_vllm.py vllm-files" --dialect all

It runs what the server runs for a request: the parser that `--tool-call-parser` and `--reasoning-parser` name, whole or
delta by delta. Special tokens have ids and are never cut, as a tokenizer has it; every other character is a token. With
a second argument, `tokens`, a stream comes in deltas of at most four characters instead of the chunks asked for: some
parsers count on a delta being one token.
"""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import cache, partial
from importlib import import_module
from typing import Any

from serving import Answer, Deltas, Request, serve
from stand_ins import stand_in_for

# The parsers do not use them, but what they import does.
ABSENT = {
    *("cachetools", "cpuinfo", "cv2", "mistral_common", "prometheus_client", "pybase64", "soundfile", "tiktoken"),
    *("torch", "torchao", "torchaudio", "torchvision", "uvloop", "zmq"),
    *("vllm.config", "vllm.distributed", "vllm.model_executor", "vllm.platforms.cuda"),
}
# Our dialect: the names of vLLM's tool parser and of its reasoning parser.
PARSERS = {
    "deepseek_v3": ("deepseek_v3", "deepseek_r1"),
    "deepseek_v31": ("deepseek_v31", "deepseek_r1"),
    "dsml_v32": ("deepseek_v32", "deepseek_r1"),
    "dsml_v4": ("deepseek_v4", "deepseek_v4"),
    "glm45": ("glm45", "glm45"),
    "glm47": ("glm47", "glm47"),
    "hermes": ("hermes", "qwen3"),
    "kimi_k2": ("kimi_k2", "kimi_k2"),
    "llama3_json": ("llama3_json", None),
    "minimax_m2": ("minimax_m2", "minimax_m2"),
    "qwen3_coder": ("qwen3_coder", "qwen3"),
    "seed_oss": ("seed_oss", "seed_oss"),
    "step3": ("step3", "step3"),
    "step3p5": ("step3p5", "step3p5"),
}
SPECIAL = (
    *("<think>", "</think>", "<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>"),
    *("</arg_value>", "｜DSML｜", "<|python_tag|>", "<minimax:tool_call>", "</minimax:tool_call>"),
    *("<seed:tool_call>", "</seed:tool_call>", "<seed:think>", "</seed:think>"),
    *("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", "<|tool_call_begin|>"),
    *("<|tool_call_end|>", "<|tool_call_argument_begin|>", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
    *("<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>", "<｜tool_calls_begin｜>"),
    *("<｜tool_calls_end｜>", "<｜tool_call_begin｜>", "<｜tool_call_end｜>", "<｜tool_sep｜>"),
)
IDS = {piece: number for number, piece in enumerate(SPECIAL, start=0x110000)}
PIECES = {number: piece for piece, number in IDS.items()}
DELTA = 4  # characters of an ordinary token, about
TOKEN = re.compile("|".join(map(re.escape, SPECIAL)) + "|.", re.DOTALL)


# --- the parsers ------------------------------------------------------------------------------------------------------


class Tokenizer:
    """A tokenizer with the special tokens and all characters."""

    all_special_tokens: Sequence[str] = ()
    all_special_ids: Sequence[int] = ()
    vocab = IDS

    def get_vocab(self) -> dict[str, int]:
        """Return the ids of the special tokens."""
        return IDS

    def encode(self, text: str, **named: Any) -> list[int]:
        """Return the ids of a text."""
        return [IDS[piece] if piece in IDS else ord(piece) for piece in TOKEN.findall(text)]

    def decode(self, ids: Sequence[int], **named: Any) -> str:
        """Return the text of ids."""
        return "".join(PIECES[number] if number in PIECES else chr(number) for number in ids)

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """Return the id of a token, or those of a list of them."""
        return IDS.get(tokens) if isinstance(tokens, str) else list(map(IDS.get, tokens))


def deltas(chunks: Sequence[str]) -> Iterator[str]:
    """Yield the chunks, with cuts inside a special token moved behind it."""
    ends, held, end = {match.end() for match in TOKEN.finditer("".join(chunks))}, "", 0
    for chunk in chunks:
        held, end = held + chunk, end + len(chunk)
        if end in ends:
            yield held
            held = ""
    if held:
        yield held


def tokens(text: str) -> Iterator[str]:
    """Yield the text in deltas of one token each."""
    held = ""
    for piece in TOKEN.findall(text):
        if held and (piece in IDS or len(held) == DELTA):
            yield held
            held = ""
        if piece in IDS:
            yield piece
        else:
            held += piece
    if held:
        yield held


@cache
def parser(dialect: str, thinks: bool) -> Any:
    """Return the class that the server makes a parser of for each request.

    `thinks`: whether the output begins with reasoning; a server for a model that has none has no parser for it.
    """
    manager = import_module("vllm.parser.parser_manager").ParserManager
    tools, reasoning = PARSERS[dialect]
    return manager.get_parser(tools, reasoning if thinks else None, enable_auto_tools=True)


def read(by_token: bool, request: Request) -> Answer:
    """Parse an output as the server does."""
    protocol = import_module("vllm.entrypoints.openai.chat_completion.protocol")
    asked = protocol.ChatCompletionRequest(
        model="m", messages=[{"role": "user", "content": "x"}], tools=request["tools"], tool_choice="auto"
    )
    tokenizer = Tokenizer()
    text = "".join(request["chunks"])
    thinks = text.lstrip().startswith(("<think>", "<seed:think>"))
    found = parser(request["dialect"], thinks)(tokenizer, asked.tools)
    if not request["stream"]:
        ids = tokenizer.encode(text)
        reasoning, content, calls = found.parse(text, asked, enable_auto_tools=True, model_output_token_ids=ids)
        named = [{"name": call.name, "arguments": call.arguments} for call in calls or ()]
        return {"calls": named, "text": content or "", "reasoning": reasoning or ""}
    message = Deltas()
    every = [*(tokens(text) if by_token else deltas(request["chunks"])), ""]
    for number, delta in enumerate(every):
        # The prompt ends with the opener of an answer, outside reasoning unless the request says otherwise.
        part = found.parse_delta(
            delta, tokenizer.encode(delta), asked, prompt_token_ids=[10], finished=number == len(every) - 1
        )
        if part is None:
            continue
        message.text += part.content or ""
        message.reasoning += getattr(part, "reasoning", None) or ""
        for call in part.tool_calls or ():
            function = call.function
            message.call(call.index, function.name if function else None, function.arguments if function else None)
    return message.answer


def main() -> None:
    """Serve the parsers in the folder of the first argument."""
    warnings.simplefilter("ignore")
    sys.path.insert(0, sys.argv[1])
    stand_in_for(ABSENT)
    version = import_module("vllm.version").__version__
    logging.disable(logging.CRITICAL)
    usable = []
    for dialect in PARSERS:
        for thinks in (False, True):
            parser(dialect, thinks)(Tokenizer(), [])
        usable.append(dialect)
    serve("vLLM", version, usable, partial(read, sys.argv[2:] == ["tokens"]))


if __name__ == "__main__":
    main()
