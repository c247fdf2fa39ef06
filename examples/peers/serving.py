"""What the glue for every other parser shares: the protocol of `wireproto fuzz --against`, and deltas put together.

It imports neither wireproto nor a parser, so that it runs where only the other parser is installed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

PROTOCOL = 1
Request = dict[str, Any]
Answer = dict[str, Any]
# What a parser raises because of its input. Anything else ends the process: a crash, which is counted as one.
ERRORS = (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError, RuntimeError)


def serve(name: str, version: str, dialects: Iterable[str], read: Callable[[Request], Answer]) -> None:
    """Answer requests until there are no more; `read` returns `calls`, `text` and `reasoning`, or `skip`."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a parser may print: that must not get between the answers
    sys.stdin.readline()  # {"wireproto": 1}
    print(
        json.dumps({"wireproto": PROTOCOL, "name": name, "version": version, "dialects": [*dialects]}),
        file=answers,
        flush=True,
    )
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = read(request)
        except ERRORS as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"id": request["id"], **answer}), file=answers, flush=True)


class Deltas:
    """The deltas of a streamed message, put together as a client of OpenAI's interface does it."""

    def __init__(self) -> None:
        self.text = ""
        self.reasoning = ""
        self._calls: dict[int, dict[str, str]] = {}

    def call(self, index: int, name: str | None, arguments: str | None) -> None:
        """Add a part of a call."""
        call = self._calls.setdefault(index, {"name": "", "arguments": ""})
        call["name"] += name or ""
        call["arguments"] += arguments or ""

    @property
    def answer(self) -> Answer:
        """The whole message."""
        calls = [self._calls[index] for index in sorted(self._calls)]
        return {"calls": calls, "text": self.text, "reasoning": self.reasoning}
