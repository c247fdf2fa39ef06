"""Tools as callers define them, and what their JSON Schema says about a raw value.

It must not know any dialect or how text was cut into values; it sees one key and one whole text at a time.

Law: a mismatch is diagnosed, never guessed away and never raised. Text whose type nobody declares stays text, and what
does not fit comes back as it was written. Only a wrong tool definition raises (`SchemaError`), when it is loaded.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Union

from wireproto.text import json_repair
from wireproto.tools.names import Unusual, unusual
from wireproto.tools.types import NUMBERS, PLAIN_TYPES, Resolver, Types, json_type
from wireproto.values.errors import SchemaError
from wireproto.values.quoting import escaped, quoted

Wire = Literal["string", "nullable", "json"]

_BLANK: Final = " \t\r\n"
_NOUNS: Final = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}
# Keywords that say nothing of a value's type beside `type`.
_TELLS_A_TYPE: Final = frozenset({"type", "description", "title", "default", "examples"})
_STRUCTURES: Final = frozenset({"object", "array"})
_SCHEMA_PLACES: Final = ("parameters", "input_schema", "inputSchema")
_TRUTH: Final = {"true": True, "false": False}
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_ZERO_FRACTION: Final = re.compile(r"\.0+\Z")
# Beyond 2**53 a float no longer says which integer was meant.
_EXACT_FLOAT: Final = 2**53
# difflib is quadratic in the length of a name, and a model writes the name.
_MAX_NEAREST: Final = 128
_SEPARATORS: Final = str.maketrans("-. ", "___")


@dataclass(frozen=True, slots=True)
class Typed:
    """A value as the schema reads it, and the diagnosis code (with its sentence) if that was not plain."""

    value: Any
    code: str | None = None
    message: str = ""

    def is_plainly(self, value: Any) -> bool:
        """Whether it is this very value, of this type, and nothing was odd about it."""
        return self.code is None and type(self.value) is type(value) and bool(self.value == value)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: its name, and what its schema declares about each argument."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict, hash=False)
    keys: frozenset[str] = field(init=False, repr=False, compare=False)
    _declared: dict[str, Any] = field(init=False, repr=False, compare=False)
    _types: dict[str, Types] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        declared = Resolver(self.schema).properties(self.schema)
        object.__setattr__(self, "_declared", declared)
        object.__setattr__(self, "keys", frozenset(declared))

    def types(self, key: str) -> Types:
        """Return the JSON types that an argument may have, or None if the schema does not say."""
        if key not in self._declared:
            return None
        if key not in self._types:
            declared = self._declared[key]
            # Most arguments are declared by nothing but a type: that needs no walk through the schema.
            plain = isinstance(declared, dict) and declared.keys() <= _TELLS_A_TYPE and declared.get("type")
            found = PLAIN_TYPES.get(plain) if isinstance(plain, str) else None
            self._types[key] = found or Resolver(self.schema).types(declared)
        return self._types[key]

    def within(self, key: str) -> Tool:
        """Return what is declared of the members of an argument that is an object."""
        return self._inner(Resolver(self.schema).properties(self._declared.get(key)))

    def elements(self, key: str) -> Tool:
        """Return what is declared of the elements of an argument that is an array, as the key ""."""
        items = Resolver(self.schema).items(self._declared.get(key))
        return self._inner({} if items is None else {"": items})

    def _inner(self, properties: Mapping[str, Any]) -> Tool:
        return Tool(self.name, "", {**self.definitions, "properties": properties})

    @property
    def definitions(self) -> dict[str, Any]:
        """The schemas that others refer to, by the keyword they stand under."""
        return {place: self.schema[place] for place in ("$defs", "definitions") if place in self.schema}

    def wire(self, key: str) -> Wire:
        """Return how raw text of an argument is delivered: as it streams, after a look for `null`, or at its end."""
        types = self.types(key)
        if types is None or types == {"string"}:
            return "string"
        if "string" not in types or types & {"boolean", "object", "array"}:
            return "json"
        return "nullable" if "null" in types else "string"

    def decode(self, key: str, text: str, coerce: bool = True) -> Typed:
        """Read raw text whose type the wire does not say."""
        types = self.types(key)
        wire = self.wire(key)
        if not coerce or types is None or wire == "string":
            return Typed(text)
        if wire == "nullable":
            return Typed(None if text == "null" else text)
        if "string" not in types:
            return _read(text, types) or _mismatched(key, types, text, quoted(text))
        # Where a string is legal too, a repaired or Python spelling is the string that it looks like.
        found = _read(text, types) if _is_json(text) else None
        return found or Typed(text)

    def decode_json(self, key: str, text: str, coerce: bool = True) -> Typed:
        """Read raw text of which the wire says that it is JSON and not a string (DSML `string="false"`)."""
        types = self.types(key) if coerce else None
        if types is None:
            message = f"the wire says that {quoted(key)} is not a string, but {quoted(text)} is not JSON"
            return _json(text) or Typed(text, "type-mismatch", message)
        fitting = _read(text, types)
        if fitting is not None:
            return fitting
        if "string" in types:
            return Typed(
                text, "type-conflict", f'the wire says that "{escaped(key)}" is not a string, the schema that it is'
            )
        written = _json(text)
        if written is None:
            return _mismatched(key, types, text, quoted(text))
        return _mismatched(key, types, written.value, _noun(written.value))

    def decode_string(self, key: str, text: str, coerce: bool = True) -> Typed:
        """Read raw text of which the wire says that it is a string (DSML `string="true"`)."""
        types = self.types(key)
        if not coerce or types is None or "string" in types:
            return Typed(text)
        found = _read(text, types)
        if found is None:
            return _mismatched(key, types, text, quoted(text))
        message = f'the wire says that "{escaped(key)}" is a string, the schema {_either(types)}'
        return Typed(found.value, "type-conflict", "; ".join(filter(None, (message, found.message))))

    def mismatch(self, key: str, value: Any) -> str | None:
        """Say in a sentence that a value which the wire typed has none of the declared types; None if it has."""
        types = self.types(key)
        if types is None or (isinstance(value, str) and "string" in types) or _fits(value, types):
            return None
        return _mismatched(key, types, value, _noun(value)).message

    def fitting(self, key: str, value: Any) -> Typed:
        """Return a value which the wire typed, with what its mismatch says if it has none of the declared types."""
        problem = self.mismatch(key, value)
        return Typed(value, "type-mismatch" if problem else None, problem or "")

    def nearest(self, key: str) -> str | None:
        """Return the declared argument whose name is most like `key`, if one is."""
        return _most_like(key, self._declared)


@dataclass(frozen=True, slots=True)
class Toolset:
    """The tools of one request, read and validated once: pass it wherever tools are taken, as often as you like.

    Make it with `Toolset.of(definitions)`. `any_name` is True where no definitions were given (None), so that a call of
    any name counts; `empty` where there are none, so that nothing can be a call. Its tools, names and lookups are for
    reading only.
    """

    tools: tuple[Tool, ...] = ()
    any_name: bool = False
    by_name: dict[str, Tool] = field(init=False, repr=False, compare=False)
    empty: bool = field(init=False, repr=False, compare=False)
    unusual: Unusual = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {tool.name: tool for tool in self.tools})
        object.__setattr__(self, "empty", not self.any_name and not self.tools)
        keys = frozenset[str]().union(*(tool.keys for tool in self.tools))
        object.__setattr__(self, "unusual", unusual(self.by_name, keys))

    @classmethod
    def of(cls, tools: Tools) -> Toolset:
        """Read and validate tool definitions; a toolset is returned as it is.

        Raises:
            SchemaError: a definition is wrong, or two have the same name; the message says what would be right.
        """
        if isinstance(tools, Toolset):
            return tools
        if tools is None:
            return cls(any_name=True)
        given: object = tools
        if not isinstance(given, Sequence) or isinstance(given, (str, bytes, bytearray)):
            raise SchemaError(f"tools must be a list of definitions or None, not {_python_noun(given)}")
        loaded: dict[str, int] = {}
        found: list[Tool] = []
        for index, item in enumerate(tools):
            tool = _load(item, f"tools[{index}]")
            if tool.name in loaded:
                where = f'tools[{index}] ("{escaped(tool.name)}")'
                raise SchemaError(f"{where}: tools[{loaded[tool.name]}] has the same name; rename or drop one of them")
            loaded[tool.name] = index
            found.append(tool)
        return cls(tuple(found))

    @property
    def names(self) -> tuple[str, ...]:
        """The declared names, in the caller's order."""
        return tuple(self.by_name)

    def get(self, name: str) -> Tool | None:
        """Return the tool of this name, or None if none was declared."""
        return self.by_name.get(name)

    def accepts(self, name: str) -> bool:
        """Whether a call of this name counts: its tool is declared, or any name is accepted."""
        return self.any_name or name in self.by_name

    def nearest(self, name: str) -> str | None:
        """Return the declared name that is most like this one, without its namespace, or None."""
        if not name or len(name) > _MAX_NEAREST:
            return None
        inside = [known for known in self.by_name if _ends_in(name, known)]
        if inside:
            return max(inside, key=len)
        around = [known for known in self.by_name if _ends_in(known, name)]
        return around[0] if len(around) == 1 else _most_like(name, self.by_name)


