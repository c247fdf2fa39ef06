"""Another checkout side by side with this one: the same work in turn, in fresh processes, as ratios of CPU time.

python -m benchmarks.compare FOLDER [--rounds N]

FOLDER is another checkout of the project, such as `git worktree add ../before COMMIT` makes one. A row whose ratio is
above 1.05 is marked: this checkout is slower there. The smallest time of all rounds counts, since noise only adds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
MOST = 1.05
TOOLS = [
    {
        "name": "write_file",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "content": {"type": "string"}, "mode": {"type": "integer"}},
        },
    }
]
SMALL = {"path": "a.py", "content": "x = 1\ny = 2\n", "mode": 3}
CODE = "line of code = 'value' + other(thing)\n" * 2_000
# One dialect for each way of holding an argument, and for each way of opening a call.
DIALECTS = ("qwen3_coder", "dsml_v4", "glm47", "hermes", "kimi_k2", "mistral", "xml", "html", "toml")
WORDS = "the quick brown fox jumps over the lazy dog, then it <b>sleeps</b> and `dreams` of {all} [that]"


def works() -> Iterator[tuple[str, Callable[[], object], int]]:
    """Yield what is measured: a name, the work, and how often it is repeated at once."""
    import wireproto as wp

    def stream(name: str, text: str, size: int) -> None:
        decoder = wp.Decoder(name, TOOLS)
        for start in range(0, len(text), size):
            decoder.feed(text[start : start + size])
        decoder.close()

    for name in DIALECTS:
        small = "On it.\n" * (name != "mistral") + wp.encode([wp.Call("write_file", SMALL)], name, TOOLS)
        large = wp.encode([wp.Call("write_file", {"path": "a.py", "content": CODE})], name, TOOLS)
        yield f"{name}: small output, whole", lambda t=small, n=name: wp.parse(t, n, TOOLS), 60
        yield f"{name}: small output, by 4", lambda t=small, n=name: stream(n, t, 4), 20
        yield f"{name}: long value, whole", lambda t=large, n=name: wp.parse(t, n, TOOLS), 3
        yield f"{name}: long value, by 4", lambda t=large, n=name: stream(n, t, 4), 1
        yield f"{name}: encode", lambda n=name: wp.encode([wp.Call("write_file", SMALL)], n, TOOLS), 20
    words = random.Random(1)
    prose = " ".join(words.choice(WORDS.split()) + str(words.randrange(1_000)) for _ in range(15_000))
    for name in ("qwen3_coder", "kimi_k2", "auto"):
        yield f"{name}: prose, whole", lambda n=name: wp.parse(prose, n, TOOLS), 1
        yield f"{name}: prose, by 4", lambda n=name: stream(n, prose[:20_000], 4), 1
    many = [{**TOOLS[0], "name": f"tool_{i}"} for i in range(10)]
    for name in ("hermes", "qwen3_coder", "xml"):
        yield f"{name}: grammar of 10 tools", lambda n=name: wp.grammar(n, many), 1


def measure() -> dict[str, float]:
    """Return the seconds of CPU time of each piece of work."""
    started = time.process_time()
    import wireproto  # noqa: F401

    found = {"import wireproto": time.process_time() - started}
    for name, work, times in works():
        work()  # caches warm
        best = float("inf")
        for _ in range(5):
            started = time.process_time()
            for _ in range(times):
                work()
            best = min(best, (time.process_time() - started) / times)
        found[name] = best
    return found


def run(folder: Path) -> dict[str, float]:
    """Measure in a fresh process, with the package of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, __file__, "--work"], env=environment, capture_output=True, text=True, check=True, cwd=folder
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("folder", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=4, help="how often each checkout is measured (default: 4)")
    options = parser.parse_args()
    rounds = [(run(options.folder.resolve()), run(HERE)) for _ in range(options.rounds)]
    slower = 0
    print(f"{'CPU time, smallest of all rounds':<40} {'there':>12} {'here':>12} {'ratio':>7}")
    for name in rounds[0][1]:
        there, here = (min(pair[i][name] for pair in rounds) for i in (0, 1))
        slower += here > MOST * there
        mark = "  SLOWER" if here > MOST * there else ""
        print(f"{name:<40} {there * 1e6:>9.0f} us {here * 1e6:>9.0f} us {here / there:>7.2f}{mark}")
    print(f"\n{slower} of {len(rounds[0][1])} rows are slower by more than {MOST - 1:.0%}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--work"]:
        json.dump(measure(), sys.stdout)
    else:
        main()
