"""The turn of an assistant: what a template writes before its own text and behind it, and the markers of any turn.

It must not know formats. Law: the frame of a turn is what turns have in common, whatever they say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wireproto.learning.comparing import MARKER, before_marker, behind_marker, common_end, common_start, in_marker
from wireproto.learning.findings import Unlearnable
from wireproto.learning.templates.chat import CONTENT, EOS, THOUGHT, USER, Chat
from wireproto.learning.templates.reasoning import Thinking


@dataclass(frozen=True, slots=True)
class TurnFrame:
    """What is written before and behind the calls of a turn without text."""

    lead: str
    end: str

    def body(self, text: str | None) -> str | None:
        """Return what is inside the frame; None where the frame is not."""
        if text is None or not (text.startswith(self.lead) and text.endswith(self.end)):
            return None
        return text[len(self.lead) : len(text) - len(self.end)]


def learn_turn(chat: Chat, thinking: Thinking | None) -> TurnFrame:
    """Return the frame that a turn with calls shares with one that says something.

    Raises:
        Unlearnable: a turn with a call cannot be written.
    """
    calls = chat.calls([chat.call(0)])
    if calls is None:
        raise Unlearnable(f"the chat template raises {chat.process.error}")
    said = chat.after_user([{"role": "assistant", "content": CONTENT}]) or ""
    said = said if CONTENT in said else ""
    lead = before_marker(calls, common_start(said, calls))
    if thinking is not None:  # an empty frame of reasoning is no part of the calls
        pair = re.escape(thinking.open), re.escape(thinking.close)
        empty = re.compile(rf"\s*(?:{pair[0]})?\s*{pair[1]}\s*").match(calls, lead)
        lead = empty.end() if empty else lead
    closer = MARKER.match(said, lead + len(CONTENT)) if said.find(CONTENT) == lead else None
    if closer is not None and calls.startswith(closer[0], lead) and said[closer.end() :].strip():
        lead += len(closer[0])  # the markers around a text that is empty
    if not said:
        lead = before_marker(calls, common_start(chat.after_user(prompt=True) or "", calls))
    return TurnFrame(calls[:lead], calls[_tail(calls, said) :])


def _tail(calls: str, said: str) -> int:
    """Return where the end of a turn begins."""
    end = common_end(said, calls) if said else 0
    tail = len(calls) - end
    tail = behind_marker(calls, tail) if in_marker(calls, tail) else tail
    rest = calls[tail:]
    if end and rest.strip():  # blanks before the end of a turn
        tail += len(rest) - len(rest.lstrip())
    if EOS in calls[tail - len(EOS) * 2 :]:
        tail = min(tail, calls.rindex(EOS))
    return tail


def turn_markers(chat: Chat) -> frozenset[str]:
    """Return the markers that a conversation without any call and any tool is written with."""
    said = [{"role": "assistant", "content": CONTENT}, {"role": "user", "content": THOUGHT}]
    first = [{"role": "system", "content": "s"}, {"role": "user", "content": USER}]
    whole = chat.whole([*first, *said], prompt=True, tools=None) or ""
    behind = chat.after_user(said, prompt=True) or ""
    texts = (whole[max(0, whole.rfind(USER)) :], whole[:60], behind)
    return frozenset(marker for text in texts for marker in MARKER.findall(text))
