"""The machine of a dialect as a drawing: for Graphviz, or as Mermaid, which pages on GitHub show.

It must not know dialects. Law: each arrow of the table is an arrow of the drawing; those between the same contexts are
one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from wireproto.machine.table import ENDED, TEXT, VALUE, Arrow

_MERMAID = str.maketrans({'"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "`": "#96;", "\n": "⏎", "{": "#123;",
                          "}": "#125;", "|": "#124;"})  # fmt: skip
_SHOWN = 48  # characters of a marker in a drawing


def dot(arrows: Iterable[Arrow]) -> str:
    """Return a drawing for Graphviz."""
    grouped = _grouped(arrows)
    lines = ["digraph machine {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    lines += [f"  {json.dumps(TEXT)} [style=bold];", f"  {json.dumps(ENDED)} [peripheries=2];"]
    for (context, following), labels in grouped.items():
        label = json.dumps("\n".join(labels), ensure_ascii=False)
        lines.append(f"  {json.dumps(context)} -> {json.dumps(following)} [label={label}];")
    return "\n".join([*lines, "}"]) + "\n"


def mermaid(arrows: Iterable[Arrow]) -> str:
    """Return a drawing for Mermaid."""
    grouped = _grouped(arrows)
    numbers = {name: f"s{i}" for i, name in enumerate(dict.fromkeys(end for pair in grouped for end in pair))}
    lines = ["flowchart LR"]
    lines += [f'  {number}(["{name}"])' for name, number in numbers.items()]
    for (context, following), labels in grouped.items():
        label = "<br>".join(label.translate(_MERMAID) for label in labels)
        lines.append(f'  {numbers[context]} -->|"{label}"| {numbers[following]}' if label else
                     f"  {numbers[context]} --> {numbers[following]}")  # fmt: skip
    return "\n".join(lines) + "\n"


def _grouped(arrows: Iterable[Arrow]) -> Mapping[tuple[str, str], list[str]]:
    """Return the labels of all arrows between two contexts, a line each; letters of raw values are one line.

    Where a letter stands for the first time, its marker follows.
    """
    found: dict[tuple[str, str], list[str]] = {}
    explained: set[str] = set()
    for context, label, marker, following in arrows:
        labels = found.setdefault((context, following), [])
        shown = marker if len(marker) <= _SHOWN else marker[:_SHOWN] + "…"
        if not context.startswith(VALUE):
            labels += [shown or label] if shown or label else []
        elif label not in explained:
            explained.add(label)
            labels.append(f"{label} {shown}")
        elif labels and labels[-1].replace(", ", "").isalnum():
            labels[-1] += f", {label}"
        else:
            labels.append(label)
    return found
