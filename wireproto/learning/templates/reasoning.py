"""The markers around reasoning, as a template writes them in a turn, or opens it in the prompt for one.

It must not know formats. Law: a marker that was not written is told to be a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from wireproto.learning.comparing import MARKER, PHRASE, before_marker, common_ending, common_start
from wireproto.learning.templates.chat import THOUGHT, Chat

_TAG: Final = rf"({PHRASE}|<[^<>\s]{{1,40}}>|\[[A-Z_]{{3,}}\])"
_OPENED: Final = re.compile(_TAG + r"\s*\Z")
_CLOSED: Final = re.compile(rf"\s*({MARKER.pattern})")
_WORDS: Final = re.compile("think|reason|thought|analysis", re.IGNORECASE)
_MEMBERS: Final = ("reasoning_content", "reasoning", "thinking", "thought")
# What templates ask for before they write the reasoning of earlier turns, or open it in the prompt.
_WANTED: Final = {"enable_thinking": True, "thinking": True, "preserve_thinking": True}


@dataclass(frozen=True, slots=True)
class Thinking:
    """The markers of reasoning, and what is between it and calls. `shown`: the template writes it in a turn.

    `prompted`: the prompt for a turn ends with the opener. `join` is what opens the block behind reasoning, and is the
    end of the prompt where nothing stands before it.
    """

    open: str
    close: str
    after: str = ""
    shown: bool = True
    prompted: bool = False
    join: str = ""
    guessed: Mapping[str, str] = field(default_factory=dict)


def learn_reasoning(chat: Chat) -> tuple[Chat, Thinking | None]:
    """Return the input under which a template writes reasoning, and its markers; None if nothing shows them."""
    opened, prompted = _prompted(chat)
    for more, member in product(({}, _WANTED), _MEMBERS):
        trial = chat.with_style(thought=member, variables={**chat.style.variables, **more})
        text, plain = trial.calls([trial.call(0)], thought=THOUGHT), trial.calls([trial.call(0)])
        if text is None or plain is None or THOUGHT not in text:
            continue
        before, after = text.split(THOUGHT, 1)
        opener, closer = _opener(before, plain, opened), _CLOSED.match(after)
        if not opener or closer is None:
            return chat, None  # it stands between markers that are those of any message
        behind = after[closer.end() :]
        gap = behind[: len(behind) - len(behind.lstrip())]
        prompt = trial.after_user(prompt=True) or ""
        join = common_ending(behind, prompt)
        join = join if MARKER.match(join) else ""
        opener = opener.removeprefix(join) if not prompt.endswith(opener) else opener  # the prompt ends with it
        return trial, Thinking(opener, closer[1], gap, prompted=prompted, join=join)
    if not opened:
        return chat, None
    closer_text = opened.replace("<", "</", 1).replace("[", "[/", 1)
    why = "no turn of the template shows it: made of the opener, which ends the prompt"
    return chat, Thinking(opened, closer_text, shown=False, prompted=prompted, guessed={"reasoning.close": why})


def _prompted(chat: Chat) -> tuple[str, bool]:
    """Return the opener at the end of a prompt, and whether it is there without being asked for."""
    plain = chat.after_user(prompt=True) or ""
    asked = chat.after_user(prompt=True, enable_thinking=True, thinking=True) or ""
    for prompt in (plain, asked):
        found = _OPENED.search(prompt)
        if found is not None and _WORDS.search(found[1]) and found[1][1] != "/":
            return found[1], prompt is plain
    return "", False


def _opener(before: str, plain: str, opened: str) -> str:
    """Return the opener that ends what stands before reasoning: a tag that says so, or what is not there without."""
    tag = _OPENED.search(before)
    if tag is not None and _WORDS.search(tag[1]):
        return tag[1]
    cut = before_marker(before, common_start(before, plain))
    cut = min(cut, tag.start(1)) if tag is not None and tag.end(1) > cut else cut
    opener = before[cut:].strip() or (tag[1] if tag else "")
    return opened if opener and opened and not _WORDS.search(opener) else opener
