"""How far one call walks: the functions and files that a reader must follow to see a call decoded.

python -m benchmarks.walk [DIALECT ...] [--goal]

One `Decoder.feed` of "Hi." and a call with one string argument, in one chunk, all caches warm. Only code of the
package counts, not what dataclasses generate. Comprehensions count as functions, as they did in the figures that the
goals come from; Python 3.12 and later inline most of them. The tree shows each function once, below its first caller.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType

import wireproto as wp

PACKAGE = f"{Path(wp.__file__).parent}/"
VALUES = f"{PACKAGE}values/"
DIALECTS = ("qwen3_coder", "hermes")
MOST_FILES, MOST_FUNCTIONS = 12, 70
TOOLS = [
    {
        "name": "write_file",
        "parameters": {"type": "object", "properties": {"content": {"type": "string"}}, "required": ["content"]},
    }
]


@dataclass
class Walk:
    """What one run called: figures, and who called each function first (None: the run itself)."""

    calls: int = 0
    crossings: int = 0
    depth: int = 0
    callers: dict[CodeType, CodeType | None] = field(default_factory=dict)

    @property
    def files(self) -> set[str]:
        """The files that were entered."""
        return {code.co_filename for code in self.callers}

    @property
    def summary(self) -> str:
        """The figures in one line."""
        return (
            f"{len(self.files)} files, {len(self.callers)} functions, {self.calls} calls, "
            f"{self.crossings} of them across files, depth {self.depth}"
        )

    @property
    def is_short(self) -> bool:
        """Whether the walk keeps within the goals."""
        return len(self.files) <= MOST_FILES and len(self.callers) <= MOST_FUNCTIONS

    def tree(self) -> Iterator[str]:
        """Yield a line for each function, indented below its first caller."""
        below = defaultdict[CodeType | None, list[CodeType]](list)
        for code, caller in self.callers.items():
            below[caller].append(code)
        left = [(0, code) for code in reversed(below[None])]
        while left:
            depth, code = left.pop()
            yield f"{'  ' * depth}{_name(code)}  {code.co_filename.removeprefix(PACKAGE)}:{code.co_firstlineno}"
            left += [(depth + 1, other) for other in reversed(below[code])]


def walk(work: Callable[[], object]) -> Walk:
    """Run `work` and record every call of a function of the package."""
    found, stack = Walk(), list[CodeType]()

    def record(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(PACKAGE):
            return
        if code.co_name == "__init__" and code.co_filename.startswith(VALUES):
            return  # a constructor that only sets fields is nothing to follow, no more than one that is generated
        if event == "return":
            stack.pop()
            return
        caller = stack[-1] if stack else None
        found.calls += 1
        found.crossings += caller is not None and caller.co_filename != code.co_filename
        found.callers.setdefault(code, caller)
        stack.append(code)
        found.depth = max(found.depth, len(stack))

    sys.setprofile(record)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def walk_of_call(dialect: str) -> Walk:
    """Return the walk of one feed. A run before it fills what is worked out once per dialect."""
    text = "Hi." + wp.encode([wp.Call("write_file", {"content": "print(1)"})], dialect, tools=TOOLS)
    wp.parse(text, dialect, tools=TOOLS)
    decoder = wp.Decoder(dialect, tools=TOOLS)
    found = walk(lambda: decoder.feed(text))
    assert [call.name for call in wp.parse(text, dialect, tools=TOOLS).calls] == ["write_file"], text
    return found


def _name(code: CodeType) -> str:
    return getattr(code, "co_qualname", code.co_name)  # Python 3.10 knows the bare name only


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.walk", description=__doc__.partition("\n")[0])
    parser.add_argument("dialects", nargs="*", default=DIALECTS, metavar="DIALECT")
    parser.add_argument("--goal", action="store_true", help="fail where a walk is longer than its goal")
    options = parser.parse_args()
    found = {name: walk_of_call(name) for name in options.dialects}
    for name, one in found.items():
        print(f"{name}: {one.summary}", *one.tree(), sep="\n", end="\n\n")
    for name, one in found.items():
        verdict = "met" if one.is_short else "MISSED"
        print(f"{name:<14} {one.summary}; goal {MOST_FILES} files, {MOST_FUNCTIONS} functions: {verdict}")
    sys.exit(options.goal and not all(one.is_short for one in found.values()))


if __name__ == "__main__":
    main()
