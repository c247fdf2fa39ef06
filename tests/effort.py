"""How hard the tests try, by one switch: HYPOTHESIS_PROFILE is `ci`, `explore` or `long`.

`ci` draws the same in every run, `explore` as much but anew, `long` anew and much more. Properties follow the profile
by themselves; loops that draw from a seed of their own ask here how often and from what.
It must not hold a test. Law: what was drawn anew can be drawn again with the seed that the run printed.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

from hypothesis import HealthCheck, event, settings

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
