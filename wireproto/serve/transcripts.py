"""A file of all answers as the server gave them, one JSON object a line, which `wireproto audit` reads.

It must not know headers. Law: only the owner of the file can read it, and a line is written whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from wireproto.serve.asked import Asked
from wireproto.serve.choice import AnswerChoice


class Transcripts:
    """Writes to the file, which is made with mode 0600 if it is not there."""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.fchmod(handle, 0o600)
        self._file = os.fdopen(handle, "a", encoding="utf-8")

    def write(self, api: str, asked: Asked, choices: Sequence[AnswerChoice]) -> None:
        """Add an answer: what the server sent as content and as calls, before anything was repaired."""
        record = {
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "api": api,
            "model": asked.model,
            "mode": asked.settings.mode,
            "dialect": asked.settings.dialect,
            "tools": asked.chat.get("tools"),
            "choices": [{"message": _message(choice), "finish_reason": choice.finish} for choice in choices],
        }
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _message(choice: AnswerChoice) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": "assistant", "content": "".join(choice.text)}
    if choice.reasoning:
        shown["reasoning_content"] = "".join(choice.reasoning)
    calls = [
        {"id": native["id"], "type": "function", "function": {"name": native["name"], "arguments": native["arguments"]}}
        for native in choice.natives.values()
    ]
    return shown | ({"tool_calls": calls} if calls else {})
