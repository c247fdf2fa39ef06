"""How an answer ended, and what it cost: one place for what the three APIs call by other names.

Law: an answer with an incomplete call was cut, whatever a server says of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from wireproto.values.finish_reasons import meaning, word

Finish = Literal["stop", "length", "tool_calls", "content_filter"]

_FILTERED: Final = {
    "contentfilter",
    "contentfiltered",
    "guardrailintervened",
    "refusal",
    "safety",
    "recitation",
    "blocklist",
    "prohibitedcontent",
    "spii",
    "errortoxic",
}


@dataclass(slots=True)
class Ending:
    """What became of the calls so far: how many are complete, and whether one was `cut`."""

    calls: int = 0
    cut: bool = False

    def note(self, complete: bool) -> None:
        """Count a call that has ended."""
        self.calls += complete
        self.cut = self.cut or not complete

    def finish(self, finish_reason: str | None = None) -> Finish:
        """Return how the answer ended, in the words of Chat Completions; `finish_reason` is the server's word."""
        if self.cut:
            return "length"
        if meaning(finish_reason) != "ended":
            return "content_filter" if word(finish_reason) in _FILTERED else "length"
        return "tool_calls" if self.calls else "stop"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of an answer: `cached_tokens` are part of the input, `reasoning_tokens` of the output."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @classmethod
    def read(cls, usage: Mapping[str, Any] | None) -> Usage:
        """Return what the `usage` of an answer says, in the shape of any of the three APIs; what is missing is 0."""
        usage = usage or {}
        read = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
        wrote = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
        cached = usage.get("cache_read_input_tokens") or 0
        return cls(
            (usage.get("prompt_tokens") or usage.get("input_tokens") or 0) + cached,
            usage.get("completion_tokens") or usage.get("output_tokens") or 0,
            read.get("cached_tokens") or cached,
            wrote.get("reasoning_tokens") or 0,
        )

    def chat(self) -> dict[str, Any]:
        """Return it in the shape of Chat Completions."""
        return {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
        }

    def responses(self) -> dict[str, Any]:
        """Return it in the shape of Responses."""
        return {
            "input_tokens": self.input_tokens,
            "input_tokens_details": {"cached_tokens": self.cached_tokens, "cache_write_tokens": 0},
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
            "total_tokens": self.input_tokens + self.output_tokens,
        }

    def messages(self) -> dict[str, Any]:
        """Return it in the shape of Messages, whose input tokens are those that were not cached."""
        return {
            "input_tokens": self.input_tokens - self.cached_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": self.cached_tokens,
            "output_tokens": self.output_tokens,
        }
