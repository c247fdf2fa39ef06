"""Writes the grammars of every dialect for the tools in `tools.json`; run it with `make grammars`.

A test runs it too and fails if anything changes, so that a change of a grammar is seen and meant.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import wireproto as wp
from wireproto.grammars.api.api import Target, grammar

FOLDER: Final = Path(__file__).resolve().parent
# The others are as long as the first and say the same: these show each way to write arguments.
SHOWN: Final = ("hermes", "qwen3_coder", "toml")
OTHERS: Final[dict[Target, str]] = {"lark": "lark", "ebnf": "ebnf", "structural-tag": "structural-tag.json"}


def files() -> dict[str, tuple[str, Target]]:
    """Return the name of every file that is written here, with the dialect and the target that it shows."""
    found: dict[str, tuple[str, Target]] = {f"{name}.gbnf": (name, "gbnf") for name in wp.dialects()}
    for name in SHOWN:
        found |= {f"{name}.{ending}": (name, target) for target, ending in OTHERS.items()}
    return found


def content(dialect: str, target: Target) -> str:
    """Return what stands in the file of a dialect and a target."""
    tools = json.loads((FOLDER / "tools.json").read_text(encoding="utf-8"))
    text = str(grammar(dialect, tools, target=target))
    if target != "structural-tag":
        return text
    return json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"


def written() -> set[str]:
    """Return the names of the files that stand there and look as if they were written here."""
    endings = ("gbnf", *OTHERS.values())
    return {path.name for ending in endings for path in FOLDER.glob(f"*.{ending}")} - {"gbnf.lark"}


if __name__ == "__main__":
    wanted = files()
    for gone in written() - wanted.keys():
        (FOLDER / gone).unlink()
    for name, (dialect, target) in wanted.items():
        (FOLDER / name).write_text(content(dialect, target), encoding="utf-8", newline="\n")
