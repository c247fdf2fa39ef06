"""For whoever tests a dialect or a codec: the laws as values, what checks them, and what makes examples small.

It must not know any single dialect. Law: a law that is broken is named, with the text, the chunks and what differs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wireproto.testing.check import check_codec as check_codec
    from wireproto.testing.check import check_dialect as check_dialect
    from wireproto.testing.check import registered_codec as registered_codec
    from wireproto.testing.decoded import Decoded as Decoded
    from wireproto.testing.generators.choices import RandomChoices as RandomChoices
    from wireproto.testing.generators.damage import mutate as mutate
    from wireproto.testing.generators.trials import Trial as Trial
    from wireproto.testing.generators.trials import draw_trial as draw_trial
    from wireproto.testing.law import Law as Law
    from wireproto.testing.law import LawBroken as LawBroken
    from wireproto.testing.laws import LAWS as LAWS
    from wireproto.testing.laws import check_trial as check_trial
    from wireproto.testing.shrinking import minimise as minimise

__all__ = [
    "LAWS",
    "Decoded",
    "Law",
    "LawBroken",
    "RandomChoices",
    "Trial",
    "check_codec",
    "check_dialect",
    "check_trial",
    "draw_trial",
    "minimise",
    "mutate",
    "registered_codec",
]
_HOMES: Final = {
    "LAWS": "laws",
    "Decoded": "decoded",
    "Law": "law",
    "LawBroken": "law",
    "RandomChoices": "generators.choices",
    "Trial": "generators.trials",
    "check_codec": "check",
    "check_dialect": "check",
    "check_trial": "laws",
    "draw_trial": "generators.trials",
    "minimise": "shrinking",
    "mutate": "generators.damage",
    "registered_codec": "check",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is asked for: the engines beside them do without the rest."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"wireproto.testing.{_HOMES[name]}"), name)
