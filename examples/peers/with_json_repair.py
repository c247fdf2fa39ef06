"""json-repair behind a regular expression, as many agents read the calls of models that write JSON.

    pip install json-repair==0.64.6
    wireproto fuzz --against "python examples/peers/with_json_repair.py" --dialect hermes

The library mends JSON and knows no tool calls: the expressions here are ours, the shortest that find what the formats
put around a call. It does not read streams.
"""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import version
from typing import Any

from serving import Answer, Request, serve

# Our dialect: what stands around one call, or around a list of them.
AROUND = {
    "hermes": re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL),
    "llama3_json": re.compile(r"\A\s*(?:<\|python_tag\|>)?(\{.*)", re.DOTALL),
    "mistral": re.compile(r"\[TOOL_CALLS\](.*)", re.DOTALL),
}


def calls(value: Any) -> list[dict[str, Any]]:
    """Return the calls in a value."""
    found = value if isinstance(value, list) else [value]
    named = [call for call in found if isinstance(call, dict) and isinstance(call.get("name"), str)]
    return [{"name": call["name"], "arguments": call.get("arguments", call.get("parameters"))} for call in named]


def read(request: Request) -> Answer:
    """Mend whatever stands between the markers."""
    if request["stream"]:
        return {"skip": "json-repair reads no streams"}
    text, loads = "".join(request["chunks"]), import_module("json_repair").loads
    around = AROUND[request["dialect"]]
    found = [call for part in around.findall(text) for call in calls(loads(part))]
    return {"calls": found, "text": None, "reasoning": None}


if __name__ == "__main__":
    serve("json-repair", version("json-repair"), AROUND, read)
