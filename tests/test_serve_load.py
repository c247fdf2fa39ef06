"""Many streams at once: none is lost, and memory does not grow with them. `python -m benchmarks.load` is the long run."""

from __future__ import annotations

from benchmarks.load import run


def test_no_stream_is_lost_among_many() -> None:
    through = run(streams=150, seconds=1.0, pause=0.01).through
    assert through.tally.whole >= 150 and through.tally.lost == []
    assert through.memory[1] - through.memory[0] < 50
