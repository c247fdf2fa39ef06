"""A run: outputs by number handed to processes, what broke counted, and each kind made small at the end.

A process that takes too long for one output is killed; that output is drawn and judged once more alone, so that a busy
machine is no finding. It must not know laws or dialects. Law: each output is counted once, whatever breaks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any, Final

from wireproto.fuzz.cases import Case, case_of, label_of, trial_of
from wireproto.fuzz.children import STARTING, Asker, Child, FuzzError, Gone, Inbox
from wireproto.fuzz.findings import Breakage, Tally, kind_of
from wireproto.fuzz.plan import Key, Plan
from wireproto.fuzz.work import DrawCase, Free, JudgeBlock, JudgeCase, Judged, Trying, begin, law_to_ask, unanswered
from wireproto.testing.generators.trials import Trial
from wireproto.testing.shrinking import shrink

BLOCK: Final = 32  # outputs that a process gets at a time
# A decoder that never ends does so on most outputs, and each of them costs the limit.
MOST_HUNG: Final = 8
_LOOK: Final = 0.2  # seconds between two looks at what takes too long
SMALLER: Final = 20.0  # seconds for one finding
_SHARE: Final = 0.1  # of the limit, that a case which takes too long may take while it is made smaller

Watch = Callable[[Tally], None]


@dataclass
class _Task:
    """What a child is at: an output, the end of its block, and when something has to be heard of it."""

    key: Key
    stop: int
    until: float
    ready: bool = False


class Runner:
    """Runs a plan in so many processes."""

    def __init__(self, plan: Plan, jobs: int) -> None:
        self.plan, self.tally = plan, Tally()
        self._silence = silence(plan.limit)
        self._jobs = jobs
        self._inbox: Inbox = SimpleQueue()
        self._tasks: dict[Child, _Task] = {}
        self._blocks: Iterator[tuple[int, int]] = iter(())
        self._suspects: list[Key] = []
        self._hung = 0

    def run(self, runs: int | None, seconds: float | None, watch: Watch = lambda tally: None) -> Tally:
        """Judge so many outputs, or as many as there is time for; then make what was found small.

        An interrupt from the keyboard ends the drawing; what was found until then is returned.

        Raises:
            FuzzError: no process can be started.
        """
        self._blocks = self._every(runs)
        started = time.monotonic()
        try:
            for _ in range(self._jobs):
                self._hire(next(self._blocks, None))
            while self._tasks and self._goes_on(runs, seconds):
                self._listen()
                self.tally.seconds = time.monotonic() - started
                watch(self.tally)
        except KeyboardInterrupt:
            self.tally.interrupted = True
        finally:
            self._dismiss()
        try:
            self._confirm()
            make_small(self.plan, self.tally, self._jobs)
        except KeyboardInterrupt:
            self.tally.interrupted = True  # what was found is as it was drawn
        return self.tally

    def _goes_on(self, runs: int | None, seconds: float | None) -> bool:
        return (runs is None or self.tally.outputs < runs) and (seconds is None or self.tally.seconds < seconds)

    # --- children -----------------------------------------------------------------------------------------------------

    def _every(self, runs: int | None) -> Iterator[tuple[int, int]]:
        """Yield blocks of numbers: where each starts, and one behind its end."""
        for start in count(0, BLOCK) if runs is None else range(0, runs, BLOCK):
            yield start, start + BLOCK if runs is None else min(start + BLOCK, runs)

    def _hire(self, block: tuple[int, int] | None) -> None:
        """Start a child and give it a block, if there is one left."""
        if block is not None:
            self._tasks[self._start(*block)] = _Task(block[0], block[1], time.monotonic() + STARTING)

    def _start(self, start: int, stop: int) -> Child:
        child = Child(self._inbox, begin, self.plan)
        child.send(JudgeBlock(start, stop))
        return child

    def _listen(self) -> None:
        """Take one message, if there is one, and look for those that are late."""
        try:
            child, said = self._inbox.get(timeout=_LOOK)
        except Empty:
            pass
        else:
            if child in self._tasks:  # and not one that was killed in the meantime
                self._take(child, self._tasks[child], said)
        now = time.monotonic()
        for child, task in [*self._tasks.items()]:
            if now > task.until:
                self._replace(child, task)

    def _take(self, child: Child, task: _Task, said: Any) -> None:
        if isinstance(said, Gone) and not task.ready:
            raise FuzzError(f"a process does not start: {said.why}")
        task.ready = True
        task.until = time.monotonic() + self._silence
        if isinstance(said, Judged):
            self.tally.add(self.plan.subjects[self.plan.subject(task.key)].label, said.laws, said.broken, task.key)
            if said.broken is not None and said.seconds > self.plan.limit:
                self._late()
            if isinstance(task.key, int):
                task.key += 1
        elif isinstance(said, Trying):
            task.key = said.key
        elif isinstance(said, Gone):
            self._replace(child, task)
        elif isinstance(said, Free):
            self._go_on(child, task)

    def _go_on(self, child: Child, task: _Task) -> None:
        block = next(self._blocks, None)
        if block is None:
            child.kill()
            del self._tasks[child]
            return
        child.send(JudgeBlock(*block))
        task.key, task.stop = block

    def _replace(self, child: Child, task: _Task) -> None:
        """Let another child go on behind the output that this one did not come back from."""
        child.kill()
        del self._tasks[child]
        self._suspects.append(task.key)
        rest = (task.key + 1, task.stop) if isinstance(task.key, int) and task.key + 1 < task.stop else None
        self._hire(rest or next(self._blocks, None))
        self._late()

    def _late(self) -> None:
        """Count an output that took too long, and end the run where there are too many."""
        self._hung += 1
        if self._hung >= MOST_HUNG:
            self.tally.note = f"ended early: {MOST_HUNG} outputs took over {self.plan.limit:g} s or ended their process"
            self._dismiss()

    def _dismiss(self) -> None:
        for child in self._tasks:
            child.kill()
        self._tasks.clear()

    def _confirm(self) -> None:
        """Draw and judge each suspect again, with nothing beside it."""
        with Asker(begin, self.plan) as asker:
            for key in sorted(self._suspects, key=repr):
                subject = self.plan.subjects[self.plan.subject(key)]
                case = asker.ask(DrawCase(key), 2 * self._silence)
                if isinstance(case, Gone):
                    # Not even its text is known: it is the dialect's writer that does not come back.
                    said = Judged((), unanswered(subject.mark({"text": ""}), case, "while it was drawn"))
                else:
                    said = judged(asker, case, self.plan.limit)
                self.tally.add(subject.label, said.laws, said.broken, key)


# --- what was found ---------------------------------------------------------------------------------------------------


def silence(limit: float) -> float:
    """Return how many seconds may pass before something has to be heard of an output.

    A child stops a decoder itself, by CPU time; this is for what it cannot stop, and an output is decoded some times.
    """
    return 4 * limit + 1


def make_small(plan: Plan, tally: Tally, jobs: int) -> None:
    """Make the case of each finding as small as can be in bounded time."""
    found = tally.ordered()
    if not found:
        return
    pool = ThreadPoolExecutor(jobs)
    try:
        for finding, case in zip(found, pool.map(partial(_smaller, plan), found), strict=True):
            finding.case = case
    finally:
        pool.shutdown(cancel_futures=True)


def _smaller(plan: Plan, finding: Breakage) -> Case:
    with Asker(begin, plan) as asker:

        def breaks(case: Case, limit: float) -> Case | None:
            broken = judged(asker, case, limit, law_to_ask(finding.case)).broken
            return broken if broken is not None and kind_of(broken) == finding.kind else None

        started = time.monotonic()
        first = breaks(finding.case, plan.limit)
        # What takes too long costs that much at each question, so it is stopped sooner.
        slow = time.monotonic() - started > plan.limit
        limit = plan.limit * _SHARE if slow else plan.limit
        subject = {key: finding.case[key] for key in ("dialect", "salt") if key in finding.case}

        def is_broken(trial: Trial) -> bool:
            return breaks(subject | case_of(trial), limit) is not None

        smaller = shrink(trial_of(finding.case), is_broken, SMALLER)
        return breaks(subject | case_of(smaller), plan.limit) or first or finding.case


def judged(asker: Asker, case: Case, limit: float, law: int | None = None) -> Judged:
    """Return what a child says of a case, or that it did not come back."""
    said = asker.ask(JudgeCase(case, limit, law), silence(limit))
    return Judged((), unanswered(case, said)) if isinstance(said, Gone) else said


def replay(plan: Plan, cases: Iterable[Case], watch: Watch = lambda tally: None) -> Tally:
    """JudgeCase saved cases again, one after the other.

    Raises:
        FuzzError: no process can be started.
    """
    tally, started = Tally(), time.monotonic()
    with Asker(begin, plan) as asker:
        for number, case in enumerate(cases):
            said = judged(asker, case, plan.limit)
            tally.add(label_of(case), said.laws, said.broken, number)
            tally.seconds = time.monotonic() - started
            watch(tally)
    return tally
