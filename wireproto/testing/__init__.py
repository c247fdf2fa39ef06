"""For whoever tests a dialect or a codec: the laws, strategies of hypothesis, floods; needs the test extra.

It must not know any single dialect.
Law: a law fails with the text, the chunks and the two results that differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wireproto.testing.laws import check_dialect as check_dialect

__all__ = ["check_dialect"]


def __getattr__(name: str) -> Any:
    """Load the laws when they are asked for: the engines beside them do without hypothesis."""
    if name != "check_dialect":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from wireproto.testing.laws import check_dialect

    return check_dialect
