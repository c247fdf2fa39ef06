"""Loads the profile of `effort` and prints the seed of a run that draws anew."""

from __future__ import annotations

import effort
import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Give the seed of hypothesis to the loops too; pytest-xdist hands the option to its workers."""
    effort.SEED["given"] = config.getoption("hypothesis_seed") or ""


def pytest_report_header(config: pytest.Config) -> str:
    """Say how to draw the same again."""
    return f"effort: {effort.PROFILE}, --hypothesis-seed={config.getoption('hypothesis_seed')}"
