"""What only the author of an answer reads, where clients keep it and bring it back: its own text, and its thoughts.

A chat template writes calls as it does, not as the model did, and a prefix cache holds only for what comes back byte
for byte. Clients of Chat Completions keep fields of a call that they do not know. Those of Messages and Responses keep
what only its author can read, the signature of a thought and encrypted reasoning, and some drop a thought without it.
There the text is sealed, which hides nothing. Law: what `sealed` made opens to its text; anything else, as a signature
of somebody else, does not open.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, Literal

from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect as find_dialect
from wireproto.values.model import Message

# No base 64 has a full stop in it, so that this cannot be what a vendor of models signs or encrypts.
_SEALED: Final = re.compile(r"(wireproto\.(raw|thought)\.1\.([A-Za-z0-9_-]+))\.([0-9a-f]{32})")
SIGNED: Final = "wireproto.signed.1"
"""The signature of a thought whose text goes along: clients keep no thought without one."""
_MOST: Final = 1 << 19  # characters; a longer text is not worth a place in each request that follows
_FIELDS: Final = ("extra_content", "wireproto", "raw")


def own_text(message: Message, dialect: str | Dialect | None = None) -> str:
    """Return the text of a decoded message as the model wrote it, from the end of its reasoning on.

    It is empty where a template would write the same, as there are no calls, and where the text cannot stand for the
    message: a call is incomplete, or reasoning follows a call. `dialect`: the one whose tokens for the end of a turn
    are left out, since the template writes them.
    """
    kinds = [segment.kind for segment in message.segments]
    if "call" not in kinds or not all(call.complete for call in message.calls):
        return ""
    thoughts = [i for i, kind in enumerate(kinds) if kind == "reasoning"]
    # Behind reasoning comes its closer, with the white space that the template writes there.
    begin = thoughts[-1] + 1 if thoughts else 0
    begin += bool(thoughts) and kinds[begin] == "markup"
    if kinds.index("call") < begin:
        return ""
    text = "".join(segment.raw for segment in message.segments[begin:])
    ends = () if dialect is None else find_dialect(dialect).ends
    if kinds[-1] == "markup":
        last = message.segments[-1].raw
        found = min((at for end in ends if (at := last.find(end)) >= 0), default=len(last))
        text = text[: len(text) - len(last) + found]
    return text


Kind = Literal["raw", "thought"]


def sealed(text: str, kind: Kind = "raw") -> str:
    """Return a text as a signature, or as encrypted reasoning; empty if it is, or longer than half a million.

    `kind`: whether it is the own text of an answer or a thought.
    """
    if not text or len(text) > _MOST:
        return ""
    body = f"wireproto.{kind}.1." + urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")
    return f"{body}.{_checksum(body)}"


def opened(given: str, kind: Kind = "raw") -> str:
    """Return the text that was sealed; empty if this is something else, or was changed since."""
    found = _SEALED.fullmatch(given) if len(given) <= 6 * _MOST else None
    if found is None or found[2] != kind or _checksum(found[1]) != found[4]:
        return ""
    try:
        text = urlsafe_b64decode(found[3] + "=" * (-len(found[3]) % 4)).decode("utf-8", "surrogatepass")
    except (Error, ValueError):
        return ""
    return text if len(text) <= _MOST else ""


def is_ours(given: str) -> bool:
    """Return whether a signature, or encrypted reasoning, is from here, whatever became of it."""
    return given.startswith("wireproto.")


def _checksum(body: str) -> str:
    return sha256(body.encode("ascii")).hexdigest()[:32]


def own_text_field(text: str) -> dict[str, Any]:
    """Return the field of a call in Chat Completions that holds the text of its answer, if there is some."""
    if not text or len(text) > _MOST:
        return {}
    found: Any = text
    for key in reversed(_FIELDS):
        found = {key: found}
    return dict(found)


def own_text_of(calls: Sequence[Any]) -> str:
    """Return the text of the answer that the calls of a chat message are from, if one of them holds it."""
    for call in calls:
        found = call
        for key in _FIELDS:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, str) and len(found) <= _MOST:
            return found
    return ""
