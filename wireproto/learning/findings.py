"""What a codec's learner is given, one call as a model's template writes it, and what it returns: keys of a file.

It must not know any codec. Law: a finding says which of its keys are guesses, and what of the samples no key can say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from wireproto.values.errors import DialectError
from wireproto.values.quoting import quoted

# Words that occur in no template: what stands for a tool's name, for keys and for values, and ids of nine characters,
# which some templates insist on.
NAMES: Final = ("nqxalpha", "nqxbeta", "nqxgamma")
KEYS: Final = ("kqxa", "kqxb", "kqxc")
VALUES: Final = ("vqxa", "vqxb", "vqxc")
IDS: Final = ("iqx00001a", "iqx00002b", "iqx00003c")
NAME, KEY, VALUE, ID = NAMES[0], KEYS[0], VALUES[0], IDS[0]
# Whether calls have ids: none; any; counted from 0; or one that holds the tool's name.
Ids = Literal["none", "free", "counted", "named"]
# Values that a template writes so that nothing could read them: strings that hold quotes, backslashes or line breaks
# where it escapes nothing, and null where it leaves that out.
Unreadable = Literal["escapes", "null"]


class Unlearnable(DialectError):
    """A template of which no dialect file can be made; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class CallSample:
    """One call, written with any arguments: `write` returns its text, without what is around all calls.

    `identity` is the id that is given to the call. `id_form` is how an id holds the tool's name. `counter` is the
    number in the call that counts the calls of a message, empty if there is none.
    """

    write: Callable[[Mapping[str, Any]], str]
    identity: str
    id_form: str
    counter: str = ""

    @property
    def text(self) -> str:
        """The call with one argument, a string."""
        return self.write({KEY: VALUE})


@dataclass(frozen=True, slots=True)
class CallForm:
    """The keys of a dialect file that say how a call is written.

    `guessed`: keys that no sample shows, each with the reason. `gaps`: what in the samples no key can say. `faults`:
    where two messages are written alike, so that nothing could read them. `unreadable` names the kinds of values of
    which that is so, and which are not tried. `untold`: values in objects and arrays do not show their types.
    """

    argument: Mapping[str, Any]
    call: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    ids: Ids = "none"
    guessed: Mapping[str, str] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    unreadable: frozenset[Unreadable] = frozenset()
    untold: bool = False


def typing_faults(sample: CallSample) -> tuple[str, ...]:
    """Return what a template writes so that no reader can tell the type of a value."""
    alike = sample.write({KEY: 7}) == sample.write({KEY: "7"})
    return ("a number and a string are written alike",) if alike else ()


def header(sample: CallSample, opener: str, closer: str) -> CallForm:
    """Return what the markers around the arguments say, with the slots of the name and the id.

    Raises:
        Unlearnable: the name is not in the opener.
    """
    gaps = []
    if re.search(r"\{[a-z]+\??\}", opener):
        gaps.append("braces in a marker")
    if NAME not in opener:
        if sample.identity in opener:
            raise Unlearnable("the tool's name is nowhere in the call, and the id is free")
        raise Unlearnable(f"the tool's name does not stand before the arguments: {quoted(opener)}")
    call: dict[str, Any] = {}
    guessed: dict[str, str] = {}
    ids: Ids = "none"
    counted = re.search(rf"([A-Za-z0-9_.-]*){NAME}([:_#.-]){sample.counter}(?!\w)", opener) if sample.counter else None
    if counted is not None:
        form = f"{counted[1]}{{name}}{counted[2]}{{index}}"
        call["open"] = opener[: counted.start()] + "{id}" + opener[counted.end() :]
        call["id"], ids = [form, f"{{name}}{counted[2]}{{index}}", "{name}"], "named"
        guessed["call.id"] = "the forms behind the first are what models make of it"
    elif sample.identity != ID and sample.identity in opener:
        call["open"] = opener.replace(sample.identity, "{id}")
        call["id"], ids = [sample.id_form], "named"
        guessed["call.id"] = "the id that was given holds the tool's name in this form; see --id-form"
    else:
        call["open"] = opener.replace(NAME, "{name}").replace(ID, "{id}")
        if sample.counter:
            call["open"] = re.sub(rf"(?<=[\"'=:]){sample.counter}(?=[\"'>])", "{index}", call["open"])
            call |= {"first_index": int(sample.counter)} if sample.counter != "0" else {}
        if ID in opener:
            ids = "free"
            call["also"] = [call["open"]]
            call["open"] = re.sub(r"(\[\w+\])?\{id\}", "", call["open"])
            guessed["call.open"] = "no template says whether a model may leave the id out"
    if closer:
        call["close"] = closer.replace(NAME, "{name}")
    return CallForm({}, call, ids=ids, guessed=guessed, gaps=tuple(gaps))
