"""What a decoder reports while text arrives: plain frozen values, no behaviour.

Law: events are never taken back. Concatenated deltas of one argument are its value (`kind` "string") or its JSON
(`kind` "json"), and a `CallEnd` carries the same arguments that the deltas spelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Union

from wireproto.values.arguments import hands_out_copies
from wireproto.values.model import Call, Diagnosis, Document

Kind = Literal["string", "json"]


@dataclass(frozen=True, slots=True, init=False)
class TextDelta:
    """More visible text."""

    text: str

    def __init__(self, text: str) -> None:
        _set_text(self, text)


@dataclass(frozen=True, slots=True, init=False)
class ReasoningDelta:
    """More reasoning text."""

    text: str

    def __init__(self, text: str) -> None:
        _set_reasoning(self, text)


@dataclass(frozen=True, slots=True)
class CallStart:
    """A call has begun; `index` counts the calls from 0, in the order in which they begin.

    `id` is the one written before the call's name or with it; of one that is written later `CallIdentified` tells.
    """

    index: int
    name: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class CallIdentified:
    """Call `index`, which began without an id, has one: the text has it behind the name, as Mistral's records do."""

    index: int
    id: str


@dataclass(frozen=True, slots=True)
class ArgumentStart:
    """An argument of call `index` has begun.

    `kind`: "string" if its deltas join to the value, "json" if they join to the value's JSON text.
    """

    index: int
    key: str
    kind: Kind


@dataclass(frozen=True, slots=True, init=False)
class ArgumentDelta:
    """More of an argument: decoded characters of a string, or JSON text of any other value."""

    index: int
    key: str
    text: str

    def __init__(self, index: int, key: str, text: str) -> None:
        _set_index(self, index)
        _set_key(self, key)
        _set_more(self, text)


# There are as many deltas as chunks. The constructor that `dataclass` writes for what is frozen looks every field up by
# its name; these set the same slots in half the time.
_set_text, _set_reasoning = vars(TextDelta)["text"].__set__, vars(ReasoningDelta)["text"].__set__
_set_index, _set_key, _set_more = (vars(ArgumentDelta)[name].__set__ for name in ("index", "key", "text"))


@hands_out_copies("value")
@dataclass(frozen=True, slots=True)
class ArgumentEnd:
    """An argument is complete; `value` is what its deltas joined to, as plain data, and a copy."""

    index: int
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class CallEnd:
    """A call has ended; what `Call` says of `complete` tells whether to run it."""

    index: int
    call: Call


@dataclass(frozen=True, slots=True)
class DocumentStart:
    """A document has begun; `index` counts the documents of the message from 0, `name` is that of its type."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class DocumentDelta:
    """More of a document's own characters, its markup included."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class DocumentEnd:
    """A document has ended; `document.value` is what it parses to, None if it is malformed or incomplete."""

    index: int
    document: Document


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """Something was not as the format has it; see `Diagnosis`."""

    diagnosis: Diagnosis


Event = Union[
    TextDelta,
    ReasoningDelta,
    CallStart,
    CallIdentified,
    ArgumentStart,
    ArgumentDelta,
    ArgumentEnd,
    CallEnd,
    DocumentStart,
    DocumentDelta,
    DocumentEnd,
    Diagnosed,
]
"""Any of the events: what `Decoder.feed` returns lists of, and `iter_events` yields."""
