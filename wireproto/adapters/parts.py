"""A whole message as the stretches that an API shows, in the order of the model's text.

Law: the stretches of text join to `Message.text`, those of reasoning to `Message.reasoning`, and each call is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wireproto.values.model import Call, Message, SegmentKind


class Stretch(NamedTuple):
    """A stretch of text or of reasoning."""

    kind: SegmentKind
    text: str


def parts_of(message: Message) -> Iterator[Stretch | Call]:
    """Yield what a message is made of; markup and documents are left out.

    A message that was not decoded has its reasoning first, then its text, then its calls. So have calls that were
    promoted: their text was shown as text, and they come last.
    """
    if not message.segments:
        stretches = (Stretch("reasoning", message.reasoning), Stretch("text", message.text))
        yield from (stretch for stretch in stretches if stretch.text)
        yield from message.calls
        return
    by_span = {call.span: call for call in message.calls}
    for segment in message.segments:
        if segment.kind == "call":
            yield by_span.pop(segment.span)
        elif segment.kind in ("text", "reasoning"):
            yield Stretch(segment.kind, segment.raw)
    yield from by_span.values()
