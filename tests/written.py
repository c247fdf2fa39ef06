"""What chat templates write, from `fixtures/written`: calls and results of every dialect, byte for byte.

It must not hold a test. Law: a new dialect is a new file there, and no line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wireproto.text.toml import loads

FOLDER = Path(__file__).parent.parent / "fixtures" / "written"


@dataclass(frozen=True)
class Written:
    """The texts of one dialect: of one and of two calls, of one and of two results, and of reasoning before a call."""

    calls: tuple[str, str]
    results: tuple[str, str] | None
    reasoning: str | None


def _read(file: Path) -> Written:
    texts: dict[str, Any] = loads(file.read_text(encoding="utf-8"))
    calls, results = texts["calls"], texts.get("results")
    both = (results["one"], results["two"]) if results else None
    return Written((calls["one"], calls["two"]), both, texts.get("reasoning"))


WRITTEN = {file.stem: _read(file) for file in sorted(FOLDER.glob("*.toml"))}
