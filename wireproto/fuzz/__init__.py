"""Strategies of hypothesis for tests of parsers and agents: tools, calls, and outputs as models write and break them.

They are thin over `wireproto.testing.generators` and need the extra `fuzz`. Law: what is drawn shrinks to an example
that a person can read.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from wireproto.values.extras import require

if TYPE_CHECKING:
    from wireproto.fuzz.strategies import calls as calls
    from wireproto.fuzz.strategies import chunkings as chunkings
    from wireproto.fuzz.strategies import from_grammar as from_grammar
    from wireproto.fuzz.strategies import hostile_values as hostile_values
    from wireproto.fuzz.strategies import messages as messages
    from wireproto.fuzz.strategies import outputs as outputs
    from wireproto.fuzz.strategies import tools as tools
    from wireproto.fuzz.strategies import trials as trials

__all__ = ["calls", "chunkings", "from_grammar", "hostile_values", "messages", "outputs", "tools", "trials"]
_STRATEGIES: Final = frozenset(__all__)


def __getattr__(name: str) -> Any:
    """Load the strategies when one is asked for: what runs without hypothesis does not load it."""
    if name not in _STRATEGIES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require("fuzz", "hypothesis", purpose=f"wireproto.fuzz.{name}")
    return getattr(import_module("wireproto.fuzz.strategies"), name)
