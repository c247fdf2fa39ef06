"""The counts of an audit, for one part of a log or for all, and the few outputs that are kept as samples.

It must not know where the judgements came from. Law: adding parts in any order gives the same counts, and no log
makes them large: names and days beyond a limit are counted together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wireproto.audit.judging import FAILURES, SUCCESSES, UNKNOWN, Excerpt, Judgement

OTHERS = "(others)"
NO_DAY = "(no date)"
KEPT = 5  # samples of each label
NAMED = 20  # records that could not be read and are named
# A log may hold names that a model made up, each another one: a counter must not grow with the log.
_LIMIT = 2_000


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """Where an output is, in numbers: the file, its part, the line or row in the part, the output in that."""

    file: int
    part: int
    line: int
    output: int = 0


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that could not be read, and why."""

    location: Location
    reason: str


@dataclass(frozen=True, slots=True)
class Sample:
    """An output that is kept, to be looked at."""

    location: Location
    label: str
    codes: tuple[str, ...]
    badness: int
    excerpt: Excerpt

    @property
    def order(self) -> tuple[int, Location]:
        """The key to sort by: the worst first."""
        return -self.badness, self.location


@dataclass(slots=True)
class Counts:
    """The counts. `calls` and `failures` are by tool, `days` are labels by day."""

    records: int = 0
    outputs: int = 0
    characters: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    dialects: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    days: dict[str, Counter[str]] = field(default_factory=dict)
    unread: int = 0
    named: list[Unread] = field(default_factory=list)
    worst: dict[str, list[Sample]] = field(default_factory=dict)

    def add(self, judgement: Judgement, location: Location, day: str) -> None:
        """Count an output."""
        self.outputs += 1
        self.characters += judgement.size
        self.labels[judgement.label] += 1
        _count(self.codes, judgement.codes)
        _count(self.dialects, [judgement.dialect] if judgement.dialect else [])
        _count(self.calls, judgement.calls)
        _count(self.failures, judgement.failures)
        self._day(day or NO_DAY)[judgement.label] += 1
        if judgement.excerpt is not None:
            sample = Sample(location, judgement.label, judgement.codes, judgement.badness, judgement.excerpt)
            self._keep(judgement.label, [sample])

    def miss(self, location: Location, reason: str) -> None:
        """Count a record that could not be read."""
        self.unread += 1
        if len(self.named) < NAMED:
            self.named.append(Unread(location, reason))

    def merge(self, other: Counts) -> None:
        """Add the counts of another part."""
        self.records += other.records
        self.outputs += other.outputs
        self.characters += other.characters
        self.unread += other.unread
        self.named = sorted(self.named + other.named, key=lambda unread: unread.location)[:NAMED]
        self.labels.update(other.labels)
        for mine, theirs in (
            (self.codes, other.codes),
            (self.dialects, other.dialects),
            (self.calls, other.calls),
            (self.failures, other.failures),
        ):
            for name, count in theirs.items():
                _count(mine, [name], count)
        for day, labels in other.days.items():
            self._day(day).update(labels)
        for label, samples in other.worst.items():
            self._keep(label, samples)

    @property
    def failed(self) -> int:
        """How many outputs failed."""
        return failed(self.labels)

    @property
    def tried(self) -> int:
        """How many outputs called a tool or tried to."""
        return tried(self.labels)

    @property
    def rate(self) -> float:
        """The share of failures among the outputs that called a tool or tried to; 0 if none did."""
        return rate(self.labels)

    @property
    def unread_rate(self) -> float:
        """The share of records that could not be read; 0 if there are none."""
        return self.unread / self.records if self.records else 0.0

    @property
    def tools(self) -> list[str]:
        """The tools of calls and of failures: those with the most failures first, then those with the most calls."""
        names = {*self.calls, *self.failures} - {UNKNOWN, OTHERS}
        return sorted(names, key=lambda name: (-self.failures[name], -self.calls[name], name))

    def _day(self, day: str) -> Counter[str]:
        if day not in self.days and len(self.days) >= _LIMIT:
            day = OTHERS
        return self.days.setdefault(day, Counter())

    def _keep(self, label: str, samples: Iterable[Sample]) -> None:
        kept = [*self.worst.get(label, ()), *samples]
        self.worst[label] = sorted(kept, key=lambda sample: sample.order)[:KEPT]


def failed(labels: Mapping[str, int]) -> int:
    """Return how many outputs of these labels failed."""
    return sum(labels.get(label, 0) for label in FAILURES)


def tried(labels: Mapping[str, int]) -> int:
    """Return how many outputs of these labels called a tool or tried to."""
    return failed(labels) + sum(labels.get(label, 0) for label in SUCCESSES)


def rate(labels: Mapping[str, int]) -> float:
    """Return the share of failures among the outputs that called a tool or tried to; 0 if none did."""
    return failed(labels) / tried(labels) if tried(labels) else 0.0


def _count(counter: Counter[str], names: Iterable[str], by: int = 1) -> None:
    for name in names:
        counter[name if name in counter or len(counter) < _LIMIT else OTHERS] += by
