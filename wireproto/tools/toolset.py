"""Tools as callers define them, and what their JSON Schema says about a raw value.

It must not know any dialect or how text was cut into values; it sees one key and one whole text at a time.

Law: a mismatch is diagnosed, never guessed away and never raised. Text whose type nobody declares stays text, and what
does not fit comes back as it was written. Only a wrong tool definition raises (`SchemaError`), when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, Union

from wireproto.text.json_safe import identical
from wireproto.text.numbers import MAY_BE_FRACTION, holds
from wireproto.tools.arguments import is_constrained, required
from wireproto.tools.exact import settled
from wireproto.tools.judge import UNSURE, Fault, Judge, any_string
from wireproto.tools.kept import Kept, copy_of, key_of
from wireproto.tools.loading import check_root, definition, definitions, named
from wireproto.tools.names import Unusual, most_like, most_like_or_inside, unusual
from wireproto.tools.reading import Typed, either, fits, is_json, mismatched, noun, read, read_json
from wireproto.tools.types import NUMBERS, PLAIN_TYPES, Resolver, Types
from wireproto.values.errors import SchemaError
from wireproto.values.extras import require
from wireproto.values.quoting import escaped, quoted

if TYPE_CHECKING:
    from wireproto.tools.full import Judgement

__all__ = ("Tool", "Tools", "Toolset", "Typed", "Wire")

Wire = Literal["string", "nullable", "json"]

# Keywords that say nothing of a value's type beside `type`.
_TELLS_A_TYPE: Final = frozenset({"type", "description", "title", "default", "examples"})
_NOT_NUMBERS: Final = frozenset({"boolean", "object", "array"})
# Toolsets by their definitions, so many bytes of them.
_TOOLSETS: Final[Kept[Toolset]] = Kept(4_000_000)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: its name, and what its schema declares about each argument.

    `decimals`: numbers with a fraction are read as `Decimal`. `root` is the schema that references are resolved in,
    where that is another one. `required` are the arguments that the root of the schema asks for; `is_constrained` says
    whether it asks for more than these and types.
    """

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict, hash=False)
    decimals: bool = field(default=False, kw_only=True)
    root: Mapping[str, Any] | None = field(default=None, kw_only=True, hash=False, repr=False, compare=False)
    # Found out when they are first asked for (`_FACTS`): of most tools of a request nothing ever is.
    keys: frozenset[str] = field(init=False, repr=False, compare=False)
    required: frozenset[str] = field(init=False, repr=False, compare=False)
    is_constrained: bool = field(init=False, repr=False, compare=False)
    bounded: set[str] = field(init=False, repr=False, compare=False)
    _declared: dict[str, Any] = field(init=False, repr=False, compare=False)
    _types: dict[str, Types] = field(init=False, repr=False, compare=False)
    _judgement: list[Judgement | None] = field(init=False, repr=False, compare=False)
    _any_string: dict[str, bool] = field(init=False, repr=False, compare=False)

    if not TYPE_CHECKING:  # else any name would count as an attribute

        def __getattr__(self, name: str) -> Any:
            """Find out a fact whose slot is still empty."""
            if name not in _FACTS:
                raise AttributeError(f"a tool has no attribute {quoted(name)}")
            found = _FACTS[name](self)
            object.__setattr__(self, name, found)
            return found

    @property
    def resolver(self) -> Resolver:
        """What walks over this tool's schema, with steps for one question."""
        return Resolver(self.schema if self.root is None else self.root)

    def declared(self, key: str) -> object:
        """Return the schema of an argument; None if the tool says nothing of it."""
        if key in self._declared:
            return self._declared[key]
        return self.resolver.other(self.schema, key)

    def takes(self, key: str) -> bool:
        """Whether the tool may be given an argument of this name, as far as its schema says which it takes."""
        return key in self.keys or "properties" not in self.schema or self.declared(key) is not None

    def types(self, key: str) -> Types:
        """Return the JSON types that an argument may have, or None if the schema does not say."""
        if key not in self._declared:
            # Not kept: a model may write any number of names.
            other = self.declared(key)
            return None if other is None else self.resolver.types(other)
        if key not in self._types:
            declared = self._declared[key]
            # Most arguments are declared by nothing but a type: that needs no walk through the schema.
            plain = isinstance(declared, dict) and declared.keys() <= _TELLS_A_TYPE and declared.get("type")
            found = PLAIN_TYPES.get(plain) if isinstance(plain, str) else None
            if found is None:
                self.bounded.add(key)
            self._types[key] = found or self.resolver.types(declared)
        return self._types[key]

    def within(self, key: str) -> Tool:
        """Return what is declared of the members of an argument that is an object."""
        resolver, schema = self.resolver, self.declared(key)
        return self._inner(resolver.properties(schema), **resolver.others(schema))

    def elements(self, key: str) -> Tool:
        """Return what is declared of the elements of an argument that is an array: by `element`."""
        prefix, rest = self.resolver.items(self.declared(key))
        declared = {str(index): schema for index, schema in enumerate(prefix)}
        return self._inner(declared if rest is None else {**declared, "": rest})

    def element(self, index: int) -> str:
        """Return the key under which `elements` has what is declared of the element at an index."""
        return str(index) if str(index) in self._declared else ""

    def _inner(self, properties: Mapping[str, Any], **others: Any) -> Tool:
        root = self.schema if self.root is None else self.root
        return Tool(self.name, "", {"properties": properties, **others}, decimals=self.decimals, root=root)

    @property
    def with_decimals(self) -> Tool:
        """The same tool, whose numbers with a fraction are read as `Decimal`."""
        return replace(self, decimals=True)

    @property
    def definitions(self) -> dict[str, Any]:
        """The schemas that others refer to, by the keyword they stand under."""
        return {place: self.schema[place] for place in ("$defs", "definitions") if place in self.schema}

    def wire(self, key: str) -> Wire:
        """Return how raw text of an argument is delivered: as it streams, after a look for `null`, or at its end."""
        types = self.types(key)
        if types is None or types == {"string"}:
            return "string"
        if "string" not in types or types & _NOT_NUMBERS or (types & NUMBERS and not self.streams(key)):
            return "json"
        return "nullable" if "null" in types else "string"

    def decode(self, key: str, text: str, coerce: bool = True) -> Typed:
        """Read raw text whose type the wire does not say."""
        types = self.types(key)
        wire = self.wire(key)
        if not coerce or types is None:
            return Typed(text)
        if text == "null" and types >= {"null", "string"}:
            return Typed(None)
        if wire != "json":
            return self._unquoted(key, text) or Typed(text)
        found = read(text, types)
        if "string" not in types:
            return self._settled(key, text, found or mismatched(key, types, text, quoted(text)))
        if found is None or not self._prefers(key, found, text, types):
            return self._unquoted(key, text) or Typed(text)
        return self._settled(key, text, found)

    def _unquoted(self, key: str, text: str) -> Typed | None:
        """Return the string that JSON spells, where the schema allows no string with these quotes."""
        if text[:1] not in ('"', "'") or self.streams(key) or self.may_be(key, text):
            return None
        found = read_json(text)
        if found is None or not isinstance(found.value, str) or not self.may_be(key, found.value):
            return None
        return Typed(found.value, "quoted-value", f"{quoted(text)} is read without its quotes")

    def _prefers(self, key: str, found: Typed, text: str, types: frozenset[str]) -> bool:
        """Whether text that may be a string, too, is the value of another type that it spells."""
        if self.streams(key):
            # Where a string is legal too, a repaired or Python spelling is the string that it looks like.
            return is_json(text) and self.may_be(key, found.value)
        if not self.may_be(key, text):
            return True
        # A string wins over a number, as it does where it streams.
        return bool(types & _NOT_NUMBERS) and is_json(text) and self.may_be(key, found.value)

    def decode_json(self, key: str, text: str, coerce: bool = True) -> Typed:
        """Read raw text of which the wire says that it is JSON and not a string (DSML `string="false"`)."""
        types = self.types(key) if coerce else None
        if types is None:
            message = f"the wire says that {quoted(key)} is not a string, but {quoted(text)} is not JSON"
            return self._settled(key, text, read_json(text) or Typed(text, "type-mismatch", message))
        found = read(text, types)
        if found is not None and ("string" not in types or self.may_be(key, found.value) or not self.may_be(key, text)):
            return self._settled(key, text, found)
        written = read_json(text)
        if "string" in types:
            spelled = written.value if written is not None else None
            only_text = not self.streams(key) and not self.may_be(key, spelled) and self.may_be(key, text)
            return Typed(
                text if only_text or not isinstance(spelled, str) else spelled,
                "type-conflict",
                f'the wire says that "{escaped(key)}" is not a string, the schema that it is',
            )
        if written is None:
            return mismatched(key, types, text, quoted(text))
        return self._settled(key, text, mismatched(key, types, written.value, noun(written.value)))

    def decode_string(self, key: str, text: str, coerce: bool = True) -> Typed:
        """Read raw text of which the wire says that it is a string (DSML `string="true"`)."""
        types = self.types(key)
        if not coerce or types is None:
            return Typed(text)
        if "string" in types and (self.streams(key) or self.may_be(key, text)):
            return Typed(text)
        found = read(text, types)
        if found is None:
            if "string" in types:
                return self._unquoted(key, text) or Typed(text)
            return mismatched(key, types, text, quoted(text))
        found = self._settled(key, text, found)
        message = f'the wire says that "{escaped(key)}" is a string, the schema {either(types - {"string"})}'
        return Typed(found.value, "type-conflict", "; ".join(filter(None, (message, found.message))))

    def mismatch(self, key: str, value: Any) -> str | None:
        """Say in a sentence that a value which the wire typed has none of the declared types; None if it has."""
        types = self.types(key)
        if types is None or (isinstance(value, str) and "string" in types) or fits(value, types):
            return None
        return mismatched(key, types, value, noun(value)).message

    def fitting(self, key: str, value: Any) -> Typed:
        """Return a value which the wire typed, with what its mismatch says if it has none of the declared types."""
        problem = self.mismatch(key, value)
        return Typed(value, "type-mismatch" if problem else None, problem or "")

    def settle(self, key: str, value: Any) -> Typed:
        """Return a value whose numbers are exact (`Decimal`) with the numbers that the schema and `decimals` ask for.

        A declared integer is an integer, and any other number a float unless `decimals` says otherwise. The diagnosis
        is of an integer that is none, or else of digits that a float does not keep.
        """
        return settled(self.resolver, key, self.declared(key), value, self.decimals)

    def _settled(self, key: str, text: str, typed: Typed) -> Typed:
        """Return what was read of a text with the numbers that are declared."""
        if MAY_BE_FRACTION.search(text) is None or not holds(typed.value, Decimal):
            return typed
        found = self.settle(key, typed.value)
        return replace(found, code=typed.code, message=typed.message) if typed.code is not None else found

    def judge_fully(self, arguments: Mapping[str, Any], steps: int) -> list[Fault]:
        """Return what is wrong with arguments that `Judge` was not sure of; nothing without the package for it."""
        if not self._judgement:
            from wireproto.tools.full import full_judgement

            self._judgement.append(full_judgement(self.schema))
        judge = self._judgement[0]
        return [] if judge is None else judge(arguments, steps)

    @property
    def needs_package(self) -> bool:
        """Whether the schema asks for what only a package judges."""
        if not self.is_constrained:
            return False
        from wireproto.tools.full import needs_package

        return needs_package(self.schema)

    def may_be(self, key: str, value: Any) -> bool:
        """Whether the schema does not refuse a value of an argument, as far as that can be told."""
        return Judge(self.resolver).fault(self.declared(key), value) in (None, UNSURE)

    def streams(self, key: str) -> bool:
        """Whether the schema lets an argument be any string at all, so that nothing has to be seen of it first."""
        if key not in self._any_string:
            found = any_string(self.resolver, self.declared(key))
            if key not in self._declared:
                return found
            self._any_string[key] = found
        return self._any_string[key]

    def nearest(self, key: str) -> str | None:
        """Return the declared argument whose name is most like `key`, if one is."""
        return most_like(key, self._declared)


