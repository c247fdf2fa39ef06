"""Exact numbers of a value, as the numbers that its schema asks for.

What JSON spells is read without a float in between; here it becomes an integer where one is declared, and a float
elsewhere. It must not know where the value comes from. Law: a number changes its value only with a word, and everything
that is no number stays as it is. No recursion.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from wireproto.text.numbers import floated, whole
from wireproto.tools.reading import Typed, mismatched, noun
from wireproto.tools.types import Resolver, Types
from wireproto.values.quoting import escaped

# Beyond 2**53 a float no longer says which integer was meant.
_EXACT_FLOAT: Final = 2**53
ROUNDED: Final = "number-rounded"


def settled(resolver: Resolver, key: str, schema: object, value: Any, decimals: bool) -> Typed:
    """Return a value without `Decimal`, but where `decimals` asks for it, and the first thing that is odd about it."""
    odd: list[Typed] = []
    root: list[Any] = [value]
    todo: list[tuple[Any, Any, Any, object]] = [(root, 0, value, schema)]
    known: dict[int, _Members] = {}
    while todo:
        holder, place, item, declared = todo.pop()
        if isinstance(item, Decimal):
            holder[place] = _number(key, resolver.types(declared), item, decimals, odd)
        elif isinstance(item, (dict, list)) and item:
            if id(declared) not in known:
                known[id(declared)] = _Members(resolver, declared)
            members = known[id(declared)]
            parts = item.items() if isinstance(item, dict) else enumerate(item)
            todo += [(item, name, part, members.of(name)) for name, part in parts if isinstance(part, _HOLDERS)]
    first = min(odd, key=lambda typed: typed.code == ROUNDED, default=Typed(None))
    return Typed(root[0], first.code, first.message)


_HOLDERS: Final = (Decimal, dict, list)


class _Members:
    """What a schema declares of the members of objects and the elements of arrays."""

    def __init__(self, resolver: Resolver, schema: object) -> None:
        self._resolver, self._schema = resolver, schema
        self._named = resolver.properties(schema)
        self._first, self._rest = resolver.items(schema)

    def of(self, place: Any) -> object:
        """Return the schema of a member or an element."""
        if isinstance(place, int):
            return self._first[place] if place < len(self._first) else self._rest
        return self._named[place] if place in self._named else self._resolver.other(self._schema, place)


def _number(key: str, types: Types, number: Decimal, decimals: bool, odd: list[Typed]) -> Any:
    integer = None
    integers_only = types is not None and "integer" in types and "number" not in types
    if integers_only:
        integer = whole(str(number))
        # JSON that says 5.0 stays as it was written, as long as a float says exactly that.
        plain = "." in str(number) and abs(number) < _EXACT_FLOAT and not decimals
        if integer is not None and not plain:
            return integer
    if decimals:
        return number
    found, is_other = floated(number)
    if integers_only and integer is None and found.is_integer():
        # Nobody who sees the float only can tell.
        odd.append(mismatched(key, types or frozenset(), None, f"{noun(number)}, {escaped(str(number))}"))
    elif is_other:
        message = f'"{escaped(key)}": a float keeps {found} of {escaped(str(number))}'
        odd.append(Typed(None, ROUNDED, message))
    return found
