"""Tool definitions in the forms in which people have them, as a name, a description and a schema each.

OpenAI's, Anthropic's, MCP's and Gemini's, a plain one, or a whole reply or request that holds a list of them. It must
not know what schemas say of arguments. Law: a definition that is read means what its author meant by it, whichever the
form; a wrong one is a `SchemaError` that says where it stands and what would be right.

Sources: OpenAI's function calling guide; Anthropic's tool use guide; MCP, `tools/list`; Gemini API, `Tool` and
`Schema` (types in upper case, counts as strings, as protocol buffers have them in JSON).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wireproto.tools.reading import noun
from wireproto.tools.types import Resolver
from wireproto.values.errors import SchemaError
from wireproto.values.quoting import escaped

Definition = tuple[str, str, Mapping[str, Any]]

_SCHEMA_PLACES: Final = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema", "parameters_json_schema")
_GROUPS: Final = frozenset(("functionDeclarations", "function_declarations"))
# What a whole reply or request has its tools under: MCP's JSON-RPC reply in `result`, the others at the top.
_LIST: Final = "tools"
_REPLY: Final = "result"
_COUNTS: Final = frozenset(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"))
_ONE: Final = ("items", "additionalProperties", "not")
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS: Final = ("properties", "$defs", "definitions", "patternProperties")
# A schema that is nested deeper is left as it is.
_MAX_DEPTH: Final = 100


def definitions(given: object) -> Iterator[tuple[object, str]]:
    """Yield each definition of a list, and how errors name it; one of Gemini's groups counts as those in it.

    Raises:
        SchemaError: it is no list.
    """
    if not isinstance(given, (list, Sequence)) or isinstance(given, (str, bytes, bytearray)):
        raise SchemaError(f"tools must be a list of definitions or None, not {_python_noun(given)}")
    for index, item in enumerate(given):
        where = f"tools[{index}]"
        if not isinstance(item, (dict, Mapping)) or "name" in item or _GROUPS.isdisjoint(item):
            yield item, where
            continue
        group = next(key for key in item if key in _GROUPS)
        where += f".{group}"
        if not isinstance(item[group], (list, tuple)):
            raise SchemaError(f"{where} must be a list of definitions, not {_python_noun(item[group])}")
        yield from ((each, f"{where}[{i}]") for i, each in enumerate(item[group]))


def definitions_in(document: Any) -> Any:
    """Return the definitions in a JSON document: it is a list of them, one, or a reply or request that holds a list."""
    if not isinstance(document, Mapping):
        return document
    reply = document.get(_REPLY)
    if isinstance(reply, Mapping) and _LIST in reply:
        return reply[_LIST]
    if _LIST in document and "name" not in document:
        return document[_LIST]
    return [document] if any(key in document for key in ("name", "function", *_GROUPS)) else document


def definition(item: object, where: str) -> Definition:
    """Return the name, the description and the schema of one definition.

    Raises:
        SchemaError: it is wrong; says what would be right.
    """
    if not isinstance(item, (dict, Mapping)):
        raise SchemaError(f'{where} must be an object with a "name", not {_python_noun(item)}')
    body = item if "name" in item else item.get("function", item)
    if not isinstance(body, (dict, Mapping)):
        raise SchemaError(f'{where}: "function" must be an object with a "name", not {_python_noun(body)}')
    if "name" not in body:
        raise SchemaError(f'{where} has no "name": write {{"name": …, "description": …, "parameters": {{…}}}}')
    name = body["name"]
    if not isinstance(name, str) or not name:
        shown = "an empty string" if name == "" else _python_noun(name)
        raise SchemaError(f'{where}: "name" must be a string that is not empty, not {shown}')
    description = body.get("description")
    if description is not None and not isinstance(description, str):
        raise SchemaError(f'{named(where, name)}: "description" must be a string, not {_python_noun(description)}')
    return name, description or "", _schema(body, where, name)


def named(where: str, name: str) -> str:
    """Return how an error names a definition whose name is known."""
    return f'{where} ("{escaped(name)}")'


def check_root(schema: Mapping[str, Any], where: str, name: str, place: str = "parameters") -> None:
    """Refuse a schema of arguments that no object fits.

    Raises:
        SchemaError: its root is of another type.
    """
    if schema.get("type") == "object":
        return
    types = Resolver(schema).types(schema)
    if types is not None and "object" not in types:
        which = " or ".join(sorted(types)) or "nothing at all"
        what = f'"{place}" must describe an object, whose properties are the arguments, and not {which}'
        raise SchemaError(f'{named(where, name)}: {what}: write {{"type": "object", "properties": {{…}}}}')


def _schema(body: Mapping[str, Any], where: str, name: str) -> Mapping[str, Any]:
    for place in _SCHEMA_PLACES:
        schema = body.get(place)
        if isinstance(schema, (dict, Mapping)):
            if schema.get("type") == "object":
                return schema  # as nearly all are
            if _is_geminis(schema):
                schema = _plain(schema, 0)
            check_root(schema, where, name, place)
            return schema
        if schema is not None:
            raise SchemaError(f'{named(where, name)}: "{place}" must be an object, not {_python_noun(schema)}')
    return {}


# Gemini's way to write a schema.


def _is_geminis(schema: Mapping[str, Any]) -> bool:
    if "type" in schema:
        return _is_upper(schema)
    declared = schema.get("properties")
    return isinstance(declared, (dict, Mapping)) and any(map(_is_upper, declared.values()))


def _is_upper(schema: object) -> bool:
    return isinstance(schema, (dict, Mapping)) and isinstance(named := schema.get("type"), str) and named.isupper()


def _plain(schema: Any, depth: int) -> Any:
    """Return a schema as JSON Schema writes it, if it is written as Gemini has it."""
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return schema
    found = {key: _keyword(key, value, depth + 1) for key, value in schema.items()}
    if _is_upper(found):
        named = found.pop("type").lower()
        return found if named == "type_unspecified" else {"type": named, **found}
    return found


def _keyword(key: object, value: Any, depth: int) -> Any:
    if key in _ONE:
        return _plain(value, depth)
    if key in _LISTS and isinstance(value, (list, tuple)):
        return [_plain(each, depth) for each in value]
    if key in _MAPS and isinstance(value, Mapping):
        return {name: _plain(each, depth) for name, each in value.items()}
    if key in _COUNTS and isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value


def _python_noun(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "a list" if isinstance(value, list) else "a tuple"
    return noun(value)
