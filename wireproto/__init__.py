"""wireproto: what a language model writes, turned into tool calls, and back.

>>> import wireproto as wp
>>> message = wp.parse('<tool_call>\\n{"name": "f", "arguments": {"x": 1}}\\n</tool_call>', dialect="hermes")
>>> message.calls[0].name, message.calls[0].arguments
('f', {'x': 1})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wireproto.decode.decoder import Decoder, parse
from wireproto.decode.iterate import aiter_events, iter_events
from wireproto.documents.reading import document
from wireproto.format.detection import dialect_for
from wireproto.format.dialect import Dialect
from wireproto.format.registry import dialect, dialects
from wireproto.recover.classify import Candidate, Verdict, classify
from wireproto.tools.toolset import Tools, Toolset
from wireproto.values.document_types import DocumentType
from wireproto.values.errors import (
    DialectError,
    EncodeError,
    GrammarError,
    LimitExceeded,
    MissingExtra,
    PolicyError,
    SchemaError,
    ShapeError,
    WireprotoError,
)
from wireproto.values.events import (
    ArgumentDelta,
    ArgumentEnd,
    ArgumentStart,
    CallEnd,
    CallIdentified,
    CallStart,
    Diagnosed,
    DocumentDelta,
    DocumentEnd,
    DocumentStart,
    Event,
    ReasoningDelta,
    TextDelta,
)
from wireproto.values.model import Call, Diagnosis, Document, Message, Segment, Span
from wireproto.values.policy import Limits, Loops, Policy
from wireproto.write.convert import convert
from wireproto.write.encoder import encode
from wireproto.write.ids import new_id
from wireproto.write.prompt import prompt
from wireproto.write.results import ToolResult, render_results

if TYPE_CHECKING:
    from wireproto.grammars.api.api import Grammar, grammar

__version__ = "0.1.0"

__all__ = [
    "ArgumentDelta",
    "ArgumentEnd",
    "ArgumentStart",
    "Call",
    "CallEnd",
    "CallIdentified",
    "CallStart",
    "Candidate",
    "Decoder",
    "Diagnosed",
    "Diagnosis",
    "Dialect",
    "DialectError",
    "Document",
    "DocumentDelta",
    "DocumentEnd",
    "DocumentStart",
    "DocumentType",
    "EncodeError",
    "Event",
    "Grammar",
    "GrammarError",
    "LimitExceeded",
    "Limits",
    "Loops",
    "Message",
    "MissingExtra",
    "Policy",
    "PolicyError",
    "ReasoningDelta",
    "SchemaError",
    "Segment",
    "ShapeError",
    "Span",
    "TextDelta",
    "ToolResult",
    "Tools",
    "Toolset",
    "Verdict",
    "WireprotoError",
    "aiter_events",
    "classify",
    "convert",
    "dialect",
    "dialect_for",
    "dialects",
    "document",
    "encode",
    "grammar",
    "iter_events",
    "new_id",
    "parse",
    "prompt",
    "render_results",
]


def __getattr__(name: str) -> Any:
    """Load what makes grammars when it is first asked for: whoever only decodes does not need it."""
    if name not in ("Grammar", "grammar"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from wireproto.grammars.api import api

    return getattr(api, name)
