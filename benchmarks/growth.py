"""A hunt for what gets slow: every marker of every dialect, and every beginning of one, over and over.

python -m benchmarks.growth [--dialect D] [--size N] [--jobs N]

Each is repeated in a value and outside calls, in chunks of 4 characters and in one; from N to 4 N characters the CPU
time may not grow more than 2.6 times per doubling. Linear work doubles it, quadratic work quadruples it. Dialects that
can be salted are tried with a salt too, and "auto" with the markers of each.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import wireproto as wp
from wireproto.fuzz.plan import SALT
from wireproto.testing.floods import floods, units
from wireproto.testing.generators.trials import Trial
from wireproto.testing.growth import growth_of

MOST = 2.6
# What is above this is measured again, since noise only adds.
PLAIN = 2.2


class Slowest(NamedTuple):
    """The text of one dialect whose time grows most: how often it was measured, how much per doubling, which it is."""

    measured: int
    growth: float
    label: str


def slowest(name: str, salt: str | None, auto: bool, size: int) -> Slowest:
    """Measure every flood of a dialect, and return the worst."""
    spec = wp.dialect(name) if salt is None else wp.dialect(name).salted(salt)
    worst, measured = (0.0, ""), 0
    for label, make in floods(spec, units(spec)):
        small, large = (Trial(text, (), tools) for text, tools in (make(size), make(4 * size)))
        for step in (4, len(large.text)):
            ratio = growth_of("auto" if auto else spec, small, large, step, PLAIN**2)
            worst = max(worst, (ratio**0.5, f"{label}, {step} characters at a time"))
            measured += 1
    return Slowest(measured, *worst)


def subjects(name: str | None) -> Iterator[tuple[str, str | None, bool]]:
    """Yield the name, the salt, and whether the dialect is to be found out."""
    for each in wp.dialects() if name is None else (name,):
        yield each, None, False
        yield each, None, True
        if wp.dialect(each).salt:
            yield each, SALT, False


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--dialect", metavar="D", help="only this one")
    parser.add_argument("--size", type=int, default=4_000, metavar="N", help="characters of the shorter text (4,000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="processes")
    options = parser.parse_args()
    chosen = [*subjects(options.dialect)]
    print(f"{'dialect':<28} {'floods':>6}  per doubling")
    with ProcessPoolExecutor(options.jobs) as pool:
        running = [pool.submit(slowest, *subject, options.size) for subject in chosen]
        found = []
        for (name, salt, auto), result in zip(chosen, running, strict=True):
            found.append(each := result.result())
            label = name + (" (salted)" if salt else " (auto)" if auto else "")
            verdict = "met" if each.growth <= MOST else "MISSED"
            print(f"{label:<28} {each.measured:>6}  {each.growth:.2f}x  {verdict}  {each.label}", flush=True)
    print(f"\n{sum(each.growth <= MOST for each in found)} of {len(found)} goals met: <= {MOST}x per doubling")


if __name__ == "__main__":
    main()
