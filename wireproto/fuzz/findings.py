"""What a run found: how much was tried, how much broke, and the smallest case of each kind.

It must not know how a case was drawn or judged. Law: adding the same results in any order gives the same findings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from wireproto.fuzz.cases import Case, label_of, saved, size_of

Kind = tuple[int, str, str]  # the law, the dialect, where it broke


@dataclass
class Breakage:
    """One way in which a law breaks: how often that came, its smallest case, and what that output was drawn from."""

    case: Case
    key: int | bytes = -1
    count: int = 1

    @property
    def kind(self) -> Kind:
        """What all cases of it share."""
        return kind_of(self.case)

    @property
    def law(self) -> str:
        """The law as people write it."""
        return f"{self.case['law']['number']} {self.case['law']['name']}"


@dataclass
class Tally:
    """The counts of a run: outputs by dialect, checks by law, findings by kind."""

    dialects: Counter[str] = field(default_factory=Counter)
    laws: Counter[str] = field(default_factory=Counter)
    broken_dialects: Counter[str] = field(default_factory=Counter)
    broken_laws: Counter[str] = field(default_factory=Counter)
    findings: dict[Kind, Breakage] = field(default_factory=dict)
    seconds: float = 0.0
    interrupted: bool = False
    note: str = ""

    @property
    def outputs(self) -> int:
        """How many outputs were held to the laws."""
        return self.dialects.total()

    @property
    def rate(self) -> float:
        """Outputs a second."""
        return self.outputs / self.seconds if self.seconds else 0.0

    @property
    def broken(self) -> int:
        """How many outputs broke a law."""
        return self.broken_dialects.total()

    def add(self, dialect: str, laws: Iterable[str], broken: Case | None, key: int | bytes = -1) -> None:
        """Count an output of a dialect, the laws that it was held to, and the case if it broke one."""
        self.dialects[dialect] += 1
        self.laws.update(laws)
        if broken is not None:
            self.keep(Breakage(broken, key))

    def keep(self, finding: Breakage) -> None:
        """Count a finding; of those of its kind the smallest is kept."""
        self.broken_laws[finding.law] += finding.count
        self.broken_dialects[label_of(finding.case)] += finding.count
        known = self.findings.get(finding.kind)
        if known is None:
            self.findings[finding.kind] = finding
            return
        known.count += finding.count
        if (size_of(finding.case), repr(finding.key)) < (size_of(known.case), repr(known.key)):
            known.case, known.key = finding.case, finding.key

    def ordered(self) -> list[Breakage]:
        """Return the findings by law, dialect and place."""
        return [self.findings[kind] for kind in sorted(self.findings)]

    def as_data(self) -> dict[str, Any]:
        """Return the counts as plain data, for JSON."""
        return {
            "outputs": self.outputs,
            "seconds": round(self.seconds, 3),
            "rate": round(self.rate, 1),
            "broken": self.broken,
            "laws": {
                name: {"checked": self.laws[name], "broken": self.broken_laws[name]}
                for name in _names(self.laws, self.broken_laws)
            },
            "dialects": {
                name: {"outputs": self.dialects[name], "broken": self.broken_dialects[name]}
                for name in _names(self.dialects, self.broken_dialects)
            },
            "findings": [{"count": found.count, **saved(found.case)} for found in self.ordered()],
        }


def _names(*counters: Counter[str]) -> list[str]:
    return sorted({name for counter in counters for name in counter})


def kind_of(case: Case) -> Kind:
    """Return what a broken case has in common with those that count as the same finding."""
    return case["law"]["number"], label_of(case), case["where"]
