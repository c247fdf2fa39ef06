"""Tools as harnesses declare them: so many, each with a schema of its own, of five typical properties."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import wireproto as wp

_VERBS = """
    read write list find move copy delete create update open close send fetch parse check build test run stop start
    merge split sort count show hide lock save load sync scan plan
"""
_NOUNS = """
    file folder branch commit issue page table row user group mail event order price image video report chart note
    task timer token key rule host port job queue cache index log script
"""
PER_TOOL = 5
REQUIRED = 2
PROPERTIES: dict[str, dict[str, Any]] = {
    "path": {"type": "string"},
    "content": {"type": "string"},
    "query": {"type": "string"},
    "message": {"type": "string"},
    "url": {"type": "string"},
    "name": {"type": "string"},
    "title": {"type": "string"},
    "pattern": {"type": "string"},
    "branch": {"type": "string"},
    "author": {"type": "string"},
    "mode": {"type": "string", "enum": ["fast", "safe", "dry"]},
    "format": {"type": "string", "enum": ["text", "json", "csv"]},
    "order": {"type": "string", "enum": ["asc", "desc"]},
    "limit": {"type": "integer", "minimum": 1},
    "offset": {"type": "integer", "minimum": 0},
    "line": {"type": "integer"},
    "timeout": {"type": "number"},
    "recursive": {"type": "boolean"},
    "force": {"type": "boolean"},
    "verbose": {"type": "boolean"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "ids": {"type": "array", "items": {"type": "integer"}},
}
_TEXTS = [key for key, schema in PROPERTIES.items() if schema == {"type": "string"}]
_VALUES = {"string": "main.py", "integer": 12, "number": 2.5, "array": []}


@cache
def toolset(count: int) -> list[dict[str, Any]]:
    """Return so many tools, at most one for each verb and noun; the required properties are strings."""
    dice = random.Random(count)
    chosen: dict[tuple[str, ...], None] = {}
    while len(chosen) < count:
        texts = dice.sample(_TEXTS, REQUIRED)
        others = dice.sample([key for key in PROPERTIES if key not in texts], PER_TOOL - REQUIRED)
        keys = (*texts, *others)
        chosen[keys] = None
    names = dice.sample([f"{verb}_{noun}" for verb in _VERBS.split() for noun in _NOUNS.split()], count)
    return [
        {
            "name": name,
            "description": "One of many.",
            "parameters": {
                "type": "object",
                "properties": {key: PROPERTIES[key] for key in keys},
                "required": list(keys[:REQUIRED]),
                "additionalProperties": False,
            },
        }
        for name, keys in zip(names, chosen, strict=True)
    ]


def call_of(tool: dict[str, Any], text: str) -> wp.Call:
    """Return a call with its arguments in the schema's order; `text` is the second one.

    Truth values are left out: Qwen3-Coder's template writes `True`, which llama.cpp's grammar does not take.
    """
    schemas = tool["parameters"]["properties"]
    found = {
        key: schema["enum"][0] if "enum" in schema else _VALUES[schema["type"]]
        for key, schema in schemas.items()
        if schema["type"] in _VALUES
    }
    found[tool["parameters"]["required"][-1]] = text
    return wp.Call(tool["name"], found)
