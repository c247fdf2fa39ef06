"""The measurements: each takes inputs and returns plain numbers. CPU time, best of several rounds."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import wireproto as wp
from benchmarks.inputs import KEY, TOOLS, Output, many_arguments, output, pieces, subject

HEAVY = ("jsonschema", "lxml", "selectolax", "lark", "typer", "rich", "hypothesis")


class Floor:
    """The least that a streaming decoder can do in Python: look for the closer's first character, add one event."""

    def __init__(self, first: str) -> None:
        self.first = first
        self.events: list[wp.Event] = []

    def feed(self, chunk: str) -> None:
        """Take one chunk of an argument."""
        chunk.find(self.first)
        self.events.append(wp.ArgumentDelta(0, KEY, chunk))


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of one run, with the garbage collector out of the way."""
    gc.collect()
    gc.disable()
    started = time.process_time()
    work()
    spent = time.process_time() - started
    gc.enable()
    return spent


# What is judged of a call: nothing but that all is there, choices and bounds, a list of objects, and what only the
# package for it judges.
SCHEMAS: dict[str, tuple[dict[str, Any], Any]] = {
    "required": ({"type": "string"}, "a"),
    "enum": ({"enum": ["a", "b"]}, "a"),
    "bounds": ({"type": "integer", "minimum": 1, "maximum": 9}, 5),
    "pattern": ({"type": "string", "pattern": "^[a-z]+$"}, "abc"),
    "objects": ({"type": "array", "items": {"type": "object", "properties": {"id": {"enum": [1]}}}}, [{"id": 1}] * 5),
    "package": ({"type": "array", "uniqueItems": True}, [1, 2, 3]),
}


def validation(name: str, what: str, rounds: int, count: int = 200) -> tuple[float, float]:
    """Return the seconds for a small call of which a schema is judged, and without that, best of interleaved rounds."""
    schema, value = SCHEMAS[what]
    tools = wp.Toolset.of([{"name": "f", "parameters": {"properties": {"v": schema}, "required": ["v"]}}])
    text = wp.encode(wp.Call("f", {"v": value}), subject(name), tools=tools)
    policies = (wp.Policy(), wp.Policy(validate="off"))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 1):
        for policy, spent in zip(policies, times, strict=True):
            spent.append(seconds(lambda: _parse_often(text, name, tools, policy, count)) / count)  # noqa: B023
    return min(times[0]), min(times[1])


def _parse_often(text: str, name: str, tools: wp.Toolset, policy: wp.Policy, count: int) -> None:
    for _ in range(count):
        wp.parse(text, subject(name), tools, policy=policy)


def per_delta(sample: Output, rounds: int, size: int = 4) -> tuple[float, float]:
    """Return the seconds per chunk inside the argument, ours and the floor's, best of interleaved rounds."""
    chunks = list(pieces(sample.argument, size))
    ours, floors = [], []
    for _ in range(rounds):
        floor = Floor('"' if sample.codec == "json" else "<")
        floors.append(seconds(lambda: _feed(floor.feed, chunks)))  # noqa: B023
        decoder = wp.Decoder(subject(sample.dialect), tools=TOOLS)
        decoder.feed(sample.text[: sample.start])
        ours.append(seconds(lambda: _feed(decoder.feed, chunks)))  # noqa: B023
        decoder.feed(sample.text[sample.end :])
        decoder.close()
        assert decoder.message.calls[0].arguments[KEY] == sample.value
    return min(ours) / len(chunks), min(floors) / len(chunks)


def per_delta_auto(sample: Output, rounds: int, size: int = 4) -> tuple[float, float]:
    """Return the seconds per chunk inside the argument, with "auto" and with the dialect given, interleaved."""
    return _compared(sample.text[: sample.start], list(pieces(sample.argument, size)), sample.dialect, rounds)


def per_text_delta_auto(text: str, dialect: str, rounds: int, size: int = 4) -> tuple[float, float]:
    """Return the seconds per chunk of text without a call, with "auto" and with a dialect given, interleaved."""
    return _compared("", list(pieces(text, size)), dialect, rounds)


