"""How a template tells a model the results of tools.

It must not know formats. Law: the keys that are found write what the template writes, for one result and for two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wireproto.learning.comparing import MARKER, Repeats, before_marker, common_start, find_counter, repetition
from wireproto.learning.findings import NAME, VALUE
from wireproto.learning.templates.calls import Layout
from wireproto.learning.templates.chat import RESULT, Chat, results
from wireproto.learning.templates.turns import turn_markers

_COUNT = "iqxcount"
_PROBE = RESULT + '"\n<é'


@dataclass(frozen=True, slots=True)
class Answers:
    """The keys of `[result]`, what of results no key can say, and the turn around what these keys write."""

    table: Mapping[str, Any] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    lead: str = ""
    end: str = ""


def learn_results(chat: Chat, layout: Layout) -> Answers | None:
    """Return how results are told; None if the template tells none."""
    first = _written(chat, 1)
    if first is None:
        return None
    second = first if layout.single else _written(chat, 2)
    first, second = _counted(first, second or "", layout.counter or "0")
    at = first.index(RESULT)
    parts = Repeats("", first, "", "") if layout.single else None
    if parts is None and second:
        parts = repetition(first, second, (at, at + len(RESULT)))
    return _told(chat, layout, parts) if parts is not None else None


def _counted(one: str, two: str, number: str) -> tuple[str, str]:
    """Put a word where results are counted, from `number` on."""
    found = find_counter(one, two)
    if found is None or found[2] != number:
        return one, two
    start, at, _ = found
    marked = two[:start] + _COUNT + two[start + 1 : at] + _COUNT + two[at + 1 :]
    return one[:start] + _COUNT + one[start + 1 :], marked


def _written(chat: Chat, count: int) -> str | None:
    """Return what is written behind the turn with the calls: so many results, all of the first call."""
    calls = [chat.call(index) for index in range(count)]
    text = chat.calls(calls, results(calls, [RESULT] * count))
    plain = chat.calls(calls)
    if text is None or plain is None or RESULT not in text or VALUE not in plain:
        return None
    at = text.index(RESULT)
    rest = plain[plain.rindex(VALUE) + len(VALUE) :]
    same = text.rfind(VALUE, 0, at) + len(VALUE)
    same += len(rest) if text.startswith(rest, same) else before_marker(rest, common_start(rest, text[same:]))
    return text[min(same, at) :].replace(chat.identity(1), chat.identity(0))


def _told(chat: Chat, layout: Layout, parts: Repeats) -> Answers | None:
    opener, each, join, closer = parts.before, parts.unit, parts.join, parts.after
    call = chat.call(0)
    probe = chat.calls([call], results([call], [_PROBE])) or ""
    ascii_only = next((way for way in (False, True) if json.dumps(_PROBE, ensure_ascii=way) in probe), None)
    if ascii_only is not None:
        each = each.replace(f'"{RESULT}"', RESULT)
    token, heading = _turn_patterns(chat, opener or each)
    at = each.index(RESULT)
    ends = token.search(each, at)
    if ends is not None:  # a turn for each result
        header = _matched(heading, each[:at])
        cut = ends.start()
        cut -= len(each[:cut]) - len(each[:cut].rstrip()) if layout.turn.end[:1].isspace() else 0
        join, lead, end = each[cut:] + join + header, opener + header, each[cut:] + closer
        each, opener, closer = each[len(header) : cut], "", ""
    else:
        lead = _matched(heading, opener)
        hit = token.search(closer)
        cut = hit.start() if hit else len(closer)
        opener, closer, end = opener[len(lead) :], closer[:cut], closer[cut:]
    slots = {RESULT: "{content}", chat.identity(0): "{id}", NAME: "{name}", _COUNT: "{index}"}
    each, join = _slotted(each, slots), _slotted(join, slots)
    behind = each[each.index("{content}") + len("{content}") :] + join + end
    # Where nothing but a sign ends a result, it must not hold what ends a turn.
    last = MARKER.search(chat.after_user(prompt=True) or "")
    guard = MARKER.search(behind) or re.search(r"\S{4,}", behind) or last
    if guard is None:
        return None
    table = {"open": opener, "each": each, "join": join, "close": closer}
    found: dict[str, Any] = {key: text for key, text in table.items() if text}
    found |= {} if ascii_only is None else {"content": "json"}
    gaps = ("results as JSON in ASCII",) if ascii_only else ()
    return Answers(found | {"guard": [guard[0]]}, gaps, lead, end)


def _turn_patterns(chat: Chat, opening: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the markers of a turn, and what a turn for results begins with, as patterns."""
    tokens = set(turn_markers(chat))
    # Where each role has a token of its own, those of the same shape are markers of turns too.
    shapes = {token[:2] for token in tokens if re.fullmatch(r"<[|｜].*user.*>", token, re.IGNORECASE)}
    for token in MARKER.findall(opening[:40]):
        if token[:2] in shapes and opening.startswith(token) and not re.search("begin|start|open", token):
            tokens.add(token)
    if not tokens:
        return re.compile("(?!)"), re.compile("")
    words = "|".join(map(re.escape, sorted(tokens, key=len, reverse=True)))
    one = rf"(?:{words}|<\|[a-z_]*(?:start|end)[a-z_]*\|>)"
    return re.compile(one), re.compile(rf"(?:{one})?[A-Za-z_ ]*(?:{one})+(?:[A-Za-z_]+(?:</role>)?\n)?\n*")


def _matched(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.match(text)
    return found[0] if found else ""


def _slotted(text: str, slots: Mapping[str, str]) -> str:
    for word, slot in slots.items():
        text = text.replace(word, slot)
    return text
