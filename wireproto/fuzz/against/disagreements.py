"""Two readings of one output compared: in which ways they disagree.

It must not know which of the two is right, nor where they came from. Law: two readings that say the same agree,
however they write it: numbers by value, members in any order, text up to blanks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wireproto.fuzz.against.peers import FoundCall, Parsed
from wireproto.fuzz.against.questions import Question
from wireproto.text.json_safe import equal
from wireproto.values.model import Message

LOST, PHANTOM, VALUE, FINISHED = "call-lost", "phantom-call", "value-differs", "cut-call-finished"
TEXT_LOST, TEXT_ADDED, REASONING, STREAM = "text-lost", "text-added", "reasoning-differs", "stream-differs"
# Each with a sentence, in the order in which they are shown.
KINDS: Final = {
    "crash": "The parser died.",
    "time-out": "The parser gave no answer in time.",
    "garbage": "What it answered is no answer.",
    "refused": "The parser gave up with an error of its own.",
    LOST: "A call is missing.",
    PHANTOM: "A call that is not there.",
    VALUE: "A call has other arguments.",
    FINISHED: "A call that was cut off is reported as if it were whole.",
    TEXT_LOST: "The calls agree, but text is missing.",
    TEXT_ADDED: "The calls agree, but there is more text, such as markup.",
    REASONING: "The calls agree, but not what is reasoning.",
    STREAM: "In chunks it reads something else than in one piece.",
}
WHOLE, CHUNKS = "whole", "chunks"


@dataclass(frozen=True, slots=True)
class Example:
    """An output on which the readings disagree; `manner`: whether it came whole or in chunks."""

    question: Question
    kind: str
    manner: str
    expected: Parsed
    found: Parsed

    @property
    def size(self) -> tuple[int, int, str]:
        """What makes one example smaller than another: the text, then the number of chunks."""
        trial = self.question.trial
        return len(trial.text), len(trial.chunks) if self.manner == CHUNKS else 0, trial.text


def of_message(message: Message) -> Parsed:
    """Return a message of ours as a reading."""
    calls = tuple(FoundCall(call.name, dict(call.arguments), call.complete) for call in message.calls)
    return Parsed(calls, message.text, message.reasoning)


def disagreements(expected: Parsed, found: Parsed) -> list[str]:
    """Return in which ways `found` differs from what was expected; of texts only if all calls agree."""
    if found.failure:
        return [found.failure] if found.failure in KINDS else []
    kinds = list(dict.fromkeys(_of_calls(expected.calls, found.calls)))
    return kinds or list(_of_texts(expected, found))


def differ(whole: Parsed, chunked: Parsed) -> bool:
    """Return whether a parser reads an output in chunks otherwise than in one piece."""
    if whole.failure or chunked.failure:
        return {whole.failure, chunked.failure} == {"", "refused"}
    calls = len(whole.calls) == len(chunked.calls) and all(map(_same_call, whole.calls, chunked.calls))
    return not calls or any(
        _bare(one) != _bare(other)
        for one, other in ((whole.text, chunked.text), (whole.reasoning, chunked.reasoning))
        if one is not None and other is not None
    )


def _of_calls(expected: tuple[FoundCall, ...], found: tuple[FoundCall, ...]) -> Iterator[str]:
    ours, theirs = _without_same(expected, found)
    for call in theirs:
        partner = next((it for it in ours if it.name == call.name), None)
        if partner is not None:
            ours.remove(partner)
        if not call.complete:
            # It says itself that this is no call to execute.
            if partner is not None and partner.complete:
                yield LOST
        elif partner is None:
            yield PHANTOM
        else:
            yield VALUE if partner.complete else FINISHED
    if any(call.complete for call in ours):
        yield LOST


def _without_same(
    expected: tuple[FoundCall, ...], found: tuple[FoundCall, ...]
) -> tuple[list[FoundCall], list[FoundCall]]:
    """Return the calls of both without those that are in both."""
    ours, theirs = list(expected), []
    for call in found:
        partner = next((it for it in ours if _same_call(it, call)), None)
        if partner is None:
            theirs.append(call)
        else:
            ours.remove(partner)
    return ours, theirs


def _of_texts(expected: Parsed, found: Parsed) -> Iterator[str]:
    if found.text is not None and expected.text is not None:
        ours, theirs = _bare(expected.text), _bare(found.text)
        if ours != theirs:
            yield TEXT_LOST if not _contains(theirs, ours) else TEXT_ADDED
    if found.reasoning is not None and expected.reasoning is not None:
        ours, theirs = _bare(expected.reasoning), _bare(found.reasoning)
        if ours != theirs:
            yield REASONING


def _contains(text: str, part: str) -> bool:
    """Return whether all characters of `part` are in the text, in their order."""
    characters = iter(text)
    return all(character in characters for character in part)


def _bare(text: str | None) -> str:
    return "".join((text or "").split())


def _same_call(one: FoundCall, other: FoundCall) -> bool:
    if one.name != other.name or one.complete != other.complete:
        return False
    return not one.complete or equal(one.arguments, other.arguments)
