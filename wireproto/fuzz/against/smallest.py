"""An output that is read wrongly, made smaller while it is read wrongly in the same way.

What was written is made smaller as a message and written again, so that what is right stays known; of a damaged output
the text is. It must not know who reads. Law: the result is read wrongly in the same way; the effort is bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from wireproto.fuzz.against.disagreements import CHUNKS, Example
from wireproto.fuzz.against.questions import NAMES, Question, required, rewritten
from wireproto.testing.generators.trials import Trial
from wireproto.testing.shrinking import shrink
from wireproto.values.model import Message

Judge = Callable[[Question], Iterator[Example]]
_SECONDS: Final = 6.0  # for one example


def smallest(example: Example, judge: Judge) -> Example:
    """Return the smallest example found; `judge` yields in which ways an output is read wrongly."""
    search = _Smallest(example, judge)
    if example.question.message is not None:
        shrink(Trial("", message=example.question.message), search.shows_message, _SECONDS)
    if example.question.message is None or example.manner == CHUNKS:
        shrink(search.best.question.trial, search.shows_text, _SECONDS)
    return search.best


class _Smallest:
    """The smallest example so far."""

    def __init__(self, example: Example, judge: Judge) -> None:
        self.best = example
        self._judge = judge
        self._until = time.monotonic() + _SECONDS
        self._strange = _strange(example)

    def shows_text(self, trial: Trial) -> bool:
        """Keep a text in other chunks if it is smaller and shows the same; of a damaged output also another text."""
        found = self.best.question
        if found.message is not None and trial.text != found.trial.text:
            return False
        # With other tools, or another end, it would be another question.
        asked = replace(found.trial, text=trial.text, chunks=trial.chunks or (trial.text,))
        return self._shows(replace(found, trial=asked))

    def shows_message(self, trial: Trial) -> bool:
        """Keep what is written for a message if it is smaller and shows the same."""
        message = trial.message or Message()
        if any(required(call.name) - call.arguments.keys() for call in message.calls):
            return False
        found = rewritten(self.best.question, message)
        return found is not None and self._shows(found)

    def _shows(self, found: Question) -> bool:
        if time.monotonic() > self._until:
            return False
        example = next((each for each in self._judge(found) if each.kind == self.best.kind), None)
        # A tool that nobody declared would be another story.
        if example is None or example.size >= self.best.size or not _strange(example) <= self._strange:
            return False
        self.best = example
        return True


def _strange(example: Example) -> set[str]:
    """Return the names of calls that no tool has."""
    return {call.name for read in (example.expected, example.found) for call in read.calls} - NAMES
