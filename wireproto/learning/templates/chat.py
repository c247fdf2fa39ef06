"""Conversations as a chat template writes them: the sentinels that are looked for, and how a template wants its input.

It must not know formats. Law: what is asked is a conversation that begins with a user and that any template may get.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Final

from wireproto.learning.findings import ID, IDS, KEY, KEYS, NAME, NAMES, VALUE, Unlearnable
from wireproto.learning.templates.rendering import TemplateProcess

USER, CONTENT, THOUGHT, RESULT = "uqxuser", "cqxcontent", "rqxthought", "oqxoutput"
BOS, EOS = "<|qx_bos|>", "<|qx_eos|>"
# How the id of a call holds the tool's name in the one family that writes the id alone.
NAMED_ID: Final = "functions.{name}:{index}"
Call = tuple[str, Mapping[str, Any], str]  # the tool's name, the arguments, the id
Message = Mapping[str, Any]
_PROPERTIES: Final = {key: {"type": "string", "description": "d"} for key in KEYS}
TOOLS: Final = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "d",
            "parameters": {"type": "object", "properties": _PROPERTIES, "required": []},
        },
    }
    for name in NAMES
]


@dataclass(frozen=True, slots=True)
class InputStyle:
    """How a template wants its input.

    `as_text`: arguments are JSON text, not an object. `content` is that of a message that only calls. `mutable`: the
    template changes lists, which the sandbox of transformers forbids. `variables` are given beside the messages.
    `thought` is the member of a message that holds reasoning.
    """

    as_text: bool = False
    content: str | None = ""
    mutable: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    thought: str = "reasoning_content"


@dataclass(frozen=True, slots=True)
class Chat:
    """A template and the input that it wants: asked for what it writes behind the message of a user."""

    process: TemplateProcess
    style: InputStyle = InputStyle()
    id_form: str = ""  # of an id that holds the tool's name

    def with_style(self, **changes: Any) -> Chat:
        """Return the same template with other input."""
        return replace(self, style=replace(self.style, **changes))

    def identity(self, index: int, name: str = NAME) -> str:
        """Return the id of a call."""
        if not self.id_form:
            return IDS[index]
        return self.id_form.replace("{name}", name).replace("{index}", str(index))

    def call(self, index: int, arguments: Mapping[str, Any] | None = None) -> Call:
        """Return a call of the sentinel tool."""
        return NAME, {KEY: VALUE} if arguments is None else arguments, self.identity(index)

    def whole(
        self, messages: Sequence[Message], *, prompt: bool = False, tools: Any = TOOLS, **more: Any
    ) -> str | None:
        """Return all that a template writes of a conversation; None if it raises. `prompt`: for a turn to come."""
        variables = {
            "messages": messages,
            "tools": tools,
            "bos_token": BOS,
            "eos_token": EOS,
            "add_generation_prompt": prompt,
            **self.style.variables,
            **more,
        }
        return self.process.render(variables, self.style.mutable)

    def after_user(self, messages: Sequence[Message] = (), **more: Any) -> str | None:
        """Return what is written behind a user's message; None if the template raises or does not write it."""
        text = self.whole([{"role": "user", "content": USER}, *messages], **more)
        return None if text is None or USER not in text else text[text.rfind(USER) + len(USER) :]

    def calling(self, calls: Sequence[Call], content: str | None = None, thought: str | None = None) -> Message:
        """Return the message of an assistant that calls tools."""
        message: dict[str, Any] = {"role": "assistant", "content": self.style.content if content is None else content}
        if thought is not None:
            message[self.style.thought] = thought
        message["tool_calls"] = [
            {
                "id": identity,
                "type": "function",
                "function": {
                    "name": name,
                    "arguments": json.dumps(arguments, ensure_ascii=False) if self.style.as_text else arguments,
                },
            }
            for name, arguments, identity in calls
        ]
        return message

    def calls(
        self,
        calls: Sequence[Call],
        more: Sequence[Message] = (),
        content: str | None = None,
        thought: str | None = None,
    ) -> str | None:
        """Return what is written behind a user's message for a turn with calls, and for more messages."""
        return self.after_user([self.calling(calls, content, thought), *more])


def results(calls: Sequence[Call], contents: Sequence[str]) -> list[Message]:
    """Return the messages with the results of calls."""
    return [
        {"role": "tool", "tool_call_id": identity, "name": name, "content": content}
        for (name, _, identity), content in zip(calls, contents, strict=True)
    ]


def styled(process: TemplateProcess, id_form: str = "", variables: Mapping[str, Any] | None = None) -> Chat:
    """Return a template with the input under which it writes names, keys and values, each once and as they are.

    Raises:
        Unlearnable: it writes no calls under any.
    """
    probe: Call = (NAME, {KEY: VALUE, KEYS[1]: [True, 'q"\n']}, ID)
    extras: tuple[Mapping[str, Any], ...] = ({}, {"functions": json.dumps(TOOLS), "datetime": "now"})
    found: list[tuple[tuple[bool, bool, bool, bool, int], int, Chat]] = []
    dropped, failure = False, ""
    for mutable, extra, as_text, content in product((False, True), extras, (False, True), ("", None)):
        style = InputStyle(as_text, content, mutable, {**extra, **(variables or {})})
        chat = Chat(process, style)
        text = chat.calls([probe])
        if text is None:
            failure = failure or process.error
            continue
        names_by_id = NAME not in text and ID in text
        if KEY not in text or VALUE not in text or not (NAME in text or names_by_id):
            dropped = True
            continue
        twice, as_python = f'\\"{KEY}' in text, f"'{KEY}': " in text
        named = replace(chat, id_form=id_form or (NAMED_ID if names_by_id else ""))
        found.append(((twice, as_python, mutable, as_text, len(text)), len(found), named))
    if not found:
        raise Unlearnable(
            "the chat template writes no tool calls" if dropped else f"the chat template raises {failure}"
        )
    return min(found, key=lambda each: each[:2])[2]
