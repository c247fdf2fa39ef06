"""The arguments of a decoded call: a dict that nobody changes by accident.

A harness hands arguments to tools, and a tool may sort the list that it is given. The message, the events and a replay
would silently hold another call than the model wrote. It must not know what calls are. Law: it is equal to the plain
dict, and JSON, pickle and `isinstance` treat it as one; whatever is taken out of it can be changed and changes nothing
in it; whatever would change it raises. Nothing is copied before it is asked for.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, ItemsView, Iterator, ValuesView
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


class Arguments(dict[str, Any]):
    """A dict that cannot be changed; a list or dict in it is handed out as a copy, `dict(arguments)` copies all."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        return own(super().__getitem__(key))

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or the default."""
        return own(super().get(key, default))

    def __iter__(self) -> Iterator[str]:
        # That it is a method of its own makes `dict(...)` and `f(**arguments)` ask for each value, and get copies.
        return super().__iter__()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        """Return the values."""
        return ValuesView(self)

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        """Return the keys with their values."""
        return ItemsView(self)

    def copy(self) -> dict[str, Any]:
        """Return a plain dict, which may be changed."""
        return dict(self)

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return copy.deepcopy(dict(self), memo)

    def __reduce__(self) -> tuple[type[Arguments], tuple[dict[str, Any]]]:
        return Arguments, (dict.copy(self),)

    def __or__(self, other: Any) -> Any:
        return dict(self) | other

    def __ror__(self, other: Any) -> Any:
        return other | dict(self)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("the arguments of a decoded call cannot be changed; change a copy: dict(call.arguments)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


def hands_out_copies(name: str) -> Callable[[type[T]], type[T]]:
    """Return a decorator of a class with slots: who reads this attribute of an instance gets a copy, made only then."""

    def decorate(kind: type[T]) -> type[T]:
        slot = kind.__dict__[name]
        setattr(kind, name, property(lambda self: own(slot.__get__(self)), slot.__set__))
        return kind

    return decorate


def own(value: Any) -> Any:
    """Return a list or dict as a copy of its own, all the way down; any other value as it is."""
    if isinstance(value, list):
        return [own(item) for item in value]
    if isinstance(value, dict):
        return {key: own(item) for key, item in dict.items(value)}
    return value
