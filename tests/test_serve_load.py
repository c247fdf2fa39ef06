"""Many streams at once: none is lost, and memory does not grow with them. `python -m benchmarks.load` is the long run."""

from __future__ import annotations

import socket

from benchmarks.load import run


def test_no_stream_is_lost_among_many() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    costs = run(streams=150, seconds=1.0, pause=0.01, port=port)
    through = costs.through
    assert through.tally.whole >= 150 and through.tally.lost == []
    assert through.memory[1] - through.memory[0] < 50
