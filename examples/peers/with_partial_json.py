"""partial-json-parser on the growing text of a call, as servers stream the calls of models that write JSON.

    pip install partial-json-parser==0.2.1.1.post7
    wireproto fuzz --against "python examples/peers/with_partial_json.py" --dialect hermes

The library reads JSON that is not finished and knows no tool calls: what finds them is ours, the shortest that does. It
cannot tell a finished value from a cut one, so a call is whole here if its closing marker has come.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from typing import Any

from serving import Answer, Request, serve

# Our dialect: what opens a call, and what closes it.
MARKERS = {"hermes": ("<tool_call>", "</tool_call>"), "llama3_json": ("", ""), "mistral": ("[TOOL_CALLS]", "")}


def parts(text: str, opener: str, closer: str) -> list[tuple[str, bool]]:
    """Return the text of each call, and whether its closer came."""
    if not opener:
        return [(text, True)]
    found = [part.partition(closer) if closer else (part, "", "") for part in text.split(opener)[1:]]
    return [(inner, bool(end) or not closer) for inner, end, _ in found]


def calls(text: str, dialect: str) -> list[dict[str, Any]]:
    """Return the calls in a text that may go on."""
    loads = import_module("partial_json_parser").loads
    found: list[dict[str, Any]] = []
    for inner, ended in parts(text, *MARKERS[dialect]):
        value: Any = loads(inner.strip()) if inner.strip().startswith(("{", "[")) else []
        for call in value if isinstance(value, list) else [value]:
            if isinstance(call, dict) and isinstance(call.get("name"), str):
                arguments = call.get("arguments", call.get("parameters"))
                found.append({"name": call["name"], "arguments": arguments, "complete": ended})
    return found


def read(request: Request) -> Answer:
    """Read the calls again with every chunk; the last reading counts."""
    text = ""
    for chunk in request["chunks"]:
        text += chunk
        with suppress(ValueError):  # half a closing marker, perhaps: the next chunk will tell
            calls(text, request["dialect"])
    return {"calls": calls(text, request["dialect"]), "text": None, "reasoning": None}


if __name__ == "__main__":
    serve("partial-json-parser", version("partial-json-parser"), MARKERS, read)
