"""What is around the visible text of a message, as a template writes it in a turn that only says something.

It must not know formats. Law: what is found is what the model has to write itself: the prompt has not written it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wireproto.learning.comparing import MARKER, before_marker, common_end, common_start
from wireproto.learning.templates.chat import CONTENT, EOS, Chat
from wireproto.learning.templates.reasoning import Thinking
from wireproto.learning.templates.turns import TurnFrame


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What opens and closes visible text, empty if nothing does, and the tokens that end a turn.

    `empty`: both stand before calls where there is no text, too. `guessed` are keys that no turn shows.
    """

    open: str = ""
    close: str = ""
    ends: tuple[str, ...] = ()
    empty: bool = False
    guessed: Mapping[str, str] = field(default_factory=dict)

    @property
    def table(self) -> dict[str, Any]:
        """The keys of `[content]`."""
        return {"open": self.open, "close": self.close, **({"empty": True} if self.empty else {})} if self.open else {}


def learn_surroundings(chat: Chat, turn: TurnFrame, thinking: Thinking | None) -> Surroundings:
    """Return what is around visible text."""
    said = chat.after_user([{"role": "assistant", "content": CONTENT}]) or ""
    prompt = chat.after_user(prompt=True) or ""
    if CONTENT not in said or not prompt:
        return Surroundings()
    before, after = said.split(CONTENT, 1)
    opener = before[before_marker(before, common_start(before, prompt)) :]
    if thinking is not None:  # a frame of reasoning without any
        opener = re.sub(rf"\s*(?:{re.escape(thinking.open)})?\s*{re.escape(thinking.close)}\s*", "", opener)
        opener = opener.removeprefix(thinking.join)
    shared = common_end(after, turn.end)
    closer = after[: before_marker(after, len(after) - shared)] if shared else ""
    end = MARKER.match(after[len(closer) :].lstrip())
    ends = (end[0],) if end is not None and end[0] != EOS else ()
    own = MARKER.findall(opener)
    if not own or any(marker in prompt for marker in own) or (closer and not MARKER.search(closer)):
        return Surroundings(ends=ends)
    if not closer and thinking is not None and thinking.join:  # what ends the turn ends its last block too
        why = "no turn has text and then a call: what ends reasoning ends text"
        return Surroundings(opener, thinking.close, ends, guessed={"content.close": why})
    return Surroundings(opener, closer, ends, bool(closer) and turn.lead.endswith(opener + closer))
