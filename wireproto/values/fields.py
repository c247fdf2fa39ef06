"""A dict from outside, read key by key.

It must not know what the keys mean. Law: a wrong dict is a `ShapeError` that names the key and says what was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from wireproto.values.errors import ShapeError

T = TypeVar("T")
_NOUNS: Final[dict[type, str]] = {
    bool: "true or false",
    dict: "an object (dict)",
    int: "an integer",
    list: "a list",
    str: "a string",
}


@dataclass(frozen=True, slots=True)
class Fields:
    """The keys of one dict; `where` is how errors name it, such as "Message.calls[0]"."""

    where: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, value: object, where: str) -> Fields:
        """Return the keys of a value, which must be a dict."""
        if not isinstance(value, Mapping):
            raise ShapeError(f"{where}: expected {_NOUNS[dict]}, not {type(value).__name__}")
        return cls(where, value)

    def read(self, key: str, kind: type[T], default: T | None = None) -> T:
        """Return the value of a key; without a default it has to be there. None stands for the default too."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        # bool is a subclass of int.
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        found = f"not {type(value).__name__}" if key in self.values else "and there is none"
        hint = "; if it is JSON text, read it with json.loads first" if kind is dict and isinstance(value, str) else ""
        raise ShapeError(f"{self.where}.{key}: expected {_NOUNS[kind]}, {found}{hint}")

    def optional(self, key: str) -> str | None:
        """Return the string of a key, or None."""
        return None if self.values.get(key) is None else self.read(key, str)

    def each(self, key: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
        """Return the items of a list, each read by `read`, which is told how errors name it."""
        items: list[Any] = self.read(key, list, [])
        return tuple(read(item, f"{self.where}.{key}[{i}]") for i, item in enumerate(items))