def _compared(head: str, chunks: list[str], dialect: str, rounds: int) -> tuple[float, float]:
    times: dict[str, list[float]] = {"auto": [], dialect: []}
    for _ in range(rounds):
        for name, spent in times.items():
            decoder = wp.Decoder(name, tools=TOOLS)
            decoder.feed(head)
            spent.append(seconds(lambda: _feed(decoder.feed, chunks)))  # noqa: B023
    auto, given = (min(spent) / len(chunks) for spent in times.values())
    return auto, given


def whole(sample: Output, rounds: int) -> tuple[float, float]:
    """Return the seconds of one `parse` and of `json.loads` of the same value."""
    quoted = json.dumps(sample.value)
    assert wp.parse(sample.text, subject(sample.dialect), tools=TOOLS).calls[0].arguments[KEY] == sample.value
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(seconds(lambda: wp.parse(sample.text, subject(sample.dialect), tools=TOOLS)))
        theirs.append(seconds(lambda: json.loads(quoted)))
    return min(ours), min(theirs)


def prose(name: str, text: str, rounds: int, size: int = 4) -> tuple[float, float]:
    """Return the seconds per chunk of visible text, with loops looked for and without, best of interleaved rounds."""
    chunks = list(pieces(text, size))
    policies = (wp.Policy(), wp.Policy(loops=wp.Loops(max_repeated_passages=None, max_repeated_calls=None)))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for policy, spent in zip(policies, times, strict=True):
            decoder = wp.Decoder(subject(name), tools=TOOLS, policy=policy)
            spent.append(seconds(lambda: _feed(decoder.feed, chunks)))  # noqa: B023
    with_loops, without = times
    return min(with_loops) / len(chunks), min(without) / len(chunks)


def growth(works: Iterable[Callable[[], object]], rounds: int) -> list[float]:
    """Return by how much the time grows from each piece of work to the next."""
    listed = list(works)
    times = [[seconds(work) for work in listed] for _ in range(rounds)]
    best = [min(column) for column in zip(*times, strict=True)]
    return [later / earlier for earlier, later in pairwise(best)]


def growth_of_value(name: str, value: str, step: int, rounds: int) -> list[float]:
    """Growth for a quarter, a half and the whole of a value, fed `step` characters at a time."""
    samples = [output(name, value[: len(value) // part]) for part in (4, 2, 1)]
    chunked = [list(pieces(sample.text, step)) for sample in samples]
    return growth([_stream(name, TOOLS, chunks) for chunks in chunked], rounds)


def growth_of_arguments(name: str, counts: tuple[int, ...], step: int, rounds: int) -> list[float]:
    """Growth for calls of so many short arguments, fed `step` characters at a time."""
    written = [many_arguments(name, count) for count in counts]
    return growth([_stream(name, tools, list(pieces(text, step))) for text, tools in written], rounds)


def peak_memory(sample: Output, step: int) -> float:
    """Return the peak memory of decoding in chunks, deltas thrown away, as a multiple of the argument's size."""
    gc.collect()
    tracemalloc.start()
    decoder = wp.Decoder(subject(sample.dialect), tools=TOOLS)
    for chunk in pieces(sample.text, step):
        decoder.feed(chunk)
    decoder.close()
    call = decoder.message.calls[0]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert call.complete and call.arguments[KEY] == sample.value
    return peak / len(sample.value.encode())


def fuzzed(seconds: float) -> float:
    """Return how many outputs of all dialects two processes draw and hold to the laws in a second of wall time."""
    from wireproto.fuzz.plan import Plan, subjects
    from wireproto.fuzz.runner import Runner

    return Runner(Plan(subjects("all")), jobs=2).run(None, seconds).rate


def import_time(rounds: int) -> tuple[float, list[str]]:
    """Return the seconds that `import wireproto` takes in a fresh interpreter, and the heavy modules it loads."""
    script = (
        "import sys, time; started = time.perf_counter(); import wireproto; spent = time.perf_counter() - started;"
        f"print(spent, *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    times, loaded = [], set[str]()
    for _ in range(rounds):
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        spent, *names = run.stdout.split()
        times.append(float(spent))
        loaded.update(names)
    return min(times), sorted(loaded)


def _feed(feed: Callable[[str], object], chunks: list[str]) -> None:
    for chunk in chunks:
        feed(chunk)


def _stream(name: str, tools: Any, chunks: list[str]) -> Callable[[], object]:
    def work() -> object:
        decoder = wp.Decoder(subject(name), tools=tools)
        _feed(decoder.feed, chunks)
        return decoder.close()

    return work
