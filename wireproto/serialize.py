"""What the command line prints of the package's values, and reads: parts of what their `to_dict` says.

Law: what `message_json` makes of a message, `to_message` reads again, so that `parse` can be piped into `encode`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from wireproto.format.dialect import Dialect
from wireproto.recover.classify import Verdict
from wireproto.text.json_repair import dumps
from wireproto.text.json_strings import is_unicode
from wireproto.text.numbers import holds
from wireproto.text.visible import visible_json
from wireproto.values.errors import ShapeError
from wireproto.values.events import CallEnd, Diagnosed, DocumentEnd, Event
from wireproto.values.model import Call, Diagnosis, Document, Message


def to_json(value: Any, indent: int | None = None) -> str:
    """Return JSON that UTF-8 can carry and any terminal can show: readable, with escapes for characters that act.

    If it holds half of a surrogate pair, all that is not ASCII is an escape.
    """
    if holds(value, Decimal):
        return visible_json(dumps(value))  # on one line: nothing indents what only this writes
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return visible_json(text) if is_unicode(text) else json.dumps(value, indent=indent)


def call_json(call: Call) -> dict[str, Any]:
    """Return the call as the command line shows it."""
    return _part(call, "name", "arguments", "id", "complete")


def placed_call_json(call: Call) -> dict[str, Any]:
    """Return the call with where it stands and its own text, if it was decoded."""
    return _part(call, "name", "arguments", "id", "complete", "start", "end", "raw")


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the diagnosis as the command line shows it."""
    return _part(diagnosis, "code", "message", "start", "end", "severity")


def document_json(document: Document) -> dict[str, Any]:
    """Return the document as the command line shows it; its text is what its deltas joined to."""
    return _part(document, "name", "format", "value", "text", "complete", "key", "start", "end")


def _part(value: Call | Diagnosis | Document, *keys: str) -> dict[str, Any]:
    plain = value.to_dict()
    return {key: plain[key] for key in keys if key in plain}  # a call that was not decoded has no place


def message_json(message: Message) -> dict[str, Any]:
    """Return the message as the command line shows it."""
    shown = {
        "text": message.text,
        "reasoning": message.reasoning,
        "calls": [placed_call_json(call) for call in message.calls],
        "candidates": [placed_call_json(call) for call in message.candidates],
        "diagnoses": [diagnosis_json(diagnosis) for diagnosis in message.diagnoses],
    }
    # Only where document types were registered are there any.
    documents = [document_json(document) for document in message.documents]
    return shown | ({"documents": documents} if documents else {})


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as the command line shows it."""
    return {
        "label": verdict.label,
        "dialect": verdict.dialect,
        "text_len": verdict.text_len,
        "saw_start": verdict.saw_start,
        "saw_end": verdict.saw_end,
        "reasons": [diagnosis_json(reason) for reason in verdict.reasons],
        "candidates": [
            call_json(candidate.call)
            | {"label": candidate.label, "confidence": candidate.confidence, "assumes": list(candidate.assumes)}
            for candidate in verdict.candidates
        ],
        "message": message_json(verdict.message),
        "retry_message": verdict.retry_message(),
    }


def event_json(event: Event) -> dict[str, Any]:
    """Return the event as one flat object: its class name in snake case and its fields."""
    name = type(event).__name__
    shown: dict[str, Any] = {"event": "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")}
    if isinstance(event, Diagnosed):
        return shown | diagnosis_json(event.diagnosis)
    if isinstance(event, CallEnd):
        return shown | {"index": event.index, "call": call_json(event.call)}
    if isinstance(event, DocumentEnd):
        return shown | {"index": event.index, "document": document_json(event.document)}
    return shown | {field: getattr(event, field) for field in event.__dataclass_fields__}


def dialect_json(dialect: Dialect) -> dict[str, Any]:
    """Return what identifies a dialect."""
    return {
        "name": dialect.name,
        "aliases": list(dialect.aliases),
        "models": list(dialect.models),
        "codec": dialect.codec,
        "summary": dialect.summary,
    }


def to_message(value: Any) -> Message:
    """Return the message that JSON spells: a message, a list of calls, or one call; of a call the name is enough."""
    if isinstance(value, dict) and "name" in value:
        value = [value]
    if isinstance(value, list):
        value = {"calls": value}
    if not isinstance(value, dict) or not value.keys() & {"text", "reasoning", "calls"}:
        raise ShapeError('expected a call, a list of calls, or an object with "text", "reasoning" or "calls"')
    calls = value.get("calls")
    if isinstance(calls, list):
        calls = [{"arguments": {}, **call} if isinstance(call, dict) else call for call in calls]
    spoken = {key: value[key] for key in ("text", "reasoning") if key in value}
    return Message.from_dict({**spoken, "calls": calls}, "message")
