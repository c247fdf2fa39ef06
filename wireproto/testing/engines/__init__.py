"""Real grammar engines, for tests and benchmarks; each is optional.

Nothing in the package imports them unless it is asked to run one. Law: what is missing is an `EngineError` that says
what to install, never an ImportError or a crash.
"""

from __future__ import annotations

from typing import TypeVar

from wireproto.values.errors import WireprotoError

_Self = TypeVar("_Self", bound="Engine")


class EngineError(WireprotoError):
    """An engine that is missing, or that refused a grammar: its own message."""


class Engine:
    """A compiled grammar, or a process: use it in a `with` block, or close it."""

    def close(self) -> None:
        """Release what is held; most engines hold nothing."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
