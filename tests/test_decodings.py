"""Every output of fixtures/decodings/ still comes to what its line says: a change of decoding is seen, and meant."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from effort import structure

import wireproto as wp

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "decodings"
SCRIPT: dict[str, Any] = runpy.run_path(str(FOLDER / "decodings.py"))
FILES: dict[str, list[dict[str, Any]]] = SCRIPT["files"]()


def test_a_dialect_of_each_structure_has_its_file() -> None:
    names = {name.removesuffix(".jsonl") for name in FILES} - {"auto", "long"}
    assert {"auto.jsonl", "long.jsonl"} <= FILES.keys() and names <= set(wp.dialects())
    assert {*map(structure, names)} >= {*map(structure, wp.dialects())}


def test_no_output_is_there_twice() -> None:
    ids = [case["id"] for cases in FILES.values() for case in cases]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", FILES)
def test_the_outputs_come_to_the_same(name: str) -> None:
    """Only `make decodings` may change a line; look at what it changed before you commit it."""
    changed = [
        (case["id"], now, case["comes"]) for case in FILES[name] if (now := SCRIPT["comes"](case)) != case["comes"]
    ]
    assert not changed, f"{len(changed)} of {len(FILES[name])}, the first: {json.dumps(changed[0], indent=1)}"
