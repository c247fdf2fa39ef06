"""Conversations as the APIs have them, read into turns of messages and results, and written as chat messages again.

It must not know a wire format, a server or an SDK. Law: reading a conversation either gives turns with every text, call
and result of it, in order, or is a `ShapeError` that names the place.
"""

from wireproto.adapters.history.anthropic import from_anthropic
from wireproto.adapters.history.chat import from_chat, joined, to_chat
from wireproto.adapters.history.ids import CallIds, with_wire_ids
from wireproto.adapters.history.responses import from_responses
from wireproto.adapters.history.turns import Turn

__all__ = ["CallIds", "Turn", "from_anthropic", "from_chat", "from_responses", "joined", "to_chat", "with_wire_ids"]
