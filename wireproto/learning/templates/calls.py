"""What is around the calls of a turn: a section, what joins two calls, and one call as a codec's learner is given it.

It must not know formats. Law: what is learned of one call and of two says what three are, or the template contradicts
itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from wireproto.learning.comparing import MARKER, Repeats, common_ending, find_counter, repetition
from wireproto.learning.findings import KEY, NAME, VALUE, CallSample, Unlearnable
from wireproto.learning.templates.chat import Chat
from wireproto.learning.templates.turns import TurnFrame, turn_markers
from wireproto.values.quoting import quoted

_LAST_TOKEN: Final = re.compile(r"<\|[^<>|]*\|?>\Z")
_ONE_TOKEN: Final = re.compile(r"\s*(<\|[^<>]*\|>|<[a-z]+\|>|<\|[a-z_]+>)\s*")
_HEADER: Final = re.compile(r"<\|[^<>|]+\|>\w")
_THOUGHT: Final = re.compile("think|reason", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the calls of a turn are laid out. `parts` is the section, one call, and what joins two.

    `single`: a turn has one call at most. `counter` is the number of the first call, where calls are counted.
    """

    turn: TurnFrame
    parts: Repeats
    single: bool = False
    counter: str = ""

    @property
    def has_section(self) -> bool:
        """Whether there is anything around all calls."""
        return bool(self.parts.before)

    def sample(self, chat: Chat) -> CallSample:
        """Return one call with any arguments, as a learner takes it."""

        def write(arguments: Mapping[str, Any]) -> str:
            text = self.turn.body(chat.calls([chat.call(0, arguments)]))
            if text is None:
                raise Unlearnable(f"the chat template refuses the arguments {quoted(arguments)}: {chat.process.error}")
            return text[len(self.parts.before) : len(text) - len(self.parts.after)]

        return CallSample(write, chat.identity(0), chat.id_form, self.counter)


def learn_layout(chat: Chat, turn: TurnFrame) -> Layout:
    """Return how calls are laid out.

    Raises:
        Unlearnable: the frame of the turn depends on its calls, or the template contradicts itself.
    """
    first = turn.body(chat.calls([chat.call(0)]))
    if first is None:
        raise Unlearnable("what is around a turn depends on its calls")
    core = _core(chat, first)
    second = _masked(chat, turn.body(chat.calls([chat.call(0), chat.call(1)])))
    second, counter = _uncounted(first, second)
    parts = repetition(first, second, core) if second and second != first else None
    if parts is None:
        found = _single(turn, first, core)
    else:
        _check_three(chat, turn, parts, counter)
        found = Layout(turn, parts, counter=counter)
        if not parts.before.strip() and _ONE_TOKEN.fullmatch(parts.after):
            found = Layout(_longer_end(turn, parts.after), replace(parts, after=""), counter=counter)
    return _with_section(_without_prompt(_without_turn(found, turn_markers(chat)), chat.after_user(prompt=True)))


def _core(chat: Chat, first: str) -> tuple[int, int]:
    """Return the stretch of a text that is certainly part of its one call."""
    words = [word for word in (NAME, chat.identity(0), KEY, VALUE) if word in first]
    return min(map(first.find, words)), max(first.rfind(word) + len(word) for word in words)


def _masked(chat: Chat, text: str | None) -> str:
    """Write the ids of later calls as that of the first."""
    text = text or ""
    for index in (1, 2):
        text = text.replace(chat.identity(index), chat.identity(0))
    return text


def _uncounted(one: str, two: str) -> tuple[str, str]:
    """Write the number of the second call as that of the first, if that is all that tells the two apart."""
    found = find_counter(one, two)
    if found is None:
        return two, ""
    _, at, first = found
    return two[:at] + first + two[at + 1 :], first


def _check_three(chat: Chat, turn: TurnFrame, parts: Repeats, counter: str) -> None:
    text = turn.body(chat.calls([chat.call(0), chat.call(1), chat.call(2)]))
    if text is not None and not counter and _masked(chat, text) != parts.times(3):
        raise Unlearnable("the chat template contradicts itself: one, two and three calls do not repeat one form")


def _longer_end(turn: TurnFrame, more: str) -> TurnFrame:
    return replace(turn, end=more + turn.end)


def _longer_lead(turn: TurnFrame, more: str) -> TurnFrame:
    return replace(turn, lead=turn.lead + more)


def _single(turn: TurnFrame, first: str, core: tuple[int, int]) -> Layout:
    """Return the layout of calls that never come together: a token at the end of all is the turn's, or the call's."""
    blank = len(first) - len(first.lstrip())
    stop = len(first)
    last = _LAST_TOKEN.search(first)
    if last is not None and last.start() >= core[1] and not turn.end:
        between = first[core[1] : last.start()].strip('"}]) \n')
        stop = stop if between.endswith(">") else last.start()
    turn = _longer_end(_longer_lead(turn, first[:blank]), first[stop:])
    return Layout(turn, Repeats("", first[blank:stop], "", ""), single=True)


def _without_turn(found: Layout, markers: frozenset[str]) -> Layout:
    """Give to the end of the turn what is behind the last call from the first marker on that needs no call."""
    before, after = found.parts.before, found.parts.after
    name = next(iter(re.findall(r"<([^<>/\s|]+)>", before)), None)
    own = after.find(f"</{name}>") if name else -1
    hit = next((each for each in MARKER.finditer(after) if each[0] in markers), None)
    cut = own + len(f"</{name}>") if own >= 0 else hit.start() if hit else len(after)
    return replace(found, turn=_longer_end(found.turn, after[cut:]), parts=replace(found.parts, after=after[:cut]))


def _without_prompt(found: Layout, prompt: str | None) -> Layout:
    """Give to the lead of the turn what opens the calls, and is the end of the prompt for a turn."""
    parts = found.parts
    opener = parts.before or parts.unit
    blank = len(opener) - len(opener.lstrip())
    cut = 0
    for marker in re.finditer(rf"(?:{MARKER.pattern})\s*", opener):
        if (prompt or "\0").endswith(opener[blank : marker.end()]):
            cut = marker.end()
    shared = common_ending(opener[blank:], prompt or "")
    if not cut and _HEADER.match(shared):
        cut = blank + len(shared)
    if not cut or _THOUGHT.search(opener[:cut]):
        return found
    rest = {"before" if parts.before else "unit": opener[cut:]}
    if not parts.before and not found.single:
        rest["join"] = parts.join + opener[:cut]
    return replace(found, turn=_longer_lead(found.turn, opener[:cut]), parts=replace(parts, **rest))


def _with_section(found: Layout) -> Layout:
    """Give blanks around all calls to the turn; what is left is a section."""
    parts, turn = found.parts, found.turn
    lead = turn.lead + parts.before
    if parts.join.strip() and parts.unit.startswith(NAME) and lead.endswith(parts.join):
        # The opener of a call is what joins two calls, and the prompt may already hold the first.
        parts = Repeats("", parts.join + parts.unit, "", parts.after)
        turn = replace(turn, lead=lead[: -len(found.parts.join)])
    if not parts.before.strip() and (found.single or not parts.after.strip()):
        turn = _longer_end(_longer_lead(turn, parts.before), parts.after)
        return replace(found, turn=turn, parts=replace(parts, before="", after=""))
    blank = len(parts.before) - len(parts.before.lstrip())
    turn = _longer_lead(turn, parts.before[:blank])
    return replace(found, turn=turn, parts=replace(parts, before=parts.before[blank:]))
