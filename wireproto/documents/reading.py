"""Documents as plain data: text in XML, HTML, TOML or JSON is read into a `Document`.

It must not know dialects or where text comes from. Law: every text gives a `Document`: with a value that JSON can
express, or without a value and with a diagnosis that says where the text is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from wireproto.documents.boundaries import find_documents
from wireproto.documents.trees import Malformed, html_tree, xml_tree
from wireproto.text import toml
from wireproto.text.json_repair import Unreadable
from wireproto.text.json_repair import loads as lenient_loads
from wireproto.text.json_safe import json_safe
from wireproto.text.numbers import MAX_DIGITS
from wireproto.text.scan import BLANK
from wireproto.values.diagnoses import diagnose
from wireproto.values.document_types import DocumentFormat, DocumentType, require_parser
from wireproto.values.exact_json import MAX_DEPTH
from wireproto.values.model import Document, Span
from wireproto.values.policy import Policy
from wireproto.values.quoting import escaped

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
    """Read text as a document of a type and check it against the schema; `depth`: how deep its value may nest."""
    limit = min(depth, MAX_DEPTH) if depth is not None else MAX_DEPTH
    if not complete:
        problems = [("truncated-document", f"{kind.name}: the text ends before the document's closer")]
        return _document(kind.name, kind.format, None, text, span, problems, key, complete)
    body, lines = (text, 0) if kind.fence is None else _inside(text)
    try:
        value, problems = _read(kind.format, body, kind.root, limit)
    except Malformed as error:
        return _document(kind.name, kind.format, None, text, span, [_malformed(kind.name, error, lines)], key)
    mismatch = kind.problem(value)
    if mismatch:
        problems.append(("document-invalid", f"{kind.name}: {mismatch}"))
    return _document(kind.name, kind.format, value, text, span, problems, key)


def nested_documents(arguments: Mapping[str, Any], policy: Policy) -> list[Document]:
    """Return the documents of the policy's types in those arguments of a call that are strings, in order."""
    return [
        read_document(found.kind, value[found.start : found.end], (found.start, found.end), found.complete, key, depth)
        for depth in (policy.limits.max_depth,)
        for key, value in arguments.items()
        if isinstance(value, str)
        for found in find_documents(policy.documents, value, anywhere=True)
    ]


def document(value: object, format: DocumentFormat | None = None) -> Document | None:
    """Return the document that a whole text is, such as an argument of a call; None if it is not one.

    With a `format`, malformed text gives a document without a value and with a diagnosis. Without it, the format is
    found out. `Document.span` is in characters of `value`, without blanks around it.

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
        repaired = any(diagnosis.code == "json-repaired" for diagnosis in found.diagnoses)
        # A text of comments alone is TOML too, but nobody means a document by it.
        if not repaired and (found.value or (guess == "json" and found.value is not None)):
            return found
    return None


def _whole(form: DocumentFormat, text: str, span: tuple[int, int]) -> Document:
    require_parser(form, "document()")
    try:
        value, problems = _read(form, text, "html" if _PAGE.match(text) else None, MAX_DEPTH)
    except Malformed as error:
        return _document(form, form, None, text, span, [_malformed(form, error, 0)])
    return _document(form, form, value, text, span, problems)


def _formats(text: str) -> tuple[DocumentFormat, ...]:
    """Return the formats to try, by the first characters of a text."""
    if _PAGE.match(text):
        return ("html",)
    if text.startswith("<"):
        return ("xml", "html") if _HTML_ONLY.match(text) and text.endswith(">") else ("xml",)
    if text.startswith("{"):
        return ("json",)
    # The header of a TOML table looks like a JSON array.
    return ("json", "toml") if text.startswith("[") else ("toml",)


def _document(
    name: str,
    form: DocumentFormat,
    value: Any,
    text: str,
    span: tuple[int, int],
    problems: list[tuple[str, str]],
    key: str | None = None,
    complete: bool = True,
) -> Document:
    diagnoses = tuple(diagnose(code, span, message) for code, message in problems)
    return Document(name, form, value, text, complete, key, Span(*span), diagnoses, Span(*span))


def _malformed(name: str, error: Malformed, lines: int) -> tuple[str, str]:
    place = f" at line {error.line + lines}, column {error.column}" if error.line else ""
    return "document-malformed", f"{name}{place}: {error.message}"


def _inside(text: str) -> tuple[str, int]:
    """Return the text between the two lines of a fence, and how many lines come before it."""
    first, last = text.find("\n"), text.rfind("\n")
    return (text[first + 1 : last + 1] if first >= 0 else ""), 1


def _read(form: DocumentFormat, text: str, root: str | None, limit: int) -> _Read:
    """Return the value of a text, and diagnoses as code and message; Malformed if it cannot be read."""
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
    repaired = [("json-repaired", f"the document was read after repairs: {', '.join(reading.repairs)}")]
    return reading.value, repaired if reading.repairs else []


def _read_toml(text: str, limit: int) -> _Read:
    # `loads` refuses it too, but does not say where.
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
    named = ", ".join(map(escaped, safe.changed[:_MAX_NAMED])) + (", ..." if len(safe.changed) > _MAX_NAMED else "")
    changed = [("value-not-json", f"turned into a string, because JSON cannot express it: {named}")]
    return safe.value, changed if safe.changed else []
