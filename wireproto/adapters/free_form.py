"""Tools that take free text (OpenAI's custom tools), for models that call functions: a function with one text.

The text comes out of the arguments as they grow. It must not know an API. Law: what comes out joins to the text in the
arguments, however they are cut; nothing of it comes that another cut would not give.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

INPUT: Final = "input"
"""The only argument of such a function."""
_BEGIN: Final = re.compile(r'\s*\{\s*"input"\s*:\s*"')
# Whole characters of a string in JSON. Half of a pair waits for the other half.
_CHARACTERS: Final = re.compile(
    r'(?:[^"\\]+|\\["\\/bfnrt]|\\u(?![dD][89abAB])[0-9a-fA-F]{4}|\\u[dD][89abAB][0-9a-fA-F]{2}(?=\\u[0-9a-fA-F]{4}|[^\\]|\\[^u]))*'
)
_MOST_WAITING: Final = 12
_MOST_BEFORE: Final = 200  # characters of white space and braces


def parameters_of(description: str) -> dict[str, Any]:
    """Return the schema of the function; `description` says what its text is."""
    text = {"type": "string", "description": description}
    return {"type": "object", "properties": {INPUT: text}, "required": [INPUT], "additionalProperties": False}


def input_of(arguments: Mapping[str, Any]) -> str:
    """Return the text of a call; a model that gave something else is taken at its word, as JSON."""
    texts = [arguments.get(INPUT), *(arguments.values() if len(arguments) == 1 else ())]
    for text in texts:
        if isinstance(text, str):
            return text
    if not arguments:
        return ""
    return json.dumps(dict(arguments), ensure_ascii=False, default=str)


class FreeInput:
    """The text of one call, from the JSON text of its arguments as it comes."""

    __slots__ = ("_begun", "_ended", "_held", "_rest", "_size")

    def __init__(self) -> None:
        self._held: list[str] = []  # all, until the text begins
        self._size = 0
        self._rest = ""  # what is not a whole character yet
        self._begun = self._ended = False

    def feed(self, more: str) -> str:
        """Return what is certain of the text now that more JSON came."""
        if not self._begun:
            self._held.append(more)
            if self._size > _MOST_BEFORE:  # these are other arguments
                return ""
            head = "".join(self._held)
            self._size, begin = len(head), _BEGIN.match(head)
            if begin is None:
                return ""
            self._begun, more = True, head[begin.end() :]
        if self._ended:
            return ""
        self._rest += more
        found = _CHARACTERS.match(self._rest)
        text = found[0] if found is not None else ""
        self._rest = self._rest[len(text) :]
        # What is longer than two escapes and still no character will never be one.
        self._ended = self._rest.startswith('"') or len(self._rest) > _MOST_WAITING
        return str(json.loads(f'"{text}"', strict=False)) if text else ""

    def close(self) -> str:
        """Return the rest of the text of a complete call."""
        if self._begun:
            return ""
        text = "".join(self._held)
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return input_of(value) if isinstance(value, dict) else text
