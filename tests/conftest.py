"""How hard the properties are tried: HYPOTHESIS_PROFILE=ci (quick, the same every time) or long."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile("ci", max_examples=25, deadline=None, derandomize=True, suppress_health_check=SLOW)
settings.register_profile("long", max_examples=2_000, deadline=None, suppress_health_check=SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
