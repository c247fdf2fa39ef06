"""The documents that a harness knows: what opens one, what closes it, how its inside is read, what it must look like.

It must not know calls, decoders or the formats' parsers. Law: a type that could be made never raises later.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from wireproto.values.errors import SchemaError
from wireproto.values.extras import require
from wireproto.values.quoting import quoted

DocumentFormat = Literal["xml", "html", "toml", "json"]

# TOML and JSON are read without other packages.
_PARSERS = {"xml": "lxml.etree", "html": "selectolax.lexbor"}
_ROOT = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_FENCE = re.compile(r"([^\w\s]{3,})[^\r\n]*(?<![ \t])")
_MAX_FENCE = 256
_MAX_REPORT = 300
# Their members are data: a "$ref" in them refers to nothing.
_DATA = frozenset(("const", "default", "enum", "example", "examples"))


@dataclass(frozen=True, slots=True)
class DocumentType:
    """A kind of structured document that a message or an argument may hold.

    `name` is yours. `format` is what it is written in: "xml", "html", "toml" or "json". `root` names the element that
    is the document (xml; html, in upper or lower case). `fence` is the document's opening line, such as "+++ plan"; a
    line of its leading punctuation closes it. Give one of the two. `schema` is a JSON Schema of the value that the
    document parses to, with references within it only.

    Raises:
        SchemaError: the definition is wrong; the message says what to write.
        MissingExtra: the parser of the format, or what checks the schema, is not installed.
    """

    name: str
    format: DocumentFormat
    root: str | None = None
    fence: str | None = None
    schema: dict[str, Any] | None = field(default=None, hash=False)
    _validator: Any = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.name or not isinstance(self.name, str):
            raise SchemaError('DocumentType: name must be a string that is not empty, such as "plan"')
        where = f"DocumentType {quoted(self.name)}"
        if self.format not in get_args(DocumentFormat):
            raise SchemaError(f'{where}: format must be "xml", "html", "toml" or "json", not {quoted(self.format)}')
        if (self.root is None) == (self.fence is None):
            raise SchemaError(f'{where}: write either root="element" or fence="+++ {self.name}", and not both')
        if self.root is not None:
            _check_root(where, self.format, self.root)
        if self.fence is not None:
            _check_fence(where, self.fence)
        require_parser(self.format, where)
        if self.schema is not None:
            object.__setattr__(self, "_validator", _validator(where, self.schema))

    @property
    def closer(self) -> str:
        """What the closing line of a fenced document consists of; empty for one with a root."""
        found = _FENCE.fullmatch(self.fence or "")
        return found.group(1) if found else ""

    def problem(self, value: Any) -> str:
        """Return where and how a value breaks the schema; empty if it does not."""
        if self._validator is None:
            return ""
        from referencing.exceptions import Unresolvable

        try:
            error = next(self._validator.iter_errors(value), None)
        except Unresolvable as unresolvable:
            return f"$: the schema cannot be applied: {unresolvable}"[:_MAX_REPORT]
        except RecursionError:
            return "$: the value is nested too deeply for its schema"
        return f"{error.json_path}: {error.message}"[:_MAX_REPORT] if error is not None else ""


def require_parser(form: DocumentFormat, where: str) -> None:
    """Raise MissingExtra if the parser of a format is not installed."""
    if form in _PARSERS:
        require("documents", _PARSERS[form], purpose=f"{where}: the format {form!r}")


def _check_root(where: str, form: str, root: object) -> None:
    if form not in ("xml", "html"):
        raise SchemaError(f'{where}: a {form} document has no root element; write fence="+++ name" instead')
    if not isinstance(root, str) or not _ROOT.fullmatch(root):
        raise SchemaError(f'{where}: root must be the name of an element, such as "plan", not {quoted(root)}')


def _check_fence(where: str, fence: object) -> None:
    if not isinstance(fence, str) or not _FENCE.fullmatch(fence) or len(fence) > _MAX_FENCE:
        raise SchemaError(
            f"{where}: fence must be one line of at most {_MAX_FENCE} characters that begins with three punctuation"
            f' characters and does not end with a blank, such as "+++ plan" or "```json plan", not {quoted(fence)}'
        )


def _validator(where: str, schema: object) -> Any:
    """Return a validator over a copy of the schema, which loads nothing from anywhere."""
    require("documents", "jsonschema", purpose=f"{where}: schema")
    from jsonschema.exceptions import SchemaError as BrokenSchema
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    if not isinstance(schema, dict):
        raise SchemaError(f"{where}: schema must be a JSON Schema object, not {type(schema).__name__}")
    try:
        plain = json.loads(json.dumps(schema, allow_nan=False))
        kind = validator_for(plain, default=Draft202012Validator)
        kind.check_schema(plain)
        validator = kind(plain, registry=Registry())
        resolver = Registry().resolver_with_root(DRAFT202012.create_resource(plain))
        for reference in _references(where, plain):
            resolver.lookup(reference)
        probes: tuple[Any, ...] = (None, "", {}, [])
        for probe in probes:
            validator.is_valid(probe)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"{where}: schema is not JSON: {error}") from None
    except BrokenSchema as error:
        raise SchemaError(f"{where}: schema is broken at {error.json_path}: {error.message[:_MAX_REPORT]}") from None
    except Unresolvable as error:
        raise SchemaError(f"{where}: schema has a reference to nothing: {error}") from None
    except RecursionError:
        raise SchemaError(f"{where}: schema is nested too deeply, or refers to itself without end") from None
    return validator


def _references(where: str, schema: Any) -> list[str]:
    """Return all references of a schema; only those to its own inside are allowed."""
    found: list[str] = []
    todo: list[Any] = [schema]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            found += [item[key] for key in ("$ref", "$dynamicRef") if isinstance(item.get(key), str)]
            todo += [member for key, member in item.items() if key not in _DATA]
        elif isinstance(item, list):
            todo += item
    for reference in found:
        if not reference.startswith("#"):
            raise SchemaError(
                f'{where}: schema may refer to its own inside only ("#/$defs/name"), not to {quoted(reference)}'
            )
    return found