Tools = Union[Sequence[Union[Mapping[str, Any], Tool]], Toolset, None]
"""What every function takes as `tools`: definitions, or a `Toolset` that was made of them.

A definition is an object in OpenAI's, Anthropic's or MCP's form, or plain: `{"name": ..., "description": ...,
"parameters": {...}}`. `None`: the tools are not known, and a call of any name is accepted. `[]`: no tools were offered,
so that nothing is a call.
"""

# Loading definitions.


def _load(item: object, where: str) -> Tool:
    if isinstance(item, Tool):
        return item
    if not isinstance(item, Mapping):
        raise SchemaError(f'{where} must be an object with a "name", not {_python_noun(item)}')
    body = item if "name" in item else item.get("function", item)
    if not isinstance(body, Mapping):
        raise SchemaError(f'{where}: "function" must be an object with a "name", not {_python_noun(body)}')
    if "name" not in body:
        raise SchemaError(f'{where} has no "name": write {{"name": …, "description": …, "parameters": {{…}}}}')
    name = body["name"]
    if not isinstance(name, str) or not name:
        shown = "an empty string" if name == "" else _python_noun(name)
        raise SchemaError(f'{where}: "name" must be a string that is not empty, not {shown}')
    where = f'{where} ("{escaped(name)}")'
    description = body.get("description")
    if description is not None and not isinstance(description, str):
        raise SchemaError(f'{where}: "description" must be a string, not {_python_noun(description)}')
    return Tool(name, description or "", _load_schema(body, where))


