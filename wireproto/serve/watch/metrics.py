"""What the proxy counts, and the text in which Prometheus reads it.

It must not know requests. Law: no label's value comes from a client, so that the number of series is bounded.

Source of the form: Prometheus, "Exposition formats", version 0.0.4 of the text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Final, Protocol

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX: Final = "wireproto_"
_COUNTERS: Final = {
    "requests_total": "Answers by API, by what was done, and by HTTP status.",
    "calls_total": "Calls by who found them (repaired: this proxy, native: the server) and by whether they are whole.",
    "diagnoses_total": "What was not as the format has it, by code.",
    "streams_total": "Streams by how they ended.",
    "retries_total": "Answers that were asked for again.",
    "fallbacks_total": "Requests that the server refused with a grammar of ours, and got without.",
}
_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Meter(Protocol):
    """What counts."""

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter."""
        ...


class Metrics:
    """Counters, one gauge and one histogram."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
        self._buckets = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0
        self.open_streams = 0

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter."""
        self._counts[name, tuple(labels.items())] += 1

    def observe_first_byte(self, seconds: float) -> None:
        """Note how long a client waited for the first byte of an answer."""
        self._buckets[bisect_left(_BOUNDS, seconds)] += 1
        self._seconds += seconds

    def text(self) -> str:
        """Return everything in Prometheus' text format."""
        lines: list[str] = []
        for name, meaning in _COUNTERS.items():
            lines += [f"# HELP {_PREFIX}{name} {meaning}", f"# TYPE {_PREFIX}{name} counter"]
            found = sorted((labels, value) for (counter, labels), value in self._counts.items() if counter == name)
            lines += [f"{_PREFIX}{name}{_labels(labels)} {value}" for labels, value in found]
        name = f"{_PREFIX}open_streams"
        lines += [f"# HELP {name} Streams that have not ended.", f"# TYPE {name} gauge", f"{name} {self.open_streams}"]
        name = f"{_PREFIX}first_byte_seconds"
        lines += [f"# HELP {name} Time to the first byte of an answer.", f"# TYPE {name} histogram"]
        total = 0
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self._buckets, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        lines += [f"{name}_sum {self._seconds:.6f}", f"{name}_count {total}"]
        return "\n".join(lines) + "\n"


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    shown = (f'{key}="{value}"' for key, value in labels)
    return "{" + ",".join(shown) + "}"
