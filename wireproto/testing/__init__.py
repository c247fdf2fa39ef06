"""For whoever tests a dialect or a codec: the laws, strategies of hypothesis, floods; needs the test extra.

It must not know any single dialect.
Law: a law fails with the text, the chunks and the two results that differ.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from wireproto.values.extras import require

if TYPE_CHECKING:
    from wireproto.testing.codec import check_codec as check_codec
    from wireproto.testing.codec import registered_codec as registered_codec
    from wireproto.testing.laws import check_dialect as check_dialect

__all__ = ["check_codec", "check_dialect", "registered_codec"]
_HOMES: Final = {"check_codec": "codec", "check_dialect": "laws", "registered_codec": "codec"}


def __getattr__(name: str) -> Any:
    """Load the laws when they are asked for: the engines beside them do without hypothesis."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require("test", "hypothesis", purpose=f"wireproto.testing.{name}")
    return getattr(import_module(f"wireproto.testing.{_HOMES[name]}"), name)
