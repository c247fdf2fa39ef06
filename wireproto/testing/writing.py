"""The laws of writing: what is written comes back (5), and a value comes out as it is written (8).

Where `encode` refuses a message that every dialect has to carry, it is written plainly, without a look at what the
reader makes of it: so a wrong reader is reported as such. It must not know codecs. Law: what is judged is what stands
in the dialect's own templates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NoReturn

from wireproto.decode.decoder import Decoder, parse
from wireproto.format.dialect import Dialect
from wireproto.testing.decoded import Decoded
from wireproto.testing.floods import WRITE_FILE
from wireproto.testing.generators.ordinary import is_ordinary
from wireproto.testing.law import Law, LawBroken, content
from wireproto.text.json_safe import identical
from wireproto.text.scan import MAX_GAP
from wireproto.values import events as ev
from wireproto.values.errors import EncodeError
from wireproto.values.model import Call, Message
from wireproto.write.encoder import encode, write_plainly

_MAX_SLOT: Final = 128
_SEED: Final = "zqz"


def _round_trip(found: Decoded) -> bool:
    message, spec, tools = found.trial.message, found.spec, found.known
    if message is None or spec is None:
        return False
    with found.total("writing", 4):
        try:
            text = encode(message, spec, tools)
        except EncodeError as refusal:
            if is_ordinary(message, spec, tools):
                _not_carried(found, message, spec, refusal)
            return False
        back = parse(text, spec, tools)
        _compare(found, message, back, text)
        again = write_plainly(back, spec, tools)
        if again != text:  # as where the format's own escape was written
            again = encode(back, spec, tools)
    if again != text:
        _broken(found, ROUND_TRIP, "what came back is written in another way", text, again, text)
    return True


def _not_carried(found: Decoded, message: Message, dialect: Dialect, refusal: EncodeError) -> None:
    """Report a message that every dialect has to carry and this one refuses: its reader is wrong, or its writer."""
    try:
        text = write_plainly(message, dialect, found.known)
    except EncodeError:
        # A format may have no place for some value, but it has one for letters and digits.
        values = [value for call in message.calls for value in call.arguments.values()]
        if all(isinstance(value, str) and value.isalnum() for value in values):
            _broken(found, ROUND_TRIP, "a plain message cannot be written", content(message), str(refusal), "")
        return
    _compare(found, message, parse(text, dialect, found.known), text)
    _broken(found, ROUND_TRIP, "what comes back unchanged is refused", content(message), str(refusal), text)


def _compare(found: Decoded, message: Message, back: Message, text: str) -> None:
    expected, got = content(message), content(back)
    if not identical(expected, got):
        _broken(found, ROUND_TRIP, "what is written is read as something else", expected, got, text)
    repaired = [diagnosis.code for diagnosis in back.diagnoses if diagnosis.severity == "repaired"]
    if repaired and not message.text:  # text may have slips of its own, as a fence that is open
        _broken(found, ROUND_TRIP, "what is written is read as if it had to be repaired", [], repaired, text)
    if message.segments and _order(message) != _order(back):
        _broken(found, ROUND_TRIP, "text and calls are read in another order", _order(message), _order(back), text)
    for call, other in zip(message.calls, back.calls, strict=True):
        if None not in (call.id, other.id) and call.id != other.id:
            _broken(found, ROUND_TRIP, "an id is read as another", call.id, other.id, text)


def _order(message: Message) -> list[str]:
    """Return the text before the first call, between each and the next, and after the last."""
    texts = [""]
    for segment in message.segments:
        if segment.kind == "call":
            texts.append("")
        elif segment.kind == "text":
            texts[-1] += segment.raw
    return texts


def _early(found: Decoded) -> bool:
    spec, message = found.spec, found.trial.message
    if spec is None or message is None:
        return False
    values = (value for call in message.calls for value in call.arguments.values() if isinstance(value, str))
    value = next(values, message.text)
    try:
        text = encode([Call("write_file", {"path": "a", "content": value})], spec, [WRITE_FILE])
    except EncodeError:
        return False
    start = len(text)
    if value.isalnum() and value.isascii():
        # No marker starts with a letter or a digit, so that nothing at all may be held back.
        start = encode([Call("write_file", {"path": "a", "content": _SEED})], spec, [WRITE_FILE]).index(_SEED)
    lengths = [len(marker) for marker in spec.markers] or [0]
    # R-CLOSE2 holds a second closer, which may be the longest marker there is.
    bound = sum(lengths) + max(lengths) + 2 * _MAX_SLOT
    opener = spec.call.open.literals
    decoder, emitted = Decoder(spec, [WRITE_FILE]), ""
    for at, character in enumerate(text):
        events = decoder.feed(character)
        emitted += "".join(e.text for e in events if isinstance(e, ev.ArgumentDelta) and e.key == "content")
        held = decoder.pending
        # R-DEPTH: what follows decides whether a call that nobody declared is a mention.
        ahead = MAX_GAP if opener and all(literal in held for literal in opener) else 0
        if len(held) > bound + ahead + sum(map(str.isspace, held)):
            _broken(found, EARLY, "more is held back than could be markup", bound, held, text[: at + 1])
        if start <= at < start + len(value) and emitted != value[: at - start + 1]:
            _broken(found, EARLY, "a value is held back", value[: at - start + 1], emitted, text[: at + 1])
    return True


def _broken(found: Decoded, law: Law, problem: str, expected: Any, got: Any, text: str) -> NoReturn:
    trial = replace(found.trial, text=text, chunks=())
    raise LawBroken(law, problem, expected, got, trial, found.dialect)


ROUND_TRIP: Final = Law(
    5,
    "round trip",
    "What `encode` writes, `parse` reads as the same calls, and what it could not, `encode` refuses.",
    _round_trip,
    every=2,
)
EARLY: Final = Law(
    8,
    "early",
    "A character of a string argument comes out as soon as nothing that may follow could make it markup.",
    _early,
    every=4,
)
