"""Where a model begins to write: whether the prompt left reasoning open.

Many chat templates end with the opener of reasoning, or with an empty frame of it, so the output alone does not show
where it begins. Law: the answer depends on the end of the prompt alone, back to the token that ended the turn before.
"""

from __future__ import annotations

from typing import Literal

from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.text.scan import BLANK

_TAIL = 16_384  # characters of a prompt that are looked at
_BEFORE = (">", "]", "\n")  # what stands before a marker that a template writes


def prefix_state(dialect: str | Dialect, prompt: str) -> Literal["reasoning", "text"]:
    """Return "reasoning" if the prompt ends in reasoning that it opened, "text" if not.

    Pass it on: `reasoning_open=wp.prefix_state(dialect, prompt) == "reasoning"`, to `parse`, `Decoder` and `grammar`.
    `prompt` is what the chat template rendered, or its end. Reasoning may be begun already, as a prefill does it. An
    opener in another turn, or in the middle of a line of text, is what somebody wrote.

    Raises:
        DialectError: there is no such dialect.
    """
    spec = find_dialect(dialect)
    tail = prompt[-_TAIL:]
    frames = [each.reasoning for each in (spec, *spec.variants) if each.reasoning is not None]
    openers = {frame.open.strip(BLANK) for frame in frames}
    at, opener = max((tail.rfind(each), each) for each in openers) if openers else (-1, "")
    # A prompt may end with the token that an opener begins with, if no other marker does: the model writes the rest.
    heads = {frame.open.strip(BLANK).removesuffix(frame.label.strip(BLANK)) for frame in frames if frame.label}
    if any(tail.rstrip(BLANK).endswith(head) and not _begins_another(spec, head) for head in heads):
        return "reasoning"
    if at < 0:
        return "text"
    rest = tail[at + len(opener) :]
    over = any(mark in rest for mark in (*(frame.close.strip(BLANK) for frame in frames), *spec.ends))
    begun = rest.strip(BLANK) != "" and tail[:at].rstrip(" \t")[-1:] not in ("", *_BEFORE)
    return "text" if over or begun else "reasoning"


def _begins_another(spec: Dialect, token: str) -> bool:
    """Return whether a marker that opens no reasoning begins with a token."""
    thoughts = {each.reasoning.open for each in (spec, *spec.variants) if each.reasoning is not None}
    return any(marker.strip(BLANK).startswith(token) for marker in spec.markers if marker not in thoughts)
