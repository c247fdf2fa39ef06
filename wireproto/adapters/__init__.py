"""Events and messages in the shapes of the APIs: Chat Completions, Responses and Anthropic's Messages.

Plain dicts and text out, and no client is imported. Law: a client that joins what a writer sends has the message that
the decoder has; it never takes an answer that was cut for a whole one.

>>> import wireproto as wp
>>> from wireproto.adapters import ChatWriter
>>> writer, decoder = ChatWriter("chatcmpl-1", "qwen", 0), wp.Decoder("hermes")
>>> chunks = writer.feed(decoder.feed('<tool_call>\\n{"name": "f", "arguments": {"x": 1}}\\n</tool_call>'))
>>> chunks += writer.feed(decoder.close("stop")) + writer.close("stop")
>>> chunks[1]["choices"][0]["delta"]["tool_calls"][0]["function"]
{'name': 'f', 'arguments': '{"x":1}'}
"""

from __future__ import annotations

from wireproto.adapters.chat import ChatWriter, chat_choice, chat_completion
from wireproto.adapters.ending import Ending, Usage
from wireproto.adapters.fragments import Fragments
from wireproto.adapters.ids import Ids, IdSource, Numbering, wire_id
from wireproto.adapters.messages import MessagesWriter, message_object
from wireproto.adapters.replay import own_text
from wireproto.adapters.responses import ResponsesWriter, response_object
from wireproto.adapters.writer import AnswerWriter, NativeDelta, Written

__all__ = [
    "AnswerWriter",
    "ChatWriter",
    "Ending",
    "Fragments",
    "IdSource",
    "Ids",
    "MessagesWriter",
    "NativeDelta",
    "Numbering",
    "ResponsesWriter",
    "Usage",
    "Written",
    "chat_choice",
    "chat_completion",
    "message_object",
    "own_text",
    "response_object",
    "wire_id",
]
