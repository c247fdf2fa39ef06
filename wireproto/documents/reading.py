"""Documents to plain data: what a stretch of text holds that is written in XML, HTML, TOML or JSON.

It must not know calls' formats or where text comes from. Law: whatever the text, a `Document` comes back: with a value
that JSON can carry, or without one and with a diagnosis that says where it broke.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from wireproto.documents.boundaries import find_documents
from wireproto.documents.trees import Malformed, html_tree, xml_tree
from wireproto.text import toml
from wireproto.text.json_repair import MAX_DEPTH, MAX_DIGITS, Unreadable
from wireproto.text.json_repair import loads as lenient_loads
from wireproto.text.json_safe import json_safe
from wireproto.text.scan import BLANK
from wireproto.values.diagnoses import diagnose
from wireproto.values.document_types import DocumentFormat, DocumentType, require_parser
from wireproto.values.model import Document, Span
from wireproto.values.policy import Policy

_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_LONG_INTEGER: Final = re.compile(rf"[0-9_]{{{MAX_DIGITS + 1}}}")
_PAGE: Final = re.compile(r"<(?:!doctype html|html[\s>])", re.IGNORECASE)
# Elements that only HTML has, and that a fragment of a page begins with.
_HTML_ONLY: Final = re.compile(
    r"<(?:article|aside|body|button|div|em|fieldset|figure|footer|form|h[1-6]|head|header|hr|img|input|label|li|main|meta"
    r"|nav|ol|p|script|section|select|span|strong|style|svg|table|template|textarea|ul|video)[\s/>]",
    re.IGNORECASE,
)
_MAX_NAMED: Final = 5

_Read = tuple[Any, list[tuple[str, str]]]


def read_document(
    kind: DocumentType,
    text: str,
    span: tuple[int, int],
    complete: bool = True,
    key: str | None = None,
    depth: int | None = None,
) -> Document:
    """Return the document of a type that `text` is, read and held against its schema; `depth`: a limit of nesting."""
    limit = min(depth, MAX_DEPTH) if depth is not None else MAX_DEPTH
    if not complete:
        said = [("truncated-document", f"{kind.name}: the text ends before the document's closer")]
        return _document(kind.name, kind.format, None, text, span, said, key, complete)
    body, lines = (text, 0) if kind.fence is None else _inside(text)
    try:
        value, said = _read(kind.format, body, kind.root, limit)
    except Malformed as error:
        return _document(kind.name, kind.format, None, text, span, [_malformed(kind.name, error, lines)], key)
    problem = kind.problem(value)
    if problem:
        said.append(("document-invalid", f"{kind.name}: {problem}"))
    return _document(kind.name, kind.format, value, text, span, said, key)


def nested_documents(arguments: Mapping[str, Any], policy: Policy) -> list[Document]:
    """Return the documents of the policy's types in the strings among a call's arguments, in order."""
    return [
        read_document(found.kind, value[found.start : found.end], (found.start, found.end), found.complete, key, depth)
        for depth in (policy.limits.max_depth,)
        for key, value in arguments.items()
        if isinstance(value, str)
        for found in find_documents(policy.documents, value, anywhere=True)
    ]


def document(value: object, format: DocumentFormat | None = None) -> Document | None:
    """Return the document that a whole value is, such as an argument of a call; None if it is none.

    `format`: read it as this one alone; then text that is malformed gives a document without a value, and a diagnosis.
    Without it the format is found out. `Document.span` is in characters of `value`, blanks around it left out.

    Raises:
        MissingExtra: the parser of the format is not installed.
    """
    if not isinstance(value, str):
        return None
    text = value.strip(BLANK)
    start = value.find(text)
    span = (start, start + len(text))
    if format is not None:
        return _whole(format, text, span)
    for guess in _formats(text):
        found = _whole(guess, text, span)
        repaired = any(said.code == "json-repaired" for said in found.diagnoses)
        # Nothing but comments is TOML too; nobody means a document by it.
        if not repaired and (found.value or (guess == "json" and found.value is not None)):
            return found
    return None


def _whole(form: DocumentFormat, text: str, span: tuple[int, int]) -> Document:
    require_parser(form, "document()")
    try:
        value, said = _read(form, text, "html" if _PAGE.match(text) else None, MAX_DEPTH)
    except Malformed as error:
        return _document(form, form, None, text, span, [_malformed(form, error, 0)])
    return _document(form, form, value, text, span, said)


def _formats(text: str) -> tuple[DocumentFormat, ...]:
    """Return the formats that a text may be written in, by how it begins."""
    if _PAGE.match(text):
        return ("html",)
    if text.startswith("<"):
        return ("xml", "html") if _HTML_ONLY.match(text) and text.endswith(">") else ("xml",)
    if text.startswith("{"):
        return ("json",)
    # A table's header in TOML looks like an array.
    return ("json", "toml") if text.startswith("[") else ("toml",)


def _document(
    name: str,
    form: DocumentFormat,
    value: Any,
    text: str,
    span: tuple[int, int],
    said: list[tuple[str, str]],
    key: str | None = None,
    complete: bool = True,
) -> Document:
    diagnoses = tuple(diagnose(code, span, message) for code, message in said)
    return Document(name, form, value, text, complete, key, Span(*span), diagnoses, Span(*span))


def _malformed(name: str, error: Malformed, lines: int) -> tuple[str, str]:
    place = f" at line {error.line + lines}, column {error.column}" if error.line else ""
    return "document-malformed", f"{name}{place}: {error.message}"


def _inside(text: str) -> tuple[str, int]:
    """Return what stands between the two lines of a fence, and how many lines stand before it."""
    first, last = text.find("\n"), text.rfind("\n")
    return (text[first + 1 : last + 1] if first >= 0 else ""), 1


def _read(form: DocumentFormat, text: str, root: str | None, limit: int) -> _Read:
    """Return the value that a text spells, and what is to be said about it; Malformed if it spells none."""
    if form == "xml":
        # An element is two levels of plain data: itself and its children.
        return xml_tree(text, limit // 2), []
    if form == "html":
        return html_tree(text, root, limit // 2), []
    return _read_toml(text, limit) if form == "toml" else _read_json(text, limit)


def _read_json(text: str, limit: int) -> _Read:
    try:
        reading = lenient_loads(text, max_depth=limit)
    except Unreadable as error:
        raise Malformed.at(error.msg, text, error.pos) from None
    said = [("json-repaired", f"the document was read after repairs: {', '.join(reading.repairs)}")]
    return reading.value, said if reading.repairs else []


def _read_toml(text: str, limit: int) -> _Read:
    if (digits := _LONG_INTEGER.search(text)) is not None:
        raise Malformed.at("a number with too many digits", text, digits.start())
    try:
        value = toml.loads(text)
    except RecursionError:
        raise Malformed("nested too deeply") from None
    except ValueError as error:
        place = _PLACE.search(str(error))
        line, column = (place.group(1), place.group(2)) if place is not None else (None, None)
        message = _PLACE.sub("", str(error))
        if line is None:
            raise Malformed.at(message, text, len(text)) from None
        raise Malformed(message, int(line), int(column or 1)) from None
    safe = json_safe(value, limit)
    if safe.too_deep:
        raise Malformed(f"nested more than {limit} deep")
    named = ", ".join(safe.changed[:_MAX_NAMED]) + (", ..." if len(safe.changed) > _MAX_NAMED else "")
    said = [("value-not-json", f"told as a string, since JSON has no word for it: {named}")]
    return safe.value, said if safe.changed else []
