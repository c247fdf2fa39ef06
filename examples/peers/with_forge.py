"""The rescue parser of forge-guardrails, the proxy that mends tool calls and asks again where it cannot.

    pip install forge-guardrails==0.10.0        # Python 3.12
    wireproto fuzz --against "python examples/peers/with_forge.py" --dialect qwen3_coder

Its proxy collects an answer and has this function read it before anything is sent, so that it reads no streams. The
values of Qwen's format are strings at first; the framework makes numbers and the like of them when it runs a tool, and
so does `typed` here, by the tool's schema.
"""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import version
from typing import Any

from serving import Answer, Request, serve

DIALECTS = ("hermes", "mistral_v11", "qwen3_coder")


def schemas(tools: Any) -> dict[str, dict[str, Any]]:
    """Return what each tool declares of its arguments."""
    functions = [tool.get("function", tool) for tool in tools or ()]
    return {each["name"]: each.get("parameters", {}).get("properties", {}) for each in functions}


def typed(value: Any, schema: Any) -> Any:
    """Return a value as the schema wants it."""
    kinds = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(value, str) or kinds is None or "string" in ([kinds] if isinstance(kinds, str) else kinds):
        return value
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(value, value))
    except ValueError:
        return value


def read(request: Request) -> Answer:
    """Have it rescue the calls in a text."""
    if request["stream"]:
        return {"skip": "forge-guardrails reads no streams"}
    known = schemas(request["tools"])
    found = import_module("forge.prompts.templates").rescue_tool_call("".join(request["chunks"]), list(known))
    calls = [
        {
            "name": call.tool,
            "arguments": {key: typed(value, known[call.tool].get(key)) for key, value in call.args.items()},
        }
        for call in found
    ]
    return {"calls": calls, "text": None, "reasoning": None}


if __name__ == "__main__":
    serve("forge-guardrails", version("forge-guardrails"), DIALECTS, read)