_FACTS: Final[Mapping[str, Callable[[Tool], object]]] = {
    "keys": lambda tool: frozenset(tool._declared),
    "required": lambda tool: frozenset(required(tool.schema)),
    "is_constrained": lambda tool: is_constrained(tool.schema, tool._declared),
    "bounded": lambda _: set(),
    "_declared": lambda tool: tool.resolver.properties(tool.schema),
    "_types": lambda _: {},
    "_judgement": lambda _: [],
    "_any_string": lambda _: {},
}


@dataclass(frozen=True, slots=True)
class Toolset:
    """The tools of one request, read and validated once: pass it wherever tools are taken, as often as you like.

    Make it with `Toolset.of(definitions)`, which also keeps those that come again. `any_name` is True where no
    definitions were given (None), so that a call of any name counts; `empty` where there are none, so that nothing can
    be a call. Its tools, names and lookups are for reading only.
    """

    tools: tuple[Tool, ...] = ()
    any_name: bool = False
    by_name: dict[str, Tool] = field(init=False, repr=False, compare=False)
    empty: bool = field(init=False, repr=False, compare=False)
    unusual: Unusual = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {tool.name: tool for tool in self.tools})
        object.__setattr__(self, "empty", not self.any_name and not self.tools)
        keys: list[str] = []
        for tool in self.tools:
            at_once = Resolver.keys(tool.schema)  # no fact of a tool is found out for this
            keys += tool.keys if at_once is None else at_once
        object.__setattr__(self, "unusual", unusual(self.by_name, keys))

    @classmethod
    def of(cls, tools: Tools) -> Toolset:
        """Read and validate tool definitions; a toolset is returned as it is.

        Raises:
            SchemaError: a definition is wrong, or two that differ have the same name; says what would be right.
        """
        if isinstance(tools, Toolset):
            return tools
        if tools is None:
            return cls(any_name=True)
        key = key_of(tools)
        if key is None:
            return cls._of(tools)
        kept = _TOOLSETS.get(key)
        if kept is None or kept is _SEEN:
            # Most are seen once, and made of what the caller has; from the second time on one of a copy is kept.
            copy = copy_of(key, tools) if kept is _SEEN else None
            kept = cls._of(tools if copy is None else copy)
            _TOOLSETS.add(key, _SEEN if copy is None else kept, len(key))
        return kept

    @classmethod
    def _of(cls, tools: object) -> Toolset:
        found: dict[str, Tool] = {}
        for item, where in definitions(tools):
            tool = _load(item, where)
            known = found.setdefault(tool.name, tool)
            if known is not tool and not _same(known, tool):
                first = next(place for other, place in definitions(tools) if _load(other, place) == known)
                message = f"{first} has the same name; rename or drop one of them"
                raise SchemaError(f"{named(where, tool.name)}: {message}")
        return cls(tuple(found.values()))

    def require_judgement(self) -> None:
        """Raise MissingExtra if a tool's schema asks for what only a package judges, and it is not installed."""
        for tool in self.tools:
            if tool.needs_package:
                require(
                    "documents", "jsonschema", purpose=f"Policy(validate='defect') for the tool {quoted(tool.name)}"
                )

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
        return most_like_or_inside(name, self.by_name)


# What stands for definitions that were seen once.
_SEEN: Final = Toolset()

Tools = Union[Sequence[Union[Mapping[str, Any], Tool]], Toolset, None]
"""What every function takes as `tools`: definitions, or a `Toolset` that was made of them.

A definition is an object in OpenAI's, Anthropic's, MCP's or Gemini's form, or plain: `{"name": ..., "description": ...,
"parameters": {...}}`. `None`: the tools are not known, and a call of any name is accepted. `[]`: no tools were offered,
so that nothing is a call.
"""


def _load(item: object, where: str) -> Tool:
    if not isinstance(item, Tool):
        return Tool(*definition(item, where))
    check_root(item.schema, where, item.name)
    return item


def _same(one: Tool, other: Tool) -> bool:
    return one == other and identical(one.schema, other.schema)
