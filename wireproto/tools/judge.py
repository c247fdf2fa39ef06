"""Whether a value fits a schema, by the keywords that tools use, in bounded steps and without a package.

It answers yes, no with the first fault, or that it cannot tell: a keyword of a rarer kind, a pattern that is too large,
a reference to another document, too many steps. It must not know tools or calls. Law: no schema and no value raises, a
step takes bounded time, and a fault is one for JSON Schema too (2020-12, validation and core; `nullable` of OpenAPI
3.0). It is kinder in one thing: an `enum` without a member of the stated type is taken for a slip and not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any, Final, NamedTuple, Union

from wireproto.text.json_safe import equal
from wireproto.tools.patterns import matches
from wireproto.tools.reading import either, fits, noun
from wireproto.tools.types import Resolver, named_types
from wireproto.values.quoting import escaped, quoted

_STEPS: Final = 2_000
_MAX_DEPTH: Final = 64
_SHOWN: Final = 6


class Fault(NamedTuple):
    """What is wrong, and where in the value: keys and indexes.

    `missing`: what is missing there, if that is it. `of_type`: the value has not even the type.
    """

    what: str
    path: tuple[str | int, ...] = ()
    missing: str | None = None
    of_type: bool = False

    @property
    def pointer(self) -> str:
        """The place as a JSON pointer, each step shortened, nothing in it that does not print."""
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in self.path)
        return "".join("/" + escaped(step) for step in steps)


Verdict = Union[Fault, None]
UNSURE: Final = Fault("it cannot be told")
Check = Callable[["Judge", Mapping[str, Any], Any, Any, int], Verdict]

# Keywords that restrict values and are not judged here.
RARE: Final = frozenset(
    ("contains", "dependencies", "dependentRequired", "dependentSchemas", "propertyNames", "unevaluatedItems",
     "unevaluatedProperties", "uniqueItems", "$dynamicRef", "$recursiveRef")
)  # fmt: skip
# Keywords that keep a schema from accepting any string.
_LIMITS_STRINGS: Final = frozenset(
    ("const", "enum", "pattern", "minLength", "maxLength", "not", "if", "$dynamicRef", "$recursiveRef")
)


class Judge:
    """Judges values by the schemas of one document; `steps` are for all of them together."""

    __slots__ = ("_resolver", "_steps")

    def __init__(self, resolver: Resolver, steps: int = _STEPS) -> None:
        self._resolver, self._steps = resolver, steps

    def fault(self, schema: object, value: Any, depth: int = 0) -> Verdict:
        """Return what is wrong with a value; None if nothing is, `UNSURE` if that cannot be told."""
        if not isinstance(schema, Mapping):
            return Fault("nothing may stand here") if schema is False else None
        self._steps -= 1 + len(schema)
        if depth > _MAX_DEPTH or self._steps < 0:
            return UNSURE
        if value is None and schema.get("nullable") is True:
            return None
        if "type" in schema and (found := _type(schema, value)) is not None:
            return found
        verdict: Verdict = None
        for keyword, asked in schema.items():
            check = _CHECKS.get(keyword) if isinstance(keyword, str) else None
            if check is None:
                verdict = UNSURE if keyword in RARE else verdict
                continue
            found = check(self, schema, asked, value, depth + 1)
            if found is UNSURE:
                verdict = UNSURE
            elif found is not None:
                return found
        return verdict

    def spend(self, steps: int) -> bool:
        """Take steps; False if there are not so many left."""
        self._steps -= steps
        return self._steps >= 0

    def inside(self, step: str | int, schema: object, value: Any, depth: int) -> Verdict:
        """Return what is wrong with a member or an element."""
        found = self.fault(schema, value, depth)
        return found if found is None or found is UNSURE else found._replace(path=(step, *found.path))

    def refer(self, reference: object) -> object:
        """Return the schema that a reference leads to; None if it leads nowhere here."""
        return self._resolver.follow(reference) if isinstance(reference, str) else None


def any_string(resolver: Resolver, schema: object, depth: int = 0) -> bool:
    """Whether a schema surely accepts every string; if it seems to accept none, that is not asked."""
    if not isinstance(schema, Mapping):
        return schema is not False
    if depth > _MAX_DEPTH or not resolver.spend(depth) or schema.keys() & _LIMITS_STRINGS:
        return False
    types = named_types(schema.get("type"))
    if types is not None and "string" not in types:
        return False
    conjuncts, alternatives = resolver.parts(schema)
    return all(any_string(resolver, part, depth + 1) for part in conjuncts) and all(
        any(any_string(resolver, part, depth + 1) for part in parts) for parts in alternatives
    )


def _type(schema: Mapping[str, Any], value: Any) -> Verdict:
    types = named_types(schema["type"])
    if types is None or fits(value, types):
        return None
    return Fault(f"is {noun(value)}, not {either(types)}", of_type=True)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    return noun(value) if isinstance(value, (dict, list)) else escaped(str(value))


# What values of any type may be asked.


def _enum(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    if not isinstance(asked, (list, tuple)) or not judge.spend(len(asked)):
        return None if not isinstance(asked, (list, tuple)) else UNSURE
    if value in asked if isinstance(value, str) else any(equal(member, value) for member in asked):
        return None
    types = named_types(schema.get("type"))
    if types is not None and not any(fits(member, types) for member in asked):
        return None
    words = ", ".join(map(_shown, asked[:_SHOWN])) + (f" and {len(asked) - _SHOWN} more" * (len(asked) > _SHOWN))
    return Fault(f"{_shown(value)} is none of {words}" if asked else f"{_shown(value)} is not allowed")


def _const(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    return None if equal(asked, value) else Fault(f"{_shown(value)} is not {_shown(asked)}")


def _ref(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    target = judge.refer(asked)
    return UNSURE if target is None else judge.fault(target, value, depth)


def _all_of(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    found = [judge.fault(part, value, depth) for part in _list(asked)]
    faults = [each for each in found if each is not None]
    return next((each for each in faults if each is not UNSURE), faults[0] if faults else None)


def _any_of(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    return _some(judge, _list(asked), value, depth, many=True)


def _one_of(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    return _some(judge, _list(asked), value, depth, many=False)


def _some(judge: Judge, parts: list[Any], value: Any, depth: int, many: bool) -> Verdict:
    found: list[Fault] = []
    fitting = 0
    for part in parts:
        verdict = judge.fault(part, value, depth)
        if verdict is not None:
            found.append(verdict)
            continue
        fitting += 1
        if many:
            return None
    if fitting > 1:
        return Fault("fits more than one of the alternatives")
    if UNSURE in found or fitting or not parts:
        return UNSURE if UNSURE in found else None
    # If one alternative only is of the value's type, that was meant.
    meant = [each for each in found if each.path or not each.of_type]
    return meant[0] if len(meant) == 1 else Fault(f"{_shown(value)} fits none of the {len(parts)} alternatives")


def _not(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    found = judge.fault(asked, value, depth)
    return Fault(f"{_shown(value)} is excluded") if found is None else found if found is UNSURE else None


def _if(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    found = judge.fault(asked, value, depth)
    if found is UNSURE:
        return UNSURE if "then" in schema or "else" in schema else None
    branch = "then" if found is None else "else"
    return judge.fault(schema[branch], value, depth) if branch in schema else None


def _list(asked: Any) -> list[Any]:
    return list(asked) if isinstance(asked, (list, tuple)) else []


# Numbers.


def _number(value: Any) -> int | float | Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return value if isinstance(value, int) or isfinite(value) else None


def _comparable(number: object, bound: object) -> bool:
    """Whether Python compares two numbers as they are spelled: a float and a `Decimal` it does not."""
    return not isinstance(number, Decimal) and not isinstance(bound, Decimal)


def _exact(number: int | float | Decimal) -> Fraction:
    return Fraction(Decimal(repr(number)) if isinstance(number, float) else number)


def _bound(wrong: Callable[[Any, Any], bool], words: str, flag: str = "") -> Check:
    """Return the check of a bound; draft 4 makes it an exclusive one with a `flag`."""

    def check(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
        number, bound = _number(value), _number(asked)
        if number is None or bound is None:
            return None
        exact, limit = (number, bound) if _comparable(number, bound) else (_exact(number), _exact(bound))
        if wrong(exact, limit) or (flag and schema.get(flag) is True and exact == limit):
            return Fault(f"{_shown(value)} is {words} {_shown(asked)}")
        return None

    return check


def _multiple_of(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    number, factor = _number(value), _number(asked)
    if number is None or factor is None or factor <= 0 or (_exact(number) / _exact(factor)).denominator == 1:
        return None
    return Fault(f"{_shown(value)} is no multiple of {_shown(asked)}")


# Strings, and how long anything is.


def _pattern(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    if not isinstance(value, str) or not isinstance(asked, str):
        return None
    found = matches(asked, value) if judge.spend(len(value)) else None
    if found is None:
        return UNSURE
    return None if found else Fault(f"{_shown(value)} does not match the pattern {quoted(asked)}")


def _size(kind: type[str] | type[list[Any]] | type[dict[str, Any]], least: bool, unit: str) -> Check:
    def check(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
        limit = _number(asked)
        if limit is None or not isinstance(value, kind):
            return None
        size = len(value)
        if size >= limit if least else size <= limit:
            return None
        return Fault(f"has {size} {unit}, {'fewer' if least else 'more'} than {_shown(asked)}")

    return check


# Members and elements.


def _required(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    if not isinstance(value, dict):
        return None
    missing = next((name for name in _list(asked) if isinstance(name, str) and name not in value), None)
    return None if missing is None else Fault(f"lacks {quoted(missing)}", missing=missing)


def _first(judge: Judge, parts: list[tuple[Any, Any, Any]], depth: int) -> Verdict:
    """Return the first fault of members, each with its schema."""
    verdict: Verdict = None
    for step, schema, value in parts:
        found = judge.inside(step, schema, value, depth)
        if found is UNSURE:
            verdict = UNSURE
            if not judge.spend(0):
                return UNSURE
        elif found is not None:
            return found
    return verdict


def _properties(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    if not isinstance(value, dict) or not isinstance(asked, Mapping):
        return None
    return _first(judge, [(key, asked[key], item) for key, item in value.items() if key in asked], depth)


def _pattern_properties(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    if not isinstance(value, dict) or not isinstance(asked, Mapping):
        return None
    parts: list[tuple[Any, Any, Any]] = []
    for pattern, part in asked.items():
        for key, item in value.items():
            found = matches(str(pattern), key) if judge.spend(1 + len(key)) else None
            if found is None:
                return UNSURE
            parts += [(key, part, item)] * found
    return _first(judge, parts, depth)


def _additional(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    if not isinstance(value, dict) or (asked is not False and not isinstance(asked, Mapping)):
        return None
    named, patterns = schema.get("properties"), schema.get("patternProperties")
    known: Any = named if isinstance(named, Mapping) else ()
    rest = [(key, asked, item) for key, item in value.items() if key not in known]
    for pattern in patterns if isinstance(patterns, Mapping) and rest else ():
        if not judge.spend(sum(1 + len(key) for key, _, _ in rest)):
            return UNSURE
        found = [matches(str(pattern), key) for key, _, _ in rest]
        if None in found:
            return UNSURE
        rest = [part for part, matched in zip(rest, found, strict=True) if not matched]
    return _first(judge, rest, depth)


def _prefix_items(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    if not isinstance(value, list):
        return None
    return _first(
        judge, [(i, part, item) for i, (part, item) in enumerate(zip(_list(asked), value, strict=False))], depth
    )


def _items(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    if isinstance(asked, (list, tuple)):
        return _prefix_items(judge, schema, asked, value, depth)
    return _elements(judge, asked, value, len(_list(schema.get("prefixItems"))), depth)


def _additional_items(judge: Judge, schema: Mapping[str, Any], asked: Any, value: Any, depth: int) -> Verdict:
    before = schema.get("items")
    return _elements(judge, asked, value, len(before), depth) if isinstance(before, (list, tuple)) else None


def _elements(judge: Judge, schema: object, value: Any, start: int, depth: int) -> Verdict:
    if not isinstance(value, list) or schema is True or len(value) <= start:
        return None
    return _first(judge, [(i, schema, value[i]) for i in range(start, len(value))], depth)


_CHECKS: Final[dict[str, Check]] = {
    "const": _const,
    "enum": _enum,
    "$ref": _ref,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "minimum": _bound(lambda number, limit: number < limit, "less than", "exclusiveMinimum"),
    "maximum": _bound(lambda number, limit: number > limit, "more than", "exclusiveMaximum"),
    "exclusiveMinimum": _bound(lambda number, limit: number <= limit, "not more than"),
    "exclusiveMaximum": _bound(lambda number, limit: number >= limit, "not less than"),
    "multipleOf": _multiple_of,
    "pattern": _pattern,
    "minLength": _size(str, True, "characters"),
    "maxLength": _size(str, False, "characters"),
    "minItems": _size(list, True, "elements"),
    "maxItems": _size(list, False, "elements"),
    "minProperties": _size(dict, True, "members"),
    "maxProperties": _size(dict, False, "members"),
    "required": _required,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "prefixItems": _prefix_items,
    "items": _items,
    "additionalItems": _additional_items,
}
# The keywords that say more of a value than that it is there.
CONSTRAINS: Final = RARE | _CHECKS.keys() | {"type"}
