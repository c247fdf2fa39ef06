"""Tools as harnesses declare them, with the names and keys that formats stumble over.

It must not know dialects. Law: what is drawn is accepted as a list of tool definitions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Union

from wireproto.testing.generators.choices import Choices

Tools = Union[Sequence[Any], None]
# Names and keys that some format or other uses itself are the ones that go wrong, and those that hold its signs.
SIGNS: Final = "abz09/:.$#@ \"'<>{}[]()|=&;,+*\\`~^%?!_-\n\tжé名😀"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_INNER: Final = _LETTERS + "0123456789-."
_UNUSUAL: Final = (
    "a/b",
    "a",
    "a/b/c",
    "a:b",
    "mcp:x",
    "two words",
    "$filter",
    "ключ",
    "page[size]",
    "it's",
    'say "hi"',
    "a>b",
)
_NAMES: Final = ("write_file", "get_time", "mcp__gh__list-issues", "read.file", "functions", "a")
_KEYS: Final = ("path", "content", "name", "arguments", "parameters", "id", "x", "key", "file", "n")
_BRIEF_KEYS: Final = ("path", "content", "x", "y", "", *_UNUSUAL)
_SCHEMAS: Final[tuple[dict[str, Any], ...]] = (
    {"type": "string"},
    {"type": "integer"},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "object"},
    {"type": "array", "items": {"type": "string"}},
    {"type": ["string", "null"]},
    {"anyOf": [{"type": "string"}, {"type": "null"}]},
    {"type": ["string", "integer"]},
    {"type": ["integer", "null"]},
    {"type": "null"},
    {"enum": ["fast", "slow"]},
    {},
)
_FLAVOURS: Final[tuple[Callable[[str, dict[str, Any]], dict[str, Any]], ...]] = (
    lambda name, schema: {"name": name, "parameters": schema},
    lambda name, schema: {"type": "function", "function": {"name": name, "parameters": schema}},
    lambda name, schema: {"name": name, "input_schema": schema},
    lambda name, schema: {"name": name, "inputSchema": schema},
)

# Where a definition has its schema.
_PLACES: Final = ("parameters", "input_schema", "inputSchema")


def draw_tools(choices: Choices) -> list[dict[str, Any]]:
    """Draw one to three tools with up to four parameters each, in one of the shapes that callers write tools in."""
    flavour = choices.choice(_FLAVOURS)
    names = [draw_name(choices)]
    names += [draw_name(choices) for _ in choices.times(2, 3)]
    tools = []
    for name in dict.fromkeys(names):
        keys = dict.fromkeys(draw_key(choices) for _ in choices.times(4))
        properties = {key: dict(choices.choice(_SCHEMAS)) for key in keys}
        required = [key for key in properties if choices.one_in(2)]
        tools.append(flavour(name, {"type": "object", "properties": properties, "required": required}))
    return tools


def draw_name(choices: Choices) -> str:
    """Draw the name of a tool."""
    return _word(choices, _NAMES, _UNUSUAL)


def draw_key(choices: Choices) -> str:
    """Draw the name of an argument."""
    return _word(choices, _KEYS, _BRIEF_KEYS)


def _word(choices: Choices, known: Sequence[str], unusual: Sequence[str]) -> str:
    kind = choices.integer(0, 7)
    if kind < 4:
        return choices.choice(known)
    if kind < 6:
        return choices.choice(_LETTERS) + "".join(choices.choice(_INNER) for _ in choices.times(9, 6))
    if kind == 6:
        return choices.choice(unusual)
    return choices.choice(SIGNS) + "".join(choices.choice(SIGNS) for _ in choices.times(7))


def declared(tools: Tools) -> list[tuple[str, dict[str, Any]]]:
    """Return the name of each tool and the schemas of its arguments by key."""
    found = []
    for tool in tools or ():
        body = tool.get("function", tool)
        schema: dict[str, Any] = next((body[place] for place in _PLACES if body.get(place)), {})
        found.append((body["name"], schema.get("properties", {})))
    return found


def without_parameter(tool: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the definition of a tool without one of its parameters."""
    if isinstance(tool.get("function"), dict):
        return {**tool, "function": without_parameter(tool["function"], key)}
    return {name: _without(value, key) if name in _PLACES else value for name, value in tool.items()}


def _without(schema: Any, key: str) -> Any:
    if not isinstance(schema, dict):
        return schema
    left = {name: value for name, value in schema.get("properties", {}).items() if name != key}
    required = [name for name in schema.get("required", ()) if name != key]
    return {**schema, "properties": left} | ({"required": required} if "required" in schema else {})
