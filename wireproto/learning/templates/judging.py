"""A dialect held to what its template writes: random calls, earlier turns, text, reasoning and results.

It must not know formats. Law: a count is of texts that the template wrote in this run; what `encode` refuses is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wireproto.decode.decoder import parse
from wireproto.format.dialect import Dialect
from wireproto.learning.comparing import common_start
from wireproto.learning.findings import NAME, Ids, Unreadable
from wireproto.learning.templates.calls import Layout
from wireproto.learning.templates.chat import CONTENT, Chat
from wireproto.learning.templates.chat import Call as Given
from wireproto.learning.templates.chat import results as result_messages
from wireproto.learning.templates.reasoning import Thinking
from wireproto.learning.templates.results import Answers
from wireproto.learning.templates.trials import TrialCalls, trial_tools
from wireproto.tools.toolset import Toolset
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call, Message
from wireproto.write.encoder import encode
from wireproto.write.results import ToolResult, render_results

_TRIALS: Final = 150
_EARLIER: Final = 12
_THOUGHTS: Final = "I think\nso."
_UNREADABLE: Final[Mapping[Unreadable, str]] = {
    "escapes": "strings that the template does not escape",
    "null": "null, which the template leaves out",
}


@dataclass(frozen=True, slots=True)
class Held:
    """How many of how many; `example` shows one that is missing."""

    good: int = 0
    of: int = 0
    example: str = ""

    @property
    def holds(self) -> bool:
        """Whether all are good."""
        return self.good == self.of

    def plus(self, good: bool, example: str = "") -> Held:
        """Return the tally with one more."""
        return Held(self.good + good, self.of + 1, self.example or ("" if good else example))


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How far a dialect holds. `written`: to the byte. `read`: back, nothing left over. `corners`: every call that is
    not written to the byte holds one of these. `refused`: calls that `encode` does not write.
    """

    written: Held = Held()
    read: Held = Held()
    corners: tuple[str, ...] = ()
    refused: int = 0
    history: Held = Held()
    reasoning: Held = Held()
    results: Held = Held()

    @property
    def label(self) -> str:
        """The score in a word: exact, last turn, corners, read, or wrong."""
        if not self.read.of or not self.read.holds:
            return "wrong"
        if self.written.holds and not self.corners:
            return "exact" if self.history.holds else "last turn"
        return "corners" if self.corners else "read"


