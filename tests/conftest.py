"""Loads the profile of `effort`, prints the seed of a run that draws anew, and answers to Ctrl-C also in the background."""

from __future__ import annotations

import signal

import effort
import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Give the seed of hypothesis to the loops too; pytest-xdist hands the option to its workers."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell starts what it runs in the background; the command line that tests interrupt would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    effort.SEED["given"] = config.getoption("hypothesis_seed") or ""


def pytest_report_header(config: pytest.Config) -> str:
    """Say how to draw the same again."""
    return f"effort: {effort.PROFILE}, --hypothesis-seed={config.getoption('hypothesis_seed')}"
