"""Tool parsers for vLLM: `--enable-auto-tool-choice --tool-call-parser wireproto_hermes`; `wireproto` reads all.

vLLM loads `register` through the entry point `vllm.general_plugins` of the installed package; where plug-ins are off
(`VLLM_PLUGINS`), `--tool-parser-plugin` takes the path of this file. Written against vLLM 0.33.

Law: what streams is what `extract_tool_calls` finds. vLLM does not tell a tool parser why an answer ended, so a call
without its own closer is not finished unless the tokenizer's end token was seen, which a stream shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vllm.entrypoints.generate.base.protocol import (
    DeltaFunctionCall,
    DeltaMessage,
    DeltaToolCall,
    ExtractedToolCallInformation,
    FunctionCall,
    ToolCall,
    make_tool_call_id,
)
from vllm.tool_parsers.abstract_tool_parser import ToolParser, ToolParserManager

from wireproto.integrations.answers import UNKNOWN_END, AnswerPart, AnswerStream, CallPart, names, remember, whole


class WireprotoToolParser(ToolParser):
    """Reads one answer. A class of its own for each dialect is made by `register`."""

    dialect = "auto"
    # A forced call is read in the model's own format; vLLM would ask for a JSON list instead.
    supports_required_and_named = False
    # So `finish_streaming` is called when the stream has ended.
    engine_based_streaming = True

    def __init__(self, tokenizer: Any, tools: Any = None) -> None:
        super().__init__(tokenizer, tools)
        self._answer = AnswerStream(self.dialect, self.tools)
        self._end_token = getattr(tokenizer, "eos_token_id", None)
        self._ended = False

    def adjust_request(self, request: Any) -> Any:
        """Have special tokens shown: markers of many formats are such tokens."""
        request = super().adjust_request(request)
        if request.tools and request.tool_choice != "none":
            request.skip_special_tokens = False
        return request

    def extract_tool_calls(self, model_output: str, request: Any) -> ExtractedToolCallInformation:
        """Read a whole answer."""
        part = whole(model_output, self.dialect, self.tools, UNKNOWN_END)
        calls = [
            ToolCall(**_named(call), function=FunctionCall(name=call.name, arguments=call.arguments))
            for call in part.calls
        ]
        text = part.text if calls else model_output
        return ExtractedToolCallInformation(tools_called=bool(calls), tool_calls=calls, content=text or None)

    def extract_tool_calls_streaming(
        self,
        previous_text: str,
        current_text: str,
        delta_text: str,
        previous_token_ids: Sequence[int],
        current_token_ids: Sequence[int],
        delta_token_ids: Sequence[int],
        request: Any,
    ) -> DeltaMessage | None:
        """Read more of an answer."""
        if request.tool_choice == "none":
            return DeltaMessage(content=delta_text) if delta_text else None
        self._ended = self._ended or self._end_token in delta_token_ids
        return self._delta(self._answer.feed(delta_text))

    def finish_streaming(self) -> DeltaMessage | None:
        """End the answer; the server calls this once."""
        return self._delta(self._answer.close("stop" if self._ended else UNKNOWN_END))

    def get_remaining_unstreamed_args(self) -> str:
        """Return nothing: every fragment is sent as soon as it is known."""
        return ""

    def _delta(self, part: AnswerPart) -> DeltaMessage | None:
        calls = []
        for call in part.calls:
            function = DeltaFunctionCall(name=call.name, arguments=call.arguments)
            calls.append(DeltaToolCall(index=call.index, **(_named(call) if call.name else {}), function=function))
        remember(self, part.calls)
        if not (part.text or part.reasoning or calls):
            return None
        return DeltaMessage(content=part.text or None, reasoning=part.reasoning or None, tool_calls=calls)


def _named(call: CallPart) -> dict[str, str]:
    """Return what only the first part of a call has; the server makes an id for one that has none."""
    return {"type": "function", "id": call.id or make_tool_call_id()}


def register() -> None:
    """Make a parser for each dialect known to vLLM: `wireproto_hermes` and so on, and `wireproto`."""
    for name, dialect in names().items():
        ToolParserManager.register_module(
            name, module=type(f"{WireprotoToolParser.__name__}_{dialect}", (WireprotoToolParser,), {"dialect": dialect})
        )


if not __name__.startswith("wireproto."):
    register()  # loaded by its path
