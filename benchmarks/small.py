"""What an agent's output costs: small calls, whole and streamed, prose, and reasoning.

python -m benchmarks.small [--rounds N] [--json] [DIALECT ...]

CPU time, the best of interleaved rounds. The floors are independent of this package: for a whole output, a regular
expression and `json.loads` of the same call; for a delta, a method that looks for one character and returns a list of
one tuple, which is the least that a streaming parser in Python can do.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import wireproto as wp
from benchmarks.inputs import pieces
from benchmarks.measure import seconds

DIALECTS = ("hermes", "kimi_k2", "qwen3_coder", "glm47", "dsml_v4", "harmony", "pythonic", "gemma4", "xml", "html",
            "toml", "auto")  # fmt: skip
TOOL = {
    "name": "get_weather",
    "description": "Tell the weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "metric": {"type": "boolean"}},
        "required": ["city"],
    },
}
CALL = wp.Call("get_weather", {"city": "Paris", "days": 3, "metric": True})
JSON_CALL = (
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 3, "metric": true}}\n</tool_call>'
)
_BLOCK = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
# Sentences that differ, as those of a model do: nothing here repeats, and nothing is a marker.
_WORDS = ("the", "weather", "in", "Paris", "will", "be", "fine", "on", "Monday", "but", "I", "would", "take", "a",
          "coat", "since", "evenings", "are", "cool", "there")  # fmt: skip
WHOLE, DELTA, PROSE, TEXT = 12.0, 8.0, 2.0, 2.0


@dataclass(frozen=True)
class Row:
    """One measurement: microseconds, and as a multiple of its floor, with its goal."""

    what: str
    dialect: str
    micros: float
    ratio: float | None
    goal: float
    met: bool


class _Floor:
    """The least that a streaming parser can do."""

    def feed(self, chunk: str) -> list[tuple[int, str, str]]:
        """Take one chunk of an argument."""
        chunk.find("<")
        return [(0, "content", chunk)]


def prose(size: int) -> str:
    """Return so many characters of sentences of which none is like another."""
    step, text = 1, ""
    while len(text) < size:
        text += " ".join(_WORDS[(step * each * each) % len(_WORDS)] for each in range(1, 5 + step % 9)) + f" {step}. "
        step += 1
    return text[:size]


def rows(names: tuple[str, ...], rounds: int) -> Iterator[Row]:
    """Measure everything, one row at a time."""
    tools = wp.Toolset.of([TOOL])
    for name in names:
        text = wp.encode(CALL, name if name != "auto" else "hermes", tools=tools)
        assert wp.parse(text, name, tools=tools).calls[0].arguments == CALL.arguments
        ours, floor = _both(_often(lambda: wp.parse(text, name, tools=tools), 20), _often(_regex, 200), rounds)  # noqa: B023
        yield _row("small output, whole", name, ours / 20, floor / 200, WHOLE)
        for size in (1, 4, 20):
            chunks = list(pieces(text, size))
            ours, floor = _both(_often(lambda: _streamed(name, tools, chunks), 5), _fed(_Floor(), chunks, 50), rounds)  # noqa: B023
            goal = DELTA if size == 4 else 0.0
            yield _row(f"small output, a delta of {size}", name, ours / 5 / len(chunks), floor / 50 / len(chunks), goal)
    for name in names:
        chunks = list(pieces(prose(20_000), 4))
        yield _delta("prose, a delta of 4", name, "", tools, chunks, rounds)
        if name != "auto" and (reasoning := wp.dialect(name).reasoning) is not None:
            yield _delta("reasoning, a delta of 4", name, reasoning.open, tools, chunks, rounds)
        text = prose(100_000)
        spent = min(seconds(lambda: wp.parse(text, name, tools=tools)) for _ in range(rounds))  # noqa: B023
        yield Row("100 KB of prose, whole", name, spent * 1e6, None, TEXT * 1000, spent * 1000 <= TEXT)


def _delta(what: str, name: str, opener: str, tools: wp.Toolset, chunks: list[str], rounds: int) -> Row:
    def ours() -> None:
        decoder = wp.Decoder(name, tools=tools)
        decoder.feed(opener)
        for chunk in chunks:
            decoder.feed(chunk)

    spent, floor = _both(ours, _fed(_Floor(), chunks, 1), rounds)
    return _row(what, name, spent / len(chunks), floor / len(chunks), PROSE)


def _row(what: str, name: str, ours: float, floor: float, goal: float) -> Row:
    return Row(what, name, ours * 1e6, ours / floor, goal, not goal or ours / floor <= goal)


def _both(ours: Callable[[], object], floor: Callable[[], object], rounds: int) -> tuple[float, float]:
    times = [(seconds(ours), seconds(floor)) for _ in range(rounds)]
    return min(one for one, _ in times), min(other for _, other in times)


def _often(work: Callable[[], object], times: int) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(times):
            work()

    return repeated


def _fed(floor: _Floor, chunks: list[str], times: int) -> Callable[[], None]:
    def feed() -> None:
        for chunk in chunks:
            floor.feed(chunk)

    return _often(feed, times)


def _regex() -> list[object]:
    return [json.loads(found) for found in _BLOCK.findall(JSON_CALL)]


def _streamed(name: str, tools: wp.Toolset, chunks: list[str]) -> None:
    decoder = wp.Decoder(name, tools=tools)
    for chunk in chunks:
        decoder.feed(chunk)
    decoder.close()


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dialects", nargs="*", metavar="DIALECT", default=DIALECTS)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    given = parser.parse_args()
    if not given.json:
        print(f"Python {platform.python_version()}, {platform.machine()}; CPU time, best of {given.rounds} rounds")
    for row in rows(tuple(given.dialects), given.rounds):
        if given.json:
            print(json.dumps(asdict(row)), flush=True)
            continue
        ratio = f"{row.ratio:6.1f}x" if row.ratio is not None else " " * 7
        goal = f"goal {row.goal:g}{'x' if row.ratio is not None else ' us'}: {'met' if row.met else 'MISSED'}"
        print(f"{row.what:38} {row.dialect:12} {row.micros:9.2f} us {ratio}  {goal if row.goal else ''}", flush=True)


if __name__ == "__main__":
    main()
