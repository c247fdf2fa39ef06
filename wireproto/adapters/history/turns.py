"""One turn of a conversation, whatever API it came from, and what all readers of APIs share.

It must not know any API. Law: the turns are in the order of the conversation, and each result names the tool that was
called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Union

from wireproto.values.errors import ShapeError
from wireproto.values.fields import Fields
from wireproto.values.model import Call, Message
from wireproto.values.quoting import quoted
from wireproto.write.results import ToolResult

Role = Literal["system", "user", "assistant", "tool"]
Content = Union[str, tuple[dict[str, Any], ...]]
ROLES: Final[dict[str, Role]] = {"system": "system", "developer": "system", "user": "user"}  # of OpenAI's APIs
UNKNOWN_TOOL: Final = "unknown"  # the name of a tool whose call is not in the conversation any more


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said in a row.

    `role`: who speaks. `content`: what "system" and "user" say, a text or parts as in a chat message, pictures too.
    `message`: what the model said, thought and called ("assistant"). `results`: what the tools returned ("tool").
    `opaque`: what belongs to the reasoning and only its author can read, as it came: signatures, encrypted content.
    `own`: the answer's text as the model wrote it, behind its reasoning, if the client brought it back.
    """

    role: Role
    content: Content = ""
    message: Message = field(default_factory=Message)
    results: tuple[ToolResult, ...] = ()
    opaque: tuple[Mapping[str, Any], ...] = ()
    own: str = ""


def with_names(turns: Iterable[Turn]) -> list[Turn]:
    """Return the turns with the name of its tool in each result, which most APIs leave to the id of the call."""
    names: dict[str | None, str] = {}
    found: list[Turn] = []
    for turn in turns:
        names.update({call.id: call.name for call in turn.message.calls})
        named = tuple(
            replace(result, name=result.name or names.get(result.id, UNKNOWN_TOOL)) for result in turn.results
        )
        found.append(replace(turn, results=named) if named else turn)
    return found


def call_of(name: str, arguments: object, identity: str | None) -> Call:
    """Return a call whose arguments are an object, or JSON text of one; other text is an incomplete call.

    Clients send back what a cut answer left of a call. It was not run, and what is left of it is no JSON.
    """
    if arguments is None or (isinstance(arguments, str) and not arguments.strip()):
        return Call(name, {}, identity)
    try:
        value = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        value = None
    return Call(name, value, identity) if isinstance(value, dict) else Call(name, {}, identity, complete=False)


def items(value: object, where: str) -> Iterator[tuple[str, Fields]]:
    """Yield the objects of a list, each with how errors name it."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise ShapeError(f"{where}: expected a list, not {type(value).__name__}")
    for i, item in enumerate(value):
        yield f"{where}[{i}]", Fields.of(item, f"{where}[{i}]")


def not_read(where: str, kind: object) -> ShapeError:
    """Return the error for something that a chat with tools cannot express."""
    return ShapeError(f"{where}: {quoted(str(kind))} is not supported here")


def read_content(value: object, where: str, part: Callable[[Fields, str], dict[str, Any]]) -> Content:
    """Read what is said: null, a text, or a list whose items `part` makes parts of a chat message."""
    if value is None or isinstance(value, str):
        return value or ""
    return content_of([part(item, place) for place, item in items(value, where)])


def content_of(parts: Sequence[dict[str, Any]]) -> Content:
    """Return the parts of a chat message, or their text if they are nothing else."""
    if all(part["type"] == "text" and part.keys() <= {"type", "text"} for part in parts):
        return "".join(part["text"] for part in parts)
    return tuple(parts)


def text_of(content: Content) -> str:
    """Return the text of a content, without what is not text."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


def without_text(content: Content) -> tuple[dict[str, Any], ...]:
    """Return the parts of a content that are not text."""
    return () if isinstance(content, str) else tuple(part for part in content if part["type"] != "text")


def results_and_pictures(found: Sequence[tuple[ToolResult, Content]]) -> Iterator[Turn]:
    """Yield a turn of results; pictures in them follow as a turn of the user: a tool can only say text."""
    if found:
        yield Turn("tool", results=tuple(replace(result, content=text_of(content)) for result, content in found))
    pictures = tuple(part for _, content in found for part in without_text(content))
    if pictures:
        yield Turn("user", pictures)
