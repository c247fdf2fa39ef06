"""Makes an example small: the same law is broken, by less text in plainer circumstances.

It must not know what is broken: it asks. Law: what is returned was tried, and was found broken.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from itertools import pairwise
from typing import Any, Final

from wireproto.testing.decoded import Decoded
from wireproto.testing.generators.damage import AnyDialect
from wireproto.testing.generators.tools import declared, without_parameter
from wireproto.testing.generators.trials import Trial
from wireproto.testing.law import Law, LawBroken
from wireproto.values.model import Call, Message
from wireproto.values.policy import Policy

SECONDS: Final = 4.0
ATTEMPTS: Final = 4_000
_PATIENCE: Final = 0.1  # seconds for one decoding: what never ends is tried many times
IsBroken = Callable[[Trial], bool]


def minimise(error: LawBroken, dialect: AnyDialect, seconds: float = SECONDS) -> LawBroken:
    """Return the error of a smaller trial that breaks the same law, found within so many seconds.

    Text and value are cut, halved and stripped of what does not matter, chunks are joined, and circumstances (tools,
    policy, finish reason) are taken back to what is usual, as long as the same law stays broken.

    Example:
        try:
            check_trial(mine, trial)
        except LawBroken as error:
            raise minimise(error, mine) from None
    """
    best = [error]

    def is_broken(trial: Trial) -> bool:
        broken = breaks(error.law, dialect, trial)
        if broken is not None:
            best[0] = broken
        return broken is not None

    shrink(error.trial, is_broken, seconds)
    return best[0]


def breaks(law: Law, dialect: AnyDialect, trial: Trial) -> LawBroken | None:
    """Return how a trial breaks a law; None if it does not, or breaks another."""
    try:
        law.check(Decoded(dialect, trial, _PATIENCE))
    except LawBroken as error:
        return error if error.law is law else None
    return None


def shrink(trial: Trial, is_broken: IsBroken, seconds: float = SECONDS, attempts: int = ATTEMPTS) -> Trial:
    """Return the smallest trial that is found with so many attempts and of which `is_broken` is true.

    `seconds` is the time after which no more is tried; the same trial gives the same result where that is enough.
    """
    search = _Shrinker(trial, is_broken, time.monotonic() + seconds, attempts)
    before = None
    while search.trial != before:
        before = search.trial
        search.simplify()
    return search.trial


class _Shrinker:
    """The smallest trial so far, and the ways to make it smaller; after the deadline nothing is tried any more."""

    def __init__(self, trial: Trial, is_broken: IsBroken, deadline: float, attempts: int) -> None:
        self.trial, self._is_broken, self._deadline, self._left = trial, is_broken, deadline, attempts

    def attempt(self, smaller: Trial) -> bool:
        """Keep a smaller trial if it is broken too."""
        if smaller == self.trial or not self._left or time.monotonic() > self._deadline:
            return False
        self._left -= 1
        if not self._is_broken(smaller):
            return False
        self.trial = smaller
        return True

    def simplify(self) -> None:
        """Try everything once, what takes most away first."""
        for each in fields(Trial):
            if each.name not in ("text", "chunks"):
                usual: dict[str, Any] = {each.name: each.default}
                self.attempt(replace(self.trial, **usual))
        self.cut(self.trial.text, lambda text: _with_text(self.trial, text))
        self.join_chunks()
        if self.trial.message is not None:
            self.simplify_message(self.trial.message)
        if self.trial.policy is not None:
            self.simplify_policy(self.trial.policy)
        if self.trial.tools is not None:
            self.simplify_tools(list(self.trial.tools))

    def cut(self, text: str, rebuilt: Callable[[str], Trial]) -> None:
        """Take stretches out of a text, longer ones first (Zeller and Hildebrandt 2002, delta debugging)."""
        if not text or self.attempt(rebuilt("")):
            return
        size = len(text)
        while size := size // 2:
            at = 0
            while at < len(text):
                shorter = text[:at] + text[at + size :]
                if self.attempt(rebuilt(shorter)):
                    text = shorter
                else:
                    at += size

    def join_chunks(self) -> None:
        """Join chunks: all of them, then each with the next."""
        if self.attempt(replace(self.trial, chunks=())):
            return
        at = 0
        while at + 1 < len(chunks := self.trial.chunks):
            joined = (*chunks[:at], chunks[at] + chunks[at + 1], *chunks[at + 2 :])
            if not self.attempt(replace(self.trial, chunks=joined)):
                at += 1

    def simplify_message(self, message: Message) -> None:
        """Leave out calls and arguments, and cut the strings that stay."""
        for i in reversed(range(len(message.calls))):
            self._set_calls((*message.calls[:i], *message.calls[i + 1 :]))
            message = self.trial.message or message
        for i, call in enumerate(message.calls):
            for key in call.arguments:
                self._simplify_argument(i, key)
        message = self.trial.message or message
        for name in ("text", "reasoning"):
            self.cut(getattr(message, name), partial(self._with_part, name))

    def _with_part(self, name: str, text: str) -> Trial:
        message = self.trial.message or Message()
        parts: dict[str, Any] = {"text": message.text, "reasoning": message.reasoning, "calls": message.calls}
        parts[name] = text
        return replace(self.trial, message=Message(**parts))

    def _simplify_argument(self, i: int, key: str) -> None:
        message = self.trial.message or Message()
        call = message.calls[i]
        others = {other: value for other, value in call.arguments.items() if other != key}

        def changed(arguments: dict[str, Any]) -> tuple[Call, ...]:
            return (*message.calls[:i], Call(call.name, arguments), *message.calls[i + 1 :])

        if self._set_calls(changed(others)):
            return
        value = call.arguments[key]
        if isinstance(value, str):
            self.cut(value, lambda text: _with_calls(self.trial, changed({**call.arguments, key: text})))
        elif isinstance(value, (list, dict, int, float)) and not isinstance(value, bool):
            self._set_calls(changed({**call.arguments, key: type(value)()}))

    def _set_calls(self, calls: tuple[Call, ...]) -> bool:
        return self.attempt(_with_calls(self.trial, calls))

    def simplify_policy(self, policy: Policy) -> None:
        """Take each field of the policy back to what is usual."""
        usual = Policy()
        for each in fields(Policy):
            simpler = replace(policy, **{each.name: getattr(usual, each.name)})
            if self.attempt(replace(self.trial, policy=simpler)):
                policy = simpler

    def simplify_tools(self, tools: list[Any]) -> None:
        """Leave out tools, and parameters of those that stay."""
        for i in reversed(range(len(tools))):
            fewer = tools[:i] + tools[i + 1 :]
            if fewer and self.attempt(replace(self.trial, tools=fewer)):
                tools = fewer
        for i, tool in enumerate(tools):
            for key in dict(declared([tool])[0][1]):
                simpler = [*tools[:i], without_parameter(tools[i], key), *tools[i + 1 :]]
                if self.attempt(replace(self.trial, tools=simpler)):
                    tools = simpler


def _with_calls(trial: Trial, calls: tuple[Call, ...]) -> Trial:
    message = trial.message or Message()
    return replace(trial, message=Message(text=message.text, reasoning=message.reasoning, calls=calls))


def _with_text(trial: Trial, text: str) -> Trial:
    """Return a trial with a part of its text, cut where the characters that are left were cut."""
    chunks, old = trial.chunks, trial.text
    if not chunks or len(chunks) == 1:
        return replace(trial, text=text, chunks=())
    if all(len(chunk) == 1 for chunk in chunks):
        return replace(trial, text=text, chunks=tuple(text))
    apart = (i for i, (one, other) in enumerate(zip(old, text, strict=False)) if one != other)
    start = next(apart, min(len(old), len(text)))
    gone = len(old) - len(text)
    edges = [0]
    for chunk in chunks:
        edges.append(edges[-1] + len(chunk))
    moved = sorted({at if at <= start else max(start, at - gone) for at in edges})
    return replace(trial, text=text, chunks=tuple(text[i:j] for i, j in pairwise(moved)))
