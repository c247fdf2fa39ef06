"""How hard the tests try, by one switch: HYPOTHESIS_PROFILE is `ci`, `explore` or `long`.

`ci` draws the same in every run, `explore` as much but anew, `long` anew and much more. Properties follow the profile
by themselves; loops that draw from a seed of their own ask here how often and from what. A test that is dear and the
same for formats of one structure takes `some_dialects()`: in `ci` one of each structure, else all. The dearest, which
make grammars, take `few_dialects()`: one of each codec, with a section and without.
It must not hold a test. Law: what was drawn anew can be drawn again with the seed that the run printed.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from hypothesis import HealthCheck, event, settings

import wireproto as wp

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
_SHARED = settings(deadline=None, suppress_health_check=_SLOW)
settings.register_profile("ci", _SHARED, max_examples=25, derandomize=True)
settings.register_profile("explore", _SHARED, max_examples=25)
settings.register_profile("long", _SHARED, max_examples=2_000)
settings.load_profile(PROFILE)
# The seed of hypothesis, which conftest puts here; without one loops draw what they always do.
SEED = {"given": ""}


def rounds(usual: int, long: int) -> int:
    """How often to draw: `usual` in `ci` and `explore`, `long` in `long`."""
    return long if PROFILE == "long" else usual


def chance(name: str) -> random.Random:
    """Return what one loop draws from, the same for one name and one seed."""
    return random.Random(name + SEED["given"])


def structure(name: str) -> Hashable:
    """Return what decides how a dialect is read and written: its codec, and which of the markers it has at all."""
    spec = wp.dialect(name)
    is_record = {"name", "id"}.isdisjoint(spec.call.open.roles)
    around = spec.section is not None, is_record, spec.framing is not None, bool(spec.markers)
    return spec.codec, around, spec.argument.pad != "", spec.argument.member is not None


def some_dialects() -> tuple[str, ...]:
    """The dialects for a dear test: in `ci` that of each structure which most models write, else all."""
    return _one_of_each(structure)


def few_dialects() -> tuple[str, ...]:
    """The dialects for the dearest tests: in `ci` one of each codec, with a section and without, else all."""
    return _one_of_each(lambda name: (wp.dialect(name).codec, wp.dialect(name).section is not None))


def _one_of_each(kind: Callable[[str], Hashable]) -> tuple[str, ...]:
    if PROFILE != "ci":
        return wp.dialects()
    first = sorted(wp.dialects(), key=lambda name: len(wp.dialect(name).models), reverse=True)
    return tuple(sorted({kind(name): name for name in reversed(first)}.values()))


@dataclass
class Tally:
    """How many of the drawn values could be tried: if `encode` refused them all, a property would pass unseen."""

    tried: int = 0
    drawn: int = 0

    def count(self, tried: bool) -> None:
        """Count one value; hypothesis shows the shares with `--hypothesis-show-statistics`."""
        self.drawn += 1
        self.tried += tried
        event("tried" if tried else "refused")

    def check(self, least: float) -> None:
        """Hold the tally to a least share."""
        assert self.tried >= least * self.drawn, f"only {self.tried} of {self.drawn} could be tried: too few"
