"""One way to copy the mutable state of a decoder: whatever it is made of, once each.

It must not know what it copies. Law: a copy shares only what never changes; two references to one state stay two
references to one copy.
"""

from __future__ import annotations

from typing import Any, TypeVar

S = TypeVar("S")


class State:
    """Mutable state, copied together with the decoder that holds it; what is no `State` is shared between copies.

    Its lists, dicts and sets are copied one level deep: what they hold is frozen, or itself a `State`.
    """

    __slots__ = ()


def fork(state: S) -> S:
    """Return an independent copy of `state` and of all the state that it refers to."""
    copy: S = _fork(state, {})
    return copy


def _fork(value: Any, copies: dict[int, Any]) -> Any:
    if isinstance(value, State):
        return copies[id(value)] if id(value) in copies else _fork_slots(value, copies)
    if type(value) is list:
        return [_fork(item, copies) for item in value] if value and isinstance(value[0], State) else value[:]
    if type(value) is dict:
        return {key: _fork(item, copies) for key, item in value.items()}
    return set(value) if type(value) is set else value


def _fork_slots(state: State, copies: dict[int, Any]) -> State:
    twin = copies[id(state)] = type(state).__new__(type(state))
    for name in (name for kind in type(state).__mro__ for name in getattr(kind, "__slots__", ())):
        setattr(twin, name, _fork(getattr(state, name), copies))
    return twin
