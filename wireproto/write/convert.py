"""A message of one dialect in the words of another.

It knows no format: it decodes and encodes. Its law: what is returned decodes to the same text, reasoning and calls in
the same order as what was given; whatever would not is an `EncodeError`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wireproto.decode.decoder import parse
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.tools.exact import ROUNDED
from wireproto.tools.toolset import Tools, Toolset
from wireproto.values.errors import EncodeError
from wireproto.values.model import Message
from wireproto.values.policy import Policy
from wireproto.values.quoting import quoted
from wireproto.write.encoder import encode, placed


def convert(text: str, source: str | Dialect, target: str | Dialect, tools: Tools = None) -> str:
    """Write an output in the dialect `source` as a model of the dialect `target` would have written it.

    With `tools`, raw values get the types that their schema declares; without them they are text. Numbers keep their
    digits. Ids are kept if
    they fit the target. White space between markup is the target's own. A call that was repaired is written in its
    correct form; one that is only quoted or drafted remains text.

    Raises:
        EncodeError: a call is incomplete, or the target cannot carry the message; names call and argument.
        DialectError, SchemaError: as `Decoder` does.
    """
    spec = find_dialect(target)
    known = Toolset.of(tools)
    message = parse(text, source, known)
    policy = None
    if any(found.code == ROUNDED for found in message.diagnoses):
        policy = Policy(decimals=True)  # a float would lose digits
        message = parse(text, source, known, policy=policy)
    for index, call in enumerate(message.calls):
        if not call.complete:
            reason = next((found.message for found in call.diagnoses if found.severity == "defect"), "it was cut off")
            raise EncodeError(f"call {index} ({quoted(call.name)}) is incomplete and cannot be converted: {reason}")
    written = _write(message, spec, known)
    if _outline(parse(written, spec, known, policy=policy)) != _outline(message):
        raise EncodeError(f"{spec.name} cannot carry this: text, reasoning and calls would come back in another order")
    return written


def _write(message: Message, target: Dialect, tools: Toolset) -> str:
    try:
        return encode(message, target, tools)
    except EncodeError:
        if all(call.id is None for call in message.calls):
            raise
    # Ids are another format's: where they do not fit, the target's own do.
    calls = tuple(replace(call, id=None) for call in message.calls)
    return encode(replace(message, calls=calls), target, tools)


def _outline(message: Message) -> list[tuple[str, Any]]:
    """Return the text, reasoning and calls of a decoded message in order, adjacent text joined.

    Line breaks before a call are left out: in some formats they are text, in others they belong to the call.
    """
    outline: list[tuple[str, Any]] = []
    calls = placed(message)
    for segment in message.segments:
        if segment.kind == "call":
            call = next(calls)
            if outline and outline[-1][0] == "text":
                outline[-1] = ("text", outline[-1][1].rstrip("\n"))
            outline.append(("call", (call.name, call.arguments)))
        elif segment.kind != "markup" and outline and outline[-1][0] == segment.kind:
            outline[-1] = (segment.kind, outline[-1][1] + segment.raw)
        elif segment.kind != "markup":
            outline.append((segment.kind, segment.raw))
    return outline
