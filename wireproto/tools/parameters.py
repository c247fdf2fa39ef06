"""What a tool's schema says about each argument, in the words of a prompt, and a value to show for it.

It knows no format. Law: the same tool gives the same parameters and the same values, in the order of the schema; a
schema without end gives finite values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from wireproto.text.json_repair import dumps
from wireproto.tools.toolset import Tool
from wireproto.values.errors import SchemaError
from wireproto.values.model import Call
from wireproto.values.quoting import escaped

# A string first: where one is allowed it is the plainest example, and the easiest to write.
_SAMPLES: Final[dict[str, Any]] = {
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "object": {},
    "array": [],
    "null": None,
}
_SAID: Final = frozenset(("type", "description", "enum", "const", "title"))
# References make a schema a graph: what is shown of it is a small tree.
_MAX_DEPTH: Final = 3
_MAX_MEMBERS: Final = 8


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a tool: its types in a fixed order (none if unknown), and what else the schema declares.

    `spelled` are the choices as JSON, and `rest` is what the other fields do not say of the schema, as JSON; empty if
    that is nothing.
    """

    key: str
    types: tuple[str, ...]
    required: bool
    description: str = ""
    choices: tuple[Any, ...] = ()
    spelled: tuple[str, ...] = ()
    rest: str = ""


def parameters(tool: Tool) -> tuple[Parameter, ...]:
    """Return the declared arguments of a tool, in the order of its schema.

    Raises:
        SchemaError: an argument's schema holds what JSON cannot carry; says which.
    """
    required = tool.schema.get("required")
    names = required if isinstance(required, (list, tuple)) else ()
    return tuple(_parameter(tool, key, schema, key in names) for key, schema in _declared(tool).items())


def open_names(tool: Tool) -> Iterator[tuple[str, str]]:
    """Yield the names that the schema leaves open, in words, and the schema of such arguments as JSON, if it says more.

    Raises:
        SchemaError: such a schema holds what JSON cannot carry; says which.
    """
    others = tool.resolver.others(tool.schema)
    patterns = others.get("patternProperties")
    for pattern, schema in patterns.items() if isinstance(patterns, Mapping) else ():
        words = f"any name that matches {_json(tool, 'patternProperties', pattern)}"
        yield words, _json(tool, "patternProperties", schema) if isinstance(schema, Mapping) and schema else ""
    rest = others.get("additionalProperties")
    if rest is True or isinstance(rest, Mapping):
        words = "any other name" if tool.keys or patterns else "any name"
        yield words, _json(tool, "additionalProperties", rest) if isinstance(rest, Mapping) and rest else ""


def definitions(tool: Tool) -> str:
    """Return the schemas that the arguments refer to, as JSON; empty if there are none."""
    return _json(tool, "$defs", tool.definitions) if tool.definitions else ""


def example(tool: Tool, without: Collection[str] = ()) -> Call:
    """Return a call of the tool with a value of the right type for every argument: the first choice, or a sample.

    `without`: the arguments that it leaves out.
    """
    shown = {key: schema for key, schema in _declared(tool).items() if key not in without}
    return Call(tool.name, {key: _sample(tool, key, schema, 1) for key, schema in shown.items()})


def _declared(tool: Tool) -> dict[str, Any]:
    return tool.resolver.properties(tool.schema)


def _parameter(tool: Tool, key: str, schema: object, required: bool) -> Parameter:
    types = tool.types(key) or ()
    description = tool.resolver.keyword(schema, "description")
    choices = _choices(tool, schema)
    rest = {name: value for name, value in schema.items() if name not in _SAID} if isinstance(schema, Mapping) else {}
    return Parameter(
        key,
        tuple(name for name in _SAMPLES if name in types),
        required,
        description if isinstance(description, str) else "",
        choices,
        tuple(_json(tool, key, choice) for choice in choices),
        _json(tool, key, rest) if rest else "",
    )


def _json(tool: Tool, place: str, value: object) -> str:
    try:
        return dumps(value)
    except (TypeError, ValueError) as error:
        raise SchemaError(f'tool "{escaped(tool.name)}": the schema of "{place}" is not JSON: {error}') from None


def _choices(tool: Tool, schema: object) -> tuple[Any, ...]:
    const = tool.resolver.keyword(schema, "const")
    choices = [const] if const is not None else tool.resolver.keyword(schema, "enum")
    return tuple(choices) if isinstance(choices, (list, tuple)) else ()


def _sample(tool: Tool, key: str, schema: object, depth: int) -> Any:
    choices = _choices(tool, schema)
    if choices:
        return choices[0]
    types = tool.types(key) or ("string",)
    kind = next((name for name in _SAMPLES if name in types), "string")
    if kind == "array":
        return _elements(tool.elements(key), depth)
    if kind == "object":
        closed = tool.resolver.keyword(schema, "additionalProperties") is False
        return _members(tool.within(key), closed, depth)
    return _SAMPLES[kind]


def _elements(inner: Tool, depth: int) -> list[Any]:
    if depth >= _MAX_DEPTH:
        return []
    return [_sample(inner, "", _declared(inner).get(""), depth + 1)]


def _members(inner: Tool, closed: bool, depth: int) -> dict[str, Any]:
    declared = _declared(inner)
    if depth >= _MAX_DEPTH or (closed and not declared):
        return {}
    if not declared:
        return {"key": _SAMPLES["string"]}
    shown = islice(declared.items(), _MAX_MEMBERS)
    return {key: _sample(inner, key, schema, depth + 1) for key, schema in shown}
