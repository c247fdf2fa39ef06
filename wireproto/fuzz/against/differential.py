"""Another parser held against ours, or against what was written: disagreements counted by kind, the smallest of each.

Where the output was written from a message, that message is what is right, for the other parser and for ours alike.
Where it was damaged, nobody knows, and there is only disagreement with our reading: the two are never added up. It must
not know any parser. Law: the same seed and a parser that answers the same give the same counts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from wireproto.decode.decoder import parse
from wireproto.format.dialect import Dialect
from wireproto.fuzz.against.disagreements import CHUNKS, STREAM, WHOLE, Example, differ, disagreements, of_message
from wireproto.fuzz.against.peers import SECONDS, SKIPPED, Hello, Parsed, Peer, PeerError
from wireproto.fuzz.against.questions import BASES, DAMAGED, Question, question
from wireproto.fuzz.against.smallest import Judge, smallest

_BATCH: Final = 60  # outputs


@dataclass(slots=True)
class Score:
    """The counts for one dialect and one kind of outputs; of disagreements by kind, and an output may have several.

    `agreed`: outputs without any; `skipped`: those that the parser did not want. `whole` and `chunks`: how the outputs
    came. `ours`: where our own reading is not what was written.
    """

    outputs: int = 0
    agreed: int = 0
    skipped: int = 0
    whole: Counter[str] = field(default_factory=Counter)
    chunks: Counter[str] = field(default_factory=Counter)
    ours_wrong: int = 0
    ours: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Example] = field(default_factory=dict)
    our_examples: dict[str, Example] = field(default_factory=dict)

    @property
    def disagreed(self) -> int:
        """The outputs with a disagreement, whole or in chunks."""
        return self.outputs - self.agreed - self.skipped

    @property
    def judged(self) -> int:
        """The outputs that the parser read."""
        return self.outputs - self.skipped


@dataclass(slots=True)
class Comparison:
    """What came out, by dialect and kind of outputs; `stopped` says why it ended early."""

    hello: Hello
    command: str
    seed: str
    limit: float
    scores: dict[tuple[str, str], Score] = field(default_factory=dict)
    starts: int = 1
    seconds: float = 0.0
    stopped: str = ""
    interrupted: bool = False

    @property
    def outputs(self) -> int:
        """How many outputs both parsers were asked about."""
        return sum(score.outputs for score in self.scores.values())

    @property
    def wrong(self) -> int:
        """How many outputs the parser read otherwise than they were written."""
        return sum(score.disagreed for (_, basis), score in self.scores.items() if basis != DAMAGED)

    @property
    def disagreed(self) -> int:
        """On how many damaged outputs the parsers disagree."""
        return sum(score.disagreed for (_, basis), score in self.scores.items() if basis == DAMAGED)

    @property
    def dialects(self) -> list[str]:
        """The dialects, in the order in which they were asked for."""
        return list(dict.fromkeys(name for name, _ in self.scores))


Progress = Callable[[Comparison], None]


def against(
    command: str | Sequence[str],
    dialects: Sequence[Dialect],
    runs: int | None = 3_000,
    seconds: float | None = None,
    seed: str = "0",
    limit: float = SECONDS,
    progress: Progress = lambda found: None,
) -> Comparison:
    """Ask another parser about outputs of these dialects, each whole and in chunks.

    `runs`: how many outputs; `seconds`: for how long; `limit`: how long one answer may take.

    Raises:
        PeerError: the command does not start, or reads none of the dialects.
    """
    with Peer(command, limit) as peer:
        started = time.monotonic()
        known = peer.hello.dialects
        asked = [each for each in dialects if not known or each.name in known]
        if not asked:
            raise PeerError(f"{peer.hello.name} reads none of these dialects, but {', '.join(sorted(known))}")
        shown = command if isinstance(command, str) else " ".join(command)
        found = Comparison(peer.hello, shown, seed, limit)
        found.scores = {(each.name, basis): Score() for each in asked for basis in BASES}
        try:
            for batch in _batches(asked, runs, None if seconds is None else started + seconds, seed):
                _take(found, peer, batch)
                progress(found)
            for score in found.scores.values():
                _minimise(score.examples, partial(_faults, peer))
                _minimise(score.our_examples, _our_faults)
        except PeerError as error:
            found.stopped = str(error)
        except KeyboardInterrupt:
            found.stopped, found.interrupted = "interrupted from the keyboard", True
        found.starts, found.seconds = peer.starts, time.monotonic() - started
    return found


def _batches(dialects: Sequence[Dialect], runs: int | None, until: float | None, seed: str) -> Iterator[list[Question]]:
    number = 0
    while (runs is None or number < runs) and (not number or until is None or time.monotonic() < until):
        stop = number + _BATCH if runs is None else min(runs, number + _BATCH)
        yield [_numbered(dialects, seed, each) for each in range(number, stop)]
        number = stop


def _numbered(dialects: Sequence[Dialect], seed: str, number: int) -> Question:
    rest, dialect = divmod(number, len(dialects))
    rest, basis = divmod(rest, len(BASES))
    return question(dialects[dialect], (*BASES,)[basis], seed, rest)


def _take(comparison: Comparison, peer: Peer, batch: list[Question]) -> None:
    for found, answers in zip(batch, _ask(peer, batch), strict=True):
        score = comparison.scores[found.dialect.name, found.basis]
        score.outputs += 1
        if all(each.failure == SKIPPED for each in answers.values()):
            score.skipped += 1
            continue
        every, ours = [*_compared(found, answers)], [*_our_faults(found)]
        score.agreed += not every
        score.ours_wrong += bool(ours)
        for example in every:
            (score.whole if example.manner == WHOLE else score.chunks)[example.kind] += 1
            _keep(score.examples, example)
        for example in ours:
            score.ours[example.kind] += 1
            _keep(score.our_examples, example)


def _keep(examples: dict[str, Example], example: Example) -> None:
    before = examples.get(example.kind)
    examples[example.kind] = example if before is None else min(before, example, key=lambda each: each.size)


def _minimise(examples: dict[str, Example], judge: Judge) -> None:
    for kind, example in examples.items():
        examples[kind] = smallest(example, judge)


# --- one output -------------------------------------------------------------------------------------------------------


def request(found: Question, id: str, manner: str) -> dict[str, Any]:
    """Return what a parser is asked about an output."""
    trial = found.trial
    return {
        "id": id,
        "dialect": found.dialect.name,
        "tools": list(trial.tools or ()),
        "chunks": list(trial.chunks) if manner == CHUNKS else [trial.text],
        "stream": manner == CHUNKS,
        "finish_reason": trial.finish_reason,
        "reasoning_open": trial.reasoning_open,
    }


def _ask(peer: Peer, outputs: Sequence[Question]) -> Iterator[dict[str, Parsed]]:
    """Yield what the parser reads in each output, by manner."""
    found = peer.ask(
        [request(each, f"{at}-{manner}", manner) for at, each in enumerate(outputs) for manner in (WHOLE, CHUNKS)]
    )
    for whole in found:
        yield {WHOLE: whole, CHUNKS: next(found)}


def _ours(found: Question) -> Parsed:
    trial = found.trial
    return of_message(parse(trial.text, found.dialect, tools=trial.tools, finish_reason=trial.finish_reason))


def _faults(peer: Peer, found: Question) -> Iterator[Example]:
    """Yield in which ways the parser is wrong about an output, or disagrees with us."""
    return _compared(found, next(_ask(peer, [found])))


def _our_faults(found: Question) -> Iterator[Example]:
    """Yield in which ways our own reading is not what was written."""
    if found.message is not None:
        expected, ours = of_message(found.message), _ours(found)
        yield from (Example(found, kind, WHOLE, expected, ours) for kind in disagreements(expected, ours))


def _compared(found: Question, answers: dict[str, Parsed]) -> Iterator[Example]:
    expected = _ours(found) if found.message is None else of_message(found.message)
    for manner, read in answers.items():
        yield from (Example(found, kind, manner, expected, read) for kind in disagreements(expected, read))
    if differ(answers[WHOLE], answers[CHUNKS]):
        yield Example(found, STREAM, CHUNKS, answers[WHOLE], answers[CHUNKS])
