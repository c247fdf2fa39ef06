"""Ids of calls: the form that a dialect has for them, or one that every server takes.

It knows no format: the dialect's file has the form. Law: the same arguments give the same id.
"""

from __future__ import annotations

from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.values.errors import EncodeError
from wireproto.values.quoting import quoted


def new_id(dialect: str | Dialect, index: int, name: str | None = None) -> str:
    """Return an id for a call and its result: as the dialect writes ids, or nine letters and digits.

    Formats without ids get one too, for an API that wants one: `call00000`, which Mistral's templates take as well.
    `index` counts the calls of the conversation from 0, so that ids differ. `name` is the tool's; a dialect whose ids
    hold it, as Kimi K2's `functions.read_file:0`, needs it.

    Raises:
        EncodeError: the dialect's ids hold the tool's name, and it is missing or cannot stand in one.
        ValueError: `index` is negative.
        DialectError: the dialect is unknown.
    """
    if index < 0:
        raise ValueError(f"index counts calls from 0, so it cannot be {index}")
    spec = find_dialect(dialect)
    if not spec.call.id:
        return f"call{index:05}"
    form = spec.call.id[0]
    if "name" in form.roles and name is None:
        raise EncodeError(f"an id of {spec.name} holds the tool's name: give new_id its name=")
    try:
        return form.format(name=name or "", index=str(index))
    except ValueError as error:
        raise EncodeError(f"{spec.name} cannot make an id of the tool's name {quoted(name or '')}: {error}") from None
