"""Stand-ins for modules that are not installed: what only imports them runs without an engine, a GPU or torch."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Collection, Iterator
from typing import Any


class Kind(type):
    """A class that has whatever is asked of it."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return stand_in(name)

    def __or__(cls, other: Any) -> Any:
        return cls

    __ror__ = __or__


class Nothing(metaclass=Kind):
    """It can be called, subscripted, inherited from, and used as a decorator."""

    def __new__(cls, *given: Any, **named: Any) -> Any:  # noqa: D102
        is_decorator = len(given) == 1 and callable(given[0]) and not named and not isinstance(given[0], Kind)
        return given[0] if is_decorator else super().__new__(cls)

    def __init__(self, *given: Any, **named: Any) -> None:
        pass

    def __class_getitem__(cls, key: Any) -> Any:
        return cls

    def __getattr__(self, name: str) -> Any:
        return getattr(type(self), name)

    def __call__(self, *given: Any, **named: Any) -> Any:  # noqa: D102
        return given[0] if len(given) == 1 and callable(given[0]) else self

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __bool__(self) -> bool:
        return False

    def __lt__(self, other: Any) -> bool:
        return False

    __gt__ = __le__ = __ge__ = __lt__


def stand_in(name: str) -> Any:
    """Return a class of this name."""
    return Kind(name, (Nothing,), {})


class Module(types.ModuleType):
    """A module that has whatever is asked of it."""

    __path__: Any = ()
    __version__ = "2.14.0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, stand_in(name))
        return self.__dict__[name]


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a stand-in for each of these modules, and for those in them."""

    def __init__(self, absent: Collection[str]) -> None:
        self._absent = absent

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Return what imports the stand-in, if there is one."""
        if any(name == absent or name.startswith(absent + ".") for absent in self._absent):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """Return the stand-in."""
        return Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing."""


def stand_in_for(modules: Collection[str]) -> None:
    """Have stand-ins imported for these modules from now on."""
    sys.meta_path.insert(0, Finder(modules))
