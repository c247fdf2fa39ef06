"""A whole message as the stretches that an API shows, in the order of the model's text.

Law: the stretches of text join to `Message.text`, those of reasoning to `Message.reasoning`, and each call is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from wireproto.values.model import Call, Message, SegmentKind, Span

_PROSE: Final[tuple[SegmentKind, ...]] = ("reasoning", "text")


class Stretch(NamedTuple):
    """A stretch of text or of reasoning."""

    kind: SegmentKind
    text: str


def parts_of(message: Message) -> Iterator[Stretch | Call]:
    """Yield what a message is made of; markup and documents are left out.

    A message that was not decoded, or was changed since, has its reasoning first, then its text, then its calls. Calls
    that were promoted come last: their text was shown as text.
    """
    placed: dict[Span, list[Call]] = {}
    for call in message.calls:
        placed.setdefault(call.span, []).append(call)
    stretches = {kind: "".join(each.raw for each in message.segments if each.kind == kind) for kind in _PROSE}
    shown: dict[SegmentKind, str] = {"reasoning": message.reasoning, "text": message.text}
    if stretches != shown:
        yield from (Stretch(kind, text) for kind, text in shown.items() if text)
        yield from message.calls
        return
    for segment in message.segments:
        if segment.kind == "call" and placed.get(segment.span):
            yield placed[segment.span].pop(0)
        elif segment.kind in _PROSE:
            yield Stretch(segment.kind, segment.raw)
    yield from (call for calls in placed.values() for call in calls)