def _load_schema(body: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    for place in _SCHEMA_PLACES:
        schema = body.get(place)
        if isinstance(schema, Mapping):
            return schema
        if schema is not None:
            raise SchemaError(f'{where}: "{place}" must be an object, not {_python_noun(schema)}')
    return {}


def _python_noun(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "a list" if isinstance(value, list) else "a tuple"
    return _noun(value)


# Reading values.


def _fits(value: object, types: frozenset[str]) -> bool:
    kind = json_type(value)
    return kind in types or (kind == "integer" and "number" in types)


def _json(text: str) -> Typed | None:
    try:
        reading = json_repair.loads(text)
    except json_repair.Unreadable:
        return None
    # Added closers would make a value that was cut off look whole.
    if "missing-bracket" in reading.repairs:
        return None
    if not reading.repairs:
        return Typed(reading.value)
    return Typed(reading.value, "value-repaired", f"read after repairs: {', '.join(reading.repairs)}")


def _is_json(text: str) -> bool:
    found = _json(text)
    return found is not None and found.code is None


def _read(text: str, types: frozenset[str]) -> Typed | None:
    """Return the value of a declared type other than string that `text` spells, if it spells one."""
    raw = text.strip(_BLANK)
    if "null" in types and raw in ("null", "None"):
        return Typed(None)
    truth = _TRUTH.get(raw[:6].lower()) if "boolean" in types else None
    if truth is not None:
        return Typed(truth)
    if types & NUMBERS and _NUMBER.fullmatch(raw):
        return _read_number(raw, "number" in types)
    return _read_structure(raw, types & _STRUCTURES) if types & _STRUCTURES else None


def _read_number(raw: str, fractions: bool) -> Typed | None:
    # By its spelling and not through a float, which would round long integers.
    found = _json(raw if fractions else _ZERO_FRACTION.sub("", raw))
    if found is None or fractions or isinstance(found.value, int):
        return found
    if found.value.is_integer() and abs(found.value) < _EXACT_FLOAT:
        return Typed(int(found.value))
    return None


def _read_structure(raw: str, types: frozenset[str]) -> Typed | None:
    found = _json(raw)
    if found is None and "array" in types:
        return _read_lines(raw)
    return found if found is not None and _fits(found.value, types) else None


def _read_lines(raw: str) -> Typed | None:
    """Join one array per line, as some models write a list of several elements."""
    lines = [line for line in raw.split("\n") if line.strip(_BLANK)]
    joined: list[Any] = []
    for line in lines:
        found = _json(line)
        if found is None or not isinstance(found.value, list):
            return None
        joined += found.value
    return Typed(joined, "value-repaired", f"{len(lines)} arrays, one per line, joined to one")


# Words.


def _mismatched(key: str, types: frozenset[str], value: Any, shown: str) -> Typed:
    return Typed(value, "type-mismatch", f'"{escaped(key)}" is declared as {_either(types)}, but the value is {shown}')


def _either(types: frozenset[str]) -> str:
    return " or ".join(noun for kind, noun in _NOUNS.items() if kind in types) or "nothing at all"


def _noun(value: object) -> str:
    kind = json_type(value)
    return _NOUNS[kind] if kind else f"a {type(value).__name__}"


# Names.


def _ends_in(name: str, suffix: str) -> bool:
    return name.endswith(suffix) and len(name) > len(suffix) and not name[-len(suffix) - 1].isalnum()


def _most_like(name: str, known: Iterable[str]) -> str | None:
    if not name or len(name) > _MAX_NEAREST:
        return None
    folded: dict[str, str] = {}
    for candidate in known:
        if len(candidate) <= _MAX_NEAREST:
            folded.setdefault(_fold(candidate), candidate)
    best = difflib.get_close_matches(_fold(name), folded, n=1)
    return folded[best[0]] if best else None


def _fold(name: str) -> str:
    return name.casefold().translate(_SEPARATORS)
