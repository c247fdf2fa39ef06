"""Real grammar engines, for tests and benchmarks; each is optional.

Nothing in the package imports them unless it is asked to run one. Law: what is missing is an `EngineError` that says
what to install, never an ImportError or a crash.
"""

from __future__ import annotations

from wireproto.values.errors import WireprotoError


class EngineError(WireprotoError):
    """An engine that is missing, or that refused a grammar: its own message."""
