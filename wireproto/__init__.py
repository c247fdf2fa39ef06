"""wireproto: what a language model writes, turned into tool calls, and back.

>>> import wireproto as wp
>>> message = wp.parse('<tool_call>\\n{"name": "f", "arguments": {"x": 1}}\\n</tool_call>', dialect="hermes")
>>> message.calls[0].name, message.calls[0].arguments
('f', {'x': 1})
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wireproto.decode.decoder import Decoder, parse
    from wireproto.decode.iterate import aiter_events, iter_events
    from wireproto.decode.prefix import prefix_state
    from wireproto.documents.reading import document
    from wireproto.format.dialect import Dialect
    from wireproto.format.registry import dialect, dialects
    from wireproto.grammars.api.api import Grammar, grammar
    from wireproto.learning.templates.known import dialect_for
    from wireproto.learning.templates.learning import learn
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
    "learn",
    "new_id",
    "parse",
    "prefix_state",
    "prompt",
    "render_results",
]


# Every public name, by its module, which is loaded when the name is first asked for: the command line can answer to a
# Ctrl-C before anything is loaded, and whoever only encodes needs no decoder.
_HOMES: Final = {
    "ArgumentDelta": "values.events",
    "ArgumentEnd": "values.events",
    "ArgumentStart": "values.events",
    "Call": "values.model",
    "CallEnd": "values.events",
    "CallIdentified": "values.events",
    "CallStart": "values.events",
    "Candidate": "recover.classify",
    "Decoder": "decode.decoder",
    "Diagnosed": "values.events",
    "Diagnosis": "values.model",
    "Dialect": "format.dialect",
    "DialectError": "values.errors",
    "Document": "values.model",
    "DocumentDelta": "values.events",
    "DocumentEnd": "values.events",
    "DocumentStart": "values.events",
    "DocumentType": "values.document_types",
    "EncodeError": "values.errors",
    "Event": "values.events",
    "Grammar": "grammars.api.api",
    "GrammarError": "values.errors",
    "LimitExceeded": "values.errors",
    "Limits": "values.policy",
    "Loops": "values.policy",
    "Message": "values.model",
    "MissingExtra": "values.errors",
    "Policy": "values.policy",
    "PolicyError": "values.errors",
    "ReasoningDelta": "values.events",
    "SchemaError": "values.errors",
    "Segment": "values.model",
    "ShapeError": "values.errors",
    "Span": "values.model",
    "TextDelta": "values.events",
    "ToolResult": "write.results",
    "Tools": "tools.toolset",
    "Toolset": "tools.toolset",
    "Verdict": "recover.classify",
    "WireprotoError": "values.errors",
    "aiter_events": "decode.iterate",
    "classify": "recover.classify",
    "convert": "write.convert",
    "dialect": "format.registry",
    "dialect_for": "learning.templates.known",
    "dialects": "format.registry",
    "document": "documents.reading",
    "encode": "write.encoder",
    "grammar": "grammars.api.api",
    "iter_events": "decode.iterate",
    "learn": "learning.templates.learning",
    "new_id": "write.ids",
    "parse": "decode.decoder",
    "prefix_state": "decode.prefix",
    "prompt": "write.prompt",
    "render_results": "write.results",
}


def __getattr__(name: str) -> Any:
    """Load a public name that was not used yet."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found  # the next time it is there
    return found


def __dir__() -> list[str]:
    """Name what is there, loaded or not."""
    return sorted({*globals(), *__all__})
