"""Plain data as JSON can carry it: what TOML and Python know and JSON does not becomes a string.

It must not know formats, calls or diagnoses. Law: what comes back is made of
dicts with string keys, lists, strings, finite numbers, booleans and None only, and `json_repair.dumps` takes it. No
recursion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from wireproto.text.numbers import MAX_DIGITS
from wireproto.values.exact_json import MAX_DEPTH

_MAX_NAMED: Final = 100  # a hostile value must not make a longer report than itself
_MAX_STEP: Final = 64
_TOO_LARGE: Final = 10**MAX_DIGITS  # json.dumps writes decimal

# A place in the value: the place around it, and the key or index there. Spelled out only where something changed.
_Place = tuple[Any, Any] | None


@dataclass(frozen=True, slots=True)
class Safe:
    """A value that JSON can carry; `changed` are the paths of what had to change (the first 100), such as `a.b[2]`.

    `too_deep`: it was nested deeper than allowed, and `value` is None.
    """

    value: Any
    changed: tuple[str, ...] = ()
    too_deep: bool = False


def json_safe(value: object, max_depth: int = MAX_DEPTH) -> Safe:
    """Return a copy that JSON can carry: dates and times in ISO 8601, NaN and infinities as "nan", "inf", "-inf"."""
    changed: list[_Place] = []
    root: list[Any] = [None]
    todo: list[tuple[Any, Any, Any, _Place, int]] = [(value, root, 0, None, 0)]
    while todo:
        item, holder, key, place, depth = todo.pop()
        if isinstance(item, (dict, list, tuple)):
            if depth >= max_depth:
                return Safe(None, too_deep=True)
            holder[key], members = _emptied(item)
            todo += [(member, holder[key], name, (place, name), depth + 1) for name, member in members]
            continue
        holder[key] = safe = _scalar(item)
        if safe is not item:
            changed.append(place)
    # The last value was looked at first.
    return Safe(root[0], tuple(_spelled(place) for place in reversed(changed[-_MAX_NAMED:])))


def identical(left: Any, right: Any) -> bool:
    """Whether two values are the same JSON: `5`, `5.0` and `True` are three values, order of members does not count."""
    if isinstance(left, (dict, list, tuple)):
        return _alike(left, right, _is_same)
    return _is_same(left, right)


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal as JSON Schema has it: `5` and `5.0` are one number, `True` is none."""
    return _alike(left, right, _equal)


def _alike(left: Any, right: Any, same: Callable[[Any, Any], bool]) -> bool:
    pairs = [(left, right)]
    while pairs:
        one, other = pairs.pop()
        if isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            pairs += [(one[key], other[key]) for key in one]
        elif isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
            if len(one) != len(other):
                return False
            pairs += zip(one, other, strict=True)
        elif not same(one, other):
            return False
    return True


def _is_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Decimal) or isinstance(other, Decimal):
        # What a float prints is what was meant by it.
        one, other = (Decimal(repr(each)) if isinstance(each, float) else each for each in (one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _emptied(container: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return a container of the same shape without its members, and the members by their place in it."""
    if isinstance(container, dict):
        members = [(str(name), member) for name, member in container.items()]
        return {name: None for name, _ in members}, members
    return [None] * len(container), list(enumerate(container))


def _scalar(item: Any) -> Any:
    if item is None or isinstance(item, (bool, str)):
        return item
    if isinstance(item, int):
        return item if -_TOO_LARGE < item < _TOO_LARGE else hex(item)
    if isinstance(item, (float, Decimal)):
        return item if isfinite(item) else str(item)
    return item.isoformat() if isinstance(item, (datetime, date, time)) else str(item)


def _spelled(place: _Place) -> str:
    steps = []
    while place is not None:
        place, step = place
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step[:_MAX_STEP]}")
    return "".join(reversed(steps)).removeprefix(".")
