"""Detectors for SGLang: `--tool-call-parser wireproto_hermes`, or `wireproto` for any format.

SGLang loads `register` through the entry point `sglang.srt.plugins` of the installed package. Written against SGLang
0.5.23.

Law: what streams is what `detect_and_parse` finds. SGLang does not say why an answer ended, so a call without its own
closer is not finished. A detector has no place for reasoning: start the server with `--reasoning-parser`, or thoughts
are content, without the tags around them.
"""

from __future__ import annotations

from typing import Any

from sglang.srt.function_call.base_format_detector import BaseFormatDetector
from sglang.srt.function_call.core_types import StreamingParseResult, ToolCallItem
from sglang.srt.function_call.function_call_parser import FunctionCallParser
from sglang.srt.function_call.parser_names import TOOL_CALL_PARSER_NAMES

from wireproto.integrations.answers import UNKNOWN_END, AnswerPart, AnswerStream, names, remember, whole

_BEGINNINGS = "<[{+"  # with one of these a call begins in every format


class WireprotoDetector(BaseFormatDetector):
    """Reads one answer. A class of its own for each dialect is made by `register`."""

    dialect = "auto"

    def __init__(self) -> None:
        super().__init__()
        self._answer: AnswerStream | None = None

    def has_tool_call(self, text: str) -> bool:
        """Whether a whole answer may have a call; the server asks without the tools, which alone can tell."""
        return any(map(text.__contains__, _BEGINNINGS))

    def detect_and_parse(self, text: str, tools: list[Any]) -> StreamingParseResult:
        """Read a whole answer; one without calls stays as it is."""
        part = whole(text, self.dialect, tools, UNKNOWN_END)
        return self._result(part) if part.calls else StreamingParseResult(normal_text=text)

    def parse_streaming_increment(self, new_text: str, tools: list[Any]) -> StreamingParseResult:
        """Read more of an answer."""
        if self._answer is None:
            self._answer = AnswerStream(self.dialect, tools)
        return self._result(self._answer.feed(new_text))

    def finish(self, tools: list[Any]) -> StreamingParseResult:
        """End the answer."""
        if self._answer is None:
            return StreamingParseResult()
        return self._result(self._answer.close(UNKNOWN_END))

    def supports_structural_tag(self) -> bool:
        """Whether the server writes the grammar of forced calls; it would be that of a list of JSON."""
        return False

    def parses_required_natively(self) -> bool:
        """A forced call is read in the model's own format."""
        return True

    def structure_info(self) -> Any:
        """Not asked for, since there is no structural tag."""
        raise NotImplementedError

    def _result(self, part: AnswerPart) -> StreamingParseResult:
        calls = [ToolCallItem(tool_index=call.index, name=call.name, parameters=call.arguments) for call in part.calls]
        remember(self, part.calls)
        return StreamingParseResult(normal_text=part.reasoning + part.text, calls=calls)


def register() -> None:
    """Make a detector for each dialect known to SGLang: `wireproto_hermes` and so on, and `wireproto`."""
    for name, dialect in names().items():
        detector = type(f"{WireprotoDetector.__name__}_{dialect}", (WireprotoDetector,), {"dialect": dialect})
        FunctionCallParser.ToolCallParserEnum[name] = detector
        if name not in TOOL_CALL_PARSER_NAMES:
            TOOL_CALL_PARSER_NAMES.append(name)
