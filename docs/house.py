"""The folders of the package, what each may import, and a picture of it: `make docs` writes docs/explanation/house.svg.

It reads the imports from the source and never imports what it draws. Law: the same imports give the same picture.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "wireproto"
# The folders from the top: a module may import from its own folder and from those below it. "." is the root.
FOLDERS = (
    "cli",
    "serve",
    "serve/stream",
    "serve/watch",
    "fuzz",
    "fuzz/against",
    "testing",
    "testing/generators",
    "testing/engines",
    "audit",
    "integrations",
    ".",
    "grammars/api",
    "grammars/targets",
    "gbnf",
    "adapters/history",
    "adapters",
    "learning/templates",
    "recover",
    "write",
    "decode",
    "codecs/html",
    "codecs/json",
    "codecs/pythonic",
    "codecs/relaxed",
    "codecs/toml",
    "codecs/xml",
    "codecs/tagged",
    "learning",
    "grammars",
    "grammars/raw",
    "grammars/schema",
    "codecs",
    "engine",
    "machine",
    "format/responses",
    "format",
    "documents",
    "tools",
    "grammars/expr",
    "automata",
    "text",
    "values",
)
# `python -m wireproto` starts the command line.
UPWARD = {("__main__", "cli")}
MODULES = {path.relative_to(PACKAGE).with_suffix("").as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}

Edges = Mapping[str, frozenset[str]]
Rows = list[list[str]]

BOX, HEIGHT, GAP, ROW, MARGIN = 142, 30, 18, 74, 16
BEND = 14  # the width that an arrow takes where it passes a row
SWEEPS = 24
STYLE = """
  text { font: 13px ui-sans-serif, system-ui, sans-serif; text-anchor: middle; fill: #1f2328 }
  rect { fill: #eef3fa; stroke: #6b7f99 }
  path.arrow { fill: none; stroke: #6b7f99 }
  path.head { fill: #6b7f99 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    rect { fill: #22303f; stroke: #8ba0ba }
    path.arrow { stroke: #8ba0ba }
    path.head { fill: #8ba0ba }
  }
"""


def folder(module: str) -> str:
    """Return the folder of a module, `a/b/c`, or of a package, `a/b/__init__`."""
    return module.rpartition("/")[0] or "."


def imported(source: str) -> Iterator[str]:
    """Yield the folders that a module imports from, inside functions and for type checking too."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            root, *rest = name.split(".")
            if root == "wireproto":
                yield _home("/".join(rest))


def _home(name: str) -> str:
    """Return the folder of a dotted name, which ends in a module or in something that a module holds."""
    while name and name not in MODULES and f"{name}/__init__" not in MODULES:
        name = name.rpartition("/")[0]
    return name if f"{name}/__init__" in MODULES and name else folder(name)


def summary(name: str) -> str:
    """Return the first sentence of what a folder says of itself."""
    path = PACKAGE / name / "__init__.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first = " ".join(text.partition("\n\n")[0].split()).removeprefix("wireproto: ")
    return first[:1].upper() + first[1:]


def edges() -> Edges:
    """Return the folders that each folder imports from."""
    found: dict[str, set[str]] = {name: set() for name in FOLDERS}
    for module, path in MODULES.items():
        own = folder(module)
        names = set(imported(path.read_text(encoding="utf-8")))
        found[own] |= {name for name in names if name != own and (module, name) not in UPWARD}
    return {name: frozenset(below) for name, below in found.items()}


def reduced(every: Edges) -> Edges:
    """Return the edges without those that a longer path implies."""

    @cache
    def reach(name: str) -> frozenset[str]:
        return every[name].union(*(reach(below) for below in every[name]))

    return {
        name: frozenset(one for one in below if not any(one in reach(other) for other in below - {one}))
        for name, below in every.items()
    }


def _rows(every: Edges) -> tuple[Rows, dict[str, list[str]]]:
    """Return the rows from the top and, for each node, those that it points to in the next row.

    An arrow that passes a row has a node of its own there, named `from>to`.
    """

    @cache
    def level(name: str) -> int:
        return 1 + max((level(below) for below in every[name]), default=0)

    top = max(level(name) for name in every)
    rows: Rows = [[] for _ in range(top)]
    for name in FOLDERS:
        rows[top - level(name)].append(name)
    points: dict[str, list[str]] = {}
    for name, below in every.items():
        for target in sorted(below):
            last = name
            for passed in range(level(name) - 1, level(target), -1):
                bend = f"{name}>{target}@{passed}"
                rows[top - passed].append(bend)
                points.setdefault(last, []).append(bend)
                last = bend
            points.setdefault(last, []).append(target)
    return rows, points


def _ordered(rows: Rows, points: Mapping[str, Sequence[str]]) -> Rows:
    """Return the rows in the order with the fewest crossings that some sweeps of barycentres find."""
    above: dict[str, list[str]] = {}
    for name, targets in points.items():
        for target in targets:
            above.setdefault(target, []).append(name)
    best, fewest = [row[:] for row in rows], _crossings(rows, points)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        order = range(1, len(rows)) if down else range(len(rows) - 2, -1, -1)
        for i in order:
            near = {name: at for at, name in enumerate(rows[i - 1 if down else i + 1])}
            links = above if down else points
            at = {name: float(index) for index, name in enumerate(rows[i])}
            for name in rows[i]:
                places = [near[other] for other in links.get(name, ())]
                at[name] = sum(places) / len(places) if places else at[name]
            rows[i].sort(key=at.__getitem__)
        count = _crossings(rows, points)
        if count < fewest:
            best, fewest = [row[:] for row in rows], count
    return best


def _crossings(rows: Rows, points: Mapping[str, Sequence[str]]) -> int:
    count = 0
    for upper, lower in pairwise(rows):
        at = {name: index for index, name in enumerate(lower)}
        lines = [(i, at[target]) for i, name in enumerate(upper) for target in points.get(name, ())]
        count += sum(a < c and b > d for a, b in lines for c, d in lines)
    return count


def _places(rows: Rows, points: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return the middle of each node: near the nodes that it is joined to, and apart from its neighbours."""
    joined: dict[str, list[str]] = {}
    for name, targets in points.items():
        for target in targets:
            joined.setdefault(name, []).append(target)
            joined.setdefault(target, []).append(name)
    x: dict[str, float] = {}
    for row in rows:
        _spread(row, dict.fromkeys(row, 0.0), x)
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = {name: [x[other] for other in joined.get(name, ())] or [x[name]] for name in row}
            _spread(row, {name: sum(places) / len(places) for name, places in wanted.items()}, x)
    left = min(x[name] - _width(name) / 2 for name in x)
    return {name: round(at - left + MARGIN, 1) for name, at in x.items()}


def _width(name: str) -> int:
    return BEND if ">" in name else BOX


def _spread(row: Sequence[str], wanted: Mapping[str, float], x: dict[str, float]) -> None:
    """Put the nodes of a row where they want to be, in order and apart: the mean of two greedy passes."""
    apart = [(_width(a) + _width(b)) / 2 + GAP for a, b in pairwise(row)]
    right = [wanted[name] for name in row]
    left = right[:]
    for i, least in enumerate(apart):
        right[i + 1] = max(right[i + 1], right[i] + least)
    for i in range(len(row) - 2, -1, -1):
        left[i] = min(left[i], left[i + 1] - apart[i])
    for name, one, other in zip(row, left, right, strict=True):
        x[name] = (one + other) / 2


def svg() -> str:
    """Return the picture: each folder above those that it imports, arrows without those that others imply."""
    rows, points = _rows(reduced(edges()))
    rows = _ordered(rows, points)
    x = _places(rows, points)
    y = {name: MARGIN + i * ROW for i, row in enumerate(rows) for name in row}
    width = round(max(x[name] + _width(name) / 2 for name in x) + MARGIN)
    height = MARGIN * 2 + (len(rows) - 1) * ROW + HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        "<title>The folders of wireproto; an arrow leads from a folder to one that it imports.</title>",
        f"<style>{STYLE}</style>",
    ]
    for name in sorted(points):
        if ">" not in name:
            lines += [line for target in points[name] for line in _arrow(name, target, points, x, y)]
    for name in FOLDERS:
        label = "wireproto" if name == "." else name
        left, middle = round(x[name] - BOX / 2, 1), y[name] + HEIGHT / 2
        lines.append(f'<rect x="{left}" y="{y[name]}" width="{BOX}" height="{HEIGHT}" rx="5"/>')
        lines.append(f'<text x="{x[name]}" y="{middle + 4.5}">{label}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _arrow(
    name: str, target: str, points: Mapping[str, Sequence[str]], x: Mapping[str, float], y: Mapping[str, int]
) -> list[str]:
    at, down = x[name], y[name] + HEIGHT
    path = [f"M{at} {down}"]
    while True:
        end = ">" not in target
        to, stop = x[target], y[target] - (6 if end else 0)
        half = (down + stop) / 2
        path.append(f"C{at} {half} {to} {half} {to} {stop}")
        if end:
            break
        path.append(f"V{stop + HEIGHT}")
        at, down, target = to, stop + HEIGHT, points[target][0]
    head = f"M{to - 4} {stop - 2}L{to + 4} {stop - 2}L{to} {stop + 6}Z"
    return [f'<path class="arrow" d="{"".join(path)}"/>', f'<path class="head" d="{head}"/>']
