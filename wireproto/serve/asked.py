"""What a client asked for: the request for the server, and how its answer is read.

It must not know the network. Law: a request without tools, or with `tool_choice` none, has no decoder, so that nothing
in its answer can become a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from wireproto.adapters import own_text
from wireproto.adapters.history import CallIds, Turn
from wireproto.decode.decoder import Decoder
from wireproto.format.dialect import Dialect
from wireproto.serve.settings import ModelSettings
from wireproto.serve.stream.chunks import chunk_of
from wireproto.tools.toolset import Toolset
from wireproto.values.errors import WireprotoError
from wireproto.values.model import Message


class Refused(WireprotoError):
    """A request that is answered with an error: its HTTP status, and what was wrong."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request.

    `chat` is the body for the server, of Chat Completions; `own` the body as the client sent it. `tools` are None
    where nothing can be a call. `choice` is the tool choice, as Chat Completions spells it. `turns` is the
    conversation. `plain_ids`: the client's API takes no ids but of letters, digits, `_` and `-`. `dropped`:
    kinds of tools that only another server has. `path`: where the request goes, if not where it came. `read` and
    `read_whole` make an event of the server's stream, and its whole answer, one of Chat Completions. `dialect`: one
    that only this conversation has, in place of that of the settings. `base`: the request before a grammar was added to
    it. `fell_back`: why the server did not take it with that. `free_form`: the names of tools that take free text;
    for the model they are functions with one text. `namespaces`: by the name that the model knows, those of the client.
    """

    settings: ModelSettings
    model: str
    chat: dict[str, Any]
    own: Mapping[str, Any]
    tools: Toolset | None
    choice: Any = None
    turns: Sequence[Turn] = ()
    plain_ids: bool = False
    dropped: tuple[str, ...] = ()
    path: str = ""
    dialect: Dialect | None = None
    read: Callable[[str], dict[str, Any]] = chunk_of
    read_whole: Callable[[Any], Any] | None = None
    base: Asked | None = None
    fell_back: str = ""
    free_form: frozenset[str] = frozenset()
    namespaces: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def streams(self) -> bool:
        """Whether the client wants a stream."""
        return self.own.get("stream") is True

    @property
    def wants_call(self) -> bool:
        """Whether an answer without a call is wrong."""
        return self.choice == "required" or isinstance(self.choice, Mapping)

    def without_grammar(self) -> Asked | None:
        """Return the request as the mode "repair" sends it, None if no grammar of ours was in it."""
        if self.base is None or self.settings.mode != "constrain":
            return None
        return replace(self.base, settings=replace(self.base.settings, mode="repair"))

    def because(self, why: str) -> Asked:
        """Return the request with the reason why it is not the one that was to be sent."""
        return replace(self, fell_back=why)

    @property
    def format(self) -> str | Dialect:
        """The dialect that the model writes: the one of the settings, or one with a salt of its own."""
        return self.settings.dialect if self.dialect is None else self.dialect

    def decoder(self) -> Decoder | None:
        """Return a decoder for one answer."""
        if self.tools is None:
            return None
        settings = self.settings
        return Decoder(
            self.format,
            self.tools,
            policy=settings.policy,
            reasoning_open=settings.reasoning_open,
            # Under our grammar a call that was forced is in the format's own markup.
            forced=self.choice if self.wants_call and settings.mode == "repair" else None,
        )

    def own_text(self, message: Message | None) -> str:
        """Return what the client is to bring back of an answer: in `raw`, its text as the model wrote it."""
        return own_text(message, self.format) if self.settings.mode == "raw" and message is not None else ""

    def ids(self) -> CallIds:
        """Return what gives ids to the calls of one answer."""
        return CallIds(None, self.turns, plain=self.plain_ids)


def toolset_of(tools: Any, choice: Any) -> Toolset | None:
    """Return the tools of a chat request that can be called; None if there is none.

    Raises:
        SchemaError: a definition is wrong.
    """
    if not isinstance(tools, list) or choice == "none":
        return None
    functions = [tool for tool in tools if isinstance(tool, Mapping) and tool.get("type", "function") == "function"]
    if not functions:
        return None
    return Toolset.of(functions)
