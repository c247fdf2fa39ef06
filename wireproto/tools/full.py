"""The judgement of a value by a schema with keywords that `judge` does not know, by the package jsonschema.

A tools file comes from outside and a model writes the value, so every keyword that is applied takes a step of a bounded
number, patterns are automata, references stay inside the schema, and nothing is compared with everything. It must not
know calls. Law: what cannot be judged like that has no fault; nothing raises, and nothing is loaded from anywhere.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Union

from wireproto.text.json_repair import dumps
from wireproto.tools.judge import RARE, Fault
from wireproto.tools.patterns import matches
from wireproto.values.quoting import quoted

_MAX_FAULTS: Final = 20
_MAX_PARTS: Final = 20_000
_MAX_MESSAGE: Final = 200
# What jsonschema raises about a schema that is none, or a value that it cannot count with.
_FAILURES: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

Keyword = Callable[[Any, Any, Any, Any], Union[Iterator[Any], None]]
Judgement = Callable[[Mapping[str, Any], int], list[Fault]]


class _Unjudged(Exception):
    """There are no steps left, or a pattern cannot be judged."""


_RUN: Final = threading.local()


def needs_package(schema: object) -> bool:
    """Whether a schema holds a keyword that only the package judges."""
    return any(RARE & part.keys() for part in _parts(schema))


def full_judgement(schema: Mapping[str, Any]) -> Judgement | None:
    """Return what judges arguments by a schema, in so many steps; None if it cannot be judged, or without the package.

    The faults that it returns are in the order of the schema.
    """
    try:
        from jsonschema.exceptions import SchemaError as BrokenSchema
        from jsonschema.validators import Draft202012Validator, extend, validator_for
        from referencing import Registry
        from referencing.exceptions import Unresolvable
    except ImportError:
        return None
    try:
        plain = json.loads(json.dumps(schema, allow_nan=False))
        if not _is_tame(plain):
            return None
        kind = validator_for(plain, default=Draft202012Validator)
        kind.check_schema(plain)
    except (*_FAILURES, BrokenSchema):
        return None
    known = {name: _counted(check) for name, check in {**kind.VALIDATORS, **_own(dict(kind.VALIDATORS))}.items()}
    validator = extend(kind, known)(plain, registry=Registry())  # type: ignore[no-untyped-call]

    def judge(arguments: Mapping[str, Any], steps: int) -> list[Fault]:
        _RUN.steps = steps
        try:
            return list(_faults(validator.iter_errors(json.loads(dumps(dict(arguments))))))
        except (*_FAILURES, _Unjudged, Unresolvable):
            return []

    return judge


def _faults(errors: Iterator[Any]) -> Iterator[Fault]:
    for _, error in zip(range(_MAX_FAULTS), errors, strict=False):
        yield Fault(error.message[:_MAX_MESSAGE], tuple(error.absolute_path))


def _parts(schema: object) -> Iterator[Mapping[str, Any]]:
    """Yield all objects in a schema, as far as it is of bounded size."""
    todo: list[object] = [schema]
    for _ in range(_MAX_PARTS):
        if not todo:
            return
        item = todo.pop()
        if isinstance(item, Mapping):
            yield item
            todo += item.values()
        elif isinstance(item, (list, tuple)):
            todo += item


def _is_tame(schema: object) -> bool:
    """Whether references stay inside, and no keyword means what JSON Schema does not know or matches by itself."""
    parts = list(_parts(schema))
    keys = {key for part in parts for key in part}
    references = (part[key] for part in parts for key in ("$ref", "$dynamicRef") if isinstance(part.get(key), str))
    if len(parts) >= _MAX_PARTS or not all(reference.startswith("#") for reference in references):
        return False
    return "nullable" not in keys and not keys >= {"unevaluatedProperties", "patternProperties"}


def _counted(check: Keyword) -> Keyword:
    """Return a keyword's check that takes a step, and one for each member of the value."""

    def count(validator: Any, asked: Any, instance: Any, schema: Any) -> Iterator[Any]:
        _RUN.steps -= 1 + (len(instance) if isinstance(instance, (dict, list)) else 0)
        if _RUN.steps < 0:
            raise _Unjudged
        found = check(validator, asked, instance, schema)
        yield from () if found is None else found

    return count


def _own(standard: dict[str, Keyword]) -> dict[str, Keyword]:
    """Return the checks that are written anew: they match patterns, or compare everything with everything."""
    from jsonschema.exceptions import ValidationError

    def pattern(validator: Any, asked: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, str) and not _found(asked, instance):
            yield ValidationError(f"{quoted(instance)} does not match {quoted(asked)}")

    def pattern_properties(validator: Any, asked: Any, instance: Any, schema: Any) -> Iterator[Any]:
        for expression, part in asked.items() if isinstance(instance, dict) else ():
            for key, item in instance.items():
                if _found(expression, key):
                    yield from validator.descend(item, part, path=key, schema_path=expression)

    def additional_properties(validator: Any, asked: Any, instance: Any, schema: Any) -> Iterator[Any]:
        named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for key, item in instance.items() if isinstance(instance, dict) else ():
            if key not in named and not any(_found(expression, key) for expression in patterns):
                yield from validator.descend(item, asked, path=key)

    def unique_items(validator: Any, asked: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if asked and isinstance(instance, list) and len({_frozen(item) for item in instance}) < len(instance):
            yield ValidationError("has elements that are equal")

    return {
        "pattern": pattern,
        "patternProperties": pattern_properties,
        "additionalProperties": additional_properties,
        "uniqueItems": unique_items,
    }


def _found(pattern: str, text: str) -> bool:
    _RUN.steps -= len(text)
    found = matches(pattern, text) if _RUN.steps >= 0 else None
    if found is None:
        raise _Unjudged
    return found


def _frozen(value: Any) -> Any:
    """Return what is equal for values that are equal as JSON."""
    if isinstance(value, dict):
        return "object", frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_frozen, value))
    return type(value) is bool, value