@dataclass(frozen=True, slots=True)
class Examiner:
    """A template, what was learned of it, and the dialect that has to hold.

    `unreadable` are the kinds of values that the template writes so that nothing could read them: they are not tried.
    `untold`: values in objects and arrays do not show their types, so those that are tried have declared ones.
    """

    chat: Chat
    layout: Layout
    dialect: Dialect
    ids: Ids
    unreadable: frozenset[Unreadable] = frozenset()
    untold: bool = False

    @property
    def tools(self) -> Toolset:
        """The tools of the calls that are tried."""
        return trial_tools(self.untold)

    def score(self, thinking: Thinking | None, answers: Answers | None, trials: int = _TRIALS) -> Fidelity:
        """Return how far the dialect holds."""
        found = self._calls(trials)
        history = self._history()
        reasoning = self._reasoning() if thinking is not None and thinking.shown else Held()
        return replace(found, history=history, reasoning=reasoning, results=self._results(answers))

    def _given(self, calls: Sequence[Call]) -> list[Given]:
        chat = self.chat
        return [
            (call.name, call.arguments, (not chat.id_form and call.id) or chat.identity(index, call.name))
            for index, call in enumerate(calls)
        ]

    def body(self, calls: Sequence[Call]) -> str | None:
        """Return what the template writes of calls, without the frame of the turn."""
        return self.layout.turn.body(self.chat.calls(self._given(calls)))

    def _encoded(self, calls: Sequence[Call]) -> str | None:
        try:
            return encode(calls, self.dialect, self.tools)
        except EncodeError:
            return None

    def drawn(self, seed: int) -> TrialCalls:
        """Return what draws calls that can be tried."""
        return TrialCalls(self.dialect, seed, self.unreadable, self.untold)

    def _calls(self, trials: int) -> Fidelity:
        draw, most = self.drawn(7), 1 if self.layout.single else 3
        written, read, refused = Held(), Held(), 0
        corners: set[str] = set()
        unexplained = False
        for _ in range(trials):
            calls = draw.calls(most, self.ids)
            text = self.chat.calls(self._given(calls))
            if text is None:
                read = read.plus(False, f"the template refuses {calls!r:.200}")
                continue
            try:
                ours = encode(calls, self.dialect, self.tools)
            except EncodeError:
                refused += 1
                continue
            body = self.layout.turn.body(text)
            same = body == ours
            body = text if body is None else body
            written = written.plus(same, _difference(body, ours))
            read = read.plus(*self._reads(body, calls))
            if not same:
                found = _corners(calls)
                corners |= found
                unexplained = unexplained or not found
        corners.update(_UNREADABLE[kind] for kind in self.unreadable)
        if refused * 5 > trials:
            corners.add("values that encode refuses")
        return Fidelity(written, read, () if unexplained else tuple(sorted(corners)), refused)

    def _reads(self, text: str, calls: Sequence[Call]) -> tuple[bool, str]:
        back = parse(text, self.dialect, self.tools)
        good = _same_calls(back, calls) and not back.text.strip()
        return good, f"{text!r:.200} is read as {back.calls!r:.200}, text {back.text!r:.200}"

    def _history(self) -> Held:
        """Hold the dialect to calls in a turn before the last."""
        tally = Held()
        for seed in range(_EARLIER):
            calls = self.drawn(seed).calls(1 if self.layout.single else 3, self.ids)
            given = self._given(calls)
            more = [*result_messages(given, ["42"] * len(given)), {"role": "assistant", "content": CONTENT}]
            try:
                ours = encode(calls, self.dialect, self.tools)
            except EncodeError:
                continue
            text = self.chat.calls(given, more) or ""
            # Some templates write ids in earlier turns alone.
            named = [replace(call, id=identity) for call, (_, _, identity) in zip(calls, given, strict=True)]
            held = ours in text or (self.ids == "none" and (self._encoded(named) or "\0") in text)
            tally = tally.plus(held, f"in an earlier turn {text!r:.200}, not {ours!r:.200}")
        return tally

    def _reasoning(self) -> Held:
        assert self.dialect.reasoning is not None
        call = Call(NAME, {"s": "two\nlines"})
        text = self.chat.calls([self.chat.call(0, call.arguments)], thought=_THOUGHTS)
        if text is None or _THOUGHTS not in text:
            return Held(0, 1, "the template drops it")
        at = text.index(_THOUGHTS)
        opener = text.rfind(self.dialect.reasoning.open, 0, at)
        start = opener if opener >= 0 else at - (len(text[:at]) - len(text[:at].rstrip()))
        body = text[start : len(text) - len(self.layout.turn.end)]
        back = parse(body, self.dialect, self.tools, reasoning_open=opener < 0)
        good = back.reasoning.strip() == _THOUGHTS and _same_calls(back, [call]) and not back.text.strip()
        return Held().plus(
            good,
            f"{body!r:.200} is read as reasoning {back.reasoning!r:.200}, text {back.text!r:.200}",
        )

    def _results(self, answers: Answers | None) -> Held:
        tally = Held()
        for count in (1, 2, 3) if answers is not None and answers.table else ():
            assert answers is not None
            calls = [self.chat.call(index, {"s": "x"}) for index in range(count)]
            bodies = [f"42\nbytes {index}" for index in range(count)]
            text = self.chat.calls(calls, result_messages(calls, bodies)) or ""
            # Where the template makes ids of its own, `render_results` does too.
            ways = (True, False) if self.ids in ("named", "counted") else (True,)
            ours = [answers.lead + self._told(calls, bodies, way) + answers.end for way in ways]
            tally = tally.plus(any(map(text.endswith, ours)), _difference(text[-len(ours[0]) :], ours[0]))
            if self.layout.single:
                break
        return tally

    def _told(self, calls: Sequence[Given], bodies: Sequence[str], has_ids: bool) -> str:
        parts = zip(calls, bodies, strict=True)
        told = [ToolResult(name, body, identity if has_ids else None) for (name, _, identity), body in parts]
        try:
            return render_results(told, self.dialect)
        except EncodeError as error:
            return f"({error})"


def _same_calls(back: Message, calls: Sequence[Call]) -> bool:
    """Return whether these calls came back whole; some templates write members in an order of their own."""
    read = [(call.name, json.dumps(call.arguments, sort_keys=True), call.complete) for call in back.calls]
    return read == [(call.name, json.dumps(call.arguments, sort_keys=True), True) for call in calls]


def _corners(calls: Sequence[Call]) -> set[str]:
    values = [value for call in calls for value in call.arguments.values()]
    found = {
        "null": None in values,
        "no arguments": not all(call.arguments for call in calls),
        "no ASCII": not json.dumps([call.arguments for call in calls], ensure_ascii=False).isascii(),
    }
    return {corner for corner, holds in found.items() if holds}


def _difference(template: str, ours: str) -> str:
    at = max(0, common_start(template, ours) - 30)
    return f"the template writes {template[at : at + 80]!r:.200}, the dialect {ours[at : at + 80]!r:.200}"
