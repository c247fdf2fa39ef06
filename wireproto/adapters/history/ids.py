"""Ids of calls that a wire format can write, such as `functions.f:0`, unique in a conversation.

It must not know any format: the dialect's file has the form of its ids. Law: the ids of one conversation differ, and
the same conversation always gets the same ones, so that prefix caches hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from wireproto.adapters.history.turns import Turn
from wireproto.adapters.ids import Ids, wire_id
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.text.scan import Match
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call
from wireproto.write.ids import new_id

# What `new_id` makes for formats that have no form of their own, since a strict one takes nothing else.
_SHORT: Final = re.compile(r"[A-Za-z0-9]{9}")


class CallIds(Ids):
    """Ids for the calls that a model writes now, which differ from all ids of the conversation before.

    `dialect`: the one that the ids are for, None if it is not known. `turns`: the conversation so far. `plain`: the
    API takes letters, digits, `_` and `-` only, so that other ids are carried, as `Ids` does it.
    """

    def __init__(self, dialect: str | Dialect | None, turns: Iterable[Turn] = (), *, plain: bool = False) -> None:
        self._dialect, self._plain = None if dialect is None else find_dialect(dialect), plain
        calls = [call for turn in turns for call in turn.message.calls]
        super().__init__(call.id for call in calls if call.id)
        self._count = len(calls)

    def give(self, written: str | None = None, name: str = "") -> str:
        """Return the id of the next call: the one that the model wrote, if no other call has it, or a new one.

        `name` is the tool's, for a dialect whose ids hold it. Other new ids are `call00000` and so on: every chat
        template takes them when the call comes back, Mistral's too, which refuses all but nine letters and digits.
        """
        self._count += 1
        if written and self._plain:
            return super().give(written)
        found = written if written and written not in self._taken else self._new(name)
        self._taken.add(found)
        return found

    def _new(self, name: str) -> str:
        index = self._count - 1
        while (found := _made(self._dialect, index, name)) in self._taken:
            index += 1
        return found


def _made(dialect: Dialect | None, index: int, name: str) -> str:
    if dialect is not None:
        try:
            return new_id(dialect, index, name)
        except EncodeError:  # the tool's name cannot stand in an id
            pass
    return f"call{index:05}"


def with_wire_ids(turns: Iterable[Turn], dialect: str | Dialect) -> list[Turn]:
    """Return the turns with ids that the dialect can write, in calls and in their results.

    An id that `Ids` carried is the one that the model wrote. One that fits is kept; another one becomes the one that
    `new_id` makes for the number of the call in the conversation.
    """
    spec = find_dialect(dialect)
    ids, known = CallIds(spec), dict[str, str]()
    found: list[Turn] = []
    for turn in turns:
        calls = tuple(_with_id(call, spec, ids, known) for call in turn.message.calls)
        results = tuple(replace(result, id=known.get(result.id or "", result.id)) for result in turn.results)
        found.append(replace(turn, message=replace(turn.message, calls=calls), results=results))
    return found


def _with_id(call: Call, dialect: Dialect, ids: CallIds, known: dict[str, str]) -> Call:
    written = wire_id(call.id or "")
    found = ids.give(written if written and _fits(written, dialect) else None, call.name)
    if call.id:
        known[call.id] = found
    return replace(call, id=found)


def _fits(identity: str, dialect: Dialect) -> bool:
    if not dialect.call.id:
        return _SHORT.fullmatch(identity) is not None
    found = dialect.call.id[0].match(identity, 0, len(identity))
    return isinstance(found, Match) and found.end == len(identity)
