"""What a child of a run does: it draws outputs, holds each to the laws, and says what broke.

It must not know how many children there are. Law: a judgement depends on the case alone, whatever was judged before.
"""

from __future__ import annotations

import os
import re
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wireproto.fuzz.cases import Case, case_of, trial_of
from wireproto.fuzz.children import HUNG, Gone, Say, Work
from wireproto.fuzz.codecs import use_codec
from wireproto.fuzz.plan import Key, Plan, loaded
from wireproto.testing.decoded import TOTAL, Decoded
from wireproto.testing.growth import LINEAR
from wireproto.testing.law import Law, LawBroken
from wireproto.testing.laws import LAWS
from wireproto.values.quoting import quoted

_HUNG: Final = "no answer in time"
_DIED: Final = "the process ended"
_SHOWN: Final = 300  # characters of what was expected and of what came
_PARTICULAR: Final = re.compile(r"""'[^']*'|"[^"]*"|[0-9]+(?:\.[0-9]+)?""")
_PACKAGES: Final = "site-packages"
_LIBRARY: Final = str(Path(os.__file__).parent)


@dataclass(frozen=True, slots=True)
class JudgeBlock:
    """A task: judge the outputs from `start` up to `stop`, and say `Judged` of each and `Free` at the end."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class DrawCase:
    """A task: say the case that is drawn from `key`."""

    key: Key


@dataclass(frozen=True, slots=True)
class JudgeCase:
    """A task: say `Judged` of a case; `limit` is how many seconds of CPU one decoding may take.

    `law`: the number of the only law to hold it to, since some are dear; None for all.
    """

    case: Case
    limit: float
    law: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What came out: the laws that the output was held to, the case if it broke one, and the seconds of CPU."""

    laws: tuple[str, ...]
    broken: Case | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Trying:
    """The output that is tried next, where the child decides which that is."""

    key: Key


@dataclass(frozen=True, slots=True)
class Free:
    """All of a block is judged."""


def begin(plan: Plan) -> Work:
    """Return what a child works with.

    Raises:
        FuzzError: the codec cannot be loaded.
    """
    use_codec(plan.codec)

    def work(task: Any, say: Say) -> None:
        if isinstance(task, JudgeBlock):
            for key in range(task.start, task.stop):
                say(judge(plan.draw(key), plan.limit, [law for law in LAWS if plan.has_turn(key, law.every)]))
            say(Free())
        elif isinstance(task, DrawCase):
            say(plan.draw(task.key))
        else:
            say(judge(task.case, task.limit, [law for law in LAWS if task.law in (None, law.number)], thorough=True))

    return work


def judge(case: Case, limit: float, laws: Iterable[Law] = LAWS, thorough: bool = False) -> Judged:
    """Hold a case to laws, up to the first that it breaks; `thorough`: decode it in every manner there is."""
    started = time.process_time()
    found = Decoded(loaded(case["dialect"], case.get("salt")), trial_of(case), limit, thorough=thorough)
    held: list[str] = []
    broken = None
    for law in laws:
        try:
            if law.check(found) is not False:
                held.append(f"{law.number} {law.name}")
        except LawBroken as error:
            held.append(f"{error.law.number} {error.law.name}")
            broken = _broken(case, error)
            break
    return Judged(tuple(dict.fromkeys(held)), broken, time.process_time() - started)


def unanswered(case: Case, why: Gone, when: str = "while it was judged") -> Case:
    """Return a case that ended its process, or had to be ended with it."""
    law = {"number": TOTAL.number, "name": TOTAL.name}
    where = f"{_HUNG if why == HUNG else _DIED} {when}"
    return {**case, "law": law, "where": where, "expected": "an answer", "got": why.why}


def law_to_ask(case: Case) -> int | None:
    """Return the number of the law that shows whether a case is still broken; None: any, since it is not known."""
    return None if case["where"].startswith((_HUNG, _DIED)) else case["law"]["number"]


def _broken(case: Case, error: LawBroken) -> Case:
    """Return the case with the law that it broke, where, and what was expected and came."""
    law = {"number": error.law.number, "name": error.law.name}
    facts = {"expected": quoted(error.expected, _SHOWN), "got": quoted(error.got, _SHOWN)}
    # The laws of writing judge what the message is written as; that of time judges the text many times over.
    judged = case if error.law is LINEAR else {**case_of(error.trial), **_subject(case)}
    return {**judged, "law": law, "where": _where(error), **facts}


def _subject(case: Case) -> Case:
    return {key: case[key] for key in ("dialect", "salt") if key in case}


def _where(error: LawBroken) -> str:
    """Return in what respect a law broke, without what is of this text alone; of an exception where it was raised."""
    problem = _PARTICULAR.sub("…", error.problem)
    cause = error.__cause__
    if cause is None:
        return problem
    frames = traceback.extract_tb(cause.__traceback__)
    # What was called of Python's own library is less of a place than what called it.
    ours = [frame for frame in frames if not frame.filename.startswith(_LIBRARY) or _PACKAGES in frame.filename]
    ours = ours or [*frames]
    place = f" in {Path(ours[-1].filename).name}:{ours[-1].name}" if ours else ""
    return f"{problem}: {type(cause).__name__}{place}"
