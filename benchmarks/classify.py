"""How often `classify` says what a careful reader says: a confusion table over fixtures/classify.

Run it with `python -m benchmarks.classify`; `--wrong` lists every case that it gets wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wireproto as wp
from wireproto.recover.classify import LABELS

CORPUS = Path(__file__).resolve().parent.parent / "fixtures" / "classify"


@dataclass(frozen=True, slots=True)
class Case:
    """One output, with what a careful reader calls it. `negative`: nothing of it was meant to be called."""

    id: str
    label: str
    text: str
    dialect: str
    tools: Any
    finish_reason: str | None
    reasoning_open: bool
    policy: wp.Policy
    negative: bool
    wire: str

    def verdict(self, dialect: str | None = None) -> wp.Verdict:
        """Return what `classify` says; in another dialect than the configured one, if one is given."""
        return wp.classify(
            self.text,
            dialect or self.dialect,
            self.tools,
            finish_reason=self.finish_reason,
            reasoning_open=self.reasoning_open,
            policy=self.policy,
        )


@dataclass(frozen=True, slots=True)
class Score:
    """How `classify` did: cases by (label of the reader, label of `classify`), what is wrong, and phantom calls."""

    table: Counter[tuple[str, str]]
    wrong: list[tuple[Case, wp.Verdict]]
    phantoms: list[Case]

    @property
    def accuracy(self) -> float:
        """The share of cases with the reader's label."""
        return 1 - len(self.wrong) / self.table.total()


def corpus() -> list[Case]:
    """Read every case."""
    sets = {**json.loads((CORPUS / "tools.json").read_text(encoding="utf-8")), "none": []}
    return [
        _case(json.loads(line), sets)
        for path in sorted(CORPUS.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def _case(data: dict[str, Any], sets: dict[str, Any]) -> Case:
    kinds = [wp.DocumentType(name, kind, root=root) for name, kind, root in data.get("documents", [])]
    return Case(
        data["id"],
        data["label"],
        data["text"],
        data["dialect"],
        sets[data["tools"]] if data["tools"] is not None else None,
        data.get("finish_reason"),
        data.get("reasoning_open", False),
        wp.Policy(documents=kinds),
        data.get("negative", False),
        data.get("wire", ""),
    )


def score(cases: Iterable[Case]) -> Score:
    """Classify every case as it was configured."""
    found = Score(Counter(), [], [])
    for case in cases:
        verdict = case.verdict()
        found.table[case.label, verdict.label] += 1
        if verdict.label != case.label:
            found.wrong.append((case, verdict))
        if case.negative and verdict.message.calls:
            found.phantoms.append(case)
    return found


def rows(found: Score) -> Iterable[str]:
    """Yield the lines of the confusion table: a row for each label of the reader."""
    used = [label for label in LABELS if any(label in pair for pair in found.table)]
    yield "".join([f"{'':10}", *(f"{label[:9]:>10}" for label in used)])
    for label in used:
        counts = [found.table[label, regex] for regex in used]
        yield "".join([f"{label:10}", *(f"{count or '·':>10}" for count in counts)])


def main(argv: list[str] | None = None) -> int:
    """Print the table, the accuracy, and the phantom calls."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classify", description="confusion table of classify")
    parser.add_argument("--wrong", action="store_true", help="list every case that it gets wrong")
    options = parser.parse_args(argv)
    cases = corpus()
    found = score(cases)
    print("rows: what a careful reader says; columns: what classify says\n")
    print(*rows(found), sep="\n")
    formats, negatives = len({case.wire for case in cases if case.wire}), sum(case.negative for case in cases)
    print(f"\n{len(cases)} outputs in {formats} dialects; accuracy {found.accuracy:.1%}")
    print(f"{len(found.phantoms)} phantom calls in {negatives} negatives")
    for case, verdict in found.wrong if options.wrong else ():
        codes = ", ".join(reason.code for reason in verdict.reasons)
        print(f"\n{case.id} under {case.dialect}: {case.label}, not {verdict.label} ({codes})\n{case.text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
