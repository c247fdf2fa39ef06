"""Count where grammar and decoder disagree about raw values: law 6, exactly, by dialect and by reason.

python -m benchmarks.values [--count 10000] [--seed 0] [DIALECT ...]
"""

from __future__ import annotations

import argparse

import wireproto as wp
from wireproto.testing.raw_value_law import UNKNOWN, WIDER, compare_values


def main() -> None:
    """Print one line for each dialect, and an example for each reason."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", default="0")
    parser.add_argument("dialects", nargs="*")
    asked = parser.parse_args()
    names = asked.dialects or [name for name in wp.dialects() if wp.dialect(name).codec == "tagged"]
    for name in names:
        found = compare_values(wp.dialect(name), asked.count, asked.seed)
        share = found.narrower.total() / found.values
        both = f"{found.taken} taken and {found.refused} refused by both, {found.other} read as other calls"
        print(f"{name}: {both}, {found.narrower.total()} ({share:.1%}) taken by the decoder alone")
        for reason, count in found.narrower.most_common():
            mark = "!" if reason in (UNKNOWN, WIDER) else " "
            print(f"  {mark} {count:6}  {reason}: {found.examples[reason][0]!r}")


if __name__ == "__main__":
    main()
